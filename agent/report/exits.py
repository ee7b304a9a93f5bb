"""Exit codes, the same for every format."""

from typing import Final

from agent.process.exit_codes import CRITICAL as CRITICAL
from agent.process.exit_codes import OK as OK
from agent.process.exit_codes import SIGNALS as SIGNALS
from agent.process.exit_codes import UNKNOWN as UNKNOWN
from agent.process.exit_codes import WARNING as WARNING
from agent.report.model import Status

_BY_STATUS: Final = {
    Status.OK: OK,
    Status.WARNING: WARNING,
    Status.CRITICAL: CRITICAL,
    Status.UNKNOWN: UNKNOWN,
    Status.NOT_IN_USE: OK,
}


def of_status(status: Status) -> int:
    """The exit code for a verdict."""
    return _BY_STATUS[status]


def of_verdict(status: Status, fail_on: str) -> int:
    """The exit code of a run whose report was written. The run fails if its status is `fail_on` (`warning` or
    `critical`) or worse; with `never`, it does not fail."""
    code = of_status(status)
    if fail_on == "never" or (fail_on == "critical" and code == WARNING):
        return OK
    return code
