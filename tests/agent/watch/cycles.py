"""Reports of a watch's cycles that contain only what a test needs: their findings, and what was measured."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any, Final

from agent.catalog.findings import CODES, Severity
from agent.judge.verdict import judge
from agent.report.model import Finding, Fix, Report, Run, Status
from probes.model import Observation
from tests.support import build

INTERVAL: Final = timedelta(seconds=60)
LASTS: Final = timedelta(seconds=2)
"""The duration of a cycle."""
FAILED_CONNECT: Final = build.tcp("10.0.1.17", failed="timeout")
"""The observation that shows the finding, unless a test gives another one."""
SKIPPED: Final = build.spoiled(FAILED_CONNECT, skipped="an earlier step failed")
WELL: Final = build.tcp("10.0.1.17")
CAUSE: Final = "VPC006@backup"


def fault(
    code: str = "TCP001",
    target: str | None = "backup",
    severity: Severity = Severity.CRITICAL,
    *,
    evidence: Sequence[str] = (FAILED_CONNECT.id,),
    explained_by: str | None = None,
    suppressed: bool = False,
    title: str | None = None,
    detail: str = "443 timed out",
) -> Finding:
    known = CODES[code]
    return Finding(
        id=code if target is None else f"{code}@{target}",
        code=code,
        name=known.name,
        severity=severity,
        scope=known.scope,
        target=target,
        title=known.title if title is None else title,
        headline="443 is silent",
        detail=detail,
        evidence=tuple(evidence),
        subjects=(),
        explained_by=explained_by,
        counts=True,
        suppressed=suppressed,
        fix=Fix(summary="allow the port"),
        documents=(),
    )


@cache
def _well() -> Report:
    return judge(build.measurement(build.healthy()))


def cycle(
    number: int,
    *findings: Finding,
    status: Status = Status.CRITICAL,
    observations: Sequence[Observation[Any]] = (FAILED_CONNECT,),
    backup: Status = Status.CRITICAL,
    summary: str = "backup: nothing answers",
    **run: Any,
) -> Report:
    """The report of the cycle with this number, counted from 1. `observations` are all observations of the cycle,
    `backup` is the status of that target, and `run` has further fields of the run.
    """
    well = _well()
    started = build.NOW + (number - 1) * INTERVAL
    of: Run = replace(well.run, id=f"run-{number}", started_at=started, finished_at=started + LASTS, seconds=2.0, **run)
    return replace(
        well,
        run=of,
        verdict=replace(well.verdict, status=status, summary=summary),
        targets=tuple(replace(target, status=backup) for target in well.targets),
        observations=tuple(observations),
        findings=findings,
    )


def lettered(cycles: str) -> Iterator[Report]:
    """Yield one report for each letter, which says what the finding is: C is critical, W a warning, i information, e
    explained, s suppressed, `.` absent, `-` not measured, and `!` absent in an interrupted run.
    """
    for number, letter in enumerate(cycles, 1):
        match letter:
            case "C":
                yield cycle(number, fault())
            case "W":
                yield cycle(number, fault(severity=Severity.WARNING))
            case "i":
                yield cycle(number, fault(severity=Severity.INFO))
            case "e":
                yield cycle(number, fault(explained_by=CAUSE))
            case "s":
                yield cycle(number, fault(suppressed=True))
            case ".":
                yield cycle(number, observations=(WELL,))
            case "-":
                yield cycle(number, observations=(SKIPPED,))
            case "!":
                yield cycle(number, observations=(WELL,), complete=False)
            case _:
                raise ValueError(letter)
