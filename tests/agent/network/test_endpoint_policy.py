"""Decisions of endpoint policies: samples, a slow and simple second evaluator, and properties that hold for any
document.
"""

import copy
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.network.endpoint_policy.call import Call, resource_of
from agent.network.endpoint_policy.judgement import Decision, Judgement, judge
from tests.agent.network.policy_documents import (
    ACCOUNT,
    DEFAULT,
    GATEWAYS,
    JOHN,
    LIST,
    OF_A_KIND,
    OTHER,
    ROLE,
    ROOT,
    SAMPLES,
    SESSION,
    TYPES,
    UNKNOWN,
    USER,
    VAULT,
    VAULTS,
    Sample,
    allow,
    deny,
    statement,
    when,
)

ALLOW, DENY, NO_ALLOW, CANNOT_TELL = Decision
UNRELATED: Final = deny(Action="s3:GetObject")
Document = dict[str, Any]


def judged(*statements: Mapping[str, Any], call: Call = LIST) -> Judgement:
    return judge(json.dumps({"Statement": list(statements)}), call)


def of(*samples: Sample) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sample", [pytest.param(sample, id=sample.id) for sample in samples])


@of(*SAMPLES)
def test_each_sample_is_judged_right(sample: Sample) -> None:
    judgement = judge(sample.text, sample.call)
    assert judgement == Judgement(
        decision=sample.decision,
        statement=sample.statement,
        element=sample.element,
        words=judgement.words,
        is_of_allow=sample.statement is not None and " denies " not in judgement.words.partition(",")[0],
        only_denies=sample.only_denies,
    )


@of(*SAMPLES)
def test_words_are_one_line_and_hold_nothing_that_needs_masking(sample: Sample) -> None:
    words = judge(sample.text, sample.call).words
    assert words.isascii()
    assert words.isprintable()
    assert not words.endswith(".")
    assert [word for word in ("arn:", ACCOUNT, OTHER, "vpc-0", "vpce-0", "o-a1b2") if word in words] == []


JUDGEMENTS: Final = {
    **{sample.id: judge(sample.text, sample.call) for sample in SAMPLES},
    "an Action of another service alone": judged(allow(Action="s3:*"), call=GATEWAYS),
    "one vault": judged(allow(Resource=f"{VAULTS}prod")),
    "an Allow with a Sid, and an organisation": judged(
        allow(Sid="Ours", Condition=when("StringEquals", "aws:PrincipalOrgID", "o-1"))
    ),
    "a Deny to a user, and an unknown caller": judged(
        allow(), deny(Principal={"AWS": JOHN}), call=replace(LIST, principal_arn=None)
    ),
    "a Deny of everything": judged(allow(), deny()),
}
"""The decision about each policy, by the name of the policy."""


@pytest.mark.parametrize(
    ("version", "decision"),
    [("2012-10-17", ALLOW), ("2008-10-17", ALLOW), ("2012-10-18", CANNOT_TELL), ("", CANNOT_TELL)],
)
def test_aws_takes_two_versions(version: str, decision: Decision) -> None:
    assert judge(json.dumps({"Version": version, "Statement": [allow()]}), LIST).decision is decision


@of(*(sample for sample in SAMPLES if sample.document and sample.statement and sample.decision is not NO_ALLOW))
def test_without_the_statement_that_decides_the_decision_is_another(sample: Sample) -> None:
    document = copy.deepcopy(sample.document)
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    names = [statement.get("Sid", "") for statement in statements]
    place = names.index(sample.statement) if sample.statement in names else int(str(sample.statement).split()[-1]) - 1
    document["Statement"] = [*statements[:place], UNRELATED, *statements[place + 1 :]]
    assert judge(json.dumps(document), sample.call).decision is not sample.decision


