"""Every word, id, number and command that the writers before the blocks wrote is in what the blocks write."""

import html as unescaping
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Final

import pytest

from agent.app.history import _reports
from agent.documents.render import render
from agent.history import content, page, summary, text
from agent.history.model import ChangeRow, Flapping, Gap, HistoryDocument, Latency, Series
from agent.history.read import HistoryReader, Mark
from agent.history.render import ShownHistory
from agent.report.model import Report
from tests.support import histories

_GONE: Final = frozenset(
    # Sentences around lists, and the legend of bars where there are none.
    "them has it change - = to 10 0.1 p50 p95 p99 longest logarithmic s steps successful "
    "bar latency ms in up of is the".split()
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.skip = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.skip += tag in ("script", "style", "svg")

    def handle_endtag(self, tag: str) -> None:
        self.skip -= tag in ("script", "style", "svg")
        self.words += " "

    def handle_data(self, data: str) -> None:
        self.words += "" if self.skip else data


def words(text: str) -> set[str]:
    if text.startswith("<!DOCTYPE"):
        reader = _Reader()
        reader.feed(text)
        text = reader.words
    text = re.sub(r"\\\n *", "", text)
    text = unescaping.unescape(re.sub(r"\\(?=[^\w\s])", "", text))
    return {word.strip("(),.:;[]*'\"|").lower() for word in re.split(r"[\s\\]+", text)} - _GONE


def compared(old: str, new: str) -> None:
    assert words(old) - words(new) == set()


def _some(chance: Random) -> HistoryDocument:
    """A history of random series, with changes and gaps."""
    start = datetime(2026, 3, 1, tzinfo=UTC)

    def at(hours: float) -> datetime:
        return start + timedelta(hours=hours)

    def series(name: str) -> Series:
        days = summary.days(
            summary.spans(
                [
                    Mark(id=number, started=number * 1_800_000, stands=3_600_000, outline=chance.choice((0, 1)), lost=0)
                    for number in sorted(chance.sample(range(400), 90))
                ]
            ),
            {0: "ok", 1: "critical"},
        )
        lanes = (f"backup 10.0.{number}.17:443" for number in range(chance.choice((0, 3, 60))))
        values = sorted(chance.random() for _ in range(4))
        return Series(
            name=name,
            cycles=chance.randint(1, 10_000),
            first_at=at(0),
            last_at=at(200),
            status=chance.choice(("ok", "warning", "critical", "unknown", "strange")),
            status_since=at(chance.choice((0, 20, 150))),
            summary="backup answers at 3 addresses",
            last_failure=chance.choice((None, "backup: nothing answers")),
            stands_until=at(chance.choice((201, 400))),
            lost=chance.choice((0, 1, 7)),
            gaps=tuple(
                Gap(since=at(hour), until=at(hour + 2), seconds=7_200, cycle=hour)
                for hour in chance.sample(range(190), 3)
            ),
            days=days,
            latency=tuple(
                Latency(
                    lane=lane,
                    step=step,
                    count=chance.randint(1, 999),
                    **dict(zip(("p50", "p95", "p99", "max"), values, strict=True)),
                    medians=(0.1, None, 0.2),
                )
                for lane in lanes
                for step in ("tcp", "tls")
            ),
            flapping=tuple(
                Flapping(
                    about=chance.choice(("verdict", "TCP001@backup")),
                    since=at(9),
                    until=chance.choice((None, at(20))),
                    cycles=30,
                    failed=12,
                    unknown=chance.choice((0, 3)),
                )
                for _ in range(chance.choice((0, 3)))
            ),
        )

    names = ["watch", "check --region eu-west-1"][: chance.choice((1, 2))]
    changes = tuple(
        ChangeRow(
            cycle=cycle,
            series=chance.choice(names),
            kind=chance.choice(("raised", "cleared", "verdict", "flapping")),
            at=at(cycle),
            since=at(cycle - 1),
            seconds=3_600.0,
            about=chance.choice(("verdict", "TCP001@backup")),
            status=chance.choice(("ok", "critical", "strange")),
            severity=chance.choice((None, "warning", "critical")),
            text=f"{at(cycle):%Y-%m-%dT%H:%M:%SZ} raised TCP001@backup (critical): number {cycle}",
        )
        for cycle in sorted(chance.sample(range(200), 20))
    )
    return HistoryDocument(
        schema="backuplink.history.v1", read_at=at(250), since=None, series=tuple(map(series, names)), changes=changes
    )


@pytest.mark.parametrize("seed", range(60))
def test_generated_histories(seed: int) -> None:
    made = _some(Random(seed))
    _all(made, {})


def test_a_week(tmp_path: Path) -> None:
    histories.week(tmp_path / "week.db")
    made = histories.read(tmp_path / "week.db")
    with HistoryReader(tmp_path / "week.db") as history:
        _all(made, _reports(history, made))
    _all(replace(made, series=(), changes=()), {})


def _all(made: HistoryDocument, reports: dict[int, tuple[int, Report]]) -> None:
    shown = ShownHistory(document=made, reports=reports)
    compared(text.as_list(made), render(content.document(shown), "text"))
    compared(text.as_chart(made), render(content.document(replace(shown, chart=True)), "text"))
    compared(page.as_html(made, reports), render(content.document(shown), "html"))
    compared(text.as_list(made), render(content.document(shown), "markdown"))
