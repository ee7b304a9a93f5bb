"""Ask tmux whether it accepted a text that was sent by OSC 52. If so, its newest buffer contains the text."""

import asyncio
import contextlib
from typing import Final

_SECONDS: Final = 1.0
"""Time limit for an answer of tmux."""
_PAUSES: Final = (0.05, 0.2, 0.5)
"""Seconds to wait before each question to tmux, which may read the sent text only after a while."""


async def has_taken(text: str) -> bool:
    """Whether the newest buffer of tmux contains this text. False if no tmux on this host answers."""
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        if await _newest() == text.encode("utf-8", "replace"):
            return True
    return False


async def _newest() -> bytes | None:
    """The newest buffer; None if there is none, or no answer in time."""
    try:
        process = await asyncio.create_subprocess_exec(
            *("tmux", "show-buffer"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(_SECONDS):
            held, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:  # tmux is ended even if this coroutine is cancelled
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return held if process.returncode == 0 else None
