"""From evidence and findings to statuses, paths and the whole report."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from agent.codes import Severity
from agent.diagnose import EXPLAINS, Diagnosis, Explains, diagnose
from agent.evidence import HTTPS, Evidence, ordered
from agent.report import (
    SCHEMA,
    Access,
    Finding,
    Path,
    Report,
    Run,
    Status,
    TargetAddress,
    TargetReport,
    Tool,
    Vantage,
    Verdict,
)
from agent.rules.registry import RULES
from agent.rules.rule import Rule
from agent.settings import Expect
from agent.version import __version__
from probes.facts import HttpFacts, TcpFacts
from probes.model import Address, Role, Step, Target

_WORST_FIRST: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)
_TOOL: Final = Tool(name="backuplink", version=__version__)
_STATUS: Final = {Severity.CRITICAL: Status.CRITICAL, Severity.WARNING: Status.WARNING, Severity.INFO: Status.OK}


def judge(evidence: Evidence, rules: Sequence[Rule] = RULES, explains: Sequence[Explains] = EXPLAINS) -> Report:
    """The whole report of a run."""
    diagnosis = diagnose(evidence, rules, explains)
    targets = tuple(_target(target, evidence, diagnosis) for target in evidence.targets)
    return Report(
        schema=SCHEMA,
        tool=_TOOL,
        run=evidence.run,
        verdict=_verdict(targets, diagnosis),
        vantage=_vantage(evidence),
        targets=targets,
        observations=evidence.observations,
        findings=diagnosis.findings,
        not_evaluated=diagnosis.not_evaluated,
    )


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
        ports=target.ports,
        status=_status(target, evidence, diagnosis),
        path=_path(target, evidence),
        access=Access.NOT_TRIED,
        unproven=unproven,
        addresses=tuple(
            _address(target, address, resolvers, evidence) for address, resolvers in evidence.addresses(target).items()
        ),
    )


def _status(target: Target, evidence: Evidence, diagnosis: Diagnosis) -> Status:
    if evidence.not_in_use(target) is not None:
        return Status.NOT_IN_USE
    steps = frozenset(evidence.required_steps(target))
    statuses = [
        _STATUS[finding.severity]
        for finding in _causes(diagnosis.findings)
        if finding.target == target.id or (finding.target != target.id and steps.intersection(finding.evidence))
    ]
    if Status.CRITICAL in statuses:
        return Status.CRITICAL
    return Status.UNKNOWN if diagnosis.unproven.get(target.id) else worst(statuses)


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


def _address(target: Target, address: Address, resolvers: tuple[Address, ...], evidence: Evidence) -> TargetAddress:
    imds = evidence.imds
    # Only the own subnet's zone is known from inside; which zone another subnet is in, EC2 alone can say.
    near = imds is not None and any(address in block for block in imds.subnet_cidrs if block.version == address.version)
    return TargetAddress(
        address=address,
        scope=evidence.scope(address),
        from_own_lookup=address in evidence.own_answer(target),
        resolvers=resolvers,
        availability_zone=imds.availability_zone if near and imds else None,
        availability_zone_id=imds.availability_zone_id if near and imds else None,
        endpoint_id=None,
    )


def _verdict(targets: tuple[TargetReport, ...], diagnosis: Diagnosis) -> Verdict:
    causes = _causes(diagnosis.findings)
    target_ids = {target.id for target in targets}
    statuses = [_STATUS[finding.severity] for finding in causes if finding.target not in target_ids]
    if any(finding.code == "ENV001" for finding in causes):
        statuses.append(Status.UNKNOWN)
    for target in targets:
        if target.role is Role.REQUIRED:
            statuses.append(target.status)
        elif target.role is Role.OPTIONAL and target.status in (Status.CRITICAL, Status.UNKNOWN, Status.WARNING):
            statuses.append(Status.WARNING)  # what nobody asked for never raises more than a warning
    required = [target for target in targets if target.role is Role.REQUIRED]
    paths = {target.path for target in required}
    path = Path.UNKNOWN if Path.UNKNOWN in paths or not paths else paths.pop() if len(paths) == 1 else Path.MIXED
    accesses = {target.access for target in required}
    access = accesses.pop() if len(accesses) == 1 else Access.UNKNOWN
    # Without a single required target nothing was proven.
    status = worst(statuses) if required else worst([*statuses, Status.UNKNOWN])
    return Verdict(status=status, path=path, access=access, summary=_summary(status, targets, causes))


def _summary(status: Status, targets: tuple[TargetReport, ...], causes: list[Finding]) -> str:
    """The verdict in one sentence: the worst cause, or what was proven."""
    loud = [finding for finding in causes if finding.severity is not Severity.INFO]
    required = [target for target in targets if target.role is Role.REQUIRED]
    unproven = [target for target in targets if target.unproven and target.role is not Role.CONTEXT]
    if status is Status.OK:
        count = sum(1 for target in required for address in target.addresses if address.from_own_lookup)
        names = " and ".join(target.id for target in required)
        way = "privately" if all(target.path is Path.PRIVATE for target in required) else "as expected"
        return f"{names} answer{'s' if len(required) == 1 else ''} {way} at {count} address{'es' if count != 1 else ''}"
    if loud and (status is not Status.UNKNOWN or not unproven):
        first = loud[0]
        where = f"{first.target}: " if first.target is not None else ""
        more = f" (and {len(loud) - 1} more)" if len(loud) > 1 else ""
        return f"{where}{first.title[0].lower() + first.title[1:]}{more}"
    if unproven:
        first_target = unproven[0]
        return f"{first_target.id} could not be proven: {first_target.unproven[0]}"
    return "nothing could be measured"


def _vantage(evidence: Evidence) -> Vantage:
    host, imds = evidence.host, evidence.imds
    sources = {each.facts.source for each in evidence.of(Step.TCP) if isinstance(each.facts, TcpFacts)}
    offsets = [each.facts.clock_offset_seconds for each in evidence.of(Step.HTTP) if isinstance(each.facts, HttpFacts)]
    return Vantage(
        instance_id=imds.instance_id if imds else None,
        region=imds.region if imds else None,
        partition=imds.partition if imds else None,
        availability_zone=imds.availability_zone if imds else None,
        availability_zone_id=imds.availability_zone_id if imds else None,
        vpc_id=imds.vpc_id if imds else None,
        subnet_id=imds.subnet_id if imds else None,
        vpc_cidrs=imds.vpc_cidrs if imds else (),
        security_group_ids=imds.security_group_ids if imds else (),
        source_addresses=ordered(each for each in sources if each is not None),
        resolvers=evidence.configured_resolvers,
        proxies=host.proxies if host else {},
        credentials=None,
        clock_offset_seconds=next((offset for offset in offsets if offset is not None), None),
        sdk=evidence.sdk,
    )


def refusal(why: str) -> Report:
    """The document of a call that made no run, such as one with a mistake in its options."""
    now = datetime.now(UTC)
    nothing = Run(
        id="none",
        started_at=now,
        finished_at=now,
        seconds=0.0,
        complete=False,
        interrupted=False,
        expect=Expect.PRIVATE,
        private_cidrs=(),
        region=None,
        region_source=None,
    )
    blank = Evidence(run=nothing, targets=(), observations=())
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
    )


def worst(statuses: Sequence[Status]) -> Status:
    """The first of critical, unknown, warning, ok that is there; ok for none."""
    return next((status for status in _WORST_FIRST if status in statuses), Status.OK)


def _causes(findings: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in findings if finding.explained_by is None and not finding.suppressed]
