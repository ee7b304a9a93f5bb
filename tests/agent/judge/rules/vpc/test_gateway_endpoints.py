"""Gateway endpoints, which lead public addresses over a private path, and the rule that reports a missing route."""

import json
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.diagnose import diagnose
from agent.judge.evidence import Evidence
from agent.judge.rules.registry import RULES
from agent.judge.rules.rule import RuleFinding
from agent.judge.verdict import judge_evidence
from agent.report.model import Path, Status
from agent.settings import Calls, Expect
from probes.addresses import AddressScope
from probes.model import Observation, Role, Target
from probes.vpc.model import (
    ENDPOINTS,
    PREFIX_LISTS,
    ROUTE_TABLES,
    EndpointsFacts,
    GatewayEndpoint,
    PrefixList,
    PrefixListsFacts,
    Route,
    RouteTable,
    RouteTablesFacts,
)
from tests.support.build import (
    VPC_RESOLVER,
    Observations,
    answer,
    climbed,
    evidence,
    findings_of,
    here,
    imds,
    rule_of,
    run,
    target,
)
from tests.support.calls import api, credentials
from tests.support.configured import (
    ANOTHER_VPC_ID,
    TABLE_ID,
    VPC_ID,
    configured,
    main_table,
    read,
)

S3: Final = target("s3")
ADDRESS, OTHER = "52.218.36.90", "52.92.4.17"
LIST_ID: Final = "pl-6da54004"
GATEWAY: Final = GatewayEndpoint(
    endpoint_id="vpce-0d1b2c3d",
    service_name="com.amazonaws.eu-west-1.s3",
    vpc_id=VPC_ID,
    state="available",
    route_table_ids=(TABLE_ID,),
)
ELSEWHERE: Final = replace(GATEWAY, route_table_ids=("rtb-0b1b2c3d",))
ROUTE: Final = Route(prefix_list_id=LIST_ID, target=GATEWAY.endpoint_id)
TO_NAT: Final = Route(destination=ip_network("0.0.0.0/0"), target="nat-0a1b2c3d")
UNSEEN: Final = Route(prefix_list_id=LIST_ID, target="vpce-0f1b2c3d")


def gateways(*listed: GatewayEndpoint, asked: bool = True) -> Observation[Any]:
    return read(ENDPOINTS, EndpointsFacts(endpoints=(), asked=("s3",), gateways=listed if asked else None))


def tables(*routes: Route) -> Observation[Any]:
    return read(ROUTE_TABLES, RouteTablesFacts(tables=(main_table(*routes),)))


def lists(*blocks: str, list_id: str = LIST_ID) -> Observation[Any]:
    return read(
        PREFIX_LISTS,
        PrefixListsFacts(lists=(PrefixList(prefix_list_id=list_id, cidrs=tuple(map(ip_network, blocks))),)),
    )


HELD: Final = lists("52.218.0.0/17", "52.92.0.0/17")
IN_ORDER: Final = (gateways(GATEWAY), tables(ROUTE, TO_NAT), HELD)
WITHOUT_ROUTE: Final = (gateways(ELSEWHERE), tables(TO_NAT), HELD)


def seen(
    *changed: Observation[Any],
    addresses: Sequence[str] = (ADDRESS,),
    asked: Target = S3,
    expect: Expect = Expect.PRIVATE,
    days_old: float = 0.0,
) -> Evidence:
    """A run in which all addresses of S3 connect. The network is healthy except where these reads differ."""
    climbs = [step for address in addresses for step in climbed(address, of="s3")]
    name: Observations = [
        *here("s3", *addresses),
        answer(*addresses, of="s3", by=VPC_RESOLVER),
        *climbs,
    ]
    observations = [*name, *configured(*changed, days_old=days_old)]
    return evidence(observations, targets=(asked,), of=run(expect=expect, ec2_reads=True))


def rule_findings(of: Evidence) -> list[RuleFinding]:
    return findings_of(rule_of(RULES, "VPC019"), of)


def scope_in(of: Evidence) -> AddressScope:
    (address,) = of.own_addresses(of.targets[0])
    return of.scope(address)


