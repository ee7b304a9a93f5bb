"""Fixes on a host: the settings of programs that call an endpoint by its name, and the clock."""

from dataclasses import replace

import pytest

from agent.fixes.host import ask_the_vpc, set_clock
from agent.fixes.own_name import set_own_name
from agent.fixes.placeholders import filled
from probes.facts import ResolvConfBy
from probes.model import Target
from tests.agent.fixes.test_by_code import BACKUP

SOURCE = "server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4"
TIMESYNCD = "/etc/systemd/timesyncd.conf"
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


@pytest.mark.parametrize(
    ("configuration", "file", "line", "shows", "acts"),
    [
        (None, "/etc/chrony.conf", SOURCE, "chronyc", ["restart chronyd", "makestep"]),
        ("/etc/chrony.conf", "/etc/chrony.conf", SOURCE, "chronyc", ["restart chronyd", "makestep"]),
        ("/etc/chrony/chrony.conf", "/etc/chrony/chrony.conf", SOURCE, "chronyc", ["restart chrony", "makestep"]),
        ("/etc/ntp.conf", "/etc/ntp.conf", SOURCE, "ntpq", ["restart ntpd"]),
        ("/etc/ntpsec/ntp.conf", "/etc/ntpsec/ntp.conf", SOURCE, "ntpq", ["restart ntpsec"]),
        (TIMESYNCD, TIMESYNCD, "NTP=169.254.169.123", "timedatectl", ["restart systemd-timesyncd"]),
    ],
)
def test_the_clock_is_set_by_the_time_service_that_is_here(
    configuration: str | None, file: str, line: str, shows: str, acts: list[str]
) -> None:
    fix = set_clock(configuration)
    assert [(one.file, one.line, one.changes) for one in fix.lines] == [(file, line, True)]
    assert fix.commands[0].argv[0] == shows
    assert [" ".join(command.argv[1:]) for command in fix.commands if command.changes] == acts
    assert filled(fix, {}) == fix


@pytest.mark.parametrize(
    ("writer", "lines", "restarted"),
    [
        (
            ResolvConfBy.SYSTEMD_RESOLVED,
            ["[Resolve]", "DNS=10.0.0.2", "Domains=~backup.eu-west-1.amazonaws.com"],
            "systemd-resolved",
        ),
        (ResolvConfBy.NETWORK_MANAGER, ["[global-dns-domain-*]", "servers=10.0.0.2"], "NetworkManager"),
        (None, ["nameserver 10.0.0.2"], None),
    ],
)
def test_a_host_asks_the_vpc_by_what_writes_its_resolv_conf(
    writer: ResolvConfBy | None, lines: list[str], restarted: str | None
) -> None:
    fix = ask_the_vpc(BACKUP.host, "10.0.0.2", writer)
    assert [one.line for one in fix.lines] == lines
    assert all(one.changes and one.undo for one in fix.lines)
    assert [command.argv[-1] for command in fix.commands] == ([] if restarted is None else [restarted])
    assert filled(fix, {}) == fix
