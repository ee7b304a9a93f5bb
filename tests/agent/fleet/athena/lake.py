"""A small fleet with known faults, as rows of the table that the views are over, and what the views say of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from agent.fleet.athena import tables, views
from agent.fleet.connection import Connection, connect

DAYS: Final = ("2026-01-12", "2026-01-13", "2026-01-14")
GROUP: Final = "VPC005|group=sg-0a|port=1027"
PORT: Final = "TCP003|vpc=vpc-1|address=10.0.1.17|port=1027"
RESOLVER: Final = "DNS002|resolver=10.0.0.53"
EMPTY: Final[dict[str, Any]] = {
    name: () if type_.startswith("array") else False if type_ == "boolean" else None
    for name, type_ in tables.columns().items()
}
_TYPES: Final = {"string": "VARCHAR", "boolean": "BOOLEAN", "array<string>": "VARCHAR[]"}
HOSTS: Final = 12

Row = dict[str, Any]


def row(day: str, number: int, **given: Any) -> Row:
    """A healthy host that read the configuration."""
    return {
        **EMPTY,
        "account": "111122223333" if number % 2 else "444455556666",
        "region": "eu-west-1",
        "dt": day,
        "run": f"run-{day}-{number}",
        "host": f"i-{number:02}",
        "taken_at": f"{day}T06:{number:02}:00Z",
        "tool": "1.0.0",
        "vpc": "vpc-1",
        "subnet": f"subnet-{number % 3}",
        "zone": f"euw1-az{number % 3}",
        "security_groups": ("sg-host",),
        "resolvers": ("amazon",),
        "services": ("backup-gateway",),
        "status": "ok",
        "path": "private",
        "access": "allowed",
        "complete": True,
        "ec2": True,
        **given,
    }


def with_target(key: str, target: str) -> str:
    """A key as a record has it."""
    code, *ids = key.split("|")
    return "|".join((code, target, *ids))


def cause(key: str, severity: str = "critical", target: str = "backup-gateway") -> str:
    """A cause as a record has it."""
    return f"{severity}|{with_target(key, target)}"


def symptom(key: str, of: str, target: str = "backup-gateway") -> str:
    """A symptom as a record has it."""
    return f"{with_target(key, target)} < {with_target(of, target)}"


def fleet() -> Iterator[Row]:
    """Three days. From the second on, hosts 0 to 6 have a fault of a group, which 5 and 6 see as a closed port; on
    the first day and the last, 8 to 11 have one of a resolver, on the second only two of them; 7 has a warning of its
    own; 11 has no record on the last day; 4 has two records on the last day, the first of them healthy."""
    for day, name in enumerate(DAYS):
        for number in range(HOSTS):
            if (day, number) == (2, 11):
                continue
            told: Row = {}
            if number <= 6 and day >= 1:
                told = {"status": "critical", "causes": (cause(GROUP),), "symptoms": (symptom(PORT, GROUP),)}
                if number >= 5:
                    told = {"status": "critical", "causes": (cause(PORT),), "ec2": False}
            elif number == 7:
                told = {"status": "warning", "causes": (cause("TCP009", "warning", "backup"),)}
            elif number >= 8 and (day != 1 or number <= 9):
                both = (cause(RESOLVER, target="backup"), cause(RESOLVER))
                told = {"status": "critical", "causes": both, "resolvers": ("10.0.0.53",)}
            yield row(name, number, **told)
    yield row(DAYS[2], 4, taken_at=f"{DAYS[2]}T01:00:00Z", run="earlier")


def database(folder: Path, rows: Iterator[Row]) -> Connection:
    """The table and the views in DuckDB, which spills into this folder."""
    names = (*tables.PARTITIONED_BY, *tables.columns())
    types = dict.fromkeys(tables.PARTITIONED_BY, "string") | tables.columns()
    connection = connect(folder)
    connection.execute(f"CREATE TABLE {tables.PACKED} ({', '.join(f'{name} {_TYPES[types[name]]}' for name in names)})")
    holes = ", ".join("?" * len(names))
    connection.executemany(
        f"INSERT INTO {tables.PACKED} VALUES ({holes})",
        [[list(value) if isinstance(value := one[name], tuple) else value for name in names] for one in rows],
    )
    for statement in views.statements():
        connection.execute(statement)
    return connection