def test_a_route_by_prefix_list_makes_a_public_address_private() -> None:
    report = judge_evidence(seen(*IN_ORDER, addresses=(ADDRESS, OTHER)))
    (told,) = report.targets
    assert (told.status, told.path, told.unproven) == (Status.OK, Path.PRIVATE, ())
    assert {(address.scope, address.endpoint_id) for address in told.addresses} == {
        (AddressScope.GATEWAY_ENDPOINT, GATEWAY.endpoint_id)
    }
    assert report.findings == ()


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(WITHOUT_ROUTE, id="no route in this table"),
        pytest.param((*IN_ORDER[:2], lists("3.5.64.0/21")), id="an address of no list"),
        pytest.param((gateways(GATEWAY), tables(replace(ROUTE, state="blackhole")), HELD), id="a route into nothing"),
        pytest.param(
            (
                gateways(GATEWAY),
                tables(ROUTE, Route(destination=ip_network(f"{ADDRESS}/32"), target="nat-0a1b2c3d")),
                HELD,
            ),
            id="a narrower route elsewhere",
        ),
        pytest.param((gateways(), tables(TO_NAT), HELD), id="no gateway endpoint"),
    ],
)
def test_what_is_known_to_leave_by_another_way_is_public(changed: tuple[Observation[Any], ...]) -> None:
    assert scope_in(seen(*changed)) is AddressScope.PUBLIC
    (told,) = judge_evidence(seen(*changed)).targets
    assert (told.status, told.path) == (Status.CRITICAL, Path.PUBLIC)


OF_THIS_SUBNET: Final = read(ROUTE_TABLES, RouteTablesFacts(tables=(replace(main_table(ROUTE), main=False),)))
UNKNOWN: Final[dict[str, tuple[Observation[Any], ...]]] = {
    "endpoints not read": (read(ENDPOINTS, failed="not-permitted"), *IN_ORDER[1:]),
    "gateway endpoints not asked for": (gateways(asked=False), *IN_ORDER[1:]),
    "route tables not read": (IN_ORDER[0], read(ROUTE_TABLES, failed="not-permitted"), HELD),
    "prefix lists not read": (*IN_ORDER[:2], read(PREFIX_LISTS, failed="not-permitted")),
    "that list not read": (*IN_ORDER[:2], lists("10.0.0.0/8", list_id="pl-0b1b2c3d")),
    "another account's endpoint": (gateways(), tables(UNSEEN), HELD),
    "the table of this subnet not read": (IN_ORDER[0], OF_THIS_SUBNET, HELD),
}
"""Configurations that do not show how an address of S3 is reached."""


@pytest.mark.parametrize("changed", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_unknown_and_has_one_finding(changed: tuple[Observation[Any], ...]) -> None:
    assert scope_in(seen(*changed)) is AddressScope.UNKNOWN
    report = judge_evidence(seen(*changed))
    (told,) = report.targets
    assert (told.status, told.path) == (Status.UNKNOWN, Path.UNKNOWN)
    assert [finding.code for finding in report.findings] == ["VPC013"]


BARE: Final = evidence([*here("s3", ADDRESS), *climbed(ADDRESS, of="s3")], targets=(S3,), of=run())


def test_without_any_read_the_path_is_unknown() -> None:
    report = judge_evidence(BARE)
    assert (report.verdict.status, report.verdict.path) == (Status.UNKNOWN, Path.UNKNOWN)
    assert [finding.code for finding in report.findings] == ["VPC013"]


def test_what_ec2_said_days_ago_proves_nothing() -> None:
    old = seen(*(replace(one, started_at=None) for one in IN_ORDER), days_old=2)
    assert scope_in(old) is AddressScope.UNKNOWN


@pytest.mark.parametrize(
    ("expect", "status"), [(Expect.ANY, Status.OK), (Expect.PUBLIC, Status.UNKNOWN)], ids=["any", "public"]
)
def test_where_another_path_is_expected(expect: Expect, status: Status) -> None:
    bare = evidence([*here("s3", ADDRESS), *climbed(ADDRESS, of="s3")], targets=(S3,), of=run(expect=expect))
    assert judge_evidence(bare).verdict.status is status


def test_addresses_of_other_services_stay_public() -> None:
    backup = evidence(
        [*here("backup", ADDRESS), *climbed(ADDRESS), *configured(*IN_ORDER)],
        targets=(target("backup"),),
        of=run(ec2_reads=True),
    )
    assert scope_in(backup) is AddressScope.PUBLIC


# --- VPC019 ----------------------------------------------------------------------------------------------------------


def test_a_missing_route_is_no_missing_endpoint() -> None:
    assert "VPC001" not in {finding.code for finding in diagnose(seen(*WITHOUT_ROUTE), RULES).findings}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(IN_ORDER, id="the route is there"),
        pytest.param((*IN_ORDER[:2], lists("3.5.64.0/21")), id="the route is there, and the address elsewhere"),
        pytest.param((gateways(), *WITHOUT_ROUTE[1:]), id="no endpoint"),
        pytest.param(
            (gateways(replace(ELSEWHERE, state="deleted")), *WITHOUT_ROUTE[1:]), id="an endpoint that is gone"
        ),
        pytest.param((gateways(replace(ELSEWHERE, vpc_id=ANOTHER_VPC_ID)), *WITHOUT_ROUTE[1:]), id="of another VPC"),
        pytest.param(
            (gateways(replace(ELSEWHERE, service_name="com.amazonaws.eu-west-1.dynamodb")), *WITHOUT_ROUTE[1:]),
            id="of another service",
        ),
        pytest.param((read(ENDPOINTS, failed="timeout"), *WITHOUT_ROUTE[1:]), id="endpoints not read"),
        pytest.param((WITHOUT_ROUTE[0], read(ROUTE_TABLES, failed="timeout"), HELD), id="route tables not read"),
    ],
)
def test_no_route_is_missing(changed: tuple[Observation[Any], ...]) -> None:
    assert rule_findings(seen(*changed)) == []


