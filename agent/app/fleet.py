"""Join many hosts: read their records, put them into tables, ask the questions, and write the answers."""

import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from agent.app.errors import RequestError
from agent.app.publish import FLEET, publish, refuse_interrupted
from agent.fleet.model import FleetDocument, HostFile
from agent.fleet.render import JoinedFleet
from agent.fleet.request import FleetRequest
from agent.process.files import within
from agent.process.signals import exit_on_signals
from agent.report import exits
from agent.settings import Ec2Facts, Output, Suppression

if TYPE_CHECKING:
    from agent.fleet.database import Database
    from agent.fleet.inventory import Expected
    from agent.fleet.reading import ReadResult
    from agent.formats.progress import ReadingProgress

T = TypeVar("T")

EXTRA: Final = (
    "fleet needs DuckDB ({}): install the wheel or the source with its extra, as pip install '.[fleet]' does, or use "
    "the container image."
)
"""The message that says how to install DuckDB. The one file, the deb and the rpm do not contain DuckDB, which is twice
as large as they are, and which no host needs. The command does not use a package registry, since backuplink is not
published in one, and a stranger may take its name there."""


def fleet(request: FleetRequest, received_signals: list[str]) -> int:
    """Join the records of hosts and write the result. Returns the exit code: the code of a signal if one came, UNKNOWN
    if the document could not be written to its place, otherwise the code of the verdict. Raises RequestError if nothing
    can be read or joined, and OutputClosedError."""
    with saying_interrupted(received_signals, request.output) as begin_document:
        return awaited(lambda: _fleet(request, received_signals, begin_document))


def awaited(work: Callable[[], T]) -> T:
    """Run `work` in a separate thread, and return or raise its result. On a file system that does not answer, `work`
    may never end. The calling thread still handles signals, so `exit_on_signals` can end the process."""
    return within(work, seconds=math.inf)


def _fleet(request: FleetRequest, received_signals: list[str], begin_document: Callable[[], None]) -> int:
    from agent.fleet.reading import FleetReadError, ReadRequest, read_into

    with opened() as engine:
        expected = None if request.inventory is None else _inventory(request.inventory, received_signals)
        suppressions = _suppressions(request.suppressions_file, received_signals)
        since = moment_of(request.since)
        facts = tuple(_facts(request.ec2_facts, received_signals))
        to_read = ReadRequest(
            places=request.places,
            command_ids=request.command_ids,
            cache=None if request.cache is None else Path(request.cache),
            region=request.region,
            profile=request.profile,
            since=day_of(since),
        )
        with _progress() as progress:
            try:
                read = read_into(engine, to_read, progress=progress, cancelled=lambda: bool(received_signals))
            except FleetReadError as error:
                if not received_signals:
                    raise RequestError(str(error)) from error
        if received_signals:
            begin_document()
            return interrupted(received_signals, request.output)
        if read.answers:
            document = _of_answers(request, read)
        else:
            document = _joined(engine, request, read, since, expected, suppressions, facts)
        begin_document()
        if received_signals:
            return interrupted(received_signals, request.output)
        files = (*request.places, *request.ec2_facts, *filter(None, (request.inventory, request.suppressions_file)))
        return write(document, engine, request.output, files, read.reports)


@contextmanager
def opened(*, whole: bool = False) -> "Iterator[Database]":
    """Return an empty database. Raises RequestError if DuckDB cannot be imported, or there is no room for its temporary
    files."""
    from agent.fleet.store import TemporaryFileError

    try:
        from agent.fleet.database import Database
    except ImportError as error:
        raise RequestError(EXTRA.format(error)) from error
    try:
        with Database(whole=whole) as engine:
            yield engine
    except TemporaryFileError as error:
        raise RequestError(f"{error}.") from error


def _joined(
    engine: "Database",
    request: FleetRequest,
    read: "ReadResult",
    since: datetime | None,
    expected: "Expected | None",
    suppressions: tuple[Suppression, ...],
    facts: tuple[Ec2Facts, ...],
) -> FleetDocument:
    from agent.fleet.join import Question, QuestionError, joined

    question = Question(
        sweep=request.sweep,
        against=request.against,
        least=request.least,
        tolerate=request.tolerate,
        by=request.by,
        where=request.where,
        since=since,
        suppress=(*request.suppressions, *suppressions),
        expected=expected,
        facts=facts,
        today=datetime.now(UTC).date(),
        read=read,
    )
    try:
        return joined(engine, question)
    except QuestionError as error:
        raise RequestError(str(error)) from error


def _of_answers(request: FleetRequest, read: "ReadResult") -> FleetDocument:
    """Join answers. Raises RequestError for a question that needs the records of hosts, since only answers are read
    here."""
    from agent.fleet.answers import joined

    asked = {
        "--sweep": request.sweep,
        "--since": request.since,
        "--inventory": request.inventory,
        "--ec2-facts": request.ec2_facts,
        "--by": request.by,
        "--where": request.where,
        "--suppress": request.suppressions,
        "--suppressions": request.suppressions_file,
        f"--format {request.output.format}": request.output.format in ("csv", "parquet"),
    }
    if given := [option for option, value in asked.items() if value]:
        raise RequestError(
            f"{given[0]} needs records of hosts, but these are answers of fleet: use {given[0]} on the records"
        )
    return joined(
        read.answers,
        unreadable=read.unreadable,
        unreadable_count=read.unreadable_count,
        notes=read.notes,
        tolerate=request.tolerate,
    )


