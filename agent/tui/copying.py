"""The items that `y` can copy: commands, a script of them, a finding, the brief report, ids and addresses. Pure.

Only what is shown is copied: control characters are escaped first, so that a copy contains nothing that was not
visible.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from agent.catalog.placeholders import FORMS, HOST, SERVICE_NAME
from agent.report.escape import visible
from agent.report.model import Command, Finding, Report, SubjectKind, TargetReport
from agent.report.model import Line as FileLine
from agent.report.words import head, shell
from agent.tui.network_path import THIS_HOST
from agent.tui.runbook_page import fill_in, known_values, placeholders_in
from agent.tui.state import State, checks_of, finding_under_cursor, under_cursor
from probes.frozen import dataclass

_MOST_IDS: Final = 12
"""Maximum number of ids and addresses in the list. A whole service may have hundreds."""
_NO_IDS: Final = frozenset({SubjectKind.PORT})
_FORMS: Final = {**FORMS, "<HOST>": HOST, "<SERVICE_NAME>": SERVICE_NAME}
_LONGEST: Final = 200
"""Maximum length of a value that a person types for a placeholder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A row of the list."""

    label: str
    """The name of the item. For a command, it also says whether the command only reads or changes something."""
    text: str
    """The text to copy."""
    note: str = ""
    """How to undo a command."""
    is_short: bool = False
    """Whether the list shows the text before it is copied."""
    commands: tuple[Command, ...] = ()
    """The commands of the item."""
    script_of: Finding | None = None
    """The finding whose script the item is."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Placeholders in the item's commands, each once."""
        return placeholders_in(" ".join(word for command in self.commands for word in command.argv))


def kind_of(command: Command) -> str:
    """Return `reads` or `changes`, with a remark if the change cannot be undone. If there are alternatives, the letter
    comes first."""
    letter = "" if command.alternative is None else f"({command.alternative}) "
    if not command.changes:
        return f"{letter}reads"
    return f"{letter}changes" if command.reversible else f"{letter}changes, cannot be undone"


def items(state: State) -> tuple[Item, ...]:
    """Return what can be copied for the item under the cursor, the most wanted first."""
    found: list[Item] = []
    report, finding = state.report, finding_under_cursor(state)
    if report is not None and finding is not None:
        commands = known_commands(finding, report)
        found += [
            Item(
                label=f"command, {kind_of(command)}",
                text=shell(command),
                note="" if command.undo is None else f"to take it back: {visible(command.undo)}",
                is_short=True,
                commands=(command,),
            )
            for command in commands
        ]
        found += [
            Item(
                label=f"line for {visible(line.file)}",
                text=visible(line.line),
                note="" if line.undo is None else f"to take it back: {visible(line.undo)}",
                is_short=True,
            )
            for line in known_lines(finding, report)
        ]
        found += [
            Item(label=label, text=script(finding, several), commands=several, script_of=finding)
            for label, several in _scripts(commands)
        ]
        found.append(Item(label=f"the finding {finding.id} as text", text=_as_text(finding, report)))
    found += [Item(label=kind, text=value, is_short=True) for kind, value in _ids(state, finding)]
    if report is not None:
        from agent.formats import text

        found.append(Item(label="the brief report", text=text.brief(report)))
    return tuple(found)


def known_commands(finding: Finding, report: Report) -> tuple[Command, ...]:
    """The commands of a finding's fix, with values from the report in place of placeholders."""
    known = known_values(finding, report)
    return tuple(_filled(command, known) for command in finding.fix.commands)


def known_lines(finding: Finding, report: Report) -> tuple[FileLine, ...]:
    """The lines of a finding's fix, with values from the report in place of placeholders."""
    known = known_values(finding, report)
    return tuple(replace(line, line=fill_in(line.line, known)) for line in finding.fix.lines)


