"""The prediction for people: the verdict, what is blocked and what would open it, then names and the whole matrix.

80 columns, plain ASCII, readable without colour. Text from outside is escaped before it is shown.
"""

import textwrap
from typing import Final

from agent.predict import phrases as content
from agent.predict.model import PredictedFault, PredictionDocument
from agent.report.escape import visible
from agent.report.model import Status
from agent.report.words import WIDTH, bounded, command_lines, unchecked

MOST_FAULTS: Final = 12
MOST_ASSUMED: Final = 40
MOST_SOURCES: Final = 40
"""JSON has all."""
_INDENT: Final = "   "
_COLOURS: Final = {Status.OK: "32", Status.WARNING: "33", Status.CRITICAL: "31", Status.UNKNOWN: "35"}


def render(document: PredictionDocument, *, colour: bool = False) -> str:
    """The text, its first word coloured with `colour`."""
    parts = [
        _verdict(document, colour=colour),
        _changes(document),
        *(_fault(number, fault, document) for number, fault in enumerate(document.faults[:MOST_FAULTS], 1)),
        _more_faults(document),
        _names(document),
        _calls(document),
        *(_matrix(document, service) for service in document.services),
        _sources(document),
        _not_read(document),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(document: PredictionDocument, *, colour: bool) -> str:
    word = document.verdict.status.upper()
    later = " " * (len(word) + 2)
    shown = f"\x1b[1;{_COLOURS[document.verdict.status]}m{word}\x1b[0m" if colour else word
    summary = _wrapped(f"{word}  {document.verdict.summary}", "", later).replace(word, shown, 1)
    return f"{summary}\n{_wrapped(content.basis(document), later)}"


def _changes(document: PredictionDocument) -> str:
    if not (document.assumed or document.unjudged or document.ignored):
        return ""
    lines: list[str] = []
    parts = (("Assumed", document.assumed), ("Not judged", document.unjudged), ("Left aside", document.ignored))
    for heading, sentences in parts:
        if sentences:
            lines += [*([""] if lines else []), heading]
            lines += [_wrapped(words, "  ", "    ") for words in sentences[:MOST_ASSUMED]]
            left = len(sentences) - MOST_ASSUMED
            lines += [f"  and {left} more: --format json has them"] if left > 0 else []
    for change in document.changes[:MOST_FAULTS]:
        lines += ["", _wrapped(content.effect_of(change), "")]
        lines += [
            _wrapped(bounded(words), _INDENT)
            for words in (content.decides(change), content.stands_for(change, document))
        ]
    left = len(document.changes) - MOST_FAULTS
    lines += [f"{left} more: --format json has them."] if left > 0 else []
    return "\n".join([*lines, "", "With that, this is how it would be:"])


def _fault(number: int, fault: PredictedFault, document: PredictionDocument) -> str:
    code = f" [{fault.code}]" if fault.code is not None else ""
    lines = [
        _wrapped(f"{number}. {content.head(fault)}{code}", "", _INDENT),
        _wrapped(bounded(fault.detail), _INDENT),
        _wrapped(content.stands_for(fault, document), _INDENT),
    ]
    if fault.fix is not None:
        lines += ["", _wrapped(f"What to do: {fault.fix.summary}", _INDENT)]
        lines += [command_lines(command, f"{_INDENT}  ") for command in fault.fix.commands]
        lines += [_wrapped(words, _INDENT) for words in unchecked(fault.fix)]
    if fault.code is not None:
        lines.append(_wrapped(f"See: backuplink explain {fault.code}", _INDENT))
    return "\n".join(lines)


def _more_faults(document: PredictionDocument) -> str:
    left = len(document.faults) - MOST_FAULTS
    return f"{left} more like these: --format json has them." if left > 0 else ""


def _names(document: PredictionDocument) -> str:
    lines = ["What the VPC's resolver answers"]
    for name in document.names:
        lines.append(f"  {visible(name.host)}")
        lines.append(_wrapped(content.answer_of(name), "    "))
    return "\n".join(lines)


def _calls(document: PredictionDocument) -> str:
    if not document.calls:
        return ""
    return "\n".join(
        [
            "What the endpoints' policies say",
            *(_wrapped(content.call_of(call), "  ", "    ") for call in document.calls),
        ]
    )


def _matrix(document: PredictionDocument, service: str) -> str:
    columns, rows = content.matrix(document, service)
    if not columns:
        return f"{service}: this VPC has no endpoint that could be reached."
    heads = [f"{column.port}{'' if column.counts else '*'}" for column in columns]
    lines = [f"{service}: what sources reach, by port"]
    table = [("hosts", *heads), *((f"{row.interface_count:,}", *content.cells(row)) for row in rows)]
    widths = [max(len(line[place]) for line in table) for place in range(len(heads) + 1)]
    named = ["sources", *(content.numbers([source.id for source in row.sources]) for row in rows)]
    for line, whom in zip(table, named, strict=True):
        laid = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        lines.append(_wrapped(f"{laid}  {whom}", "  ", " " * (len(laid) + 4)))
    if not all(column.counts for column in columns):
        lines.append("  * not counted: the service can do without")
    return "\n".join(lines)


def _sources(document: PredictionDocument) -> str:
    lines = [f"Sources, of each class one ({document.interface_count:,} interfaces)"]
    for source in document.sources[:MOST_SOURCES]:
        number = source.id.rpartition("-")[2]
        lines.append(_wrapped(f"{number:>3}  {content.words_of(source)}", "  ", "       "))
    if len(document.sources) > MOST_SOURCES:
        lines.append(f"  and {len(document.sources) - MOST_SOURCES} more: --format json has them")
    if (words := content.left_out(document)) is not None:
        lines.append(_wrapped(words, "  "))
    return "\n".join(lines)


def _not_read(document: PredictionDocument) -> str:
    if not document.not_read:
        return ""
    return "\n".join(["Not read", *(_wrapped(line, "  ", "    ") for line in document.not_read)])


def _wrapped(text: str, first: str, later: str | None = None) -> str:
    """`text` in lines of WIDTH, without control characters. Where it is laid out, spaces stay as they are."""
    return textwrap.fill(
        visible(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if later is None else later,
        break_on_hyphens=False,
    )
