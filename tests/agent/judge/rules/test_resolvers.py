"""The name servers of this host. The observations are written by hand."""

from dataclasses import replace
from typing import Any, Final

import pytest

from agent.judge.diagnose import diagnose
from agent.judge.rules import resolvers
from probes.facts import LookupFacts
from probes.model import Observation
from probes.operations import DUAL_STACK_NAME
from tests.support.build import (
    BACKUP,
    CORPORATE,
    GATEWAY,
    PRIVATE,
    PUBLIC,
    RESOLVER,
    VPC_RESOLVER,
    Observations,
    answer,
    evidence,
    findings_of,
    here,
    host,
    imds,
    lookup,
    rule_of,
    tcp,
)
from tests.support.cases import HOST, PRIVATE_6, PUBLIC_6, Case, assert_silent, codes_of, fires, silent

A, B = PRIVATE
DNS002: Final = rule_of(resolvers.RULES, "DNS002")
STALE: Final = "10.0.9.9"
STUB: Final = "127.0.0.53"
CASES_THAT_FIRE = [
    fires("DNS005", "by one server", [host(), lookup(failed="servfail"), answer(failed="servfail")]),
    fires(
        "DNS005",
        "by two",
        [
            host(resolvers=(RESOLVER, CORPORATE)),
            lookup(failed="servfail"),
            answer(failed="dns-malformed"),
            answer(failed="servfail", by=CORPORATE),
        ],
    ),
    *(
        fires(
            "DNS005",
            f"by silence for one name ({kind}) while another is answered ({there or 'addresses'})",
            [
                host(),
                lookup(failed="timeout"),
                answer(failed=kind),
                lookup(of="backup-gateway", failed=None if there is None else there),
                answer(*(() if there else (A,)), of="backup-gateway", failed=there),
            ],
            targets=[BACKUP, GATEWAY],
        )
        for kind, there in (("timeout", None), ("reset", None), ("closed", None), ("timeout", "nxdomain"))
    ),
    fires(
        "DNS005",
        "by silence for the names of AWS, while programs are told of another that it does not exist",
        [
            host(resolvers=(RESOLVER, CORPORATE)),
            lookup(failed="timeout"),
            answer(failed="timeout"),
            answer(failed="timeout", by=CORPORATE),
            lookup(failed="nxdomain", operation=DUAL_STACK_NAME),
        ],
    ),
    *(
        fires(
            "DNS005",
            f"by what it says of IPv4 ({failed}), where IPv6 has no address and the lookup says no more",
            [host(), lookup(failed="nodata"), answer(failed=failed), answer(record="AAAA")],
        )
        for failed in ("servfail", "dns-malformed", "malformed", "too-large")
    ),
    fires(
        "DNS013",
        "of IPv4, where IPv6 has no address and the lookup says no more",
        [host(), lookup(failed="nodata"), answer(failed="dns-refused"), answer(record="AAAA")],
    ),
    fires(
        "DNS005",
        "by SERVFAIL of one server, while another is silent for every name",
        [
            host(resolvers=(RESOLVER, CORPORATE)),
            lookup(failed="servfail"),
            answer(failed="timeout"),
            answer(failed="servfail", by=CORPORATE),
        ],
    ),
    fires(
        "DNS005",
        "by servers that give different answers",
        [
            host(resolvers=(CORPORATE, RESOLVER)),
            lookup(failed="timeout"),
            answer(failed="nxdomain", by=CORPORATE),
            answer(),
        ],
    ),
    fires(
        "DNS005",
        "by a server that is silent for this name and fails for another",
        [
            host(),
            lookup(failed="timeout"),
            answer(failed="timeout"),
            replace(answer(failed="servfail"), subject=replace(answer().subject, target="backup-gateway")),
        ],
    ),
    fires(
        "DNS015",
        "where there is no such name by no server's word",
        [
            host(resolvers=(CORPORATE, RESOLVER)),
            lookup(failed="nxdomain"),
            answer(failed="servfail", by=CORPORATE),
            answer(A),
        ],
    ),
    fires("DNS013", "by one server", [host(), lookup(failed="servfail"), answer(failed="dns-refused")]),
    fires(
        "DNS015",
        "while the VPC's resolver is silent",
        [
            host(resolvers=(CORPORATE,)),
            imds(),
            lookup(PUBLIC),
            answer(A, B, by=CORPORATE),
            answer(record="AAAA", by=CORPORATE),
            answer(by=VPC_RESOLVER, failed="timeout"),
        ],
    ),
    fires(
        "DNS015",
        "is critical where the look-up fails",
        [host(), imds(), lookup(failed="nxdomain"), answer(A), answer(by=VPC_RESOLVER, failed="timeout")],
    ),
    fires(
        "DNS015",
        "where the look-up fails and another server than this host's gives none",
        [host(), imds(), lookup(failed="nodata"), answer(A), answer(by=VPC_RESOLVER)],
    ),
    fires("DNS015", "by an answer of a family that this host lacks", [host(), imds(), lookup(PUBLIC_6), answer(A)]),
    fires(
        "DNS015",
        "by an address that no server gave and that does not connect",
        [*here("backup", STALE), answer(A, B), tcp(STALE, failed="timeout"), tcp(A, failed="timeout"), tcp(B)],
    ),
    fires(
        "DNS015",
        "by a private address that no server gave, where they give public ones",
        [*here("backup", STALE), answer(PUBLIC), tcp(STALE, failed="timeout"), tcp(PUBLIC)],
    ),
    fires(
        "DNS015",
        "by what a stub on this host alone gave",
        [
            host(resolvers=(STUB,)),
            imds(),
            lookup(STALE),
            answer(STALE, by=STUB),
            answer(A, B, by=VPC_RESOLVER),
            tcp(STALE, failed="timeout"),
            tcp(A),
        ],
    ),
    fires(
        "DNS005",
        "where the lookup ran out of time and its servers answer at once",
        [host(), lookup(failed="timeout"), answer(A), answer(record="AAAA")],
    ),
    fires(
        "DNS015",
        "by two such addresses, beside one that the servers give",
        [
            *here("backup", STALE, "10.0.9.10", A),
            answer(A),
            tcp(STALE, failed="timeout"),
            tcp("10.0.9.10", failed="refused"),
            tcp(A),
        ],
    ),
]
CASES_THAT_FIRE += [
    fires(
        code,
        f"where the C library says that there is no such name, and no answer does ({failed})",
        [host(), lookup(failed="nxdomain"), answer(failed=failed), answer(failed=failed, record="AAAA")],
    )
    for code, failed in (
        ("DNS013", "dns-refused"),
        *(("DNS005", failed) for failed in ("servfail", "dns-malformed", "malformed", "too-large")),
    )
]
CASES_OF_SILENCE = [
    silent(
        "DNS005",
        "no such name by the word of one server, while another fails",
        [
            host(resolvers=(RESOLVER, CORPORATE)),
            *(lookup(failed="nxdomain"), answer(failed="nxdomain"), answer(failed="servfail", by=CORPORATE)),
        ],
    ),
    silent("DNS005", "the look-up succeeds", [host(), lookup(A), answer(failed="servfail")]),
    silent(
        "DNS005",
        "only another resolver fails",
        [host(), lookup(failed="servfail"), answer(failed="servfail", by=CORPORATE)],
    ),
    silent("DNS005", "the server is silent", [host(), lookup(failed="servfail"), answer(failed="timeout")]),
    silent(
        "DNS005",
        "the server is silent for every name",
        [
            host(),
            lookup(failed="timeout"),
            answer(failed="timeout"),
            lookup(of="backup-gateway", failed="timeout"),
            answer(of="backup-gateway", failed="timeout"),
        ],
        targets=[BACKUP, GATEWAY],
    ),
    silent(
        "DNS005",
        "another name is not answered either",
        [
            host(),
            lookup(failed="timeout"),
            answer(failed="timeout"),
            lookup(failed="timeout", operation=DUAL_STACK_NAME),
        ],
    ),
    silent(
        "DNS005",
        "another server answers another name",
        [host(), lookup(failed="timeout"), answer(failed="timeout"), answer(A, of="backup-gateway", by=CORPORATE)],
        targets=[BACKUP, GATEWAY],
    ),
    silent(
        "DNS005",
        "of a family that another server says has no address",
        [
            host(resolvers=(RESOLVER, CORPORATE)),
            lookup(failed="nodata"),
            answer(failed="servfail"),
            answer(record="AAAA"),
            answer(by=CORPORATE),
            answer(record="AAAA", by=CORPORATE),
        ],
    ),
    silent(
        "DNS005",
        "of a family that this host does not have",
        [host("10.0.1.10/24"), lookup(failed="nodata"), answer(), answer(record="AAAA", failed="servfail")],
    ),
    silent("DNS005", "refused is DNS013", [host(), lookup(failed="servfail"), answer(failed="dns-refused")]),
    silent("DNS005", "no such name", [host(), lookup(failed="nxdomain"), answer(failed="nxdomain")]),
    silent("DNS005", "not looked up", [host(), answer(failed="servfail")]),
    silent(
        "DNS013", "another server refuses", [host(), lookup(A), answer(A), answer(failed="dns-refused", by=CORPORATE)]
    ),
    silent("DNS013", "the look-up succeeds", [host(), lookup(A), answer(failed="dns-refused")]),
    silent("DNS013", "it fails is DNS005", [host(), lookup(failed="servfail"), answer(failed="servfail")]),
    silent("DNS013", "not looked up", [host(), answer(failed="dns-refused")]),
    silent(
        "DNS005",
        "servers that give different answers, and a lookup that says which counts",
        [
            host(resolvers=(CORPORATE, RESOLVER)),
            lookup(failed="nxdomain"),
            answer(failed="nxdomain", by=CORPORATE),
            answer(),
        ],
    ),
    silent(
        "DNS005",
        "servers that give the same answer",
        [
            host(resolvers=(CORPORATE, RESOLVER)),
            lookup(failed="timeout"),
            answer(failed="nxdomain", by=CORPORATE),
            answer(failed="nxdomain"),
        ],
    ),
    *(
        silent(
            "DNS015",
            f"a lookup without an answer ({failed}) is not another answer",
            [host(), imds(), lookup(failed=failed), answer(A), answer(record="AAAA", failed=aaaa)],
        )
        for failed in ("timeout", "servfail")
        for aaaa in (None, "timeout")
    ),
    silent(
        "DNS015",
        "what a stub gave connects",
        [
            *(host(resolvers=(STUB,)), imds(), lookup(STALE), answer(STALE, by=STUB), answer(A, by=VPC_RESOLVER)),
            *(tcp(STALE), tcp(A)),
        ],
    ),
    silent(
        "DNS015",
        "what a name server of the network gave is not of this host",
        [
            *(host(resolvers=(CORPORATE,)), imds(), lookup(STALE), answer(STALE, by=CORPORATE)),
            *(answer(A, by=VPC_RESOLVER), tcp(STALE, failed="timeout"), tcp(A)),
        ],
    ),
    silent("DNS015", "private by both", [*here("backup", A), answer(A)]),
    silent(
        "DNS015",
        "one server gives public",
        [host(), imds(), lookup(PUBLIC), answer(A), answer(PUBLIC, by=VPC_RESOLVER)],
    ),
    silent("DNS015", "a server gives both", [host(), imds(), lookup(PUBLIC), answer(A, PUBLIC)]),
    silent(
        "DNS015",
        "one server gives none",
        [host(), imds(), lookup(PUBLIC), answer(A), answer(by=VPC_RESOLVER)],
    ),
    silent(
        "DNS015",
        "the look-up says what one of the own servers says",
        [host(resolvers=(RESOLVER, CORPORATE)), imds(), lookup(failed="nodata"), answer(A), answer(by=CORPORATE)],
    ),
    silent(
        "DNS015",
        "the own server is silent",
        [host(resolvers=(CORPORATE,)), imds(), lookup(PUBLIC), answer(A), answer(by=CORPORATE, failed="timeout")],
    ),
    silent("DNS015", "private in a family that this host lacks", [host(), imds(), lookup(PUBLIC), answer(PRIVATE_6)]),
    silent(
        "DNS015",
        "rotation, where nothing that the servers gave connects",
        [*here("backup", A), answer(B), tcp(A, failed="timeout"), tcp(B, failed="timeout")],
    ),
    silent(
        "DNS015",
        "rotation, where nothing that the servers gave was tried",
        [*here("backup", A), answer(B), tcp(A, failed="timeout")],
    ),
    silent("DNS015", "rotation, where all connect", [*here("backup", A), answer(B), tcp(A), tcp(B)]),
    silent("DNS015", "what no server gave was not tried", [*here("backup", A), answer(B), tcp(A, skipped="x"), tcp(B)]),
    silent(
        "DNS015",
        "what a server gave does not connect",
        [*here("backup", A, B), answer(A, B), tcp(A, failed="timeout"), tcp(B)],
    ),
    silent("DNS015", "cut short", [host(), imds(), lookup(failed="deadline"), answer(A)]),
    silent("DNS015", "not looked up", [host(), imds(), answer(A)]),
    silent("DNS015", "no server says anything", [host(), imds(), lookup(PUBLIC), answer(failed="timeout")]),
]


