"""DNS: what the name resolves to, and who says so."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any, Final

from agent.catalog.partitions import SUFFIXES
from agent.catalog.services import BACKUP_GATEWAY
from agent.catalog.vpce import read_name
from agent.codes import Severity
from agent.evidence import HTTPS, Evidence, ordered
from agent.plan import usable_families
from agent.report import AddressScope, Command, CommandScope, Fix
from agent.rules.rule import Found, Rule, admit, after, describe_endpoint, ids, listed, look
from agent.settings import Expect
from probes.facts import DnsFacts
from probes.model import Address, Addressing, FailureKind, Observation, Step, Target

SLOW_SECONDS: Final = 1.0
_NO_ANSWER: Final = frozenset(
    {
        FailureKind.TIMEOUT,
        FailureKind.REFUSED,
        FailureKind.RESET,
        FailureKind.CLOSED,
        FailureKind.UNREACHABLE,
        FailureKind.PROHIBITED,
    }
)
"""Failures in which nothing of DNS came back."""
_NO_REASON: Final = frozenset({FailureKind.SERVFAIL, FailureKind.TIMEOUT})
"""What the C library's look-up ends with for SERVFAIL, REFUSED and silence alike (getaddrinfo(3), EAI_AGAIN)."""
_SILENCE: Final = frozenset({FailureKind.TIMEOUT, FailureKind.RESET, FailureKind.CLOSED})
"""How a server that answers other names can leave one without an answer, by UDP or by TCP."""
_NOT_THERE: Final = frozenset({FailureKind.NXDOMAIN, FailureKind.NODATA})
_STUB: Final = ip_address("127.0.0.53")
"""Where systemd-resolved listens, and answers from what it remembers (systemd-resolved.service(8))."""


def public_answer(evidence: Evidence) -> Iterator[Found]:
    """DNS001: this host gets public addresses, and the VPC's resolver gives none that are private. Public IPv6 beside
    private IPv4 is a lesser fault, and not this one."""
    if evidence.run.expect is not Expect.PRIVATE:
        return
    for target in evidence.targets:
        own = evidence.own_addresses(target)
        beside = [address for address in own if evidence.is_private(address)]
        families = {4} if any(address.version == 4 for address in beside) else {4, 6}
        public = [address for address in own if evidence.is_public(address) and address.version in families]
        asked = evidence.answers(target, evidence.vpc_resolvers)
        versions = {address.version for address in public}
        if not public or any(address.version in versions for address in _private_in(evidence, asked)):
            continue
        answered = [each for each in asked if each.facts is not None]
        agrees = (
            "the VPC's resolver gives no private one either" if answered else "the VPC's resolver could not be asked"
        )
        if beside:
            detail = (
                f"This host resolves {target.host} to {listed(public)} beside {listed(beside)}; {listed(public)} "
                f"{'lies' if len(public) == 1 else 'lie'} outside the private path, and {agrees}. "
                "Programs take any of them."
            )
        else:
            detail = (
                f"This host resolves {target.host} to {listed(public)}, outside the private path; {agrees}. "
                "Private DNS is not in effect for this name here."
            )
        yield Found(
            code="DNS001",
            target=target.id,
            detail=detail,
            evidence=(*ids(filter(None, [evidence.own_lookup(target)])), *ids(answered)),
            addresses=frozenset(public),
            fix=_enable_private_dns(target),
        )


