"""The cost of the interface after its first screen: a key press with hundreds of lanes, a step to another run, a run,
and idle time.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from agent.report.codec import dumps, encode
from agent.tui.state import saved
from tests.bench.promise import Benchmark, Figure, Promise, UnmeasuredError
from tests.netns.program import PROGRAM
from tests.process.terminals import Session, on_terminal
from tests.support.many_lanes import many

LANES: Final = 400
PER_COUNT: Final = 7
"""The number of lanes that each address has in a report of `many`: one for each port of its two services."""
KEYS: Final = "jjjjjjjjjjllhkkkkkkkkkk" * 5
PAGES: Final = ("\x1b[6~", "\x1b[5~", "G", "g", "\t", "\t", "\t") * 5
RUNS_OF_STEPS: Final = 3
STEPS: Final = "[[]]" * 6
IDLE_SECONDS: Final = 10.0
RUNS: Final = ("healthy", "one-zone-silent", "gateway-ports-missing")
_ANSWER_READS: Final = 10
"""The maximum number of reads, each of a tenth of a second, for the answer to a key."""
_ANSWERED: Final = 0.9
"""The minimum share of the keys that must change the screen. A key at the top or at the end of the path changes
nothing.
"""
_TICK: Final = os.sysconf("SC_CLK_TCK")


def keys() -> tuple[Figure, ...]:
    """The CPU of a key press that moves the cursor, and the bytes that are sent while no key is pressed. The CPU of a
    key press that turns pages is in a note.
    """
    report = many(LANES // PER_COUNT + 1)
    lanes = sum(len(band.lanes) for band in saved("many", report).whole_picture.bands)
    if lanes < LANES:
        raise UnmeasuredError(f"the report has {lanes} lanes instead of {LANES}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "many.json")
        place.write_text(dumps(encode(report)), "utf-8")
        with on_terminal([str(PROGRAM), "tui", str(place)], columns=140, lines=45) as session:
            session.until("THIS HOST")
            session.until_quiet()  # the verdict is ok, so the path has the focus
            moves = _each(session, KEYS)
            pages = _each(session, PAGES)
            session.until_quiet()
            before = len(session.output)
            limit = time.monotonic() + IDLE_SECONDS
            while time.monotonic() < limit:
                session.read()
            idle = len(session.output) - before
    note = f"{lanes} lanes at 140x45; pages and panes {pages:.1f} ms"
    return Figure(moves, note), Figure(idle, f"in {IDLE_SECONDS:g} s")


def _each(session: Session, pressed: "str | tuple[str, ...]") -> float:
    """Return the CPU milliseconds of one key press, on average. Each key is pressed once the screen has answered the
    previous key.
    """
    before = _cpu(session.process.pid)
    answered = 0
    for key in pressed:
        shown = len(session.output)
        session.press(key)
        for _ in range(_ANSWER_READS):
            session.read()
            if len(session.output) > shown:
                answered += 1
                break
    if answered < len(pressed) * _ANSWERED:
        raise UnmeasuredError(f"{answered} of {len(pressed)} keys were answered")
    return (_cpu(session.process.pid) - before) * 1000 / len(pressed)


def _cpu(process: int) -> float:
    """The user and system time in seconds that a process has used so far (proc_pid_stat(5))."""
    times = Path("/proc", str(process), "stat").read_text("utf-8").rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / _TICK


def steps() -> tuple[Figure, ...]:
    """The CPU of a step from one run of a watch to another, in which the lanes have different times."""
    count = LANES // PER_COUNT + 1
    with on_terminal([sys.executable, "-m", "tests.bench.many_runs", str(count)], columns=140, lines=45) as session:
        session.until("THIS HOST")
        session.until("watching, next at")
        for number in range(2, RUNS_OF_STEPS + 1):
            session.press("r")
            session.until(f"{number} runs since")
        session.until_quiet()
        return (Figure(_each(session, STEPS), f"{RUNS_OF_STEPS} runs at 140x45"),)


def run() -> tuple[Figure, ...]:
    """The KB that a terminal of 80x24 receives from the start of the interface to the end of a run: the maximum of
    several runs.
    """
    sent: dict[str, float] = {}
    for name in RUNS:
        with on_terminal([str(PROGRAM), "demo", "--tui", name]) as session:
            session.until("access ")  # this text is below the verdict
            session.until_quiet()
            sent[name] = len(session.output) / 1000
    notes = ", ".join(f"{name} {size:.1f}" for name, size in sent.items())
    return (Figure(max(sent.values()), f"{notes}; median {statistics.median(sent.values()):.1f}"),)


MEASUREMENTS: Final = (
    Benchmark(
        promises=(
            Promise(what=f"tui, a key at {LANES} lanes, CPU", against="", limit=5, unit="ms"),
            Promise(what="tui, idle, output", against="", limit=0, unit="bytes"),
        ),
        measure=keys,
    ),
    Benchmark(
        promises=(Promise(what=f"tui, a step to another run at {LANES} lanes, CPU", against="", limit=10, unit="ms"),),
        measure=steps,
    ),
    Benchmark(promises=(Promise(what="tui, a run at 80x24, output", against="", limit=25, unit="KB"),), measure=run),
)
