"""Systems Manager, with moto's server as AWS: the program's findings about the endpoints of Systems Manager are
compared with the answers that the AWS CLI gets. So are the records of hosts that a command returned. The command runs
the shipped document.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from agent.report.model import Access
from tests.agent.fleet.files import SICK, lines, record
from tests.peers import aws
from tests.peers.aws import ACCOUNT_ID, EVERYTHING, KEY_ID, OTHER_SECRET_KEY, REGION, SECRET_KEY, UNKNOWN_KEY_ID
from tests.peers.setups import InVpc, Setup, namespaces_missing, scenario
from tests.peers.world import World, world
from tests.support.repository import ROOT

pytestmark = pytest.mark.peers

_DOCUMENT: Final = ROOT / "packaging" / "fleet" / "backuplink-check.yaml"
_NAMES: Final = tuple(f"{service}.{REGION}.amazonaws.com" for service in ("ssm", "ec2"))
_MESSAGES: Final = {"ssmmessages": "10.0.1.43", "ec2messages": "10.0.1.44"}
"""The endpoints of services that moto lacks, with their simulated addresses."""
_AGENT: Final = '"/usr/lib/systemd/system/amazon-ssm-agent.service" = "[Unit]"'
_OF_MESSAGES: Final = """"/etc/amazon/ssm/amazon-ssm-agent.json" = '{"Mds": {"Endpoint": "%s"}}'"""


# --- Its endpoints ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class OfAgent(InVpc):
    """A host with the SSM Agent, and the endpoints of Systems Manager."""

    services: frozenset[str]
    """The services that are checked."""
    access: Access | None
    """The access to `ssm` that the report must show."""


def of_agent(
    name: str,
    status: str,
    *findings: str,
    path: str = "private",
    access: Access | None = Access.ALLOWED,
    key_id: str = KEY_ID,
    secret_key: str = SECRET_KEY,
    address: str = aws.ADDRESS,
    asks: str = 'workloads = ["ssm"]',
    services: tuple[str, ...] = ("ssm", "ssmmessages"),
    messages: dict[str, str] = _MESSAGES,
    files: str = _AGENT,
    denies: str = "",
    issuer: str = "amazon",
) -> OfAgent:
    vpc = f"""
        [host.files]
        {files}
        [credentials]
        access_key_id = "{key_id}"
        secret_key = "{secret_key}"
        {aws.names_at(_NAMES, address)}
        {"".join(aws.names_at([f"{service}.{REGION}.amazonaws.com"], at) for service, at in messages.items())}
        {aws.names_at(["*"], "52.95.112.41")}
        [[tcp]]
        addresses = {json.dumps(list(_MESSAGES.values()))}
        ports = [443]
    """
    toml = scenario(name, vpc, (status, path), findings, run=asks, timeout=5.0)
    denied = [{"Effect": "Deny", "Action": denies, "Resource": "*"}] if denies else []

    def start(built: World) -> None:
        aws.start_account(built, names=_NAMES, policy=aws.policy_of(EVERYTHING, *denied), issuer=issuer)

    return OfAgent(
        package="awscli",
        name=f"Systems Manager: {name}",
        toml=toml,
        start=start,
        places=(aws.PLACE,),
        services=frozenset(services),
        access=access,
    )


AGENTS: Final = (
    of_agent("an agent, with endpoints for it and for its messages", "ok"),
    of_agent(
        "its services by their names",
        "ok",
        asks='services = ["ssm", "ssmmessages", "ec2messages"]',
        services=("ssm", *_MESSAGES),
    ),
    of_agent(
        "an agent that is set to `ec2messages`, too",
        "ok",
        files=f"{_AGENT}\n{_OF_MESSAGES % f'ec2messages.{REGION}.amazonaws.com'}",
        services=("ssm", *_MESSAGES),
    ),
    of_agent(
        "a user who may not list associations, which the agent lists",
        "warning",
        "IAM009@ssm",
        access=Access.DENIED,
        denies="ssm:ListAssociations",
    ),
    of_agent(
        "no endpoint for the agent's messages",
        "critical",
        *("DNS001@ssmmessages", "TCP001@ssmmessages"),
        path="mixed",
        messages={},
    ),
    of_agent("a key that AWS does not know", "critical", "API003", access=Access.DENIED, key_id=UNKNOWN_KEY_ID),
    of_agent("another secret key", "critical", "API004@ssm", access=Access.DENIED, secret_key=OTHER_SECRET_KEY),
    of_agent(
        "TLS inspection by an authority that the host does not trust",
        "critical",
        "TLS001@ssm",
        access=Access.UNKNOWN,
        issuer="corporate",
    ),
    of_agent(
        "a name that leads to an address that does not answer",
        "critical",
        "TCP001@ssm",
        path="mixed",
        access=Access.UNKNOWN,
        address="10.0.2.17",
    ),
)


@pytest.mark.parametrize("setup", AGENTS, ids=str, indirect=True)
def test_the_cli_lists_associations_where_the_report_has_access(setup: OfAgent, tmp_path: Path) -> None:
    with world(setup.name, setup.toml, tmp_path, places=setup.places) as built:
        setup.start(built)
        ended = built.check()
        found = (f"{ended.report.verdict.status}, {ended.report.verdict.path}", *ended.findings)
        assert found == setup.expected
        assert {target.service for target in ended.report.targets} == setup.services
        (target,) = (target for target in ended.report.targets if target.service == "ssm")
        assert target.access is setup.access
        by_cli = aws.cli(built, "ssm", "list-associations", "--max-results", "1")
        assert (by_cli is not None) is (setup.access is Access.ALLOWED)


# --- The records of a command ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Command(Setup):
    """A command that runs on the instances with a tag, and the fleet that is joined from the records in its output."""

    instances: tuple[Mapping[str, str], ...]
    """The fields of each `account.Instance`."""
    hosts: int
    """The number of hosts in the joined fleet."""
    code: int
    says: str
    """A part of the expected summary of the verdict."""
    with_inventory: bool
    """Whether all instances of the account are expected to have a record."""
    denies: str
    of_another: bool
    """Whether the fleet is joined from another command than the one sent here."""

    def missing(self) -> str | None:
        return namespaces_missing() or super().missing()


def instance(scenario: str = "healthy", *, before: str = "", tag: str = "check", status: str = "") -> dict[str, str]:
    """An instance on which the document ran. `before` is output that comes before the record."""
    line = lines(record(0, scenario, host="INSTANCE", account=ACCOUNT_ID))
    return {"tag": tag, "status": status or ("Success" if scenario == "healthy" else "Failed"), "output": before + line}


def command(
    name: str,
    result: str,
    *instances: Mapping[str, str],
    says: str,
    hosts: int | None = None,
    code: int = 0,
    with_inventory: bool = False,
    denies: str = "",
    of_another: bool = False,
) -> Command:
    return Command(
        package="awscli",
        name=f"`fleet --command-id` {name}",
        result=result,
        instances=instances,
        hosts=len(instances) if hosts is None else hosts,
        code=code,
        says=says,
        with_inventory=with_inventory,
        denies=denies,
        of_another=of_another,
    )


_WELL: Final = instance()
_ILL: Final = instance(SICK)
_WORDS: Final = "A line that is not the record's.\n" * 70
COMMANDS: Final = (
    command("of three instances where all is well", "ok", *[_WELL] * 3, says="all of 3 hosts ok"),
    command(
        "reads the whole output where the list cuts it",
        "ok",
        *(_WELL, instance(before=_WORDS)),
        says="all of 2 hosts ok",
    ),
    command(
        "heard from each instance that `describe-instances` lists",
        "ok",
        *[_WELL] * 3,
        says="all of 3 hosts ok",
        with_inventory=True,
    ),
    command(
        "of three instances, two of them ill", "critical", *(_WELL, _ILL, _ILL), says="2 critical of 3 hosts", code=2
    ),
    command(
        "misses an instance that `describe-instances` lists",
        "exit code 3: 1 host not heard from",
        *(_WELL, _WELL, instance(tag="another")),
        says="all of 2 hosts ok; 1 host not heard from",
        hosts=2,
        code=3,
        with_inventory=True,
    ),
    command(
        "of an instance on which it has not ended yet",
        "exit code 3: 1 file could not be read",
        *(_WELL, {**_WELL, "status": "InProgress", "output": ""}),
        says="all of 1 host ok; 1 file or line could not be read",
        hosts=1,
        code=3,
    ),
    command(
        "of a document that prints no record",
        "exit code 3: no step of this command prints a record",
        {**_WELL, "output": "OK\n"},
        says="no step of this command prints a record",
        hosts=0,
        code=3,
    ),
    command(
        "as a user who may not list what a command left",
        "exit code 3: 403",
        _WELL,
        # moto refuses with XML, which clients of a JSON protocol cannot read, so the SDK shows the HTTP status instead
        # of an error code.
        says="Systems Manager refuses ListCommandInvocations: 403",
        hosts=0,
        code=3,
        denies="ssm:List*",
    ),
    command(
        "of a command that was never sent",
        "exit code 3: InvalidCommandId",
        _WELL,
        says="Systems Manager refuses ListCommandInvocations: InvalidCommandId",
        hosts=0,
        code=3,
        of_another=True,
    ),
)
SETUPS: Final = (*AGENTS, *COMMANDS)


def operator(built: World, setup: Command) -> dict[str, Any]:
    """A policy with the permissions that the program lists for `fleet`, and those for sending a command."""
    sends = ("ssm:CreateDocument", "ssm:SendCommand", "ec2:DescribeInstances")
    denied = [{**EVERYTHING, "Effect": "Deny", "Action": setup.denies}] if setup.denies else []
    own = aws.own_policy(built, "fleet")["Statement"]
    return aws.policy_of(*own, {**EVERYTHING, "Action": list(sends)}, *denied)


def sent(built: World) -> dict[str, Any]:
    """Send a command with the AWS CLI, as docs/fleet.md shows it. Returns the answer."""
    named = ("--document-type", "Command", "--document-format", "YAML", "--content", f"file://{_DOCUMENT}")
    created = json.loads(aws.cli(built, "ssm", "create-document", "--name", "backuplink-check", *named) or "")
    parameters = {row["Name"] for row in created["DocumentDescription"]["Parameters"]}
    assert {"RandomDelay", "Report", "RecordsBucket"} <= parameters
    to = ("--targets", "Key=tag:backuplink,Values=check", "--parameters", "RandomDelay=300,Report=json")
    answer = json.loads(aws.cli(built, "ssm", "send-command", "--document-name", "backuplink-check", *to) or "")
    document: dict[str, Any] = answer["Command"]
    assert document["Parameters"] == {"RandomDelay": ["300"], "Report": ["json"]}
    return document


@pytest.mark.parametrize("setup", COMMANDS, ids=str, indirect=True)
def test_a_fleet_is_what_the_cli_lists_of_a_command(setup: Command, tmp_path: Path) -> None:
    toml = f"""
        summary = "Run Command"
        {aws.names_at(_NAMES, aws.ADDRESS)}
        [credentials]
        access_key_id = "{KEY_ID}"
        secret_key = "{SECRET_KEY}"
        [expect]
        status = "ok"
        path = "private"
        findings = []
    """
    with world("ssm", toml, tmp_path, places=[aws.PLACE]) as built:
        aws.start_account(built, names=_NAMES, policy=operator(built, setup), instances=setup.instances)
        document = sent(built)
        own, region = document["CommandId"], ("--region", REGION)
        asked = own.translate(str.maketrans("0123456789abcdef", "123456789abcdef0")) if setup.of_another else own
        words = ["fleet", "--command-id", asked, *region, "--format", "json"]
        if setup.with_inventory:
            words += ["--inventory", str(built.write("all.json", aws.cli(built, "ec2", "describe-instances") or ""))]
        ended = aws.backuplink(built, *words)
        fleet = json.loads(ended.stdout)
        assert setup.says in fleet["verdict"]["summary"]
        assert (ended.returncode, fleet["totals"]["hosts"]) == (setup.code, setup.hosts)
        by_cli = aws.cli(built, "ssm", "list-command-invocations", "--command-id", asked, "--details")
        assert (by_cli is not None) is not (bool(setup.denies) or setup.of_another)
        if by_cli is None:
            return
        listed = {row["InstanceId"]: row["Status"] for row in json.loads(by_cli)["CommandInvocations"]}
        assert set(listed) == set(document["InstanceIds"])
        assert len(listed) == sum(row["tag"] == "check" for row in setup.instances)
        for instance_id in listed:
            of_one = ("--command-id", asked, "--instance-id", instance_id)
            whole = json.loads(aws.cli(built, "ssm", "get-command-invocation", *of_one) or "")
            records = [json.loads(line) for line in whole["StandardOutputContent"].splitlines() if line[:1] == "{"]
            assert [each["host"] for each in records] == [instance_id] * len(records)
        ill = sum(status == "Failed" for status in listed.values())
        assert fleet["totals"]["critical"] == ill
