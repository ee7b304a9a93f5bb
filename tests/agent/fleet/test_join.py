"""The join, case by case: causes, blind hosts (which do not read EC2), faults of single hosts, changes over time, and
silent hosts.
"""

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from agent.catalog.findings import CODES, Radius
from agent.documents.render import render
from agent.fleet import events, table
from agent.fleet.content import document as tree
from agent.fleet.database import Database
from agent.fleet.inventory import Expected, Label
from agent.fleet.join import QuestionError
from agent.fleet.model import (
    MAX_EXAMPLES,
    Attribute,
    FleetChange,
    FleetDocument,
    NamedBy,
    SharedValue,
    Turn,
    decode,
    dumps,
)
from agent.fleet.reading import ReadResult
from agent.fleet.redact import FleetRedactor
from agent.fleet.store import Read
from agent.report.model import Status
from agent.report.serialization import to_json
from agent.settings import Suppression
from tests.agent.fleet.test_estates import asked, members
from tests.support.aws_commands import complaint
from tests.support.estates import (
    TODAY,
    Fault,
    Host,
    endpoint_group,
    endpoint_interface,
    hosts_of,
    interception,
    of_group,
    of_resolver,
    of_subnet,
    private_dns_off,
    record,
    zone_of_vpc,
)
from tests.support.extent import one_in

HOSTS: Final = hosts_of(7, 300)
VPC: Final = HOSTS[0].vpc
OF_VPC: Final = [host for host in HOSTS if host.vpc == VPC]
READS_EC2: Final = [host for host in OF_VPC if host.reads_ec2]
BLIND: Final = [host for host in OF_VPC if not host.reads_ec2]


@pytest.fixture
def engine() -> Iterator[Database]:
    with Database() as opened:
        yield opened


def fault(code: str, *ids: str, on: Callable[[Host], bool] = lambda _: True, **more: Any) -> Fault:
    return Fault(code, lambda _: ids, on, **more)


def sweep(*faults: Fault, hosts: Iterable[Host] = HOSTS, day: int = 0, **changes: Any) -> list[Read]:
    """One run on each host, on the day that names the sweep."""
    return [
        Read(
            sweep=f"day-{day}",
            place=f"reports/{day}/{host.id}",
            record=replace(
                record(host, [one for one in faults if one.on(host)], taken_at=TODAY - timedelta(days=20 - day)),
                **changes,
            ),
        )
        for host in hosts
    ]


def of_image(image: str) -> Fault:
    return fault("TLS008", on=lambda host: host.image == image)


def codes(document: FleetDocument) -> list[str]:
    return [cause.code for cause in document.causes]


def own(document: FleetDocument) -> dict[str, int]:
    return {one.code: one.host_count for one in document.own_faults}


# --- Blind hosts -----------------------------------------------------------------------------------------------------


def test_hosts_that_saw_the_symptom_join_the_cause(engine: Database) -> None:
    document = asked(engine, sweep(endpoint_group(VPC)))
    (cause,) = document.causes
    assert (cause.code, cause.named_by) == ("VPC005", NamedBy.CONFIGURATION)
    assert (cause.host_count, cause.joined_count) == (len(OF_VPC), len(BLIND))
    assert cause.exposed_count == len(OF_VPC)
    assert cause.since is None


def test_a_blind_host_with_another_symptom_joins_nothing(engine: Database) -> None:
    other = fault("TCP003", f"vpc={VPC}", "address=10.9.9.9", "port=1027", on=lambda host: host is BLIND[0])
    reads = sweep(endpoint_group(VPC), hosts=READS_EC2) + sweep(other, hosts=BLIND)
    document = asked(engine, reads)
    assert codes(document) == ["VPC005"]
    assert document.causes[0].host_count == len(READS_EC2)
    assert own(document) == {"TCP003": 1}


def test_the_majority_says_what_explains_a_symptom(engine: Database) -> None:
    """A single host found a different cause of the same symptom. The majority decides."""
    odd = READS_EC2[0]
    usual = endpoint_group(VPC)
    assert usual.symptom is not None
    other = replace(
        endpoint_group(VPC), code="VPC006", ids=lambda _: ("acl=acl-0a1b2c3d",), on=lambda host: host is odd
    )
    document = asked(engine, sweep(replace(usual, on=lambda host: host.vpc == VPC and host is not odd), other))
    counts = {cause.code: (cause.host_count, cause.joined_count) for cause in document.causes}
    assert counts == {"VPC005": (len(OF_VPC) - 1, len(BLIND))}
    assert own(document) == {"VPC006": 1}


def test_a_symptom_that_most_hosts_find_no_cause_of_explains_nothing(engine: Database) -> None:
    odd = READS_EC2[0]
    usual = endpoint_group(VPC)
    assert usual.symptom is not None
    bare = Fault("TCP003", usual.symptom[1], lambda host: host.vpc == VPC and host is not odd)
    document = asked(engine, sweep(bare, replace(usual, on=lambda host: host is odd)))
    counts = {cause.code: (cause.host_count, cause.joined_count) for cause in document.causes}
    assert counts == {"TCP003": (len(OF_VPC) - 1, 0)}
    assert own(document) == {"VPC005": 1}


def test_what_is_wrong_on_one_host_is_no_cause_of_another(engine: Database) -> None:
    """Hosts that read EC2 explain a symptom by a line in their hosts file. Blind hosts have only the symptom."""
    hosts_file = Fault(
        "ENV009",
        lambda _: (),
        lambda host: host in READS_EC2[:6] + BLIND[:6],
        symptom=("DNS002", lambda _: (f"vpc={VPC}",)),
    )
    document = asked(engine, sweep(hosts_file))
    assert not any(cause.joined_count for cause in document.causes)
    counts = {key: len(members(engine, key)) for key in ("ENV009", f"DNS002|vpc={VPC}")}
    assert sum(own(document).values()) + sum(cause.host_count for cause in document.causes) == 12
    assert len(READS_EC2[:6]) == 6
    assert counts[f"DNS002|vpc={VPC}"] <= 6


def test_what_a_host_found_holds_while_it_is_silent(engine: Database) -> None:
    """A cause stays the same if the hosts that read EC2 become silent, or if a host begins to read EC2."""
    heard = BLIND + [host for host in HOSTS if host.vpc != VPC]
    reads = sweep(endpoint_group(VPC), day=1)
    document = asked(engine, reads + sweep(endpoint_group(VPC), hosts=heard, day=2))
    (cause,) = document.causes
    assert (cause.code, cause.host_count, cause.since_sweep) == ("VPC005", len(BLIND), "day-1")
    assert document.changes == ()
    begins = asked_again(engine, sweep(endpoint_group(VPC), hosts=heard, day=0) + reads)
    (cause,) = begins.causes
    assert (cause.code, cause.since_sweep) == ("VPC005", "day-0")
    assert cause.ticket == cause_key_of(BLIND[0])
    assert {change.turn for change in begins.changes} <= {Turn.GROWN}  # no other host was ever heard from


def cause_key_of(host: Host) -> str:
    """The symptom that a host reports if it does not read EC2 and the endpoint's group is wrong."""
    (cause,) = record(host, [endpoint_group(VPC)]).causes
    _, code, _, *ids = cause.split("|")
    return "|".join((code, *ids))


def test_what_a_host_found_does_not_outlive_the_symptom(engine: Database) -> None:
    others = [host for host in HOSTS if host.vpc != VPC]
    well = sweep(day=2)
    document = asked(
        engine,
        sweep(endpoint_group(VPC), day=1) + well + sweep(endpoint_group(VPC), hosts=BLIND + others, day=3),
    )
    assert codes(document) == ["TCP003"]


def test_blind_hosts_take_the_cause_of_their_subnet_then_of_their_zone(engine: Database) -> None:
    """A VPC has two faults with the same symptom: one in a zone, and one elsewhere. In one subnet of the zone, no host
    reads EC2.
    """
    zone = OF_VPC[0].zone
    subnet = next(host.subnet for host in OF_VPC if host.zone == zone)
    usual = endpoint_group(VPC)
    route = replace(
        usual,
        code="VPC007",
        ids=lambda _: ("route-table=rtb-0a1b2c3d",),
        on=lambda host: host.zone == zone and host.vpc == VPC,
    )
    hosts = [replace(host, reads_ec2=host.reads_ec2 and host.subnet != subnet) for host in OF_VPC]
    document = asked(engine, sweep(replace(usual, on=lambda host: host.zone != zone), route, hosts=hosts))
    counts = {cause.code: cause.host_count for cause in document.causes}
    in_zone = sum(host.zone == zone for host in hosts)
    assert counts == {"VPC007": in_zone, "VPC005": len(hosts) - in_zone}


def met(*last: int) -> Callable[[Host], tuple[str, ...]]:
    """A function that returns, for a host, the ids of a symptom at these addresses of the endpoint."""
    return lambda host: (f"vpc={host.vpc}", *(f"address=10.9.9.{one}" for one in last))


