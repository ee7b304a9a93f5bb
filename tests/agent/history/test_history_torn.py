"""A history that is damaged, or that somebody else made, is read as far as possible, or refused with a message."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.app.history import _document
from agent.app.publish import HISTORY, rendered
from agent.history.export import as_csv, as_ndjson
from agent.history.model import HistoryDocument, HistoryError
from agent.history.read import HistoryReader
from agent.history.render import ShownHistory
from tests.hostile.fuzz.histories import _sound, content, spoilt, torn, write_on
from tests.support import extent


def _text(document: HistoryDocument, *, chart: bool = False) -> str:
    return rendered(HISTORY, ShownHistory(document=document, chart=chart), "text")


def _read(data: bytes) -> set[str]:
    """The parts of a file that could be read."""
    done: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "h.db"
        path.write_bytes(data)

        def tried(name: str, work: Callable[[HistoryReader], object]) -> None:
            try:
                with HistoryReader(path) as history:
                    work(history)
            except HistoryError:
                return
            done.add(name)

        tried("list", lambda history: _text(_document(history, None, chart=False)))
        tried("chart", lambda history: _text(_document(history, None, chart=True), chart=True))
        tried("csv", lambda history: list(as_csv(history.cycles(None))))
        tried("ndjson", lambda history: list(as_ndjson(history.cycles(None), history.changes(None))))
        for cycle in range(1, 7):
            tried(f"report {cycle}", lambda history, cycle=cycle: history.report(cycle))  # type: ignore[misc]
    return done


def test_a_sound_one_is_read_in_every_way() -> None:
    assert len(_read(_sound())) == 10


@settings(max_examples=extent.examples(400), deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_any_torn_file(chance: Random) -> None:
    _read(torn(chance))


@settings(max_examples=extent.examples(400), deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_any_values(chance: Random) -> None:
    _read(spoilt(chance))


@settings(max_examples=extent.examples(200), deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_whatever_is_there_is_written_on_or_refused(chance: Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_on(content(chance), Path(folder) / "h.db")


@pytest.mark.parametrize("seed", range(3))
def test_a_torn_file_that_is_refused_is_left_as_it_is(tmp_path: Path, seed: int) -> None:
    data = _sound()[:4_096] + Random(seed).randbytes(len(_sound()) - 4_096)
    write_on(data, tmp_path / "h.db")
    assert (tmp_path / "h.db").read_bytes() == data