@of(*(sample for sample in SAMPLES if sample.document and sample.element and sample.decision is NO_ALLOW))
def test_without_the_element_that_does_not_fit_something_allows(sample: Sample) -> None:
    nearest = next(
        statement
        for statement in sample.document["Statement"]
        if sample.element in statement and statement["Effect"] == "Allow"
    )
    repaired = {name: value for name, value in nearest.items() if name != sample.element}
    others = {"Action": "*", "Principal": "*", "Resource": "*"}
    wanted = str(sample.element).removeprefix("Not")
    if wanted in others:
        repaired[wanted] = others[wanted]
    if sample.id == "the nearest of two":
        repaired = allow()
    assert judged(repaired, call=sample.call).decision is ALLOW


DOUBTFUL: Final[tuple[tuple[str, Any], ...]] = (
    ("Action", "backup:${x}"),
    ("Action", "List*"),
    ("Action", []),
    ("Principal", "anyone"),
    ("Principal", {"AWS": "AIDAEXAMPLEEXAMPLE00"}),
    ("Principal", {"Anyone": "*"}),
    ("Resource", "arn:aws:backup:*:*:backup-vault:${x}"),
    ("Resource", "vaults"),
    ("Resource", []),
    ("Condition", {"StringIs": {"aws:PrincipalAccount": ACCOUNT}}),
    ("Condition", {"StringEquals": {"aws:NoSuchKey": "x"}}),
    ("Condition", {"StringEquals": {"aws:PrincipalAccount": "${x}"}}),
    ("Condition", {"StringEquals": {"aws:PrincipalAccount": [None]}}),
)
REFUSED: Final[tuple[dict[str, Any], ...]] = (
    {"Effect": "allow"},
    {"Actions": "*"},
    {"Action": {}},
    {"Principal": 1},
    {"Resource": None},
    {"Condition": "x"},
    {"Condition": {"Bool": []}},
    {"NotAction": "s3:*"},
    {"NotPrincipal": "*"},
    {"NotResource": "*"},
    {"Sid": 1},
)


@pytest.mark.parametrize(("element", "value"), DOUBTFUL)
def test_nothing_that_is_not_understood_allows_or_denies(element: str, value: Any) -> None:
    assert judged(allow()).decision is ALLOW
    assert judged(allow(**{element: value})).decision is CANNOT_TELL
    assert judged(allow(), deny(**{element: value})).decision is CANNOT_TELL


@pytest.mark.parametrize("change", REFUSED)
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_statement_that_aws_would_refuse_leaves_nothing_certain(effect: str, change: dict[str, Any]) -> None:
    assert judged(allow(), {**statement(effect, Action="s3:*"), **change}).decision is CANNOT_TELL


@pytest.mark.parametrize(
    ("action", "account", "expected"),
    [
        ("backup:ListBackupVaults", ACCOUNT, "*"),
        ("backup:ListBackupVaults", None, "*"),
        ("backup:GetSupportedResourceTypes", None, "*"),
        ("Backup-Gateway:ListGateways", ACCOUNT, "*"),
        ("backup:DescribeBackupVault", ACCOUNT, None),
    ],
)
def test_what_the_calls_of_probes_act_on(action: str, account: str | None, expected: str | None) -> None:
    assert resource_of(action, partition="aws", region="eu-west-1", account=account) == expected


# The second evaluator. It knows everything: how AWS reads the cases that its pages leave open, and the whole request.


@dataclass(frozen=True, kw_only=True)
class World:
    """One of the possible worlds between which the decision cannot distinguish."""

    beyond_colons: bool
    """Whether wildcards in resources match across colons."""
    kinds_cover: bool
    """Whether an ARN of all vaults (or of even more) covers a call that has no resource."""
    role_covers_sessions: bool
    path: str
    """The path of the caller's role."""
    organization: str | None
    team: str | None

    def context(self, call: Call) -> dict[str, str | None]:
        arn = JOHN if call.principal_arn == JOHN else ROLE.replace("role/", f"role{self.path}")
        return {
            "aws:principalorgid": self.organization,
            "aws:principaltag/team": self.team,
            "aws:principalarn": arn,
            "aws:principalaccount": ACCOUNT,
            "aws:sourceip": None,
            "aws:securetransport": "true",
        }


