"""The minimal policies. They are compared with the requests that runs really make, in every Region and partition."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

import pytest

from agent.app.permissions import Permissions, as_json, as_text, permissions
from agent.app.tables import PARTS
from agent.catalog.hosts import endpoints
from agent.catalog.partitions import PARTITIONS
from agent.catalog.regions import REGIONS
from agent.catalog.services import is_offered
from agent.cli.main import dispatch
from agent.fleet.put import place_of
from agent.judge.evidence import Evidence
from agent.process.cancel import CancelToken
from agent.run.collect_facts import FactsRequest, gather
from agent.run.runner import measure
from agent.settings import Calls, Ec2, Ec2Facts
from agent.simulated.scenario import Scenario
from agent.simulated.settings import settings_of
from agent.simulated.world import SimulatedSdk, simulated
from probes.model import Step
from probes.seams import Keys, Reader
from probes.steps.jobs import LISTS, MAX_CALLS
from probes.vpc.accounts import ACTIONS
from probes.vpc.model import READS
from tests.agent.fleet.files import record as fleet_record
from tests.support import scenarios
from tests.support.joined import JOINED
from tests.support.repository import ROOT

AUDIT: Final = "audit"
ORGANIZATION: Final = "audit-organization"
TRUST: Final = "audit-trust"
RECORD: Final = "record"
FLEET: Final = "fleet"
RUNBOOK: Final = "runbook"
OF_MANY: Final = (AUDIT, ORGANIZATION, TRUST, RECORD, FLEET, RUNBOOK)
"""Parts of the policies that no run uses. They contain names of the user's own resources."""
OPERATIONS: Final = {
    "get_object": "s3:GetObject",
    "list_objects_v2": "s3:ListBucket",
    "put_object": "s3:PutObject",
    "get_command_invocation": "ssm:GetCommandInvocation",
    "list_command_invocations": "ssm:ListCommandInvocations",
}
"""The action that each operation of S3 and of Systems Manager requires (Service Authorization Reference)."""
_EC2: Final = """
[run]
ec2 = "always"

[ec2]
prefix_lists = [{ prefix_list_id = "pl-0a1b2c3d4e5f67890", cidrs = ["10.0.0.0/16"] }]

[[ec2.groups]] # without a rule, so that it must be asked for by its id
group_id = "sg-0a1b2c3d4e5f67890"
rules = []

[[ec2.groups]]
group_id = "sg-0e1b2c3d4e5f67890"
rules = [{ from_port = 443, to_port = 443, prefix_list_id = "pl-0a1b2c3d4e5f67890" }]

[[ec2.firewall]]
group_id = "rslvr-frg-0a1b2c3d4e5f6789"
domain_list_id = "rslvr-fdl-0a1b2c3d4e5f6789"
action = "ALLOW"
priority = [101, 1]
domains = ["*.amazonaws.com"]

[[ec2.profiles]]
zones = [{ zone_id = "Z0A1B2C3D4E5F6G7H8I9", name = "example.com", owner = "111122223333", of_service = false }]

[[ec2.profiles.resolver_rules]]
rule_id = "rslvr-rr-0a1b2c3d4e5f6789"
name = "on-premises"
domain = "example.net"
kind = "FORWARD"
targets = ["10.9.0.53"]
"""
EC2: Final = f"{_EC2}{JOINED}"
"""A network in which every read makes a request."""


class Recorded:
    """A reader that records its requests."""

    def __init__(self, reader: Reader, requests: set[str]) -> None:
        self._reader = reader
        self._requests = requests

    async def prepare(self, services: Iterable[str]) -> None:
        await self._reader.prepare(services)

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        # For these services, boto3 and IAM use the same names.
        self._requests.add(f"{service}:{operation}")
        return await self._reader.read(service, operation, parameters)


class RecordingSdk(SimulatedSdk):
    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.requests: set[str] = set()

    def reader(
        self, keys: Keys, *, region: str, profile: str | None, ca_bundle: str | None, timeout: float, most: int
    ) -> Reader:
        real = super().reader(keys, region=region, profile=profile, ca_bundle=ca_bundle, timeout=timeout, most=most)
        return Recorded(real, self.requests)


