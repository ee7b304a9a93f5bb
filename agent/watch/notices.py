"""Telling others of changes: a program that gets them on standard input, a URL that they are posted to.

Neither may hold up a cycle: changes wait in a queue of a fixed length, one worker for each way takes them in their
order, every attempt has a time limit, and what cannot be told is logged, counted and left. A URL is a secret, since
whoever knows it may post there, so that words about it name its host alone.
"""

import asyncio
import contextlib
import os
import signal
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from agent.settings import Notify
from agent.watch.words import dumps, filled
from probes.background import in_background

COMMAND_SECONDS: Final = 30.0
POST_SECONDS: Final = 10.0
PAUSES: Final = (1.0, 5.0, 25.0)
"""Seconds before each further try."""
MAX_WAITING: Final = 256
"""Changes that wait; of more the oldest is left."""
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may well succeed (RFC 9110; 425: RFC 8470)."""


class Way(StrEnum):
    """How a change is told."""

    COMMAND = "command"
    URL = "url"


class Outcome(StrEnum):
    """What became of telling it."""

    TOLD = "told"
    FAILED = "failed"
    LEFT = "left"
    """Too many waited."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A change to be told of."""

    id: str
    document: dict[str, Any]


Tell = Callable[[Notice], Awaitable[None]]


class NotToldError(Exception):
    """A notice did not arrive; the text says why, without a secret."""


class Notices:
    """The ways in which changes are told, while the block lasts."""

    def __init__(self, ways: dict[Way, Tell], log: Callable[[str], None]) -> None:
        self.counted: Counter[tuple[Way, Outcome]] = Counter({(way, each): 0 for way in ways for each in Outcome})
        self._log = log
        self._ways = ways
        self._waiting: dict[Way, asyncio.Queue[Notice]] = {way: asyncio.Queue(MAX_WAITING) for way in ways}
        self._workers: list[asyncio.Task[None]] = []

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Take up the work, in tasks of `group`."""
        self._workers = [group.create_task(self._work(way, tell)) for way, tell in self._ways.items()]

    def add(self, notice: Notice) -> None:
        """Have a change told in every way. Returns at once."""
        for way, waiting in self._waiting.items():
            if waiting.full():
                left = waiting.get_nowait()
                waiting.task_done()
                self._count(way, Outcome.LEFT, f"{MAX_WAITING} changes wait to be told already; {left.id} is left")
            waiting.put_nowait(notice)

    async def finish(self, seconds: float) -> None:
        """Tell what still waits, for so long, and stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for waiting in self._waiting.values():
                    await waiting.join()
        for worker in self._workers:
            worker.cancel()
        if self._workers:
            await asyncio.wait(self._workers)
        for way, waiting in self._waiting.items():
            while not waiting.empty():
                left = waiting.get_nowait()
                self._count(way, Outcome.LEFT, f"the watch ended before the change {left.id} was told")

    async def _work(self, way: Way, tell: Tell) -> None:
        waiting = self._waiting[way]
        while True:
            notice = await waiting.get()
            try:
                await tell(notice)
            except NotToldError as error:
                self._count(way, Outcome.FAILED, f"the change {notice.id} was not told: {error}")
            except Exception as error:  # noqa: BLE001 - a fault of ours in telling must not end the watching
                why = f"internal error: {type(error).__name__}: {error}"
                self._count(way, Outcome.FAILED, f"the change {notice.id} was not told: {why}")
            else:
                self._count(way, Outcome.TOLD, None)
            finally:
                waiting.task_done()

    def _count(self, way: Way, outcome: Outcome, words: str | None) -> None:
        self.counted[way, outcome] += 1
        if words is not None:
            self._log(words)


def by_command(argv: tuple[str, ...], running: set[int], *, seconds: float = COMMAND_SECONDS) -> Tell:
    """Runs a program for each change, with the change as one line of JSON on its standard input. No shell reads its
    arguments. What it writes to stderr goes where this process' own words go. `running` has its process id as long as
    it runs."""

    async def tell(notice: Notice) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # so that what it has started ends with it
            )
        except (OSError, ValueError) as error:
            raise NotToldError(f"{argv[0]} cannot be run: {error}") from error
        running.add(process.pid)
        try:
            async with asyncio.timeout(seconds):
                await process.communicate(f"{dumps(notice.document)}\n".encode())  # it need not read it
        except TimeoutError as error:
            raise NotToldError(f"{argv[0]} had not ended after {seconds:g} s and was killed") from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):  # it has ended just now
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            running.discard(process.pid)
        if process.returncode:
            raise NotToldError(f"{argv[0]} ended with {process.returncode}")

    return tell


def by_post(where: Notify, agent: str, *, seconds: float = POST_SECONDS, pauses: tuple[float, ...] = PAUSES) -> Tell:
    """Posts each change as JSON. A try that may succeed later is made again after each of `pauses`, always with the
    change's id as idempotency key. Redirects are not followed."""
    host = urlsplit(where.url).hostname

    async def tell(notice: Notice) -> None:
        body = dumps(notice.document if where.template is None else filled(where.template, notice.document))
        headers = {"Content-Type": "application/json", "User-Agent": agent, "Idempotency-Key": notice.id}
        for pause in (*pauses, None):
            why, final = await _posted(where.url, body, headers, seconds)
            if why is None:
                return
            if final or pause is None:
                raise NotToldError(f"{host} {why}")
            await asyncio.sleep(pause)

    return tell


async def _posted(url: str, body: str, headers: dict[str, str], seconds: float) -> tuple[str | None, bool]:
    """Post once: why it failed, None where it did not, and whether another try is of no use."""
    httpx, trust = await in_background(_client_and_trust)
    try:
        # A client for each: what lasts from one change to the next, days later, would only go stale.
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(follow_redirects=False, timeout=seconds, verify=trust) as client,
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
    except TimeoutError:
        return f"did not answer within {seconds:g} s", False
    except httpx.HTTPError as error:
        return f"could not be reached: {type(error).__name__}", False
    except (ValueError, httpx.InvalidURL) as error:  # of a proxy's URL in the environment
        return f"could not be asked: {type(error).__name__}", True
    if 200 <= status < 300:
        return None, True
    return f"answered with status {status}", status not in _AGAIN


def _client_and_trust() -> tuple[Any, ssl.SSLContext]:
    """The library, and the roots that it trusts: both are slow to load, and a cycle may be under way."""
    import httpx

    return httpx, httpx.create_ssl_context()