@pytest.mark.parametrize("case", CASES_OF_SILENCE)
def test_silent(case: Case) -> None:
    assert_silent(case)


def test_a_rule_with_cases_has_both_kinds() -> None:
    assert codes_of(CASES_THAT_FIRE) == codes_of(CASES_OF_SILENCE)


@pytest.mark.parametrize(
    ("code", "failed", "also", "is_one"),
    [
        pytest.param("DNS013", "dns-refused", RESOLVER, True, id="refused by the same server"),
        pytest.param("DNS013", "dns-refused", CORPORATE, False, id="refused by two"),
        pytest.param("DNS005", "servfail", RESOLVER, True, id="failed by the same server"),
        pytest.param("DNS005", "servfail", CORPORATE, False, id="failed by two"),
    ],
)
def test_what_one_server_does_to_the_names_of_two_services_is_one_cause(
    code: str, failed: str, also: str, *, is_one: bool
) -> None:
    observations: Observations = [
        host(resolvers=(RESOLVER, CORPORATE)),
        lookup(failed="servfail"),
        answer(failed=failed),
        lookup(failed="servfail", of="backup-gateway"),
        answer(failed=failed, by=also, of="backup-gateway"),
    ]
    report = diagnose(evidence(observations, targets=[BACKUP, GATEWAY]))
    cause_of = {finding.id: finding.explained_by for finding in report.findings}
    assert cause_of[f"{code}@backup-gateway"] == (f"{code}@backup" if is_one else None)


