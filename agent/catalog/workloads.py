"""The services that each workload needs, with their roles, and the workloads that decide what a run checks.

A service is required only if a document of AWS says so. The row of the service has this document.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from agent.catalog.buckets import Bucket, bucket_name
from agent.catalog.partitions import is_region
from agent.catalog.services import SERVICES
from agent.settings import Workload
from probes.facts import (
    AWS_BACKUP_MODE,
    BACKINT_LINK,
    BUCKET,
    BUCKET_REGIONS,
    S3_MODE,
    SAP_SYSTEMS,
    SHELL_VARIABLES,
    SSM_ENDPOINTS,
    FoundWorkload,
    WorkloadFacts,
)
from probes.frozen import dataclass
from probes.model import Role

UNKNOWN: Final = "unknown"
"""Mode of a Backint agent whose configuration could not be read."""
_PRIVATE_LINK: Final = "AWS PrivateLink (AWS Backup Developer Guide)"
_MANAGED_NODE: Final = (
    "Improve the security of EC2 instances by using VPC endpoints for Systems Manager (Systems Manager User Guide)"
)
_HANA_BACKUP: Final = "SAP HANA databases on Amazon EC2 instances backup (AWS Backup Developer Guide)"
_BACKINT: Final = "Back up and restore your SAP HANA workloads with AWS Backint Agent (SAP HANA on AWS Guides)"
_REGISTRATION: Final = "Troubleshoot SSM for SAP (Systems Manager for SAP User Guide)"
NEEDS: Final[Mapping[tuple[Workload, str | None], Mapping[str, str | None]]] = {
    (Workload.CALLER, None): {"backup": _PRIVATE_LINK, "backup-gateway": None},
    (Workload.GATEWAY, None): {"backup-gateway": _PRIVATE_LINK},
    (Workload.SSM, None): {"ssm": _MANAGED_NODE, "ssmmessages": _MANAGED_NODE},
    (Workload.HANA, AWS_BACKUP_MODE): {
        "backup-storage": _HANA_BACKUP,
        # AWS Backup calls SSM for SAP, which uses Run Command.
        "ssm": _HANA_BACKUP,
        "ssmmessages": _MANAGED_NODE,
        # The person or program that registers the database calls this service, possibly from another host.
        "ssm-sap": None,
        "secretsmanager": _REGISTRATION,
    },
    # An installer may use Systems Manager. HANA starts backups itself, without Systems Manager.
    (Workload.HANA, S3_MODE): {"s3": _BACKINT, "ssm": None, "ssmmessages": None},
}
"""The services that each workload needs, by workload and, for `hana`, by mode. Each service has the document of AWS
that requires it, or None if it is optional. Services that a run cannot check are left out."""
SIGNS: Final[Mapping[Workload, frozenset[str]]] = {
    Workload.CALLER: frozenset({"backup"}),
    Workload.HANA: frozenset({"backup-storage"}),
    Workload.HANA_S3: frozenset(),
    Workload.GATEWAY: frozenset({"backup-gateway"}),
    Workload.SSM: frozenset({"ssm", "ssmmessages"}),
}
"""Required services whose endpoint in a VPC shows that the workload runs in the VPC, or is meant to run there. Services
that SAP HANA shares with other software are left out, since many VPCs have endpoints of Systems Manager, Secrets
Manager and S3."""
MODE_OPTIONS: Final[Mapping[str, Workload]] = {AWS_BACKUP_MODE: Workload.HANA_BACKUP, S3_MODE: Workload.HANA_S3}
"""The option that sets the mode of a Backint agent, by the mode."""
DATA_SERVICES: Final = frozenset({"backup-storage", "s3"})
"""The services to which a Backint agent may send data. It uses one of them."""
_BY_ANY_PATH: Final = frozenset({"s3"})
"""Services that SAP HANA may reach by any path. Only whether the bucket answers matters."""
LONG_FLOWS: Final = frozenset({Workload.HANA})
"""Workloads that keep a connection open for the whole of a backup."""


GROUP_OF_CONFIGURATION: Final = "SupplementaryGroups=sapsys"
"""The setting that lets a service of systemd read the configuration of the Backint agent, whose files have this group
since version 2.0.2.732 (Version history for AWS Backint agent)."""
BACKINT_FOR_ENDPOINTS: Final = "2.1.5"
"""The first Backint agent that can reach AWS Backup through an interface endpoint (Version history for AWS Backint
agent)."""
SSM_AGENT_WITHOUT_EC2MESSAGES: Final = "3.3.40.0"
"""The first SSM Agent that does not need `ec2messages` if `ssmmessages` can be reached (Systems Manager User Guide,
Improve the security of EC2 instances by using VPC endpoints for Systems Manager)."""


def is_before(version: str | None, first: str) -> bool:
    """Whether a version is known and older than `first`."""
    if version is None or not all(part.isascii() and part.isdigit() for part in version.split(".")):
        return False
    return [int(part) for part in version.split(".")] < [int(part) for part in first.split(".")]


def proxy_of_agent(settings: Mapping[str, str], host: str) -> str | None:
    """The proxy to which an agent's settings send its calls to a host; None if the calls go to the host itself."""
    proxy = settings.get("https_proxy")
    return None if proxy is None or is_left_out(host, settings.get("no_proxy", "")) else proxy


