"""Writes the rows to a terminal, as JSON, and to the page `docs/development/performance.md`."""

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.bench.promise import Row

PAGE: Final = Path(__file__).parents[2] / "docs" / "development" / "performance.md"
BEGIN: Final = "<!-- Written by ./dev bench --record; edit outside of these two lines. -->"
END: Final = "<!-- End of what ./dev bench --record writes. -->"
_NEW_PAGE: Final = f"# Performance\n\n{BEGIN}\n{END}\n\n## Which goals are missed, and why\n"
_HOW: Final = """\
Every figure is the median of at least five ratios. For each ratio, two things were measured in turn in one run (A B A B
…); the first round of each does not count. What is given in milliseconds has no counterpart. CPU is user
and system time of the process and its children, by wait4(2) of a small process beside it; peak memory is that of the
largest process, by the same. Networks are namespaces made for the run, without a way out. A distance of 20 ms is a
relay that keeps every packet for 10 ms each way, the same for both sides; link-local addresses (metadata, one of three
resolvers) stay near, as they are on an instance. `check` writes its report in JSON. To measure again:
`./dev bench --rivals --record`."""


def table(rows: Sequence[Row]) -> str:
    """Lines for a terminal."""
    texts = [(row.what, _beside(row), row.goal, _figure(row), _met(row), row.note) for row in rows]
    widths = [max(len(text[place]) for text in texts) for place in range(5)] if texts else []
    lines = []
    for text in texts:
        cells = [cell.ljust(width) for cell, width in zip(text, widths, strict=False)]
        lines.append("  ".join((*cells, text[5])).rstrip())
    return "".join(f"{line}\n" for line in lines)


def write_json(rows: Sequence[Row], file: Path) -> None:
    """Write the rows as JSON, one object each."""
    file.write_text(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n", "utf-8")


def write_page(rows: Sequence[Row], page: Path = PAGE) -> None:
    """Write the rows between the two marks of the page, and keep the text around them. Raises ValueError if a page
    exists without its marks.
    """
    text = page.read_text("utf-8") if page.exists() else _NEW_PAGE
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has lost the two lines between which the rows stand")
    page.write_text(f"{before}{BEGIN}\n{_generated(rows)}\n{END}{after}", "utf-8")


def _generated(rows: Sequence[Row]) -> str:
    cells = [(row.what, row.against, row.goal, _figure(row), _met(row), row.note) for row in rows]
    lines = ["| what | against | goal | figure | met | beside it |", "|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    return "\n".join([_machine(), "", *lines, "", _HOW])


def _machine() -> str:
    """Date and machine in one sentence."""
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    model = match[1].strip() if match else platform.machine()
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with {os.cpu_count()} cores of {model}, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}."
    )


def _beside(row: Row) -> str:
    return f"against {row.against}" if row.against else ""


def _figure(row: Row) -> str:
    return row.figure or "none"


def _met(row: Row) -> str:
    return "" if row.met is None else "yes" if row.met else "no"
