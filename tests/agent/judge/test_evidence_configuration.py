"""What a run knows about the configuration: who owns an address and the network, and where the measurement differs from
the configuration.
"""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from agent.judge.agreement import configured_paths
from agent.judge.evidence import FRESH, Evidence
from agent.judge.verdict import judge_evidence
from agent.report.hops import Reachability, Stage
from agent.report.model import Measured
from probes.addresses import AddressScope
from probes.model import Addressing, Observation, Ok
from probes.vpc.model import (
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    NETWORK_ACLS,
    OWN_INTERFACES,
    SECURITY_GROUPS,
    SUBNETS,
    VPC,
    AclEntry,
    Configuration,
    EndpointsFacts,
    GroupRule,
    InterfacesFacts,
    NetworkAclsFacts,
    SecurityGroup,
    SecurityGroupsFacts,
)
from tests.support import configured as c
from tests.support.build import (
    BACKUP,
    GATEWAY,
    NOW,
    PRIVATE,
    PUBLIC,
    VPC_RESOLVER,
    answer,
    evidence,
    healthy,
    imds,
    lookup,
    optional,
    run,
    target,
    tcp,
)

A, B = PRIVATE
HERE = imds(account=c.ACCOUNT)


def seen(
    *observations: Observation[Any], days_old: float = 0.0, changed: tuple[Observation[Any], ...] = ()
) -> Evidence:
    reads = c.configured(*changed, days_old=days_old)
    return evidence([*healthy(BACKUP), HERE, *reads, *observations], of=run(ec2_reads=True))


def closed() -> Observation[Any]:
    """The read of an endpoint's group that allows no source."""
    own, _ = c.groups()
    return c.read(
        SECURITY_GROUPS, SecurityGroupsFacts(groups=(own, SecurityGroup(group_id=c.ENDPOINT_GROUP_ID, rules=())))
    )


def path(of: Evidence, address: str = A, port: int = 443) -> Any:
    return next(path for path in configured_paths(of, BACKUP) if (str(path.address), path.port) == (address, port))


def test_nothing_is_known_where_nothing_was_read() -> None:
    of = evidence([*healthy(BACKUP), HERE])
    assert of.configuration == Configuration()
    assert of.configured_at is None
    assert not of.is_configuration_fresh
    assert of.is_vpc_shared is None
    assert of.endpoints(BACKUP) is None
    assert configured_paths(of, BACKUP) == ()
    assert judge_evidence(of).paths == ()


@pytest.mark.parametrize(
    ("days", "fresh"), [(0.0, True), (FRESH / timedelta(days=1), True), (FRESH / timedelta(days=1) + 0.001, False)]
)
def test_what_was_read_is_fresh_for_a_day(days: float, fresh: bool) -> None:
    of = seen(days_old=days)
    assert of.configured_at == NOW - timedelta(days=days)
    assert of.is_configuration_fresh is fresh


def test_the_oldest_read_decides_how_old_it_all_is() -> None:
    of = seen(c.read(ENDPOINTS, c.endpoints_facts(c.endpoint()), days_old=3))
    assert of.configured_at == NOW - timedelta(days=3)


def test_an_address_of_an_endpoint_of_another_network_counts_as_ours() -> None:
    other = c.interface("eni-0d1b2c3d", "10.9.0.5", subnet_id="subnet-0d1b2c3d", vpc_id=c.ANOTHER_VPC_ID)
    facts = InterfacesFacts(interfaces=(*c.endpoint_interfaces(), other))
    central = ip_address("10.9.0.5")
    assert seen().scope(central) is AddressScope.PRIVATE
    assert seen(changed=(c.read(ENDPOINT_INTERFACES, facts),)).scope(central) is AddressScope.VPC


