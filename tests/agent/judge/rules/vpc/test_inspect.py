"""VPC rules about details: endpoint policies, zones, parts that were not read, and differences between configuration
and measurement.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.diagnose import diagnose
from agent.judge.evidence import Evidence
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import RuleFinding
from agent.report.model import NO_REGION, NO_VPC, Finding
from agent.settings import Calls, Expect
from probes.model import Addressing, Observation, Ok, Target
from probes.vpc.model import (
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    INTERFACES,
    NETWORK_ACLS,
    PRIVATE_ZONES,
    PROFILES,
    READS,
    RESOLVER_RULES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    VPC_DNS,
    DnsFirewallFacts,
    EndpointsFacts,
    FirewallRule,
    InterfacesFacts,
    PrivateZone,
    PrivateZonesFacts,
    ResolverRule,
    ResolverRulesFacts,
    Route,
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
    SubnetsFacts,
    VpcDnsFacts,
    VpcEndpoint,
)
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
    context,
    evidence,
    findings_of,
    healthy,
    here,
    host,
    http,
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
)
from tests.support.calls import api, called, credentials
from tests.support.configured import (
    ANOTHER_VPC_ID,
    ENDPOINT_GROUP_ID,
    ENDPOINT_SUBNET_IDS,
    VPC_ID,
    configured,
    endpoint,
    endpoint_interfaces,
    endpoints_facts,
    main_table,
    offered,
    read,
    subnets,
)

A, B = PRIVATE
WHO = "User: arn:aws:sts::111122223333:assumed-role/BackupAgent/i-0a1b2c3d is not authorized to perform"


def seen(observations: Iterable[Observation[Any]], *targets: Target, **how: Any) -> Evidence:
    """A run that reads EC2, unless `how` says otherwise."""
    return evidence(observations, targets=targets or (BACKUP,), of=run(**{"ec2_reads": True, **how}))


def rule_findings(
    code: str, observations: Iterable[Observation[Any]], *targets: Target, **how: Any
) -> list[RuleFinding]:
    """The findings of only this rule."""
    return findings_of(rule_of(RULES, code), seen(observations, *targets, **how))


def judged(observations: Iterable[Observation[Any]], *targets: Target, **how: Any) -> dict[str, Finding]:
    """The findings of all rules, by their ids."""
    return {finding.id: finding for finding in diagnose(seen(observations, *targets, **how), RULES).findings}


def with_endpoints(*endpoints: VpcEndpoint) -> Observation[Any]:
    return read(ENDPOINTS, endpoints_facts(*endpoints))


# --- VPC008 endpoint-policy-would-deny -------------------------------------------------------------------------------


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(**changed: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **changed}


def denied(text: str, *, of: str = "backup") -> Observations:
    """A run in which AWS denied all signed calls with this text."""
    target = GATEWAY if of == "backup-gateway" else BACKUP
    observations = called(target)
    return replaced(observations, *(api(address, of=of, failed="access-denied", text=text) for address in PRIVATE))


SILENT_TEXT = f"{WHO}: backup:ListBackupVaults because no VPC endpoint policy allows the backup:ListBackupVaults action"
DENY_TEXT = f"{WHO}: backup:ListBackupVaults with an explicit deny in a VPC endpoint policy"
THROUGH_TEXT = f"{DENY_TEXT} transitively through a service control policy"


def under(document: str | None, *, service: str = "backup") -> Observations:
    return configured(with_endpoints(endpoint(service=service, policy=document)))


GATEWAY_TEXT = (
    f"{WHO}: backup-gateway:ListGateways because no VPC endpoint policy allows the backup-gateway:ListGateways action"
)


NONE_FITS = policy(allow(Action="backup:StartBackupJob"))


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*called(), *under(NONE_FITS)], id="the call is answered"),
        pytest.param([*denied(SILENT_TEXT), *under(policy(allow()))], id="the document allows"),
        pytest.param([*denied(SILENT_TEXT), *under(None)], id="no document was given"),
        pytest.param([*denied(SILENT_TEXT), *under("{")], id="it cannot be read"),
        pytest.param(
            [*denied(SILENT_TEXT), *under(policy(allow(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})))],
            id="it is not known",
        ),
        pytest.param([*denied(DENY_TEXT), *under(NONE_FITS)], id="an explicit deny, and the document has none"),
        pytest.param(
            [*denied(SILENT_TEXT), *under(policy(allow(), {**allow(), "Effect": "Deny"}))],
            id="an implicit denial, and the document denies",
        ),
        pytest.param(
            [*denied(THROUGH_TEXT), *under(policy(allow(), {**allow(), "Effect": "Deny"}))],
            id="by way of the organisation",
        ),
        pytest.param(
            [*denied(f"{WHO}: backup:ListBackupVaults because no identity-based policy allows it"), *under(NONE_FITS)],
            id="another kind of policy",
        ),
        pytest.param(
            [
                *denied(SILENT_TEXT),
                *configured(read(ENDPOINT_INTERFACES, failed="timeout"), with_endpoints(endpoint(policy=NONE_FITS))),
            ],
            id="whose address it is was not read",
        ),
        pytest.param(
            [
                *denied(SILENT_TEXT),
                *configured(with_endpoints(endpoint(policy=NONE_FITS, interface_ids=("eni-0fffffff",)))),
            ],
            id="the address is another endpoint's",
        ),
    ],
)
def test_vpc008_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC008", observations) == []


# --- VPC009 zone-not-covered -----------------------------------------------------------------------------------------

ELSEWHERE = read(
    SUBNETS,
    SubnetsFacts(
        subnets=tuple(
            replace(subnet, availability_zone_id="euw1-az3") if subnet.subnet_id == ENDPOINT_SUBNET_IDS[0] else subnet
            for subnet in subnets()
        )
    ),
)
"""The endpoint's subnets are in zones 2 and 3, and this host is in zone 1."""


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*healthy(), *configured()], id="one of its zones is this instance's"),
        pytest.param(
            [*healthy(), *configured(read(SUBNETS, SubnetsFacts(subnets=subnets()[:1])))], id="zones are not known"
        ),
        pytest.param(
            [
                *healthy(),
                *configured(
                    ELSEWHERE, read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=endpoint_interfaces()[1:]))
                ),
            ],
            id="one of its interfaces was not read",
        ),
        pytest.param(
            [*here("backup", PUBLIC), *climbed(PUBLIC), *configured(ELSEWHERE)], id="this host does not use it"
        ),
        pytest.param([*healthy(), imds(failed="timeout"), *configured(ELSEWHERE)], id="the own zone is not known"),
    ],
)
def test_vpc009_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC009", observations) == []


