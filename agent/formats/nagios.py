"""The report as the output of a monitoring plugin, for Nagios, Icinga, Naemon and others that run such plugins.

The form follows the Monitoring Plugins' development guidelines: a line that begins with a word for the exit code,
numbers after a `|`, and below them long output. No other text contains a `|` or a line break.

Readers truncate long output: version 2 of NRPE after 1 kB, Nagios after 8 kB. The first line with its numbers and the
whole output therefore have a maximum length. Whole lines and whole numbers are left out to keep to it. If there is no
room for all numbers, the least important ones are left out first: times, then ports, then addresses.
"""

import re
from collections.abc import Container, Iterable, Iterator
from typing import Final

from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report import exits
from agent.report.escape import visible
from agent.report.model import Report, Status, TargetReport
from agent.report.words import (
    STEPS,
    Row,
    causes,
    cell,
    facts,
    folded,
    folded_row,
    head,
    in_use,
    matrix,
    starred,
    state,
    unfolded,
    unseen,
    vantage,
    zone,
)
from probes.frozen import dataclass
from probes.model import NOT_STARTED, Observation, Role, Skipped, Step
from probes.ports import HTTPS, SUPPORT_CHANNEL

MAX_CHARACTERS: Final = 8_000
"""Maximum length of the output, which is ASCII. Nagios' MAX_PLUGIN_OUTPUT_LENGTH is 8,192 bytes."""
MAX_FIRST_LINE: Final = 1_000
"""Maximum length of the first line. A packet of NRPE version 2 has 1,024 bytes."""
_MAX_SENTENCE: Final = 600
"""Maximum length of the first line without its numbers. This program's sentences have 60 to 200 characters."""
_MAX_WORDS: Final = 600
"""Maximum length of the detail of a cause, and of every other line. Either may quote a long text of a peer."""
_COUNTS: Final = ("addresses", "ports")
_TIMES: Final = (Step.TCP, Step.TLS, Step.API)
"""Kinds of numbers of a target, the most important first."""
_MAX_NUMBER: Final = 1e9
"""The maximum number in the output. It is far above any time or count of a run, but a saved report may contain any
number."""
_WORDS: Final = {exits.OK: "OK", exits.WARNING: "WARNING", exits.CRITICAL: "CRITICAL", exits.UNKNOWN: "UNKNOWN"}
_NO_LABEL: Final = re.compile(r"[^A-Za-z0-9_.@-]")
"""Characters that must not be in a label, since some readers quote or interpret them (`::` in Icinga 2)."""


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """Return the plugin's output. Its first word depends on the exit code. For a code that plugins do not have, such as
    that of a signal, the word is UNKNOWN."""
    code = exits.of_status(report.verdict.status) if options.exit_code is None else options.exit_code
    first = _first_line(report, _WORDS.get(code, "UNKNOWN"))
    if not report.observations:  # if a call was refused, there was no run to describe
        return f"{first}\n"
    first = f"{first}|{_fitting_numbers(report, MAX_FIRST_LINE - len(first) - 1)}"
    last = _line(vantage(report))
    lines = [first, *_fitting(_long_output(report), MAX_CHARACTERS - len(first) - len(last) - 2), last]
    return "\n".join(lines) + "\n"


def _first_line(report: Report, word: str) -> str:
    status = report.verdict.status.value.upper()
    verdict = "" if status == word else f" (verdict {report.verdict.status})"
    of_run = f", {_line(facts(report), _MAX_SENTENCE // 2)}" if report.observations else ""
    summary = _line(report.verdict.summary, _MAX_SENTENCE - len(of_run))
    return f"{word} - {summary}{of_run}{verdict}"


def _line(text: str, most: int = _MAX_WORDS) -> str:
    """Return `text` on one line without a `|`. The middle of a long text is left out."""
    shown = visible(text).replace("|", r"\x7c")
    half = most // 2
    return shown if len(shown) <= most else f"{shown[: half - 5]} ... {shown[len(shown) - half :]}"


# --- Long output -----------------------------------------------------------------------------------------------------


def _long_output(report: Report) -> Iterator[str]:
    """Yield causes with their fixes, then the steps at each address, then what was not checked. If there are many
    services, a healthy service has a single line."""
    yield from map(_line, report.verdict.notes)
    for number, finding in enumerate(causes(report), 1):
        yield _line(f"{number}. {head(finding)} [{finding.code}]")
        yield _line(f"   {finding.detail}")
        yield _line(f"   What to do: {finding.fix.summary}")
        yield _line(f"   See: backuplink explain {finding.code}")
    for target in unfolded(report):
        yield _line(f"{target.service} at {target.host}: {state(target)}")
        yield from (_line(f"  not proven: {words}") for words in target.unproven)
        for row in matrix(target, report):
            steps = [
                f"{step} {cell(observation)}"
                for step, observation in zip(STEPS, row.steps, strict=True)
                if observation is not None
            ]
            where = f"{starred(row.address)} ({zone(row.address)}) port {row.port}"
            yield _line(f"  {where}: {', '.join(steps)}")
    for target in folded(report):
        service, host, words, count, slowest = folded_row(target, report)
        yield _line(f"{service} at {host}: {words}, addresses: {count}, slowest connect: {slowest}")
    for why, what in unseen(report).items():
        yield _line(f"not checked: {what}: {why}")


def _fitting(lines: Iterable[str], room: int) -> list[str]:
    """Return as many of these lines as fit, and then the number of lines that are left out."""
    every = list(lines)
    if sum(len(line) + 1 for line in every) <= room:
        return every
    kept: list[str] = []
    room -= _MAX_WORDS
    for line in every:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return [*kept, f"... {len(every) - len(kept)} more lines; --format json has all."]


