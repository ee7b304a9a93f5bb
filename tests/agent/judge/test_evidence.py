"""Questions about a run: where an address is, which addresses decide, and which steps must be proven."""

import random
import subprocess
import sys
from ipaddress import ip_address, ip_network

import pytest

from agent.catalog.in_use import why_unused
from agent.judge.evidence import skipped_because
from agent.judge.requirements import required_steps, why_not_in_use
from agent.settings import Expect
from probes.addresses import AddressScope, ordered, scope_of
from probes.model import Role
from tests.support.build import (
    BACKUP,
    CORPORATE,
    GATEWAY,
    PRIVATE,
    PUBLIC,
    RESOLVER,
    VPC_RESOLVER,
    Observations,
    addresses,
    answer,
    context,
    evidence,
    healthy,
    here,
    host,
    imds,
    lookup,
    optional,
    proxy,
    run,
    sdk,
    spoiled,
    target,
    tcp,
    tls,
)

VPC = ("10.0.0.0/16", "2600:1f18:1234:5600::/56")


def scope(address: str, *blocks: str, ipv6_known: bool = True) -> AddressScope:
    return scope_of(ip_address(address), vpc_cidrs=[ip_network(block) for block in blocks], ipv6_known=ipv6_known)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("10.0.1.17", AddressScope.VPC, id="in the VPC"),
        pytest.param("10.0.255.255", AddressScope.VPC, id="last address of the VPC's block"),
        pytest.param("10.1.0.0", AddressScope.PRIVATE, id="first address beyond it"),
        pytest.param("172.15.255.255", AddressScope.PUBLIC, id="just below 172.16.0.0/12"),
        pytest.param("172.16.0.1", AddressScope.PRIVATE, id="172.16.0.0/12"),
        pytest.param("172.32.0.1", AddressScope.PUBLIC, id="just above 172.16.0.0/12"),
        pytest.param("192.168.7.9", AddressScope.PRIVATE, id="192.168.0.0/16"),
        pytest.param("100.64.0.1", AddressScope.PRIVATE, id="carrier-grade NAT, RFC 6598"),
        pytest.param("100.128.0.1", AddressScope.PUBLIC, id="just above carrier-grade NAT"),
        pytest.param("52.95.111.30", AddressScope.PUBLIC, id="public"),
        pytest.param("127.0.0.1", AddressScope.LOOPBACK, id="loopback"),
        pytest.param("127.9.9.9", AddressScope.LOOPBACK, id="elsewhere in 127.0.0.0/8"),
        pytest.param("169.254.169.253", AddressScope.LINK_LOCAL, id="link-local"),
        pytest.param("0.0.0.0", AddressScope.OTHER, id="unspecified"),  # noqa: S104 - only classified, never bound
        pytest.param("192.0.2.7", AddressScope.OTHER, id="documentation, RFC 5737"),
        pytest.param("198.51.100.7", AddressScope.OTHER, id="documentation, second block"),
        pytest.param("203.0.113.7", AddressScope.OTHER, id="documentation, third block"),
        pytest.param("198.18.0.1", AddressScope.OTHER, id="benchmarking, RFC 2544"),
        pytest.param("224.0.1.1", AddressScope.OTHER, id="multicast"),
        pytest.param("240.0.0.1", AddressScope.OTHER, id="reserved"),
        pytest.param("255.255.255.255", AddressScope.OTHER, id="broadcast"),
        pytest.param("2600:1f18:1234:5678::17", AddressScope.VPC, id="in the VPC's IPv6 block"),
        pytest.param("2600:1f18:1234:5700::17", AddressScope.PUBLIC, id="just beyond it"),
        pytest.param("fd00:ec2::253", AddressScope.PRIVATE, id="unique local, RFC 4193"),
        pytest.param("fc00::1", AddressScope.PRIVATE, id="unique local, the other half"),
        pytest.param("::1", AddressScope.LOOPBACK, id="IPv6 loopback"),
        pytest.param("::", AddressScope.OTHER, id="IPv6 unspecified"),
        pytest.param("fe80::1", AddressScope.LINK_LOCAL, id="IPv6 link-local"),
        pytest.param("fe80::1%ens5", AddressScope.LINK_LOCAL, id="link-local with its interface"),
        pytest.param("ff02::1", AddressScope.OTHER, id="IPv6 multicast"),
        pytest.param("64:ff9b::a00:111", AddressScope.NAT64, id="NAT64, a private address inside"),
        pytest.param("64:ff9b::345f:6f1e", AddressScope.NAT64, id="NAT64, a public address inside"),
        pytest.param("64:ff9b::1:a00:111", AddressScope.OTHER, id="just beyond the NAT64 block"),
        pytest.param("64:ff9b:1::a00:111", AddressScope.OTHER, id="local-use NAT64, RFC 8215"),
        pytest.param("2001:db8::17", AddressScope.OTHER, id="IPv6 documentation, RFC 3849"),
        pytest.param("3fff::17", AddressScope.OTHER, id="IPv6 documentation, RFC 9637"),
        pytest.param("::ffff:10.0.1.17", AddressScope.OTHER, id="IPv4-mapped, private"),
        pytest.param("::ffff:52.95.111.30", AddressScope.OTHER, id="IPv4-mapped, public"),
        pytest.param("::ffff:127.0.0.1", AddressScope.OTHER, id="IPv4-mapped, loopback"),
        pytest.param("fec0::1", AddressScope.OTHER, id="site-local, retired by RFC 3879"),
        pytest.param("2002:345f:6f1e::1", AddressScope.OTHER, id="6to4, retired by RFC 7526"),
    ],
)
def test_scope_of_an_address(address: str, expected: AddressScope) -> None:
    assert scope(address, *VPC) is expected


