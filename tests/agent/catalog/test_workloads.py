"""What each workload needs, and which workloads decide what a run checks."""

from dataclasses import replace
from typing import Final

import pytest

from agent.catalog.buckets import Bucket
from agent.catalog.services import SERVICES
from agent.catalog.workloads import (
    NEEDS,
    SSM_AGENT_WITHOUT_EC2MESSAGES,
    UNKNOWN,
    Need,
    bucket_service_of,
    has_unsettled_mode,
    in_use,
    is_before,
    needs,
    option_for,
    services_of,
)
from agent.settings import Workload
from probes.facts import AWS_BACKUP_MODE, S3_MODE, FoundWorkload, UnreadFile, WorkloadFacts
from probes.model import Role

AUTO, CALLER, HANA, GATEWAY, SSM = Workload
LINK: Final = "/usr/sap/HDB/SYS/global/hdb/opt/hdbbackint"
UNIT: Final = "/usr/lib/systemd/system/amazon-ssm-agent.service"
NOTHING: Final = WorkloadFacts()
OF_CALLER: Final = {"backup": Role.REQUIRED, "backup-gateway": Role.OPTIONAL}
OF_SSM: Final = {"ssm": Role.REQUIRED, "ssmmessages": Role.REQUIRED}
OF_HANA: Final = {**OF_SSM, "backup-storage": Role.REQUIRED, "ssm-sap": Role.REQUIRED, "secretsmanager": Role.REQUIRED}
OF_UNKNOWN: Final = {
    **OF_SSM,
    "backup-storage": Role.OPTIONAL,
    "ssm-sap": Role.OPTIONAL,
    "secretsmanager": Role.OPTIONAL,
    "s3": Role.OPTIONAL,
}


def backint(mode: str | None = AWS_BACKUP_MODE) -> FoundWorkload:
    return FoundWorkload(name="hana", by=LINK, is_agent=True, mode=mode)


def agent(**settings: str) -> FoundWorkload:
    return FoundWorkload(
        name="ssm", by=UNIT, is_agent=True, settings={key.replace("_", "."): value for key, value in settings.items()}
    )


def facts(*found: FoundWorkload) -> WorkloadFacts:
    return WorkloadFacts(found=found)


def optional(services: dict[str, Role]) -> dict[str, Role]:
    return dict.fromkeys(services, Role.OPTIONAL)


def roles(asked: tuple[Workload, ...], found: WorkloadFacts | None) -> dict[str, Role]:
    return {service: need.role for service, need in needs(in_use(asked, found), {}).items()}


