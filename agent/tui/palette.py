"""The search of the palette for actions, findings, services and addresses. It finds them by letters in their order.
Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from agent.report.escape import visible
from agent.report.path import Progress
from agent.report.words import before_target
from agent.tui.actions import Pane
from agent.tui.lines import Tone
from agent.tui.state import STATUS_TONES, WEIGHT_TONES, State, tone_of
from probes.frozen import dataclass

_WHOLE: Final = 100
_AT_WORD: Final = 10
_LATE: Final = 40
"""The maximum penalty for a word that is far from the beginning of the text."""
_MOST_LETTERS: Final = 16
"""Number of letters of the query that count."""
_SKIPPED: Final = 1
"""Maximum number of characters skipped for each letter of a word."""
MOST: Final = 100
"""Maximum number of rows in the list. To see other rows, a person types more letters."""


@dataclass(frozen=True, slots=True)
class Row:
    """An action or a destination in the palette."""

    word: str
    """A key, a severity or a kind: the first column."""
    text: str
    tone: Tone
    action: str | None
    """The action; None if the row leads to `key`."""
    pane: Pane = Pane.PATH
    key: str | None = None
    """The item on which the row puts the pane's cursor."""
    synonyms: tuple[str, ...] = ()
    """Other words that find the row."""


def rows(state: State) -> tuple[Row, ...]:
    """Return all rows, actions first."""
    can_run = state.settings is not None
    found = [
        Row(
            key.first,
            f"{key.name}: {key.description}",
            Tone.PLAIN,
            key.action,
            synonyms=tuple(key.synonyms.split()),
        )
        for key in state.key_table
        if key.listed and (can_run or not key.runs)
    ]
    report = state.report
    for finding in () if report is None else report.findings:
        text = visible(f"{finding.code} {before_target(finding)}")
        tone = Tone.PLAIN if report is None else tone_of(finding, report)
        found.append(Row(finding.severity.upper(), text, tone, None, Pane.CAUSES, f"finding/{finding.id}"))
    for band in state.whole_picture.bands:
        tone = Tone.PLAIN if band.status is None else STATUS_TONES[band.status]
        text = visible(f"{band.service} {band.host} {band.text}")
        found.append(Row("service", text, tone if band.counts else Tone.FAINT, None, Pane.PATH, band.key))
        for lane in band.lanes:
            tone = WEIGHT_TONES[lane.weight] if lane.progress is Progress.FAILED else Tone.PLAIN
            text = visible(f"{lane.address} {lane.port} {band.service} {lane.where or ''} {lane.progress}")
            found.append(Row("address", text, tone, None, Pane.PATH, lane.key))
    return tuple(found)


def matching(found: Iterable[Row], wanted: str) -> tuple[Row, ...]:
    """Return at most MOST rows that have the letters of each typed word in order, the best first. Without words, every
    row matches."""
    words = wanted.lower()[:_MOST_LETTERS].split()
    scored = [(_score_of(row, words), place, row) for place, row in enumerate(found)]
    best = sorted((item for item in scored if item[0] or not words), key=lambda item: (-item[0], item[1]))
    return tuple(row for _, _, row in best[:MOST])


def _score_of(row: Row, words: Sequence[str]) -> int:
    """Return the score of a row for the typed words. A typed word may also be the start of one of the row's
    synonyms."""
    text = f"{row.word} {row.text}".lower()
    scores = [max(_score(text, [word]), _WHOLE * any(s.startswith(word) for s in row.synonyms)) for word in words]
    return sum(scores) if all(scores) else 0


def _score(text: str, words: Sequence[str]) -> int:
    """Return the score of a text for the typed words; 0 if the text lacks one of them. A whole word scores most, and
    more if it is near the beginning of the text. The beginning of a word scores less, the middle of a word even less,
    and separate letters least."""
    total = 0
    for word in words:
        at = text.find(word)
        if at >= 0:
            is_start = at == 0 or not text[at - 1].isalnum()
            total += _WHOLE + (_AT_WORD if is_start else 0) - min(at, _LATE)
        elif (apart := _apart(text, word)) is not None:
            start, skipped = apart
            total += _WHOLE // 2 - skipped - min(start, _LATE) // 2
        else:
            return 0
    return total


def _apart(text: str, word: str) -> tuple[int, int] | None:
    """Return the index at which the letters of a word start in a text, and the minimum number of characters skipped
    between them; None if the letters are not there in this order, or are too far apart."""
    best = None
    start = text.find(word[0])
    while start >= 0:
        at = start
        for letter in word[1:]:
            at = text.find(letter, at + 1)
            if at < 0:
                return best
        skipped = at - start + 1 - len(word)
        if skipped <= _SKIPPED * len(word) and (best is None or skipped < best[1]):
            best = start, skipped
        start = text.find(word[0], start + 1)
    return best
