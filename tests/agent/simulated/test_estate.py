"""The hosts that `demo --fleet` simulates (the estate), their faults, and their records."""

import json
from collections import Counter
from functools import cache

import pytest

from agent.app.demo_fleet import records
from agent.fleet.inventory import parse
from agent.fleet.store import Read
from agent.report.host_record import line
from agent.simulated.estate import FAULTS, HEALTHY, NOISE, OWNERS, SWEEPS, Estate, command_of, templates
from tests.support.runs import report_of

SIZE = 1_200


@cache
def reads() -> tuple[Read, ...]:
    return tuple(Estate(SIZE).reads(records()))


def test_the_same_size_gives_the_same_estate() -> None:
    assert Estate(60).hosts == Estate(60).hosts
    assert list(Estate(60).reads(records())) == list(Estate(60).reads(records()))


def test_every_template_is_of_a_scenario_that_has_its_fault() -> None:
    assert {template.scenario for template in templates()} == {HEALTHY, *NOISE, *(fault.scenario for fault in FAULTS)}
    for template, record in records().items():
        assert (record.status == "ok") is (template.scenario == HEALTHY)
        assert bool(record.causes) is (template.scenario != HEALTHY)
        if not template.reads_ec2:
            assert not record.ec2
    assert report_of(HEALTHY).verdict.status.value == "ok"


def test_each_host_has_one_record_a_sweep_and_its_own_place() -> None:
    counts = Counter((read.sweep, read.record.host) for read in reads())
    assert set(counts.values()) == {1}
    estate = Estate(SIZE)
    for sweep in range(SWEEPS):
        heard = {host for name, host in counts if name == command_of(sweep)}
        assert heard == {host.id for host in estate.hosts} - estate.silent(sweep)
    for read in reads():
        assert read.place == f"{read.sweep}/{read.record.host}/awsrunShellScript/host/stdout"
        assert len(line(read.record)) <= 2_000


def test_the_records_of_a_fault_have_the_same_ids_and_no_others_have() -> None:
    estate = Estate(SIZE)
    last = {read.record.host: read.record for read in reads() if read.sweep == command_of(SWEEPS - 1)}
    for fault in FAULTS:
        hosts = estate.truth()[fault.name]
        assert bool(hosts) is (fault.last == SWEEPS - 1)
        for vpc in fault.vpcs:
            of_vpc = {host.id for host in estate.hosts if host.vpc == vpc}
            keys = {last[host].causes[0] for host in hosts & of_vpc}
            assert len(keys) <= 2  # one key from hosts that read the configuration, one from the others
            if hosts & of_vpc:
                assert not keys & {cause for host in last.keys() - hosts for cause in last[host].causes}


def test_what_a_host_says_of_its_place_is_so_in_its_causes() -> None:
    scenario = {value for template in records() for value in (records()[template].vpc,)}
    for read in reads():
        texts = json.dumps([read.record.causes, read.record.symptoms, read.record.summary, read.record.fix])
        assert not any(str(vpc) in texts for vpc in scenario)


@pytest.mark.parametrize(("size", "vpcs"), [(20, 2), (199, 3), (599, 11), (600, 12), (5_000, 12)])
def test_so_many_hosts_are_in_so_many_vpcs(size: int, vpcs: int) -> None:
    estate = Estate(size)
    assert len({host.id for host in estate.hosts}) == size
    assert {host.vpc for host in estate.hosts} == set(range(vpcs))


def test_the_inventory_names_the_owner_of_each_host() -> None:
    expected = parse(Estate(SIZE).inventory.encode(), "inventory.csv")
    assert expected.hosts == {host.id for host in Estate(SIZE).hosts}
    said = {(label.host, label.name): label.value for label in expected.labels}
    assert {said[host, "owner"] for host in expected.hosts} == set(OWNERS.values())
    assert all(said[host, "owner"] == OWNERS[said[host, "Application"]] for host in expected.hosts)


def test_shares_of_vpcs() -> None:
    sizes = Counter(host.vpc for host in Estate(SIZE).hosts)
    assert [sizes[vpc] for vpc in range(12)] == [12 * share for share in (18, 14, 11, 10, 9, 8, 7, 6, 5, 5, 4, 3)]
