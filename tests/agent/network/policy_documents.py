"""Endpoint policies, and their decision about one call. The table has all cases that `network.endpoint_policy`
distinguishes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from agent.network.endpoint_policy.call import Call
from agent.network.endpoint_policy.judgement import Decision
from probes.vpc.model import MAX_POLICY_CHARACTERS

ACCOUNT: Final = "111122223333"
OTHER: Final = "444455556666"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/BackupRole"
SESSION: Final = f"arn:aws:sts::{ACCOUNT}:assumed-role/BackupRole/i-0123456789abcdef0"
JOHN: Final = f"arn:aws:iam::{ACCOUNT}:user/team/John"
VAULTS: Final = f"arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:"

LIST: Final = Call(action="backup:ListBackupVaults", resource="*", principal_arn=SESSION)
OF_A_KIND: Final = replace(LIST, resource=f"{VAULTS}*")
"""A call about all resources of one kind, whose ARN ends in a wildcard."""
TYPES: Final = replace(LIST, action="backup:GetSupportedResourceTypes", resource="*")
GATEWAYS: Final = replace(LIST, action="backup-gateway:ListGateways", resource="*")
VAULT: Final = replace(LIST, action="backup:DescribeBackupVault", resource=f"{VAULTS}prod")
USER: Final = replace(LIST, principal_arn=JOHN)
ROOT: Final = replace(LIST, principal_arn=f"arn:aws:iam::{ACCOUNT}:root")
FEDERATED: Final = replace(LIST, principal_arn=f"arn:aws:sts::{ACCOUNT}:federated-user/Jane")
UNKNOWN: Final = Call(action="backup:ListBackupVaults")
MEMBER: Final = replace(UNKNOWN, principal_account=ACCOUNT)
THROUGH: Final = replace(
    LIST, context={"aws:sourcevpce": "vpce-0a1b2c3d", "aws:sourcevpc": "vpc-0a1b2c3d", "aws:vpcsourceip": "10.0.3.5"}
)

_SCOPE: Final = (("Action", "*"), ("Principal", "*"), ("Resource", "*"))


def statement(effect: str, **elements: Any) -> dict[str, Any]:
    """A statement for all actions, resources and principals. These elements replace its own: an element that is None is
    left out, and an element NotX replaces X.
    """
    document: dict[str, Any] = {"Effect": effect}
    document |= {name: value for name, value in _SCOPE if f"Not{name}" not in elements}
    document |= elements
    return {name: value for name, value in document.items() if value is not None}


def allow(**elements: Any) -> dict[str, Any]:
    return statement("Allow", **elements)


def deny(**elements: Any) -> dict[str, Any]:
    return statement("Deny", **elements)


def when(operator: str, key: str, value: Any) -> dict[str, Any]:
    """The Condition with this one test."""
    return {operator: {key: value}}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A policy, a call, and the right decision."""

    id: str
    policy: str | Mapping[str, Any] | tuple[Mapping[str, Any], ...] | None
    """The text of the JSON, or the document, or the statements of the document."""
    decision: Decision
    call: Call = LIST
    statement: str | None = None
    element: str | None = None
    only_denies: bool = False

    @property
    def document(self) -> Any:
        """The policy as a document; None if it is text, or if there is no policy."""
        if self.policy is None or isinstance(self.policy, str):
            return None
        return {"Statement": list(self.policy)} if isinstance(self.policy, tuple) else self.policy

    @property
    def text(self) -> str | None:
        return self.policy if self.policy is None or isinstance(self.policy, str) else json.dumps(self.document)


def _allowed(name: str, *statements: Any, call: Call = LIST, by: str = "statement 1") -> Sample:
    return Sample(id=name, policy=statements, decision=Decision.ALLOW, call=call, statement=by)


def _denied(name: str, *statements: Any, call: Call = LIST, by: str = "statement 2") -> Sample:
    return Sample(id=name, policy=statements, decision=Decision.DENY, call=call, statement=by)


def _silent(name: str, *statements: Any, element: str, call: Call = LIST, by: str = "statement 1") -> Sample:
    return Sample(id=name, policy=statements, decision=Decision.NO_ALLOW, call=call, statement=by, element=element)


def _open(name: str, *statements: Any, element: str, call: Call = LIST, by: str = "statement 1") -> Sample:
    return Sample(id=name, policy=statements, decision=Decision.CANNOT_TELL, call=call, statement=by, element=element)


