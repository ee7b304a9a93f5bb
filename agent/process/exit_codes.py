"""The numbers of exit codes. Loads nothing, since a command that makes no report needs them, too."""

OK = 0
WARNING = 1
CRITICAL = 2
UNKNOWN = 3
"""The verdict is unknown, the call or the configuration is wrong, or there was an internal error."""

SIGNALS = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}
"""128 and the signal's number, as shells have it."""
