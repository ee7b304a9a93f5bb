"""DNS rules: the addresses to which the name resolves."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.findings import Severity
from agent.catalog.headline import places as in_short
from agent.catalog.services import SERVICES, may_not_exist
from agent.catalog.wording import after, counted, listed
from agent.fixes.by_code import FIRST_ADMIT
from agent.fixes.changes import Admission, DnsAttributeOn, NewEndpoint, PrivateDnsOn, alternative, written
from agent.fixes.commands import describe_endpoint, read_only, show_route_tables
from agent.fixes.fault import GROUP
from agent.fixes.own_name import set_own_name
from agent.judge.conditions.central import Leader, leader_of
from agent.judge.conditions.connects import nat64_down
from agent.judge.conditions.names import (
    DeniedName,
    bogus_answers,
    empty_answers,
    is_of_vpc_resolver,
    missing_names,
    mixed_answers,
    outside_answers,
    public_answers,
    redirected_answers,
)
from agent.judge.conditions.search_list import addresses_of_name, answer_of_name, in_its_place, lookup_of_name
from agent.judge.evidence import Evidence
from agent.judge.observations import NOT_THERE, has_answered, ids, kind_of, places, servers_of, verb_ending
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Command, CommandScope, Fix
from agent.settings import Expect
from probes.addresses import AddressScope, ordered
from probes.model import Addressing, FailureKind, Step, Target
from probes.ports import HTTPS
from probes.vpc.model import ENDPOINT_SERVICES

_BEYOND_REASON: Final = frozenset({FailureKind.TOO_LARGE, FailureKind.MALFORMED, FailureKind.DNS_MALFORMED})
_YOUR_OWN_RANGE: Final = "If the VPC uses a public range, run with --private-cidr."


def public_answer(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS001: this host gets public addresses, and the VPC's resolver does not give private ones in their place."""
    for answer in public_answers(evidence):
        host, public = answer.target.host, answer.public
        family = f"IPv{public[0].version} " if answer.private_elsewhere else ""
        agrees = (
            f"the VPC's resolver gives no private {family}address either"
            if answer.is_resolver_asked
            else "the VPC's resolver could not be asked"
        )
        if answer.private:
            detail = (
                f"This host resolves {host} to {listed(public)} as well as {listed(answer.private)}; {listed(public)} "
                f"{'lies' if len(public) == 1 else 'lie'} outside the private path, and {agrees}. "
                "Programs take any of them."
            )
        elif SERVICES[answer.target.service].has_gateway_endpoint:
            elsewhere = _region_aside(evidence, answer.target)
            detail = (
                f"This host resolves {host} to {listed(public)}. Public addresses are usual for "
                f"{answer.target.service}, but no route of this subnet leads there through a gateway endpoint, and "
                f"{agrees}."
                + ("" if elsewhere is None else f" A gateway endpoint leads only to its own Region, here {elsewhere}.")
            )
        else:
            elsewhere = _region_aside(evidence, answer.target)
            detail = f"This host resolves {host} to {listed(public)}, outside the private path; {agrees}. " + (
                "Private DNS is not in effect for this name here."
                if elsewhere is None
                else f"This host is in {elsewhere}, and private DNS of an endpoint answers for names of its Region."
            )
        yield RuleFinding(
            code="DNS001",
            target=answer.target.id,
            detail=detail,
            evidence=answer.evidence,
            addresses=answer.addresses,
            fix=_enable_private_dns(evidence, answer.target),
        )


