"""What fixes set on a host: the settings of programs that call an endpoint by its name, and the clock."""

from dataclasses import replace

import pytest

from agent.fixes.host import SET_CLOCK
from agent.fixes.own_name import set_own_name
from probes.model import Target
from tests.agent.fixes.test_by_code import BACKUP

AGENT = "in /etc/amazon/ssm/amazon-ssm-agent.json"


def asked_by(service: str, *required_by: str) -> Target:
    return replace(BACKUP, service=service, required_by=required_by)


@pytest.mark.parametrize(
    ("target", "key", "variable"),
    [
        (asked_by("ssm"), "Ssm.Endpoint", None),
        (asked_by("ssmmessages"), "Mgs.Endpoint", None),
        (asked_by("ec2messages"), "Mds.Endpoint", None),
        (asked_by("s3"), None, "AWS_ENDPOINT_URL_S3"),
        (asked_by("kms"), None, "AWS_ENDPOINT_URL_KMS"),
        (asked_by("backup"), None, "AWS_ENDPOINT_URL_BACKUP"),
        (asked_by("ssm", "--service"), "Ssm.Endpoint", "AWS_ENDPOINT_URL_SSM"),
        (asked_by("ssm", "--endpoint"), "Ssm.Endpoint", "AWS_ENDPOINT_URL_SSM"),
        (asked_by("ssm", "--workload"), "Ssm.Endpoint", None),
        (asked_by("ssmmessages", "--service"), "Mgs.Endpoint", None),
    ],
)
def test_the_setting_is_of_the_program_that_calls(target: Target, key: str | None, variable: str | None) -> None:
    words = set_own_name(target)
    assert (f"{key} {AGENT}" in words) if key else (AGENT not in words)
    assert (f"{variable} to https://" in words) if variable else ("AWS_ENDPOINT_URL" not in words)


def test_the_clock_is_looked_at_set_and_stepped() -> None:
    assert [(command.argv, command.changes) for command in SET_CLOCK.commands] == [
        (("chronyc", "tracking"), False),
        (("systemctl", "restart", "chronyd"), True),
        (("chronyc", "makestep"), True),
    ]
    assert [line.file for line in SET_CLOCK.lines] == ["/etc/chrony.conf"]
