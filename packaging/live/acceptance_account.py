"""An account and a Region of AWS as an acceptance run uses them: calls, stacks, and commands on the host.

A step is a change to the network. A dry run prints it, and a run makes it. In the parameters of a step, names such as
`{Vpc}` stand for outputs of the run's stacks.
"""

import base64
import gzip
import json
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError

PREFIX: Final = "backuplink-acceptance"
"""The beginning of the names of stacks and of the bucket, and the key of the tag that everything gets."""
TAGS: Final = [{"Key": PREFIX, "Value": "true"}]
HERE: Final = Path(__file__).parent
_NAME: Final = re.compile(r"\{([A-Za-z0-9]+)\}")
_POLL: Final = 5.0
"""Seconds between two reads of a state that is about to change."""
_STACK_SECONDS: Final = 1_800.0
_COMMAND_SECONDS: Final = 600.0
_ONLINE_SECONDS: Final = 600.0
_CHUNK: Final = 20_000
"""Number of characters of a report that one command prints: GetCommandInvocation returns only the first 24,000."""
_RENAMED: Final = {"no-egress": "ingress"}
"""Options that have another name in the AWS CLI (awscli/customizations/argrename.py)."""
_OVER: Final = ("Success", "Cancelled", "TimedOut", "Failed", "Undeliverable", "Terminated")
"""States of a command that has ended (Systems Manager API Reference, GetCommandInvocation)."""


class AcceptanceError(Exception):
    """An acceptance run cannot go on; the reason is in words for the operator."""


class Account:
    """One Region of an account."""

    def __init__(
        self,
        session: botocore.session.Session,
        region: str,
        *,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.region = region
        self.say = say
        self.sleep = sleep
        self._session = session
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service, which is made only once."""
        if service not in self._clients:
            self._clients[service] = self._session.create_client(service, region_name=self.region)
        return self._clients[service]

    def call(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Make one call. Raises ClientError."""
        answer: Mapping[str, Any] = getattr(self.client(service), operation)(**parameters)
        return answer

    def rows(self, service: str, operation: str, key: str, **parameters: Any) -> list[Any]:
        """The rows of all pages of an answer. Raises ClientError."""
        pages = self.client(service).get_paginator(operation).paginate(**parameters)
        return [row for page in pages for row in page.get(key, ())]

    def waited(self, what: str, seconds: float, is_so: Callable[[], bool]) -> None:
        """Call `is_so` every few seconds until it returns True. Raises AcceptanceError after `seconds`."""
        for _ in range(int(seconds / _POLL) + 1):
            if is_so():
                return
            self.sleep(_POLL)
        raise AcceptanceError(f"this did not come true within {seconds:.0f} seconds: {what}")

    # --- Stacks ---

    def make_stack(self, name: str, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
        """Make a stack and wait for it. Returns its outputs. Raises AcceptanceError."""
        self.call(
            "cloudformation",
            "create_stack",
            StackName=stack_name(name),
            TemplateBody=template.read_text("utf-8"),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
            Tags=TAGS,
            OnFailure="DO_NOTHING",
        )
        stack: Mapping[str, Any] = {}

        def is_made() -> bool:
            nonlocal stack
            stack = self.call("cloudformation", "describe_stacks", StackName=stack_name(name))["Stacks"][0]
            return not stack["StackStatus"].endswith("_IN_PROGRESS")

        self.waited(f"the stack {stack_name(name)} is made", _STACK_SECONDS, is_made)
        if stack["StackStatus"] != "CREATE_COMPLETE":
            reasons = "; ".join(self._reasons(name)) or stack.get("StackStatusReason", "")
            raise AcceptanceError(f"the stack {stack_name(name)} is {stack['StackStatus']}: {reasons}")
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}

    def _reasons(self, name: str) -> Iterator[str]:
        for event in self.rows("cloudformation", "describe_stack_events", "StackEvents", StackName=stack_name(name)):
            if event["ResourceStatus"].endswith("_FAILED"):
                yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"

    def stacks(self) -> dict[str, str]:
        """The existing stacks of acceptance runs, and their states."""
        return {
            stack["StackName"]: stack["StackStatus"]
            for stack in self.rows("cloudformation", "describe_stacks", "Stacks")
            if stack["StackName"].startswith(f"{PREFIX}-") and stack["StackStatus"] != "DELETE_COMPLETE"
        }

    def remove_stack(self, name: str) -> None:
        """Delete a stack, if it exists, and wait until it is gone. Raises AcceptanceError."""
        full = stack_name(name)
        if full not in self.stacks():
            return
        self.call("cloudformation", "delete_stack", StackName=full)
        state = ""

        def is_over() -> bool:
            nonlocal state
            state = self.stacks().get(full, "")
            return not state.endswith("_IN_PROGRESS")

        self.waited(f"the stack {full} is deleted", _STACK_SECONDS, is_over)
        if state:
            raise AcceptanceError(
                f"the stack {full} could not be deleted, it is {state}: {'; '.join(self._reasons(name))}"
            )

    # --- The bucket ---

    def bucket(self, account_id: str) -> str:
        """The name of the bucket, which differs for each account and Region."""
        return f"{PREFIX}-{account_id}-{self.region}"

    def make_bucket(self, bucket: str, file: Path) -> None:
        """Make the bucket, and upload the file into it."""
        place = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.call("s3", "create_bucket", Bucket=bucket, **place)
        self.call("s3", "put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": TAGS})
        with file.open("rb") as body:
            self.call("s3", "put_object", Bucket=bucket, Key="backuplink", Body=body)

    def has_bucket(self, bucket: str) -> bool:
        """Whether the bucket exists."""
        return bucket in {row["Name"] for row in self.call("s3", "list_buckets")["Buckets"]}

    def remove_bucket(self, bucket: str) -> None:
        """Empty and delete the bucket, if it exists."""
        if not self.has_bucket(bucket):
            return
        for row in self.rows("s3", "list_objects_v2", "Contents", Bucket=bucket):
            self.call("s3", "delete_object", Bucket=bucket, Key=row["Key"])
        self.call("s3", "delete_bucket", Bucket=bucket)


