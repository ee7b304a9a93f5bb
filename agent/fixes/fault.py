"""What is known of a fault of the configuration, as the rows of `agent.fixes.by_code` ask for it."""

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
    """What a Route 53 Profile brings that answers for a name, as ARNs name it."""

    RULE = RESOLVER_RULE
    ZONE = HOSTED_ZONE
    FIREWALL = FIREWALL_RULE_GROUP
    ENDPOINT = VPC_ENDPOINT
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Traffic that a security group or a network ACL is to let pass."""

    at: str
    """The group or the ACL, or the placeholder for it."""
    peer: str
    """The other end: a block, a group, a prefix list, or the placeholder for one."""
    ports: Ports
    version: int = 4
    """The version of IP of a peer that is a placeholder for a block."""
    egress: bool = False
    number: int = 0
    """The number of the entry in a network ACL."""
    whom: str = "the hosts that need it"
    """The other end, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a run, a prediction, an audit or a fleet knows of a fault; the rest stays a placeholder."""

    target: Target
    ids: tuple[str, ...] = ()
    """What decides, by ids whose form tells their kind, what is nearest first."""
    ports: tuple[int, ...] = (HTTPS,)
    openings: tuple[Opening, ...] = ()
    first: tuple[str, ...] = ()
    """Sentences that come before those of the row."""
    notes: tuple[str, ...] = ()
    """Sentences that follow those of the row."""
    shows: tuple[Command, ...] = ()
    """Commands that show something before anything is changed."""
    why_not: str | None = None
    """Why nothing may be changed yet, as words that follow a colon; None where it may."""
    is_doubtful: bool = False
    """Whether the hop stops traffic only perhaps."""
    is_offered: bool | None = None
    """Whether AWS offers the service there: in the Region, or for a zone in the zone; None where it is not known."""
    is_exact: bool = False
    """Whether the rule or zone that answers is of the very name."""
    has_endpoint: bool = True
    """Whether the VPC has an endpoint of the service."""
    own_endpoint: str | None = None
    """The VPC's endpoint whose private DNS is off, or the placeholder for one of several; None where there is none."""
    off: tuple[str, ...] | None = None
    """The DNS attributes of the VPC that are off, `support` before `hostnames`; None where that is not known."""
    states: Mapping[str, str] = field(default_factory=dict)
    """The state of each endpoint, by its id."""
    actions: tuple[str, ...] = ()
    """The calls that the policy does not allow."""
    caller: str = "the callers' roles or their account"
    statement: str | None = None
    """The statement of a policy that denies; None where none allows."""
    brought: Brought = Brought.UNKNOWN
    servers: tuple[str, ...] = ()
    """Name servers that answer, by their addresses."""
    elsewhere: str | None = None
    """The VPC that has an endpoint of the service in place of this one."""
    own_name: str | None = None
    """The endpoint's own DNS name, as `--endpoint` takes it."""
    service_name: str | None = None
    """The endpoint service, as EC2 has it."""
    subnets: tuple[str, ...] = ()
    """The subnets in which an endpoint is to have an interface."""

    def all(self, placeholder: str) -> tuple[str, ...]:
        """The ids that can stand in a placeholder's place; the placeholder alone where there is none."""
        return tuple(id_ for id_ in self.ids if FORMS[placeholder].fullmatch(id_)) or (placeholder,)

    def one(self, placeholder: str) -> str:
        """The first id that can stand in a placeholder's place, otherwise the placeholder."""
        return self.all(placeholder)[0]

    def only(self, placeholder: str) -> str:
        """The id that can stand in a placeholder's place where there is one alone, otherwise the placeholder."""
        found = self.all(placeholder)
        return found[0] if len(found) == 1 else placeholder

    @property
    def host(self) -> str:
        """The name that it is about, in words where that is not known."""
        return self.target.host or f"the name of {self.target.service}"


def target_in(region: str, service: str, host: str = "") -> Target:
    """What the commands of fixes are about, where no run named it."""
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
    """An id for a command, or the placeholder where it is not known or has not the strict form of its kind."""
    return value if value is not None and FORMS[placeholder].fullmatch(value) else placeholder
