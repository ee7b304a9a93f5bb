"""docs/development/compatibility.md: which other vendors' software was tested, in which versions and set-ups, and with
what result.

A run writes it: `./dev test --everything --write-compatibility tests/peers`. A set-up that did not run keeps its row. A
set-up that no longer exists loses it.
"""

from collections.abc import Iterable
from typing import Final, cast

import pytest

from tests.peers import setups, software
from tests.support.repository import ROOT

PAGE: Final = ROOT / "docs" / "development" / "compatibility.md"
PROPERTY: Final = "set-up"
"""The name of the pytest property through which a test passes its row of the page to `Recorder`."""
_HEAD: Final = """\
<!-- Written by ./dev test --everything --write-compatibility tests/peers; edit there. -->
# Compatibility

This page lists the software of others with which backuplink was tested. The tests run in network namespaces in which
AWS is simulated. The column "result" says what backuplink must report in a set-up, or how the software must show
backuplink's output. In a healthy set-up, this is `ok`. In other set-ups, it is the verdict with the
[codes](../codes.md) of exactly the findings that the report must have, or the worst severity with the
[alerts](../monitoring.md) that must fire. The versions are those of the packages. `tests/peers/install` fetches the
packages, and `./dev test --everything tests/peers` runs the tests.

| software | version | set-up | result |
|---|---|---|---|
"""
Row = tuple[str, str, str, str]


def row(setup: setups.Setup, version: str) -> Row:
    """The row of a set-up that was tested."""
    return _title(setup), version, setup.name, setup.result


def rows() -> tuple[Row, ...]:
    """The current rows of the page."""
    lines = PAGE.read_text("utf-8").splitlines() if PAGE.exists() else []
    cells = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines if line.startswith("| ")]
    return tuple((title, version, name, result) for title, version, name, result in cells[1:])


def write(met: Iterable[Row]) -> None:
    """Write the page with the rows of this session."""
    versions = {(title, name, result): version for title, version, name, result in (*rows(), *met)}
    lines = []
    for setup in setups.every():
        version = versions.get((_title(setup), setup.name, setup.result))
        if version is not None:
            lines.append(f"| {' | '.join(row(setup, version))} |\n")
    PAGE.write_text(_HEAD + "".join(lines), "utf-8")


def _title(setup: setups.Setup) -> str:
    return software.listed()[setup.package].title


class Recorder:
    """A plugin of pytest that writes the page at the end of a session."""

    def __init__(self) -> None:
        self._met: list[Row] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the row of a test that passed."""
        if report.when == "call" and report.passed:
            self._met += [cast("Row", value) for name, value in report.user_properties if name == PROPERTY]

    def pytest_sessionfinish(self) -> None:
        """Write the recorded rows."""
        write(self._met)
