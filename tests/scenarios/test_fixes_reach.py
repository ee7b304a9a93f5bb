"""A fix names the setting, the policy and the owner that decide, and not other ones that look similar."""

import pytest

from agent.report.model import Finding
from tests.support.runs import report_of


def finding_of(name: str, finding_id: str) -> Finding:
    return next(finding for finding in report_of(name).findings if finding.id == finding_id)


def words_of(finding: Finding) -> str:
    return " ".join((finding.fix.summary, *(" ".join(command.argv) for command in finding.fix.commands)))


@pytest.mark.parametrize(
    ("name", "finding_id", "said", "silent"),
    [
        pytest.param(
            "ssm-without-messages-endpoint", "DNS001@ssmmessages", "Mgs.Endpoint", "AWS_ENDPOINT_URL", id="messages"
        ),
        pytest.param(
            "ssm-private-dns-of-one-off", "VPC002@ssmmessages", "Mgs.Endpoint", "AWS_ENDPOINT_URL", id="private DNS off"
        ),
        pytest.param(
            "private-dns-off", "DNS001@backup", "AWS_ENDPOINT_URL_BACKUP", "amazon-ssm-agent.json", id="another service"
        ),
        pytest.param(
            "web-identity-denied-by-the-sts-endpoint-policy",
            "API010",
            "com.amazonaws.eu-west-1.sts",
            "Deny",
            id="no Allow at the endpoint of STS",
        ),
        pytest.param(
            "web-identity-denied-by-a-deny-of-the-sts-endpoint",
            "API010",
            "Deny of sts:AssumeRoleWithWebIdentity",
            "Allow of",
            id="a Deny at the endpoint of STS",
        ),
        pytest.param(
            "zone-of-another-account-for-a-central-endpoint",
            "TCP001@backup",
            "(Z0A1B2C3D4E5F6G7H8I9) of account 444455556666",
            "--group-id",
            id="a central endpoint by a shared zone",
        ),
        pytest.param(
            "route-53-profile-of-another-account-with-its-endpoint",
            "TCP001@backup",
            "rp-0a1b2c3d4e5f6789",
            "--group-id",
            id="a central endpoint by a Profile",
        ),
        pytest.param(
            "central-gateway-endpoint-443-only",
            "TCP003@backup-gateway",
            "in another VPC",
            "--group-id",
            id="a gateway's ports at a central endpoint",
        ),
        pytest.param("port-blocked", "TCP001@backup", "--group-id", "another VPC", id="an endpoint of this VPC"),
        pytest.param(
            "on-premises-one-service-not-forwarded",
            "DNS001@ssm",
            "forward ssm.eu-west-1.amazonaws.com, too",
            "--private-dns-enabled",
            id="on premises, one service is not forwarded",
        ),
        pytest.param(
            "on-premises-one-service-not-forwarded-and-unknown",
            "DNS003@ssm",
            "forward ssm.eu-west-1.amazonaws.com, too",
            "misspelt",
            id="on premises, one service is not known",
        ),
        pytest.param(
            "outside-aws-public",
            "DNS001@backup",
            "own DNS name",
            ", too, to the inbound",
            id="on premises, none is forwarded",
        ),
        pytest.param("throttled-logs", "API007@logs", " 10 calls of ", " 20 ", id="the rate of logs"),
        pytest.param("throttled", "API007@backup", " 20 calls of ", " 10 ", id="the rate of AWS Backup"),
        pytest.param("credential-source-fails", "API010", "a process that fails", "STS endpoint", id="a process"),
    ],
)
def test_a_fix_reaches_what_failed(name: str, finding_id: str, said: str, silent: str) -> None:
    words = words_of(finding_of(name, finding_id))
    assert said in words
    assert silent not in words


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("zone-of-another-account-for-a-central-endpoint", {"444455556666"}),
        (
            "route-53-profile-of-another-account-with-its-endpoint",
            {"444455556666", "rp-0a1b2c3d4e5f6789", "vpce-0c1b2c3d4e5f67890"},
        ),
        ("central-endpoint-silent", set()),
    ],
)
def test_what_leads_to_a_central_endpoint_is_named_with_its_owner(name: str, ids: set[str]) -> None:
    finding = finding_of(name, "DNS009@backup")
    assert {subject.id for subject in finding.subjects} >= ids
    assert all(one in finding.detail for one in ids)
    assert ("The name is led there by" in finding.detail) is bool(ids)
