"""The fixes for faults of a prediction. Each fault is converted to the form that the row of its code needs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent.catalog.services import SERVICES
from agent.catalog.wording import counted
from agent.fixes.by_code import fix_of
from agent.fixes.commands import (
    blocks_alone,
    blocks_of_list,
    describe_endpoint,
    free_number,
    group_to_change,
    passes_acl,
    ranges,
    show_prefix_list,
)
from agent.fixes.fault import APPLIANCE, Brought, Fault, Opening, known_id, target_in
from agent.fixes.placeholders import filled
from agent.network.answers import PredictedName, PredictedPath, SourceClass
from agent.network.names import KnownVpc, firewall_rule_for, private_zone_for, profile_of, resolver_rule_for
from agent.report.hops import (
    ANSWERS,
    OF_ANY_SYSTEM,
    TRANSIT,
    Ports,
    Reachability,
    Stage,
    is_about_endpoint,
    is_outbound,
)
from agent.report.model import Fix
from probes.addresses import ordered
from probes.model import Address, Target
from probes.ports import HTTPS
from probes.vpc.model import GatewayEndpoint, NetworkAcl, VpcEndpoint

CODE_AT: Final[Mapping[Stage, str]] = {
    Stage.HOST_GROUPS: "VPC012",
    Stage.HOST_ACL_OUT: "VPC006",
    Stage.ROUTE: "VPC007",
    Stage.TRANSIT: "VPC007",
    Stage.ENDPOINT_ACL_IN: "VPC006",
    Stage.ENDPOINT_GROUPS: "VPC005",
    Stage.ENDPOINT: "VPC004",
    Stage.ENDPOINT_ACL_OUT: "VPC006",
    Stage.RETURN_ROUTE: "VPC007",
    Stage.RETURN_TRANSIT: "VPC007",
    Stage.HOST_ACL_IN: "VPC006",
}
"""The finding that a run reports if this hop stops its packets."""
_MOST_BLOCKS: Final = 3
"""Maximum number of subnets or addresses for which commands are given. The summary says how many more there are."""
_LOOK_FIRST: Final = (
    "Look first: if the zone has a record of this name that leads to the endpoint, there is nothing to fix. Otherwise:"
)
"""The sentence before the fix of a private hosted zone, because its records are not read."""
_THESE: Final = "these sources"
_APPLIANCES: Final = "the appliance's subnet; other hosts do not use these ports"


def target_of(known: KnownVpc, service: str, host: str = "") -> Target:
    """The target for the commands of fixes."""
    return target_in(known.region, service, host)


def fixed(known: KnownVpc, code: str, fault: Fault) -> Fix:
    """The fix of a fault of a VPC."""
    return filled(fix_of(code, fault), {"<VPC_ID>": known_id(known.vpc_id, "<VPC_ID>")})


# --- Names -----------------------------------------------------------------------------------------------------------


def fix_of_name(known: KnownVpc, name: PredictedName, *first: str) -> Fix | None:
    """The fix that makes a name resolve to an endpoint. It follows the sentences in `first`. None if no finding is
    about what decides the name."""
    if name.code is None:
        return None
    configuration, host = known.configuration, name.host
    rule, zone = resolver_rule_for(configuration, host), private_zone_for(configuration, host)
    blocking = (firewall_rule_for(configuration, host, record) for record in ("A", "AAAA"))
    firewall = next((one for one in blocking if one is not None and one.action == "BLOCK"), None)
    profile, brought = _brought(known, name)
    ids: list[str | None] = [profile, *name.decided_by]
    if name.code in ("VPC015", "VPC018") and rule is not None:
        ids.append(rule.rule_id)
    if name.code in ("VPC017", "VPC018") and firewall is not None:
        ids += [firewall.group_id, firewall.domain_list_id]
    if name.code == "VPC016":
        first = (*first, _LOOK_FIRST)
    fault = Fault(
        target=target_of(known, name.service, host),
        ids=tuple(filter(None, ids)),
        first=first,
        shows=(describe_endpoint(target_of(known, name.service)),) if name.code == "VPC001" else (),
        notes=("Or let the VPC resolve the name to a central endpoint.",) if name.code == "VPC001" else (),
        off=dns_attributes_off(known),
        states=states_of(known, name.decided_by),
        servers=_servers(known, name.code),
        brought=brought,
        is_exact=host in (None if rule is None else rule.domain, None if zone is None else zone.name),
    )
    return fixed(known, name.code, fault)


def dns_attributes_off(known: KnownVpc) -> tuple[str, ...] | None:
    """The DNS attributes of the VPC that are off; None if they were not read."""
    dns = known.configuration.dns
    if dns is None:
        return None
    return tuple(name for name, is_on in (("support", dns.support), ("hostnames", dns.hostnames)) if not is_on)


def states_of(known: KnownVpc, endpoint_ids: Iterable[str]) -> dict[str, str]:
    """The states of endpoints, by id."""
    there: list[VpcEndpoint | GatewayEndpoint] = [*(known.configuration.endpoints or ())]
    there += known.configuration.gateway_endpoints or ()
    wanted = frozenset(endpoint_ids)
    return {one.endpoint_id: one.state for one in there if one.endpoint_id in wanted}


def _servers(known: KnownVpc, code: str) -> tuple[str, ...]:
    dhcp = known.configuration.dhcp_options
    return () if dhcp is None or code != "VPC011" else dhcp.name_servers


def _brought(known: KnownVpc, name: PredictedName) -> tuple[str | None, Brought]:
    """The Profile that brings the deciding resource of a name, and that resource."""
    for resource_id in name.decided_by:
        resource = profile_of(known.configuration, resource_id)
        if resource is not None:
            return resource.profile_id, Brought(resource.kind)
    return None, Brought.UNKNOWN


# --- Packets ---------------------------------------------------------------------------------------------------------


def code_of_paths(known: KnownVpc, first: PredictedPath) -> str | None:
    """The code of the finding for the hop that stops these paths; None if the hop is unknown."""
    if first.decided_at is None or first.outcome is Reachability.CANNOT_TELL:
        return None
    if first.decided_at is Stage.ROUTE and is_of_gateway(known, first):
        return "VPC019"
    return "VPC006" if first.decided_at in TRANSIT and is_stopped_by_acl(first) else CODE_AT[first.decided_at]


def is_stopped_by_acl(path: PredictedPath) -> bool:
    """Whether a network ACL stops the path. That can also happen in a subnet with a transit gateway attachment."""
    return any(name.startswith("acl-") for name in path.decided_by)


def is_of_gateway(known: KnownVpc, path: PredictedPath) -> bool:
    """Whether a path leads through a gateway endpoint."""
    return any(gateway.endpoint_id == path.endpoint_id for gateway in known.gateways(path.service))


def fix_of_paths(known: KnownVpc, paths: Sequence[PredictedPath], sources: Sequence[SourceClass]) -> Fix | None:
    """The fix that opens these paths. The same hop stops all of them. None if the hop is unknown."""
    first = paths[0]
    code = code_of_paths(known, first)
    if code is None:
        return None
    openings, left = _openings(known, code, paths, sources)
    target = target_of(known, first.service)
    is_listed = (
        code == "VPC006"
        and is_about_endpoint(first.decided_at or Stage.ENDPOINT, first.rule)
        and is_of_gateway(known, first)
    )
    ids = first.decided_by if first.endpoint_id is None else (*first.decided_by, first.endpoint_id)
    fault = Fault(
        target=target,
        ids=ids,
        ports=_ports(paths),
        openings=tuple(openings),
        notes=(
            *([f"Do the same for {counted(left, 'more block')}."] if left > 0 else []),
            *([blocks_alone(target)] if is_listed else []),
        ),
        shows=(show_prefix_list(target),) if is_listed else (),
        is_doubtful=code == "VPC007" and first.outcome is Reachability.DOUBTFUL,
        states=states_of(known, first.decided_by),
    )
    return fixed(known, code, fault)


def fix_of_calls(
    known: KnownVpc, service: str, actions: Sequence[str], endpoint_ids: Sequence[str], *first: str
) -> Fix:
    """The fix that makes endpoint policies allow calls. It follows the sentences in `first`."""
    fault = Fault(target=target_of(known, service), ids=tuple(endpoint_ids), actions=tuple(actions), first=first)
    return fixed(known, "VPC008", fault)


def _ports(paths: Iterable[PredictedPath]) -> tuple[int, ...]:
    return tuple(sorted({path.port for path in paths}))


_Openings = tuple[list[Opening], int]
"""Openings, and the number of further blocks that need such an opening."""


def _openings(known: KnownVpc, code: str, paths: Sequence[PredictedPath], sources: Sequence[SourceClass]) -> _Openings:
    first, addresses = paths[0], [address for path in paths for address in path.addresses]
    if code == "VPC005":
        return _admissions(known, first, _ports(paths), sources)
    if code == "VPC012":
        return _ways_out(known, first, _ports(paths), addresses)
    acls = known.configuration.acls or ()
    acl = next((acl for acl in acls if acl.acl_id in first.decided_by), None) if code == "VPC006" else None
    return ([], 0) if acl is None else _entries(known, acl, first, _ports(paths), sources, addresses)


def _admissions(
    known: KnownVpc, first: PredictedPath, ports: tuple[int, ...], sources: Sequence[SourceClass]
) -> _Openings:
    group = group_to_change(known.configuration, ports, first.decided_by, egress=False)
    version = _version_of(first)
    blocks, whom = list(dict(_blocks_of(known, sources, version))), _THESE
    if len(blocks) > _MOST_BLOCKS and SERVICES[first.service].has_appliance and any(port != HTTPS for port in ports):
        blocks, whom = [APPLIANCE], _APPLIANCES
    return [
        Opening(at=group, peer=block, ports=span, version=version, whom=whom)
        for block in blocks[:_MOST_BLOCKS]
        for span in ranges(ports)
    ], len(blocks) - _MOST_BLOCKS


def _ways_out(known: KnownVpc, first: PredictedPath, ports: tuple[int, ...], addresses: Sequence[Address]) -> _Openings:
    """Openings out to a gateway endpoint's prefix list, or to the endpoint's group. If that group is in another VPC and
    cannot be named, they go to the endpoint's addresses."""
    group = group_to_change(known.configuration, ports, first.decided_by, egress=True)
    here = [end for end in known.endpoints(first.service) or () if end.endpoint_id == first.endpoint_id]
    peers = [f"{address}/{address.max_prefixlen}" for address in ordered(addresses)]
    if is_of_gateway(known, first):
        peers = [known_id(_prefix_list_of(known, first), "<PREFIX_LIST_ID>")]
    elif here and here[0].group_ids:
        peers = [known_id(here[0].group_ids[0], "<ENDPOINT_SECURITY_GROUP_ID>")]
    return [
        Opening(at=group, peer=peer, ports=span, egress=True, version=_version_of(first))
        for peer in peers[:_MOST_BLOCKS]
        for span in ranges(ports)
    ], len(peers) - _MOST_BLOCKS


