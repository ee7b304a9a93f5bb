"""The fix of each fault of the configuration: one row for each code, for runs, predictions, audits and fleets."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from agent.catalog.services import SERVICES, gateway_service_name_of
from agent.catalog.wording import listed
from agent.fixes.changes import (
    Admission,
    Attached,
    DhcpOptionsForVpc,
    DnsAttributeOn,
    Entry,
    NewDhcpOptions,
    NewEndpoint,
    NewGateway,
    NewSystemRule,
    PrivateDnsOn,
    RuleForVpc,
    alternative,
    written,
)
from agent.fixes.commands import (
    blocks_alone,
    describe_endpoint,
    ranges,
    read_only,
    show_ids,
    show_prefix_list,
    show_profile,
    show_routes,
)
from agent.fixes.fault import APPLIANCE, APPLIANCE_GROUP, Brought, Fault, Opening
from agent.fixes.own_name import set_own_name
from agent.report.hops import EPHEMERAL
from agent.report.model import Command, CommandScope, Fix
from probes.ports import HTTPS
from probes.vpc.model import DELETED

Row = Callable[[Fault], Fix]
HOSTS: Final = "<SUBNET_CIDR_OF_THE_HOSTS>"
_SUBNETS: Final = "the subnets of these hosts"
NOT_THE_APPLIANCE: Final = "This host is not the appliance: test from its subnet as well."
FIRST_ADMIT: Final = (
    "first let the endpoint's security group allow 443 from every caller of the VPC, since all will use it"
)


def fix_of(code: str, fault: Fault) -> Fix:
    """The fix of a fault of the configuration, before placeholders are filled. If nothing may be changed yet, the
    commands only show the present state."""
    fix = FIXES[code](fault)
    if fault.why_not is not None:
        fix = _looked_at(fix, fault)
    return replace(
        fix,
        summary=" ".join(filter(None, (*fault.first, fix.summary, *fault.notes))),
        commands=tuple(dict.fromkeys((*fault.shows, *fix.commands))),
    )


def _looked_at(fix: Fix, fault: Fault) -> Fix:
    if not any(command.changes for command in fix.commands):
        return fix
    shown = [command for command in fix.commands if not command.changes and command.alternative is None]
    named = show_ids(fault.target.region, [*(opening.at for opening in fault.openings), *fault.ids])
    return Fix(
        summary=f"Look before anything is changed: {fault.why_not}.",
        commands=(*shown, *named) or (describe_endpoint(fault.target),),
    )


# --- Endpoints -------------------------------------------------------------------------------------------------------


def _create_endpoint(fault: Fault) -> Fix:
    target, service = fault.target, SERVICES[fault.target.service]
    if service.has_gateway_endpoint:
        name = gateway_service_name_of(target.service, target.region) or "<SERVICE_NAME>"
        return Fix(
            summary=f"Create a gateway endpoint of {target.service} for the subnet's route table: it costs nothing, "
            "and names need no change. It does not lead to buckets of other Regions; for these, and from peered "
            "networks, an interface endpoint is needed.",
            commands=written(target.region, NewGateway(name, fault.one("<ROUTE_TABLE_ID>"))),
        )
    if fault.is_offered is False:
        return Fix(
            summary=f"No private path to {target.service} can be made in {target.region}: let the hosts reach it by a "
            "NAT gateway or a proxy, use a Region that has the endpoint service, or do without it. Run with --expect "
            "any to judge the public path.",
        )
    here = _create_here(fault)
    if fault.elsewhere is None:
        return here
    return Fix(
        summary=f"(a) Share the endpoint of {fault.elsewhere}, which needs a route from here and whose group must "
        f"allow these hosts. {_by_own_name(fault)} For every host of this VPC, use a private hosted zone with an alias "
        f"to the endpoint, or a Route 53 Profile that brings it. (b) Use an endpoint of this VPC. {here.summary}",
        commands=(*alternative("a", _try_own_name(fault)), *alternative("b", *here.commands)),
    )


def _create_here(fault: Fault) -> Fix:
    is_of_appliance = SERVICES[fault.target.service].has_appliance
    new = NewEndpoint(
        target=fault.target,
        private_dns=not is_of_appliance,
        service_name=fault.service_name,
        subnets=fault.subnets,
    )
    if is_of_appliance:
        return Fix(
            summary="Create the endpoint in the VPC, with a group that allows the gateway's ports from the subnets of "
            "the appliances. Its private DNS is left off here, because it can hide the public names that appliances "
            f"use. {_by_own_name(fault)}",
            commands=written(fault.target.region, new),
        )
    attributes = [DnsAttributeOn(name) for name in fault.off or ()]
    return Fix(
        summary=("Turn on the VPC's DNS attributes first: without both, private DNS is refused. " if attributes else "")
        + "Create the endpoint in the VPC, with private DNS and a security group that allows 443 from every caller of "
        "the VPC, since all of them then use the endpoint.",
        commands=written(fault.target.region, *attributes, new),
    )


def _turn_on_private_dns(fault: Fault) -> Fix:
    show, own_name = describe_endpoint(fault.target), _try_own_name(fault)
    if SERVICES[fault.target.service].has_appliance:
        return Fix(
            summary=f"{_by_own_name(fault)} Private DNS should stay off if appliances of this VPC use public names, "
            "since it can hide these names. It should be on for programs that do not call the endpoint by name. "
            "First decide which of the two this VPC has (DNS014).",
            commands=(show, own_name),
        )
    attributes = [DnsAttributeOn(name) for name in fault.off or ()]
    return Fix(
        summary=f"(a) {_by_own_name(fault)} (b) For every host of the VPC: {FIRST_ADMIT}; "
        + ("turn on both DNS attributes of the VPC, since private DNS is refused without them; " if attributes else "")
        + "then turn on private DNS.",
        commands=(
            show,
            *alternative("a", own_name),
            *alternative(
                "b", *written(fault.target.region, *attributes, PrivateDnsOn(fault.only("<VPC_ENDPOINT_ID>")))
            ),
        ),
    )


def _by_own_name(fault: Fault) -> str:
    return f"A host needs no private DNS if it calls the endpoint by name: {set_own_name(fault.target)}."


def _try_own_name(fault: Fault) -> Command:
    """The command that measures the path with the endpoint's own name, which does not need private DNS."""
    name = fault.own_name or f"{fault.target.service}=<ENDPOINT_DNS_NAME>"
    return read_only("backuplink", "check", "--region", fault.target.region, "--endpoint", name)


