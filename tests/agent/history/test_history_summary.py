"""Summaries of cycles: gaps, availability, latency, flapping, and the lines for people and for programs."""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.app.publish import HISTORY, rendered
from agent.history.export import COLUMNS, as_csv, as_ndjson
from agent.history.model import (
    ChangeRow,
    CycleRow,
    FindingRow,
    Gap,
    HistoryDocument,
    Latency,
    Outline,
    Series,
    StepRow,
)
from agent.history.read import Mark
from agent.history.render import ShownHistory
from agent.history.summary import days, flapping, gaps, last_failed, latency, merged, share, spans

T0 = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000
OK, ILL, DIM, ODD = 1, 2, 3, 4
STATUSES = {OK: "ok", ILL: "critical", DIM: "unknown", ODD: "warning"}


def marks(*starts: float, stands: float | None = 1.0, outlines: Sequence[int] = ()) -> list[Mark]:
    """Cycles that started these numbers of hours after T0. Each lasts `stands` hours."""
    kinds = outlines or [OK] * len(starts)
    whole = None if stands is None else round(stands * HOUR)
    return [
        Mark(number, T0 + round(start * HOUR), whole, 0, kind)
        for number, (start, kind) in enumerate(zip(starts, kinds, strict=True), 1)
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(marks(0), [], id="one cycle"),
        pytest.param(marks(0, 1, 2), [], id="each stands until the next"),
        pytest.param(marks(0, 0.5, 1.5), [], id="sooner than it stands"),
        pytest.param(marks(0, 1.1, 2), [(1.0, 1.1, 2)], id="a moment late"),
        pytest.param(marks(0, 5, 6, 9), [(1.0, 5.0, 2), (7.0, 9.0, 4)], id="two gaps"),
        pytest.param(marks(0, 1, 2, 3, stands=None), [], id="a timer"),
        pytest.param(marks(0, 1, 2, 3.4, stands=None), [], id="a timer that is late by less than half"),
        pytest.param(marks(0, 1, 2, 6, 7, stands=None), [(3.5, 6.0, 4)], id="a timer that stopped"),
        pytest.param(marks(1, 0, 2), [], id="a clock that was set back"),
    ],
)
def test_gaps(given: list[Mark], expected: list[tuple[float, float, int]]) -> None:
    found = [
        ((gap.since.timestamp() * 1000 - T0) / HOUR, (gap.until.timestamp() * 1000 - T0) / HOUR, gap.cycle)
        for gap in gaps(spans(given))
    ]
    assert found == expected


def test_a_gap_counts_neither_as_available_nor_as_failed() -> None:
    (day,) = days(spans(marks(0, 1, 12, stands=1, outlines=[OK, ILL, OK])), STATUSES)
    assert (day.day, day.available, day.failed, day.unknown) == ("2026-03-01", 7_200, 3_600, 0)
    assert day.cells == "##xx" + "." * 20 + "##" + "." * 22


def test_unknown_counts_as_neither_and_a_warning_as_available() -> None:
    (day,) = days(spans(marks(0, 1, 2, outlines=[DIM, ODD, 99])), STATUSES)
    assert (day.available, day.failed, day.unknown) == (3_600, 0, 7_200)
    assert day.cells.startswith("??##??.")


def test_the_worst_of_half_an_hour_is_shown() -> None:
    (day,) = days(spans(marks(0, 0.1, 0.2, 0.3, stands=0.1, outlines=[OK, ILL, DIM, OK])), STATUSES)
    assert day.cells.startswith("x.")
    (day,) = days(spans(marks(0, 0.1, stands=0.1, outlines=[DIM, OK])), STATUSES)
    assert day.cells.startswith("?.")


def test_a_cycle_over_midnight_counts_on_both_days_and_a_day_without_any_is_there() -> None:
    first, second, third, fourth = days(spans(marks(23.75, 72, stands=0.5, outlines=[ILL, OK])), STATUSES)
    assert (first.failed, second.failed) == (900, 900)
    assert (first.cells[-1], second.cells[0]) == ("x", "x")
    assert (third.available, third.failed, third.cells) == (0, 0, "." * 48)
    assert (fourth.day, fourth.available) == ("2026-03-04", 1_800)


def test_a_clock_that_was_wrong_makes_no_million_days() -> None:
    rows = days(spans(marks(-24 * 365 * 50, 0)), STATUSES)
    assert (len(rows), rows[-1].day) == (3_660, "2026-03-01")
    assert days([], STATUSES) == ()


