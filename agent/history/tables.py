"""The tables of a history, version by version.

A cycle is one row that contains only its times. Data that several cycles share is kept once: the result of each step
(`step`), the judgement (`outcome`), and both together (`outline`). A whole report is kept after a change, and later
cycles with the same result refer to it. Ids of cycles grow with time, and a report has the id of its cycle.
"""

from typing import Final

APPLICATION_ID: Final = 0x626B6C68
"""The application id in the header of the file (SQLite's file format, section 1.3.14): `bklh`."""
VERSIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # `state` is JSON; `conclusion` is that of the last cycle of the series.
        "CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT, conclusion BLOB)",
        # A list of JSON: step, target, address, port, resolver, operation, status, kind, code.
        "CREATE TABLE step (id INTEGER PRIMARY KEY, content TEXT NOT NULL UNIQUE)",
        # A list of JSON: status, path, access, summary, findings.
        "CREATE TABLE outcome (id INTEGER PRIMARY KEY, content TEXT NOT NULL UNIQUE)",
        # `steps` are ids of `step` with four bytes each, the lowest byte first, compressed by zlib.
        "CREATE TABLE outline (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, outcome INTEGER NOT NULL, "
        "steps BLOB NOT NULL)",
        # Times are milliseconds since 1970. `seconds` has a binary16 (IEEE 754) for each step of the outline: three
        # digits in two bytes; NaN for a step that was not made.
        "CREATE TABLE cycle (id INTEGER PRIMARY KEY, series INTEGER NOT NULL, run_id TEXT NOT NULL, "
        "started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL, stands INTEGER, complete INTEGER NOT NULL, "
        "lost INTEGER NOT NULL, outline INTEGER NOT NULL, report INTEGER NOT NULL, seconds BLOB NOT NULL)",
        "CREATE INDEX cycle_report ON cycle (report)",
        # `content` is the report's JSON, compressed by zlib.
        "CREATE TABLE report (id INTEGER PRIMARY KEY, series INTEGER NOT NULL, conclusion BLOB NOT NULL, "
        "started_at INTEGER NOT NULL, content BLOB NOT NULL)",
        "CREATE INDEX report_conclusion ON report (series, conclusion)",
        # `document` is the JSON of a change.
        "CREATE TABLE change (id INTEGER PRIMARY KEY, cycle INTEGER NOT NULL, document TEXT NOT NULL)",
        "CREATE INDEX change_cycle ON change (cycle)",
    ),
)
"""The statements that make each version from the version before it; the first version is made from an empty file. A
released entry of this list never changes. A new version is a new entry."""
