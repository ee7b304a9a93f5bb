"""Reading a file that a user chose. Whatever the file is, no more bytes are read, and no more time is used, than
allowed.
"""

import errno
import os
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from agent.process import files
from agent.process.files import InterruptedBySignalError, TooLargeError, read_within
from tests.support.fakes import open_files

LONG: Final = 60.0
"""A limit in seconds that no test here reaches."""
SHORT: Final = 0.05
MOST: Final = 100_000


@pytest.mark.parametrize("size", [0, 1, 4_096, MOST - 1, MOST])
def test_a_file_comes_back_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    assert read_within(path, most=MOST, seconds=LONG) == path.read_bytes()


@pytest.mark.parametrize("size", [MOST + 1, 3 * MOST])
def test_a_file_of_a_byte_more_is_too_large(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    with pytest.raises(TooLargeError):
        read_within(path, most=MOST, seconds=LONG)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/full"])
def test_a_device_without_end_is_too_large(device: str) -> None:
    with pytest.raises(TooLargeError):
        read_within(Path(device), most=MOST, seconds=LONG)


def test_a_device_without_anything_is_empty() -> None:
    assert read_within(Path("/dev/null"), most=MOST, seconds=LONG) == b""


@pytest.mark.parametrize(
    ("path", "number"),
    [
        pytest.param("nowhere", errno.ENOENT, id="not there"),
        pytest.param(".", errno.EISDIR, id="a folder"),
        pytest.param("circle", errno.ELOOP, id="a link to itself"),
        pytest.param("/proc/self/mem", errno.EIO, id="what opens and cannot be read"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, path: str, number: int) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(OSError, match=r".") as caught:
        read_within(tmp_path / path, most=MOST, seconds=LONG)
    assert caught.value.errno == number
    assert caught.value.strerror == os.strerror(number)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_pipe_to_which_nobody_writes_ends_in_time(pipe: Path) -> None:
    with pytest.raises(TimeoutError) as caught:
        read_within(pipe, most=MOST, seconds=SHORT)
    assert (caught.value.errno, caught.value.strerror) == (errno.ETIMEDOUT, "it does not end within 0.05 s")


def test_a_signal_ends_the_wait(pipe: Path) -> None:
    received: list[str] = []
    threading.Timer(SHORT, received.append, ["SIGTERM"]).start()
    with pytest.raises(InterruptedBySignalError, match="SIGTERM"):
        read_within(pipe, most=MOST, seconds=LONG, received_signals=received)


def test_a_file_that_is_there_is_read_after_a_signal_too(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    assert read_within(path, most=MOST, seconds=LONG, received_signals=["SIGTERM"]) == b"x"


def test_a_disk_that_hangs_on_opening_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(_: str, __: int) -> int:
        released.wait(LONG)
        raise OSError(errno.ESTALE, "it is late")

    monkeypatch.setattr(files, "_opened", hang)
    try:
        with pytest.raises(TimeoutError, match="does not end within"):
            read_within(tmp_path / "file", most=MOST, seconds=SHORT)
    finally:
        released.set()


def test_a_pipe_whose_writer_says_nothing_more_ends_in_time(pipe: Path) -> None:
    holder = os.open(pipe, os.O_RDWR)  # Linux opens it so without a reader (fifo(7))
    try:
        os.write(holder, b"half")
        with pytest.raises(TimeoutError):
            read_within(pipe, most=MOST, seconds=SHORT)
    finally:
        os.close(holder)


@pytest.fixture
def dripping() -> Iterator[int]:
    """A descriptor that always offers one more byte to read."""
    reader, writer = os.pipe()
    over = threading.Event()
    os.set_blocking(writer, False)

    def write() -> None:
        while not over.is_set():
            try:
                os.write(writer, b"x")
            except BlockingIOError:
                time.sleep(0)

    thread = threading.Thread(target=write)
    thread.start()
    yield reader
    over.set()
    thread.join()
    os.close(reader)
    os.close(writer)


def test_a_writer_who_never_pauses_ends_in_time(dripping: int) -> None:
    with pytest.raises(TimeoutError):
        read_within(dripping, most=1 << 40, seconds=SHORT)


def test_a_pipe_is_read_until_its_writer_has_gone(pipe: Path) -> None:
    pieces = [os.urandom(30_000) for _ in range(3)]

    def write() -> None:
        with pipe.open("wb", buffering=0) as stream:  # opening the pipe waits for a reader
            for piece in pieces:
                stream.write(piece)

    thread = threading.Thread(target=write)
    thread.start()
    assert read_within(pipe, most=MOST, seconds=LONG) == b"".join(pieces)
    thread.join()


def test_a_pipe_that_holds_too_much_is_not_read_to_its_end(pipe: Path) -> None:
    holder = os.open(pipe, os.O_RDWR)
    try:
        os.write(holder, b"x" * 11)
        with pytest.raises(TooLargeError):
            read_within(pipe, most=10, seconds=LONG)
    finally:
        os.close(holder)


def test_a_descriptor_is_read_where_it_stands_and_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"first second")
    handle = os.open(path, os.O_RDONLY)
    try:
        assert os.read(handle, 6) == b"first "
        assert read_within(handle, most=MOST, seconds=LONG) == b"second"
        assert os.lseek(handle, 0, os.SEEK_CUR) == 12
    finally:
        os.close(handle)


def test_a_descriptor_that_waits_for_more_ends_in_time_and_stays_as_it_was() -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"half")
        with pytest.raises(TimeoutError):
            read_within(reader, most=MOST, seconds=SHORT)
        assert os.get_blocking(reader)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_small_file_takes_little_room_however_much_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    tracemalloc.start()
    try:
        assert read_within(path, most=1 << 40, seconds=LONG) == b"x"
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [0, MOST + 1])
def test_no_file_stays_open(tmp_path: Path, pipe: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    before = open_files()
    for place in (path, pipe, tmp_path):
        try:
            read_within(place, most=MOST, seconds=SHORT)
        except (OSError, TooLargeError):
            continue
    assert open_files() - before == Counter()
