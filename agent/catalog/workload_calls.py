"""The calls that each workload makes to each service, as IAM names them, each with its source.

The calls of an API caller depend on the program. IAM has no names for the calls that the appliance of Backup gateway
signs. backuplink's own call stands for both, since both also need it (`Service.call_is_own`).
"""

from collections.abc import Container
from typing import Final

from agent.settings import Workload
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadCalls:
    """A row of WORKLOAD_CALLS."""

    workload: Workload
    service: str
    actions: tuple[str, ...]
    source: str
    """The title of the page, and the words on the page that are the proof."""


_CORE: Final = "AmazonSSMManagedInstanceCore (AWS Managed Policy Reference)"
_AGENT: Final = (
    "ssm:UpdateInstanceInformation",
    "ssm:ListAssociations",
    "ssm:ListInstanceAssociations",
    "ssm:GetDocument",
    "ssm:DescribeDocument",
    "ssm:DescribeAssociation",
    "ssm:UpdateAssociationStatus",
    "ssm:UpdateInstanceAssociationStatus",
)
"""Calls for registration, heartbeat and associations. Calls for inventory, compliance, patches and packages are left
out."""
_CHANNELS: Final = (
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
_MESSAGES: Final = (
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
)
WORKLOAD_CALLS: Final = (
    WorkloadCalls(
        workload=Workload.HANA,
        service="backup-storage",
        actions=(
            "backup-storage:StartObject",
            "backup-storage:PutChunk",
            "backup-storage:GetChunk",
            "backup-storage:ListChunks",
            "backup-storage:ListObjects",
            "backup-storage:GetObjectMetadata",
            "backup-storage:NotifyObjectComplete",
        ),
        source="AWSBackupDataTransferAccess (AWS Backup Developer Guide, Managed policies: as of November 20, 2022)",
    ),
    WorkloadCalls(
        workload=Workload.HANA,
        service="secretsmanager",
        actions=("secretsmanager:GetSecretValue",),
        source="Set up required permissions (Systems Manager for SAP User Guide: the secret of the HANA user)",
    ),
    WorkloadCalls(
        workload=Workload.HANA,
        service="ssm-sap",
        actions=("ssm-sap:RegisterApplication",),
        source="Troubleshoot SSM for SAP (Systems Manager for SAP User Guide: whoever registers calls it)",
    ),
    WorkloadCalls(workload=Workload.HANA, service="ssm", actions=_AGENT, source=_CORE),
    WorkloadCalls(workload=Workload.HANA, service="ssmmessages", actions=_CHANNELS, source=_CORE),
    WorkloadCalls(
        workload=Workload.HANA,
        service="s3",
        actions=("s3:ListBucket", "s3:GetObject", "s3:PutObject"),
        source="AWS Backint Agent for SAP HANA prerequisites (SAP HANA on AWS Guides: the agent's policy)",
    ),
    WorkloadCalls(workload=Workload.SSM, service="ssm", actions=_AGENT, source=_CORE),
    WorkloadCalls(workload=Workload.SSM, service="ssmmessages", actions=_CHANNELS, source=_CORE),
    WorkloadCalls(workload=Workload.SSM, service="ec2messages", actions=_MESSAGES, source=_CORE),
)


def calls_of(workloads: Container[Workload], service: str) -> tuple[str, ...]:
    """The actions of a service that these workloads call, each once; empty if the actions depend on the program."""
    rows = (row for row in WORKLOAD_CALLS if row.workload in workloads and row.service == service)
    return tuple(dict.fromkeys(action for row in rows for action in row.actions))
