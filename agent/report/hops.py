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
OF_ANY_SYSTEM: Final = (32768, 65535)
"""What hosts take answers at whose system is not known: Windows has 49152 to 65535 (Amazon VPC User Guide, Ephemeral
ports)."""
THIS_HOST: Final = "this host's interface"
"""Stands for the id of an interface of which the subnet alone is known."""
REST: Final = "*"
"""How AWS writes the last entry of a network ACL, which denies what no other has decided."""
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
"""All kinds of reachability, the worst first."""


class Stage(StrEnum):
    """The hops in their order. Network ACLs and routes are not asked inside one subnet; return hops are the
    answer's."""

    HOST_GROUPS = "host-groups"
    HOST_ACL_OUT = "host-acl-out"
    ROUTE = "route"
    TRANSIT = "transit"
    """A transit gateway: its route table, and what stands in the subnets in which both VPCs are attached to it."""
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
    """One hop and what it does."""

    stage: Stage
    resources: tuple[Sentence, ...]
    """Ids of what decides: groups, an ACL, a route table, an interface; empty where it is not known."""
    outcome: Reachability
    rule: Sentence | None
    """What decides, in short: a rule's id, `100 outbound`, `10.0.0.0/16 to local`; None where no rule fits."""
    words: Sentence
    """What it does and why, one sentence without its full stop, that a person can act on."""


_LEADS: Final = frozenset({Stage.ROUTE, Stage.TRANSIT, Stage.RETURN_ROUTE, Stage.RETURN_TRANSIT})
_ACL: Final = "acl-"


TRANSIT: Final = frozenset({Stage.TRANSIT, Stage.RETURN_TRANSIT})
_OUTBOUND: Final = frozenset({Stage.HOST_ACL_OUT, Stage.ENDPOINT_ACL_OUT})
AT_HOST: Final = frozenset({Stage.HOST_ACL_OUT, Stage.HOST_ACL_IN})
ANSWERS: Final = frozenset({Stage.ENDPOINT_ACL_OUT, Stage.RETURN_TRANSIT, Stage.HOST_ACL_IN})
"""Where a network ACL is asked about what comes back."""


def is_outbound(stage: Stage, rule: str | None) -> bool:
    """Whether the outbound entries of a network ACL decide; at a transit gateway the rule says which do."""
    return (rule or "").endswith(" outbound") if stage in TRANSIT else stage in _OUTBOUND


def is_about_endpoint(stage: Stage, rule: str | None) -> bool:
    """Whether the network ACL that decides is asked about the endpoint's address, and not about the host's."""
    if stage in TRANSIT:
        return is_outbound(stage, rule) is (stage is Stage.TRANSIT)
    return stage in AT_HOST


def is_of_acl(hop: Hop) -> bool:
    """Whether a network ACL decides at a hop, as in a subnet in which a VPC is attached to a transit gateway."""
    return any(resource.startswith(_ACL) for resource in hop.resources)


def is_detour(hop: Hop) -> bool:
    """Whether a hop leads the packet through something that decides and cannot be seen, such as a firewall."""
    return hop.stage in _LEADS and hop.outcome is Reachability.DOUBTFUL and not is_of_acl(hop)


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