def test_of_another_region_nothing_is_said() -> None:
    abroad = target("s3", region="us-east-1")
    assert rule_findings(seen(*WITHOUT_ROUTE, asked=abroad)) == []


def test_what_nobody_asked_for_is_left_alone() -> None:
    assert rule_findings(seen(*WITHOUT_ROUTE, asked=target("s3", role=Role.CONTEXT))) == []


# --- The policy ------------------------------------------------------------------------------------------------------

BUCKET: Final = "hana.backups"
AT_BUCKET: Final = target("s3", bucket=BUCKET)
ARNS: Final = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
EVERYTHING: Final = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def at_bucket(
    *statements: dict[str, Any],
    failed: str | None = "access-denied",
    asked: Target = AT_BUCKET,
    gateway: GatewayEndpoint = GATEWAY,
    others: Observations = (),  # type: ignore[assignment] # nothing is added to it
    policy: str | None = None,
    days_old: float = 0.0,
) -> Evidence:
    """A run whose call to the bucket ended in this way. It passed a gateway endpoint with this policy."""
    document = policy or json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    of = seen(gateways(replace(gateway, policy=document)), *IN_ORDER[1:], asked=asked, days_old=days_old)
    call = api(ADDRESS, of="s3", failed=failed, code="403" if failed else None)
    observations = [one for one in (*of.observations, *others) if one.id != call.id]
    signed = replace(of.run, calls=Calls.EACH)
    return evidence([*observations, *others, call], targets=(asked,), of=signed)


DENYING: Final[dict[str, list[dict[str, Any]]]] = {
    "another bucket alone": [{**EVERYTHING, "Resource": "arn:aws:s3:::other"}],
    "the objects alone, not the bucket": [{**EVERYTHING, "Resource": ARNS[1]}],
    "another call": [{**EVERYTHING, "Action": "s3:GetObject"}],
    "a Deny of the bucket": [EVERYTHING, {**EVERYTHING, "Sid": "NoBackups", "Effect": "Deny", "Resource": ARNS}],
    "another VPC": [{**EVERYTHING, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-0fffffff"}}}],
}
"""Statements of policies that deny the call to the bucket."""


@pytest.mark.parametrize("statements", DENYING.values(), ids=DENYING)
def test_a_policy_that_denies_the_bucket_is_named(statements: list[dict[str, Any]]) -> None:
    report = judge_evidence(at_bucket(*statements))
    found = {one.code: (one.severity, one.explained_by) for one in report.findings}
    assert (found["VPC019"], found["IAM009"]) == ((Severity.CRITICAL, None), (Severity.WARNING, "VPC019@s3"))
    assert report.targets[0].status is Status.CRITICAL


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(at_bucket(EVERYTHING), id="it allows everything"),
        pytest.param(at_bucket({**EVERYTHING, "Action": "s3:*", "Resource": ARNS}), id="it allows the bucket"),
        pytest.param(at_bucket({**EVERYTHING, "Effect": "Deny"}, failed=None), id="the call was answered"),
        pytest.param(at_bucket({**EVERYTHING, "Effect": "Deny"}, failed="timeout"), id="the call was not answered"),
        pytest.param(at_bucket({**EVERYTHING, "Effect": "Deny"}, asked=S3), id="no bucket is known"),
        pytest.param(
            at_bucket({**EVERYTHING, "Effect": "Deny"}, gateway=replace(GATEWAY, endpoint_id="vpce-0f1b2c3d")),
            id="the policy of another endpoint",
        ),
        pytest.param(
            at_bucket({**EVERYTHING, "Effect": "Deny"}, asked=target("s3", bucket=BUCKET, role=Role.OPTIONAL)),
            id="nobody asked for it",
        ),
    ],
)
def test_no_policy_is_blamed(of: Evidence) -> None:
    assert rule_findings(of) == []
    not_evaluated = {(missing.code, missing.target) for missing in judge_evidence(of).not_evaluated}
    assert ("VPC019", None) not in not_evaluated


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param(
            json.dumps({"Statement": [{**EVERYTHING, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}]}),
            "whether statement 1 allows s3:ListBucket is not known: its Condition",
            id="a condition that is not known here",
        ),
        pytest.param("{", "the policy cannot be judged: it is not JSON", id="no policy"),
        pytest.param(
            json.dumps({"Statement": [{**EVERYTHING, "Principal": {"AWS": "111122223333"}}]}),
            "is not known: its Principal may or may not cover this caller",
            id="an account, and nobody knows who calls",
        ),
    ],
)
def test_what_cannot_be_told_of_a_policy_is_said_and_is_no_fault(policy: str, words: str) -> None:
    of = at_bucket(policy=policy)
    assert rule_findings(of) == []
    report = judge_evidence(of)
    (missing,) = (one for one in report.not_evaluated if one.code == "VPC019")
    assert missing.reason.startswith(f"a call was denied, and of the policy of {GATEWAY.endpoint_id}, ")
    assert words in missing.reason
    assert {(one.code, one.severity) for one in report.findings} == {("IAM009", Severity.WARNING)}


