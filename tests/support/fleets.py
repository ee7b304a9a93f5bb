"""The document of a fleet, written by hand, for tests of the formats that show fleets. The join is tested elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from agent.catalog.findings import CODES, Severity
from agent.fleet.attributes import Attribute
from agent.fleet.database import Database
from agent.fleet.model import (
    SCHEMA,
    FleetCause,
    FleetChange,
    FleetDocument,
    FleetTotals,
    FleetVerdict,
    HostFile,
    HostsOfOwner,
    NamedBy,
    NotHeardFrom,
    OwnFault,
    Place,
    Shared,
    SharedValue,
    SuppressedFault,
    Sweep,
    Turn,
    Unreadable,
)
from agent.fleet.store import Read
from agent.report.host_record import record_of
from agent.report.model import Command, CommandScope, FindingSubject, Fix, Status, SubjectKind, Tool
from tests.support.runs import report_of

START: Final = datetime(2026, 1, 11, 3, 0, tzinfo=UTC)
GROUP: Final = "sg-0f1b2c3d4e5f67890"
VPC: Final = "vpc-0a1b2c3d4e5f67890"
OTHER_VPC: Final = "vpc-0b1b2c3d4e5f67891"
HOSTS: Final = tuple(f"i-0a1b2c3d4e5f{number:05x}" for number in range(8))
NAMED_HOST: Final = "db-17.corp.example"
"""The name of a host whose record has no id."""
ROLE: Final = "BackupAuditorRole"
KEY: Final = f"VPC005|group={GROUP}|port=1027"
SWEEPS: Final = tuple(
    Sweep(
        id=f"{number:08x}-1111-2222-3333-4444aaaa6666",
        started_at=START + timedelta(days=number),
        ended_at=START + timedelta(days=number, minutes=10),
        host_count=4_940 + number,
        sick_count=300 + 300 * number,
    )
    for number in range(5)
)


def document() -> FleetDocument:
    """A document with three causes, faults of single hosts, silent hosts, changes, and files that could not be read."""
    return FleetDocument(
        schema=SCHEMA,
        tool=Tool(name="backuplink", version="1.0.0"),
        redacted=False,
        engine="duckdb",
        verdict=FleetVerdict(
            status=Status.CRITICAL, summary="3 causes on 1,000 of 4,944 hosts; 3 hosts with a fault of their own"
        ),
        sweep=SWEEPS[-1],
        against=SWEEPS[-2],
        sweeps=SWEEPS,
        totals=FleetTotals(
            hosts=4_944,
            ok=3_941,
            warning=2,
            critical=1_000,
            unknown=1,
            not_heard_from=60,
            redacted=2,
            superseded=3,
            unreadable=2,
        ),
        causes=tuple(_causes()),
        own_faults=(
            OwnFault(
                code="TCP005",
                name=CODES["TCP005"].name,
                title=CODES["TCP005"].title,
                severity=Severity.CRITICAL,
                host_count=2,
                hosts=(HOSTS[5], NAMED_HOST),
                note=None,
            ),
            OwnFault(
                code="ENV013",
                name=CODES["ENV013"].name,
                title=CODES["ENV013"].title,
                severity=Severity.WARNING,
                host_count=1,
                hosts=(HOSTS[6],),
                note="The fault lies on this host: the 41 others of its subnet are well.",
            ),
        ),
        not_heard_from=NotHeardFrom(
            host_count=60,
            hosts=HOSTS[:3],
            expected_by="inventory.json",
            shared=_shared(Attribute.SUBNET, "subnet-0c1b2c3d4e5f67890", sick=31, well=0),
        ),
        changes=tuple(
            FleetChange(
                turn=turn,
                key=key,
                ticket=key,
                title=CODES[code].title,
                severity=Severity.CRITICAL,
                before=before,
                after=after,
                came=max(after - before, 0),
                went=max(before - after, 0),
            )
            for turn, code, key, before, after in (
                (Turn.NEW, "TCP001", f"TCP001|vpc={OTHER_VPC}|address=10.7.1.17", 0, 98),
                (Turn.HEALED, "VPC002", "VPC002|endpoint=vpce-0d1b2c3d4e5f67890", 240, 0),
            )
        ),
        suppressed=(
            SuppressedFault(
                what="ENV010",
                until="2026-12-31",
                expired=False,
                host_count=4,
                owner="Platform",
                reason=f"{NAMED_HOST} gets its clock in December",
            ),
        ),
        unreadable=(Unreadable(place="/reports/torn/stdout", why="ends in the middle of a document"),),
        notes=("Without DuckDB this takes twice as long from 100,000 hosts on: install backuplink[fleet]",),
        files=(
            HostFile(host=HOSTS[0], place=f"/srv/reports/{SWEEPS[-1].id}/{HOSTS[0]}/awsrunShellScript/report/stdout"),
        ),
    )


def _causes() -> Iterator[FleetCause]:
    yield _cause(
        "VPC005",
        subjects=((SubjectKind.GROUP, GROUP), (SubjectKind.PORT, "1026"), (SubjectKind.PORT, "1027")),
        key=KEY,
        host_count=508,
        exposed_count=508,
        joined_count=190,
        also_count=3,
        places=[(VPC, f"euw1-az{zone}", sick, sick) for zone, sick in ((1, 170), (2, 169), (3, 169))],
        since=2,
        fix=Fix(
            summary="Let the hosts in, in the endpoint's security group.",
            commands=(
                Command(
                    argv=(
                        *("aws", "ec2", "authorize-security-group-ingress", "--region", "eu-west-1"),
                        *("--group-id", GROUP, "--protocol", "tcp", "--port", "1026-1027", "--cidr", "10.3.0.0/16"),
                    ),
                    scope=CommandScope.ENDPOINT,
                    changes=True,
                    reversible=True,
                    undo="aws ec2 revoke-security-group-ingress with the same words",
                ),
            ),
        ),
        note="318 hosts read it from EC2.",
        owners=(
            HostsOfOwner(owner="basis@corp.example", host_count=500, hosts=HOSTS),
            HostsOfOwner(owner=None, host_count=11, hosts=(NAMED_HOST,)),
        ),
    )
    yield _cause(
        "TCP001",
        subjects=((SubjectKind.VPC, OTHER_VPC), (SubjectKind.ADDRESS, "10.7.1.17"), (SubjectKind.ADDRESS, "10.7.2.17")),
        key=f"TCP001|vpc={OTHER_VPC}|address=10.7.1.17|address=10.7.2.17",
        host_count=98,
        exposed_count=310,
        named_by=NamedBy.SHARED,
        shared=_shared(Attribute.ZONE, "euw1-az3", sick=98, well=2),
        places=[(OTHER_VPC, f"euw1-az{zone}", sick, 105) for zone, sick in ((1, 0), (2, 0), (3, 98))],
        since=4,
        hosts=(HOSTS[3], NAMED_HOST),
        note="Their own fix is for a single host, and 98 hosts have the fault.",
    )
    yield _cause(
        "IAM003",
        subjects=((SubjectKind.ROLE, ROLE), (SubjectKind.ACCOUNT, "111122223333")),
        key=f"IAM003|account=111122223333|role={ROLE}",
        host_count=394,
        exposed_count=400,
        severity=Severity.WARNING,
        named_by=NamedBy.EVIDENCE,
        places=[(None, None, 394, 400)],
        since=None,
        flapping=True,
        note=f"All of them call with {ROLE}.",
    )


def _cause(code: str, *, subjects: Any, places: Any, since: int | None, **values: Any) -> FleetCause:
    row = CODES[code]
    return FleetCause(
        **{
            "code": code,
            "name": row.name,
            "title": row.title,
            "severity": Severity.CRITICAL,
            "radius": row.radius,
            "subjects": tuple(FindingSubject(kind=kind, id=id_) for kind, id_ in subjects),
            "services": ("backup-gateway",),
            "named_by": NamedBy.CONFIGURATION,
            "shared": None,
            "joined_count": 0,
            "also_count": 0,
            "hosts": HOSTS,
            "places": tuple(
                Place(vpc=vpc, zone=zone, sick=sick, exposed=exposed) for vpc, zone, sick, exposed in places
            ),
            "since": None if since is None else SWEEPS[since].started_at,
            "since_sweep": None if since is None else SWEEPS[since].id,
            "flapping": False,
            "fix": Fix(summary="Compare one of the hosts with one that is well."),
            "note": None,
            **values,
        }
    )


def _shared(attribute: Attribute, value: str, *, sick: int, well: int) -> Shared:
    return Shared(
        values=(SharedValue(attribute=attribute, value=value),),
        sick=sick,
        well=well,
        coverage=1.0,
        precision=sick / (sick + well),
        lift=406.2,
        p=0.0,
    )


def filled(value: Any, text: str) -> Any:
    """The document with `text` in place of every text from outside. Codes stay, so that links to codes still work."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = ("code", "schema")
        changed = {row.name: filled(getattr(value, row.name), text) for row in fields(value) if row.name not in kept}
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(filled(part, text) for part in value)
    return text if type(value) is str else value


