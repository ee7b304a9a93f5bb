"""Organizations of hosts with known faults. Their layout differs from `estates`: accounts are in three Regions, and a
few VPCs have most of the hosts. Zones and subnets differ in size. Each application has its own group, image and
instance type. The records lack many properties of their hosts. 2 to 5 % of the hosts have a fault of their own (noise),
and some hosts are silent or late.

The record of a host contains its faults as a run reports them. The truth about a fault is the set of hosts that have
it.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from agent.fleet.store import Read
from agent.report.host_record import SCHEMA, HostRecord
from tests.support.estates import TODAY

HOSTS: Final = 700
SWEEPS: Final = 3
_REGIONS: Final = {"eu-west-1": ("euw1-az1", "euw1-az2", "euw1-az3"), "us-east-1": ("use1-az1", "use1-az4")} | {
    "ap-southeast-2": ("apse2-az1", "apse2-az2", "apse2-az3")
}
_NOISE: Final = (
    *("TCP005", "TCP011", "TLS007", "TLS008", "TLS009", "API002", "API003", "API004", "API010", "ENV005", "ENV008"),
    *("ENV009", "ENV010", "ENV013", "ENV017", "DNS015", "DNS018", "JOB002", "RUN001", "HTTP004", "TCP001", "TCP004"),
)
_AT_ADDRESSES: Final = ("HTTP004", "TCP001", "TCP004")
PROXY: Final = "http://proxy.corp.example:3128"


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC, with the ids and addresses that are in the keys of its hosts' faults."""

    id: str
    number: int
    account: str
    region: str
    endpoint: str
    endpoint_group: str

    def address(self, zone: int, last: int = 17) -> str:
        """The address of the endpoint in a zone."""
        return f"address=10.{20 + self.number}.{zone}.{last}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of the endpoint in all zones."""
        return tuple(self.address(zone) for zone in range(len(_REGIONS[self.region])))


@dataclass(frozen=True, slots=True)
class Host:
    """A host, with its place and its properties."""

    id: str
    vpc: Vpc
    zone: str
    subnet: str
    groups: tuple[str, ...]
    resolver: str
    image: str
    instance_type: str
    tool: str
    reads_ec2: bool
    role: str
    unknown: tuple[str, ...] = ()
    """The fields that the host's record does not have."""
    services: tuple[str, ...] = ("backup",)


Said = Callable[[Host], tuple[str, ...]]
"""A function that returns the key of a host's finding: the code and ids, without the target."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of some hosts in some sweeps. Each of these hosts reports `key`."""

    name: str
    on: Callable[[Host], bool]
    says: Said
    seen: Said | None = None
    """The key of the symptom, which hosts that do not read EC2 report instead of the cause."""
    severity: str = "critical"
    first: int = 1
    last: int = SWEEPS
    target: str = "backup"

    def is_there(self, host: Host, sweep: int) -> bool:
        """Whether a host has the fault in a sweep."""
        return self.first <= sweep <= self.last and self.on(host)


@dataclass(slots=True)
class Organization:
    """The records of some sweeps, and the faults in the last sweep. A sweep is one run on every host."""

    kind: str
    reads: list[Read]
    truths: dict[str, frozenset[str]]
    """For the name of each fault, the hosts that have this fault and reported it in the last sweep."""
    began: dict[str, int | None]
    """The sweep in which each fault began, by the name of the fault. None means that the fault already was there in the
    first sweep.
    """
    hosts: list[Host] = field(default_factory=list)


