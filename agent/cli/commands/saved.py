"""`backuplink diagnose` and `diff`: commands on saved reports."""

from typing import Any

import click

from agent.cli.group import Command
from agent.cli.options import difference_format, report_options
from agent.cli.param_types import complete_files
from agent.cli.to_settings import output_from, report_options_from


@click.command(
    cls=Command,
    examples=(
        "backuplink diagnose report.json",
        "backuplink diagnose report.json --format html --output report.html",
        "backuplink diagnose report.json --redact --brief",
    ),
)
@click.argument("report_file", metavar="REPORT", shell_complete=complete_files)
@report_options
@click.pass_obj
def diagnose(received_signals: list[str], /, report_file: str, **options: Any) -> int:
    """Judge a saved report with the rules of this version. It measures nothing.

    REPORT is a file written with --format json, ndjson or html, or - for stdin. The exit code is that of the new
    verdict.
    """
    from agent.app.judge_saved import judge_saved

    return judge_saved(report_file, report_options_from(options), received_signals)


@click.command(
    cls=Command,
    examples=(
        "backuplink diff before.json after.json",
        "backuplink diff before.json after.json --format markdown",
        "backuplink check --format json | backuplink diff before.json -",
    ),
    lacks={"--output": "Redirect stdout instead."},
)
@click.argument("old", shell_complete=complete_files)
@click.argument("new", shell_complete=complete_files)
@difference_format
@click.pass_obj
def diff(received_signals: list[str], /, old: str, new: str, **options: Any) -> int:
    """Compare two saved reports. It says which targets, steps and findings differ.

    OLD and NEW are files written with --format json, ndjson or html; one of them may be - for stdin. The first line
    says WORSE, FIXED, PARTLY FIXED or NOTHING WORSE, and by which finding. Then come the findings that are new or
    worse, with their fixes, and their symptoms below them. A fault that the new run did not look for is not FIXED.
    Exit codes: 0 nothing got worse, 1 or 2 by the worst cause that is new or got worse, 3 the two cannot be compared.
    """
    from agent.app.judge_saved import compare_saved

    return compare_saved(old, new, received_signals, output=output_from(options))
