"""DNS rules: rows that fire, the nearest miss of each, and what happens if the step was not made."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.catalog.services import appliance_hosts
from agent.judge.diagnose import diagnose
from agent.judge.rules import names, resolvers
from agent.judge.rules.rule import Rule, RuleFinding
from agent.judge.verdict import judge_evidence
from agent.report.model import Command, Status
from agent.settings import Expect, Suppression
from probes.facts import DnsFacts, HostFacts, HostsEntry, LookupFacts
from probes.model import Observation, Ok
from probes.operations import APPLIANCE, DUAL_STACK_NAME, SEARCH_DOMAINS, WITHOUT_SEARCH
from tests.support.aws_commands import complaint
from tests.support.build import (
    BACKUP,
    CORPORATE,
    GATEWAY,
    PRIVATE,
    PUBLIC,
    REGION,
    RESOLVER,
    VPC_RESOLVER,
    Observations,
    addresses,
    answer,
    climbed,
    evidence,
    finding,
    findings_of,
    here,
    host,
    http,
    imds,
    lookup,
    replaced,
    rule_of,
    run,
    status_of,
    tcp,
)
from tests.support.calls import answered, api
from tests.support.cases import (
    BOTH_FAMILIES,
    CUSTOM,
    DUAL_STACK,
    ELSEWHERE,
    HOST,
    OUTSIDE,
    PRIVATE_6,
    PUBLIC_6,
    VPCE,
    Case,
    assert_fires,
    assert_silent,
    codes_of,
    fires,
    gave,
    silent,
)

RULES = (*names.RULES, *resolvers.RULES)
DNS001, DNS002, DNS003, DNS004 = (rule_of(RULES, code) for code in ("DNS001", "DNS002", "DNS003", "DNS004"))
DNS005, DNS006, DNS008, DNS011 = (rule_of(RULES, code) for code in ("DNS005", "DNS006", "DNS008", "DNS011"))
DNS012, DNS016 = (rule_of(RULES, code) for code in ("DNS012", "DNS016"))
HERE: Observations = [host(), imds()]
ABROAD: Observations = [host(resolvers=[CORPORATE]), imds()]
"""This host asks a name server that is not the VPC's."""
BOTH: Observations = [
    host("10.0.3.5/24", "2600:1f18:1234:5600::5/64"),
    imds(vpc=("10.0.0.0/16", "2600:1f18:1234:5600::/56")),
]
VPC_IPV6 = "2600:1f18:1234:5600::17"
PUBLIC_IPV6 = "2600:1fff:8000::30"


def words(commands: Sequence[Command]) -> list[str]:
    return [" ".join(command.argv) for command in commands]


def well_formed(finding: RuleFinding) -> int:
    """How many commands a fix has for the AWS CLI, all of which it would take, each for a Region."""
    asked = [command.argv for command in finding.fix.commands if command.argv[0] == "aws"]
    assert [why for argv in asked if (why := complaint(argv)) is not None] == []
    assert all({"--region", "--vpc-region"}.intersection(argv) for argv in asked)
    return len(asked)


def not_evaluated(code: str, observations: Observations) -> dict[str | None, str]:
    seen = evidence(observations, targets=[BACKUP])
    return {missing.target: missing.reason for missing in diagnose(seen, RULES).not_evaluated if missing.code == code}


# --- DNS001 public-answer -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "where", "detail"),
    [
        pytest.param(
            [*HERE, lookup(PUBLIC), answer(PUBLIC), answer(PUBLIC, by=VPC_RESOLVER)],
            (PUBLIC,),
            "This host resolves backup.eu-west-1.amazonaws.com to 52.95.111.30, outside the private path; the VPC's "
            "resolver gives no private one either. Private DNS is not in effect for this name here.",
            id="the VPC's resolver gives it, too",
        ),
        pytest.param(
            [*ABROAD, lookup(PUBLIC), answer(PUBLIC, by=CORPORATE), answer(by=VPC_RESOLVER, failed="timeout")],
            (PUBLIC,),
            "the VPC's resolver could not be asked",
            id="the VPC's resolver is silent",
        ),
        pytest.param([host(resolvers=[CORPORATE]), lookup(PUBLIC)], (PUBLIC,), "could not be asked", id="on premises"),
        pytest.param(
            [*ABROAD, lookup(PUBLIC), answer(by=VPC_RESOLVER, failed="nxdomain")],
            (PUBLIC,),
            "gives no private one either",
            id="for the VPC's resolver the name does not exist",
        ),
        pytest.param(
            [*HERE, lookup(PUBLIC, "52.95.111.31"), answer(PUBLIC, "52.95.111.31", by=VPC_RESOLVER)],
            (PUBLIC, "52.95.111.31"),
            "to 52.95.111.30 and 52.95.111.31, outside",
            id="two addresses are one finding",
        ),
        pytest.param(
            [*HERE, lookup("64:ff9b::345f:6f1e"), host("64:ff9b:1::5/64"), answer("64:ff9b::345f:6f1e")],
            ("64:ff9b::345f:6f1e",),
            "to 64:ff9b::345f:6f1e, outside",
            id="NAT64 with a public address inside",
        ),
        pytest.param(
            [*HERE, lookup(PUBLIC, "10.0.1.17"), answer(PUBLIC, by=VPC_RESOLVER)],
            (PUBLIC,),
            "to 52.95.111.30 as well as 10.0.1.17; 52.95.111.30 lies outside the private path, and the VPC's resolver "
            "gives no private one either. Programs take any of them.",
            id="a private address of the same family beside it",
        ),
        pytest.param(
            [*BOTH, lookup(PUBLIC, VPC_IPV6), answer(PUBLIC, by=VPC_RESOLVER)],
            (PUBLIC,),
            "to 52.95.111.30 as well as 2600:1f18:1234:5600::17;",
            id="public IPv4 beside private IPv6",
        ),
    ],
)
def test_dns001_fires(observations: Observations, where: tuple[str, ...], detail: str) -> None:
    [finding] = findings_of(DNS001, evidence(observations))
    assert finding.target == "backup"
    assert finding.addresses == frozenset(addresses(*where))
    assert detail in finding.detail
    assert finding.evidence[0] == "dns/backup/getaddrinfo"


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*HERE, lookup(*PRIVATE), answer(PUBLIC, by=VPC_RESOLVER)], id="this host gets private ones"),
        pytest.param([*HERE, lookup(PUBLIC), answer("10.0.1.17", by=VPC_RESOLVER)], id="the VPC's resolver disagrees"),
        pytest.param([*HERE, lookup(PUBLIC), answer("10.0.1.17", by=RESOLVER)], id="as does its second address"),
        pytest.param([*HERE, lookup("10.99.0.1")], id="private outside the VPC"),
        pytest.param([host(), imds(vpc=("52.95.0.0/16",)), lookup(PUBLIC)], id="the VPC's block is publicly routable"),
        pytest.param([*HERE, lookup(PUBLIC_IPV6)], id="public of a family that this host does not have"),
        pytest.param([host("2600:1f18::5/64"), lookup(PUBLIC_IPV6)], id="IPv6 of which nothing is known"),
        pytest.param([*HERE, lookup("127.0.0.1")], id="loopback"),
        pytest.param(
            [*HERE, lookup("64:ff9b::a00:111"), host("10.0.3.5/24", "fd00::5/64")], id="NAT64, private inside"
        ),
        pytest.param([*HERE, lookup(failed="nxdomain")], id="no such name"),
        pytest.param(
            [*BOTH, lookup("10.0.1.17", PUBLIC_IPV6), answer(by=VPC_RESOLVER, failed="timeout")],
            id="public IPv6 beside private IPv4 is a lesser fault",
        ),
    ],
)
def test_dns001_stays_silent(observations: Observations) -> None:
    assert findings_of(DNS001, evidence(observations)) == []


@pytest.mark.parametrize("expect", [Expect.PUBLIC, Expect.ANY])
def test_dns001_is_silent_where_a_public_path_is_no_fault(expect: Expect) -> None:
    observations = [*HERE, lookup(PUBLIC), answer(PUBLIC, by=VPC_RESOLVER)]
    assert findings_of(DNS001, evidence(observations, of=run(expect=expect))) == []


@pytest.mark.parametrize(
    ("own", "theirs", "expected"),
    [
        pytest.param((PUBLIC, VPC_IPV6), (PUBLIC, VPC_IPV6), {"DNS001": (PUBLIC,)}, id="public IPv4, there too"),
        pytest.param((PUBLIC, VPC_IPV6), ("10.0.1.17", VPC_IPV6), {"DNS002": (PUBLIC,)}, id="public IPv4 here alone"),
        pytest.param((PUBLIC, VPC_IPV6), (VPC_IPV6,), {"DNS002": (PUBLIC,)}, id="the VPC's resolver gives no IPv4"),
        pytest.param(
            (PUBLIC, PUBLIC_IPV6), ("10.0.1.17",), {"DNS002": (PUBLIC, PUBLIC_IPV6)}, id="public by both, here alone"
        ),
        pytest.param(
            (PUBLIC, PUBLIC_IPV6),
            (PUBLIC, VPC_IPV6),
            {"DNS001": (PUBLIC,), "DNS002": (PUBLIC_IPV6,)},
            id="one of each",
        ),
        pytest.param(("10.0.1.17", PUBLIC_IPV6), ("10.0.1.17", VPC_IPV6), {"DNS011": (PUBLIC_IPV6,)}, id="IPv6 alone"),
        pytest.param(("10.0.1.17", "64:ff9b::345f:6f1e"), ("10.0.1.17",), {}, id="NAT64 is DNS012's"),
        pytest.param(("10.0.1.17",), ("10.0.1.17", VPC_IPV6), {}, id="a family less"),
        pytest.param(("10.0.1.17", VPC_IPV6), ("10.0.1.17",), {}, id="a family more"),
    ],
)
def test_families_are_judged_one_by_one(
    own: tuple[str, ...], theirs: tuple[str, ...], expected: dict[str, tuple[str, ...]]
) -> None:
    given = {
        record: [address for address in theirs if (":" in address) is (record == "AAAA")] for record in ("A", "AAAA")
    }
    observations: Observations = [
        host("10.0.3.5/24", "2600:1f18:1234:5600::5/64", resolvers=[CORPORATE]),
        imds(vpc=("10.0.0.0/16", "2600:1f18:1234:5600::/56")),
        lookup(*own),
        *(answer(*there, by=VPC_RESOLVER, record=record) for record, there in given.items()),
    ]
    seen = evidence(observations)
    addresses_by_code = {
        finding.code: finding.addresses
        for rule in (DNS001, DNS002, DNS008, DNS011)
        for finding in findings_of(rule, seen)
    }
    assert addresses_by_code == {code: frozenset(addresses(*where)) for code, where in expected.items()}