def stack_name(name: str) -> str:
    """The whole name of a stack of the run."""
    return f"{PREFIX}-{name}"


# --- Steps -----------------------------------------------------------------------------------------------------------


class Step(Protocol):
    """A change that a run makes to the network."""

    def words(self) -> list[str]:
        """The calls of the step, as commands of the AWS CLI."""

    def run(self, account: Account, names: Mapping[str, str]) -> None:
        """Make the step. Raises ClientError and AcceptanceError."""


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """A parameter, with the names of outputs replaced by their values."""
    if isinstance(value, str):
        return _NAME.sub(lambda match: names[match[1]], value)
    if isinstance(value, Mapping):
        return {key: filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    return value


def command(service: str, operation: str, parameters: Mapping[str, Any]) -> str:
    """The command of the AWS CLI that makes a call."""
    words = ["aws", service, operation.replace("_", "-")]
    for name, value in parameters.items():
        option = xform_name(name, "-")
        if isinstance(value, bool):
            option = option if value else f"no-{option}"
            words.append(f"--{_RENAMED.get(option, option)}")
        else:
            words += [f"--{option}", value if isinstance(value, str) else json.dumps(value)]
    return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API of AWS."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    already: frozenset[str] = frozenset()
    """Codes of errors which mean that the change was already made."""

    def words(self) -> list[str]:
        return [command(self.service, self.operation, self.parameters)]

    def run(self, account: Account, names: Mapping[str, str]) -> None:
        try:
            account.call(self.service, self.operation, **filled(dict(self.parameters), names))
        except ClientError as error:
            if error.response["Error"]["Code"] not in self.already:
                raise


@dataclass(frozen=True, slots=True)
class OwnAcl:
    """Give subnets a network ACL with these entries in place of the default ACL."""

    subnets: tuple[str, ...]
    entries: tuple[Mapping[str, Any], ...]

    def words(self) -> list[str]:
        return [
            command("ec2", "create_network_acl", {"VpcId": "{Vpc}"}),
            *(command("ec2", "create_network_acl_entry", {"NetworkAclId": "ACL", **entry}) for entry in self.entries),
            *(
                command(
                    "ec2", "replace_network_acl_association", {"AssociationId": f"OF {subnet}", "NetworkAclId": "ACL"}
                )
                for subnet in self.subnets
            ),
        ]

    def run(self, account: Account, names: Mapping[str, str]) -> None:
        tags = [{"ResourceType": "network-acl", "Tags": TAGS}]
        made = account.call("ec2", "create_network_acl", VpcId=names["Vpc"], TagSpecifications=tags)
        acl_id = made["NetworkAcl"]["NetworkAclId"]
        for entry in self.entries:
            account.call("ec2", "create_network_acl_entry", NetworkAclId=acl_id, **entry)
        ids = {filled(subnet, names) for subnet in self.subnets}
        for acl in acls_of(account, names["Vpc"]):
            for association in acl["Associations"]:
                if association["SubnetId"] in ids:
                    _put(account, association, acl_id)


@dataclass(frozen=True, slots=True)
class DefaultAcl:
    """Give all subnets the default network ACL again, and delete the other ACLs."""

    def words(self) -> list[str]:
        return [
            command("ec2", "replace_network_acl_association", {"AssociationId": "EACH", "NetworkAclId": "DEFAULT"}),
            command("ec2", "delete_network_acl", {"NetworkAclId": "ACL"}),
        ]

    def run(self, account: Account, names: Mapping[str, str]) -> None:
        acls = acls_of(account, names["Vpc"])
        (default,) = (acl["NetworkAclId"] for acl in acls if acl["IsDefault"])
        for acl in acls:
            if acl["IsDefault"]:
                continue
            for association in acl["Associations"]:
                _put(account, association, default)
            account.call("ec2", "delete_network_acl", NetworkAclId=acl["NetworkAclId"])


def acls_of(account: Account, vpc_id: str) -> list[Any]:
    """The network ACLs of a VPC."""
    return account.rows("ec2", "describe_network_acls", "NetworkAcls", Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])


