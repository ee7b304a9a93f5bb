"""The identity of a cause: for each code, the ids in the report that identify it, and whether the account or the Region
is also part of the identity.

A resolver rule that five VPCs share is one cause. A name server at 10.0.0.53 in the networks of two companies is two
causes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from agent.report.model import SubjectKind

if TYPE_CHECKING:
    from agent.fleet.database import Database

_PORT: Final = SubjectKind.PORT.value
IDENTIFIES: Final[dict[str, tuple[SubjectKind, ...]]] = {
    "HTTP005": (),
    "VPC007": (SubjectKind.ROUTE_TABLE,),
    "VPC011": (SubjectKind.DHCP_OPTIONS,),
    "VPC015": (SubjectKind.RULE,),
    "VPC016": (SubjectKind.HOSTED_ZONE,),
    "VPC017": (SubjectKind.RULE,),
    "VPC018": (SubjectKind.PROFILE,),
    "IAM004": (SubjectKind.ACCOUNT,),
    "IAM005": (SubjectKind.ACCOUNT,),
}
"""For each code, the kinds of subjects that identify its fault. Other subjects are left out. A rule, a hosted zone, a
Profile or a route table is the same cause in every VPC. The policy of an organization is the same cause for every role.
A fault of AWS itself is the same cause in every account."""
_OF_REGION: Final = frozenset({"HTTP005", "API007"})
"""Faults of a service, which belong to a Region."""
_OF_ACCOUNT: Final = frozenset({"API007"})
"""Faults of quotas, which AWS applies to each account separately."""
_ADDRESS: Final = "address="
_VPC: Final = "vpc="
_PRIVATE: Final = ("resolver=", "url=")
"""Kinds of servers with an address. If it is a private address, another account's network may use it for another
server."""
_ONE_SERVER: Final = 3
"""If a name server or a proxy has the same address in at least this number of accounts, it counts as a single server.
If the same addresses are in at least this number of VPCs, they count as one endpoint. A single server is then more
likely than several separate servers that all fail in the same way."""


def identify(database: "Database") -> None:
    """Replace the keys of faults in the table `fault_row` by keys that identify the faults."""
    database.run("known_as")
    rows = database.ask("place_key", codes=sorted(IDENTIFIES.keys() | _OF_REGION))
    whole = dict(database.ask("path_row"))
    accounts: defaultdict[str, set[str | None]] = defaultdict(set)
    vpcs: defaultdict[str, set[str]] = defaultdict(set)
    for key, account, _ in rows:
        accounts[key].add(account)
        path = whole.get(key, key)
        if f"|{_ADDRESS}" in path:
            vpcs[_without_vpc(path)].add(path)
    found = []
    for key, account, region in rows:
        path = whole.get(key, key)
        if len(vpcs.get(anywhere := _without_vpc(path), ())) >= _ONE_SERVER:
            path = anywhere
        is_one_server = len(accounts[key]) >= _ONE_SERVER
        found.append((key, account, region, identified(path, account, region, is_one_server=is_one_server)))
    database.fill("known_as", (row for row in found if row[0] != row[3]))
    database.run("identified")


def wholes(records: Mapping[str, int]) -> dict[str, str]:
    """Map each key with only some of the addresses to a key that has these and more addresses, and is otherwise the
    same. The latter key must have at least half as many records. `records` has the number of records of every key with
    addresses."""
    alike: defaultdict[tuple[str, ...], list[tuple[frozenset[str], str]]] = defaultdict(list)
    for key in records:
        parts = key.split("|")
        rest = tuple(part for part in parts if not part.startswith(_ADDRESS))
        alike[rest].append((frozenset(parts) - frozenset(rest), key))
    found: dict[str, str] = {}
    for of in alike.values():
        for addresses, key in sorted(of, key=lambda one: -len(one[0])):
            larger = [other for more, other in of if addresses < more and 2 * records[other] >= records[key]]
            if larger:
                most = max(larger, key=lambda other: (records[other], other))
                found[key] = found.get(most, most)
    return found


def _without_vpc(key: str) -> str:
    return "|".join(part for part in key.split("|") if not part.startswith(_VPC))


def identified(key: str, account: str | None = None, region: str | None = None, *, is_one_server: bool = False) -> str:
    """Return a key reduced to the parts that identify a fault of hosts in an account and a Region. If `is_one_server`
    is true, a private address in the key belongs to the same server in all accounts."""
    code, *parts = key.split("|")
    if code in IDENTIFIES:
        kinds = {kind.value for kind in IDENTIFIES[code]}
        if not kinds or any(_kind(part) in kinds for part in parts):
            parts = [part for part in parts if _kind(part) in kinds or _kind(part) == _PORT]
    if account is not None and (code in _OF_ACCOUNT or (any(map(_is_private, parts)) and not is_one_server)):
        parts = _with(parts, f"account={account}")
    if region is not None and code in _OF_REGION:
        parts = _with(parts, f"region={region}")
    return "|".join((code, *parts))


def _with(parts: Iterable[str], part: str) -> list[str]:
    return list(dict.fromkeys((*parts, part)))


def _kind(part: str) -> str:
    return part.partition("=")[0]


def _is_private(part: str) -> bool:
    """Whether a part identifies a server by an address that other networks may use, too."""
    if not part.startswith(_PRIVATE):
        return False
    id_ = unquote(part.partition("=")[2])
    try:
        host = urlsplit(id_).hostname if "://" in id_ else id_
        return ip_address(host or "").is_private
    except ValueError:  # the host is a name, or the address is malformed
        return False
