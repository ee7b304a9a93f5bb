"""A run as it happens: one JSON object per line, with its `type` and the run's id. Each line is flushed."""

import json
from collections.abc import Callable
from typing import Any

from agent.formats.registry import DEFAULT_OPTIONS, RenderOptions
from agent.report.codec import encode, encode_observation
from agent.report.model import Report
from agent.report.serialization import to_json
from agent.run.events import Event, ObservationMade, RunStarted


class NdjsonWriter:
    """Turns events into lines. `write` gets one whole line at a time."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._run_id = "none"

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.begin(event.run_id, event.deadline)
            case ObservationMade():
                self._line("observation", encode_observation(event.observation))

    def begin(self, run_id: str, deadline: float | None) -> None:
        """Write the first line."""
        self._run_id = run_id
        self._line("run", {"deadline": deadline})

    def end(self, report: Report) -> None:
        """Write the findings, and the whole report as the last line."""
        for finding in report.findings:
            self._line("finding", to_json(finding))
        self._line("report", encode(report))

    def _line(self, kind: str, content: dict[str, Any]) -> None:
        run = content["run"] if kind == "report" else {"id": self._run_id}
        self._write(json.dumps({"type": kind, **content, "run": run}, allow_nan=False) + "\n")


def render(report: Report, options: RenderOptions = DEFAULT_OPTIONS) -> str:
    """Return the lines of a finished run."""
    lines: list[str] = []
    writer = NdjsonWriter(lines.append)
    writer.begin(report.run.id, None)  # a report does not contain the deadline
    for observation in report.observations:
        writer(ObservationMade(observation, len(report.observations)))
    writer.end(report)
    return "".join(lines)
