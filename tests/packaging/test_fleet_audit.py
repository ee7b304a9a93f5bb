"""The scheduled audit in the template for joining a fleet: its script in a real shell, its permissions, and its
schedule.
"""

import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

import manual
from agent.app.permissions import permissions
from agent.catalog.hosts import endpoints
from agent.catalog.workloads import checked_for_caller
from agent.cli import main as cli
from tests.agent.audit.test_collect_account import NAMES, account, make_vpc
from tests.packaging import test_fleet
from tests.packaging.artifacts import needed
from tests.packaging.run_command import REAL, Step, executable, program
from tests.support import moto_server
from tests.support.aws_commands import complaint
from tests.support.cloudformation import Stack

built = test_fleet.built
account, moto, moto_url, told = account, moto_server.moto, moto_server.moto_url, moto_server.told
WEEKLY: Final = {"AuditScheduleExpression": "cron(0 5 ? * MON *)", "RecordsBucket": "records", "RecordsPrefix": "a/b"}
PLACE: Final = "s3://records/a/b/audit"
FORMATS: Final = ("text", "html", "csv", "eventbridge")
NEW: Final = """
for word; do
    [ "$previous" != --output ] || echo '{"Entries": []}' >"$word"
    previous=$word
done
"""


def stack(built: Path, **given: str) -> Stack:
    return test_fleet.join_stack(built, **{**WEEKLY, **given})


