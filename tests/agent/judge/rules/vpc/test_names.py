"""VPC rules for names. They need both a measurement and a configuration, and report nothing if one is missing. The
tests also check the text of the findings.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest

from agent.catalog.findings import CODES as CATALOGUE
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
    Subnet,
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
"""The measurements of a healthy host. With IS_PUBLIC, DNS001 is reported instead."""
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
    """A run with these measurements. The configuration is healthy, except for the changed reads."""
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
    """The finding as in a report, with its commands filled in."""
    return next(finding for finding in diagnose(evidence).findings if finding.code == code)


def commands(finding: Finding) -> list[str]:
    """The commands of a finding. The AWS CLI must accept each of them."""
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
    """The observations, changed so that they are about another target."""
    return [replace(observation, subject=replace(observation.subject, target=of.id)) for observation in observations]


# --- For every rule --------------------------------------------------------------------------------------------------

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
"""The measurements and the answers of EC2 for which each code is reported. Everything else is healthy."""


def asked(code: str) -> list[str]:
    """The host's name servers in the case in which the code is reported."""
    return [CORPORATE] if code == "VPC011" else [RESOLVER]


def faulty(code: str, *, expect: Expect = Expect.PRIVATE) -> Evidence:
    observations, fault = FAULTS[code]
    return seen(observations, fault, expect=expect, resolvers=asked(code))


@pytest.mark.parametrize("code", CODES)
def test_the_table_of_faults_has_one_that_fires_for_each_code(code: str) -> None:
    assert fires(code, faulty(code)) == [None if CATALOGUE[code].scope is Scope.RUN else "backup"]
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
    if code != "VPC010":  # such an address is a fault of VPC010 even if all reads are healthy
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
        if operation != VPC:  # the subnets also tell who owns the VPC
            changed = {observation.id: observation for observation in (fault, DENIED[operation])}
            assert fires(code, seen(observations, *changed.values())) == []


@pytest.mark.parametrize("code", CODES)
def test_old_facts_name_no_cause(code: str) -> None:
    observations, fault = FAULTS[code]
    old = replace(fault, started_at=NOW - timedelta(days=6))
    report = diagnose(seen(observations, old, days_old=6.0, resolvers=asked(code)))
    finding = next(finding for finding in report.findings if finding.code == code)
    assert finding.severity is Severity.WARNING
    assert finding.fix.summary.startswith("The facts are from 2026-02-23 and lack all later changes. Read them again")
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


@pytest.mark.parametrize("code", ["VPC001", "VPC010"])
def test_nothing_is_missing_where_an_endpoint_was_left_out(code: str) -> None:
    observations, change = FAULTS[code]
    partial = read(ENDPOINTS, endpoints_facts(dropped=1))
    assert code not in {finding.code for finding in diagnose(seen(observations, change, partial)).findings}


# --- VPC001 endpoint-missing -----------------------------------------------------------------------------------------


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


def with_subnets(*listed: Subnet) -> Observation[Any]:
    return read(SUBNETS, SubnetsFacts(subnets=listed))


IN_ANOTHER_ZONE = subnet("subnet-0d1b2c3d", "10.0.9.0/24", letter="c")
OF_NO_USE = {
    "in a Local Zone": replace(IN_ANOTHER_ZONE, availability_zone=LOCAL_ZONE),
    "in a Wavelength Zone": replace(IN_ANOTHER_ZONE, availability_zone="eu-west-1-wl1-dub-wlz-1"),
    "in a zone that is not known": replace(IN_ANOTHER_ZONE, availability_zone=None),
    "without IPv4": replace(IN_ANOTHER_ZONE, cidrs=(ip_network("2a05:d018:1::/64"),)),
}
"""Subnets in which an endpoint is not possible."""
BOTH_SUBNETS = "subnet-0a1b2c3d subnet-0c1b2c3d"


