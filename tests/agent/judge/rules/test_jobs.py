"""JOB rules: recent jobs of AWS Backup that failed, and the hosts to which they belong."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.catalog.known_texts import Team
from agent.catalog.services import SERVICES
from agent.judge.causality import EXPLAINS, Explains, Reach
from agent.judge.diagnose import diagnose
from agent.judge.evidence import Evidence
from agent.judge.rules.jobs import MAX_SHOWN, NOT_ASKED, RULES
from agent.judge.rules.rule import Rule, RuleFinding
from agent.report.model import Fix
from probes.facts import FailedJobs, ImdsFacts, JobsFacts
from probes.model import Failed, Failure, FailureKind, Observation, Ok, Outcome, Skipped, Step, Subject, Target
from probes.operations import JOBS
from tests.support.aws_commands import complaint
from tests.support.build import (
    BACKUP,
    NOW,
    PRIVATE,
    Observations,
    addresses,
    evidence,
    healthy,
    imds,
    replaced,
    run,
    spoiled,
    target,
)
from tests.support.cases import fires

OWN: Final = "i-0a1b2c3d4e5f67890"
OTHER: Final = "i-0f9e8d7c6b5a43210"
ARN: Final = f"arn:aws:ec2:eu-west-1:111122223333:instance/{OWN}"
HANA: Final = "SAP HANA on Amazon EC2"
STORAGE: Final = target("backup-storage")
SSM: Final = target("ssm")
GATEWAY: Final = target("backup-gateway")
ASKED: Final = run(jobs=True)
ID: Final = f"api/backup/{PRIVATE[0]}/443/jobs"


def failed(
    kind: str | None = "EC2",
    *,
    instance: str | None = None,
    jobs: int = 1,
    state: str = "FAILED",
    category: str | None = "AccessDenied",
    message: str | None = "it said no",
    of: str = "backup",
) -> FailedJobs:
    return FailedJobs(
        jobs=jobs,
        kind=of,
        state=state,
        resource_type=kind,
        instance_id=instance,
        category=category,
        message=message,
        job_id=None,
    )


HERE: Final = failed(instance=OWN)
RDS: Final = failed("RDS")


def listing(
    *rows: FailedJobs,
    succeeded: int = 0,
    everything: bool = True,
    cut: bool = False,
    failure: str | None = None,
    skipped: str | None = None,
) -> Observation[JobsFacts]:
    """A list of jobs. With `everything`, the request was not limited to this instance."""
    counts = {"COMPLETED": succeeded} if succeeded else {}
    for row in rows:
        counts[row.state] = counts.get(row.state, 0) + row.jobs
    facts = JobsFacts(
        operation="ListBackupJobs",
        created_after=NOW,
        resource_arn=None if everything else ARN,
        resource_type=None,
        calls=5,
        by_state=counts,
        failed=rows,
        is_cut=cut,
        request_id="20317174-17ec-464f-8ae7-f40a19aafb78",
        error_code=None,
        error_message=None,
    )
    outcome: Outcome[JobsFacts] = Ok(facts)
    if failure is not None:
        outcome = Failed(Failure(kind=FailureKind(failure), message="it said no", code=None), facts)
    if skipped is not None:
        outcome = Skipped(skipped)
    subject = Subject(
        step=Step.API, target="backup", address=addresses(PRIVATE[0])[0], port=443, operation=JOBS, after="x"
    )
    return Observation(subject=subject, outcome=outcome, started_at=NOW, seconds=0.1)


def world(*targets: Target, instance: str | None = OWN) -> Observations:
    """A healthy run on an instance with a known id."""
    metadata = imds()
    assert isinstance(metadata.outcome, Ok)
    facts: ImdsFacts = replace(metadata.outcome.facts, instance_id=instance)
    return replaced(healthy(*targets), replace(metadata, outcome=Ok(facts)))


def judged(
    jobs: Observation[JobsFacts] | None,
    targets: Sequence[Target] = (BACKUP,),
    *,
    asked: bool = True,
    instance: str | None = OWN,
) -> tuple[list[tuple[str, str]], list[str]]:
    """The code and the detail of each finding, and why rules could not be evaluated."""
    observations = [*world(*targets, instance=instance), *([jobs] if jobs is not None else [])]
    seen = evidence(observations, targets=targets, of=ASKED if asked else run())
    found = [(finding.code, finding.detail) for rule in RULES for finding in rule.check(seen)]
    for rule in RULES:
        for finding in rule.check(seen):
            assert finding.evidence == (ID,)
            assert not any(complaint(command.argv) for command in finding.fix.commands)
    reasons = {row.reason for row in diagnose(seen, RULES).not_evaluated}
    assert all(row.code in ("JOB001", "JOB002") for row in diagnose(seen, RULES).not_evaluated)
    return found, sorted(reasons)


WITH_HANA: Final = (BACKUP, STORAGE)


@pytest.mark.parametrize(
    ("jobs", "targets", "codes"),
    [
        pytest.param(listing(RDS, succeeded=3), WITH_HANA, ["JOB001"], id="elsewhere"),
        pytest.param(listing(failed("EC2", instance=OTHER)), (BACKUP,), ["JOB001"], id="another instance"),
        pytest.param(listing(failed("VirtualMachine")), WITH_HANA, ["JOB001"], id="of a gateway"),
        pytest.param(listing(failed("VirtualMachine")), (BACKUP, GATEWAY), ["JOB002"], id="of the gateways asked for"),
        pytest.param(listing(failed(HANA, of="restore")), WITH_HANA, ["JOB002"], id="a restore to this host"),
        pytest.param(listing(failed("RDS", of="copy")), WITH_HANA, ["JOB001"], id="a copy elsewhere"),
        pytest.param(listing(HERE, everything=False), (BACKUP,), ["JOB002"], id="this instance"),
        pytest.param(listing(HERE, RDS), WITH_HANA, ["JOB002"], id="this instance, and elsewhere"),
        pytest.param(listing(failed(HANA), RDS), WITH_HANA, ["JOB002"], id="of this host's kind"),
        pytest.param(listing(failed(None), HERE), WITH_HANA, ["JOB002"], id="here, and one that is not known"),
        pytest.param(listing(succeeded=4), WITH_HANA, [], id="all succeeded"),
    ],
)
def test_what_was_listed_is_said(jobs: Observation[JobsFacts], targets: Sequence[Target], codes: list[str]) -> None:
    found, reasons = judged(jobs, targets)
    assert [code for code, _ in found] == codes
    assert reasons == []


@pytest.mark.parametrize(
    ("jobs", "targets", "instance", "reason"),
    [
        pytest.param(None, (BACKUP,), OWN, "no signed call to the API of AWS Backup succeeded", id="no ladder"),
        pytest.param(None, (STORAGE,), OWN, "no service of this run lists jobs", id="no service that lists them"),
        pytest.param(listing(), (BACKUP,), OWN, "AWS Backup lists no jobs of the last 24 h", id="nothing listed"),
        pytest.param(listing(HERE, cut=True), (BACKUP,), OWN, "the list of jobs was cut: 1 were read", id="cut"),
        pytest.param(
            listing(failure="access-denied"),
            (BACKUP,),
            OWN,
            "AWS Backup denies a list of jobs, for which --jobs needs backup:ListBackupJobs, backup:ListRestoreJobs "
            "and backup:ListCopyJobs: it said no",
            id="denied",
        ),
        pytest.param(
            listing(HERE, failure="timeout"), (BACKUP,), OWN, "jobs could not be listed: it said no", id="cut short"
        ),
        pytest.param(listing(skipped="no instance"), (BACKUP,), OWN, "jobs were not listed: no instance", id="skipped"),
        pytest.param(
            listing(RDS, HERE), (BACKUP,), None, "it is not known whether these failed jobs", id="no metadata"
        ),
        pytest.param(
            listing(RDS, failed(None)), WITH_HANA, OWN, "it is not known whether these failed jobs", id="no kind"
        ),
        pytest.param(
            listing(failed(HANA)), (BACKUP,), OWN, "it is not known whether these failed jobs", id="HANA, unseen"
        ),
    ],
)
def test_nothing_is_said_of_what_is_not_known(
    jobs: Observation[JobsFacts] | None, targets: Sequence[Target], instance: str | None, reason: str
) -> None:
    found, reasons = judged(jobs, targets, instance=instance)
    assert found == []
    assert len(reasons) == 1
    assert reasons[0].startswith(reason)


def test_a_run_that_does_not_ask_says_so() -> None:
    assert judged(None, asked=False) == ([], [NOT_ASKED])


@pytest.mark.parametrize(
    ("message", "team"),
    [
        ("KMS key is either disabled or pending deletion or access to KMS key is denied", Team.KEY),
        ("Backup job failed because backup vault nightly does not exist.", Team.VAULT),
        ("Backup job expired before completion.", Team.PLAN),
        ("Backup job failed because there was a running job for the same resource.", Team.PLAN),
        ("No gateways available to work on job.", Team.HOST),
        ("IAM Role arn:aws:iam::111122223333:role/x cannot be assumed by AWS Backup", Team.ROLE),
        ("Copy job failed. Cross-account copy feature is not enabled for the current organization.", Team.ORGANISATION),
        ("something else about a key, a vault and a role", None),
    ],
)
def test_whose_a_message_is(message: str, team: Team | None) -> None:
    [(_, detail)], _ = judged(listing(failed("RDS", message=message, category=None)), WITH_HANA)
    assert (f"for {team}" in detail) if team is not None else (" (for " not in detail and "; for " not in detail)


def said_of(code: str, name: str, *rows: FailedJobs, succeeded: int = 0) -> Any:
    """The case of a rule on a host with HANA, where AWS Backup lists these jobs."""
    observations = [*world(*WITH_HANA), listing(*rows, succeeded=succeeded)]
    return fires(code, name, observations, targets=WITH_HANA, of=ASKED)


CASES_THAT_FIRE = [
    said_of(
        "JOB001",
        "kinds and texts",
        failed("RDS", jobs=2, message="Access Denied trying to call AWS Backup service"),
        failed("EFS", state="EXPIRED", category=None, message=None),
        succeeded=4,
    ),
    said_of(
        "JOB001", "backups, restores and copies", *(failed("RDS", of=kind) for kind in ("backup", "restore", "copy"))
    ),
    said_of(
        "JOB001",
        "more rows than are described",
        *(failed("RDS", jobs=number, message=f"text {number}", category=None) for number in range(1, MAX_SHOWN + 3)),
    ),
    said_of("JOB002", "made by AWS Backup", HERE),
    said_of("JOB002", "sent by this host", failed(HANA)),
    said_of("JOB002", "made by both", failed(HANA), HERE),
]


# --- What explains JOB002 --------------------------------------------------------------------------------------------

DEAD: Final = (f"tcp/backup-storage/{PRIVATE[0]}/443", f"tcp/backup-storage/{PRIVATE[1]}/443")


def broken(*targets: Target, steps: Sequence[str] = DEAD) -> Observations:
    """A run in which the given connection attempts time out."""
    seen = world(*targets)
    return replaced(seen, *(spoiled(row, failed="timeout") for row in seen if row.id in steps))


@pytest.mark.parametrize(
    ("rows", "targets", "steps", "cause"),
    [
        pytest.param((failed(HANA),), WITH_HANA, DEAD, "TCP001@backup-storage", id="its data has no way"),
        pytest.param((failed(HANA),), WITH_HANA, DEAD[:1], "TCP002@backup-storage", id="one zone"),
        pytest.param(
            (failed(HANA),),
            (*WITH_HANA, SSM),
            [step.replace("backup-storage", "ssm") for step in DEAD],
            "TCP001@ssm",
            id="nothing starts it",
        ),
        pytest.param((failed(HANA), HERE), WITH_HANA, DEAD, None, id="one of them is made by AWS Backup"),
        pytest.param((HERE,), WITH_HANA, DEAD, None, id="all are made by AWS Backup"),
        pytest.param((failed(HANA),), WITH_HANA, (), None, id="a healthy path"),
        pytest.param(
            (failed(HANA),),
            WITH_HANA,
            [step.replace("backup-storage", "backup") for step in DEAD],
            None,
            id="a path that the job does not take",
        ),
    ],
)
def test_a_fault_of_the_path_explains_what_needs_that_path(
    rows: tuple[FailedJobs, ...], targets: Sequence[Target], steps: Sequence[str], cause: str | None
) -> None:
    seen = evidence([*broken(*targets, steps=steps), listing(*rows)], targets=targets, of=ASKED)
    [finding] = [finding for finding in diagnose(seen).findings if finding.code == "JOB002"]
    assert (finding.explained_by, finding.severity) == (cause, Severity.WARNING)


@pytest.mark.parametrize(
    "row",
    [row for row in EXPLAINS if row.reach is Reach.PATH and row.symptom == "JOB002"],
    ids=lambda row: f"{row.cause} explains {row.symptom}",
)
@pytest.mark.parametrize(
    ("at", "severity", "explains"),
    [
        pytest.param("backup-storage", Severity.CRITICAL, True, id="of that path"),
        pytest.param("backup-storage", Severity.WARNING, False, id="next to what works"),
        pytest.param("backup", Severity.CRITICAL, False, id="of another path"),
    ],
)
def test_each_fault_that_stops_every_program_explains_jobs(
    row: Explains, at: str, severity: Severity, explains: bool
) -> None:
    def fault(_: Evidence) -> list[RuleFinding]:
        step = f"tcp/{at}/{PRIVATE[0]}/443"
        fix = Fix(summary="")
        return [RuleFinding(code=row.cause, target=at, detail="", evidence=(step,), severity=severity, fix=fix)]

    seen = evidence([*world(*WITH_HANA), listing(failed(HANA))], targets=WITH_HANA, of=ASKED)
    rules = (*RULES, Rule(row.cause, needs=(), check=fault))
    for kept, cause in (((row,), f"{row.cause}@{at}" if explains else None), ((), None)):
        [finding] = [finding for finding in diagnose(seen, rules, kept).findings if finding.code == row.symptom]
        assert finding.explained_by == cause


def test_a_service_that_lists_jobs_or_carries_them_is_in_the_catalogue() -> None:
    assert [name for name, service in SERVICES.items() if service.lists_jobs] == ["backup"]
    data = [service for service in SERVICES.values() if service.has_job_data]
    assert all(service.job_kinds for service in data)
    assert {kind for service in data for kind in service.job_kinds} == {HANA, "VirtualMachine"}


def test_a_state_that_is_none_stands_in_no_command() -> None:
    """A text from a report by somebody else never becomes an argument of a command."""
    rows = (failed("RDS"), failed("RDS", state="FAILEDzq9x"), failed("RDS", state="--query"))
    seen = evidence([*world(BACKUP, instance=OWN), listing(*rows)], targets=(BACKUP,), of=ASKED)
    commands = [command.argv for rule in RULES for finding in rule.check(seen) for command in finding.fix.commands]
    assert [words[words.index("--by-state") + 1] for words in commands if "--by-state" in words] == ["FAILED"]


def test_the_listing_of_a_saved_report_may_be_anything() -> None:
    odd: list[Any] = [failed(kind="", message="", category=""), failed(instance="", state="?")]
    found, reasons = judged(listing(*odd), WITH_HANA)
    assert len(found) + len(reasons) == 1
