"""A VPC with an interface endpoint for each of many services, in three zones. Either all services are healthy, or some
of them do not answer in one zone.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from agent.catalog.services import SERVICES, checkable, host_of
from agent.judge.verdict import judge
from agent.report.model import Report
from agent.simulated.scenario import Scenario
from tests.support import scenarios
from tests.support.runs import measured

EVERY_PORT = "[443, 1026, 1027, 1028, 1031, 2222]"
ALL = tuple(name for name in checkable() if not SERVICES[name].has_gateway_endpoint)
"""Services for which a healthy name server gives private addresses."""
"""The names of all 24 services that a run can check."""


def world_of(services: Sequence[str], *, ports: str = EVERY_PORT, silent: Collection[str] = ()) -> Scenario:
    """A scenario with these services. They answer on `ports`, but those in `silent` do not answer in the third zone."""
    addresses = {name: [f"10.0.{zone}.{100 + place}" for zone in (1, 2, 3)] for place, name in enumerate(services)}
    rows = [f"summary = 'many services'\n[run]\nservices = {list(services)}\n"]
    for name, own in addresses.items():
        host = host_of(name, "eu-west-1", fips=False, dual_stack=False)
        rows.append(f"[[dns]]\nresolvers = ['10.0.0.2', '169.254.169.253']\nname = '{host}'\na = {own}\n")
    answering = [address for name, own in addresses.items() for address in (own[:2] if name in silent else own)]
    rows.append(f"[[tcp]]\naddresses = {answering}\nports = {ports}\n")
    rows.append("[expect]\nstatus = 'ok'\npath = 'private'\nfindings = []\n")
    return scenarios.parse("many-services", "".join(rows))


@cache
def report_of(services: tuple[str, ...], silent: tuple[str, ...] = ()) -> Report:
    """The report of a run in the VPC of `world_of`."""
    return judge(measured(world_of(services, silent=silent))[0])


def with_long_names(report: Report) -> Report:
    """The report, with names of endpoints that are as long as AWS's own names."""
    rest = "ap-southeast-2.vpce.amazonaws.com"
    hosts = {
        target.id: f"vpce-0a1b2c3d4e5f6{place:04d}-abcdefgh-ap-southeast-2a.{target.service}.{rest}"
        for place, target in enumerate(report.targets)
    }
    ids = {target.id: f"{target.service}@{hosts[target.id]}" for target in report.targets}
    return replace(
        report,
        targets=tuple(replace(target, id=ids[target.id], host=hosts[target.id]) for target in report.targets),
        observations=tuple(
            replace(observation, subject=replace(observation.subject, target=ids.get(observation.subject.target or "")))
            for observation in report.observations
        ),
        findings=tuple(replace(finding, target=ids.get(finding.target or "")) for finding in report.findings),
    )


_FAULTS: Final = (
    *("no name", "a server that fails", "a public address", "addresses of both kinds", "an address of loopback"),
    *('answer = "silence"', 'answer = "refuse"', 'speaks = "ssh"', 'speaks = "reset"', 'speaks = "nothing"'),
    *('issuer = "corporate"', 'http = "portal"', 'http = "stall"', 'http = "redirect"', 'http = "fault"'),
    *('api = "endpoint-policy-denies"', 'api = "expired"', 'api = "bad-signature"', 'api = "identity-policy"'),
)
"""Possible faults of a service, in the form of a scenario's file. A fault is of the service's name, or of the peer at
its addresses.
"""


def failing(seed: int) -> Scenario:
    """A host with SAP HANA and the SSM Agent, on which every service is required. Each service has a different fault,
    so no run can report more faults. The same seed always gives the same world.
    """
    chance = random.Random(seed)
    services = checkable()
    rows = [
        "summary = 'everything fails'\n",
        f"[run]\nservices = {[*services]}\nworkloads = ['auto', 'hana', 'gateway', 'ssm']\ntimeout = 1.0\n",
        "[host.links]\n",
        "'/usr/sap/HDB/SYS/global/hdb/opt/hdbbackint' = '/usr/sap/aws-backint-agent/aws-backint-agent-launcher.sh'\n",
        "[host.files]\n",
        "'/usr/sap/aws-backint-agent/aws-backint-agent-config.yaml' = 'LogLevel: INFO'\n",
        "'/usr/lib/systemd/system/amazon-ssm-agent.service' = '[Unit]'\n",
    ]
    for place, name in enumerate(services):
        fault = chance.choice(_FAULTS)
        private = [f"10.0.{zone}.{100 + place}" for zone in (1, 2, 3)]
        public = f"52.95.112.{place}"
        answers = {
            "no name": "rcode = 'NXDOMAIN'",
            "a server that fails": "rcode = 'SERVFAIL'",
            "a public address": f"a = ['{public}']",
            "addresses of both kinds": f"a = {[*private, public]}",
            "an address of loopback": "a = ['127.0.0.1']",
        }
        host = host_of(name, "eu-west-1", fips=False, dual_stack=False)
        answer = answers.get(fault, f"a = {private}")
        rows.append(f"[[dns]]\nresolvers = ['10.0.0.2', '169.254.169.253']\nname = '{host}'\n{answer}\n")
        if fault not in answers:
            ports = EVERY_PORT if chance.random() < 0.5 else "[443]"
            rows.append(f"[[tcp]]\naddresses = {private}\nports = {ports}\n{fault}\n")
    rows.append("[expect]\nstatus = 'critical'\npath = 'mixed'\nfindings = []\n")
    return scenarios.parse("everything-fails", "".join(rows))
