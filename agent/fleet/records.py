"""Read the content of files: one or many reports and records. There may be other text between them."""

import gzip
import io
import json
import re
import time
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from agent.catalog.wording import why_no_json
from agent.fleet.places import Folder, folder_of, node_of
from agent.fleet.reports import record_of_document
from agent.fleet.store import Piece, Source
from agent.report.host_record import SCHEMA, checked, compact, plain
from agent.report.model import SCHEMA as REPORT
from agent.report.serialization import DecodeError

MAX_DOCUMENT: Final = 8 << 20
"""Maximum size of a report in bytes. The report of a host with a hundred endpoints has one MiB."""
MAX_CONTENT: Final = 4 << 30
"""Maximum unpacked size of a file in bytes. Two million records fit into it."""
MAX_FAILED: Final = 8
"""Maximum number of unreadable places that are listed for one source. Further places are only counted."""
MAX_IDLE: Final = 10_000
"""Maximum number of successive lines or documents that are not a record. After them, the rest of a source is not
read."""
MAX_RATIO: Final = 200
"""Maximum ratio of unpacked to packed size. It applies to the bytes beyond MAX_DOCUMENT. Records have a ratio of about
25."""
MAX_SECONDS: Final = 300.0
"""Time limit in seconds for one source. Two million records take a third of this time."""
GZIP: Final = b"\x1f\x8b"
_TOO_IDLE: Final = f"has more than {MAX_IDLE:,} lines without a record; the rest was not read"
_TOO_LATE: Final = f"takes longer than {MAX_SECONDS:g} s; the rest was not read"
_TOO_LONG: Final = (
    f"is longer than {MAX_DOCUMENT >> 20} MiB, the limit of a report, or its file is longer than "
    f"{MAX_CONTENT >> 30} GiB"
)

_NODE: Final = re.compile(r"(m?i)-[0-9a-f]{8,17}")
"""The id of a Systems Manager node: an instance, or a machine that was registered by an activation."""
_EVENTS: Final = frozenset({"run", "observation", "finding"})
"""Lines that `--format ndjson` writes before the report."""
INSTANCES: Final = "InstanceInformationList"
RESERVATIONS: Final = "Reservations"
"""Keys in the output of `aws ssm describe-instance-information` and `aws ec2 describe-instances`."""


def pieces_of(source: Source, stream: BinaryIO) -> Iterator[Piece]:
    """Yield the records of a source, and the parts that are not records, in their order. The last piece is marked. If
    the source is a list of hosts, such as an inventory in the same folder, there are no pieces. Raises only the OSError
    of the stream."""
    held: Piece | None = None
    for piece in _pieces_of(source, stream):
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held._replace(last=True)


def _pieces_of(source: Source, stream: BinaryIO) -> Iterator[Piece]:
    position, failed, idle, more, last = 0, 0, 0, 0, ""
    until = time.monotonic() + MAX_SECONDS
    folder, node, name = folder_of(source.name), node_of(source.name), source.escaped_name

    def piece(number: int | None, text: str | None, why: str | None, times: int = 1) -> Piece:
        place = name if number is None else f"{name}:{number}"
        return Piece(name, source.tag, position, place, source.sweep, text, why, times, last=False)

    for number, document, problem in _documents(stream):
        if number is None and problem is None and is_inventory(document):
            return
        is_empty = True
        for text, why in _lines_of(document, folder, node) if problem is None else [(None, problem)]:
            is_empty = False
            idle = 0 if text is not None else idle + 1
            failed += text is None
            if text is None and failed > MAX_FAILED:
                more, last = more + 1, why or ""
                if idle > MAX_IDLE:
                    break
                continue
            yield piece(number, text, why)
            position += 1
        idle += is_empty
        if idle > MAX_IDLE or time.monotonic() > until:
            yield piece(None, None, _TOO_IDLE if idle > MAX_IDLE else _TOO_LATE, max(more, 1))
            return
    if more:
        yield piece(None, None, f"{more:,} more of its documents cannot be read either; the last one: {last}", more)
    elif position == 0:
        yield piece(None, None, "holds no report and no record")


def is_inventory(document: Any) -> bool:
    """Whether a document is a list of hosts, as `agent.fleet.inventory` reads them. Such a list cannot contain a
    record."""
    if isinstance(document, dict):
        return "schema" not in document and any(isinstance(document.get(k), list) for k in (INSTANCES, RESERVATIONS))
    return isinstance(document, list) and bool(document) and all(isinstance(entry, str) for entry in document)


def _lines_of(document: Any, folder: Folder | None, node: str | None) -> Iterator[tuple[str | None, str | None]]:
    """Yield the lines of a document's records. The document is a record, a report, or a list of records and reports.
    There are no lines for an event of a run, since the report of the run follows."""
    for each in document if isinstance(document, list) else (document,):
        if isinstance(each, dict) and each.get("type") in _EVENTS:
            continue
        try:
            yield line_of(each, folder, node), None
        except DecodeError as error:
            yield None, str(error)
        except RecursionError:
            yield None, "is nested too deep for a report"


