"""If two services have the same cause, one finding names both services. Two causes that only look alike stay two
findings.
"""

from collections.abc import Sequence
from typing import Final

import pytest

from agent.catalog.findings import Severity
from agent.judge.verdict import judge
from agent.report.model import Finding
from tests.support import scenarios
from tests.support.runs import measured

SERVERS: Final = ("10.0.0.2", "169.254.169.253")
NAMES: Final = {"backup": "backup.eu-west-1.amazonaws.com", "backup-gateway": "backup-gateway.eu-west-1.amazonaws.com"}
ADDRESSES: Final = {"backup": ["10.0.1.17", "10.0.2.17"], "backup-gateway": ["10.0.1.27", "10.0.2.27"]}
ALL: Final = [address for addresses in ADDRESSES.values() for address in addresses]
PORTS: Final = [443, 1026, 1027, 1028, 1031, 2222]
CORP: Final = "sink.corp.example.com"


def answers(of: Sequence[str] = (), **by_service: str) -> str:
    """The answers of name servers for each service's name, in TOML. For services that are not given, the answers are
    correct.
    """
    rows = []
    for service, name in NAMES.items():
        says = by_service.get(service.replace("-", "_"), f"a = {ADDRESSES[service]}")
        rows.append(f"[[dns]]\nresolvers = {list(of or SERVERS)}\nname = '{name}'\n{says}\n")
    return "".join(rows)


def alike(says: str, of: Sequence[str] = ()) -> str:
    return answers(of, backup=says, backup_gateway=says)


def peers(how: str) -> str:
    """The behaviour of all peers behind the addresses, in TOML."""
    return f"[[tcp]]\naddresses = {ALL}\nports = {PORTS}\n{how}\n"


HEALTHY: Final = answers() + peers("")


def causes(*parts: str) -> list[Finding]:
    """The causes in a world that is composed of these parts, and in which both services are required."""
    world = ["summary = 'two services'\n[run]\nservices = ['backup', 'backup-gateway']\ntimeout = 1.0\n", *parts]
    world.append(f"[[dns]]\nresolvers = {list(SERVERS)}\nname = '*'\na = ['52.95.112.41']\n")
    world.append("[expect]\nstatus = 'ok'\npath = 'private'\nfindings = []\n")
    report = judge(measured(scenarios.parse("two-services", "".join(world)))[0])
    return [
        finding for finding in report.findings if finding.explained_by is None and finding.severity is not Severity.INFO
    ]


URL: Final = f"[sdk.endpoint_urls]\nbackup = 'https://{CORP}'\nbackup-gateway = 'https://{CORP}'\n"
FILTER: Final = f"[[host.filter]]\naddresses = {ALL}\nports = {PORTS}\nanswer = "
FILTERED: Final = f"speaks = 'filter'\nfiltered = {list(NAMES.values())}"
CACHE: Final = "[host.cached_names]\n" + "".join(f"'{name}' = ['52.95.111.30']\n" for name in NAMES.values())


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        pytest.param("DNS003", [alike("rcode = 'NXDOMAIN'")], id="the same servers deny the names"),
        pytest.param("DNS003", [alike("rcode = 'NXDOMAIN'\nsoa = 'amazonaws.com'")], id="one zone lacks the names"),
        pytest.param("DNS006", [alike("soa = 'amazonaws.com'")], id="one zone has no address for the names"),
        pytest.param("DNS007", [alike(f"a = ['10.0.9.9']\ncname = '{CORP}'")], id="a CNAME leads to one place"),
        pytest.param("DNS010", [alike("a = ['127.0.0.1']")], id="the same address, of no endpoint"),
        pytest.param("DNS017", [alike(f"a = {[f'10.0.9.{n}' for n in range(30)]}")], id="too many addresses"),
        pytest.param(
            "DNS008",
            [
                "[host]\nresolvers = ['10.0.9.53']\n",
                answers(
                    ["10.0.9.53"],
                    backup="a = ['10.0.1.17', '52.95.111.30']",
                    backup_gateway="a = ['10.0.1.27', '52.95.112.40']",
                ),
                HEALTHY,
            ],
            id="a name server that merges two answers",
        ),
        pytest.param("DNS015", ["[host]\nlookup_sources = ['files']\n", HEALTHY], id="programs do not ask DNS"),
        pytest.param("DNS015", [CACHE, HEALTHY], id="a cache before DNS"),
        pytest.param(
            "DNS002",
            ["[host]\nresolvers = ['127.0.0.53']\n", alike("a = ['52.95.111.30']", ["127.0.0.53"]), HEALTHY],
            id="a cache of DNS",
        ),
        pytest.param(
            "ENV009",
            [f"[host]\nhosts = ['10.0.3.99 {' '.join(NAMES.values())}']\n", HEALTHY],
            id="a line of the hosts file",
        ),
        pytest.param("ENV006", ["[sdk]\nfips = true\n", HEALTHY], id="one setting chooses the names"),
        pytest.param(
            "ENV005",
            [URL, f"[[dns]]\nresolvers = {list(SERVERS)}\nname = '{CORP}'\na = ['10.0.1.17']\n", HEALTHY],
            id="one URL for all services",
        ),
        pytest.param("TCP005", [f"{FILTER}'drop'\n", HEALTHY], id="this host drops"),
        pytest.param("TCP005", [f"{FILTER}'reject'\n", HEALTHY], id="this host rejects"),
        pytest.param(
            "TCP010",
            ["[[host.bridges]]\nname = 'docker0'\naddress = '10.0.2.1/24'\n", HEALTHY],
            id="a bridge in the way",
        ),
        pytest.param("TCP011", [answers(), peers("answer = 'no-source-port'")], id="no source port"),
        pytest.param("TLS008", ["[host]\ntrusts = ['corporate']\n", HEALTHY], id="no root of Amazon's"),
        pytest.param("TLS009", [answers(), peers("ciphers = 'none-in-common'")], id="no cipher in common"),
        pytest.param("TLS010", [answers(), peers("leaf_alone = true")], id="the same intermediate is missing"),
        pytest.param("TLS003", [answers(), peers("names = ['other.example.com']")], id="the same other endpoint"),
        pytest.param("TLS004", [answers(), peers(FILTERED)], id="a filter of names"),
        pytest.param("TLS005", [answers(), peers("speaks = 'reset'")], id="what cuts the handshake"),
        pytest.param("TLS006", [answers(), peers("speaks = 'plain'")], id="the same words that are not TLS"),
        pytest.param("TLS007", [answers(), peers("expired = true")], id="the time of this host"),
        pytest.param("HTTP001", [answers(), peers("http = 'portal'")], id="the same portal"),
        pytest.param("HTTP002", [answers(), peers("http = 'redirect'")], id="the same redirect"),
        pytest.param("HTTP004", [answers(), peers("http = 'stall'")], id="what holds the answers"),
        pytest.param("API006", [answers(), peers("region = 'us-east-1'")], id="the Region of the signature"),
        pytest.param("API008", [answers(), peers("api = 'not-subscribed'")], id="the account"),
        pytest.param("API009", [answers(), peers("api = 'stripped'")], id="all signatures are lost"),
    ],
)
def test_one_cause_is_one_finding(code: str, parts: list[str]) -> None:
    [cause] = causes(*parts)
    assert cause.code == code
    assert cause.target is not None
    assert cause.target.partition("@")[0] == "backup"
    assert "The same holds for backup-gateway" in cause.detail


