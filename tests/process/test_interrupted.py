"""Processes are interrupted at any point, with real signals. Their stdout also fails at any point, with real pipes and
devices. The points come from `tests.process.signalled`, so each test is the same in every run.
"""

import contextlib
import fcntl
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, Final

import pytest

from agent.formats import json as json_format
from tests.support import extent
from tests.support.command import SECONDS
from tests.support.repository import ROOT
from tests.support.runs import report_of
from tests.support.validator import VALIDATOR

FORMATS = ("text", "json", "ndjson")
CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
AT_ONCE = 3
PIPE_BYTES = 4096
"""The size of a page, which is the minimum capacity of a pipe (pipe(7))."""
FAILING = ("full", "unread", "closed")
"""Kinds of stdout that accept no output."""
ANYWHERE = 100 if extent.everything() else 15
"""The number of points that are spread evenly over a whole run, from its first import to its last line."""

BEFORE = ("command:1", "measuring:1", "RunStarted:1", "StepPlanned:1", "StepStarted:1", "ObservationMade:1")
"""Points at which a signal interrupts the run."""
DURING = (
    *(
        f"handler:{number}" for number in extent.one_in(2, range(1, 10))
    ),  # the run sets and restores its handlers one by one
    *("TargetsKnown:1", "ObservationMade:20", "ObservationMade:40", "ObservationMade:46", "ObservationMade:47"),
)
"""Points at which a signal either interrupts the run or comes just too late."""
AFTER = ("measured:1", "judging:1", "judged:1")
"""Points at which the run is complete."""
RENDERING = {
    "text": ("rendering:1", "writing:1", "written:1"),
    "json": ("rendering:1", "writing:1", "written:1"),
    "ndjson": ("rendering:1",),
}
"""The phases in which a document is made and written, for each format."""
LATE = (*(f"handler:{number}" for number in range(10, 13)), "ended:1")
"""Points after the exit code is decided."""


@dataclass(frozen=True, slots=True)
class Call:
    """A process to start: its command, the event that disturbs it, and the point of this event."""

    action: str
    point: str
    arguments: tuple[str, ...]
    stdout: str = "pipe"
    """What stdout is: `pipe`, `full` for a full device, `unread` for a pipe whose reader has gone, or `closed`."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a process."""

    call: Call
    code: int
    stdout: str
    stderr: str

    @property
    def happened(self) -> bool:
        return "happened\n" in self.stderr

    @property
    def interrupted(self) -> bool:
        """Whether the document says that the run was interrupted. Asserts that there is one complete document of the
        wanted format.
        """
        wanted = self.call.arguments[self.call.arguments.index("--format") + 1]
        assert self.stdout.endswith("\n"), self
        if wanted == "text":
            assert self.stdout.startswith(("OK  ", "WARNING  ", "UNKNOWN  ")), self
            return ", ended early\n" in self.stdout
        lines = [json.loads(line) for line in self.stdout.splitlines()] if wanted == "ndjson" else []
        if lines:
            assert [line["type"] for line in lines].index("report") == len(lines) - 1, self
            assert len({line["run"]["id"] for line in lines}) == 1, self
        report: dict[str, Any] = lines[-1] if lines else json.loads(self.stdout)
        VALIDATOR.validate({key: value for key, value in report.items() if not lines or key != "type"})
        return bool(report["run"]["interrupted"])


