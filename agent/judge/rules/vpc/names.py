"""VPC, names: what in the configuration makes a name resolve as it does.

Each rule joins two things: a fault of a name that another rule finds in what was measured, and the part of the
configuration that brings it about. Neither is enough alone. Where AWS's documentation leaves open which of two settings
wins, the rule speaks only where the measurement decides.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.services import BACKUP_GATEWAY
from agent.catalog.vpce import read_name
from agent.catalog.wording import listed
from agent.judge.evidence import AT_ADDRESSES, Evidence
from agent.judge.rules.names import (
    answer_outside_vpc,
    answer_redirected,
    empty_answer,
    name_does_not_exist,
    public_answer,
)
from agent.judge.rules.resolvers import resolver_servfail, resolver_silent, resolvers_disagree
from agent.judge.rules.rule import (
    Found,
    Rule,
    addresses_in,
    describe_endpoint,
    ids,
    known_id,
    private_in,
    read_only,
    resting_on,
    says,
    servers_of,
    switch_on,
)
from agent.report.model import Command, CommandScope, Fix
from probes.addresses import ordered
from probes.facts import DnsFacts
from probes.model import Address, Addressing, FailureKind, Observation, Step, Target
from probes.vpc.model import (
    AMAZON_DNS,
    AVAILABLE,
    DHCP_OPTIONS,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    PRIVATE_ZONES,
    RESOLVER_RULES,
    SUBNETS,
    VPC,
    VPC_DNS,
    FirewallRule,
    PrivateZone,
    ResolverRule,
    VpcEndpoint,
)

EC2: Final = "EC2"
ROUTE_53: Final = "Route 53"
RESOLVER: Final = "Route 53 Resolver"
_GONE: Final = "deleted"
"""The state of an endpoint that is listed for a while after its end; one that was rejected or has failed is there."""
_OF_SDK: Final = frozenset({Addressing.DEFAULT, Addressing.DUALSTACK, Addressing.FIPS, Addressing.FIPS_DUALSTACK})
"""The names that an SDK builds, of which private DNS may cover some."""
_NOT_YET: Final = "pending"
"""The state of an endpoint that is being made, or changed."""
_AUTODEFINED: Final = "rslvr-autodefined"
"""How the ids of the rules begin that Resolver itself gives a VPC (Route 53 Developer Guide, Using rules to specify how
to handle DNS queries)."""
_ADDRESS_TYPES: Final = frozenset({"A", "AAAA"})
_OUTSIDE: Final = "private DNS ends at its own VPC, and neither peering nor a transit gateway carries it"
_FIRST_ADMIT: Final = (
    "first let the endpoint's security group admit 443 from every caller of the VPC, since all use it from then on"
)


# --- The endpoint and the VPC's attributes ---------------------------------------------------------------------------


def endpoint_missing(evidence: Evidence) -> Iterator[Found]:
    """VPC001: the name is public, and the VPC, this account's own, has no endpoint of the service."""
    if evidence.vpc_id is None or evidence.is_vpc_shared is not False:
        return  # of a shared VPC its owner alone sees the endpoints
    for target, seen in _measured(evidence, public_answer):
        everywhere = [each for each in evidence.endpoints(target) or () if each.state != _GONE]
        if (
            evidence.endpoints(target) is None
            or any(each.vpc_id == evidence.vpc_id for each in everywhere)
            or target.service_name is None
            or not _is_of_this_vpc(evidence, target)
            or private_zone_for(evidence, target.host, exact=True) is not None
        ):
            continue
        elsewhere = ""
        if everywhere:
            each = everywhere[0]
            elsewhere = f" One is in another VPC ({each.endpoint_id} in {each.vpc_id}), and {_OUTSIDE}."
        yield resting_on(
            evidence,
            Found(
                code="VPC001",
                target=target.id,
                detail=f"{target.host} resolves to {listed(ordered(seen.addresses))}, outside the private "
                f"path. {says(evidence, EC2, ENDPOINTS, VPC)} that {evidence.vpc_id} has no interface endpoint of "
                f"{target.service}.{elsewhere}",
                evidence=seen.evidence,
                addresses=seen.addresses,
                fix=_share_endpoint(evidence, target, everywhere[0])
                if everywhere
                else _make_endpoint(evidence, target),
            ),
            *(ENDPOINTS, VPC, SUBNETS),
        )


def _make_endpoint(evidence: Evidence, target: Target) -> Fix:
    if target.service == BACKUP_GATEWAY.name:
        return Fix(
            summary="Create the endpoint in this VPC, with a group that admits the gateway's ports from the subnets of "
            "the appliances. Its private DNS is left off here: with it, appliances that use public names can lose "
            f"them. {_by_own_name(target)}",
            commands=(_create_endpoint(evidence, target, "--no-private-dns-enabled"),),
        )
    uncovered = (
        ""
        if target.addressing is Addressing.DEFAULT
        else f" Whether its private DNS covers {target.host} is not known before: DnsEntries of the endpoint tell it. "
        f"{_by_own_name(target)}"
    )
    attributes = _attributes_on(evidence, target)
    return Fix(
        summary=("Turn on the VPC's DNS attributes first: without both, private DNS is refused. " if attributes else "")
        + "Create the endpoint in this VPC, with private DNS and a security group that admits 443 from every caller of "
        f"the VPC, since all use it from then on.{uncovered}",
        commands=(*attributes, _create_endpoint(evidence, target, "--private-dns-enabled")),
    )


