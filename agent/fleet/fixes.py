"""One fix a cause, with the ids of its subjects.

Commands are made of the code and of ids that have the strict form of their kind, never of the text of a record. Where
many hosts have a fault, what a host was told about itself alone is left out, unless each measured the fault on itself.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from agent.catalog.findings import CODES, Radius
from agent.catalog.partitions import is_region
from agent.catalog.placeholders import FORMS
from agent.catalog.services import SERVICES
from agent.catalog.wording import counted, listed, listed_briefly
from agent.fixes.commands import (
    APPLIANCE,
    allow,
    blocks_alone,
    describe_endpoint,
    interfaces_at,
    known_id,
    let_out,
    permission_to_list,
    ranges,
    read_only,
    show_endpoints,
    show_prefix_list,
    switch_on,
)
from agent.fixes.placeholders import filled
from agent.fixes.predicted import target_in
from agent.fleet.causes import NamedCause
from agent.fleet.faults import radius_of, subjects_of
from agent.fleet.model import Attribute, NamedBy, SharedValue
from agent.report.hops import Ports
from agent.report.model import Command, CommandScope, FindingSubject, Fix, SubjectKind
from probes.frozen import dataclass
from probes.ids import command_form
from probes.model import Address, Target
from probes.ports import HTTPS

_REGION: Final = "<REGION>"
_HOSTS: Final = "<SUBNET_CIDR_OF_THE_HOSTS>"
_IMAGE: Final = command_form("ami")
_BY_ELIMINATION: Final = frozenset({"TCP001", "TCP002", "TCP003", "TCP004", "TCP006", "TCP008"})
"""What a host measures on the way to an endpoint: where EC2 lets the traffic pass, or it reads nothing of EC2, it is
told to look at its own firewall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do about a cause, and what the fleet adds."""

    fix: Fix
    note: str | None


@dataclass(frozen=True, slots=True)
class _About:
    """What the fix of a cause is made of."""

    cause: NamedCause
    target: Target
    subjects: tuple[FindingSubject, ...]
    groups: tuple[str, ...]
    """Security groups that all hosts with the fault have."""

    def ids(self, kind: SubjectKind) -> list[str]:
        return [subject.id for subject in self.subjects if subject.kind is kind]

    def id(self, kind: SubjectKind, placeholder: str) -> str:
        """The first id of a kind for a command."""
        return next((id_ for id_ in self.ids(kind) if FORMS[placeholder].fullmatch(id_)), known_id(None, placeholder))

    @property
    def ports(self) -> tuple[int, ...]:
        """Those of the key; 443 where it names none."""
        numbers = (int(id_) for id_ in self.ids(SubjectKind.PORT) if id_.isascii() and id_.isdecimal() and len(id_) < 6)
        return tuple(sorted({number for number in numbers if 0 < number < 2**16})) or (HTTPS,)

    def addresses(self, kind: SubjectKind = SubjectKind.ADDRESS) -> list[Address]:
        """The subjects of a kind that are addresses, as they ought to be."""
        found = []
        for text in self.ids(kind):
            try:
                found.append(ip_address(text))
            except ValueError:
                continue
        return found


def advice_for(cause: NamedCause, regions: Sequence[str], groups: Sequence[str], central: Fix | None) -> Advice:
    """What to do: `regions` are those of the hosts, the most frequent first; `groups` are security groups that all of
    them have; `central` is what the predictor says, which knows the whole configuration."""
    region = next((region for region in regions if is_region(region)), _REGION)
    service = next((service for service in cause.services if service in SERVICES), "backup")
    about = _About(cause, target_in(region, service), subjects_of(cause.key), tuple(groups))
    fix = _fix(about) if central is None else central
    if cause.shared is not None and cause.named_by is not NamedBy.CONFIGURATION:
        fix = replace(fix, commands=(*fix.commands, *_show_shared(about, cause.shared.values)))
    return Advice(fix=filled(fix, {}), note=_note(cause))


def _fix(about: _About) -> Fix:
    code = about.cause.code
    if code in _BY_CODE:
        return _BY_CODE[code](about)
    if radius_of(code) is Radius.HOST:
        return Fix(
            summary="Fix it once in what these hosts are made of, the image or the configuration management that they "
            "share, and roll that out; single hosts get it back otherwise.",
            commands=(_explain(code),),
        )
    return Fix(
        summary=f"{_WHERE[radius_of(code)]} What the page of {code} says holds for all of them.",
        commands=(_explain(code),),
    )


_WHERE: Final = {
    Radius.HOST: "Fix it on the hosts.",
    Radius.SUBNET: "Fix it at the subnet: its route table, its network ACL.",
    Radius.ENDPOINT: "Fix it at the endpoint, not on the hosts.",
    Radius.VPC: "Fix it in the VPC, not on the hosts.",
    Radius.ACCOUNT: "Fix it in the account, not on the hosts.",
}


def _explain(code: str) -> Command:
    return read_only("backuplink", "explain", code if code in CODES else "<CODE>")


# --- What the configuration names ------------------------------------------------------------------------------------


def _admit(about: _About) -> Fix:
    """VPC005."""
    group = about.id(SubjectKind.GROUP, "<ENDPOINT_SECURITY_GROUP_ID>")
    spans = ranges(about.ports)
    if SERVICES[about.target.service].has_appliance and any(port != HTTPS for port in about.ports):
        whom = f"the appliance's subnet ({APPLIANCE})"
        commands = tuple(allow(about.target, low, APPLIANCE, group, last=high) for low, high in spans)
    elif (source := _first_group(about.groups)) is not None:
        whom = f"{source}, which all of these hosts have"
        commands = tuple(_allow_group(about.target, span, source, group) for span in spans)
    else:
        whom = "the subnets of these hosts"
        commands = tuple(allow(about.target, low, _HOSTS, group, last=high) for low, high in spans)
    return Fix(summary=f"Allow {listed(about.ports)} in {group} from {whom}.", commands=commands)


def _first_group(groups: Iterable[str]) -> str | None:
    return next((group for group in groups if FORMS["<INSTANCE_SECURITY_GROUP_ID>"].fullmatch(group)), None)


def _allow_group(target: Target, span: Ports, source: str, group: str) -> Command:
    by_address = allow(target, span[0], _HOSTS, group, last=span[1])
    return replace(by_address, argv=(*by_address.argv[:-2], "--source-group", source))


def _let_out(about: _About) -> Fix:
    """VPC012."""
    group = about.id(SubjectKind.GROUP, "<INSTANCE_SECURITY_GROUP_ID>")
    spans = ranges(about.ports)
    if SERVICES[about.target.service].has_gateway_endpoint:
        permitted = [permission_to_list(span, about.id(SubjectKind.PREFIX_LIST, "<PREFIX_LIST_ID>")) for span in spans]
    else:
        permitted = [
            (
                *("--protocol", "tcp", "--port", str(low) if low == high else f"{low}-{high}"),
                *("--source-group", "<ENDPOINT_SECURITY_GROUP_ID>"),
            )
            for low, high in spans
        ]
    return Fix(
        summary=f"In {group}, let {listed(about.ports)} out to the endpoint; that holds for every host with the group.",
        commands=tuple(let_out(about.target, group, words) for words in permitted),
    )


def _show_acl(about: _About) -> Fix:
    """VPC006."""
    acl = about.id(SubjectKind.ACL, "<NETWORK_ACL_ID>")
    is_listed = SERVICES[about.target.service].has_gateway_endpoint
    return Fix(
        summary=f"Let {listed(about.ports)} pass {acl}, with the answers on ports 1024 to 65535, in front of the entry "
        f"that denies. Its entries hold for the whole subnet.{f' {blocks_alone(about.target)}' if is_listed else ''}",
        commands=(
            *((show_prefix_list(about.target),) if is_listed else ()),
            _show("describe-network-acls", about.target.region, "--network-acl-ids", acl, CommandScope.SUBNET),
        ),
    )


def _show_routes(about: _About) -> Fix:
    """VPC007."""
    table = about.id(SubjectKind.ROUTE_TABLE, "<ROUTE_TABLE_ID>")
    return Fix(
        summary=f"Give {table} a route to the other end, or fix the one that is taken. A route holds for every host of "
        "its subnets.",
        commands=(
            _show("describe-route-tables", about.target.region, "--route-table-ids", table, CommandScope.SUBNET),
        ),
    )


def _add_route_table(about: _About) -> Fix:
    """VPC019."""
    table = about.id(SubjectKind.ROUTE_TABLE, "<ROUTE_TABLE_ID>")
    return Fix(
        summary=f"Add {table} to the gateway endpoint: it then has the route, for every host of its subnets.",
        commands=(
            Command(
                argv=(
                    *("aws", "ec2", "modify-vpc-endpoint", "--region", about.target.region, "--vpc-endpoint-id"),
                    *(about.id(SubjectKind.ENDPOINT, "<VPC_ENDPOINT_ID>"), "--add-route-table-ids", table),
                ),
                scope=CommandScope.SUBNET,
                changes=True,
                reversible=True,
                undo="the same command with --remove-route-table-ids in place of --add-route-table-ids",
            ),
        ),
    )


def _make_endpoint(about: _About) -> Fix:
    """VPC001."""
    vpc = about.id(SubjectKind.VPC, "<VPC_ID>")
    return Fix(
        summary=f"Create an interface endpoint of {about.target.service} in {vpc}, with a security group that allows "
        "its ports from every host that needs it. See which endpoints the account has:",
        commands=(describe_endpoint(about.target),),
    )


def _turn_on_private_dns(about: _About) -> Fix:
    """VPC002."""
    endpoint = about.id(SubjectKind.ENDPOINT, "<VPC_ENDPOINT_ID>")
    if SERVICES[about.target.service].has_appliance:
        return Fix(
            summary="Decide first what the VPC holds: appliances that use public names can lose these with private DNS "
            f"on (DNS014), programs need it. Then turn it on for {endpoint}, or set their endpoint.",
            commands=(describe_endpoint(about.target),),
        )
    return Fix(
        summary="First let the endpoint's security group allow 443 from every caller of the VPC, since all use it from "
        "then on; then turn on private DNS.",
        commands=(
            switch_on(about.target, "modify-vpc-endpoint", "--vpc-endpoint-id", endpoint, "--private-dns-enabled"),
        ),
    )


def _turn_on_attributes(about: _About) -> Fix:
    """VPC003."""
    vpc = about.id(SubjectKind.VPC, "<VPC_ID>")
    return Fix(
        summary="Turn on the VPC's DNS attributes, which every host of the VPC feels.",
        commands=tuple(
            switch_on(about.target, "modify-vpc-attribute", "--vpc-id", vpc, switch)
            for switch in ("--enable-dns-support", "--enable-dns-hostnames")
        ),
    )


def _show_state(about: _About) -> Fix:
    """VPC004."""
    endpoint = about.id(SubjectKind.ENDPOINT, "<VPC_ENDPOINT_ID>")
    return Fix(summary=f"See why {endpoint} is not available.", commands=(_endpoint(about, endpoint),))


def _endpoint(about: _About, endpoint: str) -> Command:
    return _show("describe-vpc-endpoints", about.target.region, "--vpc-endpoint-ids", endpoint, CommandScope.ENDPOINT)


def _show_endpoint_policy(about: _About) -> Fix:
    """VPC008, IAM001 and IAM002."""
    if not about.ids(SubjectKind.ENDPOINT):
        return Fix(
            summary="Let the policy of the endpoint allow the calls. See the endpoints with their policies:",
            commands=(describe_endpoint(about.target),),
        )
    endpoint = about.id(SubjectKind.ENDPOINT, "<VPC_ENDPOINT_ID>")
    return Fix(
        summary=f"Let the policy of {endpoint} allow the calls of these hosts' roles.",
        commands=(
            read_only(
                *show_endpoints(about.target, (), "VpcEndpoints[].PolicyDocument").argv[:-4],
                *(endpoint, "--query", "VpcEndpoints[].PolicyDocument", "--output", "text"),
                scope=CommandScope.ENDPOINT,
            ),
        ),
    )


def _show_dhcp_options(about: _About) -> Fix:
    """VPC011."""
    options = about.id(SubjectKind.DHCP_OPTIONS, "<DHCP_OPTIONS_ID>")
    return Fix(
        summary=f"Make the name servers of {options} forward the names of the service to the VPC's resolver, or use "
        "AmazonProvidedDNS.",
        commands=(
            _show("describe-dhcp-options", about.target.region, "--dhcp-options-ids", options, CommandScope.VPC),
        ),
    )


def _show_rule(about: _About) -> Fix:
    """VPC015."""
    rule = about.id(SubjectKind.RULE, "<RESOLVER_RULE_ID>")
    return Fix(
        summary="Let the VPC answer the names of the service itself: a rule of type SYSTEM for them, which is more "
        "specific than the one that forwards.",
        commands=(
            read_only(
                *("aws", "route53resolver", "get-resolver-rule", "--region", about.target.region),
                *("--resolver-rule-id", rule),
                scope=CommandScope.VPC,
            ),
        ),
    )


def _show_zone(about: _About) -> Fix:
    """VPC016."""
    zone = about.id(SubjectKind.HOSTED_ZONE, "<HOSTED_ZONE_ID>")
    return Fix(
        summary="See whether the zone has the names of the service as aliases to an endpoint's own DNS name.",
        commands=(
            read_only(
                *("aws", "route53", "list-resource-record-sets", "--hosted-zone-id", zone), scope=CommandScope.VPC
            ),
        ),
    )


def _show_firewall(about: _About) -> Fix:
    """VPC017."""
    group = about.id(SubjectKind.RULE, "<FIREWALL_RULE_GROUP_ID>")
    return Fix(
        summary="Have the owner of the group allow the names of the service: an ALLOW rule with a lower priority "
        "number than the rule that blocks.",
        commands=(
            read_only(
                *("aws", "route53resolver", "list-firewall-rules", "--region", about.target.region),
                *("--firewall-rule-group-id", group),
                scope=CommandScope.VPC,
            ),
        ),
    )


def _show_profile(about: _About) -> Fix:
    """VPC018."""
    profile = about.id(SubjectKind.PROFILE, "<PROFILE_ID>")
    return Fix(
        summary="See whose the Route 53 Profile is and what it brings. Private DNS of an endpoint of the VPC comes "
        "before its zones.",
        commands=(
            read_only(
                *("aws", "route53profiles", "list-profile-resource-associations", "--region", about.target.region),
                *("--profile-id", profile),
                scope=CommandScope.VPC,
            ),
        ),
    )


# --- What was measured -----------------------------------------------------------------------------------------------


def _compare_ends(about: _About) -> Fix:
    """Connections: what the hosts cannot see is at the other end or between."""
    addresses = about.addresses()
    where = f" at {listed_briefly(addresses)}" if addresses else ""
    return Fix(
        summary=f"Look at the way to the endpoint{where}, not at the hosts: its security groups and state, the network "
        "ACL and the routes of its subnet and of the hosts', firewalls between them. With facts of EC2, which "
        "backuplink facts takes centrally, the fleet names the one.",
        commands=(*interfaces_at(about.target.region, addresses), describe_endpoint(about.target)),
    )


def _ask_name_servers(about: _About) -> Fix:
    """Names: the servers that answer otherwise."""
    servers = about.addresses(SubjectKind.RESOLVER)
    whose = f"the name servers {listed_briefly(servers)}" if servers else "what answers names in the VPC"
    vpc = about.id(SubjectKind.VPC, "<VPC_ID>")
    show = (
        read_only(
            *("aws", "ec2", "describe-vpc-attribute", "--region", about.target.region),
            *("--vpc-id", vpc, "--attribute", "enableDnsSupport"),
            scope=CommandScope.VPC,
        ),
    )
    return Fix(
        summary=f"Fix {whose}: the names of the service have to be forwarded to the VPC's resolver, or answered with "
        "the addresses of the endpoint.",
        commands=(*(show if not servers else ()), _explain(about.cause.code)),
    )


def _show(operation: str, region: str, option: str, value: str, scope: CommandScope) -> Command:
    return read_only("aws", "ec2", operation, "--region", region, option, value, scope=scope)


_BY_CODE: Final[dict[str, Callable[[_About], Fix]]] = {
    "VPC001": _make_endpoint,
    "VPC002": _turn_on_private_dns,
    "VPC003": _turn_on_attributes,
    "VPC004": _show_state,
    "VPC005": _admit,
    "VPC006": _show_acl,
    "VPC007": _show_routes,
    "VPC008": _show_endpoint_policy,
    "VPC011": _show_dhcp_options,
    "VPC012": _let_out,
    "VPC015": _show_rule,
    "VPC016": _show_zone,
    "VPC017": _show_firewall,
    "VPC018": _show_profile,
    "VPC019": _add_route_table,
    "IAM001": _show_endpoint_policy,
    "IAM002": _show_endpoint_policy,
    **dict.fromkeys(sorted(_BY_ELIMINATION), _compare_ends),
    **dict.fromkeys(
        ("DNS001", "DNS002", "DNS003", "DNS004", "DNS005", "DNS006", "DNS008", "DNS010", "DNS013"), _ask_name_servers
    ),
}


# --- What they share -------------------------------------------------------------------------------------------------


def _show_shared(about: _About, values: Iterable[SharedValue]) -> list[Command]:
    """Show what the hosts with a fault share, where its id has the form of its kind."""
    region = about.target.region
    filters = {
        Attribute.GROUP: ("describe-security-groups", "group-id", FORMS["<INSTANCE_SECURITY_GROUP_ID>"]),
        Attribute.ENDPOINT: ("describe-vpc-endpoints", "vpc-endpoint-id", FORMS["<VPC_ENDPOINT_ID>"]),
        Attribute.SUBNET: ("describe-network-acls", "association.subnet-id", FORMS["<SUBNET_ID>"]),
        Attribute.VPC: ("describe-route-tables", "vpc-id", FORMS["<VPC_ID>"]),
        Attribute.IMAGE: ("describe-images", "image-id", _IMAGE),
    }
    shown = []
    for value in values:
        operation, name, form = filters.get(value.attribute, ("", "", None))
        if form is not None and form.fullmatch(value.value):
            words = f"Name={name},Values={value.value}"
            shown.append(_show(operation, region, "--filters", words, CommandScope.VPC))
    return shown


def _note(cause: NamedCause) -> str | None:
    """What the fleet says against, or beside, what each host says of itself."""
    share = f"{cause.member_count:,} of {counted(cause.exposed_count, 'host')} that could have it"
    shared = "" if cause.shared is None else listed(map(_named, cause.shared.values))
    if radius_of(cause.code) is Radius.HOST:
        compare = f"they share {shared}" if shared else "compare a host that has it with one that has not"
        return (
            f"The same fault on {counted(cause.member_count, 'host')}, each of which measured it on itself: look at "
            f"the image or the configuration management that they share ({compare})."
        )
    if cause.code in _BY_ELIMINATION:
        if 2 * cause.member_count >= cause.exposed_count:
            return f"{share} have it, so it is not the firewall of each of them, whatever their own reports say."
        if shared:
            return f"All of them share {shared}, so it is not the firewall of each of them, whatever their reports say."
    return None


def note_for_lone_hosts(code: str, hosts: int, well: int) -> str | None:
    """What is said of hosts with a fault of their own whose neighbours, of the same subnet, are well; None for a fault
    that a host measured on itself anyway."""
    if radius_of(code) is Radius.HOST or not well:
        return None
    whom = "It is this host" if hosts == 1 else "It is each of these hosts itself"
    return (
        f"{whom}: {counted(well, 'other host')} of the same {'subnet' if hosts == 1 else 'subnets'} "
        f"{'does' if well == 1 else 'do'} not have it. Look at {'its' if hosts == 1 else 'their'} own firewall and "
        "settings first."
    )


def _named(value: SharedValue) -> str:
    """`group sg-0a1b`, `instance type m5.large`."""
    return f"{value.attribute.value.replace('-', ' ')} {value.value}"