def _refused(name: str, policy: Any) -> Sample:
    return Sample(id=name, policy=policy, decision=Decision.CANNOT_TELL)


DEFAULT: Final = '{"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]}'
PRINCIPAL_ARN: Final = "aws:PrincipalArn"

_WHOLE: Final = (
    Sample(id="none attached", policy=None, decision=Decision.ALLOW),
    Sample(id="blank", policy=" \n", decision=Decision.ALLOW),
    Sample(id="the default", policy=DEFAULT, decision=Decision.ALLOW, statement="statement 1"),
    Sample(
        id="one statement, no list", policy={"Statement": allow()}, decision=Decision.ALLOW, statement="statement 1"
    ),
    Sample(
        id="version and id",
        policy={"Version": "2008-10-17", "Id": "any", "Statement": [allow(Sid="Everybody")]},
        decision=Decision.ALLOW,
        statement="Everybody",
    ),
    _allowed("a strange Sid is not shown", allow(Sid="\x1b[31m red"), by="statement 1"),
    Sample(
        id="AWS's own deny one account, other account",
        policy={"Statement": [deny(Principal={"AWS": OTHER}, Action="backup:*")]},
        decision=Decision.NO_ALLOW,
        only_denies=True,
    ),
    Sample(
        id="AWS's own deny one account, that account",
        policy={"Statement": [deny(Principal={"AWS": ACCOUNT}, Action="backup:*")]},
        decision=Decision.DENY,
        statement="statement 1",
        only_denies=True,
    ),
    Sample(
        id="a Deny alone that may fit",
        policy=(deny(Principal={"AWS": ROLE}),),
        decision=Decision.NO_ALLOW,
        only_denies=True,
    ),
    Sample(
        id="as long as AWS takes",
        policy=DEFAULT + " " * (MAX_POLICY_CHARACTERS - len(DEFAULT)),
        decision=Decision.ALLOW,
        statement="statement 1",
    ),
    _refused("one character too long", DEFAULT + " " * (MAX_POLICY_CHARACTERS + 1 - len(DEFAULT))),
    _refused("no JSON", "{Statement: []}"),
    _refused("not a number", '{"Statement": NaN}'),
    _refused("a huge number", "1" * 10_000),
    _refused("nested too deeply", "[" * 20_000),
    _refused("a list", "[]"),
    _refused("a name twice", DEFAULT.replace('"Effect"', '"Action": "*", "Effect"')),
    _refused("no Statement", "{}"),
    _refused("no statement in it", {"Statement": []}),
    _refused("a statement that is text", {"Statement": ["Allow"]}),
    _refused("unknown element beside Statement", {"Statement": [allow()], "Comment": "x"}),
    _refused("unknown version", {"Version": "2020-01-01", "Statement": [allow()]}),
    _refused("an id that is not text", {"Id": 1, "Statement": [allow()]}),
    _refused("unknown element of a statement", (allow(), deny(Actions="s3:*"))),
    _refused("an element in lower case", ({"effect": "Allow", "Action": "*"},)),
    _refused("unknown effect", (statement("ALLOW"),)),
    _refused("an effect that is a list", ({**allow(), "Effect": ["Allow"]},)),
    _refused("a Sid that is not text", (allow(Sid=1),)),
    _refused("both Action and NotAction", ({**allow(), "NotAction": "s3:*"},)),
    _refused("no action", (allow(Action=None),)),
    _refused("no principal", (allow(Principal=None),)),
    _refused("no resource", (allow(Resource=None),)),
    _refused("both resources", (allow(), {**deny(), "NotResource": "*"})),
    _refused("an action that is a number", (allow(Action=[1]),)),
    _refused("a resource that is an object", (allow(Resource={}),)),
    _refused("an account as a number", (allow(Principal={"AWS": int(ACCOUNT)}),)),
    _refused("a list of principals", (allow(Principal=["*"]),)),
    _refused("a condition that is a list", (allow(Condition=[]),)),
    _refused("an operator without an object", (allow(Condition={"Bool": "true"}),)),
)

