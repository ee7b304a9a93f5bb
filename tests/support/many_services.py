"""A VPC with an endpoint in three zones for each of many services, healthy or with a silent zone for some."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache

from agent.catalog.services import SERVICES, checkable, host_of
from agent.judge.verdict import judge
from agent.report.model import Report
from agent.simulated import scenario as scenarios
from agent.simulated.scenario import Scenario
from tests.support.runs import measured

EVERY_PORT = "[443, 1026, 1027, 1028, 1031, 2222]"
ALL = tuple(name for name in checkable() if not SERVICES[name].has_gateway_endpoint)
"""Services whose healthy answer is a private address."""
"""Names of all services that a run can check: 24."""


def world_of(services: Sequence[str], *, ports: str = EVERY_PORT, silent: Collection[str] = ()) -> Scenario:
    """A scenario with these services, on whose `ports` something answers, save in the third zone of `silent` ones."""
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
    """The report of a run in that VPC."""
    return judge(measured(world_of(services, silent=silent))[0])


def with_long_names(report: Report) -> Report:
    """The same of endpoints' own names, which are as long as AWS makes them."""
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