async def run_in(name: str, ec2: str = "") -> tuple[Evidence, frozenset[str]]:
    """The evidence of a run in a scenario, and the requests of its reads."""
    chosen = scenarios.parse(name, scenarios.text(name) + ec2)
    sdk = RecordingSdk(chosen)
    async with simulated(chosen) as world:
        measurement = await measure(
            settings_of(chosen), replace(world, sdk=sdk), emit=lambda _: None, stop=CancelToken()
        )
    return Evidence(measurement), frozenset(sdk.requests)


async def gathered() -> frozenset[str]:
    """The requests of `backuplink facts`."""
    chosen = scenarios.parse("healthy", scenarios.text("healthy") + EC2)
    sdk = RecordingSdk(chosen)
    wanted = FactsRequest(
        vpc_id=chosen.metadata.vpc_id, region="eu-west-1", profile=None, ca_bundle=None, timeout=3, deadline=60
    )
    async with simulated(chosen) as world:
        facts = await gather(wanted, replace(world, sdk=sdk), stop=CancelToken())
    assert isinstance(facts, Ec2Facts)
    assert {observation.subject.operation for observation in facts.observations if not observation.ok} == {
        "own-interfaces"
    }
    return frozenset(sdk.requests)


def calls(evidence: Evidence) -> frozenset[str]:
    """The actions of the signed calls that AWS answered."""
    services = {target.id: target.service for target in evidence.targets}
    return frozenset(
        f"{services[observation.subject.target or '']}:{observation.facts.operation}"
        for observation in evidence.of(Step.API)
        if observation.facts is not None
    )


def least(
    *, region: str | None = None, partition: str | None = None, services: tuple[str, ...] = ("backup", "backup-gateway")
) -> Permissions:
    return permissions(endpoints(region=region, partition=partition, services=services), region=region)


def actions(least_permissions: Permissions, part: str) -> frozenset[str]:
    (policy,) = (entry.policy for entry in least_permissions.parts if entry.part == part)
    return frozenset(action for statement in (policy or {}).get("Statement", ()) for action in statement["Action"])


def statements(least_permissions: Permissions) -> Iterable[dict[str, Any]]:
    for part in least_permissions.parts:
        if part.part in OF_MANY:
            continue
        yield from (part.policy or {}).get("Statement", ())


# --- Policies against the requests of runs ----------------------------------------------------------------------------


@pytest.mark.virtual_clock
@pytest.mark.parametrize(
    ("region", "names"),
    [
        pytest.param("eu-west-1", ("healthy", "gateway-healthy"), id="both services"),
        pytest.param("cn-north-1", ("healthy-china",), id="no gateway there"),
    ],
)
async def test_the_policy_of_signed_calls_covers_all_of_them_and_nothing_else(
    region: str, names: tuple[str, ...]
) -> None:
    called = frozenset[str]().union(*[calls((await run_in(name))[0]) for name in names])
    assert called == actions(least(region=region), "api") != frozenset()


@pytest.mark.virtual_clock
async def test_the_policy_of_jobs_covers_all_of_their_calls_and_nothing_else() -> None:
    evidence, _ = await run_in("jobs-fail-here")
    assert evidence.jobs is not None
    assert evidence.jobs.ok
    assert evidence.jobs.facts is not None
    assert evidence.jobs.facts.calls == MAX_CALLS
    # The facts name only the operation of the last call.
    assert calls(evidence) - actions(least(region="eu-west-1"), "api") == {f"backup:{LISTS[-1].operation}"}
    assert actions(least(region="eu-west-1"), "jobs") == {f"backup:{jobs.operation}" for jobs in LISTS}


def test_a_run_that_cannot_list_jobs_takes_no_permission_for_them() -> None:
    assert [part.part for part in least(region="eu-west-1", services=("ssm",)).parts] == [
        "path",
        "api",
        "ec2",
        *OF_MANY,
    ]


@pytest.mark.virtual_clock
async def test_the_policy_of_the_reads_covers_all_of_them_and_nothing_else() -> None:
    evidence, requests = await run_in("healthy", EC2)
    assert {observation.subject.operation for observation in evidence.of(Step.EC2) if observation.ok} == set(READS)
    assert requests == actions(least(region="eu-west-1"), "ec2")


