"""Changes of a VPC's configuration that are not made yet: what each of them means, and the configuration with them.

A change is written as `ID:CHANGE`. `FORMS` has the forms. What EC2 would refuse is refused here too: taking out what is
not there, or putting in what is.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, Final, TypeVar

from agent.catalog.services import SERVICES, host_of, service_name_of
from agent.catalog.wording import listed
from agent.judge.predict.index import LOCAL
from agent.judge.predict.names import KnownVpc
from probes.frozen import dataclass
from probes.ids import read_form
from probes.vpc.model import (
    ANY_PROTOCOL,
    AclEntry,
    GroupRule,
    Network,
    Route,
    VpcEndpoint,
)

FORMS: Final = (
    "sg-ID:+in:tcp:1026-1031:10.0.0.0/16",
    "acl-ID:+in:90:deny:tcp:443:10.0.0.0/16",
    "acl-ID:-in:100",
    "rtb-ID:+10.1.0.0/16:tgw-ID",
    "rtb-ID:-10.1.0.0/16",
    "vpce-ID:private-dns=on",
)
"""An example of each form: + puts in and - takes out, `in` is inbound and `out` outbound. The other side of a group's
rule is a block, a group or a prefix list; a route leads to `local` or the id of a gateway, a connection or the like."""
_VERBS: Final = {"+": "put in", "-": "take out"}
_PROTOCOLS: Final = {"tcp": "6", "udp": "17", "all": ANY_PROTOCOL}
"""Numbers of IANA, as entries of network ACLs have them; security groups have the words."""
_LAST_PORT: Final = 65_535
_LAST_ENTRY: Final = 32_766
"""The highest number that an entry can be given (EC2 API, CreateNetworkAclEntry)."""
_TRAFFIC: Final = r"(?P<protocol>tcp|udp|all):(?P<ports>all|\d{1,5}(?:-\d{1,5})?)"
_RULE: Final = re.compile(rf"(?P<sign>[+-])(?P<way>in|out):{_TRAFFIC}:(?P<peer>.+)")
_ENTRY: Final = re.compile(rf"\+(?P<way>in|out):(?P<number>\d{{1,5}}):(?P<act>allow|deny):{_TRAFFIC}:(?P<peer>.+)")
_NO_ENTRY: Final = re.compile(r"-(?P<way>in|out):(?P<number>\d{1,5})")
_ROUTE: Final = re.compile(r"\+(?P<destination>.+):(?P<target>local|[a-z]{1,12}-[0-9a-z-]{4,60})")
_NO_ROUTE: Final = re.compile(r"-(?P<destination>.+)")
_PRIVATE_DNS: Final = re.compile(r"private-dns=(?P<to>on|off)")
R = TypeVar("R")


class AssumptionError(Exception):
    """A change that cannot be made or be read, in words for the operator."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is known of a VPC with changes that are not made yet, and these in words."""

    known: KnownVpc
    words: tuple[str, ...]


def assumed(known: KnownVpc, changes: Sequence[str]) -> Assumed:
    """What is known of a VPC with these changes, each made after the one before. Raises AssumptionError."""
    made = Assumed(known, ())
    for change in changes:
        try:
            known, words = _changed(made.known, change)
        except AssumptionError as error:
            raise AssumptionError(f"{change}: {error}") from error
        made = Assumed(known, (*made.words, words))
    return made


def _changed(known: KnownVpc, change: str) -> tuple[KnownVpc, str]:
    of, _, words = change.partition(":")
    kind = of.partition("-")[0]
    make = _KINDS.get(kind)
    if make is None or not read_form(kind).fullmatch(of):
        kinds = "a security group, a network ACL, a route table or an endpoint"
        raise AssumptionError(f"a change begins with the id of {kinds}, as in {FORMS[0]}")
    changed, what = make(known, of, words)
    return changed, f"{of}: {what}"


# --- Security groups -------------------------------------------------------------------------------------------------


