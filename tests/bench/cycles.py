"""`python -m tests.bench.cycles COUNT OPTION ...`: measures the cost of a watch's cycles on this host, with these
options of `watch`.

The cycles follow each other without a pause, which the command itself does not allow. It prints the CPU seconds of
COUNT cycles, after the first ones that load the modules.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from agent.app.watch_job import tidying
from agent.cli.commands.watch import config_of
from agent.cli.main import main
from agent.process.cancel import CancelToken
from agent.process.output import Writer
from agent.watch.config import WatchEnvironment
from agent.watch.schedule import Watch
from agent.watch.systemd import Manager
from probes.system.machine import SystemMachine

WARM_UP: Final = 3


async def watch(count: int, options: list[str]) -> float:
    """CPU seconds of `count` cycles."""
    spent: list[float] = []

    tidy = tidying()

    def measure(spare: Collection[int]) -> None:
        tidy(spare)
        spent.append(time.process_time())

    command = main.commands["watch"]
    job = config_of(command.make_context("watch", options))
    lines = Writer(lambda _: None)
    around = WatchEnvironment(
        now=SystemMachine().now,
        chance=random.Random(),
        manager=Manager({}, process_id=os.getpid()),
        lines=lines,
        documents=lines,
        journal=False,
        tidy=measure,
    )
    wanted = replace(job.watching, interval=1e-3, cycles=WARM_UP + count)
    watch = Watch(replace(job, watching=wanted), around, CancelToken())
    await watch.run()
    lines.end()
    if watch.report is None or watch.report.verdict.status != "ok":
        raise RuntimeError(f"the last cycle says {watch.report and watch.report.verdict}")
    return spent[-1] - spent[WARM_UP - 1]


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(watch(int(sys.argv[1]), sys.argv[2:])):.4f}\n")
