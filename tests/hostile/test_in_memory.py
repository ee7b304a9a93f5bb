"""Hostile peers under a virtual clock: no run hangs, crashes, exceeds its deadline or has the verdict ok."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from agent.formats import text
from agent.judge.verdict import judge
from agent.report.model import Access, Status
from agent.report.serialization import DecodeError
from agent.simulated.scenario import HostileCertificate, HostileDns, HostileHttp, HostileMetadata, HostilePeer
from probes.facts import MAX_NAMES, DnsFacts, HttpFacts, ImdsFacts, TlsFacts
from probes.model import FailureKind
from probes.steps.dns import MAX_ADDRESSES
from probes.steps.http import MAX_HEADER_CHARACTERS
from probes.steps.tls import MAX_CERTIFICATES, MAX_NAME_CHARACTERS
from tests.hostile import cases
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.repository import ROOT as REPOSITORY
from tests.support.runs import measured

SUBPROCESS_SECONDS = 300
HARMLESS = frozenset({"certificates-long", "gateway-list-endless", "jobs-list-endless", "names"}) | {
    name for name in cases.NAMES if name.startswith("metadata-") and cases.scenario(name).run.region
}
"""Cases in which the hostile peer does not affect the verdict, since the endpoint is genuine. In the case `names`, no
signed call is made. Metadata have no effect if the Region and the credentials come from elsewhere.
"""


@pytest.mark.parametrize("name", cases.NAMES)
def test_finds_what_it_must_and_nothing_else(name: str) -> None:
    assert cases.actual(cases.report_of(name)) == cases.expected(name)


@pytest.mark.parametrize("name", cases.NAMES)
def test_report_is_valid_bounded_and_plain(name: str) -> None:
    cases.assert_harmless(cases.report_of(name))


@pytest.mark.parametrize("name", cases.NAMES)
def test_ends_by_its_deadline(name: str) -> None:
    run = cases.report_of(name).run
    assert run.complete is not cases.ends_early(name)
    assert run.seconds <= cases.scenario(name).run.deadline


@pytest.mark.parametrize("name", cases.SHOWN)
def test_each_peer_is_known_for_what_it_did(name: str) -> None:
    assert cases.shown(cases.report_of(name)) == cases.SHOWN[name]


def test_a_deadline_shorter_than_any_step_ends_a_run() -> None:
    asked = cases.scenario("deadline").run
    assert asked.deadline < asked.timeout
    report = cases.report_of("deadline")
    assert not report.run.complete
    assert report.verdict.status is not Status.OK
    cut = {
        observation.id
        for observation in report.observations
        if observation.failure and observation.failure.kind is FailureKind.DEADLINE
    }
    assert cut == {"tls/backup/10.0.1.17/443"}


@pytest.mark.parametrize("name", cases.METADATA)
def test_metadata_is_believed_as_far_as_it_is_good(name: str) -> None:
    assert cases.metadata(cases.report_of(name)) == cases.METADATA[name]


def test_every_hostile_metadata_is_known_for_what_it_did() -> None:
    assert {name for name in cases.NAMES if name.startswith("metadata-")} == set(cases.METADATA)


@pytest.mark.parametrize("name", sorted(set(cases.NAMES) - HARMLESS))
def test_nobody_who_means_harm_passes_for_aws(name: str) -> None:
    report = cases.report_of(name)
    assert report.verdict.status is not Status.OK
    if not name.startswith("proxy-"):  # behind a hostile proxy, the direct path is genuine
        assert report.verdict.access is not Access.ALLOWED


@pytest.mark.parametrize(
    ("kind", "host", "fails"),
    [
        ("spoofed-first", "spoofed-first.example.com", None),
        ("control-names", "control-names.example.com", None),
        ("spoofed", "spoofed.example.com", FailureKind.TIMEOUT),
        ("flood", "flood.example.com", FailureKind.TIMEOUT),
        ("tcp-silent", "tcp-silent.example.com", FailureKind.TIMEOUT),
        ("tcp-drip", "tcp-drip.example.com", FailureKind.TIMEOUT),
        ("thousands", "thousands.example.com", FailureKind.DNS_MALFORMED),
        ("addresses", "addresses.example.com", FailureKind.DNS_MALFORMED),
        ("cname-circle", "cname-circle.example.com", FailureKind.DNS_MALFORMED),
        ("cname-chain", "cname-chain.example.com", FailureKind.DNS_MALFORMED),
        ("pointer-loop", "pointer-loop.example.com", FailureKind.DNS_MALFORMED),
        ("cut-twice", "cut-twice.example.com", FailureKind.DNS_MALFORMED),
    ],
)
def test_each_answer_for_a_name_is_known_for_what_it_is(kind: str, host: str, fails: FailureKind | None) -> None:
    asked = [
        observation
        for observation in cases.report_of("names").observations
        if observation.id == f"dns/backup@{host}/10.0.0.2/A"
    ]
    assert [observation.failure.kind if observation.failure else None for observation in asked] == [fails], kind


def test_names_that_speak_to_a_terminal_are_kept_as_escapes() -> None:
    facts = [
        observation.facts for observation in cases.report_of("names").observations if "control-names" in observation.id
    ]
    answers = [answer for answer in facts if isinstance(answer, DnsFacts)]
    words = {word for answer in answers for word in (answer.canonical_name, answer.authority) if word is not None}
    assert len(words) == 1  # from the alias in the answer for A, or the zone in the answer for AAAA
    assert all(word.isprintable() and word.isascii() for word in words)


def test_what_peers_say_is_cut() -> None:
    for name in cases.NAMES:
        for observation in cases.report_of(name).observations:
            match observation.facts:
                case TlsFacts(certificates=certificates):
                    assert len(certificates) <= MAX_CERTIFICATES
                    for one in certificates:
                        assert len(one.names) <= MAX_NAMES
                        texts = (one.subject, one.issuer, one.issuer_organization or "", *one.names)
                        assert max(map(len, texts)) <= MAX_NAME_CHARACTERS
                case HttpFacts() as facts:
                    texts = tuple(filter(None, (facts.request_id, facts.server, facts.content_type, facts.location)))
                    assert all(len(word) <= MAX_HEADER_CHARACTERS for word in texts)
                case ImdsFacts(region=region):
                    assert region in (None, "eu-west-1")


@pytest.mark.parametrize("certificate", one_in(3, ["hostile-chain", "hostile-names", "hostile-texts"]))
def test_addresses_of_one_host_are_bounded_and_own_ones_are_never_crowded_out(certificate: str) -> None:
    report = judge(measured(scenarios.parse("crowd", crowd(certificate)))[0])
    cases.assert_harmless(report)
    for target in report.targets:
        own = [address for address in target.addresses if address.from_own_lookup]
        assert len(own) == MAX_ADDRESSES
        assert len(target.addresses) <= 2 * MAX_ADDRESSES
        tried = {
            observation.subject.address
            for observation in report.observations
            if observation.subject.target == target.id and observation.made
        }
        assert {address.address for address in own} <= tried
    assert report.verdict.status is not Status.OK


def crowd(certificate: str) -> str:
    """A scenario with the largest possible number of addresses. Each resolver returns the maximum number, no two
    resolvers return the same address, and at every address is a peer with long certificates and long answers.
    """
    resolvers = ("10.0.0.2", "10.0.9.53", "10.0.9.54", "169.254.169.253")
    rows, everywhere = [], []
    for service in ("backup", "backup-gateway"):
        for number, resolver in enumerate(resolvers):
            block = f"10.{1 + number}.{len(service)}"
            addresses = [f"{block}.{host}" for host in range(1, MAX_ADDRESSES + 1)]
            everywhere += addresses
            rows.append(
                f'[[dns]]\nresolvers = ["{resolver}"]\nname = "{service}.eu-west-1.amazonaws.com"\na = {addresses}\n'
            )
    return f"""