def audit(built: Path, folder: Path, backuplink: str, aws: str, **given: str) -> Step:
    """Run the command of the container for audits with substitutes for `backuplink` and `aws`."""
    task = stack(built, **given).properties("AuditTask")
    assert task is not None
    (made,) = task["ContainerDefinitions"]
    executable(folder / "bin" / "backuplink", program(folder, backuplink).read_text("utf-8"))
    executable(folder / "bin" / "aws", test_fleet.AWS.format(folder=folder, then=aws))
    shell, option = made["EntryPoint"]
    ended = subprocess.run(
        [needed(Path(shell).name), option, *made["Command"]],
        env={
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.defpath}",
            "TMPDIR": str(folder),
            **{entry["Name"]: str(entry["Value"]) for entry in made["Environment"]},
            **{name: value for name, value in os.environ.items() if name.startswith("AWS_") and name != "AWS_REGION"},
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Step(code=ended.returncode, stdout=ended.stdout, stderr=ended.stderr)


def calls(folder: Path) -> list[list[str]]:
    return test_fleet.calls_in(folder / "calls")


def uploads(folder: Path) -> list[str]:
    """The destinations of the task's uploads. Asserts that the task first downloaded the previous audit."""
    taken, *others = (call for call in test_fleet.calls_in(folder / "aws") if call[0] == "s3")
    assert taken[-2:] == [f"{PLACE}/", "."]
    return [call[-1] for call in others]


@pytest.mark.parametrize("linter", ["dash -n", "bash -n", "shellcheck --shell=sh"])
def test_linters_of_shells_find_nothing_in_the_audit(built: Path, tmp_path: Path, linter: str) -> None:
    task = stack(built).properties("AuditTask")
    assert task is not None
    script = tmp_path / "script.sh"
    script.write_text("#!/bin/sh\n" + "\n".join(task["ContainerDefinitions"][0]["Command"]), "utf-8")
    words = shlex.split(linter)
    ended = subprocess.run([needed(words[0]), *words[1:], str(script)], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_first_audit_is_compared_with_none_and_kept(built: Path, tmp_path: Path) -> None:
    ran = audit(built, tmp_path, test_fleet.WRITES, "[ $1 != events ] || echo 0")
    assert (ran.code, ran.stderr) == (0, "")
    first, *shown = calls(tmp_path)
    assert first == [
        *("audit", "--deadline", "3600", "--fail-on", "never", "--format", "json", "--output", "audit.json"),
        "--all-regions",
    ]
    assert tuple(call[call.index("--format") + 1] for call in shown) == FORMATS
    assert all(call[:3] == ["audit", "--show", "audit.json"] for call in shown), "the account is read once"
    for call in (first, *shown):
        with cli.main.commands["audit"].make_context("audit", call[1:], parent=manual.context_of(cli.main)) as context:
            assert context.params["fail_on"] == "never"
    day = {f"{datetime.now(UTC):%Y-%m-%d}", uploads(tmp_path)[0].rpartition("dt=")[2].partition("/")[0]}
    assert len(day) <= 2  # midnight may pass
    (*dated, last) = uploads(tmp_path)
    assert [place.rpartition("/")[2] for place in dated] == ["audit.json", "audit.txt", "audit.html", "audit.csv"]
    assert all(place.startswith(f"{PLACE}/dt=") for place in dated)
    assert last == f"{PLACE}/last.json"
    assert [complaint(["aws", *call]) for call in test_fleet.calls_in(tmp_path / "aws")] == [None] * 7
    assert (tmp_path / "events").read_text("utf-8") == '{"Entries": []}'


HAS_LAST: Final = """case "$*" in *--recursive*) echo {} >last.json ;; esac
[ $1 != events ] || echo 0"""


def test_the_next_audit_is_compared_with_the_last_one(built: Path, tmp_path: Path) -> None:
    given = {"AuditRole": "backuplink-audit", "AuditRegions": "eu-west-1,eu-central-1"}
    ran = audit(built, tmp_path, test_fleet.WRITES, HAS_LAST, **given)
    assert ran.code == 0, ran.stderr
    first = calls(tmp_path)[0]
    assert first[-8:] == [
        *("--organization-role", "backuplink-audit", "--region", "eu-west-1", "--region", "eu-central-1"),
        *("--against", "last.json"),
    ]


def test_an_audit_that_cannot_be_compared_is_made_all_the_same_and_told(built: Path, tmp_path: Path) -> None:
    """After an update, it may be another version that wrote the previous audit."""
    refuses = 'case "$*" in *--against*) exit 3 ;; esac\n' + test_fleet.WRITES
    ran = audit(built, tmp_path, refuses, HAS_LAST)
    assert ran.code == 3
    assert [("--against" in call) for call in calls(tmp_path)[:2]] == [True, False]
    assert uploads(tmp_path)[-1] == f"{PLACE}/last.json", "the next one is compared with it"


@pytest.mark.parametrize(
    ("backuplink", "aws", "kept"),
    [
        pytest.param("exit 3", "", [], id="no audit"),
        pytest.param(test_fleet.WRITES, "[ $1 != events ] || echo 2", "without last", id="events that are not taken"),
        pytest.param(test_fleet.WRITES, "[ $1 != events ] || exit 1", "without last", id="no way to events"),
        pytest.param(test_fleet.WRITES, 'case "$*" in *--recursive*) exit 1 ;; esac', None, id="no bucket"),
    ],
)
def test_what_nobody_was_told_of_is_new_the_next_time(
    built: Path, tmp_path: Path, backuplink: str, aws: str, kept: Any
) -> None:
    ran = audit(built, tmp_path, backuplink, aws)
    assert ran.code != 0
    if kept is None:
        assert calls(tmp_path) == [], "without the last audit nothing is compared"
        return
    assert f"{PLACE}/last.json" not in uploads(tmp_path)
    assert bool(uploads(tmp_path)) is bool(kept)


def test_events_are_left_out_where_nobody_wants_them(built: Path, tmp_path: Path) -> None:
    ran = audit(built, tmp_path, test_fleet.WRITES, "", Events="false")
    assert ran.code == 0
    assert "eventbridge" not in {word for call in calls(tmp_path) for word in call}
    assert uploads(tmp_path)[-1] == f"{PLACE}/last.json"


# --- What it may do --------------------------------------------------------------------------------------------------


def least(part: str) -> list[dict[str, Any]]:
    listed = permissions(endpoints(partition="aws", services=checked_for_caller()), region=None)
    (policy,) = (one.policy or {} for one in listed.parts if one.part == part)
    return list(policy["Statement"])


@pytest.mark.parametrize("key", ["", "arn:aws:kms:eu-west-1:111122223333:key/1"])
@pytest.mark.parametrize(("role", "part"), [("", "audit"), ("backuplink-audit", "audit-organization")])
def test_the_task_may_do_what_the_command_lists(built: Path, role: str, part: str, key: str) -> None:
    properties = stack(built, AuditRole=role, RecordsKey=key, Events="false").properties("AuditTaskRole")
    assert properties is not None
    policies = {one["PolicyName"]: one["PolicyDocument"]["Statement"] for one in properties["Policies"]}
    documents = policies.pop("documents")
    made = [statement for statements in policies.values() for statement in statements]
    assert {(action, one["Resource"]) for one in made for action in one["Action"]} == {
        (action, one["Resource"]) for one in least(part) for action in one["Action"]
    }
    allowed = {action: one["Resource"] for one in documents for action in one["Action"]}
    objects = "arn:aws:s3:::records/a/b/audit/*"
    assert allowed == {
        "s3:ListBucket": "arn:aws:s3:::records",
        "s3:GetObject": objects,
        "s3:PutObject": objects,
        **(dict.fromkeys(("kms:Decrypt", "kms:GenerateDataKey"), key) if key else {}),
    }
    assert documents[0]["Condition"]["StringLike"] == {"s3:prefix": "a/b/audit/*"}


def test_nothing_of_it_is_there_unless_it_is_wanted(built: Path) -> None:
    without, wanted = test_fleet.join_stack(built), stack(built, AlarmTopic=test_fleet.TOPIC)
    for name in ("AuditTaskRole", "AuditTask", "AuditFailed", "AuditScheduleRole", "AuditSchedule"):
        assert without.properties(name) is None
        assert wanted.properties(name) is not None
    assert stack(built).properties("AuditFailed") is None, "nobody is to be told"


def test_the_schedule_may_start_the_audit_and_nothing_else(built: Path) -> None:
    role, schedule = stack(built).properties("AuditScheduleRole"), stack(built).properties("AuditSchedule")
    assert role is not None
    assert schedule is not None
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert {statement["Action"][0]: statement["Resource"] for statement in statements} == {
        "ecs:RunTask": "AuditTask",
        "iam:PassRole": ["ExecutionRole.Arn", "AuditTaskRole.Arn"],
        "sqs:SendMessage": "NotStarted.Arn",
    }
    assert schedule["ScheduleExpression"] == "cron(0 5 ? * MON *)"
    assert schedule["Target"]["EcsParameters"]["TaskDefinitionArn"] == "AuditTask"


def test_somebody_is_told_of_an_audit_that_failed_or_did_not_start(built: Path) -> None:
    rule = stack(built, AlarmTopic=test_fleet.TOPIC).properties("AuditFailed")
    assert rule is not None
    detail = rule["EventPattern"]["detail"]
    assert detail["taskDefinitionArn"] == ["AuditTask"]
    assert detail["$or"] == [{"stopCode": ["TaskFailedToStart"]}, {"containers": {"exitCode": [{"anything-but": 0}]}}]
    assert rule["Targets"] == [{"Id": "topic", "Arn": test_fleet.TOPIC}]


# --- The whole task --------------------------------------------------------------------------------------------------

COPIES: Final = """import boto3, sys
client = boto3.client("s3")
source, target = sys.argv[1:3]
if target == ".":
    try:
        client.download_file("records", "a/b/audit/last.json", "last.json")
    except client.exceptions.ClientError:
        pass
else:
    bucket, _, key = target.removeprefix("s3://").partition("/")
    client.upload_file(source, bucket, key)"""
"""A substitute for `aws s3 cp`."""


def test_two_audits_of_an_account_tell_what_is_new(
    built: Path, tmp_path: Path, account: boto3.session.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole task runs with the program itself. The bucket and the VPCs are in moto."""
    for name, variable in NAMES.items():
        monkeypatch.setenv(variable, moto_server.KEYS[name])
    monkeypatch.setenv("AWS_DEFAULT_REGION", moto_server.REGION)
    client, ec2 = account.client("s3"), account.client("ec2")
    client.create_bucket(Bucket="records", CreateBucketConfiguration={"LocationConstraint": moto_server.REGION})
    make_vpc(ec2, private_dns=True)
    aws = f"""case "$1" in
s3) shift $(($# - 2)); exec {shlex.quote(sys.executable)} -c {shlex.quote(COPIES)} "$1" "$2" ;;
esac
echo 0"""
    given = {"AuditRegions": moto_server.REGION}
    ran = audit(built, tmp_path, REAL, aws, **given)
    assert ran.code == 0, ran.stderr
    assert not (tmp_path / "events").exists(), "there is nothing to compare with"
    vpc_id, endpoint_id = make_vpc(ec2, private_dns=False)
    ran = audit(built, tmp_path, REAL, aws, **given)
    assert ran.code == 0, ran.stderr
    (request,) = (tmp_path / "events").read_text("utf-8").splitlines()
    details = [json.loads(entry["Detail"]) for entry in json.loads(request)["Entries"]]
    assert {(one["change"]["turn"], one["change"]["vpc_id"], one["change"]["code"]) for one in details} == {
        ("new", vpc_id, "VPC002")
    }
    last = json.loads(client.get_object(Bucket="records", Key="a/b/audit/last.json")["Body"].read())
    assert {vpc["vpc_id"]: vpc["status"] for vpc in last["vpcs"]}[vpc_id] == "critical"
    assert [one["change"]["subjects"] for one in details] == [[endpoint_id]]
    kept = client.list_objects_v2(Bucket="records", Prefix="a/b/audit/dt=")["Contents"]
    assert {row["Key"].rpartition("/")[2] for row in kept} == {"audit.json", "audit.txt", "audit.html", "audit.csv"}