@pytest.mark.parametrize(
    ("address", "blocks", "expected"),
    [
        pytest.param("198.19.4.9", ("198.19.0.0/16",), AddressScope.VPC, id="a block that is not a private one"),
        pytest.param("52.95.111.30", ("52.95.0.0/16",), AddressScope.VPC, id="a block that is publicly routable"),
        pytest.param("64:ff9b::a00:111", ("64:ff9b::/96",), AddressScope.VPC, id="a block outranks NAT64"),
        pytest.param("52.95.111.30", ("2600::/16",), AddressScope.PUBLIC, id="a block of the other family"),
        pytest.param("52.95.111.30", (), AddressScope.PUBLIC, id="no block is known"),
    ],
)
def test_blocks_of_the_vpc_come_first(address: str, blocks: tuple[str, ...], expected: AddressScope) -> None:
    assert scope(address, *blocks) is expected


def test_global_ipv6_is_unknown_while_the_blocks_of_the_vpc_are() -> None:
    assert scope("2600:1f18::17", ipv6_known=False) is AddressScope.UNKNOWN
    assert scope("2001:db8::17", ipv6_known=False) is AddressScope.OTHER
    assert scope("fd00::17", ipv6_known=False) is AddressScope.PRIVATE
    assert scope("52.95.111.30", ipv6_known=False) is AddressScope.PUBLIC


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param([imds()], AddressScope.PUBLIC, id="the VPC is known and the address is outside"),
        pytest.param([imds(vpc=VPC)], AddressScope.VPC, id="the VPC is known and the address is inside"),
        pytest.param([imds(vpc_id=None, vpc=())], AddressScope.UNKNOWN, id="metadata without the VPC"),
        pytest.param([imds(failed="timeout")], AddressScope.UNKNOWN, id="metadata is silent"),
        pytest.param([], AddressScope.UNKNOWN, id="metadata was never asked"),
    ],
)
def test_scope_of_a_global_ipv6_address_needs_the_metadata(metadata: Observations, expected: AddressScope) -> None:
    seen = evidence(metadata)
    assert seen.scope(ip_address("2600:1f18:1234:5678::17")) is expected