def resolvers_disagree(evidence: Evidence) -> Iterator[Found]:
    """DNS002: this host gets public addresses or none where the VPC's resolver gives private ones; or the reverse.

    Where a public path is no fault, only an own lookup without addresses is one.
    """
    if evidence.run.expect is Expect.PUBLIC:
        return
    families = usable_families(evidence.host)
    servers = evidence.configured_resolvers
    asks = f" (its name servers: {listed(servers)})" if servers else ""
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        if lookup is None or not lookup.made:
            continue
        own = evidence.own_addresses(target)
        asked = [each for each in evidence.answers(target, evidence.vpc_resolvers) if each.facts is not None]
        theirs = [address for address in _private_in(evidence, asked) if address.version in families]
        private = [address for address in own if evidence.is_private(address)]
        remembers = _STUB in servers
        fix = Fix(
            summary=("Flush the cache of systemd-resolved first: it may hold an old answer. " if remembers else "")
            + "Make the name servers that this host uses forward the name to the VPC's resolver: from inside the VPC "
            "to 169.254.169.253, from elsewhere to a Route 53 Resolver inbound endpoint. Or let the DHCP options name "
            "AmazonProvidedDNS, which every host of the VPC then asks.",
            commands=(
                *([_FLUSH] if remembers else []),
                look("resolvectl", "query", target.host),
                *_dhcp_options(target.region),
            ),
        )
        private_only = evidence.run.expect is Expect.PRIVATE
        leaves = private_only and any(evidence.is_public(address) for address in own)
        if theirs and not private and (leaves or not own):
            yield Found(
                code="DNS002",
                target=target.id,
                detail=f"This host looks {target.host} up and gets {_got(evidence, target, lookup)}{asks}; "
                f"the VPC's resolver gives {listed(theirs)}.",
                evidence=ids([lookup, *asked]),
                addresses=frozenset(own),
                fix=fix,
            )
        elif private_only and private and asked and not theirs and evidence.in_aws:
            yield Found(
                code="DNS002",
                target=target.id,
                severity=Severity.INFO,
                detail=f"This host resolves {target.host} to {listed(private)}; the VPC's resolver gives no private "
                "address. What this host uses decides.",
                evidence=ids([lookup, *asked]),
                fix=Fix(
                    summary="Nothing to mend while this host's own name servers are meant to answer for this name."
                ),
            )


def name_does_not_exist(evidence: Evidence) -> Iterator[Found]:
    """DNS003: NXDOMAIN for the host's own lookup; the SOA record names the zone that says so (RFC 2308)."""
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        if lookup is None or lookup.failure is None or lookup.failure.kind is not FailureKind.NXDOMAIN:
            continue
        asked = evidence.answers(target, evidence.configured_resolvers)
        denials = [each for each in asked if each.failure is not None and each.failure.kind is FailureKind.NXDOMAIN]
        if not denials and any(each.ok for each in asked):
            continue  # the name exists for every name server that answered: what failed is this host's own looking
        zones = sorted({each.facts.authority for each in denials if each.facts and each.facts.authority})
        says = f"; the zone that says so is {listed(zones)}" if zones else ""
        yield Found(
            code="DNS003",
            target=target.id,
            detail=f"{target.host} does not exist for this host{says}.",
            evidence=ids([lookup, *denials]),
            fix=Fix(
                summary="Look for a misspelt Region, for a private hosted zone of that name which lacks the record, "
                "and for a DNS Firewall rule; then correct the name, add an alias to the endpoint, or allow the name.",
                commands=(
                    look("backuplink", "endpoints", "--region", target.region),
                    _hosted_zones(target),
                    _firewalls(target),
                ),
            ),
        )


def resolver_silent(evidence: Evidence) -> Iterator[Found]:
    """DNS004: none of the name servers that this host is set to use answers anything, and its own lookups fail."""
    servers = evidence.configured_resolvers
    asked = [each for target in evidence.targets for each in evidence.answers(target, servers) if each.made]
    lookups = [each for target in evidence.targets if (each := evidence.own_lookup(target)) is not None and each.made]
    if not asked or not lookups or any(each.ok for each in lookups):
        return
    if not all(each.failure is not None and each.failure.kind in _NO_ANSWER for each in asked):
        return
    silent = [server for server in servers if any(each.subject.resolver == server for each in asked)]
    others = [server for server in servers if server not in silent]
    if any(server.version in usable_families(evidence.host) for server in others):
        return  # one that was cut short, or never came to be asked, might have answered
    said = [f"{server} ({_how([each for each in asked if each.subject.resolver == server])})" for server in silent]
    yield Found(
        code="DNS004",
        target=str(silent[0]),
        detail=f"No name server of this host answers: {listed(said)}."
        + (f" Not asked: {listed(others)}." if others else ""),
        evidence=ids([*lookups, *asked]),
        fix=Fix(
            summary="Mend the way to the name servers in /etc/resolv.conf: a firewall on this host; enableDnsSupport "
            "of the VPC where they are Amazon's; security group, network ACL and routes where they are your own. "
            "The AWS CLI finds no host from here: run it from a machine with EC2 access.",
            commands=(
                look("cat", "/etc/resolv.conf"),
                look(
                    *("aws", "ec2", "describe-vpc-attribute", "--region", evidence.run.region or "<REGION>"),
                    *("--vpc-id", "<VPC_ID>", "--attribute", "enableDnsSupport"),
                    scope=CommandScope.VPC,
                ),
            ),
        ),
    )


