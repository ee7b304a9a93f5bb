"""A prediction: its hops, their effects, and the result."""

from enum import StrEnum
from typing import Final

from probes.frozen import dataclass
from probes.masks import Sentence
from probes.model import Address

Ports = tuple[int, int]
"""The first and the last port of a range."""
EPHEMERAL: Final = (32768, 60999)
"""The ports from which a Linux host connects (ip(7), ip_local_port_range, the default); answers come back to them."""
OF_ANY_SYSTEM: Final = (32768, 65535)
"""The ports from which hosts of any system connect: Windows uses 49152 to 65535 (Amazon VPC User Guide, Ephemeral
ports)."""
THIS_HOST: Final = "this host's interface"
"""Stands for the id of an interface of which only the subnet is known."""
REST: Final = "*"
"""AWS' notation for the last entry of a network ACL, which denies everything that matches no other entry."""
APPLIANCES: Final = ("eni-", "vpce-", "nat-", "i-")
"""Resources through which traffic can be routed: the only targets that a route more specific than `local` may have."""


class Reachability(StrEnum):
    """The effect of a hop, or of the whole path, on the packet."""

    OPEN = "open"
    BLOCKED = "blocked"
    DOUBTFUL = "doubtful"
    """Traffic passes only in part or by a detour: only some of the ports of the answers are open, or there is an
    appliance on the path."""
    CANNOT_TELL = "cannot-tell"
    """A deciding resource was not read, or belongs to another account."""


WORST: Final = (Reachability.BLOCKED, Reachability.DOUBTFUL, Reachability.CANNOT_TELL, Reachability.OPEN)
"""All kinds of reachability, the worst first."""


class Stage(StrEnum):
    """The hops in their order. Network ACLs and routes do not apply inside one subnet. The answer passes the return
    hops."""

    HOST_GROUPS = "host-groups"
    HOST_ACL_OUT = "host-acl-out"
    ROUTE = "route"
    TRANSIT = "transit"
    """A transit gateway: its route table, and the network ACLs and routes of the subnets that attach both VPCs to
    it."""
    ENDPOINT_ACL_IN = "endpoint-acl-in"
    ENDPOINT_GROUPS = "endpoint-groups"
    ENDPOINT = "endpoint"
    """The endpoint's interface, and whether the endpoint is available."""
    ENDPOINT_ACL_OUT = "endpoint-acl-out"
    RETURN_ROUTE = "return-route"
    RETURN_TRANSIT = "return-transit"
    HOST_ACL_IN = "host-acl-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A hop and its effect."""

    stage: Stage
    resources: tuple[Sentence, ...]
    """Ids of the deciding resources: groups, an ACL, a route table, an interface; empty if unknown."""
    outcome: Reachability
    rule: Sentence | None
    """A short form of the rule that decides: the id of a group's rule, `100 outbound` for an entry of a network ACL, or
    `10.0.0.0/16 to local` for a route. None if no rule matches."""
    words: Sentence
    """The effect and its reason, on which a person can act: one sentence without its full stop."""


_LEADS: Final = frozenset({Stage.ROUTE, Stage.TRANSIT, Stage.RETURN_ROUTE, Stage.RETURN_TRANSIT})
_ACL: Final = "acl-"


TRANSIT: Final = frozenset({Stage.TRANSIT, Stage.RETURN_TRANSIT})
_OUTBOUND: Final = frozenset({Stage.HOST_ACL_OUT, Stage.ENDPOINT_ACL_OUT})
AT_HOST: Final = frozenset({Stage.HOST_ACL_OUT, Stage.HOST_ACL_IN})
ANSWERS: Final = frozenset({Stage.ENDPOINT_ACL_OUT, Stage.RETURN_TRANSIT, Stage.HOST_ACL_IN})
"""Stages at which a network ACL decides about the answer."""


def is_outbound(stage: Stage, rule: str | None) -> bool:
    """Return whether the outbound entries of a network ACL decide at this stage. At a transit gateway the rule shows
    the direction."""
    return (rule or "").endswith(" outbound") if stage in TRANSIT else stage in _OUTBOUND


def is_about_endpoint(stage: Stage, rule: str | None) -> bool:
    """Return whether the network ACL that decides matches the endpoint's address rather than the host's."""
    if stage in TRANSIT:
        return is_outbound(stage, rule) is (stage is Stage.TRANSIT)
    return stage in AT_HOST


def is_of_acl(hop: Hop) -> bool:
    """Whether a network ACL decides at a hop, also in a subnet that attaches a VPC to a transit gateway."""
    return any(resource.startswith(_ACL) for resource in hop.resources)


def is_detour(hop: Hop) -> bool:
    """Whether a hop leads the packet through a resource whose decision cannot be seen, such as a firewall."""
    return hop.stage in _LEADS and hop.outcome is Reachability.DOUBTFUL and not is_of_acl(hop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The expected result of a TCP connect."""

    source: Address | None
    """The address of this host that the prediction is for."""
    address: Address
    port: int
    endpoint_id: str | None
    """The endpoint that has the address; None if no known endpoint has it."""
    interface_id: str | None
    outcome: Reachability
    """The outcome of the worst hop; from the worst: blocked, doubtful, cannot tell, open."""
    hops: tuple[Hop, ...]
    unseen: tuple[str, ...]
    """Things that could change the result and cannot be seen from here, in words."""
