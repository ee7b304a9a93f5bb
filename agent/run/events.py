"""What happens in a run, as it happens: every way of showing a run is a function of these."""

from dataclasses import dataclass
from typing import Any

from probes.model import Observation, Subject, Target


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run has begun and will be over within `deadline` seconds."""

    run_id: str
    deadline: float


@dataclass(frozen=True, slots=True)
class TargetsKnown:
    """These are the run's targets, as far as is known; a later event replaces an earlier one."""

    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class StepPlanned:
    """This look belongs to the run; it will have its observation, whatever comes."""

    subject: Subject


@dataclass(frozen=True, slots=True)
class StepStarted:
    """This look is being made."""

    subject: Subject


@dataclass(frozen=True, slots=True)
class ObservationMade:
    """A look has come to its end; `announced` looks are known of so far."""

    observation: Observation[Any]
    planned: int


Event = RunStarted | TargetsKnown | StepPlanned | StepStarted | ObservationMade
