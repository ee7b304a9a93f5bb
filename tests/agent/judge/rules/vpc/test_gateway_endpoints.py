"""What makes public addresses private: gateway endpoints, and the rule that names a missing route."""

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
from tests.support.aws_commands import complaint
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
    OWN_SUBNET_ID,
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
    """A run whose addresses of S3 all connect, in a healthy network with these reads in place of its own."""
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


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param(
            (read(ENDPOINTS, failed="not-permitted"), *IN_ORDER[1:]),
            "the interface endpoints settles it (ec2:DescribeVpcEndpoints)",
            id="endpoints not read",
        ),
        pytest.param(
            (gateways(asked=False), *IN_ORDER[1:]),
            "what gateway endpoints and route tables there are was not read",
            id="gateway endpoints not asked for",
        ),
        pytest.param(
            (IN_ORDER[0], read(ROUTE_TABLES, failed="not-permitted"), HELD),
            "the route tables settles it (ec2:DescribeRouteTables)",
            id="route tables not read",
        ),
        pytest.param(
            (*IN_ORDER[:2], read(PREFIX_LISTS, failed="not-permitted")),
            "the prefix lists settles it (ec2:GetManagedPrefixListEntries)",
            id="prefix lists not read",
        ),
        pytest.param(
            (*IN_ORDER[:2], lists("10.0.0.0/8", list_id="pl-0b1b2c3d")), "routes for pl-6da54004", id="that list"
        ),
        pytest.param(
            (gateways(), tables(UNSEEN), HELD), "which EC2 does not show to this account", id="another's endpoint"
        ),
        pytest.param(
            (IN_ORDER[0], read(ROUTE_TABLES, RouteTablesFacts(tables=(replace(main_table(ROUTE), main=False),))), HELD),
            f"the route table of {OWN_SUBNET_ID} was not read",
            id="the table of this subnet",
        ),
    ],
)
def test_what_is_not_known_is_unknown_and_says_what_settles_it(
    changed: tuple[Observation[Any], ...], words: str
) -> None:
    assert scope_in(seen(*changed)) is AddressScope.UNKNOWN
    report = judge_evidence(seen(*changed))
    (told,) = report.targets
    assert (told.status, told.path) == (Status.UNKNOWN, Path.UNKNOWN)
    (finding,) = report.findings
    assert finding.code == "VPC013"
    assert words in finding.detail


def test_without_any_read_the_path_is_unknown() -> None:
    bare = evidence([*here("s3", ADDRESS), *climbed(ADDRESS, of="s3")], targets=(S3,), of=run())
    report = judge_evidence(bare)
    assert (report.verdict.status, report.verdict.path) == (Status.UNKNOWN, Path.UNKNOWN)
    (finding,) = report.findings
    assert [" ".join(command.argv) for command in finding.fix.commands] == [
        "backuplink check --region eu-west-1 --service s3 --ec2 always"
    ]


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


def test_a_route_that_is_missing() -> None:
    (finding,) = rule_findings(seen(*WITHOUT_ROUTE))
    assert finding.detail == (
        f"s3.eu-west-1.amazonaws.com resolves to {ADDRESS}, and {TABLE_ID}, the route table of this subnet, has no "
        "route to it through vpce-0d1b2c3d, the gateway endpoint of s3 in this VPC. EC2 says that its route is in "
        "rtb-0b1b2c3d."
    )
    (command,) = finding.fix.commands
    assert " ".join(command.argv) == (
        "aws ec2 modify-vpc-endpoint --region eu-west-1 --vpc-endpoint-id vpce-0d1b2c3d "
        "--add-route-table-ids rtb-0a1b2c3d"
    )
    assert command.undo == "the same command with --remove-route-table-ids in place of --add-route-table-ids"


def test_it_is_the_cause_of_the_public_answer() -> None:
    findings = {finding.code: finding for finding in diagnose(seen(*WITHOUT_ROUTE), RULES).findings}
    assert findings["VPC019"].explained_by is None
    assert findings["DNS001"].explained_by == "VPC019@s3"
    assert "VPC001" not in findings


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


