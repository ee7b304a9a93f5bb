"""Whether network namespaces can be made here. Where CI says that they must, their absence is a failure."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.netns.at_once import Runs
from tests.netns.vpc import missing, ready

REQUIRED = "BACKUPLINK_REQUIRE_NETNS"


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Skip where there are no namespaces, with the reason; fail instead where REQUIRED is 1."""
    reason = missing()
    if reason is None:
        ready()
        return
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED} is set, and {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, namespaces: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs[Any]]:
    """The runs of a test module: what its function `make` gives for every name that a test of this session asks for."""
    make: Callable[[str], Any] = request.module.make
    here = [item for item in request.session.items if isinstance(item, pytest.Function)]
    named = (item.callspec.params for item in here if item.module is request.module and hasattr(item, "callspec"))
    names = dict.fromkeys(str(params["name"]) for params in named if "name" in params)
    always: tuple[str, ...] = getattr(request.module, "ALWAYS", ())
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = Runs(shared / request.module.__name__, dict.fromkeys((*names, *always)), make)
    yield made
    made.close()