_ACTIONS: Final = (
    _allowed("a service's actions", allow(Action="backup:*")),
    _allowed("in any case", allow(Action="BACKUP:listbackupVAULTS")),
    _allowed("one of a list", allow(Action=["s3:*", "backup:List*"])),
    _allowed("a question mark", allow(Action="backup:ListBackupVault?")),
    _allowed("all but another service's", allow(NotAction=["s3:*", "backup-gateway:*"])),
    _allowed("the second statement", allow(Action="s3:*"), allow(Action="backup:List*"), by="statement 2"),
    _allowed("gateway actions", allow(Action="backup-gateway:*"), call=GATEWAYS),
    _silent("a longer name", allow(Action="backup:ListBackupVaults?"), element="Action"),
    _silent("backup actions on a gateway call", allow(Action="backup:*"), call=GATEWAYS, element="Action"),
    _silent("gateway actions on a backup call", allow(Action="backup-gateway:*"), element="Action"),
    _silent("all but this service's", allow(NotAction="backup:*"), element="NotAction"),
    _silent("all but all", allow(NotAction="*"), element="NotAction"),
    _silent("many others", allow(Action=["a:B", "c:D", "e:F", "g:H"]), element="Action"),
    _silent(
        "the nearest of two",
        allow(Action="s3:*", Principal={"AWS": OTHER}),
        allow(Principal={"AWS": OTHER}),
        element="Principal",
        by="statement 2",
    ),
    _open("no prefix", allow(Action="List*"), element="Action"),
    _open("a wildcard in the prefix", allow(Action="back*:List*"), element="Action"),
    _open("a variable", allow(Action="backup:${x}"), element="Action"),
    _open("no actions", allow(Action=[]), element="Action"),
    _open("all but a strange one", allow(NotAction="back*:List*"), element="NotAction"),
    _open("a Deny of a strange one", allow(), deny(Action="Backup"), element="Action", by="statement 2"),
    _denied("a Deny of the action", allow(), deny(Action="backup:List*")),
    _denied("a Deny of all but others", allow(), deny(NotAction="s3:*")),
    _denied("a Deny after one of another action", allow(), deny(Action="s3:*"), deny(), by="statement 3"),
    _denied("a Deny before the Allow", deny(Action="backup:*"), allow(), by="statement 1"),
    _denied("a Deny by its Sid", allow(), deny(Sid="NoBackup"), by="NoBackup"),
    _allowed("a Deny of another action", allow(), deny(Action="backup:Delete*")),
    _allowed("a Deny of all but this", allow(), deny(NotAction="backup:*")),
)

_RESOURCES: Final = (
    _allowed("this vault", allow(Resource=f"{VAULTS}prod"), call=VAULT),
    _allowed("vaults that begin so", allow(Resource=[f"{VAULTS}x*", f"{VAULTS}pr?d"]), call=VAULT),
    _allowed("vaults of any account", allow(Resource="arn:aws:backup:*:*:backup-vault:*"), call=OF_A_KIND),
    _allowed("all of the service", allow(Resource="arn:aws:backup:*"), call=OF_A_KIND),
    _allowed("all but another vault", allow(NotResource=f"{VAULTS}test"), call=VAULT),
    _allowed("all of unknown", allow(), call=UNKNOWN),
    _silent("a vault in another case", allow(Resource=f"{VAULTS}Prod"), call=VAULT, element="Resource"),
    _silent("another vault", allow(Resource=f"{VAULTS}test"), call=VAULT, element="Resource"),
    _silent("all but this vault", allow(NotResource=f"{VAULTS}*"), call=VAULT, element="NotResource"),
    _silent("brackets are not wildcards", allow(Resource=f"{VAULTS}[p]rod"), call=VAULT, element="Resource"),
    _silent("a vault for a call on all of a kind", allow(Resource=f"{VAULTS}prod"), call=OF_A_KIND, element="Resource"),
    _open("all vaults for the list of vaults", allow(Resource=f"{VAULTS}*"), element="Resource"),
    _silent("vaults that begin so for the list of vaults", allow(Resource=f"{VAULTS}prod*"), element="Resource"),
    _open("all vaults in a Deny", allow(), deny(Resource=f"{VAULTS}*"), element="Resource", by="statement 2"),
    _silent("a vault for a call on none", allow(Resource=f"{VAULTS}prod"), call=TYPES, element="Resource"),
    _open("all vaults for a call on none", allow(Resource=f"{VAULTS}*"), call=TYPES, element="Resource"),
    _open("all of the service for a call on none", allow(Resource="arn:aws:backup:*"), call=TYPES, element="Resource"),
    _open("all of an account for a call on none", allow(Resource="arn:*:*:*:*:*"), call=TYPES, element="Resource"),
    _open("a Region's for a call on none", allow(Resource="arn:aws:backup:eu-*"), call=TYPES, element="Resource"),
    _open("any ARN", allow(Resource="arn:*"), element="Resource"),
    _open("any ARN for a call on a kind", allow(Resource="arn:*"), call=OF_A_KIND, element="Resource"),
    _open("an end after colons", allow(Resource="arn:aws:backup:*prod"), call=VAULT, element="Resource"),
    _open("any service", allow(Resource="arn:aws:*:*:*:*"), call=OF_A_KIND, element="Resource"),
    _open(
        "beyond a colon",
        allow(Resource="arn:aws:backup:*:backup-vault:*"),
        call=OF_A_KIND,
        element="Resource",
    ),
    _open("one character for all names", allow(Resource=f"{VAULTS}?"), call=OF_A_KIND, element="Resource"),
    _open("no ARN", allow(Resource="backup-vault:*"), element="Resource"),
    _open("a variable in an ARN", allow(Resource=f"{VAULTS}${{aws:username}}"), call=VAULT, element="Resource"),
    _open("an unknown resource", allow(Resource=f"{VAULTS}*"), call=UNKNOWN, element="Resource"),
    _open("all but an unknown resource", allow(NotResource=f"{VAULTS}*"), call=UNKNOWN, element="NotResource"),
    _denied("a Deny of this vault", allow(), deny(Resource=f"{VAULTS}prod"), call=VAULT),
    _denied("a Deny of all but a vault", allow(), deny(NotResource=f"{VAULTS}prod")),
    _allowed("a Deny of a vault for a call on all", allow(), deny(Resource=f"{VAULTS}prod")),
)

