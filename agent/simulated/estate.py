"""A made-up estate: all hosts of an organisation, for trying `backuplink fleet`. It has VPCs, zones, subnets, groups
and accounts, faults that hosts share, faults of single hosts, and hosts that are silent in some sweeps. A sweep is one
run on all hosts.

The same number of hosts always gives the same estate. The record of a host with a fault comes from a run in a scenario:
a real host would write the same record with its own ids and addresses. `Estate.truth` tells the faults, and tests
compare them with the faults that a fleet report finds.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any, Final

from agent.fleet.store import Read
from agent.report.host_record import AMAZON, HostRecord
from agent.report.serialization import to_json
from agent.simulated.settings import EPOCH
from probes.frozen import dataclass

SWEEPS: Final = 5
"""Number of sweeps. There is one each day, and the last is at EPOCH."""
MIN_HOSTS: Final = 20
MAX_HOSTS: Final = 200_000
REGION: Final = "euw1"
ZONES: Final = ("az1", "az2", "az3")
_SHARES: Final = (18, 14, 11, 10, 9, 8, 7, 6, 5, 5, 4, 3)
"""Percentage of the hosts in each VPC."""
_ACCOUNTS: Final = 4
_GROUPS: Final = 8
"""Number of groups of hosts in each VPC."""
_READERS: Final = 5
"""How many of eight hosts may read EC2."""
OWNERS: Final = {
    "billing": "finance-it@example.com",
    "crm": "sales-it@example.com",
    "sap": "sap-basis@example.com",
    "shop": "shop@example.com",
}
"""The owners of applications. Each application has two groups of hosts in every VPC."""
_SILENT_PERCENT: Final = 1.0
_NOISE_PERCENT: Final = 2.0
_SPREAD: Final = 600
"""Seconds over which the runs of a sweep are spread."""
_RESOLVERS: Final = {"10.0.9.53": "10.200.9.53", "10.0.8.53": "10.201.9.53"}
"""The addresses in the estate of the name servers that hosts of several VPCs ask, by their addresses in scenarios. The
first name server fails."""
_FAILING, _WELL = _RESOLVERS.values()
_IDS: Final = re.compile(r"\b(?P<kind>vpc|vpce|sg|sgr|subnet|acl|rtb|eni|i)-[0-9a-f]{17}\b")
_ADDRESSES: Final = re.compile(r"\b10\.0\.(?P<rest>[0-9]{1,3}\.[0-9]{1,3})\b")
_TEXTS: Final = ("summary", "title", "fix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that hosts of the estate share."""

    name: str
    scenario: str
    vpcs: tuple[int, ...]
    """Numbers of the VPCs with the fault."""
    first: int
    """Number of the first sweep with the fault."""
    last: int = SWEEPS - 1
    zone: int | None = None
    """The zone of the affected hosts; None for all zones."""
    resolver: str | None = None
    """The name server that the affected hosts ask; None for all name servers."""


FAULTS: Final = (
    Fault(name="the group of an endpoint", scenario="security-group-443-only", vpcs=(3,), first=2),
    Fault(name="an interface of an endpoint", scenario="one-zone-silent", vpcs=(5,), first=0),
    Fault(name="a name server", scenario="own-server-fails", vpcs=(1, 2), first=1, resolver=_FAILING),
    Fault(name="private DNS", scenario="private-dns-switched-off", vpcs=(8,), first=3),
    Fault(name="a zone without a way out", scenario="port-blocked", vpcs=(6,), first=4, zone=2),
    Fault(name="private DNS, fixed", scenario="private-dns-switched-off", vpcs=(10,), first=0, last=SWEEPS - 2),
)
NOISE: Final = (
    *("dropped-on-this-host", "no-source-port", "bundle-missing", "clock-wrong", "credentials-expired"),
    *("allowance-exceeded", "lossy-path", "hosts-file-public"),
)
"""Scenarios of faults of single hosts."""
HEALTHY: Final = "configuration-healthy"
_QUIET_SUBNET: Final = (7, 0, 1)
"""VPC, zone and subnet whose hosts are all silent in the last sweep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A run from which records are made."""

    scenario: str
    reads_ec2: bool


