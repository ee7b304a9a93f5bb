"""Cycles one after the other: when they begin, what they share, what stays after them, and what does not delay them."""

import asyncio
import errno
import itertools
import json
import os
import stat
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.process.output import OutputClosedError
from agent.report.model import Measurement, Report, Status
from agent.run.measuring import Emit, Measure
from agent.settings import Ec2, Settings
from agent.simulated.clock import PatientLoop
from agent.watch import sinks
from agent.watch.reload import CannotListenError
from agent.watch.requests import READ_INTERVAL, READ_SPREAD, first_read_after
from agent.watch.schedule import JITTER, Watch
from agent.watch.sinks import FILE_SECONDS
from probes.vpc.model import NETWORK_ACLS
from tests.formats.monitors import samples_in
from tests.support import scenarios
from tests.support.runs import measurement_of
from tests.support.virtual import DEADLINE, INTERVAL, Watched, job, loaded, networks, watched

pytestmark = pytest.mark.virtual_clock(loop=PatientLoop)

CONFIGURED = "gateway-group-for-the-appliance"
"""A scenario whose fault the answers of EC2 explain."""


@pytest.fixture(scope="module", autouse=True)
def _kept() -> None:
    """Make the measurements before the loop of a test runs, since each measurement uses its own loop."""
    for name in ("healthy", "one-zone-silent", "name-does-not-exist"):
        measurement_of(name)


def canned(name: str = "healthy") -> Measure:
    """A function that returns the measurement of a scenario without waiting."""

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        return measurement_of(name)

    return go


def counted(done: Watched, name: str, **labels: str) -> float:
    """The value of a metric at the end of a watch."""
    return samples_in(done.watch._metrics())[name, frozenset(labels.items())]


# --- When cycles begin -----------------------------------------------------------------------------------------------


async def test_cycles_begin_an_interval_apart_give_or_take_a_tenth() -> None:
    started: list[float] = []

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        started.append(asyncio.get_running_loop().time())
        await asyncio.sleep(5.0)
        return measurement_of("healthy")

    await watched(job(go, cycles=200))
    apart = [after - before for before, after in itertools.pairwise(started)]
    assert len(started) == 200
    assert all((1 - JITTER) * INTERVAL - 1e-6 <= seconds <= (1 + JITTER) * INTERVAL + 1e-6 for seconds in apart)
    assert min(apart) < 0.95 * INTERVAL < 1.05 * INTERVAL < max(apart)
    assert sum(apart) == pytest.approx(199 * INTERVAL, rel=0.02)


async def test_cycles_never_overlap_and_one_that_is_late_begins_at_once() -> None:
    spans: list[tuple[float, float]] = []

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        loop = asyncio.get_running_loop()
        started = loop.time()
        await asyncio.sleep(3 * INTERVAL if len(spans) % 2 else 1.0)
        spans.append((started, loop.time()))
        return measurement_of("healthy")

    done = await watched(job(go, cycles=6))
    assert all(after[0] >= before[1] for before, after in itertools.pairwise(spans))
    late = [after[0] - before[1] for before, after in itertools.pairwise(spans) if before[1] - before[0] > INTERVAL]
    assert late == [0.0, 0.0]
    assert counted(done, "backuplink_watch_late_cycles_total") == 2


async def test_a_signal_ends_the_wait_at_once() -> None:
    async def meanwhile(watch: Watch, stop: CancelToken) -> None:
        await asyncio.sleep(1.0)
        stop.cancel("SIGTERM")

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        return measurement_of("healthy")

    at: list[float] = []
    done = await watched(job(go), meanwhile=meanwhile, tidy=lambda _: at.append(asyncio.get_running_loop().time()))
    assert at == [0.0]
    assert done.watch.report is not None


