"""`--redact` in every format of every kind of document that contains foreign texts: a hundred kinds of secrets in these
texts are masked. Some texts are omitted even without `--redact`.
"""

import io
import json
import re
import tarfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from agent.app import publish
from agent.cli.main import dispatch
from agent.fleet.connection import connect
from agent.fleet.records import pieces_of
from agent.fleet.store import Source
from agent.report import facts_file, saved
from agent.report.codec import decode, encode
from agent.report.secrets import without_secrets
from agent.report.serialization import DecodeError
from tests.agent.fleet.files import lines, record
from tests.agent.history.entries import entry, writer
from tests.support.extent import one_in
from tests.support.planting import Path as Place
from tests.support.planting import names_of, planted
from tests.support.repository import ROOT
from tests.support.runs import report_of
from tests.support.secret_kinds import KINDS, PROMISED, seen_in

MANY: Final = 100
"""A document must contain at least this many kinds of secrets. Otherwise, its test would prove too little."""


def test_there_are_a_hundred_kinds() -> None:
    assert len(KINDS) > MANY
    assert len({secret for _, secret in KINDS.values()}) == len(KINDS)
    assert seen_in("\n".join(line for line, _ in KINDS.values())) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_of_every_kind_is_hidden_where_it_stands_alone(kind: str) -> None:
    line, secret = KINDS[kind]
    assert secret not in without_secrets(line)
    assert secret not in without_secrets(f"2026-01-15 03:00:00 ERROR {line}\nand more")


def test_what_is_promised_is_hidden_amid_everything_else() -> None:
    text = "\n".join(line for line, _ in reversed(KINDS.values()))
    assert seen_in(without_secrets(text)).isdisjoint(PROMISED)


# --- A report ---------------------------------------------------------------------------------------------------------


@cache
def report() -> str:
    def accepts(document: Any) -> bool:
        try:
            saved.measurement_of(decode(document))
        except (DecodeError, saved.SavedReportError):
            return False
        return True

    def alike(document: Any, path: Place) -> object:
        facts = document["observations"][path[1]].get("facts") if path[0] == "observations" else None
        return names_of(path), tuple(facts or ())

    made = json.dumps(planted(encode(report_of("three-faults")), accepts, alike=alike))
    assert len(seen_in(made)) > MANY
    return made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text(report(), "utf-8")
    return path


