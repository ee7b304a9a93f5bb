"""IAM rules: whose policy denied, by the words of AWS alone, and never by a guess."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.codes import CODES, Severity
from agent.rules.policy import CODES_OF, RULES, Denial, code_of, read_denial
from tests.agent.build import BACKUP, GATEWAY, PRIVATE, Looks, addresses, evidence, here, rule_of, said
from tests.agent.calls import api

A, B = PRIVATE
C = "10.0.3.17"
HERE = here("backup", A, B)
DENIALS: Final[list[dict[str, Any]]] = json.loads(Path(__file__).with_name("denials.json").read_text("utf-8"))[
    "denials"
]
WHO: Final = "User: arn:aws:iam::123456789012:user/John is not authorized to perform: backup:ListBackupVaults"
UNSAID: Final = Denial(
    policy=None, explicit=None, action=None, resource=None, policy_arn=None, via_service_control=False
)
REASONS: Final = {
    "IAM001": "because no VPC endpoint policy allows the backup:ListBackupVaults action",
    "IAM002": "with an explicit deny in a VPC endpoint policy",
    "IAM003": "because no identity-based policy allows the backup:ListBackupVaults action",
    "IAM004": "with an explicit deny in a service control policy",
    "IAM005": "with an explicit deny in a resource control policy",
    "IAM006": "because no permissions boundary allows the backup:ListBackupVaults action",
    "IAM007": "because no session policy allows the backup:ListBackupVaults action",
    "IAM008": "with an explicit deny in a resource-based policy",
    "IAM009": "",
}


def denied(address: str, reason: str, *, of: str = "backup", who: str = WHO) -> Any:
    return api(address, of=of, failed="access-denied", text=f"{who} {reason}".strip())


# --- Texts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", DENIALS, ids=lambda sample: str(sample["name"]))
def test_known_texts(sample: dict[str, Any]) -> None:
    denial = read_denial(sample["text"])
    assert denial == Denial(
        policy=sample["policy"],
        explicit=sample["explicit"],
        action=sample["action"],
        resource=sample["resource"],
        policy_arn=sample["arn"],
        via_service_control=sample["via_service_control"],
    )
    assert code_of(denial) == sample["code"]


@pytest.mark.parametrize("sample", DENIALS, ids=lambda sample: str(sample["name"]))
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: f"You may not do this. {text}", id="a sentence before"),
        pytest.param(lambda text: f"{text}. Go to https://console.aws.amazon.com/iam/home#/x for more", id="one after"),
        pytest.param(lambda text: f"{text}.", id="a full stop"),
        pytest.param(lambda text: f"{text} (Service: Backup; Status Code: 403)", id="brackets"),
        pytest.param(lambda text: text.replace(" ", "\n   "), id="lines broken everywhere"),
        pytest.param(lambda text: text.replace(" ", "\u00a0"), id="spaces that do not break"),
        pytest.param(lambda text: text.replace("allows the", "allows this"), id="other words after the policy"),
    ],
)
def test_what_stands_around_makes_no_difference(sample: dict[str, Any], change: Any) -> None:
    denial = read_denial(change(sample["text"]))
    assert (denial.policy, denial.explicit) == (sample["policy"], sample["explicit"])
    assert (denial.action, denial.resource) == (sample["action"], sample["resource"])
    assert denial.policy_arn == sample["arn"]
    assert denial.via_service_control is sample["via_service_control"]


@pytest.mark.parametrize("sample", DENIALS, ids=lambda sample: str(sample["name"]))
def test_capitals_make_no_difference_to_the_code(sample: dict[str, Any]) -> None:
    denial = read_denial(sample["text"].upper())
    assert code_of(denial) == sample["code"]
    assert denial.action == sample["action"].upper()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("no", id="a word"),
        pytest.param("because no policy allows it", id="a policy of no kind"),
        pytest.param("because no future-proof policy allows the x:Y action", id="a kind that is not known yet"),
        pytest.param("with an explicit deny in an organization policy", id="another"),
        pytest.param("with an explicit deny", id="without a policy"),
        pytest.param("because the VPC endpoint policy allows it", id="an allow"),
        pytest.param("the VPC endpoint policy was changed", id="a policy without a deny"),
        pytest.param("because no VPC endpoint policy allowsomething", id="half a word"),
    ],
)
def test_unknown_words_are_no_guess(text: str) -> None:
    assert read_denial(text) == UNSAID
    assert code_of(read_denial(text)) == "IAM009"
    with_action = read_denial(f"{WHO} {text}")
    assert with_action.action == "backup:ListBackupVaults"
    assert code_of(with_action) == "IAM009"


@pytest.mark.parametrize(
    ("text", "action", "resource", "arn"),
    [
        pytest.param(
            "is not authorized to perform: $(reboot):x on resource: `id`", None, "`id`", None, id="no action's form"
        ),
        pytest.param("is not authorized to perform: aws:", None, None, None, id="a prefix alone"),
        pytest.param(f"is not authorized to perform: {'a' * 65}:Get", None, None, None, id="too long for a prefix"),
        pytest.param(
            "is not authorized to perform: a:b;rm on resource: x;y", "a:b", "x;y", None, id="ends where words end"
        ),
        pytest.param(
            "with an explicit deny in an identity-based policy: http://example.com", None, None, None, id="no ARN"
        ),
        pytest.param(
            "with an explicit deny in an identity-based policy: arn:aws:iam::1:policy/a,b=c.d@e+f-g. Next",
            None,
            None,
            "arn:aws:iam::1:policy/a,b=c.d@e+f-g",
            id="every letter that a policy's name can have",
        ),
    ],
)
def test_parts(text: str, action: str | None, resource: str | None, arn: str | None) -> None:
    denial = read_denial(text)
    assert (denial.action, denial.resource, denial.policy_arn) == (action, resource, arn)


def test_every_code_can_be_read() -> None:
    assert set(CODES_OF.values()) | {"IAM009"} == {code for code in CODES if code.startswith("IAM")}
    assert {rule.code for rule in RULES} == set(REASONS)


_WORDS: Final = st.sampled_from(
    [
        *("User:", "is not authorized to perform:", "backup:ListBackupVaults", "on resource:", "because no"),
        *("VPC endpoint policy", "service control policy", "allows the", "with an explicit deny in a", "identity"),
        *("policy", "policies", "transitively through a service control policy", ": arn:aws:iam::1:policy/x", "\n"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.lists(_WORDS | st.text(max_size=5), max_size=12).map(" ".join))
@example("with an explicit deny in a " + "VPC " * 2000)
@example("is not authorized to perform: " + "a" * 5000 + ":")
@example("on resource: " + "x" * 5000)
@example("\ud800")
def test_any_text_is_a_denial(text: str) -> None:
    denial = read_denial(text)
    assert code_of(denial) in REASONS
    assert (denial.policy is None) is (denial.explicit is None)
    for part in (denial.action, denial.resource, denial.policy_arn):
        assert part is None or (part in text and len(part) <= 2048)


# --- Rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", REASONS)
def test_each_kind_is_one_finding(code: str) -> None:
    seen = evidence([*HERE, denied(A, REASONS[code]), denied(B, REASONS[code])])
    spoken = {rule.code: said(rule, seen) for rule in RULES}
    assert [other for other, found in spoken.items() if found] == [code]
    [found] = spoken[code]
    assert found.target == "backup"
    assert found.addresses == frozenset(addresses(A, B))
    assert set(found.evidence) == {f"api/backup/{address}/443" for address in (A, B)}
    assert found.severity is None
    assert "backup:ListBackupVaults" in found.detail
    assert "10.0.1.17 and 10.0.2.17" in found.detail
    assert CODES[code].severity is (Severity.CRITICAL if code in ("IAM001", "IAM002") else Severity.WARNING)


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        pytest.param(
            REASONS["IAM001"],
            "No VPC endpoint policy allows backup:ListBackupVaults; seen at 10.0.1.17. A denial by an endpoint policy "
            "is proof that the call went through an endpoint: the path works.",
            id="an endpoint's policy is silent",
        ),
        pytest.param(
            "with an explicit deny in a VPC endpoint policy transitively through a service control policy",
            "An explicit deny in a VPC endpoint policy, on behalf of a service control policy forbids "
            "backup:ListBackupVaults; seen at 10.0.1.17. A denial by an endpoint policy is proof that the call went "
            "through an endpoint: the path works.",
            id="on behalf of another",
        ),
        pytest.param(
            "with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/Deny",
            "An explicit deny in an identity-based policy (arn:aws:iam::123456789012:policy/Deny) forbids "
            "backup:ListBackupVaults; seen at 10.0.1.17.",
            id="a policy by its ARN",
        ),
        pytest.param(
            "",
            f"AWS denies backup:ListBackupVaults at 10.0.1.17 and does not say which policy: {WHO}",
            id="no reason",
        ),
    ],
)
def test_detail(reason: str, detail: str) -> None:
    seen = evidence([*HERE, denied(A, reason)])
    [found] = [found for rule in RULES for found in said(rule, seen)]
    assert found.detail == detail


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([api(A), api(B)], id="allowed"),
        pytest.param([api(A, failed="throttled", text=f"{WHO} {REASONS['IAM001']}")], id="another kind of no"),
        pytest.param([denied(C, REASONS["IAM001"])], id="an address that this host does not use"),
        pytest.param([denied(A, REASONS["IAM001"], of="backup-gateway")], id="a target that is none"),
        pytest.param([api(A, skipped="no credentials")], id="not made"),
        pytest.param([], id="never tried"),
    ],
)
def test_silent(looks: Looks) -> None:
    seen = evidence([*HERE, *looks])
    assert [found for rule in RULES for found in said(rule, seen)] == []


def test_two_kinds_are_two_findings() -> None:
    seen = evidence([*HERE, denied(A, REASONS["IAM001"]), denied(B, REASONS["IAM003"])])
    spoken = [found for rule in RULES for found in said(rule, seen)]
    assert [(found.code, found.addresses) for found in spoken] == [
        ("IAM001", frozenset(addresses(A))),
        ("IAM003", frozenset(addresses(B))),
    ]


def test_a_text_without_an_action_takes_that_of_the_call() -> None:
    looks = [*here("backup-gateway", A), denied(A, REASONS["IAM002"], of="backup-gateway", who="Denied")]
    [found] = said(rule_of(RULES, "IAM002"), evidence(looks, targets=[BACKUP, GATEWAY]))
    assert "forbids backup-gateway:ListGateways" in found.detail
    assert found.target == "backup-gateway"


@pytest.mark.parametrize("code", REASONS)
def test_no_word_of_aws_gets_into_a_command(code: str) -> None:
    who = "User: x is not authorized to perform: evil:$(id) on resource: --profile"
    seen = evidence([*HERE, denied(A, REASONS[code], who=who)])
    [found] = said(rule_of(RULES, code), seen)
    words = [word for command in found.fix.commands for word in command.argv]
    assert not [word for word in words if "evil" in word or "--profile" in word]
