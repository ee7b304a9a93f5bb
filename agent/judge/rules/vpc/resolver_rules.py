"""VPC, Resolver rules: names that are sent to other servers."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from agent.catalog.wording import listed
from agent.judge.commands import known_id, read_only
from agent.judge.conditions.dns_settings import (
    answering_rule,
    denials_of,
    endpoints_here,
    forwarded_names,
    resolver_rule_for,
    unanswered,
)
from agent.judge.conditions.names import (
    NameFault,
    empty_answers,
    is_of_vpc_resolver,
    missing_names,
    mixed_answers,
    public_answers,
)
from agent.judge.conditions.resolvers import SilentResolvers, failing_resolvers, refused_lookups, silent_resolvers
from agent.judge.evidence import Evidence
from agent.judge.observations import addresses_in, ids
from agent.judge.rules.rule import RESOLVER, Rule, RuleFinding, resting_on, says, servers_of, verb_ending
from agent.report.model import Command, CommandScope, Fix
from probes.addresses import ordered
from probes.model import FailureKind, Observation, Step, Target
from probes.vpc.model import AVAILABLE, RESOLVER_RULES, ResolverRule


def resolver_rule_forwards(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC015: a Resolver rule sends the name to other servers, and the VPC's resolver gives a public answer though the
    endpoint's private DNS is in order, that there is no such name or no address of it, addresses that no endpoint has,
    private and public ones in one answer, an error, or nothing.

    That the more specific zone of private DNS wins over a rule is likely and not documented, so it is the answer that
    tells.
    """
    dns = evidence.configuration.dns
    for seen in public_answers(evidence):
        target = seen.target
        rule = resolver_rule_for(evidence, target.host)
        answers = evidence.answers(target, evidence.vpc_resolvers)
        public = [answer for answer in answers if any(map(evidence.is_public, addresses_in(answer)))]
        on = [
            endpoint.endpoint_id
            for endpoint in endpoints_here(evidence, target)
            if endpoint.private_dns and endpoint.state == AVAILABLE and target.host in endpoint.dns_names
        ]
        if rule is None or not public or not on or dns is None or not (dns.support and dns.hostnames):
            continue
        yield _forwarded(
            *(evidence, target, rule, seen, public),
            f"{servers_of(public)} give{'s' if len(public) == 1 else ''} {target.host} "
            f"{listed(ordered(seen.addresses))}, though private DNS of {listed(on)} is on.",
        )
    for kind, faults, what in (
        (FailureKind.NXDOMAIN, missing_names(evidence), "that there is no"),
        (FailureKind.NODATA, empty_answers(evidence), "no address for"),
    ):
        for denied in faults:
            target = denied.target
            denials = denials_of(evidence, target, kind)
            rule = answering_rule(evidence, target, denials)
            if rule is not None and denials:
                says_so = "says" if kind is FailureKind.NXDOMAIN else "gives"
                yield _forwarded(
                    *(evidence, target, rule, denied, denials),
                    f"The VPC's resolver ({servers_of(denials)}) {says_so} {what} {target.host}.",
                )
    for forwarded in forwarded_names(evidence):
        target = forwarded.target
        gave = [
            answer
            for answer in evidence.answers(target, evidence.vpc_resolvers)
            if forwarded.addresses.intersection(addresses_in(answer))
        ]
        yield _forwarded(
            *(evidence, target, forwarded.rule, forwarded, gave),
            f"{servers_of(gave)} give{'s' if len(gave) == 1 else ''} {target.host} "
            f"{listed(ordered(forwarded.addresses))}.",
        )
    for mixed in mixed_answers(evidence):
        target = mixed.target
        answers = evidence.answers(target, evidence.vpc_resolvers)
        rule = answering_rule(evidence, target, answers)
        # Neither private DNS nor public DNS gives both, so that the rule's servers do, whatever endpoint is here.
        if rule is not None and is_of_vpc_resolver(evidence, mixed):
            gave = [answer for answer in answers if mixed.addresses.intersection(addresses_in(answer))]
            yield _forwarded(
                *(evidence, target, rule, mixed, gave),
                f"{servers_of(gave)} give{verb_ending(gave)} {target.host} {listed(mixed.private)}, which are "
                f"private, and {listed(mixed.public)}, which are not.",
            )
    for failing in (*failing_resolvers(evidence), *refused_lookups(evidence)):
        target = failing.target
        rule = resolver_rule_for(evidence, target.host)
        failed = [
            answer for answer in evidence.answers(target, evidence.vpc_resolvers) if answer.id in failing.evidence
        ]
        if rule is not None and failed:
            why = listed(sorted({read.failure.message for read in failed if read.failure is not None}))
            yield _forwarded(
                *(evidence, target, rule, failing, failed),
                f"The VPC's resolver ({servers_of(failed)}) gives no usable answer for {target.host}: {why}.",
            )
    silent = silent_resolvers(evidence)
    if silent is not None:
        for target in evidence.targets:
            rule = resolver_rule_for(evidence, target.host)
            asked = unanswered(evidence, target)
            if rule is not None and asked and (dns is None or dns.support):
                yield _forwarded(
                    *(evidence, target, rule, silent, asked),
                    f"The VPC's resolver ({servers_of(asked)}) gives no answer for {target.host}.",
                )


def _forwarded(
    evidence: Evidence,
    target: Target,
    rule: ResolverRule,
    seen: NameFault | SilentResolvers,
    asked: Iterable[Observation[Any]],
    measured: str,
) -> RuleFinding:
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
            "inbound endpoint of this VPC; no other rule for the same name can exist next to it.",
            commands=(show,),
        )
    else:
        fix = Fix(
            summary=f"Let the VPC answer {target.host} itself: a rule of type SYSTEM for it, which is more specific "
            f"and leaves the other names of the rule as they are. Or fix the servers ({servers}).",
            commands=(show, *_system_rule(target)),
        )
    return resting_on(
        evidence,
        RuleFinding(
            code="VPC015",
            target=target.id,
            detail=f"{measured} {says(evidence, RESOLVER, RESOLVER_RULES)} that the rule {rule.rule_id} of this VPC "
            f"sends {domain} and all names below it to {servers}.",
            evidence=tuple(dict.fromkeys((*seen.evidence, *ids(asked)))),
            addresses=seen.addresses if isinstance(seen, NameFault) else frozenset(),
            shared=frozenset({rule.rule_id}),
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


RULES: Final = (Rule("VPC015", needs=(Step.DNS,), check=resolver_rule_forwards, reads=(RESOLVER_RULES,)),)
