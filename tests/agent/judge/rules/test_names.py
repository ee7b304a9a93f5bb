"""DNS rules: cases in which each rule fires, the most similar case in which it does not, and the result if a step is
missing.
"""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.catalog.services import appliance_hosts
from agent.judge.diagnose import diagnose
from agent.judge.rules import names, resolvers
from agent.judge.rules.rule import Rule
from agent.judge.verdict import judge_evidence
from agent.report.model import Status
from agent.settings import Expect, Suppression
from probes.facts import DnsFacts, HostFacts, HostsEntry, LookupFacts
from probes.model import Addressing, Observation, Ok
from probes.operations import APPLIANCE, DUAL_STACK_NAME, SEARCH_DOMAINS, WITHOUT_SEARCH
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
    target,
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
"""A run in which this host uses a name server other than the VPC's."""
BOTH: Observations = [
    host("10.0.3.5/24", "2600:1f18:1234:5600::5/64"),
    imds(vpc=("10.0.0.0/16", "2600:1f18:1234:5600::/56")),
]
STUB: Final = "127.0.0.53"
OTHER: Final = "10.9.0.54"
GLOBAL_STS: Final = target("sts", host="sts.amazonaws.com", addressing=Addressing.GLOBAL)
VPC_IPV6 = "2600:1f18:1234:5600::17"
PUBLIC_IPV6 = "2600:1fff:8000::30"


def behind_cache(*answers: Observation[DnsFacts], asked: Sequence[str] = (STUB,)) -> Observations:
    """A lookup that runs out of time, and the answers of the servers behind a local cache."""
    silent = (answer(by=server, failed="timeout") for server in asked)
    return [host(resolvers=asked, upstream=[CORPORATE, OTHER]), imds(), lookup(failed="timeout"), *silent, *answers]


def not_evaluated(code: str, observations: Observations) -> dict[str | None, str]:
    seen = evidence(observations, targets=[BACKUP])
    return {missing.target: missing.reason for missing in diagnose(seen, RULES).not_evaluated if missing.code == code}


# --- DNS001 public-answer -------------------------------------------------------------------------------------------


