"""The output of a document: a file is written whole or not at all, and a document that cannot be written to its file
goes to stdout.
"""

import io
import itertools
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli.main import dispatch
from agent.process import output
from agent.process.output import OutputClosedError, to_stdout
from agent.process.write_file import to_file
from tests.formats.test_nagios import OF_OURS
from tests.support.command import AGENT, SECONDS, completed
from tests.support.repository import ROOT

OLD, NEW = "the old document\n", "the new document\n"
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def mask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_new_file(tmp_path: Path) -> None:
    to_file(NEW, tmp_path / "report.txt")
    assert (tmp_path / "report.txt").read_text("utf-8") == NEW
    assert names_in(tmp_path) == ["report.txt"]


@pytest.mark.usefixtures("mask")
def test_a_new_file_has_the_permissions_that_files_get_here(tmp_path: Path) -> None:
    to_file(NEW, tmp_path / "report.txt")
    assert mode_of(tmp_path / "report.txt") == 0o640
    assert os.umask(0o027) == 0o027  # the umask was read, but not changed


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o444, 0o755, 0o000])
def test_permissions_are_kept(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_text(OLD, "utf-8")
    path.chmod(mode)
    to_file(NEW, path)
    assert mode_of(path) == mode
    path.chmod(0o600)
    assert path.read_text("utf-8") == NEW
    assert names_in(tmp_path) == ["report.txt"]


def test_a_shorter_document_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    to_file(OLD * 1_000, path)
    to_file(NEW, path)
    assert path.read_text("utf-8") == NEW


def test_who_reads_the_old_one_reads_it_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    to_file(OLD, path)
    with path.open(encoding="utf-8") as reader:
        to_file(NEW, path)
        assert reader.read() == OLD
    assert path.read_text("utf-8") == NEW


def test_a_link_keeps_its_place(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "report.txt", tmp_path / "link"
    target.write_text(OLD, "utf-8")
    link.symlink_to(target)
    to_file(NEW, link)
    assert link.is_symlink()
    assert target.read_text("utf-8") == NEW
    assert names_in(tmp_path / "there") == ["report.txt"]


def test_a_link_to_nothing_yet_makes_what_it_points_at(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("report.txt")
    to_file(NEW, link)
    assert link.is_symlink()
    assert (tmp_path / "report.txt").read_text("utf-8") == NEW


def test_a_path_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    to_file(NEW, Path("report.txt"))
    assert (tmp_path / "report.txt").read_text("utf-8") == NEW


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 127, "-", ".hidden", "with space", "a\nb"])
def test_any_name_that_the_system_takes(name: str, tmp_path: Path) -> None:
    to_file(OLD, tmp_path / name)
    to_file(NEW, tmp_path / name)
    assert (tmp_path / name).read_text("utf-8") == NEW
    assert names_in(tmp_path) == [name]


# --- What is not a plain file ----------------------------------------------------------------------------------------


def test_a_device_is_written_to_as_it_is() -> None:
    before = Path("/dev/null").stat()
    to_file(NEW, Path("/dev/null"))
    after = Path("/dev/null").stat()
    assert stat.S_ISCHR(after.st_mode)
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)


def test_a_named_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text("utf-8")), daemon=True)
    reader.start()
    to_file(NEW, pipe)
    reader.join(SECONDS)
    assert got == [NEW]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names_in(tmp_path) == ["pipe"]