def line_of(document: Any, folder: Folder | None, node: str | None = None) -> str:
    """Return a record, or the record of a report, as a line of JSON with the values that the tables take. `folder` has
    the values from the path. Raises DecodeError."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema == SCHEMA:
        return _line_of_record(checked(document), folder, node)
    if schema == REPORT:
        return _line_of_record(checked(plain(record_of_document(document))), folder, node)
    if isinstance(schema, str) and schema.startswith("backuplink."):
        raise DecodeError("", f"this is a {schema[:40]!a}, and neither a {REPORT} nor a {SCHEMA}")
    raise DecodeError("", "this is neither a report nor a record of backuplink")


def _line_of_record(record: dict[str, Any], folder: Folder | None, node: str | None) -> str:
    """Return a checked record as a line of JSON, with the account and the Region of its folder. An account can write
    only into its own folder. Raises DecodeError if the record has another account or Region, even if it is redacted."""
    if node is not None:
        record = of_node(record, node)
    if folder is not None:
        known = {"account": folder.account, "region": folder.region}
        for name, value in known.items():
            if record[name] not in (value, None):
                raise DecodeError(name, f"this is {record[name][:40]!a}, but its folder is for {value}")
        if not record["redacted"]:
            record |= known
    return compact(record)


def of_node(record: dict[str, Any], node: str) -> dict[str, Any]:
    """Return the record that a Systems Manager node printed. The node counts as the host of the record, even if the
    record has another name for the host. Raises DecodeError if the record has the id of another node."""
    host, own = record["host"], _NODE.fullmatch(node)
    if record["redacted"] or own is None or host == node:
        return record
    other = None if host is None else _NODE.fullmatch(host)
    if other is not None and other[1] == own[1]:
        raise DecodeError("host", f"this is {host[:40]!a}, and {node} printed it")
    return {**record, "host": node}


# --- Documents -------------------------------------------------------------------------------------------------------


def _documents(stream: BinaryIO) -> Iterator[tuple[int | None, Any, str | None]]:
    """Yield the documents of a file. Each comes with the line on which it begins (None if it is the whole file), and
    with the reason if it cannot be read."""
    plain: Any = _Unpacked(stream) if _is_packed(stream) else stream
    try:
        data = plain.read(MAX_DOCUMENT)
        if len(data) < MAX_DOCUMENT:
            document, problem = _parsed(data)
            if problem is None:
                yield None, document, None
                return
        yield from _of_lines(data, plain)
    except _TooDenseError:
        yield None, None, f"is packed more than {MAX_RATIO} times as densely as records are; the rest was not read"
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield None, None, f"cannot be unpacked: {error}"


class _TooDenseError(Exception):
    """The content was packed far more densely than records are."""


class _Unpacked(gzip.GzipFile):
    """Unpacks gzip. Raises _TooDenseError if the content was packed far more densely than records are."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(fileobj=stream)
        self._most = MAX_DOCUMENT + MAX_RATIO * stream.seek(0, io.SEEK_END)
        stream.seek(0)

    def read(self, size: int | None = -1) -> bytes:
        return self._counted(super().read(size))

    def readline(self, size: int | None = -1) -> bytes:
        return self._counted(super().readline(size))

    def _counted(self, data: bytes) -> bytes:
        self._most -= len(data)
        if self._most < 0:
            raise _TooDenseError
        return data


def _of_lines(data: bytes, rest: BinaryIO) -> Iterator[tuple[int | None, Any, str | None]]:
    """Yield documents. A document takes one line, or is printed with an indent on several lines from `{` to `}`."""
    whole: list[bytes] = []  # the lines of a document that is not complete yet
    start, size, is_junk, idle = 0, 0, False, 0
    for number, text in enumerate(_lines(data, rest), 1):
        if text is None:
            yield number, None, _TOO_LONG
            return
        begins = text[:1] in (b"{", b"[")
        idle = 0 if begins or whole else idle + 1
        if idle > MAX_IDLE:
            yield number, None, _TOO_IDLE
            return
        if whole:
            if not begins:
                whole.append(text)
                size += len(text)
                if size > MAX_DOCUMENT:
                    yield start, None, _TOO_LONG
                    whole = []
                elif text.rstrip() in (b"}", b"]"):
                    yield start, *_parsed(b"".join(whole))
                    whole = []
                continue
            yield start, None, "is cut off"
            whole = []
        stripped = text.strip()
        if not stripped:
            continue
        if begins and stripped in (b"{", b"["):
            whole, start, size = [text], number, len(text)
        elif begins:
            yield number, *_parsed(stripped)
        elif not is_junk:
            yield number, None, "is not JSON"
        is_junk = not begins
    if whole:
        yield start, None, "is cut off"


def _lines(data: bytes, rest: BinaryIO) -> Iterator[bytes | None]:
    """Yield the lines of the bytes that were read before, and then of the rest. If a line is too long, None is yielded,
    and reading ends."""
    *lines, tail = data.splitlines(keepends=True) or [b""]
    yield from lines
    if tail.endswith(b"\n") or len(data) < MAX_DOCUMENT:
        yield tail
        tail = b""
    total = len(data)
    while text := rest.readline(MAX_DOCUMENT):
        total += len(text)
        if total > MAX_CONTENT or len(tail) + len(text) > MAX_DOCUMENT:
            yield None
            return
        text, tail = tail + text, b""
        yield text
    if tail:
        yield tail


def _parsed(data: bytes) -> tuple[Any, str | None]:
    try:
        return json.loads(data.decode("utf-8-sig")), None
    except UnicodeDecodeError:
        return None, "is not UTF-8 text"
    except RecursionError:
        return None, "is nested too deep for a report"
    except ValueError as error:  # a JSON error, or a number with more digits than Python reads
        return None, why_no_json(error)


def _is_packed(stream: BinaryIO) -> bool:
    """Whether the stream is gzip. Afterwards the stream is at its beginning."""
    start = stream.read(2)
    stream.seek(0)
    return start == GZIP
