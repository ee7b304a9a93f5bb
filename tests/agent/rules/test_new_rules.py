"""The rules that stand alone: settings and clock of this host, odd answers of DNS, single ports, certificates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any, Final

import pytest

from agent.codes import Severity
from agent.report import Run
from agent.rules.registry import RULES
from agent.settings import Expect
from probes.facts import HostFacts, HostsEntry, TlsFacts
from probes.model import Addressing, Failed, Observation, Ok, Target
from tests.agent.build import (
    BACKUP,
    CORPORATE,
    GATEWAY,
    PRIVATE,
    PUBLIC,
    RESOLVER,
    VPC_RESOLVER,
    Looks,
    addresses,
    answer,
    context,
    evidence,
    here,
    host,
    imds,
    lookup,
    proxy,
    rule_of,
    run,
    said,
    sdk,
    target,
    tcp,
    tls,
)
from tests.agent.calls import answered, api, credentials, metadata_proxy
from tests.aws_commands import complaint

A, B = PRIVATE
C = "10.0.3.17"
HOST: Final = "backup.eu-west-1.amazonaws.com"
PRIVATE_6: Final = "fd00::17"
PUBLIC_6: Final = "2600:1f18::17"
BOTH: Final = host("127.0.0.1/8", "10.0.3.5/24", "fd00::5/64")
"""A host with both families."""
ELSEWHERE: Final = imds(vpc=("10.0.0.0/16", "fd00::/56"))
FIPS: Final = target(host="backup-fips.eu-west-1.amazonaws.com", addressing=Addressing.FIPS)
VPCE: Final = target(
    host="vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com", addressing=Addressing.VPCE
)
CUSTOM: Final = target(host="backup.example.com", addressing=Addressing.CUSTOM)
AMAZON_ROOT: Final = "CN=Amazon Root CA 1,O=Amazon"
NOT_OFFERED: Final = target("backup-gateway", region="ap-southeast-3")
GATEWAY_PORTS: Final = (443, 1026, 1027, 1028, 1031)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one rule sees, and what it says of it."""

    code: str
    looks: Looks
    targets: Sequence[Target] = (BACKUP,)
    of: Run | None = None
    detail: str = ""
    """A part of it."""
    about: str | None = "backup"
    severity: Severity | None = None
    at: Sequence[str] | None = None
    shows: Sequence[str] | None = None

    def found(self) -> list[Any]:
        return said(rule_of(RULES, self.code), evidence(self.looks, targets=self.targets, of=self.of))


def fires(code: str, name: str, looks: Looks, **rest: Any) -> Any:
    return pytest.param(Case(code=code, looks=looks, **rest), id=f"{code} {name}")


silent = fires


def chosen(source: str, region: str = "us-east-1") -> Run:
    """A run whose Region came from somewhere."""
    return replace(run(), region=region, region_source=source)


def hosts_file(address: str) -> Observation[HostFacts]:
    """This host with a line of its own for the name."""
    seen = host()
    assert isinstance(seen.outcome, Ok)
    line = HostsEntry(address=ip_address(address), names=(HOST,))
    return replace(seen, outcome=Ok(replace(seen.outcome.facts, hosts_entries=(line,))))


def coded(look: Observation[Any], code: str) -> Observation[Any]:
    """The same failure with a code."""
    assert isinstance(look.outcome, Failed)
    return replace(look, outcome=Failed(replace(look.outcome.failure, code=code), look.outcome.facts))


def unstamped(look: Observation[TlsFacts]) -> Observation[TlsFacts]:
    """The same look of a report that lost its times."""
    return replace(look, started_at=None)


def ports(*closed: int, failed: str = "timeout", at: str = A) -> Looks:
    """Every port of a gateway at one address, those `closed` failing."""
    return [
        *here("backup-gateway", at),
        *(tcp(at, port, of="backup-gateway", failed=failed if port in closed else None) for port in GATEWAY_PORTS),
        tcp(at, 2222, of="backup-gateway", failed=failed if 2222 in closed else None),
    ]


