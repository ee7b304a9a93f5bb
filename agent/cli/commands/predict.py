import os
from typing import Any

import click

from agent.cli.group import Command
from agent.cli.options import predict_options
from agent.cli.to_settings import predict_request_from


@click.command(
    cls=Command,
    examples=(
        "backuplink predict --vpc vpc-0a1b2c3d4e5f67890 --workload caller",
        "backuplink predict --ec2-facts facts.json --service backup-gateway",
        "backuplink predict --ec2-facts facts.json --assume-plan plan.json",
    ),
)
@predict_options
@click.pass_obj
def predict(received_signals: list[str], /, **options: Any) -> int:
    """Predict what the configuration of a VPC lets hosts reach. It needs no host and sends no packet.


    Follows each connection through security groups, network ACLs and routes, there and back, for IPv4 and IPv6, and
    says what the VPC's resolver answers. It names the deciding rule, entry or route by its id. Hosts that the
    configuration treats alike form one class. Exit codes: 0 everything that is required is open, 2 something is
    blocked, 3 something is not certain, or an error. With --assume: 0 the change closes nothing that was open, 2 it
    closes something, 3 it may close something, or an error.
    """
    from agent.app.predict import predict_here

    return predict_here(predict_request_from(options, os.environ, received_signals), received_signals)
