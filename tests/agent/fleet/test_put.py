"""`backuplink fleet put`: the place of a record, the requests to S3, and the errors."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3.session
import pytest

from agent.cli.main import dispatch
from agent.fleet.places import is_taken
from agent.fleet.put import PutError, place_of
from tests.agent.fleet.files import hosts, lines, read_anew, record, report
from tests.support import moto_server
from tests.support.moto_server import REGION, Reply

moto = moto_server.moto
moto_url = moto_server.moto_url
told = moto_server.told
BUCKET = "records"
PREFIX = f"s3://{BUCKET}/backuplink-fleet"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-4e5f-6789-0a1b-2c3d4e5f6789"
ACCOUNT = "111122223333"
I = "i-{:017x}".format  # noqa: E741 - the id of a host


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto_server.KEYS["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto_server.KEYS["secret_key"])
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


@pytest.fixture
def bucket(moto: boto3.session.Session) -> Any:
    client = moto.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


def written(folder: Path, document: Any) -> str:
    """Write a document to a file. Returns the path."""
    path = folder / "report.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return str(path)


def of_account(number: int, **changed: Any) -> dict[str, Any]:
    return record(number, account=ACCOUNT, region=REGION, taken_at="2026-03-01T23:59:59.000Z", **changed)


# --- Where a record is written ---------------------------------------------------------------------------------------


def test_a_fleet_and_its_lake_find_it(bucket: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fleet", "put", written(tmp_path, of_account(1)), PREFIX], []) == 0
    out, err = capsys.readouterr()
    place = f"{PREFIX}/host.v1/account={ACCOUNT}/region={REGION}/dt=2026-03-01/{I(1)}.json"
    assert (out, err) == (f"{place}\n", "")
    assert dispatch(["fleet", "put", written(tmp_path, of_account(2)), f"{PREFIX}/"], []) == 0
    with read_anew(PREFIX, region=REGION) as (engine, result):
        assert (result.read, result.unreadable_count) == (2, 0)
        assert sorted(hosts(engine)) == [I(1), I(2)]
        today = f"{datetime.now(UTC):%Y-%m-%d}"  # written today, long after the day of the host's clock
        assert engine.query("SELECT DISTINCT sweep, account FROM record") == [(today, ACCOUNT)]
    with read_anew(place, region=REGION) as (engine, _):
        assert hosts(engine) == [I(1)]


def test_the_last_record_of_a_day_stands(bucket: Any, tmp_path: Path) -> None:
    for run in ("first", "second"):
        assert dispatch(["fleet", "put", written(tmp_path, of_account(1, run=run)), PREFIX], []) == 0
    with read_anew(PREFIX, region=REGION) as (engine, _):
        assert engine.query("SELECT run FROM record") == [("second",)]


def test_no_extra_is_needed(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The single-file program, the deb and the rpm do not contain DuckDB."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for name in ("agent.fleet.connection", "agent.fleet.database"):
        monkeypatch.delattr(name, raising=False)  # a new import sets the attribute of the package again
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert dispatch(["fleet", "put", written(tmp_path, of_account(1)), PREFIX], []) == 0
    (one,) = bucket.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert one["Key"].endswith(f"{I(1)}.json")


def test_a_report_is_put_as_its_record(bucket: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = report(1)
    document["vantage"]["account_id"] = ACCOUNT
    assert dispatch(["fleet", "put", written(tmp_path, json.dumps(document, indent=2)), PREFIX], []) == 0
    key = capsys.readouterr().out.strip().removeprefix(f"s3://{BUCKET}/")
    body = bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert body.count(b"\n") == 1
    assert json.loads(body)["schema"] == "backuplink.host.v1"


def test_stdin_is_read(bucket: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = os.dup(0)
    with open(written(tmp_path, of_account(3)), "rb") as file:
        os.dup2(file.fileno(), 0)
    try:
        assert dispatch(["fleet", "put", "-", PREFIX], []) == 0
    finally:
        os.dup2(before, 0)
        os.close(before)
    assert I(3) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "name"),
    [("db-17.corp", "db-17.corp.json"), ("../../x", "%2E.%2F..%2Fx.json"), ("a b|c", "a%20b%7Cc.json")],
)
def test_whatever_a_host_is_called_it_is_one_object(host: str, name: str) -> None:
    place = place_of(of_account(1, host=host), PREFIX)
    assert place == f"{PREFIX}/host.v1/account={ACCOUNT}/region={REGION}/dt=2026-03-01/{name}"
    assert is_taken(place)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"account": None}, "names no account, which its key in the bucket needs"),
        ({"account": "1234"}, "names no account"),
        ({"region": "../x"}, "names no Region"),
        ({"host": None, "region": None}, "names no Region and no host"),
        ({"redacted": True}, "is redacted"),
    ],
)
def test_a_record_that_does_not_say_whose_it_is(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(PutError, match=why):
        place_of({**of_account(1), **changed}, PREFIX)


@pytest.mark.parametrize(
    "destination", ["", "s3://", "s3:///", "s3:///prefix", "s3://a b/c", "s3://bucket!", "lake", "https://bucket/x"]
)
def test_a_destination_is_a_bucket(destination: str) -> None:
    with pytest.raises(PutError, match="is not a bucket; s3://BUCKET/PREFIX belongs there"):
        place_of(of_account(1), destination)


# --- What is asked of S3 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, KEY])
def test_one_request_with_the_key_that_is_named(
    key: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    class Client:
        def put_object(self, **given: Any) -> None:
            asked.append(given)

    def client(service: str, **given: Any) -> Client:
        asked.append({"service": service, **given})
        return Client()

    monkeypatch.setattr("agent.fleet.aws.client", client)
    words = () if key is None else ("--kms-key", key)
    assert dispatch(["fleet", "put", *words, written(tmp_path, of_account(1)), PREFIX], []) == 0
    made, put = asked
    assert (made["service"], made["region"]) == ("s3", REGION)  # the regional host, which a gateway endpoint serves
    assert made["attempts"] * 2 * made["seconds"] <= 30
    assert (put["Bucket"], put["Key"].rpartition("/")[2]) == (BUCKET, f"{I(1)}.json")
    assert put.get("SSEKMSKeyId") == key
    assert put.get("ServerSideEncryption") == (None if key is None else "aws:kms")


def test_a_bucket_of_another_region_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    regions = []
    monkeypatch.setattr("agent.fleet.aws.client", lambda _, region, **__: regions.append(region))
    monkeypatch.setattr("agent.fleet.put.put", lambda *_: None)
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    file = written(tmp_path, of_account(1))
    assert dispatch(["fleet", "put", file, PREFIX], []) == 0
    assert dispatch(["fleet", "put", "--region", "eu-central-1", file, PREFIX], []) == 0
    assert regions == [REGION, "eu-central-1"]


def test_a_bucket_that_another_account_took_gets_no_record(
    told: moto_server.Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Like S3, the server compares the expected owner with the account of the bucket (Amazon S3 User Guide, Verifying
    bucket ownership with bucket owner condition).
    """
    owner, got = "999988887777", []

    def do_put(handler: Any) -> None:
        expected = handler.headers.get("x-amz-expected-bucket-owner")
        refused = expected not in (None, owner)
        got.append(expected)
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>" if refused else b""
        _answer(handler, Reply(body=body, status=403 if refused else 200))

    monkeypatch.setattr(moto_server._Handler, "do_PUT", do_put, False)
    file = written(tmp_path, of_account(1))
    assert dispatch(["fleet", "put", file, PREFIX], []) == 0
    assert dispatch(["fleet", "put", file, PREFIX, "--bucket-owner", owner], []) == 0
    assert dispatch(["fleet", "put", file, PREFIX, "--bucket-owner", ACCOUNT], []) == 3
    assert got == [None, owner, ACCOUNT]
    err = capsys.readouterr().err
    assert "S3 refuses PutObject: AccessDenied." in err
    assert f"The bucket must belong to the account {ACCOUNT}." in err


