"""Send changes to a program on its standard input, and to a URL by POST.

Neither may delay a cycle: changes wait in a queue of limited length, one worker for each channel sends them in order,
and every attempt has a time limit. Changes that cannot be sent are logged, counted and dropped. The URL is a secret,
since everybody who knows it may post there, so messages name only its host.
"""

import asyncio
import contextlib
import logging
import os
import signal
import ssl
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from agent.settings import Notify
from agent.watch.change_text import dumps, filled
from probes.background import in_background
from probes.frozen import dataclass

COMMAND_SECONDS: Final = 30.0
"""Time limit for a program to handle one change."""
POST_SECONDS: Final = 10.0
"""Time limit for one POST."""
PAUSES: Final = (1.0, 5.0, 25.0)
"""Seconds before each further attempt."""
WITHHELD: Final = frozenset(
    {
        # With these variables a program would speak to the service manager in place of this process (sd_notify(3)).
        *("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"),
        # Everybody who knows the URL may post there; a command may contain a token.
        *("BACKUPLINK_NOTIFY", "BACKUPLINK_ON_CHANGE"),
        # AWS SDKs and Tools Reference Guide, Environment variables support.
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
        *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        *("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_BEARER_TOKEN_BEDROCK"),
    }
)
"""Variables that a program does not inherit unless the operator names them."""
MAX_WAITING: Final = 64
"""Maximum number of waiting changes. Each takes about 100 KB, including its report. A further change drops
the oldest."""
_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed (RFC 9110; 425: RFC 8470)."""


class Channel(StrEnum):
    """The destination of a change."""

    COMMAND = "command"
    URL = "url"


class Delivery(StrEnum):
    """The result of sending a change."""

    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"
    """Too many changes were waiting, or there was no time left to send it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A change to send."""

    id: str
    document: dict[str, Any]
    report: dict[str, Any] | None
    """The run that proves the change, for a program; a POST does not contain it."""


Sender = Callable[[Notice], Awaitable[None]]
"""Sends a change. Raises NotSentError."""


class NotSentError(Exception):
    """A change could not be sent; the text gives the reason, and contains no secret."""


class Notices:
    """The channels of a watch, each with its queue and its worker."""

    def __init__(
        self,
        channels: dict[Channel, Sender],
        log: Callable[[str], None],
        counts: Counter[tuple[Channel, Delivery]] | None = None,
    ) -> None:
        """`counts` are counters of an earlier object; counting continues from them."""
        self.counts: Counter[tuple[Channel, Delivery]] = Counter() if counts is None else counts
        """Number of changes by channel and result."""
        for channel in channels:
            for delivery in Delivery:
                self.counts[channel, delivery] += 0
        self._log = log
        self._channels = channels
        self._waiting: dict[Channel, asyncio.Queue[Notice]] = {
            channel: asyncio.Queue(MAX_WAITING) for channel in channels
        }
        self._workers: list[asyncio.Task[None]] = []

    def start(self, group: asyncio.TaskGroup) -> None:
        """Start the workers, as tasks of `group`."""
        self._workers = [group.create_task(self._work(channel, send)) for channel, send in self._channels.items()]

    def add(self, notice: Notice) -> None:
        """Queue a change for every channel. Returns at once; a full queue drops its oldest change."""
        for channel, waiting in self._waiting.items():
            if waiting.full():
                oldest = waiting.get_nowait()
                waiting.task_done()
                self._count(channel, Delivery.DROPPED, f"{MAX_WAITING} changes wait already; {oldest.id} is dropped")
            waiting.put_nowait(notice)

    async def finish(self, seconds: float) -> None:
        """Send the waiting changes for at most this many seconds, drop the rest, and stop the workers."""
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
                self._drop(channel, waiting.get_nowait())

    async def _work(self, channel: Channel, send: Sender) -> None:
        waiting = self._waiting[channel]
        while True:
            notice = await waiting.get()
            try:
                await send(notice)
            except NotSentError as error:
                self._count(channel, Delivery.FAILED, f"the change {notice.id} was not sent: {error}")
            except asyncio.CancelledError:
                self._drop(channel, notice)
                raise
            except Exception as error:  # noqa: BLE001 - an internal error here must not end the watch
                # The text of the error is left out, since that of a library may quote the URL.
                where = traceback.extract_tb(error.__traceback__)[-1].name
                reason = f"internal error: {type(error).__name__} in {where}"
                self._count(channel, Delivery.FAILED, f"the change {notice.id} was not sent: {reason}")
            else:
                self._count(channel, Delivery.SENT, None)
            finally:
                waiting.task_done()

    def _drop(self, channel: Channel, notice: Notice) -> None:
        self._count(channel, Delivery.DROPPED, f"the change {notice.id} was not sent: no time was left")

    def _count(self, channel: Channel, delivery: Delivery, text: str | None) -> None:
        self.counts[channel, delivery] += 1
        if text is not None:
            self._log(text)


def by_command(
    argv: tuple[str, ...], running: set[int], *, passed: Collection[str] = (), seconds: float = COMMAND_SECONDS
) -> Sender:
    """Return a sender that runs a program for every change, for at most `seconds`. The program gets the change as one
    line of JSON on its standard input.

    No shell reads its arguments. It inherits all variables except those in WITHHELD that are not in `passed`. It shares
    the stderr of this process. `running` contains its process id while it runs, and a number below 0 until the id is
    known.
    """

    withheld = WITHHELD - set(passed)

    async def send(notice: Notice) -> None:
        line = f"{dumps({**notice.document, 'report': notice.report})}\n".encode()
        starting = -id(notice)
        running.add(starting)
        # The start has its own task, since asyncio waits for ever for a program whose start is cancelled.
        start = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if name not in withheld},
                start_new_session=True,  # so that the programs that it started end with it
            )
        )
        try:
            process = await asyncio.shield(start)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError, ValueError):  # it was not started
                await _kill(await start)
            raise
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise NotSentError(f"its program cannot be run: {why}") from error
        finally:
            running.discard(starting)
        running.add(process.pid)
        try:
            async with asyncio.timeout(seconds):
                with _input(process, line):
                    await process.wait()
        except TimeoutError as error:
            if process.returncode is None:  # otherwise asyncio waits for a program that inherited the input
                raise NotSentError(f"its program did not finish within {seconds:g} s and was killed") from error
        finally:
            if process.returncode is None:
                await _kill(process)
            running.discard(process.pid)
        if process.returncode:
            raise NotSentError(f"its program exited with {process.returncode}")

    return send


@contextlib.contextmanager
def _input(process: asyncio.subprocess.Process, data: bytes) -> Iterator[None]:
    """Provide `data` as a program's standard input while the block lasts. The program need not read it."""
    stdin = process.stdin
    if stdin is None:
        raise ValueError("a program without a pipe has no input")
    stdin.write(data)
    stdin.close()  # takes effect when all data is written
    try:
        yield
    finally:
        if stdin.transport.get_write_buffer_size():
            stdin.transport.abort()


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill a program and the programs it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # the program has just exited
        pass
    except PermissionError:  # it belongs to another user, for example because of sudo, and may never end
        return
    if process.stdin is not None and not process.stdin.is_closing():
        process.stdin.close()
    await process.wait()


