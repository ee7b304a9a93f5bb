"""The formats of a report: one row each, with everything that the rest of the program has to know about it.

A module is imported only when its format is asked for, and with it the library that it needs. A new format is its
module with `render(report, options)`, its row here, and its reader in `tests/formats/readers.py`; nothing else compares
with a format's name.
"""

import importlib
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, cast

from probes.frozen import dataclass

if TYPE_CHECKING:  # options are parsed before anything of a report is needed
    from agent.report.model import Report
    from agent.run.events import Event


class Stream(StrEnum):
    """What a watch writes to stdout."""

    CHANGES = "changes"
    """Nothing but a line for each change."""
    EVENTS = "events"
    """Lines while a run lasts, and one for each change."""
    DOCUMENTS = "documents"
    """The document of each cycle, after that of the cycle before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """What a document depends on besides the report. A format ignores what it has no use for."""

    brief: bool = False
    """Whether to keep within the bound of a short document."""
    colour: bool = False
    """Whether the reader is a terminal that shows colours."""
    exit_code: int | None = None
    """What the command exits with; None for the code of the verdict."""


DEFAULT_OPTIONS: Final = RenderOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A row of FORMATS."""

    name: str
    module: str
    """Has `render(report, options) -> str`."""
    suffix: str
    """How the name of a file in this format ends."""
    stream: Stream | None = None
    """None for a format whose documents cannot follow one another: a watch writes those to a file."""
    live: str | None = None
    """Name of the class in `module` that writes a run while it lasts; None where the whole report must be known."""
    deadline: float | None = None
    """Seconds for a whole run by default, where the reader waits less long than for other formats."""
    has_brief: bool = False
    """Whether the format has a short document."""
    can_be_saved: bool = False
    """Whether the interface saves a report in it."""
    is_collected: bool = False
    """Whether a file in it is for a collector of metrics, which runs as another user."""


FORMATS: Final = (
    Format(name="text", module="agent.formats.text", suffix=".txt", stream=Stream.CHANGES, has_brief=True),
    Format(name="json", module="agent.formats.json", suffix=".json", can_be_saved=True),
    Format(name="ndjson", module="agent.formats.ndjson", suffix=".ndjson", stream=Stream.EVENTS, live="NdjsonWriter"),
    # check_nrpe gives up a plugin after ten seconds, and with it the document.
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
"""In the order of `--help` and of the interface's dialog; the first is the default."""
DEFAULT_FORMAT: Final = FORMATS[0].name
OPTION_NAMES: Final = tuple(row.name for row in FORMATS)
"""The values that `--format` takes."""
_BY_NAME: Final = {row.name: row for row in FORMATS}


class LiveWriter(Protocol):
    """Writes a run while it lasts."""

    def __call__(self, event: "Event", /) -> None:
        """Write what the event says, whole lines at a time."""

    def end(self, report: "Report") -> None:
        """Write what only the finished report says."""


def format_named(name: str) -> Format:
    """The row of a format. Raises KeyError."""
    return _BY_NAME[name]


def render(report: "Report", name: str, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """The report as one whole document. Raises KeyError for a name that no format has."""
    module = importlib.import_module(format_named(name).module)
    return cast(str, module.render(report, options))


def live_writer(row: Format, write: Callable[[str], None]) -> LiveWriter:
    """What writes a run while it lasts, one whole line for each call of `write`. Raises ValueError for a format that
    cannot."""
    if row.live is None:
        raise ValueError(f"{row.name} is not written while a run lasts")
    return cast(LiveWriter, getattr(importlib.import_module(row.module), row.live)(write))