def _turn_on_attributes(fault: Fault) -> Fix:
    off = ("support", "hostnames") if fault.off is None else fault.off
    names = [f"enableDns{name.capitalize()}" for name in off]
    return Fix(
        summary=f"For every host of the VPC: {FIRST_ADMIT}; then set {listed(names)} to true."
        if fault.has_endpoint
        else f"Set {listed(names)} to true.",
        commands=written(fault.target.region, *(DnsAttributeOn(name, fault.one("<VPC_ID>")) for name in off)),
    )


_STATES: Final = {
    "pending": "AWS is creating or changing the endpoint: look again in some minutes.",
    "pendingacceptance": "The endpoint waits until the service's owner accepts it. AWS's own services accept endpoints "
    "automatically, so check the endpoint's service name.",
    "rejected": "The service's owner has rejected the endpoint: create it again, with the service name of AWS's own "
    "service.",
    "failed": "Fix what the error names, if it names anything, and create the endpoint again.",
    "expired": "The endpoint was not accepted in time: create it again.",
    "deleting": "The endpoint is being deleted: create another one if it is still needed.",
    DELETED: "The endpoint is deleted, and its names are gone: create another one, and use the new name.",
}
"""Instructions by the endpoint's state (EC2 API Reference, Endpoint)."""
_STATE_NOT_KNOWN: Final = (
    "See what the endpoint's state and its error say, and check its interfaces, one subnet at a time."
)


def _look_at_state(fault: Fault) -> Fix:
    sentences = [_STATES.get(state, _STATE_NOT_KNOWN) for state in fault.states.values()] or [_STATE_NOT_KNOWN]
    return Fix(
        summary=" ".join(dict.fromkeys(sentences)),
        commands=(_show_endpoints(fault, "VpcEndpoints[].[VpcEndpointId,State,LastError]"),),
    )


