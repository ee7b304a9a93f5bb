"""The interface on a real terminal: how the installed command reacts to keys and signals, and how it leaves the
terminal.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from agent.formats import json as json_format
from agent.formats import text
from agent.tui.command import is_ascii_only, why_not
from tests.process.terminals import on_terminal
from tests.support import extent
from tests.support.command import SECONDS
from tests.support.extent import one_in
from tests.support.planted import SECRETS, leaked
from tests.support.repository import ROOT
from tests.support.runs import report_of
from tests.support.validator import VALIDATOR

PROGRAM: Final = str(Path(sysconfig.get_path("scripts"), "backuplink"))
"""The path of the installed program."""
PATIENT: Final = (sys.executable, "-m", "tests.process.patient")
"""A command that waits for silent peers for a minute."""
CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
ALTERNATE: Final = b"\x1b[?1049h"
MAIN: Final = b"\x1b[?1049l"
HEALTHY: Final = "backup answers privately at 3 addresses"
ENDED_EARLY: Final = ", ended early"
_COLOUR: Final = re.compile(rb"\x1b\[[\d;]*m")


def after(output: bytes) -> str:
    """The text on the terminal after the interface has ended, without colours."""
    return _COLOUR.sub(b"", output.rpartition(MAIN)[2]).decode("utf-8").replace("\r\n", "\n")


def document(output: bytes) -> str:
    """The last text report in the output."""
    shown = re.search(
        r"^(OK|WARNING|CRITICAL|UNKNOWN)  .*", re.sub(r"\r?\x1b\[[\d;?]*[a-zK]", "", after(output)), re.S | re.M
    )
    assert shown is not None, output[-2_000:]
    return shown[0]


# --- Driven by keys --------------------------------------------------------------------------------------------------


def test_driven_resized_and_left() -> None:
    """The test types keys in all relevant sizes of the terminal until the run has ended, and then quits. The size that
    a shell exports must not matter.
    """
    exported = {"COLUMNS": "80", "LINES": "24"}
    with on_terminal([PROGRAM, "demo", "--tui", "one-zone-silent"], environment=exported) as session:
        session.until(ALTERNATE)
        session.until("RUNNING")
        session.until("1 of 3 addresses is silent on 443: 10.0.2.17")
        session.press("?")
        session.until("to the next pane")
        session.press("\x1b")
        session.until("THIS HOST")
        session.press("\t", "\t", "j")
        session.resize(60, 20)
        session.until_drawn(60)
        session.resize(140, 45)
        session.until_drawn(140)
        session.press("\x1b[B", "\x1b[C", "l", "\r")
        session.until_quiet()
        session.resize(200, 60)
        session.until_drawn(200)
        session.press("q", "q")  # close the page, and then quit
        assert session.ended() == 2
        assert session.is_sane()
        assert document(session.output).startswith("CRITICAL  backup: 1 of 3 addresses is silent on 443: 10.0.2.17\n")
        assert "Traceback" not in session.text()


RESIZED: Final = """
import fcntl, struct, sys, termios
from agent.cli import entry
from agent.tui.driver import Driver

read = Driver._get_terminal_size

def read_and_resize(self):
    size = read(self)
    if size == (100, 30):
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return size

