"""From evidence and findings to statuses, paths and the whole report."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from agent.catalog.findings import CODES, Severity
from agent.catalog.services import call_of
from agent.catalog.vpce import read_name
from agent.catalog.wording import listed, listed_briefly
from agent.catalog.workloads import (
    GROUP_OF_CONFIGURATION,
    WorkloadInUse,
    option_for,
    option_of,
    services_of_either_mode,
)
from agent.judge.agreement import configured_paths
from agent.judge.causality import EXPLAINS, Explains
from agent.judge.diagnose import Diagnosis, diagnose
from agent.judge.evidence import Evidence
from agent.judge.requirements import address_status, required_steps, why_not_in_use
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import Rule
from agent.report.model import (
    SCHEMA,
    Access,
    ConfiguredPath,
    Credentials,
    Finding,
    Measurement,
    Path,
    Report,
    Run,
    Status,
    TargetAddress,
    TargetReport,
    Tool,
    Vantage,
    Verdict,
    WorkloadReport,
)
from agent.report.words import said
from agent.settings import DEFAULT_CALLS, DEFAULT_EC2, Expect, Suppression, Workload
from agent.version import __version__
from probes.addresses import ordered
from probes.facts import BUCKET, S3_MODE, TcpFacts
from probes.model import UNRATED, Address, FailureKind, Role, Skipped, Step, Target
from probes.ports import HTTPS

_WORST_FIRST: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)
_TOOL: Final = Tool(name="backuplink", version=__version__)
_STATUS: Final = {Severity.CRITICAL: Status.CRITICAL, Severity.WARNING: Status.WARNING, Severity.INFO: Status.OK}


def judge(measurement: Measurement, suppress: Sequence[Suppression] = ()) -> Report:
    """The whole report of a run. Findings that `suppress` names are listed in it and do not count."""
    return judge_evidence(Evidence(measurement), suppress=suppress)


def judge_evidence(
    evidence: Evidence,
    rules: Sequence[Rule] = RULES,
    explains: Sequence[Explains] = EXPLAINS,
    suppress: Sequence[Suppression] = (),
) -> Report:
    """The whole report for evidence that exists already, by these rules."""
    diagnosis = diagnose(evidence, rules, explains, suppress)
    targets = tuple(_target(target, evidence, diagnosis) for target in evidence.targets)
    return Report(
        schema=SCHEMA,
        tool=_TOOL,
        run=evidence.run,
        verdict=_verdict(targets, diagnosis, evidence),
        vantage=_vantage(evidence),
        targets=targets,
        observations=evidence.observations,
        findings=diagnosis.findings,
        not_evaluated=diagnosis.not_evaluated,
        paths=tuple(path for target in evidence.targets for path in _paths(target, evidence)),
    )


def _paths(target: Target, evidence: Evidence) -> tuple[ConfiguredPath, ...]:
    return () if why_not_in_use(evidence, target) else configured_paths(evidence, target)


def _target(target: Target, evidence: Evidence, diagnosis: Diagnosis) -> TargetReport:
    unproven = diagnosis.unproven.get(target.id, ())
    return TargetReport(
        id=target.id,
        service=target.service,
        region=target.region,
        partition=target.partition,
        service_name=target.service_name,
        host=target.host,
        addressing=target.addressing,
        role=target.role,
        required=target.role is Role.REQUIRED,
        required_by=target.required_by,
        bucket=target.bucket,
        counts_with=target.counts_with,
        by_any_path=target.by_any_path,
        ports=target.ports,
        status=_status(target, evidence, diagnosis),
        path=_path(target, evidence),
        access=_access(target, evidence),
        unproven=unproven,
        addresses=tuple(
            _address(target, address, resolvers, evidence, diagnosis)
            for address, resolvers in evidence.addresses(target).items()
        ),
    )


def _status(target: Target, evidence: Evidence, diagnosis: Diagnosis) -> Status:
    if why_not_in_use(evidence, target) is not None:
        return Status.NOT_IN_USE
    statuses = [
        _STATUS[finding.severity]
        for finding in _findings_of(target, diagnosis.findings, evidence)
        if _stands(finding, diagnosis.findings)
    ]
    if Status.CRITICAL in statuses:
        return Status.CRITICAL
    return Status.UNKNOWN if diagnosis.unproven.get(target.id) else worst(statuses)


def _findings_of(target: Target, findings: Iterable[Finding], evidence: Evidence) -> list[Finding]:
    """The findings that decide a target's status: its own findings, and findings of the run or of a resolver that rest
    on a step that the target needs. A symptom does not count if its cause is suppressed. Findings of other targets do
    not count. They may rest on such a step, since this host's settings are read once for all targets."""
    steps = frozenset(required_steps(evidence, target))
    others = {other.id for other in evidence.targets} - {target.id}
    return [
        finding
        for finding in findings
        if finding.target == target.id or (finding.target not in others and steps.intersection(finding.evidence))
    ]