@contextlib.contextmanager
def started(call: Call, stderr: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """Start a process. If its event is to close the reading end of its own stdout, no other process keeps this end
    open.
    """
    shell = ["sh", "-c", 'exec "$@" >&-', "sh"] if call.stdout == "closed" else []
    action, stdout = call.action, subprocess.PIPE
    mine: tuple[int, ...] = ()
    passed: tuple[int, ...] = ()
    if call.stdout == "full":
        stdout = os.open("/dev/full", os.O_WRONLY)
        mine = (stdout,)
    elif call.stdout == "unread":
        reading, stdout = os.pipe()
        os.close(reading)
        mine = (stdout,)
    elif action == "close":
        reading, stdout = os.pipe()
        mine, passed = (reading, stdout), (reading,)
        action = f"close:{reading}"
    elif action.startswith("close:"):
        passed = (int(action.removeprefix("close:")),)
    with subprocess.Popen(
        [*shell, sys.executable, "-m", "tests.process.signalled", action, call.point, *call.arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=passed,
        text=True,
    ) as process:
        for descriptor in mine:
            os.close(descriptor)
        yield process


def run(call: Call) -> Result:
    """Run one process to its end."""
    with started(call) as process:
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert "Traceback" not in stderr, (call, stderr)
    assert "Exception ignored" not in stderr, (call, stderr)
    return Result(call, process.returncode, stdout or "", stderr)


def results(calls: Iterable[Call]) -> list[Result]:
    """Run several processes at the same time."""
    with ThreadPool(AT_ONCE) as pool:
        return pool.map(run, list(calls), chunksize=1)


def demo(wanted: str) -> tuple[str, ...]:
    return ("demo", "--format", wanted)


# --- Signals ---------------------------------------------------------------------------------------------------------


def test_an_interrupt_anywhere_leaves_a_whole_document_and_its_exit_code() -> None:
    """The points are spread evenly over a run. Signals and formats take turns from point to point."""
    counts = results(Call("SIGTERM", "0", demo(wanted)) for wanted in FORMATS)
    assert [count.code for count in counts] == [0, 0, 0]
    totals = [int(count.stderr.split()[-1]) for count in counts]
    interrupts = (*CODES, "SIGPIPE", "close")
    calls = []
    for number in range(ANYWHERE):
        turn = number % len(FORMATS)
        # The last point is before the end of a run, since runs differ in their number of points.
        point = 1 + totals[turn] * 49 // 50 * number // ANYWHERE
        calls.append(Call(interrupts[number % len(interrupts)], str(point), demo(FORMATS[turn])))
    ended = results(calls)
    for turn in range(len(FORMATS)):
        cut, codes = [], []
        for result in ended[turn :: len(FORMATS)]:
            assert result.happened, result
            if result.call.action == "close":
                codes.append(result.code)
            elif result.call.action == "SIGPIPE":
                assert result.code == 0, result
                assert not result.interrupted, result
            else:
                assert result.code == CODES[result.call.action], result
                cut.append(result.interrupted)
        assert cut[0]
        assert cut == sorted(cut, reverse=True)  # once a run is complete, a later signal does not interrupt it
        assert codes[0] == 3
        assert set(codes) <= {0, 3}
        assert codes == sorted(codes, reverse=True)  # once the output is written, it is not lost


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_signal_at_every_phase(wanted: str) -> None:
    """Phases that all formats share are tested in one format each."""
    points = (*(*BEFORE, *DURING, *AFTER, *LATE)[FORMATS.index(wanted) :: len(FORMATS)], *RENDERING[wanted])
    calls = [
        Call(tuple(CODES)[(number + FORMATS.index(wanted)) % len(CODES)], point, demo(wanted))
        for number, point in enumerate(points)
    ]
    for result in results(calls):
        assert result.happened, result
        point = result.call.point
        assert result.code == (0 if point in LATE else CODES[result.call.action]), result
        if point in DURING:
            assert result.interrupted in (True, False)  # the property also checks the document
        else:
            assert result.interrupted is (point in BEFORE), result


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """Under nohup(1), a run goes on after its terminal is closed."""
    command = [sys.executable, "-m", "tests.process.signalled", "SIGHUP", "measured:1", *demo("json")]
    ended = subprocess.run(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *command],  # noqa: S607 - any sh will do
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    result = Result(Call("SIGHUP", "measured:1", demo("json")), ended.returncode, ended.stdout, ended.stderr)
    assert result.happened
    assert not result.interrupted
    assert result.code == 0


@pytest.mark.parametrize("point", ["command:1", "ObservationMade:1", "judging:1"])
def test_a_terminal_that_goes_takes_no_document_with_it(point: str) -> None:
    """stderr is a terminal with a progress line. The other end of this terminal is closed."""
    master, terminal = pty.openpty()
    call = Call(f"close:{master}", point, demo("json"))
    with started(call, stderr=terminal) as process:
        os.close(master)
        os.close(terminal)
        stdout, _ = process.communicate(timeout=SECONDS)
    assert not Result(call, process.returncode, stdout, "").interrupted
    assert process.returncode == 0


ELSEWHERE = """
import asyncio, signal, threading, time
from agent.process.cancel import CancelToken
from agent.process.signals import cancel_on_signals

def kill():
    time.sleep(0.5)  # until the loop waits
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

async def main():
    stop = CancelToken()
    with cancel_on_signals(stop):
        try:
            async with asyncio.timeout(None) as window:
                stop.watch(window)
                threading.Thread(target=kill).start()
                await asyncio.Event().wait()
        except TimeoutError:
            print(stop.reason)

asyncio.run(main())
"""


def test_a_signal_that_another_thread_receives_wakes_the_loop() -> None:
    """Python runs the handler in the main thread, which is waiting in the loop at this time."""
    command = [sys.executable, "-c", ELSEWHERE]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (ended.stdout, ended.returncode) == ("SIGTERM\n", 0), ended


# --- A file that is awaited -------------------------------------------------------------------------------------------

AT_ONCE_SECONDS = 1.5
"""The limit in seconds for the end of a process that is interrupted while it waits: one second, plus half a second
because the machine may be busy.
"""
WAITS = {
    "a report on stdin": ("SIGINT", "text", "diagnose", "-"),
    "a report in a pipe": ("SIGTERM", "json", "diagnose", "{pipe}"),
    "a configuration": ("SIGHUP", "ndjson", "check", "--config", "{pipe}"),
    "facts": ("SIGINT", "json", "check", "--ec2-facts", "{pipe}"),
    "a template": ("SIGTERM", "text", "demo", "--watch", "--notify", "http://[::1]/", "--notify-template", "{pipe}"),
}


@pytest.mark.parametrize(("name", "wanted", "words"), [(row[0], row[1], row[2:]) for row in WAITS.values()], ids=WAITS)
def test_a_signal_ends_what_waits_for_a_file(words: tuple[str, ...], name: str, wanted: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [word.format(pipe=pipe) for word in words]
    with subprocess.Popen(
        [sys.executable, "-m", "agent", *command, "--format", wanted],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        if "-" not in command:
            with os.fdopen(os.open(pipe, os.O_RDWR), "wb"):
                _wait_for_a_thread(process.pid)
                process.send_signal(signal.Signals[name])
                began = time.monotonic()
                assert process.wait(SECONDS) == CODES[name]
        else:
            _wait_for_a_thread(process.pid)
            process.send_signal(signal.Signals[name])
            began = time.monotonic()
            assert process.wait(SECONDS) == CODES[name]
        assert time.monotonic() - began < AT_ONCE_SECONDS
        assert process.stdout is not None
        assert process.stderr is not None
        document, stderr = process.stdout.read(), process.stderr.read()
    assert "Traceback" not in stderr
    if wanted == "text":
        assert document.startswith("UNKNOWN  ")
        assert f"interrupted by {name}" in document
    else:
        report = json.loads(document.splitlines()[-1] if wanted == "ndjson" else document)
        assert report["verdict"]["summary"] == f"interrupted by {name}"


_JOINS_FOREVER: Final = """
import os, signal, sys, time
from agent.cli import entry
from agent.fleet import join
from agent.process import signals

def joined(*_):
    os.kill(os.getpid(), signal.SIGTERM)
    while True:
        time.sleep(60)

join.joined = joined
signals.GRACE_SECONDS = 0.01
sys.exit(entry.run(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", [("fleet", "{report}"), ("demo", "--fleet", "20")], ids=" ".join)
def test_a_join_that_does_not_end_in_time_says_that_it_was_interrupted(words: tuple[str, ...], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text(json_format.render(report_of("healthy")), "utf-8")
    command = [word.format(report=report) for word in words]
    ended = subprocess.run(
        [sys.executable, "-c", _JOINS_FOREVER, *command, "--format", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == CODES["SIGTERM"]
    assert json.loads(ended.stdout)["verdict"]["summary"] == "interrupted by SIGTERM"
    assert "Traceback" not in ended.stderr


def test_a_signal_that_also_ends_the_writer_is_no_bad_report() -> None:
    """Ctrl-C interrupts every process of a pipeline. If the process that writes the report is interrupted, there is no
    report in its output.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "diagnose", "-", "--format", "json"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _wait_for_a_thread(process.pid)
        process.send_signal(signal.SIGINT)
        document, stderr = process.communicate('{"schema": ', timeout=SECONDS)
    assert "Traceback" not in stderr
    assert process.returncode == 130
    assert json.loads(document)["verdict"]["summary"] == "interrupted by SIGINT"


def _wait_for_a_thread(pid: int) -> None:
    """Wait until a process begins to read a file, which it does in a second thread."""
    until = time.monotonic() + SECONDS
    while len(list(Path(f"/proc/{pid}/task").iterdir())) < 2:
        assert time.monotonic() < until, "it never reads the file"
        time.sleep(0.01)


# --- stdout ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", FORMATS)
def test_stdout_that_fails_on_the_way_is_unknown(wanted: str) -> None:
    """The reader ends, or the disk fills up, before the last part of the document is written."""
    points = ("command:1", "ObservationMade:1", "ObservationMade:47", "judged:1", RENDERING[wanted][0])
    calls = [Call(action, point, demo(wanted)) for point in points for action in ("close", "full")]
    # In CI, each case uses only one format.
    for result in results(calls if extent.everything() else calls[FORMATS.index(wanted) :: len(FORMATS)]):
        assert result.happened, result
        assert result.code == 3, result


@contextlib.contextmanager
def held_up(command: Sequence[str], unbuffered: str = "") -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a command whose document does not fit into its pipe, and wait until the command waits for a reader. Yields
    the process and the reading end of the pipe.
    """
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        words = (sys.executable, "-m", "agent", *command)
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        with subprocess.Popen(words, cwd=ROOT, stdout=writing, stderr=subprocess.DEVNULL, env=environment) as process:
            os.close(writing)
            try:
                until = time.monotonic() + SECONDS
                # A line that is shorter than the pipe is written as a whole, so the process may wait although the pipe
                # is not full.
                while int.from_bytes(fcntl.ioctl(reading, termios.FIONREAD, bytes(4)), sys.byteorder) < PIPE_BYTES // 4:
                    assert time.monotonic() < until, "the pipe never fills"
                    time.sleep(0.01)
                yield process, reading
            finally:
                process.kill()
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    "command",
    [
        demo("json"),
        demo("ndjson"),
        *extent.one_in(
            3,
            (
                ("demo", "--list"),
                ("endpoints",),
                ("permissions", "--format", "json"),
                ("schema",),
                ("explain", "--format", "json"),
                ("demo", "--fleet", "100", "--format", "json"),
            ),
        ),
    ],
    ids=" ".join,
)
def test_a_reader_who_never_reads_holds_no_process_that_is_asked_to_end(command: tuple[str, ...]) -> None:
    with held_up(command) as (process, _):
        process.terminate()
        assert process.wait(SECONDS) == 143


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_reader_who_comes_after_the_signal_gets_the_whole_document(unbuffered: str) -> None:
    with held_up(demo("json"), unbuffered) as (process, reading):
        process.terminate()
        with open(os.dup(reading), "rb") as stream:
            document = json.loads(stream.read())
        assert document["schema"] == "backuplink.report.v1"
        assert process.wait(SECONDS) == 143


@pytest.mark.parametrize("stdout", ["full", "unread", "closed"])
def test_stdout_that_fails_outweighs_a_signal(stdout: str) -> None:
    for result in results(
        Call(name, point, demo(wanted), stdout)
        for wanted, name, point in zip(FORMATS, CODES, ("command:1", "ObservationMade:20", "judging:1"), strict=True)
    ):
        assert result.happened, result
        assert result.code == 3, result


@pytest.mark.parametrize("turn", range(3), ids=FAILING)
def test_stdout_that_takes_nothing_is_unknown_for_every_command(turn: int) -> None:
    """In CI, every second command meets one of the three kinds of stdout. If a command only looks something up, it does
    not fail when its reader ends early, as head(1) does.
    """
    of_a_run = (
        *(demo(wanted) for wanted in FORMATS),
        *(("check", "--timeout", "banana", "--format", wanted) for wanted in FORMATS),
        ("demo", "no-such-place"),
        ("--version",),
        ("--help",),
        ("check", "--help"),
    )
    look_ups = (
        ("demo", "--list"),
        ("endpoints",),
        ("endpoints", "--format", "json"),
        ("schema",),
        ("explain",),
        ("explain", "TLS004"),
        ("explain", "tls004"),
        ("explain", "TLS004", "--format", "json"),
    )
    for commands, code in ((of_a_run, 3), (look_ups, 0 if FAILING[turn] == "unread" else 3)):
        met = commands if extent.everything() else commands[turn::6]
        for result in results(Call("SIGTERM", "0", command, FAILING[turn]) for command in met):
            assert result.code == code, result


# --- A file ----------------------------------------------------------------------------------------------------------

OLD = "the old document\n"
BEFORE_THE_NEW = ("rendering:1", "file-opening:1", "file-opened:1", "file-complete:1", "file-replacing:1")
WITH_THE_NEW = ("file-replaced:1", "handler:10", "ended:1")


def test_a_kill_at_every_phase_leaves_the_old_document_or_the_new(tmp_path: Path) -> None:
    calls = []
    for number, point in enumerate((*BEFORE_THE_NEW, *WITH_THE_NEW)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "report").write_text(OLD, "utf-8")
        calls.append(Call("SIGKILL", point, (*demo("json"), "--output", str(folder / "report"))))
    for result in results(calls):
        assert result.happened, result
        assert result.code == -signal.SIGKILL, result
        content = Path(result.call.arguments[-1]).read_text("utf-8")
        if result.call.point in BEFORE_THE_NEW:
            assert content == OLD, result
        else:
            VALIDATOR.validate(json.loads(content))


@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0,  # noqa: S607 - any will do
    reason="mounting a file system takes root",
)
@pytest.mark.parametrize(
    ("then", "words"),
    [
        pytest.param(":", "No space left on device", id="full"),
        pytest.param('mount -o remount,ro "$1"', "Read-only file system", id="read-only"),
    ],
)
def test_a_disk_that_takes_nothing_keeps_the_old_document(then: str, words: str, tmp_path: Path) -> None:
    """The file is on a separate file system, which is smaller than the document and is mounted only for
    this process.
    """
    script = (
        'mount -t tmpfs -o size=16k none "$1" && printf "the old document\\n" >"$1/report" && '
        f'{then} && "$2" -m agent demo --format json --output "$1/report"; '
        'code=$?; cat "$1/report" >&2; ls -A "$1" >&2; exit $code'
    )
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable],  # noqa: S607 - any will do
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 3, ended
    assert f"report cannot be written: {words}; the report is on stdout.\n{OLD}report\n" in ended.stderr
    VALIDATOR.validate(json.loads(ended.stdout))
