"""VPC, routes: there and back."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import listed
from agent.fixes.commands import ATTACHMENT, TRANSIT_TABLE, show_routes
from agent.judge.conditions.stops import stops_of
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.rules.vpc.stopped import finding_at
from agent.report import hops
from agent.report.hops import Reachability, Stage, is_of_acl
from agent.report.model import Fix
from probes.model import Step
from probes.vpc.model import ENDPOINT_INTERFACES, OWN_INTERFACES, ROUTE_TABLES, SUBNETS, TRANSIT

_STAGES: Final = (Stage.ROUTE, Stage.TRANSIT, Stage.RETURN_ROUTE, Stage.RETURN_TRANSIT)


def route_blocks(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC007: a route table of a subnet or of a transit gateway sends packets elsewhere, or nowhere, there or back."""
    for target in evidence.targets:
        stops = [stop for stop in stops_of(evidence, target, *_STAGES) if not is_of_acl(stop.hop)]
        if stops:
            reads: tuple[str, ...] = (ROUTE_TABLES, SUBNETS, ENDPOINT_INTERFACES, OWN_INTERFACES)
            reads += (TRANSIT,) if any(stop.hop.stage in hops.TRANSIT for stop in stops) else ()
            names = tuple(dict.fromkeys(name for stop in stops for name in stop.hop.resources))
            doubtful = all(stop.hop.outcome is Reachability.DOUBTFUL for stop in stops)
            is_of_gateway = all(name.startswith(TRANSIT_TABLE) for name in names)
            whom = "VPC that is associated with its table" if is_of_gateway else "host of its subnets"
            summary = (
                f"See what the route in {listed(names)} goes through, and whether that passes these ports on."
                if doubtful
                else f"Give {listed(names)} a route to the other end, or fix the one that is taken. A "
                f"route holds for every {whom}, and where it should point cannot be told from here."
            )
            if not doubtful and all(name.startswith(ATTACHMENT) for name in names):
                summary = f"See the state, the zones and the options of {listed(names)}, and change what is missing."
            commands = tuple(show_routes(target.region, names))
            yield finding_at("VPC007", evidence, target, stops, reads, Fix(summary=summary, commands=commands))


RULES: Final = (Rule("VPC007", needs=(Step.TCP,), check=route_blocks, reads=(ROUTE_TABLES,)),)
