"""The fast method and the predictor give the same outcome for each of many connection attempts."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Final

import pytest

from agent.network.pending import Aspect, Pending
from agent.network.plain import Fate, Plain
from agent.network.predictor import Predictor
from agent.network.sources import Source
from agent.report.hops import OF_ANY_SYSTEM, Prediction, Reachability, Stage
from probes.vpc.model import Configuration
from tests.netns import generated_networks
from tests.netns.networks import PORTS
from tests.support import extent

SEEDS: Final = 400
OF_CI: Final = 40
_ENDS_AT: Final = {
    Fate.BLOCKED_BY_OWN_GROUPS: Stage.HOST_GROUPS,
    Fate.BLOCKED_BY_THEIR_GROUPS: Stage.ENDPOINT_GROUPS,
}


def sources_of(configuration: Configuration) -> list[Source]:
    return [Source(own=own, addresses=own.addresses, interfaces=(own,)) for own in configuration.own_interfaces or ()]


def pairs(
    configuration: Configuration, pending: tuple[Pending, ...] = (), ports: Iterable[int] = PORTS
) -> Iterator[tuple[Fate | None, Prediction]]:
    """For each connect of a configuration, yield the outcome of `Plain` and that of `Predictor`."""
    predictor = Predictor(configuration, answers=OF_ANY_SYSTEM, pending=pending)
    sources = sources_of(configuration)
    plain = Plain(predictor, configuration, (one.resource_id for one in pending), sources)
    for interface in configuration.endpoint_interfaces or ():
        endpoint = predictor.endpoint_of(interface)
        for address in interface.addresses if endpoint is not None else ():
            assert endpoint is not None
            place = plain.place(address, interface, endpoint)
            for port in ports if place is not None else ():
                assert place is not None
                for source, fate in zip(sources, plain.fates(place, port), strict=True):
                    own = next((mine for mine in source.addresses if mine.version == address.version), None)
                    if own is not None:
                        predicted = predictor.predict(source=own, own=source.own, address=address, port=port)
                        yield fate, predicted
                    else:
                        assert fate is None


def check(fate: Fate | None, predicted: Prediction) -> None:
    if fate is Fate.OPEN:
        assert predicted.outcome is Reachability.OPEN
        assert predicted.unseen == ()
    elif fate is not None:
        first = next(hop for hop in predicted.hops if hop.outcome is Reachability.BLOCKED)
        assert (predicted.outcome, first.stage, first.rule) == (Reachability.BLOCKED, _ENDS_AT[fate], None)


def test_what_is_said_of_many_is_what_is_said_of_each() -> None:
    counts: Counter[Fate | None] = Counter()
    for seed in range(SEEDS if extent.everything() else OF_CI):
        for fate, predicted in pairs(generated_networks.configuration(seed)):
            check(fate, predicted)
            counts[fate] += 1
    assert {*counts} == {None, *Fate}, counts
    assert counts[None] < 0.8 * counts.total(), "most of it is decided at once"


def test_what_is_known_only_later_is_left_to_the_predictor() -> None:
    chance, left = Random(44), 0
    for seed in range(30):
        configuration = generated_networks.configuration(seed)
        ids = [
            *((group.group_id, Aspect.INBOUND) for group in configuration.groups or ()),
            *((group.group_id, Aspect.OUTBOUND) for group in configuration.groups or ()),
            *((acl.acl_id, Aspect.INBOUND) for acl in configuration.acls or ()),
            *((acl.acl_id, Aspect.OUTBOUND) for acl in configuration.acls or ()),
            *((table.table_id, Aspect.ROUTES) for table in configuration.route_tables or ()),
            *((endpoint.endpoint_id, Aspect.GROUPS) for endpoint in configuration.endpoints or ()),
        ]
        pending = tuple(Pending(one, aspect, f"{one} is not known yet") for one, aspect in chance.sample(ids, 2))
        for fate, predicted in pairs(configuration, pending):
            check(fate, predicted)
            left += any("not known yet" in hop.words for hop in predicted.hops)
    assert left > 100


@pytest.mark.parametrize("part", ["endpoints", "groups", "acls", "route_tables"])
def test_nothing_is_plain_where_a_part_was_not_read(part: str) -> None:
    configuration = generated_networks.configuration(1)
    assert any(fate is not None for fate, _ in pairs(configuration))
    for fate, _ in pairs(replace(configuration, **{part: None})):
        assert fate is None
