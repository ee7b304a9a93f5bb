"""A fleet for people: the totals in one line, then a cause at a time with the one command that fixes it.

80 columns, plain ASCII, readable without colour. Text from outside is escaped before it is shown.
"""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from agent.catalog.findings import CODES
from agent.catalog.wording import counted
from agent.fleet import phrases
from agent.fleet.model import FleetCause, FleetDocument, OwnFault
from agent.report.escape import visible
from agent.report.model import Status
from agent.report.words import WIDTH, bounded, command_lines

MOST_CAUSES: Final = 12
MOST_OWN: Final = 20
MOST_CHANGES: Final = 12
"""JSON has all."""
MOST_PLACES: Final = 4
"""Zones of VPCs that a cause names."""
_INDENT: Final = "   "
_COLOURS: Final = {Status.OK: "32", Status.WARNING: "33", Status.CRITICAL: "31", Status.UNKNOWN: "35"}


def render(document: FleetDocument, *, colour: bool = False) -> str:
    """The text, its first word coloured with `colour`."""
    parts = [
        _verdict(document, colour=colour),
        *(_cause(number, cause, document) for number, cause in enumerate(document.causes[:MOST_CAUSES], 1)),
        _left(len(document.causes) - MOST_CAUSES, "more cause"),
        _own(document),
        _silent(document),
        _changes(document),
        _lines("Suppressed", document.suppressed),
        _unused(document),
        _lines("Notes", document.notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(document: FleetDocument, *, colour: bool) -> str:
    word = document.verdict.status.upper()
    later = " " * (len(word) + 2)
    shown = f"\x1b[1;{_COLOURS.get(document.verdict.status, '0')}m{word}\x1b[0m" if colour else word
    lines = [_wrapped(f"{word}  {document.verdict.summary}", "", later).replace(word, shown, 1)]
    if document.sweep is not None:
        lines += [_wrapped(phrases.totals(document), later), _wrapped(phrases.basis(document), later)]
    return "\n".join(lines)


def _cause(number: int, cause: FleetCause, document: FleetDocument) -> str:
    lines = [_wrapped(f"{number}. {phrases.head(cause)} [{cause.code}]", "", _INDENT)]
    if words := phrases.about(cause):
        lines.append(_wrapped(bounded(words), _INDENT))
    lines += [_wrapped(bounded(words), _INDENT) for words in phrases.whom(cause)]
    lines += [_wrapped(words, f"{_INDENT}  ", f"{_INDENT}    ") for words in phrases.breakdown(cause)] or _places(cause)
    lines.append(_wrapped(phrases.since(cause, document), _INDENT))
    if cause.note is not None:
        lines.append(_wrapped(bounded(cause.note), _INDENT))
    lines += ["", _wrapped(f"What to do: {bounded(cause.fix.summary)}", _INDENT)]
    lines += [command_lines(command, f"{_INDENT}  ") for command in cause.fix.commands]
    lines += [_wrapped(words, _INDENT) for words in phrases.taking_back(cause.fix)]
    lines += ["", _wrapped(f"Hosts: {phrases.examples(cause.hosts, cause.host_count)}", _INDENT, f"{_INDENT}  ")]
    lines += _reading(cause.hosts, document)
    lines += _explained(cause.code)
    return "\n".join(lines)


def _places(cause: FleetCause) -> list[str]:
    rows = [row for row in phrases.places(cause) if row.sick]
    if not rows:
        return []
    shown = [(visible(phrases.place(row)), phrases.of(row.sick, row.exposed)) for row in rows[:MOST_PLACES]]
    width = max(len(name) for name, _ in shown)
    lines = [_wrapped(f"{name:<{width}}  {hosts}", f"{_INDENT}  ", f"{_INDENT}    ") for name, hosts in shown]
    left = len(rows) - len(shown)
    return [*lines, f"{_INDENT}  and {counted(left, 'more zone')}"] if left > 0 else lines


def _reading(hosts: Sequence[str], document: FleetDocument) -> list[str]:
    """How to learn more of one of the hosts."""
    shown = phrases.reading(hosts, document)
    return [] if shown is None else [f"{_INDENT}{shown[0]}:", " ".join(shown[1])]


def _explained(code: str) -> list[str]:
    return [f"{_INDENT}See: backuplink explain {code}"] if code in CODES else []


def _own(document: FleetDocument) -> str:
    if not document.own_faults:
        return ""
    count = sum(fault.host_count for fault in document.own_faults)
    lines = [f"{counted(count, 'host')} with a fault of {'its' if count == 1 else 'their'} own"]
    for fault in document.own_faults[:MOST_OWN]:
        lines += _own_fault(fault)
    lines += filter(None, [_left(len(document.own_faults) - MOST_OWN, "more code")])
    return "\n".join(lines)


def _own_fault(fault: OwnFault) -> Iterator[str]:
    yield _wrapped(f"{fault.code:<8} {phrases.own(fault)}", "  ", " " * 11)
    yield _wrapped(phrases.examples(fault.hosts, fault.host_count), " " * 11)
    if fault.note is not None:
        yield _wrapped(bounded(fault.note), " " * 11)


def _silent(document: FleetDocument) -> str:
    row = document.not_heard_from
    if row is None or not row.host_count:
        return ""
    first, *others = phrases.silent(row)
    lines = [_wrapped(first, "", "  "), *(_wrapped(words, "  ") for words in others)]
    if row.hosts:
        lines.append(_wrapped(phrases.examples(row.hosts, row.host_count, len(row.hosts)), "  "))
    return "\n".join(lines)


def _changes(document: FleetDocument) -> str:
    if document.against is None:
        return ""
    head = f"Changes since {phrases.minute(document.against.started_at)} UTC"
    if not document.changes:
        return f"{head}: none"
    lines = [_wrapped(phrases.change(row), "  ", "    ") for row in document.changes[:MOST_CHANGES]]
    lines += filter(None, [_left(len(document.changes) - MOST_CHANGES, "more change")])
    return "\n".join([head, *lines])


def _unused(document: FleetDocument) -> str:
    lines = list(phrases.unused(document))
    if not lines:
        return ""
    shown = [_wrapped(words, "  ", "    ") for words in lines]
    for row in document.unreadable:
        shown.append(_wrapped(bounded(f"{row.place}: {row.why}"), "    ", "      "))
    left = document.totals.unreadable - len(document.unreadable)
    if document.unreadable and left > 0:
        shown.append(f"    and {left:,} more")
    return "\n".join(["Not used", *shown])


def _lines(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, *(_wrapped(bounded(words), "  ", "    ") for words in lines)]) if lines else ""


def _left(count: int, what: str) -> str:
    return f"And {counted(count, what)}: --format json has all." if count > 0 else ""


def _wrapped(text: str, first: str, later: str | None = None) -> str:
    """`text` in lines of WIDTH, without control characters. Where it is laid out, spaces stay as they are."""
    return textwrap.fill(
        visible(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if later is None else later,
        break_on_hyphens=False,
    )
