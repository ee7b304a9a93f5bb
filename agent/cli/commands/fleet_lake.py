"""`backuplink fleet put`, `backuplink fleet pack` and `backuplink fleet athena`."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from agent.catalog.partitions import partition_of
from agent.catalog.regions import REGIONS
from agent.cli.group import Command
from agent.cli.options import profile_option
from agent.cli.param_types import DAY, DEADLINE, FILE_OR_FOLDER, KMS_KEY, MOMENT, REGION, complete_files
from agent.cli.to_settings import profile_from, region_from
from agent.settings import DEFAULT_ATHENA_BYTES, DEFAULT_ATHENA_WORKGROUP, DEFAULT_PUT_DEADLINE, FIRST_DAY

if TYPE_CHECKING:
    from datetime import datetime

_BUCKET: Final = "amzn-s3-demo-bucket"
"""What AWS' own documents call a bucket that is to be replaced."""
_DATABASE: Final = "backuplink"
_region: Final = click.option("--region", type=REGION, help="Region of the bucket. Default: from the environment.")


@click.command("fleet put", cls=Command)
@click.argument("report_file", metavar="REPORT", shell_complete=complete_files)
@click.argument("destination")
@click.option("--kms-key", type=KMS_KEY, help="Key of KMS that encrypts it. Default: what the bucket has set.")
@click.option(
    "--deadline",
    type=DEADLINE,
    default=f"{DEFAULT_PUT_DEADLINE:g}",
    show_default=True,
    help="Time limit in seconds.",
)
@click.option("--region", type=REGION, help="Region of the bucket. Default: that of the host.")
@profile_option
@click.pass_obj
def fleet_put(
    received_signals: list[str],
    /,
    report_file: str,
    destination: str,
    kms_key: str | None,
    deadline: float,
    **options: Any,
) -> int:
    """Put the record of this host into a bucket, where `fleet` and `fleet pack` find it.

    REPORT is a report (--format json) or a record (--format host), or - for stdin; DESTINATION is s3://BUCKET/PREFIX.
    The key is host.v1/account=ACCOUNT/region=REGION/dt=DAY/HOST.json below it: the last record of a day stands. Exit
    codes: 0 done, 3 an error.
    """
    from agent.app.fleet_lake import PutRequest, put

    request = PutRequest(
        report_file=report_file,
        destination=destination,
        kms_key=kms_key,
        deadline=deadline,
        region=options["region"],
        profile=profile_from(options, received_signals),
    )
    return put(request, received_signals)


@click.command("fleet pack", cls=Command)
@click.argument("places", metavar="PATH... DESTINATION", nargs=-1, required=True, shell_complete=complete_files)
@click.option("--cache", type=FILE_OR_FOLDER, metavar="FOLDER", help="Folder that keeps what was read.")
@click.option(
    "--since",
    type=MOMENT,
    help="Read no folder dt=… of a day before: a day such as 2026-01-15, or a duration such as 3d.",
)
@_region
@profile_option
@click.pass_obj
def fleet_pack(
    received_signals: list[str],
    /,
    places: tuple[str, ...],
    cache: str | None,
    since: "datetime | float | None",
    **options: Any,
) -> int:
    """Pack the records of many hosts into one Parquet file for each account, Region and day.

    PATH is what `fleet` reads; DESTINATION is a folder or s3://BUCKET/PREFIX. Files that have all of their records
    already stay as they are, so it can be repeated. `fleet` reads the result, and Athena does (`fleet athena`). It
    takes DuckDB, which backuplink[fleet] installs. Exit codes: 0 done, 3 an error, or more than 2 of 100 files could
    not be read.
    """
    from agent.app.fleet_lake import PackRequest, pack

    if len(places) < 2:
        raise click.UsageError("Name what to pack, and after it where to.")
    *sources, destination = places
    region, _ = region_from(options["region"], os.environ)
    request = PackRequest(
        places=tuple(sources),
        destination=destination,
        cache=cache,
        since=since,
        region=region,
        profile=profile_from(options, received_signals),
    )
    return pack(request, received_signals)


