"""Writing the document that a command ends with: to stdout, or to a file and to stdout where that fails."""

import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.formats.registry import RenderOptions, render
from agent.process.files import within
from agent.process.output import OutputClosedError, error_to_stderr, has_colours, one_line, to_stdout
from agent.process.phases import Phase, announce
from agent.process.signals import exit_on_signals
from agent.process.write_file import to_file, to_private_file
from agent.report import exits
from agent.report.model import Report
from agent.settings import ReportOptions

if TYPE_CHECKING:
    from agent.report.diff import Difference


def write_report(report: Report, options: ReportOptions, code: int, *, said: int | None = None) -> int:
    """Write a report where it is wanted. Returns the exit code: `code`, or UNKNOWN where the file could not be written
    and stdout got the report instead. Where the run of the report exits with another code, `said` is what the document
    says of it. Raises OutputClosedError."""
    said = code if said is None else said
    if options.redact:
        from agent.report.redact import redact

        report = redact(report)
    announce(Phase.RENDERING)
    if options.output is not None:
        document = render(report, options.format, RenderOptions(brief=options.brief, exit_code=said))
        if write_file(document, options.output, "the report is"):
            return code
        code = said = exits.UNKNOWN
    colour = options.output is None and has_colours(sys.stdout, os.environ)
    to_stdout(render(report, options.format, RenderOptions(brief=options.brief, colour=colour, exit_code=said)))
    return code


def write_refusal(why: str, wanted: str, code: int = exits.UNKNOWN) -> int:
    """Write a report that says only why there is none, in the format `wanted`. Returns the exit code: `code`, or
    UNKNOWN where nobody can read stdout."""
    from agent.judge.verdict import refusal

    try:
        to_stdout(render(refusal(why), wanted, RenderOptions(exit_code=code)))
    except OutputClosedError:
        return exits.UNKNOWN
    return code


def render_difference(changes: "Difference", wanted: str) -> str:
    """What changed between two reports, as `text`, `json` or `html`."""
    if wanted == "html":
        from agent.formats import diff_html

        return diff_html.as_html(changes)
    from agent.formats import diff

    return diff.as_json(changes) if wanted == "json" else diff.as_text(changes)


def write_at_once(document: str, received_signals: list[str]) -> int:
    """Write to stdout what takes no run. Returns the exit code: OK, also where the reader has ended, as head(1) does;
    or that of a signal where one came, which also ends the wait for a reader that never reads. Raises
    OutputClosedError."""
    with exit_on_signals(received_signals):
        try:
            to_stdout(document)
        except OutputClosedError as error:
            if str(error):
                raise
    return exits.SIGNALS[received_signals[0]] if received_signals else exits.OK


def write_document(document: str, output: str | None) -> int:
    """Write a document to a file or, without one or where that fails, to stdout. Returns the exit code: OK, or UNKNOWN
    where the file could not be written. Raises OutputClosedError."""
    if output is not None and write_file(document, output, "the document is"):
        return exits.OK
    to_stdout(document)
    return exits.OK if output is None else exits.UNKNOWN


def write_file(document: str, output: str, what: str, *, private: bool = False) -> bool:
    """Write a document to a file, with `private` one that only its owner can read. Returns False where that fails,
    after an error on stderr which says that `what` on stdout: the caller writes it there."""
    if private:
        return write_private(document.encode("utf-8"), output, what)
    return _is_written(lambda: to_file(document, Path(output)), output, what)


def write_private(data: bytes, output: str, what: str) -> bool:
    """Write a file that only its owner can read. Returns and reports as `write_file` does."""
    return _is_written(lambda: to_private_file(data, Path(output)), output, what)


def _is_written(write: Callable[[], object], output: str, what: str) -> bool:
    try:
        # In a thread, so that a signal ends the wait for a file system that never answers. A reader of a pipe or of
        # /dev/stdout may take its time.
        within(write, seconds=math.inf)
    except OSError as error:
        error_to_stderr(f"Error: {one_line(f'{output} cannot be written: {error.strerror}; {what} on stdout.')}\n")
        return False
    return True