def _got(evidence: Evidence, target: Target, lookup: Observation[Any]) -> str:
    """What the host's own lookup gave, in words."""
    if own := evidence.own_addresses(target):
        return listed(own)
    if answer := evidence.own_answer(target):
        return f"{listed(answer)}, of a family that this host does not have"
    return "no address" if lookup.failure is None else f"no address ({lookup.failure.message})"


def _how(failed: list[Observation[Any]]) -> str:
    """In which ways one name server did not answer, and how long each took."""
    said = []
    for kind in sorted({each.failure.kind for each in failed if each.failure is not None}):
        took = [each for each in failed if each.failure is not None and each.failure.kind is kind]
        # Within a step a second datagram follows the first that nobody answered; what fails at once is not repeated.
        twice = ", asked twice" if kind is FailureKind.TIMEOUT else ""
        said.append(f"{kind} {after(took)}{twice}")
    return listed(said)


def _addresses_in(answer: Observation[Any]) -> tuple[Address, ...]:
    return answer.facts.addresses if isinstance(answer.facts, DnsFacts) else ()


def _private_in(evidence: Evidence, answers: Sequence[Observation[Any]]) -> tuple[Address, ...]:
    return ordered(address for each in answers for address in _addresses_in(each) if evidence.is_private(address))


def _enable_private_dns(target: Target) -> Fix:
    variable = f"AWS_ENDPOINT_URL_{target.service.upper().replace('-', '_')}"
    least = (
        "Create the endpoint if there is none. Least change, and the way from a peered or transit VPC: set "
        f"{variable} to https:// and the endpoint's own DNS name. "
    )
    looks = (
        describe_endpoint(target),
        look(
            *("backuplink", "check", "--region", target.region),
            *("--endpoint", f"{target.service}=<ENDPOINT_DNS_NAME>"),
        ),
    )
    if target.service == BACKUP_GATEWAY.name:
        return Fix(
            summary=f"{least}Private DNS acts on every host of the VPC and can stop appliances that use public names; "
            "programs without the variable need it: decide first which of the two this VPC holds. "
            f"{_YOUR_OWN_RANGE}",
            commands=looks,
        )
    return Fix(
        summary=f"{least}For every host of the VPC: first let the endpoint's security group admit 443 from every "
        "caller of the VPC, since all use it from then on; turn on both DNS attributes, then private DNS. "
        f"{_YOUR_OWN_RANGE}",
        commands=(
            *looks,
            # One attribute a call, and DNS support first; private DNS is refused without both.
            _switch_on(target, "modify-vpc-attribute", "--vpc-id", "<VPC_ID>", "--enable-dns-support"),
            _switch_on(target, "modify-vpc-attribute", "--vpc-id", "<VPC_ID>", "--enable-dns-hostnames"),
            _switch_on(
                *(target, "modify-vpc-endpoint", "--vpc-endpoint-id", "<VPC_ENDPOINT_ID>", "--private-dns-enabled")
            ),
        ),
    )


_YOUR_OWN_RANGE: Final = "A VPC numbered from a public range: run with --private-cidr."


def _switch_on(target: Target, operation: str, option: str, value: str, switch: str) -> Command:
    """Turn something on that every host of the VPC feels."""
    return Command(
        argv=("aws", "ec2", operation, "--region", target.region, option, value, switch),
        scope=CommandScope.VPC,
        reversible=True,
        undo=f"the same command with --no-{switch.removeprefix('--')}",
    )


_FLUSH: Final = Command(
    argv=("resolvectl", "flush-caches"),
    scope=CommandScope.HOST,
    reversible=True,
    undo="nothing to do: the cache fills again by itself",
)


def _hosted_zones(target: Target) -> Command:
    return look(
        *("aws", "route53", "list-hosted-zones-by-vpc", "--vpc-id", "<VPC_ID>", "--vpc-region", target.region),
        scope=CommandScope.VPC,
    )


def _firewalls(target: Target) -> Command:
    return look(
        *("aws", "route53resolver", "list-firewall-rule-group-associations", "--region", target.region),
        *("--vpc-id", "<VPC_ID>"),
        scope=CommandScope.VPC,
    )


