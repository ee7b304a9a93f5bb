"""A change as text and as a document: a line for a person or the journal, JSON for a program."""

import json
from datetime import datetime
from string import Template
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.services import SERVICES
from agent.catalog.wording import lasted
from agent.process.output import one_line
from agent.report.escape import visible
from agent.report.model import Finding, Report, Status
from agent.report.serialization import to_json
from agent.watch.changes import Kind, StateChange
from probes.frozen import dataclass
from probes.masks import Plain, Sentence

SCHEMA: Final = "backuplink.change.v1"
_PRIORITY_OF_STATUS: Final = {Status.CRITICAL: 2, Status.UNKNOWN: 3, Status.WARNING: 4, Status.OK: 5}
_PRIORITY_OF_SEVERITY: Final = {Severity.CRITICAL: 2, Severity.WARNING: 4, Severity.INFO: 6}
NAMES: Final = (
    *("schema", "id", "kind", "at", "since", "seconds", "cycles", "stands", "status", "before", "code", "severity"),
    *("services", "required_by", "about", "text", "run_id", "instance_id", "region", "vpc_id"),
)
"""The names that a template may use: the keys of a change's document whose values are not objects."""
MASK: Final = "***"
MAX_DEPTH: Final = 64
"""Maximum depth of nested lists and objects in a template."""
NOTICE: Final = 5
"""Priorities of syslog(3): 2 critical, 3 error, 4 warning, 5 notice, 6 information."""
_QUIET: Final = "no further line until it settles"
_GOOD: Final = frozenset({Kind.CLEARED, Kind.BETTER, Kind.SETTLED, Kind.EXPLAINED})
_SERVICES: Final = "services"
"""The id that stands for services in a change."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a watch."""

    priority: int
    text: str

    def shown(self, *, journal: bool) -> str:
        """Return the line with a newline; for the journal it begins with its priority (sd-daemon(3))."""
        return f"<{self.priority}>{self.text}\n" if journal else f"{self.text}\n"


def line_of(change: StateChange, *, redact: bool) -> Line:
    """Return a change on one line: `2026-01-15T03:02:05Z raised TCP002@backup (critical): …; after 62 s, 2 cycles`."""
    if change.services:
        text = _services(change)
    else:
        text = _verdict(change, redact) if change.finding is None else _finding(change, redact)
    return Line(_priority(change), one_line(visible(f"{change.at:%Y-%m-%dT%H:%M:%SZ} {text}")))


def _priority(change: StateChange) -> int:
    if change.services:
        return NOTICE
    if change.kind in _GOOD and not (change.kind is Kind.SETTLED and change.stands):
        return NOTICE
    if change.finding is None:
        return _PRIORITY_OF_STATUS.get(change.status, NOTICE)
    return _PRIORITY_OF_SEVERITY[change.finding.severity]


def _services(change: StateChange) -> str:
    services = f"{', '.join(change.services)} (by {', '.join(change.required_by)})"
    match change.kind:
        case Kind.FLAPPING:
            return f"flapping {services}: whether these services are required keeps changing; {_QUIET}"
        case Kind.SETTLED:
            return f"settled {services}: these services are {'required' if change.stands else 'not required'}"
        case Kind.NOT_REQUIRED:
            after = lasted(change.seconds)
            return f"not-required {services}: after {after} the faults of these services no longer count"
    return f"required {services}: the faults of these services count from now on"


def _verdict(change: StateChange, redact: bool) -> str:
    summary = "" if redact else f": {change.summary}"
    match change.kind:
        case Kind.FLAPPING:
            return f"flapping verdict {change.status}{summary}; it keeps changing; {_QUIET}"
        case Kind.SETTLED:
            return f"settled verdict {change.status}{summary}"
    was = "" if change.before is None else f", was {change.before} for {lasted(change.seconds)}"
    return f"verdict {change.status}{was}{summary}"


def _finding(change: StateChange, redact: bool) -> str:
    finding = change.finding
    if finding is None:
        raise ValueError("a change of the verdict has no finding")
    # A headline contains the address or the id, and the masks of a single change would not find it.
    found = finding.title if redact else finding.headline
    about = f"{change.kind} {_about(change, redact)} ({finding.severity}): {found}"
    match change.kind:
        case Kind.FLAPPING:
            return f"{about}; it comes and goes; {_QUIET}"
        case Kind.SETTLED:
            return f"{about}; it {'is raised' if change.stands else 'is not raised'}"
        case Kind.EXPLAINED:
            return f"{about}; it follows from {finding.explained_by}" if not redact else about
    return f"{about}; {'present' if change.kind is not Kind.CLEARED else 'it lasted'} for {lasted(change.seconds)}"


