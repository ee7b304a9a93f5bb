"""`python account.py FILE` serves one AWS account with moto's server. FILE contains an `Account` as JSON.

It serves https at an address, with a certificate for its names, and answers as AWS would answer a user with this key
and this policy: it refuses requests with a wrong signature or without permission. moto's Systems Manager does not run
commands, and lists neither associations nor a command's invocations with their results. This module builds these two
lists from moto's data.
"""

import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Final, TypedDict

import boto3.session
from botocore.awsrequest import AWSRequest
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.iam import access_control
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.ssm.models import Command
from moto.ssm.responses import SimpleSystemManagerResponse
from werkzeug.serving import make_server

from agent.simulated.certificates import server_context

_USER: Final = "operator"
_PORT: Final = 443


@dataclass(frozen=True, kw_only=True)
class Account:
    """The content of FILE."""

    address: str
    issuer: str
    """The issuer of the certificate (`agent.simulated.certificates`)."""
    names: list[str]
    """The names of the certificate; a name may contain a `*`."""
    key_id: str
    secret_key: str
    policy: dict[str, Any]
    """The IAM policy for these credentials."""
    buckets: dict[str, str]
    """The Region of each bucket, by the bucket's name."""
    objects: dict[str, str]
    """The text of each object, by `BUCKET/KEY`."""
    instances: list["Instance"]


class Instance(TypedDict):
    """An EC2 instance with the SSM Agent."""

    tag: str
    """The value of the instance's tag `backuplink`."""
    status: str
    """The status of a command on that instance."""
    output: str
    """The output of a command on that instance. INSTANCE stands for the id of the instance."""


_AGENTS: Final[dict[str, Instance]] = {}
"""Instances with an agent, by their ids."""
_LISTED: Final = 2_500
"""A list contains at most this many bytes of an output (Systems Manager API Reference, CommandPlugin)."""
_CUT: Final = "\n---Output truncated---"
_OF_MOTO: Final = Command.invocation_response


def _invocation(command: Command, instance_id: str, plugin_name: str) -> dict[str, Any]:
    """moto's invocation, completed with the result that the SSM Agent of the instance reports."""
    agent = _AGENTS[instance_id]
    return {
        **_OF_MOTO(command, instance_id, plugin_name),
        "Status": agent["status"],
        "StatusDetails": agent["status"],
        "StandardOutputContent": agent["output"].replace("INSTANCE", instance_id),
    }


def _list_associations(_: SimpleSystemManagerResponse) -> ActionResult:
    return ActionResult({"Associations": []})


def _list_command_invocations(asked: SimpleSystemManagerResponse) -> ActionResult:
    command = asked.ssm_backend.get_command_by_id(asked._get_param("CommandId"))
    return ActionResult({"CommandInvocations": [_listed(invocation) for invocation in command.invocations]})


def _listed(invocation: dict[str, Any]) -> dict[str, Any]:
    """An invocation as the list shows it if details are requested."""
    output = invocation["StandardOutputContent"]
    if len(output) > _LISTED:
        output = output[: _LISTED - len(_CUT)] + _CUT
    plugin = {"Name": invocation["PluginName"], "Output": output}
    status = {name: invocation[name] for name in ("Status", "StatusDetails")}
    names = ("CommandId", "InstanceId", "DocumentName")
    return {**{name: invocation[name] for name in names}, **status, "CommandPlugins": [{**plugin, **status}]}


class _Request(access_control.IAMRequest):
    """A request whose signature is verified against the data that the client sent. For GET, moto itself would also
    treat the parameters as a body.
    """

    def _create_aws_request(self) -> AWSRequest:
        if self._method == "GET":
            self._data = {}
        return super()._create_aws_request()


def main() -> None:
    account = Account(**json.loads(Path(sys.argv[1]).read_text("utf-8")))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # instead of a line for each request
    Command.invocation_response = _invocation  # type: ignore[assignment] # of a library
    SimpleSystemManagerResponse.list_associations = _list_associations  # type: ignore[attr-defined]
    SimpleSystemManagerResponse.list_command_invocations = _list_command_invocations  # type: ignore[attr-defined]
    app = DomainDispatcherApplication(create_backend_app)
    plain = make_server("127.0.0.1", 0, app, threaded=True)
    Thread(target=plain.serve_forever, daemon=True).start()
    session = boto3.session.Session("any", "any", region_name="eu-west-1")
    url = f"http://127.0.0.1:{plain.server_port}"
    iam = session.client("iam", endpoint_url=url)
    iam.create_user(UserName=_USER)
    iam.put_user_policy(UserName=_USER, PolicyName="own", PolicyDocument=json.dumps(account.policy))
    iam.create_access_key(UserName=_USER)
    (key,) = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].users[_USER].access_keys
    key.access_key_id, key.secret_access_key = account.key_id, account.secret_key
    session.client("backup", endpoint_url=url).create_backup_vault(BackupVaultName="vault")
    for name, region in account.buckets.items():
        s3 = session.client("s3", endpoint_url=url, region_name=region)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    for place, text in account.objects.items():
        name, _, key_of_object = place.partition("/")
        session.client("s3", endpoint_url=url).put_object(Bucket=name, Key=key_of_object, Body=text.encode())
    ec2 = session.client("ec2", endpoint_url=url)
    for instance in account.instances:
        tags = [{"Key": "backuplink", "Value": instance["tag"]}]
        (started,) = ec2.run_instances(
            ImageId="ami-0a1b2c3d4e5f67890",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )["Instances"]
        _AGENTS[started["InstanceId"]] = instance
    plain.shutdown()
    access_control.IAMRequest = _Request  # type: ignore[misc] # a class of a library
    ActionAuthenticatorMixin.set_initial_no_auth_action_count(0)(_serve)(account, app)


def _serve(account: Account, app: DomainDispatcherApplication) -> None:
    context = server_context(account.issuer, tuple(account.names))
    make_server(account.address, _PORT, app, threaded=True, ssl_context=context).serve_forever()


if __name__ == "__main__":
    main()
