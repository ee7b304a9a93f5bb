"""Which modules import which: the lists of the contracts in pyproject.toml are whole."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.repository import ROOT

CONTRACTS: Final = {
    row["name"]: row
    for row in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
}


def independent(name: str) -> set[str]:
    """The modules that a contract of independence lists."""
    contract: dict[str, Any] = CONTRACTS[name]
    assert contract["type"] == "independence"
    return set(contract["modules"])


def defined_in(path: Path) -> Iterator[str]:
    """The names of a module's own functions and constants."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def modules_that_define(folder: str, *names: str) -> set[str]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / folder).rglob("*.py")
        if not set(names).isdisjoint(defined_in(path)) and path.name != "registry.py"
    }


def test_every_format_is_in_the_contract_of_imports() -> None:
    formats = modules_that_define("agent/formats", "render")
    assert {"agent.formats.text", "agent.formats.prometheus"} <= formats
    assert not formats - independent("formats do not know each other")


def test_every_module_of_rules_is_in_the_contract_of_imports() -> None:
    rules = modules_that_define("agent/judge/rules", "RULES", "HOST_RULES", "CONNECTION_RULES")
    assert {"agent.judge.rules.names", "agent.judge.rules.workload", "agent.judge.rules.vpc.zones"} <= rules
    assert rules == independent("rules do not run other rules")


@pytest.mark.parametrize(("library", "importer"), [("click", "agent.cli"), ("duckdb", "agent.fleet")])
def test_a_library_for_one_room_is_protected_from_imports_of_all_others(library: str, importer: str) -> None:
    (contract,) = (row for row in CONTRACTS.values() if row.get("protected_modules") == [library])
    assert contract["allowed_importers"] == [importer]
