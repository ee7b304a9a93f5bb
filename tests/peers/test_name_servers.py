"""Other vendors' name servers between the host and Amazon's resolver: they run in the network, or as a cache on the
host.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.peers.setups import InVpc, scenario
from tests.peers.world import Side, Started, World

pytestmark = pytest.mark.peers

HOST: Final = "backup.eu-west-1.amazonaws.com"
SERVER: Final = "10.0.9.53"
"""The address of a name server in the network."""
CACHE: Final = "127.0.0.1"
STUB: Final = "127.0.0.53"
"""The address of a name server on the host."""
AMAZON: Final = "10.0.0.2"
EARLIER: Final = "10.0.0.3"
"""The address of a name server whose answers are outdated: Amazon's resolver gave them before private DNS was turned
on.
"""
SILENT: Final = "10.0.0.99"
PORTAL: Final = "10.0.9.80"
"""The address of a web page that says that a name is blocked."""
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
resolvers = ["{AMAZON}"]
name = "blocked.example.com"
a = ["{PORTAL}"]

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
"""A name for which a name server has its own answer, without asking another server."""

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
    """A set-up in a healthy VPC, whose host uses the name server at an address. If the set-up fails because the server
    does not answer, `timeout` should be short.
    """
    toml = scenario(name, f'[host]\nresolvers = ["{at}"]\n{_VPC}', verdict, findings, timeout=timeout)
    return InVpc(package=package, name=name, toml=toml, start=start, places=() if _is_local(at) else (f"{at} 53",))


def _is_local(address: str) -> bool:
    return address.startswith("127.")


def _side(address: str) -> Side:
    return "host" if _is_local(address) else "network"


def before_private_dns(start: Start, at: str = SERVER) -> Start:
    """Start a name server, and let it cache the answer for the name before private DNS is turned on."""

    def started(world: World) -> Started:
        side = _side(at)
        redirected = f"ip daddr {AMAZON} udp dport 53 dnat to {EARLIER}"
        hook = "type nat hook output priority -100; policy accept;"
        world.nft(side, f"table ip earlier {{ chain sent {{ {hook} {redirected}\n}}\n}}")
        server = start(world)
        world.wait_for(server, "dns", at, "53", HOST, on=side)
        world.run_in(side, "nft", "delete", "table", "ip", "earlier")
        return server

    return started


# --- BIND ------------------------------------------------------------------------------------------------------------

_ZONE: Final = "$TTL 60\n@ SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n  NS localhost.\n"


def bind(
    options: str = "dnssec-validation no;", *, policy: str = "", forwarder: str = AMAZON, clients: str = "any"
) -> Start:
    """named(8), which forwards all queries. `policy` has the records of a response policy zone."""

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
                    allow-recursion {{ {clients}; }};
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


_REBIND: Final = "deny-answer-addresses { 10.0.0.0/8; 172.16.0.0/12; }"
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
        "rebind protection, except for amazonaws.com",
        bind(f'dnssec-validation no; {_REBIND} except-from {{ "amazonaws.com"; }};'),
        HEALTHY,
    ),
    name_server(
        "bind9",
        "rebind protection",
        bind(f"dnssec-validation no; {_REBIND};"),
        UNREACHABLE,
        *("DNS002@backup", "DNS005@backup"),
    ),
    name_server(
        "bind9",
        "validates DNSSEC, which the server that it asks does not know",
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
        "response policy: the name leads to a page that says that it is blocked",
        bind(policy=f"{HOST} A {PORTAL}"),
        ("critical", "private"),
        "TLS001@backup",
    ),
    name_server(
        "bind9",
        "response policy: the name is an alias of one where a page says that it is blocked",
        bind(policy=f"{HOST} CNAME blocked.example.com."),
        ("critical", "private"),
        *("DNS007@backup", "TLS001@backup"),
    ),
    name_server(
        "bind9",
        "keeps answers longer than they are good: one from before private DNS",
        before_private_dns(bind("dnssec-validation no; min-cache-ttl 90;")),
        PUBLIC,
        *("DNS002@backup", "TCP001@backup"),
        timeout=1.0,
    ),
    name_server(
        "bind9",
        "response policy: queries for amazonaws.com are dropped",
        bind(policy="*.amazonaws.com CNAME rpz-drop."),
        UNREACHABLE,
        *("DNS002@backup", "DNS005@backup"),
        timeout=1.0,
    ),
    name_server(
        "bind9",
        "forwards to a server that does not answer",
        bind(forwarder=SILENT),
        UNREACHABLE,
        *(f"DNS004@{SERVER}", "DNS002@backup"),
        timeout=1.0,
    ),
    name_server(
        "bind9",
        "answers only other subnets",
        bind(clients="10.0.5.0/24"),
        UNREACHABLE,
        *("DNS002@backup", "DNS013@backup"),
    ),
)

# --- Unbound ---------------------------------------------------------------------------------------------------------


def unbound(options: str = "", *, forwarder: str = AMAZON, modules: str = "iterator") -> Start:
    """unbound(8), which forwards all queries."""

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
"""The trust anchor for the root's key of 2017 (IANA)."""
_PRIVATE: Final = "    private-address: 10.0.0.0/8\n    private-address: 172.16.0.0/12\n"
UNBOUND: Final = (
    name_server("unbound", "forwards to the VPC's resolver", unbound(), HEALTHY),
    name_server(
        "unbound",
        "rebind protection, except for amazonaws.com",
        unbound(f'{_PRIVATE}    private-domain: "amazonaws.com"'),
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
        unbound(_PRIVATE),
        UNREACHABLE,
        *("DNS002@backup", "DNS006@backup"),
    ),
    name_server(
        "unbound",
        "validates DNSSEC, which the server that it asks does not know",
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
        "answers only other subnets",
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

# --- dnsmasq ---------------------------------------------------------------------------------------------------------


def dnsmasq(*options: str, servers: tuple[str, ...] = (AMAZON,)) -> Start:
    """dnsmasq(8) on the host, which forwards to `servers`."""

    def start(world: World) -> Started:
        return world.start(
            "dnsmasq-base",
            *("--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--log-facility=-"),
            *("--no-resolv", "--no-hosts", "--bind-interfaces", f"--listen-address={CACHE}"),
            *(f"--server={server}" for server in servers),
            *options,
            on="host",
            answers=("dns", CACHE, "53", READY),
        )

    return start


def in_dnsmasq(name: str, start: Start, verdict: tuple[str, str], *findings: str, timeout: float = 3.0) -> InVpc:
    return name_server("dnsmasq-base", name, start, verdict, *findings, at=CACHE, timeout=timeout)


DNSMASQ: Final = (
    in_dnsmasq("on the host, forwards to the VPC's resolver", dnsmasq(), HEALTHY),
    in_dnsmasq(
        "on the host, rebind protection, except for amazonaws.com",
        dnsmasq("--stop-dns-rebind", "--rebind-domain-ok=/amazonaws.com/"),
        HEALTHY,
    ),
    in_dnsmasq(
        "on the host, amazonaws.com to the VPC's resolver, all else to a server that does not answer",
        dnsmasq(servers=(f"/amazonaws.com/{AMAZON}", SILENT)),
        HEALTHY,
    ),
    in_dnsmasq(
        "on the host, rebind protection",
        dnsmasq("--stop-dns-rebind"),
        UNREACHABLE,
        *("DNS002@backup", "DNS006@backup"),
    ),
    in_dnsmasq(
        "on the host, keeps answers for an hour: one from before private DNS",
        before_private_dns(dnsmasq("--min-cache-ttl=3600"), CACHE),
        PUBLIC,
        *("DNS002@backup", "TCP001@backup"),
        timeout=1.0,
    ),
    in_dnsmasq(
        "on the host, 0.0.0.0 for the name",
        dnsmasq(f"--address=/{HOST}/0.0.0.0"),
        ("critical", "unknown"),
        *("DNS010@backup", "DNS015@backup", "TCP004@backup"),
    ),
    in_dnsmasq(
        "on the host, amazonaws.com is a zone of its own, without the name",
        dnsmasq("--local=/amazonaws.com/"),
        UNREACHABLE,
        *("DNS002@backup", "DNS003@backup"),
    ),
    in_dnsmasq(
        "on the host, knows no server",
        dnsmasq(servers=()),
        UNREACHABLE,
        *("DNS002@backup", "DNS013@backup"),
    ),
    in_dnsmasq(
        "on the host, forwards to a server that does not answer",
        dnsmasq(servers=(SILENT,)),
        UNREACHABLE,
        *(f"DNS004@{CACHE}", "DNS002@backup"),
        timeout=1.0,
    ),
)

# --- PowerDNS Recursor -----------------------------------------------------------------------------------------------


def recursor(dnssec: str = "validation: 'off'", *, policy: str = "", forwarder: str = AMAZON, more: str = "") -> Start:
    """pdns_recursor(1), which forwards all queries. `policy` has the records of a response policy zone."""

    def start(world: World) -> Started:
        world.write(
            "recursor.yml",
            f"""
incoming:
  listen: [{SERVER}]
  allow_from: [0.0.0.0/0]
outgoing:
  dont_query: []
dnssec:
  {dnssec}
recursor:
  daemon: false
  threads: 1
  socket_dir: {world.folder}
  security_poll_suffix: ''
  forward_zones_recurse:
    - zone: .
      forwarders: [{forwarder}]
  {f"rpzs: [{{name: {world.folder}/policy}}]" if policy else ""}
{more}
""",
        )
        world.write("policy", f"$ORIGIN policy.\n{_ZONE}{policy}\n")
        return world.start(
            "pdns-recursor",
            f"--config-dir={world.folder}",
            answers=("dns", SERVER, "53", READY),
        )

    return start


def in_recursor(name: str, start: Start, verdict: tuple[str, str], *findings: str, timeout: float = 3.0) -> InVpc:
    return name_server("pdns-recursor", name, start, verdict, *findings, timeout=timeout)


RECURSOR: Final = (
    in_recursor("forwards to the VPC's resolver", recursor(), HEALTHY),
    in_recursor(
        "validates DNSSEC, except for amazonaws.com",
        recursor("validation: validate\n  negative_trustanchors: [{name: amazonaws.com, reason: private DNS}]"),
        HEALTHY,
    ),
    in_recursor(
        "response policy: of .com only AWS passes",
        recursor(policy="*.amazonaws.com CNAME rpz-passthru.\n*.com CNAME ."),
        HEALTHY,
    ),
    in_recursor(
        "validates DNSSEC, which the server that it asks does not know",
        recursor("validation: validate"),
        UNREACHABLE,
        *("DNS002@backup", "DNS005@backup"),
    ),
    in_recursor(
        "response policy: NXDOMAIN for amazonaws.com",
        recursor(policy="*.amazonaws.com CNAME ."),
        UNREACHABLE,
        *("DNS002@backup", "DNS003@backup"),
    ),
    in_recursor(
        "response policy: queries for amazonaws.com are dropped",
        recursor(policy="*.amazonaws.com CNAME rpz-drop."),
        UNREACHABLE,
        *("DNS002@backup", "DNS005@backup"),
        timeout=1.0,
    ),
    in_recursor(
        "keeps answers for an hour: one from before private DNS",
        before_private_dns(recursor(more="  minimum_ttl_override: 3600")),
        PUBLIC,
        *("DNS002@backup", "TCP001@backup"),
        timeout=1.0,
    ),
    in_recursor(
        "forwards to a server that does not answer",
        recursor(forwarder=SILENT),
        UNREACHABLE,
        *(f"DNS004@{SERVER}", "DNS002@backup"),
        timeout=1.0,
    ),
)

# --- systemd-resolved ------------------------------------------------------------------------------------------------

_RESOLVE: Final = "/run/systemd/resolve"


def resolved(*settings: str, unsigned: str = "") -> Start:
    """systemd-resolved.service(8) on the host, without D-Bus, as the user of its unit, and with two of the unit's
    capabilities. Because of a negative trust anchor, it accepts unsigned answers for names below `unsigned`.
    """
    user = 65534

    def start(world: World) -> Started:
        config = world.write("backuplink.conf", "\n".join(("[Resolve]", "FallbackDNS=", *settings, "")))
        peer = world.start(
            "systemd-resolved",
            on="host",
            before=f"""
                mount -t tmpfs tmpfs /run
                mkdir -p {_RESOLVE} /run/systemd/resolved.conf.d
                chown {user}:{user} {_RESOLVE}
                cp {config} /run/systemd/resolved.conf.d
                mkdir -p /run/dnssec-trust-anchors.d
                echo {unsigned} >/run/dnssec-trust-anchors.d/backuplink.negative
                set -- setpriv --reuid={user} --regid={user} --clear-groups \\
                    --inh-caps=+net_raw,+net_bind_service --ambient-caps=+net_raw,+net_bind_service "$@"
            """,
            answers=("dns", STUB, "53", "localhost"),
        )
        seen = Path(f"/proc/{peer.process.pid}/root{_RESOLVE}/resolv.conf").read_text("utf-8")
        world.write(f"host{_RESOLVE}/resolv.conf", seen)
        world.show_on_host(world.folder / "host")
        return peer

    return start


def warm(start: Start) -> Start:
    """Start systemd-resolved, and send a first query. From the answer, systemd-resolved learns what its servers
    support.
    """

    def started(world: World) -> Started:
        server = start(world)
        world.wait_for(server, "dns", STUB, "53", HOST, on="host")
        return server

    return started


def in_resolved(name: str, start: Start, verdict: tuple[str, str], *findings: str, timeout: float = 3.0) -> InVpc:
    return name_server("systemd-resolved", name, start, verdict, *findings, at=STUB, timeout=timeout)


RESOLVED: Final = (
    in_resolved("asks the VPC's resolver", resolved(f"DNS={AMAZON}", "DNSSEC=no"), HEALTHY),
    in_resolved(
        "DNS over TLS where the server can do it",
        warm(resolved(f"DNS={AMAZON}", "DNSSEC=no", "DNSOverTLS=opportunistic")),
        HEALTHY,
    ),
    in_resolved(
        "its first server does not answer, so it asks the second",
        warm(resolved(f"DNS={SILENT} {AMAZON}", "DNSSEC=no")),
        HEALTHY,
    ),
    in_resolved(
        "insists on DNSSEC, with a negative trust anchor for amazonaws.com",
        resolved(f"DNS={AMAZON}", "DNSSEC=yes", unsigned="amazonaws.com"),
        HEALTHY,
    ),
    in_resolved(
        "wants DNSSEC (allow-downgrade); its server takes the bit and gives no signatures",
        resolved(f"DNS={AMAZON}", "DNSSEC=allow-downgrade"),
        UNREACHABLE,
        *("DNS002@backup", "DNS005@backup"),
    ),
    in_resolved(
        "insists on DNSSEC, which the server that it asks does not know",
        resolved(f"DNS={AMAZON}", "DNSSEC=yes"),
        UNREACHABLE,
        *("DNS002@backup", "DNS005@backup"),
    ),
    in_resolved(
        "still has an answer from before private DNS was on",
        before_private_dns(resolved(f"DNS={AMAZON}", "DNSSEC=no", "StaleRetentionSec=1h"), STUB),
        PUBLIC,
        *("DNS002@backup", "TCP001@backup"),
        timeout=1.0,
    ),
    in_resolved(
        "waits for its first server, which does not answer",
        resolved(f"DNS={SILENT} {AMAZON}", "DNSSEC=no"),
        UNREACHABLE,
        *(f"DNS004@{STUB}", "DNS002@backup"),
        timeout=1.0,
    ),
    in_resolved(
        "asks a server that does not answer",
        resolved(f"DNS={SILENT}", "DNSSEC=no"),
        UNREACHABLE,
        *(f"DNS004@{STUB}", "DNS002@backup"),
        timeout=1.0,
    ),
    in_resolved(
        "has no server",
        resolved("DNSSEC=no"),
        UNREACHABLE,
        *("DNS002@backup", "DNS013@backup"),
    ),
)

SETUPS: Final = (*BIND, *DNSMASQ, *RECURSOR, *RESOLVED, *UNBOUND)


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_run_finds_what_it_must(setup: InVpc, tmp_path: Path) -> None:
    assert setup.found(tmp_path) == setup.expected
