"""VPC, DNS Firewall: names that it blocks."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from agent.catalog.wording import listed
from agent.judge.commands import known_id, read_only
from agent.judge.conditions.dns_settings import blocking_rule, denials_of, is_matched, private_zone_for, zones_named
from agent.judge.conditions.names import NameFault, empty_answers, missing_names, redirected_answers
from agent.judge.evidence import Evidence
from agent.judge.observations import ids
from agent.judge.rules.rule import RESOLVER, Rule, RuleFinding, resting_on, says
from agent.report.model import CommandScope, Fix
from probes.model import FailureKind, Observation, Step, Target
from probes.vpc.model import DNS_FIREWALL, FirewallRule


def dns_firewall_blocks(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC017: the first DNS Firewall rule of the VPC that fits the name blocks it, and the VPC's resolver answers as
    that rule says."""
    for kind, faults, what in (
        (FailureKind.NXDOMAIN, missing_names(evidence), "does not exist for this host"),
        (FailureKind.NODATA, empty_answers(evidence), "has no address for this host"),
    ):
        for seen in faults:
            target = seen.target
            denials = denials_of(evidence, target, kind)
            zone = private_zone_for(evidence, target.host)
            rule = next(filter(None, (blocking_rule(evidence, target.host, answer) for answer in denials)), None)
            if rule is None or (zone is not None and zone.name in zones_named(denials)):
                continue
            yield _blocked(evidence, target, rule, seen, denials, f"{target.host} {what}.")
    for redirected in redirected_answers(evidence):
        target = redirected.target
        for answer in evidence.answers(target, evidence.vpc_resolvers):
            rule = blocking_rule(evidence, target.host, answer)
            if rule is not None and answer.facts is not None:
                yield _blocked(
                    *(evidence, target, rule, redirected, [answer]),
                    f"{target.host} has a CNAME to {answer.facts.canonical_name}.",
                )
                break


def _blocked(
    evidence: Evidence,
    target: Target,
    rule: FirewallRule,
    seen: NameFault,
    answers: Iterable[Observation[Any]],
    measured: str,
) -> RuleFinding:
    fits = [domain for domain in rule.domains or () if is_matched(target.host, domain)]
    group = known_id(rule.group_id, "<FIREWALL_RULE_GROUP_ID>")
    domains = known_id(rule.domain_list_id, "<FIREWALL_DOMAIN_LIST_ID>")
    return resting_on(
        evidence,
        RuleFinding(
            code="VPC017",
            target=target.id,
            detail=f"{measured} {says(evidence, RESOLVER, DNS_FIREWALL)} that DNS Firewall blocks {listed(fits)} in "
            f"this VPC and answers {rule.block_response}: group {rule.group_id}, domain list {rule.domain_list_id}.",
            evidence=tuple(dict.fromkeys((*seen.evidence, *ids(answers)))),
            addresses=seen.addresses,
            shared=frozenset(filter(None, (rule.group_id, rule.domain_list_id))),
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


RULES: Final = (Rule("VPC017", needs=(Step.DNS,), check=dns_firewall_blocks, reads=(DNS_FIREWALL,)),)