async def test_a_cycle_that_a_signal_cut_says_nothing(tmp_path: Path) -> None:
    textfile = tmp_path / "watch.prom"

    async def meanwhile(watch: Watch, stop: CancelToken) -> None:
        await asyncio.sleep(INTERVAL * 1.5)  # the second cycle waits for an answer that never comes
        stop.cancel("SIGTERM")

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        cycle = networks(loaded("healthy" if not waited else "one-zone-silent"))
        if waited:
            stop.cancel("SIGTERM")
        waited.append(True)
        return await cycle(settings, emit, stop)

    waited: list[bool] = []
    done = await watched(job(go, textfile=textfile), meanwhile=meanwhile)
    assert len(waited) == 2
    assert counted(done, "backuplink_watch_cycles_total") == 1
    assert [line.split(" ", 1)[1] for line in done.lines] == [
        "verdict ok: backup: every address answers over the private path"
    ] or len(done.lines) == 1
    assert done.watch.report is not None
    assert done.watch.report.verdict.status == "ok"


# --- What cycles share -----------------------------------------------------------------------------------------------


async def test_a_fault_is_seen_by_the_cycle_that_meets_it_and_by_none_after_it() -> None:
    names = ["healthy", "one-zone-silent", "healthy", "name-does-not-exist", "one-zone-silent", "healthy"]
    statuses: list[str] = []

    def noting(evidence: Measurement) -> Report:
        report = judge(evidence)
        statuses.append(report.verdict.status)
        return report

    await watched(job(networks(loaded(*names)), judge=noting, cycles=len(names)))
    assert statuses == [judge(measurement_of(name)).verdict.status for name in names]


async def test_a_round_of_signed_calls_goes_on_from_cycle_to_cycle() -> None:
    turns: list[int | None] = []

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        turns.append(settings.turn)
        return measurement_of("healthy")

    await watched(job(go, cycles=4))
    assert turns == [0, 1, 2, 3]


FIRST_READ: Final = first_read_after("i-0a1b2c3d4e5f67890")
"""The seconds from the start of a watch on the simulated instance to the first read of EC2."""


async def asked(*names: str) -> list[tuple[float, str]]:
    """For each cycle, its start, and whether it may ask EC2 (`may`), has an earlier answer (`again`), or neither
    (`no`).
    """
    sources: list[tuple[float, str]] = []
    cycle = networks(loaded(*names))

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        what = "may" if settings.ec2 is Ec2.AUTO else "no" if settings.ec2_facts is None else "again"
        sources.append((asyncio.get_running_loop().time(), what))
        return await cycle(settings, emit, stop)

    await watched(job(go, scenario=CONFIGURED, cycles=len(names)))
    return sources


async def test_ec2_is_read_after_a_time_of_this_instance_s_own_and_then_once_an_hour() -> None:
    seen = await asked(*[CONFIGURED] * int((READ_INTERVAL + READ_SPREAD) / INTERVAL + 5))
    reading = [time for time, what in seen if what == "may"]
    assert FIRST_READ <= reading[0] <= FIRST_READ + (1 + JITTER) * INTERVAL
    assert READ_INTERVAL <= reading[1] - reading[0] <= READ_INTERVAL + (1 + JITTER) * INTERVAL
    assert len(reading) == 2
    assert {what for time, what in seen if time < reading[0]} == {"no"}
    assert {what for time, what in seen if reading[0] < time < reading[1]} == {"again"}


async def test_a_healthy_host_may_read_from_its_first_time_on_and_does_not() -> None:
    seen = await asked(*["configuration-healthy"] * int(READ_INTERVAL / INTERVAL))
    assert {what for time, what in seen if time >= FIRST_READ} == {"may"}


async def test_what_ec2_said_of_one_fault_is_not_used_for_another() -> None:
    before = int(FIRST_READ / ((1 - JITTER) * INTERVAL)) + 4
    seen = await asked(*[CONFIGURED] * before, "one-zone-silent", *[CONFIGURED] * 2)
    # After a cycle with another fault there is no earlier answer, and EC2 may not be asked again within the hour.
    assert [what for _, what in seen[before - 1 :]] == ["again", "again", "no", "no"]


