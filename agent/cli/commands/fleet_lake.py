"""`backuplink fleet put`, `backuplink fleet pack` and `backuplink fleet athena`."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from agent.catalog.partitions import partition_of
from agent.catalog.regions import REGIONS
from agent.cli.group import Command
from agent.cli.options import profile_option
from agent.cli.param_types import (
    ACCOUNT_ID,
    DAY,
    DEADLINE,
    FILE_OR_FOLDER,
    KMS_KEY,
    MOMENT,
    REGION,
    OneOf,
    complete_files,
)
from agent.cli.to_settings import profile_from, region_from
from agent.settings import DEFAULT_PUT_DEADLINE, FIRST_DAY

if TYPE_CHECKING:
    from datetime import datetime

_BUCKET: Final = "amzn-s3-demo-bucket"
"""The name that the AWS documentation gives to buckets in its examples."""
_DATABASE: Final = "backuplink"
_region: Final = click.option("--region", type=REGION, help="Region of the bucket. Default: from the environment.")


@click.command(
    "fleet put",
    cls=Command,
    examples=(
        "backuplink fleet put report.json s3://BUCKET/backuplink-fleet",
        "backuplink fleet put --bucket-owner 111122223333 report.json s3://BUCKET",
        "backuplink check --format json | backuplink fleet put - s3://BUCKET",
    ),
)
@click.argument("report_file", metavar="REPORT", shell_complete=complete_files)
@click.argument("destination")
@click.option("--kms-key", type=KMS_KEY, help="KMS key that encrypts the record. Default: the bucket's setting.")
@click.option(
    "--bucket-owner", type=ACCOUNT_ID, help="Account to which the bucket must belong; S3 refuses the record otherwise."
)
@click.option(
    "--deadline",
    type=DEADLINE,
    default=f"{DEFAULT_PUT_DEADLINE:g}",
    show_default=True,
    help="Time limit in seconds.",
)
@click.option("--region", type=REGION, help="Region of the bucket. Default: the host's Region.")
@profile_option
@click.pass_obj
def fleet_put(
    received_signals: list[str],
    /,
    report_file: str,
    destination: str,
    kms_key: str | None,
    bucket_owner: str | None,
    deadline: float,
    **options: Any,
) -> int:
    """Put the record of this host into a bucket. `fleet` and `fleet pack` find it there.

    REPORT is a report (--format json) or a record (--format host), or - for stdin; DESTINATION is s3://BUCKET/PREFIX.
    The key of the record, below PREFIX, is host.v1/account=ACCOUNT/region=REGION/dt=DAY/HOST.json. A record therefore
    replaces earlier records of its host and day. Exit codes: 0 done, 3 an error.
    """
    from agent.app.fleet_lake import PutRequest, put

    request = PutRequest(
        report_file=report_file,
        destination=destination,
        kms_key=kms_key,
        bucket_owner=bucket_owner,
        deadline=deadline,
        region=options["region"],
        profile=profile_from(options, received_signals),
    )
    return put(request, received_signals)


@click.command(
    "fleet pack",
    cls=Command,
    examples=(
        "backuplink fleet pack records/ packed/",
        "backuplink fleet pack s3://BUCKET/PREFIX/host.v1/ s3://BUCKET/PREFIX",
        "backuplink fleet pack --since 3d records/ s3://BUCKET/PREFIX",
    ),
)
@click.argument("places", metavar="PATH... DESTINATION", nargs=-1, required=True, shell_complete=complete_files)
@click.option(
    "--cache",
    type=FILE_OR_FOLDER,
    metavar="FOLDER",
    help="Folder in which records are kept, so that each file is read only once.",
)
@click.option(
    "--since",
    type=MOMENT,
    help="Skip the folders dt=… of days before this one: a day such as 2026-01-15, or a duration such as 3d.",
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
    """Pack the records of many hosts into Parquet files. There is one file for each account, Region and day.

    PATH is what `fleet` reads; DESTINATION is a folder or s3://BUCKET/PREFIX. A Parquet file that already has all its
    records stays as it is, so the command can be repeated. `fleet` can read the result, and so can Athena (`fleet
    athena ddl --packed`). Packing needs DuckDB, which the extra `fleet` installs. Exit codes: 0 done, 3 an error, or
    more than 2% of the files could not be read.
    """
    from agent.app.fleet_lake import PackRequest, pack

    if len(places) < 2:
        raise click.UsageError("Name what to pack, then the destination.")
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
    click.option("--bucket", default=_BUCKET, show_default=True, help="Bucket with the records."),
    click.option("--prefix", default="", help="Folder in the bucket that contains host.v1 and fleet/answers."),
    click.option(
        "--host-account",
        "accounts",
        multiple=True,
        metavar="ID",
        help="Account that has hosts (repeatable). Without it, each query must name an account.",
    ),
    click.option(
        "--host-region",
        "regions",
        type=REGION,
        multiple=True,
        help="Region that has hosts (repeatable). Default: all Regions of the partition.",
    ),
    click.option(
        "--first-day",
        type=DAY,
        default=f"{FIRST_DAY:%Y-%m-%d}",
        show_default=True,
        help="First day for which there are records.",
    ),
    click.option(
        "--packed", is_flag=True, help="Read the records that `fleet pack` wrote, instead of the hosts' own files."
    ),
    click.option("--database", default=_DATABASE, show_default=True, help="Database of the tables."),
    _region,
)


def _lake_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_LAKE):
        command = option(command)
    return command


@click.command(
    "fleet athena",
    cls=Command,
    examples=(
        "backuplink fleet athena ddl --bucket BUCKET",
        "backuplink fleet athena ddl --bucket BUCKET --prefix backuplink-fleet",
        "backuplink fleet athena ddl --bucket BUCKET --packed",
    ),
)
@click.argument("action", type=OneOf(("ddl",)))
@_lake_options
@click.pass_obj
def fleet_athena(received_signals: list[str], /, action: str, **options: Any) -> int:
    """Write the statements for tables in Amazon Athena. The statements create the two tables of a fleet.

    The table `record` has the records of hosts. The table `answer` has the results that `fleet --format parquet` wrote
    each day. Trino, Spark and DuckDB can read the same files. Exit codes: 0 done, 3 an error.
    """
    from agent.app.fleet_lake import write_tables
    from agent.fleet.athena import Lake

    region, _ = region_from(options["region"], os.environ)
    lake = Lake(
        bucket=options["bucket"],
        prefix=options["prefix"].strip("/"),
        accounts=tuple(dict.fromkeys(options["accounts"])),
        regions=tuple(dict.fromkeys(options["regions"])) or _regions_beside(region),
        since=options["first_day"],
        is_packed=options["packed"],
        database=options["database"],
    )
    return write_tables(lake)


def _regions_beside(region: str | None) -> tuple[str, ...]:
    """Return all Regions of a Region's partition, or of the partition `aws` if no Region is given."""
    partition = "aws" if region is None else partition_of(region).id
    return tuple(name for name in REGIONS if partition_of(name).id == partition)
