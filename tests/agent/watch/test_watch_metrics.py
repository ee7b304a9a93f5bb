"""The metrics of a watch about itself. A receiver of notices never delays its cycles."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from agent.formats import prometheus
from agent.process.cancel import CancelToken
from agent.process.output import Writer
from agent.report.model import Measurement, Report, Status
from agent.settings import Notify, Watching
from agent.simulated.settings import settings_of
from agent.watch.changes import Kind, Tracker
from agent.watch.config import WatchConfig, WatchEnvironment
from agent.watch.metrics import Counts, families
from agent.watch.notices import Channel, Delivery
from agent.watch.schedule import Watch
from agent.watch.systemd import Manager
from tests.agent.watch.cycles import cycle, fault
from tests.agent.watch.receiver import receiving, silence
from tests.formats.monitors import samples_in
from tests.support import build, scenarios

LIMIT: Final = 25.0
"""A limit in seconds. It is longer than a program that receives a notice may take."""
VPCE: Final = "backup@vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com"


def _samples(
    tracker: Tracker, *, masked: bool = False, **counts: Any
) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = prometheus.expose(
        families(
            counts=Counts(**counts),
            tracker=tracker,
            notices=Counter({(Channel.URL, Delivery.FAILED): 3, (Channel.URL, Delivery.SENT): 0}),
            interval=60.0,
            started_at=build.NOW,
            redact=masked,
        )
    )
    return samples_in(text)


def _of(
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str
) -> dict[frozenset[tuple[str, str]], float]:
    return {labels: value for (metric, labels), value in samples.items() if metric == f"backuplink_watch_{name}"}


def _labels(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def test_before_the_first_cycle_nothing_is_claimed() -> None:
    samples = _samples(Tracker(raise_after=1, clear_after=1))
    assert set(_of(samples, "verdict").values()) == {0.0}
    assert _of(samples, "last_cycle_timestamp_seconds") == {}
    assert _of(samples, "finding_raised") == {}


def test_counters_say_what_was_counted() -> None:
    at = build.NOW + timedelta(seconds=90)
    counts: dict[str, Any] = {
        "cycles": 7,
        "late": 1,
        "errors": 2,
        "dropped_documents": 3,
        "failed_writes": 4,
        "finished_at": at,
    }
    samples = _samples(Tracker(raise_after=1, clear_after=1), reloads=Counter({True: 5, False: 6}), **counts)
    none = frozenset[tuple[str, str]]()
    for name, value in (
        ("cycles_total", 7),
        ("late_cycles_total", 1),
        ("cycle_errors_total", 2),
        ("dropped_documents_total", 3),
        ("file_write_errors_total", 4),
        ("interval_seconds", 60),
        ("start_timestamp_seconds", build.NOW.timestamp()),
        ("last_cycle_timestamp_seconds", at.timestamp()),
    ):
        assert _of(samples, name) == {none: value}, name
    assert _of(samples, "reloads_total") == {_labels(result="applied"): 5, _labels(result="rejected"): 6}
    failed, sent = _labels(channel="url", result="failed"), _labels(channel="url", result="sent")
    assert _of(samples, "notices_total") == {failed: 3, sent: 0}


def test_the_state_is_that_of_the_tracker() -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    for number in range(1, 8):
        tracker.fold(cycle(number, *([fault("DNS001", evidence=())] * (number % 2)), fault(), status=Status.WARNING))
    samples = _samples(tracker)
    assert {key for key, value in _of(samples, "verdict").items() if value} == {_labels(status="warning")}
    tcp = _labels(code="TCP001", severity="critical", target="backup")
    assert _of(samples, "finding_flapping") == {_labels(code="DNS001", severity="critical", target="backup"): 1}
    assert _of(samples, "verdict_flapping") == {_labels(): 0}
    assert _of(samples, "finding_raised")[tcp] == 1
    assert _of(samples, "changes_total") == {_labels(kind=kind): tracker.reported[kind] for kind in Kind}


def test_since_when_a_finding_is_there() -> None:
    """The time is that of the first cycle with the finding, and not of the cycle after which the finding was reported.
    It is shown until the finding ends.
    """
    tracker = Tracker(raise_after=2, clear_after=1)
    first = cycle(1, fault())
    tracker.fold(first)
    assert _of(_samples(tracker), "finding_since_timestamp_seconds") == {}
    for number in (2, 3):
        tracker.fold(cycle(number, fault()))
        since = _of(_samples(tracker), "finding_since_timestamp_seconds")
        labels = _labels(code="TCP001", severity="critical", target="backup")
        assert since == {labels: first.run.started_at.timestamp()}
    tracker.fold(cycle(4))
    assert _of(_samples(tracker), "finding_since_timestamp_seconds") == {}


def test_masks_stand_in_labels_and_two_that_become_one_are_one() -> None:
    tracker = Tracker(raise_after=1, clear_after=1)
    tracker.fold(
        cycle(1, fault(target=VPCE), fault(target=VPCE.replace("abc", "xyz")), fault(target="10.0.0.2\n\u202e"))
    )
    shown = {dict(labels)["target"] for labels in _of(_samples(tracker, masked=True), "finding_raised")}
    assert shown == {"backup@***", "***"}
    plain = {dict(labels)["target"] for labels in _of(_samples(tracker), "finding_raised")}
    assert plain == {VPCE, VPCE.replace("abc", "xyz"), "10.0.0.2\\n\\u202e"}


@pytest.mark.parametrize("interval", [0.05])
async def test_a_program_and_a_server_that_hang_hold_up_no_cycle(interval: float) -> None:
    """The verdict changes in each cycle. The program that gets the notices never ends, and the server never answers."""
    messages: list[str] = []
    number = 0

    async def measure(*_: object) -> Measurement:
        return build.measurement(build.healthy())

    def judge(_: Measurement) -> Report:
        nonlocal number
        number += 1
        return (
            cycle(number, fault(), status=Status.CRITICAL)
            if number % 4 < 2
            else cycle(number, observations=(build.tcp("10.0.1.17"),), status=Status.OK)
        )

    async def whole(url: str) -> Watch:
        watching = Watching(
            interval=interval,
            cycles=12,
            raise_after=1,
            clear_after=1,
            on_change=("sleep", "600"),
            notify=Notify(url=url),
        )
        job = WatchConfig(
            settings=replace(settings_of(scenarios.load("healthy")), deadline=1.0),
            watching=watching,
            measure=measure,
            judge=judge,
            format="text",
            output=None,
            render=lambda _: "",
            redact=False,
        )
        around = WatchEnvironment(
            now=lambda: datetime.fromisoformat("2026-03-01T12:00:00+00:00"),
            chance=random.Random(1),
            manager=Manager({}, process_id=1),
            lines=lines,
            documents=lines,
            journal=True,
        )
        watch = Watch(job, around, CancelToken([]))
        async with asyncio.timeout(LIMIT):
            await watch.run()
        return watch

    lines = Writer(messages.append)
    with receiving(silence) as receiver:
        watch = await whole(receiver.url("/s3cr3t"))
        lines.end()
    samples = samples_in(watch._metrics())
    assert _of(samples, "cycles_total") == {frozenset(): 12}
    notices = _of(samples, "notices_total")
    left = notices[_labels(channel="command", result="dropped")]
    assert left == notices[_labels(channel="url", result="dropped")] == sum(_of(samples, "changes_total").values()) > 4
    assert sum("was not sent: no time was left" in message for message in messages) == 2 * left
    assert "s3cr3t" not in "".join(messages) + watch._metrics()


def test_a_verdict_that_flaps_is_named_where_no_finding_does() -> None:
    tracker = Tracker(raise_after=2, clear_after=2)
    for number in range(1, 9):
        tracker.fold(cycle(number, status=Status.UNKNOWN if number % 2 else Status.OK))
    samples = _samples(tracker)
    assert _of(samples, "verdict_flapping") == {_labels(): 1}
    assert _of(samples, "finding_flapping") == {}
