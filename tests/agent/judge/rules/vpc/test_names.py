"""VPC rules over names: what fires where measurement and configuration meet, what stays silent, and the words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from agent.catalog.findings import CODES as FINDINGS
from agent.catalog.findings import Scope, Severity
from agent.judge.diagnose import diagnose
from agent.judge.evidence import Evidence
from agent.judge.requirements import why_not_in_use
from agent.judge.rules.vpc import dhcp, dns_firewall, private_dns
from agent.judge.rules.vpc import resolver_rules as resolver_rule_rules
from agent.judge.rules.vpc import zones as zone_rules
from agent.report.model import Finding
from agent.settings import Expect
from probes.model import Addressing, Observation, Target
from probes.vpc.model import (
    AMAZON_DNS,
    DHCP_OPTIONS,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINT_SERVICES,
    ENDPOINTS,
    PRIVATE_ZONES,
    RESOLVER_RULES,
    SUBNETS,
    VPC,
    VPC_DNS,
    DhcpOptionsFacts,
    DnsFirewallFacts,
    EndpointServicesFacts,
    FirewallRule,
    InterfacesFacts,
    PrivateZone,
    PrivateZonesFacts,
    ResolverRule,
    ResolverRulesFacts,
    SubnetsFacts,
    VpcDnsFacts,
    VpcEndpoint,
)
from tests.support.aws_commands import complaint
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
    climbed,
    evidence,
    findings_of,
    host,
    imds,
    lookup,
    optional,
    rule_of,
    run,
    target,
    tcp,
    tls,
)
from tests.support.configured import (
    ACCOUNT,
    ANOTHER_ACCOUNT,
    ANOTHER_VPC_ID,
    DHCP_OPTIONS_ID,
    ENDPOINT_ID,
    INTERNET_RESOLVER,
    configured,
    endpoint,
    endpoint_interfaces,
    endpoints_facts,
    interface,
    offered,
    read,
    shared_vpc,
    subnet,
    subnets,
)

HOST = BACKUP.host
ANOTHER_ENDPOINT_ID = "vpce-0b1b2c3d"
STALE = "10.0.2.99"
OUTSIDE = "10.40.1.17"
ZONE_ID = "Z0A1B2C3D4E5F6G7H8I9"
RULE_ID = "rslvr-rr-0a1b2c3d4e5f67890"
GROUP_ID = "rslvr-frg-0a1b2c3d4e5f67890"
LOCAL_ZONE = "eu-west-1-dub-1a"
LIST_ID = "rslvr-fdl-0a1b2c3d4e5f67890"

IS_PUBLIC: Observations = [lookup(PUBLIC), answer(PUBLIC), answer(PUBLIC, by=VPC_RESOLVER)]
IS_PRIVATE: Observations = [
    lookup(*PRIVATE),
    answer(*PRIVATE),
    answer(*PRIVATE, by=VPC_RESOLVER),
    *climbed(*PRIVATE),
]
"""DNS001 needs the first, and the second is a healthy host."""
NOT_THERE: Observations = [
    lookup(failed="nxdomain"),
    *(answer(failed="nxdomain", by=by, record=record) for by in (RESOLVER, VPC_RESOLVER) for record in ("A", "AAAA")),
]
EMPTY: Observations = [
    lookup(failed="nodata"),
    *(answer(by=by, record=record) for by in (RESOLVER, VPC_RESOLVER) for record in ("A", "AAAA")),
]
SILENT: Observations = [
    lookup(failed="timeout"),
    *(answer(failed="timeout", by=by, record=record) for by in (RESOLVER, VPC_RESOLVER) for record in ("A", "AAAA")),
]
FAILING: Observations = [
    lookup(failed="servfail"),
    *(answer(failed="servfail", by=by, record=record) for by in (RESOLVER, VPC_RESOLVER) for record in ("A", "AAAA")),
]


def seen(
    observations: Observations,
    *changed: Observation[Any],
    targets: Sequence[Target] = (BACKUP,),
    account: str | None = ACCOUNT,
    days_old: float = 0.0,
    expect: Expect = Expect.PRIVATE,
    resolvers: Sequence[str] = (RESOLVER,),
    lines: Sequence[tuple[str, str]] = (),
    availability_zone: str = "eu-west-1a",
) -> Evidence:
    """What was measured, over the healthy configuration with some reads changed."""
    return evidence(
        [
            host(resolvers=resolvers, lines=lines),
            imds(account=account, availability_zone=availability_zone),
            *observations,
            *configured(*changed, days_old=days_old),
        ],
        targets=targets,
        of=run(expect=expect, ec2_reads=True),
    )


def fires(code: str, evidence: Evidence) -> list[str | None]:
    """The targets for which a rule reports a finding."""
    return [finding.target for finding in findings_of(rule_of(RULES, code), evidence)]


def reported_finding(code: str, evidence: Evidence) -> Finding:
    """The finding as a report has it, with its commands filled in."""
    return next(finding for finding in diagnose(evidence).findings if finding.code == code)


def commands(finding: Finding) -> list[str]:
    """A finding's commands, each one that the AWS CLI would take."""
    assert [
        why for command in finding.fix.commands if command.argv[0] == "aws" and (why := complaint(command.argv))
    ] == []
    return [" ".join(command.argv) for command in finding.fix.commands]


def endpoints(*listed: VpcEndpoint) -> Observation[Any]:
    return read(ENDPOINTS, endpoints_facts(*listed))


def vpc_dns(*, support: bool = True, hostnames: bool = True) -> Observation[Any]:
    return read(VPC_DNS, VpcDnsFacts(support=support, hostnames=hostnames))


def name_servers(*servers: str) -> Observation[Any]:
    return read(DHCP_OPTIONS, DhcpOptionsFacts(options_id=DHCP_OPTIONS_ID, name_servers=servers))


def zones(*names: str, of_service: bool = False, owner: str = ACCOUNT) -> Observation[Any]:
    listed = tuple(PrivateZone(zone_id=ZONE_ID, name=name, owner=owner, of_service=of_service) for name in names)
    return read(PRIVATE_ZONES, PrivateZonesFacts(zones=listed))


def resolver_rule(domain: str, *, kind: str = "FORWARD", rule_id: str = RULE_ID) -> ResolverRule:
    return ResolverRule(
        rule_id=rule_id, name="on-premises", domain=domain, kind=kind, targets=(ip_address("10.9.0.53"),)
    )


def resolver_rules(*rules: ResolverRule) -> Observation[Any]:
    return read(RESOLVER_RULES, ResolverRulesFacts(rules=(INTERNET_RESOLVER, *rules)))


def firewall_rule(
    *domains: str,
    action: str = "BLOCK",
    response: str | None = "NXDOMAIN",
    override: str | None = None,
    query_type: str | None = None,
    known: bool = True,
) -> FirewallRule:
    return FirewallRule(
        group_id=GROUP_ID,
        domain_list_id=LIST_ID,
        action=action,
        block_response=response if action == "BLOCK" else None,
        override=override,
        priority=(101, 1),
        query_type=query_type,
        domains=domains if known else None,
    )


def firewall(*rules: FirewallRule) -> Observation[Any]:
    return read(DNS_FIREWALL, DnsFirewallFacts(rules=rules))


DENIED = {
    operation: read(operation, failed="not-permitted")
    for operation in (
        *(ENDPOINTS, ENDPOINT_INTERFACES, VPC_DNS, DHCP_OPTIONS),
        RESOLVER_RULES,
        PRIVATE_ZONES,
        DNS_FIREWALL,
    )
}
SHARED = shared_vpc()
OFF = endpoint(private_dns=False)
FIPS = target(host="backup-fips.eu-west-1.amazonaws.com", addressing=Addressing.FIPS)
ABROAD = target(region="us-east-1")
OWN_NAME = target(host="vpce-0a1b2c3d-lj2wisx3.backup.eu-west-1.vpce.amazonaws.com", addressing=Addressing.VPCE)


def of(observations: Observations, of: Target) -> Observations:
    """The observations, as if made of another target."""
    return [replace(observation, subject=replace(observation.subject, target=of.id)) for observation in observations]


# --- What holds for all of them --------------------------------------------------------------------------------------

RULES = (
    *private_dns.RULES,
    *zone_rules.RULES,
    *dhcp.RULES,
    *resolver_rule_rules.RULES,
    *dns_firewall.RULES,
)
CODES = [rule.code for rule in RULES]
FAULTS: dict[str, tuple[Observations, Observation[Any]]] = {
    "VPC001": (IS_PUBLIC, endpoints()),
    "VPC002": (IS_PUBLIC, endpoints(OFF)),
    "VPC003": (IS_PUBLIC, vpc_dns(hostnames=False)),
    "VPC010": ([lookup(STALE), answer(STALE), answer(STALE, by=VPC_RESOLVER), tcp(STALE, failed="timeout")], zones()),
    "VPC011": (
        [lookup(PUBLIC), answer(PUBLIC, by=CORPORATE), answer(*PRIVATE, by=VPC_RESOLVER)],
        name_servers(CORPORATE),
    ),
    "VPC015": (IS_PUBLIC, resolver_rules(resolver_rule(HOST))),
    "VPC016": (NOT_THERE, zones(HOST)),
    "VPC017": (NOT_THERE, firewall(firewall_rule("*.amazonaws.com"))),
}
"""What is measured, and what EC2 says, if a code fires; all the rest is healthy."""


def asked(code: str) -> list[str]:
    """The name servers of the host in the code's fault."""
    return [CORPORATE] if code == "VPC011" else [RESOLVER]


def faulty(code: str, *, expect: Expect = Expect.PRIVATE) -> Evidence:
    observations, fault = FAULTS[code]
    return seen(observations, fault, expect=expect, resolvers=asked(code))


@pytest.mark.parametrize("code", CODES)
def test_the_table_of_faults_has_one_that_fires_for_each_code(code: str) -> None:
    assert fires(code, faulty(code)) == [None if FINDINGS[code].scope is Scope.RUN else "backup"]
    report = diagnose(faulty(code))
    assert code in [finding.code for finding in report.findings]


