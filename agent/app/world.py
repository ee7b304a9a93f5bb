"""The real host and its network: the one place where the seams of a run get their real implementations."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from probes.seams import World
from probes.system.machine import SystemMachine
from probes.system.net import SystemNet
from probes.system.sdk import SystemSdk, has_profile

__all__ = ["has_profile", "measure_here", "system_world"]

if TYPE_CHECKING:
    from agent.process.cancel import CancelToken
    from agent.report.model import Measurement
    from agent.run.events import Event
    from agent.settings import Settings


def system_world() -> World:
    """This host, its network and its AWS SDK."""
    return World(net=SystemNet(), machine=SystemMachine(), sdk=SystemSdk())


async def measure_here(settings: "Settings", emit: "Callable[[Event], None]", stop: "CancelToken") -> "Measurement":
    """Measure once on this host, for a caller that handles signals and progress itself."""
    from agent.run.runner import measure

    return await measure(settings, system_world(), emit=emit, stop=stop)
