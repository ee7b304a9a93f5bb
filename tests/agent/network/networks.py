"""Builders of configurations for tests of predictions: small configurations, their single rules, and a large
configuration.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any, Final

from agent.network.predictor import Predictor
from agent.report.hops import Hop, Prediction, Reachability, Stage
from probes.model import Address
from probes.vpc.model import (
    AclEntry,
    Configuration,
    GroupRule,
    NetworkAcl,
    NetworkInterface,
    PrefixList,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
    VpcEndpoint,
)

OPEN, BLOCKED, DOUBTFUL, CANNOT_TELL = (
    Reachability.OPEN,
    Reachability.BLOCKED,
    Reachability.DOUBTFUL,
    Reachability.CANNOT_TELL,
)
GATEWAY_PORTS: Final = (443, 1026, 1027, 1028, 1031, 2222)

HOST: Final = ip_address("10.0.0.5")
HOST6: Final = ip_address("fd00:a::5")
THERE: Final = ip_address("10.0.1.17")
THERE6: Final = ip_address("fd00:a:0:1::17")
BESIDE: Final = ip_address("10.0.0.17")
"""The address of an endpoint interface in this host's own subnet."""
ABROAD: Final = ip_address("10.1.1.17")
"""The address of an endpoint interface in another VPC."""


def rule(
    ports: str, whom: str, *, egress: bool = False, protocol: str = "tcp", rule_id: str | None = None
) -> GroupRule:
    """A rule of a group, such as `rule("443-450", "10.0.0.0/16")`, `rule("", "sg-b")` or `rule("443", "pl-1")`."""
    low, _, high = ports.partition("-")
    who: dict[str, Any] = {"cidr": ip_network(whom)} if whom[0] not in "sp" else {}
    who |= {"referenced_group_id": whom} if whom.startswith("sg-") else {}
    who |= {"prefix_list_id": whom} if whom.startswith("pl-") else {}
    return GroupRule(
        rule_id=rule_id,
        egress=egress,
        protocol=protocol,
        from_port=int(low) if low else None,
        to_port=int(high or low) if low else None,
        **who,
    )


def out(ports: str, whom: str, **more: Any) -> GroupRule:
    return rule(ports, whom, egress=True, **more)


def entry(
    number: int, verb: str, cidr: str, ports: str = "", *, egress: bool = False, protocol: str | None = None
) -> AclEntry:
    low, _, high = ports.partition("-")
    return AclEntry(
        number=number,
        egress=egress,
        allow=verb == "allow",
        cidr=ip_network(cidr),
        protocol=protocol or ("6" if ports else "-1"),
        from_port=int(low) if low else None,
        to_port=int(high or low) if low else None,
    )


def open_entries() -> tuple[AclEntry, ...]:
    """The entries of a VPC's default network ACL."""
    return tuple(
        acl_entry
        for egress in (False, True)
        for acl_entry in (
            entry(100, "allow", "0.0.0.0/0", egress=egress),
            entry(101, "allow", "::/0", egress=egress),
            entry(32767, "deny", "0.0.0.0/0", egress=egress),
            entry(32768, "deny", "::/0", egress=egress),
        )
    )


def route(what: str, target: str = "local", state: str = "active") -> Route:
    if what.startswith("pl-"):
        return Route(prefix_list_id=what, target=target, state=state)
    return Route(destination=ip_network(what), target=target, state=state)


OWN: Final = NetworkInterface(
    interface_id="eni-host", vpc_id="vpc-a", subnet_id="subnet-host", addresses=(HOST, HOST6), group_ids=("sg-host",)
)
INTERFACE: Final = NetworkInterface(
    interface_id="eni-there",
    vpc_id="vpc-a",
    subnet_id="subnet-there",
    addresses=(THERE, THERE6),
    group_ids=("sg-there",),
)
ENDPOINT: Final = VpcEndpoint(
    endpoint_id="vpce-1",
    service_name="com.amazonaws.eu-west-1.backup-gateway",
    vpc_id="vpc-a",
    state="available",
    private_dns=True,
    subnet_ids=("subnet-there", "subnet-host"),
    interface_ids=("eni-there", "eni-beside"),
    group_ids=("sg-there",),
)
FAR_ENDPOINT: Final = replace(
    ENDPOINT,
    endpoint_id="vpce-2",
    vpc_id="vpc-b",
    subnet_ids=("subnet-abroad",),
    interface_ids=("eni-abroad",),
    group_ids=("sg-abroad",),
)
LOCAL_ROUTES: Final = (route("10.0.0.0/16"), route("fd00:a::/48"))


