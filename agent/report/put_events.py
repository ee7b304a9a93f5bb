"""Changes as events of Amazon EventBridge: requests of `aws events put-events`, one a line.

Sources: PutEvents, in the Amazon EventBridge API Reference; Calculating PutEvents event entry size, in its User Guide.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from agent.report.serialization import to_json

SOURCE: Final = "backuplink"
MAX_ENTRIES: Final = 10
"""Maximum number of entries in one request."""
MAX_BYTES: Final = 256 * 1024 - 1
"""Maximum size of all entries of one request together, and therefore of each entry."""
_TIME_BYTES: Final = 14
"""The size that EventBridge counts for the time of an entry."""


def lines(entries: Iterable[dict[str, str]]) -> str:
    """The requests, one a line; empty if nothing changed."""
    return "".join(f"{json.dumps({'Entries': some}, allow_nan=False)}\n" for some in _requests(entries))


def _requests(entries: Iterable[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    waiting: list[dict[str, str]] = []
    size = 0
    for entry in entries:
        if waiting and (len(waiting) == MAX_ENTRIES or size + size_of(entry) > MAX_BYTES):
            yield waiting
            waiting, size = [], 0
        waiting.append(entry)
        size += size_of(entry)
    if waiting:
        yield waiting


def entry_of(detail_type: str, at: datetime, details: Iterable[Any]) -> dict[str, str]:
    """Return an entry with the first of these details that is short enough, or with the last one."""
    entry: dict[str, str] = {}
    for detail in details:
        text = json.dumps(to_json(detail), separators=(",", ":"), allow_nan=False)
        entry = {"Time": str(to_json(at)), "Source": SOURCE, "DetailType": detail_type, "Detail": text}
        if size_of(entry) <= MAX_BYTES:
            break
    return entry


def size_of(entry: dict[str, str]) -> int:
    """The size of an entry in bytes, as EventBridge counts it."""
    return _TIME_BYTES + sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
