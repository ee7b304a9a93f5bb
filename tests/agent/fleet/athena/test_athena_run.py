"""Queries that Athena runs: the calls against moto, and what Athena may say against a client that is told."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from agent.fleet.athena.run import PAGE, Answer, Run, answer
from agent.fleet.athena.tables import AthenaError

RUN: Final = Run(database="backuplink", workgroup="primary", output="s3://results/here/", max_bytes=1_000)
ID: Final = "11111111-2222-3333-4444-555555555555"
KEYS: Final = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "x", "region_name": "us-east-1"}


def never() -> bool:
    return False


# --- Against moto ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_a_query_and_its_rows(moto: str) -> None:
    names = ["fault", "hosts"]
    cells: list[list[str | None]] = [[*names], ["VPC005|group=sg-0a", "7"], ["TCP009", None]]
    told = {
        "account_id": "123456789012",
        "region": "us-east-1",
        "results": [
            {
                "rows": [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in cells],
                "column_info": [{"Name": name, "Type": "varchar"} for name in names],
            }
        ],
    }
    request = urllib.request.Request(  # noqa: S310 - moto on loopback
        f"{moto}/moto-api/static/athena/query-results",
        data=json.dumps(told).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as replied:  # noqa: S310 - the same
        assert replied.status == 201
    client = boto3.client("athena", endpoint_url=moto, **KEYS)
    waited: list[float] = []
    got = answer(client, "SELECT * FROM cause_day", RUN, wait=waited.append, cancelled=never)
    assert got is not None
    assert (got.columns, got.rows) == (("fault", "hosts"), (("VPC005|group=sg-0a", "7"), ("TCP009", None)))
    execution = client.get_query_execution(QueryExecutionId=got.id)["QueryExecution"]
    assert execution["Query"] == "SELECT * FROM cause_day"
    assert execution["QueryExecutionContext"] == {"Database": "backuplink"}
    assert execution["WorkGroup"] == "primary"
    assert execution["ResultConfiguration"]["OutputLocation"].startswith("s3://results/here/")


# --- What Athena may say ---------------------------------------------------------------------------------------------


@pytest.fixture
def told() -> Iterator[tuple[Any, Stubber]]:
    """A client that takes the calls that it is told of, in their order, and no others; and who tells it."""
    client = botocore.session.get_session().create_client("athena", **KEYS)
    with Stubber(client) as stubber:
        stubber.add_response(
            "start_query_execution",
            {"QueryExecutionId": ID},
            {
                "QueryString": "SELECT 1",
                "QueryExecutionContext": {"Database": "backuplink"},
                "WorkGroup": "primary",
                "ResultConfiguration": {"OutputLocation": "s3://results/here/"},
            },
        )
        yield client, stubber
        stubber.assert_no_pending_responses()


def looks(stubber: Stubber, state: str, scanned: int = 0, why: str | None = None) -> None:
    status = {"State": state} | ({} if why is None else {"StateChangeReason": why})
    execution = {"QueryExecutionId": ID, "Status": status, "Statistics": {"DataScannedInBytes": scanned}}
    stubber.add_response("get_query_execution", {"QueryExecution": execution}, {"QueryExecutionId": ID})


def page(stubber: Stubber, rows: list[list[str]], token: str | None, asked: str | None) -> None:
    result = {
        "ResultSet": {
            "Rows": [{"Data": [{"VarCharValue": cell} for cell in row]} for row in rows],
            "ResultSetMetadata": {"ColumnInfo": [{"Name": "fault", "Type": "varchar"}]},
        }
    }
    stubber.add_response(
        "get_query_results",
        result | ({} if token is None else {"NextToken": token}),
        {"QueryExecutionId": ID, "MaxResults": PAGE} | ({} if asked is None else {"NextToken": asked}),
    )


def test_it_waits_ever_longer_and_reads_all_pages(told: tuple[Any, Stubber]) -> None:
    client, stubber = told
    for state in ("QUEUED", *["RUNNING"] * 6):
        looks(stubber, state, scanned=10)
    looks(stubber, "SUCCEEDED", scanned=2_000)  # it is paid for already
    page(stubber, [["fault"], ["a"]], "more", None)
    page(stubber, [["fault"], ["b"]], None, "more")
    waited: list[float] = []
    got = answer(client, "SELECT 1", RUN, wait=waited.append, cancelled=never)
    # The head is in the first page alone: a row of the second that is like it is a row.
    assert got == Answer(id=ID, columns=("fault",), rows=(("a",), ("fault",), ("b",)), scanned_bytes=2_000)
    assert waited == sorted(waited)
    assert len(waited) == 7


def test_a_query_that_scans_too_much_is_stopped(told: tuple[Any, Stubber]) -> None:
    client, stubber = told
    looks(stubber, "RUNNING", scanned=1_000)
    looks(stubber, "RUNNING", scanned=1_001)
    stubber.add_response("stop_query_execution", {}, {"QueryExecutionId": ID})
    with pytest.raises(AthenaError, match=r"had scanned 1,001 bytes, more than the 1,000 that --max-bytes allows"):
        answer(client, "SELECT 1", RUN, wait=lambda _: None, cancelled=never)


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_query_that_fails_says_why(told: tuple[Any, Stubber], state: str) -> None:
    client, stubber = told
    looks(stubber, state, why="TABLE_NOT_FOUND: line 1:15: Table 'record' does not exist")
    with pytest.raises(AthenaError, match=rf"as {state}: TABLE_NOT_FOUND"):
        answer(client, "SELECT 1", RUN, wait=lambda _: None, cancelled=never)


def test_a_query_that_is_cancelled_is_stopped(told: tuple[Any, Stubber]) -> None:
    client, stubber = told
    looks(stubber, "RUNNING")
    stubber.add_response("stop_query_execution", {}, {"QueryExecutionId": ID})
    assert answer(client, "SELECT 1", RUN, wait=lambda _: None, cancelled=lambda: True) is None


def test_without_an_output_the_workgroup_has_one() -> None:
    client = botocore.session.get_session().create_client("athena", **KEYS)
    with Stubber(client) as stubber:
        stubber.add_response(
            "start_query_execution",
            {"QueryExecutionId": ID},
            {"QueryString": "SELECT 1", "QueryExecutionContext": {"Database": "backuplink"}, "WorkGroup": "own"},
        )
        looks(stubber, "SUCCEEDED")
        page(stubber, [["fault"]], None, None)
        run = Run(database="backuplink", workgroup="own", output=None, max_bytes=1_000)
        got = answer(client, "SELECT 1", run, wait=lambda _: None, cancelled=never)
    assert got == Answer(id=ID, columns=("fault",), rows=(), scanned_bytes=0)
