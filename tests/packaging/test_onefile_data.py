"""What the one file keeps of botocore's data is enough for every client that a run makes."""

import shutil
from pathlib import Path
from typing import Final

import botocore.session
import pytest
from botocore.loaders import Loader

import assemble
from tests.support.moto_server import REGION, reader

OTHER: Final = "sqs"
"""A service that the program never asks."""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """botocore's data after pruning, in place of botocore's own."""
    folder = tmp_path / "data"
    folder.mkdir()
    for entry in Path(Loader.BUILTIN_DATA_PATH).iterdir():
        if entry.is_file():
            shutil.copyfile(entry, folder / entry.name)
        elif entry.name in {*assemble.CREDENTIAL_SERVICES, *assemble.READ_SERVICES, OTHER}:
            shutil.copytree(entry, folder / entry.name)
    assemble.prune_services(folder)
    monkeypatch.setattr(Loader, "BUILTIN_DATA_PATH", str(folder))
    return folder


def test_every_client_can_be_made(data: Path) -> None:
    session = botocore.session.Session()
    for service in assemble.CREDENTIAL_SERVICES:
        assert session.create_client(service, region_name=REGION).meta.region_name == REGION
    own = reader()
    for service in assemble.READ_SERVICES:
        assert own._client(service).meta.service_model.service_name == service


def test_what_no_client_needs_is_left_out(data: Path) -> None:
    assert not (data / OTHER).exists()
    assert not list(data.rglob("examples-*"))
    read = {path.name.partition(".")[0] for service in assemble.READ_SERVICES for path in data.glob(f"{service}/*/*")}
    assert read == {"endpoint-rule-set-1"}
    assert len(list(data.glob("sts/*"))) == 1
