"""Estates of hosts with known faults. An estate is all hosts of a company, in VPCs with zones, subnets, groups,
endpoints, accounts, name servers, images and versions. Records are made directly from a seed, thousands in a second.
The kind of an estate decides which faults its hosts share. In addition, any single host may have a fault of its own,
which is called noise. Each estate comes with the true causes, which the join of the fleet must find.
"""

import random
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.fleet.store import Read
from agent.report.host_record import SCHEMA, HostRecord

TODAY: Final = datetime(2026, 11, 20, tzinfo=UTC)
HOSTS: Final = 750
_NOISE: Final = 0.02
_REGION: Final = "eu-west-1"
_ZONES: Final = ("euw1-az1", "euw1-az2", "euw1-az3")
_NOISY: Final = (
    *("TCP005", "TCP011", "TLS007", "TLS008", "API002", "API003", "API010", "ENV009", "ENV010", "ENV013", "ENV017"),
    *("DNS015", "DNS018", "JOB002", "HTTP004", "TCP001"),
)


@dataclass(frozen=True, slots=True)
class Host:
    """A host, and its place in the estate."""

    id: str
    vpc: str
    zone: str
    subnet: str
    account: str
    groups: tuple[str, ...]
    resolver: str
    image: str
    instance_type: str
    tool: str
    endpoint: str
    reads_ec2: bool
    role: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of some hosts, as the record of each host shows it."""

    code: str
    ids: Callable[[Host], tuple[str, ...]]
    on: Callable[[Host], bool]
    target: str = "backup"
    severity: str = "critical"
    symptom: tuple[str, Callable[[Host], tuple[str, ...]]] | None = None
    """The symptom of the fault. Hosts that do not read EC2 report only the symptom; hosts that read EC2 report it
    together with the cause.
    """


@dataclass(frozen=True, slots=True)
class Truth:
    """A cause that the join must find."""

    code: str
    hosts: frozenset[str]


@dataclass(slots=True)
class Estate:
    """The records of an estate, and its faults."""

    reads: list[Read]
    truths: list[Truth]
    noise: dict[str, str] = field(default_factory=dict)
    """The code of each host's own fault, for the hosts that have one in the last sweep. A sweep is one run on every
    host.
    """


def hosts_of(seed: int, count: int = HOSTS) -> list[Host]:
    """The hosts of an estate. Its VPCs have different sizes, three zones with two subnets each, and groups of some
    forty hosts.
    """
    rng = random.Random(f"hosts {seed}")
    vpcs = [f"vpc-{rng.getrandbits(68):017x}" for _ in range(6)]
    accounts = [f"{rng.randrange(10**11, 10**12)}" for _ in range(3)]
    subnets = {(vpc, zone, number): _id(rng, "subnet") for vpc in vpcs for zone in _ZONES for number in range(2)}
    sizes = [30, 22, 18, 12, 10, 8]
    groups = {
        vpc: [_id(rng, "sg") for _ in range(max(2, count * size // 100 // 40))]
        for vpc, size in zip(vpcs, sizes, strict=True)
    }
    base = {vpc: _id(rng, "sg") for vpc in vpcs}
    endpoints = {vpc: _id(rng, "vpce") for vpc in vpcs}
    images = [_id(rng, "ami") for _ in range(4)]
    found = []
    for _ in range(count):
        vpc = rng.choices(vpcs, sizes)[0]
        zone = rng.choice(_ZONES)
        number = vpcs.index(vpc)
        found.append(
            Host(
                id=_id(rng, "i"),
                vpc=vpc,
                zone=zone,
                subnet=subnets[vpc, zone, rng.randrange(2)],
                account=accounts[max(number, 1) % 3],
                groups=tuple(sorted((base[vpc], rng.choice(groups[vpc])))),
                resolver="10.17.9.53" if number < 2 and rng.random() < 0.3 else "amazon",
                image=rng.choice(images),
                instance_type=rng.choice(("m5.large", "m6i.large", "t3.medium")),
                tool=rng.choices(("1.4.0", "1.5.0"), (7, 1))[0],
                endpoint=endpoints[vpc],
                reads_ec2=rng.random() < 5 / 8,
                role=f"app-{rng.randrange(4)}",
            )
        )
    return found


def _id(rng: random.Random, kind: str) -> str:
    return f"{kind}-{rng.getrandbits(68):017x}"


def record(host: Host, faults: Iterable[Fault] = (), *, taken_at: datetime = TODAY, run: str = "") -> HostRecord:
    """The record of a host with these faults."""
    causes, symptoms = [], []
    for fault in faults:
        key = "|".join((fault.code, fault.target, *fault.ids(host)))
        if fault.symptom is not None:
            code, ids = fault.symptom
            seen = "|".join((code, fault.target, *ids(host)))
            if host.reads_ec2:
                symptoms.append(f"{seen} < {key}")
            else:
                key = seen
        causes.append(f"{fault.severity}|{key}")
    causes.sort()
    status = "critical" if any(cause.startswith("critical") for cause in causes) else "warning" if causes else "ok"
    return HostRecord(
        schema=SCHEMA,
        tool=host.tool,
        run=run or f"run-{host.id}-{taken_at:%d%H%M}",
        taken_at=taken_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        redacted=False,
        host=host.id,
        region=_REGION,
        account=host.account,
        vpc=host.vpc,
        subnet=host.subnet,
        zone=host.zone,
        image=host.image,
        instance_type=host.instance_type,
        security_groups=host.groups,
        resolvers=(host.resolver,),
        endpoints=(host.endpoint,) if host.reads_ec2 else (),
        services=("backup",),
        status=status,
        path="private",
        access="allowed",
        complete=True,
        ec2=host.reads_ec2,
        summary=status,
        causes=tuple(causes),
        symptoms=tuple(symptoms),
        title=None,
        fix=None,
        cut=(),
    )


# --- Faults ----------------------------------------------------------------------------------------------------------


def _none(_: Host) -> tuple[str, ...]:
    return ()


def _address(host: Host, last: int = 17) -> str:
    return f"address=10.{int(host.vpc[-4:-2], 16)}.{int(host.vpc[-2:], 16)}.{last}"


def _at_vpc(*addresses: int) -> Callable[[Host], tuple[str, ...]]:
    return lambda host: (f"vpc={host.vpc}", *(_address(host, last) for last in addresses))


def endpoint_group(vpc: str, port: int = 1027) -> Fault:
    """The endpoint's group does not allow a port. Hosts report VPC005, or TCP003 if they do not read EC2."""
    group = f"sg-{vpc.removeprefix('vpc-')}"
    return Fault(
        "VPC005",
        lambda _: (f"group={group}", f"port={port}"),
        lambda host: host.vpc == vpc,
        symptom=("TCP003", lambda host: (*_at_vpc(17, 27)(host), f"port={port}")),
    )


