"""The VPCs of a large account. Each has 12 subnets in three zones, 60 hosts, 25 security groups of 10 rules, six route
tables and eight endpoints. In every tenth VPC, one group of endpoints allows no host. All other endpoints work.
"""

from collections.abc import Iterator
from ipaddress import IPv4Network, ip_network
from typing import Final

from agent.catalog.services import SERVICES, checkable, private_link_labels, service_name_of
from agent.settings import Ec2Facts
from probes.vpc.model import (
    AVAILABLE,
    ENDPOINT_SERVICES,
    AclEntry,
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
from tests.support.large_vpc import ACCOUNT, REGION, facts_of

NAMES: Final = ("backup", "backup-gateway", "sts", "kms", "ssm", "ssmmessages", "ec2messages", "logs")
SERVICES_THERE: Final = tuple(name for name in (*NAMES, *checkable()) if name in SERVICES and name != "s3")[:8]
SUBNETS_EACH: Final = 12
HOSTS_EACH: Final = 60
GROUPS_EACH: Final = 25
RULES_EACH: Final = 10
TABLES_EACH: Final = 6
ZONES: Final = 3
FAULTY: Final = 10
"""One VPC in this number has a group of endpoints that allows no host."""
_POLICY: Final = (
    '{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},'
    '"Action":"*","Resource":"*"}]}'
)
_ANYWHERE: Final = ip_network("0.0.0.0/0")


def vpcs(count: int) -> Iterator[Ec2Facts]:
    """Yield the facts of `count` VPCs in the order in which they are read."""
    for number in range(count):
        yield _Made(number).facts()


class _Made:
    def __init__(self, number: int) -> None:
        self._number = number
        self.vpc_id = self._id("vpc", 0)
        self.block = IPv4Network((int(ip_network("10.0.0.0/8").network_address) + number * 65_536, 16))

    def _id(self, kind: str, place: int) -> str:
        return f"{kind}-{self._number:08x}{place:09x}"

    def _subnet(self, place: int) -> IPv4Network:
        return IPv4Network((int(self.block.network_address) + place * 256, 24))

    def facts(self) -> Ec2Facts:
        return facts_of(
            Vpc(vpc_id=self.vpc_id, owner_id=ACCOUNT, cidrs=(self.block,), dhcp_options_id="dopt-0a1b2c3d"),
            endpoints=tuple(self._endpoints()),
            of_endpoints=tuple(self._of_endpoints()),
            hosts=tuple(self._hosts()),
            subnets=SubnetsFacts(subnets=tuple(self._subnets())),
            tables=RouteTablesFacts(tables=tuple(self._tables())),
            acls=NetworkAclsFacts(acls=(self._acl(),)),
            groups=SecurityGroupsFacts(groups=tuple(self._groups())),
            more={ENDPOINT_SERVICES: EndpointServicesFacts(services=(), asked=private_link_labels(checkable()))},
        )

    def _subnets(self) -> Iterator[Subnet]:
        for place in range(SUBNETS_EACH):
            yield Subnet(
                subnet_id=self._id("subnet", place),
                vpc_id=self.vpc_id,
                cidrs=(self._subnet(place),),
                availability_zone=f"{REGION}{'abc'[place % ZONES]}",
                owner_id=ACCOUNT,
            )

    def _tables(self) -> Iterator[RouteTable]:
        for place in range(TABLES_EACH):
            yield RouteTable(
                table_id=self._id("rtb", place),
                vpc_id=self.vpc_id,
                main=place == 0,
                subnet_ids=tuple(self._id("subnet", one) for one in range(place, SUBNETS_EACH, TABLES_EACH)),
                routes=(Route(destination=self.block), Route(destination=_ANYWHERE, target=self._id("nat", place))),
            )

    def _acl(self) -> NetworkAcl:
        entries = tuple(AclEntry(number=100, egress=egress, allow=True, cidr=_ANYWHERE) for egress in (True, False))
        subnets = tuple(self._id("subnet", place) for place in range(SUBNETS_EACH))
        return NetworkAcl(
            acl_id=self._id("acl", 0), vpc_id=self.vpc_id, default=True, subnet_ids=subnets, entries=entries
        )

    def _groups(self) -> Iterator[SecurityGroup]:
        """The security groups of a VPC: first the groups of its endpoints, then those of its hosts."""
        for place in range(GROUPS_EACH):
            source = ip_network("192.0.2.0/24") if place == 0 and self._number % FAULTY == 0 else self.block
            last = 2222 if place == 0 else 443
            first = GroupRule(protocol="tcp", from_port=443, to_port=last, cidr=source)
            out = GroupRule(egress=True, protocol="-1", cidr=_ANYWHERE)
            more = (
                GroupRule(protocol="tcp", from_port=8000 + port, to_port=8000 + port, cidr=self._subnet(port))
                for port in range(RULES_EACH - 2)
            )
            yield SecurityGroup(group_id=self._id("sg", place), rules=(out, first, *more))

    def _hosts(self) -> Iterator[NetworkInterface]:
        for host in range(HOSTS_EACH):
            place = host % SUBNETS_EACH
            yield NetworkInterface(
                interface_id=self._id("eni", host),
                vpc_id=self.vpc_id,
                subnet_id=self._id("subnet", place),
                addresses=(self._subnet(place)[10 + host],),
                group_ids=(self._id("sg", 1 + host % (GROUPS_EACH - 1)),),
                kind="interface",
                status="in-use",
                availability_zone=f"{REGION}{'abc'[place % ZONES]}",
                instance_id=self._id("i", host),
                owner_id=ACCOUNT,
            )

    def _of_endpoints(self) -> Iterator[NetworkInterface]:
        for place in range(len(SERVICES_THERE)):
            for zone in range(ZONES):
                yield NetworkInterface(
                    interface_id=self._id("eni", 1_000 + place * ZONES + zone),
                    vpc_id=self.vpc_id,
                    subnet_id=self._id("subnet", zone),
                    addresses=(self._subnet(zone)[100 + place],),
                    group_ids=(self._id("sg", 0),),
                    kind="vpc_endpoint",
                    status="in-use",
                    owner_id=ACCOUNT,
                )

    def _endpoints(self) -> Iterator[VpcEndpoint]:
        for place, service in enumerate(SERVICES_THERE):
            endpoint_id = self._id("vpce", place)
            label = SERVICES[service].private_links[0].label
            yield VpcEndpoint(
                endpoint_id=endpoint_id,
                service_name=service_name_of(service, REGION) or "",
                vpc_id=self.vpc_id,
                state=AVAILABLE,
                private_dns=True,
                ip_address_type="ipv4",
                dns_names=(
                    f"{endpoint_id}-abcdefgh.{label}.{REGION}.vpce.amazonaws.com",
                    f"{SERVICES[service].host_label}.{REGION}.amazonaws.com",
                ),
                subnet_ids=tuple(self._id("subnet", zone) for zone in range(ZONES)),
                interface_ids=tuple(self._id("eni", 1_000 + place * ZONES + zone) for zone in range(ZONES)),
                group_ids=(self._id("sg", 0),),
                policy=_POLICY,
                owner_id=ACCOUNT,
            )
