"""Changes of a fleet as events of Amazon EventBridge: requests of `aws events put-events`, one per line.

An event says that a cause is new or healed, or has more or fewer hosts than in an earlier sweep. An unchanged sweep
makes no event, and neither does a change of a few hosts. A rule can therefore page somebody for each event. All events
of a cause have the same ticket, and a repeated event has the same `id`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

from agent.catalog.findings import CODES, Radius, Severity
from agent.fleet.changes import least_change
from agent.fleet.faults import radius_of, subjects_of
from agent.fleet.model import FleetCause, FleetChange, FleetDocument, HostsOfOwner, Sweep, Turn
from agent.report import put_events
from agent.report.codec import schema_of
from agent.report.model import FindingSubject, Fix, Tool
from probes.frozen import dataclass
from probes.masks import FleetHost, Plain, Sentence

SCHEMA: Final = "backuplink.fleet-change.v1"
DETAIL_TYPE: Final = "Backuplink Fleet Change"
MIN_HOSTS: Final = 5
"""The smallest change of the number of hosts that makes an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetEvent:
    """The detail of an event: a cause that changed."""

    schema: Plain
    tool: Tool
    redacted: bool
    turn: Turn
    """How the cause changed."""
    key: Plain
    """Code and subjects of the cause."""
    ticket: Plain
    """Identifies the cause in all of its events, even if its key changes."""
    id: Plain
    """Identifies this event. If the same sweeps are compared again, the event has the same id."""
    code: Plain
    name: Plain
    title: Sentence
    severity: Severity
    radius: Radius
    subjects: tuple[FindingSubject, ...]
    services: tuple[Plain, ...]
    """The services of the cause; empty if it healed."""
    host_count: int
    """Number of hosts that have the cause now."""
    host_count_before: int
    came: int
    """Number of hosts that have the cause now but did not have it before. Hosts that had no record before are
    included."""
    went: int
    exposed_count: int
    """Number of hosts that could have the cause; 0 if it healed."""
    hosts: tuple[FleetHost, ...]
    """The first hosts that have the cause; empty if it healed."""
    owners: tuple[HostsOfOwner, ...]
    """The owners with their hosts. These are the hosts that have the cause or, if it healed, the hosts that had it.
    Empty if the inventory has no owners."""
    since: datetime | None
    """Start of the sweep since which enough hosts have had the cause without a break; None if the start is unknown or
    the cause healed."""
    fix: Fix | None
    sweep: Sweep
    """The newer sweep, about which the event reports."""
    against: Sweep
    """The earlier sweep, with which the newer one is compared."""


def schema() -> dict[str, Any]:
    """The JSON Schema of the detail of an event (draft 2020-12)."""
    return schema_of(FleetEvent, SCHEMA)


def render(document: FleetDocument) -> str:
    """The requests, one per line; empty if nothing changed."""
    return put_events.lines(map(_entry, events(document)))


def events(document: FleetDocument) -> Iterator[FleetEvent]:
    """The events of a document, in the order of its changes."""
    causes = {cause.key: cause for cause in document.causes}
    if document.sweep is not None and document.against is not None:
        for change in filter(_is_told, document.changes):
            yield _event(document, document.sweep, document.against, change, causes.get(change.key))


def _is_told(change: FleetChange) -> bool:
    """Whether a change makes an event. If only the number of hosts changed, the change must be large enough."""
    if change.turn not in (Turn.GROWN, Turn.SHRUNK):
        return True
    return abs(change.came - change.went) >= least_change(change.before, MIN_HOSTS)


def _event(
    document: FleetDocument, sweep: Sweep, against: Sweep, change: FleetChange, cause: FleetCause | None
) -> FleetEvent:
    code = change.key.partition("|")[0]
    return FleetEvent(
        schema=SCHEMA,
        tool=document.tool,
        redacted=document.redacted,
        turn=change.turn,
        key=change.key,
        ticket=change.ticket,
        id=f"{change.turn} {sweep.id} {change.ticket}",
        code=code,
        name=CODES[code].name if code in CODES else code,
        title=change.title,
        severity=change.severity,
        radius=radius_of(code),
        subjects=subjects_of(change.key) if cause is None else cause.subjects,
        services=() if cause is None else cause.services,
        host_count=change.after,
        host_count_before=change.before,
        came=change.came,
        went=change.went,
        exposed_count=0 if cause is None else cause.exposed_count,
        hosts=() if cause is None else cause.hosts,
        owners=change.owners if cause is None else cause.owners,
        since=None if cause is None else cause.since,
        fix=None if cause is None else cause.fix,
        sweep=sweep,
        against=against,
    )


_CUTS: Final[tuple[Callable[[FleetEvent], FleetEvent], ...]] = (
    lambda event: event if event.fix is None else replace(event, fix=replace(event.fix, commands=())),
    lambda event: replace(event, fix=None, hosts=(), services=()),
    lambda event: replace(event, subjects=(), owners=tuple(replace(one, hosts=()) for one in event.owners)),
)
"""Steps that shorten an event. They are applied in this order until the event's entry is short enough. The key is never
shortened, so it still contains the subjects."""


def _entry(event: FleetEvent) -> dict[str, str]:
    """An entry of the request, with its detail as text."""

    details = accumulate(_CUTS, lambda shorter, cut: cut(shorter), initial=event)
    return put_events.entry_of(DETAIL_TYPE, event.sweep.ended_at, details)
