"""The data that a watch keeps from one cycle to the next changes no result: each cycle equals the run of a new process.

The network is simulated. The SDK and the trusted roots are real, and read a scenario's files and variables. They are
kept while one scenario follows another, so everything may change between two cycles.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from agent.judge.verdict import judge
from agent.process.cancel import CancelToken
from agent.report.codec import dumps, encode
from agent.report.model import Measurement, Report
from agent.run.runner import measure
from agent.settings import Calls
from agent.simulated.certificates import root_pem
from agent.simulated.clock import PatientLoop
from agent.simulated.scenario import Scenario
from agent.simulated.settings import settings_of
from agent.simulated.world import simulated
from probes.background import in_background
from probes.seams import Trust, World
from probes.steps import dns, tls
from probes.system.kept import Kept
from probes.system.sdk import SystemSdk
from probes.system.trust import load_trust
from tests.netns import program
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.runs import in_virtual_time


class Host:
    """A host with a real SDK and real roots, on a simulated network."""

    def __init__(self) -> None:
        self.sdk = SystemSdk()
        self.roots: Kept[Trust] = Kept()

    def cycle(self, scenario: Scenario, turn: int) -> Report:
        """The report of one cycle."""

        async def go() -> Measurement:
            async with simulated(scenario) as world:
                settings = settings_of(scenario)
                if settings.calls is not Calls.NONE:
                    settings = replace(settings, calls=Calls.ONE, turn=turn)
                return await measure(settings, self._on(world, scenario), emit=lambda _: None, stop=CancelToken())

        return judge(in_virtual_time(go, PatientLoop))

    def _on(self, world: World, scenario: Scenario) -> World:
        machine: Any = world.machine
        sdk: Any = world.sdk

        async def trust(ca_bundle: str | None) -> Trust:
            return await in_background(lambda: load_trust(ca_bundle, self.roots))

        machine.trust = trust
        if not scenario.sdk.silent_home:
            sdk.settings = self.sdk.settings
        if scenario.credentials.source in ("env", "fails"):  # all other sources would use this host's network
            sdk.credentials = self.sdk.credentials
        return world


def cold(scenario: Scenario, turn: int) -> Report:
    """The report of the same cycle in a new process."""
    dns._seen_before.cache_clear()
    dns._question.cache_clear()
    tls._VERIFIED.clear()
    return Host().cycle(scenario, turn)


def settle(scenario: Scenario, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the files, and set the variables, that the SDK reads in a scenario."""
    here: Any = SimpleNamespace(scenario=scenario)
    for name, value in program.environment(here, folder).items():
        if name not in ("PATH", "HOME"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def text_of(report: Report) -> str:
    return dumps(encode(report))


KEPT: Final = Host()


@pytest.mark.parametrize("name", one_in(32, scenarios.names()))
def test_a_cycle_is_as_the_run_of_a_new_process(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = scenarios.load(name)
    settle(scenario, tmp_path, monkeypatch)
    first, second = [text_of(KEPT.cycle(scenario, turn)) for turn in (1, 2)]
    assert [text_of(cold(scenario, turn)) for turn in (1, 2)] == [first, second]


# --- What changes between two cycles ---------------------------------------------------------------------------------

Change = Callable[[Path, pytest.MonkeyPatch], object]
SETTINGS: Final = "[default]\nregion = eu-west-1\n"


def in_file(name: str, text: str) -> Change:
    return lambda folder, _: (folder / name).write_text(text)


def in_variable(name: str, value: str) -> Change:
    return lambda _, monkeypatch: monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("change", "after"),
    [
        pytest.param(in_file("roots.pem", root_pem("corporate")), None, id="the CA bundle is replaced"),
        pytest.param(in_file("roots.pem", "words"), None, id="the CA bundle is broken"),
        pytest.param(in_file("config", "[default]\nuse_fips_endpoint = true\n"), None, id="a profile is edited"),
        pytest.param(in_file("config", "region eu-west-1 and no sign between\n"), None, id="a profile is broken"),
        pytest.param(in_variable("AWS_ACCESS_KEY_ID", "AKIAI44QH8DHBEXAMPLE"), None, id="keys are rotated"),
        pytest.param(
            in_variable("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z"), None, id="the credentials have expired"
        ),
        pytest.param(in_variable("AWS_ENDPOINT_URL_BACKUP", "https://other.example"), None, id="a variable is set"),
        pytest.param(lambda *_: None, "resolver-silent", id="resolv.conf names another server"),
        pytest.param(lambda *_: None, "one-zone-silent", id="the network has a fault"),
        pytest.param(lambda *_: None, "hana-healthy", id="the Backint agent is installed"),
        pytest.param(lambda *_: None, "hana-in-s3-mode", id="the Backint agent is installed, with a bucket"),
        pytest.param(lambda *_: None, "ssm-endpoint-override", id="the SSM Agent is installed, with hosts of its own"),
    ],
)
def test_a_change_between_two_cycles_is_in_the_next(
    change: Change, after: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = scenarios.load("healthy")
    settle(scenario, tmp_path, monkeypatch)
    (tmp_path / "config").write_text(SETTINGS)
    host = Host()
    before = [text_of(host.cycle(scenario, 1)) for _ in range(2)]
    change(tmp_path, monkeypatch)
    if after is not None:
        scenario = scenarios.load(after)
    changed = [text_of(host.cycle(scenario, 1)) for _ in range(2)]
    assert before[0] == before[1] != changed[0] == changed[1] == text_of(cold(scenario, 1))


@pytest.mark.parametrize("before", ["hana-healthy", "hana-mode-unknown"])
def test_a_workload_that_is_removed_between_two_cycles_is_not_in_the_next(
    before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = scenarios.load("healthy")
    settle(healthy, tmp_path, monkeypatch)
    host = Host()
    host.cycle(scenarios.load(before), 1)
    assert text_of(host.cycle(healthy, 1)) == text_of(cold(healthy, 1))
