"""How a run is shown: as live lines, short, coloured or plain, and with which exit code."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agent.app.demo import scenario_list
from agent.cli.main import dispatch
from agent.formats import nagios, ndjson, prometheus, text
from agent.formats.registry import RenderOptions, render
from agent.process.output import has_colours
from agent.report import codec, exits
from agent.report.model import Report, Status
from agent.run.events import ObservationMade
from tests.support import scenarios
from tests.support.command import SECONDS
from tests.support.extent import one_in
from tests.support.repository import ROOT
from tests.support.runs import measured, report_of
from tests.support.validator import VALIDATOR

NAMES = scenarios.names()
SOME = ("healthy", "one-zone-silent", "deadline-too-short", "endpoint-policy-denies", "sdk-url-elsewhere")
EXITS = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}


def shown(capfd: pytest.CaptureFixture[str], *arguments: str, code: int | None = None) -> str:
    """The output of `demo` with these arguments."""
    got = dispatch(["demo", *arguments], [])
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    assert code is None or got == code
    return out


def lines_of(document: str) -> list[dict[str, Any]]:
    assert document.endswith("\n")
    return [json.loads(line) for line in document.removesuffix("\n").split("\n")]


# --- Lines as they come ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOME)
def test_lines_of_a_live_run(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(shown(capfd, name, "--format", "ndjson"))
    kinds = [line["type"] for line in lines]
    assert re.fullmatch(r"run (observation )+(finding )*report ", "".join(f"{kind} " for kind in kinds))
    assert {line["run"]["id"] for line in lines} == {f"simulated-{name}"}


@pytest.mark.parametrize("name", SOME)
def test_observations_come_as_they_happen(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(shown(capfd, name, "--format", "ndjson"))
    came = [line["id"] for line in lines if line["type"] == "observation"]
    _, events = measured(scenarios.load(name))
    assert came == [event.observation.id for event in events if isinstance(event, ObservationMade)]
    # The order of observations in the report is different, so the lines are not simply parts of the report.
    assert came != [observation.id for observation in report_of(name).observations]


@pytest.mark.parametrize("name", SOME)
def test_the_last_line_is_the_report(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    last = lines_of(shown(capfd, name, "--format", "ndjson"))[-1]
    whole = json.loads(shown(capfd, name, "--format", "json"))
    assert last.pop("type") == "report"
    VALIDATOR.validate(last)
    assert last == whole


@pytest.mark.parametrize("name", one_in(12, NAMES))
def test_lines_say_what_the_report_says(name: str) -> None:
    report = report_of(name)
    lines = lines_of(ndjson.render(report))
    document = codec.encode(report)
    for kind, key in (("observation", "observations"), ("finding", "findings")):
        written = [
            {name: value for name, value in line.items() if name not in ("type", "run")}
            for line in lines
            if line["type"] == kind
        ]
        # The other lines are written before the run is judged, so only the report in the last line has the findings.
        judged = ("counts", "explained_by") if kind == "observation" else ()
        assert written == [{name: row[name] for name in row if name not in judged} for row in document[key]]
    last = lines[-1]["observations"]
    assert last == document["observations"]


def test_lines_of_a_run_that_is_over_invent_no_deadline() -> None:
    assert lines_of(ndjson.render(report_of("healthy")))[0] == {
        "type": "run",
        "deadline": None,
        "run": {"id": "simulated-healthy"},
    }


def test_a_live_run_says_its_deadline(capfd: pytest.CaptureFixture[str]) -> None:
    assert lines_of(shown(capfd, "--format", "ndjson"))[0]["deadline"] == 20.0


class Recorder(io.StringIO):
    """A stand-in for stdout that records its content at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[str] = []

    def flush(self) -> None:
        self.flushed.append(self.getvalue())


