"""The fix of a finding as a block."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from agent.catalog.wording import listed
from agent.documents.blocks import Action, ToDo
from agent.report.model import CommandScope, Fix


def to_do(fix: Fix, head: str = "What to do") -> ToDo:
    """Return a fix as a block, with its commands in order. The lines for files come before the first command that
    changes something. If this command restarts a service, the service must find the lines."""
    commands = [
        Action(
            argv=command.argv,
            changes=command.changes,
            undo=command.undo,
            alternative=command.alternative,
            is_checked=command.checked,
        )
        for command in fix.commands
    ]
    first = next((place for place, command in enumerate(commands) if command.changes), len(commands))
    return ToDo(fix.summary, (*commands[:first], *_files(fix), *commands[first:]), head)


def _files(fix: Fix) -> Iterator[Action]:
    """Yield one action for each file, with all lines for the file."""
    for (file, changes, undo), lines in groupby(fix.lines, key=lambda line: (line.file, line.changes, line.undo)):
        yield Action(argv=(), changes=changes, undo=undo, file=file, lines=tuple(line.line for line in lines))


_PLACES: Final = {
    CommandScope.HOST: "the host",
    CommandScope.ENDPOINT: "the endpoint",
    CommandScope.SUBNET: "the subnet",
    CommandScope.VPC: "the VPC",
    CommandScope.ACCOUNT: "the account",
}


def changed(fix: Fix) -> str:
    """Return what the commands and lines of a fix change, such as `the host and the VPC`. Empty if they only read."""
    scopes = {command.scope for command in fix.commands if command.changes}
    scopes |= {CommandScope.HOST for line in fix.lines if line.changes}
    places = [words for scope, words in _PLACES.items() if scope in scopes]
    return listed(places) if places else ""