_LAKE: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option("--bucket", default=_BUCKET, show_default=True, help="Bucket that has the records."),
    click.option("--prefix", default="", help="Of the bucket, the folder that has host.v1 and host.v1.parquet."),
    click.option(
        "--host-account",
        "accounts",
        multiple=True,
        metavar="ID",
        help="Account that has hosts (repeatable). Without it each query has to name one.",
    ),
    click.option(
        "--host-region",
        "regions",
        type=REGION,
        multiple=True,
        help="Region that has hosts (repeatable). Default: all of the partition.",
    ),
    click.option(
        "--first-day",
        type=DAY,
        default=f"{FIRST_DAY:%Y-%m-%d}",
        show_default=True,
        help="First day that has records.",
    ),
)
_QUERY: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option("--database", default=_DATABASE, show_default=True, help="Database of the tables and the views."),
    click.option(
        "--workgroup",
        default=DEFAULT_ATHENA_WORKGROUP,
        show_default=True,
        help="With run: workgroup, which may have a limit of its own.",
    ),
    click.option(
        "--output-location", metavar="S3-URL", help="With run: where Athena writes results. Default: the workgroup's."
    ),
    click.option(
        "--max-bytes",
        type=click.IntRange(min=1),
        default=DEFAULT_ATHENA_BYTES,
        show_default=True,
        help="With run: a query that has scanned more is stopped.",
    ),
    click.option("--day", type=DAY, help="With run VIEW: the rows of this day alone."),
    click.option("--account", metavar="ID", help="With run VIEW: the rows of this account alone."),
    click.option(
        "--format",
        "wanted",
        type=click.Choice(("text", "json", "csv")),
        default="text",
        show_default=True,
        help="With run VIEW: format of the rows.",
    ),
)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed((*_LAKE, *_QUERY, _region, profile_option)):
        command = option(command)
    return command


@click.command("fleet athena", cls=Command)
@click.argument("action", type=click.Choice(("ddl", "views", "run")))
@click.argument("view", required=False)
@_options
@click.pass_obj
def fleet_athena(received_signals: list[str], /, action: str, view: str | None, **options: Any) -> int:
    """Write what makes the tables (ddl) and the views of a fleet in Amazon Athena, or have Athena run it.

    `run` makes the tables and the views. `run VIEW` gives the rows of a view, such as cause_day: the causes of each
    day with their hosts. Exit codes: 0 done, 3 an error.
    """
    from agent.app import fleet_lake

    if view is not None and action != "run":
        raise click.UsageError(f"{action} takes no view.")
    if action == "views":
        return fleet_lake.write_views()
    region, _ = region_from(options["region"], os.environ)
    lake = fleet_lake.LakeRequest(
        bucket=options["bucket"],
        prefix=options["prefix"],
        accounts=tuple(dict.fromkeys(options["accounts"])),
        regions=tuple(dict.fromkeys(options["regions"])) or _regions_beside(region),
        since=options["first_day"],
        database=options["database"],
    )
    if action == "ddl":
        return fleet_lake.write_tables(lake)
    if view is None and options["bucket"] == _BUCKET:
        raise click.UsageError(f"run makes tables of a bucket; name it with --bucket ({_BUCKET} stands for none).")
    request = fleet_lake.QueryRequest(
        view=view,
        lake=lake,
        day=options["day"],
        account=options["account"],
        database=options["database"],
        workgroup=options["workgroup"],
        output=options["output_location"],
        max_bytes=options["max_bytes"],
        format=options["wanted"],
        region=region,
        profile=profile_from(options, received_signals),
    )
    return fleet_lake.ask(request, received_signals)


def _regions_beside(region: str | None) -> tuple[str, ...]:
    """All Regions of a Region's partition; of `aws` without one."""
    partition = "aws" if region is None else partition_of(region).id
    return tuple(name for name in REGIONS if partition_of(name).id == partition)
