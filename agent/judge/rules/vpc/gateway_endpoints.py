"""VPC, gateway endpoints: whose route is missing from this subnet's table."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import listed
from agent.judge.commands import known_id
from agent.judge.evidence import Evidence
from agent.judge.observations import ids
from agent.judge.rules.rule import EC2, Rule, RuleFinding, resting_on, says
from agent.report.model import Command, CommandScope, Fix
from probes.model import Role, Step, Target
from probes.vpc.model import AVAILABLE, ENDPOINTS, ROUTE_TABLES, GatewayEndpoint


def gateway_endpoint_route_missing(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC019: the VPC has a gateway endpoint of the service, and this subnet's route table is not among its tables."""
    for target in evidence.targets:
        there = [gateway for gateway in evidence.gateway_endpoints(target) or () if gateway.state == AVAILABLE]
        public = [address for address in evidence.own_addresses(target) if evidence.is_public(address)]
        if not there or not public or target.role is not Role.REQUIRED:
            continue
        tables = {evidence.gateway_at(address).table_id for address in public}
        table_id = tables.pop() if len(tables) == 1 else None
        if table_id is None or any(table_id in gateway.route_table_ids for gateway in there):
            continue  # it has the route, and these addresses are not the service's
        lookup = evidence.own_lookup(target)
        names = listed(gateway.endpoint_id for gateway in there)
        having = dict.fromkeys(table for gateway in there for table in gateway.route_table_ids)
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC019",
                target=target.id,
                detail=f"{target.host} resolves to {listed(public)}, and {table_id}, the route table of this subnet, "
                f"has no route to {'it' if len(public) == 1 else 'them'} through {names}, the gateway endpoint of "
                f"{target.service} in this VPC. {says(evidence, EC2, ENDPOINTS, ROUTE_TABLES)} that its route is "
                + (f"in {listed(having)}." if having else "in no route table."),
                evidence=ids(filter(None, [lookup])),
                addresses=frozenset(public),
                fix=Fix(
                    summary=f"Add {table_id} to the route tables of the endpoint. All subnets that use the table then "
                    f"reach {target.service} through it: see first that the endpoint's policy allows the buckets that "
                    "they use, and that the groups of their hosts let 443 out to its prefix list. Connections to "
                    f"{target.service} that are open then break.",
                    commands=(_add_table(target, there[0], table_id),),
                ),
            ),
            *(ENDPOINTS, ROUTE_TABLES),
        )


def _add_table(target: Target, gateway: GatewayEndpoint, table_id: str) -> Command:
    return Command(
        argv=(
            *("aws", "ec2", "modify-vpc-endpoint", "--region", target.region, "--vpc-endpoint-id"),
            known_id(gateway.endpoint_id, "<VPC_ENDPOINT_ID>"),
            *("--add-route-table-ids", known_id(table_id, "<ROUTE_TABLE_ID>")),
        ),
        scope=CommandScope.SUBNET,
        reversible=True,
        undo="the same command with --remove-route-table-ids",
    )


RULES: Final = (
    Rule("VPC019", needs=(Step.DNS,), check=gateway_endpoint_route_missing, reads=(ENDPOINTS, ROUTE_TABLES)),
)
