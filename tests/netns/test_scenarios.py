"""Scenarios with real sockets, in which the installed program must make the same observations and findings as in
memory.

The chosen scenarios have every wire shape (`tests.netns.shapes`); with `--everything`, every scenario runs.
"""

import dataclasses
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest

from agent.judge.verdict import judge
from agent.report import exits
from agent.report.model import NO_TROUBLE, NO_TROUBLE_WITH_NAMES, NOT_NEEDED, Report
from probes.model import Observation, Skipped
from probes.operations import JOBS
from tests.netns import program, sample
from tests.netns.at_once import Runs
from tests.netns.sample import WORLDS, in_memory
from tests.netns.variants import VARIANTS
from tests.netns.vpc import vpc
from tests.support import extent, scenarios

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]


def chosen() -> tuple[str, ...]:
    """The worlds to run. Together, they have every wire shape."""
    return tuple(WORLDS) if extent.everything() else sample.kept()


UNLIKE: Final = frozenset(
    {
        "interfaces",  # a real host also has a loopback and link-local addresses
        "name",  # the host's own state, which a network namespace does not have
        "round_trip_seconds",
        "retransmits",  # depends on the instant at which a step gives up
        "by_root",  # depends on the user: a namespace requires root
        "queries",  # a slow machine sends a different number
        "mss",
        "time_configuration",  # the path of a file on this machine
        "trust",  # the path of another file on this machine
        "ca_bundle",
        "date",
        "expires_at",
        "server_time",
        "error_message",  # if the clock is the reason for a refusal, it contains the time
        "clock_offset_seconds",
        "clock_uncertainty_seconds",
    }
)
"""Facts that always differ between two runs."""


def test_the_sample_has_every_wire_shape() -> None:
    shapes, kept = sample.every_shape(), sample.kept()
    assert set(kept) <= set(shapes), "`python -m tests.netns.sample` writes the sample anew"
    missing = frozenset().union(*shapes.values()) - frozenset().union(*(shapes[name] for name in kept))
    assert not missing, "`python -m tests.netns.sample` writes the sample anew"


def make(name: str) -> program.Ended:
    """Make one run of a world, for all tests of this world."""
    with tempfile.TemporaryDirectory() as folder, vpc(name, WORLDS[name]) as network:
        return program.check(network, Path(folder))


@pytest.mark.parametrize("name", chosen())
def test_both_worlds_are_one(name: str, runs: Runs[program.Ended]) -> None:
    ended = runs[name]
    if name not in VARIANTS:
        expect, verdict = scenarios.load(name).expect, ended.report.verdict
        assert (verdict.status, verdict.path, ended.findings) == (expect.status, expect.path, expect.findings), "finds"
        assert ended.code == exits.of_status(expect.status), "exit code"
    here, there = observed(ended.report), observed(judge(in_memory(name)))
    late = {place for place in here if is_unread(here[place]) is not is_unread(there.get(place))}
    assert {**here, **dict.fromkeys(late)} == {**there, **dict.fromkeys(late)}, "sees"


def is_unread(seen: object) -> bool:
    """Whether a step is a read that a run does not need. On a busy machine, slowness looks like a fault. A run may
    therefore make reads that other runs do not make, and may end before they do.
    """
    return isinstance(seen, tuple) and seen[0] is Skipped and seen[2] in (NO_TROUBLE, NO_TROUBLE_WITH_NAMES, NOT_NEEDED)


def observed(report: Report) -> dict[str, object]:
    """The observations of a report, without times and without the facts in UNLIKE."""
    return {
        "verdict": (report.verdict.status, report.verdict.path),
        "findings": [finding.id for finding in report.findings],
        **{_place(observation): _seen(observation) for observation in report.observations},
    }


def _place(observation: Observation[Any]) -> str:
    """The id of a step. For reads of the list of jobs, it has no address, since the address depends on which ladder
    ends first.
    """
    return JOBS if observation.subject.operation == JOBS else observation.id


def _seen(observation: Observation[Any]) -> tuple[object, ...]:
    outcome, failure = observation.outcome, observation.failure
    facts = {} if observation.facts is None else dataclasses.asdict(observation.facts)
    match observation.subject.operation:
        case "getaddrinfo" if facts:
            # The C library sorts addresses, and puts those that it can reach first (RFC 6724).
            facts["addresses"] = sorted(facts["addresses"], key=lambda address: (address.version, address))
        case "sdk-settings" if facts:
            del facts["version"]
            facts["region_file"] = facts["region_file"] is not None
    facts.pop("created_after", None)
    if facts.get("gateways") and "gateways_last_seen" in facts:  # values that depend on the time of the run
        facts["gateways"] = [gateway["gateway_id"] for gateway in facts["gateways"]]
        facts["gateways_last_seen"] = facts["gateways_last_seen"] is not None
    return (
        type(outcome),
        None if failure is None else (failure.kind, failure.code),
        outcome.reason if isinstance(outcome, Skipped) else None,
        {name: value for name, value in facts.items() if name not in UNLIKE},
    )
