"""The command from the outside: documents on stdout, messages on stderr, exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agent.cli import entry
from agent.cli.main import dispatch
from agent.formats.registry import OPTION_NAMES
from agent.version import __version__
from tests.support import scenarios
from tests.support.command import SECONDS
from tests.support.extent import one_in
from tests.support.repository import ROOT
from tests.support.validator import VALIDATOR


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
    """The one document on stdout, validated against the schema."""
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


def test_format_from_the_environment() -> None:
    document(run("demo", BACKUPLINK_FORMAT="json").stdout)
    assert run("demo", "--format", "text", BACKUPLINK_FORMAT="json").stdout.startswith("OK")


def test_version_imports_nothing_heavy() -> None:
    code = "import sys; from agent.cli.entry import run; run(['--version']); print(sorted(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    first, modules = result.stdout.split("\n", 1)
    assert first == f"backuplink {__version__}"
    for heavy in ("asyncio", "click", "dns", "h11", "botocore", "cryptography", "ssl", "agent.cli.main"):
        assert f"'{heavy}'" not in modules


def test_check_starts_without_botocore_and_cryptography() -> None:
    code = "import sys; import agent.cli.main; print(sorted(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    for heavy in ("botocore", "cryptography", "textual", "boto3", "httpx", "prometheus_client", "sqlite3"):
        assert f"'{heavy}'" not in result.stdout


@pytest.mark.parametrize("words", [(), ("--history", "h.db")])
def test_only_what_keeps_a_history_loads_sqlite(tmp_path: Path, words: tuple[str, ...]) -> None:
    code = (
        "import sys; from agent.cli.entry import run; run(sys.argv[1:]); "
        "print('sqlite3' in sys.modules, 'agent.history.write' in sys.modules)"
    )
    arguments = ("demo", "--watch", "--cycles", "1", *words)
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == f"{bool(words)} {bool(words)}"


AT_THE_END = """
import gc, sys
from agent.cli.entry import main
from agent.process import phases

def collections():
    return sum(row["collections"] for row in gc.get_stats())

