"""What commands cost that measure nothing: the start of the program."""

import os
import sys
from typing import Final

from agent.cli import main as commands
from tests.bench.promise import Figure, Measurement, Promise, UnmeasuredError
from tests.bench.spent import cpu, in_turn, median, ratio, run
from tests.netns.program import PROGRAM

ROUNDS: Final = 11
EXPLAINED: Final = "TCP001"
BARE: Final = (sys.executable, "-c", "pass")


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
    """CPU of `--version`."""
    return _beside_bare("--version")


def explain() -> tuple[Figure, ...]:
    """CPU of `explain`. Raises UnmeasuredError where this version has no such command."""
    if "explain" not in commands.commands:
        raise UnmeasuredError("this version has no command explain")
    return _beside_bare("explain", EXPLAINED)


def demo() -> tuple[Figure, ...]:
    """CPU of a run in the simulated world."""
    return _beside_bare("demo", codes=(0, 1))


_BARE: Final = "python3 -c pass"
MEASUREMENTS: Final = (
    Measurement(promises=(Promise(what="--version, CPU", against=_BARE, limit=3),), measure=version),
    Measurement(promises=(Promise(what="explain, CPU", against=_BARE, limit=3),), measure=explain),
    Measurement(promises=(Promise(what="demo, CPU", against=_BARE, limit=None),), measure=demo),
)