def test_dns001_turns_private_dns_on_for_backup_and_never_for_the_gateway() -> None:
    [backup] = findings_of(DNS001, evidence([*HERE, lookup(PUBLIC)]))
    [gateway] = findings_of(DNS001, evidence([*HERE, lookup(PUBLIC, of="backup-gateway")], targets=[GATEWAY]))
    assert any("--private-dns-enabled" in command.argv for command in backup.fix.commands)
    assert not any(command.argv[2].startswith("modify-") for command in gateway.fix.commands)
    assert "appliances" in gateway.fix.summary


def test_dns001_turns_on_what_private_dns_needs_first_and_one_thing_a_call() -> None:
    [finding] = findings_of(DNS001, evidence([*HERE, lookup(PUBLIC)]))
    changes = [command for command in finding.fix.commands if command.argv[2].startswith("modify-")]
    assert [command.argv[-1] for command in changes] == [
        "--enable-dns-support",
        "--enable-dns-hostnames",
        "--private-dns-enabled",
    ]
    assert [command.undo for command in changes] == [
        "the same command with --no-enable-dns-support",
        "the same command with --no-enable-dns-hostnames",
        "the same command with --no-private-dns-enabled",
    ]
    assert well_formed(finding) == len(changes) + 2  # describes endpoints, and creates one


@pytest.mark.parametrize(
    ("service", "variable"),
    [("backup", "AWS_ENDPOINT_URL_BACKUP "), ("backup-gateway", "AWS_ENDPOINT_URL_BACKUP_GATEWAY ")],
)
def test_dns001_warns_before_it_changes_the_vpc(service: str, variable: str) -> None:
    [finding] = findings_of(DNS001, evidence([*HERE, lookup(PUBLIC, of=service)], targets=[BACKUP, GATEWAY]))
    words = finding.fix.summary
    assert words.index(variable) < words.index("every host of the VPC")
    assert "peered or transit VPC" in words
    assert "--private-cidr" in words
    assert ("443 from every caller of the VPC" in words) is (service == "backup")
    trial = next(command.argv for command in finding.fix.commands if command.argv[0] == "backuplink")
    assert trial[-1] == f"{service}=<ENDPOINT_DNS_NAME>"


def test_dns001_needs_dns() -> None:
    assert not_evaluated("DNS001", HERE) == {"backup": "no dns step was made"}
    assert not_evaluated("DNS001", [*HERE, lookup(skipped="not started: interrupted")]) == {
        "backup": "not started: interrupted"
    }
    assert not_evaluated("DNS001", [*HERE, lookup(failed="deadline")]) == {"backup": "it said deadline"}
    assert not_evaluated("DNS001", [*HERE, lookup(PUBLIC)]) == {}


# --- DNS002 resolvers-disagree --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "detail"),
    [
        pytest.param(
            [*ABROAD, lookup(PUBLIC), answer(PUBLIC, by=CORPORATE), answer(*PRIVATE, by=VPC_RESOLVER)],
            "On this host backup.eu-west-1.amazonaws.com resolves to 52.95.111.30 (its name servers: 10.9.0.53); "
            "the VPC's resolver gives 10.0.1.17 and 10.0.2.17.",
            id="public here, private there",
        ),
        pytest.param(
            [*ABROAD, lookup(failed="nxdomain"), answer(*PRIVATE, by=VPC_RESOLVER)],
            "resolves to no address (it said nxdomain) (its name servers: 10.9.0.53); the VPC's resolver gives",
            id="no such name here",
        ),
        pytest.param(
            [*ABROAD, lookup(failed="servfail"), answer(*PRIVATE, by=VPC_RESOLVER)],
            "resolves to no address (it said servfail)",
            id="the lookup fails here",
        ),
        pytest.param(
            [imds(), lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)],
            "resolves to 52.95.111.30; the VPC's",
            id="nothing is known of this host's name servers",
        ),
        pytest.param(
            [*HERE, lookup(PUBLIC), answer("10.0.1.17", by=RESOLVER)],
            "gives 10.0.1.17.",
            id="a stale answer of this host, its own name server being the VPC's",
        ),
        pytest.param(
            [*ABROAD, lookup(PUBLIC_IPV6), answer(*PRIVATE, by=VPC_RESOLVER)],
            f"resolves to {PUBLIC_IPV6}, of a family that this host does not have",
            id="an address that this host cannot use",
        ),
        pytest.param(
            [*ABROAD, lookup(PUBLIC, "127.0.0.1"), answer(*PRIVATE, by=VPC_RESOLVER)],
            "resolves to 52.95.111.30 and 127.0.0.1",
            id="public beside nonsense",
        ),
    ],
)
def test_dns002_fires(observations: Observations, detail: str) -> None:
    [finding] = findings_of(DNS002, evidence(observations))
    assert finding.target == "backup"
    assert finding.severity is None
    assert detail in finding.detail
    assert finding.evidence[0] == "dns/backup/getaddrinfo"
    assert len(finding.evidence) > 1


def test_dns002_names_the_addresses_that_it_explains() -> None:
    observations = [*ABROAD, lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)]
    [finding] = findings_of(DNS002, evidence(observations))
    assert finding.addresses == frozenset(addresses(PUBLIC))


@pytest.mark.parametrize(
    ("servers", "own", "flushed"),
    [
        pytest.param(["127.0.0.53"], lookup(PUBLIC), True, id="systemd-resolved"),
        pytest.param(["127.0.0.53"], lookup(failed="nxdomain"), True, id="that says that there is no such name"),
        pytest.param(["127.0.0.53"], lookup(failed="servfail"), False, id="that gives no answer to keep"),
        pytest.param(["127.0.0.53"], lookup(failed="timeout"), False, id="that is silent"),
        pytest.param([CORPORATE, "127.0.0.53"], lookup(PUBLIC), True, id="as the second"),
        pytest.param([CORPORATE], lookup(PUBLIC), False, id="a server of one's own"),
        pytest.param(["127.0.0.1"], lookup(PUBLIC), False, id="another stub"),
    ],
)
def test_dns002_flushes_the_cache_of_systemd_resolved_where_it_gave_an_answer(
    servers: list[str], own: Observation[Any], *, flushed: bool
) -> None:
    observations: Observations = [host(resolvers=servers), imds(), own, answer(*PRIVATE, by=VPC_RESOLVER)]
    [finding] = findings_of(DNS002, evidence(observations))
    assert ("resolvectl flush-caches" in words(finding.fix.commands)) is flushed
    assert finding.fix.summary.startswith("Flush the cache of systemd-resolved first") is flushed


@pytest.mark.parametrize(
    ("server", "named"),
    [
        pytest.param("127.0.0.53", "at 127.0.0.53 (systemd-resolved): it may be an old one. Flush it.", id="resolved"),
        pytest.param("127.0.0.1", "at 127.0.0.1: it may be an old one. Flush it.", id="another"),
    ],
)
def test_dns002_names_the_cache_that_gave_the_answer(server: str, named: str) -> None:
    observations: Observations = [host(resolvers=[server]), imds(), lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)]
    [finding] = findings_of(DNS002, evidence([*observations, answer(PUBLIC, by=server)]))
    assert named in finding.detail
    assert f"dns/backup/{server}/A" in finding.evidence
    assert "Flush the cache" in finding.fix.summary
    [without] = findings_of(DNS002, evidence(observations))
    assert "cache or stub" not in without.detail, "who gave the answer is not known"


AHEAD: Final = "So do its own name servers: what answers comes before DNS on this host"


@pytest.mark.parametrize(
    ("own", "servers", "ahead"),
    [
        pytest.param(lookup(PUBLIC), [answer(*PRIVATE)], True, id="a public answer"),
        pytest.param(lookup(failed="nxdomain"), [answer(*PRIVATE)], True, id="that the name does not exist"),
        pytest.param(lookup(PUBLIC), [answer(PUBLIC)], False, id="its server gives what it gets"),
        pytest.param(lookup(PUBLIC), [answer(failed="timeout")], False, id="its server is silent"),
        pytest.param(lookup(PUBLIC), [], False, id="its server was not asked"),
    ],
)
def test_dns002_says_flush_where_the_answer_came_from_before_dns(
    own: Observation[Any], servers: Observations, ahead: bool
) -> None:
    observations: Observations = [host(), imds(), own, *servers, answer(*PRIVATE, by=VPC_RESOLVER)]
    [finding] = findings_of(DNS002, evidence(observations))
    assert (AHEAD in finding.detail) is ahead
    assert finding.fix.summary.startswith("Flush the cache that answers before DNS") is ahead
    assert ("nscd --invalidate hosts" in words(finding.fix.commands)) is ahead
    assert ("dhcp" in " ".join(words(finding.fix.commands))) is not ahead


