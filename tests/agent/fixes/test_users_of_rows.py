"""A run, a prediction, an audit and a fleet take the fix of a code from the same row."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import pytest

from agent.audit.faults import faults_of_service
from agent.audit.vpc import AuditedNetwork
from agent.fixes import by_code
from agent.fixes.fault import Fault
from agent.fleet.causes import NamedCause
from agent.fleet.fixes import Trust, advice_for
from agent.fleet.model import NamedBy
from agent.judge.verdict import judge
from agent.predict.prediction import Asked, Facts, predicted
from agent.report.model import Fix
from agent.settings import EVERY_SOURCE
from tests.agent.network.networks import rule
from tests.agent.predict.test_assume import known
from tests.support.runs import measurement_of

TAKEN_AT: Final = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
FACTS: Final = Facts(known=known(there_rules=[rule("443", "10.9.0.0/16")]), taken_at=TAKEN_AT, not_read=())


def of_run() -> Iterator[str]:
    yield from (
        one.fix.summary for one in judge(measurement_of("endpoint-group-shut")).findings if one.code == "VPC005"
    )


def of_prediction() -> Iterator[str]:
    asked = Asked(sources=(EVERY_SOURCE,), services={"backup-gateway": True}, ports=())
    yield from (one.fix.summary for one in predicted(FACTS, asked).faults if one.code == "VPC005" and one.fix)


def of_audit() -> Iterator[str]:
    faults = faults_of_service(AuditedNetwork(FACTS), "backup-gateway", counts=True)
    yield from (one.fix.summary for one in faults if one.code == "VPC005" and one.fix)


def of_fleet() -> Iterator[str]:
    cause = NamedCause(
        number=1,
        key="VPC005|group=sg-0a1b2c3d|port=443",
        code="VPC005",
        severity=0,
        named_by=NamedBy.CONFIGURATION,
        shared=None,
        services=("backup",),
        raw_keys=(),
        values=(),
        member_count=9,
        exposed_count=9,
    )
    trust = Trust(least=5, places={}, of_endpoints=frozenset())
    yield advice_for(cause, ["eu-west-1"], [], None, trust).fix.summary


@pytest.mark.parametrize("summaries", [of_run, of_prediction, of_audit, of_fleet])
def test_each_takes_the_row(summaries: Callable[[], Iterator[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert any("Allow 443" in summary for summary in summaries())

    def other(fault: Fault) -> Fix:
        return Fix(summary=f"Another row for {fault.target.service}.")

    monkeypatch.setitem(by_code.FIXES, "VPC005", other)
    assert all("Another row for backup" in summary for summary in summaries())
    assert list(summaries())


def test_an_audit_asks_the_predictor_for_each_fix_that_changes_something() -> None:
    faults = faults_of_service(AuditedNetwork(FACTS), "backup-gateway", counts=True)
    changing = [one for fault in faults if fault.fix for one in fault.fix.commands if one.changes]
    assert changing
    assert all(one.checked is not None for one in changing)
