"""The form of resource ids: one for what is read, and a strict one for what may stand in a command.

AWS calls ids opaque, and kinds of them have words of their own (`rslvr-rr-…`, `tgw-attach-…`, `vpce-svc-…`): what is
read keeps the prefix of its kind and may go on as any of these does. What is handed to a shell keeps to the form that
the Amazon EC2 User Guide (Resource IDs) documents.
"""

import re


def read_form(prefix: str) -> re.Pattern[str]:
    """An id of this kind as an answer may have it."""
    return re.compile(rf"{prefix}-[0-9a-z-]{{4,60}}")


def command_form(prefix: str) -> re.Pattern[str]:
    """An id of this kind as a command may hold it: 8 to 17 hexadecimal digits."""
    return re.compile(rf"{prefix}-[0-9a-f]{{8,17}}")


def command_word_form(prefix: str) -> re.Pattern[str]:
    """An id of Route 53 Resolver as a command may hold it: words follow the prefix, with no character of a shell."""
    return re.compile(rf"{prefix}-[0-9a-z](?:[0-9a-z-]{{0,56}}[0-9a-z])?")
