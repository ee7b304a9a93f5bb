"""The size of a history: 100,000 cycles within 60 MB."""

from pathlib import Path

from agent.history.read import HistoryReader
from tests.bench.history import write
from tests.support.extent import everything

CYCLES = 100_000 if everything() else 400
LIMIT = 60_000_000 / 100_000
"""The maximum number of bytes for a cycle."""
FIXED = 150_000
"""The number of bytes that do not depend on the number of cycles: the tables and the first reports."""


def test_a_cycle_takes_few_bytes(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    write(path, CYCLES)
    assert path.stat().st_size <= FIXED + LIMIT * CYCLES
    with HistoryReader(path) as history:
        assert [len(marks) for marks in history.marks(None).values()] == [CYCLES]
