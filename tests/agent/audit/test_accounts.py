"""The faults that an audit reports. Each case is a complete account with one special property, and also shows which
faults are not reported.
"""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, Final

import pytest

from agent.audit.audit import audit
from agent.audit.model import AuditDocument, AuditedVpc, CentralEndpoint, CentralRole, Known
from agent.audit.phrases import central_words
from agent.audit.request import AuditRequest
from agent.predict.prediction import facts_of
from agent.report.model import Status
from agent.settings import Ec2Facts, Suppression, Workload
from probes.model import Ok
from probes.vpc.model import (
    INTERFACES,
    NETWORK_ACLS,
    PEERINGS,
    PRIVATE_ZONES,
    PROFILES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    TRANSIT,
    VPC_ENDPOINT,
    ConfigurationFacts,
    GroupRule,
    PeeredVpc,
    Peering,
    PeeringsFacts,
    PrivateZone,
    PrivateZonesFacts,
    ProfileResource,
    ProfilesFacts,
    Route,
    TransitAttachment,
    TransitFacts,
    TransitRoute,
    TransitTable,
)
from tests.agent.audit.test_review import changed
from tests.support.small_account import ACCOUNT, ANYWHERE, OUT, POLICY, Made, read_together

REVIEW: Final = AuditRequest(workloads=(), services=(), review=True)
CALLER: Final = replace(REVIEW, workloads=(Workload.CALLER,))
PLAIN: Final = replace(REVIEW, review=False)
ZONE: Final = PrivateZonesFacts(
    zones=(
        PrivateZone(
            zone_id="Z0A1B2C3D4E5F6G7H8I9", name="backup.eu-west-1.amazonaws.com", owner=ACCOUNT, of_service=False
        ),
    )
)


def audited(*read: Ec2Facts, asked: AuditRequest = REVIEW) -> AuditDocument:
    return audit([facts_of(one, (), ACCOUNT) for one in read], asked)


def only(read: Ec2Facts, asked: AuditRequest = REVIEW) -> AuditedVpc:
    (vpc,) = audited(read, asked=asked).vpcs
    return vpc


def codes(vpc: AuditedVpc) -> list[tuple[str | None, str, bool]]:
    return [(fault.code, fault.severity.value, fault.certain) for fault in vpc.faults if fault.counts]


def private(vpc: AuditedVpc, workload: Workload = Workload.CALLER) -> tuple[Status, Known]:
    (row,) = (row for row in vpc.workloads if row.workload is workload)
    return row.status, row.private


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(Made(), id="plain"),
        pytest.param(Made(block=ip_network("2001:db8:1::/56")), id="IPv6 only"),
        pytest.param(Made(region="cn-north-1"), id="China"),
        pytest.param(Made(region="us-gov-west-1"), id="GovCloud"),
    ],
)
def test_accounts_in_which_nothing_is_wrong(made: Made) -> None:
    vpc = only(made.facts())
    assert (vpc.status, codes(vpc), vpc.to_do) == (Status.OK, [], None)
    assert private(vpc) == (Status.OK, Known.YES)
    (name,) = (one.host for one in vpc.services if one.service == "backup")
    assert name.endswith(".amazonaws.com.cn" if made.region.startswith("cn-") else ".amazonaws.com")


def test_an_ipv6_endpoint_whose_group_knows_ipv4_alone_is_shut() -> None:
    rule = GroupRule(protocol="tcp", from_port=443, to_port=443, cidr=ip_network("10.0.0.0/8"))
    vpc = only(Made(block=ip_network("2001:db8:1::/56"), group=(*OUT, rule)).facts())
    assert codes(vpc) == [("VPC005", "critical", True)]
    assert vpc.to_do == "Allow 443 in sg-00000001000000000"


