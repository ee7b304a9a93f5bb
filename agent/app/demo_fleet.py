"""An estate, which is a set of simulated hosts. They are joined like real hosts by `backuplink fleet`, without AWS or a
network."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.app.errors import RequestError
from agent.app.fleet import interrupted, opened, saying_interrupted, write
from agent.fleet.inventory import parse
from agent.fleet.join import Question, joined
from agent.fleet.model import FleetDocument
from agent.fleet.reading import ReadResult
from agent.process.output import to_stderr
from agent.process.write_file import to_new_folder
from agent.report.host_record import HostRecord, line, record_of
from agent.settings import DEFAULT_LEAST, DEFAULT_TOLERATE, Ec2, Output, Suppression
from agent.simulated import scenario_files as scenarios
from agent.simulated.estate import Estate, Template, templates
from agent.simulated.settings import EPOCH, settings_of

if TYPE_CHECKING:
    from agent.fleet.database import Database
    from agent.fleet.store import Read

REPORTS: Final = "reports"
INVENTORY: Final = "inventory.csv"
"""Two names in the folder of an estate. REPORTS is the folder with the records of all sweeps, as Systems Manager writes
them. INVENTORY is the file that lists the expected hosts."""


def join_estate(
    size: int,
    folder: str | None,
    suppressions: tuple[Suppression, ...],
    output: Output,
    received_signals: list[str],
) -> int:
    """Join the hosts of an estate of this size, and write its files to a new `folder` if one is named. Returns and
    raises like `fleet`."""
    with saying_interrupted(received_signals, output) as begin_document, opened() as engine:
        to_stderr(f"Simulated estate of {size:,} hosts.\n")
        estate = Estate(size)
        reads = list(estate.reads(records()))
        if folder is not None:
            _write_files(estate, reads, Path(folder), received_signals)
        document = None if received_signals else _joined(engine, estate, reads, suppressions)
        begin_document()
        if document is None or received_signals:
            return interrupted(received_signals, output)
        return write(document, engine, output)


def document_of(size: int) -> FleetDocument:
    """Return the fleet document of an estate of this size."""
    with opened() as engine:
        estate = Estate(size)
        return _joined(engine, estate, list(estate.reads(records())), ())


def _joined(
    engine: "Database", estate: Estate, reads: "Sequence[Read]", suppressions: tuple[Suppression, ...]
) -> FleetDocument:
    engine.insert(reads)
    question = Question(
        sweep=None,
        against="previous",
        least=DEFAULT_LEAST,
        tolerate=DEFAULT_TOLERATE / 100,
        by=None,
        where=(),
        since=None,
        suppress=suppressions,
        expected=parse(estate.inventory.encode(), "the simulated estate"),
        facts=(),
        today=EPOCH.date(),
        read=ReadResult(read=len(reads), unreadable_count=0, unreadable=(), notes=()),
    )
    return joined(engine, question)


@cache
def records() -> dict[Template, HostRecord]:
    """The record of a run for each template."""
    return {template: _record(template) for template in templates()}


def _record(template: Template) -> HostRecord:
    from agent.judge.verdict import judge
    from agent.process.cancel import CancelToken
    from agent.report.model import Measurement
    from agent.run.runner import measure
    from agent.simulated.clock import VirtualLoop
    from agent.simulated.world import simulated

    scenario = scenarios.load(template.scenario)
    settings = settings_of(scenario)
    if not template.reads_ec2:
        settings = replace(settings, ec2=Ec2.NEVER, ec2_facts=None)

    async def run() -> Measurement:
        async with simulated(scenario) as world:
            return await measure(settings, world, emit=lambda _: None, stop=CancelToken())

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return record_of(judge(runner.run(run())))


def _write_files(estate: Estate, reads: "Sequence[Read]", folder: Path, received_signals: list[str]) -> None:
    """Write the records and the inventory, so that only their owner can read them. Raises RequestError."""
    try:
        to_new_folder(folder, _files(estate, reads, received_signals))
    except OSError as error:
        raise RequestError(f"--keep: {error.filename or folder}: {error.strerror}") from error
    if not received_signals:
        to_stderr(
            f"To join them again: backuplink fleet {folder / REPORTS} --against previous --inventory "
            f"{folder / INVENTORY}\n"
        )


def _files(estate: Estate, reads: "Sequence[Read]", received_signals: list[str]) -> Iterator[tuple[str, str]]:
    yield INVENTORY, estate.inventory
    for read in reads:
        if received_signals:
            return
        yield f"{REPORTS}/{read.place}", line(read.record)