Driver._get_terminal_size = read_and_resize
sys.exit(entry.run(["demo", "--tui"]))
"""


def test_a_size_that_changes_while_it_is_read_is_not_the_last() -> None:
    """While a user drags the border of a window, a second signal arrives before the interface has handled the first
    one.
    """
    with on_terminal([sys.executable, "-c", RESIZED]) as session:
        session.until(HEALTHY)
        session.resize(100, 30)
        session.until_quiet()
        session.press("\x0c")  # draw again
        session.until_drawn(120)
        session.press("q")
        assert session.ended() == 0


NO_KEYS: Final = {
    "not UTF-8": b"\xff\xfe\x80caf\xe9",
    "half a character": b"\xe2\x82",
    "numbers out of range": b"\x1b[<;;M\x1b[<99999999999999999999;1;1M\x1b[;R\x1b[9999999999u\x1b[1114112u\x1b[?u",
    "a size": b"\x1b[?2048;1$y\x1b[48;1000000000;1000000000;1;1t",
    "no size": b"\x1b[48;0;0;0;0t\x1b[48;x;y;z;zt\x1b[8;;t",
    "escapes without an end": b"\x1b]52;c;" + b"x" * 200 + b"\x1bP+Z\x1b_G\x1b[" + b"9;" * 200,
    "a paste without an end": b"\x1b[200~\xffq\x1b[201~",
}


@pytest.mark.parametrize("names", [(name,) for name in NO_KEYS] if extent.everything() else [tuple(NO_KEYS)], ids=str)
def test_what_is_no_key_ends_nothing(names: tuple[str, ...]) -> None:
    with on_terminal([PROGRAM, "demo", "--tui"]) as session:
        session.until(HEALTHY)
        for name in names:
            session.send(NO_KEYS[name])
            session.until_quiet()
            assert session.process.poll() is None, name
        session.press("\x03")
        assert session.ended() == 0
        assert session.is_sane()
        assert document(session.output).startswith(f"OK  {HEALTHY}\n")
        assert "Traceback" not in session.text()


@pytest.mark.parametrize("seed", one_in(4, range(4)))
def test_what_a_fuzzer_types_ends_nothing(seed: int) -> None:
    """The input consists of escape sequences, made of parts that occur in real sequences. None of these is a key that
    quits.
    """
    chance = random.Random(seed)
    parts = (b"\x1b[", b"\x1b[<", b"\x1b[?", b"\x1b]", b"\x1bO", b"0", b";", b"65535", b"99999999999", b"-1", b":")
    ends = (b"M", b"m", b"u", b"t", b"R", b"$y", b"I", b"O", b"~", b"A", b"\x07", b"\xff", b"\xc3\x28", b" ")
    with on_terminal([PROGRAM, "demo", "--tui"]) as session:
        session.until(HEALTHY)
        for _ in range(150):
            session.send(b"".join(chance.choices(parts, k=chance.randint(1, 7))) + chance.choice(ends))
        session.until_quiet()
        session.press("\x1b", "\x1b", "\x03")
        assert session.ended() == 0
        assert session.is_sane()
        assert "Traceback" not in session.text()


@pytest.mark.parametrize("keys", one_in(2, ["q", "\x03", "\x11"]), ids=ascii)
def test_quitting_says_what_was_seen(keys: str) -> None:
    with on_terminal([PROGRAM, "demo", "--tui"]) as session:
        session.until(HEALTHY)
        session.press(keys)
        assert session.ended() == 0
        assert session.is_sane()
        assert document(session.output).startswith(f"OK  {HEALTHY}\n")


def test_quitting_in_the_middle_is_unknown() -> None:
    with on_terminal([*PATIENT, "demo", "--tui", "one-zone-silent"]) as session:
        session.until("10.0.3.17")
        session.press("q")
        assert session.ended() == 3
        assert session.is_sane()
        assert ENDED_EARLY in document(session.output)


def test_quitting_in_the_middle_is_critical_where_that_is_proven() -> None:
    """TLS is intercepted at one address, and another address is silent."""
    with on_terminal([*PATIENT, "demo", "--tui", "two-faults-interception-and-zone"]) as session:
        session.until("UNTRUSTED")
        session.press("q")
        assert session.ended() == 2
        assert session.is_sane()
        assert document(session.output).startswith("CRITICAL  ")
        assert ENDED_EARLY in document(session.output)


def test_the_document_is_as_it_is_wanted(tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    words = [PROGRAM, "demo", "--tui", "--format", "json", "--output", str(place), "--fail-on", "never"]
    with on_terminal([*words, "one-zone-silent"]) as session:
        session.until("1 of 3 addresses is silent on 443: 10.0.2.17")
        session.press("q")
        assert session.ended() == 0
        assert session.is_sane()
        assert after(session.output).count("\n") == 0
    written = json.loads(place.read_text("utf-8"))
    VALIDATOR.validate(written)
    assert [finding["code"] for finding in written["findings"]] == ["TCP002"]


def test_what_is_suppressed_counts_for_nothing() -> None:
    with on_terminal([PROGRAM, "demo", "--tui", "--suppress", "TCP003", "gateway-optional-ports"]) as session:
        session.until("(1 suppressed)")
        session.press("q")
        assert session.ended() == 0
        assert "(1 suppressed)" in document(session.output)


def test_a_saved_report_is_shown_and_said_as_it_is(tmp_path: Path) -> None:
    report = report_of("one-zone-silent")
    place = tmp_path / "saved.json"
    place.write_text(json_format.render(report), "utf-8")
    with on_terminal([PROGRAM, "tui", str(place)]) as session:
        session.until("1 of 3 addresses is silent on 443: 10.0.2.17")
        session.press("q")
        assert session.ended() == 2
        assert session.is_sane()
        assert document(session.output) == text.render(report)


# --- Signals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", one_in(2, CODES), ids=lambda number: number.name)
def test_a_signal_in_the_middle_of_a_run(number: signal.Signals) -> None:
    with on_terminal([*PATIENT, "demo", "--tui", "one-zone-silent"]) as session:
        session.until("10.0.3.17")
        session.kill(number)
        assert session.ended() == CODES[number]
        assert session.is_sane()
        assert ENDED_EARLY in document(session.output)
        assert "Traceback" not in session.text()


@pytest.mark.parametrize("number", one_in(3, CODES), ids=lambda number: number.name)
def test_a_signal_after_a_run(number: signal.Signals) -> None:
    with on_terminal([PROGRAM, "demo", "--tui"]) as session:
        session.until(HEALTHY)
        session.kill(number)
        assert session.ended() == CODES[number]
        assert session.is_sane()
        assert document(session.output).startswith(f"OK  {HEALTHY}\n")


POINTS: Final = (
    *("command:1", "screen-loading:1", "screen-loaded:1", "handler:1", "handler:5", "screen-starting:1"),
    *("screen-mounted:1", "screen-ended:1", "screen-released:1", "rendering:1", "writing:1"),
)


@pytest.mark.parametrize("point", one_in(2, POINTS))
def test_a_signal_at_every_seam(point: str) -> None:
    """Signals come at points between the moment before the terminal is changed and the writing of the document. The
    test quits as soon as the run is over.
    """
    with on_terminal([sys.executable, "-m", "tests.process.signalled", "SIGTERM", point, "demo", "--tui"]) as session:
        if point in POINTS[POINTS.index("screen-ended:1") :]:
            session.until(HEALTHY)
            session.press("q")
        assert session.ended() == 143
        assert "happened\n" in session.text()
        assert session.is_sane()
        assert "Traceback" not in session.text()
        assert document(session.output)


def test_a_connection_that_breaks_ends_it() -> None:
    """The interface ends, although nobody can read its document."""
    with on_terminal([PROGRAM, "demo", "--tui"]) as session:
        session.until(HEALTHY)
        session.hang_up()
        assert session.ended() in (3, 129)


def test_a_connection_that_breaks_ends_it_under_nohup_too() -> None:
    """If SIGHUP is ignored, a run goes on without a terminal. The interface cannot go on, so it ends."""
    words = ["sh", "-c", 'trap "" HUP; exec "$0" "$@"', PROGRAM, "demo", "--tui"]
    with on_terminal(words) as session:
        session.until(HEALTHY)
        session.hang_up()
        assert session.ended() in (3, 129)


def test_a_terminal_that_takes_nothing_holds_no_process_that_is_asked_to_end() -> None:
    with on_terminal([PROGRAM, "demo", "--tui"]) as session:
        session.until(HEALTHY)
        session.stop()
        session.kill(signal.SIGTERM)
        assert session.process.wait(SECONDS) == 143
        assert MAIN not in session.output
        assert session.settings_are_back()


HANGING: Final = """
import os, sys, time
from contextlib import asynccontextmanager
from agent.cli import entry
from agent.simulated import world

