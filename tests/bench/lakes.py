"""The cost of joining more hosts than fit on one machine: each of ten lakes is joined by itself, and then the ten
answers are joined.

Each lake is generated from its own seed (`tests/bench/estate.py`), so no host and no VPC is in two lakes. One process
reads the records of a lake, validates every field, and writes its answer; another joins the ten answers. The result is
compared with the generated records, and with the sums of the answers.
"""

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.fleet import model
from agent.fleet.answers import unpacked
from agent.fleet.model import FleetDocument
from agent.fleet.parquet import FileReader
from agent.fleet.store import Source
from tests.bench.estate import lines
from tests.bench.promise import Benchmark, Figure, Promise, UnmeasuredError
from tests.bench.spent import Spent, run

LAKE_COUNT: Final = 10
HOSTS: Final = 1_000_000
"""The number of hosts in each lake."""
SECONDS: Final = 3_600.0
"""The limit in seconds for one lake."""
_CODES: Final = (0, 1, 2)
"""Exit codes of a fleet that was read completely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Ten lakes, and the results of joining them."""

    each: tuple[Spent, ...]
    """The cost of reading each lake and writing its answer."""
    together: Spent
    """The cost of joining the answers of all lakes."""
    answer_bytes: int
    """The size of all answers together in bytes."""
    made: Counter[str]
    """The number of hosts with each status, as generated."""
    parts: tuple[FleetDocument, ...]
    whole: FleetDocument


def join(hosts: int) -> Joined:
    """Make the lakes, one after the other, and join them."""
    each: list[Spent] = []
    made: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        records, answers = Path(name, "hosts.ndjson"), Path(name, "answers")
        answers.mkdir()
        for lake in range(LAKE_COUNT):
            made += _write(records, hosts, lake)
            each.append(_fleet(str(records), "--format", "parquet", "--output", str(answers / f"{lake}.parquet")))
            records.unlink()
        together = _fleet(str(answers), "--format", "json")
        files = [file.read_bytes() for file in sorted(answers.iterdir())]
    return Joined(
        each=tuple(each),
        together=together,
        answer_bytes=sum(map(len, files)),
        made=made,
        parts=tuple(map(_document, files)),
        whole=model.decode(json.loads(together.output)),
    )


def _write(file: Path, hosts: int, lake: int) -> Counter[str]:
    made: Counter[str] = Counter()
    with file.open("w", encoding="ascii") as stream:
        for line in lines(hosts, seed=1 + lake, lake=lake):
            stream.write(f"{line}\n")
            made[line.partition('"status":"')[2].partition('"')[0]] += 1
    return made


def _fleet(*words: str) -> Spent:
    return run(sys.executable, "-m", "agent", "fleet", *words, codes=_CODES, seconds=SECONDS)


def _document(answer: bytes) -> FleetDocument:
    with tempfile.TemporaryDirectory() as folder:
        (((piece,), _),) = FileReader(Path(folder)).read([Source("answer.parquet", None, None, len(answer))], [answer])
    return unpacked(piece.line or "")


def problems(joined: Joined) -> list[str]:
    """Return how the joined result differs from the generated records and from the sum of the answers."""
    whole, parts, made = joined.whole, joined.parts, joined.made
    pairs = {
        "hosts": (whole.totals.hosts, made.total()),
        "critical hosts": (whole.totals.critical, made["critical"]),
        "hosts with a warning": (whole.totals.warning, made["warning"]),
        "hosts that are well": (whole.totals.ok, made["ok"]),
        "records that cannot be read": (whole.totals.unreadable, 0),
        "hosts by cause": (_by_cause([whole]), _by_cause(parts)),
        "own faults by code": (_by_code([whole]), _by_code(parts)),
        "different answers": (len({one.causes for one in parts}), len(parts)),
    }
    return [f"{what}: {one} and not {other}" for what, (one, other) in pairs.items() if one != other]


def _by_cause(documents: Sequence[FleetDocument]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for cause in (cause for document in documents for cause in document.causes):
        found[cause.key, "counted"] += cause.host_count
        found[cause.key, "beside"] += cause.also_count
        found[cause.key, "exposed"] += cause.exposed_count
    return found


def _by_code(documents: Sequence[FleetDocument]) -> Counter[str]:
    found: Counter[str] = Counter()
    for own in (own for document in documents for own in document.own_faults):
        found[own.code] += own.host_count
    return found


def measured() -> tuple[Figure, ...]:
    """The CPU seconds of reading all lakes, and of joining their answers. For each of the two, also the memory in MB of
    the largest process.
    """
    joined = join(HOSTS)
    if wrong := problems(joined):
        raise UnmeasuredError("; ".join(wrong))
    causes = [len(part.causes) for part in joined.parts]
    shared = sum(causes) - len(joined.whole.causes)
    seconds = [spent.cpu for spent in joined.each]
    return (
        Figure(
            sum(seconds),
            f"{joined.whole.totals.hosts:,} hosts; {min(seconds):.0f} to {max(seconds):.0f} s and {min(causes)} to "
            f"{max(causes)} causes a lake; wall {sum(spent.wall for spent in joined.each):.0f} s, one after the other",
        ),
        Figure(max(spent.peak for spent in joined.each) * 1024 / 1e6),
        Figure(
            joined.together.cpu,
            f"{len(joined.whole.causes):,} causes, {shared} fewer than in the answers, where several have the same; "
            f"{joined.answer_bytes / 1e6:.0f} MB of answers; wall {joined.together.wall:.1f} s",
        ),
        Figure(joined.together.peak * 1024 / 1e6),
    )


LAKES: Final = Benchmark(
    promises=(
        Promise(what="lakes: ten of 1,000,000 records, each read and joined, CPU", against="", limit=None, unit="s"),
        Promise(what="lakes: the same, memory of one", against="", limit=1_500, unit="MB"),
        Promise(what="lakes: joining their ten answers, CPU", against="", limit=None, unit="s"),
        Promise(what="lakes: the same, memory", against="", limit=1_500, unit="MB"),
    ),
    measure=measured,
)
