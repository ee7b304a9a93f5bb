"""Subjects of findings, as data."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from agent.report.model import Finding, Report, SubjectKind
from agent.report.redact import redact
from probes.masks import HOSTED_ZONE, ID_KINDS
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of

_IDS: Final = re.compile(
    rf"\b(?:(?:{ID_KINDS})-[0-9a-f]{{8,17}}|rslvr-[a-z]+-[0-9a-f]{{8,17}})\b|{HOSTED_ZONE}|(?<!\d)\d{{12}}(?!\d)"
)
"""Ids of resources and of accounts, as AWS writes them."""
_NO_SUBJECTS: Final = {
    ("VPC001", "subnet"): "subnets proposed for an endpoint that is not there yet, this host's first",
    ("VPC005", "sg"): "whom a group admits in place of this host",
    ("VPC013", "vpc"): "the VPC of a facts file that was not used, which is at no fault",
    ("VPC015", "vpce"): "the endpoint that is in order and does not get to answer",
    ("VPC018", "vpce"): "the endpoint that is in order and does not get to answer",
}
"""Ids that a finding names although they are not its subjects, by code and kind of id."""


def words_of(finding: Finding) -> Iterator[str]:
    """The texts of a finding that may hold ids."""
    yield finding.detail
    for command in finding.fix.commands:
        yield from command.argv


def unnamed(report: Report) -> Iterator[tuple[str, str, str]]:
    """The ids in a finding's texts that are neither this host's own nor subjects of the finding. Each is given with the
    finding's code and the id's kind.
    """
    seen = report.vantage
    own = {seen.instance_id, seen.subnet_id, *seen.security_group_ids}
    for finding in report.findings:
        subjects = {subject.id for subject in finding.subjects}
        for id_ in {id_ for text in words_of(finding) for id_ in _IDS.findall(text)} - subjects - own:
            yield finding.code, id_.partition("-")[0], id_


@pytest.mark.parametrize("name", one_in(16, scenarios.names()))
def test_every_id_in_the_texts_of_a_finding_is_among_its_subjects(name: str) -> None:
    report = report_of(name)
    assert [row for row in unnamed(report) if row[:2] not in _NO_SUBJECTS] == []
    for finding in report.findings:
        assert len(set(finding.subjects)) == len(finding.subjects)
        assert report.vantage.instance_id not in {subject.id for subject in finding.subjects}


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("backup-storage-endpoint-missing-in-china", "VPC001", "subnet"),
        ("group-of-others-admitted", "VPC005", "sg"),
        ("facts-file-of-another-vpc", "VPC013", "vpc"),
        ("rule-forwards-to-public", "VPC015", "vpce"),
        ("route-53-profile-rule-forwards-to-public", "VPC018", "vpce"),
    ],
)
def test_each_exception_is_needed(name: str, code: str, kind: str) -> None:
    found = {row[:2] for row in unnamed(report_of(name))}
    if kind != "subnet":  # only a subnet other than this host's needs the exception
        assert (code, kind) in found
    assert (code, kind) in _NO_SUBJECTS


def subjects_in(name: str, code: str, *, masked: bool = False) -> list[str]:
    report = redact(report_of(name)) if masked else report_of(name)
    finding = next(finding for finding in report.findings if finding.code == code)
    return [f"{subject.kind}={subject.id}" for subject in finding.subjects]


VPC_ID: Final = "vpc=vpc-0a1b2c3d4e5f67890"


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("one-zone-silent", "TCP002", [VPC_ID, "address=10.0.2.17", "port=443"]),
        ("gateway-activation-port-blocked", "TCP003", [VPC_ID, "address=10.0.1.27", "address=10.0.2.27", "port=1027"]),
        (
            "tls-intercepted",
            "TLS001",
            [
                *(VPC_ID, "address=10.0.1.17", "address=10.0.2.17", "address=10.0.3.17"),
                "issuer=CN=Example Corp TLS Inspection,O=Example Corp",
            ],
        ),
        ("resolver-silent", "DNS004", [VPC_ID, "resolver=10.0.9.53"]),
        ("proxy-down", "HTTP003", [VPC_ID, "url=http://10.0.1.90:3128"]),
        ("sdk-url-elsewhere", "ENV005", ["address=10.0.1.44", "url=https://localstack.example.internal"]),
        (
            "identity-policy-denies",
            "IAM003",
            ["address=10.0.1.17", "address=10.0.2.17", "role=BackupAgent", "account=111122223333"],
        ),
        ("no-credentials", "API001", []),
    ],
)
def test_what_was_measured(name: str, code: str, expected: list[str]) -> None:
    assert subjects_in(name, code) == expected


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("gateway-group-for-the-appliance", "VPC005", ["group=sg-0f1b2c3d4e5f67890"]),
        ("route-into-nothing", "VPC007", ["route-table=rtb-0b1b2c3d4e5f67890", "interface=eni-0d1b2c3d4e5f67890"]),
        ("rule-forwards-to-public", "VPC015", ["rule=rslvr-rr-0a1b2c3d4e5f67890"]),
        ("old-facts", "VPC002", ["endpoint=vpce-0b1b2c3d4e5f67890"]),
        ("zone-not-covered", "VPC009", ["endpoint=vpce-0b1b2c3d4e5f67890", "zone=euw1-az1"]),
    ],
)
def test_what_the_configuration_names(name: str, code: str, expected: list[str]) -> None:
    measured = ("vpc=", "address=", "port=")
    assert [subject for subject in subjects_in(name, code) if not subject.startswith(measured)] == expected


def test_ports_come_by_number() -> None:
    subjects = subjects_in("gateway-group-for-the-appliance", "VPC005")
    ports = [subject for subject in subjects if subject.startswith("port=")]
    assert ports == ["port=1026", "port=1027", "port=1028", "port=1031", "port=2222"]


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("identity-policy-denies", "IAM003", {"role=role-1", "account=account-1"}),
        ("tls-intercepted", "TLS001", {"vpc=vpc-1", "issuer=certificate-2"}),
        ("proxy-down", "HTTP003", {"vpc=vpc-1", "url=proxy-1"}),
        ("gateway-group-for-the-appliance", "VPC005", {"vpc=vpc-1", "group=sg-1"}),
    ],
)
def test_subjects_are_masked_as_the_fields_are(name: str, code: str, expected: set[str]) -> None:
    assert expected <= set(subjects_in(name, code, masked=True))
    masked = redact(report_of(name))
    assert redact(masked).findings == masked.findings


@pytest.mark.parametrize("name", one_in(16, scenarios.names()))
def test_no_subject_is_as_it_was_in_a_masked_report(name: str) -> None:
    report = report_of(name)
    told = frozenset({SubjectKind.PORT, SubjectKind.RESOLVER, SubjectKind.ADDRESS, SubjectKind.ZONE})
    for old, new in zip(report.findings, redact(report).findings, strict=True):
        assert [subject.kind for subject in old.subjects] == [subject.kind for subject in new.subjects]
        for was, subject in zip(old.subjects, new.subjects, strict=True):
            assert was.kind in told or was.id != subject.id
