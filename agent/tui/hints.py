"""The keys on the last line of the screen: the keys that the state needs, the most needed first. Pure."""

from collections.abc import Iterator

from agent.tui.actions import Pane
from agent.tui.keys import Key
from agent.tui.state import (
    MEASURED,
    Phase,
    State,
    failed_beside,
    finding_under_cursor,
    is_failed,
    lane_under_cursor,
    under_cursor,
)
from agent.tui.watching import has_failed

Hint = tuple[Key, str]
"""A key with a word or two for its effect."""
_Wanted = tuple[str, str]
"""The name of an action with a word or two for its effect."""


def hints(state: State) -> list[Hint]:
    """Return the keys, each with a word. The last two are help and the way back."""
    by_name = {key.name: key for key in state.key_table}
    wanted = dict(_needed(state))
    for key in state.key_table:  # the other actions, in the order of the table
        if key.hint and not state.is_whole and key.name not in ("help", "quit"):
            wanted.setdefault(key.name, key.hint)
    possible = [
        (by_name[name], word)
        for name, word in wanted.items()
        if word and (state.settings is not None or not by_name[name].runs)
    ]
    last = (
        (by_name["help"], "help"),
        (by_name["quit"], "back" if state.is_whole or state.live is not None else "quit"),
    )
    return [*possible, *last]


def _needed(state: State) -> Iterator[_Wanted]:
    """Yield names of actions with their words in this state; the word is empty if the action has no effect."""
    is_idle = state.phase is not Phase.RUNNING
    has_past = len(state.memory.runs) > 1
    if state.is_whole:
        if finding_under_cursor(state) is not None:
            reading = state.reading or ""
            kinds = {"finding": "measured", MEASURED.rstrip("/"): "its steps"}
            yield "open", kinds.get(reading.partition("/")[0], "its cause")
        yield "copy", "copy"
        yield "filter", "find"
        if has_past:
            yield "previous-run", "run before"
            yield "next-run", "next run"
        return
    if state.live is not None:
        yield "back", "live"
        yield "previous-run", "run before"
        yield "next-run", "next run"
    elif state.filter:
        yield "back", "show all"
    if not is_idle and state.report is None:
        yield "open", ""
        yield "copy", ""
        yield "save", ""
    else:
        yield "open", _opens(state)
        yield "copy", "copy"
    if _has_failed_before(state):
        yield "previous-failed", "failed run"
    if state.pane is Pane.DETAIL:
        yield "back", "back"
    elif state.live is None and state.traced is not None and not state.findings_only:
        yield "back", "unmark"
    if has_past and state.source is Pane.PATH and lane_under_cursor(state) is not None:
        yield "timeline", "times"
    yield "filter", "find" if state.reading is not None else "filter"
    yield "next-pane", "pane"
    yield "run", "run again" if is_idle else ""
    # At least as wide as before, so that a second click in the same place cannot hit another key.
    yield "findings", "everything" if state.findings_only else "findings"
    yield "watch", "stop watching" if state.watching else "watch"
    if has_past:
        yield "previous-run", "run before"
        yield "log", "log"


def _has_failed_before(state: State) -> bool:
    """Whether an earlier run failed, and the shown run did not fail."""
    if state.report is None or has_failed(state.report.verdict.status):
        return False
    try:
        failed_beside(state, -1)
    except LookupError:
        return False
    return True


def _opens(state: State) -> str:
    """What the enter key opens, in a word."""
    key = under_cursor(state)
    if key is None:
        return ""
    if state.pane is Pane.PATH and is_failed(state, key) and finding_under_cursor(state) is not None:
        return "cause"
    return "page" if key.startswith("finding/") else "details"
