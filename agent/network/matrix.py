"""The outcomes of connects from many sources to the endpoints of some services, on each of their ports.

Sources that the configuration treats alike form a class, and so do addresses of endpoints. The predictor
(`agent.network.predictor`) follows one connect for each pair of classes. Its outcome is true for the whole class.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from agent.catalog.wording import listed
from agent.network.answers import Answer, PredictedName, PredictedPath
from agent.network.names import KnownVpc, is_given
from agent.network.pending import Aspect
from agent.network.plain import Fate, Plain
from agent.network.predictor import UNCERTAIN_STATES, Predictor
from agent.network.sources import Blocks, Source
from agent.report.hops import OF_ANY_SYSTEM, WORST, Hop, Prediction, Reachability, Stage, is_detour
from probes.frozen import dataclass
from probes.model import Address
from probes.vpc.model import (
    AVAILABLE,
    ENDPOINT_INTERFACES,
    READS,
    Configuration,
    GatewayEndpoint,
    NetworkInterface,
    VpcEndpoint,
)

_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePorts:
    """A service, and the ports to test."""

    service: str
    required: bool
    ports: Mapping[int, bool]
    """Whether the service requires it."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The outcome of one connect, and the hop that decides it."""

    outcome: Reachability
    stage: Stage | None
    resources: tuple[str, ...]
    rule: str | None
    words: str


_OPEN: Final = _Verdict(Reachability.OPEN, None, (), None, "")


@dataclass(frozen=True, slots=True)
class _Destination:
    """An address of an endpoint, as a destination."""

    endpoint: VpcEndpoint
    interface: NetworkInterface
    address: Address
    key: _Key


def predictor_of(known: KnownVpc) -> Predictor:
    """The predictor for hosts of a VPC, whatever their system."""
    return Predictor(known.configuration, vpc_id=known.vpc_id, pending=known.pending, answers=OF_ANY_SYSTEM)


