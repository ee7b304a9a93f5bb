"""The headline of a finding: its code's template, filled with the finding's values.

A value comes from the rule, or otherwise from the finding's subjects, addresses and target:

- `service`, `host`, `region` of its target
- `where`: the finding's addresses
- `of`: how many of the target's addresses these are, or the address itself if the target has only one
- `which`: the finding's addresses again, if `of` is a number
- `is`: the verb that follows `of`
- `zone`: the zone, if all the addresses are in one zone
- `ports`: the ports that did not connect; `named_ports`: these ports after the word `port` or `ports`
- `resolver`: the first name server in the evidence of a finding about a target
- one value for each other kind of subject, such as `group` or `route_table`: the first subject of that kind
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
    """The finding in one line; the title of its code if a required value is unknown."""
    code = CODES[finding.code]
    fields = {
        **first_of_kinds(subjects),
        **(_of_servers(finding, evidence) if target is not None else {}),
        **_of_target(target),
        **_of_places(finding, target, evidence),
        **finding.headline,
    }
    return headline(code.headline, fields) or inside(code.title)


def _of_target(target: Target | None) -> dict[str, Forms | None]:
    if target is None:
        return {}
    return {"service": target.service, "host": target.host, "region": target.region}


def _of_servers(finding: RuleFinding, evidence: Evidence) -> dict[str, Forms | None]:
    asked = (evidence.find(name) for name in finding.evidence)
    servers = (answer.subject.resolver for answer in asked if answer is not None)
    return {"resolver": str(server)} if (server := next(filter(None, servers), None)) else {}


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
    """The zone of all these addresses, by its id or otherwise by its name. None if they are in different zones, or if
    the zone is unknown."""
    if target is None:
        return None
    zones = {evidence.zone(target, address) for address in addresses}
    name, id_ = zones.pop() if len(zones) == 1 else (None, None)
    return id_ or name
