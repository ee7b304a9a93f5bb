"""A central facts file gives the cause for hosts that do not read EC2. It changes nothing for other hosts."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from agent.cli.main import dispatch
from agent.fleet.database import Database
from agent.fleet.model import FleetDocument, NamedBy, decode
from agent.fleet.store import Read
from agent.report import facts_file
from agent.report.host_record import line
from agent.settings import Ec2Facts
from probes.model import Observation
from probes.vpc.model import (
    ENDPOINTS,
    NETWORK_ACLS,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    VPC_DNS,
    NetworkAclsFacts,
    RouteTablesFacts,
    SecurityGroupsFacts,
    VpcDnsFacts,
)
from tests.agent.fleet.test_estates import asked
from tests.support.build import REGION
from tests.support.configured import (
    ACL_ID,
    ENDPOINT_GROUP_ID,
    ENDPOINT_ID,
    OWN_GROUP_ID,
    OWN_SUBNET_ID,
    VPC_ID,
    configured,
    endpoint,
    endpoints_facts,
    groups,
    main_table,
    network_acl,
    read,
)
from tests.support.estates import TODAY, Fault, Host, hosts_of, record
from tests.support.repository import ROOT

HOSTS: Final = [
    replace(host, account="111122223333", vpc=VPC_ID, subnet=OWN_SUBNET_ID, groups=(OWN_GROUP_ID,), reads_ec2=False)
    for host in hosts_of(5, 30)
]
SICK: Final = HOSTS[:12]
SILENT: Final = (f"vpc={VPC_ID}", "address=10.0.1.17", "address=10.0.2.17")
NO_RULE: Final = read(SECURITY_GROUPS, SecurityGroupsFacts(groups=(groups()[0], replace(groups()[1], rules=()))))
DENYING: Final = read(
    NETWORK_ACLS,
    NetworkAclsFacts(acls=(replace(network_acl(), entries=tuple(e for e in network_acl().entries if not e.allow)),)),
)
NO_ROUTES: Final = read(ROUTE_TABLES, RouteTablesFacts(tables=(replace(main_table(), routes=()),)))


@pytest.fixture
def engine() -> Iterator[Database]:
    with Database() as opened:
        yield opened


def facts(*changed: Observation[Any], age: timedelta = timedelta(days=1)) -> Ec2Facts:
    return Ec2Facts(region=REGION, vpc_id=VPC_ID, taken_at=TODAY - age, observations=tuple(configured(*changed)))


def reads(code: str, *ids: str, hosts: list[Host] = HOSTS, sick: list[Host] = SICK) -> list[Read]:
    fault = Fault(code, lambda _: ids, lambda _: True)
    return [Read(sweep="s", place=host.id, record=record(host, [fault] if host in sick else [])) for host in hosts]


def keys(document: FleetDocument) -> list[tuple[str, int, int]]:
    return [(cause.key, cause.host_count, cause.joined_count) for cause in document.causes]


@pytest.mark.parametrize(
    ("changed", "code", "ids", "key"),
    [
        (NO_RULE, "TCP001", SILENT, f"VPC005|group={ENDPOINT_GROUP_ID}"),
        (DENYING, "TCP001", SILENT, f"VPC006|acl={ACL_ID}"),
        (
            read(ENDPOINTS, endpoints_facts(endpoint(private_dns=False))),
            "DNS001",
            (f"vpc={VPC_ID}",),
            f"VPC002|endpoint={ENDPOINT_ID}",
        ),
        (
            read(VPC_DNS, VpcDnsFacts(support=False, hostnames=True)),
            "DNS004",
            (f"vpc={VPC_ID}",),
            f"VPC003|vpc={VPC_ID}",
        ),
    ],
    ids=["group", "acl", "private-dns", "attributes"],
)
def test_what_stops_the_hosts_is_named(
    engine: Database, changed: Observation[Any], code: str, ids: tuple[str, ...], key: str
) -> None:
    document = asked(engine, reads(code, *ids), facts=(facts(changed),))
    assert keys(document) == [(key, 12, 12)]
    assert document.causes[0].named_by is NamedBy.CONFIGURATION
    assert document.causes[0].fix.commands


def test_the_facts_of_a_whole_account_name_it_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file has several VPCs, as `backuplink facts` writes it without --vpc."""
    now = datetime.now(UTC)
    others = facts_file.parse_all((ROOT / "docs/examples/account.json").read_bytes(), "account.json")
    account = (*others, replace(facts(NO_RULE), taken_at=now))
    (tmp_path / "account.json").write_text(facts_file.dumps_any(account), "utf-8")
    lines = "".join(f"{line(read.record)}\n" for read in reads("TCP001", *SILENT))
    (tmp_path / "hosts.ndjson").write_text(lines, "utf-8")
    words = ["fleet", str(tmp_path / "hosts.ndjson"), "--format", "json"]
    said = []
    for more in ([], ["--ec2-facts", str(tmp_path / "account.json")], ["--ec2-facts", str(tmp_path)]):
        assert dispatch([*words, *more], []) == 2
        document = decode(json.loads(capsys.readouterr().out))
        said.append([(cause.key, cause.named_by.value) for cause in document.causes])
    assert said[0] != said[1] == said[2] == [(f"VPC005|group={ENDPOINT_GROUP_ID}", "configuration")]


