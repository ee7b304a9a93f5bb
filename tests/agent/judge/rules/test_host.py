"""ENV rules: the Region and the metadata service."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

import pytest
from botocore.utils import should_bypass_proxies

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
from tests.support.build import (
    BACKUP,
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


CASES_THAT_FIRE = [
    fires("ENV001", "nothing names one", [host(), sdk(region=None), imds(failed="timeout")], targets=[], of=NOWHERE),
    fires(
        "ENV001",
        "metadata is switched off",
        [host(), sdk(region=None), imds(skipped="AWS_EC2_METADATA_DISABLED is set")],
        targets=[],
        of=NOWHERE,
    ),
    fires(
        "ENV001",
        "what could have named one was not read",
        [host(), sdk(failed="bug"), imds(failed="deadline")],
        targets=[],
        of=NOWHERE,
    ),
    fires("ENV001", "nothing was looked at", [], targets=[], of=NOWHERE),
]


CASES_OF_SILENCE = [
    silent("ENV001", "a Region is known", [host(), sdk(), imds(failed="timeout")]),
]


def test_env001_needs_nothing() -> None:
    seen = evidence([], targets=[], of=NOWHERE)
    assert diagnose(seen, [ENV001]).not_evaluated == ()


CASES_THAT_FIRE += [
    fires("ENV001", "beside a look at a target", [host(), proxy(), lookup("10.0.1.17")], of=NOWHERE),
]


# --- ENV002 metadata-unreachable ------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    *(
        fires("ENV002", kind, [host(), imds(failed=kind)])
        for kind in ("timeout", "refused", "reset", "closed", "unreachable", "prohibited", "malformed", "too-large")
    ),
    fires("ENV002", "the configuration is wanted", [host(), imds(failed="timeout"), read(VPC, skipped=NO_VPC)]),
    *(
        fires(
            "ENV002",
            f"whether {' and '.join(found)} is private",
            [host("10.0.1.10/24", "2600:1f18::10/64"), imds(failed="timeout"), lookup(*found)],
        )
        for found in (["2600:1f18::17"], ["2600:1f18::17", "2600:1f18::18"], ["10.0.1.17"])
    ),
    fires(
        "ENV002",
        "addresses of what is optional",
        [host("2600:1f18::10/64"), imds(failed="timeout"), lookup("2600:1f18::17")],
        targets=[optional(BACKUP)],
    ),
    fires("ENV002", "the Region is missing for it", [host(), imds(failed="timeout")], targets=[], of=NOWHERE),
]


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


CASES_OF_SILENCE += [
    silent("ENV002", "it answers", [host(), imds()]),
    silent("ENV002", "nothing says that this is AWS", [host(ec2=False), imds(failed="timeout")]),
    silent("ENV002", "the firmware says nothing", [host(ec2=None), imds(failed="refused")]),
    silent("ENV002", "another resolver", [host(ec2=False), imds(failed="timeout"), answer("10.0.1.17", by=RESOLVER)]),
    silent(
        "ENV002",
        "the VPC's resolver is silent, too",
        [host(ec2=False), imds(failed="timeout"), answer(failed="timeout", by=VPC_RESOLVER)],
    ),
    silent("ENV002", "it forbids", [host(), imds(failed="not-permitted")]),
    silent("ENV002", "cut short", [host(), imds(failed="deadline")]),
    silent("ENV002", "crashed", [host(), imds(failed="bug")]),
    silent("ENV002", "switched off", [host(), imds(skipped="AWS_EC2_METADATA_DISABLED is set")]),
    silent("ENV002", "never asked", [host()]),
]


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


def finding(code: str, observations: Observations, **rest: Any) -> RuleFinding:
    [result] = findings_of(rule_of(RULES, code), evidence(observations, **rest))
    return result


def counted(**exceeded: int) -> Observations:
    """An observation of the counters of the interface ens5: how much each rose during the run."""
    facts = AllowanceFacts(exceeded={f"ens5 {name}": count for name, count in exceeded.items()}, counters=())
    subject = Subject(step=Step.HOST, operation=ALLOWANCES)
    return [Observation(subject=subject, outcome=Ok(facts), started_at=NOW, seconds=0.001)]


FIPS: Final = target(host="backup-fips.eu-west-1.amazonaws.com", addressing=Addressing.FIPS)
ROSE: Final = {
    "link-local": {"linklocal_allowance_exceeded": 37},
    "connections": {"conntrack_allowance_exceeded": 1},
    "packets, and bandwidth beside it": {"pps_allowance_exceeded": 2, "bw_in_allowance_exceeded": 900},
    "two of them": {"pps_allowance_exceeded": 2, "linklocal_allowance_exceeded": 3},
}
"""Cases in which counters of the driver rose, each named after what its counters count."""


def with_line(address: str, *names: str) -> Observation[HostFacts]:
    """A host whose hosts file has this line."""
    seen = host()
    assert isinstance(seen.outcome, Ok)
    line = HostsEntry(address=ip_address(address), names=names)
    return replace(seen, outcome=Ok(replace(seen.outcome.facts, hosts_entries=(line,))))


CASES_THAT_FIRE += [
    *(
        fires("ENV003", f"in {name}", [host(), imds(failed="not-permitted")], of=of)
        for name, of in (("a Region", None), ("none", NOWHERE))
    ),
    fires("ENV007", "a proxy by its address", [*here("backup", A), proxy("http://10.0.0.9:3128")]),
    fires("ENV009", "beside other names on the line", [with_line(A, HOST, "other.example.com"), lookup(A), answer(B)]),
    *(fires("ENV013", name, counted(**rose)) for name, rose in ROSE.items()),
]


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


# --- ENV013 allowance-exceeded ---------------------------------------------------------------------------------------


CASES_OF_SILENCE += [
    silent("ENV013", "nothing rose", counted()),
    silent("ENV013", "bandwidth alone", counted(bw_in_allowance_exceeded=5, bw_out_allowance_exceeded=7)),
    silent("ENV013", "not looked at", []),
]


# --- Cases of single rules --------------------------------------------------------------------------------------------

NOT_OFFERED: Final = target("backup-gateway", region="ap-southeast-3")


MISTYPED: Final = target(region="eu-wset-1")


def chosen(source: str, region: str = "us-east-1") -> Run:
    """A run whose Region came from this source."""
    return replace(run(), region=region, region_source=source)


def coded(observation: Observation[Any], code: str) -> Observation[Any]:
    """The failed observation, with this code in its failure."""
    assert isinstance(observation.outcome, Failed)
    return replace(
        observation, outcome=Failed(replace(observation.outcome.failure, code=code), observation.outcome.facts)
    )


PRIVATE_BESIDE: Observations = [imds(), proxy(), lookup(A, operation=DUAL_STACK_NAME)]
"""A dual-stack name with a private address."""
CAUSES_OF_THEIR_OWN: dict[str, Observations] = {
    "NXDOMAIN": [host(), lookup(failed="nxdomain")],
    "no data": [host(), lookup(failed="nodata")],
    "an answer that cannot be read": [host(), lookup(failed="dns-malformed")],
    "loopback": [host(), lookup("127.0.0.1")],
    "documentation": [host(), lookup("192.0.2.10")],
    "the hosts file": [with_line(PUBLIC, HOST), lookup(PUBLIC)],
    "name servers that disagree": [host(), lookup(PUBLIC), answer(A, by=VPC_RESOLVER)],
}
CASES_THAT_FIRE += [
    fires(
        "ENV003",
        "is information where nothing is missing for it",
        [coded(imds(failed="not-permitted"), "403"), credentials()],
    ),
    fires(
        "ENV003",
        "without credentials",
        [coded(imds(failed="not-permitted"), "404"), credentials(failed="no-credentials")],
    ),
    fires("ENV003", "without a Region", [coded(imds(failed="not-permitted"), "403")], of=run(region=None)),
    fires(
        "ENV004",
        "and no such name",
        [host(), sdk(), proxy(of="backup-gateway"), lookup(of="backup-gateway", failed="nxdomain")],
        targets=[NOT_OFFERED],
    ),
    fires(
        "ENV004",
        "and somebody else answers",
        [
            *here("backup-gateway", PUBLIC),
            answered(PUBLIC, of="backup-gateway", failed="not-aws", request_id=None),
        ],
        targets=[NOT_OFFERED],
    ),
    fires(
        "ENV004",
        "and AWS answers all the same",
        [*here("backup-gateway", PUBLIC), answered(PUBLIC, of="backup-gateway")],
        targets=[NOT_OFFERED],
    ),
    fires(
        "ENV004",
        "and AWS answers the signed call",
        [*here("backup-gateway", PUBLIC), api(PUBLIC, of="backup-gateway", failed="access-denied")],
        targets=[NOT_OFFERED],
    ),
    fires("ENV005", "to another host", [host(), sdk(urls={"backup": "https://backup.example.com"})], targets=[CUSTOM]),
    fires(
        "ENV005", "to the endpoint's own name", [host(), sdk(urls={"backup": f"https://{VPCE.host}"})], targets=[VPCE]
    ),
    fires(
        "ENV005",
        "to the endpoint's own name without TLS",
        [host(), sdk(urls={"backup": f"http://{VPCE.host}"})],
        targets=[VPCE],
    ),
    fires(
        "ENV005",
        "with FIPS, which has no effect then",
        [host(), sdk(fips=True, urls={"backup": "https://backup.example.com"})],
        targets=[CUSTOM],
    ),
    fires("ENV005", "to the same host without TLS", [host(), sdk(urls={"backup": f"http://{HOST}"})]),
    fires(
        "ENV006",
        "which does not exist",
        [*here("backup", A), lookup(of=FIPS.id, failed="nxdomain")],
        targets=[FIPS, context(BACKUP)],
    ),
    fires(
        "ENV006", "which is public", [*here("backup", A), lookup(PUBLIC, of=FIPS.id)], targets=[FIPS, context(BACKUP)]
    ),
    fires(
        "ENV006",
        "which is public, beside a dual-stack name that is not",
        [host(), sdk(), imds(), proxy(), lookup(PUBLIC), lookup(A, operation=DUAL_STACK_NAME)],
    ),
    fires(
        "ENV006",
        "which is public, beside a dual-stack name of a family that this host has",
        [BOTH_FAMILIES, imds(), proxy(), lookup(PUBLIC), lookup(PRIVATE_6, operation=DUAL_STACK_NAME)],
    ),
    fires("ENV007", "by a variable", [*here("backup", A), proxy("http://***@10.0.0.9:3128")]),
    fires("ENV008", "by a variable", [imds()], of=chosen("AWS_REGION")),
    fires(
        "ENV014",
        "two letters swapped",
        [imds(), lookup(failed="nxdomain")],
        targets=[MISTYPED],
        of=chosen("AWS_REGION", "eu-wset-1"),
    ),
    fires(
        "ENV014",
        "near to nothing",
        [lookup(failed="nxdomain")],
        targets=[target(region="zz-qqqqqqqqqq-77")],
        of=chosen("AWS_REGION", "zz-qqqqqqqqqq-77"),
    ),
    fires(
        "ENV015", "a step of the target", [sdk(), imds(), lookup(A), tcp(A), coded(tls(A, failed="deadline"), STARVED)]
    ),
    fires(
        "ENV015",
        "a large request, whose silence would be critical",
        [*healthy(), coded(padded(A, failed="deadline"), STARVED)],
    ),
    fires(
        "ENV015",
        "metadata, which was to give the Region",
        [coded(imds(failed="deadline"), STARVED)],
        of=run(region=None),
    ),
    fires("ENV018", "a profile that is not there", [coded(sdk(failed="malformed"), "ProfileNotFound")]),
    fires(
        "ENV018",
        "a profile that is not there, for the workload caller",
        [coded(sdk(failed="malformed"), "ProfileNotFound")],
        of=replace(run(), workloads=(Workload.CALLER,)),
        targets=[],
    ),
    fires(
        "ENV018",
        "a profile that is not there, for callers of a service that an option names",
        [coded(sdk(failed="malformed"), "ProfileNotFound")],
        of=replace(run(), workloads=()),
        targets=[replace(BACKUP, required_by=("--service",))],
    ),
    fires(
        "ENV018",
        "a profile that is not there, for an agent whose service an option names",
        [coded(sdk(failed="malformed"), "ProfileNotFound")],
        of=replace(run(), workloads=()),
        targets=[replace(target("ssm"), required_by=("--service",))],
    ),
    fires(
        "ENV018",
        "a profile that is not there, for a gateway appliance",
        [coded(sdk(failed="malformed"), "ProfileNotFound")],
        of=replace(run(), workloads=(Workload.GATEWAY,)),
        targets=[replace(GATEWAY, required_by=("--workload gateway",))],
    ),
    fires("ENV018", "no end of reading them", [sdk(failed="timeout")]),
    fires("ENV018", "a zone for the Region", [sdk(region="eu-west-1a")]),
    fires("ENV018", "a Region in capitals", [sdk(region="EU-WEST-1")]),
    fires("ENV018", "a space behind it", [sdk(region="eu-west-1 ")]),
    fires("ENV018", "no name at all", [sdk(region="Ireland")]),
    fires("ENV018", "the variable of most SDKs", [host(variables={"AWS_REGION": "eu-west-1a"}), sdk()]),
    fires(
        "ENV018",
        "the variable of boto3",
        [host(variables={"AWS_DEFAULT_REGION": "eu-west-1a"}), sdk(region="eu-west-1a", by_variable=True)],
    ),
    fires(
        "ENV018",
        "the variable of boto3, whose settings cannot be read",
        [host(variables={"AWS_DEFAULT_REGION": "eu-west-1a"}), coded(sdk(failed="malformed"), "ProfileNotFound")],
    ),
    fires(
        "ENV018",
        "no other Region",
        [host(variables={"AWS_REGION": "eu-west-1a"}), sdk(region=None)],
        of=run(region=None),
    ),
    fires("ENV009", "beside other answers", [host(lines=[(A, HOST)]), lookup(A), answer(B)]),
    fires(
        "ENV009",
        "beside another answer, at which nothing connects either",
        [host(lines=[(A, HOST)]), lookup(A), answer(B), tcp(B, failed="timeout")],
    ),
    fires("ENV009", "says what the name server says as well", [host(lines=[(A, HOST)]), lookup(A), answer(A)]),
    fires(
        "ENV009",
        "of two addresses, one of which a name server gives as well",
        [host(lines=[(A, HOST), (B, HOST)]), lookup(A, B), answer(A, C)],
    ),
    fires(
        "ENV009",
        "where another server than the configured one gives it as well",
        [host(lines=[(A, HOST)]), lookup(A), answer(B), answer(A, by=CORPORATE)],
    ),
    fires("ENV009", "while no name server answers", [host(lines=[(A, HOST)]), lookup(A), answer(failed="timeout")]),
    fires("ENV010", "by a minute", [*here("backup", A), answered(A, offset=60.0)]),
    fires("ENV010", "by five minutes", [*here("backup", A), answered(A, offset=-300.0)]),
    fires("ENV010", "by the signed call alone", [*here("backup", A), api(A, failed="clock-skew", offset=900.0)]),
    fires(
        "ENV010",
        "takes the smallest of several",
        [*here("backup", A, B), answered(A, offset=400.0), answered(B, offset=70.0)],
    ),
    fires(
        "ENV010",
        "by metadata, where no handshake came to its end",
        [*here("backup", A), imds(offset=4000.0, uncertainty=0.5), tls(A, failed="tls-expired")],
    ),
    fires(
        "ENV010",
        "by an answer over TLS, whatever metadata says in clear",
        [*here("backup", A), imds(offset=0.3), answered(A, offset=400.0)],
    ),
    fires("ENV010", "by no more than is sure", [imds(offset=301.0, uncertainty=2.0)]),
    fires("ENV011", "by a variable", [metadata_proxy("http://10.0.0.9:3128")]),
    fires(
        "ENV012",
        "by silence of both",
        [host(ec2=None), imds(failed="timeout"), answer(by=VPC_RESOLVER, failed="timeout")],
    ),
    fires(
        "ENV012",
        "where another cloud's metadata says no",
        [host(ec2=None), imds(failed="not-permitted"), answer(by=VPC_RESOLVER, failed="timeout")],
    ),
]
CASES_OF_SILENCE += [
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
"""For each scenario, the code of the setting because of which the default name has a public answer."""


@pytest.mark.parametrize("name", OF_THE_CONFIGURATION)
def test_env006_is_silent_where_the_configuration_names_why_the_default_name_is_not_private(name: str) -> None:
    dual_stack = f'\n[[dns]]\nresolvers = ["10.0.0.2", "169.254.169.253"]\nname = "{DUAL_STACK}"\na = ["10.0.1.17"]\n'
    text = scenario_files.text(name).replace("\n[[dns]]", f"{dual_stack}\n[[dns]]", 1)
    for changed, is_read in ((text, True), (text.replace("[ec2]\n", '[ec2]\nanswer = "denied"\n', 1), False)):
        codes = {finding.code for finding in judge(measured(parse(name, changed))[0]).findings}
        assert ("ENV006" in codes) is not is_read
        assert (OF_THE_CONFIGURATION[name] in codes) is is_read


def test_env006_shares_the_setting_that_selects_the_name_and_nothing_for_the_default_name() -> None:
    """If the findings of several targets share a setting, they are one cause. Two default names share no setting."""
    env006 = rule_of(RULES, "ENV006")
    by_fips = evidence([*here("backup", A), lookup(PUBLIC, of=FIPS.id)], targets=[FIPS, context(BACKUP)])
    by_default = evidence([host(), sdk(), *PRIVATE_BESIDE, lookup(PUBLIC)])
    assert [finding.shared for finding in findings_of(env006, by_fips)] == [frozenset({"fips"})]
    assert [finding.shared for finding in findings_of(env006, by_default)] == [frozenset()]


@pytest.mark.parametrize(
    ("answers", "expect", "is_needed"),
    [
        pytest.param([answer(B)], Expect.PRIVATE, False, id="DNS gives a private address"),
        pytest.param([answer(A)], Expect.PRIVATE, False, id="DNS gives the same address"),
        pytest.param([answer(PUBLIC)], Expect.PRIVATE, True, id="DNS gives a public address"),
        pytest.param([answer(failed="nxdomain")], Expect.PRIVATE, True, id="DNS gives none"),
        pytest.param([answer(PUBLIC)], Expect.ANY, False, id="a public path is as good"),
        pytest.param([answer(failed="timeout")], Expect.PRIVATE, False, id="no name server answers"),
    ],
)
def test_env009_removes_no_line_that_alone_leads_to_the_endpoint(
    answers: Observations, expect: Expect, *, is_needed: bool
) -> None:
    seen = evidence([host(lines=[(A, HOST)]), lookup(A), *answers], of=run(expect=expect))
    [finding] = findings_of(rule_of(RULES, "ENV009"), seen)
    assert finding.fix.summary.startswith("No name server gives a private address") is is_needed