def name_does_not_exist(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS003: NXDOMAIN for the host's own lookup; the SOA record identifies the zone that denies the name (RFC
    2308)."""
    for missing in missing_names(evidence):
        target = missing.target
        says = f"; the zone that denies it is {listed(missing.zones)}" if missing.zones else ""
        is_chosen = target.addressing in (Addressing.VPCE, Addressing.CUSTOM)
        is_inferred = not is_chosen and may_not_exist(target.service, target.region)
        is_offered = is_inferred and evidence.is_configuration_fresh and evidence.is_covered_by_offer(target)
        is_unsure = is_inferred and not is_offered
        says += f". Whether AWS has that name in {target.region} is not known" if is_unsure else ""
        says += ". AWS has an endpoint service there whose private DNS answers for that name" if is_offered else ""
        yield RuleFinding(
            code="DNS003",
            target=target.id,
            severity=Severity.WARNING if is_unsure else None,
            detail=f"{target.host} does not exist for this host{says}."
            f"{_by_a_cache(evidence, missing)}{in_its_place(evidence, target)}",
            evidence=(*missing.evidence, *(ids(evidence.reads(ENDPOINT_SERVICES)) if is_offered else ())),
            shared=missing.said_by,
            fix=_forward(evidence, target, forwarded)
            if not is_chosen and (forwarded := _forwarded_beside(evidence, target))
            else Fix(
                summary="Look for a misspelt Region, for a private hosted zone of that name which lacks the record, "
                "and for a DNS Firewall rule; then correct the name, add an alias to the endpoint, or allow the name.",
                commands=(
                    read_only("backuplink", "endpoints", "--region", target.region),
                    _hosted_zones(target),
                    _firewalls(target),
                ),
            ),
        )


def _by_a_cache(evidence: Evidence, denied: DeniedName) -> str:
    """A sentence about the caches on this host that deny the name. They are mentioned if no server beyond them answered
    for the name."""
    answers = evidence.answers(denied.target, (*evidence.configured_resolvers, *evidence.vpc_resolvers))
    heard = {answer.subject.resolver for answer in answers if has_answered(answer)}
    if not denied.servers or not all(server is not None and server.is_loopback for server in heard):
        return ""
    where = listed(denied.servers)
    return f" The answer comes from a cache or stub on this host, at {where}, and may be out of date. Flush it."


def _region_aside(evidence: Evidence, target: Target) -> str | None:
    """This host's Region, if the target is in another Region. None if the target is in this host's Region, or if this
    host's Region is unknown."""
    here = None if evidence.imds is None else evidence.imds.region
    return None if here == target.region else here


def _forwarded_beside(evidence: Evidence, target: Target) -> tuple[str, ...]:
    """The hosts of other services that are private here, because this host's name servers forward them to a VPC. This
    only applies outside AWS, and not to an endpoint's own name, which needs no forwarding."""
    if evidence.in_aws or not evidence.metadata or SERVICES[target.service].has_appliance:
        return ()  # private DNS can hide the names of appliances, so that must be decided first
    hosts = (
        other.host
        for other in evidence.targets
        if other.service != target.service
        and other.addressing not in (Addressing.VPCE, Addressing.CUSTOM)
        and any(map(evidence.is_private, evidence.own_answer(other)))
    )
    return tuple(dict.fromkeys(hosts))


def _forward(evidence: Evidence, target: Target, forwarded: tuple[str, ...]) -> Fix:
    """The fix to suggest if name servers on premises forward the names of some services, but not this one."""
    servers = f" ({listed(evidence.configured_resolvers)})" if evidence.configured_resolvers else ""
    return Fix(
        summary=f"Let this host's name servers{servers} forward {target.host}, too, to the inbound Resolver endpoint "
        f"to which they forward {listed(forwarded)}. The VPC there needs an endpoint of {target.service} with private "
        "DNS.",
        commands=(
            read_only("getent", "ahosts", target.host),
            read_only(
                *("aws", "route53resolver", "list-resolver-endpoints", "--region", target.region),
                *("--filters", "Name=Direction,Values=INBOUND"),
                scope=CommandScope.VPC,
            ),
            describe_endpoint(target),
        ),
    )