def test_an_endpoint_in_one_zone() -> None:
    vpc = only(Made(zones=1).facts())
    assert codes(vpc) == [("VPC009", "warning", True)]
    assert "none in eu-west-1b, where vpc-00000001000000000 has 1 subnet and 1 known" in vpc.faults[0].detail


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("{", [("VPC008", "warning", False)]),
        ("[]", [("VPC008", "warning", False)]),
        ('{"Statement":[]}', [("VPC008", "warning", False)]),
        (
            '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}',
            [("VPC008", "critical", True)],
        ),
        (None, []),
    ],
)
def test_broken_policies(policy: str | None, told: list[tuple[str, str, bool]]) -> None:
    assert codes(only(Made(policy=policy).facts())) == told


OTHER_VPC: Final = (
    '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Effect":"Deny","Principal":"*",'
    '"Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpc":"%s"}}}]}'
)


def test_a_policy_for_calls_of_another_vpc_lets_nobody_through() -> None:
    """Every call through the endpoint comes from the endpoint's own VPC, so the condition of the Deny always holds."""
    vpc = only(Made(policy=OTHER_VPC % "vpc-0badbadb").facts())
    assert codes(vpc) == [("VPC008", "critical", True)]
    assert "statement 2 denies every action of the service to everybody" in vpc.faults[0].detail
    assert codes(only(Made(policy=OTHER_VPC % "vpc-00000001000000000").facts())) == []


def test_the_default_group_on_an_endpoint_and_its_hosts() -> None:
    rule = GroupRule(protocol="-1", referenced_group_id="sg-00000001000000000")
    vpc = only(Made(is_default=True, group=(*OUT, rule)).facts())
    assert codes(vpc) == [("VPC020", "warning", True)]
    assert private(vpc) == (Status.WARNING, Known.YES)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        pytest.param([GroupRule(protocol="icmp", from_port=3, to_port=4, cidr=ANYWHERE)], [], id="path MTU"),
        pytest.param([GroupRule(protocol="tcp", from_port=22, to_port=22, cidr=ANYWHERE)], [], id="another port"),
        pytest.param(
            [GroupRule(cidr=ip_network(half)) for half in ("0.0.0.0/1", "128.0.0.0/1")],
            [("VPC020", "warning", True)],
            id="both halves of IPv4",
        ),
        pytest.param([GroupRule(cidr=ip_network("128.0.0.0/1"))], [], id="one half"),
    ],
)
def test_a_group_that_admits_every_address_on_the_ports_of_the_endpoint(
    rules: list[GroupRule], told: list[tuple[str, str, bool]]
) -> None:
    https = GroupRule(protocol="tcp", from_port=443, to_port=443, cidr=ip_network("10.0.0.0/8"))
    assert codes(only(Made(group=(*OUT, https, *rules)).facts())) == told


def test_an_account_without_endpoints() -> None:
    document = audited(Made(services=()).facts())
    assert (document.verdict.status, document.vpcs[0].status) == (Status.UNKNOWN, Status.NOT_IN_USE)
    assert document.verdict.summary == (
        "no VPC has an endpoint of a workload: name a workload with --workload; 1 VPC not counted"
    )
    vpc = only(Made(services=()).facts(), CALLER)
    assert codes(vpc) == [("VPC001", "critical", True)]


def test_two_endpoints_of_one_service_of_which_one_has_the_name() -> None:
    made = Made(services=("backup", "backup"))
    vpc = only(made.facts())
    assert codes(vpc) == [("VPC022", "info", True)]
    assert [fault.subjects for fault in vpc.faults] == [("vpce-00000001000000001",)]
    assert (vpc.status, vpc.unresolved_hours) == (Status.OK, 2 * 730)


def test_an_endpoint_of_a_service_that_china_does_not_have_makes_no_fault_of_the_others() -> None:
    vpc = only(Made(region="cn-northwest-1", services=("backup", "sts")).facts())
    assert (vpc.status, codes(vpc)) == (Status.OK, [])


@pytest.mark.parametrize(("asked", "counts"), [(REVIEW, False), (CALLER, True)])
def test_a_vpc_that_another_account_shares(asked: AuditRequest, *, counts: bool) -> None:
    vpc = only(Made(owner="999988887777", services=()).facts(), asked)
    assert (vpc.shared, vpc.status, vpc.counts) == (True, Status.UNKNOWN, counts)
    assert "VPC001" not in {fault.code for fault in vpc.faults}, "only its owner sees the endpoints"
    assert vpc.to_do == "Read it as account 999988887777, which owns it"


