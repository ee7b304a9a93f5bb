"""The suppressions of an audit. They name known faults that must not count, by code, service, VPC, subject, tag and
day."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from agent.audit.model import AuditFault
from agent.audit.vpc import AuditedNetwork
from agent.settings import Suppression
from probes.vpc.model import Configuration, Tag

OF_TAG: Final = "tag:"
"""The prefix of targets that are tags of the VPC or of an endpoint: `tag:KEY` or `tag:KEY=VALUE`."""


class Suppressions:
    """The suppressions that apply on the day on which the facts of a VPC were taken."""

    def __init__(self, vpc: AuditedNetwork, suppressions: Iterable[Suppression]) -> None:
        day = vpc.facts.taken_at.date()
        self._vpc = vpc
        self._known = tuple(known for known in suppressions if known.applies_on(day))
        self._tags = _tags(vpc.known.configuration)

    def has(self, code: str | None, services: Sequence[str], subjects: Sequence[str]) -> bool:
        """Whether a fault is suppressed."""
        tags = (tag for id_ in (self._vpc.vpc_id, *subjects) for tag in self._tags.get(id_, ()))
        targets = {None, self._vpc.vpc_id, *services, *subjects, *tags}
        return any(
            known.code == code
            and known.target in targets
            and (known.subject is None or known.subject.partition(":")[2] in subjects)
            for known in self._known
        )

    def marked(self, fault: AuditFault) -> AuditFault:
        """The fault, marked as suppressed if it is."""
        is_known = fault.suppressed or self.has(fault.code, fault.services, fault.subjects)
        return replace(fault, suppressed=is_known)


def _tags(network: Configuration) -> dict[str, tuple[str, ...]]:
    """The tags of the VPC and of each endpoint, by the id of the resource. Each tag is given as a target of a
    suppression, with its value and without it."""
    tagged: list[tuple[str, tuple[Tag, ...]]] = [] if network.vpc is None else [(network.vpc.vpc_id, network.vpc.tags)]
    tagged += [(one.endpoint_id, one.tags) for one in network.endpoints or ()]
    tagged += [(one.endpoint_id, one.tags) for one in network.gateway_endpoints or ()]
    return {
        id_: tuple(words for tag in tags for words in (f"{OF_TAG}{tag.key}", f"{OF_TAG}{tag.key}={tag.value}"))
        for id_, tags in tagged
    }
