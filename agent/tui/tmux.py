"""Whether tmux has taken a text. It keeps what it takes by OSC 52 in its newest buffer, which it can be asked for."""

import asyncio
import contextlib
from typing import Final

_SECONDS: Final = 1.0
"""How long tmux may take to answer."""
_PAUSES: Final = (0.05, 0.2, 0.5)
"""Seconds before each question: tmux reads what was sent when its turn comes."""


async def has_taken(text: str) -> bool:
    """Whether the newest buffer of tmux holds this text. False where there is no tmux on this host to ask."""
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        if await _newest() == text.encode("utf-8", "replace"):
            return True
    return False


async def _newest() -> bytes | None:
    """The newest buffer; None where there is none, or nothing answers in time."""
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
    finally:  # when the question is dropped, too
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return held if process.returncode == 0 else None
