"""The events of a run. Everything that shows a run while it goes on depends on these events alone."""

from typing import Any

from probes.frozen import dataclass
from probes.model import Observation, Subject, Target


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run has started and will finish within `deadline` seconds."""

    run_id: str
    deadline: float


@dataclass(frozen=True, slots=True)
class TargetsKnown:
    """The run's targets as far as they are known; a later event of this kind replaces an earlier one."""

    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class StepPlanned:
    """This step belongs to the run. It will get its observation, whatever happens."""

    subject: Subject


@dataclass(frozen=True, slots=True)
class StepStarted:
    """This step is being made."""

    subject: Subject


@dataclass(frozen=True, slots=True)
class ObservationMade:
    """A step has finished. `planned` is the number of steps known so far, including this one."""

    observation: Observation[Any]
    planned: int


Event = RunStarted | TargetsKnown | StepPlanned | StepStarted | ObservationMade