def private_dns_off(vpc: str) -> Fault:
    return Fault(
        "VPC002",
        lambda host: (f"endpoint={host.endpoint}", f"vpc={vpc}"),
        lambda host: host.vpc == vpc,
        symptom=("DNS001", lambda _: (f"vpc={vpc}",)),
    )


def endpoint_interface(vpc: str) -> Fault:
    return Fault("TCP002", _at_vpc(17), lambda host: host.vpc == vpc)


def zone_of_vpc(vpc: str, zone: str) -> Fault:
    return Fault("TCP001", _at_vpc(17, 27), lambda host: host.vpc == vpc and host.zone == zone)


def of_subnet(subnet: str, code: str = "TCP006") -> Fault:
    return Fault(code, _at_vpc(17) if code == "TCP006" else _none, lambda host: host.subnet == subnet)


def of_group(group: str, code: str = "TCP005") -> Fault:
    return Fault(code, _none, lambda host: group in host.groups)


def of_resolver(address: str) -> Fault:
    return Fault("DNS002", lambda _: (f"resolver={address}",), lambda host: host.resolver == address)


def of_role(account: str, role: str) -> Fault:
    return Fault(
        "IAM003",
        lambda _: (f"role={role}", f"account={account}"),
        lambda host: host.account == account and host.role == role,
        severity="warning",
    )


def of_version(tool: str) -> Fault:
    return Fault("RUN002", _none, lambda host: host.tool == tool, target="", severity="warning")


def interception() -> Fault:
    return Fault("TLS001", lambda _: ("issuer=CN=Proxy",), lambda _: True)


def _in_subnets(subnets: Collection[str]) -> Callable[[Host], bool]:
    return lambda host: host.subnet in subnets


Faults = Callable[[random.Random, Sequence[Host]], list[Fault]]


def _three_that_overlap(rng: random.Random, hosts: Sequence[Host]) -> list[Fault]:
    """Three overlapping faults: one of a resolver, one of a group of hosts in a VPC with this resolver, and one of a
    zone of this VPC.
    """
    resolver = next(host for host in hosts if host.resolver != "amazon")
    return [
        of_resolver(resolver.resolver),
        of_group(_app_group(rng, hosts, resolver.vpc), "TLS008"),
        zone_of_vpc(resolver.vpc, resolver.zone),
    ]


