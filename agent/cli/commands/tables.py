"""`backuplink endpoints`, `permissions` and `schema`: tables that need no run."""

from collections.abc import Callable
from typing import Any

import click

from agent.app.tables import PARTS, SCHEMAS, json_schema
from agent.catalog.wording import either
from agent.cli.group import Command
from agent.cli.options import table_format
from agent.cli.param_types import SERVICE, WORKLOAD, OneOf


def _service(words: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option("--service", "services", type=SERVICE, multiple=True, metavar="NAME", help=words)


@click.command(
    cls=Command,
    examples=(
        "backuplink endpoints --region eu-west-1",
        "backuplink endpoints --service backup --format json",
        "backuplink endpoints --partition aws-cn",
    ),
)
@click.option("--region", help="List only this Region.")
@click.option("--partition", help="List only the Regions of this partition, such as aws-cn.")
@_service("List only this service (repeatable).")
@table_format
@click.pass_obj
def endpoints(
    received_signals: list[str], /, region: str | None, partition: str | None, services: tuple[str, ...], wanted: str
) -> int:
    """List host names, ports and Regions of the services. The list is for one Region, one partition or all Regions."""
    from agent.app.publish import write_at_once
    from agent.app.tables import endpoints_table

    return write_at_once(endpoints_table(region, partition, services, wanted), received_signals)


@click.command(
    cls=Command,
    examples=(
        "backuplink permissions --workload hana:backup",
        "backuplink permissions --region eu-west-1 --policy ec2",
        "backuplink permissions --policy runbook",
    ),
)
@click.option("--region", help="Limit the policies to this Region, its services and its resources.")
@click.option("--partition", help="Partition whose Regions the policies cover, such as aws-cn. Default: aws.")
@_service("Service that the run checks (repeatable).")
@click.option(
    "--workload",
    "workloads",
    type=WORKLOAD,
    multiple=True,
    metavar="NAME",
    help="Workload that the run checks (repeatable). Default: caller, if no service is named.",
)
@click.option(
    "--policy",
    "part",
    type=OneOf(PARTS),
    metavar="PART",
    help=f"Write only the policy of this part, as JSON for IAM. PART is {either(PARTS[1:])}.",
)
@table_format
@click.pass_obj
def permissions(
    received_signals: list[str],
    /,
    region: str | None,
    partition: str | None,
    services: tuple[str, ...],
    workloads: tuple[str, ...],
    part: str | None,
    wanted: str,
) -> int:
    """Write the least IAM policy for each part of a run. The parts are the path, signed calls, jobs and reads of EC2;
    an audit, a fleet and the runbook of Systems Manager have policies of their own."""
    from agent.app.publish import write_at_once
    from agent.app.tables import permissions_table
    from agent.cli.to_settings import workloads_from

    named = workloads_from(workloads)
    document = permissions_table(region, partition, services, named, wanted, part)
    return write_at_once(document, received_signals)


@click.command(
    cls=Command,
    examples=(
        "backuplink schema",
        "backuplink schema host",
        "backuplink schema prediction",
    ),
)
@click.argument("document", metavar="[DOCUMENT]", type=OneOf(tuple(SCHEMAS)), default=next(iter(SCHEMAS)))
@click.pass_obj
def schema(received_signals: list[str], /, document: str) -> int:
    """Write the JSON Schema of a document. DOCUMENT is `report` (the default), `diff`, `prediction`, `audit`, `fleet`,
    `history`, `facts`, `host`, `change`, `fleet-change` or `audit-change`.

    The schemas describe what a run writes with --format json and --format host, what `diff`, `predict`, `audit`,
    `fleet` and `history` write with --format json, what `facts` writes, the changes that a watch sends with --on-change
    and --notify, and the events that `fleet` and `audit` write with --format eventbridge. The schema of a command's
    document also describes what is written if the command fails: the reason, with the verdict unknown.
    """
    from agent.app.publish import write_at_once

    return write_at_once(json_schema(document), received_signals)
