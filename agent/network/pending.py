"""What becomes of a resource by a plan, where that is known only once the plan is applied."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from probes.frozen import dataclass


class Aspect(StrEnum):
    """What of a resource is not known."""

    INBOUND = "inbound"
    """Rules of a security group, or entries of a network ACL, for what comes in."""
    OUTBOUND = "outbound"
    GROUPS = "groups"
    """The security groups of an endpoint, beside those that are known."""
    ROUTES = "routes"
    ADDRESSES = "addresses"
    """The addresses of an endpoint."""
    NAME = "name"
    """What the private DNS of an endpoint, or the DNS attributes of a VPC, do to names."""
    POLICY = "policy"
    """The policy of an endpoint."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Something that is known only once a plan is applied. What rests on it is not known."""

    resource_id: str
    aspect: Aspect
    words: str
    """What is not known, one sentence without its full stop."""


def words_of(pending: Iterable[Pending]) -> Mapping[tuple[str, Aspect], str]:
    """The words, by the id of the resource and what of it is not known."""
    return {(one.resource_id, one.aspect): one.words for one in pending}