@asynccontextmanager
async def hanging(*_):
    os.write(2, b"it hangs")
    time.sleep(600)
    yield

world.simulated = hanging
sys.exit(entry.run(["demo", "--tui"]))
"""


def test_an_interface_that_hangs_leaves_a_sane_terminal_when_it_is_asked_to_end() -> None:
    with on_terminal([sys.executable, "-c", HANGING]) as session:
        session.until("it hangs")
        assert session.modes() != {}
        session.kill(signal.SIGTERM)
        assert session.ended() == 143
        assert session.is_sane()


HUNG: Final = """
import sys, threading
from agent.cli import entry
from agent.process import phases

def hang(phase):
    if phase == phases.Phase.FILE_OPENING:
        threading.Event().wait()

phases.subscribe(hang)
sys.exit(entry.run(["demo", "--tui"]))
"""


@pytest.mark.parametrize("how", ["a key", "a signal"])
def test_a_file_system_that_hangs_holds_up_no_key_and_no_end(how: str, tmp_path: Path) -> None:
    with on_terminal([sys.executable, "-c", HUNG], folder=tmp_path, environment={"PYTHONPATH": str(ROOT)}) as session:
        session.until(HEALTHY)
        session.press("e")
        session.until("Save the report")
        session.press("\r")
        session.until("saving")
        session.press("\x1b")
        session.until("THIS HOST")
        session.press("?")
        session.until("one line down")
        if how == "a key":
            session.press("\x03")
        else:
            session.kill(signal.SIGTERM)
        assert session.ended() == (0 if how == "a key" else CODES[signal.SIGTERM])
        assert session.is_sane()
        assert document(session.output).startswith(f"OK  {HEALTHY}\n")
        message = "The report may not be saved: writing backuplink-simulated-healthy.json had not finished."
        assert message in " ".join(after(session.output).split())
        assert not (tmp_path / "backuplink-simulated-healthy.json").exists()


LEFT: Final = """
import signal
from agent.cli import entry

