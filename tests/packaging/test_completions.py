"""Completion with the files that the packages install, in real shells. The tests of a shell that is not installed are
skipped, or fail if BACKUPLINK_REQUIRE_PACKAGES is 1.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
import pytest

import manual
from agent.catalog.findings import CODES
from agent.cli import main as cli
from agent.simulated import scenario_files as scenarios
from tests.packaging.artifacts import lacking
from tests.process.terminals import on_terminal
from tests.support.repository import ROOT

COMPLETIONS: Final = ROOT / "packaging" / "packages" / "completions"
SECONDS: Final = 120.0
"""The limit in seconds for a shell that calls the program once, on a busy machine."""
Complete = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which `backuplink` is the command of this tree."""
    command = tmp_path_factory.mktemp("bin") / "backuplink"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m agent "$@"\n', "utf-8")
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"


def output_lines(words: list[str], path: str, folder: Path) -> list[str]:
    """The lines that a shell writes."""
    if shutil.which(words[0]) is None:
        lacking(f"{words[0]} is not installed")
    environment = {**os.environ, "PATH": path, "HOME": str(folder), "TERM": "dumb"}
    result = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (result.returncode, result.stderr) == (0, ""), (words, result.stderr)
    return result.stdout.splitlines()


BASH: Final = """
source "$1"
complete -p backuplink >/dev/null || exit 1
read -r -a COMP_WORDS <<<"$2"
[[ $2 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_backuplink_completion backuplink "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(params=["bash", "fish"])
def complete(request: pytest.FixtureRequest, path: str, tmp_path: Path) -> Complete:
    """The completions that a shell offers for a line, in alphabetical order."""

    def by_bash(line: str) -> list[str]:
        return output_lines(["bash", "-c", BASH, "bash", str(COMPLETIONS / "backuplink.bash"), line], path, tmp_path)

    def by_fish(line: str) -> list[str]:
        words = ["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]"]
        lines = output_lines([*words, str(COMPLETIONS / "backuplink.fish"), line], path, tmp_path)
        return [line.partition("\t")[0] for line in lines]

    def answer(line: str) -> list[str]:
        return sorted({"bash": by_bash, "fish": by_fish}[request.param](line))

    return answer


def options_of(command: click.Command) -> list[str]:
    """The long options of a command that its help shows."""
    options = [option for option in command.get_params(manual.context_of(command)) if isinstance(option, click.Option)]
    names = [name for option in options if not option.hidden for name in option.opts]
    return sorted(name for name in names if name.startswith("--"))


def test_every_command_is_offered(complete: Complete) -> None:
    assert complete("backuplink ") == manual.commands()


@pytest.mark.parametrize("name", manual.commands())
def test_every_option_is_offered(complete: Complete, name: str) -> None:
    assert complete(f"backuplink {name} --") == options_of(cli.main.commands[name])


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        pytest.param("backuplink wa", ["watch"], id="the rest of a command"),
        pytest.param("backuplink check --serv", ["--service"], id="the rest of an option"),
        pytest.param("backuplink check --expect p", ["private", "public"], id="the values of an option"),
        pytest.param(
            "backuplink demo one-z", [name for name in scenarios.names() if name.startswith("one-z")], id="scenarios"
        ),
        pytest.param("backuplink explain TLS00", [code for code in CODES if code.startswith("TLS00")], id="codes"),
        pytest.param("backuplink wax", [], id="nothing"),
    ],
)
def test_offers_what_fits(complete: Complete, line: str, offered: list[str]) -> None:
    assert [offer for offer in complete(line) if offer] == sorted(offered)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_tab_key_completes(shell: str, path: str, tmp_path: Path) -> None:
    """On a terminal, the shell completes a command, one of its options, and a file name as the value of an option."""
    if shutil.which(shell) is None:
        lacking(f"{shell} is not installed")
    (tmp_path / "a-report-of-today.json").write_text("{}", "utf-8")
    rc = tmp_path / "rc"
    rc.write_text(f"PS1='ready> '\nsource '{COMPLETIONS / 'backuplink.bash'}'\n", "utf-8")
    start = {
        "bash": ["bash", "--noprofile", "--rcfile", str(rc), "-i"],
        "zsh": ["zsh", "-f", "-i"],
        "fish": ["fish", "--no-config", "--interactive"],
    }[shell]
    begin = {
        "bash": "",
        # zsh finds the file by its name in a folder of fpath.
        "zsh": f"PS1='rea''dy> '; fpath=('{COMPLETIONS}' $fpath); autoload -Uz compinit; compinit -u -D\r",
        "fish": f"function fish_prompt; echo 'rea''dy> '; end; source '{COMPLETIONS / 'backuplink.fish'}'\r",
    }[shell]
    environment = {"PATH": path, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with on_terminal(start, columns=200, folder=tmp_path, environment=environment) as session:
        session.press(begin)
        session.until("ready> ")
        for typed, shown in (
            ("backuplink wat", "ch"),
            ("--textf", "ile"),
            ("a-rep", "ort-of-today.json"),
        ):
            session.press(typed)
            session.until(typed)
            session.press("\t")  # sent by itself, since the shell treats input that arrives all at once as pasted text
            session.until(shown)