def _share_endpoint(evidence: Evidence, target: Target, other: VpcEndpoint) -> Fix:
    make = _make_endpoint(evidence, target)
    return Fix(
        summary=f"Share the endpoint of {other.vpc_id}, to which a way must lead and whose group must admit this host. "
        f"{_by_own_name(target)} For every host of this VPC: a private hosted zone with an alias to the endpoint, or "
        f"a Route 53 Profile that carries it. Or have one here. {make.summary}",
        commands=(_try_own_name(target, other), *make.commands),
    )


def _create_endpoint(evidence: Evidence, target: Target, private_dns: str) -> Command:
    return Command(
        argv=(
            *("aws", "ec2", "create-vpc-endpoint", "--region", target.region, "--vpc-id", "<VPC_ID>"),
            *("--vpc-endpoint-type", "Interface", "--service-name", target.service_name or "<SERVICE_NAME>"),
            *("--subnet-ids", *_subnet_in_each_zone(evidence, target)),
            *("--security-group-ids", "<ENDPOINT_SECURITY_GROUP_ID>", private_dns),
        ),
        scope=CommandScope.VPC,
        reversible=True,
        undo="delete the endpoint that it made: aws ec2 delete-vpc-endpoints with its id",
    )


def _subnet_in_each_zone(evidence: Evidence, target: Target) -> tuple[str, ...]:
    """One subnet of this VPC for each availability zone, as an endpoint takes them, this host's own first.

    Local and Wavelength Zones, whose names are longer, are left out: services are offered in the Region's zones.
    """
    imds = evidence.imds
    own = None if imds is None else imds.subnet_id
    of_vpc = [each for each in evidence.configuration.subnets or () if each.vpc_id == evidence.vpc_id]
    fitting = [
        each
        for each in of_vpc
        if _is_zone_of(target.region, each.availability_zone) and any(block.version == 4 for block in each.cidrs)
    ]
    chosen: dict[str | None, str] = {}
    for each in sorted(fitting, key=lambda each: (each.subnet_id != own, each.availability_zone or "", each.subnet_id)):
        chosen.setdefault(each.availability_zone, each.subnet_id)
    if chosen:
        return tuple(dict.fromkeys(known_id(each, "<ENDPOINT_SUBNET_ID>") for each in chosen.values()))
    may_be_own = not of_vpc and imds is not None and _is_zone_of(target.region, imds.availability_zone)
    return ("<SUBNET_ID>" if may_be_own else "<ENDPOINT_SUBNET_ID>",)


def _is_zone_of(region: str, availability_zone: str | None) -> bool:
    """Whether a name is that of one of the Region's own zones: the Region and one letter (EC2 User Guide, Availability
    Zones)."""
    return availability_zone is not None and availability_zone[:-1] == region and availability_zone[-1:].isalpha()


def private_dns_off(evidence: Evidence) -> Iterator[Found]:
    """VPC002: the name is public, and the service's endpoint in this VPC has private DNS off."""
    for target, seen in _measured(evidence, public_answer):
        there = _endpoints_here(evidence, target)
        off = [each for each in there if each.state in (AVAILABLE, _NOT_YET)]
        if (
            not off
            or any(each.private_dns for each in there)
            or target.addressing is not Addressing.DEFAULT  # which other names private DNS would cover is not known
            or private_zone_for(evidence, target.host, exact=True) is not None  # it answers, and private DNS is refused
        ):
            continue
        names = listed(each.endpoint_id for each in off)
        yield resting_on(
            evidence,
            Found(
                code="VPC002",
                target=target.id,
                detail=f"{target.host} resolves to {listed(ordered(seen.addresses))}, outside the private "
                f"path. {says(evidence, EC2, ENDPOINTS)} that private DNS of {names}, the endpoint of {target.service} "
                f"in this VPC, is off.",
                evidence=seen.evidence,
                addresses=seen.addresses,
                fix=_turn_on_private_dns(evidence, target, off),
            ),
            *(ENDPOINTS, VPC_DNS),
        )


