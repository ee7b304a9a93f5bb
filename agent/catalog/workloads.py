"""What each workload needs: its services with their roles, and which workloads decide what a run checks.

Sources: AWS PrivateLink (AWS Backup Developer Guide); SAP HANA databases on Amazon EC2 instances backup (the same);
Troubleshoot SSM for SAP (Systems Manager for SAP User Guide); Improve the security of EC2 instances by using VPC
endpoints for Systems Manager (Systems Manager User Guide).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from agent.catalog.buckets import Bucket, bucket_name
from agent.catalog.partitions import is_region
from agent.catalog.services import SERVICES
from agent.settings import Workload
from probes.facts import (
    AWS_BACKUP_MODE,
    BUCKET,
    BUCKET_REGIONS,
    S3_MODE,
    SAP_SYSTEMS,
    SSM_ENDPOINTS,
    FoundWorkload,
    WorkloadFacts,
)
from probes.frozen import dataclass
from probes.model import Role

_REQUIRED: Final = Role.REQUIRED
_OPTIONAL: Final = Role.OPTIONAL
UNKNOWN: Final = "unknown"
"""Mode of a Backint agent whose configuration could not be read."""
_SSM: Final = {"ssm": _REQUIRED, "ssmmessages": _REQUIRED}
"""SSM for SAP acts through Run Command."""
NEEDS: Final[Mapping[tuple[Workload, str | None], Mapping[str, Role]]] = {
    (Workload.GATEWAY, None): {"backup-gateway": _REQUIRED},
    (Workload.SSM, None): _SSM,
    (Workload.HANA, AWS_BACKUP_MODE): {
        "backup-storage": _REQUIRED,
        **_SSM,
        "ssm-sap": _REQUIRED,
        "secretsmanager": _REQUIRED,
    },
    (Workload.HANA, S3_MODE): {"s3": _REQUIRED, **_SSM},
    (Workload.HANA, UNKNOWN): {
        "backup-storage": _OPTIONAL,
        "s3": _OPTIONAL,
        **_SSM,
        "ssm-sap": _OPTIONAL,
        "secretsmanager": _OPTIONAL,
    },
}
"""Services by workload and, of `hana`, mode; those of `caller` are what the records of services have as their default
role. A service that a run cannot check is left out of it."""
SIGNS: Final[Mapping[Workload, frozenset[str]]] = {
    Workload.CALLER: frozenset({"backup"}),
    Workload.HANA: frozenset({"backup-storage", "ssm-sap"}),
    Workload.GATEWAY: frozenset({"backup-gateway"}),
    Workload.SSM: frozenset({"ssm", "ssmmessages"}),
}
"""Services that a workload requires and whose endpoint in a VPC tells that it runs there, or is to. Those that SAP HANA
shares with other software tell nothing of it: many VPCs have endpoints of Systems Manager and Secrets Manager."""
DATA_SERVICES: Final = frozenset({"backup-storage", "s3"})
"""One of them is what a Backint agent whose mode is unknown sends its data to."""
LONG_FLOWS: Final = frozenset({Workload.HANA})
"""Workloads that hold a connection for as long as a backup lasts."""


BACKINT_FOR_ENDPOINTS: Final = "2.1.5"
"""The first Backint agent that reaches AWS Backup by an interface endpoint (Version history for AWS Backint agent)."""
SSM_AGENT_WITHOUT_EC2MESSAGES: Final = "3.3.40.0"
"""The first SSM Agent that needs no `ec2messages` where `ssmmessages` can be reached (Systems Manager User Guide,
Improve the security of EC2 instances by using VPC endpoints for Systems Manager)."""


def is_before(version: str | None, first: str) -> bool:
    """Whether a version is known and older than `first`."""
    if version is None or not all(part.isascii() and part.isdigit() for part in version.split(".")):
        return False
    return [int(part) for part in version.split(".")] < [int(part) for part in first.split(".")]


def proxy_of_agent(settings: Mapping[str, str], host: str) -> str | None:
    """The proxy to which the settings of an agent send its calls for a host; None where they set none for it."""
    proxy = settings.get("https_proxy")
    return None if proxy is None or is_left_out(host, settings.get("no_proxy", "")) else proxy


def is_left_out(host: str, no_proxy: str) -> bool:
    """Whether a no_proxy holds a host or a domain above it, or `*`."""
    names = (name.strip().lower().lstrip(".") for name in no_proxy.split(","))
    return any(name == "*" or host == name or host.endswith(f".{name}") for name in names if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadInUse:
    """A workload that decides what is checked."""

    name: Workload
    by: str
    """The sign on this host by which it was found, else the option that asked for it."""
    cause: str
    """Why its services are required, in a word: its name, or the option that asked for it."""
    is_required: bool
    mode: str | None = None
    """Of `hana`."""
    found: FoundWorkload | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """Its own settings; empty where it was not found."""
        return {} if self.found is None else self.found.settings

    @property
    def version(self) -> str | None:
        """Of its agent; None where that is not known."""
        return None if self.found is None else self.found.version

    @property
    def bucket(self) -> Bucket | None:
        """The bucket that it sends its data to; None where that is no bucket, or is not known."""
        if self.name is not Workload.HANA or self.mode != S3_MODE:
            return None
        region = next((value for key in BUCKET_REGIONS if (value := self.settings.get(key))), None)
        is_named = region is not None and is_region(region)
        return Bucket(name=bucket_name(self.settings.get(BUCKET, "")), region=region if is_named else None)

    @property
    def services(self) -> dict[str, Role]:
        """The services that it needs and a run can check, with their roles: those of the table, and those that its own
        settings name a host for."""
        needed = _needed(self.name, self.mode)
        if self.name is Workload.SSM:
            needed |= {
                service: _OPTIONAL
                for key, service in SSM_ENDPOINTS.items()
                if key in self.settings and service not in needed
            }
            if is_before(self.version, SSM_AGENT_WITHOUT_EC2MESSAGES):
                needed["ec2messages"] = _OPTIONAL
        return {service: role if self.is_required else _OPTIONAL for service, role in needed.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A service of a run."""

    role: Role
    required_by: tuple[str, ...]