WORLDS: Final = tuple(
    World(
        beyond_colons=colons,
        kinds_cover=kinds,
        role_covers_sessions=sessions,
        path=path,
        organization=organization,
        team=team,
    )
    for colons, kinds, sessions, path, organization, team in itertools.product(
        (True, False), (True, False), (True, False), ("/", "/app/"), (None, "o-1", "o-2"), (None, "red")
    )
)


@cache
def glob(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and glob(pattern[1:], text[1:])


def by_parts(pattern: str, text: str) -> bool:
    parts, others = pattern.split(":", 5), text.split(":", 5)
    if len(parts) < len(others):
        others = [*others[: len(parts) - 1], ":".join(others[len(parts) - 1 :])]
    return len(parts) == len(others) and all(map(glob, parts, others))


def resource_fits(pattern: str, call: Call, world: World) -> bool:
    assert call.resource is not None
    if pattern == "*":
        return True
    if call.resource == "*":
        return world.kinds_cover and pattern.endswith(":*")
    return glob(pattern, call.resource) if world.beyond_colons else by_parts(pattern, call.resource)


def principal_fits(principal: Any, call: Call, world: World) -> bool:
    if principal == "*":
        return True
    names = principal.get("AWS", [])
    mine = {"*", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", call.principal_arn}
    if world.role_covers_sessions and call.principal_arn == SESSION:
        mine.add(ROLE.replace("role/", f"role{world.path}"))
    return any(name in mine for name in names)


def condition_holds(operator: str, key: str, wanted: list[str], call: Call, world: World) -> bool:
    value = world.context(call)[key.lower()]
    if operator == "Null":
        return wanted == ["true" if value is None else "false"]
    if value is None and operator.endswith("IfExists"):
        return True
    operator = operator.removesuffix("IfExists")
    matches = glob if operator.endswith("Like") else str.__eq__
    one_does = value is not None and any(matches(pattern, value) for pattern in wanted)
    return one_does != ("Not" in operator)


def fits(statement: Document, call: Call, world: World) -> bool:
    actions = statement["Action"] if "Action" in statement else statement["NotAction"]
    resources = statement["Resource"] if "Resource" in statement else statement["NotResource"]
    action = any(glob(pattern.lower(), call.action.lower()) for pattern in actions)
    resource = any(resource_fits(pattern, call, world) for pattern in resources)
    return (
        action == ("Action" in statement)
        and resource == ("Resource" in statement)
        and principal_fits(statement["Principal"], call, world)
        and all(
            condition_holds(operator, key, wanted, call, world)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def slowly(statements: list[Document], call: Call, world: World) -> Decision:
    if any(fits(document, call, world) for document in statements if document["Effect"] == "Deny"):
        return DENY
    return (
        ALLOW
        if any(fits(document, call, world) for document in statements if document["Effect"] == "Allow")
        else NO_ALLOW
    )


CALLS: Final = st.sampled_from((LIST, TYPES, GATEWAYS, OF_A_KIND, VAULT, USER))
ACTIONS: Final = (
    *("*", "backup:*", "BACKUP:list*", "backup:ListBackupVaults", "backup:ListBackupVault?", "backup:*Vault*"),
    *("backup-gateway:*", "backup-gateway:ListGateways", "s3:*", "backup:Get*", "backup:List?"),
)
SINGLE_RESOURCES: Final = ("*", f"{VAULTS}prod", f"{VAULTS}p*d", f"{VAULTS}test")
PLAIN_RESOURCES: Final = (
    *(*SINGLE_RESOURCES, f"{VAULTS}*", "arn:aws:backup:*:*:backup-vault:*"),
    *(f"arn:aws:backup:*:{ACCOUNT}:backup-vault:*", f"arn:aws:backup:eu-?est-1:{OTHER}:backup-vault:*"),
)
ODD_RESOURCES: Final = (
    *("arn:aws:backup:*", "arn:aws:backup:*:backup-vault:*", f"arn:aws:backup:*{ACCOUNT}:backup-vault:*"),
    *("arn:*:backup-vault:*", f"arn:aws:*:{ACCOUNT}:backup-vault:prod", "arn:aws:b*:*:*:*", f"{VAULTS}?"),
)
PLAIN_PRINCIPALS: Final = (
    *("*", {"AWS": ["*"]}, {"AWS": [ACCOUNT]}, {"AWS": [OTHER]}, {"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]}),
    *({"AWS": [SESSION]}, {"AWS": [JOHN]}, {"AWS": [JOHN, SESSION]}, {"Service": ["backup.amazonaws.com"]}),
    {"AWS": [f"arn:aws:iam::{OTHER}:role/BackupRole", f"arn:aws:iam::{ACCOUNT}:role/OtherRole"]},
)
ODD_PRINCIPALS: Final = ({"AWS": [ROLE]}, {"AWS": [ROLE.replace("role/", "role/app/"), OTHER]})
PLAIN_CONDITIONS: Final = (
    when("Bool", "aws:SecureTransport", ["true"]),
    when("StringEquals", "aws:PrincipalAccount", [OTHER, ACCOUNT]),
    when("StringNotEquals", "aws:PrincipalAccount", [ACCOUNT]),
    when("Null", "aws:SourceIp", ["true"]),
    when("StringEqualsIfExists", "aws:SourceIp", ["x"]),
    when("StringLike", "aws:PrincipalArn", [f"arn:aws:iam::{ACCOUNT}:*"]),
    when("StringNotLike", "aws:PrincipalArn", [f"arn:aws:iam::{OTHER}:*", "nobody-*"]),
)
ODD_CONDITIONS: Final = (
    *(
        when(f"String{name}{more}", "aws:PrincipalOrgID", ["o-1"])
        for name in ("Equals", "NotEquals")
        for more in ("", "IfExists")
    ),
    *(when("Null", "aws:PrincipalTag/team", [value]) for value in ("true", "false")),
    {"StringEquals": {"aws:PrincipalOrgID": ["o-1", "o-2"], "aws:PrincipalTag/team": ["red"]}},
    *(when("StringEquals", "aws:PrincipalArn", [value]) for value in (ROLE, ROLE.replace("role/", "role/app/"), JOHN)),
    *(
        when(f"String{name}", "aws:PrincipalArn", [f"arn:aws:iam::{ACCOUNT}:role/*Role"])
        for name in ("Like", "NotLike")
    ),
    *(
        when("StringLike", "aws:PrincipalArn", [f"arn:aws:iam::{ACCOUNT}:{value}"])
        for value in ("role/app/*", "role/B*", "role/?*")
    ),
    when("StringLike", "aws:PrincipalArn", ["*/app/BackupRole", "*:user/*John"]),
)


def statements_of(resources: Any, principals: Any, conditions: Any) -> st.SearchStrategy[list[Document]]:
    """Policies whose elements are drawn from these values. The actions and resources of a statement are lists of one or
    two.
    """

    def some(values: Any) -> st.SearchStrategy[list[Any]]:
        return st.lists(st.sampled_from(values), min_size=1, max_size=2)

    def statement_from(effect: str, negated: tuple[bool, bool], *elements: Any) -> Document:
        action, resource, principal, condition = elements
        scope = {"NotAction" if negated[0] else "Action": action, "NotResource" if negated[1] else "Resource": resource}
        return {"Effect": effect, "Principal": principal, **scope, **({"Condition": condition} if condition else {})}

    one = st.builds(
        statement_from,
        st.sampled_from(("Allow", "Allow", "Deny")),
        st.tuples(st.booleans(), st.booleans()),
        some(ACTIONS),
        some(resources),
        st.sampled_from(principals),
        st.sampled_from((None, None, *conditions)),
    )
    return st.lists(one, min_size=1, max_size=4)


PLAIN: Final = statements_of(PLAIN_RESOURCES, PLAIN_PRINCIPALS, PLAIN_CONDITIONS)
CERTAIN: Final = st.tuples(statements_of(SINGLE_RESOURCES, PLAIN_PRINCIPALS, PLAIN_CONDITIONS), CALLS) | st.tuples(
    PLAIN, st.sampled_from((OF_A_KIND, VAULT))
)
ANY: Final = statements_of(
    PLAIN_RESOURCES + ODD_RESOURCES, PLAIN_PRINCIPALS + ODD_PRINCIPALS, PLAIN_CONDITIONS + ODD_CONDITIONS
)


@given(CERTAIN)
def test_what_leaves_nothing_open_is_judged_as_the_second_evaluator_does(asked: tuple[list[Document], Call]) -> None:
    statements, call = asked
    assert {slowly(statements, call, world) for world in WORLDS} == {judged(*statements, call=call).decision}


@given(ANY, CALLS)
def test_what_is_certain_is_so_in_every_world(statements: list[Document], call: Call) -> None:
    decision = judged(*statements, call=call).decision
    worlds = {slowly(statements, call, world) for world in WORLDS}
    if decision is NO_ALLOW:
        assert worlds <= {NO_ALLOW, DENY}
    elif decision is not CANNOT_TELL:
        assert worlds == {decision}


@pytest.mark.parametrize("decision", Decision)
def test_the_documents_of_that_test_bring_every_decision(decision: Decision) -> None:
    conditions = (*PLAIN_CONDITIONS, *ODD_CONDITIONS)
    decisions = {
        judged(statement(effect, Condition=condition), allow(Action="s3:*")).decision
        for effect in ("Allow", "Deny")
        for condition in conditions
    }
    assert decision in decisions


@given(ANY, ANY, CALLS)
def test_another_deny_never_allows(statements: list[Document], more: list[Document], call: Call) -> None:
    denies = [{**document, "Effect": "Deny"} for document in more]
    if judged(*statements, call=call).decision is not ALLOW:
        assert judged(*statements, *denies, call=call).decision is not ALLOW


@given(ANY, CALLS)
def test_denies_alone_never_allow(statements: list[Document], call: Call) -> None:
    judgement = judged(*({**document, "Effect": "Deny"} for document in statements), call=call)
    assert judgement.decision in (DENY, NO_ALLOW)
    assert judgement.only_denies


@given(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3), CALLS)
def test_not_action_is_all_that_action_is_not(actions: list[str], call: Call) -> None:
    both = {judged(allow(**{name: actions}), call=call).decision for name in ("Action", "NotAction")}
    assert both == {ALLOW, NO_ALLOW}


@given(PLAIN, CALLS)
def test_the_order_of_statements_decides_nothing(statements: list[Document], call: Call) -> None:
    assert judged(*reversed(statements), call=call).decision is judged(*statements, call=call).decision


KEYS: Final = st.sampled_from(
    (
        *("Version", "Id", "Statement", "Sid", "Effect", "Action", "NotAction", "Principal", "NotPrincipal"),
        *("Resource", "NotResource", "Condition", "AWS", "Service", "Bool", "Null", "StringLike", "ArnLike"),
        *("IpAddress", "ForAnyValue:StringEquals", "aws:SourceIp", "aws:PrincipalArn"),
    )
)
LEAVES: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ("Allow", "Deny", "*", "2012-10-17", ACCOUNT, ROLE, SESSION, "backup:*", f"{VAULTS}*", "10.0.0.0/8", "true")
    )
)
VALUES: Final = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5)
)


@given(VALUES, CALLS)
def test_no_json_raises_and_none_but_an_object_allows(value: Any, call: Call) -> None:
    decision = judge(json.dumps(value), call).decision
    assert decision is CANNOT_TELL or isinstance(value, dict)


@given(st.text(min_size=1, alphabet=st.characters()), CALLS)
def test_no_text_raises(text: str, call: Call) -> None:
    assert judge(text, call).decision is (CANNOT_TELL if text.strip() else ALLOW)


@given(st.dictionaries(st.sampled_from(("Sid", "Action", "Principal", "Resource", "Condition")), VALUES, min_size=1))
def test_no_value_of_an_element_raises(elements: dict[str, Any]) -> None:
    judgement = judged({**allow(), **elements})
    assert judgement.decision is not DENY
    assert judgement.words.isprintable()


@given(st.integers(0, len(DEFAULT) - 1), st.characters())
def test_a_document_with_one_character_changed_never_raises_or_denies(place: int, character: str) -> None:
    assert judge(DEFAULT[:place] + character + DEFAULT[place + 1 :], LIST).decision is not DENY


@given(st.text(), st.text(), st.text())
def test_no_call_raises(action: str, resource: str, principal: str) -> None:
    call = replace(LIST, action=action, resource=resource, principal_arn=principal)
    assert judge(DEFAULT, call).decision is ALLOW
    narrow = allow(Action="backup:*", Resource=f"{VAULTS}*", Principal={"AWS": [SESSION]})
    assert judged(narrow, call=call).decision is not ALLOW


# --- Gateway endpoints -----------------------------------------------------------------------------------------------

BY_GATEWAY: Final = replace(LIST, is_by_gateway=True)
ROOT_BY_GATEWAY: Final = replace(ROOT, is_by_gateway=True)
UNKNOWN_BY_GATEWAY: Final = replace(UNKNOWN, resource="*", is_by_gateway=True)


@pytest.mark.parametrize(
    ("principal", "call", "decision"),
    [
        pytest.param("*", BY_GATEWAY, ALLOW, id="everybody"),
        pytest.param({"AWS": "*"}, BY_GATEWAY, ALLOW, id="every account"),
        pytest.param({"AWS": ACCOUNT}, BY_GATEWAY, NO_ALLOW, id="the own account"),
        pytest.param({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, BY_GATEWAY, NO_ALLOW, id="its root user"),
        pytest.param({"AWS": ACCOUNT}, ROOT_BY_GATEWAY, ALLOW, id="the root user calls"),
        pytest.param({"AWS": OTHER}, ROOT_BY_GATEWAY, NO_ALLOW, id="another account's root user"),
        pytest.param({"AWS": OTHER}, BY_GATEWAY, NO_ALLOW, id="another account"),
        pytest.param({"AWS": ROLE}, BY_GATEWAY, CANNOT_TELL, id="a role"),
        pytest.param({"AWS": ROLE.replace(ACCOUNT, OTHER)}, BY_GATEWAY, NO_ALLOW, id="a role of another account"),
        pytest.param({"AWS": ACCOUNT}, UNKNOWN_BY_GATEWAY, CANNOT_TELL, id="nobody knows who calls"),
        pytest.param({"AWS": ACCOUNT}, LIST, ALLOW, id="an interface endpoint"),
    ],
)
def test_an_account_stands_for_its_root_user_alone_on_a_gateway_endpoint(
    principal: Any, call: Call, decision: Decision
) -> None:
    judgement = judged(allow(Principal=principal), call=call)
    assert judgement.decision is decision
    is_said = "on a gateway endpoint an account stands only for its root user" in judgement.words
    assert is_said is (decision is NO_ALLOW and call.is_by_gateway)


def test_a_deny_for_an_account_denies_no_role_of_it_on_a_gateway_endpoint() -> None:
    statements = (allow(), deny(Principal={"AWS": ACCOUNT}))
    assert judged(*statements, call=BY_GATEWAY).decision is ALLOW
    assert judged(*statements).decision is DENY
