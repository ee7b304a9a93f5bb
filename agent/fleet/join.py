"""The fleet's question and its answer: records of hosts in an engine's tables become the fleet document."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from agent.catalog.findings import CODES, Severity
from agent.catalog.wording import counted, listed
from agent.fleet.causes import NamedCause, name_causes, title_of, write_members
from agent.fleet.central_facts import explain_centrally
from agent.fleet.changes import Past, changes_between, past_of
from agent.fleet.classes import COLUMNS, LISTS, Classes, find_classes
from agent.fleet.faults import (
    blind_symptoms,
    explain_symptoms,
    find_faults,
    join_centrally,
    radius_of,
    subjects_of,
)
from agent.fleet.fixes import advice_for, note_for_lone_hosts
from agent.fleet.inventory import Expected
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
    HostsOfValue,
    NotHeardFrom,
    OwnFault,
    Place,
    SharedValue,
    Sweep,
    summary_of,
)
from agent.fleet.reading import ReadResult
from agent.fleet.sharing import Exposed, Hosts, values_in, what_they_share
from agent.fleet.sql import holes_for
from agent.fleet.sweeps import SweepsRead, find_sweeps, sweeps_of
from agent.report.host_record import MAX_LISTED
from agent.report.model import Fix, Status, Tool
from agent.settings import Ec2Facts, Suppression
from agent.version import __version__
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

PREVIOUS: Final = "previous"
NONE: Final = "none"
_FEW: Final = 0.5
"""Part of the hosts of the sweep before, below which a sweep was made on some hosts alone."""


class QuestionError(Exception):
    """What is asked for is not in the records, in words for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the records."""

    sweep: str | None
    """None for the last one."""
    against: str
    """PREVIOUS, NONE, or a sweep."""
    least: int
    """The fewest hosts that make a cause where the configuration does not name it."""
    tolerate: float
    """Part of the expected hosts that may be silent, and of the files that may be unreadable, 0 to 1."""
    by: Attribute | None
    """By what each cause is broken down."""
    where: tuple[SharedValue, ...]
    """Values that hosts must have: one of those of each attribute."""
    since: datetime | None
    suppress: tuple[Suppression, ...]
    expected: Expected | None
    """None for the hosts of the sweep before."""
    facts: tuple[Ec2Facts, ...]
    today: date
    read: ReadResult


def joined(engine: "Database", question: Question) -> FleetDocument:
    """The answer. Afterwards the engine has a table `assignment(record, cause_key, counted, by_symptom)`: one row for
    each host of the told sweep and each of its faults, `counted` 1 at the one at which the host counts, `by_symptom` 1
    where it saw the symptom alone. Raises QuestionError for a sweep that was not read."""
    return _Joining(engine, question).document()


class _Joining:
    def __init__(self, engine: "Database", question: Question) -> None:
        self._engine, self._question = engine, question
        self._notes: list[str] = list(question.read.notes)

    def document(self) -> FleetDocument:
        question, engine = self._question, self._engine
        read = find_sweeps(engine, since=question.since, today=question.today)
        self._notes += read.notes
        engine.execute("CREATE TABLE heard AS SELECT sweep, host FROM newest")
        self._keep_where()
        sweeps = sweeps_of(engine)
        told, against = self._chosen(sweeps)
        classes = find_classes(engine)
        explain_symptoms(engine)
        central = self._ask_central_facts(classes)
        suppressed = find_faults(engine, question.suppress, question.today, "" if told is None else told.id)
        if told is None:
            engine.execute(
                "CREATE TABLE assignment (record BIGINT, cause_key TEXT, counted INTEGER, by_symptom INTEGER)"
            )
            return self._empty()
        causes = name_causes(engine, classes, told.id, question.least)
        write_members(engine, "member", causes)
        self._assign(told)
        statuses = self._statuses(told)
        missing = self._not_heard_from(classes, told, against)
        totals = self._totals(told, read, statuses, missing)
        changes: tuple[FleetChange, ...] = ()
        if against is not None:
            earlier = name_causes(engine, classes, against.id, question.least)
            changes = changes_between(engine, causes, earlier, told, against, question.least)
        fleet_causes = self._causes(classes, causes, central, sweeps, told)
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
            if attribute in LISTS:
                having = f"SELECT record FROM attribute WHERE name = ? AND value IN ({holes_for(values)})"
                parameters = [LISTS[attribute], *values]
            else:
                having = f"SELECT id FROM record WHERE {COLUMNS[attribute]} IN ({holes_for(values)})"
                parameters = values
            self._engine.execute(
                f"DELETE FROM newest WHERE record NOT IN ({having}) "
                "OR record IN (SELECT id FROM record WHERE redacted = 1)",
                parameters,
            )

    def _chosen(self, sweeps: Sequence[Sweep]) -> tuple[Sweep | None, Sweep | None]:
        """The sweep that is told, and the one that it is compared with. Raises QuestionError."""
        if not sweeps:
            return None, None
        question = self._question
        told = sweeps[-1] if question.sweep is None else _sweep_of(sweeps, question.sweep)
        before = list(sweeps[: sweeps.index(told)])
        if question.against == NONE:
            against = None
        elif question.against == PREVIOUS:
            against = before[-1] if before else None
        else:
            against = _sweep_of(sweeps, question.against)
        if question.sweep is None and before and told.host_count < _FEW * before[-1].host_count:
            self._notes.append(
                f"The last sweep, {told.id}, has {counted(told.host_count, 'host')}, the one before it, "
                f"{before[-1].id}, {before[-1].host_count:,}: name that by --sweep if the last one was made on some "
                "hosts alone."
            )
        return told, against

    def _ask_central_facts(self, classes: Classes) -> Mapping[str, Fix]:
        if not self._question.facts:
            return {}
        frequent = self._engine.query(
            "SELECT c.cause_key, count(*) AS hosts FROM cause c JOIN placed p ON p.record = c.record "
            "WHERE p.redacted = 0 AND c.cause_key <> c.code GROUP BY c.cause_key ORDER BY hosts DESC, c.cause_key"
        )
        found = explain_centrally(
            classes,
            blind_symptoms(self._engine),
            self._question.facts,
            [key for key, _ in frequent],
            self._question.today,
        )
        join_centrally(self._engine, ((symptom, class_, key) for (symptom, class_), key in found.keys.items()))
        self._notes += found.notes
        return found.fixes

    def _assign(self, told: Sweep) -> None:
        """A host counts at its worst fault, a named cause before one of its own, of causes the first."""
        self._engine.execute(
            "CREATE TABLE assignment AS SELECT record, cause_key, CASE WHEN place = 1 THEN 1 ELSE 0 END AS counted, "
            "by_symptom FROM (SELECT record, cause_key, by_symptom, row_number() OVER (PARTITION BY record "
            "ORDER BY severity, own, cause_place, rank, cause_key) AS place FROM ("
            "SELECT record, COALESCE(key, raw_key) AS cause_key, max(joined) AS by_symptom, "
            "min(COALESCE(cause_severity, severity)) AS severity, min(CASE WHEN key IS NULL THEN 1 ELSE 0 END) AS own, "
            "min(COALESCE(place, 0)) AS cause_place, min(rank) AS rank FROM member WHERE sweep = ? "
            "GROUP BY record, COALESCE(key, raw_key)) AS each_fault) AS ordered",
            (told.id,),
        )

    # --- Hosts by verdict --------------------------------------------------------------------------------------------

    def _statuses(self, told: Sweep) -> Counter[str]:
        """Hosts by verdict, without what is suppressed. Where a record does not list all causes, one that it leaves out
        can be as bad, so its verdict stays."""
        rows = self._engine.query(
            "SELECT status, known, causes_cut, count(*) FROM (SELECT r.status AS status, r.causes_cut AS causes_cut, "
            "CASE WHEN s.record IS NULL OR r.status NOT IN ('critical', 'warning') THEN r.status "
            "WHEN w.worst = 0 THEN 'critical' WHEN w.worst = 1 THEN 'warning' ELSE 'ok' END "
            "AS known FROM placed p JOIN record r ON r.id = p.record "
            "LEFT JOIN (SELECT DISTINCT record FROM suppressed) AS s ON s.record = p.record "
            "LEFT JOIN (SELECT record, min(severity) AS worst FROM fault GROUP BY record) AS w ON w.record = p.record "
            "WHERE p.sweep = ?) AS judged GROUP BY status, known, causes_cut",
            (told.id,),
        )
        statuses: Counter[str] = Counter()
        kept = 0
        for status, known, is_cut, hosts in rows:
            statuses[status if is_cut else known] += hosts
            kept += hosts if is_cut and status != known else 0
        if kept:
            self._notes.append(
                f"{counted(kept, 'host')} {'keeps its' if kept == 1 else 'keep their'} verdict, though what "
                f"{'its record lists' if kept == 1 else 'their records list'} of that severity is suppressed: a record "
                f"lists at most {MAX_LISTED} causes, and there are more. `backuplink check` on such a host, with the "
                "same --suppress, judges all of them."
            )
        return statuses

    def _totals(
        self, told: Sweep, read: SweepsRead, statuses: Counter[str], missing: NotHeardFrom | None
    ) -> FleetTotals:
        (redacted,) = self._engine.query("SELECT count(*) FROM placed WHERE sweep = ? AND redacted = 1", (told.id,))[0]
        ok = statuses[Status.OK] + statuses[Status.NOT_IN_USE]
        hosts = statuses.total()
        if redacted:
            self._notes.append(
                f"{counted(redacted, 'record')} {'was' if redacted == 1 else 'were'} redacted by the host: counted, "
                "and joined with no other by an id."
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
        silent = totals.not_heard_from > tolerate * (totals.hosts + totals.not_heard_from)
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
        classes: Classes,
        causes: Sequence[NamedCause],
        central: Mapping[str, Fix],
        sweeps: Sequence[Sweep],
        told: Sweep,
    ) -> tuple[FleetCause, ...]:
        counts = {
            key: (host_count, also_count, joined_count)
            for key, host_count, also_count, joined_count in self._engine.query(
                "SELECT cause_key, sum(counted), sum(1 - counted), sum(counted * by_symptom) FROM assignment "
                "GROUP BY cause_key"
            )
        }
        examples = self._examples("a.cause_key", "1 = 1")
        past = past_of(self._engine, causes, sweeps, told, self._question.least)
        return tuple(
            self._cause(
                classes, cause, counts.get(cause.key, (0, 0, 0)), examples.get(cause.key, ()), past[cause.key], central
            )
            for cause in causes
        )

    def _cause(
        self,
        classes: Classes,
        cause: NamedCause,
        counts: tuple[int, int, int],
        examples: tuple[str, ...],
        past: Past,
        central: Mapping[str, Fix],
    ) -> FleetCause:
        host_count, also_count, joined_count = map(int, counts)
        regions: Counter[str] = Counter()
        for class_, count in cause.members.items():
            if (region := classes.of[class_].region) is not None:
                regions[region] += count
        groups = _groups_of_all(classes, cause.members)
        by_frequency = sorted(regions, key=lambda region: (-regions[region], region))
        advice = advice_for(cause, by_frequency, groups, central.get(cause.key))
        name = CODES[cause.code].name if cause.code in CODES else cause.code
        return FleetCause(
            key=cause.key,
            code=cause.code,
            name=name,
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
            places=_places(classes, cause.members, cause.exposed),
            since=None if past.since is None else past.since.started_at,
            since_sweep=None if past.since is None else past.since.id,
            flapping=past.flapping,
            fix=advice.fix,
            note=advice.note,
            breakdown=() if self._question.by is None else _breakdown(classes, cause, self._question.by),
        )

    def _examples(self, by: str, condition: str) -> dict[str, tuple[str, ...]]:
        """The first hosts of each group of assignments, those first that count there."""
        rows = self._engine.query(
            "SELECT grouped, host FROM (SELECT grouped, host, row_number() OVER (PARTITION BY grouped "
            "ORDER BY counted DESC, host) AS place FROM ("
            f"SELECT {by} AS grouped, COALESCE(r.host, r.place) AS host, max(a.counted) AS counted FROM assignment a "
            f"JOIN record r ON r.id = a.record LEFT JOIN member m ON m.record = a.record AND m.raw_key = a.cause_key "
            f"AND m.key IS NULL WHERE {condition} GROUP BY {by}, COALESCE(r.host, r.place)) AS each_host) AS ordered "
            "WHERE place <= ? ORDER BY grouped, place",
            (MAX_EXAMPLES,),
        )
        hosts: defaultdict[str, list[str]] = defaultdict(list)
        for grouped, host in rows:
            hosts[grouped].append(host)
        return {grouped: tuple(of) for grouped, of in hosts.items()}

    # --- Faults of single hosts --------------------------------------------------------------------------------------

    def _own_faults(self, told: Sweep) -> tuple[OwnFault, ...]:
        """What nothing joins, by code; each host once, and only where it has no named cause that is as bad."""
        own = "a.counted = 1 AND m.code IS NOT NULL"
        rows = self._engine.query(
            "SELECT m.code, min(m.severity), count(DISTINCT a.record) FROM assignment a JOIN member m "
            f"ON m.record = a.record AND m.raw_key = a.cause_key AND m.key IS NULL WHERE {own} GROUP BY m.code"
        )
        examples, well = self._examples("m.code", own), self._well_beside(told)
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
        """By code of a fault of single hosts: the hosts without it in their subnets, where these are the most in each
        of them."""
        rows = self._engine.query(
            "SELECT o.code, o.subnet, o.sick, n.hosts FROM ("
            "SELECT m.code AS code, r.subnet AS subnet, count(DISTINCT m.record) AS sick FROM member m "
            "JOIN record r ON r.id = m.record WHERE m.sweep = ? AND m.redacted = 0 AND r.subnet IS NOT NULL "
            "GROUP BY m.code, r.subnet HAVING sum(CASE WHEN m.key IS NULL THEN 1 ELSE 0 END) > 0) AS o "
            "JOIN (SELECT r.subnet AS subnet, count(*) AS hosts FROM placed p JOIN record r ON r.id = p.record "
            "WHERE p.sweep = ? AND p.redacted = 0 AND r.subnet IS NOT NULL GROUP BY r.subnet) AS n "
            "ON n.subnet = o.subnet",
            (told.id, told.id),
        )
        well: Counter[str] = Counter()
        crowded: set[str] = set()
        for code, _, sick, hosts in rows:
            well[code] += hosts - sick
            if hosts - sick <= sick:
                crowded.add(code)
        return {code: count for code, count in well.items() if code not in crowded}

    # --- Hosts not heard from ----------------------------------------------------------------------------------------

    def _not_heard_from(self, classes: Classes, told: Sweep, against: Sweep | None) -> NotHeardFrom | None:
        """The hosts that should be in the told sweep and are not; None where nothing says who should be."""
        expected, engine = self._question.expected, self._engine
        engine.execute("CREATE TABLE expected (host TEXT)")
        if expected is not None:
            engine.fill("expected", ((host,) for host in sorted(expected.hosts)))
            by = expected.by
        elif against is not None:
            engine.execute(
                "INSERT INTO expected SELECT p.host FROM placed p WHERE p.sweep = ? AND p.redacted = 0 "
                "AND substr(p.host, 1, 1) <> '#'",
                (against.id,),
            )
            by = f"the sweep {against.id}"
        else:
            return None
        # With a filter only those can be told to be of it that had a record before.
        known = "AND e.host IN (SELECT host FROM placed)" if self._question.where else ""
        engine.execute(
            "CREATE TABLE missing AS SELECT DISTINCT e.host AS host FROM expected e LEFT JOIN heard h "
            f"ON h.host = e.host AND h.sweep = ? WHERE h.host IS NULL {known}",
            (told.id,),
        )
        hosts = [host for (host,) in engine.query("SELECT host FROM missing ORDER BY host LIMIT ?", (MAX_EXAMPLES,))]
        (count,) = engine.query("SELECT count(*) FROM missing")[0]
        if not count:
            return None
        last = dict(
            engine.query(
                "SELECT class, count(*) FROM (SELECT p.class AS class, row_number() OVER (PARTITION BY p.host "
                "ORDER BY p.minute DESC, p.record DESC) AS place FROM placed p JOIN missing m ON m.host = p.host) "
                "AS seen WHERE place = 1 GROUP BY class"
            )
        )
        return NotHeardFrom(
            host_count=count,
            hosts=tuple(hosts),
            expected_by=by,
            shared=self._shared_by_missing(classes, told, last),
        )

    def _shared_by_missing(self, classes: Classes, told: Sweep, missing: Hosts) -> Any:
        if sum(missing.values()) < self._question.least:
            return None
        here = Counter(
            dict(
                self._engine.query(
                    "SELECT class, count(*) FROM placed WHERE sweep = ? AND redacted = 0 GROUP BY class", (told.id,)
                )
            )
        )
        here.update(missing)
        tests = values_in(classes, here)
        found = what_they_share(classes, missing, Exposed(classes, here), least=self._question.least, tests=tests)
        return None if found is None else found.shared

    def _empty(self) -> FleetDocument:
        """What is said where no record is left."""
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
            return f"no record of a host with {listed(wanted)}; {counted(question.read.read, 'record')} without"
        return "no record of a host"


def _sweep_of(sweeps: Sequence[Sweep], id_: str) -> Sweep:
    sweep = next((sweep for sweep in sweeps if sweep.id == id_), None)
    if sweep is None:
        known = ", ".join(sweep.id for sweep in sweeps[-MAX_EXAMPLES:])
        raise QuestionError(f"no record is of the sweep {id_!r}; the last of them: {known}")
    return sweep


def _groups_of_all(classes: Classes, members: Iterable[int]) -> list[str]:
    """The security groups that all of them have."""
    common: frozenset[str] | None = None
    for class_ in members:
        common = classes.of[class_].groups if common is None else common & classes.of[class_].groups
        if not common:
            return []
    return sorted(common or ())


def _places(classes: Classes, members: Hosts, exposed: Hosts) -> tuple[Place, ...]:
    sick, all_hosts = _by_place(classes, members), _by_place(classes, exposed)
    return tuple(
        Place(vpc=vpc, zone=zone, sick=sick[vpc, zone], exposed=all_hosts[vpc, zone])
        for vpc, zone in sorted(all_hosts, key=lambda place: (place[0] or "", place[1] or ""))
    )


def _by_place(classes: Classes, hosts: Hosts) -> Counter[tuple[str | None, str | None]]:
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for class_, count in hosts.items():
        counts[classes.of[class_].vpc, classes.of[class_].zone] += count
    return counts


def _breakdown(classes: Classes, cause: NamedCause, by: Attribute) -> tuple[HostsOfValue, ...]:
    """The hosts of a cause by the values of an attribute, the most frequent first. A host with several values is at
    each of them."""
    sick, exposed = _by_value(classes, cause.members, by), _by_value(classes, cause.exposed, by)
    values = sorted(sick, key=lambda value: (-sick[value], value or ""))
    return tuple(
        HostsOfValue(value=value, sick=sick[value], exposed=exposed[value]) for value in values[:MAX_BREAKDOWN]
    )


def _by_value(classes: Classes, hosts: Hosts, by: Attribute) -> Counter[str | None]:
    counts: Counter[str | None] = Counter()
    for class_, count in hosts.items():
        values: list[str | None] = [
            value.value for trait in classes.of[class_].traits if (value := classes.values[trait]).attribute is by
        ]
        counts.update(dict.fromkeys(values or [None], count))
    return counts
