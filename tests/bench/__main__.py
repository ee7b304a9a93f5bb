"""`./dev bench [--rivals] [--soak] [--lakes] [--only WORD] [--json FILE] [--record]`: prints the promises and the
measurements.

Absolute times mean little on shared machines, so each figure is a ratio of two measurements made in turn. Nothing fails
here: if a figure could not be measured, its row says why.
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import Final

from tests.bench import (
    checks,
    fleet,
    growth,
    history,
    judging,
    lakes,
    onefile,
    record,
    rivals,
    screen,
    start,
    steps,
    watching,
)
from tests.bench.promise import Promise, Row, rows_of

MEASUREMENTS: Final = (
    *checks.MEASUREMENTS,
    *steps.MEASUREMENTS,
    *watching.MEASUREMENTS,
    *growth.MEASUREMENTS,
    *history.MEASUREMENTS,
    *start.MEASUREMENTS,
    *screen.MEASUREMENTS,
    *onefile.MEASUREMENTS,
    *judging.MEASUREMENTS,
    *fleet.MEASUREMENTS,
)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure what performance is promised.")
    parser.add_argument("--rivals", action="store_true", help="install first what is measured against and missing")
    parser.add_argument("--soak", action="store_true", help="watch for ten minutes under load, too")
    parser.add_argument("--lakes", action="store_true", help="join ten lakes of a million records, too")
    parser.add_argument("--only", metavar="WORD", default="", help="measure only rows whose name contains WORD")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows as JSON, too")
    parser.add_argument("--record", action="store_true", help=f"write the rows into docs/{record.PAGE.name}, too")
    given = parser.parse_args()
    if given.record and given.only:
        parser.error("--record wants all rows, so not --only")
    logging.basicConfig(format="%(name)s: %(message)s")
    if given.rivals:
        rivals.install()

    def wanted(promise: Promise) -> bool:
        return given.only in promise.what

    rows: list[Row] = []
    more = (*([watching.SOAK] if given.soak else []), *([lakes.LAKES] if given.lakes else []))
    for benchmark in (*MEASUREMENTS, *more):
        names = [promise.what for promise in benchmark.promises if wanted(promise)]
        if not names:
            continue
        sys.stderr.write(f"measuring: {'; '.join(names)}\n")
        rows += rows_of(benchmark, wanted)
    sys.stdout.write(record.table(rows))
    if given.json:
        record.write_json(rows, given.json)
    if given.record:
        record.write_page(rows)


if __name__ == "__main__":
    main()
