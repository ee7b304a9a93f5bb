import os
from dataclasses import fields
from typing import Any

import click
from click.core import ParameterSource

from agent.cli.group import Command
from agent.cli.options import (
    INTERFACE_ONLY,
    history_options,
    interface_options,
    report_options,
    run_options,
    screen_options,
)
from agent.cli.param_types import complete_files
from agent.cli.to_settings import interface_from, report_options_from, settings_from, watching_on_screen_from
from agent.settings import ReportOptions


@click.command(
    cls=Command,
    examples=(
        "backuplink tui",
        "backuplink tui report.json",
        "backuplink tui --watch --interval 30",
    ),
)
@click.argument("report_file", metavar="[REPORT]", required=False, shell_complete=complete_files)
@run_options
@screen_options
@history_options
@interface_options
@report_options
@click.pass_context
def tui(context: click.Context, /, report_file: str | None, **options: Any) -> int:
    """Show a run, or a saved report, in a full-screen interface.

    The key `?` lists all keys, and `q` quits. REPORT is a file written with --format json, ndjson or html. Without
    REPORT, this host is checked, and `r` checks it again. On exit, the interface writes the report as `check` does. For
    a screen reader, or for a terminal that shows only lines, `check` gives the same content as text.

    With --watch it checks again and again, and shows the times, losses and changes of every address; you can step back
    through past runs. With --history it continues the file of an earlier watch: it shows the runs in that file, and
    keeps its own runs in it.

    The exit code is that of the latest finished run. If no run finished, it is 2 if something critical was proven,
    otherwise 3.
    """
    from agent.app.show import show_host, show_saved

    wanted, interface = report_options_from(options), interface_from(options)
    if report_file is None:
        settings, watching = settings_from(options, os.environ, context.obj), watching_on_screen_from(options)
        return show_host(settings, watching, wanted, interface, context.obj, is_watch=options["again_and_again"])
    _refuse_run_options(context)
    return show_saved(report_file, wanted, interface, context.obj)


def _refuse_run_options(context: click.Context) -> None:
    """Raise UsageError for options of a run, since REPORT is shown without a run. The environment and the configuration
    file may have them for other commands."""
    if context.params["report_file"] == "-":
        raise click.UsageError("REPORT must be a file here: the interface reads the keyboard from stdin.")
    useful = (
        {field.name for field in fields(ReportOptions)} - {"suppressions"} | {"config", "report_file"} | INTERFACE_ONLY
    )
    for name in context.params.keys() - useful:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(param.opts[0] for param in context.command.params if param.name == name)
            raise click.UsageError(f"{option} applies to a run, but REPORT is shown without a run.")
