"""DNS: who answers for the name, who does not, and whether this host hears what its servers say."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any, Final

from agent.catalog.findings import Severity
from agent.catalog.wording import after, listed
from agent.judge.commands import read_only
from agent.judge.conditions.resolvers import (
    failing_resolvers,
    is_silence,
    private_elsewhere,
    silent_resolvers,
    spoilt_lookups,
)
from agent.judge.evidence import Evidence
from agent.judge.observations import addresses_in, ids, private_in
from agent.judge.rules.rule import Found, Rule, servers_of, verb_ending
from agent.report.model import Command, CommandScope, Fix
from agent.settings import Expect
from probes.addresses import ordered, usable_families
from probes.facts import DnsFacts
from probes.model import Address, FailureKind, Observation, Step, Target

SLOW_SECONDS: Final = 1.0
_STUB: Final = ip_address("127.0.0.53")
"""Where systemd-resolved listens, and answers from what it remembers (systemd-resolved.service(8))."""
_FLUSH: Final = Command(
    argv=("resolvectl", "flush-caches"),
    scope=CommandScope.HOST,
    reversible=True,
    undo="nothing to do: the cache fills again by itself",
)


def resolvers_disagree(evidence: Evidence) -> Iterator[Found]:
    """DNS002: this host gets public addresses or none where the VPC's resolver gives private ones; or the reverse."""
    servers = evidence.configured_resolvers
    asks = f" (its name servers: {listed(servers)})" if servers else ""
    elsewhere = {fault.target.id: fault for fault in private_elsewhere(evidence)}
    for target in evidence.targets:
        fault = elsewhere.get(target.id)
        if fault is not None:
            yield Found(
                code="DNS002",
                target=target.id,
                detail=f"On this host {target.host} resolves to {_got(evidence, target, fault.lookup)}{asks}; "
                f"the VPC's resolver gives {listed(fault.theirs)}.",
                evidence=fault.evidence,
                addresses=fault.addresses,
                fix=_ask_the_vpc(target, is_cached=_STUB in servers),
            )
        else:
            yield from _private_here_alone(evidence, target)


def _ask_the_vpc(target: Target, *, is_cached: bool) -> Fix:
    return Fix(
        summary=("Flush the cache of systemd-resolved first: it may hold an old answer. " if is_cached else "")
        + "Make the name servers that this host uses forward the name to the VPC's resolver: from inside the VPC "
        "to 169.254.169.253, from elsewhere to a Route 53 Resolver inbound endpoint. Or let the DHCP options name "
        "AmazonProvidedDNS, which every host of the VPC then asks.",
        commands=(
            *([_FLUSH] if is_cached else []),
            read_only("resolvectl", "query", target.host),
            *_dhcp_options(target.region),
        ),
    )


def _private_here_alone(evidence: Evidence, target: Target) -> Iterator[Found]:
    """DNS002 as information: this host gets private addresses, and the VPC's resolver gives none."""
    lookup = evidence.own_lookup(target)
    if evidence.run.expect is not Expect.PRIVATE or lookup is None or not lookup.made or not evidence.in_aws:
        return
    private = [address for address in evidence.own_addresses(target) if evidence.is_private(address)]
    asked = [answer for answer in evidence.answers(target, evidence.vpc_resolvers) if answer.facts is not None]
    families = usable_families(evidence.host)
    if private and asked and not any(address.version in families for address in private_in(evidence, asked)):
        yield Found(
            code="DNS002",
            target=target.id,
            severity=Severity.INFO,
            detail=f"This host resolves {target.host} to {listed(private)}; the VPC's resolver gives no private "
            "address. What this host uses decides.",
            evidence=ids([lookup, *asked]),
            fix=Fix(summary="Nothing to fix while this host's own name servers are meant to answer for this name."),
        )


