"""The endpoints of all services in every Region, as one table: what `backuplink endpoints` prints."""

from collections.abc import Collection
from typing import Final

from agent.catalog.partitions import PARTITIONS, partition_of
from agent.catalog.regions import REGIONS
from agent.catalog.service import Port
from agent.catalog.services import SERVICES, host_of, is_name_documented, is_offered, service_name_of
from probes.frozen import dataclass

SOURCES: Final = (
    "hosts and Regions: botocore 1.44.8, 2026-11",
    "ports: AWS Backup Developer Guide, AWS PrivateLink, 2026-11",
    "service names: AWS PrivateLink Guide, 2026-11; those not confirmed from aws-cdk-lib 2.275.0, or by the usual rule",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEndpoint:
    """One service in one Region."""

    partition: str
    region: str
    region_name: str
    service: str
    offered: bool | None
    """Whether the table has the service in this Region. The table may lag behind AWS. None if the data of the SDK does
    not contain the service."""
    service_name: str | None
    """The name of the interface endpoint service. None if the service is not offered, or if AWS lists no endpoint
    service for it."""
    service_name_documented: bool
    """Whether AWS documents the name in the partition. Otherwise it is inferred or comes from a third party."""
    host: str
    """The host that an SDK calls by default. The SDK builds this name even if the host does not exist."""
    dual_stack_host: str
    fips_host: str
    fips_dual_stack_host: str
    fips_documented: bool
    """Whether AWS documents the FIPS host in this Region. An SDK builds the name for every Region."""
    signing_name: str
    endpoint_variable: str | None
    """The environment variable that sets another endpoint for SDKs. None if no SDK supports the service."""
    ports: tuple[Port, ...]
    gateway_endpoint: bool
    """Whether the service can also be reached through a gateway endpoint."""
    call: str | None
    """The signed call that a run makes; None if it makes no call."""
    calls_per_second: float | None
    """The published rate limit of the call, per account and Region; None if AWS publishes no limit."""


def endpoints(
    *, region: str | None = None, partition: str | None = None, services: Collection[str] = ()
) -> tuple[ServiceEndpoint, ...]:
    """The rows of the table for a Region, for a partition, or for everything. If `services` is not empty, only the rows
    of these services. Raises KeyError for a Region or partition that is not in the table."""
    if region is not None and region not in REGIONS:
        raise KeyError(region)
    if partition is not None and partition not in {known.id for known in PARTITIONS}:
        raise KeyError(partition)
    return tuple(
        _endpoint(known.id, service)
        for known in REGIONS.values()
        for service in SERVICES
        if not services or service in services
        if (region is None or known.id == region) and (partition is None or known.partition == partition)
    )


def _endpoint(region: str, service: str) -> ServiceEndpoint:
    known = REGIONS[region]
    record = SERVICES[service]
    return ServiceEndpoint(
        partition=partition_of(region).id,
        region=region,
        region_name=known.name,
        service=service,
        offered=is_offered(service, region),
        service_name=service_name_of(service, region),
        service_name_documented=is_name_documented(service, region),
        host=host_of(service, region, fips=False, dual_stack=False),
        dual_stack_host=host_of(service, region, fips=False, dual_stack=True),
        fips_host=host_of(service, region, fips=True, dual_stack=False),
        fips_dual_stack_host=host_of(service, region, fips=True, dual_stack=True),
        fips_documented=region in record.documented_fips_regions,
        signing_name=record.signing_name,
        endpoint_variable=record.endpoint_variable,
        ports=record.ports,
        gateway_endpoint=record.has_gateway_endpoint,
        call=None if record.call is None else record.call.name,
        calls_per_second=record.calls_per_second,
    )
