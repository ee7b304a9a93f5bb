"""VPC018: faults of the resources of a Route 53 Profile, the settings that take precedence over them, and the text of
the findings.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.diagnose import diagnose
from agent.judge.evidence import Evidence
from agent.judge.rules.vpc import prediction, private_dns, profiles
from agent.report.model import Finding
from probes.model import Observation, Target
from probes.vpc.model import (
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    FIREWALL_RULE_GROUP,
    HOSTED_ZONE,
    PRIVATE_ZONES,
    PROFILE_RESOURCES,
    PROFILES,
    RESOLVER_RULE,
    RESOLVER_RULES,
    VPC_ENDPOINT,
    DnsFirewallFacts,
    FirewallRule,
    InterfacesFacts,
    PrivateZone,
    PrivateZonesFacts,
    ProfileResource,
    ProfileResourcesFacts,
    ProfilesFacts,
    ResolverRule,
    ResolverRulesFacts,
    VpcEndpoint,
)
from tests.support.aws_commands import complaint
from tests.support.build import (
    BACKUP,
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
    rule_of,
    run,
    tcp,
)
from tests.support.configured import (
    ACCOUNT,
    ANOTHER_ACCOUNT,
    ANOTHER_VPC_ID,
    INTERNET_RESOLVER,
    configured,
    endpoint,
    endpoint_interfaces,
    endpoints_facts,
    interface,
    read,
)

HOST = BACKUP.host
PROFILE_ID = "rp-0a1b2c3d4e5f6789"
ZONE_ID = "Z0A1B2C3D4E5F6G7H8I9"
RULE_ID = "rslvr-rr-0a1b2c3d4e5f67890"
GROUP_ID = "rslvr-frg-0a1b2c3d4e5f67890"
CENTRAL_ID = "vpce-0c1b2c3d"
CENTRAL = "10.40.1.17"
OFF = endpoint(private_dns=False)
ELSEWHERE = endpoint(endpoint_id=CENTRAL_ID, vpc_id=ANOTHER_VPC_ID, interface_ids=("eni-0c1b2c3d",))

IS_PRIVATE: Observations = [
    *(lookup(*PRIVATE), answer(*PRIVATE), answer(*PRIVATE, by=VPC_RESOLVER)),
    *climbed(*PRIVATE),
]
IS_PUBLIC: Observations = [lookup(PUBLIC), answer(PUBLIC), answer(PUBLIC, by=VPC_RESOLVER)]
NOT_THERE: Observations = [
    lookup(failed="nxdomain"),
    *(answer(failed="nxdomain", by=by, record=record) for by in (RESOLVER, VPC_RESOLVER) for record in ("A", "AAAA")),
]
SILENT: Observations = [
    lookup(failed="timeout"),
    *(answer(failed="timeout", by=by, record=record) for by in (RESOLVER, VPC_RESOLVER) for record in ("A", "AAAA")),
]
AT_CENTRAL: Observations = [
    *(lookup(CENTRAL), answer(CENTRAL), answer(CENTRAL, by=VPC_RESOLVER)),
    tcp(CENTRAL, failed="timeout"),
]

Changed = list[Observation[Any]]


def seen(
    observations: Observations, *changed: Observation[Any], targets: Sequence[Target] = (BACKUP,), days_old: float = 0.0
) -> Evidence:
    """A run with these measurements. The configuration is healthy, except for the changed reads."""
    return evidence(
        [host(resolvers=[RESOLVER]), imds(account=ACCOUNT), *observations, *configured(*changed, days_old=days_old)],
        targets=targets,
        of=run(ec2_reads=True),
    )


def fires(of: Evidence, code: str = "VPC018") -> bool:
    rules = (*profiles.RULES, *private_dns.RULES, *prediction.RULES)
    return bool(findings_of(rule_of(rules, code), of))


def reported(of: Evidence, code: str = "VPC018") -> Finding:
    """The finding as in a report. The AWS CLI must accept each of its commands."""
    finding = next(finding for finding in diagnose(of).findings if finding.code == code)
    of_aws = (command.argv for command in finding.fix.commands if command.argv[0] == "aws")
    assert [why for argv in of_aws if (why := complaint(argv))] == []
    return finding


def causes(of: Evidence) -> dict[str, str | None]:
    return {finding.id: finding.explained_by for finding in diagnose(of).findings}


def profile(
    *resources: ProfileResource,
    zones: Sequence[PrivateZone] = (),
    rules: Sequence[ResolverRule] = (),
    firewall: Sequence[FirewallRule] = (),
    unread: Sequence[str] = (),
) -> Changed:
    """The reads that show a Profile with these resources."""
    brought = ProfileResourcesFacts(
        zones=tuple(zones), rules=tuple(rules), firewall=tuple(firewall), unread=tuple(unread)
    )
    return [
        read(PROFILES, ProfilesFacts(profile_ids=(PROFILE_ID,), resources=resources)),
        read(PROFILE_RESOURCES, brought),
    ]


def resource(kind: str, resource_id: str, owner_id: str = ACCOUNT, priority: int | None = None) -> ProfileResource:
    return ProfileResource(
        profile_id=PROFILE_ID, kind=kind, resource_id=resource_id, owner_id=owner_id, priority=priority
    )


def zone(name: str, zone_id: str = ZONE_ID) -> PrivateZone:
    return PrivateZone(zone_id=zone_id, name=name, owner=ACCOUNT, of_service=False)


def rule(domain: str, *, kind: str = "FORWARD", rule_id: str = RULE_ID) -> ResolverRule:
    return ResolverRule(rule_id=rule_id, name=None, domain=domain, kind=kind, targets=(ip_address("10.9.0.53"),))


def firewall_rule(*domains: str, action: str = "BLOCK", group_id: str = GROUP_ID) -> FirewallRule:
    return FirewallRule(
        group_id=group_id,
        domain_list_id="rslvr-fdl-0a1b2c3d",
        action=action,
        block_response="NXDOMAIN" if action == "BLOCK" else None,
        override=None,
        priority=(102, 1),
        query_type=None,
        domains=domains,
    )


def with_zone(name: str, owner_id: str = ACCOUNT) -> Changed:
    return profile(resource(HOSTED_ZONE, ZONE_ID, owner_id), zones=[zone(name)])


def with_rule(domain: str) -> Changed:
    return profile(resource(RESOLVER_RULE, RULE_ID), rules=[rule(domain)])


def with_group(*domains: str, action: str = "BLOCK") -> Changed:
    return profile(
        resource(FIREWALL_RULE_GROUP, GROUP_ID, priority=102), firewall=[firewall_rule(*domains, action=action)]
    )


def with_endpoint(*listed: VpcEndpoint) -> Changed:
    """The reads with an endpoint in another VPC, besides this VPC's endpoints."""
    there = interface("eni-0c1b2c3d", CENTRAL, subnet_id="subnet-0e1b2c3d", vpc_id=ANOTHER_VPC_ID)
    return [
        *profile(resource(VPC_ENDPOINT, CENTRAL_ID)),
        read(ENDPOINTS, endpoints_facts(*listed, ELSEWHERE)),
        read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=(*endpoint_interfaces(), there))),
    ]