def gave(*found: str, seen: Observation[Any] = BOTH, **rest: Any) -> Looks:
    """A lookup and its own name server's answer to it, on a host with both families in a VPC with both."""
    return [seen, sdk(), ELSEWHERE, proxy(), lookup(*found, **rest), answer(*found)]


FIRES = [
    # --- ENV003 metadata-disabled
    fires(
        "ENV003",
        "is information where nothing is missing for it",
        [coded(imds(failed="not-permitted"), "403"), credentials()],
        about=None,
        severity=Severity.INFO,
        detail="answers 403: it is switched off, or forbidden to this process",
        shows=["imds"],
    ),
    fires(
        "ENV003",
        "without credentials",
        [coded(imds(failed="not-permitted"), "404"), credentials(failed="no-credentials")],
        about=None,
        severity=Severity.WARNING,
    ),
    fires(
        "ENV003",
        "without a Region",
        [coded(imds(failed="not-permitted"), "403")],
        of=run(region=None),
        about=None,
        severity=Severity.WARNING,
    ),
    # --- ENV004 service-not-offered
    fires(
        "ENV004",
        "and no such name",
        [host(), sdk(), proxy(of="backup-gateway"), lookup(of="backup-gateway", failed="nxdomain")],
        targets=[NOT_OFFERED],
        about="backup-gateway",
        detail="backup-gateway is not offered in ap-southeast-3, says the table of this version; "
        "backup-gateway.ap-southeast-3.amazonaws.com is no endpoint.",
    ),
    fires(
        "ENV004",
        "and somebody else answers",
        [
            *here("backup-gateway", PUBLIC),
            answered(PUBLIC, of="backup-gateway", failed="not-aws", request_id=None),
        ],
        targets=[NOT_OFFERED],
        about="backup-gateway",
        at=[PUBLIC],
    ),
    fires(
        "ENV004",
        "and AWS answers all the same",
        [*here("backup-gateway", PUBLIC), answered(PUBLIC, of="backup-gateway")],
        targets=[NOT_OFFERED],
        about="backup-gateway",
        severity=Severity.INFO,
        detail="but AWS answers: the table lags behind.",
    ),
    fires(
        "ENV004",
        "and AWS answers the signed call",
        [*here("backup-gateway", PUBLIC), api(PUBLIC, of="backup-gateway", failed="access-denied")],
        targets=[NOT_OFFERED],
        about="backup-gateway",
        severity=Severity.INFO,
    ),
    # --- ENV005 sdk-endpoint-overridden
    fires(
        "ENV005",
        "to another host",
        [host(), sdk(urls={"backup": "https://backup.example.com"})],
        targets=[CUSTOM],
        about=CUSTOM.id,
        detail="sends calls to backup to https://backup.example.com.",
        shows=["host/sdk-settings"],
    ),
    fires(
        "ENV005",
        "to the endpoint's own name",
        [host(), sdk(urls={"backup": f"https://{VPCE.host}"})],
        targets=[VPCE],
        about=VPCE.id,
        severity=Severity.INFO,
        detail="which is a supported way.",
    ),
    fires(
        "ENV005",
        "with FIPS, which has no effect then",
        [host(), sdk(fips=True, urls={"backup": "https://backup.example.com"})],
        targets=[CUSTOM],
        about=CUSTOM.id,
        detail="The SDK's FIPS setting has no effect beside it.",
    ),
    fires(
        "ENV005",
        "to the same host without TLS",
        [host(), sdk(urls={"backup": f"http://{HOST}"})],
        detail=f"to http://{HOST}.",
    ),
    # --- ENV006 sdk-host-not-covered
    fires(
        "ENV006",
        "which does not exist",
        [*here("backup", A), lookup(of=FIPS.id, failed="nxdomain")],
        targets=[FIPS, context(BACKUP)],
        about=FIPS.id,
        detail=f"The SDK here calls {FIPS.host}, which is not private; {HOST} is: private DNS covers another name",
    ),
    fires(
        "ENV006",
        "which is public",
        [*here("backup", A), lookup(PUBLIC, of=FIPS.id)],
        targets=[FIPS, context(BACKUP)],
        about=FIPS.id,
        at=[PUBLIC],
        shows=[f"dns/{FIPS.id}/getaddrinfo", "dns/backup/getaddrinfo"],
    ),
    # --- ENV007 proxy-captures-endpoint
    fires(
        "ENV007",
        "by a variable",
        [*here("backup", A), proxy("http://***@10.0.0.9:3128")],
        detail=f"send calls for {HOST} to http://***@10.0.0.9:3128",
        shows=["host/backup/proxy"],
    ),
    # --- ENV008 region-mismatch
    fires(
        "ENV008",
        "by a variable",
        [imds()],
        of=chosen("AWS_REGION"),
        about=None,
        detail="AWS_REGION says us-east-1; this instance is in eu-west-1.",
        shows=["imds"],
    ),
    # --- ENV010 clock-skew
    fires(
        "ENV010",
        "by a minute",
        [*here("backup", A), answered(A, offset=60.0)],
        about=None,
        severity=Severity.WARNING,
        detail="This host's clock is 60 s ahead of that of AWS, give or take 1.0 s. Over 60 s can break a gateway "
        "appliance's TLS.",
    ),
    fires(
        "ENV010",
        "by five minutes",
        [*here("backup", A), answered(A, offset=-300.0)],
        about=None,
        severity=Severity.CRITICAL,
        detail="300 s behind that of AWS, give or take 1.0 s. Signed calls may be refused from 5 minutes on (the "
        "window is 5 or 15 minutes).",
    ),
    fires(
        "ENV010",
        "by the signed call alone",
        [*here("backup", A), api(A, failed="clock-skew", offset=900.0)],
        about=None,
        severity=Severity.CRITICAL,
        shows=["api/backup/10.0.1.17/443"],
    ),
    fires(
        "ENV010",
        "takes the smallest of several",
        [*here("backup", A, B), answered(A, offset=400.0), answered(B, offset=70.0)],
        about=None,
        severity=Severity.WARNING,
        detail="70 s ahead",
    ),
    fires(
        "ENV010",
        "by metadata, where no handshake came to its end",
        [*here("backup", A), imds(offset=4000.0, uncertainty=0.5), tls(A, failed="tls-expired")],
        about=None,
        severity=Severity.CRITICAL,
        detail="4000 s ahead of that of AWS, give or take 1.5 s",
        shows=["imds"],
    ),
    fires(
        "ENV010",
        "by an answer over TLS, whatever metadata says in clear",
        [*here("backup", A), imds(offset=0.3), answered(A, offset=400.0)],
        about=None,
        severity=Severity.CRITICAL,
    ),
    fires(
        "ENV010",
        "by no more than is sure",
        [imds(offset=301.0, uncertainty=2.0)],
        about=None,
        severity=Severity.WARNING,
    ),
    # --- ENV011 proxy-captures-metadata
    fires(
        "ENV011",
        "by a variable",
        [metadata_proxy("http://10.0.0.9:3128")],
        about=None,
        detail="send requests for instance metadata to http://10.0.0.9:3128,",
        shows=["host/metadata-proxy"],
    ),
    # --- ENV012 outside-vpc
    fires(
        "ENV012",
        "by silence of both",
        [host(ec2=None), imds(failed="timeout"), answer(by=VPC_RESOLVER, failed="timeout")],
        about=None,
        detail="outside AWS",
        shows=["imds", f"dns/backup/{VPC_RESOLVER}/A"],
    ),
    fires(
        "ENV012",
        "where another cloud's metadata says no",
        [host(ec2=None), imds(failed="not-permitted"), answer(by=VPC_RESOLVER, failed="timeout")],
        about=None,
        detail="Instance metadata gives no identity here, and no VPC's resolver answers",
    ),
    # --- DNS005 resolver-servfail
    fires(
        "DNS005",
        "by one server",
        [host(), lookup(failed="servfail"), answer(failed="servfail")],
        detail=f"This host cannot look {HOST} up, and {RESOLVER} gives no usable answer: it said servfail.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A"],
    ),
    fires(
        "DNS005",
        "by two",
        [
            host(resolvers=(RESOLVER, CORPORATE)),
            lookup(failed="servfail"),
            answer(failed="dns-malformed"),
            answer(failed="servfail", by=CORPORATE),
        ],
        detail=f"{RESOLVER} and {CORPORATE} give no usable answer: it said dns-malformed and it said servfail.",
    ),
    # --- DNS006 empty-answer
    fires(
        "DNS006",
        "of both families",
        [host(), lookup(failed="nodata"), answer(record="A"), answer(record="AAAA")],
        detail=f"{HOST} exists for this host and has no address, IPv4 or IPv6.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A", f"dns/backup/{RESOLVER}/AAAA"],
    ),
    # --- DNS008 mixed-answer
    fires(
        "DNS008",
        "by IPv4",
        gave(A, PUBLIC),
        at=[PUBLIC],
        detail=f"gives {A}, which are private, and {PUBLIC}, which are not",
    ),
    fires("DNS008", "by IPv6", gave(A, PRIVATE_6, PUBLIC_6), at=[PUBLIC_6]),
    # --- DNS010 bogus-address
    fires("DNS010", "loopback", gave("127.0.0.1"), at=["127.0.0.1"], detail="127.0.0.1, which no endpoint can have."),
    fires("DNS010", "unspecified", gave("0.0.0.0"), at=["0.0.0.0"]),  # noqa: S104 - an answer, nothing listens
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
    # --- DNS011 public-ipv6-beside-private-ipv4
    fires("DNS011", "and no private IPv6", gave(A, PUBLIC_6), at=[PUBLIC_6], detail=f"public by IPv6 ({PUBLIC_6})"),
    # --- DNS012 nat64-answer
    fires(
        "DNS012",
        "of a public address",
        gave("64:ff9b::345f:6f1e"),
        severity=Severity.WARNING,
        detail="64:ff9b::345f:6f1e, made by DNS64",
    ),
    fires("DNS012", "of a private one", gave("64:ff9b::a00:111"), severity=Severity.INFO),
    # --- DNS013 resolver-refused
    fires(
        "DNS013",
        "by one server",
        [host(), lookup(failed="servfail"), answer(failed="dns-refused")],
        detail=f"{RESOLVER} refuses to answer.",
    ),
    # --- TCP007 support-port-blocked
    fires(
        "TCP007",
        "in silence",
        ports(2222),
        targets=[GATEWAY],
        about="backup-gateway",
        at=[A],
        detail="Port 2222 does not connect at 10.0.1.17, all others do.",
        shows=["tcp/backup-gateway/10.0.1.17/2222"],
    ),
    fires("TCP007", "refused", ports(2222, failed="refused"), targets=[GATEWAY], about="backup-gateway"),
    # --- TCP008 ipv6-path-broken
    fires(
        "TCP008",
        "IPv6",
        [*gave(A, B, PRIVATE_6), tcp(A), tcp(B), tcp(PRIVATE_6, failed="timeout")],
        at=[PRIVATE_6],
        detail="443 fails at every IPv6 address (fd00::17) and connects at every IPv4 one.",
        shows=["tcp/backup/fd00::17/443"],
    ),
    fires(
        "TCP008",
        "IPv4",
        [*gave(A, PRIVATE_6), tcp(A, failed="refused"), tcp(PRIVATE_6)],
        at=[A],
        detail="Clients that prefer IPv4",
    ),
    # --- TCP011 no-source-port
    fires(
        "TCP011",
        "on 443",
        [*here("backup", A), tcp(A, failed="no-source-port")],
        at=[A],
        detail="no free source port left for 10.0.1.17.",
    ),
    fires(
        "TCP011",
        "on a gateway's port",
        ports(1031, failed="no-source-port"),
        targets=[GATEWAY],
        about="backup-gateway",
        shows=["tcp/backup-gateway/10.0.1.17/1031"],
    ),
    # --- TLS002 trusted-interception
    fires(
        "TLS002",
        "by a local authority",
        [*here("backup", A), tls(A, issuer="CN=Proxy CA,O=Example Corp", organization="Example Corp")],
        at=[A],
        detail="was issued by CN=Proxy CA,O=Example Corp, which this host trusts and which is not Amazon",
    ),
    # --- TLS007 certificate-time
    fires(
        "TLS007",
        "expired",
        [*here("backup", A), tls(A, failed="tls-expired", issuer=AMAZON_ROOT)],
        at=[A],
        detail="not valid at this host's time, 2026-03-01 12:00 UTC; it is from 2026-03-01 to 2026-03-01.",
    ),
    fires(
        "TLS007",
        "not yet valid, and no certificate read",
        [*here("backup", A), tls(A, failed="tls-not-yet-valid")],
        detail="not valid at this host's time, 2026-03-01 12:00 UTC.",
    ),
    fires(
        "TLS007",
        "of a report without times",
        [*here("backup", A), unstamped(tls(A, failed="tls-expired"))],
        detail="At 10.0.1.17 the certificate is not valid at this host's time.",
    ),
    # --- TLS008 trust-store-broken
    fires(
        "TLS008",
        "without Amazon's root",
        [*here("backup", A), tls(A, failed="tls-untrusted", issuer=AMAZON_ROOT)],
        at=[A],
        detail="names Amazon as its issuer, and /etc/ssl/certs does not verify it",
    ),
    fires(
        "TLS008",
        "cannot be read",
        [*here("backup", A), tls(A, failed="tls-no-trust-store", facts=False)],
        at=[A],
        detail="No certificate could be verified: it said tls-no-trust-store.",
    ),
]


