"""Firewalls on the host and in the network, made by the usual programs."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.peers.setups import InVpc, scenario
from tests.peers.world import Side, World

pytestmark = pytest.mark.peers

_VPC: Final = """
[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup.eu-west-1.amazonaws.com"
a = ["10.0.1.17", "10.0.2.17"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup-gateway.eu-west-1.amazonaws.com"
a = ["10.0.1.27", "10.0.2.27"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "*"
a = ["52.95.112.41"]

[[tcp]]
addresses = ["10.0.1.17", "10.0.2.17", "10.0.1.27", "10.0.2.27"]
ports = [443, 1026, 1027, 1028, 1031]

[[tcp]]
addresses = ["10.0.1.27", "10.0.2.27"]
ports = [2222]
speaks = "ssh"
"""
BACKUP: Final = 'services = ["backup"]'
BOTH: Final = 'services = ["backup", "backup-gateway"]'
HEALTHY: Final = ("ok", "private")
UNREACHABLE: Final = ("critical", "unreachable")
PRIVATE: Final = ("critical", "private")


def filtered(
    package: str,
    name: str,
    start: Callable[[World], None],
    verdict: tuple[str, str],
    *findings: str,
    services: str = BACKUP,
    timeout: float = 3.0,
) -> InVpc:
    toml = scenario(name, _VPC, verdict, findings, run=services, timeout=timeout)
    return InVpc(package=package, name=name, toml=toml, start=start)


def nft(*, out: str = "", arriving: str = "", on: Side = "host") -> Callable[[World], None]:
    """Chains of nft(8) on the host or in the network, for outgoing packets (`out`) and incoming packets
    (`arriving`).
    """
    hooks = {"output": out, "input": arriving}
    chains = "".join(
        f"chain {hook} {{ type filter hook {hook} priority filter; {rules}\n}}\n"
        for hook, rules in hooks.items()
        if rules
    )

    def start(world: World) -> None:
        world.nft(on, f"table inet filter {{\n{chains}}}")

    return start


_WHAT_A_HOST_NEEDS: Final = """
    policy drop;
    oif lo accept
    ct state established,related accept
    udp dport 53 accept
    tcp dport 53 accept
    ip daddr 169.254.169.254 tcp dport 80 accept
"""
NFTABLES: Final = (
    filtered(
        "nftables",
        "drops what leaves, except for DNS, metadata and 443",
        nft(out=f"{_WHAT_A_HOST_NEEDS} tcp dport 443 accept"),
        HEALTHY,
    ),
    filtered(
        "nftables",
        "drops what arrives, except for answers",
        nft(arriving="policy drop; iif lo accept; ct state established,related accept"),
        HEALTHY,
        services=BOTH,
    ),
    filtered(
        "nftables",
        "rejects what leaves for addresses outside the VPC",
        nft(out="policy accept; oif lo accept; ip daddr { 10.0.0.0/16, 169.254.0.0/16 } accept; reject"),
        HEALTHY,
        services=BOTH,
    ),
    filtered(
        "nftables",
        "drops what leaves, except for DNS and metadata",
        nft(out=_WHAT_A_HOST_NEEDS),
        UNREACHABLE,
        "TCP005@backup",
        timeout=1.0,
    ),
    filtered(
        "nftables",
        "drops TCP 443 on the way out, and no other protocol",
        nft(out="policy accept; tcp dport 443 drop"),
        UNREACHABLE,
        "TCP001@backup",
        timeout=1.0,
    ),
    filtered(
        "nftables",
        "rejects TCP 443 on the way out",
        nft(out="policy accept; tcp dport 443 reject with icmpx admin-prohibited"),
        UNREACHABLE,
        "TCP005@backup",
    ),
    filtered(
        "nftables",
        "resets TCP 443 on the way out",
        nft(out="policy accept; tcp dport 443 reject with tcp reset"),
        UNREACHABLE,
        "TCP004@backup",
    ),
    filtered(
        "nftables",
        "drops what arrives, answers over TCP among it",
        nft(arriving="policy drop; iif lo accept; udp sport 53 accept; ip saddr 169.254.169.254 accept"),
        UNREACHABLE,
        "TCP001@backup",
        timeout=1.0,
    ),
    filtered(
        "nftables",
        "in the network: drops the gateway's port for backup data",
        nft(arriving="policy accept; tcp dport 1031 drop", on="network"),
        PRIVATE,
        "TCP003@backup-gateway",
        services=BOTH,
        timeout=1.0,
    ),
    filtered(
        "nftables",
        "in the network: rejects 443",
        nft(arriving="policy accept; iif lo accept; tcp dport 443 reject with icmpx admin-prohibited", on="network"),
        UNREACHABLE,
        *("TCP004@backup", "TCP004@backup-gateway"),
        services=BOTH,
    ),
    filtered(
        "nftables",
        "rejects the gateway's port for backup data",
        nft(out="policy accept; tcp dport 1031 reject"),
        PRIVATE,
        "TCP005@backup-gateway",
        services=BOTH,
    ),
    filtered(
        "nftables",
        "drops what leaves, except for DNS, metadata and 443, where a gateway needs more",
        nft(out=f"{_WHAT_A_HOST_NEEDS} tcp dport 443 accept"),
        PRIVATE,
        "TCP005@backup-gateway",
        services=BOTH,
        timeout=1.0,
    ),
)


def iptables(*rules: str) -> Callable[[World], None]:
    """Rules of iptables(8) that the kernel applies with nf_tables."""

    def start(world: World) -> None:
        for rule in rules:
            world.run_in("host", "iptables-nft", *rule.split())

    return start


_NEEDED: Final = (
    "-P OUTPUT DROP",
    "-A OUTPUT -o lo -j ACCEPT",
    "-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "-A OUTPUT -p udp --dport 53 -j ACCEPT",
    "-A OUTPUT -d 169.254.169.254 -p tcp --dport 80 -j ACCEPT",
)
IPTABLES: Final = (
    filtered(
        "iptables",
        "drops what leaves, except for DNS, metadata and 443",
        iptables(*_NEEDED, "-A OUTPUT -p tcp --dport 443 -j ACCEPT"),
        HEALTHY,
    ),
    filtered(
        "iptables",
        "drops what arrives, except for answers",
        iptables("-P INPUT DROP", "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"),
        HEALTHY,
        services=BOTH,
    ),
    filtered(
        "iptables",
        "keeps metadata from all users but root",
        iptables("-A OUTPUT -d 169.254.169.254 -m owner ! --uid-owner 0 -j REJECT"),
        HEALTHY,
    ),
    filtered(
        "iptables",
        "drops what leaves, except for DNS and metadata",
        iptables(*_NEEDED),
        UNREACHABLE,
        "TCP005@backup",
        timeout=1.0,
    ),
    filtered(
        "iptables",
        "rejects TCP 443 on the way out",
        iptables("-A OUTPUT -p tcp --dport 443 -j REJECT"),
        UNREACHABLE,
        "TCP005@backup",
    ),
    filtered(
        "iptables",
        "resets TCP 443 on the way out",
        iptables("-A OUTPUT -p tcp --dport 443 -j REJECT --reject-with tcp-reset"),
        UNREACHABLE,
        "TCP004@backup",
    ),
    filtered(
        "iptables",
        "rejects the gateway's ports but 443",
        iptables("-A OUTPUT -p tcp -m multiport --dports 1026,1027,1028,1031,2222 -j REJECT"),
        PRIVATE,
        "TCP005@backup-gateway",
        services=BOTH,
    ),
)

SETUPS: Final = (*NFTABLES, *IPTABLES)


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_run_finds_what_it_must(setup: InVpc, tmp_path: Path) -> None:
    assert setup.found(tmp_path) == setup.expected
