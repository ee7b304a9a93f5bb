"""The targets of a run and the resolvers that it asks, as pure functions of its settings and of the host."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from agent.catalog.buckets import host_of_bucket
from agent.catalog.endpoint_urls import host_of_url
from agent.catalog.partitions import is_region, partition_of
from agent.catalog.service import Service
from agent.catalog.services import SERVICES, VIRTUAL_MACHINE, host_of, service_name_of
from agent.catalog.vpce import ENDPOINT_ID, read_name
from agent.catalog.workloads import Need, WorkloadInUse, in_use, needs, services_of
from agent.settings import NamedEndpoint, Settings, Workload
from probes.facts import JOBS_PERIOD, ImdsFacts, SdkFacts, WorkloadFacts
from probes.model import Addressing, Role, Target
from probes.steps.jobs import JobsRequest
from probes.vpc.model import VpcEndpoint

NO_INSTANCE: Final = "instance metadata does not tell which instance this is, and so whose jobs to ask for"
"""The reason for listing no jobs if the instance is unknown: jobs of other hosts say nothing about this host."""
_INSTANCE_ID: Final = re.compile(r"i-[0-9a-f]{8,17}")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ADDRESSING: Final = {
    (False, False): Addressing.DEFAULT,
    (True, False): Addressing.FIPS,
    (False, True): Addressing.DUALSTACK,
    (True, True): Addressing.FIPS_DUALSTACK,
}
"""The kind of addressing, by FIPS and dual stack."""
_CONTEXT: Final = Need(role=Role.CONTEXT, required_by=())
_FIPS: Final = (Addressing.FIPS, Addressing.FIPS_DUALSTACK)


def targets(
    settings: Settings, region: str, sdk: SdkFacts | None, workloads: WorkloadFacts | None = None
) -> tuple[Target, ...]:
    """Return the targets of a run by service: first the host that the SDK would call, then the Region's default host if
    it differs.

    Without `sdk`, the SDK's settings are still unknown, and only the default hosts are returned. Without `workloads`,
    the workloads on this host are still unknown, and targets that only they need are missing.
    """
    planned: dict[str, Target] = {}
    used = in_use(settings.asked_workloads, workloads)
    for name, need in _needs(settings, region, sdk, used).items():
        service = SERVICES[name]
        buckets = _of_buckets(service, region, used, settings)
        # If workloads use buckets, everything else that uses the service calls the service's own host.
        rest = _needs(settings, region, sdk, [one for one in used if one.bucket is None]) if buckets else {name: need}
        own = _own_hosts(service, region, rest[name], settings, sdk) if name in rest else ()
        for target in (*buckets, *own):
            planned[target.id] = _joined(planned.get(target.id, target), target)
    return tuple(planned.values())


def _own_hosts(
    service: Service, region: str, need: Need, settings: Settings, sdk: SdkFacts | None
) -> tuple[Target, ...]:
    """Return the targets at a service's own hosts."""
    default = _target(service, region, Addressing.DEFAULT, need)
    called = _called(service, region, need, settings, sdk) or (default,)
    if default.host in {target.host for target in called}:
        return tuple(default if target.host == default.host else target for target in called)
    return (*called, _target(service, region, Addressing.DEFAULT, _CONTEXT))


def _joined(one: Target, other: Target) -> Target:
    """Merge two targets at the same host. The result is required if either target is, and it makes one call; the call
    names no bucket if the buckets differ."""
    is_required = Role.REQUIRED in (one.role, other.role)
    return replace(
        one,
        role=Role.REQUIRED if is_required else one.role,
        counts_with=None if is_required else one.counts_with or other.counts_with,
        by_any_path=one.by_any_path and other.by_any_path,
        required_by=tuple(dict.fromkeys((*one.required_by, *other.required_by))),
        bucket=one.bucket if one.bucket == other.bucket else None,
    )


def services(settings: Settings, region: str, sdk: SdkFacts | None, workloads: WorkloadFacts | None) -> dict[str, Need]:
    """Return the services of a run by name in the order of the catalogue, with the roles of their targets."""
    return _needs(settings, region, sdk, in_use(settings.asked_workloads, workloads))


