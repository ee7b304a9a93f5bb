"""The request for a fleet: the data to read, the question, and the output."""

from datetime import datetime

from agent.fleet.attributes import Attribute
from agent.fleet.model import SharedValue
from agent.settings import Output, Suppression
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRequest:
    """The data to read, the question, and the output for the answer."""

    places: tuple[str, ...]
    command_ids: tuple[str, ...]
    ec2_facts: tuple[str, ...]
    """Paths of facts files, and of folders with such files."""
    inventory: str | None
    sweep: str | None
    against: str
    since: datetime | float | None
    """An instant, or seconds before now."""
    by: Attribute | None
    where: tuple[SharedValue, ...]
    least: int
    tolerate: float
    """Share of all hosts or files, from 0 to 1."""
    cache: str | None
    suppressions: tuple[Suppression, ...]
    suppressions_file: str | None
    region: str | None
    profile: str | None
    output: Output