def in_use(asked: Iterable[Workload], facts: WorkloadFacts | None) -> tuple[WorkloadInUse, ...]:
    """The workloads that decide what a run checks, which asks for `asked`; with `facts` as None, those that are known
    before this host was searched."""
    wanted = frozenset(asked)
    workloads = []
    for name in (Workload.CALLER, Workload.GATEWAY):
        if name in wanted or (name is Workload.CALLER and Workload.AUTO in wanted):
            option = _option(name if name in wanted else Workload.AUTO)
            cause = option if name in wanted else name.value
            workloads.append(WorkloadInUse(name=name, by=option, cause=cause, is_required=True))
    if facts is not None:
        workloads += _hana(wanted, facts)
    agent = next((found for found in (facts.found if facts else ()) if found.name == Workload.SSM), None)
    if Workload.SSM in wanted or (Workload.AUTO in wanted and agent is not None):
        option = _option(Workload.SSM)
        with_hana = any(workload.name is Workload.HANA and workload.is_required for workload in workloads)
        workloads.append(
            WorkloadInUse(
                name=Workload.SSM,
                by=option if agent is None else agent.by,
                cause=option if Workload.SSM in wanted else Workload.SSM.value,
                is_required=Workload.SSM in wanted or with_hana,
                found=agent,
            )
        )
    return tuple(workloads)


def _hana(wanted: frozenset[Workload], facts: WorkloadFacts) -> list[WorkloadInUse]:
    """One for each SAP system that uses the Backint agent."""
    if not wanted & {Workload.AUTO, Workload.HANA}:
        return []
    is_asked = Workload.HANA in wanted
    cause = _option(Workload.HANA) if is_asked else Workload.HANA.value
    every = [found for found in facts.found if found.name == Workload.HANA]
    workloads = [
        WorkloadInUse(
            name=Workload.HANA,
            by=found.by,
            cause=cause,
            is_required=found.is_agent or is_asked,
            mode=_mode_of(found, is_asked=is_asked),
            found=found,
        )
        for found in every
    ]
    if is_asked and not every:
        # Where nothing is hidden, no agent is here whose configuration could say otherwise.
        hidden = any(unread.path.startswith(SAP_SYSTEMS) for unread in facts.unread)
        mode = UNKNOWN if hidden else AWS_BACKUP_MODE
        workloads.append(
            WorkloadInUse(name=Workload.HANA, by=_option(Workload.HANA), cause=cause, is_required=True, mode=mode)
        )
    return workloads


