"""Which faults of hosts are one cause, and how each is named.

A cause is named where the configuration names the resource, where at least half of the hosts that could have it do, or
where those that have it share what the others do not. The last question is asked for all hosts with a code together;
those that an answer explains are set aside, and it is asked again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agent.catalog.findings import CODES, Radius
from agent.fleet.classes import COLUMNS, Classes, HostClass
from agent.fleet.faults import names_resource, part_of, radius_of, subjects_of
from agent.fleet.model import NamedBy, Shared, SharedValue
from agent.fleet.sharing import Exposed, Found, Hosts, values_in, what_they_share
from agent.report.model import SubjectKind
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

MOST_ROUNDS: Final = 8
"""How often the hosts with one code are asked what they share."""
_OF_ONE_KEY: Final = 0.9
"""Part of the hosts with an answer that have the same ids, from which on these ids are the cause's."""
_SPECIFIC: Final = frozenset({SubjectKind.ROLE, SubjectKind.ISSUER, SubjectKind.URL})
"""What is at fault itself, wherever a host is: as many hosts as make a cause need not be half of those that could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCause:
    """A cause, and which hosts have it."""

    key: str
    code: str
    severity: int
    """0 for critical."""
    named_by: NamedBy
    shared: Shared | None
    services: tuple[str, ...]
    raw_keys: tuple[str, ...]
    """Keys of faults that are all this cause."""
    values: tuple[SharedValue, ...]
    """Hosts that have them all have their other faults of that code by this cause, too."""
    members: Hosts
    """Hosts that have it."""
    exposed: Hosts
    """Hosts that could have it."""
    round: int = 0
    """In which round of the question its code was asked; what an earlier one explains is not a later one's."""

    @property
    def member_count(self) -> int:
        return sum(self.members.values())

    @property
    def exposed_count(self) -> int:
        return sum(self.exposed.values())


@dataclass(frozen=True, slots=True)
class _Fault:
    """The faults with one key."""

    code: str
    severity: int
    members: Mapping[int, int]


def order(cause: NamedCause) -> tuple[int, int, str]:
    """The worst first, then the one with most hosts."""
    return cause.severity, -cause.member_count, cause.key


def name_causes(engine: "Database", classes: Classes, sweep: str, least: int) -> tuple[NamedCause, ...]:
    """The causes of a sweep, in their order; `least` is the fewest hosts that make one."""
    return _Naming(engine, classes, sweep, least).causes()