@pytest.mark.parametrize(
    ("made", "code", "asked", "told"),
    [
        (Made(private_dns=False), "VPC002", PLAIN, Known.NO),
        (Made(group=OUT), "VPC005", PLAIN, Known.NO),
        (Made(services=()), "VPC001", CALLER, Known.NO),
        (Made(more={PRIVATE_ZONES: ZONE}), "VPC016", PLAIN, Known.CANNOT_TELL),
        (Made(zones=1), "VPC009", REVIEW, Known.YES),
    ],
)
def test_a_suppressed_fault_makes_no_workload_private(made: Made, code: str, asked: AuditRequest, told: Known) -> None:
    """A suppressed fault does not count, but the workload still lacks the endpoint."""
    suppressed = replace(asked, suppressions=(Suppression(code=code, target=None),))
    vpc = only(made.facts(), suppressed)
    assert private(vpc) == (Status.OK, told)
    words = "caller can run privately" if told is Known.YES else "caller: nothing is wrong besides what is suppressed"
    assert vpc.summary == words


def test_nobody_is_told_to_change_a_zone_before_looking_at_its_records() -> None:
    """The audit does not read the records of a hosted zone."""
    (fault,) = only(Made(more={PRIVATE_ZONES: ZONE}).facts(), PLAIN).faults
    assert fault.fix is not None
    assert (fault.code, fault.certain, fault.fix.summary.startswith("Look first: if the zone")) == (
        "VPC016",
        False,
        True,
    )
    assert fault.fix.commands[0].argv[:3] == ("aws", "route53", "list-resource-record-sets")


DENY_ALL: Final = '{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}'


@pytest.mark.parametrize("state", ["available", "failed"])
def test_the_policy_of_an_endpoint_to_which_the_name_does_not_lead_harms_nobody(state: str) -> None:
    made = Made(services=("backup", "backup"))
    first, second = made.endpoints()
    vpc = only(made.facts((first, replace(second, state=state, policy=DENY_ALL))), PLAIN)
    (fault,) = (fault for fault in vpc.faults if fault.code == "VPC008")
    assert (vpc.status, fault.severity, fault.subjects) == (Status.OK, "info", (second.endpoint_id,))
    assert fault.detail.endswith(f"{vpc.services[0].host} leads to {first.endpoint_id}.")
    vpc = only(made.facts((replace(first, policy=DENY_ALL), replace(second, state=state))), PLAIN)
    assert ("VPC008", "critical", True) in codes(vpc)


def test_hosts_that_were_not_read_are_never_well() -> None:
    """The groups of these hosts may let nothing out."""
    facts = Made().facts()
    kept = tuple(one for one in facts.observations if one.subject.operation != INTERFACES)
    vpc = only(replace(facts, observations=kept))
    assert (vpc.status, codes(vpc)) == (Status.UNKNOWN, [(None, "critical", False)])
    assert private(vpc) == (Status.UNKNOWN, Known.CANNOT_TELL)


@pytest.mark.parametrize(
    ("lacking", "status"),
    [
        (None, Status.OK),
        (SECURITY_GROUPS, Status.UNKNOWN),
        (NETWORK_ACLS, Status.WARNING),
        (ROUTE_TABLES, Status.WARNING),
    ],
)
def test_what_was_not_read_is_never_well_for_an_appliance(lacking: str | None, status: Status) -> None:
    """A host in the endpoint's own subnet passes no ACL and needs no route of a table, so some hosts certainly get
    through: the status is a warning, and not unknown."""
    ports = GroupRule(protocol="tcp", from_port=443, to_port=1031, cidr=ip_network("10.0.0.0/8"))
    facts = Made(services=("backup-gateway",), group=(*OUT, ports)).facts()
    kept = tuple(one for one in facts.observations if one.subject.operation != lacking)
    assert only(replace(facts, observations=kept), PLAIN).status is status


