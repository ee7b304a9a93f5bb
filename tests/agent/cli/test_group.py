"""How commands are loaded, and what a command says when it refuses a call."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from agent.cli.group import Command, Group
from agent.cli.main import dispatch, main
from tests.support.repository import ROOT


def loaded_by(*arguments: str) -> set[str]:
    """The modules of this program that a call loads."""
    code = (
        "import sys; from agent.cli.entry import run; run(sys.argv[1:]); print(*sorted(sys.modules), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in result.stderr.split() if name.startswith(("agent.", "probes."))}


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_is_where_the_table_says(name: str) -> None:
    command = main.commands[name]
    assert isinstance(command, Command)
    assert command.name == name
    assert main.commands[name] is command


@pytest.mark.parametrize("arguments", [("schema",), ("explain", "dns001"), ("check", "--help"), ("tui", "--help")])
def test_a_command_loads_its_own_module_and_no_world(arguments: tuple[str, ...]) -> None:
    loaded = loaded_by(*arguments)
    commands = {name for name in loaded if name.startswith("agent.cli.commands.")}
    module = {"schema": "tables"}.get(arguments[0], arguments[0])
    assert commands == {f"agent.cli.commands.{module}"}
    assert not {name for name in loaded if name.startswith(("agent.simulated", "probes.system", "agent.judge"))}


READS_AND_POLICIES = {
    "probes.vpc.reads",
    "agent.network.endpoint_policy.call",
    "agent.network.endpoint_policy.judgement",
}


def test_a_run_loads_what_reads_the_configuration_and_judges_policies_where_it_needs_it() -> None:
    assert not loaded_by("demo", "healthy") & READS_AND_POLICIES
    assert loaded_by("demo", "policy-denies-the-call") > READS_AND_POLICIES


def test_no_other_name_is_a_command() -> None:
    assert "banana" not in main.commands
    assert main.commands.get("banana") is None


def test_a_command_can_be_added_and_removed() -> None:
    group = Group("group", modules={"check": "agent.cli.commands.check"})
    group.add_command(click.Command("other"))
    assert list(group.commands) == ["check", "other"]
    del group.commands["other"]
    assert len(group.commands) == 1


@pytest.mark.parametrize(
    ("arguments", "says", "names_help"),
    [
        pytest.param(("check", "--redcat"), "No such option '--redcat'. Did you mean '--redact'?", True, id="option"),
        pytest.param(("check", "--timeout", "soon"), "a number of seconds from 0.1 to 60", True, id="form of a value"),
        pytest.param(("check", "--no-api", "--jobs"), "leave one of them out", True, id="options that exclude others"),
        pytest.param(("diff", "old.json"), "Missing argument 'NEW'", True, id="argument that is missing"),
        pytest.param(("bundle", "--redact"), "An archive is always masked", True, id="option that is not needed"),
        pytest.param(("diff", "--output", "x"), "Redirect stdout instead. Try", True, id="option of others"),
        pytest.param(("explain", "--redact"), "'--redact'. 9 other commands have it.", True, id="option of many"),
        pytest.param(("check", "--by", "x"), "`backuplink fleet` has it.", True, id="option of another"),
        pytest.param(
            ("endpoints", "--region", "eu-wst-1"), "no Region 'eu-wst-1'; did you mean eu-west-1,", False, id="Region"
        ),
        pytest.param(
            ("endpoints", "--region", "xx"), "'xx'; `backuplink endpoints` lists all of them.", False, id="no Region"
        ),
        pytest.param(("diagnose", "nowhere.json"), "nowhere.json: cannot be read: No such file", False, id="report"),
        pytest.param(("check", "--config", "nowhere.toml"), "nowhere.toml: cannot be read", False, id="configuration"),
        pytest.param(("check", "--ec2-facts", "nowhere.json"), "nowhere.json: cannot be read", False, id="facts"),
        pytest.param(("check", "--profile", "nowhere"), "have no profile 'nowhere'", False, id="profile"),
        pytest.param(("explain", "DNS999"), "There is no finding 'DNS999'; did you mean", False, id="finding"),
        pytest.param(("demo", "nowhere"), "There is no scenario 'nowhere'; --list names them.", False, id="scenario"),
        pytest.param(("fleet", "put", "nowhere.json", "s3://b"), "nowhere.json: cannot be read", False, id="record"),
    ],
)
def test_only_what_help_would_have_told_points_to_it(
    arguments: tuple[str, ...],
    says: str,
    names_help: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dispatch([*arguments], []) == 3
    err = capsys.readouterr().err
    assert says in err
    assert err.endswith(f" Try 'backuplink {arguments[0]} --help'.\n") is names_help
    assert ("--help" in err) is names_help


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("check", "--output", "--redact"), id="a flag"),
        pytest.param(("check", "--no-api", "--output", "--format=json"), id="an option with its value"),
        pytest.param(
            ("watch", "--clear-after", "--on-change=/bin/true hunter2"), id="an option that may hold a secret"
        ),
        pytest.param(("diagnose", "REPORT", "--output", "--format", "json"), id="behind an argument"),
        pytest.param(("check", "--output", "--help"), id="help"),
    ],
)
def test_an_option_is_no_value_of_the_option_before_it(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert dispatch([*arguments], []) == 3
    out, err = capsys.readouterr()
    assert "requires an argument. Try 'backuplink " in err
    assert "hunter2" not in out + err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--output=--redact",), id="joined by a sign"),
        pytest.param(("--output", "--unmasked"), id="no option of the command"),
        pytest.param(("--output", "-"), id="a sign of stdin"),
        pytest.param(("--output", "x", "--redact"), id="behind a value"),
        pytest.param(("--output", "output", "--redact"), id="behind a value like a name"),
    ],
)
def test_any_other_word_is_a_value(arguments: tuple[str, ...]) -> None:
    with main.commands["check"].make_context("check", [*arguments]) as context:
        assert context.params["output"] in ("--redact", "--unmasked", "-", "x", "output")
        assert context.params["redact"] is (arguments[-1] == "--redact")
