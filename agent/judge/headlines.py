"""The headline of a finding: its code's template with what the finding is about.

A value is what the rule gives for it, else it follows from the finding's subjects, addresses and target:

- `service`, `host`, `region` of its target
- `where`, its addresses; `of`, how many of the target's addresses these are, or the one that it has; `which`, the same
  addresses where `of` is a number; `is`, the verb behind `of`; `zone`, that of a single address
- `ports`, those that did not connect, and `named_ports`, the same behind the word
- one value for each kind of subject, such as `group` or `route_table`: the first of them
"""

from collections.abc import Sequence
from typing import Final

from agent.catalog.findings import CODES
from agent.catalog.headline import Forms, headline, of_ports, places
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import RuleFinding
from agent.report.model import FindingSubject, SubjectKind
from probes.addresses import ordered
from probes.model import Address, Target

_NOT_ONE: Final = frozenset({SubjectKind.ADDRESS, SubjectKind.PORT, SubjectKind.ZONE})
"""Kinds of subjects that are told in other words."""


def headline_of(
    finding: RuleFinding, target: Target | None, evidence: Evidence, subjects: Sequence[FindingSubject]
) -> str:
    """What a finding found, in one line; the title of its code where what that needs is not known."""
    code = CODES[finding.code]
    fields = {
        **_of_subjects(subjects),
        **_of_target(target),
        **_of_places(finding, target, evidence),
        **finding.headline,
    }
    return headline(code.headline, fields) or inside(code.title)


def inside(title: str) -> str:
    """A title as the second half of a sentence: a word in capitals keeps them."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _of_subjects(subjects: Sequence[FindingSubject]) -> dict[str, Forms | None]:
    by_kind: dict[SubjectKind, list[str]] = {}
    for subject in subjects:
        by_kind.setdefault(subject.kind, []).append(subject.id)
    fields: dict[str, Forms | None] = {
        kind.value.replace("-", "_"): ids[0] for kind, ids in by_kind.items() if kind not in _NOT_ONE
    }
    ports = by_kind.get(SubjectKind.PORT)
    return {**fields, **({} if ports is None else of_ports(map(int, ports)))}


def _of_target(target: Target | None) -> dict[str, Forms | None]:
    if target is None:
        return {}
    return {"service": target.service, "host": target.host, "region": target.region}


def _of_places(finding: RuleFinding, target: Target | None, evidence: Evidence) -> dict[str, Forms | None]:
    at = ordered(finding.addresses)
    if not at:
        return {}
    own = frozenset(() if target is None else evidence.own_addresses(target))
    total = len(own | finding.addresses)
    where = places(at)
    return {
        "where": where,
        "of": str(at[0]) if total == 1 else f"{len(at)} of {total} addresses",
        "which": None if total == 1 else where,
        "is": "is" if len(at) == 1 else "are",
        "zone": _zone(at[0], evidence) if len(at) == 1 else None,
    }


def _zone(address: Address, evidence: Evidence) -> str | None:
    """The id of the zone in which an address lies; None where that is not known."""
    interface = evidence.interface_at(address)
    subnet = None if interface is None else evidence.subnet(interface.subnet_id)
    if subnet is not None:
        return subnet.availability_zone_id
    imds = evidence.imds
    near = imds is not None and any(address in block for block in imds.subnet_cidrs if block.version == address.version)
    return imds.availability_zone_id if near and imds is not None else None
