"""`watch` and `demo --watch` as commands: their outputs, how signals end them, and their exit codes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import jsonschema_rs
import pytest

from agent.watch.change_text import schema
from tests.formats.monitors import samples_in
from tests.support.command import SECONDS
from tests.support.repository import ROOT

FAULT: Final = "name-does-not-exist"
"""A scenario that is critical in its first cycle. The test cannot wait for more cycles, since `demo --watch` without
--cycles waits in real time.
"""
ENVIRONMENT: Final = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}


@pytest.fixture(autouse=True)
def _default_handlers() -> Iterator[None]:
    """Restore the handlers of SIGINT and SIGHUP. A shell starts background jobs so that they and their children ignore
    SIGINT.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "agent", *arguments]


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a watch over a simulated network to its end."""
    return subprocess.run(
        command("demo", "--watch", *arguments),
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@contextmanager
def watching(
    *arguments: str, environment: Mapping[str, str] | None = None, out: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """A watch over a simulated network while the block lasts."""
    process = subprocess.Popen(
        command("demo", "--watch", *arguments),
        cwd=ROOT,
        env={**ENVIRONMENT, **(environment or {})},
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line on stdout."""
    assert process.stdout is not None
    return process.stdout.readline()


def a_port() -> int:
    """A free port of loopback."""
    with socket.socket() as channel:  # noqa: TID251 - it connects nothing
        channel.bind(("127.0.0.1", 0))
        return int(channel.getsockname()[1])


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the end; returns the exit code, and the remaining output."""
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


# --- Watches that run to their end -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("healthy", 0),
        ("gateway-optional-ports", 0),  # the gateway was not requested
        ("gateway-activation-port-blocked", 1),
        (FAULT, 2),
        ("region-unknown", 3),
    ],
)
def test_exit_code_is_that_of_the_last_verdict(scenario: str, code: int) -> None:
    result = demo(scenario, "--cycles", "1")
    assert result.returncode == code
    status = ("ok", "warning", "critical", "unknown")[code]
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"2026-01-15T03:00:0{line[18]}Z verdict {status}: ")


def test_a_verdict_that_does_not_count_exits_with_nothing() -> None:
    assert demo(FAULT, "--cycles", "1", "--fail-on", "never").returncode == 0


def test_documents_go_to_stdout_and_lines_to_stderr() -> None:
    result = demo(FAULT, "--cycles", "1", "--format", "ndjson", "--raise-after", "1")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[0]["type"] == "run"
    assert [line["kind"] for line in lines if line["type"] == "change"] == ["verdict", "raised"]
    assert [line.split()[1] for line in result.stderr.splitlines() if line[0].isdigit()] == ["verdict", "raised"]


@pytest.mark.parametrize("wanted", ["json", "nagios", "prometheus", "junit", "markdown", "text"])
def test_a_document_goes_to_a_file_and_lines_to_stdout(wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "document"
    result = demo(FAULT, "--cycles", "1", "--format", wanted, "--output", str(path))
    assert result.stdout.count("\n") == 1
    alone = subprocess.run(
        command("demo", FAULT, "--format", wanted),
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert path.read_text("utf-8").startswith(alone.stdout.splitlines()[0])


# --- Signals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(number: signal.Signals) -> None:
    with watching(FAULT) as process:
        assert " verdict critical: " in line_of(process)
        process.send_signal(number)
        code, out, err = ended(process)
    assert (code, out) == (0, "")
    assert err.count("\n") == 1


def test_a_signal_before_the_first_cycle_ends_it_well() -> None:
    with watching(FAULT, "--listen", str(a_port())) as process:
        assert line_of(process).startswith("listening on ")
        process.send_signal(signal.SIGTERM)
        code, out, _ = ended(process)
    assert code == 0
    assert "verdict" not in out


def test_a_reader_who_does_not_read_does_not_keep_it_from_ending() -> None:
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, b"\n" * 4_096)
        os.set_blocking(writing, True)
        with watching("healthy", "--listen", str(port := a_port()), out=writing) as process:
            _until_it_listens(port)
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0
    finally:
        os.close(reading)
        os.close(writing)


def test_a_hangup_reads_the_settings_again_and_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "backuplink.toml"
    first, second = a_port(), a_port()
    config.write_text(f"listen = '{first}'\n", "utf-8")
    with watching("healthy", "--config", str(config)) as process:
        assert line_of(process) == f"listening on http://127.0.0.1:{first}\n"
        assert " verdict ok: " in line_of(process)
        config.write_text(f"listen = '{second}'\nclear-after = 1\n", "utf-8")
        process.send_signal(signal.SIGHUP)
        assert line_of(process) == f"listening on http://127.0.0.1:{second}\n"
        assert line_of(process) == "the settings were read again\n"
        with pytest.raises(httpx.ConnectError):
            _get(first, "/healthz")
        config.write_text(f"listen = '{first}'\nintervall = 3\n", "utf-8")
        process.send_signal(signal.SIGHUP)
        line = line_of(process)
        assert line.startswith("the new settings were rejected, and the old settings stay: ")
        assert f"{config}: 'intervall' is not a setting; did you mean 'interval'?" in line
        samples = samples_in(_get(second, "/metrics").text)
        for result in ("applied", "rejected"):
            assert samples["backuplink_watch_reloads_total", frozenset({("result", result)})] == 1
        process.send_signal(signal.SIGTERM)
        assert ended(process)[:2] == (0, "")


def test_a_hangup_with_a_port_that_is_taken_changes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "backuplink.toml"
    first, second = a_port(), a_port()
    config.write_text(f"listen = '{first}'\n", "utf-8")
    with socket.create_server(("127.0.0.1", second)), watching("healthy", "--config", str(config)) as process:
        line_of(process)
        line_of(process)
        config.write_text(f"listen = '{second}'\n", "utf-8")
        process.send_signal(signal.SIGHUP)
        line = line_of(process)
        assert line.startswith(
            f"the new settings were rejected, and the old settings stay: cannot listen on 127.0.0.1 port {second}: "
        )
        assert _get(first, "/healthz").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0


def test_a_port_that_is_taken_is_said_and_nothing_is_watched() -> None:
    port = a_port()
    with socket.create_server(("127.0.0.1", port)):
        result = demo("healthy", "--listen", str(port), "--cycles", "1")
    assert result.returncode == 3
    assert f"Error: cannot listen on 127.0.0.1 port {port}: " in result.stderr
    assert result.stdout.startswith("UNKNOWN  ")


def test_a_reader_who_has_gone_ends_it_where_nobody_else_hears() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with watching(FAULT, "--interval", "10", out=writing) as process:
            assert process.wait(SECONDS) == 3
    finally:
        os.close(writing)


# --- With a service manager, a listener, a program ------------------------------------------------------------------


def test_a_service_manager_hears_of_it(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:  # noqa: TID251 - only for this host
        manager.bind(str(path))
        manager.settimeout(SECONDS)
        with watching(FAULT, environment={"NOTIFY_SOCKET": str(path)}) as process:
            assert manager.recv(4_096) == b"READY=1"
            assert manager.recv(4_096).startswith(b"STATUS=cycle 1: critical: ")
            process.send_signal(signal.SIGTERM)
            assert manager.recv(4_096) == b"STOPPING=1"
            assert ended(process)[0] == 0


def test_in_the_journal_lines_have_a_priority() -> None:
    reading, writing = os.pipe()
    known = os.fstat(writing)
    with open(reading, encoding="utf-8") as lines:
        try:
            stream = {"JOURNAL_STREAM": f"{known.st_dev}:{known.st_ino}"}
            with watching(FAULT, "--raise-after", "1", environment=stream, out=writing) as process:
                assert lines.readline().startswith("<2>2026-01-15T03:00:0")
                assert lines.readline().startswith("<2>2026-01-15T03:00:0")
                process.send_signal(signal.SIGTERM)
                process.wait(SECONDS)
        finally:
            os.close(writing)


def test_metrics_are_served_while_it_watches() -> None:
    port = a_port()
    with watching(FAULT, "--listen", f"127.0.0.1:{port}") as process:
        line_of(process)
        line_of(process)
        samples = samples_in(_get(port, "/metrics").text)
        assert samples["backuplink_verdict_status", frozenset({("status", "critical")})] == 1
        assert samples["backuplink_watch_cycles_total", frozenset()] == 1
        assert _get(port, "/report.json").json()["verdict"]["status"] == "critical"
        assert _get(port, "/healthz").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0


def test_a_program_is_told_of_a_change(tmp_path: Path) -> None:
    folder = tmp_path / "changes"
    folder.mkdir()
    program = tmp_path / "note.py"
    program.write_text(
        f"import sys, tempfile\nwith tempfile.NamedTemporaryFile('w', dir={str(folder)!r}, delete=False) as file:\n"
        "    file.write(sys.stdin.read())\n",
        "utf-8",
    )
    result = demo(FAULT, "--cycles", "1", "--raise-after", "1", "--on-change", f"{sys.executable} {program}")
    assert result.returncode == 2
    documents = [json.loads(path.read_text("utf-8")) for path in folder.iterdir()]
    assert sorted(document["kind"] for document in documents) == ["raised", "verdict"]
    assert {document["schema"] for document in documents} == {"backuplink.change.v1"}
    assert {document["report"]["schema"] for document in documents} == {"backuplink.report.v1"}
    for document in documents:
        jsonschema_rs.validate(schema(), document)


# --- Helpers ---------------------------------------------------------------------------------------------------------


def _get(port: int, path: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=SECONDS) as client:
        return client.get(f"http://127.0.0.1:{port}{path}")


def _until_it_listens(port: int) -> None:
    limit = time.monotonic() + SECONDS
    while True:
        try:
            _get(port, "/healthz")
        except httpx.TransportError:
            assert time.monotonic() < limit
            time.sleep(0.05)
        else:
            return
