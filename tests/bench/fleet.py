"""The cost of joining a fleet: complete reports compared with `cat` of the same files, and records compared with a bare
GROUP BY.

The reports are those of four scenarios, as the product writes them, but each has the id of a different host. The
records describe hosts of which nearly every one has its own combination of attributes (`tests/bench/estate.py`), in one
file of lines as hosts write them. Each line is validated.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from agent.fleet.places import sources_of
from agent.fleet.readers import ProcessReader
from agent.fleet.reading import CHUNK
from agent.fleet.store import Source
from agent.report import codec
from tests.bench.estate import lines
from tests.bench.promise import Benchmark, Figure, Promise, UnmeasuredError
from tests.bench.spent import Spent, cpu, in_turn, median, peak, ratio, run, wall
from tests.support.runs import report_of

REPORTS: Final = 10_000
RECORDS: Final = (1_000, 10_000, 100_000, 1_000_000)
MOST_COLD: Final = 100_000
"""The maximum number of records for which joining from the file itself is measured, in several rounds. More records are
joined only from the cache.
"""
SECONDS: Final = 600.0
"""The limit in seconds for one fleet."""
SCENARIOS: Final = ("healthy", "one-zone-silent", "private-dns-off", "three-faults")
ROUNDS: Final = 3
_CODES: Final = (0, 1, 2)
"""Exit codes of a fleet that was read completely."""
_NAIVE: Final = """
from agent.fleet.connection import connect
import sys, tempfile
from pathlib import Path
with tempfile.TemporaryDirectory() as folder, connect(Path(folder)) as connection:
    print(connection.execute(
        "SELECT cause, count(DISTINCT host) FROM (SELECT host, unnest(causes) AS cause FROM read_ndjson_auto(?)) "
        "GROUP BY cause", [sys.argv[1]]
    ).fetchall())
"""
"""A script that counts the hosts of each cause with one SQL statement over the file."""


def reports(folder: Path, count: int) -> None:
    """Write reports as Systems Manager does, one for each host."""
    documents = [json.dumps(codec.encode(report_of(name)), indent=2) for name in SCENARIOS]
    ids = [str(report_of(name).vantage.instance_id) for name in SCENARIOS]
    runs = [report_of(name).run.id for name in SCENARIOS]
    for number in range(count):
        which = number % len(SCENARIOS)
        host = f"i-{number:017x}"
        text = documents[which].replace(ids[which], host).replace(runs[which], f"{number:032x}")
        place = folder / "0a1b2c3d-0000-4000-8000-00000000000a" / host / "awsrunShellScript" / "report"
        place.mkdir(parents=True)
        (place / "stdout").write_text(text + "\n", "utf-8")


def _joined(*words: str) -> Spent:
    """Return the cost of the whole command, which reads, joins and writes."""
    return run(sys.executable, "-m", "agent", "fleet", *words, "--format", "json", codes=_CODES, seconds=SECONDS)


def _hosts(spent: Spent) -> int:
    return int(json.loads(spent.output)["totals"]["hosts"])


def whole_reports(count: int = REPORTS) -> tuple[Figure, ...]:
    """The wall time of joining a fleet of complete reports, divided by the time of `cat` for the same files, and the
    memory in MB of a process that reads the reports.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reports(folder, count)
        rounds = in_turn(
            lambda: _joined(name),
            lambda: run("sh", "-c", 'find "$1" -name stdout -exec cat {} + >/dev/null', "sh", name),
            rounds=ROUNDS,
        )
        document = json.loads(rounds[0][0].output)
        if document["totals"]["hosts"] != count:
            raise UnmeasuredError(f"{document['totals']['hosts']} of {count} reports were read")
        seconds = f"{median(rounds, wall, 0):.1f} s against {median(rounds, wall, 1):.1f}"
        return (
            Figure(ratio(rounds, wall), f"{seconds}, whole process with {document['engine']}"),
            Figure(_of_a_reader(folder)),
        )


