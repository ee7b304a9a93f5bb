"""What to do about what a prediction finds: the commands of a run's fixes, for the sources that it is about."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from agent.catalog.partitions import partition_of
from agent.catalog.services import SERVICES, service_name_of
from agent.catalog.wording import counted, listed
from agent.fixes.commands import (
    APPLIANCE,
    ATTACHMENT,
    TRANSIT_TABLE,
    acl_entry,
    allow,
    blocks_alone,
    blocks_of_list,
    describe_endpoint,
    free_number,
    group_to_change,
    known_id,
    let_out,
    passes_acl,
    permission,
    permission_to_list,
    ranges,
    read_only,
    show_firewall,
    show_prefix_list,
    show_profile,
    show_routes,
    switch_on,
    system_rule,
)
from agent.fixes.placeholders import filled
from agent.network.answers import PredictedName, PredictedPath, SourceClass
from agent.network.names import KnownVpc, firewall_rule_for, profile_of, resolver_rule_for
from agent.report.hops import ANSWERS, EPHEMERAL, Ports, Reachability, Stage, is_about_endpoint, is_outbound
from agent.report.model import Command, CommandScope, Fix
from probes.addresses import ordered
from probes.model import Address, Addressing, Role, Target
from probes.ports import HTTPS
from probes.vpc.model import Configuration, NetworkAcl

_MOST_BLOCKS: Final = 3
"""Subnets, or addresses, for which commands are given; the summary names how many more there are."""


def target_of(known: KnownVpc, service: str, host: str = "") -> Target:
    """What the commands of fixes are about."""
    return target_in(known.region, service, host)


def target_in(region: str, service: str, host: str = "") -> Target:
    """What the commands of fixes are about."""
    return Target(
        id=service,
        service=service,
        region=region,
        partition=partition_of(region).id,
        service_name=service_name_of(service, region),
        host=host,
        addressing=Addressing.DEFAULT,
        role=Role.REQUIRED,
        ports=tuple(port.number for port in SERVICES[service].ports),
    )


def fix_of_name(known: KnownVpc, name: PredictedName) -> Fix | None:
    """What would make a name resolve to an endpoint; None where no finding says what decides."""
    configuration, target = known.configuration, target_of(known, name.service, name.host)
    by_code: dict[str, Callable[[], Fix | None]] = {
        "VPC001": lambda: _make_endpoint(target),
        "VPC002": lambda: _turn_on_private_dns(target, name),
        "VPC003": lambda: _turn_on_attributes(configuration, target),
        "VPC004": lambda: _show_state(target, name.decided_by),
        "VPC011": lambda: _show_dhcp_options(target, name),
        "VPC015": lambda: _show_rule(configuration, target),
        "VPC016": lambda: _show_records(name),
        "VPC017": lambda: _show_firewall_rule(configuration, target),
        "VPC018": lambda: _show_profile(configuration, target, name),
    }
    make = by_code.get(name.code or "")
    return None if make is None else with_vpc(known, make())


def with_vpc(known: KnownVpc, fix: Fix | None) -> Fix | None:
    return None if fix is None else filled(fix, {"<VPC_ID>": known_id(known.vpc_id, "<VPC_ID>")})


def _make_endpoint(target: Target) -> Fix:
    return Fix(
        summary=f"Create an interface endpoint of {target.service} in the VPC, with a security group that allows its "
        "ports from every host that needs it; or let the VPC resolve the name to a central endpoint. See which "
        "endpoints the account has:",
        commands=(describe_endpoint(target),),
    )


def _turn_on_private_dns(target: Target, name: PredictedName) -> Fix:
    if SERVICES[target.service].has_appliance:
        variable = SERVICES[target.service].endpoint_variable
        return Fix(
            summary="Off is right where appliances of this VPC use public names, which they can lose with it; on is "
            f"right for programs that do not set {variable} to the endpoint's own name. Decide first which of the two "
            "this VPC holds (DNS014).",
            commands=(describe_endpoint(target),),
        )
    endpoint_id = known_id(name.decided_by[0] if len(name.decided_by) == 1 else None, "<VPC_ENDPOINT_ID>")
    return Fix(
        summary="First let the endpoint's security group allow 443 from every caller of the VPC, since all use it from "
        "then on; then turn on private DNS.",
        commands=(switch_on(target, "modify-vpc-endpoint", "--vpc-endpoint-id", endpoint_id, "--private-dns-enabled"),),
    )


def _turn_on_attributes(configuration: Configuration, target: Target) -> Fix:
    dns = configuration.dns
    switches = (
        ("--enable-dns-support", dns is None or dns.support),
        ("--enable-dns-hostnames", dns is None or dns.hostnames),
    )
    return Fix(
        summary="Turn on the VPC's DNS attributes, which every host of the VPC feels.",
        commands=tuple(
            switch_on(target, "modify-vpc-attribute", "--vpc-id", "<VPC_ID>", switch)
            for switch, is_on in switches
            if not is_on
        ),
    )


def _show_dhcp_options(target: Target, name: PredictedName) -> Fix:
    options_id = known_id(name.decided_by[0] if name.decided_by else None, "<DHCP_OPTIONS_ID>")
    return Fix(
        summary=f"Make these name servers forward {name.host} to the VPC's resolver, or use AmazonProvidedDNS. A check "
        "on a host there measures what they answer.",
        commands=(
            read_only(
                *("aws", "ec2", "describe-dhcp-options", "--region", target.region, "--dhcp-options-ids", options_id),
                scope=CommandScope.VPC,
            ),
        ),
    )


def _show_rule(configuration: Configuration, target: Target) -> Fix | None:
    rule = resolver_rule_for(configuration, target.host)
    if rule is None:
        return None
    show = read_only(
        *("aws", "route53resolver", "get-resolver-rule", "--region", target.region),
        *("--resolver-rule-id", known_id(rule.rule_id, "<RESOLVER_RULE_ID>")),
        scope=CommandScope.VPC,
    )
    if rule.domain == target.host:
        return Fix(summary="See where the rule sends the name, and what those servers answer.", commands=(show,))
    return Fix(
        summary=f"Let the VPC answer {target.host} itself: a rule of type SYSTEM for it, which is more specific.",
        commands=(show, *system_rule(target)),
    )


def _show_records(name: PredictedName) -> Fix:
    zone_id = known_id(name.decided_by[0] if name.decided_by else None, "<HOSTED_ZONE_ID>")
    return Fix(
        summary=f"See whether the zone has {name.host} as an alias to an endpoint's own DNS name.",
        commands=(
            read_only(
                *("aws", "route53", "list-resource-record-sets", "--hosted-zone-id", zone_id), scope=CommandScope.VPC
            ),
        ),
    )


def _show_firewall_rule(configuration: Configuration, target: Target) -> Fix | None:
    rules = (firewall_rule_for(configuration, target.host, record) for record in ("A", "AAAA"))
    rule = next((rule for rule in rules if rule is not None and rule.action == "BLOCK"), None)
    if rule is None:
        return None
    return Fix(
        summary=f"Have the owner of the group allow {target.host}: an ALLOW rule for a list that holds it, with a "
        "lower priority number than the rule that blocks, or the name out of the blocked list.",
        commands=show_firewall(target, rule),
    )


def _show_profile(configuration: Configuration, target: Target, name: PredictedName) -> Fix | None:
    brought = (profile_of(configuration, resource_id) for resource_id in name.decided_by)
    resource = next((resource for resource in brought if resource is not None), None)
    if resource is None:
        return None
    return Fix(
        summary="See whose the Route 53 Profile is and what it brings. Private DNS of an endpoint of this VPC comes "
        "before its zones.",
        commands=show_profile(target, resource.profile_id),
    )


def fix_of_paths(known: KnownVpc, paths: Sequence[PredictedPath], sources: Sequence[SourceClass]) -> Fix | None:
    """What would open paths on which the same hop decides; None where it is not known what decides."""
    if paths[0].outcome is Reachability.CANNOT_TELL:
        return None
    return with_vpc(known, _opening(known, paths, sources))


def _opening(known: KnownVpc, paths: Sequence[PredictedPath], sources: Sequence[SourceClass]) -> Fix | None:
    first = paths[0]
    ports = tuple(sorted({path.port for path in paths}))
    target = target_of(known, first.service)
    addresses = [address for path in paths for address in path.addresses]
    match first.decided_at:
        case Stage.ENDPOINT_GROUPS:
            return _admit(known, target, first, ports, sources)
        case Stage.HOST_GROUPS:
            return _let_out(known, target, first, ports, addresses)
        case Stage.ROUTE if is_of_gateway(known, first):
            return _add_route_table(target, first)
        case Stage.ROUTE | Stage.RETURN_ROUTE:
            return _show_routes(target, first)
        case Stage.TRANSIT | Stage.RETURN_TRANSIT if not is_stopped_by_acl(first):
            return _show_routes(target, first)
        case Stage.ENDPOINT:
            return _show_state(target, first.decided_by[:1])
        case Stage() as stage:
            return _pass_acl(known, target, first, stage, ports, sources, addresses)
    return None


def fix_of_calls(known: KnownVpc, service: str, action: str, endpoint_ids: Sequence[str]) -> Fix:
    """What would make the policies of endpoints allow a call."""
    target = target_of(known, service)
    names = (known_id(endpoint_id, "<VPC_ENDPOINT_ID>") for endpoint_id in endpoint_ids)
    return Fix(
        summary=f"Let the policy of {listed(endpoint_ids)} allow {action}: a statement with Effect Allow and Resource "
        "* for the callers' roles or their account, and no Deny that fits. What is there stays. Changes take some "
        "minutes.",
        commands=(
            read_only(
                *("aws", "ec2", "describe-vpc-endpoints", "--region", target.region),
                *("--vpc-endpoint-ids", *dict.fromkeys(names), "--query", "VpcEndpoints[].PolicyDocument"),
                *("--output", "text"),
                scope=CommandScope.ENDPOINT,
            ),
        ),
    )


def is_stopped_by_acl(path: PredictedPath) -> bool:
    """Whether a network ACL decides, as in a subnet in which a VPC is attached to a transit gateway."""
    return any(name.startswith("acl-") for name in path.decided_by)


def is_of_gateway(known: KnownVpc, path: PredictedPath) -> bool:
    """Whether a path is one through a gateway endpoint."""
    return any(gateway.endpoint_id == path.endpoint_id for gateway in known.gateways(path.service))


def _add_route_table(target: Target, first: PredictedPath) -> Fix:
    endpoint_id, table_id = known_id(first.endpoint_id, "<VPC_ENDPOINT_ID>"), first.decided_by[0]
    return Fix(
        summary=f"Add {table_id} to the gateway endpoint: it then has the route, for every host of its subnets.",
        commands=(
            Command(
                argv=(
                    *("aws", "ec2", "modify-vpc-endpoint", "--region", target.region),
                    *("--vpc-endpoint-id", endpoint_id),
                    *("--add-route-table-ids", known_id(table_id, "<ROUTE_TABLE_ID>")),
                ),
                scope=CommandScope.SUBNET,
                changes=True,
                reversible=True,
                undo="the same command with --remove-route-table-ids in place of --add-route-table-ids",
            ),
        ),
    )


def _blocks_of(known: KnownVpc, sources: Iterable[SourceClass], version: int) -> Iterator[tuple[str, Address]]:
    """What rules have to name to mean sources, each with an address in it: the address of a source that stands for one
    interface, and else its subnet's block."""
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