def of(*zones: str) -> str:
    """Answers that the names of the two services do not exist. The denials are from these zones."""
    by = [f"rcode = 'NXDOMAIN'\nsoa = '{zone}'" for zone in zones]
    return answers(backup=by[0], backup_gateway=by[1])


@pytest.mark.parametrize(
    ("codes", "parts"),
    [
        pytest.param(["DNS003", "DNS003"], [of(*NAMES.values())], id="a zone each lacks the name"),
        pytest.param(
            ["DNS003", "DNS006"], [answers(backup="rcode = 'NXDOMAIN'", backup_gateway="")], id="no name, no address"
        ),
        pytest.param(
            ["DNS007", "DNS007"],
            [
                answers(
                    backup=f"a = ['10.0.9.9']\ncname = '{CORP}'",
                    backup_gateway=f"a = ['10.0.9.8']\ncname = 'other.{CORP}'",
                )
            ],
            id="CNAMEs lead to two places",
        ),
        pytest.param(
            ["ENV009", "DNS010"],
            [f"[host]\nhosts = ['127.0.0.1 {NAMES['backup']}']\n", answers(backup_gateway="a = ['127.0.0.1']")],
            id="the same address, once by the hosts file",
        ),
        pytest.param(
            ["DNS002", "DNS015"],
            [
                "[host]\nresolvers = ['10.0.9.53']\n",
                f"[host.cached_names]\n'{NAMES['backup-gateway']}' = ['52.95.111.30']\n",
                answers(["10.0.9.53"], backup="a = ['52.95.111.30']"),
                HEALTHY,
            ],
            id="a name server gives one, a cache before it the other",
        ),
        pytest.param(
            ["DNS008", "DNS008"],
            [
                answers(backup="a = ['10.0.1.17', '52.95.111.30']", backup_gateway="a = ['10.0.1.27', '52.95.112.40']"),
                peers(""),
            ],
            id="records that hold both kinds of addresses",
        ),
        pytest.param(
            ["TCP001", "TCP001"], [answers(), peers("answer = 'silence'")], id="silence, of which nobody knows why"
        ),
        pytest.param(
            ["TLS004", "TLS004"], [answers(), peers("speaks = 'nothing'")], id="a stall, of which nobody does"
        ),
        pytest.param(["API007", "API007"], [answers(), peers("api = 'throttled'")], id="a limit each"),
        pytest.param(
            ["DNS001", "DNS001"],
            [answers(backup="a = ['52.95.111.30']", backup_gateway="a = ['52.95.112.40']")],
            id="no private DNS of either",
        ),
    ],
)
def test_two_causes_stay_two_findings(codes: list[str], parts: list[str]) -> None:
    found = causes(*parts)
    assert [finding.code for finding in found] == codes
    assert not any("The same holds for" in finding.detail for finding in found)