@pytest.mark.parametrize(
    ("changed", "code", "ids"),
    [
        (NO_RULE, "TLS008", ()),
        (NO_RULE, "DNS001", (f"vpc={VPC_ID}",)),
        (NO_RULE, "TCP001", (f"vpc={VPC_ID}", "address=10.9.9.9")),
        (NO_RULE, "TCP003", (*SILENT, "port=1027")),
    ],
    ids=["another-kind", "a-name", "another-address", "another-port"],
)
def test_what_the_configuration_does_not_stop_is_not_put_to_it(
    engine: Database, changed: Observation[Any], code: str, ids: tuple[str, ...]
) -> None:
    document = asked(engine, reads(code, *ids), facts=(facts(changed),))
    assert not any(cause.code.startswith("VPC") for cause in document.causes)


def test_facts_of_a_healthy_vpc_name_nothing(engine: Database) -> None:
    document = asked(engine, reads("TCP001", *SILENT, sick=HOSTS), facts=(facts(),))
    assert [cause.code for cause in document.causes] == ["TCP001"]


def test_hosts_elsewhere_are_not_concerned(engine: Database) -> None:
    elsewhere = [replace(host, subnet="subnet-0f1b2c3d") for host in HOSTS]
    document = asked(engine, reads("TCP001", *SILENT, hosts=elsewhere, sick=elsewhere), facts=(facts(NO_RULE),))
    assert [cause.code for cause in document.causes] == ["TCP001"]


def test_well_hosts_stay_well(engine: Database) -> None:
    document = asked(engine, reads("TCP001", sick=[]), facts=(facts(NO_RULE),))
    assert document.causes == ()
    assert document.totals.ok == len(HOSTS)


def test_the_key_is_that_of_hosts_that_read_ec2(engine: Database) -> None:
    """One host reads EC2 and found the same group. The cause gets this host's key, which has one more id."""
    seeing = replace(HOSTS[20], reads_ec2=True)
    key = f"group={ENDPOINT_GROUP_ID}", "endpoint=vpce-0a1b2c3d"
    found = Read(sweep="s", place="x", record=record(seeing, [Fault("VPC005", lambda _: key, lambda _: True)]))
    rest = [host for host in HOSTS if host is not HOSTS[20]]
    document = asked(engine, [found, *reads("TCP001", *SILENT, hosts=rest)], facts=(facts(NO_RULE),))
    assert keys(document) == [("|".join(("VPC005", *key)), 13, 12)]


@pytest.mark.parametrize("age", [timedelta(days=31), timedelta(days=-3)], ids=["old", "from-the-future"])
def test_facts_out_of_time_are_not_used(engine: Database, age: timedelta) -> None:
    document = asked(engine, reads("TCP001", *SILENT, sick=HOSTS), facts=(facts(NO_RULE, age=age),))
    assert [cause.code for cause in document.causes] == ["TCP001"]
    assert any(note.startswith(f"The facts of {VPC_ID} are not used") for note in document.notes)


def test_the_newer_facts_of_a_vpc_count(engine: Database) -> None:
    both = (facts(NO_RULE), facts(age=timedelta(hours=1)))
    document = asked(engine, reads("TCP001", *SILENT, sick=HOSTS), facts=both)
    assert [cause.code for cause in document.causes] == ["TCP001"]


def test_evidence_of_other_hosts_comes_before_facts(engine: Database) -> None:
    seeing = [replace(host, reads_ec2=True) for host in HOSTS[20:]]
    found = Fault("VPC006", lambda _: ("acl=acl-0f1b2c3d",), lambda _: True, symptom=("TCP001", lambda _: SILENT))
    told = [Read(sweep="s", place=host.id, record=record(host, [found])) for host in seeing]
    document = asked(engine, [*told, *reads("TCP001", *SILENT, hosts=HOSTS[:20])], facts=(facts(NO_RULE),))
    assert keys(document) == [("VPC006|acl=acl-0f1b2c3d", 22, 12)]


def test_facts_check_the_fix_of_what_hosts_found_themselves() -> None:
    reading = [replace(host, reads_ec2=True) for host in HOSTS]
    found = reads("VPC005", f"group={ENDPOINT_GROUP_ID}", "port=443", hosts=reading, sick=reading[:12])

    def checked(*of: Ec2Facts) -> set[bool | None]:
        with Database() as engine:
            (cause,) = asked(engine, found, facts=of).causes
        assert (cause.code, cause.named_by) == ("VPC005", NamedBy.CONFIGURATION)
        return {command.checked for command in cause.fix.commands}

    assert checked(facts(NO_RULE)) == {True}
    assert checked() == {False}, "nothing tells"
    assert checked(facts()) == {False}, "the facts have no such fault"
