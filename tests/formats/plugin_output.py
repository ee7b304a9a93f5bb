"""Reads the output of a plugin by the grammar of the Monitoring Plugins' development guidelines, and as Nagios and
Icinga 2 do, which separate text and numbers in different ways.
"""

import re
from dataclasses import dataclass
from typing import Final

STATES: Final = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}
MAX_BYTES: Final = 8_192
"""Nagios' MAX_PLUGIN_OUTPUT_LENGTH, including the NUL at the end."""
NRPE_BYTES: Final = 1_024
"""The size of the output in a packet of NRPE version 2, including the NUL at the end."""
_NUMBER: Final = r"-?[0-9]+(?:\.[0-9]+)?"
_VALUE: Final = re.compile(rf"({_NUMBER})(us|ms|s|%|KB|MB|GB|TB|B|c)?")
_RANGE: Final = re.compile(rf"(@)?(?:(~|{_NUMBER})?(:))?({_NUMBER})?")


@dataclass(frozen=True, slots=True)
class Range:
    """A range of values. An alert is raised for a value outside the range or, if `inside` is set, for a value within
    it.
    """

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
    """The lines below the first one, without their performance data."""
    numbers: dict[str, Number]


def read(output: str) -> Output:
    """The output as the guidelines define it. Raises AssertionError if Nagios or Icinga 2 would read the output
    differently.
    """
    assert output.endswith("\n")
    assert not output.endswith("\n\n")
    assert output.isascii()
    assert output.replace("\n", "").isprintable()
    assert len(output) < MAX_BYTES
    first = output.split("\n", 1)[0]
    assert len(first) < NRPE_BYTES
    # Numbers follow the `|` in the first line, and the `|` in the last line of the long output. No other `|` may occur.
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
    """Short output, long output and numbers: the first line up to a `|`, the lines below up to a `|`, and the text
    after both of them.
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
    """The numbers in performance data. Items have the form `'label'=value[UOM];[warn];[crit];[min];[max]`, with spaces
    between them.
    """
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
    """The range in a text of the form `[@][start:][end]`. A missing start means 0, `~` means no lower limit, and a
    missing end means no upper limit.
    """
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
    """The value and the unit of each label, as Icinga 2 reads them: the label ends at a `=`, and the value at a space.
    A label with `::` would be the name of a plugin.
    """
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
