"""Join answers of `fleet`: results for single Regions or accounts become one result for all of them.

A Parquet file of answers has the document from which its rows were made in its metadata. A million hosts have only some
hundred causes, so joining ten such files takes no longer than reading them. Each host is in only one answer, so numbers
of hosts can be added. A cause has the same key in every answer, as in every sweep. Hosts of different answers are not
compared, so a fault that is not a shared cause in any answer remains a fault of single hosts.
"""

import base64
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from agent.fleet.groups import grouped
from agent.fleet.model import (
    MAX_BREAKDOWN,
    MAX_EXAMPLES,
    SCHEMA,
    FleetCause,
    FleetChange,
    FleetDocument,
    FleetTotals,
    FleetVerdict,
    HostsOfOwner,
    HostsOfValue,
    NamedBy,
    NotHeardFrom,
    OwnFault,
    Place,
    Shared,
    SuppressedFault,
    Sweep,
    Turn,
    Unreadable,
    decode,
    dumps,
    summary_of,
)
from agent.report.model import Status, Tool
from agent.report.serialization import DecodeError
from agent.version import __version__

KEY: Final = SCHEMA
"""The key of the document in the metadata."""
MAX_DOCUMENT: Final = 256 << 20
"""Maximum size of an unpacked document in bytes. The document of a million hosts needs a tenth of this size."""
_WORST_FIRST: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING)
_STRONGEST_FIRST: Final = tuple(NamedBy)
_TURNS: Final = tuple(Turn)
_Key = TypeVar("_Key", bound=Hashable)
_Part = TypeVar("_Part")


# --- Beside the rows -------------------------------------------------------------------------------------------------


def packed(document: FleetDocument) -> str:
    """Return a document as text without quotation marks, for the metadata of a Parquet file."""
    return base64.b64encode(zlib.compress(dumps(document).encode())).decode()


def unpacked(text: str) -> FleetDocument:
    """Return the document in the metadata. Raises ValueError, whose message completes a sentence that begins with the
    file's name."""
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(base64.b64decode(text, validate=True), MAX_DOCUMENT)
        document = decode(json.loads(data)) if unpacker.eof else None
    except (ValueError, zlib.error, DecodeError, RecursionError) as error:
        raise ValueError(f"holds an answer that cannot be read: {error}") from error
    if document is None:
        raise ValueError("holds an answer that is cut off or too long")
    if document.schema != SCHEMA:
        raise ValueError(f"holds no {SCHEMA}")
    if not all(map(_is_possible, document.causes)):
        raise ValueError("holds an answer whose numbers are not possible")
    if document.redacted:
        raise ValueError("holds a redacted answer: a mask such as vpc-1 stands for another VPC in another answer")
    return document


def _is_possible(cause: FleetCause) -> bool:
    """Whether the numbers of the shared values are possible, so that dividing by them is safe."""
    shared = cause.shared
    return shared is None or (0 < shared.coverage <= 1 and shared.sick > 0 and shared.well >= 0)


# --- Joined ----------------------------------------------------------------------------------------------------------


def joined(
    answers: Sequence[FleetDocument],
    *,
    unreadable: Sequence[Unreadable],
    unreadable_count: int,
    notes: Sequence[str],
    tolerate: float,
) -> FleetDocument:
    """Join answers; a single answer stays as it is. `unreadable` lists the first files that could not be read, some of
    which may be tolerated; `notes` are further remarks on the reading."""
    if len(answers) == 1 and not unreadable_count:
        return replace(answers[0], notes=(*notes, *answers[0].notes))
    totals = _totals(answers, unreadable_count)
    sweeps = tuple(_sweeps(answers))
    causes = _causes(answers, {sweep.id: sweep.started_at for sweep in sweeps})
    own_faults = _own_faults(answers)
    missing = _not_heard_from([one.not_heard_from for one in answers if one.not_heard_from is not None])
    status = next((one for one in _WORST_FIRST if any(it.verdict.status is one for it in answers)), Status.OK)
    if status is not Status.CRITICAL and unreadable_count > tolerate * (len(answers) + unreadable_count):
        status = Status.UNKNOWN
    named = {host for cause in causes for host in cause.hosts} | {host for own in own_faults for host in own.hosts}
    return FleetDocument(
        schema=SCHEMA,
        tool=Tool(name="backuplink", version=__version__),
        redacted=False,
        engine=answers[0].engine,
        verdict=FleetVerdict(status=status, summary=summary_of(totals, causes, own_faults)),
        sweep=_together([one.sweep for one in answers if one.sweep is not None]),
        against=_together([one.against for one in answers if one.against is not None]),
        sweeps=sweeps,
        totals=totals,
        causes=causes,
        own_faults=own_faults,
        not_heard_from=missing,
        changes=tuple(_changes(answers)),
        groups=grouped(causes, {}, sweeps[0].id if sweeps else None),
        suppressed=_suppressed(answers),
        unreadable=(*unreadable, *(one for it in answers for one in it.unreadable))[:MAX_EXAMPLES],
        notes=(
            f"Joined from {len(answers):,} answers of fleet. Hosts of different answers were not compared.",
            *notes,
            *dict.fromkeys(one for it in answers for one in it.notes),
        ),
        files=tuple(one for it in answers for one in it.files if one.host in named),
    )


