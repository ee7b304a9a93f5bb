"""The configured hops that stop connects which were dropped silently.

Each dropped connect is followed along its configured hops. A hop that may block is named only if
no hop certainly blocks. Only failed connects are followed: without a failure, the configuration alone proves no fault.
"""

from typing import Final

from agent.fixes.fault import APPLIANCE
from agent.judge.agreement import configured_paths
from agent.judge.conditions.connects import Nature, nature_of
from agent.judge.conditions.dns_settings import is_wrong_answer
from agent.judge.evidence import Evidence
from agent.judge.requirements import judged_ports
from agent.report.hops import APPLIANCES, Hop, Reachability, Stage, is_detour
from agent.report.model import ConfiguredPath, Measured
from probes.facts import TcpFacts
from probes.frozen import dataclass
from probes.model import Address, Observation, Step, Target
from probes.ports import HTTPS

_NAT: Final = "nat-"
_KEEPS_SOURCE: Final = "vpce-"
"""The prefix of a Gateway Load Balancer endpoint's id. Such an endpoint keeps the source address of packets (AWS
PrivateLink Guide, Access virtual appliances through AWS PrivateLink)."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A connect that was dropped, and a hop that drops it."""

    attempt: Observation[TcpFacts]
    path: ConfiguredPath
    hop: Hop


def stops_of(evidence: Evidence, target: Target, *stages: Stage) -> list[Stop]:
    """The stops of connects to a target's addresses, at these stages. Addresses that no endpoint has are left out,
    since their fault is the DNS answer, and not the path."""
    stops = []
    for path in configured_paths(evidence, target):
        attempt = evidence.at(Step.TCP, target, path.address, path.port)
        if attempt is None or not is_dropped(evidence, attempt, path):
            continue
        if is_wrong_answer(evidence, target, path.address):
            continue
        certain = any(hop.outcome is Reachability.BLOCKED for hop in path.hops)
        worst = Reachability.BLOCKED if certain else Reachability.DOUBTFUL
        stops += [Stop(attempt, path, hop) for hop in path.hops if hop.stage in stages and hop.outcome is worst]
    return stops


def is_dropped(evidence: Evidence, attempt: Observation[TcpFacts], path: ConfiguredPath) -> bool:
    silent = nature_of(attempt, evidence.own_addresses_of_host) is Nature.SILENT
    return path.measured is Measured.SILENT and silent


def needed_first(evidence: Evidence, target: Target, stops: list[Stop]) -> list[Stop]:
    """The stops on ports that the service needs; if there are none, all stops. A port that the service does not need
    may stay closed."""
    required = judged_ports(target)
    return [stop for stop in stops if stop.path.port in required] or stops


def block_of(address: Address) -> str:
    return f"{address}/{address.max_prefixlen}"


@dataclass(frozen=True, slots=True)
class Remote:
    """The other end of a connection, as a rule for it must be written."""

    block: str
    """A CIDR, or a placeholder for one."""
    address: Address | None
    """The address of the other end; None if unknown."""
    version: int


def sender_of(path: ConfiguredPath) -> Remote:
    """The source from which the endpoint's side must accept packets. On 443, the source is this host. If a device on
    the route sends from its own address, the source is that device. On the ports of a gateway, the source is always the
    gateway appliance."""
    version, length = path.address.version, path.address.max_prefixlen
    if path.port != HTTPS:
        return Remote(APPLIANCE, None, version)
    if (through := detour_of(path)) is not None:
        whose = "<NAT_ADDRESS>" if through.startswith(_NAT) else "<MIDDLEBOX_ADDRESS>"
        return Remote(f"{whose}/{length}", None, version)
    if path.source is None:
        own = "<ADDRESS_OF_THIS_HOST>" if version == 4 else "<IPV6_ADDRESS_OF_THIS_HOST>"
        return Remote(f"{own}/{length}", None, version)
    return Remote(block_of(path.source), path.source, version)


def detour_of(path: ConfiguredPath) -> str | None:
    """The device on the route out that may change the source address of packets. None if there is no such device."""
    for hop in path.hops:
        if hop.stage in (Stage.ROUTE, Stage.TRANSIT) and hop.rule is not None:
            through = hop.rule.rpartition(" ")[2]
            if is_detour(hop) or through.startswith(APPLIANCES):
                return None if through.startswith(_KEEPS_SOURCE) else through
    return None
