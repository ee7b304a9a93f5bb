"""Records as rows of the tables."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from agent.fleet.store import RECORD_COLUMNS, Read
from agent.formats.host import HostRecord

Row = tuple[Any, ...]
_LISTS: Final = {
    "group": "security_groups",
    "endpoint": "endpoints",
    "resolver": "resolvers",
    "service": "services",
}


def rows_of(read: Read, id_: int) -> dict[str, list[Row]]:
    """The rows of a record, by table."""
    return {
        "record": [_record_row(read, id_)],
        "cause": list(_cause_rows(read.record.causes, id_)),
        "symptom": list(_symptom_rows(read.record.symptoms, id_)),
        "attribute": list(_attribute_rows(read.record, id_)),
    }


def key_of(code: str, ids: Iterable[str]) -> str:
    """The key of a cause: its code and its ids, each `kind=id` as the record has them."""
    return "|".join((code, *ids))


def _record_row(read: Read, id_: int) -> Row:
    values = {"sweep": read.sweep, "place": read.place}
    every = (values.get(name, getattr(read.record, name, None)) for name in RECORD_COLUMNS)
    return (id_, *(int(value) if isinstance(value, bool) else value for value in every), 1)


def _cause_rows(causes: Iterable[str], id_: int) -> Iterator[Row]:
    for rank, cause in enumerate(causes):
        severity, code, target, *ids = cause.split("|")
        yield id_, rank, severity, code, target, key_of(code, ids)


def _symptom_rows(symptoms: Iterable[str], id_: int) -> Iterator[Row]:
    for symptom in symptoms:
        (code, _, *ids), (cause_code, _, *cause_ids) = (part.split("|") for part in symptom.split(" < "))
        yield id_, code, key_of(code, ids), key_of(cause_code, cause_ids)


def _attribute_rows(record: HostRecord, id_: int) -> Iterator[Row]:
    for name, field in _LISTS.items():
        for value in getattr(record, field):
            yield id_, name, value
