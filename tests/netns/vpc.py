"""A scenario's VPC, built from two Linux network namespaces joined by one cable.

One namespace is the host: it has `eth0` with the host's addresses and routes, its own firewall, and its own resolv.conf
and hosts file (`ip netns exec` mounts the files of /etc/netns/NAME over those in /etc). The other namespace has
everything else: the gateway, and behind the gateway every other address in the scenario, on one interface, with the
peers of `tests.netns.peers`. If a security group blocks a packet, a filter drops the packet there. EC2 has an address
of its own. Neither namespace has any other link, so no packet can leave.
"""

import fcntl
import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any, Final, Literal

from agent.simulated import peers as simulated
from agent.simulated.scenario import HostPart, Scenario, TcpPart, parse
from probes.model import Address
from probes.steps.dns import DNS_PORT
from tests.netns import ec2_server, peers
from tests.netns.peers import Place

TWO_ZONES: Final = """
summary = "two zones"

[run]
services = ["backup"]
timeout = 1.0

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup.eu-west-1.amazonaws.com"
a = ["10.0.1.17", "10.0.2.17"]

[[tcp]]
addresses = ["10.0.1.17", "10.0.2.17"]
ports = [443]

[expect]
status = "ok"
path = "private"
findings = []
"""
"""A healthy scenario, for tests that change its network while a program runs."""
COMMAND_SECONDS: Final = 120.0
"""The limit in seconds for a command. Commands take milliseconds, so only a hanging command reaches it."""
_SEARCHED: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
_NUMBERS: Final = count(1)
_AHEAD: Final = ("chrt", "--rr", "1")
"""A prefix for commands that gives a process priority over all others (sched(7)). With it, the times of a scenario,
such as a step of one second, are correct even if every processor of the machine is busy.
"""
_ENVIRONMENT: Final = dict(os.environ)
"""A copy of the environment, for every process that is started here. Threads start processes, and with the environment
itself, this could fail while a test changes a variable (EFAULT of execve(2)).
"""
_NETNS: Final = Path("/etc/netns")
_FILING: Final = threading.Lock()
_LOCK: Final = Path(tempfile.gettempdir(), "backuplink-tests-netns.lock")
"""A lock for the folder of namespace files. Threads and workers share the folder, and may make several VPCs at once."""
_NSSWITCH: Final = Path("/etc/nsswitch.conf")
FORKING: Final = threading.Lock()
"""A lock for starting processes. Before `multiprocessing` starts a process, it checks whether others have ended, and
two threads that check the same process at once would read its exit code twice.
"""
ENDING_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.005
_ROUND_TRIP: Final = TcpPart.__dataclass_fields__["round_trip_seconds"].default
_SETTINGS: Final = """
cd /proc/sys/net
for setting in ipv4/ip_forward ipv6/conf/all/forwarding ipv4/icmp_ratelimit ipv6/icmp/ratelimit; do
    if test -e $setting; then echo 0 >$setting; fi
done
"""
"""Settings for the namespace behind the gateway: it is not a router, and every closed port answers. By default, a
kernel limits how many such answers it sends to a host in a second (icmp(7)).
"""
_BECOME_HOST: Final = """
set -e
mount -t tmpfs tmpfs /sys/class
mkdir -p /sys/class/dmi/id
printf '%s\\n' "$1" >/sys/class/dmi/id/sys_vendor
files=$2
shift 2
if test -n "$files"; then
    mount -t tmpfs tmpfs /mnt
    for top in $(ls "$files"); do
        mkdir -p "/mnt/$top/upper" "/mnt/$top/work"
        if test "$top" = etc; then cp -L /etc/resolv.conf /etc/hosts /mnt/etc/upper; fi
        if test "$top" = etc && test -f /etc/nsswitch.conf; then cp -L /etc/nsswitch.conf /mnt/etc/upper; fi
        cp -a "$files/$top/." "/mnt/$top/upper"
        mount -t overlay -o "lowerdir=/$top,upperdir=/mnt/$top/upper,workdir=/mnt/$top/work" overlay "/$top"
    done
fi
if test -d /run/nscd; then mount -t tmpfs tmpfs /run/nscd; fi
servers=/run/systemd/resolve/resolv.conf
if test -f $servers && ! test -f "${files:-/nowhere}$servers"; then mount --bind /dev/null $servers; fi
exec "$@"
"""
"""A script that gives the host its own firmware data, mounts the files of backup agents over the existing files, and
hides name services of this machine. The mounts are private, since `ip netns exec` starts the script.
"""

