"""The headline of a finding: its code's template with what the finding is about.

A value is what the rule gives for it, else it follows from the finding's subjects, addresses and target:

- `service`, `host`, `region` of its target
- `where`, its addresses; `of`, how many of the target's addresses these are, or the one that it has; `which`, the same
  addresses where `of` is a number; `is`, the verb behind `of`; `zone`, the one that all of them are in
- `ports`, those that did not connect, and `named_ports`, the same behind the word
- one value for each kind of subject, such as `group` or `route_table`: the first of them
"""

from collections.abc import Sequence

from agent.catalog.findings import CODES
from agent.catalog.headline import Forms, headline, inside, places
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import RuleFinding
from agent.report.model import FindingSubject
from agent.report.subjects import first_of_kinds
from probes.addresses import ordered
from probes.model import Address, Target


def headline_of(
    finding: RuleFinding, target: Target | None, evidence: Evidence, subjects: Sequence[FindingSubject]
) -> str:
    """What a finding found, in one line; the title of its code where what that needs is not known."""
    code = CODES[finding.code]
    fields = {
        **first_of_kinds(subjects),
        **_of_target(target),
        **_of_places(finding, target, evidence),
        **finding.headline,
    }
    return headline(code.headline, fields) or inside(code.title)


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
        "zone": _zone(target, at, evidence),
    }


def _zone(target: Target | None, addresses: Sequence[Address], evidence: Evidence) -> str | None:
    """The one zone in which all of the addresses are, by its id where that is known; None where none is known."""
    if target is None:
        return None
    zones = {evidence.zone(target, address) for address in addresses}
    name, id_ = zones.pop() if len(zones) == 1 else (None, None)
    return id_ or name
