"""Behaviour that only a kernel can show: ICMP errors and their senders, lost SYNs, signals, and a C library
that hangs.
"""

import signal
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest

from agent.report.exits import SIGNALS
from agent.report.model import Status
from probes.facts import IcmpError, TcpFacts
from probes.model import FailureKind, Observation
from tests.netns import program
from tests.netns.variants import DUAL_STACK, HEALTHY, replaced
from tests.netns.vpc import vpc
from tests.support import scenarios

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]

PROHIBITED: Final = """
table inet router {
    chain arriving {
        type filter hook prerouting priority -10;
        tcp dport 443 reject with icmpx type admin-prohibited
    }
}
"""
FIRST_SYN_LOST: Final = """
table ip lossy {
    set seen { type inet_service; flags dynamic; }
    chain arriving {
        type filter hook prerouting priority -10;
        ip daddr 10.0.1.17 tcp dport 443 tcp flags syn tcp sport != @seen add @seen { tcp sport } drop
    }
}
"""
SILENT_LOOKUP: Final = replaced(scenarios.text("resolver-silent"), "timeout = 1.0", "timeout = 30.0\ndeadline = 1.0")
"""A scenario in which a lookup by the C library takes ten seconds: two attempts of five seconds each
(resolv.conf(5)).
"""


@pytest.fixture(scope="module")
def beyond_a_router() -> str:
    """A scenario whose endpoint has addresses of both families. They are not in the host's subnets, but behind a
    router.
    """
    near = replaced(DUAL_STACK, '"10.0.1.1", "fe80::1"', '"10.0.1.1", "fd80:0:0:1::1"')
    far = near.replace("10.0.1.17", "10.0.2.99").replace("fd80:0:0:1::17", "fd80:0:0:3::99")
    return far[: far.index("[[tcp]]")] + far[far.index("[expect]") :]


def connects(ended: program.Ended) -> dict[str, Observation[TcpFacts]]:
    """The connection attempts to port 443 of the target `backup`, by address."""
    observations = (
        observation for observation in ended.report.observations if observation.id.startswith("tcp/backup/")
    )
    return {str(observation.subject.address): observation for observation in observations}


def facts_of(attempt: Observation[TcpFacts]) -> TcpFacts:
    assert attempt.facts is not None
    return attempt.facts


def test_router_that_forbids_is_named(beyond_a_router: str, tmp_path: Path) -> None:
    """The router's messages have code 13 (RFC 1812, section 5.2.7.1) and code 1 (RFC 4443, section 3.1)."""
    with vpc("prohibited", beyond_a_router, rules=PROHIBITED) as network:
        ended = program.check(network, tmp_path)
    assert ended.findings == ("TCP004@backup",)
    failures = {
        address: (attempt.failure and (attempt.failure.kind, attempt.failure.code), facts_of(attempt).icmp)
        for address, attempt in connects(ended).items()
    }
    unreachable = (FailureKind.UNREACHABLE, "EHOSTUNREACH")
    prohibited = (FailureKind.PROHIBITED, "EACCES")
    assert failures == {
        "10.0.2.99": (unreachable, IcmpError(sender=ip_address("10.0.1.1"), type=3, code=13)),
        "fd80:0:0:3::99": (prohibited, IcmpError(sender=ip_address("fd80:0:0:1::1"), type=1, code=1)),
        "fd80:0:0:2::17": (prohibited, IcmpError(sender=ip_address("fd80:0:0:1::1"), type=1, code=1)),
    }


def test_peer_that_forbids_is_named(tmp_path: Path) -> None:
    with vpc("prohibited", HEALTHY, rules=PROHIBITED.replace("prerouting", "input")) as network:
        ended = program.check(network, tmp_path)
    assert ended.findings == ("TCP004@backup",)
    assert {address: facts_of(attempt).icmp for address, attempt in connects(ended).items()} == {
        address: IcmpError(sender=ip_address(address), type=3, code=13)
        for address in ("10.0.1.17", "10.0.2.17", "10.0.3.17")
    }