# --- VPC013 cannot-inspect -------------------------------------------------------------------------------------------


def all_reads(**how: Any) -> Observations:
    return [read(name, **how) for name in READS]


def test_vpc013_an_ec2_that_does_not_answer_is_no_fault_of_the_path() -> None:
    assert list(judged([*healthy(), *all_reads(failed="timeout")])) == ["VPC013"]


def test_vpc013_passes_over_what_a_facts_file_holds_for_other_hosts() -> None:
    of_others = read(INTERFACES, failed="timeout")
    assert rule_findings("VPC013", [*healthy(), *configured(), of_others]) == []
    denied = read(SUBNETS, failed="not-permitted")
    with_it, without = (rule_findings("VPC013", [*healthy(), *configured(denied), *more]) for more in ([of_others], []))
    assert with_it == without != []


def dropping(reads: Observations, dropped: int, *operations: str) -> Observations:
    """The reads, except that the reads of these operations say that they left out `dropped` rows."""
    return [
        replace(observation, outcome=Ok(replace(observation.facts, dropped=dropped)))
        if observation.subject.operation in operations and observation.facts is not None
        else observation
        for observation in reads
    ]


OUTSIDE: Observations = [host(ec2=False), imds(failed="timeout")]
NO_METADATA: Observations = [host(), imds(failed="timeout")]
SWITCHED_OFF: Observations = [host(), imds(skipped="AWS_EC2_METADATA_DISABLED is set")]
OF_ONE = f"it is about vpc-0f1b2c3d, and {NO_VPC}"