@pytest.mark.parametrize("code", CODES)
def test_configuration_alone_raises_nothing(code: str) -> None:
    fault = FAULTS[code][1]
    assert fires(code, seen(IS_PRIVATE, fault)) == []
    assert fires(code, seen([], fault)) == []


@pytest.mark.parametrize("code", CODES)
def test_what_was_measured_alone_raises_nothing(code: str) -> None:
    observations = FAULTS[code][0]
    if code != "VPC010":  # where every read is healthy, addresses that no endpoint has are its fault already
        assert fires(code, seen(observations, resolvers=asked(code))) == []
    rule = rule_of(RULES, code)
    unread = evidence([host(), imds(account=ACCOUNT), *observations], of=run(ec2_reads=True))
    assert findings_of(rule, unread) == []
    assert [missing.code for missing in diagnose(unread).not_evaluated if missing.code == code] == [code]


@pytest.mark.parametrize("code", CODES)
def test_a_read_that_was_denied_is_no_empty_one(code: str) -> None:
    observations, fault = FAULTS[code]
    rule = rule_of(RULES, code)
    for operation in rule.reads:
        if operation != VPC:  # whose VPC it is, the subnets say as well
            changed = {observation.id: observation for observation in (fault, DENIED[operation])}
            assert fires(code, seen(observations, *changed.values())) == []


@pytest.mark.parametrize("code", CODES)
def test_old_facts_name_no_cause(code: str) -> None:
    observations, fault = FAULTS[code]
    old = replace(fault, started_at=NOW - timedelta(days=6))
    report = diagnose(seen(observations, old, days_old=6.0, resolvers=asked(code)))
    finding = next(finding for finding in report.findings if finding.code == code)
    assert finding.severity is Severity.WARNING
    assert finding.fix.summary.startswith("Read the facts again, where EC2 is reachable: they are of 2026-02-23")
    assert commands(finding)[0] == "backuplink facts --region eu-west-1 --vpc vpc-0a1b2c3d --output <FACTS_FILE>"
    assert "said on 2026-02-23 at 12:00 UTC" in finding.detail
    assert all(other.explained_by != finding.id for other in report.findings)


@pytest.mark.parametrize("code", CODES)
def test_facts_of_this_run_name_the_cause_and_rest_on_their_reads(code: str) -> None:
    report = diagnose(faulty(code))
    finding = next(finding for finding in report.findings if finding.code == code)
    assert any(other.explained_by == finding.id for other in report.findings)
    assert {f"ec2/{operation}" for operation in rule_of(RULES, code).reads} <= set(finding.evidence)
    assert "said on" not in finding.detail


@pytest.mark.parametrize("code", CODES)
def test_of_a_service_that_nobody_asked_for_it_does_not_count(code: str) -> None:
    observations, fault = FAULTS[code]
    report = diagnose(seen(observations, fault, targets=[optional(BACKUP)], resolvers=asked(code)))
    silent = why_not_in_use(evidence(observations), optional(BACKUP)) is not None
    shown = [(finding.severity, finding.counts) for finding in report.findings if finding.code == code]
    assert shown == ([] if silent else [(Severity.CRITICAL, False)])


@pytest.mark.parametrize("code", ["VPC001", "VPC002", "VPC003", "VPC010"])
def test_where_this_host_s_vpc_is_not_known_nothing_is_said_of_its_endpoints(code: str) -> None:
    observations, fault = FAULTS[code]
    nowhere: Observations = [host(), imds(account=ACCOUNT, vpc_id=None), *observations, *configured(fault)]
    assert fires(code, evidence(nowhere, of=run(ec2_reads=True))) == []


@pytest.mark.parametrize("code", CODES)
def test_a_host_that_says_nothing_of_itself_breaks_no_rule(code: str) -> None:
    observations, fault = FAULTS[code]
    bare = evidence(
        [host(failed="timeout"), imds(failed="timeout"), *observations, *configured(fault)], of=run(ec2_reads=True)
    )
    assert "RUN002" not in [finding.code for finding in diagnose(bare).findings]


@pytest.mark.parametrize("code", ["VPC001", "VPC002", "VPC003", "VPC011"])
def test_where_a_public_path_is_expected_it_is_silent(code: str) -> None:
    assert fires(code, faulty(code, expect=Expect.PUBLIC)) == []


@pytest.mark.parametrize("code", CODES)
def test_no_command_takes_anything_away(code: str) -> None:
    for words in commands(reported_finding(code, faulty(code))):
        assert not {"delete", "revoke", "disassociate", "remove", "detach"}.intersection(
            words.replace("-", " ").split()
        )


@pytest.mark.parametrize("code", ["VPC001", "VPC010"])
def test_nothing_is_missing_where_an_endpoint_was_left_out(code: str) -> None:
    observations, change = FAULTS[code]
    partial = read(ENDPOINTS, endpoints_facts(dropped=1))
    assert code not in {finding.code for finding in diagnose(seen(observations, change, partial)).findings}


# --- VPC001 endpoint-missing -----------------------------------------------------------------------------------------


def test_endpoint_missing_says_what_is_known_and_makes_the_endpoint() -> None:
    finding = reported_finding("VPC001", seen(IS_PUBLIC, endpoints()))
    assert finding.detail == (
        f"{HOST} resolves to {PUBLIC}, outside the private path. EC2 says that vpc-0a1b2c3d has no interface endpoint "
        "of backup."
    )
    assert commands(finding) == [
        "aws ec2 create-vpc-endpoint --region eu-west-1 --vpc-id vpc-0a1b2c3d --vpc-endpoint-type Interface "
        "--service-name com.amazonaws.eu-west-1.backup --subnet-ids subnet-0a1b2c3d subnet-0c1b2c3d "
        "--security-group-ids <ENDPOINT_SECURITY_GROUP_ID> --private-dns-enabled"
    ]


@pytest.mark.parametrize(
    ("changed", "fires_of"),
    [
        pytest.param([endpoints()], ["backup"], id="none at all"),
        pytest.param([endpoints(endpoint(service="backup-gateway"))], ["backup"], id="of the other service alone"),
        pytest.param([endpoints(endpoint(vpc_id=ANOTHER_VPC_ID))], ["backup"], id="in another VPC"),
        pytest.param([endpoints(endpoint(state="deleted"))], ["backup"], id="deleted"),
        pytest.param([endpoints(endpoint(state="rejected"))], [], id="rejected"),
        pytest.param([endpoints(endpoint(state="failed"))], [], id="failed"),
        pytest.param([endpoints(endpoint(state="pending"))], [], id="being made"),
        pytest.param([endpoints(endpoint(state="deleting"))], [], id="being deleted"),
        pytest.param([endpoints(OFF)], [], id="there, with private DNS off"),
        pytest.param([endpoints(), *SHARED], [], id="in a shared VPC"),
        pytest.param([endpoints(), zones(HOST)], [], id="a zone of the name answers"),
        pytest.param([endpoints(), zones("amazonaws.com")], ["backup"], id="a zone above it"),
    ],
)
def test_endpoint_missing(changed: list[Observation[Any]], fires_of: list[str]) -> None:
    assert fires("VPC001", seen(IS_PUBLIC, *changed)) == fires_of


def test_endpoint_missing_is_silent_where_the_owner_of_the_vpc_is_not_known() -> None:
    assert fires("VPC001", seen(IS_PUBLIC, endpoints(), account=None)) == []
    unread = [read(operation, failed="not-permitted") for operation in (VPC, SUBNETS)]
    assert fires("VPC001", seen(IS_PUBLIC, endpoints(), *unread)) == []


def test_endpoint_missing_is_silent_for_a_private_name() -> None:
    central: Observations = [lookup(OUTSIDE), answer(OUTSIDE), answer(OUTSIDE, by=VPC_RESOLVER), *climbed(OUTSIDE)]
    assert fires("VPC001", seen(central, endpoints())) == []


def test_endpoint_missing_is_silent_of_names_that_private_dns_does_not_make() -> None:
    for other in (ABROAD, OWN_NAME):
        assert fires("VPC001", seen(of(IS_PUBLIC, other), endpoints(), targets=[other])) == []


def test_endpoint_missing_promises_nothing_of_another_name_of_the_sdk() -> None:
    seen_of_fips = seen(of(IS_PUBLIC, FIPS), endpoints(), targets=[FIPS])
    assert fires("VPC001", seen_of_fips) == [FIPS.id]
    assert (
        f"Whether its private DNS covers {FIPS.host} is not known before"
        in reported_finding("VPC001", seen_of_fips).fix.summary
    )


def test_an_endpoint_in_another_vpc_is_shared_before_one_is_made() -> None:
    finding = reported_finding("VPC001", seen(IS_PUBLIC, endpoints(endpoint(vpc_id=ANOTHER_VPC_ID))))
    assert finding.detail.endswith(
        f" One is in another VPC ({ENDPOINT_ID} in {ANOTHER_VPC_ID}), and private DNS ends at its own VPC, and neither "
        "peering nor a transit gateway carries it."
    )
    assert finding.fix.summary.startswith(f"(a) Share the endpoint of {ANOTHER_VPC_ID}")
    own = "vpce-0a1b2c3d-lj2wisx3.backup.eu-west-1.vpce.amazonaws.com"
    assert commands(finding)[0] == f"backuplink check --region eu-west-1 --endpoint {own}"


def test_an_endpoint_for_the_gateway_is_made_without_private_dns() -> None:
    finding = reported_finding("VPC001", seen(of(IS_PUBLIC, GATEWAY), endpoints(), targets=[GATEWAY]))
    (command,) = commands(finding)
    assert command.endswith("--no-private-dns-enabled")
    assert "Its private DNS is left off" in finding.fix.summary


def test_attributes_that_are_off_are_turned_on_before_an_endpoint_is_made() -> None:
    finding = reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), vpc_dns(hostnames=False)))
    assert [words.split()[2] for words in commands(finding)] == ["modify-vpc-attribute", "create-vpc-endpoint"]
    assert finding.fix.summary.startswith("Turn on the VPC's DNS attributes first")


