"""Plans as assumptions: a plan of Terraform or a change set of CloudFormation, and the configuration with it.

What a plan says of resources that were not read counts for nothing here. What is known only once it is applied is said
as what cannot be told, and so is a change that may matter and is of a kind that is not followed.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final

from agent.catalog.wording import counted, why_no_json
from agent.network.edits import (
    AlreadyError,
    AssumptionError,
    DnsAttribute,
    Edit,
    NotReadError,
    Policy,
    PrivateDns,
    Unsettled,
    ids_in,
)
from agent.network.names import KnownVpc
from agent.network.pending import Aspect
from agent.predict import cloudformation, terraform
from agent.predict.plan_values import Plan, PlanError
from probes.frozen import dataclass

_KIND: Final = re.compile(r"(?:aws_[a-z0-9_]{1,80}|AWS(?:::[A-Za-z0-9]{1,40}){2}|[a-z ]{1,40})")
_SETTINGS: Final = {DnsAttribute: Aspect.NAME, Policy: Aspect.POLICY, PrivateDns: Aspect.NAME}
"""Of these a resource has one of each, and what of it is not known where it is not: what comes after takes the place of
what was before."""


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


def applied(known: KnownVpc, plans: Iterable[Plan]) -> Planned:
    """What is known of a VPC with these plans, each applied after the one before."""
    planned = Planned(known, (), (), ())
    for plan in plans:
        planned = _applied(planned, plan)
    return planned


def _applied(planned: Planned, plan: Plan) -> Planned:
    known, elsewhere = planned.known, 0
    words: dict[str, None] = dict.fromkeys(planned.words)
    unjudged: dict[str, None] = dict.fromkeys(planned.unjudged)
    taken = [
        edit
        for change in plan.changes
        for edit in change.before
        if edit not in change.after
        if not _is_replaced(edit, change.after)
    ]
    put = [edit for change in plan.changes for edit in change.after if edit not in change.before]
    # Of two endpoints of a service one alone can have private DNS: it is turned off before it is turned on.
    put.sort(key=lambda edit: isinstance(edit, PrivateDns) and edit.is_on)
    # What one resource gives up another may take, such as a rule that moves into a resource of its own.
    both = [edit for edit in taken if edit in put]
    for is_in, edits in ((False, taken), (True, put)):
        for edit in edits:
            if edit in both:
                continue
            try:
                known = edit.put(known) if is_in else edit.take(known)
            except AlreadyError:
                continue
            except NotReadError as error:
                if _is_about(edit, known):
                    unjudged[f"{_words(edit, is_in=is_in)}: {error}"] = None
                else:
                    elsewhere += 1
                continue
            except AssumptionError as error:
                unjudged[f"{_words(edit, is_in=is_in)}: {error}"] = None
                continue
            words[_words(edit, is_in=is_in)] = None
    ignored: dict[str, None] = dict.fromkeys(planned.ignored)
    if elsewhere:
        ignored[f"{counted(elsewhere, 'change')} of what is not in the configuration that was read"] = None
    if plan.left_out:
        changes = counted(plan.left_out, "change")
        ignored[f"{changes} of resources that have no part in paths and names"] = None
    for kind, count in sorted(plan.unjudged.items()):
        named = kind if _KIND.fullmatch(kind) else "another kind"
        unjudged[f"{counted(count, 'change')} of {named}, which may matter and cannot be followed"] = None
    return Planned(known, tuple(words), tuple(unjudged), tuple(ignored))


def _is_replaced(edit: Edit, after: Sequence[Edit]) -> bool:
    """Whether something else takes the place of a setting, so that it is not taken out for itself."""
    aspect = _SETTINGS.get(type(edit))
    if aspect is None:
        return False
    own, name = _ids(edit), getattr(edit, "name", None)
    return any(
        _ids(other) == own
        and (other.aspect is aspect if isinstance(other, Unsettled) else type(other) is type(edit))
        and getattr(other, "name", name) == name
        for other in after
    )


def _words(edit: Edit, *, is_in: bool) -> str:
    return edit.putting if is_in else edit.taking


def _ids(edit: Any) -> frozenset[str]:
    return frozenset(getattr(edit, field.name) for field in fields(edit) if field.name.endswith("_id"))


def _is_about(edit: Edit, known: KnownVpc) -> bool:
    """Whether an edit names anything of what was read."""
    return not _ids(edit).isdisjoint(ids_in(known))
