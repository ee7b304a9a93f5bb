"""The prediction for a VPC: its hosts, the endpoints and names of the requested services, the faults, and their fixes.

It uses the predictor of a run (`agent.network`), so that it agrees with a run on such a host. An uncertain outcome
never counts as open. It is reported as unknown.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from agent.catalog.findings import CODES, Severity
from agent.catalog.services import SERVICES
from agent.catalog.wording import counted, listed
from agent.fixes.managed import among, changed_by, managers_in, with_managers
from agent.fixes.managed import words_of as words_of_manager
from agent.fixes.predicted import code_of_paths, fix_of_name, fix_of_paths
from agent.network.answers import Answer, PredictedCall, PredictedName, PredictedPath, SourceClass
from agent.network.calls import calls_to
from agent.network.names import KnownVpc, known_vpc, predicted_name
from agent.network.new_endpoints import placed
from agent.network.paths import (
    Blocks,
    Matrix,
    Predictor,
    ServicePorts,
    Source,
    SourceError,
    of_source,
    predictor_of,
    source_id,
    sources_of,
)
from agent.predict import places
from agent.predict.assume import assumed
from agent.predict.changes import changes_between, in_order, verdict_of_changes
from agent.predict.denied_calls import faults_of_calls
from agent.predict.fix_checks import FixChecks
from agent.predict.intents import Intent, IntentError, judged, verdict_of_intents
from agent.predict.model import SCHEMA, PredictedFault, PredictedVerdict, PredictionDocument
from agent.predict.new_hosts import changes_of_hosts
from agent.predict.plan import applied
from agent.predict.plan_values import Plan
from agent.report.hops import Reachability, Stage
from agent.report.model import Status, Tool
from agent.settings import Ec2Facts
from agent.version import __version__
from probes.addresses import ordered
from probes.frozen import dataclass
from probes.vpc.model import Configuration, Manager, Network

_ORDER: Final = (Reachability.BLOCKED, Reachability.DOUBTFUL, Reachability.CANNOT_TELL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The services, sources and ports of a prediction."""

    sources: tuple[str | Network, ...]
    services: Mapping[str, bool]
    """Whether each service is required."""
    ports: tuple[int, ...]
    """The requested ports. Empty for all ports that each service has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A VPC as it was read, and the parts that were not read."""

    known: KnownVpc
    taken_at: datetime
    not_read: tuple[str, ...]


def facts_of(facts: Ec2Facts, not_read: tuple[str, ...], account_id: str | None = None) -> Facts:
    """The facts of a VPC from a facts file or its reads. `not_read` has the missing parts in words. `account_id` is the
    account that made the reads, if it is known from another source."""
    return Facts(known=known_vpc(facts, account_id), taken_at=facts.taken_at, not_read=not_read)


def predicted(
    facts: Facts,
    asked: Asked,
    assumptions: Sequence[str] = (),
    *,
    policies: Mapping[str, str] = MappingProxyType({}),
    plans: Sequence[Plan] = (),
    harmless: Collection[str] = (),
    intents: Sequence[Intent] = (),
    is_late: Callable[[], bool] = lambda: False,
) -> PredictionDocument:
    """The prediction. With assumed changes, it describes the VPC after the changes, and the effects of the changes.
    Plans are applied first, then typed changes. Changes of kinds in `harmless` are assumed to have no effect.
    `policies` has the policy files of typed changes. With `intents`, the prediction says whether they hold after the
    changes. Raises SourceError for a source outside the VPC, AssumptionError, IntentError, and PlanError once `is_late`
    while plans are followed."""
    managers = managers_in(facts.known.configuration)
    if not assumptions and not plans:
        blocks = Blocks.of_sources(facts.known.configuration)
        document = _with_managers(_document(facts, asked, blocks), managers)
        return _with_intents(document, facts, blocks, intents)
    planned = applied(facts.known, plans, harmless=harmless, is_late=is_late)
    typed = assumed(planned.known, assumptions, policies)
    typed_words = (_of_managed(words, managers) for words in typed.words)
    made = replace(planned, known=placed(typed.known), words=(*planned.words, *typed_words))
    ways = [Blocks.of_sources(known.configuration) for known in (facts.known, made.known)]
    # Sources are told apart by the blocks of both configurations, so that both predictions have the same classes.
    blocks = Blocks(network for way in ways for network in way.networks)
    then = replace(facts, known=made.known)
    before = _document(facts, asked, blocks, made.known.configuration)
    after = _document(then, asked, blocks, facts.known.configuration)
    after = replace(after, assumed=made.words, unjudged=made.unjudged, ignored=made.ignored)
    of_plans = {own_id: plan.manager for plan in plans for own_id in plan.managed}
    after = _with_managers(after, {**managers, **of_plans}, typed.words)
    ports = {service: _ports_of(asked, service) for service in asked.services}
    of_hosts = changes_of_hosts(before, made.known, after.names, ports, blocks)
    changes = in_order((*changes_between(before, after, facts.known, made.known), *of_hosts))
    after = replace(after, changes=changes, verdict=verdict_of_changes(changes, before, after))
    if intents:  # intents are about existing sources
        replaced = (host.instance_id for host in then.known.new_hosts)
        left = (f"whether the intents hold for the host that replaces {instance_id}" for instance_id in replaced)
        after = replace(after, unjudged=(*after.unjudged, *left))
    return _with_intents(after, then, blocks, intents)


