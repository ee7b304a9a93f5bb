"""Where scenario files are. Each name is unique, each folder is a known area, and texts for users only name scenarios
that ship.
"""

import re
from pathlib import Path
from typing import Final

import pytest

from agent.simulated import scenario_files
from tests.support import scenarios
from tests.support.repository import ROOT

FOLDERS: Final = (scenario_files.SHIPPED, scenario_files.CHECKOUT)
PAGES: Final = (
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name != "scenarios.md"),
    *sorted((ROOT / "agent" / "runbooks").glob("*.md")),
    *sorted((ROOT / "packaging" / "packages" / "man").iterdir()),
    ROOT / "packaging" / "distributor" / "backuplink-image.yaml",
)
_DEMO: Final = re.compile(r"(?:backuplink|\./dev) demo\b([^\n#`]*)")


def test_every_file_is_in_the_folder_of_an_area() -> None:
    for folder in FOLDERS:
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
        known = {f"{area}/{name}.toml" for area, names in scenario_files.areas(folder).items() for name in names}
        assert found == known


def test_every_area_has_a_scenario() -> None:
    assert {area for folder in FOLDERS for area in scenario_files.areas(folder)} == set(scenario_files.AREAS)


def test_a_name_is_unique_over_both_folders() -> None:
    names = [name for folder in FOLDERS for each in scenario_files.areas(folder).values() for name in each]
    assert sorted(set(names)) == sorted(names)
    assert scenarios.names() == tuple(sorted(names))


def test_a_watch_of_a_scenario_that_ships_has_turns_that_ship() -> None:
    shipped = scenario_files.names()
    turns = {turn for name in shipped for turn in scenarios.load(name).turns}
    assert turns
    assert turns <= set(shipped)


def test_what_people_read_runs_demos_that_ship() -> None:
    """Every word of a `demo` command in these pages is checked."""
    known, shipped = set(scenarios.names()), set(scenario_files.names())
    words = {word for page in PAGES for command in _DEMO.findall(page.read_text("utf-8")) for word in command.split()}
    assert len(words & shipped) >= 4
    assert words & (known - shipped) == set()


def test_an_installed_program_has_only_those_that_ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario_files, "CHECKOUT", tmp_path / "tests" / "scenarios" / "data")
    assert scenario_files.load("one-zone-silent").name == "one-zone-silent"
    with pytest.raises(KeyError, match="port-refused"):
        scenario_files.load("port-refused")