def test_hosts_that_met_some_of_the_addresses_join_the_cause(engine: Database) -> None:
    """Hosts that read EC2 saw both addresses fail, and report the group. The other hosts saw only one address fail."""
    shut = Fault(
        "VPC005", lambda _: ("group=sg-0a1b2c3d",), lambda host: host.vpc == VPC, symptom=("TCP001", met(1, 2))
    )
    some = replace(shut, symptom=("TCP001", met(2)))
    others = replace(shut, symptom=("TCP001", met(3)))
    reads = [
        *sweep(shut, hosts=READS_EC2),
        *sweep(some, hosts=BLIND[2:]),
        *sweep(others, hosts=BLIND[:2]),
    ]
    document = asked(engine, reads)
    (cause,) = document.causes
    assert (cause.code, cause.host_count) == ("VPC005", len(OF_VPC) - 2)
    assert own(document) == {"TCP001": 2}


def test_some_of_the_addresses_are_the_same_cause(engine: Database) -> None:
    """A single host that saw more addresses fail does not have a separate cause."""
    part = frozenset(host.id for host in OF_VPC[::3])
    lone = OF_VPC[1].id
    reads = sweep(
        Fault("TCP001", met(1, 2), lambda host: host.vpc == VPC and host.id not in part and host.id != lone),
        Fault("TCP001", met(1), lambda host: host.id in part),
        Fault("TCP001", met(1, 2, 3), lambda host: host.id == lone),
    )
    document = asked(engine, reads)
    assert [(cause.key, cause.host_count) for cause in document.causes] == [
        (f"TCP001|vpc={VPC}|address=10.9.9.1|address=10.9.9.2", len(OF_VPC) - 1)
    ]
    assert own(document) == {"TCP001": 1}


@pytest.mark.parametrize(("count", "causes"), [(2, 2), (3, 1)])
def test_the_endpoint_of_three_vpcs_is_one(engine: Database, count: int, causes: int) -> None:
    """No host reads EC2. A firewall in front of a central endpoint cuts off several VPCs. With only two VPCs, the same
    addresses may still be in separate networks.
    """
    vpcs = sorted({host.vpc for host in HOSTS})[:count]
    hosts = [host for host in HOSTS if host.vpc in vpcs]
    document = asked(engine, sweep(Fault("TCP001", met(1, 2), lambda _: True), hosts=hosts))
    assert len(document.causes) == causes
    assert sum(cause.host_count for cause in document.causes) == len(hosts)
    assert len(document.groups) == causes - 1
    if causes == 1:
        assert document.causes[0].key == "TCP001|address=10.9.9.1|address=10.9.9.2"
        assert {place.vpc for place in document.causes[0].places} == set(vpcs)


# --- Two causes on one host ------------------------------------------------------------------------------------------


def overlapping(*faults: Fault, hosts: Iterable[Host] = HOSTS, day: int = 0) -> list[Read]:
    """Records in which each symptom names only its first cause, as in the record of a real host."""
    return [
        replace(read, record=replace(read.record, symptoms=read.record.symptoms[:1]))
        for read in sweep(*faults, hosts=hosts, day=day)
    ]


def stopped(code: str, subject: str, on: Callable[[Host], bool]) -> Fault:
    """A fault of the VPC's configuration, because of which hosts do not reach the endpoint's address."""
    at = lambda host: (f"vpc={host.vpc}", "address=10.9.9.1")  # noqa: E731 - as short as the others
    return Fault(code, lambda _: (subject,), lambda host: host.vpc == VPC and on(host), symptom=("TCP001", at))


GROUP: Final = max(OF_VPC[0].groups, key=lambda group: -sum(group in host.groups for host in HOSTS))
ROUTE: Final = stopped("VPC007", "route-table=rtb-0a1b2c3d4e5f67890", lambda host: host.zone == OF_VPC[0].zone)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_blind_host_has_all_causes_that_most_hosts_of_its_subnet_have(engine: Database, is_first: bool) -> None:
    shut = stopped("VPC005", "group=sg-0a1b2c3d4e5f67890", lambda _: True)
    document = asked(engine, overlapping(*((ROUTE, shut) if is_first else (shut, ROUTE))))
    assert {cause.key: members(engine, cause.key) for cause in document.causes} == {
        "VPC005|group=sg-0a1b2c3d4e5f67890": frozenset(host.id for host in OF_VPC),
        "VPC007|route-table=rtb-0a1b2c3d4e5f67890": frozenset(host.id for host in HOSTS if ROUTE.on(host)),
    }
    route = next(cause for cause in document.causes if cause.code == "VPC007")
    assert (route.host_count, route.also_count) == (0, sum(map(ROUTE.on, HOSTS)))


@pytest.mark.parametrize("is_first", [True, False])
def test_the_rules_of_a_group_are_a_cause_on_all_hosts_with_it(engine: Database, is_first: bool) -> None:
    own_group = stopped("VPC012", f"group={GROUP}", lambda host: GROUP in host.groups)
    reads = overlapping(*((ROUTE, own_group) if is_first else (own_group, ROUTE)))
    document = asked(engine, reads)
    both = sum(ROUTE.on(host) and own_group.on(host) for host in HOSTS)
    assert both
    assert {cause.key: members(engine, cause.key) for cause in document.causes} == {
        f"VPC012|group={GROUP}": frozenset(host.id for host in HOSTS if own_group.on(host)),
        "VPC007|route-table=rtb-0a1b2c3d4e5f67890": frozenset(host.id for host in HOSTS if ROUTE.on(host)),
    }
    assert sum(cause.also_count for cause in document.causes) == both


def test_the_rules_of_a_group_that_were_repaired_are_no_cause_any_more(engine: Database) -> None:
    own_group = stopped("VPC012", f"group={GROUP}", lambda host: GROUP in host.groups)
    document = asked(engine, overlapping(own_group, ROUTE, day=1) + overlapping(ROUTE, day=2))
    assert [cause.code for cause in document.causes] == ["VPC007"]
    assert [(change.turn, change.key) for change in document.changes] == [(Turn.HEALED, f"VPC012|group={GROUP}")]


def test_a_route_table_is_no_cause_in_another_subnet_that_is_well(engine: Database) -> None:
    odd = next(host for host in BLIND if not ROUTE.on(host))
    alone = replace(ROUTE, on=lambda host: host is odd)
    there = [host for host in HOSTS if host.subnet == odd.subnet]
    hosts = [replace(host, reads_ec2=False) if host in there and host is not odd else host for host in HOSTS]
    document = asked(engine, overlapping(ROUTE, alone, hosts=hosts))
    assert members(engine, document.causes[0].key) == frozenset(host.id for host in HOSTS if ROUTE.on(host))
    assert own(document) == {"TCP001": 1}


def test_what_a_first_cause_explains_a_second_one_has_as_well(engine: Database) -> None:
    """Two causes have the same code, one of a subnet and one of a group. Some hosts have both."""
    every = hosts_of(7, 900)
    subnet, group = every[0].subnet, min(every[0].groups, key=lambda group: sum(group in one.groups for one in every))
    faults = of_subnet(subnet, "TCP005"), of_group(group)
    document = asked(engine, [*sweep(*faults, hosts=every, day=1), *sweep(*faults, hosts=every, day=2)])
    hosts = {f"TCP005|subnet={subnet}": faults[0], f"TCP005|group={group}": faults[1]}
    assert {cause.key: members(engine, cause.key) for cause in document.causes} == {
        key: frozenset(host.id for host in every if one.on(host)) for key, one in hosts.items()
    }
    both = sum(all(one.on(host) for one in faults) for host in every)
    assert both
    first, second = document.causes
    assert (first.also_count, second.also_count) == (0, both)
    assert second.exposed_count >= second.host_count + second.also_count
    assert all(cause.since_sweep == "day-1" for cause in document.causes)
    assert document.changes == ()


def test_what_a_part_of_the_hosts_with_a_value_has_is_not_told_of_the_others(engine: Database) -> None:
    image = HOSTS[0].image
    part = frozenset(host.id for number, host in enumerate(HOSTS) if host.image == image and number % 3)
    every = fault("TCP005", on=lambda host: host.vpc == VPC)
    some = fault("TCP005", on=lambda host: host.id in part and host.vpc != VPC)
    document = asked(engine, sweep(every, some))
    assert [members(engine, cause.key) for cause in document.causes] == [
        frozenset(host.id for host in HOSTS if one.on(host)) for one in (every, some)
    ]
    assert document.causes[1].key == f"TCP005|image={image}"


def test_in_a_vpc_that_accounts_share_a_cause_and_its_symptom_are_a_group(engine: Database) -> None:
    """The hosts of one account read EC2. The hosts of the other account do not, so they report only the symptom."""
    guests = [replace(host, id=f"{host.id[:-1]}-2", account="999988887777", reads_ec2=False) for host in OF_VPC]
    shut = stopped("VPC005", "group=sg-0a1b2c3d4e5f67890", lambda _: True)
    document = asked(engine, overlapping(shut, hosts=[*HOSTS, *guests]))
    (group,) = document.groups
    assert (sorted(group.codes), group.kind, group.value) == (["TCP001", "VPC005"], "vpc", VPC)
    assert group.host_count == len(OF_VPC) + len(guests)


# --- How a cause is named --------------------------------------------------------------------------------------------