NO_CREDENTIALS = [*healthy(), credentials(failed="no-credentials"), *all_reads(skipped="no credentials")]


def test_vpc013_leaves_credentials_that_are_missing_to_the_signed_call() -> None:
    assert rule_findings("VPC013", NO_CREDENTIALS, calls=Calls.EACH) == []


CUT_IN_THE_MIDDLE = [*healthy(), *all_reads(failed="deadline")]
CUT_BEFORE_THE_FIRST = [*healthy(), *all_reads(skipped="not started: the run's deadline of 9 s came")]


@pytest.mark.parametrize("cut", [CUT_IN_THE_MIDDLE, CUT_BEFORE_THE_FIRST], ids=["in the middle", "before the first"])
def test_vpc013_leaves_the_run_s_own_end_to_run001(cut: Observations) -> None:
    assert rule_findings("VPC013", cut, complete=False) == []


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*healthy(), *configured()], id="all was read"),
        pytest.param(healthy(), id="nothing was to be read"),
        pytest.param([*OUTSIDE, *all_reads(skipped=NO_VPC)], id="outside of AWS"),
        pytest.param([*OUTSIDE, *all_reads(skipped=NO_REGION)], id="outside of AWS, and no Region"),
    ],
)
def test_vpc013_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC013", observations) == []


def test_vpc013_is_silent_where_the_configuration_was_not_wanted() -> None:
    assert rule_findings("VPC013", [*healthy(), *all_reads(failed="timeout")], ec2_reads=False) == []


# --- VPC014 prediction-differs ---------------------------------------------------------------------------------------


SHUT = read(
    SECURITY_GROUPS,
    SecurityGroupsFacts(
        groups=(
            SecurityGroup(group_id=ENDPOINT_GROUP_ID, rules=()),
            SecurityGroup(group_id="sg-0a1b2c3d", rules=()),
        )
    ),
)


def test_vpc014_is_all_that_is_said_where_443_connects_against_the_configuration() -> None:
    assert list(judged([*healthy(), *configured(SHUT)])) == ["VPC014@backup"]


THROUGH = read(
    ROUTE_TABLES,
    RouteTablesFacts(tables=(main_table(Route(destination=ip_network("10.0.1.0/24"), target="vpce-0d1b2c3d")),)),
)


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*healthy(), *configured()], id="open, and it connects"),
        pytest.param([*here("backup", A), tcp(A, failed="timeout"), *configured(SHUT)], id="blocked, and it is silent"),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout"), *configured(THROUGH)],
            id="an appliance on the way, of which nothing can be told",
        ),
        pytest.param(
            [*here("backup", A), *climbed(A), *configured(THROUGH)], id="an appliance on the way that lets it pass"
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout"), *configured(read(SECURITY_GROUPS, failed="timeout"))],
            id="the groups were not read",
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout", datagram_error="EPERM"), *configured()],
            id="this host's own filter was seen",
        ),
        pytest.param(
            [*here("backup", A), tcp(A, failed="timeout", neighbour="incomplete"), *configured()],
            id="nobody on the own subnet",
        ),
        pytest.param([*here("backup", A), tcp(A, failed="deadline"), *configured()], id="cut by the deadline"),
        pytest.param([*here("backup", A), tcp(A, failed="timeout")], id="nothing was read"),
    ],
)
def test_vpc014_of_paths_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC014", observations) == []


PUBLIC_NAME: Observations = [
    *(host(), sdk(), imds(), proxy(), lookup(PUBLIC)),
    *(answer(PUBLIC, by=address) for address in (RESOLVER, VPC_RESOLVER)),
    *climbed(PUBLIC),
]
NO_NAME: Observations = [
    *(host(), sdk(), imds(), proxy(), lookup(failed="nxdomain")),
    *(answer(by=address, failed="nxdomain") for address in (RESOLVER, VPC_RESOLVER)),
]


def test_vpc014_is_information_where_this_host_gets_private_addresses_all_the_same() -> None:
    observations = [*healthy(), answer(PUBLIC, by=RESOLVER), answer(PUBLIC, by=VPC_RESOLVER), *configured()]
    (one,) = rule_findings("VPC014", observations)
    assert one.severity is Severity.INFO


