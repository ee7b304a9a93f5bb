"""Edits built from the texts in plans and commands: ids, blocks, protocols and ports."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Any, Final

from agent.network.edits import Listed, Member, Unsettled
from agent.network.pending import Aspect
from agent.network.predictor import UNKNOWN_TARGET
from probes.ids import read_form
from probes.vpc.model import ANY_PROTOCOL, AclEntry, GroupRule, Network, Route

_LAST_PORT: Final = 65_535
_NUMBERS: Final = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "all": ANY_PROTOCOL}
"""Protocols as network ACL entries write them."""
_WORDS: Final = {number: word for word, number in _NUMBERS.items() if number != ANY_PROTOCOL}
"""Protocol names by number, as security group rules write them."""
_PROTOCOL: Final = re.compile(r"-1|[0-9a-z.+-]{1,24}", re.IGNORECASE)
"""A protocol number, or a keyword (IANA, Protocol Numbers)."""
_TARGET: Final = re.compile(r"[0-9A-Za-z:/._-]{1,256}")
"""The target of a route: an id, `local`, or the ARN of a core network."""


class MalformedError(Exception):
    """A value does not have the form that its attribute needs."""


def an_id(text: str, *prefixes: str) -> str:
    """The id of a resource of one of these kinds. Raises MalformedError for any other text."""
    own = text.rpartition("/")[2]  # the id of a group in another account comes after that account
    if not any(read_form(prefix).fullmatch(own) for prefix in prefixes):
        raise MalformedError
    return own


def block_of(text: str) -> Network:
    """A block of addresses. Raises MalformedError for any other text."""
    if "%" in text:  # ipaddress accepts a zone of any characters
        raise MalformedError
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise MalformedError from None


# --- Edits -----------------------------------------------------------------------------------------------------------


def unsettled(resource_id: str, aspect: Aspect, what: str) -> Unsettled:
    """The edit for an aspect of a resource that is known only after a plan is applied."""
    return Unsettled(resource_id, aspect, f"{what} of {resource_id} is known only once the plan is applied")


def unsettled_rules(resource_id: str, *, egress: bool) -> Unsettled:
    """The edit for an unknown rule of a group, or an unknown entry of a network ACL."""
    aspect = Aspect.OUTBOUND if egress else Aspect.INBOUND
    return unsettled(resource_id, aspect, f"an {aspect} {'rule' if resource_id.startswith('sg-') else 'entry'}")


def unknown_groups(endpoint_id: str) -> Unsettled:
    """The edit for an unknown security group of an interface endpoint, beside the known ones."""
    words = f"{endpoint_id}: its security groups are known only once the plan is applied"
    return Unsettled(endpoint_id, Aspect.GROUPS, words)


def unsettled_group(group_id: str) -> tuple[Unsettled, Unsettled]:
    """The edit for a security group that is deleted. EC2 deletes no group in use, so its members get another group
    first."""
    words = f"{group_id} is deleted, and which group takes its place is known only once the plan is applied"
    return Unsettled(group_id, Aspect.INBOUND, words), Unsettled(group_id, Aspect.OUTBOUND, words)


def rules_of(
    group_id: str,
    *,
    egress: bool,
    protocol: str | None,
    ports: tuple[int | None, int | None],
    cidrs: Iterable[str] = (),
    lists: Iterable[str] = (),
    groups: Iterable[str] = (),
) -> Iterator[Member]:
    """The rules of a security group for one protocol and its ports, one for each peer. Raises MalformedError."""
    protocol = _protocol(protocol)
    protocol = _WORDS.get(protocol.lower(), protocol.lower())
    if protocol == "all":
        protocol = ANY_PROTOCOL
    first, last = _ports(protocol, *ports)
    for cidr in cidrs:
        yield Member(Listed.GROUP_RULE, group_id, _rule(egress, protocol, first, last, cidr=block_of(cidr)))
    for list_id in lists:
        yield Member(
            Listed.GROUP_RULE, group_id, _rule(egress, protocol, first, last, prefix_list_id=an_id(list_id, "pl"))
        )
    for other in groups:
        yield Member(
            Listed.GROUP_RULE, group_id, _rule(egress, protocol, first, last, referenced_group_id=an_id(other, "sg"))
        )


def _protocol(text: str | None) -> str:
    if text is None or not _PROTOCOL.fullmatch(text):
        raise MalformedError
    return text


def _rule(egress: bool, protocol: str, first: int | None, last: int | None, **peer: Any) -> GroupRule:
    return GroupRule(egress=egress, protocol=protocol, from_port=first, to_port=last, **peer)


def _ports(protocol: str, first: int | None, last: int | None) -> tuple[int | None, int | None]:
    """The ports of a rule. For protocols without ports, the numbers are types and codes, which matter to no path."""
    if protocol not in ("tcp", "udp", "6", "17") or first is None or last is None or first < 0:
        return None, None
    if not first <= last <= _LAST_PORT:
        raise MalformedError
    return first, last


def entry_of(
    acl_id: str,
    *,
    egress: bool,
    number: int | None,
    action: str | None,
    protocol: str | None,
    cidr: str | None,
    ports: tuple[int | None, int | None],
) -> Member:
    """An entry of a network ACL. Raises MalformedError."""
    if number is None or action is None or cidr is None or action.lower() not in ("allow", "deny"):
        raise MalformedError
    protocol = _protocol(protocol)
    protocol = _NUMBERS.get(protocol.lower(), protocol)
    first, last = _ports(protocol, *ports)
    entry = AclEntry(
        number=number,
        egress=egress,
        allow=action.lower() == "allow",
        cidr=block_of(cidr),
        protocol=protocol,
        from_port=first,
        to_port=last,
    )
    return Member(Listed.ACL_ENTRY, acl_id, entry)


def route_of(table_id: str, *, block: str | None, list_id: str | None, target: str | None) -> Member:
    """A route; a `target` of None is unknown. Raises MalformedError."""
    if (block is None) == (list_id is None):
        raise MalformedError
    if target is None:
        target = UNKNOWN_TARGET
    elif not _TARGET.fullmatch(target):
        raise MalformedError
    if block is not None:
        return Member(Listed.ROUTE, table_id, Route(destination=block_of(block), target=target))
    return Member(Listed.ROUTE, table_id, Route(prefix_list_id=an_id(list_id or "", "pl"), target=target))