@pytest.mark.virtual_clock
async def test_the_policy_of_the_reads_covers_what_a_facts_file_takes() -> None:
    # A run on the instance also reads the instance's own interfaces. That requires the same action as reading the
    # interfaces of the endpoints.
    assert await gathered() == actions(least(region="eu-west-1"), "ec2")


@pytest.mark.virtual_clock
async def test_a_run_that_needs_nothing_asks_for_nothing() -> None:
    chosen = scenarios.load("healthy")
    alone = replace(settings_of(chosen), calls=Calls.NONE, ec2=Ec2.NEVER)
    sdk = RecordingSdk(chosen)
    async with simulated(chosen) as world:
        measurement = await measure(alone, replace(world, sdk=sdk), emit=lambda _: None, stop=CancelToken())
    evidence = Evidence(measurement)
    assert sdk.requests == set()
    assert calls(evidence) == frozenset()
    assert not any(observation.made for observation in evidence.of(Step.CREDENTIALS))
    assert [part.policy for part in least(region="eu-west-1").parts if part.part == "path"] == [None]


# --- In every Region and partition -----------------------------------------------------------------------------------


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_s_policy_is_for_what_is_offered_there(region: str) -> None:
    least_permissions = least(region=region)
    offered = {service for service in ("backup", "backup-gateway") if is_offered(service, region) is not False}
    assert {action.partition(":")[0] for action in actions(least_permissions, "api")} == offered
    assert (least_permissions.region, least_permissions.partition) == (region, REGIONS[region].partition)
    assert {statement["Resource"] for statement in statements(least_permissions)} == {"*"}


@pytest.mark.parametrize("partition", [partition.id for partition in PARTITIONS])
def test_a_partition_s_policy_names_no_resource_of_another(partition: str) -> None:
    least_permissions = least(partition=partition)
    assert (least_permissions.region, least_permissions.partition) == (None, partition)
    assert {statement["Resource"] for statement in statements(least_permissions)} == {"*"}


def test_only_what_reads_is_allowed_and_by_its_full_name() -> None:
    for least_permissions in (least(partition=partition.id) for partition in PARTITIONS):
        for statement in statements(least_permissions):
            assert statement["Effect"] == "Allow"
            assert all(
                action.partition(":")[2].startswith(("Describe", "Get", "List", "Search"))
                for action in statement["Action"]
            )
            assert not any("*" in action for action in statement["Action"])


def test_no_action_has_a_resource_type_so_each_statement_is_for_all() -> None:
    (vaults, gateways), (jobs,), (reads,) = (
        (part.policy or {})["Statement"]
        for part in least(region="us-gov-west-1").parts
        if part.policy is not None and part.part not in OF_MANY
    )
    assert vaults == {
        "Effect": "Allow",
        "Action": ["backup:ListBackupVaults"],
        "Resource": "*",
    }
    assert gateways == {"Effect": "Allow", "Action": ["backup-gateway:ListGateways"], "Resource": "*"}
    assert jobs == {
        "Effect": "Allow",
        "Action": ["backup:ListBackupJobs", "backup:ListRestoreJobs", "backup:ListCopyJobs"],
        "Resource": "*",
    }
    assert reads["Resource"] == "*"


@pytest.mark.parametrize("partition", [partition.id for partition in PARTITIONS])
def test_an_audit_lists_and_assumes_roles_of_the_partition(partition: str) -> None:
    seen = least(partition=partition)
    policies = {part.part: part.policy or {} for part in seen.parts}
    reads = actions(seen, "ec2")
    (member,) = policies[AUDIT]["Statement"]
    assert {*member["Action"]} == reads | {"ec2:DescribeRegions", "ec2:DescribeVpcs"}
    lists, roles = policies[ORGANIZATION]["Statement"]
    assert {*lists["Action"], *roles["Action"], "sts:GetCallerIdentity"} == reads | {*ACTIONS}, "which is never denied"
    assert (member["Resource"], lists["Resource"]) == ("*", "*")
    assert roles["Resource"] == f"arn:{partition}:iam::*:role/backuplink-audit"
    assert all(re.match("[a-z0-9]+:(Describe|Get|List|Search)", action) for action in lists["Action"])