def test_dns002_asks_for_this_vpcs_dhcp_options_alone() -> None:
    [finding] = findings_of(DNS002, evidence([*ABROAD, lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)]))
    assert f"aws ec2 describe-dhcp-options --region {REGION} --dhcp-options-ids <DHCP_OPTIONS_ID>" in words(
        finding.fix.commands
    )
    assert well_formed(finding) == 2
    assert "169.254.169.253" in finding.fix.summary


def test_dns002_the_other_way_round_is_information() -> None:
    [finding] = findings_of(DNS002, evidence([*ABROAD, lookup(*PRIVATE), answer(PUBLIC, by=VPC_RESOLVER)]))
    assert finding.severity is Severity.INFO
    assert finding.addresses == frozenset()
    assert "What this host uses decides." in finding.detail


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*HERE, lookup(*PRIVATE), answer(*PRIVATE, by=VPC_RESOLVER)], id="private at both"),
        pytest.param([*HERE, lookup(PRIVATE[0]), answer(PRIVATE[1], by=VPC_RESOLVER)], id="rotation"),
        pytest.param([*HERE, lookup(PUBLIC), answer(PUBLIC, by=VPC_RESOLVER)], id="public at both"),
        pytest.param([*ABROAD, lookup(PUBLIC), answer(*PRIVATE, by=CORPORATE)], id="the other server is not the VPC's"),
        pytest.param([*ABROAD, lookup(PUBLIC), answer(by=VPC_RESOLVER, failed="timeout")], id="the VPC's is silent"),
        pytest.param([*HERE, lookup(*PRIVATE), answer(by=VPC_RESOLVER, failed="timeout")], id="silent, private here"),
        pytest.param([*HERE, lookup("127.0.0.1"), answer(*PRIVATE, by=VPC_RESOLVER)], id="nonsense here"),
        pytest.param([*HERE, lookup("10.0.1.17", PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)], id="both kinds here"),
        pytest.param(
            [*ABROAD, lookup(failed="nodata"), answer("fd00::17", by=VPC_RESOLVER)],
            id="private there in a family that this host does not have",
        ),
        pytest.param([*ABROAD, lookup(failed="deadline"), answer(*PRIVATE, by=VPC_RESOLVER)], id="cut short here"),
        pytest.param([*ABROAD, lookup(failed="bug"), answer(*PRIVATE, by=VPC_RESOLVER)], id="crashed here"),
        pytest.param([*ABROAD, lookup(skipped="not started"), answer(*PRIVATE, by=VPC_RESOLVER)], id="not made here"),
        pytest.param([*ABROAD, answer(*PRIVATE, by=VPC_RESOLVER)], id="never asked here"),
        pytest.param([host(resolvers=[CORPORATE], ec2=False), lookup(*PRIVATE)], id="on premises, private"),
    ],
)
def test_dns002_stays_silent(observations: Observations) -> None:
    assert findings_of(DNS002, evidence(observations)) == []


@pytest.mark.parametrize(
    ("expect", "mine", "fires"),
    [
        pytest.param(Expect.PRIVATE, lookup(failed="servfail"), True, id="private: no answer is a fault"),
        pytest.param(Expect.ANY, lookup(PUBLIC), False, id="any: a public answer is not a fault"),
        pytest.param(Expect.ANY, lookup(failed="servfail"), True, id="any: no answer is a fault"),
        pytest.param(Expect.ANY, lookup(*PRIVATE), False, id="any: a private answer is not a fault"),
        pytest.param(Expect.PUBLIC, lookup(PUBLIC), False, id="public: a public answer is not a fault"),
        pytest.param(Expect.PUBLIC, lookup(failed="servfail"), False, id="public: the VPC's answer would not help"),
    ],
)
def test_dns002_under_another_expectation(expect: Expect, mine: Observation[LookupFacts], fires: bool) -> None:
    observations: Observations = [*ABROAD, mine, answer(*PRIVATE, by=VPC_RESOLVER)]
    assert bool(findings_of(DNS002, evidence(observations, of=run(expect=expect)))) is fires


def test_dns002_the_other_way_round_is_nothing_where_any_path_will_do() -> None:
    observations = [*ABROAD, lookup(*PRIVATE), answer(PUBLIC, by=VPC_RESOLVER)]
    assert findings_of(DNS002, evidence(observations, of=run(expect=Expect.ANY))) == []


def test_dns002_needs_dns() -> None:
    assert not_evaluated("DNS002", HERE) == {"backup": "no dns step was made"}


# --- DNS003 name-does-not-exist -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "detail", "shown"),
    [
        pytest.param(
            [*HERE, lookup(failed="nxdomain"), answer(failed="nxdomain", zone="eu-west-1.amazonaws.com")],
            "backup.eu-west-1.amazonaws.com does not exist for this host; the zone that says so is "
            "eu-west-1.amazonaws.com.",
            ("dns/backup/getaddrinfo", "dns/backup/10.0.0.2/A"),
            id="the zone says so",
        ),
        pytest.param(
            [*HERE, lookup(failed="nxdomain"), answer(failed="nxdomain")],
            "backup.eu-west-1.amazonaws.com does not exist for this host.",
            ("dns/backup/getaddrinfo", "dns/backup/10.0.0.2/A"),
            id="no zone is named",
        ),
        pytest.param(
            [*HERE, lookup(failed="nxdomain")],
            "does not exist for this host.",
            ("dns/backup/getaddrinfo",),
            id="the C library alone",
        ),
        pytest.param(
            [
                host(resolvers=[CORPORATE, RESOLVER]),
                lookup(failed="nxdomain"),
                answer(by=CORPORATE, failed="nxdomain", zone="amazonaws.com"),
                answer(*PRIVATE),
            ],
            "the zone that says so is amazonaws.com.",
            ("dns/backup/getaddrinfo", "dns/backup/10.9.0.53/A"),
            id="one of two name servers denies it",
        ),
        pytest.param(
            [*ABROAD, lookup(failed="nxdomain"), answer(by=VPC_RESOLVER, failed="nxdomain", zone="of.the.vpc")],
            "does not exist for this host.",
            ("dns/backup/getaddrinfo",),
            id="another resolver's zone is not this host's",
        ),
    ],
)
def test_dns003_fires(observations: Observations, detail: str, shown: tuple[str, ...]) -> None:
    [finding] = findings_of(DNS003, evidence(observations))
    assert finding.target == "backup"
    assert finding.detail.endswith(detail)
    assert finding.evidence == shown


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*HERE, lookup(*PRIVATE), answer(failed="nxdomain", by=VPC_RESOLVER)], id="it exists here"),
        pytest.param(
            [*HERE, lookup(failed="servfail"), answer(failed="nxdomain"), answer(failed="servfail", record="AAAA")],
            id="the lookup failed otherwise, as one answer did",
        ),
        pytest.param([*HERE, lookup(failed="nodata")], id="it exists without an address"),
        *(
            pytest.param(
                [*HERE, lookup(failed="nxdomain"), answer(failed=failed), answer(failed=failed, record="AAAA")],
                id=f"no answer says so: {failed}",
            )
            for failed in ("timeout", "refused", "dns-refused", "servfail", "dns-malformed", "malformed")
        ),
        pytest.param(
            [*HERE, lookup(failed="nxdomain"), answer(*PRIVATE)], id="this host's name server gives addresses"
        ),
        pytest.param([*HERE, lookup(failed="nxdomain"), answer()], id="this host's name server says that it exists"),
        pytest.param(HERE, id="never asked"),
    ],
)
def test_dns003_stays_silent(observations: Observations) -> None:
    assert findings_of(DNS003, evidence(observations)) == []


def test_dns003_speaks_of_each_target() -> None:
    observations = [*HERE, lookup(failed="nxdomain"), lookup(failed="nxdomain", of="backup-gateway")]
    assert [finding.target for finding in findings_of(DNS003, evidence(observations, targets=[BACKUP, GATEWAY]))] == [
        "backup",
        "backup-gateway",
    ]


def test_dns003_looks_for_the_region_the_zone_and_the_rule() -> None:
    [finding] = findings_of(DNS003, evidence([*HERE, lookup(failed="nxdomain")]))
    assert words(finding.fix.commands) == [
        f"backuplink endpoints --region {REGION}",
        f"aws route53 list-hosted-zones-by-vpc --vpc-id <VPC_ID> --vpc-region {REGION}",
        f"aws route53resolver list-firewall-rule-group-associations --region {REGION} --vpc-id <VPC_ID>",
    ]
    assert well_formed(finding) == 2


def test_dns003_needs_dns() -> None:
    assert not_evaluated("DNS003", HERE) == {"backup": "no dns step was made"}


