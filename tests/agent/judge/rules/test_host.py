"""ENV rules: the Region and the metadata service."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

import pytest
from botocore.utils import should_bypass_proxies

from agent.catalog.findings import Severity
from agent.judge.diagnose import diagnose
from agent.judge.rules.host import RULES
from agent.judge.rules.rule import RuleFinding
from agent.judge.verdict import judge
from agent.report.model import NO_VPC, Run
from agent.settings import Expect, Workload
from agent.simulated import scenario_files
from agent.simulated.scenario import parse
from probes.facts import AllowanceFacts, HostFacts, HostsEntry, ImdsFacts
from probes.model import STARVED, Addressing, Failed, Observation, Ok, Step, Subject
from probes.operations import ALLOWANCES, DUAL_STACK_NAME
from probes.vpc.model import VPC
from tests.support.aws_commands import complaint
from tests.support.build import (
    BACKUP,
    CONFIG_FILE,
    CORPORATE,
    GATEWAY,
    NOW,
    PRIVATE,
    PUBLIC,
    RESOLVER,
    VPC_RESOLVER,
    Observations,
    answer,
    context,
    evidence,
    findings_of,
    healthy,
    here,
    host,
    imds,
    lookup,
    optional,
    proxy,
    replaced,
    rule_of,
    run,
    sdk,
    target,
    tcp,
    tls,
)
from tests.support.calls import answered, api, credentials, metadata_proxy, padded
from tests.support.cases import (
    BOTH_FAMILIES,
    CUSTOM,
    DUAL_STACK,
    PRIVATE_6,
    VPCE,
    C,
    Case,
    assert_fires,
    assert_silent,
    codes_of,
    fires,
    silent,
)
from tests.support.configured import read
from tests.support.runs import measured

ENV001, ENV002 = (rule_of(RULES, code) for code in ("ENV001", "ENV002"))
A, B = PRIVATE
HOST = "backup.eu-west-1.amazonaws.com"
NOWHERE = run(region=None)


# --- ENV001 region-unknown ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "detail", "shown"),
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
def test_env001_fires(observations: Observations, detail: str, shown: tuple[str, ...]) -> None:
    [finding] = findings_of(ENV001, evidence(observations, targets=[], of=NOWHERE))
    assert finding.target is None
    assert finding.detail.endswith(detail)
    assert finding.evidence == shown


def test_env001_stays_silent() -> None:
    assert findings_of(ENV001, evidence([host(), sdk(), imds(failed="timeout")])) == []


def test_env001_needs_nothing() -> None:
    seen = evidence([], targets=[], of=NOWHERE)
    assert diagnose(seen, [ENV001]).not_evaluated == ()


def test_env001_shows_no_look_at_a_target() -> None:
    [finding] = findings_of(ENV001, evidence([host(), proxy(), lookup("10.0.1.17")], of=NOWHERE))
    assert finding.evidence == ("host",)


# --- ENV002 metadata-unreachable ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["timeout", "refused", "reset", "closed", "unreachable", "prohibited", "malformed", "too-large"]
)
def test_env002_fires(kind: str) -> None:
    [finding] = findings_of(ENV002, evidence([host(), imds(failed=kind)]))
    assert finding.target is None
    assert finding.severity is Severity.INFO
    assert finding.evidence == ("imds",)
    assert finding.detail == (
        f"The instance metadata service did not answer as it should: it said {kind}. Nothing that this run needs is "
        "missing for it."
    )


def test_env002_says_what_a_run_that_wanted_the_configuration_goes_without() -> None:
    [finding] = findings_of(ENV002, evidence([host(), imds(failed="timeout"), read(VPC, skipped=NO_VPC)]))
    assert "its configuration was not read" in finding.detail
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize(
    ("addresses", "says"),
    [
        pytest.param(["2600:1f18::17"], "whether 2600:1f18::17 is private.", id="one"),
        pytest.param(["2600:1f18::17", "2600:1f18::18"], "2600:1f18::17 and 2600:1f18::18 are private.", id="two"),
        pytest.param(["10.0.1.17"], "Nothing that this run needs is missing for it.", id="private by itself"),
    ],
)
def test_env002_says_which_addresses_cannot_be_judged(addresses: list[str], says: str) -> None:
    own = host("10.0.1.10/24", "2600:1f18::10/64")
    [finding] = findings_of(ENV002, evidence([own, imds(failed="timeout"), lookup(*addresses)]))
    assert finding.detail.endswith(says)


def test_env002_says_nothing_of_addresses_of_what_is_optional() -> None:
    observations: Observations = [host("2600:1f18::10/64"), imds(failed="timeout"), lookup("2600:1f18::17")]
    [finding] = findings_of(ENV002, evidence(observations, targets=[optional(BACKUP)]))
    assert "Nothing that this run needs is missing for it." in finding.detail


def test_env002_is_a_warning_where_the_region_is_missing_for_it() -> None:
    [finding] = findings_of(ENV002, evidence([host(), imds(failed="timeout")], targets=[], of=NOWHERE))
    assert finding.severity is Severity.WARNING
    assert "Region" in finding.detail
    assert "Nothing that this run needs" not in finding.detail


@pytest.mark.parametrize(
    "observations",
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
def test_env002_knows_aws_by_the_vpcs_resolver(observations: Observations) -> None:
    assert len(findings_of(ENV002, evidence(observations))) == 1


@pytest.mark.parametrize(
    "observations",
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
def test_env002_stays_silent(observations: Observations) -> None:
    assert findings_of(ENV002, evidence(observations)) == []


@pytest.mark.parametrize(
    ("observations", "reasons"),
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
def test_env002_needs_metadata(observations: list[Observation[ImdsFacts]], reasons: list[str]) -> None:
    missing = [missing for missing in diagnose(evidence(observations), RULES).not_evaluated if missing.code == "ENV002"]
    assert [rule.reason for rule in missing] == reasons
    assert {rule.target for rule in missing} <= {None}


# --- What the fixes show, and what they do not -----------------------------------------------------------------------


def commands(finding: RuleFinding) -> list[str]:
    """The commands of a fix; those for the AWS CLI are such as it would take."""
    asked = [command.argv for command in finding.fix.commands]
    assert [why for words in asked if words[0] == "aws" and (why := complaint(words)) is not None] == []
    return [" ".join(words) for words in asked]


def finding(code: str, observations: Observations, **rest: Any) -> RuleFinding:
    [result] = findings_of(rule_of(RULES, code), evidence(observations, **rest))
    return result


def counted(**exceeded: int) -> Observations:
    """What rose while the run lasted, by counter of the interface ens5."""
    facts = AllowanceFacts(exceeded={f"ens5 {name}": count for name, count in exceeded.items()}, counters=())
    subject = Subject(step=Step.HOST, operation=ALLOWANCES)
    return [Observation(subject=subject, outcome=Ok(facts), started_at=NOW, seconds=0.001)]


def test_env002_blames_no_proxy_which_backuplink_does_not_use_for_it() -> None:
    result = finding("ENV002", [host(), imds(failed="timeout")])
    assert "proxy" not in result.fix.summary
    assert commands(result)[0] == ("printenv AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")


@pytest.mark.parametrize(("code", "failed"), [("ENV002", "timeout"), ("ENV003", "not-permitted")])
def test_the_instance_is_looked_at_in_its_region(code: str, failed: str) -> None:
    observations: Observations = [host(), imds(failed=failed)]
    assert "--region eu-west-1 --instance-ids" in commands(finding(code, observations))[-1]
    assert "--region <REGION> --instance-ids" in commands(finding(code, observations, targets=[], of=NOWHERE))[-1]


def test_env003_says_what_is_lost_by_switching_it_off() -> None:
    result = finding("ENV003", [imds(failed="not-permitted")])
    assert "Region and keys must then come from elsewhere" in result.fix.summary


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
    observations = [*here("backup", A), lookup(of=fips.id, failed="nxdomain")]
    result = finding("ENV006", observations, targets=[fips, context(BACKUP)])
    assert "Where FIPS is required" in result.fix.summary
    assert commands(result)[1] == (
        "aws ec2 describe-vpc-endpoint-services --region eu-west-1 --service-names com.amazonaws.eu-west-1.backup "
        "--query ServiceDetails[].PrivateDnsNames[].PrivateDnsName"
    )


def test_env007_takes_this_host_alone_off_the_proxy() -> None:
    result = finding("ENV007", [*here("backup", A), proxy("http://10.0.0.9:3128")])
    assert f"Add {HOST} and 169.254.169.254 to what NO_PROXY and no_proxy hold" in result.fix.summary
    assert "NO_PROXY=" not in result.fix.summary


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
    result = finding("ENV009", [named, lookup(A), answer(B)])
    assert "other names" in result.fix.summary
    assert commands(result) == [f"grep -n {HOST} /etc/hosts", "grep -rn manage_etc_hosts /etc/cloud"]


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
    result = finding("ENV013", counted(**rose))
    assert detail in result.detail
    assert "bw_" not in result.detail
    assert commands(result) == ["ethtool -S ens5"]


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param(counted(), id="nothing rose"),
        pytest.param(counted(bw_in_allowance_exceeded=5, bw_out_allowance_exceeded=7), id="bandwidth alone"),
        pytest.param([], id="not looked at"),
    ],
)
def test_env013_stays_silent(observations: Observations) -> None:
    assert findings_of(rule_of(RULES, "ENV013"), evidence(observations)) == []


# --- Cases of single rules --------------------------------------------------------------------------------------------

FIPS: Final = target(host="backup-fips.eu-west-1.amazonaws.com", addressing=Addressing.FIPS)
NOT_OFFERED: Final = target("backup-gateway", region="ap-southeast-3")


MISTYPED: Final = target(region="eu-wset-1")


def chosen(source: str, region: str = "us-east-1") -> Run:
    """A run whose Region came from somewhere."""
    return replace(run(), region=region, region_source=source)


def coded(observation: Observation[Any], code: str) -> Observation[Any]:
    """The failed observation with a code."""
    assert isinstance(observation.outcome, Failed)
    return replace(
        observation, outcome=Failed(replace(observation.outcome.failure, code=code), observation.outcome.facts)
    )


def hosts_line(address: str) -> Observation[HostFacts]:
    """A host whose hosts file gives the name an address."""
    seen = host()
    assert isinstance(seen.outcome, Ok)
    line = HostsEntry(address=ip_address(address), names=(HOST,))
    return replace(seen, outcome=Ok(replace(seen.outcome.facts, hosts_entries=(line,))))


PRIVATE_BESIDE: Observations = [imds(), proxy(), lookup(A, operation=DUAL_STACK_NAME)]
"""The dual-stack name is private."""
CAUSES_OF_THEIR_OWN: dict[str, Observations] = {
    "NXDOMAIN": [host(), lookup(failed="nxdomain")],
    "no data": [host(), lookup(failed="nodata")],
    "an answer that cannot be read": [host(), lookup(failed="dns-malformed")],
    "loopback": [host(), lookup("127.0.0.1")],
    "documentation": [host(), lookup("192.0.2.10")],
    "the hosts file": [hosts_line(PUBLIC), lookup(PUBLIC)],
    "name servers that disagree": [host(), lookup(PUBLIC), answer(A, by=VPC_RESOLVER)],
}
CASES_THAT_FIRE = [
    fires(
        "ENV003",
        "is information where nothing is missing for it",
        [coded(imds(failed="not-permitted"), "403"), credentials()],
        about=None,
        severity=Severity.INFO,
        detail="answers 403: it is switched off, or forbidden to this process",
        shows=["imds"],
    ),
    fires(
        "ENV003",
        "without credentials",
        [coded(imds(failed="not-permitted"), "404"), credentials(failed="no-credentials")],
        about=None,
        severity=Severity.WARNING,
    ),
    fires(
        "ENV003",
        "without a Region",
        [coded(imds(failed="not-permitted"), "403")],
        of=run(region=None),
        about=None,
        severity=Severity.WARNING,
    ),
    fires(
        "ENV004",
        "and no such name",
        [host(), sdk(), proxy(of="backup-gateway"), lookup(of="backup-gateway", failed="nxdomain")],
        targets=[NOT_OFFERED],
        about="backup-gateway",
        detail="backup-gateway is not offered in ap-southeast-3, says the table of this version; "
        "backup-gateway.ap-southeast-3.amazonaws.com is not an endpoint.",
    ),
    fires(
        "ENV004",
        "and somebody else answers",
        [
            *here("backup-gateway", PUBLIC),
            answered(PUBLIC, of="backup-gateway", failed="not-aws", request_id=None),
        ],
        targets=[NOT_OFFERED],
        about="backup-gateway",
        at=[PUBLIC],
    ),
    fires(
        "ENV004",
        "and AWS answers all the same",
        [*here("backup-gateway", PUBLIC), answered(PUBLIC, of="backup-gateway")],
        targets=[NOT_OFFERED],
        about="backup-gateway",
        severity=Severity.INFO,
        detail="but AWS answers: the table lags behind.",
    ),
    fires(
        "ENV004",
        "and AWS answers the signed call",
        [*here("backup-gateway", PUBLIC), api(PUBLIC, of="backup-gateway", failed="access-denied")],
        targets=[NOT_OFFERED],
        about="backup-gateway",
        severity=Severity.INFO,
    ),
    fires(
        "ENV005",
        "to another host",
        [host(), sdk(urls={"backup": "https://backup.example.com"})],
        targets=[CUSTOM],
        about=CUSTOM.id,
        detail="sends calls to backup to https://backup.example.com.",
        shows=["host/sdk-settings"],
    ),
    fires(
        "ENV005",
        "to the endpoint's own name",
        [host(), sdk(urls={"backup": f"https://{VPCE.host}"})],
        targets=[VPCE],
        about=VPCE.id,
        severity=Severity.INFO,
        detail="which is a supported way.",
    ),
    fires(
        "ENV005",
        "to the endpoint's own name without TLS",
        [host(), sdk(urls={"backup": f"http://{VPCE.host}"})],
        targets=[VPCE],
        about=VPCE.id,
        detail=f"to http://{VPCE.host}. An endpoint answers HTTPS alone.",
    ),
    fires(
        "ENV005",
        "with FIPS, which has no effect then",
        [host(), sdk(fips=True, urls={"backup": "https://backup.example.com"})],
        targets=[CUSTOM],
        about=CUSTOM.id,
        detail="The SDK's FIPS setting has no effect with it.",
    ),
    fires(
        "ENV005",
        "to the same host without TLS",
        [host(), sdk(urls={"backup": f"http://{HOST}"})],
        detail=f"to http://{HOST}.",
    ),
    fires(
        "ENV006",
        "which does not exist",
        [*here("backup", A), lookup(of=FIPS.id, failed="nxdomain")],
        targets=[FIPS, context(BACKUP)],
        about=FIPS.id,
        detail=f"The SDK here calls {FIPS.host}, which is not private; {HOST} is: private DNS covers another name",
    ),
    fires(
        "ENV006",
        "which is public",
        [*here("backup", A), lookup(PUBLIC, of=FIPS.id)],
        targets=[FIPS, context(BACKUP)],
        about=FIPS.id,
        at=[PUBLIC],
        shows=[f"dns/{FIPS.id}/getaddrinfo", "dns/backup/getaddrinfo"],
    ),
    fires(
        "ENV006",
        "which is public, beside a dual-stack name that is not",
        [host(), sdk(), imds(), proxy(), lookup(PUBLIC), lookup(A, operation=DUAL_STACK_NAME)],
        at=[PUBLIC],
        detail=f"The SDK here calls {HOST}, which is not private; {DUAL_STACK} is: private DNS covers another name "
        "than the one in use.",
        shows=["dns/backup/getaddrinfo", "dns/backup/dual-stack-name"],
    ),
    fires(
        "ENV006",
        "which is public, beside a dual-stack name of a family that this host has",
        [BOTH_FAMILIES, imds(), proxy(), lookup(PUBLIC), lookup(PRIVATE_6, operation=DUAL_STACK_NAME)],
        at=[PUBLIC],
        shows=["dns/backup/getaddrinfo", "dns/backup/dual-stack-name"],
    ),
    fires(
        "ENV007",
        "by a variable",
        [*here("backup", A), proxy("http://***@10.0.0.9:3128")],
        detail=f"send calls for {HOST} to http://***@10.0.0.9:3128",
        shows=["host/backup/proxy"],
    ),
    fires(
        "ENV008",
        "by a variable",
        [imds()],
        of=chosen("AWS_REGION"),
        about=None,
        detail="Calls go to us-east-1, which AWS_REGION says, while this instance is in eu-west-1.",
        shows=["imds"],
    ),
    fires(
        "ENV014",
        "two letters swapped",
        [imds(), lookup(failed="nxdomain")],
        targets=[MISTYPED],
        of=chosen("AWS_REGION", "eu-wset-1"),
        about=None,
        detail="AWS_REGION says eu-wset-1: the SDK lists no such Region, and backup.eu-wset-1.amazonaws.com does not "
        "exist. The nearest names are eu-west-1",
        shows=["dns/backup/getaddrinfo"],
    ),
    fires(
        "ENV014",
        "near to nothing",
        [lookup(failed="nxdomain")],
        targets=[target(region="zz-qqqqqqqqqq-77")],
        of=chosen("AWS_REGION", "zz-qqqqqqqqqq-77"),
        about=None,
        detail="does not exist.",
    ),
    fires(
        "ENV015",
        "a step of the target",
        [sdk(), imds(), lookup(A), tcp(A), coded(tls(A, failed="deadline"), STARVED)],
        about=None,
        detail="The step tls/backup/10.0.1.17/443 says nothing about the network: it said deadline.",
        shows=["tls/backup/10.0.1.17/443"],
    ),
    fires(
        "ENV015",
        "a large request, whose silence would be critical",
        [*healthy(), coded(padded(A, failed="deadline"), STARVED)],
        about=None,
        detail="The step http/backup/10.0.1.17/443/padded says nothing about the network",
        shows=["http/backup/10.0.1.17/443/padded"],
    ),
    fires(
        "ENV015",
        "metadata, which was to give the Region",
        [coded(imds(failed="deadline"), STARVED)],
        of=run(region=None),
        about=None,
        detail="The step imds says nothing about the network",
        shows=["imds"],
    ),
    fires(
        "ENV018",
        "a profile that is not there",
        [coded(sdk(failed="malformed"), "ProfileNotFound")],
        about=None,
        detail="The SDK cannot read its settings on this host: it said malformed. No call of a program",
        shows=["host/sdk-settings"],
    ),
    fires(
        "ENV018",
        "a profile that is not there, for the workload caller",
        [coded(sdk(failed="malformed"), "ProfileNotFound")],
        of=replace(run(), workloads=(Workload.CALLER,)),
        targets=[],
        about=None,
        detail="The path was judged all the same.",
        shows=["host/sdk-settings"],
    ),
    fires(
        "ENV018",
        "a profile that is not there, for callers of a service that an option names",
        [coded(sdk(failed="malformed"), "ProfileNotFound")],
        of=replace(run(), workloads=()),
        targets=[replace(BACKUP, required_by=("--service",))],
        about=None,
        detail="The path was judged all the same.",
        shows=["host/sdk-settings"],
    ),
    fires(
        "ENV018",
        "a profile that is not there, for an agent whose service an option names",
        [coded(sdk(failed="malformed"), "ProfileNotFound")],
        of=replace(run(), workloads=()),
        targets=[replace(target("ssm"), required_by=("--service",))],
        about=None,
        detail="The path was judged all the same. The workloads of this run do not use these settings",
        shows=["host/sdk-settings"],
        severity=Severity.INFO,
    ),
    fires(
        "ENV018",
        "a profile that is not there, for a gateway appliance",
        [coded(sdk(failed="malformed"), "ProfileNotFound")],
        of=replace(run(), workloads=(Workload.GATEWAY,)),
        targets=[replace(GATEWAY, required_by=("--workload gateway",))],
        about=None,
        detail="The workloads of this run do not use these settings",
        shows=["host/sdk-settings"],
        severity=Severity.INFO,
    ),
    fires(
        "ENV018",
        "no end of reading them",
        [sdk(failed="timeout")],
        about=None,
        detail="Reading the SDK's settings on this host has no end (it said timeout), so which host, proxy and roots",
        shows=["host/sdk-settings"],
        severity=Severity.INFO,
    ),
    fires(
        "ENV018",
        "a zone for the Region",
        [sdk(region="eu-west-1a")],
        about=None,
        detail=f"The profile in {CONFIG_FILE} says that the Region is eu-west-1a, which no Region can be called, as it "
        "is a zone. No call of a program with these settings starts. The path was judged all the same.",
        shows=["host/sdk-settings"],
    ),
    fires(
        "ENV018", "a Region in capitals", [sdk(region="EU-WEST-1")], about=None, detail=", in small letters. No call"
    ),
    fires("ENV018", "a space behind it", [sdk(region="eu-west-1 ")], about=None, detail=", without spaces. No call"),
    fires("ENV018", "no name at all", [sdk(region="Ireland")], about=None, detail="can be called. No call"),
    fires(
        "ENV018",
        "the variable of most SDKs",
        [host(variables={"AWS_REGION": "eu-west-1a"}), sdk()],
        about=None,
        detail="AWS_REGION says that the Region is eu-west-1a, which no Region can be called, as it is a zone. The AWS "
        "CLI and most SDKs read AWS_REGION; boto3 reads AWS_DEFAULT_REGION instead. No call",
        shows=["host"],
    ),
    fires(
        "ENV018",
        "the variable of boto3",
        [host(variables={"AWS_DEFAULT_REGION": "eu-west-1a"}), sdk(region="eu-west-1a", by_variable=True)],
        about=None,
        detail="AWS_DEFAULT_REGION says that the Region is eu-west-1a, which no Region can be called, as it is a zone.",
        shows=["host/sdk-settings"],
    ),
    fires(
        "ENV018",
        "the variable of boto3, whose settings cannot be read",
        [host(variables={"AWS_DEFAULT_REGION": "eu-west-1a"}), coded(sdk(failed="malformed"), "ProfileNotFound")],
        about=None,
        detail="on this host: it said malformed. AWS_DEFAULT_REGION says that the Region is eu-west-1a,",
        shows=["host/sdk-settings", "host"],
    ),
    fires(
        "ENV018",
        "no other Region",
        [host(variables={"AWS_REGION": "eu-west-1a"}), sdk(region=None)],
        of=run(region=None),
        about=None,
        detail="No other setting names a Region to judge.",
        shows=["host"],
    ),
    fires(
        "ENV009",
        "beside other answers",
        [host(lines=[(A, HOST)]), lookup(A), answer(B)],
        at=[A],
        detail=f"The hosts file of this host says that {HOST} is {A}; the name servers give {B}. Addresses of an "
        "endpoint change when it is made anew, and a hosts file does not follow.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A"],
    ),
    fires(
        "ENV009",
        "says what the name server says as well",
        [host(lines=[(A, HOST)]), lookup(A), answer(A)],
        at=[],
        detail=f"says that {HOST} is {A}. Addresses of an endpoint",
    ),
    fires(
        "ENV009",
        "of two addresses, one of which a name server gives as well",
        [host(lines=[(A, HOST), (B, HOST)]), lookup(A, B), answer(A, C)],
        at=[B],
        detail=f"is {A} and {B}; the name servers give {A} and {C}.",
    ),
    fires(
        "ENV009",
        "where another server than the configured one gives it as well",
        [host(lines=[(A, HOST)]), lookup(A), answer(B), answer(A, by=CORPORATE)],
        at=[],
    ),
    fires(
        "ENV009",
        "while no name server answers",
        [host(lines=[(A, HOST)]), lookup(A), answer(failed="timeout")],
        at=[A],
        shows=["dns/backup/getaddrinfo"],
    ),
    fires(
        "ENV010",
        "by a minute",
        [*here("backup", A), answered(A, offset=60.0)],
        about=None,
        severity=Severity.WARNING,
        detail="This host's clock is 60 s ahead of that of AWS, give or take 1.0 s. Over 60 s can break a gateway "
        "appliance's TLS.",
    ),
    fires(
        "ENV010",
        "by five minutes",
        [*here("backup", A), answered(A, offset=-300.0)],
        about=None,
        severity=Severity.CRITICAL,
        detail="300 s behind that of AWS, give or take 1.0 s. Signed calls may be refused from 5 minutes on (the "
        "window is 5 or 15 minutes).",
    ),
    fires(
        "ENV010",
        "by the signed call alone",
        [*here("backup", A), api(A, failed="clock-skew", offset=900.0)],
        about=None,
        severity=Severity.CRITICAL,
        shows=["api/backup/10.0.1.17/443"],
    ),
    fires(
        "ENV010",
        "takes the smallest of several",
        [*here("backup", A, B), answered(A, offset=400.0), answered(B, offset=70.0)],
        about=None,
        severity=Severity.WARNING,
        detail="70 s ahead",
    ),
    fires(
        "ENV010",
        "by metadata, where no handshake came to its end",
        [*here("backup", A), imds(offset=4000.0, uncertainty=0.5), tls(A, failed="tls-expired")],
        about=None,
        severity=Severity.CRITICAL,
        detail="4000 s ahead of that of AWS, give or take 1.5 s",
        shows=["imds"],
    ),
    fires(
        "ENV010",
        "by an answer over TLS, whatever metadata says in clear",
        [*here("backup", A), imds(offset=0.3), answered(A, offset=400.0)],
        about=None,
        severity=Severity.CRITICAL,
    ),
    fires(
        "ENV010",
        "by no more than is sure",
        [imds(offset=301.0, uncertainty=2.0)],
        about=None,
        severity=Severity.WARNING,
    ),
    fires(
        "ENV011",
        "by a variable",
        [metadata_proxy("http://10.0.0.9:3128")],
        about=None,
        detail="send requests for instance metadata to http://10.0.0.9:3128,",
        shows=["host/metadata-proxy"],
    ),
    fires(
        "ENV012",
        "by silence of both",
        [host(ec2=None), imds(failed="timeout"), answer(by=VPC_RESOLVER, failed="timeout")],
        about=None,
        detail="outside AWS",
        shows=["imds", f"dns/backup/{VPC_RESOLVER}/A"],
    ),
    fires(
        "ENV012",
        "where another cloud's metadata says no",
        [host(ec2=None), imds(failed="not-permitted"), answer(by=VPC_RESOLVER, failed="timeout")],
        about=None,
        detail="Instance metadata gives no identity here, and no VPC's resolver answers",
    ),
]
CASES_OF_SILENCE = [
    silent("ENV003", "metadata answers", [imds()]),
    silent("ENV003", "silence is ENV002", [imds(failed="timeout")]),
    silent("ENV003", "metadata is switched off here", [imds(skipped="AWS_EC2_METADATA_DISABLED is set")]),
    silent("ENV003", "never asked", []),
    silent("ENV004", "offered", [*here("backup-gateway"), lookup(of="backup-gateway", failed="nxdomain")]),
    silent("ENV004", "somebody made an endpoint", here("backup-gateway", A), targets=[NOT_OFFERED]),
    silent(
        "ENV004",
        "an endpoint that was named",
        [lookup(of="backup-gateway@gw.example.com", failed="nxdomain")],
        targets=[
            target("backup-gateway", region="ap-southeast-3", host="gw.example.com", addressing=Addressing.CUSTOM)
        ],
    ),
    silent("ENV004", "the name was not looked up", [host(), sdk()], targets=[NOT_OFFERED]),
    silent(
        "ENV004",
        "the look-up was cut short",
        [host(), sdk(), lookup(of="backup-gateway", failed="deadline")],
        targets=[NOT_OFFERED],
    ),
    silent("ENV005", "no URL", [host(), sdk()]),
    silent("ENV005", "a URL of another service", [sdk(urls={"backup-gateway": "https://x.example"})]),
    silent("ENV005", "a URL that --endpoint outranks", [sdk(urls={"backup": "https://x.example"})], targets=[VPCE]),
    silent("ENV005", "a URL that is the default", [sdk(urls={"backup": f"https://{HOST}"})]),
    silent("ENV005", "for comparison", [sdk(urls={"backup": f"https://{HOST}"})], targets=[context(BACKUP)]),
    silent("ENV005", "settings that cannot be read", [sdk(failed="malformed")], targets=[CUSTOM]),
    silent(
        "ENV006",
        "both are private",
        [*here("backup", A), lookup(B, of=FIPS.id)],
        targets=[FIPS, context(BACKUP)],
    ),
    silent(
        "ENV006",
        "none is",
        [*here("backup", PUBLIC), lookup(PUBLIC, of=FIPS.id)],
        targets=[FIPS, context(BACKUP)],
    ),
    silent("ENV006", "no other name", here("backup", PUBLIC)),
    silent(
        "ENV006",
        "public is expected",
        [*here("backup", A), lookup(PUBLIC, of=FIPS.id)],
        targets=[FIPS, context(BACKUP)],
        of=run(expect=Expect.PUBLIC),
    ),
    silent(
        "ENV006",
        "nobody answered for the name",
        [*here("backup", A), lookup(of=FIPS.id, failed="timeout")],
        targets=[FIPS, context(BACKUP)],
    ),
    silent(
        "ENV006",
        "the server failed",
        [*here("backup", A), lookup(of=FIPS.id, failed="servfail")],
        targets=[FIPS, context(BACKUP)],
    ),
    silent("ENV006", "not looked up", here("backup", A), targets=[FIPS, context(BACKUP)]),
    silent("ENV006", "an endpoint's name", [*here("backup", A), lookup(PUBLIC, of=VPCE.id)], targets=[VPCE, BACKUP]),
    silent(
        "ENV006",
        "the dual-stack name is private in a family that this host lacks",
        [host(), imds(), proxy(), lookup(PUBLIC), lookup(PRIVATE_6, operation=DUAL_STACK_NAME)],
    ),
    silent(
        "ENV006",
        "the dual-stack name is public as well",
        [host(), imds(), proxy(), lookup(PUBLIC), lookup(PUBLIC, operation=DUAL_STACK_NAME)],
    ),
    silent(
        "ENV006",
        "the dual-stack name does not exist",
        [host(), imds(), proxy(), lookup(PUBLIC), lookup(operation=DUAL_STACK_NAME, failed="nxdomain")],
    ),
    silent(
        "ENV006",
        "the default name is private as well as the dual-stack one",
        [host(), imds(), proxy(), lookup(A), lookup(B, operation=DUAL_STACK_NAME)],
    ),
    *(
        silent("ENV006", f"the default name has a cause of its own: {name}", [*observations, *PRIVATE_BESIDE])
        for name, observations in CAUSES_OF_THEIR_OWN.items()
    ),
    silent(
        "ENV006",
        "the FIPS name has no data",
        [*here("backup", A), lookup(of=FIPS.id, failed="nodata")],
        targets=[FIPS, context(BACKUP)],
    ),
    silent("ENV007", "straight", here("backup", A)),
    silent("ENV007", "a proxy of another target", [*here("backup", A), proxy("http://x", of="backup-gateway")]),
    silent("ENV007", "not looked at", [host()]),
    silent("ENV007", "the look failed", [proxy(failed="bug")]),
    silent("ENV008", "the same", [imds()], of=chosen("AWS_REGION", "eu-west-1")),
    silent("ENV008", "meant", [imds()], of=chosen("--region")),
    silent("ENV008", "metadata is silent", [imds(failed="timeout")], of=chosen("AWS_REGION")),
    silent("ENV008", "no Region", [imds()], of=run(region=None)),
    silent("ENV014", "known", [lookup(failed="nxdomain")], of=chosen("AWS_REGION", "us-east-1")),
    silent("ENV014", "newer than the list", [lookup(A)], targets=[MISTYPED], of=chosen("AWS_REGION", "eu-wset-1")),
    silent(
        "ENV014",
        "one name of it exists",
        [lookup(failed="nxdomain"), lookup(PUBLIC, of="backup-gateway")],
        targets=[MISTYPED, target("backup-gateway", region="eu-wset-1")],
        of=chosen("AWS_REGION", "eu-wset-1"),
    ),
    silent(
        "ENV014",
        "no name server answers",
        [lookup(failed="timeout")],
        targets=[MISTYPED],
        of=chosen("AWS_REGION", "eu-wset-1"),
    ),
    silent("ENV014", "not looked up", [imds()], targets=[MISTYPED], of=chosen("AWS_REGION", "eu-wset-1")),
    silent("ENV014", "no Region", [lookup(failed="nxdomain")], of=run(region=None)),
    silent(
        "ENV014",
        "a name of the endpoint's own",
        [lookup(of=VPCE.id, failed="nxdomain")],
        targets=[VPCE],
        of=chosen("AWS_REGION", "eu-wset-1"),
    ),
    silent(
        "ENV015",
        "cut short by the deadline alone",
        [sdk(), imds(), lookup(A), tcp(A), tls(A, failed="deadline")],
    ),
    silent("ENV015", "in time", [sdk(), imds(), lookup(A), tcp(A), tls(A, failed="timeout")]),
    silent("ENV015", "a large request that the deadline cut short", [*healthy(), padded(A, failed="deadline")]),
    silent(
        "ENV015",
        "a large request to an address of no target",
        [*healthy(), coded(padded(C, failed="deadline"), STARVED)],
    ),
    silent("ENV015", "what no verdict needs", replaced(healthy(), coded(imds(failed="deadline"), STARVED))),
    silent("ENV018", "read", [sdk()]),
    silent("ENV018", "cut short by the deadline", [sdk(failed="deadline")]),
    silent("ENV018", "no Region in it", [sdk(region=None)]),
    silent("ENV018", "a Region that is not known", [sdk(region="eu-wset-1")]),
    silent("ENV018", "variables", [host(variables={"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "x-y-1"}), sdk()]),
    silent(
        "ENV018",
        "an old way to ask for FIPS",
        [host(variables={"AWS_DEFAULT_REGION": "us-east-1-fips"}), sdk(region="us-east-1", by_variable=True)],
    ),
    silent("ENV018", "a fault of ours", [sdk(failed="bug")]),
    silent("ENV018", "not read", [sdk(skipped="the deadline came")]),
    silent("ENV018", "not there", [host()]),
    silent("ENV009", "no line", [host(), lookup(A), answer(B)]),
    silent("ENV009", "a line of another name", [host(lines=[(A, FIPS.host)]), lookup(A), answer(B)]),
    silent("ENV009", "a line that programs do not follow", [host(lines=[(B, HOST)]), lookup(A), answer(A)]),
    silent("ENV009", "not looked up", [host(lines=[(A, HOST)]), answer(B)]),
    silent("ENV009", "nothing is known of this host", [host(failed="bug", lines=[(A, HOST)]), lookup(A), answer(B)]),
    silent("ENV010", "less than a minute", [*here("backup", A), answered(A, offset=59.9)]),
    silent(
        "ENV010", "one answer says that it is right", [*here("backup", A, B), answered(A, offset=400.0), answered(B)]
    ),
    silent("ENV010", "somebody else's clock", [*here("backup", A), answered(A, offset=400.0, request_id=None)]),
    silent("ENV010", "an address that this host does not use", [*here("backup", A), answered(C, offset=400.0)]),
    silent("ENV010", "without a Date", [*here("backup", A), answered(A, offset=None)]),
    silent("ENV010", "no answer", here("backup", A)),
    silent("ENV010", "not for sure a minute", [imds(offset=61.0, uncertainty=2.0)]),
    silent("ENV010", "metadata is off, an answer is right", [*here("backup", A), imds(offset=400.0), answered(A)]),
    silent("ENV010", "metadata without a token", [imds(offset=400.0, token=False)]),
    silent("ENV011", "straight", [metadata_proxy(None)]),
    silent("ENV011", "not looked at", []),
    silent(
        "ENV012", "the firmware says EC2", [host(), imds(failed="timeout"), answer(by=VPC_RESOLVER, failed="timeout")]
    ),
    silent("ENV012", "metadata answers", [host(ec2=None), imds(), answer(by=VPC_RESOLVER, failed="timeout")]),
    silent(
        "ENV012", "the VPC's resolver answers", [host(ec2=None), imds(failed="timeout"), answer(A, by=VPC_RESOLVER)]
    ),
    silent("ENV012", "nobody asked metadata", [host(ec2=None), answer(by=VPC_RESOLVER, failed="timeout")]),
    silent(
        "ENV012",
        "metadata is switched off",
        [host(ec2=None), imds(skipped="x"), answer(by=VPC_RESOLVER, failed="timeout")],
    ),
    silent("ENV012", "nobody asked the resolver", [host(ec2=None), imds(failed="timeout")]),
    silent(
        "ENV012",
        "the resolver was cut short",
        [host(ec2=None), imds(failed="timeout"), answer(by=VPC_RESOLVER, failed="deadline")],
    ),
]


@pytest.mark.parametrize("case", CASES_THAT_FIRE)
def test_fires(case: Case) -> None:
    assert_fires(case)


@pytest.mark.parametrize("case", CASES_OF_SILENCE)
def test_silent(case: Case) -> None:
    assert_silent(case)


def test_a_rule_with_cases_has_both_kinds() -> None:
    assert codes_of(CASES_THAT_FIRE) == codes_of(CASES_OF_SILENCE)


OF_THE_CONFIGURATION: Final = {
    "rule-forwards-to-public": "VPC015",
    "zone-with-a-public-address": "VPC016",
    "firewall-overrides-with-another-name-of-aws": "VPC017",
    "route-53-profile-zone-with-a-public-address": "VPC018",
    "route-53-profile-rule-forwards-to-public": "VPC018",
}
"""What in the configuration answers publicly for the default name, by scenario."""


@pytest.mark.parametrize("name", OF_THE_CONFIGURATION)
def test_env006_is_silent_where_the_configuration_names_why_the_default_name_is_not_private(name: str) -> None:
    dual_stack = f'\n[[dns]]\nresolvers = ["10.0.0.2", "169.254.169.253"]\nname = "{DUAL_STACK}"\na = ["10.0.1.17"]\n'
    text = scenario_files.text(name).replace("\n[[dns]]", f"{dual_stack}\n[[dns]]", 1)
    for changed, is_read in ((text, True), (text.replace("[ec2]\n", '[ec2]\nanswer = "denied"\n', 1), False)):
        codes = {finding.code for finding in judge(measured(parse(name, changed))[0]).findings}
        assert ("ENV006" in codes) is not is_read
        assert (OF_THE_CONFIGURATION[name] in codes) is is_read
