"""A history for other programs: a row of CSV, or lines of JSON, for each cycle."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from agent.history.model import ChangeRow, CycleRow
from agent.report.escape import spreadsheet_line
from agent.report.serialization import to_json

COLUMNS: Final = (
    *("cycle", "series", "run_id", "started_at", "finished_at", "complete", "status", "path", "access"),
    *("findings", "lost_before", "report", "summary"),
)


def as_csv(cycles: Iterable[CycleRow]) -> Iterator[str]:
    """Yield the header, then a row for each cycle. A cell that a spreadsheet would compute has an apostrophe in
    front."""
    yield _line(COLUMNS)
    for cycle in cycles:
        outline = cycle.outline
        yield _line(
            (
                *(cycle.id, cycle.series, cycle.run_id, to_json(cycle.started_at), to_json(cycle.finished_at)),
                *("true" if cycle.complete else "false", outline.status, outline.path, outline.access),
                " ".join(finding.id for finding in outline.findings),
                *(cycle.lost, cycle.report, outline.summary),
            )
        )


def as_ndjson(cycles: Iterable[CycleRow], changes: Iterable[ChangeRow]) -> Iterator[str]:
    """Yield for each cycle a line of type `cycle` with its steps, then one of type `change` for each of its changes."""
    later = iter(changes)
    change = next(later, None)
    for cycle in cycles:
        document = to_json(cycle)
        outline = document.pop("outline")
        seconds = document.pop("seconds")
        steps = [{**step, "seconds": time} for step, time in zip(outline.pop("steps"), seconds, strict=True)]
        yield _dumps({"type": "cycle", **document, **outline, "steps": steps})
        while change is not None and change.cycle <= cycle.id:
            yield _dumps({"type": "change", **to_json(change)})
            change = next(later, None)


def _line(cells: Iterable[object]) -> str:
    return spreadsheet_line(map(str, cells))


def _dumps(values: Any) -> str:
    return json.dumps(values, allow_nan=False) + "\n"
