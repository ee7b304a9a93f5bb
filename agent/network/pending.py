"""Aspects of a resource that are known only after a plan is applied."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from probes.frozen import dataclass


class Aspect(StrEnum):
    """An aspect of a resource that may be unknown."""

    INBOUND = "inbound"
    """Rules of a security group, or entries of a network ACL, for incoming traffic."""
    OUTBOUND = "outbound"
    GROUPS = "groups"
    """Further security groups of an endpoint, in addition to the known ones."""
    ROUTES = "routes"
    ADDRESSES = "addresses"
    """The addresses of an endpoint."""
    NAME = "name"
    """The effect on names of an endpoint's private DNS or of a VPC's DNS attributes."""
    POLICY = "policy"
    """The policy of an endpoint."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An aspect that is known only after a plan is applied. Outcomes that depend on it are unknown."""

    resource_id: str
    aspect: Aspect
    words: str
    """The unknown aspect, one sentence without its full stop."""


def words_of(pending: Iterable[Pending]) -> Mapping[tuple[str, Aspect], str]:
    """The words of each unknown aspect, by the id of the resource and the aspect."""
    return {(one.resource_id, one.aspect): one.words for one in pending}
