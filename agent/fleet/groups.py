"""Causes of one code that have a subject, a Region or an account in common, each in one group."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agent.fleet.model import CauseGroup, FleetCause
from agent.report.model import SubjectKind

_TOO_COMMON: Final = frozenset({SubjectKind.PORT, SubjectKind.VPC, SubjectKind.ACCOUNT})
"""Subjects that say little alone; accounts come last."""
_What = tuple[int, str, str]
"""What causes have in common: how much that says, 0 for most, its kind and its value."""


def grouped(causes: Sequence[FleetCause], regions: Mapping[str, Sequence[str]]) -> tuple[CauseGroup, ...]:
    """The groups, those with most hosts first. `regions` are those of the hosts of each cause, by its key."""
    by_code: defaultdict[str, list[FleetCause]] = defaultdict(list)
    for cause in causes:
        by_code[cause.code].append(cause)
    found = [group for of_code in by_code.values() for group in _groups(of_code, regions)]
    return tuple(sorted(found, key=lambda group: (-group.host_count, group.code, group.value)))


def _groups(causes: Sequence[FleetCause], regions: Mapping[str, Sequence[str]]) -> Iterator[CauseGroup]:
    """The causes of a code by what says most and most of them have, as long as two have something in common."""
    having: defaultdict[_What, list[FleetCause]] = defaultdict(list)
    for cause in causes:
        for what in _common(cause, regions.get(cause.key, ())):
            having[what].append(cause)
    left = {cause.key for cause in causes}
    for (_, kind, value), of in sorted(having.items(), key=lambda item: (item[0][0], -len(item[1]), item[0])):
        together = [cause for cause in of if cause.key in left]
        if len(together) > 1:
            left -= {cause.key for cause in together}
            yield CauseGroup(
                code=together[0].code,
                title=together[0].title,
                kind=kind,
                value=value,
                keys=tuple(cause.key for cause in together),
                host_count=sum(cause.host_count for cause in together),
            )


def _common(cause: FleetCause, regions: Sequence[str]) -> set[_What]:
    subjects = {(0, one.kind.value, one.id) for one in cause.subjects if one.kind not in _TOO_COMMON}
    places = {(1, "region", regions[0])} if len(regions) == 1 else set()
    owners = {(2, "account", cause.accounts[0])} if len(cause.accounts) == 1 else set()
    return subjects | places | owners
