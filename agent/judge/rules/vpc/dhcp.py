"""VPC, DHCP options: name servers that the VPC's hosts ask in place of Amazon's."""

from collections.abc import Iterator
from typing import Final

from agent.catalog.wording import listed
from agent.judge.commands import known_id, read_only
from agent.judge.conditions.resolvers import private_elsewhere
from agent.judge.evidence import Evidence
from agent.judge.observations import private_in
from agent.judge.rules.rule import EC2, Rule, RuleFinding, resting_on, says
from agent.report.model import CommandScope, Fix
from probes.model import Step
from probes.vpc.model import AMAZON_DNS, DHCP_OPTIONS


def custom_resolver(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC011: this host asks the name servers of the VPC's DHCP options, which are not Amazon's, and gets what the
    VPC's resolver would not have given."""
    options = evidence.configuration.dhcp_options
    host = evidence.host
    if options is None or host is None or AMAZON_DNS in options.name_servers:
        return
    amazon = {str(server) for server in evidence.vpc_resolvers}
    asked = {str(server) for server in (*host.resolvers, *host.upstream_resolvers)}
    own = [server for server in options.name_servers if server in asked]
    if not own or amazon.intersection(options.name_servers):
        return
    for seen in private_elsewhere(evidence):
        target = seen.target
        lookup = evidence.own_lookup(target)
        there = private_in(evidence, evidence.answers(target, evidence.vpc_resolvers))
        got = listed(evidence.own_answer(target)) if evidence.own_answer(target) else "no address"
        yield resting_on(
            evidence,
            RuleFinding(
                code="VPC011",
                target=target.id,
                detail=f"On this host {target.host} resolves to {got}; the VPC's resolver gives {listed(there)}. "
                f"{says(evidence, EC2, DHCP_OPTIONS)} that the DHCP options {options.options_id} give the VPC's hosts "
                f"the name server{'' if len(options.name_servers) == 1 else 's'} {listed(options.name_servers)} in "
                "place of Amazon's.",
                evidence=tuple(dict.fromkeys((*([] if lookup is None else [lookup.id]), *seen.evidence))),
                addresses=seen.addresses,
                fix=Fix(
                    summary=f"Make {listed(own)} forward {target.host} to the VPC: from inside it to 169.254.169.253, "
                    "from elsewhere to a Route 53 Resolver inbound endpoint. Where nothing is asked of them that the "
                    "VPC's resolver does not know, DHCP options with AmazonProvidedDNS do it for every host.",
                    commands=(
                        read_only("resolvectl", "query", target.host),
                        read_only(
                            *("aws", "ec2", "describe-dhcp-options", "--region", target.region),
                            *("--dhcp-options-ids", known_id(options.options_id, "<DHCP_OPTIONS_ID>")),
                            scope=CommandScope.VPC,
                        ),
                        read_only(
                            *("aws", "route53resolver", "list-resolver-endpoints", "--region", target.region),
                            *("--filters", "Name=Direction,Values=INBOUND", "Name=HostVPCId,Values=<VPC_ID>"),
                            scope=CommandScope.VPC,
                        ),
                    ),
                ),
            ),
            *(DHCP_OPTIONS,),
        )


RULES: Final = (Rule("VPC011", needs=(Step.DNS,), check=custom_resolver, reads=(DHCP_OPTIONS,)),)
