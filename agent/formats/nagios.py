"""The report as the output of a monitoring plugin: for Nagios, Icinga, Naemon and all that run such plugins.

The form is that of the Monitoring Plugins' development guidelines: a line that begins with a word for the exit code,
numbers behind a `|`, and below them long output, behind whose last line more numbers may stand. A `|` is nothing but
that sign, and every line ends where it seems to.

Its readers cut what is long: version 2 of NRPE after 1 kB, Nagios after 8. So the first line and the whole are bounded,
and what is left out is left out by whole lines and whole numbers.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.formats.report_text import (
    STEPS,
    Row,
    causes,
    cell,
    facts,
    head,
    in_use,
    matrix,
    starred,
    state,
    unseen,
    vantage,
    visible,
    zone,
)
from agent.report import exits
from agent.report.model import Report, TargetReport
from probes.model import NOT_BEGUN, Observation, Role, Skipped, Step
from probes.ports import HTTPS

MAX_CHARACTERS: Final = 8_000
"""Of all that is written, which is ASCII; Nagios' MAX_PLUGIN_OUTPUT_LENGTH is 8,192 bytes."""
MAX_FIRST_LINE: Final = 1_000
"""NRPE's packet of version 2 has 1,024 bytes."""
_MAX_SUMMARY: Final = 800
_MAX_WORDS: Final = 600
"""Of a cause's own words, and of every other line: a peer may have said a lot in it."""
_MAX_NUMBERS: Final = 2_000
"""Of numbers behind the long output."""
_MAX_NUMBER: Final = 1e9
"""Far above any time or count of a run; a saved report may say what it wants."""
_WORDS: Final = {exits.OK: "OK", exits.WARNING: "WARNING", exits.CRITICAL: "CRITICAL", exits.UNKNOWN: "UNKNOWN"}
_NO_LABEL: Final = re.compile(r"[^A-Za-z0-9_.@-]")
"""A label of other characters is quoted, or means something, for one reader or another (`::` for Icinga 2)."""


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """Output of a plugin, whose first word goes by the exit code; a code that plugins do not have, such as that of a
    signal, is UNKNOWN."""
    code = exits.of_status(report.verdict.status) if options.exit_code is None else options.exit_code
    first = _first_line(report, _WORDS.get(code, "UNKNOWN"))
    if not report.observations:  # a call that was refused made no run of which anything could be said
        return f"{first}\n"
    here, left = _packed(_numbers(report), MAX_FIRST_LINE - len(first) - 1)
    more, _ = _packed(left, _MAX_NUMBERS)
    first = f"{first}|{here}"
    last = _line(vantage(report)) + (f" |{more}" if more else "")
    lines = [first, *_fitting(_long_output(report), MAX_CHARACTERS - len(first) - len(last) - 2), last]
    return "\n".join(lines) + "\n"


def _first_line(report: Report, word: str) -> str:
    status = report.verdict.status.value.upper()
    beside = "" if status == word else f" (verdict {report.verdict.status})"
    of_run = f", {_line(facts(report))}" if report.observations else ""
    summary = _line(report.verdict.summary, _MAX_SUMMARY - len(of_run))
    return f"{word} - {summary}{of_run}{beside}"


def _line(text: str, most: int = _MAX_WORDS) -> str:
    """`text` in one line without a `|`, whose middle is left out where it is long."""
    shown = visible(text).replace("|", r"\x7c")
    half = most // 2
    return shown if len(shown) <= most else f"{shown[: half - 5]} ... {shown[len(shown) - half :]}"


# --- Long output -----------------------------------------------------------------------------------------------------


def _long_output(report: Report) -> Iterator[str]:
    """Causes and what to do, then how far each address let this host come, then what was not looked at."""
    for number, finding in enumerate(causes(report), 1):
        yield _line(f"{number}. {head(finding)} [{finding.code}]")
        yield _line(f"   {finding.detail}")
        yield _line(f"   What to do: {finding.fix.summary}")
        yield _line(f"   See: backuplink explain {finding.code}")
    for target in in_use(report):
        yield _line(f"{target.service} at {target.host}: {state(target)}")
        yield from (_line(f"  not proven: {words}") for words in target.unproven)
        for row in matrix(target, report):
            steps = [f"{step} {cell(each)}" for step, each in zip(STEPS, row.steps, strict=True) if each is not None]
            where = f"{starred(row.address)} ({zone(row.address)}) port {row.port}"
            yield _line(f"  {where}: {', '.join(steps)}")
    for why, what in unseen(report).items():
        yield _line(f"not looked at: {what}: {why}")


