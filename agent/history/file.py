"""Open the file of a history, check it, and bring an older version up to date.

If another program left a file half written, SQLite changes the file when it opens it. SQLite therefore opens a file
only after the header proves that the file is a history.
"""

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from agent.history.model import DiskError, HistoryError
from agent.history.tables import APPLICATION_ID, VERSIONS
from agent.process.write_file import own_private_file

BUSY_SECONDS: Final = 5.0
"""Maximum wait for another writer, whose transactions take only milliseconds."""
WAL_PAGES: Final = 256
"""Number of pages of 4 KiB that the write-ahead log may have before they are moved to the file itself."""
_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 100
"""Length of the header in bytes (SQLite's file format, section 1.3)."""
_APPLICATION_ID: Final = slice(68, 72)
_OF_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO)

Versions = Sequence[Sequence[str]]


def opened_for_writing(path: Path, versions: Versions = VERSIONS) -> sqlite3.Connection:
    """Return a connection to a history. A missing file is created, readable only by its owner; a file of an older
    version is brought up to date. Raises HistoryError if the file is not a history, and leaves it unchanged."""
    with in_words():
        place = own_private_file(path)
        _check_header(path, may_be_empty=True)
        connection = _connected(place, "rw")
        try:
            _migrate(connection, versions)
            # The log survives kill -9, and readers and the writer do not wait for each other.
            if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
                raise HistoryError("this file system keeps no history: SQLite has no write-ahead log there")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_PAGES << 12}")
            _check_tables(connection, versions)
        except BaseException:
            connection.close()
            raise
        return connection


def opened_for_reading(path: Path, versions: Versions = VERSIONS) -> sqlite3.Connection:
    """Return a connection that cannot change the history; another process may write the file at the same time. An older
    version is read into memory, and brought up to date there. Raises HistoryError."""
    with in_words():
        _check_header(path, may_be_empty=False)
        connection = _connected(path, _mode_of_reading(Path(os.path.realpath(path))))
        try:
            if _version(connection, versions) < len(versions):
                copy = sqlite3.connect(":memory:", isolation_level=None)
                connection.backup(copy)
                connection.close()
                connection = copy
                _migrate(connection, versions)
            connection.execute("PRAGMA query_only = ON")
            _check_tables(connection, versions)
        except BaseException:
            connection.close()
            raise
        return connection


def _mode_of_reading(path: Path) -> str:
    """Return the mode in which SQLite opens a history that is only read."""
    if path.with_name(f"{path.name}-wal").exists():
        return "ro"  # other processes have it open, or were killed: the files that they share stay
    if os.access(path.parent, os.W_OK) and os.access(path, os.W_OK):
        return "rw"  # `rw` removes the files that readers and writers share; `ro` would leave them
    # A folder that cannot be written has no room for shared files, and nobody writes the history in it.
    return "ro" if os.access(path.parent, os.W_OK) else "ro&immutable=1"


@contextmanager
def in_words() -> Iterator[None]:
    """Turn errors in the block into HistoryError."""
    try:
        yield
    except sqlite3.Error as error:
        kind = DiskError if _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) else HistoryError
        raise kind(_why(error)) from error
    except OSError as error:
        kind = DiskError if error.errno in _OF_DISK else HistoryError
        raise kind(error.strerror or str(error)) from error
    except ValueError as error:  # a path with a NUL
        raise HistoryError(str(error)) from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _why(error: sqlite3.Error) -> str:
    code = _code(error)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f"the history is damaged ({error}); move the file away, and a new one is made"
    if code == sqlite3.SQLITE_BUSY:
        return f"another process has locked the history for more than {BUSY_SECONDS:g} s"
    if code == sqlite3.SQLITE_FULL:
        return os.strerror(errno.ENOSPC)
    if code == sqlite3.SQLITE_IOERR:  # also if there is no room for the shared files of writers and readers
        return f"the disk is full, or it fails ({error})"
    return str(error)


def _check_header(path: Path, *, may_be_empty: bool) -> None:
    """Check that a file is a history. Raises HistoryError if it is not, and OSError if it cannot be read."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if stat.S_ISDIR(mode := os.fstat(handle).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        header = os.read(handle, _HEADER) if stat.S_ISREG(mode) else b"-"
    finally:
        os.close(handle)
    if not header and may_be_empty:
        return
    if (
        len(header) < _HEADER
        or not header.startswith(_MAGIC)
        or int.from_bytes(header[_APPLICATION_ID], "big") != APPLICATION_ID
    ):
        raise HistoryError("is not a history of backuplink; it is left as it is")


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    # One thread at a time uses the connection, but not always the same thread.
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(os.path.abspath(path)))}?mode={mode}",  # noqa: PTH100 - links stay as they are
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    # Somebody else may have made the file (SQLite, Defense Against The Dark Arts).
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _version(connection: sqlite3.Connection, versions: Versions) -> int:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if not 0 <= version <= len(versions):
        raise HistoryError(
            f"was written by a newer version of backuplink (the file has form {version}, this version "
            f"knows forms up to {len(versions)}); it is left as it is"
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, versions: Versions) -> None:
    """Bring a history to the newest version, completely or not at all."""
    if _version(connection, versions) == len(versions):
        return
    with transaction(connection, "BEGIN"):
        # This setting works only before the first page is written, and writes that page. It is therefore inside the
        # transaction and under its lock: nobody finds a database that is not yet a history, not even after a kill.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # The version is read again: another process may have been faster.
        for number in range(_version(connection, versions), len(versions)):
            for statement in versions[number]:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(versions)}")


def _check_tables(connection: sqlite3.Connection, versions: Versions) -> None:
    """Check that the tables are those of this version. There is then no view, trigger or virtual table that could run
    code, and only the rows can come from somebody else. Raises HistoryError otherwise, and sqlite3.Error if the end of
    a table is damaged."""
    expected = sqlite3.connect(":memory:", isolation_level=None)
    try:
        _migrate(expected, versions)
        if _tables(connection) != _tables(expected):
            raise HistoryError("does not have the tables of a history; it is left as it is")
        for name in ("series", "step", "outcome", "outline", "cycle", "report", "change"):
            connection.execute(f"SELECT * FROM {name} ORDER BY id DESC LIMIT 1").fetchall()  # noqa: S608 - names of ours
    finally:
        expected.close()


def _tables(connection: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    return set(connection.execute("SELECT type, name, sql FROM sqlite_master"))


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Make everything in the block one transaction. Other writers wait until it ends. After a plain `BEGIN`, they only
    wait from the first write on."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
