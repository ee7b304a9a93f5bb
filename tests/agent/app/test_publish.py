"""Every kind of document in every format is published, masked and refused. The output goes to stdout, to a file, and to
a file that cannot be written.
"""

import io
import json
import stat
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from agent.app import demo_fleet
from agent.app.publish import (
    AUDIT,
    CATALOGUE,
    DIFFERENCE,
    ENDPOINTS,
    FACTS,
    FLEET,
    HISTORY,
    KINDS,
    KNOWN_TEXTS,
    PAGE,
    PERMISSIONS,
    PREDICTION,
    REPORT,
    Kind,
    publish,
    refuse,
    refuse_interrupted,
    rendered,
)
from agent.app.tables import SCHEMAS
from agent.audit.audit import audit
from agent.audit.request import AuditRequest
from agent.catalog.findings import CODES
from agent.catalog.hosts import endpoints
from agent.catalog.text_search import search
from agent.cli.main import main
from agent.cli.refused import refused_document
from agent.fleet.database import Database
from agent.fleet.render import JoinedFleet
from agent.history.model import SCHEMA as HISTORY_SCHEMA
from agent.history.model import HistoryDocument
from agent.history.render import ShownHistory
from agent.predict.prediction import Asked, facts_of, predicted
from agent.process.output import OutputClosedError
from agent.report import facts_file
from agent.report.diff import difference
from agent.report.facts_file import FactsFileError
from agent.report.model import Status
from agent.settings import Output, Workload
from agent.simulated.estate import Estate
from agent.simulated.settings import EPOCH
from tests.formats import html_page, svg_picture
from tests.support.refusals import reason_in, validate, validator
from tests.support.repository import ROOT
from tests.support.runs import report_of

ESTATE: Final = ROOT / "docs/examples/estate.json"
VPC: Final = "vpc-0a1b2c3d4e5f67890"
WHY: Final = "there is no such place: \x1b[2J<b>nowhere</b>"
COLLECTED: Final = {("report", "prometheus"), ("report", "emf"), ("fleet", "prometheus")}
"""Documents for a collector of metrics, which runs as another user."""
WORDS: Final = "there is no such place: "


@cache
def _facts() -> Any:
    return facts_file.parse(ESTATE.read_bytes(), "estate.json")


def _permissions() -> Any:
    from agent.app.permissions import permissions

    return permissions(endpoints(region="eu-west-1", services=("backup",)), region="eu-west-1")


def _fleet() -> JoinedFleet:
    engine, estate = Database(), Estate(40)
    document = demo_fleet._joined(engine, estate, list(estate.reads(demo_fleet.records())), ())
    return JoinedFleet(document=document, engine=engine)


DOCUMENTS: Final[dict[str, Callable[[], Any]]] = {
    REPORT.name: lambda: report_of("port-blocked"),
    DIFFERENCE.name: lambda: difference(report_of("healthy"), report_of("port-blocked")),
    PREDICTION.name: lambda: predicted(
        facts_of(_facts(), ()), Asked(sources=("all",), services={"backup": True}, ports=())
    ),
    AUDIT.name: lambda: audit(
        [facts_of(_facts(), ())], AuditRequest(workloads=(Workload.CALLER,), services=()), (), complete=True
    ),
    FLEET.name: lambda: _fleet(),
    HISTORY.name: lambda: ShownHistory(
        document=HistoryDocument(schema=HISTORY_SCHEMA, read_at=EPOCH, since=None, last_at=None, series=(), changes=())
    ),
    FACTS.name: _facts,
    CATALOGUE.name: lambda: tuple(CODES),
    PAGE.name: lambda: "DNS001",
    KNOWN_TEXTS.name: lambda: search(["Connection timed out"]),
    ENDPOINTS.name: lambda: endpoints(region="eu-west-1", services=("backup",)),
    PERMISSIONS.name: _permissions,
}
"""A document of each kind."""


class Case(NamedTuple):
    """A kind of document in one of its formats."""

    kind: Kind
    wanted: str


CASES: Final = tuple(Case(kind, wanted) for kind in KINDS.values() for wanted in kind.formats)
every: Final = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind.name}-{case.wanted}")
documents = cache(lambda name: DOCUMENTS[name]())


def shown(case: Case) -> str:
    """The format of the output on stdout."""
    return case.kind.forms[case.wanted].on_stdout or case.wanted


def test_each_kind_has_a_document_here() -> None:
    assert set(DOCUMENTS) == set(KINDS)


# --- What is published -----------------------------------------------------------------------------------------------


