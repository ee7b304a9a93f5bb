"""A fleet in S3 and in Run Command, read from a server on this machine."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import boto3.session
import pytest
from botocore import exceptions
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.fleet import run_command, s3
from agent.fleet.aws import AwsError, in_words
from agent.fleet.database import Database
from agent.fleet.reading import FleetReadError
from agent.fleet.store import Source
from tests.agent.fleet.files import COMMAND, SICK, dump, hosts, lines, read, read_anew, record, report
from tests.hostile.fuzz.fleet_records import Silent, content, invocation
from tests.support import extent, moto_server
from tests.support.moto_server import REGION

moto = moto_server.moto
moto_url = moto_server.moto_url
BUCKET = "reports"
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"
I = "i-{:017x}".format  # noqa: E741 - the id of a host


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto_server.KEYS["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto_server.KEYS["secret_key"])
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


# --- S3 --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(moto: boto3.session.Session) -> Any:
    """A bucket with files of Systems Manager and of hosts. A list of its keys has more than one page."""
    client = moto.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for number in range(6):
        place = f"backuplink/{COMMAND}/{I(number)}/awsrunShellScript"
        step, document = (("report", report(number, SICK)), ("host", record(number)))[number % 2]
        client.put_object(Bucket=BUCKET, Key=f"{place}/{step}/stdout", Body=json.dumps(document).encode())
        client.put_object(Bucket=BUCKET, Key=f"{place}/check/stdout", Body=b"ok")
    key = f"backuplink/host.v1/account=111122223333/region=eu-west-1/dt={TODAY}/i-7.json"
    client.put_object(Bucket=BUCKET, Key=key, Body=lines(record(7)).encode())
    client.put_object(Bucket=BUCKET, Key="other/x.json", Body=lines(record(8)).encode())
    return client


def test_a_bucket(bucket: Any, tmp_path: Path) -> None:
    with read_anew(f"s3://{BUCKET}/backuplink/", region=REGION) as (engine, result):
        assert (result.read, result.unreadable_count) == (7, 0)
        assert sorted(hosts(engine)) == [I(number) for number in (*range(6), 7)]
        assert engine.query("SELECT sweep, count(*) FROM record GROUP BY sweep ORDER BY sweep") == [
            (COMMAND, 6),
            (TODAY, 1),
        ]
        assert engine.query("SELECT place FROM record WHERE host = ?", [I(3)]) == [
            (f"s3://{BUCKET}/backuplink/{COMMAND}/{I(3)}/awsrunShellScript/host/stdout",)
        ]
    one = f"s3://{BUCKET}/other/x.json"
    with read_anew(one, region=REGION) as (engine, _):
        assert hosts(engine) == [I(8)]


def test_what_was_read_before_is_not_fetched_again(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, cache = f"s3://{BUCKET}/backuplink", tmp_path / "cache"
    with read_anew(place, region=REGION, cache=cache) as (engine, _):
        before = dump(engine)
    bucket.put_object(Bucket=BUCKET, Key="backuplink/new.json", Body=lines(record(9)).encode())
    fetched: list[str] = []
    real = s3.content_of

    def noted(client: Any, source: Source) -> bytes:
        fetched.append(source.name)
        return real(client, source)

    monkeypatch.setattr(s3, "content_of", noted)
    with read_anew(place, region=REGION, cache=cache) as (engine, result):
        assert result.read == 8
        assert [row for row in dump(engine)["cause"] if row[0] != I(9)] == before["cause"]
    assert fetched == [f"s3://{BUCKET}/backuplink/new.json"]


def test_a_report_beside_its_record_is_not_fetched(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place = f"both/{COMMAND}/{I(1)}/awsrunShellScript/{{}}/stdout"
    bucket.put_object(Bucket=BUCKET, Key=place.format("host"), Body=lines(record(1)).encode())
    bucket.put_object(Bucket=BUCKET, Key=place.format("report"), Body=b"{")
    fetched: list[str] = []
    real = s3.content_of

    def content_of(client: Any, source: Any) -> bytes:
        fetched.append(source.name)
        return real(client, source)

    monkeypatch.setattr(s3, "content_of", content_of)
    with read_anew(f"s3://{BUCKET}/both", region=REGION) as (_, result):
        assert (result.read, result.unreadable_count) == (1, 0)
    assert fetched == [f"s3://{BUCKET}/{place.format('host')}"]
    assert result.reports == {f"s3://{BUCKET}/{place.format('report')}"}


def test_many_pages(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PAGE", 3)
    for number in range(40):
        bucket.put_object(Bucket=BUCKET, Key=f"pages/{number:05}.json", Body=lines(record(number)).encode())
    with read_anew(f"s3://{BUCKET}/pages/", region=REGION) as (engine, result):
        assert result.read == 40
        assert sorted(hosts(engine)) == [I(number) for number in range(40)]


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("s3://nobodys/x", "S3 refuses ListObjectsV2: NoSuchBucket"),
        ("s3://", "there is no bucket in it"),
        ("s3://Not a bucket!/x", "there is no bucket in it"),
    ],
)
def test_a_bucket_that_cannot_be_listed(bucket: Any, tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "a.json").write_text(lines(record(1)))
    with read_anew(place, tmp_path, region=REGION) as (_, result):
        assert result.read == 1
        (unreadable,) = result.unreadable
        assert unreadable.place == place
        assert why in unreadable.why


def test_an_object_that_is_gone_takes_no_other_with_it(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = s3.listed

    def listed(client: Any, place: str, cancelled: Any) -> Iterator[Any]:
        yield from real(client, place, cancelled)
        bucket.delete_object(Bucket=BUCKET, Key=f"backuplink/{COMMAND}/{I(3)}/awsrunShellScript/host/stdout")

    monkeypatch.setattr(s3, "listed", listed)
    with read_anew(f"s3://{BUCKET}/backuplink", region=REGION) as (_, result):
        assert result.read == 6
        assert [each.why for each in result.unreadable] == ["S3 refuses GetObject: NoSuchKey"]


def test_without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with Database() as engine, pytest.raises(FleetReadError, match="no AWS credentials are found"):
        read(engine, "s3://bucket/x", region=REGION)
    with Database() as engine, pytest.raises(FleetReadError, match="there is no such profile"):
        read(engine, "s3://bucket/x", region=REGION, profile="nobody")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (exceptions.ConnectTimeoutError(endpoint_url="x"), "connecting to it timed out"),
        (exceptions.ReadTimeoutError(endpoint_url="x"), "it accepts the connection and does not answer"),
        (exceptions.ConnectionClosedError(endpoint_url="x"), "it closes the connection without an answer"),
        (exceptions.ProxyConnectionError(proxy_url="http://user:secret@proxy"), "the proxy cannot be reached"),
        (exceptions.SSLError(endpoint_url="x", error="x"), "TLS failed; this host may not trust"),
        (exceptions.EndpointConnectionError(endpoint_url="x"), "it cannot be reached"),
        (exceptions.InvalidProxiesConfigError(), "the SDK ends with InvalidProxiesConfigError"),
    ],
)
def test_errors_of_the_path_in_our_words(error: Exception, words: str) -> None:
    with pytest.raises(AwsError, match=f"^S3: {words}") as raised, in_words("S3"):
        raise error
    assert "secret" not in str(raised.value)


# --- Run Command -----------------------------------------------------------------------------------------------------


class _RunCommand:
    """A server in place of Systems Manager. It speaks the service's protocol, JSON 1.1."""

    def __init__(self) -> None:
        self.invocations: list[dict[str, Any]] = []
        self.whole: dict[str, str] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusals = 0
        """The number of requests that are throttled before one is answered."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"told": self}))

    def answer(self, operation: str, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.calls.append((operation, given))
        if self.refusals:
            self.refusals -= 1
            return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
        if operation == "GetCommandInvocation":
            return 200, {"StandardOutputContent": self.whole[given["InstanceId"]]}
        first = int(given.get("NextToken", 0))
        more = first + given["MaxResults"]
        answer: dict[str, Any] = {"CommandInvocations": self.invocations[first:more]}
        return 200, answer if more >= len(self.invocations) else {**answer, "NextToken": str(more)}


class _Handler(BaseHTTPRequestHandler):
    told: _RunCommand
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer = self.told.answer(self.headers["X-Amz-Target"].partition(".")[2], given)
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing on stderr."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[_RunCommand]:
    server = _RunCommand()
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server.server_address[1]}")
    yield server
    server.server.shutdown()
    thread.join()
    server.server.server_close()


def _invocation(number: int, output: str, status: str = "Success") -> dict[str, Any]:
    plugins = [
        {"Name": "check", "Status": status, "Output": "critical: x"},
        {"Name": "host", "Status": "Success", "Output": output},
    ]
    return {"CommandId": COMMAND, "InstanceId": I(number), "Status": status, "CommandPlugins": plugins}


def test_a_command(told: _RunCommand) -> None:
    told.invocations = [_invocation(number, lines(record(number, SICK)), "Failed") for number in range(120)]
    with read_anew(command_ids=(COMMAND,), region=REGION) as (engine, result):
        assert (result.read, result.unreadable_count) == (120, 0)
        assert hosts(engine) == [I(number) for number in range(120)]
        assert engine.query("SELECT DISTINCT sweep FROM record") == [(COMMAND,)]
        assert engine.query("SELECT place FROM record WHERE id = 0") == [(f"{COMMAND}/{I(0)}",)]
    assert [operation for operation, _ in told.calls] == ["ListCommandInvocations"] * 3
    assert all(given["Details"] is True and given["MaxResults"] == 50 for _, given in told.calls)


def test_an_output_that_was_cut_is_asked_for_alone(told: _RunCommand) -> None:
    whole = "x" * 2_000 + "\n" + lines(record(1, SICK))
    told.invocations = [
        _invocation(1, (whole.partition("\n")[2] + " " * 2_500)[:700].ljust(2_500)),
        _invocation(2, lines(record(2))),
    ]
    told.whole = {I(1): whole}
    with read_anew(command_ids=(COMMAND,), region=REGION) as (engine, result):
        assert result.unreadable_count == 0
        assert hosts(engine) == [I(1), I(2)]
    assert told.calls[-1] == (
        "GetCommandInvocation",
        {"CommandId": COMMAND, "InstanceId": I(1), "PluginName": "host"},
    )


def test_hosts_without_a_record(told: _RunCommand) -> None:
    no_host = _invocation(3, "")
    torn = _invocation(4, lines(record(4))[:-40])
    forged = _invocation(5, lines({**record(5), "status": "fine"}))
    told.invocations = [
        _invocation(0, lines(record(0))),
        _invocation(1, "", "InProgress"),
        {**_invocation(2, "", "TimedOut"), "StatusDetails": "DeliveryTimedOut"},
        no_host,
        torn,
        forged,
    ]
    with read_anew(command_ids=(COMMAND,), region=REGION) as (_, result):
        assert result.read == 1
        whys = {each.place.rpartition("/")[2]: each.why for each in result.unreadable}
    assert whys[I(1)] == "it has not ended yet (InProgress)"
    assert whys[I(2)] == "the command did not run there: DeliveryTimedOut"
    assert whys[I(3)] == "no step of this command prints a record (--format host)"
    assert "is not JSON" in whys[I(4)]
    assert "status" in whys[I(5)]


def test_a_node_speaks_for_no_other(told: _RunCommand) -> None:
    """Ten hosts are unhealthy. An eleventh host prints records that claim, in every possible way, that one of the ten
    is healthy.
    """
    said = {**record(3), "taken_at": "2099-01-01T00:00:00.000Z"}
    for forged in (said, {**said, "host": None}, {**said, "host": "ip-10-0-0-3"}, {**said, "host": "mi-0a1b2c3d"}):
        told.invocations = [_invocation(number, lines(record(number, SICK)), "Failed") for number in range(10)]
        told.invocations.append(_invocation(10, lines(forged)))
        with read_anew(command_ids=(COMMAND,), region=REGION) as (engine, result):
            rows = dict(engine.query("SELECT host, status FROM record"))
        assert {host for host, status in rows.items() if status == "critical"} == set(map(I, range(10)))
        assert rows.keys() - set(map(I, range(10))) == (set() if forged is said else {I(10)})
        whys = [each.why for each in result.unreadable]
        assert whys == ([f"host: this is '{I(3)}', and {I(10)} printed it"] if forged is said else [])


def test_throttling_is_waited_out(told: _RunCommand) -> None:
    told.invocations = [_invocation(0, lines(record(0)))]
    told.refusals = 2
    with read_anew(command_ids=(COMMAND,), region=REGION) as (_, result):
        assert result.read == 1
    assert len(told.calls) == 3


def test_a_command_that_is_not_there(told: _RunCommand) -> None:
    told.answer = lambda *_: (400, {"__type": "InvalidCommandId", "message": "x"})  # type: ignore[method-assign]
    with Database() as engine, pytest.raises(FleetReadError, match=r"Systems Manager refuses .*InvalidCommandId"):
        read(engine, command_ids=(COMMAND,), region=REGION)


def test_a_region_is_needed(told: _RunCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with Database() as engine, pytest.raises(FleetReadError, match="no Region is known"):
        read(engine, command_ids=(COMMAND,))


@settings(max_examples=extent.examples(200), deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_any_output_is_a_record_or_refused_in_words(chance: Random) -> None:
    piece = run_command._piece(Silent(), COMMAND, invocation(content(chance)))
    assert (piece.line is None) == (piece.why is not None)