def _dhcp_options(region: str) -> tuple[Command, Command]:
    """Which set of DHCP options the VPC has, and what is in it; without an id all of the account are listed."""
    return (
        look(
            *("aws", "ec2", "describe-vpcs", "--region", region, "--vpc-ids", "<VPC_ID>"),
            *("--query", "Vpcs[].DhcpOptionsId"),
            scope=CommandScope.VPC,
        ),
        look(
            *("aws", "ec2", "describe-dhcp-options", "--region", region, "--dhcp-options-ids", "<DHCP_OPTIONS_ID>"),
            scope=CommandScope.VPC,
        ),
    )


def resolver_servfail(evidence: Evidence) -> Iterator[Found]:
    """DNS005: the host's own lookup fails, and a name server of its answers SERVFAIL, what cannot be read, or nothing
    for this name while it answers for another."""
    kinds = frozenset({FailureKind.SERVFAIL, FailureKind.DNS_MALFORMED, *_SILENCE})
    speaking = {
        each.subject.resolver
        for each in evidence.of(Step.DNS)
        if each.ok or (each.failure is not None and each.failure.kind in _NOT_THERE)
    }
    for target, lookup, spoilt in _lookups_spoilt(evidence, kinds):
        said = [each for each in spoilt if not _is_silence(each) or each.subject.resolver in speaking]
        if not said:
            continue  # a server that answers nothing at all is DNS004's
        words = sorted(
            {
                f"nothing for this name ({each.failure.message})" if _is_silence(each) else each.failure.message
                for each in said
                if each.failure is not None
            }
        )
        yield Found(
            code="DNS005",
            target=target.id,
            detail=f"This host cannot look {target.host} up, and {_servers(said)} give{_s(said)} no usable answer: "
            f"{listed(words)}.",
            evidence=ids([lookup, *said]),
            fix=Fix(
                summary="Mend what the name server asks in turn: the target of a Resolver rule for this name, or for "
                "one above it, that is down; a loop of forwarders; a DNS Firewall that fails closed.",
                commands=(
                    look("resolvectl", "query", target.host),
                    look(
                        *("aws", "route53resolver", "list-resolver-rule-associations", "--region", target.region),
                        *("--filters", "Name=VPCId,Values=<VPC_ID>"),
                        scope=CommandScope.VPC,
                    ),
                    look(
                        *("aws", "route53resolver", "get-resolver-rule", "--region", target.region),
                        *("--resolver-rule-id", "<RESOLVER_RULE_ID>"),
                        scope=CommandScope.VPC,
                    ),
                ),
            ),
        )


def resolver_refused(evidence: Evidence) -> Iterator[Found]:
    """DNS013: the host's own lookup fails, and its name server refuses to answer."""
    for target, lookup, said in _lookups_spoilt(evidence, frozenset({FailureKind.DNS_REFUSED})):
        yield Found(
            code="DNS013",
            target=target.id,
            detail=f"This host cannot look {target.host} up: {_servers(said)} refuse{_s(said)} to answer.",
            evidence=ids([lookup, *said]),
            fix=Fix(
                summary="Allow this host to ask that name server (its access list), or let it ask the VPC's resolver.",
                commands=(look("cat", "/etc/resolv.conf"),),
            ),
        )


def empty_answer(evidence: Evidence) -> Iterator[Found]:
    """DNS006: the name exists, and has no address of any family."""
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        if lookup is None or lookup.failure is None or lookup.failure.kind is not FailureKind.NODATA:
            continue
        asked = [each for each in evidence.answers(target, evidence.configured_resolvers) if each.ok]
        yield Found(
            code="DNS006",
            target=target.id,
            detail=f"{target.host} exists for this host and has no address, IPv4 or IPv6.",
            evidence=ids([lookup, *asked]),
            fix=Fix(
                summary="Look for a private hosted zone named exactly like the host that has no A record at its top, "
                "and give it an alias to the endpoint; then for a DNS Firewall rule that answers NODATA, and for a "
                "name server that takes private addresses out.",
                commands=(_hosted_zones(target), _firewalls(target)),
            ),
        )


