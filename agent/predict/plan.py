"""Plans as assumptions: a Terraform plan or a CloudFormation change set, and the configuration after it.

Changes of resources that were not read are ignored. Values that are known only after apply are reported as unknown. So
are changes of kinds that may matter but are not followed.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import fields
from itertools import chain
from typing import Any, Final

from agent.catalog.wording import counted, listed, why_no_json, why_no_text
from agent.network.draft import AlreadyError, AssumptionError, Draft, NotReadError, PartNotReadError
from agent.network.edits import (
    Change,
    Edit,
    Endpoint,
    Listed,
    Member,
    NewGroup,
    Settable,
    Setting,
    Unsettled,
    UnsettledOfNew,
)
from agent.network.names import KnownVpc
from agent.predict import cloudformation, terraform
from agent.predict.plan_values import Plan, PlanError, ResourceChange, Unjudged
from probes.frozen import dataclass

_KIND: Final = re.compile(r"[A-Za-z0-9_]{1,80}(?:::[A-Za-z0-9_@-]{1,60}){0,3}|[a-z ]{1,40}")
_WANTED: Final = (
    "a plan of Terraform (terraform show -json PLAN) nor a change set of CloudFormation (aws cloudformation "
    "describe-change-set --include-property-values)"
)
_MOST_ADDRESSES: Final = 3
"""Maximum number of resource names to show for each kind."""
_OF_ENDPOINTS: Final = frozenset({Listed.ENDPOINT_GROUP, Listed.ENDPOINT_SUBNET, Listed.GATEWAY_TABLE})
"""The lists of endpoints. The endpoints of all services that were asked for are read, so another endpoint's lists do
not matter, although their items may be in the VPC."""
_EDITS_AT_A_TIME: Final = 256
"""Number of edits after which the clock is checked again."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A VPC after plans that are only assumed to be applied."""

    known: KnownVpc
    words: tuple[str, ...]
    """The changes that the plans make to this VPC, in words."""
    unjudged: tuple[str, ...]
    """Changes that may matter, with an unknown effect."""
    ignored: tuple[str, ...]
    """Number of changes that are about other networks, or that do not affect paths and names."""


def parse(data: bytes, name: str) -> Plan:
    """The plan in a document. Errors call the document `name`. Raises PlanError if it is not a plan."""
    try:
        text = data.decode("utf-8-sig")
    except ValueError as error:
        raise PlanError(f"{name}: {why_no_text(data, 'a plan')}") from error
    try:
        document: Any = json.loads(text)
        if isinstance(document, dict):
            if terraform.is_plan(document):
                return terraform.plan_of(document, name)
            if cloudformation.is_change_set(document):
                return cloudformation.plan_of(document, name)
    except RecursionError as error:
        raise PlanError(f"{name}: is nested too deep for a plan") from error
    except ValueError as error:  # not JSON, or a number with more digits than Python reads
        raise PlanError(f"{name}: {why_no_json(error)}; it is neither {_WANTED}") from error
    raise PlanError(f"{name}: is neither {_WANTED}")


def applied(
    known: KnownVpc,
    plans: Iterable[Plan],
    *,
    harmless: Collection[str] = (),
    is_late: Callable[[], bool] = lambda: False,
) -> Planned:
    """The VPC after these plans, applied one after the other. Changes of kinds in `harmless` that are not followed are
    assumed to have no effect. Raises PlanError as soon as `is_late` returns true."""
    planned = Planned(known, (), (), ())
    for plan in plans:
        planned = _applied(planned, plan, harmless, is_late)
    return planned


