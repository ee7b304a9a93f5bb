"""Plans as assumptions: a plan of Terraform or a change set of CloudFormation, and the configuration with it.

What a plan says of resources that were not read counts for nothing here. What is known only once it is applied is said
as what cannot be told, and so is a change that may matter and is of a kind that is not followed.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import chain
from typing import Any, Final

from agent.catalog.wording import counted, why_no_json
from agent.network.draft import AlreadyError, AssumptionError, Draft, NotReadError
from agent.network.edits import Change, Edit, Member, Settable, Setting, Unsettled
from agent.network.names import KnownVpc
from agent.predict import cloudformation, terraform
from agent.predict.plan_values import Plan, PlanError, ResourceChange
from probes.frozen import dataclass

_KIND: Final = re.compile(r"(?:aws_[a-z0-9_]{1,80}|AWS(?:::[A-Za-z0-9]{1,40}){2}|[a-z ]{1,40})")
_EDITS_AT_A_TIME: Final = 256
"""Edits between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What is known of a VPC with plans that are not applied yet."""

    known: KnownVpc
    words: tuple[str, ...]
    """What they change there."""
    unjudged: tuple[str, ...]
    """What may matter and cannot be told."""
    ignored: tuple[str, ...]
    """What they change elsewhere, and what has no part in paths and names."""


def parse(data: bytes, name: str) -> Plan:
    """The plan in a document; `name` is what errors call it. Raises PlanError for what is none."""
    try:
        text = data.decode("utf-8-sig")
    except ValueError as error:
        raise PlanError(f"{name}: is no UTF-8 text, and so no plan") from error
    try:
        document: Any = json.loads(text)
        if isinstance(document, dict):
            if terraform.is_plan(document):
                return terraform.plan_of(document, name)
            if cloudformation.is_change_set(document):
                return cloudformation.plan_of(document, name)
    except RecursionError as error:
        raise PlanError(f"{name}: is nested too deep for a plan") from error
    except ValueError as error:  # of JSON, and of a number with more digits than Python reads
        raise PlanError(f"{name}: {why_no_json(error)}") from error
    raise PlanError(
        f"{name}: is neither a plan of Terraform (terraform show -json PLAN) nor a change set of CloudFormation "
        "(aws cloudformation describe-change-set --include-property-values)"
    )


def applied(known: KnownVpc, plans: Iterable[Plan], *, is_late: Callable[[], bool] = lambda: False) -> Planned:
    """What is known of a VPC with these plans, each applied after the one before. Raises PlanError once `is_late`."""
    planned = Planned(known, (), (), ())
    for plan in plans:
        planned = _applied(planned, plan, is_late)
    return planned


def _applied(planned: Planned, plan: Plan, is_late: Callable[[], bool]) -> Planned:
    draft, elsewhere = Draft(planned.known), 0
    words: dict[str, None] = dict.fromkeys(planned.words)
    unjudged: dict[str, None] = dict.fromkeys(planned.unjudged)
    for number, change in enumerate(_changes(plan)):
        if number % _EDITS_AT_A_TIME == 0 and is_late():
            raise PlanError(f"{plan.name}: has more changes than could be followed in time")
        try:
            change.make(draft)
        except AlreadyError:
            continue
        except AssumptionError as error:
            if isinstance(error, NotReadError) and not draft.has(_ids(change.edit)):
                elsewhere += 1
            else:
                unjudged[f"{change.words}: {error}"] = None
            continue
        words[change.words] = None
    ignored: dict[str, None] = dict.fromkeys(planned.ignored)
    if elsewhere:
        ignored[f"{counted(elsewhere, 'change')} of what is not in the configuration that was read"] = None
    if plan.left_out:
        changes = counted(plan.left_out, "change")
        ignored[f"{changes} of resources that have no part in paths and names"] = None
    for kind, count in sorted(plan.unjudged.items()):
        named = kind if _KIND.fullmatch(kind) else "another kind"
        unjudged[f"{counted(count, 'change')} of {named}, which may matter and cannot be followed"] = None
    return Planned(draft.built(), tuple(words), tuple(unjudged), tuple(ignored))


def _changes(plan: Plan) -> Iterator[Change]:
    """What a plan removes, then what it adds; what one resource gives up another one may take, such as a rule that
    moves into a resource of its own."""
    taken = list(chain.from_iterable(map(_taken, plan.changes)))
    put = list(chain.from_iterable(map(_put, plan.changes)))
    # Of two endpoints of a service one alone can have private DNS: it is turned off before it is turned on.
    put.sort(key=lambda edit: isinstance(edit, Setting) and edit.what is Settable.PRIVATE_DNS and edit.value is True)
    both = set(taken) & set(put)
    for is_in, edits in ((False, taken), (True, put)):
        yield from (Change(edit, is_in) for edit in edits if edit not in both)


def _taken(change: ResourceChange) -> Iterator[Edit]:
    """What a resource has no longer. A setting in whose place another one comes is not removed for itself."""
    after = set(change.after)
    settled = {(edit.owner_id, edit.what) for edit in change.after if isinstance(edit, Setting)}
    pending = {(edit.resource_id, edit.aspect) for edit in change.after if isinstance(edit, Unsettled)}
    for edit in change.before:
        is_replaced = isinstance(edit, Setting) and (
            (edit.owner_id, edit.what) in settled or (edit.owner_id, edit.aspect) in pending
        )
        if edit not in after and not is_replaced:
            yield edit


def _put(change: ResourceChange) -> Iterator[Edit]:
    before = set(change.before)
    return (edit for edit in change.after if edit not in before)


def _ids(edit: Edit) -> Iterator[str]:
    """The ids that an edit names."""
    values = {field.name: getattr(edit, field.name) for field in fields(edit)}  # type: ignore[arg-type]  # all are
    yield from (value for name, value in values.items() if name.endswith("_id"))
    if isinstance(edit, Member) and isinstance(edit.item, str):
        yield edit.item