def test_old_facts_make_no_address_private() -> None:
    public = "2a05:d018:1::5"
    other = c.interface("eni-0d1b2c3d", public, subnet_id="subnet-0d1b2c3d", vpc_id=c.ANOTHER_VPC_ID)
    for days_old, scope in ((0.0, AddressScope.VPC), (25.0, AddressScope.PUBLIC)):
        facts = InterfacesFacts(interfaces=(*c.endpoint_interfaces(), other))
        of = seen(changed=(c.read(ENDPOINT_INTERFACES, facts, days_old=days_old),), days_old=days_old)
        assert of.interface_at(ip_address(public)) == other
        assert of.scope(ip_address(public)) is scope


@pytest.mark.parametrize("order", [1, -1], ids=["before our own", "behind our own"])
def test_of_networks_with_the_same_addresses_our_own_counts(order: int) -> None:
    """Several VPCs of an account may have the same block, such as 10.0.0.0/16."""
    theirs = c.interface("eni-0d1b2c3d", A, subnet_id="subnet-0d1b2c3d", vpc_id=c.ANOTHER_VPC_ID)
    alone = c.interface("eni-0e1b2c3d", "10.0.2.99", subnet_id="subnet-0d1b2c3d", vpc_id=c.ANOTHER_VPC_ID)
    interfaces = (theirs, alone, *c.endpoint_interfaces())[::order]
    failed = c.endpoint(
        "vpce-0d1b2c3d",
        vpc_id=c.ANOTHER_VPC_ID,
        state="failed",
        subnet_ids=("subnet-0d1b2c3d",),
        interface_ids=("eni-0d1b2c3d", "eni-0e1b2c3d"),
    )
    changed = (
        c.read(ENDPOINTS, c.endpoints_facts(*(failed, c.endpoint())[::order])),
        c.read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=interfaces)),
    )
    of = seen(changed=changed)
    (ours,) = [
        endpoint_interface
        for endpoint_interface in c.endpoint_interfaces()
        if ip_address(A) in endpoint_interface.addresses
    ]
    assert of.interface_at(ip_address(A)) == ours
    assert of.endpoint_of(ours) == c.endpoint()
    assert of.interface_at(ip_address("10.0.2.99")) is None
    assert (path(of).endpoint_id, path(of).predicted) == (c.ENDPOINT_ID, Reachability.OPEN)
    report = judge_evidence(of)
    assert {address.endpoint_id for address in report.targets[0].addresses} == {c.ENDPOINT_ID}
    assert report.findings == ()


def test_which_network_is_ours_metadata_says_where_ec2_does_not() -> None:
    theirs = c.interface("eni-0d1b2c3d", "10.0.2.99", subnet_id="subnet-0d1b2c3d", vpc_id=c.ANOTHER_VPC_ID)
    changed = (
        c.read(VPC, failed="not-permitted"),
        c.read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=(*c.endpoint_interfaces(), theirs))),
    )
    assert seen(changed=changed).interface_at(ip_address("10.0.2.99")) is None


def test_the_groups_of_an_interface_that_nothing_names_are_not_known() -> None:
    """If nothing says to whom an interface belongs, it may belong to a container. It then has an address in the subnet,
    but another group.
    """
    own, _ = c.groups()
    members = GroupRule(from_port=443, to_port=443, referenced_group_id=c.OWN_GROUP_ID)
    changed = (
        c.read(OWN_INTERFACES, failed="not-permitted"),
        c.read(
            SECURITY_GROUPS,
            SecurityGroupsFacts(groups=(own, SecurityGroup(group_id=c.ENDPOINT_GROUP_ID, rules=(members,)))),
        ),
    )
    here = imds(account=c.ACCOUNT, subnet=("10.0.3.0/24",), groups=(c.OWN_GROUP_ID,))
    assert path(seen(tcp(A, failed="timeout"), here, changed=changed)).predicted is Reachability.OPEN
    of_container = path(seen(tcp(A, failed="timeout", source="10.0.3.99"), here, changed=changed))
    assert (of_container.predicted, of_container.agrees) == (Reachability.CANNOT_TELL, None)
    unknown = imds(account=c.ACCOUNT, subnet=("10.0.3.0/24",), groups=(c.OWN_GROUP_ID,), own=())
    assert path(seen(tcp(A, failed="timeout"), unknown, changed=changed)).predicted is Reachability.CANNOT_TELL