# --- DNS004 resolver-silent -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observations", "resolver", "detail"),
    [
        pytest.param(
            [*HERE, lookup(failed="timeout"), answer(failed="timeout"), answer(failed="timeout", record="AAAA")],
            RESOLVER,
            "No name server of this host answers: 10.0.0.2 (timeout after 3.0 s, asked twice).",
            id="silence",
        ),
        pytest.param(
            [*HERE, lookup(failed="servfail"), answer(failed="refused")],
            RESOLVER,
            "No name server of this host answers: 10.0.0.2 (refused after 12 ms).",
            id="nothing listens there",
        ),
        pytest.param(
            [
                host(resolvers=[CORPORATE, RESOLVER]),
                lookup(failed="servfail"),
                answer(by=CORPORATE, failed="timeout"),
                answer(failed="prohibited"),
            ],
            CORPORATE,
            "No name server of this host answers: 10.9.0.53 (timeout after 3.0 s, asked twice) and 10.0.0.2 "
            "(prohibited after 12 ms).",
            id="two name servers, each in its way",
        ),
        pytest.param(
            [
                host(resolvers=["fd00::53", RESOLVER]),
                lookup(failed="servfail"),
                answer(by="fd00::53", skipped="this host has no IPv6 address of its own"),
                answer(failed="timeout"),
            ],
            RESOLVER,
            "No name server of this host answers: 10.0.0.2 (timeout after 3.0 s, asked twice). Not asked: fd00::53.",
            id="one of a family that this host does not have",
        ),
        pytest.param(
            [*ABROAD, lookup(failed="timeout"), answer(by=CORPORATE, failed="timeout"), answer(*PRIVATE)],
            CORPORATE,
            "answers: 10.9.0.53",
            id="the VPC's resolver, which this host does not use, answers",
        ),
        pytest.param(
            [
                *HERE,
                lookup(failed="timeout"),
                answer(failed="timeout"),
                lookup(failed="timeout", operation=DUAL_STACK_NAME),
            ],
            RESOLVER,
            "answers: 10.0.0.2",
            id="another name is not answered either",
        ),
        pytest.param(
            [
                *HERE,
                lookup(failed="nxdomain"),
                answer(failed="timeout"),
                lookup(failed="nxdomain", operation=DUAL_STACK_NAME),
            ],
            RESOLVER,
            "answers: 10.0.0.2",
            id="programs look names up without DNS",
        ),
    ],
)
def test_dns004_fires(observations: Observations, resolver: str, detail: str) -> None:
    [finding] = findings_of(DNS004, evidence(observations))
    assert finding.target == resolver
    assert detail in finding.detail
    assert finding.evidence[0] == "dns/backup/getaddrinfo"


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([*HERE, lookup(*PRIVATE), answer(failed="timeout")], id="the lookup works all the same"),
        pytest.param([*HERE, lookup(failed="servfail"), answer(failed="servfail")], id="it says SERVFAIL"),
        pytest.param([*HERE, lookup(failed="servfail"), answer(failed="dns-malformed")], id="it says nonsense"),
        pytest.param([*HERE, lookup(failed="nodata"), answer()], id="it gives no address"),
        pytest.param(
            [
                host(resolvers=[CORPORATE, RESOLVER]),
                lookup(failed="servfail"),
                answer(by=CORPORATE, failed="timeout"),
                answer(failed="servfail"),
            ],
            id="one is silent, the other says SERVFAIL",
        ),
        pytest.param(
            [*HERE, lookup(*PRIVATE), answer(*PRIVATE), answer(failed="timeout", record="AAAA")],
            id="it leaves one of two questions without an answer, and the lookup ends",
        ),
        pytest.param(
            [*HERE, lookup(failed="timeout"), answer(*PRIVATE), answer(failed="servfail", record="AAAA")],
            id="it fails for one of two questions",
        ),
        pytest.param(
            [*HERE, lookup(failed="timeout"), answer(*PRIVATE), answer(failed="timeout", record="AAAA", cut=True)],
            id="one of two answers is truncated",
        ),
        pytest.param([*HERE, lookup(failed="timeout"), answer(*PRIVATE), answer(record="AAAA")], id="it answers both"),
        pytest.param(
            [
                host(resolvers=[CORPORATE, RESOLVER]),
                lookup(failed="servfail"),
                answer(by=CORPORATE, failed="timeout"),
                answer(failed="deadline"),
            ],
            id="one was cut short before it could answer",
        ),
        pytest.param(
            [host(resolvers=[CORPORATE, RESOLVER]), lookup(failed="servfail"), answer(by=CORPORATE, failed="timeout")],
            id="one was never asked",
        ),
        pytest.param(
            [
                host(resolvers=[CORPORATE, RESOLVER]),
                lookup(failed="servfail"),
                answer(by=CORPORATE, failed="timeout"),
                answer(skipped="not started: the run's deadline of 1 s came"),
            ],
            id="one had no time to be asked",
        ),
        *(
            pytest.param(
                [*HERE, lookup(failed="timeout"), answer(failed="timeout"), another],
                id=f"another name is answered: {another.id}",
            )
            for another in (
                lookup(failed="nxdomain", operation=DUAL_STACK_NAME),
                lookup(failed="nodata", operation=DUAL_STACK_NAME),
            )
        ),
        pytest.param([*HERE, lookup(failed="deadline"), answer(failed="timeout")], id="the lookup was cut short"),
        pytest.param([*HERE, lookup(failed="timeout"), answer(failed="bug")], id="the asking crashed"),
        pytest.param([*HERE, lookup(failed="timeout")], id="nobody was asked"),
        pytest.param([lookup(failed="timeout"), answer(failed="timeout")], id="the name servers are not known"),
    ],
)
def test_dns004_stays_silent(observations: Observations) -> None:
    assert findings_of(DNS004, evidence(observations)) == []


@pytest.mark.parametrize(
    ("servers", "answers", "about", "detail"),
    [
        pytest.param(
            [RESOLVER],
            [answer(*PRIVATE), answer(failed="timeout", record="AAAA")],
            [RESOLVER],
            f"runs out of time, because {RESOLVER} gives no answer for AAAA records (timeout after 3.0 s, asked "
            "twice). It answers for A records.",
            id="of one record type",
        ),
        pytest.param(
            [RESOLVER],
            [answer(*PRIVATE, queries=2, seconds=1.5), answer(record="AAAA")],
            [RESOLVER],
            f"because {RESOLVER} answers for A records at the second try alone (after 1.5 s). It answers for AAAA "
            "records.",
            id="one at the second try",
        ),
        pytest.param(
            [CORPORATE, RESOLVER],
            [answer(by=CORPORATE, failed="timeout"), answer(*PRIVATE), answer(record="AAAA")],
            [CORPORATE],
            f"because {CORPORATE} gives no answer for A records (timeout after 3.0 s, asked twice). "
            f"{RESOLVER} answers.",
            id="of one server",
        ),
        pytest.param(
            [CORPORATE, RESOLVER],
            [
                answer(*PRIVATE, by=CORPORATE),
                answer(record="AAAA", by=CORPORATE, failed="timeout"),
                answer(*PRIVATE),
                answer(record="AAAA", failed="timeout"),
            ],
            [RESOLVER, CORPORATE],
            "gives no answer for AAAA records",
            id="of two servers",
        ),
    ],
)
@pytest.mark.parametrize("ended", ["timeout", "servfail"])
def test_dns004_names_the_server_and_the_records_for_which_a_lookup_ran_out_of_time(
    servers: list[str], answers: Observations, about: list[str], detail: str, ended: str
) -> None:
    observations: Observations = [host(resolvers=servers), imds(), lookup(failed=ended), *answers]
    found = findings_of(DNS004, evidence(observations))
    assert [finding.target for finding in found] == about
    assert all(detail in finding.detail for finding in found)
    assert set(found[0].evidence) == {"dns/backup/getaddrinfo", *(observation.id for observation in answers)}
    report = judge_evidence(evidence(observations))
    assert {finding.code for finding in report.findings} == {"DNS004"}, "no other answer, and no second name"


def test_dns004_is_silent_where_any_target_is_answered() -> None:
    observations = [*HERE, lookup(failed="timeout"), answer(failed="timeout"), lookup(*PRIVATE, of="backup-gateway")]
    assert findings_of(DNS004, evidence(observations, targets=[BACKUP, GATEWAY])) == []
    observations = [
        *HERE,
        lookup(failed="timeout"),
        answer(failed="timeout"),
        answer(failed="nxdomain", of="backup-gateway"),
    ]
    assert findings_of(DNS004, evidence(observations, targets=[BACKUP, GATEWAY])) == []


def test_dns004_is_silent_where_a_name_of_an_appliance_is_answered() -> None:
    (label, _), *_ = appliance_hosts(GATEWAY.service, GATEWAY.region)
    silence: Observations = [
        *HERE,
        lookup(failed="timeout", of="backup-gateway"),
        answer(failed="timeout", of="backup-gateway"),
    ]
    for failed, number in (("nxdomain", 0), ("timeout", 1)):
        another = lookup(of="backup-gateway", failed=failed, operation=f"{APPLIANCE}{label}")
        assert len(findings_of(DNS004, evidence([*silence, another], targets=[GATEWAY]))) == number


def test_dns004_a_name_of_the_hosts_file_shows_no_name_server_that_answers() -> None:
    silent: Observations = [
        lookup(failed="timeout"),
        answer(failed="timeout"),
        answer(failed="timeout", of="backup-gateway"),
    ]
    by_file = host(lines=[("10.0.1.27", GATEWAY.host)])
    observations: Observations = [by_file, imds(), *silent, lookup("10.0.1.27", of="backup-gateway")]
    [finding] = findings_of(DNS004, evidence(observations, targets=[BACKUP, GATEWAY]))
    assert finding.evidence == ("dns/backup/getaddrinfo", "dns/backup/10.0.0.2/A", "dns/backup-gateway/10.0.0.2/A")
    of_another_name: Observations = [host(lines=[("10.0.1.27", BACKUP.host)]), *observations[1:]]
    assert findings_of(DNS004, evidence(of_another_name, targets=[BACKUP, GATEWAY])) == []
    beside = [*observations[:-1], lookup("10.0.1.27", "10.0.1.28", of="backup-gateway")]
    assert findings_of(DNS004, evidence(beside, targets=[BACKUP, GATEWAY])) == []
    all_by_file: Observations = [
        by_file,
        answer(failed="timeout", of="backup-gateway"),
        lookup("10.0.1.27", of="backup-gateway"),
    ]
    assert findings_of(DNS004, evidence(all_by_file, targets=[GATEWAY])) == []


