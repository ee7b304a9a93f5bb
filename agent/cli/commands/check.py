"""`backuplink check`."""

import os
from typing import Any

import click

from agent.cli.group import Command
from agent.cli.options import report_options, run_options
from agent.cli.to_settings import report_options_from, settings_from


@click.command(cls=Command)
@run_options
@report_options
@click.pass_obj
def check(received_signals: list[str], /, **options: Any) -> int:
    """Check the path once and write a report."""
    from agent.app.check import check_host

    wanted = report_options_from(options)
    return check_host(settings_from(options, os.environ, received_signals), wanted, received_signals)