@pytest.mark.parametrize("partition", [partition.id for partition in PARTITIONS])
def test_a_role_trusts_one_role_of_one_account(partition: str) -> None:
    (trust,) = (part for part in least(partition=partition).parts if part.part == TRUST)
    (statement,) = (trust.policy or {})["Statement"]
    account = f"arn:{partition}:iam::<ACCOUNT>"
    assert statement["Principal"] == {"AWS": f"{account}:root"}, "which IAM refuses until it is filled in"
    assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": f"{account}:role/<ROLE>"}}
    assert statement["Action"] == ["sts:AssumeRole"]


def asked_in(*modules: str) -> set[str]:
    """The actions that are required by the SDK operations in these modules of `agent.fleet`."""
    text = "".join((ROOT / "agent" / "fleet" / f"{name}.py").read_text("utf-8") for name in modules)
    called = set(re.findall(r"client(?:\(\))?\.([a-z0-9_]+)\(", text)) - {"get_paginator"}
    return {OPERATIONS[name] for name in called | set(re.findall(r'get_paginator\("([a-z0-9_]+)"\)', text))}


def test_a_fleet_takes_what_its_modules_ask_for() -> None:
    assert asked_in("s3", "run_command", "pack") == actions(least(region="eu-west-1"), FLEET)
    assert asked_in("put") == actions(least(region="eu-west-1"), RECORD)


@pytest.mark.parametrize("partition", [partition.id for partition in PARTITIONS])
def test_a_host_puts_its_record_below_its_account(partition: str) -> None:
    (record,) = (part for part in least(partition=partition).parts if part.part == RECORD)
    ((resource, *_),) = ([statement["Resource"]] for statement in (record.policy or {})["Statement"])
    put = place_of(fleet_record(1, account="111122223333", region="eu-west-1"), "s3://bucket/prefix")
    assert fnmatchcase(f"arn:{partition}:s3:::{put.removeprefix('s3://')}", resource)
    assert not fnmatchcase(f"arn:{partition}:s3:::bucket/prefix/host.v1.parquet/account=1/x", resource)


def test_what_is_written_to_or_read_of_a_bucket_names_its_account() -> None:
    for part in (part for part in least(region="eu-west-1").parts if part.part != TRUST):
        for statement in (part.policy or {}).get("Statement", ()):
            of_s3 = all(action.startswith("s3:") for action in statement["Action"])
            condition = {"StringEquals": {"s3:ResourceAccount": "${aws:PrincipalAccount}"}}
            assert statement.get("Condition") == (condition if of_s3 else None)
            assert of_s3 is (part.part in (RECORD, FLEET) and "ssm" not in statement["Action"][0])


def test_the_policy_of_other_services_is_of_their_calls_alone() -> None:
    seen = least(region="eu-west-1", services=("ssm", "logs", "ssmmessages"))
    assert actions(seen, "api") == {"ssm:ListAssociations", "logs:DescribeLogGroups"}
    (resource,) = (
        statement["Resource"] for statement in statements(seen) if statement["Action"] == ["logs:DescribeLogGroups"]
    )
    assert resource == "arn:aws:logs:eu-west-1:*:log-group:*"


def test_a_call_that_needs_no_permission_is_named_and_not_granted() -> None:
    (part,) = (part for part in least(region="eu-west-1", services=("sts",)).parts if part.part == "api")
    assert "sts:GetCallerIdentity" in part.words
    assert part.policy is None


def test_services_without_a_call_take_none() -> None:
    (part,) = (part for part in least(region="eu-west-1", services=("backup-storage",)).parts if part.part == "api")
    assert part.words.endswith("none: these services have no call without side effects.")
    assert part.policy is None


def test_the_command_takes_services(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["permissions", "--region", "eu-west-1", "--service", "kms", "--format", "json"], []) == 0
    parts = {part["part"]: part["policy"] for part in json.loads(capsys.readouterr().out)["parts"]}
    assert [statement["Action"] for statement in parts["api"]["Statement"]] == [["kms:ListAliases"]]
    assert dispatch(["permissions", "--service", "efs"], []) == 3