STEP = StepRow(
    step="tcp",
    target="backup",
    address="10.0.1.17",
    port=443,
    resolver=None,
    operation=None,
    status="ok",
    kind=None,
    code=None,
)


def test_percentiles_are_of_the_successful_steps() -> None:
    failed, skipped = replace(STEP, status="failed"), replace(STEP, step="host")
    durations = {
        STEP: {0: {value / 1024: 1 for value in range(1, 101)}, 2: {2.0: 1}},
        failed: {1: {5.0: 1}},
        skipped: {1: {5.0: 1}},
    }
    (row,) = latency(durations, 4)
    assert (row.lane, row.step, row.count) == ("backup 10.0.1.17:443", "tcp", 101)
    assert (row.p50, row.p95, row.p99, row.max) == (51 / 1024, 96 / 1024, 100 / 1024, 2.0)
    assert row.medians == (50 / 1024, None, 2.0, None)
    assert latency({failed: {0: {1.0: 1}}}, 1) == latency({}, 1) == ()


@given(st.lists(st.sampled_from((0.001, 0.002, 0.25, 3.0)), min_size=1, max_size=300))
def test_percentiles_of_counts_are_those_of_the_values(values: list[float]) -> None:
    slices: dict[int, Counter[float]] = {}
    for number, value in enumerate(values):
        slices.setdefault(number % 3, Counter())[value] += 1
    (row,) = latency({STEP: slices}, 3)
    ordered = sorted(values)
    assert (row.count, row.max) == (len(values), ordered[-1])
    for percent, found in ((50, row.p50), (95, row.p95), (99, row.p99)):
        assert found == ordered[math.ceil(percent * len(values) / 100) - 1]
    own = [sorted(values[number::3]) for number in range(3)]
    assert row.medians == tuple(found[math.ceil(len(found) / 2) - 1] if found else None for found in own)


def test_lanes_are_in_order_and_steps_in_that_of_the_ladder() -> None:
    dns = replace(STEP, step="dns", address=None, port=None, resolver="10.0.0.2", operation="A")
    api = replace(STEP, step="api")
    far = replace(STEP, address="fd00::1")
    rows = latency({step: {0: {1.0: 1}} for step in (api, far, STEP, dns)}, 1)
    assert [(row.lane, row.step) for row in rows] == [
        ("backup 10.0.1.17:443", "tcp"),
        ("backup 10.0.1.17:443", "api"),
        ("backup [fd00::1]:443", "tcp"),
        ("backup at 10.0.0.2", "dns A"),
    ]


def _change(kind: str, minute: int, about: str = "verdict", **values: Any) -> ChangeRow:
    at = datetime(2026, 3, 1, 0, minute, tzinfo=UTC)
    given: dict[str, Any] = {
        "cycle": minute,
        "series": "watch",
        "kind": kind,
        "at": at,
        "since": at,
        "seconds": 0.0,
        "about": about,
        "status": "ok",
        "severity": None,
        "text": f"{at:%Y-%m-%dT%H:%M:%SZ} {kind} {about}",
    }
    return ChangeRow(**given | values)


def test_flapping_lasts_until_it_settles() -> None:
    changes = [
        _change("flapping", 1),
        _change("raised", 2, "TCP002@backup"),
        _change("flapping", 3, "TCP002@backup"),
        _change("settled", 4),
        _change("settled", 5, "DNS001@backup"),  # the finding began before the first cycle that is read
        _change("flapping", 6),
    ]
    cycles = marks(*range(8), outlines=[OK, ILL, OK, DIM, OK, ILL, OK, ILL])
    found = [
        (row.about, row.since.minute, row.until and row.until.minute, row.cycles, row.failed, row.unknown)
        for row in flapping(changes, cycles, STATUSES)
    ]
    assert found == [
        ("verdict", 1, 4, 4, 1, 1),
        ("TCP002@backup", 3, None, 6, 2, 1),
        ("verdict", 6, None, 3, 2, 0),
    ]


def test_what_settled_before_the_first_cycle_that_is_read_is_left_out() -> None:
    changes = [_change("flapping", 1), _change("settled", 4), _change("flapping", 5)]
    (row,) = flapping(changes, marks(*range(8), outlines=[ILL] * 8)[5:], STATUSES)
    assert (row.since.minute, row.until, row.cycles, row.failed) == (5, None, 3, 3)


def test_the_last_failure_is_that_of_the_last_critical_cycle() -> None:
    watched = spans(marks(0, 1, 2, 3, outlines=[OK, ILL, ODD, DIM]))
    assert last_failed(watched, STATUSES) == ILL
    assert last_failed(watched[2:], STATUSES) is last_failed([], STATUSES) is None