def _show_endpoints(fault: Fault, query: str) -> Command:
    """A command that shows properties of the endpoints at fault, chosen by a JMESPath expression."""
    return read_only(
        *("aws", "ec2", "describe-vpc-endpoints", "--region", fault.target.region),
        *("--vpc-endpoint-ids", *dict.fromkeys(fault.all("<VPC_ENDPOINT_ID>")), "--query", query, "--output", "text"),
        scope=CommandScope.ENDPOINT,
    )


_POLICY: Final = "VpcEndpoints[].PolicyDocument"


def _narrow_policy(fault: Fault) -> Fix:
    return Fix(
        summary="Nothing to fix if that is intended. Otherwise let the policy say who may make which calls through the "
        "endpoint, for example by a Condition on aws:PrincipalOrgID or aws:PrincipalAccount. The policy then applies "
        "to every caller of the VPC: first find out who they are.",
        commands=(_show_endpoints(fault, _POLICY),),
    )


def _look_who_uses_it(fault: Fault) -> Fix:
    return Fix(
        summary="Find out who uses the endpoint's own name, for example from its flow logs. If hosts should reach the "
        "endpoint by the service's name, turn on private DNS. If nobody uses the endpoint, delete it: it then costs "
        "nothing any more.",
        commands=(_show_endpoints(fault, "VpcEndpoints[].[VpcEndpointId,PrivateDnsEnabled,SubnetIds]"),),
    )


def _allow_calls(fault: Fault) -> Fix:
    if not fault.actions and fault.first:
        return Fix(summary="", commands=(_show_endpoints(fault, _POLICY),))  # the sentences of the fault say everything
    where, calls = listed(fault.all("<VPC_ENDPOINT_ID>")), listed(fault.actions) if fault.actions else "the calls"
    if fault.statement is not None:
        summary = (
            f"Edit {fault.statement} in the policy of {where}, so that its Deny no longer matches {calls} by "
            f"{fault.caller}, and make sure that an Allow matches."
        )
    else:
        summary = (
            f"Add to the policy of {where} a statement with Effect Allow, Action {calls}, Resource * and "
            f"{fault.caller} as Principal. No Deny may match these calls. Keep the other statements."
        )
    return Fix(
        summary=f"{summary} Changes take some minutes.",
        commands=(_show_endpoints(fault, _POLICY),),
    )


def _cover_zone(fault: Fault) -> Fix:
    if fault.is_offered is False:
        return Fix(
            summary="Nothing to fix: no endpoint can have an interface in this zone. An instance in a zone of the "
            "endpoint does not depend on other zones.",
        )
    in_zone = "a subnet in this zone" if len(fault.subnets) < 2 else "a subnet in each zone"
    where = "" if fault.is_offered else ", if the service is offered there"
    zones = read_only(
        *("aws", "ec2", "describe-vpc-endpoint-services", "--region", fault.target.region),
        *("--service-names", fault.target.service_name or "<SERVICE_NAME>"),
        *("--query", "ServiceDetails[].AvailabilityZones"),
        scope=CommandScope.ENDPOINT,
    )
    more = [Attached(fault.one("<VPC_ENDPOINT_ID>"), subnets=fault.subnets)] if fault.subnets else []
    return Fix(
        summary=f"Nothing to fix if that is intended. Otherwise give the endpoint {in_zone}{where}.",
        commands=(*([] if fault.is_offered else [zones]), *written(fault.target.region, *more)),
    )


def _narrow_group(fault: Fault) -> Fix:
    return Fix(
        summary="Nothing to fix if that is intended: packets reach an endpoint only from the VPC and from networks "
        "that are connected to it. Otherwise give the endpoint a group of its own that admits the blocks of its "
        "callers on its ports, then remove this group from the endpoint.",
        commands=show_ids(fault.target.region, fault.ids or ("<ENDPOINT_SECURITY_GROUP_ID>",)),
    )


# --- Packets ---------------------------------------------------------------------------------------------------------


def _admit(fault: Fault) -> Fix:
    sentences, every = [], fault.openings or _default_admissions(fault)
    for whom, openings in _by_whom(every):
        groups = listed(dict.fromkeys(opening.at for opening in openings))
        otherwise = "Otherwise allow" if fault.first and openings[0].peer == APPLIANCE else "Allow"
        sentences.append(f"{otherwise} {_ports(openings)} in {groups} from {whom}.")
    return Fix(
        summary=" ".join(sentences),
        commands=written(fault.target.region, *map(_admission, every)),
    )