def own_zones(*names: str) -> Observation[Any]:
    listed = tuple(zone(name, f"Z1{place}") for place, name in enumerate(names))
    return read(PRIVATE_ZONES, PrivateZonesFacts(zones=listed))


def own_rules(*rules: ResolverRule) -> Observation[Any]:
    return read(RESOLVER_RULES, ResolverRulesFacts(rules=(INTERNET_RESOLVER, *rules)))


def own_firewall(*rules: FirewallRule) -> Observation[Any]:
    return read(DNS_FIREWALL, DnsFirewallFacts(rules=rules))


NO_PRIVATE_DNS = read(ENDPOINTS, endpoints_facts(OFF))
FAULTS: dict[str, tuple[Observations, Changed]] = {
    "a zone": (NOT_THERE, with_zone(HOST)),
    "a rule": (IS_PUBLIC, with_rule("amazonaws.com")),
    "a group": (NOT_THERE, with_group("*.amazonaws.com")),
    "an endpoint": (AT_CENTRAL, with_endpoint(OFF)),
}
"""The measurements and the reads for which VPC018 is reported. Everything else is healthy."""
each_fault = pytest.mark.parametrize("name", FAULTS)


# --- Each kind of resource -------------------------------------------------------------------------------------------


@each_fault
def test_it_fires_and_explains_what_was_measured(name: str) -> None:
    observations, changed = FAULTS[name]
    of = seen(observations, *changed)
    assert fires(of)
    by_id = causes(of)
    assert by_id["VPC018"] is None
    assert "VPC018" in by_id.values()
    assert {f"ec2/{operation}" for operation in (PROFILES, PROFILE_RESOURCES)} <= set(reported(of).evidence)
    assert not {"VPC015@backup", "VPC016@backup", "VPC017@backup"} & set(by_id)


@each_fault
def test_either_alone_raises_nothing(name: str) -> None:
    observations, changed = FAULTS[name]
    assert not fires(seen(IS_PRIVATE, *changed))
    assert not fires(seen([], *changed))
    assert not fires(seen(observations, *(one for one in changed if one.subject.operation not in (PROFILES,))))
    unread = evidence([host(), imds(account=ACCOUNT), *observations], of=run(ec2_reads=True))
    assert not fires(unread)
    assert [missing.code for missing in diagnose(unread).not_evaluated if missing.code == "VPC018"] == ["VPC018"]


