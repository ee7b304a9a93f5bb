"""A guard on the host of a VPC that records the destination of every packet, even if a firewall on the host drops it.

It precedes every other rule for outgoing packets and lets everything pass, so it does not change a run. It ignores the
loopback interface, and the messages with which IPv6 finds neighbours (RFC 4861) and joins groups (RFC 3810). It also
ignores the ICMP errors with which the kernel answers datagrams that no process waits for any more, such as a resolver's
second answer.
"""

from dataclasses import dataclass
from typing import Any, Final

from tests.netns.vpc import Vpc

_FAMILIES: Final = (("ip", "ipv4_addr"), ("ip6", "ipv6_addr"))
_OF_IPV6: Final = (
    "nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, "
    "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report"
)
_SIZE: Final = 4096
"""The maximum number of elements in one set, which is far more than a run needs. If a packet finds no room in a set,
the counters show it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The packets that left the host."""

    places: dict[str, int]
    """The number of packets by `PROTOCOL ADDRESS PORT`, or by `PROTOCOL ADDRESS` if the protocol is neither TCP nor
    UDP.
    """
    packets: int
    """The number of all packets, counted separately."""


def post(vpc: Vpc) -> None:
    """Install the guard. It records packets from now on."""
    sets = "".join(
        f"set {family}_ports {{ type {kind} . inet_proto . inet_service; flags dynamic; counter; size {_SIZE}; }}\n"
        f"set {family}_rest {{ type {kind} . inet_proto; flags dynamic; counter; size {_SIZE}; }}\n"
        for family, kind in _FAMILIES
    )
    rules = "".join(
        f"meta l4proto {{ tcp, udp }} update @{family}_ports {{ {family} daddr . meta l4proto . th dport }} accept\n"
        f"update @{family}_rest {{ {family} daddr . meta l4proto }} accept\n"
        for family, _ in _FAMILIES
    )
    vpc.filter_on_host(f"""
        table inet guard {{
            {sets}
            counter everything {{ }}
            chain sent {{
                type filter hook output priority -200; policy accept;
                oif lo accept
                icmpv6 type {{ {_OF_IPV6} }} accept
                icmpv6 type destination-unreachable icmpv6 code port-unreachable accept
                icmp type destination-unreachable icmp code port-unreachable accept
                counter name everything
                {rules}
            }}
        }}
    """)


def seen(vpc: Vpc) -> Seen:
    """The packets that the guard has recorded so far."""
    places: dict[str, int] = {}
    packets = 0
    for item in vpc.listed_on_host("table", "inet", "guard"):
        for element in item.get("set", {}).get("elem", ()):
            place, count = _element(element["elem"])
            places[place] = places.get(place, 0) + count
        packets += item.get("counter", {}).get("packets", 0)
    return Seen(places=places, packets=packets)


def _element(element: Any) -> tuple[str, int]:
    address, protocol, *port = element["val"]["concat"]
    return " ".join(map(str, (protocol, address, *port))), int(element["counter"]["packets"])
