"""The services that each workload needs, and how a run chooses the workloads to check."""

import re
from dataclasses import replace
from typing import Final

import pytest

from agent.catalog.buckets import Bucket
from agent.catalog.services import SERVICES
from agent.catalog.workloads import (
    MODE_OPTIONS,
    NEEDS,
    SSM_AGENT_WITHOUT_EC2MESSAGES,
    UNKNOWN,
    Need,
    bucket_service_of,
    has_unsettled_mode,
    in_use,
    is_before,
    is_left_out,
    needs,
    option_for,
    planned,
    required_services,
    services_of,
    services_of_either_mode,
)
from agent.settings import Workload
from probes.facts import AWS_BACKUP_MODE, S3_MODE, FoundWorkload, UnreadFile, WorkloadFacts
from probes.model import Role

AUTO, CALLER, HANA, HANA_BACKUP, HANA_S3, GATEWAY, SSM = Workload
LINK: Final = "/usr/sap/HDB/SYS/global/hdb/opt/hdbbackint"
OTHER_LINK: Final = "/usr/sap/PRD/SYS/global/hdb/opt/hdbbackint"
UNIT: Final = "/usr/lib/systemd/system/amazon-ssm-agent.service"
NOTHING: Final = WorkloadFacts()
REQUIRED, OPTIONAL = Role.REQUIRED, Role.OPTIONAL
OF_CALLER: Final = {"backup": REQUIRED, "backup-gateway": OPTIONAL}
CALLER_BESIDE: Final = dict.fromkeys(OF_CALLER, OPTIONAL)
BACKUP_BESIDE: Final = {"backup": OPTIONAL}
OF_SSM: Final = {"ssm": REQUIRED, "ssmmessages": REQUIRED}
OF_BACKUP_MODE: Final = {**OF_SSM, "backup-storage": REQUIRED, "ssm-sap": OPTIONAL, "secretsmanager": REQUIRED}
OF_S3_MODE: Final = {"s3": REQUIRED, "ssm": OPTIONAL, "ssmmessages": OPTIONAL}
IN_BACKUP_MODE: Final = {**OF_BACKUP_MODE, "s3": OPTIONAL}
"""The roles of the services if the run concludes that HANA backs up through AWS Backup."""
IN_S3_MODE: Final = {**OF_S3_MODE, "backup-storage": OPTIONAL, "secretsmanager": OPTIONAL}
IN_NO_MODE: Final = dict.fromkeys(("backup-storage", "ssm", "ssmmessages", "secretsmanager", "s3"), OPTIONAL)
"""The roles of the services if the run cannot tell how HANA backs up."""


def backint(mode: str | None = AWS_BACKUP_MODE, by: str = LINK) -> FoundWorkload:
    return FoundWorkload(name="hana", by=by, mode=mode)


def agent(**settings: str) -> FoundWorkload:
    return FoundWorkload(
        name="ssm", by=UNIT, settings={key.replace("_", "."): value for key, value in settings.items()}
    )


def facts(*found: FoundWorkload) -> WorkloadFacts:
    return WorkloadFacts(found=found)


def hidden(path: str, *found: FoundWorkload) -> WorkloadFacts:
    return WorkloadFacts(found=found, unread=(UnreadFile(path=path, error="EACCES"),))


def optional(services: dict[str, Role]) -> dict[str, Role]:
    return dict.fromkeys(services, OPTIONAL)


def roles(asked: tuple[Workload, ...], found: WorkloadFacts | None) -> dict[str, Role]:
    return {service: need.role for service, need in needs(in_use(asked, found), {}).items()}