@pytest.mark.parametrize(
    ("changed", "zone", "subnet_ids"),
    [
        pytest.param(
            [with_subnets(*subnets(), IN_ANOTHER_ZONE)],
            "eu-west-1a",
            f"{BOTH_SUBNETS} subnet-0d1b2c3d",
            id="three zones",
        ),
        pytest.param(
            [with_subnets(*subnets(), replace(IN_ANOTHER_ZONE, subnet_id="subnet-$(reboot)"))],
            "eu-west-1a",
            f"{BOTH_SUBNETS} <ENDPOINT_SUBNET_ID>",
            id="an id that has not the form of one",
        ),
        pytest.param(
            [with_subnets(subnet("subnet-000b2c3d", "10.0.7.0/24"), *subnets())],
            "eu-west-1a",
            BOTH_SUBNETS,
            id="another one in this host's zone",
        ),
        pytest.param(
            [with_subnets(*subnets(), replace(IN_ANOTHER_ZONE, vpc_id=ANOTHER_VPC_ID))],
            "eu-west-1a",
            BOTH_SUBNETS,
            id="in another VPC",
        ),
        pytest.param(
            [offered("eu-west-1b", "eu-west-1c")], "eu-west-1a", "subnet-0c1b2c3d", id="zones without the service"
        ),
        pytest.param([read(SUBNETS, failed="timeout")], "eu-west-1a", "subnet-0a1b2c3d", id="not read"),
        pytest.param(
            [read(SUBNETS, failed="timeout")], LOCAL_ZONE, "<ENDPOINT_SUBNET_ID>", id="not read, in a Local Zone"
        ),
        *(
            pytest.param([with_subnets(one, *subnets())], "eu-west-1a", BOTH_SUBNETS, id=why)
            for why, one in OF_NO_USE.items()
        ),
        *(
            pytest.param(
                [with_subnets(replace(one, subnet_id="subnet-0a1b2c3d"))],
                "eu-west-1a",
                "<ENDPOINT_SUBNET_ID>",
                id=f"this host's alone, {why}",
            )
            for why, one in OF_NO_USE.items()
        ),
    ],
)
def test_an_endpoint_is_made_in_these_subnets(changed: list[Observation[Any]], zone: str, subnet_ids: str) -> None:
    (command,) = commands(reported_finding("VPC001", seen(IS_PUBLIC, endpoints(), *changed, availability_zone=zone)))
    assert f"--subnet-ids {subnet_ids} --security" in command


def test_endpoint_missing_is_silent_where_none_is_offered() -> None:
    assert fires("VPC001", seen(IS_PUBLIC, endpoints(), targets=[replace(BACKUP, service_name=None)])) == []


def test_private_dns_is_off_for_another_name_that_it_covers() -> None:
    covering = offered("eu-west-1a", private_names=("backup-fips.*",))
    off = endpoints(OFF)
    assert fires("VPC002", seen(of(IS_PUBLIC, FIPS), off, targets=[FIPS])) == []
    assert fires("VPC002", seen(of(IS_PUBLIC, FIPS), off, covering, targets=[FIPS])) == [FIPS.id]


# --- VPC002 private-dns-off ------------------------------------------------------------------------------------------


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


def test_an_endpoint_that_is_not_yet_available_is_named_beside_its_private_dns() -> None:
    report = diagnose(seen(IS_PUBLIC, endpoints(endpoint(private_dns=False, state="pending"))))
    causes = {finding.code: finding.explained_by for finding in report.findings}
    assert (causes["VPC004"], causes["VPC002"], causes["DNS001"]) == (None, None, "VPC002@backup")


def test_private_dns_off_is_silent_of_stale_answers_and_of_other_names() -> None:
    assert fires("VPC002", seen(FAULTS["VPC010"][0], endpoints(OFF))) == []
    for other in (FIPS, ABROAD, OWN_NAME):
        assert fires("VPC002", seen(of(IS_PUBLIC, other), endpoints(OFF), targets=[other])) == []


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


def test_attributes_of_the_vpc_explain_no_public_name_without_an_endpoint() -> None:
    both: Observations = [*IS_PUBLIC, *of(IS_PUBLIC, GATEWAY)]
    report = diagnose(seen(both, vpc_dns(hostnames=False), targets=[BACKUP, GATEWAY]))
    cause_of = {finding.id: finding.explained_by for finding in report.findings}
    assert (cause_of["DNS001@backup"], cause_of["DNS001@backup-gateway"]) == ("VPC003", "VPC001@backup-gateway")


