"""`backuplink diagnose` and `diff`: what can be done with saved reports."""

from typing import Any

import click

from agent.cli.group import Command
from agent.cli.options import report_options, table_format
from agent.cli.param_types import complete_files
from agent.cli.to_settings import report_options_from


@click.command(cls=Command)
@click.argument("report_file", metavar="REPORT", shell_complete=complete_files)
@report_options
def diagnose(report_file: str, **options: Any) -> int:
    """Judge a saved report with the rules of this version: no network, nothing measured anew.

    REPORT is a file of --format json or ndjson, or - for stdin. Exits as the judged report says.
    """
    from agent.app.judge_saved import judge_saved

    return judge_saved(report_file, report_options_from(options))


@click.command(cls=Command)
@click.argument("old", shell_complete=complete_files)
@click.argument("new", shell_complete=complete_files)
@table_format
def diff(old: str, new: str, wanted: str) -> int:
    """Say what changed between two saved reports: targets, steps, and findings that came and went.

    OLD and NEW are files of --format json or ndjson; one of them may be - for stdin. Exits 0 where nothing got worse,
    1 or 2 by the worst cause that is new or worse, 3 where the two cannot be compared.
    """
    from agent.app.judge_saved import compare_saved

    return compare_saved(old, new, as_json=wanted == "json")
