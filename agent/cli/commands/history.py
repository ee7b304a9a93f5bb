from typing import Any

import click

from agent.app.publish import DIFFERENCE, HISTORY
from agent.catalog.wording import either
from agent.cli.group import Command
from agent.cli.options import shown_report_options
from agent.cli.param_types import CYCLE, MOMENT, OneOf, complete_files
from agent.cli.to_settings import output_from, refuse_replacing_history, report_options_from


@click.command(
    cls=Command,
    examples=(
        "backuplink history runs.db",
        "backuplink history runs.db --show 42",
        "backuplink history runs.db --since 7d --format html --output history.html",
    ),
)
@click.argument("file", shell_complete=complete_files)
@click.option("--show", type=CYCLE, metavar="ID", help="Write the report of the cycle with this number in the list.")
@click.option("--compare", type=CYCLE, nargs=2, metavar="A B", help="Compare the reports of two cycles.")
@click.option("--plot", is_flag=True, help="Draw availability by day, latency by address and step, and flapping.")
@click.option(
    "--export", "exported", type=OneOf(("csv", "ndjson")), help="Write every cycle, in a format for programs."
)
@click.option(
    "--since",
    type=MOMENT,
    help="Leave out cycles that started earlier: a time such as 2026-01-15T03:00 in UTC, or a duration such as 7d.",
)
@shown_report_options
@click.pass_obj
def history(received_signals: list[str], /, file: str, **options: Any) -> int:
    """List what changed, from a file of kept runs. `watch --history` and `check --history` write such files.

    For each change, the list has the number of the cycle, the time at which the cycle ended, what changed, and how long
    that lasted. The list also has the periods in which no watch ran. --format html writes a page with the verdict and
    its start, availability by day, latency, flapping, every change, and the report of each failure. --format markdown
    leaves out the reports, and --format svg writes only the chart. A watch may still be writing to FILE. Exit codes: 0
    done, 3 the file is not a history or has no such cycle, or the output cannot be written.
    """
    from agent.app.history import compare_cycles, export, list_changes, show_cycle
    from agent.history.request import HistoryRequest

    _refuse_together(options)
    refuse_replacing_history(file, options)
    if options["show"] is not None:
        return show_cycle(file, options["show"], report_options_from(options), received_signals)
    if options["compare"]:
        old, new = options["compare"]
        return compare_cycles(file, old, new, received_signals, output=output_from(options))
    if options["exported"] is not None:
        return export(file, options["since"], received_signals, as_csv=options["exported"] == "csv")
    request = HistoryRequest(place=file, since=options["since"], chart=options["plot"], output=output_from(options))
    return list_changes(request, received_signals)


def _refuse_together(options: dict[str, Any]) -> None:
    """Raise UsageError for options that exclude each other, or that need another option."""
    chosen = [name for name in ("show", "compare", "plot", "exported") if options[name]]
    if len(chosen) > 1:
        first, second = (f"--{name.removesuffix('ed')}" for name in chosen[:2])
        raise click.UsageError(f"{first} and {second} exclude each other; leave one of them out.")
    if options["show"] is not None:
        if options["since"] is not None:
            raise click.UsageError("--since limits the list, and --show writes one report; leave one of them out.")
        return
    for name in ("brief", "redact"):
        if options[name]:
            raise click.UsageError(f"--{name} is for the report that --show writes.")
    if options["exported"] is not None:
        if options["format"] != "text":
            raise click.UsageError("--export names its own format; leave --format out.")
        if options["output"] is not None:
            raise click.UsageError("--export writes line by line to stdout; redirect it instead of --output.")
        return
    formats = (DIFFERENCE if options["compare"] else HISTORY).formats
    if options["format"] not in formats:
        raise click.UsageError(
            f"--format {options['format']} is for the report that --show writes; use {either(formats)}."
        )
    if options["compare"] and options["since"] is not None:
        raise click.UsageError("--since limits the list; --compare takes any two cycles.")