def _enable_private_dns(evidence: Evidence, target: Target) -> Fix:
    service = SERVICES[target.service]
    if not service.private_links:
        return Fix(
            summary=f"AWS lists no endpoint service of {service.name}, so no private path to it is known: let this "
            "host out to it (NAT gateway, proxy), or do without it. Run with --expect any to judge the public path.",
            commands=(read_only("backuplink", "endpoints", "--region", target.region, "--service", service.name),),
        )
    if forwarded := _forwarded_beside(evidence, target):
        return _forward(evidence, target, forwarded)
    if service.has_gateway_endpoint:
        is_aside = _region_aside(evidence, target) is not None
        return Fix(
            summary=f"Make an interface endpoint of {service.name} for {target.region}, by its own DNS name or by "
            "private DNS: no gateway endpoint of this VPC leads there. Or use a bucket in this host's Region."
            if is_aside
            else f"Make a gateway endpoint of {service.name} and add this subnet's route table to it: it costs "
            "nothing, and names need no change. If the bucket is in another Region, or is reached through a transit or "
            "peered VPC, use an interface endpoint, by its own DNS name or by private DNS.",
            commands=(
                read_only(
                    *("aws", "ec2", "describe-vpc-endpoints", "--region", target.region),
                    *("--filters", "Name=vpc-id,Values=<VPC_ID>"),
                    scope=CommandScope.ENDPOINT,
                ),
                show_route_tables(target),
            ),
        )
    if target.addressing is Addressing.GLOBAL and service.global_host is not None:
        return Fix(
            summary="No private DNS covers the global host. Let the SDK call the Region's own host: unset "
            f"{service.global_host.setting} in the profile, or set {service.global_host.variable}=regional. That host "
            "needs an interface endpoint with private DNS, as any other does.",
            commands=(read_only("printenv", service.global_host.variable), describe_endpoint(target)),
        )
    least = f"For this host, even in another VPC: {set_own_name(target)}. "
    show = describe_endpoint(target)
    own_name = read_only(
        *("backuplink", "check", "--region", target.region),
        *("--endpoint", f"{target.service}=<ENDPOINT_DNS_NAME>"),
    )
    if (here := _region_aside(evidence, target)) is not None:
        return Fix(
            summary=f"If {target.region} is not meant, set the Region of the programs on this host to {here}. If it is "
            f"meant, create an endpoint of {service.name} in a VPC of {target.region} to which a peering or a transit "
            f"gateway leads, and {set_own_name(target)}.",
            commands=(read_only("backuplink", "check", "--region", here), show, own_name),
        )
    if service.has_appliance:
        return Fix(
            summary=f"Create the endpoint if there is none, without private DNS. {least}Private DNS acts on every host "
            "of the VPC and can stop appliances that use public names; programs without the variable need private DNS. "
            f"First decide which of the two this VPC has. {_YOUR_OWN_RANGE}",
            commands=(show, *written(target.region, NewEndpoint(target=target, private_dns=False)), own_name),
        )
    return Fix(
        summary=f"(a) {least}(b) For the whole VPC: {FIRST_ADMIT}; turn on both DNS attributes, then private DNS. "
        "(c) Without an endpoint, turn on both attributes and create one with private DNS. "
        f"{_YOUR_OWN_RANGE}",
        commands=(
            show,
            *alternative("a", own_name),
            *alternative(
                "b",
                *written(
                    target.region,
                    DnsAttributeOn("support"),  # the other needs it; private DNS is refused without both
                    DnsAttributeOn("hostnames"),
                    PrivateDnsOn("<VPC_ENDPOINT_ID>"),
                ),
            ),
            *alternative("c", *written(target.region, NewEndpoint(target=target, private_dns=True))),
        ),
    )


def _hosted_zones(target: Target) -> Command:
    return read_only(
        *("aws", "route53", "list-hosted-zones-by-vpc", "--vpc-id", "<VPC_ID>", "--vpc-region", target.region),
        scope=CommandScope.VPC,
    )


def _firewalls(target: Target) -> Command:
    return read_only(
        *("aws", "route53resolver", "list-firewall-rule-group-associations", "--region", target.region),
        *("--vpc-id", "<VPC_ID>"),
        scope=CommandScope.VPC,
    )


