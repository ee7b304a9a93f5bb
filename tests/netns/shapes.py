"""Wire shapes: the properties of a scenario's bytes and packets that may differ between the worlds.

The peers of a scenario (`agent.simulated.peers`) and the answers of EC2 come from the same code in memory and in
namespaces. Only the kernel, its firewall, its C library and its routes can behave differently. Such differences depend
on the settings of the host and the peers. They appear in how each exchange of a run ends, not in what the peer says.
Each setting, and each way in which an exchange ends, is a shape. If a set of scenarios has all shapes, no other
scenario can show a further difference between the worlds.
"""

from collections.abc import Hashable, Mapping
from dataclasses import fields
from typing import Any, Final

from agent.report.model import Measurement
from agent.simulated.scenario import Scenario
from probes.model import FailureKind, Observation, Skipped, Step

SPOKEN: Final = frozenset({Step.HTTP, Step.API, Step.EC2})
"""Steps that end with an answer from a peer. The bytes of this answer are the same in both worlds."""
TRANSPORT: Final = frozenset(
    {
        FailureKind.TIMEOUT,
        FailureKind.REFUSED,
        FailureKind.RESET,
        FailureKind.CLOSED,
        FailureKind.UNREACHABLE,
        FailureKind.PROHIBITED,
        FailureKind.DEADLINE,
    }
)
"""The kinds of failures in which an exchange ends without an answer."""
_WORDS: Final = frozenset(
    {
        *("addresses", "api", "region", "names", "gateways_seen", "gateways_per_page"),
        *("jobs", "jobs_per_page", "jobs_answer"),
        *("clock_seconds", "connect_status", "round_trip_seconds"),
    }
)
"""The keys of a scenario that only decide what a peer answers, and to which client."""


def shapes(scenario: Scenario, measurement: Measurement) -> frozenset[Hashable]:
    """The wire shapes of a scenario; `measurement` is the measurement of its run in memory."""
    return frozenset({*map(_exchange, measurement.observations), *_host(scenario), *_peers(scenario)})


def sample(of: Mapping[str, frozenset[Hashable]]) -> tuple[str, ...]:
    """A small subset of the names in `of` that has every shape of the whole set, in the order of `of`."""
    left = {shape for scenario_shapes in of.values() for shape in scenario_shapes}
    chosen = set()
    while left:
        best = max(of, key=lambda name: len(of[name] & left))  # the first one, if several cover as many
        chosen.add(best)
        left -= of[best]
    return tuple(name for name in of if name in chosen)


def _exchange(observation: Observation[Any]) -> Hashable:
    """How one step ended, apart from what its peer said."""
    subject, failure, outcome = observation.subject, observation.failure, observation.outcome
    operation = None if subject.step in SPOKEN else subject.operation
    family = None if subject.address is None else subject.address.version
    if isinstance(outcome, Skipped):
        ended: Hashable = outcome.reason if subject.step not in SPOKEN else "skipped"
    elif failure is None or (subject.step in SPOKEN and failure.kind not in TRANSPORT):
        ended = "answered"
    else:
        ended = (failure.kind, failure.code)
    return subject.step, operation, family, ended


def _host(scenario: Scenario) -> set[Hashable]:
    """The host's settings that differ from the default, by their kind."""
    host, default = scenario.host, type(scenario.host)()
    result: set[Hashable] = {("filter", rule.answer) for rule in host.filter}
    result |= {("route", route.answer, route.to.version) for route in host.routes}
    result |= {("bridge", bridge.kind) for bridge in host.bridges}
    result |= {("hosts file", len(line.split()), line.startswith(("127.", "::1"))) for line in host.hosts}
    result |= {("variable", name) for name in host.environment}
    result |= {(name, len(getattr(host, name))) for name in ("addresses", "gateways", "resolvers", "trusts")}
    result |= {("look-up", host.lookup_sources), ("firmware", host.ec2)}
    result |= {("counter", True) for _ in host.allowances_exceeded}
    result |= {("host", one.name) for one in fields(host) if getattr(host, one.name) != getattr(default, one.name)}
    result |= {("metadata", scenario.metadata.answer), ("credentials", scenario.credentials.source)}
    result |= {("sdk", one.name) for one in fields(scenario.sdk) if getattr(scenario.sdk, one.name)}
    if scenario.ec2 is not None:
        result.add(("ec2", scenario.ec2.source, scenario.ec2.answer))
        result |= {("ec2", kind, bool(getattr(scenario.ec2, kind))) for kind in ("denied", "silent")}
    return result


def _peers(scenario: Scenario) -> set[Hashable]:
    """How resolvers and peers treat packets."""
    result: set[Hashable] = set()
    for row in scenario.dns:
        records = tuple(bool(part) for part in (row.a, row.aaaa, row.cname, row.soa))
        here = any(resolver.is_loopback for resolver in row.resolvers)
        result.add(("dns", row.answer, row.rcode, row.fails_for, row.silent_for, records, row.truncated, here))
    for peer in scenario.tcp:
        default = type(peer)(addresses=(), ports=())
        result |= {
            ("tcp", one.name, getattr(peer, one.name))
            for one in fields(peer)
            if one.name not in _WORDS | {"ports", "filtered", "path_mtu"}
            and getattr(peer, one.name) != getattr(default, one.name)
        }
        result |= {("tcp", "filtered", bool(peer.filtered)), ("tcp", "path_mtu", peer.path_mtu is not None)}
        result |= {("tcp", "family", address.version, peer.answer) for address in peer.addresses}
    return result
