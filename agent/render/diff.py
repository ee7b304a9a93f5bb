"""What changed between two reports, for people and for programs. 80 columns, plain ASCII."""

import textwrap
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from agent.codec import dumps
from agent.diff import Change, Difference, FindingChange, Pair, Side, StepChange, StepState, TargetChange
from agent.render.text import WIDTH, visible
from agent.report import Status
from agent.shapes import plain

_SIGN: Final = {Change.CAME: "+", Change.WENT: "-", Change.CHANGED: "~"}
_HEAD: Final = {
    Status.OK: "NOTHING WORSE",
    Status.WARNING: "WORSE (warning)",
    Status.CRITICAL: "WORSE (critical)",
}


def as_json(found: Difference) -> str:
    """One JSON object."""
    return dumps(plain(found))


def as_text(found: Difference) -> str:
    """What came (+), went (-) and changed (~): findings first, then targets, then steps."""
    head = [
        f"{_HEAD[found.worse]}  {found.old.status} -> {found.new.status}",
        *_side("old", found.old),
        *_side("new", found.new),
    ]
    parts = ["\n".join(head)]
    for title, rows in (
        ("Findings", [_finding(each) for each in found.findings]),
        ("Targets", [_target(each) for each in found.targets]),
        ("Steps", [*map(_step, _changed(found.steps)), *_moved(found.steps)]),
    ):
        parts.append("\n".join([title, *rows]) if rows else f"{title}\n  the same")
    return "\n\n".join(parts) + "\n"


def _side(word: str, side: Side) -> list[str]:
    where = f", {side.instance_id}" if side.instance_id else ""
    first = f"  {word}  {side.started_at:%Y-%m-%d %H:%M:%S} UTC{where}, path {side.path}, access {side.access}"
    return [_wrapped(first, "       "), _wrapped(f"       {side.summary}", "       ")]


def _finding(row: FindingChange) -> str:
    severity = _pair(row.severity)
    aside = "" if row.counts else ", counts for nothing by itself"
    return _row(row.change, f"{row.id}  {severity}{aside}: {row.title}")


def _target(row: TargetChange) -> str:
    said = [
        f"{name} {_pair(pair)}"
        for name, pair in (("status", row.status), ("path", row.path), ("access", row.access))
        if pair.old != pair.new
    ]
    for word, addresses in (("came", row.addresses_came), ("went", row.addresses_went)):
        if addresses:
            said.append(f"{word}: {', '.join(map(str, addresses))}")
    return _row(row.change, f"{row.id}  {'; '.join(said)}")


def _step(row: StepChange) -> str:
    states = [_state(each) for each in (row.old, row.new) if each is not None]
    return _row(row.change, f"{row.id}  {' -> '.join(states)}")


def _changed(steps: Iterable[StepChange]) -> list[StepChange]:
    return [each for each in steps if each.change is Change.CHANGED]


def _moved(steps: Iterable[StepChange]) -> list[str]:
    """Steps that came and went, counted by target and address: one address brings a dozen."""
    counts = Counter((each.change, each.target, each.address) for each in steps if each.change is not Change.CHANGED)
    return [
        _row(change, f"{' at '.join(str(each) for each in (target or 'this host', address) if each)}: {count} steps")
        for (change, target, address), count in counts.items()
    ]


def _state(state: StepState) -> str:
    return {"failed": f"failed ({state.kind})"}.get(state.status, state.status)


def _pair(pair: Pair[Any]) -> str:
    return " -> ".join(str(each) for each in (pair.old, pair.new) if each is not None)


def _row(change: Change, text: str) -> str:
    return _wrapped(f"  {_SIGN[change]} {text}", "      ")


def _wrapped(text: str, indent: str) -> str:
    shown = visible(text)
    lines = textwrap.wrap(shown, WIDTH, subsequent_indent=indent, break_long_words=True, break_on_hyphens=False)
    lead = len(shown) - len(shown.lstrip())
    return "\n".join([" " * lead + lines[0].lstrip(), *lines[1:]]) if lines else ""