def _entries(
    known: KnownVpc,
    acl: NetworkAcl,
    first: PredictedPath,
    ports: tuple[int, ...],
    sources: Sequence[SourceClass],
    addresses: Sequence[Address],
) -> _Openings:
    """Entries to insert before the entry that denies. For a prefix list, whose addresses change, there is an entry for
    each block that does not pass yet."""
    stage = first.decided_at or Stage.ENDPOINT_ACL_IN
    version, egress = _version_of(first), is_outbound(stage, first.rule)
    spans = [OF_ANY_SYSTEM] if stage in ANSWERS else ranges(ports)
    ends: Mapping[str, Address | None]
    left = 0
    if is_about_endpoint(stage, first.rule) and is_of_gateway(known, first):
        blocks = blocks_of_list(known.configuration, _prefix_list_of(known, first), version)
        ends = {"<PREFIX_LIST_BLOCK>" if block is None else str(block): None for block in blocks}
        passing = {
            (str(block), span)
            for block in blocks
            for span in spans
            if block is not None and passes_acl(acl, block, span, egress=egress)
        }
    else:
        passing = set()
        every = (
            {f"{address}/{address.max_prefixlen}": address for address in ordered(addresses)}
            if is_about_endpoint(stage, first.rule)
            else dict(_blocks_of(known, sources, version))
        )
        ends = {block: every[block] for block in list(every)[:_MOST_BLOCKS]}
        left = len(every) - _MOST_BLOCKS
    return list(_numbered(acl, ends, spans, passing, version, egress=egress)), left