entry.run(["demo", "--tui"])
print(*(signal.getsignal(each).name for each in (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)))
"""


def test_signals_are_given_back() -> None:
    """Otherwise, ctrl-z while the document is written would make the interface draw on a terminal that it has already
    left.
    """
    with on_terminal([sys.executable, "-c", LEFT]) as session:
        session.until(HEALTHY)
        session.press("q")
        assert session.ended() == 0
        assert session.text().endswith("\nSIG_DFL SIG_DFL SIG_DFL\n")


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_comes_back() -> None:
    with on_terminal(["bash", "--norc", "-i"], environment={"PS1": "$ ", "HISTFILE": ""}) as session:
        session.press(f"{PROGRAM} demo --tui\n")
        session.until(HEALTHY)
        session.until_quiet()
        session.press("\x1a")
        session.until("Stopped")
        assert {mode for mode in session.modes() if mode != 2004} == set()  # set by readline, to mark pastes
        assert session.key_modes() == 0
        session.press("echo $((6 * 7))\n")
        session.until("42")
        session.press("fg\n")
        session.until_drawn(80)
        session.press("?")
        session.until("to the next pane")
        session.press("q", "q")
        session.until(f"OK  {HEALTHY}")
        session.until("$ ")  # input that is typed earlier is lost
        session.press("exit 5\n")
        assert session.ended() == 5
        assert "Traceback" not in session.text()


def test_ctrl_z_stops_nothing_that_no_shell_would_continue() -> None:
    with on_terminal([PROGRAM, "demo", "--tui"]) as session:
        session.until(HEALTHY)
        session.press("\x1a")
        session.until("not suspended: no shell could continue it")
        session.press("q")
        assert session.ended() == 0


def test_a_key_that_is_typed_while_python_starts_is_not_left_before_the_document() -> None:
    with on_terminal([PROGRAM, "demo", "--tui"]) as session:
        session.press("z")
        session.until(HEALTHY)
        session.press("q")
        assert session.ended() == 0
        echo, _, _ = session.output.partition(b"\x1b[?1049h")
    assert b"z" in echo, "the terminal shows what is typed before anything reads it"
    assert echo.rpartition(b"z")[2].startswith(b"\r\x1b[K")


def test_no_mouse_leaves_it_to_the_terminal() -> None:
    with on_terminal([PROGRAM, "demo", "--tui", "--no-mouse"]) as session:
        session.until(HEALTHY)
        assert not {1000, 1002, 1003, 1006} & session.modes().keys()
        session.press("q")
        assert session.ended() == 0
    with on_terminal([PROGRAM, "demo", "--tui"]) as session:
        session.until(HEALTHY)
        assert 1003 in session.modes()
        session.press("q")
        assert session.ended() == 0


def test_theme_and_keys_of_the_configuration_file(tmp_path: Path) -> None:
    config = tmp_path / "backuplink.toml"
    config.write_text('theme = "light"\nkey = ["quit=x", "help=f1"]\nno-mouse = true\n', "utf-8")
    environment = {"BACKUPLINK_CONFIG": str(config), "COLORTERM": "truecolor"}
    with on_terminal([PROGRAM, "demo", "--tui"], environment=environment) as session:
        session.until(HEALTHY)
        session.until_quiet()
        assert b"48;2;255;255;255" in session.output
        assert "x quit" in session.text()
        session.press("x")
        assert session.ended() == 0


BROKEN: Final = f"""
import sys
from contextlib import asynccontextmanager
from agent.cli import entry
from agent.simulated import world

