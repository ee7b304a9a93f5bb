"""Telling others of changes: a program that gets them on standard input, a URL that they are posted to.

Neither may hold up a cycle: changes wait in a queue of a fixed length, one worker for each channel takes them in their
order, every attempt has a time limit, and what cannot be told is logged, counted and left. A URL is a secret, since
whoever knows it may post there, so that words about it name its host alone.
"""

import asyncio
import contextlib
import logging
import os
import signal
import ssl
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from agent.settings import Notify
from agent.watch.change_text import dumps, filled
from probes.background import in_background

COMMAND_SECONDS: Final = 30.0
POST_SECONDS: Final = 10.0
PAUSES: Final = (1.0, 5.0, 25.0)
"""Seconds before each further try."""
_OF_THE_MANAGER: Final = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
"""Variables by which a program would speak to the service manager in this one's place (sd_notify(3))."""
MAX_WAITING: Final = 64
"""Changes that wait, some 100 KB each with the report; of more the oldest is left."""
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may well succeed (RFC 9110; 425: RFC 8470)."""


class Channel(StrEnum):
    """How a change is told."""

    COMMAND = "command"
    URL = "url"


class Delivery(StrEnum):
    """What became of telling it."""

    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"
    """Too many waited, or the time was over."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A change to be told of."""

    id: str
    document: dict[str, Any]
    report: dict[str, Any] | None
    """The run that proves it, where a program is told; what is posted does without."""


Sender = Callable[[Notice], Awaitable[None]]


class NotToldError(Exception):
    """A notice did not arrive; the text says why, without a secret."""


class Notices:
    """The channels in which changes are told, while the block lasts."""

    def __init__(
        self,
        channels: dict[Channel, Sender],
        log: Callable[[str], None],
        counted: Counter[tuple[Channel, Delivery]] | None = None,
    ) -> None:
        self.counted: Counter[tuple[Channel, Delivery]] = Counter() if counted is None else counted
        """What became of them; `counted` goes on with another's numbers."""
        for channel in channels:
            for each in Delivery:
                self.counted[channel, each] += 0
        self._log = log
        self._channels = channels
        self._waiting: dict[Channel, asyncio.Queue[Notice]] = {
            channel: asyncio.Queue(MAX_WAITING) for channel in channels
        }
        self._workers: list[asyncio.Task[None]] = []

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Take up the work, in tasks of `group`."""
        self._workers = [group.create_task(self._work(channel, tell)) for channel, tell in self._channels.items()]

    def add(self, notice: Notice) -> None:
        """Have a change told in every channel. Returns at once."""
        for channel, waiting in self._waiting.items():
            if waiting.full():
                left = waiting.get_nowait()
                waiting.task_done()
                self._count(
                    channel, Delivery.DROPPED, f"{MAX_WAITING} changes wait to be told already; {left.id} is left"
                )
            waiting.put_nowait(notice)

    async def finish(self, seconds: float) -> None:
        """Sender what still waits, for so long, and stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for waiting in self._waiting.values():
                    await waiting.join()
        for worker in self._workers:
            worker.cancel()
        if self._workers:
            await asyncio.wait(self._workers)
        for channel, waiting in self._waiting.items():
            while not waiting.empty():
                left = waiting.get_nowait()
                self._leave(channel, left)

    async def _work(self, channel: Channel, tell: Sender) -> None:
        waiting = self._waiting[channel]
        while True:
            notice = await waiting.get()
            try:
                await tell(notice)
            except NotToldError as error:
                self._count(channel, Delivery.FAILED, f"the change {notice.id} was not told: {error}")
            except asyncio.CancelledError:
                self._leave(channel, notice)
                raise
            except Exception as error:  # noqa: BLE001 - a fault of ours in telling must not end the watching
                # Not the error's own words: a library's may quote the URL.
                why = f"internal error: {type(error).__name__} in {traceback.extract_tb(error.__traceback__)[-1].name}"
                self._count(channel, Delivery.FAILED, f"the change {notice.id} was not told: {why}")
            else:
                self._count(channel, Delivery.SENT, None)
            finally:
                waiting.task_done()

    def _leave(self, channel: Channel, notice: Notice) -> None:
        self._count(channel, Delivery.DROPPED, f"the change {notice.id} was not told: no time was left for it")

    def _count(self, channel: Channel, outcome: Delivery, words: str | None) -> None:
        self.counted[channel, outcome] += 1
        if words is not None:
            self._log(words)


