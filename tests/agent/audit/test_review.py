"""An audit finds the faults that the tests plant in accounts, and reports no faults in clean accounts. It also answers
a reviewer's questions: VPC020, VPC021, VPC022, and zones that an endpoint lacks.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from ipaddress import ip_network
from typing import Any, Final

import pytest

from agent.audit.audit import audit
from agent.audit.model import AuditDocument, AuditedVpc
from agent.audit.request import AuditRequest
from agent.audit.review import admits_everybody
from agent.catalog.findings import Severity
from agent.catalog.services import private_link_labels
from agent.predict.prediction import facts_of
from agent.report.model import Status
from agent.settings import Ec2Facts, Suppression, Workload
from probes.model import Ok
from probes.vpc.model import (
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINT_SERVICES,
    ENDPOINTS,
    INTERFACES,
    NETWORK_ACLS,
    RESOLVER_RULES,
    SECURITY_GROUPS,
    SUBNETS,
    VPC,
    VPC_DNS,
    AclEntry,
    EndpointService,
    FirewallRule,
    GroupRule,
    ResolverRule,
    Tag,
)
from tests.support import large_account, large_vpc

ASKED: Final = AuditRequest(workloads=(), services=())
REVIEW: Final = replace(ASKED, review=True)
(_, SOUND) = large_account.vpcs(2)
"""A VPC in which everything works. Its policies contain the account's id, and its group allows traffic from the VPC's
block.
"""
GROUP: Final = "sg-00000001000000000"
VPCE: Final = "vpce-00000001000000000"
DEFAULT: Final = '{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}'
"""The policy that EC2 gives to an endpoint if the endpoint is created without a policy."""
ANYWHERE: Final = ip_network("0.0.0.0/0")
Change = Callable[[Ec2Facts], Ec2Facts]


def facts(operation: str, of: Ec2Facts = SOUND) -> Any:
    """The facts that a read returned."""
    (found,) = (one.facts for one in of.observations if one.subject.operation == operation)
    return found


def changed(of: Ec2Facts, operation: str, **values: Any) -> Ec2Facts:
    return replace(
        of,
        observations=tuple(
            replace(one, outcome=Ok(replace(facts(operation, of), **values)))
            if one.subject.operation == operation
            else one
            for one in of.observations
        ),
    )


def endpoints(which: Callable[[int], bool] = lambda _: True, **values: Any) -> Change:
    """A change that gives these values to the endpoints whose numbers `which` selects."""

    def change(of: Ec2Facts) -> Ec2Facts:
        held = facts(ENDPOINTS, of).endpoints
        told = tuple(replace(one, **values) if which(place) else one for place, one in enumerate(held))
        return changed(of, ENDPOINTS, endpoints=told)

    return change


def first(**values: Any) -> Change:
    return endpoints(lambda place: place == 0, **values)


def group(*rules: GroupRule, only: bool = False, **values: Any) -> Change:
    """A change that adds rules to the group of the endpoints. With `only`, they replace the rules that the group
    has.
    """

    def change(of: Ec2Facts) -> Ec2Facts:
        own, *others = facts(SECURITY_GROUPS, of).groups
        own = replace(own, rules=rules if only else (*own.rules, *rules), **values)
        return changed(of, SECURITY_GROUPS, groups=(own, *others))

    return change


def acl(*entries: AclEntry) -> Change:
    def change(of: Ec2Facts) -> Ec2Facts:
        (own,) = facts(NETWORK_ACLS, of).acls
        return changed(of, NETWORK_ACLS, acls=(replace(own, entries=(*entries, *own.entries)),))

    return change


def one_zone(of: Ec2Facts) -> Ec2Facts:
    """The VPC, changed so that each endpoint has an interface in the first zone only."""
    held = facts(ENDPOINTS, of).endpoints
    kept = tuple(replace(one, subnet_ids=one.subnet_ids[:1], interface_ids=one.interface_ids[:1]) for one in held)
    names = {name for one in kept for name in one.interface_ids}
    of = changed(of, ENDPOINTS, endpoints=kept)
    for read in (ENDPOINT_INTERFACES, INTERFACES):
        there = facts(read, of).interfaces
        left = tuple(one for one in there if one.kind != "vpc_endpoint" or one.interface_id in names)
        of = changed(of, read, interfaces=left)
    return of


def second_endpoint(of: Ec2Facts) -> Ec2Facts:
    """Add another endpoint of the first service, without private DNS."""
    held = facts(ENDPOINTS, of).endpoints
    own = [one for one in facts(ENDPOINT_INTERFACES, of).interfaces if one.interface_id in held[0].interface_ids]
    more = tuple(
        replace(
            one,
            interface_id=f"eni-0badbadbadbadba{place:02x}",
            addresses=tuple(address + 100 for address in one.addresses),
        )
        for place, one in enumerate(own)
    )
    for read in (ENDPOINT_INTERFACES, INTERFACES):
        of = changed(of, read, interfaces=(*facts(read, of).interfaces, *more))
    second = replace(
        held[0],
        endpoint_id="vpce-0badbadbadbadbad0",
        private_dns=False,
        dns_names=("vpce-0badbadbadbadbad0-abcdefgh.backup.eu-west-1.vpce.amazonaws.com",),
        interface_ids=tuple(one.interface_id for one in more),
    )
    return changed(of, ENDPOINTS, endpoints=(*held, second))


def hosts_let_nothing_out(of: Ec2Facts) -> Ec2Facts:
    own, *others = facts(SECURITY_GROUPS, of).groups
    shut = tuple(replace(one, rules=one.rules[1:]) for one in others)
    return changed(of, SECURITY_GROUPS, groups=(own, *shut))


def firewall(action: str, *domains: str) -> Change:
    rule = FirewallRule(
        group_id="rslvr-frg-0a1b2c3d4e5f67890",
        domain_list_id="rslvr-fdl-0a1b2c3d4e5f67890",
        action=action,
        block_response="NXDOMAIN",
        override=None,
        priority=(101, 1),
        query_type=None,
        domains=domains,
    )
    return lambda of: changed(of, DNS_FIREWALL, rules=(rule,))


def forwards(domain: str) -> Change:
    rule = ResolverRule(rule_id="rslvr-rr-0a1b2c3d4e5f67890", name=None, domain=domain, kind="FORWARD", targets=())
    return lambda of: changed(of, RESOLVER_RULES, rules=(rule,))


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


ALLOW: Final = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
OF_ACCOUNT: Final = {**ALLOW, "Condition": {"StringEquals": {"aws:PrincipalAccount": large_vpc.ACCOUNT}}}
OTHERS_OUT: Final = {
    **ALLOW,
    "Effect": "Deny",
    "Condition": {"StringNotEquals": {"aws:PrincipalAccount": large_vpc.ACCOUNT}},
}
OF_ANOTHER: Final = {**ALLOW, "Principal": {"AWS": "arn:aws:iam::999988887777:root"}}
HTTPS: Final = GroupRule(protocol="tcp", from_port=443, to_port=443)
OUT: Final = GroupRule(egress=True, protocol="-1", cidr=ANYWHERE)
DENY: Final = AclEntry(number=10, egress=False, allow=False, cidr=ANYWHERE)

PLANTED: Final[list[tuple[str, Change, str]]] = [
    ("VPC020", group(replace(HTTPS, cidr=ANYWHERE)), GROUP),
    ("VPC020", group(replace(HTTPS, cidr=ip_network("::/0"))), GROUP),
    ("VPC020", group(GroupRule(protocol="-1", cidr=ANYWHERE)), GROUP),
    ("VPC020", group(GroupRule(protocol="tcp", from_port=0, to_port=65535, cidr=ANYWHERE)), GROUP),
    ("VPC020", group(OUT, GroupRule(protocol="-1", cidr=ANYWHERE), only=True), GROUP),
    ("VPC020", group(default=True), GROUP),
    ("VPC020", lambda of: group(default=True)(group(replace(HTTPS, cidr=ANYWHERE))(of)), GROUP),
    ("VPC021", endpoints(policy=DEFAULT), VPCE),
    ("VPC021", first(policy=DEFAULT), VPCE),
    ("VPC021", first(policy=policy({**ALLOW, "Principal": {"AWS": "*"}})), VPCE),
    ("VPC021", first(policy=policy({**ALLOW, "Principal": {"AWS": ["*"]}})), VPCE),
    ("VPC021", first(policy=policy({**ALLOW, "Action": ["*"], "Resource": ["*"]})), VPCE),
    ("VPC021", first(policy=policy(OF_ACCOUNT, ALLOW)), VPCE),
    ("VPC021", first(policy=policy({**ALLOW, "Condition": {}})), VPCE),
    ("VPC021", first(policy='{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}'), VPCE),
    ("VPC022", second_endpoint, "vpce-0badbadbadbadbad0"),
    ("VPC022", lambda of: endpoints(policy=DEFAULT)(second_endpoint(of)), "vpce-0badbadbadbadbad0"),
    ("VPC009", one_zone, VPCE),
    ("VPC002", first(private_dns=False, dns_names=()), VPCE),
    ("VPC003", lambda of: changed(of, VPC_DNS, support=False, hostnames=False), SOUND.vpc_id),
    ("VPC003", lambda of: changed(of, VPC_DNS, support=False), SOUND.vpc_id),
    ("VPC004", first(state="rejected"), VPCE),
    ("VPC004", first(state="failed"), VPCE),
    ("VPC005", group(OUT, only=True), GROUP),
    ("VPC005", group(OUT, replace(HTTPS, cidr=ip_network("192.0.2.0/24")), only=True), GROUP),
    ("VPC006", acl(DENY), "acl-00000001000000000"),
    ("VPC006", acl(replace(DENY, egress=True)), "acl-00000001000000000"),
    ("VPC008", first(policy=policy(OF_ANOTHER)), VPCE),
    ("VPC008", first(policy=policy({**ALLOW, "Effect": "Deny"})), VPCE),
    ("VPC012", hosts_let_nothing_out, "sg-00000001000000001"),
    ("VPC017", firewall("BLOCK", "backup.eu-west-1.amazonaws.com"), "rslvr-fdl-0a1b2c3d4e5f67890"),
]
"""Faults: the code, the change that plants the fault, and an id that the finding must contain."""
CLEAN: Final[list[Change]] = [
    lambda of: of,
    endpoints(policy=DEFAULT),
    first(policy=DEFAULT),
    lambda of: endpoints(policy=DEFAULT)(group(replace(HTTPS, cidr=ip_network("10.0.0.0/8")))(of)),
    endpoints(policy=policy(OF_ACCOUNT)),
    endpoints(policy=policy(ALLOW, OTHERS_OUT)),
    group(replace(HTTPS, cidr=ip_network("10.0.0.0/8"))),
    acl(AclEntry(number=10, egress=False, allow=False, cidr=ip_network("192.0.2.0/24"))),
    firewall("BLOCK", "bad.example"),
    forwards("corp.example"),
]
"""Changes that plant no fault. Three of them set a policy that AWS itself writes."""


def audited(of: Ec2Facts, asked: AuditRequest = ASKED) -> AuditDocument:
    return audit([facts_of(of, (), large_vpc.ACCOUNT)], asked)


def vpc_of(of: Ec2Facts, asked: AuditRequest = ASKED) -> AuditedVpc:
    (vpc,) = audited(of, asked).vpcs
    return vpc


def codes(vpc: AuditedVpc) -> set[str | None]:
    return {fault.code for fault in vpc.faults if fault.counts}


def test_there_are_thirty_planted_accounts_and_ten_clean_ones() -> None:
    assert (len(PLANTED) >= 30, len(CLEAN)) == (True, 10)


@pytest.mark.parametrize(("code", "plant", "named"), PLANTED)
def test_what_was_planted_is_found(code: str, plant: Change, named: str) -> None:
    vpc = vpc_of(plant(SOUND))
    found = [fault for fault in vpc.faults if fault.code == code and fault.counts]
    assert found, [(fault.code, fault.detail) for fault in vpc.faults]
    assert any(named in fault.subjects for fault in found), [fault.subjects for fault in found]
    assert all(fault.fix is not None for fault in found)


def test_a_zone_where_the_service_is_not_offered_is_not_missing() -> None:
    """VPC009 reports every zone without an interface. If the zones of the service were read, it only reports zones in
    which the service is offered.
    """
    zones = sorted({one.availability_zone for one in facts(SUBNETS).subnets})
    covered, offered, other = zones
    labels = private_link_labels(large_account.SERVICES_THERE)
    for within, missing in (((), {offered, other}), ((covered, offered), {offered}), ((covered,), set())):
        read = tuple(
            EndpointService(
                service_name=f"com.amazonaws.eu-west-1.{label}", kinds=("Interface",), availability_zones=within
            )
            for label in labels
        )
        of = changed(one_zone(SOUND), ENDPOINT_SERVICES, services=read)
        found = [fault for fault in vpc_of(of).faults if fault.code == "VPC009"]
        assert bool(found) is bool(missing)
        for fault in found:
            assert {zone for zone in zones if zone in fault.detail} == {covered} | missing


@pytest.mark.parametrize("place", range(len(CLEAN)))
def test_a_clean_account_is_well(place: int) -> None:
    document = audited(CLEAN[place](SOUND))
    assert document.verdict.status is Status.OK
    assert all(fault.severity is Severity.INFO for fault in document.vpcs[0].faults if fault.counts)


@pytest.mark.parametrize(("code", "plant"), [(code, plant) for code, plant, _ in PLANTED if code >= "VPC020"])
def test_what_is_only_unwise_is_information_until_a_review_raises_it(code: str, plant: Change) -> None:
    assert vpc_of(plant(SOUND)).status is Status.OK
    vpc = vpc_of(plant(SOUND), REVIEW)
    raised = {fault.severity for fault in vpc.faults if fault.code == code and fault.counts}
    assert raised == {Severity.INFO if code == "VPC022" else Severity.WARNING}


def test_one_zone_is_a_warning_of_a_review() -> None:
    assert (vpc_of(one_zone(SOUND)).status, vpc_of(one_zone(SOUND), REVIEW).status) == (Status.OK, Status.WARNING)
    assert vpc_of(SOUND, REVIEW).status is Status.OK


@pytest.mark.parametrize(
    "neighbour",
    [
        pytest.param(group(OUT), id="outward"),
        pytest.param(group(replace(HTTPS, cidr=ip_network("0.0.0.0/1"))), id="half of all addresses"),
        pytest.param(group(replace(HTTPS, referenced_group_id=GROUP)), id="its own members"),
        pytest.param(first(policy=policy(OF_ACCOUNT)), id="callers of the account"),
        pytest.param(first(policy=policy(ALLOW, OTHERS_OUT)), id="others are denied"),
        pytest.param(first(policy=policy({**ALLOW, "Action": "backup:*"})), id="actions of the service"),
        pytest.param(first(policy=policy({**ALLOW, "Resource": "arn:aws:s3:::a/*"})), id="one resource"),
        pytest.param(first(policy="{"), id="not a policy"),
        pytest.param(first(policy="[]"), id="not a document"),
        pytest.param(first(policy=None), id="not known"),
    ],
)
def test_neighbours_are_silent(neighbour: Change) -> None:
    assert not codes(vpc_of(neighbour(SOUND))) & {"VPC020", "VPC021", "VPC022"}


def test_a_group_is_told_once_with_all_its_endpoints() -> None:
    vpc = vpc_of(endpoints(policy=DEFAULT)(group(default=True)(SOUND)))
    for code in ("VPC020", "VPC021"):
        (fault,) = (fault for fault in vpc.faults if fault.code == code and fault.counts)
        ids = [one.endpoint_id for one in vpc.endpoints if one.service in fault.services]
        assert len(ids) > 2
        assert {*ids} <= {*fault.subjects}


@pytest.mark.parametrize(
    ("known", "is_known"),
    [
        (Suppression(code="VPC021", target=None), True),
        (Suppression(code="VPC021", target=SOUND.vpc_id), True),
        (Suppression(code="VPC021", target="backup"), True),
        (Suppression(code="VPC021", target="vpc-0badbadbad"), False),
        (Suppression(code="VPC020", target=None), False),
        (Suppression(code="VPC021", target=VPCE), True),
        (Suppression(code="VPC021", target=None, subject=f"endpoint:{VPCE}"), True),
        (Suppression(code="VPC021", target=None, subject="endpoint:vpce-0badbadbad"), False),
        (Suppression(code="VPC021", target=None, until=SOUND.taken_at.date()), True),
        (Suppression(code="VPC021", target=None, until=SOUND.taken_at.date() - timedelta(days=1)), False),
        (Suppression(code="VPC021", target=None, until=date(2999, 1, 1)), True),
    ],
)
def test_it_can_be_suppressed_with_an_end(known: Suppression, *, is_known: bool) -> None:
    vpc = vpc_of(first(policy=DEFAULT)(SOUND), replace(REVIEW, suppressions=(known,)))
    assert {fault.suppressed for fault in vpc.faults if fault.code == "VPC021" and fault.counts} == {is_known}
    assert vpc.status is (Status.OK if is_known else Status.WARNING)


@pytest.mark.parametrize(
    ("target", "until", "is_known"),
    [
        ("tag:stage", None, True),
        ("tag:stage=lab", None, True),
        ("tag:stage=lab", SOUND.taken_at.date(), True),
        ("tag:stage=lab", SOUND.taken_at.date() - timedelta(days=1), False),
        ("tag:stage=", None, False),
        ("tag:stage=la", None, False),
        ("tag:lab", None, False),
        ("tag:Stage=lab", None, False),
        ("stage=lab", None, False),
    ],
)
def test_a_tag_suppresses_what_bears_it_until_a_day(target: str, until: date | None, *, is_known: bool) -> None:
    known = replace(REVIEW, suppressions=(Suppression(code="VPC021", target=target, until=until),))
    tags = (Tag(key="other", value="x"), Tag(key="stage", value="lab"))
    for of in (
        first(policy=DEFAULT, tags=tags)(SOUND),
        changed(first(policy=DEFAULT)(SOUND), VPC, vpc=replace(facts(VPC).vpc, tags=tags)),
    ):
        assert vpc_of(of, known).status is (Status.OK if is_known else Status.WARNING)
    assert vpc_of(first(policy=DEFAULT)(SOUND), known).status is Status.WARNING, "nothing bears the tag"
    both = endpoints(policy=DEFAULT)(endpoints(lambda place: place == 1, tags=tags)(SOUND))
    assert vpc_of(both, known).status is Status.WARNING, "the other endpoints do not bear it"


@pytest.mark.parametrize("code", ["VPC020", "VPC021"])
def test_what_is_known_of_one_endpoint_does_not_hide_the_others(code: str) -> None:
    known = Suppression(code=code, target=VPCE)
    vpc = vpc_of(endpoints(policy=DEFAULT)(group(default=True)(SOUND)), replace(REVIEW, suppressions=(known,)))
    told = {fault.suppressed: fault for fault in vpc.faults if fault.code == code and fault.counts}
    assert VPCE in told[True].subjects
    assert VPCE not in told[False].subjects
    assert vpc.status is Status.WARNING


def test_what_is_known_of_one_service_does_not_hide_the_others() -> None:
    """An entry of an ACL blocks all services. The fault is suppressed for one of them, but not for the others."""
    of = acl(DENY)(SOUND)
    whole = next(fault for fault in vpc_of(of).faults if fault.code == "VPC006")
    first_of_all, *others = whole.services
    assert others
    known = Suppression(code="VPC006", target=first_of_all)
    told = {
        fault.suppressed: fault
        for fault in vpc_of(of, replace(ASKED, suppressions=(known,))).faults
        if fault.code == "VPC006"
    }
    assert told[True].services == (first_of_all,)
    assert first_of_all not in told[False].services
    assert told[True].detail in whole.detail, "it is about only one service"
    assert whole.fix == told[True].fix, "the same commands mend all of them"
    assert len(told[True].detail) < len(told[False].detail)
    for service in others[1:]:
        assert service in told[False].detail


def test_the_policy_that_aws_gives_admits_everybody() -> None:
    assert admits_everybody(DEFAULT)
    assert not admits_everybody(None)


def test_a_workload_that_needs_no_endpoint_counts_for_none_of_it() -> None:
    vpc = vpc_of(endpoints(policy=DEFAULT)(SOUND), replace(REVIEW, workloads=(Workload.CALLER,)))
    faults = [fault for fault in vpc.faults if fault.code == "VPC021"]
    assert {fault.counts for fault in faults} == {True, False}
