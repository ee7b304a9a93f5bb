"""Makes several runs at once, since a run spends most of its time waiting for answers that never come. In a session,
each run is made only once: the first worker that needs it makes it, and keeps the result in a folder that all workers
share.
"""

import os
import pickle
import time
from collections.abc import Callable, Iterable
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Final, Generic, TypeVar, cast

AT_ONCE: Final = 3
"""The number of runs that one worker makes at a time."""
LOST_SECONDS: Final = 600.0
"""The time in seconds after which a worker is considered dead if it has begun a run and not finished it."""
_POLL_SECONDS: Final = 0.05

T = TypeVar("T")


class Runs(Generic[T]):
    """Makes named runs in the background. Every test that asks for a name gets the result of its run."""

    def __init__(self, folder: Path, names: Iterable[str], make: Callable[[str], T]) -> None:
        self._folder = folder
        self._make = make
        self._closed = False
        folder.mkdir(exist_ok=True)
        self._numbers = {name: number for number, name in enumerate(names)}
        self._pool = ThreadPool(AT_ONCE)
        self._pool.map_async(self._unless_closed, list(self._numbers), chunksize=1)

    def __getitem__(self, name: str) -> T:
        """The result of a run, once it has ended. Raises the exception of the run."""
        self._run(name)
        place = self._place(name, "result")
        last = time.monotonic() + LOST_SECONDS
        while not place.exists():
            if time.monotonic() > last:
                raise TimeoutError(f"the run of {name} was begun and has not ended")
            time.sleep(_POLL_SECONDS)
        ended = pickle.loads(place.read_bytes())  # noqa: S301 - our own
        if isinstance(ended, BaseException):
            raise ended
        return cast("T", ended)

    def close(self) -> None:
        """Begin no further runs, and wait until this worker's runs have ended."""
        self._closed = True
        self._pool.close()
        self._pool.join()

    def _unless_closed(self, name: str) -> None:
        if not self._closed:
            self._run(name)

    def _run(self, name: str) -> None:
        """Make the run with this name, unless a worker has already begun it."""
        try:
            os.close(os.open(self._place(name, "begun"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        ended: object
        try:
            ended = self._make(name)
        except Exception as error:  # noqa: BLE001 - whoever asks for the run gets it
            ended = error
        place = self._place(name, "result")
        unfinished = place.with_suffix(".new")
        unfinished.write_bytes(_pickled(ended))
        unfinished.replace(place)

    def _place(self, name: str, kind: str) -> Path:
        return self._folder / f"{self._numbers[name]}.{kind}"


def _pickled(ended: object) -> bytes:
    """The pickled result of a run. An exception that cannot be pickled is replaced by an exception with the same
    text.
    """
    try:
        data = pickle.dumps(ended)
        pickle.loads(data)  # noqa: S301 - our own
    except Exception:
        if not isinstance(ended, Exception):
            raise
        return pickle.dumps(RuntimeError(f"{type(ended).__name__}: {ended}"))
    return data
