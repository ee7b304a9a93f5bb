"""The simulated services also answer requests that backuplink does not make."""

import json

from agent.simulated import aws
from agent.simulated.settings import EPOCH
from probes.steps.sigv4 import signed_headers
from tests.support import scenarios
from tests.support.ladders import call_of

HOST = "backup-gateway.eu-west-1.amazonaws.com"


def test_a_list_of_gateways_without_a_page_size_is_answered() -> None:
    """MaxResults is optional (AWS Backup API Reference, ListGateways), and the AWS CLI does not send it."""
    scenario = scenarios.load("gateway-healthy")
    row = next(row for row in scenario.tcp if 443 in row.ports)
    call, body = call_of("backup-gateway"), b"{}"
    signed = signed_headers(
        scenario.credentials.keys(),
        service="backup-gateway",
        region="eu-west-1",
        at=EPOCH,
        method=call.method,
        url=f"https://{HOST}{call.path}",
        headers=call.headers,
        body=body,
    )
    headers = {"host": HOST} | {name.lower(): value for name, value in (*call.headers, *signed)}
    status, _, content = aws.reply(row, scenario.credentials, EPOCH, call.method, call.path, headers, body)
    assert status == 200
    assert json.loads(content).keys() >= {call.key}