STUB: Final = "127.0.0.53"
OTHER: Final = "10.9.0.54"


@pytest.mark.parametrize(
    ("servers", "behind", "words_of_them", "dead"),
    [
        pytest.param(
            [STUB],
            [answer(by=CORPORATE, failed="timeout"), answer(*PRIVATE, by=OTHER)],
            f"{CORPORATE} gives no answer, and {OTHER} answers.",
            CORPORATE,
            id="the first of them",
        ),
        pytest.param(
            [STUB],
            [answer(by=CORPORATE, failed="timeout"), answer(by=OTHER, failed="refused")],
            f"{CORPORATE} and {OTHER} give no answer.",
            f"{CORPORATE} and {OTHER}",
            id="both of them",
        ),
        pytest.param(
            [STUB], [answer(*PRIVATE, by=CORPORATE), answer(failed="servfail", by=OTHER)], None, None, id="neither"
        ),
        pytest.param([STUB], [], None, None, id="none was asked"),
        pytest.param(
            [RESOLVER],
            [answer(by=CORPORATE, failed="timeout")],
            None,
            None,
            id="of a cache that this host does not ask",
        ),
    ],
)
def test_dns004_names_the_silent_servers_behind_a_cache(
    servers: list[str], behind: Observations, words_of_them: str | None, dead: str | None
) -> None:
    silent: Observations = [lookup(failed="timeout"), *(answer(by=server, failed="timeout") for server in servers)]
    here = host(resolvers=servers, upstream=[CORPORATE, OTHER])
    [finding] = findings_of(DNS004, evidence([here, imds(), *silent, *behind]))
    assert ("that it asks in turn" in finding.detail) is (words_of_them is not None)
    assert finding.detail.endswith(words_of_them or "asked twice).")
    assert finding.fix.summary.startswith(f"Fix {dead}, or" if dead else "Fix the path")
    assert (("resolvectl", "status") in [command.argv for command in finding.fix.commands]) is (dead is not None)
    assert {observation.id for observation in behind if dead} <= set(finding.evidence)


@pytest.mark.parametrize("region", [REGION, None])
def test_dns004_names_the_region_and_where_the_cli_works(region: str | None) -> None:
    observations = [*HERE, lookup(failed="timeout"), answer(failed="timeout")]
    [finding] = findings_of(DNS004, evidence(observations, of=run(region=region)))
    assert f"--region {region or '<REGION>'} --vpc-id <VPC_ID>" in words(finding.fix.commands)[-1]
    assert well_formed(finding) == 1
    assert "from a machine with EC2 access" in finding.fix.summary


def test_dns004_needs_dns() -> None:
    assert not_evaluated("DNS004", HERE) == {"backup": "no dns step was made"}


# --- DNS005, DNS006, DNS008, DNS011: what is looked for --------------------------------------------------------------


def test_dns005_looks_for_a_forwarding_rule() -> None:
    [finding] = findings_of(DNS005, evidence([*HERE, lookup(failed="servfail"), answer(failed="servfail")]))
    assert words(finding.fix.commands)[1:] == [
        f"aws route53resolver list-resolver-rule-associations --region {REGION} --filters Name=VPCId,Values=<VPC_ID>",
        f"aws route53resolver get-resolver-rule --region {REGION} --resolver-rule-id <RESOLVER_RULE_ID>",
    ]
    assert well_formed(finding) == 2


def test_dns006_looks_for_a_zone_and_a_firewall_rule_and_at_no_endpoint() -> None:
    [finding] = findings_of(DNS006, evidence([*HERE, lookup(failed="nodata"), answer()]))
    assert [command.argv[2] for command in finding.fix.commands] == [
        "list-hosted-zones-by-vpc",
        "list-firewall-rule-group-associations",
    ]
    assert well_formed(finding) == 2
    assert "record type" not in finding.fix.summary


def test_addresses_of_ones_own_public_range_have_a_way_out() -> None:
    mixed = [*HERE, lookup("10.0.1.17", PUBLIC)]
    six = [*BOTH, lookup("10.0.1.17", PUBLIC_IPV6)]
    for rule, observations, block in ((DNS008, mixed, "52.95.111.0/24"), (DNS011, six, "2600:1fff:8000::/48")):
        [finding] = findings_of(rule, evidence(observations))
        assert "--private-cidr" in finding.fix.summary
        assert findings_of(rule, evidence(observations, of=run(private_cidrs=[block]))) == []


# --- DNS012 nat64-answer ---------------------------------------------------------------------------------------------


def test_dns012_of_a_public_address_is_repaired_as_dns001() -> None:
    observations = [*HERE, host("64:ff9b:1::5/64"), lookup("64:ff9b::345f:6f1e")]
    [translated] = findings_of(DNS012, evidence(observations))
    [public] = findings_of(DNS001, evidence(observations))
    assert translated.fix == public.fix


@pytest.mark.parametrize(
    ("inside", "expect"),
    [
        pytest.param("64:ff9b::a00:111", Expect.PRIVATE, id="private"),
        pytest.param("64:ff9b::345f:6f1e", Expect.ANY, id="public, which is not a fault"),
    ],
)
def test_dns012_else_lets_the_nat_gateway_in(inside: str, expect: Expect) -> None:
    observations = [*HERE, host("64:ff9b:1::5/64"), lookup(inside)]
    [finding] = findings_of(DNS012, evidence(observations, of=run(expect=expect)))
    [admitted] = [
        command.argv for command in finding.fix.commands if command.argv[2] == "authorize-security-group-ingress"
    ]
    assert admitted[-4:] == ("--port", "443", "--cidr", "<NAT_ADDRESS>/32")
    assert well_formed(finding) == 3


# --- DNS016 resolver-degraded ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        pytest.param(answer(by=CORPORATE, failed="timeout"), "stall whenever it is asked first", id="silence"),
        pytest.param(
            answer(by=CORPORATE, failed="timeout", seconds=0.5), "stall whenever it is asked first", id="a short limit"
        ),
        pytest.param(answer(PUBLIC, by=CORPORATE, seconds=1.0), "stall whenever it is asked first", id="slow"),
        pytest.param(
            answer(by=CORPORATE, failed="servfail", seconds=2.0), "stall whenever it is asked first", id="slow to fail"
        ),
        pytest.param(answer(by=CORPORATE, failed="servfail"), "have to ask another", id="SERVFAIL at once"),
        pytest.param(answer(by=CORPORATE, failed="dns-refused"), "have to ask another", id="REFUSED at once"),
        pytest.param(answer(by=CORPORATE, failed="refused"), "have to ask another", id="nothing listens there"),
    ],
)
def test_dns016_says_whether_look_ups_wait(bad: Observation[DnsFacts], what: str) -> None:
    observations: Observations = [
        host(resolvers=[CORPORATE, RESOLVER]),
        imds(),
        lookup(*PRIVATE),
        bad,
        answer(*PRIVATE),
    ]
    [finding] = findings_of(DNS016, evidence(observations))
    assert finding.target == CORPORATE
    assert what in finding.detail
    assert ("stall" in finding.detail) is ("stall" in what)


def test_dns016_leads_to_where_the_servers_come_from() -> None:
    known: Observations = [host(resolvers=[CORPORATE, RESOLVER]), imds(), lookup(*PRIVATE), answer(*PRIVATE)]
    [finding] = findings_of(DNS016, evidence([*known, answer(by=CORPORATE, failed="timeout")]))
    assert words(finding.fix.commands)[:2] == ["resolvectl status", "nmcli device show"]
    assert not any("/etc/resolv.conf" in command.argv for command in finding.fix.commands)
    assert well_formed(finding) == 2
    assert "generated" in finding.fix.summary


@pytest.mark.parametrize(
    ("servers", "answers", "detail"),
    [
        pytest.param(
            [RESOLVER],
            [answer(*PRIVATE), answer(record="AAAA", failed="timeout")],
            f"{RESOLVER} loses some questions of this host: it gives no answer for AAAA records (timeout after 3.0 s, "
            "asked twice), and answers others.",
            id="one server, for one record type",
        ),
        pytest.param(
            [CORPORATE, RESOLVER],
            [answer(*PRIVATE, by=CORPORATE), answer(record="AAAA", by=CORPORATE, failed="timeout"), answer(*PRIVATE)],
            f"Of this host's name servers {CORPORATE} does not do its work for AAAA records (timeout, after 3.0 s) "
            f"while {RESOLVER} answers",
            id="one of two, for one record type",
        ),
        pytest.param(
            [CORPORATE, RESOLVER],
            [answer(by=CORPORATE, failed="timeout"), answer(*PRIVATE)],
            f"{CORPORATE} does not do its work (timeout, after 3.0 s) while {RESOLVER} answers",
            id="one of two, for all",
        ),
    ],
)
def test_dns016_names_the_server_and_the_records(servers: list[str], answers: Observations, detail: str) -> None:
    [finding] = findings_of(DNS016, evidence([host(resolvers=servers), imds(), lookup(*PRIVATE), *answers]))
    assert finding.target == servers[0]
    assert detail in finding.detail


@pytest.mark.parametrize(
    "observations",
    [
        pytest.param([lookup(*PRIVATE), answer(*PRIVATE), answer(record="AAAA")], id="one server answers all"),
        pytest.param([lookup(*PRIVATE), answer(failed="timeout")], id="one server answers nothing"),
        pytest.param([lookup(*PRIVATE), answer(*PRIVATE, seconds=1.5), answer(record="AAAA")], id="one server is slow"),
        pytest.param(
            [lookup(*PRIVATE), answer(*PRIVATE), answer(record="AAAA", failed="servfail")], id="one server fails"
        ),
        pytest.param(
            [lookup(failed="timeout"), answer(*PRIVATE), answer(record="AAAA", failed="timeout")],
            id="the lookup runs out of time",
        ),
        pytest.param([answer(*PRIVATE), answer(record="AAAA", failed="timeout")], id="not looked up"),
    ],
)
def test_dns016_stays_silent(observations: Observations) -> None:
    assert findings_of(DNS016, evidence([*HERE, *observations])) == []