def _more(left: int, one: str, several: str | None = None) -> str:
    return f" The same for {counted(left, f'more {one}', several)}." if left > 0 else ""


def _admit(
    known: KnownVpc, target: Target, first: PredictedPath, ports: tuple[int, ...], sources: Sequence[SourceClass]
) -> Fix:
    group = group_to_change(known.configuration, ports, first.decided_by, egress=False)
    version = _version_of(first)
    blocks = list(dict(_blocks_of(known, sources, version)))
    summary = f"Allow {listed(ports)} in {group} from these sources."
    if len(blocks) > _MOST_BLOCKS and SERVICES[target.service].has_appliance and any(port != HTTPS for port in ports):
        summary = f"Allow {listed(ports)} in {group} from the appliance's subnet; other hosts do not use these ports."
        blocks = [APPLIANCE]
    return Fix(
        summary=summary + _more(len(blocks) - _MOST_BLOCKS, "block"),
        commands=tuple(
            allow(target, low, block, group, last=high, version=version)
            for block in blocks[:_MOST_BLOCKS]
            for low, high in ranges(ports)
        ),
    )


def _let_out(
    known: KnownVpc, target: Target, first: PredictedPath, ports: tuple[int, ...], addresses: Sequence[Address]
) -> Fix:
    """Let traffic out to the prefix list of a gateway endpoint, to the members of the endpoint's group, which its
    addresses are, or to the addresses where a group of that VPC cannot be named."""
    group = group_to_change(known.configuration, ports, first.decided_by, egress=True)
    ends = [f"{address}/{address.max_prefixlen}" for address in ordered(addresses)]
    here = [end for end in known.endpoints(target.service) or () if end.endpoint_id == first.endpoint_id]
    whom = known_id(here[0].group_ids[0] if here and here[0].group_ids else None, "<ENDPOINT_SECURITY_GROUP_ID>")
    left = 0
    if is_of_gateway(known, first):
        permitted = [permission_to_list(span, _prefix_list_of(known, first)) for span in ranges(ports)]
    elif here and here[0].group_ids:
        permitted = [
            (*("--protocol", "tcp", "--port"), str(low) if low == high else f"{low}-{high}", "--source-group", whom)
            for low, high in ranges(ports)
        ]
    else:
        left = len(ends) - _MOST_BLOCKS
        permitted = [
            permission(span, end, 6 if ":" in end else 4) for end in ends[:_MOST_BLOCKS] for span in ranges(ports)
        ]
    return Fix(
        summary=f"In {group}, let {listed(ports)} out to the endpoint; that holds for every host with the group."
        + _more(left, "address", "more addresses"),
        commands=tuple(let_out(target, group, permits) for permits in permitted),
    )


