"""Rewrites the folder `simulated` with the reports of two cases: one is masked, and one can be judged again."""

from acceptance import run_record
from acceptance_cases import CASES
from agent.formats import json as json_format
from agent.report.redact import redact
from tests.live.judging import FOLDER, RECORD, SIMULATION
from tests.support.runs import report_of

MASKED, JUDGED = "clock-ahead", "s3-without-route"

if __name__ == "__main__":
    folder = FOLDER / "simulated"
    for case in CASES:
        if case.name in (MASKED, JUDGED):
            report = report_of(case.scenario)
            text = json_format.render(redact(report) if case.name == MASKED else report)
            (folder / f"{case.name}.json").write_text(text, "utf-8")
    (folder / RECORD).write_text(run_record("eu-west-1", SIMULATION), "utf-8")
