"""What the configuration answers of sources: of connects, of names and of calls.

Sources of which the configuration can say nothing different are one class; what is said of a class holds for each
interface that it stands for.
"""

from enum import StrEnum
from typing import Annotated

from agent.report.hops import Hop, Reachability, Stage
from probes.frozen import dataclass
from probes.masks import AvailabilityZone, Mask, Plain, ResourceId, Sentence
from probes.model import Address


class Answer(StrEnum):
    """What a VPC's resolver answers for a name."""

    PRIVATE = "private"
    """The addresses of an endpoint."""
    PUBLIC = "public"
    """The service's public addresses."""
    NOTHING = "nothing"
    """No address: it does not answer, or says that there is none."""
    CANNOT_TELL = "cannot-tell"
    """What answers cannot be seen, or something that decides was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceClass:
    """Hosts of which the configuration says the same."""

    id: Plain
    """`source-1`, in the order of the document."""
    subnet_id: ResourceId | None
    """None for a block outside the subnets that were read."""
    availability_zone: AvailabilityZone | None
    group_ids: tuple[ResourceId, ...]
    """Empty where they are not known."""
    route_table_id: ResourceId | None
    acl_id: ResourceId | None
    addresses: tuple[Address, ...]
    """The addresses that it is judged for: the first of each family of the first interface."""
    interface_count: int
    """How many interfaces it stands for; 0 for a subnet or block without one that is known."""
    interface_ids: tuple[ResourceId, ...]
    instance_ids: tuple[ResourceId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedPath:
    """What becomes of connects to addresses of an endpoint on one port, for the sources for which the same decides."""

    service: Plain
    endpoint_id: ResourceId | None
    addresses: tuple[Address, ...]
    """Empty where the addresses are not known."""
    port: int
    counts: bool
    """Whether the service is required, cannot do without the port, and is reached by these addresses."""
    outcome: Reachability
    sources: tuple[Plain, ...]
    """The ids of classes of sources."""
    decided_at: Stage | None
    """The hop that decides; None where all let the connect pass, and where no hop is asked."""
    decided_by: tuple[ResourceId, ...]
    """Ids of what decides there."""
    rule: Sentence | None
    """The rule that decides, in short; None where all let the connect pass, or where it is the lack of one."""
    words: Sentence
    """What decides, for the first source and the first address."""
    hops: tuple[Hop, ...]
    """Every hop there and back with its rule, for the first source and the first address."""
    unseen: tuple[Sentence, ...]
    """What could change this and cannot be seen, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedName:
    """What the VPC's resolver answers for the name of a service."""

    service: Plain
    host: Plain
    counts: bool
    answer: Answer
    addresses: tuple[Address, ...]
    """The private addresses; empty where there are none or they were not read."""
    endpoint_ids: tuple[ResourceId, ...]
    """The endpoints whose addresses these are."""
    zones: tuple[AvailabilityZone, ...]
    """The zones in which they have an interface, as far as these were read: a connect from another zone crosses zones,
    which AWS charges for."""
    code: Plain | None
    """The finding that a run would name where the answer is not right; None where it is, or none is known."""
    decided_by: tuple[ResourceId, ...]
    """Ids of the endpoint, zone, rule or group that decides."""
    quoted: tuple[Annotated[str, Mask("domain")], ...]
    """Names of zones and rules that `words` quotes."""
    words: Sentence
    """What decides, one sentence without its full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedCall:
    """What the policy of an endpoint says of the signed call that a service is checked with, for a caller of the
    account that has the hosts."""

    service: Plain
    action: Plain
    """The action, such as `backup:ListBackupVaults`."""
    endpoint_id: ResourceId
    counts: bool
    """Whether the service is required, and its name leads to the endpoint."""
    outcome: Reachability
    """`open` allowed, `blocked` denied, `cannot-tell`."""
    words: Sentence
    """What decides, one sentence without its full stop."""