def _mode_of(found: FoundWorkload, *, is_asked: bool) -> str:
    """Where a HANA system's agent sends its data. A report may name a mode that is not known here."""
    if found.mode is None:
        return UNKNOWN if found.is_agent or not is_asked else AWS_BACKUP_MODE
    return found.mode if found.mode in MODES else UNKNOWN


def needs(workloads: Iterable[WorkloadInUse], named: Mapping[str, str]) -> dict[str, Need]:
    """The services that these workloads need and those that options name, in the order of the catalogue; `named` has
    the option of each."""
    roles: dict[str, Role] = dict.fromkeys(named, _REQUIRED)
    required_by: dict[str, list[str]] = {service: [option] for service, option in named.items()}
    for workload in workloads:
        for service, role in workload.services.items():
            if roles.get(service) is not _REQUIRED:
                roles[service] = role
            if role is _REQUIRED:
                required_by.setdefault(service, []).append(workload.cause)
    return {
        service: Need(role=roles[service], required_by=tuple(dict.fromkeys(required_by.get(service, ()))))
        for service in SERVICES
        if service in roles
    }


def required_services(workload: Workload) -> tuple[str, ...]:
    """The services that a workload cannot do without, in the order of the catalogue, where nothing on a host says
    otherwise: a Backint agent sends its data to AWS Backup."""
    needed = needs(in_use((workload,), WorkloadFacts()), {})
    return tuple(service for service, need in needed.items() if need.role is _REQUIRED)


def services_of(workloads: Iterable[Workload]) -> tuple[str, ...]:
    """The services that a run with these workloads may check, whatever is found, in the order of the catalogue."""
    wanted = frozenset(workloads)
    if Workload.AUTO in wanted:
        wanted |= {Workload.CALLER, Workload.HANA, Workload.SSM}
    if Workload.HANA in wanted:
        wanted |= {Workload.SSM}
    needed = {service for (name, _), services in NEEDS.items() if name in wanted for service in services}
    needed |= set(_needed(Workload.CALLER, None)) if Workload.CALLER in wanted else set()
    needed |= set(SSM_ENDPOINTS.values()) if Workload.SSM in wanted else set()
    return tuple(name for name in SERVICES if name in needed)


def bucket_service_of(workloads: Iterable[Workload]) -> str | None:
    """The service of the bucket that one of these workloads may be set to use; None where none is."""
    modes = (NEEDS[name, mode] for name, mode in NEEDS if name in frozenset(workloads) and mode == S3_MODE)
    services = (service for needed in modes for service in needed if SERVICES[service].bucket_permission is not None)
    return next(services, None)


def option_for(service: str) -> str:
    """The option that makes a service required, whatever is on the host: the workload that is there for it, else its
    own name."""
    for workload in (Workload.GATEWAY, Workload.SSM):
        if service in NEEDS[workload, None]:
            return _option(workload)
    return f"--service {service}"


def has_unsettled_mode(workloads: Iterable[WorkloadInUse], required: Iterable[str]) -> bool:
    """Whether it is open which service a Backint agent sends its data to: its configuration was not read, and no option
    requires one of the two."""
    open_mode = any(workload.is_required and workload.mode == UNKNOWN for workload in workloads)
    return open_mode and DATA_SERVICES.isdisjoint(required)


def _needed(workload: Workload, mode: str | None) -> dict[str, Role]:
    if workload is Workload.CALLER:
        return {name: service.default_role for name, service in SERVICES.items() if service.default_role is not None}
    return dict(NEEDS[workload, mode])


def _option(workload: Workload) -> str:
    return f"--workload {workload.value}"


MODES: Final = (AWS_BACKUP_MODE, S3_MODE, UNKNOWN)
"""Those of `hana`."""
REASONS: Final = (
    *(Workload.CALLER.value, Workload.HANA.value, Workload.SSM.value),
    *(_option(workload) for workload in Workload if workload is not Workload.AUTO),
    *("--service", "--endpoint"),
)
"""All that can require a service: workloads that `auto` stands for, and options."""
