"""VPC, network ACLs: of this host's subnet, and of the endpoint's."""

from collections.abc import Iterable, Iterator
from typing import Final

from agent.catalog.wording import listed
from agent.judge.commands import known_id, ranges, read_only
from agent.judge.conditions.stops import TCP_PROTOCOLS, Remote, Stop, block_of, needed_first, sender_of, stops_of
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.rules.vpc.stopped import NOT_THE_APPLIANCE, finding_at
from agent.report.hops import Ports, Stage
from agent.report.model import Command, CommandScope, Fix
from probes.model import Step, Target
from probes.ports import HTTPS
from probes.vpc.model import ENDPOINT_INTERFACES, NETWORK_ACLS, OWN_INTERFACES, SUBNETS, NetworkAcl

REST_NUMBER: Final = 32767
"""Of the `*`, the last entry of a network ACL, which denies what no other has decided; that for IPv6 comes behind it
(Amazon VPC User Guide, Network ACL rules)."""
_STEP: Final = 10
"""Between entries of a network ACL, so that others find room."""
_OUTBOUND: Final = frozenset({Stage.HOST_ACL_OUT, Stage.ENDPOINT_ACL_OUT})
_ANSWERS: Final = frozenset({Stage.ENDPOINT_ACL_OUT, Stage.HOST_ACL_IN})
_AT_HOST: Final = frozenset({Stage.HOST_ACL_OUT, Stage.HOST_ACL_IN})


def network_acl_blocks(evidence: Evidence) -> Iterator[RuleFinding]:
    """VPC006: a network ACL of either subnet stops what is sent, or what comes back."""
    for target in evidence.targets:
        stages = (Stage.HOST_ACL_OUT, Stage.ENDPOINT_ACL_IN, Stage.ENDPOINT_ACL_OUT, Stage.HOST_ACL_IN)
        if stops := stops_of(evidence, target, *stages):
            reads = (NETWORK_ACLS, SUBNETS, ENDPOINT_INTERFACES, OWN_INTERFACES)
            fix = _passing(evidence, target, needed_first(evidence, target, stops))
            yield finding_at("VPC006", evidence, target, stops, reads, fix)


def _passing(evidence: Evidence, target: Target, stops: list[Stop]) -> Fix:
    """The entries that are missing, each before the one that denies. The ports of a gateway are opened to the appliance
    and not to this host: what its subnet has is for others to see."""
    wanted: dict[tuple[str, bool, Remote], dict[Ports, None]] = {}
    forward: dict[tuple[str, bool, Remote], list[int]] = {}
    names: dict[str, None] = {}
    is_of_appliance = any(stop.path.port != HTTPS for stop in stops)
    for stop in stops:
        address = stop.path.address
        if stop.hop.stage in _AT_HOST and stop.path.port != HTTPS:
            continue
        names[stop.hop.resources[0]] = None
        there = Remote(block_of(address), address, address.version)
        remote = there if stop.hop.stage in _AT_HOST else sender_of(stop.path)
        key = (stop.hop.resources[0], stop.hop.stage in _OUTBOUND, remote)
        wanted.setdefault(key, {})
        if stop.hop.stage in _ANSWERS:
            wanted[key][evidence.local_ports] = None
        else:
            forward.setdefault(key, []).append(stop.path.port)
    for key, ports in forward.items():
        wanted[key] |= dict.fromkeys(ranges(ports))
    acls = {acl.acl_id: acl for acl in evidence.configuration.acls or ()}
    taken: dict[tuple[str, bool], set[int]] = {}
    commands = []
    for (acl_id, egress, remote), spans in wanted.items():
        for span in spans:
            numbers = taken.setdefault((acl_id, egress), set())
            number = _free_number(acls[acl_id], remote, span, egress=egress, taken=numbers)
            if number is not None:
                numbers.add(number)
                commands.append(_entry(target, acl_id, number, remote, span, egress=egress))
    sentences = []
    if names:
        commands += [] if commands else [_show_acls(target, names)]
        sentences.append(
            f"Add what is missing to {listed(names)}, in front of the entry that denies. Its entries hold for the "
            "whole subnet; a security group, which both ends have, can be narrower."
        )
    if any(stop.hop.stage in _AT_HOST and stop.path.port != HTTPS for stop in stops):
        commands.append(_show_acl_of_appliance(target))
        sentences.append(
            "Whether the network ACL of the gateway appliance's subnet passes its ports is to be seen there."
        )
    if is_of_appliance:
        sentences.append(NOT_THE_APPLIANCE)
    return Fix(summary=" ".join(sentences), commands=tuple(commands))


def _free_number(acl: NetworkAcl, remote: Remote, ports: Ports, *, egress: bool, taken: set[int]) -> int | None:
    """A number that no entry has, lower than those of all entries that deny any of it."""
    entries = [entry for entry in acl.entries if entry.egress is egress]
    denying = (
        entry.number
        for entry in entries
        if not entry.allow
        and entry.protocol in TCP_PROTOCOLS
        and (entry.cidr.version == remote.version if remote.address is None else remote.address in entry.cidr)
        and (entry.from_port or 0) <= ports[1]
        and ports[0] <= (65535 if entry.to_port is None else entry.to_port)
    )
    end = min((REST_NUMBER, *denying))
    used = {entry.number for entry in entries} | taken
    begin = max((number for number in used if number < end), default=0)
    if end - begin > 1:
        return begin + min(_STEP, (end - begin) // 2)
    return next((number for number in range(end - 1, 0, -1) if number not in used), None)


def _entry(target: Target, acl_id: str, number: int, remote: Remote, ports: Ports, *, egress: bool) -> Command:
    """Let traffic with the other end pass a network ACL in one direction."""
    return Command(
        argv=(
            *("aws", "ec2", "create-network-acl-entry", "--region", target.region),
            *("--network-acl-id", known_id(acl_id, "<NETWORK_ACL_ID>")),
            *("--egress" if egress else "--ingress", "--rule-number", str(number), "--protocol", "6"),
            *("--port-range", f"From={ports[0]},To={ports[1]}"),
            *("--cidr-block" if remote.version == 4 else "--ipv6-cidr-block", remote.block, "--rule-action", "allow"),
        ),
        scope=CommandScope.SUBNET,
        reversible=True,
        undo="remove that entry again: aws ec2 delete-network-acl-entry with the same id, direction and rule number",
    )


def _show_acls(target: Target, names: Iterable[str]) -> Command:
    return read_only(
        *("aws", "ec2", "describe-network-acls", "--region", target.region),
        *("--network-acl-ids", *(known_id(name, "<NETWORK_ACL_ID>") for name in names)),
        scope=CommandScope.SUBNET,
    )


def _show_acl_of_appliance(target: Target) -> Command:
    return read_only(
        *("aws", "ec2", "describe-network-acls", "--region", target.region),
        *("--filters", "Name=association.subnet-id,Values=<APPLIANCE_SUBNET_ID>"),
        scope=CommandScope.SUBNET,
    )


RULES: Final = (Rule("VPC006", needs=(Step.TCP,), check=network_acl_blocks, reads=(NETWORK_ACLS,)),)