def test_private_cidrs_count_as_the_vpc() -> None:
    seen = evidence([], of=run(private_cidrs=("52.95.0.0/16", "2600:1f18::/32")))
    assert seen.scope(ip_address(PUBLIC)) is AddressScope.VPC
    assert seen.scope(ip_address("2600:1f18::17")) is AddressScope.VPC
    assert seen.scope(ip_address("52.96.0.1")) is AddressScope.PUBLIC


@pytest.mark.parametrize(
    ("address", "private", "public"),
    [
        pytest.param("64:ff9b::a00:111", True, False, id="10.0.1.17 inside"),
        pytest.param("64:ff9b::345f:6f1e", False, True, id="52.95.111.30 inside"),
        pytest.param("64:ff9b::7f00:1", False, False, id="127.0.0.1 inside"),
        pytest.param("10.9.0.1", True, False, id="private outside the VPC"),
        pytest.param("169.254.0.1", False, False, id="link-local is neither"),
        pytest.param("192.0.2.1", False, False, id="documentation is neither"),
        pytest.param("::ffff:10.0.1.17", False, False, id="IPv4-mapped is neither"),
    ],
)
def test_nat64_is_judged_by_the_address_inside(address: str, private: bool, public: bool) -> None:
    seen = evidence([imds()])
    assert seen.is_private(ip_address(address)) is private
    assert seen.is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    ("expect", "address", "expected"),
    [
        pytest.param(Expect.PRIVATE, "10.0.1.17", True, id="private, as expected"),
        pytest.param(Expect.PRIVATE, PUBLIC, False, id="public, private expected"),
        pytest.param(Expect.PUBLIC, PUBLIC, True, id="public, as expected"),
        pytest.param(Expect.PUBLIC, "10.0.1.17", False, id="private, public expected"),
        pytest.param(Expect.ANY, PUBLIC, True, id="public, any expected"),
        pytest.param(Expect.ANY, "10.0.1.17", True, id="private, any expected"),
        pytest.param(Expect.ANY, "127.0.0.1", False, id="loopback is expected by nobody"),
        pytest.param(Expect.ANY, "192.0.2.1", False, id="nor is documentation"),
        pytest.param(Expect.ANY, "2600::1", False, id="nor what is not known"),
    ],
)
def test_expected_scope(expect: Expect, address: str, expected: bool) -> None:
    assert evidence([], of=run(expect=expect)).is_expected(ip_address(address), BACKUP) is expected


# --- Addresses ------------------------------------------------------------------------------------------------------


def test_only_families_that_the_host_has_decide() -> None:
    names = lookup("2600:1f18::17", "10.0.2.17", "10.0.1.17")
    ipv4 = evidence([host("127.0.0.1/8", "::1/128", "fe80::5/64", "10.0.3.5/24"), names])
    assert ipv4.own_addresses(BACKUP) == addresses("10.0.1.17", "10.0.2.17")
    assert ipv4.own_answer(BACKUP) == addresses("10.0.1.17", "10.0.2.17", "2600:1f18::17")
    both = evidence([host("10.0.3.5/24", "2600:1f18::5/64"), names])
    assert both.own_addresses(BACKUP) == addresses("10.0.1.17", "10.0.2.17", "2600:1f18::17")
    for seen in (evidence([host(unknown=True), names]), evidence([names])):
        assert seen.own_addresses(BACKUP) == both.own_addresses(BACKUP), "unknown is not none"