def answer_redirected(evidence: Evidence) -> Iterator[Found]:
    """DNS007: a CNAME leads outside the names that AWS has for the service: a DNS Firewall's override, a hand-made
    zone."""
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        led = [
            (each, each.facts.canonical_name)
            for each in evidence.answers(target, evidence.configured_resolvers)
            if each.facts is not None and each.facts.canonical_name is not None
        ]
        astray = [(each, name) for each, name in led if not _is_of_service(name, target)]
        if not astray or lookup is None or target.addressing is Addressing.CUSTOM:
            continue  # where the operator names a host of his own, its aliases are his own as well
        names = sorted({name for _, name in astray})
        given = frozenset(address for each, _ in astray for address in _addresses_in(each))
        led_to = given.intersection(evidence.own_answer(target))
        well = any(evidence.answered_by_aws(target, address) for address in led_to)
        says = [each for each, _ in astray]
        yield Found(
            code="DNS007",
            target=target.id,
            severity=Severity.INFO if well else None,
            detail=f"{target.host} leads by CNAME to {listed(names)}, which is no name of {target.service}'s; "
            f"{_servers(says)} say{_s(says)} so." + (" AWS answers there." if well else ""),
            # A look-up that failed is named by what names the failure, and not by this warning.
            evidence=ids([*([lookup] if lookup.ok else []), *says]),
            addresses=led_to,
            fix=Fix(
                summary="Look for a DNS Firewall rule that overrides the answer, and for a private hosted zone with a "
                "record of that name; allow the endpoint's names there, or correct the record.",
                commands=(_firewalls(target), _hosted_zones(target)),
            ),
        )


def _is_of_service(name: str, target: Target) -> bool:
    """Whether a name lies below a domain of AWS's, and is not the endpoint name of another service."""
    name = name.rstrip(".").lower()
    own = read_name(name)
    of_aws = name.endswith(tuple(f".{suffix}" for suffix in SUFFIXES))
    return of_aws and (own is None or own.service == target.service)


def answer_outside_vpc(evidence: Evidence) -> Iterator[Found]:
    """DNS009: private addresses beyond this VPC's blocks, where AWS did not answer: a central endpoint whose way is
    not in order, or a stale record. One at which AWS answers needs no word."""
    imds = evidence.imds
    if imds is None or not imds.vpc_cidrs:
        return
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        outside = [
            address
            for address in evidence.own_addresses(target)
            if evidence.scope(address) is AddressScope.PRIVATE
            and any(block.version == address.version for block in imds.vpc_cidrs)
            and not evidence.answered_by_aws(target, address)
        ]
        if lookup is None or not outside:
            continue
        yield Found(
            code="DNS009",
            target=target.id,
            detail=f"{target.host} resolves to {listed(outside)}, private and outside this VPC "
            f"({listed(imds.vpc_cidrs)}), and AWS has not answered there: an endpoint in another VPC (peering, transit "
            "gateway, Route 53 Profile), or a record of one that is gone.",
            evidence=ids([lookup]),
            addresses=frozenset(outside),
            fix=Fix(
                summary="Compare the addresses with those of the endpoint that this name is meant to reach; then look "
                "at the routes there and back, and at the security group there.",
                commands=(
                    describe_endpoint(target),
                    look("ip", "route", "get", str(outside[0])),
                ),
            ),
        )


def appliance_names_shadowed(evidence: Evidence) -> Iterator[Found]:
    """DNS014: with private DNS for the gateway endpoint, the public names that appliances use do not exist here."""
    for target in evidence.targets:
        own = evidence.own_answer(target)
        gone = [
            (host, each)
            for host, each in evidence.appliance_lookups(target)
            if each.failure is not None and each.failure.kind in _NOT_THERE
        ]
        if not gone or not any(map(evidence.is_private, own)):
            continue
        yield Found(
            code="DNS014",
            target=target.id,
            detail=f"Private DNS is in effect for {target.host}, and {listed(host for host, _ in gone)} "
            f"do{'es' if len(gone) == 1 else ''} not exist here. An appliance that was activated against the public "
            "endpoint needs them; one that was activated through the endpoint's own DNS name does not.",
            evidence=ids(each for _, each in gone),
            fix=Fix(
                summary="Nothing to mend where the appliances of this VPC were activated through the endpoint. "
                "Otherwise activate them anew with the endpoint's DNS name, or keep private DNS from their VPC; "
                "programs that call the API from a VPC without internet access need it.",
                commands=(describe_endpoint(target),),
            ),
        )


