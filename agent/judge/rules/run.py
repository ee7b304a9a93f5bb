"""RUN rules: faults of the run itself."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.endpoint_urls import host_of_url
from agent.catalog.wording import counted, listed
from agent.fixes.commands import read_only
from agent.judge.evidence import Evidence
from agent.judge.observations import ids
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Fix
from agent.settings import DEFAULT_CALLS, DEFAULT_EC2, DEFAULT_WORKLOAD, Expect
from probes.model import NOT_STARTED, STARVED, Addressing, FailureKind, Role

_SHOWN: Final = 12


def incomplete(evidence: Evidence) -> Iterator[RuleFinding]:
    """RUN001: the deadline or an interrupt ended the run early."""
    if evidence.run.complete:
        return
    cut = [
        observation
        for observation in evidence.observations
        if observation.failure
        and observation.failure.kind is FailureKind.DEADLINE
        and observation.failure.code != STARVED
    ]
    not_started = [
        observation
        for observation in evidence.observations
        if observation.facts is None and observation.failure is None and not observation.ok
    ]
    missing = ids([*cut, *(observation for observation in not_started if _reason(observation).startswith(NOT_STARTED))])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    if evidence.run.interrupted:
        why, fix = "it was interrupted", Fix(summary="Run again and let it finish.")
    else:
        why = "its deadline came"
        fix = Fix(
            summary="Run again with a longer --deadline, or a shorter --timeout for each step.",
            commands=(read_only("backuplink", "check", *_options(evidence), "--deadline", "60"),),
        )
    yield RuleFinding(
        code="RUN001",
        target=None,
        headline={"seconds": f"{evidence.run.seconds:.1f} s", "why": why},
        detail=f"The run ended after {evidence.run.seconds:.1f} s because {why}. "
        + (f"Not finished: {listed(missing[:_SHOWN])}{more}." if missing else "Everything known by then was measured."),
        evidence=missing,
        fix=fix,
    )


def internal_error(evidence: Evidence) -> Iterator[RuleFinding]:
    """RUN002: a probe failed because of a bug in it."""
    bugs = [
        observation
        for observation in evidence.observations
        if observation.failure and observation.failure.kind is FailureKind.BUG
    ]
    if not bugs:
        return
    messages = sorted({observation.failure.message for observation in bugs if observation.failure})
    yield RuleFinding(
        code="RUN002",
        target=None,
        headline={"what": counted(len(bugs), "step")},
        detail=f"{len(bugs)} step{'s' if len(bugs) > 1 else ''} could not be made because of a fault in backuplink "
        f"itself: {listed(messages)}. The other results are valid.",
        evidence=ids(bugs),
        fix=REPORT_IT,
    )


def crashed(code: str, error: Exception) -> RuleFinding:
    """RUN002: the rule of this code raised an error."""
    return RuleFinding(
        code="RUN002",
        target=None,
        headline={"what": f"asking the rule of {code}"},
        detail=f"The rule {code} failed because of a fault in backuplink itself ({type(error).__name__}: {error}). The "
        "other results are valid.",
        evidence=(),
        fix=REPORT_IT,
    )


def _options(evidence: Evidence) -> tuple[str, ...]:
    """The options with which this run can be repeated, as far as the report has them. The environment and the settings
    are read again."""
    run, sdk = evidence.run, evidence.sdk
    options = ["--region", run.region] if run.region is not None and run.region_source == "--region" else []
    required = [target for target in evidence.targets if target.role is Role.REQUIRED]
    named = [
        target
        for target in required
        if target.addressing in (Addressing.VPCE, Addressing.CUSTOM)
        and (sdk is None or host_of_url(sdk.endpoint_urls.get(target.service, "")) != target.host)
    ]
    if run.workloads != (DEFAULT_WORKLOAD,):
        options += [word for workload in run.workloads for word in ("--workload", workload.value)]
    named_services = {target.service for target in required if "--service" in target.required_by}
    options += [word for service in sorted(named_services) for word in ("--service", service)]
    options += [word for target in named for word in ("--endpoint", f"{target.service}={target.host}")]
    hosts = {target.addressing for target in required}
    if sdk is not None and not sdk.fips and hosts & {Addressing.FIPS, Addressing.FIPS_DUALSTACK}:
        options.append("--fips")
    if sdk is not None and not sdk.dual_stack and hosts & {Addressing.DUALSTACK, Addressing.FIPS_DUALSTACK}:
        options.append("--dual-stack")
    if run.expect is not Expect.PRIVATE:
        options += ["--expect", run.expect.value]
    options += [word for block in run.private_cidrs for word in ("--private-cidr", str(block))]
    options += [] if run.calls is DEFAULT_CALLS else ["--calls", run.calls.value]
    options += ["--jobs"] if run.jobs else []
    options += [] if run.ec2 is DEFAULT_EC2 else ["--ec2", run.ec2.value]
    return tuple(options)


def _reason(observation: object) -> str:
    return str(getattr(getattr(observation, "outcome", None), "reason", ""))


REPORT_IT: Final = Fix(
    summary="This is a gap in backuplink. Please report it with the document that --format json gives; --redact masks "
    "ids, addresses and names in it.",
    commands=(read_only("backuplink", "check", "--redact", "--format", "json"),),
)

RULES: Final = (
    Rule("RUN001", needs=(), check=incomplete),
    Rule("RUN002", needs=(), check=internal_error),
)
