"""Which faults of hosts are one cause, and how each is named.

A cause is named where the configuration names the resource, where at least half of the hosts that could have it do, or
where those that have it share what the others do not. The last question is asked for all hosts with a code together;
those that an answer explains are set aside, and it is asked again, as long as there is an answer. All codes are asked
at once: `agent/fleet/statements` has each step as SQL over all hosts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from agent.catalog.findings import Radius
from agent.fleet.faults import names_resource, part_of, radius_of, subjects_of
from agent.fleet.model import MAX_EXAMPLES, Attribute, HostsOfValue, NamedBy, Place, Shared, SharedValue
from agent.report.model import SubjectKind
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

_OF_ONE_KEY: Final = 0.9
"""Part of the hosts with an answer that have the same ids, from which on these ids are the cause's."""
_SPECIFIC: Final = frozenset({SubjectKind.ROLE, SubjectKind.ISSUER, SubjectKind.URL})
"""What is at fault itself, wherever a host is: as many hosts as make a cause need not be half of those that could."""
_BEFORE: Final = ("service_set", "host", "held", "spot", "spot_value", "spot_pair", "fault_here", "fault_key")
"""What is counted of a sweep before its faults are asked."""
_BY_KEY: Final = ("key_service", "candidate", "candidate_member", "area", "area_spot", "candidate_area", "outside")
_EVIDENCE: Final = ("evidence", "only_evidence", "pool")
_BY_CODE: Final = ("code_question", "code_area", "code_outside", "outside_value", "question", "sick")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCause:
    """A cause of a sweep."""

    number: int
    """In the tables, as `q`."""
    key: str
    code: str
    severity: int
    """The severity as a number, 0 for critical."""
    named_by: NamedBy
    shared: Shared | None
    services: tuple[str, ...]
    raw_keys: tuple[str, ...]
    """Keys of faults that are all this cause."""
    values: tuple[SharedValue, ...]
    """Hosts that have them all have their other faults of that code by this cause, too."""
    member_count: int
    """Hosts that have it."""
    exposed_count: int
    """Hosts that could have it."""
    round: int = 0
    """Round of the search. Later rounds see only hosts that earlier rounds left unexplained."""


@dataclass(frozen=True, slots=True)
class Told:
    """What tells the sick hosts of a question from the others."""

    code: str
    shared: Shared
    is_repeated: bool
    """Whether the rest of them is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Where the hosts of a cause are, and what they have."""

    places: tuple[Place, ...] = ()
    regions: tuple[str, ...] = ()
    """The most frequent first."""
    groups: tuple[str, ...] = ()
    """Security groups that all of them have."""
    breakdown: tuple[HostsOfValue, ...] = ()
    accounts: tuple[str, ...] = ()
    """The accounts, those with most hosts first."""
    arrivals: tuple[tuple[SharedValue, str], ...] = ()
    """What most of them have, with the sweep in which a host had it first."""


def order(cause: NamedCause) -> tuple[int, int, str]:
    """The worst first, then the one with most hosts."""
    return cause.severity, -cause.member_count, cause.key


def name_causes(database: "Database", sweep: str, least: int) -> tuple[NamedCause, ...]:
    """The causes of a sweep, in their order; `least` is the fewest hosts that make one. Afterwards the tables of
    `agent/fleet/statements` are those of that sweep."""
    return _Naming(database, sweep, least).causes()