Family = Literal["-4", "-6"]
"""The address family, as an option of ip(8)."""


class Peers:
    """The process that serves the addresses of a VPC, and the lines that it has written (`tests.netns.peers`)."""

    def __init__(self, process: ForkServerProcess, parent: Connection, lines: Path) -> None:
        self._process = process
        self._parent = parent
        self._lines = lines
        self._text: str | None = None
        """All lines that the process wrote, or None until it has ended."""

    def wait_for(self, line: str) -> None:
        """Wait at most COMMAND_SECONDS until the peers have written `line`. Raises TimeoutError if they have not, and
        EOFError if they end first.
        """
        last = time.monotonic() + COMMAND_SECONDS
        while line not in self._so_far().split("\n")[:-1]:  # the text after the last line break is incomplete
            ended = multiprocessing.connection.wait([self._process.sentinel], timeout=_POLL_SECONDS)
            if ended and line not in self._so_far().split("\n"):
                raise EOFError(f"the peers ended before they wrote {line!r}")
            if time.monotonic() > last:
                raise TimeoutError(f"the peers have not written {line!r} but {self._so_far()!r}")

    def end(self) -> None:
        """End the peers, and keep their lines. Raises TimeoutError after COMMAND_SECONDS."""
        self._parent.close()
        if not multiprocessing.connection.wait([self._process.sentinel], timeout=COMMAND_SECONDS):
            raise TimeoutError("the peers do not end")
        self._text = self._so_far()

    def written(self, word: str) -> tuple[str, ...]:
        """The text after `word` in each line so far, in order."""
        lines = (line.partition(" ") for line in self._so_far().splitlines())
        return tuple(rest for first, _, rest in lines if first == word)

    def _so_far(self) -> str:
        return self._lines.read_text("ascii") if self._text is None else self._text


@dataclass(frozen=True, slots=True, kw_only=True)
class Vpc:
    """A VPC that has been built."""

    scenario: Scenario
    host: str
    """The namespace of the host."""
    beyond: str
    """The namespace behind the gateway."""
    peers: Peers
    files: str
    """The folder that contains the files of agents on the host, or an empty text if there are none."""

    def on_host(self, *words: str) -> list[str]:
        """A command that runs `words` on the host. The program in `words` takes over the process of the command, and
        therefore its id.
        """
        vendor = "Amazon EC2" if self.scenario.host.ec2 else "Example"
        return command_in(self.host, "sh", "-c", _BECOME_HOST, "sh", vendor, self.files, *words)

    def filter_on_host(self, rules: str) -> None:
        """Add tables of nft(8) to the host."""
        in_namespace(self.host, "nft", "-f", "-", text=rules)

    def listed_on_host(self, *what: str) -> Any:
        """The value of `nftables` in the output of `nft -j list` for `what` (libnftables-json(5))."""
        words = [_program("ip"), "netns", "exec", self.host, "nft", "-j", "list", *what]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True, env=_ENVIRONMENT
        )
        return json.loads(done.stdout)["nftables"]

    def processes_on_host(self) -> tuple[int, ...]:
        """The ids of the processes that still run on the host. Processes that are about to end get a moment to do so
        first.
        """
        until = time.monotonic() + ENDING_SECONDS
        while True:
            pids = subprocess.run(
                [_program("ip"), "netns", "pids", self.host],
                capture_output=True,
                text=True,
                check=True,
                env=_ENVIRONMENT,
            ).stdout.split()
            if not pids or time.monotonic() > until:
                return tuple(map(int, pids))


def missing() -> str | None:
    """Why this machine cannot make namespaces, or None if it can."""
    if sys.platform != "linux":
        return "only Linux has network namespaces"
    if os.geteuid() != 0:
        return "network namespaces need root"
    for name in ("ip", "nft"):
        if shutil.which(name, path=_SEARCHED) is None:
            return f"the command {name} is not there"
    try:
        with namespace("try") as name:
            _run("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", "vpc0")
            in_namespace(name, "nft", "-f", "-", text="table inet try { }")
    except (OSError, RuntimeError) as error:
        return f"network namespaces cannot be made: {error}"
    return None