# --- Joined VPCs -----------------------------------------------------------------------------------------------------

HUB, SPOKE = Made(number=1), Made(number=2, block=ip_network("10.2.0.0/16"), services=())


BY_ZONE: Final = {PRIVATE_ZONES: ZONE}


def peered(
    state: str = "active",
    *,
    way_back: bool = True,
    policy: str = POLICY,
    names: Mapping[str, ConfigurationFacts] = BY_ZONE,
) -> tuple[Ec2Facts, Ec2Facts]:
    """A VPC with an endpoint, and a peered VPC in which `names` lead the name of the endpoint's service there."""
    sides = tuple(PeeredVpc(vpc_id=made.vpc_id, owner_id=ACCOUNT, cidrs=(made.block,)) for made in (HUB, SPOKE))
    known = {PEERINGS: PeeringsFacts(peerings=(Peering(peering_id="pcx-0a1b2c3d", state=state, sides=sides),))}
    back = (Route(destination=SPOKE.block, target="pcx-0a1b2c3d"),) if way_back else ()
    there = (Route(destination=HUB.block, target="pcx-0a1b2c3d"),)
    group = (*OUT, GroupRule(protocol="tcp", from_port=443, to_port=443, cidr=ip_network("10.0.0.0/8")))
    hub = replace(HUB, routes=back, group=group, policy=policy, more=known).facts()
    spoke = replace(SPOKE, routes=there, more={**known, **names}).facts()
    return read_together(hub, spoke), read_together(spoke, hub)


def central(read: tuple[Ec2Facts, Ec2Facts]) -> CentralEndpoint:
    """What an audit of two VPCs says about the second VPC, which uses the endpoint of the first."""
    document = audited(*read, asked=CALLER)
    by_id = {vpc.vpc_id: vpc for vpc in document.vpcs}
    assert by_id[HUB.vpc_id].status is Status.OK
    assert by_id[SPOKE.vpc_id].status is Status.UNKNOWN, "the records of its zone are not read"
    (hub,), (spoke,) = by_id[HUB.vpc_id].central, by_id[SPOKE.vpc_id].central
    assert (hub.role, hub.vpc_ids, spoke.role, spoke.vpc_ids) == (
        *(CentralRole.HUB, (SPOKE.vpc_id,)),
        *(CentralRole.SPOKE, (HUB.vpc_id,)),
    )
    return spoke


def test_a_peering_leads_to_a_central_endpoint() -> None:
    spoke = central(peered())
    assert (spoke.named, len(spoke.missing)) == (Known.CANNOT_TELL, 1), "the way there is open"


@pytest.mark.parametrize("named", Known)
def test_the_words_of_a_central_endpoint_say_who_uses_it(named: Known) -> None:
    spoke = replace(central(peered()), named=named)
    (other,), (endpoint_id,) = spoke.vpc_ids, spoke.endpoint_ids
    words = central_words(spoke)
    assert words.index("this VPC") < words.index(endpoint_id) < words.index(other)
    assert ("may use" in words) is (named is Known.CANNOT_TELL)
    words = central_words(replace(spoke, role=CentralRole.HUB))
    assert words.index(other) < words.index(endpoint_id) < words.index("this VPC")
    assert ("may use" in words) is (named is Known.CANNOT_TELL)


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (peered("pending-acceptance"), "pcx-0a1b2c3d"),
        (peered(way_back=False), "rtb-00000001000000000"),
    ],
)
def test_a_peering_that_leads_nowhere_is_told_with_the_way(read: tuple[Ec2Facts, Ec2Facts], words: str) -> None:
    spoke = central(read)
    assert spoke.complete is Known.NO
    assert words in spoke.missing[-1]
    assert "blocked" in spoke.missing[-1]


BY_PROFILE: Final = {
    PROFILES: ProfilesFacts(
        profile_ids=("rp-0a1b2c3d",),
        resources=(
            ProfileResource(profile_id="rp-0a1b2c3d", resource_id=HUB.id("vpce"), kind=VPC_ENDPOINT, owner_id=ACCOUNT),
        ),
    )
}


