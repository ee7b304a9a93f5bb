"""VPC rules for security groups: the endpoint's groups, and this host's groups."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from agent.catalog.wording import listed
from agent.fixes.by_code import NOT_THE_APPLIANCE, fix_of
from agent.fixes.commands import group_to_change, passes, ranges
from agent.fixes.fault import APPLIANCE_GROUP, Fault, Opening, known_id
from agent.judge.conditions.stops import Stop, block_of, detour_of, needed_first, sender_of, stops_of
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.rules.vpc.stopped import finding_at, places_of
from agent.report.hops import Ports, Stage
from agent.report.model import ConfiguredPath, Fix
from agent.report.subjects import resources
from probes.model import Address, Step, Target
from probes.ports import HTTPS
from probes.vpc.model import ENDPOINT_INTERFACES, ENDPOINTS, OWN_INTERFACES, SECURITY_GROUPS, GroupRule


def security_group_blocks(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC005: no rule of the endpoint's security groups allows this host's packets."""
    for target in evidence.targets:
        if stops := stops_of(evidence, target, Stage.ENDPOINT_GROUPS):
            reads = (ENDPOINTS, ENDPOINT_INTERFACES, OWN_INTERFACES, SECURITY_GROUPS)
            fix = _admitting(evidence, target, needed_first(evidence, target, stops))
            yield finding_at("VPC005", evidence, target, stops, reads, fix)


def _admitting(evidence: Evidence, target: Target, stops: list[Stop]) -> Fix:
    """The fix that adds the missing rules to the group that already allows such traffic. The rules allow this host on
    port 443, and the gateway appliance on the ports of a gateway."""
    rules: dict[tuple[str, str, int, str], list[int]] = {}
    for stop in sorted(stops, key=lambda blocked: blocked.path.port):
        path = stop.path
        group = group_to_change(evidence.configuration, target.ports, stop.hop.resources, egress=False)
        key = (group, sender_of(path).block, path.address.version, _whom_to_admit(path))
        rules.setdefault(key, []).append(path.port)
    gateway_stops = [stop for stop in stops if stop.path.port != HTTPS]
    openings = tuple(
        Opening(at=group, peer=source, ports=span, version=version, whom=whom)
        for (group, source, version, whom), open_ports in rules.items()
        for span in ranges(open_ports)
    )
    fault = Fault(
        target=target,
        openings=openings,
        first=tuple(_admitted_already(evidence, gateway_stops)),
        notes=(NOT_THE_APPLIANCE,) if gateway_stops else (),
    )
    return fix_of("VPC005", fault)


def _whom_to_admit(path: ConfiguredPath) -> str:
    if path.port != HTTPS:
        return "the gateway appliance's subnet"
    through = detour_of(path)
    return "this host" if through is None else f"the address of {through}, which the endpoint sees as the source"


def _admitted_already(evidence: Evidence, stops: list[Stop]) -> Iterator[str]:
    """The peers that the endpoint's groups allow on these ports of a gateway. Ports that are closed to this host may be
    open to the appliance. Then no rule is missing."""
    needed = sorted({stop.path.port for stop in stops})
    versions = {stop.path.address.version for stop in stops}
    names = dict.fromkeys(group_id for stop in stops for group_id in stop.hop.resources)
    allowed_by: dict[tuple[str, str], set[int]] = {}
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for group in evidence.configuration.groups or ():
        for rule in group.rules if group.group_id in names else ():
            ports = [port for port in needed if passes(rule, port, egress=False)]
            if ports and (rule.cidr is None or versions == {rule.cidr.version}):
                allowed_by.setdefault(_whom(rule), set()).update(ports)
                groups.setdefault(_whom(rule), {})[group.group_id] = None
    for (whom, condition), allowed in allowed_by.items():
        there = groups[whom, condition]
        missing = [port for port in needed if port not in allowed]
        what = f"only {listed(missing)} {'is' if len(missing) == 1 else 'are'}" if missing else "nothing is"
        yield (
            f"{listed(there)} {'allows' if len(there) == 1 else 'allow'} {listed(sorted(allowed))} from {whom}: if "
            f"{condition}, {what} missing."
        )


def _whom(rule: GroupRule) -> tuple[str, str]:
    """The peers that an inbound rule allows, and how the gateway appliance can become one of them."""
    if rule.referenced_group_id is not None:
        return f"members of {rule.referenced_group_id}", "the appliance has that group"
    if rule.prefix_list_id is not None:
        return rule.prefix_list_id, "the appliance's subnet is in that list"
    return str(rule.cidr), "that is the appliance's subnet"


def egress_blocked(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC012: no rule of this host's own security groups lets the traffic out."""
    for target in evidence.targets:
        if stops := stops_of(evidence, target, Stage.HOST_GROUPS):
            reads = (OWN_INTERFACES, ENDPOINT_INTERFACES, SECURITY_GROUPS)
            fix = _letting_out(evidence, target, needed_first(evidence, target, stops))
            finding = finding_at("VPC012", evidence, target, stops, reads, fix)
            ends = (_far_end(evidence, stop.path.address) for stop in stops)
            lists = resources(*(end for end in ends if isinstance(end, str)))
            yield replace(finding, subjects=(*finding.subjects, *lists))


def _letting_out(evidence: Evidence, target: Target, stops: list[Stop]) -> Fix:
    openings: list[Opening] = []
    for where, ports in places_of(stops):
        own = next(stop.hop.resources for stop in stops if stop.path.address in where)
        group = group_to_change(evidence.configuration, target.ports, own, egress=True)
        ends = dict.fromkeys(_far_end(evidence, address) for address in where)
        mine, others = [HTTPS] if HTTPS in ports else [], [port for port in ports if port != HTTPS]
        openings += [_opening(group, span, end) for span in ranges(mine) for end in ends]
        openings += [_opening(APPLIANCE_GROUP, span, address) for span in ranges(others) for address in where]
    is_of_appliance = any(opening.at == APPLIANCE_GROUP for opening in openings)
    notes = (NOT_THE_APPLIANCE,) if is_of_appliance else ()
    return fix_of("VPC012", Fault(target=target, openings=tuple(openings), notes=notes))


def _far_end(evidence: Evidence, address: Address) -> Address | str:
    """The peer that an outbound rule must allow. If a gateway endpoint leads to the address, it is the endpoint's
    prefix list, since the service's addresses change."""
    if not evidence.may_have_gateway(address):
        return address
    prefix_list_id = evidence.gateway_at(address).prefix_list_id
    return address if prefix_list_id is None else known_id(prefix_list_id, "<PREFIX_LIST_ID>")


def _opening(group: str, ports: Ports, end: Address | str) -> Opening:
    peer = end if isinstance(end, str) else block_of(end)
    return Opening(at=group, peer=peer, ports=ports, egress=True)


RULES: Final = (
    Rule(
        "VPC005",
        needs=(Step.TCP,),
        check=security_group_blocks,
        reads=(ENDPOINTS, ENDPOINT_INTERFACES, SECURITY_GROUPS),
    ),
    Rule("VPC012", needs=(Step.TCP,), check=egress_blocked, reads=(SECURITY_GROUPS,)),
)
