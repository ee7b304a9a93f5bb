"""The answer of the VPC's resolver for a name, given its settings: endpoints, zones, Resolver rules, DNS Firewall, and
Route 53 Profiles that bring any of these.

For the same name, the VPC's own setting takes precedence over a Profile's. Otherwise, the more specific setting takes
precedence (Route 53 Developer Guide, What are Amazon Route 53 Profiles). For DNS Firewall this is not documented: the
VPC's own rules are assumed to come first. Private DNS of an endpoint is a private hosted zone of exactly the service's
name, for which Resolver has a rule of its own: that rule wins over rules for a parent domain, and a custom rule for the
same name wins over it (the same guide, Autodefined rules, and Considerations when working with a private hosted zone).
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from agent.catalog.services import (
    SERVICES,
    gateway_service_name_of,
    host_of,
)
from agent.catalog.wording import listed
from agent.network.answers import Answer, PredictedName
from agent.network.pending import Aspect, Pending, words_of
from agent.network.predictor import Predictor
from agent.settings import Ec2Facts
from probes.addresses import ordered, vpc_resolvers
from probes.frozen import dataclass
from probes.vpc.model import (
    AMAZON_DNS,
    AVAILABLE,
    DELETED,
    DHCP_OPTIONS,
    DNS_FIREWALL,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    PRIVATE_ZONES,
    PROFILES,
    READS,
    RESOLVER_RULES,
    VPC_DNS,
    VPC_ENDPOINT,
    Configuration,
    FirewallRule,
    GatewayEndpoint,
    PrivateZone,
    ProfileResource,
    ResolverRule,
    VpcEndpoint,
    configuration_of,
)

_AUTODEFINED: Final = "rslvr-autodefined"
"""The prefix of the ids of the rules that Resolver itself gives a VPC (Route 53 Developer Guide, Using rules to specify
how to handle DNS queries)."""
_RECORD_OF: Final = {4: "A", 6: "AAAA"}


# --- Settings that apply to a name ------------------------------------------------------------------------------------


def resolver_rule_for(configuration: Configuration, host: str) -> ResolverRule | None:
    """The rule that forwards a name: the most specific rule that matches, if it is a forwarding rule."""
    own = configuration.resolver_rules or ()
    brought = configuration.brought
    fitting = [
        rule for rule in (*own, *(() if brought is None else brought.rules)) if _is_at_or_below(host, rule.domain)
    ]
    # A custom rule wins over a rule of the same domain that Resolver itself gave the VPC.
    first = max(
        fitting,
        key=lambda rule: (
            len(rule.domain),
            not rule.rule_id.startswith(_AUTODEFINED),
            profile_of(configuration, rule.rule_id) is None,
            rule.kind == "SYSTEM",
        ),
        default=None,
    )
    return first if first is not None and first.kind == "FORWARD" else None


def firewall_rule_for(configuration: Configuration, host: str, record: str) -> FirewallRule | None:
    """The DNS Firewall rule that decides a question for records of that type: the first rule that matches and does more
    than alert. None if there is no such rule, or if it is unknown."""
    rule = _first_firewall_rule(configuration, host, record)
    return None if rule is None or rule.domains is None else rule


def _first_firewall_rule(configuration: Configuration, host: str, record: str) -> FirewallRule | None:
    """The first rule that matches, or that may match because its list belongs to AWS and cannot be read."""
    brought = configuration.brought
    for rule in (*(configuration.firewall or ()), *(() if brought is None else brought.firewall)):
        if rule.action == "ALERT" or rule.query_type not in (None, record):
            continue
        if rule.domains is None or any(is_matched(host, domain) for domain in rule.domains):
            return rule
    return None


def is_matched(host: str, entry: str) -> bool:
    """Whether an entry of a domain list matches a name. A `*` can only be its first label, and matches one label or
    more (Route 53 Developer Guide, DNS Firewall domain lists)."""
    if entry.startswith("*"):
        return host.endswith(entry[1:]) and host != entry[1:]
    return host == entry


def private_zone_for(configuration: Configuration, host: str, *, exact: bool = False) -> PrivateZone | None:
    """The most specific private hosted zone that contains a name. Zones made by AWS are ignored."""
    brought = configuration.brought
    fitting = [
        zone
        for zone in (*(configuration.zones or ()), *(() if brought is None else brought.zones))
        if not zone.of_service and (zone.name == host if exact else _is_at_or_below(host, zone.name))
    ]
    return max(
        fitting, key=lambda zone: len(zone.name), default=None
    )  # the first of several equal zones, which is the VPC's own


def profile_of(configuration: Configuration, resource_id: str) -> ProfileResource | None:
    """The Profile resource with this id, if a Profile brings it to the VPC. None for the VPC's own resources."""
    own = (
        *(zone.zone_id for zone in configuration.zones or ()),
        *(rule.rule_id for rule in configuration.resolver_rules or ()),
        *(rule.group_id for rule in configuration.firewall or ()),
    )
    if configuration.profiles is None or resource_id in own:
        return None
    return next((brought for brought in configuration.profiles.resources if brought.resource_id == resource_id), None)