@pytest.mark.parametrize("case", FIRES)
def test_fires(case: Case) -> None:
    [found] = case.found()
    assert found.code == case.code
    assert found.target == case.about
    assert case.detail in found.detail
    assert found.severity is case.severity
    if case.at is not None:
        assert found.addresses == frozenset(addresses(*case.at))
    if case.shows is not None:
        assert found.evidence == tuple(case.shows)
    assert set(found.evidence) <= {each.id for each in case.looks}


@pytest.mark.parametrize("case", FIRES)
def test_the_aws_cli_would_take_the_commands(case: Case) -> None:
    [found] = case.found()
    asked = [command.argv for command in found.fix.commands if command.argv[0] == "aws"]
    assert [why for words in asked if (why := complaint(words)) is not None] == []


SILENT = [
    silent("ENV003", "metadata answers", [imds()]),
    silent("ENV003", "silence is ENV002", [imds(failed="timeout")]),
    silent("ENV003", "metadata is switched off here", [imds(skipped="AWS_EC2_METADATA_DISABLED is set")]),
    silent("ENV003", "never asked", []),
    silent("ENV004", "offered", [*here("backup-gateway"), lookup(of="backup-gateway", failed="nxdomain")]),
    silent("ENV004", "somebody made an endpoint", here("backup-gateway", A), targets=[NOT_OFFERED]),
    silent(
        "ENV004",
        "an endpoint that was named",
        [lookup(of="backup-gateway@gw.example.com", failed="nxdomain")],
        targets=[
            target("backup-gateway", region="ap-southeast-3", host="gw.example.com", addressing=Addressing.CUSTOM)
        ],
    ),
    silent("ENV004", "the name was not looked up", [host(), sdk()], targets=[NOT_OFFERED]),
    silent(
        "ENV004",
        "the look-up was cut short",
        [host(), sdk(), lookup(of="backup-gateway", failed="deadline")],
        targets=[NOT_OFFERED],
    ),
    silent("ENV005", "no URL", [host(), sdk()]),
    silent("ENV005", "a URL of another service", [sdk(urls={"backup-gateway": "https://x.example"})]),
    silent("ENV005", "a URL that --endpoint outranks", [sdk(urls={"backup": "https://x.example"})], targets=[VPCE]),
    silent("ENV005", "a URL that says what is so anyway", [sdk(urls={"backup": f"https://{HOST}"})]),
    silent("ENV005", "for comparison", [sdk(urls={"backup": f"https://{HOST}"})], targets=[context(BACKUP)]),
    silent("ENV005", "settings that cannot be read", [sdk(failed="malformed")], targets=[CUSTOM]),
    silent(
        "ENV006",
        "both are private",
        [*here("backup", A), lookup(B, of=FIPS.id)],
        targets=[FIPS, context(BACKUP)],
    ),
    silent(
        "ENV006",
        "none is",
        [*here("backup", PUBLIC), lookup(PUBLIC, of=FIPS.id)],
        targets=[FIPS, context(BACKUP)],
    ),
    silent("ENV006", "no other name", here("backup", PUBLIC)),
    silent(
        "ENV006",
        "public is expected",
        [*here("backup", A), lookup(PUBLIC, of=FIPS.id)],
        targets=[FIPS, context(BACKUP)],
        of=run(expect=Expect.PUBLIC),
    ),
    silent(
        "ENV006",
        "nobody answered for the name",
        [*here("backup", A), lookup(of=FIPS.id, failed="timeout")],
        targets=[FIPS, context(BACKUP)],
    ),
    silent(
        "ENV006",
        "the server failed",
        [*here("backup", A), lookup(of=FIPS.id, failed="servfail")],
        targets=[FIPS, context(BACKUP)],
    ),
    silent("ENV006", "not looked up", here("backup", A), targets=[FIPS, context(BACKUP)]),
    silent("ENV006", "an endpoint's name", [*here("backup", A), lookup(PUBLIC, of=VPCE.id)], targets=[VPCE, BACKUP]),
    silent("ENV007", "straight", here("backup", A)),
    silent("ENV007", "a proxy of another target", [*here("backup", A), proxy("http://x", of="backup-gateway")]),
    silent("ENV007", "not looked at", [host()]),
    silent("ENV007", "the look failed", [proxy(failed="bug")]),
    silent("ENV008", "the same", [imds()], of=chosen("AWS_REGION", "eu-west-1")),
    silent("ENV008", "meant", [imds()], of=chosen("--region")),
    silent("ENV008", "metadata is silent", [imds(failed="timeout")], of=chosen("AWS_REGION")),
    silent("ENV008", "no Region", [imds()], of=run(region=None)),
    silent("ENV010", "less than a minute", [*here("backup", A), answered(A, offset=59.9)]),
    silent(
        "ENV010", "one answer says that it is right", [*here("backup", A, B), answered(A, offset=400.0), answered(B)]
    ),
    silent("ENV010", "somebody else's clock", [*here("backup", A), answered(A, offset=400.0, request_id=None)]),
    silent("ENV010", "an address that this host does not use", [*here("backup", A), answered(C, offset=400.0)]),
    silent("ENV010", "without a Date", [*here("backup", A), answered(A, offset=None)]),
    silent("ENV010", "no answer", here("backup", A)),
    silent("ENV010", "not for sure a minute", [imds(offset=61.0, uncertainty=2.0)]),
    silent(
        "ENV010", "metadata is off, an answer is right", [*here("backup", A), imds(offset=400.0), answered(A)]
    ),
    silent("ENV010", "metadata without a token", [imds(offset=400.0, token=False)]),
    silent("ENV011", "straight", [metadata_proxy(None)]),
    silent("ENV011", "not looked at", []),
    silent(
        "ENV012", "the firmware says EC2", [host(), imds(failed="timeout"), answer(by=VPC_RESOLVER, failed="timeout")]
    ),
    silent("ENV012", "metadata answers", [host(ec2=None), imds(), answer(by=VPC_RESOLVER, failed="timeout")]),
    silent(
        "ENV012", "the VPC's resolver answers", [host(ec2=None), imds(failed="timeout"), answer(A, by=VPC_RESOLVER)]
    ),
    silent("ENV012", "nobody asked metadata", [host(ec2=None), answer(by=VPC_RESOLVER, failed="timeout")]),
    silent(
        "ENV012",
        "metadata is switched off",
        [host(ec2=None), imds(skipped="x"), answer(by=VPC_RESOLVER, failed="timeout")],
    ),
    silent("ENV012", "nobody asked the resolver", [host(ec2=None), imds(failed="timeout")]),
    silent(
        "ENV012",
        "the resolver was cut short",
        [host(ec2=None), imds(failed="timeout"), answer(by=VPC_RESOLVER, failed="deadline")],
    ),
    silent("DNS005", "the look-up succeeds", [host(), lookup(A), answer(failed="servfail")]),
    silent(
        "DNS005",
        "only another resolver fails",
        [host(), lookup(failed="servfail"), answer(failed="servfail", by=CORPORATE)],
    ),
    silent("DNS005", "the server is silent", [host(), lookup(failed="servfail"), answer(failed="timeout")]),
    silent("DNS005", "refused is DNS013", [host(), lookup(failed="servfail"), answer(failed="dns-refused")]),
    silent("DNS005", "no such name", [host(), lookup(failed="nxdomain"), answer(failed="nxdomain")]),
    silent("DNS005", "not looked up", [host(), answer(failed="servfail")]),
    silent("DNS006", "one family is there", [host(), lookup(A), answer(A), answer(record="AAAA")]),
    silent("DNS006", "no such name", [host(), lookup(failed="nxdomain"), answer(failed="nxdomain")]),
    silent("DNS006", "not looked up", [host(), answer(record="A")]),
    silent("DNS008", "all private", gave(A, B)),
    silent("DNS008", "all public", gave(PUBLIC)),
    silent("DNS008", "of two families", gave(A, PUBLIC_6)),
    silent("DNS008", "public is no fault", gave(A, PUBLIC), of=run(expect=Expect.ANY)),
    silent("DNS008", "a resolver's alone", [*gave(A), answer(A, PUBLIC, by=CORPORATE)]),
    silent("DNS008", "not looked up", [BOTH, answer(A, PUBLIC)]),
    silent("DNS010", "private", gave(A)),
    silent("DNS010", "public", gave(PUBLIC)),
    silent("DNS010", "a resolver's alone", [*gave(A), answer("127.0.0.1", by=CORPORATE)]),
    silent("DNS010", "said to be private", gave("192.0.2.1"), of=run(private_cidrs=["192.0.2.0/24"])),
    silent("DNS010", "not looked up", [BOTH, answer("127.0.0.1")]),
    silent("DNS011", "private by both", gave(A, PRIVATE_6)),
    silent("DNS011", "public by both", gave(PUBLIC, PUBLIC_6)),
    silent("DNS011", "private IPv6 beside it is DNS008", gave(A, PRIVATE_6, PUBLIC_6)),
    silent("DNS011", "a host without IPv6", gave(A, PUBLIC_6, seen=host())),
    silent("DNS011", "public is no fault", gave(A, PUBLIC_6), of=run(expect=Expect.ANY)),
    silent("DNS011", "the VPC's IPv6 blocks are not known", [BOTH, imds(failed="timeout"), lookup(A, PUBLIC_6)]),
    silent("DNS011", "not looked up", [BOTH, ELSEWHERE, answer(PUBLIC_6)]),
    silent("DNS012", "another prefix", gave("fd00:64::a00:111")),
    silent("DNS012", "a host without IPv6", gave("64:ff9b::345f:6f1e", seen=host())),
    silent("DNS012", "not looked up", [BOTH, answer("64:ff9b::345f:6f1e")]),
    silent(
        "DNS013", "another server refuses", [host(), lookup(A), answer(A), answer(failed="dns-refused", by=CORPORATE)]
    ),
    silent("DNS013", "the look-up succeeds", [host(), lookup(A), answer(failed="dns-refused")]),
    silent("DNS013", "it fails is DNS005", [host(), lookup(failed="servfail"), answer(failed="servfail")]),
    silent("DNS013", "not looked up", [host(), answer(failed="dns-refused")]),
    silent("TCP007", "open", ports(), targets=[GATEWAY]),
    silent("TCP007", "another is closed, too", ports(2222, 1031), targets=[GATEWAY]),
    silent("TCP007", "all are", ports(2222, *GATEWAY_PORTS), targets=[GATEWAY]),
    silent("TCP007", "this host stops it", ports(2222, failed="prohibited"), targets=[GATEWAY]),
    silent("TCP007", "cut short", ports(2222, failed="deadline"), targets=[GATEWAY]),
    silent(
        "TCP007",
        "the others were not measured",
        [*here("backup-gateway", A), tcp(A, 2222, of="backup-gateway", failed="timeout")],
        targets=[GATEWAY],
    ),
    silent(
        "TCP007",
        "one of the others was not measured",
        [*ports(2222), tcp(A, 1031, of="backup-gateway", failed="deadline")],
        targets=[GATEWAY],
    ),
    silent("TCP008", "both connect", [*gave(A, PRIVATE_6), tcp(A), tcp(PRIVATE_6)]),
    silent("TCP008", "both fail", [*gave(A, PRIVATE_6), tcp(A, failed="timeout"), tcp(PRIVATE_6, failed="timeout")]),
    silent(
        "TCP008",
        "one of two of a family fails",
        [*gave(A, B, PRIVATE_6), tcp(A), tcp(B, failed="timeout"), tcp(PRIVATE_6)],
    ),
    silent("TCP008", "one family alone", [*gave(A, B), tcp(A), tcp(B, failed="timeout")]),
    silent(
        "TCP008",
        "the other was not measured",
        [*gave(A, PRIVATE_6), tcp(A, skipped="x"), tcp(PRIVATE_6, failed="timeout")],
    ),
    silent("TCP011", "connects", [*here("backup", A), tcp(A)]),
    silent("TCP011", "silence", [*here("backup", A), tcp(A, failed="timeout")]),
    silent("TCP011", "an address that this host does not use", [*here("backup", A), tcp(C, failed="no-source-port")]),
    silent("TCP011", "the support channel", ports(2222, failed="no-source-port"), targets=[GATEWAY]),
    silent("TCP011", "never tried", here("backup", A)),
    silent("TLS002", "Amazon's", [*here("backup", A), tls(A)]),
    silent(
        "TLS002",
        "not trusted is TLS001",
        [*here("backup", A), tls(A, failed="tls-untrusted", issuer="CN=x", organization="X")],
    ),
    silent(
        "TLS002",
        "where others than Amazon issue them",
        [*here("backup", A), tls(A, issuer="CN=DigiCert", organization="DigiCert Inc")],
        targets=[target(region="cn-north-1")],
    ),
    silent(
        "TLS002",
        "an address that this host does not use",
        [*here("backup", A), tls(C, issuer="CN=x", organization="X")],
    ),
    silent("TLS002", "not made", [*here("backup", A), tls(A, skipped="tcp failed")]),
    silent("TLS007", "valid", [*here("backup", A), tls(A)]),
    silent("TLS007", "another fault", [*here("backup", A), tls(A, failed="tls-untrusted", issuer="CN=x")]),
    silent("TLS007", "a gateway's port", [*here("backup", A), tls(A, 1026, failed="tls-expired")]),
    silent("TLS007", "not made", [*here("backup", A), tls(A, skipped="tcp failed")]),
    silent("TLS008", "verified", [*here("backup", A), tls(A)]),
    silent(
        "TLS008",
        "another's issuer is TLS001",
        [*here("backup", A), tls(A, failed="tls-untrusted", issuer="CN=x", organization="X")],
    ),
    silent("TLS008", "the chain could not be read", [*here("backup", A), tls(A, failed="tls-untrusted")]),
    silent("TLS008", "a gateway's port", [*here("backup", A), tls(A, 1026, failed="tls-no-trust-store")]),
    silent("TLS008", "not made", [*here("backup", A), tls(A, skipped="tcp failed")]),
]


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: Case) -> None:
    assert case.found() == []


def test_each_rule_fires_and_is_silent() -> None:
    assert {param.values[0].code for param in FIRES} == {param.values[0].code for param in SILENT}
