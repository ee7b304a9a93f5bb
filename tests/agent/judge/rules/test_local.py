"""Causes on this host that keep a packet from leaving it. The observations are written by hand."""

from typing import Any, Final

import pytest

from tests.support.build import GATEWAY, PRIVATE, Observations, answer, here, host, imds, lookup, proxy, sdk, tcp, tls
from tests.support.calls import answered, api
from tests.support.cases import OUTSIDE, C, Case, assert_silent, codes_of, fires, ports, silent

A, B = PRIVATE
AT_BRIDGE: Final = "172.17.1.17"
"""An address in a VPC that has the same block as docker0."""


def sent(
    address: str,
    interface: str | None,
    source: str | None,
    *beside: tuple[str, str],
    vpc: str = "10.0.0.0/16",
    **how: Any,
) -> Observations:
    """A connection attempt that leaves the host through this interface. The host has ens5 and the interfaces
    `beside`.
    """
    attempt = tcp(address, interface=interface, source=source, **({"failed": "timeout"} | how))
    return [host(beside=beside), sdk(), imds(vpc=[vpc]), proxy(), lookup(address), answer(address), attempt]


CASES_THAT_FIRE = [
    *(
        fires(
            "TCP010",
            f"{name}, a bridge of containers",
            sent(AT_BRIDGE, name, "172.17.0.1", (name, "172.17.0.1/16"), vpc="172.17.0.0/16"),
        )
        for name in ("docker0", "br-0123456789ab")
    ),
    *(
        fires("TCP010", f"{name}, a tunnel, inside the VPC", sent(A, name, "10.8.0.2", (name, "10.8.0.2/32")))
        for name in (
            "wg0",
            "tun0",
            "tunl0",
            "ipsec0",
            "xfrm1",
            "vti0",
            "ip_vti0",
            "gre1",
            "ip6tnl0",
            "tailscale0",
            "ztabc",
            "ip6_vti0",
            "ip6gre0",
            "erspan0",
            "sit0",
            "nebula1",
            "cscotun0",
            "gpd0",
            "CloudflareWARP",
        )
    ),
    fires("TCP010", "another than the own subnet's", sent(C, "ens6", "10.0.9.5", ("ens6", "10.0.9.5/24"))),
    fires(
        "TCP010",
        "with the source of another",
        sent(A, "ens6", "10.0.3.5", ("ens6", "10.0.9.5/24"), failed="unreachable"),
    ),
    fires(
        "TCP010",
        "while another source connects",
        [*sent(A, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32")), lookup(A, B), tcp(B, interface="ens5")],
    ),
    fires(
        "TCP010",
        "for two reasons",
        [
            *sent(A, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32"), ("ens6", "10.0.9.5/24")),
            lookup(A, B),
            tcp(B, failed="timeout", interface="ens6"),
        ],
    ),
    fires("TCP011", "on 443", [*here("backup", A), tcp(A, failed="no-source-port")]),
    *(
        fires(
            "TCP011", f"for another connection, {observation.subject.step}", [*here("backup", A), tcp(A), observation]
        )
        for observation in (
            tls(A, failed="no-source-port"),
            answered(A, failed="no-source-port", whole=False),
            api(A, failed="no-source-port", heard=False),
        )
    ),
    fires("TCP011", "on a gateway's port", ports(1031, failed="no-source-port"), targets=[GATEWAY]),
]
CASES_OF_SILENCE = [
    silent("TCP010", "it connects", sent(A, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32"), failed=None)),
    silent("TCP010", "by the right one", sent(A, "ens5", "10.0.3.5", ("ens6", "10.0.9.5/24"))),
    silent("TCP010", "in its own subnet", sent(C, "ens5", "10.0.3.5", ("ens6", "10.0.9.5/24"))),
    silent(
        "TCP010",
        "the same source connects elsewhere",
        [
            *sent(A, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32")),
            lookup(A, B),
            tcp(B, interface="wg0", source="10.8.0.2"),
        ],
    ),
    *(
        silent(
            "TCP010",
            f"{name} is the only one with a global address",
            [
                host("127.0.0.1/8", beside=[(name, "10.0.3.5/24"), ("ens5", "fe80::5/64"), ("dummy0", "10.77.0.1/32")]),
                imds(),
                lookup(A),
                tcp(A, failed="timeout", interface=name),
            ],
        )
        for name in ("br-ex", "br-0123456789ab")
    ),
    silent(
        "TCP010",
        "br-ex is not a bridge of containers",
        [
            host("127.0.0.1/8", beside=[("br-ex", "10.0.3.5/24"), ("docker0", "172.17.0.1/16")]),
            imds(),
            lookup(A),
            tcp(A, failed="timeout", interface="br-ex"),
        ],
    ),
    silent("TCP010", "a tunnel out of the VPC", sent(OUTSIDE, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32"))),
    *(
        silent("TCP010", f"{name} is not a tunnel", sent(A, name, "10.8.0.2", (name, "10.8.0.2/32")))
        for name in ("bond0", "eth1", "enX1", "vlan10", "ipvlan0")
    ),
    *(
        silent(
            "TCP010",
            f"a source that {name} holds",
            sent(A, "ens5", "10.77.0.1", (name, "10.77.0.1/32"), ("ens6", "10.0.9.5/24")),
        )
        for name in ("lo", "dummy0")
    ),
    silent("TCP010", "a source that nothing holds", sent(A, "ens5", "10.78.0.1", ("ens6", "10.0.9.5/24"))),
    silent("TCP010", "the interface is not known", sent(AT_BRIDGE, None, "172.17.0.1", ("docker0", "172.17.0.1/16"))),
    silent(
        "TCP010",
        "the interfaces are not known",
        [host(unknown=True), imds(), lookup(A), tcp(A, failed="timeout", interface="docker0")],
    ),
    silent("TCP010", "cut short", sent(A, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32"), failed="deadline")),
    silent(
        "TCP010",
        "an address that this host does not use",
        [*sent(A, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32")), lookup(B)],
    ),
    silent("TCP011", "connects", [*here("backup", A), tcp(A)]),
    silent("TCP011", "silence", [*here("backup", A), tcp(A, failed="timeout")]),
    silent("TCP011", "an address that this host does not use", [*here("backup", A), tcp(C, failed="no-source-port")]),
    silent("TCP011", "the support channel", ports(2222, failed="no-source-port"), targets=[GATEWAY]),
    silent("TCP011", "never tried", here("backup", A)),
]


@pytest.mark.parametrize("case", CASES_OF_SILENCE)
def test_silent(case: Case) -> None:
    assert_silent(case)


def test_a_rule_with_cases_has_both_kinds() -> None:
    assert codes_of(CASES_THAT_FIRE) == codes_of(CASES_OF_SILENCE)
