"""VPC, paths: what in the configuration stops packets on their way to an endpoint, or on the way back.

A rule here takes the connects that were dropped without a word, follows each along the hops that the configuration has
for it, and speaks of the hops of its own kind that block. A hop that only may block is named where none does for
certain. Nothing follows from the configuration alone, and what connects is nobody's fault.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from agent.catalog.findings import Severity
from agent.catalog.services import HTTPS
from agent.catalog.vpce import read_name
from agent.catalog.wording import listed
from agent.judge.evidence import Evidence
from agent.judge.rules.connect import Nature, nature_of
from agent.judge.rules.rule import (
    Found,
    Rule,
    admit,
    ids,
    known_id,
    permission,
    places,
    ranges,
    read_only,
    resting_on,
    says,
)
from agent.report.hops import APPLIANCES, Hop, Ports, Reachability, Stage
from agent.report.model import Command, CommandScope, ConfiguredPath, Fix, Measured
from probes.facts import TcpFacts
from probes.model import Address, Addressing, FailureKind, Observation, Step, Target
from probes.vpc.model import (
    ANY_PROTOCOL,
    AVAILABLE,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    NETWORK_ACLS,
    OWN_INTERFACES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    GroupRule,
    NetworkAcl,
    SecurityGroup,
    VpcEndpoint,
)

DELETED: Final = "deleted"
REST_NUMBER: Final = 32767
"""Of the `*`, the last entry of a network ACL, which denies what no other has decided; that for IPv6 comes behind it
(Amazon VPC User Guide, Network ACL rules)."""
_TCP: Final = frozenset({"tcp", "6", ANY_PROTOCOL})
_APPLIANCE: Final = "<APPLIANCE_SUBNET_CIDR>"
_APPLIANCE_GROUP: Final = "<APPLIANCE_SECURITY_GROUP_ID>"
_NOT_THE_APPLIANCE: Final = "This host is not the appliance: test from its subnet as well."
_NAT: Final = "nat-"
_KEEPS_SOURCE: Final = "vpce-"
"""A Gateway Load Balancer endpoint, which hands packets on as they are (AWS PrivateLink Guide, Access virtual
appliances through AWS PrivateLink)."""
_STEP: Final = 10
"""Between entries of a network ACL, so that others find room."""
_OUTBOUND: Final = frozenset({Stage.HOST_ACL_OUT, Stage.ENDPOINT_ACL_OUT})
_ANSWERS: Final = frozenset({Stage.ENDPOINT_ACL_OUT, Stage.HOST_ACL_IN})
_AT_HOST: Final = frozenset({Stage.HOST_ACL_OUT, Stage.HOST_ACL_IN})


@dataclass(frozen=True, slots=True)
class _Stop:
    """A connect that was dropped, and a hop that drops it."""

    attempt: Observation[TcpFacts]
    path: ConfiguredPath
    hop: Hop


def _stops(evidence: Evidence, target: Target, *stages: Stage) -> list[_Stop]:
    found = []
    for path in evidence.configured_paths(target):
        attempt = evidence.at(Step.TCP, target, path.address, path.port)
        if attempt is None or not _is_dropped(evidence, attempt, path):
            continue
        certain = any(hop.outcome is Reachability.BLOCKED for hop in path.hops)
        worst = Reachability.BLOCKED if certain else Reachability.DOUBTFUL
        found += [_Stop(attempt, path, hop) for hop in path.hops if hop.stage in stages and hop.outcome is worst]
    return found


def _is_dropped(evidence: Evidence, attempt: Observation[TcpFacts], path: ConfiguredPath) -> bool:
    silent = nature_of(attempt, evidence.own_addresses_of_host) is Nature.SILENT
    return path.measured is Measured.SILENT and silent


def _said(stops: Iterable[_Stop], ec2_says: str) -> str:
    """Where connects were dropped, and what the hops do: what holds alike at several places is said once."""
    alike: dict[str, list[_Stop]] = {}
    for stop in stops:
        path = stop.path
        form = stop.hop.words.replace(f"tcp {path.port} ", "tcp {ports} ")
        form = " ".join(
            "{addresses}" + word[len(str(path.address)) :] if _is(word, path.address) else word
            for word in form.split(" ")
        )
        alike.setdefault(form, []).append(stop)
    words_at: dict[str, list[str]] = {}
    for form, found in alike.items():
        for where, ports in _places_of(found):
            verb = "timed out" if all(_timed_out(each) for each in found) else "failed"
            at = f"{listed(ports)} {verb} on {listed(where)}"
            words = form.replace("{ports}", listed(ports)).replace("{addresses}", listed(where))
            words_at.setdefault(at, []).append(words)
    return " ".join(f"{at}. {ec2_says}: {'; and '.join(words)}." for at, words in words_at.items())


def _is(word: str, address: Address) -> bool:
    return word.rstrip(",;") == str(address)


def _timed_out(stop: _Stop) -> bool:
    return stop.attempt.failure is not None and stop.attempt.failure.kind is FailureKind.TIMEOUT


def by_place(pairs: Iterable[tuple[Address, int]]) -> list[tuple[tuple[Address, ...], tuple[int, ...]]]:
    """Addresses and the ports at them, addresses with the same ports together."""
    ports_at: dict[Address, dict[int, None]] = {}
    for address, port in pairs:
        ports_at.setdefault(address, {})[port] = None
    rows: dict[tuple[int, ...], list[Address]] = {}
    for address, ports in ports_at.items():
        rows.setdefault(tuple(ports), []).append(address)
    return [(tuple(where), ports) for ports, where in rows.items()]


def _places_of(stops: Iterable[_Stop]) -> list[tuple[tuple[Address, ...], tuple[int, ...]]]:
    return by_place((stop.path.address, stop.path.port) for stop in stops)


def _found(
    code: str, evidence: Evidence, target: Target, stops: list[_Stop], reads: tuple[str, ...], fix: Fix
) -> Found:
    attempts = [stop.attempt for stop in stops]
    found = Found(
        code=code,
        target=target.id,
        detail=_said(stops, says(evidence, "EC2", *reads)),
        evidence=ids(attempts),
        addresses=places(attempts),
        fix=fix,
    )
    return resting_on(evidence, found, *reads)


def _needed(evidence: Evidence, target: Target, stops: list[_Stop]) -> list[_Stop]:
    """Those on ports that the service cannot do without, otherwise all: what is shut without harm is left shut."""
    required = evidence.required_ports(target)
    return [stop for stop in stops if stop.path.port in required] or stops


def _block(address: Address) -> str:
    return f"{address}/{address.max_prefixlen}"


@dataclass(frozen=True, slots=True)
class _Remote:
    """The other end, as a rule has to name it."""

    block: str
    """A CIDR, or a placeholder for one."""
    address: Address | None
    """None where it is not known."""
    version: int


def _sender(path: ConfiguredPath) -> _Remote:
    """From whom the endpoint's side has to let packets in: on 443 this host, or what its route leads through, where
    that sends from an address of its own; on the ports of a gateway the appliance, which this host is not."""
    version, length = path.address.version, path.address.max_prefixlen
    if path.port != HTTPS:
        return _Remote(_APPLIANCE, None, version)
    if (through := _detour(path)) is not None:
        whose = "<NAT_GATEWAY_ADDRESS>" if through.startswith(_NAT) else "<MIDDLEBOX_ADDRESS>"
        return _Remote(f"{whose}/{length}", None, version)
    if path.source is None:
        return _Remote(f"<ADDRESS_OF_THIS_HOST>/{length}", None, version)
    return _Remote(_block(path.source), path.source, version)


def _detour(path: ConfiguredPath) -> str | None:
    """What the route out leads through that may send packets on from another address; None where there is nothing."""
    route = next((hop for hop in path.hops if hop.stage is Stage.ROUTE and hop.rule is not None), None)
    if route is None or route.rule is None:
        return None
    through = route.rule.rpartition(" ")[2]
    is_detour = route.outcome is Reachability.DOUBTFUL or through.startswith(APPLIANCES)
    return through if is_detour and not through.startswith(_KEEPS_SOURCE) else None


# --- Security groups -------------------------------------------------------------------------------------------------


def security_group_blocks(evidence: Evidence) -> Iterator[Found]:
    """VPC005: no rule of the endpoint's security groups admits what this host sends."""
    for target in evidence.targets:
        if stops := _stops(evidence, target, Stage.ENDPOINT_GROUPS):
            reads = (ENDPOINTS, ENDPOINT_INTERFACES, OWN_INTERFACES, SECURITY_GROUPS)
            fix = _admitting(evidence, target, _needed(evidence, target, stops))
            yield _found("VPC005", evidence, target, stops, reads, fix)


