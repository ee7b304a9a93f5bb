"""VPC, routes: there and back."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import listed
from agent.judge.commands import known_id, read_only
from agent.judge.conditions.stops import stops_of
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.rules.vpc.stopped import finding_at
from agent.report.hops import Reachability, Stage
from agent.report.model import CommandScope, Fix
from probes.model import Step
from probes.vpc.model import ENDPOINT_INTERFACES, OWN_INTERFACES, ROUTE_TABLES, SUBNETS


def route_blocks(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC007: a route table sends packets elsewhere, or nowhere, there or back."""
    for target in evidence.targets:
        stops = stops_of(evidence, target, Stage.ROUTE, Stage.RETURN_ROUTE)
        if stops:
            reads = (ROUTE_TABLES, SUBNETS, ENDPOINT_INTERFACES, OWN_INTERFACES)
            names = dict.fromkeys(name for stop in stops for name in stop.hop.resources)
            doubtful = all(stop.hop.outcome is Reachability.DOUBTFUL for stop in stops)
            show = read_only(
                *("aws", "ec2", "describe-route-tables", "--region", target.region),
                *("--route-table-ids", *(known_id(name, "<ROUTE_TABLE_ID>") for name in names)),
                scope=CommandScope.SUBNET,
            )
            summary = (
                f"See what the route in {listed(names)} goes through, and whether that passes these ports on."
                if doubtful
                else f"Give {listed(names)} a route to the other end, or fix the one that is taken. A "
                "route holds for every host of its subnets, and where it should point cannot be told from here."
            )
            yield finding_at("VPC007", evidence, target, stops, reads, Fix(summary=summary, commands=(show,)))


RULES: Final = (Rule("VPC007", needs=(Step.TCP,), check=route_blocks, reads=(ROUTE_TABLES,)),)