def _with_managers(
    document: PredictionDocument, managers: Mapping[str, Manager], typed: Iterable[str] = ()
) -> PredictionDocument:
    """The prediction with remarks on resources that a tool manages. Each fix then says where it must be made. `typed`
    has the typed changes in words."""
    ids = {word for fault in document.faults for word in changed_by(fault.fix)} | set(map(_owner, typed))
    faults = (
        fault if fault.fix is None else replace(fault, fix=with_managers(fault.fix, managers))
        for fault in document.faults
    )
    return replace(document, faults=tuple(faults), managed=among(managers, ids))


def _owner(words: str) -> str:
    """The id with which the words of a change begin: the id of the changed resource."""
    return words.partition(":")[0]


def _of_managed(words: str, managers: Mapping[str, Manager]) -> str:
    """A typed change in words, with a remark if a tool manages the resource."""
    own_id = _owner(words)
    if own_id not in managers:
        return words
    return f"{words} ({words_of_manager(own_id, managers[own_id])}, which undoes what others change)"


def _with_intents(
    document: PredictionDocument, facts: Facts, blocks: Blocks, intents: Sequence[Intent]
) -> PredictionDocument:
    """The prediction with the results of intents, which decide its verdict. Raises IntentError."""
    if not intents:
        return document
    results = []
    for intent in intents:
        asked = Asked(sources=intent.sources, services=dict.fromkeys(intent.services, True), ports=intent.ports)
        try:
            results.append(judged(intent, _document(facts, asked, blocks), facts.known))
        except SourceError as error:
            raise IntentError(f"{intent.place}: {error}") from error
    document = replace(document, intents=tuple(results))
    return replace(document, verdict=verdict_of_intents(document))


def _document(facts: Facts, asked: Asked, blocks: Blocks, others: Configuration | None = None) -> PredictionDocument:
    """The prediction. It will be compared with a prediction for the configuration `others`, so both get the same
    sources."""
    known = facts.known
    configuration = known.configuration
    predictor = predictor_of(known)
    sources = sources_of(configuration, known.vpc_id, asked.sources, blocks, others)
    classes = tuple(class_of_source(number, source, known, predictor) for number, source in enumerate(sources))
    matrix = Matrix(known, predictor, sources, blocks)
    names: list[PredictedName] = []
    paths: list[PredictedPath] = []
    calls: list[PredictedCall] = []
    for service, required in asked.services.items():
        ports = _ports_of(asked, service)
        name = predicted_name(known, predictor, service, counts=required)
        names.append(name)
        paths += matrix.paths(ServicePorts(service=service, required=required, ports=ports), name)
        calls += calls_to(known, name, required=required)
    checks = FixChecks(known, sources, blocks, paths)
    faults = _faults(known, asked, classes, names, paths, calls, checks)
    in_vpc = [interface for interface in configuration.interfaces or () if interface.vpc_id == known.vpc_id]
    return PredictionDocument(
        schema=SCHEMA,
        tool=Tool(name="backuplink", version=__version__),
        redacted=False,
        measured=False,
        region=known.region,
        vpc_id=known.vpc_id,
        taken_at=facts.taken_at,
        verdict=_verdict(asked, classes, names, paths, faults),
        services=tuple(asked.services),
        sources=classes,
        interface_count=sum(source.interface_count for source in classes),
        left_out=sum(interface.instance_id is None for interface in in_vpc),
        names=tuple(names),
        paths=tuple(paths),
        calls=tuple(calls),
        faults=faults,
        not_read=facts.not_read,
        assumed=(),
        unjudged=(),
        intents=(),
        ignored=(),
        changes=(),
        managed=(),
    )


