"""Many hostile records in one fleet."""

import json
from pathlib import Path
from random import Random

from tests.agent.fleet.files import read_anew, record
from tests.hostile.fuzz.fleet_records import spoilt_record
from tests.support.extent import everything

COUNT = 100_000
SOUND = 100


def test_many_hostile_records(tmp_path: Path) -> None:
    """A hostile record is either read as a record or reported as unreadable. Every sound record is read."""
    chance = Random(21)
    count = COUNT if everything() else COUNT // 50
    with (tmp_path / "a.ndjson").open("w") as stream:
        for number in range(count):
            stream.write(json.dumps(spoilt_record(chance)) + "\n")
            if number % (count // SOUND) == 0:
                stream.write(json.dumps(record(1_000_000 + number)) + "\n")
    with read_anew(tmp_path) as (engine, result):
        assert result.read + result.unreadable_count == count + SOUND
        assert 0.1 < result.read / (count + SOUND) < 0.9
        assert len(engine.query("SELECT DISTINCT host FROM record WHERE host >= ?", [f"i-{1_000_000:017x}"])) >= SOUND