def _of_group(known: KnownVpc, group_id: str, words: str) -> tuple[KnownVpc, str]:
    match = _matched((_RULE,), words, "sg")
    rule = GroupRule(egress=match["way"] == "out", **_traffic(match, is_group=True), **_peer(match["peer"]))
    groups = _read(known.configuration.groups, "security groups")
    group = _one(groups, group_id, lambda group: group.group_id)
    there = [one for one in group.rules if replace(one, rule_id=None) == rule]
    way = "outbound" if rule.egress else "inbound"
    if match["sign"] == "+":
        if there:
            raise AssumptionError(f"{group_id} has this {way} rule already")
        rules = (*group.rules, rule)
    else:
        if not there:
            has = [_words(one) for one in group.rules if one.egress is rule.egress]
            raise AssumptionError(f"{group_id} has no such {way} rule; it has {listed(has) if has else 'none'}")
        rules = tuple(one for one in group.rules if one not in there)
    what = f"{_VERBS[match['sign']]} {way} {match['protocol']} {match['ports']}"
    peer = f"{'to' if rule.egress else 'from'} {match['peer']}"
    return _with(known, groups=_replaced(groups, group, replace(group, rules=rules))), f"{what} {peer}"


def _peer(text: str) -> dict[str, Any]:
    """The other side of a rule: a group, a prefix list or a block."""
    if text.startswith("sg-") and read_form("sg").fullmatch(text):
        return {"referenced_group_id": text}
    if text.startswith("pl-") and read_form("pl").fullmatch(text):
        return {"prefix_list_id": text}
    return {"cidr": _block(text)}


def _words(rule: GroupRule) -> str:
    """A rule in the form in which it is written here."""
    ports = "all" if rule.from_port is None else _span(rule.from_port, rule.to_port)
    protocol = "all" if rule.protocol == ANY_PROTOCOL else rule.protocol
    return f"{protocol}:{ports}:{rule.cidr or rule.prefix_list_id or rule.referenced_group_id}"


# --- Network ACLs ----------------------------------------------------------------------------------------------------


def _of_acl(known: KnownVpc, acl_id: str, words: str) -> tuple[KnownVpc, str]:
    match = _matched((_ENTRY, _NO_ENTRY), words, "acl")
    acls = _read(known.configuration.acls, "network ACLs")
    acl = _one(acls, acl_id, lambda acl: acl.acl_id)
    number, egress = int(match["number"]), match["way"] == "out"
    way = "outbound" if egress else "inbound"
    if not 1 <= number <= _LAST_ENTRY:
        raise AssumptionError(f"{number} is not the number of an entry, from 1 to {_LAST_ENTRY:,}")
    there = [one for one in acl.entries if (one.number, one.egress) == (number, egress)]
    if match.re is _NO_ENTRY:
        if not there:
            has = [str(one.number) for one in acl.entries if one.egress is egress and one.number <= _LAST_ENTRY]
            raise AssumptionError(f"{acl_id} has no {way} entry {number}; it has {listed(has) if has else 'none'}")
        entries = tuple(one for one in acl.entries if one not in there)
        what = f"take out {way} entry {number}"
    else:
        if there:
            raise AssumptionError(f"{acl_id} has an {way} entry {number} already; take it out first")
        cidr, allow = _block(match["peer"]), match["act"] == "allow"
        entry = AclEntry(number=number, egress=egress, allow=allow, cidr=cidr, **_traffic(match, is_group=False))
        entries = (*acl.entries, entry)
        what = f"put in {way} entry {number}: {match['act']} {match['protocol']} {match['ports']} {match['peer']}"
    return _with(known, acls=_replaced(acls, acl, replace(acl, entries=entries))), what


# --- Route tables ----------------------------------------------------------------------------------------------------


def _of_table(known: KnownVpc, table_id: str, words: str) -> tuple[KnownVpc, str]:
    match = _matched((_ROUTE, _NO_ROUTE), words, "rtb")
    tables = _read(known.configuration.route_tables, "route tables")
    table = _one(tables, table_id, lambda table: table.table_id)
    text = match["destination"]
    is_list = text.startswith("pl-") and read_form("pl").fullmatch(text) is not None
    place: dict[str, Any] = {"prefix_list_id": text} if is_list else {"destination": _block(text)}
    there = [one for one in table.routes if (one.destination or one.prefix_list_id) in place.values()]
    if match.re is _NO_ROUTE:
        if not there:
            raise AssumptionError(f"{table_id} has no route to {text}")
        if there[0].target == LOCAL:
            raise AssumptionError(f"the route to {text} is that of the VPC itself, which cannot be taken out")
        routes = tuple(one for one in table.routes if one not in there)
        what = f"take out the route to {text}"
    else:
        if there:
            raise AssumptionError(f"{table_id} has a route to {text} already, to {there[0].target}; take it out first")
        routes = (*table.routes, Route(**place, target=match["target"]))
        what = f"put in a route to {text} by {match['target']}"
    return _with(known, route_tables=_replaced(tables, table, replace(table, routes=routes))), what


