"""VPC rules for DHCP options: name servers that the VPC's hosts use instead of Amazon's."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from agent.catalog.wording import listed
from agent.fixes.by_code import fix_of
from agent.fixes.commands import read_only
from agent.fixes.fault import Fault
from agent.judge.conditions.connects import also_silent
from agent.judge.conditions.names import MixedAnswer, NameFault, mixed_answers
from agent.judge.conditions.resolvers import private_elsewhere
from agent.judge.conditions.search_list import answer_of_name, in_its_place
from agent.judge.evidence import Evidence
from agent.judge.observations import addresses_in, private_in
from agent.judge.requirements import why_not_in_use
from agent.judge.rules.rule import EC2, Rule, RuleFinding, resting_on, says
from agent.report.model import SubjectKind
from agent.report.subjects import about, resources
from probes.model import Step, Target
from probes.vpc.model import AMAZON_DNS, DHCP_OPTIONS


def custom_resolver(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC011: the VPC's DHCP options make this host use name servers other than Amazon's, and it gets an answer that
    the VPC's resolver would not give."""
    options = evidence.configuration.dhcp_options
    host = evidence.host
    if options is None or host is None or AMAZON_DNS in options.name_servers:
        return
    amazon = {str(server) for server in evidence.vpc_resolvers}
    asked = {str(server) for server in (*host.resolvers, *host.upstream_resolvers)}
    own = [server for server in options.name_servers if server in asked]
    if not own or amazon.intersection(options.name_servers):
        return
    faults: dict[Target, NameFault] = {seen.target: seen for seen in private_elsewhere(evidence)}
    for mixed in mixed_answers(evidence):
        if _gives_private_alone(evidence, mixed):
            faults.setdefault(mixed.target, mixed)
    affected = [seen for target, seen in faults.items() if why_not_in_use(evidence, target) is None]
    if not affected:
        return
    resolved = [
        f"{seen.target.host} resolves to {listed(answer_of_name(evidence, seen.target) or ['no address'])}; the VPC's "
        f"resolver gives {listed(theirs)}."
        + in_its_place(evidence, seen.target)
        + also_silent(evidence, seen.target, theirs)
        for seen in affected
        for theirs in [private_in(evidence, evidence.answers(seen.target, evidence.vpc_resolvers))]
    ]
    hosts = listed(seen.target.host for seen in affected)
    yield resting_on(
        evidence,
        RuleFinding(
            code="VPC011",
            target=None,
            detail=f"On this host {' '.join(resolved)} {says(evidence, EC2, DHCP_OPTIONS)} that the DHCP options "
            f"{options.options_id} give the VPC's hosts the name server{'' if len(options.name_servers) == 1 else 's'} "
            f"{listed(options.name_servers)} in place of Amazon's.",
            subjects=(*resources(options.options_id), *about(SubjectKind.RESOLVER, own)),
            evidence=tuple(dict.fromkeys(step for seen in affected for step in seen.evidence)),
            addresses=frozenset(address for seen in affected for address in seen.addresses),
            fix=fix_of(
                "VPC011",
                Fault(
                    target=replace(affected[0].target, host=hosts),
                    ids=(options.options_id,),
                    servers=tuple(own),
                    shows=tuple(read_only("resolvectl", "query", seen.target.host) for seen in affected),
                ),
            ),
        ),
        *(DHCP_OPTIONS,),
    )


def _gives_private_alone(evidence: Evidence, mixed: MixedAnswer) -> bool:
    """Whether the VPC's resolver gives only private addresses in the family of a mixed answer."""
    version = mixed.public[0].version
    answers = evidence.answers(mixed.target, evidence.vpc_resolvers)
    given = [address for answer in answers for address in addresses_in(answer) if address.version == version]
    return bool(given) and all(map(evidence.is_private, given))


RULES: Final = (Rule("VPC011", needs=(Step.DNS,), check=custom_resolver, reads=(DHCP_OPTIONS,)),)