def _app_group(rng: random.Random, hosts: Sequence[Host], vpc: str | None = None) -> str:
    """The id of a group that some of the hosts of a VPC have."""
    of_vpc = [host for host in hosts if host.vpc == vpc or vpc is None]
    counts: dict[str, int] = {}
    for host in hosts:
        for group in host.groups:
            counts[group] = counts.get(group, 0) + 1
    apps = sorted({min(host.groups, key=lambda group: counts[group]) for host in of_vpc})
    return rng.choice([group for group in apps if counts[group] >= 12])


def _two_under_one_code(rng: random.Random, hosts: Sequence[Host]) -> list[Fault]:
    group = _app_group(rng, hosts)
    vpc = next(host.vpc for host in hosts if group in host.groups)
    others = [host for host in hosts if host.vpc != vpc]
    return [of_group(group), of_subnet(rng.choice(others).subnet, "TCP005")]


KINDS: Final[dict[str, Faults]] = {
    "endpoint-group": lambda rng, hosts: [endpoint_group(rng.choice(hosts).vpc)],
    "private-dns": lambda rng, hosts: [private_dns_off(rng.choice(hosts).vpc)],
    "group": lambda rng, hosts: [of_group(_app_group(rng, hosts))],
    "interface": lambda rng, hosts: [endpoint_interface(rng.choice(hosts).vpc)],
    "zone-of-vpc": lambda rng, hosts: [zone_of_vpc((host := rng.choice(hosts)).vpc, host.zone)],
    "subnet": lambda rng, hosts: [of_subnet(rng.choice(hosts).subnet)],
    "resolver": lambda _, hosts: [of_resolver(next(host.resolver for host in hosts if host.resolver != "amazon"))],
    "role": lambda rng, hosts: [of_role((host := rng.choice(hosts)).account, host.role)],
    "version": lambda *_: [of_version("1.5.0")],
    "two-under-one-code": _two_under_one_code,
    "three-that-overlap": _three_that_overlap,
    "all-sick": lambda *_: [interception()],
    "none": lambda *_: [],
}


def estate(kind: str, seed: int, *, count: int = HOSTS, noise: float = _NOISE, sweep: str = "sweep-1") -> Estate:
    """The records of one sweep over an estate of this kind."""
    rng = random.Random(f"{kind} {seed}")
    hosts = hosts_of(seed, count)
    faults = KINDS[kind](rng, hosts)
    noisy = _noise(rng, hosts, noise)
    reads = [
        Read(
            sweep=sweep, place=f"reports/{host.id}", record=record(host, [*_on(host, faults), *noisy.get(host.id, ())])
        )
        for host in hosts
    ]
    return Estate(reads, _truths(hosts, faults), {host: fault[0].code for host, fault in noisy.items()})


def _on(host: Host, faults: Iterable[Fault]) -> list[Fault]:
    return [fault for fault in faults if fault.on(host)]


def _truths(hosts: Sequence[Host], faults: Iterable[Fault]) -> list[Truth]:
    return [Truth(fault.code, frozenset(host.id for host in hosts if fault.on(host))) for fault in faults]


def _noise(rng: random.Random, hosts: Sequence[Host], share: float) -> dict[str, list[Fault]]:
    """Faults of single hosts, by host."""
    ids = {"HTTP004": _at_vpc(17), "TCP001": _at_vpc(17, 27)}
    noisy = {}
    for host in hosts:
        if rng.random() < share:
            code = rng.choice(_NOISY)
            noisy[host.id] = [Fault(code, ids.get(code, _none), lambda _: True)]
    return noisy


