"""VPC rules for network ACLs: the ACL of this host's subnet, and the ACL of the endpoint's subnet."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

from agent.catalog.placeholders import PLACEHOLDER
from agent.catalog.services import SERVICES
from agent.fixes.by_code import NOT_THE_APPLIANCE, fix_of
from agent.fixes.commands import (
    blocks_alone,
    blocks_of_list,
    free_number,
    passes_acl,
    ranges,
    read_only,
    show_prefix_list,
)
from agent.fixes.fault import Fault, Opening, known_id
from agent.judge.conditions.stops import Remote, Stop, block_of, needed_first, sender_of, stops_of
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.rules.vpc.stopped import finding_at
from agent.report.hops import (
    ANSWERS,
    AT_HOST,
    TRANSIT,
    Hop,
    Ports,
    Stage,
    is_about_endpoint,
    is_of_acl,
    is_outbound,
)
from agent.report.model import Command, CommandScope, Fix
from probes.addresses import AddressScope
from probes.model import Address, Step, Target
from probes.ports import HTTPS
from probes.vpc.model import ENDPOINT_INTERFACES, NETWORK_ACLS, OWN_INTERFACES, SUBNETS, NetworkAcl

_STAGES: Final = (Stage.HOST_ACL_OUT, Stage.ENDPOINT_ACL_IN, Stage.ENDPOINT_ACL_OUT, Stage.HOST_ACL_IN, *TRANSIT)


def network_acl_blocks(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC006: a network ACL stops packets or their answers, in either subnet or in the subnet of a transit gateway
    attachment."""
    for target in evidence.targets:
        if stops := [stop for stop in stops_of(evidence, target, *_STAGES) if _is_acl(stop.hop)]:
            reads = (NETWORK_ACLS, SUBNETS, ENDPOINT_INTERFACES, OWN_INTERFACES)
            fix = _passing(evidence, target, needed_first(evidence, target, stops))
            yield finding_at("VPC006", evidence, target, stops, reads, fix)


def _passing(evidence: Evidence, target: Target, stops: list[Stop]) -> Fix:
    """The fix that adds the missing entries, each before the entry that denies. It opens the ports of a gateway to the
    appliance and not to this host. The ACL of the appliance's subnet cannot be seen from here."""
    wanted: dict[tuple[str, bool, Remote], dict[Ports, None]] = {}
    forward: dict[tuple[str, bool, Remote], list[int]] = {}
    names: dict[str, None] = {}
    is_of_appliance = any(stop.path.port != HTTPS for stop in stops)
    for stop in stops:
        if stop.hop.stage in AT_HOST and stop.path.port != HTTPS:
            continue
        names[stop.hop.resources[0]] = None
        for remote in _far_ends(evidence, target, stop):
            key = (stop.hop.resources[0], is_outbound(stop.hop.stage, stop.hop.rule), remote)
            wanted.setdefault(key, {})
            if stop.hop.stage in ANSWERS:
                wanted[key][evidence.local_ports] = None
            else:
                forward.setdefault(key, []).append(stop.path.port)
    for key, ports in forward.items():
        wanted[key] |= dict.fromkeys(ranges(ports))
    acls = {acl.acl_id: acl for acl in evidence.configuration.acls or ()}
    taken: dict[tuple[str, bool], set[int]] = {}
    openings = []
    for (acl_id, egress, remote), spans in wanted.items():
        for span in spans:
            if _passes_already(acls[acl_id], remote, span, egress=egress):
                continue
            numbers = taken.setdefault((acl_id, egress), set())
            number = free_number(acls[acl_id], remote.address, remote.version, span, egress=egress, taken=numbers)
            if number is not None:
                numbers.add(number)
                openings.append(
                    Opening(
                        at=known_id(acl_id, "<NETWORK_ACL_ID>"),
                        peer=remote.block,
                        ports=span,
                        version=remote.version,
                        egress=egress,
                        number=number,
                    )
                )
    is_listed = any(_has_changing_addresses(evidence, target, stop.path.address) for stop in stops)
    is_elsewhere = any(stop.hop.stage in AT_HOST and stop.path.port != HTTPS for stop in stops)
    fault = Fault(
        target=target,
        ids=tuple(names),
        ports=tuple(dict.fromkeys(stop.path.port for stop in stops)),
        openings=tuple(openings),
        shows=(*([show_prefix_list(target)] if is_listed else []), *([_show_there(target)] if is_elsewhere else [])),
        notes=(
            *([blocks_alone(target)] if is_listed else []),
            *([_SEE_THERE] if is_elsewhere else []),
            *([NOT_THE_APPLIANCE] if is_of_appliance else []),
        ),
    )
    return fix_of("VPC006", fault)


_SEE_THERE: Final = "Check whether the network ACL of the gateway appliance's subnet passes its ports."


def _far_ends(evidence: Evidence, target: Target, stop: Stop) -> tuple[Remote, ...]:
    """The peers that an entry must be about. This is the other end of the connection or, if the addresses of this end
    change, the blocks of its prefix list."""
    address = stop.path.address
    if not is_about_endpoint(stop.hop.stage, stop.hop.rule):
        return (sender_of(stop.path),)
    if not _has_changing_addresses(evidence, target, address):
        return (Remote(block_of(address), address, address.version),)
    blocks = blocks_of_list(evidence.configuration, evidence.gateway_at(address).prefix_list_id, address.version)
    return tuple(
        Remote("<PREFIX_LIST_BLOCK>" if block is None else str(block), None, address.version) for block in blocks
    )


def _has_changing_addresses(evidence: Evidence, target: Target, address: Address) -> bool:
    is_beyond = evidence.scope(address) in (AddressScope.PUBLIC, AddressScope.GATEWAY_ENDPOINT)
    return is_beyond and SERVICES[target.service].has_gateway_endpoint


def _passes_already(acl: NetworkAcl, remote: Remote, ports: Ports, *, egress: bool) -> bool:
    """Whether the ACL already lets the peer pass. Of a prefix list, it may let only some blocks pass."""
    is_known = PLACEHOLDER.search(remote.block) is None
    return is_known and passes_acl(acl, ip_network(remote.block), ports, egress=egress)


def _is_acl(hop: Hop) -> bool:
    """Whether a network ACL is what decides at this hop. At a transit gateway, it may be a route table."""
    return hop.stage not in TRANSIT or is_of_acl(hop)


def _show_there(target: Target) -> Command:
    return read_only(
        *("aws", "ec2", "describe-network-acls", "--region", target.region),
        *("--filters", "Name=association.subnet-id,Values=<APPLIANCE_SUBNET_ID>"),
        scope=CommandScope.SUBNET,
    )


RULES: Final = (Rule("VPC006", needs=(Step.TCP,), check=network_acl_blocks, reads=(NETWORK_ACLS,)),)