@pytest.mark.parametrize("wanted", publish.REPORT.formats)
def test_a_saved_report(wanted: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dispatch(["diagnose", str(place), "--redact", "--format", wanted], [])
    out, err = capsys.readouterr()
    assert out
    assert err == ""
    assert seen_in(out) == set()
    if wanted == "json":
        assert len(seen_in(json.dumps(encode(decode(json.loads(report())))))) > MANY
        assert json.loads(out)["run"]["redacted"]
        assert out.count("***") > MANY


@pytest.mark.parametrize("wanted", one_in(4, publish.REPORT.formats))
def test_a_report_of_a_history(wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = writer(tmp_path / "h.db")
    history.append(entry(decode(json.loads(report()))))
    history.close()
    assert dispatch(["history", str(history.path), "--show", "1", "--redact", "--format", wanted], []) == 0
    out, err = capsys.readouterr()
    assert out
    assert err == ""
    assert seen_in(out) == set()


@pytest.mark.parametrize("more", [(), ("--plain",)], ids=["masked", "plain"])
def test_an_archive(more: tuple[str, ...], place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = place.with_name("case.tar.gz")
    assert dispatch(["bundle", str(place), "--output", str(archive), *more], []) == 0
    out, err = capsys.readouterr()
    assert seen_in(out + err) == set()
    with tarfile.open(archive) as members:
        texts = [file.read().decode("utf-8") for member in members if (file := members.extractfile(member)) is not None]
    assert len(texts) > 3
    assert seen_in("".join(texts)) == set()


def test_a_case(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["bundle", str(place), "--case"], []) == 0
    out, err = capsys.readouterr()
    assert out
    assert seen_in(out + err) == set()


# --- A configuration --------------------------------------------------------------------------------------------------

WORDS: Final = frozenset({"service_name", "owner_id", "state", "status", "kind", "policy", "version", "name"})
"""Fields of a configuration that may contain any text, and in which no rule searches for words."""


@cache
def facts(name: str) -> str:
    def accepts(document: Any) -> bool:
        try:
            facts_file.parse_all(json.dumps(document).encode(), name)
        except facts_file.FactsFileError:
            return False
        return True

    def alike(_: Any, path: Place) -> object:
        names = names_of(path)
        return names if names[-1] in WORDS else "schema"  # one constant, so that all these places count as alike

    whole = json.loads((ROOT / "docs" / "examples" / name).read_text("utf-8"))
    if "vpcs" in whole:
        whole["vpcs"] = one_in(8, whole["vpcs"])
    made = json.dumps(planted(whole, accepts, alike=alike))
    assert len(seen_in(made)) > MANY
    return made


@pytest.mark.parametrize("wanted", publish.PREDICTION.formats)
def test_a_prediction(wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_configuration("predict", "estate.json", wanted, tmp_path, capsys)


@pytest.mark.parametrize("wanted", sorted(set(publish.AUDIT.formats) - {"eventbridge"}))
def test_an_audit(wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_configuration("audit", "account.json", wanted, tmp_path, capsys)


def test_the_changes_of_an_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The audits have real faults. With secrets in all places, every VPC would have a fault."""
    now, earlier = ROOT / "docs" / "examples" / "account.json", tmp_path / "earlier.json"
    other = tmp_path / "other.json"
    other.write_text(now.read_text("utf-8").replace("vpc-0", "vpc-9"), "utf-8")
    dispatch(["audit", "--ec2-facts", str(other), "--format", "json", "--output", str(earlier)], [])
    words = ["audit", "--ec2-facts", str(now), "--against", str(earlier), "--format", "eventbridge"]
    capsys.readouterr()
    dispatch(words, [])
    plain, _ = capsys.readouterr()
    ids = set(re.findall(r"\b(?:[a-z]+-[0-9a-f]{8,17}|\d{12})\b", plain))
    assert len(ids) > 5
    dispatch([*words, "--redact"], [])
    masked, err = capsys.readouterr()
    assert masked.count("Detail") == plain.count("Detail") > 1
    assert [one for one in ids if one in masked + err] == []


def of_configuration(command: str, name: str, wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / name
    path.write_text(facts(name), "utf-8")
    code = dispatch([command, "--ec2-facts", str(path), "--redact", "--format", wanted], [])
    out, err = capsys.readouterr()
    assert code in (0, 1, 2, 3)
    assert "Error" not in err
    assert out
    assert seen_in(out + err) == set()


# --- A fleet ----------------------------------------------------------------------------------------------------------


@cache
def records() -> str:
    """The records of thirty hosts, in which each host has different secrets."""

    def accepts(document: Any) -> bool:
        pieces = [
            piece
            for each in document
            for piece in pieces_of(Source("", None, None, 1), io.BytesIO(json.dumps(each).encode()))
        ]
        return len(pieces) == len(document) and all(piece.line is not None for piece in pieces)

    plain = [record(number, ("healthy", "private-dns-off")[number % 2], redacted=False) for number in range(30)]
    made = planted(plain, accepts, alike=lambda _, path: names_of(path))
    assert len(seen_in(json.dumps(made))) > MANY
    return lines(*made)


@pytest.mark.parametrize("wanted", one_in(2, publish.FLEET.formats))
def test_a_fleet(wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "records.ndjson").write_text(records(), "utf-8")
    output = tmp_path / "document"
    words = ["fleet", str(tmp_path / "records.ndjson"), "--redact", "--format", wanted, "--output", str(output)]
    assert dispatch(words, []) == 2
    if wanted == "parquet":
        with connect(tmp_path) as connection:
            said = str(connection.execute("SELECT * FROM read_parquet(?)", [str(output)]).fetchall())
            kept = "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)"
            said += str(connection.execute(kept, [str(output)]).fetchall())
    else:
        said = output.read_text("utf-8")
    assert said or wanted == "eventbridge"  # this format only lists changes, and nothing has changed
    out, err = capsys.readouterr()
    assert seen_in(said + out + err) == set()


# --- What is told without it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", publish.KNOWN_TEXTS.formats)
def test_a_line_of_a_log_that_is_quoted(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line is quoted if it contains a known text, so each kind of secret is put into such a line."""
    for line, secret in one_in(5, KINDS.values()):
        text = f"Unable to locate credentials\n{line} Unable to locate credentials".replace("\n", " ")
        assert dispatch(["explain", "--text", f"{text}\nx", "--format", wanted], []) == 0
        out = capsys.readouterr().out
        assert secret not in out


@pytest.mark.parametrize("wanted", one_in(4, publish.REPORT.formats))
def test_a_refusal_that_quotes_a_report(wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report has a secret in place of an address, and another in place of a service."""
    whole = encode(report_of("healthy"))
    target = {**whole["targets"][0], "service": KINDS["password=..."][0]}
    vantage = {**whole["vantage"], "source_addresses": [KINDS["secret key"][0]]}
    for number, document in enumerate(({**whole, "targets": [target]}, {**whole, "vantage": vantage})):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(document), "utf-8")
        assert dispatch(["diagnose", str(path), "--format", wanted], []) == 3
        out, err = capsys.readouterr()
        assert "***" in err
        assert seen_in(out + err) == set()
