import os
from typing import Any

import click

from agent.cli.group import Command
from agent.cli.options import fleet_options
from agent.cli.param_types import complete_files
from agent.cli.to_settings import fleet_request_from


@click.command(
    cls=Command,
    examples=(
        "backuplink fleet reports/",
        "backuplink fleet s3://BUCKET/backuplink --against previous",
        "backuplink fleet reports/ --format html --output fleet.html",
    ),
)
@click.argument("places", metavar="PATH...", nargs=-1, shell_complete=complete_files)
@fleet_options
@click.pass_obj
def fleet(received_signals: list[str], /, **options: Any) -> int:
    """Find the causes that many hosts share. For each cause it shows the affected hosts, its start and its fix.

    PATH is a file, a folder, a pattern of file names or s3://BUCKET/PREFIX. It has reports (--format json) or records
    of hosts (--format host), as a run or as Systems Manager writes them. Files that cannot be read are counted and
    listed. Exit codes: 0 all hosts ok, 1 or 2 if the worst host has the verdict warning or critical, 3 unknown, too
    many silent hosts or unreadable files, or an error.
    """
    from agent.app.fleet import fleet as join

    return join(fleet_request_from(options, os.environ, received_signals), received_signals)
