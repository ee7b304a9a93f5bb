"""What this host is set to: addresses, name servers, hosts file, proxy variables, and whether it is an EC2 instance."""

import contextlib
import json
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final

from probes.facts import HostFacts, HostsEntry
from probes.model import Address, Draft
from probes.seams import Machine
from probes.urls import masked_proxy

MAX_NAME_SERVERS: Final = 3
"""Name servers that the C library uses: MAXNS of resolv.conf(5)."""
RESOLVER_TIMEOUT: Final = 5.0
"""Seconds that the C library waits for a name server: RES_TIMEOUT of resolv.conf(5)."""
MAX_HOSTS_ENTRIES: Final = 64
MAX_VALUE_CHARACTERS: Final = 64
"""Characters that are kept of a variable that holds the name of a Region, which has at most 63."""
PROXY_VARIABLES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

RESOLVED: Final = "/run/systemd/resolve/resolv.conf"
"""Where systemd-resolved writes the name servers that it asks itself."""
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
"""The kernel keeps 64 characters (uname(2)); of other names nothing is shown."""
_NODE_ID: Final = re.compile(r"mi-[0-9a-f]{8,17}")
_REGISTRATION: Final = "/var/lib/amazon/ssm/registration"
_DMI: Final = "/sys/class/dmi/id/"


async def probe(
    machine: Machine, suffixes: tuple[str, ...], region_variables: tuple[str, ...], draft: Draft[HostFacts]
) -> HostFacts:
    """Read the host's configuration. `suffixes` are the domains whose names in the hosts file matter here,
    `region_variables` those that name a Region to the SDK."""
    servers, ignored, search, options = parse_resolv_conf(_text(machine, "/etc/resolv.conf"))
    upstream: tuple[Address, ...] = ()
    if any(server.is_loopback for server in servers):
        upstream = parse_resolv_conf(_text(machine, RESOLVED))[0]
    facts = HostFacts(
        interfaces=machine.interfaces(),
        resolvers=servers,
        resolvers_ignored=ignored,
        search=search,
        resolver_options=options,
        hosts_entries=parse_hosts(_text(machine, "/etc/hosts"), suffixes),
        upstream_resolvers=tuple(server for server in upstream if not server.is_loopback),
        ec2=_is_ec2(machine),
        proxies=proxy_variables(machine.environment),
        local_ports=_local_ports(machine),
        keepalive_seconds=_keepalive(machine),
        name=_name(machine),
        managed_node_id=managed_node_id(_text(machine, _REGISTRATION)),
        region_variables={
            name: _printable(value) for name in region_variables if (value := machine.environment.get(name))
        },
    )
    draft.facts = facts
    return facts