@pytest.mark.parametrize(
    ("got", "is_one"), [pytest.param(PUBLIC, True, id="both public"), pytest.param(None, False, id="and no name")]
)
def test_servers_that_do_not_know_the_private_names_are_one_cause(got: str | None, *, is_one: bool) -> None:
    observations: Observations = [
        host(resolvers=(CORPORATE,)),
        imds(),
        lookup(PUBLIC),
        answer(PUBLIC, by=CORPORATE),
        answer(A, by=VPC_RESOLVER),
        lookup(*filter(None, [got]), of="backup-gateway", failed=None if got else "nxdomain"),
        answer(*filter(None, [got]), by=CORPORATE, of="backup-gateway", failed=None if got else "nxdomain"),
        answer(B, by=VPC_RESOLVER, of="backup-gateway"),
    ]
    report = diagnose(evidence(observations, targets=[BACKUP, GATEWAY]))
    cause_of = {finding.id: finding.explained_by for finding in report.findings}
    assert cause_of["DNS002@backup-gateway"] == ("DNS002@backup" if is_one else None)


@pytest.mark.parametrize(
    ("server", "is_cache", "asks_resolved"),
    [("127.0.0.53", True, True), ("127.0.0.1", True, False), (CORPORATE, False, False)],
)
def test_a_cache_on_this_host_refuses_for_want_of_a_server(server: str, *, is_cache: bool, asks_resolved: bool) -> None:
    observations: Observations = [
        host(resolvers=(server,)),
        lookup(failed="servfail"),
        answer(by=server, failed="dns-refused"),
    ]
    [finding] = findings_of(rule_of(resolvers.RULES, "DNS013"), evidence(observations))
    assert (f"The cache on this host, at {server}, refuses while it knows no" in finding.fix.summary) is is_cache
    assert ("its access list" in finding.fix.summary) is not is_cache
    assert (("resolvectl", "status") in [command.argv for command in finding.fix.commands]) is asks_resolved