def test_a_subnet_whose_id_has_no_such_form_becomes_a_placeholder() -> None:
    hostile = read(SUBNETS, SubnetsFacts(subnets=(*subnets(), subnet("subnet-$(reboot)", "10.0.9.0/24", letter="c"))))
    (command,) = commands(reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), hostile)))
    assert "--subnet-ids subnet-0a1b2c3d subnet-0c1b2c3d <ENDPOINT_SUBNET_ID> --security" in command


def test_of_this_host_s_zone_its_own_subnet_is_taken() -> None:
    more = read(SUBNETS, SubnetsFacts(subnets=(subnet("subnet-000b2c3d", "10.0.7.0/24"), *subnets())))
    (command,) = commands(reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), more)))
    assert "--subnet-ids subnet-0a1b2c3d subnet-0c1b2c3d --security" in command


def test_an_endpoint_is_made_in_no_other_vpc_s_subnets() -> None:
    elsewhere = subnet("subnet-0d1b2c3d", "10.40.1.0/24", letter="c", vpc_id=ANOTHER_VPC_ID)
    both = read(SUBNETS, SubnetsFacts(subnets=(*subnets(), elsewhere)))
    (command,) = commands(reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), both)))
    assert "--subnet-ids subnet-0a1b2c3d subnet-0c1b2c3d --security" in command


def test_endpoint_missing_is_silent_where_none_is_offered() -> None:
    assert fires("VPC001", seen(IS_PUBLIC, endpoints(), targets=[replace(BACKUP, service_name=None)])) == []


def test_an_endpoint_service_that_aws_does_not_have_makes_no_endpoint() -> None:
    finding = reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), offered()))
    assert finding.detail.endswith(" AWS has no endpoint service of it in eu-west-1 to make one of.")
    assert finding.fix.summary.startswith("No private path to backup can be made in eu-west-1: let the hosts out to it")
    assert commands(finding) == []
    assert f"ec2/{ENDPOINT_SERVICES}" in finding.evidence


def test_an_endpoint_is_made_of_the_service_that_ec2_names() -> None:
    named = offered("eu-west-1a", "eu-west-1b", name="aws.sap.eu-west-1.backup")
    (command,) = commands(reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), named)))
    assert "--service-name aws.sap.eu-west-1.backup --subnet-ids subnet-0a1b2c3d subnet-0c1b2c3d " in command


def test_an_endpoint_is_made_in_no_zone_without_the_service() -> None:
    (command,) = commands(reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), offered("eu-west-1b", "eu-west-1c"))))
    assert "--subnet-ids subnet-0c1b2c3d --security" in command


def test_another_name_that_private_dns_covers_needs_no_look_before() -> None:
    covering = offered("eu-west-1a", private_names=("backup-fips.*",))
    finding = reported_finding("VPC001", seen(of(IS_PUBLIC, FIPS), endpoints(), covering, targets=[FIPS]))
    assert "is not known before" not in finding.fix.summary
    off = endpoints(endpoint(private_dns=False))
    assert fires("VPC002", seen(of(IS_PUBLIC, FIPS), off, targets=[FIPS])) == []
    assert fires("VPC002", seen(of(IS_PUBLIC, FIPS), off, covering, targets=[FIPS])) == [FIPS.id]


def test_of_an_answer_with_rows_left_out_nothing_is_known_to_be_absent() -> None:
    cut = read(ENDPOINT_SERVICES, EndpointServicesFacts(services=(), asked=("backup",), dropped=1))
    assert commands(reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), cut))) != []


def test_without_subnets_the_host_s_own_is_named() -> None:
    unread = read(SUBNETS, failed="timeout")
    (command,) = commands(reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), unread)))
    assert "--subnet-ids subnet-0a1b2c3d --security" in command
    (command,) = commands(
        reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), unread, availability_zone=LOCAL_ZONE))
    )
    assert "--subnet-ids <ENDPOINT_SUBNET_ID> --security" in command


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"availability_zone": LOCAL_ZONE}, id="in a Local Zone"),
        pytest.param({"availability_zone": "eu-west-1-wl1-dub-wlz-1"}, id="in a Wavelength Zone"),
        pytest.param({"availability_zone": None}, id="in a zone that is not known"),
        pytest.param({"cidrs": (ip_network("2a05:d018:1::/64"),)}, id="without IPv4"),
    ],
)
def test_an_endpoint_is_made_in_no_subnet_that_takes_none(change: dict[str, Any]) -> None:
    other = replace(subnet("subnet-0d1b2c3d", "10.0.9.0/24", letter="c"), **change)
    both = read(SUBNETS, SubnetsFacts(subnets=(other, *subnets())))
    (command,) = commands(reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), both)))
    assert "--subnet-ids subnet-0a1b2c3d subnet-0c1b2c3d --security" in command
    own = replace(other, subnet_id="subnet-0a1b2c3d")
    alone = read(SUBNETS, SubnetsFacts(subnets=(own,)))
    (command,) = commands(reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), alone)))
    assert "--subnet-ids <ENDPOINT_SUBNET_ID> --security" in command


# --- VPC002 private-dns-off ------------------------------------------------------------------------------------------


def test_private_dns_off_names_the_endpoint_and_turns_it_on() -> None:
    finding = reported_finding("VPC002", seen(IS_PUBLIC, endpoints(OFF)))
    assert finding.detail == (
        f"{HOST} resolves to {PUBLIC}, outside the private path. EC2 says that private DNS of {ENDPOINT_ID}, the "
        "endpoint of backup in this VPC, is off."
    )
    assert commands(finding) == [
        "aws ec2 describe-vpc-endpoints --region eu-west-1 --filters "
        "Name=service-name,Values=com.amazonaws.eu-west-1.backup",
        "backuplink check --region eu-west-1 --endpoint vpce-0a1b2c3d-lj2wisx3.backup.eu-west-1.vpce.amazonaws.com",
        "aws ec2 modify-vpc-endpoint --region eu-west-1 --vpc-endpoint-id vpce-0a1b2c3d --private-dns-enabled",
    ]
    assert finding.fix.commands[-1].undo == "the same command with --no-private-dns-enabled"


@pytest.mark.parametrize(
    ("changed", "fires_of"),
    [
        pytest.param([endpoints(OFF)], ["backup"], id="off"),
        pytest.param([endpoints(OFF), *SHARED], ["backup"], id="off, one's own in a shared VPC"),
        pytest.param([endpoints(endpoint())], [], id="on"),
        pytest.param([endpoints(OFF, endpoint(ANOTHER_ENDPOINT_ID))], [], id="on at a second endpoint"),
        pytest.param([endpoints(endpoint(private_dns=False, state="pending"))], ["backup"], id="not yet available"),
        pytest.param([endpoints(endpoint(private_dns=False, state="failed"))], [], id="failed"),
        pytest.param([endpoints(endpoint(private_dns=False, state="deleting"))], [], id="going"),
        pytest.param(
            [endpoints(OFF, endpoint(ANOTHER_ENDPOINT_ID, state="pending"))],
            [],
            id="on at one that is not yet available",
        ),
        pytest.param([endpoints(endpoint(private_dns=False, vpc_id=ANOTHER_VPC_ID))], [], id="in another VPC"),
        pytest.param([endpoints(endpoint(private_dns=False, service="backup-gateway"))], [], id="another service's"),
        pytest.param([endpoints(OFF), zones(HOST)], [], id="a zone of the name answers"),
        pytest.param([endpoints(OFF), zones(HOST, of_service=True)], ["backup"], id="a zone of AWS's own"),
    ],
)
def test_private_dns_off(changed: list[Observation[Any]], fires_of: list[str]) -> None:
    assert fires("VPC002", seen(IS_PUBLIC, *changed)) == fires_of


def test_private_dns_is_turned_on_once_the_endpoint_is_there() -> None:
    finding = reported_finding("VPC002", seen(IS_PUBLIC, endpoints(endpoint(private_dns=False, state="pending"))))
    assert finding.fix.summary.startswith("Wait until the endpoint is available. ")
    causes = {
        finding.code: finding.explained_by
        for finding in diagnose(seen(IS_PUBLIC, endpoints(endpoint(private_dns=False, state="pending")))).findings
    }
    assert "VPC004" in causes
    assert causes["VPC002"] is None
    assert not reported_finding("VPC002", seen(IS_PUBLIC, endpoints(OFF))).fix.summary.startswith("Wait")


def test_private_dns_off_is_silent_of_stale_answers_and_of_other_names() -> None:
    assert fires("VPC002", seen(FAULTS["VPC010"][0], endpoints(OFF))) == []
    for other in (FIPS, ABROAD, OWN_NAME):
        assert fires("VPC002", seen(of(IS_PUBLIC, other), endpoints(OFF), targets=[other])) == []


def test_private_dns_off_turns_on_the_attributes_first() -> None:
    finding = reported_finding("VPC002", seen(IS_PUBLIC, endpoints(OFF), vpc_dns(support=False, hostnames=False)))
    assert [words.split()[-1] for words in commands(finding)[2:]] == [
        *("--enable-dns-support", "--enable-dns-hostnames", "--private-dns-enabled")
    ]


def test_of_two_endpoints_none_is_chosen() -> None:
    both = endpoints(OFF, endpoint(ANOTHER_ENDPOINT_ID, private_dns=False))
    finding = reported_finding("VPC002", seen(IS_PUBLIC, both))
    assert f"{ENDPOINT_ID} and {ANOTHER_ENDPOINT_ID}" in finding.detail
    assert "--vpc-endpoint-id <VPC_ENDPOINT_ID>" in commands(finding)[-1]


def test_nothing_turns_on_private_dns_for_the_gateway() -> None:
    off = endpoints(endpoint(service="backup-gateway", private_dns=False))
    finding = reported_finding("VPC002", seen(of(IS_PUBLIC, GATEWAY), off, targets=[GATEWAY]))
    assert [words.split()[2] for words in commands(finding)] == ["describe-vpc-endpoints", "--region"]
    assert "Off is right where appliances of this VPC use public names" in finding.fix.summary
    assert "on is right for programs" in finding.fix.summary


