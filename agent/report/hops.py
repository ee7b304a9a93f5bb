"""The words of a prediction: what a hop is, what it does, and what comes of them all."""

from enum import StrEnum
from typing import Final

from probes.frozen import dataclass
from probes.masks import Sentence
from probes.model import Address

Ports = tuple[int, int]
"""The first and the last."""
EPHEMERAL: Final = (32768, 60999)
"""The ports that a Linux host connects from and takes answers at (ip(7), ip_local_port_range, the default)."""
THIS_HOST: Final = "this host's interface"
"""Stands for the id of an interface of which the subnet alone is known."""
APPLIANCES: Final = ("eni-", "vpce-", "nat-", "i-")
"""What traffic can be led through on its way, the only targets that a route more specific than `local` may have."""


class Reachability(StrEnum):
    """What a hop, or the whole way, does to the packet."""

    OPEN = "open"
    BLOCKED = "blocked"
    DOUBTFUL = "doubtful"
    """It passes in part or by a detour: some of the ports that answers come back to, or an appliance on the way."""
    CANNOT_TELL = "cannot-tell"
    """Something that decides was not read, or is another account's."""


WORST: Final = (Reachability.BLOCKED, Reachability.DOUBTFUL, Reachability.CANNOT_TELL, Reachability.OPEN)
"""The worst first."""


class Stage(StrEnum):
    """The hops in their order. Network ACLs and routes are not asked inside one subnet; return hops are the
    answer's."""

    HOST_GROUPS = "host-groups"
    HOST_ACL_OUT = "host-acl-out"
    ROUTE = "route"
    ENDPOINT_ACL_IN = "endpoint-acl-in"
    ENDPOINT_GROUPS = "endpoint-groups"
    ENDPOINT = "endpoint"
    """The endpoint's interface, and whether the endpoint is available."""
    ENDPOINT_ACL_OUT = "endpoint-acl-out"
    RETURN_ROUTE = "return-route"
    HOST_ACL_IN = "host-acl-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One hop and what it does."""

    stage: Stage
    resources: tuple[Sentence, ...]
    """Ids of what decides: groups, an ACL, a route table, an interface; empty where it is not known."""
    outcome: Reachability
    rule: Sentence | None
    """What decides, in short: a rule's id, `100 outbound`, `10.0.0.0/16 to local`; None where no rule fits."""
    words: Sentence
    """What it does and why, one sentence without its full stop, that a person can act on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What should happen to a TCP connect."""

    source: Address | None
    """The address of this host that it was judged for."""
    address: Address
    port: int
    endpoint_id: str | None
    """The endpoint that has the address; None where none that was read has it."""
    interface_id: str | None
    outcome: Reachability
    """The worst hop's: blocked, else doubtful, else cannot tell, else open."""
    hops: tuple[Hop, ...]
    unseen: tuple[str, ...]
    """What could change this and cannot be seen from here, in words."""
