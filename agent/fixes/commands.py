"""The commands of which fixes consist."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

from agent.catalog.placeholders import FORMS
from agent.catalog.services import gateway_service_name_of
from agent.fixes.fault import known_id
from agent.network.paths import TCP_PROTOCOLS
from agent.report.hops import Ports
from agent.report.model import Command, CommandScope
from probes.addresses import ordered
from probes.facts import TcpFacts
from probes.frozen import dataclass
from probes.model import Address, Observation, Target
from probes.vpc.model import (
    Configuration,
    GatewayEndpoint,
    GroupRule,
    Network,
    NetworkAcl,
    SecurityGroup,
    VpcEndpoint,
)


def read_only(*argv: str, scope: CommandScope = CommandScope.HOST) -> Command:
    """A command that shows something and changes nothing."""
    return Command(argv=argv, scope=scope, changes=False, reversible=True, undo=None)


def describe_endpoint(target: Target) -> Command:
    """Show the target's interface endpoints."""
    service_name = target.service_name or "<SERVICE_NAME>"
    return read_only(
        *("aws", "ec2", "describe-vpc-endpoints", "--region", target.region),
        *("--filters", f"Name=service-name,Values={service_name}"),
        scope=CommandScope.ENDPOINT,
    )


def show_profile(target: Target, profile_id: str) -> tuple[Command, Command]:
    """Show who owns a Route 53 Profile, and all its resources."""
    of_profile = ("--region", target.region, "--profile-id", known_id(profile_id, "<PROFILE_ID>"))
    return (
        read_only("aws", "route53profiles", "get-profile", *of_profile, scope=CommandScope.VPC),
        read_only(
            *("aws", "route53profiles", "list-profile-resource-associations", *of_profile), scope=CommandScope.VPC
        ),
    )


def show_route_tables(target: Target) -> Command:
    """Show the route tables of this host's VPC."""
    return read_only(
        *("aws", "ec2", "describe-route-tables", "--region", target.region),
        *("--filters", "Name=vpc-id,Values=<VPC_ID>"),
        scope=CommandScope.SUBNET,
    )


def ranges(ports: Iterable[int]) -> list[Ports]:
    """The ports in ascending order, with consecutive ports joined into a range."""
    spans: list[Ports] = []
    for port in sorted(set(ports)):
        first = spans.pop()[0] if spans and spans[-1][1] == port - 1 else port
        spans.append((first, port))
    return spans


def this_host(attempts: Iterable[Observation[TcpFacts]]) -> tuple[str, ...]:
    """The CIDRs of the addresses from which this host connects to the endpoint. A placeholder if no such address is
    known."""
    sources = ordered(
        attempt.facts.source for attempt in attempts if attempt.facts is not None and attempt.facts.source is not None
    )
    return tuple(f"{source}/{source.max_prefixlen}" for source in sources) or ("<ADDRESS_OF_THIS_HOST>/32",)


TRANSIT_TABLE: Final = "tgw-rtb-"
ATTACHMENT: Final = "tgw-attach-"


def show_routes(region: str, names: Sequence[str]) -> Iterator[Command]:
    """Show the tables that route the packets (route tables of subnets and of transit gateways) and the transit gateway
    attachments."""
    tables = [name for name in names if not name.startswith("tgw-")]
    if tables:
        yield read_only(
            *("aws", "ec2", "describe-route-tables", "--region", region),
            *("--route-table-ids", *(known_id(name, "<ROUTE_TABLE_ID>") for name in tables)),
            scope=CommandScope.SUBNET,
        )
    for name in names:
        if name.startswith(TRANSIT_TABLE):
            yield read_only(
                *("aws", "ec2", "search-transit-gateway-routes", "--region", region),
                *("--transit-gateway-route-table-id", known_id(name, "<TRANSIT_GATEWAY_ROUTE_TABLE_ID>")),
                *("--filters", "Name=state,Values=active,blackhole"),
                scope=CommandScope.SUBNET,
            )
        elif name.startswith(ATTACHMENT):
            yield read_only(
                *("aws", "ec2", "describe-transit-gateway-vpc-attachments", "--region", region),
                *("--transit-gateway-attachment-ids", known_id(name, "<TRANSIT_GATEWAY_ATTACHMENT_ID>")),
                scope=CommandScope.SUBNET,
            )


FILTER_CHARACTERS: Final = 72
"""Maximum characters of a word that cannot be broken, so that it fits on an indented line of 80 columns."""


