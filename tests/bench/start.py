"""The cost of commands that measure nothing: the start of the program, and the first screen of its interface."""

import os
import re
import sys
import time
from pathlib import Path
from typing import Final

from agent.cli.main import main as commands
from tests.bench.promise import Benchmark, Figure, Promise, UnmeasuredError
from tests.bench.spent import Spent, cpu, in_turn, median, ratio, run, wall
from tests.netns.program import PROGRAM
from tests.process.terminals import on_terminal

ROUNDS: Final = 11
EXPLAINED: Final = "TCP001"
BARE: Final = (sys.executable, "-c", "pass")
BARE_TUI: Final = (sys.executable, str(Path(__file__).with_name("bare_tui.py")))
MARK: Final = "THIS HOST"
"""A text on the first screen of both programs."""
_TICK: Final = os.sysconf("SC_CLK_TCK")


def _beside_bare(*words: str, codes: tuple[int, ...] = (0,)) -> tuple[Figure, ...]:
    environment = {"PATH": os.defpath, "HOME": "/nonexistent"}
    rounds = in_turn(
        lambda: run(str(PROGRAM), *words, environment=environment, codes=codes),
        lambda: run(*BARE, environment=environment),
        rounds=ROUNDS,
    )
    ours, bare = (median(rounds, cpu, place) * 1000 for place in range(2))
    return (Figure(ratio(rounds, cpu), f"{ours:.0f} ms against {bare:.0f} ms"),)


def version() -> tuple[Figure, ...]:
    """The CPU of `--version`."""
    return _beside_bare("--version")


def explain() -> tuple[Figure, ...]:
    """The CPU of `explain`. Raises UnmeasuredError if this version has no such command."""
    if "explain" not in commands.commands:
        raise UnmeasuredError("this version has no command explain")
    return _beside_bare("explain", EXPLAINED)


def demo() -> tuple[Figure, ...]:
    """CPU of a run in the simulated world."""
    return _beside_bare("demo", codes=(0, 1))


def first_picture() -> tuple[Figure, ...]:
    """The CPU and the wall time of the interface until the screen shows words."""
    rounds = in_turn(
        lambda: _until_drawn(str(PROGRAM), "demo", "--tui", "healthy"),
        lambda: _until_drawn(*BARE_TUI),
        rounds=ROUNDS,
    )
    return tuple(
        Figure(
            ratio(rounds, of),
            f"{median(rounds, of, 0) * 1000:.0f} ms against {median(rounds, of, 1) * 1000:.0f} ms",
        )
        for of in (cpu, wall)
    )


def _until_drawn(*words: str) -> Spent:
    """Return the cost of a command on a terminal from its start until MARK is shown; then the command is killed."""
    began = time.perf_counter()
    with on_terminal(words) as session:
        session.until(MARK)
        passed = time.perf_counter() - began
        process = Path("/proc", str(session.process.pid))
        # After the name, which is in parentheses, user and system time are the 12th and 13th fields (proc_pid_stat(5)).
        times = process.joinpath("stat").read_text("utf-8").rpartition(")")[2].split()[11:13]
        peak = re.search(r"VmHWM:\s*(\d+)", process.joinpath("status").read_text("utf-8"))
        return Spent(
            cpu=sum(map(int, times)) / _TICK,
            wall=passed,
            peak=int(peak[1]) if peak else 0,
            output=session.text(),
        )


_BARE: Final = "python3 -c pass"
_BARE_TUI: Final = "a bare Textual app's"
MEASUREMENTS: Final = (
    Benchmark(promises=(Promise(what="--version, CPU", against=_BARE, limit=2),), measure=version),
    Benchmark(promises=(Promise(what="explain, CPU", against=_BARE, limit=2),), measure=explain),
    Benchmark(promises=(Promise(what="demo, CPU", against=_BARE, limit=None),), measure=demo),
    Benchmark(
        promises=(
            Promise(what="tui, first picture, CPU", against=_BARE_TUI, limit=1.5),
            Promise(what="tui, first picture, wall", against=_BARE_TUI, limit=1.5),
        ),
        measure=first_picture,
    ),
)
