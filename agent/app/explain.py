"""The runbook pages, for one finding code or as a list of all codes; and what is known of lines of logs."""

from collections.abc import Sequence
from typing import Final

from agent.app.errors import RequestError
from agent.catalog.findings import CODES
from agent.formats import explain as pages

MAX_LOG_BYTES: Final = 1 << 20
"""Of lines on stdin: far above what one failure writes, and searched within a second."""
MAX_LOG_LINES: Final = 10_000
_FEWER: Final = "pass the lines around the failure alone, such as those of `tail -n 500 LOG`"


def all_codes(*, as_json: bool) -> str:
    """Every finding code with its severity and title."""
    return pages.catalogue_as_json() if as_json else pages.catalogue_as_text()


def page_of(code: str, *, as_json: bool, bold: bool = False) -> str:
    """The runbook page of a finding code, in upper or lower case; `bold` for a terminal that shows it. Raises
    RequestError where there is no such code."""
    code_of_page = code.upper()
    if code_of_page not in CODES:
        import difflib

        near = difflib.get_close_matches(code_of_page, CODES, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; `backuplink explain` lists all codes."
        raise RequestError(f"There is no finding {code!r}{hint}")
    return pages.page_as_json(code_of_page) if as_json else pages.as_text(pages.page(code_of_page), bold=bold)


def known_texts(text: str, received_signals: Sequence[str], *, as_json: bool, bold: bool = False) -> tuple[str, bool]:
    """What is known of lines of a log, or of the lines on stdin where `text` is `-`; and whether anything is. `bold`
    for a terminal that shows it. Raises RequestError for more lines than the limit, and where stdin cannot be read;
    InterruptedBySignalError after a signal."""
    from agent.app.read_saved import STDIN
    from agent.catalog.text_search import search
    from agent.formats import known_texts as texts

    result = search(_lines_of_stdin(received_signals) if text == STDIN else text.split("\n"))
    return (texts.as_json(result) if as_json else texts.as_text(result, bold=bold)), bool(result.matches)


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
    if received_signals:  # which also ended the writer of the pipeline: the lines were cut short
        raise InterruptedBySignalError(received_signals[0])
    lines = data.decode("utf-8", "backslashreplace").splitlines()
    if len(lines) > MAX_LOG_LINES:
        raise RequestError(f"stdin: has more than {MAX_LOG_LINES} lines, the limit of a log; {_FEWER}")
    return lines