SCENARIOS: Final = ("healthy", "three-faults", "security-group-443-only", "one-zone-silent")


@contextmanager
def tables(hosts: tuple[str, ...] = HOSTS) -> Iterator[tuple[Database, FleetDocument]]:
    """Yield a database and the document of a fleet. The hosts of the fleet are in different scenarios, and the database
    has their records and causes.
    """
    sweep = SWEEPS[-1].id
    with Database() as engine:
        engine.insert(
            Read(
                sweep=sweep,
                place=f"/srv/reports/{host}/host/stdout",
                record=replace(record_of(report_of(SCENARIOS[number % len(SCENARIOS)])), host=host),
            )
            for number, host in enumerate(hosts)
        )
        engine.execute(
            "CREATE TABLE timed AS "
            "SELECT id AS record, sweep, account, host AS name, host, 0 AS minute, 0 AS redacted FROM record"
        )
        for name in ("heard", "placed"):
            engine.execute(f"CREATE TABLE {name} AS FROM timed")
        engine.execute("CREATE TABLE missing (host TEXT, name TEXT)")
        engine.execute("CREATE TABLE assignment (record BIGINT, cause_key TEXT, counted INTEGER, by_symptom INTEGER)")
        for record, rank, key in engine.query("SELECT record, rank, cause_key FROM cause ORDER BY record, rank"):
            engine.execute("INSERT INTO assignment VALUES (?, ?, ?, ?)", (record, key, int(rank == 0), 0))
        yield engine, document()
