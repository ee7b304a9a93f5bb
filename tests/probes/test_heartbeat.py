"""The lateness: the time for which the host kept this process from running, measured in real time on this machine."""

import asyncio
import threading
import time
from typing import Final

from probes.heartbeat import Heartbeat

STOPPED: Final = 0.5
"""The seconds for which the loop does not run: twenty times the limit of lateness."""


async def lateness_after(stop: threading.Thread | None) -> float:
    """The lateness of a loop that does not run for STOPPED seconds, because it sleeps or because the thread `stop`
    computes.
    """
    heartbeat = Heartbeat()
    beating = asyncio.create_task(heartbeat.watch())
    await asyncio.sleep(0)
    before = heartbeat.lateness()
    if stop is not None:
        stop.start()
        stop.join()  # as if the thread held the interpreter's lock all the time
    else:
        time.sleep(STOPPED)  # noqa: ASYNC251 - a loop that does not run is what this is about
    late = heartbeat.lateness() - before
    beating.cancel()
    return late


def compute() -> None:
    """Use STOPPED seconds of CPU."""
    until = time.thread_time() + STOPPED
    while time.thread_time() < until:
        pass


async def test_a_host_that_lets_nothing_run_is_late() -> None:
    assert await lateness_after(None) >= STOPPED / 2


async def test_what_another_thread_computes_is_not_lateness_of_the_host() -> None:
    began = time.monotonic()
    late = await lateness_after(threading.Thread(target=compute))
    # On a busy machine the thread itself waits for a processor, which counts as lateness.
    assert late <= time.monotonic() - began - STOPPED * 0.9