def hosts_of(seed: int, count: int = HOSTS, *, vpcs: int = 10, readers: float | None = None) -> list[Host]:
    """The hosts of an organization. `readers` is the share of hosts that read EC2."""
    rng = random.Random(f"organization {seed}")
    accounts = [f"{rng.randrange(10**11, 10**12)}" for _ in range(4)]
    networks = [_vpc(rng, number, accounts[number % 4]) for number in range(vpcs)]
    sizes = [1 / (1 + number) ** 0.5 for number in range(vpcs)]
    reading = rng.choice((0.6, 0.3, 0.1)) if readers is None else readers
    images = {region: [_id(rng, "ami") for _ in range(4)] for region in _REGIONS}
    places = {vpc.id: _places(rng, vpc) for vpc in networks}
    applications = {vpc.id: [_application(rng, images[vpc.region]) for _ in range(4)] for vpc in networks}
    base = {vpc.id: _id(rng, "sg") for vpc in networks}
    made = []
    for _ in range(count):
        vpc = rng.choices(networks, sizes)[0]
        spots, weights = places[vpc.id]
        zone, subnet = rng.choices(spots, weights)[0]
        group, image, kind = rng.choice(applications[vpc.id])
        if rng.random() < 0.3:  # not in an Auto Scaling group
            image, kind = rng.choice(images[vpc.region]), rng.choice(("m5.large", "r6i.xlarge", "t3.small"))
        chance = rng.random()
        made.append(
            Host(
                id=_id(rng, "i"),
                vpc=vpc,
                zone=zone,
                subnet=subnet,
                groups=tuple(sorted((base[vpc.id], group))),
                resolver="amazon",
                image=image,
                instance_type=kind,
                tool=rng.choices(("2.0.0", "2.1.0", "2.1.1"), (6, 3, 1))[0],
                reads_ec2=rng.random() < reading,
                role=f"role-{rng.randrange(5)}",
                unknown=("image", "instance_type") if chance < 0.03 else ("zone", "subnet") if chance < 0.04 else (),
            )
        )
    return made


def _vpc(rng: random.Random, number: int, account: str) -> Vpc:
    region = tuple(_REGIONS)[(0, 0, 1, 0, 2, 0, 1, 0, 2, 1)[number % 10]]
    return Vpc(_id(rng, "vpc"), number, account, region, _id(rng, "vpce"), _id(rng, "sg"))


def _places(rng: random.Random, vpc: Vpc) -> tuple[list[tuple[str, str]], list[float]]:
    """Pairs of a zone and a subnet in it. The second list has the relative number of hosts in each pair."""
    spots, weights = [], []
    for zone in _REGIONS[vpc.region]:
        share = rng.choice((0.2, 0.5, 1.0))
        for _ in range(rng.choice((1, 2))):
            spots.append((zone, _id(rng, "subnet")))
            weights.append(share)
    return spots, weights


def _application(rng: random.Random, images: Sequence[str]) -> tuple[str, str, str]:
    return _id(rng, "sg"), rng.choice(images), rng.choice(("m6i.large", "c6i.xlarge", "m5.large", "t3.medium"))


def _id(rng: random.Random, kind: str) -> str:
    return f"{kind}-{rng.getrandbits(68):017x}"


def record(host: Host, faults: Iterable[Fault], noise: str | None, at: datetime) -> HostRecord:
    """The record that a run on this host writes."""
    causes, symptoms = [], dict[str, str]()
    for fault in faults:
        said = _key(fault.says(host), fault.target)
        if fault.seen is not None:
            seen = _key(fault.seen(host), fault.target)
            if host.reads_ec2:
                symptoms.setdefault(seen, said)
            else:
                said = seen
        causes.append(f"{fault.severity}|{said}")
    if noise is not None:
        ids = (f"vpc={host.vpc.id}", *host.vpc.addresses) if noise in _AT_ADDRESSES else ()
        causes.append(f"critical|{_key((noise, *ids), 'backup')}")
    known: dict[str, Any] = {
        "zone": host.zone,
        "subnet": host.subnet,
        "image": host.image,
        "instance_type": host.instance_type,
    }
    return HostRecord(
        schema=SCHEMA,
        tool=host.tool,
        run=f"run-{host.id}-{at:%d%H%M}",
        taken_at=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        redacted=False,
        host=host.id,
        region=host.vpc.region,
        account=host.vpc.account,
        vpc=host.vpc.id,
        **{name: None if name in host.unknown else value for name, value in known.items()},
        security_groups=host.groups,
        resolvers=(host.resolver,),
        endpoints=(host.vpc.endpoint,) if host.reads_ec2 else (),
        services=host.services,
        status="critical" if any(one.startswith("critical") for one in causes) else "warning" if causes else "ok",
        path="private",
        access="allowed",
        complete=True,
        ec2=host.reads_ec2,
        summary="",
        causes=tuple(sorted(dict.fromkeys(causes))),
        symptoms=tuple(f"{seen} < {said}" for seen, said in symptoms.items()),
        title=None,
        fix=None,
        cut=(),
    )


def _key(said: tuple[str, ...], target: str) -> str:
    code, *ids = said
    return "|".join((code, target, *ids))


# --- What is wrong ---------------------------------------------------------------------------------------------------


