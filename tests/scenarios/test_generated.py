"""Promises of every report, in generated worlds with several faults."""

from typing import Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.evidence import Evidence
from agent.judge.requirements import required_steps
from agent.judge.verdict import judge_evidence
from agent.report.model import Status
from tests.support.extent import one_in
from tests.support.generated import world
from tests.support.runs import measured

SEEDS: Final = one_in(16, range(800))
_NEEDED: Final = {Status.CRITICAL: Severity.CRITICAL, Status.WARNING: Severity.WARNING}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_verdict_other_than_ok_has_a_finding_that_explains_it(seed: int) -> None:
    evidence = Evidence(measured(world(seed))[0])
    report = judge_evidence(evidence)
    standing = [finding for finding in report.findings if finding.explained_by is None and finding.counts]
    match report.verdict.status:
        case Status.OK:
            steps = [
                step
                for target in evidence.targets
                if target.role == "required"
                for step in required_steps(evidence, target)
            ]
            assert all((observation := evidence.find(step)) is not None and observation.ok for step in steps)
            assert all(finding.severity is Severity.INFO for finding in standing)
        case Status.UNKNOWN:
            assert standing
        case status:
            assert any(finding.severity is _NEEDED[status] for finding in standing)
    # The rules name every fault here, and no fault is a bug of this program.
    assert {"RUN001", "RUN002", "RUN003"}.isdisjoint(finding.code for finding in report.findings)