# --- For people ------------------------------------------------------------------------------------------------------

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\r\n| <b>"


def _series(**values: Any) -> Series:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    given: dict[str, Any] = {
        "name": "watch --workload auto",
        "cycles": 1_440,
        "first_at": moment,
        "last_at": moment.replace(day=2),
        "status": "ok",
        "status_since": moment,
        "summary": "backup answers",
        "stands_until": moment.replace(day=2, minute=1),
        "lost": 0,
        "gaps": (),
        "days": None,
        "latency": None,
        "flapping": (),
        "last_failure": None,
    }
    return Series(**given | values)


def _document(*series: Series, changes: Sequence[ChangeRow] = ()) -> HistoryDocument:
    read_at = datetime(2026, 3, 2, tzinfo=UTC)
    return HistoryDocument(
        schema="backuplink.history.v1",
        read_at=read_at,
        since=None,
        last_at=None,
        series=series,
        changes=tuple(changes),
    )


def _list(document: HistoryDocument) -> str:
    return rendered(HISTORY, ShownHistory(document=document), "text")


def _chart(document: HistoryDocument) -> str:
    return rendered(HISTORY, ShownHistory(document=document, chart=True), "text")


def test_the_list() -> None:
    gap = Gap(
        since=datetime(2026, 3, 1, 0, 20, tzinfo=UTC),
        until=datetime(2026, 3, 1, 2, 30, tzinfo=UTC),
        seconds=7_800,
        cycle=21,
    )
    shown = _list(
        _document(
            _series(lost=1, gaps=(gap,)), changes=[_change("verdict", 1), _change("raised", 30, "TCP002@backup " * 6)]
        )
    )
    assert shown.partition("\n\n")[2] == (
        "watch --workload auto\n"
        "  1,440 cycles from 2026-03-01 00:00:00 to 2026-03-02 00:00:00 UTC; the last\n"
        "  verdict is ok.\n"
        "  1 gap in which nothing was checked, 2 h 10 min in all.\n"
        "  1 cycle lost: the file could not be written.\n"
        "\n"
        "  cycle  UTC                  change\n"
        "  1      2026-03-01 00:01:00  verdict verdict\n"
        "         2026-03-01 00:20:00  not watched for 2 h 10 min\n"
        "  30     2026-03-01 00:30:00  raised TCP002@backup TCP002@backup TCP002@backup\n"
        "                              TCP002@backup TCP002@backup TCP002@backup\n"
    )
    assert _list(_document()) == "UNKNOWN  no cycles\n"


def test_of_several_series_each_change_says_which() -> None:
    shown = _list(
        _document(_series(name="watch"), _series(name="check"), changes=[_change("raised", 1, series="check")])
    )
    assert "00:01:00  [2] raised verdict\n" in shown


def test_the_chart() -> None:
    watched = spans(marks(0, 1, 12, outlines=[OK, ILL, OK]))
    rows = (
        Latency(
            lane="backup 10.0.1.17:443", step="tcp", count=1_440, p50=0.001, p95=0.01, p99=0.1, max=1.0, medians=()
        ),
        Latency(
            lane="backup 10.0.1.17:443", step="api POST", count=3, p50=0.05, p95=0.25, p99=20.0, max=30.0, medians=()
        ),
    )
    shown = _chart(
        _document(
            _series(
                days=days(watched, STATUSES),
                latency=rows,
                flapping=flapping([_change("flapping", 1)], marks(0, 1, 12, outlines=[OK, ILL, OK]), STATUSES),
            ),
        )
    )
    assert shown[shown.index("Availability") :] == (
        "Availability\n"
        "  66.67 % of the 3 h 0 min that were watched with a verdict.\n"
        "  By day, each mark half an hour (UTC): # available, x failed, ? unknown, . not\n"
        "  watched. The share is of the time that was watched.\n"
        "2026-03-01 ##xx....................##......................  66.67 % of 3 h 0 min\n"
        "  Ok and warning count as available, critical as failed; unknown, and what\n"
        "  nobody watched, as neither.\n"
        "\n"
        "Latency\n"
        "  Of successful steps, in ms. The bar is logarithmic, 0.1 ms to 10 s: - up to\n"
        "  p50, = up to p95, . up to p99, | the longest.\n"
        "    step      cycles  p50   p95   p99\n"
        "  backup 10.0.1.17:443\n"
        "    tcp       1,440   1.0   10.0  100    ----=====....     |\n"
        "    api POST  3       50.0  250   20000  ------------===.......|\n"
        "\n"
        "Flapping\n"
        "  what     from (UTC)           to (UTC)     lasted  failed cycles\n"
        "  verdict  2026-03-01 00:01:00  not settled  -       1 of 3\n"
    )