class World:
    """The hosts of an organization. A fault chooses from them the hosts that have it."""

    def __init__(self, rng: random.Random, hosts: list[Host]) -> None:
        self.rng, self.hosts = rng, hosts
        self.vpcs = sorted({host.vpc for host in hosts}, key=lambda vpc: vpc.number)

    def vpc(self, least: int = 30) -> Vpc:
        """Choose a VPC with at least `least` hosts."""
        counts = Counter(host.vpc for host in self.hosts)
        return self.rng.choice([vpc for vpc in self.vpcs if counts[vpc] >= least])

    def some(self, count: int, *, one_account: bool = False, one_region: bool = False) -> list[Vpc]:
        """Choose `count` VPCs, all in one account or Region if this is asked."""
        account, region = self.vpcs[1].account, self.vpcs[0].region
        of = [vpc for vpc in self.vpcs if not one_account or vpc.account == account]
        of = [vpc for vpc in of if not one_region or vpc.region == region]
        return self.rng.sample(of, min(count, len(of)))

    def value(self, name: str, vpc: Vpc | None = None, least: int = 12, most: int = 10**6) -> Any:
        """Choose a value of this property that between `least` and `most` hosts of a VPC have. If it is a group, some
        hosts of the VPC must not have it.
        """
        counts: Counter[Any] = Counter()
        for host in self.hosts:
            if vpc in (None, host.vpc) and name not in host.unknown:
                values = host.groups if name == "groups" else (getattr(host, name),)
                counts.update(values)
        sizes = Counter(host.vpc.id for host in self.hosts)
        whole = set(sizes.values()) if name == "groups" else set()
        fitting = [one for one, count in counts.items() if least <= count <= most and count not in whole]
        return self.rng.choice(sorted(fitting))

    def change(self, wanted: Callable[[Host], bool], **changes: Any) -> None:
        """Set these properties of the hosts for which `wanted` returns true."""
        self.hosts[:] = [replace(host, **changes) if wanted(host) else host for host in self.hosts]


def _at_all(host: Host) -> tuple[str, ...]:
    return ("TCP001", f"vpc={host.vpc.id}", *host.vpc.addresses)


def _public(host: Host) -> tuple[str, ...]:
    return ("DNS001", f"vpc={host.vpc.id}")


def _no_name(host: Host) -> tuple[str, ...]:
    return ("DNS003", f"vpc={host.vpc.id}")


def _bare(code: str) -> Said:
    return lambda _: (code,)


def _in(*vpcs: Vpc) -> Callable[[Host], bool]:
    ids = {vpc.id for vpc in vpcs}
    return lambda host: host.vpc.id in ids


def _where(name: str, value: Any, *vpcs: Vpc) -> Callable[[Host], bool]:
    inside = _in(*vpcs)
    return lambda host: getattr(host, name) == value and name not in host.unknown and (not vpcs or inside(host))


def _grouped(group: str) -> Callable[[Host], bool]:
    return lambda host: group in host.groups


def _partly(world: World, on: Callable[[Host], bool], share: float) -> Callable[[Host], bool]:
    chosen = {host.id for host in world.hosts if on(host) and world.rng.random() < share}
    return lambda host: host.id in chosen


def _endpoint_ports(world: World) -> list[Fault]:
    vpc = world.vpc()
    ports = ("port=1026", "port=1027")
    return [
        Fault(
            "the endpoint's group lacks ports",
            _in(vpc),
            lambda _: ("VPC005", f"group={vpc.endpoint_group}", *ports),
            lambda host: ("TCP003", f"vpc={vpc.id}", *host.vpc.addresses, *ports),
        )
    ]


def _endpoint_shut(world: World) -> list[Fault]:
    vpc = world.vpc()
    return [Fault("the endpoint's group", _in(vpc), lambda _: ("VPC005", f"group={vpc.endpoint_group}"), _at_all)]


def _endpoint_failed(world: World) -> list[Fault]:
    vpc = world.vpc()
    return [Fault("the endpoint failed", _in(vpc), lambda _: ("VPC004", f"endpoint={vpc.endpoint}"), _at_all)]


def _private_dns(world: World) -> list[Fault]:
    vpc = world.vpc()
    return [_dns_off(vpc)]


def _dns_off(vpc: Vpc) -> Fault:
    return Fault("private DNS", _in(vpc), lambda _: ("VPC002", f"endpoint={vpc.endpoint}", f"vpc={vpc.id}"), _public)