@asynccontextmanager
async def broken(*_):
    keys = {SECRETS["secret key"]!r}
    raise RuntimeError("a fault of ours")
    yield

world.simulated = broken
sys.exit(entry.run(["demo", "--tui"]))
"""


def test_a_fault_of_ours_is_said_and_tells_no_secret() -> None:
    """Textual's own message about an exception would contain the values of variables."""
    with on_terminal([sys.executable, "-c", BROKEN]) as session:
        assert session.ended() == 3
        assert session.is_sane()
        assert "Traceback (most recent call last):" in session.text()
        assert document(session.output) == "UNKNOWN  internal error: RuntimeError: a fault of ours\n"
        assert not leaked(session.text())


# --- Terminals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "lines", "environment"),
    one_in(
        2,
        [
            pytest.param(80, 24, {"TERM": "linux"}, id="linux"),
            pytest.param(60, 20, {"TERM": "linux", "LANG": "C"}, id="linux, C, small"),
            pytest.param(60, 20, {"TERM": "screen", "NO_COLOR": "1"}, id="screen, no colours, small"),
            pytest.param(80, 24, {"TERM": "screen", "LC_ALL": "POSIX"}, id="screen, POSIX"),
            pytest.param(80, 24, {"TERM": "xterm", "LANG": "C", "NO_COLOR": "1"}, id="xterm, C, no colours"),
            pytest.param(60, 20, {"TERM": "xterm-256color", "LC_ALL": "de_DE.ISO-8859-1"}, id="latin 1, small"),
            pytest.param(80, 24, {"TERM": "xterm-256color", "COLORTERM": "truecolor"}, id="all the colours"),
            pytest.param(80, 24, {"TERM": "xterm-256color", "NO_COLOR": ""}, id="NO_COLOR is empty"),
        ],
    ),
)
def test_on_every_terminal(columns: int, lines: int, environment: Mapping[str, str]) -> None:
    words = [PROGRAM, "demo", "--tui"]
    with on_terminal(words, columns=columns, lines=lines, environment=environment) as session:
        session.until(f"\x1b[{lines};1H".encode())
        session.until("backup answers")
        session.press("?")
        session.until("one line down")
        session.press("G")
        session.until("backuplink check")
        session.press("\x1b")
        session.until("THIS HOST")  # a key that is sent immediately would be read as one with alt
        session.press("\t", "q")
        assert session.ended() == 0
        assert session.is_sane()
        assert document(session.output).startswith("OK  ")
        is_ascii = "LC_ALL" in environment or environment.get("LANG") == "C"
        assert session.output.isascii() == is_ascii
        used = {code for codes in re.findall(rb"\x1b\[([\d;]*)m", session.output) for code in colours(codes)}
        assert bool(used) == (not environment.get("NO_COLOR"))  # an empty NO_COLOR counts as not set (no-color.org)
        if environment["TERM"] in ("linux", "xterm", "screen"):
            assert used <= {str(number).encode() for number in (*range(30, 38), *range(40, 48), *range(90, 108))}