@pytest.mark.parametrize("wanted", ["text", "json"])
@pytest.mark.parametrize("part", [part for part in PARTS if part != "path"])
def test_one_policy_alone(capsys: pytest.CaptureFixture[str], part: str, wanted: str) -> None:
    """The output is only the policy, which `aws iam put-role-policy` accepts unchanged."""
    given = ["permissions", "--workload", "hana:s3", "--workload", "caller", "--region", "eu-west-1"]
    assert dispatch([*given, "--format", "json"], []) == 0
    parts = {each["part"]: each["policy"] for each in json.loads(capsys.readouterr().out)["parts"]}
    assert tuple(parts) == PARTS
    assert dispatch([*given, "--policy", part, "--format", wanted], []) == 0
    assert json.loads(capsys.readouterr().out) == parts[part] is not None


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ("path", "The part path needs no permission"),
        ("bucket", "This run has no part bucket; it has path, api, ec2"),
        ("jobs", "This run has no part jobs; it has path, api, ec2"),
    ],
)
def test_a_policy_that_there_is_none_of(capsys: pytest.CaptureFixture[str], part: str, why: str) -> None:
    assert dispatch(["permissions", "--service", "ssm", "--policy", part], []) == 3
    assert why in capsys.readouterr().err


# --- How the policies are shown --------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", [None, "eu-west-1", "cn-north-1", "sa-west-1"])
def test_both_formats_say_the_same(region: str | None) -> None:
    least_permissions = least(region=region, partition=None if region else "aws")
    document = json.loads(as_json(least_permissions))
    assert list(document) == ["schema", "region", "partition", "parts"]
    assert document["schema"] == "backuplink.permissions.v1"
    jobs = ["jobs"] if is_offered("backup", region or "eu-west-1") is not False else []
    assert [part["part"] for part in document["parts"]] == ["path", "api", *jobs, "ec2", *OF_MANY]
    text = as_text(least_permissions)
    assert text.isascii()
    # Each policy in the text is a document to copy.
    copied, rest = [], text
    while (start := rest.find("{\n")) >= 0:
        policy, end = json.JSONDecoder().raw_decode(rest[start:])
        copied.append(policy)
        rest = rest[start + end :]
    assert copied == [part["policy"] for part in document["parts"] if part["policy"] is not None]
    for part in document["parts"]:
        assert "".join(part["words"].split()) in "".join(text.split())
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_region_without_the_services_takes_no_permission_for_calls() -> None:
    (words,) = (part.words for part in least(region="sa-west-1").parts if part.part == "api")
    assert words.endswith("none: no service is offered there.")


@pytest.mark.virtual_clock
async def test_the_policy_of_a_bucket_covers_its_call_and_nothing_else() -> None:
    evidence, _ = await run_in("hana-in-s3-mode")
    assert {call for call in calls(evidence) if call.startswith("s3:")} == {"s3:HeadBucket"}
    bucket = permissions(
        endpoints(region="eu-west-1", partition=None, services=("ssm",)), region="eu-west-1", bucket_service="s3"
    )
    assert actions(bucket, "bucket") == {"s3:ListBucket"}  # HeadBucket requires this permission
    assert [statement["Resource"] for statement in statements(bucket)][1] == "arn:aws:s3:::*"


@pytest.mark.parametrize(
    ("arguments", "has_bucket"),
    [
        (["--workload", "hana"], True),
        (["--workload", "hana", "--partition", "aws-cn"], True),
        (["--workload", "ssm"], False),
        (["--service", "s3"], False),
        ([], False),
    ],
)
def test_a_bucket_is_asked_for_with_hana_alone(
    arguments: list[str], has_bucket: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["permissions", *arguments, "--format", "json"], []) == 0
    parts = {part["part"]: part["policy"] for part in json.loads(capsys.readouterr().out)["parts"]}
    assert ("bucket" in parts) is has_bucket
    if has_bucket:
        partition = "aws-cn" if "aws-cn" in arguments else "aws"
        assert parts["bucket"]["Statement"][0]["Resource"] == f"arn:{partition}:s3:::*"
