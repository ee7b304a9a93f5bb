"""What of a VPC is known and not to count, by code, service, VPC, what it is about and day."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agent.audit.model import AuditFault
from agent.audit.vpc import AuditedNetwork
from agent.settings import Suppression


class Suppressions:
    """The suppressions that apply on the day on which the facts of a VPC were taken."""

    def __init__(self, vpc: AuditedNetwork, suppressions: Iterable[Suppression]) -> None:
        day = vpc.facts.taken_at.date()
        self._vpc = vpc
        self._known = tuple(known for known in suppressions if known.applies_on(day))

    def has(self, code: str | None, services: Sequence[str], subjects: Sequence[str]) -> bool:
        """Whether a fault is known."""
        targets = {None, self._vpc.vpc_id, *services, *subjects}
        return any(
            known.code == code
            and known.target in targets
            and (known.subject is None or known.subject.partition(":")[2] in subjects)
            for known in self._known
        )

    def marked(self, fault: AuditFault) -> AuditFault:
        """A fault, marked where it is known."""
        is_known = fault.suppressed or self.has(fault.code, fault.services, fault.subjects)
        return replace(fault, suppressed=is_known)
