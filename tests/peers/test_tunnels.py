"""Routes through a WireGuard tunnel: to the endpoint, beside it, and away from it.

The tunnel is the one in user space, which any kernel with TUN devices runs. Its far end is at the gateway's own
address, from which it answers in any case, and a near end goes where it was answered from.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.peers.setups import InVpc
from tests.peers.world import Side, World

pytestmark = pytest.mark.peers

GATE: Final = "10.0.1.1"
PORT: Final = 51820
NEAR: Final = "192.168.77.1"
FAR: Final = "192.168.77.2"
ENDPOINT: Final = "10.0.1.17/32, 10.0.2.17/32"
_NAME: Final = "wg0"


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
    """A tunnel that takes `routes`. The near end sends what is for `allowed`; the far one takes nothing from it where
    it does not know its key. Of what it sends back, the path loses packets longer than `path_mtu`."""

    def start(world: World) -> None:
        near, far, strange = (Key(X25519PrivateKey.generate()) for _ in range(3))
        _end_of_tunnel(world, "network", far, (near if far_knows else strange).public, f"{NEAR}/32", FAR)
        _end_of_tunnel(world, "host", near, far.public, allowed, NEAR, endpoint=f"Endpoint = {GATE}:{PORT}")
        if path_mtu is not None:
            lost = f"udp sport {PORT} meta length > {path_mtu} drop"
            chain = f"chain sent {{ type filter hook output priority 0; {lost}\n}}\n"
            world.run_in("network", "nft", "-f", "-", text=f"table inet narrow {{ {chain} }}")
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


def through(
    name: str, start: Callable[[World], None], verdict: tuple[str, str], *findings: str, timeout: float = 3.0
) -> InVpc:
    status, path = verdict
    toml = f"""
        summary = "{name}"
        [run]
        timeout = {timeout}

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
        names = ["backup.eu-west-1.amazonaws.com", {", ".join(f'"{n * 8}.vpce.amazonaws.com"' for n in "abcdefgh" * 4)}]

        [expect]
        status = "{status}"
        path = "{path}"
        findings = [{", ".join(f'"{finding}"' for finding in findings)}]
    """
    return InVpc(package="wireguard-go", name=name, toml=toml, start=start, places=(f"{GATE} {PORT}",))


SETUPS: Final = (
    through("leads to the endpoint", tunnel("10.0.1.17/32", "10.0.2.17/32"), ("ok", "private")),
    through("leads elsewhere", tunnel("192.168.78.0/24", allowed="192.168.78.0/24"), ("ok", "private")),
    through(
        "leads to one of the endpoint's zones",
        tunnel("10.0.2.17/32"),
        ("ok", "private"),
    ),
    through(
        "leads to the endpoint by a path that loses large packets",
        tunnel("10.0.1.17/32", "10.0.2.17/32", path_mtu=1000),
        ("critical", "private"),
        "TLS004@backup",
    ),
    through(
        "takes the endpoint's packets, and its far end does not know this host",
        tunnel("10.0.1.17/32", "10.0.2.17/32", far_knows=False),
        ("critical", "unreachable"),
        *("TCP010@backup", "TCP001@backup"),
        timeout=1.0,
    ),
    through(
        "takes the packets of one zone, for which it has no peer",
        tunnel("10.0.2.17/32", allowed=f"{FAR}/32"),
        ("critical", "private"),
        *("TCP010@backup", "TCP002@backup"),
        timeout=1.0,
    ),
    through(
        "takes the network of one zone, and leads elsewhere",
        tunnel("10.0.2.0/24", allowed="192.168.78.0/24"),
        ("critical", "private"),
        *("TCP010@backup", "TCP002@backup"),
        timeout=1.0,
    ),
)


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_run_finds_what_it_must(setup: InVpc, tmp_path: Path) -> None:
    assert setup.found(tmp_path) == setup.expected
