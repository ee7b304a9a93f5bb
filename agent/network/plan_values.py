"""What plans of Terraform and change sets of CloudFormation have in common: their values, and the edits that these say.

Each format names its attributes in its own words. A value that is known only once the plan is applied is no value.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any, Final

from agent.network.edits import Edit, OfAcl, OfGroup, OfTable, Unsettled
from agent.network.pending import Aspect
from agent.network.predictor import UNKNOWN_TARGET
from probes.frozen import dataclass
from probes.ids import read_form
from probes.vpc.model import ANY_PROTOCOL, AclEntry, GroupRule, Network, Route

_MOST_CHARACTERS: Final = 32_768
"""Of one text: a policy has at most 20,480."""
_LAST_PORT: Final = 65_535
_NUMBERS: Final = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "all": ANY_PROTOCOL}
"""Protocols as entries of network ACLs have them."""
_WORDS: Final = {number: word for word, number in _NUMBERS.items() if number != ANY_PROTOCOL}
"""As rules of security groups have them."""
_PROTOCOL: Final = re.compile(r"-1|[0-9a-z.+-]{1,24}", re.IGNORECASE)
"""A number, or a keyword (IANA, Protocol Numbers)."""
_TARGET: Final = re.compile(r"[0-9A-Za-z:/._-]{1,256}")
"""What a route leads to: an id, `local`, or the ARN of a core network."""


class PlanError(Exception):
    """A file whose plan cannot be taken, in words for the operator."""


class MalformedError(Exception):
    """A value of another form than its attribute has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """A change of one resource, as the edits that it consists of."""

    kind: str
    """The type of the resource."""
    before: tuple[Edit, ...]
    """What the configuration has of it now; empty for one that is made."""
    after: tuple[Edit, ...]
    """What it will have; empty for one that is deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes of one file."""

    name: str
    """What errors and words call the file."""
    changes: tuple[ResourceChange, ...]
    unjudged: Mapping[str, int]
    """How many changes of each kind may matter and cannot be followed."""
    left_out: int
    """Changes of kinds that have no part in the path."""


class Values:
    """The attributes of a resource, or of a block in it."""

    def __init__(self, attributes: Any) -> None:
        """Raises MalformedError where these are none."""
        if not isinstance(attributes, Mapping):
            raise MalformedError
        self.attributes: Mapping[str, Any] = attributes

    def is_unknown(self, *names: str) -> bool:
        """Whether one of these attributes, or a part of it, is known only once the plan is applied."""
        return False

    def text(self, name: str) -> str | None:
        """A text; None where it is not set or not known. Raises MalformedError for any other value."""
        value = None if self.is_unknown(name) else self.attributes.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or len(value) > _MOST_CHARACTERS:
            raise MalformedError
        return value

    def id_of(self, name: str, *prefixes: str) -> str | None:
        """The id of a resource of one of these kinds; a group's may have the account before it."""
        value = self.text(name)
        if value is None:
            return None
        return an_id(value, *prefixes)

    def ids_of(self, name: str, *prefixes: str) -> list[str]:
        """The ids in a list; none where it is not set or not known."""
        return [an_id(text, *prefixes) for text in self.texts(name)]

    def texts(self, name: str) -> list[str]:
        """The texts in a list; none where it is not set or not known."""
        value = None if self.is_unknown(name) else self.attributes.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise MalformedError
        return value

    def flag(self, name: str) -> bool | None:
        """A truth value; None where it is not set or not known."""
        value = None if self.is_unknown(name) else self.attributes.get(name)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value is None or isinstance(value, bool):
            return value
        raise MalformedError

    def number(self, name: str) -> int | None:
        """A whole number, which may be written as a text; None where it is not set or not known."""
        value = None if self.is_unknown(name) else self.attributes.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str) and len(value) <= len("-2147483648"):
            try:
                return int(value)
            except ValueError:
                raise MalformedError from None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise MalformedError

    def blocks(self, name: str) -> Iterator["Values"]:
        """The blocks in a list; none where it is not set or not known."""
        value = None if self.is_unknown(name) else self.attributes.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            raise MalformedError
        for item in value:
            yield type(self)(item)


def differ(before: Values, after: Values, names: Iterable[str]) -> bool:
    """Whether one of these attributes is another afterwards, or not known yet."""
    return any(after.is_unknown(name) or before.attributes.get(name) != after.attributes.get(name) for name in names)


def an_id(text: str, *prefixes: str) -> str:
    """The id of a resource of one of these kinds. Raises MalformedError for any other text."""
    own = text.rpartition("/")[2]  # of a group of another account, which stands before it
    if not any(read_form(prefix).fullmatch(own) for prefix in prefixes):
        raise MalformedError
    return own


def block_of(text: str) -> Network:
    """A block of addresses. Raises MalformedError for any other text."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise MalformedError from None


# --- Edits -----------------------------------------------------------------------------------------------------------


def unsettled(resource_id: str, aspect: Aspect, what: str) -> Unsettled:
    """Something of a resource that is known only once the plan is applied."""
    return Unsettled(resource_id, aspect, f"{what} of {resource_id} is known only once the plan is applied")


def unsettled_rules(resource_id: str, *, egress: bool) -> Unsettled:
    """A rule of a group, or an entry of a network ACL, that is not known."""
    aspect = Aspect.OUTBOUND if egress else Aspect.INBOUND
    return unsettled(resource_id, aspect, f"an {aspect} {'rule' if resource_id.startswith('sg-') else 'entry'}")


def unsettled_group(group_id: str) -> tuple[Unsettled, Unsettled]:
    """A security group that goes: what is in it goes into another one first, since EC2 deletes none that is in use."""
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
) -> Iterator[OfGroup]:
    """The rules of a security group for one protocol and its ports, one for each that they name. Raises
    MalformedError."""
    protocol = _protocol(protocol)
    protocol = _WORDS.get(protocol.lower(), protocol.lower())
    if protocol == "all":
        protocol = ANY_PROTOCOL
    first, last = _ports(protocol, *ports)
    for cidr in cidrs:
        yield OfGroup(group_id, _rule(egress, protocol, first, last, cidr=block_of(cidr)))
    for list_id in lists:
        yield OfGroup(group_id, _rule(egress, protocol, first, last, prefix_list_id=an_id(list_id, "pl")))
    for other in groups:
        yield OfGroup(group_id, _rule(egress, protocol, first, last, referenced_group_id=an_id(other, "sg")))


def _protocol(text: str | None) -> str:
    if text is None or not _PROTOCOL.fullmatch(text):
        raise MalformedError
    return text


def _rule(egress: bool, protocol: str, first: int | None, last: int | None, **peer: Any) -> GroupRule:
    return GroupRule(egress=egress, protocol=protocol, from_port=first, to_port=last, **peer)


def _ports(protocol: str, first: int | None, last: int | None) -> tuple[int | None, int | None]:
    """The ports of a rule; of a protocol without ports these are types and codes, which no path rests on."""
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
) -> OfAcl:
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
    return OfAcl(acl_id, entry)


def route_of(table_id: str, *, block: str | None, list_id: str | None, target: str | None) -> OfTable:
    """A route; a `target` of None is not known. Raises MalformedError."""
    if (block is None) == (list_id is None):
        raise MalformedError
    if target is None:
        target = UNKNOWN_TARGET
    elif not _TARGET.fullmatch(target):
        raise MalformedError
    if block is not None:
        return OfTable(table_id, Route(destination=block_of(block), target=target))
    return OfTable(table_id, Route(prefix_list_id=an_id(list_id or "", "pl"), target=target))