def _turn_on_private_dns(evidence: Evidence, target: Target, off: list[VpcEndpoint]) -> Fix:
    looks = (describe_endpoint(target), _try_own_name(target, off[0]))
    if target.service == BACKUP_GATEWAY.name:
        return Fix(
            summary=f"{_by_own_name(target)} Off is right where appliances of this VPC use public names, which they "
            "can lose with it; on is right for programs without that variable. Decide first which of the two this VPC "
            "holds (DNS014).",
            commands=looks,
        )
    attributes = _attributes_on(evidence, target)
    is_there = any(each.state == AVAILABLE for each in off)
    return Fix(
        summary=("" if is_there else "Wait until the endpoint is available. ")
        + f"{_by_own_name(target)} For every host of the VPC: {_FIRST_ADMIT}; "
        + ("turn on both DNS attributes of the VPC, without which it is refused; " if attributes else "")
        + "then turn on private DNS.",
        commands=(
            *looks,
            *attributes,
            switch_on(
                *(target, "modify-vpc-endpoint", "--vpc-endpoint-id"),
                known_id(off[0].endpoint_id if len(off) == 1 else None, "<VPC_ENDPOINT_ID>"),
                "--private-dns-enabled",
            ),
        ),
    )


def vpc_dns_attributes_off(evidence: Evidence) -> Iterator[Found]:
    """VPC003: a DNS attribute of the VPC is off, and the name of its endpoint is public, or its resolver silent."""
    dns = evidence.configuration.dns
    if dns is None or (dns.support and dns.hostnames):
        return
    names = [name for name, on in (("enableDnsSupport", dns.support), ("enableDnsHostnames", dns.hostnames)) if not on]
    off = f"{says(evidence, EC2, VPC_DNS)} that {listed(names)} of {evidence.vpc_id or 'this VPC'} "
    off += "is false" if len(names) == 1 else "are false"
    owners = " They are for the VPC's owner to change." if evidence.is_vpc_shared else ""
    for target, seen in _measured(evidence, public_answer):
        there = [each for each in _endpoints_here(evidence, target) if each.state == AVAILABLE]
        covered = any(target.host in each.dns_names for each in there)
        if not there or not (covered or target.addressing is Addressing.DEFAULT):
            continue
        on = [each.endpoint_id for each in there if each.private_dns]
        beside = (
            f", without which private DNS of {listed(on)}, though on, is not in effect"
            if on
            else f", and private DNS of {listed(each.endpoint_id for each in there)} cannot be turned on without"
        )
        yield resting_on(
            evidence,
            Found(
                code="VPC003",
                target=target.id,
                detail=f"{target.host} resolves to {listed(ordered(seen.addresses))}, outside the private "
                f"path. {off}{beside}.",
                evidence=seen.evidence,
                addresses=seen.addresses,
                fix=Fix(
                    summary=f"For every host of the VPC: {_FIRST_ADMIT}; then set {listed(names)} to true.{owners}",
                    commands=_attributes_on(evidence, target),
                ),
            ),
            *(VPC_DNS, ENDPOINTS),
        )
    if dns.support:
        return
    for silent in resolver_silent(evidence):
        for target in evidence.targets:
            asked = _timed_out(evidence, target)
            if not asked:
                continue
            yield resting_on(
                evidence,
                Found(
                    code="VPC003",
                    target=target.id,
                    detail=f"The VPC's resolver ({servers_of(asked)}) answers nothing, and {off}: the VPC has no "
                    "resolver.",
                    evidence=silent.evidence,
                    fix=Fix(
                        summary=f"Set {listed(names)} to true.{owners} The AWS CLI finds no host from here: run it "
                        "from a machine with EC2 access.",
                        commands=_attributes_on(evidence, target),
                    ),
                ),
                *(VPC_DNS,),
            )


def _attributes_on(evidence: Evidence, target: Target) -> tuple[Command, ...]:
    """Turn on what is known to be off; one attribute a call, and DNS support first, which the other needs."""
    dns = evidence.configuration.dns
    return tuple(
        switch_on(target, "modify-vpc-attribute", "--vpc-id", "<VPC_ID>", switch)
        for switch, on in (
            ("--enable-dns-support", dns is None or dns.support),
            ("--enable-dns-hostnames", dns is None or dns.hostnames),
        )
        if not on
    )


# --- Answers that are not the endpoint's -----------------------------------------------------------------------------