def by_post(where: Notify, agent: str, *, seconds: float = POST_SECONDS, pauses: tuple[float, ...] = PAUSES) -> Sender:
    """Return a sender that posts every change as JSON. Each attempt may take `seconds`.

    If an attempt failed but may succeed later, it is repeated after each of `pauses`, with the change's id as the
    idempotency key. Redirects are not followed.
    """
    parts = urlsplit(where.url)
    host = parts.hostname
    # A request in clear text to loopback must not go to a proxy elsewhere.
    by_proxy = parts.scheme == "https"

    async def send(notice: Notice) -> None:
        body = dumps(notice.document if where.template is None else filled(where.template, notice.document))
        headers = {"Content-Type": "application/json", "User-Agent": agent, "Idempotency-Key": notice.id}
        for pause in (*pauses, None):
            reason, is_final = await _posted(where.url, body, headers, seconds, by_proxy=by_proxy)
            if reason is None:
                return
            if is_final or pause is None:
                raise NotSentError(f"{host} {reason}")
            await asyncio.sleep(pause)

    return send


async def _posted(
    url: str, body: str, headers: dict[str, str], seconds: float, *, by_proxy: bool
) -> tuple[str | None, bool]:
    """Post once. Returns the reason if it failed, else None, and whether another attempt is useless."""
    try:
        async with asyncio.timeout(seconds):
            httpx, trust = await in_background(_client_and_trust)
    except TimeoutError:
        return f"was not asked: the trusted certificates were not read within {seconds:g} s", False
    except OSError as error:  # SSL_CERT_FILE may name any file
        return f"was not asked: the trusted certificates cannot be read: {type(error).__name__}", True
    try:
        # Each change has a new client: the next change may come days later, and an old client's connection would be
        # stale.
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
    except (ValueError, httpx.InvalidURL) as error:  # the URL of a proxy in the environment is not valid
        return f"could not be asked: {type(error).__name__}", True
    if 200 <= status < 300:
        return None, True
    return f"answered with status {status}", status not in _RETRIED


def _client_and_trust() -> tuple[Any, ssl.SSLContext]:
    """Return the library and the roots that it trusts. Both are slow to load, and a cycle may be running."""
    import httpx

    for name in ("httpx", "httpcore"):  # they log the URL of every request
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx, httpx.create_ssl_context()
