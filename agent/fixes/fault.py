"""The known facts of a fault of the configuration, as the rows of `agent.fixes.by_code` use them."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Final

from agent.catalog.partitions import partition_of
from agent.catalog.placeholders import FORMS
from agent.catalog.services import SERVICES, service_name_of
from agent.report.hops import Ports
from agent.report.model import Command
from probes.frozen import dataclass
from probes.model import Addressing, Role, Target
from probes.ports import HTTPS
from probes.vpc.model import FIREWALL_RULE_GROUP, HOSTED_ZONE, RESOLVER_RULE, VPC_ENDPOINT

APPLIANCE: Final = "<APPLIANCE_SUBNET_CIDR>"
GROUP: Final = "<ENDPOINT_SECURITY_GROUP_ID>"
APPLIANCE_GROUP: Final = "<APPLIANCE_SECURITY_GROUP_ID>"


class Brought(StrEnum):
    """A resource of a Route 53 Profile that answers for a name, in the words of an ARN."""

    RULE = RESOLVER_RULE
    ZONE = HOSTED_ZONE
    FIREWALL = FIREWALL_RULE_GROUP
    ENDPOINT = VPC_ENDPOINT
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Traffic that a security group or a network ACL should let pass."""

    at: str
    """The group or ACL to change, or a placeholder for it."""
    peer: str
    """The other end: a block, a group or a prefix list, or a placeholder for one of these."""
    ports: Ports
    version: int = 4
    """The IP version, if `peer` is a placeholder for a block."""
    egress: bool = False
    number: int = 0
    """The number of the entry in a network ACL."""
    whom: str = "the hosts that need it"
    """The other end, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a run, a prediction, an audit or a fleet knows about a fault. Unknown fields become placeholders."""

    target: Target
    ids: tuple[str, ...] = ()
    """Ids of the resources at fault. The nearest resource comes first. The prefix of an id shows its kind."""
    ports: tuple[int, ...] = (HTTPS,)
    openings: tuple[Opening, ...] = ()
    first: tuple[str, ...] = ()
    """Sentences that are written before those of the row in `agent.fixes.by_code`."""
    notes: tuple[str, ...] = ()
    """Sentences that are written after those of the row in `agent.fixes.by_code`."""
    shows: tuple[Command, ...] = ()
    """Commands that show the present state before anything is changed."""
    why_not: str | None = None
    """The reason why nothing may be changed yet, worded to follow a colon; None if changes are allowed."""
    is_doubtful: bool = False
    """Whether it is uncertain that the hop stops the traffic."""
    is_offered: bool | None = None
    """Whether AWS offers the service in the Region or, if the fault is about an availability zone, in that zone; None
    if unknown."""
    is_exact: bool = False
    """Whether the rule or zone that answers has exactly this name, and not a parent domain."""
    has_endpoint: bool = True
    """Whether the VPC has an endpoint of the service."""
    own_endpoint: str | None = None
    """The VPC's endpoint whose private DNS is off, or a placeholder if several have it off; None if there is no such
    endpoint."""
    off: tuple[str, ...] | None = None
    """The DNS attributes of the VPC that are off, `support` before `hostnames`; None if unknown."""
    states: Mapping[str, str] = field(default_factory=dict)
    """The state of each endpoint, by its id."""
    actions: tuple[str, ...] = ()
    """The calls that the policy does not allow."""
    caller: str = "the callers' roles or their account"
    statement: str | None = None
    """The statement of a policy that denies the calls; None if they are denied because no statement allows them."""
    brought: Brought = Brought.UNKNOWN
    servers: tuple[str, ...] = ()
    """Addresses of the name servers that answer."""
    elsewhere: str | None = None
    """The VPC whose endpoint is used, in place of an endpoint in this VPC."""
    own_name: str | None = None
    """The endpoint's own DNS name, in the form for `--endpoint`."""
    service_name: str | None = None
    """The endpoint service, as EC2 names it."""
    subnets: tuple[str, ...] = ()
    """The subnets in which the endpoint needs an interface."""

    def all(self, placeholder: str) -> tuple[str, ...]:
        """The ids that have the form of a placeholder. If there are none, the placeholder itself."""
        return tuple(id_ for id_ in self.ids if FORMS[placeholder].fullmatch(id_)) or (placeholder,)

    def one(self, placeholder: str) -> str:
        """The first id that has the form of a placeholder. If there is none, the placeholder itself."""
        return self.all(placeholder)[0]

    def only(self, placeholder: str) -> str:
        """The only id that has the form of a placeholder. If there is none, or if there are several, the placeholder
        itself."""
        found = self.all(placeholder)
        return found[0] if len(found) == 1 else placeholder

    @property
    def host(self) -> str:
        """The affected host name, or a description of it if the name is unknown."""
        return self.target.host or f"the name of {self.target.service}"


def target_in(region: str, service: str, host: str = "") -> Target:
    """The target for the commands of fixes in a document without a run."""
    return Target(
        id=service,
        service=service,
        region=region,
        partition=partition_of(region).id,
        service_name=service_name_of(service, region),
        host=host,
        addressing=Addressing.DEFAULT,
        role=Role.REQUIRED,
        ports=tuple(port.number for port in SERVICES[service].ports),
    )


def known_id(value: str | None, placeholder: str) -> str:
    """An id for a command. If it is unknown, or does not have the strict form of its kind, a placeholder."""
    return value if value is not None and FORMS[placeholder].fullmatch(value) else placeholder