# --- VPC003 vpc-dns-attributes-off -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "changed", "fires_of"),
    [
        pytest.param(IS_PUBLIC, [vpc_dns(hostnames=False)], [None], id="host names off"),
        pytest.param(IS_PUBLIC, [vpc_dns(support=False)], [None], id="support off"),
        pytest.param(IS_PUBLIC, [vpc_dns(hostnames=False), endpoints(OFF)], [None], id="private DNS off as well"),
        pytest.param(IS_PUBLIC, [vpc_dns()], [], id="both on"),
        pytest.param(IS_PUBLIC, [vpc_dns(hostnames=False), endpoints()], [], id="no endpoint here"),
        pytest.param(
            IS_PUBLIC, [vpc_dns(hostnames=False), endpoints(endpoint(state="pending"))], [], id="not available"
        ),
        pytest.param(SILENT, [vpc_dns(support=False)], [None], id="the resolver is silent"),
        pytest.param(SILENT, [vpc_dns(support=False), *SHARED], [None], id="of a shared VPC, too"),
        pytest.param(SILENT, [vpc_dns(hostnames=False)], [], id="silent, and only host names off"),
        pytest.param(NOT_THERE, [vpc_dns(support=False)], [], id="the resolver answers"),
    ],
)
def test_vpc_dns_attributes_off(
    observations: Observations, changed: list[Observation[Any]], fires_of: list[None]
) -> None:
    assert fires("VPC003", seen(observations, *changed)) == fires_of


def test_vpc_dns_attributes_off_says_which_and_turns_on_no_more() -> None:
    finding = reported_finding("VPC003", seen(IS_PUBLIC, vpc_dns(hostnames=False)))
    assert finding.detail == (
        f"{HOST} resolves to {PUBLIC}, outside the private path. EC2 says that enableDnsHostnames of vpc-0a1b2c3d is "
        f"false, without which private DNS of {ENDPOINT_ID}, though on, is not in effect."
    )
    assert commands(finding) == [
        "aws ec2 modify-vpc-attribute --region eu-west-1 --vpc-id vpc-0a1b2c3d --enable-dns-hostnames"
    ]
    assert finding.fix.commands[0].undo == "the same command with --no-enable-dns-hostnames"


def test_vpc_dns_attributes_off_names_the_endpoint_whose_private_dns_is_on() -> None:
    both = endpoints(endpoint(), endpoint(ANOTHER_ENDPOINT_ID, private_dns=False))
    assert (
        f"private DNS of {ENDPOINT_ID}, though on,"
        in reported_finding("VPC003", seen(IS_PUBLIC, vpc_dns(hostnames=False), both)).detail
    )
    off = reported_finding("VPC003", seen(IS_PUBLIC, vpc_dns(hostnames=False), endpoints(OFF))).detail
    assert off.endswith(f"is false, and private DNS of {ENDPOINT_ID} cannot be turned on without.")


def test_a_vpc_without_a_resolver() -> None:
    report = diagnose(seen(SILENT, vpc_dns(support=False, hostnames=False)))
    finding = next(finding for finding in report.findings if finding.code == "VPC003")
    assert finding.detail == (
        f"The VPC's resolver ({RESOLVER}) answers nothing, and EC2 says that enableDnsSupport and enableDnsHostnames "
        "of vpc-0a1b2c3d are false: the VPC has no resolver."
    )
    assert [words.split()[-1] for words in commands(finding)] == ["--enable-dns-support", "--enable-dns-hostnames"]
    assert [finding.explained_by for finding in report.findings if finding.code == "DNS004"] == ["VPC003"]


def test_of_a_name_that_the_hosts_file_has_no_silent_resolver_is_the_cause() -> None:
    silent: Observations = [
        *SILENT,
        *of([observation for observation in SILENT if observation.subject.resolver is not None], GATEWAY),
        lookup("10.0.1.27", of="backup-gateway"),
    ]
    for code, fault, where in (
        ("VPC003", vpc_dns(support=False), None),
        ("VPC015", resolver_rules(resolver_rule("amazonaws.com")), "backup"),
    ):
        both = seen(silent, fault, targets=[BACKUP, GATEWAY], lines=[("10.0.1.27", GATEWAY.host)])
        assert fires(code, both) == [where]


def test_servers_of_one_s_own_that_are_silent_are_no_attribute_s_fault() -> None:
    silent: Observations = [
        lookup(failed="timeout"),
        answer(failed="timeout", by=CORPORATE),
        answer(failed="timeout", by=VPC_RESOLVER),
    ]
    assert fires("VPC003", seen(silent, vpc_dns(support=False), resolvers=[CORPORATE])) == []


def test_attributes_say_nothing_of_names_that_the_endpoint_does_not_list() -> None:
    for other in (FIPS, ABROAD, OWN_NAME):
        assert fires("VPC003", seen(of(IS_PUBLIC, other), vpc_dns(hostnames=False), targets=[other])) == []
    covered = replace(endpoint(), dns_names=(*endpoint().dns_names, FIPS.host))
    changed = (vpc_dns(hostnames=False), endpoints(covered))
    assert fires("VPC003", seen(of(IS_PUBLIC, FIPS), *changed, targets=[FIPS])) == [None]


def test_attributes_of_the_vpc_are_one_finding_that_names_every_target() -> None:
    both: Observations = [*IS_PUBLIC, *of(IS_PUBLIC, GATEWAY)]
    changed = vpc_dns(hostnames=False), endpoints(endpoint(), endpoint(ANOTHER_ENDPOINT_ID, service="backup-gateway"))
    report = diagnose(seen(both, *changed, targets=[BACKUP, GATEWAY]))
    [finding] = [finding for finding in report.findings if finding.code == "VPC003"]
    assert f"{HOST} resolves to {PUBLIC} and {GATEWAY.host} resolves to {PUBLIC}, outside" in finding.detail
    explained = {other.id for other in report.findings if other.explained_by == finding.id}
    assert explained >= {"DNS001@backup", "DNS001@backup-gateway"}


def test_attributes_of_the_vpc_explain_no_public_name_without_an_endpoint() -> None:
    both: Observations = [*IS_PUBLIC, *of(IS_PUBLIC, GATEWAY)]
    report = diagnose(seen(both, vpc_dns(hostnames=False), targets=[BACKUP, GATEWAY]))
    cause_of = {finding.id: finding.explained_by for finding in report.findings}
    assert (cause_of["DNS001@backup"], cause_of["DNS001@backup-gateway"]) == ("VPC003", "VPC001@backup-gateway")


# --- VPC010 stale-answer ---------------------------------------------------------------------------------------------


def leads_to(*addresses: str, observations: Sequence[Observation[Any]] = ()) -> Observations:
    """Name servers give these addresses."""
    return [lookup(*addresses), answer(*addresses), answer(*addresses, by=VPC_RESOLVER), *observations]


def test_stale_answer_holds_the_addresses_against_the_endpoint_s() -> None:
    report = diagnose(faulty("VPC010"))
    finding = next(finding for finding in report.findings if finding.code == "VPC010")
    assert finding.detail == (
        f"{HOST} resolves to {STALE}, where nothing of AWS answers. EC2 says that no interface of an endpoint has it: "
        f"{ENDPOINT_ID} has 10.0.1.17 and 10.0.2.17. "
        "The record is an old one, or points to something of your own, such as a load balancer, that does not answer."
    )
    assert [finding.explained_by for finding in report.findings if finding.code == "TCP001"] == ["VPC010@backup"]
    assert finding.evidence == (
        "dns/backup/getaddrinfo",
        *(f"dns/backup/{by}/A" for by in (RESOLVER, VPC_RESOLVER)),
        f"tcp/backup/{STALE}/443",
        *("ec2/endpoints", "ec2/endpoint-interfaces", "ec2/vpc"),
    )
    assert commands(finding) == [
        f"resolvectl query {HOST}",
        "aws ec2 describe-vpc-endpoints --region eu-west-1 --filters "
        "Name=service-name,Values=com.amazonaws.eu-west-1.backup",
    ]


@pytest.mark.parametrize(
    ("observations", "changed", "fires_of"),
    [
        pytest.param(leads_to(STALE, observations=[tcp(STALE, failed="timeout")]), [], ["backup"], id="nothing there"),
        pytest.param(leads_to(STALE, observations=[tcp(STALE, failed="refused")]), [], ["backup"], id="refused there"),
        pytest.param(
            leads_to(STALE, PRIVATE[0], observations=[tcp(STALE, failed="timeout"), *climbed(PRIVATE[0])]),
            [],
            ["backup"],
            id="beside one of the endpoint's",
        ),
        pytest.param(
            leads_to(STALE, observations=[tcp(STALE, failed="timeout")]),
            [endpoints()],
            ["backup"],
            id="no endpoint here, and silent",
        ),
        pytest.param(
            leads_to(STALE, observations=[tcp(STALE, failed="refused")]),
            [endpoints()],
            ["backup"],
            id="no endpoint here, and refused",
        ),
        pytest.param(
            leads_to(STALE, observations=[tcp(STALE, failed="unreachable", neighbour="failed")]),
            [endpoints()],
            ["backup"],
            id="no endpoint here, and nobody has the address",
        ),
        pytest.param(
            leads_to(STALE, observations=[tcp(STALE, failed="unreachable", route_error="EHOSTUNREACH")]),
            [endpoints()],
            ["backup"],
            id="no endpoint here, and this host has no route",
        ),
        pytest.param(
            leads_to(STALE, observations=[tcp(STALE), tls(STALE, failed="tls-untrusted", issuer="CN=corp")]),
            [endpoints()],
            ["backup"],
            id="no endpoint here, and somebody else answers",
        ),
        pytest.param(
            leads_to(STALE, observations=[tcp(STALE), tls(STALE, failed="timeout")]),
            [endpoints()],
            ["backup"],
            id="no endpoint here, and no answer to TLS",
        ),
        pytest.param(
            leads_to(STALE, observations=[tcp(STALE, failed="timeout")]),
            [endpoints(endpoint(vpc_id=ANOTHER_VPC_ID))],
            ["backup"],
            id="one in another VPC, and silent",
        ),
        pytest.param(
            leads_to(PRIVATE[0], observations=[tcp(PRIVATE[0], failed="timeout")]), [], [], id="the endpoint's own"
        ),
        pytest.param(leads_to(OUTSIDE, observations=[tcp(OUTSIDE, failed="timeout")]), [], [], id="outside the VPC"),
        pytest.param(leads_to(STALE, observations=climbed(STALE)), [], [], id="AWS answers there"),
        pytest.param(leads_to(STALE), [], [], id="nothing was tried there"),
        pytest.param(
            leads_to(STALE, observations=[tcp(STALE, failed="timeout")]),
            [*SHARED],
            [],
            id="another account's endpoint, perhaps",
        ),
        pytest.param(
            leads_to(STALE, observations=[tcp(STALE, failed="timeout")]),
            [read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=endpoint_interfaces()[:1]))],
            [],
            id="an interface of the endpoint was not read",
        ),
        pytest.param(
            [
                lookup(STALE),
                answer(STALE, alias="blocked.example.com"),
                answer(STALE, by=VPC_RESOLVER),
                tcp(STALE, failed="timeout"),
            ],
            [],
            [],
            id="by way of another name",
        ),
    ],
)
def test_stale_answer(observations: Observations, changed: list[Observation[Any]], fires_of: list[str]) -> None:
    assert fires("VPC010", seen(observations, *changed)) == fires_of


