"""What to do about a finding, as a block."""

from typing import Final

from agent.catalog.wording import listed
from agent.documents.blocks import Action, ToDo
from agent.report.model import CommandScope, Fix


def to_do(fix: Fix, head: str = "What to do") -> ToDo:
    """A fix: its commands in their order, then the lines for files."""
    commands = (
        Action(
            argv=command.argv,
            changes=command.changes,
            undo=command.undo,
            alternative=command.alternative,
            is_checked=command.checked,
        )
        for command in fix.commands
    )
    lines = (
        Action(argv=(), changes=line.changes, undo=line.undo, file=line.file, lines=(line.line,)) for line in fix.lines
    )
    return ToDo(fix.summary, (*commands, *lines), head)


_PLACES: Final = {
    CommandScope.HOST: "the host",
    CommandScope.ENDPOINT: "the endpoint",
    CommandScope.SUBNET: "the subnet",
    CommandScope.VPC: "the VPC",
    CommandScope.ACCOUNT: "the account",
}


def changed(fix: Fix) -> str:
    """What the commands and lines of a fix change, in words: `the host and the VPC`; empty where they only read."""
    scopes = {command.scope for command in fix.commands if command.changes}
    scopes |= {CommandScope.HOST for line in fix.lines if line.changes}
    places = [words for scope, words in _PLACES.items() if scope in scopes]
    return listed(places) if places else ""
