"""Edits of a VPC's configuration: the things that can be added to it and removed from it.

A typed change, a plan and the command of a fix all become edits. Most edits add an item to one of a resource's lists
(`Member`), and `_LISTS` has a row for each such list. Other edits set a value of a resource (`Setting`, with rows in
`_SETTINGS`). Edits that EC2 would refuse raise AssumptionError, with a message for the operator.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, Protocol

from agent.catalog.services import SERVICES, host_of, service_name_of
from agent.catalog.wording import listed
from agent.network.draft import AlreadyError, AssumptionError, Draft, NotReadError
from agent.network.index import LOCAL, ports_of, range_text
from agent.network.names import KnownVpc, NewHost
from agent.network.pending import Aspect
from agent.network.predictor import UNKNOWN_TARGET
from probes.frozen import dataclass
from probes.vpc.model import (
    ANY_PROTOCOL,
    AVAILABLE,
    AclEntry,
    GroupRule,
    NetworkAcl,
    Route,
    RouteTable,
    SecurityGroup,
    VpcEndpoint,
)

LAST_ENTRY: Final = 32_766
"""The highest number that a network ACL entry can have (EC2 API, CreateNetworkAclEntry)."""
NEW_ENDPOINT: Final = "vpce-new-"
"""The prefix of the made-up ids of endpoints that do not exist yet."""
_WORDS_OF: Final = {"6": "tcp", "17": "udp", ANY_PROTOCOL: "all"}


class Edit(Protocol):
    """Something that a configuration either has or does not have."""

    def put(self, draft: Draft) -> None:
        """Add it to a draft. Raises AssumptionError."""

    def take(self, draft: Draft) -> None:
        """Remove it from a draft. Raises AssumptionError."""

    @property
    def putting(self) -> str:
        """The effect of `put`, in words."""

    @property
    def taking(self) -> str:
        """The effect of `take`, in words."""


@dataclass(frozen=True, slots=True)
class Change:
    """An edit, and whether it is added or removed."""

    edit: Edit
    is_in: bool = True

    @property
    def about(self) -> "Listed | Settable | None":
        """The list or the setting that it changes; None for other edits."""
        edit = self.edit
        return edit.listed if isinstance(edit, Member) else edit.what if isinstance(edit, Setting) else None

    @property
    def words(self) -> str:
        """The change in words: the thing that it adds or removes."""
        return self.edit.putting if self.is_in else self.edit.taking

    def make(self, draft: Draft) -> None:
        """Make the change in a draft. Raises AssumptionError."""
        if self.is_in:
            self.edit.put(draft)
        else:
            self.edit.take(draft)

    def made(self, known: KnownVpc) -> KnownVpc:
        """The configuration after the change. Raises AssumptionError."""
        draft = Draft(known)
        self.make(draft)
        return draft.built()


# --- Items in the lists of a resource ---------------------------------------------------------------------------------


class Listed(StrEnum):
    """The lists of resources."""

    GROUP_RULE = "rule of a group"
    ACL_ENTRY = "entry of a network ACL"
    ROUTE = "route"
    SUBNET_ACL = "network ACL of a subnet"
    SUBNET_TABLE = "route table of a subnet"
    ENDPOINT_GROUP = "security group of an endpoint"
    ENDPOINT_SUBNET = "subnet of an endpoint"
    GATEWAY_TABLE = "route table of a gateway endpoint"
    INTERFACE_GROUP = "security group of an interface"
    LIST_ENTRY = "entry of a prefix list"


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """A list, and the words for changes of it. In these words, `{owner}` is the resource, `{item}` the item, `{short}`
    the item's key, and `{there}` the item that already has this key."""

    part: str
    items: str
    putting: str
    taking: str
    already: str = "{owner} has {item} already"
    lacking: str = "{owner} does not have {item}"
    key: Callable[[Any], Hashable] = str
    """Gives an item's key. No two items have the same key."""
    words: Callable[[Any], tuple[str, str]] = lambda item: (str(item), str(item))
    """An item in words, and its key in words."""
    is_same: Callable[[Any, Any], bool] = lambda one, other: one == other
    """Whether an existing item with the same key is equal to a new one."""
    is_of_item: bool = False
    """Whether an item can have one owner only, as a subnet can have one network ACL."""

    def of(self, draft: Draft, own_id: str) -> dict[Hashable, list[Any]]:
        """The list of one resource: its items by their keys. The caller may change it in place. Raises NotReadError."""
        return draft.part(self.part).items(own_id, self.items, self.key)

    def holders(self, draft: Draft) -> dict[str, str]:
        """The owner of each item. Raises NotReadError."""
        return draft.holders(self.part, self.items)


