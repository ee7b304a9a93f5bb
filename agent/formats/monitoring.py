"""The observations that count, for all formats of monitoring."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent.report.model import Report, Status, TargetReport
from probes.facts import TlsFacts
from probes.model import Failed, Observation, Ok, Role, Skipped, Step
from probes.operations import GETADDRINFO
from probes.ports import HTTPS

RESULTS: Final[Mapping[type, str]] = {Ok: "ok", Failed: "failed", Skipped: "skipped"}
"""Results of a step in the words of the report."""


def has_run(report: Report) -> bool:
    """Whether there was a run. If a call is refused, there is none."""
    return bool(report.observations)


def is_probed(target: TargetReport) -> bool:
    """Whether the run is about a target. It is if the target is in use, and is not only checked for comparison."""
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
    """Yield the steps at the addresses of this host's own lookup, without extra checks such as a padded request."""
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
    """Return the Unix time at which the first certificate expires, of all certificates from successful handshakes on
    port 443 at addresses in use; None if there are none."""
    ends = (
        certificate.not_after.timestamp()
        for observation in in_use(target, report)
        if observation.ok and observation.subject.port == HTTPS and isinstance(observation.facts, TlsFacts)
        for certificate in observation.facts.certificates
    )
    return min(ends, default=None)