@pytest.mark.parametrize("is_zone_silent", [True, False])
async def test_an_endpoint_given_by_its_id_keeps_the_name_that_ec2_gave(is_zone_silent: bool) -> None:
    """EC2 answers no further read. Neither another fault nor that makes the name unknown again."""
    name = "endpoint-by-its-id"
    well = scenarios.load(name)
    assert well.ec2 is not None
    then = replace(well, ec2=replace(well.ec2, answer="throttled"))
    if is_zone_silent:
        then = replace(then, tcp=(replace(well.tcp[0], addresses=well.tcp[0].addresses[:1]),))
    begins = int(FIRST_READ / INTERVAL) + 3
    turns = [*[well] * begins, *[then] * int((1 + 2 * JITTER) * READ_INTERVAL / INTERVAL)]
    statuses: list[Status] = []

    def noting(evidence: Measurement) -> Report:
        report = judge(evidence)
        statuses.append(report.verdict.status)
        return report

    await watched(job(networks(turns), scenario=name, judge=noting, cycles=len(turns)))
    assert statuses[begins - 1] is Status.OK
    assert set(statuses[begins:]) == {Status.CRITICAL if is_zone_silent else Status.OK}


async def test_what_ec2_said_stands_when_a_later_read_fails() -> None:
    shut = scenarios.load(CONFIGURED)
    assert shut.ec2 is not None
    throttled = replace(shut, ec2=replace(shut.ec2, answer="throttled"))
    begins = int(FIRST_READ / INTERVAL) + 3
    turns = [*[shut] * begins, *[throttled] * int((1 + 2 * JITTER) * READ_INTERVAL / INTERVAL)]
    causes: list[str] = []

    def noting(evidence: Measurement) -> Report:
        report = judge(evidence)
        causes.append(report.findings[0].code)
        return report

    await watched(job(networks(turns), scenario=CONFIGURED, judge=noting, cycles=len(turns)))
    named = [code.startswith("VPC") for code in causes[begins - 1 :]]
    assert named.count(False) == 1  # the cycle whose read failed
    assert named[-1]


async def test_what_ec2_says_later_counts_though_one_read_is_always_denied() -> None:
    """A narrow role lacks a permission in every read, so that read knew no more earlier."""
    shut = scenarios.load(CONFIGURED)
    assert shut.ec2 is not None
    narrow = replace(shut, ec2=replace(shut.ec2, denied=(NETWORK_ACLS,)))
    turns = [narrow] * int((READ_INTERVAL + READ_SPREAD) / INTERVAL + 5)
    cycle = networks(turns)
    taken: list[datetime] = []

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        if settings.ec2_facts is not None:
            taken.append(settings.ec2_facts.taken_at)
        return await cycle(settings, emit, stop)

    await watched(job(go, scenario=CONFIGURED, cycles=len(turns)))
    assert len(set(taken)) == 2