@pytest.mark.parametrize(
    ("asked", "found", "expected"),
    [
        pytest.param((AUTO,), NOTHING, OF_CALLER, id="nothing found"),
        pytest.param((AUTO,), None, {}, id="not searched yet"),
        pytest.param((AUTO,), facts(agent()), {**OF_CALLER, **optional(OF_SSM)}, id="the SSM Agent alone"),
        pytest.param((AUTO,), facts(backint()), {**CALLER_BESIDE, **IN_BACKUP_MODE}, id="the Backint agent"),
        pytest.param((AUTO,), facts(agent(), backint()), {**CALLER_BESIDE, **IN_BACKUP_MODE}, id="both agents"),
        pytest.param((AUTO,), facts(backint(S3_MODE)), {**CALLER_BESIDE, **IN_S3_MODE}, id="a bucket"),
        pytest.param(
            (AUTO,), facts(agent(), backint(S3_MODE)), {**CALLER_BESIDE, **IN_S3_MODE}, id="and the SSM Agent"
        ),
        pytest.param((AUTO,), facts(backint(None)), {**CALLER_BESIDE, **IN_NO_MODE}, id="mode not read"),
        pytest.param((AUTO,), hidden(LINK), {**CALLER_BESIDE, **IN_NO_MODE}, id="the link cannot be read"),
        pytest.param((AUTO,), hidden("/usr/sap"), {**CALLER_BESIDE, **IN_NO_MODE}, id="nor the folder of systems"),
        pytest.param(
            (AUTO,), hidden("/etc/amazon/ssm/amazon-ssm-agent.json"), OF_CALLER, id="another agent's file is hidden"
        ),
        pytest.param(
            (AUTO,),
            facts(backint(S3_MODE), backint(by=OTHER_LINK)),
            {**CALLER_BESIDE, **OF_BACKUP_MODE, "s3": REQUIRED},
            id="two systems, the union",
        ),
        pytest.param(
            (AUTO,),
            facts(backint(None), backint(by=OTHER_LINK)),
            {**CALLER_BESIDE, **IN_BACKUP_MODE},
            id="two systems, of one the mode not read",
        ),
        pytest.param(
            (AUTO,),
            hidden(OTHER_LINK, backint(S3_MODE)),
            {**CALLER_BESIDE, **IN_S3_MODE},
            id="two systems, of one the link not read",
        ),
        pytest.param(
            (AUTO, HANA_S3), facts(backint(None)), {**CALLER_BESIDE, **OF_S3_MODE}, id="found, its mode named"
        ),
        pytest.param((CALLER,), facts(agent(), backint()), OF_CALLER, id="caller asked for"),
        pytest.param((CALLER, HANA), facts(backint()), {**OF_CALLER, **IN_BACKUP_MODE}, id="caller and hana asked for"),
        pytest.param((GATEWAY,), facts(agent(), backint()), {"backup-gateway": REQUIRED}, id="gateway asked for"),
        pytest.param((AUTO, GATEWAY), NOTHING, {**OF_CALLER, "backup-gateway": REQUIRED}, id="gateway besides"),
        pytest.param((SSM,), None, OF_SSM, id="ssm asked for, not searched yet"),
        pytest.param((SSM,), facts(backint()), OF_SSM, id="ssm asked for"),
        pytest.param((SSM,), facts(agent(Kms_Endpoint="a")), {**OF_SSM, "kms": OPTIONAL}, id="a host of its own"),
        pytest.param((HANA,), None, {}, id="hana asked for, not searched yet"),
        pytest.param((HANA,), NOTHING, IN_NO_MODE, id="hana asked for, not here"),
        pytest.param((HANA,), facts(backint()), {**BACKUP_BESIDE, **IN_BACKUP_MODE}, id="hana asked for"),
        pytest.param((HANA,), facts(backint(S3_MODE)), {**BACKUP_BESIDE, **IN_S3_MODE}, id="hana asked for, a bucket"),
        pytest.param((HANA,), facts(backint(None)), {**BACKUP_BESIDE, **IN_NO_MODE}, id="hana asked for, not read"),
        pytest.param((HANA,), hidden(LINK), {**BACKUP_BESIDE, **IN_NO_MODE}, id="hana asked for, hidden"),
        pytest.param((HANA_BACKUP,), NOTHING, OF_BACKUP_MODE, id="hana:backup, not here"),
        pytest.param((HANA_BACKUP,), hidden(LINK), {**BACKUP_BESIDE, **OF_BACKUP_MODE}, id="hana:backup, hidden"),
        pytest.param(
            (HANA_BACKUP,),
            facts(backint(S3_MODE)),
            {**BACKUP_BESIDE, **OF_BACKUP_MODE},
            id="hana:backup outranks a key",
        ),
        pytest.param((HANA_S3,), NOTHING, OF_S3_MODE, id="hana:s3, not here"),
        pytest.param((HANA_S3,), facts(backint(None)), {**BACKUP_BESIDE, **OF_S3_MODE}, id="hana:s3, not read"),
        pytest.param(
            (HANA_BACKUP, HANA_S3),
            facts(backint(None)),
            {**BACKUP_BESIDE, **OF_BACKUP_MODE, "s3": REQUIRED},
            id="both modes",
        ),
    ],
)
def test_services_and_roles(
    asked: tuple[Workload, ...], found: WorkloadFacts | None, expected: dict[str, Role]
) -> None:
    assert roles(asked, found) == expected
    assert roles(asked, found).keys() <= set(services_of(asked))