def stale_answer(evidence: Evidence) -> Iterator[Found]:
    """VPC010: a name server gives addresses in this VPC that no interface of an endpoint has, and nothing of AWS
    answers there.

    Addresses outside the VPC may be a central endpoint's, which cannot be seen from here. Inside, the owner of the VPC
    sees every interface endpoint: who shares its subnets cannot make any (Amazon VPC User Guide, Share your VPC subnets
    with other accounts).
    """
    interfaces = evidence.configuration.endpoint_interfaces
    vpc = evidence.configuration.vpc
    if interfaces is None or evidence.vpc_id is None or evidence.is_vpc_shared is not False:
        return
    blocks = (*(evidence.imds.vpc_cidrs if evidence.imds is not None else ()), *(vpc.cidrs if vpc is not None else ()))
    read = {each.interface_id for each in interfaces}
    redirected = {each.target: each.addresses for each in answer_redirected(evidence)}
    for target in evidence.targets:
        there = _endpoints_here(evidence, target)
        if (
            evidence.endpoints(target) is None
            or not _is_of_this_vpc(evidence, target)
            or any(not read.issuperset(each.interface_ids) for each in there)
        ):
            continue
        by = evidence.addresses(target)
        strange = [
            address
            for address in evidence.own_addresses(target)
            if any(address in block for block in blocks if block.version == address.version)
            and evidence.interface_at(address) is None
            and by[address]  # what no name server gave is the hosts file's, or a cache's
            and address not in redirected.get(target.id, ())
            and not evidence.answered_by_aws(target, address)
        ]
        failed = [
            each
            for each in evidence.observations
            if each.subject.step in AT_ADDRESSES
            and each.subject.target == target.id
            and each.subject.address in strange
            and each.made
            and not each.ok
        ]
        stale = [address for address in strange if any(each.subject.address == address for each in failed)]
        lookup = evidence.own_lookup(target)
        if not stale or lookup is None:
            continue
        gave = [
            each for each in evidence.answers(target, _resolvers(by, stale)) if set(stale) & set(addresses_in(each))
        ]
        has = [
            f"{each.endpoint_id} has {listed(_addresses_of(evidence, each)) if each.interface_ids else 'no interface'}"
            for each in there
        ]
        yield resting_on(
            evidence,
            Found(
                code="VPC010",
                target=target.id,
                detail=f"{target.host} resolves to {listed(stale)}, where nothing of AWS answers. "
                f"{says(evidence, EC2, ENDPOINTS, ENDPOINT_INTERFACES)} that no interface of an endpoint has "
                f"{'it' if len(stale) == 1 else 'them'}: "
                f"{'; '.join(has) if has else f'this VPC has no endpoint of {target.service}'}. The record is an "
                "old one, or leads to something of your own, such as a load balancer, that does not answer.",
                evidence=ids([lookup, *gave, *(each for each in failed if each.subject.address in stale)]),
                addresses=frozenset(stale),
                fix=_mend_record(evidence, target, bool(there)),
            ),
            *(ENDPOINTS, ENDPOINT_INTERFACES, VPC),
        )


def _resolvers(by: dict[Address, tuple[Address, ...]], addresses: Iterable[Address]) -> set[Address]:
    return {resolver for address in addresses for resolver in by[address]}


def _addresses_of(evidence: Evidence, endpoint: VpcEndpoint) -> tuple[Address, ...]:
    return tuple(
        address
        for each in evidence.configuration.endpoint_interfaces or ()
        if each.interface_id in endpoint.interface_ids
        for address in each.addresses
    )


def _mend_record(evidence: Evidence, target: Target, is_there: bool) -> Fix:
    zone = private_zone_for(evidence, target.host)
    if zone is None:
        where = "Find who holds the record, a name server of your own or a private hosted zone, and make it"
    else:
        where = f"Make the record in the private hosted zone {zone.name} ({zone.zone_id})"
    to = "an alias to the endpoint's own DNS name, which follows its addresses" if is_there else "one of an endpoint"
    return Fix(
        summary=f"{where} {to}"
        + ("" if is_there else ", which this VPC needs first")
        + ". Addresses that are written by hand outlive the endpoint they were taken from.",
        commands=(
            read_only("resolvectl", "query", target.host),
            *([] if zone is None else [_records(zone)]),
            describe_endpoint(target),
        ),
    )


def private_zone_shadows(evidence: Evidence) -> Iterator[Found]:
    """VPC016: a private hosted zone of the VPC, of the name or of one above it, answers at the VPC's resolver: that
    there is no such name, that it has no address, or with addresses that are no endpoint's of this VPC.

    A zone that leads out of the VPC alone may be right: a central endpoint has its alias there.
    """
    for kind, check, what in (
        (FailureKind.NXDOMAIN, name_does_not_exist, "does not exist for this host"),
        (FailureKind.NODATA, empty_answer, "has no address for this host"),
    ):
        for target, seen in _measured(evidence, check):
            denials = _denials(evidence, target, kind)
            zone = private_zone_for(evidence, target.host)
            if zone is None or not denials:
                continue
            named = _zones_named(denials)
            if zone.name not in named and (named or _is_answered_elsewhere(evidence, target, zone, denials)):
                continue
            yield _shadowed(
                *(evidence, target, zone, seen.addresses, (*seen.evidence, *ids(denials))),
                f"{target.host} {what}. {_has_zone(evidence, zone)}, which answers for the name and "
                + ("has no record of it" if kind is FailureKind.NXDOMAIN else "has no address at it")
                + ("; the SOA record of the answer names that zone." if zone.name in named else "."),
            )
    stale = list(stale_answer(evidence))
    outside = list(answer_outside_vpc(evidence))
    for target in evidence.targets:
        if all(each.target != target.id for each in stale):
            continue
        found = [each for each in (*stale, *outside) if each.target == target.id]
        addresses = frozenset(address for each in found for address in each.addresses)
        answers = evidence.answers(target, evidence.vpc_resolvers)
        given = {address for each in answers for address in addresses_in(each)}
        zone = private_zone_for(evidence, target.host)
        if zone is None or not addresses <= given or _is_answered_elsewhere(evidence, target, zone):
            continue
        yield _shadowed(
            *(evidence, target, zone, addresses, (each for seen in found for each in seen.evidence)),
            f"{target.host} resolves to {listed(ordered(addresses))}. {_has_zone(evidence, zone)}, which answers for "
            "the name.",
        )


