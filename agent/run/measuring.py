"""The type of the function that makes a run, for callers that handle signals and progress themselves."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from agent.process.cancel import CancelToken
from agent.run.events import Event
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.report.model import Measurement

Emit: TypeAlias = Callable[[Event], None]
"""A function that receives each event of a run."""
Measure: TypeAlias = "Callable[[Settings, Emit, CancelToken], Awaitable[Measurement]]"
"""A function that makes one run with these settings, emits its events, and ends early if the token is cancelled."""
