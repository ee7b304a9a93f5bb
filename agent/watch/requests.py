"""Decide which requests a watch makes to AWS in its next cycle: signed calls, and reads of the configuration.

A service is called once in ten minutes, less often if its rate limit is low, and sooner after a change. Between the
calls the last answer counts; a refusal counts only after a second call was refused in the same way. A service is not
called if AWS publishes no rate limit for the call, or if a fleet would use up the limit. `--calls each` calls
everything in every cycle.

Workloads that were found on this host are kept while their signs cannot be read.

The configuration is read at most once an hour, and never in the first minutes of a watch. How many minutes depends on
the instance, so that hosts with a shared fault do not all read at once. While the same faults exist, the last
configuration is used again. An endpoint that was given by its id keeps the DNS name that EC2 gave last, since faults do
not change that name.
"""

import zlib
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Final

from agent.catalog.findings import CODES, Layer, Severity
from agent.catalog.service import Service
from agent.catalog.services import SERVICES
from agent.report.model import Report
from agent.run.plan import with_names
from agent.settings import Calls, Ec2, Ec2Facts, Settings
from probes.facts import FoundWorkload, WorkloadFacts
from probes.frozen import dataclass
from probes.model import Observation, Step
from probes.vpc.model import EndpointsFacts, VpcEndpoint

CALL_INTERVAL: Final = 600.0
"""Minimum seconds for which the answer to a signed call counts."""
CALL_JITTER: Final = 0.1
"""Maximum share of CALL_INTERVAL by which this time varies, so that the hosts of a fleet do not all call at the same
time."""
MAX_ANSWER_AGE: Final = 1_200.0
"""Maximum seconds for which an answer may count."""
CHANGE_SPREAD: Final = 300.0
"""Seconds over which a fleet that sees the same change spreads its next calls."""
FLEET_HOSTS: Final = 5_000
"""Number of hosts in one account and Region whose calls together must stay below RATE_SHARE of a published limit."""
RATE_SHARE: Final = 0.5
READ_INTERVAL: Final = 3600.0
"""Minimum seconds between two cycles that read the configuration."""
READ_SPREAD: Final = 600
"""Seconds over which the first reads of a fleet are spread."""


def call_interval(service: Service) -> float | None:
    """Return the seconds for which the answer to a service's signed call counts in a watch; None if a watch does not
    call the service."""
    if service.calls_per_second is None:
        return None
    seconds = max(CALL_INTERVAL, FLEET_HOSTS / (RATE_SHARE * service.calls_per_second))
    return seconds if (1 + CALL_JITTER) * seconds <= MAX_ANSWER_AGE else None


