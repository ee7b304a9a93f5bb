"""The real host and its network. Only this module gives a run the real implementations of its seams."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from probes.model import Step
from probes.seams import World
from probes.system.machine import SystemMachine
from probes.system.net import SystemNet
from probes.system.sdk import SystemSdk, has_profile, import_botocore

__all__ = ["has_profile", "measuring_here", "system_world"]

if TYPE_CHECKING:
    from agent.process.cancel import CancelToken
    from agent.report.model import Measurement
    from agent.run.events import Event
    from agent.run.measuring import Measure
    from agent.settings import Settings


def system_world() -> World:
    """Return this host, its network and its AWS SDK. The machine and the SDK reuse earlier reads as long as their
    sources are unchanged."""
    return World(net=SystemNet(), machine=SystemMachine(), sdk=SystemSdk())


def measuring_here() -> "Measure":
    """Return a function that measures this host, for a caller that handles signals and progress itself. All its runs
    use the same world, so that a watch keeps unchanged reads from cycle to cycle."""
    sdk = SystemSdk()
    world = World(net=SystemNet(), machine=SystemMachine(), sdk=sdk)

    async def measure_here(settings: "Settings", emit: "Callable[[Event], None]", stop: "CancelToken") -> "Measurement":
        from agent.run.runner import measure

        import_botocore()
        measurement = await measure(settings, world, emit=emit, stop=stop)
        if any(step.subject.step is Step.API and step.failure is not None for step in measurement.observations):
            sdk.forget_credentials()  # they may have been replaced before they expired
        return measurement

    return measure_here