def test_dns016_a_name_of_the_hosts_file_waits_for_no_server() -> None:
    by_file = host(lines=[(PRIVATE[0], BACKUP.host)])
    lost: Observations = [lookup(PRIVATE[0]), answer(*PRIVATE), answer(record="AAAA", failed="timeout")]
    assert findings_of(DNS016, evidence([by_file, imds(), *lost])) == []
    assert len(findings_of(DNS016, evidence([*HERE, *lost]))) == 1


# --- DNS003, DNS006: by a cache on this host --------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["127.0.0.53", "127.0.0.1"])
@pytest.mark.parametrize(("rule", "failed"), [(DNS003, "nxdomain"), (DNS006, None)])
def test_a_cache_on_this_host_is_named_where_it_alone_was_heard(server: str, rule: Rule, failed: str | None) -> None:
    looked_up = lookup(failed="nxdomain" if failed else "nodata")
    seen: Observations = [host(resolvers=(server,)), imds(), looked_up, answer(by=server, failed=failed)]
    for beyond, is_named in ((None, True), (answer(by=VPC_RESOLVER, failed="timeout"), True)):
        [finding] = findings_of(rule, evidence([*seen, *filter(None, [beyond])]))
        assert (f"A cache or stub on this host says so, at {server}" in finding.detail) is is_named
    [finding] = findings_of(rule, evidence([*seen, answer(by=VPC_RESOLVER, failed=failed)]))
    assert "cache" not in finding.detail


def test_a_server_of_the_network_is_no_cache() -> None:
    [finding] = findings_of(DNS003, evidence([*HERE, lookup(failed="nxdomain"), answer(failed="nxdomain")]))
    assert "cache" not in finding.detail


# --- DNS012 beside other addresses -----------------------------------------------------------------------------------

NAT64: Final = "64:ff9b::a00:111"


@pytest.mark.parametrize(
    ("by_ipv4", "by_nat64", "codes"),
    [
        pytest.param(None, "timeout", ["DNS012"], id="without NAT64 it connects"),
        pytest.param(None, "refused", ["DNS012"], id="without NAT64 it connects, and NAT64 refuses"),
        pytest.param("timeout", "timeout", ["TCP001", "DNS012"], id="nothing connects"),
        pytest.param("timeout", None, ["TCP002", "DNS012"], id="by NAT64 alone"),
        pytest.param(None, None, ["DNS012"], id="both connect"),
    ],
)
def test_a_nat64_address_is_no_broken_family(by_ipv4: str | None, by_nat64: str | None, codes: list[str]) -> None:
    observations: Observations = [
        *(host("10.0.1.10/24", "2600:1f18:0:1::10/64"), imds(), lookup(PRIVATE[0], NAT64)),
        *(answer(PRIVATE[0]), answer(NAT64)),
        *(tcp(PRIVATE[0], failed=by_ipv4), tcp(NAT64, failed=by_nat64)),
    ]
    found = {finding.code: finding for finding in diagnose(evidence(observations)).findings}
    assert [code for code in found if code in ("TCP001", "TCP002", "TCP008", "DNS012")] == codes
    is_warning = by_ipv4 is None and by_nat64 is not None
    assert found["DNS012"].severity is (Severity.WARNING if is_warning else Severity.INFO)
    assert (f"tcp/backup/{NAT64}/443" in found["DNS012"].evidence) is is_warning


# --- Together -------------------------------------------------------------------------------------------------------

AT_PUBLIC: Observations = [*here("backup", PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER), *climbed(PUBLIC)]
"""All is well at a public address, and the VPC's resolver gives private ones."""


@pytest.mark.parametrize(
    ("code", "symptom", "observations"),
    [
        pytest.param(
            "ENV009",
            "DNS002",
            replaced(AT_PUBLIC, host(lines=[(PUBLIC, BACKUP.host)]), answer(*PRIVATE)),
            id="a line of the hosts file",
        ),
        pytest.param(
            "DNS007",
            "DNS001",
            # The alias led to another address than the one in use, so AWS's answer there proves nothing about it.
            [*here("backup", PUBLIC), answer("52.95.111.31", alias="override.example.com"), *climbed(PUBLIC)],
            id="an override",
        ),
        pytest.param("DNS015", "DNS002", replaced(AT_PUBLIC, answer(*PRIVATE)), id="another answer than DNS's"),
    ],
)
def test_a_public_path_is_not_ok_for_a_cause_that_is_suppressed(
    code: str, symptom: str, observations: Observations
) -> None:
    loud = judge_evidence(evidence(observations))
    assert finding(loud, f"{symptom}@backup").explained_by == f"{code}@backup"
    assert status_of(loud) is Status.CRITICAL
    quiet = judge_evidence(evidence(observations), suppress=[Suppression(code=code, target=None)])
    assert finding(quiet, f"{code}@backup").suppressed
    assert not finding(quiet, f"{symptom}@backup").suppressed
    assert status_of(quiet) is Status.UNKNOWN
    assert quiet.verdict.status is Status.UNKNOWN
    [target] = quiet.targets
    assert target.unproven == (f"{PUBLIC} is public, where private was expected",)


# --- Cases of single rules --------------------------------------------------------------------------------------------

A, B = PRIVATE
OVERRIDE: Final = "override.example.com"


def hosts_file(address: str) -> Observation[HostFacts]:
    """This host with a line of its own for the name."""
    seen = host()
    assert isinstance(seen.outcome, Ok)
    line = HostsEntry(address=ip_address(address), names=(HOST,))
    return replace(seen, outcome=Ok(replace(seen.outcome.facts, hosts_entries=(line,))))


def appliance(label: str, failed: str | None, *addresses: str) -> Observation[LookupFacts]:
    """The host's own lookup of a name that a gateway appliance uses."""
    return lookup(*addresses, of="backup-gateway", failed=failed, operation=f"{APPLIANCE}{label}")


def searching(*options: str) -> Observation[HostFacts]:
    """This host with a search list, and these options of resolv.conf; without any it asks for the name first."""
    seen = host()
    assert isinstance(seen.outcome, Ok)
    return replace(seen, outcome=Ok(replace(seen.outcome.facts, search=SEARCH, resolver_options=options)))


def completed(*addresses: str, place: int = 1, failed: str | None = None) -> Observation[LookupFacts]:
    """The lookup of the name completed by the search domain at this place of the list."""
    return lookup(*addresses, failed=failed, operation=SEARCH_DOMAINS[place])


SEARCH: Final = ("team.svc.cluster.local", "corp.example.com")
FIRST: Final = searching("ndots:5")
NOT_IN_FIRST: Final = completed(failed="nxdomain", place=0)