@pytest.mark.parametrize(
    ("asked", "found", "expected"),
    [
        pytest.param((AUTO,), NOTHING, {}, id="a caller"),
        pytest.param((HANA_BACKUP,), NOTHING, {}, id="a mode that is named, and nothing here"),
        pytest.param((HANA_BACKUP,), facts(backint()), {"backup": "caller"}, id="a mode that is named"),
        pytest.param((AUTO,), facts(backint()), {"backup": "caller", "s3": "hana:s3"}, id="AWS Backup inferred"),
        pytest.param(
            (AUTO,),
            facts(backint(S3_MODE)),
            {
                "backup": "caller",
                **dict.fromkeys(("ssm", "ssmmessages"), "ssm"),
                **dict.fromkeys(("backup-storage", "secretsmanager"), "hana:backup"),
            },
            id="S3 inferred",
        ),
        pytest.param(
            (HANA_S3,),
            facts(backint(S3_MODE)),
            {"backup": "caller", "ssm": "ssm", "ssmmessages": "ssm"},
            id="S3 named",
        ),
        pytest.param(
            (AUTO,),
            facts(backint(None)),
            {
                "backup": "caller",
                "s3": "hana:s3",
                **dict.fromkeys(("backup-storage", "ssm", "ssmmessages", "secretsmanager"), "hana:backup"),
            },
            id="not known",
        ),
        pytest.param(
            (AUTO, CALLER, SSM),
            facts(backint(S3_MODE)),
            dict.fromkeys(("backup-storage", "secretsmanager"), "hana:backup"),
            id="what is asked for counts already",
        ),
    ],
)
def test_of_which_services_a_report_speaks(
    asked: tuple[Workload, ...], found: WorkloadFacts, expected: dict[str, str]
) -> None:
    given = {service: need.counts_with for service, need in needs(in_use(asked, found), {}).items()}
    options = {service: f"--workload {name}" for service, name in expected.items()}
    assert {service: option for service, option in given.items() if option is not None} == options


@pytest.mark.parametrize(
    ("asked", "found", "named", "expected"),
    [
        pytest.param((HANA_S3,), NOTHING, {}, True, id="a bucket"),
        pytest.param((AUTO,), facts(backint(None)), {}, True, id="a bucket, or AWS Backup"),
        pytest.param((AUTO,), facts(backint()), {}, False, id="AWS Backup, as far as is known"),
        pytest.param((HANA_S3,), NOTHING, {"s3": "--service"}, False, id="named besides"),
        pytest.param((), NOTHING, {"s3": "--endpoint"}, False, id="named alone"),
        pytest.param((SSM,), facts(agent(S3_Endpoint="a")), {}, False, id="of the SSM Agent"),
        pytest.param((SSM, HANA_S3), facts(agent(S3_Endpoint="a")), {}, True, id="of both, required by one"),
    ],
)
def test_a_bucket_may_be_reached_by_any_path(
    asked: tuple[Workload, ...], found: WorkloadFacts, named: dict[str, str], expected: bool
) -> None:
    given = needs(in_use(asked, found), named)
    assert given["s3"].by_any_path is expected
    assert [service for service, need in given.items() if need.by_any_path and service != "s3"] == []


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
        "backup": ("--service",),
        "backup-gateway": (),
        "backup-storage": ("hana",),
        "sts": ("--endpoint",),
        "ssm": ("hana", "--workload ssm"),
        "ssmmessages": ("hana", "--workload ssm"),
        "ssm-sap": (),
        "secretsmanager": ("hana",),
        "s3": (),
    }
    assert needs((), {"sts": "--service"}) == {"sts": Need(role=Role.REQUIRED, required_by=("--service",))}


def test_by_which_sign_a_workload_is_in_use() -> None:
    workloads = in_use((AUTO, SSM), facts(backint(), agent()))
    assert [(workload.name, workload.by, workload.cause, workload.is_required) for workload in workloads] == [
        (CALLER, "--workload auto", "caller", False),
        (HANA, LINK, "hana", True),
        (SSM, UNIT, "--workload ssm", True),
    ]
    (asked,) = in_use((HANA,), NOTHING)
    assert (asked.by, asked.cause, asked.mode, asked.is_found) == ("--workload hana", "--workload hana", UNKNOWN, False)
    (named,) = in_use((HANA_S3,), hidden(LINK))
    assert (named.by, named.cause, named.mode, named.is_found) == (LINK, "--workload hana:s3", S3_MODE, True)


