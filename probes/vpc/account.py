"""Read the network of a whole account and Region once, and split it by VPC.

EC2, Route 53's Resolver and its Profiles give some lists for the whole Region. Such a list is read completely when a
VPC first needs some of its rows; then every VPC gets its rows from the list. Other requests are made for each VPC.
Answers and refusals are kept, so no request is made twice.

The number of requests is limited: each list may have MAX_PAGES pages, and each VPC has MAX_REQUESTS_OF_VPC requests.
VPCs that need more share the rest of MAX_REQUESTS. If a list is too long, it is requested separately for each VPC
instead.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from probes.frozen import dataclass
from probes.model import FailureKind, ProbeError
from probes.seams import Reader
from probes.vpc import parse
from probes.vpc.parse import Row
from probes.vpc.reads import EC2, RESOLVER, ROUTE_53_PROFILES

MAX_REQUESTS: Final = 30
"""Maximum number of requests for an account and Region. Further pages of lists, and requests for single VPCs, are not
included."""
MAX_REQUESTS_OF_VPC: Final = 10
MAX_PAGES: Final = 200
"""Maximum number of pages of one list. With 1,000 rows a page, this is 200,000 rows. A Region has 5,000 interfaces and
2,500 security groups unless somebody requests more (Amazon VPC User Guide, Amazon VPC quotas)."""
WAITS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0)
"""Seconds to wait before each further attempt at a request that AWS throttled. AWS allows new requests within seconds
(EC2 API Reference, Request throttling)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """How to read a list completely, and by which members of its rows single rows can be requested."""

    rows: str
    """The member of an answer that has the rows."""
    by: Mapping[str, str]
    """The member of a row to which each filter or parameter applies."""
    page: int | None = 1_000
    """Number of rows in a page. None if a request for all rows must not have such a number."""


_OPERATIONS: Final[Mapping[tuple[str, str], _List]] = {
    (EC2, "DescribeVpcs"): _List(rows="Vpcs", by={"VpcIds": "VpcId", "vpc-id": "VpcId"}),
    (EC2, "DescribeDhcpOptions"): _List(rows="DhcpOptions", by={"DhcpOptionsIds": "DhcpOptionsId"}),
    (EC2, "DescribeSubnets"): _List(rows="Subnets", by={"vpc-id": "VpcId"}),
    (EC2, "DescribeRouteTables"): _List(rows="RouteTables", by={"vpc-id": "VpcId"}, page=100),
    (EC2, "DescribeNetworkAcls"): _List(rows="NetworkAcls", by={"vpc-id": "VpcId"}),
    (EC2, "DescribeSecurityGroups"): _List(rows="SecurityGroups", by={"vpc-id": "VpcId", "group-id": "GroupId"}),
    (EC2, "DescribeSecurityGroupRules"): _List(rows="SecurityGroupRules", by={"group-id": "GroupId"}),
    (EC2, "DescribeNetworkInterfaces"): _List(
        rows="NetworkInterfaces", by={"vpc-id": "VpcId", "network-interface-id": "NetworkInterfaceId"}
    ),
    (EC2, "DescribeVpcPeeringConnections"): _List(
        rows="VpcPeeringConnections", by={"vpc-peering-connection-id": "VpcPeeringConnectionId"}
    ),
    (EC2, "DescribeTransitGatewayAttachments"): _List(
        rows="TransitGatewayAttachments", by={"transit-gateway-id": "TransitGatewayId", "resource-id": "ResourceId"}
    ),
    (EC2, "DescribeTransitGatewayVpcAttachments"): _List(
        rows="TransitGatewayVpcAttachments", by={"transit-gateway-id": "TransitGatewayId", "vpc-id": "VpcId"}
    ),
    (RESOLVER, "ListResolverRuleAssociations"): _List(rows="ResolverRuleAssociations", by={"VPCId": "VPCId"}, page=100),
    (RESOLVER, "ListFirewallRuleGroupAssociations"): _List(
        rows="FirewallRuleGroupAssociations", by={"VpcId": "VpcId"}, page=100
    ),
    (ROUTE_53_PROFILES, "ListProfileAssociations"): _List(
        rows="ProfileAssociations", by={"ResourceId": "ResourceId"}, page=100
    ),
}
_FOR_VPCS: Final = MAX_REQUESTS - len(_OPERATIONS)
_NOT_OF_ROWS: Final = ("Filters", "MaxResults", "NextToken")

Turn = Callable[[str], Awaitable[None]]
"""A function that waits until another request to a service is allowed."""


async def _at_once(_: str) -> None:
    """Do not wait. This is for a reader that limits its rate itself."""