# --- Numbers ---------------------------------------------------------------------------------------------------------


def _fitting_numbers(report: Report, room: int) -> str:
    """Return the numbers that fit: the run's time, then the targets' numbers, kind by kind. In each kind, targets that
    are not ok come first. Times are shown for all targets or for none, since the graph of a target would otherwise come
    and go."""
    numbers = _numbers(report)
    kept: set[str] = set()
    for kind in ("time", *_COUNTS, *_TIMES):
        of_kind = [number for number in numbers if number.kind == kind]
        fitting = _packed(sorted(of_kind, key=lambda number: number.is_well), room)
        if len(fitting) < len(of_kind) and kind in _TIMES:
            break
        kept.update(number.label for number in fitting)
        room -= sum(len(number) + 1 for number in fitting)
        if len(fitting) < len(of_kind):
            break
    return " ".join(map(str, (number for number in numbers if number.label in kept)))


@dataclass(frozen=True, slots=True)
class _LabelledNumber:
    """A number with its label."""

    kind: str
    label: str
    value: str
    is_well: bool
    """Whether its target is ok."""

    def __str__(self) -> str:
        return f"{self.label}={self.value}"

    def __len__(self) -> int:
        return len(str(self))


def _packed(numbers: Iterable[_LabelledNumber], room: int) -> list[_LabelledNumber]:
    """The numbers that fit, none of them cut. Each needs a space in front."""
    kept = []
    for number in numbers:
        if len(number) + 1 <= room:
            kept.append(number)
            room -= len(number) + 1
    return kept


def _numbers(report: Report) -> list[_LabelledNumber]:
    """Return the run's time, then for each target the number of addresses that answer and of ports that connect, and
    the slowest connect, handshake and call, in the form of the guideline. Unknown numbers are left out, since not every
    reader accepts `U`."""
    deadline, timeout = _value(report.run.deadline_seconds), _value(report.run.timeout_seconds)
    # A run that reaches its deadline is cut short and reports less than it should.
    of_run = _number(_value(report.run.seconds), "s", warning=deadline, most=deadline)
    numbers = [] if of_run is None else [_LabelledNumber("time", "time", of_run, is_well=False)]
    taken = {"time"}
    for target in in_use(report):
        rows = [row for row in matrix(target, report) if row.address.from_own_lookup and not _is_left_out(row)]
        of_target = dict(_counts(target, rows))
        for step in _TIMES:
            times = [
                observation.seconds
                for observation in _observations(rows, step)
                if observation.ok and observation.seconds is not None
            ]
            of_target[step] = _number(_value(max(times, default=None)), "s", most=timeout)
        for kind, number in of_target.items():
            if number is not None:
                label = _label(f"{kind}_{target.id}", taken)
                taken.add(label)
                numbers.append(_LabelledNumber(kind, label, number, is_well=target.status is Status.OK))
    return numbers


def _counts(target: TargetReport, rows: list[Row]) -> Iterator[tuple[str, str | None]]:
    https = [row for row in rows if row.port == HTTPS]
    # Fewer than all addresses means a fault, or steps that were not made, unless the target does not count.
    counts = target.role is Role.REQUIRED
    yield (
        "addresses",
        _number(
            str(sum(map(_answers, https))),
            warning=f"{max(1, len(https))}:" if counts else None,
            most=str(len(https)),
        ),
    )
    if len(target.ports) > 1:
        # A closed channel of AWS Support is not a fault.
        needed = [row for row in rows if row.port != SUPPORT_CHANNEL]
        connects = [observation.ok for observation in _observations(needed, Step.TCP)]
        yield (
            "ports",
            _number(
                str(sum(connects)),
                warning=f"{max(1, len(connects))}:" if counts else None,
                most=str(len(connects)),
            ),
        )


def _observations(rows: Iterable[Row], step: Step) -> Iterator[Observation[object]]:
    place = STEPS.index(step)
    return (observation for row in rows if (observation := row.steps[place]) is not None)


def _is_left_out(row: Row) -> bool:
    """Whether the run skipped this port on purpose. For example, the port may be at an address of an IP version that
    this host does not have."""
    tcp = next(_observations([row], Step.TCP), None)
    return tcp is not None and isinstance(tcp.outcome, Skipped) and not tcp.outcome.reason.startswith(NOT_STARTED)


def _answers(row: Row) -> bool:
    """Whether AWS answered at this address and port, to a signed or an unsigned request."""
    return any(observation.ok for step in (Step.HTTP, Step.API) for observation in _observations([row], step))


def _value(seconds: float | None) -> str | None:
    """Return seconds as digits with a decimal point, rounded to microseconds; None for a time that is unknown or out of
    range."""
    if seconds is None or not 0 <= seconds < _MAX_NUMBER:
        return None
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _number(value: str | None, unit: str = "", *, warning: str | None = None, most: str | None) -> str | None:
    """Return `0.002s;;;0;3`: the value, its thresholds, its minimum and its maximum."""
    return None if value is None else f"{value}{unit};{warning or ''};;0;{most or ''}".rstrip(";")


def _label(name: str, taken: Container[str]) -> str:
    """Return a label for a number that is not in `taken`."""
    label, count = _NO_LABEL.sub("_", name), 1
    while label in taken:
        count += 1
        label = f"{_NO_LABEL.sub('_', name)}_{count}"
    return label