def templates() -> Iterator[Template]:
    """The runs from which the records of an estate are made."""
    for name in dict.fromkeys((HEALTHY, *(fault.scenario for fault in FAULTS), *NOISE)):
        for reads_ec2 in (True, False):
            yield Template(scenario=name, reads_ec2=reads_ec2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host and its place."""

    id: str
    vpc: int
    zone: int
    subnet: int
    group: int
    reads_ec2: bool
    resolver: str
    """The resolver that the host uses, as its record describes it."""
    noise: str | None
    """The scenario of a fault that only this host has."""
    noise_since: int
    """Number of the first sweep with the fault that only this host has."""


class Estate:
    """An estate of MIN_HOSTS to MAX_HOSTS hosts."""

    def __init__(self, size: int) -> None:
        self.hosts = tuple(_host(number, size) for number in range(size))

    @property
    def inventory(self) -> str:
        """All hosts with their application and its owner, as CSV."""
        rows = (f"{host.id},{OWNERS[_application(host)]},{_application(host)}\n" for host in self.hosts)
        return "InstanceId,Owner,Application\n" + "".join(sorted(rows))

    def truth(self, sweep: int = SWEEPS - 1) -> dict[str, frozenset[str]]:
        """For each shared fault, by its name, the hosts that have it and reported in a sweep."""
        return {
            fault.name: frozenset(
                host.id for host in self.hosts if _fault_of(host, sweep) is fault and not _is_silent(host, sweep)
            )
            for fault in FAULTS
        }

    def silent(self, sweep: int = SWEEPS - 1) -> frozenset[str]:
        """The hosts that did not report in a sweep."""
        return frozenset(host.id for host in self.hosts if _is_silent(host, sweep))

    def reads(self, records: Mapping[Template, HostRecord]) -> Iterator[Read]:
        """The records of all sweeps, the oldest first, as if they were read from a bucket of Systems Manager; `records`
        contains the record of each template."""
        moved: dict[tuple[Template, int], HostRecord] = {}
        for sweep in range(SWEEPS):
            for host in self.hosts:
                if _is_silent(host, sweep):
                    continue
                template = Template(scenario=_scenario(host, sweep), reads_ec2=host.reads_ec2)
                place = (template, host.vpc)
                if place not in moved:
                    moved[place] = _in_vpc(records[template], host.vpc)
                record = _of_host(moved[place], host, sweep)
                yield Read(sweep=command_of(sweep), place=place_of(host.id, sweep), record=record)


def command_of(sweep: int) -> str:
    """The id of the command of a sweep."""
    digits = _hex("command", sweep, length=32)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def place_of(host: str, sweep: int) -> str:
    """The path of a host's record below the folder of the reports, as Systems Manager chooses it."""
    return f"{command_of(sweep)}/{host}/awsrunShellScript/host/stdout"


# --- Places of hosts --------------------------------------------------------------------------------------------------


def _host(number: int, size: int) -> Host:
    count = len(_SHARES) if size >= 50 * len(_SHARES) else max(2, size // 50)
    shares = _SHARES[:count]
    place = (number + 0.5) * sum(shares) / size
    vpc = next(index for index in range(count) if place < sum(shares[: index + 1]) or index == count - 1)
    return Host(
        id=f"i-{_hex('host', number, length=17)}",
        vpc=vpc,
        zone=_chance("zone", number) % len(ZONES),
        subnet=_chance("subnet", number) % 2,
        group=_chance("group", number) % _GROUPS,
        reads_ec2=_chance("reader", number) % 8 < _READERS,
        resolver=_resolver(number, vpc),
        noise=NOISE[_chance("kind", number) % len(NOISE)] if _happens(_NOISE_PERCENT, "noise", number) else None,
        noise_since=_chance("since", number) % SWEEPS,
    )


def _resolver(number: int, vpc: int) -> str:
    turn = _chance("resolver", number) % 8
    if vpc in (1, 2) and turn < 2:
        return _FAILING
    return _WELL if turn == 7 else AMAZON


def _fault_of(host: Host, sweep: int) -> Fault | None:
    for fault in FAULTS:
        if (
            host.vpc in fault.vpcs
            and fault.first <= sweep <= fault.last
            and fault.zone in (None, host.zone)
            and fault.resolver in (None, host.resolver)
        ):
            return fault
    return None


def _scenario(host: Host, sweep: int) -> str:
    if (fault := _fault_of(host, sweep)) is not None:
        return fault.scenario
    return host.noise if host.noise is not None and sweep >= host.noise_since else HEALTHY


def _application(host: Host) -> str:
    return tuple(OWNERS)[host.group % len(OWNERS)]


def _is_silent(host: Host, sweep: int) -> bool:
    if sweep == SWEEPS - 1 and (host.vpc, host.zone, host.subnet) == _QUIET_SUBNET:
        return True
    return _happens(_SILENT_PERCENT, "silent", host.id, sweep)


def _happens(percent: float, *words: object) -> bool:
    return _chance(*words) % 10_000 < 100 * percent


def _chance(*words: object) -> int:
    return int(_hex(*words, length=8), 16)


def _hex(*words: object, length: int) -> str:
    """A text of `length` hexadecimal digits, determined by the words."""
    return hashlib.sha256("|".join(map(str, words)).encode()).hexdigest()[:length]


# --- Records ---------------------------------------------------------------------------------------------------------


@cache
def _id(kind: str, *words: object) -> str:
    return f"{kind}-{_hex(kind, *words, length=17)}"


def _in_vpc(record: HostRecord, vpc: int) -> HostRecord:
    """A record of a scenario, changed to the ids and addresses of a VPC."""

    def moved(text: str) -> str:
        text = _IDS.sub(lambda match: _id(match["kind"], vpc, "vpc" if match["kind"] == "vpc" else match[0]), text)
        return _ADDRESSES.sub(lambda match: _RESOLVERS.get(match[0], f"10.{vpc}.{match['rest']}"), text)

    def every(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(moved, texts))

    texts: dict[str, Any] = {name: None if (text := getattr(record, name)) is None else moved(text) for name in _TEXTS}
    return replace(
        record,
        account=f"{111_122_223_330 + vpc % _ACCOUNTS}",
        vpc=_id("vpc", vpc, "vpc"),
        endpoints=every(record.endpoints),
        causes=every(record.causes),
        symptoms=every(record.symptoms),
        **texts,
    )


def _of_host(record: HostRecord, host: Host, sweep: int) -> HostRecord:
    after = timedelta(days=sweep - SWEEPS + 1, seconds=_chance("after", host.id, sweep) % _SPREAD)
    return replace(
        record,
        run=_hex("run", host.id, sweep, length=12),
        taken_at=to_json(EPOCH + after),
        host=host.id,
        subnet=_id("subnet", host.vpc, host.zone, host.subnet),
        zone=f"{REGION}-{ZONES[host.zone]}",
        image=_id("ami", _chance("image", host.id) % 3),
        instance_type=("m6i.large", "c6i.xlarge", "r6i.2xlarge", "t3.medium")[_chance("type", host.id) % 4],
        security_groups=(_id("sg", host.vpc, "host", host.group),),
        resolvers=(host.resolver,),
    )
