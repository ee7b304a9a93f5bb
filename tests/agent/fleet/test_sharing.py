"""Values that hosts share: the exact test, the thresholds, and the choice among several values."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from math import comb
from typing import Final

import pytest

from agent.fleet.causes import asked
from agent.fleet.database import Database
from agent.fleet.model import Attribute, Shared

Values = Sequence[tuple[Attribute, str]]
SUBNET, ZONE, VPC, GROUP = Attribute.SUBNET, Attribute.ZONE, Attribute.VPC, Attribute.GROUP


def exactly(sick: int, total: int, all_sick: int, count: int) -> Fraction:
    ways = sum(comb(all_sick, n) * comb(count - all_sick, total - n) for n in range(sick, min(total, all_sick) + 1))
    return Fraction(ways, comb(count, total))


def fisher(sick: int, total: int, all_sick: int, count: int) -> float:
    with Database() as database:
        statement = "SELECT fisher(?::BIGINT, ?::BIGINT, ?::BIGINT, ?::BIGINT)"
        ((chance,),) = database.query(statement, (sick, total, all_sick, count))
    return float(chance)


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


@contextmanager
def question(
    rows: Sequence[tuple[Values, int, int]], *, least: int = 5, tests: int = 20, aside: Sequence[int] = ()
) -> Iterator[Database]:
    """The tables of a question about hosts. Each row has values, the number of unhealthy hosts with these values, and
    the number of healthy ones. `aside` has, for each row, how many of the healthy hosts are set aside.
    """
    hosts = [(values, number < ill) for values, ill, well in rows for number in range(ill + well)]
    traits = {value: number for number, value in enumerate(sorted({one for values, *_ in rows for one in values}), 1)}
    with Database() as database:
        database.execute("CREATE TABLE trait (trait INTEGER, attribute TEXT, nearness INTEGER, value TEXT)")
        nearness = list(Attribute).index
        database.fill("trait", ((n, str(kind), nearness(kind), value) for (kind, value), n in traits.items()))
        database.execute("CREATE TABLE service_set AS SELECT 1 AS service_set, ['backup'] AS services")
        database.execute(
            "CREATE TABLE host (record BIGINT, vpc INTEGER, account INTEGER, zone INTEGER, region INTEGER, "
            "service_set INTEGER)"
        )
        database.fill("host", ((record, 0, 0, 0, 0, 1) for record in range(len(hosts))))
        database.execute("CREATE TABLE held (record BIGINT, trait INTEGER)")
        database.fill("held", ((record, traits[one]) for record, (values, _) in enumerate(hosts) for one in values))
        for name in ("spot", "spot_value", "spot_pair", "area", "area_spot"):
            database.run(name)
        database.execute("INSERT INTO area VALUES (1, 'everywhere', 0, [])")
        database.execute("CREATE TABLE outside (q BIGINT, record BIGINT, sign INTEGER)")
        database.fill("outside", ((1, record, -1) for record in aside))
        database.run("outside_value")
        sick = [record for record, (_, is_sick) in enumerate(hosts) if is_sick]
        database.execute(
            f"CREATE TABLE question AS SELECT 1::BIGINT AS q, 'TCP001' AS code, {len(sick)}::BIGINT AS sick, "
            f"{len(hosts) - len(aside)}::BIGINT AS hosts, {tests}::BIGINT AS tests, false AS is_repeated"
        )
        database.execute("CREATE TABLE sick (q BIGINT, record BIGINT, trait INTEGER)")
        database.fill("sick", ((1, record, traits[one]) for record in sick for one in hosts[record][0]))
        yield database


def shared(rows: Sequence[tuple[Values, int, int]], *, least: int = 5, tests: int = 20) -> Shared | None:
    """The shared value that is found. Each row has values, the number of unhealthy hosts with these values, and the
    number of healthy ones.
    """
    with question(rows, least=least, tests=tests) as database:
        told = asked(database, least)
        return told[1].shared if told else None


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
    """Among 6,000 hosts this difference cannot be chance, but no value is reported."""
    assert shared([([(GROUP, "a")], 2000, 1000), ([(GROUP, "b")], 1000, 2000)]) is None


def test_many_questions_need_a_stronger_sign() -> None:
    rows: list[tuple[Values, int, int]] = [([(GROUP, "a")], 5, 2), ([(GROUP, "b")], 5, 200)]
    assert words(shared(rows, tests=1)) == ["group=a"]
    assert shared(rows, tests=10_000) is None


def test_of_values_of_the_same_hosts_the_nearest_to_a_fix_wins() -> None:
    here: Values = [(VPC, "v"), (ZONE, "z"), (SUBNET, "s"), (Attribute.ACCOUNT, "1")]
    assert words(shared([(here, 20, 0), ([(VPC, "w")], 0, 300)])) == ["subnet=s"]


def grid(sick: int, well_beside: int = 0) -> list[tuple[Values, int, int]]:
    """Three VPCs with three zones each, and 50 hosts in each zone. In one zone of one VPC, some hosts are unhealthy."""
    return [
        ([(VPC, vpc), (ZONE, zone)], *((sick, 50 - sick) if (vpc, zone) == ("v1", "z1") else (0, 50 + well_beside)))
        for vpc in ("v1", "v2", "v3")
        for zone in ("z1", "z2", "z3")
    ]


def test_a_zone_of_a_vpc() -> None:
    assert words(shared(grid(50))) == ["zone=z1", "vpc=v1"]
    assert words(shared(grid(40))) == ["zone=z1", "vpc=v1"]


def test_a_pair_that_tells_no_more_than_one_of_its_words_is_not_used() -> None:
    """All zones of the VPC have equally many unhealthy hosts, so the zone adds nothing to the VPC."""
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
    """The pair separates the hosts better than the VPC alone. Within the VPC, however, this may be chance."""
    here, beside = [(VPC, "v1"), (ZONE, "z1")], [(VPC, "v1"), (ZONE, "z2")]
    elsewhere: list[tuple[Values, int, int]] = [([(VPC, "v2"), (ZONE, zone)], 0, 200) for zone in ("z1", "z2")]
    assert words(shared([(here, 14, 2), (beside, 2, 6), *elsewhere])) == ["vpc=v1"]
    assert words(shared([(here, 140, 20), (beside, 20, 60), *elsewhere])) == ["zone=z1", "vpc=v1"]


def test_two_values_have_to_tell_clearly_more_than_one() -> None:
    """If the VPC alone also covers only ten healthy hosts, a second value is not used. If it covers sixty, a second
    value is used.
    """
    elsewhere: list[tuple[Values, int, int]] = [([(VPC, "v2"), (ZONE, zone)], 0, 400) for zone in ("z1", "z2")]
    for well, expected in ((10, ["vpc=v1"]), (60, ["zone=z1", "vpc=v1"])):
        here: tuple[Values, int, int] = ([(VPC, "v1"), (ZONE, "z1")], 200, 0)
        assert words(shared([here, ([(VPC, "v1"), (ZONE, "z2")], 0, well), *elsewhere])) == expected


def test_hosts_that_are_set_aside_are_not_counted() -> None:
    """There are two hundred healthy hosts. All except ten of them are set aside."""
    rows: list[tuple[Values, int, int]] = [
        ([(VPC, "v1"), (ZONE, "z1")], 30, 200),
        ([(VPC, "v1"), (ZONE, "z2")], 0, 300),
        ([(VPC, "v2"), (ZONE, "z1")], 0, 300),
    ]
    for aside, well in ((range(0), 200), (range(30, 220), 10)):
        with question(rows, aside=aside) as database:
            told = asked(database, 5)[1].shared
            assert words(told) == ["zone=z1", "vpc=v1"]
            assert (told.sick, told.well) == (30, well)