class _Naming:
    def __init__(self, engine: "Database", classes: Classes, sweep: str, least: int) -> None:
        self._engine, self._classes, self._sweep, self._least = engine, classes, sweep, least
        self._hosts: dict[int, int] = dict(
            engine.query("SELECT class, count(*) FROM placed WHERE sweep = ? AND redacted = 0 GROUP BY class", (sweep,))
        )
        self._of_place: defaultdict[tuple[str, str | None], list[int]] = defaultdict(list)
        for class_ in self._hosts:
            held = classes.of[class_]
            self._of_place["vpc", held.vpc].append(class_)
            self._of_place["account", held.account].append(class_)
        self._known_services = {service for class_ in self._hosts for service in classes.of[class_].services}
        self._there: dict[tuple[str, frozenset[str | None], frozenset[str]], tuple[Hosts, int]] = {}
        self._everywhere: dict[frozenset[str], Exposed] = {}
        self._targets: defaultdict[str, set[str]] = defaultdict(set)
        for key, target in engine.query("SELECT DISTINCT raw_key, target FROM fault_target WHERE sweep = ?", (sweep,)):
            self._targets[key].add(target)

    def causes(self) -> tuple[NamedCause, ...]:
        by_key = self._faults()
        candidates = {
            key: fault
            for key, fault in by_key.items()
            if names_resource(fault.code, key) or sum(fault.members.values()) > 1  # one host shares with none
        }
        by_evidence = [
            cause for key, fault in sorted(candidates.items()) if (cause := self._by_evidence(key, fault)) is not None
        ]
        aside: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for cause in by_evidence:
            aside[cause.code].update(cause.members)
        taken = {key for cause in by_evidence for key in cause.raw_keys}
        return tuple(sorted((*by_evidence, *self._by_shared(by_key, taken, aside)), key=order))

    def _faults(self) -> dict[str, _Fault]:
        members: defaultdict[str, dict[int, int]] = defaultdict(dict)
        of: dict[str, tuple[str, int]] = {}
        for key, code, class_, severity, count in self._engine.query(
            "SELECT raw_key, code, class, min(severity), count(*) FROM fault WHERE sweep = ? AND redacted = 0 "
            "GROUP BY raw_key, code, class",
            (self._sweep,),
        ):
            members[key][class_] = count
            of[key] = code, min(severity, of.get(key, (code, severity))[1])
        return {key: _Fault(*of[key], held) for key, held in members.items()}

    # --- By evidence -------------------------------------------------------------------------------------------------

    def _by_evidence(self, key: str, fault: _Fault) -> NamedCause | None:
        count = sum(fault.members.values())
        services = self._services({key})
        is_named = names_resource(fault.code, key)
        is_specific = count >= self._least and any(subject.kind in _SPECIFIC for subject in subjects_of(key))
        if not is_named and not is_specific and 2 * count < self._fewest_exposed(key, fault.members, services):
            return None
        exposed = self._exposed(key, fault.members, services)
        exposed_count = sum(exposed.values())
        is_enough = count >= self._least or count == exposed_count
        if is_named:
            named_by = NamedBy.CONFIGURATION
        elif is_specific or (is_enough and 2 * count >= exposed_count):
            named_by = NamedBy.EVIDENCE
        else:
            return None
        found = None
        if self._least <= count < exposed_count:
            tests = values_in(self._classes, exposed)
            whom = Exposed(self._classes, exposed)
            found = what_they_share(self._classes, fault.members, whom, least=self._least, tests=tests)
        return NamedCause(
            key=key,
            code=fault.code,
            severity=fault.severity,
            named_by=named_by,
            shared=None if found is None else found.shared,
            services=tuple(sorted(services)),
            raw_keys=(key,),
            values=(),
            members=fault.members,
            exposed=exposed,
        )

    def _services(self, keys: Iterable[str]) -> frozenset[str]:
        """The services of the targets at which faults with these keys show; empty where one is of a whole run."""
        targets = {target for key in keys for target in self._targets[key]}
        services = {target.partition("@")[0] for target in targets}
        return frozenset(services) if services <= self._known_services else frozenset()

    def _exposed(self, key: str, members: Iterable[int], services: frozenset[str]) -> dict[int, int]:
        """The hosts that could have a fault with that key: with one of its services, and in the VPCs of those that have
        it, or in their accounts; everywhere where the key names nothing."""
        members = list(members)
        return {**self._with_service(key, members, services)[0], **{class_: self._hosts[class_] for class_ in members}}

    def _fewest_exposed(self, key: str, members: Iterable[int], services: frozenset[str]) -> int:
        """How many hosts these are at least: without those that have the fault and none of the services."""
        return self._with_service(key, members, services)[1]

    def _with_service(self, key: str, members: Iterable[int], services: frozenset[str]) -> tuple[Hosts, int]:
        if "|" not in key:
            everywhere = self._exposed_everywhere(services)
            return everywhere.hosts, everywhere.count
        by = "account" if radius_of(key.partition("|")[0]) is Radius.ACCOUNT else "vpc"
        places = frozenset(getattr(self._classes.of[class_], by) for class_ in members)
        if (by, places, services) not in self._there:
            there = {
                class_: self._hosts[class_]
                for place in places
                for class_ in self._of_place[by, place]
                if _has(self._classes.of[class_], services)
            }
            self._there[by, places, services] = there, sum(there.values())
        return self._there[by, places, services]

    def _exposed_everywhere(self, services: frozenset[str]) -> Exposed:
        if services not in self._everywhere:
            hosts = {class_: count for class_, count in self._hosts.items() if _has(self._classes.of[class_], services)}
            self._everywhere[services] = Exposed(self._classes, hosts)
        return self._everywhere[services]

    # --- By what they share ------------------------------------------------------------------------------------------

    def _by_shared(self, by_key: Mapping[str, _Fault], taken: set[str], aside: Mapping[str, Hosts]) -> list[NamedCause]:
        self._engine.execute("DROP TABLE IF EXISTS taken")
        self._engine.execute("CREATE TABLE taken (raw_key TEXT)")
        self._engine.fill("taken", ((key,) for key in sorted(taken)))
        pools: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for code, class_, count in self._engine.query(
            "SELECT code, class, count(DISTINCT record) FROM fault WHERE sweep = ? AND redacted = 0 "
            "AND raw_key NOT IN (SELECT raw_key FROM taken) GROUP BY code, class",
            (self._sweep,),
        ):
            pools[code][class_] = count
        keys_of: defaultdict[str, list[str]] = defaultdict(list)
        for key, fault in by_key.items():
            if key not in taken:
                keys_of[fault.code].append(key)
        asked = {code: sick for code, sick in pools.items() if sum(sick.values()) >= self._least}
        tests = len(self._classes.values) * len(asked)
        return [
            cause
            for code, sick in sorted(asked.items())
            for cause in self._of_code(code, sick, keys_of[code], by_key, aside.get(code, {}), tests)
        ]

    def _of_code(
        self,
        code: str,
        sick: dict[int, int],
        keys: Sequence[str],
        by_key: Mapping[str, _Fault],
        aside: Hosts,
        tests: int,
    ) -> Iterable[NamedCause]:
        services = self._services(keys)
        exposed = self._exposed_with(sick, services)
        others = {
            class_: min(count, exposed.hosts[class_] - sick.get(class_, 0))
            for class_, count in aside.items()
            if class_ in exposed.hosts
        }
        exposed = exposed.without(others)
        for number in range(MOST_ROUNDS):
            if sum(sick.values()) < self._least:
                return
            found = what_they_share(self._classes, sick, exposed, least=self._least, tests=tests)
            if found is None:
                return
            cause = self._shared_cause(code, found, sick, keys, by_key)
            yield replace(cause, round=number)
            exposed = exposed.without(cause.members)
            sick = {
                class_: left for class_, count in sick.items() if (left := count - cause.members.get(class_, 0)) > 0
            }

    def _exposed_with(self, sick: Hosts, services: frozenset[str]) -> Exposed:
        exposed = self._exposed_everywhere(services)
        missing = {class_: self._hosts[class_] for class_ in sick if class_ not in exposed.hosts}
        return Exposed(self._classes, {**exposed.hosts, **missing}) if missing else exposed

    def _shared_cause(
        self, code: str, found: Found, sick: Hosts, keys: Sequence[str], by_key: Mapping[str, _Fault]
    ) -> NamedCause:
        members = {class_: sick[class_] for class_ in found.classes}
        counts = {key: sum(by_key[key].members.get(class_, 0) for class_ in members) for key in keys}
        held = [key for key in keys if counts[key]]
        most = max(held, key=lambda key: (counts[key], key))
        base = most if counts[most] >= _OF_ONE_KEY * sum(members.values()) else code
        services = self._services(held)
        key = _with_values(base, found.shared.values)
        if key in by_key:  # hosts with these ids have this cause
            for class_, count in by_key[key].members.items():
                members[class_] = max(members.get(class_, 0), min(count, sick.get(class_, 0)))
        exposed = self._exposed(base, members, services)
        return NamedCause(
            key=key,
            code=code,
            severity=min(by_key[key].severity for key in held),
            named_by=NamedBy.SHARED,
            shared=found.shared,
            services=tuple(sorted(services)),
            raw_keys=(key,) if key in by_key else (),
            values=found.shared.values,
            members=members,
            exposed={**exposed, **{class_: self._hosts[class_] for class_ in members}},
        )


