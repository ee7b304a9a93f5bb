"""VPC rules for gateway endpoints: a missing route in this subnet's table, and a policy that denies a bucket."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.findings import Severity
from agent.catalog.wording import listed
from agent.fixes.by_code import fix_of
from agent.fixes.fault import Fault
from agent.judge.conditions.bucket_policies import BucketDenial, bucket_denials
from agent.judge.evidence import Evidence
from agent.judge.observations import ids, places
from agent.judge.rules.rule import EC2, Rule, RuleFinding, resting_on, says
from agent.report.subjects import resources
from probes.model import Role, Step, Target
from probes.vpc.model import AVAILABLE, ENDPOINTS, ROUTE_TABLES, GatewayEndpoint


def gateway_endpoint_does_not_carry(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC019: the VPC has a gateway endpoint of the service. Either this subnet's route table is not associated with
    the endpoint, or the endpoint's policy denies the bucket that a workload uses."""
    yield from _route_missing(evidence)
    yield from _policy_denies(evidence)


def _route_missing(evidence: Evidence) -> Iterator[RuleFinding]:
    for target in evidence.targets:
        there = [gateway for gateway in evidence.gateway_endpoints(target) or () if gateway.state == AVAILABLE]
        public = [address for address in evidence.own_addresses(target) if evidence.is_public(address)]
        if not there or not public or target.role is not Role.REQUIRED:
            continue
        tables = {evidence.gateway_at(address).table_id for address in public}
        table_id = tables.pop() if len(tables) == 1 else None
        if table_id is None or any(table_id in gateway.route_table_ids for gateway in there):
            continue  # the route exists, and these addresses do not belong to the service
        lookup = evidence.own_lookup(target)
        names = listed(gateway.endpoint_id for gateway in there)
        having = dict.fromkeys(table for gateway in there for table in gateway.route_table_ids)
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC019",
                target=target.id,
                headline={"route_table": table_id, "endpoint": there[0].endpoint_id},
                detail=f"{target.host} resolves to {listed(public)}, and {table_id}, the route table of this subnet, "
                f"has no route to {'it' if len(public) == 1 else 'them'} through {names}, the gateway endpoint of "
                f"{target.service} in this VPC. {says(evidence, EC2, ENDPOINTS, ROUTE_TABLES)} that such a route is "
                + (f"in {listed(having)}." if having else "in no route table."),
                evidence=ids(filter(None, [lookup])),
                subjects=resources(table_id, *(gateway.endpoint_id for gateway in there), *having),
                addresses=frozenset(public),
                fix=fix_of("VPC019", Fault(target=target, ids=(table_id, there[0].endpoint_id))),
            ),
            *(ENDPOINTS, ROUTE_TABLES),
        )


def _policy_denies(evidence: Evidence) -> Iterator[RuleFinding]:
    for target in evidence.targets:
        denied = [denial for denial in _at_gateways(evidence, target) if denial.is_of_policy]
        if not denied:
            continue
        calls = [denial.call for denial in denied]
        by_words = {(denial.endpoint.endpoint_id, denial.judgement.words): denial for denial in denied}
        words = [
            f"{says(evidence, EC2, ENDPOINTS)} of the policy of {endpoint}, the gateway endpoint on the way: {why}."
            for endpoint, why in by_words
        ]
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC019",
                target=target.id,
                headline={"policy_of": denied[0].endpoint.endpoint_id, "action": denied[0].action},
                severity=Severity.CRITICAL,
                detail=f"S3 denies {denied[0].action} on the bucket {target.bucket} at "
                f"{listed(call.subject.address for call in calls)}. {' '.join(words)}",
                evidence=ids(calls),
                subjects=resources(*(endpoint for endpoint, _ in by_words)),
                addresses=places(calls),
                fix=fix_of(
                    "VPC019",
                    Fault(
                        target=target,
                        ids=tuple(endpoint for endpoint, _ in by_words),
                        actions=("s3:ListBucket", "s3:GetObject", "s3:PutObject"),
                        caller="the agent's role",
                        notes=("The policy that AWS publishes for the agent lists the other calls that it makes.",),
                    ),
                ),
            ),
            *(ENDPOINTS, ROUTE_TABLES),
        )


def _at_gateways(evidence: Evidence, target: Target) -> Iterator[BucketDenial]:
    return (denial for denial in bucket_denials(evidence, target) if isinstance(denial.endpoint, GatewayEndpoint))


def undecided_policy(evidence: Evidence) -> str | None:
    """The unknown parts of the policies of gateway endpoints on the path of denied calls; None if everything is
    known."""
    unclear = [
        f"of the policy of {denial.endpoint.endpoint_id}, {denial.judgement.words}"
        for target in evidence.targets
        for denial in _at_gateways(evidence, target)
        if denial.is_in_doubt
    ]
    return None if not unclear else f"a call was denied, and {listed(dict.fromkeys(unclear))}"


RULES: Final = (
    Rule(
        "VPC019",
        needs=(Step.DNS,),
        check=gateway_endpoint_does_not_carry,
        reads=(ENDPOINTS, ROUTE_TABLES),
        unseen=undecided_policy,
    ),
)
