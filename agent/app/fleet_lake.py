"""A fleet in a bucket: put the record of a host there, pack records, and write tables for Athena."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.app.errors import RequestError
from agent.process.output import one_line, to_stdout
from agent.process.signals import exit_on_signals
from agent.report import exits
from agent.report.escape import visible
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.athena import Lake
    from agent.formats.progress import ReadingProgress

TOLERATED: Final = 0.02
"""Share of all files that may be unreadable. A folder may also contain other files."""
_HELP: Final = " The host's role needs s3:PutObject there, and the policy of the S3 endpoint must allow it."
_HELP_WITH_KEY: Final = " The role also needs kms:GenerateDataKey for that key."
_HELP_WITH_OWNER: Final = " The bucket must belong to the account {}."
_SHOWN: Final = 8
"""Maximum number of listed files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutRequest:
    """The record to put into a bucket, and its destination."""

    report_file: str
    """Path of the report or the record; `-` for stdin."""
    destination: str
    kms_key: str | None
    bucket_owner: str | None
    """The account that must own the bucket; None for any."""
    deadline: float
    """Time limit in seconds."""
    region: str | None
    """Region of the bucket; None for the Region in the record."""
    profile: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRequest:
    """The records to pack, and their destination."""

    places: tuple[str, ...]
    destination: str
    cache: str | None
    since: datetime | float | None
    """An instant, or seconds before now. Folders of earlier days are not read."""
    region: str | None
    profile: str | None


# --- Putting ---------------------------------------------------------------------------------------------------------


def put(request: PutRequest, received_signals: list[str]) -> int:
    """Put the record of a host into a bucket, and write its address. Returns OK. Raises RequestError if it is not
    certain that the record is in the bucket, InterruptedBySignalError after a signal, and OutputClosedError."""
    from agent.app.read_saved import STDIN, source_of
    from agent.fleet.aws import AwsError
    from agent.fleet.places import S3
    from agent.fleet.put import MAX_CONTENT, PutError, place_of, record_in
    from agent.process.files import TooLargeError, read_within, within

    name, until = (
        ("stdin" if request.report_file == STDIN else request.report_file),
        time.monotonic() + request.deadline,
    )
    try:
        source = source_of(request.report_file)
        data = read_within(source, most=MAX_CONTENT, seconds=request.deadline, received_signals=received_signals)
        record = record_in(data)
    except TooLargeError as error:
        raise RequestError(f"{name}: is larger than {MAX_CONTENT >> 20} MiB, the limit of a report.") from error
    except (OSError, ValueError) as error:  # a path with a NUL
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise RequestError(f"{name}: cannot be read: {why}.") from error
    except PutError as error:
        raise RequestError(f"{name}: {error}.") from error
    try:
        place = place_of(record, request.destination)
    except PutError as error:
        raise RequestError(f"{error}.") from error
    of_object = f" It was for {place.removeprefix(S3)}."  # the path of a URL is masked in errors
    left = max(until - time.monotonic(), 0.0)
    try:
        within(lambda: _put(record, place, request), seconds=left, received_signals=received_signals)
    except TimeoutError as error:
        raise RequestError(f"S3 does not answer within {request.deadline:g} s.{of_object}") from error
    except AwsError as error:
        why = f"{error}.{_help(request) if 'AccessDenied' in str(error) else ''}"
        raise RequestError(f"{why}{of_object}") from error
    to_stdout(f"{visible(place)}\n")
    return exits.OK


def _help(request: PutRequest) -> str:
    """Return which permissions may be missing, after a refused request."""
    with_key = _HELP_WITH_KEY if request.kms_key else ""
    return f"{_HELP}{with_key}{_HELP_WITH_OWNER.format(request.bucket_owner) if request.bucket_owner else ''}"


def _put(record: dict[str, Any], place: str, request: PutRequest) -> None:
    from agent.fleet import aws
    from agent.fleet.put import ATTEMPTS, SECONDS, put

    region = request.region or record["region"]
    client = aws.client("s3", region=region, profile=request.profile, seconds=SECONDS, attempts=ATTEMPTS)
    put(client, place, record, request.kms_key, request.bucket_owner)


# --- Packing ---------------------------------------------------------------------------------------------------------


def pack(request: PackRequest, received_signals: list[str]) -> int:
    """Pack the records of hosts, and write the result. Returns the exit code: the code of a signal if one came, UNKNOWN
    if more files than TOLERATED were unreadable, otherwise OK. Raises RequestError and OutputClosedError."""
    from agent.app.fleet import awaited

    with exit_on_signals(received_signals):
        return awaited(lambda: _pack(request, received_signals))


def _pack(request: PackRequest, received_signals: list[str]) -> int:
    from agent.app.fleet import day_of, moment_of, opened
    from agent.fleet.reading import FleetReadError, ReadRequest, read_into

    def cancelled() -> bool:
        return bool(received_signals)

    def client() -> Any:
        from agent.fleet import aws

        return aws.client("s3", region=request.region, profile=request.profile)

    to_read = ReadRequest(
        places=request.places,
        command_ids=(),
        cache=None if request.cache is None else Path(request.cache),
        since=day_of(moment_of(request.since)),
        region=request.region,
        profile=request.profile,
    )
    with opened(whole=True) as engine, _progress() as progress:
        from agent.fleet.pack import PackError
        from agent.fleet.pack import pack as packed

        try:
            read = read_into(engine, to_read, progress=progress, cancelled=cancelled)
            today = datetime.now(UTC).date()
            done = packed(engine, request.destination, client, today=today, progress=progress, cancelled=cancelled)
        except (FleetReadError, PackError) as error:
            if not received_signals:
                raise RequestError(str(error)) from error
            return exits.SIGNALS[received_signals[0]]
        progress.end()
        words = [
            f"{read.read:,} records read; {len(done.written):,} files written with {done.records:,} records; "
            f"{done.unchanged:,} files already had all of their records."
        ]
        if done.left_out:
            words.append(
                f"{done.left_out:,} records left out: they have no account, Region or day, "
                "their day is yet to come, or they are redacted."
            )
        if read.unreadable_count:
            words.append(f"{read.unreadable_count:,} files or lines could not be read:")
            words += [f"  {one_line(f'{file.place}: {file.why}')}" for file in read.unreadable]
        words += read.notes
        words += [f"  {visible(place)}" for place in done.written[:_SHOWN]]
        if len(done.written) > _SHOWN:
            words.append(f"  and {len(done.written) - _SHOWN:,} more")
        to_stdout("\n".join(words) + "\n")
    if received_signals:
        return exits.SIGNALS[received_signals[0]]
    return exits.UNKNOWN if read.unreadable_count > TOLERATED * (read.read + read.unreadable_count) else exits.OK


@contextmanager
def _progress() -> "Iterator[ReadingProgress]":
    from agent.formats.progress import ReadingProgress

    progress = ReadingProgress(sys.stderr, time.monotonic)
    try:
        yield progress
    finally:
        progress.end()


# --- Athena ----------------------------------------------------------------------------------------------------------


def write_tables(lake: "Lake") -> int:
    """Write the statements that create the tables. Returns OK. Raises RequestError and OutputClosedError."""
    from agent.fleet.athena import AthenaError, statements

    try:
        made = statements(lake)
    except AthenaError as error:
        raise RequestError(f"{error}.") from error
    to_stdout("\n".join(f"{statement};\n" for statement in made))
    return exits.OK