def _shadowed(
    evidence: Evidence,
    target: Target,
    zone: PrivateZone,
    addresses: frozenset[Address],
    measured: Iterable[str],
    detail: str,
) -> Found:
    return resting_on(
        evidence,
        Found(
            code="VPC016",
            target=target.id,
            detail=detail,
            evidence=tuple(dict.fromkeys(measured)),
            addresses=addresses,
            fix=Fix(
                summary=f"Give {target.host} a record in the zone: an alias to the endpoint's own DNS name. "
                + (
                    "While a zone of the very name is there, private DNS for it is refused; a zone that nobody needs "
                    "is for its owner to take away."
                    if zone.name == target.host
                    else "Or leave the zone as it is and turn on private DNS of the endpoint, which is more specific."
                ),
                commands=(_records(zone), describe_endpoint(target)),
            ),
        ),
        *(PRIVATE_ZONES, ENDPOINTS),
    )


def _has_zone(evidence: Evidence, zone: PrivateZone) -> str:
    account = None if evidence.imds is None else evidence.imds.account_id
    of = f" of account {zone.owner}" if zone.owner is not None and zone.owner != account else ""
    has = f"{says(evidence, ROUTE_53, PRIVATE_ZONES)} that this VPC has the private hosted zone"
    return f"{has} {zone.name} ({zone.zone_id}){of}"


def _is_answered_elsewhere(
    evidence: Evidence, target: Target, zone: PrivateZone, denials: Iterable[Observation[Any]] = ()
) -> bool:
    """Whether something comes before the zone, as far as it is known: the more specific zone of private DNS, a
    forwarding rule that is at least as specific, a DNS Firewall rule."""
    hidden = zone.name != target.host and any(
        each.private_dns and each.state == AVAILABLE and target.host in each.dns_names
        for each in _endpoints_here(evidence, target)
    )
    rule = resolver_rule_for(evidence, target.host)
    forwarded = rule is not None and len(rule.domain) >= len(zone.name)
    blocked = any(_blocking(evidence, target.host, each) is not None for each in denials)
    return hidden or forwarded or blocked


# --- What stands before the zones ------------------------------------------------------------------------------------


def custom_resolver(evidence: Evidence) -> Iterator[Found]:
    """VPC011: this host asks the name servers of the VPC's DHCP options, which are not Amazon's, and gets what the
    VPC's resolver would not have said."""
    options = evidence.configuration.dhcp_options
    host = evidence.host
    if options is None or host is None or AMAZON_DNS in options.name_servers:
        return
    amazon = {str(each) for each in evidence.vpc_resolvers}
    asked = {str(each) for each in (*host.resolvers, *host.upstream_resolvers)}
    own = [each for each in options.name_servers if each in asked]
    if not own or amazon.intersection(options.name_servers):
        return
    for target, seen in _measured(evidence, resolvers_disagree):
        lookup = evidence.own_lookup(target)
        there = private_in(evidence, evidence.answers(target, evidence.vpc_resolvers))
        got = listed(evidence.own_answer(target)) if evidence.own_answer(target) else "no address"
        yield resting_on(
            evidence,
            Found(
                code="VPC011",
                target=target.id,
                detail=f"This host looks {target.host} up and gets {got}; the VPC's resolver gives {listed(there)}. "
                f"{says(evidence, EC2, DHCP_OPTIONS)} that the DHCP options {options.options_id} give the VPC's hosts "
                f"the name server{'' if len(options.name_servers) == 1 else 's'} {listed(options.name_servers)} in "
                "place of Amazon's.",
                evidence=tuple(dict.fromkeys((*([] if lookup is None else [lookup.id]), *seen.evidence))),
                addresses=seen.addresses,
                fix=Fix(
                    summary=f"Make {listed(own)} forward {target.host} to the VPC: from inside it to 169.254.169.253, "
                    "from elsewhere to a Route 53 Resolver inbound endpoint. Where nothing is asked of them that the "
                    "VPC's resolver does not know, DHCP options with AmazonProvidedDNS do it for every host.",
                    commands=(
                        read_only("resolvectl", "query", target.host),
                        read_only(
                            *("aws", "ec2", "describe-dhcp-options", "--region", target.region),
                            *("--dhcp-options-ids", known_id(options.options_id, "<DHCP_OPTIONS_ID>")),
                            scope=CommandScope.VPC,
                        ),
                        read_only(
                            *("aws", "route53resolver", "list-resolver-endpoints", "--region", target.region),
                            *("--filters", "Name=Direction,Values=INBOUND", "Name=HostVPCId,Values=<VPC_ID>"),
                            scope=CommandScope.VPC,
                        ),
                    ),
                ),
            ),
            *(DHCP_OPTIONS,),
        )