class Matrix:
    """The connects of some sources. Each pair of classes is followed once."""

    def __init__(
        self,
        known: KnownVpc,
        predictor: Predictor,
        sources: Sequence[Source],
        blocks: Blocks,
        *,
        any_groups: bool = False,
    ) -> None:
        """`blocks` are the blocks for which the configuration treats sources differently. With `any_groups`, unknown
        groups of a source are assumed to let its packets out, so that only the rest of the path is judged."""
        self._known = known
        self._any_groups = any_groups
        self._predictor = predictor
        self._sources = sources
        self._blocks = blocks
        configuration = known.configuration
        self._far_blocks = Blocks.of_destinations(configuration)
        self._acl_of = {subnet: acl.acl_id for acl in configuration.acls or () for subnet in acl.subnet_ids}
        self._with_endpoint = {interface.subnet_id for interface in configuration.endpoint_interfaces or ()}
        self._alike: defaultdict[_Key, list[int]] = defaultdict(list)
        for number, source in enumerate(sources):
            self._alike[self._source_key(source)].append(number)
        self._families = {
            key: frozenset(address.version for address in sources[numbers[0]].addresses)
            for key, numbers in self._alike.items()
        }
        self._joined = _joined(configuration, known.vpc_id)
        self._firsts = [sources[numbers[0]] for numbers in self._alike.values()]
        pending = (one.resource_id for one in known.pending)
        self._plain = Plain(predictor, configuration, pending, self._firsts)
        self._verdicts: dict[tuple[_Key, int], list[_Verdict | None]] = {}
        self._same = {_OPEN: _OPEN}
        self._own_groups = [
            self._shared(_blocked(Stage.HOST_GROUPS, () if source.own is None else source.own.group_ids))
            for source in self._firsts
        ]
        self._ids = [source_id(number) for number in range(len(sources))]
        self._hops: dict[Hop, Hop] = {}
        self._interfaces_of: defaultdict[str, list[NetworkInterface]] = defaultdict(list)
        for interface in configuration.endpoint_interfaces or ():
            endpoint = predictor.endpoint_of(interface)
            if endpoint is not None:
                self._interfaces_of[endpoint.endpoint_id].append(interface)

    def paths(self, asked: ServicePorts, name: PredictedName) -> Iterator[PredictedPath]:
        """The paths to one service. A path counts if the service's name leads to the endpoint. If the name leads to no
        endpoint, the paths to all endpoints in the VPC count, because programs can use the endpoints' own names.
        Endpoints in other VPCs are included if the name leads to them, or if this VPC has none and a peering or a
        transit gateway joins the two VPCs."""
        here = self._known.endpoints(asked.service) or ()
        joined = () if here else self._joined
        elsewhere = [
            endpoint
            for endpoint in self._known.endpoints(asked.service, here=False) or ()
            if endpoint.vpc_id != self._known.vpc_id
            and (endpoint.endpoint_id in name.endpoint_ids or endpoint.vpc_id in joined)
        ]
        for endpoint in sorted((*here, *elsewhere), key=lambda endpoint: endpoint.endpoint_id):
            is_used = endpoint.endpoint_id in name.endpoint_ids
            answered = _answered(endpoint, name)
            is_used = is_used or (name.answer is not Answer.PRIVATE and endpoint.vpc_id == self._known.vpc_id)
            for port, is_needed in asked.ports.items():
                counts = asked.required and is_needed and is_used
                yield from self._to_endpoint(asked.service, endpoint, port, answered=answered, counts=counts)
        for gateway in self._known.gateways(asked.service):
            is_used = name.answer is Answer.PUBLIC
            for port, is_needed in asked.ports.items():
                counts = asked.required and is_needed and is_used
                yield from self._to_gateway(asked.service, gateway, port, counts=counts)

    # --- Classes -----------------------------------------------------------------------------------------------------

    def _source_key(self, source: Source) -> _Key:
        """A key that is equal for sources that the predictor cannot tell apart."""
        by_version = {address.version: self._blocks.signature(address) for address in source.addresses}
        own = source.own
        if own is None:
            return None, by_version.get(4), by_version.get(6)
        table = self._predictor.table_of(own)
        acl = self._acl_of.get(own.subnet_id)
        transit = self._predictor.transit
        is_apart = acl is None or table is None or own.subnet_id in (self._with_endpoint | transit.subnets)
        return (
            own.subnet_id if is_apart else None,
            own.availability_zone if transit.subnets else None,
            acl,
            None if table is None else table.table_id,
            tuple(sorted(set(own.group_ids))),
            by_version.get(4),
            by_version.get(6),
        )

    def _destination(self, endpoint: VpcEndpoint, interface: NetworkInterface, address: Address) -> _Destination:
        """An address, with a key that is equal for addresses that the predictor cannot tell apart."""
        found = self._predictor.interface_at(address, self._known.vpc_id)
        is_alone = found is not interface or endpoint.state != AVAILABLE
        is_alone = is_alone or self._known.unsettled((endpoint.endpoint_id,), Aspect.GROUPS) is not None
        return _Destination(
            endpoint=endpoint,
            interface=interface,
            address=address,
            key=(
                address if is_alone else None,
                interface.vpc_id,
                interface.subnet_id,
                tuple(sorted(set(interface.group_ids or endpoint.group_ids))),
                address.version,
                self._far_blocks.signature(address),
            ),
        )

    # --- Paths -------------------------------------------------------------------------------------------------------

    def _to_endpoint(
        self, service: str, endpoint: VpcEndpoint, port: int, *, answered: frozenset[int], counts: bool
    ) -> Iterator[PredictedPath]:
        """The paths to an endpoint. Only paths to addresses of a family in `answered` count."""
        interfaces = self._interfaces_of.get(endpoint.endpoint_id, [])
        made = [
            interface for interface in interfaces if (endpoint.endpoint_id, interface.subnet_id) in self._known.unplaced
        ]
        if made:
            yield from self._to_parts(service, endpoint, made, port, counts=counts)
        missing = sorted(set(endpoint.interface_ids) - {interface.interface_id for interface in interfaces})
        unsettled = self._known.unsettled((endpoint.endpoint_id,), Aspect.ADDRESSES)
        if missing or not interfaces or unsettled is not None:
            yield self._without_address(service, endpoint, missing, port, unsettled, counts=counts)
        places = [
            self._destination(endpoint, interface, address)
            for interface in interfaces
            if interface not in made
            for address in interface.addresses
        ]
        families = {place.address.version for place in places if place.address.version in answered}
        by_verdicts: dict[_Key, list[_Destination]] = {}
        decided: dict[_Key, Mapping[_Verdict, list[int]]] = {}
        for place in sorted(places, key=lambda place: (place.address.version, int(place.address))):
            verdicts = self._verdicts_at(place, port, families)
            key: _Key = (place.address.version, tuple((verdict, tuple(of)) for verdict, of in verdicts.items()))
            by_verdicts.setdefault(key, []).append(place)
            decided[key] = verdicts
        for key, alike in by_verdicts.items():
            for verdict, numbers in decided[key].items():
                first = self._sources[numbers[0]]
                prediction = self._followed(first, alike[0].address, port)
                yield PredictedPath(
                    service=service,
                    endpoint_id=endpoint.endpoint_id,
                    addresses=tuple(place.address for place in alike),
                    port=port,
                    counts=counts and alike[0].address.version in answered,
                    outcome=verdict.outcome,
                    sources=self._named(numbers),
                    decided_at=verdict.stage,
                    decided_by=verdict.resources,
                    rule=verdict.rule,
                    words=of_source(verdict.words if prediction is None else _verdict_of(prediction).words),
                    hops=() if prediction is None else self._of_sources(prediction.hops),
                    unseen=() if prediction is None else tuple(map(of_source, prediction.unseen)),
                )

    def _to_parts(
        self, service: str, endpoint: VpcEndpoint, interfaces: Sequence[NetworkInterface], port: int, *, counts: bool
    ) -> Iterator[PredictedPath]:
        """The paths to interfaces that do not exist yet and may get any address of their subnets. One address stands
        for each part of a subnet that the configuration tells apart. An outcome is certain if it is the same for all
        parts."""
        met: dict[int, list[tuple[_Verdict, Address]]] = {}
        for interface in interfaces:
            for address in interface.addresses:
                place = self._destination(endpoint, interface, address)
                for verdict, numbers in self._verdicts_at(place, port, (address.version,)).items():
                    for number in numbers:
                        met.setdefault(number, []).append((verdict, address))
        alike: dict[tuple[_Verdict, Address, bool], list[int]] = {}
        for number, verdicts in met.items():
            worst, address = min(verdicts, key=lambda verdict: WORST.index(verdict[0].outcome))
            is_certain = len({verdict.outcome for verdict, _ in verdicts}) == 1
            alike.setdefault((worst, address, is_certain), []).append(number)
        for (verdict, address, is_certain), numbers in alike.items():
            prediction = self._followed(self._sources[numbers[0]], address, port)
            words = verdict.words if prediction is None else _verdict_of(prediction).words
            if not is_certain:
                words = f"which address {endpoint.endpoint_id} gets decides; for {address}, {words}"
            yield PredictedPath(
                service=service,
                endpoint_id=endpoint.endpoint_id,
                addresses=(),
                port=port,
                counts=counts,
                outcome=verdict.outcome if is_certain else Reachability.CANNOT_TELL,
                sources=self._named(numbers),
                decided_at=verdict.stage,
                decided_by=verdict.resources,
                rule=verdict.rule,
                words=of_source(words),
                hops=(),
                unseen=(),
            )

    def _verdicts_at(self, place: _Destination, port: int, families: Collection[int]) -> dict[_Verdict, list[int]]:
        """The outcomes at an address, each with the numbers of its sources. A source without an address of this family
        uses another family in the endpoint's `families`. If it has no address in any of them, it is blocked."""
        key = place.key, port
        if key not in self._verdicts:
            self._verdicts[key] = self._plain_verdicts(place, port)
        known = self._verdicts[key]
        verdicts: dict[int, tuple[_Verdict, list[int]]] = {}
        for place_of, (source_key, numbers) in enumerate(self._alike.items()):
            own_families = self._families[source_key]
            if place.address.version not in own_families and not own_families.isdisjoint(families):
                continue
            verdict = known[place_of]
            if verdict is None:
                verdict = known[place_of] = self._verdict(self._firsts[place_of], place.address, port)
            verdicts.setdefault(id(verdict), (verdict, []))[1].extend(numbers)
        return {verdict: sorted(of) for verdict, of in verdicts.values()}

    def _plain_verdicts(self, place: _Destination, port: int) -> list[_Verdict | None]:
        """The outcome at an address for each class of sources; None if the predictor must be asked."""
        end = self._plain.place(place.address, place.interface, place.endpoint)
        if end is None:
            return [None] * len(self._firsts)
        theirs = self._shared(_blocked(Stage.ENDPOINT_GROUPS, end.group_ids))
        return [
            None
            if fate is None
            else _OPEN
            if fate is Fate.OPEN
            else theirs
            if fate is Fate.BLOCKED_BY_THEIR_GROUPS
            else own
            for fate, own in zip(self._plain.fates(end, port), self._own_groups, strict=True)
        ]

    def _named(self, numbers: Iterable[int]) -> tuple[str, ...]:
        return tuple(self._ids[number] for number in numbers)

    def _of_sources(self, hops: Iterable[Hop]) -> tuple[Hop, ...]:
        """Reword the hops of a run's host for sources. Each different hop is reworded and stored only once, since many
        paths have the same hops."""
        return tuple(self._hop_of_source(hop) for hop in hops)

    def _hop_of_source(self, hop: Hop) -> Hop:
        if hop not in self._hops:
            words = of_source(hop.words)
            self._hops[hop] = hop if words == hop.words else replace(hop, words=words)
        return self._hops[hop]

    def _shared(self, verdict: _Verdict) -> _Verdict:
        """One shared object for equal verdicts."""
        return self._same.setdefault(verdict, verdict)

    def _followed(self, source: Source, address: Address, port: int) -> Prediction | None:
        """The prediction for one connect; None if the source has no address of that family."""
        own = next((mine for mine in source.addresses if mine.version == address.version), None)
        if own is None:
            return None
        prediction = self._predictor.predict(source=own, own=source.own, address=address, port=port)
        if not self._any_groups or source.interfaces:
            return prediction
        hops = tuple(hop for hop in prediction.hops if hop.stage is not Stage.HOST_GROUPS)
        outcomes = {hop.outcome for hop in hops}
        return replace(prediction, hops=hops, outcome=next(outcome for outcome in WORST if outcome in outcomes))

    def _verdict(self, source: Source, address: Address, port: int) -> _Verdict:
        prediction = self._followed(source, address, port)
        if prediction is None:
            words = f"the source has no IPv{address.version} address"
            return self._shared(_Verdict(Reachability.BLOCKED, None, (), None, words))
        return self._shared(replace(_verdict_of(prediction), words=""))

    def _without_address(
        self,
        service: str,
        endpoint: VpcEndpoint,
        missing: Sequence[str],
        port: int,
        unsettled: str | None,
        *,
        counts: bool,
    ) -> PredictedPath:
        """A path to interfaces with unknown addresses. `unsettled` is the reason from the plan."""
        outcome, stage, rule = Reachability.CANNOT_TELL, None, None
        if unsettled is not None:
            words = unsettled
        elif endpoint.state != AVAILABLE and not endpoint.interface_ids:
            is_uncertain = endpoint.state in UNCERTAIN_STATES
            outcome = Reachability.CANNOT_TELL if is_uncertain else Reachability.BLOCKED
            stage, rule = Stage.ENDPOINT, f"state {endpoint.state}"
            words = f"{endpoint.endpoint_id} has the state {endpoint.state} and no interface"
        elif missing:
            words = f"the addresses of {listed(missing)} of {endpoint.endpoint_id} were not read"
        else:
            words = f"the interfaces of {endpoint.endpoint_id} are not known: {READS[ENDPOINT_INTERFACES].words}"
            words += " that were read are those of others"
        return PredictedPath(
            service=service,
            endpoint_id=endpoint.endpoint_id,
            addresses=(),
            port=port,
            counts=counts,
            outcome=outcome,
            sources=tuple(self._ids),
            decided_at=stage,
            decided_by=(endpoint.endpoint_id, *missing),
            rule=rule,
            words=words,
            hops=(),
            unseen=(),
        )

    # --- Gateway endpoints -------------------------------------------------------------------------------------------

    def _to_gateway(
        self, service: str, gateway: GatewayEndpoint, port: int, *, counts: bool
    ) -> Iterator[PredictedPath]:
        """The paths to a service's public addresses through a gateway endpoint. The first address of each block of the
        routed prefix lists stands for the block."""
        lists = {
            route.prefix_list_id
            for table in self._known.configuration.route_tables or ()
            for route in table.routes
            if route.target == gateway.endpoint_id and route.prefix_list_id is not None
        }
        read = {entry.prefix_list_id: entry.cidrs for entry in self._known.configuration.prefix_lists or ()}
        addresses = sorted(
            {address for name in lists for cidr in read.get(name, ()) for address in self._far_blocks.cells(cidr)},
            key=lambda address: (address.version, int(address)),
        )
        by_verdict: dict[_Verdict, dict[int, None]] = {}
        at: dict[_Verdict, dict[Address, None]] = {}
        for numbers in self._alike.values():
            source = self._sources[numbers[0]]
            verdicts = self._through_gateway(source, gateway, addresses, port)
            for verdict, address in verdicts:
                by_verdict.setdefault(verdict, {}).update(dict.fromkeys(numbers))
                at.setdefault(verdict, {}).update({} if address is None else {address: None})
        for verdict, numbers_of in by_verdict.items():
            numbers_in_order = sorted(numbers_of)
            prediction = next(
                (self._followed(self._sources[numbers_in_order[0]], address, port) for address in at[verdict]), None
            )
            yield PredictedPath(
                service=service,
                endpoint_id=gateway.endpoint_id,
                addresses=tuple(at[verdict]),
                port=port,
                counts=counts,
                outcome=verdict.outcome,
                sources=self._named(numbers_in_order),
                decided_at=verdict.stage,
                decided_by=verdict.resources,
                rule=verdict.rule,
                words=of_source(verdict.words),
                hops=() if prediction is None else self._of_sources(prediction.hops),
                unseen=(),
            )

    def _through_gateway(
        self, source: Source, gateway: GatewayEndpoint, addresses: Iterable[Address], port: int
    ) -> Iterator[tuple[_Verdict, Address | None]]:
        own = source.own
        table = None if own is None else self._predictor.table_of(own)
        if table is None:
            words = "the route table of the source was not read"
            yield _Verdict(Reachability.CANNOT_TELL, Stage.ROUTE, (), None, words), None
            return
        if (unsettled := self._known.unsettled((table.table_id,), Aspect.ROUTES)) is not None:
            yield _Verdict(Reachability.CANNOT_TELL, Stage.ROUTE, (table.table_id,), None, unsettled), None
            return
        if table.table_id not in gateway.route_table_ids:
            words = f"{table.table_id} has no route to {gateway.endpoint_id}"
            yield _Verdict(Reachability.BLOCKED, Stage.ROUTE, (table.table_id,), None, words), None
            return
        reached = [
            address for address in addresses if any(mine.version == address.version for mine in source.addresses)
        ]
        if not reached:
            words = f"the prefix list of {gateway.endpoint_id} was not read"
            yield _Verdict(Reachability.CANNOT_TELL, Stage.ROUTE, (gateway.endpoint_id,), None, words), None
        for address in reached:
            leads = self._predictor.gateway_at(address, own)
            prediction = self._followed(source, address, port)
            if leads.endpoint is None or leads.endpoint.endpoint_id != gateway.endpoint_id or prediction is None:
                words = leads.why_unknown or f"{table.table_id} sends {address} elsewhere than to {gateway.endpoint_id}"
                outcome = Reachability.CANNOT_TELL if leads.why_unknown else Reachability.BLOCKED
                yield _Verdict(outcome, Stage.ROUTE, (table.table_id,), None, words), address
            else:
                yield _verdict_of(prediction), address


