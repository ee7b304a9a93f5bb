"""The type of a run as a function, for callers that handle signals and progress themselves."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from agent.process.cancel import CancelToken
from agent.run.events import Event
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.report.model import Measurement

Emit: TypeAlias = Callable[[Event], None]
"""Takes each event of a run."""
Measure: TypeAlias = "Callable[[Settings, Emit, CancelToken], Awaitable[Measurement]]"
"""Makes one run with these settings, emits its events, and ends early when the token is cancelled."""
