"""The templates of headlines, and the values that fill them."""

from ipaddress import ip_address
from typing import Final

import pytest

from agent.catalog.findings import CODES
from agent.catalog.headline import LIMIT, NAME, Forms, cut, fields_of, headline, of_ports, places, spans
from agent.catalog.partitions import PARTITIONS, partition_of
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES, host_of

ADDRESSES: Final = [ip_address(f"2600:1f18:1234:5678:9abc:def0:1234:567{digit}") for digit in range(9)]
"""Addresses whose text is as long as possible."""
ID: Final = "0a1b2c3d4e5f67890"
WIDEST: Final[dict[str, Forms]] = {
    **{name: form for name, form in of_ports((443, 1026, 1027, 1028, 1031, 2222)).items() if form is not None},
    **{name: f"{prefix}-{ID}" for name, prefix in (("group", "sg"), ("acl", "acl"), ("vpc", "vpc"))},
    **dict.fromkeys(("endpoint", "policy_of", "endpoint_on", "nameless"), f"vpce-{ID}"),
    "zone": "usw2-lax1-az1",
    "route_table": f"tgw-rtb-{ID}",
    "table": f"tgw-rtb-{ID}",
    "dhcp_options": f"dopt-{ID}",
    "rule_group": f"rslvr-frg-{ID}",
    "brought": f"rslvr-frg-{ID}",
    "rule": f"rslvr-rr-{ID}",
    "profile": f"rp-{ID}",
    "hosted_zone": f"Z{'0A' * 15}1",
    "stopper": f"vpce-{ID}",
    "account": "111122223333",
    "resolver": str(ADDRESSES[0]),
    "failing": str(ADDRESSES[0]),
    "sender": str(ADDRESSES[0]),
    "of": "24 of 24 addresses",
    "is": "are",
    "how": "silent or closed",
    "service": max(SERVICES, key=len),
    "region": max(REGIONS, key=len),
    "here": max(REGIONS, key=len),
    "set_region": max(REGIONS, key=len),
    "attribute": "enableDnsHostnames",
    "direction": "outbound",
    "entry": "32766",
    "traffic": "443, 1026-1028, 1031 and 2222",
    "missing": "443, 1026-1028, 1031 and 2222",
    "partial": "the answers",
    "led": (f"2600:1f18:1234:5678::/64 to tgw-attach-{ID}", f"it to tgw-attach-{ID}"),
    "state": "pendingacceptance",
    "shut": "443, 1026-1028, 1031 and 2222 refused",
    "open": "443, 1026-1028, 1031 and 2222",
    "agent": "the Backint agent",
    "either": "AWS Backup or S3",
    "setter": "the Backint agent",
    "leads": "sends calls to the proxy",
    "least": "3.3.40.0",
    "version": "3.3.123456.0",
    "source": "IAM Identity Center (SSO)",
    "starved": "this host kept backuplink from running for 30.00 of 30.00 s",
    "off": "1825.0 days ahead of",
    "risen": ("ens5 conntrack_allowance_exceeded rose by 123456", "ens5 conntrack_allowance_exceeded"),
    "status": "503",
    "answer": "answer to a WebSocket",
    "place": "AWS_DEFAULT_REGION",
    "hidden": "4 names",
    "family": "IPv6",
    "tries": "24 of 24",
    "round_trip": "12.5 s",
    "interface": "CloudflareWARP0",
    "keepalive": "7200 s",
    "idle": "350 s",
    "span": "2020-01-01 to 2025-01-01",
    "now": "2026-01-15",
    "denying": "permissions boundary",
    "silent": "permissions boundary",
    "since": "2026-01-14 19:30 UTC",
    "time": "2026-01-14 19:30 UTC",
    "failed": "12345 backup jobs",
    "seconds": "1234.5 s",
    "why": "its deadline came",
    "what": "asking the rule of HTTP001",
    "step": (f"the TLS handshake at [{ADDRESSES[0]}]:443", f"TLS at {ADDRESSES[0]}"),
    "more": "1000",
    "read": ("read in part: the facts file was not used", "read in part"),
}
"""The widest form of each value, except for names and addresses."""


def widest(name: str, partition: str) -> Forms:
    """The widest value of a field."""
    if name in WIDEST:
        return WIDEST[name]
    if name == "host":
        regions = [region for region in REGIONS if partition_of(region).id == partition] or [f"{partition}-region-1"]
        return max(
            (host_of(service, region, fips=True, dual_stack=True) for service in SERVICES for region in regions),
            key=len,
        )
    if name in ("where", "which", "own", "theirs", "public", "private", "odds", "unrouted", "where_to"):
        return places(ADDRESSES) or ""
    return "a-name-that-somebody-chose." * 9