@contextmanager
def vpc(
    name: str,
    toml: str,
    *,
    rules: str = "",
    routes: Mapping[Family, Iterable[str]] | None = None,
    others: Iterable[Place] = (),
) -> Iterator[Vpc]:
    """Build the complete VPC of a scenario, whose file has the text `toml`. It exists while the block lasts.

    `rules` are tables of nft(8) for the namespace behind the gateway, and `routes` are lines of ip(8) for it, by
    family. `others` are further addresses and ports in that namespace that are open for TCP and UDP, for servers that
    the caller starts. Programs in that namespace use the name servers that the VPC's hosts use by default. Raises
    RuntimeError if a part cannot be built, or if a peer fails.
    """
    places = tuple(others)
    scenario = parse(name, toml)
    if any(row.round_trip_seconds != _ROUND_TRIP for row in scenario.tcp):
        raise RuntimeError("no round trip time is built here: it would need a delay in the kernel")
    with ExitStack() as stack:
        host = stack.enter_context(namespace("host"))
        beyond = stack.enter_context(namespace("vpc"))
        stack.enter_context(_files(host, scenario.host))
        if places:
            stack.enter_context(_files(beyond, HostPart()))
        files = stack.enter_context(_agents(scenario.host))
        _run("ip", "-n", host, *"link add eth0 type veth peer name vpc0 netns".split(), beyond)
        in_namespace(beyond, "sh", "-c", _SETTINGS)
        in_namespace(host, "sysctl", "-q", "-w", f"net.ipv4.tcp_keepalive_time={scenario.host.keepalive_seconds}")
        batch(beyond, _links_beyond(scenario, places))
        for family, lines in (routes or {}).items():
            batch(beyond, lines, family)
        batch(host, _links_of_host(scenario.host))
        in_namespace(beyond, "nft", "-f", "-", text=_filter_beyond(scenario, places) + rules)
        in_namespace(host, "nft", "-f", "-", text=_filter_of_host(scenario.host))
        if peers.places(scenario, here=True):
            stack.enter_context(_peers(host, name, toml, here=True))
        served = stack.enter_context(_peers(beyond, name, toml))
        yield Vpc(scenario=scenario, host=host, beyond=beyond, peers=served, files=files)


# --- Namespaces ------------------------------------------------------------------------------------------------------


@contextmanager
def namespace(role: str) -> Iterator[str]:
    """Create a namespace. It is removed with everything in it when the block ends."""
    name = f"backuplink-{os.getpid()}-{next(_NUMBERS)}-{role}"
    _run("ip", "netns", "add", name)
    try:
        yield name
    finally:
        _run("ip", "netns", "del", name)


@contextmanager
def _files(namespace: str, host: HostPart) -> Iterator[None]:
    """The files of /etc that programs in the namespace see."""
    folder = _NETNS / namespace
    texts = {
        "resolv.conf": host.resolv_conf(),
        "hosts": "".join(f"{line}\n" for line in host.hosts),
    }
    if _NSSWITCH.exists():
        # An NSS module such as `resolve` would pass a lookup to a service outside the namespace.
        texts["nsswitch.conf"] = f"hosts: {' '.join(host.lookup_sources)}\n"
    with _filing():
        folder.mkdir(parents=True)
    try:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="ascii")
        yield
    finally:
        with _filing():
            shutil.rmtree(folder)
            if not any(_NETNS.iterdir()):
                _NETNS.rmdir()


@contextmanager
def _agents(host: HostPart) -> Iterator[str]:
    """Create a folder with the files and links of agents on the host; yields an empty text if there are none."""
    if not (host.files or host.links):
        yield ""
        return
    with tempfile.TemporaryDirectory() as folder:
        for path, text in host.files.items():
            file = Path(f"{folder}{path}")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        for path, target in host.links.items():
            link = Path(f"{folder}{path}")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
        yield folder