@pytest.mark.parametrize(
    ("asked", "found", "expected"),
    [
        pytest.param((AUTO,), NOTHING, OF_CALLER, id="nothing found"),
        pytest.param((AUTO,), None, OF_CALLER, id="not searched yet"),
        pytest.param((AUTO,), facts(agent()), {**OF_CALLER, **optional(OF_SSM)}, id="the SSM Agent alone"),
        pytest.param((AUTO,), facts(backint()), {**OF_CALLER, **OF_HANA}, id="the Backint agent"),
        pytest.param((AUTO,), facts(agent(), backint()), {**OF_CALLER, **OF_HANA}, id="both agents"),
        pytest.param((AUTO,), facts(backint(S3_MODE)), {**OF_CALLER, **OF_SSM, "s3": Role.REQUIRED}, id="a bucket"),
        pytest.param((AUTO,), facts(backint(None)), {**OF_CALLER, **OF_UNKNOWN}, id="mode not read"),
        pytest.param(
            (AUTO,),
            facts(backint(None), backint()),
            {**OF_CALLER, **OF_HANA, "s3": Role.OPTIONAL},
            id="two systems, of one not read",
        ),
        pytest.param(
            (AUTO,),
            facts(FoundWorkload(name="hana", by="/opt/aws/ssm-sap", is_agent=False)),
            {**OF_CALLER, **optional(OF_UNKNOWN)},
            id="SSM for SAP alone",
        ),
        pytest.param((CALLER,), facts(agent(), backint()), OF_CALLER, id="caller asked for"),
        pytest.param((GATEWAY,), facts(agent(), backint()), {"backup-gateway": Role.REQUIRED}, id="gateway asked for"),
        pytest.param((AUTO, GATEWAY), NOTHING, {**OF_CALLER, "backup-gateway": Role.REQUIRED}, id="gateway besides"),
        pytest.param((SSM,), None, OF_SSM, id="ssm asked for, not searched yet"),
        pytest.param((SSM,), facts(backint()), OF_SSM, id="ssm asked for"),
        pytest.param((SSM,), facts(agent(Kms_Endpoint="a")), {**OF_SSM, "kms": Role.OPTIONAL}, id="a host of its own"),
        pytest.param((HANA,), None, {}, id="hana asked for, not searched yet"),
        pytest.param((HANA,), NOTHING, OF_HANA, id="hana asked for, not here"),
        pytest.param((HANA,), facts(backint(S3_MODE)), {**OF_SSM, "s3": Role.REQUIRED}, id="hana asked for, a bucket"),
        pytest.param((HANA,), facts(backint(None)), OF_UNKNOWN, id="hana asked for, mode not read"),
        pytest.param(
            (HANA,),
            WorkloadFacts(unread=(UnreadFile(path=LINK, error="EACCES"),)),
            OF_UNKNOWN,
            id="hana asked for, hidden",
        ),
        pytest.param(
            (HANA,),
            WorkloadFacts(unread=(UnreadFile(path="/etc/amazon/ssm/amazon-ssm-agent.json", error="EACCES"),)),
            OF_HANA,
            id="hana asked for, another file hidden",
        ),
    ],
)
def test_services_and_roles(
    asked: tuple[Workload, ...], found: WorkloadFacts | None, expected: dict[str, Role]
) -> None:
    assert roles(asked, found) == expected
    assert roles(asked, found).keys() <= set(services_of(asked))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("3.3.39.9", True),
        ("3.3.40.0", False),
        ("3.3.100.0", False),
        ("3.3.40", True),
        ("4.0.0.0", False),
        (None, False),
    ],
)
def test_an_old_ssm_agent_uses_ec2messages(version: str | None, expected: bool) -> None:
    assert is_before(version, SSM_AGENT_WITHOUT_EC2MESSAGES) is expected
    found = facts(replace(agent(), version=version))
    assert (roles((SSM,), found).get("ec2messages") is Role.OPTIONAL) is expected


@pytest.mark.parametrize("version", ["2.1.x", "\u0662.1.5", "2..5", ""])
def test_what_is_no_version_is_no_older_one(version: str) -> None:
    assert not is_before(version, "9.9.9")


def test_who_requires_a_service() -> None:
    named = {"backup": "--service", "sts": "--endpoint"}
    given = needs(in_use((AUTO, SSM), facts(backint(), agent())), named)
    assert {service: need.required_by for service, need in given.items()} == {
        "backup": ("--service", "caller"),
        "backup-gateway": (),
        "backup-storage": ("hana",),
        "sts": ("--endpoint",),
        "ssm": ("hana", "--workload ssm"),
        "ssmmessages": ("hana", "--workload ssm"),
        "ssm-sap": ("hana",),
        "secretsmanager": ("hana",),
    }
    assert needs((), {"sts": "--service"}) == {"sts": Need(role=Role.REQUIRED, required_by=("--service",))}


def test_by_which_sign_a_workload_is_in_use() -> None:
    workloads = in_use((AUTO, SSM), facts(backint(), agent()))
    assert [(workload.name, workload.by, workload.cause, workload.is_required) for workload in workloads] == [
        (CALLER, "--workload auto", "caller", True),
        (HANA, LINK, "hana", True),
        (SSM, UNIT, "--workload ssm", True),
    ]
    (asked,) = in_use((HANA,), NOTHING)
    assert (asked.by, asked.cause, asked.mode) == ("--workload hana", "--workload hana", AWS_BACKUP_MODE)