def _has(held: HostClass, services: frozenset[str]) -> bool:
    return not services or not services.isdisjoint(held.services)


def _with_values(key: str, values: Iterable[SharedValue]) -> str:
    """A key with what the hosts share, as far as it does not name that anyway."""
    parts = key.split("|")
    more = (part_of(value.attribute.value, value.value) for value in values)
    return "|".join((*parts, *(part for part in more if part not in parts)))


# --- In the tables ---------------------------------------------------------------------------------------------------


def write_members(engine: "Database", table: str, causes: Sequence[NamedCause]) -> None:
    """Make a table `(record, sweep, host, class, redacted, code, raw_key, severity, rank, joined, key, place,
    cause_severity)`: the faults of all sweeps, and the cause that each of them is, by the rules of these causes: its
    key, its place among them and its severity, NULL for a fault of its own."""
    engine.execute(f"CREATE TABLE {table}_key (raw_key TEXT PRIMARY KEY, key TEXT, place INTEGER, severity INTEGER)")
    engine.fill(
        f"{table}_key",
        ((raw, cause.key, place, cause.severity) for place, cause in enumerate(causes) for raw in cause.raw_keys),
    )
    engine.execute(
        f"CREATE TABLE {table}_rule (code TEXT, key TEXT, place INTEGER, severity INTEGER, round INTEGER, "
        "words INTEGER, attribute TEXT, value TEXT)"
    )
    engine.fill(
        f"{table}_rule",
        (
            (cause.code, cause.key, place, cause.severity, cause.round, len(cause.values), value.attribute, value.value)
            for place, cause in enumerate(causes)
            for value in cause.values
        ),
    )
    # The number of a class is the id of one of its records, which has what all of them have.
    columns = " OR ".join(
        f"(w.attribute = '{name.value}' AND w.value = r.{column})" for name, column in COLUMNS.items()
    )
    sick = "(SELECT DISTINCT code, class FROM fault WHERE redacted = 0) AS s"
    engine.execute(
        f"CREATE TABLE {table}_class AS SELECT code, class, key, place, severity FROM ("
        "SELECT code, class, key, place, severity, row_number() OVER (PARTITION BY code, class ORDER BY round, place) "
        "AS choice FROM (SELECT code, class, key, place, severity, round FROM ("
        "SELECT w.code AS code, s.class AS class, w.key AS key, w.place AS place, w.severity AS severity, "
        f"w.round AS round, w.words AS words FROM {sick} JOIN record r ON r.id = s.class "
        f"JOIN {table}_rule w ON w.code = s.code AND ({columns}) "
        "UNION ALL SELECT w.code, s.class, w.key, w.place, w.severity, w.round, w.words "
        f"FROM {sick} JOIN attribute a ON a.record = s.class "
        f"JOIN {table}_rule w ON w.code = s.code AND w.attribute = a.name AND w.value = a.value) AS held "
        "GROUP BY code, class, key, place, severity, round, words HAVING count(*) >= words) AS fitting) AS ordered "
        "WHERE choice = 1"
    )
    engine.execute(
        f"CREATE TABLE {table} AS SELECT f.record AS record, f.sweep AS sweep, f.host AS host, f.class AS class, "
        "f.redacted AS redacted, f.code AS code, f.raw_key AS raw_key, f.severity AS severity, f.rank AS rank, "
        "f.joined AS joined, COALESCE(k.key, s.key) AS key, COALESCE(k.place, s.place) AS place, "
        "COALESCE(k.severity, s.severity) AS cause_severity FROM fault f "
        f"LEFT JOIN {table}_key k ON k.raw_key = f.raw_key AND f.redacted = 0 "
        f"LEFT JOIN {table}_class s ON s.code = f.code AND s.class = f.class AND f.redacted = 0 AND k.key IS NULL"
    )


def title_of(code: str) -> str:
    """The title of a finding, said of each host that has it."""
    if code not in CODES:
        return "A finding that this version does not know"
    return CODES[code].title.replace("This host", "The host").replace("this host", "the host")
