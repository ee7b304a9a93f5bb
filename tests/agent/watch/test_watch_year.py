"""Two hours of cycles, one cycle a minute, with all receivers of their results. With `--everything`, it is a week of
cycles.
"""

import json
import sqlite3
import subprocess
from pathlib import Path

from tests.agent.watch.conftest import CYCLES
from tests.agent.watch.year import SCRAPES_EVERY, cycles_in
from tests.support.virtual import INTERVAL

MAX_GROWTH_BYTES = 2_000_000
SOCKETS = 4
"""The number of sockets that one scrape and one notice may have open at that moment, counting both ends of each."""
SECONDS = 3_600
"""The limit in seconds for a process that hangs. It is far above the time that the process needs."""


def test_nothing_is_lost_and_memory_and_open_files_stay_as_they_were(year: subprocess.Popen[str]) -> None:
    out, err = year.communicate(timeout=SECONDS)
    assert (year.returncode, err) == (0, "")
    *samples, counts, scraped = [json.loads(line) for line in out.splitlines()]
    assert [sample["cycle"] for sample in samples] == [CYCLES // 10 * tenth for tenth in range(1, 11)]
    # The first half loads what is only loaded once, and fills the windows of past cycles.
    half = [sample["bytes"] for sample in samples[len(samples) // 2 :]]
    assert max(half) - half[0] <= MAX_GROWTH_BYTES
    files = [sample["files"] for sample in samples]
    assert max(files) - min(files) <= SOCKETS
    assert counts["backuplink_watch_cycles_total"] == CYCLES
    for nothing in ("late_cycles", "cycle_errors", "dropped_documents", "file_write_errors"):
        assert counts[f"backuplink_watch_{nothing}_total"] == 0

    folder = Path(str(year.args[3]))  # type: ignore[index]
    assert cycles_in((folder / "watch.prom").read_text("utf-8")) == CYCLES
    assert len(scraped) >= CYCLES * INTERVAL / SCRAPES_EVERY - 1
    assert scraped == sorted(set(scraped))  # each answer is newer than the one before
    with sqlite3.connect(folder / "history.db") as history:
        assert history.execute("SELECT count(*), sum(complete), sum(lost) FROM cycle").fetchone() == (CYCLES, CYCLES, 0)
        changes = [json.loads(text)["id"] for (text,) in history.execute("SELECT document FROM change ORDER BY id")]
    assert len(changes) >= CYCLES // 10
    assert (folder / "notices").read_text("ascii").splitlines() == changes
