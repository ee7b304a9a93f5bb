"""The two tables of a fleet in Amazon Athena: the records as hosts wrote them, and what `fleet` decided each day.

Partitions are projected from the layout of the bucket, so that no crawler and no statement has to add them. A column
must not be both a partition column and a data column, so the values of partition columns are only in the path.

Sources: CREATE TABLE, Use partition projection with Amazon Athena, OpenX JSON SerDe, in the Amazon Athena User Guide.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, get_type_hints

from agent.catalog.partitions import is_region
from agent.fleet.table import COLUMNS, FLAGS, NUMBERS
from agent.report.host_record import HostRecord
from probes.frozen import dataclass

DATABASE: Final = "backuplink"
RECORDS: Final = "record"
"""The table of records: the lines that hosts write, or the files that `backuplink fleet pack` makes of them."""
ANSWERS: Final = "answer"
"""The table of the rows that `backuplink fleet --format parquet` writes: one for each host and cause."""
LINES_PREFIX: Final = "host.v1"
PACKED_PREFIX: Final = "host.v1.parquet"
ANSWERS_PREFIX: Final = "fleet/answers"
DAY: Final = "dt"
PARTITIONED_BY: Final = ("account", "region", DAY)
NOT_STORED: Final = frozenset({"schema", *PARTITIONED_BY})
"""Fields of a record that have no data column: `schema` is a reserved word in SQL, and the others are partition
columns."""
_TYPES: Final[dict[Any, str]] = {
    str: "string",
    str | None: "string",
    bool: "boolean",
    tuple[str, ...]: "array<string>",
}
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX: Final = re.compile(r"(?:[A-Za-z0-9_.=-]+(?:/[A-Za-z0-9_.=-]+)*)?")
ACCOUNT: Final = re.compile(r"[0-9]{12}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,127}")


class AthenaError(Exception):
    """Athena cannot do what was asked for. The message tells the operator why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """The place in S3 of a fleet's records and answers."""

    bucket: str
    prefix: str
    """The folder of the bucket without slashes around it; empty for the whole bucket."""
    accounts: tuple[str, ...]
    """The accounts that have hosts; empty if each query names one (`WHERE account = '…'`)."""
    regions: tuple[str, ...]
    since: date
    """The first day that has records."""
    is_packed: bool
    """Whether the table of the records reads the packed files."""
    database: str = DATABASE

    def location(self, folder: str) -> str:
        """The address of a folder in S3, with a slash at its end."""
        return f"s3://{'/'.join(filter(None, (self.bucket, self.prefix, folder)))}/"


def record_columns() -> dict[str, str]:
    """The columns of the table of records, with their types."""
    types = get_type_hints(HostRecord)
    return {name: _TYPES[type_] for name, type_ in types.items() if name not in NOT_STORED}


def answer_columns() -> dict[str, str]:
    """The columns of the table of answers, with their types."""
    return {name: "boolean" if name in FLAGS else "bigint" if name in NUMBERS else "string" for name in COLUMNS}


def statements(lake: Lake) -> tuple[str, ...]:
    """Return the statements that create the database and both tables, one by one, as Athena runs them. Raises
    AthenaError for a value that a statement cannot hold."""
    _check(lake)
    return (f"CREATE DATABASE IF NOT EXISTS {lake.database}", _records(lake), _answers(lake))


def _check(lake: Lake) -> None:
    for what, value, pattern in (
        ("bucket", lake.bucket, _BUCKET),
        ("prefix", lake.prefix, _PREFIX),
        ("database", lake.database, _NAME),
        *(("account", account, ACCOUNT) for account in lake.accounts),
    ):
        if pattern.fullmatch(value) is None:
            raise AthenaError(f"{value!r} is not a valid {what}")
    for region in lake.regions:
        if not is_region(region):
            raise AthenaError(f"{region!r} is not a Region")
    if not lake.regions:
        raise AthenaError("name at least one Region: partitions are projected only for named Regions")


def _records(lake: Lake) -> str:
    lines = (
        "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'",
        "WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true')",
        "STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'",
        "OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'",
    )
    projected = {**_projected("account", lake.accounts), **_projected("region", lake.regions)}
    return "\n".join(
        (
            *_head(lake, RECORDS, record_columns(), PARTITIONED_BY),
            *(("STORED AS PARQUET",) if lake.is_packed else lines),
            *_foot(lake, PACKED_PREFIX if lake.is_packed else LINES_PREFIX, projected, PARTITIONED_BY),
        )
    )


def _answers(lake: Lake) -> str:
    return "\n".join(
        (
            *_head(lake, ANSWERS, answer_columns(), (DAY,)),
            "STORED AS PARQUET",
            *_foot(lake, ANSWERS_PREFIX, {}, (DAY,)),
        )
    )


def _head(lake: Lake, table: str, columns: Mapping[str, str], partitions: Sequence[str]) -> Iterator[str]:
    yield f"CREATE EXTERNAL TABLE IF NOT EXISTS {lake.database}.{table} ("
    yield ",\n".join(f"  {name} {type_}" for name, type_ in columns.items())
    yield ")"
    yield f"PARTITIONED BY ({', '.join(f'{name} string' for name in partitions)})"


def _foot(lake: Lake, folder: str, projected: Mapping[str, str], partitions: Sequence[str]) -> Iterator[str]:
    location = lake.location(folder)
    path = "/".join(f"{name}=${{{name}}}" for name in partitions)
    properties = {
        "projection.enabled": "true",
        **projected,
        f"projection.{DAY}.type": "date",
        f"projection.{DAY}.format": "yyyy-MM-dd",
        f"projection.{DAY}.range": f"{lake.since:%Y-%m-%d},NOW",
        f"projection.{DAY}.interval": "1",
        f"projection.{DAY}.interval.unit": "DAYS",
        "storage.location.template": f"{location}{path}/",
    }
    yield f"LOCATION '{location}'"
    yield "TBLPROPERTIES ("
    yield ",\n".join(f"  '{name}' = '{value}'" for name, value in properties.items())
    yield ")"


def _projected(column: str, values: Sequence[str]) -> dict[str, str]:
    """Return the properties that project a partition column onto its values. Without values, each query must name a
    value."""
    if not values:
        return {f"projection.{column}.type": "injected"}
    return {f"projection.{column}.type": "enum", f"projection.{column}.values": ",".join(values)}
