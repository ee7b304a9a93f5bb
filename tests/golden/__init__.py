"""The golden files: a report with every difficult value, in every format. Tests compare them byte for byte, and `./dev
golden` rewrites them.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from agent.formats.registry import FORMATS, RenderOptions, render
from agent.judge.evidence import Evidence
from agent.judge.verdict import judge_evidence
from agent.report.model import Measurement, Report
from probes.facts import TlsFacts
from probes.model import Failed
from tests.support.runs import evidence_of, report_of

FOLDER: Final = Path(__file__).parent
HOSTILE: Final = "CN=\x1b[2J\x1b[31mTrusted\x07 \u202egnp.exe \u2028 <b>&amp;"
"""Escape codes, a bell, a right-to-left override, a line separator and markup, as they may occur in a certificate."""

_FOLDED: Final = re.compile(r"<svg .*?</svg>\n|<details>.*?</details>\n|<script .*?</script>\n", re.DOTALL)
"""Parts of a page that other golden files show, too: pictures, runbook pages, the observations, and the report as JSON.
"""


def hard_report() -> Report:
    """The report of a run with intercepted TLS, whose certificates try to mislead the reader of the report."""
    evidence = evidence_of("tls-intercepted")
    observations = []
    for observation in evidence.observations:
        if isinstance(observation.outcome, Failed) and isinstance(observation.facts, TlsFacts):
            certificates = tuple(
                replace(certificate, issuer=HOSTILE, names=(HOSTILE,)) for certificate in observation.facts.certificates
            )
            facts = replace(observation.facts, certificates=certificates)
            observation = replace(observation, outcome=Failed(observation.outcome.failure, facts))
        observations.append(observation)
    return judge_evidence(
        Evidence(Measurement(run=evidence.run, targets=evidence.targets, observations=tuple(observations)))
    )


def rendered() -> dict[str, str]:
    """The content of each golden file, by its name: two reports in every format, and the outputs of commands that only
    write text.
    """
    hard, blocked = hard_report(), report_of("gateway-group-for-the-appliance")
    documents = {
        f"{name}{row.suffix}": _FOLDED.sub("", render(report, row.name))
        if row.name == "html"
        else render(report, row.name)
        for name, report in (("blocked", blocked), ("hard", hard))
        for row in FORMATS
    }
    return documents | {
        "differs.txt": render(report_of("dropped-by-an-agent"), "text"),
        "hard-brief.txt": render(hard, "text", RenderOptions(brief=True)),
        "hard-colour.txt": render(hard, "text", RenderOptions(colour=True)),
    }