def _default_admissions(fault: Fault) -> tuple[Opening, ...]:
    """Openings for the hosts or, on the ports of a gateway, for its appliance, if no addresses are known."""
    is_of_appliance = SERVICES[fault.target.service].has_appliance and any(port != HTTPS for port in fault.ports)
    peer, whom = (APPLIANCE, f"the appliance's subnet ({APPLIANCE})") if is_of_appliance else (HOSTS, _SUBNETS)
    group = fault.one("<ENDPOINT_SECURITY_GROUP_ID>")
    return tuple(Opening(at=group, peer=peer, ports=span, whom=whom) for span in ranges(fault.ports))


def _let_out(fault: Fault) -> Fix:
    every = fault.openings or _default_ways_out(fault)
    own = [opening for opening in every if opening.at != APPLIANCE_GROUP]
    appliance = [opening for opening in every if opening.at == APPLIANCE_GROUP]
    sentences = []
    if own:
        groups = listed(dict.fromkeys(opening.at for opening in own))
        sentences.append(
            f"In {groups}, let {_ports(own)} out to the endpoint; this applies to every host with the group."
        )
    if appliance:
        sentences.append(
            f"In the gateway appliance's own group, let {_ports(appliance)} out to the endpoint, unless the group does "
            "so already."
        )
    return Fix(
        summary=" ".join(sentences),
        commands=written(fault.target.region, *map(_admission, every)),
    )


def _default_ways_out(fault: Fault) -> tuple[Opening, ...]:
    """Openings to the endpoint's group, or to the prefix list of a gateway endpoint."""
    is_listed = SERVICES[fault.target.service].has_gateway_endpoint
    peer = fault.one("<PREFIX_LIST_ID>") if is_listed else "<ENDPOINT_SECURITY_GROUP_ID>"
    group = fault.one("<INSTANCE_SECURITY_GROUP_ID>")
    return tuple(Opening(at=group, peer=peer, ports=span, egress=True) for span in ranges(fault.ports))


def _pass_acl(fault: Fault) -> Fix:
    if not fault.openings and not fault.ids and fault.notes:
        return Fix(summary="")  # the fault is at the appliance's subnet, as those sentences say
    acls = dict.fromkeys(opening.at for opening in fault.openings) or fault.all("<NETWORK_ACL_ID>")
    entries = [
        Entry(
            acl=opening.at,
            number=opening.number,
            block=opening.peer,
            ports=opening.ports,
            egress=opening.egress,
            version=opening.version,
        )
        for opening in fault.openings
    ]
    is_listed = not entries and SERVICES[fault.target.service].has_gateway_endpoint
    what = "" if entries else f" for {listed(fault.ports)}, and for answers on ports {EPHEMERAL[0]} to {EPHEMERAL[1]},"
    return Fix(
        summary=f"Add the missing entries{what} to {listed(acls)}, before the entry that denies. Entries of an ACL "
        "apply to the whole subnet; the security groups at both ends can be narrower."
        + (f" {blocks_alone(fault.target)}" if is_listed else ""),
        commands=(
            *((show_prefix_list(fault.target),) if is_listed else ()),
            *(written(fault.target.region, *entries) or show_ids(fault.target.region, acls)),
        ),
    )


def _fix_route(fault: Fault) -> Fix:
    tables = [id_ for id_ in fault.ids if id_.startswith(("rtb-", "tgw-rtb-"))]
    attachments = [id_ for id_ in fault.ids if id_.startswith("tgw-attach-")]
    whom = "VPC that is associated with its table"
    if not tables or not all(table.startswith("tgw-") for table in tables):
        whom = "host of its subnets"
    named = listed(tables) if tables else "the route table"
    if fault.is_doubtful:
        summary = f"See what the route in {named} goes through, and whether that passes these ports on."
    elif attachments and not tables:
        summary = f"See the state, the zones and the options of {listed(attachments)}, and change what is missing."
    else:
        summary = (
            f"Give {named} a route to the other end, or fix the route that is used now. A route applies to every "
            f"{whom}. Where the route should point is not known here."
        )
    return Fix(summary=summary, commands=tuple(show_routes(fault.target.region, (*tables, *attachments) or ("",))))