def _rule(world: World, count: int) -> list[Fault]:
    vpcs = world.some(count, one_region=True)
    return [
        Fault(
            "a rule",
            _in(*vpcs),
            lambda host: ("VPC015", "rule=rslvr-rr-0a1b2c3d4e5f67890", f"vpc={host.vpc.id}"),
            _public,
        )
    ]


def _firewall_list(world: World) -> list[Fault]:
    ids = ("rule=rslvr-fdl-0a1b2c3d4e5f67890", "rule=rslvr-frg-0a1b2c3d4e5f67890")
    return [
        Fault(
            "a list",
            _in(*world.some(3, one_region=True)),
            lambda host: ("VPC017", *ids, f"vpc={host.vpc.id}"),
            _no_name,
        )
    ]


def _profile(world: World) -> list[Fault]:
    ids = ("rule=rslvr-rr-0c1b2c3d4e5f67890", "profile=rp-0a1b2c3d4e5f6789")
    return [Fault("a Profile", _in(*world.some(3, one_region=True)), lambda _: ("VPC018", *ids), _public)]


def _hosted_zone(world: World) -> list[Fault]:
    said = "hosted-zone=Z0A1B2C3D4E5F6G7H8I9"
    return [Fault("a zone", _in(*world.some(4)), lambda host: ("VPC016", said, f"vpc={host.vpc.id}"), _no_name)]


def _dhcp(world: World, count: int) -> list[Fault]:
    vpcs = world.some(count, one_account=True)
    world.change(_in(*vpcs), resolver="10.9.9.53")
    return [
        Fault(
            "DHCP options",
            _in(*vpcs),
            lambda host: ("VPC011", "dhcp-options=dopt-0a1b2c3d4e5f67890", f"vpc={host.vpc.id}"),
            lambda _: ("DNS002", "resolver=10.9.9.53"),
        )
    ]


def _acl(world: World) -> list[Fault]:
    subnet = world.value("subnet")
    return [Fault("an ACL", _where("subnet", subnet), lambda _: ("VPC006", "acl=acl-0a1b2c3d4e5f67890"), _at_all)]


def _route(world: World) -> list[Fault]:
    vpc = world.vpc(60)
    zone = world.value("zone", vpc)
    return [
        Fault("a route", _where("zone", zone, vpc), lambda _: ("VPC007", "route-table=rtb-0a1b2c3d4e5f67890"), _at_all)
    ]


def _policy(world: World) -> list[Fault]:
    vpc = world.vpc()
    return [
        Fault(
            "a policy",
            _in(vpc),
            lambda _: ("VPC008", f"endpoint={vpc.endpoint}"),
            lambda _: ("IAM002", f"vpc={vpc.id}", *vpc.addresses),
        )
    ]


def _interface(world: World) -> list[Fault]:
    vpc = world.vpc()
    return [Fault("an interface", _in(vpc), lambda _: ("TCP002", f"vpc={vpc.id}", vpc.address(1)))]


def _zone_of_vpc(world: World) -> list[Fault]:
    vpc = world.vpc(60)
    return [Fault("a zone of a VPC", _where("zone", world.value("zone", vpc), vpc), _at_all)]


def _zone_of_region(world: World) -> list[Fault]:
    """In each VPC of a Region, the endpoint's interface in one zone does not answer, and every host of the VPC reports
    this.
    """
    return [
        Fault(
            "a zone of a Region",
            lambda host: host.vpc.region == "eu-west-1",
            lambda host: ("TCP002", f"vpc={host.vpc.id}", host.vpc.address(0)),
        )
    ]


def _subnet(world: World) -> list[Fault]:
    subnet = world.value("subnet")
    return [
        Fault("a subnet", _where("subnet", subnet), lambda host: ("TCP006", f"vpc={host.vpc.id}", host.vpc.address(0)))
    ]


def _small_subnet(world: World) -> list[Fault]:
    subnet = world.value("subnet", least=6, most=14)
    return [Fault("a small subnet", _where("subnet", subnet), lambda host: ("TCP006", f"vpc={host.vpc.id}"))]


def _host_group(world: World) -> list[Fault]:
    return [Fault("a group of hosts", _grouped(world.value("groups")), _bare("TCP005"))]


def _image(world: World, code: str = "TLS008", share: float = 1.0) -> list[Fault]:
    on = _where("image", world.value("image", least=40))
    return [Fault("an image", on if share == 1 else _partly(world, on, share), _bare(code))]


