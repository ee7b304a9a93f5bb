"""The forms of resource ids: a loose form for ids in answers, and a strict form for ids in commands.

AWS calls ids opaque, and ids of some kinds contain further words (`rslvr-rr-…`, `tgw-attach-…`, `vpce-svc-…`). An id in
an answer must have the prefix of its kind and may continue in any of these ways. An id for a shell must have the form
that the Amazon EC2 User Guide (Resource IDs) documents.
"""

import re


def read_form(prefix: str) -> re.Pattern[str]:
    """Return a pattern for an id of this kind in an answer."""
    return re.compile(rf"{prefix}-[0-9a-z-]{{4,60}}")


def command_form(prefix: str) -> re.Pattern[str]:
    """Return a pattern for an id of this kind in a command: 8 to 17 hexadecimal digits."""
    return re.compile(rf"{prefix}-[0-9a-f]{{8,17}}")


def command_word_form(prefix: str) -> re.Pattern[str]:
    """Return a pattern for an id of Route 53 Resolver in a command: words follow the prefix, without characters that a
    shell interprets."""
    return re.compile(rf"{prefix}-[0-9a-z](?:[0-9a-z-]{{0,56}}[0-9a-z])?")
