"""A run: what it measures, in which order, and how it ends early."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from agent.catalog.services import host_of
from agent.formats import json as json_format
from agent.judge.diagnose import NO_EC2
from agent.judge.evidence import Evidence
from agent.judge.rules.jobs import NOT_ASKED
from agent.judge.verdict import judge_evidence
from agent.process.cancel import CancelToken
from agent.report.hops import Reachability
from agent.report.model import NO_VPC, Access, Status
from agent.run.events import Event, ObservationMade, StepPlanned, StepStarted
from agent.run.plan import NO_INSTANCE
from agent.run.runner import measure
from agent.settings import Ec2
from agent.simulated import network
from agent.simulated.scenario import Scenario
from agent.simulated.settings import settings_of
from agent.simulated.world import simulated
from probes.facts import HostFacts, SdkFacts
from probes.model import ELSEWHERE, Addressing, Draft, FailureKind, Observation, Role, Skipped, Step
from probes.operations import FURTHER_PAGES, JOBS, SEARCH_DOMAINS, WITHOUT_SEARCH
from probes.seams import Sdk
from probes.steps import host
from probes.vpc.model import INTERFACES, OWN_INTERFACES, PROFILE_RESOURCES, READS
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.fakes import FakeMachine
from tests.support.runs import evidence_of, measured
from tests.support.validator import VALIDATOR

HEALTHY = "healthy"


def changed(more: str, name: str = HEALTHY) -> Scenario:
    """A scenario with these TOML lines appended."""
    return scenarios.parse("changed", f"{scenarios.text(name)}\n{more}\n")


async def run_in(chosen: Scenario, emit: Callable[[Event, CancelToken], None]) -> Evidence:
    """The evidence of a run. The run passes its events to `emit`, which may cancel the run."""
    stop = CancelToken()
    async with simulated(chosen) as world:
        return Evidence(await measure(settings_of(chosen), world, emit=lambda event: emit(event, stop), stop=stop))


def evidence_in(chosen: Scenario, *, turn: int | None = None) -> tuple[Evidence, tuple[Event, ...]]:
    """The evidence of a run of a scenario, and its events."""
    measurement, events = measured(chosen, turn=turn)
    return Evidence(measurement), events


def assert_honest(evidence: Evidence) -> None:
    """Assert that the interrupted run gives a complete document, and that its verdict is not "ok"."""
    report = judge_evidence(evidence)
    VALIDATOR.validate(json.loads(json_format.render(report)))
    assert len({observation.id for observation in evidence.observations}) == len(evidence.observations)
    if evidence.run.complete:
        return
    assert report.verdict.status is not Status.OK
    assert [finding.id for finding in report.findings if finding.code == "RUN001"] == ["RUN001"]
    for target in report.targets:
        for address in target.addresses:
            for port in target.ports:
                assert evidence.find(f"tcp/{target.id}/{address.address}/{port}") is not None


async def stopped_after_every_event(chosen: Scenario) -> None:
    """Cancel a run after each of its events, and check the report each time. Events that announce a step are left
    out.
    """
    _, events = evidence_in(chosen)
    last = sum(not isinstance(event, StepPlanned | StepStarted) for event in events) - 1
    for number in one_in(8, range(last + 1)):
        seen = 0

        def emit(event: Event, stop: CancelToken, number: int = number) -> None:
            nonlocal seen
            if isinstance(event, StepPlanned | StepStarted):
                return
            if seen == number:
                stop.cancel("SIGINT")
            seen += 1

        evidence = await run_in(chosen, emit)
        assert_honest(evidence)
        if number < last:
            assert evidence.run.interrupted


@pytest.mark.virtual_clock
@pytest.mark.parametrize("name", [HEALTHY, "gateway-healthy", "one-zone-silent", "tls-intercepted", "resolver-silent"])
async def test_stopped_after_every_event(name: str) -> None:
    await stopped_after_every_event(scenarios.load(name))


@pytest.mark.parametrize("deadline", [0.0001, 0.001, 0.0015, 0.003, 0.0042, 0.006, 0.008, 0.012, 0.0159])
def test_cut_by_a_deadline_anywhere(deadline: float) -> None:
    evidence, _ = evidence_in(changed(f"[run]\ndeadline = {deadline}"))
    assert not evidence.run.complete
    assert not evidence.run.interrupted
    assert_honest(evidence)


def test_a_run_takes_no_longer_than_its_deadline() -> None:
    evidence, _ = evidence_in(changed("[run]\ntimeout = 60.0\ndeadline = 5.0", "handshake-stalls"))
    assert evidence.run.seconds == pytest.approx(5.0)
    assert_honest(evidence)


def test_every_observation_is_told_once_and_counted() -> None:
    evidence, events = evidence_in(scenarios.load("gateway-healthy"))
    reported = [event for event in events if isinstance(event, ObservationMade)]
    assert len(reported) == len(evidence.observations)
    assert reported[-1].planned == len(reported)


def test_silence_everywhere_costs_one_timeout() -> None:
    """All closed ports are tried at the same time. Thirty-six of them therefore take one timeout together."""
    text = """