def _needs(settings: Settings, region: str, sdk: SdkFacts | None, used: Iterable[WorkloadInUse]) -> dict[str, Need]:
    used = tuple(used)
    named = {endpoint.service: "--endpoint" for endpoint in settings.endpoints}
    named |= dict.fromkeys(settings.services, "--service")
    for caller in (workload for workload in used if workload.name is Workload.CALLER and workload.is_required):
        for service in SERVICES.values():
            if service.gives_credentials and sdk is not None and _is_asked_for_role(service, region, sdk):
                named.setdefault(service.name, caller.cause)
    needed = needs(used, named)
    if settings.jobs:  # the service that lists jobs is needed even if no workload of the run calls it
        listing = (service.name for service in SERVICES.values() if service.lists_jobs)
        needed = {name: Need(role=Role.OPTIONAL, required_by=()) for name in listing if name not in needed} | needed
    return {name: _wanted(needed[name], settings) for name in SERVICES if name in needed}


def _wanted(need: Need, settings: Settings) -> Need:
    """Return a need as the settings change it: a requested path applies to every service."""
    return need if settings.expect is None else replace(need, by_any_path=False)


def _of_buckets(service: Service, region: str, used: Iterable[WorkloadInUse], settings: Settings) -> tuple[Target, ...]:
    """Return a target for each bucket to which workloads send their data; empty if an option names the endpoint to
    call."""
    if service.bucket_permission is None or any(named.service == service.name for named in settings.endpoints):
        return ()
    planned: dict[str, Target] = {}
    for workload in used:
        bucket = workload.bucket
        if bucket is None or service.name not in workload.services:
            continue
        there = bucket.region or region
        need = _wanted(needs([workload], {})[service.name], settings)
        default = host_of(service.name, there, fips=False, dual_stack=False)
        host = default if bucket.name is None else host_of_bucket(bucket.name, default)
        target = replace(
            _target(service, there, Addressing.DEFAULT, need, host=host),
            id=_id_of(service, region, host),
            bucket=bucket.name,
        )
        planned[target.id] = _joined(planned.get(target.id, target), target)
    return tuple(planned.values())


def _is_asked_for_role(service: Service, region: str, sdk: SdkFacts) -> bool:
    """Whether the SDK's search for credentials calls a service at the host that other calls to the service use. The
    global host of STS is not a target, since no endpoint leads to it."""
    return sdk.sts_host is not None and sdk.sts_host == _effective(service, region, _CONTEXT, sdk).host


def possible_services(settings: Settings) -> tuple[str, ...]:
    """Return the services that a run may check, whatever workloads this host has, in the order of the catalogue."""
    named = {*settings.services, *(endpoint.service for endpoint in settings.endpoints)}
    named |= set(services_of(settings.asked_workloads))
    if not {Workload.AUTO, Workload.CALLER}.isdisjoint(settings.asked_workloads):
        named |= {service.name for service in SERVICES.values() if service.gives_credentials}
    named |= {service.name for service in SERVICES.values() if service.lists_jobs and settings.jobs}
    return tuple(name for name in SERVICES if name in named)


def names_endpoint_by_id(settings: Settings) -> bool:
    """Whether an endpoint is given by its id instead of a DNS name."""
    return any(ENDPOINT_ID.fullmatch(endpoint.host) for endpoint in settings.endpoints)


def with_names(settings: Settings, endpoints: Iterable[VpcEndpoint]) -> Settings:
    """Return the settings with the regional DNS names of endpoints in place of their ids, as far as EC2 gave these
    names."""
    # The first name is the name without a zone (AWS Backup Developer Guide, Working with gateways).
    names = {endpoint.endpoint_id: endpoint.dns_names[0] for endpoint in endpoints if endpoint.dns_names}

    def named(endpoint: NamedEndpoint) -> NamedEndpoint:
        host = names.get(endpoint.host, "").lower()
        own = read_name(host)
        return replace(endpoint, host=host) if own is not None and own.service == endpoint.service else endpoint

    return replace(settings, endpoints=tuple(map(named, settings.endpoints)))


