"""The parameters of a watch: what it measures and reports (WatchConfig), and its environment (WatchEnvironment)."""

import random
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from agent.history.model import History
from agent.process.output import Writer
from agent.report.model import Measurement, Report
from agent.run.measuring import Measure
from agent.settings import Settings, Watching
from agent.watch.systemd import Manager
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchConfig:
    """What to watch, how often, and where the results go."""

    settings: Settings
    """The settings of one cycle. Its deadline is shorter than the interval."""
    watching: Watching
    measure: Measure
    judge: Callable[[Measurement], Report]
    format: str
    """The format of stdout, which must be able to stream (`agent.formats.registry`). Not used with an `output`."""
    output: Path | None
    """A file that always has the last report, as `render` writes it."""
    render: Callable[[Report], str]
    redact: bool
    """Whether hosts, addresses and ids are masked in everything that leaves the process."""
    history: History | None = None
    """The history that keeps the cycles."""
    series: str = ""
    """The name of the series in the history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEnvironment:
    """The environment of a watch besides the network. Tests replace it."""

    now: Callable[[], datetime]
    """Returns the wall-clock time, with UTC as its zone."""
    chance: random.Random
    """Randomizes the starts of cycles."""
    manager: Manager
    lines: Writer
    """Writes the lines about changes."""
    documents: Writer
    """Writes the output of each cycle to stdout."""
    journal: bool
    """Whether the lines go to the journal."""
    tidy: Callable[[Collection[int]], None] = lambda _: None
    """Ends child processes that a cycle left behind, except the processes with these ids."""
