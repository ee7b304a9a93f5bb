"""What hosts share: the exact test, thresholds, and which of several values wins."""

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import Final

import pytest

from agent.fleet.classes import Classes, HostClass
from agent.fleet.model import Attribute, Shared, SharedValue
from agent.fleet.sharing import Exposed, fisher, what_they_share

Values = Sequence[tuple[Attribute, str]]
SUBNET, ZONE, VPC, GROUP = Attribute.SUBNET, Attribute.ZONE, Attribute.VPC, Attribute.GROUP


def exactly(sick: int, total: int, all_sick: int, count: int) -> Fraction:
    ways = sum(comb(all_sick, n) * comb(count - all_sick, total - n) for n in range(sick, min(total, all_sick) + 1))
    return Fraction(ways, comb(count, total))


@pytest.mark.parametrize(
    ("sick", "total", "all_sick", "count"),
    [(5, 5, 5, 100), (5, 10, 8, 100), (40, 60, 50, 5000), (3, 8, 4, 13), (97, 98, 120, 5000), (6, 6, 6, 7)],
)
def test_chance_is_that_of_the_exact_test(sick: int, total: int, all_sick: int, count: int) -> None:
    assert fisher(sick, total, all_sick, count) == pytest.approx(float(exactly(sick, total, all_sick, count)), rel=1e-9)


def test_no_more_than_expected_is_no_sign() -> None:
    assert fisher(5, 50, 10, 100) == 1.0
    assert fisher(0, 50, 10, 100) == 1.0


def test_large_counts_stay_finite() -> None:
    assert fisher(500_000, 500_000, 500_000, 1_000_000) == 0.0
    assert 0 < fisher(50_500, 100_000, 500_000, 1_000_000) < 1e-2


def classes_of(rows: Sequence[Values]) -> Classes:
    """Classes of hosts, numbered from 0, each with its values."""
    numbers: dict[SharedValue, int] = {}
    of = {}
    for number, values in enumerate(rows):
        traits = [
            numbers.setdefault(SharedValue(attribute=attribute, value=value), len(numbers))
            for attribute, value in values
        ]
        of[number] = HostClass(
            traits=tuple(sorted(traits)),
            services=frozenset(),
            vpc=None,
            zone=None,
            subnet=None,
            account=None,
            region=None,
            groups=frozenset(),
        )
    return Classes(of, numbers)


def shared(rows: Sequence[tuple[Values, int, int]], *, least: int = 5, tests: int = 20) -> Shared | None:
    """What is found among classes of hosts, each with its values, its sick and its well hosts."""
    classes = classes_of([values for values, _, _ in rows])
    sick = {number: ill for number, (_, ill, _) in enumerate(rows) if ill}
    hosts = {number: ill + well for number, (_, ill, well) in enumerate(rows)}
    found = what_they_share(classes, sick, Exposed(classes, hosts), least=least, tests=tests)
    return None if found is None else found.shared


def words(found: Shared | None) -> list[str]:
    return [] if found is None else [f"{value.attribute}={value.value}" for value in found.values]


def test_one_value() -> None:
    found = shared([([(GROUP, "a")], 20, 0), ([(GROUP, "b")], 1, 300)])
    assert found is not None
    assert words(found) == ["group=a"]
    assert (found.sick, found.well) == (20, 0)
    assert found.coverage == pytest.approx(20 / 21)
    assert found.precision == 1.0
    assert found.lift == pytest.approx((20.5 / 21) / (1.5 / 302))
    assert found.p < 1e-20


def test_fewer_than_enough_are_not_named() -> None:
    rows: list[tuple[Values, int, int]] = [([(GROUP, "a")], 4, 0), ([(GROUP, "b")], 0, 900)]
    assert shared(rows) is None
    assert words(shared(rows, least=4)) == ["group=a"]


def test_a_value_that_covers_few_of_the_sick_and_is_mostly_well_says_nothing() -> None:
    assert shared([([(GROUP, "a")], 50, 60), ([(GROUP, "b")], 50, 2000)]) is None


def test_half_of_a_value_is_enough_whatever_it_covers() -> None:
    assert words(shared([([(GROUP, "a")], 50, 50), ([(GROUP, "b")], 60, 2000)])) == ["group=a"]


def test_a_fault_twice_as_frequent_is_not_named() -> None:
    """With 10,000 hosts even that is no chance."""
    assert shared([([(GROUP, "a")], 2000, 1000), ([(GROUP, "b")], 1000, 2000)]) is None