def test_half_of_those_that_could_have_it(engine: Database) -> None:
    some = OF_VPC[: (len(OF_VPC) + 1) // 2]
    document = asked(engine, sweep(replace(endpoint_interface(VPC), on=lambda host: host in some)))
    (cause,) = document.causes
    assert (cause.named_by, cause.host_count, cause.exposed_count) == (NamedBy.EVIDENCE, len(some), len(OF_VPC))


def test_fewer_than_half_are_not_named_by_evidence(engine: Database) -> None:
    """A third of the hosts of a VPC have the fault, and no other host has it. They only have the VPC in common, so the
    VPC is given as the place.
    """
    some = OF_VPC[::3]
    document = asked(engine, sweep(replace(endpoint_interface(VPC), on=lambda host: host in some)))
    (cause,) = document.causes
    assert (cause.named_by, cause.host_count) == (NamedBy.SHARED, len(some))


def test_two_hosts_of_a_small_fleet_are_all_there_are(engine: Database) -> None:
    document = asked(engine, sweep(replace(endpoint_interface(VPC), on=lambda _: True), hosts=OF_VPC[:2]))
    assert codes(document) == ["TCP002"]


def test_one_host_alone_has_a_fault_of_its_own(engine: Database) -> None:
    document = asked(engine, sweep(replace(endpoint_interface(VPC), on=lambda _: True), hosts=OF_VPC[:1]))
    assert codes(document) == []
    assert own(document) == {"TCP002": 1}
    assert document.own_faults[0].note is None
    assert document.verdict.status is Status.CRITICAL


def test_two_hosts_are_enough_where_the_configuration_names_it(engine: Database) -> None:
    document = asked(engine, sweep(endpoint_group(VPC), hosts=READS_EC2[:2]))
    assert codes(document) == ["VPC005"]
    alone = asked_again(engine, sweep(endpoint_group(VPC), hosts=READS_EC2[:1]))
    assert (codes(alone), own(alone)) == ([], {"VPC005": 1})
    rows = list(table.rows(engine, document))
    assert {row["severity"] for row in rows if row["code"] == "VPC005"} == {"critical"}


def test_a_rule_that_vpcs_share_is_one_cause(engine: Database) -> None:
    """In a host's record, the key of the rule also has the host's VPC."""
    rule = Fault("VPC015", lambda host: ("rule=rslvr-rr-0a1b2c3d", f"vpc={host.vpc}"), lambda _: True)
    (cause,) = asked(engine, sweep(rule)).causes
    assert (cause.key, cause.host_count) == ("VPC015|rule=rslvr-rr-0a1b2c3d", len(HOSTS))
    assert {place.vpc for place in cause.places} == {host.vpc for host in HOSTS}


@pytest.mark.parametrize(
    ("code", "subject"), [("VPC011", "dhcp-options=dopt-0a1b2c3d"), ("VPC016", "hosted-zone=Z0A1B2C3D4E5F6G7H8I9")]
)
def test_what_vpcs_have_together_is_one_cause(engine: Database, code: str, subject: str) -> None:
    shared = Fault(code, lambda host: (subject, f"vpc={host.vpc}"), lambda _: True)
    assert [cause.key for cause in asked(engine, sweep(shared)).causes] == [f"{code}|{subject}"]


def test_a_policy_of_an_organization_is_one_cause_for_all_roles(engine: Database) -> None:
    account = HOSTS[0].account
    stopped = Fault(
        "IAM004", lambda host: (f"account={account}", f"role={host.role}"), lambda host: host.account == account
    )
    assert [cause.key for cause in asked(engine, sweep(stopped)).causes] == [f"IAM004|account={account}"]


def test_a_service_that_faults_does_so_in_a_region(engine: Database) -> None:
    faults = Fault("HTTP005", lambda host: (f"account={host.account}",), lambda _: True)
    far = [replace(host, id=f"{host.id[:-1]}-2") for host in HOSTS]
    document = asked(engine, sweep(faults) + sweep(hosts=far, region="us-east-1"))
    assert [(cause.key, cause.host_count) for cause in document.causes] == [("HTTP005|region=eu-west-1", len(HOSTS))]


@pytest.mark.parametrize(
    ("server", "causes"), [("10.0.0.53", 2), ("192.0.2.53", 2), ("8.8.8.8", 1), ("fd00::53", 2), ("2001:4860::8", 1)]
)
def test_one_private_address_in_two_accounts_is_two_servers(engine: Database, server: str, causes: int) -> None:
    accounts = sorted({host.account for host in HOSTS})[:2]
    there = [replace(host, resolver=server) for host in HOSTS if host.account in accounts]
    document = asked(engine, sweep(of_resolver(server), hosts=there))
    assert len(document.causes) == causes
    assert sum(cause.host_count for cause in document.causes) == len(there)
    assert [(group.value, len(group.keys), group.host_count) for group in document.groups] == (
        [(server, 2, len(there))] if causes == 2 else []
    )


def test_an_address_that_fails_in_three_accounts_is_one_server(engine: Database) -> None:
    """All networks reach this name server, for example behind a transit gateway."""
    there = [replace(host, resolver="10.200.0.53") for host in HOSTS]
    assert len({host.account for host in there}) == 3
    (cause,) = asked(engine, sweep(of_resolver("10.200.0.53"), hosts=there)).causes
    assert (cause.key, cause.host_count) == ("DNS002|resolver=10.200.0.53", len(HOSTS))
    assert set(cause.accounts) == {host.account for host in HOSTS}


def test_subnets_of_a_region_are_not_the_region(engine: Database) -> None:
    """In each zone, an account has two subnets, and the hosts of one of them have the fault."""
    hosts = hosts_of(11, 900)
    of = {(host.vpc, host.zone): host.subnet for host in hosts if host.account == hosts[0].account}
    subnets = sorted(of.values())
    broken = [of_subnet(subnet, "TCP005") for subnet in subnets]
    document = asked(engine, sweep(*broken, hosts=hosts))
    assert sorted(cause.key for cause in document.causes) == [f"TCP005|subnet={subnet}" for subnet in subnets]


def test_a_value_of_which_a_part_is_sick_stays_whole(engine: Database) -> None:
    """Two thirds of the hosts with an image are unhealthy, wherever they are. The image is the common property, and not
    a subnet.
    """
    image = HOSTS[0].image
    sick = frozenset(host.id for number, host in enumerate(HOSTS) if host.image == image and number % 3)
    (cause,) = asked(engine, sweep(fault("TLS008", on=lambda host: host.id in sick))).causes
    assert (cause.key, cause.host_count) == (f"TLS008|image={image}", len(sick))


def test_causes_that_began_together_are_a_group(engine: Database) -> None:
    """Causes with the same code are one group if they are in the same Region, or if they began in the same sweep."""
    hosts = [replace(host, image=f"ami-{number % 12:08x}") for number, host in enumerate(HOSTS)]
    first, *later = (of_image(f"ami-{number:08x}") for number in range(3))
    document = asked(engine, sweep(first, hosts=hosts, day=1) + sweep(first, *later, hosts=hosts, day=2))
    (group,) = document.groups
    assert (group.codes, group.kind, group.value, len(group.keys)) == (("TLS008",), "region", "eu-west-1", 3)
    (group,) = asked_again(engine, sweep(hosts=hosts, day=1) + sweep(*later, hosts=hosts, day=2)).groups
    assert (group.codes, group.kind, group.value) == (("TLS008",), "sweep", "day-2")
    assert group.host_count == sum(host.image in ("ami-00000001", "ami-00000002") for host in hosts)


def test_codes_at_one_address_are_a_group(engine: Database) -> None:
    """A firewall drops some packets, so the hosts behind it fail at different steps."""

    def of(code: str, part: int, *last: int) -> Fault:
        on = frozenset(host.id for host in OF_VPC[part::3])
        return Fault(code, met(1, *last), lambda host: host.id in on)

    said = (of("TCP001", 0), of("TCP002", 1, 2), of("TLS004", 2, 3))
    document = asked(engine, sweep(*said))
    (group,) = document.groups
    assert (sorted(group.codes), group.kind, group.value) == (["TCP001", "TCP002", "TLS004"], "address", "10.9.9.1")
    assert group.host_count == len(OF_VPC)


def test_causes_of_one_code_in_a_region_are_a_group(engine: Database) -> None:
    vpcs = sorted({host.vpc for host in HOSTS})
    document = asked(engine, sweep(*map(private_dns_off, vpcs)))
    (group,) = document.groups
    assert (group.codes, group.kind, group.value) == (("VPC002",), "region", "eu-west-1")
    assert (len(group.keys), group.host_count) == (len(vpcs), len(HOSTS))
    assert asked_again(engine, sweep(private_dns_off(VPC))).groups == ()


def test_words_that_fit_as_well_are_told(engine: Database) -> None:
    """Each application has its own group, subnet and image."""
    image = "ami-0a1b2c3d4e5f67890"
    hosts = [
        replace(host, image=image, subnet="subnet-0a1b2c3d", groups=("sg-0a1b2c3d",)) if host in OF_VPC[:12] else host
        for host in HOSTS
    ]
    (cause,) = asked(engine, sweep(fault("TCP005", on=lambda host: host.image == image), hosts=hosts)).causes
    assert cause.shared is not None
    told = {(one.attribute.value, one.value) for one in (*cause.shared.values, *cause.shared.as_well)}
    assert told == {("group", "sg-0a1b2c3d"), ("subnet", "subnet-0a1b2c3d"), ("image", image)}
    (other,) = asked_again(engine, sweep(of_group(OF_VPC[0].groups[0]), hosts=HOSTS)).causes
    assert other.shared is None or other.shared.as_well == ()


def test_since_an_image_arrived(engine: Database) -> None:
    new = "ami-0a1b2c3d4e5f67890"
    some = frozenset(host.id for host in HOSTS[::9])
    later = [replace(host, image=new) if host.id in some else host for host in HOSTS]
    broken = fault("TCP005", on=lambda host: host.image == new)
    reads = sweep(broken, hosts=later, day=2) + sweep(broken, hosts=later, day=3)
    (cause,) = asked(engine, sweep(day=1) + reads).causes
    assert cause.since_sweep == "day-2"
    assert cause.arrived == (SharedValue(attribute=Attribute.IMAGE, value=new),)
    assert asked_again(engine, reads).causes[0].arrived == ()  # the earlier state is unknown
    there = sweep(hosts=later, day=1)
    assert asked_again(engine, there + reads).causes[0].arrived == ()


def test_no_heading_counts_no_host(engine: Database) -> None:
    """Both endpoints have the group without the rules, so the same hosts have both causes."""
    both = (endpoint_group(VPC), replace(endpoint_group(VPC, 443), symptom=None, target="backup"))
    document = asked(engine, sweep(*both, hosts=[replace(host, reads_ec2=True) for host in HOSTS]))
    assert sorted((cause.host_count, cause.also_count) for cause in document.causes) == [
        (0, len(OF_VPC)),
        (len(OF_VPC), 0),
    ]
    shown = render(tree(document), "text")
    assert "on 0 of" not in shown
    assert shown.count(f"on {len(OF_VPC)} of {len(OF_VPC)} hosts") == 2


def test_a_contradiction_of_the_configuration_names_nothing(engine: Database) -> None:
    document = asked(
        engine, sweep(fault("VPC014", f"vpc={VPC}", on=lambda host: host is OF_VPC[0], severity="warning"))
    )
    assert codes(document) == []
    assert own(document) == {"VPC014": 1}


def test_hosts_that_name_the_same_issuer_are_one_cause_wherever_they_are(engine: Database) -> None:
    some = HOSTS[::50]
    document = asked(engine, sweep(replace(interception(), on=lambda host: host in some)))
    (cause,) = document.causes
    there = sum(host.vpc in {one.vpc for one in some} for host in HOSTS)
    assert (cause.named_by, cause.host_count, cause.exposed_count) == (NamedBy.EVIDENCE, len(some), there)
    few = replace(interception(), on=lambda host: host in some[:4])
    with type(engine)() as another:
        assert codes(asked(another, sweep(few))) == []


def test_fewer_hosts_than_enough_are_not_a_cause(engine: Database) -> None:
    group = min(OF_VPC[0].groups, key=lambda group: sum(group in host.groups for host in HOSTS))
    of = [host for host in HOSTS if group in host.groups]
    few = replace(of_group(group), on=lambda host: host in of[:4])
    document = asked(engine, sweep(few))
    assert codes(document) == []
    with type(engine)() as another:
        assert codes(asked(another, sweep(replace(few, on=lambda host: host in of)), least=len(of) + 1)) == []


def test_the_key_holds_what_they_share(engine: Database) -> None:
    group = min(OF_VPC[0].groups, key=lambda group: sum(group in host.groups for host in HOSTS))
    (cause,) = asked(engine, sweep(of_group(group))).causes
    assert cause.key == f"TCP005|group={group}"
    assert [(subject.kind.value, subject.id) for subject in cause.subjects] == [("group", group)]


def test_what_the_ids_name_is_in_the_key_once(engine: Database) -> None:
    (cause,) = asked(engine, sweep(of_resolver("10.17.9.53"))).causes
    (account,) = cause.accounts
    assert cause.key == f"DNS002|resolver=10.17.9.53|account={account}"
    assert cause.shared is not None
    assert [value.attribute for value in cause.shared.values] == [Attribute.RESOLVER]


def test_each_host_counts_once_at_its_worst(engine: Database) -> None:
    warning = Fault("TLS002", lambda _: ("issuer=CN=Inspection",), lambda _: True, severity="warning")
    document = asked(engine, sweep(endpoint_group(VPC), warning))
    counts = [(cause.code, cause.host_count, cause.also_count) for cause in document.causes]
    assert counts == [("VPC005", len(OF_VPC), 0), ("TLS002", len(HOSTS) - len(OF_VPC), len(OF_VPC))]


def test_a_critical_fault_of_its_own_comes_before_a_shared_warning(engine: Database) -> None:
    warning = Fault("TLS002", lambda _: ("issuer=CN=Inspection",), lambda _: True, severity="warning")
    document = asked(engine, sweep(warning, fault("TLS008", on=lambda host: host is HOSTS[3])))
    assert own(document) == {"TLS008": 1}
    assert document.causes[0].host_count == len(HOSTS) - 1
    assert document.causes[0].also_count == 1


def test_services_are_beside_the_key(engine: Database) -> None:
    both = (endpoint_group(VPC), replace(endpoint_group(VPC), target="backup-gateway"))
    (cause,) = asked(engine, sweep(*both, services=("backup", "backup-gateway"))).causes
    assert cause.services == ("backup", "backup-gateway")
    assert "backup" not in cause.key


def test_hosts_without_the_service_could_not_have_it(engine: Database) -> None:
    reads = sweep(endpoint_interface(VPC), hosts=OF_VPC[:20]) + sweep(hosts=OF_VPC[20:], services=("s3",))
    assert asked(engine, reads).causes[0].exposed_count == 20


def test_a_breakdown_by_an_attribute(engine: Database) -> None:
    (cause,) = asked(engine, sweep(endpoint_group(VPC)), by=Attribute.ZONE).causes
    zones = {zone: sum(host.zone == zone for host in OF_VPC) for zone in {host.zone for host in OF_VPC}}
    assert {one.value: (one.sick, one.exposed) for one in cause.breakdown} == {z: (n, n) for z, n in zones.items()}
    assert [one.sick for one in cause.breakdown] == sorted(zones.values(), reverse=True)


def test_where_leaves_other_hosts_out(engine: Database) -> None:
    zone = OF_VPC[0].zone
    where = (SharedValue(attribute=Attribute.VPC, value=VPC), SharedValue(attribute=Attribute.ZONE, value=zone))
    document = asked(engine, sweep(endpoint_group(VPC)), where=where)
    there = [host for host in OF_VPC if host.zone == zone]
    assert document.totals.hosts == document.causes[0].host_count == len(there)
    assert {row["host"] for row in table.rows(engine, document)} == {host.id for host in there}


def test_where_nobody_is_says_what_was_asked(engine: Database) -> None:
    where = (SharedValue(attribute=Attribute.REGION, value="us-east-1"),)
    document = asked(engine, sweep(), where=where)
    assert document.verdict.status is Status.UNKNOWN
    assert document.verdict.summary.startswith("no record of a host with region=us-east-1; ")


def test_where_a_host_has_one_of_several_values(engine: Database) -> None:
    groups = [group for host in OF_VPC[:2] for group in host.groups]
    where = tuple(SharedValue(attribute=Attribute.GROUP, value=group) for group in groups)
    document = asked(engine, sweep(), where=where)
    there = {host.id for host in HOSTS if not set(groups).isdisjoint(host.groups)}
    assert document.totals.hosts == len(there)
    assert {row["host"] for row in table.rows(engine, document)} == there


# --- Own faults ------------------------------------------------------------------------------------------------------


def test_a_lone_host_among_well_neighbours_is_told_so(engine: Database) -> None:
    document = asked(engine, sweep(replace(zone_of_vpc(VPC, ""), on=lambda host: host is OF_VPC[0])))
    (fault_,) = document.own_faults
    beside = sum(host.subnet == OF_VPC[0].subnet for host in HOSTS) - 1
    assert fault_.note is not None
    assert fault_.note.startswith(
        f"The fault lies on this host: {beside} other hosts of the same subnet do not have it."
    )


def test_what_a_host_measured_on_itself_needs_no_such_note(engine: Database) -> None:
    (fault_,) = asked(engine, sweep(fault("ENV010", on=lambda host: host is OF_VPC[0], severity="warning"))).own_faults
    assert fault_.note is None


def test_codes_of_a_later_version_are_kept(engine: Database) -> None:
    document = asked(engine, sweep(fault("TCP099", "vpc=x", on=lambda host: host is HOSTS[0])))
    assert [(one.code, one.name) for one in document.own_faults] == [("TCP099", "TCP099")]


# --- Redacted records, suppressed causes -----------------------------------------------------------------------------


def test_what_a_host_redacted_is_counted_and_joins_nothing(engine: Database) -> None:
    masked = [
        replace(read, record=replace(read.record, redacted=True, host="i-1", vpc="vpc-1", run=f"run-{number}"))
        for number, read in enumerate(sweep(fault("TCP002", "vpc=vpc-1", "address=address-1"), hosts=OF_VPC[:20]))
    ]
    document = asked(engine, masked)
    assert codes(document) == []
    assert document.totals.redacted == document.totals.critical == 20
    assert own(document) == {"TCP002": 20}
    assert any("redacted" in note for note in document.notes)


def test_a_cause_that_names_nothing_is_not_that_of_a_redacted_host_either(engine: Database) -> None:
    clock = fault("ENV010", severity="warning")
    masked = [
        replace(read, record=replace(read.record, redacted=True, host="i-1", run=f"run-{number}"))
        for number, read in enumerate(sweep(clock, hosts=HOSTS[:7]))
    ]
    document = asked(engine, masked + sweep(clock, hosts=HOSTS[7:]))
    (cause,) = document.causes
    assert (cause.host_count, cause.exposed_count) == (len(HOSTS) - 7, len(HOSTS) - 7)
    assert own(document) == {"ENV010": 7}


def test_suppressed_hosts_are_well(engine: Database) -> None:
    document = asked(
        engine,
        sweep(endpoint_group(VPC), fault("TLS008", on=lambda host: host is OF_VPC[0])),
        suppress=(Suppression(code="VPC005", target=None),),
    )
    assert codes(document) == []
    assert [(one.what, one.host_count, one.expired) for one in document.suppressed] == [("VPC005", len(OF_VPC), False)]
    assert (document.totals.critical, document.totals.ok) == (1, len(HOSTS) - 1)


@pytest.mark.parametrize(
    ("suppression", "left"),
    [
        (Suppression(code="VPC005", target="backup"), False),
        (Suppression(code="VPC005", target="s3"), True),
        (Suppression(code="VPC005", target=None, until=TODAY.date()), False),
        (Suppression(code="VPC005", target=None, until=TODAY.date() - timedelta(days=1)), True),
        (Suppression(code="VPC005", target=None, subject=f"group:sg-{VPC[4:]}"), False),
        (Suppression(code="VPC005", target=None, subject="group:sg-0"), True),
        (Suppression(code="TCP005", target=None), True),
    ],
)
def test_what_is_suppressed(engine: Database, suppression: Suppression, left: bool) -> None:
    document = asked(engine, sweep(endpoint_group(VPC)), suppress=(suppression,))
    assert (codes(document) == ["VPC005"]) is left
    assert (document.verdict.status is Status.CRITICAL) is left


def test_who_suppressed_it_and_why_is_said_and_so_is_that_it_is_over(engine: Database) -> None:
    day = TODAY.date()
    given = {"target": None, "owner": "net-team", "reason": "a new firewall"}
    document = asked(
        engine,
        sweep(endpoint_group(VPC)),
        suppress=(
            Suppression(code="VPC005", until=day, **given),
            Suppression(code="TCP001", until=day - timedelta(days=1), **given),
        ),
    )
    shown = " ".join(render(tree(document), "text").split())
    assert f"VPC005 on {len(OF_VPC)} hosts until {day} (net-team): a new firewall" in shown
    assert f"TCP001: the suppression ended on {day - timedelta(days=1)} (net-team): a new firewall" in shown
    assert [(one.expired, one.host_count) for one in document.suppressed] == [(False, len(OF_VPC)), (True, 0)]


@pytest.mark.parametrize(
    ("until", "later", "turns"),
    [(0, 1, [Turn.NEW]), (1, 1, []), (-1, 1, []), (0, 2, [])],  # the day before `today` is the day of the last sweep
)
def test_a_fault_whose_suppression_ended_is_new(engine: Database, until: int, later: int, turns: list[Turn]) -> None:
    """The sweeps of three days are joined the day after each. The suppression ends on a day after the second sweep."""
    second = (TODAY - timedelta(days=19)).date()
    known = Suppression(code="VPC005", target=None, until=second + timedelta(days=1 + until))
    reads = days([], OF_VPC, OF_VPC, OF_VPC)[: (later + 2) * len(HOSTS)]
    document = asked(engine, reads, suppress=(known,), today=second + timedelta(days=1 + later))
    assert [change.turn for change in document.changes] == turns
    assert {cause.since_sweep for cause in document.causes} <= {"day-1"}


def _with_cut(*cut: str) -> list[Read]:
    """A sweep in which all hosts of a VPC have one cause, and their records have these fields cut."""
    return [
        replace(read, record=replace(read.record, cut=cut if read.record.causes else ()))
        for read in sweep(endpoint_group(VPC))
    ]


def test_what_a_record_leaves_out_is_not_suppressed(engine: Database) -> None:
    """These records list one cause, which is suppressed. A cause that they left out may be just as severe."""
    suppress = (Suppression(code="VPC005", target=None),)
    document = asked(engine, _with_cut("causes", "fix"), suppress=suppress)
    assert (document.totals.critical, document.totals.ok) == (len(OF_VPC), len(HOSTS) - len(OF_VPC))
    assert document.verdict.status is Status.CRITICAL
    (note,) = (note for note in document.notes if "verdict" in note)
    assert note.startswith(f"{len(OF_VPC)} hosts keep their verdict, although all causes of that severity in their")


@pytest.mark.parametrize("suppressed", ["VPC005", "TCP099"])
def test_a_record_that_lists_all_its_causes_is_well_without_them(engine: Database, suppressed: str) -> None:
    document = asked(engine, _with_cut("fix", "symptoms"), suppress=(Suppression(code=suppressed, target=None),))
    assert document.totals.critical == (0 if suppressed == "VPC005" else len(OF_VPC))
    assert not any("verdict" in note for note in document.notes)


# --- Fixes -----------------------------------------------------------------------------------------------------------


def test_the_fix_of_the_many_is_not_at_the_host(engine: Database) -> None:
    (cause,) = asked(engine, sweep(endpoint_interface(VPC))).causes
    assert cause.radius is Radius.ENDPOINT
    assert "not at the hosts" in cause.fix.summary
    assert (
        cause.note
        == f"{len(OF_VPC)} of {len(OF_VPC)} hosts that could have this fault have it. So their own firewalls "
        "are not the cause, whatever their reports say."
    )
    assert not any(command.argv[0] == "nft" for command in cause.fix.commands)


def test_the_same_fault_measured_by_each_stays_with_the_hosts(engine: Database) -> None:
    image = HOSTS[0].image
    (cause,) = asked(engine, sweep(fault("TLS008", on=lambda host: host.image == image))).causes
    count = sum(host.image == image for host in HOSTS)
    assert cause.note is not None
    assert cause.note.startswith(f"The same fault on {count} hosts, each of which measured it on itself")
    assert f"image {image}" in cause.note
    assert ["describe-images" in command.argv for command in cause.fix.commands][-1]


def test_the_group_that_lacks_a_rule_gets_it(engine: Database) -> None:
    (cause,) = asked(engine, sweep(endpoint_group(VPC, 443))).causes
    (command,) = cause.fix.commands
    assert command.argv[:3] == ("aws", "ec2", "authorize-security-group-ingress")
    assert f"sg-{VPC[4:]}" in command.argv
    assert "443" in command.argv
    common = frozenset.intersection(*(frozenset(host.groups) for host in OF_VPC))
    assert command.argv[-2:] == ("--source-group", min(common))


@pytest.mark.parametrize("code", one_in(4, sorted(code for code, one in CODES.items() if one.severity != "info")))
def test_every_fix_is_made_of_commands_that_the_cli_takes(code: str) -> None:
    """The keys of causes have ids of every kind, and arbitrary texts in place of ids."""
    kinds = ("group", "acl", "route-table", "endpoint", "vpc", "hosted-zone", "rule", "profile", "dhcp-options")
    good = (
        *(f"{kind}={_PREFIX[kind]}0a1b2c3d" for kind in kinds),
        "port=1027",
        "address=10.0.1.17",
        "resolver=10.0.0.9",
    )
    bad = tuple(f"{one.partition('=')[0]}=$(reboot); rm -rf ~ #" for one in good)
    for ids in (good, bad, ()):
        with Database() as engine:
            document = asked(engine, sweep(fault(code, *ids), hosts=OF_VPC[:20]))
            (cause,) = document.causes
            assert cause.fix.summary
            assert "reboot" not in cause.fix.summary
            assert cause.fix.commands
            for command in cause.fix.commands:
                assert "<VALUE>" not in command.argv
                assert not any("reboot" in word for word in command.argv)
                if command.argv[0] == "aws":
                    assert complaint(command.argv) is None
            assert decode(to_json(document)) == document


_PREFIX: Final = {
    "group": "sg-",
    "acl": "acl-",
    "route-table": "rtb-",
    "endpoint": "vpce-",
    "vpc": "vpc-",
    "hosted-zone": "Z",
    "rule": "rslvr-rr-",
    "profile": "rp-",
    "dhcp-options": "dopt-",
}


# --- Causes over time ------------------------------------------------------------------------------------------------


def days(*there: Iterable[Host], fault_: Fault | None = None, hosts: Sequence[Host] = HOSTS) -> list[Read]:
    """A sweep for each day. Each argument has the hosts with the fault on this day."""
    one = fault_ or endpoint_group(VPC)
    sets = [frozenset(host.id for host in day) for day in there]
    return [
        read
        for day, sick in enumerate(sets)
        for read in sweep(replace(one, on=lambda host, sick=sick: host.id in sick), hosts=hosts, day=day)  # type: ignore[misc]
    ]


def test_since_the_first_sweep_with_enough_hosts(engine: Database) -> None:
    """Two single hosts are too few to begin a cause."""
    (cause,) = asked(engine, days(OF_VPC[:2], OF_VPC[:2], OF_VPC, OF_VPC)).causes
    assert cause.since_sweep == "day-2"
    assert cause.since == TODAY - timedelta(days=18)
    assert not cause.flapping


def test_a_break_begins_it_anew(engine: Database) -> None:
    (cause,) = asked(engine, days(OF_VPC, [], OF_VPC, OF_VPC)).causes
    assert cause.since_sweep == "day-2"


def test_it_came_went_and_came(engine: Database) -> None:
    (cause,) = asked(engine, days([], OF_VPC, [], OF_VPC)).causes
    assert cause.flapping


def test_it_came_once_and_went_once(engine: Database) -> None:
    (cause,) = asked(engine, days(OF_VPC, OF_VPC, [], OF_VPC)).causes
    assert not cause.flapping


def test_a_sweep_of_few_hosts_breaks_nothing(engine: Database) -> None:
    reads = days(OF_VPC, OF_VPC, OF_VPC)
    others = [host for host in HOSTS if host.vpc != VPC]
    reads = [read for read in reads if read.sweep != "day-1" or read.record.host == others[0].id]
    (cause,) = asked(engine, reads).causes
    assert cause.since_sweep == "day-0"


def test_a_run_on_a_few_hosts_is_not_told_nor_compared_with(engine: Database) -> None:
    """An hour after a sweep, somebody ran the check by hand on hosts of another VPC."""
    others = [host for host in HOSTS if host.vpc != VPC]

    def by_hand(day: int) -> list[Read]:
        taken_at = f"2026-11-{day:02}T01:00:00.000Z"
        reads = sweep(hosts=others[:3])
        return [replace(read, sweep="by-hand", record=replace(read.record, taken_at=taken_at)) for read in reads]

    reads = days(OF_VPC, OF_VPC, OF_VPC)
    document = asked(engine, reads + by_hand(1))
    assert document.sweep is not None
    assert document.against is not None
    assert (document.sweep.id, document.against.id, document.changes) == ("day-2", "day-1", ())
    assert document.notes == ()
    document = asked_again(engine, reads + by_hand(2))
    assert document.sweep is not None
    assert (document.sweep.id, document.totals.hosts, document.totals.not_heard_from) == ("day-2", len(HOSTS), 0)
    assert any("--sweep by-hand" in note for note in document.notes)
    assert asked_again(engine, reads + by_hand(2), sweep="by-hand").totals.hosts == 3


def test_commands_that_run_on_different_hosts_are_one_sweep(engine: Database) -> None:
    """Each VPC has a command of its own every day. The fault is not in the VPC of the last command."""
    vpcs = sorted({host.vpc for host in HOSTS}, key=lambda vpc: vpc != VPC)
    reads = [
        replace(read, sweep=f"{read.sweep}-{vpcs.index(read.record.vpc or '')}") for read in days([], OF_VPC, OF_VPC)
    ]
    document = asked(engine, [read for read in reads if not (read.sweep or "").startswith("day-2")])
    assert document.sweep is not None
    assert document.against is not None
    assert (document.sweep.id, document.against.id) == ("day-1-0", "day-0-0")
    assert (document.totals.hosts, document.totals.not_heard_from) == (len(HOSTS), 0)
    assert [change.turn for change in document.changes] == [Turn.NEW]
    assert asked_again(engine, reads).changes == ()
    named = asked_again(engine, reads, sweep="day-1-3", against="day-0-4")
    assert named.causes[0].host_count == len(OF_VPC)


def test_a_sweep_in_its_time_is_told_however_few_hosts_are_heard_from(engine: Database) -> None:
    reads = days(OF_VPC, OF_VPC)
    document = asked(engine, reads + sweep(hosts=HOSTS[:60], day=2))
    assert document.sweep is not None
    assert (document.sweep.id, document.totals.not_heard_from) == ("day-2", len(HOSTS) - 60)
    assert not asked_again(engine, sweep(day=1) + sweep(hosts=HOSTS[:200], day=2)).notes


def asked_again(engine: Database, reads: list[Read], **changes: object) -> FleetDocument:
    with type(engine)() as another:
        return asked(another, reads, **changes)


@pytest.mark.parametrize(
    ("before", "after", "turn", "came", "went"),
    [
        (0, 40, Turn.NEW, 40, 0),
        (2, 40, Turn.GROWN, 38, 0),  # the configuration names the cause, so two hosts are enough
        (20, 40, Turn.GROWN, 20, 0),
        (40, 20, Turn.SHRUNK, 0, 20),
        (40, 0, Turn.HEALED, 0, 40),
    ],
)
def test_what_became_of_a_cause(engine: Database, before: int, after: int, turn: Turn, came: int, went: int) -> None:
    document = asked(engine, days(READS_EC2[:before], READS_EC2[:after]))
    (change,) = document.changes
    assert (change.turn, change.before, change.after, change.came, change.went) == (turn, before, after, came, went)
    assert document.against is not None
    assert document.against.id == "day-0"


def test_what_stays_is_no_change(engine: Database) -> None:
    assert asked(engine, days(OF_VPC, OF_VPC)).changes == ()


def test_silent_hosts_have_not_healed(engine: Database) -> None:
    others = [host for host in HOSTS if host.vpc != VPC]
    document = asked(engine, days(OF_VPC) + sweep(hosts=others, day=1))
    assert document.changes == ()
    assert document.not_heard_from is not None
    assert document.not_heard_from.host_count == len(OF_VPC)
    assert document.not_heard_from.shared is not None
    assert SharedValue(attribute=Attribute.VPC, value=VPC) in document.not_heard_from.shared.values or (
        document.not_heard_from.shared.coverage == document.not_heard_from.shared.precision == 1.0
    )
    assert document.verdict.status is Status.UNKNOWN


def test_a_cause_of_which_most_hosts_are_silent_shrank(engine: Database) -> None:
    heard = [host for host in HOSTS if host.vpc != VPC] + OF_VPC[:5]
    document = asked(engine, days(OF_VPC) + sweep(hosts=heard, day=1))
    (change,) = document.changes
    assert (change.turn, change.went) == (Turn.SHRUNK, 5)


def test_a_cause_that_grew_beyond_what_it_shared_is_not_a_new_one_and_a_healed_one(engine: Database) -> None:
    zone = OF_VPC[0].zone
    in_zone = [host for host in OF_VPC if host.zone == zone]
    document = asked(engine, days(in_zone, OF_VPC, fault_=zone_of_vpc(VPC, zone)))
    assert [(change.turn, change.before, change.after) for change in document.changes] == [
        (Turn.GROWN, len(in_zone), len(OF_VPC))
    ]


BASE: Final = next(group for group in OF_VPC[0].groups if all(group in host.groups for host in OF_VPC))
IMAGES: Final = sorted({host.image for host in HOSTS})
LARGEST: Final = max({host.subnet for host in OF_VPC}, key=lambda subnet: sum(host.subnet == subnet for host in HOSTS))
IN_SUBNET: Final = [host for host in OF_VPC if host.subnet == LARGEST]


@pytest.mark.parametrize("code", ["TLS008", "TCP001"])  # a code without ids of resources, and one with ids
@pytest.mark.parametrize(
    ("stages", "turn"),
    [((IN_SUBNET, IN_SUBNET, OF_VPC), Turn.GROWN), ((OF_VPC, OF_VPC, IN_SUBNET), Turn.SHRUNK)],
)
def test_a_fault_that_spreads_or_is_partly_repaired_keeps_its_ticket(
    engine: Database, code: str, stages: Sequence[list[Host]], turn: Turn
) -> None:
    ids = zone_of_vpc(VPC, "").ids if code == "TCP001" else fault(code).ids
    of = Fault(code, ids, lambda _: True)
    reads = days([], *stages, fault_=of)
    begun = asked(engine, [read for read in reads if read.sweep in ("day-0", "day-1")])
    document = asked_again(engine, reads)
    (change,) = document.changes
    (after,) = asked_again(engine, days([], *stages, [], fault_=of)).changes
    assert [one.turn for one in begun.changes] == [Turn.NEW]
    assert (change.turn, change.before, change.after) == (turn, len(stages[1]), len(stages[2]))
    assert after.turn is Turn.HEALED
    assert {begun.changes[0].ticket, change.ticket, after.ticket} == {begun.causes[0].ticket}
    assert [event.turn for event in events.events(document)] == [turn]


def test_a_fault_that_fell_into_parts_heals_with_the_last_part(engine: Database) -> None:
    """A whole VPC has the fault, then two of its six subnets, then one of these."""
    subnets = sorted({host.subnet for host in OF_VPC})[:2]
    parts = [[host for host in OF_VPC if host.subnet == subnet] for subnet in subnets]
    stages = [OF_VPC, [*parts[0], *parts[1]], parts[1], []]
    told = [
        asked_again(engine, days([], *stages[: number + 1], fault_=fault("TLS008"))) for number in range(len(stages))
    ]
    assert [len(document.causes) for document in told] == [1, 2, 1, 0]
    changes = [change for document in told for change in document.changes]
    assert [change.turn for change in changes] == [Turn.NEW, Turn.SHRUNK, Turn.SHRUNK, Turn.HEALED]
    assert len({change.ticket for change in changes}) == 1
    assert [(change.before, change.after) for change in changes[1:]] == [
        (len(before), len(after)) for before, after in itertools.pairwise(stages)
    ]


def test_of_two_faults_that_overlap_each_begins_and_heals_once(engine: Database) -> None:
    """A group of hosts has a fault, later also all hosts with an image, which some hosts of the group have. The fault
    of the group is repaired first."""
    groups = Counter(group for host in HOSTS for group in host.groups if group != BASE)
    group = max(sorted(groups), key=lambda one: groups[one])
    grouped = [host for host in HOSTS if group in host.groups]
    image = max(IMAGES, key=lambda one: sum(host.image == one for host in grouped))
    imaged = [host for host in HOSTS if host.image == image]
    stages = [[], grouped, [*grouped, *imaged], [*grouped, *imaged], imaged, []]
    told = [
        (number, change.turn, change.ticket)
        for number in range(1, len(stages))
        for change in asked_again(engine, days(*stages[: number + 1], fault_=fault("TLS008"))).changes
    ]
    one, other = f"TLS008|group={group}", f"TLS008|image={image}"
    assert told == [(1, Turn.NEW, one), (2, Turn.NEW, other), (4, Turn.HEALED, one), (5, Turn.HEALED, other)]


def test_a_fault_is_new_when_it_is_first_a_cause(engine: Database) -> None:
    """Some hosts all over the estate had the fault, then all hosts with one image."""
    image = HOSTS[0].image
    of_image = [host for host in HOSTS if host.image == image]
    few = [*of_image[:6], *[host for host in HOSTS if host.image != image][:18]]
    document = asked(engine, days(few, of_image, fault_=fault("TLS008")))
    assert [change.turn for change in document.changes] == [Turn.NEW]


@pytest.mark.parametrize(("share", "turns"), [(1, [Turn.HEALED]), (4, [])])
def test_hosts_without_the_fault_that_replace_hosts_with_it_heal_a_cause(
    engine: Database, share: int, turns: list[Turn]
) -> None:
    """A group of hosts is replaced by hosts with a new image."""
    fresh = [replace(host, id=f"i-{number:017x}", image="ami-0") for number, host in enumerate(OF_VPC[::share])]
    others = [host for host in HOSTS if host.vpc != VPC]
    reads = days([], OF_VPC, fault_=fault("TLS008")) + sweep(hosts=others + fresh, day=2)
    assert [change.turn for change in asked(engine, reads).changes] == turns


def test_against_a_named_sweep_and_none(engine: Database) -> None:
    reads = days(OF_VPC, [], OF_VPC)
    assert asked(engine, reads, against="day-0").changes == ()
    assert asked_again(engine, reads).changes[0].turn is Turn.NEW
    document = asked_again(engine, reads, against="none")
    assert document.against is None
    assert document.not_heard_from is None
    with pytest.raises(
        QuestionError, match="there is no record of the sweep 'day-9'; the last sweeps: day-0, day-1, day-2"
    ):
        asked_again(engine, reads, against="day-9")


def test_a_named_sweep_is_told(engine: Database) -> None:
    document = asked(engine, days(OF_VPC, []), sweep="day-0")
    assert document.sweep is not None
    assert document.sweep.id == "day-0"
    assert codes(document) == ["VPC005"]
    assert document.against is None


# --- Hosts not heard from, and the verdict ---------------------------------------------------------------------------


def expected(*more: str) -> Expected:
    return Expected(hosts=frozenset({*(host.id for host in HOSTS), *more}), by="inventory.json")


def test_hosts_of_the_inventory_without_a_record(engine: Database) -> None:
    document = asked(engine, sweep(hosts=HOSTS[:290]), expected=expected("i-0never"))
    missing = document.not_heard_from
    assert missing is not None
    assert (missing.host_count, missing.expected_by, missing.shared) == (11, "inventory.json", None)
    assert document.totals.not_heard_from == 11
    assert set(missing.hosts) <= {host.id for host in HOSTS[290:]} | {"i-0never"}
    assert document.verdict.status is Status.UNKNOWN


def test_few_silent_hosts_are_tolerated(engine: Database) -> None:
    document = asked(engine, sweep(hosts=HOSTS[:295]), expected=expected())
    assert document.totals.not_heard_from == 5
    assert document.verdict.status is Status.OK
    assert (
        asked_again(engine, sweep(hosts=HOSTS[:295]), expected=expected(), tolerate=0.0).verdict.status
        is Status.UNKNOWN
    )


def test_hosts_that_nobody_expects_do_not_make_up_for_silent_ones(engine: Database) -> None:
    """A host of an account can write records of as many hosts of that account as it likes."""
    forged = [replace(HOSTS[0], id=f"i-{number:017x}") for number in range(300)]
    document = asked(engine, sweep(hosts=HOSTS[:293] + forged), expected=expected())
    assert document.totals.not_heard_from == 7
    assert document.verdict.status is Status.UNKNOWN


def test_critical_is_worse_than_silent(engine: Database) -> None:
    document = asked(engine, sweep(endpoint_group(VPC), hosts=HOSTS[:200]), expected=expected())
    assert document.verdict.status is Status.CRITICAL


def test_all_heard(engine: Database) -> None:
    document = asked(engine, sweep(), expected=expected())
    assert document.not_heard_from is None
    assert (document.verdict.status, document.verdict.summary) == (Status.OK, "all of 300 hosts ok")


def test_unreadable_files_leave_it_unknown(engine: Database) -> None:
    read = ReadResult(read=95, unreadable_count=5, unreadable=(), notes=("a note",))
    document = asked(engine, sweep(), read=read)
    assert document.verdict.status is Status.UNKNOWN
    assert document.verdict.summary == "all of 300 hosts ok; 5 files or lines could not be read"
    assert document.totals.unreadable == 5
    assert "a note" in document.notes
    assert asked_again(engine, sweep(), read=replace(read, read=495)).verdict.status is Status.OK


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("warning", Status.WARNING), ("unknown", Status.UNKNOWN), ("not-in-use", Status.OK), ("odd", Status.UNKNOWN)],
)
def test_the_worst_verdict_of_a_host_is_the_fleets(engine: Database, status: str, verdict: Status) -> None:
    document = asked(engine, sweep(hosts=HOSTS[1:]) + sweep(hosts=HOSTS[:1], status=status))
    assert document.verdict.status is verdict


