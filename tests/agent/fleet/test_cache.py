"""A cache of records. Cached files are read again only if they changed, and a damaged cache only costs time."""

import errno
import os
import stat
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.fleet import records
from agent.fleet.database import Database
from agent.fleet.places import sources_of
from agent.fleet.reading import ReadResult
from agent.fleet.store import Source
from tests.agent.fleet.files import SICK, dump, hosts, lines, read, read_anew, record, report
from tests.hostile.fuzz.fleet_records import spoilt_parquet, spoilt_pieces
from tests.support import extent

I = "i-{:017x}".format  # noqa: E741 - the id of a host


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files: many records, a report, and a file that is partly broken."""
    folder = tmp_path / "dt=2026-03-01"
    folder.mkdir()
    (folder / "a.ndjson").write_text(lines(*(record(number, SICK) for number in range(5))))
    (folder / "b.json").write_text(lines(report(7, "three-faults")))
    (folder / "c.ndjson").write_text(lines(record(8)) + "{}\n" * 20 + lines(record(9)))
    return folder


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were opened for parsing."""
    opened: list[str] = []
    real = records.pieces_of

    def noted(source, stream):  # type: ignore[no-untyped-def]
        opened.append(Path(source.name).name)
        return real(source, stream)

    monkeypatch.setattr("agent.fleet.readers.pieces_of", noted)
    return opened


def test_what_is_in_the_cache_is_not_read_again(folder: Path, tmp_path: Path, parsed: list[str]) -> None:
    cache = tmp_path / "cache"
    with read_anew(folder, cache=cache) as (engine, first):
        before = dump(engine)
    assert parsed == ["a.ndjson", "b.json", "c.ndjson"]
    assert first.read == 8
    assert first.unreadable_count == 20
    with read_anew(folder, cache=cache) as (engine, second):
        assert second == first
        assert dump(engine) == before
        assert all(before.values())
        assert hosts(engine) == [*map(I, range(5)), I(7), I(8), I(9)]
    assert len(parsed) == 3


def test_what_is_other_is_read_again(folder: Path, tmp_path: Path, parsed: list[str]) -> None:
    cache = tmp_path / "cache"
    with read_anew(folder, cache=cache):
        (folder / "a.ndjson").write_text(lines(record(1)))
        (folder / "b.json").unlink()
        (folder / "d.json").write_text(lines(record(33)))
        parsed.clear()
    for _ in range(2):
        with read_anew(folder, cache=cache) as (engine, _):
            assert sorted(hosts(engine)) == sorted(map(I, (1, 8, 9, 33)))
    assert parsed == ["a.ndjson", "d.json"]