@pytest.mark.parametrize(
    ("account", "changed", "shared"),
    [
        pytest.param(c.ACCOUNT, (), False, id="its own"),
        pytest.param(c.ACCOUNT, c.shared_vpc(), True, id="another account's"),
        pytest.param(c.ACCOUNT, (c.shared_vpc()[1],), True, id="another account's subnet"),
        pytest.param(None, (), None, id="the account is not known"),
        pytest.param(
            c.ACCOUNT,
            (c.read(VPC, failed="not-permitted"), c.read(SUBNETS, failed="not-permitted")),
            None,
            id="the owners are not known",
        ),
    ],
)
def test_whose_the_network_is(account: str | None, changed: tuple[Observation[Any], ...], shared: bool | None) -> None:
    of = evidence([*healthy(BACKUP), imds(account=account), *c.configured(*changed)])
    assert of.is_vpc_shared is shared


def test_endpoints_are_told_apart_by_service_and_network() -> None:
    here, gateway = c.endpoint(), c.endpoint("vpce-0b1b2c3d", service="backup-gateway")
    elsewhere = c.endpoint("vpce-0c1b2c3d", vpc_id=c.ANOTHER_VPC_ID)
    of = seen(c.read(ENDPOINTS, c.endpoints_facts(here, gateway, elsewhere)))
    assert of.endpoints(BACKUP) == (here, elsewhere)
    assert of.endpoints(BACKUP, vpc_id=c.VPC_ID) == (here,)
    assert of.endpoints(GATEWAY) == (gateway,)


@pytest.mark.parametrize(
    ("asked", "service", "addressing", "found"),
    [
        pytest.param(("kms", "kms-fips"), "kms", Addressing.DEFAULT, ["vpce-0b1b2c3d"], id="asked for"),
        pytest.param(("kms", "kms-fips"), "kms", Addressing.FIPS, ["vpce-0b1b2c3d", "vpce-0c1b2c3d"], id="FIPS"),
        pytest.param(("kms",), "kms", Addressing.FIPS, None, id="FIPS, not asked for"),
        pytest.param(("backup",), "kms", Addressing.DEFAULT, None, id="others were asked for"),
        pytest.param(("backup",), "backup", Addressing.DEFAULT, ["vpce-0d1b2c3d"], id="asked for, beside others"),
        pytest.param((), "backup-search", Addressing.DEFAULT, [], id="a service without endpoint services"),
    ],
)
def test_endpoints_of_a_service_that_was_not_asked_for_are_not_known(
    asked: tuple[str, ...], service: str, addressing: Addressing, found: list[str] | None
) -> None:
    kms = c.endpoint("vpce-0b1b2c3d", service="kms")
    fips = replace(kms, endpoint_id="vpce-0c1b2c3d", service_name="com.amazonaws.eu-west-1.kms-fips")
    listed = (kms, fips, c.endpoint("vpce-0d1b2c3d"))
    of = seen(c.read(ENDPOINTS, EndpointsFacts(endpoints=listed, asked=asked, gateways=None)))
    endpoints = of.endpoints(target(service, addressing=addressing))
    assert (None if endpoints is None else [endpoint.endpoint_id for endpoint in endpoints]) == found


def test_the_endpoints_of_another_region_were_not_read() -> None:
    assert seen().endpoints(BACKUP) == (c.endpoint(),)
    assert seen().endpoints(target(region="us-east-1")) is None
    nowhere = evidence([*healthy(BACKUP), imds(token=False, region=None), *c.configured()], of=run(ec2_reads=True))
    assert nowhere.endpoints(BACKUP) == (c.endpoint(),)