@each_fault
@pytest.mark.parametrize("operation", [PROFILES, PROFILE_RESOURCES])
def test_a_read_that_was_denied_is_no_empty_one(name: str, operation: str) -> None:
    observations, changed = FAULTS[name]
    denied = read(operation, failed="not-permitted")
    of = seen(observations, *(denied if one.id == denied.id else one for one in changed))
    assert fires(of) is (name == "an endpoint" and operation == PROFILE_RESOURCES)
    said = {missing.code: missing.reason for missing in diagnose(of).not_evaluated}
    assert "VPC018" not in said or "could not be read" in said["VPC018"]


@pytest.mark.parametrize(
    ("name", "own"), [("a zone", PRIVATE_ZONES), ("a rule", RESOLVER_RULES), ("a group", DNS_FIREWALL)]
)
def test_settings_of_the_vpc_that_were_not_read_may_come_before(name: str, own: str) -> None:
    observations, changed = FAULTS[name]
    assert not fires(seen(observations, *changed, read(own, failed="not-permitted")))


@each_fault
def test_old_facts_name_no_cause(name: str) -> None:
    observations, changed = FAULTS[name]
    old = [replace(one, started_at=NOW - timedelta(days=6)) for one in changed]
    of = seen(observations, *old, days_old=6.0)
    finding = reported(of)
    assert finding.severity is Severity.WARNING
    assert "Route 53 said on 2026-02-23" in finding.detail
    assert "VPC018" not in causes(of).values()


def test_a_rule_to_servers_that_are_silent_explains_the_resolver() -> None:
    assert causes(seen(SILENT, *with_rule(""))) == {"VPC018": None, f"DNS004@{RESOLVER}": "VPC018"}


# --- Settings that win over a Profile --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "changed", "expected"),
    [
        pytest.param(NOT_THERE, [*with_zone(HOST), own_zones(HOST)], "VPC016", id="an equal zone of the VPC"),
        pytest.param(NOT_THERE, [*with_zone(HOST), own_zones("amazonaws.com")], "VPC018", id="a wider zone of the VPC"),
        pytest.param(
            NOT_THERE,
            [*with_zone("amazonaws.com"), own_zones("eu-west-1.amazonaws.com"), NO_PRIVATE_DNS],
            "VPC016",
            id="a narrower zone of the VPC",
        ),
        pytest.param(NOT_THERE, with_zone("mazonaws.com"), None, id="a zone for another name"),
        pytest.param(NOT_THERE, with_zone("amazonaws.com"), None, id="above the zone of private DNS"),
        pytest.param(
            IS_PUBLIC, [*with_rule(HOST), own_rules(rule(HOST, rule_id="rslvr-rr-1"))], "VPC015", id="an equal rule"
        ),
        pytest.param(
            IS_PUBLIC,
            [*with_rule("amazonaws.com"), own_rules(rule(HOST, kind="SYSTEM", rule_id="rslvr-rr-1"))],
            None,
            id="the way out: a rule of type SYSTEM",
        ),
        pytest.param(
            IS_PUBLIC,
            [
                *profile(resource(RESOLVER_RULE, RULE_ID), rules=[rule(HOST, kind="SYSTEM")]),
                own_rules(rule(HOST, rule_id="rslvr-rr-1")),
            ],
            "VPC015",
            id="a forwarding rule of the VPC before a SYSTEM one of the Profile",
        ),
        pytest.param(IS_PUBLIC, with_rule("corp.example"), None, id="a rule for another name"),
        pytest.param(
            IS_PUBLIC,
            [*with_rule(HOST), own_rules(rule(HOST))],
            "VPC015",
            id="a rule that the VPC has itself, too",
        ),
        pytest.param(
            NOT_THERE,
            [*with_group(HOST), own_firewall(firewall_rule(HOST, action="ALLOW", group_id="rslvr-frg-1"))],
            None,
            id="an ALLOW rule of the VPC",
        ),
        pytest.param(
            NOT_THERE,
            [*with_group(HOST), own_firewall(firewall_rule(HOST, group_id="rslvr-frg-1"))],
            "VPC017",
            id="a BLOCK rule of the VPC",
        ),
        pytest.param(NOT_THERE, with_group(HOST, action="ALERT"), None, id="a group that only alerts"),
        pytest.param(NOT_THERE, with_group("corp.example"), None, id="a group for another name"),
        pytest.param(
            AT_CENTRAL, with_endpoint(), None, id="a central endpoint, and none of this VPC: the way is at fault"
        ),
        pytest.param(
            [lookup(CENTRAL), answer(CENTRAL), answer(CENTRAL, by=VPC_RESOLVER), *climbed(CENTRAL)],
            with_endpoint(OFF),
            None,
            id="a central endpoint that answers",
        ),
        pytest.param(AT_CENTRAL, [*with_endpoint(OFF), own_zones(HOST)], None, id="a zone of the VPC leads there"),
        pytest.param(AT_CENTRAL, [*with_endpoint(OFF), *profile()], None, id="no Profile brings it"),
    ],
)
def test_what_comes_before_what(observations: Observations, changed: Changed, expected: str | None) -> None:
    by_operation = {one.id: one for one in changed}
    found = {finding.code for finding in diagnose(seen(observations, *by_operation.values())).findings}
    codes = {"VPC015", "VPC016", "VPC017", "VPC018"} & found
    assert codes == ({expected} if expected is not None else set())