def interfaces_at(region: str, addresses: Iterable[Address]) -> tuple[Command, ...]:
    """Show which interfaces have these addresses, with one command per family. If there are many addresses, only the
    first ones are asked for."""
    known = ordered(addresses)
    return tuple(
        read_only(
            *("aws", "ec2", "describe-network-interfaces", "--region", region),
            *("--filters", _filter(name, of_version)),
            scope=CommandScope.SUBNET,
        )
        for version, name in ((4, "addresses.private-ip-address"), (6, "ipv6-addresses.ipv6-address"))
        if (of_version := [str(address) for address in known if address.version == version])
    )


def _filter(name: str, values: list[str]) -> str:
    """A filter of the AWS CLI as a single word. It contains as many of the values as fit on a line, and at least one of
    them."""
    word = f"Name={name},Values={values[0]}"
    for value in values[1:]:
        if len(word) + 1 + len(value) > FILTER_CHARACTERS:
            break
        word += f",{value}"
    return word


@dataclass(frozen=True, slots=True)
class _Shown:
    """The command that shows a kind of resource."""

    placeholders: tuple[str, ...]
    """The placeholders for a resource of this kind. The first has the form of its ids."""
    argv: tuple[str, ...]
    """Service, operation and the option that takes the ids."""
    scope: CommandScope
    takes_many: bool = True


_SHOWN: Final = (
    _Shown(
        ("<ENDPOINT_SECURITY_GROUP_ID>", "<INSTANCE_SECURITY_GROUP_ID>", "<APPLIANCE_SECURITY_GROUP_ID>"),
        ("ec2", "describe-security-groups", "--group-ids"),
        CommandScope.VPC,
    ),
    _Shown(("<NETWORK_ACL_ID>",), ("ec2", "describe-network-acls", "--network-acl-ids"), CommandScope.SUBNET),
    _Shown(("<ROUTE_TABLE_ID>",), ("ec2", "describe-route-tables", "--route-table-ids"), CommandScope.SUBNET),
    _Shown(("<VPC_ENDPOINT_ID>",), ("ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids"), CommandScope.ENDPOINT),
    _Shown(("<VPC_ID>",), ("ec2", "describe-vpcs", "--vpc-ids"), CommandScope.VPC),
    _Shown(("<DHCP_OPTIONS_ID>",), ("ec2", "describe-dhcp-options", "--dhcp-options-ids"), CommandScope.VPC),
    _Shown(
        ("<FIREWALL_RULE_GROUP_ID>",),
        ("route53resolver", "list-firewall-rules", "--firewall-rule-group-id"),
        CommandScope.VPC,
        takes_many=False,
    ),
    _Shown(
        ("<FIREWALL_DOMAIN_LIST_ID>",),
        ("route53resolver", "list-firewall-domains", "--firewall-domain-list-id"),
        CommandScope.VPC,
        takes_many=False,
    ),
    _Shown(
        ("<RESOLVER_RULE_ID>",),
        ("route53resolver", "get-resolver-rule", "--resolver-rule-id"),
        CommandScope.VPC,
        takes_many=False,
    ),
)


def show_ids(region: str, ids: Iterable[str]) -> tuple[Command, ...]:
    """Show resources by ids, or by placeholders for ids. Texts of any other form are ignored."""
    left = list(dict.fromkeys(ids))
    commands = []
    for kind in _SHOWN:
        form = FORMS[kind.placeholders[0]]
        own = [id_ for id_ in left if id_ in kind.placeholders or form.fullmatch(id_)]
        left = [id_ for id_ in left if id_ not in own]
        service, operation, option = kind.argv
        for several in [own] if own and kind.takes_many else [[id_] for id_ in own]:
            commands.append(
                read_only("aws", service, operation, "--region", region, option, *several, scope=kind.scope)
            )
    return tuple(commands)


def show_certificate(target: Target, seen: Sequence[Observation[Any]]) -> Command:
    """Show the certificate that the first of these addresses presents for the target's name."""
    return openssl("-connect", at_https(seen), "-servername", target.host, "-showcerts")


def at_https(seen: Sequence[Observation[Any]]) -> str:
    address = seen[0].subject.address
    return f"[{address}]:443" if address is not None and address.version == 6 else f"{address}:443"


def openssl(*options: str) -> Command:
    return read_only("openssl", "s_client", *options)


def show_endpoints(target: Target, endpoints: Iterable[VpcEndpoint | GatewayEndpoint], query: str) -> Command:
    """Show properties of endpoints, chosen by a JMESPath expression."""
    names = (known_id(endpoint.endpoint_id, "<VPC_ENDPOINT_ID>") for endpoint in endpoints)
    return read_only(
        *("aws", "ec2", "describe-vpc-endpoints", "--region", target.region),
        *("--vpc-endpoint-ids", *dict.fromkeys(names), "--query", query, "--output", "text"),
        scope=CommandScope.ENDPOINT,
    )