def _rule_key(rule: GroupRule) -> Hashable:
    """A key that is equal for rules with the same effect, even if their ids or their notations for all ports differ."""
    peer = rule.cidr, rule.prefix_list_id, rule.referenced_group_id
    return rule.egress, rule.protocol, ports_of(rule), peer


def _rule_words(rule: GroupRule) -> tuple[str, str]:
    way, peer = _way(rule.egress), rule.cidr or rule.prefix_list_id or rule.referenced_group_id
    return f"{way} {_traffic(rule)} {'to' if rule.egress else 'from'} {peer}", way


def _entry_words(entry: AclEntry) -> tuple[str, str]:
    number = f"{_way(entry.egress)} entry {entry.number}"
    return f"{number}: {'allow' if entry.allow else 'deny'} {_traffic(entry)} {entry.cidr}", number


def _route_key(route: Route) -> Hashable:
    return route.destination or route.prefix_list_id


def _route_words(route: Route) -> tuple[str, str]:
    by = "what is not known yet" if route.target == UNKNOWN_TARGET else route.target
    return by, str(_route_key(route))


_LISTS: Final[Mapping[Listed, _List]] = {
    Listed.GROUP_RULE: _List(
        part="groups",
        items="rules",
        key=_rule_key,
        words=_rule_words,
        is_same=lambda one, other: True,
        putting="{owner}: add {item}",
        taking="{owner}: remove {item}",
        already="{owner} has this {short} rule already",
        lacking="{owner} has no such {short} rule",
    ),
    Listed.ACL_ENTRY: _List(
        part="acls",
        items="entries",
        key=lambda entry: (entry.number, entry.egress),
        words=_entry_words,
        putting="{owner}: add {item}",
        taking="{owner}: remove {short}",
        already="{owner} has an {short} already; remove it first",
        lacking="{owner} has no {short}",
    ),
    Listed.ROUTE: _List(
        part="route_tables",
        items="routes",
        key=_route_key,
        words=_route_words,
        is_same=lambda one, other: one.target == other.target,
        putting="{owner}: add a route to {short} by {item}",
        taking="{owner}: remove the route to {short}",
        already="{owner} has a route to {short} already, to {there}; remove it first",
        lacking="{owner} has no route to {short}",
    ),
    Listed.SUBNET_ACL: _List(
        part="acls",
        items="subnet_ids",
        is_of_item=True,
        putting="{owner}: associate it with {item}",
        taking="{owner}: associate it with the default network ACL in place of {item}",
    ),
    Listed.SUBNET_TABLE: _List(
        part="route_tables",
        items="subnet_ids",
        is_of_item=True,
        putting="{owner}: associate it with {item}",
        taking="{owner}: associate it with the main route table in place of {item}",
    ),
    Listed.ENDPOINT_GROUP: _List(
        part="endpoints",
        items="group_ids",
        putting="{owner}: add the security group {item}",
        taking="{owner}: remove the security group {item}",
    ),
    Listed.ENDPOINT_SUBNET: _List(
        part="endpoints",
        items="subnet_ids",
        putting="{owner}: add an interface in {item}",
        taking="{owner}: remove the interface in {item}",
        already="{owner} is in {item} already",
        lacking="{owner} is not in {item}",
    ),
    Listed.GATEWAY_TABLE: _List(
        part="gateway_endpoints",
        items="route_table_ids",
        putting="{owner}: add its route to {item}",
        taking="{owner}: remove its route from {item}",
        already="{item} has the route to {owner} already",
        lacking="{item} has no route to {owner}",
    ),
    Listed.INTERFACE_GROUP: _List(
        part="interfaces",
        items="group_ids",
        putting="{owner}: add the security group {item}",
        taking="{owner}: remove the security group {item}",
    ),
    Listed.LIST_ENTRY: _List(
        part="prefix_lists",
        items="cidrs",
        putting="{owner}: add {item}",
        taking="{owner}: remove {item}",
    ),
}