def _carry_by_gateway(fault: Fault) -> Fix:
    """The fix of VPC019. If the policy denies calls, it changes the policy. Otherwise it adds the route."""
    if fault.actions:
        return _allow_calls(fault)
    table = fault.one("<ROUTE_TABLE_ID>")
    return Fix(
        summary=f"Add {table} to the route tables of the gateway endpoint. All subnets that use the table then reach "
        f"{fault.target.service} through it: first make sure that the endpoint's policy allows the buckets that they "
        "use, and that the groups of their hosts let 443 out to its prefix list. Open connections to "
        f"{fault.target.service} break at that moment.",
        commands=written(fault.target.region, Attached(fault.one("<VPC_ENDPOINT_ID>"), tables=(table,))),
    )


def _admission(opening: Opening) -> Admission:
    return Admission(opening.at, opening.ports, opening.peer, opening.egress, opening.version)


def _by_whom(openings: Iterable[Opening]) -> Iterator[tuple[str, list[Opening]]]:
    """Openings that are grouped by the words for their other end."""
    found: dict[str, list[Opening]] = {}
    for opening in openings:
        found.setdefault(opening.whom, []).append(opening)
    yield from found.items()


def _ports(openings: Iterable[Opening]) -> str:
    spans = sorted({opening.ports for opening in openings})
    return listed(dict.fromkeys(port for low, high in spans for port in range(low, high + 1)))


# --- Names -----------------------------------------------------------------------------------------------------------


def _repair_record(fault: Fault) -> Fix:
    zone = fault.one("<HOSTED_ZONE_ID>")
    is_known = zone in fault.ids
    where = (
        f"Make the record in the private hosted zone {zone}"
        if is_known
        else "Find where the record is (in your own name server or in a private hosted zone), and make it"
    )
    to = (
        "an alias to the endpoint's own DNS name, which follows its addresses"
        if fault.has_endpoint
        else "an alias to an endpoint, which this VPC needs first"
    )
    return Fix(
        summary=f"{where} {to}. Addresses that are written by hand outlive the endpoint they were taken from.",
        commands=(
            read_only("resolvectl", "query", fault.target.host or "<HOST>"),
            *([_show_records(zone)] if is_known else []),
            describe_endpoint(fault.target),
        ),
    )


def _show_records(zone: str) -> Command:
    return read_only(*("aws", "route53", "list-resource-record-sets", "--hosted-zone-id", zone), scope=CommandScope.VPC)


def _forward_to_vpc(fault: Fault) -> Fix:
    region = fault.target.region
    servers = listed(fault.servers) if fault.servers else "the name servers of the DHCP options"
    present = fault.one("<DHCP_OPTIONS_ID>")
    inbound = read_only(
        *("aws", "route53resolver", "list-resolver-endpoints", "--region", region),
        *("--filters", "Name=Direction,Values=INBOUND", "Name=HostVPCId,Values=<VPC_ID>"),
        scope=CommandScope.VPC,
    )
    return Fix(
        summary=f"(a) Make {servers} forward {fault.host} to the VPC: from inside it to 169.254.169.253, from "
        "elsewhere to a Route 53 Resolver inbound endpoint. (b) If the VPC's resolver knows all names that hosts look "
        "up, give the VPC a set of DHCP options with AmazonProvidedDNS: every host of the VPC asks the VPC's resolver "
        "once its lease is renewed. Copy the other options from the present set.",
        commands=(
            *show_ids(region, (present,)),
            *alternative("a", inbound),
            *alternative("b", *written(region, NewDhcpOptions(), DhcpOptionsForVpc(fault.one("<VPC_ID>"), present))),
        ),
    )


def _answer_here(fault: Fault) -> Fix:
    show = show_ids(fault.target.region, fault.all("<RESOLVER_RULE_ID>")[:1])
    if fault.is_exact:
        return Fix(
            summary=f"Have the owner of the rule stop forwarding {fault.host}, or forward it to servers that send it "
            "on to an inbound endpoint of this VPC. A second rule for the same name cannot exist.",
            commands=show,
        )
    servers = f" ({listed(fault.servers)})" if fault.servers else ""
    return Fix(
        summary=f"Let the VPC answer {fault.host} itself, by a rule of type SYSTEM for this name: it is more specific, "
        f"and leaves the other names of the present rule as they are. Or fix the servers{servers}.",
        commands=(*show, *_system_rule(fault)),
    )


