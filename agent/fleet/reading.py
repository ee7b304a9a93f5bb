"""Reading the records of a fleet."""

from pathlib import Path

from agent.fleet.model import Unreadable
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """What is read."""

    places: tuple[str, ...]
    command_ids: tuple[str, ...]
    cache: Path | None
    region: str | None
    profile: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """What was read."""

    read: int
    unreadable_count: int
    unreadable: tuple[Unreadable, ...]
    notes: tuple[str, ...]


class FleetReadError(Exception):
    """Nothing at all can be read, in words for the operator."""
