"""When a run with `--ec2 auto` reads the configuration, and how the reads change its report."""

import asyncio
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

import pytest

from agent.judge.verdict import judge
from agent.report.model import NO_TROUBLE, NO_TROUBLE_WITH_NAMES, NOT_NEEDED, Measurement, Status
from agent.run.suspicion import LOOKUP_PATIENCE, MIN_PATIENCE, PATIENCE, SLOWER, Suspicion
from agent.settings import Ec2
from agent.simulated.clock import VirtualLoop
from agent.simulated.scenario import Scenario
from probes.model import Observation, Role, Skipped, Step, Subject, Target
from probes.vpc.model import NAME_READS, READS
from tests.support import scenarios
from tests.support.build import BACKUP, GATEWAY, PRIVATE, answer, lookup, target, tcp, tls
from tests.support.extent import one_in
from tests.support.runs import measured

LIVE: Final = [
    name for name in scenarios.names() if (part := scenarios.load(name).ec2) is not None and part.source == "live"
]
"""Scenarios in which EC2 answers."""
ALONE: Final = frozenset({"VPC013", "VPC014"})
"""The findings of a complete run that only the configuration can show."""


def of_mode(chosen: Scenario, ec2: Ec2) -> Measurement:
    measurement, _ = measured(replace(chosen, run=replace(chosen.run, ec2=ec2)))
    return measurement


def reads_of(measurement: Measurement) -> dict[str, Observation[Any]]:
    return {
        str(observation.subject.operation): observation
        for observation in measurement.observations
        if observation.subject.step is Step.EC2
    }


def reasons(measurement: Measurement, *names: str) -> set[str | None]:
    """The reasons why these reads (by default all reads) were not made. If a read was made, its reason is None."""
    outcomes = [read.outcome for name, read in reads_of(measurement).items() if not names or name in names]
    return {outcome.reason if isinstance(outcome, Skipped) else None for outcome in outcomes}


# --- Whole runs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(10, LIVE))
def test_a_run_that_reads_on_suspicion_names_the_causes_that_one_with_all_reads_names(name: str) -> None:
    chosen = scenarios.load(name)
    always, auto = of_mode(chosen, Ec2.ALWAYS), of_mode(chosen, Ec2.AUTO)
    all_read, on_suspicion = judge(always), judge(auto)
    required = {target.id for target in all_read.targets if target.required}

    def told(report: Any) -> set[tuple[str, str, str | None]]:
        return {
            (finding.id, finding.severity.value, finding.explained_by)
            for finding in report.findings
            if finding.target in required or (finding.target is None and finding.code not in ALONE)
        }

    missing = told(all_read) - told(on_suspicion)
    unseen = {finding_id for finding_id, severity, _ in missing if severity != "info"}
    if "VPC004@backup" in unseen:
        # An endpoint that somebody modifies works, so nothing makes a run suspicious.
        assert (on_suspicion.verdict.status, all_read.verdict.status) == (Status.OK, Status.WARNING)
    else:
        assert on_suspicion.verdict.status is all_read.verdict.status
    if auto.run.ec2_because is None:
        # The missing findings are causes of results that are not faults, such as a closed support channel, and API005,
        # which only EC2's answer shows in a run without signed calls.
        assert unseen <= {"API005@backup", "VPC004@backup"}
        assert reasons(auto) == {NO_TROUBLE}
        assert auto.run.seconds == of_mode(chosen, Ec2.NEVER).run.seconds
    else:
        assert missing == set()
    assert told(on_suspicion) <= told(all_read)


def test_a_healthy_run_waits_for_no_service_that_only_explains() -> None:
    for name in ("ec2-silent", "route-53-silent"):
        auto = of_mode(scenarios.load(name), Ec2.AUTO)
        assert judge(auto).verdict.status is Status.OK
        assert auto.run.ec2_because is None
        assert auto.run.seconds < 0.1


def test_names_are_asked_about_only_where_they_may_be_wrong() -> None:
    shut = of_mode(scenarios.load("gateway-group-for-the-appliance"), Ec2.AUTO)
    assert shut.run.ec2_because is not None
    assert reasons(shut, *NAME_READS) == {NO_TROUBLE_WITH_NAMES}
    assert reasons(shut, *(set(READS) - set(NAME_READS))) == {None}
    # If a name leads to an address of another network, names are suspected only when EC2 does not know the address.
    for name in ("rule-forwards-to-old-address", "zone-with-an-old-record", "zone-with-a-public-address"):
        assert reasons(of_mode(scenarios.load(name), Ec2.AUTO), *NAME_READS) == {None}