def test_first_reads_of_a_fleet_are_spread() -> None:
    after = [first_read_after(f"i-{number:017x}") for number in range(6_000)]
    assert 0 <= min(after) <= max(after) < READ_SPREAD
    a_minute = Counter(int(seconds // 60) for seconds in after)
    assert min(a_minute.values()) > 400  # the mean is 600
    assert first_read_after("i-0a1b2c3d4e5f67890") == FIRST_READ


async def test_findings_with_what_ec2_said_before_are_those_of_an_answer_of_now() -> None:
    ids: list[list[str]] = []

    def noting(evidence: Measurement) -> Report:
        report = judge(evidence)
        ids.append(sorted(finding.id for finding in report.findings))
        return report

    cycles = int(FIRST_READ / ((1 - JITTER) * INTERVAL)) + 5
    await watched(job(networks(loaded(*[CONFIGURED] * cycles)), scenario=CONFIGURED, judge=noting, cycles=cycles))
    assert any(name.startswith("VPC") for name in ids[-1])
    assert ids[-3:] == [ids[-1]] * 3


# --- What a cycle leaves ---------------------------------------------------------------------------------------------


async def test_state_and_not_noise() -> None:
    done = await watched(job(networks(loaded(*["healthy", "one-zone-silent"] * 12)), cycles=24))
    lines = [line.split()[1:3] for line in done.lines]
    assert lines == [["verdict", "ok:"], ["flapping", "verdict"], ["flapping", "TCP002@backup"]]
    assert counted(done, "backuplink_watch_finding_flapping", code="TCP002", severity="critical", target="backup") == 1


async def test_a_fault_that_lasts_is_said_once_and_again_when_it_has_gone() -> None:
    done = await watched(job(networks(loaded("healthy", *["one-zone-silent"] * 5, *["healthy"] * 4)), cycles=10))
    lines = [line.split()[1:3] for line in done.lines]
    assert lines == [
        ["verdict", "ok:"],
        ["verdict", "critical,"],
        ["raised", "TCP002@backup"],
        ["verdict", "ok,"],
        ["cleared", "TCP002@backup"],
    ]


@pytest.mark.parametrize("redact", [False, True])
async def test_ndjson_is_one_stream_of_whole_runs_and_changes(redact: bool) -> None:
    done = await watched(
        job(networks(loaded("healthy", *["one-zone-silent"] * 2)), format="ndjson", redact=redact, cycles=3)
    )
    lines = [json.loads(line) for document in done.documents for line in document.splitlines()]
    kinds = [line["type"] for line in lines]
    assert kinds.count("report") == 3
    assert [line["kind"] for line in lines if line["type"] == "change"] == ["verdict", "verdict", "raised"]
    assert kinds[-1] == "change"
    whole = json.dumps(lines)
    assert ("10.0.2.17" in whole) is not redact


async def test_emf_has_an_event_for_the_run_in_each_cycle() -> None:
    done = await watched(job(networks(loaded("healthy", "one-zone-silent")), format="emf", cycles=2))
    events = [json.loads(line) for document in done.documents for line in document.splitlines()]
    assert [event["type"] for event in events].count("run") == 2


async def test_files_have_the_last_cycle(tmp_path: Path) -> None:
    output, textfile = tmp_path / "report.json", tmp_path / "watch.prom"
    done = await watched(
        job(networks(loaded("healthy", "one-zone-silent")), format="json", output=output, textfile=textfile, cycles=2)
    )
    report = json.loads(output.read_text("utf-8"))
    assert report["verdict"]["status"] == "critical"
    samples = samples_in(textfile.read_text("utf-8"))
    assert samples["backuplink_watch_cycles_total", frozenset()] == 2
    assert samples["backuplink_verdict_status", frozenset({("status", "critical")})] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "watch.prom"]
    assert done.documents == []


@pytest.mark.parametrize(("wanted", "new"), [("json", 0o600), ("html", 0o600), ("prometheus", 0o644)])
async def test_a_new_file_is_its_owners_alone_and_metrics_are_not(wanted: str, new: int, tmp_path: Path) -> None:
    """An existing file keeps its permissions, since somebody set them for its readers."""
    made, kept, textfile = tmp_path / "made", tmp_path / "kept", tmp_path / "watch.prom"
    kept.touch()
    kept.chmod(0o640)
    before = os.umask(0o022)
    try:
        for output in (made, kept):
            await watched(job(networks(loaded("healthy")), format=wanted, output=output, textfile=textfile, cycles=1))
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (made, kept, textfile)] == [new, 0o640, 0o644]
    assert kept.read_bytes()