def test_a_pipe_of_the_shell(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        to_file(NEW, Path(f"/dev/fd/{writing}"))
        assert os.read(reading, 100) == NEW.encode()
    finally:
        os.close(reading)
        os.close(writing)


# --- What cannot be written ------------------------------------------------------------------------------------------


def unwritable(folder: Path) -> dict[str, Path]:
    """Paths at which no document can be written. The files beside them must stay unchanged."""
    (folder / "file").write_text(OLD, "utf-8")
    (folder / "folder").mkdir()
    (folder / "folder" / "kept").write_text(OLD, "utf-8")
    (folder / "circle").symlink_to("circle")
    return {
        "below a file": folder / "file" / "report.txt",
        "in a folder that is not there": folder / "nowhere" / "report.txt",
        "a folder": folder / "folder",
        "a full device": Path("/dev/full"),
        "a link to itself": folder / "circle",
        "a name that is too long": folder / ("x" * 256),
        "a link into nowhere": link_to(folder / "lost", folder / "nowhere" / "report.txt"),
    }


def link_to(link: Path, target: Path) -> Path:
    link.symlink_to(target)
    return link


PLACES = (
    "below a file",
    "in a folder that is not there",
    "a folder",
    "a full device",
    "a link to itself",
    "a name that is too long",
    "a link into nowhere",
)


def everything_in(folder: Path) -> dict[str, str | None]:
    return {
        str(path.relative_to(folder)): path.read_text("utf-8") if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("place", PLACES)
def test_a_failure_is_an_os_error_and_leaves_everything(place: str, tmp_path: Path) -> None:
    path = unwritable(tmp_path)[place]
    before = everything_in(tmp_path)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - which one depends on the place; it has words for a person
        to_file(NEW * 10_000, path)
    assert caught.value.strerror
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize("fail_on", ["warning", "critical", "never"])
def test_what_cannot_be_written_is_unknown_whatever_fails(
    fail_on: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["demo", "port-blocked", "--fail-on", fail_on, "--output", str(tmp_path / "nowhere" / "x")]
    assert dispatch(arguments, []) == 3
    assert capfd.readouterr().out.startswith("CRITICAL")


@pytest.mark.skipif(AS_ROOT, reason="root writes into every folder")
def test_a_folder_without_leave_keeps_the_old_document(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_text(OLD, "utf-8")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            to_file(NEW, path)
        assert path.read_text("utf-8") == OLD
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("limit", [0, 100, 4_096, 100_000])
def test_a_disk_that_fills_up_keeps_the_old_document(limit: int, tmp_path: Path) -> None:
    """A limit on the size of files (setrlimit(2)) makes a write fail in the middle, like a full disk."""
    path = tmp_path / "report.txt"
    path.write_text(OLD, "utf-8")
    code = (
        "import resource, signal, sys; from pathlib import Path; from agent.process.write_file import to_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "try: to_file('x' * 1_000_000, Path(sys.argv[1]))\n"
        "except OSError as error: sys.stdout.write(error.strerror)\n"
    )
    result = subprocess.run(
        [sys.executable, "-B", "-c", code, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (result.stdout, result.stderr, result.returncode) == ("File too large", "", 0)
    assert path.read_text("utf-8") == OLD
    assert names_in(tmp_path) == ["report.txt"]


WRITER = """
import sys
from pathlib import Path
from agent.process.write_file import to_file
for number in range(1_000_000):
    to_file(str(number % 10) * 2_000_000, Path(sys.argv[1]))
    sys.stdout.write(".")
    sys.stdout.flush()
"""


def test_kill_leaves_the_old_document_or_the_new(tmp_path: Path) -> None:
    """A process that is killed at any moment leaves a complete document, old or new, and never half of one."""
    path = tmp_path / "report.txt"
    delays = (0.0, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.008, 0.013, 0.021, 0.034)
    for round_, delay in enumerate(delays):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.read(1 + round_ % 3)
            # The kill comes at a different point in each run, and the file must be complete at every point.
            threading.Event().wait(delay)
            os.kill(writer.pid, signal.SIGKILL)
            assert writer.wait(SECONDS) == -signal.SIGKILL
        content = path.read_text("utf-8")
        assert len(content) == 2_000_000
        assert len(set(itertools.islice(content, 0, None, 997))) == 1


# --- Through the command ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["json", "ndjson", "text"])
def test_output_holds_what_stdout_would(wanted: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report"
    assert dispatch(["demo", "one-zone-silent", "--format", wanted], []) == 2
    shown = capfd.readouterr().out
    assert dispatch(["demo", "one-zone-silent", "--format", wanted, "--output", str(path)], []) == 2
    assert capfd.readouterr().out == ""
    kept = path.read_text("utf-8")
    if wanted == "ndjson":  # live lines have the order of events, and a file has that of the report
        assert sorted(kept.splitlines()[1:]) == sorted(shown.splitlines()[1:])
        assert kept.splitlines()[-1] == shown.splitlines()[-1]
    else:
        assert kept == shown


def test_a_usage_error_does_not_touch_the_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report"
    path.write_text(OLD, "utf-8")
    assert dispatch(["check", "--output", str(path), "--timeout", "soon"], []) == 3
    assert path.read_text("utf-8") == OLD
    assert capfd.readouterr().out.startswith("UNKNOWN")


def test_a_document_with_letters_that_the_terminal_lacks() -> None:
    code = "from agent.process.output import to_stdout; to_stdout('\\u2713 \\u00e4\\n')"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )
    assert result.stdout == b"\\u2713 \\xe4\n"


@pytest.mark.parametrize("is_journal", [True, False])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param((*AGENT, "check", "--timeout", "banana"), 3, id="of the call"),
        pytest.param((sys.executable, "-c", OF_OURS, "check"), 3, id="of ours"),
        pytest.param((*AGENT, "demo", "--output", "/no/such/folder/report"), 3, id="no such folder"),
    ],
)
def test_an_error_has_its_priority_in_the_journal_alone(words: tuple[str, ...], code: int, is_journal: bool) -> None:
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as errors:
        known = os.fstat(writing)
        stream = f"{known.st_dev}:{known.st_ino + (not is_journal)}"
        environment = {**os.environ, "JOURNAL_STREAM": stream}
        ended = completed(words, capture_output=False, stdout=subprocess.PIPE, stderr=writing, env=environment)
        os.close(writing)
        lines = errors.read().splitlines()
    assert ended.returncode == code
    assert "<3>" not in ended.stdout
    errors_seen = [line for line in lines if not line.startswith("Simulated VPC")]
    assert errors_seen
    assert {line.startswith("<3>") for line in errors_seen} == {is_journal}


def test_a_line_in_the_journal_ends_where_the_journal_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line in the journal ends only at a line feed (systemd-journald.service(8)), but a traceback may contain other
    line ends.
    """
    monkeypatch.setenv("JOURNAL_STREAM", "0:0")
    monkeypatch.setattr(output, "in_journal", lambda *_: True)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    output.error_to_stderr("a\u2028b\rc\x85d\n\ne\n")
    assert sys.stderr.getvalue() == "<3>a\u2028b\rc\x85d\n\n<3>e\n"  # type: ignore[union-attr] # it is StringIO


def test_a_reader_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8", closefd=True) as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        with pytest.raises(OutputClosedError):
            to_stdout(NEW)
        sys.stdout.close()
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), gone.fileno())  # so that the rest in its buffer is discarded


def test_an_unbuffered_stdout_that_does_not_wait_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipe is full, and writing to it does not block. Trying again without a pause would use a whole core."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with open(reading, "rb"), open(writing, "wb", buffering=0) as raw:
        stdout = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(OutputClosedError):
            to_stdout("x" * (1 << 20))
        sys.stdout.close()  # the stream that has replaced stdout
        monkeypatch.undo()
        stdout.detach()
