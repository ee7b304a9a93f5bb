"""What all formats for monitoring take from a report: the observations that count."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent.report.model import Report, Status, TargetReport
from probes.facts import TlsFacts
from probes.model import Failed, Observation, Ok, Role, Skipped, Step
from probes.operations import GETADDRINFO
from probes.ports import HTTPS

RESULTS: Final[Mapping[type, str]] = {Ok: "ok", Failed: "failed", Skipped: "skipped"}
"""How a step ended, in the words of the report."""


def has_run(report: Report) -> bool:
    """Whether there was a run; a call that is refused starts none."""
    return bool(report.observations)


def is_probed(target: TargetReport) -> bool:
    """Whether a target is one that the run is about: in use, and not checked for comparison alone."""
    return target.status is not Status.NOT_IN_USE and target.role is not Role.CONTEXT


def own_lookup(target: TargetReport, report: Report) -> Observation[Any] | None:
    """This host's own lookup of a target's name."""
    lookups = (
        observation
        for observation in report.observations
        if observation.subject.step is Step.DNS
        and observation.subject.target == target.id
        and observation.subject.resolver is None
        and observation.subject.operation == GETADDRINFO
    )
    return next(lookups, None)


def in_use(target: TargetReport, report: Report) -> Iterator[Observation[Any]]:
    """The steps at the addresses that this host's own lookup gave, without extra checks such as a padded request."""
    own = {address.address for address in target.addresses if address.from_own_lookup}
    for observation in report.observations:
        subject = observation.subject
        if (
            subject.target == target.id
            and subject.address in own
            and subject.port is not None
            and subject.operation is None
        ):
            yield observation


def certificate_end(target: TargetReport, report: Report) -> float | None:
    """Unix time at which the first certificate expires, of those that addresses in use presented on 443 in a successful
    handshake; None where there was none."""
    ends = (
        certificate.not_after.timestamp()
        for observation in in_use(target, report)
        if observation.ok and observation.subject.port == HTTPS and isinstance(observation.facts, TlsFacts)
        for certificate in observation.facts.certificates
    )
    return min(ends, default=None)
