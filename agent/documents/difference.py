"""What changed between two reports, as a document for people: findings first, then targets, then steps."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from agent.documents.blocks import ALL, Block, Document, Embedded, Entries, Entry, Section, Table, Text
from agent.report.diff import (
    ChangeKind,
    Difference,
    FindingChange,
    Pair,
    PathChange,
    Side,
    StepChange,
    StepState,
    TargetChange,
)
from agent.report.model import Status
from agent.report.serialization import to_json
from agent.report.words import FEW_SERVICES
from probes.model import Address

PAGE_ID: Final = "backuplink-diff"
_WORDS: Final = {
    Status.OK: "NOTHING WORSE",
    Status.WARNING: "WORSE (warning)",
    Status.CRITICAL: "WORSE (critical)",
}
Row = tuple[ChangeKind, str]
"""Something that differs, and how."""


def document(changes: Difference) -> Document:
    """The blocks of a difference."""
    return Document(
        kind=changes.worse,
        word=_WORDS[changes.worse],
        summary=f"{changes.old.status} -> {changes.new.status}",
        blocks=tuple(_blocks(changes)),
        embedded=Embedded(page_id=PAGE_ID, make=lambda: to_json(changes)),
    )


def _blocks(changes: Difference) -> Iterator[Block]:
    yield Entries((_side("old", changes.old), _side("new", changes.new)))
    yield _section("Findings", map(_finding, changes.findings))
    yield _section("Targets", map(_target, changes.targets))
    yield _section("Steps", _steps(changes.steps))
    if changes.paths:  # most runs do not read the configuration; "the same" would be wrong for those
        yield _section("By configuration", map(_path, changes.paths))


def _section(title: str, rows: Iterable[Row]) -> Section:
    cells = tuple((change.value, words) for change, words in rows)
    if not cells:
        return Section(title=title, blocks=(Text("the same"),))
    caption = f"{title}: what came, went and changed"
    table = Table(caption=caption, heads=("change", "what"), rows=cells, most=ALL, headless=True)
    return Section(title=title, blocks=(table,))


def _side(word: str, side: Side) -> Entry:
    """When and where a report was made, and what it found."""
    where = f", {side.instance_id}" if side.instance_id else ""
    made = f"{side.started_at:%Y-%m-%d %H:%M:%S} UTC{where}, path {side.path}, access {side.access}"
    return Entry((Text(f"{word}: {made}"), Text(f"{side.status}: {side.summary}", side.status)), side.status)


def _finding(row: FindingChange) -> Row:
    severity = _pair(row.severity)
    counting = {
        (True, False): ", no longer counts by itself",
        (False, True): ", counts by itself now",
        (False, False): ", does not count by itself",
        (False, None): ", did not count by itself",
        (None, False): ", does not count by itself",
    }.get((row.counts.old, row.counts.new), "")
    return row.change, f"{row.id}  {severity}{counting}: {row.title}"


def _target(row: TargetChange) -> Row:
    changes = [
        f"{name} {_pair(pair)}"
        for name, pair in (
            ("role", row.role),
            ("status", row.status),
            ("path", row.path),
            ("access", row.access),
        )
        if pair.old != pair.new
    ]
    for word, addresses in (("came", row.addresses_came), ("went", row.addresses_went)):
        if addresses:
            changes.append(f"{word}: {', '.join(map(str, addresses))}")
    return row.change, f"{row.id}  {'; '.join(changes)}"


def _step(row: StepChange) -> Row:
    return row.change, f"{row.id}  {_arrow(row)}"


def _arrow(step: StepChange) -> str:
    return " -> ".join(_state(state) for state in (step.old, step.new) if state is not None)


def _path(row: PathChange) -> Row:
    changes = [_pair(row.predicted)]
    if row.decided_by.old != row.decided_by.new:
        changes += [f"{word} {by}" for word, by in (("was by", row.decided_by.old), ("by", row.decided_by.new)) if by]
    if row.agrees.old != row.agrees.new:
        words = {True: "fits what was measured", False: "DIFFERS from what was measured", None: "cannot be compared"}
        changes.append(words[row.agrees.new])
    return ChangeKind.CHANGED, f"{row.id}  {'; '.join(changes)}"


def _steps(steps: Sequence[StepChange]) -> list[Row]:
    """Steps that changed, then how many came and went. Of more than two targets, those that are skipped now, or not any
    more, are only counted: they follow from another step, and one address brings four."""
    changed = [step for step in steps if step.change is ChangeKind.CHANGED]
    is_short = len({step.target for step in changed}) > FEW_SERVICES
    counts = Counter((step.target, step.address, _arrow(step)) for step in changed if is_short and _follows(step))
    return [
        *(_step(step) for step in changed if not (is_short and _follows(step))),
        *(
            (ChangeKind.CHANGED, f"{_where(target, address)}: {_counted(count)} {arrow}")
            for (target, address, arrow), count in counts.items()
        ),
        *_moved(steps),
    ]


def _follows(step: StepChange) -> bool:
    return any(state is not None and state.status == "skipped" for state in (step.old, step.new))


def _moved(steps: Iterable[StepChange]) -> list[Row]:
    """Steps that came and went, counted by target and address: one address brings a dozen."""
    counts = Counter(
        (step.change, step.target, step.address) for step in steps if step.change is not ChangeKind.CHANGED
    )
    return [
        (change, f"{_where(target, address)}: {_counted(count)}") for (change, target, address), count in counts.items()
    ]


def _where(target: str | None, address: Address | None) -> str:
    return " at ".join(str(part) for part in (target or "this host", address) if part)


def _counted(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def _state(state: StepState) -> str:
    return {"failed": f"failed ({state.kind})"}.get(state.status, state.status)


def _pair(pair: Pair[Any]) -> str:
    both = (value for value in (pair.old, pair.new) if value is not None)
    return " -> ".join(dict.fromkeys(map(str, both)))
