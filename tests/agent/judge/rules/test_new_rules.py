"""The rules that stand alone: settings and clock of this host, odd answers of DNS, single ports, certificates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any, Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.rules.registry import RULES
from agent.report.model import Run
from agent.settings import Expect
from probes.facts import HostFacts, HostsEntry, LookupFacts, TlsFacts
from probes.model import Addressing, Failed, Observation, Ok, Target
from probes.operations import APPLIANCE, DUAL_STACK_NAME
from tests.support.aws_commands import complaint
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
    here,
    host,
    http,
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
from tests.support.calls import answered, api, credentials, metadata_proxy

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
DUAL_STACK: Final = "backup.eu-west-1.api.aws"
OVERRIDE: Final = "override.example.com"
OUTSIDE: Final = "10.99.0.1"
"""Private, and in none of the VPC's blocks."""
STALE: Final = "10.0.9.9"
AT_BRIDGE: Final = "172.17.1.17"
"""In a VPC whose block is that of docker0."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one rule sees, and what it says of it."""

    code: str
    looks: Observations
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


def fires(code: str, name: str, looks: Observations, **rest: Any) -> Any:
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


def appliance(label: str, failed: str | None, *found: str) -> Observation[LookupFacts]:
    """The host's own lookup of a name that a gateway appliance uses."""
    return lookup(*found, of="backup-gateway", failed=failed, operation=f"{APPLIANCE}{label}")


def sent(
    address: str,
    interface: str | None,
    source: str | None,
    *beside: tuple[str, str],
    vpc: str = "10.0.0.0/16",
    **how: Any,
) -> Observations:
    """One attempt that leaves by an interface, on a host with ens5 and those `beside` it."""
    attempt = tcp(address, interface=interface, source=source, **({"failed": "timeout"} | how))
    return [host(beside=beside), sdk(), imds(vpc=[vpc]), proxy(), lookup(address), answer(address), attempt]


def coded(look: Observation[Any], code: str) -> Observation[Any]:
    """The same failure with a code."""
    assert isinstance(look.outcome, Failed)
    return replace(look, outcome=Failed(replace(look.outcome.failure, code=code), look.outcome.facts))


def unstamped(look: Observation[TlsFacts]) -> Observation[TlsFacts]:
    """The same look of a report that lost its times."""
    return replace(look, started_at=None)


def ports(*closed: int, failed: str = "timeout", at: str = A) -> Observations:
    """Every port of a gateway at one address, those `closed` failing."""
    return [
        *here("backup-gateway", at),
        *(tcp(at, port, of="backup-gateway", failed=failed if port in closed else None) for port in GATEWAY_PORTS),
        tcp(at, 2222, of="backup-gateway", failed=failed if 2222 in closed else None),
    ]