def _put(account: Account, association: Mapping[str, Any], acl_id: str) -> None:
    account.call(
        "ec2",
        "replace_network_acl_association",
        AssociationId=association["NetworkAclAssociationId"],
        NetworkAclId=acl_id,
    )


@dataclass(frozen=True, slots=True)
class Stack:
    """Make a stack that belongs to the run."""

    name: str
    template: Path
    parameters: Mapping[str, str] = field(default_factory=dict)

    def words(self) -> list[str]:
        given = [f"{key}={value}" for key, value in self.parameters.items()]
        words = ["aws", "cloudformation", "deploy", "--stack-name", stack_name(self.name)]
        words += ["--template-file", self.template.name, "--capabilities", "CAPABILITY_IAM"]
        return [shlex.join([*words, *(["--parameter-overrides", *given] if given else [])])]

    def run(self, account: Account, names: Mapping[str, str]) -> None:
        self.made(account, names)

    def made(self, account: Account, names: Mapping[str, str]) -> dict[str, str]:
        """Make the stack. Returns its outputs. Raises AcceptanceError."""
        return account.make_stack(self.name, self.template, filled(dict(self.parameters), names))


@dataclass(frozen=True, slots=True)
class NoStack:
    """Delete a stack of the run."""

    name: str

    def words(self) -> list[str]:
        return [command("cloudformation", "delete_stack", {"StackName": stack_name(self.name)})]

    def run(self, account: Account, names: Mapping[str, str]) -> None:
        account.remove_stack(self.name)


# --- The host --------------------------------------------------------------------------------------------------------