def _fitting(lines: Iterable[str], room: int) -> list[str]:
    """The first of these lines, with a word for those that there is no room for."""
    every = list(lines)
    if sum(len(each) + 1 for each in every) <= room:
        return every
    kept: list[str] = []
    room -= _MAX_WORDS
    for each in every:
        room -= len(each) + 1
        if room < 0:
            break
        kept.append(each)
    return [*kept, f"... {len(every) - len(kept)} more lines; --format json has all."]


# --- Numbers ---------------------------------------------------------------------------------------------------------


def _numbers(report: Report) -> list[str]:
    """The run's time, then for each target how many addresses answer, how many ports connect, and the slowest connect,
    handshake and call, in the form of the guideline. A number that is not known is left out, since not every reader
    takes its `U`."""
    deadline, timeout = _value(report.run.deadline_seconds), _value(report.run.timeout_seconds)
    # At its deadline a run is cut, and says less than it should.
    found = {"time": _number(_value(report.run.seconds), "s", warning=deadline, most=deadline)}
    for target in in_use(report):
        rows = [row for row in matrix(target, report) if row.address.from_own_lookup and not _is_left_out(row)]
        of_target = dict(_counts(target, rows))
        for step in (Step.TCP, Step.TLS, Step.API):
            times = [each.seconds for each in _looks(rows, step) if each.ok and each.seconds is not None]
            of_target[step] = _number(_value(max(times, default=None)), "s", most=timeout)
        for metric, number in of_target.items():
            found[_label(f"{metric}_{target.id}", found)] = number
    return [f"{label}={number}" for label, number in found.items() if number is not None]


def _counts(target: TargetReport, rows: list[Row]) -> Iterator[tuple[str, str | None]]:
    https = [row for row in rows if row.port == HTTPS]
    # Fewer than all is a fault, or was not seen; of what nobody asked for it counts for neither.
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
        connects = [each.ok for each in _looks(rows, Step.TCP)]
        yield (
            "ports",
            _number(
                str(sum(connects)),
                warning=f"{max(1, len(connects))}:" if counts else None,
                most=str(len(connects)),
            ),
        )


def _looks(rows: Iterable[Row], step: Step) -> Iterator[Observation[object]]:
    place = STEPS.index(step)
    return (look for row in rows if (look := row.steps[place]) is not None)


def _is_left_out(row: Row) -> bool:
    """Whether nothing was tried there by choice, as in a family that this host has no address of."""
    tcp = next(_looks([row], Step.TCP), None)
    return tcp is not None and isinstance(tcp.outcome, Skipped) and not tcp.outcome.reason.startswith(NOT_BEGUN)


def _answers(row: Row) -> bool:
    """Whether AWS answered there: a signed answer is worth as much as one that is not."""
    return any(each.ok for step in (Step.HTTP, Step.API) for each in _looks([row], step))


def _value(seconds: float | None) -> str | None:
    """A number of digits and a point alone, to microseconds."""
    if seconds is None or not 0 <= seconds < _MAX_NUMBER:
        return None
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _number(value: str | None, unit: str = "", *, warning: str | None = None, most: str | None) -> str | None:
    """`0.002s;;;0;3`: the value, its thresholds, and the least and most that it can be."""
    return None if value is None else f"{value}{unit};{warning or ''};;0;{most or ''}".rstrip(";")


def _label(name: str, taken: Iterable[str]) -> str:
    """A name for a number that none of `taken` is."""
    label, count = _NO_LABEL.sub("_", name), 1
    while label in taken:
        count += 1
        label = f"{_NO_LABEL.sub('_', name)}_{count}"
    return label


def _packed(numbers: list[str], room: int) -> tuple[str, list[str]]:
    """As many of the numbers as there is room for, whole, and the others."""
    kept: list[str] = []
    left: list[str] = []
    for each in numbers:
        fits = len(each) + 1 <= room
        (kept if fits else left).append(each)
        room -= len(each) + 1 if fits else 0
    return " ".join(kept), left
