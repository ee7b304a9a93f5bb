"""Read the data of an account that is not about a single VPC: its VPCs, the Regions that it can use, the accounts of
its organization, and the keys of a role. The reads for a VPC are in `probes.vpc.reads`.

Each function raises ProbeError, with AWS' own code if AWS refuses.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from probes.model import FailureKind, ProbeError
from probes.seams import Keys, Reader
from probes.vpc import parse
from probes.vpc.parse import Row

EC2: Final = "ec2"
STS: Final = "sts"
ORGANIZATIONS: Final = "organizations"
ACTIONS: Final = (
    "ec2:DescribeRegions",
    "ec2:DescribeVpcs",
    "organizations:ListAccounts",
    "sts:AssumeRole",
    "sts:GetCallerIdentity",
)
"""The IAM actions that all these functions need. GetCallerIdentity is never denied."""
MAX_PAGES: Final = 20
"""Maximum number of pages of the list of VPCs."""
MAX_ACCOUNT_PAGES: Final = 1_000
"""Maximum number of pages of the list of accounts. A page has 20 accounts or fewer, and may have none although others
follow (Organizations API Reference, ListAccounts)."""
SESSION_NAME: Final = "backuplink-audit"
ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]{0,16}:iam::(?P<account>[0-9]{12}):role/[\w+=,.@/-]{1,576}", re.ASCII)
"""The ARN of a role (IAM User Guide, IAM identifiers)."""
ROLE_NAME: Final = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_REGION: Final = re.compile(r"[a-z0-9-]{1,32}")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")


async def vpcs(reader: Reader, only: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the sorted ids of the VPCs in one Region that an account owns or participates in; with `only`, the ids in
    it that exist."""
    parameters: dict[str, Any] = {"MaxResults": 1000}
    if only:
        parameters["Filters"] = [{"Name": "vpc-id", "Values": list(only)}]
    rows = await _all(reader, EC2, "DescribeVpcs", parameters, "Vpcs")
    return tuple(sorted({parse.text(row, "VpcId", parse.VPC_ID) for row in rows}))


async def regions(reader: Reader) -> tuple[str, ...]:
    """Return the Regions that the account has not disabled, sorted."""
    answer = await reader.read(EC2, "DescribeRegions", {})
    return tuple(sorted({parse.text(row, "RegionName", _REGION) for row in parse.rows(answer, "Regions", needed=True)}))


async def account_of(reader: Reader) -> str:
    """Return the account of the reader's keys. This needs no permission."""
    return parse.text(await reader.read(STS, "GetCallerIdentity", {}), "Account", _ACCOUNT)


async def keys_of_role(reader: Reader, role_arn: str) -> Keys:
    """Return the keys of a role session, which last for an hour."""
    answer = await reader.read(STS, "AssumeRole", {"RoleArn": role_arn, "RoleSessionName": SESSION_NAME})
    held = parse.member(answer, "Credentials")
    values = [held.get(name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    if not all(isinstance(value, str) and value.isascii() and value.isprintable() and value for value in values):
        raise ProbeError(FailureKind.MALFORMED, "AssumeRole gives no keys")
    key_id, secret, token = map(str, values)
    return Keys(access_key_id=key_id, secret_key=secret, token=token)


async def accounts(reader: Reader) -> tuple[str, ...]:
    """Return the active accounts of the organization, sorted. Only the management account and delegated accounts of the
    organization can list them. `State` replaces `Status`, which AWS retires on 2026-09-09 (Organizations API Reference,
    Account)."""
    rows = await _all(reader, ORGANIZATIONS, "ListAccounts", {"MaxResults": 20}, "Accounts", most=MAX_ACCOUNT_PAGES)
    active = (row for row in rows if row.get("State", row.get("Status")) in (None, "ACTIVE"))
    return tuple(sorted({parse.text(row, "Id", _ACCOUNT) for row in active}))


async def _all(
    reader: Reader, service: str, operation: str, parameters: Row, key: str, *, most: int = MAX_PAGES
) -> list[Row]:
    """Return the rows of all pages. Raises ProbeError of kind `too-large` for more than `most` pages."""
    rows: list[Row] = []
    token: str | None = None
    for _ in range(most):
        answer = await reader.read(
            service, operation, parameters if token is None else {**parameters, "NextToken": token}
        )
        rows += parse.rows(answer, key, needed=True)
        token = answer.get("NextToken") or None
        if token is None:
            return rows
    raise ProbeError(FailureKind.TOO_LARGE, f"{operation} gives more than {most} pages")
