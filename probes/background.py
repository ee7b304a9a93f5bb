"""Threads that are never joined: a blocking call of a library must not outlive a deadline by holding the process."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Final, TypeVar, cast

NAME: Final = "backuplink-background"
"""Of every such thread, which tells it from a library's own."""

T = TypeVar("T")


def in_background(work: Callable[[], T]) -> "asyncio.Future[T]":
    """Run `work` in a daemon thread that is never joined; the thread continues when the caller gives up.

    asyncio's own executor is joined when the process ends, so that a hanging library would outlive every deadline.
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
        with contextlib.suppress(RuntimeError):  # the loop is closed: the result is no longer wanted
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=body, daemon=True, name=NAME).start()
    return done