@every
def test_a_document_goes_to_stdout_or_to_a_file(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document, place = documents(case.kind.name), tmp_path / "out"
    assert publish(case.kind, document, Output(format=case.wanted, output=str(place)), 1) == 1
    assert capsys.readouterr() == ("", "")
    data = place.read_bytes()
    if case.wanted == "parquet":
        assert data[:4] == data[-4:] == b"PAR1"
        return
    assert publish(case.kind, document, Output(format=case.wanted), 1) == 1
    out, err = capsys.readouterr()
    assert (out, err) == (data.decode("utf-8"), "")
    if case.wanted in ("csv", "html", "json", "text"):
        assert out
    if case.wanted == "json":
        assert json.loads(out)["schema"] == case.kind.schema
        validate(case.kind, json.loads(out))


@every
def test_a_file_that_names_ids_is_its_owners_alone(case: Case, tmp_path: Path) -> None:
    """A new file is private even if the file that it replaces is not. The files for a collector of metrics are
    public.
    """
    place = tmp_path / "out"
    place.write_text("old", "utf-8")
    place.chmod(0o644)
    publish(case.kind, documents(case.kind.name), Output(format=case.wanted, output=str(place)))
    is_shared = (case.kind.name, case.wanted) in COLLECTED
    assert stat.S_IMODE(place.stat().st_mode) == (0o644 if is_shared else 0o600)
    assert place.read_bytes() != b"old"


@every
def test_a_file_that_cannot_be_written_leaves_the_document_on_stdout(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, place = documents(case.kind.name), tmp_path / "nowhere" / "out"
    assert publish(case.kind, document, Output(format=case.wanted, output=str(place))) == 3
    out, err = capsys.readouterr()
    as_other = ", as JSON," if shown(case) != case.wanted else ""
    assert err.endswith(f"cannot be written: No such file or directory; {case.kind.called}{as_other} on stdout.\n")
    if case.kind is REPORT:  # a plugin's status word and a metric agree with the command's exit code
        assert publish(case.kind, document, Output(format=case.wanted), 3) == 3
    else:
        publish(case.kind, document, Output(format=shown(case)))
    assert out == capsys.readouterr().out


@every
def test_stdout_that_is_closed_is_said(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputClosedError, match="it is closed"):
        publish(case.kind, documents(case.kind.name), Output(format=shown(case)))
    sys.stdout.close()  # `publish` has put another file in the place of stdout
    monkeypatch.setattr(sys, "stdout", None)
    assert refuse(case.kind, WHY, case.wanted, 143) == 3
    sys.stdout.close()


# --- What is masked --------------------------------------------------------------------------------------------------


@every
def test_what_can_be_masked_is_masked_in_every_format(case: Case, tmp_path: Path) -> None:
    place, document = tmp_path / "out", documents(case.kind.name)
    wanted = Output(format=case.wanted, output=str(place), redact=True)
    if case.kind.redact is None:
        with pytest.raises(ValueError, match="cannot be masked"):
            publish(case.kind, document, wanted)
        assert not place.exists()
        return
    publish(case.kind, document, wanted)
    hidden = [VPC.encode(), b"10.0.1."] if case.kind is not FLEET else [b"i-0"]
    assert not [word for word in hidden if word in place.read_bytes()]
    if case.wanted == "json":
        masked = json.loads(place.read_bytes())
        assert masked["run"]["redacted"] if case.kind is REPORT else masked["redacted"]
        validate(case.kind, masked)


def test_only_a_kind_that_is_masked_takes_the_option() -> None:
    for command, kind in (("audit", AUDIT), ("predict", PREDICTION), ("fleet", FLEET), ("check", REPORT)):
        assert "redact" in {param.name for param in main.commands[command].params}
        assert kind.redact is not None
    for command in ("diff", "facts", "explain", "endpoints", "permissions"):
        assert "redact" not in {param.name for param in main.commands[command].params}


# --- What is refused -------------------------------------------------------------------------------------------------


@every
def test_a_refusal_is_a_document_of_its_kind(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert refuse(case.kind, WHY, case.wanted, 143) == 143
    out, err = capsys.readouterr()
    assert err == ""
    assert "\x1b" not in out
    match shown(case):
        case "json":
            assert reason_in(case.kind, out) == WHY
            assert json.loads(out)["tool"]["name"] == "backuplink"
        case "text":
            assert out.startswith(f"UNKNOWN  {WORDS}")
        case "markdown":
            assert out.startswith(f"# UNKNOWN: {WORDS}")
            assert "<b>" not in out
        case "html":
            assert html_page.status(out) == "unknown"
            elements = html_page.read(out)
            assert html_page.texts(elements, "h1")[0].startswith(f"UNKNOWN: {WORDS}")
            assert f'id="backuplink-{case.kind.name}"' in out
            assert reason_in(case.kind, out, "html") == WHY
        case "svg":
            assert svg_picture.title(svg_picture.read(out)).startswith(f"UNKNOWN: {WORDS}")
        case "junit":
            assert f'message="{WORDS}' in out
            assert 'errors="1"' in out
        case "csv" if case.kind is FLEET:  # only the header, since each row describes a host
            assert out.count("\n") == 1
        case "csv":
            assert WORDS in out
        case "eventbridge":  # without known changes there is no event
            assert out == ""


@every
def test_a_refusal_after_a_signal_names_it(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert refuse_interrupted(case.kind, case.wanted, ["SIGTERM", "SIGINT"]) == 143
    if shown(case) == "json":
        assert json.loads(capsys.readouterr().out)["verdict"]["summary"] == "interrupted by SIGTERM"


def test_facts_that_were_refused_are_no_facts() -> None:
    refusal = rendered_refusal(FACTS, "json")
    with pytest.raises(FactsFileError, match="was refused, and wrote the reason instead of facts"):
        facts_file.parse(refusal.encode(), "facts.json")


def rendered_refusal(kind: Kind, wanted: str) -> str:
    """The text of the refusal on stdout."""
    before, sys.stdout = sys.stdout, io.StringIO()
    try:
        refuse(kind, "why", wanted)
        return sys.stdout.getvalue()
    finally:
        sys.stdout = before


# --- The table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_schema_is_of_its_kind_and_takes_nothing_else(kind: Kind) -> None:
    known = validator(kind.name)
    if known is None or kind.json_schema is None:
        assert kind.name not in SCHEMAS
        return
    assert kind.json_schema()["title"] == kind.schema
    assert SCHEMAS[kind.name] == kind.json_schema
    refusal = json.loads(rendered_refusal(kind, "json"))
    assert known.is_valid(refusal)
    for spoilt in (
        refusal | {"schema": "backuplink.other.v1"},
        refusal | {"more": 1},
        refusal | {"verdict": refusal["verdict"] | {"status": "fine"}},
        {name: value for name, value in refusal.items() if name != "verdict"},
    ):
        assert not known.is_valid(spoilt)


@pytest.mark.parametrize("command", ["audit", "predict", "fleet", "diff", "explain", "endpoints", "permissions"])
def test_a_command_takes_the_formats_of_its_kind(command: str) -> None:
    kind, _ = refused_document([command], {})
    (option,) = (param for param in main.commands[command].params if "--format" in param.opts)
    assert tuple(option.type.choices) == kind.formats  # type: ignore[attr-defined] # a Choice
    assert option.default == kind.formats[0]


@pytest.mark.parametrize(
    ("words", "kind", "wanted"),
    [
        (["check", "--format", "json"], REPORT, "json"),
        (["check"], REPORT, "emf"),
        (["bundle"], REPORT, "emf"),
        ([], REPORT, "emf"),
        (["nope", "--format=yaml"], REPORT, "text"),
        (["audit"], AUDIT, "text"),
        (["audit", "--format", "csv"], AUDIT, "csv"),
        (["audit", "--format", "nagios"], REPORT, "nagios"),
        (["audit", "--format", "yaml"], AUDIT, "text"),
        (["predict", "--format=junit", "--format", "html"], PREDICTION, "html"),
        (["diff", "a", "b", "--format", "json"], DIFFERENCE, "json"),
        (["history", "f", "--format", "svg"], HISTORY, "svg"),
        (["history", "f", "--format", "nagios"], REPORT, "nagios"),
        (["history", "f", "--show", "3", "--format", "nagios"], REPORT, "nagios"),
        (["history", "f", "--compare=1", "2", "--format", "svg"], DIFFERENCE, "text"),
        (["facts"], FACTS, "json"),
        (["explain", "--format", "json"], PAGE, "json"),
        (["explain", "--text", "x"], KNOWN_TEXTS, "text"),
        (["endpoints"], ENDPOINTS, "text"),
        (["permissions", "--format=json"], PERMISSIONS, "json"),
        (["fleet", "x", "--format", "parquet"], FLEET, "parquet"),
        (["demo", "--fleet", "20", "--format", "csv"], FLEET, "csv"),
        (["demo", "--format", "csv"], REPORT, "text"),
        (["check", "--", "--format", "json"], REPORT, "emf"),
    ],
)
def test_a_call_is_refused_by_what_it_would_have_written(words: list[str], kind: Kind, wanted: str) -> None:
    """BACKUPLINK_FORMAT applies only to the report of a run."""
    assert refused_document(words, {"BACKUPLINK_FORMAT": "emf"}) == (kind, wanted)


def test_a_file_that_is_not_text_is_for_no_caller_who_writes_text() -> None:
    with pytest.raises(ValueError, match="is not text"):
        rendered(FLEET, documents(FLEET.name), "parquet")


def test_every_refused_whole_document_says_that_nothing_is_known() -> None:
    for kind in (REPORT, AUDIT, PREDICTION, FLEET):
        assert kind.refusal is not None
        made = kind.refusal("why")
        document = made.document if isinstance(made, JoinedFleet) else made
        assert (document.verdict.status, document.verdict.summary) == (Status.UNKNOWN, "why")
