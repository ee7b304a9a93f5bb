"""Builds a report with hundreds of lanes. A lane is a line in the drawing of the path, for one port of one address."""

from dataclasses import replace
from ipaddress import ip_address

from agent.report.model import Report
from probes.model import Observation
from tests.support.runs import report_of


def many(count: int) -> Report:
    """A report in which both services have `count` addresses of both families, with all their ports."""
    report = report_of("gateway-healthy")
    observations: list[Observation[object]] = [
        observation for observation in report.observations if observation.subject.address is None
    ]
    copied = {(target.id, target.addresses[0].address) for target in report.targets}
    for observation in report.observations:
        if (observation.subject.target, observation.subject.address) in copied:
            for number in range(count):
                base = "10.1.{}.{}" if number % 2 else "fd00::{:x}:{:x}"
                address = ip_address(base.format(number // 200, number % 200 + 1))
                observations.append(replace(observation, subject=replace(observation.subject, address=address)))
    unique = {observation.id: observation for observation in observations}
    return replace(report, observations=tuple(unique.values()))
