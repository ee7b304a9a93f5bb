"""Writes the pages that are copies of the program: `python -m tests.docs`, or `--check` to see that none is stale."""

import sys
from pathlib import Path

import click

from agent import cli, codec
from agent.codes import CODES
from agent.simulated import scenario as scenarios
from tests import manual, screenshots

ROOT = Path(__file__).parents[1]
HEAD = "<!-- Written by ./dev docs from the program itself; edit there. -->\n"


def codes_page() -> str:
    """Every finding code with its severity."""
    rows = [f"| {each.code} | {each.name} | {each.severity} | {each.scope} | {each.title} |" for each in CODES.values()]
    return "\n".join(
        [
            f"{HEAD}# Finding codes",
            "",
            "The severity is for a required target; a service that was not asked for is capped at `warning`, a host "
            "looked at for comparison at `info`.",
            "",
            "| code | name | severity | scope | says |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def commands_page() -> str:
    """The help of every command."""
    parts = [f"{HEAD}# Commands\n"]
    for command in (cli.main, *cli.main.commands.values()):
        name = "backuplink" if command is cli.main else f"backuplink {command.name}"
        context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100)
        parts.append(f"## `{name}`\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def scenarios_page() -> str:
    """Every scenario with what a run finds in it."""
    rows = []
    for name in scenarios.names():
        each = scenarios.load(name)
        findings = ", ".join(f"`{finding}`" for finding in each.expect.findings) or "none"
        rows.append(f"| `{name}` | {each.summary} | {each.expect.status} | {findings} |")
    return "\n".join(
        [
            f"{HEAD}# Scenarios of `backuplink demo`",
            "",
            "| name | what is so | status | findings |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def pages() -> dict[str, str]:
    """Every generated file, by its path from the root."""
    return {
        "docs/codes.md": codes_page(),
        "docs/commands.md": commands_page(),
        "docs/scenarios.md": scenarios_page(),
        "docs/report.v1.schema.json": codec.dumps(codec.schema()),
        **screenshots.pages(),
        **manual.pages(),
    }


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` name those that differ and give 1."""
    stale = []
    for path, text in pages().items():
        file = ROOT / path
        if file.is_file() and file.read_text("utf-8") == text:
            continue
        stale.append(path)
        if "--check" not in arguments:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    if stale and "--check" in arguments:
        print(f"stale: {', '.join(stale)}; run ./dev docs", file=sys.stderr)  # noqa: T201 - a command of its own
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