def _applied(planned: Planned, plan: Plan, harmless: Collection[str], is_late: Callable[[], bool]) -> Planned:
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
            if _is_elsewhere(error, change.edit, draft):
                elsewhere += 1
            else:
                unjudged[f"{change.words}: {error}"] = None
            continue
        words[change.words] = None
    ignored: dict[str, None] = dict.fromkeys(planned.ignored)
    if elsewhere:
        ignored[f"{counted(elsewhere, 'change')} of resources that are not in the configuration that was read"] = None
    if plan.left_out:
        changes = counted(plan.left_out, "change")
        ignored[f"{changes} of resources that do not affect paths and names"] = None
    taken = [one for one in plan.unjudged if one.kind in harmless]
    for kind, count in sorted(Counter(one.kind for one in taken).items()):
        ignored[f"{counted(count, 'change')} of {_named(kind)}, which you declared harmless"] = None
    if plan.others:
        kinds = listed(sorted(map(_named, plan.others)))
        ignored[f"changes of other providers, which do not affect paths and names: {kinds}"] = None
    unjudged |= dict.fromkeys(_of_unjudged(one for one in plan.unjudged if one.kind not in harmless))
    return Planned(draft.built(), tuple(words), tuple(unjudged), tuple(ignored))


def _is_elsewhere(error: AssumptionError, edit: Edit, draft: Draft) -> bool:
    """Whether a change that cannot be made is certainly about something outside this VPC."""
    if not isinstance(error, NotReadError) or isinstance(error, PartNotReadError):
        return False
    return not draft.known.dropped and not draft.has(_ids(edit))


def _of_unjudged(changes: Iterable[Unjudged]) -> Iterator[str]:
    """A sentence for each kind with changes that are not followed, with the option that declares the kind harmless."""
    by_kind: dict[tuple[str, bool], list[str | None]] = {}
    for change in changes:
        by_kind.setdefault((change.kind, change.is_known), []).append(change.address)
    for (kind, is_known), addresses in sorted(by_kind.items()):
        named = [address for address in addresses if address is not None]
        left = len(addresses) - min(len(named), _MOST_ADDRESSES)
        shown = listed([*named[:_MOST_ADDRESSES], *([f"{left:,} more"] if left else [])]) if named else ""
        what = f"{counted(len(addresses), 'change')} of {_named(kind)}{f' ({shown})' if shown else ''}"
        why = "which may matter and cannot be followed" if is_known else "a kind on no list, which may matter"
        hint = f'; if it has no effect here: --harmless {kind}, or harmless = ["{kind}"] in a file of intents'
        yield f"{what}, {why}{hint if _KIND.fullmatch(kind) and ' ' not in kind else ''}"


def _named(kind: str) -> str:
    return kind if _KIND.fullmatch(kind) else "another kind"


def _changes(plan: Plan) -> Iterator[Change]:
    """The removals of a plan, then its additions. An item that moves from one resource to another is left out, such as
    a rule that becomes a separate resource."""
    taken = list(chain.from_iterable(map(_taken, plan.changes)))
    put = list(chain.from_iterable(map(_put, plan.changes)))
    taken.sort(key=lambda edit: isinstance(edit, Endpoint))  # parts of an endpoint are removed before the endpoint
    put.sort(key=_rank)
    both = set(taken) & set(put)
    for is_in, edits in ((False, taken), (True, put)):
        yield from (Change(edit, is_in) for edit in edits if edit not in both)


def _rank(edit: Edit) -> int:
    """The rank of an addition. A group comes before its rules, and a new endpoint before what is unknown of it. Only
    one endpoint of a service can have private DNS, so turning it off comes before turning it on."""
    if isinstance(edit, NewGroup):
        return 0
    if isinstance(edit, UnsettledOfNew):
        return 2
    is_turned_on = isinstance(edit, Setting) and edit.what is Settable.PRIVATE_DNS and edit.value is True
    return 2 if is_turned_on else 1


def _taken(change: ResourceChange) -> Iterator[Edit]:
    """The edits that remove what a resource loses. A setting that gets another value is not removed."""
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
    """The ids that are in an edit."""
    values = {field.name: getattr(edit, field.name) for field in fields(edit)}  # type: ignore[arg-type]  # all are
    yield from (value for name, value in values.items() if name.endswith("_id"))
    if isinstance(edit, Member) and isinstance(edit.item, str) and edit.listed not in _OF_ENDPOINTS:
        yield edit.item