def _system_rule(fault: Fault) -> tuple[Command, ...]:
    return written(fault.target.region, NewSystemRule(fault.target, fault.target.host or "<HOST>"), RuleForVpc())


def _give_record(fault: Fault) -> Fix:
    return Fix(
        summary=f"Give {fault.host} a record in the zone: an alias to the endpoint's own DNS name. "
        + (
            "While a zone of exactly this name exists, private DNS for it is refused; if nobody needs the zone, its "
            "owner can delete it."
            if fault.is_exact
            else "Or leave the zone as it is and turn on private DNS of the endpoint, which is more specific."
        ),
        commands=(_show_records(fault.one("<HOSTED_ZONE_ID>")), describe_endpoint(fault.target)),
    )


def _allow_name(fault: Fault) -> Fix:
    return Fix(
        summary=f"Have the owner of the group allow {fault.host}: by an ALLOW rule for a list that contains it, with a "
        "lower priority number than the rule that blocks, or by removing the name from the blocked list.",
        commands=_show_firewall(fault),
    )


def _show_firewall(fault: Fault) -> tuple[Command, ...]:
    groups, lists = fault.all("<FIREWALL_RULE_GROUP_ID>"), fault.all("<FIREWALL_DOMAIN_LIST_ID>")
    return show_ids(fault.target.region, (groups[0], lists[0]))


def _answer_before_profile(fault: Fault) -> Fix:
    service = fault.target.service
    own = [] if fault.own_endpoint is None else [PrivateDnsOn(fault.own_endpoint)]
    comes_first = (
        f"For this VPC alone: let the group of its endpoint for {service} allow 443 from every caller of the VPC, then "
        "turn on private DNS of the endpoint, which comes before "
        if own
        else f"For this VPC alone: private DNS of an endpoint of its own for {service} comes before "
    )
    more = written(fault.target.region, *own)
    match fault.brought:
        case Brought.RULE:
            more = _system_rule(fault)
            summary = (
                f"Let the VPC answer {fault.host} itself, by a rule of type SYSTEM for this name: a rule of the VPC "
                "comes before a rule of the Profile. Or have the owner of the Profile remove the rule, for all VPCs."
            )
        case Brought.ZONE:
            summary = (
                f"Have the owner of the Profile give {fault.host} a record in the zone, an alias to the endpoint's own "
                "DNS name, or remove the zone from the Profile, for all VPCs. "
                f"{comes_first}{'the zone' if fault.is_exact else 'the wider zone'}."
            )
        case Brought.FIREWALL:
            more = _show_firewall(fault)
            summary = f"In a group that the Profile brings: {_allow_name(fault).summary}"
        case Brought.ENDPOINT:
            summary = (
                f"{comes_first}the Profile's endpoint. Or make the path to that endpoint work: it needs a route from "
                "here and a group that allows these hosts. Or have the owner of the Profile remove the endpoint, for "
                "all VPCs."
            )
        case _:
            more = ()
            summary = f"See whose the Route 53 Profile is and what it brings. {comes_first}its zones."
    return Fix(summary=summary, commands=(*show_profile(fault.target, fault.one("<PROFILE_ID>")), *more))


FIXES: Final[Mapping[str, Row]] = {
    "VPC001": _create_endpoint,
    "VPC002": _turn_on_private_dns,
    "VPC003": _turn_on_attributes,
    "VPC004": _look_at_state,
    "VPC005": _admit,
    "VPC006": _pass_acl,
    "VPC007": _fix_route,
    "VPC008": _allow_calls,
    "VPC009": _cover_zone,
    "VPC010": _repair_record,
    "VPC011": _forward_to_vpc,
    "VPC012": _let_out,
    "VPC015": _answer_here,
    "VPC016": _give_record,
    "VPC017": _allow_name,
    "VPC018": _answer_before_profile,
    "VPC019": _carry_by_gateway,
    "VPC020": _narrow_group,
    "VPC021": _narrow_policy,
    "VPC022": _look_who_uses_it,
}
OF_RUNS: Final = frozenset({"VPC013", "VPC014"})
"""Findings about a run's own reads: it could not read something, or what it read differs from what it measured. Only
runs report them. Their fixes depend on the read, so the rules build these fixes."""