def system_lookup_differs(evidence: Evidence) -> Iterator[Found]:
    """DNS015: programs on this host get another answer than its name servers give: a cache, nsswitch, a stale entry."""
    families = usable_families(evidence.host)
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        asked = [each for each in evidence.of(Step.DNS, target) if each.subject.resolver is not None and each.made]
        spoken = [each for each in asked if isinstance(each.facts, DnsFacts)]
        if lookup is None or not lookup.made or not spoken:
            continue
        own = evidence.own_addresses(target)
        given = {address for each in spoken for address in _addresses_in(each) if address.version in families}
        severity = None if lookup.ok else Severity.CRITICAL
        if _all_private(evidence, spoken, families) and not any(map(evidence.is_private, own)):
            what = f"This host looks {target.host} up and gets {_got(evidence, target, lookup)}, while every name "
            what += f"server that was asked gives {listed(ordered(given))}."
        elif (
            # Where none of what the servers gave connects either, an answer that rotates looks the same.
            any(evidence.is_connected(target, each) for each in given)
            and (strange := [each for each in own if each not in given and evidence.is_unconnected(target, each)])
        ):
            what = f"This host resolves {target.host} to {listed(strange)}, which no name server gave and which "
            what += f"do{'es' if len(strange) == 1 else ''} not connect; they give {listed(ordered(given))}."
        else:
            continue
        yield Found(
            code="DNS015",
            target=target.id,
            severity=severity,
            detail=what,
            evidence=ids([lookup, *spoken]),
            addresses=frozenset(own),
            fix=Fix(
                summary="Look what answers before DNS on this host: the hosts line of /etc/nsswitch.conf, a cache "
                "(nscd, systemd-resolved, dnsmasq) that holds an old answer, a container's own resolv.conf. Flush it, "
                "or wait for its time to live.",
                commands=(look("getent", "ahosts", target.host), look("cat", "/etc/nsswitch.conf")),
            ),
        )


def _all_private(evidence: Evidence, asked: Sequence[Observation[Any]], families: frozenset[int]) -> bool:
    """Whether every name server that said anything gives private addresses of a family that this host has, and none
    that are not; this host's own servers among them. Whether one is silent is another matter."""
    servers = {each.subject.resolver for each in asked}
    if not servers.intersection(evidence.configured_resolvers):
        return False
    for server in servers:
        given = [
            address
            for each in asked
            if each.subject.resolver == server
            for address in _addresses_in(each)
            if address.version in families
        ]
        if not given or not all(map(evidence.is_private, given)):
            return False
    return True


def mixed_answer(evidence: Evidence) -> Iterator[Found]:
    """DNS008: one answer for one name holds private and public addresses of one family."""
    if evidence.run.expect is not Expect.PRIVATE:
        return
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        own = evidence.own_addresses(target)
        for version in (4, 6):
            private = [each for each in own if each.version == version and evidence.is_private(each)]
            public = [each for each in own if each.version == version and evidence.is_public(each)]
            if lookup is None or not private or not public:
                continue
            yield Found(
                code="DNS008",
                target=target.id,
                detail=f"One lookup of {target.host} gives {listed(private)}, which are private, and {listed(public)}, "
                "which are not: calls leave the private path by chance.",
                evidence=ids([lookup, *(each for each in evidence.answers(target, evidence.configured_resolvers))]),
                addresses=frozenset(public),
                fix=Fix(
                    summary="Find the hand-made record that holds both: a private hosted zone, or a name server that "
                    f"merges two answers. {_YOUR_OWN_RANGE}",
                    commands=(look("resolvectl", "query", target.host),),
                ),
            )


def bogus_address(evidence: Evidence) -> Iterator[Found]:
    """DNS010: an address that can be no endpoint's: loopback, link-local, unspecified, documentation."""
    bogus = (AddressScope.LOOPBACK, AddressScope.LINK_LOCAL, AddressScope.OTHER)
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        found = [address for address in evidence.own_addresses(target) if evidence.judged_scope(address) in bogus]
        if lookup is None or not found:
            continue
        named = [each for each in (evidence.host.hosts_entries if evidence.host else ()) if target.host in each.names]
        by = " The hosts file says so." if any(each.address in found for each in named) else ""
        yield Found(
            code="DNS010",
            target=target.id,
            detail=f"{target.host} resolves to {listed(found)}, which no endpoint can have.{by}",
            evidence=ids([lookup, *evidence.answers(target, evidence.configured_resolvers)]),
            addresses=frozenset(found),
            fix=Fix(
                summary="Remove the line in the hosts file, the record, or the local stand-in that gives it.",
                commands=(look("grep", "-n", target.host, "/etc/hosts"),),
            ),
        )


