"""The document for Security Hub: one ASFF finding for each host, which lists the findings that decide the verdict."""

from dataclasses import replace

import pytest

from agent.formats import asff
from agent.judge.verdict import refusal
from agent.report.redact import redact
from tests.formats.aws_requests import findings
from tests.support.runs import report_of

INSTANCE = "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f67890"


@pytest.mark.parametrize(
    ("name", "label", "compliance", "state"),
    [
        ("healthy", "INFORMATIONAL", "PASSED", "ARCHIVED"),
        ("gateway-activation-port-blocked", "MEDIUM", "WARNING", "ACTIVE"),
        ("one-zone-silent", "HIGH", "FAILED", "ACTIVE"),
        ("region-unknown", "MEDIUM", "NOT_AVAILABLE", "ACTIVE"),
    ],
)
def test_a_verdict(name: str, label: str, compliance: str, state: str) -> None:
    (finding,) = findings(asff.render(report_of(name)))
    assert finding["Severity"]["Label"] == label
    assert finding["Compliance"]["Status"] == compliance
    assert finding["RecordState"] == state


def test_a_host_has_one_finding_whatever_its_state() -> None:
    ids = {findings(asff.render(report_of(name)))[0]["Id"] for name in ("healthy", "one-zone-silent", "three-faults")}
    assert ids == {"backuplink/eu-west-1/111122223333/i-0a1b2c3d4e5f67890"}


def test_the_first_cause_gives_title_and_remedy() -> None:
    report = report_of("one-zone-silent")
    (finding,) = findings(asff.render(report))
    assert finding["Title"] == f"backuplink: {report.verdict.summary}"
    assert finding["Remediation"]["Recommendation"]["Text"] == report.findings[0].fix.summary
    assert finding["Remediation"]["Recommendation"]["Url"].startswith("https://docs.aws.amazon.com/")
    assert finding["ProductFields"]["backuplink/codes"] == "TCP002"


def test_healthy_has_nothing_to_remedy() -> None:
    (finding,) = findings(asff.render(report_of("healthy")))
    assert "Remediation" not in finding
    assert "backuplink/codes" not in finding["ProductFields"]


def test_resources_are_the_host_and_what_the_causes_are_about() -> None:
    (finding,) = findings(asff.render(report_of("endpoint-group-shut")))
    assert finding["Resources"][0] == {"Type": "AwsEc2Instance", "Id": INSTANCE, "Region": "eu-west-1"}
    assert any(
        resource["Type"] == "AwsEc2SecurityGroup"
        and resource["Id"].startswith("arn:aws:ec2:eu-west-1:111122223333:security-group/sg-")
        for resource in finding["Resources"]
    )


def test_a_finding_that_does_not_count_is_none() -> None:
    (finding,) = findings(asff.render(report_of("gateway-optional-ports")))
    assert finding["Compliance"]["Status"] == "PASSED"
    assert "backuplink/codes" not in finding["ProductFields"]


def test_the_names_of_a_partition() -> None:
    (finding,) = findings(asff.render(report_of("healthy-china")))
    assert finding["ProductArn"].startswith("arn:aws-cn:securityhub:cn-")


def test_a_masked_report_names_no_account() -> None:
    (finding,) = findings(asff.render(redact(report_of("endpoint-group-shut"))))
    assert finding["AwsAccountId"] == "0" * 12
    assert [resource["Type"] for resource in finding["Resources"]] == ["Other"]


def test_a_call_that_was_refused() -> None:
    (finding,) = findings(asff.render(refusal("--timeout: it is not a number")))
    assert finding["Compliance"]["Status"] == "NOT_AVAILABLE"
    assert "--timeout" in finding["Description"]


def test_many_causes_are_counted_where_they_do_not_fit() -> None:
    report = report_of("one-zone-silent")
    many = tuple(replace(report.findings[0], id=f"TCP002@{number}", detail="x" * 300) for number in range(40))
    (finding,) = findings(asff.render(replace(report, findings=many)))
    assert finding["Description"].endswith(" more causes: --format text has them.")
    assert len(finding["ProductFields"]) > 40
