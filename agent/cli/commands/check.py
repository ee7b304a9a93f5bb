import os
from typing import Any

import click

from agent.cli.group import Command
from agent.cli.options import history_options, report_options, run_options
from agent.cli.to_settings import keeping_from, report_options_from, settings_from


@click.command(
    cls=Command,
    examples=(
        "backuplink check",
        "backuplink check --workload hana:backup --ec2 always",
        "backuplink check --service backup --format json --output report.json",
    ),
)
@run_options
@history_options
@report_options
@click.pass_obj
def check(received_signals: list[str], /, **options: Any) -> int:
    """Check the path once and write a report.

    Exit codes: 0 ok, 1 warning, 2 critical, 3 unknown or an error; 129, 130 or 143 after SIGHUP, SIGINT or SIGTERM.
    """
    from agent.app.check import check_host

    wanted = report_options_from(options)
    settings = settings_from(options, os.environ, received_signals)
    return check_host(settings, wanted, received_signals, keeping_from(options))