def public_ipv6_beside(evidence: Evidence) -> Iterator[Found]:
    """DNS011: public IPv6 addresses beside private IPv4 ones: a client that prefers IPv6 leaves the private path."""
    if evidence.run.expect is not Expect.PRIVATE:
        return
    for target in evidence.targets:
        own = evidence.own_addresses(target)
        public = [each for each in own if each.version == 6 and evidence.is_public(each)]
        lookup = evidence.own_lookup(target)
        mixed = any(each.version == 6 and evidence.is_private(each) for each in own)
        if lookup is None or not public or mixed:
            continue
        if not any(each.version == 4 and evidence.is_private(each) for each in own):
            continue
        yield Found(
            code="DNS011",
            target=target.id,
            detail=f"{target.host} is private by IPv4 and public by IPv6 ({listed(public)}): a client that prefers "
            "IPv6 leaves the private path.",
            evidence=ids([lookup]),
            addresses=frozenset(public),
            fix=Fix(
                summary="If the endpoint's own DNS name gives these addresses too, it is an endpoint in another VPC: "
                "run with --private-cidr and that VPC's IPv6 block. Otherwise let the name server that gives them "
                "forward the whole name to the VPC, or make the endpoint dual-stack (its security group must admit 443 "
                "by IPv6 first).",
                commands=(look("getent", "ahosts", "<ENDPOINT_DNS_NAME>"), describe_endpoint(target)),
            ),
        )


def nat64_answer(evidence: Evidence) -> Iterator[Found]:
    """DNS012: an address made by DNS64: traffic goes through a NAT64 gateway."""
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        made = [each for each in evidence.own_addresses(target) if evidence.scope(each) is AddressScope.NAT64]
        if lookup is None or not made:
            continue
        public = [each for each in made if evidence.is_public(each)]
        yield Found(
            code="DNS012",
            target=target.id,
            severity=Severity.WARNING if public else Severity.INFO,
            detail=f"{target.host} resolves to {listed(made)}, made by DNS64: traffic goes through a NAT gateway, "
            "whose address is what the endpoint sees as its source.",
            evidence=ids([lookup]),
            fix=_enable_private_dns(target)
            if public and evidence.run.expect is Expect.PRIVATE
            else _let_nat_in(target),
        )


def _let_nat_in(target: Target) -> Fix:
    """For a translated address of which nothing else is wrong."""
    return Fix(
        summary="Nothing to mend while it connects. Otherwise the endpoint's security group must admit 443 from the "
        "NAT gateway's private address, which is the source that it sees. A dual-stack endpoint needs no translation.",
        commands=(
            look(
                *("aws", "ec2", "describe-nat-gateways", "--region", target.region),
                *("--filter", "Name=vpc-id,Values=<VPC_ID>"),
                *("--query", "NatGateways[].NatGatewayAddresses[].PrivateIp"),
                scope=CommandScope.VPC,
            ),
            admit(target, HTTPS, "<NAT_GATEWAY_ADDRESS>/32"),
            describe_endpoint(target),
        ),
    )


def _lookups_spoilt(
    evidence: Evidence, kinds: frozenset[FailureKind]
) -> Iterator[tuple[Target, Observation[Any], list[Observation[Any]]]]:
    """Targets whose own lookup failed for no reason of its own, with the answers of these kinds. The C library has one
    word for many reasons, so what the name servers say to a direct question decides."""
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        if lookup is None or lookup.failure is None or lookup.failure.kind not in _NO_REASON:
            continue
        asked = evidence.answers(target, evidence.configured_resolvers)
        said = [each for each in asked if each.failure is not None and each.failure.kind in kinds]
        if said:
            yield target, lookup, said


def _is_silence(answer: Observation[Any]) -> bool:
    return answer.failure is not None and answer.failure.kind in _SILENCE


