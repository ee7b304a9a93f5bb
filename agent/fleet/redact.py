"""A fleet without what tells whose it is: one table of masks for the document and for the rows of a table."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, get_args
from urllib.parse import quote, unquote

from agent.fleet.attributes import Attribute
from agent.fleet.model import FleetDocument
from agent.report.redact import CHOSEN, DocumentRedactor, chosen_subjects, sensitive_fields
from probes.masks import AvailabilityZoneId, FilePlace, FleetHost, Mask, Owner, ResourceId, SharedName

_ROW: Final = {
    name: get_args(annotation)[1]
    for name, annotation in (
        ("host", FleetHost),
        ("region", SharedName),
        ("account", Owner),
        ("vpc", ResourceId),
        ("subnet", ResourceId),
        ("zone", AvailabilityZoneId),
        ("image", ResourceId),
        ("instance_type", SharedName),
        ("tool", SharedName),
        ("place", FilePlace),
    )
}
"""What becomes of the columns of a table that identify."""
_SHARED: Final[Mask] = get_args(SharedName)[1]
_KEPT: Final = "".join(map(chr, range(0x20, 0x7F))).translate(dict.fromkeys(map(ord, "%|<")))
"""What stands in a part of a key as it is (`agent.report.host_record`)."""


class FleetRedactor(DocumentRedactor):
    """The masks of one fleet. `files` are names of files that sentences may quote."""

    def __init__(self, document: FleetDocument, files: Iterable[str] = ()) -> None:
        super().__init__(document, (*_sensitive(document), *(("file", file) for file in files)))
        self._fleet = document

    def document(self) -> FleetDocument:
        """The document with masks in place of all that identifies."""
        masked: FleetDocument = self.run()
        causes = zip(masked.causes, self._fleet.causes, strict=True)
        groups = zip(masked.groups, self._fleet.groups, strict=True)
        changes = zip(masked.changes, self._fleet.changes, strict=True)
        return replace(
            masked,
            redacted=True,
            causes=tuple(replace(new, key=self.key(old.key), ticket=self.key(old.ticket)) for new, old in causes),
            groups=tuple(replace(new, keys=tuple(map(self.key, old.keys))) for new, old in groups),
            # A reason may quote what no field holds.
            suppressed=tuple(replace(one, reason=None) for one in masked.suppressed),
            changes=tuple(replace(new, key=self.key(old.key), ticket=self.key(old.ticket)) for new, old in changes),
        )

    def key(self, text: str) -> str:
        """The key of a cause: its code, then `kind=id` for each subject, percent-encoded."""
        code, *parts = text.split("|")
        return "|".join((code, *map(self._part, parts)))

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row of a table. What a host says of itself in a sentence is left out: it may quote what no field holds."""
        masked = {name: self.text(value) if isinstance(value, str) else value for name, value in row.items()}
        for name, mask in _ROW.items():
            if row[name] is not None:
                masked[name] = self.value(mask, row[name])
        return masked | {
            "cause_key": None if row["cause_key"] is None else self.key(row["cause_key"]),
            "in_common": None if row["in_common"] is None else self._in_common(row["in_common"]),
            "summary": None,
        }

    def _in_common(self, text: str) -> str:
        """Attributes with their values, as `agent.fleet.table` writes them."""
        pairs = (one.partition("=") for one in text.split("; "))
        return "; ".join(f"{name}={self.value(_SHARED, value)}" for name, _, value in pairs)

    def _part(self, part: str) -> str:
        kind, separator, id_ = part.partition("=")
        text = unquote(id_)
        if kind == Attribute.LABEL:
            masked = self.value(_SHARED, text)
        else:
            masked = self.value(Mask(kind), text) if kind in CHOSEN else self.text(text)
        return part if masked == text else f"{kind}{separator}{quote(masked, safe=_KEPT)}"


def _sensitive(document: FleetDocument) -> Iterator[tuple[str, str]]:
    """The texts that are to be masked, by the kind of the mask. Ids of subjects are masked by their form, like those
    in sentences; what somebody chose is named here."""
    bare = replace(document, causes=tuple(replace(cause, subjects=()) for cause in document.causes))
    yield from sensitive_fields(bare)
    for cause in document.causes:
        yield from chosen_subjects(cause.subjects)
