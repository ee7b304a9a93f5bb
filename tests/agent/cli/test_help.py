"""Help: groups, lines that fit the screen, examples that can be parsed, and suggestions in error messages."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest

import manual
from agent.catalog.regions import REGIONS
from agent.cli.help import COMMANDS, MAX_SUMMARY, MOST_IN_ONE_LIST, OPTIONS
from agent.cli.main import dispatch, main
from tests.packaging.artifacts import needed
from tests.packaging.run_command import REAL, executable
from tests.support.command import SECONDS
from tests.support.repository import ROOT

COLUMNS: Final = 80


def help_of(name: str | None) -> str:
    """The help of a command, or of the program, at 80 columns."""
    command = main if name is None else main.commands[name]
    context = manual.context_of(main)
    if name is not None:
        context = click.Context(command, parent=context, info_name=name, terminal_width=COLUMNS)
    context.terminal_width = COLUMNS
    return command.get_help(context)


def test_every_command_is_in_one_group() -> None:
    assert sorted(name for _, names in COMMANDS for name in names) == sorted(main.commands)
    assert len(COMMANDS) == 4


@pytest.mark.parametrize("name", main.commands)
def test_each_command_has_one_whole_line(name: str) -> None:
    (line,) = re.findall(rf"^  {name} {{2,}}(\S.*)$", help_of(None), re.MULTILINE)
    assert len(line) <= MAX_SUMMARY
    assert not line.endswith("...")
    assert line.endswith(".")


@pytest.mark.parametrize("name", [None, *main.commands])
def test_no_line_of_help_is_wider_than_a_terminal(name: str | None) -> None:
    assert [line for line in help_of(name).splitlines() if len(line) > COLUMNS] == []


@pytest.mark.parametrize("name", [None, *main.commands])
def test_no_name_is_broken_at_its_hyphen(name: str | None) -> None:
    assert [line for line in help_of(name).splitlines() if re.search(r"\w-$", line)] == []
    assert "\N{NON-BREAKING HYPHEN}" not in help_of(name)


@pytest.mark.parametrize("name", main.commands)
def test_options_are_in_groups(name: str) -> None:
    command = main.commands[name]
    options = [param for param in command.params if isinstance(param, click.Option)]
    grouped = {option for _, names in OPTIONS for option in names}
    if len(options) + 1 > MOST_IN_ONE_LIST:
        others = [option.opts[0] for option in options if option.opts[0] not in grouped]
        assert others in ([], ["--config"]), "add it to a group of OPTIONS in agent/cli/help.py"
    shown = help_of(name)
    rows = shown[re.search(r"^(Targets|Method|Options|Output).*:$", shown, re.MULTILINE).start() :]  # type: ignore[union-attr]
    rows = rows.partition("\nVariables:\n")[0]
    assert re.findall(r"^  (\w+)$", rows, re.MULTILINE) == []
    for option in options:
        assert len(re.findall(rf"^  {option.opts[0]}(?= |$)", rows, re.MULTILINE)) == 1, option.opts[0]


def test_every_option_in_a_group_is_one_that_a_command_has() -> None:
    grouped = [option for _, names in OPTIONS for option in names]
    assert len(grouped) == len(set(grouped))
    have = {param.opts[0] for command in main.commands.values() for param in command.params}
    assert set(grouped) - have == set()


@pytest.mark.parametrize("name", main.commands)
def test_each_command_has_three_examples_that_it_takes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = getattr(main.commands[name], "examples", ())
    assert len(examples) == 3
    for example in examples:
        assert f"  {example}\n" in help_of(name)
        lines = [shlex.split(part) for part in example.split(" | ")]
        assert all(words[0] == "backuplink" for words in lines)
        called = []
        for words in lines:
            found, command, given = main.resolve_command(manual.context_of(main), words[1:])
            assert command is not None
            with command.make_context(found, given, parent=manual.context_of(main)):
                called.append(found)
        assert name in called


@pytest.mark.parametrize("name", main.commands)
def test_variables_are_told_once(name: str) -> None:
    """The help says how variables are named, and lists the options without a variable."""
    shown = " ".join(help_of(name).partition("\nVariables:\n")[2].split())
    options = [param for param in main.commands[name].params if isinstance(param, click.Option)]
    settable = [option for option in options if option.envvar is not None]
    assert bool(shown) == bool(settable)
    assert "env var" not in help_of(name)
    for option in settable:
        assert option.envvar == f"BACKUPLINK_{option.opts[0].removeprefix('--').replace('-', '_').upper()}"
    if settable:
        listed, _, rule = shown.partition(" can also be set by an environment variable, ")
        named = set(re.findall(r"--[a-z0-9-]+", listed))
        every = {option.opts[0] for option in options}
        says = every - named if listed.startswith("Each option") else named
        assert says == {option.opts[0] for option in settable}
        variable, option_named = re.findall(r"(BACKUPLINK_[A-Z0-9_]+) for (--[a-z0-9-]+)", rule)[0]
        assert (option_named, variable) in {(option.opts[0], option.envvar) for option in settable}


@pytest.mark.parametrize(
    ("name", "metrics"), [("check", True), ("history", True), ("fleet", True), ("audit", False), ("facts", False)]
)
def test_who_can_read_a_file_is_told_as_it_is(name: str, metrics: bool) -> None:
    (option,) = (param for param in main.commands[name].params if param.opts[0] == "--output")
    assert isinstance(option, click.Option)
    assert option.help is not None
    assert ("only its owner can read it, unless the format is for metrics." in option.help) is metrics


# --- What errors suggest ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "--service", "bakup"), "Did you mean 'backup'?"),
        (("check", "--service", "backup-gatway"), "Did you mean 'backup-gateway'?"),
        (("check", "--workload", "bakup"), "Did you mean '--service backup'?"),
        (("permissions", "--workload", "backup"), "Did you mean '--service backup'?"),
        (("check", "--workload", "hana:backp"), "Did you mean 'hana:backup'?"),
        (("check", "--service", "hana"), "Did you mean '--workload hana'?"),
        (("demo", "--workload", "gatway"), "Did you mean 'gateway'?"),
        (("check", "--format", "jsn"), "Did you mean 'json'?"),
        (("check", "--expect", "privat"), "Did you mean 'private'?"),
        (("permissions", "--policy", "runbok"), "Did you mean 'runbook'?"),
        (("schema", "predicton"), "Did you mean 'prediction'?"),
        (("check", "--verison"), "No such option '--verison'. Did you mean 'backuplink --version'?"),
        (("check", "--version"), "No such option '--version'. Did you mean 'backuplink --version'?"),
        (("predict", "--verison"), "Did you mean 'backuplink --version'?"),
        (("check", "--redcat"), "Did you mean '--redact'?"),
        (("check", "--intent", "x"), "No such option '--intent'. `backuplink predict` has it."),
        (("explain", "--region", "x"), "have it."),
    ],
)
def test_the_nearest_is_suggested(arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(list(arguments), []) == 3
    assert says in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "--service", "xyzzy"), "'xyzzy' is not one of 'backup', 'backup-gateway',"),
        (("check", "--xyzzy"), "No such option '--xyzzy'. Try"),
        (("endpoints", "--service", "caller"), "'caller' is not one of"),  # a workload, but there is no --workload
    ],
)
def test_where_nothing_is_near_nothing_is_suggested(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(list(arguments), []) == 3
    said = " ".join(capsys.readouterr().err.split())
    assert says in said
    assert "Did you mean" not in said


@pytest.mark.parametrize("is_variable", [True, False])
@pytest.mark.parametrize(("option", "value"), [("--service", "bakup"), ("--timeout", "0"), ("--region", "nowhere")])
def test_a_variable_is_named_where_it_gave_the_value_and_only_there(
    option: str, value: str, is_variable: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variable = f"BACKUPLINK_{option.removeprefix('--').upper()}"
    if is_variable:
        monkeypatch.setenv(variable, value)
    assert dispatch(["check", *([] if is_variable else [option, value])], []) == 3
    said = capsys.readouterr().err
    assert (f"Invalid value for '{option}' (from the variable {variable})" in said) is is_variable
    assert (variable in said) is is_variable


# --- Completion ------------------------------------------------------------------------------------------------------


def test_the_two_lines_of_the_guide_complete(tmp_path: Path) -> None:
    """bash runs the line for bash, with the program of this tree on PATH."""
    guide = (ROOT / "docs" / "install.md").read_text("utf-8")
    lines = re.findall(r"^eval .*_BACKUPLINK_COMPLETE=(\w+)_source backuplink\)\"$", guide, re.MULTILINE)
    assert lines == ["bash", "zsh"]
    (line,) = re.findall(r"^eval .*=bash_source backuplink\)\"$", guide, re.MULTILINE)
    executable(tmp_path / "backuplink", f"#!/bin/sh\n{REAL}\n")
    typed = "COMP_WORDS=(backuplink check --region eu-w); COMP_CWORD=3"
    asks = f"{typed}; _backuplink_completion backuplink; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    ended = subprocess.run(
        [needed("bash"), "--noprofile", "--norc", "-c", f"{line}\n{asks}"],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.defpath}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [region for region in REGIONS if region.startswith("eu-w")] != []


def test_a_list_of_scenarios_ends_well_where_its_reader_has_gone() -> None:
    """Both commands succeed although nobody reads their output. A reader such as head(1) may have read enough."""
    codes = {}
    for command in ("demo --list", "explain"):
        script = f"{shlex.quote(sys.executable)} -m agent {command} | true; echo ${{PIPESTATUS[0]}}"
        ended = subprocess.run(
            [needed("bash"), "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        codes[command] = (ended.stdout, ended.stderr)
    assert codes["demo --list"] == codes["explain"] == ("0\n", "")