def _new_image(world: World) -> list[Fault]:
    """Some hosts of one VPC have a new image, which has a fault."""
    vpc = world.vpc(60)
    chosen = _partly(world, _in(vpc), 0.4)
    world.change(chosen, image="ami-0fffffffffffffff1", unknown=())
    return [Fault("a new image", _where("image", "ami-0fffffffffffffff1"), _bare("API003"))]


def _two_words(world: World) -> list[Fault]:
    image = world.value("image", least=80)
    zone = Counter(host.zone for host in world.hosts if host.image == image and not host.unknown).most_common(1)[0][0]
    both = (_where("image", image), _where("zone", zone))
    return [Fault("an image in a zone", lambda host: all(one(host) for one in both), _bare("TLS008"))]


def _version(world: World) -> list[Fault]:
    return [Fault("a version", _where("tool", "2.1.1"), _bare("RUN002"), severity="warning", target="")]


def _type(world: World) -> list[Fault]:
    kind = world.value("instance_type", least=40)
    return [Fault("a type", _where("instance_type", kind), _bare("ENV013"), severity="warning", target="")]


def _proxy(world: World) -> list[Fault]:
    return [Fault("a proxy", _in(*world.some(3)), lambda _: ("ENV007", f"url={PROXY}"))]


def _issuer(world: World) -> list[Fault]:
    vpcs = world.some(4)
    return [Fault("an issuer", _in(*vpcs), lambda _: ("TLS001", "issuer=CN=Inspection"))]


def _server(world: World, *, one_account: bool) -> list[Fault]:
    vpcs = world.some(4, one_account=one_account)
    chosen = _partly(world, _in(*vpcs), 0.5)
    world.change(chosen, resolver="10.200.0.53")
    return [Fault("a name server", _where("resolver", "10.200.0.53"), lambda _: ("DNS005", "resolver=10.200.0.53"))]


def _two_servers(world: World) -> list[Fault]:
    """Two networks have different name servers with the same address, as in two companies."""
    vpcs = world.vpcs[:2]
    world.change(_in(*vpcs), resolver="10.0.0.53")
    return [Fault(f"a server of {vpc.account}", _in(vpc), lambda _: ("DNS005", "resolver=10.0.0.53")) for vpc in vpcs]


def _roles(world: World, code: str) -> list[Fault]:
    account = world.vpcs[0].account
    return [
        Fault(
            "a policy of an account",
            lambda host: host.vpc.account == account and host.role in ("role-0", "role-1", "role-2"),
            lambda host: (code, f"role={host.role}", f"account={account}"),
            severity="warning",
        )
    ]


def _role(world: World) -> list[Fault]:
    account = world.vpcs[1].account
    return [
        Fault(
            "the policy of a role",
            lambda host: host.vpc.account == account and host.role == "role-3",
            lambda _: ("IAM003", "role=role-3", f"account={account}"),
            severity="warning",
        )
    ]


def _service_fault(world: World) -> list[Fault]:
    return [
        Fault(
            "AWS in a Region",
            lambda host: host.vpc.region == "us-east-1",
            lambda host: ("HTTP005", f"account={host.vpc.account}"),
            severity="warning",
        )
    ]


def _throttled(world: World) -> list[Fault]:
    vpc = world.vpc()
    return [
        Fault(
            "a limit",
            lambda host: (host.vpc.account, host.vpc.region) == (vpc.account, vpc.region),
            lambda host: ("API007", f"account={host.vpc.account}"),
            severity="warning",
        )
    ]


def _central_firewall(world: World) -> list[Fault]:
    """A firewall stands between a transit gateway and the only endpoint, which five VPCs share."""
    ids = ("route-table=tgw-rtb-0a1b2c3d4e5f67890", "gateway=tgw-0a1b2c3d4e5f67890")
    return [
        Fault(
            "a firewall",
            _in(*world.some(4, one_region=True)),
            lambda host: ("VPC007", *ids, f"gateway=tgw-attach-{host.vpc.id.removeprefix('vpc-')}"),
            lambda host: ("TCP001", f"vpc={host.vpc.id}", "address=10.99.1.17", "address=10.99.2.17"),
        )
    ]


def _every_vpc(world: World) -> list[Fault]:
    return [
        Fault(
            "private DNS everywhere",
            lambda _: True,
            lambda host: ("VPC002", f"endpoint={host.vpc.endpoint}", f"vpc={host.vpc.id}"),
            _public,
        )
    ]


def _everywhere(_: World) -> list[Fault]:
    return [Fault("an issuer everywhere", lambda _: True, lambda _: ("TLS001", "issuer=CN=Everywhere"))]