def parse_resolv_conf(
    text: str,
) -> tuple[tuple[Address, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Name servers, name servers ignored, search list and options of a resolv.conf (resolv.conf(5)).

    As the C library reads it: a keyword begins its line, the last `search` or `domain` wins, the first three name
    servers count, and without any the local one is asked.
    """
    servers: list[Address] = []
    ignored: list[str] = []
    search: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        keyword, *values = line.split() or [""]
        if not line.startswith(keyword) or not values:
            continue
        match keyword:
            case "nameserver":
                try:
                    server = ip_address(values[0])
                except ValueError:
                    ignored.append(values[0])
                    continue
                if len(servers) < MAX_NAME_SERVERS:
                    servers.append(server)
                else:
                    ignored.append(values[0])
            case "search" | "domain":
                search = tuple(values)
            case "options":
                options.extend(values)
    if not servers:
        servers.append(ip_address("127.0.0.1"))
    return tuple(dict.fromkeys(servers)), tuple(ignored), search, tuple(options)


def resolver_timeout(facts: HostFacts | None) -> float:
    """Seconds for which the C library waits for one name server (`timeout:` of resolv.conf(5), at most 30)."""
    for option in facts.resolver_options if facts else ():
        name, _, value = option.partition(":")
        if name == "timeout" and value.isdecimal():
            return float(min(max(int(value), 1), 30))
    return RESOLVER_TIMEOUT


def is_searched_first(facts: HostFacts | None, name: str) -> bool:
    """The facts' answer to the same question; False if this host was not read."""
    return facts is not None and facts.is_searched_first(name)


def parse_hosts(text: str, suffixes: tuple[str, ...]) -> tuple[HostsEntry, ...]:
    """The lines of a hosts file (hosts(5)) that give an address to a name below one of `suffixes`."""
    entries = []
    below = tuple(f".{suffix}" for suffix in suffixes)
    for line in text.splitlines():
        first, *names = line.partition("#")[0].split() or [""]
        wanted = tuple(name.lower() for name in names if f".{name.lower().rstrip('.')}".endswith(below))
        if not wanted:
            continue
        try:
            address = ip_address(first)
        except ValueError:
            continue
        entries.append(HostsEntry(address=address, names=wanted))
    return tuple(entries[:MAX_HOSTS_ENTRIES])


def proxy_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The proxy variables that are set, by lower-case name. Where both cases are set the lower one counts, an empty one
    too, as it does for urllib and so for the SDK."""
    proxies = {}
    for name in PROXY_VARIABLES:
        value = environment.get(name, environment.get(name.upper()))
        if value:
            proxies[name] = value if name == "no_proxy" else masked_proxy(value)
    return proxies


def _printable(value: str) -> str:
    """The start of a variable's value, with escapes for all that is not printable ASCII."""
    return (value if value.isascii() and value.isprintable() else ascii(value)[1:-1])[:MAX_VALUE_CHARACTERS]


async def has_shared_config(machine: Machine) -> bool:
    """Whether a shared config or credentials file of the SDK may be there to be read (AWS SDKs and Tools Reference
    Guide, Location of the shared config and credentials files)."""
    home = machine.environment.get("HOME")
    for variable, default in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        path = machine.environment.get(variable) or f"~/.aws/{default}"
        if home and path.startswith("~/"):
            path = home + path[1:]
        if path.startswith("~") or "$" in path:
            return True  # only the SDK reads the user database and other variables: it may find a file there
        with contextlib.suppress(OSError):
            if await machine.read_of_user(path):
                return True
    return False


def _is_ec2(machine: Machine) -> bool | None:
    """Whether the firmware's tables say EC2 (EC2 User Guide, Detect whether a host is an EC2 instance). A guess from
    them is never taken for a fact about the network."""
    vendor = _text(machine, f"{_DMI}sys_vendor").strip()
    hypervisor = _text(machine, "/sys/hypervisor/uuid").strip().lower()
    if vendor == "Amazon EC2" or hypervisor.startswith("ec2"):  # on instances of Xen the vendor is Xen
        return True
    return False if vendor or hypervisor else None


def _local_ports(machine: Machine) -> tuple[int, int] | None:
    words = _text(machine, "/proc/sys/net/ipv4/ip_local_port_range").split()
    if len(words) != 2 or not all(word.isascii() and word.isdigit() and len(word) <= 5 for word in words):
        return None
    first, last = map(int, words)
    return (first, last) if 0 < first <= last <= 65_535 else None


def _keepalive(machine: Machine) -> int | None:
    text = _text(machine, "/proc/sys/net/ipv4/tcp_keepalive_time").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def _name(machine: Machine) -> str | None:
    text = _text(machine, "/proc/sys/kernel/hostname").strip()
    return text if _NAME.fullmatch(text) else None


def managed_node_id(registered: str) -> str | None:
    """The id in what the SSM Agent keeps of its registration (amazon-ssm-agent, agent/managedInstances/registration),
    which root alone may read."""
    try:
        registration = json.loads(registered or "null")
    except (ValueError, RecursionError):
        return None
    node_id = registration.get("ManagedInstanceID") if isinstance(registration, dict) else None
    return node_id if isinstance(node_id, str) and _NODE_ID.fullmatch(node_id) else None


def _text(machine: Machine, path: str) -> str:
    """A file as text; empty where it is not there or may not be read, which the C library treats alike."""
    try:
        return machine.read(path).decode("utf-8", "replace")
    except OSError:
        return ""
