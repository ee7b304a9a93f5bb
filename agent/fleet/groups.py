"""Groups of causes that may have one origin: a cause and its symptom in one VPC, causes that share a subject, or causes
that have the same code and share a Region, an account or the sweep in which they began."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agent.fleet.faults import explains
from agent.fleet.model import CauseGroup, FleetCause
from agent.report.model import SubjectKind

_TOO_COMMON: Final = frozenset({SubjectKind.PORT, SubjectKind.VPC, SubjectKind.ACCOUNT})
"""Kinds of subjects that too many causes have. Having such a subject in common is not enough for a group."""
_What = tuple[str, str, str]
"""A property that causes can have in common: the code that the causes must have (empty for any code), the kind of the
property, and its value."""


def grouped(
    causes: Sequence[FleetCause], regions: Mapping[str, Sequence[str]], first_sweep: str | None
) -> tuple[CauseGroup, ...]:
    """Return the groups, those with most hosts first. `regions` has the Regions of the hosts of each cause, by the key
    of the cause. The start of a cause in the first sweep is unknown."""
    found: list[CauseGroup] = []
    left = {cause.key: cause for cause in causes}
    by_subject: defaultdict[_What, list[FleetCause]] = defaultdict(list)
    by_place: defaultdict[_What, list[FleetCause]] = defaultdict(list)
    for cause in causes:
        for subject in cause.subjects:
            if subject.kind not in _TOO_COMMON:
                by_subject["", subject.kind.value, subject.id].append(cause)
        for what in _circumstances(cause, regions.get(cause.key, ()), first_sweep):
            by_place[what].append(cause)
    for having in (_by_symptom(causes), by_subject, by_place):
        for group in _groups(having, left):
            for key in group.keys:
                del left[key]
            found.append(group)
    return tuple(sorted(found, key=lambda group: (-group.host_count, group.codes, group.value)))


def _groups(having: Mapping[_What, Sequence[FleetCause]], left: Mapping[str, FleetCause]) -> Iterator[CauseGroup]:
    """Yield a group for each property that at least two of the remaining causes have. The most frequent property comes
    first."""
    for (_, kind, value), of in sorted(having.items(), key=lambda item: -len(item[1])):
        together = {cause.key: cause for cause in of if cause.key in left}
        if len(together) > 1:
            yield CauseGroup(
                codes=tuple(dict.fromkeys(cause.code for cause in together.values())),
                title=next(iter(together.values())).title,
                kind=kind,
                value=value,
                keys=tuple(together),
                host_count=sum(cause.host_count for cause in together.values()),
            )


def _by_symptom(causes: Sequence[FleetCause]) -> dict[_What, list[FleetCause]]:
    """Return causes together with other causes in the same VPC that can be their symptoms. If several accounts share a
    VPC, hosts of one account do not get their causes from hosts of another."""
    found: defaultdict[_What, list[FleetCause]] = defaultdict(list)
    vpcs = {cause.key: {place.vpc for place in cause.places if place.sick} for cause in causes}
    for symptom in causes:
        vpc, *others = vpcs[symptom.key]
        able = [cause for cause in causes if explains(cause.code, symptom.code) and vpc in vpcs[cause.key]]
        if vpc is not None and not others and able:
            found["", SubjectKind.VPC.value, vpc] += (*able, symptom)
    return found


def _circumstances(cause: FleetCause, regions: Sequence[str], first_sweep: str | None) -> Iterator[_What]:
    """Yield the properties that a cause may have in common with other causes of its code. The most significant property
    comes first."""
    if cause.since_sweep is not None and cause.since_sweep != first_sweep:
        yield cause.code, "sweep", cause.since_sweep
    if len(cause.accounts) == 1:
        yield cause.code, "account", cause.accounts[0]
    if len(regions) == 1:
        yield cause.code, "region", regions[0]