def test_ids_of_another_form_become_placeholders() -> None:
    hostile = RouteTable(table_id="rtb-$(reboot)", vpc_id=VPC_ID, main=True, subnet_ids=(), routes=(TO_NAT,))
    of = seen(gateways(ELSEWHERE), read(ROUTE_TABLES, RouteTablesFacts(tables=(hostile,))), HELD)
    (finding,) = rule_findings(of)
    assert finding.fix.commands[0].argv[-1] == "<ROUTE_TABLE_ID>"


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
    """A run whose call at the bucket ended so, through a gateway endpoint with this policy."""
    document = policy or json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    of = seen(gateways(replace(gateway, policy=document)), *IN_ORDER[1:], asked=asked, days_old=days_old)
    call = api(ADDRESS, of="s3", failed=failed, code="403" if failed else None)
    observations = [one for one in (*of.observations, *others) if one.id != call.id]
    signed = replace(of.run, calls=Calls.EACH)
    return evidence([*observations, *others, call], targets=(asked,), of=signed)


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        pytest.param(
            [{**EVERYTHING, "Resource": "arn:aws:s3:::other"}],
            "no statement allows s3:ListBucket; the nearest is statement 1, but its Resource does not cover",
            id="another bucket alone",
        ),
        pytest.param(
            [{**EVERYTHING, "Resource": ARNS[1]}], "its Resource does not cover", id="the objects alone, not the bucket"
        ),
        pytest.param(
            [{**EVERYTHING, "Action": "s3:GetObject"}], "its Action, s3:GetObject, does not", id="another call"
        ),
        pytest.param(
            [EVERYTHING, {**EVERYTHING, "Sid": "NoBackups", "Effect": "Deny", "Resource": ARNS}],
            "NoBackups denies s3:ListBucket to this caller",
            id="a Deny of the bucket",
        ),
        pytest.param(
            [{**EVERYTHING, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-0fffffff"}}}],
            "its Condition, StringEquals aws:SourceVpc, does not hold",
            id="another VPC",
        ),
    ],
)
def test_a_policy_that_denies_the_bucket_is_named(statements: list[dict[str, Any]], words: str) -> None:
    of = at_bucket(*statements)
    (finding,) = rule_findings(of)
    assert finding.detail.startswith(f"S3 denies s3:ListBucket on the bucket {BUCKET} at {ADDRESS}. EC2 says of the ")
    assert f"policy of {GATEWAY.endpoint_id}, the gateway endpoint on the way: " in finding.detail
    assert words in finding.detail
    assert finding.evidence == (f"api/s3/{ADDRESS}/443", "ec2/endpoints", "ec2/route-tables")
    assert [complaint(command.argv) for command in finding.fix.commands] == [None]
    report = judge_evidence(of)
    findings = {one.code: one for one in report.findings}
    assert (findings["VPC019"].severity, findings["VPC019"].explained_by) == (Severity.CRITICAL, None)
    assert (findings["IAM009"].severity, findings["IAM009"].explained_by) == (Severity.WARNING, "VPC019@s3")
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
    """On a gateway endpoint an account stands for its root user alone."""
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


def test_a_public_answer_of_a_bucket_of_another_region_says_so() -> None:
    abroad = target("s3", region="us-east-1", bucket=BUCKET)
    findings = {one.code: one for one in diagnose(seen(*WITHOUT_ROUTE, asked=abroad), RULES).findings}
    assert "A gateway endpoint leads to its own Region alone, here eu-west-1." in findings["DNS001"].detail
    assert findings["DNS001"].fix.summary.startswith("Make an interface endpoint of s3 for us-east-1, by its own DNS")
    here_too = {one.code: one for one in diagnose(seen(*WITHOUT_ROUTE), RULES).findings}["DNS001"]
    assert "Public addresses are usual for s3, but no route of this subnet leads there" in here_too.detail
    assert "its own Region alone" not in here_too.detail
    assert here_too.fix.summary.startswith("Make a gateway endpoint of s3")
