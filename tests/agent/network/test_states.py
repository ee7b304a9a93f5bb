"""States of connections between VPCs, as tables: states that pass packets, states that do not, and states that are
unclear.
"""

from dataclasses import replace

import pytest

from agent.report.hops import Reachability, Stage
from probes.vpc.model import PeeredVpc, Peering
from tests.agent.network import networks, test_transit

OPEN, BLOCKED, CANNOT_TELL = Reachability.OPEN, Reachability.BLOCKED, Reachability.CANNOT_TELL


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("available", OPEN),
        ("modifying", OPEN),
        *((state, BLOCKED) for state in ("deleting", "deleted", "failed", "failing", "rejected", "rejecting")),
        ("pendingacceptance", BLOCKED),
        *((state, CANNOT_TELL) for state in ("initiating", "pending", "rollingback", "unheard-of")),
    ],
)
def test_each_state_of_an_attachment(state: str, outcome: Reachability) -> None:
    attached = replace(test_transit.OF_A, state=state)
    result = networks.hop(test_transit.ask(test_transit.world(test_transit.facts(near=attached))), Stage.TRANSIT)
    assert result.outcome is outcome


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("active", OPEN),
        *((state, BLOCKED) for state in ("initiating-request", "pending-acceptance", "deleted", "rejected", "failed")),
        *((state, BLOCKED) for state in ("expired", "deleting")),
        *((state, CANNOT_TELL) for state in ("provisioning", "unheard-of")),
    ],
)
def test_each_state_of_a_peering(state: str, outcome: Reachability) -> None:
    way = [*networks.LOCAL_ROUTES, networks.route("10.1.0.0/16", "pcx-1")]
    sides = (PeeredVpc(vpc_id="vpc-a"), PeeredVpc(vpc_id="vpc-b"))
    peering = Peering(peering_id="pcx-1", state=state, sides=sides)
    what = networks.configuration(host_routes=way, peerings=(peering,))
    assert networks.hop(networks.ask(what, networks.ABROAD), Stage.ROUTE).outcome is outcome
