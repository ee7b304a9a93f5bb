"""SIGTERM ends every command that waits for a file, even if the file system never answers, and even if the command's
parent ignores other signals.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from agent.cli.main import _MODULES
from agent.formats import json as json_format
from tests.agent.fleet.files import lines, record
from tests.process.terminals import on_terminal
from tests.process.test_hung_home import home, waits_for_a_file
from tests.support.command import SECONDS, completed
from tests.support.repository import ROOT
from tests.support.runs import report_of

__all__ = ["home"]

MOST_SECONDS: Final = 30.0
"""The limit for the end of a command. A command promises to end within two seconds, but this machine may be busy."""
ESTATE: Final = str(ROOT / "docs" / "examples" / "estate.json")
WAITS: Final = {
    "check --config": ("check", "--config", "{file}"),
    "check --history --output": ("check", "--region", "eu-west-1", "--history", "{report}", "--output", "{file}"),
    "check --ec2-facts": ("check", "--region", "eu-west-1", "--ec2-facts", "{file}"),
    "check --history": ("check", "--region", "eu-west-1", "--history", "{file}"),
    "demo --output": ("demo", "--output", "{file}"),
    "watch --history": ("watch", "--region", "eu-west-1", "--history", "{file}"),
    "watch --textfile": ("watch", "--region", "eu-west-1", "--deadline", "1", "--textfile", "{file}"),
    "watch --notify-template": ("watch", "--notify", "https://h.example/", "--notify-template", "{file}"),
    "diagnose": ("diagnose", "{file}"),
    "diff, old": ("diff", "{file}", ESTATE),
    "diff, new": ("diff", "{report}", "{file}"),
    "predict --ec2-facts": ("predict", "--ec2-facts", "{file}"),
    "predict --assume-plan": ("predict", "--ec2-facts", ESTATE, "--service", "backup", "--assume-plan", "{file}"),
    "audit --ec2-facts": ("audit", "--ec2-facts", "{file}"),
    "bundle": ("bundle", "{file}"),
    "bundle --output": ("bundle", "{report}", "--output", "{file}"),
    "bundle of stdin --output": ("bundle", "-", "--output", "{file}"),
    "bundle --history": ("bundle", "--history", "{file}"),
    "facts": ("facts", "--region", "eu-west-1", "--vpc", "vpc-0a1b2c3d4e5f67890"),
    "fleet": ("fleet", "{file}"),
    "fleet, a folder": ("fleet", "{folder}"),
    "fleet --inventory": ("fleet", "{report}", "--inventory", "{file}"),
    "fleet --suppressions": ("fleet", "{report}", "--suppressions", "{file}"),
    "fleet --cache": ("fleet", "{report}", "--cache", "{file}"),
    "fleet --ec2-facts": ("fleet", "{report}", "--ec2-facts", "{file}"),
    "fleet put": ("fleet", "put", "{file}", "s3://bucket/x", "--deadline", "60"),
    "fleet pack": ("fleet", "pack", "{file}", "{report}"),
    "fleet pack, where to": ("fleet", "pack", "{record}", "{folder}"),
    "history": ("history", "{file}"),
    "history --show": ("history", "{file}", "--show", "1"),
    "history --compare": ("history", "{file}", "--compare", "1", "2"),
    "history --export": ("history", "{file}", "--export", "csv"),
}
"""The commands. Each has a placeholder for the file that it waits for. A watch that writes ends with its own exit
code.
"""
AT_ONCE: Final = frozenset({"endpoints", "explain", "permissions", "schema"})
"""Commands that open no file. tests/process/test_interrupted.py tests them with a reader of stdout that never reads."""
ON_A_TERMINAL: Final = frozenset({"tui"})
ELSEWHERE: Final = {
    "fleet athena": "tests/agent/fleet",
}


def test_every_command_is_here() -> None:
    of_two = {" ".join(words[:2]) for words in WAITS.values()} & _MODULES.keys()
    named = {words[0] for words in WAITS.values()} | of_two
    assert named | AT_ONCE | ON_A_TERMINAL | ELSEWHERE.keys() == _MODULES.keys()


@pytest.mark.parametrize("ignored", ["", "INT HUP"], ids=["signals as they are", "others ignored"])
@pytest.mark.parametrize("name", WAITS)
def test_sigterm_ends_a_command(name: str, ignored: str, home: Path, tmp_path: Path) -> None:
    place = {
        "file": str(home / "x"),
        "folder": str(home),
        "report": str(tmp_path / "report.json"),
        "record": str(tmp_path / "record.json"),
    }
    (tmp_path / "report.json").write_text(json_format.render(report_of("healthy")), "utf-8")
    (tmp_path / "record.json").write_text(lines(record(1)), "utf-8")
    command = [word.format(**place) for word in WAITS[name]]
    words = [sys.executable, "-m", "tests.process.hung_home", str(home), *command]
    if ignored:
        words = ["sh", "-c", f"trap '' {ignored}; exec \"$@\"", "sh", *words]
    with (
        (tmp_path / "report.json").open("rb") as report,
        subprocess.Popen(
            words, cwd=ROOT, stdin=report, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        try:
            until = time.monotonic() + SECONDS
            while not waits_for_a_file(process.pid):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until, "it never reads the file"
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            _, errors = process.communicate(timeout=SECONDS)
            assert time.monotonic() - began < MOST_SECONDS
        finally:
            process.kill()
    assert "Traceback" not in errors
    assert process.returncode == (0 if name == "watch --textfile" else 128 + signal.SIGTERM)


def test_sigterm_ends_the_interface_that_waits_for_a_report(home: Path) -> None:
    words = [sys.executable, "-m", "tests.process.hung_home", str(home), "tui", str(home / "x")]
    with on_terminal(words) as session:
        until = time.monotonic() + SECONDS
        while not waits_for_a_file(session.process.pid):
            assert time.monotonic() < until, "it never reads the file"
            time.sleep(0.01)
        began = time.monotonic()
        session.kill(signal.SIGTERM)
        assert session.ended() == 128 + signal.SIGTERM
        assert time.monotonic() - began < MOST_SECONDS


def test_sigterm_ends_a_look_up_that_waits_for_lines() -> None:
    words = (sys.executable, "-m", "agent", "explain", "--text", "-")
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            until = time.monotonic() + SECONDS
            while len(list(Path(f"/proc/{process.pid}/task").iterdir())) < 2:  # until a second thread reads the file
                assert time.monotonic() < until, "it never reads"
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            assert process.wait(MOST_SECONDS) == 128 + signal.SIGTERM
            assert process.stderr is not None
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


def test_the_shell_has_them_ignored() -> None:
    """The shell really ignores these signals. Otherwise, the cases with a shell would test nothing new."""
    shown = "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    words = ("sh", "-c", 'trap "" INT HUP; exec "$@"', "sh", sys.executable, "-c", shown)
    assert completed(words).stdout == "True\n"


@pytest.mark.parametrize(
    "words",
    [
        ("fleet", "{record}", "--inventory", "{pipe}"),
        ("fleet", "{record}", "--suppressions", "{pipe}"),
        ("fleet", "{record}", "--ec2-facts", "{pipe}"),
        ("fleet", "put", "{pipe}", "s3://bucket/x", "--deadline", "60"),
    ],
    ids=["inventory", "suppressions", "facts", "put"],
)
def test_sigterm_ends_the_wait_for_a_pipe_without_a_writer(words: tuple[str, ...], tmp_path: Path) -> None:
    place = {"record": str(tmp_path / "record.json"), "pipe": str(tmp_path / "pipe")}
    (tmp_path / "record.json").write_text(lines(record(1)), "utf-8")
    os.mkfifo(place["pipe"])
    command = [sys.executable, "-m", "agent", *(word.format(**place) for word in words)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            until = time.monotonic() + SECONDS
            while not has_open(process.pid, place["pipe"]):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until, "it never opens the pipe"
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            _, errors = process.communicate(timeout=SECONDS)
            assert time.monotonic() - began < MOST_SECONDS
        finally:
            process.kill()
    assert "Traceback" not in errors
    assert process.returncode == 128 + signal.SIGTERM


def has_open(process_id: int, path: str) -> bool:
    """Whether a process has the file open."""
    found = []
    for entry in Path(f"/proc/{process_id}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the file was closed in the meantime
            found.append(str(entry.readlink()))
    return path in found