def _of_a_reader(folder: Path) -> float:
    """Peak memory in MB of a process that reads all reports of a folder."""
    sources = [source for source in sources_of(str(folder)) if isinstance(source, Source)]
    reader = ProcessReader()
    try:
        reader.wait()
        for first in range(0, len(sources), CHUNK):
            chunk = sources[first : first + CHUNK]
            for _ in reader.read(chunk, [None] * len(chunk)):
                pass
        status = Path(f"/proc/{reader.pid}/status").read_text("utf-8")
    finally:
        reader.close()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def _estate(count: int) -> list[tuple[Spent, ...]]:
    """Return the costs of joining this many records, a tuple for each round: from the cache and, for at most MOST_COLD
    records, also from the file and by the bare statement.
    """
    with tempfile.TemporaryDirectory() as name:
        file, cache = Path(name, "hosts.ndjson"), Path(name, "cache")
        with file.open("w", encoding="ascii") as stream:
            stream.writelines(f"{line}\n" for line in lines(count))
        cache.mkdir(mode=0o700)
        _joined(str(file), "--cache", str(cache))
        works = [lambda: _joined("--cache", str(cache))]
        if count <= MOST_COLD:
            works += [lambda: _joined(str(file)), lambda: run(sys.executable, "-c", _NAIVE, str(file))]
        rounds = in_turn(*works, rounds=ROUNDS if count <= MOST_COLD else 1)
    if _hosts(rounds[0][0]) != count:
        raise UnmeasuredError(f"{_hosts(rounds[0][0])} of {count} hosts were joined")
    return rounds


def records() -> tuple[Figure, ...]:
    """Five figures on joining records. Two are the CPU for 100,000 records from the file and from the cache, divided by
    that of the bare statement. Two are the CPU seconds and the memory in MB for a million records from the cache. The
    last is the CPU per record among a million, divided by that among 100,000.
    """
    of = {count: _estate(count) for count in RECORDS}
    many, most = of[MOST_COLD], of[RECORDS[-1]]
    cold = ", ".join(f"{count:,}: {_cost(rounds, 1)}" for count, rounds in of.items() if count <= MOST_COLD)
    cached = ", ".join(f"{count:,}: {_cost(rounds, 0)}" for count, rounds in of.items())
    return (
        Figure(ratio(many, cpu, first=1, second=2), cold),
        Figure(ratio(many, cpu, first=0, second=2), cached),
        Figure(median(most, cpu, 0)),
        Figure(median(most, peak, 0) * 1024 / 1e6),
        Figure(median(most, cpu, 0) / median(many, cpu, 0) * MOST_COLD / RECORDS[-1]),
    )


def _cost(rounds: list[tuple[Spent, ...]], place: int) -> str:
    return f"{median(rounds, cpu, place):.1f} s, {median(rounds, peak, place) * 1024 / 1e6:.0f} MB"


MEASUREMENTS: Final = (
    Benchmark(
        promises=(
            Promise(what="fleet: joining 10,000 whole reports", against="`cat` of the same files", limit=4),
            Promise(what="fleet: a process that reads them, memory", against="", limit=60, unit="MB"),
        ),
        measure=whole_reports,
    ),
    Benchmark(
        promises=(
            Promise(what="fleet: 100,000 records, CPU", against="DuckDB's GROUP BY of the same file", limit=15),
            Promise(what="fleet: the same from the cache, CPU", against="DuckDB's GROUP BY of the same file", limit=8),
            Promise(what="fleet: 1,000,000 records from the cache, CPU", against="", limit=40, unit="s"),
            Promise(what="fleet: the same, memory", against="", limit=1_500, unit="MB"),
            Promise(what="fleet: growth, CPU of a record at 1,000,000", against="at 100,000", limit=1.1),
        ),
        measure=records,
    ),
)
