"""The beginning of an audit: the table of VPCs, with the worst VPC first, and the faults that several VPCs share."""

import csv
import io
from dataclasses import replace
from typing import Final

import pytest

from agent.app.publish import AUDIT, rendered
from agent.audit.audit import audit
from agent.audit.model import AuditDocument
from agent.audit.request import AuditRequest
from agent.predict.prediction import facts_of
from agent.report.model import Status
from agent.settings import Ec2Facts, Suppression, Workload
from tests.agent.audit.test_review import ASKED, DEFAULT, DENY, OUT, REVIEW, acl, endpoints, first, group
from tests.formats import html_page
from tests.support import large_account, large_vpc

ACCOUNT: Final = tuple(large_account.vpcs(6))[1:]
"""VPCs in which everything works."""
WARNED, SHUT, SOUND, BARE, UNREAD = ACCOUNT
IN_ORDER: Final = (SHUT, UNREAD, WARNED, SOUND, BARE)


def without_endpoints(of: Ec2Facts) -> Ec2Facts:
    return endpoints(lambda place: True, state="deleted")(of)


def unread(of: Ec2Facts) -> Ec2Facts:
    kept = tuple(one for one in of.observations if one.subject.operation != "endpoints")
    return replace(of, observations=kept)


def audited(*read: Ec2Facts, asked: AuditRequest = ASKED) -> AuditDocument:
    return audit([facts_of(one, (), large_vpc.ACCOUNT) for one in read], asked)


@pytest.fixture(scope="module")
def document() -> AuditDocument:
    """An audit of VPCs, one for each status. The audit gets the VPCs in the order of their ids."""
    asked = replace(REVIEW, workloads=())
    return audited(
        first(policy=DEFAULT)(WARNED),
        group(OUT, only=True)(SHUT),
        SOUND,
        without_endpoints(BARE),
        unread(UNREAD),
        asked=asked,
    )


def test_the_worst_vpc_comes_first_and_what_does_not_count_last(document: AuditDocument) -> None:
    assert [vpc.status for vpc in document.vpcs] == [
        *(Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK, Status.NOT_IN_USE)
    ]
    assert [vpc.vpc_id for vpc in document.vpcs] == [of.vpc_id for of in IN_ORDER]
    assert [vpc.counts for vpc in document.vpcs] == [True, True, True, True, False]


def test_each_vpc_has_its_cause_and_what_to_do_first(document: AuditDocument) -> None:
    shut, unread_one, warned, sound, bare = document.vpcs
    assert shut.cause.startswith("VPC005 backup")
    assert shut.to_do == f"Allow 443 in {shut.faults[0].subjects[0]}"
    assert (unread_one.cause, unread_one.to_do is None) == ("the endpoints were not read", False)
    assert warned.cause.startswith("VPC021 ")
    assert warned.to_do is not None
    assert "vpce-" in warned.to_do
    assert (sound.cause, sound.to_do) == ("nothing is wrong", None)
    assert (bare.cause, bare.to_do) == ("no endpoint of a workload", None)


def test_the_cause_is_the_first_fault_that_counts_and_how_many_follow() -> None:
    (vpc,) = audited(endpoints(policy=DEFAULT)(acl(DENY)(SHUT)), asked=REVIEW).vpcs
    counting = [fault for fault in vpc.faults if fault.counts and fault.severity.value != "info"]
    assert vpc.cause.startswith(f"{vpc.faults[0].code} ")
    assert vpc.cause.endswith(f"; and {len(counting) - 1} more")
    known = Suppression(code="VPC006", target=None)
    (vpc,) = audited(endpoints(policy=DEFAULT)(acl(DENY)(SHUT)), asked=replace(REVIEW, suppressions=(known,))).vpcs
    assert vpc.cause.startswith("VPC021 ")


def test_information_is_named_where_nothing_is_wrong() -> None:
    (vpc,) = audited(endpoints(policy=DEFAULT)(SOUND)).vpcs
    assert (vpc.cause, vpc.to_do) == ("nothing is wrong; for information: VPC021", None)


@pytest.mark.parametrize("wanted", [name for name in AUDIT.formats if name != "eventbridge"])
def test_every_format_has_the_order_and_the_answer(wanted: str, document: AuditDocument) -> None:
    out = " ".join(rendered(AUDIT, document, wanted).split())
    assert [of.vpc_id for of in sorted(IN_ORDER, key=lambda of: _after_the_verdict(out, of.vpc_id, wanted))] == [
        of.vpc_id for of in IN_ORDER
    ]
    for vpc in document.vpcs:
        if wanted not in ("text", "html"):  # text breaks lines, and HTML escapes characters
            assert vpc.cause[1:] in out
            assert vpc.to_do is None or vpc.to_do in out


