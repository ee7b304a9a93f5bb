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
from tests.support.cases import Case, assert_silent, fires, silent

RUN001, RUN002 = (rule_of(RULES, code) for code in ("RUN001", "RUN002"))
A, B = PRIVATE
CUT = "not started: the run's deadline of 1 s came"


# --- RUN001 incomplete ----------------------------------------------------------------------------------------------


CASES_THAT_FIRE = [
    fires(
        "RUN001",
        "the deadline",
        [lookup(A), tcp(A), tls(A, failed="deadline"), http(A, skipped=CUT)],
        of=run(complete=False, seconds=1.0),
    ),
    fires("RUN001", "an interrupt", [lookup(A), tcp(A, failed="deadline")], of=run(complete=False, interrupted=True)),
    fires(
        "RUN001",
        "nothing that was known of is missing",
        [lookup(A), imds(skipped="AWS_EC2_METADATA_DISABLED is set")],
        of=run(complete=False),
    ),
    fires("RUN001", "nothing was known", [], of=run(complete=False)),
]


CASES_THAT_FIRE += [
    fires(
        "RUN001",
        "more than a dozen",
        [tcp(f"10.0.1.{number}", failed="deadline") for number in range(1, 21)],
        of=run(complete=False),
    ),
]


OPTIONAL = target("backup-gateway", role=Role.OPTIONAL)
VPCE = target(host="vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com", addressing=Addressing.VPCE)
FIPS = target(host="backup-fips.eu-west-1.amazonaws.com", addressing=Addressing.FIPS)
BOTH = target(host="backup-fips.eu-west-1.api.aws", addressing=Addressing.FIPS_DUALSTACK)
WHOLE = run(complete=False, calls=Calls.EACH, ec2_reads=True)
"""A run with signed calls and reads of EC2, as by default."""
NAMED = replace(WHOLE, workloads=())
"""A run that only checks the services that options name."""


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


CASES_OF_SILENCE = [
    silent("RUN001", "all is well", healthy()),
    silent("RUN001", "a step had no end, the run had", [lookup(A), tcp(A, failed="timeout")]),
    silent("RUN001", "a step was skipped", [lookup(A), tcp(A, skipped="not asked for")]),
]


# --- RUN002 internal-error ------------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("RUN002", "one step", [tcp(A, failed="bug")]),
    fires("RUN002", "two steps", [tcp(A, failed="bug"), sdk(failed="bug")]),
]
CASES_OF_SILENCE += [
    silent("RUN002", "all is well", healthy()),
    silent("RUN002", "nonsense from a peer is not a fault of ours", replaced(healthy(), tcp(A, failed="malformed"))),
    silent("RUN002", "cut short", [tcp(A, failed="deadline")]),
    silent("RUN002", "nothing was made", []),
]


def test_both_can_always_be_asked() -> None:
    assert diagnose(evidence([], targets=[]), RULES).not_evaluated == ()


@pytest.mark.parametrize("case", CASES_OF_SILENCE)
def test_a_rule_is_silent(case: Case) -> None:
    assert_silent(case)
