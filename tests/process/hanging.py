"""`python -m tests.process.hanging WHAT`: a check in which calls to libraries hang for a minute. The command itself
must not hang. WHAT is one or more of the seams that hang, joined by commas: `sdk`, `lookup`, `trust`, `ec2`. If
`patient` is added, the run's deadline is after this minute. Everything else is a simulated VPC with the ordinary clock.
`measuring` on stderr says that the run has begun.
"""

import asyncio
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent.app.check import check
from agent.process import signals
from agent.process.cancel import CancelToken
from agent.report.model import Measurement
from agent.run.measuring import Emit
from agent.run.runner import measure
from agent.settings import ReportOptions, Settings
from agent.simulated.scenario import Scenario
from agent.simulated.settings import settings_of
from agent.simulated.world import SimulatedMachine, SimulatedNet, SimulatedSdk, simulated
from probes.background import in_background
from probes.facts import SdkFacts
from probes.model import Address
from probes.seams import Keys, Reader, Trust, World
from tests.support import scenarios

HANG_SECONDS = 60
OPTIONS = ReportOptions(format="json", brief=False, output=None, redact=False, suppressions=(), fail_on="warning")
WHAT = frozenset(sys.argv[1].split(","))


def hang() -> None:
    """A library call that does not return in time."""
    time.sleep(HANG_SECONDS)


class HangingSdk(SimulatedSdk):
    async def settings(self, profile: str | None, services: Sequence[str]) -> SdkFacts:
        if "sdk" in WHAT:
            await in_background(hang)
        return await super().settings(profile, services)

    def reader(
        self, keys: Keys, *, region: str, profile: str | None, ca_bundle: str | None, timeout: float, most: int
    ) -> Reader:
        return HangingReader()


class HangingReader:
    async def prepare(self, services: Iterable[str]) -> None:
        await in_background(hang)

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        await in_background(hang)
        raise TimeoutError


class HangingNet(SimulatedNet):
    async def getaddrinfo(self, host: str) -> tuple[Address, ...]:
        print("measuring", file=sys.stderr, flush=True)  # noqa: T201 - whoever sends a signal waits for it
        if "lookup" in WHAT:
            await in_background(hang)
        return await super().getaddrinfo(host)


class HangingMachine(SimulatedMachine):
    async def trust(self, ca_bundle: str | None) -> Trust:
        if "trust" in WHAT:
            await in_background(hang)
        return await super().trust(ca_bundle)


def hanging() -> Scenario:
    """A healthy VPC, with a deadline that is longer than the timeout of a step. If only EC2 hangs, there is time for
    all other steps.
    """
    deadline = HANG_SECONDS if "patient" in WHAT else 4 if "ec2" in WHAT else 1
    asked = f"\n[run]\ntimeout = 60\ndeadline = {deadline}\n"
    asked += 'ec2 = "always"\n[ec2]\n' if "ec2" in WHAT else ""
    return scenarios.parse("hanging", scenarios.text("healthy") + asked)


SCENARIO = hanging()


async def measured(settings: Settings, listener: Emit, stop: CancelToken) -> Measurement:
    """Measure once, with the seams that hang."""
    async with simulated(SCENARIO) as world, asyncio.TaskGroup() as group:
        net = HangingNet(SCENARIO, world.machine.now, group)
        machine = HangingMachine(SCENARIO, world.machine.now)
        try:
            here = World(net=net, machine=machine, sdk=HangingSdk(SCENARIO))
            return await measure(settings, here, emit=listener, stop=stop)
        finally:
            net.end()


if __name__ == "__main__":
    vars(signals)["GRACE_SECONDS"] = HANG_SECONDS  # on a busy machine, the document may be late
    sys.exit(check(settings_of(SCENARIO), measured, OPTIONS, []))
