"""The runbook pages of single codes, the list of all codes, and the explanation of log lines."""

from collections.abc import Sequence
from typing import Final

from agent.app.errors import RequestError
from agent.app.publish import CATALOGUE, KNOWN_TEXTS, PAGE, rendered
from agent.catalog.findings import CODES

MAX_LOG_BYTES: Final = 1 << 20
"""Maximum size in bytes of the lines on stdin. One failure writes far less. A search of this many bytes takes less than
a second."""
MAX_LOG_LINES: Final = 10_000
_FEWER: Final = "pass only the lines around the failure, such as the output of `tail -n 500 LOG`"


def all_codes(wanted: str) -> str:
    """Return every finding code with its severity and title."""
    return rendered(CATALOGUE, CODES, wanted)


def page_of(code: str, wanted: str, *, colour: bool = False) -> str:
    """Return the runbook page of a finding code, which may be in upper or lower case. With `colour`, the page has bold
    text. Raises RequestError if there is no such code."""
    code_of_page = code.upper()
    if code_of_page not in CODES:
        import difflib

        near = difflib.get_close_matches(code_of_page, CODES, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; `backuplink explain` lists all codes."
        raise RequestError(f"There is no finding {code!r}{hint}")
    return rendered(PAGE, code_of_page, wanted, colour=colour)


def known_texts(text: str, wanted: str, received_signals: Sequence[str], *, colour: bool = False) -> tuple[str, bool]:
    """Return the explanation of log lines, or of the lines on stdin if `text` is `-`, and whether any line is known.
    With `colour`, the text has bold parts. Raises RequestError if there are too many lines or stdin cannot be read, and
    InterruptedBySignalError after a signal."""
    from agent.app.read_saved import STDIN
    from agent.catalog.text_search import search

    result = search(_lines_of_stdin(received_signals) if text == STDIN else text.split("\n"))
    return rendered(KNOWN_TEXTS, result, wanted, colour=colour), bool(result.matches)


def _lines_of_stdin(received_signals: Sequence[str]) -> list[str]:
    from agent.app.read_saved import STDIN, STDIN_SECONDS, source_of
    from agent.process.files import InterruptedBySignalError, TooLargeError, read_within

    try:
        data = read_within(
            source_of(STDIN), most=MAX_LOG_BYTES, seconds=STDIN_SECONDS, received_signals=received_signals
        )
    except TooLargeError as error:
        raise RequestError(f"stdin: is larger than {MAX_LOG_BYTES >> 20} MiB, the limit of a log; {_FEWER}") from error
    except OSError as error:
        raise RequestError(f"stdin: cannot be read: {error.strerror}") from error
    if received_signals:  # the signal also ended the writer of the pipeline, so the lines are incomplete
        raise InterruptedBySignalError(received_signals[0])
    lines = data.decode("utf-8", "backslashreplace").splitlines()
    if len(lines) > MAX_LOG_LINES:
        raise RequestError(f"stdin: has more than {MAX_LOG_LINES} lines, the limit of a log; {_FEWER}")
    return lines
