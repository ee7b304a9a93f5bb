"""Red always means that a line counts. Lines that do not count are dim, and say why they do not."""

from collections.abc import Iterator

import pytest

from agent.report.counting import Weight
from agent.report.model import Status
from agent.report.path import Cell, Progress
from agent.tui.actions import FindingsToggled, ItemSelected, Pane, RunFinished, ServicesUnfolded
from agent.tui.detail import detail
from agent.tui.drawing import causes, path, title_of, verdict
from agent.tui.lines import ASCII, Line, Tone
from agent.tui.state import State, finding_under_cursor, saved, under_cursor
from tests.agent.tui.replays import after, folded, recorded, words
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of

LOUD = {Tone.FAILED, Tone.WARNING}


def shown(state: State, width: int = 120) -> Iterator[Line]:
    """Every line of the screen, for every position of the cursor."""
    yield from verdict(state, width, 3, ASCII)
    yield from path(state, width, ASCII)
    yield from causes(state, width)
    yield from causes(after(state, FindingsToggled()), width)
    for row in state.rows:
        for key in row:
            yield from detail(after(state, ItemSelected(Pane.PATH, key)), width, ASCII)
    for entry in after(state, FindingsToggled()).entries:
        yield from detail(after(state, FindingsToggled(), ItemSelected(Pane.CAUSES, entry.key)), width, ASCII)


def cells_of(state: State) -> list[Cell]:
    drawn = state.whole_picture
    lanes = [lane for band in drawn.bands for lane in band.lanes]
    cells = [*drawn.host, *(cell for band in drawn.bands for cell in band.names)]
    return [*cells, *(cell for lane in lanes for cell in (*lane.cells, *lane.extras) if cell is not None)]


OK = tuple(name for name in scenarios.names() if scenarios.load(name).expect.status is Status.OK)


@pytest.mark.parametrize("name", one_in(4, OK))
def test_with_an_ok_verdict_nothing_is_red(name: str) -> None:
    state = after(saved("kept", report_of(name)), ServicesUnfolded())

    assert not [words([line]) for line in shown(state) if any(span.tone is Tone.FAILED for span in line)]
    assert state.pane is Pane.PATH
    assert title_of(state, Pane.CAUSES) == "Notes"
    changing = [command for finding in report_of(name).findings for command in finding.fix.commands if command.undo]
    below = "\n".join(words(list(detail(state, 300, ASCII))))
    assert not [command for command in changing if " ".join(command.argv) in below]


@pytest.mark.parametrize("name", one_in(8, scenarios.names()))
def test_each_red_or_yellow_cell_names_its_finding_and_each_dim_failure_says_why(name: str) -> None:
    state = after(saved("kept", report_of(name)), ServicesUnfolded())
    by_key = {span.key: span for line in path(state, 200, ASCII) for span in line if span.key is not None}
    for cell in cells_of(state):
        if cell.progress is not Progress.FAILED or cell.key not in by_key:
            continue
        chosen = after(state, ItemSelected(Pane.PATH, cell.key))
        text = " ".join(" ".join(words(list(detail(chosen, 200, ASCII)))).split())
        drawn = next(
            span
            for line in path(state, 200, ASCII)
            for span in line
            if span.key == cell.key and span.text.strip() != cell.label
        )
        if cell.weight in (Weight.CRITICAL, Weight.WARNING):
            finding = finding_under_cursor(chosen)
            assert finding is not None
            assert f"{finding.severity.upper()} {finding.id}: " in text
            assert drawn.tone in LOUD
            assert not drawn.text.startswith("(")
        elif cell.weight is Weight.NOT_COUNTED:
            assert f"not counted: {cell.why}" in text
            assert drawn.tone is Tone.FAINT
            assert drawn.text.startswith("(")
        else:
            assert drawn.tone is Tone.UNKNOWN


@pytest.mark.parametrize("name", ["dual-stack-healthy", "metadata-forbidden", "public-path-works"])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_path_says_why_a_failure_does_not_count(name: str, width: int) -> None:
    state = saved("kept", report_of(name))
    reasons = {
        cell.why
        for cell in (*state.picture.host, *(cell for band in state.picture.bands if band.counts for cell in band.names))
        if cell.weight is Weight.NOT_COUNTED
    }
    text = " ".join(" ".join(words(list(path(state, width, ASCII)))).split())

    assert reasons
    assert not [why for why in reasons if why not in text]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_service_that_nobody_asked_for_is_dim_and_says_so(width: int) -> None:
    state = saved("kept", report_of("gateway-optional-ports"))
    lines = list(path(state, width, ASCII))
    head = next(line for line in lines if any(span.key == "target/backup-gateway" for span in line))

    assert ("not counted: not asked for" if width > 60 else "not counted") in words([head])[0]
    assert {span.tone for span in head[1:]} <= {Tone.PLAIN, Tone.FAINT}


def test_before_a_run_is_judged_a_failure_is_neither_red_nor_dim() -> None:
    events = recorded("one-zone-silent")[1]
    tones = [
        span.tone
        for line in path(folded("one-zone-silent", len(events)), 120, ASCII)
        for span in line
        if span.key == "tcp/backup/10.0.2.17/443"
    ]

    assert tones == [Tone.UNKNOWN]


def test_with_causes_the_cursor_goes_to_the_first_and_back_to_the_path_when_all_is_ok_again() -> None:
    state = folded("one-zone-silent")
    assert (state.pane, title_of(state, Pane.CAUSES)) == (Pane.CAUSES, "Causes")

    well = after(state, RunFinished(report_of("metadata-forbidden")))
    assert (well.pane, title_of(well, Pane.CAUSES)) == (Pane.PATH, "Notes")
    assert under_cursor(well) == "this-host"


def test_a_change_in_the_log_is_red_only_where_it_counts() -> None:
    def tones(state: State) -> dict[str, Tone]:
        return {line.text.partition(":")[0]: line.tone for line in state.memory.log[0].steps}

    bad = after(folded("healthy"), RunFinished(report_of("one-zone-silent")))
    assert tones(bad) == {
        "TCP002@backup is new": Tone.FAILED,
        "backup": Tone.FAILED,
        "tcp/backup/10.0.2.17/443": Tone.FAILED,
    }
    assert set(tones(after(bad, RunFinished(report_of("healthy")))).values()) == {Tone.OK}
    aside = after(folded("healthy"), RunFinished(report_of("metadata-forbidden")))
    assert aside.report is not None
    assert aside.report.verdict.status is Status.OK
    assert tones(aside)
    assert not {Tone.FAILED, Tone.WARNING} & set(tones(aside).values())
