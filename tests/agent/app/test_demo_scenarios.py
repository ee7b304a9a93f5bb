"""The scenarios that `demo` lists, and its message for an unknown name."""

from pathlib import Path

import pytest

from agent.cli import entry as command
from agent.simulated import scenario_files


def listed(*words: str, capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The output of `demo --list`: each area's heading, and the lines under it."""
    assert command.run(["demo", "--list", *words]) == 0
    return [part.splitlines() for part in capsys.readouterr().out.split("\n\n")]


def test_the_list_has_every_scenario_that_ships_under_its_area(capsys: pytest.CaptureFixture[str]) -> None:
    parts = listed(capsys=capsys)
    areas = scenario_files.areas()
    assert [part[0] for part in parts] == [f"{scenario_files.AREAS[area]} ({area})" for area in areas]
    for part, names in zip(parts, areas.values(), strict=True):
        assert [tuple(line.split(maxsplit=1)) for line in part[1:]] == [
            (name, scenario_files.load(name).summary) for name in names
        ]
    assert max(len(line) for part in parts for line in part) <= 80


@pytest.mark.parametrize(
    ("word", "names"),
    [
        pytest.param("s3", ["s3-gateway-endpoint-without-route", "s3-through-gateway-endpoint"], id="an area"),
        pytest.param("FLAPS", ["one-zone-flaps"], id="part of a name, in capitals"),
        pytest.param("firewall intercepts", ["tls-intercepted"], id="words of a summary"),
        pytest.param("tcp011", ["no-source-port"], id="a code"),
    ],
)
def test_a_word_chooses_scenarios(word: str, names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parts = listed(word, capsys=capsys)
    assert [line.split()[0] for part in parts for line in part[1:]] == names
    assert all(part[0].endswith(")") for part in parts)


@pytest.mark.parametrize("word", ["no-such-word", "TCP01", "port-refused"])
def test_a_word_that_no_scenario_has_is_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(["demo", "--list", word]) == 3
    assert f"No scenario of the program has '{word}'; --list alone shows all scenarios." in capsys.readouterr().err


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not run from a checkout."""
    monkeypatch.setattr(scenario_files, "CHECKOUT", tmp_path / "data")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("words", [(), ("--watch", "--cycles", "1"), ("--tui",)])
def test_a_scenario_that_does_not_ship_is_said_to_be_in_the_repository(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(["demo", "port-refused", *words]) == 3
    err = capsys.readouterr().err
    assert "tests/scenarios/data/tcp/port-refused.toml in the repository" in err
    assert "`./dev demo port-refused`" in err


def test_a_checkout_runs_what_does_not_ship(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(["demo", "port-refused"]) == 2
    assert "TCP004" in capsys.readouterr().out


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "hint"),
    [("one-zone-silnt", " Did you mean one-zone-silent?"), ("port-refusde", ""), ("tcp/port-refused", "")],
)
def test_a_misspelt_name_gets_a_suggestion_that_runs(name: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(["demo", name]) == 3
    assert f"There is no scenario '{name}'; --list names them.{hint}" in capsys.readouterr().err