# --- VPC010 stale-answer ---------------------------------------------------------------------------------------------


def leads_to(*addresses: str, observations: Sequence[Observation[Any]] = ()) -> Observations:
    """Answers of name servers that contain these addresses."""
    return [lookup(*addresses), answer(*addresses), answer(*addresses, by=VPC_RESOLVER), *observations]


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


def test_an_address_of_the_hosts_file_is_no_stale_answer() -> None:
    observations: Observations = [lookup(STALE), answer(*PRIVATE), tcp(STALE, failed="timeout")]
    assert fires("VPC010", seen(observations, lines=[(STALE, HOST)])) == []


def test_a_stale_answer_is_one_of_a_name_that_private_dns_may_make_here() -> None:
    stale = leads_to(STALE, observations=[tcp(STALE, failed="timeout")])
    for other in (ABROAD, OWN_NAME):
        assert fires("VPC010", seen(of(stale, other), targets=[other])) == []
    assert fires("VPC010", seen(of(stale, FIPS), targets=[FIPS])) == [FIPS.id]


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


# --- VPC015 resolver-rule-forwards -----------------------------------------------------------------------------------


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
"""A private address that is in none of the VPCs that were read."""


def denied_by(zone: str | None) -> Observations:
    return [
        lookup(failed="nxdomain"),
        *(answer(failed="nxdomain", by=by, zone=zone) for by in (RESOLVER, VPC_RESOLVER)),
    ]


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


# --- What the findings say -------------------------------------------------------------------------------------------

