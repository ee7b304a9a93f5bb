"""Answer the question about a fleet. The records in an engine's tables become the fleet document."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from agent.catalog.findings import CODES, Severity
from agent.catalog.wording import counted, listed
from agent.fleet.causes import NamedCause, Spread, asked, spread_of, write_members
from agent.fleet.central_facts import endpoint_groups, explain_centrally
from agent.fleet.changes import Namings, Past, changes_between, past_of
from agent.fleet.faults import (
    blind_symptoms,
    explain_symptoms,
    find_faults,
    radius_of,
    subjects_of,
)
from agent.fleet.fixes import Trust, advice_for, note_for_lone_hosts
from agent.fleet.groups import grouped
from agent.fleet.headlines import title_of
from agent.fleet.identity import identified
from agent.fleet.inventory import OWNER, Expected
from agent.fleet.model import (
    MAX_BREAKDOWN,
    MAX_EXAMPLES,
    SCHEMA,
    Attribute,
    FleetCause,
    FleetChange,
    FleetDocument,
    FleetTotals,
    FleetVerdict,
    HostsOfOwner,
    NotHeardFrom,
    OwnFault,
    Shared,
    SharedValue,
    Sweep,
    summary_of,
)
from agent.fleet.reading import ReadResult
from agent.fleet.sweeps import SweepsRead, find_sweeps, note_of_contested, sweeps_of, whole_sweeps
from agent.report.host_record import MAX_LISTED
from agent.report.model import Fix, Status, Tool
from agent.settings import Ec2Facts, Suppression
from agent.version import __version__
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

PREVIOUS: Final = "previous"
NONE: Final = "none"
_MISSING: Final = (
    *("missing_held", "missing_area", "missing_outside", "outside_value", "missing_question", "missing_sick"),
)
"""Statements that look for values that the silent hosts have in common."""


class QuestionError(Exception):
    """The question contains something that the records do not have. The message says to the operator what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The question that the records answer."""

    sweep: str | None
    """Id of the sweep; None for the last sweep of all hosts."""
    against: str
    """The sweep to compare with: PREVIOUS, NONE, or the id of a sweep."""
    least: int
    """The minimum number of hosts for a cause that the configuration does not name."""
    tolerate: float
    """Share of the expected hosts that may be silent, and of the files that may be unreadable, 0 to 1."""
    by: Attribute | None
    """The attribute by which each cause is broken down."""
    where: tuple[SharedValue, ...]
    """Values that hosts must have: for each attribute, one of the given values."""
    since: datetime | None
    suppress: tuple[Suppression, ...]
    expected: Expected | None
    """The expected hosts. If this is None, the hosts of the previous sweep are expected."""
    facts: tuple[Ec2Facts, ...]
    today: date
    read: ReadResult


def joined(engine: "Database", question: Question) -> FleetDocument:
    """Return the answer. Afterwards the engine has the table `assignment(record, cause_key, counted, by_symptom)` with
    one row for each host of the reported sweep and each of its faults. `counted` is 1 for the fault at which the host
    counts, `by_symptom` is 1 if the host saw only the symptom. Raises QuestionError for a sweep that was not read."""
    return _Joining(engine, question).document()


class _Joining:
    def __init__(self, engine: "Database", question: Question) -> None:
        self._engine, self._question = engine, question
        self._notes: list[str] = list(question.read.notes)
        if question.expected is not None:
            self._notes += question.expected.notes
            engine.fill("label", map(attrgetter("account", "host", "name", "value"), question.expected.labels))

    def document(self) -> FleetDocument:
        question, engine = self._question, self._engine
        read = find_sweeps(engine, since=question.since, today=question.today)
        self._notes += read.notes
        self._keep_where()
        sweeps = sweeps_of(engine)
        whole = whole_sweeps(sweeps)
        told, against = self._chosen(sweeps, whole, read.together)
        explain_symptoms(engine)
        central = self._ask_central_facts()
        before = None
        if told is not None and against is not None:  # today, moved back by the time between the two sweeps
            before = question.today - (told.started_at.date() - against.started_at.date())
        suppressed = find_faults(engine, question.suppress, question.today, before, "" if told is None else told.id)
        if told is None:
            engine.run("no_assignment")
            return self._empty()
        self._notes += note_of_contested(engine, told.id)
        engine.run("trait")
        namings = Namings(engine, question.least)
        causes = namings.causes(told.id)
        spread = spread_of(engine, question.by, MAX_BREAKDOWN)
        write_members(engine, "now_member", causes, told.id)
        engine.run("assignment", sweep=told.id)
        statuses = self._statuses(told)
        missing = self._not_heard_from(told, against)
        totals = self._totals(told, read, statuses, missing)
        past = past_of(namings, causes, whole, told)
        changes: tuple[FleetChange, ...] = ()
        if against is not None:
            changes = changes_between(namings, causes, past, whole, told, against)
            changes = self._with_owners(changes, {cause.key for cause in causes}, against)
        fleet_causes = self._causes(causes, spread, central, past, told)
        own_faults = self._own_faults(told)
        return FleetDocument(
            schema=SCHEMA,
            tool=Tool(name="backuplink", version=__version__),
            redacted=False,
            engine=engine.name,
            verdict=self._verdict(totals, missing, fleet_causes, own_faults),
            sweep=told,
            against=against,
            sweeps=sweeps,
            totals=totals,
            causes=fleet_causes,
            own_faults=own_faults,
            not_heard_from=missing,
            changes=changes,
            groups=grouped(
                fleet_causes,
                {cause.key: spread.get(cause.number, Spread()).regions for cause in causes},
                (whole[0] if whole else told).id,
            ),
            suppressed=suppressed,
            unreadable=question.read.unreadable[:MAX_EXAMPLES],
            notes=tuple(self._notes),
        )

    # --- Which records -----------------------------------------------------------------------------------------------

    def _keep_where(self) -> None:
        by_attribute: defaultdict[Attribute, list[str]] = defaultdict(list)
        for wanted in self._question.where:
            by_attribute[wanted.attribute].append(wanted.value)
        for attribute, values in by_attribute.items():
            self._engine.run("where", attribute=attribute.value, values=values)

    def _chosen(
        self, sweeps: Sequence[Sweep], whole: Sequence[Sweep], together: Mapping[str, str]
    ) -> tuple[Sweep | None, Sweep | None]:
        """Return the reported sweep and the sweep to compare it with. If the question does not name them, they are
        sweeps of all hosts. Raises QuestionError."""
        if not sweeps:
            return None, None
        question = self._question
        told = whole[-1] if question.sweep is None else _sweep_of(sweeps, question.sweep, together)
        before = [sweep for sweep in sweeps[: sweeps.index(told)] if sweep in whole]
        if question.against == NONE:
            against = None
        elif question.against == PREVIOUS:
            against = before[-1] if before else None
        else:
            against = _sweep_of(sweeps, question.against, together)
        if question.sweep is None and told is not (last := sweeps[-1]):
            self._notes.append(
                f"The last sweep, {last.id}, was made on only {counted(last.host_count, 'host')}, but the sweep "
                f"{told.id} on {told.host_count:,}. This document shows the earlier sweep; `--sweep {last.id}` shows "
                "the last one."
            )
        return told, against

    def _ask_central_facts(self) -> Mapping[str, Fix]:
        if not self._question.facts:
            return {}
        found = explain_centrally(
            blind_symptoms(self._engine),
            self._question.facts,
            self._engine.ask("known_key"),
            self._question.today,
        )
        self._engine.fill("central", ((*place[:4], list(place[4]), key) for place, key in found.keys.items()))
        self._notes += found.notes
        return {identified(key): fix for key, fix in found.fixes.items()}

    # --- Hosts by verdict --------------------------------------------------------------------------------------------

    def _statuses(self, told: Sweep) -> Counter[str]:
        """Count hosts by verdict, without suppressed faults. If a record does not list all causes, its verdict stays,
        since a cause that it does not list may be just as bad."""
        rows = self._engine.ask("status", sweep=told.id)
        statuses: Counter[str] = Counter()
        kept = 0
        for status, known, is_cut, hosts in rows:
            statuses[status if is_cut else known] += hosts
            kept += hosts if is_cut and status != known else 0
        if kept:
            self._notes.append(
                f"{counted(kept, 'host')} {'keeps its' if kept == 1 else 'keep their'} verdict, although all "
                f"causes of that severity in {'its record' if kept == 1 else 'their records'} are suppressed: a record "
                f"lists at most {MAX_LISTED} causes, but there are more. `backuplink check` on such a host, with the "
                "same --suppress, judges all of its causes."
            )
        return statuses

    def _totals(
        self, told: Sweep, read: SweepsRead, statuses: Counter[str], missing: NotHeardFrom | None
    ) -> FleetTotals:
        (redacted,) = self._engine.ask("redacted_record", sweep=told.id)[0]
        ok = statuses[Status.OK] + statuses[Status.NOT_IN_USE]
        hosts = statuses.total()
        if redacted:
            self._notes.append(
                f"{counted(redacted, 'record')} {'was' if redacted == 1 else 'were'} redacted by the host: counted, "
                "but not joined with other records by an id."
            )
        return FleetTotals(
            hosts=hosts,
            ok=ok,
            warning=statuses[Status.WARNING],
            critical=statuses[Status.CRITICAL],
            unknown=hosts - ok - statuses[Status.WARNING] - statuses[Status.CRITICAL],
            not_heard_from=0 if missing is None else missing.host_count,
            redacted=redacted,
            superseded=read.superseded.get(told.id, 0),
            unreadable=self._question.read.unreadable_count,
        )

    def _verdict(
        self,
        totals: FleetTotals,
        missing: NotHeardFrom | None,
        causes: Sequence[FleetCause],
        own_faults: Sequence[OwnFault],
    ) -> FleetVerdict:
        tolerate, read = self._question.tolerate, self._question.read
        expected = totals.hosts + totals.not_heard_from
        if missing is not None:  # records of hosts that nobody expects do not make up for silent hosts
            expected = min(expected, self._engine.count("expected"))
        silent = totals.not_heard_from > tolerate * expected
        unread = read.unreadable_count > tolerate * (read.read + read.unreadable_count)
        status = Status.OK
        if totals.critical:
            status = Status.CRITICAL
        elif not totals.hosts or totals.unknown or silent or unread:
            status = Status.UNKNOWN
        elif totals.warning:
            status = Status.WARNING
        return FleetVerdict(status=status, summary=summary_of(totals, causes, own_faults))

    # --- Causes ------------------------------------------------------------------------------------------------------

    def _causes(
        self,
        causes: Sequence[NamedCause],
        spread: Mapping[int, Spread],
        central: Mapping[str, Fix],
        past: Mapping[str, Past],
        told: Sweep,
    ) -> tuple[FleetCause, ...]:
        counts = {key: (hosts, also, joined) for key, hosts, also, joined in self._engine.ask("cause_count")}
        examples = _lists(self._engine.ask("cause_example", most=MAX_EXAMPLES))
        self._engine.run("owned")
        owners = self._owners()
        trust = self._trust(told)
        return tuple(
            _cause(
                cause,
                spread.get(cause.number, Spread()),
                counts.get(cause.key, (0, 0, 0)),
                examples.get(cause.key, ()),
                owners.get(cause.key, ()),
                past[cause.key],
                central.get(cause.key),
                trust,
            )
            for cause in causes
        )

    def _owners(self) -> dict[str, tuple[HostsOfOwner, ...]]:
        """Return the hosts of each cause in `owned` by owner if the inventory names owners."""
        expected = self._question.expected
        if expected is None or all(label.name != OWNER for label in expected.labels):
            return {}
        owners: defaultdict[str, list[HostsOfOwner]] = defaultdict(list)
        for key, owner, count, hosts in self._engine.ask("cause_owner", most=MAX_BREAKDOWN, most_hosts=MAX_EXAMPLES):
            owners[key].append(HostsOfOwner(owner=owner, host_count=count, hosts=tuple(hosts)))
        return {key: tuple(of) for key, of in owners.items()}

    def _with_owners(self, changes: Sequence[FleetChange], named: Set[str], against: Sweep) -> tuple[FleetChange, ...]:
        """Return the changes with owners. If a cause is gone, its change gets the owners of the hosts that had it."""
        self._engine.run("owned_before", sweep=against.id)
        owners = self._owners()
        return tuple(
            change if change.key in named else replace(change, owners=owners.get(change.key, ())) for change in changes
        )

    def _trust(self, told: Sweep) -> Trust:
        places: defaultdict[str, set[tuple[str | None, str | None]]] = defaultdict(set)
        for group, account, vpc in self._engine.ask("group_place", sweep=told.id):
            places[group].add((account, vpc))
        return Trust(
            least=self._question.least,
            places={group: frozenset(of) for group, of in places.items()},
            of_endpoints=frozenset(endpoint_groups(self._question.facts, self._question.today)),
        )

    # --- Faults of single hosts --------------------------------------------------------------------------------------

    def _own_faults(self, told: Sweep) -> tuple[OwnFault, ...]:
        """Return faults that belong to no shared cause, by code. A host counts at only one of them, and only if it has
        no shared cause that is as bad."""
        rows = self._engine.ask("own_fault")
        examples = _lists(self._engine.ask("own_example", most=MAX_EXAMPLES))
        well = self._well_beside(told)
        faults = [
            OwnFault(
                code=code,
                name=CODES[code].name if code in CODES else code,
                title=title_of(code),
                severity=tuple(Severity)[severity],
                host_count=hosts,
                hosts=examples.get(code, ()),
                note=note_for_lone_hosts(code, hosts, well.get(code, 0)),
            )
            for code, severity, hosts in rows
        ]
        return tuple(sorted(faults, key=lambda fault: (fault.severity.rank, -fault.host_count, fault.code)))

    def _well_beside(self, told: Sweep) -> dict[str, int]:
        """Return, for each code of single hosts' faults, the number of hosts in the same subnets that do not have the
        fault. A code is left out if the hosts without the fault are not the majority in one of the subnets."""
        well: Counter[str] = Counter()
        crowded: set[str] = set()
        for code, sick, hosts in self._engine.ask("well_beside", sweep=told.id):
            well[code] += hosts - sick
            if hosts - sick <= sick:
                crowded.add(code)
        return {code: count for code, count in well.items() if code not in crowded}

    # --- Hosts not heard from ----------------------------------------------------------------------------------------

    def _not_heard_from(self, told: Sweep, against: Sweep | None) -> NotHeardFrom | None:
        """Return the expected hosts that are not in the reported sweep. None if no host is missing, or if the expected
        hosts are unknown."""
        expected, engine = self._question.expected, self._engine
        engine.run("expected")
        if expected is not None:
            placed = {host for host, _ in expected.accounts}
            rows = (
                *((account, host) for host, account in expected.accounts),
                *((None, one) for one in expected.hosts - placed),
            )
            engine.fill("expected", sorted(rows, key=lambda row: (row[1], row[0] or "")))
            by = expected.by
        elif against is not None:
            engine.run("expected_again", sweep=against.id)
            by = f"the sweep {against.id}"
        else:
            return None
        engine.run("missing", sweep=told.id, is_filtered=bool(self._question.where))
        count = engine.count("missing")
        if not count:
            return None
        hosts = engine.ask("missing_host", most=MAX_EXAMPLES)
        return NotHeardFrom(
            host_count=count,
            hosts=tuple(host for (host,) in hosts),
            expected_by=by,
            shared=self._shared_by_missing(),
        )

    def _shared_by_missing(self) -> Shared | None:
        """Return values that the missing hosts had in common in their last records, and that the hosts of the reported
        sweep do not have."""
        engine, least = self._engine, self._question.least
        engine.run("missing_record")
        if engine.count("missing_record") < least:
            return None
        for name in _MISSING:
            engine.run(name)
        told = asked(engine, least)
        return told[0].shared if told else None

    def _empty(self) -> FleetDocument:
        """Return the document of an answer without records."""
        question = self._question
        expected = question.expected
        missing = None
        if expected is not None:
            missing = NotHeardFrom(
                host_count=len(expected.hosts),
                hosts=tuple(sorted(expected.hosts)[:MAX_EXAMPLES]),
                expected_by=expected.by,
                shared=None,
            )
        totals = FleetTotals(
            hosts=0,
            ok=0,
            warning=0,
            critical=0,
            unknown=0,
            not_heard_from=0 if missing is None else missing.host_count,
            redacted=0,
            superseded=0,
            unreadable=question.read.unreadable_count,
        )
        return FleetDocument(
            schema=SCHEMA,
            tool=Tool(name="backuplink", version=__version__),
            redacted=False,
            engine=self._engine.name,
            verdict=FleetVerdict(status=Status.UNKNOWN, summary=self._why_empty()),
            sweep=None,
            against=None,
            sweeps=(),
            totals=totals,
            causes=(),
            own_faults=(),
            not_heard_from=missing,
            changes=(),
            suppressed=(),
            unreadable=question.read.unreadable[:MAX_EXAMPLES],
            notes=tuple(self._notes),
        )

    def _why_empty(self) -> str:
        question = self._question
        wanted = [f"{one.attribute}={one.value}" for one in question.where]
        if wanted:
            return f"no record of a host with {listed(wanted)}; {counted(question.read.read, 'record')} of others"
        return "no record of a host"


def _sweep_of(sweeps: Sequence[Sweep], id_: str, together: Mapping[str, str]) -> Sweep:
    sweep = next((sweep for sweep in sweeps if sweep.id == together.get(id_, id_)), None)
    if sweep is None:
        known = ", ".join(sweep.id for sweep in sweeps[-MAX_EXAMPLES:])
        raise QuestionError(f"there is no record of the sweep {id_!r}; the last sweeps: {known}")
    return sweep


def _lists(rows: Iterable[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the values of rows, grouped by key."""
    lists: defaultdict[str, list[str]] = defaultdict(list)
    for key, value in rows:
        lists[key].append(value)
    return {key: tuple(values) for key, values in lists.items()}