def resolver_rule_forwards(evidence: Evidence) -> Iterator[Found]:
    """VPC015: a Resolver rule sends the name to other servers, and the VPC's resolver gives a public answer though the
    endpoint's private DNS is in order, or an error, or none.

    That the more specific zone of private DNS wins over a rule is likely and not documented, so it is the answer that
    tells.
    """
    dns = evidence.configuration.dns
    for target, seen in _measured(evidence, public_answer):
        rule = resolver_rule_for(evidence, target.host)
        answers = evidence.answers(target, evidence.vpc_resolvers)
        public = [each for each in answers if any(map(evidence.is_public, addresses_in(each)))]
        on = [
            each.endpoint_id
            for each in _endpoints_here(evidence, target)
            if each.private_dns and each.state == AVAILABLE and target.host in each.dns_names
        ]
        if rule is None or not public or not on or dns is None or not (dns.support and dns.hostnames):
            continue
        yield _forwarded(
            *(evidence, target, rule, seen, public),
            f"{servers_of(public)} give{'s' if len(public) == 1 else ''} {target.host} "
            f"{listed(ordered(seen.addresses))}, though private DNS of {listed(on)} is on.",
        )
    for target, seen in _measured(evidence, resolver_servfail):
        rule = resolver_rule_for(evidence, target.host)
        failed = [each for each in evidence.answers(target, evidence.vpc_resolvers) if each.id in seen.evidence]
        if rule is not None and failed:
            why = listed(sorted({each.failure.message for each in failed if each.failure is not None}))
            yield _forwarded(
                *(evidence, target, rule, seen, failed),
                f"The VPC's resolver ({servers_of(failed)}) gives no usable answer for {target.host}: {why}.",
            )
    for silent in resolver_silent(evidence):
        for target in evidence.targets:
            rule = resolver_rule_for(evidence, target.host)
            asked = _timed_out(evidence, target)
            if rule is not None and asked and (dns is None or dns.support):
                yield _forwarded(
                    *(evidence, target, rule, silent, asked),
                    f"The VPC's resolver ({servers_of(asked)}) gives no answer for {target.host}.",
                )


def _forwarded(
    evidence: Evidence,
    target: Target,
    rule: ResolverRule,
    seen: Found,
    asked: Iterable[Observation[Any]],
    measured: str,
) -> Found:
    domain = rule.domain or "."
    servers = listed(rule.targets) if rule.targets else "other servers"
    show = read_only(
        *("aws", "route53resolver", "get-resolver-rule", "--region", target.region),
        *("--resolver-rule-id", known_id(rule.rule_id, "<RESOLVER_RULE_ID>")),
        scope=CommandScope.VPC,
    )
    if rule.domain == target.host:
        fix = Fix(
            summary=f"Have the owner of the rule send {target.host} to nobody, or to servers that forward it to an "
            "inbound endpoint of this VPC; no other rule for the same name can stand beside it.",
            commands=(show,),
        )
    else:
        fix = Fix(
            summary=f"Let the VPC answer {target.host} itself: a rule of type SYSTEM for it, which is more specific "
            f"and leaves the other names of the rule as they are. Or mend the servers ({servers}).",
            commands=(show, *_system_rule(target)),
        )
    return resting_on(
        evidence,
        Found(
            code="VPC015",
            target=target.id,
            detail=f"{measured} {says(evidence, RESOLVER, RESOLVER_RULES)} that the rule {rule.rule_id} of this VPC "
            f"sends {domain} and all names below it to {servers}.",
            evidence=tuple(dict.fromkeys((*seen.evidence, *ids(asked)))),
            addresses=seen.addresses,
            fix=fix,
        ),
        *(RESOLVER_RULES,),
    )


def _system_rule(target: Target) -> tuple[Command, Command]:
    name = f"{target.service}-by-the-vpc"
    return (
        Command(
            argv=(
                *("aws", "route53resolver", "create-resolver-rule", "--region", target.region),
                *("--creator-request-id", name, "--name", name, "--rule-type", "SYSTEM", "--domain-name", target.host),
            ),
            scope=CommandScope.ACCOUNT,
            reversible=True,
            undo="delete the rule that it made: aws route53resolver delete-resolver-rule with its id",
        ),
        Command(
            argv=(
                *("aws", "route53resolver", "associate-resolver-rule", "--region", target.region),
                *("--resolver-rule-id", "<RESOLVER_RULE_ID>", "--vpc-id", "<VPC_ID>"),
            ),
            scope=CommandScope.VPC,
            reversible=True,
            undo="aws route53resolver disassociate-resolver-rule with the same ids",
        ),
    )


def resolver_rule_for(evidence: Evidence, host: str) -> ResolverRule | None:
    """The rule that forwards a name: the most specific one of those that fit, where that is a forwarding rule."""
    fitting = [each for each in evidence.configuration.resolver_rules or () if _is_at_or_below(host, each.domain)]
    # A rule that somebody made wins over one of the same domain that Resolver itself gave the VPC.
    first = max(
        fitting,
        key=lambda each: (len(each.domain), not each.rule_id.startswith(_AUTODEFINED), each.kind == "SYSTEM"),
        default=None,
    )
    return first if first is not None and first.kind == "FORWARD" else None


