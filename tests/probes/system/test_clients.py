"""What this program adds to boto3's clients: a smaller model of EC2 with the same meaning, and settings with which a
client does not send additional requests.
"""

import ssl
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointVariantError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.regions import EndpointResolver

import service_models
from agent.catalog.regions import REGIONS
from agent.simulated.certificates import root_pem, server_context
from probes.seams import Keys
from probes.system import clients
from tests.probes.system.test_reader_connections import PROBES
from tests.support import moto_server
from tests.support.moto_server import KEYS, REGION, Told, reader
from tests.support.repository import ROOT

told = moto_server.told


# --- The model of EC2 ------------------------------------------------------------------------------------------------


@cache
def whole_model() -> Any:
    """botocore's own model of EC2."""
    return ServiceModel(Loader().load_service_model("ec2", "service-2"), "ec2")


@pytest.fixture(autouse=True, scope="module")
def _forget() -> Iterator[None]:
    yield
    whole_model.cache_clear()


@pytest.mark.parametrize("operation", service_models.operations())
def test_the_shapes_are_those_of_botocore(operation: str) -> None:
    whole = whole_model().operation_model(operation)
    pruned = clients.reads(None, Keys(**KEYS)).client("ec2", region_name=REGION).meta.service_model
    pruned = pruned.operation_model(operation)
    assert pruned.http == whole.http
    assert pruned.metadata == whole.metadata
    for name in ("input_shape", "output_shape"):
        assert dict(described(getattr(pruned, name))) == dict(described(getattr(whole, name)))


def described(shape: Any, path: str = "", seen: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    """Everything in a shape, and in the shapes to which it refers, that a serialiser or a parser uses, by path."""
    yield path, (shape.name, shape.type_name, shape.serialization, shape.metadata)
    if shape.name in seen:
        return
    inner = {**getattr(shape, "members", {})}
    inner |= {part: getattr(shape, part) for part in ("member", "key", "value") if hasattr(shape, part)}
    for name, member in inner.items():
        yield from described(member, f"{path}.{name}", (*seen, shape.name))


@pytest.mark.parametrize("service", clients.SERVICES)
def test_the_endpoints_are_those_of_botocore(service: str) -> None:
    whole = EndpointResolver(Loader().load_data("endpoints"))
    pruned = EndpointResolver(clients.ReadsLoader(None).load_data("endpoints"))
    for region, fips, dual_stack in product((*REGIONS, "eu-new-9"), (False, True), (False, True)):
        variant = {"use_fips_endpoint": fips, "use_dualstack_endpoint": dual_stack}
        asked = [endpoint_of(resolver, service, region, variant) for resolver in (pruned, whole)]
        assert asked[0] == asked[1], (region, variant)


def endpoint_of(resolver: EndpointResolver, service: str, region: str, variant: dict[str, bool]) -> object:
    try:
        return resolver.construct_endpoint(service, region, **variant)
    except EndpointVariantError as error:
        return str(error)


def test_only_the_model_that_is_written_is_there() -> None:
    written = {ROOT / path for path in service_models.files()}
    assert set(clients.FOLDER.rglob("*.json")) == written


async def test_no_large_file_of_botocore_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    load = Loader.FILE_LOADER_CLASS.load_file

    def load_file(self: Any, file_path: str) -> Any:
        data = load(self, file_path)
        if data is not None:
            read.append(Path(file_path))
        return data

    monkeypatch.setattr(Loader.FILE_LOADER_CLASS, "load_file", load_file)
    await reader().prepare(clients.SERVICES)
    assert [path.parent for path in read if path.name == "endpoints"] == [clients.FOLDER]
    of_ec2 = [path for path in read if path.name == "service-2" and path.parent.parent.name == "ec2"]
    assert [path.is_relative_to(clients.FOLDER) for path in of_ec2] == [True]
    assert len(read) == len({*read})


# --- Settings --------------------------------------------------------------------------------------------------------


async def test_data_of_the_users_own_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Users need AWS_DATA_PATH in a partition whose Regions botocore does not know."""
    (tmp_path / "endpoints.json").write_text(
        """{"version": 3, "partitions": [{
            "partition": "own", "partitionName": "own", "dnsSuffix": "own.example", "regionRegex": "^own-.*$",
            "regions": {"own-1": {}}, "services": {"ec2": {"endpoints": {"own-1": {}}}},
            "defaults": {"hostname": "{service}.{region}.{dnsSuffix}", "protocols": ["https"]}
        }]}"""
    )
    monkeypatch.setenv("AWS_DATA_PATH", f"~nobody-of-that-name/data:{tmp_path}")
    client = clients.reads(None, Keys(**KEYS)).client("ec2", region_name="own-1")
    assert client.meta.endpoint_url == "https://ec2.own-1.own.example"


async def test_nothing_but_the_requests_leaves_a_client(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client sends no metrics of the SDK, although a variable enables them. It sends no request for metadata,
    although its mode is `auto`, and opens no connection.
    """
    opened: list[str] = []

    def socket_of_botocore(*_: Any, **__: Any) -> Any:
        opened.append("socket")
        raise OSError

    monkeypatch.setenv("AWS_CSM_ENABLED", "true")
    monkeypatch.setenv("AWS_DEFAULTS_MODE", "auto")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    monkeypatch.setattr("urllib3.util.connection.create_connection", socket_of_botocore)
    monkeypatch.setattr("botocore.monitoring.SocketPublisher.publish", socket_of_botocore)
    own = reader()
    for service, (operation, parameters) in PROBES.items():
        await own.read(service, operation, parameters)
    assert (len(told.calls), opened) == (len(PROBES), [])


async def test_roots_are_loaded_once_for_all_connections(
    told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told.server.socket = server_context("amazon", ("localhost",)).wrap_socket(told.server.socket, server_side=True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{told.port}")
    roots = tmp_path / "roots.pem"
    roots.write_text(root_pem("amazon"))
    loads: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def load_verify_locations(self: ssl.SSLContext, *files: Any) -> None:
        loads.append(files)
        load(self, *files)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", load_verify_locations)
    own = reader(ca_bundle=str(roots))
    for service, (operation, parameters) in PROBES.items():
        await own.read(service, operation, parameters)
    assert len(told.calls) == len(PROBES)
    assert len(loads) == 2  # once into each of the two contexts
