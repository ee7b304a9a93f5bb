"""What a file may contain: records and reports, one or many, and anything else."""

import gzip
import io
import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.fleet import records
from agent.fleet.database import Database
from agent.fleet.inventory import parse
from agent.fleet.records import pieces_of
from agent.fleet.store import Piece, Source
from agent.report.host_record import HostRecord
from agent.report.serialization import from_json
from tests.agent.fleet.files import lines, record, report
from tests.hostile.fuzz.fleet_records import content
from tests.support import extent

SOURCE = Source("f", "tag", "a sweep", 0)


def found(data: bytes | str) -> list[Piece]:
    """The pieces of a file with this content."""
    return list(pieces_of(SOURCE, io.BytesIO(data.encode() if isinstance(data, str) else data)))


def hosts(data: bytes | str) -> list[str | None]:
    """For each piece of a file: the host of its record, or None if it is not a record."""
    return [None if piece.line is None else json.loads(piece.line)["host"] for piece in found(data)]


def whys(data: bytes | str) -> list[tuple[str, str | None]]:
    """For each piece of a file that cannot be read, its place and the reason."""
    return [(piece.place, piece.why) for piece in found(data) if piece.line is None]


I = "i-{:017x}".format  # noqa: E741 - the id of a host


@pytest.mark.parametrize(
    "text",
    [
        lines(record(1)),
        json.dumps(record(1), indent=2),
        json.dumps(report(1)),
        json.dumps(report(1), indent=4),
        "\ufeff" + lines(record(1)),
        json.dumps({"type": "report", **report(1)}),
    ],
)
def test_one_document(text: str) -> None:
    assert found(text) == [Piece("f", "tag", 0, "f", "a sweep", found(text)[0].line, None, 1, True)]
    assert hosts(text) == [I(1)]
    assert hosts(gzip.compress(text.encode())) == [I(1)]


@pytest.mark.parametrize(
    "text",
    [
        lines(record(1), record(2), record(3)),
        lines(record(1), report(2), record(3)).replace("\n", "\n\n"),
        "\n".join(json.dumps(each, indent=2) for each in (record(1), report(2), record(3))),
        lines(record(1)) + json.dumps(report(2), indent=1) + "\n" + lines(record(3)),
        json.dumps([record(1), report(2), record(3)]),
        json.dumps([record(1), report(2), record(3)], indent=2),
        lines({"type": "run"}, {"type": "finding"}, {"type": "report", **report(1)}) + lines(record(2), record(3)),
        lines(record(1), record(2)) + lines(record(3)).rstrip("\n"),
    ],
)
def test_several_documents(text: str) -> None:
    assert hosts(text) == [I(1), I(2), I(3)]
    assert hosts(gzip.compress(text.encode())) == [I(1), I(2), I(3)]
    assert [piece.position for piece in found(text)] == [0, 1, 2]


def test_the_place_of_one_of_several_is_its_line() -> None:
    assert [piece.place for piece in found(lines(record(1), record(2)))] == ["f:1", "f:2"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "holds no report and no record"),
        (b"\n \n", "holds no report and no record"),
        (lines({"type": "run"}), "holds no report and no record"),
        ("hello\nworld\n", "is not JSON"),
        ("{}", "this is neither a report nor a record"),
        ("[1]", "this is neither a report nor a record"),
        ("7", "this is neither a report nor a record"),
        ('{"schema": "backuplink.facts.v1"}', "'backuplink.facts.v1'"),
        (json.dumps(report(1))[:-9], "is not JSON"),
        (json.dumps(report(1), indent=2)[:-9], "is cut off"),
        (b"\xff\xfe{}", "is no"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b'{"schema": 1' + b"1" * 6_000 + b"}", "has a number with too many digits"),
        (gzip.compress(lines(record(1)).encode())[:-12], "cannot be unpacked"),
        (gzip.compress(b"{}")[:6] + b"x" * 60, "cannot be unpacked"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "bytes",  # some are long or vary
)
def test_what_is_none(data: bytes | str, why: str) -> None:
    pieces = found(data)
    assert [piece.line for piece in pieces] == [None]
    assert why in (pieces[0].why or "")


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"InstanceInformationList": [{"InstanceId": "i-1", "PingStatus": "Online"}]}, id="SSM"),
        pytest.param({"Reservations": [{"Instances": [{"InstanceId": "i-1"}]}]}, id="EC2"),
        pytest.param(["i-1", "i-2"], id="ids"),
    ],
)
def test_an_inventory_beside_the_records_is_passed_over(document: Any) -> None:
    assert found(json.dumps(document, indent=2)) == []
    assert parse(json.dumps(document).encode(), "inventory.json").hosts


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"schema": "backuplink.report.v1", "Reservations": []}, id="a report that nearly is one"),
        pytest.param({"Reservations": "none"}, id="no list"),
        pytest.param([], id="nothing"),
        pytest.param(["i-1", 1], id="not ids alone"),
    ],
)
def test_what_is_nearly_an_inventory_is_counted(document: Any) -> None:
    assert all(piece.why for piece in found(json.dumps(document)))
    assert found(json.dumps(document))[-1].last