def configuration(
    *,
    host_rules: Sequence[GroupRule] = (out("", "0.0.0.0/0", protocol="-1"), out("", "::/0", protocol="-1")),
    there_rules: Sequence[GroupRule] = (rule("443", "10.0.0.0/16"), rule("443", "fd00:a::/48")),
    abroad_rules: Sequence[GroupRule] = (rule("443", "10.0.0.0/16"),),
    host_entries: Sequence[AclEntry] | None = None,
    there_entries: Sequence[AclEntry] | None = None,
    host_routes: Sequence[Route] = LOCAL_ROUTES,
    there_routes: Sequence[Route] = LOCAL_ROUTES,
    abroad_routes: Sequence[Route] = (route("10.1.0.0/16"), route("10.0.0.0/16", "pcx-1")),
    **other: Any,
) -> Configuration:
    """A configuration that was read completely. The paths from HOST to port 443 of THERE and BESIDE are open. The path
    to ABROAD would be open, but has no route.
    """
    whole = Configuration(
        endpoints=(ENDPOINT, FAR_ENDPOINT),
        endpoint_services=("backup", "backup-gateway"),
        own_interfaces=(OWN,),
        endpoint_interfaces=(
            INTERFACE,
            replace(INTERFACE, interface_id="eni-beside", subnet_id="subnet-host", addresses=(BESIDE,)),
            NetworkInterface(
                interface_id="eni-abroad",
                vpc_id="vpc-b",
                subnet_id="subnet-abroad",
                addresses=(ABROAD,),
                group_ids=("sg-abroad",),
            ),
        ),
        vpc=Vpc(
            vpc_id="vpc-a",
            owner_id="111122223333",
            cidrs=(ip_network("10.0.0.0/16"), ip_network("fd00:a::/48")),
            dhcp_options_id=None,
        ),
        subnets=(
            Subnet(
                subnet_id="subnet-host",
                vpc_id="vpc-a",
                cidrs=(ip_network("10.0.0.0/24"), ip_network("fd00:a::/64")),
            ),
        ),
        route_tables=(
            RouteTable(
                table_id="rtb-host", vpc_id="vpc-a", main=False, subnet_ids=("subnet-host",), routes=tuple(host_routes)
            ),
            RouteTable(table_id="rtb-main", vpc_id="vpc-a", main=True, subnet_ids=(), routes=tuple(there_routes)),
            RouteTable(
                table_id="rtb-abroad",
                vpc_id="vpc-b",
                main=False,
                subnet_ids=("subnet-abroad",),
                routes=tuple(abroad_routes),
            ),
        ),
        acls=(
            NetworkAcl(
                acl_id="acl-host",
                vpc_id="vpc-a",
                default=False,
                subnet_ids=("subnet-host",),
                entries=tuple(open_entries() if host_entries is None else host_entries),
            ),
            NetworkAcl(
                acl_id="acl-there",
                vpc_id="vpc-a",
                default=False,
                subnet_ids=("subnet-there", "subnet-abroad"),
                entries=tuple(open_entries() if there_entries is None else there_entries),
            ),
        ),
        groups=(
            SecurityGroup(group_id="sg-host", rules=tuple(host_rules)),
            SecurityGroup(group_id="sg-there", rules=tuple(there_rules)),
            SecurityGroup(group_id="sg-abroad", rules=tuple(abroad_rules)),
        ),
        prefix_lists=(),
    )
    return replace(whole, **other)


def ask(
    what: Configuration,
    address: Address = THERE,
    port: int = 443,
    *,
    source: Address | None = HOST,
    own: NetworkInterface | None = OWN,
) -> Prediction:
    return Predictor(what).predict(source=source, own=own, address=address, port=port)


def hop(prediction: Prediction, stage: Stage) -> Hop:
    (result,) = [hop for hop in prediction.hops if hop.stage is stage]
    return result


def stages(prediction: Prediction) -> list[Stage]:
    return [hop.stage for hop in prediction.hops]


def two_groups(first: Sequence[GroupRule], second: Sequence[GroupRule]) -> Configuration:
    """An endpoint interface in two groups."""
    base = configuration()
    assert base.groups is not None
    groups = (
        base.groups[0],
        SecurityGroup(group_id="sg-there", rules=tuple(first)),
        SecurityGroup(group_id="sg-more", rules=tuple(second)),
    )
    interface = replace(INTERFACE, group_ids=("sg-there", "sg-more"))
    return replace(base, groups=groups, endpoint_interfaces=(interface,))


