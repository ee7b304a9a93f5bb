"""RUN rules: a run that ended early, and faults of this program itself."""

import pytest

from agent.diagnose import diagnose
from agent.report import Run
from agent.rules.run import RULES
from tests.agent.build import (
    PRIVATE,
    Looks,
    evidence,
    healthy,
    http,
    imds,
    lookup,
    replaced,
    rule_of,
    run,
    said,
    sdk,
    tcp,
    tls,
)

RUN001, RUN002 = (rule_of(RULES, code) for code in ("RUN001", "RUN002"))
A, B = PRIVATE
CUT = "not begun: the run's deadline of 1 s came"


# --- RUN001 incomplete ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "of", "detail", "shown"),
    [
        pytest.param(
            [lookup(A), tcp(A), tls(A, failed="deadline"), http(A, skipped=CUT)],
            run(complete=False, seconds=1.0),
            "The run ended after 1.0 s because its deadline came. Not finished: tls/backup/10.0.1.17/443 and "
            "http/backup/10.0.1.17/443.",
            ("tls/backup/10.0.1.17/443", "http/backup/10.0.1.17/443"),
            id="the deadline",
        ),
        pytest.param(
            [lookup(A), tcp(A, failed="deadline")],
            run(complete=False, interrupted=True),
            "The run ended after 1.5 s because it was interrupted. Not finished: tcp/backup/10.0.1.17/443.",
            ("tcp/backup/10.0.1.17/443",),
            id="an interrupt",
        ),
        pytest.param(
            [lookup(A), imds(skipped="AWS_EC2_METADATA_DISABLED is set")],
            run(complete=False),
            "Everything known of was measured.",
            (),
            id="nothing that was known of is missing",
        ),
        pytest.param([], run(complete=False), "Everything known of was measured.", (), id="nothing was known"),
    ],
)
def test_run001_fires(looks: Looks, of: Run, detail: str, shown: tuple[str, ...]) -> None:
    [found] = said(RUN001, evidence(looks, of=of))
    assert found.target is None
    assert found.detail.endswith(detail)
    assert found.evidence == shown


def test_run001_lists_the_first_dozen() -> None:
    looks = [tcp(f"10.0.1.{number}", failed="deadline") for number in range(1, 21)]
    [found] = said(RUN001, evidence(looks, of=run(complete=False)))
    assert "tcp/backup/10.0.1.12/443 and 8 more." in found.detail
    assert "10.0.1.13" not in found.detail
    assert len(found.evidence) == 20


def test_run001_does_not_ask_for_more_time_where_somebody_stopped_it() -> None:
    [cut] = said(RUN001, evidence([], of=run(complete=False)))
    [stopped] = said(RUN001, evidence([], of=run(complete=False, interrupted=True)))
    assert any("--deadline" in command.argv for command in cut.fix.commands)
    assert "--deadline" not in stopped.fix.summary
    assert not any("--deadline" in command.argv for command in stopped.fix.commands)


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param(healthy(), id="all is well"),
        pytest.param([lookup(A), tcp(A, failed="timeout")], id="a step had no end, the run had"),
        pytest.param([lookup(A), tcp(A, skipped="not asked for")], id="a step was skipped"),
    ],
)
def test_run001_stays_silent(looks: Looks) -> None:
    assert said(RUN001, evidence(looks)) == []


# --- RUN002 internal-error ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "detail", "shown"),
    [
        pytest.param(
            [tcp(A, failed="bug")],
            "1 step could not be made by a fault of backuplink itself: it said bug. The rest stands.",
            ("tcp/backup/10.0.1.17/443",),
            id="one step",
        ),
        pytest.param(
            [tcp(A, failed="bug"), sdk(failed="bug")],
            "2 steps could not be made by a fault of backuplink itself: it said bug. The rest stands.",
            ("host/sdk-settings", "tcp/backup/10.0.1.17/443"),
            id="two steps",
        ),
    ],
)
def test_run002_fires(looks: Looks, detail: str, shown: tuple[str, ...]) -> None:
    [found] = said(RUN002, evidence(looks))
    assert found.target is None
    assert found.detail == detail
    assert found.evidence == shown


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param(healthy(), id="all is well"),
        pytest.param(replaced(healthy(), tcp(A, failed="malformed")), id="nonsense from a peer is no fault of ours"),
        pytest.param([tcp(A, failed="deadline")], id="cut short"),
        pytest.param([], id="nothing was made"),
    ],
)
def test_run002_stays_silent(looks: Looks) -> None:
    assert said(RUN002, evidence(looks)) == []


def test_both_can_always_be_asked() -> None:
    assert diagnose(evidence([], targets=[]), RULES).not_evaluated == ()