@pytest.mark.parametrize(
    ("attempt", "measured", "open_agrees", "blocked_agrees"),
    [
        pytest.param({}, Measured.CONNECTED, True, False, id="connects"),
        pytest.param({"failed": "timeout"}, Measured.SILENT, False, True, id="silent"),
        pytest.param({"failed": "refused", "code": "ECONNREFUSED"}, Measured.REFUSED, False, None, id="reset"),
        pytest.param({"failed": "timeout", "datagram_error": "EPERM"}, Measured.FAILED, None, None, id="dropped here"),
        pytest.param({"failed": "timeout", "route_error": "ENETUNREACH"}, Measured.FAILED, None, None, id="no route"),
        pytest.param({"failed": "refused", "icmp": ("10.0.3.5", 3)}, Measured.FAILED, None, None, id="rejected here"),
        pytest.param({"failed": "unreachable"}, Measured.FAILED, None, None, id="unreachable"),
        pytest.param({"failed": "deadline"}, Measured.NOT_MEASURED, None, None, id="cut short"),
        pytest.param({"skipped": "so it was"}, Measured.NOT_MEASURED, None, None, id="not made"),
    ],
)
def test_prediction_and_measurement_are_held_against_each_other(
    attempt: dict[str, Any], measured: Measured, open_agrees: bool | None, blocked_agrees: bool | None
) -> None:
    open_path = path(seen(tcp(A, **attempt)))
    assert (open_path.predicted, open_path.measured, open_path.agrees) == (Reachability.OPEN, measured, open_agrees)
    assert open_path.parted_at is None
    blocked = path(seen(tcp(A, **attempt), closed()))
    assert (blocked.predicted, blocked.measured, blocked.agrees) == (Reachability.BLOCKED, measured, blocked_agrees)
    assert blocked.parted_at is (Stage.ENDPOINT_GROUPS if blocked_agrees is False else None)


def test_a_group_that_was_not_read_agrees_with_nothing() -> None:
    one = path(seen(tcp(A, failed="timeout"), changed=(c.read(SECURITY_GROUPS, failed="not-permitted"),)))
    assert (one.predicted, one.agrees) == (Reachability.CANNOT_TELL, None)


def test_public_addresses_are_held_against_nothing() -> None:
    of = seen(lookup(PUBLIC, A))
    assert {str(path.address) for path in configured_paths(of, BACKUP)} == {A, B}


def test_a_path_is_judged_for_the_address_that_the_attempt_was_made_from() -> None:
    second = c.interface(
        "eni-0f1b2c3d", "10.0.3.6", subnet_id=c.OWN_SUBNET_ID, group_ids=("sg-0f1b2c3d",), kind="interface"
    )
    only_second = GroupRule(from_port=443, to_port=443, referenced_group_id="sg-0f1b2c3d")
    own, _ = c.groups()
    out = own.rules
    rules = (
        own,
        SecurityGroup(group_id="sg-0f1b2c3d", rules=out),
        SecurityGroup(group_id=c.ENDPOINT_GROUP_ID, rules=(only_second,)),
    )
    changed = (
        c.read(OWN_INTERFACES, InterfacesFacts(interfaces=(c.own_interface(), second))),
        c.read(SECURITY_GROUPS, SecurityGroupsFacts(groups=rules)),
    )
    assert path(seen(tcp(A, source="10.0.3.6"), changed=changed)).predicted is Reachability.OPEN
    assert path(seen(tcp(A), changed=changed)).predicted is Reachability.BLOCKED


def test_a_target_that_is_not_in_use_has_no_paths_in_the_report() -> None:
    target = optional(BACKUP)
    observations = [*healthy(target), HERE, *c.configured(), lookup(PUBLIC)]
    report = judge_evidence(evidence(observations, targets=(target,), of=run(ec2_reads=True)))
    assert report.paths == ()


