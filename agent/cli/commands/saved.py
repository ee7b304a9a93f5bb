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
    """Compare two saved reports. The result says which targets, steps and findings differ.

    OLD and NEW are files written with --format json, ndjson or html; one of them may be - for stdin. The first line
    says WORSE, FIXED, PARTLY FIXED or NOTHING WORSE, and which finding decides that. Then come the findings that are
    new or worse, each with its fix, and with its symptoms below it. A fault that the new run did not look for does not
    count as FIXED. Exit codes: 0 nothing got worse, 1 (warning) or 2 (critical) for the worst cause that is new or got
    worse, 3 the reports cannot be compared.
    """
    from agent.app.judge_saved import compare_saved

    return compare_saved(old, new, received_signals, output=output_from(options))
