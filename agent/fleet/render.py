"""Write a fleet in each of its formats. The module of a format is imported when it is used."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agent.fleet import model
from agent.fleet.model import FleetDocument
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.documents.blocks import Document
    from agent.fleet.database import Database
    from agent.fleet.redact import FleetRedactor


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedFleet:
    """A document and the tables from which it was made."""

    document: FleetDocument
    engine: "Database | None" = None
    """The tables; None if nothing was joined."""
    files: tuple[str, ...] = ()
    """Names that the sentences of the document may quote."""
    redactor: "FleetRedactor | None" = None
    """Masks the output; None if nothing is masked."""

    @property
    def shown(self) -> FleetDocument:
        """The document to write: with masks if there is a redactor."""
        return self.document if self.redactor is None else self.redactor.document()


def refusal(why: str) -> JoinedFleet:
    """A fleet without hosts, whose document says why there are none."""
    return JoinedFleet(document=model.refusal(why))


def masked(fleet: JoinedFleet) -> JoinedFleet:
    """The fleet with masks in its document and its rows."""
    from agent.fleet.redact import FleetRedactor

    return replace(fleet, redactor=FleetRedactor(fleet.document, fleet.files))


def as_tree(fleet: JoinedFleet) -> "Document":
    """The document for people."""
    from agent.fleet import content

    return content.document(fleet.shown)


def as_json(fleet: JoinedFleet) -> str:
    """The document as JSON text."""
    return model.dumps(fleet.shown)


def as_metrics(fleet: JoinedFleet) -> str:
    """The metrics of the fleet."""
    from agent.fleet import metrics

    return metrics.render(fleet.shown)


def as_events(fleet: JoinedFleet) -> str:
    """The changes as events; empty if nothing changed."""
    from agent.fleet import events

    return events.render(fleet.shown)


def as_csv(fleet: JoinedFleet) -> Iterator[str]:
    """The rows as CSV in batches; only the header if nothing was joined."""
    from agent.fleet import table

    return table.as_csv(_rows(fleet))


def as_parquet(fleet: JoinedFleet) -> bytes:
    """The rows as a Parquet file. Raises TemporaryFileError, and ValueError if nothing was joined."""
    from agent.fleet import table

    if fleet.engine is None:
        raise ValueError("a file of rows needs the tables of a fleet")
    return table.as_parquet(fleet.engine, _rows(fleet), fleet.shown)


def _rows(fleet: JoinedFleet) -> "Iterator[dict[str, Any]]":
    from agent.fleet import table

    if fleet.engine is None:
        return iter(())
    rows = table.rows(fleet.engine, fleet.document)
    return rows if fleet.redactor is None else map(fleet.redactor.row, rows)
