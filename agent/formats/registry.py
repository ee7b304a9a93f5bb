"""The formats of a report. Each has a row with everything that other parts of the program need to know about it.

The module of a format, and the library that it needs, are only imported when the format is used. CONTRIBUTING.md lists
what a new format needs besides its row.
"""

import importlib
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, cast

from probes.frozen import dataclass

if TYPE_CHECKING:  # options are parsed before any module of a report is needed
    from agent.report.model import Report
    from agent.run.events import Event


class Stream(StrEnum):
    """The content of a watch's stdout."""

    CHANGES = "changes"
    """Only a line for each change."""
    EVENTS = "events"
    """Lines during a run, and a line for each change."""
    DOCUMENTS = "documents"
    """The documents of all cycles, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """Options of a document besides the report. A format ignores options that it does not use."""

    brief: bool = False
    """Whether the document must be short."""
    colour: bool = False
    """Whether the reader is a terminal that shows colours."""
    exit_code: int | None = None
    """The exit code of the command; None for the verdict's code."""


DEFAULT_OPTIONS: Final = RenderOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A row of FORMATS."""

    name: str
    module: str
    """A module with `render(report, options) -> str`."""
    suffix: str
    """The suffix of a file in this format."""
    stream: Stream | None = None
    """The content of a watch's stdout. It is None for a format whose documents cannot follow one another in a stream. A
    watch writes such documents to a file."""
    live: str | None = None
    """Name of the class in `module` that writes during a run; None if the whole report must be known first."""
    deadline: float | None = None
    """The default deadline of a run in seconds. It is set if the readers of this format wait for less time than
    others."""
    has_brief: bool = False
    """Whether the format has a short document."""
    can_be_saved: bool = False
    """Whether the interface offers the format for saving."""
    is_collected: bool = False
    """Whether a collector of metrics reads the file, as another user."""


FORMATS: Final = (
    Format(name="text", module="agent.formats.text", suffix=".txt", stream=Stream.CHANGES, has_brief=True),
    Format(name="json", module="agent.formats.json", suffix=".json", can_be_saved=True),
    Format(name="ndjson", module="agent.formats.ndjson", suffix=".ndjson", stream=Stream.EVENTS, live="NdjsonWriter"),
    # check_nrpe kills a plugin after ten seconds, and its document is lost.
    Format(name="nagios", module="agent.formats.nagios", suffix=".nagios", deadline=9.0),
    Format(name="prometheus", module="agent.formats.prometheus", suffix=".prom", is_collected=True),
    Format(name="emf", module="agent.formats.emf", suffix=".emf", stream=Stream.DOCUMENTS, is_collected=True),
    Format(name="junit", module="agent.formats.junit", suffix=".junit.xml"),
    Format(name="html", module="agent.formats.html", suffix=".html", can_be_saved=True),
    Format(name="svg", module="agent.formats.svg", suffix=".svg"),
    Format(name="markdown", module="agent.formats.markdown", suffix=".md", can_be_saved=True),
    Format(name="asff", module="agent.formats.asff", suffix=".asff.json"),
    Format(name="opsitem", module="agent.formats.opsitem", suffix=".opsitem.json"),
    Format(name="host", module="agent.formats.host", suffix=".host.json", stream=Stream.DOCUMENTS),
)
"""The formats in the order of `--help` and of the interface's dialog; the first is the default."""
DEFAULT_FORMAT: Final = FORMATS[0].name
OPTION_NAMES: Final = tuple(row.name for row in FORMATS)
"""The values of `--format`."""
_BY_NAME: Final = {row.name: row for row in FORMATS}


class LiveWriter(Protocol):
    """Writes during a run."""

    def __call__(self, event: "Event", /) -> None:
        """Write an event in whole lines."""

    def end(self, report: "Report") -> None:
        """Write the part that only the finished report contains."""


def format_named(name: str) -> Format:
    """Return the row of a format. Raises KeyError."""
    return _BY_NAME[name]


def render(report: "Report", name: str, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """Return the report as one whole document. Raises KeyError for an unknown name."""
    module = importlib.import_module(format_named(name).module)
    return cast(str, module.render(report, options))


def live_writer(row: Format, write: Callable[[str], None]) -> LiveWriter:
    """Return a writer for a run in progress. It calls `write` once for each whole line. Raises ValueError for a format
    without a live writer."""
    if row.live is None:
        raise ValueError(f"{row.name} is not written while a run lasts")
    return cast(LiveWriter, getattr(importlib.import_module(row.module), row.live)(write))