@dataclass(frozen=True, slots=True)
class Member:
    """An item that is in a resource's list. A subnet has one network ACL and one route table. If one of these is
    removed, the subnet gets the VPC's default one."""

    listed: Listed
    owner_id: str
    item: Any

    def put(self, draft: Draft) -> None:
        row = _LISTS[self.listed]
        items = row.of(draft, self.item if row.is_of_item else self.owner_id)
        item = self.owner_id if row.is_of_item else self.item
        there = items.get(row.key(item))
        if there:
            words = self._said(row.already, there[0])
            raise AlreadyError(words) if row.is_same(there[0], item) else AssumptionError(words)
        if row.is_of_item:
            holders = row.holders(draft)
            if (holder := holders.get(self.owner_id)) is not None:
                row.of(draft, holder).pop(self.owner_id, None)
            holders[self.owner_id] = self.item
        if self.listed in _ALSO_PUT:
            _ALSO_PUT[self.listed](draft, self.owner_id, self.item)
        items[row.key(item)] = [item]

    def take(self, draft: Draft) -> None:
        row = _LISTS[self.listed]
        items = row.of(draft, self.item if row.is_of_item else self.owner_id)
        key = row.key(self.owner_id if row.is_of_item else self.item)
        if not items.get(key):
            raise AlreadyError(self._said(row.lacking))
        if self.listed in _ALSO_TAKEN:
            _ALSO_TAKEN[self.listed](draft, self.owner_id, self.item)
        if row.is_of_item and row.holders(draft).get(self.owner_id) == self.item:
            del row.holders(draft)[self.owner_id]
        items.pop(key)

    @property
    def putting(self) -> str:
        return self._said(_LISTS[self.listed].putting)

    @property
    def taking(self) -> str:
        return self._said(_LISTS[self.listed].taking)

    def _said(self, words: str, there: Any = None) -> str:
        row = _LISTS[self.listed]
        item, short = row.words(self.item)
        return words.format(owner=self.owner_id, item=item, short=short, there=getattr(there, "target", there))


def _given_default_acl(draft: Draft, subnet_id: str, acl_id: str) -> None:
    acls = draft.part("acls")
    vpc_id = acls.one(acl_id).vpc_id
    default = next((one for one in acls if one.default and one.vpc_id == vpc_id), None)
    if default is not None and default.acl_id == acl_id:
        raise AlreadyError(f"{acl_id} is the default one")
    if default is not None:
        row = _LISTS[Listed.SUBNET_ACL]
        row.of(draft, default.acl_id)[subnet_id] = [subnet_id]
        row.holders(draft)[subnet_id] = default.acl_id


def _not_of_the_vpc(draft: Draft, table_id: str, route: Route) -> None:
    there = _LISTS[Listed.ROUTE].of(draft, table_id)[_route_key(route)]
    if there[0].target == LOCAL:
        message = f"the route to {_route_key(route)} is the VPC's own, which cannot be removed"
        raise AssumptionError(message)