@pytest.mark.parametrize("server", [STUB, "127.0.0.1"])
@pytest.mark.parametrize(
    ("looked_up", "said"),
    [
        pytest.param(lookup(PUBLIC), {"failed": None, "gives": [PUBLIC]}, id="public addresses"),
        pytest.param(lookup(failed="nodata"), {"failed": None, "gives": []}, id="no address"),
        pytest.param(lookup(failed="nxdomain"), {"failed": "nxdomain", "gives": []}, id="NXDOMAIN"),
        pytest.param(lookup(failed="servfail"), {"failed": "servfail", "gives": []}, id="SERVFAIL"),
    ],
)
def test_dns002_names_a_cache_whatever_it_answered(
    server: str, looked_up: Observation[LookupFacts], said: dict[str, Any]
) -> None:
    observations: Observations = [
        *(host(resolvers=(server,)), imds(), looked_up, answer(A, by=VPC_RESOLVER)),
        answer(*said["gives"], by=server, failed=said["failed"]),
    ]
    [finding] = findings_of(DNS002, evidence(observations))
    assert f"The answer came from a cache or stub on this host, at {server}" in finding.detail
    assert f"dns/backup/{server}/A" in finding.evidence
    argv = [command.argv for command in finding.fix.commands]
    assert (("resolvectl", "flush-caches") in argv) is (server == STUB)
    assert (("ss", "-lunp", "sport", "=", ":53") in argv) is (server != STUB)