summary = "nothing answers at the gateway"
[run]
services = ["backup-gateway"]
[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup-gateway.eu-west-1.amazonaws.com"
a = ["10.0.1.27", "10.0.2.27", "10.0.3.27", "10.0.4.27", "10.0.5.27", "10.0.6.27"]
[[tcp]]
addresses = ["10.0.1.27"]
ports = [1]
[expect]
status = "critical"
path = "unreachable"
findings = []
"""
    evidence, _ = evidence_in(scenarios.parse("dead", text))
    assert evidence.run.seconds < 3.1
    assert judge_evidence(evidence).verdict.status is Status.CRITICAL


def test_ten_services_with_a_hundred_dead_ports_cost_one_timeout() -> None:
    services = (
        *("backup", "backup-gateway", "backup-storage", "sts", "ssm", "ssmmessages", "ssm-sap", "kms", "logs"),
        "storagegateway",
    )
    rows = "".join(
        f"""
[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "{host_of(name, "eu-west-1", fips=False, dual_stack=False)}"
a = {[f"10.0.{zone}.{100 + place}" for zone in range(1, 6)]}
"""
        for place, name in enumerate(services)
    )
    text = f"""
summary = "nothing answers at ten services"
[run]
services = {list(services)}
{rows}
[[tcp]]
addresses = ["10.0.1.100"]
ports = [1]
[expect]
status = "critical"
path = "unreachable"
findings = []
"""
    evidence, _ = evidence_in(scenarios.parse("dead", text))
    dead = [attempt for attempt in evidence.of(Step.TCP) if attempt.failure is not None]
    assert len(dead) >= 100
    assert {attempt.failure.kind for attempt in dead if attempt.failure} == {FailureKind.TIMEOUT}
    assert evidence.run.seconds < 3.1
    assert evidence.run.complete
    assert judge_evidence(evidence).verdict.status is Status.CRITICAL


@pytest.mark.parametrize(
    ("settings", "region", "source"),
    [
        pytest.param('[run]\nregion = "eu-west-1"', "eu-west-1", "--region", id="option"),
        pytest.param('[run]\nregion = ""\n[sdk]\nregion = "eu-central-1"', "eu-central-1", "profile", id="profile"),
        pytest.param('[run]\nregion = ""', "eu-west-1", "instance metadata", id="metadata"),
        pytest.param('[run]\nregion = ""\n[sdk]\nregion = "nowhere"', "eu-west-1", "metadata", id="profile is wrong"),
    ],
)
def test_region_comes_from_the_first_that_knows(settings: str, region: str, source: str) -> None:
    evidence, _ = evidence_in(changed(settings))
    assert evidence.run.region == region
    assert source in (evidence.run.region_source or "")


@pytest.mark.parametrize(
    ("sdk", "host", "addressing"),
    [
        ("fips = true", "backup-fips.eu-west-1.amazonaws.com", Addressing.FIPS),
        ("dual_stack = true", "backup.eu-west-1.api.aws", Addressing.DUALSTACK),
        ("fips = true\ndual_stack = true", "backup-fips.eu-west-1.api.aws", Addressing.FIPS_DUALSTACK),
        (
            '[sdk.endpoint_urls]\nbackup = "https://vpce-1.example.internal"',
            "vpce-1.example.internal",
            Addressing.CUSTOM,
        ),
        (
            'fips = true\n[sdk.endpoint_urls]\nbackup = "https://vpce-1.example.internal"',
            "vpce-1.example.internal",
            Addressing.CUSTOM,
        ),
    ],
)
def test_the_host_that_the_sdk_calls_is_the_one_that_counts(sdk: str, host: str, addressing: Addressing) -> None:
    """A run is not "ok" because the default name is healthy if the SDK calls a different host."""
    evidence, _ = evidence_in(changed(f"[sdk]\n{sdk}"))
    effective, default = (target for target in evidence.targets if target.service == "backup")
    assert (effective.host, effective.addressing, effective.role) == (host, addressing, Role.REQUIRED)
    assert (default.id, default.role) == ("backup", Role.CONTEXT)
    report = judge_evidence(evidence)
    assert report.verdict.status is Status.CRITICAL
    findings = {finding.code: finding for finding in report.findings}
    cause = "ENV005" if addressing is Addressing.CUSTOM else "ENV006"
    assert set(findings) == {cause, "DNS003"}
    assert findings["DNS003"].explained_by == findings[cause].id == f"{cause}@backup@{host}"


def test_a_proxy_in_between_is_not_ok() -> None:
    evidence, _ = evidence_in(
        changed('[host.environment]\nhttps_proxy = "http://user:secret@proxy.example.internal:3128"')
    )
    report = judge_evidence(evidence)
    assert report.verdict.status is Status.CRITICAL
    assert report.verdict.path == "unknown"
    assert [finding.id for finding in report.findings] == ["ENV007@backup", "HTTP003@backup"]
    assert "***@proxy.example.internal" in report.findings[0].detail
    assert "secret" not in json_format.render(report)


def test_addresses_of_another_resolver_decide_nothing() -> None:
    report = judge_evidence(evidence_of("own-server-denies-name"))
    (backup,) = (target for target in report.targets if target.id == "backup")
    assert [address.from_own_lookup for address in backup.addresses] == [False, False]
    probed = [observation for observation in report.observations if observation.id.startswith("http/backup/")]
    assert probed
    assert all(observation.ok for observation in probed)
    assert backup.status is Status.CRITICAL


def test_an_optional_service_that_is_not_used_is_left_alone() -> None:
    evidence = evidence_of(HEALTHY)
    report = judge_evidence(evidence)
    (gateway,) = (target for target in report.targets if target.service == "backup-gateway")
    assert gateway.status is Status.NOT_IN_USE
    ports = [
        observation
        for observation in report.observations
        if observation.subject.target == gateway.id and observation.subject.port
    ]
    assert ports
    assert not any(port.made for port in ports)
    not_asked = {missing.code for missing in report.not_evaluated if missing.reason in (NO_EC2, NOT_ASKED)}
    assert {missing.target for missing in report.not_evaluated if missing.code not in not_asked} == {gateway.id}
    assert all(code.startswith(("VPC", "JOB")) for code in not_asked)


def test_a_bare_endpoint_id_is_unknown_without_ec2() -> None:
    chosen = changed('[run]\nendpoints = ["backup=vpce-0a1b2c3d4e5f67890"]')
    evidence, _ = evidence_in(chosen)
    report = judge_evidence(evidence)
    named = next(target for target in report.targets if target.role is Role.REQUIRED)
    assert named.id == "backup@vpce-0a1b2c3d4e5f67890"
    assert named.status is report.verdict.status is Status.UNKNOWN
    assert any("only EC2 has it" in words for words in named.unproven)
    assert not [
        observation
        for observation in report.observations
        if observation.subject.target == named.id and observation.made
    ]


def test_what_an_endpoint_s_own_name_says_is_kept() -> None:
    report = judge_evidence(evidence_of("endpoint-names-only"))
    zonal = next(target for target in report.targets if "-eu-west-1a." in target.host)
    regional = next(target for target in report.targets if target.id.startswith("backup@") and target is not zonal)
    assert {address.endpoint_id for address in (*zonal.addresses, *regional.addresses)} == {"vpce-0a1b2c3d4e5f67890"}
    assert [(address.availability_zone, address.availability_zone_id) for address in zonal.addresses] == [
        ("eu-west-1a", "euw1-az1")  # the host's own subnet is in this zone, and tells its id
    ]
    assert [address.availability_zone_id for address in regional.addresses] == ["euw1-az1", None]


@pytest.mark.parametrize(
    ("variable", "value", "place"),
    [
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x", "169.254.170.2/80"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials", "169.254.170.23/80"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:51679/x", "127.0.0.1/51679"),
    ],
)
def test_where_a_container_s_credentials_come_from_is_tried(variable: str, value: str, place: str) -> None:
    environment = f'[host.environment]\n{variable} = "{value}"\n[credentials]\nsource = "fails"'
    evidence, _ = evidence_in(changed(environment))
    seen = evidence.find(f"imds/{place}/container-credentials")
    assert seen is not None
    assert seen.failure is not None
    (finding,) = judge_evidence(evidence).findings
    assert finding.code == "API010"
    assert seen.id in finding.evidence
    assert place.split("/")[0] in finding.detail
    assert "credentials/x" not in json_format.render(judge_evidence(evidence))


def test_no_container_no_look() -> None:
    assert evidence_of(HEALTHY).container is None


@pytest.mark.virtual_clock
async def test_whom_systemd_resolved_asks_is_asked_too() -> None:
    """systemd-resolved asks its own name servers, and their answers may differ."""
    files = {
        "/etc/resolv.conf": b"nameserver 127.0.0.53\n",
        "/run/systemd/resolve/resolv.conf": b"nameserver 10.0.9.53\nnameserver 10.0.0.2\n",
    }
    draft: Draft[HostFacts] = Draft()
    facts = await host.probe(FakeMachine(files=files), (), (), draft)
    assert [str(resolver) for resolver in facts.resolvers] == ["127.0.0.53"]
    assert [str(upstream_resolver) for upstream_resolver in facts.upstream_resolvers] == ["10.0.9.53", "10.0.0.2"]


# --- The configuration ----------------------------------------------------------------------------------------------

EC2 = '[run]\nec2 = "always"\n[ec2]'
UNSIGNED = '[run]\ncalls = "none"\nec2 = "always"\n[ec2]'


def reads(evidence: Evidence) -> dict[str, Observation[Any]]:
    return {str(observation.subject.operation): observation for observation in evidence.of(Step.EC2)}


def test_without_a_wish_for_it_nothing_is_read() -> None:
    evidence = evidence_of("gateway-healthy")
    assert not evidence.run.ec2_reads
    assert reads(evidence) == {}


def test_every_read_of_the_configuration_has_its_observation() -> None:
    evidence, _ = evidence_in(changed(EC2))
    assert evidence.run.ec2_reads
    assert set(reads(evidence)) == set(READS)
    assert all(read.ok for read in reads(evidence).values())
    assert judge_evidence(evidence).verdict.status is Status.OK


@pytest.mark.parametrize(
    ("more", "part", "kind"),
    [
        pytest.param(f'{EC2}\nanswer = "silence"', "EC2 does not answer", FailureKind.TIMEOUT, id="silent"),
        pytest.param(f'{EC2}\nanswer = "denied"', "", FailureKind.NOT_PERMITTED, id="denied"),
    ],
)
def test_reads_that_fail_change_no_verdict(more: str, part: str, kind: FailureKind) -> None:
    evidence, _ = evidence_in(changed(more))
    failed = [read for read in reads(evidence).values() if read.failure is not None]
    assert failed
    assert {observation.failure.kind for observation in failed if observation.failure is not None} == {kind}
    skipped = {name: read.outcome.reason for name, read in reads(evidence).items() if isinstance(read.outcome, Skipped)}
    assert skipped[PROFILE_RESOURCES].startswith("needs the Route 53 Profiles, not read: ")
    assert all(part in reason for name, reason in skipped.items() if name != PROFILE_RESOURCES)
    assert len(failed) + len(skipped) == len(READS)
    report = judge_evidence(evidence)
    assert (report.verdict.status, report.paths) == (Status.OK, ())


def test_an_ec2_that_is_silent_costs_one_step_timeout() -> None:
    whole, without = evidence_in(changed(f'{EC2}\nanswer = "silence"'))[0], evidence_in(changed(""))[0]
    assert whole.run.seconds - without.run.seconds <= settings_of(changed("")).timeout


def test_without_metadata_nobody_knows_which_network_to_read() -> None:
    evidence, _ = evidence_in(changed(f'{EC2}\n[metadata]\nanswer = "silence"'))
    reasons = {read.outcome.reason for read in reads(evidence).values() if isinstance(read.outcome, Skipped)}
    assert reasons == {NO_VPC}
    assert len(reads(evidence)) == len(READS)
    assert "VPC013" in {finding.id for finding in judge_evidence(evidence).findings}


def test_a_file_is_never_dropped_without_a_word() -> None:
    """A missing configuration is not reported outside AWS, but a dropped file is."""
    for base, metadata, of_aws in ((HEALTHY, '[metadata]\nanswer = "silence"', True), ("outside-aws", "", False)):
        evidence, _ = evidence_in(changed(f'{metadata}\n[ec2]\nsource = "file"', base))
        assert evidence.in_aws is of_aws
        (reason,) = {read.outcome.reason for read in reads(evidence).values() if isinstance(read.outcome, Skipped)}
        assert evidence.run.facts_unused == f"it is about vpc-0a1b2c3d4e5f67890, and {NO_VPC}"
        assert reason == f"the facts file was not used: {evidence.run.facts_unused}"
        (finding,) = (finding for finding in judge_evidence(evidence).findings if finding.code == "VPC013")
        assert f"The facts file was not used: {evidence.run.facts_unused}." in finding.detail
        live = changed(f"{metadata}\n[ec2]", base)
        without, _ = evidence_in(replace(live, run=replace(live.run, ec2=Ec2.ALWAYS)))
        assert ("VPC013" in {finding.id for finding in judge_evidence(without).findings}) is of_aws


def test_without_credentials_nothing_is_read() -> None:
    evidence, _ = evidence_in(changed(f'{EC2}\n[credentials]\nsource = "none"'))
    reasons = {read.outcome.reason for read in reads(evidence).values() if isinstance(read.outcome, Skipped)}
    assert reasons == {"no credentials"}


def test_the_configuration_is_read_where_no_signed_call_is_wanted() -> None:
    evidence, _ = evidence_in(changed(UNSIGNED))
    assert all(read.ok for read in reads(evidence).values())
    assert evidence.credentials is not None
    assert evidence.credentials.ok
    assert not any(observation.ok for observation in evidence.of(Step.API))
    assert judge_evidence(evidence).verdict.status is Status.OK


@pytest.mark.parametrize("source", ["none", "fails"])
def test_credentials_that_only_ec2_would_need_are_no_finding_of_their_own(source: str) -> None:
    evidence, _ = evidence_in(changed(f'{UNSIGNED}\n[credentials]\nsource = "{source}"'))
    report = judge_evidence(evidence)
    assert report.verdict.status is Status.OK
    assert not {"API001", "API010"}.intersection(finding.code for finding in report.findings)


def test_a_file_stands_for_what_ec2_said_when_it_was_written() -> None:
    evidence, _ = evidence_in(changed(f'{EC2}\nsource = "file"\ndays_old = 0.5'))
    # A file does not describe one instance, so it lacks that instance's interfaces.
    assert {name for name, observation in reads(evidence).items() if not observation.ok} == {OWN_INTERFACES}
    assert INTERFACES not in reads(evidence)  # the interfaces of other hosts, which no report contains
    assert evidence.configured_at == evidence.run.started_at - timedelta(days=0.5)
    assert evidence.is_configuration_fresh
    assert {path.predicted for path in judge_evidence(evidence).paths} == {Reachability.OPEN}


def test_a_file_of_another_network_is_not_used() -> None:
    evidence, _ = evidence_in(changed(f'{EC2}\nsource = "file"\nfile_of = "vpc-0fffffffffffffff0"'))
    assert evidence.run.facts_unused == "it is about vpc-0fffffffffffffff0, and this host is in vpc-0a1b2c3d4e5f67890"
    assert not any(read.made for read in reads(evidence).values())
    report = judge_evidence(evidence)
    assert (report.verdict.status, report.paths) == (Status.OK, ())


def test_an_endpoint_that_is_given_by_its_id_is_looked_at_by_the_name_that_ec2_has() -> None:
    chosen = changed('[run]\nendpoints = ["backup=vpce-0b1b2c3d4e5f67890"]\n[ec2]')
    (read,) = [endpoint for endpoint in network.configuration_of(chosen).endpoints or () if endpoint.dns_names]
    name = read.dns_names[0]
    named = changed(f'{EC2}\n[[dns]]\nresolvers = ["10.0.0.2"]\nname = "{name}"\na = ["10.0.1.17"]')
    chosen = replace(named, run=chosen.run)
    evidence, _ = evidence_in(chosen)
    target = next(target for target in evidence.targets if target.role is Role.REQUIRED)
    assert (target.host, target.addressing) == (name, Addressing.VPCE)
    assert evidence.own_addresses(target)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param('[ec2]\nanswer = "silence"', id="EC2 is silent"),
        pytest.param("[ec2]\nendpoints = []", id="EC2 does not know it"),
        pytest.param('[[ec2.endpoints]]\nservice = "backup-gateway"', id="it is of another service"),
        pytest.param("", id="EC2 is not asked"),
    ],
)
def test_an_endpoint_whose_name_nobody_knows_is_unknown(more: str) -> None:
    evidence, _ = evidence_in(changed(f'[run]\nendpoints = ["backup=vpce-0b1b2c3d4e5f67890"]\n{more}'))
    assert judge_evidence(evidence).verdict.status is Status.UNKNOWN


@pytest.mark.virtual_clock
@pytest.mark.parametrize("more", [EC2, f'{EC2}\nanswer = "silence"', f'{EC2}\nsource = "file"'])
async def test_stopped_after_every_event_of_the_configuration(more: str) -> None:
    await stopped_after_every_event(changed(more))


def test_events_tell_of_a_look_before_it_is_made() -> None:
    _, events = evidence_in(changed(EC2))
    planned: set[str] = set()
    started: set[str] = set()
    for event in events:
        match event:
            case StepPlanned():
                planned.add(event.subject.id)
            case StepStarted():
                assert event.subject.id in planned
                started.add(event.subject.id)
            case ObservationMade():
                observation = event.observation
                assert observation.id in planned
                assert (observation.id in started) is not isinstance(observation.outcome, Skipped)
                assert event.planned == len(planned)


def test_an_endpoint_that_waits_for_its_name_holds_up_no_other_target() -> None:
    chosen = changed('[ec2]\nanswer = "silence"', "gateway-healthy")
    chosen = replace(chosen, run=replace(chosen.run, endpoints=("backup=vpce-0b1b2c3d4e5f67890",)))
    _, events = evidence_in(chosen)
    order = [event.observation.id for event in events if isinstance(event, ObservationMade)]
    assert order.index("dns/backup-gateway/getaddrinfo") < order.index("ec2/endpoints")
    bare = "dns/backup@vpce-0b1b2c3d4e5f67890/getaddrinfo"
    assert order.index(bare) > order.index("ec2/endpoints")


@pytest.mark.virtual_clock
async def test_a_run_that_ends_before_a_name_is_known_still_has_the_target() -> None:
    more = '[run]\nendpoints = ["backup=vpce-0b1b2c3d4e5f67890"]\n[ec2]\nanswer = "silence"'

    def emit(event: Event, stop: CancelToken) -> None:
        if isinstance(event, ObservationMade) and event.observation.id == "imds":
            stop.cancel("SIGINT")

    evidence = await run_in(changed(more), emit)
    report = judge_evidence(evidence)
    (bare,) = [target for target in report.targets if target.required]
    assert (bare.host, bare.status, report.verdict.status) == ("vpce-0b1b2c3d4e5f67890", Status.UNKNOWN, Status.UNKNOWN)


# --- One signed call for each service --------------------------------------------------------------------------------


def callers(evidence: Evidence) -> list[str]:
    """The addresses to which a signed call was made, each behind its target."""
    attempted = [observation for observation in evidence.of(Step.API) if not isinstance(observation.outcome, Skipped)]
    return sorted(f"{observation.subject.target} {observation.subject.address}" for observation in attempted)


def test_each_address_has_its_turn_to_make_the_call() -> None:
    chosen = scenarios.load("healthy")
    expected = [f"backup 10.0.{zone}.17" for zone in (1, 2, 3, 1)]
    assert [callers(evidence_in(chosen, turn=turn)[0]) for turn in range(4)] == [[caller] for caller in expected]
    evidence, _ = evidence_in(chosen, turn=1)
    skipped = [
        observation.outcome.reason for observation in evidence.of(Step.API) if isinstance(observation.outcome, Skipped)
    ]
    assert skipped.count(ELSEWHERE) == 2
    assert judge_evidence(evidence).verdict.status is Status.OK


def test_the_next_address_makes_the_call_where_one_does_not_get_so_far() -> None:
    chosen = scenarios.load("one-zone-silent")
    silent = next(row.addresses[0] for row in chosen.tcp if row.answer == "silence")
    own = sorted(ip_address(text) for text in chosen.dns[0].a)
    turn = own.index(ip_address(str(silent)))
    after = own[(turn + 1) % len(own)]
    assert callers(evidence_in(chosen, turn=turn)[0]) == [f"backup {after}"]


def test_no_call_is_no_proof() -> None:
    """If no address gets as far as a call, the run proves nothing for which it needs a call."""
    evidence, _ = evidence_in(scenarios.load("http-stalls"), turn=0)
    assert callers(evidence) == []
    assert judge_evidence(evidence).verdict.status is not Status.OK


@pytest.mark.parametrize("name", one_in(36, scenarios.names()))
def test_one_call_a_service_finds_what_a_call_at_every_address_finds(name: str) -> None:
    report = judge_evidence(evidence_in(scenarios.load(name), turn=1)[0])
    whole = judge_evidence(evidence_of(name))
    assert report.verdict.status is whole.verdict.status
    assert [finding.id for finding in report.findings] == [finding.id for finding in whole.findings]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        pytest.param("gateways-all-not-seen-on-many-pages", [(5, False)], id="to the end, at one address of two"),
        pytest.param("gateway-seen-on-last-page", [(5, False)], id="until one in touch is there"),
        pytest.param("gateway-not-seen-on-last-page", [(5, False)], id="until one out of touch is there"),
        pytest.param("gateway-not-seen", [], id="the first page is all"),
    ],
)
def test_a_list_of_gateways_is_read_on_at_one_address(name: str, known: list[tuple[int, bool]]) -> None:
    text = scenarios.text(name).replace('["10.0.1.27"]', '["10.0.1.27", "10.0.2.27"]')
    for turn in (None, 0, 1):
        evidence, _ = evidence_in(scenarios.parse("pages", text), turn=turn)
        pages = [
            observation.facts for observation in evidence.of(Step.API) if observation.subject.operation == FURTHER_PAGES
        ]
        assert [(facts.gateways_listed, facts.gateways_cut) for facts in pages if facts is not None] == known


def test_a_list_of_gateways_is_read_no_further_than_it_tells() -> None:
    more = 'gateways_per_page = 1\ngateways_seen = { "bgw-1" = 0.1, "bgw-2" = 9.0, "bgw-3" = 9.0, "bgw-4" = 9.0 }'
    text = scenarios.text("gateway-seen").replace('gateways_seen = { "bgw-12A3456B" = 0.2 }', more)
    evidence, _ = evidence_in(scenarios.parse("pages", text))
    [pages] = [
        observation.facts for observation in evidence.of(Step.API) if observation.subject.operation == FURTHER_PAGES
    ]
    assert pages is not None
    assert (pages.gateways_listed, pages.gateways_cut) == (2, True)


# --- Jobs of AWS Backup ----------------------------------------------------------------------------------------------


def test_jobs_are_listed_once_at_one_address() -> None:
    for turn in (None, 0, 1, 2):
        evidence, _ = evidence_in(scenarios.load("jobs-fail-here"), turn=turn)
        listings = [seen for seen in evidence.of(Step.API) if seen.subject.operation == JOBS]
        assert evidence.jobs is not None
        assert listings == [evidence.jobs]
        call = evidence.find(evidence.jobs.subject.after or "")
        assert call is not None
        assert call.ok
        assert (call.subject.step, call.subject.address) == (Step.API, evidence.jobs.subject.address)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        pytest.param("[run]\njobs = false", HEALTHY, id="not asked for"),
        pytest.param("[run]\njobs = true", "backup-storage-healthy", id="no service that lists them"),
        pytest.param("[run]\njobs = true", "endpoint-policy-denies", id="no signed call is answered well"),
        pytest.param("[run]\njobs = true", "port-blocked", id="no address connects"),
    ],
)
def test_jobs_are_not_listed(more: str, name: str) -> None:
    text = scenarios.text(name)
    chosen = text.replace("[run]", more, 1) if "[run]" in text else f"{text}\n{more}"
    evidence, _ = evidence_in(scenarios.parse("changed", chosen))
    assert evidence.run.jobs is ("true" in more)
    assert evidence.jobs is None


def test_without_an_instance_no_jobs_are_asked_for() -> None:
    evidence, _ = evidence_in(changed('[metadata]\nanswer = "forbidden"', "jobs-fail-here"))
    assert evidence.jobs is not None
    assert evidence.jobs.outcome == Skipped(NO_INSTANCE)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("denied", FailureKind.ACCESS_DENIED), ("throttled", FailureKind.THROTTLED)],
)
def test_a_refusal_to_list_jobs_changes_no_verdict(answer: str, kind: FailureKind) -> None:
    text = scenarios.text("jobs-denied").replace('jobs_answer = "denied"', f'jobs_answer = "{answer}"')
    text += '\n[ec2]\nanswer = "silence"\n'
    evidence, _ = evidence_in(scenarios.parse("changed", text))
    assert evidence.jobs is not None
    assert evidence.jobs.failure is not None
    assert evidence.jobs.failure.kind is kind
    report = judge_evidence(evidence)
    assert (report.verdict.status, report.verdict.access, report.findings) == (Status.OK, Access.ALLOWED, ())
    assert report.run.ec2_because is None, "it is not a sign of trouble"


@pytest.mark.virtual_clock
async def test_stopped_after_every_event_of_a_run_that_lists_jobs() -> None:
    await stopped_after_every_event(scenarios.load("jobs-list-cut"))


WITHOUT, *WITH = (f"dns/backup/{operation}" for operation in (WITHOUT_SEARCH, *SEARCH_DOMAINS))


@pytest.mark.parametrize(
    ("name", "more", "made"),
    [
        pytest.param("search-list-answers", "", [WITHOUT, *WITH[:2]], id="what no name server gave"),
        pytest.param("search-list-answers-for-a-missing-name", "", [WITHOUT, *WITH[:2]], id="the name itself first"),
        pytest.param("search-list-beside-an-old-answer", "", [WITHOUT, *WITH[:2]], id="a cache"),
        pytest.param("search-list-healthy", "", [WITHOUT], id="healthy"),
        pytest.param("search-list-not-asked", "", [], id="healthy, and the name itself first"),
        pytest.param("search-list-silent", "", [WITHOUT, *WITH[:2]], id="a lookup that fails"),
        pytest.param(
            "search-list-answers-beyond-reason-for-a-missing-name", "", [WITHOUT, *WITH[:1]], id="too many addresses"
        ),
        pytest.param("name-unanswered-beside-servfail", "", [], id="a lookup that fails, and no search list"),
        pytest.param("hosts-file-stale", 'search = ["corp.example.com"]', [], id="the hosts file"),
        pytest.param("name-does-not-exist", 'search = ["corp.example.com"]', [], id="no address at all"),
        pytest.param(
            "cache-before-dns-holds-private",
            f"search = {[f'{number}.example.com' for number in range(20)]}",
            [WITHOUT, *WITH],
            id="the first six of many",
        ),
        pytest.param("cache-before-dns-holds-private", 'search = ["."]', [WITHOUT], id="no domain"),
    ],
)
def test_search_domains_are_looked_up_where_that_tells_something(name: str, more: str, made: list[str]) -> None:
    text = scenarios.text(name).replace("[host]", f"[host]\n{more}", 1)
    evidence, _ = evidence_in(scenarios.parse("searched", text if "[host]" in text else f"{text}[host]\n{more}\n"))
    assert [of for of in (WITHOUT, *WITH) if evidence.find(of) is not None] == made


# --- Workloads -------------------------------------------------------------------------------------------------------


class SlowSdk:
    """An SDK that reads its settings slowly."""

    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk

    async def settings(self, profile: str | None, services: Sequence[str]) -> SdkFacts:
        await asyncio.sleep(1.0)
        return await self._sdk.settings(profile, services)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sdk, name)


@pytest.mark.virtual_clock
async def test_what_a_workload_needs_does_not_wait_for_the_sdk() -> None:
    chosen = scenarios.load("hana-healthy")
    async with simulated(chosen) as world:
        slow = replace(world, sdk=SlowSdk(world.sdk))
        run = await measure(settings_of(chosen), slow, emit=lambda _: None, stop=CancelToken())
    evidence = Evidence(run)
    settings, lookup = evidence.find("host/sdk-settings"), evidence.find("dns/backup-storage/10.0.0.2/A")
    assert settings is not None
    assert lookup is not None
    assert settings.started_at is not None
    assert lookup.started_at is not None
    assert lookup.started_at - settings.started_at < timedelta(seconds=0.5)


def test_a_websocket_is_tried_beside_the_other_requests() -> None:
    evidence, _ = evidence_in(scenarios.load("hana-healthy"))
    first = "http/ssmmessages/10.0.1.43/443"
    padded, websocket = evidence.find(f"{first}/padded"), evidence.find(f"{first}/websocket")
    assert padded is not None
    assert websocket is not None
    assert websocket.subject.after == first
    assert websocket.started_at == padded.started_at