def _path(target: Target, evidence: Evidence) -> Path:
    lookup = evidence.own_lookup(target)
    if lookup is None or not lookup.made or evidence.proxy(target) is not None:
        return Path.UNKNOWN
    addresses = evidence.own_addresses(target)
    private = [address for address in addresses if evidence.is_private(address)]
    public = [address for address in addresses if evidence.is_public(address)]
    if len(private) + len(public) < len(addresses):
        return Path.UNKNOWN
    if private and public:
        return Path.MIXED
    if public:
        return Path.PUBLIC
    if any(attempt.ok for attempt in evidence.connects(target, HTTPS)):
        return Path.PRIVATE
    tried = evidence.connects(target, HTTPS)
    return Path.UNREACHABLE if len(tried) == len(addresses) else Path.UNKNOWN


_DENIED: Final = frozenset(
    {
        FailureKind.ACCESS_DENIED,
        FailureKind.CREDENTIALS_EXPIRED,
        FailureKind.CREDENTIALS_INVALID,
        FailureKind.SIGNATURE,
        FailureKind.CLOCK_SKEW,
        FailureKind.WRONG_SCOPE,
        FailureKind.NOT_SUBSCRIBED,
    }
)
"""The failures with which AWS refuses a signed call: access denied, and the failures of API002 to API009. API007 is not
among them, since a throttled call does not show whether the caller has permission."""


def _access(target: Target, evidence: Evidence) -> Access:
    calls = evidence.calls(target)
    if any(call.failure is not None and call.failure.kind in _DENIED for call in calls):
        return Access.DENIED
    if any(call.ok for call in calls):
        return Access.ALLOWED
    credentials = evidence.credentials
    without = credentials is not None and credentials.made and not credentials.ok
    by_choice = not evidence.run.wants_calls or without or call_of(target) is None
    by_choice |= any(call.outcome == Skipped(UNRATED) for call in evidence.of(Step.API, target))
    return Access.NOT_TRIED if by_choice or why_not_in_use(evidence, target) else Access.UNKNOWN


def _address(
    target: Target, address: Address, resolvers: tuple[Address, ...], evidence: Evidence, diagnosis: Diagnosis
) -> TargetAddress:
    own = read_name(target.host)
    endpoint = evidence.endpoint_of(evidence.interface_at(address))
    gateway = evidence.gateway_at(address).endpoint if evidence.may_have_gateway(address) else None
    zone_name, zone_id = evidence.zone(target, address)
    return TargetAddress(
        address=address,
        scope=evidence.scope(address),
        status=address_status(evidence, target, address, diagnosis.harmless),
        from_own_lookup=address in evidence.own_answer(target),
        resolvers=resolvers,
        availability_zone=zone_name,
        availability_zone_id=zone_id,
        endpoint_id=next((known.endpoint_id for known in (endpoint, own, gateway) if known is not None), None),
    )


def _verdict(targets: tuple[TargetReport, ...], diagnosis: Diagnosis, evidence: Evidence) -> Verdict:
    every_cause = [finding for finding in diagnosis.findings if finding.explained_by is None and not finding.suppressed]
    causes = [finding for finding in every_cause if finding.counts]
    target_ids = {target.id for target in targets}
    statuses = [_STATUS[finding.severity] for finding in causes if finding.target not in target_ids]
    if any(CODES[finding.code].leaves_status_unknown for finding in causes):
        statuses.append(Status.UNKNOWN)
    required = [target for target in targets if target.role is Role.REQUIRED]
    unsettled = _unsettled(targets, evidence)
    if unsettled:
        statuses.append(Status.UNKNOWN)
    elif evidence.has_unsettled_mode:  # all steps that either mode needs are proven
        either = services_of_either_mode()
        required += [target for target in targets if target.role is Role.OPTIONAL and target.service in either]
    statuses += [target.status for target in required]
    paths = {target.path for target in required}
    path = Path.UNKNOWN if Path.UNKNOWN in paths or not paths else paths.pop() if len(paths) == 1 else Path.MIXED
    with_call = {target.id for target in evidence.targets if call_of(target) is not None}
    called = [target for target in required if target.id in with_call]
    accesses = {target.access for target in called or required}
    # A denied call is reported even if the other one succeeded.
    differ = Access.DENIED if Access.DENIED in accesses else Access.UNKNOWN
    access = accesses.pop() if len(accesses) == 1 else differ
    # Without a single required target nothing was proven.
    status = worst(statuses) if required else worst([*statuses, Status.UNKNOWN])
    summary = _summary(status, required, causes, evidence, unsettled)
    if suppressed := [finding for finding in diagnosis.findings if finding.suppressed]:
        if status is Status.OK and any(
            finding.counts and finding.severity is not Severity.INFO for finding in suppressed
        ):
            summary = "nothing that counts was found"  # the suppressed findings may be the only faults
        summary += f" ({len(suppressed)} suppressed)"
    if aside := _aside([target for target in targets if target not in required], every_cause, evidence):
        summary += f"; not counted: {'; '.join(aside)}"
    return Verdict(status=status, path=path, access=access, summary=summary, notes=tuple(_notes(evidence)))