def test_what_is_torn_takes_no_other_with_it() -> None:
    torn = lines(record(2))[:-40] + "\n"
    assert hosts(lines(record(1)) + torn + lines(record(3))) == [I(1), None, I(3)]
    pretty = json.dumps(report(2), indent=2)
    assert hosts(lines(record(1)) + pretty[:-300] + "\n" + pretty + "\n" + lines(record(3))) == [I(1), None, I(2), I(3)]
    assert whys(lines(record(1)) + "hello\nthere\n" + lines(record(3))) == [("f:2", "is not JSON")]


def test_many_failures_are_counted_and_the_first_named() -> None:
    pieces = found("{}\n" * 500 + lines(record(1)))
    assert [piece.times for piece in pieces if piece.line is None] == [1] * records.MAX_FAILED + [492]
    assert sum(piece.line is not None for piece in pieces) == 1
    assert "492 more" in (pieces[-1].why or "")


def test_a_file_that_is_larger_than_a_document_is_read_by_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_DOCUMENT", 3_000)
    text = lines(*(record(number) for number in range(50)))
    assert hosts(text) == [I(number) for number in range(50)]
    assert hosts(gzip.compress(text.encode())) == [I(number) for number in range(50)]
    assert "limit of a report" in (whys(json.dumps(report(1)))[0][1] or "")
    assert "limit of a report" in (whys(json.dumps(report(1), indent=2))[0][1] or "")


def test_a_file_without_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_DOCUMENT", 2_000)
    monkeypatch.setattr(records, "MAX_CONTENT", 20_000)
    text = lines(*(record(number) for number in range(100)))
    assert 5 < len(hosts(gzip.compress(text.encode()))) < 40
    assert found(text)[-1].line is None


def packed(content: bytes) -> list[Piece]:
    return list(pieces_of(SOURCE, io.BytesIO(gzip.compress(content))))


@pytest.mark.parametrize(
    "line", [b"\n", b"no JSON\n", b"{}\n", b"[]\n", b"{\n"], ids=["blank", "text", "none", "empty", "torn"]
)
def test_lines_without_a_record_are_not_read_for_ever(monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    monkeypatch.setattr(records, "MAX_IDLE", 100)
    content = lines(record(1)).encode() + line * 5_000 + lines(record(2)).encode()
    for pieces in (packed(content), list(pieces_of(SOURCE, io.BytesIO(content)))):
        assert [json.loads(piece.line)["run"] for piece in pieces if piece.line] == [f"{1:032x}"]
        assert "the rest was not read" in (pieces[-1].why or "")
        assert pieces[-1].last


def test_a_list_of_what_is_no_record_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_IDLE", 100)
    pieces = packed(json.dumps([{}] * 5_000).encode())
    assert sum(piece.times for piece in pieces) < 200
    assert "the rest was not read" in (pieces[-1].why or "")


@pytest.mark.parametrize("content", [b" " * (64 << 20), b"{" + b" " * (64 << 20)], ids=["blanks", "a document"])
def test_what_is_packed_too_densely_is_left(content: bytes) -> None:
    pieces = packed(content)
    assert [piece.line for piece in pieces] == [None] * len(pieces)


def test_what_is_denser_than_records_are_is_left_where_that_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_DOCUMENT", 4_000)
    monkeypatch.setattr(records, "MAX_RATIO", 20)
    text = lines(*(record(number) for number in range(50))) + lines(record(7)) * 5_000
    pieces = packed(text.encode())
    assert 50 < sum(piece.line is not None for piece in pieces) < 5_000
    assert "times as densely as records are" in (pieces[-1].why or "")


def test_records_of_many_hosts_are_not_too_dense() -> None:
    text = lines(*(record(number) for number in range(20_000)))
    pieces = packed(text.encode())
    assert all(piece.line is not None for piece in pieces)
    assert len(pieces) == 20_000


def test_a_source_takes_no_longer_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1_000_000))
    monkeypatch.setattr(records, "MAX_SECONDS", 30.0)
    monkeypatch.setattr("agent.fleet.records.time.monotonic", lambda: float(next(clock)))
    pieces = list(pieces_of(SOURCE, io.BytesIO(lines(*(record(number) for number in range(100))).encode())))
    assert 20 < sum(piece.line is not None for piece in pieces) < 40
    assert pieces[-1].why == "takes longer than 300 s; the rest was not read"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, None),
        ({"account": None, "region": None}, None),
        ({"account": "444455556666"}, "account: this is '444455556666', but its folder is for 111122223333"),
        ({"region": "us-east-1"}, "region: this is 'us-east-1', but its folder is for eu-west-1"),
        ({"account": "111122223333", "redacted": True}, None),
        ({"account": None, "region": None, "redacted": True}, None),
        (
            {"account": "account-1", "redacted": True},
            "account: this is 'account-1', but its folder is for 111122223333",
        ),
    ],
)
def test_a_record_is_of_the_account_and_region_of_its_folder(changed: dict[str, Any], why: str | None) -> None:
    """A host can only write to the folder of its own account, so a record there cannot be about a host of another
    account.
    """
    document = record(1, **{"account": "111122223333", "region": "eu-west-1", "redacted": False, **changed})
    folder = "/x/host.v1/account=111122223333/region=eu-west-1/dt=2026-03-01/i-1.json"
    (piece,) = pieces_of(SOURCE._replace(name=folder), io.BytesIO(lines(document).encode()))
    assert piece.why == why
    if why is None:
        told = json.loads(piece.line or "")
        known = ("111122223333", "eu-west-1")
        assert (told["account"], told["region"]) == (
            (document["account"], document["region"]) if document["redacted"] else known
        )


