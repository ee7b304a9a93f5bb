"""CONTRIBUTING's recipes work: an invented service and an invented format are added to a copy of the tree, only in the
files that the recipes list.
"""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from agent.catalog.findings import CODES, Layer, Scope
from agent.fixes.by_code import FIXES
from agent.fixes.predicted import CODE_AT
from agent.judge.causality import Effects
from agent.judge.rules.registry import RULES
from agent.report.hops import Stage
from agent.settings import Settings
from tests.agent.cli.test_options import CASES
from tests.support.recipe import RECIPE, Places, forgotten, places_of_findings
from tests.support.repository import ROOT

SECONDS: Final = 120.0
"""The limit for a call that hangs. No call takes nearly as long."""
PAGE: Final = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
COUNTS: Final = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}

SERVICE: Final = """        Service(
            name="made-up",
            sdk_id="Made Up",
            signing_name="made-up",
            host_label="made-up",
            private_links=(PrivateLink(label="made-up"),),
            ports=(_HTTPS, Port(number=9443, role="data", required=True)),
            call=SignedCall(name="ListThings", method="GET", path="/things", key="Things"),
            permission=CallPermission(action="made-up:ListThings"),
        ),
"""
SCENARIO: Final = """summary = "a made-up service, one of whose ports is silent"

[run]
services = ["made-up"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "made-up.eu-west-1.amazonaws.com"
a = ["10.0.1.17"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "*"
a = ["52.95.112.41"]

[[tcp]]
addresses = ["10.0.1.17"]
ports = [443]

[expect]
status = "critical"
path = "private"
findings = ["TCP003@made-up"]
"""
FORMAT: Final = '''"""A verdict in one word, for a recipe's test."""

from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.model import Report


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """The status of the verdict, on a line of its own."""
    return f"{report.verdict.status}!\\n"
'''
ROW: Final = '    Format(name="word", module="agent.formats.word", suffix=".word"),\n'


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree with copies of the two packages, without the scenarios of the tests."""
    for package in ("agent", "probes"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def places(recipe: str) -> tuple[int, list[str]]:
    """The number of places that a recipe's heading promises, and the items of its list."""
    match = re.search(rf"^### {recipe}: (\w+) places?\n(.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert match is not None, f"CONTRIBUTING.md has no recipe for {recipe}"
    return COUNTS[match[1]], re.findall(r"^\d+\. ", match[2], re.MULTILINE)


def insert(path: Path, before: str, lines: str) -> None:
    """Insert lines before the last line that contains `before`."""
    text = path.read_text("utf-8")
    at = text.rindex(before)
    path.write_text(text[:at] + lines + text[at:], "utf-8")


def backuplink(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command of this tree."""
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:agent|docs|packaging|probes|tests)/[\w./-]+)`", PAGE)
    assert "agent/network/paths.py" in named
    places = [name for name in named if not re.search(r"[A-Z]{4}\b|<", name)]  # a path with NAME is a pattern
    assert [name for name in dict.fromkeys(places) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("recipe", ["A finding", "A format", "A service", "A setting of a run"])
def test_a_recipe_has_as_many_places_as_it_says(recipe: str) -> None:
    count, items = places(recipe)
    assert len(items) == count


@cache
def findings() -> Places:
    return places_of_findings(RULES)


@pytest.mark.parametrize("code", CODES)
def test_no_place_of_a_finding_is_forgotten(code: str) -> None:
    missing = forgotten(code, findings())
    assert not missing, f"{code} lacks: {', '.join(f'{place} (place {RECIPE[place]})' for place in missing)}"


@pytest.mark.parametrize("place", RECIPE)
def test_each_place_of_a_finding_is_missed(place: str) -> None:
    """VPC005 is present in all places."""
    without = replace(findings(), **{place: getattr(findings(), place) - {"VPC005"}})
    assert forgotten("VPC005", without) == [place]


def test_the_recipe_of_a_finding_has_each_of_its_places() -> None:
    count, items = places("A finding")
    assert {*RECIPE.values()} == {*range(1, count + 1)} == {*range(1, len(items) + 1)}


def test_a_made_up_code_of_the_configuration_lacks_them_all() -> None:
    assert forgotten("VPC999", findings()) == [place for place in RECIPE if place != "explains"]


def test_a_kind_of_symptom_is_among_those_that_an_address_can_cause_or_not() -> None:
    """`agent.judge.causality` groups the symptoms that a wrong name, address or server can cause. If a new kind is in
    no group, it must be listed here, as a kind that they cannot cause.
    """
    may_be = (Layer.NAME, Layer.CONNECTION, Layer.TLS, Layer.HTTP, Layer.CALL, Layer.POLICY)
    of_targets = {code for code, row in CODES.items() if row.scope is Scope.TARGET and row.layer in may_be}
    ungrouped = of_targets - {code for code in of_targets for group in Effects if group.include(CODES[code])}
    assert ungrouped == IN_NO_GROUP, "add it to a group of agent/judge/causality.py, or to IN_NO_GROUP (place 3)"


IN_NO_GROUP: Final = {
    *("DNS002", "DNS012", "DNS014", "DNS015", "DNS017", "DNS018", "DNS020"),  # caused by the answer of any server
    *("HTTP003", "HTTP005"),  # caused by the proxy or the service
    *("API005", "API007", "API008", "API012"),  # caused by the clock, the account or the gateway
    *("IAM001", "IAM002", "IAM009"),  # caused by the policy of the endpoint, or by an unknown one
}


def test_the_hop_of_a_path_has_a_code() -> None:
    assert set(CODE_AT) == set(Stage)
    assert set(CODE_AT.values()) <= set(FIXES)


def test_a_setting_of_a_run_has_an_option_and_a_case() -> None:
    """If a setting has no option, users cannot change it."""
    names = {field.name for field in dataclasses.fields(Settings)}
    assert names - {case.field for case in CASES} == NO_OPTION


NO_OPTION: Final = {
    "region_source",  # the source of the Region
    *("turn", "standing_calls", "uncalled", "standing_workloads"),  # a watch sets these for each of its runs
}


def test_a_service_is_one_record_and_one_scenario(copy: Path) -> None:
    insert(copy / "agent/catalog/services.py", "    )\n}\n", SERVICE)
    area = copy / "tests/scenarios/data/api"
    area.mkdir(parents=True)
    (area / "made-up-service.toml").write_text(SCENARIO, "utf-8")

    done = backuplink(copy, "demo", "made-up-service", "--format", "json")
    assert (done.returncode, done.stderr.count("Traceback")) == (2, 0)
    report = json.loads(done.stdout)
    (target,) = (target for target in report["targets"] if target["service"] == "made-up")
    assert (target["role"], target["host"]) == ("required", "made-up.eu-west-1.amazonaws.com")
    assert target["ports"] == [443, 9443]
    assert [finding["code"] for finding in report["findings"]] == ["TCP003"]
    assert "9443" in report["findings"][0]["detail"]

    assert "made-up.eu-west-1.amazonaws.com" in backuplink(copy, "endpoints", "--region", "eu-west-1").stdout
    assert "made-up" in backuplink(copy, "check", "--help").stdout


def test_a_format_is_one_module_and_one_row(copy: Path) -> None:
    (copy / "agent/formats/word.py").write_text(FORMAT, "utf-8")
    insert(copy / "agent/formats/registry.py", ')\n"""The formats in the order of `--help`', ROW)

    done = backuplink(copy, "demo", "--format", "word")
    assert (done.returncode, done.stdout) == (0, "ok!\n")
    done = backuplink(copy, "demo", "private-dns-off", "--format", "word", "--output", "verdict.word")
    assert (done.returncode, done.stdout, (copy / "verdict.word").read_text("utf-8")) == (2, "", "critical!\n")
    refused = backuplink(copy, "check", "--format", "word", "--no-such-option")
    assert (refused.returncode, refused.stdout) == (3, "unknown!\n")
    watched = backuplink(copy, "demo", "--watch", "--cycles", "1", "--format", "word")
    assert watched.returncode == 3
    assert "--format word is a single document" in watched.stderr
    assert "word" in backuplink(copy, "check", "--help").stdout