CASES_THAT_FIRE = [
    fires(
        "DNS001",
        "the VPC's resolver gives it, too",
        [*HERE, lookup(PUBLIC), answer(PUBLIC), answer(PUBLIC, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS001",
        "the VPC's resolver is silent",
        [*ABROAD, lookup(PUBLIC), answer(PUBLIC, by=CORPORATE), answer(by=VPC_RESOLVER, failed="timeout")],
    ),
    fires("DNS001", "on premises", [host(resolvers=[CORPORATE]), lookup(PUBLIC)]),
    fires(
        "DNS001",
        "for the VPC's resolver the name does not exist",
        [*ABROAD, lookup(PUBLIC), answer(by=VPC_RESOLVER, failed="nxdomain")],
    ),
    fires(
        "DNS001",
        "two addresses are one finding",
        [*HERE, lookup(PUBLIC, "52.95.111.31"), answer(PUBLIC, "52.95.111.31", by=VPC_RESOLVER)],
    ),
    fires(
        "DNS001",
        "NAT64 with a public address inside",
        [*HERE, lookup("64:ff9b::345f:6f1e"), host("64:ff9b:1::5/64"), answer("64:ff9b::345f:6f1e")],
    ),
    fires(
        "DNS001",
        "a private address of the same family beside it",
        [*HERE, lookup(PUBLIC, "10.0.1.17"), answer(PUBLIC, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS001", "public IPv4 beside private IPv6", [*BOTH, lookup(PUBLIC, VPC_IPV6), answer(PUBLIC, by=VPC_RESOLVER)]
    ),
]


CASES_OF_SILENCE = [
    silent("DNS001", "this host gets private ones", [*HERE, lookup(*PRIVATE), answer(PUBLIC, by=VPC_RESOLVER)]),
    silent("DNS001", "the VPC's resolver disagrees", [*HERE, lookup(PUBLIC), answer("10.0.1.17", by=VPC_RESOLVER)]),
    silent("DNS001", "as does its second address", [*HERE, lookup(PUBLIC), answer("10.0.1.17", by=RESOLVER)]),
    silent("DNS001", "private outside the VPC", [*HERE, lookup("10.99.0.1")]),
    silent("DNS001", "the VPC's block is publicly routable", [host(), imds(vpc=("52.95.0.0/16",)), lookup(PUBLIC)]),
    silent("DNS001", "public of a family that this host does not have", [*HERE, lookup(PUBLIC_IPV6)]),
    silent("DNS001", "IPv6 of which nothing is known", [host("2600:1f18::5/64"), lookup(PUBLIC_IPV6)]),
    silent("DNS001", "loopback", [*HERE, lookup("127.0.0.1")]),
    silent("DNS001", "NAT64, private inside", [*HERE, lookup("64:ff9b::a00:111"), host("10.0.3.5/24", "fd00::5/64")]),
    silent("DNS001", "no such name", [*HERE, lookup(failed="nxdomain")]),
    silent(
        "DNS001",
        "public IPv6 beside private IPv4 is a lesser fault",
        [*BOTH, lookup("10.0.1.17", PUBLIC_IPV6), answer(by=VPC_RESOLVER, failed="timeout")],
    ),
]


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


CASES_THAT_FIRE += [
    fires("DNS001", "Backup, and nothing else is known", [*HERE, lookup(PUBLIC)]),
    fires("DNS001", "a host in another Region", [host(), imds(region="eu-central-1"), lookup(PUBLIC)]),
    fires("DNS001", "the global host of STS", [*HERE, lookup(PUBLIC, of=GLOBAL_STS.id)], targets=[GLOBAL_STS]),
    fires(
        "DNS001",
        "a service without an endpoint service",
        [*HERE, lookup(PUBLIC, of="backup-search")],
        targets=[target("backup-search")],
    ),
    *(
        fires(
            code,
            "on premises, beside a name that is forwarded",
            [
                *(host(ec2=False, resolvers=[CORPORATE]), imds(failed="timeout"), own),
                lookup(*PRIVATE, of="backup-storage"),
            ],
            targets=[BACKUP, target("backup-storage")],
        )
        for code, own in (("DNS001", lookup(PUBLIC)), ("DNS003", lookup(failed="nxdomain")))
    ),
    fires(
        "DNS001",
        "a gateway, whose private DNS stays off",
        [*HERE, lookup(PUBLIC, of="backup-gateway")],
        targets=[GATEWAY],
    ),
]


def test_dns001_needs_dns() -> None:
    assert not_evaluated("DNS001", HERE) == {"backup": "no dns step was made"}
    assert not_evaluated("DNS001", [*HERE, lookup(skipped="not started: interrupted")]) == {
        "backup": "not started: interrupted"
    }
    assert not_evaluated("DNS001", [*HERE, lookup(failed="deadline")]) == {"backup": "it said deadline"}
    assert not_evaluated("DNS001", [*HERE, lookup(PUBLIC)]) == {}


# --- DNS002 resolvers-disagree --------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires(
        "DNS002",
        "public here, private there",
        [*ABROAD, lookup(PUBLIC), answer(PUBLIC, by=CORPORATE), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires("DNS002", "no such name here", [*ABROAD, lookup(failed="nxdomain"), answer(*PRIVATE, by=VPC_RESOLVER)]),
    fires("DNS002", "the lookup fails here", [*ABROAD, lookup(failed="servfail"), answer(*PRIVATE, by=VPC_RESOLVER)]),
    fires(
        "DNS002",
        "public here, and nothing connects there",
        [
            *(*ABROAD, lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)),
            *(tcp(address, failed="timeout") for address in PRIVATE),
        ],
    ),
    fires(
        "DNS002",
        "public here, and one address connects there",
        [
            *(*ABROAD, lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)),
            *(tcp(PRIVATE[0], failed="timeout"), tcp(PRIVATE[1])),
        ],
    ),
    *(
        fires(
            "DNS002",
            f"name servers asked in turn: the other {name}",
            [
                *(host(resolvers=[RESOLVER, CORPORATE], options=["rotate"]), imds(), lookup(*PRIVATE)),
                *(answer(*PRIVATE), theirs),
            ],
        )
        for name, theirs in (
            ("gives public ones", answer(PUBLIC, by=CORPORATE)),
            ("says that there is no such name", answer(failed="nxdomain", by=CORPORATE)),
            ("adds a public one", answer(*PRIVATE, PUBLIC, by=CORPORATE)),
        )
    ),
    fires(
        "DNS002",
        "a name server that is only asked if the first fails gives public ones",
        [
            *(host(resolvers=[RESOLVER, CORPORATE]), imds(), lookup(*PRIVATE)),
            *(answer(*PRIVATE), answer(PUBLIC, by=CORPORATE)),
        ],
    ),
    fires(
        "DNS002",
        "name servers asked in turn: the VPC's own gives public ones",
        [
            *(host(resolvers=[CORPORATE, RESOLVER], options=["rotate"]), imds(), lookup(*PRIVATE)),
            *(answer(*PRIVATE, by=CORPORATE), answer(PUBLIC)),
        ],
    ),
    fires(
        "DNS002",
        "nothing is known of this host's name servers",
        [imds(), lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "a stale answer of this host, its own name server being the VPC's",
        [*HERE, lookup(PUBLIC), answer("10.0.1.17", by=RESOLVER)],
    ),
    fires(
        "DNS002",
        "an address that this host cannot use",
        [*ABROAD, lookup(PUBLIC_IPV6), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002", "public beside nonsense", [*ABROAD, lookup(PUBLIC, "127.0.0.1"), answer(*PRIVATE, by=VPC_RESOLVER)]
    ),
    fires(
        "DNS002",
        "a cache: systemd-resolved",
        [host(resolvers=["127.0.0.53"]), imds(), lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "a cache: that says that there is no such name",
        [host(resolvers=["127.0.0.53"]), imds(), lookup(failed="nxdomain"), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "a cache: that gives no answer to keep",
        [host(resolvers=["127.0.0.53"]), imds(), lookup(failed="servfail"), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "a cache: that is silent",
        [host(resolvers=["127.0.0.53"]), imds(), lookup(failed="timeout"), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "a cache: as the second",
        [host(resolvers=[CORPORATE, "127.0.0.53"]), imds(), lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "a cache: a server of one's own",
        [host(resolvers=[CORPORATE]), imds(), lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "a cache: another stub",
        [host(resolvers=["127.0.0.1"]), imds(), lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
]


CASES_THAT_FIRE += [
    fires(
        "DNS002",
        f"a cache at {server} that gave the answer",
        [
            *(host(resolvers=[server]), imds(), lookup(PUBLIC)),
            *(answer(*PRIVATE, by=VPC_RESOLVER), answer(PUBLIC, by=server)),
        ],
    )
    for server in ("127.0.0.53", "127.0.0.1")
]


CASES_THAT_FIRE += [
    fires(
        "DNS002",
        "before DNS: a public answer",
        [host(), imds(), lookup(PUBLIC), answer(*PRIVATE), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "before DNS: that the name does not exist",
        [host(), imds(), lookup(failed="nxdomain"), answer(*PRIVATE), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "before DNS: its server gives what it gets",
        [host(), imds(), lookup(PUBLIC), answer(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "before DNS: its server is silent",
        [host(), imds(), lookup(PUBLIC), answer(failed="timeout"), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS002",
        "before DNS: its server was not asked",
        [host(), imds(), lookup(PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)],
    ),
]


CASES_THAT_FIRE += [
    fires("DNS002", "the other way round", [*ABROAD, lookup(*PRIVATE), answer(PUBLIC, by=VPC_RESOLVER)]),
]
CASES_OF_SILENCE += [
    *(
        silent(
            "DNS002",
            f"asked in turn: {name}",
            [host(resolvers=[RESOLVER, CORPORATE], options=options), imds(), lookup(*PRIVATE), answer(*PRIVATE), other],
        )
        for name, options, other in (
            ("both give private ones", ["rotate"], answer(PRIVATE[1], by=CORPORATE)),
            ("the other is silent", ["rotate"], answer(failed="timeout", by=CORPORATE)),
            ("the other only says that there is no IPv6", ["rotate"], answer(record="AAAA", by=CORPORATE)),
            ("the other knows them and is only asked if the first fails", [], answer(*PRIVATE, by=CORPORATE)),
        )
    ),
    silent("DNS002", "private at both", [*HERE, lookup(*PRIVATE), answer(*PRIVATE, by=VPC_RESOLVER)]),
    silent("DNS002", "rotation", [*HERE, lookup(PRIVATE[0]), answer(PRIVATE[1], by=VPC_RESOLVER)]),
    silent("DNS002", "public at both", [*HERE, lookup(PUBLIC), answer(PUBLIC, by=VPC_RESOLVER)]),
    silent("DNS002", "the other server is not the VPC's", [*ABROAD, lookup(PUBLIC), answer(*PRIVATE, by=CORPORATE)]),
    silent("DNS002", "the VPC's is silent", [*ABROAD, lookup(PUBLIC), answer(by=VPC_RESOLVER, failed="timeout")]),
    silent("DNS002", "silent, private here", [*HERE, lookup(*PRIVATE), answer(by=VPC_RESOLVER, failed="timeout")]),
    silent("DNS002", "nonsense here", [*HERE, lookup("127.0.0.1"), answer(*PRIVATE, by=VPC_RESOLVER)]),
    silent("DNS002", "both kinds here", [*HERE, lookup("10.0.1.17", PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER)]),
    silent(
        "DNS002",
        "private there in a family that this host does not have",
        [*ABROAD, lookup(failed="nodata"), answer("fd00::17", by=VPC_RESOLVER)],
    ),
    silent("DNS002", "cut short here", [*ABROAD, lookup(failed="deadline"), answer(*PRIVATE, by=VPC_RESOLVER)]),
    silent("DNS002", "crashed here", [*ABROAD, lookup(failed="bug"), answer(*PRIVATE, by=VPC_RESOLVER)]),
    silent("DNS002", "not made here", [*ABROAD, lookup(skipped="not started"), answer(*PRIVATE, by=VPC_RESOLVER)]),
    silent("DNS002", "never asked here", [*ABROAD, answer(*PRIVATE, by=VPC_RESOLVER)]),
    silent("DNS002", "on premises, private", [host(resolvers=[CORPORATE], ec2=False), lookup(*PRIVATE)]),
]


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


CASES_THAT_FIRE += [
    fires(
        "DNS003",
        "the zone says so",
        [*HERE, lookup(failed="nxdomain"), answer(failed="nxdomain", zone="eu-west-1.amazonaws.com")],
    ),
    fires("DNS003", "no zone is named", [*HERE, lookup(failed="nxdomain"), answer(failed="nxdomain")]),
    fires("DNS003", "the C library alone", [*HERE, lookup(failed="nxdomain")]),
    fires(
        "DNS003",
        "one of two name servers denies it",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            lookup(failed="nxdomain"),
            answer(by=CORPORATE, failed="nxdomain", zone="amazonaws.com"),
            answer(*PRIVATE),
        ],
    ),
    fires(
        "DNS003",
        "another resolver's zone is not this host's",
        [*ABROAD, lookup(failed="nxdomain"), answer(by=VPC_RESOLVER, failed="nxdomain", zone="of.the.vpc")],
    ),
]
CASES_OF_SILENCE += [
    silent("DNS003", "it exists here", [*HERE, lookup(*PRIVATE), answer(failed="nxdomain", by=VPC_RESOLVER)]),
    silent(
        "DNS003",
        "the lookup failed otherwise, as one answer did",
        [*HERE, lookup(failed="servfail"), answer(failed="nxdomain"), answer(failed="servfail", record="AAAA")],
    ),
    silent("DNS003", "it exists without an address", [*HERE, lookup(failed="nodata")]),
    *(
        silent(
            "DNS003",
            f"no answer says so: {failed}",
            [*HERE, lookup(failed="nxdomain"), answer(failed=failed), answer(failed=failed, record="AAAA")],
        )
        for failed in ("timeout", "refused", "dns-refused", "servfail", "dns-malformed", "malformed")
    ),
    silent("DNS003", "this host's name server gives addresses", [*HERE, lookup(failed="nxdomain"), answer(*PRIVATE)]),
    silent("DNS003", "this host's name server says that it exists", [*HERE, lookup(failed="nxdomain"), answer()]),
    silent("DNS003", "never asked", HERE),
]


def test_dns003_speaks_of_each_target() -> None:
    observations = [*HERE, lookup(failed="nxdomain"), lookup(failed="nxdomain", of="backup-gateway")]
    assert [finding.target for finding in findings_of(DNS003, evidence(observations, targets=[BACKUP, GATEWAY]))] == [
        "backup",
        "backup-gateway",
    ]


def test_dns003_needs_dns() -> None:
    assert not_evaluated("DNS003", HERE) == {"backup": "no dns step was made"}


# --- DNS004 resolver-silent -----------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires(
        "DNS004",
        "silence",
        [*HERE, lookup(failed="timeout"), answer(failed="timeout"), answer(failed="timeout", record="AAAA")],
    ),
    fires("DNS004", "nothing listens there", [*HERE, lookup(failed="servfail"), answer(failed="refused")]),
    fires(
        "DNS004",
        "two name servers, each in its way",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            lookup(failed="servfail"),
            answer(by=CORPORATE, failed="timeout"),
            answer(failed="prohibited"),
        ],
    ),
    fires(
        "DNS004",
        "one of a family that this host does not have",
        [
            host(resolvers=["fd00::53", RESOLVER]),
            lookup(failed="servfail"),
            answer(by="fd00::53", skipped="this host has no IPv6 address of its own"),
            answer(failed="timeout"),
        ],
    ),
    fires(
        "DNS004",
        "the VPC's resolver, which this host does not use, answers",
        [*ABROAD, lookup(failed="timeout"), answer(by=CORPORATE, failed="timeout"), answer(*PRIVATE)],
    ),
    fires(
        "DNS004",
        "another name is not answered either",
        [
            *HERE,
            lookup(failed="timeout"),
            answer(failed="timeout"),
            lookup(failed="timeout", operation=DUAL_STACK_NAME),
        ],
    ),
    fires(
        "DNS004",
        "programs look names up without DNS",
        [
            *HERE,
            lookup(failed="nxdomain"),
            answer(failed="timeout"),
            lookup(failed="nxdomain", operation=DUAL_STACK_NAME),
        ],
    ),
]
CASES_OF_SILENCE += [
    silent("DNS004", "the lookup works all the same", [*HERE, lookup(*PRIVATE), answer(failed="timeout")]),
    silent("DNS004", "it says SERVFAIL", [*HERE, lookup(failed="servfail"), answer(failed="servfail")]),
    silent("DNS004", "it says nonsense", [*HERE, lookup(failed="servfail"), answer(failed="dns-malformed")]),
    silent("DNS004", "it gives no address", [*HERE, lookup(failed="nodata"), answer()]),
    silent(
        "DNS004",
        "one is silent, the other says SERVFAIL",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            lookup(failed="servfail"),
            answer(by=CORPORATE, failed="timeout"),
            answer(failed="servfail"),
        ],
    ),
    silent(
        "DNS004",
        "it leaves one of two questions without an answer, and the lookup ends",
        [*HERE, lookup(*PRIVATE), answer(*PRIVATE), answer(failed="timeout", record="AAAA")],
    ),
    silent(
        "DNS004",
        "it fails for one of two questions",
        [*HERE, lookup(failed="timeout"), answer(*PRIVATE), answer(failed="servfail", record="AAAA")],
    ),
    silent(
        "DNS004",
        "one of two answers is truncated",
        [*HERE, lookup(failed="timeout"), answer(*PRIVATE), answer(failed="timeout", record="AAAA", cut=True)],
    ),
    silent("DNS004", "it answers both", [*HERE, lookup(failed="timeout"), answer(*PRIVATE), answer(record="AAAA")]),
    silent(
        "DNS004",
        "one was cut short before it could answer",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            lookup(failed="servfail"),
            answer(by=CORPORATE, failed="timeout"),
            answer(failed="deadline"),
        ],
    ),
    silent(
        "DNS004",
        "one was never asked",
        [host(resolvers=[CORPORATE, RESOLVER]), lookup(failed="servfail"), answer(by=CORPORATE, failed="timeout")],
    ),
    silent(
        "DNS004",
        "one had no time to be asked",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            lookup(failed="servfail"),
            answer(by=CORPORATE, failed="timeout"),
            answer(skipped="not started: the run's deadline of 1 s came"),
        ],
    ),
    *(
        silent(
            "DNS004",
            f"another name is answered: {another.id}",
            [*HERE, lookup(failed="timeout"), answer(failed="timeout"), another],
        )
        for another in (
            lookup(failed="nxdomain", operation=DUAL_STACK_NAME),
            lookup(failed="nodata", operation=DUAL_STACK_NAME),
        )
    ),
    silent("DNS004", "the lookup was cut short", [*HERE, lookup(failed="deadline"), answer(failed="timeout")]),
    silent("DNS004", "the asking crashed", [*HERE, lookup(failed="timeout"), answer(failed="bug")]),
    silent("DNS004", "nobody was asked", [*HERE, lookup(failed="timeout")]),
    silent("DNS004", "the name servers are not known", [lookup(failed="timeout"), answer(failed="timeout")]),
]


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
            f"because {RESOLVER} answers for A records only at the second try (after 1.5 s). It answers for AAAA "
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


CASES_THAT_FIRE += [
    fires(
        "DNS004",
        "behind a cache: the first of them",
        behind_cache(answer(by=CORPORATE, failed="timeout"), answer(*PRIVATE, by=OTHER)),
    ),
    fires(
        "DNS004",
        "behind a cache: both of them",
        behind_cache(answer(by=CORPORATE, failed="timeout"), answer(by=OTHER, failed="refused")),
    ),
    fires(
        "DNS004",
        "behind a cache: neither",
        behind_cache(answer(*PRIVATE, by=CORPORATE), answer(failed="servfail", by=OTHER)),
    ),
    fires("DNS004", "behind a cache: none was asked", behind_cache()),
    fires(
        "DNS004",
        "behind a cache: of a cache that this host does not ask",
        behind_cache(answer(by=CORPORATE, failed="timeout"), asked=[RESOLVER]),
    ),
]


CASES_THAT_FIRE += [
    fires(
        "DNS004",
        "the Region is not known",
        [*HERE, lookup(failed="timeout"), answer(failed="timeout")],
        of=run(region=None),
    ),
]


def test_dns004_needs_dns() -> None:
    assert not_evaluated("DNS004", HERE) == {"backup": "no dns step was made"}


# --- DNS005, DNS006, DNS008, DNS011: what is looked for --------------------------------------------------------------


CASES_THAT_FIRE += [
    fires("DNS005", "SERVFAIL", [*HERE, lookup(failed="servfail"), answer(failed="servfail")]),
    fires("DNS006", "of one family that was asked for", [*HERE, lookup(failed="nodata"), answer()]),
]


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


CASES_THAT_FIRE += [
    fires("DNS012", "made by DNS64, private", [*HERE, host("64:ff9b:1::5/64"), lookup("64:ff9b::a00:111")]),
    fires(
        "DNS012",
        "made by DNS64, public, which is not a fault",
        [*HERE, host("64:ff9b:1::5/64"), lookup("64:ff9b::345f:6f1e")],
        of=run(expect=Expect.ANY),
    ),
]


# --- DNS016 resolver-degraded ----------------------------------------------------------------------------------------


CASES_THAT_FIRE += [
    fires(
        "DNS016",
        "a short limit",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            imds(),
            lookup(*PRIVATE),
            answer(by=CORPORATE, failed="timeout", seconds=0.5),
            answer(*PRIVATE),
        ],
    ),
    fires(
        "DNS016",
        "slow",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            imds(),
            lookup(*PRIVATE),
            answer(PUBLIC, by=CORPORATE, seconds=1.0),
            answer(*PRIVATE),
        ],
    ),
    fires(
        "DNS016",
        "slow to fail",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            imds(),
            lookup(*PRIVATE),
            answer(by=CORPORATE, failed="servfail", seconds=2.0),
            answer(*PRIVATE),
        ],
    ),
    fires(
        "DNS016",
        "SERVFAIL at once",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            imds(),
            lookup(*PRIVATE),
            answer(by=CORPORATE, failed="servfail"),
            answer(*PRIVATE),
        ],
    ),
    fires(
        "DNS016",
        "REFUSED at once",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            imds(),
            lookup(*PRIVATE),
            answer(by=CORPORATE, failed="dns-refused"),
            answer(*PRIVATE),
        ],
    ),
    fires(
        "DNS016",
        "nothing listens there",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            imds(),
            lookup(*PRIVATE),
            answer(by=CORPORATE, failed="refused"),
            answer(*PRIVATE),
        ],
    ),
]


CASES_THAT_FIRE += [
    fires(
        "DNS016",
        "one server, for one record type",
        [
            host(resolvers=[RESOLVER]),
            imds(),
            lookup(*PRIVATE),
            answer(*PRIVATE),
            answer(record="AAAA", failed="timeout"),
        ],
    ),
    fires(
        "DNS016",
        "one of two, for one record type",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            imds(),
            lookup(*PRIVATE),
            answer(*PRIVATE, by=CORPORATE),
            answer(record="AAAA", by=CORPORATE, failed="timeout"),
            answer(*PRIVATE),
        ],
    ),
    fires(
        "DNS016",
        "one of two, for all",
        [
            host(resolvers=[CORPORATE, RESOLVER]),
            imds(),
            lookup(*PRIVATE),
            answer(by=CORPORATE, failed="timeout"),
            answer(*PRIVATE),
        ],
    ),
]


CASES_OF_SILENCE += [
    silent("DNS016", "one server answers all", [*HERE, lookup(*PRIVATE), answer(*PRIVATE), answer(record="AAAA")]),
    silent("DNS016", "one server answers nothing", [*HERE, lookup(*PRIVATE), answer(failed="timeout")]),
    silent(
        "DNS016", "one server is slow", [*HERE, lookup(*PRIVATE), answer(*PRIVATE, seconds=1.5), answer(record="AAAA")]
    ),
    silent(
        "DNS016",
        "one server fails",
        [*HERE, lookup(*PRIVATE), answer(*PRIVATE), answer(record="AAAA", failed="servfail")],
    ),
    silent(
        "DNS016",
        "the lookup runs out of time",
        [*HERE, lookup(failed="timeout"), answer(*PRIVATE), answer(record="AAAA", failed="timeout")],
    ),
    silent("DNS016", "not looked up", [*HERE, answer(*PRIVATE), answer(record="AAAA", failed="timeout")]),
]


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
        assert (f"from a cache or stub on this host, at {server}," in finding.detail) is is_named
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


# --- Several rules together -----------------------------------------------------------------------------------------

AT_PUBLIC: Observations = [*here("backup", PUBLIC), answer(*PRIVATE, by=VPC_RESOLVER), *climbed(PUBLIC)]
"""A run that uses public addresses successfully, although the VPC's resolver gives private addresses."""


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
            # The alias led to another address. AWS's answer at the address in use proves nothing about the alias.
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
    """A host whose hosts file has a line for the name."""
    seen = host()
    assert isinstance(seen.outcome, Ok)
    line = HostsEntry(address=ip_address(address), names=(HOST,))
    return replace(seen, outcome=Ok(replace(seen.outcome.facts, hosts_entries=(line,))))


def appliance(label: str, failed: str | None, *addresses: str) -> Observation[LookupFacts]:
    """This host's own lookup of a name that a gateway appliance uses."""
    return lookup(*addresses, of="backup-gateway", failed=failed, operation=f"{APPLIANCE}{label}")


def searching(*options: str) -> Observation[HostFacts]:
    """A host with a search list, and these options of resolv.conf. Without options, it first looks up the name as it
    is.
    """
    seen = host()
    assert isinstance(seen.outcome, Ok)
    return replace(seen, outcome=Ok(replace(seen.outcome.facts, search=SEARCH, resolver_options=options)))


def completed(*addresses: str, place: int = 1, failed: str | None = None) -> Observation[LookupFacts]:
    """The lookup of the name with the search domain at this index appended."""
    return lookup(*addresses, failed=failed, operation=SEARCH_DOMAINS[place])


SEARCH: Final = ("team.svc.cluster.local", "corp.example.com")
FIRST: Final = searching("ndots:5")
NOT_IN_FIRST: Final = completed(failed="nxdomain", place=0)


CASES_THAT_FIRE += [
    fires(
        "DNS006",
        "outside AWS",
        [
            *(host(ec2=False, resolvers=[CORPORATE]), imds(failed="timeout"), lookup(failed="nodata")),
            *(answer(by=CORPORATE), answer(by=CORPORATE, record="AAAA")),
        ],
    ),
    fires("DNS006", "of both families", [host(), lookup(failed="nodata"), answer(record="A"), answer(record="AAAA")]),
    fires("DNS007", "to a name of somebody else's", [*here("backup", A), answer(A, alias=OVERRIDE)]),
    fires(
        "DNS007",
        "is information where AWS answers there",
        [*here("backup", A, B), answer(A, B, alias=OVERRIDE), http(B)],
    ),
    fires(
        "DNS007",
        "is information where AWS answers the signed call there",
        [*here("backup", A), answer(A, alias=OVERRIDE), api(A, failed="access-denied")],
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
    ),
    fires(
        "DNS007",
        "to an address that this host does not use, whoever answers there",
        [*here("backup", A), answer(B, alias=OVERRIDE), http(B)],
    ),
    fires(
        "DNS007",
        "and somebody else answers there",
        [*here("backup", A), answer(A, alias=OVERRIDE), answered(A, failed="not-aws", request_id=None)],
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
    ),
    fires(
        "DNS007",
        "leaves a look-up that failed to what names the failure",
        [host(), lookup(failed="nxdomain"), answer(failed="nxdomain", alias=OVERRIDE)],
    ),
    *(
        fires("DNS007", f"to {name}", [*here("backup", A), answer(A, alias=name)])
        for name in (
            "vpce-0a1b2c3d4e5f67890-abcdefgh.s3.eu-west-1.vpce.amazonaws.com",
            "backup.eu-west-1.amazonaws.com.example.com",
            "backup.notamazonaws.com",
        )
    ),
    fires("DNS008", "by IPv4", gave(A, PUBLIC)),
    fires("DNS008", "by IPv6", gave(A, PRIVATE_6, PUBLIC_6)),
    fires("DNS009", "beside an address inside", here("backup", A, OUTSIDE)),
    fires("DNS009", "by IPv6", gave("fd12::17")),
    fires(
        "DNS009", "at the one of two where AWS did not answer", [*here("backup", OUTSIDE, "10.99.0.2"), http(OUTSIDE)]
    ),
    fires(
        "DNS009",
        "where somebody else answers",
        [*here("backup", OUTSIDE), answered(OUTSIDE, failed="not-aws", request_id=None)],
    ),
    fires("DNS010", "loopback", gave("127.0.0.1")),
    fires("DNS010", "unspecified", gave("0.0.0.0")),  # noqa: S104 - an answer, nothing listens,
    fires("DNS010", "link-local", gave("169.254.7.7")),
    fires("DNS010", "documentation", gave("192.0.2.1", A)),
    fires("DNS010", "inside NAT64", gave("64:ff9b::7f00:1")),
    fires("DNS010", "by the hosts file", [hosts_file("127.0.0.1"), lookup("127.0.0.1")]),
    fires("DNS011", "and no private IPv6", gave(A, PUBLIC_6)),
    fires("DNS012", "of a public address", gave("64:ff9b::345f:6f1e")),
    fires("DNS012", "of a private one", gave("64:ff9b::a00:111")),
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
    ),
    fires("DNS014", "one", [*here("backup-gateway", A), appliance("proxy-app", "nxdomain")], targets=[GATEWAY]),
    fires(
        "DNS017",
        "too many addresses, of one name server that gives them",
        [host(), lookup(failed="too-large"), answer(failed="dns-malformed"), answer(A, by=VPC_RESOLVER)],
    ),
    fires(
        "DNS017",
        "an answer at odds with itself, of nobody who was asked",
        [host(), lookup(failed="dns-malformed"), answer(A)],
    ),
    fires("DNS020", "a private address", gave(A), of=run(expect=Expect.PUBLIC)),
    fires("DNS020", "one beside a public one", gave(A, PUBLIC), of=run(expect=Expect.PUBLIC)),
    fires(
        "DNS019",
        "refused",
        [host(), lookup(failed="servfail"), answer(failed="refused", cut=True), answer(by=CORPORATE, failed="timeout")],
    ),
    fires("DNS019", "silent", [host(), lookup(failed="timeout"), answer(failed="timeout", cut=True)]),
    fires(
        "DNS018",
        "another address than the name itself has",
        [FIRST, lookup(OUTSIDE), answer(A), lookup(A, operation=WITHOUT_SEARCH), NOT_IN_FIRST, completed(OUTSIDE)],
    ),
    fires(
        "DNS018",
        "an address where the name itself has none",
        [FIRST, lookup(OUTSIDE), lookup(failed="nxdomain", operation=WITHOUT_SEARCH), completed(OUTSIDE)],
    ),
    fires(
        "DNS018",
        "answers that rotate",
        [FIRST, lookup(OUTSIDE), answer(A), lookup(A, operation=WITHOUT_SEARCH), completed("10.50.0.6")],
    ),
    *(
        fires(
            "DNS018",
            f"a lookup that ends {failed}, as at a search domain",
            [FIRST, lookup(failed=failed), answer(A), lookup(A, operation=WITHOUT_SEARCH), completed(failed=failed)],
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
    ),
    *(
        fires(
            "DNS018",
            f"the name itself first, and {failed} for it",
            [searching(), lookup(OUTSIDE), lookup(failed=failed, operation=WITHOUT_SEARCH), completed(OUTSIDE)],
        )
        for failed in ("nxdomain", "nodata", "servfail", "timeout")
    ),
    fires(
        "DNS003",
        "a lookup without a reason, which all name servers give",
        [host(), lookup(failed="servfail"), answer(failed="nxdomain"), answer(failed="nxdomain", record="AAAA")],
    ),
    fires(
        "DNS006",
        "a lookup without a reason, which all name servers give",
        [host(), lookup(failed="nxdomain"), answer(record="A"), answer(record="AAAA")],
    ),
    fires(
        "DNS015",
        "a lookup that fails where this host's name servers give public addresses",
        [host(), lookup(failed="nxdomain"), answer(PUBLIC)],
    ),
]
CASES_OF_SILENCE += [
    silent("DNS005", "it gives addresses", [*HERE, lookup(A), answer(A)]),
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


@pytest.mark.parametrize("case", CASES_OF_SILENCE)
def test_silent(case: Case) -> None:
    assert_silent(case)


def test_a_rule_with_cases_has_both_kinds() -> None:
    assert codes_of(CASES_THAT_FIRE) == codes_of(CASES_OF_SILENCE)


@pytest.mark.parametrize(
    ("answered", "failed", "line"),
    [
        pytest.param({"failed": "nxdomain"}, "nxdomain", f"{BACKUP.host} does not exist at {CORPORATE}", id="DNS003"),
        pytest.param({}, "nodata", f"{BACKUP.host} has no address at {CORPORATE}", id="DNS006"),
    ],
)
def test_a_headline_names_the_server_that_answered(answered: dict[str, Any], failed: str, line: str) -> None:
    """The first name server of this host is silent, and the second one answers."""
    seen: Observations = [
        *(host(resolvers=[RESOLVER, CORPORATE]), imds(), lookup(failed=failed)),
        *(answer(failed="timeout"), answer(by=CORPORATE, **answered)),
    ]
    headlines = [finding.headline for finding in diagnose(evidence(seen)).findings]
    assert line in headlines