class _Naming:
    def __init__(self, database: "Database", sweep: str, least: int) -> None:
        self._database, self._sweep, self._least = database, sweep, least

    def causes(self) -> tuple[NamedCause, ...]:
        database, sweep, least = self._database, self._sweep, self._least
        for name in _BEFORE:
            database.run(name, sweep=sweep)
        keys = dict(database.ask("fault_code"))
        database.run("described")
        database.fill("described", (_described(key, code) for key, code in keys.items()))
        for name in (*_BY_KEY, *_EVIDENCE, *_BY_CODE):
            database.run(name, sweep=sweep, least=least)
        evidence = database.ask("evidence_row")
        told = asked(database, least)
        by_shared = list(self._by_shared(told, keys))
        sizes = {number: counts for number, *counts in database.ask("cause_size")}
        by_evidence = (
            NamedCause(
                number=number,
                key=key,
                code=code,
                severity=severity,
                named_by=NamedBy.CONFIGURATION if is_named else NamedBy.EVIDENCE,
                shared=told[number].shared if number in told else None,
                services=tuple(services),
                raw_keys=(key,),
                values=(),
                member_count=count,
                exposed_count=exposed,
            )
            for number, key, code, severity, services, is_named, count, exposed in evidence
        )
        shared = (
            NamedCause(**cause, member_count=sizes[cause["number"]][0], exposed_count=sizes[cause["number"]][1])
            for cause in by_shared
        )
        return tuple(sorted((*by_evidence, *shared), key=order))

    def _by_shared(self, told: Mapping[int, Told], keys: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The causes that what is told of codes names, round after round as long as something is told."""
        database = self._database
        (number,) = database.ask("last_number")[0]
        rounds = 0
        while codes := {q: one for q, one in told.items() if one.is_repeated}:
            database.run("explained")
            of: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
            for q, *row in database.ask("explained_key"):
                of[q].append(tuple(row))
            database.run("round_cause")
            rows = []
            for q, one in codes.items():
                number += 1
                base, services = _base(one.code, of[q])
                key = _with_values(base, one.shared.values)
                rows.append((q, number, key, _reach(base, one.code), list(services)))
                yield {
                    "number": number,
                    "key": key,
                    "code": one.code,
                    "severity": min(severity for _, _, severity, _, _ in of[q]),
                    "named_by": NamedBy.SHARED,
                    "shared": one.shared,
                    "services": services,
                    "raw_keys": (key,) if key in keys else (),
                    "values": one.shared.values,
                    "round": rounds,
                }
            database.fill("round_cause", rows)
            for name in (
                "round_member",
                "round_joins",
                "round_area",
                "round_outside",
                "round_value",
                "round_asked",
                "round_sick",
            ):
                database.run(name, least=self._least)
            told = asked(database, self._least)
            rounds += 1


def asked(database: "Database", least: int) -> dict[int, Told]:
    """What tells the sick hosts of each open question from the others."""
    if not database.count("question"):
        return {}
    for name in ("single", "pair", "more_pairs", "told"):
        database.run(name, least=least)
    as_well: defaultdict[int, list[SharedValue]] = defaultdict(list)
    for q, attribute, value in database.ask("as_well"):
        as_well[q].append(SharedValue(attribute=Attribute(attribute), value=value))
    return {
        q: Told(
            code,
            Shared(
                values=tuple(
                    SharedValue(attribute=Attribute(attribute), value=value)
                    for attribute, value in ((one, its), (other, others))
                    if attribute is not None
                ),
                sick=with_it,
                well=total - with_it,
                coverage=with_it / sick,
                precision=with_it / total,
                lift=lift,
                p=p,
                as_well=tuple(as_well[q]),
            ),
            is_repeated,
        )
        for q, code, is_repeated, sick, with_it, total, lift, p, one, its, other, others in database.ask("told_values")
    }


def spread_of(database: "Database", by: Attribute | None, most: int) -> dict[int, Spread]:
    """Where the hosts of the causes are that were named last, by their number; with `by` also by the values of an
    attribute, the most frequent `most` of them."""
    places: defaultdict[int, list[Place]] = defaultdict(list)
    database.run("spot_zone")
    for q, vpc, zone, sick, exposed in database.ask("cause_place"):
        places[q].append(Place(vpc=vpc, zone=zone, sick=sick, exposed=exposed))
    regions: defaultdict[int, list[str]] = defaultdict(list)
    for q, region in database.ask("cause_region"):
        regions[q].append(region)
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for q, group in database.ask("cause_group"):
        groups[q].append(group)
    accounts: defaultdict[int, list[str]] = defaultdict(list)
    for q, account in database.ask("cause_account", most=MAX_EXAMPLES):
        accounts[q].append(account)
    values: defaultdict[int, list[HostsOfValue]] = defaultdict(list)
    for q, value, sick, exposed in () if by is None else database.ask("cause_value", broken_by=by.value, most=most):
        values[q].append(HostsOfValue(value=value, sick=sick, exposed=exposed))
    arrivals: defaultdict[int, list[tuple[SharedValue, str]]] = defaultdict(list)
    is_first = database.count("sweep_order") < 2  # then nobody knows what is new
    for q, attribute, value, sweep in () if is_first else database.ask("arrival"):
        arrivals[q].append((SharedValue(attribute=Attribute(attribute), value=value), sweep))
    return {
        q: Spread(
            places=tuple(there),
            regions=tuple(regions[q]),
            groups=tuple(groups[q]),
            breakdown=tuple(values[q]),
            accounts=tuple(accounts[q]),
            arrivals=tuple(arrivals[q]),
        )
        for q, there in places.items()
    }


def _described(key: str, code: str) -> tuple[str, bool, bool, str]:
    is_specific = any(subject.kind in _SPECIFIC for subject in subjects_of(key))
    return key, names_resource(code, key), is_specific, _reach(key, key.partition("|")[0])


def _reach(key: str, code: str) -> str:
    """How far hosts could have a fault with a key: where its subjects are, and everywhere where it has none."""
    if "|" not in key:
        return "everywhere"
    return "account" if radius_of(code) is Radius.ACCOUNT else "vpc"


def _base(code: str, rows: Sequence[tuple[Any, ...]]) -> tuple[str, tuple[str, ...]]:
    """The key of a cause without what its hosts share, and its services, from the keys by which they have its code,
    each with its hosts, its severity and its services."""
    key, count, *_ = max(rows, key=lambda row: (row[1], row[0]))
    every = sum(count for _, count, *_ in rows)
    is_known = all(known for *_, known in rows)
    services = sorted({service for _, _, _, of, _ in rows for service in of}) if is_known else []
    return (key if count >= _OF_ONE_KEY * every else code), tuple(services)


def _with_values(key: str, values: Iterable[SharedValue]) -> str:
    """A key with what the hosts share, as far as it does not name that anyway."""
    parts = key.split("|")
    more = (part_of(value.attribute.value, value.value) for value in values)
    return "|".join((*parts, *(part for part in more if part not in parts)))


# --- In the tables ---------------------------------------------------------------------------------------------------


def write_members(database: "Database", table: str, causes: Sequence[NamedCause], sweep: str) -> None:
    """Make a table, `now_member` or `past_member`, and the same as `cause_member`: the faults of all sweeps, and the
    cause that each of them is by the rules of these causes of a sweep: its key, its place among them and its severity,
    NULL for a fault of its own."""
    for name in ("cause_key", "cause_rule"):
        database.run(name)
    database.fill(
        "cause_key",
        ((raw, cause.key, place, cause.severity) for place, cause in enumerate(causes) for raw in cause.raw_keys),
    )
    database.fill(
        "cause_rule",
        (
            (cause.code, cause.key, place, cause.severity, cause.round, len(cause.values), value.attribute, value.value)
            for place, cause in enumerate(causes)
            for value in cause.values
        ),
    )
    for name in ("ruled", "cause_member", "renamed", "renamed_member", table):
        database.run(name, sweep=sweep)