def gave(*found: str, seen: Observation[Any] = BOTH, **rest: Any) -> Observations:
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
    fires(
        "ENV006",
        "which is public, beside a dual-stack name that is not",
        [host(), sdk(), imds(), proxy(), lookup(PUBLIC), lookup(A, operation=DUAL_STACK_NAME)],
        at=[PUBLIC],
        detail=f"The SDK here calls {HOST}, which is not private; {DUAL_STACK} is: private DNS covers another name "
        "than the one in use.",
        shows=["dns/backup/getaddrinfo", "dns/backup/dual-stack-name"],
    ),
    fires(
        "ENV006",
        "which does not exist, beside a dual-stack name of a family that this host has",
        [BOTH, imds(), proxy(), lookup(failed="nxdomain"), lookup(PRIVATE_6, operation=DUAL_STACK_NAME)],
        at=[],
        shows=["dns/backup/dual-stack-name"],
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
    # --- ENV009 hosts-file-override
    fires(
        "ENV009",
        "beside other answers",
        [host(lines=[(A, HOST)]), lookup(A), answer(B)],
        at=[A],
        detail=f"The hosts file of this host says that {HOST} is {A}; the name servers give {B}. Addresses of an "
        "endpoint change when it is made anew, and a hosts file does not follow.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A"],
    ),
    fires(
        "ENV009",
        "says what the name server says as well",
        [host(lines=[(A, HOST)]), lookup(A), answer(A)],
        at=[],
        detail=f"says that {HOST} is {A}. Addresses of an endpoint",
    ),
    fires(
        "ENV009",
        "of two addresses, one of which a name server gives as well",
        [host(lines=[(A, HOST), (B, HOST)]), lookup(A, B), answer(A, C)],
        at=[B],
        detail=f"is {A} and {B}; the name servers give {A} and {C}.",
    ),
    fires(
        "ENV009",
        "where another server than the configured one gives it as well",
        [host(lines=[(A, HOST)]), lookup(A), answer(B), answer(A, by=CORPORATE)],
        at=[],
    ),
    fires(
        "ENV009",
        "while no name server answers",
        [host(lines=[(A, HOST)]), lookup(A), answer(failed="timeout")],
        at=[A],
        shows=["dns/backup/getaddrinfo"],
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
    *(
        fires(
            "DNS005",
            f"by silence for one name ({kind}) while another is answered",
            [
                host(),
                lookup(failed="timeout"),
                answer(failed=kind),
                lookup(of="backup-gateway", failed=None if there is None else there),
                answer(*(() if there else (A,)), of="backup-gateway", failed=there),
            ],
            targets=[BACKUP, GATEWAY],
            at=[],
            detail=f"This host cannot look {HOST} up, and {RESOLVER} gives no usable answer: nothing for this name (it "
            f"said {kind}).",
            shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A"],
        )
        for kind, there in (("timeout", None), ("reset", None), ("closed", None), ("timeout", "nxdomain"))
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
        detail=f"{CORPORATE} gives no usable answer: it said servfail.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{CORPORATE}/A"],
    ),
    # --- DNS006 empty-answer
    fires(
        "DNS006",
        "of both families",
        [host(), lookup(failed="nodata"), answer(record="A"), answer(record="AAAA")],
        detail=f"{HOST} exists for this host and has no address, IPv4 or IPv6.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A", f"dns/backup/{RESOLVER}/AAAA"],
    ),
    # --- DNS007 answer-redirected
    fires(
        "DNS007",
        "to a name of somebody else's",
        [*here("backup", A), answer(A, alias=OVERRIDE)],
        at=[A],
        detail=f"{HOST} leads by CNAME to {OVERRIDE}, which is no name of backup's; {RESOLVER} says so.",
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
        detail=f"to block.example.com and {OVERRIDE}, which is no name of backup's; {RESOLVER} and {CORPORATE} say so.",
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
    # --- DNS008 mixed-answer
    fires(
        "DNS008",
        "by IPv4",
        gave(A, PUBLIC),
        at=[PUBLIC],
        detail=f"gives {A}, which are private, and {PUBLIC}, which are not",
    ),
    fires("DNS008", "by IPv6", gave(A, PRIVATE_6, PUBLIC_6), at=[PUBLIC_6]),
    # --- DNS009 answer-outside-vpc
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
    # --- DNS014 appliance-names-shadowed
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
    # --- DNS015 system-lookup-differs
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
        at=[PUBLIC],
        detail=f"This host looks {HOST} up and gets {PUBLIC}, while every name server that was asked gives {A} and "
        f"{B}.",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{CORPORATE}/A", f"dns/backup/{CORPORATE}/AAAA"],
    ),
    fires(
        "DNS015",
        "is critical where the look-up fails",
        [host(), imds(), lookup(failed="nxdomain"), answer(A), answer(by=VPC_RESOLVER, failed="timeout")],
        severity=Severity.CRITICAL,
        at=[],
        detail="and gets no address (it said nxdomain), while",
        shows=["dns/backup/getaddrinfo", f"dns/backup/{RESOLVER}/A"],
    ),
    fires(
        "DNS015",
        "by an answer of a family that this host lacks",
        [host(), imds(), lookup(PUBLIC_6), answer(A)],
        at=[],
        detail=f"gets {PUBLIC_6}, of a family that this host does not have, while",
    ),
    fires(
        "DNS015",
        "by an address that no server gave and that does not connect",
        [*here("backup", STALE), answer(A, B), tcp(STALE, failed="timeout"), tcp(A, failed="timeout"), tcp(B)],
        at=[STALE],
        detail=f"This host resolves {HOST} to {STALE}, which no name server gave and which does not connect; they give "
        f"{A} and {B}.",
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
        at=[STALE, "10.0.9.10", A],
        detail=f"to {STALE} and 10.0.9.10, which no name server gave and which do not connect; they give {A}.",
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
    # --- TCP010 wrong-interface
    *(
        fires(
            "TCP010",
            f"{name}, a bridge of containers",
            sent(AT_BRIDGE, name, "172.17.0.1", (name, "172.17.0.1/16"), vpc="172.17.0.0/16"),
            at=[AT_BRIDGE],
            detail=f"This host sends to {AT_BRIDGE}: by {name}, a bridge of containers.",
            shows=[f"tcp/backup/{AT_BRIDGE}/443"],
        )
        for name in ("docker0", "br-0123456789ab")
    ),
    fires(
        "TCP010",
        "wg0, a tunnel, inside the VPC",
        sent(A, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32")),
        at=[A],
        detail=f"This host sends to {A}: by wg0, a tunnel, though it is in this VPC.",
    ),
    fires(
        "TCP010",
        "another than the own subnet's",
        sent(C, "ens6", "10.0.9.5", ("ens6", "10.0.9.5/24")),
        at=[C],
        detail=f"This host sends to {C}: by ens6, though ens5 is in the address's own subnet.",
    ),
    fires(
        "TCP010",
        "with the source of another",
        sent(A, "ens6", "10.0.3.5", ("ens6", "10.0.9.5/24"), failed="unreachable"),
        at=[A],
        detail=f"This host sends to {A}: by ens6, with 10.0.3.5 of ens5 as its source.",
    ),
    fires(
        "TCP010",
        "while another source connects",
        [*sent(A, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32")), lookup(A, B), tcp(B, interface="ens5")],
        at=[A],
        shows=[f"tcp/backup/{A}/443"],
    ),
    fires(
        "TCP010",
        "for two reasons",
        [
            *sent(A, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32"), ("ens6", "10.0.9.5/24")),
            lookup(A, B),
            tcp(B, failed="timeout", interface="ens6"),
        ],
        at=[A, B],
        detail=f"sends to {A}: by wg0, a tunnel, though it is in this VPC; to {B}: by ens6, with 10.0.3.5 of ens5 as "
        "its source.",
        shows=[f"tcp/backup/{A}/443", f"tcp/backup/{B}/443"],
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
    silent(
        "ENV006",
        "the dual-stack name is private in a family that this host lacks",
        [host(), imds(), proxy(), lookup(PUBLIC), lookup(PRIVATE_6, operation=DUAL_STACK_NAME)],
    ),
    silent(
        "ENV006",
        "the dual-stack name is public as well",
        [host(), imds(), proxy(), lookup(PUBLIC), lookup(PUBLIC, operation=DUAL_STACK_NAME)],
    ),
    silent(
        "ENV006",
        "the dual-stack name does not exist",
        [host(), imds(), proxy(), lookup(PUBLIC), lookup(operation=DUAL_STACK_NAME, failed="nxdomain")],
    ),
    silent(
        "ENV006",
        "the default name is private as well as the dual-stack one",
        [host(), imds(), proxy(), lookup(A), lookup(B, operation=DUAL_STACK_NAME)],
    ),
    silent("ENV007", "straight", here("backup", A)),
    silent("ENV007", "a proxy of another target", [*here("backup", A), proxy("http://x", of="backup-gateway")]),
    silent("ENV007", "not looked at", [host()]),
    silent("ENV007", "the look failed", [proxy(failed="bug")]),
    silent("ENV008", "the same", [imds()], of=chosen("AWS_REGION", "eu-west-1")),
    silent("ENV008", "meant", [imds()], of=chosen("--region")),
    silent("ENV008", "metadata is silent", [imds(failed="timeout")], of=chosen("AWS_REGION")),
    silent("ENV008", "no Region", [imds()], of=run(region=None)),
    silent("ENV009", "no line", [host(), lookup(A), answer(B)]),
    silent("ENV009", "a line of another name", [host(lines=[(A, FIPS.host)]), lookup(A), answer(B)]),
    silent("ENV009", "a line that programs do not follow", [host(lines=[(B, HOST)]), lookup(A), answer(A)]),
    silent("ENV009", "not looked up", [host(lines=[(A, HOST)]), answer(B)]),
    silent("ENV009", "nothing is known of this host", [host(failed="bug", lines=[(A, HOST)]), lookup(A), answer(B)]),
    silent("ENV010", "less than a minute", [*here("backup", A), answered(A, offset=59.9)]),
    silent(
        "ENV010", "one answer says that it is right", [*here("backup", A, B), answered(A, offset=400.0), answered(B)]
    ),
    silent("ENV010", "somebody else's clock", [*here("backup", A), answered(A, offset=400.0, request_id=None)]),
    silent("ENV010", "an address that this host does not use", [*here("backup", A), answered(C, offset=400.0)]),
    silent("ENV010", "without a Date", [*here("backup", A), answered(A, offset=None)]),
    silent("ENV010", "no answer", here("backup", A)),
    silent("ENV010", "not for sure a minute", [imds(offset=61.0, uncertainty=2.0)]),
    silent("ENV010", "metadata is off, an answer is right", [*here("backup", A), imds(offset=400.0), answered(A)]),
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
        "another server answers another name",
        [host(), lookup(failed="timeout"), answer(failed="timeout"), answer(A, of="backup-gateway", by=CORPORATE)],
        targets=[BACKUP, GATEWAY],
    ),
    silent("DNS005", "refused is DNS013", [host(), lookup(failed="servfail"), answer(failed="dns-refused")]),
    silent("DNS005", "no such name", [host(), lookup(failed="nxdomain"), answer(failed="nxdomain")]),
    silent("DNS005", "not looked up", [host(), answer(failed="servfail")]),
    silent("DNS006", "one family is there", [host(), lookup(A), answer(A), answer(record="AAAA")]),
    silent("DNS006", "no such name", [host(), lookup(failed="nxdomain"), answer(failed="nxdomain")]),
    silent("DNS006", "not looked up", [host(), answer(record="A")]),
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
    silent("DNS008", "public is no fault", gave(A, PUBLIC), of=run(expect=Expect.ANY)),
    silent("DNS008", "a resolver's alone", [*gave(A), answer(A, PUBLIC, by=CORPORATE)]),
    silent("DNS008", "not looked up", [BOTH, answer(A, PUBLIC)]),
    silent("DNS009", "inside", here("backup", A)),
    silent("DNS009", "AWS answers there", [*here("backup", OUTSIDE), http(OUTSIDE)]),
    silent(
        "DNS009", "AWS answers the signed call there", [*here("backup", OUTSIDE), api(OUTSIDE, failed="access-denied")]
    ),
    silent("DNS009", "public", here("backup", PUBLIC)),
    silent("DNS009", "said to be private", here("backup", OUTSIDE), of=run(private_cidrs=["10.99.0.0/16"])),
    silent("DNS009", "the VPC's IPv6 blocks are not known", [BOTH, imds(), lookup("fd12::17"), answer("fd12::17")]),
    silent("DNS009", "none of the VPC's blocks is known", [host(), imds(vpc=()), lookup(OUTSIDE)]),
    silent("DNS009", "metadata is silent", [host(), imds(failed="timeout"), lookup(OUTSIDE)]),
    silent("DNS009", "a family that this host lacks", gave(A, "fd12::17", seen=host())),
    silent("DNS009", "a resolver's alone", [*here("backup", A), answer(OUTSIDE, by=CORPORATE)]),
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
        [host(), imds(), lookup(failed="nodata"), answer(A), answer(by=VPC_RESOLVER)],
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
        "br-ex is no bridge of containers",
        [
            host("127.0.0.1/8", beside=[("br-ex", "10.0.3.5/24"), ("docker0", "172.17.0.1/16")]),
            imds(),
            lookup(A),
            tcp(A, failed="timeout", interface="br-ex"),
        ],
    ),
    silent("TCP010", "a tunnel out of the VPC", sent(OUTSIDE, "wg0", "10.8.0.2", ("wg0", "10.8.0.2/32"))),
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
