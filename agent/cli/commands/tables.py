"""`backuplink endpoints`, `permissions` and `schema`: tables that need no run."""

import click

from agent.cli.group import Command
from agent.cli.options import table_format
from agent.process.exit_codes import OK
from agent.process.output import to_stdout


@click.command(cls=Command)
@click.option("--region", help="One Region.")
@click.option("--partition", help="All Regions of a partition, such as aws-cn.")
@table_format
def endpoints(region: str | None, partition: str | None, wanted: str) -> int:
    """Write service names, host names, ports and availability: of a Region, of a partition or of all."""
    from agent.app.tables import endpoints_table

    to_stdout(endpoints_table(region, partition, as_json=wanted == "json"))
    return OK


@click.command(cls=Command)
@click.option("--region", help="For one Region, its services and its resources.")
@click.option("--partition", help="For all Regions of a partition, such as aws-cn. Otherwise those of aws.")
@table_format
def permissions(region: str | None, partition: str | None, wanted: str) -> int:
    """Write the least IAM policy for each part of a run: the path alone, signed calls, the reads of EC2."""
    from agent.app.tables import permissions_table

    to_stdout(permissions_table(region, partition, as_json=wanted == "json"))
    return OK


@click.command(cls=Command)
def schema() -> int:
    """Write the JSON Schema of the report."""
    from agent.app.tables import report_schema

    to_stdout(report_schema())
    return OK
