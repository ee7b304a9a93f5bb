"""The least-privilege IAM policy for each part of a run, from the tables that the parts themselves use.

Source of the resources: Service Authorization Reference, Actions, resources, and condition keys for AWS Backup, for AWS
Backup Gateway, for Amazon EC2, for Amazon Route 53 and for Amazon Route 53 Resolver.
"""

import json
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, Final

from agent.app.errors import RequestError
from agent.catalog.hosts import ServiceEndpoint
from agent.catalog.service import JOBS_PERMISSIONS, CallPermission
from agent.catalog.services import SERVICES
from agent.fleet.athena import LINES_PREFIX, PACKED_PREFIX
from agent.report.codec import dumps
from probes.frozen import dataclass
from probes.vpc.model import READS

SCHEMA: Final = "backuplink.permissions.v1"
_WIDTH: Final = 80
EVERYTHING: Final = "*"
"""The resource in permissions for actions that cannot be limited to certain resources, or that read lists which AWS
itself owns."""


OWN_BUCKETS: Final = {"StringEquals": {"s3:ResourceAccount": "${aws:PrincipalAccount}"}}
"""The condition that a bucket belongs to the caller's account. Without it, another account could take the name of a
deleted bucket."""
_LISTS: Final = ("ec2:DescribeRegions", "ec2:DescribeVpcs")
AUDIT_ROLE: Final = "backuplink-audit"
"""Name of the role in each account, as in the guide and the template of the fleet (packaging/fleet)."""
CHECK_DOCUMENT: Final = "backuplink-check"
"""Name of the Command document that the runbook sends (packaging/fleet)."""
_ASKED_BY_RUNBOOK: Final = (
    "ec2:DescribeInstances",
    "ec2:DescribeVpcEndpoints",
    "ssm:DescribeInstanceInformation",
    "ssm:GetCommandInvocation",
    "ssm:ListCommands",
)
"""Actions of the runbook that cannot be limited to certain resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a run, with the permissions that it needs."""

    part: str
    words: str
    policy: Mapping[str, Any] | None
    """An IAM policy document, or the trust policy of a role. None if the part needs no policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """The permissions of the parts of a run, in a Region. If the Region is None, in any Region of a partition."""

    region: str | None
    partition: str
    parts: tuple[Part, ...]


def permissions(
    endpoints: Iterable[ServiceEndpoint], *, region: str | None, bucket_service: str | None = None
) -> Permissions:
    """Return the permissions that a run over these endpoints needs. All endpoints are of one partition. With
    `bucket_service`, the permissions include the call to a bucket of this service, since a workload may use a
    bucket."""
    listed = tuple(endpoints)
    partition = listed[0].partition
    offered = tuple(dict.fromkeys(endpoint.service for endpoint in listed if endpoint.offered is not False))
    needed = [permission for service in offered if (permission := SERVICES[service].permission) is not None]
    calls = ", ".join(permission.action for permission in needed) or (
        "none: these services have no call without side effects" if offered else "none: no service is offered there"
    )
    bucket = None if bucket_service is None else SERVICES[bucket_service].bucket_permission
    return Permissions(
        region=region,
        partition=partition,
        parts=(
            Part(
                part="path",
                words="Names, TCP, TLS and HTTP (--calls none --ec2 never): no permission, and no credentials.",
                policy=None,
            ),
            Part(
                part="api",
                words=f"One signed call at each address (--calls each): {calls}.",
                policy=_policy(_call(permission, partition, region) for permission in needed if permission.is_needed),
            ),
            *([] if bucket is None else [_bucket_part(bucket, partition, region)]),
            *(
                [
                    Part(
                        part="jobs",
                        words="The jobs of the last 24 hours (--jobs): up to twelve signed calls in all.",
                        policy=_policy([_statement((permission.action for permission in JOBS_PERMISSIONS), "*")]),
                    )
                ]
                if any(SERVICES[service].lists_jobs for service in offered)
                else []
            ),
            Part(
                part="ec2",
                words="Reads of the configuration (--ec2 auto or always; backuplink facts and predict): each missing "
                "action leaves a part of the configuration unknown. A verdict needs these reads only for an endpoint "
                "that is named by its id alone.",
                policy=_policy([_statement(_actions_of_reads(), EVERYTHING)]),
            ),
            Part(
                part="audit",
                words="What backuplink audit needs in an account that it reads: its own account, or the account of a "
                "role that it assumes. Such a role has this policy, and the trust policy of the part audit-trust.",
                policy=_policy([_statement(_of_audit(), EVERYTHING)]),
            ),
            Part(
                part="audit-organization",
                words="What backuplink audit --organization-role needs in the organization's management account, or in "
                "a delegated administrator account: it lists the accounts, assumes the role in each, and reads its own "
                f"account. Replace {AUDIT_ROLE} by the name of your role. With --role-arn it needs no list of "
                "accounts, and assumes only the roles that you name.",
                policy=_policy(
                    [
                        _statement((*_of_audit(), "organizations:ListAccounts"), EVERYTHING),
                        _statement(("sts:AssumeRole",), f"arn:{partition}:iam::*:role/{AUDIT_ROLE}"),
                    ]
                ),
            ),
            Part(
                part="audit-trust",
                words="The trust policy of the role in each account, which says who may assume it. Replace <ACCOUNT> "
                "by the account that audits, and <ROLE> by the role that audits there.",
                policy=_trust(partition),
            ),
            Part(
                part="record",
                words="What a host needs for backuplink fleet put. Replace the first * by the bucket and the prefix, "
                "and the second * by the hosts' account. For a bucket of another account, name that account in the "
                "condition. With a KMS key the host also needs kms:GenerateDataKey.",
                policy=_policy(
                    [_bucket_statement(("s3:PutObject",), f"arn:{partition}:s3:::*/{LINES_PREFIX}/account=*/*")]
                ),
            ),
            Part(
                part="fleet",
                words="What backuplink fleet needs to read a bucket or Run Command (--command-id), and what fleet pack "
                "needs to write. In each resource, replace the first * by your bucket. If another account owns "
                "the bucket, name that account in the conditions.",
                policy=_policy(
                    [
                        _bucket_statement(("s3:ListBucket",), f"arn:{partition}:s3:::*"),
                        _bucket_statement(("s3:GetObject",), f"arn:{partition}:s3:::*/*"),
                        _bucket_statement(("s3:PutObject",), f"arn:{partition}:s3:::*/{PACKED_PREFIX}/*"),
                        _statement(("ssm:GetCommandInvocation", "ssm:ListCommandInvocations"), EVERYTHING),
                    ]
                ),
            ),
            Part(
                part="runbook",
                words="What the role of backuplink-runbook needs, the runbook that checks an instance from the console "
                "of Systems Manager. Name your account in the resources, and replace the last * by the instances that "
                "the runbook may check.",
                policy=_policy(_of_runbook(partition, region)),
            ),
        ),
    )


def _of_audit() -> tuple[str, ...]:
    """Return the actions that read EC2, and those that list VPCs and Regions."""
    return tuple(sorted({*_actions_of_reads(), *_LISTS}))


def _trust(partition: str) -> dict[str, Any]:
    account = f"arn:{partition}:iam::<ACCOUNT>"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"{account}:root"},
        "Action": ["sts:AssumeRole"],
        # Without this condition, every principal of the account that may assume roles would be trusted.
        "Condition": {"ArnEquals": {"aws:PrincipalArn": f"{account}:role/<ROLE>"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _of_runbook(partition: str, region: str | None) -> tuple[dict[str, Any], ...]:
    place = f"{region or '*'}:*"
    sent_to = [
        f"arn:{partition}:ssm:{place}:document/{CHECK_DOCUMENT}",
        f"arn:{partition}:ec2:{place}:instance/*",
    ]
    return (
        _statement(_ASKED_BY_RUNBOOK, EVERYTHING),
        _statement(("ssm:GetAutomationExecution",), f"arn:{partition}:ssm:{place}:automation-execution/*"),
        _statement(("ssm:SendCommand",), sent_to),
    )


def _bucket_part(permission: CallPermission, partition: str, region: str | None) -> Part:
    return Part(
        part="bucket",
        words=f"If the Backint agent sends its data to a bucket, HeadBucket at each address: {permission.action}, "
        "which the agent's own policy has. Replace the last * by your bucket.",
        policy=_policy([_call(permission, partition, region)]),
    )


def _actions_of_reads() -> tuple[str, ...]:
    return tuple(sorted({action for read in READS.values() for action in read.actions}))


def _call(permission: CallPermission, partition: str, region: str | None) -> dict[str, Any]:
    resource = permission.resource.format(partition=partition, region=region or "*", account="*", bucket="*")
    return _statement((permission.action,), resource)


def _statement(actions: Iterable[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def _bucket_statement(actions: Iterable[str], resource: str) -> dict[str, Any]:
    return _statement(actions, resource) | {"Condition": OWN_BUCKETS}


def _policy(statements: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    listed = list(statements)
    return {"Version": "2012-10-17", "Statement": listed} if listed else None


def policy_alone(table: Permissions, name: str) -> str:
    """Return the policy of one part as JSON for IAM. Raises RequestError if there is no such policy."""
    parts = {part.part: part.policy for part in table.parts}
    if name not in parts:
        raise RequestError(f"This run has no part {name}; it has {', '.join(parts)}")
    if parts[name] is None:
        raise RequestError(f"The part {name} needs no permission")
    return dumps(parts[name])


def as_json(table: Permissions) -> str:
    """Return the permissions as one JSON object."""
    return dumps(
        {
            "schema": SCHEMA,
            "region": table.region,
            "partition": table.partition,
            "parts": [{"part": part.part, "words": part.words, "policy": part.policy} for part in table.parts],
        }
    )


def as_text(table: Permissions) -> str:
    """Return the permissions as text for a person: each part in words, with a policy document to copy."""
    where = f"in {table.region} ({table.partition})" if table.region else f"in all Regions of {table.partition}"
    blocks = [f"Least permissions of a run {where}\n"]
    for part in table.parts:
        document = "" if part.policy is None else f"{json.dumps(part.policy, indent=2)}\n"
        words = textwrap.fill(f"{part.part}: {part.words}", _WIDTH, break_on_hyphens=False)
        blocks.append(f"{words}\n{document}")
    return "\n".join(blocks)
