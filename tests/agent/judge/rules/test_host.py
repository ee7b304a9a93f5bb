"""ENV rules: the Region and the metadata service."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from botocore.utils import should_bypass_proxies

from agent.catalog.findings import Severity
from agent.judge.diagnose import diagnose
from agent.judge.rules.host import RULES
from agent.judge.rules.rule import Found
from probes.facts import AllowanceFacts, HostsEntry, ImdsFacts
from probes.model import Addressing, Observation, Ok, Step, Subject
from probes.operations import ALLOWANCES
from tests.support.aws_commands import complaint
from tests.support.build import (
    BACKUP,
    NOW,
    PRIVATE,
    RESOLVER,
    VPC_RESOLVER,
    Observations,
    answer,
    context,
    evidence,
    here,
    host,
    imds,
    lookup,
    proxy,
    rule_of,
    run,
    said,
    sdk,
    target,
)
from tests.support.calls import metadata_proxy

ENV001, ENV002 = (rule_of(RULES, code) for code in ("ENV001", "ENV002"))
A, B = PRIVATE
HOST = "backup.eu-west-1.amazonaws.com"
NOWHERE = run(region=None)


# --- ENV001 region-unknown ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "detail", "shown"),
    [
        pytest.param(
            [host(), sdk(region=None), imds(failed="timeout")],
            "No Region from --region, AWS_REGION, AWS_DEFAULT_REGION, the SDK's profile or instance metadata: there is "
            "no endpoint name to look for.",
            ("host", "host/sdk-settings", "imds"),
            id="nothing names one",
        ),
        pytest.param(
            [host(), sdk(region=None), imds(skipped="AWS_EC2_METADATA_DISABLED is set")],
            "there is no endpoint name to look for.",
            ("host", "host/sdk-settings", "imds"),
            id="metadata is switched off",
        ),
        pytest.param(
            [host(), sdk(failed="bug"), imds(failed="deadline")],
            "there is no endpoint name to look for. Not read to its end: host/sdk-settings and imds.",
            ("host", "host/sdk-settings", "imds"),
            id="what could have named one was not read",
        ),
        pytest.param([], "there is no endpoint name to look for.", (), id="nothing was looked at"),
    ],
)
def test_env001_fires(looks: Observations, detail: str, shown: tuple[str, ...]) -> None:
    [found] = said(ENV001, evidence(looks, targets=[], of=NOWHERE))
    assert found.target is None
    assert found.detail.endswith(detail)
    assert found.evidence == shown


def test_env001_stays_silent() -> None:
    assert said(ENV001, evidence([host(), sdk(), imds(failed="timeout")])) == []


def test_env001_needs_nothing() -> None:
    seen = evidence([], targets=[], of=NOWHERE)
    assert diagnose(seen, [ENV001]).not_evaluated == ()


def test_env001_shows_no_look_at_a_target() -> None:
    [found] = said(ENV001, evidence([host(), proxy(), lookup("10.0.1.17")], of=NOWHERE))
    assert found.evidence == ("host",)


# --- ENV002 metadata-unreachable ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["timeout", "refused", "reset", "closed", "unreachable", "prohibited", "malformed", "too-large"]
)
def test_env002_fires(kind: str) -> None:
    [found] = said(ENV002, evidence([host(), imds(failed=kind)]))
    assert found.target is None
    assert found.severity is Severity.INFO
    assert found.evidence == ("imds",)
    assert found.detail == (
        f"The instance metadata service did not answer as it should: it said {kind}. Nothing that this run needs is "
        "missing for it."
    )


def test_env002_says_what_a_run_that_wanted_the_configuration_goes_without() -> None:
    [found] = said(ENV002, evidence([host(), imds(failed="timeout")], of=run(ec2_reads=True)))
    assert "its configuration was not looked at" in found.detail
    assert found.severity is Severity.INFO


def test_env002_is_a_warning_where_the_region_is_missing_for_it() -> None:
    [found] = said(ENV002, evidence([host(), imds(failed="timeout")], targets=[], of=NOWHERE))
    assert found.severity is Severity.WARNING
    assert "Region" in found.detail
    assert "Nothing that this run needs" not in found.detail


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([host(ec2=None), imds(failed="timeout"), answer("10.0.1.17", by=VPC_RESOLVER)], id="IPv4"),
        pytest.param(
            [
                host("10.0.3.5/24", "fd00::5/64", ec2=False),
                imds(failed="timeout"),
                answer("10.0.1.17", by="fd00:ec2::253"),
            ],
            id="IPv6",
        ),
    ],
)
def test_env002_knows_aws_by_the_vpcs_resolver(looks: Observations) -> None:
    assert len(said(ENV002, evidence(looks))) == 1


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([host(), imds()], id="it answers"),
        pytest.param([host(ec2=False), imds(failed="timeout")], id="nothing says that this is AWS"),
        pytest.param([host(ec2=None), imds(failed="refused")], id="the firmware says nothing"),
        pytest.param(
            [host(ec2=False), imds(failed="timeout"), answer("10.0.1.17", by=RESOLVER)], id="another resolver"
        ),
        pytest.param(
            [host(ec2=False), imds(failed="timeout"), answer(failed="timeout", by=VPC_RESOLVER)],
            id="the VPC's resolver is silent, too",
        ),
        pytest.param([host(), imds(failed="not-permitted")], id="it forbids"),
        pytest.param([host(), imds(failed="deadline")], id="cut short"),
        pytest.param([host(), imds(failed="bug")], id="crashed"),
        pytest.param([host(), imds(skipped="AWS_EC2_METADATA_DISABLED is set")], id="switched off"),
        pytest.param([host()], id="never asked"),
    ],
)
def test_env002_stays_silent(looks: Observations) -> None:
    assert said(ENV002, evidence(looks)) == []


@pytest.mark.parametrize(
    ("looks", "reasons"),
    [
        pytest.param([], ["no imds step was made"], id="never asked"),
        pytest.param(
            [imds(skipped="AWS_EC2_METADATA_DISABLED is set")], ["AWS_EC2_METADATA_DISABLED is set"], id="off"
        ),
        pytest.param([imds(failed="deadline")], ["it said deadline"], id="cut short"),
        pytest.param([imds(failed="timeout")], [], id="asked"),
        pytest.param([imds()], [], id="answered"),
    ],
)
def test_env002_needs_metadata(looks: list[Observation[ImdsFacts]], reasons: list[str]) -> None:
    missing = [each for each in diagnose(evidence(looks), RULES).not_evaluated if each.code == "ENV002"]
    assert [each.reason for each in missing] == reasons
    assert {each.target for each in missing} <= {None}


# --- What the fixes show, and what they do not -----------------------------------------------------------------------


def commands(found: Found) -> list[str]:
    """The commands of a fix; those for the AWS CLI are such as it would take."""
    asked = [command.argv for command in found.fix.commands]
    assert [why for words in asked if words[0] == "aws" and (why := complaint(words)) is not None] == []
    return [" ".join(words) for words in asked]


def finding(code: str, looks: Observations, **rest: Any) -> Found:
    [found] = said(rule_of(RULES, code), evidence(looks, **rest))
    return found


def counted(**exceeded: int) -> Observations:
    """What rose while the run lasted, by counter of the interface ens5."""
    facts = AllowanceFacts(exceeded={f"ens5 {name}": count for name, count in exceeded.items()}, counters=())
    subject = Subject(step=Step.HOST, operation=ALLOWANCES)
    return [Observation(subject=subject, outcome=Ok(facts), started_at=NOW, seconds=0.001)]


def test_env002_blames_no_proxy_which_backuplink_does_not_use_for_it() -> None:
    found = finding("ENV002", [host(), imds(failed="timeout")])
    assert "proxy" not in found.fix.summary
    assert commands(found)[0] == ("printenv AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")


@pytest.mark.parametrize(("code", "failed"), [("ENV002", "timeout"), ("ENV003", "not-permitted")])
def test_the_instance_is_looked_at_in_its_region(code: str, failed: str) -> None:
    looks: Observations = [host(), imds(failed=failed)]
    assert "--region eu-west-1 --instance-ids" in commands(finding(code, looks))[-1]
    assert "--region <REGION> --instance-ids" in commands(finding(code, looks, targets=[], of=NOWHERE))[-1]


def test_env003_says_what_is_lost_by_switching_it_off() -> None:
    found = finding("ENV003", [imds(failed="not-permitted")])
    assert "Region and keys must then come from elsewhere" in found.fix.summary


def test_no_fix_prints_the_whole_environment() -> None:
    custom = target(host="backup.example.com", addressing=Addressing.CUSTOM)
    overridden = finding("ENV005", [host(), sdk(urls={"backup": "https://backup.example.com"})], targets=[custom])
    assert commands(overridden) == [
        "printenv AWS_ENDPOINT_URL AWS_ENDPOINT_URL_BACKUP",
        "aws configure get endpoint_url",
        "grep -n endpoint_url <HOME>/.aws/config",
    ]
    captured = finding("ENV007", [*here("backup", A), proxy("http://10.0.0.9:3128")])
    metadata = finding("ENV011", [metadata_proxy("http://10.0.0.9:3128")])
    assert commands(captured) == commands(metadata) == ["printenv NO_PROXY no_proxy"]


def test_env006_asks_which_names_private_dns_can_cover() -> None:
    fips = target(host="backup-fips.eu-west-1.amazonaws.com", addressing=Addressing.FIPS)
    looks = [*here("backup", A), lookup(of=fips.id, failed="nxdomain")]
    found = finding("ENV006", looks, targets=[fips, context(BACKUP)])
    assert "Where FIPS is required" in found.fix.summary
    assert commands(found)[1] == (
        "aws ec2 describe-vpc-endpoint-services --region eu-west-1 --service-names com.amazonaws.eu-west-1.backup "
        "--query ServiceDetails[].PrivateDnsNames[].PrivateDnsName"
    )


def test_env007_takes_this_host_alone_off_the_proxy() -> None:
    found = finding("ENV007", [*here("backup", A), proxy("http://10.0.0.9:3128")])
    assert f"Add {HOST} and 169.254.169.254 to what NO_PROXY and no_proxy hold" in found.fix.summary
    assert "NO_PROXY=" not in found.fix.summary


@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_env007_and_env011_name_what_the_sdk_understands(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    captured = finding("ENV007", [*here("backup", A), proxy("http://10.0.0.9:3128")]).fix.summary
    metadata = finding("ENV011", [metadata_proxy("http://10.0.0.9:3128")]).fix.summary
    named = {word.strip(",.") for word in f"{captured} {metadata}".split()}
    urls = {
        HOST: f"https://{HOST}/",
        "169.254.169.254": "http://169.254.169.254/latest/api/token",
        "169.254.170.2": "http://169.254.170.2/v2/credentials",
        "169.254.170.23": "http://169.254.170.23/v1/credentials",
        "[fd00:ec2::254]": "http://[fd00:ec2::254]/latest/api/token",
    }
    assert set(urls) <= named
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://10.0.0.9:3128")
    monkeypatch.setenv("https_proxy", "http://10.0.0.9:3128")
    assert not any(map(should_bypass_proxies, urls.values()))
    monkeypatch.setenv(variable, "fd00:ec2::254")
    assert not should_bypass_proxies(urls["[fd00:ec2::254]"])
    monkeypatch.setenv(variable, ",".join(urls))
    assert all(map(should_bypass_proxies, urls.values()))


def test_env009_spares_the_other_names_on_the_line() -> None:
    seen = host()
    assert isinstance(seen.outcome, Ok)
    line = HostsEntry(address=ip_address(A), names=(HOST, "other.example.com"))
    named = replace(seen, outcome=Ok(replace(seen.outcome.facts, hosts_entries=(line,))))
    found = finding("ENV009", [named, lookup(A), answer(B)])
    assert "other names" in found.fix.summary
    assert commands(found) == [f"grep -n {HOST} /etc/hosts", "grep -rn manage_etc_hosts /etc/cloud"]


# --- ENV013 allowance-exceeded ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rose", "detail"),
    [
        pytest.param(
            {"linklocal_allowance_exceeded": 37},
            "ens5 linklocal_allowance_exceeded rose by 37. So packets to DNS, metadata and time were dropped.",
            id="link-local",
        ),
        pytest.param(
            {"conntrack_allowance_exceeded": 1},
            "rose by 1. So packets of new connections that could not be tracked were dropped.",
            id="connections",
        ),
        pytest.param(
            {"pps_allowance_exceeded": 2, "bw_in_allowance_exceeded": 900},
            "is allowed: ens5 pps_allowance_exceeded rose by 2. So packets over its limit a second were delayed or "
            "dropped.",
            id="packets, and bandwidth beside it",
        ),
        pytest.param(
            {"pps_allowance_exceeded": 2, "linklocal_allowance_exceeded": 3},
            "time were dropped; packets over its limit a second were delayed or dropped.",
            id="two of them",
        ),
    ],
)
def test_env013_says_what_each_counter_means(rose: dict[str, int], detail: str) -> None:
    found = finding("ENV013", counted(**rose))
    assert detail in found.detail
    assert "bw_" not in found.detail
    assert commands(found) == ["ethtool -S ens5"]


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param(counted(), id="nothing rose"),
        pytest.param(counted(bw_in_allowance_exceeded=5, bw_out_allowance_exceeded=7), id="bandwidth alone"),
        pytest.param([], id="not looked at"),
    ],
)
def test_env013_stays_silent(looks: Observations) -> None:
    assert said(rule_of(RULES, "ENV013"), evidence(looks)) == []
