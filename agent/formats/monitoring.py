"""What every format for monitors takes from a report: the observations that count, and how each finding stands."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from agent.report.model import Finding, Report, Status, TargetReport
from probes.facts import TlsFacts
from probes.model import Failed, Observation, Ok, Role, Skipped, Step
from probes.operations import GETADDRINFO
from probes.ports import HTTPS

RESULTS: Final[Mapping[type, str]] = {Ok: "ok", Failed: "failed", Skipped: "skipped"}
"""How a step ended, as the report says it."""


class Standing(StrEnum):
    """What a finding is to the verdict."""

    CAUSE = "cause"
    SYMPTOM = "symptom"
    NOT_COUNTED = "not-counted"
    """A cause at what nobody asked for, and what follows from it: it raises no verdict."""
    SUPPRESSED = "suppressed"
    """Known, or explained by what is known alone: it counts for nothing."""


def was_made(report: Report) -> bool:
    """Whether there was a run; a call that is refused makes none."""
    return bool(report.observations)


def standings(report: Report) -> list[tuple[Finding, Standing]]:
    """The findings, in the order of the report, with what each is."""
    by_id = {finding.id: finding for finding in report.findings}
    return [(finding, _standing(finding, by_id)) for finding in report.findings]


def _standing(finding: Finding, by_id: Mapping[str, Finding]) -> Standing:
    chain = [finding]
    while (above := by_id.get(chain[-1].explained_by or "")) is not None and above not in chain:
        chain.append(above)
    if any(each.suppressed for each in chain):
        return Standing.SUPPRESSED
    if not chain[-1].counts:
        return Standing.NOT_COUNTED
    # Of a saved report, findings may explain each other, and then explain nothing.
    return Standing.CAUSE if len(chain) == 1 or above is finding else Standing.SYMPTOM


def is_probed(target: TargetReport) -> bool:
    """Whether a target is one that the run is about: in use, and not looked at for comparison alone."""
    return target.status is not Status.NOT_IN_USE and target.role is not Role.CONTEXT


def own_lookup(target: TargetReport, report: Report) -> Observation[Any] | None:
    """This host's own look-up of a target's name."""
    found = (
        each
        for each in report.observations
        if each.subject.step is Step.DNS
        and each.subject.target == target.id
        and each.subject.resolver is None
        and each.subject.operation == GETADDRINFO
    )
    return next(found, None)


def in_use(target: TargetReport, report: Report) -> Iterator[Observation[Any]]:
    """The steps at the addresses that this host's own look-up gave, without the looks that were taken beside them."""
    own = {each.address for each in target.addresses if each.from_own_lookup}
    for each in report.observations:
        subject = each.subject
        if (
            subject.target == target.id
            and subject.address in own
            and subject.port is not None
            and subject.operation is None
        ):
            yield each


def certificate_end(target: TargetReport, report: Report) -> float | None:
    """Unix time at which the first certificate ends that an address in use has shown on 443 in a handshake that went
    well; None where there was none."""
    ends = (
        certificate.not_after.timestamp()
        for each in in_use(target, report)
        if each.ok and each.subject.port == HTTPS and isinstance(each.facts, TlsFacts)
        for certificate in each.facts.certificates
    )
    return min(ends, default=None)
