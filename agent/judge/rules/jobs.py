"""JOB rules: recent jobs of AWS Backup that failed, and whether this host has a part in them."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from agent.catalog.service import JOBS_PERMISSIONS
from agent.catalog.services import SERVICES, VIRTUAL_MACHINE
from agent.catalog.wording import counted, listed
from agent.fixes.commands import read_only
from agent.judge.evidence import Evidence
from agent.judge.observations import ids
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Command, CommandScope, FindingSubject, Fix
from agent.report.subjects import resources
from probes.facts import JOB_STATES, JOBS_PERIOD, FailedJobs, JobsFacts
from probes.frozen import dataclass
from probes.model import FailureKind, Observation, Role, Target

if TYPE_CHECKING:
    from agent.catalog.known_texts import KnownText

NOT_ASKED: Final = "AWS Backup was not asked for jobs; --jobs asks it"
_PERMISSIONS: Final = listed(permission.action for permission in JOBS_PERMISSIONS)
_HOURS: Final = f"{JOBS_PERIOD.total_seconds() / 3600:g} h"
MAX_SHOWN: Final = 5
"""Maximum groups of jobs that a finding describes; the report's facts have all."""
_KINDS_OF_HOSTS: Final = frozenset(kind for service in SERVICES.values() for kind in service.job_kinds)
"""Kinds of jobs in which a host can have a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Jobs:
    """The listed jobs, sorted by the host to which they belong."""

    listing: Observation[JobsFacts]
    facts: JobsFacts
    here: tuple[FailedJobs, ...]
    """Jobs of this instance, or of a kind whose data this host sends."""
    elsewhere: tuple[FailedJobs, ...]
    undecided: tuple[FailedJobs, ...]
    """Jobs that may or may not belong to this host."""


def _jobs(evidence: Evidence) -> _Jobs | str:
    """The jobs that were listed. If they prove nothing, the reason."""
    if not evidence.run.jobs:
        return NOT_ASKED
    listing = evidence.jobs
    if listing is None:
        if not any(SERVICES[target.service].lists_jobs for target in evidence.targets):
            return "no service of this run lists jobs: the run does not check the API of AWS Backup"
        return "no signed call to the API of AWS Backup succeeded, so jobs were not asked for"
    facts = listing.facts
    if facts is None or not listing.ok:
        return _why_not_listed(listing)
    if facts.is_cut:
        return (
            f"the list of jobs was cut: {facts.listed} were read with {facts.calls} calls, and AWS Backup has more "
            f"jobs {_asked_for(facts)}"
        )
    if not facts.listed:
        return f"AWS Backup lists no jobs {_asked_for(facts)}"
    sorted_jobs: dict[bool | None, list[FailedJobs]] = {True: [], False: [], None: []}
    for jobs in facts.failed:
        sorted_jobs[_is_here(evidence, jobs)].append(jobs)
    here, elsewhere, undecided = (tuple(sorted_jobs[where]) for where in (True, False, None))
    if undecided and not here:
        return f"it is not known whether these failed jobs are of this host: {_described(undecided)}"
    return _Jobs(listing=listing, facts=facts, here=here, elsewhere=elsewhere, undecided=undecided)


def _why_not_listed(listing: Observation[JobsFacts]) -> str:
    failure = listing.failure
    if failure is None:
        return f"jobs were not listed: {getattr(listing.outcome, 'reason', 'nothing was listed')}"
    if failure.kind is FailureKind.ACCESS_DENIED:
        return f"AWS Backup denies a list of jobs, for which --jobs needs {_PERMISSIONS}: {failure.message}"
    return f"jobs could not be listed: {failure.message}"


def _is_here(evidence: Evidence, jobs: FailedJobs) -> bool | None:
    """Whether jobs belong to this host; None if unknown."""
    if jobs.instance_id is not None:
        own = None if evidence.imds is None else evidence.imds.instance_id
        return None if own is None else jobs.instance_id == own
    if jobs.resource_type is None:
        return None
    if jobs.resource_type in _own_kinds(evidence):
        return True
    # A host shows no sign of being a gateway: unless the run was asked for one, the jobs are another host's.
    return None if jobs.resource_type in _KINDS_OF_HOSTS - {VIRTUAL_MACHINE} else False


def _own_kinds(evidence: Evidence) -> frozenset[str]:
    """Kinds of jobs whose data this host sends itself."""
    services = (SERVICES[target.service] for target in evidence.targets if target.role is Role.REQUIRED)
    return frozenset(kind for service in services if service.has_job_data for kind in service.job_kinds)


def jobs_fail_elsewhere(evidence: Evidence) -> Iterator[RuleFinding]:
    """JOB001: jobs failed, and none of them belongs to this host."""
    jobs = _jobs(evidence)
    if isinstance(jobs, str) or jobs.here or not jobs.elsewhere:
        return
    yield RuleFinding(
        code="JOB001",
        target=None,
        headline={"failed": _in_short(jobs.elsewhere)},
        detail=f"{_counted(jobs)} and none of these belongs to this host: {_described(jobs.elsewhere)}. AWS Backup "
        "makes such backups without this host, so this host's path has no part in them.",
        evidence=ids([jobs.listing]),
        subjects=_asked_about(jobs.facts),
        fix=Fix(
            summary="Nothing to fix on this host's path. Read the messages of the jobs: AWS Backup names a role, a "
            "key, a vault or the resource.",
            commands=_commands(evidence, jobs.elsewhere),
        ),
    )


def jobs_fail_here(evidence: Evidence) -> Iterator[RuleFinding]:
    """JOB002: jobs of this host failed recently."""
    jobs = _jobs(evidence)
    if isinstance(jobs, str) or not jobs.here:
        return
    by_host = [row for row in jobs.here if row.resource_type in _KINDS_OF_HOSTS]
    by_aws = [row for row in jobs.here if row not in by_host]
    words = []
    if by_host:
        needed = _needed(evidence, by_host)
        path = f", through {listed(target.host for target in needed)}" if needed else ""
        sender = "A gateway" if {row.resource_type for row in by_host} == {VIRTUAL_MACHINE} else "This host"
        words.append(f"{sender} sends the data of {_kinds(by_host)}{path}: a fault of that path can be the cause.")
    if by_aws:
        words.append(
            f"Backups of the kind {_kinds(by_aws)} are made by AWS Backup itself: the path from this host has no part "
            "in them, unless the message of a job names an agent on this host."
        )
    yield RuleFinding(
        code="JOB002",
        target=None,
        headline={"failed": _in_short(jobs.here)},
        detail=f"{_counted(jobs)} and {_sum(jobs.here)} of these {_are(jobs.here)} of this host: "
        f"{_described(jobs.here)}. {' '.join(words)}",
        evidence=ids([jobs.listing]),
        subjects=_asked_about(jobs.facts),
        # If one of the jobs cannot have been stopped by the path, a fault of the path does not account for the finding.
        needs_path_of=frozenset() if by_aws else frozenset(target.id for target in _needed(evidence, by_host)),
        fix=Fix(
            summary="First fix the faults of the path, if this report has any. Then read the messages of the jobs: "
            "AWS Backup names a role, a key, a vault or an agent. Start the job again afterwards.",
            commands=_commands(evidence, jobs.here),
        ),
    )


def _needed(evidence: Evidence, failed: Iterable[FailedJobs]) -> list[Target]:
    """The required targets that this host needs for all of these jobs."""
    kinds = {jobs.resource_type for jobs in failed}
    return [
        target
        for target in evidence.targets
        if target.role is Role.REQUIRED and kinds and kinds <= set(SERVICES[target.service].job_kinds)
    ]


def _counted(jobs: _Jobs) -> str:
    number, failed = jobs.facts.listed, _sum(jobs.facts.failed)
    plural = "" if number == 1 else "s"
    return f"AWS Backup lists {number} job{plural} {_asked_for(jobs.facts)}; {failed} did not succeed,"


def _asked_for(facts: JobsFacts) -> str:
    kind = "resources" if facts.resource_type is None else f"resources of the kind {facts.resource_type}"
    whose = f"of all {kind} of the account in this Region" if facts.resource_arn is None else f"of {facts.resource_arn}"
    return f"of the last {_HOURS} {whose}"


def _asked_about(facts: JobsFacts) -> tuple[FindingSubject, ...]:
    """The account of the resource, if jobs of a single resource were requested."""
    return () if facts.resource_arn is None else resources(*facts.resource_arn.split(":")[4:5])


def _described(failed: tuple[FailedJobs, ...]) -> str:
    """Kind, state and message of jobs, with the known meaning of a message."""
    rows = [_one_described(jobs) for jobs in failed[:MAX_SHOWN]]
    left = _sum(failed[MAX_SHOWN:])
    return "; ".join([*rows, *([f"{left} more"] if left else [])])


def _one_described(jobs: FailedJobs) -> str:
    category = "" if jobs.category is None else f" ({jobs.category})"
    kind = "" if jobs.kind == "backup" else f" ({jobs.kind})"
    text = f"{jobs.jobs} of {jobs.resource_type or 'an unknown kind'}{kind} {jobs.state}{category}"
    if jobs.message is None:
        return f"{text}, without a message"
    known = _known(jobs.message)
    says = "" if known is None else f" ({known.means.rstrip('.')}" + (f"; for {known.team})" if known.team else ")")
    return f'{text}, "{jobs.message}"{says}'


@lru_cache(maxsize=64)
def _known(message: str) -> "KnownText | None":
    """The known text in a job's message, with its meaning and the team that must act. None if the message has no known
    text."""
    from agent.catalog.text_search import search  # only needed after failed jobs

    matches = search([message]).matches
    return matches[0].known if matches else None


def _commands(evidence: Evidence, failed: tuple[FailedJobs, ...]) -> tuple[Command, ...]:
    region = evidence.run.region or "<REGION>"
    listing = evidence.jobs
    facts = None if listing is None else listing.facts
    since = () if facts is None else ("--by-created-after", f"{facts.created_after:%Y-%m-%dT%H:%M:%SZ}")
    return tuple(
        read_only(
            *("aws", "backup", f"list-{kind}-jobs", "--region", region),
            *(_STATE_OPTIONS[kind], state, *since),
            *("--query", _QUERIES[kind]),
            scope=CommandScope.ACCOUNT,
        )
        for kind, state in dict.fromkeys((jobs.kind, jobs.state) for jobs in failed)
        if state in JOB_STATES and kind in _QUERIES
    )


_STATE_OPTIONS: Final = {"backup": "--by-state", "restore": "--by-status", "copy": "--by-state"}
_QUERIES: Final = {
    "backup": "BackupJobs[].[ResourceType,ResourceArn,MessageCategory,StatusMessage]",
    "restore": "RestoreJobs[].[ResourceType,SourceResourceArn,StatusMessage]",
    "copy": "CopyJobs[].[ResourceType,ResourceArn,MessageCategory,StatusMessage]",
}
"""The queries, by kind of job."""


def _kinds(failed: Iterable[FailedJobs]) -> str:
    return listed(dict.fromkeys(jobs.resource_type or "unknown" for jobs in failed))


def _in_short(failed: Iterable[FailedJobs]) -> str:
    return counted(_sum(failed), "backup job")


def _sum(failed: Iterable[FailedJobs]) -> int:
    return sum(jobs.jobs for jobs in failed)


def _are(failed: Iterable[FailedJobs]) -> str:
    return "is" if _sum(failed) == 1 else "are"


def _why_not(evidence: Evidence) -> str | None:
    jobs = _jobs(evidence)
    return jobs if isinstance(jobs, str) else None


RULES: Final = (
    Rule("JOB001", needs=(), check=jobs_fail_elsewhere, why_not=_why_not),
    Rule("JOB002", needs=(), check=jobs_fail_here, why_not=_why_not),
)