def test_reads_that_a_slow_connect_started_are_dropped_where_it_succeeds() -> None:
    """The first SYN is lost, so the connect takes a second. After the connect has succeeded, the delay is no longer a
    sign of a fault.
    """
    chosen = scenarios.load("configuration-healthy")
    slow = tuple(replace(row, round_trip_seconds=0.6) for row in chosen.tcp)
    silent = replace(chosen, tcp=slow, ec2=replace(chosen.ec2, answer="silence") if chosen.ec2 else None)
    auto = of_mode(silent, Ec2.AUTO)
    assert auto.run.ec2_because is not None
    assert "has no answer after" in auto.run.ec2_because
    assert reasons(auto) == {NOT_NEEDED}
    assert judge(auto).verdict.status is Status.OK
    assert auto.run.seconds == of_mode(silent, Ec2.NEVER).run.seconds


# --- Signs of trouble ------------------------------------------------------------------------------------------------

ONE, TWO = PRIVATE
OUTSIDE: Final = "52.95.111.30"
CONTEXT: Final = target(role=Role.CONTEXT)
OPTIONAL: Final = target("backup-gateway", role=Role.OPTIONAL)


def seen(*observations: Observation[Any], of: tuple[Target, ...] = (BACKUP,)) -> Suspicion:
    """The suspicion after these observations, in a run with these targets. All addresses except OUTSIDE are
    expected.
    """
    suspicion = Suspicion(is_suspect=lambda _, address: str(address) == OUTSIDE)
    suspicion.has_targets(of)
    for observation in observations:
        suspicion.observed(observation)
    suspicion.scopes_known()
    return suspicion


@pytest.mark.parametrize(
    ("observations", "words", "is_of_name"),
    [
        pytest.param(
            [lookup(ONE), tcp(ONE, failed="timeout")], "tcp/backup/10.0.1.17/443 failed", False, id="a connect"
        ),
        pytest.param(
            [tcp(ONE, failed="timeout"), lookup(ONE)], "tcp/backup/10.0.1.17/443 failed", False, id="known later"
        ),
        pytest.param(
            [lookup(ONE), tls(ONE, failed="reset")], "tls/backup/10.0.1.17/443 failed", False, id="a handshake"
        ),
        pytest.param([lookup(failed="nxdomain")], "dns/backup/getaddrinfo failed", True, id="a lookup"),
        pytest.param(
            [lookup(ONE, OUTSIDE)],
            "dns/backup/getaddrinfo gave 52.95.111.30, which is not where it is expected",
            True,
            id="an address",
        ),
    ],
)
def test_a_sign(observations: list[Observation[Any]], words: str, is_of_name: bool) -> None:
    suspicion = seen(*observations)
    assert (suspicion.first, suspicion.raised.is_set(), suspicion.stands) == (words, True, True)
    assert suspicion.about_names.is_set() is is_of_name


@pytest.mark.parametrize(
    ("observations", "targets"),
    [
        pytest.param([lookup(ONE), tcp(ONE), tls(ONE)], (BACKUP,), id="all is well"),
        pytest.param([lookup(ONE), tcp(TWO, failed="timeout")], (BACKUP,), id="an address that this host does not use"),
        pytest.param([lookup(failed="nxdomain")], (CONTEXT,), id="a target for comparison"),
        pytest.param([lookup(failed="nxdomain", of="backup-gateway")], (BACKUP, OPTIONAL), id="an optional target"),
        pytest.param(
            [lookup(ONE, of="backup-gateway"), tcp(ONE, 2222, of="backup-gateway", failed="timeout")],
            (GATEWAY,),
            id="a port that is not required",
        ),
        pytest.param([answer(failed="servfail")], (BACKUP,), id="one name server"),
    ],
)
def test_no_sign(observations: list[Observation[Any]], targets: tuple[Target, ...]) -> None:
    suspicion = seen(*observations, of=targets)
    assert (suspicion.first, suspicion.raised.is_set(), suspicion.stands) == (None, False, False)