def has_known_proxies(settings: Mapping[str, str]) -> bool:
    """Whether it is known which proxy, if any, the settings of an agent use."""
    hidden = settings.get(SHELL_VARIABLES, "").split(", ")
    return "https_proxy" not in hidden and not ("no_proxy" in hidden and "https_proxy" in settings)


def is_left_out(host: str, no_proxy: str) -> bool:
    """Whether a no_proxy list contains the host, a parent domain of it, or `*`."""
    names = (name.strip().lower().lstrip(".") for name in no_proxy.split(","))
    return any(name == "*" or host == name or host.endswith(f".{name}") for name in names if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadInUse:
    """A workload that decides what is checked."""

    name: Workload
    by: str
    """The sign on this host by which the workload was found; otherwise the option that requested it."""
    cause: str
    """The reason why its services are required, in a word: the workload's name, or the option that requested the
    workload."""
    is_required: bool
    mode: str | None = None
    """The mode of `hana`; None for other workloads."""
    is_mode_given: bool = False
    """Whether an option sets the mode. Otherwise it is inferred from a key of the agent's configuration."""
    found: FoundWorkload | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """The workload's own settings; empty if it was not found."""
        return {} if self.found is None else self.found.settings

    @property
    def version(self) -> str | None:
        """The version of the workload's agent; None if it is not known."""
        return None if self.found is None else self.found.version

    @property
    def bucket(self) -> Bucket | None:
        """The bucket to which the workload sends its data; None if it uses no bucket, or the bucket is unknown."""
        if self.name is not Workload.HANA or self.mode != S3_MODE:
            return None
        region = next((value for key in BUCKET_REGIONS if (value := self.settings.get(key))), None)
        is_named = region is not None and is_region(region)
        return Bucket(name=bucket_name(self.settings.get(BUCKET, "")), region=region if is_named else None)

    @property
    def services(self) -> dict[str, Role]:
        """The services that the workload needs and a run can check, with their roles. They come from the table, and
        from the workload's own settings, which may contain hosts."""
        needed = self._needed_by_table()
        if self.name is Workload.SSM:
            needed |= {
                service: Role.OPTIONAL
                for key, service in SSM_ENDPOINTS.items()
                if key in self.settings and service not in needed
            }
            if is_before(self.version, SSM_AGENT_WITHOUT_EC2MESSAGES):
                needed["ec2messages"] = Role.OPTIONAL
        return {service: role if self.is_required else Role.OPTIONAL for service, role in needed.items()}

    def _needed_by_table(self) -> dict[str, Role]:
        """The services of the table, and those of `counts_with`."""
        rows = NEEDS.get((self.name, self.mode), {})
        needed = {service: Role.OPTIONAL if source is None else Role.REQUIRED for service, source in rows.items()}
        return dict.fromkeys(self.counts_with, Role.OPTIONAL) | needed

    @property
    def counts_with(self) -> dict[str, str]:
        """Further services whose names a run looks up, each with the option that makes the service count. Reports
        mention them even if this host does not use them. These are the services of the mode that the agent does not
        have, and services that SAP HANA uses with AWS Backup for other tasks than backups."""
        if self.name is not Workload.HANA:
            return {}
        options = {"backup": option_of(Workload.CALLER)} if self.is_found else {}
        if self.mode == S3_MODE:
            options |= dict.fromkeys(required_services(Workload.SSM), option_of(Workload.SSM))
        if not self.is_mode_given:
            for mode, named in MODE_OPTIONS.items():
                for service in required_services(named) if mode != self.mode else ():
                    options.setdefault(service, option_of(named))
        return options

    @property
    def is_found(self) -> bool:
        """Whether there is a sign of the workload on this host."""
        return not self.by.startswith("--")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A service of a run, with its role."""

    role: Role
    required_by: tuple[str, ...]
    counts_with: str | None = None
    """The option that makes an optional service count, if a report mentions the service although this host does not use
    it."""
    by_any_path: bool = False
    """Whether any path is acceptable by default. A public path is then tried, too."""


def in_use(asked: Iterable[Workload], facts: WorkloadFacts | None) -> tuple[WorkloadInUse, ...]:
    """The workloads that decide what a run checks, given the options in `asked`. If `facts` is None, these are the
    workloads that are known before this host is searched."""
    wanted = frozenset(asked)
    hana = [] if facts is None else _hana(wanted, facts)
    workloads = []
    if Workload.CALLER in wanted:
        workloads.append(_asked_for(Workload.CALLER))
    elif Workload.AUTO in wanted and facts is not None:
        cause, option = Workload.CALLER.value, option_of(Workload.AUTO)
        workloads.append(WorkloadInUse(name=Workload.CALLER, by=option, cause=cause, is_required=not hana))
    if Workload.GATEWAY in wanted:
        workloads.append(_asked_for(Workload.GATEWAY))
    workloads += hana
    agent = next((found for found in (facts.found if facts else ()) if found.name == Workload.SSM), None)
    if Workload.SSM in wanted or (Workload.AUTO in wanted and agent is not None):
        is_asked = Workload.SSM in wanted
        option = option_of(Workload.SSM)
        workloads.append(
            WorkloadInUse(
                name=Workload.SSM,
                by=option if agent is None else agent.by,
                cause=option if is_asked else Workload.SSM.value,
                is_required=is_asked,
                found=agent,
            )
        )
    return tuple(workloads)


def planned(asked: Iterable[Workload]) -> tuple[WorkloadInUse, ...]:
    """The workloads to plan for when no host is searched. SAP HANA then sends its data to AWS Backup, unless `hana:s3`
    is given."""
    named = (Workload.HANA_BACKUP if workload is Workload.HANA else workload for workload in asked)
    return in_use(named, WorkloadFacts())


def hidden_signs(facts: WorkloadFacts) -> tuple[str, ...]:
    """Unreadable paths that may be the link of a Backint agent, or the folder with the link. The folder is left out if
    the result of an earlier search still counts for it."""
    paths = [unread.path for unread in facts.unread]
    is_known = any(found.is_standing for found in facts.found)
    return tuple(path for path in paths if (path == SAP_SYSTEMS and not is_known) or path.endswith(BACKINT_LINK))


def _asked_for(workload: Workload) -> WorkloadInUse:
    return WorkloadInUse(name=workload, by=option_of(workload), cause=option_of(workload), is_required=True)


def _hana(wanted: frozenset[Workload], facts: WorkloadFacts) -> list[WorkloadInUse]:
    """One workload for each SAP system that uses the Backint agent, or may use it, and for each mode that an option
    names."""
    modes = [mode for mode, option in MODE_OPTIONS.items() if option in wanted]
    is_asked = bool(modes) or Workload.HANA in wanted
    if not is_asked and Workload.AUTO not in wanted:
        return []
    every: list[tuple[str | None, FoundWorkload | None]] = [
        (found.by, found) for found in facts.found if found.name == Workload.HANA
    ]
    known = {by for by, _ in every}
    every += [(path, None) for path in hidden_signs(facts) if path not in known]
    if is_asked and not every:
        every.append((None, None))
    workloads = []
    for by, found in every:
        for mode in modes or [_mode_of(found)]:
            option = option_of(MODE_OPTIONS[mode] if modes else Workload.HANA)
            workloads.append(
                WorkloadInUse(
                    name=Workload.HANA,
                    by=by or option,
                    cause=option if is_asked else Workload.HANA.value,
                    is_required=True,
                    mode=mode,
                    is_mode_given=bool(modes),
                    found=found,
                )
            )
    return workloads


def _mode_of(found: FoundWorkload | None) -> str:
    """The mode of a HANA system's agent, which tells where its data goes. A report of a later version may have a mode
    that is unknown here."""
    mode = None if found is None else found.mode
    return mode if mode is not None and mode in MODE_OPTIONS else UNKNOWN


def needs(workloads: Iterable[WorkloadInUse], named: Mapping[str, str]) -> dict[str, Need]:
    """The services that these workloads need, and those that options request, in the order of the catalogue. `named`
    has these services, each with its option."""
    used = tuple(workloads)
    services = [(workload, workload.services) for workload in used]
    by_service: dict[str, Need] = {}
    for service in SERVICES:
        users = [(workload, roles[service]) for workload, roles in services if service in roles]
        option = named.get(service)
        causes = [] if option is None else [option]
        causes += [workload.cause for workload, role in users if role is Role.REQUIRED]
        if not causes and not users:
            continue
        counts_with = (workload.counts_with.get(service) for workload, _ in users)
        deciding = [workload for workload, role in users if role is Role.REQUIRED or not causes]
        by_service[service] = Need(
            role=Role.REQUIRED if causes else Role.OPTIONAL,
            required_by=tuple(dict.fromkeys(causes)),
            counts_with=None if causes else next(filter(None, counts_with), None),
            by_any_path=option is None
            and service in _BY_ANY_PATH
            and all(workload.name is Workload.HANA for workload in deciding)
            # If the mode is known, a public address of a service for the other mode is reported, but not tried.
            and (bool(causes) or has_unsettled_mode(deciding)),
        )
    return by_service


def required_services(workload: Workload) -> tuple[str, ...]:
    """The services that a workload cannot do without, in the order of the catalogue. A Backint agent for which no mode
    is given sends its data to AWS Backup."""
    modes = {option: (Workload.HANA, mode) for mode, option in MODE_OPTIONS.items()}
    rows = NEEDS[modes.get(workload, (workload, AWS_BACKUP_MODE if workload is Workload.HANA else None))]
    return tuple(service for service in SERVICES if rows.get(service) is not None)


def services_of(workloads: Iterable[Workload]) -> tuple[str, ...]:
    """The services that a run with these workloads may check, depending on what it finds, in the order of the
    catalogue."""
    wanted = frozenset(workloads)
    if Workload.AUTO in wanted:
        wanted |= {Workload.CALLER, Workload.HANA, Workload.SSM}
    if wanted & _OF_HANA:
        wanted |= {Workload.HANA}
    needed = {service for (name, _), services in NEEDS.items() if name in wanted for service in services}
    needed |= {"backup"} if Workload.HANA in wanted else set()
    needed |= set(SSM_ENDPOINTS.values()) if Workload.SSM in wanted else set()
    return tuple(name for name in SERVICES if name in needed)


def checked_for_caller() -> tuple[str, ...]:
    """The services that a run checks for the workload `caller`, in the order of the catalogue."""
    return services_of((Workload.CALLER,))


def bucket_service_of(workloads: Iterable[Workload]) -> str | None:
    """The service of the bucket that one of these workloads may be set to use; None if no workload uses a bucket."""
    if frozenset(workloads).isdisjoint({Workload.HANA, Workload.HANA_S3}):
        return None
    services = (service for service in required_services(Workload.HANA_S3) if SERVICES[service].bucket_permission)
    return next(services, None)


def option_for(service: str) -> str:
    """The option that makes a service required, whatever is on the host. It is `--workload` with the workload of this
    service, or otherwise `--service`."""
    for workload in (Workload.GATEWAY, Workload.SSM):
        if service in NEEDS[workload, None]:
            return option_of(workload)
    return f"--service {service}"


def has_unsettled_mode(workloads: Iterable[WorkloadInUse]) -> bool:
    """Whether it is unknown where a Backint agent sends its data."""
    return any(workload.mode == UNKNOWN for workload in workloads)


def services_of_either_mode() -> tuple[str, ...]:
    """The services that a Backint agent requires in one mode or the other, in the order of the catalogue."""
    every = {service for option in MODE_OPTIONS.values() for service in required_services(option)}
    return tuple(service for service in SERVICES if service in every)


def option_of(workload: Workload) -> str:
    """The option that asks for a workload: `--workload hana`."""
    return f"--workload {workload.value}"


_OF_HANA: Final = frozenset({Workload.HANA, *MODE_OPTIONS.values()})
MODES: Final = (*MODE_OPTIONS, UNKNOWN)
"""The modes of `hana`."""
REASONS: Final = (
    *(Workload.CALLER.value, Workload.HANA.value, Workload.SSM.value),
    *(option_of(workload) for workload in Workload if workload is not Workload.AUTO),
    *("--service", "--endpoint"),
)
"""Everything that can make a service required: the workloads that `auto` finds, and options."""