def test_nothing_read_is_unknown(engine: Database) -> None:
    document = asked(engine, [], expected=expected())
    assert document.verdict.status is Status.UNKNOWN
    assert document.sweep is None
    assert document.totals.not_heard_from == 300
    assert engine.query("SELECT * FROM assignment") == []


def test_private_dns_of_a_vpc(engine: Database) -> None:
    (cause,) = asked(engine, sweep(private_dns_off(VPC))).causes
    assert cause.code == "VPC002"
    (turns_on,) = (command.argv for command in cause.fix.commands if command.changes)
    assert "--private-dns-enabled" in turns_on
    assert "route53:AssociateVPCWithHostedZone" in cause.fix.summary
    assert OF_VPC[0].endpoint in turns_on


# --- Accounts and VPCs -----------------------------------------------------------------------------------------------

OTHER_ACCOUNT: Final = "999999999999"


def test_hosts_of_another_account_explain_nothing(engine: Database) -> None:
    """Hosts of another account report a cause of the symptom. It is ignored, however many hosts report it."""
    blind = sweep(endpoint_group(VPC), hosts=BLIND)
    liars = sweep(endpoint_group(VPC), hosts=READS_EC2, account=OTHER_ACCOUNT)
    document = asked(engine, blind + liars)
    counts = {cause.code: (cause.host_count, cause.joined_count) for cause in document.causes}
    assert counts == {"VPC005": (len(READS_EC2), 0), "TCP003": (len(BLIND), 0)}