# --- Endpoints -------------------------------------------------------------------------------------------------------


def _of_endpoint(known: KnownVpc, endpoint_id: str, words: str) -> tuple[KnownVpc, str]:
    match = _matched((_PRIVATE_DNS,), words, "vpce")
    endpoints = _read(known.configuration.endpoints, "endpoints")
    endpoint = _one(endpoints, endpoint_id, lambda endpoint: endpoint.endpoint_id)
    is_on = match["to"] == "on"
    if endpoint.private_dns is is_on:
        raise AssumptionError(f"private DNS of {endpoint_id} is {match['to']} already")
    names = endpoint.dns_names
    if is_on:
        for other in endpoints:
            if (other.vpc_id, other.service_name) == (endpoint.vpc_id, endpoint.service_name) and other.private_dns:
                raise AssumptionError(f"{other.endpoint_id} has private DNS for the same names; turn that off first")
        names = tuple(dict.fromkeys((*names, *_private_names(known, endpoint))))
    changed = replace(endpoint, private_dns=is_on, dns_names=names)
    return _with(known, endpoints=_replaced(endpoints, endpoint, changed)), f"turn private DNS {match['to']}"


def _private_names(known: KnownVpc, endpoint: VpcEndpoint) -> tuple[str, ...]:
    """The hosts that private DNS of an endpoint would answer for: as EC2 says of its service, or its default host."""
    offered = known.configuration.offered
    for service in () if offered is None else offered.services:
        if service.service_name == endpoint.service_name and service.private_names:
            return service.private_names
    return tuple(
        host_of(service, known.region, fips=False, dual_stack=False)
        for service in SERVICES
        if service_name_of(service, known.region) == endpoint.service_name
    )


# --- What all of them need -------------------------------------------------------------------------------------------


_KINDS: Final[dict[str, Callable[[KnownVpc, str, str], tuple[KnownVpc, str]]]] = {
    "sg": _of_group,
    "acl": _of_acl,
    "rtb": _of_table,
    "vpce": _of_endpoint,
}


def _matched(forms: Iterable[re.Pattern[str]], words: str, kind: str) -> re.Match[str]:
    for form in forms:
        if (match := form.fullmatch(words)) is not None:
            return match
    examples = listed(form for form in FORMS if form.startswith(f"{kind}-"))
    raise AssumptionError(f"this is not how a change of such a resource is written: {examples}")


def _traffic(match: re.Match[str], *, is_group: bool) -> dict[str, Any]:
    """Protocol and ports as the resource has them."""
    protocol = match["protocol"]
    low, _, high = match["ports"].partition("-")
    if low == "all":
        first = last = None
    else:
        first, last = int(low), int(high or low)
        if protocol == "all" or not first <= last <= _LAST_PORT:
            raise AssumptionError(f"{match['ports']} is no port, range of ports or `all` of {protocol}")
    number = _PROTOCOLS[protocol]
    named = protocol if is_group and number != ANY_PROTOCOL else number
    return {"protocol": named, "from_port": first, "to_port": last}


def _span(first: int, last: int | None) -> str:
    return str(first) if last in (None, first) else f"{first}-{last}"


def _block(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise AssumptionError(f"{text} is no block of addresses such as 10.0.0.0/16") from error


def _read(found: tuple[R, ...] | None, what: str) -> tuple[R, ...]:
    if found is None:
        raise AssumptionError(f"the {what} were not read, so no change of them can be judged")
    return found


def _one(found: Iterable[R], wanted: str, id_of: Callable[[R], str]) -> R:
    for one in found:
        if id_of(one) == wanted:
            return one
    raise AssumptionError("it is not in the configuration that was read")


def _replaced(found: Iterable[R], old: R, new: R) -> tuple[R, ...]:
    return tuple(new if one is old else one for one in found)


def _with(known: KnownVpc, **parts: Any) -> KnownVpc:
    """The same with these parts of the configuration, by their names."""
    return replace(known, configuration=replace(known.configuration, **parts))
