"""The screen as a whole: every size, every kind of terminal, many lanes, and no output while nothing happens."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest
from rich.console import ConsoleRenderable, RichCast
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.driver import Driver
from textual.pilot import Pilot
from textual.screen import Screen

from agent.report.counting import Weight
from agent.tui import drawing
from agent.tui.actions import CursorMoved, DetailOpened, ItemSelected, Pane, RunFinished, RunRequested, WentBack
from agent.tui.app import FRAME, BackuplinkApp
from agent.tui.detail import detail
from agent.tui.drawing import caption, columns, path, position, rule, sparkline, verdict
from agent.tui.lines import ASCII, UNICODE, cut, width_of
from agent.tui.source import Live, Saved
from agent.tui.state import MEASURED, State, cursor, saved
from agent.tui.watching import Sample
from agent.tui.widgets.pane import CausesPane, DetailPane, PathPane
from tests.agent.tui.replays import (
    OPENED,
    Replay,
    after,
    app_of,
    drive,
    folded,
    ready,
    recorded,
    report_of,
    saved_app,
    screen_of,
    settings,
    until,
    words,
)
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.many_lanes import many

SIZES = [(60, 20), (80, 24), (100, 30), (130, 40), (140, 45), (200, 60), (20, 6), (300, 100)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_size_has_verdict_path_causes_and_detail(size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[int]) -> None:
        lines = screen_of(pilot)
        assert len(lines) == size[1]
        assert max(map(len, lines)) <= size[0]
        assert lines[0].startswith(" SAVED 2026-01-15 03:00"[: size[0] - 3])
        assert any(line.startswith(" CRITICAL  ") for line in lines)
        if size >= (60, 20):
            text = "\n".join(lines)
            for part in (
                "Path",
                "10.0.2.17",
                "TIMEOUT",
                "> Causes",
                "[TCP002]",
                "reads: aws ec2 describe-network-interfaces",
                "q quit",
            ):
                assert part in text

    await drive(saved_app("one-zone-silent"), act, size)


async def test_on_a_wide_screen_the_detail_stands_beside_the_path() -> None:
    async def act(pilot: Pilot[int]) -> None:
        screen = pilot.app.screen
        assert screen.query_one(DetailPane).region.x > screen.query_one(PathPane).region.right
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert screen.query_one(DetailPane).region.x == 0
        assert screen.query_one(DetailPane).region.y > screen.query_one(PathPane).region.bottom

    await drive(saved_app("one-zone-silent"), act, (200, 30))


async def test_it_can_be_resized_at_any_moment() -> None:
    async def act(pilot: Pilot[int]) -> None:
        for keys in ("j", "enter", "escape", "f", "question_mark", "escape", "e", "escape", "y", "escape", "colon"):
            for width, height in ((140, 45), (20, 5), (1, 1), (80, 24)):
                await pilot.resize_terminal(width, height)
                await pilot.pause()
            await pilot.press(keys)
        assert len(screen_of(pilot)) == 24

    await drive(saved_app("gateway-ports-missing"), act)


async def test_a_terminal_of_ascii_is_sent_ascii_alone() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.report is not None)
        for keys in (
            "w",
            "tab",
            "enter",
            "escape",
            "slash",
            "x",
            "escape",
            "t",
            "escape",
            "e",
            "escape",
            "colon",
            "escape",
        ):
            await pilot.press(keys)
            await pilot.pause()
            assert all(line.isascii() for line in screen_of(pilot)), screen_of(pilot)
        await pilot.press("question_mark")
        assert all(line.isascii() for line in screen_of(pilot))

    await drive(app_of(Replay("healthy", "one-zone-silent").live(), ascii_only=True), act, (140, 45))


async def colours_on(app: BackuplinkApp) -> set[str]:
    colours: set[str] = set()

    async def act(pilot: Pilot[int]) -> None:
        await pilot.pause()
        for strip in pilot.app.screen._compositor.render_strips():
            for line_filter in pilot.app.get_line_filters():
                strip = strip.apply_filter(line_filter, pilot.app.screen.background_colors[1])
            for segment in strip:
                if segment.style is not None:
                    colours.update(
                        str(colour.type.name) for colour in (segment.style.color, segment.style.bgcolor) if colour
                    )

    await drive(app, act)
    return colours


async def test_sixteen_colours_do() -> None:
    assert await colours_on(saved_app("two-faults")) == {"STANDARD", "DEFAULT"}


async def test_without_colours_there_are_none() -> None:
    assert await colours_on(saved_app("two-faults", colours=False)) == {"DEFAULT"}


async def test_the_cursor_is_seen_without_colours() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("shift+tab", "g")
        strip = pilot.app.screen.query_one(PathPane).render_line(1)
        assert [segment.style.reverse for segment in strip if segment.style and "THIS HOST" in segment.text] == [True]

    await drive(saved_app("one-zone-silent", colours=False), act)


# --- Nothing is sent while nothing happens ---------------------------------------------------------------------------


class Counting(BackuplinkApp):
    """The interface, changed so that it counts its drawings of the screen and records the lines."""

    painted = 0
    shown = 0
    """The number of complete or partial pictures that were sent."""
    lines: list[int]

    def __init__(self, source: Live | Saved, clock: Callable[[], float] = lambda: 0.0) -> None:
        super().__init__(source, clock=clock)
        self.lines = []

    def post_display_hook(self) -> None:
        self.painted += 1

    def _display(self, screen: Screen[object], renderable: ConsoleRenderable | RichCast | str | None) -> None:
        self.shown += renderable is not None and not self._batch_count
        if isinstance(renderable, LayoutUpdate):
            self.lines += range(renderable.region.y, renderable.region.bottom)
        if isinstance(renderable, ChopsUpdate):
            self.lines += [y for y, _, _ in renderable.spans]
        super()._display(screen, renderable)


@pytest.mark.parametrize("keys", one_in(2, ["", "slash", "t", "e", "y", "question_mark", "colon", "enter"]))
async def test_idle_paints_nothing(keys: str) -> None:
    app = Counting(Replay("one-zone-silent").live(), clock=time.monotonic)

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.report is not None)
        if keys:
            await pilot.press(keys)
        await pilot.pause(0.3)
        before = app.painted
        assert before > 0
        await asyncio.sleep(0.8)  # longer than the blinking of a cursor, and than any timer of the interface
        assert app.painted == before

    await drive(app, act)


async def test_between_the_runs_of_a_watch_nothing_is_painted() -> None:
    app = Counting(Replay("healthy").live(), clock=time.monotonic)

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.report is not None)
        await pilot.press("w")
        await until(pilot, lambda state: state.next_at is not None)
        await pilot.pause(0.3)
        before = app.painted
        await asyncio.sleep(0.8)
        assert app.painted == before

    await drive(app, act)


async def test_a_tick_paints_the_line_of_the_progress_alone() -> None:
    now = [0.0]
    app = Counting(Replay("one-zone-silent", upto=75).live(), clock=lambda: now[0])

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: state.run is not None and state.run.finished > 5)
        await pilot.pause(0.3)
        app.lines, now[0] = [], 7.0
        await until(pilot, lambda state: state.run is not None and state.run.now == 7.0)
        await pilot.pause(0.1)
        assert "at most 13.0 s left" in screen_of(pilot)[3]
        assert app.lines == [3]

    await drive(app, act)


@pytest.mark.parametrize("how", ["ctrl+l", "resumed"])
async def test_all_is_painted_anew_when_it_is_asked_for_or_the_terminal_is_ours_again(how: str) -> None:
    app = Counting(Saved(title="kept", report=report_of("one-zone-silent"), opened_at=OPENED))

    async def act(pilot: Pilot[int]) -> None:
        await pilot.pause(0.1)
        for key in ("", "t", "question_mark"):
            await pilot.press(*filter(None, [key]))
            await pilot.pause(0.1)
            app.lines = []
            if how == "resumed":
                app.post_message(Driver.SignalResume())
            else:
                await pilot.press(how)
            await pilot.pause(0.1)
            assert set(app.lines) == set(range(24))

    await drive(app, act)


async def test_the_esc_that_ends_a_filter_paints_once() -> None:
    app = Counting(Saved(title="kept", report=report_of("gateway-ports-missing"), opened_at=OPENED))

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("slash", "1", "0", "2", "6")
        await pilot.pause(0.1)
        app.lines = []
        app.shown = 0
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert app.shown == 1

    await drive(app, act)


async def test_a_key_paints_what_it_changes_alone() -> None:
    app = Counting(Saved(title="kept", report=report_of("gateway-ports-missing"), opened_at=OPENED))

    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("shift+tab", "g", "j", "j", "j", "j")
        await pilot.pause(0.1)
        app.lines = []
        await pilot.press("l")
        await pilot.pause(0.1)
        path = pilot.app.screen.query_one(PathPane).region
        assert len({y for y in app.lines if y in range(path.y, path.bottom)}) == 1

    await drive(app, act)


def test_what_is_seen_is_shown_within_a_tenth_of_a_second() -> None:
    assert FRAME <= 0.1


# --- Nothing jumps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("one-zone-silent", "lane/backup/10.0.3.17/443"),
        ("gateway-ports-missing", "lane/backup-gateway/10.0.1.27/1028"),
        ("mtu-black-hole", "target/backup"),
        ("ipv6-broken", "lane/backup/2600:1f18:0:2::17/443"),
    ],
)
async def test_what_is_under_the_cursor_keeps_its_line_while_rows_come(name: str, chosen: str) -> None:
    events = recorded(name)[1]
    known = next(n for n in range(len(events)) if any(chosen in row for row in folded(name, n).rows))
    app = app_of(Replay(name, upto=known).live())
    lines: list[int] = []

    async def act(pilot: Pilot[int]) -> None:
        await until(pilot, lambda state: any(chosen in row for row in state.rows))
        app.act(ItemSelected(Pane.PATH, chosen))
        await pilot.pause()
        part = pilot.app.screen.query_one(PathPane)
        for event in (*events[known:], RunFinished(report_of(name))):
            app.act(event)
            await pilot.pause(0)
            lines.append(next(y for y, (_, key, _) in enumerate(part._drawn) if key == chosen))

    await drive(app, act, (80, 45))
    assert len(set(lines)) == 1


async def test_what_shows_the_chosen_cause_is_in_sight() -> None:
    async def act(pilot: Pilot[int]) -> None:
        part = pilot.app.screen.query_one(PathPane)
        shown = [line for line, _, marks in part._drawn if marks]
        assert any("1026" in span.text for line in shown for span in line)

    await drive(saved_app("gateway-ports-missing"), act)


async def test_the_wheel_scrolls_what_it_is_over() -> None:
    app = saved_app("gateway-ports-missing")

    async def act(pilot: Pilot[int]) -> None:
        assert app.state is not None
        before = cursor(app.state)
        row = next(row for row, keys in enumerate(app.state.rows) if before in keys)
        pilot.app.screen.query_one(DetailPane).on_mouse_scroll_down()
        await pilot.pause()
        assert (app.state.pane, app.state.source, app.state.scrolled) == (Pane.DETAIL, Pane.CAUSES, 3)
        pilot.app.screen.query_one(PathPane).on_mouse_scroll_down()
        await pilot.pause()
        assert app.state.pane is Pane.PATH
        assert cursor(app.state) in app.state.rows[row + 3]
        pilot.app.screen.query_one(PathPane).on_mouse_scroll_up()
        await pilot.pause()
        assert cursor(app.state) in app.state.rows[row]

    await drive(app, act)


def test_columns_stay_where_they_are_while_a_run_lasts() -> None:
    state = after(ready(), RunRequested(0.0, settings()))
    places: set[int] = set()
    for event in recorded("one-zone-silent")[1]:
        state = after(state, event)
        for line in path(state, 80, UNICODE):
            for at, span in enumerate(line):
                if span.key is not None and span.key.startswith("tcp/"):
                    places.add(width_of(line[:at]))

    assert places == {columns(80).start}


# --- Many lanes ------------------------------------------------------------------------------------------------------


def lane_count(state: State) -> int:
    return sum(len(band.lanes) for band in state.picture.bands)


async def test_a_key_over_hundreds_of_lanes_takes_no_time() -> None:
    app = BackuplinkApp(Saved(title="many", report=many(60), opened_at=OPENED))
    took: list[float] = []

    async def act(pilot: Pilot[int]) -> None:
        assert app.state is not None
        assert lane_count(app.state) >= 100
        for key in ("j", "j", "pagedown", "l", "k", "G", "pageup", "h", "g", "slash", "1", "escape") * 3:
            began = time.process_time()
            await pilot.press(key)
            took.append(time.process_time() - began)

    await drive(app, act, (140, 45))
    median = sorted(took)[len(took) // 2]
    assert median < 0.25, f"a key took {median * 1000:.0f} ms"  # the goal is 50 ms, on a machine that does nothing else


async def test_hundreds_of_lanes_are_drawn_as_far_as_they_are_seen() -> None:
    app = BackuplinkApp(Saved(title="many", report=many(60), opened_at=OPENED))

    async def act(pilot: Pilot[int]) -> None:
        part = pilot.app.screen.query_one(PathPane)
        assert len(part._drawn) == part.size.height
        assert len(list(pilot.app.screen.walk_children())) < 15
        await pilot.press("G")
        assert app.state is not None
        assert cursor(app.state) == app.state.rows[-1][0]
        assert any(key is not None for _, key, _ in part._drawn)

    await drive(app, act)


# --- Small things ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "drawn"),
    [
        ((), ""),
        ((Weight.CRITICAL,), "x"),
        ((None, 0.001), " █"),
        ((0.0, 0.0), "▁▁"),
        ((0.001, 0.002, Weight.CRITICAL, 0.008), "▂▃x█"),
        ((0.1,) * 9, "█████"),
    ],
)
def test_a_sparkline_is_between_nothing_and_the_slowest(times: tuple[Sample, ...], drawn: str) -> None:
    assert "".join(span.text for span in sparkline(times, 5, UNICODE)) == drawn


@pytest.mark.parametrize(
    ("top", "shown", "count", "words"),
    [(0, 9, 9, ""), (0, 9, 10, "1-9/10 v"), (4, 9, 10, "5-10/10 ^"), (2, 3, 9, "3-5/9 ^v")],
)
def test_where_one_is_in_the_whole(top: int, shown: int, count: int, words: str) -> None:
    assert position(top, shown, count, ASCII) == words


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
@pytest.mark.parametrize("right", ["", "9-21/21", "10-21/46", "100-120/363"])
def test_the_position_in_the_path_has_its_place_at_every_width(width: int, right: str) -> None:
    words = caption(width, ASCII, is_active=True, right=right)[0].text
    assert right in words
    head = caption(width, ASCII, is_active=True)[0].text
    assert [words.index(step) for step in ("TCP", "TLS", "API")] == [head.index(step) for step in ("TCP", "TLS", "API")]


@pytest.mark.parametrize("width", [30, 60])
def test_a_long_title_leaves_room_for_the_position(width: int) -> None:
    text = rule(
        "Finding TCP002@backup@vpce-0a1b2c3d4e5f67890-abcdefgh.backup", width, ASCII, is_active=True, right="1-9/10"
    )[0].text

    assert text.endswith(" 1-9/10 -")
    assert "..." in text
    assert len(text) == width


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("zone", ["euw1-az1", "apse2-az1", "us-west-2-lax-1a", None])
@pytest.mark.parametrize("address", ["10.0.1.17", "10.100.200.100", "192.168.100.200", "2600:1f18:0:1::17"])
@pytest.mark.parametrize("own", [True, False])
def test_address_zone_and_port_stand_apart(width: int, zone: str | None, address: str, own: bool) -> None:
    state = saved("kept", report_of("healthy"))
    band = state.picture.bands[0]
    lane = replace(band.lanes[0], address=ip_address(address), where=zone, own=own)
    (drawn,) = drawing._lanes([lane], state, width, ASCII)
    shown = " ".join(words(drawn)).split()

    assert shown[:2] == ["+", address if own else f"{address}*"]
    end = shown.index("443")
    assert shown[2:end] in ([], [zone], [(zone or "").rpartition("-")[2]])


@pytest.mark.parametrize("width", [20, 40, 60])
def test_what_is_cut_says_so(width: int) -> None:
    state = after(saved("kept", report_of("gateway-ports-missing")))
    long = replace(state.picture.bands[0], host="a-very-long-name." * 9, text="CRITICAL, path failed, not required" * 2)
    head = words(next(drawing._band(long, state, 300, ASCII)))[0]
    cut_head = words([cut(next(drawing._band(long, state, width, ASCII))[0], width)])[0]

    assert len(cut_head) <= width < len(head)
    assert cut_head.endswith("...")
    first, *rest = words(list(verdict(state, width, 2, ASCII)))
    assert first.endswith("...") == (drawing.verdict_height(state, width) > 2)
    assert [line.endswith("...") for line in rest] == [False], "what has no room is left out"
    assert max(map(len, (first, *rest))) <= width


@pytest.mark.parametrize("width", [4, 10, 20, 40])
def test_a_rule_is_as_wide_as_it_may_be(width: int) -> None:
    line = rule("A title", width, ASCII, is_active=True, right="1-9/10")

    assert width_of(line) == width
    assert line[0].text.startswith("> A")


def test_the_whole_path_can_be_reached_from_above() -> None:
    state = after(saved("kept", report_of("gateway-ports-missing")), ItemSelected(Pane.PATH, "this-host"))

    def walk(state: State) -> Iterator[str]:
        for _ in state.rows:
            yield cursor(state)
            state = after(state, CursorMoved(1))

    assert list(walk(state)) == [row[0] for row in state.rows]


async def test_the_environment_of_no_colour_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")

    assert await colours_on(saved_app("two-faults", colours=False)) == {"DEFAULT"}


async def test_the_first_cause_is_shown_in_the_causes() -> None:
    async def act(pilot: Pilot[int]) -> None:
        part = pilot.app.screen.query_one(CausesPane)
        assert part._drawn[1][1] == "finding/TCP002@backup"

    await drive(saved_app("one-zone-silent"), act)


@pytest.mark.parametrize("name", one_in(12, scenarios.names()))
async def test_on_a_small_screen_the_failed_lane_of_the_first_cause_is_seen(name: str) -> None:
    report = report_of(name)
    state = saved("kept", report, OPENED)
    first = next(iter(state.entries), None)
    finding = None if first is None else next((f for f in report.findings if f"finding/{f.id}" == first.key), None)
    bands = [band for band in state.picture.bands if finding is not None and band.target == finding.target]
    failed = [lane for band in bands for lane in band.lanes if lane.weight not in (None, Weight.NOT_COUNTED)]

    async def act(pilot: Pilot[int]) -> None:
        pane = pilot.app.query_one(PathPane)
        shown = {span.key for line, _, _ in pane._drawn for span in line}
        assert not failed or shown & {lane.key for lane in failed}

    await drive(saved_app(name), act, size=(80, 24))


@pytest.mark.parametrize(
    ("key", "finding", "first"),
    [
        ("dns/backup/getaddrinfo", "DNS001@backup", "dns/backup/getaddrinfo"),
        ("tcp/backup/52.95.111.31/443", "TCP001@backup", "tcp/backup/52.95.111.30/443"),
    ],
)
def test_one_key_looks_down_to_what_was_measured_and_one_looks_up_again(key: str, finding: str, first: str) -> None:
    state = after(saved("kept", report_of("private-dns-off")), ItemSelected(Pane.PATH, key))
    levels = []
    for _ in range(2):
        state = after(state, DetailOpened())
        levels.append(state.reading)
    assert levels == [f"finding/{finding}", f"{MEASURED}{finding}"]
    assert key in "\n".join(words(list(detail(state, 100, ASCII))))

    up = after(state, WentBack())
    assert up.reading == f"finding/{finding}"
    assert (after(up, WentBack()).reading, cursor(after(up, WentBack()))) == (None, key)
    assert cursor(after(state, DetailOpened())) == first


@pytest.mark.parametrize(("size", "is_told"), [((59, 20), True), ((60, 19), True), ((60, 20), False)])
async def test_a_screen_that_is_too_small_says_so(size: tuple[int, int], is_told: bool) -> None:
    async def act(pilot: Pilot[int]) -> None:
        assert ("60x20" in screen_of(pilot)[-1]) is is_told

    await drive(saved_app("healthy"), act, size=size)


async def test_after_growing_the_path_is_shown_from_its_top() -> None:
    async def act(pilot: Pilot[int]) -> None:
        await pilot.press("tab", "tab", "end")
        await pilot.resize_terminal(150, 60)
        await pilot.pause()
        assert any("THIS HOST" in line for line in screen_of(pilot))

    await drive(saved_app("hana-without-storage-endpoint"), act, size=(60, 20))
