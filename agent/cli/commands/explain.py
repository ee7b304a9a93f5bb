import os
import sys

import click

from agent.cli.group import Command
from agent.cli.options import page_format
from agent.process.exit_codes import OK, UNKNOWN
from agent.process.output import has_colours, is_terminal


def _complete_codes(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from agent.catalog.findings import CODES

    return [code for code in CODES if code.startswith(incomplete.upper())]


@click.command(
    cls=Command,
    examples=(
        "backuplink explain TCP002",
        'backuplink explain --text "connect: connection timed out"',
        "backuplink explain --format json",
    ),
)
@click.argument("code", required=False, shell_complete=_complete_codes)
@click.option(
    "--text",
    metavar="LINE",
    help="Show the findings that can cause this line of a log, and how to prove them; - reads lines from stdin.",
)
@page_format
@click.pass_obj
def explain(received_signals: list[str], /, code: str | None, text: str | None, wanted: str) -> int:
    """Show what a finding means and how to fix it. The page also has likely causes, and how to confirm the fix.

    Without CODE, all codes are listed. --text knows English texts that jobs of AWS Backup, SAP HANA's Backint agent,
    VSS, Backup gateway, the SSM Agent, Terraform, the AWS CLI, curl, nslookup and the SDKs write. It shows the
    innermost cause first; the exit code is 3 if it knows no text in the line. On a terminal, a page that is longer than
    the screen is shown through PAGER.
    """
    from agent.app.explain import all_codes, known_texts, page_of

    is_page, colour = wanted == "text", wanted == "text" and has_colours(sys.stdout, os.environ)
    if text is not None:
        if code is not None:
            raise click.UsageError("CODE and --text exclude each other.")
        document, is_known = known_texts(text, wanted, received_signals, colour=colour)
        ended = _show(document, received_signals, is_page=is_page)
        return ended if is_known or ended != OK else UNKNOWN
    if code is None:
        return _show(all_codes(wanted), received_signals, is_page=False)
    return _show(page_of(code, wanted, colour=colour), received_signals, is_page=is_page)


def _show(text: str, received_signals: list[str], *, is_page: bool) -> int:
    """Write a text; on a terminal, a page longer than the screen goes through a pager. Returns the exit code."""
    import shutil

    from agent.app.publish import write_at_once

    if is_page and is_terminal(sys.stdout) and text.count("\n") >= shutil.get_terminal_size().lines:
        click.echo_via_pager(text, color=None)
        return OK
    return write_at_once(text, received_signals)
