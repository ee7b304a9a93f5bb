"""Processes are killed with SIGKILL at any moment. No file is left incomplete, and no data is lost after the process
reported it as written.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from agent.cli.main import dispatch
from agent.fleet.connection import connect
from agent.history.read import HistoryReader
from tests.agent.fleet.files import lines, record
from tests.formats.monitors import families_in
from tests.process.kills import AT_A_TIME, HISTORY, NOTICES, TEMPORARY, TEXTFILE, watch
from tests.support.command import SECONDS
from tests.support.extent import one_in
from tests.support.repository import ROOT

KILLS = len(one_in(40, range(200)))


def killed(what: str, folder: Path) -> Any:
    """The JSON that `tests.process.kills` prints."""
    command = [sys.executable, "-m", "tests.process.kills", what, str(folder), str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS * 4, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def metrics_of(document: str) -> list[str]:
    assert document.endswith("\n")
    return [family.name for family in families_in(document)]


def test_a_watch_loses_no_cycle_and_leaves_no_half_file(tmp_path: Path) -> None:
    folder, known = tmp_path / "watch", tmp_path / "known"
    for each in (folder, known):
        (each / NOTICES).mkdir(parents=True)
    whole = []
    for cycles in (1, 2):
        told = os.open(os.devnull, os.O_WRONLY)
        watch(known, 1, told, cycles)
        os.close(told)
        whole.append(metrics_of((known / TEXTFILE).read_text("utf-8")))
    kept = killed("watch", folder)
    assert sum(map(len, kept)) > KILLS
    assert metrics_of((folder / TEXTFILE).read_text("utf-8")) in whole
    assert {path.name for path in folder.glob("[!.]*")} - {f"{HISTORY}-wal", f"{HISTORY}-shm"} == {
        HISTORY,
        TEXTFILE,
        NOTICES,
    }
    assert len(list(folder.glob(".*"))) <= 1  # only the file of the last, unfinished write
    with HistoryReader(folder / HISTORY) as history:
        rows = [row.run_id for row in history.cycles(None)]
        assert {history.report(row.id)[0].run.id for row in history.cycles(None)} <= set(rows)
    for number, told in enumerate(kept):
        own = [run for run in rows if (int(run.removeprefix("run-")) - 1) // AT_A_TIME == number]
        assert own[: len(told)] == told  # the cycles that were reported as written, in order
        assert len(own) <= len(told) + 1  # and possibly one that was not reported any more
    assert len(rows) == len(set(rows))
    documents = [path.read_text("utf-8") for path in (folder / NOTICES).iterdir()]
    assert sum(not is_json(document) for document in documents) <= KILLS
    assert any(map(is_json, documents))


def is_json(document: str) -> bool:
    try:
        json.loads(document)
    except ValueError:
        return False
    return True


DAYS = ("2026-01-13", "2026-01-14", "2026-01-15")


def records(numbers: range) -> list[dict[str, Any]]:
    return [
        record(number, taken_at=f"{DAYS[number % 3]}T03:00:00Z", run=f"{number:032x}", redacted=False)
        for number in numbers
    ]


def test_a_pack_loses_no_record_and_doubles_none(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / TEMPORARY).mkdir()
    (source / "old.ndjson").write_text(lines(*records(range(30))), "utf-8")
    assert dispatch(["fleet", "pack", str(source), str(tmp_path / "lake")], []) == 0
    (source / "new.ndjson").write_text(lines(*records(range(30, 60))), "utf-8")
    statuses = killed("pack", tmp_path)
    assert len(statuses) == KILLS
    days = {
        day: [[f"i-{each:017x}" for each in range(end) if each % 3 == number] for end in (30, 60)]
        for number, day in enumerate(DAYS)
    }
    seen = set()
    with connect(tmp_path) as connection:

        def hosts(lake: Path, day: str) -> list[str]:
            file = lake / f"host.v1.parquet/account=111122223333/region=eu-west-1/dt={day}/records.parquet"
            rows = connection.execute("SELECT host FROM read_parquet(?) ORDER BY host", [str(file)]).fetchall()
            return [host for (host,) in rows]

        for number in range(KILLS):
            folder = tmp_path / str(number)
            for day, (old, new) in days.items():
                left = hosts(folder / "killed", day)
                assert left in (old, new)
                seen.add(left == new)
                assert hosts(folder / "lake", day) == new
            assert not list((folder / "lake").rglob(".*"))  # the second pack removed the unfinished files of the first
            assert not list((folder / "cache").glob("*.damaged"))
    assert False in seen
    assert not list((tmp_path / TEMPORARY).iterdir())  # no temporary files with records are left