def _new_address(draft: Draft, endpoint_id: str, subnet_id: str) -> None:
    endpoint = draft.part("endpoints").one(endpoint_id)
    was_read = draft.known.configuration.endpoint_interfaces is not None and subnet_id in draft.vpc_of
    if was_read and endpoint.ip_address_type in (None, "ipv4"):
        draft.unplaced.add((endpoint_id, subnet_id))
        return
    words = f"the address of {endpoint_id} in {subnet_id} is known only once its interface is made"
    draft.pend(endpoint_id, Aspect.ADDRESSES, words)


def _without_interface(draft: Draft, endpoint_id: str, subnet_id: str) -> None:
    draft.unplaced.discard((endpoint_id, subnet_id))
    endpoint = draft.part("endpoints").one(endpoint_id)
    gone = {
        one.interface_id
        for one in draft.part("endpoint_interfaces")
        if one.subnet_id == subnet_id and one.interface_id in endpoint.interface_ids
    }
    left = tuple(one for one in endpoint.interface_ids if one not in gone)
    draft.part("endpoints").set(endpoint_id, interface_ids=left)
    _without(draft, gone)


def _without(draft: Draft, interface_ids: Iterable[str]) -> None:
    """Remove some interfaces of endpoints from all parts in which they are listed."""
    for name in ("endpoint_interfaces", "interfaces"):
        if getattr(draft.known.configuration, name) is not None:
            draft.part(name).remove(interface_ids)


def _route_of_gateway(draft: Draft, endpoint_id: str, table_id: str) -> None:
    list_id = _list_of(draft.known, draft.part("gateway_endpoints").one(endpoint_id).service_name)
    if list_id is None:
        raise NotReadError(f"the prefix list of {endpoint_id} was not read")
    Member(Listed.ROUTE, table_id, Route(prefix_list_id=list_id, target=endpoint_id)).put(draft)


def _list_of(known: KnownVpc, service_name: str) -> str | None:
    """The prefix list of the gateway endpoints of a service. Routes to any of these endpoints contain it."""
    alike = {one.endpoint_id for one in known.configuration.gateway_endpoints or () if one.service_name == service_name}
    for table in known.configuration.route_tables or ():
        for route in table.routes:
            if route.target in alike and route.prefix_list_id is not None:
                return route.prefix_list_id
    return None


def _without_route(draft: Draft, endpoint_id: str, table_id: str) -> None:
    routes = _LISTS[Listed.ROUTE].of(draft, table_id)
    for key, alike in list(routes.items()):
        left = [route for route in alike if route.target != endpoint_id]
        if left:
            routes[key] = left
        else:
            del routes[key]


_ALSO_PUT: Final[Mapping[Listed, Callable[[Draft, str, Any], None]]] = {
    Listed.ENDPOINT_SUBNET: _new_address,
    Listed.GATEWAY_TABLE: _route_of_gateway,
}
"""Further changes when an item is added. They are made first, because they can refuse the addition."""
_ALSO_TAKEN: Final[Mapping[Listed, Callable[[Draft, str, Any], None]]] = {
    Listed.ROUTE: _not_of_the_vpc,
    Listed.SUBNET_ACL: _given_default_acl,
    Listed.ENDPOINT_SUBNET: _without_interface,
    Listed.GATEWAY_TABLE: _without_route,
}
"""Further changes when an item is removed, such as the default that takes its place."""


