"""Faults that only the software of a workload shows: ENV017 and TCP012."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.diagnose import diagnose
from agent.judge.rules.workload import IDLE_SECONDS
from agent.judge.verdict import judge_evidence
from agent.report.model import Path, Run, Status
from agent.settings import Workload
from probes.facts import FoundWorkload, UnreadFile, WorkloadFacts
from probes.model import Failed, Failure, FailureKind, Observation, Ok, Role, Step, Subject, Target
from probes.operations import PROXY_CONNECT, WORKLOADS
from tests.support.build import (
    NOW,
    Observations,
    evidence,
    healthy,
    host,
    lookup,
    optional,
    proxy,
    replaced,
    run,
    target,
    tcp,
)
from tests.support.calls import api
from tests.support.cases import Case, assert_silent, codes_of, fires, silent

LINK: Final = "/usr/sap/HDB/SYS/global/hdb/opt/hdbbackint"
UNIT: Final = "/usr/lib/systemd/system/amazon-ssm-agent.service"
STORAGE, SSM = target("backup-storage"), target("ssm")
DROP_IN: Final = "/etc/systemd/system/amazon-ssm-agent.service.d/proxy.conf"
PROXY: Final = "http://10.0.9.9:3128"
STORAGE_HOST: Final = "backupstorage.eu-west-1.amazonaws.com"


def found(*workloads: FoundWorkload, unread: Sequence[str] = ()) -> Observation[WorkloadFacts]:
    facts = WorkloadFacts(found=workloads, unread=tuple(UnreadFile(path=path, error="EACCES") for path in unread))
    return Observation(
        subject=Subject(step=Step.HOST, operation=WORKLOADS), outcome=Ok(facts), started_at=NOW, seconds=0.0
    )


def backint(mode: str | None = "aws-backup", **settings: str) -> FoundWorkload:
    return FoundWorkload(name="hana", by=LINK, mode=mode, settings=settings)


def agent(**settings: str) -> FoundWorkload:
    hosts = {key.replace("_", "."): value for key, value in settings.items()}
    return FoundWorkload(name="ssm", by=UNIT, settings=hosts)


def keepalive(seconds: int | None) -> Observation[Any]:
    observation = host()
    assert observation.facts is not None
    return replace(observation, outcome=Ok(replace(observation.facts, keepalive_seconds=seconds)))


def asked(*workloads: Workload) -> Run:
    return run(workloads=workloads or (Workload.AUTO,))


def storage(*found_workloads: FoundWorkload, through: str | None = None) -> Observations:
    return [
        host(),
        found(*found_workloads),
        lookup("10.0.1.41", of="backup-storage"),
        proxy(through, of="backup-storage"),
    ]


def ssm(**settings: str) -> Observations:
    return [host(), found(agent(**settings)), lookup("10.0.1.42", of="ssm")]


def unit_sets(**proxies: str) -> FoundWorkload:
    """An SSM Agent whose systemd unit sets these variables."""
    return replace(agent(), settings=proxies)


def ssm_through(shell: str | None, unit: FoundWorkload, *, unread: Sequence[str] = ()) -> Observations:
    """An SSM Agent whose systemd unit sets these variables, and the proxy of the shell in which the check runs."""
    return [host(), found(unit, unread=unread), lookup("10.0.1.42", of="ssm"), proxy(shell, of="ssm")]


def old(workload: FoundWorkload, version: str | None) -> FoundWorkload:
    return replace(workload, version=version)


def old_ssm(version: str, *messages: str, tcp_fails: bool = False) -> Observations:
    """An SSM Agent with a version, and the addresses of ec2messages."""
    return [
        host(),
        found(old(agent(), version)),
        lookup("10.0.1.42", of="ssm"),
        tcp("10.0.1.42", of="ssm", failed="timeout" if tcp_fails else None),
        lookup(*messages, of="ec2messages"),
    ]


AT_BUCKET: Final = target("s3", host="backups.s3.eu-west-1.amazonaws.com", bucket="backups")


def bucket_that(code: str | None) -> Observations:
    """A bucket, and this outcome of the signed call to it."""
    kind = {"404": "malformed", "403": "access-denied"}.get(code or "")
    call = api("10.0.1.57", of=AT_BUCKET.id, failed=kind, code=code)
    return [host(), found(backint("s3")), lookup("10.0.1.57", of=AT_BUCKET.id), call]


SSM_TARGETS: Final = (SSM, optional(target("ec2messages")))
CASES_THAT_FIRE = [
    fires("ENV016", "a Backint agent", storage(old(backint(), "2.1.4.999")), targets=[STORAGE], of=asked()),
    fires(
        "ENV016",
        "a Backint agent whose path fails",
        [*storage(old(backint(), "2.0.5.892")), tcp("10.0.1.41", of="backup-storage", failed="timeout")],
        targets=[STORAGE],
        of=asked(),
    ),
    fires(
        "ENV016",
        "a Backint agent whose data would go out publicly",
        [host(), found(old(backint(), "2.0.5.892")), lookup("52.95.112.41", of="backup-storage")],
        targets=[STORAGE],
        of=asked(),
    ),
    fires("ENV016", "an SSM Agent", old_ssm("3.3.39.0", "52.95.112.41"), targets=SSM_TARGETS, of=asked(Workload.SSM)),
    fires(
        "ENV016",
        "an SSM Agent whose path fails",
        old_ssm("3.3.39.0", "52.95.112.41", tcp_fails=True),
        targets=SSM_TARGETS,
        of=asked(Workload.SSM),
    ),
    fires("ENV017", "a proxy in the launcher", storage(backint(https_proxy=PROXY)), targets=[STORAGE], of=asked()),
    fires(
        "ENV017",
        "another proxy than this shell's",
        storage(backint(https_proxy=PROXY, no_proxy="169.254.169.254"), through="http://10.0.8.8:3128"),
        targets=[STORAGE],
        of=asked(),
    ),
    fires("ENV017", "a proxy of this shell alone", storage(backint(), through=PROXY), targets=[STORAGE], of=asked()),
    fires("ENV017", "a bucket that S3 does not have", bucket_that("404"), targets=[AT_BUCKET], of=asked()),
    fires(
        "ENV017",
        "a host in the settings of the SSM Agent",
        ssm(Ssm_Endpoint="https://ssm.example.internal"),
        targets=[SSM],
        of=asked(Workload.SSM),
    ),
    fires(
        "ENV017",
        "a proxy of this shell alone, at the SSM Agent",
        ssm_through(PROXY, unit_sets()),
        targets=[SSM],
        of=asked(Workload.SSM),
    ),
    fires(
        "ENV017",
        "a proxy of the SSM Agent alone",
        ssm_through(None, unit_sets(https_proxy=PROXY, no_proxy="169.254.169.254")),
        targets=[SSM],
        of=asked(Workload.SSM),
    ),
    fires("TCP012", "one second later", [keepalive(IDLE_SECONDS + 1), found(backint())], of=asked()),
]
CASES_OF_SILENCE = [
    silent("ENV016", "the first that fits", storage(old(backint(), "2.1.5")), targets=[STORAGE], of=asked()),
    silent("ENV016", "a version that is not known", storage(backint()), targets=[STORAGE], of=asked()),
    silent("ENV016", "a bucket", storage(old(backint("s3"), "2.0.5.892")), targets=[STORAGE], of=asked()),
    silent(
        "ENV016",
        "an SSM Agent with an endpoint",
        old_ssm("3.3.39.0", "10.0.1.46"),
        targets=SSM_TARGETS,
        of=asked(Workload.SSM),
    ),
    silent(
        "ENV016",
        "an SSM Agent that needs it no more",
        old_ssm("3.3.40.0", "52.95.112.41"),
        targets=SSM_TARGETS,
        of=asked(Workload.SSM),
    ),
    silent("ENV016", "no search", [host()], targets=[STORAGE], of=asked()),
    silent("ENV017", "no proxy", storage(backint()), targets=[STORAGE], of=asked()),
    silent(
        "ENV017",
        "a domain that is left out",
        storage(backint(https_proxy=PROXY, no_proxy="localhost, .amazonaws.com")),
        targets=[STORAGE],
        of=asked(),
    ),
    silent("ENV017", "all left out", storage(backint(https_proxy=PROXY, no_proxy="*")), targets=[STORAGE], of=asked()),
    silent(
        "ENV017",
        "the proxy of this shell",
        storage(backint(https_proxy=PROXY), through=PROXY),
        targets=[STORAGE],
        of=asked(),
    ),
    silent(
        "ENV017",
        "a proxy of this shell, next to a launcher that cannot be read",
        [
            *storage(through=PROXY),
            found(backint(), unread=["/usr/sap/aws-backint-agent/aws-backint-agent-launcher.sh"]),
        ],
        targets=[STORAGE],
        of=asked(),
    ),
    silent(
        "ENV017",
        "the proxy of this shell, at the SSM Agent",
        ssm_through(PROXY, unit_sets(https_proxy=PROXY)),
        targets=[SSM],
        of=asked(Workload.SSM),
    ),
    silent(
        "ENV017",
        "a proxy of this shell, next to a drop-in that cannot be read",
        ssm_through(PROXY, unit_sets(), unread=[DROP_IN]),
        targets=[SSM],
        of=asked(Workload.SSM),
    ),
    silent("ENV017", "a bucket that is denied", bucket_that("403"), targets=[AT_BUCKET], of=asked()),
    silent("ENV017", "a bucket that is there", bucket_that(None), targets=[AT_BUCKET], of=asked()),
    silent("ENV017", "not tested", storage(backint(https_proxy=PROXY)), of=asked()),
    silent("ENV017", "a proxy for HTTP alone", storage(backint(http_proxy=PROXY)), targets=[STORAGE], of=asked()),
    silent("ENV017", "the default host", ssm(Ssm_Endpoint="ssm.eu-west-1.amazonaws.com"), targets=[SSM], of=asked()),
    silent(
        "ENV017",
        "the host that was tested",
        ssm(Ssm_Endpoint="ssm.example.internal"),
        targets=[SSM, target("ssm", host="ssm.example.internal")],
        of=asked(),
    ),
    silent("ENV017", "no search", [host(), lookup("10.0.1.42", of="ssm")], targets=[SSM], of=asked()),
    silent("ENV017", "no workload is asked for", ssm(Ssm_Endpoint="a.example"), targets=[SSM], of=run(workloads=())),
    silent("TCP012", "soon enough", [keepalive(IDLE_SECONDS), found(backint())], of=asked()),
    silent("TCP012", "not known", [keepalive(None), found(backint())], of=asked()),
    silent("TCP012", "no long flows", [keepalive(7200), found(agent())], of=asked()),
    silent("TCP012", "nothing known of this host", [host(failed="bug"), found(backint())], of=asked()),
]


@pytest.mark.parametrize("case", CASES_OF_SILENCE)
def test_silent(case: Case) -> None:
    assert_silent(case)


def test_a_rule_with_cases_has_both_kinds() -> None:
    assert codes_of(CASES_THAT_FIRE) == codes_of(CASES_OF_SILENCE)


BUCKET: Final = {"S3BucketName": "backups"}
LAUNCHER: Final = "/usr/sap/aws-backint-agent/aws-backint-agent-launcher.sh"


@pytest.mark.parametrize(
    ("search", "of", "is_taken"),
    [
        pytest.param(found(backint()), STORAGE, False, id="the launcher sets none"),
        pytest.param(found(backint(https_proxy=PROXY, no_proxy=STORAGE_HOST)), STORAGE, False, id="it leaves this out"),
        pytest.param(found(backint(https_proxy=PROXY)), STORAGE, True, id="it sets one"),
        pytest.param(found(backint(), backint(https_proxy=PROXY)), STORAGE, True, id="that of another system sets one"),
        pytest.param(found(backint(), unread=[LAUNCHER]), STORAGE, True, id="it cannot be read"),
        pytest.param(found(backint(), unread=["/etc/amazon/ssm/x.json"]), STORAGE, False, id="another agent's file"),
        pytest.param(found(), STORAGE, True, id="no agent"),
        pytest.param(found(backint("s3")), STORAGE, False, id="an agent that may send its data elsewhere"),
        pytest.param(found(backint()), SSM, True, id="a service that others call"),
        pytest.param(found(backint("s3", **BUCKET)), AT_BUCKET, False, id="its bucket"),
        pytest.param(found(backint("s3", https_proxy=PROXY, **BUCKET)), AT_BUCKET, True, id="its bucket, and a proxy"),
        pytest.param(
            found(backint("s3", **BUCKET)),
            replace(target("s3"), required_by=("--service",)),
            True,
            id="S3 named besides",
        ),
        pytest.param(
            found(backint()), replace(STORAGE, required_by=("--service",)), False, id="AWS Backup named besides"
        ),
        pytest.param(found(unit_sets()), SSM, False, id="the unit sets none"),
        pytest.param(found(unit_sets(https_proxy=PROXY, no_proxy=SSM.host)), SSM, False, id="the unit leaves this out"),
        pytest.param(found(unit_sets(https_proxy=PROXY)), SSM, True, id="the unit sets one"),
        pytest.param(found(unit_sets(), unread=[DROP_IN]), SSM, True, id="a drop-in cannot be read"),
        pytest.param(found(unit_sets(), unread=[LAUNCHER]), SSM, False, id="a launcher cannot be read"),
        pytest.param(
            found(unit_sets(), unread=["/etc/systemd/system.conf"]), SSM, True, id="systemd's settings cannot be read"
        ),
        pytest.param(
            found(unit_sets(), unread=["/etc/systemd/system/service.d/a.conf"]), SSM, True, id="nor what all have"
        ),
        pytest.param(found(unit_sets(EnvironmentFile="/etc/a")), SSM, True, id="a file of variables was not read"),
        pytest.param(found(unit_sets()), replace(SSM, required_by=("ssm", "--service")), True, id="SSM named besides"),
        pytest.param(found(unit_sets(), backint()), SSM, False, id="SAP HANA needs it too, by the agent"),
        pytest.param(found(unit_sets()), target("backup"), True, id="AWS Backup, which the SSM Agent does not call"),
        pytest.param(found(unit_sets()), STORAGE, True, id="what a Backint agent would call"),
    ],
)
def test_a_proxy_of_this_shell_takes_what_an_agent_calls_only_where_its_own_variables_say_so(
    search: Observation[WorkloadFacts], of: Target, is_taken: bool
) -> None:
    """If the variables of the agent's launcher or unit are known, they decide the agent's path, and the shell's proxy
    does not.
    """
    refused: Observation[Any] = Observation(
        subject=Subject(step=Step.HTTP, target=of.id, operation=PROXY_CONNECT),
        outcome=Failed(Failure(kind=FailureKind.PROXY_REFUSED, message="403", code="403"), None),
        started_at=NOW,
        seconds=0.1,
    )
    observations = [*replaced(healthy(of), proxy(PROXY, of=of.id)), search, refused]
    report = judge_evidence(evidence(observations, targets=[of], of=asked()))
    codes = {finding.code for finding in report.findings}
    assert ({"ENV007", "HTTP003"} <= codes) is is_taken
    (judged,) = report.targets
    assert judged.path is (Path.UNKNOWN if is_taken else Path.PRIVATE)
    assert judged.status is (Status.CRITICAL if is_taken else Status.OK)


@pytest.mark.parametrize("role", [Role.REQUIRED, Role.OPTIONAL])
def test_a_detour_of_what_nobody_asked_for_does_not_count(role: Role) -> None:
    seen = evidence(
        [*healthy(), *ssm(Ssm_Endpoint="a.example")],
        targets=[SSM if role is Role.REQUIRED else optional(SSM)],
        of=asked(),
    )
    (finding,) = (finding for finding in diagnose(seen).findings if finding.code == "ENV017")
    assert finding.counts is (role is Role.REQUIRED)
    assert finding.severity is Severity.WARNING


def test_a_mode_that_was_not_read_leaves_the_verdict_unknown_and_says_how_to_read_it() -> None:
    path = "/hana/shared/aws-backint-agent/aws-backint-agent-config.yaml"
    observations = [*healthy(), found(backint(None), unread=[path])]
    report = judge_evidence(evidence(observations, of=asked()))
    assert report.verdict.status is Status.UNKNOWN
    words = ("backup-storage", "s3", "--workload hana:backup", "hana:s3", "SupplementaryGroups=sapsys")
    assert [word for word in words if word not in report.verdict.summary] == []
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("ENV017", Severity.WARNING)
    assert f"is not known: {path} (EACCES) cannot be read by this user." in finding.detail
    assert "SupplementaryGroups=sapsys" in finding.fix.summary
    assert [command.argv[-2:] for command in finding.fix.commands] == [
        ("--workload", "hana:backup"),
        ("--workload", "hana:s3"),
    ]
    assert not [missing for missing in report.not_evaluated if missing.code == "ENV017"]
    absent = judge_evidence(evidence([*healthy(), found(backint(None))], of=asked())).findings[0]
    assert "was not found where the installer puts it" in absent.detail
    nowhere = judge_evidence(evidence([*healthy(), found()], of=asked(Workload.HANA))).findings[0]
    assert "the agent was not found on this host" in nowhere.detail
    assert judge_evidence(evidence([*healthy(), found(backint())], of=asked())).verdict.status is Status.OK


@pytest.mark.parametrize("path", [LINK, "/usr/sap"])
def test_a_sign_that_was_not_read_leaves_the_mode_open(path: str) -> None:
    report = judge_evidence(evidence([*healthy(), found(unread=[path])], of=asked()))
    assert report.verdict.status is Status.UNKNOWN
    (finding,) = report.findings
    assert f"{path} (EACCES)" in finding.detail
    assert [(workload.name, workload.by, workload.mode) for workload in report.vantage.workloads] == [
        ("caller", "--workload auto", None),
        ("hana", path, "unknown"),
    ]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/etc/amazon/ssm/amazon-ssm-agent.json", "what they set"),
    ],
)
def test_other_files_that_were_not_read(path: str, words: str) -> None:
    report = judge_evidence(evidence([*healthy(), found(unread=[path])], of=asked()))
    assert report.verdict.status is Status.OK
    (missing,) = (missing for missing in report.not_evaluated if missing.code == "ENV017")
    assert missing.reason.startswith(f"{path} (EACCES) cannot be read by this user, so {words} is not known: run `sudo")


SHELL: Final = "variables of the shell"


@pytest.mark.parametrize(
    ("settings", "unknown"),
    [
        pytest.param({SHELL: "https_proxy"}, "https_proxy", id="the proxy"),
        pytest.param({SHELL: "no_proxy", "https_proxy": PROXY}, "no_proxy", id="what is left out of it"),
        pytest.param({SHELL: "no_proxy"}, None, id="what is left out of none"),
        pytest.param({SHELL: "http_proxy"}, None, id="a proxy for plain HTTP"),
    ],
)
def test_what_a_launcher_takes_from_its_shell_is_said_and_no_fault(
    settings: dict[str, str], unknown: str | None
) -> None:
    seen = evidence(storage(backint(**settings)), targets=[STORAGE], of=asked())
    report = judge_evidence(seen)
    assert "ENV017" not in [finding.code for finding in report.findings]
    reasons = [missing.reason for missing in report.not_evaluated if missing.code == "ENV017"]
    assert [f"sets {unknown} from variables of its shell" in reason for reason in reasons] == (
        [] if unknown is None else [True]
    )
    through = evidence(storage(backint(**settings), through=PROXY), targets=[STORAGE], of=asked())
    assert through.proxy(STORAGE) == (None if unknown is None else PROXY)  # the agent may use the same proxy


@pytest.mark.parametrize(
    ("error", "by_root", "helps"), [("EACCES", False, True), ("EACCES", True, False), ("EIO", False, False)]
)
def test_root_is_named_where_it_may_help(error: str, by_root: bool, helps: bool) -> None:
    def said(*workloads: FoundWorkload) -> str:
        path = "/hana/shared/aws-backint-agent/aws-backint-agent-config.yaml"
        seen = found(*workloads)
        facts = WorkloadFacts(found=workloads, unread=(UnreadFile(path=path, error=error),), by_root=by_root)
        report = judge_evidence(evidence([*healthy(), replace(seen, outcome=Ok(facts))], of=asked()))
        texts = [f"{finding.detail} {finding.fix.summary}" for finding in report.findings if finding.code == "ENV017"]
        return " ".join(texts + [missing.reason for missing in report.not_evaluated if missing.code == "ENV017"])

    for words in (said(backint(None)), said(backint())):
        assert error in words
        assert ("this user" in words) is helps
        assert ("sudo" in words or "as root" in words) is helps


def test_a_search_that_did_not_end_is_said() -> None:
    search = replace(found(), outcome=Failed(Failure(kind=FailureKind.TIMEOUT, message="no answer", code=None), None))
    report = judge_evidence(evidence([*healthy(), search], of=asked()))
    (missing,) = (missing for missing in report.not_evaluated if missing.code == "ENV017")
    assert missing.reason == "this host could not be searched to the end: no answer"
    assert [workload.name for workload in report.vantage.workloads] == [Workload.CALLER]