# --- Beside other findings -------------------------------------------------------------------------------------------


def test_an_endpoint_that_a_profile_brings_is_not_missing() -> None:
    assert fires(seen(IS_PUBLIC, read(ENDPOINTS, endpoints_facts(ELSEWHERE))), "VPC001")
    assert not fires(seen(IS_PUBLIC, *with_endpoint()), "VPC001")
    without = replace(ELSEWHERE, private_dns=False)
    reads = {one.id: one for one in (*with_endpoint(), read(ENDPOINTS, endpoints_facts(without)))}
    assert fires(seen(IS_PUBLIC, *reads.values()), "VPC001")


def test_a_zone_that_a_profile_brings_is_not_a_missing_endpoint() -> None:
    none_here = read(ENDPOINTS, endpoints_facts())
    assert fires(seen(IS_PUBLIC, none_here), "VPC001")
    assert not fires(seen(IS_PUBLIC, none_here, *with_zone(HOST)), "VPC001")


NOT_PRIVATE: Observations = [*IS_PUBLIC, *climbed(PUBLIC)]
PROFILES_NOT_KNOWN: dict[str, Changed] = {
    "no Profile": [],
    "a Profile for another name": with_zone("corp.example"),
    "Profiles not read": [read(PROFILES, failed="not-permitted")],
    "a zone of another account": profile(resource(HOSTED_ZONE, ZONE_ID, ANOTHER_ACCOUNT), unread=[ZONE_ID]),
    "an endpoint of another account": profile(resource(VPC_ENDPOINT, CENTRAL_ID, ANOTHER_ACCOUNT)),
    "an endpoint of this account, of another service": profile(resource(VPC_ENDPOINT, CENTRAL_ID)),
    "nothing of the Profile could be read": [
        with_zone("corp.example")[0],
        read(PROFILE_RESOURCES, failed="timeout"),
    ],
    "something of a new kind": [read(PROFILES, ProfilesFacts(profile_ids=(PROFILE_ID,), resources=(), dropped=1))],
}


def test_profiles_that_were_not_read_are_named() -> None:
    known = [one for one in configured() if one.subject.operation not in (PROFILES, PROFILE_RESOURCES)]
    measured: Observations = [host(resolvers=[RESOLVER]), imds(account=ACCOUNT), *IS_PUBLIC, *climbed(PUBLIC)]
    of = evidence([*measured, *known], of=run(ec2_reads=True))
    assert "a Route 53 Profile, whose zones, rules and firewall groups were not read" in reported(of, "VPC014").detail
    assert [missing.reason for missing in diagnose(of).not_evaluated if missing.code == "VPC018"] == [
        "the Route 53 Profiles could not be read"
    ]


# --- What the findings say -------------------------------------------------------------------------------------------

BOTH_NOT_THERE = [
    *NOT_THERE,
    *(replace(one, subject=replace(one.subject, target=GATEWAY.id)) for one in NOT_THERE),
]
FINDINGS: Final = {
    "VPC018 a zone of another account": seen(NOT_THERE, *with_zone("amazonaws.com", ANOTHER_ACCOUNT), NO_PRIVATE_DNS),
    "VPC018 a rule for everything": seen(IS_PUBLIC, *with_rule("")),
    "VPC018 a firewall group": seen(NOT_THERE, *with_group("*.amazonaws.com")),
    "VPC018 an endpoint": seen(AT_CENTRAL, *with_endpoint(OFF)),
    "VPC018 two names": seen(BOTH_NOT_THERE, *with_zone("amazonaws.com"), NO_PRIVATE_DNS, targets=[BACKUP, GATEWAY]),
    **{f"VPC014 {name}": seen(NOT_PRIVATE, *changed) for name, changed in PROFILES_NOT_KNOWN.items()},
}
