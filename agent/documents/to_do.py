"""What to do about a finding, as a block."""

from agent.documents.blocks import Action, ToDo
from agent.report.model import Fix


def to_do(fix: Fix) -> ToDo:
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
    return ToDo(fix.summary, (*commands, *lines))
