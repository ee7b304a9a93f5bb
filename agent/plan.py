"""Which targets a run has and which resolvers it asks: pure functions of its settings and of what the host says."""

import re
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from agent.catalog.partitions import partition_of
from agent.catalog.services import BACKUP, SERVICES, Service, host_of, service_name_of
from agent.catalog.vpce import ENDPOINT_ID, NamedEndpoint, read_name
from agent.settings import Settings
from probes.configuration import Endpoint
from probes.facts import HostFacts, SdkFacts
from probes.model import Address, Addressing, Role, Target

VPC_RESOLVER: Final = ip_address("169.254.169.253")
VPC_RESOLVER_IPV6: Final = ip_address("fd00:ec2::253")
"""Route 53 Resolver, from every instance (Amazon VPC User Guide, Understanding Amazon DNS)."""
_ADDRESSING: Final = {
    (False, False): Addressing.DEFAULT,
    (True, False): Addressing.FIPS,
    (False, True): Addressing.DUALSTACK,
    (True, True): Addressing.FIPS_DUALSTACK,
}
"""By FIPS and dual stack."""
REFUSED_URL: Final = "endpoint-url-that-the-sdk-refuses.invalid"
_CUT_OUT: Final = frozenset("\t\r\n")
"""urlsplit takes these out in silence; botocore refuses them."""
_LABEL: Final = re.compile(r"(?!-)[a-z\d-]{1,63}(?<!-)")
_MAX_HOST: Final = 255
"""As botocore has it: RFC 1035, section 2.3.4, counts otherwise."""


def targets(settings: Settings, region: str, sdk: SdkFacts | None) -> tuple[Target, ...]:
    """The targets of a run, by service: the host that the SDK would call first, then the Region's default host where
    that is another.

    Without `sdk`, what the SDK is set to is not known yet, and the default hosts are all that can be said.
    """
    found: list[Target] = []
    for service in SERVICES.values():
        role = _role(service, settings)
        if settings.alone and role is Role.OPTIONAL:
            continue
        default = _target(service, region, Addressing.DEFAULT, role)
        called = _called(service, region, role, settings, sdk) or (default,)
        if default.host in {target.host for target in called}:
            found += [default if target.host == default.host else target for target in called]
        else:
            found += [*called, _target(service, region, Addressing.DEFAULT, Role.CONTEXT)]
    return tuple(found)


def names_endpoint_by_id(settings: Settings) -> bool:
    """Whether an endpoint is given by its id, without a DNS name."""
    return any(ENDPOINT_ID.fullmatch(each.host) for each in settings.endpoints)


def with_names(settings: Settings, endpoints: Iterable[Endpoint]) -> Settings:
    """The settings with the regional DNS names of endpoints in place of their ids, as far as EC2 gave them."""
    # The first name is the one without a zone (AWS Backup Developer Guide, Working with gateways).
    names = {each.endpoint_id: each.dns_names[0] for each in endpoints if each.dns_names}

    def named(each: NamedEndpoint) -> NamedEndpoint:
        host = names.get(each.host, "").lower()
        own = read_name(host)
        return replace(each, host=host) if own is not None and own.service == each.service else each

    return replace(settings, endpoints=tuple(map(named, settings.endpoints)))


def vpc_resolvers(host: HostFacts | None, vpc_cidrs: tuple[IPv4Network | IPv6Network, ...]) -> tuple[Address, ...]:
    """Where the VPC's own resolver answers: its link-local addresses, and the second address of the VPC's primary
    block where that is known."""
    found: list[Address] = [VPC_RESOLVER]
    if host is not None and 6 in usable_families(host):
        found.append(VPC_RESOLVER_IPV6)
    primary = next((block for block in vpc_cidrs if block.version == 4), None)
    if primary is not None and primary.num_addresses > 2:
        found.append(primary.network_address + 2)
    return tuple(found)


