"""The outcomes of sources' connects, names and calls, according to the configuration.

If the configuration treats sources alike, they are one class. What is said about a class is true for each interface in
it.
"""

from enum import StrEnum
from typing import Annotated

from agent.report.hops import Hop, Reachability, Stage
from probes.frozen import dataclass
from probes.masks import AvailabilityZone, Mask, Plain, ResourceId, Sentence
from probes.model import Address


class Answer(StrEnum):
    """The answer of a VPC's resolver for a name."""

    PRIVATE = "private"
    """The addresses of an endpoint."""
    PUBLIC = "public"
    """The service's public addresses."""
    NOTHING = "nothing"
    """No address: there is no reply, or the reply has no address."""
    CANNOT_TELL = "cannot-tell"
    """The answer is unknown. Either the server that answers cannot be seen, or a setting that decides was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceClass:
    """Hosts that the configuration treats alike."""

    id: Plain
    """`source-1`, in the order of the document."""
    subnet_id: ResourceId | None
    """The subnet; None for a block outside the subnets that were read."""
    availability_zone: AvailabilityZone | None
    group_ids: tuple[ResourceId, ...]
    """The zone; empty if unknown."""
    route_table_id: ResourceId | None
    acl_id: ResourceId | None
    addresses: tuple[Address, ...]
    """The addresses that stand for the class: the first of each family of the first interface."""
    interface_count: int
    """Number of interfaces in the class; 0 for a subnet or block in which no interface is known."""
    interface_ids: tuple[ResourceId, ...]
    instance_ids: tuple[ResourceId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedPath:
    """The outcome of connects to addresses of an endpoint on one port, for all sources with the same deciding hop."""

    service: Plain
    endpoint_id: ResourceId | None
    addresses: tuple[Address, ...]
    """The endpoint's addresses; empty if unknown."""
    port: int
    counts: bool
    """Whether the outcome counts: the service is required, needs the port, and is reached by these addresses."""
    outcome: Reachability
    sources: tuple[Plain, ...]
    """Ids of the source classes."""
    decided_at: Stage | None
    """The hop that decides; None if every hop lets the connect pass, or if the connect meets no hop."""
    decided_by: tuple[ResourceId, ...]
    """Ids of the deciding resources."""
    rule: Sentence | None
    """The rule that decides, in short; None if every hop lets the connect pass, or if it is blocked because no rule
    matches."""
    words: Sentence
    """The reason for the outcome, for the first source and the first address."""
    hops: tuple[Hop, ...]
    """Every hop there and back with its rule, for the first source and the first address."""
    unseen: tuple[Sentence, ...]
    """Things that could change the outcome and cannot be seen, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedName:
    """The answer of the VPC's resolver for the name of a service."""

    service: Plain
    host: Plain
    counts: bool
    answer: Answer
    addresses: tuple[Address, ...]
    """The private addresses; empty if there are none or they were not read."""
    endpoint_ids: tuple[ResourceId, ...]
    """The endpoints that have these addresses."""
    zones: tuple[AvailabilityZone, ...]
    """The zones of the endpoints' interfaces that were read. AWS charges for connects from other zones."""
    code: Plain | None
    """The finding that a run would report for a wrong answer; None if the answer is right or no finding is known."""
    decided_by: tuple[ResourceId, ...]
    """Ids of the endpoint, zone, rule or group that decides."""
    quoted: tuple[Annotated[str, Mask("domain")], ...]
    """Names of zones and rules that are quoted in `words`."""
    words: Sentence
    """The reason for the answer, one sentence without its full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedCall:
    """What the endpoint policy decides about the signed call of a service. The caller is in the account of the
    hosts."""

    service: Plain
    action: Plain
    """The action, such as `backup:ListBackupVaults`."""
    endpoint_id: ResourceId
    counts: bool
    """Whether the service is required and its name leads to the endpoint."""
    outcome: Reachability
    """`open` means allowed, `blocked` denied, `cannot-tell` unknown."""
    words: Sentence
    """The reason for the outcome, one sentence without its full stop."""