def large_configuration() -> tuple[Configuration, Callable[[], list[Prediction]]]:
    """A configuration with 200 groups of 60 rules, 20 endpoints in 3 subnets each, and 50 route tables. The function
    predicts the connection attempts to the gateway's ports at all 60 addresses, from a host in 16 groups. Groups block
    a third of these attempts. None of the attempts is a simple case.
    """
    chance = random.Random(6)
    subnets = [f"subnet-{number}" for number in range(50)]
    cidrs = [ip_network(f"10.0.{number}.0/24") for number in range(50)]

    def rules_of(group: int) -> tuple[GroupRule, ...]:
        rules = [rule("443", f"10.{chance.randrange(1, 250)}.{chance.randrange(250)}.0/24") for _ in range(20)]
        rules += [rule("1024-2300", f"10.{chance.randrange(1, 250)}.0.0/16") for _ in range(10)]
        rules += [out("443", f"10.0.{chance.randrange(50)}.{chance.randrange(250)}/32") for _ in range(17)]
        rules += [rule("443", "sg-5"), out("1024-65535", "10.0.0.0/20"), out("", "pl-1"), rule("2222", "pl-1")]
        rules += [rule("443", "fd00:a::/48"), out("443", "::/0"), rule("53", "0.0.0.0/0", protocol="udp")]
        rules += [rule(f"{1026 + group % 3}", "10.0.0.0/16")] + [
            rule("80", f"10.{number}.0.0/16") for number in range(5)
        ]
        assert len(rules) == 60
        return tuple(replace(group_rule, rule_id=f"sgr-{group}-{number}") for number, group_rule in enumerate(rules))

    own_groups = tuple(f"sg-{number}" for number in range(16))
    interfaces = tuple(
        NetworkInterface(
            interface_id=f"eni-{endpoint}-{zone}",
            vpc_id="vpc-a",
            subnet_id=subnets[(endpoint * 3 + zone) % 49 + 1],
            addresses=(cidrs[(endpoint * 3 + zone) % 49 + 1][10 + endpoint],),
            group_ids=tuple(f"sg-{20 + endpoint * 9 + number}" for number in range(9)),
        )
        for endpoint in range(20)
        for zone in range(3)
    )
    what = Configuration(
        endpoints=tuple(
            replace(
                ENDPOINT,
                endpoint_id=f"vpce-{endpoint}",
                interface_ids=tuple(f"eni-{endpoint}-{zone}" for zone in range(3)),
                group_ids=(),
            )
            for endpoint in range(20)
        ),
        own_interfaces=(replace(OWN, subnet_id=subnets[0], group_ids=own_groups),),
        endpoint_interfaces=interfaces,
        vpc=Vpc(vpc_id="vpc-a", owner_id=None, cidrs=(ip_network("10.0.0.0/16"),), dhcp_options_id=None),
        subnets=tuple(
            Subnet(subnet_id=subnet, vpc_id="vpc-a", cidrs=(cidr,)) for subnet, cidr in zip(subnets, cidrs, strict=True)
        ),
        route_tables=tuple(
            RouteTable(
                table_id=f"rtb-{number}",
                vpc_id="vpc-a",
                main=number == 0,
                subnet_ids=(subnet,),
                routes=(
                    *LOCAL_ROUTES,
                    route("0.0.0.0/0", "nat-1"),
                    route("10.0.49.0/24", "vpce-9"),
                    route("pl-1", "tgw-1"),
                    *(route(f"10.{number}.0.0/16", "tgw-1") for number in range(1, 40)),
                ),
            )
            for number, subnet in enumerate(subnets)
        ),
        acls=tuple(
            NetworkAcl(
                acl_id=f"acl-{number}",
                vpc_id="vpc-a",
                default=False,
                subnet_ids=(subnet,),
                entries=(
                    *(
                        entry(number, "deny", f"10.{number}.0.0/16", egress=egress)
                        for number in range(1, 18)
                        for egress in (True, False)
                    ),
                    entry(90, "deny", "10.0.0.0/16", "40000-40009", egress=True),
                    *open_entries(),
                ),
            )
            for number, subnet in enumerate(subnets)
        ),
        groups=tuple(SecurityGroup(group_id=f"sg-{number}", rules=rules_of(number)) for number in range(200)),
        prefix_lists=(
            PrefixList(
                prefix_list_id="pl-1", cidrs=tuple(ip_network(f"172.16.{number}.0/24") for number in range(200))
            ),
        ),
    )

    def ask_all() -> list[Prediction]:
        predictor = Predictor(what)
        assert what.own_interfaces is not None
        return [
            predictor.predict(source=HOST, own=what.own_interfaces[0], address=interface.addresses[0], port=port)
            for interface in interfaces
            for port in GATEWAY_PORTS
        ]

    return what, ask_all