@pytest.mark.parametrize(
    ("others", "decides"),
    [
        pytest.param([imds(account="111122223333", role="Agent"), credentials()], True, id="the role of the instance"),
        pytest.param([imds(account="111122223333"), credentials()], True, id="metadata names no role"),
        pytest.param([imds(role="Agent"), credentials()], False, id="the account is not known"),
        pytest.param([imds(account="111122223333", role="Agent")], False, id="nobody knows whose keys sign"),
    ],
)
def test_the_role_of_the_instance_is_no_root_user(others: Observations, decides: bool) -> None:
    """In the policy of a gateway endpoint, an account in `Principal` only means the account's root user."""
    of = at_bucket({**EVERYTHING, "Principal": {"AWS": "111122223333"}}, others=others)
    assert bool(rule_findings(of)) is decides


def test_several_gateway_endpoints_and_the_one_on_the_way() -> None:
    document = json.dumps({"Statement": [{**EVERYTHING, "Effect": "Deny"}]})
    other = replace(ELSEWHERE, endpoint_id="vpce-0f1b2c3d", policy=document)
    of = seen(gateways(GATEWAY, other), *IN_ORDER[1:], asked=AT_BUCKET)
    denied = api(ADDRESS, of="s3", failed="access-denied", code="403")
    asked = evidence([*of.observations, denied], targets=(AT_BUCKET,), of=replace(of.run, calls=Calls.EACH))
    assert rule_findings(asked) == []
    swapped = (gateways(replace(GATEWAY, policy=document), replace(other, policy=None)), *IN_ORDER[1:])
    of = seen(*swapped, asked=AT_BUCKET)
    asked = evidence([*of.observations, denied], targets=(AT_BUCKET,), of=replace(of.run, calls=Calls.EACH))
    (finding,) = rule_findings(asked)
    assert GATEWAY.endpoint_id in finding.detail
    assert other.endpoint_id not in finding.detail


def test_a_policy_that_is_old_names_no_cause() -> None:
    of = at_bucket({**EVERYTHING, "Effect": "Deny"}, days_old=2.0)
    assert [one.code for one in diagnose(of, RULES).findings if one.severity is Severity.CRITICAL] == []


# --- What the findings say -------------------------------------------------------------------------------------------

HOSTILE: Final = RouteTable(table_id="rtb-$(reboot)", vpc_id=VPC_ID, main=True, subnet_ids=(), routes=(TO_NAT,))
FINDINGS: Final = {
    "VPC013 S3, and no read": BARE,
    **{f"VPC013 S3, {name}": seen(*changed) for name, changed in UNKNOWN.items()},
    "VPC019 a route that is missing": seen(*WITHOUT_ROUTE),
    "VPC019 an id that has not the form of one": seen(
        gateways(ELSEWHERE), read(ROUTE_TABLES, RouteTablesFacts(tables=(HOSTILE,))), HELD
    ),
    **{f"VPC019 a policy for {name}": at_bucket(*statements) for name, statements in DENYING.items()},
    "DNS001 S3, a route that is missing": seen(*WITHOUT_ROUTE),
    "DNS001 a bucket of another Region": seen(*WITHOUT_ROUTE, asked=target("s3", region="us-east-1", bucket=BUCKET)),
}