def test_a_public_address_that_a_gateway_endpoint_may_lead_to_is_no_sign_about_the_name() -> None:
    suspicion = seen(lookup(OUTSIDE, of="s3"), of=(target("s3"),))
    assert suspicion.first == (
        "dns/s3/getaddrinfo gave 52.95.111.30, and only a route table says whether a gateway endpoint leads there"
    )
    assert suspicion.stands
    assert not suspicion.about_names.is_set()


def test_a_port_that_a_new_gateway_needs_is_a_sign() -> None:
    assert seen(
        lookup(ONE, of="backup-gateway"), tcp(ONE, 1027, of="backup-gateway", failed="timeout"), of=(GATEWAY,)
    ).first


def test_an_endpoint_whose_name_is_not_known_is_a_sign_as_long_as_it_is_not() -> None:
    by_id = replace(BACKUP, id="backup@vpce-0a1b2c3d", host="vpce-0a1b2c3d")
    suspicion = seen(of=(by_id,))
    assert suspicion.first == "an endpoint is given by its id, and only EC2 knows its name"
    assert suspicion.stands
    assert not suspicion.about_names.is_set()
    suspicion.has_targets((replace(by_id, host="vpce-0a1b2c3d-lj2wisx3.backup.eu-west-1.vpce.amazonaws.com"),))
    assert not suspicion.stands


def test_an_address_is_judged_when_its_scope_is_known() -> None:
    suspicion = Suspicion(is_suspect=lambda *_: True)
    suspicion.has_targets((BACKUP,))
    suspicion.observed(lookup(ONE))
    assert not suspicion.raised.is_set()
    suspicion.scopes_known()
    assert suspicion.raised.is_set()


async def overdue_after(suspicion: Suspicion, subject: Subject) -> float:
    """The time in seconds after which a step that starts now, and gets no answer, is a sign of a fault."""
    loop = asyncio.get_running_loop()
    suspicion.started(subject)
    started = loop.time()
    async with asyncio.timeout(60):
        await suspicion.watch()
    return loop.time() - started


TICKS: Final = 0.15
"""The delay in seconds with which a run may notice a slow step."""


@pytest.mark.virtual_clock
@pytest.mark.parametrize(
    ("before", "patience"),
    [
        pytest.param([], PATIENCE, id="none has succeeded yet"),
        pytest.param([tcp(TWO, seconds=0.2)], SLOWER * 0.2, id="another took long"),
        pytest.param([tcp(TWO, seconds=0.001)], MIN_PATIENCE, id="another was quick"),
        pytest.param([tcp(TWO, 1026, seconds=0.2)], PATIENCE, id="another port took long"),
    ],
)
async def test_a_connect_without_an_answer_is_a_sign(before: list[Observation[Any]], patience: float) -> None:
    suspicion = seen(lookup(ONE, TWO), *before)
    connect = tcp(ONE).subject
    assert patience <= await overdue_after(suspicion, connect) <= patience + TICKS
    assert suspicion.first is not None
    assert suspicion.first.startswith("tcp/backup/10.0.1.17/443 has no answer after ")
    assert suspicion.stands
    assert not suspicion.about_names.is_set()
    assert suspicion.addresses_in_trouble() == {ip_address(ONE)}
    suspicion.observed(tcp(ONE, seconds=1.0))
    assert not suspicion.stands


@pytest.mark.virtual_clock
async def test_a_lookup_without_an_answer_is_a_sign_of_trouble_with_names() -> None:
    suspicion = seen()
    assert LOOKUP_PATIENCE <= await overdue_after(suspicion, lookup(ONE).subject) <= LOOKUP_PATIENCE + TICKS
    assert suspicion.about_names.is_set()
    suspicion.observed(lookup(ONE))
    assert not suspicion.stands


@pytest.mark.virtual_clock
async def test_an_answer_that_waited_for_this_process_is_no_sign() -> None:
    """The process was stopped for longer than a connect may take. The kernel received the answer in this time."""
    suspicion = seen(lookup(ONE))
    suspicion.started(tcp(ONE).subject)
    watching = asyncio.create_task(suspicion.watch())
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.call_later(0.02, loop.leap, 5.0)
    loop.call_later(5.03, suspicion.observed, tcp(ONE, seconds=0.01))  # right after the clock's leap
    await asyncio.sleep(10.0)
    watching.cancel()
    assert suspicion.first is None
