"""Decisions of endpoint policies on the signed call to a bucket, for denials that give no reason.

Only the run's own call is judged. The other calls that a workload makes to its bucket were not measured.
"""

from __future__ import annotations  # the language of policies is imported only after a denial

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from agent.catalog.services import permission_of
from agent.judge.evidence import Evidence, kept
from probes.facts import ApiFacts
from probes.frozen import dataclass
from probes.model import FailureKind, Observation, Target
from probes.vpc.model import GatewayEndpoint, VpcEndpoint

if TYPE_CHECKING:
    from agent.network.calls import Judgement

_OF_INSTANCE: Final = "iam-role"
"""botocore's name for credentials of the role in the instance profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketDenial:
    """A denied call to a bucket, and the decision of the policy of the endpoint on its path."""

    call: Observation[ApiFacts]
    endpoint: GatewayEndpoint | VpcEndpoint
    action: str
    judgement: Judgement

    @property
    def is_of_policy(self) -> bool:
        """Whether the policy of that endpoint certainly denies the call."""
        return self.judgement.denies

    @property
    def is_in_doubt(self) -> bool:
        """Whether it is unknown if the policy of that endpoint denies the call."""
        return self.judgement.is_in_doubt


@kept
def bucket_denials(evidence: Evidence, target: Target) -> tuple[BucketDenial, ...]:
    """The denied calls to a target's bucket whose path is known to go through an endpoint."""
    return () if target.bucket is None else tuple(_denials(evidence, target))


def _denials(evidence: Evidence, target: Target) -> Iterator[BucketDenial]:
    from agent.network.calls import Call, judge

    permission = permission_of(target)
    if permission is None:
        return
    for call in evidence.calls(target):
        address = call.subject.address
        if call.failure is None or call.failure.kind is not FailureKind.ACCESS_DENIED or address is None:
            continue
        gateway = evidence.gateway_at(address).endpoint if evidence.may_have_gateway(address) else None
        endpoint = gateway or evidence.endpoint_of(evidence.interface_at(address))
        if endpoint is None:
            continue
        context = {"aws:sourcevpce": endpoint.endpoint_id, "aws:sourcevpc": endpoint.vpc_id}
        source = evidence.source(target, address)
        if source is not None and endpoint.vpc_id == evidence.vpc_id:
            context["aws:vpcsourceip"] = str(source)
        asked = Call(
            action=permission.action,
            resource=permission.resource.format(partition=target.partition, bucket=target.bucket),
            principal_arn=_session(evidence, target),
            context=context,
            is_by_gateway=gateway is not None,
        )
        judgement = judge(endpoint.policy, asked)
        yield BucketDenial(call=call, endpoint=endpoint, action=permission.action, judgement=judgement)


def _session(evidence: Evidence, target: Target) -> str | None:
    """The ARN of the caller's session. The caller must use the role of this instance, so the session's name is the
    instance's id (IAM User Guide, Roles terms and concepts). None if the caller does not use this role, or if a part of
    the ARN is unknown."""
    facts = None if evidence.credentials is None else evidence.credentials.facts
    imds = evidence.imds
    if facts is None or facts.source != _OF_INSTANCE or imds is None:
        return None
    role = facts.role or imds.role
    if not (role and imds.account_id and imds.instance_id):
        return None
    return f"arn:{target.partition}:sts::{imds.account_id}:assumed-role/{role}/{imds.instance_id}"
