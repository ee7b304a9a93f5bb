"""What CONTRIBUTING.md states about `probes` on Windows: its imports, the names and folders that it uses, and its unit
tests, which run without the names that Python does not have on Windows.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from tests.support import extent, windows
from tests.support.repository import ROOT

PAGE: Final = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
ALL: Final = "all: the module cannot be imported"


def table(title: str) -> list[list[str]]:
    """The rows of the table in the section with this title."""
    section = PAGE.partition(f"\n### {title}\n")[2].partition("\n### ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in rows]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def imported() -> dict[str, str | None]:
    """The result of importing each module, in a separate process."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.windows"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    became: dict[str, str | None] = json.loads(ended.stdout)
    return became


def test_what_is_hidden_is_what_python_lacks_there() -> None:
    assert windows.is_absent("fcntl")
    assert not windows.is_absent("os")
    assert {"killpg", "O_NONBLOCK", "getuid"} <= windows.lacking("os")
    assert {"environ", "O_RDONLY", "getpid"}.isdisjoint(windows.lacking("os"))
    assert {"AF_NETLINK", "TCP_INFO"} <= windows.lacking("socket")
    assert {"AF_INET6", "TCP_NODELAY", "create_connection"}.isdisjoint(windows.lacking("socket"))
    assert windows.lacking_methods() >= {"recvmsg", "sendmsg"}
    assert "connect_ex" not in windows.lacking_methods()


def test_the_page_says_what_each_module_lacks() -> None:
    became = imported()
    assert {*became} == {*windows.modules()}
    measured = {}
    for module in windows.modules():
        if became[module] is not None or windows.uses(module):
            measured[module] = ("no" if became[module] else "yes", windows.uses(module))
    assert {
        words(name)[0]: (imports, words(names)) for name, imports, names in table("What Python lacks there")
    } == measured


def test_the_page_says_which_folders_each_module_reads() -> None:
    measured = {module: read for module in windows.modules() if (read := windows.paths(module))}
    said = {words(name)[0]: words(folders) for name, folders in table("What is read from Linux's own folders")}
    assert said == measured


@pytest.mark.skipif(not extent.everything(), reason="all unit tests of probes once more: only with --everything")
def test_the_page_says_which_unit_tests_fail(tmp_path: Path) -> None:
    results = tmp_path / "results.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "tests.support.windows", "-p", "no:cacheprovider"]
    more = ["--continue-on-collection-errors", "-W", "ignore::pytest.PytestUnraisableExceptionWarning"]
    subprocess.run(
        [*command, *more, f"--junitxml={results}", "tests/probes"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1_700,
    )
    failed = defaultdict(set)
    count = 0
    for case in ElementTree.parse(results).iter("testcase"):  # noqa: S314 - pytest's own
        count += 1
        name, where = case.get("name", ""), case.get("classname", "")
        if case.find("failure") is not None or case.find("error") is not None:
            failed[f"{(where or name).replace('.', '/')}.py"].add(name.partition("[")[0] if where else ALL)
    assert count > 1_000
    said = {words(file)[0]: {*words(tests)} or {tests} for file, tests in table("Unit tests that fail")}
    assert failed == said
