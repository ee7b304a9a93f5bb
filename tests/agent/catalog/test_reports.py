"""`explain --text` on problem reports of other people. The tests count the lines that lead to the cause on which the
report's thread agreed.
"""

import sys
import tomllib
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pytest

from agent.catalog.findings import CODES, Layer
from agent.catalog.text_search import SearchResult, search

REPORTS: Final[list[dict[str, Any]]] = tomllib.loads(Path(__file__).with_name("reports.toml").read_text("utf-8"))[
    "report"
]
KINDS: Final = {"network", "credentials", "settings", "rights", "job"}
BEYOND_THE_NETWORK: Final = {"rights", "job"}
NETWORK_LAYERS: Final = {Layer.NAME, Layer.CONNECTION, Layer.TLS, Layer.HTTP, Layer.CONFIGURATION}
RIGHTS: Final = {"VPC008", "VPC013"}
FIRST_CODES: Final = 3
JOBS: Final = ("backuplink", "check", "--jobs")


class Outcome(StrEnum):
    """The result of looking up a line."""

    LED = "led"
    """The cause is among the first codes, or the first meaning names it."""
    PARTLY = "partly"
    """The cause is among other codes but not first, or only another meaning names it."""
    SILENT = "silent"
    """The result names no cause."""
    MISLED = "misled"
    """The result names only other causes, or sends the reader to something that is not involved."""


def outcome(report: dict[str, Any], result: SearchResult) -> Outcome:
    codes = list(dict.fromkeys(code for match in result.matches for code in match.codes))
    meanings = [match.known.means for match in result.matches]
    expected, names = set(report.get("codes", ())), report.get("names", ())
    if report["kind"] in BEYOND_THE_NETWORK and any(map(_is_of_network, codes)):
        return Outcome.MISLED
    if report["kind"] == "job" and not result.matches and result.next_command != JOBS:
        return Outcome.MISLED
    if not result.matches:
        return Outcome.SILENT
    if expected & set(codes[:FIRST_CODES]) or any(words in meanings[0] for words in names):
        return Outcome.LED
    if expected & set(codes) or any(words in meaning for words in names for meaning in meanings):
        return Outcome.PARTLY
    is_denied = report["kind"] == "network" and not any(match.known.has_network_cause for match in result.matches)
    return Outcome.MISLED if codes or is_denied else Outcome.SILENT


def _is_of_network(code: str) -> bool:
    return CODES[code].layer in NETWORK_LAYERS and code not in RIGHTS


def test_the_reports_are_whole() -> None:
    assert Counter(report["set"] for report in REPORTS)["first"] == 37
    assert Counter(report["set"] for report in REPORTS)["second"] >= 60
    sources = [report["source"] for report in REPORTS]
    assert len(set(sources)) == len(sources)
    for report in REPORTS:
        assert report["kind"] in KINDS
        assert report["lines"]
        assert report["cause"].endswith(".")
        assert report.get("codes") or report.get("names"), "nothing would be right"
        assert set(report.get("codes", ())) <= set(CODES)


@pytest.mark.parametrize(("name", "floor"), [("first", 33), ("second", 60), ("third", 12)])
def test_lines_of_other_people_lead_to_the_cause(name: str, floor: int) -> None:
    rows = [(outcome(report, search(report["lines"])), report) for report in REPORTS if report["set"] == name]
    counted = Counter(found for found, _ in rows)
    lines = [f"{name}: " + ", ".join(f"{found} {counted[found]}" for found in Outcome)]
    lines += [f"  {found}: {report['source']}: {report['cause']}" for found, report in rows if found is not Outcome.LED]
    sys.stdout.write("\n".join(("", *lines, "")))  # `./dev test -n 0 -s` shows this output
    assert counted[Outcome.MISLED] == 0
    assert counted[Outcome.LED] >= floor


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report["source"])
def test_no_line_of_other_people_leads_to_a_check_of_something_else(report: dict[str, Any]) -> None:
    result = search(report["lines"])
    for match in result.matches:
        if match.command == ("backuplink", "check"):
            assert (match.host, match.unknown_host) == (None, None)
