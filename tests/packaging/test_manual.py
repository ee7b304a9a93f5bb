"""The manual page's text about each key of the configuration file."""

import re

import click
import pytest

import manual
from agent.cli import main as cli
from agent.settings import DEFAULT_DEADLINE, DEFAULT_TIMEOUT


def entry(key: str) -> str:
    """The text below a key of backuplink.toml(5), without the escapes of man(7)."""
    page = manual.file_page().replace("\\-", "-")
    match = re.search(rf"^\.TP\n\\fB{key} = .*\n(.*)$", page, re.MULTILINE)
    assert match is not None, key
    return match[1]


def test_default_in_words_is_shown_as_in_help() -> None:
    assert f"Default: {DEFAULT_DEADLINE:g}, or 9 with --format nagios." in entry("deadline")


def test_default_of_a_value_is_shown() -> None:
    assert f"Default: {DEFAULT_TIMEOUT:g}." in entry("timeout")


def test_option_without_a_default_has_none() -> None:
    assert "Default" not in entry("output")


def test_no_key_shows_an_internal_value() -> None:
    assert "UNSET" not in manual.file_page()


@pytest.mark.parametrize(
    ("show", "words"),
    [
        pytest.param("3 at night", "3 at night", id="words"),
        (True, "3"),
        (False, ""),
        pytest.param(None, "", id="unset"),
    ],
)
def test_default_of_an_option(show: bool | str | None, words: str) -> None:
    assert manual.default_of(click.Option(["--x"], default=3, show_default=show)) == words


@pytest.mark.parametrize("name", manual.commands())
def test_a_page_has_the_examples_of_the_help_as_a_shell_takes_them(name: str) -> None:
    """If man(1) is installed, it shows every character of the examples, and each example on its own line."""
    command = cli.main.commands[name]
    page = manual.command_page(name, command)
    (block,) = re.findall(r"^\.SH EXAMPLES\n\.nf\n(.*?)^\.fi$", page, re.MULTILINE | re.DOTALL)
    assert block.replace("\\-", "-").splitlines() == list(getattr(command, "examples", ())) != []