def test_nor_do_those_of_another_vpc(engine: Database) -> None:
    blind = sweep(endpoint_group(VPC), hosts=BLIND)
    document = asked(engine, blind + sweep(endpoint_group(VPC), hosts=READS_EC2, vpc="vpc-0f1b2c3d"))
    assert sum(cause.joined_count for cause in document.causes) == 0


def test_a_liar_changes_no_vote(engine: Database) -> None:
    usual = sweep(endpoint_group(VPC), hosts=OF_VPC)
    lie = Fault(
        "VPC005",
        lambda _: ("group=sg-0bad0bad",),
        lambda _: True,
        symptom=("TCP003", lambda host: endpoint_group(VPC).symptom[1](host)),  # type: ignore[index]
    )
    liars = sweep(
        lie, hosts=[replace(host, reads_ec2=True) for host in HOSTS if host.vpc != VPC], account=OTHER_ACCOUNT
    )
    document = asked(engine, usual + liars)
    causes = {cause.key: cause for cause in document.causes}
    own_cause = causes[f"VPC005|group=sg-{VPC[4:]}|port=1027"]
    assert (own_cause.host_count, own_cause.joined_count) == (len(OF_VPC), len(BLIND))
    assert own_cause.accounts == (OF_VPC[0].account,)


def test_one_cause_in_two_vpcs_is_one(engine: Database) -> None:
    """Symptoms are explained within each VPC. Causes with equal keys are then joined."""
    elsewhere = [replace(host, id=f"{host.id[:-1]}-2", vpc="vpc-0f1b2c3d") for host in OF_VPC]
    both = sweep(endpoint_group(VPC)) + sweep(replace(endpoint_group(VPC), on=lambda _: True), hosts=elsewhere)
    document = asked(engine, both)
    counts = {cause.key: (cause.host_count, cause.joined_count) for cause in document.causes}
    assert counts[f"VPC005|group=sg-{VPC[4:]}|port=1027"] == (2 * len(OF_VPC), 2 * len(BLIND))