summary = "more addresses than anybody has"
[run]
services = ["backup", "backup-gateway"]
timeout = 4.0
[host]
resolvers = ["10.0.0.2", "10.0.9.53", "10.0.9.54"]
{"".join(rows)}
[[tcp]]
addresses = {everywhere}
ports = [443, 1026, 1027, 1028, 1031, 2222]
certificate = "{certificate}"
http = "hostile-xml-error"
[expect]
status = "critical"
path = "private"
findings = []
"""


def test_memory_stays_small(tmp_path: Path) -> None:
    """All scenarios run in one process, so its peak memory is that of the worst scenario, together with its peers."""
    peak = tmp_path / "peak"
    command = [
        sys.executable,
        str(cases.FOLDER / "peak.py"),
        str(peak),
        sys.executable,
        "-m",
        "tests.hostile.everything",
    ]
    done = subprocess.run(command, cwd=REPOSITORY, timeout=SUBPROCESS_SECONDS, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    # A run loads the library of one format; this process loads the libraries of all formats.
    assert int(peak.read_text("ascii")) < cases.MAX_MEMORY_BYTES + 10_000_000


@pytest.mark.parametrize("kinds", [HostilePeer, HostileHttp, HostileCertificate, HostileDns, HostileMetadata])
def test_every_kind_stands_in_a_scenario(kinds: Any) -> None:
    files = "".join(cases.toml(name) for name in cases.NAMES)
    assert [kind for kind in get_args(kinds) if f'"{kind}"' not in files] == []


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ('[[tcp]]\naddresses = []\nports = []\nspeaks = "hostile-"', "tcp[0].speaks"),
        ('[[tcp]]\naddresses = []\nports = []\nhttp = "hostile-tls-drip"', "tcp[0].http"),
        ('[[tcp]]\naddresses = []\nports = []\ncertificate = "hostile"', "tcp[0].certificate"),
        ('[[dns]]\nresolvers = []\nname = "x"\nanswer = "hostile-http2"', "dns[0].answer"),
        ('[metadata]\nanswer = "hostile-flood"', "metadata.answer"),
    ],
)
def test_a_kind_that_nobody_knows_is_refused(more: str, place: str) -> None:
    with pytest.raises(DecodeError) as caught:
        scenarios.parse("x", f'summary = "x"\n{more}\n[expect]\nstatus = "ok"\npath = "private"\nfindings = []\n')
    assert caught.value.where == place


def test_answer_of_thousands_of_records_is_refused_by_its_header_alone() -> None:
    """Reading the records would take seconds, in which the rest of the run would not continue."""
    asked = [
        observation
        for observation in cases.report_of("names").observations
        if "@thousands." in observation.id and observation.subject.resolver
    ]
    assert all(observation.failure and observation.failure.message.endswith(" records") for observation in asked)


def test_words_of_peers_in_a_finding_are_shown_by_their_beginning() -> None:
    """Each address of a target may have a different long message, and a finding quotes all of these messages."""
    report = cases.report_of("http-texts")
    long = tuple(replace(finding, detail="\U0001f600" * 200_000) for finding in report.findings)
    output = text.render(replace(report, findings=long))
    assert output.isascii()
    assert len(output) < cases.MAX_TEXT_BYTES
