"""What a watch asks of AWS in its next cycle: whose turn the signed call is, and whether the configuration is read.

The configuration is read at most once an hour, and never in the first minutes of a watch: how many depends on the
instance, so that hosts that share a fault do not all read at once. What was read is used again while the same is wrong.
"""

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from agent.catalog.findings import Severity
from agent.report.model import Report
from agent.settings import Ec2, Ec2Facts, Settings
from probes.model import Step

READ_INTERVAL: Final = 3600.0
"""Seconds from one cycle that reads the configuration to the next that may."""
READ_SPREAD: Final = 600
"""Seconds over which a fleet's first reads are spread."""


class Requests:
    """What the next cycle asks for, by what the cycles before it saw."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` is a monotonic one, in seconds."""
        self._clock = clock
        self._started = clock()
        self._read_at: float | None = None
        """When the configuration was last read."""
        self._facts: Ec2Facts | None = None
        """What was read then; None where something else is wrong by now."""
        self._last: Report | None = None
        self._cycles = 0

    def of_next_cycle(self, settings: Settings) -> Settings:
        """The settings of the next cycle, from those of the watch."""
        settings = replace(settings, turn=self._cycles)
        if settings.ec2 is Ec2.NEVER or self._may_read():
            return settings
        return replace(settings, ec2=Ec2.NEVER, ec2_facts=self._facts or settings.ec2_facts)

    def cycle_ended(self, report: Report) -> None:
        """Take what a cycle saw into account."""
        self._cycles += 1
        last, self._last = self._last, report
        if last is not None and _faults(last) != _faults(report):
            self._facts = None
        reads = tuple(observation for observation in report.observations if observation.subject.step is Step.EC2)
        is_new = any(read.started_at is not None and read.started_at >= report.run.started_at for read in reads)
        if not is_new:
            return
        self._read_at = self._clock()
        vantage = report.vantage
        if vantage.vpc_id is not None and vantage.region is not None:
            self._facts = Ec2Facts(
                region=vantage.region, vpc_id=vantage.vpc_id, taken_at=report.run.started_at, observations=reads
            )

    def cycle_failed(self) -> None:
        """A cycle ended by an internal error: nothing is known of it."""
        self._last = self._facts = None

    def _may_read(self) -> bool:
        if self._read_at is not None:
            return self._clock() - self._read_at >= READ_INTERVAL
        instance_id = None if self._last is None else self._last.vantage.instance_id
        return instance_id is not None and self._clock() - self._started >= first_read_after(instance_id)


def first_read_after(instance_id: str) -> float:
    """Seconds from the start of a watch to its first read of the configuration: the same at every start, and spread
    evenly over a fleet."""
    return float(zlib.crc32(instance_id.encode()) % READ_SPREAD)


def _faults(report: Report) -> frozenset[str]:
    """What is wrong by a report: the ids of all findings that count and are more than information."""
    return frozenset(
        finding.id for finding in report.findings if finding.counts and finding.severity is not Severity.INFO
    )
