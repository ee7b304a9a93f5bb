"""A VPC of a small account. It has two zones, a subnet and a host in each, and endpoints that a test chooses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import islice
from typing import Any, Final

from agent.catalog.services import SERVICES, checkable, private_link_labels, service_name_of
from agent.settings import Ec2Facts
from probes.frozen import dataclass
from probes.model import Address, Observation, Ok
from probes.vpc.model import (
    AVAILABLE,
    ENDPOINT_INTERFACES,
    ENDPOINT_SERVICES,
    ENDPOINTS,
    NETWORK_ACLS,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    AclEntry,
    ConfigurationFacts,
    EndpointServicesFacts,
    GroupRule,
    NetworkAcl,
    NetworkAclsFacts,
    NetworkInterface,
    Route,
    RouteTable,
    RouteTablesFacts,
    SecurityGroup,
    SecurityGroupsFacts,
    Subnet,
    SubnetsFacts,
    Vpc,
    VpcEndpoint,
)
from tests.support import large_vpc

ACCOUNT: Final = large_vpc.ACCOUNT
ANYWHERE: Final = ip_network("0.0.0.0/0")
ANYWHERE_6: Final = ip_network("::/0")
POLICY: Final = (
    '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*",'
    '"Condition":{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}}]}'
)
OUT: Final = (
    GroupRule(egress=True, protocol="-1", cidr=ANYWHERE),
    GroupRule(egress=True, protocol="-1", cidr=ANYWHERE_6),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The choices from which a VPC is made."""

    number: int = 1
    region: str = "eu-west-1"
    owner: str = ACCOUNT
    block: IPv4Network | IPv6Network = ip_network("10.1.0.0/16")
    services: tuple[str, ...] = ("backup",)
    zones: int = 2
    """The number of zones in which the endpoints have an interface: one or two."""
    private_dns: bool = True
    policy: str | None = POLICY
    group: tuple[GroupRule, ...] | None = None
    """The rules of the endpoints' group. None stands for a rule that allows port 443 from the VPC."""
    is_default: bool = False
    """Whether the endpoints have the VPC's default group, which the hosts have, too."""
    routes: tuple[Route, ...] = ()
    more: Mapping[str, ConfigurationFacts] = field(default_factory=dict)

    def id(self, kind: str, place: int = 0) -> str:
        """The id of a resource of the VPC. `place` distinguishes the resources of a kind."""
        return f"{kind}-{self.number:08x}{place:09x}"

    @property
    def vpc_id(self) -> str:
        return self.id("vpc")

    def _block(self, zone: int) -> IPv4Network | IPv6Network:
        length = 24 if self.block.version == 4 else 64
        subnets: Iterator[IPv4Network | IPv6Network] = self.block.subnets(new_prefix=length)
        return next(islice(subnets, zone, None))

    def address(self, zone: int, place: int) -> Address:
        """An address in the subnet of a zone."""
        return self._block(zone)[place]

    def facts(self, endpoints: Sequence[VpcEndpoint] | None = None) -> Ec2Facts:
        """The facts about the VPC. If `endpoints` are given, they replace the VPC's own."""
        subnet_ids = tuple(self.id("subnet", zone) for zone in range(2))
        made = tuple(self.endpoints()) if endpoints is None else tuple(endpoints)
        facts = large_vpc.facts_of(
            Vpc(vpc_id=self.vpc_id, owner_id=self.owner, cidrs=(self.block,), dhcp_options_id="dopt-0a1b2c3d"),
            endpoints=made,
            of_endpoints=tuple(self._interfaces()),
            hosts=tuple(self._hosts()),
            subnets=SubnetsFacts(
                subnets=tuple(
                    Subnet(
                        subnet_id=subnet_id,
                        vpc_id=self.vpc_id,
                        cidrs=(self._block(zone),),
                        availability_zone=f"{self.region}{'ab'[zone]}",
                        owner_id=self.owner,
                    )
                    for zone, subnet_id in enumerate(subnet_ids)
                )
            ),
            tables=RouteTablesFacts(
                tables=(
                    RouteTable(
                        table_id=self.id("rtb"),
                        vpc_id=self.vpc_id,
                        main=True,
                        subnet_ids=(),
                        routes=(Route(destination=self.block), *self.routes),
                    ),
                )
            ),
            acls=NetworkAclsFacts(
                acls=(
                    NetworkAcl(
                        acl_id=self.id("acl"),
                        vpc_id=self.vpc_id,
                        default=True,
                        subnet_ids=subnet_ids,
                        entries=tuple(
                            AclEntry(number=100 + place, egress=egress, allow=True, cidr=cidr)
                            for egress in (True, False)
                            for place, cidr in enumerate((ANYWHERE, ANYWHERE_6))
                        ),
                    ),
                )
            ),
            groups=SecurityGroupsFacts(groups=tuple(self._groups())),
            more={
                ENDPOINT_SERVICES: EndpointServicesFacts(services=(), asked=private_link_labels(checkable())),
                **self.more,
            },
        )
        return replace(facts, region=self.region)

    def _groups(self) -> Iterator[SecurityGroup]:
        https = GroupRule(protocol="tcp", from_port=443, to_port=443, cidr=self.block)
        rules = (*OUT, https) if self.group is None else self.group
        yield SecurityGroup(group_id=self.id("sg"), rules=rules, default=self.is_default)
        yield SecurityGroup(group_id=self.id("sg", 1), rules=OUT)

    def _hosts(self) -> Iterator[NetworkInterface]:
        for zone in range(2):
            yield NetworkInterface(
                interface_id=self.id("eni", zone),
                vpc_id=self.vpc_id,
                subnet_id=self.id("subnet", zone),
                addresses=(self.address(zone, 10),),
                group_ids=(self.id("sg", 0 if self.is_default else 1),),
                kind="interface",
                status="in-use",
                instance_id=self.id("i", zone),
                owner_id=self.owner,
            )

    def _interfaces(self) -> Iterator[NetworkInterface]:
        for place, _ in enumerate(self.services):
            for zone in range(self.zones):
                yield NetworkInterface(
                    interface_id=self.id("eni", 100 + 10 * place + zone),
                    vpc_id=self.vpc_id,
                    subnet_id=self.id("subnet", zone),
                    addresses=(self.address(zone, 100 + place),),
                    group_ids=(self.id("sg"),),
                    kind="vpc_endpoint",
                    status="in-use",
                    owner_id=self.owner,
                )

    def endpoints(self) -> Iterator[VpcEndpoint]:
        """The VPC's endpoints, in the order of their services. A service that is listed twice has two of them."""
        for place, service in enumerate(self.services):
            label = SERVICES[service].private_links[0].label
            suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
            own = f"{self.id('vpce', place)}-abcdefgh.{label}.{self.region}.vpce.{suffix}"
            is_on = self.private_dns and service not in self.services[:place]
            yield VpcEndpoint(
                endpoint_id=self.id("vpce", place),
                service_name=service_name_of(service, self.region) or "",
                vpc_id=self.vpc_id,
                state=AVAILABLE,
                private_dns=is_on,
                ip_address_type=f"ipv{self.block.version}",
                dns_names=(own, *((f"{SERVICES[service].host_label}.{self.region}.{suffix}",) if is_on else ())),
                subnet_ids=tuple(self.id("subnet", zone) for zone in range(self.zones)),
                interface_ids=tuple(self.id("eni", 100 + 10 * place + zone) for zone in range(self.zones)),
                group_ids=(self.id("sg"),),
                policy=self.policy,
                owner_id=self.owner,
            )


_JOINED: Final = {
    ENDPOINTS: "endpoints",
    ENDPOINT_INTERFACES: "interfaces",
    SUBNETS: "subnets",
    ROUTE_TABLES: "tables",
    NETWORK_ACLS: "acls",
    SECURITY_GROUPS: "groups",
}
"""The reads that also return resources of a VPC that is joined to this VPC. Each read has the field with these
resources.
"""


def read_together(own: Ec2Facts, joined: Ec2Facts) -> Ec2Facts:
    """The facts from one read of the whole account, about a VPC and about a VPC that a peering or a transit gateway
    joins to it.
    """
    others: dict[str | None, Any] = {one.subject.operation: one.facts for one in joined.observations}

    def more(one: Observation[Any]) -> Observation[Any]:
        facts: Any = one.facts
        if (name := _JOINED.get(one.subject.operation or "")) is None:
            return one
        rows = (*getattr(facts, name), *getattr(others[one.subject.operation], name))
        return replace(one, outcome=Ok(replace(facts, **{name: rows})))

    return replace(own, observations=tuple(map(more, own.observations)))
