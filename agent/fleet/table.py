"""A fleet as a table in CSV and Parquet with one row for each host and cause. Hosts that are well, and hosts not heard
from, have one row without a cause.

A row has the place and the state of the host and the cause, so no join is needed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from agent.catalog.findings import CODES
from agent.fleet.model import FleetCause, FleetDocument
from agent.report.escape import spreadsheet_line, visible

if TYPE_CHECKING:
    from agent.fleet.database import Database

_OF_RECORD: Final = (
    *("sweep", "taken_at", "host", "region", "account", "vpc", "subnet", "zone", "image", "instance_type", "tool"),
    *("status", "path", "access", "complete", "redacted", "summary", "place"),
)
FLAGS: Final = frozenset({"complete", "redacted", "shared", "counted", "by_symptom"})
NUMBERS: Final = frozenset({"exposed"})
COLUMNS: Final = (
    *_OF_RECORD,
    *("code", "name", "severity", "title", "cause_key", "shared", "counted", "by_symptom"),
    *("named_by", "in_common", "exposed", "since"),
)
"""`shared`: whether hosts share the cause; otherwise it is a fault of this host alone. `counted`: whether the host
counts at this cause. `by_symptom`: whether the host saw only the symptom. `in_common`: values that the hosts with the
cause have and the other hosts do not have, such as `image=ami-…; zone=euw1-az1`. `exposed`: number of hosts that could
have the cause. `since`: as in the document, without fractions of a second."""
NOT_HEARD_FROM: Final = "not-heard-from"
"""The status of a host without a record in the reported sweep. Its place and time come from its last record."""
_WHERE: Final = ("taken_at", "region", "account", "vpc", "subnet", "zone", "image", "instance_type", "tool", "place")
_BATCH: Final = 2_000
"""Number of rows that are written at once."""

Row = dict[str, Any]
Masked = Callable[[Row], Row]
"""Masks a row before it is written."""


def rows(engine: "Database", document: FleetDocument) -> Iterator[Row]:
    """Yield the rows of the reported sweep by host, and then a row for each silent host. Flags are of type bool, and
    unknown values are None."""
    if document.sweep is None:
        return
    causes = {cause.key: cause for cause in document.causes}
    for values in engine.each("host_row", sweep=document.sweep.id):
        row = dict(zip(_OF_RECORD, values, strict=False))
        key, counted, by_symptom, severity = values[len(_OF_RECORD) :]
        code = None if key is None else key.partition("|")[0]
        known, cause = CODES.get(code or ""), causes.get(key)
        row |= {
            "code": code,
            "name": known.name if known else None,
            "severity": cause.severity.value if cause else severity or (known.severity.value if known else None),
            "title": cause.title if cause else known.title if known else None,
            "cause_key": key,
            "shared": None if key is None else cause is not None,
            "counted": counted,
            "by_symptom": by_symptom,
            **_of_cause(cause),
        }
        yield {name: _as_flag(row[name]) if name in FLAGS else row[name] for name in COLUMNS}
    if document.not_heard_from is not None:
        for host, *last in engine.each("silent_row"):
            said = {"sweep": document.sweep.id, "host": host, "status": NOT_HEARD_FROM}
            yield dict.fromkeys(COLUMNS) | dict(zip(_WHERE, last, strict=True)) | said


def _of_cause(cause: FleetCause | None) -> Row:
    """The columns of a shared cause."""
    if cause is None:
        return dict.fromkeys(("named_by", "in_common", "exposed", "since"))
    values = () if cause.shared is None else cause.shared.values
    return {
        "named_by": cause.named_by.value,
        "in_common": "; ".join(f"{one.attribute.value}={_joinable(one.value)}" for one in values) or None,
        "exposed": cause.exposed_count,
        "since": None if cause.since is None else f"{cause.since:%Y-%m-%dT%H:%M:%SZ}",
    }


def _joinable(value: str) -> str:
    """Return a value without the separator `; `, which a label of the inventory may contain."""
    return value.replace("; ", ";")


def _as_flag(value: Any) -> bool | None:
    return None if value is None else bool(value)


def as_csv(every: Iterable[Row]) -> Iterator[str]:
    """Yield the header, then the rows in batches. No cell starts a formula in a spreadsheet."""
    yield _lines([COLUMNS])
    yield from _pieces([_shown(row[name]) for name in COLUMNS] for row in every)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _pieces(lines: Iterable[Sequence[str]]) -> Iterator[str]:
    piece: list[Sequence[str]] = []
    for line in lines:
        piece.append(line)
        if len(piece) == _BATCH:
            yield _lines(piece)
            piece = []
    yield _lines(piece)


def _lines(lines: Iterable[Sequence[str]]) -> str:
    return "".join(map(spreadsheet_line, lines))


def as_parquet(engine: "Database", every: Iterable[Row], document: FleetDocument) -> bytes:
    """The rows as a Parquet file, with their document in its metadata, so that `fleet` can join answers. Raises
    TemporaryFileError."""
    from agent.fleet.answers import KEY, packed

    engine.run("shown")
    engine.fill("shown", ([_plain(row[name]) for name in COLUMNS] for row in every))
    return engine.write_parquet("FROM shown", note=(KEY, packed(document)))


def _plain(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value
