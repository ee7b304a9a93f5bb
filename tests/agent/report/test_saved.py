"""Saved reports are read, and judged with the current rules as if they had just been measured."""

import dataclasses
import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.app import read_saved
from agent.app.read_saved import read_report
from agent.cli import entry
from agent.formats import html, ndjson, text
from agent.formats import json as json_format
from agent.judge.verdict import judge, judge_evidence
from agent.process import signals
from agent.report import codec, exits, saved
from agent.report.model import Path as Way
from agent.report.model import Report, Status, Vantage, WorkloadReport
from agent.report.redact import redact
from agent.report.serialization import DecodeError
from agent.settings import Suppression
from probes.facts import Facts, FoundWorkload
from tests.hostile.fuzz import reports
from tests.hostile.fuzz.mutation import by_hypothesis
from tests.support import extent, scenarios
from tests.support.command import SECONDS
from tests.support.extent import one_in
from tests.support.repository import ROOT
from tests.support.runs import evidence_of, report_of

NAMES: Final = scenarios.names()
FAULT: Final = "private-dns-off"
HEALTHY: Final = "healthy"
RENDER: Final = {"text": text.render, "json": json_format.render, "ndjson": ndjson.render}


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restore the signals after the test."""
    before = {number: signal.getsignal(number) for number in signals.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def kept(report: Report, folder: Path) -> str:
    path = folder / "report.json"
    path.write_text(json_format.render(report), "utf-8")
    return str(path)


def process(*arguments: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "agent", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=SECONDS, check=False, **how)


# --- A report that is judged again -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(24, NAMES))
def test_a_report_judged_again_is_the_same_bytes(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(name)
    path = kept(report, tmp_path)
    for wanted, render in RENDER.items():
        code = entry.run(["diagnose", path, "--format", wanted])
        out, err = capsys.readouterr()
        assert (out, err, code) == (render(report), "", exits.of_status(report.verdict.status))


@pytest.mark.parametrize("name", one_in(24, NAMES))
def test_a_stream_judged_again_is_the_same_bytes(name: str, tmp_path: Path) -> None:
    report = report_of(name)
    lines = ndjson.render(report)
    for content in (lines, lines.splitlines()[-1], lines.replace("\n", "\r\n"), lines + "\n\n"):
        path = tmp_path / "report.ndjson"
        path.write_text(content, "utf-8")
        again = judge(saved.measurement_of(read_report(str(path))))
        assert json_format.render(again) == json_format.render(report)


@pytest.mark.parametrize("name", one_in(64, NAMES))
def test_a_page_judged_again_is_the_same_bytes(name: str, tmp_path: Path) -> None:
    report = report_of(name)
    page = html.render(report)
    for content in (page, page.replace("\n", "\r\n"), f"\ufeff\n{page}", page.partition("\n")[2]):
        path = tmp_path / "report.html"
        path.write_bytes(content.encode())
        again = judge(saved.measurement_of(read_report(str(path))))
        assert json_format.render(again) == json_format.render(report)


def test_a_page_that_a_peer_wrote_into_is_the_report_of_the_run(tmp_path: Path) -> None:
    """A peer's text in the page cannot be mistaken for the report in the page."""
    report = report_of(HEALTHY)
    forged = html.render(report_of(FAULT)).partition("<script")[2]
    said = replace(report, verdict=replace(report.verdict, summary=f"<script{forged}"))
    path = tmp_path / "report.html"
    path.write_text(html.render(said), "utf-8")
    assert codec.encode(read_report(str(path))) == codec.encode(said)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param("<!DOCTYPE html>\n<p>Sign in</p>", "a web page without a report", id="another page"),
        pytest.param("<!doctype html><script>{}</script>", "a web page without a report", id="another script"),
        pytest.param("whole", "was cut off", id="cut off"),
    ],
)
def test_a_page_without_a_report_is_refused(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(html.render(report_of(HEALTHY))[:-200] if content == "whole" else content, "utf-8")
    with pytest.raises(saved.SavedReportError, match=says):
        read_report(str(path))


def test_all_verdicts_are_among_them() -> None:
    assert {report_of(name).verdict.status for name in one_in(12, NAMES)} >= {"ok", "warning", "critical", "unknown"}


@pytest.mark.parametrize("wanted", one_in(3, ["html", "ndjson", "json"]))
def test_what_a_run_wrote_is_read_from_a_file_from_a_pipe_and_from_a_socket(wanted: str, tmp_path: Path) -> None:
    original = process("demo", FAULT, "--format", wanted)
    path = tmp_path / "report"
    path.write_bytes(original.stdout)
    expected = process("demo", FAULT).stdout
    assert expected.startswith(b"CRITICAL  ")
    results = [process("diagnose", str(path)), process("diagnose", "-", input=original.stdout)]
    with path.open("rb") as stream:
        results.append(process("diagnose", "-", stdin=stream))
    ours, theirs = socket.socketpair()  # as inetd(8) and systemd pass stdin
    ours.settimeout(SECONDS)
    command = [sys.executable, "-m", "agent", "diagnose", "-"]
    with (
        ours,
        theirs,
        subprocess.Popen(
            command, cwd=ROOT, stdin=theirs.fileno(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as started,
    ):
        ours.sendall(original.stdout)
        ours.shutdown(socket.SHUT_WR)
        out, err = started.communicate(timeout=SECONDS)
    results.append(subprocess.CompletedProcess(command, started.returncode, out, err))
    for result in results:
        assert (result.stdout, result.stderr, result.returncode) == (expected, b"", 2)


def test_a_report_that_this_process_may_read_but_not_open_is_read_from_stdin(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    path = Path(kept(report_of(HEALTHY), tmp_path))
    path.chmod(0)
    with path.open("rb") as stream:
        program = "import os; os.setuid(65_534); from agent.cli import entry; entry.main()"
        loaded = (
            "from agent.app import judge_saved; from agent.cli import entry, main; from agent.judge import verdict; "
        )
        loaded += "from agent.cli.commands import saved; from agent.formats import text; "
        result = subprocess.run(
            [sys.executable, "-c", loaded + program, "diagnose", "-"],
            cwd=ROOT,
            stdin=stream,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    assert (result.stderr, result.returncode) == (b"", 0)


def test_nothing_is_measured_and_nothing_asked() -> None:
    """A real process ends if it sends a packet, starts a program or looks up a name."""
    program = """
import os, sys
from agent.cli import entry
NEVER = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "subprocess.Popen", "os.fork")
sys.addaudithook(lambda event, _: os._exit(99) if event in NEVER or event == "socket.__new__" else None)
entry.main()
"""
    for name in (HEALTHY, FAULT):
        result = subprocess.run(
            [sys.executable, "-c", program, "diagnose", "-", "--format=json"],
            cwd=ROOT,
            input=json_format.render(report_of(name)).encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        assert result.returncode == exits.of_status(report_of(name).verdict.status)
        assert result.stdout.decode() == json_format.render(report_of(name))


def test_it_is_judged_by_the_rules_of_today_and_not_by_what_was_made_of_it_then(tmp_path: Path) -> None:
    report = report_of(FAULT)
    doctored = replace(
        report,
        findings=(),
        not_evaluated=(),
        targets=tuple(replace(target, status=Status.OK, path=Way.PRIVATE, unproven=()) for target in report.targets),
        verdict=report_of(HEALTHY).verdict,
    )
    again = judge(saved.measurement_of(read_report(kept(doctored, tmp_path))))
    assert again == codec.decode(codec.encode(report))


# --- Options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "suppress"),
    [
        pytest.param(["--suppress", "DNS001"], [Suppression(code="DNS001", target=None)], id="a code"),
        pytest.param(
            ["--suppress=DNS001=backup", "--suppress=TCP001"],
            [Suppression(code="DNS001", target="backup"), Suppression(code="TCP001", target=None)],
            id="a code of a target, and another",
        ),
    ],
)
def test_what_is_suppressed_counts_as_in_a_run(
    options: list[str], suppress: list[Suppression], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = judge_evidence(evidence_of(FAULT), suppress=suppress)
    assert [finding.id for finding in expected.findings if finding.suppressed]
    code = entry.run(["diagnose", kept(report_of(FAULT), tmp_path), "--format=json", *options])
    assert capsys.readouterr().out == json_format.render(expected)
    assert code == exits.of_status(expected.verdict.status)


def test_what_was_suppressed_then_counts_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then = judge_evidence(evidence_of(FAULT), suppress=[Suppression(code="DNS001", target=None)])
    assert then.verdict.status != report_of(FAULT).verdict.status
    assert entry.run(["diagnose", kept(then, tmp_path), "--format=json"]) == 2
    assert capsys.readouterr().out == json_format.render(report_of(FAULT))


@pytest.mark.parametrize("fail_on", ["warning", "critical", "never"])
@pytest.mark.parametrize("name", [HEALTHY, FAULT, "gateway-activation-port-blocked", "deadline-too-short"])
def test_the_exit_code_is_that_of_the_judged_report(
    name: str, fail_on: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = report_of(name)
    code = entry.run(["diagnose", kept(report, tmp_path), "--fail-on", fail_on])
    assert code == exits.of_verdict(report.verdict.status, fail_on)
    assert capsys.readouterr().out == text.render(report)  # the option does not change the document


def test_the_four_verdicts_have_an_exit_code_each() -> None:
    names = (HEALTHY, "gateway-activation-port-blocked", FAULT, "deadline-too-short")
    assert [exits.of_verdict(report_of(name).verdict.status, "warning") for name in names] == [0, 1, 2, 3]
    assert exits.of_status(Status.NOT_IN_USE) == 0


@pytest.mark.parametrize("wanted", sorted(RENDER))
def test_a_redacted_judgment_is_the_redacted_report(
    wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry.run(["diagnose", kept(report_of(FAULT), tmp_path), "--redact", "--format", wanted])
    out = capsys.readouterr().out
    assert out == RENDER[wanted](redact(report_of(FAULT)))
    assert "i-0a1b2c3d4e5f67890" in text.render(report_of(FAULT))
    assert "i-0a1b2c3d4e5f67890" not in out


def test_a_report_is_written_where_it_is_wanted_even_over_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = kept(report_of(FAULT), tmp_path)
    assert entry.run(["diagnose", path, "--format=json", "--output", path]) == 2
    assert capsys.readouterr() == ("", "")
    assert Path(path).read_text("utf-8") == json_format.render(report_of(FAULT))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json"]


def test_a_place_that_takes_no_report_leaves_it_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = kept(report_of(FAULT), tmp_path)
    assert entry.run(["diagnose", path, "--output", str(tmp_path / "nowhere" / "x"), "--fail-on=never"]) == 3
    out, err = capsys.readouterr()
    assert out == text.render(report_of(FAULT))
    assert err.startswith("Error: ")


def test_a_short_judgment_is_the_short_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry.run(["diagnose", kept(report_of(FAULT), tmp_path), "--brief"])
    assert capsys.readouterr().out == text.brief(report_of(FAULT))


def test_options_come_from_a_file_and_from_the_environment_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "backuplink.toml"
    config.write_text('suppress = ["DNS001"]\n', "utf-8")
    monkeypatch.setenv("BACKUPLINK_FORMAT", "json")
    entry.run(["diagnose", kept(report_of(FAULT), tmp_path), "--config", str(config)])
    expected = judge_evidence(evidence_of(FAULT), suppress=[Suppression(code="DNS001", target=None)])
    assert capsys.readouterr().out == json_format.render(expected)


# --- Missing keys ----------------------------------------------------------------------------------------------------


def places_of_keys(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path in plain data to each key that a report always has. Keys of TABLES are left out, since they are data."""
    if isinstance(data, list):
        for number, item in enumerate(data):
            yield from places_of_keys(item, (*at, number))
    elif isinstance(data, dict) and (not at or at[-1] not in TABLES):
        for key, item in data.items():
            yield (*at, key)
            yield from places_of_keys(item, (*at, key))


TABLES: Final = frozenset(
    field.name
    for kind in (Vantage, WorkloadReport, *get_args(Facts), FoundWorkload)
    for field in dataclasses.fields(kind)
    if get_origin(get_type_hints(kind)[field.name]) is dict
)
"""Fields whose keys are data, such as the variables of a proxy."""


def without(document: Any, place: tuple[Any, ...]) -> Any:
    """A copy of plain data in which one key is missing."""
    if len(place) == 1:
        return {key: item for key, item in document.items() if key != place[0]}
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[place[0]] = without(document[place[0]], place[1:])
    return copy


@pytest.mark.parametrize("name", [HEALTHY, FAULT, "hana-without-storage-endpoint"])
def test_every_key_is_required(name: str) -> None:
    document = codec.encode(report_of(name))
    by_form = {tuple(key for key in place if type(key) is str): place for place in places_of_keys(document)}
    assert {("run", "redacted"), ("run", "calls"), ("targets", "required_by"), ("paths",)} <= by_form.keys()
    for place in by_form.values():
        with pytest.raises(DecodeError, match=rf"{re.escape(str(place[-1]))}|exactly the keys"):
            codec.decode(without(document, place))


def test_a_report_that_lacks_a_key_is_refused_as_any_other_that_is_malformed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json_format.render(report_of(HEALTHY)), "utf-8")
    bad.write_text(json.dumps(without(codec.encode(report_of(HEALTHY)), ("run", "workloads"))), "utf-8")
    for arguments in (("diagnose", bad), ("diff", bad, good), ("diff", good, bad)):
        assert entry.run([*map(str, arguments), "--format=json"]) == 3
        out, err = capsys.readouterr()
        assert json.loads(out)["verdict"]["status"] == "unknown"
        assert (
            "bad.json: is not a report of `--format json` that this version understands: run.workloads: this key" in err
        )


def test_a_key_of_a_newer_version_is_refused_with_its_place(tmp_path: Path) -> None:
    document = codec.encode(report_of(HEALTHY))
    document["observations"][3]["facts"]["newer"] = 1
    path = tmp_path / "report.json"
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(saved.SavedReportError, match=r"observations\[3\]\.facts\.newer: there is no such key"):
        read_report(str(path))


# --- What is not a report --------------------------------------------------------------------------------------------


def test_a_pipe_to_which_nobody_writes_is_refused_in_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_saved, "REPORT_SECONDS", 0.05)
    pipe = tmp_path / "pipe\x1b[2J"
    os.mkfifo(pipe)
    good = kept(report_of(HEALTHY), tmp_path)
    for arguments in (("diagnose", str(pipe)), ("diff", str(pipe), good), ("diff", good, str(pipe))):
        assert entry.run([*arguments, "--format=json"]) == 3
        out, err = capsys.readouterr()
        assert json.loads(out)["verdict"]["status"] == "unknown"
        assert "pipe\\x1b[2J: cannot be read: it does not end within 0.05 s.\n" in err


def test_a_closed_stdin_is_refused() -> None:
    command = ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", "agent", "diagnose", "-"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=SECONDS, check=False)
    assert result.returncode == 3
    assert result.stderr.startswith(b"Error: stdin: cannot be read: it is closed.\n")


def test_the_wrong_kind_of_value_is_refused_at_every_place() -> None:
    """Each place of a report in turn gets a list that is not valid there."""
    document = codec.encode(report_of(FAULT))
    seen: set[str] = set()

    def walk(parent: Any, path: str) -> None:
        for key in list(parent) if isinstance(parent, dict) else range(len(parent)):
            if parent[key] is None and key in ("failure", "skipped_because"):
                continue  # a reader reads these keys only for some statuses
            here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".removeprefix(".")
            right, parent[key] = parent[key], [["nothing"]]
            with pytest.raises(DecodeError) as caught:
                codec.decode(document)
            assert caught.value.where.startswith(here)
            parent[key] = right
            seen.add(here)
            if isinstance(right, dict | list):
                walk(right, here)

    walk(document, "")
    assert len(seen) > 1_000
    assert {"schema", "tool.version", "findings[0].fix.commands[0].argv[0]", "observations[0].facts"} <= seen


@settings(
    max_examples=extent.examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(by_hypothesis(reports.document))
def test_whatever_a_report_says_it_is_refused_or_judged(document: dict[str, Any]) -> None:
    try:
        evidence = saved.measurement_of(codec.decode(json.loads(json.dumps(document))))
    except (DecodeError, saved.SavedReportError):
        return
    judged = judge(evidence)
    assert [
        finding.detail for finding in judged.findings if finding.code == "RUN002" and "The rule" in finding.detail
    ] == []
    assert codec.decode(json.loads(json_format.render(judged))) == codec.decode(codec.encode(judged))
    for shown in (text.render(judged), text.brief(judged), text.render(redact(judged))):
        assert shown.isascii()
        assert shown.replace("\n", "").isprintable()


@given(st.binary(max_size=200) | by_hypothesis(reports.content))
def test_any_bytes_are_a_report_or_refused_in_words(content: bytes) -> None:
    try:
        report = saved.parse_report(content, "report.json")
    except saved.SavedReportError as error:
        message = str(error)
    else:
        message = "report.json: "
        assert codec.decode(codec.encode(report)) == report
    assert message.startswith("report.json: ")


def test_a_system_error_is_said_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(saved.SavedReportError, match=os.strerror(errno.EISDIR)):
        read_report(str(tmp_path))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("region", value) for value in ("-x", "eu-west-1;id", "", "--profile=evil", "eu west 1")),
        *(("host", value) for value in ("-o/tmp/x", "a.example/x", "", "a..example", "--help")),
        *(("service_name", value) for value in ("-x", "com.amazonaws.eu-west-1.backup,Values=*", "com", "")),
    ],
)
def test_words_that_stand_in_commands_have_the_form_of_their_kind(field: str, value: str) -> None:
    report = report_of("one-zone-silent")
    words: dict[str, Any] = {field: value}
    forged = replace(report, targets=tuple(replace(target, **words) for target in report.targets))
    with pytest.raises(saved.SavedReportError, match="the report is about"):
        saved.measurement_of(forged)
    if field == "region":
        with pytest.raises(saved.SavedReportError, match="the report is of"):
            saved.measurement_of(replace(report, run=replace(report.run, region=value)))