def _cause(
    cause: NamedCause,
    spread: Spread,
    counts: tuple[int, int, int],
    examples: tuple[str, ...],
    owners: tuple[HostsOfOwner, ...],
    past: Past,
    central: Fix | None,
    trust: Trust,
) -> FleetCause:
    host_count, also_count, joined_count = map(int, counts)
    advice = advice_for(cause, spread.regions, spread.groups, central, trust)
    return FleetCause(
        key=cause.key,
        code=cause.code,
        name=CODES[cause.code].name if cause.code in CODES else cause.code,
        title=title_of(cause.code),
        severity=tuple(Severity)[cause.severity],
        radius=radius_of(cause.code),
        subjects=subjects_of(cause.key),
        services=cause.services,
        named_by=cause.named_by,
        shared=cause.shared,
        host_count=host_count,
        exposed_count=cause.exposed_count,
        joined_count=joined_count,
        also_count=also_count,
        hosts=examples,
        places=spread.places,
        since=None if past.since is None else past.since.started_at,
        since_sweep=None if past.since is None else past.since.id,
        flapping=past.flapping,
        fix=advice.fix,
        note=advice.note,
        breakdown=spread.breakdown,
        ticket=past.ticket,
        arrived=tuple(
            one for one, sweep in spread.arrivals if past.is_known and past.since is not None and sweep == past.since.id
        ),
        accounts=spread.accounts,
        owners=owners,
    )