def jobs_request(targets: Iterable[Target], metadata: ImdsFacts | None, now: datetime) -> JobsRequest | str:
    """Return the jobs to request from AWS Backup, or a text that says why there is nothing to request.

    As a rule these are the jobs of this instance. If a required service carries the data of other resources, they are
    the jobs of all resources of the account in the Region. If that service is the one for gateways, they are only the
    jobs of virtual machines.
    """
    created_after = (now - JOBS_PERIOD).replace(microsecond=0)
    required = [SERVICES[target.service] for target in targets if target.role is Role.REQUIRED]
    kinds = {kind for service in required if service.has_job_data for kind in service.job_kinds}
    if kinds:
        kind = next(iter(kinds)) if kinds == {VIRTUAL_MACHINE} else None
        return JobsRequest(created_after=created_after, resource_arn=None, resource_type=kind)
    if metadata is None or metadata.region is None or not is_region(metadata.region):
        return NO_INSTANCE
    instance, account = metadata.instance_id or "", metadata.account_id or ""
    if not (_INSTANCE_ID.fullmatch(instance) and _ACCOUNT.fullmatch(account)):
        return NO_INSTANCE
    partition = partition_of(metadata.region).id
    arn = f"arn:{partition}:ec2:{metadata.region}:{account}:instance/{instance}"
    return JobsRequest(created_after=created_after, resource_arn=arn)


def _called(service: Service, region: str, need: Need, settings: Settings, sdk: SdkFacts | None) -> tuple[Target, ...]:
    """Return the targets at the hosts that these settings make the SDK call; empty while its settings are unknown."""
    named = [endpoint for endpoint in settings.endpoints if endpoint.service == service.name]
    if named:
        return tuple(_named(service, region, need, endpoint.host) for endpoint in named)
    if sdk is not None:
        asked = replace(sdk, fips=sdk.fips or settings.fips, dual_stack=sdk.dual_stack or settings.dual_stack)
        return (_effective(service, region, need, asked),)
    if settings.fips or settings.dual_stack:
        return (_target(service, region, _ADDRESSING[settings.fips, settings.dual_stack], need),)
    return ()


def _named(service: Service, region: str, need: Need, host: str) -> Target:
    own = read_name(host)
    addressing = Addressing.VPCE if own is not None or ENDPOINT_ID.fullmatch(host) else Addressing.CUSTOM
    # Calls are signed for the Region of the endpoint, wherever this host is.
    return _target(service, region if own is None else own.region, addressing, need, host=host)


def _effective(service: Service, region: str, need: Need, sdk: SdkFacts) -> Target:
    if url := sdk.endpoint_urls.get(service.name):
        # With an endpoint URL the SDK silently ignores FIPS and dual stack (measured, botocore 1.44.8).
        host = host_of_url(url)
        domain = f"{region}.vpce.{partition_of(region).dns_suffix}"
        own = any(host.endswith(f".{link.label}.{domain}") for link in service.private_links)
        return _target(service, region, Addressing.VPCE if own else Addressing.CUSTOM, need, host=host)
    is_plain = not sdk.fips and not sdk.dual_stack  # either setting makes the SDK call the Region's own host
    whole = service.global_host
    if whole is not None and is_plain and region in whole.regions and sdk.calls_global_host(service.name):
        return _target(service, region, Addressing.GLOBAL, need, host=whole.host)
    return _target(service, region, _ADDRESSING[sdk.fips, sdk.dual_stack], need)


def _target(service: Service, region: str, addressing: Addressing, need: Need, *, host: str | None = None) -> Target:
    host = host or host_of(
        service.name,
        region,
        fips=addressing in _FIPS,
        dual_stack=addressing in (Addressing.DUALSTACK, Addressing.FIPS_DUALSTACK),
    )
    return Target(
        id=_id_of(service, region, host),
        service=service.name,
        region=region,
        partition=partition_of(region).id,
        service_name=service_name_of(service.name, region, fips=addressing in _FIPS),
        host=host,
        addressing=addressing,
        role=need.role,
        ports=tuple(port.number for port in service.ports),
        required_by=need.required_by,
        counts_with=need.counts_with,
        by_any_path=need.by_any_path,
    )


def _id_of(service: Service, region: str, host: str) -> str:
    """Return the service's name for the default host in this Region, and `SERVICE@HOST` for every other host."""
    is_default = host == host_of(service.name, region, fips=False, dual_stack=False)
    return service.name if is_default else f"{service.name}@{host}"