def _show_routes(target: Target, first: PredictedPath) -> Fix:
    names = [name for name in first.decided_by if name.startswith(("rtb-", TRANSIT_TABLE))]
    attachments = [name for name in first.decided_by if name.startswith(ATTACHMENT)]
    summary = (
        f"Give {listed(names) if names else 'the route table'} a route to the other end, or fix the one that "
        "is taken. A route holds for every host of its subnets, and where it should point cannot be told from here."
    )
    if attachments:
        summary = f"See the state, the zones and the options of {listed(attachments)}, and change what is missing."
    return Fix(summary=summary, commands=tuple(show_routes(target.region, attachments or names or [""])))


def _show_state(target: Target, endpoint_ids: Sequence[str]) -> Fix:
    return Fix(
        summary=f"See why {listed(endpoint_ids)} {'is' if len(endpoint_ids) == 1 else 'are'} not available.",
        commands=(
            read_only(
                *("aws", "ec2", "describe-vpc-endpoints", "--region", target.region),
                *("--vpc-endpoint-ids", *(known_id(name, "<VPC_ENDPOINT_ID>") for name in endpoint_ids)),
                scope=CommandScope.ENDPOINT,
            ),
        ),
    )


def _pass_acl(
    known: KnownVpc,
    target: Target,
    first: PredictedPath,
    stage: Stage,
    ports: tuple[int, ...],
    sources: Sequence[SourceClass],
    addresses: Sequence[Address],
) -> Fix | None:
    acl = next((acl for acl in known.configuration.acls or () if acl.acl_id in first.decided_by), None)
    if acl is None:
        return None
    version, egress = _version_of(first), is_outbound(stage, first.rule)
    spans = [EPHEMERAL] if stage in ANSWERS else ranges(ports)
    if is_about_endpoint(stage, first.rule) and is_of_gateway(known, first):
        return _pass_blocks(known, target, acl, _prefix_list_of(known, first), version, spans, egress=egress)
    if is_about_endpoint(stage, first.rule):
        blocks = {f"{address}/{address.max_prefixlen}": address for address in ordered(addresses)}
    else:
        blocks = dict(_blocks_of(known, sources, version))
    taken: set[int] = set()
    commands: list[Command] = []
    for block, address in list(blocks.items())[:_MOST_BLOCKS]:
        for span in spans:
            number = free_number(acl, address, version, span, egress=egress, taken=taken)
            if number is not None:
                taken.add(number)
                commands.append(acl_entry(target, acl.acl_id, number, block, version, span, egress=egress))
    if not commands:
        commands.append(
            read_only(
                *("aws", "ec2", "describe-network-acls", "--region", target.region),
                *("--network-acl-ids", known_id(acl.acl_id, "<NETWORK_ACL_ID>")),
                scope=CommandScope.SUBNET,
            )
        )
    return Fix(
        summary=f"Add what is missing to {acl.acl_id}, in front of the entry that denies. Its entries hold for the "
        "whole subnet; a security group, which both ends have, can be narrower."
        + _more(len(blocks) - _MOST_BLOCKS, "block"),
        commands=tuple(commands),
    )