def rolling(seed: int, *, sweeps: int = 5, count: int = 600, noise: float = _NOISE) -> Estate:
    """An estate in which a fault spreads over the subnets of a VPC. In the first two sweeps, no subnet has the fault.
    Each later sweep adds the fault to two more subnets. The private DNS of another VPC is off in the first two sweeps,
    and on in all later ones. In each sweep, one host in a hundred is silent.
    """
    rng = random.Random(f"rolling {seed}")
    hosts = hosts_of(seed, count)
    vpc, other = (host.vpc for host in rng.sample(sorted({h.vpc: h for h in hosts}.values(), key=lambda h: h.vpc), 2))
    subnets = sorted({host.subnet for host in hosts if host.vpc == vpc})
    reads: list[Read] = []
    truths: list[Truth] = []
    noisy: dict[str, list[Fault]] = {}
    for number in range(sweeps):
        reached = set(subnets[: max(0, 2 * (number - 1))])
        fault = replace(endpoint_group(vpc), on=_in_subnets(reached))
        faults = [fault] if reached else []
        if number < 2:
            faults.append(private_dns_off(other))
        noisy = _noise(rng, hosts, noise)
        silent = set(rng.sample([host.id for host in hosts], count // 100))
        when = TODAY - timedelta(days=sweeps - 1 - number)
        heard = [host for host in hosts if host.id not in silent]
        reads += [
            Read(
                sweep=None,
                place=f"{number}/{host.id}",
                record=record(
                    host,
                    [*_on(host, faults), *noisy.get(host.id, ())],
                    taken_at=when + timedelta(minutes=rng.randrange(90)),
                ),
            )
            for host in heard
        ]
        truths = _truths(heard, faults)
    return Estate(reads, truths, {host: fault[0].code for host, fault in noisy.items()})


def hostile(seed: int, count: int) -> Iterator[Read]:
    """Records that this program did not write. They contain forged keys, separators of keys and of markup, newlines in
    ids, and times in any year. All texts are random, so no two hosts share a property that could be a cause.
    """
    rng = random.Random(f"hostile {seed}")
    marks = ("%7C", "%3C", "<script>", "'; DROP TABLE record; --", '"', "\n", "\u202e", "=", "sg-", "\x1b[2J", "&amp;")
    host = hosts_of(seed, 1)[0]
    codes = (*_NOISY, "VPC005", "VPC015", "DNS002", "TLS001", "IAM003", "XXX999", "<b>", "'", "")
    for number in range(count):

        def text() -> str:
            return rng.choice(marks) + f"{rng.getrandbits(64):x}" + rng.choice(marks)

        def part() -> str:
            return text().replace("|", "").replace(" < ", "")

        ids = "|".join(f"{rng.choice(('group', 'vpc', 'resolver', 'x', 'address'))}={part()}" for _ in range(2))
        cause = f"critical|{rng.choice(codes)}|{rng.choice(('backup', '', part()))}|{ids}"
        yield Read(
            sweep=rng.choice(("sweep-1", None)),
            place=text(),
            record=replace(
                record(host),
                host=rng.choice((text(), None)) if number % 3 else f"i-{rng.getrandbits(68):017x}",
                run=text(),
                taken_at=rng.choice(
                    (
                        f"{rng.randrange(1, 9999):04d}-01-01T00:00:00Z",
                        TODAY.isoformat(),
                        "yesterday",
                        "",
                        "2026-11-20T05:00:00+05:00",
                    )
                ),
                redacted=rng.random() < 0.1,
                vpc=text(),
                subnet=text(),
                zone=text(),
                account=text(),
                image=text(),
                instance_type=text(),
                tool=text(),
                region=text(),
                security_groups=tuple(text() for _ in range(rng.randrange(3))),
                resolvers=(text(),),
                status=rng.choice(("critical", "warning", "ok", "unknown")),
                ec2=rng.random() < 0.5,
                causes=(cause,),
                symptoms=(f"TCP001|{part()}|{ids} < {rng.choice(codes)}||{ids}",) if rng.random() < 0.3 else (),
            ),
        )


# --- Over time -------------------------------------------------------------------------------------------------------

Course = Callable[[int, Host], list[Fault]]
"""A function that takes the number of a sweep and a host, and returns the host's faults in that sweep."""


@dataclass(frozen=True, slots=True)
class Story:
    """The history of an estate over several sweeps, and the change that the program must report."""

    kind: str
    sweeps: list[list[Read]]
    begins: int | None = None
    """The first sweep in which something changed, or None if nothing changes."""
    turns: tuple[str, ...] = ()
    """The changes that the program must report in the sweep `begins`, and in no other."""


STEADY: Final = ("as-it-was", "reader-arrives", "readers-leave", "endpoint-made-anew", "by-hand", "replaced")
"""Stories in which nothing changes, although something suggests a change."""
TURNS: Final = {"begins": ("new",), "spreads": ("grown",), "moves": ("new", "healed"), "ends": ("healed",)}


def steady(seed: int, *, sweeps: int = 10, count: int = 400) -> Story:
    """The story of an estate whose common faults and noise do not change. In each sweep, one host in a hundred is
    silent.
    """
    rng = random.Random(f"steady {seed}")
    why, kind = STEADY[seed % len(STEADY)], rng.choice(sorted(KINDS))
    hosts = hosts_of(seed, count)
    if why in ("reader-arrives", "readers-leave", "endpoint-made-anew"):
        kind = rng.choice(("endpoint-group", "private-dns"))
    faults = KINDS[kind](rng, hosts)
    if why == "endpoint-made-anew":
        faults = [Fault("TCP002", _none, endpoint_interface(rng.choice(hosts).vpc).on)]
    noisy = _noise(rng, hosts, 0.01)
    readers = {host.id for host in rng.sample(hosts, 3 * len({host.vpc for host in hosts}))}
    per_vpc = {host.vpc: host.id for host in hosts}
    made: list[list[Read]] = []
    for number in range(sweeps):
        now = hosts
        if why == "reader-arrives":
            now = [replace(host, reads_ec2=number == sweeps - 1 and per_vpc[host.vpc] == host.id) for host in hosts]
        elif why == "readers-leave":
            now = [replace(host, reads_ec2=host.id in readers) for host in hosts]
        elif why == "replaced":  # each day, every tenth host is replaced by a new one
            now = [
                replace(host, id=f"i-{random.Random(f'{host.id} {(number + place) // 10}').getrandbits(68):017x}")
                for place, host in enumerate(hosts)
            ]
        silent = {host.id for host in rng.sample(now, len(now) // 100)}
        if why == "readers-leave" and number == sweeps - 1:
            silent |= readers
        if why == "endpoint-made-anew":
            faults = [replace(fault, ids=_at_vpc(20 + number)) for fault in faults]
        day = TODAY - timedelta(days=sweeps - number)
        made.append(_swept(rng, number, now, silent, (faults, noisy), day))
        if why == "by-hand" and number == sweeps - 2:
            some = [host for host in hosts if host.vpc == hosts[0].vpc][: count // 20]
            made.append(_swept(rng, sweeps, some, set(), (faults, noisy), day + timedelta(hours=6)))
    return Story(why, made)


def eventful(seed: int, *, sweeps: int = 10, count: int = 400) -> Story:
    """The story of an estate in which a fault begins, spreads, moves or ends in one sweep."""
    rng = random.Random(f"eventful {seed}")
    turn = sorted(TURNS)[seed % len(TURNS)]
    hosts = hosts_of(seed, count)
    sizes: dict[str, int] = {}
    for host in hosts:
        sizes[host.subnet] = sizes.get(host.subnet, 0) + 1
    large = sorted(subnet for subnet, size in sizes.items() if size >= 12)
    one = rng.choice(large)
    vpc = next(host.vpc for host in hosts if host.subnet == one)
    code = rng.choice(("TCP005", "TLS008", "TCP001"))
    ids = _at_vpc(17, 27) if code == "TCP001" else _none
    if turn == "moves":
        other = rng.choice([subnet for subnet in large if not any(h.subnet == subnet and h.vpc == vpc for h in hosts)])
        before, after = {one}, {other}
    else:
        of_vpc = {host.subnet for host in hosts if host.vpc == vpc}
        before, after = {
            "begins": (set(), rng.choice(({one}, of_vpc))),
            "spreads": ({one}, of_vpc),
            "ends": (rng.choice(({one}, of_vpc)), set()),
        }[turn]
    noisy = _noise(rng, hosts, 0.01)
    begins = rng.randrange(2, sweeps - 1)
    made = []
    for number in range(sweeps):
        fault = Fault(code, ids, _in_subnets(before if number < begins else after))
        silent = {host.id for host in rng.sample(hosts, count // 100)}
        day = TODAY - timedelta(days=sweeps - number)
        made.append(_swept(rng, number, hosts, silent, ([fault], noisy), day))
    return Story(turn, made, begins, TURNS[turn])


def _swept(
    rng: random.Random,
    number: int,
    hosts: Iterable[Host],
    silent: Collection[str],
    wrong: tuple[list[Fault], dict[str, list[Fault]]],
    at: datetime,
) -> list[Read]:
    """The records of one sweep. `wrong` has the common faults, and the faults of single hosts."""
    faults, noisy = wrong
    return [
        Read(
            sweep=f"sweep-{number}",
            place=f"{number}/{host.id}",
            record=record(
                host, [*_on(host, faults), *noisy.get(host.id, ())], taken_at=at + timedelta(minutes=rng.randrange(30))
            ),
        )
        for host in hosts
        if host.id not in silent
    ]
