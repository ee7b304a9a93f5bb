"""The two services, their ports, and where they are offered.

Sources: ports from *AWS PrivateLink* in the AWS Backup Developer Guide, their roles from *Requirements* in the Storage
Gateway User Guide; PrivateLink service names from *AWS services that integrate with AWS PrivateLink*, for isolated and
sovereign partitions from aws-cdk-lib 2.275.0, where they are not confirmed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent.catalog.partitions import partition_of
from agent.catalog.regions import REGIONS
from probes.model import Address, Target
from probes.ports import HTTPS, SUPPORT_CHANNEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A TCP port that a service uses through its endpoint."""

    number: int
    role: str
    required: bool
    """Whether the service cannot do its work without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that can be reached through an interface endpoint."""

    name: str
    """First label of the host, last part of the PrivateLink service name, and the name that requests are signed for."""
    ports: tuple[Port, ...]


_HTTPS: Final = Port(number=HTTPS, role="API", required=True)

BACKUP: Final = Service(name="backup", ports=(_HTTPS,))
BACKUP_GATEWAY: Final = Service(
    name="backup-gateway",
    ports=(
        _HTTPS,
        Port(number=1026, role="control plane", required=True),
        Port(number=1027, role="activation", required=True),
        Port(number=1028, role="proxy", required=True),
        Port(number=1031, role="data plane", required=True),
        Port(number=SUPPORT_CHANNEL, role="AWS Support's channel", required=False),
    ),
)
APPLIANCE_LABELS: Final = ("anon-cp", "client-cp", "dp-1", "proxy-app")
"""First labels of the public hosts of an appliance: activation, control, data, proxy (AWS Backup Developer Guide,
Configure your infrastructure to use Backup gateway)."""
SERVICES: Final = {service.name: service for service in (BACKUP, BACKUP_GATEWAY)}


def is_offered(service: str, region: str) -> bool | None:
    """Whether the table says that the service is offered in the Region; None for a Region that it does not know."""
    known = REGIONS.get(region)
    return None if known is None else service in known.services


def host_of(service: str, region: str, *, fips: bool, dual_stack: bool) -> str:
    """The host that an SDK builds, whether or not it exists (endpoint rulesets of botocore 1.44.8)."""
    partition = partition_of(region)
    suffix = partition.dual_stack_dns_suffix if dual_stack else partition.dns_suffix
    return f"{service}{'-fips' if fips else ''}.{region}.{suffix}"


def appliance_host(label: str, region: str) -> str:
    """The public IPv4 host of an appliance's role. It lies below the default host of the service, and so inside the
    zone that private DNS attaches for that."""
    return f"{label}.{host_of(BACKUP_GATEWAY.name, region, fips=False, dual_stack=False)}"


def service_name_of(service: str, region: str) -> str | None:
    """The PrivateLink service name; None where no endpoint of the service is offered."""
    if is_offered(service, region) is False:
        return None
    return f"{partition_of(region).service_name_prefix}.{region}.{service}"


def why_unused(target: Target, own_answer: tuple[Address, ...], is_public: Callable[[Address], bool]) -> str | None:
    """Why a service that nobody asked for is left alone, given the host's own lookup of it; None where it is judged."""
    if target.service_name is None and not own_answer:
        return f"{target.service} is not offered in {target.region}"
    if not own_answer:
        return f"{target.service} was not asked for, and {target.host} has no address here"
    if all(is_public(address) for address in own_answer):
        return f"{target.service} was not asked for, and {target.host} has only public addresses here"
    return None
