"""ENV and TCP rules for the software of a workload: its own settings, and what its long connections need."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from agent.catalog.endpoint_urls import host_of_url
from agent.catalog.findings import Severity
from agent.catalog.headline import Forms
from agent.catalog.wording import listed
from agent.catalog.workloads import (
    BACKINT_FOR_ENDPOINTS,
    DATA_SERVICES,
    GROUP_OF_CONFIGURATION,
    LONG_FLOWS,
    SSM_AGENT_WITHOUT_EC2MESSAGES,
    UNKNOWN,
    WorkloadInUse,
    has_known_proxies,
    is_before,
    is_left_out,
    option_of,
    proxy_of_agent,
    services_of_either_mode,
)
from agent.fixes.changes import NewEndpoint, alternative, written
from agent.fixes.commands import read_only
from agent.judge.evidence import Evidence
from agent.judge.observations import ids
from agent.judge.requirements import required_steps, why_not_in_use
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Command, CommandScope, Fix
from agent.settings import Workload
from probes.facts import AWS_BACKUP_MODE, BACKINT_LINK, SAP_SYSTEMS, SHELL_VARIABLES, SSM_ENDPOINTS
from probes.frozen import dataclass
from probes.model import Role, Step, Target
from probes.operations import HOST, WORKLOADS

IDLE_SECONDS: Final = 350
"""Idle time after which endpoints, network load balancers and NAT gateways forget a TCP connection (AWS PrivateLink
Guide, Access AWS services through AWS PrivateLink)."""
_METADATA: Final = "169.254.169.254"
_OF_PERMISSIONS: Final = frozenset({"EACCES", "EPERM"})
_LET_READ: Final = (
    " Or let this user read the configuration, as root and members of the group sapsys can; in a systemd unit, "
    f"set {GROUP_OF_CONFIGURATION}."
)
_SEARCH: Final = f"{HOST}/{WORKLOADS}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The source of an agent's proxy variables."""

    agent: str
    setter: str
    """The program or unit that sets these variables."""
    file: str
    """The file to change."""
    restart: str
    """The step that must follow a change of the file. Empty if there is none."""
    command: Command
    """The command that shows the variables."""


