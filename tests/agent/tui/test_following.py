"""An interface with a history. It continues an earlier history, writes its runs to it, and goes on if the disk does not
answer.
"""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from agent.cli import entry as command
from agent.history.model import Entry, HistoryError, series_of
from agent.history.read import HistoryReader
from agent.history.write import HistoryWriter
from agent.report.counting import Weight
from agent.report.model import Status
from agent.settings import Keeping
from agent.simulated.settings import settings_of
from agent.tui import following
from agent.tui.following import Follower, read_memory
from agent.tui.source import WATCHING, Live
from agent.tui.state import Phase
from agent.tui.watching import Followed, Memory
from tests.agent.tui.replays import Replay, app_of, at, drive, screen_of, settings, until
from tests.support import scenarios

SERIES = series_of("watch", settings(), redact=False)


def writer(path: Path) -> HistoryWriter:
    """An open history, as the command opens it before the interface begins."""
    history = HistoryWriter(Keeping(path=path, seconds=1e9, size=10**9))
    history.open()
    return history


def kept(path: Path) -> list[tuple[str, int]]:
    with HistoryReader(path) as history:
        return [(row.outline.status, row.lost) for row in history.cycles(None)]


async def follow(follower: Follower, *names: str, start: int = 0) -> None:
    for number, name in enumerate(names, start):
        report = at(name, number)
        await follower.follow(report, settings())
        await follower.keep(report, settings(), 60.0)


def test_a_watch_of_the_command_line_is_gone_on_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "kept.db"
    assert command.run(["demo", "one-zone-flaps", "--watch", "--cycles", "9", "--history", str(path)]) == 2
    capsys.readouterr()
    asked = settings_of(scenarios.load("one-zone-flaps"))

    async def go_on() -> tuple[Memory, Followed]:
        follower = Follower(WATCHING, writer(path))
        memory = await follower.recall(asked)
        return memory, await follower.follow(at("healthy", 60), asked)

    memory, followed = asyncio.run(go_on())
    assert [run.status for run in memory.runs] == [Status.CRITICAL, Status.OK] * 4 + [Status.CRITICAL]
    first, second = memory.samples["lane/backup/10.0.2.17/443"][0][:2]
    assert first is Weight.CRITICAL
    assert second == pytest.approx(0.002, rel=1e-3)
    flaps = next(entry for entry in memory.log if any("flapping verdict" in line.text for line in entry.states))
    assert (followed.word, followed.kind) == ("FLAPPING", Status.WARNING)
    assert followed.flapping_since is not None
    assert abs(followed.flapping_since - flaps.at) < timedelta(seconds=1)  # a history keeps times to the millisecond


async def test_what_is_kept_is_what_watch_keeps(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    follower = Follower(WATCHING, writer(path))
    await follower.recall(settings())
    await follow(follower, "healthy", "one-zone-silent", "one-zone-silent")
    follower.close()
    assert kept(path) == [("ok", 0), ("critical", 0), ("critical", 0)]
    memory, since = read_memory(path, SERIES)
    assert since is None
    assert [entry.number for entry in memory.log] == [3, 1]
    assert memory.log[0].states[0].text.startswith("verdict critical, was ok for ")
    later = Follower(WATCHING, writer(path))
    await later.recall(settings())
    followed = await later.follow(at("healthy", 3), settings())
    assert (followed.word, followed.changes) == ("CRITICAL", ())


async def test_another_series_is_not_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    follower = Follower(WATCHING, writer(path))
    await follow(follower, "healthy")
    assert read_memory(path, "watch --region us-east-1")[0].runs == ()
    assert len(read_memory(path, SERIES)[0].runs) == 1


async def test_the_interface_shows_a_run_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    before = Follower(WATCHING, writer(path))
    await follow(before, "one-zone-silent", "healthy", "healthy")
    before.close()
    source = Live(
        title="demo", settings=settings(), measure=Replay("healthy").measure, is_watch=True, history=writer(path)
    )
    app = app_of(source)

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is Phase.FINISHED and state.next_at is not None)
        assert app.state is not None
        assert app.state.memory.count == 4
        assert "4 runs since 03:00 UTC  x▁▁▁" in "\n".join(screen_of(pilot))
        await pilot.press(*["left_square_bracket"] * 3)
        state = await until(pilot, lambda state: state.past == 1)
        assert state.report is not None
        assert state.report.verdict.status is Status.CRITICAL
        assert screen_of(pilot)[0].startswith(" PAST run 1 of 4, 2026-01-15 03:00:00 UTC")
        await pilot.press("escape", "q")

    assert (await drive(app, act)).return_value == 0  # nothing is lost, so it ends without asking
    app.close()
    assert [status for status, _ in kept(path)] == ["critical", "ok", "ok", "ok"]


async def test_what_is_no_history_any_more_is_said_and_the_run_is_made(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    history = writer(path)
    history.close()
    path.write_bytes(b"mine")
    app = app_of(Live(title="demo", settings=settings(), measure=Replay("healthy").measure, history=history))

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.phase is Phase.FINISHED)
        assert "the history" in screen_of(pilot)[-1]

    await drive(app, act, (120, 24))
    assert path.read_bytes() == b"mine"


class Hanging:
    """A history on a disk that does not answer until a test releases it."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.entries: list[Entry] = []
        self.path = Path("hung.db")

    def state(self, series: str) -> Any:
        return None

    def append(self, entry: Entry) -> None:
        self.answers.wait(10)
        self.entries.append(entry)

    def close(self) -> None:
        return


async def test_a_disk_that_hangs_holds_up_nothing_and_what_is_lost_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Hanging()
    monkeypatch.setattr(following, "SECONDS", 0.02)
    monkeypatch.setattr(following, "read_memory", lambda *_: (Memory(), None))
    follower = Follower(WATCHING, disk)
    before = threading.active_count()
    for number in range(6):
        with pytest.raises(HistoryError, match="has not answered"):
            await follow(follower, "healthy", start=number)
    assert threading.active_count() <= before + 2
    monkeypatch.setattr(following, "SECONDS", 10.0)
    disk.answers.set()
    await follow(follower, "healthy", start=6)
    assert [entry.lost for entry in disk.entries] == [0, 6]


class Full(Hanging):
    """A history on a full disk."""

    def append(self, entry: Entry) -> None:
        raise HistoryError("No space left on device")


async def test_a_run_that_is_not_kept_is_said_and_quitting_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "read_memory", lambda *_: (Memory(), None))
    replay = Replay("healthy")
    app = app_of(
        Live(title="demo", settings=settings(), measure=replay.measure, is_watch=True, history=Full()),
    )

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.next_at is not None)
        assert "this run is not in the history: No space left on device" in screen_of(pilot)[-1]
        await pilot.press("j", "q")
        assert "quitting ends the watch" in screen_of(pilot)[-1]
        await pilot.press("q")

    assert (await drive(app, act)).return_value == 0


def test_the_file_is_closed_also_where_no_run_was_made(tmp_path: Path) -> None:
    history = writer(tmp_path / "kept.db")
    app = app_of(Live(title="demo", settings=settings(), measure=Replay("healthy").measure, history=history))
    assert list(tmp_path.glob("kept.db-*"))
    app.close()
    assert not list(tmp_path.glob("kept.db-*"))


async def test_with_other_settings_the_rules_begin_anew() -> None:
    follower = Follower(WATCHING, None)
    await follow(follower, "one-zone-silent", "one-zone-silent")
    assert (await follower.follow(at("healthy", 2), settings())).word == "CRITICAL"
    other = replace(settings(), services=("backup",))
    assert (await follower.follow(at("healthy", 3), other)).word == "OK"