def _after_the_verdict(out: str, vpc_id: str, wanted: str) -> int:
    begin = {"text": "VPCs, the worst first", "markdown": "## VPCs", "html": "<table", "json": '"vpcs"', "csv": "\r\n"}
    return out.index(vpc_id, max(out.find(begin[wanted]), 0))


def test_the_status_is_the_second_column(document: AuditDocument) -> None:
    head, *rows = csv.reader(io.StringIO(rendered(AUDIT, document, "csv")))
    assert head[:4] == ["vpc", "vpc_status", "vpc_cause", "vpc_to_do"]
    assert [*dict.fromkeys((row[0], row[1]) for row in rows)] == [(vpc.vpc_id, vpc.status) for vpc in document.vpcs]
    heads = next(line for line in rendered(AUDIT, document, "markdown").splitlines() if line.startswith("|"))
    assert [cell.strip() for cell in heads.split("|")[1:5]] == ["VPC", "status", "cause", "what to do"]
    cells = [one.text for one in html_page.read(rendered(AUDIT, document, "html")) if one.name == "th"]
    assert cells[:4] == ["VPC", "status", "cause", "what to do"]
    lines = rendered(AUDIT, document, "text").splitlines()
    place = next(number for number, line in enumerate(lines) if line.split()[:2] == ["VPC", "status"])
    assert lines[place + 1].split()[:2] == [document.vpcs[0].vpc_id, "CRITICAL"]


def test_places_are_named_where_they_differ(document: AuditDocument) -> None:
    assert "eu-west-1, account" not in rendered(AUDIT, document, "text").partition("----")[0]
    other = facts_of(acl(DENY)(SHUT), (), "999988887777")
    both = audit([facts_of(SOUND, (), large_vpc.ACCOUNT), other], ASKED)
    table = " ".join(rendered(AUDIT, both, "text").partition("----")[0].split())
    assert "eu-west-1, account 999988887777: VPC006" in table


# --- Faults of several VPCs ------------------------------------------------------------------------------------------


def test_a_fault_of_several_vpcs_is_told_once_with_all_of_them() -> None:
    several = [acl(DENY)(of) for of in (WARNED, SHUT, SOUND)]
    document = audited(*several, BARE)
    # The other VPC006 is about the ports of an appliance.
    told, _ = (fault for fault in document.repeated if fault.code == "VPC006")
    assert [one.vpc_id for one in told.vpcs] == [of.vpc_id for of in several]
    for one, of in zip(told.vpcs, several, strict=True):
        assert [subject.removeprefix("acl-") for subject in one.subjects] == [of.vpc_id.removeprefix("vpc-")]
    assert told.fix == document.vpcs[0].faults[0].fix
    assert all(any(fault.code == "VPC006" for fault in vpc.faults) for vpc in document.vpcs[:3]), "JSON has each"
    for wanted in ("text", "markdown"):
        out = " ".join(rendered(AUDIT, document, wanted).split())
        assert out.count(f"443: {told.title}, in 3 VPCs") == 1
        assert all(out.count(one.detail[:60]) == 1 for one in told.vpcs), "each is told where all are, and only there"
        assert out.count("What to do") < sum(len(vpc.faults) for vpc in document.vpcs)
        assert out.count("Faults of several VPCs, shown above") == 3


def test_a_fault_of_one_vpc_is_told_there_alone() -> None:
    document = audited(acl(DENY)(SHUT), SOUND)
    assert document.repeated == ()
    assert "shown above" not in rendered(AUDIT, document, "text")


def test_what_differs_in_code_severity_or_service_is_told_apart() -> None:
    known = replace(ASKED, suppressions=(Suppression(code="VPC006", target=SOUND.vpc_id),))
    assert audited(acl(DENY)(SHUT), acl(DENY)(SOUND), asked=known).repeated == (), "one of them is suppressed"
    assert audited(acl(DENY)(SHUT), first(policy=DEFAULT)(SOUND)).repeated == (), "their codes differ"
    missing = replace(ASKED, services=("ec2",), workloads=(Workload.CALLER,))
    several = audited(SHUT, SOUND, asked=missing).repeated
    assert [(fault.code, {one.services for one in fault.vpcs}) for fault in several] == [("VPC001", {("ec2",)})]