_SOURCES: Final[Mapping[Workload, _Source]] = {
    Workload.HANA: _Source(
        agent="the Backint agent",
        setter="The launcher of the Backint agent",
        file="aws-backint-agent-launcher.sh",
        restart="",
        command=read_only("grep", "-n", "proxy", "<LAUNCHER>"),
    ),
    Workload.SSM: _Source(
        agent="the SSM Agent",
        setter="The systemd unit of the SSM Agent",
        file="the unit's drop-in",
        restart=" and restart the agent",
        command=read_only("systemctl", "cat", "<SSM_AGENT_UNIT>"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Detour:
    """A setting that makes a workload call another address than the one that this run tested."""

    words: str
    targets: tuple[Target, ...]
    """The targets that were tested instead."""
    summary: str
    command: Command
    severity: Severity = Severity.WARNING
    """The severity of the finding. It is information if the workload takes the same path as this run, and only this
    process has different settings. It is critical if the setting cannot work."""
    headline: dict[str, Forms | None]
    shows: tuple[str, ...] = ()
    """Ids of the observations that are its evidence, besides the lookups of the targets."""


def agent_too_old(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV016: the version of an agent on this host is too old for the private path."""
    for workload in evidence.workloads:
        if workload.name is Workload.HANA and workload.mode == AWS_BACKUP_MODE:
            yield from _old_backint(evidence, workload)
        elif workload.name is Workload.SSM:
            yield from _old_ssm_agent(evidence, workload)


def _old_backint(evidence: Evidence, workload: WorkloadInUse) -> Iterator[RuleFinding]:
    if not is_before(workload.version, BACKINT_FOR_ENDPOINTS):
        return
    targets = [target for target in _targets(evidence, DATA_SERVICES) if target.role is Role.REQUIRED]
    fails = any(_fails(evidence, target) for target in targets)
    yield RuleFinding(
        code="ENV016",
        target=None,
        headline={"agent": "Backint agent", "version": workload.version, "least": BACKINT_FOR_ENDPOINTS},
        severity=Severity.CRITICAL if fails else None,
        detail=f"The Backint agent of {workload.by} is version {workload.version}; only version "
        f"{BACKINT_FOR_ENDPOINTS} and later ones reach AWS Backup through an interface endpoint.",
        evidence=(_SEARCH, *_lookups(evidence, targets)),
        fix=Fix(
            summary="Update the agent while no backup runs: (a) with the application's settings in Systems Manager for "
            "SAP, if it is registered there; (b) with the Systems Manager document AWSSAP-InstallBackintForAWSBackup, "
            "whose parameters the command shows. The update cannot be undone. Then check the version.",
            commands=(
                *alternative("a", _update_backint(evidence.run.region or "<REGION>")),
                *alternative("b", _show_backint_document(evidence.run.region or "<REGION>")),
                read_only("backuplink", "check", "--workload", "hana", "--run-agents"),
            ),
        ),
    )


def _update_backint(region: str) -> Command:
    """The command that updates the Backint agent with its setting (Systems Manager for SAP API Reference,
    UpdateApplicationSettings)."""
    return Command(
        argv=(
            *("aws", "ssm-sap", "update-application-settings", "--region", region),
            *("--application-id", "<SAP_APPLICATION_ID>"),
            *("--backint", "BackintMode=AWSBackup,EnsureNoBackupInProcess=true"),
        ),
        scope=CommandScope.HOST,
        changes=True,
        reversible=False,
        undo=None,
    )


def _show_backint_document(region: str) -> Command:
    return read_only(
        *("aws", "ssm", "describe-document", "--region", region),
        *("--name", "AWSSAP-InstallBackintForAWSBackup", "--query", "Document.Parameters"),
        scope=CommandScope.ACCOUNT,
    )


def _upgrade(*argv: str, undo: str) -> Command:
    return Command(argv=argv, scope=CommandScope.HOST, changes=True, reversible=True, undo=undo)


def _old_ssm_agent(evidence: Evidence, workload: WorkloadInUse) -> Iterator[RuleFinding]:
    """An SSM Agent that needs `ec2messages`, for which there is no endpoint here."""
    if not is_before(workload.version, SSM_AGENT_WITHOUT_EC2MESSAGES):
        return
    missing = [target for target in _targets(evidence, {"ec2messages"}) if why_not_in_use(evidence, target) is not None]
    if not missing:
        return
    targets = _targets(evidence, {"ssm"})
    yield RuleFinding(
        code="ENV016",
        target=None,
        headline={"agent": "SSM Agent", "version": workload.version, "least": SSM_AGENT_WITHOUT_EC2MESSAGES},
        severity=Severity.CRITICAL if any(_fails(evidence, target) for target in targets) else None,
        detail=f"The SSM Agent is version {workload.version}: before {SSM_AGENT_WITHOUT_EC2MESSAGES} it calls "
        f"{listed(target.host for target in missing)} as well, which has no private address here.",
        evidence=(_SEARCH, *_lookups(evidence, targets)),
        fix=Fix(
            summary="Update the SSM Agent: (a) if it was installed as a package, (b) if it was installed as a snap. "
            "(c) If no update is possible, create an endpoint for ec2messages. Then check the version.",
            commands=(
                *alternative(
                    "a",
                    _upgrade("dnf", "upgrade", "amazon-ssm-agent", undo="dnf downgrade amazon-ssm-agent"),
                ),
                *alternative(
                    "b",
                    _upgrade("snap", "refresh", "amazon-ssm-agent", undo="snap revert amazon-ssm-agent"),
                ),
                *alternative("c", *written(missing[0].region, NewEndpoint(target=missing[0], private_dns=True))),
                read_only("backuplink", "check", "--workload", "ssm", "--run-agents"),
            ),
        ),
    )


def _fails(evidence: Evidence, target: Target) -> bool:
    """Whether a step that the target needs failed, or the target's name leads off the expected path."""
    steps = map(evidence.find, required_steps(evidence, target))
    failed = any(step is not None and step.made and not step.ok for step in steps)
    return failed or not all(evidence.is_expected(address, target) for address in evidence.own_addresses(target))


def _lookups(evidence: Evidence, targets: Iterable[Target]) -> tuple[str, ...]:
    return ids([lookup for target in targets if (lookup := evidence.own_lookup(target)) is not None])


def agent_overrides(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV017: the workload's own settings send its calls to another address than the one that this run tested, or the
    settings that decide this could not be read."""
    yield from _unsettled_mode(evidence)
    detours = [
        detour
        for workload in evidence.workloads
        for detour in (*_other_hosts(evidence, workload), *_own_proxy(evidence, workload))
    ]
    detours += _missing_buckets(evidence)
    if not detours:
        return
    worst = min((detour.severity for detour in detours), key=lambda severity: severity.rank)
    tested = dict.fromkeys(target for detour in detours for target in detour.targets)
    yield RuleFinding(
        code="ENV017",
        target=None,
        headline=next(detour.headline for detour in detours if detour.severity is worst),
        severity=worst,
        detail=" ".join(dict.fromkeys(detour.words for detour in detours)),
        evidence=(_SEARCH, *_lookups(evidence, tested), *(step for detour in detours for step in detour.shows)),
        fix=Fix(
            summary=" ".join(dict.fromkeys(detour.summary for detour in detours)),
            commands=tuple(dict.fromkeys(detour.command for detour in detours)),
        ),
    )


def _missing_buckets(evidence: Evidence) -> Iterator[_Detour]:
    """Buckets in the configuration of the Backint agent that do not exist."""
    for target in evidence.targets:
        calls = [call for call in evidence.calls(target) if call.failure is not None and call.failure.code == "404"]
        if target.bucket is None or not calls:
            continue
        yield _Detour(
            words=f"The configuration of the Backint agent names the bucket {target.bucket}, and S3 answers at "
            f"{listed(call.subject.address for call in calls)} that this bucket does not exist (404).",
            targets=(target,),
            headline={"setter": "S3", "leads": "does not have the bucket", "elsewhere": target.bucket},
            severity=Severity.CRITICAL,
            shows=ids(calls),
            summary="Correct S3BucketName in aws-backint-agent-config.yaml, or create the bucket.",
            command=read_only("grep", "-n", "S3BucketName", "<BACKINT_CONFIGURATION>"),
        )


def _other_hosts(evidence: Evidence, workload: WorkloadInUse) -> Iterator[_Detour]:
    """Hosts in the settings of the SSM Agent that are not targets."""
    if workload.name is not Workload.SSM:
        return
    for key, service in SSM_ENDPOINTS.items():
        value = workload.settings.get(key)
        targets = _targets(evidence, {service})
        host = None if value is None else host_of_url(value if "://" in value else f"https://{value}")
        if host is None or not targets or host in {target.host for target in targets}:
            continue
        yield _Detour(
            words=f"The SSM Agent's own settings name {value} for {service} ({key}); this run tested "
            f"{listed(target.host for target in targets)}.",
            targets=targets,
            headline={"setter": "the SSM Agent", "leads": "is set to call", "elsewhere": value},
            summary="If the agent's host is intended, test it by its name, with --endpoint; if it is not, remove "
            "the key from amazon-ssm-agent.json and restart the agent.",
            command=read_only(*("backuplink", "check", "--workload", "ssm", "--endpoint", f"{service}={host}")),
        )


def _own_proxy(evidence: Evidence, workload: WorkloadInUse) -> Iterator[_Detour]:
    """Detours by a proxy. Either an agent sends calls to a proxy that this run did not use for them, or the variables
    of this process set a proxy that the agent does not use."""
    source = _SOURCES.get(workload.name)
    if source is None or not has_known_proxies(workload.settings):
        return
    services = DATA_SERVICES if workload.name is Workload.HANA else set(workload.services) - DATA_SERVICES
    called = [target for target in _targets(evidence, services) if why_not_in_use(evidence, target) is None]
    direct = [target for target in called if evidence.proxy(target) is None]
    for here in dict.fromkeys(filter(None, map(evidence.proxy_here, direct))):
        aside = tuple(target for target in direct if evidence.proxy_here(target) == here)
        yield _Detour(
            words=f"The proxy variables of this process send calls for {listed(target.host for target in aside)} to "
            f"{here}. {source.setter} does not do this, so the agent connects directly, as this run did.",
            targets=aside,
            headline={"setter": source.agent, "leads": "does not take this shell's proxy", "elsewhere": here},
            severity=Severity.INFO,
            summary=f"Nothing to fix: {source.agent} does not read this shell's variables.",
            command=source.command,
        )
    targets = tuple(
        target
        for target in called
        if proxy_of_agent(workload.settings, target.host) not in (None, evidence.proxy(target))
    )
    if not targets:
        return
    hosts = listed(target.host for target in targets)
    own = dict.fromkeys(evidence.proxy(target) for target in targets)
    tested = listed("without a proxy" if url is None else f"through {url}" for url in own)
    is_kept = is_left_out(_METADATA, workload.settings.get("no_proxy", ""))
    keys = "" if is_kept else f" Its no_proxy lacks {_METADATA} as well, from which the agent gets its credentials."
    yield _Detour(
        words=f"{source.setter} sends calls for {hosts} to {workload.settings['https_proxy']}, off the private path; "
        f"this run tested {tested}.{keys}",
        targets=targets,
        headline={
            "setter": source.agent,
            "leads": "sends calls to the proxy",
            "elsewhere": workload.settings["https_proxy"],
        },
        summary=f"Add {hosts} and {_METADATA} to no_proxy in {source.file}{source.restart}; if the proxy is intended, "
        "run backuplink with the same variables.",
        command=source.command,
    )


def _targets(evidence: Evidence, services: Iterable[str]) -> tuple[Target, ...]:
    """The targets of these services that were requested, or that are used here."""
    wanted = frozenset(services)
    return tuple(target for target in evidence.targets if target.service in wanted and target.role is not Role.CONTEXT)


def unread_settings(evidence: Evidence) -> str | None:
    """The unreadable settings of workloads on this host, and how to read them. None if all could be read, or if a
    finding reports them."""
    search = evidence.workload_search
    if search is not None and search.failure is not None:
        return f"this host could not be searched to the end: {search.failure.message}"
    if hidden := _set_by_shell(evidence):
        return (
            f"the launcher of the Backint agent sets {listed(hidden)} from variables of its shell, so which proxy the "
            "agent takes is not known"
        )
    if evidence.has_unsettled_mode or not (files := _unread(evidence)):
        return None
    is_sign = any(path == SAP_SYSTEMS or path.endswith(BACKINT_LINK) for path in files)
    what = "whether the Backint agent is here" if is_sign else "what they set"
    who, again = "by this user", ": run `sudo backuplink check` once"
    if not _may_root_read(evidence, files):
        who, again = "here", ""
    return f"{_as_words(files)} cannot be read {who}, so {what} is not known{again}"


def _set_by_shell(evidence: Evidence) -> list[str]:
    """The proxy variables that launchers of Backint agents take from their shell."""
    unknown = [one.settings for one in evidence.workloads if not has_known_proxies(one.settings)]
    return list(dict.fromkeys(name for settings in unknown for name in settings[SHELL_VARIABLES].split(", ")))


def _may_root_read(evidence: Evidence, files: Mapping[str, str]) -> bool:
    """Whether root may be able to read the paths that this user could not. False if root tried already, or if an error
    is not about permissions."""
    search = evidence.workload_search
    facts = None if search is None else search.facts
    return not (facts is not None and facts.by_root) and set(files.values()) <= _OF_PERMISSIONS


def _unread(evidence: Evidence) -> dict[str, str]:
    """Files and links that this user may not read, each with the name of the error."""
    search = evidence.workload_search
    facts = None if search is None else search.facts
    return {} if facts is None else {unread.path: unread.error for unread in facts.unread}


def _as_words(files: Mapping[str, str]) -> str:
    return listed(f"{path} ({error})" for path, error in files.items())


def _unsettled_mode(evidence: Evidence) -> Iterator[RuleFinding]:
    """ENV017: the setting that decides to which service a Backint agent sends its data could not be read. The finding
    is only information if both possible services work."""
    if not evidence.has_unsettled_mode:
        return
    either = _targets(evidence, services_of_either_mode())
    missing = set(services_of_either_mode()) - {target.service for target in either}
    is_open = bool(missing) or not all(_works(evidence, target) for target in either)
    names = option_of(Workload.HANA_BACKUP), option_of(Workload.HANA_S3)
    yield RuleFinding(
        code="ENV017",
        target=None,
        headline={"agent": "the Backint agent", "either": "AWS Backup or S3"},
        severity=Severity.WARNING if is_open else Severity.INFO,
        detail=f"Whether the Backint agent sends its data to backup-storage or to s3 is not known: "
        f"{_why_unsettled(evidence)}. Everything that either of the two needs was checked, and none of it is required.",
        evidence=(HOST,) if evidence.workload_search is None else (_SEARCH, HOST),
        fix=Fix(
            summary=f"Say where the data goes, with {' or '.join(names)}."
            + (_LET_READ if _may_root_read(evidence, _unread(evidence)) else ""),
            commands=(
                read_only("backuplink", "check", "--workload", Workload.HANA_BACKUP.value),
                read_only("backuplink", "check", "--workload", Workload.HANA_S3.value),
            ),
        ),
    )


def _why_unsettled(evidence: Evidence) -> str:
    files = {path: error for path, error in _unread(evidence).items() if not path.startswith("/etc/")}
    if files:
        return f"{_as_words(files)} cannot be read {'by this user' if _may_root_read(evidence, files) else 'here'}"
    if not any(workload.is_found for workload in evidence.workloads if workload.mode == UNKNOWN):
        return "the agent was not found on this host"
    return "its configuration was not found where the installer puts it"


def _works(evidence: Evidence, target: Target) -> bool:
    """Whether every step that the target needs was made and succeeded."""
    steps = [evidence.find(step) for step in required_steps(evidence, target)]
    is_answered = bool(evidence.own_addresses(target)) and all(step is not None and step.ok for step in steps)
    return is_answered and not _fails(evidence, target)


def idle_flow_cut(evidence: Evidence) -> Iterator[RuleFinding]:
    """TCP012: TCP keepalive starts only after AWS has forgotten an idle connection. A workload on this host keeps
    connections open for a long time."""
    seconds = None if evidence.host is None else evidence.host.keepalive_seconds
    names = [workload.name.value for workload in evidence.workloads if _has_long_flows(workload)]
    if seconds is None or seconds <= IDLE_SECONDS or not names:
        return
    yield RuleFinding(
        code="TCP012",
        target=None,
        headline={"keepalive": f"{seconds} s", "idle": f"{IDLE_SECONDS} s"},
        detail=f"TCP keepalive starts after {seconds} s on this host; endpoints, network load balancers and NAT "
        f"gateways forget a connection without traffic after {IDLE_SECONDS} s. Connections of the workload "
        f"{listed(dict.fromkeys(names))} stay open for as long as a backup lasts.",
        evidence=(HOST,),
        fix=Fix(
            summary="If backups or restores break off after minutes without traffic, let keepalive start earlier. "
            "That affects only connections whose program turns keepalive on.",
            commands=(read_only("sysctl", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_keepalive_intvl"),),
        ),
    )


def _has_long_flows(workload: WorkloadInUse) -> bool:
    return workload.name in LONG_FLOWS and workload.is_required


HOST_RULES: Final = (
    Rule("ENV016", needs=(), check=agent_too_old),
    Rule("ENV017", needs=(), check=agent_overrides, unseen=unread_settings),
)
CONNECTION_RULES: Final = (Rule("TCP012", needs=(Step.HOST,), check=idle_flow_cut),)
RULES: Final = (*HOST_RULES, *CONNECTION_RULES)
