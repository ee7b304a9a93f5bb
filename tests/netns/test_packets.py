"""The program contacts only the addresses that the README promises, and sends nothing to a peer whose certificate does
not verify.

The promises are written here by hand, and do not come from the program's plan. The test also fails if a run does not
contact a promised address and port. So it cannot pass merely because it sees no packets.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from agent.catalog.services import appliance_hosts
from agent.report.model import Report
from probes.facts import HttpFacts
from probes.model import Step
from probes.vpc.model import READS
from tests.netns import guard, program
from tests.netns.at_once import Runs
from tests.netns.peers import ASKED, DECRYPTED
from tests.netns.vpc import vpc
from tests.support import scenarios

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]

METADATA: Final = "tcp 169.254.169.254 80"
AMAZON: Final = ("10.0.0.2", "169.254.169.253")
"""The addresses of the VPC's resolver, which the host also uses unless the scenario says otherwise."""
ZONES: Final = ("10.0.1.17", "10.0.2.17", "10.0.3.17")
GATEWAY_PORTS: Final = (443, 1026, 1027, 1028, 1031, 2222)
READ: Final = "healthy, and its configuration is read"
"""The name of a world that is not a scenario of the program."""
EC2: Final = "10.0.9.90"
"""The address of EC2, and of Route 53, its Resolver and its Profiles."""
DUAL_STACK: Final = frozenset({"backup.eu-west-1.api.aws"})
APPLIANCE: Final = frozenset(host for _, host in appliance_hosts("backup-gateway", "eu-west-1"))
BESIDE: Final = {
    "gateway-healthy": APPLIANCE,
    "private-dns-off": DUAL_STACK,
    "resolvers-disagree": DUAL_STACK,
    READ: frozenset(
        {
            "ec2.eu-west-1.amazonaws.com",
            "route53resolver.eu-west-1.amazonaws.com",
            "route53profiles.eu-west-1.amazonaws.com",
            "route53.amazonaws.com",
        }
    ),
}
"""Other names that a run looks up: to learn what the default name resolves to, or to read the configuration."""
NOT_ASKED_FOR: Final = {"endpoint-names-only": frozenset({"backup-gateway.eu-west-1.amazonaws.com"})}
"""Names of services that exist in the scenario's world. The run does not look them up, since it checks other
services.
"""
LOCATION: Final = "portal.example.com"
"""The host to which the scenario's redirect points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The packets that a run sent, and the data that the peers received."""

    report: Report
    seen: guard.Seen
    asked: frozenset[str]
    """The names for which a datagram asked a resolver."""
    connected: frozenset[str]
    decrypted: frozenset[str]
    """The addresses and ports that received data inside TLS."""


def world(name: str) -> str:
    """The text of the file of the scenario with this name."""
    if name == READ:
        return program.always_reading(f"{scenarios.text('healthy')}\n[ec2]\n")
    return scenarios.text(name)


def make(name: str) -> Sent:
    """Make one run of a scenario, for all tests of this scenario."""
    with tempfile.TemporaryDirectory() as folder, vpc(name, world(name)) as network:
        guard.post(network)
        report = program.check(network, Path(folder)).report
        seen = guard.seen(network)
    written = network.peers.written
    return Sent(
        report=report,
        seen=seen,
        asked=frozenset(written(ASKED)),
        connected=frozenset(written("tcp")),
        decrypted=frozenset(written(DECRYPTED)),
    )


def promised(*addresses: str, resolvers: tuple[str, ...] = AMAZON, besides: tuple[str, ...] = ()) -> frozenset[str]:
    """The resolvers, the metadata address, and port 443 of these addresses."""
    names = (f"udp {resolver} 53" for resolver in resolvers)
    return frozenset((METADATA, *names, *(f"tcp {address} 443" for address in addresses), *besides))


def datagrams(*addresses: str) -> tuple[str, ...]:
    """The destinations of datagrams that show whether the host's own firewall is the reason why an address does not
    answer.
    """
    return tuple(f"udp {address} 443" for address in addresses)