def test_an_id_in_two_accounts_counts_twice_and_the_worst_verdict_decides(engine: Database) -> None:
    sick = sweep(endpoint_group(VPC), hosts=OF_VPC)
    well = sweep(hosts=OF_VPC, account=OTHER_ACCOUNT)
    document = asked(engine, sick + well)
    assert (document.totals.critical, document.totals.ok) == (len(OF_VPC), len(OF_VPC))
    assert document.verdict.status is Status.CRITICAL
    assert any("another account" in note for note in document.notes)


def test_an_id_of_another_account_does_not_heal_nor_is_it_heard_from(engine: Database) -> None:
    sick = sweep(endpoint_group(VPC), hosts=OF_VPC, day=1)
    document = asked(engine, sick + sweep(hosts=OF_VPC, day=2, account=OTHER_ACCOUNT))
    assert document.not_heard_from is not None
    assert document.not_heard_from.host_count == len(OF_VPC)
    assert Turn.HEALED not in {change.turn for change in document.changes}


@pytest.mark.parametrize(
    ("owners", "missing"),
    [((), 1), ((HOSTS[0].account,), 1), ((OTHER_ACCOUNT,), 0), (("888888888888",), 1)],
    ids=["nothing is said", "the silent one", "the one that was heard", "a third one"],
)
def test_who_is_expected_is_of_an_account(engine: Database, owners: tuple[str, ...], missing: int) -> None:
    host = HOSTS[0]
    reads = sweep(hosts=[host], day=1) + sweep(hosts=[host], day=2, account=OTHER_ACCOUNT)
    inventory = Expected(
        hosts=frozenset({host.id}), by="a list", accounts=frozenset((host.id, owner) for owner in owners)
    )
    document = asked(engine, reads, expected=inventory)
    assert document.totals.not_heard_from == missing


