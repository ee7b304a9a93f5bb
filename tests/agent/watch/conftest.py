"""The long watch takes minutes and runs unattended. It starts with the first test here, and the last test checks it."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support import extent
from tests.support.repository import ROOT

CYCLES: Final = 10_000 if extent.everything() else 120


def _takes_long(item: pytest.Item) -> bool:
    return "year" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that wait for the long watch last."""
    items.sort(key=_takes_long)


@pytest.fixture(scope="session", autouse=True)
def _started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[str] | None]:
    """The long watch. It starts with the first test here if a selected test waits for it."""
    if not any(map(_takes_long, request.session.items)):
        yield None
        return
    command = [sys.executable, "-m", "tests.agent.watch.year", str(tmp_path_factory.mktemp("year")), str(CYCLES)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def year(_started: subprocess.Popen[str] | None) -> subprocess.Popen[str]:
    """The process that watches for CYCLES cycles."""
    assert _started is not None
    return _started