def _admitting(evidence: Evidence, target: Target, stops: list[_Stop]) -> Fix:
    """The rules that are missing, in the group that is for such traffic already: on 443 for this host, on the ports of
    a gateway for its appliance."""
    rules: dict[tuple[str, str, int], list[int]] = {}
    for stop in sorted(stops, key=lambda each: each.path.port):
        path = stop.path
        group = _group_to_change(evidence, target, stop.hop.resources, egress=False)
        rules.setdefault((group, _sender(path).block, path.address.version), []).append(path.port)
    groups = listed(dict.fromkeys(group for group, *_ in rules))
    ports = dict.fromkeys(port for found in rules.values() for port in found if port != HTTPS)
    already = list(_admitted_already(evidence, [stop for stop in stops if stop.path.port != HTTPS]))
    said = list(already)
    through = dict.fromkeys(_detour(stop.path) for stop in stops if stop.path.port == HTTPS)
    if None in through:
        said.append(f"Admit this host on {HTTPS} in {groups}.")
    if others := [each for each in through if each is not None]:
        said.append(f"Admit on {HTTPS} in {groups} what {listed(others)} sends from: the endpoint sees that address.")
    if ports:
        said.append(
            f"{'Otherwise admit' if already else 'Admit'} the gateway appliance's subnet on {listed(ports)} in "
            f"{groups}. {_NOT_THE_APPLIANCE}"
        )
    return Fix(
        summary=" ".join(said),
        commands=tuple(
            admit(target, low, source, group, last=high, version=version)
            for (group, source, version), found in rules.items()
            for low, high in ranges(found)
        ),
    )


