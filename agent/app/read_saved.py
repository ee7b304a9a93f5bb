"""Read reports and facts of earlier calls, and plans and policies of other programs, with limits on size and time."""

import errno
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from agent.app.errors import PolicyFileError
from agent.process.files import InterruptedBySignalError, TooLargeError, read_within
from agent.report import facts_file, saved
from agent.report.facts_file import FactsFileError
from agent.report.model import Report
from agent.report.saved import SavedReportError
from agent.settings import Ec2Facts
from probes.vpc.model import MAX_POLICY_CHARACTERS

if TYPE_CHECKING:
    from agent.audit.model import AuditDocument
    from agent.predict.intents import Intents
    from agent.predict.plan_values import Plan

MAX_REPORT_BYTES: Final = 64 << 20
"""Maximum size of a report in bytes. It is about thirty times the size of the report of a run with a thousand
addresses."""
MAX_FACTS_BYTES: Final = 32 << 20
"""Maximum size of facts in bytes. It is five times the size of 20,000 rules, the maximum number of rules that are
read."""
MAX_ACCOUNT_BYTES: Final = 256 << 20
"""Maximum size in bytes of a facts file about several VPCs, or of an audit of them. It is enough for eight of the
largest VPCs, or for thousands of usual size."""
MAX_PLAN_BYTES: Final = 64 << 20
"""Maximum size of a plan in bytes. A plan of this size has about ten thousand resources of Terraform."""
MAX_INTENT_BYTES: Final = 256 << 10
"""Maximum size of intents in bytes. A file of this size has about a thousand intents."""
MAX_POLICY_BYTES: Final = 4 * MAX_POLICY_CHARACTERS
"""Maximum size of a policy in bytes. A character takes at most four bytes in UTF-8."""
REPORT_SECONDS: Final = 60.0
"""Time limit in seconds for reading a report. If it is a named pipe, nobody may write to it."""
FACTS_SECONDS: Final = 5.0
"""Time limit in seconds for reading facts. A run waits for them."""
STDIN_SECONDS: Final = 3600.0
"""Time limit in seconds for reading stdin. The run that writes the report may not have ended yet."""
STDIN: Final = "-"

T = TypeVar("T")


def read_report(place: str, received_signals: Sequence[str] = ()) -> Report:
    """Return the report in a file, or on stdin if `place` is `-`. Raises SavedReportError, and InterruptedBySignalError
    after a signal, which its handler adds to `received_signals`."""
    name, seconds = ("stdin", STDIN_SECONDS) if place == STDIN else (place, REPORT_SECONDS)
    try:
        data = read_within(source_of(place), most=MAX_REPORT_BYTES, seconds=seconds, received_signals=received_signals)
    except TooLargeError as error:
        raise SavedReportError(f"{name}: is larger than {MAX_REPORT_BYTES >> 20} MiB, the limit of a report") from error
    except (OSError, ValueError) as error:  # a path with a NUL
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise SavedReportError(f"{name}: cannot be read: {why}") from error
    return _parsed(lambda: saved.parse_report(data, name), SavedReportError, received_signals)


def read_facts(place: str, received_signals: Sequence[str] = ()) -> Ec2Facts:
    """Return the facts in a file. Raises FactsFileError for anything else, and InterruptedBySignalError after a signal,
    which its handler adds to `received_signals`."""
    data = _facts_in(place, MAX_FACTS_BYTES, received_signals)
    return _parsed(lambda: facts_file.parse(data, place), FactsFileError, received_signals)


def read_all_facts(place: str, received_signals: Sequence[str] = ()) -> tuple[Ec2Facts, ...]:
    """Return the facts about one or several VPCs from a file. Raises the errors of `read_facts`."""
    data = _facts_in(place, MAX_ACCOUNT_BYTES, received_signals)
    return _parsed(lambda: facts_file.parse_all(data, place), FactsFileError, received_signals)


def _facts_in(place: str, most: int, received_signals: Sequence[str]) -> bytes:
    try:
        return read_within(Path(place), most=most, seconds=FACTS_SECONDS, received_signals=received_signals)
    except TooLargeError as error:
        raise FactsFileError(f"{place}: is larger than {most >> 20} MiB, the limit of a facts file") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise FactsFileError(f"{place}: cannot be read: {why}") from error


