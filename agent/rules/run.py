"""RUN: what went wrong with the run itself."""

from collections.abc import Iterator
from typing import Final

from agent.evidence import Evidence
from agent.report import Fix
from agent.rules.rule import Found, Rule, ids, listed, look
from probes.model import FailureKind

_SHOWN: Final = 12


def incomplete(evidence: Evidence) -> Iterator[Found]:
    """RUN001: the deadline or an interrupt ended the run early."""
    if evidence.run.complete:
        return
    cut = [each for each in evidence.observations if each.failure and each.failure.kind is FailureKind.DEADLINE]
    unbegun = [each for each in evidence.observations if each.facts is None and each.failure is None and not each.ok]
    missing = ids([*cut, *(each for each in unbegun if "not begun" in _reason(each))])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    if evidence.run.interrupted:
        why, fix = "it was interrupted", Fix(summary="Run again and let it come to its end.")
    else:
        why = "its deadline came"
        fix = Fix(
            summary="Run again with a longer --deadline, or a shorter --timeout for each step.",
            commands=(look("backuplink", "check", "--deadline", "60"),),
        )
    yield Found(
        code="RUN001",
        target=None,
        detail=f"The run ended after {evidence.run.seconds:.1f} s because {why}. "
        + (f"Not finished: {listed(missing[:_SHOWN])}{more}." if missing else "Everything known of was measured."),
        evidence=missing,
        fix=fix,
    )


def internal_error(evidence: Evidence) -> Iterator[Found]:
    """RUN002: a probe failed by its own fault."""
    bugs = [each for each in evidence.observations if each.failure and each.failure.kind is FailureKind.BUG]
    if not bugs:
        return
    said = sorted({each.failure.message for each in bugs if each.failure})
    yield Found(
        code="RUN002",
        target=None,
        detail=f"{len(bugs)} step{'s' if len(bugs) > 1 else ''} could not be made by a fault of backuplink itself: "
        f"{listed(said)}. The rest stands.",
        evidence=ids(bugs),
        fix=REPORT_IT,
    )


def _reason(each: object) -> str:
    return str(getattr(getattr(each, "outcome", None), "reason", ""))


REPORT_IT: Final = Fix(
    summary="This is a gap in backuplink. Please report it with the document that --format json gives.",
    commands=(look("backuplink", "check", "--format", "json"),),
)

RULES: Final = (
    Rule("RUN001", needs=(), check=incomplete),
    Rule("RUN002", needs=(), check=internal_error),
)