before = collections()
phases.subscribe(lambda phase: phase == "ended" and print(gc.isenabled(), collections() - before, file=sys.stderr))
sys.argv[1:] = ["demo", "--format", "json"]
main()
"""


def test_garbage_is_collected_but_hardly_ever_while_a_run_is_imported_and_made() -> None:
    result = subprocess.run(
        [sys.executable, "-c", AT_THE_END], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    enabled, count = result.stderr.split()[-2:]
    assert enabled == "True"
    assert int(count) <= 2


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_names_the_commands(word: str) -> None:
    result = run(word)
    assert result.returncode == 0
    for command in ("check", "demo", "schema", "facts", "permissions"):
        assert command in result.stdout


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ((), "report"),
        *(((name,), name) for name in ("report", "host", "history", "prediction", "fleet", "change", "fleet-change")),
    ],
)
def test_schema_is_the_committed_one(words: tuple[str, ...], name: str) -> None:
    result = run("schema", *words)
    assert result.stdout == (ROOT / "docs" / f"{name}.v1.schema.json").read_text("utf-8")


def test_a_schema_of_no_document() -> None:
    result = run("schema", "hosts")
    assert result.returncode == 3
    assert "'hosts' is not one of the 11 names that --help lists. Did you mean 'host'?" in (
        " ".join(result.stdout.split())
    )


BUSY = {"ENV015"}
"""Findings that a run with the real clock may add on a busy machine."""


@pytest.mark.parametrize("seam", ["sdk", "lookup", "trust", "sdk,lookup,trust"])
def test_a_library_that_hangs_does_not_hold_the_process(seam: str) -> None:
    began = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "tests.process.hanging", seam],
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
    assert {finding["code"] for finding in parsed["findings"]} - BUSY == {"RUN001"}
    assert result.returncode == 3
    assert parsed["run"]["seconds"] < 20.0
    assert took < 20.0  # the library hangs for sixty seconds


def test_an_ec2_client_that_hangs_changes_nothing_but_what_was_read() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.process.hanging", "ec2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    parsed = document(result.stdout)
    assert (parsed["verdict"]["status"], result.returncode) == ("ok", 0)
    assert parsed["run"]["complete"]
    reads = [observation for observation in parsed["observations"] if observation["step"] == "ec2"]
    assert {read["status"] for read in reads} == {"skipped"}
    (finding,) = (finding for finding in parsed["findings"] if finding["code"] not in BUSY)
    assert finding["code"] == "VPC013"
    assert "The run's deadline came before the whole configuration was read." in finding["detail"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_run_with_a_whole_document(number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.process.hanging", "lookup,patient"],
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
    lookup = next(
        observation for observation in parsed["observations"] if observation["id"] == "dns/backup/getaddrinfo"
    )
    assert lookup["failure"]["kind"] == "deadline"
    assert lookup["failure"]["code"] == number.name


def test_a_signal_before_the_run_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    from agent.cli.main import dispatch

    code = dispatch(["demo", "--format", "json"], ["SIGTERM"])
    parsed = document(capsys.readouterr().out)
    assert code == 143
    assert parsed["run"]["interrupted"]


VPC = ("--vpc", "vpc-0a1b2c3d4e5f67890", "--region", "eu-west-1")


def hanging_credentials(folder: Path) -> dict[str, str]:
    """Settings of an SDK whose credentials come from a program that does not end."""
    config = folder / "config"
    config.write_text("[default]\ncredential_process = sleep 60\n", "utf-8")
    return {"AWS_CONFIG_FILE": str(config)}


def test_facts_end_at_their_deadline_whatever_hangs(tmp_path: Path) -> None:
    began = time.monotonic()
    path = tmp_path / "facts.json"
    result = run("facts", *VPC, "--deadline", "1", "--output", str(path), **hanging_credentials(tmp_path))
    assert result.returncode == 3
    assert "credentials: cut short: the deadline of 1 s came" in result.stderr
    assert json.loads(result.stdout)["verdict"]["summary"].startswith("nothing could be read; credentials: ")
    assert not path.exists()
    assert time.monotonic() - began < 20.0  # the program hangs for sixty seconds


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_facts_without_a_file(number: signal.Signals, code: int, tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    started = tmp_path / "started"
    os.mkfifo(started)
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = sh -c 'echo >{started}; sleep 60'\n", "utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "facts", *VPC, "--timeout", "60", "--output", str(path)],
        cwd=ROOT,
        env={**os.environ, "AWS_CONFIG_FILE": str(config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        with started.open() as stream:
            assert stream.readline() == "\n"
        process.send_signal(number)
        assert process.wait(SECONDS) == code
        assert process.stdout is not None
        refusal = json.loads(process.stdout.read())
    assert refusal["verdict"]["summary"] == f"interrupted by {number.name}; nothing was written"
    assert not path.exists()


def test_facts_without_credentials_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    result = run("facts", *VPC, "--output", str(path))
    assert result.returncode == 3
    assert result.stderr.startswith("Error: there are no credentials to ask EC2 with: ")
    assert not path.exists()


def test_permissions_are_those_of_the_region() -> None:
    result = run("permissions", "--region", "cn-north-1", "--format", "json")
    assert (result.returncode, result.stderr) == (0, "")
    parts = {part["part"]: part["policy"] for part in json.loads(result.stdout)["parts"]}
    assert parts["path"] is None
    assert [statement["Action"] for statement in parts["api"]["Statement"]] == [["backup:ListBackupVaults"]]
    text = run("permissions", "--region", "cn-north-1").stdout
    assert json.dumps(parts["api"], indent=2) in text


def test_permissions_without_a_region_are_those_of_the_partition_aws() -> None:
    assert run("permissions").stdout == run("permissions", "--partition", "aws").stdout
    assert "in all Regions of aws\n" in run("permissions").stdout


@pytest.mark.parametrize("wanted", one_in(4, OPTION_NAMES))
def test_a_reader_that_goes_away_is_no_traceback(wanted: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "demo", "--format", wanted],
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
        assert entry.run(["demo", "private-dns-off"]) == 2
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert capsys.readouterr().out.startswith("CRITICAL")


@pytest.mark.parametrize(
    "variables",
    [
        {"_BACKUPLINK_COMPLETE": "1"},
        {"_BACKUPLINK_COMPLETE": "bash"},
        {"_BACKUPLINK_COMPLETE": "tcsh_source"},
        {"_BACKUPLINK_COMPLETE": "bash_complete"},
        {"_BACKUPLINK_COMPLETE": "zsh_complete", "COMP_WORDS": "backuplink", "COMP_CWORD": "x"},
    ],
)
def test_completion_variables_that_are_wrong_are_refused_in_one_line(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("COMP_WORDS", "COMP_CWORD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert dispatch(["check"], []) == 3
    out, errors = capsys.readouterr()
    assert (out, errors.count("\n")) == ("", 1)
    assert errors.startswith("Error: _BACKUPLINK_COMPLETE ")


def test_completion_still_completes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in {
        "_BACKUPLINK_COMPLETE": "zsh_complete",
        "COMP_WORDS": "backuplink diag",
        "COMP_CWORD": "1",
    }.items():
        monkeypatch.setenv(name, value)
    assert dispatch(["check"], []) == 0
    assert "diagnose" in capsys.readouterr().out