def test_lost_syn_is_counted(tmp_path: Path) -> None:
    with vpc("lossy", HEALTHY, rules=FIRST_SYN_LOST) as network:
        ended = program.check(network, tmp_path)
    assert (ended.code, ended.findings) == (1, ("TCP009@backup",))
    attempts = connects(ended)
    assert {address: facts_of(attempt).retransmits for address, attempt in attempts.items()} == {
        "10.0.1.17": 1,
        "10.0.2.17": 0,
        "10.0.3.17": 0,
    }
    assert (attempts["10.0.1.17"].seconds or 0.0) > 0.9  # the first timer is one second (RFC 6298, section 2)


def test_kernel_gives_up_on_a_neighbour(tmp_path: Path) -> None:
    waiting = replaced(scenarios.text("nobody-at-the-address"), "timeout = 1.0", "timeout = 10.0")
    with vpc("nobody", waiting) as network:
        ended = program.check(network, tmp_path)
    assert ended.findings == ("TCP006@backup",)
    (attempt,) = connects(ended).values()
    facts = facts_of(attempt)
    assert attempt.failure is not None
    assert attempt.failure.code == "EHOSTUNREACH"
    assert facts.icmp == IcmpError(sender=ip_address("10.0.1.10"), type=3, code=1)
    assert facts.neighbour == "failed"
    assert not facts.at_once


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_writes_a_whole_report(number: signal.Signals, tmp_path: Path) -> None:
    with vpc("stalled", scenarios.text("handshake-stalls")) as network, program.started(network, tmp_path) as process:
        for address in ("10.0.1.17", "10.0.2.17", "10.0.3.17"):
            network.peers.wait_for(f"tcp {address} 443")
        process.send_signal(number)
        ended = program.ended(process, limit=program.START_SECONDS)
    assert ended.code == SIGNALS[number.name]
    run = ended.report.run
    assert (run.complete, run.interrupted) == (False, True)
    cut = [observation for observation in ended.report.observations if observation.id.startswith("tls/backup/")]
    assert len(cut) == 3
    assert not any(observation.ok for observation in cut)
    failures = [observation.failure for observation in cut if observation.failure is not None]
    assert {(failure.kind, failure.code) for failure in failures} <= {(FailureKind.DEADLINE, number.name)}


def test_hanging_lookup_does_not_hold_the_process(tmp_path: Path) -> None:
    with vpc("hanging", SILENT_LOOKUP) as network, program.started(network, tmp_path) as process:
        network.peers.wait_for("udp 10.0.9.53 53")
        asked = time.monotonic()  # the run has begun, so its deadline is no later than if it began now
        ended = program.ended(process, limit=program.START_SECONDS)
        assert time.monotonic() - asked < network.scenario.run.deadline + 1
    assert ended.code == 3
    assert ended.report.verdict.status is Status.UNKNOWN
    assert not ended.report.run.complete
    (lookup,) = (observation for observation in ended.report.observations if observation.id == "dns/backup/getaddrinfo")
    assert lookup.failure is not None
    assert lookup.failure.kind is FailureKind.DEADLINE


def test_credential_process_that_hangs_ends_with_the_program(tmp_path: Path) -> None:
    with vpc("credential-process-hangs", scenarios.text("credential-process-hangs")) as network:
        ended = program.check(network, tmp_path)
        assert ended.findings == ("API010",)
        assert network.processes_on_host() == ()


def test_nothing_is_left_behind() -> None:
    with pytest.raises(ZeroDivisionError), vpc("failing", HEALTHY) as network:  # noqa: PT012
        names = Path("/run/netns", network.host), Path("/etc/netns", network.host)
        assert all(name.exists() for name in names)
        _ = 1 / 0
    assert not any(name.exists() for name in names)