def test_addresses_of_other_resolvers_are_shown_and_do_not_decide() -> None:
    seen = evidence(
        [
            host(),
            lookup("10.0.1.17"),
            answer("10.0.1.17", "10.0.2.17", by=VPC_RESOLVER),
            answer("10.0.1.17", by=RESOLVER),
            answer("fd00::17", by=RESOLVER),
            answer(by=RESOLVER, of="backup-gateway", failed="nxdomain"),
        ]
    )
    assert seen.own_addresses(BACKUP) == addresses("10.0.1.17")
    assert seen.addresses(BACKUP) == {
        ip_address("10.0.1.17"): addresses(RESOLVER, VPC_RESOLVER),
        ip_address("10.0.2.17"): addresses(VPC_RESOLVER),
        ip_address("fd00::17"): addresses(RESOLVER),
    }


def test_attempts_that_count_ran_to_an_end_at_addresses_in_use() -> None:
    seen = evidence(
        [
            host(),
            lookup("10.0.1.17", "10.0.2.17", "10.0.3.17", "10.0.4.17"),
            tcp("10.0.1.17"),
            tcp("10.0.2.17", failed="deadline"),
            tcp("10.0.3.17", skipped="not started"),
            tcp("10.0.4.17", failed="bug"),
            tcp("10.0.9.17", failed="timeout"),
            tls("10.0.1.17", failed="timeout"),
            tls("10.0.1.17", 1026),
        ]
    )
    assert [connect.id for connect in seen.connects(BACKUP, 443)] == ["tcp/backup/10.0.1.17/443"]
    assert [handshake.id for handshake in seen.handshakes(BACKUP)] == ["tls/backup/10.0.1.17/443"]


def test_ordered_is_by_family_then_number_then_interface() -> None:
    given = addresses("fe80::1%b", "10.0.0.10", "fe80::1%a", "10.0.0.9", "10.0.0.10", "::2")
    assert ordered(given) == addresses("10.0.0.9", "10.0.0.10", "::2", "fe80::1%a", "fe80::1%b")


def test_order_does_not_hang_on_the_hashes_of_a_process() -> None:
    program = (
        "from ipaddress import ip_address; from agent.judge.evidence import ordered; "
        "print(*ordered(ip_address(f'fe80::1%eth{number}') for number in range(9)))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


# --- Observations ---------------------------------------------------------------------------------------------------


def test_order_of_observations_comes_from_their_content() -> None:
    observations = [
        *healthy(BACKUP, GATEWAY),
        answer("fd00::17", by="fe80::2%ens5"),
        answer("fd00::17", by="fe80::2%ens6"),
        tcp("fe80::1%a", of="backup"),
        tcp("fe80::1%b", of="backup"),
    ]
    shuffled = list(observations)
    random.Random(7).shuffle(shuffled)
    expected = [observation.id for observation in evidence(observations).observations]
    assert [observation.id for observation in evidence(shuffled).observations] == expected
    assert expected[:4] == ["host", "host/sdk-settings", "host/backup/proxy", "host/backup-gateway/proxy"]
    assert expected.index("imds") < expected.index("dns/backup/getaddrinfo")
    assert expected.index("tcp/backup/10.0.1.17/443") < expected.index("tcp/backup/10.0.2.17/443")


def test_ancestors_end_at_what_is_not_there_and_in_circles() -> None:
    seen = evidence([lookup("10.0.1.17"), tcp("10.0.1.17"), tls("10.0.1.17")])
    observation = seen.find("tls/backup/10.0.1.17/443")
    assert observation is not None
    assert [ancestor.id for ancestor in seen.ancestors(observation)] == [
        "tcp/backup/10.0.1.17/443",
        "dns/backup/getaddrinfo",
    ]
    circle = evidence([tcp("10.0.1.17", after="tls/backup/10.0.1.17/443"), tls("10.0.1.17")])
    observation = circle.find("tls/backup/10.0.1.17/443")
    assert observation is not None
    assert [ancestor.id for ancestor in circle.ancestors(observation)] == ["tcp/backup/10.0.1.17/443"]
    orphan = evidence([tls("10.0.1.17")])
    assert orphan.ancestors(orphan.observations[0]) == ()


def test_proxy_is_none_where_calls_go_straight_or_where_it_is_not_known() -> None:
    assert evidence([proxy("http://10.0.0.9:3128")]).proxy(BACKUP) == "http://10.0.0.9:3128"
    assert evidence([proxy()]).proxy(BACKUP) is None
    assert evidence([proxy(failed="bug")]).proxy(BACKUP) is None
    assert evidence([proxy("http://10.0.0.9:3128", of="backup-gateway")]).proxy(BACKUP) is None


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        pytest.param([host(ec2=True)], True, id="the firmware says so"),
        pytest.param([host(ec2=None), imds()], True, id="metadata gave a token"),
        pytest.param([host(ec2=False), answer("10.0.1.17", by=VPC_RESOLVER)], True, id="the VPC's resolver answered"),
        pytest.param([host(ec2=None), answer(failed="servfail", by=VPC_RESOLVER)], True, id="it said SERVFAIL"),
        pytest.param([host(ec2=None), answer(failed="timeout", by=VPC_RESOLVER)], False, id="it did not answer"),
        pytest.param([host(ec2=None), answer("10.0.1.17", by=CORPORATE)], False, id="another resolver answered"),
        pytest.param([host(ec2=None), imds(failed="refused")], False, id="metadata refused"),
        pytest.param([], False, id="nothing was seen"),
    ],
)
def test_in_aws_is_what_only_aws_has(observations: Observations, expected: bool) -> None:
    seen = evidence(observations)
    assert seen.in_aws is expected


