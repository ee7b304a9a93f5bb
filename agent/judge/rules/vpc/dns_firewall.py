"""VPC rules for DNS Firewall: names that it blocks."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import listed
from agent.fixes.by_code import fix_of
from agent.fixes.fault import Fault
from agent.judge.conditions.name_settings import BlockingAnswer, blocking_answers
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import RESOLVER, Rule, RuleFinding, resting_on, says
from agent.network.names import profile_of
from agent.report.subjects import resources
from probes.model import Step
from probes.vpc.model import DNS_FIREWALL


def dns_firewall_blocks(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC017: the first DNS Firewall rule of the VPC that matches the name blocks it, and the VPC's resolver gives that
    rule's answer."""
    for answer in blocking_answers(evidence):
        if profile_of(evidence.configuration, answer.rule.group_id) is None:
            yield _blocked(evidence, answer)


def _blocked(evidence: Evidence, answer: BlockingAnswer) -> RuleFinding:
    target, rule = answer.target, answer.rule
    return resting_on(
        evidence,
        RuleFinding(
            code="VPC017",
            target=target.id,
            headline={"rule_group": rule.group_id, "domain": answer.fits[0]},
            detail=f"{answer.measured} {says(evidence, RESOLVER, DNS_FIREWALL)} that DNS Firewall blocks "
            f"{listed(answer.fits)} in this VPC and answers {rule.block_response}: group {rule.group_id}, domain list "
            f"{rule.domain_list_id}.",
            evidence=answer.evidence,
            subjects=resources(rule.group_id, rule.domain_list_id),
            addresses=answer.addresses,
            shared=frozenset(filter(None, (rule.group_id, rule.domain_list_id))),
            fix=fix_of("VPC017", Fault(target=target, ids=tuple(filter(None, (rule.group_id, rule.domain_list_id))))),
        ),
        *(DNS_FIREWALL,),
    )


RULES: Final = (Rule("VPC017", needs=(Step.DNS,), check=dns_firewall_blocks, reads=(DNS_FIREWALL,)),)
