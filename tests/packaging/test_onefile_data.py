"""The part of botocore's data that the one file keeps is enough for every client that a run makes."""

import shutil
from pathlib import Path
from typing import Any, Final

import botocore.session
import pytest
from botocore.loaders import Loader

import assemble
from agent.catalog.services import SERVICES, checkable
from agent.fleet import aws
from agent.process.cancel import CancelToken
from agent.report.model import Measurement
from agent.run.runner import measure
from agent.simulated.clock import PatientLoop
from agent.simulated.settings import settings_of
from agent.simulated.world import simulated
from probes.model import Step
from probes.operations import SDK_SETTINGS
from probes.seams import Keys
from probes.system import clients
from probes.system.sdk import SystemSdk
from tests.support.many_services import world_of
from tests.support.moto_server import REGION
from tests.support.runs import in_virtual_time

CLIENTS: Final = (*assemble.CREDENTIAL_SERVICES, *assemble.FLEET_SERVICES)
OTHER: Final = "sqs"
"""A service that the program never calls."""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the part of botocore's data that is kept. botocore uses it instead of its own data."""
    folder = tmp_path / "data"
    folder.mkdir()
    for entry in Path(Loader.BUILTIN_DATA_PATH).iterdir():
        if entry.is_file():
            shutil.copyfile(entry, folder / entry.name)
        elif entry.name in {*CLIENTS, *assemble.READ_SERVICES, OTHER}:
            shutil.copytree(entry, folder / entry.name)
    assemble.prune_services(folder)
    monkeypatch.setattr(Loader, "BUILTIN_DATA_PATH", str(folder))
    return folder


def test_every_service_can_be_asked(data: Path) -> None:
    session = botocore.session.Session()
    for service in CLIENTS:
        assert session.create_client(service, region_name=REGION).meta.region_name == REGION
    keys = Keys(access_key_id="a", secret_key="b", token=None)  # noqa: S106
    reading = clients.reads(None, keys)
    for service in (*assemble.READ_SERVICES, "sts"):
        assert clients.reading(reading, service, REGION).meta.service_model.service_name == service


def test_the_services_of_a_fleet_are_those_that_it_asks() -> None:
    assert set(assemble.FLEET_SERVICES) == set(aws.NAMES)


def test_what_no_client_needs_is_left_out(data: Path) -> None:
    assert not (data / OTHER).exists()
    assert not list(data.rglob("examples-*"))
    assert {path.name.partition(".")[0] for path in data.glob(f"{assemble.OWN_MODEL}/*/*")} == {"endpoint-rule-set-1"}
    assert len(list(data.glob("sts/*"))) == 1


@pytest.mark.usefixtures("data")
def test_every_signed_call_of_the_catalogue_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK has the settings and credentials of a run, and creates the clients as a run does."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    scenario = world_of(checkable())

    async def go() -> Measurement:
        async with simulated(scenario) as world:
            sdk: Any = world.sdk
            sdk.settings, sdk.credentials = SystemSdk().settings, SystemSdk().credentials
            return await measure(settings_of(scenario), world, emit=lambda _: None, stop=CancelToken())

    observations = in_virtual_time(go, PatientLoop).observations
    (settings,) = (one for one in observations if one.subject.operation == SDK_SETTINGS)
    assert settings.ok
    called = {one.subject.target for one in observations if one.subject.step is Step.API and one.ok}
    assert called == {name for name in checkable() if SERVICES[name].call is not None}
