"""Name servers of others between the host and Amazon's resolver: in the network, or as a cache on the host."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.peers.setups import InVpc
from tests.peers.world import Side, Started, World

pytestmark = pytest.mark.peers

HOST: Final = "backup.eu-west-1.amazonaws.com"
SERVER: Final = "10.0.9.53"
"""A name server in the network."""
CACHE: Final = "127.0.0.1"
STUB: Final = "127.0.0.53"
"""Name servers on the host."""
AMAZON: Final = "10.0.0.2"
EARLIER: Final = "10.0.0.3"
"""Answers what Amazon's resolver answered before private DNS was turned on."""
SILENT: Final = "10.0.0.99"
PORTAL: Final = "10.0.9.80"
"""Where a page says that the name is blocked."""
_VPC: Final = f"""
[[dns]]
resolvers = ["{AMAZON}", "169.254.169.253"]
name = "{HOST}"
a = ["10.0.1.17", "10.0.2.17"]

[[dns]]
resolvers = ["{EARLIER}"]
name = "{HOST}"
a = ["52.95.111.30"]

[[dns]]
resolvers = ["{AMAZON}", "169.254.169.253", "{EARLIER}"]
name = "backup-gateway.eu-west-1.amazonaws.com"
a = ["52.95.112.40"]

[[dns]]
resolvers = ["{SILENT}"]
name = "*"
answer = "silence"

[[tcp]]
addresses = ["10.0.1.17", "10.0.2.17"]
ports = [443]

[[tcp]]
addresses = ["{PORTAL}"]
ports = [443]
names = ["blocked.example.com"]
issuer = "corporate"
http = "portal"
"""
HEALTHY: Final = ("ok", "private")
UNREACHABLE: Final = ("critical", "unreachable")
PUBLIC: Final = ("critical", "public")

READY: Final = "version.bind"
"""Answered without asking another server."""

Start = Callable[[World], Started]


def name_server(
    package: str,
    name: str,
    start: Start,
    verdict: tuple[str, str],
    *findings: str,
    at: str = SERVER,
    timeout: float = 3.0,
) -> InVpc:
    """A set-up whose host asks the name server at an address, in a VPC where all is well. What fails by silence has a
    short `timeout`."""
    status, path = verdict
    toml = f"""
        summary = "{name}"
        [run]
        timeout = {timeout}
        [host]
        resolvers = ["{at}"]
        {_VPC}
        [expect]
        status = "{status}"
        path = "{path}"
        findings = [{", ".join(f'"{finding}"' for finding in findings)}]
    """
    return InVpc(package=package, name=name, toml=toml, start=start, places=() if _is_local(at) else (f"{at} 53",))


def _is_local(address: str) -> bool:
    return address.startswith("127.")


def _side(address: str) -> Side:
    return "host" if _is_local(address) else "network"


def before_private_dns(start: Start, at: str = SERVER) -> Start:
    """Let a name server that starts so take its answer before private DNS is turned on, and keep it."""

    def started(world: World) -> Started:
        side = _side(at)
        world.run_in(
            side,
            *("nft", "-f", "-"),
            text=f"""
                table ip earlier {{
                    chain sent {{
                        type nat hook output priority -100; policy accept;
                        ip daddr {AMAZON} udp dport 53 dnat to {EARLIER}
                    }}
                }}
            """,
        )
        server = start(world)
        world.wait_for(server, "dns", at, "53", HOST, on=side)
        world.run_in(side, "nft", "delete", "table", "ip", "earlier")
        return server

    return started


# --- BIND ------------------------------------------------------------------------------------------------------------

_ZONE: Final = "$TTL 60\n@ SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n  NS localhost.\n"


def bind(options: str = "dnssec-validation no;", *, policy: str = "", forwarder: str = AMAZON) -> Start:
    """named(8), which forwards everything; `policy` are records of a response policy zone."""

    def start(world: World) -> Started:
        world.write(
            "named.conf",
            f"""
                options {{
                    directory "{world.folder}";
                    pid-file none;
                    session-keyfile none;
                    listen-on {{ {SERVER}; }};
                    listen-on-v6 {{ none; }};
                    max-cache-size 8m;
                    allow-recursion {{ any; }};
                    forward only;
                    forwarders {{ {forwarder}; }};
                    {options}
                    {'response-policy { zone "policy"; };' if policy else ""}
                }};
                controls {{ }};
                {'zone "policy" { type primary; file "policy"; };' if policy else ""}
            """,
        )
        world.write("policy", f"{_ZONE}{policy}\n")
        return world.start("bind9", "-g", "-c", "named.conf", answers=("dns", SERVER, "53", READY))

    return start


