import os
from typing import Any

import click

from agent.app.publish import FACTS
from agent.cli.group import Command
from agent.cli.options import facts_options
from agent.cli.to_settings import facts_request_from
from agent.settings import Output


@click.command(
    cls=Command,
    examples=(
        "backuplink facts --vpc vpc-0a1b2c3d4e5f67890 --output facts.json",
        "backuplink facts --region eu-west-1 --output account.json",
        "backuplink facts --vpc vpc-0a1b2c3d4e5f67890 --profile network",
    ),
)
@facts_options
@click.pass_obj
def facts(received_signals: list[str], /, **options: Any) -> int:
    """Save the configuration of a VPC to a file. Hosts that cannot reach EC2 read the file instead.

    Run it where EC2 can be reached, such as on a laptop, with credentials of the VPC's account. It changes nothing in
    AWS. On the host, pass the file to `backuplink check --ec2-facts FILE`. Without --vpc the file describes every VPC
    of the account and Region, for `backuplink fleet --ec2-facts FILE`. Exit codes: 0 everything was read, 1 a part
    could not be read (stderr says which), 3 nothing could be read and no file was written.
    """
    from agent.app.gather_facts import gather_facts_here

    request = facts_request_from(options, os.environ, received_signals)
    return gather_facts_here(request, Output(format=FACTS.formats[0], output=options["output"]), received_signals)