def test_vpc014_of_names_is_information_where_the_path_is_as_wanted() -> None:
    own: Observations = [host(), sdk(), imds(), proxy(), lookup(PUBLIC), answer(PUBLIC, by=CORPORATE), *climbed(PUBLIC)]
    observations: Observations = [*own, answer(by=VPC_RESOLVER, failed="nxdomain"), *configured()]
    (public,) = rule_findings("VPC014", observations, expect=Expect.PUBLIC)
    assert public.severity is Severity.INFO
    (private,) = rule_findings("VPC014", observations)
    assert private.severity is None


def zone(name: str, *, of_service: bool = False) -> Observation[Any]:
    private_zone = PrivateZone(zone_id="Z0123", name=name, owner="111122223333", of_service=of_service)
    return read(PRIVATE_ZONES, PrivateZonesFacts(zones=(private_zone,)))


def forwarding(domain: str) -> Observation[Any]:
    rule = ResolverRule(rule_id="rslvr-rr-1", name=None, domain=domain, kind="FORWARD", targets=())
    return read(RESOLVER_RULES, ResolverRulesFacts(rules=(rule,)))


def firewall(*domains: str, unread: bool = False) -> Observation[Any]:
    rule = FirewallRule(
        group_id="rslvr-frg-1",
        domain_list_id="rslvr-fdl-1",
        action="BLOCK",
        block_response="NXDOMAIN",
        override=None,
        priority=(1, 1),
        query_type=None,
        domains=None if unread else domains,
    )
    return read(DNS_FIREWALL, DnsFirewallFacts(rules=(rule,)))


@pytest.mark.parametrize(
    "changed",
    [
        zone("example.com"),
        zone("backup.eu-west-1.amazonaws.com", of_service=True),
        forwarding("example.com"),
        firewall("*.example.com"),
    ],
    ids=["another zone", "AWS's own zone", "a rule for another name", "a firewall for others"],
)
def test_vpc014_of_names_beside_what_is_for_others(changed: Observation[Any]) -> None:
    assert rule_findings("VPC014", [*PUBLIC_NAME, *configured(changed)])


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*PUBLIC_NAME, *configured(with_endpoints(endpoint(private_dns=False)))], id="private DNS is off"),
        pytest.param([*PUBLIC_NAME, *configured(with_endpoints(endpoint(state="pending")))], id="not available yet"),
        pytest.param([*PUBLIC_NAME, *configured(with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)))], id="in another VPC"),
        pytest.param(
            [*PUBLIC_NAME, *configured(read(VPC_DNS, VpcDnsFacts(support=True, hostnames=False)))], id="hostnames off"
        ),
        pytest.param([*PUBLIC_NAME, *configured(read(VPC_DNS, failed="timeout"))], id="attributes were not read"),
        pytest.param([*PUBLIC_NAME, *configured(forwarding("amazonaws.com"))], id="a Resolver rule"),
        pytest.param([*PUBLIC_NAME, *configured(zone("eu-west-1.amazonaws.com"))], id="a private hosted zone"),
        pytest.param([*PUBLIC_NAME, *configured(firewall("*.amazonaws.com"))], id="DNS Firewall"),
        pytest.param([*PUBLIC_NAME, *configured(firewall(unread=True))], id="a list of AWS's own"),
        pytest.param([*PUBLIC_NAME, *configured(read(PRIVATE_ZONES, failed="timeout"))], id="zones were not read"),
        pytest.param([*PUBLIC_NAME, *configured(read(RESOLVER_RULES, failed="timeout"))], id="rules were not read"),
        pytest.param([*PUBLIC_NAME, *configured(read(DNS_FIREWALL, failed="timeout"))], id="firewall was not read"),
        pytest.param([*healthy(), *configured()], id="the answer is private"),
        pytest.param([*healthy(), answer(PUBLIC, record="AAAA"), *configured()], id="an AAAA of an IPv4 endpoint"),
    ],
)
def test_vpc014_of_names_stays_silent(observations: Observations) -> None:
    assert rule_findings("VPC014", observations) == []


