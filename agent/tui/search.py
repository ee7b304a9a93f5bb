"""The filter and the search. The filter searches the whole text of a finding or a lane, and not only the visible part.
The search is on one page. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from agent.report.in_words import in_words
from agent.report.model import Report, TargetReport
from agent.report.path import Check, Lane, Picture
from agent.report.serialization import to_json
from agent.tui.lines import Line, Span, Tone
from agent.tui.runbook_page import filled
from probes.frozen import dataclass
from probes.model import Target

_EXCLUDED: Final = "!"
"""Prefix of a word that must not occur."""
_WORD: Final = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Searched:
    """The text of a finding or a lane that the filter searches."""

    shown: str
    """The part that the screen shows."""
    rest: str = ""
    """Everything else that is known about the finding or the lane."""


def has_words(asked: Searched, words: str) -> bool:
    """Whether the text has all of these words, in any order and case. A word after a `!` must not be in the shown part.
    Runbook pages are not searched for such words, since nearly every page has nearly every word."""
    shown, rest = asked.shown.lower(), asked.rest.lower()
    for word in words.lower().split():
        if word.startswith(_EXCLUDED):
            if word != _EXCLUDED and word.removeprefix(_EXCLUDED) in shown:
                return False
        elif word not in shown and word not in rest:
            return False
    return True


def finding_texts(report: Report) -> dict[str, str]:
    """Return the searched text of each finding by its id: its words, fix, evidence and page."""
    return {
        finding.id: f"{' '.join(_values(to_json(finding)))} {filled(finding, report)}" for finding in report.findings
    }


def lane_texts(
    drawn: Picture, checks: Mapping[str, Check], targets: Sequence[Target | TargetReport], report: Report | None
) -> dict[str, Searched]:
    """Return the searched text of each lane by its key: what it shows, and the values of its facts."""
    at: dict[tuple[object, ...], list[str]] = {}
    for check in checks.values():
        subject, seen = check.subject, check.observation
        if subject.address is None or subject.port is None:
            continue
        texts = at.setdefault((subject.target, subject.address, subject.port), [])
        texts += [subject.id, str(check.progress)]
        if seen is not None:
            texts += [in_words(seen), *_values(to_json(seen.facts))]
        if seen is not None and seen.failure is not None:
            texts += [seen.failure.kind, seen.failure.message, seen.failure.code or ""]
    for target in targets:
        for address in target.addresses if isinstance(target, TargetReport) else ():
            texts = list(_values(to_json(address)))
            for port in target.ports:
                at.setdefault((target.id, address.address, port), []).extend(texts)
    for path in () if report is None else report.paths:
        at.setdefault((path.target, path.address, path.port), []).extend(_values(to_json(path)))
    return {
        lane.key: Searched(
            f"{band.service} {band.host} {band.text} {_shown(lane)}",
            " ".join(at.get((band.target, lane.address, lane.port), ())),
        )
        for band in drawn.bands
        for lane in band.lanes
    }


def _shown(lane: Lane) -> str:
    """Return everything that a lane shows, and the findings that rest on it."""
    cells = (cell for cell in (*lane.cells, *lane.extras) if cell is not None)
    texts = (f"{cell.label} {cell.progress} {cell.texts[0]} {cell.why} {' '.join(cell.findings)}" for cell in cells)
    return " ".join((str(lane.address), lane.where or "", str(lane.port), lane.purpose, *texts))


def _values(value: Any) -> Iterator[str]:
    """Yield the values of plain data without names; for a value that is true, yield its name."""
    match value:
        case dict():
            for name, item in value.items():
                if item is True:
                    yield str(name).replace("_", " ")
                else:
                    yield from _values(item)
        case list():
            for item in value:
                yield from _values(item)
        case None | bool():
            return
        case _:
            yield str(value)


# --- On a page -------------------------------------------------------------------------------------------------------

Place = tuple[tuple[int, int, int], ...]
"""A place of the searched words. For each of its lines, it has the number of the line, the first column, and the column
after the last one."""


def places(lines: Sequence[Line], words: str) -> tuple[Place, ...]:
    """Return the places of these words on a page, in order, even across line breaks but not empty lines."""
    wanted = " ".join(words.lower().split())
    if not wanted:
        return ()
    parts: list[str] = []
    spots: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        text = "".join(span.text for span in line).lower()
        found = list(_WORD.finditer(text))
        if not found:
            parts.append("\n")
            spots.append((number, 0))
        for match in found:
            parts.append(f"{match[0]} ")
            spots += [(number, column) for column in range(match.start(), match.end() + 1)]
    flat = "".join(parts)
    made: list[Place] = []
    start = flat.find(wanted)
    while start >= 0:
        columns: dict[int, list[int]] = {}
        for index in range(start, start + len(wanted)):
            number, column = spots[index]
            if flat[index] == " " and spots[index + 1][0] != number:
                continue  # the end of a line
            columns.setdefault(number, []).append(column)
        made.append(tuple((number, min(those), max(those) + 1) for number, those in columns.items()))
        start = flat.find(wanted, start + len(wanted))
    return tuple(made)


def with_marks(lines: Sequence[Line], found: Sequence[Place], current: int) -> list[Line]:
    """Return the lines with these places marked. The place with the index `current` is marked as the current place."""
    by_line: dict[int, list[tuple[int, int, Tone]]] = {}
    for index, place in enumerate(found):
        for number, start, end in place:
            tone = Tone.CURRENT if index == current else Tone.FOUND
            by_line.setdefault(number, []).append((start, end, tone))
    return [_marked(line, by_line[number]) if number in by_line else line for number, line in enumerate(lines)]


def _marked(line: Line, marks: Sequence[tuple[int, int, Tone]]) -> Line:
    spans: list[Span] = []
    at = 0
    for span in line:
        end = at + len(span.text)
        cuts = {at, end}.union(*({min(max(column, at), end) for column in mark[:2]} for mark in marks))
        for left, right in pairwise(sorted(cuts)):
            tone = next((tone for start, stop, tone in marks if start <= left < stop), span.tone)
            spans.append(Span(span.text[left - at : right - at], tone, span.key))
        at = end
    return tuple(spans)
