"""The calls of workloads. Each row has a service that the workload needs, and operations of this service."""

import boto3
import pytest

from agent.catalog.service import Service
from agent.catalog.services import SERVICES
from agent.catalog.workload_calls import WORKLOAD_CALLS, WorkloadCalls, calls_of
from agent.catalog.workloads import NEEDS, SIGNS
from agent.settings import Workload
from probes.facts import SSM_ENDPOINTS

ROWS = [pytest.param(row, id=f"{row.workload} at {row.service}") for row in WORKLOAD_CALLS]
NOT_IN_MODELS = {
    *("ssm:ListInstanceAssociations", "ssm:UpdateInstanceAssociationStatus", "ssm:UpdateInstanceInformation"),
}
"""Actions of the agents' own interfaces, which no public model contains."""


def test_each_workload_and_service_has_one_row() -> None:
    assert len({(row.workload, row.service) for row in WORKLOAD_CALLS}) == len(WORKLOAD_CALLS)


def test_every_service_of_an_agent_has_a_row() -> None:
    """Only an API caller and a gateway appliance may lack a row, since their calls depend on the program that runs
    there.
    """
    needed = {(name, service) for (name, _), services in NEEDS.items() for service in services}
    needed |= {(Workload.SSM, "ec2messages")}
    rows = {(row.workload, row.service) for row in WORKLOAD_CALLS}
    own = {(Workload.CALLER, "backup"), (Workload.CALLER, "backup-gateway"), (Workload.GATEWAY, "backup-gateway")}
    assert needed - rows == own
    assert rows - needed == set()
    assert "ec2messages" in SSM_ENDPOINTS.values()
    assert {service for services in SIGNS.values() for service in services} >= {"backup", "backup-gateway"}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_actions_of_its_service(row: WorkloadCalls) -> None:
    service = SERVICES[row.service]
    assert {action.partition(":")[0] for action in row.actions} == {prefix_of(service)}
    assert len(set(row.actions)) == len(row.actions) > 0
    assert "(" in row.source
    if service.client_name is None or row.service == "s3":
        return
    operations = set(boto3.client(service.client_name, region_name="eu-west-1").meta.service_model.operation_names)
    named = {action.partition(":")[2] for action in row.actions if action not in NOT_IN_MODELS}
    assert named <= operations


def prefix_of(service: Service) -> str:
    permission = service.permission or service.bucket_permission
    return service.signing_name if permission is None else permission.action.partition(":")[0]


def test_calls_of_several_workloads_are_the_union() -> None:
    both = calls_of((Workload.HANA, Workload.SSM), "ssm")
    assert both == calls_of((Workload.SSM,), "ssm")
    assert calls_of((Workload.HANA,), "secretsmanager") == ("secretsmanager:GetSecretValue",)
    assert calls_of((Workload.CALLER,), "backup") == ()
    assert calls_of((), "ssm") == ()
