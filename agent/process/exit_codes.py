"""The numbers of exit codes. This module loads nothing, since commands without a report need the numbers as well."""

OK = 0
WARNING = 1
CRITICAL = 2
UNKNOWN = 3
"""The verdict is unknown, the call or the configuration is wrong, or there was an internal error."""

SIGNALS = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}
"""Exit codes after a signal: 128 plus its number, as in shells."""