def _two_codes(world: World) -> list[Fault]:
    one, other = world.rng.sample(world.vpcs[:6], 2)
    fault = Fault("the endpoint's group", _in(other), lambda _: ("VPC005", f"group={other.endpoint_group}"), _at_all)
    return [_dns_off(one), fault]


def _two_of_one_code(world: World) -> list[Fault]:
    group = world.value("groups")
    vpc = next(host.vpc for host in world.hosts if group in host.groups)
    subnet = world.rng.choice(
        sorted(one for one, count in Counter(h.subnet for h in world.hosts if h.vpc != vpc).items() if count >= 12)
    )
    return [
        Fault("a group of hosts", _grouped(group), _bare("TCP005")),
        Fault("a subnet", _where("subnet", subnet), _bare("TCP005")),
    ]


def _three_of_one_code(world: World) -> list[Fault]:
    first, second, third = world.rng.sample(world.vpcs[:6], 3)
    return [
        Fault(f"a subnet of {vpc.number}", _where("subnet", world.value("subnet", vpc, least=8)), _bare("TLS008"))
        for vpc in (first, second, third)
    ]


def _warning_and_critical(world: World) -> list[Fault]:
    vpc = world.vpc()
    warning = Fault("an inspection", _in(vpc), lambda _: ("TLS002", "issuer=CN=Trusted"), severity="warning")
    return [_dns_off(world.rng.choice([one for one in world.vpcs[:6] if one != vpc])), warning]


def _group_and_zone(world: World) -> list[Fault]:
    """Two faults in one VPC have the same symptom. Some hosts have both faults; there, the group already stops the
    packets.
    """
    vpc = world.vpc(60)
    zone, group = world.value("zone", vpc), world.value("groups", vpc, least=8)
    route = ("VPC007", "route-table=rtb-0a1b2c3d4e5f67890")
    own = ("VPC012", f"group={group}", f"vpc={vpc.id}")
    return [
        Fault("the hosts' group", _grouped(group), lambda _: own, _at_all),
        Fault("a route", _where("zone", zone, vpc), lambda _: route, _at_all),
    ]


def _zone_and_rest(world: World) -> list[Fault]:
    vpc = world.vpc(60)
    zone = world.value("zone", vpc)
    route = ("VPC007", "route-table=rtb-0a1b2c3d4e5f67890")
    return [
        Fault("a route", lambda host: host.vpc == vpc and host.zone == zone, lambda _: route, _at_all),
        Fault(
            "the endpoint's group",
            lambda host: host.vpc == vpc and host.zone != zone,
            lambda _: ("VPC005", f"group={vpc.endpoint_group}"),
            _at_all,
        ),
    ]


def _both_services(world: World) -> list[Fault]:
    vpc = world.vpc()
    chosen = _partly(world, _in(vpc), 0.5)
    world.change(chosen, services=("backup", "backup-gateway"))
    ports = ("port=1026", "port=1027", "port=1028")
    return [
        Fault("the group of both", _in(vpc), lambda _: ("VPC005", f"group={vpc.endpoint_group}"), _at_all),
        Fault(
            "the ports of the gateway",
            lambda host: host.vpc == vpc and len(host.services) > 1,
            lambda _: ("VPC005", f"group={vpc.endpoint_group}", *ports),
            lambda host: ("TCP001", f"vpc={vpc.id}", vpc.address(0, 27), *ports),
            target="backup-gateway",
        ),
    ]


def _two_languages(world: World) -> list[Fault]:
    """A firewall in a VPC drops some packets, so the hosts of the VPC report failures of different steps."""
    vpc = world.vpc(60)
    step = {host.id: world.rng.choice(("TCP001", "TCP002", "TLS004")) for host in world.hosts}

    def says(host: Host) -> tuple[str, ...]:
        addresses = host.vpc.addresses[:1] if step[host.id] == "TCP002" else host.vpc.addresses
        return (step[host.id], f"vpc={vpc.id}", *addresses)

    return [Fault("a firewall that drops at times", _in(vpc), says)]


def _old_agents(world: World) -> list[Fault]:
    """Hosts with an old version of the agent write keys without ids."""
    vpc = world.vpc(60)
    old = _partly(world, _in(vpc), 0.35)
    return [Fault("private DNS", _in(vpc), lambda host: ("DNS001",) if old(host) else _public(host))]