def _totals(answers: Iterable[FleetDocument], unreadable: int) -> FleetTotals:
    sums: Counter[str] = Counter(unreadable=unreadable)
    for answer in answers:
        for name in FleetTotals.__dataclass_fields__:
            sums[name] += getattr(answer.totals, name)
    return FleetTotals(**{name: sums[name] for name in FleetTotals.__dataclass_fields__})


def _together(sweeps: Sequence[Sweep]) -> Sweep | None:
    """A single sweep in place of the sweeps of several answers."""
    if not sweeps:
        return None
    first = min(sweep.started_at for sweep in sweeps)
    ids = {sweep.id for sweep in sweeps}
    return Sweep(
        id=min(ids) if len(ids) == 1 else f"{first:%Y-%m-%dT%H:%MZ}",
        started_at=first,
        ended_at=max(sweep.ended_at for sweep in sweeps),
        host_count=sum(sweep.host_count for sweep in sweeps),
        sick_count=sum(sweep.sick_count for sweep in sweeps),
    )


def _sweeps(answers: Iterable[FleetDocument]) -> Iterator[Sweep]:
    by_id = _grouped((sweep.id, sweep) for answer in answers for sweep in answer.sweeps)
    together = filter(None, map(_together, by_id.values()))
    yield from sorted(together, key=lambda sweep: (sweep.started_at, sweep.id))


def _grouped(pairs: Iterable[tuple[_Key, _Part]]) -> dict[_Key, list[_Part]]:
    groups: defaultdict[_Key, list[_Part]] = defaultdict(list)
    for key, part in pairs:
        groups[key].append(part)
    return dict(groups)


# --- Causes ----------------------------------------------------------------------------------------------------------


def _causes(answers: Iterable[FleetDocument], starts: Mapping[str, datetime]) -> tuple[FleetCause, ...]:
    """Return the causes of all answers. `starts` has the start of each sweep over all hosts."""
    parts = _grouped((cause.key, cause) for answer in answers for cause in answer.causes)
    causes = [
        replace(cause, since=starts.get(cause.since_sweep or "", cause.since)) for cause in map(_cause, parts.values())
    ]
    return tuple(sorted(causes, key=lambda cause: (cause.severity.rank, -_members(cause), cause.key)))


def _members(cause: FleetCause) -> int:
    return cause.host_count + cause.also_count


def _cause(parts: Sequence[FleetCause]) -> FleetCause:
    """Merge the parts of a cause, which all have the same key. The description comes from the part with most hosts."""
    if len(parts) == 1:
        return parts[0]
    said = max(parts, key=_members)
    began = [(part.since, part.since_sweep) for part in parts if part.since is not None]
    since, since_sweep = min(began, key=lambda begin: begin[0]) if began else (None, None)
    return replace(
        said,
        severity=min((part.severity for part in parts), key=lambda severity: severity.rank),
        services=tuple(dict.fromkeys(service for part in parts for service in part.services)),
        named_by=min((part.named_by for part in parts), key=_STRONGEST_FIRST.index),
        shared=_shared(parts),
        host_count=sum(part.host_count for part in parts),
        exposed_count=sum(part.exposed_count for part in parts),
        joined_count=sum(part.joined_count for part in parts),
        also_count=sum(part.also_count for part in parts),
        hosts=_examples(part.hosts for part in parts),
        places=_places(parts),
        since=since,
        since_sweep=since_sweep,
        ticket=min(parts, key=lambda part: (part.since is None, part.since, part.key)).ticket,
        flapping=all(part.flapping for part in parts),
        breakdown=_breakdown(parts),
        accounts=tuple(dict.fromkeys(account for part in parts for account in part.accounts))[:MAX_EXAMPLES],
        owners=_owners(parts),
    )


