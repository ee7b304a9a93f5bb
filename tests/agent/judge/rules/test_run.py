"""RUN rules: a run that ended early, and faults of this program itself."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from agent.cli.main import main
from agent.judge.diagnose import diagnose
from agent.judge.rules.run import REPORT_IT, RULES
from agent.report.model import Run
from agent.settings import Calls, Expect
from probes.model import Addressing, Role, Target
from tests.support.build import (
    BACKUP,
    GATEWAY,
    PRIVATE,
    Observations,
    context,
    evidence,
    findings_of,
    healthy,
    http,
    imds,
    lookup,
    replaced,
    rule_of,
    run,
    sdk,
    target,
    tcp,
    tls,
)

RUN001, RUN002 = (rule_of(RULES, code) for code in ("RUN001", "RUN002"))
A, B = PRIVATE
CUT = "not started: the run's deadline of 1 s came"


# --- RUN001 incomplete ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "of", "detail", "shown"),
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
def test_run001_fires(observations: Observations, of: Run, detail: str, shown: tuple[str, ...]) -> None:
    [finding] = findings_of(RUN001, evidence(observations, of=of))
    assert finding.target is None
    assert finding.detail.endswith(detail)
    assert finding.evidence == shown


def test_run001_lists_the_first_dozen() -> None:
    observations = [tcp(f"10.0.1.{number}", failed="deadline") for number in range(1, 21)]
    [finding] = findings_of(RUN001, evidence(observations, of=run(complete=False)))
    assert "tcp/backup/10.0.1.12/443 and 8 more." in finding.detail
    assert "10.0.1.13" not in finding.detail
    assert len(finding.evidence) == 20


def test_run001_does_not_ask_for_more_time_where_somebody_stopped_it() -> None:
    [cut] = findings_of(RUN001, evidence([], of=run(complete=False)))
    [stopped] = findings_of(RUN001, evidence([], of=run(complete=False, interrupted=True)))
    assert any("--deadline" in command.argv for command in cut.fix.commands)
    assert "--deadline" not in stopped.fix.summary
    assert not any("--deadline" in command.argv for command in stopped.fix.commands)


OPTIONAL = target("backup-gateway", role=Role.OPTIONAL)
VPCE = target(host="vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com", addressing=Addressing.VPCE)
FIPS = target(host="backup-fips.eu-west-1.amazonaws.com", addressing=Addressing.FIPS)
BOTH = target(host="backup-fips.eu-west-1.api.aws", addressing=Addressing.FIPS_DUALSTACK)
WHOLE = run(complete=False, calls=Calls.EACH, ec2_reads=True)
"""A run with signed calls and reads of EC2, as runs are unless it was said otherwise."""
NAMED = replace(WHOLE, workloads=())
"""A run of the services alone that options name."""


def by_service(target: Target) -> Target:
    return replace(target, required_by=("--service",))


@pytest.mark.parametrize(
    ("observations", "of", "targets", "options"),
    [
        pytest.param([sdk()], WHOLE, [BACKUP, OPTIONAL], "--region eu-west-1", id="the Region"),
        pytest.param(
            [sdk()], replace(WHOLE, region_source="AWS_REGION"), [BACKUP], "", id="a Region that is found again"
        ),
        pytest.param([], replace(WHOLE, region=None, region_source=None), [], "", id="cut before all else"),
        pytest.param(
            [sdk()],
            NAMED,
            [target(role=Role.OPTIONAL), by_service(GATEWAY)],
            "--region eu-west-1 --service backup-gateway",
            id="a service",
        ),
        pytest.param(
            [sdk()],
            NAMED,
            [by_service(BACKUP), by_service(GATEWAY)],
            "--region eu-west-1 --service backup --service backup-gateway",
            id="both services",
        ),
        pytest.param(
            [sdk()],
            WHOLE,
            [VPCE, context(BACKUP), OPTIONAL],
            f"--region eu-west-1 --endpoint backup={VPCE.host}",
            id="an endpoint",
        ),
        pytest.param(
            [],
            NAMED,
            [VPCE, context(BACKUP), by_service(GATEWAY)],
            f"--region eu-west-1 --service backup-gateway --endpoint backup={VPCE.host}",
            id="an endpoint and another service, the SDK's settings not read",
        ),
        pytest.param(
            [sdk(urls={"backup": f"https://{VPCE.host}"})],
            WHOLE,
            [VPCE, context(BACKUP), OPTIONAL],
            "--region eu-west-1",
            id="an endpoint that the SDK's settings name",
        ),
        pytest.param([sdk()], WHOLE, [FIPS, context(BACKUP)], "--region eu-west-1 --fips", id="FIPS"),
        pytest.param(
            [sdk(fips=True)],
            WHOLE,
            [BOTH, context(BACKUP)],
            "--region eu-west-1 --dual-stack",
            id="dual stack beside the SDK's own FIPS",
        ),
        pytest.param(
            [sdk()],
            run(complete=False, expect=Expect.ANY, private_cidrs=["198.51.100.0/24", "2001:db8::/48"]),
            [BACKUP],
            "--region eu-west-1 --expect any --private-cidr 198.51.100.0/24 --private-cidr 2001:db8::/48 "
            "--calls none --ec2 never",
            id="what was expected, no signed call and no read",
        ),
    ],
)
def test_run001_asks_for_the_same_run_again(
    observations: Observations, of: Run, targets: Sequence[Target], options: str
) -> None:
    [finding] = findings_of(RUN001, evidence(observations, targets=targets, of=of))
    [command] = finding.fix.commands
    assert " ".join(command.argv) == " ".join(filter(None, ["backuplink check", options, "--deadline 60"]))
    check = main.commands["check"]
    assert check.make_context("check", list(command.argv[2:])).params["deadline"] == 60


def test_a_report_that_is_handed_on_is_masked() -> None:
    [finding] = findings_of(RUN002, evidence([tcp(A, failed="bug")]))
    assert finding.fix is REPORT_IT
    assert "--redact" in REPORT_IT.summary
    assert all("--redact" in command.argv for command in REPORT_IT.commands)


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param(healthy(), id="all is well"),
        pytest.param([lookup(A), tcp(A, failed="timeout")], id="a step had no end, the run had"),
        pytest.param([lookup(A), tcp(A, skipped="not asked for")], id="a step was skipped"),
    ],
)
def test_run001_stays_silent(observations: Observations) -> None:
    assert findings_of(RUN001, evidence(observations)) == []


# --- RUN002 internal-error ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "detail", "shown"),
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
def test_run002_fires(observations: Observations, detail: str, shown: tuple[str, ...]) -> None:
    [finding] = findings_of(RUN002, evidence(observations))
    assert finding.target is None
    assert finding.detail == detail
    assert finding.evidence == shown


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param(healthy(), id="all is well"),
        pytest.param(replaced(healthy(), tcp(A, failed="malformed")), id="nonsense from a peer is not a fault of ours"),
        pytest.param([tcp(A, failed="deadline")], id="cut short"),
        pytest.param([], id="nothing was made"),
    ],
)
def test_run002_stays_silent(observations: Observations) -> None:
    assert findings_of(RUN002, evidence(observations)) == []


def test_both_can_always_be_asked() -> None:
    assert diagnose(evidence([], targets=[]), RULES).not_evaluated == ()