def dns_firewall_blocks(evidence: Evidence) -> Iterator[Found]:
    """VPC017: the first DNS Firewall rule of the VPC that fits the name blocks it, and the VPC's resolver answers as
    that rule says."""
    for kind, check, what in (
        (FailureKind.NXDOMAIN, name_does_not_exist, "does not exist for this host"),
        (FailureKind.NODATA, empty_answer, "has no address for this host"),
    ):
        for target, seen in _measured(evidence, check):
            denials = _denials(evidence, target, kind)
            zone = private_zone_for(evidence, target.host)
            rule = next(filter(None, (_blocking(evidence, target.host, each) for each in denials)), None)
            if rule is None or (zone is not None and zone.name in _zones_named(denials)):
                continue
            yield _blocked(evidence, target, rule, seen, denials, f"{target.host} {what}.")
    for target, seen in _measured(evidence, answer_redirected, at_least=Severity.INFO):
        for each in evidence.answers(target, evidence.vpc_resolvers):
            rule = _blocking(evidence, target.host, each)
            if rule is not None and each.facts is not None:
                yield _blocked(
                    *(evidence, target, rule, seen, [each]),
                    f"{target.host} leads by CNAME to {each.facts.canonical_name}.",
                )
                break


def _blocked(
    evidence: Evidence,
    target: Target,
    rule: FirewallRule,
    seen: Found,
    answers: Iterable[Observation[Any]],
    measured: str,
) -> Found:
    fits = [each for each in rule.domains or () if _is_matched(target.host, each)]
    group = known_id(rule.group_id, "<FIREWALL_RULE_GROUP_ID>")
    domains = known_id(rule.domain_list_id, "<FIREWALL_DOMAIN_LIST_ID>")
    return resting_on(
        evidence,
        Found(
            code="VPC017",
            target=target.id,
            detail=f"{measured} {says(evidence, RESOLVER, DNS_FIREWALL)} that DNS Firewall blocks {listed(fits)} in "
            f"this VPC and answers {rule.block_response}: group {rule.group_id}, domain list {rule.domain_list_id}.",
            evidence=tuple(dict.fromkeys((*seen.evidence, *ids(answers)))),
            addresses=seen.addresses,
            fix=Fix(
                summary=f"Have the owner of the group allow {target.host}: an ALLOW rule for a list that holds it, "
                "with a lower priority number than the rule that blocks, or the name out of the blocked list.",
                commands=(
                    read_only(
                        *("aws", "route53resolver", "list-firewall-rules", "--region", target.region),
                        *("--firewall-rule-group-id", group),
                        scope=CommandScope.VPC,
                    ),
                    read_only(
                        *("aws", "route53resolver", "list-firewall-domains", "--region", target.region),
                        *("--firewall-domain-list-id", domains),
                        scope=CommandScope.VPC,
                    ),
                ),
            ),
        ),
        *(DNS_FIREWALL,),
    )


def firewall_rule_for(evidence: Evidence, host: str, record: str) -> FirewallRule | None:
    """The DNS Firewall rule that decides over a question for records of that type: the first one that fits and does not
    only alert. None where there is none, or where it cannot be told."""
    for rule in evidence.configuration.firewall or ():
        if rule.action == "ALERT" or rule.query_type not in (None, record):
            continue
        if rule.domains is None:
            return None  # a list of AWS's own, whose names nobody sees
        if any(_is_matched(host, each) for each in rule.domains):
            return rule
    return None


def _blocking(evidence: Evidence, host: str, answer: Observation[Any]) -> FirewallRule | None:
    """The rule that blocks a question, where the answer to it is what the rule has for it."""
    rule = firewall_rule_for(evidence, host, answer.subject.operation or "")
    return rule if rule is not None and rule.action == "BLOCK" and _is_response(rule, answer) else None


def _is_response(rule: FirewallRule, answer: Observation[Any]) -> bool:
    match rule.block_response:
        case "NXDOMAIN" | "NODATA" as kind:
            return _is_denial(answer, FailureKind(kind.lower()))
        case "OVERRIDE":
            name = answer.facts.canonical_name if isinstance(answer.facts, DnsFacts) else None
            return name is not None and rule.override is not None and _plain(name) == _plain(rule.override)
    return False


def _is_matched(host: str, entry: str) -> bool:
    """Whether an entry of a domain list fits a name; `*` stands at the front alone, for one label or more (Route 53
    Developer Guide, DNS Firewall domain lists)."""
    if entry.startswith("*"):
        return host.endswith(entry[1:]) and host != entry[1:]
    return host == entry


# --- Inside ----------------------------------------------------------------------------------------------------------


def _measured(
    evidence: Evidence, check: Callable[[Evidence], Iterable[Found]], *, at_least: Severity = Severity.WARNING
) -> Iterator[tuple[Target, Found]]:
    """The targets of which a rule over what was measured finds a fault, each with what that says."""
    found = {each.target: each for each in check(evidence)}
    for target in evidence.targets:
        seen = found.get(target.id)
        if seen is not None and (seen.severity or Severity.CRITICAL).rank <= at_least.rank:
            yield target, seen