def _unsettled(targets: Iterable[TargetReport], evidence: Evidence) -> tuple[str, ...]:
    """The services of both modes that are not proven, if the mode of the Backint agent is unknown. Otherwise empty."""
    if not evidence.has_unsettled_mode:
        return ()
    statuses: dict[str, list[Status]] = {}
    for target in targets:
        if target.role is not Role.CONTEXT:
            statuses.setdefault(target.service, []).append(target.status)
    return tuple(service for service in services_of_either_mode() if set(statuses.get(service, ())) != {Status.OK})


def _notes(evidence: Evidence) -> Iterator[str]:
    """Notes on the summary: the workload that the run chose if nobody named a workload, and the parts that do not
    count."""
    used = evidence.workloads
    if any(one.name is Workload.CALLER and one.is_required and one.by == option_of(Workload.AUTO) for one in used):
        yield "Judged as caller: no workload found or named (see --workload)."
    in_s3_mode = [one for one in used if one.mode == S3_MODE]
    if in_s3_mode:
        read = "" if in_s3_mode[0].is_mode_given else f", where {BUCKET} in its configuration sends them"
        says = "" if in_s3_mode[0].is_mode_given else f" If that is wrong, use {option_of(Workload.HANA_BACKUP)}."
        yield f"AWS Backup has no part in backups of SAP HANA to S3{read}.{says}"


def _summary(
    status: Status,
    required: Sequence[TargetReport],
    causes: list[Finding],
    evidence: Evidence,
    unsettled: Sequence[str],
) -> str:
    """The verdict in one sentence: the worst cause, or what was proven."""
    loud = [finding for finding in causes if finding.severity is not Severity.INFO]
    unproven = [target for target in required if target.unproven]
    if status is Status.OK:
        ids = {target.id for target in required}
        count = sum(len(evidence.own_addresses(target)) for target in evidence.targets if target.id in ids)
        names = listed_briefly([target.id for target in required])
        way = "privately" if all(target.path is Path.PRIVATE for target in required) else "as expected"
        return f"{names} answer{'s' if len(required) == 1 else ''} {way} at {count} address{'es' if count != 1 else ''}"
    if status is Status.UNKNOWN and unsettled and not unproven:
        are = "is" if len(unsettled) == 1 else "are"
        return (
            f"whether SAP HANA's backups go to AWS Backup or to S3 is not known, and {listed(unsettled)} {are} not "
            f"proven: use {option_of(Workload.HANA_BACKUP)} or {Workload.HANA_S3.value}, or set "
            f"{GROUP_OF_CONFIGURATION}"
        )
    if loud and (status is not Status.UNKNOWN or not unproven):
        first = loud[0]
        more = f" (and {len(loud) - 1} more)" if len(loud) > 1 else ""
        return f"{said(first)}{more}"
    if unproven:
        first_target = unproven[0]
        return f"{first_target.id} could not be proven: {first_target.unproven[0]}"
    return "nothing could be measured"


def _aside(targets: Iterable[TargetReport], causes: list[Finding], evidence: Evidence) -> list[str]:
    """The faults of targets that nobody asked for, and the options that make them count. Targets with the same fault
    share a sentence."""
    same: dict[tuple[str, str], list[str]] = {}
    for target in targets:
        if (words := _not_counted(target, causes, evidence)) is not None:
            same.setdefault((words, _counting_option(target)), []).append(target.id)
    return [
        f"{listed(ids)}, {words} (count {'it' if len(ids) == 1 else 'them'} with {option})"
        for (words, option), ids in same.items()
    ]


def _counting_option(target: TargetReport) -> str:
    if target.counts_with is not None:
        return target.counts_with
    if target.role is Role.OPTIONAL:
        return option_for(target.service)
    return f"--endpoint {target.service}={target.host}"  # the SDK calls another host