def test_99_995_is_not_100_percent() -> None:
    assert share(99_999, 100_000) == "99.99 %"
    assert share(5.0, 5.0) == "100 %"


@pytest.mark.parametrize("draw", [_list, _chart])
def test_hostile_words_stay_words_of_80_columns(draw: Any) -> None:
    row = Latency(lane=HOSTILE * 9, step=HOSTILE, count=10**8, p50=1e-9, p95=9e4, p99=9e4, max=9e4, medians=())
    series = _series(
        name=HOSTILE * 9,
        cycles=10**9,
        lost=10**9,
        status=HOSTILE,
        days=days(spans(marks(0)), STATUSES),
        latency=(row, *(replace(row, lane=f"{number}", count=1) for number in range(50))),
        flapping=flapping([_change("flapping", 1, HOSTILE)], (), {}),
        summary=HOSTILE * 9,
    )
    shown = draw(_document(series, series, changes=[_change("raised", 1, cycle=10**9, text=f"x {HOSTILE * 20}")]))
    assert shown.replace("\n", "").isascii()
    assert shown.replace("\n", "").isprintable()
    assert max(map(len, shown.splitlines())) <= 80
    if draw is _chart:
        assert "  And 11 more lanes: --format json has all.\n" in shown


def test_changes_and_gaps_are_in_order() -> None:
    gap = Gap(since=datetime(2026, 3, 1, tzinfo=UTC), until=datetime(2026, 3, 1, 1, tzinfo=UTC), seconds=3_600, cycle=2)
    rows = list(merged([_change("raised", 1), _change("cleared", 2)], {"watch": [gap]}))
    assert [row.kind if isinstance(row, ChangeRow) else row[0] for row in rows] == ["raised", "watch", "cleared"]


# --- For programs ----------------------------------------------------------------------------------------------------


def _cycle(number: int = 1, **values: Any) -> CycleRow:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    outline = Outline(
        status="critical",
        path="private",
        access="allowed",
        summary=values.pop("summary", "backup: it is so"),
        findings=(
            FindingRow(id="TCP002@backup", severity="critical", explained_by=None, counts=True, suppressed=False),
        ),
        steps=(STEP, replace(STEP, step="tls", status="failed", kind="timeout")),
    )
    given: dict[str, Any] = {
        "id": number,
        "series": "watch",
        "run_id": "run-1",
        "started_at": moment,
        "finished_at": moment,
        "complete": True,
        "lost": 0,
        "report": number,
        "outline": outline,
        "seconds": (0.5, None),
    }
    return CycleRow(**given | values)


@pytest.mark.parametrize(
    "text_",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", " =1+1", "\r=1", "=cmd|' /C calc'!A0", '"=1', "a,b\n=1+1", HOSTILE],
)
def test_no_cell_is_a_formula(text_: str) -> None:
    document = "".join(as_csv([_cycle(summary=text_, run_id=text_, series=text_)]))
    (row,) = csv.DictReader(io.StringIO(document))
    assert list(row) == list(COLUMNS)
    for value in row.values():
        assert not value.lstrip().startswith(("=", "+", "-", "@"))
        assert not value.startswith(("\t", "\r"))
    assert document.replace("\n", "").isprintable()
    assert document.count("\n") == 2
    assert (row["cycle"], row["findings"], row["complete"]) == ("1", "TCP002@backup", "true")


def test_an_ordinary_cell_stays_as_it_is() -> None:
    (row,) = csv.DictReader(io.StringIO("".join(as_csv([_cycle(summary='a "b", c=d')]))))
    assert row["summary"] == 'a "b", c=d'


def test_lines_of_cycles_and_changes() -> None:
    changes = [_change("raised", 1), _change("flapping", 1), _change("cleared", 2)]
    lines = [json.loads(line) for line in as_ndjson([_cycle(1), _cycle(2)], changes)]
    assert [(line["type"], line.get("kind") or line["id"]) for line in lines] == [
        ("cycle", 1),
        ("change", "raised"),
        ("change", "flapping"),
        ("cycle", 2),
        ("change", "cleared"),
    ]
    assert [(step["step"], step["seconds"]) for step in lines[0]["steps"]] == [("tcp", 0.5), ("tls", None)]
    assert (lines[0]["status"], lines[0]["findings"][0]["id"]) == ("critical", "TCP002@backup")