GATEWAY_IS_PUBLIC = of(IS_PUBLIC, GATEWAY)
STALE_AND_SILENT = leads_to(STALE, observations=[tcp(STALE, failed="timeout")])
OF_GATEWAY = interface("eni-0f1b2c3d", "10.0.1.44", subnet_id="subnet-0b1b2c3d")
TWO_SERVICES = endpoints(
    endpoint(), endpoint(ANOTHER_ENDPOINT_ID, service="backup-gateway", interface_ids=(OF_GATEWAY.interface_id,))
)
FINDINGS: Final = {
    "VPC001 no endpoint": seen(IS_PUBLIC, endpoints()),
    "VPC001 another name of the SDK": seen(of(IS_PUBLIC, FIPS), endpoints(), targets=[FIPS]),
    "VPC001 another name of the SDK, which private DNS covers": seen(
        of(IS_PUBLIC, FIPS), endpoints(), offered("eu-west-1a", private_names=("backup-fips.*",)), targets=[FIPS]
    ),
    "VPC001 an endpoint in another VPC": seen(IS_PUBLIC, endpoints(endpoint(vpc_id=ANOTHER_VPC_ID))),
    "VPC001 a gateway": seen(GATEWAY_IS_PUBLIC, endpoints(), targets=[GATEWAY]),
    "VPC001 attributes that are off": seen(IS_PUBLIC, endpoints(), vpc_dns(hostnames=False)),
    "VPC001 no endpoint service": seen(IS_PUBLIC, endpoints(), offered()),
    "VPC001 an endpoint service of another name": seen(
        IS_PUBLIC, endpoints(), offered("eu-west-1a", "eu-west-1b", name="aws.sap.eu-west-1.backup")
    ),
    "VPC001 endpoint services read in part": seen(
        IS_PUBLIC,
        endpoints(),
        read(ENDPOINT_SERVICES, EndpointServicesFacts(services=(), asked=("backup",), dropped=1)),
    ),
    "VPC002 off": seen(IS_PUBLIC, endpoints(OFF)),
    "VPC002 not yet available": seen(IS_PUBLIC, endpoints(endpoint(private_dns=False, state="pending"))),
    "VPC002 attributes that are off": seen(IS_PUBLIC, endpoints(OFF), vpc_dns(support=False, hostnames=False)),
    "VPC002 two endpoints": seen(IS_PUBLIC, endpoints(OFF, endpoint(ANOTHER_ENDPOINT_ID, private_dns=False))),
    "VPC002 a gateway": seen(
        GATEWAY_IS_PUBLIC, endpoints(endpoint(service="backup-gateway", private_dns=False)), targets=[GATEWAY]
    ),
    "VPC002 no name of its own": seen(IS_PUBLIC, endpoints(replace(OFF, dns_names=("evil.example.com",)))),
    "VPC003 host names off": seen(IS_PUBLIC, vpc_dns(hostnames=False)),
    "VPC003 two endpoints, one with private DNS": seen(
        IS_PUBLIC,
        vpc_dns(hostnames=False),
        endpoints(endpoint(), endpoint(ANOTHER_ENDPOINT_ID, private_dns=False)),
    ),
    "VPC003 private DNS off as well": seen(IS_PUBLIC, vpc_dns(hostnames=False), endpoints(OFF)),
    "VPC003 no resolver": seen(SILENT, vpc_dns(support=False, hostnames=False)),
    "VPC003 two targets": seen(
        [*IS_PUBLIC, *GATEWAY_IS_PUBLIC], vpc_dns(hostnames=False), TWO_SERVICES, targets=[BACKUP, GATEWAY]
    ),
    "VPC010 nothing there": faulty("VPC010"),
    "VPC010 an endpoint of another service": seen(
        STALE_AND_SILENT,
        TWO_SERVICES,
        read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=(*endpoint_interfaces(), OF_GATEWAY))),
    ),
    "VPC010 a zone that holds it": seen(
        leads_to(STALE, observations=[tcp(STALE, failed="refused")]), endpoints(), zones("amazonaws.com")
    ),
    "VPC011 a public address": faulty("VPC011"),
    "VPC011 addresses at which nothing connects either": seen(
        [*FAULTS["VPC011"][0], *(tcp(address, failed="timeout") for address in PRIVATE)],
        name_servers(CORPORATE),
        resolvers=[CORPORATE],
    ),
    "VPC011 two targets": seen(
        [
            *OF_OWN_SERVER["public"],
            answer(*PRIVATE, by=VPC_RESOLVER),
            *of([*OF_OWN_SERVER["denied"], answer(*PRIVATE, by=VPC_RESOLVER)], GATEWAY),
        ],
        name_servers(CORPORATE),
        targets=[BACKUP, GATEWAY],
        resolvers=[CORPORATE],
    ),
    "VPC015 a name above": seen(IS_PUBLIC, resolver_rules(resolver_rule("amazonaws.com"))),
    "VPC015 everything": seen(IS_PUBLIC, resolver_rules(resolver_rule(""))),
    "VPC015 the very name": seen(IS_PUBLIC, resolver_rules(resolver_rule(HOST))),
    "VPC015 an id that has not the form of one": seen(
        IS_PUBLIC, resolver_rules(resolver_rule(HOST, rule_id="x; reboot"))
    ),
    "VPC015 answers that fail": seen(
        [lookup(failed="servfail"), answer(failed="servfail"), answer(PUBLIC, by=VPC_RESOLVER)],
        resolver_rules(resolver_rule(HOST)),
    ),
    "VPC015 answers that refuse": seen(
        [lookup(failed="servfail"), answer(failed="dns-refused")], resolver_rules(resolver_rule(HOST))
    ),
    "VPC015 a stale address": seen(STALE_AND_SILENT, resolver_rules(resolver_rule(HOST))),
    "VPC016 a zone above, of another account": seen(
        denied_by("amazonaws.com"), zones("amazonaws.com", owner=ANOTHER_ACCOUNT), endpoints(OFF)
    ),
    "VPC016 a zone of this account": seen(denied_by(None), zones(HOST)),
    "VPC016 a stale address and one elsewhere": seen(
        leads_to(STALE, OUTSIDE, observations=[tcp(address, failed="timeout") for address in (STALE, OUTSIDE)]),
        zones(HOST),
        endpoints(OFF),
    ),
    **{
        f"TCP001 a central endpoint, {name}": seen(
            leads_to(OUTSIDE, observations=[tcp(OUTSIDE, failed="timeout")]), leader, endpoints()
        )
        for name, leader in (
            ("by a zone of another account", zones(HOST, owner=ANOTHER_ACCOUNT)),
            ("by a zone of this account", zones(HOST)),
            ("by something else", zones()),
        )
    },
    "VPC017 a list with a star": seen(NOT_THERE, firewall(firewall_rule("x.example.com", "*.amazonaws.com"))),
}