def _answered(endpoint: VpcEndpoint, name: PredictedName) -> frozenset[int]:
    """The address families that the service's name gives for an endpoint or, if that name does not lead to it, that the
    endpoint's own names give."""
    if endpoint.endpoint_id in name.endpoint_ids and name.addresses:
        return frozenset(address.version for address in name.addresses)
    return frozenset(version for version in (4, 6) if is_given(endpoint, version))


def _joined(configuration: Configuration, vpc_id: str) -> frozenset[str]:
    """The VPCs that peerings and transit gateways join with this one. Peerings and gateways that were not read are left
    out."""
    sides = [{side.vpc_id for side in peering.sides} for peering in configuration.peerings or ()]
    joined = {other for pair in sides if vpc_id in pair for other in pair}
    attached = () if configuration.transit is None else configuration.transit.attachments
    gateways = {attachment.gateway_id for attachment in attached if attachment.resource_id == vpc_id}
    joined |= {one.resource_id for one in attached if one.gateway_id in gateways and one.resource_id is not None}
    return frozenset(joined - {vpc_id})


def source_id(number: int) -> str:
    """The id of the source with this number."""
    return f"source-{number + 1}"


def of_source(words: str) -> str:
    """Words about the host of a run, reworded for a source."""
    return words.replace("This host", "The source").replace("this host", "the source")


def _blocked(stage: Stage, group_ids: Iterable[str]) -> _Verdict:
    """The outcome if no rule of these groups allows the connect."""
    return _Verdict(Reachability.BLOCKED, stage, tuple(sorted(group_ids)), None, "")


def _verdict_of(prediction: Prediction) -> _Verdict:
    """The outcome of a prediction. It comes from the worst hop or, if the path is open, from the part that cannot be
    seen."""
    if prediction.outcome is not Reachability.OPEN:
        deciding = [hop for hop in prediction.hops if hop.outcome is prediction.outcome]
        hop = min(deciding, key=is_detour)
        outcome = Reachability.CANNOT_TELL if is_detour(hop) else hop.outcome
        return _Verdict(outcome, hop.stage, tuple(sorted(set(hop.resources))), hop.rule, hop.words)
    if prediction.unseen:
        return _Verdict(Reachability.CANNOT_TELL, None, (), None, f"what cannot be seen: {listed(prediction.unseen)}")
    return _Verdict(Reachability.OPEN, None, (), None, "every group, network ACL and route on the way lets it pass")
