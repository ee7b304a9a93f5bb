"""Find which faults of hosts have one cause, and name each cause.

A cause is named in one of three cases. First, the configuration names the resource. Second, at least half of the hosts
that could have the fault have it. Third, the hosts with the fault share something that other hosts do not have. For the
third case, all hosts with the same code are searched together. Hosts that are explained are set aside, and the search
is repeated for the others until it finds nothing more. All codes are searched at once: `agent/fleet/statements` has
each step as SQL over all hosts.
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
"""The share of the explained hosts that must have the same ids. The cause then gets these ids."""
_NEARLY_ALL: Final = 0.9
"""If at least this share of the hosts with a value have the fault, the value is also the cause for hosts that an
earlier cause already explains."""
_SPECIFIC: Final = frozenset({SubjectKind.ROLE, SubjectKind.ISSUER, SubjectKind.URL})
"""Subjects that are at fault themselves, wherever their hosts are. A cause with such a subject needs only the minimum
number of hosts. It does not need half of the hosts that could have it."""
_BEFORE: Final = ("service_set", "host", "held", "spot", "spot_value", "spot_pair", "fault_here", "fault_key")
"""Statements that count the hosts of a sweep before its faults are searched."""
_BY_KEY: Final = ("key_service", "candidate", "candidate_member", "area", "area_spot", "candidate_area", "outside")
_EVIDENCE: Final = ("evidence", "only_evidence", "pool")
_BY_CODE: Final = ("code_question", "code_area", "code_outside", "outside_value", "question", "sick")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCause:
    """A cause of a sweep."""

    number: int
    """Number of the cause: the column `q` of the tables."""
    key: str
    code: str
    severity: int
    """The severity as a number, 0 for critical."""
    named_by: NamedBy
    shared: Shared | None
    services: tuple[str, ...]
    raw_keys: tuple[str, ...]
    """Keys of the faults that this cause stands for."""
    values: tuple[SharedValue, ...]
    """Values that the hosts share. Every fault with this code has this cause if its host has all of these values."""
    member_count: int
    """Number of hosts with the fault."""
    exposed_count: int
    """Number of hosts that could have the fault."""
    round: int = 0
    """Round of the search. Later rounds see only hosts that earlier rounds left unexplained."""


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a question: values that distinguish the hosts with a fault from the others."""

    code: str
    shared: Shared
    is_repeated: bool
    """Whether the question is asked again for the remaining hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Places of the hosts of a cause, and values that they have."""

    places: tuple[Place, ...] = ()
    regions: tuple[str, ...] = ()
    """The Regions of the hosts, the most frequent first."""
    groups: tuple[str, ...] = ()
    """Security groups that all of the hosts have."""
    breakdown: tuple[HostsOfValue, ...] = ()
    accounts: tuple[str, ...] = ()
    """The accounts of the hosts, those with most hosts first."""
    arrivals: tuple[tuple[SharedValue, str], ...] = ()
    """Values that most of the hosts have. Each comes with the first sweep in which a host had it."""


def order(cause: NamedCause) -> tuple[int, int, str]:
    """The sort key of a cause: the worst cause comes first, then the cause with most hosts."""
    return cause.severity, -cause.member_count, cause.key


def name_causes(database: "Database", sweep: str, least: int) -> tuple[NamedCause, ...]:
    """Return the causes of a sweep in their order. `least` is the minimum number of hosts for a cause. Afterwards the
    tables of `agent/fleet/statements` are about that sweep."""
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
        """Yield the causes that shared values identify. The search is repeated until a round finds nothing."""
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
                key = with_values(base, one.shared.values)
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
                database.run(name, least=self._least, nearly_all=_NEARLY_ALL)
            told = asked(database, self._least)
            rounds += 1


def asked(database: "Database", least: int) -> dict[int, Told]:
    """Return, for each open question, the values that distinguish the hosts with the fault from the others."""
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
    """Return the places of the hosts of each cause that `name_causes` found last, by the cause's number. With `by`, the
    hosts are also counted by the most frequent values of that attribute, at most `most` of them."""
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
    is_first = database.count("sweep_order") < 2  # a single sweep does not show what is new
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
    """Return how far a fault with this key may reach. If the key has subjects, the fault reaches only their places,
    otherwise everywhere."""
    if "|" not in key:
        return "everywhere"
    return "account" if radius_of(code) is Radius.ACCOUNT else "vpc"


def _base(code: str, rows: Sequence[tuple[Any, ...]]) -> tuple[str, tuple[str, ...]]:
    """Return the key of a cause without shared values, and the services of the cause. `rows` has the keys that its
    hosts report for its code, each with a number of hosts, a severity and services."""
    key, count, *_ = max(rows, key=lambda row: (row[1], row[0]))
    every = sum(count for _, count, *_ in rows)
    is_known = all(known for *_, known in rows)
    services = sorted({service for _, _, _, of, _ in rows for service in of}) if is_known else []
    return (key if count >= _OF_ONE_KEY * every else code), tuple(services)


def with_values(key: str, values: Iterable[SharedValue]) -> str:
    """Append the shared values to a key, unless the key already contains them."""
    parts = key.split("|")
    more = (part_of(value.attribute.value, value.value) for value in values)
    return "|".join((*parts, *(part for part in more if part not in parts)))


# --- In the tables ---------------------------------------------------------------------------------------------------


def write_members(database: "Database", table: str, causes: Sequence[NamedCause], sweep: str) -> None:
    """Write the table `now_member` or `past_member`, and a copy of it as `cause_member`. It has the faults of all
    sweeps, each with the cause of this sweep that it belongs to: the key, the index and the severity of the cause.
    These are NULL for a fault of the host alone."""
    for name in ("cause_key", "cause_rule"):
        database.run(name)
    database.fill(
        "cause_key",
        ((raw, cause.key, place, cause.severity) for place, cause in enumerate(causes) for raw in cause.raw_keys),
    )
    database.fill(
        "cause_rule",
        (
            (
                *(cause.code, cause.key, place, cause.severity, cause.round),
                *(cause.shared is not None and cause.shared.precision >= _NEARLY_ALL, len(cause.values)),
                *(value.attribute, value.value),
            )
            for place, cause in enumerate(causes)
            for value in cause.values
        ),
    )
    for name in ("ruled", "cause_member", "renamed", "renamed_member", table):
        database.run(name, sweep=sweep)
