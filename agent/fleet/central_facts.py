"""Explain the symptoms of hosts that did not read the configuration. Central facts explain them: facts of EC2 that were
gathered elsewhere, one file for each VPC.

The predictor follows the connections and names of each class of sources in a VPC. A prediction explains a measured
failure if the configuration stops exactly this connection for hosts of the same subnet and security groups. Facts only
explain failures. They are never used for anything that works.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from agent.catalog.services import SERVICES
from agent.fleet.faults import Blind, explains, names_resource, part_of, subjects_of
from agent.network.answers import SourceClass
from agent.network.draft import ids_in
from agent.predict.model import PredictedFault, PredictionDocument
from agent.predict.prediction import Asked, facts_of, predicted
from agent.report.facts_file import untimely
from agent.report.hops import Reachability
from agent.report.model import FindingSubject, Fix, SubjectKind
from agent.report.subjects import resources
from agent.run.collect_facts import lacking
from agent.settings import EVERY_SOURCE, Ec2Facts
from probes.frozen import dataclass
from probes.ports import HTTPS

_Where = tuple[str, str | None, str, str | None, tuple[str, ...]]
"""A symptom, and the account, VPC, subnet and security groups of the hosts that have it."""
_KnownKeys = defaultdict[str, list[tuple[str, frozenset[FindingSubject]]]]
"""The keys of causes that hosts found themselves, by code. Each key comes with its subjects."""
_STOPS: Final = frozenset({Reachability.BLOCKED, Reachability.DOUBTFUL})


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralCauses:
    """The causes of symptoms, as central facts name them."""

    keys: Mapping[_Where, str]
    """The key of the cause of each symptom."""
    fixes: Mapping[str, Fix]
    """The fixes by the keys of their causes."""
    notes: tuple[str, ...]


def explain_centrally(
    blind: Sequence[Blind],
    facts: Iterable[Ec2Facts],
    known_keys: Iterable[tuple[str | None, str, str]],
    today: date,
) -> CentralCauses:
    """Return the causes of the symptoms of hosts that did not read EC2. `known_keys` are causes that other hosts found
    themselves, each with the account and VPC of those hosts, the most frequent first. If such a cause of the same
    account and VPC names the same resource, its key is used."""
    now = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=1)
    usable: dict[str, Ec2Facts] = {}
    notes: list[str] = []
    for of_vpc in facts:
        if (why := untimely(of_vpc, now)) is not None:
            notes.append(f"The facts of {of_vpc.vpc_id} are not used: {why}.")
        elif of_vpc.vpc_id not in usable or of_vpc.taken_at > usable[of_vpc.vpc_id].taken_at:
            usable[of_vpc.vpc_id] = of_vpc
    known: defaultdict[tuple[str | None, str], _KnownKeys] = defaultdict(lambda: defaultdict(list))
    by_code: _KnownKeys = defaultdict(list)
    for account, vpc, key in known_keys:
        code = key.partition("|")[0]
        if names_resource(code, key):
            known[account, vpc][code].append((key, frozenset(subjects_of(key))))
            by_code[code].append(known[account, vpc][code][-1])
    keys: dict[_Where, str] = {}
    fixes: dict[str, Fix] = {}
    for vpc_id, of_vpc in sorted(usable.items()):
        here = [symptom for symptom in blind if symptom.vpc == vpc_id]
        fixes |= _fixes_of_named(of_vpc, by_code)  # these facts decide here, even if a host elsewhere names the cause
        services = {symptom.target.partition("@")[0] for symptom in here} & SERVICES.keys()
        if not services:
            continue
        predicted_for = _Predicted(_prediction(of_vpc, services))
        for symptom in here:
            fault = predicted_for.cause_of(symptom)
            if fault is not None:
                key = _key(fault, symptom, known[symptom.account, vpc_id])
                keys[symptom.symptom_key, symptom.account, vpc_id, symptom.subnet, symptom.groups] = key
                if fault.fix is not None:
                    fixes.setdefault(key, fault.fix)
    return CentralCauses(keys=keys, fixes=fixes, notes=tuple(notes))


def endpoint_groups(facts: Iterable[Ec2Facts], today: date) -> Iterator[tuple[str, str]]:
    """Yield the security groups of endpoints, each with the name of the endpoint's service, from facts that are not too
    old."""
    now = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=1)
    for of_vpc in facts:
        if untimely(of_vpc, now) is None:
            for endpoint in facts_of(of_vpc, lacking(of_vpc)).known.configuration.endpoints or ():
                yield from ((group, endpoint.service_name) for group in endpoint.group_ids)


def _fixes_of_named(facts: Ec2Facts, known_keys: _KnownKeys) -> dict[str, Fix]:
    """Return fixes for causes that hosts in this VPC found themselves, by key. Each comes from the same fault in the
    facts, where the predictor has checked the fix for every host of the VPC."""
    known = facts_of(facts, lacking(facts)).known
    there = ids_in(known)
    named = {
        code: [(key, subjects) for key, subjects in of_code if any(subject.id in there for subject in subjects)]
        for code, of_code in known_keys.items()
    }
    services = [service for service in SERVICES if known.endpoints(service) or known.gateways(service)]
    if not services or not any(named.values()):
        return {}
    fixes: dict[str, Fix] = {}
    for fault in _prediction(facts, services).faults:
        decided_by = frozenset(resources(*fault.decided_by))
        for key, subjects in named.get(fault.code or "", ()):
            ports = {subject.id for subject in subjects if subject.kind is SubjectKind.PORT}
            if fault.fix is not None and subjects & decided_by and ports <= set(map(str, fault.ports)):
                fixes.setdefault(key, fault.fix)
    return fixes


def _prediction(facts: Ec2Facts, services: Iterable[str]) -> PredictionDocument:
    asked = Asked(sources=(EVERY_SOURCE,), services=dict.fromkeys(sorted(services), True), ports=())
    return predicted(facts_of(facts, lacking(facts)), asked)


class _Predicted:
    """The prediction for one VPC, which is used for many of its hosts."""

    def __init__(self, document: PredictionDocument) -> None:
        self._sources: defaultdict[str, list[SourceClass]] = defaultdict(list)
        for source in document.sources:
            if source.subnet_id is not None:
                self._sources[source.subnet_id].append(source)
        self._faults: defaultdict[str, list[PredictedFault]] = defaultdict(list)
        for fault in document.faults:
            for source_id in fault.sources:
                self._faults[source_id].append(fault)
        self._known: dict[tuple[object, ...], PredictedFault | None] = {}

    def cause_of(self, symptom: Blind) -> PredictedFault | None:
        """Return the predicted fault that explains a symptom. If several sources may be this host, the result is None
        unless all of them have the same known fault."""
        asked = symptom.symptom_key, symptom.target, symptom.subnet, symptom.groups
        if asked not in self._known:
            self._known[asked] = self._cause_of(symptom)
        return self._known[asked]

    def _cause_of(self, symptom: Blind) -> PredictedFault | None:
        # Take the interfaces in the subnet with the host's groups; without a known interface, take an address of the
        # subnet.
        sources = [
            source
            for source in self._sources.get(symptom.subnet or "", ())
            if not source.interface_count or set(source.group_ids) == set(symptom.groups)
        ]
        causes = [_first_fault(self._faults[source.id], symptom) for source in sources]
        first = causes[0] if causes else None
        if first is None or any(cause is None or _same(cause) != _same(first) for cause in causes):
            return None
        return first


def _same(fault: PredictedFault) -> tuple[object, ...]:
    return fault.code, fault.decided_by


def _first_fault(faults: Iterable[PredictedFault], symptom: Blind) -> PredictedFault | None:
    code, service = symptom.symptom_key.partition("|")[0], symptom.target.partition("@")[0]
    return next(
        (
            fault
            for fault in faults
            if fault.code is not None
            and (not service or fault.service == service)
            and explains(fault.code, code)
            and _concerns(fault, symptom)
        ),
        None,
    )


def _concerns(fault: PredictedFault, symptom: Blind) -> bool:
    """Whether a prediction is about a port and an address at which the host failed. A fault of a name has no port and
    no address. For such a fault, the setting that decides is enough, since the host measured that the answer is
    wrong."""
    if not fault.ports:
        return True
    subjects = subjects_of(symptom.symptom_key)
    ports = {subject.id for subject in subjects if subject.kind is SubjectKind.PORT} or {str(HTTPS)}
    addresses = {subject.id for subject in subjects if subject.kind is SubjectKind.ADDRESS}
    return (
        fault.outcome in _STOPS
        and not ports.isdisjoint(map(str, fault.ports))
        and (not addresses or not addresses.isdisjoint(map(str, fault.addresses)))
    )


def _key(fault: PredictedFault, symptom: Blind, known_keys: _KnownKeys) -> str:
    """Return the key of a predicted cause. If hosts already use a key for the same resource, it is this key, otherwise
    a new key."""
    code = fault.code or ""
    named = list(resources(*fault.decided_by))
    for key, subjects in known_keys.get(code, ()):
        if not subjects.isdisjoint(named):
            return key
    failed = {subject.id for subject in subjects_of(symptom.symptom_key) if subject.kind is SubjectKind.PORT}
    ports = [str(port) for port in fault.ports if port != HTTPS and str(port) in failed]
    return "|".join((code, *_parts(named, ports)))


def _parts(named: Iterable[FindingSubject], ports: Iterable[str]) -> Iterator[str]:
    for subject in named:
        yield part_of(subject.kind.value, subject.id)
    for port in ports:
        yield part_of(SubjectKind.PORT.value, port)
