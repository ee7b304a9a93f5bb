"""Calls that an endpoint's policy denied, and the policy's decision on the calls that the workloads here make."""

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from agent.catalog.findings import Severity
from agent.catalog.services import is_own_call
from agent.catalog.wording import listed
from agent.catalog.workload_calls import calls_of
from agent.judge.conditions.denials import Denial, PrincipalKind, read_denial
from agent.judge.evidence import Evidence, kept
from probes.facts import ApiFacts
from probes.frozen import dataclass
from probes.model import FailureKind, Observation, Target
from probes.vpc.model import VpcEndpoint

if TYPE_CHECKING:
    from agent.network.calls import Call, Judgement

_BY_OPTION: Final = frozenset({"--service", "--endpoint"})
"""Options that name a service, but do not show which software calls it."""


NOTHING_TO_FIX: Final = (
    "Nothing to fix: the policy allows every call that the workloads make there. To let this check prove access as "
    "well, allow the check's own call."
)


class Verdict(Enum):
    """Whether the calls of the workloads are allowed."""

    ALLOWED = auto()
    DENIED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCalls:
    """The decisions about the workloads' calls to a service whose endpoint denies this program's call."""

    verdict: Verdict
    actions: tuple[str, ...]
    """The actions that decide the verdict."""
    workloads: tuple[str, ...]

    @property
    def severity(self) -> Severity | None:
        """The severity of the denial. None stands for the severity of its code. If it is not certain that backups fail,
        the severity is lower."""
        return {Verdict.ALLOWED: Severity.INFO, Verdict.UNKNOWN: Severity.WARNING, Verdict.DENIED: None}[self.verdict]

    @property
    def sentence(self) -> str:
        """A sentence that follows the description of the denied call."""
        who, what = listed(self.workloads), listed(self.actions)
        match self.verdict:
            case Verdict.ALLOWED:
                return (
                    f" Only this check makes that call. The policy allows {what}, which is all that {who} calls there: "
                    "this is least privilege, not a fault."
                )
            case Verdict.DENIED:
                return f" The policy does not allow {what} either, which {who} calls."
            case Verdict.UNKNOWN:
                return (
                    f" Only this check makes that call. Whether the policy allows {what}, which is all that {who} "
                    "calls there, is not known here."
                )


def endpoint_denial(call: Observation[ApiFacts]) -> Denial | None:
    """The denial of a call by the endpoint's own policy, as AWS describes it; None for all other calls. A Deny on
    behalf of the organisation does not come from that policy."""
    if call.failure is None or call.failure.kind is not FailureKind.ACCESS_DENIED or call.facts is None:
        return None
    denial = read_denial(call.facts.error_message or "")
    return denial if denial.policy == "vpc-endpoint" and not denial.via_service_control else None


def asked_of(
    evidence: Evidence, target: Target, call: Observation[ApiFacts], denial: Denial, endpoint: VpcEndpoint
) -> "Call":
    """A call with its known properties, in the form in which an endpoint policy sees them."""
    from agent.network.calls import Call, resource_of

    operation = call.facts.operation if call.facts is not None else ""
    action = denial.action or f"{target.service}:{operation}"
    kind, principal = denial.principal_kind, denial.principal
    is_arn = kind is not None and kind not in (PrincipalKind.ACCOUNT, PrincipalKind.SERVICE)
    account = principal if kind is PrincipalKind.ACCOUNT else principal.split(":")[4] if is_arn and principal else None
    context = {"aws:sourcevpce": endpoint.endpoint_id, "aws:sourcevpc": endpoint.vpc_id}
    source = evidence.source(target, call.subject.address) if call.subject.address is not None else None
    if source is not None and endpoint.vpc_id == evidence.vpc_id:
        context["aws:vpcsourceip"] = str(source)
    return Call(
        action=action,
        resource=denial.resource
        or resource_of(action, partition=target.partition, region=target.region, account=account),
        principal_arn=principal if is_arn else None,
        principal_account=account,
        context=context,
    )


def endpoint_at(evidence: Evidence, call: Observation[ApiFacts]) -> VpcEndpoint | None:
    """The endpoint that a call went through; None if EC2 does not show it."""
    return evidence.endpoint_of(evidence.interface_at(call.subject.address)) if call.subject.address else None


@kept
def other_calls(evidence: Evidence, target: Target) -> OtherCalls | None:
    """The decisions of endpoint policies about the workloads' calls. The policies deny this program's own call because
    no statement allows it. None if the workloads make the same call, or if their calls are unknown."""
    denied = [
        (call, denial)
        for call in evidence.calls(target)
        if (denial := endpoint_denial(call)) is not None and not denial.explicit
    ]
    here = {workload.name for workload in evidence.workloads if target.service in workload.services}
    actions = calls_of(here, target.service)
    if not denied or not actions or is_own_call(target) or not _BY_OPTION.isdisjoint(target.required_by):
        return None
    judged = [
        (action, _judged(evidence, target, call, denial, action)) for call, denial in denied for action in actions
    ]
    names = tuple(sorted(name.value for name in here))
    shut = tuple(dict.fromkeys(action for action, judgement in judged if judgement is not None and judgement.denies))
    if shut:
        return OtherCalls(verdict=Verdict.DENIED, actions=shut, workloads=names)
    is_allowed = all(judgement is not None and _passes(judgement) for _, judgement in judged)
    verdict = Verdict.ALLOWED if is_allowed else Verdict.UNKNOWN
    return OtherCalls(verdict=verdict, actions=actions, workloads=names)


def _judged(
    evidence: Evidence, target: Target, call: Observation[ApiFacts], denial: Denial, action: str
) -> "Judgement | None":
    """The decision of a call's endpoint policy about another action. None if the policy was not read, or if what was
    read is too old."""
    from agent.network.calls import judge

    endpoint = endpoint_at(evidence, call)
    if endpoint is None or not evidence.is_configuration_fresh:
        return None
    seen = asked_of(evidence, target, call, denial, endpoint)
    return judge(endpoint.policy, replace(seen, action=action, resource=None))


def _passes(judgement: "Judgement") -> bool:
    """Whether a call is allowed, at least for some resources."""
    return not judgement.denies and (not judgement.is_in_doubt or judgement.allows_some)