def _admitted_already(evidence: Evidence, stops: list[_Stop]) -> Iterator[str]:
    """Whom the endpoint's groups do admit on these ports of a gateway: what is shut for this host may be open for the
    appliance, and then nothing is missing."""
    needed = sorted({stop.path.port for stop in stops})
    versions = {stop.path.address.version for stop in stops}
    names = dict.fromkeys(group_id for stop in stops for group_id in stop.hop.resources)
    admitting: dict[tuple[str, str], set[int]] = {}
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for group in evidence.configuration.groups or ():
        for rule in group.rules if group.group_id in names else ():
            ports = [port for port in needed if _passes(rule, port, egress=False)]
            if ports and (rule.cidr is None or versions == {rule.cidr.version}):
                admitting.setdefault(_whom(rule), set()).update(ports)
                groups.setdefault(_whom(rule), {})[group.group_id] = None
    for (whom, condition), found in admitting.items():
        there = groups[whom, condition]
        missing = [port for port in needed if port not in found]
        what = f"only {listed(missing)} {'is' if len(missing) == 1 else 'are'}" if missing else "nothing is"
        yield (
            f"{listed(there)} {'admits' if len(there) == 1 else 'admit'} {listed(sorted(found))} from {whom}: if "
            f"{condition}, {what} missing."
        )


def _whom(rule: GroupRule) -> tuple[str, str]:
    """Whom an inbound rule admits, and what makes the gateway appliance one of them."""
    if rule.referenced_group_id is not None:
        return f"members of {rule.referenced_group_id}", "the appliance has that group"
    if rule.prefix_list_id is not None:
        return rule.prefix_list_id, "the appliance's subnet is in that list"
    return str(rule.cidr), "that is the appliance's subnet"


def _group_to_change(evidence: Evidence, target: Target, groups: tuple[str, ...], *, egress: bool) -> str:
    """The first of the groups that has a rule for a port of the target, otherwise the first."""
    of_id = {each.group_id: each for each in evidence.configuration.groups or ()}
    has_rule = (each for each in groups if each in of_id and _is_for(of_id[each], target.ports, egress=egress))
    whose = "<INSTANCE_SECURITY_GROUP_ID>" if egress else "<ENDPOINT_SECURITY_GROUP_ID>"
    return known_id(next(has_rule, groups[0]), whose)


def _is_for(group: SecurityGroup, ports: tuple[int, ...], *, egress: bool) -> bool:
    return any(_passes(rule, port, egress=egress) for rule in group.rules for port in ports)


def _passes(rule: GroupRule, port: int, *, egress: bool) -> bool:
    """Whether a rule is for TCP on a port in that direction."""
    is_for_tcp = rule.egress is egress and rule.protocol in _TCP
    return is_for_tcp and (rule.from_port or 0) <= port <= (65535 if rule.to_port is None else rule.to_port)