def _scripts(commands: tuple[Command, ...]) -> Iterator[tuple[str, tuple[Command, ...]]]:
    """Yield the labels and commands of the scripts: one script for each alternative, since alternatives exclude each
    other."""
    letters = dict.fromkeys(command.alternative for command in commands if command.alternative is not None)
    for letter in letters or [None]:
        several = tuple(command for command in commands if command.alternative in (None, letter))
        which = "" if letter is None else f" of ({letter})"
        if several:
            many = "the command" if len(several) == 1 else f"the {len(several)} commands"
            yield f"{many}{which} as a script", several


def _filled(command: Command, known: Mapping[str, str]) -> Command:
    return replace(command, argv=tuple(fill_in(word, known) for word in command.argv))


def _as_text(finding: Finding, report: Report) -> str:
    from agent.formats.text import finding_text  # not needed before the first run has finished

    return finding_text(finding, report)


def script(finding: Finding, commands: Sequence[Command]) -> str:
    """Return a POSIX shell script of the commands. It stops at the first failure, and a comment says what each command
    does."""
    lines = ["#!/bin/sh", f"# {visible(head(finding))} [{finding.code}]", f"# {visible(finding.fix.summary)}", "set -e"]
    for number, command in enumerate(commands, 1):
        lines += ["", f"# {number}. {kind_of(command)}"]
        if command.undo is not None:
            lines.append(f"# to take it back: {visible(command.undo)}")
        lines.append(shell(command))
    return "\n".join((*lines, ""))


def _ids(state: State, finding: Finding | None) -> list[tuple[str, str]]:
    """Return the ids, addresses and names of the item under the cursor, each with its kind."""
    key = under_cursor(state)
    if key is None:
        return []
    rows: dict[str, str] = {}
    for kind, value in _of_finding(state, finding) if key.startswith("finding/") else _of_path(state, key):
        rows.setdefault(visible(value), kind)
    return [(kind, value) for value, kind in rows.items()][:_MOST_IDS]


def _of_finding(state: State, finding: Finding | None) -> Iterator[tuple[str, str]]:
    if finding is None:
        return
    for subject in finding.subjects:
        if subject.kind not in _NO_IDS:
            yield str(subject.kind).replace("-", " "), subject.id
    yield from (("name", target.host) for target in state.targets if target.id == finding.target)


def _of_path(state: State, key: str) -> Iterator[tuple[str, str]]:
    report = state.report
    if key == THIS_HOST and report is not None:
        seen = report.vantage
        for kind, value in (("instance", seen.instance_id), ("vpc", seen.vpc_id), ("subnet", seen.subnet_id)):
            if value is not None:
                yield kind, value
        yield from (("address", str(address)) for address in seen.source_addresses)
        yield from (("group", group) for group in seen.security_group_ids)
        return
    names = checks_of(state, key) or ({key} if key in state.checks else set())
    subjects = [state.checks[name].subject for name in sorted(names) if name in state.checks]
    yield from (("address", str(subject.address)) for subject in subjects if subject.address is not None)
    yield from (("resolver", str(subject.resolver)) for subject in subjects if subject.resolver is not None)
    asked = {subject.address for subject in subjects}
    wanted = {subject.target for subject in subjects} | {key.partition("/")[2]}
    for target in state.targets:
        if target.id in wanted:
            for address in target.addresses if isinstance(target, TargetReport) else ():
                if address.address in asked and address.endpoint_id is not None:
                    yield "endpoint", address.endpoint_id
            yield "name", target.host


def filled(item: Item, values: Mapping[str, str]) -> Item:
    """Return the item with values in place of placeholders."""
    commands = tuple(_filled(command, values) for command in item.commands)
    text = shell(commands[0]) if item.script_of is None else script(item.script_of, commands)
    return replace(item, commands=commands, text=text)


def flaw_of(placeholder: str, value: str) -> str | None:
    """Return why a value cannot replace a placeholder; None if it can."""
    form = _FORMS.get(placeholder)
    what = placeholder.strip("<>").lower().replace("_", " ")
    if form is not None and form.fullmatch(value) is None:
        return f"this is not the form of a value for {what}"
    if not value.isprintable() or len(value) > _LONGEST:
        return f"at most {_LONGEST} printable characters belong here"
    return None
