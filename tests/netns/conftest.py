"""Finds out whether this machine can make network namespaces and start a systemd in them. If it cannot, the tests that
need this are skipped, or fail if CI requires them.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.netns import service_manager, vpc
from tests.netns.at_once import Runs

REQUIRED = "BACKUPLINK_REQUIRE_NETNS"
SYSTEMD_REQUIRED = "BACKUPLINK_REQUIRE_SYSTEMD"


@pytest.fixture(scope="session")
def namespaces() -> None:
    """If namespaces cannot be made, skip the test with the reason, or fail it if REQUIRED is 1."""
    _need(REQUIRED, vpc.missing())
    vpc.ready()


@pytest.fixture(scope="session")
def systemd(namespaces: None) -> None:
    """If no systemd can be started, skip the test with the reason, or fail it if SYSTEMD_REQUIRED is 1."""
    _need(SYSTEMD_REQUIRED, service_manager.missing())


def _need(variable: str, reason: str | None) -> None:
    if reason is None:
        return
    if os.environ.get(variable) == "1":
        pytest.fail(f"{variable} is set, and {reason}")
    pytest.skip(f"{reason}; {variable}=1 makes this a failure")


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, namespaces: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs[Any]]:
    """The runs of a test module. A test gets a run's result by name; the module's function `make` makes the run."""
    make: Callable[[str], Any] = request.module.make
    here = [item for item in request.session.items if isinstance(item, pytest.Function)]
    named = (item.callspec.params for item in here if item.module is request.module and hasattr(item, "callspec"))
    names = dict.fromkeys(str(params["name"]) for params in named if "name" in params)
    always: tuple[str, ...] = getattr(request.module, "ALWAYS", ())
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    result = Runs(shared / request.module.__name__, dict.fromkeys((*names, *always)), make)
    yield result
    result.close()