@pytest.mark.parametrize("owner", ["", "1", "1111-2222-3333", "arn:aws:iam::111122223333:root", "\u0661" * 12])
def test_an_owner_is_the_number_of_an_account(owner: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fleet", "put", "--bucket-owner", owner, written(tmp_path, of_account(1)), PREFIX], []) == 3
    assert "is not the number of an account" in capsys.readouterr().err


# --- What goes wrong -------------------------------------------------------------------------------------------------


def test_a_refusal_says_what_is_lacking(
    told: moto_server.Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    monkeypatch.setattr(moto_server._Handler, "do_PUT", lambda self: _answer(self, Reply(body=body, status=403)), False)
    assert dispatch(["fleet", "put", written(tmp_path, of_account(1)), PREFIX], []) == 3
    err = capsys.readouterr().err
    assert "S3 refuses PutObject: AccessDenied. The host's role needs s3:PutObject there" in err
    assert "kms:GenerateDataKey" not in err
    assert f"{PREFIX.removeprefix('s3://')}/host.v1/account={ACCOUNT}/" in err
    assert len(err.splitlines()) == 1
    words = ["fleet", "put", written(tmp_path, of_account(1)), PREFIX, "--kms-key", KEY]
    assert dispatch(words, []) == 3
    assert "The role also needs kms:GenerateDataKey for that key." in capsys.readouterr().err


def _answer(handler: Any, reply: Reply) -> None:
    handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    handler.send_response(reply.status)
    handler.send_header("Content-Length", str(len(reply.body)))
    handler.end_headers()
    handler.wfile.write(reply.body)


def test_no_bucket_is_no_help_about_permissions(
    bucket: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["fleet", "put", written(tmp_path, of_account(1)), "s3://nobodys/x"], []) == 3
    err = capsys.readouterr().err
    assert "S3 refuses PutObject: NoSuchBucket." in err
    assert "s3:PutObject" not in err


def test_a_bucket_that_does_not_answer_holds_nobody(
    told: moto_server.Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server accepts the request, but sends no answer. The deadline is shorter than the limit of one attempt."""
    monkeypatch.setattr(moto_server._Handler, "do_PUT", lambda self: self.told.ending.wait(), False)
    assert dispatch(["fleet", "put", "--deadline", "1", written(tmp_path, of_account(1)), PREFIX], []) == 3
    assert "S3 does not answer within 1 s." in capsys.readouterr().err


def test_without_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert dispatch(["fleet", "put", written(tmp_path, of_account(1)), PREFIX], []) == 3
    err = capsys.readouterr().err
    assert err.index("S3: no AWS credentials are found.") < err.index("host.v1/")  # the cause comes before the path


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("", "report.json: holds no report and no record."),
        ("{", "report.json: is cut off."),
        (lines(record(1), record(2)), "report.json: it holds 2 documents instead of one report or record"),
        (["i-1"], "report.json: it holds 0 documents"),
        ({"schema": "backuplink.fleet.v1"}, "this is a 'backuplink.fleet.v1'"),
    ],
    ids=["empty", "torn", "two", "inventory", "fleet"],
)
def test_what_is_not_one_record(document: Any, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fleet", "put", written(tmp_path, document), PREFIX], []) == 3
    assert why in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fleet", "put", str(tmp_path / "nowhere"), PREFIX], []) == 3
    assert "nowhere: cannot be read: No such file or directory." in capsys.readouterr().err


@pytest.mark.parametrize("key", ["alias/x", "arn:aws:kms:eu-west-1:1:key/x", f"{KEY} "])
def test_a_key_is_named_by_its_arn(key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["fleet", "put", "--kms-key", key, written(tmp_path, of_account(1)), PREFIX], []) == 3
    assert "is not the ARN of a KMS key" in capsys.readouterr().err


def test_a_signal_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "never.json"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    try:
        assert dispatch(["fleet", "put", str(pipe), PREFIX], ["SIGTERM"]) == 143
    finally:
        os.close(writer)
