"""Files that an earlier call wrote: reports and facts, read within bounds of size and time."""

import errno
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.process.files import TooLargeError, read_within
from agent.report import facts_file, saved
from agent.report.facts_file import FactsFileError
from agent.report.model import Report
from agent.report.saved import SavedReportError
from agent.settings import Ec2Facts

MAX_REPORT_BYTES: Final = 64 << 20
"""Some thirty times the report of a run over a thousand addresses."""
MAX_FACTS_BYTES: Final = 32 << 20
"""Five times what the 20,000 rules take that are read at most."""
REPORT_SECONDS: Final = 60.0
"""How long a report may take to be read: a named pipe may have no writer."""
FACTS_SECONDS: Final = 5.0
"""The same of facts, which a run waits for."""
STDIN_SECONDS: Final = 3600.0
"""The same of stdin, where a run may still be under way on the other side."""
STDIN: Final = "-"


def read_report(place: str) -> Report:
    """The report in a file, or on stdin where `place` is `-`. Raises SavedReportError."""
    name, seconds = ("stdin", STDIN_SECONDS) if place == STDIN else (place, REPORT_SECONDS)
    try:
        data = read_within(_source(place), most=MAX_REPORT_BYTES, seconds=seconds)
    except TooLargeError as error:
        raise SavedReportError(f"{name}: a report of over {MAX_REPORT_BYTES >> 20} MiB is none") from error
    except (OSError, ValueError) as error:  # a path that can be none
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise SavedReportError(f"{name}: cannot be read: {why}") from error
    return saved.parse_report(data, name)


def read_facts(place: str, now: datetime) -> Ec2Facts:
    """The facts in a file. Raises FactsFileError for what is none, and for facts that are too old at `now` or that were
    taken after it."""
    try:
        data = read_within(Path(place), most=MAX_FACTS_BYTES, seconds=FACTS_SECONDS)
    except TooLargeError as error:
        raise FactsFileError(f"{place}: a facts file of over {MAX_FACTS_BYTES >> 20} MiB is none") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise FactsFileError(f"{place}: cannot be read: {why}") from error
    return facts_file.parse(data, place, now)


def _source(place: str) -> Path | int:
    """What to read. Stdin is read where it is already open: /dev/stdin would open it anew, which whoever may read it
    need not have leave for, and which a socket does not allow."""
    if place != STDIN:
        return Path(place)
    if sys.stdin is None:  # closed before the process began; its number may be another file's by now
        raise OSError(errno.EBADF, "it is closed")
    return 0
