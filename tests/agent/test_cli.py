"""The command as its users meet it: documents on stdout, words on stderr, exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent import codec, start
from agent.simulated import scenario as scenarios
from agent.version import __version__

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(codec.schema())
SECONDS = 60.0
"""Far above what any command here needs; a limit for one that hangs."""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def document(stdout: str) -> dict[str, Any]:
    """The one document on stdout, held against the schema."""
    parsed: dict[str, Any] = json.loads(stdout)
    VALIDATOR.validate(parsed)
    return parsed


EXITS = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}


@pytest.mark.parametrize("name", ["healthy", "gateway-optional-ports", "one-zone-silent", "deadline-too-short"])
def test_exit_code_is_the_verdict(name: str) -> None:
    result = run("demo", name, "--format", "json")
    parsed = document(result.stdout)
    assert parsed["verdict"]["status"] == scenarios.load(name).expect.status
    assert result.returncode == EXITS[parsed["verdict"]["status"]]


def test_demo_without_a_name_is_healthy() -> None:
    result = run("demo")
    assert result.stdout.startswith("OK  backup answers privately at 3 addresses\n")
    assert result.returncode == 0


def test_demo_lists_every_scenario() -> None:
    result = run("demo", "--list")
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(scenarios.names())


def test_format_from_the_environment() -> None:
    document(run("demo", BACKUPLINK_FORMAT="json").stdout)
    assert run("demo", "--format", "text", BACKUPLINK_FORMAT="json").stdout.startswith("OK")


def test_version_imports_nothing_heavy() -> None:
    code = "import sys; from agent.start import run; run(['--version']); print(sorted(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    first, modules = result.stdout.split("\n", 1)
    assert first == f"backuplink {__version__}"
    for heavy in ("asyncio", "click", "dns", "h11", "botocore", "cryptography", "ssl", "agent.cli"):
        assert f"'{heavy}'" not in modules


def test_check_starts_without_botocore_and_cryptography() -> None:
    code = "import sys; import agent.cli; print(sorted(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    for heavy in ("botocore", "cryptography", "textual", "boto3", "httpx"):
        assert f"'{heavy}'" not in result.stdout


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_names_the_commands(word: str) -> None:
    result = run(word)
    assert result.returncode == 0
    for command in ("check", "demo", "schema"):
        assert command in result.stdout


def test_schema_is_the_committed_one() -> None:
    result = run("schema")
    assert result.stdout == (ROOT / "docs" / "report.v1.schema.json").read_text("utf-8")


@pytest.mark.parametrize("seam", ["sdk", "lookup", "trust", "sdk,lookup,trust"])
def test_a_library_that_hangs_does_not_hold_the_process(seam: str) -> None:
    began = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "tests.agent.hanging", seam],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    took = time.monotonic() - began
    parsed = document(result.stdout)
    assert parsed["verdict"]["status"] == "unknown"
    assert not parsed["run"]["complete"]
    assert {finding["code"] for finding in parsed["findings"]} == {"RUN001"}
    assert result.returncode == 3
    assert parsed["run"]["seconds"] < 2.0
    assert took < 20.0  # the library hangs for sixty


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_run_with_a_whole_document(number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.agent.hanging", "lookup,patient"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert process.stderr.readline() == "measuring\n"
        process.send_signal(number)
        parsed = document(process.stdout.read())
        assert process.wait(SECONDS) == code
    assert parsed["run"]["interrupted"]
    assert not parsed["run"]["complete"]
    assert parsed["verdict"]["status"] == "unknown"
    lookup = next(each for each in parsed["observations"] if each["id"] == "dns/backup/getaddrinfo")
    assert lookup["failure"]["kind"] == "deadline"
    assert lookup["failure"]["code"] == number.name


def test_a_signal_before_the_run_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    from agent.cli import dispatch

    code = dispatch(["demo", "--format", "json"], ["SIGTERM"])
    parsed = document(capsys.readouterr().out)
    assert code == 143
    assert parsed["run"]["interrupted"]


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "demo", "--format", "json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
        assert process.wait(SECONDS) == 3


def test_without_a_command_it_is_a_check() -> None:
    result = run("--timeout", "banana", "--format", "json")
    assert "backuplink check" in result.stderr


def test_no_colour_into_a_pipe() -> None:
    assert "\x1b" not in run("demo", "one-zone-silent", TERM="xterm-256color").stdout


def test_run_gives_the_code_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        assert start.run(["demo", "private-dns-off"]) == 2
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert capsys.readouterr().out.startswith("CRITICAL")
