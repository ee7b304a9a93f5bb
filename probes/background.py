"""Threads that are never joined: a blocking call of a library must not keep the process alive beyond its deadline."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar, cast

NAME: Final = "backuplink-background"
"""The name of these threads. It distinguishes them from threads of a library."""

T = TypeVar("T")


def in_background(work: Callable[[], T]) -> "asyncio.Future[T]":
    """Run `work` in a daemon thread that is never joined; the thread continues even if the caller gives up.

    asyncio's own executor is joined when the process ends, so with it a hanging library would outlive every deadline.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(cast(T, result))

    def body() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - raised again where the future is awaited
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed, so nobody wants the result
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=body, daemon=True, name=NAME).start()
    return done


class CallsInBackground:
    """Makes calls in threads like `in_background`, but never two calls with the same key at the same time.

    A call that hangs, for example on a file system that does not answer, keeps its thread. Otherwise a watch would add
    a thread in every cycle, until the limit of the process is reached.
    """

    def __init__(self) -> None:
        self._pending: dict[tuple[asyncio.AbstractEventLoop, Hashable], asyncio.Future[Any]] = {}

    async def result_of(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return or raise the result of `work`. If a call with this key is still running, wait for that call
        instead."""
        place = asyncio.get_running_loop(), key
        pending = self._pending.get(place)
        if pending is None:
            pending = self._pending[place] = in_background(work)

            def end(done: "asyncio.Future[Any]") -> None:
                del self._pending[place]
                done.exception()  # marks the error as seen: perhaps nobody waits for the result

            pending.add_done_callback(end)
        return cast(T, await asyncio.shield(pending))
