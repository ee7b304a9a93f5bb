"""`backuplink explain`."""

import os
import sys

import click

from agent.cli.group import Command
from agent.cli.options import table_format
from agent.process.exit_codes import OK
from agent.process.output import has_colours, to_stdout


def _complete_codes(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from agent.catalog.findings import CODES

    return [code for code in CODES if code.startswith(incomplete.upper())]


@click.command(cls=Command)
@click.argument("code", required=False, shell_complete=_complete_codes)
@table_format
def explain(code: str | None, wanted: str) -> int:
    """Show the runbook page of a finding: what it means, likely causes, the fix, and how to confirm it.

    Without CODE, all codes are listed. On a terminal, a page longer than the screen is shown through PAGER.
    """
    from agent.app.explain import all_codes, page_of

    as_json = wanted == "json"
    if code is None:
        to_stdout(all_codes(as_json=as_json))
    elif as_json:
        to_stdout(page_of(code, as_json=True))
    else:
        _show_page(page_of(code, as_json=False, bold=has_colours(sys.stdout, os.environ)))
    return OK


def _show_page(text: str) -> None:
    """Write a text, through a pager where it is longer than the terminal."""
    import shutil

    if sys.stdout is not None and sys.stdout.isatty() and text.count("\n") >= shutil.get_terminal_size().lines:
        click.echo_via_pager(text, color=None)
    else:
        to_stdout(text)
