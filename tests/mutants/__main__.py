"""`./dev mutants [ROOM...] [--seed N]`: makes small mistakes in the code of a room, one at a time, and lists the
mistakes that the room's own tests do not notice (CONTRIBUTING, "Which tests prove a room"). A mutant is the code with
one such mistake.

The seed draws a sample of each room's mutants. In rooms with tables, every row is also removed once. The mistakes are
made in copies of the tree. The exit code is 1 if more mutants survive than the goals allow.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from tests.mutants.copies import copies
from tests.mutants.mutant import Key, Mutant, drawn, every_row, unlike_equivalents
from tests.mutants.run import Outcome, Room, outcomes
from tests.support.rooms import COMMANDS

SAMPLED: Final = ("judge", "network", "predict", "audit", "fleet", "catalog", "report", "fixes")
TABLES: Final = {
    "fixes": ("agent/fixes",),
    "network": ("agent/network",),
    "predict": tuple(
        f"agent/predict/{name}.py"
        for name in ("assume", "cloudformation", "kinds", "plan", "plan_values", "references", "resources", "terraform")
    ),
}
"""For some rooms, the files and folders in whose tables every row is removed once."""
SAMPLE: Final = 150
GOAL: Final = 0.9


def main() -> int:
    """Make mutants, run tests and print a table. Returns 0 if the goals are met, otherwise 1."""
    given = _arguments(sys.argv[1:])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an exception removes copies and processes
    met = True
    for name in given.rooms or SAMPLED:
        sample, equivalent = unlike_equivalents(drawn(name, given.seed, given.sample, given.at))
        of_tables, equivalent_rows = unlike_equivalents(every_row(TABLES.get(name, ()) if given.rows else (), given.at))
        equivalent |= equivalent_rows
        print(f"{name}: seed {given.seed}, {' '.join(COMMANDS[name])}")
        for mutant in sorted(equivalent, key=lambda mutant: mutant.key):
            print(f"  equivalent  {mutant.place}: {mutant.words}")
        outcome = _outcomes(name, (*of_tables, *sample), given.processes)
        met &= _told("sample", [outcome[mutant.key] for mutant in sample], GOAL)
        met &= _told("rows", [outcome[mutant.key] for mutant in of_tables], 1.0)
    return 0 if met else 1


def _outcomes(name: str, mutants: Iterable[Mutant], processes: int) -> dict[Key, Outcome]:
    """Test the mutants; returns the outcome of each. A mutant that survives or times out is printed at once."""
    wanted = {mutant.key: mutant for mutant in mutants}  # a row that is also in the sample runs only once
    found = {}
    with copies(processes) as trees:
        for mutant, outcome in outcomes(Room(COMMANDS[name]), wanted.values(), trees):
            found[mutant.key] = outcome
            print(".", end="", file=sys.stderr, flush=True)
            if outcome is not Outcome.KILLED:
                print(f"  {outcome.value:<10}  {mutant.place}: {mutant.words}", flush=True)
    return found


def _told(what: str, some: Sequence[Outcome], goal: float) -> bool:
    """Print one line of figures. Returns whether the goal is met."""
    if not some:
        return True
    counts = {outcome: some.count(outcome) for outcome in Outcome}
    noticed = 1 - counts[Outcome.SURVIVED] / len(some)
    figures = ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items())
    print(f"  {what}: {len(some)} mutants, {figures}; {noticed:.1%} noticed, the goal is {goal:.0%}", flush=True)
    return noticed >= goal


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev mutants", description="Test whether tests notice mistakes.")
    parser.add_argument("rooms", metavar="ROOM", nargs="*", help=f"one of {', '.join(SAMPLED)}; all of them if none")
    parser.add_argument("--seed", type=int, default=1, help="draws the sample (1)")
    parser.add_argument(
        "--sample", type=int, default=SAMPLE, metavar="N", help=f"how many it draws ({SAMPLE}); 0: only rows of tables"
    )
    parser.add_argument("--no-rows", dest="rows", action="store_false", help="only the sample, not every row as well")
    parser.add_argument(
        "--at",
        metavar="TEXT",
        action="append",
        default=[],
        help="every mutant with TEXT in its FILE:LINE, not a sample",
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="how many run at once")
    given = parser.parse_args(words)
    if unknown := set(given.rooms) - set(SAMPLED):
        parser.error(f"there is no room {', '.join(sorted(unknown))} to sample")
    return given


if __name__ == "__main__":
    sys.exit(main())