CASES_THAT_FIRE = [
    fires(
        "DNS006",
        "of both families",
        [host(), lookup(failed="nodata"), answer(record="A"), answer(record="AAAA")],
        detail=f"{HOST} exists for this host and has no address, IPv4 or IPv6.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A", f"dns/backup/{RESOLVER}/AAAA"],
    ),
    fires(
        "DNS007",
        "to a name of somebody else's",
        [*here("backup", A), answer(A, alias=OVERRIDE)],
        at=[A],
        detail=f"{HOST} has a CNAME to {OVERRIDE}, which is not one of backup's names; {RESOLVER} says so.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A"],
    ),
    fires(
        "DNS007",
        "is information where AWS answers there",
        [*here("backup", A, B), answer(A, B, alias=OVERRIDE), http(B)],
        at=[A, B],
        severity=Severity.INFO,
        detail=f"{RESOLVER} says so. AWS answers there.",
    ),
    fires(
        "DNS007",
        "is information where AWS answers the signed call there",
        [*here("backup", A), answer(A, alias=OVERRIDE), api(A, failed="access-denied")],
        severity=Severity.INFO,
    ),
    fires(
        "DNS007",
        "and AWS answers elsewhere alone",
        [
            *here("backup", A, B),
            host(resolvers=(RESOLVER, CORPORATE)),
            answer(A, alias=OVERRIDE),
            answer(B, by=CORPORATE),
            http(B),
        ],
        at=[A],
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A"],
    ),
    fires(
        "DNS007",
        "to an address that this host does not use, whoever answers there",
        [*here("backup", A), answer(B, alias=OVERRIDE), http(B)],
        at=[],
    ),
    fires(
        "DNS007",
        "and somebody else answers there",
        [*here("backup", A), answer(A, alias=OVERRIDE), answered(A, failed="not-aws", request_id=None)],
        at=[A],
    ),
    fires(
        "DNS007",
        "by both servers, each to a name of its own",
        [
            *here("backup", A),
            host(resolvers=(RESOLVER, CORPORATE)),
            answer(A, alias=OVERRIDE),
            answer(A, by=CORPORATE, alias="block.example.com"),
        ],
        detail=f"to block.example.com and {OVERRIDE}, which is not one of backup's names; {RESOLVER} and {CORPORATE} "
        "say so.",
    ),
    fires(
        "DNS007",
        "leaves a look-up that failed to what names the failure",
        [host(), lookup(failed="nxdomain"), answer(failed="nxdomain", alias=OVERRIDE)],
        at=[],
        shows=[f"dns/backup/{RESOLVER}/A"],
    ),
    *(
        fires("DNS007", f"to {name}", [*here("backup", A), answer(A, alias=name)], at=[A])
        for name in (
            "vpce-0a1b2c3d4e5f67890-abcdefgh.s3.eu-west-1.vpce.amazonaws.com",
            "backup.eu-west-1.amazonaws.com.example.com",
            "backup.notamazonaws.com",
        )
    ),
    fires(
        "DNS008",
        "by IPv4",
        gave(A, PUBLIC),
        at=[PUBLIC],
        detail=f"gives {A}, which are private, and {PUBLIC}, which are not",
    ),
    fires("DNS008", "by IPv6", gave(A, PRIVATE_6, PUBLIC_6), at=[PUBLIC_6]),
    fires(
        "DNS009",
        "beside an address inside",
        here("backup", A, OUTSIDE),
        at=[OUTSIDE],
        detail=f"{HOST} resolves to {OUTSIDE}, private and outside this VPC (10.0.0.0/16), and AWS has not answered "
        "there: an endpoint in another VPC (peering, transit gateway, Route 53 Profile), or a record of one that is "
        "gone.",
        shows=["dns/backup/getaddrinfo"],
    ),
    fires(
        "DNS009", "by IPv6", gave("fd12::17"), at=["fd12::17"], detail="outside this VPC (10.0.0.0/16 and fd00::/56)"
    ),
    fires(
        "DNS009",
        "at the one of two where AWS did not answer",
        [*here("backup", OUTSIDE, "10.99.0.2"), http(OUTSIDE)],
        at=["10.99.0.2"],
    ),
    fires(
        "DNS009",
        "where somebody else answers",
        [*here("backup", OUTSIDE), answered(OUTSIDE, failed="not-aws", request_id=None)],
        at=[OUTSIDE],
    ),
    fires("DNS010", "loopback", gave("127.0.0.1"), at=["127.0.0.1"], detail="127.0.0.1, which no endpoint can have."),
    fires("DNS010", "unspecified", gave("0.0.0.0"), at=["0.0.0.0"]),  # noqa: S104 - an answer, nothing listens,
    fires("DNS010", "link-local", gave("169.254.7.7"), at=["169.254.7.7"]),
    fires("DNS010", "documentation", gave("192.0.2.1", A), at=["192.0.2.1"]),
    fires("DNS010", "inside NAT64", gave("64:ff9b::7f00:1"), at=["64:ff9b::7f00:1"]),
    fires(
        "DNS010",
        "by the hosts file",
        [hosts_file("127.0.0.1"), lookup("127.0.0.1")],
        at=["127.0.0.1"],
        detail="The hosts file says so.",
    ),
    fires("DNS011", "and no private IPv6", gave(A, PUBLIC_6), at=[PUBLIC_6], detail=f"public by IPv6 ({PUBLIC_6})"),
    fires(
        "DNS012",
        "of a public address",
        gave("64:ff9b::345f:6f1e"),
        severity=Severity.WARNING,
        detail="64:ff9b::345f:6f1e, made by DNS64",
    ),
    fires("DNS012", "of a private one", gave("64:ff9b::a00:111"), severity=Severity.INFO),
    fires(
        "DNS014",
        "two of four",
        [
            *here("backup-gateway", A),
            appliance("anon-cp", "nxdomain"),
            appliance("client-cp", None, PUBLIC),
            appliance("dp-1", "nodata"),
            appliance("proxy-app", "timeout"),
        ],
        targets=[GATEWAY],
        about="backup-gateway",
        at=[],
        detail="Private DNS is in effect for backup-gateway.eu-west-1.amazonaws.com, and "
        "anon-cp.backup-gateway.eu-west-1.amazonaws.com and dp-1.backup-gateway.eu-west-1.amazonaws.com do not exist "
        "here. An appliance that was activated against the public endpoint needs them;",
        shows=["dns/backup-gateway/appliance-anon-cp", "dns/backup-gateway/appliance-dp-1"],
    ),
    fires(
        "DNS014",
        "one",
        [*here("backup-gateway", A), appliance("proxy-app", "nxdomain")],
        targets=[GATEWAY],
        about="backup-gateway",
        detail="and proxy-app.backup-gateway.eu-west-1.amazonaws.com does not exist here.",
    ),
    fires(
        "DNS017",
        "too many addresses, of one name server that gives them",
        [host(), lookup(failed="too-large"), answer(failed="dns-malformed"), answer(A, by=VPC_RESOLVER)],
        detail=f"This host cannot use the answer for {HOST}: it said too-large. {RESOLVER} gives it. No address",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A"],
    ),
    fires(
        "DNS017",
        "an answer at odds with itself, of nobody who was asked",
        [host(), lookup(failed="dns-malformed"), answer(A)],
        detail=f"This host cannot use the answer for {HOST}: it said dns-malformed. No address of it was measured.",
        shows=["dns/backup/getaddrinfo"],
    ),
    fires(
        "DNS020",
        "a private address",
        gave(A),
        of=run(expect=Expect.PUBLIC),
        at=[A],
        detail=f"This host resolves {HOST} to {A}, on the private path, and a public one is expected",
        shows=["dns/backup/getaddrinfo"],
    ),
    fires("DNS020", "one beside a public one", gave(A, PUBLIC), of=run(expect=Expect.PUBLIC), at=[A], detail=A),
    fires(
        "DNS019",
        "refused",
        [host(), lookup(failed="servfail"), answer(failed="refused", cut=True), answer(by=CORPORATE, failed="timeout")],
        about=RESOLVER,
        detail=f"The answer for A records of {HOST} is truncated by UDP, and no connection to TCP port 53 comes about: "
        f"{RESOLVER} (refused after 12 ms).",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A"],
    ),
    fires(
        "DNS019",
        "silent",
        [host(), lookup(failed="timeout"), answer(failed="timeout", cut=True)],
        about=RESOLVER,
        detail=f"{RESOLVER} (timeout after 3.0 s).",
    ),
    fires(
        "DNS018",
        "another address than the name itself has",
        [FIRST, lookup(OUTSIDE), answer(A), lookup(A, operation=WITHOUT_SEARCH), NOT_IN_FIRST, completed(OUTSIDE)],
        at=[OUTSIDE],
        detail=f"get {OUTSIDE} for {HOST}; with a final dot, which no search list completes, the name gives {A}. The "
        "search domains of resolv.conf are asked before the name itself (options ndots:5), and corp.example.com "
        "answers.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{WITHOUT_SEARCH}", f"dns/backup/{SEARCH_DOMAINS[1]}"],
    ),
    fires(
        "DNS018",
        "an address where the name itself has none",
        [FIRST, lookup(OUTSIDE), lookup(failed="nxdomain", operation=WITHOUT_SEARCH), completed(OUTSIDE)],
        at=[OUTSIDE],
        detail="the name has no address.",
    ),
    fires(
        "DNS018",
        "answers that rotate",
        [FIRST, lookup(OUTSIDE), answer(A), lookup(A, operation=WITHOUT_SEARCH), completed("10.50.0.6")],
        at=[OUTSIDE],
        detail="corp.example.com answers.",
    ),
    *(
        fires(
            "DNS018",
            f"a lookup that ends {failed}, as at a search domain",
            [FIRST, lookup(failed=failed), answer(A), lookup(A, operation=WITHOUT_SEARCH), completed(failed=failed)],
            at=[],
            detail=f"get no address (it said {failed}) for {HOST}; with a final dot, which no search list completes, "
            f"the name gives {A}. The search domains of resolv.conf are asked before the name itself (options "
            "ndots:5), and the lookup ends so at corp.example.com.",
            shows=["dns/backup/getaddrinfo", f"dns/backup/{WITHOUT_SEARCH}", f"dns/backup/{SEARCH_DOMAINS[1]}"],
        )
        for failed in ("too-large", "timeout", "servfail")
    ),
    fires(
        "DNS018",
        "a lookup that ends beyond reason, after the name itself",
        [
            searching(),
            lookup(failed="too-large"),
            lookup(failed="nxdomain", operation=WITHOUT_SEARCH),
            completed(failed="too-large"),
        ],
        at=[],
        detail="are asked, too, where the name itself has no address, and the lookup ends so at corp.example.com.",
    ),
    *(
        fires(
            "DNS018",
            f"the name itself first, and {failed} for it",
            [searching(), lookup(OUTSIDE), lookup(failed=failed, operation=WITHOUT_SEARCH), completed(OUTSIDE)],
            at=[OUTSIDE],
            detail="are asked, too, where the name itself has no address, and corp.example.com answers.",
        )
        for failed in ("nxdomain", "nodata", "servfail", "timeout")
    ),
    fires(
        "DNS003",
        "a lookup without a reason, which all name servers give",
        [host(), lookup(failed="servfail"), answer(failed="nxdomain"), answer(failed="nxdomain", record="AAAA")],
        detail=f"{HOST} does not exist for this host.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A", f"dns/backup/{RESOLVER}/AAAA"],
    ),
    fires(
        "DNS006",
        "a lookup without a reason, which all name servers give",
        [host(), lookup(failed="nxdomain"), answer(record="A"), answer(record="AAAA")],
        detail="exists for this host and has no address",
    ),
    fires(
        "DNS015",
        "a lookup that fails where this host's name servers give public addresses",
        [host(), lookup(failed="nxdomain"), answer(PUBLIC)],
        severity=Severity.CRITICAL,
        detail=f"resolves to no address (it said nxdomain), while its name servers give {PUBLIC}.",
    ),
]
CASES_OF_SILENCE = [
    silent("DNS006", "one family is there", [host(), lookup(A), answer(A), answer(record="AAAA")]),
    silent("DNS006", "no such name", [host(), lookup(failed="nxdomain"), answer(failed="nxdomain")]),
    silent("DNS006", "not looked up", [host(), answer(record="A")]),
    silent(
        "DNS006",
        "the server fails for one family and has no address of the other, which is DNS005",
        [host(), lookup(failed="nodata"), answer(failed="servfail"), answer(record="AAAA")],
    ),
    silent("DNS007", "no CNAME", here("backup", A)),
    *(
        silent("DNS007", f"to {name}", [*here("backup", A), answer(A, alias=name)])
        for name in (VPCE.host, DUAL_STACK, "Backup.EU-West-1.AmazonAWS.com.", "alias.amazonaws.com.cn")
    ),
    silent(
        "DNS007",
        "a host that the operator named",
        [*here(CUSTOM.id, A), answer(A, of=CUSTOM.id, alias=OVERRIDE)],
        targets=[CUSTOM],
    ),
    silent("DNS007", "another server's alone", [*here("backup", A), answer(A, by=CORPORATE, alias=OVERRIDE)]),
    silent("DNS007", "not looked up", [host(), answer(A, alias=OVERRIDE)]),
    silent("DNS008", "all private", gave(A, B)),
    silent("DNS008", "all public", gave(PUBLIC)),
    silent("DNS008", "of two families", gave(A, PUBLIC_6)),
    silent("DNS008", "public is not a fault", gave(A, PUBLIC), of=run(expect=Expect.ANY)),
    silent("DNS008", "a resolver's alone", [*gave(A), answer(A, PUBLIC, by=CORPORATE)]),
    silent("DNS008", "not looked up", [BOTH_FAMILIES, answer(A, PUBLIC)]),
    silent("DNS009", "inside", here("backup", A)),
    silent("DNS009", "AWS answers there", [*here("backup", OUTSIDE), http(OUTSIDE)]),
    silent(
        "DNS009", "AWS answers the signed call there", [*here("backup", OUTSIDE), api(OUTSIDE, failed="access-denied")]
    ),
    silent("DNS009", "public", here("backup", PUBLIC)),
    silent("DNS009", "said to be private", here("backup", OUTSIDE), of=run(private_cidrs=["10.99.0.0/16"])),
    silent(
        "DNS009", "the VPC's IPv6 blocks are not known", [BOTH_FAMILIES, imds(), lookup("fd12::17"), answer("fd12::17")]
    ),
    silent("DNS009", "none of the VPC's blocks is known", [host(), imds(vpc=()), lookup(OUTSIDE)]),
    silent("DNS009", "metadata is silent", [host(), imds(failed="timeout"), lookup(OUTSIDE)]),
    silent("DNS009", "a family that this host lacks", gave(A, "fd12::17", seen=host())),
    silent("DNS009", "a resolver's alone", [*here("backup", A), answer(OUTSIDE, by=CORPORATE)]),
    silent("DNS010", "private", gave(A)),
    silent("DNS010", "public", gave(PUBLIC)),
    silent("DNS010", "a resolver's alone", [*gave(A), answer("127.0.0.1", by=CORPORATE)]),
    silent("DNS010", "said to be private", gave("192.0.2.1"), of=run(private_cidrs=["192.0.2.0/24"])),
    silent("DNS010", "not looked up", [BOTH_FAMILIES, answer("127.0.0.1")]),
    silent("DNS011", "private by both", gave(A, PRIVATE_6)),
    silent("DNS011", "public by both", gave(PUBLIC, PUBLIC_6)),
    silent("DNS011", "private IPv6 beside it is DNS008", gave(A, PRIVATE_6, PUBLIC_6)),
    silent("DNS011", "made by DNS64", gave(A, "64:ff9b::345f:6f1e")),
    silent("DNS011", "a host without IPv6", gave(A, PUBLIC_6, seen=host())),
    silent("DNS011", "public is not a fault", gave(A, PUBLIC_6), of=run(expect=Expect.ANY)),
    silent(
        "DNS011", "the VPC's IPv6 blocks are not known", [BOTH_FAMILIES, imds(failed="timeout"), lookup(A, PUBLIC_6)]
    ),
    silent("DNS011", "not looked up", [BOTH_FAMILIES, ELSEWHERE, answer(PUBLIC_6)]),
    silent("DNS012", "another prefix", gave("fd00:64::a00:111")),
    silent("DNS012", "a host without IPv6", gave("64:ff9b::345f:6f1e", seen=host())),
    silent("DNS012", "not looked up", [BOTH_FAMILIES, answer("64:ff9b::345f:6f1e")]),
    silent(
        "DNS014",
        "the names exist",
        [*here("backup-gateway", A), appliance("anon-cp", None, PUBLIC)],
        targets=[GATEWAY],
    ),
    *(
        silent(
            "DNS014",
            f"nobody says that they do not ({kind})",
            [*here("backup-gateway", A), appliance("anon-cp", kind)],
            targets=[GATEWAY],
        )
        for kind in ("timeout", "servfail", "deadline")
    ),
    silent(
        "DNS014",
        "private DNS is not in effect",
        [*here("backup-gateway", PUBLIC), appliance("anon-cp", "nxdomain")],
        targets=[GATEWAY],
    ),
    silent(
        "DNS014",
        "the gateway's own name does not exist either",
        [host(), lookup(of="backup-gateway", failed="nxdomain"), appliance("anon-cp", "nxdomain")],
        targets=[GATEWAY],
    ),
    silent("DNS014", "not looked up", here("backup-gateway", A), targets=[GATEWAY]),
    silent("DNS017", "as many as are measured", gave(*(f"10.0.1.{host}" for host in range(17, 41)))),
    silent("DNS017", "no answer that can be read, which is DNS005", [host(), lookup(failed="servfail")]),
    silent("DNS017", "a name server's alone", [*gave(A), answer(by=CORPORATE, failed="dns-malformed")]),
    silent(
        "DNS003",
        "one of two answers is another",
        [
            host(),
            lookup(failed="servfail"),
            answer(failed="nxdomain"),
            answer(by=CORPORATE, failed="nxdomain"),
            answer(record="AAAA"),
        ],
    ),
    silent(
        "DNS015",
        "a name server that failed may be why",
        [host(), lookup(failed="servfail"), answer(PUBLIC), answer(record="AAAA", failed="servfail")],
    ),
    silent(
        "DNS018",
        "rotation",
        [FIRST, lookup(B), answer(A, B), lookup(A, operation=WITHOUT_SEARCH), completed(OUTSIDE)],
    ),
    silent(
        "DNS018",
        "AWS answers",
        [FIRST, lookup(B), http(B), answer(A), lookup(A, operation=WITHOUT_SEARCH), completed(B)],
    ),
    silent(
        "DNS018",
        "a cache: no search domain has the name",
        [FIRST, lookup(B), answer(A), lookup(A, operation=WITHOUT_SEARCH), completed(failed="nxdomain")],
    ),
    silent(
        "DNS018",
        "a search domain has what the name itself has",
        [FIRST, lookup(B), answer(A), lookup(A, operation=WITHOUT_SEARCH), completed(A)],
    ),
    silent(
        "DNS018",
        "the search domains were not asked, as where the hosts file has the name",
        [FIRST, lookup(B), answer(A), lookup(A, operation=WITHOUT_SEARCH)],
    ),
    silent("DNS018", "not looked up without it", [FIRST, lookup(B), answer(A), completed(B)]),
    silent(
        "DNS018",
        "the name itself fails so, too",
        [
            FIRST,
            lookup(failed="timeout"),
            lookup(failed="timeout", operation=WITHOUT_SEARCH),
            completed(failed="timeout"),
        ],
    ),
    silent(
        "DNS018",
        "no search domain fails so",
        [FIRST, lookup(failed="timeout"), lookup(A, operation=WITHOUT_SEARCH), completed(failed="servfail")],
    ),
    silent(
        "DNS018",
        "no name is there, which a search domain does not decide",
        [FIRST, lookup(failed="nxdomain"), lookup(A, operation=WITHOUT_SEARCH), completed(failed="nxdomain")],
    ),
    silent(
        "DNS018",
        "a lookup that the deadline cut",
        [FIRST, lookup(failed="deadline"), lookup(A, operation=WITHOUT_SEARCH), completed(failed="deadline")],
    ),
    silent("DNS019", "silent by UDP", [host(), lookup(failed="timeout"), answer(failed="timeout")]),
    silent("DNS019", "another server answered", [host(), lookup(A), answer(failed="refused", cut=True)]),
    silent(
        "DNS019",
        "no server of this host",
        [host(), lookup(failed="servfail"), answer(by=CORPORATE, failed="refused", cut=True)],
    ),
    silent(
        "DNS019",
        "an answer of its own by TCP",
        [host(), lookup(failed="nxdomain"), answer(failed="nxdomain", cut=True)],
    ),
    silent("DNS019", "not looked up", [host(), answer(failed="refused", cut=True)]),
    silent("DNS020", "a private path is expected", gave(A)),
    silent("DNS020", "any path is expected", gave(A), of=run(expect=Expect.ANY)),
    silent("DNS020", "public", gave(PUBLIC), of=run(expect=Expect.PUBLIC)),
    silent("DNS020", "a resolver's alone", [*gave(PUBLIC), answer(A, by=CORPORATE)], of=run(expect=Expect.PUBLIC)),
    silent("DNS020", "not looked up", [host(), answer(A)], of=run(expect=Expect.PUBLIC)),
    silent("DNS017", "not looked up", [host(), answer(failed="dns-malformed")]),
]


@pytest.mark.parametrize("case", CASES_THAT_FIRE)
def test_fires(case: Case) -> None:
    assert_fires(case)


@pytest.mark.parametrize("case", CASES_OF_SILENCE)
def test_silent(case: Case) -> None:
    assert_silent(case)


def test_a_rule_with_cases_has_both_kinds() -> None:
    assert codes_of(CASES_THAT_FIRE) == codes_of(CASES_OF_SILENCE)
