"""IAM rules: whose policy denied a call. Only AWS's words decide this, and the rules never guess."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.catalog.findings import CODES, Severity
from agent.formats import json as json_format
from agent.formats import text as text_format
from agent.judge.conditions.denials import (
    FORMS,
    GRAMMAR,
    JOINING,
    KINDS,
    NAMING,
    PRINCIPALS,
    Denial,
    Form,
    Grammar,
    PrincipalKind,
    read_denial,
)
from agent.judge.rules.iam import RULES, code_of
from agent.judge.verdict import judge, judge_evidence
from agent.report.model import Access, Status
from agent.report.redact import redact
from agent.settings import Calls
from agent.simulated import scenario_files
from agent.simulated.scenario import parse
from tests.support import extent
from tests.support.build import (
    BACKUP,
    GATEWAY,
    PRIVATE,
    Observations,
    addresses,
    evidence,
    findings_of,
    healthy,
    here,
    rule_of,
    run,
    target,
)
from tests.support.calls import api
from tests.support.cases import fires
from tests.support.runs import measured

A, B = PRIVATE
C = "10.0.3.17"
HERE = here("backup", A, B)
TEXTS: Final[dict[str, list[dict[str, Any]]]] = json.loads(Path(__file__).with_name("denials.json").read_text("utf-8"))
SAMPLES: Final = TEXTS["denials"]
ROWS: Final = SAMPLES + TEXTS["others"]
JOHN: Final = "arn:aws:iam::123456789012:user/John"
WHO: Final = f"User: {JOHN} is not authorized to perform: backup:ListBackupVaults"
UNSAID: Final = Denial(
    policy=None,
    explicit=None,
    action=None,
    resource=None,
    principal=None,
    principal_kind=None,
    policy_arn=None,
    via_service_control=False,
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
TRANSITIVE: Final = f"{REASONS['IAM002']} transitively through a service control policy"
UNREAD: Final = (
    *("and", "or", "nor", "not", "neither", "but", "unless", "except", "without"),
    *("because", "with", "deny", "denies", "allow", "allows", "policy", "policies", "boundary", "boundaries"),
    *("vpc", "endpoint", "identity", "identity-based", "service", "control", "resource", "resource-based"),
    *("permission", "permissions", "session", "sessions", "role", "trust"),
)
"""Words that cannot be adjectives of an endpoint policy."""

each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample["name"]))


def denied(address: str, reason: str, *, of: str = "backup", who: str = WHO) -> Any:
    return api(address, of=of, failed="access-denied", text=f"{who} {reason}".strip())


def expected(row: dict[str, Any]) -> tuple[Denial, str]:
    kind = row["principal_kind"]
    denial = Denial(
        policy=row["policy"],
        explicit=row["explicit"],
        action=row["action"],
        resource=row["resource"],
        principal=row["principal"],
        principal_kind=None if kind is None else PrincipalKind(kind),
        policy_arn=row["arn"],
        via_service_control=row["via_service_control"],
    )
    return denial, row["code"]


def understood(text: str, grammar: Grammar = GRAMMAR) -> tuple[Denial, str]:
    denial = read_denial(text, grammar)
    return denial, code_of(denial, grammar)


# --- Texts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["name"]))
def test_known_texts(row: dict[str, Any]) -> None:
    assert understood(row["text"]) == expected(row)


def test_the_table_has_every_kind_both_ways_and_every_caller() -> None:
    both = {(kind.id, explicit) for kind in KINDS for explicit in (False, True)}
    assert {(row["policy"], row["explicit"]) for row in ROWS} == both | {(None, None)}
    assert {row["principal_kind"] for row in ROWS} == {*PrincipalKind, None}
    assert len({row["name"] for row in ROWS}) == len(ROWS)


SUFFIX: Final = (
    ". Go to https://console.aws.amazon.com/iam/home#/access-troubleshooter for complete details, or call the "
    "iam:GetAuthorizationDetails API with the following authorization id: 67f1576b-af29-4c66-9b2b-10fd67516713"
)


def without_suffix(text: str) -> str:
    """The text of a denial, up to the end of its reason."""
    return re.sub(r"(policy|action)\. .*", r"\1", text)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: f"You may not do this. {text}", id="a sentence before"),
        pytest.param(lambda text: f"No VPC endpoint policy allows this: {text}", id="half a reason before"),
        pytest.param(
            lambda text: f"because no VPC endpoint policy allows the x:Y action. {text}", id="a reason before"
        ),
        pytest.param(without_suffix, id="nothing after"),
        pytest.param(lambda text: without_suffix(text) + SUFFIX, id="the newest end"),
        pytest.param(lambda text: f"{text}.", id="a full stop"),
        pytest.param(lambda text: f"{text} (Service: Backup; Status Code: 403)", id="brackets"),
        pytest.param(lambda text: f"{text}. Encoded authorization failure message: AbC-1_x", id="an encoded message"),
        pytest.param(lambda text: text.replace(" ", "\n   "), id="lines broken everywhere"),
        pytest.param(lambda text: text.replace("\n", " "), id="lines joined"),
        pytest.param(lambda text: text.replace(" ", "\t\r\n"), id="tabs and returns"),
        pytest.param(lambda text: text.replace(" ", "\u00a0"), id="spaces that do not break"),
        pytest.param(lambda text: text.replace("allows the", "allows this"), id="other words after the policy"),
        pytest.param(lambda text: re.sub(r"allows the .* action", "allows it", text), id="no action again"),
        pytest.param(lambda text: re.sub(r"allows the \S+", "allows the x:Y", text), id="another action"),
        pytest.param(lambda text: text.replace("because no ", "because no applicable "), id="an adjective"),
        pytest.param(lambda text: text.replace("deny in a", "deny in one applied a"), id="more of them"),
        pytest.param(lambda text: text.replace(" allows ", " in effect here allows "), id="words before the verb"),
        pytest.param(lambda text: text.replace("explicit deny in", "explicit deny found in"), id="words after deny"),
    ],
)
def test_what_stands_around_makes_no_difference(change: Callable[[str], str]) -> None:
    for sample in SAMPLES:
        assert understood(change(sample["text"])) == expected(sample), sample["name"]


@each_sample
def test_capitals_make_no_difference_to_the_code(sample: dict[str, Any]) -> None:
    denial, code = understood(sample["text"].upper())
    assert (code, denial.principal_kind) == (sample["code"], sample["principal_kind"])
    assert denial.action == sample["action"].upper()


@each_sample
def test_a_text_cut_anywhere_is_read_rightly_or_not_at_all(sample: dict[str, Any]) -> None:
    whole = (sample["policy"], sample["explicit"])
    for end in range(len(sample["text"])):
        denial = read_denial(sample["text"][:end])
        assert (denial.policy, denial.explicit) in (whole, (None, None))


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
        *(pytest.param(f"because no {word} VPC endpoint policy allows it", id=f"{word} before") for word in UNREAD),
    ],
)
def test_unknown_words_are_no_guess(text: str) -> None:
    assert understood(text) == (UNSAID, "IAM009")
    denial, code = understood(f"{WHO} {text}")
    assert (denial.action, denial.policy, code) == ("backup:ListBackupVaults", None, "IAM009")


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
            "is not authorized to perform: a:b with an explicit deny in an identity-based policy: http://example.com",
            *("a:b", None, None),
            id="no ARN",
        ),
        pytest.param(
            "is not authorized to perform: a:b with an explicit deny in an identity-based policy: "
            "arn:aws:iam::1:policy/a,b=c.d@e+f-g. Next",
            *("a:b", None, "arn:aws:iam::1:policy/a,b=c.d@e+f-g"),
            id="every letter that a policy's name can have",
        ),
    ],
)
def test_parts(text: str, action: str | None, resource: str | None, arn: str | None) -> None:
    denial = read_denial(text)
    assert (denial.action, denial.resource, denial.policy_arn) == (action, resource, arn)


def test_every_code_can_be_read() -> None:
    read = {code for kind in KINDS for code in (kind.implicit, kind.explicit)}
    assert read | {"IAM009"} == {code for code in CODES if code.startswith("IAM")}
    assert {rule.code for rule in RULES} == set(REASONS)


# --- Every part of the grammar is needed -----------------------------------------------------------------------------


def others(items: tuple[Any, ...], changed: Any, *instead: Any) -> tuple[Any, ...]:
    """The items, with `changed` replaced by `instead`."""
    at = items.index(changed)
    return (*items[:at], *instead, *items[at + 1 :])


def with_form(form: Form, old: str, new: str) -> Grammar:
    assert old in form.pattern
    return replace(GRAMMAR, forms=others(FORMS, form, replace(form, pattern=form.pattern.replace(old, new))))


def with_sentence(old: str, new: str) -> Grammar:
    assert old in GRAMMAR.sentence
    return replace(GRAMMAR, sentence=GRAMMAR.sentence.replace(old, new))


IMPLICIT, EXPLICIT = FORMS
MUTANTS: Final = {
    **{f"{kind.id} dropped": replace(GRAMMAR, kinds=others(KINDS, kind)) for kind in KINDS},
    **{
        f"{kind.id} taken for {other.id}": replace(
            GRAMMAR, kinds=others(KINDS, kind, replace(kind, id=other.id, implicit="", explicit=""))
        )
        for kind, other in zip(KINDS, (*KINDS[1:], KINDS[0]), strict=True)
    },
    **{
        f"{kind.id} without its code": replace(GRAMMAR, kinds=others(KINDS, kind, replace(kind, **{field: "IAM000"})))
        for kind in KINDS
        for field in ("implicit", "explicit")
    },
    **{
        f"plural of {kind.id} dropped": replace(
            GRAMMAR,
            kinds=others(KINDS, kind, replace(kind, words=re.sub(r"\(\?:y\|ies\)", "y", kind.words).replace("s?", ""))),
        )
        for kind in KINDS
    },
    **{
        f"short name of {kind.id} dropped": replace(
            GRAMMAR, kinds=others(KINDS, kind, replace(kind, words=kind.words.replace("(?:-based)?", "-based")))
        )
        for kind in KINDS
        if "-based" in kind.words
    },
    "implicit dropped": replace(GRAMMAR, forms=(EXPLICIT,)),
    "explicit dropped": replace(GRAMMAR, forms=(IMPLICIT,)),
    "implicit inverted": replace(GRAMMAR, forms=(replace(IMPLICIT, explicit=True), EXPLICIT)),
    "explicit inverted": replace(GRAMMAR, forms=(IMPLICIT, replace(EXPLICIT, explicit=False))),
    "because in a word": with_form(IMPLICIT, r"\bbecause", "because"),
    "no word before the name": with_form(IMPLICIT, r"(?:{adjective}\s+){{0,3}}?", ""),
    "two words before the name": with_form(IMPLICIT, r"{{0,3}}", "{{0,2}}"),
    "no word after the name": with_form(IMPLICIT, r"(?:{word}\s+){{0,5}}?", ""),
    "verb in one form": with_form(IMPLICIT, "allows?", "allows"),
    "half a verb": with_form(IMPLICIT, r"allows?\b", "allow"),
    "with in a word": with_form(EXPLICIT, r"\bwith", "with"),
    "no word before in": with_form(EXPLICIT, r"(?:{word}\s+){{0,3}}?in", "in"),
    "one word before in": with_form(EXPLICIT, r"deny\s+(?:{word}\s+){{0,3}}?", r"deny\s+(?:{word}\s+){{0,1}}?"),
    "an article alone": with_form(EXPLICIT, r"{{0,4}}", "{{0,1}}"),
    "any word before the name": with_form(EXPLICIT, "{adjective}", r"[\w-]+"),
    "no ARN": with_form(EXPLICIT, r"(?::\s*(?P<arn>arn:\S+))?", ""),
    "any thing for an ARN": with_form(EXPLICIT, r"arn:\S+", r"\S+"),
    "no organisation behind": with_form(EXPLICIT, r"service\s+control\s+polic", r"no\s+polic"),
    "any policy behind": with_form(EXPLICIT, r"service\s+control\s+polic", r"\w+"),
    "behind by an article alone": with_form(EXPLICIT, r"through\s+(?:{word}\s+){{0,3}}?", r"through\s+a\s+"),
    **{
        f"{principal.kind} dropped": replace(GRAMMAR, principals=others(PRINCIPALS, principal))
        for principal in PRINCIPALS
    },
    **{
        f"{principal.kind} loose": replace(
            GRAMMAR, principals=others(PRINCIPALS, principal, replace(principal, pattern=f"{principal.pattern}.*"))
        )
        for principal in PRINCIPALS
        if principal.kind in (PrincipalKind.ROOT, PrincipalKind.SERVICE, PrincipalKind.ACCOUNT)
    },
    "any ARN is a user": replace(GRAMMAR, principals=(*PRINCIPALS, replace(PRINCIPALS[2], pattern="arn:.+"))),
    "role without assumed": replace(
        GRAMMAR, principals=others(PRINCIPALS, PRINCIPALS[0], replace(PRINCIPALS[0], pattern=r"arn:.+:assumed-role/.+"))
    ),
    **{
        f"no other partition for {principal.kind}": replace(
            GRAMMAR,
            principals=others(
                PRINCIPALS, principal, replace(principal, pattern=principal.pattern.replace(r"[\w-]+", "aws"))
            ),
        )
        for principal in PRINCIPALS
        if principal.kind in (PrincipalKind.ASSUMED_ROLE, PrincipalKind.ROLE)
    },
    "no service in China": replace(
        GRAMMAR,
        principals=others(
            PRINCIPALS, PRINCIPALS[5], replace(PRINCIPALS[5], pattern=PRINCIPALS[5].pattern.removesuffix(r"(?:\.cn)?"))
        ),
    ),
    "a second kind behind": replace(GRAMMAR, not_joined=r"(?![\w-])"),
    "a second kind behind a comma": replace(GRAMMAR, not_joined=r"(?![\w-])(?!\s*(?:and|or|nor)\b)"),
    "a name in a word": replace(GRAMMAR, not_joined=r"(?!\s*,?\s*(?:and|or|nor)\b)"),
    "anything between": replace(GRAMMAR, between=r"[\s\S]*"),
    "no words between": replace(GRAMMAR, between=r"\.?\s*"),
    "no full stop between": replace(GRAMMAR, between=r"(?:[\s,;]+{word})*[\s,;]*"),
    "words behind a full stop": replace(GRAMMAR, between=r"\.?(?:[\s,;]+{word})*[\s,;]*"),
    "nothing joins": replace(GRAMMAR, joining=()),
    "nothing names": replace(GRAMMAR, naming=()),
    "many sentences": replace(GRAMMAR, most_sentences=9),
    "many reasons": replace(GRAMMAR, most_reasons=9),
    "callers must be said": with_sentence(r"\s+is\s+)?", r"\s+is\s+)"),
    "callers in many words": with_sentence(r"(?P<principal>\S{1,2048})", r"(?P<principal>.{1,2048}?)"),
    "resources in one word": with_sentence(r"[^\"]{1,2048}", r"[^\"\s]{1,2048}"),
    "reasons for resources": with_sentence(r"(?!because\s|with\s)", ""),
    "because for a resource": with_sentence(r"because\s|", ""),
    "with for a resource": with_sentence(r"|with\s", ""),
    "no word before resource": with_sentence(r"(?:[\w-]+\s+){0,2}?", ""),
    "one resource": with_sentence("resources?", "resource"),
    "resources not read": with_sentence(r"(?P<resource>\S{0,2047}[^\s.])", r"(?P<resource>no)"),
    "a full stop in a resource": with_sentence(r"\S{0,2047}[^\s.]", r"\S{1,2048}"),
    "a full stop in an action": with_sentence(r"\S*[^\s.]", r"\S+"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_part_of_the_grammar_changed_breaks_a_row(mutant: str) -> None:
    grammar = MUTANTS[mutant]
    assert grammar != GRAMMAR
    assert [row["name"] for row in ROWS if understood(row["text"], grammar) != expected(row)]


@pytest.mark.parametrize("word", [*JOINING, *NAMING])
def test_a_word_that_is_no_extra_word_allowed_makes_a_guess(word: str) -> None:
    loose = replace(
        GRAMMAR,
        joining=tuple(other for other in JOINING if other != word),
        naming=tuple(other for other in NAMING if other != word),
    )
    assert any(
        code_of(read_denial(f"{WHO} because no {phrase} VPC endpoint policy allows it", loose)) != "IAM009"
        for phrase in UNREAD
    )


# --- Arbitrary texts -------------------------------------------------------------------------------------------------

_WORDS: Final = st.sampled_from(
    [
        *("User:", "is not authorized to perform:", "backup:ListBackupVaults", "on resource:", "because no"),
        *("VPC endpoint policy", "service control policy", "allows the", "with an explicit deny in a", "identity"),
        *("policy", "policies", "transitively through a service control policy", ": arn:aws:iam::1:policy/x", "\n"),
    ]
)
_ANY: Final = st.text(max_size=200) | st.lists(_WORDS | st.text(max_size=5), max_size=14).map(" ".join)
_POSITION: Final = re.compile(
    r"not\s+authorized\s+to\s+perform:\s*\S.*(?:because\s+no|with\s+an\s+explicit\s+deny)\s.*VPC\s+endpoint\s+polic",
    re.IGNORECASE | re.DOTALL,
)
_CLAIMS: Final = (REASONS["IAM001"], REASONS["IAM002"], TRANSITIVE)


@settings(max_examples=extent.examples(400), deadline=None)
@given(_ANY)
@example("is not authorized to perform: x with an explicit deny in a " + "VPC " * 2000)
@example("is not authorized to perform: x " + "because no VPC " * 2000)
@example("is not authorized to perform: " + "a" * 5000 + ":")
@example("is not authorized to perform: a:b on resource: " + "x" * 5000)
@example("is not authorized to perform: a:b on resource: " + '"' * 5000)
@example("User:" * 2000)
@example("User: x" + " " * 5000)
@example("is not authorized to perform: " * 500)
@example("\ud800")
def test_any_text_is_a_denial(text: str) -> None:
    denial, code = understood(text)
    assert code in REASONS
    assert (denial.policy is None) is (denial.explicit is None)
    for part in (denial.action, denial.resource, denial.principal, denial.policy_arn):
        assert part is None or (part in text and len(part) <= 2048)
    if denial.policy == "vpc-endpoint":
        assert _POSITION.search(text) is not None


@settings(max_examples=extent.examples(400), deadline=None)
@given(st.sampled_from(_CLAIMS), st.sampled_from(sorted(set(REASONS) - {"IAM001", "IAM002"})), _ANY, _ANY, st.data())
def test_a_reason_quoted_in_a_name_is_not_believed(
    claim: str, code: str, before: str, after: str, data: st.DataObject
) -> None:
    """A caller can choose the names of the session and of the resource. Such a name must not make a denial look like
    that of an endpoint.
    """
    quoted = f"{before} {claim} {after}"
    one_word = "-".join(quoted.split())
    reason = REASONS[code]
    # If AWS gives no reason, plain words after a resource look like one.
    names = [one_word, '"' + quoted.replace('"', "") + '"', *([quoted] if reason else [])]
    principal = data.draw(st.sampled_from([quoted, one_word, JOHN]))
    resource = data.draw(st.sampled_from(names))
    text = f"User: {principal} is not authorized to perform: backup:ListBackupVaults on resource: {resource} {reason}"
    assert read_denial(text).policy != "vpc-endpoint"
    assert code_of(read_denial(text)) in (code, "IAM009")


# --- Rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", REASONS)
def test_each_kind_is_one_finding(code: str) -> None:
    seen = evidence([*HERE, denied(A, REASONS[code]), denied(B, REASONS[code])])
    assert [finding.code for rule in RULES for finding in findings_of(rule, seen)] == [code]
    assert CODES[code].severity is (Severity.CRITICAL if code in ("IAM001", "IAM002") else Severity.WARNING)


VAULT: Final = "arn:aws:backup:eu-west-1:123456789012:backup-vault:Default"


AT_BUCKET: Final = target("s3", bucket="backups")
DENIED_BUCKET: Final = [*healthy(AT_BUCKET), api(A, of="s3", failed="access-denied", code="403")]


def test_a_denial_at_a_bucket_is_a_fault_of_what_the_agent_needs() -> None:
    [finding] = findings_of(rule_of(RULES, "IAM009"), evidence(DENIED_BUCKET, targets=[AT_BUCKET]))
    assert (finding.severity, finding.is_no_fault) == (None, False)


@pytest.mark.parametrize(
    "text",
    [
        f"User: arn:aws:iam::123456789012:user/a{letter}payroll is not authorized to perform: backup:ListBackupVaults "
        f"on resource: {resource} {reason}: arn:aws:iam::123456789012:policy/a{letter}payroll"
        for resource in ("arn:aws:backup:eu-west-1:123456789012:backup-vault:payroll", "payroll", '"a payroll"')
        for reason in (*REASONS.values(), "for payroll")
        for letter in (",", ";", ")", "'", '"', ".", "=")
    ],
)
def test_a_masked_report_names_neither_caller_nor_resource_nor_policy(text: str) -> None:
    report = redact(judge_evidence(evidence([*HERE, api(A, failed="access-denied", text=text)])))
    assert [finding.code for finding in report.findings if finding.code.startswith("IAM")]
    assert "payroll" not in "".join(finding.detail for finding in report.findings)
    assert "payroll" not in json_format.render(report)


def test_a_text_that_is_not_read_is_shown_escaped() -> None:
    text = "No\x1b[31m \u202eaccess\x07\r\nOK: all well"
    report = judge_evidence(evidence([*HERE, api(A, failed="access-denied", text=text)]))
    shown = text_format.render(report)
    assert "IAM009" in shown
    assert shown.isascii()
    assert shown.replace("\n", "").isprintable()
    assert "\\x1b[31m \\u202eaccess\\x07\\r\\nOK:" in " ".join(shown.split())


# --- What the findings say -------------------------------------------------------------------------------------------

OF_ONE_ADDRESS: Final = (
    ("IAM001", "an endpoint's policy is silent", REASONS["IAM001"]),
    ("IAM002", "on behalf of another", TRANSITIVE),
    ("IAM002", "an endpoint's policy denies", REASONS["IAM002"]),
    (
        "IAM003",
        "a policy by its ARN",
        "with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/Deny",
    ),
    ("IAM003", "a Deny of its own", "with an explicit deny in an identity-based policy"),
    ("IAM006", "a Deny in the boundary", "with an explicit deny in a permissions boundary"),
    ("IAM008", "a resource by its ARN", f"on resource: {VAULT} {REASONS['IAM008']}"),
    ("IAM008", "a resource by a name that masking would not know", f"on resource: payroll {REASONS['IAM008']}"),
    (
        "IAM007",
        "an ARN that masking would not take whole",
        "with an explicit deny in a session policy: arn:aws:iam::123456789012:policy/Deny,secret",
    ),
    ("IAM009", "no reason", ""),
    ("IAM009", "a policy of another call", "because no role trust policy allows the sts:AssumeRole action"),
)
CALLERS: Final = {
    "too short a number of an account": "arn:aws:sts::1:assumed-role/HR/x",
    "a session": "arn:aws:sts::123456789012:assumed-role/HR/i-1",
    "a federated user": "arn:aws:sts::123456789012:federated-user/J",
    "the root user": "arn:aws:iam::123456789012:root",
    "a role": "arn:aws:iam::123456789012:role/HR",
    "an account": "123456789012",
    "a service": "backup.amazonaws.com",
    "an ARN that masking would cut": "arn:aws:iam::123456789012:user/a,b",
    "another word": "anonymous",
}
ACTIONS_OF_A_GATEWAY: Final = (
    ("IAM001", "backup-gateway:ListGateways"),
    ("IAM001", "Backup-Gateway:ListGateways"),
    ("IAM001", "backup:ListBackupVaults"),
    ("IAM002", "backup-gateway:ListGateways"),
    ("IAM003", "backup-gateway:ListGateways"),
)


def at_gateway(reason: str, who: str) -> Observations:
    return [*here("backup-gateway", A), denied(A, reason, of="backup-gateway", who=who)]


CASES_THAT_FIRE = [
    *(
        fires(code, "at both addresses", [*HERE, denied(A, reason), denied(B, reason)])
        for code, reason in REASONS.items()
    ),
    *(fires(code, name, [*HERE, denied(A, reason)]) for code, name, reason in OF_ONE_ADDRESS),
    *(
        fires(
            "IAM003",
            f"to {name}",
            [
                *HERE,
                denied(
                    A,
                    REASONS["IAM003"],
                    who=f"User: {principal} is not authorized to perform: backup:ListBackupVaults",
                ),
            ],
        )
        for name, principal in CALLERS.items()
    ),
    *(
        fires(
            code,
            f"at a gateway, {action}",
            at_gateway(REASONS[code], f"User: {JOHN} is not authorized to perform: {action}"),
            targets=[BACKUP, GATEWAY],
        )
        for code, action in ACTIONS_OF_A_GATEWAY
    ),
    fires(
        "IAM002",
        "a text without an action",
        at_gateway(REASONS["IAM002"], "You are not authorized to perform: it"),
        targets=[BACKUP, GATEWAY],
    ),
    fires("IAM009", "at a bucket", DENIED_BUCKET, targets=[AT_BUCKET]),
    fires("IAM009", "without a text", [*HERE, api(A, failed="access-denied")]),
]


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([api(A), api(B)], id="allowed"),
        pytest.param([api(A, failed="throttled", text=f"{WHO} {REASONS['IAM001']}")], id="another kind of no"),
        pytest.param([denied(C, REASONS["IAM001"])], id="an address that this host does not use"),
        pytest.param([denied(A, REASONS["IAM001"], of="backup-gateway")], id="a target that the run lacks"),
        pytest.param([api(A, skipped="no credentials")], id="not made"),
        pytest.param([], id="never tried"),
    ],
)
def test_silent(observations: Observations) -> None:
    seen = evidence([*HERE, *observations])
    assert [finding for rule in RULES for finding in findings_of(rule, seen)] == []


def test_two_kinds_are_two_findings() -> None:
    seen = evidence([*HERE, denied(A, REASONS["IAM001"]), denied(B, REASONS["IAM003"])])
    spoken = [finding for rule in RULES for finding in findings_of(rule, seen)]
    assert [(finding.code, finding.addresses) for finding in spoken] == [
        ("IAM001", frozenset(addresses(A))),
        ("IAM003", frozenset(addresses(B))),
    ]


@pytest.mark.parametrize("code", REASONS)
def test_no_word_of_aws_gets_into_a_command(code: str) -> None:
    who = "User: x is not authorized to perform: evil:$(id) on resource: --profile"
    seen = evidence([*HERE, denied(A, REASONS[code], who=who)])
    [finding] = findings_of(rule_of(RULES, code), seen)
    words = [word for command in finding.fix.commands for word in command.argv]
    assert not [word for word in words if "evil" in word or "--profile" in word]


POLICY: Final = "arn:aws:organizations::777788889999:policy/o-exampleorgid/service_control_policy/p-examplepolicyid123"


@pytest.mark.parametrize(
    ("of_gateway", "is_one"),
    [
        pytest.param(f"{REASONS['IAM004']}: {POLICY}", True, id="the same policy"),
        pytest.param(f"{REASONS['IAM004']}: {POLICY}4", False, id="another policy"),
        pytest.param(REASONS["IAM004"], False, id="a policy that AWS does not name"),
    ],
)
def test_a_policy_that_denies_the_calls_of_two_services_is_one_cause(of_gateway: str, is_one: bool) -> None:
    texts = {"backup": f"{REASONS['IAM004']}: {POLICY}", "backup-gateway": of_gateway}
    seen = [
        row
        for service, text in texts.items()
        for row in (*here(service, A), api(A, of=service, failed="access-denied", text=f"{WHO} {text}"))
    ]
    report = judge_evidence(evidence(seen, targets=[BACKUP, GATEWAY], of=run(calls=Calls.EACH)))
    cause_of = {finding.id: finding.explained_by for finding in report.findings if finding.code == "IAM004"}
    assert cause_of == {"IAM004@backup": None, "IAM004@backup-gateway": "IAM004@backup" if is_one else None}


# --- Endpoint policies of least privilege ---------------------------------------------------------------------------

ALLOW: Final = {"Effect": "Allow", "Principal": "*", "Resource": "*"}
READS: Final = "secretsmanager:GetSecretValue"
DENIES: Final = {"Effect": "Deny", "Principal": "*", "Action": READS, "Resource": "*"}
HANA_ALONE: Final = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:HANA-*"
OTHER_ORGANISATION: Final = {"StringEquals": {"aws:PrincipalOrgID": "o-1a2b3c4d5e"}}


@pytest.mark.parametrize(
    ("statements", "severity"),
    [
        pytest.param([{**ALLOW, "Action": READS}], Severity.INFO, id="all that HANA needs"),
        pytest.param([{**ALLOW, "Action": "secretsmanager:Get*"}], Severity.INFO, id="by a pattern"),
        pytest.param([{**ALLOW, "Action": READS, "Resource": HANA_ALONE}], Severity.INFO, id="one secret"),
        pytest.param([{**ALLOW, "Action": "secretsmanager:PutSecretValue"}], Severity.CRITICAL, id="another call"),
        pytest.param([{**ALLOW, "Action": "kms:*"}], Severity.CRITICAL, id="another service"),
        pytest.param([DENIES], Severity.CRITICAL, id="no Allow at all"),
        pytest.param([{**ALLOW, "Action": READS}, DENIES], Severity.CRITICAL, id="allowed, and denied"),
        pytest.param(
            [{**ALLOW, "Action": READS, "Condition": OTHER_ORGANISATION}], Severity.WARNING, id="for an organisation"
        ),
        pytest.param(
            [{**ALLOW, "Action": READS}, {**DENIES, "Resource": HANA_ALONE}],
            Severity.WARNING,
            id="allowed, and one secret denied",
        ),
    ],
)
def test_a_policy_is_judged_by_what_the_workload_calls(statements: list[dict[str, Any]], severity: Severity) -> None:
    text = scenario_files.text("hana-policy-of-least-privilege")
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    report = judge(measured(parse("policy", re.sub(r"policy = '.*'", f"policy = '{policy}'", text)))[0])
    found = {finding.code: finding for finding in report.findings}
    assert set(found) == {"IAM001", "VPC008"}
    assert {finding.severity for finding in found.values()} == {severity}
    assert report.verdict.status is (Status.OK if severity is Severity.INFO else Status(severity.value))
    assert report.verdict.access is Access.DENIED
    assert all(READS in finding.detail for finding in found.values())
    is_to_be_allowed = severity is not Severity.INFO
    assert all((READS in finding.fix.summary) is is_to_be_allowed for finding in found.values())


@pytest.mark.parametrize(
    ("option", "severity"),
    [
        pytest.param('services = ["secretsmanager"]', Severity.CRITICAL, id="who calls it is not known"),
        pytest.param('workloads = ["hana"]', Severity.INFO, id="HANA calls it"),
    ],
)
def test_what_an_option_names_is_judged_by_this_program_s_own_call(option: str, severity: Severity) -> None:
    text = scenario_files.text("hana-policy-of-least-privilege")
    text = text.replace("\n[host]\n", f"\n[run]\n{option}\n\n[host]\n", 1)
    [finding] = [one for one in judge(measured(parse("option", text))[0]).findings if one.code == "IAM001"]
    assert finding.severity is severity
