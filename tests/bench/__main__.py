"""`./dev bench [--rivals] [--json FILE]`: a table of goal and figure. Each figure is a ratio of two things in turn.

CPU time of whole processes comes from the operating system's account of finished children. Absolute times mean little
on shared machines, so the rival runs right before each measurement, and medians are compared.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from agent.evidence import GETADDRINFO, Evidence
from agent.verdict import judge
from probes.facts import LookupFacts
from probes.model import Observation, Ok
from tests.agent.runs import evidence_of
from tests.bench import path

ROOT = Path(__file__).parents[2]
ROUNDS = 11
MANY = 1_000
BARE = (sys.executable, "-c", "pass")


@dataclass(frozen=True)
class Row:
    """One promise and what was measured."""

    what: str
    against: str
    goal: str
    figure: str


def child_cpu(command: Sequence[str]) -> float:
    """CPU seconds, user and system, of a process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def paired(first: Callable[[], float], second: Callable[[], float]) -> float:
    """Median of the ratios of `first` to `second`, measured in turn after one warm-up of each."""
    first(), second()
    return statistics.median(first() / second() for _ in range(ROUNDS))


def start_of(*arguments: str) -> float:
    """CPU of a command against a bare interpreter."""
    command = (sys.executable, "-m", "agent", *arguments)
    return paired(lambda: child_cpu(command), lambda: child_cpu(BARE))


def many_observations() -> Evidence:
    """A run of about a thousand observations: one of three addresses, as if there were hundreds of them."""
    evidence = evidence_of("one-zone-silent")
    pattern = [each for each in evidence.observations if each.subject.address is not None]
    grown: list[Observation[Any]] = [each for each in evidence.observations if each.subject.address is None]
    found = []
    for number in range(MANY // len(pattern) + 1):
        for each in pattern:
            address = ip_address(f"10.{number // 250 + 1}.{number % 250}.{int(each.subject.address or 0) >> 8 & 255}")
            after = str(each.subject.after).replace(str(each.subject.address), str(address))
            found.append(address)
            grown.append(replace(each, subject=replace(each.subject, address=address, after=after)))
    looked_up: Ok[Any] = Ok(LookupFacts(addresses=tuple(dict.fromkeys(found))))
    grown = [replace(each, outcome=looked_up) if each.subject.operation == GETADDRINFO else each for each in grown]
    return Evidence(run=evidence.run, targets=evidence.targets, observations=grown)


def judging_milliseconds() -> float:
    """Median wall milliseconds of judging that run."""
    evidence = many_observations()
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        judge(evidence)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def main(arguments: list[str]) -> None:
    """Measure and print."""
    if "--rivals" in arguments:
        path.install_rivals()
    rows = [
        Row("--version, CPU", "python3 -c pass", "<= 3", f"{start_of('--version'):.2f}"),
        Row("demo, healthy, CPU", "python3 -c pass", "-", f"{start_of('demo'):.2f}"),
        Row(f"judging {MANY} observations", "-", "<= 50 ms", f"{judging_milliseconds():.1f} ms"),
    ]
    ratios = path.compared()
    figures = (ratios, ratios) if isinstance(ratios, str) else tuple(f"{ratio:.2f}" for ratio in ratios)
    for what, figure in zip(("CPU", "wall"), figures, strict=True):
        rows.append(Row(f"check, two services, {what}", "one aws call (v1)", "<= 0.6", figure))
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(f"{row.what:<{width}}  against {row.against:<16} goal {row.goal:<9} figure {row.figure}")  # noqa: T201 - a command
    if "--json" in arguments:
        file = Path(arguments[arguments.index("--json") + 1])
        file.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