def _numbered(
    acl: NetworkAcl,
    ends: Mapping[str, Address | None],
    spans: Sequence[Ports],
    passing: set[tuple[str, Ports]],
    version: int,
    *,
    egress: bool,
) -> Iterator[Opening]:
    taken: set[int] = set()
    for block, address in ends.items():
        for span in spans:
            if (block, span) in passing:
                continue
            number = free_number(acl, address, version, span, egress=egress, taken=taken)
            if number is not None:
                taken.add(number)
                yield Opening(
                    at=known_id(acl.acl_id, "<NETWORK_ACL_ID>"),
                    peer=block,
                    ports=span,
                    version=version,
                    egress=egress,
                    number=number,
                )


def _blocks_of(known: KnownVpc, sources: Iterable[SourceClass], version: int) -> Iterator[tuple[str, Address]]:
    """Blocks for rules about sources, each with an address in the block. If a source is a single interface, the block
    is its address. Otherwise it is the block of the subnet."""
    subnets = {subnet.subnet_id: subnet for subnet in known.configuration.subnets or ()}
    for source in sources:
        address = next((address for address in source.addresses if address.version == version), None)
        if address is None:
            continue
        subnet = subnets.get(source.subnet_id or "")
        cidrs = () if subnet is None else subnet.cidrs
        block = next((cidr for cidr in cidrs if address in cidr), None)
        if source.interface_count == 1 or block is None:
            yield f"{address}/{address.max_prefixlen}", address
        else:
            yield str(block), address


def _version_of(path: PredictedPath) -> int:
    return path.addresses[0].version if path.addresses else 4


def _prefix_list_of(known: KnownVpc, path: PredictedPath) -> str | None:
    """The prefix list that routes a path to its gateway endpoint."""
    routes = (route for table in known.configuration.route_tables or () for route in table.routes)
    return next((route.prefix_list_id for route in routes if route.target == path.endpoint_id), None)
