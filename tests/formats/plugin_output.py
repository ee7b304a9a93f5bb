"""Reads a plugin's output by a grammar of the Monitoring Plugins' development guidelines, and in the two ways in which
Nagios and Icinga 2 divide output and numbers.
"""

import re
from dataclasses import dataclass
from typing import Final

STATES: Final = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}
MAX_BYTES: Final = 8_192
"""Nagios' MAX_PLUGIN_OUTPUT_LENGTH, its NUL included."""
NRPE_BYTES: Final = 1_024
"""The size of a packet of NRPE's version 2, its NUL included."""
_NUMBER: Final = r"-?[0-9]+(?:\.[0-9]+)?"
_VALUE: Final = re.compile(rf"({_NUMBER})(us|ms|s|%|KB|MB|GB|TB|B|c)?")
_RANGE: Final = re.compile(rf"(@)?(?:(~|{_NUMBER})?(:))?({_NUMBER})?")


@dataclass(frozen=True, slots=True)
class Range:
    """A range of values; an alert is raised outside it or, if `inside`, within it."""

    low: float
    high: float
    inside: bool

    def tells(self, value: float) -> bool:
        return (self.low <= value <= self.high) is self.inside


@dataclass(frozen=True, slots=True)
class Number:
    """One item of performance data."""

    label: str
    value: float
    unit: str
    warning: Range | None
    critical: Range | None
    least: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class Output:
    """The parts of a plugin's output."""

    word: str
    text: str
    lines: tuple[str, ...]
    """Lines below the first one, without numbers."""
    numbers: dict[str, Number]


def read(output: str) -> Output:
    """The output according to the guideline, which must equal the results of both programs. Raises AssertionError if
    one of them would read it differently.
    """
    assert output.endswith("\n")
    assert not output.endswith("\n\n")
    assert output.isascii()
    assert output.replace("\n", "").isprintable()
    assert len(output) < MAX_BYTES
    first = output.split("\n", 1)[0]
    assert len(first) < NRPE_BYTES
    # Numbers follow the first line, and the last line of the long output; a `|` has no other meaning.
    assert output.count("|") <= 2
    if output.count("|") == 2:
        assert "|" in first
        assert "|" in output.rstrip("\n").rsplit("\n", 1)[1]
    short, long, data = _as_nagios(output)
    assert (f"{short}\n{long}".rstrip("\n"), data) == _as_icinga(output)
    head = re.fullmatch(r"(OK|WARNING|CRITICAL|UNKNOWN) - (.*)", short)
    assert head is not None, short
    numbers = _numbers(data)
    assert _icinga_numbers(data) == {label: (number.value, number.unit) for label, number in numbers.items()}
    return Output(head[1], head[2], tuple(long.split("\n")) if long else (), numbers)


def _as_nagios(output: str) -> tuple[str, str, str]:
    """Short output, long output and numbers: the first line up to its `|`, the lines below up to theirs, and the text
    after each.
    """
    first, _, rest = output.partition("\n")
    short, _, data = first.partition("|")
    long, _, more = rest.partition("|")
    numbers = [data, *more.split("\n")]
    return short.strip(), "\n".join(line.rstrip() for line in long.rstrip("\n").split("\n")), " ".join(numbers).strip()


def _as_icinga(output: str) -> tuple[str, str]:
    """Text and numbers: each line is cut at its first `|`."""
    cut = [line.partition("|") for line in output.split("\n") if line]
    text = "\n".join(text.rstrip() for text, _, _ in cut)
    return text, " ".join(data for _, sign, data in cut if sign).strip()


def _numbers(data: str) -> dict[str, Number]:
    """Performance data: `'label'=value[UOM];[warn];[crit];[min];[max]`, with a space between them."""
    numbers: dict[str, Number] = {}
    place = 0
    while place < len(data):
        if data[place] == "'":
            quoted = re.compile(r"'((?:[^'=]|'')+)'=").match(data, place)
            assert quoted is not None, data[place:]
            label, place = quoted[1].replace("''", "'"), quoted.end()
        else:
            bare = re.compile(r"([^ '=]+)=").match(data, place)
            assert bare is not None, data[place:]
            label, place = bare[1], bare.end()
        word = data[place:].partition(" ")[0]
        place += len(word) + 1
        assert label not in numbers
        numbers[label] = _number(label, word)
    return numbers


def _number(label: str, word: str) -> Number:
    parts = word.split(";")
    assert len(parts) <= 5, word
    parts += [""] * (5 - len(parts))
    value = _VALUE.fullmatch(parts[0])
    assert value is not None, word
    least, most = (float(part) if part else None for part in parts[3:])
    assert all(re.fullmatch(_NUMBER, part) for part in parts[3:] if part), word
    return Number(label, float(value[1]), value[2] or "", _range(parts[1]), _range(parts[2]), least, most)


def _range(text: str) -> Range | None:
    """`[@][start:][end]`: a missing start is 0, `~` is unlimited; a missing end is unlimited."""
    if not text:
        return None
    match = _RANGE.fullmatch(text)
    assert match is not None, text
    inside, start, colon, end = match.groups()
    assert end or colon, text
    low = float("-inf") if start == "~" else float(start or 0)
    high = float(end) if end else float("inf")
    assert low <= high, text
    return Range(low, high, inside is not None)


def _icinga_numbers(data: str) -> dict[str, tuple[float, str]]:
    """Label, value and unit: up to a `=`, then up to a space; a label with `::` would name a plugin of its own."""
    numbers = {}
    place = 0
    while (sign := data.find("=", place)) >= 0:
        label = data[place:sign]
        assert "::" not in label
        label = label[1:-1] if len(label) > 2 and label[0] == label[-1] == "'" else label
        word = data[sign + 1 :].partition(" ")[0]
        place = sign + 1 + len(word) + 1
        value = word.partition(";")[0]
        end = next((at for at, char in enumerate(value) if char not in "+-0123456789.eE"), len(value))
        numbers[label] = (float(value[:end]), value[end:])
    return numbers
