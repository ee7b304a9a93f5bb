"""VPC rules for Resolver rules: names that are forwarded to other servers."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.headline import places
from agent.catalog.wording import listed
from agent.fixes.by_code import fix_of
from agent.fixes.fault import Fault
from agent.judge.conditions.name_settings import ForwardedAnswer, forwarding_answers
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import RESOLVER, Rule, RuleFinding, resting_on, says
from agent.network.names import profile_of
from agent.report.subjects import resources
from probes.model import Step
from probes.vpc.model import RESOLVER_RULES


def resolver_rule_forwards(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC015: a Resolver rule of the VPC forwards the name to other servers, and the VPC's resolver gives a wrong
    answer: a public address although the endpoint's private DNS is in order, a denial of the name or of its addresses,
    addresses that no endpoint has, private and public addresses in one answer, an error, or silence."""
    for answer in forwarding_answers(evidence):
        if profile_of(evidence.configuration, answer.rule.rule_id) is None:
            yield _forwarded(evidence, answer)


def _forwarded(evidence: Evidence, answer: ForwardedAnswer) -> RuleFinding:
    target, rule = answer.target, answer.rule
    domain = rule.domain or "."
    servers = listed(rule.targets) if rule.targets else "other servers"
    fix = fix_of(
        "VPC015",
        Fault(
            target=target,
            ids=(rule.rule_id,),
            servers=tuple(map(str, rule.targets)),
            is_exact=rule.domain == target.host,
        ),
    )
    return resting_on(
        evidence,
        RuleFinding(
            code="VPC015",
            target=target.id,
            headline={"rule": rule.rule_id, "where_to": places(rule.targets) or "other servers"},
            detail=f"{answer.measured} {says(evidence, RESOLVER, RESOLVER_RULES)} that the rule {rule.rule_id} of this "
            f"VPC sends {domain} and all names below it to {servers}.",
            evidence=answer.evidence,
            subjects=resources(rule.rule_id),
            addresses=answer.addresses,
            shared=frozenset({rule.rule_id}),
            fix=fix,
        ),
        *(RESOLVER_RULES,),
    )


RULES: Final = (Rule("VPC015", needs=(Step.DNS,), check=resolver_rule_forwards, reads=(RESOLVER_RULES,)),)
