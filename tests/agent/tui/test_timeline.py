"""The chart of a lane: its axes, its scale, and the meaning of each sign."""

from datetime import timedelta

import pytest

from agent.report.counting import Weight
from agent.tui.actions import ItemSelected, Pane, RunFinished, TimelineOpened
from agent.tui.detail import detail
from agent.tui.lines import ASCII, UNICODE, Glyphs, Tone, width_of
from agent.tui.state import under_cursor
from agent.tui.timeline import ROWS, chart, scale
from agent.tui.watching import Memory, Remembered, Sample, Samples, extended, slowest
from tests.agent.tui.replays import after, at, ready, report_of, watched, words

LANE = "lane/backup/10.0.2.17/443"


def memory(*stacks: tuple[Sample, ...], others: float = 0.0, apart: timedelta = timedelta(minutes=1)) -> Memory:
    """A memory of runs that are `apart` from each other. For each run, `stacks` has the times of TCP, TLS and the call
    in a lane. The steps of another lane took `others` seconds.
    """
    report = report_of("healthy")
    samples: Samples = {}
    runs = []
    for number, (tcp, tls, api) in enumerate(stacks, 1):
        now = {LANE: (tcp, tls, None, api, None), "lane/other/10.0.0.1/443": (others, None, None, None, None)}
        samples = extended(samples, now)
        started = report.run.started_at + number * apart
        runs.append(
            Remembered(
                number=number,
                started_at=started,
                finished_at=started,
                status=report.verdict.status,
                shown_by=number,
                slowest=slowest(now),
            )
        )
    return Memory(runs=tuple(runs), samples=samples)


def drawn(known: Memory, width: int = 80, glyphs: Glyphs = ASCII) -> list[str]:
    return words(chart(known, LANE, width, glyphs))


def narrow(known: Memory) -> list[str]:
    """The chart at the width that gives each run one column."""
    return drawn(known, 10 + len(known.runs))


def test_a_run_is_a_column_of_its_steps() -> None:
    lines = narrow(memory((0.004, 0.002, 0.001), (0.002, 0.002, 0.004), (0.001, None, None)))
    columns = [line[10:13].ljust(3) for line in lines[:ROWS]]
    assert ["".join(row[place] for row in columns)[::-1].rstrip() for place in range(3)] == [
        "####==:",
        "##==::::",
        "#",
    ]


def test_the_axes_have_numbers() -> None:
    lines = narrow(memory(*((0.004, 0.002, 0.001),) * 30))
    assert lines[0].startswith("   10 ms +")
    assert lines[ROWS // 2].startswith("  5.0 ms +")
    assert lines[ROWS] == f"         +{'-' * 30}"
    assert lines[ROWS + 1].split() == ["UTC", "03:01", "03:16", "03:30"]
    close = drawn(memory(*[(0.001, None, None)] * 30, apart=timedelta(seconds=10)))
    assert close[ROWS + 1].split() == ["UTC", "03:00:10", "03:02:40", "03:05:00"]


def test_a_failure_is_a_column_in_its_colour_and_one_that_does_not_count_has_none() -> None:
    known = memory((0.004, 0.002, Weight.CRITICAL), (Weight.NOT_COUNTED, None, None), (Weight.WARNING, None, None))
    lines = chart(known, LANE, 80, ASCII)
    for line in lines[:ROWS]:
        assert [(span.text, span.tone) for span in line[1:]] == [
            ("xxx ", Tone.FAILED),
            ("ooo ", Tone.FAINT),
            ("xxx ", Tone.WARNING),
        ]
    legend = words(lines)[ROWS + 2 :]
    assert "  x failed, critical" in legend
    assert "  o failed, not counted" in legend


def test_all_lanes_have_one_scale() -> None:
    fast = memory((0.001, 0.001, 0.001), others=0.18)
    assert scale(fast) == pytest.approx(0.2)
    lines = narrow(fast)
    assert lines[0].startswith("  200 ms +")
    assert [line[10:11] for line in lines[:ROWS]] == [""] * (ROWS - 1) + ["#"]


@pytest.mark.parametrize(
    ("longest", "top"), [(0.0, 0.001), (0.0009, 0.001), (0.0011, 0.002), (0.0049, 0.005), (0.0051, 0.01), (3.2, 5.0)]
)
def test_the_scale_ends_at_a_round_number(longest: float, top: float) -> None:
    assert scale(memory((longest, None, None))) == pytest.approx(top)


def test_a_step_that_was_not_made_leaves_a_gap() -> None:
    known = memory((0.001, None, None), (None, None, None), (0.001, None, None))
    assert narrow(known)[0][10:] == "# #"
    assert drawn(known)[0][10:] == "###     ###"


@pytest.mark.parametrize("width", [20, 40, 80, 300])
@pytest.mark.parametrize("count", [1, 2, 20, 400])
@pytest.mark.parametrize("glyphs", [ASCII, UNICODE], ids=["ascii", "unicode"])
def test_the_chart_stays_within_its_room(width: int, count: int, glyphs: Glyphs) -> None:
    known = memory(*((0.004, 0.002, 0.001), (Weight.CRITICAL, None, None)) * count)
    lines = chart(known, LANE, width, glyphs)
    assert max(map(width_of, lines)) <= width
    assert all(ord(character) < 128 for line in words(lines) for character in line) is (glyphs is ASCII)


def test_of_a_lane_without_times_there_is_no_chart() -> None:
    assert drawn(Memory()) == []


async def test_the_page_of_a_lane_begins_with_its_chart() -> None:
    state = await watched("healthy", "one-zone-silent", "healthy")
    for key in ("tcp/backup/10.0.2.17/443", LANE):
        page = after(state, ItemSelected(Pane.PATH, key), TimelineOpened())
        assert (under_cursor(page), page.is_whole) == (LANE, True)
        text = words(list(detail(page, 80, UNICODE)))
        assert text[0].startswith(" 10.0.2.17")
        assert "ms ┤" in text[1]
        assert any(line.startswith("  █ TCP  3 runs, loss 33%, average 2.0 ms, worst 2.0 ms") for line in text)
        assert "███ xxx ███" in text[ROWS]


async def test_where_no_address_is_under_the_cursor_that_is_said() -> None:
    state = after(await watched("healthy"), TimelineOpened())
    assert "no address is under the cursor" in state.message
    assert not state.is_whole


def test_after_one_run_the_page_of_a_lane_has_no_chart() -> None:
    state = after(ready(), RunFinished(at("healthy", 0)), ItemSelected(Pane.PATH, LANE), TimelineOpened())
    assert not any("ms ┤" in line for line in words(list(detail(state, 80, UNICODE))))