def colours(codes: bytes) -> set[bytes]:
    """The colours among the codes of a style, except for the terminal's default colours."""
    parts = codes.split(b";")
    return {part for part in parts if re.fullmatch(rb"3[0-8]|4[0-8]|9\d|10[0-7]", part)}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        pytest.param({}, True, id="nothing said"),
        pytest.param({"LANG": "C"}, True, id="C"),
        pytest.param({"LANG": "POSIX"}, True, id="POSIX"),
        pytest.param({"LANG": "C.UTF-8"}, False, id="C with UTF-8"),
        pytest.param({"LANG": "en_US.utf8"}, False, id="utf8"),
        pytest.param({"LANG": "de_DE.UTF-8@euro"}, False, id="with a modifier"),
        pytest.param({"LANG": "de_DE"}, True, id="no characters named"),
        pytest.param({"LANG": "de_DE.ISO-8859-15@euro"}, True, id="latin 9"),
        pytest.param({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, True, id="LC_ALL wins"),
        pytest.param({"LANG": "C", "LC_ALL": "en_US.UTF-8"}, False, id="LC_ALL wins again"),
        pytest.param({"LANG": "C", "LC_ALL": ""}, True, id="LC_ALL is empty"),
        pytest.param({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, False, id="LC_CTYPE wins over LANG"),
        pytest.param({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True, id="LC_CTYPE is Python's own word"),
        pytest.param({"LANG": "en_US.UTF-8", "LC_CTYPE": "UTF-8"}, False, id="LC_CTYPE as a Mac sends it"),
    ],
)
def test_what_draws_in_ascii(environment: dict[str, str], wanted: bool) -> None:
    assert is_ascii_only(environment) is wanted


# --- Where it cannot be shown ----------------------------------------------------------------------------------------


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("words", [["tui"], ["demo", "--tui"]], ids=" ".join)
def test_without_a_terminal_it_points_to_check(words: list[str]) -> None:
    ended = run(PROGRAM, *words, TERM="xterm")
    assert ended.returncode == 3
    assert re.fullmatch(r"Error: The interface cannot be shown here: stdin is not a terminal\. .*\n", ended.stderr)
    assert "`backuplink check`" in ended.stderr
    assert ended.stdout.startswith("UNKNOWN  The interface cannot be shown here")


def test_without_a_terminal_the_document_is_of_the_wanted_format() -> None:
    ended = run(PROGRAM, "tui", "--format", "json")
    written = json.loads(ended.stdout)
    VALIDATOR.validate(written)
    assert written["verdict"]["status"] == "unknown"
    assert ended.returncode == 3


@pytest.mark.parametrize("redirected", ["<", "2>"])
def test_one_stream_elsewhere_is_enough(redirected: str) -> None:
    words = ["sh", "-c", f'"$0" demo --tui {redirected}/dev/null', PROGRAM]
    with on_terminal(words) as session:
        assert session.ended() == 3
        assert ALTERNATE not in session.output
        if redirected != "2>":
            assert "is not a terminal. `backuplink check`" in " ".join(session.text().split())


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_on_a_terminal_of_which_nothing_is_known(term: str) -> None:
    with on_terminal([PROGRAM, "demo", "--tui"], environment={"TERM": term}) as session:
        assert session.ended() == 3
        assert b"\x1b" not in session.output
        assert session.text().startswith(f"UNKNOWN  The interface cannot be shown here: TERM is {term!r}, which is not")
        assert "`backuplink check`" in session.text()


def test_where_textual_cannot_be_loaded() -> None:
    code = (
        "import sys; sys.modules['textual'] = None; from agent.cli.entry import run; sys.exit(run(['demo', '--tui']))"
    )
    with on_terminal([sys.executable, "-c", code]) as session:
        assert session.ended() == 3
        assert ALTERNATE not in session.output
        assert session.is_sane()
        shown = " ".join(session.text().split())
        assert re.match(r"UNKNOWN The interface cannot be shown here: .*textual.*`backuplink check`", shown)
        assert "Traceback" not in session.text()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["-"], "reads the keyboard from stdin", id="stdin"),
        pytest.param(["no-such-file"], "no-such-file: cannot be read", id="no file"),
        pytest.param(["README.md"], "README.md: is not JSON", id="no report"),
        pytest.param(["x.json", "--region", "eu-west-1"], "--region applies to a run", id="an option of a run"),
        pytest.param(["x.json", "--watch"], "--watch applies to a run", id="a watch"),
        pytest.param(["x.json", "--suppress", "TCP001"], "--suppress applies to a run", id="what counts"),
        pytest.param(["--redact"], "", id="masks"),
        pytest.param(["--key", "save=y"], "y would be the key of both copy and save", id="a key of two actions"),
        pytest.param(["--key", "sav=y"], "did you mean save?", id="no action"),
        pytest.param(["--theme", "dark"], "'terminal', 'contrast', 'light'", id="no theme"),
    ],
)
def test_a_call_that_makes_no_sense(words: list[str], why: str) -> None:
    ended = run(PROGRAM, "tui", *words)
    assert ended.returncode == 3
    assert why in ended.stderr
    assert ended.stdout.startswith("UNKNOWN  ")


