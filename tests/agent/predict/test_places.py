"""How the places of sources are described: by groups or by subnets, whichever needs fewer names. A description never
includes other sources.
"""

from ipaddress import ip_address

import pytest

from agent.network.answers import SourceClass
from agent.predict import places


def source(number: int, subnet: str | None, *groups: str, interfaces: int = 2) -> SourceClass:
    return SourceClass(
        id=f"source-{number}",
        subnet_id=subnet,
        availability_zone=None,
        group_ids=groups,
        route_table_id=None,
        acl_id=None,
        addresses=(ip_address("10.0.0.0") + number,),
        interface_count=interfaces,
        interface_ids=(),
        instance_ids=(),
    )


EVERY = (
    source(1, "subnet-1", "sg-1"),
    source(2, "subnet-1", "sg-2"),
    source(3, "subnet-2", "sg-1"),
    source(4, "subnet-2", "sg-2"),
    source(5, "subnet-3", "sg-1", "sg-3"),
    source(6, None, interfaces=0),
    source(7, "subnet-4", interfaces=0),
)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((1, 3), "sg-1"),
        ((1, 2), "subnet-1"),
        ((1, 3, 5), "sg-1 and sg-1 with sg-3"),
        ((1, 2, 3), "sg-1; sg-2 in subnet-1"),
        ((1,), "sg-1 in subnet-1"),
        ((1, 4), "sg-1 in subnet-1; sg-2 in subnet-2"),
        ((5,), "sg-1 with sg-3"),
        ((6,), "10.0.0.6"),
        ((6, 7), "10.0.0.6 and subnet-4"),
        ((1, 2, 3, 4, 5, 6, 7), "every source"),
    ],
)
def test_a_name_stands_for_all_that_have_it(numbers: tuple[int, ...], words: str) -> None:
    assert places.where([f"source-{number}" for number in numbers], EVERY) == words


def test_of_many_places_the_first_are_named() -> None:
    every = [source(number, f"subnet-{number % 20}", f"sg-{number // 20}") for number in range(400)]
    words = places.where([one.id for number, one in enumerate(every) if number % 21 == 0], every)
    assert words.startswith("sg-0 in subnet-0; sg-1 in subnet-1; ")
    assert words.endswith("; sg-5 in subnet-5; and 14 more places")
    whole = places.where([one.id for number, one in enumerate(every) if number >= 200], every)
    assert whole == "sg-10, sg-11, sg-12, sg-13, sg-14 and 5 more"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((1, 3), "4 of 10 interfaces"), ((1, 6), "2 of 10 interfaces"), ((6, 7), "2 of 7 sources")],
)
def test_interfaces_are_counted_where_they_are_known(numbers: tuple[int, ...], words: str) -> None:
    assert places.share([f"source-{number}" for number in numbers], EVERY) == words
