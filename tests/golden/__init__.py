"""One report with every hard value, in every format, compared as bytes. `./dev golden` writes the files again."""

from dataclasses import replace
from pathlib import Path

from agent.formats import emf, json, junit, markdown, nagios, prometheus, text
from agent.judge.evidence import Evidence
from agent.judge.verdict import judge_evidence
from agent.report import exits
from agent.report.model import Measurement, Report
from probes.facts import TlsFacts
from probes.model import Failed
from tests.support.runs import evidence_of, report_of

FOLDER = Path(__file__).parent
HOSTILE = "CN=\x1b[2J\x1b[31mTrusted\x07 \u202egnp.exe \u2028 <b>&amp;"
"""Escape codes, a bell, a right-to-left override, a line separator and markup, as a certificate may hold them."""


def hard_report() -> Report:
    """An intercepted run whose certificates were made to mislead whoever reads the report."""
    evidence = evidence_of("tls-intercepted")
    observations = []
    for each in evidence.observations:
        if isinstance(each.outcome, Failed) and isinstance(each.facts, TlsFacts):
            certificates = tuple(replace(one, issuer=HOSTILE, names=(HOSTILE,)) for one in each.facts.certificates)
            facts = replace(each.facts, certificates=certificates)
            each = replace(each, outcome=Failed(each.outcome.failure, facts))
        observations.append(each)
    return judge_evidence(
        Evidence(Measurement(run=evidence.run, targets=evidence.targets, observations=tuple(observations)))
    )


def rendered() -> dict[str, str]:
    """File name to content."""
    report = hard_report()
    blocked, differs = report_of("gateway-group-for-the-appliance"), report_of("dropped-by-an-agent")
    return {
        "blocked.emf": emf.render(blocked),
        "blocked.json": json.render(blocked),
        "blocked.junit.xml": junit.render(blocked),
        "blocked.md": markdown.render(blocked),
        "blocked.nagios": nagios.render(blocked, code=exits.CRITICAL),
        "blocked.prom": prometheus.render(blocked),
        "blocked.txt": text.render(blocked),
        "differs.txt": text.render(differs),
        "hard.emf": emf.render(report),
        "hard.json": json.render(report),
        "hard.junit.xml": junit.render(report),
        "hard.md": markdown.render(report),
        "hard.nagios": nagios.render(report, code=exits.CRITICAL),
        "hard.prom": prometheus.render(report),
        "hard.txt": text.render(report),
        "hard-colour.txt": text.render(report, colour=True),
    }