def _is_of_this_vpc(evidence: Evidence, target: Target) -> bool:
    """Whether the target is a name that an SDK builds for the Region that this VPC is in."""
    region = None if evidence.imds is None else evidence.imds.region
    return target.addressing in _OF_SDK and target.region == region


def _endpoints_here(evidence: Evidence, target: Target) -> tuple[VpcEndpoint, ...]:
    """The endpoints of the target's service in this VPC that are not gone; none where that says nothing of the name."""
    if evidence.vpc_id is None or not _is_of_this_vpc(evidence, target):
        return ()
    listed_here = evidence.endpoints(target, vpc_id=evidence.vpc_id) or ()
    return tuple(each for each in listed_here if each.state != _GONE)


def private_zone_for(evidence: Evidence, host: str, *, exact: bool = False) -> PrivateZone | None:
    """The private hosted zone, made by somebody and not by AWS, that a name falls into; the most specific one."""
    fitting = [
        each
        for each in evidence.configuration.zones or ()
        if not each.of_service and (each.name == host if exact else _is_at_or_below(host, each.name))
    ]
    return max(fitting, key=lambda each: len(each.name), default=None)


def _is_at_or_below(host: str, domain: str) -> bool:
    return domain in ("", host) or host.endswith(f".{domain}")


def _denials(evidence: Evidence, target: Target, kind: FailureKind) -> list[Observation[Any]]:
    """The answers of the VPC's resolver, for addresses, that say that there is no such name, or no address."""
    asked = evidence.answers(target, evidence.vpc_resolvers)
    return [each for each in asked if each.subject.operation in _ADDRESS_TYPES and _is_denial(each, kind)]


def _is_denial(answer: Observation[Any], kind: FailureKind) -> bool:
    if kind is FailureKind.NODATA and answer.ok:
        return not addresses_in(answer)  # nothing went wrong in asking
    return answer.failure is not None and answer.failure.kind is kind


def _zones_named(denials: Iterable[Observation[Any]]) -> frozenset[str]:
    """The zones that the SOA records of negative answers name."""
    facts = (each.facts for each in denials)
    return frozenset(_plain(each.authority) for each in facts if isinstance(each, DnsFacts) and each.authority)


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def _timed_out(evidence: Evidence, target: Target) -> list[Observation[Any]]:
    """The questions to those of this host's name servers that are the VPC's resolver, to which nobody answered; none
    where this host looks the name up all the same, as by its hosts file."""
    lookup = evidence.own_lookup(target)
    if lookup is not None and lookup.ok:
        return []
    own = set(evidence.configured_resolvers).intersection(evidence.vpc_resolvers)
    asked = evidence.answers(target, own)
    return [each for each in asked if each.failure is not None and each.failure.kind is FailureKind.TIMEOUT]


def _records(zone: PrivateZone) -> Command:
    return read_only(
        *("aws", "route53", "list-resource-record-sets"),
        *("--hosted-zone-id", known_id(zone.zone_id, "<HOSTED_ZONE_ID>")),
        scope=CommandScope.VPC,
    )


def _by_own_name(target: Target) -> str:
    variable = f"AWS_ENDPOINT_URL_{target.service.upper().replace('-', '_')}"
    return f"A host on which {variable} is set to https:// and the endpoint's own DNS name needs no private DNS."


def _try_own_name(target: Target, endpoint: VpcEndpoint) -> Command:
    """Measure the way by the endpoint's own name, in which private DNS has no part."""
    name = endpoint.dns_names[0] if endpoint.dns_names else ""
    own = read_name(name)
    # An id would do only where EC2 is asked again.
    named = name if own is not None and own.service == target.service else f"{target.service}=<ENDPOINT_DNS_NAME>"
    return read_only("backuplink", "check", "--region", target.region, "--endpoint", named)


RULES: Final = (
    Rule("VPC001", needs=(Step.DNS,), check=endpoint_missing, reads=(ENDPOINTS, VPC)),
    Rule("VPC002", needs=(Step.DNS,), check=private_dns_off, reads=(ENDPOINTS,)),
    Rule("VPC003", needs=(Step.DNS,), check=vpc_dns_attributes_off, reads=(VPC_DNS,)),
    Rule("VPC010", needs=(Step.DNS,), check=stale_answer, reads=(ENDPOINTS, ENDPOINT_INTERFACES)),
    Rule("VPC011", needs=(Step.DNS,), check=custom_resolver, reads=(DHCP_OPTIONS,)),
    Rule("VPC015", needs=(Step.DNS,), check=resolver_rule_forwards, reads=(RESOLVER_RULES,)),
    Rule("VPC016", needs=(Step.DNS,), check=private_zone_shadows, reads=(PRIVATE_ZONES,)),
    Rule("VPC017", needs=(Step.DNS,), check=dns_firewall_blocks, reads=(DNS_FIREWALL,)),
)
