"""`python -m tests.bench.worker WORK ...`: a process that measures for a long time as a run does, and prints the cost.
WORK is `ladders` (all steps on port 443), `handshakes` (only TCP and TLS) or `names` (a query to a resolver). Every
step adds an observation to a log, as in a run. A small first round takes the one-time costs (imports, roots). Then the
process prints one line of JSON after each round: its CPU seconds and its peak KiB so far.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Final

from agent.run import plan
from agent.run.runner import MAX_CONNECTS, MAX_HANDSHAKES
from agent.simulated.scenario import CredentialsPart, parse
from agent.simulated.settings import settings_of
from probes.facts import DnsFacts, WorkloadFacts
from probes.model import Address, Draft, Step, Subject, Target
from probes.observe import Log
from probes.ports import HTTPS
from probes.seams import Keys, Trust
from probes.steps import dns, ladder
from probes.steps.http import user_agent
from probes.system.machine import SystemMachine
from probes.system.net import SystemNet
from probes.system.trust import load_trust
from tests.bench.server import RESOLVER
from tests.support.ladders import climb, rungs

FIRST_ADDRESS: Final = int(ip_address("127.1.0.1"))
LIMIT_SECONDS: Final = 30.0
"""The limit in seconds for one step: the machine may be busy, and a timeout here would only spoil the figure."""
WARM_UP: Final = 8
_WORLD: Final = 'summary = "defaults"\nexpect = { status = "ok", path = "private", findings = [] }'

Work = Callable[[ladder.ProbeContext, Target, int], Awaitable[None]]


async def climb_all(context: ladder.ProbeContext, target: Target, number: int) -> None:
    """Climb the whole ladder of one address."""
    await climb(context, target, rungs(target, _address(number), HTTPS, None))


async def shake_hands(context: ladder.ProbeContext, target: Target, number: int) -> None:
    """Climb the first two rungs of one address."""
    await climb(context, target, rungs(target, _address(number), HTTPS, None)[:2])


async def ask(context: ladder.ProbeContext, target: Target, number: int) -> None:
    """Send one query for the A records of the target."""
    subject = Subject(step=Step.DNS, target=target.id, resolver=RESOLVER, operation="A", after=str(number))

    async def body(draft: Draft[DnsFacts]) -> tuple[Address, ...]:
        return await dns.ask(context.net, RESOLVER, target.host, "A", draft, retry_after=context.limit / 2)

    log = Log(now=context.machine.now, emit=lambda _: None)  # every query has the same id
    seen, _ = await log.observe(subject, body, limit=context.limit)
    _refuse_failures([seen.failure])


WORKS: Final[dict[str, Work]] = {"ladders": climb_all, "handshakes": shake_hands, "names": ask}


async def measure(work: Work, *, count: int, at_once: int, rounds: int, roots: str) -> None:
    """Do `work` for `count` addresses in each round, `at_once` of them at a time, and print the cost so far."""
    scenario = parse("lab", _WORLD)
    target = plan.targets(settings_of(scenario), scenario.run.region, None, WorkloadFacts())[0]
    trust = load_trust(roots)
    await _round(work, target, trust, WARM_UP, WARM_UP)
    _say()
    for _ in range(rounds):
        await _round(work, target, trust, count, at_once)
        _say()


async def _round(work: Work, target: Target, trust: Trust, count: int, at_once: int) -> None:
    context = _context(trust)
    numbers = iter(range(count))

    async def go(left: Iterator[int]) -> None:
        for number in left:
            await work(context, target, number)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, count)):
            group.create_task(go(numbers))
    _refuse_failures([observation.failure for observation in context.log.made])


def _context(trust: Trust) -> ladder.ProbeContext:
    loop = asyncio.get_running_loop()
    trusted: asyncio.Future[Trust] = loop.create_future()
    trusted.set_result(trust)
    keys: asyncio.Future[Keys | str] = loop.create_future()
    keys.set_result(CredentialsPart().keys())
    return ladder.ProbeContext(
        net=SystemNet(),
        machine=SystemMachine(),
        log=Log(now=lambda: datetime.now(UTC), emit=lambda _: None),
        trust=trusted,
        limit=LIMIT_SECONDS,
        agent=user_agent("bench"),
        keys=keys,
        connects=asyncio.Semaphore(MAX_CONNECTS),
        handshakes=asyncio.Semaphore(MAX_HANDSHAKES),
    )


def _address(number: int) -> IPv4Address:
    return IPv4Address(FIRST_ADDRESS + number)


def _refuse_failures(failures: list[object]) -> None:
    failed = [failure for failure in failures if failure is not None]
    if failed:
        raise RuntimeError(f"{len(failed)} looks failed, the first with {failed[0]}")


def _peak() -> int:
    """The peak KiB of memory of this program (VmHWM of proc(5)), without the process that started it."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _say() -> None:
    sys.stdout.write(json.dumps({"cpu": time.process_time(), "peak": _peak()}) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--at-once", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--roots", required=True)
    given = parser.parse_args()
    asyncio.run(
        measure(WORKS[given.work], count=given.count, at_once=given.at_once, rounds=given.rounds, roots=given.roots)
    )