_PRINCIPALS: Final = (
    _allowed("everybody of AWS", allow(Principal={"AWS": "*"})),
    _allowed("the account", allow(Principal={"AWS": ACCOUNT})),
    _allowed("the account among others", allow(Principal={"AWS": [OTHER, ACCOUNT], "Service": "ec2.amazonaws.com"})),
    _allowed("the account's root", allow(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
    _allowed("the account, caller else unknown", allow(Principal={"AWS": ACCOUNT}), call=MEMBER),
    _allowed("the root, caller unknown", allow(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), call=MEMBER),
    _allowed("this session", allow(Principal={"AWS": SESSION})),
    _allowed("this user", allow(Principal={"AWS": JOHN}), call=USER),
    _silent("another account", allow(Principal={"AWS": OTHER}), element="Principal"),
    _silent("another account's role", allow(Principal={"AWS": ROLE.replace(ACCOUNT, OTHER)}), element="Principal"),
    _silent("another role", allow(Principal={"AWS": f"{ROLE}2"}), element="Principal"),
    _silent("another session", allow(Principal={"AWS": f"{SESSION}0"}), element="Principal"),
    _silent("a user for a session", allow(Principal={"AWS": JOHN}), element="Principal"),
    _silent("another user", allow(Principal={"AWS": JOHN.replace("team/", "")}), call=USER, element="Principal"),
    _silent("a session for a user", allow(Principal={"AWS": SESSION}), call=USER, element="Principal"),
    _open(
        "this user in another case",
        allow(Principal={"AWS": JOHN.replace("John", "john")}),
        call=USER,
        element="Principal",
    ),
    _open("a role, all unknown", allow(Principal={"AWS": ROLE}), call=UNKNOWN, element="Principal"),
    _silent("a role for a user", allow(Principal={"AWS": ROLE}), call=USER, element="Principal"),
    _silent("a service", allow(Principal={"Service": "backup.amazonaws.com"}), element="Principal"),
    _open("the role of a session", allow(Principal={"AWS": ROLE}), element="Principal"),
    _open(
        "the role, with its path",
        allow(Principal={"AWS": ROLE.replace("role/", "role/app/blue/")}),
        element="Principal",
    ),
    _open("the role in another case", allow(Principal={"AWS": ROLE.lower()}), element="Principal"),
    _open("the session without its name", allow(Principal={"AWS": SESSION.rsplit("/", 1)[0]}), element="Principal"),
    _open("an unknown caller", allow(Principal={"AWS": ACCOUNT}), call=UNKNOWN, element="Principal"),
    _open("a role, caller unknown", allow(Principal={"AWS": ROLE}), call=MEMBER, element="Principal"),
    _open("a user for the root", allow(Principal={"AWS": JOHN}), call=ROOT, element="Principal"),
    _open("a user for a federated one", allow(Principal={"AWS": JOHN}), call=FEDERATED, element="Principal"),
    _open("a deleted role", allow(Principal={"AWS": "AROAEXAMPLEEXAMPLE00"}), element="Principal"),
    _open("a wildcard in an ARN", allow(Principal={"AWS": f"{ROLE}*"}), element="Principal"),
    _open("a user without a name", allow(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user"}), element="Principal"),
    _open("another partition", allow(Principal={"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}), element="Principal"),
    _open("a canonical user", allow(Principal={"CanonicalUser": "79a59df900b949e5"}), element="Principal"),
    _open("a federation", allow(Principal={"Federated": "cognito-identity.amazonaws.com"}), element="Principal"),
    _open("a principal that is a text", allow(Principal=SESSION), element="Principal"),
    _open("nobody", allow(Principal={"AWS": []}), element="Principal"),
    _open("nobody of no kind", allow(Principal={}), element="Principal"),
    _open("an Allow to all but one", allow(NotPrincipal={"AWS": OTHER}), element="NotPrincipal"),
    _denied("a Deny of the account", allow(), deny(Principal={"AWS": ACCOUNT})),
    _denied("a Deny of all but another account", allow(), deny(NotPrincipal={"AWS": [OTHER]})),
    _denied("a Deny of all but a service", allow(), deny(NotPrincipal={"Service": "backup.amazonaws.com"})),
    _allowed("a Deny of another account", allow(), deny(Principal={"AWS": OTHER})),
    _open("a Deny of the role", allow(), deny(Principal={"AWS": ROLE}), element="Principal", by="statement 2"),
    _open(
        "a Deny of all but this account",
        allow(),
        deny(NotPrincipal={"AWS": ACCOUNT}),
        element="NotPrincipal",
        by="statement 2",
    ),
)

_CONDITIONS: Final = (
    _allowed("this endpoint", allow(Condition=when("StringEquals", "aws:SourceVpce", "vpce-0a1b2c3d")), call=THROUGH),
    _allowed(
        "a key in another case", allow(Condition=when("StringEquals", "AWS:sourcevpc", "vpc-0a1b2c3d")), call=THROUGH
    ),
    _allowed("one of two values", allow(Condition=when("StringEquals", "aws:PrincipalAccount", [OTHER, ACCOUNT]))),
    _allowed("not of another account", allow(Condition=when("StringNotEquals", "aws:PrincipalAccount", OTHER))),
    _allowed(
        "in any case of it",
        allow(Condition=when("StringEqualsIgnoreCase", "aws:SourceVpc", "VPC-0A1B2C3D")),
        call=THROUGH,
    ),
    _allowed(
        "not in any case", allow(Condition=when("StringNotEqualsIgnoreCase", "aws:SourceVpc", "vpc-1")), call=THROUGH
    ),
    _allowed("over TLS", allow(Condition=when("Bool", "aws:SecureTransport", True))),
    _allowed("by nobody else", allow(Condition=when("BoolIfExists", "aws:PrincipalIsAWSService", "false"))),
    _allowed("any role", allow(Condition=when("ArnLike", PRINCIPAL_ARN, f"arn:aws:iam::{ACCOUNT}:role/*"))),
    _allowed(
        "a role by its end", allow(Condition=when("StringLike", PRINCIPAL_ARN, f"arn:aws:iam::{ACCOUNT}:role/*Role"))
    ),
    _allowed("this user's ARN", allow(Condition=when("ArnEquals", PRINCIPAL_ARN, JOHN)), call=USER),
    _allowed(
        "no role of another account",
        allow(Condition=when("ArnNotLike", PRINCIPAL_ARN, f"arn:aws:iam::{OTHER}:role/*")),
    ),
    _allowed(
        "the block", allow(Condition=when("IpAddress", "aws:VpcSourceIp", ["10.9.0.0/16", "10.0.0.0/16"])), call=THROUGH
    ),
    _allowed("the address", allow(Condition=when("IpAddress", "aws:VpcSourceIp", "10.0.3.5")), call=THROUGH),
    _allowed(
        "outside the block", allow(Condition=when("NotIpAddress", "aws:VpcSourceIp", "10.9.0.0/16")), call=THROUGH
    ),
    _allowed("outside any public block", allow(Condition=when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"))),
    _allowed(
        "a public block if there is one", allow(Condition=when("IpAddressIfExists", "aws:SourceIp", "203.0.113.0/24"))
    ),
    _allowed("all of no values", allow(Condition=when("ForAllValues:IpAddress", "aws:SourceIp", "203.0.113.0/24"))),
    _allowed(
        "any of one value",
        allow(Condition=when("ForAnyValue:StringEquals", "aws:SourceVpc", "vpc-0a1b2c3d")),
        call=THROUGH,
    ),
    _allowed("no public address", allow(Condition=when("Null", "aws:SourceIp", "true"))),
    _allowed("an endpoint there is", allow(Condition=when("Null", "aws:SourceVpce", False)), call=THROUGH),
    _allowed(
        "a wildcard for a long id",
        allow(Condition=when("StringLike", "aws:RequestedRegion", "eu-west-?")),
        call=replace(LIST, context={"aws:requestedregion": "eu-west-1"}),
    ),
    _allowed(
        "two operators",
        allow(
            Condition={
                **when("Bool", "aws:SecureTransport", "true"),
                **when("StringEquals", "aws:PrincipalAccount", ACCOUNT),
            }
        ),
    ),
    _silent(
        "one of two operators",
        allow(
            Condition={
                **when("Bool", "aws:SecureTransport", "true"),
                **when("StringEquals", "aws:PrincipalAccount", OTHER),
            }
        ),
        element="Condition",
    ),
    _silent(
        "another endpoint",
        allow(Condition=when("StringEquals", "aws:SourceVpce", "vpce-9")),
        call=THROUGH,
        element="Condition",
    ),
    _silent(
        "not this account",
        allow(Condition=when("StringNotEquals", "aws:PrincipalAccount", [OTHER, ACCOUNT])),
        element="Condition",
    ),
    _silent("not over TLS", allow(Condition=when("Bool", "aws:SecureTransport", "false")), element="Condition"),
    _silent(
        "a public block", allow(Condition=when("IpAddress", "aws:SourceIp", "203.0.113.0/24")), element="Condition"
    ),
    _silent(
        "any of no values",
        allow(Condition=when("ForAnyValue:IpAddress", "aws:SourceIp", "0.0.0.0/0")),
        element="Condition",
    ),
    _silent("a public address", allow(Condition=when("Null", "aws:SourceIp", "false")), element="Condition"),
    _silent("no endpoint", allow(Condition=when("Null", "aws:SourceVpce", "true")), call=THROUGH, element="Condition"),
    _silent(
        "another block",
        allow(Condition=when("IpAddress", "aws:VpcSourceIp", "10.9.0.0/16")),
        call=THROUGH,
        element="Condition",
    ),
    _silent(
        "a block of IPv6",
        allow(Condition=when("IpAddress", "aws:VpcSourceIp", "2001:db8::/32")),
        call=THROUGH,
        element="Condition",
    ),
    _silent(
        "in the block",
        allow(Condition=when("NotIpAddress", "aws:VpcSourceIp", "10.0.0.0/16")),
        call=THROUGH,
        element="Condition",
    ),
    _silent(
        "a wildcard taken as it stands",
        allow(Condition=when("StringEquals", PRINCIPAL_ARN, f"arn:aws:iam::{ACCOUNT}:role/*")),
        element="Condition",
    ),
    _silent(
        "another role's ARN", allow(Condition=when("StringEquals", PRINCIPAL_ARN, f"{ROLE}2")), element="Condition"
    ),
    _silent(
        "a role whose name ends so",
        allow(Condition=when("ArnEquals", PRINCIPAL_ARN, ROLE.replace("role/", "role/My"))),
        element="Condition",
    ),
    _silent(
        "roles of another account",
        allow(Condition=when("ArnLike", PRINCIPAL_ARN, f"arn:aws:iam::{OTHER}:role/*")),
        element="Condition",
    ),
    _silent("a session's ARN", allow(Condition=when("StringEquals", PRINCIPAL_ARN, SESSION)), element="Condition"),
    _silent(
        "a short wildcard, wrong anyway",
        allow(Condition=when("StringLike", "aws:SourceVpc", "x*")),
        call=THROUGH,
        element="Condition",
    ),
    _silent(
        "roles of another name",
        allow(Condition=when("ArnLike", PRINCIPAL_ARN, f"arn:aws:iam::{ACCOUNT}:role/*Other")),
        element="Condition",
    ),
    _silent(
        "users for a session",
        allow(Condition=when("ArnLike", PRINCIPAL_ARN, f"arn:aws:iam::{ACCOUNT}:user/*")),
        element="Condition",
    ),
    _allowed(
        "no wildcard where one may stand",
        allow(Condition=when("StringLike", "aws:SourceVpc", "vpc-0a1b2c3d")),
        call=THROUGH,
    ),
    _allowed("a wildcard with six", allow(Condition=when("StringLike", "aws:VpcSourceIp", "10.0.3*")), call=THROUGH),
    _open(
        "the role's ARN with a path",
        allow(Condition=when("StringEquals", PRINCIPAL_ARN, ROLE.replace("role/", "role/app/"))),
        element="Condition",
    ),
    _open(
        "true as no text for a text",
        allow(Condition=when("StringEquals", "aws:SecureTransport", True)),
        element="Condition",
    ),
    _open(
        "an organisation",
        allow(Condition=when("StringEquals", "aws:PrincipalOrgID", "o-a1b2c3d4e5")),
        element="Condition",
    ),
    _open(
        "not an organisation",
        allow(Condition=when("StringNotEquals", "aws:PrincipalOrgID", "o-a1b2c3d4e5")),
        element="Condition",
    ),
    _open(
        "an organisation if there is one",
        allow(Condition=when("StringEqualsIfExists", "aws:PrincipalOrgID", "o-a1b2c3d4e5")),
        element="Condition",
    ),
    *(
        _open(
            f"a key of the endpoint that some services lack: {key}",
            allow(Condition=when("StringEquals", key, "x")),
            element="Condition",
            call=THROUGH,
        )
        for key in ("aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths", "aws:SourceVpcArn", "AWS:vpceorgid")
    ),
    *(
        _open(
            f"a Deny by a key that may be absent: {operator}",
            allow(),
            deny(Condition=when(operator, "aws:VpceOrgID", value)),
            element="Condition",
            by="statement 2",
            call=THROUGH,
        )
        for operator, value in (("StringNotEquals", "o-1"), ("StringNotEqualsIfExists", "o-1"), ("Null", "true"))
    ),
    _open(
        "a Deny that an absent key does not match",
        allow(),
        deny(Condition=when("StringEquals", "aws:VpceOrgID", "o-1")),
        element="Condition",
        by="statement 2",
        call=THROUGH,
    ),
    _open("a tag there is", allow(Condition=when("Null", "aws:PrincipalTag/team", "false")), element="Condition"),
    _open(
        "the role's ARN, its path unknown",
        allow(Condition=when("ArnEquals", PRINCIPAL_ARN, ROLE)),
        element="Condition",
    ),
    _open("not the role's ARN", allow(Condition=when("ArnNotEquals", PRINCIPAL_ARN, ROLE)), element="Condition"),
    _open(
        "roles of a path",
        allow(Condition=when("ArnLike", PRINCIPAL_ARN, f"arn:aws:iam::{ACCOUNT}:role/app/*")),
        element="Condition",
    ),
    _open(
        "the ARN of an unknown caller",
        allow(Condition=when("ArnLike", PRINCIPAL_ARN, "arn:aws:iam::*:role/*")),
        call=MEMBER,
        element="Condition",
    ),
    _open(
        "the ARN of a federated user",
        allow(Condition=when("ArnLike", PRINCIPAL_ARN, "arn:aws:sts::*:*")),
        call=FEDERATED,
        element="Condition",
    ),
    _open(
        "the ARN of a session without a name",
        allow(Condition=when("ArnLike", PRINCIPAL_ARN, "arn:*:iam::*:*")),
        call=replace(LIST, principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role"),
        element="Condition",
    ),
    _open("no ARN among ARNs", allow(Condition=when("ArnLike", PRINCIPAL_ARN, "*")), element="Condition"),
    _open(
        "a wildcard in an id of AWS",
        allow(Condition=when("StringLike", "aws:SourceVpc", "vpc-0a1b2*")),
        call=THROUGH,
        element="Condition",
    ),
    _open(
        "a wildcard with less than six",
        allow(Condition=when("StringLike", "aws:VpcSourceIp", "10.0.*")),
        call=THROUGH,
        element="Condition",
    ),
    _open(
        "not a wildcard with less than six",
        allow(Condition=when("StringNotLike", "aws:VpcSourceIp", "10.0.*")),
        call=THROUGH,
        element="Condition",
    ),
    _open(
        "a variable in a value",
        allow(Condition=when("StringEquals", "aws:SourceVpc", "${aws:SourceVpc}")),
        call=THROUGH,
        element="Condition",
    ),
    _open(
        "a value that is a number",
        allow(Condition=when("StringEquals", "aws:PrincipalAccount", int(ACCOUNT))),
        element="Condition",
    ),
    _open("no values", allow(Condition=when("StringEquals", "aws:PrincipalAccount", [])), element="Condition"),
    _open(
        "an unknown operator",
        allow(Condition=when("StringMatches", "aws:PrincipalAccount", ACCOUNT)),
        element="Condition",
    ),
    _open(
        "an operator in lower case",
        allow(Condition=when("stringequals", "aws:PrincipalAccount", ACCOUNT)),
        element="Condition",
    ),
    _open(
        "an operator of no form",
        allow(Condition=when("String Equals!", "aws:PrincipalAccount", ACCOUNT)),
        element="Condition",
    ),
    _open("a key of no form", allow(Condition=when("StringEquals", "\x1b[31m", ACCOUNT)), element="Condition"),
    _open(
        "a date", allow(Condition=when("DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z")), element="Condition"
    ),
    _open("a number", allow(Condition=when("NumericEquals", "aws:MultiFactorAuthAge", "1")), element="Condition"),
    _open(
        "any that is not",
        allow(Condition=when("ForAnyValue:StringNotEquals", "aws:PrincipalAccount", OTHER)),
        element="Condition",
    ),
    _open(
        "all if there are",
        allow(Condition=when("ForAnyValue:StringEqualsIfExists", "aws:PrincipalAccount", ACCOUNT)),
        element="Condition",
    ),
    _open("neither true nor false", allow(Condition=when("Bool", "aws:SecureTransport", "yes")), element="Condition"),
    _open("null of neither", allow(Condition=when("Null", "aws:SourceIp", "yes")), element="Condition"),
    _open("no block", allow(Condition=when("NotIpAddress", "aws:SourceIp", "office")), element="Condition"),
    _open(
        "a block of another notation",
        allow(Condition=when("IpAddress", "aws:VpcSourceIp", "10.0.0.0/255.255.0.0")),
        call=THROUGH,
        element="Condition",
    ),
    _open(
        "a block that is too long",
        allow(Condition=when("IpAddress", "aws:VpcSourceIp", "10.0.0.0/64")),
        call=THROUGH,
        element="Condition",
    ),
    _open(
        "a block with host bits",
        allow(Condition=when("IpAddress", "aws:VpcSourceIp", "10.0.3.5/16")),
        call=THROUGH,
        element="Condition",
    ),
    _open(
        "a key that takes no address",
        allow(Condition=when("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8")),
        call=replace(LIST, context={"aws:vpcsourceip": "?"}),
        element="Condition",
    ),
    _open("an empty condition", allow(Condition={}), element="Condition"),
    _open(
        "an operator without keys",
        allow(Condition={"Bool": {}, **when("StringEquals", "aws:PrincipalAccount", ACCOUNT)}),
        element="Condition",
    ),
    _open(
        "one key in two cases",
        allow(Condition={"StringEquals": {"aws:PrincipalAccount": ACCOUNT, "AWS:principalaccount": ACCOUNT}}),
        element="Condition",
    ),
    _denied(
        "a Deny outside the office", allow(), deny(Condition=when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"))
    ),
    _denied(
        "a Deny of other endpoints",
        allow(),
        deny(Condition=when("StringNotEquals", "aws:SourceVpce", "vpce-9")),
        call=THROUGH,
    ),
    _allowed("a Deny without TLS", allow(), deny(Condition=when("Bool", "aws:SecureTransport", "false"))),
    _allowed(
        "a Deny of another action, unknown condition",
        allow(),
        deny(Action="s3:*", Condition=when("StringEquals", "aws:PrincipalOrgID", "o-1")),
    ),
    _open(
        "a Deny outside the organisation",
        allow(),
        deny(Condition=when("StringNotEquals", "aws:PrincipalOrgID", "o-1")),
        element="Condition",
        by="statement 2",
    ),
    _silent(
        "a Deny in doubt where nothing allows",
        allow(Action="s3:*"),
        deny(Condition=when("StringNotEquals", "aws:PrincipalOrgID", "o-1")),
        element="Action",
    ),
)

SAMPLES: Final = (*_WHOLE, *_ACTIONS, *_RESOURCES, *_PRINCIPALS, *_CONDITIONS)
