"""Predictions are compared with the kernel. For generated configurations, every host connects to every address of an
endpoint, with real sockets over real routers and filters (`tests.netns.networks`). Where "open" or "blocked" is
predicted, this must be right. Where "partly open" is predicted, some attempts must succeed and others fail. Few
connections may lack a prediction.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest

from agent.network import index, predictor, transit
from agent.network.paths import Predictor
from agent.report.hops import Prediction, Reachability, is_detour
from probes.vpc.model import Configuration
from tests.netns import generated_networks
from tests.netns.networks import Connect, Networks, networks
from tests.support import extent

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]

CONFIGURATIONS: Final = 1_200
OF_CI: Final = 40
BATCHES: Final = 12
UNTOLD: Final = 0.05
"""The maximum share of connections for which nothing certain is predicted."""


@pytest.fixture(scope="module")
def network(namespaces: None) -> Iterator[Networks]:
    with networks() as made:
        yield made


def seeds() -> list[range]:
    """The seeds of this session, in parts."""
    if (only := extent.seed()) is not None:
        return [range(only, only + 1)]
    each = (CONFIGURATIONS if extent.everything() else OF_CI) // BATCHES
    apart = CONFIGURATIONS // BATCHES
    return [range(first * apart, first * apart + each) for first in range(BATCHES)]


def predictions(facts: Configuration, connects: Sequence[Connect]) -> dict[Connect, Prediction]:
    judge = Predictor(facts)
    own = {address: interface for interface in facts.own_interfaces or () for address in interface.addresses}
    return {
        connect: judge.predict(
            source=connect.source, own=own[connect.source], address=connect.address, port=connect.port
        )
        for connect in connects
    }


def told(prediction: Prediction) -> Reachability:
    """The prediction for a connection. If something on the path is unknown, only "blocked" is certain."""
    deciding = [hop for hop in prediction.hops if hop.outcome is prediction.outcome]
    if all(map(is_detour, deciding)) or (prediction.outcome is Reachability.OPEN and prediction.unseen):
        return Reachability.CANNOT_TELL
    return prediction.outcome


def is_wrong(said: Reachability, answered: Sequence[bool]) -> bool:
    if said is Reachability.OPEN:
        return not all(answered)
    if said is Reachability.BLOCKED:
        return any(answered)
    return said is Reachability.DOUBTFUL and all(answered)


def check(seed: int, network: Networks) -> Counter[Reachability]:
    """The number of connections in the configuration of a seed, by prediction. Raises AssertionError for wrong
    predictions.
    """
    facts, connects = generated_networks.configuration(seed), generated_networks.connects(seed)
    predicted = predictions(facts, connects)
    said = {connect: told(prediction) for connect, prediction in predicted.items()}
    network.configure(facts)
    answered = network.connected(connects, [connect for connect in connects if said[connect] is Reachability.OPEN])
    wrong = [
        f"{connect.source} to {connect.address} port {connect.port}: said {said[connect]}, answered {answers}; "
        + "; ".join(f"{hop.stage} {hop.outcome}: {hop.words}" for hop in predicted[connect].hops)
        for connect, answers in answered.items()
        if is_wrong(said[connect], answers)
    ]
    assert len(answered) == len(connects)
    assert not wrong, f"seed={seed}: ./dev test -n 0 tests/netns/test_predictions.py --seed {seed}\n" + "\n".join(wrong)
    return Counter(
        Reachability.CANNOT_TELL if said[connect] is Reachability.DOUBTFUL and not any(answers) else said[connect]
        for connect, answers in answered.items()
    )


def check_all(part: range, network: Networks) -> Counter[Reachability]:
    return sum((check(seed, network) for seed in part), Counter())


@pytest.mark.parametrize("part", [pytest.param(part, id=f"{part.start}-") for part in seeds()])
def test_the_kernel_does_what_was_predicted(part: range, network: Networks) -> None:
    counts = check_all(part, network)
    assert counts.total()
    if extent.everything() and len(part) > 1:
        assert counts[Reachability.OPEN] > 0.1 * counts.total(), counts
        assert counts[Reachability.BLOCKED] > 0.1 * counts.total(), counts
        assert counts[Reachability.CANNOT_TELL] <= UNTOLD * counts.total(), counts


def _every_port(entries: Any, remote: Any, ports: Any) -> Any:
    """A wrong rule: it applies an entry's decision about one port to all ports."""
    decided = _DECIDE(entries, remote, ports)
    return None if decided is None else [(ports, decided[0][1])]


_DECIDE: Final = predictor.decided


def _shortest(self: index.Routes, address: Any) -> Any:
    """A wrong rule: it chooses the route for the largest block instead of the smallest."""
    fitting = [(length, route) for length, routes in self._networks.holding(address) for route in routes]
    return (fitting[-1][0], [fitting[-1][1]]) if fitting else (0, [])


@pytest.mark.parametrize(
    ("target", "attribute", "broken"),
    [
        pytest.param(predictor, "decided", _every_port, id="a part of the ports stands for all"),
        pytest.param(index.Routes, "to", _shortest, id="the widest route is taken"),
        pytest.param(index, "on_port", lambda port, rules: list(rules), id="a rule is for every port"),
        pytest.param(transit.TransitGateways, "_zone_of", lambda *_: "eu-west-1a", id="all is in one zone"),
    ],
)
def test_a_wrong_prediction_is_noticed(
    target: object, attribute: str, broken: object, network: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least one of the first seeds reveals the wrong rule, and the message contains this seed."""
    monkeypatch.setattr(target, attribute, broken)
    with pytest.raises(AssertionError, match=r"seed=\d+: \./dev test -n 0 tests/netns/test_predictions\.py --seed \d+"):
        check_all(range(CONFIGURATIONS), network)