def test_the_report_tells_zones_and_endpoints_as_ec2_has_them() -> None:
    report = judge_evidence(seen())
    by_address = {str(address.address): address for address in report.targets[0].addresses}
    assert (by_address[B].availability_zone_id, by_address[B].endpoint_id) == ("euw1-az2", c.ENDPOINT_ID)
    assert {(str(path.address), path.port) for path in report.paths} == {(A, 443), (B, 443)}
    assert all(path.taken_at == NOW for path in report.paths)


def test_commands_hold_the_ids_that_ec2_gave() -> None:
    denied = c.read(SECURITY_GROUPS, failed="not-permitted")
    report = judge_evidence(seen(tcp(A, failed="timeout"), tcp(B, failed="timeout"), denied))
    (finding,) = [finding for finding in report.findings if finding.code == "TCP001"]
    words = [word for command in finding.fix.commands for word in command.argv]
    assert c.ENDPOINT_GROUP_ID in words
    assert "<ENDPOINT_SECURITY_GROUP_ID>" not in words


def test_of_two_endpoints_no_id_is_guessed() -> None:
    two = c.endpoints_facts(c.endpoint(), replace(c.endpoint(), endpoint_id="vpce-0d1b2c3d"))
    denied = c.read(SECURITY_GROUPS, failed="not-permitted")
    report = judge_evidence(seen(tcp(A, failed="timeout"), tcp(B, failed="timeout"), denied, c.read(ENDPOINTS, two)))
    (finding,) = [finding for finding in report.findings if finding.code == "TCP001"]
    assert "<ENDPOINT_SECURITY_GROUP_ID>" in [word for command in finding.fix.commands for word in command.argv]


def test_answers_come_to_the_ports_that_this_host_has() -> None:
    rest = (entry for entry in c.network_acl().entries if entry.number != 100 or entry.egress)
    high = AclEntry(
        number=100, egress=False, allow=True, cidr=ip_network("0.0.0.0/0"), protocol="6", from_port=32768, to_port=60999
    )
    acl = c.read(NETWORK_ACLS, NetworkAclsFacts(acls=(replace(c.network_acl(), entries=(high, *rest)),)))
    (of_host,) = [observation for observation in healthy(BACKUP) if observation.id == "host"]
    facts: Any = of_host.facts
    wide = replace(of_host, outcome=Ok(replace(facts, local_ports=(1024, 65535))))
    unknown, other = path(seen(acl)), path(seen(acl, wide))
    assert unknown.hops[-1].outcome is Reachability.OPEN
    assert (other.hops[-1].stage, other.hops[-1].outcome) == (Stage.HOST_ACL_IN, Reachability.DOUBTFUL)


def test_addresses_that_an_answer_leaves_out_are_held_against_the_configuration_too() -> None:
    measured = [observation for observation in healthy(BACKUP) if str(observation.subject.address) != B]
    answers = (lookup(A), answer(A), answer(A, by=VPC_RESOLVER))
    of = evidence([*measured, HERE, *answers, *c.configured()], of=run(ec2_reads=True))
    assert (path(of, B).predicted, path(of, B).measured, path(of, B).agrees) == (
        Reachability.OPEN,
        Measured.NOT_MEASURED,
        None,
    )
    shut = evidence([*measured, HERE, *answers, *c.configured(closed())], of=run(ec2_reads=True))
    assert path(shut, B).predicted is Reachability.BLOCKED
    assert not any(finding.code in ("VPC005", "TCP001", "TCP002") for finding in judge_evidence(shut).findings)


def test_addresses_of_endpoints_that_are_not_used_are_left_alone() -> None:
    other = c.interface("eni-0d1b2c3d", "10.0.1.99", subnet_id=c.ENDPOINT_SUBNET_IDS[0])
    of = seen(changed=(c.read(ENDPOINT_INTERFACES, InterfacesFacts(interfaces=(*c.endpoint_interfaces(), other))),))
    assert {str(path.address) for path in configured_paths(of, BACKUP)} == {A, B}
