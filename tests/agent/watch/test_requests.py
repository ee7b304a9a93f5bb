"""The signed calls of a watch, and how a run uses an answer that an earlier cycle got."""

import asyncio
import itertools
from collections import Counter
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

import pytest

from agent.catalog.services import SERVICES
from agent.formats import text
from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.report.model import Access, Measurement, Report, Status
from agent.run.measuring import Emit
from agent.settings import Calls, Settings
from agent.simulated.clock import PatientLoop
from agent.watch.requests import (
    CALL_INTERVAL,
    CALL_JITTER,
    CHANGE_SPREAD,
    FLEET_HOSTS,
    MAX_ANSWER_AGE,
    RATE_SHARE,
    call_interval,
)
from probes.model import ELSEWHERE, UNRATED, Observation, Skipped, Step
from tests.support import scenarios
from tests.support.runs import measured
from tests.support.virtual import INTERVAL, job, loaded, networks, watched

pytestmark = pytest.mark.virtual_clock(loop=PatientLoop)
HEALTHY: Final = "healthy"
REFUSED: Final = "identity-policy-denies"
JITTERED: Final = (1 + CALL_JITTER) * CALL_INTERVAL + 2 * INTERVAL


class Seen:
    """The results of a watch over these networks, cycle by cycle."""

    def __init__(self, *names: str, calls: Calls = Calls.ONE) -> None:
        self.names = names
        self.calls = calls
        self.times: list[float] = []
        self.reports: list[Report] = []

    async def go(self) -> "Seen":
        cycle = networks(loaded(*self.names))

        async def measure(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
            self.times.append(asyncio.get_running_loop().time())
            return await cycle(settings, emit, stop)

        def judging(measurement: Measurement) -> Report:
            self.reports.append(judge(measurement))
            return self.reports[-1]

        watch = job(measure, judge=judging, cycles=len(self.names))
        await watched(replace(watch, settings=replace(watch.settings, calls=self.calls)))
        return self

    def called_at(self, target: str = "backup") -> list[float]:
        """The start times of the cycles that made a signed call to this target."""
        return [
            time
            for time, report in zip(self.times, self.reports, strict=True)
            if any(is_new_call(observation, report, target) for observation in report.observations)
        ]


def is_new_call(observation: Observation[Any], report: Report, target: str) -> bool:
    subject, at = observation.subject, observation.started_at
    return subject.step is Step.API and subject.target == target and at is not None and at >= report.run.started_at


# --- When calls are made ---------------------------------------------------------------------------------------------


async def test_a_healthy_host_calls_once_in_ten_minutes_and_stays_allowed() -> None:
    seen = await Seen(*[HEALTHY] * 100).go()
    called = seen.called_at()
    apart = [after - before for before, after in itertools.pairwise(called)]
    assert called[0] == seen.times[0]
    assert all((1 - CALL_JITTER) * CALL_INTERVAL <= seconds <= JITTERED for seconds in apart)
    assert len(apart) >= 8
    assert {report.verdict.access for report in seen.reports} == {Access.ALLOWED}
    assert {report.verdict.status for report in seen.reports} == {Status.OK}


async def test_calls_go_round_the_addresses() -> None:
    seen = await Seen(*[HEALTHY] * 60).go()
    addresses = {
        observation.subject.address
        for report in seen.reports
        for observation in report.observations
        if is_new_call(observation, report, "backup")
    }
    assert len(addresses) > 1


async def test_a_change_brings_the_next_call_forward() -> None:
    seen = await Seen(*[HEALTHY] * 3, *["one-zone-silent"] * 20).go()
    changed = seen.times[3]
    after = [time for time in seen.called_at() if time > changed]
    assert after[0] <= changed + CHANGE_SPREAD + 2 * INTERVAL


async def test_a_refusal_stands_when_it_was_given_twice() -> None:
    seen = await Seen(*[REFUSED] * 15).go()
    called = seen.called_at()
    assert called[:2] == seen.times[:2]
    assert called[2] - called[1] >= min((1 - CALL_JITTER) * CALL_INTERVAL, 2 * INTERVAL)
    assert all("IAM003@backup" in {finding.id for finding in report.findings} for report in seen.reports)


async def test_a_call_of_an_earlier_cycle_says_nothing_of_the_clock_of_this_one() -> None:
    seen = await Seen(*[HEALTHY] * 3, *["clock-wrong"] * 2, *[HEALTHY] * 2).go()
    clocks = [report.vantage.clock_offset_seconds for report in seen.reports]
    wrong = [any(finding.code == "ENV010" for finding in report.findings) for report in seen.reports]
    assert wrong == [abs(clock or 0.0) > 60.0 for clock in clocks] == [False] * 3 + [True] * 2 + [False] * 2


async def test_each_calls_every_address_in_every_cycle() -> None:
    seen = await Seen(*[HEALTHY] * 3, calls=Calls.EACH).go()
    assert seen.called_at() == seen.times
    calls = Counter(
        observation.subject.target
        for observation in seen.reports[-1].observations
        if is_new_call(observation, seen.reports[-1], "backup")
    )
    assert calls["backup"] == 3


@pytest.mark.parametrize(
    ("scenario", "service"), [("gateway-healthy", "backup-gateway"), ("hana-in-s3-mode-interface-endpoint", "s3")]
)
async def test_a_service_without_a_published_limit_is_not_called_and_may_be_ok(scenario: str, service: str) -> None:
    seen = await Seen(*[scenario] * 3).go()
    for report in seen.reports:
        uncalled = next(target for target in report.targets if target.service == service)
        assert seen.called_at(uncalled.id) == []
        assert (uncalled.status, uncalled.access) == (Status.OK, Access.NOT_TRIED)
        reasons = {
            observation.outcome.reason
            for observation in report.observations
            if observation.subject.step is Step.API
            and observation.subject.target == uncalled.id
            and isinstance(observation.outcome, Skipped)
        }
        assert reasons == {UNRATED}


# --- How often calls are made ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if service.call is not None])
def test_a_fleet_stays_below_half_of_every_limit(name: str) -> None:
    service = SERVICES[name]
    seconds = call_interval(service)
    if service.calls_per_second is None:
        assert seconds is None
    elif seconds is not None:
        assert seconds >= CALL_INTERVAL
        assert (1 + CALL_JITTER) * seconds <= MAX_ANSWER_AGE
        assert FLEET_HOSTS / seconds <= RATE_SHARE * service.calls_per_second
    else:
        assert service.calls_per_second < 10


# --- How a run uses an earlier answer --------------------------------------------------------------------------------


def in_run(name: str, standing: Observation[Any]) -> Report:
    """The report of a run that may use this earlier answer."""
    chosen = scenarios.load(name)
    measurement, _ = measured(chosen, turn=1, standing=(standing,))
    return judge(measurement)


def an_answer(name: str = HEALTHY) -> Observation[Any]:
    """The answer to a call at the first address, which was the only call of an earlier run."""
    measurement, _ = measured(scenarios.load(name), turn=0)
    (made,) = [seen for seen in measurement.observations if seen.subject.step is Step.API and seen.ok]
    return replace(made, started_at=None if made.started_at is None else made.started_at.replace(year=2025))


def calls_in(report: Report) -> dict[str, str]:
    """The result of each call, by address."""
    return {
        str(seen.subject.address): "standing"
        if seen.started_at is not None and seen.started_at < report.run.started_at
        else "elsewhere"
        if seen.outcome == Skipped(ELSEWHERE)
        else "called"
        if seen.ok
        else "not made"
        for seen in report.observations
        if seen.subject.step is Step.API and seen.subject.target == "backup"
    }


def test_an_answer_that_stands_is_taken_at_its_address_whatever_the_turn() -> None:
    report = in_run(HEALTHY, an_answer())
    assert calls_in(report) == {"10.0.1.17": "standing", "10.0.2.17": "elsewhere", "10.0.3.17": "elsewhere"}
    assert (report.verdict.status, report.verdict.access) == (Status.OK, Access.ALLOWED)


def moved(answer: Observation[Any], address: str) -> Observation[Any]:
    return replace(answer, subject=replace(answer.subject, address=ip_address(address)))


def test_where_its_address_fails_another_is_called() -> None:
    silent = next(row for row in scenarios.load("one-zone-silent").tcp if row.answer == "silence")
    (address,) = silent.addresses
    states = calls_in(in_run("one-zone-silent", moved(an_answer(), str(address))))
    assert states[str(address)] == "not made"
    assert list(states.values()).count("called") == 1


def test_an_answer_of_an_address_that_the_name_has_no_more_is_of_no_use() -> None:
    states = calls_in(in_run(HEALTHY, moved(an_answer(), "10.0.9.9")))
    assert "standing" not in states.values()
    assert list(states.values()).count("called") == 1


def test_a_report_says_that_an_answer_is_of_earlier() -> None:
    standing = in_run(HEALTHY, an_answer())
    assert "not called in this run; the answer from " in " ".join(text.render(standing).split())
    assert "not called in this run" not in text.render(in_run(HEALTHY, moved(an_answer(), "10.0.9.9")))