@pytest.mark.parametrize(
    ("asked", "mode", "expected"),
    [
        (AUTO, None, True),
        (HANA, None, True),
        (HANA_BACKUP, None, False),
        (HANA_S3, None, False),
        (AUTO, AWS_BACKUP_MODE, False),
        (AUTO, S3_MODE, False),
        (AUTO, "of a later version", True),
    ],
)
def test_a_mode_that_is_open(asked: Workload, mode: str | None, expected: bool) -> None:
    assert has_unsettled_mode(in_use((asked,), facts(backint(mode)))) is expected


@pytest.mark.parametrize(
    ("workload", "services"),
    [
        (CALLER, {"backup"}),
        (GATEWAY, {"backup-gateway"}),
        (SSM, {"ssm", "ssmmessages"}),
        (HANA, {"backup-storage", "ssm", "ssmmessages", "secretsmanager"}),
        (HANA_BACKUP, {"backup-storage", "ssm", "ssmmessages", "secretsmanager"}),
        (HANA_S3, {"s3"}),
    ],
)
def test_what_a_workload_requires_without_a_host(workload: Workload, services: set[str]) -> None:
    assert {*required_services(workload)} == services
    needed = needs(planned((workload,)), {})
    assert {service for service, need in needed.items() if need.role is REQUIRED} == services


def test_what_either_mode_requires() -> None:
    assert {*services_of_either_mode()} == {*required_services(HANA_BACKUP), *required_services(HANA_S3)}


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


def test_the_table_has_services_of_the_catalogue_alone() -> None:
    assert {service for services in NEEDS.values() for service in services} <= SERVICES.keys()
    assert {name for name, _ in NEEDS} == {CALLER, GATEWAY, SSM, HANA}
    assert {mode for name, mode in NEEDS if name is HANA} == {AWS_BACKUP_MODE, S3_MODE} == {*MODE_OPTIONS}


@pytest.mark.parametrize("key", NEEDS)
def test_what_is_required_stands_beside_its_source(key: tuple[Workload, str | None]) -> None:
    """Each row has the title of a page of AWS, and the guide with this page."""
    sources = [source for source in NEEDS[key].values() if source is not None]
    assert sources
    assert all(re.fullmatch(r".+ \(.*(Guide|Guides|Reference)\)", source) for source in sources)


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
        pytest.param(S3_MODE, {"S3BucketName": "s3://x/"}, Bucket(name=None, region=None), id="what is not a name"),
        pytest.param(AWS_BACKUP_MODE, {"S3BucketName": "backups"}, None, id="AWS Backup mode"),
        pytest.param(None, {}, None, id="mode not read"),
    ],
)
def test_the_bucket_of_a_backint_agent(mode: str | None, settings: dict[str, str], expected: Bucket | None) -> None:
    found = replace(backint(mode), settings=settings)
    (workload,) = (one for one in in_use((AUTO,), facts(found)) if one.name is HANA)
    assert workload.bucket == expected


def test_other_workloads_have_no_bucket() -> None:
    used = in_use((AUTO, CALLER, GATEWAY, SSM), facts(agent(), FoundWorkload(name="hana", by="/x")))
    assert {one.name for one in used} >= {CALLER, GATEWAY, SSM, HANA}
    assert [one.bucket for one in used] == [None] * len(used)


@pytest.mark.parametrize(
    ("workloads", "service"),
    [
        ((HANA,), "s3"),
        ((HANA_S3,), "s3"),
        ((HANA_BACKUP,), None),
        ((CALLER, HANA), "s3"),
        ((CALLER, SSM, GATEWAY), None),
        ((), None),
    ],
)
def test_which_workloads_may_have_a_bucket(workloads: tuple[Workload, ...], service: str | None) -> None:
    assert bucket_service_of(workloads) == service


@pytest.mark.parametrize(
    ("no_proxy", "expected"),
    [
        *((text, True) for text in ("*", "a, *", "aws.example", ".Example", "b.aws.example")),
        *((text, False) for text in ("", "*.example", "!", "s.example", "c.b.aws.example")),
    ],
)
def test_which_hosts_a_list_without_a_proxy_contains(no_proxy: str, expected: bool) -> None:
    assert is_left_out("b.aws.example", no_proxy) is expected
