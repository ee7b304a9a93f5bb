"""What it takes to join a fleet: whole reports against `cat` of the same files, and records from the cache.

The reports are those of four scenarios as the product writes them, with the ids of as many hosts; the cache is filled
by the product from their records, of 100 sweeps.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agent.fleet.database import Database
from agent.fleet.places import sources_of
from agent.fleet.readers import ProcessReader
from agent.fleet.reading import CHUNK
from agent.fleet.records import line_of
from agent.fleet.store import Piece, Source
from agent.report import codec
from tests.bench.promise import Benchmark, Figure, Promise, UnmeasuredError
from tests.bench.spent import Spent, in_turn, median, peak, ratio, run, wall
from tests.support.runs import report_of

REPORTS: Final = 10_000
RECORDS: Final = (1_000, 10_000, 100_000, 1_000_000)
SCENARIOS: Final = ("healthy", "one-zone-silent", "private-dns-off", "three-faults")
SWEEPS: Final = 20
ROUNDS: Final = 3
_CODES: Final = (0, 1, 2)
"""Exit codes of a fleet that was read whole."""


def reports(folder: Path, count: int) -> None:
    """Write reports as Systems Manager does, one a host."""
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


def pieces(count: int, sweeps: int) -> Iterator[Piece]:
    """The records of a fleet in so many sweeps, with some hundred groups, subnets and endpoints."""
    plain: list[dict[str, Any]] = [json.loads(line_of(codec.encode(report_of(name)), {})) for name in SCENARIOS]
    begin = datetime.fromisoformat(plain[0]["taken_at"])
    hosts = count // sweeps
    for number in range(count):
        sweep, host = divmod(number, hosts)
        document = plain[0] if host % 10 else plain[1 + host // 10 % (len(plain) - 1)]
        line = json.dumps(
            {
                **document,
                "host": f"i-{host:017x}",
                "run": f"{number:032x}",
                "taken_at": (begin + timedelta(days=sweep, seconds=host % 600)).isoformat(timespec="milliseconds"),
                "subnet": f"subnet-{host % 97:017x}",
                "vpc": f"vpc-{host % 97 % 13:017x}",
                "security_groups": [f"sg-{host % 101:017x}"],
                "endpoints": [f"vpce-{host % 97 % 13:017x}"],
            },
            separators=(",", ":"),
        )
        yield Piece(
            f"/made/{sweep:03}.ndjson",
            "made",
            host,
            f"/made/{sweep:03}.ndjson:{host}",
            f"{sweep}",
            line,
            None,
            1,
            host == hosts - 1,
        )


def _joined(*words: str) -> Spent:
    """Run the whole command: reading, joining, writing."""
    return run(sys.executable, "-m", "agent", "fleet", *words, "--format", "json", codes=_CODES)


def _hosts(spent: Spent) -> int:
    return int(json.loads(spent.output)["totals"]["hosts"])


def whole_reports(count: int = REPORTS) -> tuple[Figure, ...]:
    """Wall time of a fleet of whole reports to that of `cat`, and the memory of a reader in MB."""
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


def _from_cache(count: int, sweeps: int) -> Spent:
    """The median run on a cache of so many records."""
    cache = Path(tempfile.mkdtemp())
    try:
        cache.chmod(0o700)
        with Database() as engine:
            engine.open_cache(cache)
            engine.take(pieces(count, sweeps))
            engine.settle()
        rounds = in_turn(lambda: _joined("--cache", str(cache)), rounds=ROUNDS)
    finally:
        shutil.rmtree(cache)
    spent = sorted((each for (each,) in rounds), key=wall)[ROUNDS // 2]
    if _hosts(spent) != count // sweeps:
        raise UnmeasuredError(f"{_hosts(spent)} of {count // sweeps} hosts were joined")
    return spent


def from_cache() -> tuple[Figure, ...]:
    """Seconds of joining all records of a cache, and the memory of the largest in MB: a history of SWEEPS sweeps, and
    as many hosts in one sweep."""
    spent = {count: _from_cache(count, SWEEPS) for count in RECORDS}
    single = _from_cache(RECORDS[-1], 1)
    return (
        Figure(spent[100_000].wall, ", ".join(f"{count:,}: {_cost(each)}" for count, each in spent.items())),
        Figure(spent[1_000_000].wall),
        Figure(_megabytes(spent[1_000_000])),
        Figure(single.wall, _cost(single)),
        Figure(_megabytes(single)),
    )


def _cost(spent: Spent) -> str:
    return f"{spent.wall:.1f} s, {_megabytes(spent):.0f} MB"


def _megabytes(spent: Spent) -> float:
    return peak(spent) * 1024 / 1e6


MEASUREMENTS: Final = (
    Benchmark(
        promises=(
            Promise(what="fleet: joining 10,000 whole reports", against="`cat` of the same files", limit=5),
            Promise(what="fleet: a process that reads them, memory", against="", limit=60, unit="MB"),
        ),
        measure=whole_reports,
    ),
    Benchmark(
        promises=(
            Promise(what="fleet: joining 100,000 records of 20 sweeps", against="", limit=2, unit="s"),
            Promise(what="fleet: joining 1,000,000 records of 20 sweeps", against="", limit=20, unit="s"),
            Promise(what="fleet: the same, memory", against="", limit=2_000, unit="MB"),
            Promise(what="fleet: joining 1,000,000 hosts of one sweep", against="", limit=20, unit="s"),
            Promise(what="fleet: the same, memory of one sweep", against="", limit=2_000, unit="MB"),
        ),
        measure=from_cache,
    ),
)
