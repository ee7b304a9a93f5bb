"""kill -9 at any moment leaves no incomplete file for monitors to read."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.agent.watch.killed import CYCLES, OUTPUT, TEXTFILE, WRITING
from tests.support.command import SECONDS
from tests.support.extent import one_in
from tests.support.repository import ROOT

POINTS = one_in(2, range(1, 2 * CYCLES * len(WRITING) + 1))
"""Every phase of writing two files, in each cycle. CI uses every second phase, and thus meets each kind of phase in at
least one cycle.
"""


def test_a_watch_that_is_killed_leaves_whole_files(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.agent.watch.killed", str(tmp_path), "0", *map(str, POINTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"0": 0} | {str(point): signal.SIGKILL for point in POINTS}
    for name in (OUTPUT, TEXTFILE):
        whole = [(tmp_path / f"0-{cycle}" / name).read_bytes() for cycle in range(1 + CYCLES)]
        assert len(set(whole)) == 1 + CYCLES
        left = [(tmp_path / str(point) / name).read_bytes() for point in POINTS]
        assert set(left) <= set(whole)
        assert len(set(left)) > 1  # some were killed before a file was replaced, some after
    for point in POINTS:  # a file being written has a name that no monitor reads
        assert {path.name for path in (tmp_path / str(point)).glob("[!.]*")} == {OUTPUT, TEXTFILE}