def test_a_stale_answer_is_held_against_the_service_s_own_endpoint() -> None:
    other = endpoint(ANOTHER_ENDPOINT_ID, service="backup-gateway", interface_ids=("eni-0f1b2c3d",))
    of_other = interface("eni-0f1b2c3d", "10.0.1.44", subnet_id="subnet-0b1b2c3d")
    interfaces = read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=(*endpoint_interfaces(), of_other)))
    observations = leads_to(STALE, observations=[tcp(STALE, failed="timeout")])
    finding = reported_finding("VPC010", seen(observations, endpoints(endpoint(), other), interfaces))
    assert finding.detail.endswith(
        f"has it: {ENDPOINT_ID} has 10.0.1.17 and 10.0.2.17. "
        "The record is an old one, or points to something of your own, such as a load balancer, that does not answer."
    )


def test_an_address_of_the_hosts_file_is_no_stale_answer() -> None:
    observations: Observations = [lookup(STALE), answer(*PRIVATE), tcp(STALE, failed="timeout")]
    assert fires("VPC010", seen(observations, lines=[(STALE, HOST)])) == []


def test_a_stale_answer_is_one_of_a_name_that_private_dns_may_make_here() -> None:
    stale = leads_to(STALE, observations=[tcp(STALE, failed="timeout")])
    for other in (ABROAD, OWN_NAME):
        assert fires("VPC010", seen(of(stale, other), targets=[other])) == []
    assert fires("VPC010", seen(of(stale, FIPS), targets=[FIPS])) == [FIPS.id]


def test_a_stale_answer_names_the_zone_that_holds_it() -> None:
    observations = leads_to(STALE, observations=[tcp(STALE, failed="refused")])
    finding = reported_finding("VPC010", seen(observations, endpoints(), zones("amazonaws.com")))
    assert f"in the private hosted zone {ZONE_ID}" in finding.fix.summary
    assert finding.fix.summary.endswith("The zone is that of amazonaws.com.")
    assert "which this VPC needs first" in finding.fix.summary
    assert f"aws route53 list-resource-record-sets --hosted-zone-id {ZONE_ID}" in commands(finding)


# --- VPC011 custom-resolver ------------------------------------------------------------------------------------------

OF_OWN_SERVER: dict[str, Observations] = {
    "public": [lookup(PUBLIC), answer(PUBLIC, by=CORPORATE)],
    "denied": [lookup(failed="nxdomain"), answer(failed="nxdomain", by=CORPORATE)],
    "failing": [lookup(failed="servfail"), answer(failed="servfail", by=CORPORATE)],
    "refused": [lookup(failed="servfail"), answer(failed="dns-refused", by=CORPORATE)],
    "empty": [lookup(failed="nodata"), answer(by=CORPORATE)],
    "silent": [lookup(failed="timeout"), answer(failed="timeout", by=CORPORATE)],
    "mixed": [lookup(PRIVATE[0], PUBLIC), answer(PRIVATE[0], PUBLIC, by=CORPORATE)],
}


@pytest.mark.parametrize(
    ("observations", "symptom"),
    [
        pytest.param(OF_OWN_SERVER["public"], "DNS002", id="public"),
        pytest.param(OF_OWN_SERVER["denied"], "DNS003", id="denied"),
        pytest.param(OF_OWN_SERVER["silent"], "DNS004", id="silent"),
        pytest.param(OF_OWN_SERVER["failing"], "DNS005", id="failing"),
        pytest.param(OF_OWN_SERVER["empty"], "DNS006", id="empty"),
        pytest.param(OF_OWN_SERVER["refused"], "DNS013", id="refused"),
        pytest.param(OF_OWN_SERVER["mixed"], "DNS008", id="mixed"),
    ],
)
def test_custom_resolver_explains_what_its_servers_do(observations: Observations, symptom: str) -> None:
    all_looks = [*observations, answer(*PRIVATE, by=VPC_RESOLVER)]
    report = diagnose(seen(all_looks, name_servers(CORPORATE), resolvers=[CORPORATE]))
    assert [finding.explained_by for finding in report.findings if finding.code == symptom] == ["VPC011"]


def test_custom_resolver_names_servers_and_options() -> None:
    finding = reported_finding("VPC011", faulty("VPC011"))
    assert finding.detail == (
        f"On this host {HOST} resolves to {PUBLIC}; the VPC's resolver gives 10.0.1.17 and 10.0.2.17. EC2 says that "
        f"the DHCP options {DHCP_OPTIONS_ID} give the VPC's hosts the name server {CORPORATE} in place of Amazon's."
    )
    assert commands(finding) == [
        f"resolvectl query {HOST}",
        f"aws ec2 describe-dhcp-options --region eu-west-1 --dhcp-options-ids {DHCP_OPTIONS_ID}",
        "aws route53resolver list-resolver-endpoints --region eu-west-1 --filters Name=Direction,Values=INBOUND "
        "Name=HostVPCId,Values=vpc-0a1b2c3d",
        "aws ec2 create-dhcp-options --region eu-west-1 --dhcp-configurations "
        "Key=domain-name-servers,Values=AmazonProvidedDNS",
        "aws ec2 associate-dhcp-options --region eu-west-1 --dhcp-options-id <NEW_DHCP_OPTIONS_ID> "
        "--vpc-id vpc-0a1b2c3d",
    ]


@pytest.mark.parametrize(
    ("servers", "asked", "fires_of"),
    [
        pytest.param([CORPORATE, "10.9.0.54"], [CORPORATE], [None], id="the first of two"),
        pytest.param([AMAZON_DNS], [CORPORATE], [], id="Amazon's"),
        pytest.param([CORPORATE, AMAZON_DNS], [CORPORATE], [], id="Amazon's among them"),
        pytest.param([CORPORATE, RESOLVER], [CORPORATE], [], id="the VPC's resolver by its address"),
        pytest.param([], [CORPORATE], [], id="none said"),
        pytest.param(["10.9.0.54"], [CORPORATE], [], id="the host asks others, set by hand"),
    ],
)
def test_custom_resolver(servers: list[str], asked: list[str], fires_of: list[None]) -> None:
    observations: Observations = [*OF_OWN_SERVER["public"], answer(*PRIVATE, by=VPC_RESOLVER)]
    assert fires("VPC011", seen(observations, name_servers(*servers), resolvers=asked)) == fires_of


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param(
            [*OF_OWN_SERVER["public"], answer(PUBLIC, by=VPC_RESOLVER)], id="the VPC's resolver says the same"
        ),
        pytest.param(
            [lookup(*PRIVATE), answer(*PRIVATE, by=CORPORATE), answer(PUBLIC, by=VPC_RESOLVER)], id="they know"
        ),
        pytest.param([*OF_OWN_SERVER["silent"], answer(PUBLIC, by=VPC_RESOLVER)], id="nobody has a private answer"),
        pytest.param([*OF_OWN_SERVER["mixed"], answer(*PRIVATE, PUBLIC, by=VPC_RESOLVER)], id="mixed there, too"),
        pytest.param([*OF_OWN_SERVER["mixed"], answer(failed="timeout", by=VPC_RESOLVER)], id="mixed, and no answer"),
    ],
)
def test_custom_resolver_is_silent_where_the_vpc_s_resolver_would_not_help(observations: Observations) -> None:
    assert fires("VPC011", seen(observations, name_servers(CORPORATE), resolvers=[CORPORATE])) == []


def test_custom_resolver_is_one_finding_that_names_every_target() -> None:
    one: Observations = [*OF_OWN_SERVER["public"], answer(*PRIVATE, by=VPC_RESOLVER)]
    other: Observations = [*OF_OWN_SERVER["denied"], answer(*PRIVATE, by=VPC_RESOLVER)]
    both: Observations = [*one, *of(other, GATEWAY)]
    report = diagnose(seen(both, name_servers(CORPORATE), targets=[BACKUP, GATEWAY], resolvers=[CORPORATE]))
    [finding] = [finding for finding in report.findings if finding.code == "VPC011"]
    assert {other.id for other in report.findings if other.explained_by == "VPC011"} >= {
        *("DNS002@backup", "DNS002@backup-gateway", "DNS003@backup-gateway"),
    }
    assert [words for words in commands(finding) if words.startswith("resolvectl")] == [
        f"resolvectl query {HOST}",
        f"resolvectl query {GATEWAY.host}",
    ]


# --- VPC015 resolver-rule-forwards -----------------------------------------------------------------------------------