class Host:
    """The instance. Run Command of Systems Manager runs scripts on it."""

    folder = "/opt/backuplink-acceptance"
    """The folder on the host with the program and the reports."""

    def __init__(self, account: Account, instance_id: str) -> None:
        self.account = account
        self.instance_id = instance_id

    def wait_until_online(self) -> None:
        """Wait until Systems Manager reaches the host. If it does not within ten minutes, EC2 restarts the host once.
        Raises AcceptanceError."""
        for is_last in (False, True):
            try:
                self.account.waited("Systems Manager reaches the host", _ONLINE_SECONDS, self._is_online)
            except AcceptanceError:
                if is_last:
                    raise
                self.account.say("Systems Manager does not reach the host: it is restarted")
                self.account.call("ec2", "reboot_instances", InstanceIds=[self.instance_id])
            else:
                return

    def _is_online(self) -> bool:
        rows = self.account.call(
            "ssm",
            "describe_instance_information",
            Filters=[{"Key": "InstanceIds", "Values": [self.instance_id]}],
        )["InstanceInformationList"]
        return any(row["PingStatus"] == "Online" for row in rows)

    def shell(self, script: str) -> str:
        """Run a script on the host as root. Returns what it prints. Raises AcceptanceError if it fails."""
        sent = self.account.call(
            "ssm",
            "send_command",
            DocumentName="AWS-RunShellScript",
            InstanceIds=[self.instance_id],
            Parameters={"commands": script.splitlines(), "executionTimeout": [f"{_COMMAND_SECONDS:.0f}"]},
        )
        command_id = sent["Command"]["CommandId"]
        invocation: Mapping[str, Any] = {}

        def is_over() -> bool:
            nonlocal invocation
            try:
                invocation = self.account.call(
                    "ssm", "get_command_invocation", CommandId=command_id, InstanceId=self.instance_id
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvocationDoesNotExist":  # not yet
                    raise
                return False
            return invocation["Status"] in _OVER

        self.account.waited(f"the command {command_id} ends", _COMMAND_SECONDS, is_over)
        if invocation["Status"] != "Success":
            words = invocation.get("StandardErrorContent", "").strip() or invocation.get("StandardOutputContent", "")
            raise AcceptanceError(f"a command on the host ended with {invocation['Status']}: {words.strip()}")
        return str(invocation["StandardOutputContent"])

    def install(self, bucket: str) -> str:
        """Fetch the one file from the bucket. Returns its version."""
        return self.shell(
            f"""set -eu
mkdir -p {self.folder}
cd {self.folder}
aws s3 cp --only-show-errors --region {self.account.region} s3://{bucket}/backuplink backuplink
chmod 755 backuplink
BACKUPLINK_HOME=$PWD/home ./backuplink --version"""
        ).strip()

    def check(self, name: str, services: Sequence[str], before: str) -> bytes:
        """Make a check at once. Returns its report."""
        self.shell(self._script(name, services, before))
        return self.report(name)

    def check_later(self, name: str, services: Sequence[str], before: str, seconds: int) -> None:
        """Let the host make a check by itself, after this number of seconds. The host need not be reachable at that
        time."""
        script = shlex.quote(self._script(name, services, before))
        self.shell(
            f"systemd-run --quiet --collect --unit=backuplink-{name}-{seconds} --on-active={seconds} "
            f"--timer-property=AccuracySec=1s /bin/sh -c {script}"
        )

    def _script(self, name: str, services: Sequence[str], before: str) -> str:
        asked = " ".join(f"--service {service}" for service in services)
        return f"""set -u
cd {self.folder} || exit 1
rm -f {name}.json
{before}
BACKUPLINK_HOME=$PWD/home ./backuplink check --region {self.account.region} {asked} --ec2 auto \\
    --format json --fail-on never >{name}.part
mv {name}.part {name}.json"""

    def report(self, name: str) -> bytes:
        """Fetch the report of an earlier check, with several commands if it is long. Raises AcceptanceError if there is
        no report."""
        text, length = "", 1
        while len(text) < length:
            packed = f"gzip -9 -n -c {name}.json | base64 | tr -d '\\n'"
            printed = self.shell(
                f"""set -eu
cd {self.folder}
[ -s {name}.json ]
{packed} | wc -c
{packed} | tail -c +{len(text) + 1} | head -c {_CHUNK}"""
            )
            count, _, chunk = printed.partition("\n")
            if not count.strip().isdigit() or not chunk.strip():
                raise AcceptanceError(f"the host has no report of the check {name}")
            text, length = text + chunk.strip(), int(count)
        return gzip.decompress(base64.b64decode(text))
