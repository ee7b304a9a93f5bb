"""Parse the DNS names that belong to single interface endpoints (AWS PrivateLink Guide, Access an AWS service using an
interface VPC endpoint)."""

import re
from ipaddress import ip_address
from typing import Final

from agent.catalog.buckets import stands_before_host
from agent.catalog.partitions import PARTITIONS
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES, checkable, host_of, service_of_label
from agent.settings import NamedEndpoint
from probes.frozen import dataclass
from probes.ids import command_form

ENDPOINT_ID: Final = command_form("vpce")
_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
_NAME: Final = re.compile(
    rf"(?P<endpoint>{ENDPOINT_ID.pattern})-(?P<suffix>[0-9a-z]{{8}})(?:-(?P<zone>[a-z0-9-]+))?"
    r"\.(?P<service>(?!vpce-svc-)[a-z0-9-]+)\.(?P<region>[a-z0-9-]+)\.vpce\.(?P<domain>[a-z0-9.-]+)"
)
_ONE_OF_EACH: Final = tuple({known.partition: region for region, known in REGIONS.items()}.values())
"""A Region of each partition."""
_WAYS: Final = tuple((fips, dual) for fips in (False, True) for dual in (False, True))
_CHECKED: Final = "the name of a service that `backuplink endpoints` lists"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointName:
    """The parts of an endpoint-specific DNS name."""

    endpoint_id: str
    availability_zone: str | None
    """The zone, by its name in the endpoint's own account. None for a regional name."""
    service: str
    """The catalogue's name for the service; the label in the host name if the catalogue does not know it."""
    region: str


def read_name(host: str) -> EndpointName | None:
    """The parts of an endpoint-specific name; None for every other name."""
    match = _NAME.fullmatch(host.lower())
    if match is None or match["domain"] not in {partition.dns_suffix for partition in PARTITIONS}:
        return None
    service = service_of_label(match["service"])
    return EndpointName(
        endpoint_id=match["endpoint"],
        availability_zone=match["zone"],
        service=match["service"] if service is None else service.name,
        region=match["region"],
    )


def named_endpoint(text: str) -> NamedEndpoint:
    """Read `[SERVICE=]DNS-NAME` or `[SERVICE=]vpce-ID`. Raises ValueError with a message for the operator."""
    if "@" in text:  # the message does not repeat the text, since a password may be in it
        raise ValueError("the part before the '@' is a user or a password; give only the host")
    service, separator, host = text.rpartition("=")
    host = host.strip().rstrip(".").lower()
    if _is_address(host):
        raise ValueError(
            f"{host!r} is an address; give the endpoint's DNS name or id, since certificates are issued for names"
        )
    if "://" in host or "/" in host or ":" in host:
        raise ValueError(f"{text!r} is a URL; give only the host, such as vpce-....backup.eu-west-1.vpce.amazonaws.com")
    if separator and service not in checkable():
        raise ValueError(
            f"{service!r} is not a service that can be checked; one of {', '.join(checkable())} belongs before the '='"
        )
    if ENDPOINT_ID.fullmatch(host) is None and _HOST.fullmatch(host) is None:
        raise ValueError(f"{host!r} is neither a DNS name nor the id of an endpoint")
    own = read_name(host)
    named = own.service if own is not None else _service_in(host)
    if own is not None and own.service not in checkable():
        raise ValueError(f"{host!r} is an endpoint of {own.service}, not of {service or _CHECKED}")
    if not separator and named not in checkable():
        raise ValueError(f"{host!r} does not say whose endpoint it is; write SERVICE={host}, with {_CHECKED}")
    if separator and named in SERVICES and named != service:
        raise ValueError(f"{host!r} is an endpoint of {named}, not of {service}")
    return NamedEndpoint(service=service if separator else str(named), host=host)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def service_of_host(host: str) -> str | None:
    """The service of a name that an SDK builds, or of an endpoint's own name; None for other names."""
    own = read_name(host)
    return _service_in(host) if own is None else own.service


def _service_in(host: str) -> str | None:
    """The service in a name that an SDK builds. Such a name contains a Region, or is used in a whole partition."""
    for known in SERVICES.values():
        if known.global_host is not None and host == known.global_host.host:
            return known.name
    named = (label for label in host.split(".")[1:3] if label in REGIONS)  # S3 has `dualstack` before the Region
    for region in (*named, *_ONE_OF_EACH):
        for service in SERVICES:
            if any(host == host_of(service, region, fips=fips, dual_stack=dual) for fips, dual in _WAYS):
                return service
    bucket = bucket_of_host(host)
    return None if bucket is None else _service_in(host.partition(".")[2])


def bucket_of_host(host: str) -> str | None:
    """The bucket in a name that consists of a bucket and the host of its Region. None for other names."""
    name, _, rest = host.partition(".")
    services = (service for service in SERVICES.values() if service.bucket_permission is not None)
    is_bucket = stands_before_host(name) and any(
        (service.global_host is not None and rest == service.global_host.host)
        or any(
            rest == host_of(service.name, region, fips=False, dual_stack=False)
            for region in rest.split(".")
            if region in REGIONS
        )
        for service in services
    )
    return name if is_bucket else None