def _image_of_regions(world: World) -> list[Fault]:
    """One build of an image has a fault. The id of the image differs from Region to Region."""
    chosen = {
        region: world.rng.choice(sorted({h.image for h in world.hosts if h.vpc.region == region}))
        for region in _REGIONS
    }
    return [
        Fault(
            "a build",
            lambda host: host.image == chosen[host.vpc.region] and "image" not in host.unknown,
            _bare("TLS008"),
        )
    ]


def _address_subsets(world: World) -> list[Fault]:
    """The name servers give each host only some of the endpoint's addresses."""
    vpc = world.vpc()
    count = {host.id: 1 + world.rng.randrange(len(vpc.addresses)) for host in world.hosts}
    return [
        Fault(
            "the endpoint is silent",
            _in(vpc),
            lambda host: ("TCP001", f"vpc={vpc.id}", *vpc.addresses[: count[host.id]]),
        )
    ]


def _shut_to_some_addresses(world: World) -> list[Fault]:
    """Name servers give each host only some of the endpoint's addresses. The endpoint's group blocks all of them."""
    vpc = world.vpc()
    count = {host.id: 1 + world.rng.randrange(len(vpc.addresses)) for host in world.hosts}
    said = ("VPC005", f"group={vpc.endpoint_group}")
    return [
        Fault(
            "the endpoint's group",
            _in(vpc),
            lambda _: said,
            lambda host: ("TCP001", f"vpc={vpc.id}", *vpc.addresses[: count[host.id]]),
        )
    ]


def _many_subnets(world: World) -> list[Fault]:
    return [
        Fault(f"a subnet of {vpc.number}", _where("subnet", world.value("subnet", vpc, least=6)), _bare("TCP005"))
        for vpc in world.vpcs[:8]
    ]


def _tied(world: World) -> list[Fault]:
    """The hosts of an application have the fault. These hosts also have the same subnet, group and image."""
    vpc = world.vpc()
    chosen = _partly(world, _in(vpc), 0.4)
    world.change(
        chosen, subnet="subnet-0fffffffffffffff1", groups=("sg-0fffffffffffffff1",), image="ami-0fffffffffffffff2"
    )
    return [Fault("an application", _where("image", "ami-0fffffffffffffff2"), _bare("TCP005"))]


def _lasting(world: World, first: int, last: int = SWEEPS) -> list[Fault]:
    return [replace(fault, first=first, last=last) for fault in (*_endpoint_shut(world), *_version(world))]


def _none(_: World) -> list[Fault]:
    return []


Faults = Callable[[World], list[Fault]]

KINDS: Final[dict[str, Faults]] = {
    "endpoint-ports": _endpoint_ports,
    "endpoint-shut": _endpoint_shut,
    "endpoint-failed": _endpoint_failed,
    "private-dns": _private_dns,
    "rule": lambda world: _rule(world, 1),
    "rule-shared": lambda world: _rule(world, 5),
    "firewall-list": _firewall_list,
    "profile": _profile,
    "hosted-zone": _hosted_zone,
    "dhcp": lambda world: _dhcp(world, 1),
    "dhcp-shared": lambda world: _dhcp(world, 2),
    "acl": _acl,
    "route": _route,
    "policy": _policy,
    "interface": _interface,
    "zone-of-vpc": _zone_of_vpc,
    "zone-of-region": _zone_of_region,
    "subnet": _subnet,
    "small-subnet": _small_subnet,
    "host-group": _host_group,
    "image": _image,
    "image-partly": lambda world: _image(world, "API010", 0.6),
    "new-image": _new_image,
    "image-in-zone": _two_words,
    "version": _version,
    "type": _type,
    "proxy": _proxy,
    "issuer": _issuer,
    "server": lambda world: _server(world, one_account=True),
    "server-of-accounts": lambda world: _server(world, one_account=False),
    "two-servers": _two_servers,
    "scp": lambda world: _roles(world, "IAM004"),
    "rcp": lambda world: _roles(world, "IAM005"),
    "role": _role,
    "service-fault": _service_fault,
    "throttled": _throttled,
    "central-firewall": _central_firewall,
    "every-vpc": _every_vpc,
    "everywhere": _everywhere,
    "two-codes": _two_codes,
    "two-of-one-code": _two_of_one_code,
    "three-of-one-code": _three_of_one_code,
    "warning-and-critical": _warning_and_critical,
    "group-and-zone": _group_and_zone,
    "zone-and-rest": _zone_and_rest,
    "both-services": _both_services,
    "two-languages": _two_languages,
    "old-agents": _old_agents,
    "image-of-regions": _image_of_regions,
    "address-subsets": _address_subsets,
    "some-addresses": _shut_to_some_addresses,
    "many-subnets": _many_subnets,
    "tied": _tied,
    "there-before": lambda world: _lasting(world, 0),
    "began-last": lambda world: _lasting(world, SWEEPS - 1),
}
BLIND: Final = (
    *(
        "endpoint-shut",
        "private-dns",
        "rule",
        "rule-shared",
        "firewall-list",
        "profile",
        "dhcp",
        "acl",
        "route",
        "policy",
    ),
    *("central-firewall", "every-vpc"),
)
"""Kinds that are also tested in an organization in which no host reads EC2."""