def test_many_questions_need_a_stronger_sign() -> None:
    rows: list[tuple[Values, int, int]] = [([(GROUP, "a")], 5, 2), ([(GROUP, "b")], 5, 200)]
    assert words(shared(rows, tests=1)) == ["group=a"]
    assert shared(rows, tests=10_000) is None


def test_of_values_of_the_same_hosts_the_nearest_to_a_fix_wins() -> None:
    here: Values = [(VPC, "v"), (ZONE, "z"), (SUBNET, "s"), (Attribute.ACCOUNT, "1")]
    assert words(shared([(here, 20, 0), ([(VPC, "w")], 0, 300)])) == ["subnet=s"]


def grid(sick: int, well_beside: int = 0) -> list[tuple[Values, int, int]]:
    """Three VPCs of three zones with 50 hosts each; in one zone of one VPC some are sick."""
    return [
        ([(VPC, vpc), (ZONE, zone)], *((sick, 50 - sick) if (vpc, zone) == ("v1", "z1") else (0, 50 + well_beside)))
        for vpc in ("v1", "v2", "v3")
        for zone in ("z1", "z2", "z3")
    ]


def test_a_zone_of_a_vpc() -> None:
    assert words(shared(grid(50))) == ["zone=z1", "vpc=v1"]
    assert words(shared(grid(40))) == ["zone=z1", "vpc=v1"]


def test_a_pair_that_tells_no_more_than_one_of_its_words_is_not_used() -> None:
    """All zones of the VPC are alike; the second word is there by chance."""
    rows = [
        (values, 48 if (VPC, "v1") in values else 0, 2 if (VPC, "v1") in values else 50) for values, _, _ in grid(0)
    ]
    assert words(shared(rows)) == ["vpc=v1"]


def test_nothing_is_shared_where_all_are_sick() -> None:
    assert shared([([(GROUP, "a")], 50, 0), ([(GROUP, "b")], 50, 0)]) is None


EVERYWHERE: Final[Values] = [(Attribute.TOOL, "1"), (Attribute.RESOLVER, "amazon")]


def test_two_values_that_all_have_are_no_pair() -> None:
    assert shared([(EVERYWHERE, 20, 1000), (EVERYWHERE, 0, 500)]) is None


def test_a_pair_has_to_tell_sick_from_well_within_each_of_its_words() -> None:
    """It fits better than the VPC alone, but within the VPC that may be chance."""
    here, beside = [(VPC, "v1"), (ZONE, "z1")], [(VPC, "v1"), (ZONE, "z2")]
    elsewhere: list[tuple[Values, int, int]] = [([(VPC, "v2"), (ZONE, zone)], 0, 200) for zone in ("z1", "z2")]
    assert words(shared([(here, 14, 2), (beside, 2, 6), *elsewhere])) == ["vpc=v1"]
    assert words(shared([(here, 140, 20), (beside, 20, 60), *elsewhere])) == ["zone=z1", "vpc=v1"]


def test_two_values_have_to_tell_clearly_more_than_one() -> None:
    """Ten well hosts of 210 are not worth a second word; sixty are."""
    elsewhere: list[tuple[Values, int, int]] = [([(VPC, "v2"), (ZONE, zone)], 0, 400) for zone in ("z1", "z2")]
    for well, expected in ((10, ["vpc=v1"]), (60, ["zone=z1", "vpc=v1"])):
        here: tuple[Values, int, int] = ([(VPC, "v1"), (ZONE, "z1")], 200, 0)
        assert words(shared([here, ([(VPC, "v1"), (ZONE, "z2")], 0, well), *elsewhere])) == expected


def test_pairs_among_many_classes_are_counted_as_one_by_one() -> None:
    rows = [((VPC, f"v{number % 2}"), (ZONE, f"z{number % 3}"), (GROUP, f"g{number % 700}")) for number in range(3000)]
    classes = classes_of(rows)
    hosts = {number: 1 + number % 5 for number in range(0, 3000, 7)}
    aside = dict.fromkeys(range(0, 3000, 70), 1)
    exposed = Exposed(classes, hosts).without(aside)
    numbers = {value: number for number, value in enumerate(classes.values)}
    for pair in ([(VPC, "v0"), (ZONE, "z0")], [(VPC, "v1"), (ZONE, "z2")], [(VPC, "v0"), (GROUP, "g14")]):
        one, other = (numbers[SharedValue(attribute=attribute, value=value)] for attribute, value in pair)
        both = [number for number in hosts if set(pair) <= set(rows[number])]
        expected = sum(hosts[number] - aside.get(number, 0) for number in both)
        assert exposed.count_with(one, other) == exposed.count_with(other, one) == expected > 0
    assert exposed.count == sum(hosts.values()) - len(aside)
