"""Typed changes of a VPC's configuration that are only assumed: their meaning, and the configuration after them.

A change is written as `ID:CHANGE`. `FORMS` has the forms. A change that EC2 would refuse is refused here too, such as
removing something that does not exist, or adding something that exists.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any, Final

from agent.catalog.wording import listed
from agent.network.calls import RefusedError, statements_of
from agent.network.draft import AlreadyError, AssumptionError, Draft
from agent.network.edits import LAST_ENTRY, Change, Listed, Member, Settable, Setting
from agent.network.names import KnownVpc
from agent.network.paths import range_text
from probes.frozen import dataclass
from probes.ids import read_form
from probes.vpc.model import ANY_PROTOCOL, AclEntry, GroupRule, Network, Route

FORMS: Final = (
    "sg-ID:+in:tcp:1026-1031:10.0.0.0/16",
    "acl-ID:+in:90:deny:tcp:443:10.0.0.0/16",
    "acl-ID:-in:100",
    "rtb-ID:+10.1.0.0/16:tgw-ID",
    "rtb-ID:-10.1.0.0/16",
    "vpce-ID:private-dns=on",
    "vpce-ID:policy=FILE",
    "vpce-ID:+rtb-ID",
    "vpc-ID:dns-support=on",
    "vpc-ID:dns-hostnames=on",
)
"""An example of each form: + adds and - removes, `in` is inbound and `out` outbound. The other side of a group's rule
is a block, a group or a prefix list. A route leads to `local` or to the id of a gateway, a connection or the like."""
_PROTOCOLS: Final = {"tcp": "6", "udp": "17", "all": ANY_PROTOCOL}
"""Protocols by name. Network ACL entries use IANA's numbers, and security groups use the names."""
_ATTRIBUTES: Final = {"support": Settable.DNS_SUPPORT, "hostnames": Settable.DNS_HOSTNAMES}
_LAST_PORT: Final = 65_535
_TRAFFIC: Final = r"(?P<protocol>tcp|udp|all):(?P<ports>all|\d{1,5}(?:-\d{1,5})?)"
_RULE: Final = re.compile(rf"(?P<sign>[+-])(?P<way>in|out):{_TRAFFIC}:(?P<peer>.+)")
_ENTRY: Final = re.compile(rf"\+(?P<way>in|out):(?P<number>\d{{1,5}}):(?P<act>allow|deny):{_TRAFFIC}:(?P<peer>.+)")
_NO_ENTRY: Final = re.compile(r"-(?P<way>in|out):(?P<number>\d{1,5})")
_ROUTE: Final = re.compile(r"\+(?P<destination>.+):(?P<target>local|[a-z]{1,12}-[0-9a-z-]{4,60})")
_NO_ROUTE: Final = re.compile(r"-(?P<destination>.+)")
_PRIVATE_DNS: Final = re.compile(r"private-dns=(?P<to>on|off)")
_POLICY: Final = re.compile(r"policy=(?P<file>.+)")
_TABLE: Final = re.compile(r"(?P<sign>[+-])(?P<table>rtb-[0-9a-z-]{4,60})")
_ATTRIBUTE: Final = re.compile(r"dns-(?P<name>support|hostnames)=(?P<to>on|off)")


@dataclass(frozen=True, slots=True)
class Assumed:
    """A VPC after changes that are only assumed, and these changes in words."""

    known: KnownVpc
    words: tuple[str, ...]


def policy_file_of(text: str) -> str | None:
    """The file from which a typed change takes a policy. None for every other change."""
    of, _, words = text.partition(":")
    match = _POLICY.fullmatch(words) if of.startswith("vpce-") else None
    return None if match is None else match["file"]


def assumed(known: KnownVpc, changes: Sequence[str], policies: Mapping[str, str] | None = None) -> Assumed:
    """The VPC after these changes, made one after the other. `policies` has the texts of the files in the changes.
    Raises AssumptionError."""
    made = Assumed(known, ())
    for text in changes:
        try:
            change = _read_change(made.known, text, policies or {})
            made = Assumed(change.made(made.known), (*made.words, change.words))
        except AssumptionError as error:
            raise AssumptionError(f"{text}: {error}") from error
    return made


def _read_change(known: KnownVpc, text: str, policies: Mapping[str, str]) -> Change:
    of, _, words = text.partition(":")
    kind = of.partition("-")[0]
    parse = _KINDS.get(kind)
    if parse is None or not read_form(kind).fullmatch(of):
        kinds = "a security group, a network ACL, a route table, an endpoint or the VPC"
        raise AssumptionError(f"a change begins with the id of {kinds}, as in {FORMS[0]}")
    if kind == "vpce" and (file := policy_file_of(text)) is not None:
        return _of_policy(of, file, policies)
    return parse(known, of, words)


# --- Security groups -------------------------------------------------------------------------------------------------


def _of_group(known: KnownVpc, group_id: str, words: str) -> Change:
    match = _matched((_RULE,), words, "sg")
    rule = GroupRule(egress=match["way"] == "out", **_traffic(match, is_group=True), **_peer(match["peer"]))
    change = Change(Member(Listed.GROUP_RULE, group_id, rule), match["sign"] == "+")
    if not change.is_in:
        group = Draft(known).part("groups").one(group_id)
        try:
            change.made(known)
        except AlreadyError as error:
            has = [_words(one) for one in group.rules if one.egress is rule.egress]
            raise AssumptionError(f"{error}; it has {listed(has) if has else 'none'}") from error
    return change