PROMISED: Final = {
    "healthy": promised(*ZONES),
    READ: promised(*ZONES, EC2),
    "gateway-healthy": promised(
        *ZONES,
        besides=tuple(f"tcp {address} {port}" for address in ("10.0.1.27", "10.0.2.27") for port in GATEWAY_PORTS),
    ),
    "private-dns-off": promised("52.95.111.30", "52.95.111.31", besides=datagrams("52.95.111.30", "52.95.111.31")),
    "resolvers-disagree": promised(
        *ZONES, "52.95.111.30", resolvers=("10.0.9.53", *AMAZON), besides=datagrams("52.95.111.30")
    ),
    "proxy-captures": promised("10.0.1.17", besides=("tcp 10.0.1.90 3128",)),
    "metadata-silent": promised(*ZONES),
    "endpoint-names-only": promised("10.0.1.17", "10.0.2.17"),
    "dual-stack-healthy": promised(
        "10.0.1.17", "10.0.2.17", "2600:1f18:0:1::17", "2600:1f18:0:2::17", resolvers=(*AMAZON, "fd00:ec2::253")
    ),
    "path-without-calls": promised(*ZONES),
    "no-credentials": promised("10.0.1.17", "10.0.2.17"),
    "sdk-url-elsewhere": promised("10.0.1.17", "10.0.1.44"),
    "redirect": promised("10.0.1.17"),
    "portal": promised("10.0.1.17"),
    "tls-intercepted": promised(*ZONES),
    "wrong-host": promised("10.0.1.17"),
}
"""All places that a run contacts in a scenario, whether or not anything answers there."""


ALWAYS: Final = ("healthy", READ, "resolvers-disagree", "redirect")
"""Scenarios that run in every selection."""


@pytest.mark.parametrize("name", PROMISED)
def test_only_the_promised_are_contacted(name: str, runs: Runs[Sent]) -> None:
    seen = runs[name].seen
    assert sum(seen.places.values()) == seen.packets > 0, "a packet has passed the guard unseen"
    assert sorted(seen.places.keys() - PROMISED[name]) == [], "strangers"
    assert sorted(PROMISED[name] - seen.places.keys()) == [], "never reached"


@pytest.mark.parametrize("name", PROMISED)
def test_only_names_of_endpoints_are_looked_up(name: str, runs: Runs[Sent]) -> None:
    beside = APPLIANCE | DUAL_STACK | BESIDE[READ]
    named = {row.name for row in scenarios.parse(name, world(name)).dns} - {"*"} - NOT_ASKED_FOR.get(name, frozenset())
    assert named <= runs[name].asked <= named | beside
    assert (beside & runs[name].asked) == BESIDE.get(name, frozenset()), "names that only some runs have a use for"


def test_stranger_is_seen_and_named(runs: Runs[Sent]) -> None:
    """The test fails if the packets of a run are compared with the promise for a different scenario."""
    strangers = runs["resolvers-disagree"].seen.places.keys() - PROMISED["healthy"]
    assert strangers == {"udp 10.0.9.53 53", "tcp 52.95.111.30 443", "udp 52.95.111.30 443"}


def test_reading_the_configuration_sends_to_its_services_alone(runs: Runs[Sent]) -> None:
    run = runs[READ]
    reads = [observation for observation in run.report.observations if observation.subject.step is Step.EC2]
    assert len(reads) == len(READS)
    assert all(read.ok for read in reads)
    assert run.seen.places.keys() - runs["healthy"].seen.places.keys() == {f"tcp {EC2} 443"}
    assert run.asked - runs["healthy"].asked == BESIDE[READ]


def test_redirect_is_not_followed(runs: Runs[Sent]) -> None:
    run = runs["redirect"]
    given = {
        observation.facts.location
        for observation in run.report.observations
        if isinstance(observation.facts, HttpFacts)
    }
    assert f"http://{LOCATION}/login" in given
    assert LOCATION not in run.asked


@pytest.mark.parametrize(
    ("name", "strange"),
    [
        pytest.param("tls-intercepted", {f"{address} 443" for address in ZONES}, id="another authority"),
        pytest.param("wrong-host", {"10.0.1.17 443"}, id="another name"),
        pytest.param("certificate-expired", {"10.0.1.17 443"}, id="too old"),
        pytest.param("sdk-url-elsewhere", {"10.0.1.44 443"}, id="beside one that verifies"),
    ],
)
def test_nothing_but_a_handshake_for_who_is_not_verified(name: str, strange: set[str], runs: Runs[Sent]) -> None:
    run = runs[name]
    assert strange <= run.connected
    assert not strange & run.decrypted


@pytest.mark.parametrize(
    ("name", "verified"),
    [
        pytest.param("sdk-url-elsewhere", {"10.0.1.17 443"}, id="beside one that does not verify"),
        pytest.param("interception-trusted", {"10.0.1.17 443"}, id="the same authority, trusted"),
        pytest.param("healthy", {f"{address} 443" for address in ZONES}, id="healthy"),
    ],
)
def test_requests_for_who_is_verified(name: str, verified: set[str], runs: Runs[Sent]) -> None:
    """The peers report correctly that they received data inside TLS. Otherwise, the test above would prove nothing."""
    assert runs[name].decrypted == verified