@pytest.mark.parametrize(("policy", "told"), [(POLICY, []), (DENY_ALL, [("VPC008", "critical", True)])])
def test_the_policy_of_a_central_endpoint_counts_for_its_users(policy: str, told: list[tuple[str, str, bool]]) -> None:
    """The audit reads only the VPC to which a Profile brings the endpoint, and not the VPC that has it."""
    _, spoke = peered(policy=policy, names=BY_PROFILE)
    vpc = only(spoke, replace(PLAIN, workloads=(Workload.CALLER,)))
    assert codes(vpc) == told
    assert vpc.status is (Status.CRITICAL if told else Status.OK)


PARTICIPANT: Final = "999988887777"


@pytest.mark.parametrize(
    ("owner", "status", "counting"),
    [
        pytest.param(Made().facts(), Status.OK, [ACCOUNT], id="the owner's row is well"),
        pytest.param(Made(policy=DENY_ALL).facts(), Status.CRITICAL, [ACCOUNT], id="the owner's row has a fault"),
        pytest.param(None, Status.UNKNOWN, [PARTICIPANT], id="the owner was not read"),
        pytest.param(Made(number=2).facts(), Status.UNKNOWN, [PARTICIPANT, ACCOUNT], id="another VPC of the owner"),
        pytest.param(
            changed(Made().facts(), INTERFACES, interfaces=()),
            Status.UNKNOWN,
            [PARTICIPANT, ACCOUNT],
            id="the owner does not see the hosts",
        ),
    ],
)
def test_a_participant_s_row_of_a_shared_vpc_does_not_count_beside_the_owner_s(
    owner: Ec2Facts | None, status: Status, counting: list[str]
) -> None:
    """A participant does not see the endpoints, so its row is never known."""
    document, shared = beside(owner, Made(services=()).facts())
    assert document.verdict.status is status
    assert [vpc.account_id for vpc in document.vpcs if vpc.counts] == counting
    assert shared.status is Status.UNKNOWN
    assert shared.to_do is not None
    assert ("See the row" in shared.to_do, "not counted" in shared.summary) == (not shared.counts, not shared.counts)


def beside(owner: Ec2Facts | None, participant: Ec2Facts) -> tuple[AuditDocument, AuditedVpc]:
    """The audit of a VPC that was read as its owner, if given, and as a participant, and the participant's row."""
    read = [] if owner is None else [facts_of(owner, (), ACCOUNT)]
    document = audit([*read, facts_of(participant, (), PARTICIPANT)], replace(CALLER, review=False))
    (shared,) = (vpc for vpc in document.vpcs if vpc.shared)
    return document, shared


def test_a_participant_s_row_counts_if_its_hosts_were_not_read() -> None:
    """The owner may not see them either."""
    facts = Made(services=()).facts()
    kept = tuple(one for one in facts.observations if one.subject.operation != INTERFACES)
    document, shared = beside(Made().facts(), replace(facts, observations=kept))
    assert (document.verdict.status, shared.counts) == (Status.UNKNOWN, True)


def test_another_vpc_of_the_owner_says_nothing_about_a_shared_vpc_without_hosts() -> None:
    _, shared = beside(Made(number=2).facts(), changed(Made(services=()).facts(), INTERFACES, interfaces=()))
    assert shared.counts


ONE_CALL: Final = POLICY.replace('"Action":"*"', '"Action":"backup:StartBackupJob"')
OF_PARTICIPANT: Final = POLICY.replace(ACCOUNT, PARTICIPANT)


@pytest.mark.parametrize(
    ("policy", "services", "status"),
    [
        (DENY_ALL, (), Status.CRITICAL),
        (ONE_CALL, ("sts",), Status.UNKNOWN),
        (OF_PARTICIPANT, (), Status.OK),
    ],
)
def test_a_participant_s_row_counts_if_something_in_it_is_certain(
    policy: str, services: tuple[str, ...], status: Status
) -> None:
    """A Profile leads to an endpoint whose policy the participant sees. It does not see where the name of sts leads."""
    _, spoke = peered(policy=policy, names=BY_PROFILE)
    own = Made(number=SPOKE.number, services=("backup", "sts"))
    asked = replace(CALLER, services=services, review=False)
    document = audit([facts_of(own.facts(), (), ACCOUNT), facts_of(spoke, (), PARTICIPANT)], asked)
    (shared,) = (vpc for vpc in document.vpcs if vpc.shared)
    assert (shared.status, shared.counts, "not counted" in shared.summary) == (status, True, False)