def _not_counted(target: TargetReport, causes: list[Finding], evidence: Evidence) -> str | None:
    """The fault of a target that nobody asked for. None if it has no fault, or if the fault already counts."""
    if target.required or target.status is Status.OK:
        return None
    if target.status is Status.NOT_IN_USE:
        if target.counts_with is None:
            return None
        return "public here" if target.addresses and target.path is Path.PUBLIC else "without an address here"
    planned = next(planned_target for planned_target in evidence.targets if planned_target.id == target.id)
    of_target = [
        finding for finding in _findings_of(planned, causes, evidence) if finding.severity is not Severity.INFO
    ]
    own = [finding for finding in of_target if not finding.counts]
    if own:
        return _in_short(own[0], evidence)
    if target.unproven and not of_target:
        return f"not proven: {target.unproven[0]}"
    return None


def _in_short(finding: Finding, evidence: Evidence) -> str:
    """The fault in a few words: the ports if only ports other than 443 are closed, otherwise its headline."""
    subjects = [step.subject for name in finding.evidence if (step := evidence.find(name)) is not None]
    ports = sorted({subject.port for subject in subjects if subject.port is not None})
    if subjects and all(subject.step is Step.TCP for subject in subjects) and ports and HTTPS not in ports:
        return f"port{'s' if len(ports) > 1 else ''} {listed(ports)} closed"
    return finding.headline


def _vantage(evidence: Evidence) -> Vantage:
    host, imds = evidence.host, evidence.imds
    sources = {connect.facts.source for connect in evidence.of(Step.TCP) if isinstance(connect.facts, TcpFacts)}
    clock = min(evidence.clocks, key=lambda clock: clock.uncertainty, default=None)
    return Vantage(
        instance_id=imds.instance_id if imds else None,
        managed_node_id=host.managed_node_id if host else None,
        host_name=host.name if host else None,
        region=imds.region if imds else None,
        partition=imds.partition if imds else None,
        availability_zone=imds.availability_zone if imds else None,
        availability_zone_id=imds.availability_zone_id if imds else None,
        vpc_id=imds.vpc_id if imds else None,
        subnet_id=imds.subnet_id if imds else None,
        vpc_cidrs=imds.vpc_cidrs if imds else (),
        security_group_ids=imds.security_group_ids if imds else (),
        account_id=imds.account_id if imds else None,
        instance_type=imds.instance_type if imds else None,
        image_id=imds.image_id if imds else None,
        source_addresses=ordered(source for source in sources if source is not None),
        resolvers=evidence.configured_resolvers,
        workloads=tuple(map(_workload, evidence.workloads)),
        proxies=host.proxies if host else {},
        credentials=_credentials(evidence),
        clock_offset_seconds=None if clock is None else clock.offset,
        clock_uncertainty_seconds=None if clock is None else clock.uncertainty,
        sdk=evidence.sdk,
    )


def _workload(workload: WorkloadInUse) -> WorkloadReport:
    return WorkloadReport(
        name=workload.name,
        by=workload.by,
        required=workload.is_required,
        version=workload.version,
        mode=workload.mode,
        settings=dict(workload.settings),
    )


def _credentials(evidence: Evidence) -> Credentials | None:
    facts = evidence.credentials.facts if evidence.credentials is not None else None
    if facts is None:
        return None
    return Credentials(
        source=facts.source,
        access_key_id_suffix=facts.access_key_id_suffix,
        expires_at=facts.expires_at,
        role=evidence.role_of_caller,
    )


def refusal(why: str) -> Report:
    """The report of a command that made no run, for example because of a mistake in its options."""
    now = datetime.now(UTC)
    nothing = Run(
        id="none",
        started_at=now,
        finished_at=now,
        seconds=0.0,
        complete=False,
        interrupted=False,
        expect=Expect.PRIVATE,
        workloads=(),
        calls=DEFAULT_CALLS,
        ec2_reads=True,
        ec2=DEFAULT_EC2,
        ec2_because=None,
        facts_unused=None,
        jobs=False,
        private_cidrs=(),
        region=None,
        region_source=None,
        timeout_seconds=None,
        deadline_seconds=None,
        redacted=False,
    )
    blank = Evidence(Measurement(run=nothing, targets=(), observations=()))
    return Report(
        schema=SCHEMA,
        tool=_TOOL,
        run=nothing,
        verdict=Verdict(status=Status.UNKNOWN, path=Path.UNKNOWN, access=Access.UNKNOWN, summary=why),
        vantage=_vantage(blank),
        targets=(),
        observations=(),
        findings=(),
        not_evaluated=(),
        paths=(),
    )


def worst(statuses: Sequence[Status]) -> Status:
    """The worst of these statuses, in the order critical, unknown, warning, ok; ok if there are none."""
    return next((status for status in _WORST_FIRST if status in statuses), Status.OK)


def _stands(finding: Finding, findings: tuple[Finding, ...]) -> bool:
    """Whether neither the finding nor any cause in its chain of causes is suppressed."""
    by_id = {finding.id: finding for finding in findings}
    while not finding.suppressed and finding.explained_by is not None:
        finding = by_id[finding.explained_by]
    return not finding.suppressed
