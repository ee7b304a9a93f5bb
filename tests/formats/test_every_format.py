"""Promises of every format, checked for each row of the registry with the reader of that format."""

import importlib
import inspect
import re
import subprocess
import sys
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats.registry import (
    DEFAULT_FORMAT,
    DEFAULT_OPTIONS,
    FORMATS,
    OPTION_NAMES,
    Format,
    RenderOptions,
    Stream,
    format_named,
    live_writer,
    render,
)
from agent.judge.verdict import judge, refusal
from agent.report import exits
from agent.report.redact import redact
from tests.formats.readers import READERS, reader_of
from tests.hostile import cases
from tests.support import scenarios
from tests.support.extent import examples, one_in
from tests.support.repository import ROOT
from tests.support.runs import measured, report_of
from tests.support.untrusted import HOSTILE

SECONDS: Final = 30.0
"""The limit for a command that hangs. No command here takes nearly as long."""
every_format = pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)


# --- The table -------------------------------------------------------------------------------------------------------


@every_format
def test_a_format_has_a_reader(row: Format) -> None:
    reader_of(row)


def test_no_reader_is_left_of_a_format_that_is_gone() -> None:
    assert set(READERS) <= {row.name for row in FORMATS}


def test_rows_are_told_apart() -> None:
    for column in ("name", "module", "suffix"):
        assert len({getattr(row, column) for row in FORMATS}) == len(FORMATS)


@every_format
def test_every_document_says_what_does_not_count(row: Format) -> None:
    document = " ".join(render(report_of("gateway-optional-ports"), row.name).split())
    # Metrics contain no sentences, so a label says that the port is not counted.
    words = 'standing="not-counted"' if row.name == "prometheus" else "not counted: backup-gateway, port 1031 closed"
    assert words in document


@every_format
def test_a_module_has_the_one_signature(row: Format) -> None:
    parameters = inspect.signature(importlib.import_module(row.module).render).parameters
    assert list(parameters) == ["report", "options"]
    assert parameters["options"].default is DEFAULT_OPTIONS


def test_what_the_option_takes() -> None:
    assert OPTION_NAMES[0] == DEFAULT_FORMAT
    assert list(OPTION_NAMES) == [row.name for row in FORMATS]


@every_format
def test_only_what_is_written_while_a_run_lasts_has_a_live_writer(row: Format) -> None:
    assert (row.live is not None) == (row.stream is Stream.EVENTS)
    lines: list[str] = []
    if row.live is None:
        with pytest.raises(ValueError, match=row.name):
            live_writer(row, lines.append)
    else:
        report = report_of("healthy")
        live_writer(row, lines.append).end(report)
        assert reader_of(row).status("".join(lines)) == report.verdict.status


@pytest.mark.parametrize("name", ["", "TEXT", "yaml", "agent.formats.text"])
def test_a_name_that_no_format_has(name: str) -> None:
    with pytest.raises(KeyError):
        format_named(name)
    with pytest.raises(KeyError):
        render(report_of("healthy"), name)


# --- Documents -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "name"),
    [
        pytest.param(row, name, id=f"{row.name}-{name}")
        for row in FORMATS
        for name in (one_in(4 * READERS[row.name].every, scenarios.names()) if row.name in READERS else ())
    ],
)
def test_document_of_every_report(row: Format, name: str) -> None:
    report, reader = report_of(name), reader_of(row)
    for shown in (report, redact(report)):
        document = render(shown, row.name)
        reader.holds(document)
        assert reader.status(document) == report.verdict.status


@pytest.mark.parametrize(
    ("row", "name"),
    [
        pytest.param(row, name, id=f"{row.name}-{name}")
        for turn, row in enumerate(FORMATS)
        for name in one_in(12, cases.NAMES[turn % 12 :] + cases.NAMES[: turn % 12])  # each scenario in another format
    ],
)
def test_document_of_peers_that_mean_harm(row: Format, name: str) -> None:
    report, reader = cases.report_of(name), reader_of(row)
    for shown in (report, redact(report)):
        document = render(shown, row.name)
        reader.holds(document)
        assert reader.status(document) == report.verdict.status


@every_format
def test_the_same_report_is_the_same_document(row: Format) -> None:
    report = report_of("gateway-ports-missing")
    again = judge(measured(scenarios.load("gateway-ports-missing"))[0])
    assert render(report, row.name) == render(again, row.name)


@every_format
def test_a_refusal_is_unknown_and_keeps_the_form(row: Format) -> None:
    document = render(refusal("no such option: --frmat."), row.name, RenderOptions(exit_code=exits.UNKNOWN))
    reader_of(row).holds(document)
    assert reader_of(row).status(document) == "unknown"


@every_format
def test_options_that_a_format_has_no_use_for_change_nothing(row: Format) -> None:
    report = report_of("one-zone-silent")
    plain = render(report, row.name)
    assert plain == render(report, row.name, RenderOptions(exit_code=exits.of_status(report.verdict.status)))
    assert (render(report, row.name, RenderOptions(brief=True)) != plain) is row.has_brief


@every_format
def test_masked_is_masked(row: Format) -> None:
    for name in ("one-zone-silent", "endpoint-names-only", "security-group-443-only"):
        report = report_of(name)
        document = render(redact(report), row.name)
        shown = {str(address.address) for target in report.targets for address in target.addresses}
        shown |= {known for known in (report.vantage.instance_id, report.vantage.vpc_id) if known is not None}
        assert [value for value in shown if value in document] == []
        assert not re.search(r"\b10\.0\.|i-0a|vpc-0a", document)


# --- What is untrusted is text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "text"),
    [
        pytest.param(row, text, id=f"{row.name}-{ascii(text)[:40]}")
        for row in FORMATS
        for text in one_in(4, (*HOSTILE, *(READERS[row.name].more_hostile if row.name in READERS else ())))
    ],
)
def test_what_is_untrusted_is_text(row: Format, text: str) -> None:
    reader_of(row).check(text)


@every_format
def test_whatever_is_untrusted_is_text(row: Format) -> None:
    reader = reader_of(row)

    @settings(deadline=None, max_examples=examples(reader.examples))
    @given(st.text(max_size=40) | st.text(alphabet=reader.alphabet, max_size=40))
    def any_text(text: str) -> None:
        reader.check(text)

    any_text()


# --- Loaded only where it is asked for -------------------------------------------------------------------------------


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a command has loaded at its end."""
    program = (
        "import sys\nfrom agent.cli import entry\n"
        "entry.run(sys.argv[1:])\n"
        "print('loaded:', *sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return set(done.stderr.rpartition("loaded: ")[2].split())


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        *((("demo", "--format", name), name) for name in one_in(5, OPTION_NAMES)),
        (("--version",), None),
        (("--help",), None),
        (("explain", "TCP002"), None),
        (("check", "--format=junit=x"), DEFAULT_FORMAT),
    ],
    ids=str,
)
def test_only_the_format_that_is_asked_for_is_loaded(arguments: tuple[str, ...], wanted: str | None) -> None:
    modules = loaded_by(*arguments)
    assert "agent.cli.entry" in modules
    for row in FORMATS:
        if row.name == wanted:
            assert {row.module, *reader_of(row).libraries} <= modules
        else:
            assert not {row.module, *reader_of(row).libraries} & modules
    drawing = {"agent.documents.picture", "agent.documents.elements"}
    assert drawing & modules == (drawing if wanted in ("html", "svg") else set())