def test_vpc014_of_names_where_a_public_path_is_wanted() -> None:
    assert rule_findings("VPC014", [*PUBLIC_NAME, *configured()], expect=Expect.PUBLIC) == []


# --- API005 clock-rejected, by EC2 -----------------------------------------------------------------------------------

SKEWED = all_reads(failed="clock-skew")


def clock(observations: Observations, *targets: Target) -> list[RuleFinding]:
    return rule_findings("API005", observations, *targets)


def with_clock(offset: float | None, *reads: Observation[Any]) -> Observations:
    """A healthy run on a host whose clock is wrong by this many seconds, according to the answers of AWS."""
    return [*replaced(healthy(), *(http(address, offset=offset) for address in PRIVATE)), *reads]


def test_api005_by_ec2_stands_beside_what_could_not_be_read() -> None:
    assert judged(with_clock(1200.0, *SKEWED)).keys() >= {"API005@backup", "VPC013"}


REQUEST_EXPIRED = all_reads(failed="clock-skew", code="RequestExpired")
"""EC2's answer to a request with a wrong time. EC2 gives the same answer if the session token has expired."""


@pytest.mark.parametrize("offset", [1200.0, -1200.0])
def test_api005_by_request_expired_where_the_clock_is_off(offset: float) -> None:
    assert [one.code for one in clock(with_clock(offset, *REQUEST_EXPIRED))] == ["API005"]


@pytest.mark.parametrize("offset", [0.4, 90.0, None])
def test_request_expired_is_the_token_where_the_clock_is_not_off(offset: float | None) -> None:
    assert clock(with_clock(offset, *REQUEST_EXPIRED)) == []


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*called(), *SKEWED], id="the call itself was answered"),
        pytest.param([*denied(SILENT_TEXT), *SKEWED], id="a policy denied it: the signature was taken"),
        pytest.param([*healthy(), *all_reads(failed="not-permitted")], id="refused for another reason"),
        pytest.param([*healthy(), *all_reads(failed="clock-skew", days_old=0.5)], id="refused where a file was made"),
    ],
)
def test_api005_by_ec2_stays_silent(observations: Observations) -> None:
    assert clock(observations) == []


def test_api005_by_ec2_is_for_required_targets_alone() -> None:
    assert clock([*healthy(), *SKEWED], optional(BACKUP)) == []
    assert clock([*healthy(), *SKEWED], context(BACKUP)) == []


def test_api005_is_said_once_where_the_call_was_refused_too() -> None:
    observations = replaced(
        called(), *(api(address, failed="clock-skew", server_time=NOW - timedelta(hours=1)) for address in PRIVATE)
    )
    (one,) = clock([*observations, *SKEWED])
    assert one.evidence == tuple(f"api/backup/{address}/443" for address in PRIVATE)


AT_BUCKET: Final = target("s3", bucket="backups")


def denied_bucket(document: str, *, vpc_id: str = VPC_ID) -> Evidence:
    """A bucket behind an endpoint with this policy. The call to the bucket was denied, and the answer gives no
    reason.
    """
    behind = endpoint(service="s3", policy=document, vpc_id=vpc_id)
    asked = EndpointsFacts(endpoints=(behind,), asked=("s3",), gateways=None)
    denials = [api(address, of="s3", failed="access-denied", code="403") for address in PRIVATE]
    return seen([*healthy(AT_BUCKET), *denials, *configured(read(ENDPOINTS, asked))], AT_BUCKET, calls=Calls.EACH)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(policy(allow()), id="all is allowed"),
        pytest.param(policy(allow(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})), id="what is not known"),
    ],
)
def test_vpc008_is_silent_of_a_bucket_that_its_endpoint_may_allow(document: str) -> None:
    assert [finding.code for finding in diagnose(denied_bucket(document)).findings] == ["IAM009"]


def test_vpc008_judges_a_bucket_by_this_hosts_address_where_the_endpoint_is_in_its_vpc() -> None:
    document = policy(allow(Condition={"IpAddress": {"aws:VpcSourceIp": "10.0.9.0/24"}}))
    assert "VPC008" in {finding.code for finding in diagnose(denied_bucket(document)).findings}
    of_another_vpc = denied_bucket(document, vpc_id=ANOTHER_VPC_ID)
    assert [finding.code for finding in diagnose(of_another_vpc).findings] == ["IAM009"]


