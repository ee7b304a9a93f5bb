"""The rows, words and order that all formats of a prediction share. Texts are not escaped here."""

from typing import Final

from agent.catalog.wording import counted, listed
from agent.network.answers import Answer, PredictedCall, PredictedName, SourceClass
from agent.predict import places
from agent.predict.model import (
    Effect,
    IntentFailure,
    PredictedChange,
    PredictedFault,
    PredictedIntent,
    PredictionDocument,
)
from agent.report.hops import WORST, Reachability
from agent.report.model import Status
from probes.frozen import dataclass

OUTCOMES: Final = {
    Reachability.OPEN: "open",
    Reachability.BLOCKED: "BLOCKED",
    Reachability.DOUBTFUL: "IN PART",
    Reachability.CANNOT_TELL: "unknown",
}
NOT_ASKED: Final = "-"
ANSWERS: Final = {
    Answer.PRIVATE: "private",
    Answer.PUBLIC: "public",
    Answer.NOTHING: "nothing",
    Answer.CANNOT_TELL: "unknown",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A port of a service."""

    port: int
    counts: bool
    """Whether it is required at any address."""


@dataclass(frozen=True, slots=True)
class Row:
    """Sources with the same outcomes."""

    sources: tuple[SourceClass, ...]
    outcomes: tuple[Reachability | None, ...]
    """The outcome in each column. It is the worst outcome at the addresses that count or, if no address counts, at all
    addresses. None if there are no addresses."""

    @property
    def interface_count(self) -> int:
        return sum(source.interface_count for source in self.sources)


def matrix(document: PredictionDocument, service: str) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
    """The ports of a service, and a row for sources with the same outcomes, blocked ones first."""
    of_service = [path for path in document.paths if path.service == service]
    columns = tuple(
        Column(port, any(path.counts for path in of_service if path.port == port))
        for port in sorted({path.port for path in of_service})
    )
    counting = {column.port for column in columns if column.counts}
    worst: dict[tuple[str, int], int] = {}
    for path in of_service:
        if path.counts or path.port not in counting:
            rank = WORST.index(path.outcome)
            for source_id in path.sources:
                key = source_id, path.port
                worst[key] = min(rank, worst.get(key, rank))
    alike: dict[tuple[int | None, ...], list[SourceClass]] = {}
    for source in document.sources:
        ranks = tuple(worst.get((source.id, column.port)) for column in columns)
        alike.setdefault(ranks, []).append(source)
    ordered = sorted(alike.items(), key=lambda item: [len(WORST) if rank is None else rank for rank in item[0]])
    return columns, tuple(
        Row(tuple(sources), tuple(None if rank is None else WORST[rank] for rank in ranks))
        for ranks, sources in ordered
    )


def cells(row: Row) -> tuple[str, ...]:
    """The outcome of each column of a row, in a word."""
    return tuple(NOT_ASKED if outcome is None else OUTCOMES[outcome] for outcome in row.outcomes)


def head(fault: PredictedFault) -> str:
    """`CRITICAL backup-gateway 1031: No rule of the endpoint's security groups admits this host`."""
    ports = f" {listed(fault.ports)}" if fault.ports else ""
    word = "UNKNOWN" if fault.outcome is Reachability.CANNOT_TELL else fault.severity.upper()
    return f"{word} {fault.service}{ports}: {fault.title}"


def stands_for(fault: PredictedFault | PredictedChange, document: PredictionDocument) -> str:
    """The interfaces with a fault or change: `For 3 of 27 interfaces: sg-1 in subnet-1 and subnet-2.`"""
    share = places.share(fault.sources, document.sources)
    return f"For {share}: {places.where(fault.sources, document.sources)}."


def words_of(source: SourceClass) -> str:
    """`subnet-1 (eu-west-1a), sg-1 and sg-2, 5 interfaces, as 10.0.1.5`."""
    zone = f" ({source.availability_zone})" if source.availability_zone else ""
    place = f"{source.subnet_id}{zone}" if source.subnet_id is not None else "outside the subnets"
    groups = listed(source.group_ids) if source.group_ids else "groups not known"
    count = counted(source.interface_count, "interface") if source.interface_count else "no interface known"
    return f"{place}, {groups}, {count}, as {listed(source.addresses)}"


def crossing(name: PredictedName, document: PredictionDocument) -> str | None:
    """The hosts that reach the endpoint from zones in which it has no interface, in words. None if no such host is
    known."""
    sources = [
        source
        for source in document.sources
        if source.availability_zone is not None and source.availability_zone not in name.zones
    ]
    if not name.zones or not sources:
        return None
    zones = listed(sorted({str(source.availability_zone) for source in sources}))
    count = counted(sum(source.interface_count for source in sources), "interface")
    return f"{count} in {zones} reach it across zones, which AWS charges for: it is in {listed(name.zones)}"


def answer_of(name: PredictedName) -> str:
    """`private, 10.0.1.17 and 10.0.2.17: private DNS of vpce-1`."""
    given = f", {listed(name.addresses)}" if name.addresses else ""
    aside = "" if name.counts else " (not counted)"
    return f"{ANSWERS[name.answer]}{given}{aside}: {name.words}"


def basis(document: PredictionDocument) -> str:
    """The data from which the prediction was made."""
    changed = f" with {counted(len(document.assumed), 'assumed change')}" if document.assumed else ""
    return (
        f"{document.region}, {document.vpc_id}, as configured on {document.taken_at:%Y-%m-%d %H:%M} UTC{changed}; "
        "nothing was measured"
    )


CALLS: Final = {Reachability.OPEN: "allowed", Reachability.BLOCKED: "DENIED", Reachability.CANNOT_TELL: "unknown"}


def call_of(call: PredictedCall) -> str:
    """`backup:ListBackupVaults at vpce-1 DENIED: Shut denies it to this caller`."""
    aside = "" if call.counts else " (not counted)"
    return f"{call.action} at {call.endpoint_id} {CALLS[call.outcome]}{aside}: {call.words}"


EFFECTS: Final = {
    Effect.CLOSES: "CLOSES",
    Effect.MAY_CLOSE: "MAY CLOSE",
    Effect.OPENS: "opens",
    Effect.MAY_OPEN: "may open",
}


def effect_of(change: PredictedChange) -> str:
    """`CLOSES backup-gateway 443 at 10.0.1.27 and 10.0.2.27`, `CLOSES the name of backup`, or `CLOSES the call
    backup:ListBackupVaults at vpce-1`."""
    if change.action is not None:
        return f"{EFFECTS[change.effect]} the call {change.action} at {listed(change.decided_by)}"
    if not change.ports:
        return f"{EFFECTS[change.effect]} the name of {change.service}"
    places = f" at {listed(change.addresses)}" if change.addresses else ""
    return f"{EFFECTS[change.effect]} {change.service} {listed(change.ports)}{places}"


def decides(change: PredictedChange) -> str:
    """Ids of the resources that decide after a change. For a change that opens something, they decide before it."""
    return f"{'Now' if change.effect is Effect.OPENS else 'After the change'}: {change.words}."


def left_out(document: PredictionDocument) -> str | None:
    """The interfaces that are not used as sources, in words; None if there are none."""
    if not document.left_out:
        return None
    is_one = document.left_out == 1
    return (
        f"{counted(document.left_out, 'interface')} of the VPC {'is' if is_one else 'are'} not a source, since no "
        f"instance has {'it' if is_one else 'them'}: endpoints, load balancers, functions and the like. Name one with "
        "--from to ask for it."
    )


HOLDS: Final = {Status.OK: "holds", Status.CRITICAL: "DOES NOT HOLD", Status.UNKNOWN: "unknown"}


def intent_of(intent: PredictedIntent) -> str:
    """`DOES NOT HOLD: hosts back up (intents.toml:4): open for backup and s3 from 14 interfaces`."""
    of = f"{intent.must} for {listed(intent.services)} from {counted(intent.interface_count, 'interface')}"
    return f"{HOLDS[intent.status]}: {intent.name} ({intent.place}): {of}"


def failure_of(failure: IntentFailure) -> str:
    """`backup-gateway 1031, BLOCKED for 3 interfaces, by sgr-1: no rule lets the source in.`"""
    ports = f" {listed(failure.ports)}" if failure.ports else ""
    whom = f"{OUTCOMES[failure.outcome]} for {counted(failure.interface_count, 'interface')}"
    by = failure.rule or listed(failure.decided_by)
    return f"{failure.service}{ports}, {whom}{f', by {by}' if by else ''}: {failure.words}."
