"""DNS: what the name resolves to, and who says so."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from agent.catalog.services import BACKUP_GATEWAY
from agent.codes import Severity
from agent.evidence import Evidence, ordered
from agent.plan import usable_families
from agent.report import Command, CommandScope, Fix
from agent.rules.rule import Found, Rule, after, describe_endpoint, ids, listed, look
from agent.settings import Expect
from probes.facts import DnsFacts
from probes.model import Address, FailureKind, Observation, Step, Target

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
        if not public or _private_in(evidence, asked):
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
        fix = Fix(
            summary="Make the name servers that this host uses forward the AWS names to the VPC's resolver (through a "
            "Route 53 Resolver inbound endpoint), or let the VPC's DHCP options name AmazonProvidedDNS.",
            commands=(
                look("resolvectl", "query", target.host),
                look("aws", "ec2", "describe-dhcp-options", "--region", target.region, scope=CommandScope.VPC),
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
                summary="Look for a private hosted zone of that name which lacks the record, for a DNS Firewall rule, "
                "and for a misspelt Region; then add an alias to the endpoint, or remove the zone.",
                commands=(
                    look(
                        *("aws", "route53", "list-hosted-zones-by-vpc", "--vpc-id", "<VPC_ID>"),
                        *("--vpc-region", target.region),
                        scope=CommandScope.VPC,
                    ),
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
            summary="Mend the way to the name servers in /etc/resolv.conf: a firewall on this host, "
            "enableDnsSupport of the VPC where they are Amazon's, security group, network ACL and routes where they "
            "are your own.",
            commands=(
                look("cat", "/etc/resolv.conf"),
                look(
                    *("aws", "ec2", "describe-vpc-attribute", "--vpc-id", "<VPC_ID>"),
                    *("--attribute", "enableDnsSupport"),
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


def _private_in(evidence: Evidence, answers: Sequence[Observation[Any]]) -> tuple[Address, ...]:
    found = {
        address
        for each in answers
        if isinstance(each.facts, DnsFacts)
        for address in each.facts.addresses
        if evidence.is_private(address)
    }
    return ordered(found)


def _enable_private_dns(target: Target) -> Fix:
    if target.service == BACKUP_GATEWAY.name:
        return Fix(
            summary="Programs that call the Backup gateway API from a VPC without internet access need private DNS on "
            "its endpoint; appliances that were activated against the public names stop working with it. Decide which "
            "of the two this VPC holds, or call the endpoint by its own DNS name.",
            commands=(describe_endpoint(target),),
        )
    return Fix(
        summary="Create an interface endpoint for the service in this VPC if there is none; otherwise turn on private "
        "DNS for it, and both DNS attributes of the VPC. It takes effect for every host of the VPC.",
        commands=(
            describe_endpoint(target),
            Command(
                argv=(
                    *("aws", "ec2", "modify-vpc-endpoint", "--region", target.region),
                    *("--vpc-endpoint-id", "<VPC_ENDPOINT_ID>", "--private-dns-enabled"),
                ),
                scope=CommandScope.VPC,
                reversible=True,
                undo="the same command with --no-private-dns-enabled",
            ),
            Command(
                argv=("aws", "ec2", "modify-vpc-attribute", "--vpc-id", "<VPC_ID>", "--enable-dns-hostnames"),
                scope=CommandScope.VPC,
                reversible=True,
                undo="the same command with --no-enable-dns-hostnames",
            ),
        ),
    )


RULES: Final = (
    Rule("DNS001", needs=(Step.DNS,), check=public_answer),
    Rule("DNS002", needs=(Step.DNS,), check=resolvers_disagree),
    Rule("DNS003", needs=(Step.DNS,), check=name_does_not_exist),
    Rule("DNS004", needs=(Step.DNS,), check=resolver_silent),
)