def test_resolver_rule_forwards_names_rule_and_servers() -> None:
    finding = reported_finding("VPC015", seen(IS_PUBLIC, resolver_rules(resolver_rule("amazonaws.com"))))
    assert finding.detail == (
        f"{RESOLVER} and {VPC_RESOLVER} give {HOST} {PUBLIC}, though private DNS of {ENDPOINT_ID} is on. Route 53 "
        f"Resolver says that the rule {RULE_ID} of this VPC sends amazonaws.com and all names below it to 10.9.0.53."
    )
    assert commands(finding) == [
        f"aws route53resolver get-resolver-rule --region eu-west-1 --resolver-rule-id {RULE_ID}",
        "aws route53resolver create-resolver-rule --region eu-west-1 --creator-request-id backup-by-the-vpc --name "
        f"backup-by-the-vpc --rule-type SYSTEM --domain-name {HOST}",
        "aws route53resolver associate-resolver-rule --region eu-west-1 --resolver-rule-id <NEW_RESOLVER_RULE_ID> "
        "--vpc-id vpc-0a1b2c3d",
    ]


def test_the_domain_of_a_rule_for_everything_is_a_dot() -> None:
    assert (
        "sends . and all names below it to 10.9.0.53"
        in reported_finding("VPC015", seen(IS_PUBLIC, resolver_rules(resolver_rule("")))).detail
    )


def test_resolver_rule_forwards_names_the_answers_that_fail() -> None:
    observations: Observations = [lookup(failed="servfail"), answer(failed="servfail"), answer(PUBLIC, by=VPC_RESOLVER)]
    finding = reported_finding("VPC015", seen(observations, resolver_rules(resolver_rule(HOST))))
    assert finding.detail.startswith(
        f"The VPC's resolver ({RESOLVER}) gives no usable answer for {HOST}: it said servfail. Route 53 Resolver says"
    )
    assert finding.evidence == ("dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A", "ec2/resolver-rules")


def test_beside_a_rule_of_the_very_name_no_other_is_made() -> None:
    finding = reported_finding("VPC015", seen(IS_PUBLIC, resolver_rules(resolver_rule(HOST))))
    assert [words.split()[2] for words in commands(finding)] == ["get-resolver-rule"]
    assert "no other rule for the same name can exist next to it" in finding.fix.summary


def test_a_rule_whose_id_has_no_such_form_becomes_a_placeholder() -> None:
    finding = reported_finding("VPC015", seen(IS_PUBLIC, resolver_rules(resolver_rule(HOST, rule_id="x; reboot"))))
    assert commands(finding)[0].endswith("--resolver-rule-id <RESOLVER_RULE_ID>")


@pytest.mark.parametrize(
    ("rules", "fires_of"),
    [
        pytest.param([resolver_rule(HOST)], ["backup"], id="for the name"),
        pytest.param([resolver_rule("eu-west-1.amazonaws.com")], ["backup"], id="for the Region"),
        pytest.param([resolver_rule("")], ["backup"], id="for everything"),
        pytest.param([resolver_rule("west-1.amazonaws.com")], [], id="for what only ends alike"),
        pytest.param([resolver_rule(f"x.{HOST}")], [], id="for a name below"),
        pytest.param([resolver_rule(HOST, kind="SYSTEM")], [], id="of type System"),
        pytest.param(
            [resolver_rule(""), resolver_rule("amazonaws.com", kind="SYSTEM")], [], id="with a System rule nearer"
        ),
        pytest.param(
            [resolver_rule(HOST), resolver_rule(HOST, kind="SYSTEM", rule_id="rslvr-rr-2")], [], id="one beside it"
        ),
        pytest.param(
            [resolver_rule(HOST), resolver_rule(HOST, kind="SYSTEM", rule_id="rslvr-autodefined-rr-x")],
            ["backup"],
            id="one that Resolver made itself",
        ),
        pytest.param([], [], id="Resolver's own alone"),
    ],
)
def test_resolver_rule_forwards(rules: list[ResolverRule], fires_of: list[str]) -> None:
    assert fires("VPC015", seen(IS_PUBLIC, resolver_rules(*rules))) == fires_of
    assert fires("VPC015", seen(FAILING, resolver_rules(*rules))) == fires_of
    assert fires("VPC015", seen(SILENT, resolver_rules(*rules))) == fires_of


@pytest.mark.parametrize(
    ("observations", "changed", "fires_of"),
    [
        pytest.param(NOT_THERE, [resolver_rules(resolver_rule(HOST))], ["backup"], id="no such name"),
        pytest.param(NOT_THERE, [resolver_rules(resolver_rule("amazonaws.com"))], ["backup"], id="by a wider rule"),
        pytest.param(EMPTY, [resolver_rules(resolver_rule(HOST))], ["backup"], id="no address"),
        pytest.param(NOT_THERE, [resolver_rules()], [], id="no rule"),
        pytest.param(
            NOT_THERE, [resolver_rules(resolver_rule("amazonaws.com")), zones(HOST)], [], id="a zone that is nearer"
        ),
        pytest.param(
            NOT_THERE,
            [resolver_rules(resolver_rule(HOST)), zones("amazonaws.com")],
            ["backup"],
            id="a zone farther off",
        ),
        pytest.param(
            NOT_THERE, [resolver_rules(resolver_rule(HOST)), firewall(firewall_rule(HOST))], [], id="blocked before"
        ),
        pytest.param(
            NOT_THERE,
            [resolver_rules(resolver_rule(HOST)), firewall(firewall_rule(HOST, response="NODATA"))],
            ["backup"],
            id="a firewall that says another thing",
        ),
    ],
)
def test_resolver_rule_forwards_to_servers_without_the_name(
    observations: Observations, changed: list[Observation[Any]], fires_of: list[str]
) -> None:
    assert fires("VPC015", seen(observations, *changed)) == fires_of


def test_the_zone_that_the_answer_names_is_to_blame_and_no_rule() -> None:
    of_zone: Observations = [
        lookup(failed="nxdomain"),
        *(answer(failed="nxdomain", by=by, zone="amazonaws.com") for by in (RESOLVER, VPC_RESOLVER)),
    ]
    rule = resolver_rules(resolver_rule(HOST))
    assert fires("VPC015", seen(of_zone, rule, zones("amazonaws.com"))) == []
    assert fires("VPC015", seen(of_zone, rule)) == ["backup"]


@pytest.mark.parametrize(
    ("address", "changed", "fires_of"),
    [
        pytest.param("10.0.2.99", [], ["backup"], id="an old endpoint's"),
        pytest.param("127.0.0.1", [endpoints()], ["backup"], id="loopback"),
        pytest.param("10.77.0.10", [], ["backup"], id="elsewhere, beside an endpoint"),
        pytest.param("10.77.0.10", [endpoints(OFF)], ["backup"], id="elsewhere, beside one without private DNS"),
        pytest.param("10.77.0.10", [endpoints()], [], id="a central endpoint's"),
        pytest.param("10.77.0.10", [zones(f"x.{HOST}")], ["backup"], id="beside a zone of a name below"),
        pytest.param(PRIVATE[0], [], [], id="the endpoint's own"),
    ],
)
def test_resolver_rule_forwards_to_servers_with_an_address_that_no_endpoint_has(
    address: str, changed: list[Observation[Any]], fires_of: list[str]
) -> None:
    observations = leads_to(address, observations=[tcp(address, failed="timeout")])
    evidence = seen(observations, *changed, resolver_rules(resolver_rule(HOST)))
    assert fires("VPC015", evidence) == fires_of
    causes = {finding.code: finding.explained_by for finding in diagnose(evidence).findings}
    assert ([code for code, cause in causes.items() if cause is None] == ["VPC015"]) == bool(fires_of)


def test_resolver_rule_is_silent_of_addresses_that_another_server_gives() -> None:
    observations: Observations = [lookup(STALE), answer(STALE, by=CORPORATE), answer(*PRIVATE, by=VPC_RESOLVER)]
    there = seen(
        [*observations, tcp(STALE, failed="timeout")], resolver_rules(resolver_rule(HOST)), resolvers=[CORPORATE]
    )
    assert fires("VPC015", there) == []


def test_resolver_rule_forwards_names_the_address_and_the_refusal() -> None:
    observations = leads_to(STALE, observations=[tcp(STALE, failed="timeout")])
    rule = resolver_rules(resolver_rule(HOST))
    assert reported_finding("VPC015", seen(observations, rule)).detail.startswith(
        f"{RESOLVER} and {VPC_RESOLVER} give {HOST} {STALE}. Route 53 Resolver says"
    )
    refused: Observations = [lookup(failed="servfail"), answer(failed="dns-refused")]
    assert reported_finding("VPC015", seen(refused, rule)).detail.startswith(
        f"The VPC's resolver ({RESOLVER}) gives no usable answer for {HOST}: "
    )


@pytest.mark.parametrize(
    ("observations", "changed"),
    [
        pytest.param(IS_PUBLIC, [endpoints()], id="public for want of an endpoint"),
        pytest.param(IS_PUBLIC, [endpoints(OFF)], id="public for private DNS that is off"),
        pytest.param(IS_PUBLIC, [vpc_dns(hostnames=False)], id="public for an attribute"),
        pytest.param(IS_PUBLIC, [read(VPC_DNS, failed="timeout")], id="public, perhaps for an attribute"),
        pytest.param(SILENT, [vpc_dns(support=False)], id="silent for want of a resolver"),
        pytest.param(
            [
                lookup(failed="timeout"),
                answer(failed="prohibited"),
                answer(failed="prohibited", by=VPC_RESOLVER),
            ],
            [],
            id="a firewall of this host",
        ),
    ],
)
def test_resolver_rule_is_not_blamed_for_what_has_another_cause(
    observations: Observations, changed: list[Observation[Any]]
) -> None:
    assert fires("VPC015", seen(observations, *changed, resolver_rules(resolver_rule(HOST)))) == []


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param(
            [lookup(PUBLIC), answer(PUBLIC, by=CORPORATE), answer(failed="timeout", by=VPC_RESOLVER)], id="public"
        ),
        pytest.param(
            [lookup(failed="servfail"), answer(failed="servfail", by=CORPORATE), answer(PUBLIC, by=VPC_RESOLVER)],
            id="failing",
        ),
        pytest.param(
            [lookup(failed="timeout"), answer(failed="timeout", by=CORPORATE), answer(PUBLIC, by=VPC_RESOLVER)],
            id="silent",
        ),
    ],
)
def test_resolver_rule_is_not_blamed_for_what_another_server_says(observations: Observations) -> None:
    assert fires("VPC015", seen(observations, resolver_rules(resolver_rule(HOST)), resolvers=[CORPORATE])) == []