def _peer(text: str) -> dict[str, Any]:
    """The other side of a rule: a group, a prefix list or a block."""
    if text.startswith("sg-") and read_form("sg").fullmatch(text):
        return {"referenced_group_id": text}
    if text.startswith("pl-") and read_form("pl").fullmatch(text):
        return {"prefix_list_id": text}
    return {"cidr": _block(text)}


def _words(rule: GroupRule) -> str:
    """A rule in the form in which a typed change writes it."""
    low, high = rule.from_port, rule.to_port
    ports = "all" if low is None or high is None else range_text(low, high)
    protocol = "all" if rule.protocol == ANY_PROTOCOL else rule.protocol
    return f"{protocol}:{ports}:{rule.cidr or rule.prefix_list_id or rule.referenced_group_id}"


# --- Network ACLs ----------------------------------------------------------------------------------------------------


def _of_acl(known: KnownVpc, acl_id: str, words: str) -> Change:
    match = _matched((_ENTRY, _NO_ENTRY), words, "acl")
    acl = Draft(known).part("acls").one(acl_id)
    number, egress = int(match["number"]), match["way"] == "out"
    if not 1 <= number <= LAST_ENTRY:
        raise AssumptionError(f"{number} is not the number of an entry, from 1 to {LAST_ENTRY:,}")
    if match.re is _NO_ENTRY:
        for entry in acl.entries:
            if (entry.number, entry.egress) == (number, egress):
                return Change(Member(Listed.ACL_ENTRY, acl_id, entry), False)
        has = [str(one.number) for one in acl.entries if one.egress is egress and one.number <= LAST_ENTRY]
        way = "outbound" if egress else "inbound"
        raise AssumptionError(f"{acl_id} has no {way} entry {number}; it has {listed(has) if has else 'none'}")
    cidr, allow = _block(match["peer"]), match["act"] == "allow"
    entry = AclEntry(number=number, egress=egress, allow=allow, cidr=cidr, **_traffic(match, is_group=False))
    return Change(Member(Listed.ACL_ENTRY, acl_id, entry))


# --- Route tables ----------------------------------------------------------------------------------------------------


def _of_table(_: KnownVpc, table_id: str, words: str) -> Change:
    match = _matched((_ROUTE, _NO_ROUTE), words, "rtb")
    text = match["destination"]
    is_list = text.startswith("pl-") and read_form("pl").fullmatch(text) is not None
    place: dict[str, Any] = {"prefix_list_id": text} if is_list else {"destination": _block(text)}
    is_in = match.re is _ROUTE
    if is_in:
        place["target"] = match["target"]
    return Change(Member(Listed.ROUTE, table_id, Route(**place)), is_in)


# --- Endpoints -------------------------------------------------------------------------------------------------------


def _of_endpoint(_: KnownVpc, endpoint_id: str, words: str) -> Change:
    match = _matched((_PRIVATE_DNS, _TABLE), words, "vpce")
    if match.re is _TABLE:
        return Change(Member(Listed.GATEWAY_TABLE, endpoint_id, match["table"]), match["sign"] == "+")
    return Change(Setting(Settable.PRIVATE_DNS, endpoint_id, match["to"] == "on"))


def _of_policy(endpoint_id: str, file: str, policies: Mapping[str, str]) -> Change:
    """The change to the policy in a file. AWS must be certain to accept the policy, since a refused policy changes
    nothing."""
    if file not in policies:
        raise AssumptionError(f"{file} was not read")
    document = policies[file]
    try:
        statements_of(document)
    except RefusedError as error:
        raise AssumptionError(f"this is not a policy that AWS would take: {error}") from error
    return Change(Setting(Settable.POLICY, endpoint_id, document))


def _of_vpc(_: KnownVpc, vpc_id: str, words: str) -> Change:
    match = _matched((_ATTRIBUTE,), words, "vpc")
    return Change(Setting(_ATTRIBUTES[match["name"]], vpc_id, match["to"] == "on"))


# --- What all of them need -------------------------------------------------------------------------------------------


_KINDS: Final[dict[str, Callable[[KnownVpc, str, str], Change]]] = {
    "sg": _of_group,
    "acl": _of_acl,
    "rtb": _of_table,
    "vpce": _of_endpoint,
    "vpc": _of_vpc,
}


def _matched(forms: Iterable[re.Pattern[str]], words: str, kind: str) -> re.Match[str]:
    for form in forms:
        if (match := form.fullmatch(words)) is not None:
            return match
    examples = listed(form for form in FORMS if form.startswith(f"{kind}-"))
    raise AssumptionError(f"a change of such a resource has another form: {examples}")


def _traffic(match: re.Match[str], *, is_group: bool) -> dict[str, Any]:
    """Protocol and ports in the form that the resource uses."""
    protocol = match["protocol"]
    low, _, high = match["ports"].partition("-")
    if low == "all":
        first = last = None
    else:
        first, last = int(low), int(high or low)
        if protocol == "all" or not first <= last <= _LAST_PORT:
            raise AssumptionError(f"{match['ports']} is not a port, range of ports or `all` of {protocol}")
    number = _PROTOCOLS[protocol]
    named = protocol if is_group and number != ANY_PROTOCOL else number
    return {"protocol": named, "from_port": first, "to_port": last}


def _block(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise AssumptionError(f"{text} is not a block of addresses such as 10.0.0.0/16") from error
