"""Records as rows of the tables."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from agent.fleet.store import RECORD_COLUMNS

Row = tuple[Any, ...]
LISTS: Final = {
    "group": "security_groups",
    "endpoint": "endpoints",
    "resolver": "resolvers",
    "service": "services",
}
"""What the table of attributes calls the lists of a record."""
_OWN: Final = RECORD_COLUMNS[2:]
"""Columns that are fields of a record."""


def rows_of(record: Mapping[str, Any], id_: int, *, sweep: str | None, place: str) -> dict[str, list[Row]]:
    """The rows of a record in the types of JSON, by table."""
    values = (int(value) if isinstance(value, bool) else value for value in (record[name] for name in _OWN))
    return {
        "record": [(id_, sweep, place, *values, int("causes" in record["cut"]), 1)],
        "cause": list(_cause_rows(record["causes"], id_)),
        "symptom": list(_symptom_rows(record["symptoms"], id_)),
        "attribute": [(id_, name, value) for name, field in LISTS.items() for value in record[field]],
    }


def key_of(code: str, ids: Iterable[str]) -> str:
    """The key of a cause: its code and its ids, each `kind=id` as the record has them."""
    return "|".join((code, *ids))


def _cause_rows(causes: Iterable[str], id_: int) -> Iterator[Row]:
    for rank, cause in enumerate(causes):
        severity, code, target, *ids = cause.split("|")
        yield id_, rank, severity, code, target, key_of(code, ids)


def _symptom_rows(symptoms: Iterable[str], id_: int) -> Iterator[Row]:
    for symptom in symptoms:
        (code, _, *ids), (cause_code, _, *cause_ids) = (part.split("|") for part in symptom.split(" < "))
        yield id_, code, key_of(code, ids), key_of(cause_code, cause_ids)