@pytest.mark.parametrize(
    ("server", "looked_up", "said"),
    [
        pytest.param(CORPORATE, lookup(failed="nxdomain"), "nxdomain", id="a server of the network"),
        pytest.param(STUB, lookup(failed="timeout"), "timeout", id="a stub that is silent"),
        pytest.param(STUB, lookup(failed="servfail"), "dns-refused", id="a stub that refuses"),
    ],
)
def test_dns002_names_no_cache_that_gave_no_answer(server: str, looked_up: Observation[LookupFacts], said: str) -> None:
    observations: Observations = [
        *(host(resolvers=(server,)), imds(), looked_up, answer(A, by=VPC_RESOLVER), answer(by=server, failed=said))
    ]
    [finding] = findings_of(DNS002, evidence(observations))
    assert "cache" not in finding.detail
    assert ("resolvectl", "flush-caches") not in [command.argv for command in finding.fix.commands]


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        pytest.param(
            ["use-vc"],
            f"only by TCP (option use-vc in resolv.conf), {RESOLVER} answers by UDP for A records of {HOST}",
            id="by TCP alone",
        ),
        pytest.param([], f"The answer for A records of {HOST} is truncated by UDP", id="truncated"),
    ],
)
@pytest.mark.parametrize("kind", ["timeout", "refused"])
def test_dns019_names_the_records_and_why_they_need_tcp(options: list[str], detail: str, kind: str) -> None:
    lost = answer(failed=kind, cut=True)
    seen: Observations = [host(options=options), imds(), lookup(failed="timeout"), lost]
    [finding] = findings_of(rule_of(resolvers.RULES, "DNS019"), evidence(seen))
    assert detail in finding.detail
    assert f"can be made: {RESOLVER} ({kind} after" in finding.detail
    assert ("use-vc" in finding.fix.summary) is bool(options)
    found = [finding.code for finding in diagnose(evidence([*seen, answer(record="AAAA")])).findings]
    assert found == ["DNS019"], "neither an other answer nor a silent server"
