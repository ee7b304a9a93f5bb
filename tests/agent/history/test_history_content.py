"""A history as a page and as a picture: the current state, the times without a watch, and the report of each failure.
The page needs no other file, and text from outside stays text in it.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.app.history import _reports, _with_own_commands
from agent.app.publish import HISTORY, rendered
from agent.documents.canvas import NARROW, WIDE
from agent.documents.elements import to_svg
from agent.history import chart, content
from agent.history.model import ChangeRow, Day, Flapping, Gap, HistoryDocument, Latency, Series
from agent.history.read import HistoryReader
from agent.history.render import ShownHistory
from agent.history.standing import standing
from agent.report.model import Command, CommandScope, Report
from agent.report.serialization import to_json
from tests.formats import svg_picture
from tests.formats.html_page import Element, data, read, texts
from tests.support import histories
from tests.support.extent import one_in
from tests.support.untrusted import HOSTILE

Reports = Mapping[int, tuple[int, Report]]
T0 = datetime(2026, 3, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    """The time this many hours after T0."""
    return T0 + timedelta(hours=hours)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[HistoryDocument, Reports]:
    """A history of a week with its reports, read just after its last cycle."""
    path = tmp_path_factory.mktemp("history") / "week.db"
    histories.week(path)
    document = histories.read(path)
    with HistoryReader(path) as history:
        return document, _reports(history, document)


def _series(**values: Any) -> Series:
    given: dict[str, Any] = {
        "name": "watch",
        "cycles": 100,
        "first_at": at(0),
        "last_at": at(10),
        "status": "ok",
        "status_since": at(4),
        "summary": "backup answers",
        "stands_until": at(11),
        "lost": 0,
        "gaps": (),
        "days": (),
        "latency": (),
        "flapping": (),
        "last_failure": None,
    }
    return Series(**given | values)


def _document(*series: Series, read_at: datetime | None = None, changes: tuple[ChangeRow, ...] = ()) -> HistoryDocument:
    moment = at(10.5) if read_at is None else read_at
    return HistoryDocument(
        schema="backuplink.history.v1", read_at=moment, since=None, last_at=None, series=series, changes=changes
    )


def _flap(about: str = "verdict", until: datetime | None = None) -> Flapping:
    return Flapping(about=about, since=at(9), until=until, cycles=20, failed=9, unknown=1)


def _page(document: HistoryDocument, reports: Reports) -> str:
    return rendered(HISTORY, ShownHistory(document=document, reports=reports), "html")


# --- The current state -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "hours", "expected"),
    [
        pytest.param({}, 10.5, ("ok", "OK", "backup answers"), id="ok"),
        pytest.param({"status": "warning"}, 10.5, ("warning", "WARNING", "backup answers"), id="warning"),
        pytest.param({"status": "fine<b>"}, 10.5, ("unknown", "UNKNOWN", "backup answers"), id="no status"),
        pytest.param({}, 11.0, ("ok", "OK", "backup answers"), id="to the last moment"),
        pytest.param(
            {},
            11.1,
            ("unknown", "UNKNOWN", "not watched since 2026-03-01 11:00:00 UTC; the last verdict was ok"),
            id="a watch that has ended says nothing of now",
        ),
        pytest.param(
            {"flapping": (_flap(),)},
            10.5,
            (
                "warning",
                "FLAPPING",
                "failed 9 of 20 cycles, 1 unknown, flapping since 2026-03-01 09:00:00 UTC, the last cycle: OK",
            ),
            id="a verdict that keeps changing is not ok",
        ),
        pytest.param(
            {"flapping": (_flap(),), "status": "critical"},
            10.5,
            (
                "critical",
                "FLAPPING",
                "failed 9 of 20 cycles, 1 unknown, flapping since 2026-03-01 09:00:00 UTC, the last cycle: CRITICAL",
            ),
            id="nor is it well",
        ),
        pytest.param(
            {"flapping": (_flap(),)},
            11.1,
            (
                "unknown",
                "FLAPPING",
                "failed 9 of 20 cycles, 1 unknown, flapping since 2026-03-01 09:00:00 UTC, the last cycle: OK; "
                "not watched since 2026-03-01 11:00:00 UTC",
            ),
            id="what came and went until nobody watched is not called ok",
        ),
        pytest.param(
            {"flapping": (_flap(until=at(9.5)),)},
            11.1,
            ("unknown", "UNKNOWN", "not watched since 2026-03-01 11:00:00 UTC; the last verdict was ok"),
            id="settled, then not watched",
        ),
        pytest.param({"flapping": (_flap(until=at(9.5)),)}, 10.5, ("ok", "OK", "backup answers"), id="has settled"),
        pytest.param({"flapping": (_flap("TCP002@x"),)}, 10.5, ("ok", "OK", "backup answers"), id="a finding flaps"),
    ],
)
def test_how_things_are(given: dict[str, Any], hours: float, expected: tuple[str, str, str]) -> None:
    series = _series(**given)
    found = standing(series, _document(series, read_at=at(hours)))
    assert (found.kind, found.word, found.summary) == expected


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "since 2026-03-01 04:00:00 UTC, for 6 h 30 min"),
        (
            {"status_since": at(0)},
            "since 2026-03-01 00:00:00 UTC, for 10 h 30 min or longer: no earlier cycle is shown",
        ),
        (
            {"gaps": (Gap(since=at(5), until=at(6), seconds=3_600, cycle=60),)},
            "since 2026-03-01 04:00:00 UTC, for 6 h 30 min (60 min of it not watched)",
        ),
        (
            {"gaps": (Gap(since=at(1), until=at(2), seconds=3_600, cycle=20),)},
            "since 2026-03-01 04:00:00 UTC, for 6 h 30 min",
        ),
    ],
)
def test_since_when(given: dict[str, Any], line: str) -> None:
    series = _series(**given)
    assert standing(series, _document(series)).lines[0] == line


# --- The page --------------------------------------------------------------------------------------------------------


def test_of_a_week(week: tuple[HistoryDocument, Reports]) -> None:
    document, reports = week
    elements = read(_page(document, reports))
    assert texts(elements, "h1") == [
        "FLAPPING: failed 16 of 32 cycles, flapping since 2026-01-21 16:20:00 UTC, the last cycle: CRITICAL"
    ]
    assert texts(elements, "title") == [f"backuplink: history, {texts(elements, 'h1')[0]}"]
    assert texts(elements, "h2") == [
        histories.NAME,
        "Changes and gaps",
        "Reports of the failures",
        "Runbook pages",
    ]
    assert texts(elements, "h3") == ["Availability", "Latency", "Flapping"]
    assert "94.74 % of the 6 d 15 h that were watched with a verdict." in texts(elements, "p")
    assert "not watched for 7 h 57 min" in texts(elements, "p")
    assert data(elements) == to_json(document)
    levels = [int(element.name[1]) for element in elements if re.fullmatch("h[1-6]", element.name)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_what_nobody_watched_counts_as_neither(week: tuple[HistoryDocument, Reports]) -> None:
    rows = [element.text for element in read(_page(*week)) if element.name == "tr"]
    assert "2026-01-18100 %16 h 2 min0 s0 s7 h 57 min" in rows  # a day with a gap
    assert "2026-01-19100 %23 h 0 min0 s60 min0 s" in rows  # a day with an unknown verdict
    assert "2026-01-1690.28 %21 h 40 min2 h 20 min0 s0 s" in rows  # a day with a fault


def test_each_failure_leads_to_the_report_that_shows_it(week: tuple[HistoryDocument, Reports]) -> None:
    document, reports = week
    elements = read(_page(document, reports))
    shown = _events(elements)
    for row in content.failures(document):
        own, report = reports[row.cycle]
        event = next(event for event in shown if f", cycle {row.cycle}:" in event.text)
        assert row.text.partition(" ")[2] in event.text
        links = [
            element for element in elements if element.name == "a" and element.attributes["href"] == f"#cycle-{own}"
        ]
        assert {link.text for link in links} <= {"its report", f"report of cycle {own}"}
        assert links
        (part,) = [element for element in elements if element.attributes.get("id") == f"cycle-{own}"]
        assert "details" in part.inside
        assert report.verdict.summary in part.text
        assert row.about == "verdict" or row.about.partition("@")[0] in part.text
        assert f"All {len(report.observations)} observations" in part.text
    assert [own for own, _ in reports.values()] == [446, 316, 104]  # cycle 449 of the flapping finding was healthy


def test_what_is_no_failure_has_no_link(week: tuple[HistoryDocument, Reports]) -> None:
    (event,) = [event for event in _events(read(_page(*week))) if ", cycle 111" in event.text]
    assert event.text.startswith("2026-01-16 15:40:00 UTC, cycle 111\nverdict ok, was critical for 2 h 19 min")
    assert "class" not in event.attributes
    assert "a" not in event.children


def test_how_bad_a_failure_is_has_a_colour_and_a_word(week: tuple[HistoryDocument, Reports]) -> None:
    elements = read(_page(*week))
    kinds = ["critical", None, "unknown", None, None, "critical", None]
    assert [event.attributes.get("class") for event in _events(elements)] == kinds
    said = [(element.attributes.get("class"), element.text) for element in elements if element.name == "p"]
    clock = "raised ENV010 (warning): this host's clock is 120 s ahead of AWS's; present for 20 min"
    assert ("warning", clock) in said


def test_reports_are_bounded_and_what_is_left_out_is_counted(
    week: tuple[HistoryDocument, Reports], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, _ = week
    histories.week(tmp_path / "h.db")
    with HistoryReader(tmp_path / "h.db") as history:
        monkeypatch.setattr(content, "MAX_REPORTS", 1)
        few = _reports(history, document)
        monkeypatch.setattr(content, "MAX_REPORTS", 20)
        monkeypatch.setattr(content, "MAX_OBSERVATIONS", 10)  # the last report is included whatever its size
        assert few.keys() == _reports(history, document).keys() == {449}
    elements = read(_page(document, few))
    left = "And 2 earlier cycles with a failure: backuplink history FILE --show ID"
    assert left in texts(elements, "p")
    (event,) = [event for event in _events(elements) if ", cycle 104" in event.text]
    assert "a" not in event.children


def test_rows_are_bounded_and_what_is_left_out_is_counted(
    week: tuple[HistoryDocument, Reports], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MAX_ROWS", 2)
    elements = read(_page(*week))
    assert [event.text[:19] for event in _events(elements)] == ["2026-01-21 16:20:00", "2026-01-19 21:00:00"]
    notes = [element.text for element in elements if element.name == "p"]
    assert "And 5 earlier ones: backuplink history FILE." in notes
    assert "And 6 earlier days: backuplink history FILE --format json" in notes
    assert "And 23 more rows: backuplink history FILE --format json" in notes


def test_of_several_series_the_worst_is_first() -> None:
    well, ill = _series(), _series(name="check", status="critical", summary="nothing answers")
    elements = read(_page(_document(well, ill, changes=(_change(3, series="check"),)), {}))
    assert texts(elements, "h1") == ["CRITICAL: nothing answers"]
    assert texts(elements, "h2") == ["What was watched", "watch", "check", "Changes and gaps"]
    first, second, event = _events(elements)
    assert first.text.startswith("watch\nOK: backup answers\nsince 2026-03-01 04:00:00 UTC")
    assert second.text.startswith("check\nCRITICAL: nothing answers\nsince")
    assert (first.attributes, second.attributes) == ({"class": "ok"}, {"class": "critical"})
    assert event.text.startswith("2026-03-01 03:00:00 UTC, cycle 3, check\nraised TCP001@backup")


def test_of_an_empty_history() -> None:
    elements = read(_page(_document(), {}))
    assert texts(elements, "h1") == ["UNKNOWN: no cycles"]
    assert data(elements)["series"] == []
    root = svg_picture.read(chart.as_svg(_document()))
    assert svg_picture.title(root) == "UNKNOWN: no cycles"


def test_of_a_history_of_one_cycle_that_timed_nothing() -> None:
    elements = read(_page(_document(_series(cycles=1, days=(_day("2026-03-01"),))), {}))
    assert "Nothing was watched with a verdict." in texts(elements, "p")
    assert "No step was timed." in texts(elements, "p")
    assert "Nothing changed, and nothing was missed." in texts(elements, "p")


def _events(elements: list[Element]) -> list[Element]:
    """The entries in the list of changes and gaps, in order."""
    return [element for element in elements if element.name == "li" and not element.inside & {"details"}]


def _change(cycle: int, **values: Any) -> ChangeRow:
    given: dict[str, Any] = {
        "cycle": cycle,
        "series": "watch",
        "kind": "raised",
        "at": at(cycle),
        "since": at(cycle - 1),
        "seconds": 3_600.0,
        "about": "TCP001@backup",
        "status": "critical",
        "severity": "critical",
        "text": f"{at(cycle):%Y-%m-%dT%H:%M:%SZ} raised TCP001@backup (critical): it is so",
    }
    return ChangeRow(**given | values)


def _day(day: str, **values: Any) -> Day:
    given: dict[str, Any] = {"day": day, "available": 0.0, "failed": 0.0, "unknown": 0.0, "cells": "." * 48}
    return Day(**given | values)


def test_a_command_that_this_version_does_not_give_is_only_text(week: tuple[HistoryDocument, Reports]) -> None:
    """The command may be a forgery, since anyone may have written the file."""
    document, reports = week
    own, report = reports[104]
    (first, *others) = report.findings
    forged = Command(argv=("curl", "seen.example"), scope=CommandScope.HOST, changes=False, reversible=True, undo=None)
    findings = (replace(first, fix=replace(first.fix, commands=(*first.fix.commands, forged))), *others)
    reports = dict(_with_own_commands({104: (own, replace(report, findings=findings))}))
    shown = rendered(HISTORY, ShownHistory(document=document, reports=reports), "html")
    elements = read(shown)
    assert "curl seen.example" in shown
    blocks = [element.text for element in elements if element.name == "pre"]
    assert not any("curl seen.example" in block for block in blocks)
    assert any(" ".join(first.fix.commands[0].argv[:2]) in block for block in blocks)


# --- The chart -------------------------------------------------------------------------------------------------------


def _drawn(document: HistoryDocument) -> Any:
    return svg_picture.read(chart.as_svg(document))


def test_the_picture_of_a_week(week: tuple[HistoryDocument, Reports]) -> None:
    root = _drawn(week[0])
    assert svg_picture.title(root).startswith(
        "FLAPPING: failed 16 of 32 cycles, flapping since 2026-01-21 16:20:00 UTC"
    )
    words = svg_picture.description(root)
    assert "2026-01-18: 100 % of 16 h 2 min available." in words
    assert "backup 10.0.1.17:443: tcp p50 2.6, p95 18.0, p99 20.4 ms." in words
    shown = svg_picture.lines(root)
    assert [line for line in shown if re.fullmatch(r"2026-01-\d\d", line)] == [
        f"2026-01-{day}" for day in range(15, 23)
    ]
    assert [line for line in shown if re.fullmatch(r"0\.1|10*", line)] == ["0.1", "1", "10", "100", "1000", "10000"]


def test_marks_of_a_day_differ_in_height_and_stand_at_their_hours() -> None:
    day = _day("2026-03-01", available=1.0, failed=1.0, unknown=1.0, cells="#" * 12 + "x" * 12 + "?" * 12 + "." * 12)
    root = _drawn(_document(_series(days=(day,))))
    kinds = [
        (group.attrib["class"], *(float(rect.attrib[name]) for name in ("x", "width", "height")))
        for group in root.iter("{http://www.w3.org/2000/svg}g")
        for rect in group.findall("{http://www.w3.org/2000/svg}rect")
    ][3:]  # without the boxes of the legend
    (ok, x1, w1, h1), (failed, x2, w2, h2), (unknown, _, _, h3) = kinds
    assert (ok, failed, unknown) == ("ok", "critical", "unknown")
    assert h1 < h3 < h2
    assert x1 + w1 == pytest.approx(x2, abs=0.2)
    assert w1 == pytest.approx(w2, abs=0.2)


def test_a_lane_without_a_good_end_is_drawn_within_the_axis() -> None:
    rows = [
        Latency(lane="backup 10.0.1.17:443", step="tcp", count=1, p50=0.0, p95=0.0, p99=0.0, max=0.0, medians=(0.0,)),
        Latency(
            lane="backup 10.0.1.17:443", step="api", count=1, p50=99.0, p95=99.0, p99=99.0, max=99.0, medians=(99.0,)
        ),
    ]
    for width in (WIDE, NARROW):
        series = _series(latency=tuple(rows))
        svg_picture.read(_alone(chart.latency(series, width, "x")))
        svg_picture.read(_alone(chart.over_time(series, width, "x")))


def test_latency_goes_from_left_to_right_in_time_and_stops_where_nothing_succeeded() -> None:
    medians = (0.001, 0.002, None, 0.004)
    row = Latency(
        lane="backup 10.0.1.17:443", step="tcp", count=9, p50=0.002, p95=0.004, p99=0.004, max=0.005, medians=medians
    )
    root = svg_picture.read(_alone(chart.over_time(_series(latency=(row,)), WIDE, "x")))
    (path,) = (part.attrib["d"] for part in root.iter("{http://www.w3.org/2000/svg}path"))
    strokes = [tuple(map(float, found)) for found in re.findall(r"[ML]([\d.]+) ([\d.]+)H([\d.]+)", path)]
    assert [kind for kind in path if kind in "ML"] == ["M", "L", "M"]
    (x1, y1, end1), (x2, y2, end2), (x4, y4, end4) = strokes
    assert x1 < end1 == x2 < end2 < x4 < end4
    assert end2 - x1 == pytest.approx(2 * (x4 - end2), abs=0.3)  # the third of four slices is empty
    assert y1 > y2 > y4
    assert y1 - y2 == pytest.approx((y2 - y4) / 2, abs=0.3)
    shown = svg_picture.lines(root)
    assert [line for line in shown if line.startswith("2026")] == ["2026-03-01 00:00:00", "2026-03-01 10:00:00"]
    assert "4.0" in shown


def _alone(drawn: Any) -> str:
    return to_svg(drawn)


def test_what_is_too_much_for_a_picture_is_counted_in_it() -> None:
    days = tuple(_day(f"2026-{number // 28 + 1:02}-{number % 28 + 1:02}", available=60.0) for number in range(50))
    rows = tuple(
        Latency(
            lane=f"s3 52.95.1.{number}:443",
            step="tcp",
            count=number,
            p50=0.1,
            p95=0.1,
            p99=0.1,
            max=0.1,
            medians=(0.1,),
        )
        for number in range(1, 31)
    )
    series = tuple(_series(name=f"watch {number}", days=days, latency=rows) for number in range(8))
    shown = svg_picture.lines(_drawn(_document(*series)))
    assert shown.count("the last 35 days; 15 earlier ones are not drawn") == chart.MAX_SERIES
    assert shown.count("and 18 more lanes with fewer cycles") == chart.MAX_SERIES
    assert shown[-1] == "and 2 more series"
    assert "s3 52.95.1.30:443" in shown  # the lane with the most cycles
    assert "s3 52.95.1.1:443" not in shown


# --- Untrusted text --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", one_in(8, (*HOSTILE, "</script><script>alert(1)</script>", "<!--<script>", "\u2029")))
def test_no_word_makes_more_of_a_picture_than_text(text: str, week: tuple[HistoryDocument, Reports]) -> None:
    svg_picture.read(chart.as_svg(histories.filled(week[0], text)))
