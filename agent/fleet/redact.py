"""Redact a fleet. The document and the rows of a table get the same masks."""

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
"""How the identifying columns of a table are masked."""
_SHARED: Final[Mask] = get_args(SharedName)[1]
_KEPT: Final = "".join(map(chr, range(0x20, 0x7F))).translate(dict.fromkeys(map(ord, "%|<")))
"""Characters that are not percent-encoded in a key (`agent.report.host_record`)."""


class FleetRedactor(DocumentRedactor):
    """The masks of one fleet. `files` has the names of files that may be quoted in sentences."""

    def __init__(self, document: FleetDocument, files: Iterable[str] = ()) -> None:
        super().__init__(document, (*_sensitive(document), *(("file", file) for file in files)))
        self._fleet = document

    def document(self) -> FleetDocument:
        """Return the document with masks in place of everything that shows who somebody is."""
        masked: FleetDocument = self.run()
        causes = zip(masked.causes, self._fleet.causes, strict=True)
        groups = zip(masked.groups, self._fleet.groups, strict=True)
        changes = zip(masked.changes, self._fleet.changes, strict=True)
        return replace(
            masked,
            redacted=True,
            causes=tuple(replace(new, key=self.key(old.key), ticket=self.key(old.ticket)) for new, old in causes),
            groups=tuple(replace(new, keys=tuple(map(self.key, old.keys))) for new, old in groups),
            # A reason may quote names that no field has, so they would not be masked.
            suppressed=tuple(replace(one, reason=None) for one in masked.suppressed),
            changes=tuple(replace(new, key=self.key(old.key), ticket=self.key(old.ticket)) for new, old in changes),
        )

    def key(self, text: str) -> str:
        """Return the key of a cause with masks. A key has the code, then `kind=id` for each subject,
        percent-encoded."""
        code, *parts = text.split("|")
        return "|".join((code, *map(self._part, parts)))

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row of a table with masks. The sentences of a host are left out. They may quote names that are in no
        field, which would not be masked."""
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
        """Return attributes with masked values, in the form of `agent.fleet.table`."""
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
    """Yield the texts to mask, each with the kind of its mask. Ids of subjects are not among them, since they are
    masked by their form, as in sentences. Names that somebody chose are among them."""
    bare = replace(document, causes=tuple(replace(cause, subjects=()) for cause in document.causes))
    yield from sensitive_fields(bare)
    for cause in document.causes:
        yield from chosen_subjects(cause.subjects)