BIND: Final = (
    name_server("bind9", "forwards to the VPC's resolver", bind(), HEALTHY),
    name_server(
        "bind9",
        "validates DNSSEC, except for amazonaws.com",
        bind('dnssec-validation auto; validate-except { "amazonaws.com"; };'),
        HEALTHY,
    ),
    name_server(
        "bind9",
        "response policy: of .com only AWS passes",
        bind(policy="*.amazonaws.com CNAME rpz-passthru.\n*.com CNAME ."),
        HEALTHY,
    ),
    name_server(
        "bind9",
        "validates DNSSEC of which its forwarder knows nothing",
        bind("dnssec-validation auto;"),
        UNREACHABLE,
        *("DNS002@backup", "DNS005@backup"),
    ),
    name_server(
        "bind9",
        "response policy: NXDOMAIN for amazonaws.com",
        bind(policy="*.amazonaws.com CNAME ."),
        UNREACHABLE,
        *("DNS002@backup", "DNS003@backup"),
    ),
    name_server(
        "bind9",
        "response policy: NODATA for amazonaws.com",
        bind(policy="*.amazonaws.com CNAME *."),
        UNREACHABLE,
        *("DNS002@backup", "DNS006@backup"),
    ),
    name_server(
        "bind9",
        "forwards to a server that does not answer",
        bind(forwarder=SILENT),
        UNREACHABLE,
        *(f"DNS004@{SERVER}", "DNS002@backup"),
        timeout=1.0,
    ),
)

# --- Unbound ---------------------------------------------------------------------------------------------------------


def unbound(options: str = "", *, forwarder: str = AMAZON, modules: str = "iterator") -> Start:
    """unbound(8), which forwards everything."""

    def start(world: World) -> Started:
        world.write(
            "unbound.conf",
            f"""
server:
    directory: "{world.folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    interface: {SERVER}
    do-ip6: no
    module-config: "{modules}"
    {"" if "access-control" in options else "access-control: 0.0.0.0/0 allow"}
{options}
forward-zone:
    name: "."
    forward-addr: {forwarder}
remote-control:
    control-enable: no
""",
        )
        return world.start("unbound", "-d", "-p", "-c", "unbound.conf", answers=("dns", SERVER, "53", READY))

    return start


_ROOT_ANCHOR: Final = (
    '    trust-anchor: ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"\n'
)
"""Of the root's key of 2017 (IANA)."""
_REBIND: Final = "    private-address: 10.0.0.0/8\n    private-address: 172.16.0.0/12\n"
UNBOUND: Final = (
    name_server("unbound", "forwards to the VPC's resolver", unbound(), HEALTHY),
    name_server(
        "unbound",
        "rebind protection, except for amazonaws.com",
        unbound(f'{_REBIND}    private-domain: "amazonaws.com"'),
        HEALTHY,
    ),
    name_server(
        "unbound",
        "validates DNSSEC, except for amazonaws.com",
        unbound(f'{_ROOT_ANCHOR}    domain-insecure: "amazonaws.com"', modules="validator iterator"),
        HEALTHY,
    ),
    name_server(
        "unbound",
        "rebind protection",
        unbound(_REBIND),
        UNREACHABLE,
        *("DNS002@backup", "DNS006@backup"),
    ),
    name_server(
        "unbound",
        "validates DNSSEC of which its forwarder knows nothing",
        unbound(_ROOT_ANCHOR, modules="validator iterator"),
        UNREACHABLE,
        *("DNS002@backup", "DNS005@backup"),
    ),
    name_server(
        "unbound",
        "a local zone in place of amazonaws.com, without the name",
        unbound('    local-zone: "amazonaws.com." static'),
        UNREACHABLE,
        *("DNS002@backup", "DNS003@backup"),
    ),
    name_server(
        "unbound",
        "keeps answers for an hour: one from before private DNS",
        before_private_dns(unbound("    cache-min-ttl: 3600")),
        PUBLIC,
        *("DNS002@backup", "TCP001@backup"),
        timeout=1.0,
    ),
    name_server(
        "unbound",
        "answers other subnets alone",
        unbound("    access-control: 0.0.0.0/0 refuse\n    access-control: 10.0.5.0/24 allow"),
        UNREACHABLE,
        *("DNS002@backup", "DNS013@backup"),
    ),
    name_server(
        "unbound",
        "forwards to a server that does not answer",
        unbound(forwarder=SILENT),
        UNREACHABLE,
        *(f"DNS004@{SERVER}", "DNS002@backup"),
        timeout=1.0,
    ),
)

SETUPS: Final = (*BIND, *UNBOUND)


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_run_finds_what_it_must(setup: InVpc, tmp_path: Path) -> None:
    assert setup.found(tmp_path) == setup.expected
