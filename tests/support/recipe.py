"""Finds which codes are present in each of the places that CONTRIBUTING's recipe for a finding lists."""

import re
from collections.abc import Iterable
from typing import Final

from agent.catalog.findings import CODES, Layer
from agent.fixes.by_code import FIXES, OF_RUNS
from agent.fixes.in_brief import IN_BRIEF
from agent.judge.causality import EXPLAINS, Effects
from agent.judge.rules.rule import Rule
from probes.frozen import dataclass
from tests.support import scenarios
from tests.support.repository import ROOT

_QUOTED: Final = re.compile(r'"([A-Z]{3,4}\d{3})["@ ]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The codes that are present in each place."""

    row: frozenset[str]
    rule: frozenset[str]
    explains: frozenset[str]
    """The codes of causes in EXPLAINS, and the codes that a row of EXPLAINS names as their symptoms."""
    page: frozenset[str]
    fires: frozenset[str]
    neighbour: frozenset[str]
    tests: frozenset[str]
    fix: frozenset[str]
    brief: frozenset[str]
    """Codes that have the line of a table for their fix."""


RECIPE: Final = {
    "row": 1,
    "rule": 2,
    "explains": 3,
    "page": 4,
    "fires": 5,
    "neighbour": 5,
    "tests": 6,
    "fix": 7,
    "brief": 7,
}
"""The number of the recipe's item that each place belongs to."""


_OF_NO_RULE: Final = "RUN003"
"""The code that `agent/judge/proof.py` reports after all rules if no finding explains why a step failed."""


def places_of_findings(rules: Iterable[Rule]) -> Places:
    """Find the codes in each place of the tree."""
    every = [scenarios.load(name).expect for name in scenarios.names()]
    tested = (ROOT / "tests" / "agent" / "judge").rglob("test_*.py")
    return Places(
        row=frozenset(CODES),
        rule=frozenset(rule.code for rule in rules) | {_OF_NO_RULE},
        explains=frozenset(row.cause for row in EXPLAINS)
        | frozenset(row.symptom for row in EXPLAINS if not isinstance(row.symptom, Effects)),
        page=frozenset(place.stem for place in (ROOT / "agent" / "runbooks").glob("*.md")),
        fires=frozenset(finding.partition("@")[0] for expect in every for finding in expect.findings),
        neighbour=frozenset(code for expect in every for code in expect.silent),
        tests=frozenset(code for place in tested for code in _QUOTED.findall(place.read_text("utf-8"))),
        fix=frozenset(FIXES) | OF_RUNS,
        brief=frozenset(IN_BRIEF) | OF_RUNS,
    )


def forgotten(code: str, places: Places) -> list[str]:
    """The places of the recipe that do not have a code yet."""
    known = CODES.get(code)
    needed = dict.fromkeys(RECIPE, True)
    if known is not None and known.of_audit:
        needed |= dict.fromkeys(("rule", "fires", "neighbour", "tests"), False)
    layer = known.layer if known is not None else next(one for one in Layer if code.startswith(one.value))
    needed["explains"] = known is not None and (known.needs_symptom or known.severity_from_symptoms)
    needed["fix"] = needed["brief"] = layer is Layer.CONFIGURATION
    return [name for name, is_needed in needed.items() if is_needed and code not in getattr(places, name)]
