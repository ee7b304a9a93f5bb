"""A change in words and as a document: a line for a person or the journal, JSON for a program."""

import json
from dataclasses import dataclass
from string import Template
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.services import SERVICES
from agent.formats.report_text import visible
from agent.process.output import one_line
from agent.report.model import Finding, Report, Status
from agent.report.serialization import to_json
from agent.watch.changes import Kind, StateChange

SCHEMA: Final = "backuplink.change.v1"
_PRIORITY_OF_STATUS: Final = {Status.CRITICAL: 2, Status.UNKNOWN: 3, Status.WARNING: 4, Status.OK: 5}
_PRIORITY_OF_SEVERITY: Final = {Severity.CRITICAL: 2, Severity.WARNING: 4, Severity.INFO: 6}
NAMES: Final = (
    *("schema", "id", "kind", "at", "since", "seconds", "cycles", "stands", "status", "before", "code", "severity"),
    *("about", "text", "run_id", "instance_id", "region", "vpc_id"),
)
"""What a template may name: the keys of a change's document that hold no object."""
MASK: Final = "***"
MAX_DEPTH: Final = 64
"""Of lists and objects inside each other in a template."""
NOTICE: Final = 5
"""Priorities of syslog(3): 2 critical, 3 error, 4 warning, 5 notice, 6 information."""
_GOOD: Final = frozenset({Kind.CLEARED, Kind.BETTER, Kind.SETTLED, Kind.EXPLAINED})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a watch."""

    priority: int
    text: str

    def shown(self, *, journal: bool) -> str:
        """With the priority in front, as the journal reads it (sd-daemon(3)), or without."""
        return f"<{self.priority}>{self.text}\n" if journal else f"{self.text}\n"


def line_of(change: StateChange, *, redact: bool) -> Line:
    """A change on one line: `2026-01-15T03:02:05Z raised TCP002@backup (critical): …; after 62 s, 2 cycles`."""
    said = _verdict(change, redact) if change.finding is None else _finding(change, redact)
    return Line(_priority(change), one_line(visible(f"{change.at:%Y-%m-%dT%H:%M:%SZ} {said}")))


def _priority(change: StateChange) -> int:
    if change.kind in _GOOD and not (change.kind is Kind.SETTLED and change.stands):
        return NOTICE
    if change.finding is None:
        return _PRIORITY_OF_STATUS.get(change.status, NOTICE)
    return _PRIORITY_OF_SEVERITY[change.finding.severity]


def _verdict(change: StateChange, redact: bool) -> str:
    summary = "" if redact else f": {change.summary}"
    match change.kind:
        case Kind.FLAPPING:
            return f"flapping verdict {change.status}{summary}; it changes again and again, and is said when that ends"
        case Kind.SETTLED:
            return f"settled verdict {change.status}{summary}"
    was = "" if change.before is None else f", was {change.before} for {lasted(change.seconds)}"
    return f"verdict {change.status}{was}{summary}"


def _finding(change: StateChange, redact: bool) -> str:
    finding = change.finding
    if finding is None:
        raise ValueError("a change of the verdict is about no finding")
    about = f"{change.kind} {_about(change, redact)} ({finding.severity}): {finding.title}"
    match change.kind:
        case Kind.FLAPPING:
            return f"{about}; it comes and goes, and is said again when that ends"
        case Kind.SETTLED:
            return f"{about}; it {'stands' if change.stands else 'does not stand'}"
        case Kind.EXPLAINED:
            return f"{about}; it follows from {finding.explained_by}" if not redact else about
    return f"{about}; {'there' if change.kind is not Kind.CLEARED else 'it lasted'} for {lasted(change.seconds)}"


def _about(change: StateChange, redact: bool) -> str:
    """The finding's id, or `verdict`."""
    finding = change.finding
    if finding is None:
        return "verdict"
    return finding.id if finding.target is None else f"{finding.code}@{target_of(finding, redact=redact)}"


def target_of(finding: Finding, *, redact: bool) -> str:
    """What a finding is about, empty where that is the run; with a mask for a host or an address in it."""
    target = finding.target or ""
    service, own_host, _ = target.partition("@")
    if not redact or target in SERVICES or not target:
        return target
    return f"{service}@{MASK}" if own_host and service in SERVICES else MASK


def lasted(seconds: float) -> str:
    """A duration of a watch: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def document(change: StateChange, report: Report, *, redact: bool) -> dict[str, Any]:
    """A change as plain data. `report` is the run that proves it, masked where `redact` says so."""
    finding = change.finding
    seen = report.vantage
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "id": change.id,
        "kind": change.kind,
        "at": change.at,
        "since": change.since,
        "seconds": change.seconds,
        "cycles": change.cycles,
        "stands": change.stands,
        "status": change.status,
        "before": change.before,
        "finding": None if finding is None or redact else finding,
        "code": None if finding is None else finding.code,
        "severity": None if finding is None else finding.severity,
        "about": _about(change, redact),
        "text": line_of(change, redact=redact).text,
        "run_id": change.run_id,
        "instance_id": seen.instance_id,
        "region": seen.region,
        "vpc_id": seen.vpc_id,
    }
    return to_json(told)  # type: ignore[no-any-return] # to_json() of a table is one


def filled(template: Any, told: dict[str, Any]) -> Any:
    """A template of JSON with `$name` in its texts replaced by what a change's document has under that name, as text.
    What stands in JSON's texts is escaped by whoever writes it, so a change cannot alter the template's form. Raises
    KeyError, ValueError and RecursionError for what `flaw_of` names."""
    return _filled(template, {name: _as_text(told[name]) for name in NAMES}, MAX_DEPTH)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value)


def _filled(template: Any, words: dict[str, str], room: int) -> Any:
    if not room:
        raise RecursionError
    match template:
        case str():
            return Template(template).substitute(words)
        case list():
            return [_filled(each, words, room - 1) for each in template]
        case dict():
            return {key: _filled(each, words, room - 1) for key, each in template.items()}
    return template


def flaw_of(template: Any) -> str | None:
    """Why a template cannot be filled and posted; None where it can."""
    try:
        sample = filled(template, dict.fromkeys(NAMES))
    except KeyError as error:
        return f"there is no ${error.args[0]}; there are {', '.join(f'${name}' for name in NAMES)}"
    except ValueError:
        return "a $ begins a name, such as $text; write $$ where the sign itself is meant"
    except RecursionError:
        return "its lists and objects are too deep inside each other"
    try:
        dumps(sample)
    except ValueError:
        return "NaN and Infinity are no numbers of JSON"
    return None


def dumps(told: Any) -> str:
    """On one line."""
    return json.dumps(told, allow_nan=False)