@dataclass(frozen=True, slots=True)
class Emptied:
    """One of a resource's lists is emptied, apart from some items that stay. It has no inverse."""

    listed: Listed
    owner_id: str
    kept: frozenset[Any] = frozenset()
    """Items that stay if they are in the list."""
    kept_ids: frozenset[str] = frozenset()
    """Ids of rules that stay."""

    def put(self, draft: Draft) -> None:
        raise AlreadyError(f"what {self.owner_id} had is not known")

    def take(self, draft: Draft) -> None:
        row = _LISTS[self.listed]
        items = row.of(draft, self.owner_id)
        if self.kept_ids and not all(one.rule_id for alike in items.values() for one in alike):
            raise AssumptionError(f"the ids of the rules of {self.owner_id} were not read")
        kept = {row.key(item) for item in self.kept}
        gone = [key for key, alike in items.items() if key not in kept and not any(map(self._stays, alike))]
        if not gone:
            raise AlreadyError(f"{self.owner_id} has nothing else")
        for key in gone:
            del items[key]

    def _stays(self, item: Any) -> bool:
        """Whether an item stays in the list. It does if it is in `kept` or `kept_ids`, or if it cannot be removed."""
        if isinstance(item, Route):  # the provider keeps the VPC's own routes and those of gateway endpoints
            return item.target == LOCAL or (item.prefix_list_id is not None and item.target.startswith("vpce-"))
        if isinstance(item, AclEntry):
            return item.number > LAST_ENTRY
        return item.rule_id in self.kept_ids

    @property
    def putting(self) -> str:
        return f"{self.owner_id}: add back each {self.listed.partition(' ')[0]}"

    @property
    def taking(self) -> str:
        rest = " but those of the plan" if self.kept or self.kept_ids else ""
        return f"{self.owner_id}: remove every {self.listed.partition(' ')[0]}{rest}"


# --- Settings of a resource -------------------------------------------------------------------------------------------


class Settable(StrEnum):
    """Settings that have one value per resource."""

    PRIVATE_DNS = "private DNS"
    POLICY = "policy"
    DNS_SUPPORT = "enableDnsSupport"
    DNS_HOSTNAMES = "enableDnsHostnames"
    PEERING = "state of a peering"


ATTRIBUTES: Final = frozenset({Settable.DNS_SUPPORT, Settable.DNS_HOSTNAMES})
"""The settings of a VPC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """The words and functions for a setting. In the words, `{owner}` is the resource and `{value}` the value."""

    aspect: Aspect
    """The aspect of the resource that is unknown if the setting's value is unknown."""
    putting: str
    put: Callable[[Draft, str, Any], None]
    value: Callable[[Any], str]
    taken: Callable[[Any], Any] = lambda value: not value
    """The value after the setting is removed."""


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def _put_private_dns(draft: Draft, endpoint_id: str, is_on: bool) -> None:
    endpoints = draft.part("endpoints")
    endpoint = endpoints.one(endpoint_id)
    if endpoint.private_dns is is_on:
        raise AlreadyError(f"private DNS of {endpoint_id} is {_on(is_on)} already")
    names = endpoint.dns_names
    if is_on:
        for other in endpoints:
            if (other.vpc_id, other.service_name) == (endpoint.vpc_id, endpoint.service_name) and other.private_dns:
                message = f"{other.endpoint_id} has private DNS for the same names; turn that off first"
                raise AssumptionError(message)
        names = tuple(dict.fromkeys((*names, *_private_names(draft.known, endpoint.service_name))))
    endpoints.set(endpoint_id, private_dns=is_on, dns_names=names)


def _private_names(known: KnownVpc, service_name: str) -> tuple[str, ...]:
    """The hosts for which private DNS of an endpoint would answer. EC2 gives them with the service; otherwise it is the
    default host."""
    offered = known.configuration.offered
    for service in () if offered is None else offered.services:
        if service.service_name == service_name and service.private_names:
            return service.private_names
    return tuple(
        host_of(service, known.region, fips=False, dual_stack=False)
        for service in SERVICES
        if service_name_of(service, known.region) == service_name
    )


def _put_policy(draft: Draft, endpoint_id: str, document: str | None) -> None:
    """Give an interface or gateway endpoint a policy."""
    gateways = draft.known.configuration.gateway_endpoints or ()
    is_gateway = any(one.endpoint_id == endpoint_id for one in gateways)
    draft.part("gateway_endpoints" if is_gateway else "endpoints").set(endpoint_id, policy=document)


