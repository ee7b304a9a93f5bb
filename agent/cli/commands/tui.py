"""`backuplink tui`."""

import os
from dataclasses import fields
from typing import Any

import click
from click.core import ParameterSource

from agent.cli.group import Command
from agent.cli.options import report_options, run_options
from agent.cli.param_types import complete_files
from agent.cli.to_settings import report_options_from, settings_from
from agent.settings import ReportOptions


@click.command(cls=Command)
@click.argument("report_file", metavar="[REPORT]", required=False, shell_complete=complete_files)
@run_options
@report_options
@click.pass_context
def tui(context: click.Context, /, report_file: str | None, **options: Any) -> int:
    """Show a run as it happens, or a saved report, on the whole terminal.

    `?` lists the keys, `q` quits. REPORT is a file of --format json or ndjson; without one a run is made, and `r` makes
    it again. Afterwards the report is written as `check` writes it. Where a terminal is read aloud, or shows nothing
    but lines, `check` says the same as text.

    Exits as the last run says that came to its end. Without one 3, or 2 where something critical was proven by then.
    """
    from agent.app.show import show_host, show_saved

    wanted = report_options_from(options)
    if report_file is None:
        return show_host(settings_from(options, os.environ), wanted, context.obj)
    _refuse_run_options(context)
    return show_saved(report_file, wanted, context.obj)


def _refuse_run_options(context: click.Context) -> None:
    """Raise UsageError for options that say what a run looks at, or what counts in it, where none is made. Those of
    environment and configuration are meant for other calls, too."""
    if context.params["report_file"] == "-":
        raise click.UsageError("REPORT must be a file here, since stdin is for the keys.")
    useful = {field.name for field in fields(ReportOptions)} - {"suppressions"} | {"config", "report_file"}
    for name in context.params.keys() - useful:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(param.opts[0] for param in context.command.params if param.name == name)
            raise click.UsageError(f"{option} is for a run, and none is made to show REPORT.")