_INTERVALS: Final = {
    name: call_interval(service)
    for name, service in SERVICES.items()
    if service.call is not None or service.bucket_permission is not None
}
_UNCALLED: Final = frozenset(name for name, seconds in _INTERVALS.items() if seconds is None)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer to a signed call."""

    observation: Observation[Any]
    until: float
    """End of its validity by the clock of the watch."""


class Requests:
    """The requests of the next cycle, which depend on the results of earlier cycles."""

    def __init__(self, clock: Callable[[], float], chance: Random) -> None:
        """`clock` is monotonic, in seconds; `chance` spreads the calls."""
        self._clock = clock
        self._chance = chance
        self._answers: dict[str, _Answer] = {}
        """The last answer to a signed call, by target."""
        self._started = clock()
        self._read_at: float | None = None
        """Time of the last read of the configuration."""
        self._facts: Ec2Facts | None = None
        """The facts from the last read; None if the faults have changed since then."""
        self._endpoints: tuple[VpcEndpoint, ...] = ()
        """The endpoints from the last read of endpoints that succeeded."""
        self._found: tuple[FoundWorkload, ...] = ()
        """The workloads that the last search of this host found."""
        self._last: Report | None = None
        self._cycles = 0

    def of_next_cycle(self, settings: Settings) -> Settings:
        """Return the settings of the next cycle; `settings` are those of the watch."""
        settings = replace(with_names(settings, self._endpoints), turn=self._cycles, standing_workloads=self._found)
        if settings.calls is Calls.ONE:
            now = self._clock()
            standing = tuple(answer.observation for answer in self._answers.values() if now < answer.until)
            settings = replace(settings, standing_calls=standing, uncalled=_UNCALLED)
        if settings.ec2 is Ec2.NEVER or self._may_read():
            return settings
        return replace(settings, ec2=Ec2.NEVER, ec2_facts=self._facts or settings.ec2_facts)

    def cycle_ended(self, report: Report) -> None:
        """Take the results of a cycle into account."""
        self._cycles += 1
        last, self._last = self._last, report
        self._take_answers(report)
        for observation in report.observations:
            if isinstance(observation.facts, WorkloadFacts):
                self._found = observation.facts.found
            if isinstance(observation.facts, EndpointsFacts) and observation.ok:
                self._endpoints = observation.facts.endpoints
        if last is not None and _faults(last) != _faults(report):
            self._facts = None
            self._call_soon()
        elif last is not None and last.vantage.credentials != report.vantage.credentials:
            self._call_soon()
        reads = tuple(observation for observation in report.observations if observation.subject.step is Step.EC2)
        is_new = any(read.started_at is not None and read.started_at >= report.run.started_at for read in reads)
        if not is_new:
            return
        self._read_at = self._clock()
        known = () if self._facts is None else self._facts.observations
        answered = {read.id for read in known if read.ok}
        if any(read.failure is not None and read.id in answered for read in reads):
            return  # the configuration that was read before still explains the same faults
        vantage = report.vantage
        if vantage.vpc_id is not None and vantage.region is not None:
            self._facts = Ec2Facts(
                region=vantage.region, vpc_id=vantage.vpc_id, taken_at=report.run.started_at, observations=reads
            )

    def cycle_failed(self) -> None:
        """Forget the earlier results, because an internal error ended a cycle."""
        self._last = self._facts = None
        self._answers.clear()

    def _take_answers(self, report: Report) -> None:
        """Keep the answers to the calls of a cycle."""
        services = {target.id: target.service for target in report.targets}
        for observation in report.observations:
            target, started_at = observation.subject.target, observation.started_at
            is_call = observation.subject.step is Step.API and observation.subject.operation is None
            if not is_call or target is None or started_at is None or not observation.made:
                continue
            seconds = _INTERVALS.get(services.get(target, ""))
            if started_at < report.run.started_at or seconds is None:
                continue
            before = self._answers.get(target)
            is_sure = observation.ok or (before is not None and _kind(before.observation) == _kind(observation))
            spread = self._chance.uniform(1 - CALL_JITTER, 1 + CALL_JITTER)
            self._answers[target] = _Answer(observation, self._clock() + (spread * seconds if is_sure else 0.0))

    def _call_soon(self) -> None:
        """Make the calls again soon, since what changed may also change the answers. The hosts of a fleet that see the
        same change do not all call at once."""
        for target, answer in self._answers.items():
            due = self._clock() + self._chance.uniform(0.0, CHANGE_SPREAD)
            self._answers[target] = replace(answer, until=min(answer.until, due))

    def _may_read(self) -> bool:
        if self._read_at is not None:
            return self._clock() - self._read_at >= READ_INTERVAL
        instance_id = None if self._last is None else self._last.vantage.instance_id
        return instance_id is not None and self._clock() - self._started >= first_read_after(instance_id)


def first_read_after(instance_id: str) -> float:
    """Return the seconds from the start of a watch to its first read of the configuration: the same for a host at every
    start, and spread evenly over a fleet."""
    return float(zlib.crc32(instance_id.encode()) % READ_SPREAD)


def _kind(answer: Observation[Any]) -> str | None:
    return None if answer.failure is None else answer.failure.kind.value


def _faults(report: Report) -> frozenset[str]:
    """Return the measured faults in a report: the ids of all findings that count, except those of severity info, and
    those of the configuration, which are not there in a cycle whose read failed."""
    return frozenset(
        finding.id
        for finding in report.findings
        if finding.counts
        and finding.severity is not Severity.INFO
        and CODES[finding.code].layer is not Layer.CONFIGURATION
    )