def test_reason_of_a_step_that_was_skipped() -> None:
    assert skipped_because(sdk(skipped="no profile")) == "no profile"
    assert skipped_because(sdk()) is None
    assert skipped_because(sdk(failed="timeout")) is None


# --- Targets in use -------------------------------------------------------------------------------------------------

ASIDE = optional(GATEWAY)


@pytest.mark.parametrize(
    ("observations", "reason"),
    [
        pytest.param([lookup("10.0.1.27", of=ASIDE.id)], None, id="private"),
        pytest.param([lookup("10.0.1.27", PUBLIC, of=ASIDE.id)], None, id="private beside public"),
        pytest.param([lookup("127.0.0.1", of=ASIDE.id)], None, id="loopback is not a public address"),
        pytest.param([lookup("2600::1", of=ASIDE.id)], None, id="an IPv6 address of which nothing is known"),
        pytest.param([lookup(PUBLIC, of=ASIDE.id)], "public here", id="public alone"),
        pytest.param([imds(), lookup(PUBLIC, "2600::1", of=ASIDE.id)], "public here", id="public in both families"),
        pytest.param([lookup(of=ASIDE.id, failed="nxdomain")], "without an address here", id="no such name"),
        pytest.param([lookup(of=ASIDE.id, failed="timeout")], "without an address here", id="nobody answers"),
        pytest.param([lookup(of=ASIDE.id, failed="deadline")], None, id="cut short: not known"),
        pytest.param([lookup(of=ASIDE.id, failed="bug")], None, id="crashed: not known"),
        pytest.param([lookup(of=ASIDE.id, skipped="not started")], None, id="not made: not known"),
        pytest.param([], None, id="never asked: not known"),
    ],
)
def test_an_optional_service_is_not_in_use_where_its_name_says_so(
    observations: Observations, reason: str | None
) -> None:
    seen = evidence(observations, targets=[ASIDE])
    why = why_not_in_use(seen, ASIDE)
    assert (why is None) == (reason is None)
    assert reason is None or reason in str(why)


def test_a_required_target_is_always_judged() -> None:
    assert why_not_in_use(evidence([lookup(PUBLIC, of=GATEWAY.id)], targets=[GATEWAY]), GATEWAY) is None


