import os
from typing import Any

import click

from agent.cli.group import Command
from agent.cli.options import audit_options
from agent.cli.to_settings import audit_options_from


@click.command(
    cls=Command,
    examples=(
        "backuplink audit --region eu-west-1",
        "backuplink audit --all-regions --format html --output audit.html",
        "backuplink audit --ec2-facts facts.json --workload hana:backup",
    ),
)
@audit_options
@click.pass_obj
def audit(received_signals: list[str], /, **options: Any) -> int:
    """Audit the endpoints of every VPC of an account. It needs no host and sends no packet to an endpoint.

    Says for each VPC which workloads could use private endpoints only. Lists what is wrong with the endpoints, with
    their names and with the paths to them, each fault with its code and its fix. A VPC is judged for the workloads that
    its endpoints suggest, and for those that --workload names. It changes nothing in AWS. Exit codes: 0 nothing is
    wrong, 1 warning, 2 critical, 3 something is not certain, no VPC counts for the verdict, or an error.
    """
    from agent.app.audit import audit_here

    return audit_here(audit_options_from(options, os.environ, received_signals), received_signals)
