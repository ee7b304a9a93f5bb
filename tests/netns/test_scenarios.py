"""Every scenario with real sockets: the installed program must see and find there what it sees and finds in memory."""

import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Mapping
from multiprocessing.pool import AsyncResult, ThreadPool
from pathlib import Path
from typing import Any, Final

import pytest

from agent.judge.verdict import judge
from agent.report import exits
from agent.report.model import Report
from agent.simulated import scenario as scenarios
from probes.model import Observation, Skipped
from tests.netns import program
from tests.netns.variants import VARIANTS
from tests.netns.vpc import vpc
from tests.support.runs import measured

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]

MODULE: Final = sys.modules[__name__]
NAMES: Final = tuple(name for name in scenarios.names() if "namespaces" in scenarios.load(name).worlds)
WORLDS: Final = {name: scenarios.text(name) for name in NAMES} | VARIANTS

UNLIKE: Final = frozenset(
    {
        "interfaces",  # a real host also has a loopback and link-local addresses
        "round_trip_seconds",
        "retransmits",  # depends on the instant at which a step gives up
        "queries",  # a slow machine sends another
        "mss",
        "trust",  # a file here
        "ca_bundle",
        "date",
        "server_time",
        "error_message",  # a refusal for the clock names the time
        "clock_offset_seconds",
        "clock_uncertainty_seconds",
    }
)
"""Facts that no two worlds share."""


AT_ONCE: Final = 6
"""Runs that go on beside each other: most of each is waiting for what never comes."""
Runs = Mapping[str, "AsyncResult[program.Ended]"]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    """One run for all that is asked of it, begun for every world that a test of this session asks for."""
    here = [item for item in request.session.items if isinstance(item, pytest.Function) and item.module is MODULE]
    names = dict.fromkeys(str(item.callspec.params["name"]) for item in here if hasattr(item, "callspec"))
    with ThreadPool(AT_ONCE) as pool:
        yield {name: pool.apply_async(_ended, (name,)) for name in names}


def _ended(name: str) -> program.Ended:
    with tempfile.TemporaryDirectory() as folder, vpc(name, WORLDS[name]) as made:
        return program.check(made, Path(folder))


@pytest.mark.parametrize("name", NAMES)
def test_finds_what_it_must_and_nothing_else(name: str, runs: Runs) -> None:
    expect, run = scenarios.load(name).expect, runs[name].get()
    verdict = run.report.verdict
    assert (verdict.status, verdict.path, run.findings) == (expect.status, expect.path, expect.findings)
    assert run.code == exits.of_status(expect.status)


@pytest.mark.parametrize("name", WORLDS)
def test_both_worlds_are_one(name: str, runs: Runs) -> None:
    evidence, _ = measured(scenarios.parse(name, WORLDS[name]))
    assert told(runs[name].get().report) == told(judge(evidence))


def told(report: Report) -> dict[str, object]:
    """What a report says of the world: nothing of when it was made, and nothing that is UNLIKE."""
    return {
        "verdict": (report.verdict.status, report.verdict.path),
        "findings": [finding.id for finding in report.findings],
        **{each.id: _seen(each) for each in report.observations},
    }


def _seen(observation: Observation[Any]) -> tuple[object, ...]:
    outcome, failure = observation.outcome, observation.failure
    facts = {} if observation.facts is None else dataclasses.asdict(observation.facts)
    match observation.subject.operation:
        case "getaddrinfo" if facts:
            # The C library puts those first that it could reach (RFC 6724).
            facts["addresses"] = sorted(facts["addresses"], key=lambda address: (address.version, address))
        case "sdk-settings" if facts:
            del facts["version"]
    if "gateways" in facts:  # when they were last heard of follows from when the run is made
        facts["gateways"] = [each["gateway_id"] for each in facts["gateways"]]
    return (
        type(outcome),
        None if failure is None else (failure.kind, failure.code),
        outcome.reason if isinstance(outcome, Skipped) else None,
        {name: value for name, value in facts.items() if name not in UNLIKE},
    )