@contextmanager
def _filing() -> Iterator[None]:
    """While the block lasts, no other thread and no other worker creates or removes a folder of namespace files."""
    with _FILING, open(_LOCK, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _peers(namespace: str, name: str, toml: str, *, here: bool = False) -> Iterator[Peers]:
    """Start the peers of a scenario, and yield them once they are ready. Raises RuntimeError if one of them fails."""
    with tempfile.NamedTemporaryFile() as lines, Connection(os.dup(2), readable=False) as errors:
        theirs, ours = FORKS.Pipe(duplex=False)
        given = {"here": here, "ahead": bool(_ahead()), "lines": Path(lines.name), "errors": errors, "parent": theirs}
        process = FORKS.Process(target=peers.serve_in, args=(namespace, name, toml), kwargs=given)
        with ours:
            with theirs, FORKING:
                process.start()
            try:
                there = Peers(process, ours, Path(lines.name))
                there.wait_for(peers.READY)
                yield there
                there.end()
            finally:
                if not multiprocessing.connection.wait([process.sentinel], timeout=0):
                    process.kill()
                multiprocessing.connection.wait([process.sentinel])
                with FORKING:
                    process.join()
    if process.exitcode:
        raise RuntimeError(f"the peers of {name} ended with {process.exitcode}; they say why on stderr")


def _forks() -> ForkServerContext:
    """The server that forks the processes of the peers. It has a single thread, and has already imported the modules
    that they need.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([peers.__name__])
    return context


def ready() -> None:
    """Start the fork server before there are threads, since no other thread may set an environment variable while a
    process is started.
    """
    forkserver.ensure_running()


FORKS: Final = _forks()


@cache
def _ahead() -> tuple[str, ...]:
    """_AHEAD, or nothing if this machine does not allow priorities. Without them, peers may seem silent while the
    machine is busy.
    """
    try:
        tried = subprocess.run([*_AHEAD, "true"], capture_output=True, timeout=COMMAND_SECONDS, check=False)
    except FileNotFoundError:
        return ()
    return () if tried.returncode else _AHEAD


def _program(name: str) -> str:
    path = shutil.which(name, path=_SEARCHED)
    if path is None:
        raise FileNotFoundError(name)
    return path


def _run(name: str, *words: str, text: str = "") -> None:
    done = subprocess.run(
        [_program(name), *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
        env=_ENVIRONMENT,
    )
    if done.returncode:
        raise RuntimeError(f"{name} {' '.join(words)}: {done.stderr.strip()}\n{text}")


def command_in(namespace: str, *words: str) -> list[str]:
    """A command that runs `words` in a namespace, with priority over all other processes. The program in `words` takes
    over the process of the command, and therefore its id.
    """
    return [*_ahead(), _program("ip"), "netns", "exec", namespace, *words]


def in_namespace(namespace: str, *words: str, text: str = "") -> None:
    _run("ip", "netns", "exec", namespace, *words, text=text)


def batch(namespace: str, lines: Iterable[str], *options: str) -> None:
    _run("ip", *options, "-n", namespace, "-batch", "-", text="".join(f"{line}\n" for line in lines))


# --- What stands in them ---------------------------------------------------------------------------------------------


def _links_of_host(host: HostPart) -> Iterator[str]:
    """The lines for ip(8) that create the links of the host."""
    yield "link set lo up"
    for interface in host.addresses:
        yield f"addr add {interface} dev eth0{_nodad(interface.ip)}"
    yield "link set eth0 up"
    for bridge in host.bridges:
        if bridge.kind == "tunnel":
            # This cable must not need neighbour discovery, since no interface at its other end has the destination
            # address.
            yield f"link add {bridge.name} type veth peer name far-end"
            yield f"link set {bridge.name} arp off"
            yield "link set far-end up"
        else:
            yield f"link add {bridge.name} type bridge"
        yield f"addr add {bridge.address} dev {bridge.name}{_nodad(bridge.address.ip)}"
        yield f"link set {bridge.name} up"
    for gateway in host.gateways:
        yield f"route add default via {gateway} dev eth0"
    for route in host.routes:
        yield f"route add {route.answer} {route.to}"


def _links_beyond(scenario: Scenario, others: Iterable[Place]) -> Iterator[str]:
    """The lines for ip(8) that create the links behind the gateway."""
    yield "link set lo up"
    yield "link set vpc0 up"
    if any(row.path_mtu is not None for row in scenario.tcp):
        yield "link set vpc0 gso_max_segs 1"  # the filter then sees packets of the size that they have on the cable
    for address in _addresses(scenario, others):
        yield f"addr add {address}/{address.max_prefixlen} dev vpc0{_nodad(address)}"
    for interface in scenario.host.addresses:
        # The route back to the host. The sender of the gateway's own messages is the gateway's address.
        gateway = next((gateway for gateway in scenario.host.gateways if gateway.version == interface.version), None)
        yield f"route add {interface.ip} dev vpc0" + ("" if gateway is None else f" src {gateway}")


def _nodad(address: Address) -> str:
    """The option that skips duplicate address detection (RFC 4862) for an IPv6 address. The detection would delay the
    use of the address by a second.
    """
    return " nodad" if address.version == 6 else ""


def _addresses(scenario: Scenario, others: Iterable[Place]) -> tuple[Address, ...]:
    """Every address of a peer outside the host, and the addresses of `others`. Without `others`, the addresses are the
    same as in memory.
    """
    services = (address for row in scenario.tcp for address in row.addresses)
    ec2 = (ec2_server.ADDRESS,) if ec2_server.is_served(scenario) else ()
    there = (
        *scenario.host.gateways,
        *simulated.resolvers_of(scenario),
        *simulated.metadata_addresses(scenario),
        *services,
        *ec2,
        *(address for address, _ in others),
    )
    return tuple(address for address in dict.fromkeys(there) if not address.is_loopback)


def _filter_beyond(scenario: Scenario, others: tuple[Place, ...]) -> str:
    """Tables of nft(8): only packets that match a row of the scenario are accepted, and packets to unused addresses are
    dropped.
    """
    ec2 = ((ec2_server.ADDRESS, ec2_server.PORT),) if ec2_server.is_served(scenario) else ()
    by_tcp = dict.fromkeys((*peers.accepting(scenario), *peers.refusing(scenario), *ec2, *others))
    resolvers = ((resolver, DNS_PORT) for resolver in simulated.resolvers_of(scenario))
    by_udp = dict.fromkeys((*resolvers, *others))
    nobody = []
    for family, version in (("ip", 4), ("ip6", 6)):
        somebody = [str(address) for address in _addresses(scenario, others) if address.version == version]
        if version == 6:
            somebody += ["fe80::/10", "ff00::/8"]  # for neighbour discovery
        nobody.append(f"{family} daddr != {_set(somebody)} drop")
    return f"""
        table inet vpc {{
            chain arriving {{
                type filter hook prerouting priority 0; policy accept;
                iif lo accept
                {_lines(nobody)}
                {_lines(_losses(scenario))}
            }}
            chain sent {{
                type filter hook output priority 0; policy accept;
                {_lines(_too_large(scenario))}
            }}
            set tried4 {{ type ipv4_addr . inet_service; flags dynamic; timeout 1m; }}
            set tried6 {{ type ipv6_addr . inet_service; flags dynamic; timeout 1m; }}
            chain received {{
                type filter hook input priority 0; policy drop;
                iif lo accept
                meta l4proto ipv6-icmp accept
                {_lines(_match(by_tcp, "tcp", "accept"))}
                {_lines(_match(by_udp, "udp", "accept"))}
            }}
        }}
    """


def _losses(scenario: Scenario) -> Iterator[str]:
    """Rules for rows of the scenario that lose the first SYN: they drop the first SYN to each port."""
    places = [(a, p) for row in scenario.tcp if row.first_syn_lost for a in row.addresses for p in row.ports]
    for family, version in (("ip", 4), ("ip6", 6)):
        elements = [f"{address} . {port}" for address, port in places if address.version == version]
        if elements:
            place = f"{family} daddr . tcp dport"
            new = f"tcp flags & (syn | ack) == syn {place} {_set(elements)} {place} != @tried{version}"
            yield f"{new} add @tried{version} {{ {place} }} drop"


def _too_large(scenario: Scenario) -> Iterator[str]:
    """Rules that drop packets that are longer than the path MTU of a row."""
    for row in scenario.tcp:
        for address in row.addresses if row.path_mtu is not None else ():
            family = "ip" if address.version == 4 else "ip6"
            yield f"{family} saddr {address} tcp sport {_set(map(str, row.ports))} meta length > {row.path_mtu} drop"


def _filter_of_host(host: HostPart) -> str:
    """A table of nft(8) for the host's own firewall. If it drops an outgoing packet, a UDP socket gets EPERM, and a TCP
    socket gets no error.
    """
    rules = [
        line
        for rule in host.filter
        for protocol in ("tcp", "udp")
        for line in _match([(a, p) for a in rule.addresses for p in rule.ports], protocol, rule.answer)
    ]
    return f"""
        table inet host {{
            chain sent {{
                type filter hook output priority 0; policy accept;
                {_lines(rules)}
            }}
        }}
    """


def _match(places: Iterable[Place], protocol: str, verdict: str) -> Iterator[str]:
    """A rule for each family that occurs in `places`."""
    pairs = tuple(places)
    for family, version in (("ip", 4), ("ip6", 6)):
        elements = [f"{address} . {port}" for address, port in pairs if address.version == version]
        if elements:
            yield f"{family} daddr . {protocol} dport {_set(elements)} {verdict}"


def _set(elements: Iterable[str]) -> str:
    return f"{{ {', '.join(elements)} }}"


def _lines(rules: Iterable[str]) -> str:
    return "\n".join(rules)