def _ports_of(asked: Asked, service: str) -> dict[int, bool]:
    """The requested ports of a service. The value says whether the service needs the port."""
    if asked.ports:
        return dict.fromkeys(asked.ports, True)
    return {port.number: port.required for port in SERVICES[service].ports}


def class_of_source(number: int, source: Source, known: KnownVpc, predictor: Predictor) -> SourceClass:
    own = source.own
    table = None if own is None else predictor.table_of(own)
    acls = known.configuration.acls or ()
    subnet_id = None if own is None else own.subnet_id
    instances = (interface.instance_id for interface in source.interfaces)
    return SourceClass(
        id=source_id(number),
        subnet_id=subnet_id,
        availability_zone=None if own is None else own.availability_zone,
        group_ids=() if own is None else own.group_ids,
        route_table_id=None if table is None else table.table_id,
        acl_id=next((acl.acl_id for acl in acls if subnet_id in acl.subnet_ids), None),
        addresses=source.addresses,
        interface_count=len(source.interfaces),
        interface_ids=tuple(interface.interface_id for interface in source.interfaces),
        instance_ids=tuple(dict.fromkeys(instance for instance in instances if instance is not None)),
    )


# --- Faults -----------------------------------------------------------------------------------------------------------


def _faults(
    known: KnownVpc,
    asked: Asked,
    classes: Sequence[SourceClass],
    names: Iterable[PredictedName],
    paths: Iterable[PredictedPath],
    calls: Iterable[PredictedCall],
    checks: FixChecks,
) -> tuple[PredictedFault, ...]:
    """The faults of all requirements that are not certain to work. Blocked requirements come first. If outcomes are
    equal, names come first, then paths, and then calls. Paths of more interfaces come before paths of fewer
    interfaces."""
    by_id = {source.id: source for source in classes}
    count = sum(source.interface_count for source in classes)
    faults = [
        fault
        for name in names
        if (fault := fault_of_name(known, _ports_of(asked, name.service), name, classes, count, checks))
    ]
    of_paths = [fault_of_paths(known, stopped, by_id, checks) for stopped in stopped_alike(paths)]
    rank = {service: place for place, service in enumerate(asked.services)}
    of_paths.sort(key=lambda fault: (-fault.interface_count, rank[fault.service], fault.decided_by, fault.ports))
    faults += [*of_paths, *faults_of_calls(known, calls, classes)]
    return tuple(sorted(faults, key=lambda fault: _ORDER.index(fault.outcome)))


def stopped_alike(paths: Iterable[PredictedPath]) -> Iterator[list[PredictedPath]]:
    """Groups of paths that count and are not open. All paths of a group have the same deciding hop, and are from the
    same sources. Each of these sources has the fault on each of the ports."""
    by_reason: dict[tuple[object, ...], dict[int, list[PredictedPath]]] = {}
    for path in paths:
        if path.counts and path.outcome is not Reachability.OPEN:
            words = path.words if path.decided_at is None else None
            # An endpoint's state is the same for all its interfaces.
            by = (path.endpoint_id,) if path.decided_at is Stage.ENDPOINT else path.decided_by
            key = path.service, path.outcome, path.decided_at, by, path.rule, words
            by_reason.setdefault(key, {}).setdefault(path.port, []).append(path)
    for by_port in by_reason.values():
        by_sources: dict[tuple[str, ...], list[PredictedPath]] = {}
        for stopped in by_port.values():
            sources = dict.fromkeys(source for path in stopped for source in path.sources)
            by_sources.setdefault(tuple(sources), []).extend(stopped)
        yield from by_sources.values()