def _servers(said: Sequence[Observation[Any]]) -> str:
    return listed(dict.fromkeys(each.subject.resolver for each in said))


def _s(said: Sequence[Observation[Any]]) -> str:
    return "s" if len({each.subject.resolver for each in said}) == 1 else ""


def resolver_degraded(evidence: Evidence) -> Iterator[Found]:
    """DNS016: one of several configured name servers is silent, fails or is slow while another answers."""
    servers = evidence.configured_resolvers
    asked: dict[Address, list[Observation[Any]]] = {server: [] for server in servers}
    for target in evidence.targets:
        for each in evidence.answers(target, servers):
            if each.made and each.subject.resolver is not None:
                asked[each.subject.resolver].append(each)
    well = [server for server, said in asked.items() if said and all(_is_prompt(each) for each in said)]
    for server, said in asked.items():
        bad = [each for each in said if not _is_prompt(each)]
        if not bad or not well or server in well:
            continue
        how = sorted({each.failure.kind if each.failure is not None else "slow" for each in bad})
        yield Found(
            code="DNS016",
            target=str(server),
            detail=f"Of this host's name servers {server} does not do its work ({listed(how)}, {after(bad)}) while "
            f"{listed(well)} answer{'s' if len(well) == 1 else ''}: "
            + (
                "look-ups stall whenever it is asked first."
                if any(map(_stalls, bad))
                else "look-ups that ask it first have to go on to another."
            ),
            evidence=ids([*bad, *(own for target in evidence.targets if (own := _stalled(evidence, target)))]),
            fix=Fix(
                summary="Mend that name server, or take it out where it comes from: the VPC's DHCP options (every "
                "host of the VPC has them), or this host's own network settings. On Amazon Linux 2023, RHEL and Ubuntu "
                "/etc/resolv.conf is generated, and what is edited there is lost.",
                commands=(
                    look("resolvectl", "status"),
                    look("nmcli", "device", "show"),
                    *_dhcp_options(evidence.run.region or "<REGION>"),
                ),
            ),
        )


def _is_prompt(answer: Observation[Any]) -> bool:
    """Whether a name server answered at all, and within a second; what it said is another matter."""
    spoken = answer.failure is None or answer.failure.kind in (FailureKind.NXDOMAIN, FailureKind.NODATA)
    return spoken and (answer.seconds or 0.0) < SLOW_SECONDS


def _stalls(answer: Observation[Any]) -> bool:
    """Whether a look-up waits for such an answer; after one that fails at once the C library asks the next server."""
    silent = answer.failure is not None and answer.failure.kind is FailureKind.TIMEOUT
    return silent or (answer.seconds or 0.0) >= SLOW_SECONDS


def _stalled(evidence: Evidence, target: Target) -> Observation[Any] | None:
    lookup = evidence.own_lookup(target)
    timed_out = lookup is not None and lookup.failure is not None and lookup.failure.kind is FailureKind.TIMEOUT
    return lookup if timed_out else None


RULES: Final = (
    Rule("DNS001", needs=(Step.DNS,), check=public_answer),
    Rule("DNS002", needs=(Step.DNS,), check=resolvers_disagree),
    Rule("DNS003", needs=(Step.DNS,), check=name_does_not_exist),
    Rule("DNS004", needs=(Step.DNS,), check=resolver_silent),
    Rule("DNS005", needs=(Step.DNS,), check=resolver_servfail),
    Rule("DNS006", needs=(Step.DNS,), check=empty_answer),
    Rule("DNS007", needs=(Step.DNS,), check=answer_redirected),
    Rule("DNS008", needs=(Step.DNS,), check=mixed_answer),
    Rule("DNS009", needs=(Step.DNS,), check=answer_outside_vpc),
    Rule("DNS010", needs=(Step.DNS,), check=bogus_address),
    Rule("DNS011", needs=(Step.DNS,), check=public_ipv6_beside),
    Rule("DNS012", needs=(Step.DNS,), check=nat64_answer),
    Rule("DNS013", needs=(Step.DNS,), check=resolver_refused),
    Rule("DNS014", needs=(Step.DNS,), check=appliance_names_shadowed),
    Rule("DNS015", needs=(Step.DNS,), check=system_lookup_differs),
    Rule("DNS016", needs=(Step.DNS,), check=resolver_degraded),
)