def unread_of_profiles(configuration: Configuration, account: str | None) -> tuple[ProfileResource, ...]:
    """Resources that Profiles bring to the VPC and that could not be read. They may apply to any name. They are zones,
    rules and groups that belong to other accounts than `account` or that are too many, and endpoints of other
    accounts."""
    if configuration.profiles is None:
        return ()
    known = {endpoint.endpoint_id for endpoint in configuration.endpoints or ()}
    brought = configuration.brought
    return tuple(
        resource
        for resource in configuration.profiles.resources
        if (
            resource.resource_id not in known and (configuration.endpoints is None or resource.owner_id != account)
            if resource.kind == VPC_ENDPOINT
            else brought is None or resource.resource_id in brought.unread
        )
    )


def _is_at_or_below(host: str, domain: str) -> bool:
    return domain in ("", host) or host.endswith(f".{domain}")


# --- The resolver's answer --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHost:
    """An instance that a plan makes in place of another one. It may get any address of its subnet."""

    instance_id: str
    """The instance that it replaces."""
    subnet_id: str
    group_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVpc:
    """A VPC, the configuration that was read of it, and how complete that is."""

    vpc_id: str
    region: str
    configuration: Configuration
    dropped: frozenset[str]
    """Reads that left rows out. A missing row may still exist."""
    account_id: str | None = None
    """The account that read the configuration, if another source shows it."""
    pending: tuple[Pending, ...] = ()
    """Aspects that are known only after an assumed plan is applied."""
    unplaced: frozenset[tuple[str, str]] = frozenset()
    """Endpoints and subnets in which a plan makes an interface. Its address is unknown, so the interface gets one
    address in each part of the subnet that rules tell apart (`agent.network.new_endpoints`)."""
    new_hosts: tuple[NewHost, ...] = ()

    def unsettled(self, resource_ids: Iterable[str], aspect: Aspect) -> str | None:
        """The reason why this aspect of one of these resources is unknown until a plan is applied; None if it is known
        for all of them."""
        pending = words_of(self.pending)
        return next((words for one in resource_ids if (words := pending.get((one, aspect)))), None)

    @property
    def account(self) -> str | None:
        """The account that read the configuration; None if unknown. This account sees its own endpoints. In a VPC that
        another account shares with it, it sees only its own interfaces."""
        if self.account_id is not None:
            return self.account_id
        own = {endpoint.owner_id for endpoint in self.configuration.endpoints or ()}
        own |= {gateway.owner_id for gateway in self.configuration.gateway_endpoints or ()}
        own -= {None}
        if len(own) == 1:
            return own.pop()
        interfaces = self.configuration.interfaces or ()
        owners = {interface.owner_id for interface in interfaces if interface.vpc_id == self.vpc_id} - {None}
        owner = self.owner
        return owner if owner in owners else owners.pop() if len(owners) == 1 else None

    @property
    def owner(self) -> str | None:
        vpc = self.configuration.vpc
        return None if vpc is None or vpc.vpc_id != self.vpc_id else vpc.owner_id

    @property
    def is_own(self) -> bool | None:
        """Whether the VPC belongs to that account, so that all its endpoints can be seen; None if unknown."""
        account, owner = self.account, self.owner
        return None if account is None or owner is None else account == owner

    @property
    def hides_endpoints(self) -> str | None:
        """The reason why the VPC may have endpoints that this account does not see; None if it sees all."""
        if self.is_own is None:
            return f"only the owner of {self.vpc_id} sees its endpoints, and whether this account owns it is unknown"
        hidden = f"{self.vpc_id} belongs to another account, and only that account sees the endpoints"
        return None if self.is_own else hidden

    def endpoints(self, service: str, *, here: bool = True) -> tuple[VpcEndpoint, ...] | None:
        """The endpoints of a service, except deleted ones: those in this VPC or, with `here` false, in the whole
        account and Region. None if they were not read."""
        listed_ones, asked = self.configuration.endpoints, self.configuration.endpoint_services
        labels = {link.label for link in SERVICES[service].links(fips=False)}
        if listed_ones is None or asked is None or not labels <= set(asked):
            return None
        return tuple(
            endpoint
            for endpoint in listed_ones
            if endpoint.service_name.rpartition(".")[2] in labels
            and endpoint.state != DELETED
            and (not here or endpoint.vpc_id == self.vpc_id)
        )

    def gateways(self, service: str) -> tuple[GatewayEndpoint, ...]:
        """The gateway endpoints of a service in this VPC that were read."""
        name = gateway_service_name_of(service, self.region)
        return tuple(
            gateway
            for gateway in self.configuration.gateway_endpoints or ()
            if gateway.service_name == name and gateway.vpc_id == self.vpc_id and gateway.state != DELETED
        )