def _put_attribute(name: str) -> Callable[[Draft, str, bool], None]:
    def put(draft: Draft, vpc_id: str, is_on: bool) -> None:
        if vpc_id != draft.known.vpc_id:
            raise NotReadError("it is not in the configuration that was read")
        if getattr(draft.dns, name) is is_on:
            setting = {"support": Settable.DNS_SUPPORT, "hostnames": Settable.DNS_HOSTNAMES}[name]
            raise AlreadyError(f"{setting} of {vpc_id} is {_truth(is_on)} already")
        draft.set_dns(**{name: is_on})

    return put


def _put_peering(draft: Draft, peering_id: str, state: str) -> None:
    if draft.part("peerings").one(peering_id).state == state:
        raise AlreadyError(f"{peering_id} has the state {state} already")
    draft.part("peerings").set(peering_id, state=state)


def _truth(is_on: bool) -> str:
    return str(is_on).lower()


_SETTINGS: Final[Mapping[Settable, _Setting]] = {
    Settable.PRIVATE_DNS: _Setting(
        aspect=Aspect.NAME, putting="{owner}: turn private DNS {value}", put=_put_private_dns, value=_on
    ),
    Settable.POLICY: _Setting(
        aspect=Aspect.POLICY,
        putting="{owner}: replace its policy by {value}",
        put=_put_policy,
        value=lambda document: "another one" if document else "the default one, which allows everything",
        taken=lambda _: None,
    ),
    Settable.DNS_SUPPORT: _Setting(
        aspect=Aspect.NAME,
        putting="{owner}: set enableDnsSupport to {value}",
        put=_put_attribute("support"),
        value=_truth,
    ),
    Settable.DNS_HOSTNAMES: _Setting(
        aspect=Aspect.NAME,
        putting="{owner}: set enableDnsHostnames to {value}",
        put=_put_attribute("hostnames"),
        value=_truth,
    ),
    Settable.PEERING: _Setting(
        aspect=Aspect.ROUTES,
        putting="{owner}: give it the state {value}",
        put=_put_peering,
        value=str,
        taken=lambda _: "deleted",
    ),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a resource has this value. A policy of None is the default policy."""

    what: Settable
    owner_id: str
    value: Any

    def put(self, draft: Draft) -> None:
        _SETTINGS[self.what].put(draft, self.owner_id, self.value)

    def take(self, draft: Draft) -> None:
        self._taken.put(draft)

    @property
    def putting(self) -> str:
        row = _SETTINGS[self.what]
        return row.putting.format(owner=self.owner_id, value=row.value(self.value))

    @property
    def taking(self) -> str:
        return self._taken.putting

    @property
    def aspect(self) -> Aspect:
        """The aspect of the resource that is unknown if this value is unknown."""
        return _SETTINGS[self.what].aspect

    @property
    def _taken(self) -> "Setting":
        return Setting(self.what, self.owner_id, _SETTINGS[self.what].taken(self.value))


# --- Endpoints -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An existing endpoint. Before a plan is applied, only its deletion can be judged."""

    endpoint_id: str
    is_gateway: bool = False

    def put(self, draft: Draft) -> None:
        draft.part(self._part).one(self.endpoint_id)
        raise AlreadyError(f"{self.endpoint_id} is there already")

    def take(self, draft: Draft) -> None:
        endpoint = draft.part(self._part).one(self.endpoint_id)
        draft.part(self._part).remove([self.endpoint_id])
        if not self.is_gateway:
            _without(draft, endpoint.interface_ids)
        elif draft.known.configuration.route_tables is not None:
            for table in draft.part("route_tables"):
                _without_route(draft, self.endpoint_id, table.table_id)

    @property
    def putting(self) -> str:
        return f"{self.endpoint_id}: create the {self._words}"

    @property
    def taking(self) -> str:
        return f"{self.endpoint_id}: delete the {self._words}"

    @property
    def _part(self) -> str:
        return "gateway_endpoints" if self.is_gateway else "endpoints"

    @property
    def _words(self) -> str:
        return "gateway endpoint" if self.is_gateway else "endpoint"


@dataclass(frozen=True, slots=True)
class Replaced:
    """An instance is replaced by another one. It has no inverse."""

    by: NewHost

    def put(self, draft: Draft) -> None:
        instances = {interface.instance_id for interface in draft.part("interfaces")}
        if self.by.instance_id not in instances:
            raise NotReadError(f"{self.by.instance_id} is not in the configuration that was read")
        if self.by.subnet_id not in draft.vpc_of:
            raise AssumptionError(f"{self.by.subnet_id} was not read")
        draft.new_hosts.append(self.by)

    def take(self, draft: Draft) -> None:
        raise AlreadyError("it is not there yet")

    @property
    def putting(self) -> str:
        return f"{self.by.instance_id}: replace it by one in {self.by.subnet_id} with {listed(self.by.group_ids)}"

    @property
    def taking(self) -> str:
        return f"{self.by.instance_id}: leave it as it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEndpoint:
    """An interface endpoint that does not exist yet. It may get any address of its subnets."""

    service_name: str
    vpc_id: str
    private_dns: bool | None
    """Whether its private DNS is on; None if unknown."""
    policy: str | None
    is_policy_known: bool = True
    subnet_ids: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    has_all_groups: bool = False
    """Whether the groups are complete."""
    is_placed: bool = False
    """Whether the subnets are complete, and the addresses there are IPv4."""

    def put(self, draft: Draft) -> None:
        endpoints, known = draft.part("endpoints"), draft.known
        if self.vpc_id not in {known.vpc_id, *(one.vpc_id for one in endpoints)}:
            raise NotReadError("its VPC is not in the configuration that was read")
        endpoint_id = draft.new_id("vpce")
        is_placed = self.is_placed and all(subnet_id in draft.vpc_of for subnet_id in self.subnet_ids)
        names = _private_names(known, self.service_name) if self.private_dns else ()
        made = VpcEndpoint(
            endpoint_id=endpoint_id,
            service_name=self.service_name,
            vpc_id=self.vpc_id,
            state=AVAILABLE,
            private_dns=self.private_dns is True,
            dns_names=names,
            subnet_ids=self.subnet_ids,
            group_ids=self.group_ids,
            policy=self.policy,
            owner_id=known.account,
        )
        endpoints.add(made)
        words = f"the addresses of {endpoint_id}, a new endpoint, are known only once it is made"
        if is_placed:
            draft.unplaced.update((endpoint_id, subnet_id) for subnet_id in self.subnet_ids)
        else:
            draft.pend(endpoint_id, Aspect.ADDRESSES, words)
        if self.private_dns is None or (self.private_dns and not (is_placed and names)):
            draft.pend(endpoint_id, Aspect.NAME, words)
        if not self.has_all_groups:
            groups = f"{endpoint_id}: its security groups are known only once it is made"
            draft.pend(endpoint_id, Aspect.GROUPS, groups)
        if not self.is_policy_known:
            policy = f"the policy of {endpoint_id}, a new endpoint, is known only once it is made"
            draft.pend(endpoint_id, Aspect.POLICY, policy)

    def take(self, draft: Draft) -> None:
        raise AlreadyError("it is not made yet")

    @property
    def putting(self) -> str:
        dns = {True: "with private DNS", False: "without private DNS", None: "with or without private DNS"}
        return f"create an endpoint of {self.service_name} in {self.vpc_id}, {dns[self.private_dns]}"

    @property
    def taking(self) -> str:
        return f"do not create an endpoint of {self.service_name}"


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A security group that does not exist yet, without its rules."""

    group_id: str
    """The made-up id that stands for it."""
    name: str
    """Its name in the plan."""

    def put(self, draft: Draft) -> None:
        draft.part("groups").add(SecurityGroup(group_id=self.group_id, rules=()))
        draft.know(self.group_id)

    def take(self, draft: Draft) -> None:
        raise AlreadyError("it is not made yet")

    @property
    def putting(self) -> str:
        return f"create the security group {self.name}, here {self.group_id}"

    @property
    def taking(self) -> str:
        return f"do not create the security group {self.name}"


# --- Unknown values ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An aspect of a resource that is known only after a plan is applied."""

    resource_id: str
    aspect: Aspect
    words: str

    def put(self, draft: Draft) -> None:
        if not draft.has((self.resource_id,)):
            raise NotReadError("it is not in the configuration that was read")
        draft.pend(self.resource_id, self.aspect, self.words)

    def take(self, draft: Draft) -> None:
        raise AlreadyError(f"nothing of {self.resource_id} is left open")

    @property
    def putting(self) -> str:
        return self.words

    @property
    def taking(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class UnsettledOfNew:
    """An aspect of an endpoint that a plan creates, which is known only after the plan is applied. The plan does not
    show which of its new endpoints this is, so it may be any of them."""

    aspect: Aspect
    words: str
    replaces_groups: bool = False
    """Whether the endpoint loses its other security groups."""

    def put(self, draft: Draft) -> None:
        made = [one.endpoint_id for one in draft.part("endpoints") if one.endpoint_id.startswith(NEW_ENDPOINT)]
        if not made:
            raise NotReadError("the plan creates no endpoint in the configuration that was read")
        for endpoint_id in made:
            draft.pend(endpoint_id, self.aspect, self.words)
            if self.replaces_groups:
                _LISTS[Listed.ENDPOINT_GROUP].of(draft, endpoint_id).clear()

    def take(self, draft: Draft) -> None:
        raise AlreadyError("it is not there yet")

    @property
    def putting(self) -> str:
        return self.words

    @property
    def taking(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class NewHolder:
    """A subnet gets a network ACL or a route table that is unknown, for example because the plan creates it."""

    listed: Listed
    """Either SUBNET_ACL or SUBNET_TABLE."""
    subnet_id: str

    def put(self, draft: Draft) -> None:
        row, vpc_id = _LISTS[self.listed], draft.vpc_of.get(self.subnet_id)
        if vpc_id is None:
            raise NotReadError("it is not in the configuration that was read")
        part, is_acl = draft.part(row.part), self.listed is Listed.SUBNET_ACL
        own_id = draft.new_id("acl" if is_acl else "rtb")
        if is_acl:
            part.add(NetworkAcl(acl_id=own_id, vpc_id=vpc_id, default=False, subnet_ids=(), entries=()))
        else:
            part.add(RouteTable(table_id=own_id, vpc_id=vpc_id, main=False, subnet_ids=(), routes=()))
        Member(self.listed, self.subnet_id, own_id).put(draft)
        what, aspects = ("entries", (Aspect.INBOUND, Aspect.OUTBOUND)) if is_acl else ("routes", (Aspect.ROUTES,))
        words = f"the {what} of {own_id}, which {self.subnet_id} gets, are known only once the plan is applied"
        for aspect in aspects:
            draft.pend(own_id, aspect, words)

    def take(self, draft: Draft) -> None:
        raise AlreadyError(f"the {self._words} of {self.subnet_id} is known")

    @property
    def putting(self) -> str:
        return _LISTS[self.listed].putting.format(
            owner=self.subnet_id, item=f"a {self._words} that is known only once the plan is applied"
        )

    @property
    def taking(self) -> str:
        return _LISTS[self.listed].putting.format(owner=self.subnet_id, item=f"a {self._words} that is known")

    @property
    def _words(self) -> str:
        return "network ACL" if self.listed is Listed.SUBNET_ACL else "route table"


# --- Words -----------------------------------------------------------------------------------------------------------


def _way(egress: bool) -> str:
    return "outbound" if egress else "inbound"


def _traffic(rule: GroupRule | AclEntry) -> str:
    """`tcp 1026-1031`, `all all`."""
    is_all = rule.from_port is None or rule.to_port is None or rule.protocol == ANY_PROTOCOL
    return f"{_WORDS_OF.get(rule.protocol, rule.protocol)} {'all' if is_all else range_text(*ports_of(rule))}"
