"""The endpoints of all services in every Region, as one table: what `backuplink endpoints` prints."""

from typing import Final

from agent.catalog.documented import FIPS_REGIONS, PRIVATE_LINK_PARTITIONS
from agent.catalog.partitions import PARTITIONS, partition_of
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES, Port, host_of, is_offered, service_name_of
from probes.frozen import dataclass

SOURCES: Final = (
    "hosts and Regions: botocore 1.44.8, 2026-11",
    "ports: AWS Backup Developer Guide, AWS PrivateLink, 2026-11",
    "service names: AWS PrivateLink Guide, 2026-11; outside aws, aws-cn and aws-us-gov from aws-cdk-lib 2.275.0",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEndpoint:
    """One service in one Region."""

    partition: str
    region: str
    region_name: str
    service: str
    offered: bool
    """As the table says, which may lag behind AWS."""
    service_name: str | None
    """For an interface endpoint; None where the service is not offered."""
    service_name_documented: bool
    host: str
    """What an SDK calls without any setting. That an SDK builds a host does not say that it exists."""
    dual_stack_host: str
    fips_host: str
    fips_dual_stack_host: str
    fips_documented: bool
    """Whether AWS documents the FIPS host there; an SDK builds the name everywhere."""
    signing_name: str
    ports: tuple[Port, ...]


def endpoints(*, region: str | None = None, partition: str | None = None) -> tuple[ServiceEndpoint, ...]:
    """The rows of a Region, of a partition or all. Raises KeyError for a Region or partition that the table lacks."""
    if region is not None and region not in REGIONS:
        raise KeyError(region)
    if partition is not None and partition not in {known.id for known in PARTITIONS}:
        raise KeyError(partition)
    return tuple(
        _endpoint(known.id, service)
        for known in REGIONS.values()
        for service in SERVICES
        if (region is None or known.id == region) and (partition is None or known.partition == partition)
    )


def _endpoint(region: str, service: str) -> ServiceEndpoint:
    known = REGIONS[region]
    offered = is_offered(service, region) is True
    return ServiceEndpoint(
        partition=partition_of(region).id,
        region=region,
        region_name=known.name,
        service=service,
        offered=offered,
        service_name=service_name_of(service, region),
        service_name_documented=offered and known.partition in PRIVATE_LINK_PARTITIONS,
        host=host_of(service, region, fips=False, dual_stack=False),
        dual_stack_host=host_of(service, region, fips=False, dual_stack=True),
        fips_host=host_of(service, region, fips=True, dual_stack=False),
        fips_dual_stack_host=host_of(service, region, fips=True, dual_stack=True),
        fips_documented=region in FIPS_REGIONS.get(service, ()),
        signing_name=SERVICES[service].signing_name,
        ports=SERVICES[service].ports,
    )