def fault_of_name(
    known: KnownVpc,
    ports: Mapping[int, bool],
    name: PredictedName,
    classes: Sequence[SourceClass],
    interface_count: int,
    checks: FixChecks,
) -> PredictedFault | None:
    """The fault of a required name's answer; None if the answer is right."""
    leads_to_gateway = name.answer is Answer.PUBLIC and bool(known.gateways(name.service)) and name.code is None
    if not name.counts or name.answer is Answer.PRIVATE or leads_to_gateway:
        return None
    blocked = name.answer in (Answer.PUBLIC, Answer.NOTHING)
    answers = {
        Answer.PUBLIC: f"{name.host} resolves to public addresses",
        Answer.NOTHING: f"{name.host} does not resolve",
        Answer.CANNOT_TELL: f"What {name.host} resolves to is not known",
    }[name.answer]
    code, fix = CODES.get(name.code or ""), fix_of_name(known, name)
    return PredictedFault(
        code=name.code,
        name=None if code is None else code.name,
        title=of_source(code.title) if code is not None and blocked else answers,
        severity=Severity.CRITICAL if blocked else Severity.WARNING,
        measured=False,
        service=name.service,
        action=None,
        ports=(),
        outcome=Reachability.BLOCKED if blocked else Reachability.CANNOT_TELL,
        sources=tuple(source.id for source in classes),
        interface_count=interface_count,
        addresses=(),
        decided_by=name.decided_by,
        rule=None,
        detail=f"{answers}: {name.words}.",
        fix=checks.of_name(fix, name, ports),
    )


def fault_of_paths(
    known: KnownVpc,
    paths: Sequence[PredictedPath],
    by_id: Mapping[str, SourceClass],
    checks: FixChecks,
) -> PredictedFault:
    """One fault for paths that the same hop and rule stop."""
    first = paths[0]
    ports = tuple(sorted({path.port for path in paths}))
    sources = tuple(dict.fromkeys(source for path in paths for source in path.sources))
    code = CODES.get(code_of_paths(known, first) or "")
    fix = fix_of_paths(known, paths, [by_id[source] for source in sources])
    # Only the first mention is about the connect itself: later ones say what the rules allow instead.
    words = first.words.replace(f"tcp {first.port} ", f"tcp {listed(ports)} ", 1)
    title = {
        Reachability.BLOCKED: "Nothing lets the source reach the endpoint",
        Reachability.DOUBTFUL: "The connect passes in part, or by a detour",
        Reachability.CANNOT_TELL: "Whether the connect passes is not known",
    }[first.outcome]
    return PredictedFault(
        code=None if code is None else code.code,
        name=None if code is None else code.name,
        title=title if code is None else of_source(code.title),
        severity=Severity.CRITICAL if first.outcome is Reachability.BLOCKED else Severity.WARNING,
        measured=False,
        service=first.service,
        action=None,
        ports=ports,
        outcome=first.outcome,
        sources=sources,
        interface_count=sum(by_id[source].interface_count for source in sources),
        addresses=ordered(address for path in paths for address in path.addresses),
        decided_by=tuple(dict.fromkeys(name for path in paths for name in path.decided_by)),
        rule=first.rule,
        detail=f"{_begun(words)}.",
        fix=checks.of_paths(fix, paths),
    )


def _begun(words: str) -> str:
    """Words at the beginning of a sentence: with a capital letter, unless they begin with an id."""
    return f"{words[:1].upper()}{words[1:]}" if words.split(" ", 1)[0].isalpha() else words


def _verdict(
    asked: Asked,
    classes: Sequence[SourceClass],
    names: Iterable[PredictedName],
    paths: Sequence[PredictedPath],
    faults: Sequence[PredictedFault],
) -> PredictedVerdict:
    required = [service for service, is_required in asked.services.items() if is_required]
    blocked = [fault for fault in faults if fault.outcome is Reachability.BLOCKED]
    services = listed(dict.fromkeys(fault.service for fault in blocked or faults))
    if blocked:
        sources = {source for fault in blocked for source in fault.sources}
        summary = f"{services}: blocked for {places.share(sources, classes)}"
        return PredictedVerdict(status=Status.CRITICAL, summary=summary)
    unproven = [
        service
        for service in required
        if not any(path.counts and path.service == service and path.outcome is Reachability.OPEN for path in paths)
    ]
    if faults:
        return PredictedVerdict(status=Status.UNKNOWN, summary=f"{services}: is not known for every source")
    if not classes or not required or unproven:
        what = listed(unproven) if required and classes else "no source" if required else "no required service"
        return PredictedVerdict(status=Status.UNKNOWN, summary=f"{what}: there is nothing that could be predicted")
    whole = counted(sum(source.interface_count for source in classes), "interface")
    return PredictedVerdict(status=Status.OK, summary=f"{listed(required)}: open from every source ({whole})")