# --- What the inventory says of hosts --------------------------------------------------------------------------------

SAP: Final = [host for number, host in enumerate(HOSTS) if number % 4 == 0]
"""Every fourth host. Only the inventory tells these hosts from the others."""


def _labelled(*rows: tuple[Host, str, str], account: bool = True) -> Expected:
    return Expected(
        hosts=frozenset(host.id for host in HOSTS),
        by="inventory.csv",
        labels=tuple(
            Label(account=host.account if account else None, host=host.id, name=name, value=value)
            for host, name, value in rows
        ),
    )


def _applications(account: bool = True) -> Expected:
    return _labelled(
        *((host, "application", "sap" if host in SAP else "shop") for host in HOSTS),
        *((host, "owner", "basis" if host in SAP[:20] else "platform") for host in HOSTS[:-1]),
        account=account,
    )


@pytest.mark.parametrize("account", [True, False])
def test_hosts_share_what_the_inventory_says_of_them(engine: Database, account: bool) -> None:
    sick = fault("TCP005", on=lambda host: host in SAP)
    document = asked(engine, sweep(sick), expected=_applications(account))
    (cause,) = document.causes
    assert (cause.named_by, cause.key, cause.host_count) == (NamedBy.SHARED, "TCP005|label=application=sap", len(SAP))
    assert cause.shared is not None
    assert cause.shared.values == (SharedValue(attribute=Attribute.LABEL, value="application=sap"),)
    assert "Affected: 100% of the hosts with the fault share application=sap" in render(tree(document), "text")


