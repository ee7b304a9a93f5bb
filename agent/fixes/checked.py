"""Checks whether the fix of a finding works: the predictor judges the configuration after the change.

A command is not suggested if its own path would stay closed, or if it would close another required path. If this is
unknown, the command stays, and is marked as unchecked (`Command.checked`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, overload

from agent.catalog.wording import listed
from agent.fixes.changes import changes_of
from agent.network.draft import AssumptionError, NotReadError
from agent.network.edits import Change, Listed, Member
from agent.network.names import KnownVpc
from agent.network.paths import ports_of
from agent.report.hops import Stage
from agent.report.model import Command, Fix
from probes.frozen import dataclass

_ANSWERS: Final = frozenset({Stage.ENDPOINT_ACL_OUT, Stage.HOST_ACL_IN})
_OUTBOUND: Final = frozenset({Stage.HOST_GROUPS, Stage.HOST_ACL_OUT, Stage.ENDPOINT_ACL_OUT})


@dataclass(frozen=True, slots=True)
class Judged:
    """The predictor's result for some changes."""

    opens: bool | None
    """Whether the changes achieve their purpose and close no path; None if that is unknown."""
    why: str = ""
    """The reason why the changes should not be made, as a sentence without a full stop."""


UNTOLD: Final = Judged(None)
Judge = Callable[[KnownVpc, Sequence[Change]], Judged]
"""A function that returns the predictor's result for changes, given the configuration that includes them."""


def checked(fix: Fix, known: KnownVpc, judge: Judge) -> Fix:
    """The fix, with the predictor's result on its commands. For each alternative with known changes, `judge` is called
    once, with the configuration that includes these changes."""
    opens: dict[Command, bool] = {}
    against: dict[Command, str] = {}
    letters = dict.fromkeys(command.alternative for command in fix.commands if command.changes)
    for letter in letters:
        together = [one for one in fix.commands if one.changes and one.alternative in (None, letter)]
        if letter is None and len(letters) > 1:
            continue  # commands without a letter belong to every alternative
        of_these = _checked(together, known, judge)
        opens |= of_these.opens
        against |= of_these.against
    kept = [
        replace(command, checked=opens.get(command, False)) if command.changes else command
        for command in fix.commands
        if command not in against
    ]
    reasons = listed(dict.fromkeys(against.values()))
    summary = fix.summary
    if against:
        summary += f" The command {_named(against)} is not suggested: {reasons}."
    return replace(fix, summary=summary, commands=tuple(kept))


@dataclass(frozen=True, slots=True)
class _Checked:
    """The predictor's result for commands that belong together."""

    opens: Mapping[Command, bool]
    against: Mapping[Command, str]
    """The reason why a command should not be run."""


def _checked(commands: Iterable[Command], known: KnownVpc, judge: Judge) -> _Checked:
    made, changes = known, list[Change]()
    told: list[Command] = []
    against: dict[Command, str] = {}
    for command in commands:
        of_command = changes_of(command)
        if of_command is None:
            continue
        try:
            with_it = made
            for change in of_command:
                with_it = change.made(with_it)
        except NotReadError:
            continue
        except AssumptionError as error:
            against[command] = str(error)
            continue
        made = with_it
        changes += of_command
        told.append(command)
    judged = judge(made, changes) if changes else UNTOLD
    if judged.opens is False:
        against |= dict.fromkeys(told, judged.why)
    return _Checked(dict.fromkeys(told, judged.opens is True), against)


@overload
def unchecked(fix: Fix) -> Fix: ...
@overload
def unchecked(fix: None) -> None: ...
def unchecked(fix: Fix | None) -> Fix | None:
    """The fix, with all its commands marked as not checked."""
    if fix is None:
        return None
    return replace(
        fix,
        commands=tuple(replace(command, checked=False) if command.changes else command for command in fix.commands),
    )


def _named(commands: Iterable[Command]) -> str:
    """The commands by name, such as `aws ec2 modify-vpc-endpoint`."""
    return listed(dict.fromkeys(" ".join(command.argv[:3]) for command in commands))


def claims(change: Change, stage: Stage, resources: Sequence[str], port: int) -> bool:
    """Whether a change is meant for the traffic that a hop stops. It is if it adds a rule to the hop's group, or an
    entry to its ACL, for the port."""
    edit = change.edit
    if not isinstance(edit, Member) or edit.listed not in (Listed.GROUP_RULE, Listed.ACL_ENTRY):
        return False
    first, last = ports_of(edit.item)
    fits = stage in _ANSWERS or first <= port <= last
    return edit.owner_id in resources and edit.item.egress is (stage in _OUTBOUND) and fits
