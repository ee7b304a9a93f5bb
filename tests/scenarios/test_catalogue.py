"""Scenarios are compared with the catalogue of failures: which rows they show, which rules stay silent, and which
scenarios are healthy.
"""

from typing import Final

import pytest

from agent.catalog.findings import CODES
from agent.report.model import Status
from agent.simulated.scenario import Scenario
from tests.scenarios.catalogue import CATALOGUE
from tests.support import scenarios

SCENARIOS: Final = {name: scenarios.load(name) for name in scenarios.names()}
HEALTHY: Final = [name for name, scenario in SCENARIOS.items() if scenario.expect.healthy]
SHOWN: Final = {row for scenario in SCENARIOS.values() for row in scenario.rows}


def codes_in(scenario: Scenario) -> set[str]:
    """The codes of a scenario's findings."""
    return {finding.partition("@")[0] for finding in scenario.expect.findings}


@pytest.mark.parametrize("row", CATALOGUE)
def test_a_row_has_a_scenario_or_a_reason(row: str) -> None:
    assert (row in SHOWN) is (CATALOGUE[row].no_scenario is None)


def test_the_rows_of_a_letter_are_numbered_without_a_gap() -> None:
    last = {row[0]: int(row[1:]) for row in CATALOGUE}
    assert list(CATALOGUE) == [f"{letter}{number:02}" for letter in last for number in range(1, last[letter] + 1)]


def test_rows_without_a_scenario() -> None:
    """The rows without a scenario. The list is complete, so that no row is added to it unnoticed."""
    without = [row for row in CATALOGUE if CATALOGUE[row].no_scenario is not None]
    assert " ".join(without) == ("D09 R04 S11 L07 T11 C03 E08 E09 K02 K10 K11 K13 V04 V05 G02 G05 Q03 W02 W03 W04")


@pytest.mark.parametrize(("row", "code"), [(row, code) for row in CATALOGUE for code in CATALOGUE[row].causes])
def test_the_cause_of_a_row_is_named_where_ec2_is_read(row: str, code: str) -> None:
    naming = [name for name, scenario in SCENARIOS.items() if row in scenario.rows and code in codes_in(scenario)]
    assert naming
    assert all(SCENARIOS[name].ec2 is not None for name in naming)


@pytest.mark.parametrize("row", CATALOGUE)
def test_a_row_names_codes_that_there_are(row: str) -> None:
    assert {*CATALOGUE[row].codes, *CATALOGUE[row].causes} <= set(CODES)


@pytest.mark.parametrize(
    ("name", "row"), [pytest.param(name, row, id=f"{row} {name}") for name in SCENARIOS for row in SCENARIOS[name].rows]
)
def test_a_scenario_finds_what_its_rows_say(name: str, row: str) -> None:
    assert row in CATALOGUE, "no such row"
    codes = CATALOGUE[row].codes
    if codes:
        assert codes_in(SCENARIOS[name]) & set(codes)
    else:
        assert SCENARIOS[name].expect.findings == ()


def test_a_scenario_names_each_row_once() -> None:
    for scenario in SCENARIOS.values():
        assert list(scenario.rows) == list(dict.fromkeys(scenario.rows)), scenario.name


@pytest.mark.parametrize("code", [code for code, finding in CODES.items() if not finding.of_audit])
def test_a_code_is_silent_in_the_scenario_next_to_its_own(code: str) -> None:
    neighbours = [scenario for scenario in SCENARIOS.values() if code in scenario.expect.silent]
    assert neighbours, f"no scenario has {code} under `silent`"
    assert all(code not in codes_in(scenario) for scenario in neighbours)


def test_a_scenario_is_the_neighbour_of_codes_that_there_are() -> None:
    assert {code for scenario in SCENARIOS.values() for code in scenario.expect.silent} <= set(CODES)


def test_some_scenarios_are_of_a_healthy_host() -> None:
    assert HEALTHY


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_host_has_no_finding(name: str) -> None:
    expect = SCENARIOS[name].expect
    assert expect.status is Status.OK
    assert expect.findings == ()