MIXED: Observations = [
    lookup(PRIVATE[0], PUBLIC),
    answer(PRIVATE[0], PUBLIC),
    answer(PRIVATE[0], PUBLIC, by=VPC_RESOLVER),
    *climbed(PRIVATE[0]),
    tcp(PUBLIC, failed="timeout"),
]
MIXED_BY_ANOTHER: Observations = [
    lookup(PRIVATE[0], PUBLIC),
    answer(PRIVATE[0], PUBLIC, by=CORPORATE),
    answer(*PRIVATE, by=VPC_RESOLVER),
]


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        pytest.param([resolver_rules(resolver_rule(HOST))], "VPC015@backup", id="a rule"),
        pytest.param([resolver_rules(resolver_rule(HOST)), endpoints()], "VPC015@backup", id="without an endpoint"),
        pytest.param([zones(HOST), endpoints(OFF)], "VPC016@backup", id="a zone of the very name"),
        pytest.param([zones("amazonaws.com"), endpoints(OFF)], "VPC016@backup", id="a zone above"),
        pytest.param(
            [resolver_rules(resolver_rule("amazonaws.com")), zones(HOST)], "VPC016@backup", id="the more specific one"
        ),
        pytest.param(
            [resolver_rules(resolver_rule(HOST)), zones("amazonaws.com")], "VPC015@backup", id="the more specific rule"
        ),
        pytest.param([resolver_rules(resolver_rule("example.com"))], None, id="a rule for another name"),
        pytest.param([resolver_rules(resolver_rule(HOST, kind="SYSTEM"))], None, id="no rule that forwards"),
        pytest.param([zones(HOST, of_service=True)], None, id="AWS's own zone"),
    ],
)
def test_what_answers_at_the_vpc_s_resolver_explains_a_mixed_answer(
    changed: list[Observation[Any]], cause: str | None
) -> None:
    report = diagnose(seen(MIXED, *changed))
    assert [finding.explained_by for finding in report.findings if finding.code == "DNS008"] == [cause]


@pytest.mark.parametrize("changed", [resolver_rules(resolver_rule(HOST)), zones(HOST)])
def test_what_answers_at_the_vpc_s_resolver_explains_no_mixed_answer_of_another_server(
    changed: Observation[Any],
) -> None:
    report = diagnose(seen(MIXED_BY_ANOTHER, changed, resolvers=[CORPORATE]))
    assert [finding.explained_by for finding in report.findings if finding.code == "DNS008"] == [None]


# --- VPC016 private-zone-shadows -------------------------------------------------------------------------------------


ELSEWHERE = "10.77.0.10"
"""Private, and in no VPC that was read."""


def denied_by(zone: str | None) -> Observations:
    return [
        lookup(failed="nxdomain"),
        *(answer(failed="nxdomain", by=by, zone=zone) for by in (RESOLVER, VPC_RESOLVER)),
    ]


def test_private_zone_shadows_names_the_zone() -> None:
    report = diagnose(seen(denied_by("amazonaws.com"), zones("amazonaws.com", owner=ANOTHER_ACCOUNT), endpoints(OFF)))
    finding = next(finding for finding in report.findings if finding.code == "VPC016")
    assert finding.detail == (
        f"{HOST} does not exist for this host. Route 53 says that this VPC has the private hosted zone amazonaws.com "
        f"({ZONE_ID}) of account {ANOTHER_ACCOUNT}, which answers for the name and has no record of it; the SOA record "
        "of the answer names that zone."
    )
    assert commands(finding) == [
        f"aws route53 list-resource-record-sets --hosted-zone-id {ZONE_ID}",
        "aws ec2 describe-vpc-endpoints --region eu-west-1 --filters "
        "Name=service-name,Values=com.amazonaws.eu-west-1.backup",
    ]
    assert [finding.explained_by for finding in report.findings if finding.code == "DNS003"] == ["VPC016@backup"]


@pytest.mark.parametrize(
    ("observations", "changed", "fires_of"),
    [
        pytest.param(denied_by(None), [zones(HOST)], ["backup"], id="of the name"),
        pytest.param(denied_by("Amazonaws.Com."), [zones("amazonaws.com")], ["backup"], id="above, as its SOA says"),
        pytest.param(EMPTY, [zones(HOST)], ["backup"], id="without an address"),
        pytest.param(denied_by("corp.example.com"), [zones(HOST)], [], id="the SOA names another"),
        pytest.param(denied_by(None), [zones("mazonaws.com")], [], id="that only ends alike"),
        pytest.param(denied_by(None), [zones(f"x.{HOST}")], [], id="below the name"),
        pytest.param(denied_by(None), [zones(HOST, of_service=True)], [], id="of AWS's own"),
        pytest.param(denied_by(None), [zones("amazonaws.com")], [], id="above the zone of private DNS"),
        pytest.param(
            denied_by(None), [zones("amazonaws.com"), endpoints(OFF)], ["backup"], id="above, private DNS off"
        ),
        pytest.param(denied_by(None), [zones(HOST), resolver_rules(resolver_rule(HOST))], [], id="forwarded before"),
        pytest.param(
            denied_by(None),
            [zones(HOST), resolver_rules(resolver_rule("amazonaws.com"))],
            ["backup"],
            id="a wider rule",
        ),
        pytest.param(denied_by(None), [zones(HOST), firewall(firewall_rule(HOST))], [], id="blocked before"),
        pytest.param(denied_by(HOST), [zones(HOST), firewall(firewall_rule(HOST))], ["backup"], id="the SOA decides"),
    ],
)
def test_private_zone_shadows(observations: Observations, changed: list[Observation[Any]], fires_of: list[str]) -> None:
    assert fires("VPC016", seen(observations, *changed)) == fires_of


def test_private_zone_is_silent_where_only_another_server_denies_the_name() -> None:
    observations: Observations = [
        lookup(failed="nxdomain"),
        answer(failed="nxdomain", by=CORPORATE),
        answer(*PRIVATE, by=VPC_RESOLVER),
    ]
    assert fires("VPC016", seen(observations, zones(HOST), resolvers=[CORPORATE])) == []


def test_private_zone_explains_the_stale_answer_that_it_holds() -> None:
    observations = leads_to(STALE, observations=[tcp(STALE, failed="timeout")])
    report = diagnose(seen(observations, zones(HOST), endpoints(OFF)))
    causes = {finding.code: finding.explained_by for finding in report.findings}
    assert (causes["VPC016"], causes["VPC010"], causes["TCP001"]) == (None, "VPC016@backup", "VPC010@backup")


@pytest.mark.parametrize(
    ("address", "changed", "fires_of"),
    [
        pytest.param(ELSEWHERE, [zones("amazonaws.com"), endpoints(OFF)], ["backup"], id="a wildcard above"),
        pytest.param(ELSEWHERE, [zones("amazonaws.com"), endpoints()], ["backup"], id="a wildcard, and no endpoint"),
        pytest.param(ELSEWHERE, [zones("amazonaws.com")], [], id="above the zone of private DNS"),
        pytest.param(ELSEWHERE, [zones(HOST), endpoints(OFF)], ["backup"], id="beside an endpoint of this VPC"),
        pytest.param(ELSEWHERE, [zones(HOST), endpoints()], [], id="the alias of a central endpoint"),
        pytest.param(ELSEWHERE, [zones(), endpoints(OFF)], [], id="no zone"),
        pytest.param("127.0.0.1", [zones(HOST), endpoints()], ["backup"], id="loopback"),
    ],
)
def test_private_zone_answers_with_an_address_that_no_endpoint_has(
    address: str, changed: list[Observation[Any]], fires_of: list[str]
) -> None:
    observations = leads_to(address, observations=[tcp(address, failed="timeout")])
    assert fires("VPC016", seen(observations, *changed)) == fires_of


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        pytest.param([zones("amazonaws.com"), endpoints(OFF)], "VPC016@backup", id="a wildcard above"),
        pytest.param([zones(HOST), endpoints()], "VPC007@backup", id="the alias of a central endpoint"),
        pytest.param([zones(), endpoints()], "VPC007@backup", id="a central endpoint that something else names"),
        pytest.param([zones()], None, id="in place of private DNS"),
    ],
)
def test_no_route_is_missing_to_an_address_that_no_endpoint_has(
    changed: list[Observation[Any]], cause: str | None
) -> None:
    observations = leads_to(ELSEWHERE, observations=[tcp(ELSEWHERE, failed="timeout")])
    report = diagnose(seen(observations, *changed))
    assert {finding.code: finding.explained_by for finding in report.findings}["TCP001"] == cause


def test_private_zone_is_silent_of_a_stale_answer_that_it_does_not_give() -> None:
    stale = leads_to(STALE, observations=[tcp(STALE, failed="timeout")])
    assert fires("VPC016", seen(stale, zones(), endpoints(OFF))) == []
    assert fires("VPC016", seen(stale, zones("amazonaws.com"))) == []  # the zone of private DNS is more specific
    observations: Observations = [lookup(STALE), answer(STALE, by=CORPORATE), answer(*PRIVATE, by=VPC_RESOLVER)]
    at_another = seen([*observations, tcp(STALE, failed="timeout")], zones(HOST), endpoints(OFF), resolvers=[CORPORATE])
    (stale_there,) = findings_of(rule_of(RULES, "VPC010"), at_another)
    assert f"dns/backup/{CORPORATE}/A" in stale_there.evidence
    assert f"dns/backup/{VPC_RESOLVER}/A" not in stale_there.evidence
    assert fires("VPC016", at_another) == []