NODE = "i-0a1b2c3d4e5f67890"
_STEP = "awsrunShellScript/host/stdout"
_ID = "0a1b2c3d-0000-4000-8000-00000000000a"


@pytest.mark.parametrize(
    ("node", "host", "counts_as"),
    [
        (NODE, NODE, NODE),
        (NODE, I(1), None),
        (NODE, None, NODE),
        (NODE, "db-17.corp", NODE),
        (NODE, "mi-0a1b2c3d4e5f67890", NODE),
        ("mi-0a1b2c3d4e5f67890", I(1), "mi-0a1b2c3d4e5f67890"),
        ("mi-0a1b2c3d4e5f67890", "mi-0a1b2c3d4e5f67891", None),
    ],
)
@pytest.mark.parametrize("place", [f"/x/b/{_ID}/{{}}/{_STEP}", f"s3://b/x/{{}}/{_ID}/2026-11-30T03-00-00.123Z/{_STEP}"])
def test_what_a_node_printed_is_its_own(place: str, node: str, host: str | None, counts_as: str | None) -> None:
    """The file of a node counts only for this node, even if it has records of many hosts."""
    source = SOURCE._replace(name=place.format(node))
    said = lines(*(record(number, host=host) for number in range(3)))
    pieces = list(pieces_of(source, io.BytesIO(said.encode())))
    assert [piece.line and json.loads(piece.line)["host"] for piece in pieces] == [counts_as] * 3
    if counts_as is None:
        assert {piece.why for piece in pieces} == {f"host: this is '{host}', and {node} printed it"}


def test_no_node_prints_below_the_folder_of_an_account() -> None:
    name = f"/x/host.v1/account=111122223333/region=eu-west-1/{_ID}/{NODE}/{_STEP}"
    with pytest.raises(ValueError, match=r"does not lie in a folder host\.v1/account=ACCOUNT"):
        list(pieces_of(SOURCE._replace(name=name), io.BytesIO(lines(record(host=NODE)).encode())))


def test_a_redacted_record_keeps_its_mask() -> None:
    document = record(host="instance-1", redacted=True)
    (piece,) = pieces_of(SOURCE._replace(name=f"/x/{_ID}/{NODE}/{_STEP}"), io.BytesIO(lines(document).encode()))
    assert json.loads(piece.line or "")["host"] == "instance-1"


@pytest.mark.parametrize("name", [name for name in HostRecord.__slots__ if name != "schema"])
def test_a_record_has_every_field(name: str) -> None:
    (piece,) = found(lines({key: value for key, value in record(1).items() if key != name}))
    assert piece.line is None
    assert name in (piece.why or "")


@settings(max_examples=extent.examples(400), deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_any_bytes_are_records_or_refused_in_words(chance: Random) -> None:
    pieces = found(content(chance))
    assert pieces
    for piece in pieces:
        assert (piece.line is None) == (piece.why is not None)
        if piece.line is not None:
            from_json(HostRecord, json.loads(piece.line))
    with Database() as engine:
        engine.take(pieces)
        engine.settle()
        assert engine.query("SELECT count(*) FROM record") == [(sum(piece.line is not None for piece in pieces),)]