def test_each_line_goes_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that reads line by line gets each line during the run."""
    recorder = Recorder()
    monkeypatch.setattr("sys.stdout", recorder)
    assert dispatch(["demo", "--format", "ndjson"], []) == 0
    lines = recorder.getvalue().splitlines(keepends=True)
    assert recorder.flushed[: len(lines)] == ["".join(lines[: place + 1]) for place in range(len(lines))]


@pytest.mark.parametrize("read", [0, 1, 5])
def test_a_reader_of_lines_that_goes_away_is_no_traceback(read: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "demo", "gateway-healthy", "--format", "ndjson"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(read):
            process.stdout.readline()
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
        assert process.wait(SECONDS) in (0, 3)  # 0 if the pipe held all remaining output


# --- Short -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(12, NAMES))
def test_brief_is_brief_and_begins_with_the_verdict(name: str) -> None:
    report = report_of(name)
    brief = text.brief(report)
    assert len(brief) <= text.BRIEF_CHARACTERS < 2_500
    assert brief.startswith(text.render(report).split("\n\n")[0])
    assert brief.endswith("The whole report: without --brief, or --format json.\n")


@pytest.mark.parametrize("name", one_in(12, NAMES))
def test_only_an_ok_says_which_backups_depend_on_such_a_path(name: str) -> None:
    report = report_of(name)
    words = " ".join(text.render(report).split())
    assert ("EBS, RDS, EFS, S3 and others never need them" in words) is (report.verdict.status is Status.OK)
    assert "HANA by Backint" not in text.render(report, RenderOptions(brief=True))
    assert "HANA by Backint" not in nagios.render(report) + prometheus.render(report)


def test_brief_names_what_it_leaves_out() -> None:
    report = report_of("one-zone-silent")
    finding = report.findings[0]
    many = tuple(replace(finding, id=f"{finding.id}{number}", explained_by=None) for number in range(20))
    brief = text.brief(replace(report, findings=many))
    assert len(brief) <= text.BRIEF_CHARACTERS
    shown_causes = len(re.findall(r"^\d+\. ", brief, re.MULTILINE))
    assert shown_causes >= 1
    assert f"{20 - shown_causes} more causes left out." in brief


@pytest.mark.parametrize("length", [2_000, 2_500, 60_000])
def test_brief_is_brief_whatever_a_peer_has_said(length: int) -> None:
    report = report_of("one-zone-silent")
    detail = "a word " * (length // 7)
    long = replace(
        report,
        verdict=replace(report.verdict, summary=detail),
        findings=tuple(replace(finding, detail=detail) for finding in report.findings),
    )
    assert len(text.brief(long)) <= text.BRIEF_CHARACTERS
    assert text.brief(long).startswith("CRITICAL  a word")


def test_a_verdict_keeps_the_capitals_of_its_words() -> None:
    summaries = {name: report_of(name).verdict.summary for name in one_in(12, NAMES)}
    assert [name for name, words in summaries.items() if re.search(r"(?:^|\s)[a-z][A-Z]{2}", words)] == []


# --- Exit codes ------------------------------------------------------------------------------------------------------

FAIL_ON = {
    Status.OK: {"warning": 0, "critical": 0, "never": 0},
    Status.NOT_IN_USE: {"warning": 0, "critical": 0, "never": 0},
    Status.WARNING: {"warning": 1, "critical": 0, "never": 0},
    Status.CRITICAL: {"warning": 2, "critical": 2, "never": 0},
    Status.UNKNOWN: {"warning": 3, "critical": 3, "never": 0},
}


def test_exit_codes_of_every_status() -> None:
    assert set(FAIL_ON) == set(Status)
    assert {
        status: {fail_on: exits.of_verdict(status, fail_on) for fail_on in row} for status, row in FAIL_ON.items()
    } == FAIL_ON


@pytest.mark.parametrize("fail_on", ["warning", "critical", "never"])
@pytest.mark.parametrize("wanted", ["text", "json", "ndjson"])
@pytest.mark.parametrize(
    "name", ["healthy", "gateway-activation-port-blocked", "one-zone-silent", "deadline-too-short"]
)
def test_fail_on_changes_the_code_and_not_the_document(
    name: str, wanted: str, fail_on: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = FAIL_ON[scenarios.load(name).expect.status][fail_on]
    assert shown(capfd, name, "--format", wanted, "--fail-on", fail_on, code=code) == shown(
        capfd, name, "--format", wanted
    )


@pytest.mark.parametrize("fail_on", ["warning", "critical", "never"])
def test_fail_on_does_not_excuse_a_mistake(fail_on: str, capfd: pytest.CaptureFixture[str]) -> None:
    shown(capfd, "no-such-place", "--fail-on", fail_on, code=3)
    shown(capfd, "--fail-on", fail_on, "--suppress", "NOTHING", code=3)


# --- Suppressed ------------------------------------------------------------------------------------------------------


def reported(capfd: pytest.CaptureFixture[str], *arguments: str, code: int) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(shown(capfd, *arguments, "--format", "json", code=code))
    VALIDATOR.validate(document)
    return document


def test_a_suppressed_finding_stays_and_counts_for_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    plain = reported(capfd, "gateway-activation-port-blocked", code=1)
    codes = [finding["code"] for finding in plain["findings"]]
    given = [word for code in codes for word in ("--suppress", code)]
    document = reported(capfd, "gateway-activation-port-blocked", *given, code=0)
    assert [finding["id"] for finding in document["findings"]] == [finding["id"] for finding in plain["findings"]]
    assert all(finding["suppressed"] for finding in document["findings"])
    assert document["verdict"]["status"] == "ok"
    assert document["verdict"]["summary"].endswith(f"({len(codes)} suppressed)")
    assert not any(row["counts"] for row in document["observations"])
    measured, as_before = ([{**row, "counts": None} for row in one["observations"]] for one in (document, plain))
    assert measured == as_before


def test_suppressed_for_one_target_alone(capfd: pytest.CaptureFixture[str]) -> None:
    finding = reported(capfd, "gateway-activation-port-blocked", code=1)["findings"][0]
    code, target = finding["code"], finding["target"]
    there = reported(capfd, "gateway-activation-port-blocked", "--suppress", f"{code}={target}", code=0)
    elsewhere = reported(capfd, "gateway-activation-port-blocked", "--suppress", f"{code}=backup@elsewhere", code=1)
    assert [row["suppressed"] for row in there["findings"] if row["id"] == finding["id"]] == [True]
    assert [row["suppressed"] for row in elsewhere["findings"] if row["id"] == finding["id"]] == [False]


def test_what_is_suppressed_does_not_make_a_broken_path_answer(capfd: pytest.CaptureFixture[str]) -> None:
    document = reported(capfd, "port-blocked", "--suppress", "TCP001", code=0)
    assert document["verdict"]["path"] == "unreachable"
    assert document["verdict"]["summary"] == "nothing that counts was found (1 suppressed)"


@pytest.mark.parametrize("wanted", ["text", "json", "ndjson"])
def test_suppressing_in_every_format(wanted: str, capfd: pytest.CaptureFixture[str]) -> None:
    shown(capfd, "gateway-optional-ports", "--suppress", "TCP007", "--format", wanted)
    shown(capfd, "gateway-optional-ports", "--suppress", "TCP007", "--redact", "--format", wanted)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        pytest.param("TCP01", "did you mean TCP0", id="a digit short"),
        pytest.param("tcp001", "did you mean TCP001", id="lower case"),
        pytest.param("TCP00I=backup", "did you mean TCP01", id="a letter for a digit"),
        pytest.param("WHATEVER", "docs/codes.md lists them", id="like nothing"),
        pytest.param("", "docs/codes.md lists them", id="nothing"),
        pytest.param("TCP001=", "names no target", id="no target behind the sign"),
    ],
)
def test_an_unknown_code_is_refused(value: str, hint: str, capfd: pytest.CaptureFixture[str]) -> None:
    summary = reported(capfd, "--suppress", value, code=3)["verdict"]["summary"]
    assert "'--suppress'" in summary
    assert hint in summary


# --- Every option of showing, with demo ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        pytest.param([], "CRITICAL  ", id="plain"),
        pytest.param(["--format", "text"], "CRITICAL  ", id="text"),
        pytest.param(["--format", "json"], '{\n  "schema": "backuplink.report.v1"', id="json"),
        pytest.param(["--format", "ndjson"], '{"type": "run"', id="ndjson"),
        pytest.param(["--brief"], "CRITICAL  ", id="brief"),
        pytest.param(["--redact"], "CRITICAL  ", id="redact"),
        pytest.param(["--redact", "--brief"], "CRITICAL  ", id="redact and brief"),
        pytest.param(["--redact", "--format", "json"], '{\n  "schema": "backuplink.report.v1"', id="redacted json"),
        pytest.param(["--redact", "--format", "ndjson"], '{"type": "run"', id="redacted ndjson"),
    ],
)
def test_demo_with_each_option(arguments: list[str], begins: str, capfd: pytest.CaptureFixture[str]) -> None:
    out = shown(capfd, "one-zone-silent", *arguments, code=2)
    assert out.startswith(begins)
    assert ("10.0.1.17" in out) == ("--redact" not in arguments)


def test_demo_with_a_file_of_options(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "demo.toml"
    config.write_text(
        f'format = "json"\nredact = true\nfail-on = "never"\nsuppress = ["TCP001=backup"]\noutput = "{tmp_path}/out"\n',
        "utf-8",
    )
    assert shown(capfd, "port-blocked", "--config", str(config), code=0) == ""
    document = json.loads((tmp_path / "out").read_text("utf-8"))
    assert [finding["suppressed"] for finding in document["findings"]] == [True]
    assert "10.0.1.17" not in json.dumps(document)


def test_demo_lists_into_stdout_whatever_else_is_asked(capfd: pytest.CaptureFixture[str]) -> None:
    assert shown(capfd, "--list", "--format", "json", code=0) == scenario_list()


def test_a_simulation_says_that_it_is_one(capfd: pytest.CaptureFixture[str]) -> None:
    dispatch(["demo", "one-zone-silent", "--format", "json"], [])
    assert capfd.readouterr().err.startswith("Simulated VPC, scenario one-zone-silent: ")


# --- A terminal ------------------------------------------------------------------------------------------------------


@cache
def on_terminal(*arguments: str, on: tuple[str, ...] = ("stdout", "stderr"), **environment: str) -> tuple[str, str]:
    """The stdout and stderr of the command. Each stream in `on` is a separate pseudo-terminal."""
    inner: dict[str, int] = {}
    outer: dict[str, int] = {}
    for stream in ("stdout", "stderr"):
        outer[stream], inner[stream] = pty.openpty() if stream in on else os.pipe()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM", "FORCE_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", *arguments],
        cwd=ROOT,
        env={**kept, "TERM": "xterm-256color", **environment},
        stdin=subprocess.DEVNULL,
        stdout=inner["stdout"],
        stderr=inner["stderr"],
    )
    for handle in inner.values():
        os.close(handle)
    try:
        got = {stream: everything(handle) for stream, handle in outer.items()}
    finally:
        for handle in outer.values():
            os.close(handle)
        process.wait(SECONDS)
    return got["stdout"], got["stderr"]


def everything(handle: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(handle, 65_536)
        except OSError:  # EIO: the other end of the pseudo-terminal is closed (pty(7))
            part = b""
        if not part:
            return b"".join(parts).decode("utf-8").replace("\r\n", "\n")
        parts.append(part)


def test_colour_on_a_terminal() -> None:
    out, _ = on_terminal("demo", "one-zone-silent")
    assert out.startswith("\x1b[1;31mCRITICAL\x1b[0m  ")
    assert out.count("\x1b[31mTIMEOUT\x1b[0m") == 1
    assert re.sub(r"\x1b\[[0-9;]*m", "", out) == text.render(report_of("one-zone-silent"))


@pytest.mark.parametrize("name", [name for name in SOME if name != "sdk-url-elsewhere"])
def test_colour_is_of_the_status(name: str) -> None:
    colours = {"ok": "32", "warning": "33", "critical": "31", "unknown": "35"}
    report = report_of(name)
    word = report.verdict.status.upper()
    coloured = text.render(report, RenderOptions(colour=True))
    assert coloured.startswith(f"\x1b[1;{colours[report.verdict.status]}m{word}\x1b[0m  ")
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == text.render(report)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"NO_COLOR": "0"}, {"TERM": "dumb"}, {"TERM": ""}], ids=str)
def test_no_colour_where_none_is_wanted(environment: dict[str, str]) -> None:
    out, _ = on_terminal("demo", "one-zone-silent", **environment)
    assert out == text.render(report_of("one-zone-silent"))


@pytest.mark.parametrize("arguments", [["--format", "json"], ["--format", "ndjson"], ["--brief"]], ids=str)
def test_no_colour_in_a_document_for_programs(arguments: list[str]) -> None:
    out, _ = on_terminal("demo", "one-zone-silent", *arguments)
    assert "\x1b" not in out


def test_no_colour_in_a_file(tmp_path: Path) -> None:
    on_terminal("demo", "one-zone-silent", "--output", str(tmp_path / "report"))
    assert (tmp_path / "report").read_text("utf-8") == text.render(report_of("one-zone-silent"))


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),  # an empty NO_COLOR counts as not set (no-color.org)
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_what_has_colours(environment: dict[str, str], wanted: bool, tmp_path: Path) -> None:
    outer, inner = pty.openpty()
    try:
        with os.fdopen(inner, "w", encoding="utf-8") as terminal:
            assert has_colours(terminal, environment) is wanted
    finally:
        os.close(outer)
    with (tmp_path / "file").open("w", encoding="utf-8") as file:
        assert not has_colours(file, environment)


def test_a_line_of_progress_on_a_terminal_which_is_cleared() -> None:
    _, err = on_terminal("demo", "one-zone-silent")
    states = re.findall(r"\r(\d+) of (\d+) checks, [\d.]+ of at most 20 s", err)
    assert len(states) == len(report_of("one-zone-silent").observations)
    assert [int(done) for done, _ in states] == list(range(1, len(states) + 1))
    assert states[-1][0] == states[-1][1]
    assert all(int(done) <= int(announced) for done, announced in states)
    assert err.endswith(f"\r{'':<60}\r")
    assert "\x1b" not in err


@pytest.mark.parametrize("on", [("stdout",), ()], ids=["stdout alone is one", "none is one"])
def test_no_line_of_progress_elsewhere(on: tuple[str, ...]) -> None:
    out, err = on_terminal("demo", "one-zone-silent", on=on)
    assert "checks" not in err
    assert "\r" not in err
    assert ("\x1b" in out) == ("stdout" in on)


def test_progress_does_not_stand_in_the_document() -> None:
    out, err = on_terminal("demo", "one-zone-silent", "--format", "json", on=("stderr",))
    assert "checks" in err
    VALIDATOR.validate(json.loads(out))


def test_text_of_a_refusal_is_a_report() -> None:
    """A refusal of wrong options is shown like every other verdict."""
    from agent.judge.verdict import refusal

    report: Report = refusal("Invalid value for '--timeout'.")
    assert text.render(report).startswith("UNKNOWN  Invalid value for '--timeout'.\n")
    assert text.brief(report).startswith("UNKNOWN  Invalid value for '--timeout'.\n")


# --- Jobs that were asked for and not listed -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("jobs-none", "jobs: AWS Backup lists no jobs of the last 24 h", id="nothing listed"),
        pytest.param(
            "jobs-denied",
            "jobs: AWS Backup denies a list of jobs, for which --jobs needs backup:ListBackupJobs",
            id="denied",
        ),
        pytest.param("jobs-list-cut", "jobs: the list of jobs was cut: 20 were read", id="cut"),
        pytest.param("jobs-succeed", None, id="all succeeded"),
        pytest.param("healthy", None, id="not asked for"),
    ],
)
@pytest.mark.parametrize("written", ["text", "markdown", "nagios"])
def test_why_jobs_say_nothing_is_shown(name: str, words: str | None, written: str) -> None:
    document = " ".join(render(report_of(name), written).replace("\\", "").split())
    assert (words in document) if words is not None else "jobs:" not in document