async def test_a_file_that_cannot_be_written_is_said_once_and_when_it_can_again(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    cycle_numbers = itertools.count()

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        if next(cycle_numbers) == 3:
            folder.mkdir()
        return measurement_of("healthy")

    done = await watched(job(go, textfile=folder / "watch.prom", cycles=5))
    lines = [line for line in done.lines if "watch.prom" in line]
    assert lines == [
        f"{folder / 'watch.prom'} cannot be written: {os.strerror(errno.ENOENT)}\n",
        f"{folder / 'watch.prom'} is written again\n",
    ]
    assert counted(done, "backuplink_watch_file_write_errors_total") == 3


@pytest.mark.virtual_clock  # the virtual clock does not wait for a hanging thread
async def test_a_disk_that_hangs_holds_up_no_cycle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    started: list[float] = []

    def hanging(document: str, path: Path, *, private: bool) -> None:
        let_go.wait()

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        started.append(asyncio.get_running_loop().time())
        return measurement_of("healthy")

    monkeypatch.setattr(sinks, "to_file", hanging)
    try:
        done = await watched(job(go, textfile=tmp_path / "watch.prom", cycles=4))
    finally:
        let_go.set()
    assert all(
        (1 - JITTER) * INTERVAL <= after - before <= (1 + JITTER) * INTERVAL
        for before, after in itertools.pairwise(started)
    )
    assert [line for line in done.lines if "watch.prom" in line] == [
        f"{tmp_path / 'watch.prom'} cannot be written: it takes longer than {FILE_SECONDS:g} s\n"
    ]
    assert counted(done, "backuplink_watch_file_write_errors_total") == 4


async def test_a_reader_of_stdout_who_does_not_read_costs_documents_and_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(sinks, "MAX_BACKLOG", 3)
    taken: list[str] = []

    def slow(document: str) -> None:
        let_go.wait()
        taken.append(document)

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        if next(cycle_numbers) == 19:
            let_go.set()
        return measurement_of("healthy")

    cycle_numbers = itertools.count()
    done = await watched(job(go, format="emf", cycles=20), documents=slow)
    dropped = counted(done, "backuplink_watch_dropped_documents_total")
    assert dropped >= 14
    assert len(taken) + dropped == 20


async def test_a_watch_that_nobody_hears_any_more_ends() -> None:
    def gone(document: str) -> None:
        raise OutputClosedError

    cycle_numbers = itertools.count(1)

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        next(cycle_numbers)
        time.sleep(0.01)  # noqa: ASYNC251 - real time, for the thread that writes
        return measurement_of("healthy")

    with pytest.raises(OutputClosedError):
        await watched(job(go, format="emf", cycles=1_000), documents=gone)
    assert next(cycle_numbers) < 1_000


# --- What goes wrong -------------------------------------------------------------------------------------------------


async def test_a_fault_of_the_program_ends_one_cycle_and_not_the_watch() -> None:
    cycle_numbers = itertools.count()

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        if next(cycle_numbers) == 1:
            raise RuntimeError("a fault\nof ours")
        return measurement_of("healthy")

    done = await watched(job(go, cycles=3))
    assert counted(done, "backuplink_watch_cycle_errors_total") == 1
    assert counted(done, "backuplink_watch_cycles_total") == 2
    lines = [line for line in done.lines if "internal error" in line]
    assert lines == ["a cycle was ended by an internal error: RuntimeError: a fault\\nof ours\n"]
    assert all(line.count("\n") == 1 for line in done.lines)


async def test_a_document_that_cannot_be_made_ends_no_watch() -> None:
    def broken(report: Report) -> str:
        raise RuntimeError("a fault of a format")

    done = await watched(replace(job(canned(), format="emf", cycles=2), render=broken))
    assert [line for line in done.lines if "internal error" in line] == [
        "a cycle was ended by an internal error: RuntimeError: a fault of a format\n"
    ]
    assert done.watch.report is None


async def test_the_exit_is_never_by_a_report_before_a_broken_cycle() -> None:
    cycle_numbers = itertools.count()

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        if next(cycle_numbers) == 1:
            raise RuntimeError
        return measurement_of("healthy")

    assert (await watched(job(go, cycles=2))).watch.report is None


async def test_it_is_alive_while_cycles_come_to_their_end_and_no_longer() -> None:
    alive: list[tuple[float, bool]] = []

    async def meanwhile(watch: Watch, stop: CancelToken) -> None:
        while True:
            alive.append((asyncio.get_running_loop().time(), watch._alive()[0]))
            await asyncio.sleep(1.0)

    cycle_numbers = itertools.count()

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        if next(cycle_numbers) == 2:
            await asyncio.sleep(100 * INTERVAL)
        return measurement_of("one-zone-silent")  # a failed verdict is a sign of life, too

    await watched(job(go, cycles=3), meanwhile=meanwhile)
    dead = [at for at, is_alive in alive if not is_alive]
    assert dead
    assert min(dead) == pytest.approx(INTERVAL + 2 * INTERVAL + DEADLINE, abs=2 * JITTER * INTERVAL + 1)
    assert dead == [at for at, _ in alive if at >= min(dead)]


# --- Settings that are read again ------------------------------------------------------------------------------------


async def test_settings_are_taken_before_the_next_cycle() -> None:
    started: list[float] = []

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        started.append(asyncio.get_running_loop().time())
        return measurement_of("healthy")

    async def meanwhile(watch: Watch, stop: CancelToken) -> None:
        await asyncio.sleep(1.0)
        watch.read_again()

    done = await watched(job(go), meanwhile=meanwhile, reread=lambda: job(go, interval=600.0, cycles=3))
    assert "the settings were read again\n" in done.lines
    assert counted(done, "backuplink_watch_reloads_total", result="applied") == 1
    first, second = (after - before for before, after in itertools.pairwise(started))
    assert first == pytest.approx(INTERVAL, rel=JITTER)  # this cycle was due already
    assert second == pytest.approx(600.0, rel=JITTER)


async def test_settings_that_cannot_be_taken_leave_the_old_ones() -> None:
    async def meanwhile(watch: Watch, stop: CancelToken) -> None:
        await asyncio.sleep(1.0)
        watch.read_again()

    def refused() -> Any:
        raise ValueError("c.toml: 'intervall' is not a setting")

    done = await watched(job(canned(), cycles=3), meanwhile=meanwhile, reread=refused)
    assert (
        "the new settings were rejected, and the old settings stay: c.toml: 'intervall' is not a setting\n"
        in done.lines
    )
    assert counted(done, "backuplink_watch_reloads_total", result="rejected") == 1
    assert counted(done, "backuplink_watch_cycles_total") == 3


async def test_what_stands_raised_stays_so_over_new_settings() -> None:
    async def meanwhile(watch: Watch, stop: CancelToken) -> None:
        await asyncio.sleep(2.5 * INTERVAL)
        watch.read_again()

    cycle = networks(loaded(*["one-zone-silent"] * 8))
    done = await watched(job(cycle, cycles=6), meanwhile=meanwhile, reread=lambda: job(cycle, cycles=6, raise_after=3))
    assert [line.split()[1] for line in done.lines if line[0].isdigit()] == ["verdict", "raised"]


async def test_an_address_that_is_not_this_hosts_is_no_watch() -> None:
    from ipaddress import ip_address

    with pytest.raises(CannotListenError, match=r"cannot listen on 192\.0\.2\.1 port 9842: "):
        await watched(job(canned(), listen=(ip_address("192.0.2.1"), 9842), cycles=1))


async def test_settings_of_a_job_do_not_change_under_a_cycle() -> None:
    """If settings are reloaded during a cycle, their deadline applies only to later cycles."""
    seen: list[float] = []

    async def go(settings: Settings, emit: Emit, stop: CancelToken) -> Measurement:
        seen.append(settings.deadline)
        return measurement_of("healthy")

    async def meanwhile(watch: Watch, stop: CancelToken) -> None:
        await asyncio.sleep(1.0)
        watch.read_again()

    after = job(go, cycles=2)
    after = replace(after, settings=replace(after.settings, deadline=7.0))
    await watched(job(go, cycles=2), meanwhile=meanwhile, reread=lambda: after)
    assert seen == [DEADLINE, 7.0]