def test_without_an_inventory_nothing_is_shared(engine: Database) -> None:
    document = asked(engine, sweep(fault("TCP005", on=lambda host: host in SAP)))
    assert codes(document) == []


def test_an_account_says_nothing_of_a_host_of_another(engine: Database) -> None:
    sick = fault("TCP005", on=lambda host: host in SAP)
    document = asked(engine, sweep(sick, account=OTHER_ACCOUNT), expected=_applications())
    assert codes(document) == []


def test_what_aws_says_is_nearer_to_a_fix_than_a_label(engine: Database) -> None:
    sick = of_resolver(HOSTS[0].resolver)
    rows = [(host, "application", "dns" if sick.on(host) else "other") for host in HOSTS]
    (cause,) = asked(engine, sweep(sick), expected=_labelled(*rows)).causes
    assert cause.shared is not None
    assert cause.shared.values == (SharedValue(attribute=Attribute.RESOLVER, value=HOSTS[0].resolver),)
    assert SharedValue(attribute=Attribute.LABEL, value="application=dns") in cause.shared.as_well


def test_every_cause_lists_its_hosts_by_owner(engine: Database) -> None:
    everywhere = fault("ENV010")
    document = asked(engine, sweep(everywhere), expected=_applications())
    (cause,) = document.causes
    assert [(one.owner, one.host_count) for one in cause.owners] == [
        ("platform", len(HOSTS) - 21),
        ("basis", 20),
        (None, 1),
    ]
    assert cause.owners[1].hosts == tuple(sorted(host.id for host in SAP[:20])[:MAX_EXAMPLES])
    assert cause.owners[2].hosts == (HOSTS[-1].id,)
    words = " ".join(render(tree(document), "text").split())
    assert f"owner hosts which platform {len(HOSTS) - 21} " in words
    assert f"basis 20 {', '.join(sorted(host.id for host in SAP[:20])[:3])} and 17 more" in words
    assert f"not known 1 {HOSTS[-1].id}" in words


def test_the_event_of_a_cause_that_healed_names_the_owners_of_its_hosts(engine: Database) -> None:
    before = sweep(fault("TCP005", on=lambda host: host in SAP), day=1)
    document = asked(engine, before + sweep(day=2), expected=_applications(), against="previous")
    (event,) = events.events(document)
    assert (event.turn, event.hosts) == (Turn.HEALED, ())
    assert [(one.owner, one.host_count) for one in event.owners] == [("platform", len(SAP) - 20), ("basis", 20)]
    assert event.owners[1].hosts == tuple(sorted(host.id for host in SAP[:20])[:MAX_EXAMPLES])


def test_the_event_of_a_cause_that_is_there_names_the_owners_of_today(engine: Database) -> None:
    shut = endpoint_group(VPC)
    before = sweep(replace(shut, on=lambda host: host in OF_VPC[:30]), day=1)
    document = asked(engine, before + sweep(shut, day=2), expected=_applications(), against="previous")
    (event,) = events.events(document)
    assert (event.turn, event.host_count_before) == (Turn.GROWN, 30)
    assert sum(one.host_count for one in event.owners) == event.host_count == len(OF_VPC)


def test_a_host_that_counts_elsewhere_is_listed_by_owner_as_well(engine: Database) -> None:
    document = asked(engine, sweep(endpoint_group(VPC), fault("ENV010", severity="warning")), expected=_applications())
    clock = next(cause for cause in document.causes if cause.code == "ENV010")
    assert clock.also_count == len(OF_VPC)
    assert sum(one.host_count for one in clock.owners) == clock.host_count + clock.also_count == len(HOSTS)


def test_hosts_can_be_asked_for_by_label(engine: Database) -> None:
    asked_for = (SharedValue(attribute=Attribute.LABEL, value="application=sap"),)
    document = asked(engine, sweep(), expected=_applications(), where=asked_for, by=Attribute.LABEL)
    assert document.totals.hosts == len(SAP)


def test_what_a_masked_document_says_of_owners_and_labels(engine: Database) -> None:
    before = sweep(fault("TCP005", on=lambda host: host in SAP), day=1)
    document = asked(engine, before + sweep(fault("ENV010"), day=2), expected=_applications(), against="previous")
    assert {(change.turn, change.key) for change in document.changes} == {
        (Turn.NEW, "ENV010"),
        (Turn.HEALED, "TCP005|label=application=sap"),
    }
    masked = FleetRedactor(document).document()
    text = dumps(masked)
    assert not re.search("sap|basis|platform", text)
    assert {one.owner for one in masked.causes[0].owners} == {"owner-1", "owner-2", None}


def test_a_label_may_be_any_text(engine: Database) -> None:
    hostile = "=cmd|' /C calc'!A0\x1b[2J; \u202e<b>|x\x00"
    rows = [(host, "owner", hostile) for host in SAP]
    sick = fault("TCP005", on=lambda host: host in SAP)
    document = asked(engine, sweep(sick), expected=_labelled(*rows))
    (cause,) = document.causes
    assert cause.owners[0].owner == hostile
    for wanted in ("text", "markdown", "html"):
        shown = render(tree(document), wanted)
        assert not {"\x1b", "\x00", "\u202e"} & set(shown)
        assert wanted == "text" or "<b>" not in shown
    cells = [
        cell for row in csv.reader("".join(table.as_csv(table.rows(engine, document))).splitlines()) for cell in row
    ]
    assert [cell for cell in cells if cell.startswith(("=", "+", "@"))] == []
    assert [json.loads(event["Detail"])["owners"][0]["owner"] for event in _entries(document)] == [hostile]


def _entries(document: FleetDocument) -> list[dict[str, str]]:
    """The events of a document in which every cause is new."""
    assert document.sweep is not None
    new = [
        FleetChange(
            turn=Turn.NEW,
            key=cause.key,
            ticket=cause.ticket,
            title=cause.title,
            severity=cause.severity,
            before=0,
            after=cause.host_count,
            came=cause.host_count,
            went=0,
        )
        for cause in document.causes
    ]
    changed = replace(document, against=document.sweep, changes=tuple(new))
    return [entry for line in events.render(changed).splitlines() for entry in json.loads(line)["Entries"]]