def attached(*, hole: bool = False, zones: int = 2) -> tuple[Ec2Facts, Ec2Facts]:
    """The two VPCs of `peered`, joined by a transit gateway in so many zones of the second VPC. With `hole`, the
    gateway's table drops packets to the VPC with the endpoint.
    """
    rows = tuple(
        TransitAttachment(
            attachment_id=made.id("tgw-attach"),
            gateway_id="tgw-0a1b2c3d",
            kind="vpc",
            resource_id=made.vpc_id,
            state="available",
            owner_id=ACCOUNT,
            table_id="tgw-rtb-0a1b2c3d",
            subnet_ids=tuple(made.id("subnet", zone) for zone in range(zones if made is SPOKE else 2)),
            ipv6=False,
            appliance_mode=False,
        )
        for made in (HUB, SPOKE)
    )
    routes = tuple(
        TransitRoute(
            destination=made.block,
            state="blackhole" if hole and made is HUB else "active",
            attachment_ids=() if hole and made is HUB else (made.id("tgw-attach"),),
            kind=None if hole and made is HUB else "vpc",
            resource_ids=() if hole and made is HUB else (made.vpc_id,),
        )
        for made in (HUB, SPOKE)
    )
    known = {
        TRANSIT: TransitFacts(attachments=rows, tables=(TransitTable(table_id="tgw-rtb-0a1b2c3d", routes=routes),))
    }
    group = (*OUT, GroupRule(protocol="tcp", from_port=443, to_port=443, cidr=ip_network("10.0.0.0/8")))
    ways = {made.vpc_id: (Route(destination=made.block, target="tgw-0a1b2c3d"),) for made in (HUB, SPOKE)}
    hub = replace(HUB, routes=ways[SPOKE.vpc_id], group=group, more=known).facts()
    spoke = replace(SPOKE, routes=ways[HUB.vpc_id], more={**known, PRIVATE_ZONES: ZONE}).facts()
    return read_together(hub, spoke), read_together(spoke, hub)


def test_a_transit_gateway_leads_to_a_central_endpoint() -> None:
    spoke = central(attached())
    assert (spoke.named, len(spoke.missing)) == (Known.CANNOT_TELL, 1), spoke.missing


def test_a_transit_gateway_that_drops_it_is_told_with_its_table() -> None:
    spoke = central(attached(hole=True))
    assert spoke.complete is Known.NO
    assert "tgw-rtb-0a1b2c3d" in spoke.missing[-1]


def test_a_transit_gateway_in_one_zone_is_not_the_whole_way() -> None:
    """The hosts of the other zone do not reach the gateway."""
    spoke = central(attached(zones=1))
    assert spoke.complete is Known.NO
    assert "has no subnet in eu-west-1b" in spoke.missing[-1]


def test_a_group_may_leave_out_some_hosts_of_a_central_endpoint() -> None:
    some = (*OUT, GroupRule(protocol="tcp", from_port=443, to_port=443, cidr=ip_network("10.2.0.0/24")))
    hub, spoke = attached()
    held: Any = next(one.facts for one in spoke.observations if one.subject.operation == SECURITY_GROUPS)
    groups = tuple(replace(one, rules=some) if one.group_id == HUB.id("sg") else one for one in held.groups)
    changed: Any = replace(held, groups=groups)
    kept = (one for one in spoke.observations if one.facts is not held)
    read = next(one for one in spoke.observations if one.facts is held)
    narrow = replace(spoke, observations=(*kept, replace(read, outcome=Ok(changed))))
    assert len(central((hub, narrow)).missing) == 1, "the name alone is not known"