def _about(change: StateChange, redact: bool) -> str:
    """Return the finding's id, `services`, or `verdict`."""
    finding = change.finding
    if finding is None:
        return _SERVICES if change.services else "verdict"
    return finding.id if finding.target is None else f"{finding.code}@{target_of(finding, redact=redact)}"


def target_of(finding: Finding, *, redact: bool) -> str:
    """Return the target of a finding, empty if the finding has no target; with `redact` the host or address is
    masked."""
    target = finding.target or ""
    service, own_host, _ = target.partition("@")
    if not redact or target in SERVICES or not target:
        return target
    return f"{service}@{MASK}" if own_host and service in SERVICES else MASK


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change in the form that programs receive."""

    schema: Plain
    id: Plain
    """Id of the change. It stays the same when the change is sent again."""
    kind: Kind
    at: datetime
    since: datetime
    seconds: float
    cycles: int
    stands: bool
    """Whether the finding is raised, or the services are required, from now on."""
    status: Status
    """The verdict of the run."""
    before: Status | None
    finding: Finding | None
    """The finding; None for a change of the verdict or of services, and if the document is redacted."""
    code: Plain | None
    severity: Severity | None
    services: tuple[Plain, ...]
    required_by: tuple[Plain, ...]
    about: Sentence
    text: Sentence
    run_id: Plain
    instance_id: Plain | None
    region: Plain | None
    vpc_id: Plain | None


def schema() -> dict[str, Any]:
    """The JSON Schema of a change (draft 2020-12). The program of --on-change also gets the report."""
    from agent.report.codec import schema_of

    made = schema_of(Change, SCHEMA)
    what = "The run that proves the change; only the program of --on-change gets it."
    report = {"description": what, "type": "object"}
    return {**made, "properties": {**made["properties"], "report": report}}


def document(change: StateChange, report: Report, *, redact: bool) -> dict[str, Any]:
    """Return a change as JSON values. `report` is the run that proves it, already masked if `redact` is set."""
    finding = change.finding
    vantage = report.vantage
    content = Change(
        schema=SCHEMA,
        id=change.id,
        kind=change.kind,
        at=change.at,
        since=change.since,
        seconds=change.seconds,
        cycles=change.cycles,
        stands=change.stands,
        status=change.status,
        before=change.before,
        finding=None if redact else finding,
        code=None if finding is None else finding.code,
        severity=None if finding is None else finding.severity,
        services=change.services,
        required_by=change.required_by,
        about=_about(change, redact),
        text=line_of(change, redact=redact).text,
        run_id=change.run_id,
        instance_id=vantage.instance_id,
        region=vantage.region,
        vpc_id=vantage.vpc_id,
    )
    return to_json(content)  # type: ignore[no-any-return] # to_json() of a class is an object


def filled(template: Any, values: dict[str, Any]) -> Any:
    """Return a JSON template with every `$name` in its strings replaced by the value of this key in a change's
    document, as text.

    Values end up in JSON strings, which are escaped when they are written, so a change cannot alter the structure of
    the template. Raises KeyError, ValueError and RecursionError for the flaws that `flaw_of` describes.
    """
    return _filled(template, {name: _as_text(values[name]) for name in NAMES}, MAX_DEPTH)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(value)
    return value if isinstance(value, str) else dumps(value)


def _filled(template: Any, texts: dict[str, str], depth: int) -> Any:
    if not depth:
        raise RecursionError
    match template:
        case str():
            return Template(template).substitute(texts)
        case list():
            return [_filled(value, texts, depth - 1) for value in template]
        case dict():
            return {key: _filled(value, texts, depth - 1) for key, value in template.items()}
    return template


def flaw_of(template: Any) -> str | None:
    """Return why a template cannot be filled and posted; None if it can."""
    try:
        sample = filled(template, dict.fromkeys(NAMES))
    except KeyError as error:
        return f"${error.args[0]} is unknown; known are {', '.join(f'${name}' for name in NAMES)}"
    except ValueError:
        return "a $ starts a name, such as $text; write $$ for the character itself"
    except RecursionError:
        return "its lists and objects are nested too deeply"
    try:
        dumps(sample)
    except ValueError:
        return "JSON has no NaN and no Infinity"
    return None


def dumps(value: Any) -> str:
    """Return JSON on one line. Raises ValueError for NaN and Infinity."""
    return json.dumps(value, allow_nan=False)