def _pass_blocks(
    known: KnownVpc,
    target: Target,
    acl: NetworkAcl,
    prefix_list_id: str | None,
    version: int,
    spans: Sequence[Ports],
    *,
    egress: bool,
) -> Fix:
    """Let the blocks of a prefix list pass that do not yet: single addresses of it change."""
    taken: set[int] = set()
    commands: list[Command] = [show_prefix_list(target)]
    for block in blocks_of_list(known.configuration, prefix_list_id, version):
        for span in spans:
            if block is not None and passes_acl(acl, block, span, egress=egress):
                continue
            number = free_number(acl, None, version, span, egress=egress, taken=taken)
            if number is not None:
                taken.add(number)
                name = "<PREFIX_LIST_BLOCK>" if block is None else str(block)
                commands.append(acl_entry(target, acl.acl_id, number, name, version, span, egress=egress))
    return Fix(
        summary=f"Add what is missing to {acl.acl_id}, in front of the entry that denies. Its entries hold for the "
        f"whole subnet. {blocks_alone(target)}",
        commands=tuple(commands),
    )


def _prefix_list_of(known: KnownVpc, path: PredictedPath) -> str | None:
    """The prefix list whose route leads to a path's gateway endpoint."""
    routes = (route for table in known.configuration.route_tables or () for route in table.routes)
    return next((route.prefix_list_id for route in routes if route.target == path.endpoint_id), None)
