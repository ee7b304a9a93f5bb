"""The hop that decides a predicted path also decides the path's finding."""

import pytest

from agent.fixes.predicted import code_of_paths
from agent.network.answers import PredictedPath
from agent.report.hops import Reachability, Stage
from probes.vpc.model import GatewayEndpoint
from tests.agent.predict.test_assume import known

CODES = {
    Stage.HOST_GROUPS: "VPC012",
    Stage.HOST_ACL_OUT: "VPC006",
    Stage.ROUTE: "VPC007",
    Stage.TRANSIT: "VPC007",
    Stage.ENDPOINT_ACL_IN: "VPC006",
    Stage.ENDPOINT_GROUPS: "VPC005",
    Stage.ENDPOINT: "VPC004",
    Stage.ENDPOINT_ACL_OUT: "VPC006",
    Stage.RETURN_ROUTE: "VPC007",
    Stage.RETURN_TRANSIT: "VPC007",
    Stage.HOST_ACL_IN: "VPC006",
}
GATEWAY = GatewayEndpoint(
    endpoint_id="vpce-0e1b2c3d",
    service_name="com.amazonaws.eu-west-1.s3",
    vpc_id="vpc-a",
    state="available",
    policy=None,
    route_table_ids=(),
)


def path(
    stage: Stage | None, *decided_by: str, outcome: Reachability = Reachability.BLOCKED, endpoint_id: str = "vpce-1"
) -> PredictedPath:
    return PredictedPath(
        service="s3",
        endpoint_id=endpoint_id,
        addresses=(),
        port=443,
        counts=True,
        outcome=outcome,
        sources=(),
        decided_at=stage,
        decided_by=decided_by,
        rule=None,
        words="",
        hops=(),
        unseen=(),
    )


@pytest.mark.parametrize("stage", Stage)
def test_each_hop_has_its_code(stage: Stage) -> None:
    assert code_of_paths(known(), path(stage)) == CODES[stage]
    assert code_of_paths(known(), path(stage, outcome=Reachability.CANNOT_TELL)) is None


@pytest.mark.parametrize(
    ("stage", "code"),
    [(Stage.TRANSIT, "VPC006"), (Stage.RETURN_TRANSIT, "VPC006"), (Stage.ROUTE, "VPC007"), (None, None)],
)
def test_a_network_acl_on_the_way_through_a_transit_gateway(stage: Stage | None, code: str | None) -> None:
    assert code_of_paths(known(), path(stage, "tgw-attach-1", "acl-1")) == code


def test_a_route_to_a_gateway_endpoint_is_a_finding_of_its_own() -> None:
    of = known(gateway_endpoints=(GATEWAY,))
    assert code_of_paths(of, path(Stage.ROUTE, endpoint_id=GATEWAY.endpoint_id)) == "VPC019"
    assert code_of_paths(of, path(Stage.ROUTE)) == "VPC007"
    assert code_of_paths(of, path(Stage.HOST_GROUPS, endpoint_id=GATEWAY.endpoint_id)) == "VPC012"
