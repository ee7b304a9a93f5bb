"""VPC rules for routes, in both directions."""

from collections.abc import Iterator
from typing import Final

from agent.fixes.by_code import fix_of
from agent.fixes.fault import Fault
from agent.judge.conditions.stops import stops_of
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.rules.vpc.stopped import finding_at
from agent.report import hops
from agent.report.hops import Reachability, Stage, is_of_acl
from probes.model import Step
from probes.vpc.model import ENDPOINT_INTERFACES, OWN_INTERFACES, ROUTE_TABLES, SUBNETS, TRANSIT

_STAGES: Final = (Stage.ROUTE, Stage.TRANSIT, Stage.RETURN_ROUTE, Stage.RETURN_TRANSIT)


def route_blocks(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC007: a route table of a subnet or of a transit gateway sends packets or their answers elsewhere, or
    nowhere."""
    for target in evidence.targets:
        stops = [stop for stop in stops_of(evidence, target, *_STAGES) if not is_of_acl(stop.hop)]
        if stops:
            reads: tuple[str, ...] = (ROUTE_TABLES, SUBNETS, ENDPOINT_INTERFACES, OWN_INTERFACES)
            reads += (TRANSIT,) if any(stop.hop.stage in hops.TRANSIT for stop in stops) else ()
            names = tuple(dict.fromkeys(name for stop in stops for name in stop.hop.resources))
            doubtful = all(stop.hop.outcome is Reachability.DOUBTFUL for stop in stops)
            fix = fix_of("VPC007", Fault(target=target, ids=names, is_doubtful=doubtful))
            yield finding_at("VPC007", evidence, target, stops, reads, fix)


RULES: Final = (Rule("VPC007", needs=(Step.TCP,), check=route_blocks, reads=(ROUTE_TABLES,)),)
