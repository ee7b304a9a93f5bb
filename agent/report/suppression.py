"""Suppressions of known findings, which must not affect the verdict, in the notation of options and files."""

import re
from datetime import date
from typing import Final

from agent.catalog.findings import CODES
from agent.report.model import SubjectKind
from agent.settings import Suppression

_UNTIL: Final = re.compile(r"(?P<what>.+)@(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})")


def read(text: str) -> Suppression:
    """Parse a suppression `CODE[=TARGET|=KIND:ID][@YYYY-MM-DD]`. Raises ValueError with a message for the
    operator."""
    until = None
    if (match := _UNTIL.fullmatch(text)) is not None:
        text, until = match["what"], day(match["day"])
    code, separator, target = text.partition("=")
    if code not in CODES:
        import difflib

        near = difflib.get_close_matches(code.upper(), CODES, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; docs/codes.md lists them"
        raise ValueError(f"{code!r} is not a finding code{hint}")
    if separator and not (target and target.isprintable()):
        raise ValueError(f"{text!r} names no target after the '='")
    kind, colon, id_ = target.partition(":")
    if colon and id_ and kind in tuple(SubjectKind):  # a target is a service with or without a host, or an address
        return Suppression(code=code, target=None, subject=target, until=until)
    return Suppression(code=code, target=target or None, until=until)


def day(text: str) -> date:
    """Parse a day such as `2026-12-31`. Raises ValueError with a message for the operator."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a day") from error
