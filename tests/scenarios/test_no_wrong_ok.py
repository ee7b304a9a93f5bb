"""The verdict is never ok if a service that SAP HANA needs is broken. The tests cover every mode, every sign of SAP
HANA on a host, every option that selects it, and every fault of every service.
"""

import itertools
from enum import StrEnum
from typing import Final

import pytest

from agent.catalog.services import host_of
from agent.catalog.workloads import required_services, services_of_either_mode
from agent.judge.verdict import judge
from agent.report.model import Report, Status
from agent.settings import Workload
from agent.simulated import scenario
from probes.frozen import dataclass
from tests.support.extent import one_in
from tests.support.runs import measured

REGION: Final = "eu-west-1"
BUCKET: Final = f"example-hana-backups.s3.{REGION}.amazonaws.com"
RESOLVERS: Final = '["10.0.0.2", "169.254.169.253"]'
PUBLIC: Final = "52.218.36.90"
INSTALLED: Final = "/usr/sap/aws-backint-agent"
LINK: Final = f'"/usr/sap/HDB/SYS/global/hdb/opt/hdbbackint" = "{INSTALLED}/aws-backint-agent-launcher.sh"\n'


class Sign(StrEnum):
    """A sign of SAP HANA on a host."""

    BUCKET_KEY = "a key that names a bucket"
    NO_KEY = "a configuration without that key"
    NO_CONFIGURATION = "a link alone"
    HIDDEN_LINK = "a link that cannot be read"
    TWO_SYSTEMS = "two systems, of which one names a bucket"


class Way(StrEnum):
    """A fault of a service."""

    SILENT = "its endpoint does not answer"
    PUBLIC = "it has no endpoint, and the Internet is out of reach"
    NO_NAME = "its name does not exist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A host whose backups use one mode. A service that this mode needs has a fault, or there is no fault."""

    mode: Workload
    sign: Sign
    option: Workload
    service: str | None
    way: Way | None

    def __str__(self) -> str:
        return f"{self.mode}, {self.sign}, {self.option}: {self.service} {self.way}"


def cases() -> tuple[Case, ...]:
    """Every case. If an option selects a mode, it is the mode that the host really uses."""
    every = []
    for mode, sign in itertools.product((Workload.HANA_BACKUP, Workload.HANA_S3), Sign):
        faults: list[tuple[str | None, Way | None]] = [*itertools.product(required_services(mode), Way), (None, None)]
        for option, (service, way) in itertools.product((Workload.AUTO, Workload.HANA, mode), faults):
            every.append(Case(mode=mode, sign=sign, option=option, service=service, way=way))
    return tuple(every)


def world(case: Case) -> str:
    """The scenario of a case. All services of both modes answer, except the broken one."""
    files = f'"{INSTALLED}/aws-backint-agent-launcher.sh" = "#!/bin/sh\\n"\n'
    links = '"/usr/sap/HDB/SYS" = "SYS"\n' if case.sign is Sign.HIDDEN_LINK else LINK
    if case.sign is Sign.TWO_SYSTEMS:
        links += LINK.replace("HDB", "PRD").replace(INSTALLED, f"{INSTALLED}-prd")
        files += f'"{INSTALLED}-prd/aws-backint-agent-config.yaml" = "LogLevel: INFO\\n"\n'
    if case.sign in (Sign.BUCKET_KEY, Sign.TWO_SYSTEMS):
        keys = f"S3BucketName: example-hana-backups\\nS3BucketAwsRegion: {REGION}\\n"
        files += f'"{INSTALLED}/aws-backint-agent-config.yaml" = "{keys}"\n'
    if case.sign is Sign.NO_KEY:
        files += f'"{INSTALLED}/aws-backint-agent-config.yaml" = "LogLevel: INFO\\n"\n'
    parts = [
        'summary = "generated"\n',
        f'[run]\nworkloads = ["{case.option}"]\ntimeout = 1.0\n',
        f"[host]\nkeepalive_seconds = 300\n[host.links]\n{links}[host.files]\n{files}",
    ]
    answering = []
    for number, service in enumerate(services_of_either_mode()):
        address = f"10.0.1.{40 + number}"
        if service != case.service:
            answering.append(address)
        elif case.way is Way.NO_NAME:
            continue
        elif case.way is Way.PUBLIC:
            address = PUBLIC
        names = [host_of(service, REGION, fips=False, dual_stack=False)]
        names += [BUCKET] if service == "s3" else []
        parts += [f'[[dns]]\nresolvers = {RESOLVERS}\nname = "{name}"\na = ["{address}"]\n' for name in names]
    reached = ", ".join(f'"{address}"' for address in answering)
    parts.append(f"[[tcp]]\naddresses = [{reached}]\nports = [443]\n")
    parts.append('[expect]\nstatus = "ok"\npath = "private"\nfindings = []\n')
    return "\n".join(parts)


def report_of(case: Case) -> Report:
    return judge(measured(scenario.parse("generated", world(case)))[0])


@pytest.mark.parametrize("case", one_in(12, cases()), ids=str)
def test_what_the_real_mode_needs_and_is_broken_is_never_left_out_of_an_ok(case: Case) -> None:
    report = report_of(case)
    status, summary = report.verdict.status, report.verdict.summary
    if case.service is None:
        assert status is Status.OK, summary
    elif status is Status.OK:
        assert case.service in summary.partition("not counted: ")[2], summary
    if case.option is case.mode or case.sign is Sign.TWO_SYSTEMS:
        assert (status is Status.OK) is (case.service is None), summary
    if case.sign in (Sign.NO_CONFIGURATION, Sign.HIDDEN_LINK) and case.option is not case.mode:
        assert status in (Status.OK, Status.UNKNOWN), summary  # the host may use the other mode
