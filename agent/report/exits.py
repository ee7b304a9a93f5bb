"""Exit codes, the same for every format."""

from typing import Final

from agent.report.model import Status

OK: Final = 0
WARNING: Final = 1
CRITICAL: Final = 2
UNKNOWN: Final = 3
"""Also usage and configuration errors, and an internal error."""

SIGNALS: Final = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}
"""128 and the signal's number, as shells have it."""

_BY_STATUS: Final = {
    Status.OK: OK,
    Status.WARNING: WARNING,
    Status.CRITICAL: CRITICAL,
    Status.UNKNOWN: UNKNOWN,
    Status.NOT_IN_USE: OK,
}


def of_status(status: Status) -> int:
    """The exit code that a verdict gives."""
    return _BY_STATUS[status]


def of_verdict(status: Status, fail_on: str) -> int:
    """The exit code of a run whose report was written, where it fails from `fail_on` (warning, critical, never) on."""
    code = of_status(status)
    if fail_on == "never" or (fail_on == "critical" and code == WARNING):
        return OK
    return code