REST_NUMBER: Final = 32767
"""The number of the `*` entry, the last entry of a network ACL, which denies everything that no entry before it
matched. The `*` entry for IPv6 comes after it (Amazon VPC User Guide, Network ACL rules)."""
_STEP: Final = 10
"""Gap between the numbers of new entries of a network ACL, so that others fit in between."""


def group_to_change(configuration: Configuration, ports: Iterable[int], groups: Sequence[str], *, egress: bool) -> str:
    """The first of the groups that has a rule for one of these ports. If there is none, the first group."""
    ports = tuple(ports)
    of_id = {group.group_id: group for group in configuration.groups or ()}
    has_rule = (group for group in groups if group in of_id and _is_for(of_id[group], ports, egress=egress))
    whose = "<INSTANCE_SECURITY_GROUP_ID>" if egress else "<ENDPOINT_SECURITY_GROUP_ID>"
    return known_id(next(has_rule, groups[0]), whose)


def _is_for(group: SecurityGroup, ports: tuple[int, ...], *, egress: bool) -> bool:
    return any(passes(rule, port, egress=egress) for rule in group.rules for port in ports)


def passes(rule: GroupRule, port: int, *, egress: bool) -> bool:
    """Whether a rule allows TCP on a port in that direction."""
    is_for_tcp = rule.egress is egress and rule.protocol in TCP_PROTOCOLS
    return is_for_tcp and (rule.from_port or 0) <= port <= (65535 if rule.to_port is None else rule.to_port)


def free_number(
    acl: NetworkAcl, address: Address | None, version: int, ports: Ports, *, egress: bool, taken: Collection[int]
) -> int | None:
    """A free entry number that is lower than the numbers of all entries that deny traffic to or from `address`. None if
    no such number is left. If the address is unknown (None), every denying entry of the IP version counts."""
    entries = [entry for entry in acl.entries if entry.egress is egress]
    denying = (
        entry.number
        for entry in entries
        if not entry.allow
        and entry.protocol in TCP_PROTOCOLS
        and (entry.cidr.version == version if address is None else address in entry.cidr)
        and (entry.from_port or 0) <= ports[1]
        and ports[0] <= (65535 if entry.to_port is None else entry.to_port)
    )
    end = min((REST_NUMBER, *denying))
    used = {entry.number for entry in entries}.union(taken)
    begin = max((number for number in used if number < end), default=0)
    if end - begin > 1:
        return begin + min(_STEP, (end - begin) // 2)
    return next((number for number in range(end - 1, 0, -1) if number not in used), None)


def passes_acl(acl: NetworkAcl, block: Network, ports: Ports, *, egress: bool) -> bool:
    """Whether a network ACL lets the whole of a block pass on all of these ports, in one direction."""
    for entry in sorted(acl.entries, key=lambda entry: entry.number):
        low, high = entry.from_port or 0, 65535 if entry.to_port is None else entry.to_port
        if (
            entry.egress is egress
            and entry.protocol in TCP_PROTOCOLS
            and entry.cidr.version == block.version
            and entry.cidr.overlaps(block)
            and low <= ports[1]
            and ports[0] <= high
        ):
            is_whole = entry.cidr.prefixlen <= block.prefixlen and low <= ports[0] and ports[1] <= high
            return entry.allow and is_whole
    return False


def blocks_alone(target: Target) -> str:
    """The reason why network ACLs must contain blocks, and not single addresses, of a service with a gateway
    endpoint."""
    return (
        f"The addresses of {target.service} change within seconds, so open the blocks of its prefix list, with one "
        "entry for each block, and never single addresses. An ACL takes 20 entries in each direction; if the blocks "
        "need more, a single entry for 0.0.0.0/0 passes all of them."
    )


def blocks_of_list(
    configuration: Configuration, prefix_list_id: str | None, version: int
) -> tuple[Network | None, ...]:
    """The blocks of a prefix list, since a network ACL cannot contain the id of the list. A single None if the list was
    not read."""
    read = {prefix_list.prefix_list_id: prefix_list.cidrs for prefix_list in configuration.prefix_lists or ()}
    return tuple(cidr for cidr in read.get(prefix_list_id or "", ()) if cidr.version == version) or (None,)


def show_prefix_list(target: Target) -> Command:
    """Show the blocks of the prefix list that AWS keeps for a service with a gateway endpoint."""
    name = gateway_service_name_of(target.service, target.region) or "<SERVICE_NAME>"
    return read_only(
        *("aws", "ec2", "describe-prefix-lists", "--region", target.region),
        *("--filters", f"Name=prefix-list-name,Values={name}", "--query", "PrefixLists[].Cidrs"),
        scope=CommandScope.SUBNET,
    )