def empty_answer(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS006: the name exists, but has no address of any family."""
    for empty in empty_answers(evidence):
        target = empty.target
        yield RuleFinding(
            code="DNS006",
            target=target.id,
            detail=f"The name {target.host} exists, but this host gets no address for it, neither IPv4 nor IPv6."
            + _by_a_cache(evidence, empty)
            + in_its_place(evidence, target),
            evidence=empty.evidence,
            shared=empty.said_by,
            fix=_find_who_removes(target)
            if not evidence.in_aws and evidence.metadata
            else Fix(
                summary="Look for a private hosted zone named exactly like the host that has no A record at its top, "
                "and give it an alias to the endpoint; then for a DNS Firewall rule that answers NODATA, and for a "
                "name server that removes private addresses.",
                commands=(_hosted_zones(target), _firewalls(target)),
            ),
        )


def _find_who_removes(target: Target) -> Fix:
    """The fix to suggest outside AWS, where the name servers are the reader's own."""
    return Fix(
        summary="Look for a name server or a firewall on premises that removes private addresses from answers (rebind "
        "protection), and except this name. If the servers forward the name to a VPC, look there for a private hosted "
        "zone named exactly like the host that has no A record at its top, and for a DNS Firewall rule that answers "
        "NODATA.",
        commands=(read_only("cat", "/etc/resolv.conf"), _hosted_zones(target), _firewalls(target)),
    )


def answer_redirected(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS007: a CNAME points outside the names that AWS has for the service. It may come from a DNS Firewall or from a
    zone of the operator."""
    for redirected in redirected_answers(evidence):
        target, answers = redirected.target, redirected.answers
        yield RuleFinding(
            code="DNS007",
            target=target.id,
            headline={"alias": redirected.names[0]},
            severity=Severity.INFO if redirected.is_aws else None,
            detail=f"According to {servers_of(answers)}, {target.host} has a CNAME to {listed(redirected.names)}, "
            f"outside the names of {target.service}." + (" AWS answers there." if redirected.is_aws else ""),
            evidence=redirected.evidence,
            addresses=redirected.addresses,
            shared=frozenset(redirected.names),
            fix=Fix(
                summary="Look for a DNS Firewall rule that overrides the answer, and for a private hosted zone with a "
                "record of that name; allow the endpoint's names there, or correct the record.",
                commands=(_firewalls(target), _hosted_zones(target)),
            ),
        )


def _account_of(leader: Leader | None) -> str:
    return "" if leader is None or leader.owner is None else f" (account {leader.owner})"


def answer_outside_vpc(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS009: private addresses outside this VPC's blocks, at which AWS did not answer. Either the path to a central
    endpoint is broken, or a record is stale. An address at which AWS answers is not reported."""
    blocks = () if evidence.imds is None else evidence.imds.vpc_cidrs
    for answer in outside_answers(evidence):
        leader = leader_of(evidence, answer.target, answer.outside)
        led = "" if leader is None else f" The name is led there by {leader.words}."
        yield RuleFinding(
            code="DNS009",
            target=answer.target.id,
            detail=f"{answer.target.host} resolves to {listed(answer.outside)}, private and outside this VPC "
            f"({listed(blocks)}), and AWS has not answered there: the answer leads to an endpoint in another "
            f"VPC (peering, transit gateway, Route 53 Profile), or to one that is gone.{led}",
            evidence=answer.evidence,
            addresses=answer.addresses,
            subjects=() if leader is None else leader.subjects,
            fix=Fix(
                summary="Compare the addresses with those of the endpoint that this name is meant to reach; then look "
                "at the routes there and back, and have the owner of that endpoint"
                f"{_account_of(leader)} look at its security group.",
                commands=(
                    describe_endpoint(answer.target),
                    read_only("ip", "route", "get", str(answer.outside[0])),
                ),
            ),
        )


def appliance_names_shadowed(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS014: because of private DNS for the gateway endpoint, the public names that appliances use do not exist
    here."""
    for target in evidence.targets:
        own = answer_of_name(evidence, target)
        gone = [
            (host, lookup)
            for host, lookup in evidence.appliance_lookups(target)
            if lookup.failure is not None and lookup.failure.kind in NOT_THERE
        ]
        if not gone or not any(map(evidence.is_private, own)):
            continue
        yield RuleFinding(
            code="DNS014",
            target=target.id,
            headline={"hidden": counted(len(gone), "name"), "alias": gone[0][0]},
            detail=f"Private DNS is in effect for {target.host}, and {listed(host for host, _ in gone)} "
            f"do{'es' if len(gone) == 1 else ''} not exist here. An appliance that was activated against the public "
            "endpoint needs such names; one that was activated through the endpoint's own DNS name does not.",
            evidence=ids(lookup for _, lookup in gone),
            fix=Fix(
                summary="Nothing to fix if the appliances of this VPC were activated through the endpoint. "
                "Otherwise activate them again with the endpoint's DNS name, or do without private DNS in their VPC. "
                "Programs that call the API from a VPC without internet access need private DNS.",
                commands=(describe_endpoint(target),),
            ),
        )


def mixed_answer(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS008: the answer for a name contains private and public addresses of one family."""
    for mixed in mixed_answers(evidence):
        target = mixed.target
        yield RuleFinding(
            code="DNS008",
            target=target.id,
            headline={"public": in_short(mixed.public), "private": in_short(mixed.private)},
            detail=f"One lookup of {target.host} gives private addresses ({listed(mixed.private)}) and public ones "
            f"({listed(mixed.public)}): calls leave the private path by chance.",
            evidence=mixed.evidence,
            addresses=mixed.addresses,
            # The VPC's resolver merges records of one name; another resolver merges the answers of two servers.
            shared=frozenset()
            if is_of_vpc_resolver(evidence, mixed)
            else frozenset(map(str, evidence.configured_resolvers)),
            fix=Fix(
                summary="Find what gives both: a record in a private hosted zone, or a name server that merges two "
                f"answers. {_YOUR_OWN_RANGE}",
                commands=(read_only("resolvectl", "query", target.host),),
            ),
        )


def bogus_address(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS010: an address that no endpoint can have: loopback, link-local, unspecified, documentation."""
    for fault in bogus_answers(evidence):
        target, addresses = fault.target, ordered(fault.addresses)
        named = [
            entry for entry in (evidence.host.hosts_entries if evidence.host else ()) if target.host in entry.names
        ]
        by = " The hosts file says so." if any(entry.address in addresses for entry in named) else ""
        yield RuleFinding(
            code="DNS010",
            target=target.id,
            detail=f"{target.host} resolves to {listed(addresses)}, which no endpoint can have.{by}",
            evidence=(*fault.evidence, *ids(evidence.answers(target, evidence.configured_resolvers))),
            addresses=fault.addresses,
            shared=frozenset(map(str, (*addresses, *(["the hosts file"] if by else evidence.configured_resolvers)))),
            fix=Fix(
                summary="Remove what gives this address: a line in the hosts file, a record, or a local emulator.",
                commands=(read_only("grep", "-n", target.host, "/etc/hosts"),),
            ),
        )


def public_ipv6_beside(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS011: public IPv6 addresses next to private IPv4 addresses. A client that prefers IPv6 then leaves the private
    path. Addresses that DNS64 made are left to DNS012, which judges the IPv4 address in them."""
    for target in evidence.targets:
        if evidence.expected_path(target) is not Expect.PRIVATE:
            continue
        own = addresses_of_name(evidence, target)
        public = [address for address in own if address.version == 6 and evidence.scope(address) is AddressScope.PUBLIC]
        lookup = lookup_of_name(evidence, target)
        mixed = any(address.version == 6 and evidence.is_private(address) for address in own)
        if lookup is None or not public or mixed:
            continue
        if not any(address.version == 4 and evidence.is_private(address) for address in own):
            continue
        yield RuleFinding(
            code="DNS011",
            target=target.id,
            detail=f"{target.host} is private by IPv4 and public by IPv6 ({listed(public)}): a client that prefers "
            "IPv6 leaves the private path.",
            evidence=ids([lookup]),
            addresses=frozenset(public),
            fix=Fix(
                summary="If the endpoint's own DNS name gives these addresses too, it is an endpoint in another VPC: "
                "run with --private-cidr and that VPC's IPv6 block. Otherwise let the name server that gives them "
                "forward the whole name to the VPC, or make the endpoint dual-stack (its security group must allow 443 "
                "by IPv6 first).",
                commands=(read_only("getent", "ahosts", "<ENDPOINT_DNS_NAME>"), describe_endpoint(target)),
            ),
        )


def nat64_answer(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS012: an address that DNS64 made. Traffic to it goes through a NAT64 gateway."""
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        nat64 = [
            address for address in addresses_of_name(evidence, target) if evidence.scope(address) is AddressScope.NAT64
        ]
        if lookup is None or not nat64:
            continue
        public = [address for address in nat64 if evidence.is_public(address)]
        failed = nat64_down(evidence, target)
        yield RuleFinding(
            code="DNS012",
            target=target.id,
            headline={"where": in_short(nat64)},
            severity=Severity.WARNING if public or failed else Severity.INFO,
            detail=f"{target.host} resolves to {listed(nat64)}, which DNS64 made: traffic goes through a NAT gateway, "
            "and the endpoint sees the gateway's address as the source."
            + (f" 443 does not connect that way ({after(failed)}), but does at another address." if failed else ""),
            evidence=ids([lookup, *failed]),
            addresses=frozenset(public) | places(failed),
            fix=_enable_private_dns(evidence, target)
            if public and evidence.expected_path(target) is Expect.PRIVATE
            else _let_nat_in(target),
        )


def _let_nat_in(target: Target) -> Fix:
    """The fix for an address that DNS64 made and that has no other fault."""
    return Fix(
        summary="Nothing to fix while 443 connects. Otherwise the endpoint's security group must allow 443 from the "
        "NAT gateway's private address, which the endpoint sees as the source. A dual-stack endpoint needs no "
        "translation.",
        commands=(
            read_only(
                *("aws", "ec2", "describe-nat-gateways", "--region", target.region),
                *("--filter", "Name=vpc-id,Values=<VPC_ID>"),
                *("--query", "NatGateways[].NatGatewayAddresses[].PrivateIp"),
                scope=CommandScope.VPC,
            ),
            *written(target.region, Admission(GROUP, (HTTPS, HTTPS), "<NAT_ADDRESS>/32")),
            describe_endpoint(target),
        ),
    )


def answer_beyond_reason(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS017: the host's own lookup gives more addresses than any endpoint has, or an inconsistent answer."""
    for target in evidence.targets:
        lookup = lookup_of_name(evidence, target)
        if lookup is None or lookup.failure is None or lookup.failure.kind not in _BEYOND_REASON:
            continue
        # A name server whose answer breaks the limits as well gives the same records.
        same = [
            answer
            for answer in evidence.answers(target, evidence.configured_resolvers)
            if kind_of(answer) in _BEYOND_REASON
        ]
        by = f" {servers_of(same)} give{verb_ending(same)} it." if same else ""
        yield RuleFinding(
            code="DNS017",
            target=target.id,
            headline={"why": lookup.failure.message},
            detail=f"This host cannot use the answer for {target.host}: {lookup.failure.message}.{by} "
            "None of its addresses was measured.",
            evidence=ids([lookup, *same]),
            shared=frozenset(str(answer.subject.resolver) for answer in same),
            fix=Fix(
                summary="Find where the answer comes from: a record in a private hosted zone, a name server of your "
                "own, or the hosts file. An interface endpoint has one address in each of its subnets and address "
                "families; let the name give only those.",
                commands=(
                    read_only("getent", "ahosts", target.host),
                    _hosted_zones(target),
                    describe_endpoint(target),
                ),
            ),
        )


def private_answer(evidence: Evidence) -> Iterator[RuleFinding]:
    """DNS020: a public path is expected, and this host gets private addresses."""
    for target in evidence.targets:
        if evidence.expected_path(target) is not Expect.PUBLIC:
            continue
        lookup = lookup_of_name(evidence, target)
        private = [address for address in addresses_of_name(evidence, target) if evidence.is_private(address)]
        if lookup is None or not private:
            continue
        yield RuleFinding(
            code="DNS020",
            target=target.id,
            detail=f"This host resolves {target.host} to {listed(private)}, on the private path, but a public address "
            "is expected (--expect public).",
            evidence=ids([lookup]),
            addresses=frozenset(private),
            fix=Fix(
                summary="Nothing to fix if this VPC is meant to have a private path: run without --expect public. "
                "Otherwise look for the endpoint with private DNS, a private hosted zone or a hosts file that gives "
                "these addresses.",
                commands=(
                    read_only("backuplink", "check", "--region", target.region, "--service", target.service),
                    describe_endpoint(target),
                    _hosted_zones(target),
                ),
            ),
        )


RULES: Final = (
    Rule("DNS001", needs=(Step.DNS,), check=public_answer),
    Rule("DNS003", needs=(Step.DNS,), check=name_does_not_exist),
    Rule("DNS006", needs=(Step.DNS,), check=empty_answer),
    Rule("DNS007", needs=(Step.DNS,), check=answer_redirected),
    Rule("DNS008", needs=(Step.DNS,), check=mixed_answer),
    Rule("DNS009", needs=(Step.DNS,), check=answer_outside_vpc),
    Rule("DNS010", needs=(Step.DNS,), check=bogus_address),
    Rule("DNS011", needs=(Step.DNS,), check=public_ipv6_beside),
    Rule("DNS012", needs=(Step.DNS,), check=nat64_answer),
    Rule("DNS014", needs=(Step.DNS,), check=appliance_names_shadowed),
    Rule("DNS017", needs=(Step.DNS,), check=answer_beyond_reason),
    Rule("DNS020", needs=(Step.DNS,), check=private_answer),
)
