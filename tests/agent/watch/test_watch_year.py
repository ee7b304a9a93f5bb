"""A thousand cycles, which is most of a day at one a minute; with `--everything` ten thousand, which is a week."""

import json
import subprocess

from tests.agent.watch.conftest import CYCLES

MAX_GROWTH_BYTES = 2_000_000
SECONDS = 3_600
"""Far above what it takes; a limit for one that hangs."""


def test_memory_and_open_files_stay_as_they_were(year: subprocess.Popen[str]) -> None:
    out, err = year.communicate(timeout=SECONDS)
    assert (year.returncode, err) == (0, "")
    *samples, counts = [json.loads(line) for line in out.splitlines()]
    assert [sample["cycle"] for sample in samples] == [CYCLES // 10 * tenth for tenth in range(1, 11)]
    # The first tenth loads what is loaded once, and fills the windows of past cycles.
    assert max(sample["bytes"] for sample in samples) - samples[0]["bytes"] <= MAX_GROWTH_BYTES
    assert len({sample["files"] for sample in samples}) == 1
    assert counts["backuplink_watch_cycles_total"] == CYCLES
    for nothing in ("late_cycles", "cycle_errors", "dropped_documents", "file_write_errors"):
        assert counts[f"backuplink_watch_{nothing}_total"] == 0
