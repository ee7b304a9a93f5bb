"""The explanation of known log lines, for programs."""

from typing import Any

from agent.catalog.findings import CODES
from agent.catalog.text_search import SearchResult, TextMatch, shown
from agent.formats.explain import SCHEMA
from agent.report.codec import dumps
from agent.report.secrets import without_secrets


def as_json(result: SearchResult) -> str:
    """Return the matches as one JSON object. Without matches, it has the next command to run."""
    command = None if result.matches else result.next_command
    return dumps(
        {
            "schema": SCHEMA,
            "lines": result.lines,
            "lines_cut": result.cut,
            "texts_left_out": result.left_out,
            "texts": [_row(match) for match in result.matches],
            "next_command": None if command is None else list(command),
        }
    )


def _row(match: TextMatch) -> dict[str, Any]:
    known = match.known
    host = match.host
    return {
        "id": known.id,
        "text": shown(match.pattern),
        "written_by": known.writer,
        "line": without_secrets(match.line),
        "line_number": match.number,
        "line_count": match.lines,
        "means": known.means,
        "host": None if host is None else {"name": host.host, "service": host.service, "region": host.region},
        "unknown_host": match.unknown_host,
        "address": None if match.address is None else {"address": str(match.address), "hint": match.hint},
        "findings": [
            {"code": code, "name": CODES[code].name, "severity": CODES[code].severity, "title": CODES[code].title}
            for code in match.codes
        ],
        "has_network_cause": known.has_network_cause,
        "command": None if match.command is None else list(match.command),
        "services_not_checked": list(match.unchecked),
        "advice": known.advice or None,
        "source": known.source,
        "certainty": known.certainty,
    }
