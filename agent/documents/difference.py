"""The difference of two reports as a document for people: the findings that got worse, with their fixes and
consequences, then all findings, targets and steps that changed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from agent.catalog.wording import listed_briefly
from agent.documents.blocks import ALL, Block, Cell, Document, Embedded, Entries, Entry, Section, Table, Text
from agent.documents.report import with_consequences
from agent.report.diff import (
    ChangeKind,
    Difference,
    Effect,
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
from probes.model import Address

PAGE_ID: Final = "backuplink-diff"
_ORDER: Final = {Effect.WORSE: 0, Effect.FIXED: 1, Effect.NONE: 2}
Row = tuple[ChangeKind, str, str | None]
"""A row of a list of differences: the kind of the change, its text, and its id. The id is that of a finding or step, or
None if the row is about several."""
Ways = Mapping[str, str]
"""The links to causes on a page. The key is the id of a finding or a step, the value the address of its cause."""


def document(changes: Difference) -> Document:
    """Return the document that shows the difference between two reports."""
    kind, word = _word(changes)
    return Document(
        kind=kind,
        word=word,
        summary="; ".join((*_news(changes), f"{changes.old.status} -> {changes.new.status}")),
        lines=tuple(_works_again(changes)),
        blocks=tuple(_blocks(changes)),
        embedded=Embedded(page_id=PAGE_ID, make=lambda: to_json(changes)),
    )


def _word(changes: Difference) -> tuple[Status, str]:
    """Return the severity of the difference, and the word for it. The word is not FIXED if some faults remain."""
    if changes.worse is not Status.OK:
        return changes.worse, f"WORSE ({changes.worse})"
    if not _of(changes, Effect.FIXED):
        return Status.OK, "NOTHING WORSE"
    is_whole = changes.new.status is Status.OK
    return changes.new.status, "FIXED" if is_whole else "PARTLY FIXED"


def _of(changes: Difference, effect: Effect) -> list[FindingChange]:
    """Return the findings with an effect, the most severe first."""
    return sorted((row for row in changes.findings if row.effect is effect), key=lambda row: row.finding.severity.rank)


def _news(changes: Difference) -> Iterator[str]:
    """Yield the changes that got worse or were fixed, by the worst finding: `TCP002 of backup is new: 1 of 3 addresses
    ...`."""
    for effect in (Effect.WORSE, Effect.FIXED):
        if rows := _of(changes, effect):
            row, *others = rows
            where = "" if row.finding.target is None else f" of {row.finding.target}"
            state = "is gone" if effect is Effect.FIXED else "is new" if row.severity.old is None else "got worse"
            more = f" (and {len(others)} more)" if others else ""
            yield f"{row.finding.code}{where} {state}: {row.finding.headline}{more}"
            return


def _works_again(changes: Difference) -> Iterator[str]:
    """Yield the steps that showed a fault which is now fixed, and that succeed now."""
    evidence = {name for row in _of(changes, Effect.FIXED) for name in row.finding.evidence}
    steps = [step.id for step in changes.steps if step.id in evidence and _turned(step, "failed", "ok")]
    if steps:
        yield f"Works again: {listed_briefly(steps)}"


def _turned(step: StepChange, old: str, new: str) -> bool:
    return step.old is not None and step.new is not None and (step.old.status, step.new.status) == (old, new)


def _blocks(changes: Difference) -> Iterator[Block]:
    yield Entries((_side(changes.old), _side(changes.new)))
    ways: dict[str, str] = {}
    for number, row in enumerate(_of(changes, Effect.WORSE), 1):
        consequences = [other for other in changes.findings if _follows_from(other, row)]
        section = with_consequences(row.finding, [other.id for other in consequences], str(number))
        yield replace(section, anchor=f"cause-{number}")
        for finding in (row.finding, *(other.finding for other in consequences)):
            for name in (finding.id, *finding.evidence):
                ways.setdefault(name, f"#cause-{number}")
    yield _section("Findings", map(_finding, sorted(changes.findings, key=lambda row: _ORDER[row.effect])), ways)
    yield _section("Targets", map(_target, changes.targets), ways)
    yield _section("Steps", _steps(changes.steps), ways)
    if changes.paths:  # most runs do not read the configuration, so "the same" would be wrong
        yield _section("By configuration", map(_path, changes.paths), ways)


def _section(title: str, rows: Iterable[Row], ways: Ways) -> Section:
    cells = tuple((change.value, Cell(words, None, ways.get(name or ""))) for change, words, name in rows)
    if not cells:
        return Section(title=title, blocks=(Text("the same"),))
    caption = f"{title} that came, went or changed"
    table = Table(caption=caption, heads=("change", "what"), rows=cells, most=ALL, headless=True)
    return Section(title=title, blocks=(table,))


def _follows_from(row: FindingChange, other: FindingChange) -> bool:
    return row.change is not ChangeKind.WENT and row.finding.explained_by == other.id


def _side(side: Side) -> Entry:
    """Return the time and place of a report, and its result."""
    where = f", {side.instance_id}" if side.instance_id else ""
    made = f"{side.started_at:%Y-%m-%d %H:%M:%S} UTC{where}, path {side.path}, access {side.access}"
    return Entry((Text(f"{side.name}: {made}"), Text(f"{side.status}: {side.summary}", side.status)), side.status)


def _finding(row: FindingChange) -> Row:
    severity = _pair(row.severity)
    counting = {
        (True, False): ", no longer counts as a cause",
        (False, True): ", counts as a cause now",
        (False, False): ", does not count as a cause",
        (False, None): ", did not count as a cause",
        (None, False): ", does not count as a cause",
    }.get((row.counts.old, row.counts.new), "")
    way = None if row.change is ChangeKind.WENT else row.finding.id
    return row.change, f"{row.id}  {severity}{counting}: {row.finding.headline}", way


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
    return row.change, f"{row.id}  {'; '.join(changes)}", None


def _step(row: StepChange) -> Row:
    return row.change, f"{row.id}  {_arrow(row)}", row.id


def _arrow(step: StepChange) -> str:
    return " -> ".join(_state(state) for state in (step.old, step.new) if state is not None)


def _path(row: PathChange) -> Row:
    changes = [_pair(row.predicted)]
    if row.decided_by.old != row.decided_by.new:
        changes += [f"{word} {by}" for word, by in (("was by", row.decided_by.old), ("by", row.decided_by.new)) if by]
    if row.agrees.old != row.agrees.new:
        words = {True: "fits what was measured", False: "DIFFERS from what was measured", None: "cannot be compared"}
        changes.append(words[row.agrees.new])
    return ChangeKind.CHANGED, f"{row.id}  {'; '.join(changes)}", None


def _steps(steps: Sequence[StepChange]) -> list[Row]:
    """Return the changed steps, and then the number of steps that only one report has. If several steps of an address
    were skipped in only one report, they are only counted, since another step caused this."""
    changed = [step for step in steps if step.change is ChangeKind.CHANGED]
    following: dict[tuple[str | None, Address | None, str], list[StepChange]] = {}
    for step in changed:
        if _follows(step):
            following.setdefault((step.target, step.address, _arrow(step)), []).append(step)
    return [
        *(_step(step) for step in changed if not _follows(step)),
        *(
            _step(found[0])
            if len(found) == 1
            else (ChangeKind.CHANGED, f"{_where(target, address)}: {_counted(len(found))} {arrow}", None)
            for (target, address, arrow), found in following.items()
        ),
        *_moved(steps),
    ]


def _follows(step: StepChange) -> bool:
    return any(state is not None and state.status == "skipped" for state in (step.old, step.new))


def _moved(steps: Iterable[StepChange]) -> list[Row]:
    """Return the numbers of steps that only one report has, by target and address. A single address may have a dozen
    such steps."""
    counts = Counter(
        (step.change, step.target, step.address) for step in steps if step.change is not ChangeKind.CHANGED
    )
    return [
        (change, f"{_where(target, address)}: {_counted(count)}", None)
        for (change, target, address), count in counts.items()
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
