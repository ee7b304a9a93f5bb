"""Changed records and reports of a fleet: single ones, and many in one file."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from agent.app.publish import FLEET, rendered
from agent.fleet import run_command
from agent.fleet.answers import joined, unpacked
from agent.fleet.database import WHOLE, Database
from agent.fleet.model import FleetDocument, dumps
from agent.fleet.parquet import COLUMNS, FileReader
from agent.fleet.readers import Answer
from agent.fleet.reading import FleetReadError, ReadRequest, read_into
from agent.fleet.render import JoinedFleet
from agent.fleet.store import Read, Source
from agent.report.host_record import record_of
from tests.agent.fleet.files import dump, record, report
from tests.hostile.fuzz.command import Command
from tests.hostile.fuzz.mutation import BYTES, DEEP, HOSTILE, TEXTS, spoilt_bytes, spoilt_document
from tests.support import fleets
from tests.support.runs import report_of

_NAMES: Final = ("healthy", "one-zone-silent", "three-faults", "private-dns-off")
_KEYS: Final = (
    *("critical|VPC005|backup|group=sg-1", "warning|X1|", "critical|VPC005", "a < b", "A1|b < B1|c", "|", "%7C", "%zz"),
    *("critical|VPC005|b|group=sg-1|group=<b>", "critical|VPC005|b|" + "|".join(["port=1"] * 40), "A1|" * 60),
)
_FREE: Final = ("tool", "run", "host", "vpc", "subnet", "zone", "summary", "title", "fix")
"""The fields that may contain any text."""
_TIMES: Final = (
    *("2999-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z", "2026-03-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    *("9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z", "2026-03-01", "now"),
)


def spoilt_record(chance: Random) -> dict[str, Any]:
    """A record in which a few fields have other values."""
    document = record(chance.randrange(5), chance.choice(_NAMES))
    for _ in range(chance.randint(1, 3)):
        name = chance.choice(list(document))
        match chance.randrange(12):
            case 0:
                document[name] = chance.choice(HOSTILE)
            case 1:
                document[name] = [chance.choice((*TEXTS, *HOSTILE)) for _ in range(chance.randrange(12))]
            case 2:
                document[chance.choice(("causes", "symptoms"))] = [chance.choice(_KEYS) for _ in range(3)]
            case 3:
                document["taken_at"] = chance.choice(_TIMES)
            case 4:
                del document[name]
            case 5:
                document[name] = chance.choice(TEXTS)
            case _:
                document[chance.choice(_FREE)] = chance.choice(TEXTS)
    return document


def content(chance: Random) -> bytes:
    """A file of records and reports, sound and spoilt, in one of the supported forms."""
    match chance.randrange(8):
        case 0:
            return spoilt_bytes(chance, json.dumps(report(1, chance.choice(_NAMES))).encode(), (*BYTES, *DEEP))
        case 1:
            document = spoilt_document(chance, report(1, chance.choice(_NAMES)))
            return json.dumps(document, indent=chance.choice((None, 2))).encode()
        case 2:
            packed = gzip.compress(json.dumps(record(1)).encode() * chance.randint(1, 9))
            return spoilt_bytes(chance, packed)
        case 3:
            return json.dumps([spoilt_record(chance) for _ in range(chance.randint(0, 9))]).encode()
        case _:
            lines = [json.dumps(spoilt_record(chance)).encode() + b"\n" for _ in range(chance.randint(1, 9))]
            data = b"".join((*lines, json.dumps(record(3)).encode(), b"\n"))
            return spoilt_bytes(chance, data, (*BYTES, *DEEP)) if chance.randrange(2) else data


@cache
def _parquet() -> bytes:
    with Database(whole=True) as engine:
        engine.insert([Read(sweep="s", place="p", record=record_of(report_of(name))) for name in _NAMES] * 50)
        return engine.write_parquet(f"SELECT {', '.join(COLUMNS)} FROM {WHOLE}")  # noqa: S608 - names of columns


def spoilt_parquet(chance: Random) -> bytes:
    """A Parquet file with a few changed bytes."""
    data = bytearray(spoilt_bytes(chance, _parquet()))
    for _ in range(chance.choice((1, 10, 100))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def spoilt_pieces(folder: Path, data: bytes) -> Iterator[Answer]:
    """The records in a packed file (Parquet), as the process for such files reads them."""
    source = Source("host.v1.parquet/account=111122223333/region=eu-west-1/dt=2026-01-15/x.parquet", None, None, 0)
    return FileReader(folder).read([source], [data])


def spoilt_answer(chance: Random) -> FleetDocument | None:
    """The document of a fleet, read from a changed answer, or None if the answer is refused."""
    document = json.loads(dumps(fleets.document()))
    text = base64.b64encode(zlib.compress(json.dumps(spoilt_document(chance, document)).encode())).decode()
    with suppress(ValueError):
        return unpacked(text)
    return None


def invocation(data: bytes) -> dict[str, Any]:
    """The entry in Systems Manager's list of invocations for a host with this output."""
    plugin = {"Name": "host", "Status": "Success", "Output": data.decode("utf-8", "replace")[:2_500]}
    return {"InstanceId": "i-0a1b2c3d4e5f67890", "Status": "Success", "CommandPlugins": [plugin]}


class Silent:
    """A client of Systems Manager that returns no output beyond what is in the list."""

    def get_command_invocation(self, **_: str) -> dict[str, str]:
        return {}


def check_fleet_records(chance: Random, command: Command) -> None:
    """The cache of a folder contains the same records as the folder."""
    folder = command.folder / "fleet"
    folder.mkdir(exist_ok=True)
    for number in range(3):
        (folder / f"{number}.json").write_bytes(content(chance))
    dumps = []
    cache = command.folder / f"cache-{chance.randrange(1 << 60)}"
    for _ in range(2):
        with Database() as engine:
            request = ReadRequest(places=(str(folder),), command_ids=(), cache=cache, region=None, profile=None)
            with suppress(FleetReadError):
                read_into(engine, request, progress=lambda done, total: None, cancelled=lambda: False)
            dumps.append(dump(engine))
    assert all(each == dumps[0] for each in dumps)
    piece = run_command._piece(Silent(), "a command", invocation(content(chance)))
    assert (piece.line is None) == (piece.why is not None)
    for pieces, _ in spoilt_pieces(command.folder, spoilt_parquet(chance)):
        assert all((piece.line is None) != (piece.why is None) for piece in pieces)
    if (answer := spoilt_answer(chance)) is not None:
        every = (answer, fleets.document(), answer)
        told = joined(every, unreadable=(), unreadable_count=0, notes=(), tolerate=0.02)
        assert (
            rendered(
                FLEET, JoinedFleet(document=told), chance.choice([name for name in FLEET.formats if name != "parquet"])
            )
            is not None
        )