def usable_families(host: HostFacts | None) -> frozenset[int]:
    """The IP versions for which this host has an address that others can reach; both where that is not known."""
    if host is None or host.interfaces is None:
        return frozenset({4, 6})
    return frozenset(
        one.address.version
        for one in host.interfaces
        if not (one.address.is_loopback or one.address.is_link_local or one.address.is_unspecified)
    )


def _role(service: Service, settings: Settings) -> Role:
    named = {*settings.services, *(endpoint.service for endpoint in settings.endpoints)}
    if named:
        return Role.REQUIRED if service.name in named else Role.OPTIONAL
    return Role.REQUIRED if service is BACKUP else Role.OPTIONAL


def _called(service: Service, region: str, role: Role, settings: Settings, sdk: SdkFacts | None) -> tuple[Target, ...]:
    """The hosts that calls to the service go to under these settings; none where the SDK's are not known yet."""
    named = [endpoint for endpoint in settings.endpoints if endpoint.service == service.name]
    if named:
        return tuple(_named(service, region, role, endpoint.host) for endpoint in named)
    if sdk is not None:
        asked = replace(sdk, fips=sdk.fips or settings.fips, dual_stack=sdk.dual_stack or settings.dual_stack)
        return (_effective(service, region, role, asked),)
    if settings.fips or settings.dual_stack:
        return (_target(service, region, _ADDRESSING[settings.fips, settings.dual_stack], role),)
    return ()


def _named(service: Service, region: str, role: Role, host: str) -> Target:
    own = read_name(host)
    addressing = Addressing.VPCE if own is not None or ENDPOINT_ID.fullmatch(host) else Addressing.CUSTOM
    # Calls are signed for the Region of the endpoint, wherever this host is.
    return _target(service, region if own is None else own.region, addressing, role, host=host)


def _effective(service: Service, region: str, role: Role, sdk: SdkFacts) -> Target:
    if url := sdk.endpoint_urls.get(service.name):
        # With a URL of its own the SDK drops FIPS and dual stack without a word (measured, botocore 1.44.8).
        host = host_of_url(url)
        own = host.endswith(f".{service.name}.{region}.vpce.{partition_of(region).dns_suffix}")
        return _target(service, region, Addressing.VPCE if own else Addressing.CUSTOM, role, host=host)
    return _target(service, region, _ADDRESSING[sdk.fips, sdk.dual_stack], role)


def _target(service: Service, region: str, addressing: Addressing, role: Role, *, host: str | None = None) -> Target:
    default = host_of(service.name, region, fips=False, dual_stack=False)
    host = host or host_of(
        service.name,
        region,
        fips=addressing in (Addressing.FIPS, Addressing.FIPS_DUALSTACK),
        dual_stack=addressing in (Addressing.DUALSTACK, Addressing.FIPS_DUALSTACK),
    )
    return Target(
        id=service.name if host == default else f"{service.name}@{host}",
        service=service.name,
        region=region,
        partition=partition_of(region).id,
        service_name=service_name_of(service.name, region),
        host=host,
        addressing=addressing,
        role=role,
        ports=tuple(port.number for port in service.ports),
    )


def host_of_url(url: str) -> str:
    """The host of an endpoint URL as the SDK reads it, in lower case and without a final dot. Of a URL that the SDK
    refuses a name that cannot exist, so that the look-up of it fails in the open and tells nobody a secret."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removesuffix(".")
        parts.port  # noqa: B018 - raises for what is no port, of which botocore finds out when it calls
    except ValueError:
        return REFUSED_URL
    usable = parts.scheme in ("http", "https", "") and _is_host(host) and not _CUT_OUT.intersection(url)
    return host if usable else REFUSED_URL


def _is_host(text: str) -> bool:
    """Whether botocore makes a client for this host (botocore.utils.is_valid_uri)."""
    try:
        ip_address(text)
    except ValueError:
        return len(text) <= _MAX_HOST and all(map(_LABEL.fullmatch, text.split(".")))
    return True
