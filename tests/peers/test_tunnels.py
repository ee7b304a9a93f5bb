"""Routes through a tunnel of WireGuard or IPsec: to the endpoint, or to somewhere else. WireGuard and IPsec both run in
user space, on any kernel with TUN devices. The far end uses the gateway's address. It always answers from that address,
and the near end sends to the address from which the answers come.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.peers import software
from tests.peers.setups import InVpc, scenario
from tests.peers.world import Side, Started, World

pytestmark = pytest.mark.peers

GATE: Final = "10.0.1.1"
PORT: Final = 51820
IKE: Final = 500
ESP: Final = 4500
"""The UDP port of ESP (RFC 3948)."""
NEAR: Final = "192.168.77.1"
FAR: Final = "192.168.77.2"
ENDPOINT: Final = "10.0.1.17/32, 10.0.2.17/32"
_NAME: Final = "wg0"
_MANY: Final = ", ".join(f'"{letter * 8}.vpce.amazonaws.com"' for letter in "abcdefgh" * 4)
_VPC: Final = f"""
[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup.eu-west-1.amazonaws.com"
a = ["10.0.1.17", "10.0.2.17"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup-gateway.eu-west-1.amazonaws.com"
a = ["52.95.112.40"]

[[tcp]]
addresses = ["10.0.1.17", "10.0.2.17"]
ports = [443]
# Long enough that the certificates fill a packet.
names = ["backup.eu-west-1.amazonaws.com", {_MANY}]
"""


@dataclass(frozen=True)
class Key:
    """A pair of keys, as wg(8) writes them."""

    private: X25519PrivateKey

    @cached_property
    def secret(self) -> str:
        return base64.b64encode(self.private.private_bytes_raw()).decode("ascii")

    @cached_property
    def public(self) -> str:
        return base64.b64encode(self.private.public_key().public_bytes_raw()).decode("ascii")


def tunnel(
    *routes: str, allowed: str = f"{FAR}/32, {ENDPOINT}", far_knows: bool = True, path_mtu: int | None = None
) -> Callable[[World], None]:
    """A tunnel for `routes`. The near end only sends packets whose destination is in `allowed`. The far end accepts no
    packets if it does not know the key of the near end. On the way back, packets longer than `path_mtu` are lost.
    """

    def start(world: World) -> None:
        near, far, strange = (Key(X25519PrivateKey.generate()) for _ in range(3))
        _end_of_tunnel(world, "network", far, (near if far_knows else strange).public, f"{NEAR}/32", FAR)
        _end_of_tunnel(world, "host", near, far.public, allowed, NEAR, endpoint=f"Endpoint = {GATE}:{PORT}")
        if path_mtu is not None:
            _filter(world, "output", f"udp sport {PORT} meta length > {path_mtu} drop")
        for route in routes:
            world.run_in("host", "ip", "route", "add", route, "dev", _NAME)

    return start


def _end_of_tunnel(
    world: World, side: Side, key: Key, other: str, allowed: str, address: str, endpoint: str = ""
) -> None:
    peer = world.start("wireguard-go", "--foreground", _NAME, on=side, before="mount -t tmpfs tmpfs /run")
    world.wait_for_file(peer, f"/run/wireguard/{_NAME}.sock")
    config = world.write(
        f"{side}.conf",
        f"[Interface]\nPrivateKey = {key.secret}\n{'' if endpoint else f'ListenPort = {PORT}'}\n"
        f"[Peer]\nPublicKey = {other}\nAllowedIPs = {allowed}\n{endpoint}\n",
    )
    world.run_beside(peer, "wg", "setconf", _NAME, str(config))
    for words in (f"addr add {address}/24 dev {_NAME}", f"link set {_NAME} mtu 1420 up"):
        world.run_in(side, "ip", *words.split())


def _filter(world: World, hook: str, rule: str) -> None:
    """Add a rule of nft(8) in the network."""
    chain = f"chain {hook} {{ type filter hook {hook} priority 0; {rule}\n}}\n"
    world.nft("network", f"table inet way {{ {chain} }}")


_CHARON: Final = """
charon {
    load = random nonce openssl kernel-libipsec kernel-netlink socket-default vici
    filelog {
        stderr {
            default = 1
        }
    }
}
swanctl {
    load = random nonce openssl
}
"""


def ipsec(remote: str, *, path_mtu: int | None = None, lost: str = "", gone: bool = False) -> Callable[[World], None]:
    """A tunnel of strongSwan with IKEv2 and ESP for packets to `remote`. The host has a separate address for the
    tunnel. On the way back, packets longer than `path_mtu` are lost. Packets to `lost` are dropped behind the far end.
    With `gone`, the far end is killed once the tunnel exists.
    """

    def start(world: World) -> None:
        pool = f"pools {{\n near {{\n addrs = {NEAR}/32\n }}\n}}"
        far = _charon(
            world, "network", ("far", "near"), f"local_addrs = {GATE}", "pools = near", f"local_ts = {remote}", pool
        )
        _charon(world, "host", ("near", "far"), f"remote_addrs = {GATE}", "vips = 0.0.0.0", f"remote_ts = {remote}")
        if path_mtu is not None:
            _filter(world, "output", f"udp sport {ESP} meta length > {path_mtu} drop")
        if lost:
            _filter(world, "input", f'iifname "ipsec0" ip daddr {{ {lost} }} drop')
        if gone:
            far.process.kill()

    return start


def _charon(
    world: World, side: Side, ids: tuple[str, str], addresses: str, inner: str, traffic: str, pool: str = ""
) -> Started:
    """Start one end of the tunnel. If it is the end on the host, it sets up the tunnel. Raises CalledProcessError if
    this fails.
    """
    config = world.write(f"{side}.conf", _CHARON)
    variable = f"STRONGSWAN_CONF={config}"
    ends = "\n".join(
        f"{end} {{\nauth = psk\nid = {name}\n}}" for end, name in zip(("local", "remote"), ids, strict=True)
    )
    connection = f"version = 2\n{addresses}\n{inner}\n{ends}\nchildren {{\nnet {{\n{traffic}\n}}\n}}"
    secrets = 'secrets {\nike-1 {\nsecret = "a secret of both"\n}\n}'
    loaded = world.write(f"{side}.swanctl", f"connections {{\ngate {{\n{connection}\n}}\n}}\n{secrets}\n{pool}\n")
    peer = world.start(
        "strongswan-charon",
        on=side,
        before="mount -t tmpfs tmpfs /run",
        environment={"STRONGSWAN_CONF": str(config)},
    )
    world.wait_for_file(peer, "/run/charon.vici")
    swanctl = ("env", variable, software.listed()["strongswan-swanctl"].path())
    world.run_beside(peer, *swanctl, "--load-all", "--file", str(loaded))
    if side == "host":
        world.run_beside(peer, *swanctl, "--initiate", "--child", "net")
    return peer


def through(
    package: str,
    name: str,
    start: Callable[[World], None],
    verdict: tuple[str, str],
    *findings: str,
    timeout: float = 3.0,
) -> InVpc:
    toml = scenario(name, _VPC, verdict, findings, timeout=timeout)
    places = tuple(f"{GATE} {port}" for port in (PORT, IKE, ESP))
    return InVpc(package=package, name=name, toml=toml, start=start, places=places)


WIREGUARD: Final = (
    through("wireguard-go", "leads to the endpoint", tunnel("10.0.1.17/32", "10.0.2.17/32"), ("ok", "private")),
    through("wireguard-go", "leads elsewhere", tunnel("192.168.78.0/24", allowed="192.168.78.0/24"), ("ok", "private")),
    through(
        "wireguard-go",
        "leads to one of the endpoint's zones",
        tunnel("10.0.2.17/32"),
        ("ok", "private"),
    ),
    through(
        "wireguard-go",
        "leads to the endpoint by a path that loses large packets",
        tunnel("10.0.1.17/32", "10.0.2.17/32", path_mtu=1000),
        ("critical", "private"),
        "TLS004@backup",
    ),
    through(
        "wireguard-go",
        "takes the endpoint's packets, and its far end does not know this host",
        tunnel("10.0.1.17/32", "10.0.2.17/32", far_knows=False),
        ("critical", "unreachable"),
        *("TCP010@backup", "TCP001@backup"),
        timeout=1.0,
    ),
    through(
        "wireguard-go",
        "takes the packets of one zone, for which it has no peer",
        tunnel("10.0.2.17/32", allowed=f"{FAR}/32"),
        ("critical", "private"),
        *("TCP010@backup", "TCP002@backup"),
        timeout=1.0,
    ),
    through(
        "wireguard-go",
        "takes the network of one zone, and leads elsewhere",
        tunnel("10.0.2.0/24", allowed="192.168.78.0/24"),
        ("critical", "private"),
        *("TCP010@backup", "TCP002@backup"),
        timeout=1.0,
    ),
)


STRONGSWAN: Final = (
    through("strongswan-charon", "leads to the endpoint", ipsec(ENDPOINT), ("ok", "private")),
    through("strongswan-charon", "leads to one of the endpoint's zones", ipsec("10.0.2.17/32"), ("ok", "private")),
    through("strongswan-charon", "leads elsewhere", ipsec("192.168.78.0/24"), ("ok", "private")),
    through(
        "strongswan-charon",
        "leads to the endpoint by a path that loses large packets",
        ipsec(ENDPOINT, path_mtu=1000),
        ("critical", "private"),
        "TLS004@backup",
    ),
    through(
        "strongswan-charon",
        "takes the endpoint's packets, and its far end is gone",
        ipsec(ENDPOINT, gone=True),
        ("critical", "unreachable"),
        *("TCP010@backup", "TCP001@backup"),
        timeout=1.0,
    ),
    through(
        "strongswan-charon",
        "takes the packets of one zone, which are dropped behind its far end",
        ipsec("10.0.2.0/24", lost="10.0.2.17"),
        ("critical", "private"),
        *("TCP010@backup", "TCP002@backup"),
        timeout=1.0,
    ),
)

SETUPS: Final = (*WIREGUARD, *STRONGSWAN)


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_run_finds_what_it_must(setup: InVpc, tmp_path: Path) -> None:
    assert setup.found(tmp_path) == setup.expected