class Account:
    """Everything that was read so far about an account and Region."""

    def __init__(self, reader: Reader, turn: Turn = _at_once) -> None:
        self._reader = reader
        self._turn = turn
        self._kept: dict[str, Row | ProbeError] = {}
        self._lists: dict[tuple[str, str], _Rows | ProbeError] = {}
        self._locks: defaultdict[object, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._left = _FOR_VPCS

    def of_vpc(self) -> Reader:
        """Return a reader for one VPC."""
        return _OfVpc(self)

    async def prepare(self, services: Iterable[str]) -> None:
        await self._reader.prepare(services)

    async def joined(self, vpc_id: str) -> frozenset[str]:
        """Return the VPCs that a peering or a transit gateway may join to a VPC. Peerings and transit gateways that
        cannot be read are left out. The reads of the targets of the VPC's route tables then also fail, and report
        this."""
        rows = await self._known(EC2, "DescribeVpcPeeringConnections")
        sides = ("RequesterVpcInfo", "AccepterVpcInfo")
        ends = [{(row.get(side) or {}).get("VpcId") for side in sides} for row in rows]
        attached = await self._known(EC2, "DescribeTransitGatewayAttachments")
        by_gateway: defaultdict[object, set[object]] = defaultdict(set)
        for row in attached:
            by_gateway[row.get("TransitGatewayId")].add(row.get("ResourceId"))
        found = {end for group in (*ends, *by_gateway.values()) if vpc_id in group for end in group}
        return frozenset(end for end in found if isinstance(end, str) and end != vpc_id)

    async def _known(self, service: str, operation: str) -> list[Row]:
        try:
            return (await self._list(service, operation)).all
        except ProbeError:
            return []

    async def asked(self, service: str, operation: str, parameters: Row, of: "_OfVpc") -> Row:
        """Return the answer to a request for one VPC."""
        known = _OPERATIONS.get((service, operation))
        wanted = None if known is None else _values(known, parameters)
        if known is not None and wanted is not None:
            try:
                rows = await self._list(service, operation)
            except ProbeError as error:
                if error.kind is not FailureKind.TOO_LARGE:
                    raise
            else:
                return {known.rows: rows.among(wanted)}
        return await self._once(service, operation, parameters, of)

    async def _once(self, service: str, operation: str, parameters: Row, of: "_OfVpc") -> Row:
        key = json.dumps((service, operation, parameters), sort_keys=True)
        async with self._locks[key]:
            if key not in self._kept:
                if "NextToken" not in parameters:
                    self._charge(of)
                try:
                    self._kept[key] = await self._ask(service, operation, parameters)
                except ProbeError as error:
                    self._kept[key] = error
        kept = self._kept[key]
        if isinstance(kept, ProbeError):
            raise kept
        return kept

    def _charge(self, of: "_OfVpc") -> None:
        """Count a request. Raises ProbeError of kind `too-large` if no request is left."""
        if of.left:
            of.left -= 1
        elif self._left:
            self._left -= 1
        else:
            message = (
                f"more than can be read with the {MAX_REQUESTS_OF_VPC} requests for this VPC and the {_FOR_VPCS} "
                "requests that all VPCs share"
            )
            raise ProbeError(FailureKind.TOO_LARGE, message)

    async def _list(self, service: str, operation: str) -> "_Rows":
        place = service, operation
        async with self._locks[place]:
            if place not in self._lists:
                try:
                    self._lists[place] = _Rows(await self._pages(service, operation))
                except ProbeError as error:
                    self._lists[place] = error
        held = self._lists[place]
        if isinstance(held, ProbeError):
            raise held
        return held

    async def _pages(self, service: str, operation: str) -> list[Row]:
        """Return the rows of a whole list. Raises ProbeError of kind `too-large` for a list that does not end."""
        known = _OPERATIONS[service, operation]
        rows: list[Row] = []
        parameters: dict[str, Any] = {} if known.page is None else {"MaxResults": known.page}
        for _ in range(MAX_PAGES):
            answer = await self._ask(service, operation, parameters)
            rows += parse.rows(answer, known.rows, needed=True)
            token = answer.get("NextToken") or None
            if token is None:
                return rows
            if token == parameters.get("NextToken"):
                raise ProbeError(FailureKind.MALFORMED, f"{operation} gives the same page twice")
            parameters = {**parameters, "NextToken": token}
        raise ProbeError(FailureKind.TOO_LARGE, f"{operation} gives more than {MAX_PAGES} pages")

    async def _ask(self, service: str, operation: str, parameters: Row) -> Row:
        """Return one answer. While AWS throttles the request, wait and make it again."""
        for wait in WAITS:
            await self._turn(service)
            try:
                return await self._reader.read(service, operation, parameters)
            except ProbeError as error:
                if error.kind is not FailureKind.THROTTLED:
                    raise
            await asyncio.sleep(wait)
        await self._turn(service)
        return await self._reader.read(service, operation, parameters)


class _OfVpc:
    """The reader for one VPC, with the number of requests that are reserved for this VPC."""

    def __init__(self, account: Account) -> None:
        self.left = MAX_REQUESTS_OF_VPC
        self._account = account

    async def prepare(self, services: Iterable[str]) -> None:
        await self._account.prepare(services)

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._account.asked(service, operation, parameters, self)


class _Rows:
    """The rows of a list, indexed by their members."""

    def __init__(self, rows: list[Row]) -> None:
        self.all = rows
        self._by: dict[str, defaultdict[object, list[Row]]] = {}

    def among(self, wanted: list[tuple[str, frozenset[str]]]) -> list[Row]:
        """Return the rows whose members are all among the given values."""
        if not wanted:
            return self.all
        (first, values), *others = wanted
        if first not in self._by:
            self._by[first] = defaultdict(list)
            for row in self.all:
                self._by[first][row.get(first)].append(row)
        rows = [row for value in sorted(values) for row in self._by[first].get(value, ())]
        return [row for row in rows if all(row.get(member) in those for member, those in others)]


def _values(known: _List, parameters: Row) -> list[tuple[str, frozenset[str]]] | None:
    """Return, for each member of a row, the values that a request asks for. None if the request also has other
    conditions."""
    asked = {name: value for name, value in parameters.items() if name not in _NOT_OF_ROWS}
    asked |= {one["Name"]: one["Values"] for one in parameters.get("Filters", ())}
    if not asked.keys() <= known.by.keys():
        return None
    return [(known.by[name], frozenset([value] if isinstance(value, str) else value)) for name, value in asked.items()]
