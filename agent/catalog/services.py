"""The services that can be measured: one record for each, and what follows from it.

Sources: ports from *AWS PrivateLink* in the AWS Backup Developer Guide, their roles from *Requirements* in the Storage
Gateway User Guide; PrivateLink service names from *AWS services that integrate with AWS PrivateLink*, for isolated and
sovereign partitions from aws-cdk-lib 2.275.0, where they are not confirmed; signed calls from the service models of
botocore 1.44.8 (backup 2018-11-15, backup-gateway 2021-01-01); their actions and resources from the Service
Authorization Reference, *AWS Backup* and *AWS Backup Gateway*.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from agent.catalog.partitions import partition_of
from agent.catalog.regions import REGIONS
from probes.frozen import dataclass
from probes.model import PortProtocol, Role, SignedCall
from probes.ports import HTTPS, SUPPORT_CHANNEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A TCP port that a service uses through its endpoint."""

    number: int
    role: str
    required: bool
    """Whether the service cannot do its work without it."""
    blocks_new: bool = False
    """Whether a new appliance of the service needs it once, and one that works does not."""
    protocol: PortProtocol = PortProtocol.TLS


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateLink:
    """An endpoint service of PrivateLink through which a service is reached."""

    label: str
    """Last part of the endpoint service's name, and the label in DNS names of the endpoints themselves."""
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """First part of the endpoint service's name, by partition, where it is not the partition's usual one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPermission:
    """What IAM must allow for a signed call."""

    action: str
    resource: str = "*"
    """ARN with `{partition}`, `{region}` and `{account}` in place of these; `*` for an action that acts on no resource
    of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that can be reached through an interface endpoint."""

    name: str
    """What options and reports call it: boto3's name of its client."""
    sdk_id: str
    """The `serviceId` of its model, which names its endpoint variable (AWS SDKs and Tools Reference Guide,
    Service-specific endpoints)."""
    signing_name: str
    """The name that requests are signed for."""
    host_label: str
    """First label of the hosts that an SDK builds."""
    private_links: tuple[PrivateLink, ...]
    """The first is the one whose name a report gives."""
    ports: tuple[Port, ...]
    call: SignedCall | None
    """The read-only call that proves access; None where the service has none without side effects."""
    permission: CallPermission | None
    """What `call` takes; None where there is none."""
    default_role: Role
    """How much its faults count in a run that names no service."""
    appliance_labels: tuple[str, ...] = ()
    """First labels of the public hosts that an appliance of the service uses; empty where it has no appliance."""

    @property
    def endpoint_variable(self) -> str:
        """The environment variable that gives the SDK another endpoint for this service."""
        return f"AWS_ENDPOINT_URL_{self.sdk_id.upper().replace(' ', '_')}"

    @property
    def has_appliance(self) -> bool:
        """Whether an appliance of the customer's uses the service, on ports of its own and by public names."""
        return bool(self.appliance_labels)


_HTTPS: Final = Port(number=HTTPS, role="API", required=True, protocol=PortProtocol.HTTPS)

SERVICES: Final = {
    service.name: service
    for service in (
        Service(
            name="backup",
            sdk_id="Backup",
            signing_name="backup",
            host_label="backup",
            private_links=(PrivateLink(label="backup"),),
            ports=(_HTTPS,),
            call=SignedCall(
                name="ListBackupVaults",
                method="GET",
                path="/backup-vaults/?maxResults=1",
                key="BackupVaultList",
            ),
            permission=CallPermission(action="backup:ListBackupVaults"),
            default_role=Role.REQUIRED,
        ),
        Service(
            name="backup-gateway",
            sdk_id="Backup Gateway",
            signing_name="backup-gateway",
            host_label="backup-gateway",
            private_links=(PrivateLink(label="backup-gateway"),),
            ports=(
                _HTTPS,
                Port(number=1026, role="control plane", required=True),
                Port(number=1027, role="activation", required=False, blocks_new=True),
                Port(number=1028, role="proxy", required=True),
                Port(number=1031, role="data plane", required=True),
                Port(number=SUPPORT_CHANNEL, role="AWS Support's channel", required=False, protocol=PortProtocol.TCP),
            ),
            call=SignedCall(
                name="ListGateways",
                method="POST",
                path="/",
                headers=(
                    ("Content-Type", "application/x-amz-json-1.0"),
                    ("X-Amz-Target", "BackupOnPremises_v20210101.ListGateways"),
                ),
                body=b'{"MaxResults":50}',  # a few hundred bytes each, below MAX_BODY_BYTES together
                key="Gateways",
                lists_gateways=True,
            ),
            permission=CallPermission(action="backup-gateway:ListGateways"),
            default_role=Role.OPTIONAL,
            # Activation, control, data, proxy (AWS Backup Developer Guide, Configure your infrastructure to use Backup
            # gateway).
            appliance_labels=("anon-cp", "client-cp", "dp-1", "proxy-app"),
        ),
    )
}
"""Every service, by name, in the order of reports."""


def is_offered(service: str, region: str) -> bool | None:
    """Whether the table says that the service is offered in the Region; None for a Region that it does not know."""
    known = REGIONS.get(region)
    return None if known is None else service in known.services


def host_of(service: str, region: str, *, fips: bool, dual_stack: bool) -> str:
    """The host that an SDK builds, whether or not it exists (endpoint rulesets of botocore 1.44.8)."""
    partition = partition_of(region)
    suffix = partition.dual_stack_dns_suffix if dual_stack else partition.dns_suffix
    return f"{SERVICES[service].host_label}{'-fips' if fips else ''}.{region}.{suffix}"


def appliance_hosts(service: str, region: str) -> tuple[tuple[str, str], ...]:
    """Label and public IPv4 host of each role of the service's appliance; empty where it has no appliance. They lie
    below the default host of the service, and so inside the zone that private DNS attaches for that."""
    default = host_of(service, region, fips=False, dual_stack=False)
    return tuple((label, f"{label}.{default}") for label in SERVICES[service].appliance_labels)


def service_names_of(service: str, region: str) -> tuple[str, ...]:
    """The PrivateLink service names; empty where no endpoint of the service is offered."""
    if is_offered(service, region) is False:
        return ()
    partition = partition_of(region)
    return tuple(
        f"{link.prefixes.get(partition.id, partition.service_name_prefix)}.{region}.{link.label}"
        for link in SERVICES[service].private_links
    )


def service_name_of(service: str, region: str) -> str | None:
    """The PrivateLink service name that reports give; None where no endpoint of the service is offered."""
    return next(iter(service_names_of(service, region)), None)


def private_link_labels() -> tuple[str, ...]:
    """Last parts of the PrivateLink names of all services."""
    return tuple(dict.fromkeys(link.label for service in SERVICES.values() for link in service.private_links))


def service_of_label(label: str) -> Service | None:
    """The service that has a PrivateLink name with this last part; None where none is known."""
    matching = (service for service in SERVICES.values() if label in {link.label for link in service.private_links})
    return next(matching, None)


def required_by_default() -> frozenset[str]:
    """Services that are required in a run that names none."""
    return frozenset(service.name for service in SERVICES.values() if service.default_role is Role.REQUIRED)
