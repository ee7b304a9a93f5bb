"""Queries that Athena runs: started, waited for, bounded, and their rows.

Source: StartQueryExecution, GetQueryExecution, GetQueryResults and StopQueryExecution, in the Amazon Athena API
Reference.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from agent.fleet.athena.tables import AthenaError
from probes.frozen import dataclass

PAGE: Final = 1_000
"""Rows in one answer, the most that Athena gives."""
_WAITS: Final = (0.5, 0.5, 1.0, 1.0, 2.0)
"""Seconds between two looks at a query; the last one stands for all that follow."""
_GOING_ON: Final = frozenset({"QUEUED", "RUNNING"})
_SHOWN: Final = 300
"""Characters of what Athena says of a query that failed."""

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How queries are run."""

    database: str
    workgroup: str
    output: str | None
    """Where Athena writes results; None for what the workgroup has set."""
    max_bytes: int
    """A query that has scanned more is stopped. Athena counts while it runs, so some more may be scanned and paid for;
    the limit of a workgroup is exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query gave."""

    id: str
    """Of its execution."""
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    scanned_bytes: int


def answer(
    client: Any, query: str, run: Run, *, wait: Callable[[float], None], cancelled: Callable[[], bool]
) -> Answer | None:
    """Run a query to its end. None where it was cancelled, and then Athena is told to stop it. Raises AthenaError for a
    query that failed or scanned too much, and what the client raises.

    `wait` sleeps so many seconds."""
    result = {} if run.output is None else {"ResultConfiguration": {"OutputLocation": run.output}}
    started = client.start_query_execution(
        QueryString=query, QueryExecutionContext={"Database": run.database}, WorkGroup=run.workgroup, **result
    )
    id_ = started["QueryExecutionId"]
    scanned = _ended(client, id_, run, wait, cancelled)
    if scanned is None:
        client.stop_query_execution(QueryExecutionId=id_)
        return None
    columns, rows = _result(client, id_)
    return Answer(id=id_, columns=columns, rows=rows, scanned_bytes=scanned)


def _ended(client: Any, id_: str, run: Run, wait: Callable[[float], None], cancelled: Callable[[], bool]) -> int | None:
    """The bytes that a query scanned, at its end; None where it was cancelled before. Raises AthenaError."""
    looks = 0
    while True:
        execution = client.get_query_execution(QueryExecutionId=id_)["QueryExecution"]
        status = execution["Status"]
        scanned = int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))
        if status["State"] in _GOING_ON and scanned > run.max_bytes:
            client.stop_query_execution(QueryExecutionId=id_)
            raise AthenaError(
                f"the query {id_} was stopped: it had scanned {scanned:,} bytes, more than the {run.max_bytes:,} that "
                "--max-bytes allows"
            )
        if status["State"] == "SUCCEEDED":
            return scanned
        if status["State"] not in _GOING_ON:
            why = str(status.get("StateChangeReason") or "without a reason")[:_SHOWN]
            raise AthenaError(f"Athena ended the query {id_} as {status['State']}: {why}")
        if cancelled():
            return None
        wait(_WAITS[min(looks, len(_WAITS) - 1)])
        looks += 1


def _result(client: Any, id_: str) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Columns and rows. The first row of a SELECT repeats the columns; a statement that defines something has none."""
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    for number, page in enumerate(_pages(client, id_)):
        result = page["ResultSet"]
        columns = columns or tuple(
            column["Name"] for column in result.get("ResultSetMetadata", {}).get("ColumnInfo", ())
        )
        read = [tuple(cell.get("VarCharValue") for cell in row.get("Data", ())) for row in result.get("Rows", ())]
        rows += read[1:] if number == 0 and read[:1] == [columns] else read
    return columns, tuple(rows)


def _pages(client: Any, id_: str) -> Iterator[dict[str, Any]]:
    token: str | None = None
    while True:
        more = {} if token is None else {"NextToken": token}
        page = client.get_query_results(QueryExecutionId=id_, MaxResults=PAGE, **more)
        yield page
        token = page.get("NextToken")
        if token is None:
            return
