"""ENV: the Region and the metadata service."""

from collections.abc import Iterator
from typing import Final

from agent.codes import Severity
from agent.evidence import Evidence
from agent.report import CommandScope, Fix
from agent.rules.rule import Found, Rule, ids, listed, look
from probes.model import FailureKind, Step

_NO_SERVICE: Final = frozenset(
    {
        FailureKind.TIMEOUT,
        FailureKind.REFUSED,
        FailureKind.RESET,
        FailureKind.CLOSED,
        FailureKind.UNREACHABLE,
        FailureKind.PROHIBITED,
        FailureKind.MALFORMED,
        FailureKind.TOO_LARGE,
    }
)


def region_unknown(evidence: Evidence) -> Iterator[Found]:
    """ENV001: no Region from option, environment, profile or metadata."""
    if evidence.run.region is not None:
        return
    looked = [each for each in (*evidence.of(Step.HOST), *evidence.of(Step.IMDS)) if each.subject.target is None]
    lost = [each for each in looked if each.failure is not None and not each.made]
    yield Found(
        code="ENV001",
        target=None,
        detail="No Region from --region, AWS_REGION, AWS_DEFAULT_REGION, the SDK's profile or instance metadata: "
        "there is no endpoint name to look for." + (f" Not read to its end: {listed(ids(lost))}." if lost else ""),
        evidence=ids(looked),
        fix=Fix(
            summary="Name the Region whose Backup endpoint this host uses.",
            commands=(look("backuplink", "check", "--region", "<REGION>"),),
        ),
    )


def metadata_unreachable(evidence: Evidence) -> Iterator[Found]:
    """ENV002: the IMDSv2 token request gets no answer, or nonsense. Silent where nothing says that this is AWS."""
    if not evidence.in_aws:
        return
    for each in evidence.of(Step.IMDS):
        failure = each.failure
        if failure is None or failure.kind not in _NO_SERVICE:
            continue
        missed = evidence.run.region is None
        yield Found(
            code="ENV002",
            target=None,
            severity=Severity.WARNING if missed else Severity.INFO,
            detail=f"The instance metadata service did not answer as it should: {failure.message}. "
            + ("The Region is missing for it." if missed else "Nothing that this run needs is missing for it."),
            evidence=ids([each]),
            fix=Fix(
                summary="Let this process reach 169.254.169.254 on port 80: look for a firewall rule on this host, "
                "a proxy variable, and in a container for a hop limit of 1.",
                commands=(
                    look(
                        *("aws", "ec2", "describe-instances", "--instance-ids", "<INSTANCE_ID>"),
                        *("--query", "Reservations[].Instances[].MetadataOptions"),
                        scope=CommandScope.ACCOUNT,
                    ),
                ),
            ),
        )


RULES: Final = (
    Rule("ENV001", needs=(), check=region_unknown),
    Rule("ENV002", needs=(Step.IMDS,), check=metadata_unreachable),
)