def egress_blocked(evidence: Evidence) -> Iterator[Found]:
    """VPC012: no rule of this host's own security groups lets the traffic out."""
    for target in evidence.targets:
        if stops := _stops(evidence, target, Stage.HOST_GROUPS):
            reads = (OWN_INTERFACES, ENDPOINT_INTERFACES, SECURITY_GROUPS)
            fix = _letting_out(evidence, target, _needed(evidence, target, stops))
            yield _found("VPC012", evidence, target, stops, reads, fix)


def _letting_out(evidence: Evidence, target: Target, stops: list[_Stop]) -> Fix:
    commands = []
    groups: dict[str, None] = {}
    appliance: dict[int, None] = {}
    for where, ports in _places_of(stops):
        own = next(stop.hop.resources for stop in stops if stop.path.address in where)
        mine = [port for port in ports if port == HTTPS]
        others = [port for port in ports if port != HTTPS]
        group = _group_to_change(evidence, target, own, egress=True)
        groups |= {group: None} if mine else {}
        appliance |= dict.fromkeys(others)
        commands += [_let_out(target, group, span, address) for span in ranges(mine) for address in where]
        commands += [_let_out(target, _APPLIANCE_GROUP, span, address) for span in ranges(others) for address in where]
    said = []
    if groups:
        said.append(f"In {listed(groups)}, let {HTTPS} out to the endpoint; that holds for every host with the group.")
    if appliance:
        said.append(
            f"In the gateway appliance's own group, let {listed(sorted(appliance))} out to the endpoint, where it does "
            f"not yet. {_NOT_THE_APPLIANCE}"
        )
    return Fix(summary=" ".join(said), commands=tuple(commands))


def _let_out(target: Target, group: str, ports: Ports, address: Address) -> Command:
    """Let traffic to one address out by a rule of this host's security group."""
    return Command(
        argv=(
            *("aws", "ec2", "authorize-security-group-egress", "--region", target.region),
            *("--group-id", group, *permission(ports, _block(address), address.version)),
        ),
        scope=CommandScope.HOST,
        reversible=True,
        undo="remove the same rule from the group: aws ec2 revoke-security-group-egress with the same arguments",
    )


# --- Network ACLs ----------------------------------------------------------------------------------------------------


def network_acl_blocks(evidence: Evidence) -> Iterator[Found]:
    """VPC006: a network ACL of either subnet stops what is sent, or what comes back."""
    for target in evidence.targets:
        stages = (Stage.HOST_ACL_OUT, Stage.ENDPOINT_ACL_IN, Stage.ENDPOINT_ACL_OUT, Stage.HOST_ACL_IN)
        if stops := _stops(evidence, target, *stages):
            reads = (NETWORK_ACLS, SUBNETS, ENDPOINT_INTERFACES, OWN_INTERFACES)
            fix = _passing(evidence, target, _needed(evidence, target, stops))
            yield _found("VPC006", evidence, target, stops, reads, fix)


def _passing(evidence: Evidence, target: Target, stops: list[_Stop]) -> Fix:
    """The entries that are missing, each before the one that denies. The ports of a gateway are opened to the appliance
    and not to this host: what its subnet has is for others to see."""
    wanted: dict[tuple[str, bool, _Remote], dict[Ports, None]] = {}
    forward: dict[tuple[str, bool, _Remote], list[int]] = {}
    names: dict[str, None] = {}
    is_of_appliance = any(stop.path.port != HTTPS for stop in stops)
    for stop in stops:
        address = stop.path.address
        if stop.hop.stage in _AT_HOST and stop.path.port != HTTPS:
            continue
        names[stop.hop.resources[0]] = None
        there = _Remote(_block(address), address, address.version)
        remote = there if stop.hop.stage in _AT_HOST else _sender(stop.path)
        key = (stop.hop.resources[0], stop.hop.stage in _OUTBOUND, remote)
        wanted.setdefault(key, {})
        if stop.hop.stage in _ANSWERS:
            wanted[key][evidence.local_ports] = None
        else:
            forward.setdefault(key, []).append(stop.path.port)
    for key, ports in forward.items():
        wanted[key] |= dict.fromkeys(ranges(ports))
    acls = {each.acl_id: each for each in evidence.configuration.acls or ()}
    taken: dict[tuple[str, bool], set[int]] = {}
    commands = []
    for (acl_id, egress, remote), spans in wanted.items():
        for span in spans:
            numbers = taken.setdefault((acl_id, egress), set())
            number = _free_number(acls[acl_id], remote, span, egress=egress, taken=numbers)
            if number is not None:
                numbers.add(number)
                commands.append(_entry(target, acl_id, number, remote, span, egress=egress))
    said = []
    if names:
        commands += [] if commands else [_show_acls(target, names)]
        said.append(
            f"Add what is missing to {listed(names)}, in front of the entry that denies. Its entries hold for the "
            "whole subnet; a security group, which both ends have, can be narrower."
        )
    if any(stop.hop.stage in _AT_HOST and stop.path.port != HTTPS for stop in stops):
        commands.append(_show_acl_of_appliance(target))
        said.append("Whether the network ACL of the gateway appliance's subnet passes its ports is to be seen there.")
    if is_of_appliance:
        said.append(_NOT_THE_APPLIANCE)
    return Fix(summary=" ".join(said), commands=tuple(commands))