def organization(
    kind: str, seed: int, *, count: int = HOSTS, noise: float | None = None, blind: bool = False
) -> Organization:
    """The records of an organization of this kind in some sweeps."""
    rng = random.Random(f"{kind} {seed} {blind}")
    world = World(rng, hosts_of(seed, count, readers=0.0 if blind else None))
    faults = KINDS[kind](world) if kind in KINDS else []
    share = rng.uniform(0.02, 0.05) if noise is None else noise
    noisy = _noisy(rng, world.hosts, share)
    by_folder = rng.random() < 0.5
    reads: list[Read] = []
    truths: dict[str, frozenset[str]] = {}
    for sweep in range(SWEEPS):
        silent = {host.id for host in rng.sample(world.hosts, count // 100)}
        heard = [host for host in world.hosts if host.id not in silent]
        reads += _swept(rng, sweep, heard, faults, noisy, by_folder=by_folder)
        truths = {
            fault.name: frozenset(host.id for host in heard if fault.is_there(host, sweep))
            for fault in faults
            if fault.last >= sweep
        }
    began = {fault.name: fault.first or None for fault in faults}
    return Organization(kind, reads, truths, began, world.hosts)


NOISES: Final = (
    *("none", "one-in-200", "one-in-100", "one-in-50", "one-in-20", "one-in-10", "one-in-5"),
    *("more-on-an-image", "unlike-by-subnet", "unlike-by-application"),
)
"""How the faults of single hosts are distributed over an organization that has no common faults."""


def healthy(seed: int, count: int = HOSTS) -> Organization:
    """One sweep over an organization in which no fault is common to several hosts."""
    how = NOISES[seed % len(NOISES)]
    rng = random.Random(f"healthy {seed}")
    hosts = hosts_of(seed, count, vpcs=rng.choice((3, 6, 10)))
    if how == "more-on-an-image":
        worse = {hosts[0].image}
        noisy = {host.id for host in hosts if rng.random() < (0.05 if host.image in worse else 0.02)}
    elif how in ("unlike-by-subnet", "unlike-by-application"):
        rates: dict[object, float] = {}
        noisy = set()
        for host in hosts:
            place = host.subnet if how == "unlike-by-subnet" else host.groups
            rate = rates.setdefault(place, rng.gammavariate(0.5, 0.04))
            if rng.random() < rate:
                noisy.add(host.id)
    else:
        share = 0.0 if how == "none" else 1 / int(how.rpartition("-")[2])
        noisy = {host.id for host in hosts if rng.random() < share}
    said = {host: rng.choice(_NOISE) for host in sorted(noisy)}
    return Organization(how, list(_swept(rng, SWEEPS - 1, hosts, (), said, by_folder=True)), {}, {}, hosts)


def _noisy(rng: random.Random, hosts: Iterable[Host], share: float) -> dict[str, str]:
    return {host.id: rng.choice(_NOISE) for host in hosts if rng.random() < share}


def _swept(
    rng: random.Random,
    sweep: int,
    heard: Iterable[Host],
    faults: Sequence[Fault],
    noisy: dict[str, str],
    *,
    by_folder: bool,
) -> Iterator[Read]:
    """The records of one sweep, which runs at night. On average, one host in fifty is late, by up to four hours."""
    day = TODAY - timedelta(days=SWEEPS - sweep)
    for host in heard:
        minutes = rng.randrange(30) + (rng.randrange(240) if rng.random() < 0.02 else 0)
        there = [fault for fault in faults if fault.is_there(host, sweep)]
        yield Read(
            sweep=f"{day:%Y-%m-%d}" if by_folder else None,
            place=f"{sweep}/{host.id}",
            record=record(host, there, noisy.get(host.id), day + timedelta(minutes=minutes)),
        )