def read_audit(place: str, received_signals: Sequence[str] = ()) -> "AuditDocument":
    """Return the audit in a file. Raises AuditFileError for anything else, and InterruptedBySignalError after a signal,
    which its handler adds to `received_signals`."""
    from agent.audit.saved import AuditFileError, parse

    try:
        data = read_within(
            Path(place), most=MAX_ACCOUNT_BYTES, seconds=REPORT_SECONDS, received_signals=received_signals
        )
    except TooLargeError as error:
        raise AuditFileError(f"{place}: is larger than {MAX_ACCOUNT_BYTES >> 20} MiB, the limit of an audit") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise AuditFileError(f"{place}: cannot be read: {why}") from error
    return _parsed(lambda: parse(data, place), AuditFileError, received_signals)


def read_plan(place: str, received_signals: Sequence[str] = ()) -> "Plan":
    """Return the plan in a file, or on stdin if `place` is `-`. Raises PlanError for anything else, and
    InterruptedBySignalError after a signal, which its handler adds to `received_signals`."""
    from agent.predict.plan import parse
    from agent.predict.plan_values import PlanError

    name, seconds = ("stdin", STDIN_SECONDS) if place == STDIN else (place, REPORT_SECONDS)
    try:
        data = read_within(source_of(place), most=MAX_PLAN_BYTES, seconds=seconds, received_signals=received_signals)
    except TooLargeError as error:
        raise PlanError(f"{name}: is larger than {MAX_PLAN_BYTES >> 20} MiB, the limit of a plan") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise PlanError(f"{name}: cannot be read: {why}") from error
    return _parsed(lambda: parse(data, name), PlanError, received_signals)


def read_intents(place: str, received_signals: Sequence[str] = ()) -> "Intents":
    """Return the intents in a file, or on stdin if `place` is `-`. Raises IntentError for anything else, and
    InterruptedBySignalError after a signal, which its handler adds to `received_signals`."""
    from agent.predict.intents import IntentError, parse

    name, seconds = ("stdin", STDIN_SECONDS) if place == STDIN else (place, REPORT_SECONDS)
    try:
        data = read_within(source_of(place), most=MAX_INTENT_BYTES, seconds=seconds, received_signals=received_signals)
    except TooLargeError as error:
        raise IntentError(f"{name}: is larger than {MAX_INTENT_BYTES >> 10} KiB, the limit of intents") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise IntentError(f"{name}: cannot be read: {why}") from error
    return _parsed(lambda: parse(data, name), IntentError, received_signals)


def read_policy(place: str, received_signals: Sequence[str] = ()) -> str:
    """Return the text of a file with a policy. Raises PolicyFileError if it is not text, and InterruptedBySignalError
    after a signal, which its handler adds to `received_signals`."""
    try:
        data = read_within(Path(place), most=MAX_POLICY_BYTES, seconds=FACTS_SECONDS, received_signals=received_signals)
        return data.decode("utf-8-sig")
    except TooLargeError as error:
        raise PolicyFileError(
            f"{place}: is larger than {MAX_POLICY_BYTES >> 10} KiB, more than a policy has"
        ) from error
    except UnicodeDecodeError as error:
        raise PolicyFileError(f"{place}: is not UTF-8 text, and so not a policy") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise PolicyFileError(f"{place}: cannot be read: {why}") from error


def _parsed(parse: Callable[[], T], refuses: type[Exception], received_signals: Sequence[str]) -> T:
    """Return the result of `parse`, or raise its error. For a bad document, this error is of the class `refuses`.
    Ctrl-C also ends a writer in the same pipeline, which cuts the document short. After a signal, the signal is
    therefore reported instead of a bad document."""
    try:
        return parse()
    except refuses:
        if received_signals:
            raise InterruptedBySignalError(received_signals[0]) from None
        raise


def source_of(place: str) -> Path | int:
    """Return the path or the descriptor to read. Stdin is read through its open descriptor, since opening /dev/stdin
    needs another permission and fails for a socket."""
    if place != STDIN:
        return Path(place)
    if sys.stdin is None:  # closed before the process started; its number may belong to another file by now
        raise OSError(errno.EBADF, "it is closed")
    return 0
