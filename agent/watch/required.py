"""Find the services that a run requires, and whether the run may have missed a reason for requiring services. Pure."""

from collections.abc import Collection

from agent.report.model import Report
from probes.facts import WorkloadFacts
from probes.model import Role, Step
from probes.operations import SDK_SETTINGS, WORKLOADS


def required_services(report: Report) -> dict[str, tuple[str, ...]]:
    """Return the services that must be reachable, in the order of the report, with the workloads and options that
    require each."""
    required: dict[str, tuple[str, ...]] = {}
    for target in report.targets:
        if target.role is Role.REQUIRED:
            required[target.service] = (*required.get(target.service, ()), *target.required_by)
    return {service: tuple(dict.fromkeys(required_by)) for service, required_by in required.items()}


def signs_of(report: Report) -> frozenset[str]:
    """Return the signs by which each workload was found: paths on this host, and options."""
    return frozenset(workload.by for workload in report.vantage.workloads)


def hides_workload(report: Report, signs: Collection[str]) -> bool:
    """Whether a run may have missed a workload or an option that requires services: the search for workloads failed,
    the SDK's settings could not be read, or one of the `signs` of earlier workloads could not be read."""
    for observation in report.observations:
        subject = observation.subject
        if subject.step is not Step.HOST or subject.operation not in (SDK_SETTINGS, WORKLOADS):
            continue
        if not observation.ok:
            return True
        facts = observation.facts
        if isinstance(facts, WorkloadFacts):
            unread = {file.path for file in facts.unread}
            if any(sign == path or sign.startswith(f"{path}/") for sign in signs for path in unread):
                return True
    return False