# --- What the findings say -------------------------------------------------------------------------------------------

SHUT_OUT = {
    "a Deny alone": {**allow(Principal={"AWS": "444455556666"}), "Effect": "Deny"},
    "one vault": allow(Resource="arn:aws:backup:eu-west-1:111122223333:backup-vault:One"),
    "another account": allow(Principal={"AWS": "444455556666"}),
    "another endpoint": allow(Condition={"StringEquals": {"aws:SourceVpce": "vpce-0fffffff"}}),
    "another VPC": allow(Condition={"StringEquals": {"aws:SourceVpc": "vpc-0fffffff"}}),
    "another source": allow(Condition={"IpAddress": {"aws:VpcSourceIp": "10.0.9.0/24"}}),
    "another account in a condition": allow(Condition={"StringEquals": {"aws:PrincipalAccount": "444455556666"}}),
    "another action": allow(Sid="Others", Action=["backup:StartBackupJob"]),
}
"""Statements that do not allow this host's call. The keys say what they allow instead."""
NAMED = target(host="vpce-0b1b2c3d4e5f6789f", addressing=Addressing.VPCE)
NOT_NAMED: Observations = [*healthy(), lookup(of=NAMED.id, skipped="its name is not known")]
CENTRAL = ("10.40.1.17", "10.40.2.17")
OF_CENTRAL = read(
    ENDPOINT_INTERFACES,
    InterfacesFacts(
        interfaces=tuple(
            replace(interface, vpc_id=ANOTHER_VPC_ID, addresses=(ip_address(address),))
            for interface, address in zip(endpoint_interfaces(), CENTRAL, strict=True)
        )
    ),
)
OF_ANOTHER_NETWORK = "it is about vpc-0f1b2c3d, and this host is in vpc-0a1b2c3d"
UNUSED = all_reads(skipped=f"the facts file was not used: {OF_ONE}")
A_IS_SILENT: Observations = [*here("backup", A), tcp(A, failed="timeout")]
FINDINGS: Final = {
    **{
        f"VPC008 a policy for {what}": seen([*denied(SILENT_TEXT), *under(policy(statement))])
        for what, statement in SHUT_OUT.items()
    },
    "VPC008 an explicit deny": seen(
        [*denied(DENY_TEXT), *under(policy(allow(), {**allow(Sid="NoLists", Action="backup:List*"), "Effect": "Deny"}))]
    ),
    "VPC008 a policy for Backup at a gateway": seen(
        [
            *denied(GATEWAY_TEXT, of="backup-gateway"),
            *under(policy(allow(Action="backup:*")), service="backup-gateway"),
        ],
        GATEWAY,
    ),
    "VPC008 a policy for another bucket": denied_bucket(policy(allow(Resource="arn:aws:s3:::other"))),
    "VPC008 a policy that denies a bucket": denied_bucket(policy(allow(), {**allow(), "Effect": "Deny"})),
    "VPC009 another zone": seen([*healthy(), *configured(ELSEWHERE)]),
    "VPC009 the service is not offered here": seen(
        [*healthy(), *configured(ELSEWHERE, offered("eu-west-1b", "eu-west-1c"))]
    ),
    "VPC009 the zones of the service were read": seen(
        [*healthy(), *configured(ELSEWHERE, offered("eu-west-1a", "eu-west-1b"))]
    ),
    "VPC009 an endpoint of another VPC": seen(
        [
            *here("backup", *CENTRAL),
            *climbed(*CENTRAL),
            *configured(ELSEWHERE, with_endpoints(endpoint(vpc_id=ANOTHER_VPC_ID)), OF_CENTRAL),
        ]
    ),
    "VPC013 an id that no endpoint has": seen([*NOT_NAMED, *configured()], NAMED),
    "VPC013 an id, and EC2 is silent": seen([*NOT_NAMED, *configured(read(ENDPOINTS, failed="timeout"))], NAMED),
    "VPC013 an id, and EC2 is not read": seen(NOT_NAMED, NAMED, ec2_reads=False),
    "VPC013 permissions that are missing": seen(
        [
            *healthy(),
            *configured(read(NETWORK_ACLS, failed="not-permitted"), read(ROUTE_TABLES, failed="not-permitted")),
        ]
    ),
    "VPC013 permissions of Resolver": seen([*healthy(), *configured(read(DNS_FIREWALL, failed="not-permitted"))]),
    **{
        f"VPC013 every read: {failed}": seen([*healthy(), *all_reads(failed=failed)])
        for failed in ("timeout", "not-permitted", "throttled", "clock-skew")
    },
    **{
        f"VPC013 one read: {failed}": seen([*healthy(), *configured(read(SUBNETS, failed=failed))])
        for failed in ("timeout", "throttled", "clock-skew", "malformed")
    },
    **{
        f"VPC013 {operation}: {failed}": seen([*healthy(), *configured(read(operation, failed=failed))])
        for operation, failed in ((PRIVATE_ZONES, "timeout"), (PRIVATE_ZONES, "throttled"), (PROFILES, "timeout"))
    },
    "VPC013 private zones, in China": seen(
        [*healthy(), *configured(read(PRIVATE_ZONES, failed="timeout"))], region="cn-north-1"
    ),
    "VPC013 rows that were left out": seen([*healthy(), *dropping(configured(), 2, ENDPOINTS, SUBNETS)]),
    "VPC013 a file of another network": seen(
        [*healthy(), *all_reads(skipped=f"the facts file was not used: {OF_ANOTHER_NETWORK}")],
        facts_unused=OF_ANOTHER_NETWORK,
    ),
    "VPC013 an old file, beside reads": seen([*healthy(), *configured()], facts_unused="it was taken 40 days ago"),
    "VPC013 no metadata": seen([*NO_METADATA, *all_reads(skipped=NO_VPC)]),
    "VPC013 no metadata, and a file": seen([*NO_METADATA, *UNUSED], facts_unused=OF_ONE),
    "VPC013 metadata switched off": seen([*SWITCHED_OFF, *all_reads(skipped=NO_VPC)]),
    "VPC013 metadata switched off, and a file": seen([*SWITCHED_OFF, *UNUSED], facts_unused=OF_ONE),
    "VPC013 outside AWS, and a file": seen([*OUTSIDE, *UNUSED], facts_unused=OF_ONE),
    "VPC013 no Region": seen([host(), imds(), *all_reads(skipped=NO_REGION)]),
    "VPC013 a file made without a permission": seen(
        [*healthy(), *configured(read(SUBNETS, failed="not-permitted", days_old=0.5), days_old=0.5)]
    ),
    "VPC013 no credentials": seen(NO_CREDENTIALS),
    "VPC013 the deadline, in the middle": seen(CUT_IN_THE_MIDDLE),
    "VPC013 the deadline, before the first": seen(CUT_BEFORE_THE_FIRST),
    "VPC013 an expired request, and the clock is off": seen(with_clock(1200.0, *REQUEST_EXPIRED)),
    "VPC013 an expired request, and the clock is right": seen(with_clock(0.4, *REQUEST_EXPIRED)),
    "VPC013 an expired request, and the clock is off by too little": seen(with_clock(90.0, *REQUEST_EXPIRED)),
    "VPC013 an expired request, and the clock was not measured": seen(with_clock(None, *REQUEST_EXPIRED)),
    "VPC014 open and silent": seen([*A_IS_SILENT, *configured()]),
    "VPC014 open and refused": seen([*here("backup", A), tcp(A, failed="refused", seconds=0.01), *configured()]),
    "VPC014 shut, and it connects": seen([*healthy(), *configured(SHUT)]),
    "VPC014 open by old facts": seen([*A_IS_SILENT, *configured(days_old=7)]),
    "VPC014 private DNS is on, and the name is public": seen([*PUBLIC_NAME, *configured()]),
    "VPC014 private DNS is on, and the name does not exist": seen([*NO_NAME, *configured()]),
    "API005 by EC2": seen(with_clock(1200.0, *SKEWED)),
}