def resolver_silent(evidence: Evidence) -> Iterator[Found]:
    """DNS004: none of the name servers that this host is set to use answers anything, and its own lookups fail."""
    silent = silent_resolvers(evidence)
    if silent is None:
        return
    said = [
        f"{server} ({_how([answer for answer in silent.asked if answer.subject.resolver == server])})"
        for server in silent.servers
    ]
    yield Found(
        code="DNS004",
        target=str(silent.servers[0]),
        detail=f"No name server of this host answers: {listed(said)}."
        + (f" Not asked: {listed(silent.unasked)}." if silent.unasked else ""),
        evidence=silent.evidence,
        fix=Fix(
            summary="Fix the path to the name servers in /etc/resolv.conf: a firewall on this host; enableDnsSupport "
            "of the VPC where they are Amazon's; security group, network ACL and routes where they are your own. "
            "The AWS CLI finds no host from here: run it from a machine with EC2 access.",
            commands=(
                read_only("cat", "/etc/resolv.conf"),
                read_only(
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
    for kind in sorted({answer.failure.kind for answer in failed if answer.failure is not None}):
        took = [answer for answer in failed if answer.failure is not None and answer.failure.kind is kind]
        # Within a step a second datagram follows the first where that gets no answer; what fails at once is not
        # repeated.
        twice = ", asked twice" if kind is FailureKind.TIMEOUT else ""
        said.append(f"{kind} {after(took)}{twice}")
    return listed(said)


def _dhcp_options(region: str) -> tuple[Command, Command]:
    """Which set of DHCP options the VPC has, and what is in it; without an id all of the account are listed."""
    return (
        read_only(
            *("aws", "ec2", "describe-vpcs", "--region", region, "--vpc-ids", "<VPC_ID>"),
            *("--query", "Vpcs[].DhcpOptionsId"),
            scope=CommandScope.VPC,
        ),
        read_only(
            *("aws", "ec2", "describe-dhcp-options", "--region", region, "--dhcp-options-ids", "<DHCP_OPTIONS_ID>"),
            scope=CommandScope.VPC,
        ),
    )


def resolver_servfail(evidence: Evidence) -> Iterator[Found]:
    """DNS005: the host's own lookup fails, and a name server of its answers SERVFAIL, what cannot be read, or nothing
    for this name while it answers for another."""
    for failing in failing_resolvers(evidence):
        target, said = failing.target, failing.answers
        words = sorted(
            {
                f"nothing for this name ({answer.failure.message})" if is_silence(answer) else answer.failure.message
                for answer in said
                if answer.failure is not None
            }
        )
        yield Found(
            code="DNS005",
            target=target.id,
            detail=f"This host cannot resolve {target.host}, and {servers_of(said)} give{verb_ending(said)} no usable "
            f"answer: {listed(words)}.",
            evidence=failing.evidence,
            fix=Fix(
                summary="Fix what the name server asks in turn: the target of a Resolver rule for this name, or for "
                "one above it, that is down; a loop of forwarders; a DNS Firewall that fails closed.",
                commands=(
                    read_only("resolvectl", "query", target.host),
                    read_only(
                        *("aws", "route53resolver", "list-resolver-rule-associations", "--region", target.region),
                        *("--filters", "Name=VPCId,Values=<VPC_ID>"),
                        scope=CommandScope.VPC,
                    ),
                    read_only(
                        *("aws", "route53resolver", "get-resolver-rule", "--region", target.region),
                        *("--resolver-rule-id", "<RESOLVER_RULE_ID>"),
                        scope=CommandScope.VPC,
                    ),
                ),
            ),
        )


def resolver_refused(evidence: Evidence) -> Iterator[Found]:
    """DNS013: the host's own lookup fails, and its name server refuses to answer."""
    for target, lookup, said in spoilt_lookups(evidence, frozenset({FailureKind.DNS_REFUSED})):
        yield Found(
            code="DNS013",
            target=target.id,
            detail=f"This host cannot resolve {target.host}: {servers_of(said)} refuse{verb_ending(said)} to answer.",
            evidence=ids([lookup, *said]),
            fix=Fix(
                summary="Allow this host to ask that name server (its access list), or let it ask the VPC's resolver.",
                commands=(read_only("cat", "/etc/resolv.conf"),),
            ),
        )


def system_lookup_differs(evidence: Evidence) -> Iterator[Found]:
    """DNS015: programs on this host get another answer than its name servers give: a cache, nsswitch, a stale entry."""
    families = usable_families(evidence.host)
    for target in evidence.targets:
        lookup = evidence.own_lookup(target)
        asked = [
            answer for answer in evidence.of(Step.DNS, target) if answer.subject.resolver is not None and answer.made
        ]
        spoken = [answer for answer in asked if isinstance(answer.facts, DnsFacts)]
        if lookup is None or not lookup.made or not spoken:
            continue
        own = evidence.own_addresses(target)
        given = {address for answer in spoken for address in addresses_in(answer) if address.version in families}
        severity = None if lookup.ok else Severity.CRITICAL
        if _all_private(evidence, spoken, families) and not any(map(evidence.is_private, own)):
            what = f"On this host {target.host} resolves to {_got(evidence, target, lookup)}, while every name "
            what += f"server that was asked gives {listed(ordered(given))}."
        elif (
            # Where none of what the servers gave connects either, an answer that rotates looks the same.
            any(evidence.is_connected(target, address) for address in given)
            and (
                strange := [
                    address for address in own if address not in given and evidence.is_unconnected(target, address)
                ]
            )
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
                summary="Check what answers before DNS on this host: the hosts line of /etc/nsswitch.conf, a cache "
                "(nscd, systemd-resolved, dnsmasq) that holds an old answer, a container's own resolv.conf. Flush it, "
                "or wait for its time to live.",
                commands=(read_only("getent", "ahosts", target.host), read_only("cat", "/etc/nsswitch.conf")),
            ),
        )


def _all_private(evidence: Evidence, asked: Sequence[Observation[Any]], families: frozenset[int]) -> bool:
    """Whether every name server that answered gives private addresses of a family that this host has, and none
    that are not; this host's own servers among them. Whether one is silent is another matter."""
    servers = {answer.subject.resolver for answer in asked}
    if not servers.intersection(evidence.configured_resolvers):
        return False
    for server in servers:
        given = [
            address
            for answer in asked
            if answer.subject.resolver == server
            for address in addresses_in(answer)
            if address.version in families
        ]
        if not given or not all(map(evidence.is_private, given)):
            return False
    return True


def resolver_degraded(evidence: Evidence) -> Iterator[Found]:
    """DNS016: one of several configured name servers is silent, fails or is slow while another answers."""
    servers = evidence.configured_resolvers
    asked: dict[Address, list[Observation[Any]]] = {server: [] for server in servers}
    for target in evidence.targets:
        for answer in evidence.answers(target, servers):
            if answer.made and answer.subject.resolver is not None:
                asked[answer.subject.resolver].append(answer)
    well = [server for server, said in asked.items() if said and all(_is_prompt(answer) for answer in said)]
    for server, said in asked.items():
        bad = [answer for answer in said if not _is_prompt(answer)]
        if not bad or not well or server in well:
            continue
        how = sorted({answer.failure.kind if answer.failure is not None else "slow" for answer in bad})
        yield Found(
            code="DNS016",
            target=str(server),
            detail=f"Of this host's name servers {server} does not do its work ({listed(how)}, {after(bad)}) while "
            f"{listed(well)} answer{'s' if len(well) == 1 else ''}: "
            + (
                "lookups stall whenever it is asked first."
                if any(map(_stalls, bad))
                else "lookups that ask it first have to ask another."
            ),
            evidence=ids([*bad, *(own for target in evidence.targets if (own := _stalled(evidence, target)))]),
            fix=Fix(
                summary="Fix that name server, or remove it where it is configured: the VPC's DHCP options (every "
                "host of the VPC has them), or this host's own network settings. On Amazon Linux 2023, RHEL and Ubuntu "
                "/etc/resolv.conf is generated, and what is edited there is lost.",
                commands=(
                    read_only("resolvectl", "status"),
                    read_only("nmcli", "device", "show"),
                    *_dhcp_options(evidence.run.region or "<REGION>"),
                ),
            ),
        )


def _is_prompt(answer: Observation[Any]) -> bool:
    """Whether a name server answered at all, and within a second; the content does not count."""
    spoken = answer.failure is None or answer.failure.kind in (FailureKind.NXDOMAIN, FailureKind.NODATA)
    return spoken and (answer.seconds or 0.0) < SLOW_SECONDS


def _stalls(answer: Observation[Any]) -> bool:
    """Whether a lookup waits for such an answer; after one that fails at once the C library asks the next server."""
    silent = answer.failure is not None and answer.failure.kind is FailureKind.TIMEOUT
    return silent or (answer.seconds or 0.0) >= SLOW_SECONDS


def _stalled(evidence: Evidence, target: Target) -> Observation[Any] | None:
    lookup = evidence.own_lookup(target)
    timed_out = lookup is not None and lookup.failure is not None and lookup.failure.kind is FailureKind.TIMEOUT
    return lookup if timed_out else None


RULES: Final = (
    Rule("DNS002", needs=(Step.DNS,), check=resolvers_disagree),
    Rule("DNS004", needs=(Step.DNS,), check=resolver_silent),
    Rule("DNS005", needs=(Step.DNS,), check=resolver_servfail),
    Rule("DNS013", needs=(Step.DNS,), check=resolver_refused),
    Rule("DNS015", needs=(Step.DNS,), check=system_lookup_differs),
    Rule("DNS016", needs=(Step.DNS,), check=resolver_degraded),
)
