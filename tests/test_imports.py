"""The imports of modules: the lists in the contracts in pyproject.toml are complete, and a command that does not use
the network does not load modules for it.
"""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from agent import network
from tests.support.repository import ROOT

SECONDS: Final = 120.0
"""The limit for a call that hangs. No call takes nearly as long."""
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
    """The names of the functions and constants that a module itself defines."""
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
    missing = formats - independent("formats do not know each other")
    assert not missing, "add it to this contract in pyproject.toml"


def test_every_module_of_rules_is_in_the_contract_of_imports() -> None:
    rules = modules_that_define("agent/judge/rules", "RULES", "HOST_RULES", "CONNECTION_RULES")
    assert {"agent.judge.rules.names", "agent.judge.rules.workload", "agent.judge.rules.vpc.zones"} <= rules
    assert rules == independent("rules do not run other rules"), "add it to this contract in pyproject.toml"


@pytest.mark.parametrize(("library", "importer"), [("click", "agent.cli"), ("duckdb", "agent.fleet")])
def test_a_library_for_one_room_is_protected_from_imports_of_all_others(library: str, importer: str) -> None:
    (contract,) = (row for row in CONTRACTS.values() if row.get("protected_modules") == [library])
    assert contract["allowed_importers"] == [importer]


def test_every_module_behind_the_face_of_the_network_is_protected_from_imports() -> None:
    contract = CONTRACTS["nobody imports past the face of the network"]
    assert contract["allowed_importers"] == [network.__name__]
    own = {
        path.stem
        for path in (ROOT / "agent/network").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    face = set(network.__all__)
    assert face < own
    assert {f"agent.network.{name}" for name in own - face - {"__init__"}} == set(contract["protected_modules"])


OFFLINE: Final = {
    "audit": ("audit", "--ec2-facts", "{root}/docs/examples/account.json"),
    "predict": ("predict", "--ec2-facts", "{root}/docs/examples/estate.json"),
    "predict a plan": (
        *("predict", "--ec2-facts", "{root}/docs/examples/estate.json", "--service", "backup"),
        *("--assume-plan", "{root}/docs/examples/change-set.json"),
    ),
    "fleet": ("fleet", "{hosts}"),
    "explain": ("explain", "DNS001"),
    "explain a text": ("explain", "--text", "ParamValidationError: SIDs are not valid"),
}
"""Commands that only read files, and do not use the network."""
LOADED: Final = """
import sys
from agent.cli.entry import run
run(sys.argv[1:])
print("loaded:", *sorted(sys.modules), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the records of two hosts."""
    folder = tmp_path_factory.mktemp("hosts")
    for name in ("healthy", "private-dns-off"):
        record = subprocess.run(
            [sys.executable, "-m", "agent", "demo", name, "--format", "host"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        ).stdout
        (folder / f"{name}.json").write_text(record, "utf-8")
    return folder


@pytest.mark.parametrize("name", OFFLINE)
@pytest.mark.parametrize("output", ["text", "json"])
def test_an_offline_command_imports_nothing_of_the_network(name: str, output: str, hosts: Path, tmp_path: Path) -> None:
    words = [word.format(root=ROOT, hosts=hosts) for word in OFFLINE[name]]
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words, "--format", output],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stdout
    assert "Error" not in done.stderr
    loaded = done.stderr.partition("loaded: ")[2].split()
    assert "agent.cli.main" in loaded
    for module in loaded:
        assert not module.startswith(("probes.system", "probes.steps"))
        assert module.partition(".")[0] not in ("h11", "dns", "httpx", "boto3", "botocore", "cryptography")