def _free_number(acl: NetworkAcl, remote: _Remote, ports: Ports, *, egress: bool, taken: set[int]) -> int | None:
    """A number that no entry has, lower than those of all entries that deny any of it."""
    entries = [each for each in acl.entries if each.egress is egress]
    denying = (
        each.number
        for each in entries
        if not each.allow
        and each.protocol in _TCP
        and (each.cidr.version == remote.version if remote.address is None else remote.address in each.cidr)
        and (each.from_port or 0) <= ports[1]
        and ports[0] <= (65535 if each.to_port is None else each.to_port)
    )
    end = min((REST_NUMBER, *denying))
    used = {each.number for each in entries} | taken
    begin = max((number for number in used if number < end), default=0)
    if end - begin > 1:
        return begin + min(_STEP, (end - begin) // 2)
    return next((number for number in range(end - 1, 0, -1) if number not in used), None)


def _entry(target: Target, acl_id: str, number: int, remote: _Remote, ports: Ports, *, egress: bool) -> Command:
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


# --- Routes ----------------------------------------------------------------------------------------------------------


def route_blocks(evidence: Evidence) -> Iterator[Found]:
    """VPC007: a route table leads elsewhere, or nowhere, there or back."""
    for target in evidence.targets:
        if stops := _stops(evidence, target, Stage.ROUTE, Stage.RETURN_ROUTE):
            reads = (ROUTE_TABLES, SUBNETS, ENDPOINT_INTERFACES, OWN_INTERFACES)
            names = dict.fromkeys(name for stop in stops for name in stop.hop.resources)
            doubtful = all(stop.hop.outcome is Reachability.DOUBTFUL for stop in stops)
            show = read_only(
                *("aws", "ec2", "describe-route-tables", "--region", target.region),
                *("--route-table-ids", *(known_id(name, "<ROUTE_TABLE_ID>") for name in names)),
                scope=CommandScope.SUBNET,
            )
            summary = (
                f"See what the route in {listed(names)} leads through, and whether that passes these ports on."
                if doubtful
                else f"Give {listed(names)} a route that leads to the other end, or mend the one that is taken. A "
                "route holds for every host of its subnets, and where it should lead nothing here says for certain."
            )
            yield _found("VPC007", evidence, target, stops, reads, Fix(summary=summary, commands=(show,)))


# --- The endpoint's state --------------------------------------------------------------------------------------------

_STATES: Final = {
    "pending": "AWS is still making it: wait some minutes.",
    "pendingacceptance": "It waits until the service's owner accepts it; AWS accepts for its own services by itself, "
    "so look at its service name.",
    "rejected": "The service's owner has rejected it: make it again, with the service name of AWS's own service.",
    "failed": "Mend what the error says, where it says anything, and make the endpoint again.",
    "expired": "It was not accepted in time: make it again.",
    "deleting": "Somebody is deleting it: make another where it is still needed.",
    DELETED: "It is deleted, and so are its names: make another, and use that one's name.",
    "partial": "AWS does not say what this state means: look at its interfaces, a subnet at a time.",
}
"""What to do, by the state (EC2 API Reference, Endpoint)."""


def endpoint_not_available(evidence: Evidence) -> Iterator[Found]:
    """VPC004: the target has endpoints in this VPC, or of its own name, and none that is available."""
    for target in evidence.targets:
        meant = _meant(evidence, target)
        if not meant or any(each.state == AVAILABLE for each in meant) or _works(evidence, target):
            continue
        said = [f"{each.endpoint_id} has the state {each.state}{_error(each)}" for each in meant]
        at = frozenset(
            address
            for address in evidence.own_addresses(target)
            if evidence.is_unconnected(target, address) and _may_be_of(evidence, meant, address)
        )
        silent = [
            each
            for each in evidence.connects(target, HTTPS)
            if each.subject.address in at and nature_of(each, evidence.own_addresses_of_host) is Nature.SILENT
        ]
        found = Found(
            code="VPC004",
            target=target.id,
            severity=None if evidence.is_configuration_fresh else Severity.WARNING,
            detail=f"Of the endpoints for {target.service} none is available. {says(evidence, 'EC2', ENDPOINTS)}: "
            f"{listed(said)}.",
            evidence=ids(silent),
            addresses=at,
            fix=Fix(
                summary=" ".join(dict.fromkeys(_STATES.get(each.state, _STATES["partial"]) for each in meant)),
                commands=(show_endpoints(target, meant, "VpcEndpoints[].[VpcEndpointId,State,LastError]"),),
            ),
        )
        yield resting_on(evidence, found, ENDPOINTS)


def _meant(evidence: Evidence, target: Target) -> list[VpcEndpoint]:
    """The endpoints that stand for the target: the one that its name names, even where that is deleted; otherwise those
    that the addresses in use belong to and, for a name that an SDK builds, those of this VPC. Deleted ones stay listed
    for a while, and of these count for nothing. None for a target of another Region, which endpoints here do not
    serve."""
    region = None if evidence.imds is None else evidence.imds.region
    if region not in (None, target.region):
        return []
    listed_ones = evidence.endpoints(target) or ()
    if target.addressing is Addressing.VPCE:  # the host is the bare id where EC2 was not asked for the name
        named = read_name(target.host)
        own_id = target.host if named is None else named.endpoint_id
        return [each for each in listed_ones if each.endpoint_id == own_id]
    used = {evidence.endpoint_of(evidence.interface_at(address)) for address in evidence.own_addresses(target)}
    is_built = target.addressing is not Addressing.CUSTOM
    return [
        each
        for each in listed_ones
        if each.state != DELETED
        and (each in used or (is_built and evidence.vpc_id is not None and each.vpc_id == evidence.vpc_id))
    ]


def _may_be_of(evidence: Evidence, endpoints: Iterable[VpcEndpoint], address: Address) -> bool:
    """Whether an address is one of these endpoints', or may be: in this VPC, and of nobody that is known."""
    interface = evidence.interface_at(address)
    if interface is not None:
        return any(interface.interface_id in each.interface_ids for each in endpoints)
    blocks = () if evidence.imds is None else evidence.imds.vpc_cidrs
    return any(address in block for block in blocks)


def _works(evidence: Evidence, target: Target) -> bool:
    """Whether every address in use lies where it is expected and connects: then something else serves this host."""
    addresses = evidence.own_addresses(target)
    return bool(addresses) and all(
        evidence.is_expected(address) and evidence.is_connected(target, address) for address in addresses
    )


def _error(endpoint: VpcEndpoint) -> str:
    said = ": ".join(filter(None, (endpoint.error_code, (endpoint.error_message or "").rstrip("."))))
    return f" ({said})" if said else ""


def show_endpoints(target: Target, endpoints: Iterable[VpcEndpoint], query: str) -> Command:
    """Show something of endpoints, by a JMESPath expression."""
    names = (known_id(each.endpoint_id, "<VPC_ENDPOINT_ID>") for each in endpoints)
    return read_only(
        *("aws", "ec2", "describe-vpc-endpoints", "--region", target.region),
        *("--vpc-endpoint-ids", *dict.fromkeys(names), "--query", query, "--output", "text"),
        scope=CommandScope.ENDPOINT,
    )


RULES: Final = (
    Rule("VPC004", needs=(Step.DNS,), check=endpoint_not_available, reads=(ENDPOINTS,)),
    Rule(
        "VPC005",
        needs=(Step.TCP,),
        check=security_group_blocks,
        reads=(ENDPOINTS, ENDPOINT_INTERFACES, SECURITY_GROUPS),
    ),
    Rule("VPC006", needs=(Step.TCP,), check=network_acl_blocks, reads=(NETWORK_ACLS,)),
    Rule("VPC007", needs=(Step.TCP,), check=route_blocks, reads=(ROUTE_TABLES,)),
    Rule("VPC012", needs=(Step.TCP,), check=egress_blocked, reads=(SECURITY_GROUPS,)),
)