@pytest.mark.parametrize(
    ("words", "count"),
    [
        pytest.param('"$0" tui --theme dark', 1, id="text"),
        pytest.param('"$0" fleet no-such-folder', 1, id="text of a fleet"),
        pytest.param('"$0" tui --theme dark --format json', 2, id="json"),
        pytest.param('"$0" tui --theme dark 2>&1 | cat', 2, id="a pipe"),
    ],
)
def test_an_error_is_printed_once_where_a_person_reads_the_document(words: str, count: int) -> None:
    with on_terminal(["sh", "-c", f"{words}; exit 3", PROGRAM]) as session:
        assert session.ended() == 3
        shown = " ".join(session.text().split())
        assert len(re.findall(r"'dark' is not one of|no-such-folder", shown)) == count


def test_nothing_on_the_screen_could_be_masked() -> None:
    with on_terminal([PROGRAM, "demo", "--tui", "--redact"]) as session:
        assert session.ended() == 3
        assert ALTERNATE not in session.output
        assert "--redact masks a document, not the screen" in session.text()


# --- Without a command -----------------------------------------------------------------------------------------------

NOWHERE: Final = {"BACKUPLINK_NO_API": "1", "BACKUPLINK_NO_EC2": "1"}
"""Variables for a run without a Region, so that it contacts nothing outside this machine."""


def test_without_a_command_on_a_terminal_it_is_the_interface() -> None:
    with on_terminal([PROGRAM], environment=NOWHERE) as session:
        session.until(ALTERNATE)
        session.until("UNKNOWN")
        session.press("q")
        assert session.ended() == 3
        assert session.is_sane()
        assert "[ENV001]" in document(session.output)


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        pytest.param([], {"TERM": "dumb"}, id="a dumb terminal"),
        pytest.param(["--timeout", "1"], {}, id="with an option"),
    ],
)
def test_without_a_command_it_is_a_check_otherwise(words: list[str], environment: dict[str, str]) -> None:
    with on_terminal([PROGRAM, *words], environment={**NOWHERE, **environment}) as session:
        assert session.ended() == 3
        assert ALTERNATE not in session.output
        assert "[ENV001]" in session.text()


def test_without_a_command_and_a_terminal_it_is_a_check() -> None:
    ended = run(PROGRAM, **NOWHERE)
    assert ended.returncode == 3
    assert "[ENV001]" in ended.stdout


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_what_is_no_terminal(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Terminal())
    assert why_not({"TERM": "xterm"}) is None
    monkeypatch.setattr(sys, stream, None)  # as if it had been closed before the process began
    assert why_not({"TERM": "xterm"}, is_asked_for=False) == f"{stream} is not a terminal"
    if stream == "stdout":  # only the document goes to stdout, not the screen
        assert why_not({"TERM": "xterm"}) is None
    else:
        assert why_not({"TERM": "xterm"}) == f"{stream} is not a terminal"


# --- What it costs the others ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["demo", "one-zone-silent"], ["tui"], ["--help"], ["diff", "x", "y"]],
    ids=lambda words: " ".join(words),
)
def test_only_the_interface_loads_what_draws_it(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from agent.cli.entry import run\n"
        f"run({arguments!r})\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), sep='\\n', file=sys.stderr)"
    )
    ended = run(sys.executable, "-c", code)
    loaded = ended.stderr.splitlines()
    assert "agent" in loaded
    assert not {"textual", "rich", "markdown_it", "pygments"} & set(loaded)