def test_a_cache_alone_is_a_fleet(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with read_anew(folder, cache=cache):
        (folder / "a.ndjson").write_text(lines(record(1)))
    with read_anew(folder, cache=cache) as (engine, _):
        last = dump(engine)
    with read_anew(cache=cache) as (engine, _):
        assert dump(engine) == last


def test_two_that_read_the_same_at_a_time(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with Database() as one, Database() as other:
        one.open_cache(cache)
        other.open_cache(cache)
        read(one, folder)
        read(other, folder)
    with read_anew(folder, cache=cache) as (engine, result):
        assert result.read == 8
        assert len(hosts(engine)) == 8
    with read_anew(cache=cache) as (engine, _):
        assert len(hosts(engine)) == 8


def test_a_source_that_was_not_read_to_its_end_is_read_again(folder: Path, tmp_path: Path, parsed: list[str]) -> None:
    """The first read of each source was interrupted."""
    cache = tmp_path / "cache"
    sources = list(sources_of(str(folder)))
    with Database() as engine:
        engine.open_cache(cache)
        for source in sources:
            assert isinstance(source, Source)
            with open(source.name, "rb") as stream:
                pieces = list(records.pieces_of(source, stream))
            engine.take(pieces[:3])
        engine.settle()
    with read_anew(cache=cache) as (engine, _):
        assert hosts(engine) == [I(7)]
    with read_anew(folder, cache=cache) as (engine, _):
        assert hosts(engine) == [I(7), *map(I, range(5)), I(8), I(9)]
    assert parsed == ["a.ndjson", "c.ndjson"]


def test_a_source_that_is_larger_than_a_batch(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.fleet.database.BATCH", 2)
    cache = tmp_path / "cache"
    with read_anew(folder, cache=cache) as (engine, _):
        before = dump(engine)
    with read_anew(folder, cache=cache) as (engine, _):
        assert dump(engine) == before


def test_it_grows_and_is_its_owners_alone(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "above" / "cache"
    mask = os.umask(0)
    try:
        with read_anew(folder, cache=cache):
            pass
        files = {path.name: path.read_bytes() for path in cache.iterdir()}
        (folder / "d.json").write_text(lines(record(33)))
        with read_anew(folder, cache=cache):
            pass
    finally:
        os.umask(mask)
    for path in (cache.parent, cache, *cache.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert len(list(cache.iterdir())) == 2
    assert all((cache / name).read_bytes() == data for name, data in files.items())


def test_one_that_others_can_write_is_not_used(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    with read_anew(folder, cache=cache) as (_, result):
        assert result.read == 8
        assert result.notes == (f"Read without the cache {cache}: other users can write to it.",)
    assert list(cache.iterdir()) == []


def test_a_file_in_its_place(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_text("mine")
    with read_anew(folder, cache=cache) as (_, result):
        assert result.read == 8
        assert "Read without the cache" in result.notes[0]
    assert cache.read_text() == "mine"


def _spoil(path: Path, chance: Random) -> None:
    data = bytearray(path.read_bytes())
    match chance.randrange(4):
        case 0:
            del data[chance.randrange(len(data)) :]
        case 1:
            start = chance.randrange(len(data))
            data[start : start + 4_096] = chance.randbytes(4_096)
        case 2:
            data[:] = bytes(len(data))
        case _:
            for _ in range(chance.choice((1, 50, 1_000))):
                data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(data)


def test_a_damaged_one_is_said_and_set_aside(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with read_anew(folder, cache=cache) as (engine, _):
        before = dump(engine)
    (part,) = cache.iterdir()
    part.write_bytes(b"\0" * part.stat().st_size)
    with read_anew(folder, cache=cache) as (engine, result):
        assert dump(engine) == before
        assert len(result.notes) == 1
        assert f"damaged and was set aside as {part.name}.damaged" in result.notes[0]
    with read_anew(folder, cache=cache) as (engine, result):
        assert dump(engine) == before
        assert result.notes == ()


def test_one_of_another_version_is_left_alone(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    for name in ("records-9-1.parquet", "records-9-1.ndjson.gz", "mine.txt"):
        (cache / name).write_text("of others")
    for _ in range(2):
        with read_anew(folder, cache=cache) as (_, result):
            assert (result.read, result.notes) == (8, ())
    assert (cache / "records-9-1.parquet").read_text() == "of others"


def test_a_damaged_name_of_a_column_is_said_and_set_aside(folder: Path, tmp_path: Path) -> None:
    """DuckDB's error message repeats the damaged name, and is therefore not valid text."""
    cache = tmp_path / "cache"
    with read_anew(folder, cache=cache):
        pass
    (part,) = cache.iterdir()
    part.write_bytes(part.read_bytes().replace(b"security_groups", b"security_gro\x80ps"))
    with read_anew(folder, cache=cache) as (_, result):
        assert (result.read, len(result.notes)) == (8, 1)


@settings(max_examples=extent.examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_whatever_a_disk_makes_of_it(chance: Random, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """If a part of the cache is damaged, it is used as it is, or its files are read again. There is never an error."""
    cache = tmp_path_factory.mktemp("cache")
    cache.chmod(0o700)
    with read_anew(folder, cache=cache):
        pass
    _spoil(next(iter(cache.iterdir())), chance)
    results: list[ReadResult] = []
    for _ in range(2):
        with read_anew(folder, cache=cache) as (_, result):
            results.append(result)
    assert all(each.read > 0 for each in results)


def test_a_disk_that_is_full(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(data: bytes, path: Path) -> bool:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("agent.fleet.cache.to_private_file", full)
    cache = tmp_path / "cache"
    with read_anew(folder, cache=cache) as (_, result):
        assert result.read == 8
        assert result.notes == (f"The cache {cache} could not keep the records: No space left on device.",)


@settings(max_examples=extent.examples(40), deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_any_parquet_is_rows_or_refused_in_words(chance: Random) -> None:
    with TemporaryDirectory() as folder:
        pieces = [piece for answer, _ in spoilt_pieces(Path(folder), spoilt_parquet(chance)) for piece in answer]
    assert pieces[-1].last
    assert all((piece.line is None) != (piece.why is None) for piece in pieces)
    assert all(piece.why != "" for piece in pieces)