def known_vpc(facts: Ec2Facts, account_id: str | None = None) -> KnownVpc:
    """A VPC as a facts file or new reads show it. `account_id` is the account that made the reads, if it is known from
    elsewhere."""
    answered = (observation for observation in facts.observations if observation.ok)
    read = {str(one.subject.operation): one.facts for one in answered if one.facts is not None}
    return KnownVpc(
        vpc_id=facts.vpc_id,
        region=facts.region,
        configuration=configuration_of(read),
        dropped=frozenset(operation for operation, held in read.items() if getattr(held, "dropped", 0)),
        account_id=account_id,
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer, and the setting that decides it."""

    answer: Answer
    words: str
    code: str | None = None
    decided_by: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()
    endpoints: tuple[VpcEndpoint, ...] = ()
    withheld: frozenset[int] = frozenset()
    """Families of addresses that DNS Firewall removes from the answer."""


def predicted_name(
    known: KnownVpc, predictor: Predictor, service: str, *, counts: bool, by_resolver: bool = False
) -> PredictedName:
    """The answer that hosts of the VPC get for the default host of a service. With `by_resolver`, it is the answer of
    the VPC's resolver even if the hosts ask other name servers, because these may ask the resolver."""
    host = host_of(service, known.region, fips=False, dual_stack=False)
    said = _said(known, service, host, by_resolver=by_resolver)
    interfaces = known.configuration.endpoint_interfaces or ()
    return PredictedName(
        service=service,
        host=host,
        counts=counts,
        answer=said.answer,
        addresses=ordered(
            address
            for interface in interfaces
            for endpoint in said.endpoints
            if interface.interface_id in endpoint.interface_ids or predictor.endpoint_of(interface) is endpoint
            if (endpoint.endpoint_id, interface.subnet_id) not in known.unplaced
            for address in interface.addresses
            if is_given(endpoint, address.version) and address.version not in said.withheld
        ),
        endpoint_ids=tuple(endpoint.endpoint_id for endpoint in said.endpoints),
        zones=tuple(
            sorted(
                {
                    interface.availability_zone
                    for interface in interfaces
                    for endpoint in said.endpoints
                    if interface.interface_id in endpoint.interface_ids and interface.availability_zone is not None
                }
            )
        ),
        code=said.code,
        decided_by=said.decided_by,
        quoted=said.quoted,
        words=said.words,
    )


def is_given(endpoint: VpcEndpoint, version: int) -> bool:
    """Whether the endpoint's names resolve to its addresses of a family (EC2 API, DnsOptions)."""
    return endpoint.dns_record_type not in ("ipv4", "ipv6") or endpoint.dns_record_type == f"ipv{version}"


def _said(known: KnownVpc, service: str, host: str, *, by_resolver: bool) -> _Said:
    configuration = known.configuration
    there = known.endpoints(service)
    concerned = (known.vpc_id, *(endpoint.endpoint_id for endpoint in there or ()))
    if (unsettled := known.unsettled(concerned, Aspect.NAME)) is not None:
        return _Said(answer=Answer.CANNOT_TELL, words=unsettled)
    for decide in (_by_attributes,) if by_resolver else (_by_dhcp_options, _by_attributes):
        if (said := decide(known)) is not None:
            return said
    covering = _covering(service, host, there or ())
    said, withheld, by = _by_firewall(known, host, _versions(known, covering))
    if said is not None:
        return said
    rule, zone = resolver_rule_for(configuration, host), private_zone_for(configuration, host)
    dns = configuration.dns
    in_effect = bool(covering) and dns is not None and dns.hostnames
    is_rule_first = rule is not None and (rule.domain == host or not in_effect)
    if rule is not None and is_rule_first and not (zone is not None and len(zone.name) > len(rule.domain)):
        servers = listed(rule.targets) if rule.targets else "other servers"
        words = f"the Resolver rule {rule.rule_id} sends {rule.domain or '.'} and all names below it to {servers}, "
        return _unsure(f"{words}and the answers from there cannot be seen", "VPC015", known, rule.rule_id, rule.domain)
    if zone is not None and (zone.name == host or not in_effect):
        words = f"the private hosted zone {zone.name} ({zone.zone_id}) answers for the name, and its records are not "
        return _unsure(f"{words}read", "VPC016", known, zone.zone_id, zone.name)
    missing = _unread(configuration, (RESOLVER_RULES, PRIVATE_ZONES))
    if missing is None and {RESOLVER_RULES, PRIVATE_ZONES} & known.dropped:
        missing = "rows of the Resolver rules or hosted zones have a form that is not known"
    if missing is not None:
        return _Said(answer=Answer.CANNOT_TELL, words=missing)
    if in_effect:
        private = _by_private_dns(known, covering)
        if not withheld:
            return private
        families = listed(f"IPv{version}" for version in sorted(withheld))
        return replace(private, words=f"{private.words}, without its {families} addresses: {by}", withheld=withheld)
    return _without_private_dns(known, service, host, there)


def _by_dhcp_options(known: KnownVpc) -> _Said | None:
    """The answer if the VPC's hosts do not use the VPC's resolver, or if it is unknown which resolver they use."""
    options, vpc = known.configuration.dhcp_options, known.configuration.vpc
    if options is None:
        return _Said(answer=Answer.CANNOT_TELL, words=_not_read(DHCP_OPTIONS))
    own = {AMAZON_DNS, *map(str, vpc_resolvers(None, () if vpc is None else vpc.cidrs))}
    others = [server for server in options.name_servers if server not in own]
    if not options.name_servers:
        words = f"the DHCP options {options.options_id} name no name server"
        return _Said(answer=Answer.CANNOT_TELL, words=words, decided_by=(options.options_id,))
    if others:
        words = f"the DHCP options {options.options_id} name {listed(others)}, whose answers cannot be seen"
        return _Said(answer=Answer.CANNOT_TELL, words=words, code="VPC011", decided_by=(options.options_id,))
    return None


def _by_attributes(known: KnownVpc) -> _Said | None:
    dns = known.configuration.dns
    if dns is None:
        return _Said(answer=Answer.CANNOT_TELL, words=_not_read(VPC_DNS))
    if dns.support:
        return None
    words = f"enableDnsSupport of {known.vpc_id} is false: the VPC has no resolver"
    return _Said(answer=Answer.NOTHING, words=words, code="VPC003", decided_by=(known.vpc_id,))


def _by_firewall(
    known: KnownVpc, host: str, versions: Collection[int]
) -> tuple[_Said | None, frozenset[int], str | None]:
    """The answer that DNS Firewall gives instead of the resolver. None if it lets the question pass. Also returns the
    address families that DNS Firewall removes from the answer, and the reason in words."""
    configuration = known.configuration
    if configuration.firewall is None or DNS_FIREWALL in known.dropped:
        return _Said(answer=Answer.CANNOT_TELL, words=_not_read(DNS_FIREWALL)), frozenset(), None
    blocked: dict[int, _Said] = {}
    for version in sorted(versions):
        rule = _first_firewall_rule(configuration, host, _RECORD_OF[version])
        if rule is None or rule.action == "ALLOW":
            continue
        said = _blocked(known, rule)
        if said.answer is Answer.CANNOT_TELL:
            return said, frozenset(), None
        blocked[version] = said
    if blocked and len(blocked) == len(versions):
        return next(iter(blocked.values())), frozenset(), None
    by = next((said.words for said in blocked.values()), None)
    return _by_unread_profiles(known), frozenset(blocked), by


def _blocked(known: KnownVpc, rule: FirewallRule) -> _Said:
    """The answer of a blocking rule."""
    code = _code("VPC017", known, rule.group_id)
    decided_by = tuple(filter(None, (rule.group_id, rule.domain_list_id)))
    group = f"the DNS Firewall rule group {rule.group_id}"
    if rule.domains is None:
        words = f"{group} blocks the names of {rule.domain_list_id}, which were not read"
        if rule.domain_list_id is None:
            words = f"{group} blocks names by how they look (DNS Firewall Advanced), and these names cannot be seen"
        return _Said(answer=Answer.CANNOT_TELL, words=words, decided_by=decided_by)
    words = f"{group} blocks the name (domain list {rule.domain_list_id}) and answers {rule.block_response}"
    if rule.block_response == "OVERRIDE":
        words += f" with {rule.override}, and nothing shows where that leads"
        quoted = () if rule.override is None else (rule.override,)
        return _Said(Answer.CANNOT_TELL, words, code, decided_by, quoted)
    return _Said(answer=Answer.NOTHING, words=words, code=code, decided_by=decided_by)


def _by_unread_profiles(known: KnownVpc) -> _Said | None:
    """The answer if a Profile brings something that was not read; None if no Profile does."""
    configuration = known.configuration
    groups = [
        resource.resource_id
        for resource in unread_of_profiles(configuration, known.account)
        if resource.kind not in (VPC_ENDPOINT,)
    ]
    if configuration.profiles is None or PROFILES in known.dropped:
        return _Said(answer=Answer.CANNOT_TELL, words=_not_read(PROFILES))
    if groups:
        words = f"a Route 53 Profile brings {listed(groups)}, which could not be read and may be for the name"
        return _Said(answer=Answer.CANNOT_TELL, words=words, decided_by=tuple(groups))
    return None


def _covering(service: str, host: str, there: Iterable[VpcEndpoint]) -> tuple[VpcEndpoint, ...]:
    """The available endpoints whose private DNS has the name. For a service with gateway endpoints, private DNS may be
    on only for Resolver's inbound endpoints (EC2 API, DnsOptions); that setting is not read."""
    if SERVICES[service].has_gateway_endpoint:
        return ()
    return tuple(
        endpoint
        for endpoint in there
        if endpoint.state == AVAILABLE and endpoint.private_dns and host in endpoint.dns_names
    )


def _versions(known: KnownVpc, covering: Iterable[VpcEndpoint]) -> set[int]:
    """The address families that private DNS would give; IPv4 if they are unknown."""
    interfaces = known.configuration.endpoint_interfaces or ()
    return {
        address.version
        for endpoint in covering
        for interface in interfaces
        if interface.interface_id in endpoint.interface_ids
        for address in interface.addresses
        if is_given(endpoint, address.version)
    } or {4}


def _by_private_dns(known: KnownVpc, covering: tuple[VpcEndpoint, ...]) -> _Said:
    names = listed(endpoint.endpoint_id for endpoint in covering)
    ids = tuple(endpoint.endpoint_id for endpoint in covering)
    unread = known.configuration.endpoint_interfaces is None
    words = f"private DNS of {names}"
    if unread:
        words += f", whose addresses are not known: {_not_read(ENDPOINT_INTERFACES)}"
    return _Said(answer=Answer.PRIVATE, words=words, decided_by=ids, endpoints=covering)


def _without_private_dns(known: KnownVpc, service: str, host: str, there: tuple[VpcEndpoint, ...] | None) -> _Said:
    """The answer if no endpoint, zone or rule of this VPC matches the name. It comes from a Profile's resource, or
    otherwise from public DNS."""
    if there is None or ENDPOINTS in known.dropped:
        return _Said(answer=Answer.CANNOT_TELL, words=_not_read(ENDPOINTS))
    configuration = known.configuration
    resources = () if configuration.profiles is None else configuration.profiles.resources
    brought_ids = {resource.resource_id for resource in resources if resource.kind == VPC_ENDPOINT}
    everywhere = known.endpoints(service, here=False) or ()
    brought = _covering(service, host, (end for end in everywhere if end.endpoint_id in brought_ids))
    unread = [
        resource.resource_id
        for resource in unread_of_profiles(configuration, known.account)
        if resource.kind == VPC_ENDPOINT
    ]
    ids = tuple(endpoint.endpoint_id for endpoint in there)
    dns = configuration.dns
    has_gateways = SERVICES[service].has_gateway_endpoint
    if brought:
        decided_by = tuple(endpoint.endpoint_id for endpoint in brought)
        words = f"private DNS of {listed(decided_by)}, which a Route 53 Profile brings"
        return _Said(Answer.PRIVATE, words, None, decided_by, (), brought)
    if unread:
        words = f"a Route 53 Profile brings {listed(unread)}, an endpoint of another account that may be for the name"
        return _Said(answer=Answer.CANNOT_TELL, words=words, decided_by=tuple(unread))
    if (hidden := known.hides_endpoints) is not None:
        return _Said(answer=Answer.CANNOT_TELL, words=hidden)
    if has_gateways and any(endpoint.private_dns for endpoint in there):
        words = f"private DNS of {listed(ids)} may be only for Resolver's inbound endpoints, which is not read"
        return _Said(answer=Answer.CANNOT_TELL, words=words, decided_by=ids)
    if gateways := known.gateways(service):
        names = listed(gateway.endpoint_id for gateway in gateways)
        words = f"the public addresses, to which the gateway endpoint {names} leads"
        return _Said(Answer.PUBLIC, words, None, tuple(gateway.endpoint_id for gateway in gateways))
    if not there:
        words = f"{known.vpc_id} has no interface endpoint of {service}"
        return _Said(answer=Answer.PUBLIC, words=words, code="VPC001", decided_by=(known.vpc_id,))
    named = [endpoint for endpoint in there if endpoint.private_dns and host in endpoint.dns_names]
    if any(endpoint.state == AVAILABLE for endpoint in named) and dns is not None and not dns.hostnames:
        words = f"private DNS is not in effect, since enableDnsHostnames of {known.vpc_id} is false"
        return _Said(answer=Answer.PUBLIC, words=words, code="VPC003", decided_by=(known.vpc_id,))
    if named:
        states = listed(f"{endpoint.endpoint_id} has the state {endpoint.state}" for endpoint in named)
        return _Said(answer=Answer.CANNOT_TELL, words=states, code="VPC004", decided_by=ids)
    if any(endpoint.private_dns for endpoint in there):
        words = f"private DNS of {listed(ids)} is on, but {host} is not among its names"
        return _Said(answer=Answer.PUBLIC, words=words, decided_by=ids)
    words = f"private DNS of {listed(ids)} is off"
    return _Said(answer=Answer.PUBLIC, words=words, code="VPC002", decided_by=ids)


def _unsure(words: str, code: str, known: KnownVpc, resource_id: str, name: str) -> _Said:
    quoted = (name,) if name else ()
    return _Said(Answer.CANNOT_TELL, words, _code(code, known, resource_id), (resource_id,), quoted)


def _code(code: str, known: KnownVpc, resource_id: str) -> str:
    """The code or, if a Profile brings the setting, VPC018."""
    return code if profile_of(known.configuration, resource_id) is None else "VPC018"


def _unread(configuration: Configuration, reads: Iterable[str]) -> str | None:
    values = {RESOLVER_RULES: configuration.resolver_rules, PRIVATE_ZONES: configuration.zones}
    return next((_not_read(read) for read in reads if values[read] is None), None)


def _not_read(read: str) -> str:
    return f"{READS[read].words} were not read"