EITHER: Final = {
    "API006": ({"set_region"}, {"where"}),
    "API010": ({"role", "error"}, {"failure"}),
    "DNS005": ({"failing"}, {"odds"}),
    "ENV017": ({"agent", "either"}, {"setter", "leads", "elsewhere"}),
    "ENV018": ({"place", "named"}, {"error"}),
    **dict.fromkeys((f"IAM00{number}" for number in range(3, 9)), ({"denying"}, {"silent"})),
    "TCP009": ({"tries"}, {"round_trip"}),
    "TLS008": ({"error"}, {"store"}),
    "VPC006": ({"entry", "traffic"}, {"direction", "missing"}, {"partial"}),
    "VPC007": ({"table", "unrouted"}, {"route_table", "led"}),
    "VPC013": ({"nameless"}, {"read"}),
    "VPC014": ({"shut"}, {"open", "stopper"}, {"endpoint_on"}),
    "VPC019": ({"route_table", "endpoint"}, {"policy_of", "action"}),
}
"""For each code, the sets of fields that its template may use. A finding fills only one of these sets."""


AT_HTTPS: Final = frozenset({"TCP001", "TCP002", "TCP004", "TCP008"})
"""Findings that are only about port 443."""


def widest_of(code: str, partition: str) -> list[dict[str, Forms]]:
    """The widest values for the template of a code. If the code is in EITHER, there is a result for each of its
    sets.
    """
    names = set(fields_of(CODES[code].headline))
    kinds = EITHER.get(code, (set(),))
    common = names.difference(*kinds)
    at_https: dict[str, Forms] = {"ports": "443"} if code in AT_HTTPS else {}
    return [{name: widest(name, partition) for name in sorted(common | kind)} | at_https for kind in kinds]


@pytest.mark.parametrize("partition", [partition.id for partition in PARTITIONS])
@pytest.mark.parametrize("code", sorted(CODES))
def test_every_template_fits(code: str, partition: str) -> None:
    for fields in widest_of(code, partition):
        line = headline(CODES[code].headline, fields)
        assert line is not None
        assert 0 < len(line) <= LIMIT
        assert line.isascii()


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_longest_address_fits_where_a_template_needs_it(code: str) -> None:
    """Unlike a list, a single address cannot be shortened."""
    several = {"where", "own", "theirs", "public", "private", "unrouted", "where_to"}
    for fields in widest_of(code, "aws"):
        alone = several if "where" in fields else {*several, "of"}
        single: dict[str, Forms] = {name: str(ADDRESSES[0]) for name in alone & fields.keys()}
        assert headline(CODES[code].headline, {**fields, "which": None, **single}) is not None


def test_every_value_of_a_template_stands_in_some_headline() -> None:
    wanted = {code: set(fields_of(CODES[code].headline)) for code in CODES}
    assert {code for code, kinds in EITHER.items() if not set().union(*kinds) <= wanted[code]} == set()


@pytest.mark.parametrize(
    ("template", "fields", "line"),
    [
        pytest.param("a {b} c", {"b": "1"}, "a 1 c", id="a value"),
        pytest.param("a {b} c", {}, None, id="a value that is not known"),
        pytest.param("a[ {b}]", {}, "a", id="an optional part without its value"),
        pytest.param("a[ {b}][ {c}]", {"b": "1", "c": "x" * 80}, "a 1", id="no room for the last part"),
        pytest.param("a[ {b}]", {"b": ("x" * 80, "y")}, "a y", id="a shorter form comes before leaving out"),
        pytest.param("{b~}", {"b": "x" * 60 + "y" * 60}, f"{'x' * 18}...{'y' * 11}", id="a name is cut in the middle"),
        pytest.param("{b~}", {"b": "x" * 80}, "x" * 80, id="a name that fits is not cut"),
        pytest.param("{b}", {"b": "x" * 81}, None, id="what is not a name is not cut"),
        pytest.param("[{a} b][c {d}]", {"d": "1"}, "c 1", id="one of two parts"),
        pytest.param("[{a} b]", {}, None, id="nothing is left"),
    ],
)
def test_filling(template: str, fields: dict[str, Forms | None], line: str | None) -> None:
    assert headline(template, fields) == line


@pytest.mark.parametrize(
    ("name", "short"),
    [
        pytest.param("x" * NAME, "x" * NAME, id="short enough"),
        pytest.param(
            f"https://vpce-{ID}-abcd1234.backup.eu-west-1.vpce.amazonaws.com",
            f"https://vpce-{ID}...azonaws.com",
            id="an id stays whole",
        ),
        pytest.param(f"sg-0a1b2c3d.{'x' * 40}", f"sg-0a1b2c3d.{'x' * 6}...{'x' * 11}", id="an id before the cut"),
        pytest.param(f"{'x' * 40}.vpce-{ID}", f"{'x' * 18}...vpce-{ID}", id="an id at the end stays whole"),
        pytest.param(
            f"http://proxy.c.10.20.30.40.{'x' * 30}", f"http://proxy.c.10.20.30.40...{'x' * 11}", id="an address"
        ),
    ],
)
def test_cutting(name: str, short: str) -> None:
    assert cut(name) == short


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ((443,), "443"),
        ((1026, 1027), "1026 and 1027"),
        ((1026, 1027, 1028, 1031), "1026-1028 and 1031"),
        ((2222, 443, 443), "443 and 2222"),
    ],
)
def test_ports(ports: tuple[int, ...], words: str) -> None:
    assert spans(ports) == words
