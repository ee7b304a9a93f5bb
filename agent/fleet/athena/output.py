"""The rows that Athena gave, for people and for programs."""

import csv
import io
import json
from typing import Final

from agent.fleet.athena.run import Answer
from agent.report.escape import visible

_WIDEST: Final = 60
"""Characters of a column in text."""
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""With which a spreadsheet takes a text for a formula."""


def render(answer: Answer, wanted: str) -> str:
    """The rows as `text`, `json` or `csv`."""
    if wanted == "json":
        rows = [dict(zip(answer.columns, row, strict=False)) for row in answer.rows]
        document = {"query": answer.id, "scanned_bytes": answer.scanned_bytes, "rows": rows}
        return json.dumps(document, indent=2) + "\n"
    if wanted == "csv":
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows([[_safe(visible(cell or "")) for cell in row] for row in answer.rows])
        return written.getvalue()
    return _text(answer)


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _text(answer: Answer) -> str:
    rows = [[visible(cell or "-")[:_WIDEST] for cell in row] for row in (answer.columns, *answer.rows)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(answer.columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append(f"({len(answer.rows):,} rows; {answer.scanned_bytes:,} bytes scanned)")
    return "\n".join(lines) + "\n"