def by_command(argv: tuple[str, ...], running: set[int], *, seconds: float = COMMAND_SECONDS) -> Sender:
    """Runs a program for each change, with the change as one line of JSON on its standard input. No shell reads its
    arguments. What it writes to stderr goes where this process' own words go. `running` has its process id as long as
    it runs, and a number below 0 while that is not known yet."""

    async def tell(notice: Notice) -> None:
        line = f"{dumps({**notice.document, 'report': notice.report})}\n".encode()
        starting = -id(notice)
        running.add(starting)
        # A task of its own: asyncio waits for ever for a program whose start is cancelled.
        start = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if name not in _OF_THE_MANAGER},
                start_new_session=True,  # so that what it has started ends with it
            )
        )
        try:
            process = await asyncio.shield(start)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError, ValueError):  # it has not been started
                await _kill(await start)
            raise
        except (OSError, ValueError) as error:
            raise NotToldError(f"{argv[0]} cannot be run: {error}") from error
        finally:
            running.discard(starting)
        running.add(process.pid)
        try:
            async with asyncio.timeout(seconds):
                with _given(process, line):
                    await process.wait()
        except TimeoutError as error:
            if process.returncode is None:  # else it has left its input to another, which asyncio waits for
                raise NotToldError(f"{argv[0]} had not ended after {seconds:g} s and was killed") from error
        finally:
            if process.returncode is None:
                await _kill(process)
            running.discard(process.pid)
        if process.returncode:
            raise NotToldError(f"{argv[0]} ended with {process.returncode}")

    return tell


@contextlib.contextmanager
def _given(process: asyncio.subprocess.Process, data: bytes) -> Iterator[None]:
    """A program's standard input is `data` while the block lasts. It need not read it, nor leave it to nobody."""
    stdin = process.stdin
    if stdin is None:
        raise ValueError("a program without a pipe cannot be given anything")
    stdin.write(data)
    stdin.close()  # once all of it has been taken
    try:
        yield
    finally:
        if stdin.transport.get_write_buffer_size():
            stdin.transport.abort()


async def _kill(process: asyncio.subprocess.Process) -> None:
    """End a program and what it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has ended just now
        pass
    except PermissionError:  # it is another user's, as with sudo, and nobody can wait for it
        return
    if process.stdin is not None and not process.stdin.is_closing():
        process.stdin.close()
    await process.wait()


def by_post(where: Notify, agent: str, *, seconds: float = POST_SECONDS, pauses: tuple[float, ...] = PAUSES) -> Sender:
    """Posts each change as JSON. A try that may succeed later is made again after each of `pauses`, always with the
    change's id as idempotency key. Redirects are not followed."""
    parts = urlsplit(where.url)
    host = parts.hostname
    # What goes in clear text to loopback must not go to a proxy elsewhere.
    by_proxy = parts.scheme == "https"

    async def tell(notice: Notice) -> None:
        body = dumps(notice.document if where.template is None else filled(where.template, notice.document))
        headers = {"Content-Type": "application/json", "User-Agent": agent, "Idempotency-Key": notice.id}
        for pause in (*pauses, None):
            why, final = await _posted(where.url, body, headers, seconds, by_proxy=by_proxy)
            if why is None:
                return
            if final or pause is None:
                raise NotToldError(f"{host} {why}")
            await asyncio.sleep(pause)

    return tell


async def _posted(
    url: str, body: str, headers: dict[str, str], seconds: float, *, by_proxy: bool
) -> tuple[str | None, bool]:
    """Post once: why it failed, None where it did not, and whether another try is of no use."""
    try:
        async with asyncio.timeout(seconds):
            httpx, trust = await in_background(_client_and_trust)
    except TimeoutError:
        return f"was not asked: the trusted certificates were not read within {seconds:g} s", False
    except OSError as error:  # SSL_CERT_FILE may name any file
        return f"was not asked: the trusted certificates cannot be read: {type(error).__name__}", True
    try:
        # A client for each: what lasts from one change to the next, days later, would only go stale.
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(follow_redirects=False, timeout=seconds, verify=trust, trust_env=by_proxy) as client,
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
    """The library, and the roots that it trusts: both are slow to load, and a cycle may be under channel."""
    import httpx

    for name in ("httpx", "httpcore"):  # they would name the URL of each request, and what is answered
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx, httpx.create_ssl_context()