def test_private_zone_is_not_named_for_what_another_target_has() -> None:
    stale = of(leads_to(STALE, observations=[tcp(STALE, failed="refused", of="backup-gateway")]), GATEWAY)
    both = seen([*IS_PRIVATE, *stale], zones("amazonaws.com"), endpoints(OFF), targets=[BACKUP, GATEWAY])
    assert fires("VPC016", both) == ["backup-gateway"]


def test_private_zone_of_this_account_needs_no_owner() -> None:
    finding = reported_finding("VPC016", seen(denied_by(None), zones(HOST)))
    assert finding.detail == (
        f"{HOST} does not exist for this host. Route 53 says that this VPC has the private hosted zone {HOST} "
        f"({ZONE_ID}), which answers for the name and has no record of it."
    )
    assert "private DNS for it is refused" in finding.fix.summary


def test_private_zone_that_leads_to_the_endpoint_or_to_a_central_one_is_silent() -> None:
    assert fires("VPC016", seen(IS_PRIVATE, zones(HOST), endpoints(OFF))) == []
    assert fires("VPC016", seen(leads_to(OUTSIDE, observations=climbed(OUTSIDE)), zones(HOST), endpoints())) == []
    silent_there = leads_to(OUTSIDE, observations=[tcp(OUTSIDE, failed="timeout")])
    assert fires("VPC016", seen(silent_there, zones(HOST), endpoints())) == []


@pytest.mark.parametrize(
    ("changed", "fires_of"),
    [
        pytest.param([zones(HOST), endpoints(OFF)], ["backup"], id="of the name"),
        pytest.param([zones(HOST), endpoints()], ["backup"], id="without an endpoint"),
        pytest.param([zones("amazonaws.com"), endpoints(OFF)], [], id="above the name"),
        pytest.param([zones(HOST, of_service=True), endpoints(OFF)], [], id="of AWS's own"),
        pytest.param([zones(HOST), endpoints(OFF), vpc_dns(hostnames=False)], [], id="where no private zone answers"),
        pytest.param([zones(HOST), endpoints(OFF), read(VPC_DNS, failed="timeout")], [], id="where perhaps none does"),
        pytest.param([zones(HOST), endpoints(OFF), resolver_rules(resolver_rule(HOST))], [], id="forwarded before"),
    ],
)
def test_private_zone_answers_with_a_public_address(changed: list[Observation[Any]], fires_of: list[str]) -> None:
    evidence = seen(IS_PUBLIC, *changed)
    assert fires("VPC016", evidence) == fires_of
    causes = {finding.code: finding.explained_by for finding in diagnose(evidence).findings}
    assert (causes["DNS001"] == "VPC016@backup") == bool(fires_of)


def test_private_zone_is_not_named_for_a_public_address_of_another_server() -> None:
    observations: Observations = [
        lookup(PUBLIC),
        answer(PUBLIC, by=CORPORATE),
        answer(failed="timeout", by=VPC_RESOLVER),
    ]
    assert fires("VPC016", seen(observations, zones(HOST), endpoints(OFF), resolvers=[CORPORATE])) == []


def test_private_zone_with_a_stale_address_is_named_for_those_beside_it() -> None:
    observations = [tcp(address, failed="timeout") for address in (STALE, OUTSIDE)]
    finding = reported_finding(
        "VPC016", seen(leads_to(STALE, OUTSIDE, observations=observations), zones(HOST), endpoints(OFF))
    )
    assert finding.detail.startswith(f"{HOST} resolves to {STALE} and {OUTSIDE}. ")


ANOTHER_RULE = resolver_rule(GATEWAY.host, rule_id="rslvr-rr-0b1a2c3d4e5f67890")


@pytest.mark.parametrize(
    ("changed", "code", "is_one"),
    [
        pytest.param([resolver_rules(resolver_rule("amazonaws.com"))], "VPC015", True, id="a rule for both"),
        pytest.param([resolver_rules(resolver_rule(HOST), ANOTHER_RULE)], "VPC015", False, id="a rule for each"),
        pytest.param([zones("amazonaws.com"), endpoints(OFF)], "VPC016", True, id="a zone for both"),
        pytest.param([firewall(firewall_rule("*.amazonaws.com"))], "VPC017", True, id="a firewall rule for both"),
    ],
)
def test_what_denies_the_names_of_two_services_is_one_cause(
    changed: list[Observation[Any]], code: str, *, is_one: bool
) -> None:
    both: Observations = [*NOT_THERE, *of(NOT_THERE, GATEWAY)]
    report = diagnose(seen(both, *changed, targets=[BACKUP, GATEWAY]))
    by_id = {finding.id: finding for finding in report.findings}
    assert by_id[f"{code}@backup-gateway"].explained_by == (f"{code}@backup" if is_one else None)
    assert ("The same holds for backup-gateway." in by_id[f"{code}@backup"].detail) is is_one


# --- VPC017 dns-firewall-blocks --------------------------------------------------------------------------------------


def test_dns_firewall_blocks_names_group_list_and_entry() -> None:
    report = diagnose(seen(NOT_THERE, firewall(firewall_rule("x.example.com", "*.amazonaws.com"))))
    finding = next(finding for finding in report.findings if finding.code == "VPC017")
    assert finding.detail == (
        f"{HOST} does not exist for this host. Route 53 Resolver says that DNS Firewall blocks *.amazonaws.com in this "
        f"VPC and answers NXDOMAIN: group {GROUP_ID}, domain list {LIST_ID}."
    )
    assert commands(finding) == [
        f"aws route53resolver list-firewall-rules --region eu-west-1 --firewall-rule-group-id {GROUP_ID}",
        f"aws route53resolver list-firewall-domains --region eu-west-1 --firewall-domain-list-id {LIST_ID}",
    ]
    assert [finding.explained_by for finding in report.findings if finding.code == "DNS003"] == ["VPC017@backup"]


REDIRECTED: Observations = [
    lookup("10.0.9.80"),
    answer("10.0.9.80", alias="blocked.example.com"),
    answer("10.0.9.80", by=VPC_RESOLVER, alias="blocked.example.com"),
]
OVERRIDE = firewall_rule("*", response="OVERRIDE", override="Blocked.Example.Com.")


@pytest.mark.parametrize(
    ("observations", "rules", "fires_of"),
    [
        pytest.param(NOT_THERE, [firewall_rule(HOST)], ["backup"], id="the very name"),
        pytest.param(NOT_THERE, [firewall_rule("*")], ["backup"], id="everything"),
        pytest.param(EMPTY, [firewall_rule(HOST, response="NODATA")], ["backup"], id="answered without data"),
        pytest.param(REDIRECTED, [OVERRIDE], ["backup"], id="answered with another name"),
        pytest.param(
            NOT_THERE, [firewall_rule(HOST, action="ALERT"), firewall_rule(HOST)], ["backup"], id="after an alert"
        ),
        pytest.param(NOT_THERE, [firewall_rule(HOST, query_type="A")], ["backup"], id="one type of record"),
        pytest.param(NOT_THERE, [firewall_rule(HOST, query_type="MX")], [], id="a type that nobody asks for"),
        pytest.param(NOT_THERE, [firewall_rule("amazonaws.com")], [], id="a name above, without a star"),
        pytest.param(NOT_THERE, [firewall_rule(f"*.{HOST}")], [], id="names below alone"),
        pytest.param(NOT_THERE, [firewall_rule(HOST, action="ALLOW"), firewall_rule("*")], [], id="allowed before"),
        pytest.param(NOT_THERE, [firewall_rule(known=False), firewall_rule("*")], [], id="a list of AWS's own before"),
        pytest.param(
            NOT_THERE, [firewall_rule(known=False, action="ALERT"), firewall_rule("*")], ["backup"], id="its alert"
        ),
        pytest.param(NOT_THERE, [firewall_rule("*", response="NODATA")], [], id="which would answer without data"),
        pytest.param(EMPTY, [firewall_rule("*", action="ALLOW")], [], id="allowed"),
        pytest.param(NOT_THERE, [firewall_rule(f"*{HOST}")], [], id="a star for nothing"),
        pytest.param(EMPTY, [firewall_rule("*")], [], id="which would deny the name"),
        pytest.param(
            REDIRECTED, [firewall_rule("*", response="OVERRIDE", override="x.example.com")], [], id="another name"
        ),
        pytest.param(IS_PRIVATE, [firewall_rule("*")], [], id="blocked on paper alone"),
    ],
)
def test_dns_firewall_blocks(observations: Observations, rules: list[FirewallRule], fires_of: list[str]) -> None:
    assert fires("VPC017", seen(observations, firewall(*rules))) == fires_of


def test_dns_firewall_is_silent_where_the_answer_s_soa_is_of_a_private_zone() -> None:
    assert fires("VPC017", seen(denied_by(HOST), firewall(firewall_rule(HOST)), zones(HOST))) == []


def test_dns_firewall_is_silent_where_only_another_server_denies_the_name() -> None:
    observations: Observations = [
        lookup(failed="nxdomain"),
        answer(failed="nxdomain", by=CORPORATE),
        answer(*PRIVATE, by=VPC_RESOLVER),
    ]
    assert fires("VPC017", seen(observations, firewall(firewall_rule("*")), resolvers=[CORPORATE])) == []


def test_an_override_is_as_bad_as_what_it_leads_to() -> None:
    report = diagnose(seen([*REDIRECTED, tcp("10.0.9.80", failed="timeout")], firewall(OVERRIDE)))
    found_of = {finding.code: finding for finding in report.findings}
    assert found_of["DNS007"].explained_by == "VPC017@backup"
    assert found_of["TCP001"].explained_by == "DNS007@backup"
    assert found_of["VPC017"].severity is Severity.CRITICAL


def test_an_endpoint_without_a_name_of_its_own_is_tried_by_a_placeholder() -> None:
    nameless = replace(endpoint(private_dns=False), dns_names=("evil.example.com",))
    finding = reported_finding("VPC002", seen(IS_PUBLIC, endpoints(nameless)))
    assert "backuplink check --region eu-west-1 --endpoint backup=<ENDPOINT_DNS_NAME>" in commands(finding)