@pytest.mark.parametrize(
    ("mode", "required", "expected"),
    [
        (None, ("backup", "ssm"), True),
        (None, ("backup", "backup-storage"), False),
        (None, ("s3",), False),
        (AWS_BACKUP_MODE, ("backup-storage",), False),
        (S3_MODE, ("ssm",), False),
        ("of a later version", ("ssm",), True),
    ],
)
def test_a_mode_that_is_open(mode: str | None, required: tuple[str, ...], expected: bool) -> None:
    assert has_unsettled_mode(in_use((AUTO,), facts(backint(mode))), required) is expected


@pytest.mark.parametrize(
    ("service", "option"),
    [
        ("backup-gateway", "--workload gateway"),
        ("ssm", "--workload ssm"),
        ("ssmmessages", "--workload ssm"),
        ("backup-storage", "--service backup-storage"),
        ("sts", "--service sts"),
    ],
)
def test_what_makes_a_service_count(service: str, option: str) -> None:
    assert option_for(service) == option


def test_a_sign_that_requires_nothing_leaves_no_mode_open() -> None:
    alone = facts(FoundWorkload(name="hana", by="/opt/aws/ssm-sap", is_agent=False))
    assert not has_unsettled_mode(in_use((AUTO,), alone), ())


def test_the_table_has_services_of_the_catalogue_alone() -> None:
    assert {service for services in NEEDS.values() for service in services} <= SERVICES.keys()
    assert {name for name, _ in NEEDS} == {GATEWAY, SSM, HANA}
    assert {mode for name, mode in NEEDS if name is HANA} == {AWS_BACKUP_MODE, S3_MODE, UNKNOWN}


@pytest.mark.parametrize(
    ("mode", "settings", "expected"),
    [
        pytest.param(
            S3_MODE,
            {"S3BucketName": "backups", "S3BucketAwsRegion": "eu-central-1", "AwsRegion": "us-east-1"},
            Bucket(name="backups", region="eu-central-1"),
            id="the newer key wins",
        ),
        pytest.param(
            S3_MODE,
            {"S3BucketName": "backups", "AwsRegion": "us-east-1"},
            Bucket(name="backups", region="us-east-1"),
            id="the older key",
        ),
        pytest.param(S3_MODE, {"S3BucketName": "backups"}, Bucket(name="backups", region=None), id="no Region"),
        pytest.param(
            S3_MODE,
            {"S3BucketName": "backups", "AwsRegion": "eu-west-1a"},
            Bucket(name="backups", region=None),
            id="a zone for a Region",
        ),
        pytest.param(S3_MODE, {"S3BucketName": "s3://x/"}, Bucket(name=None, region=None), id="what is no name"),
        pytest.param(AWS_BACKUP_MODE, {"S3BucketName": "backups"}, None, id="AWS Backup mode"),
        pytest.param(None, {}, None, id="mode not read"),
    ],
)
def test_the_bucket_of_a_backint_agent(mode: str | None, settings: dict[str, str], expected: Bucket | None) -> None:
    found = replace(backint(mode), settings=settings)
    (workload,) = (one for one in in_use((AUTO,), facts(found)) if one.name is HANA)
    assert workload.bucket == expected


def test_other_workloads_have_no_bucket() -> None:
    used = in_use((AUTO, CALLER, GATEWAY, SSM), facts(agent(), FoundWorkload(name="hana", by="/x", is_agent=True)))
    assert {one.name for one in used} >= {CALLER, GATEWAY, SSM, HANA}
    assert [one.bucket for one in used] == [None] * len(used)


@pytest.mark.parametrize(
    ("workloads", "service"), [((HANA,), "s3"), ((CALLER, HANA), "s3"), ((CALLER, SSM, GATEWAY), None), ((), None)]
)
def test_which_workloads_may_have_a_bucket(workloads: tuple[Workload, ...], service: str | None) -> None:
    assert bucket_service_of(workloads) == service
