"""Finds the kind and format of the document that a call would have written, even if its arguments are wrong. The
refusal of the call has the same kind and format."""

from collections.abc import Mapping, Sequence
from typing import Final

from agent.app.publish import (
    AUDIT,
    DIFFERENCE,
    ENDPOINTS,
    FACTS,
    FLEET,
    HISTORY,
    KNOWN_TEXTS,
    PAGE,
    PERMISSIONS,
    PREDICTION,
    REPORT,
    Kind,
)
from agent.cli.config_file import format_of_file

_KINDS: Final = {
    "audit": AUDIT,
    "diff": DIFFERENCE,
    "endpoints": ENDPOINTS,
    "explain": PAGE,
    "facts": FACTS,
    "fleet": FLEET,
    "history": HISTORY,
    "permissions": PERMISSIONS,
    "predict": PREDICTION,
}
"""The kind of document in which a command is refused, by the command's name. Other commands, and a call without a
command, are refused in a report."""
_OTHER_KINDS: Final = {
    ("demo", "--fleet"): FLEET,
    ("explain", "--text"): KNOWN_TEXTS,
    ("history", "--compare"): DIFFERENCE,
    ("history", "--show"): REPORT,
}
"""The kind of document that a command writes with certain options."""
_OF_MONITORS: Final = ("junit", "nagios")
"""Formats for monitors, which show the text to somebody. In these formats, the refusal of any command is written as a
report."""


def refused_document(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[Kind, str]:
    """Return the kind and the format of the document that refuses a call. A variable or a configuration
    file can set the format only for a run."""
    command = arguments[0] if arguments else None
    kind = next(
        (kind for (name, option), kind in _OTHER_KINDS.items() if name == command and _last_value(option, arguments)),
        _KINDS.get(command or "", REPORT),
    )
    given = _last_value("--format", arguments)
    if not given and command not in _KINDS:
        given = environment.get("BACKUPLINK_FORMAT")
        file = _last_value("--config", arguments) or environment.get("BACKUPLINK_CONFIG")
        if not given and file:
            given = format_of_file(file)
    if given is not None and given in kind.forms:
        return kind, given
    return (REPORT, given) if given in _OF_MONITORS else (kind, kind.formats[0])


def _last_value(option: str, arguments: Sequence[str]) -> str | None:
    value = None
    for place, word in enumerate(arguments):
        if word == "--":
            break
        if word == option and place + 1 < len(arguments):
            value = arguments[place + 1]
        elif word.startswith(f"{option}="):
            value = word.removeprefix(f"{option}=")
    return value