@pytest.mark.parametrize(
    ("role", "judged"),
    [
        pytest.param(Role.REQUIRED, True, id="called by a required target"),
        pytest.param(Role.OPTIONAL, False, id="called by an optional one that is not in use"),
    ],
)
def test_a_host_for_comparison_is_looked_at_as_far_as_the_one_that_is_called(role: Role, judged: bool) -> None:
    called = target("backup-gateway", host="gateway.example.com", role=role)
    beside = context(GATEWAY)
    observations = [lookup(PUBLIC, of=called.id), lookup("10.0.1.27", of=beside.id)]
    assert (why_not_in_use(evidence(observations, targets=[called, beside]), beside) is None) is judged
    alone = evidence(observations, targets=[beside, context(called)])
    assert why_not_in_use(alone, beside) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param([PUBLIC], "not asked for, and public here", id="public"),
        pytest.param([], "not asked for, and without an address here", id="none"),
        pytest.param([PUBLIC, "10.0.1.27"], None, id="mixed"),
    ],
)
def test_a_host_for_comparison_is_in_use_where_its_name_is_private(given: list[str], words: str | None) -> None:
    called, beside = target("backup-gateway", host="gateway.example.com"), context(GATEWAY)
    observations = [lookup("10.0.1.44", of=called.id), lookup(*given, of=beside.id)]
    why = why_not_in_use(evidence(observations, targets=[called, beside]), beside)
    assert why == words


@pytest.mark.parametrize(
    ("service", "unused"),
    [pytest.param("backup", True, id="of another service"), pytest.param("backup-gateway", False, id="of its own")],
)
def test_a_service_whose_calls_a_url_sends_to_an_endpoint(service: str, *, unused: bool) -> None:
    host = f"vpce-0a1b2c3d4e5f60718-lj2wisx3.{service}.eu-west-1.vpce.amazonaws.com"
    called = target("backup-gateway", host=host, role=Role.OPTIONAL)
    why = why_not_in_use(evidence([lookup("10.0.1.27", of=called.id)], targets=[called]), called)
    assert (why is not None) is unused
    assert why in (None, "not asked for, and backup has this endpoint")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param((), "backup-gateway is not offered in cn-north-1", id="no address"),
        pytest.param((PUBLIC,), "public here", id="public addresses"),
        pytest.param(("10.0.1.27",), None, id="an address of this VPC outranks the table"),
    ],
)
def test_a_service_that_the_table_does_not_know_in_the_region(given: tuple[str, ...], reason: str | None) -> None:
    china = optional(target("backup-gateway", region="cn-north-1"))
    why = why_unused(china, addresses(*given), evidence([]).is_public)
    assert (why is None) == (reason is None)
    assert reason is None or reason in str(why)


def test_required_steps_are_all_that_ok_rests_on() -> None:
    assert required_steps(evidence(here("backup-gateway", "10.0.1.17"), targets=[GATEWAY]), GATEWAY) == (
        "host/sdk-settings",
        "host/backup-gateway/proxy",
        "dns/backup-gateway/getaddrinfo",
        "tcp/backup-gateway/10.0.1.17/443",
        "tls/backup-gateway/10.0.1.17/443",
        "http/backup-gateway/10.0.1.17/443",
        "tcp/backup-gateway/10.0.1.17/1026",
        "tcp/backup-gateway/10.0.1.17/1028",
        "tcp/backup-gateway/10.0.1.17/1031",
    )
    assert required_steps(evidence(here("backup", "10.0.1.17", "2600::1")), BACKUP)[3:] == (
        "tcp/backup/10.0.1.17/443",
        "tls/backup/10.0.1.17/443",
        "http/backup/10.0.1.17/443",
    )


def test_required_steps_have_ids_that_observations_have() -> None:
    for checked in (BACKUP, GATEWAY):
        ids = {observation.id for observation in healthy(checked)}
        assert set(required_steps(evidence(healthy(checked), targets=[checked]), checked)) <= ids


def test_spoiled_look_keeps_its_id() -> None:
    assert spoiled(lookup(*PRIVATE), failed="timeout").id == "dns/backup/getaddrinfo"