def moment_of(since: datetime | float | None) -> datetime | None:
    """Return a time as an instant. A duration is counted back from now. Raises RequestError for a time before all
    calendars."""
    if not isinstance(since, float):
        return since
    try:
        return datetime.now(UTC) - timedelta(seconds=since)
    except OverflowError as error:
        raise RequestError("--since reaches back beyond the year 1") from error


def day_of(moment: datetime | None) -> date | None:
    """Return the day in UTC, which names the folders of records."""
    return None if moment is None else moment.astimezone(UTC).date()


def _inventory(place: str, received_signals: list[str]) -> "Expected":
    from agent.fleet.inventory import InventoryError, read_inventory

    try:
        return read_inventory(Path(place), received_signals)
    except InventoryError as error:
        raise RequestError(f"--inventory: {error}") from error


def _suppressions(place: str | None, received_signals: list[str]) -> tuple[Suppression, ...]:
    from agent.fleet.suppressions import SuppressionsError, read_suppressions

    if place is None:
        return ()
    try:
        return read_suppressions(Path(place), received_signals)
    except SuppressionsError as error:
        raise RequestError(f"--suppressions: {error}") from error


def _facts(places: Iterable[str], received_signals: list[str]) -> Iterator[Ec2Facts]:
    """Yield the facts in files and in the files of folders. Raises RequestError for a file without facts."""
    from agent.app.read_saved import read_all_facts
    from agent.report.facts_file import FactsFileError

    for place in places:
        try:
            path = Path(place)
            files = sorted(map(str, path.glob("*.json"))) if path.is_dir() else [place]
        except (OSError, ValueError) as error:
            raise RequestError(f"--ec2-facts: {place}: cannot be read: {error}") from error
        if not files:
            raise RequestError(f"--ec2-facts: {place}: has no file whose name ends with .json")
        for file in files:
            try:
                yield from read_all_facts(file, received_signals)
            except FactsFileError as error:
                raise RequestError(f"--ec2-facts: {error}") from error


# --- Writing ---------------------------------------------------------------------------------------------------------


def write(
    document: FleetDocument,
    engine: "Database",
    output: Output,
    files: Iterable[str] = (),
    reports: Collection[str] = (),
) -> int:
    """Write the document whose tables are in `engine`. `files` are names that its sentences may quote. `reports` are
    the places of whole reports that belong to the records. Returns the exit code: the code of the verdict, or UNKNOWN
    if the file could not be written and stdout got the document instead. Raises OutputClosedError."""
    document = replace(document, files=tuple(_files_of(document, engine, reports)))
    joined = JoinedFleet(document=document, engine=engine, files=tuple(files))
    return publish(FLEET, joined, output, exits.of_verdict(document.verdict.status, output.fail_on))


def _files_of(document: FleetDocument, engine: "Database", reports: Collection[str]) -> Iterator[HostFile]:
    """Yield the files of the hosts in the document. It is the whole report of a run if there is one, and otherwise the
    record."""
    from agent.fleet.places import holds_report, report_beside

    if document.sweep is None or not engine.count("record"):  # if answers were joined, the document names the files
        yield from document.files
        return
    lists = (*(cause.hosts for cause in document.causes), *(fault.hosts for fault in document.own_faults))
    engine.run("named_host")
    hosts = list(dict.fromkeys(chain.from_iterable(lists)))
    engine.fill("named_host", ([host] for host in hosts))
    files: defaultdict[str, list[tuple[str, str | None, str]]] = defaultdict(list)
    for host, place, region, run in engine.ask("host_file", sweep=document.sweep.id):
        files[host].append((place, region, run))
    for host in hosts:
        places = [(place, region) for place, region, run in files[host] if place and run == files[host][0][2]]
        if places:
            place, region = next((row for row in places if holds_report(row[0])), places[0])
            if (report := report_beside(place)) in reports:
                place = report or place
            yield HostFile(host=host, place=place, is_report=holds_report(place), region=region)


# --- What is refused -------------------------------------------------------------------------------------------------


@contextmanager
def saying_interrupted(received_signals: list[str], output: Output) -> Iterator[Callable[[], None]]:
    """While the block lasts, the process ends soon after a signal, as with `exit_on_signals`, even if the engine works
    for long. A document then reports the signal. The caller calls the yielded function when it begins to write its own
    document. After that, a signal is no longer reported."""
    has_begun = False

    def begin_document() -> None:
        nonlocal has_begun
        has_begun = True

    def at_last() -> None:
        if not has_begun:
            interrupted(received_signals, output)

    with exit_on_signals(received_signals, at_last):
        yield begin_document


def interrupted(received_signals: list[str], output: Output) -> int:
    """Write a document that says that a signal came before the real one was made. Returns the exit code of the
    signal."""
    return refuse_interrupted(FLEET, output.format, received_signals)


@contextmanager
def _progress() -> "Iterator[ReadingProgress]":
    from agent.formats.progress import ReadingProgress

    progress = ReadingProgress(sys.stderr, time.monotonic)
    try:
        yield progress
    finally:
        progress.end()
