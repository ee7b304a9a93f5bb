"""Reports on one session of pytest: which test called which functions, and which test failed first."""

import json
import sys
import time
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest


class Map:
    """Writes, for each test, which functions of the tree it called and how many seconds it took."""

    def __init__(self, tree: Path, output: Path) -> None:
        self._start = f"{tree}/agent/"
        self._root = f"{tree}/"
        self._output = output
        self._tests: dict[str, tuple[float, list[str]]] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        codes = set()

        def called(frame: FrameType, event: str, _: object) -> None:
            if event == "call":
                codes.add(frame.f_code)

        began = time.monotonic()
        sys.setprofile(called)
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            functions = {
                f"{code.co_filename.removeprefix(self._root)}:{code.co_firstlineno}"
                for code in codes
                if code.co_filename.startswith(self._start)
            }
            self._tests[item.nodeid] = time.monotonic() - began, sorted(functions)

    def pytest_sessionfinish(self) -> None:
        self._output.write_text(json.dumps({"tests": self._tests, "modules": [*sys.modules]}), "utf-8")


class First:
    """Runs the tests that are near the mistake first, and writes the name of the first test that fails."""

    def __init__(self, near: frozenset[str], output: Path) -> None:
        self._near = near
        self._output = output

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: item.nodeid not in self._near)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._write(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._write(report)

    def _write(self, report: Any) -> None:
        if report.failed and not self._output.exists():
            self._output.write_text(report.nodeid, "utf-8")