def _examples(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(sorted({host for hosts in lists for host in hosts})[:MAX_EXAMPLES])


def _shared(parts: Sequence[FleetCause]) -> Shared | None:
    """Return the values that the hosts share, or None if the parts have different values. The probability is the
    smallest one of all parts."""
    shared = [part.shared for part in parts if part.shared is not None]
    if len(shared) < len(parts) or len({one.values for one in shared}) > 1:
        return None
    sick, well = sum(one.sick for one in shared), sum(one.well for one in shared)
    total, of_all = sick + well, sum(part.exposed_count for part in parts)
    all_sick = sum(round(one.sick / one.coverage) for one in shared)
    among_others = (all_sick - sick + 0.5) / (max(of_all - total, 0) + 1)  # half a host is added, as in the search
    return Shared(
        values=shared[0].values,
        sick=sick,
        well=well,
        coverage=sick / all_sick,
        precision=sick / total,
        lift=(sick + 0.5) / (total + 1) / among_others,
        p=min(one.p for one in shared),
    )


def _places(parts: Iterable[FleetCause]) -> tuple[Place, ...]:
    places = _grouped(((place.vpc, place.zone), place) for part in parts for place in part.places)
    return tuple(
        Place(vpc=vpc, zone=zone, sick=sum(one.sick for one in of), exposed=sum(one.exposed for one in of))
        for (vpc, zone), of in sorted(places.items(), key=lambda item: (item[0][0] or "", item[0][1] or ""))
    )


def _breakdown(parts: Iterable[FleetCause]) -> tuple[HostsOfValue, ...]:
    values = _grouped((one.value, one) for part in parts for one in part.breakdown)
    sums = (
        HostsOfValue(value=value, sick=sum(one.sick for one in of), exposed=sum(one.exposed for one in of))
        for value, of in values.items()
    )
    return tuple(sorted(sums, key=lambda one: (-one.sick, one.value or ""))[:MAX_BREAKDOWN])


def _owners(parts: Iterable[FleetCause | FleetChange]) -> tuple[HostsOfOwner, ...]:
    owners = _grouped((one.owner, one) for part in parts for one in part.owners)
    sums = (
        HostsOfOwner(
            owner=owner, host_count=sum(one.host_count for one in of), hosts=_examples(one.hosts for one in of)
        )
        for owner, of in owners.items()
    )
    return tuple(sorted(sums, key=lambda one: (-one.host_count, one.owner or ""))[:MAX_BREAKDOWN])


# --- The rest --------------------------------------------------------------------------------------------------------


def _own_faults(answers: Iterable[FleetDocument]) -> tuple[OwnFault, ...]:
    parts = _grouped((own.code, own) for answer in answers for own in answer.own_faults)
    faults = (
        replace(
            of[0],
            severity=min((one.severity for one in of), key=lambda severity: severity.rank),
            host_count=sum(one.host_count for one in of),
            hosts=_examples(one.hosts for one in of),
            note=of[0].note if len(of) == 1 else None,  # a note counts neighbours within one answer only
        )
        for of in parts.values()
    )
    return tuple(sorted(faults, key=lambda own: (own.severity.rank, -own.host_count, own.code)))


def _suppressed(answers: Iterable[FleetDocument]) -> tuple[SuppressedFault, ...]:
    """Return the suppressed faults of all answers. If several answers have the same suppression, its numbers of hosts
    are added."""
    alike = _grouped((replace(one, host_count=0), one) for answer in answers for one in answer.suppressed)
    return tuple(replace(one, host_count=sum(each.host_count for each in of)) for one, of in alike.items())


def _not_heard_from(parts: Sequence[NotHeardFrom]) -> NotHeardFrom | None:
    if not parts:
        return None
    return NotHeardFrom(
        host_count=sum(part.host_count for part in parts),
        hosts=_examples(part.hosts for part in parts),
        expected_by="; ".join(dict.fromkeys(part.expected_by for part in parts)),
        shared=parts[0].shared if len(parts) == 1 else None,
    )


def _changes(answers: Sequence[FleetDocument]) -> Iterator[FleetChange]:
    """Yield the changes of all answers. A cause that is new in one answer and old in another has grown. A cause counts
    as unchanged in the answers that list no change of it."""
    changes = _grouped((change.key, change) for answer in answers for change in answer.changes)
    steady: Counter[str] = Counter()
    for answer in answers:
        changed = {change.key for change in answer.changes}
        steady.update({cause.key: _members(cause) for cause in answer.causes if cause.key not in changed})
    found = (_change(parts, steady[key]) for key, parts in changes.items())
    yield from sorted(
        filter(None, found), key=lambda change: (_TURNS.index(change.turn), change.severity.rank, change.key)
    )


def _change(parts: Sequence[FleetChange], steady: int) -> FleetChange | None:
    came, went = sum(part.came for part in parts), sum(part.went for part in parts)
    turns = {part.turn for part in parts}
    if not steady and len(turns) == 1:
        (turn,) = turns
    elif came == went:
        return None
    else:
        turn = Turn.GROWN if came > went else Turn.SHRUNK
    return replace(
        parts[0],
        turn=turn,
        severity=min((part.severity for part in parts), key=lambda severity: severity.rank),
        before=sum(part.before for part in parts) + steady,
        after=sum(part.after for part in parts) + steady,
        came=came,
        went=went,
        owners=_owners(parts),
    )
