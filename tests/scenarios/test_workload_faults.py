"""Every workload with every kind of fault: a scenario shows the pair in memory and in namespaces, or there is a reason
why no scenario can.
"""

from functools import cache

import pytest

import docs
from tests.scenarios import workload_faults
from tests.scenarios.workload_faults import IMPOSSIBLE, IN_MEMORY_ALONE, Kind, Pair, every, holes, pairs, showing

each_pair = pytest.mark.parametrize(
    "pair", [pytest.param(pair, id=f"{workload_faults.WORKLOADS[pair[0]]}: {pair[1]}") for pair in pairs()]
)


@cache
def page() -> tuple[str, ...]:
    """The lines of the page that lists the scenarios."""
    return tuple(docs.scenarios_page().splitlines())


def test_every_workload_is_shown_with_every_kind_of_fault() -> None:
    assert holes(every()) == ()


@each_pair
def test_a_reason_is_given_where_no_scenario_shows_it(pair: Pair) -> None:
    names = showing(pair, every())
    assert (pair in IMPOSSIBLE) is not bool(names), f"shown by {names}"


@each_pair
def test_what_is_shown_is_shown_in_both_worlds(pair: Pair) -> None:
    names = showing(pair, every())
    worlds = {world for case in every() if case.scenario.name in names for world in case.scenario.worlds}
    assert (worlds == {"memory"}) is (pair in IN_MEMORY_ALONE)


@each_pair
def test_a_hole_is_named_where_its_scenarios_are_gone(pair: Pair) -> None:
    names = showing(pair, every())
    without = [case for case in every() if case.scenario.name not in names]
    assert (pair in holes(without)) is bool(names)


def test_a_workload_is_shown_by_what_is_on_its_host() -> None:
    """The files on a host decide which workload a scenario shows, and not the name of the scenario's file."""
    [case] = [case for case in every() if case.scenario.name == "hana-in-s3-mode"]
    assert case.workloads == {workload_faults.HANA_IN_S3_MODE}
    [case] = [case for case in every() if case.scenario.name == "hana-of-another-vendor"]
    assert case.workloads == {workload_faults.CALLER}


@each_pair
def test_the_page_has_every_pair(pair: Pair) -> None:
    [row] = [line for line in page() if line.startswith(f"| {pair_text(pair)} |")]
    told = IMPOSSIBLE.get(pair) or f"`{showing(pair, every())[0]}`"
    assert told in row


def pair_text(pair: Pair) -> str:
    """The beginning of the page's row for a pair."""
    workload, kind = pair
    return f"{workload_faults.WORKLOADS[workload]} | {Kind(kind)}"
