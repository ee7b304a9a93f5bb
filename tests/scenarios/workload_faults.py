"""The workloads and the kinds of faults that scenarios show. They are derived from the host of a scenario, the options
of its run and its expected findings, so that the list is always up to date.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Final

from agent.catalog.services import SERVICES
from agent.catalog.workloads import WorkloadInUse, in_use
from agent.run import plan
from agent.settings import Settings, Workload
from agent.simulated.scenario import Scenario
from agent.simulated.settings import settings_of
from agent.simulated.world import SimulatedMachine, SimulatedSdk
from probes.facts import AWS_BACKUP_MODE, S3_MODE, SdkFacts, WorkloadFacts
from probes.frozen import dataclass
from probes.model import Draft, Role
from probes.steps import workload as workload_search
from tests.support import scenarios
from tests.support.runs import in_virtual_time

WorkloadMode = tuple[Workload, str | None]
"""A workload and, for `hana`, the mode of its agent."""
Pair = tuple[WorkloadMode, "Kind"]
"""A workload with a kind of fault."""
CALLER: Final = (Workload.CALLER, None)
HANA: Final = (Workload.HANA, AWS_BACKUP_MODE)
HANA_IN_S3_MODE: Final = (Workload.HANA, S3_MODE)
GATEWAY: Final = (Workload.GATEWAY, None)
SSM: Final = (Workload.SSM, None)
WORKLOADS: Final[Mapping[WorkloadMode, str]] = {
    CALLER: "`caller`",
    HANA: "`hana`, data to AWS Backup",
    HANA_IN_S3_MODE: "`hana`, data to a bucket",
    GATEWAY: "`gateway`",
    SSM: "`ssm`",
}
"""The workloads, with their names in the documentation."""
_SECONDS: Final = 1.0
"""The seconds of the virtual clock within which the files of a host are read."""


class Kind(StrEnum):
    """A kind of fault, or of a healthy host."""

    HEALTHY = "healthy"
    NO_ENDPOINT = "no endpoint of one service that it needs"
    PRIVATE_DNS_OFF = "private DNS of one endpoint is off"
    SHARED_GROUP = "a security group shared by two endpoints keeps this host out"
    POLICY = "the policy of one endpoint denies the call"
    OLD_AGENT = "its agent is too old for the private path"
    OVERRIDE = "its own settings lead elsewhere"
    S3_GATEWAY = "healthy, S3 through a gateway endpoint"
    S3_ROUTE = "no route to the gateway endpoint of S3"
    S3_POLICY = "the policy of the gateway endpoint of S3 denies the bucket"
    GLOBAL_STS = "the global host of STS in a closed network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scenario, and what its run checks."""

    scenario: Scenario
    workloads: frozenset[WorkloadMode]
    """The workloads whose services its run requires."""
    services: frozenset[str]
    """The services that its run requires."""
    sts_host: str | None
    """The host from which the SDK requests the credentials of a role, or None if the SDK does not request them."""

    @property
    def codes(self) -> frozenset[str]:
        """The codes of the findings that the scenario expects."""
        return frozenset(finding.partition("@")[0] for finding in self.scenario.expect.findings)

    def places_of(self, *codes: str) -> frozenset[str]:
        """The required services for which the scenario expects one of these findings."""
        found = (finding.split("@") for finding in self.scenario.expect.findings)
        return frozenset(place[0] for code, *place in found if code in codes and place) & self.services

    def is_healthy(self) -> bool:
        return self.scenario.expect.healthy

    def has_gateway_endpoint(self) -> bool:
        """Whether the run requires S3, and the VPC has a gateway endpoint."""
        return "s3" in self.services and self.scenario.ec2 is not None and bool(self.scenario.ec2.gateways)

    def shares_group(self, shut: frozenset[str]) -> bool:
        """Whether an endpoint of one of the services in `shut` shares a security group with another endpoint of the
        run's services.
        """
        endpoints = () if self.scenario.ec2 is None else self.scenario.ec2.endpoints
        of_run = [endpoint for endpoint in endpoints if endpoint.service in self.services]
        return any(
            not set(endpoint.group_ids).isdisjoint(other.group_ids)
            for endpoint in of_run
            for other in of_run
            if endpoint.service in shut and other is not endpoint
        )

    def denies_bucket(self) -> bool:
        """Whether a gateway endpoint has a policy other than the default."""
        gateways = () if self.scenario.ec2 is None else self.scenario.ec2.gateways
        return any(gateway.policy is not None for gateway in gateways)

    def asks_global_sts(self) -> bool:
        """Whether the SDK uses the global host of STS, which does not answer."""
        whole = {service.global_host.host for service in SERVICES.values() if service.global_host is not None}
        return self.sts_host in whole and "API010" in self.codes


_DENIALS: Final = ("VPC008", "IAM001", "IAM002")
_SHOWS: Final[Mapping[Kind, Callable[[Case, frozenset[str]], bool]]] = {
    Kind.HEALTHY: lambda case, _: case.is_healthy(),
    Kind.NO_ENDPOINT: lambda case, needed: bool(case.places_of("VPC001") & needed),
    Kind.PRIVATE_DNS_OFF: lambda case, needed: bool(case.places_of("VPC002") & needed),
    Kind.SHARED_GROUP: lambda case, needed: case.shares_group(case.places_of("VPC005") & needed),
    Kind.POLICY: lambda case, needed: bool(case.places_of(*_DENIALS) & needed - {"s3"}),
    Kind.OLD_AGENT: lambda case, _: "ENV016" in case.codes,
    Kind.OVERRIDE: lambda case, needed: "ENV017" in case.codes or bool(case.places_of("ENV005") & needed),
    Kind.S3_GATEWAY: lambda case, _: case.is_healthy() and case.has_gateway_endpoint(),
    Kind.S3_ROUTE: lambda case, _: bool(case.places_of("VPC019")) and not case.denies_bucket(),
    Kind.S3_POLICY: lambda case, _: bool(case.places_of("VPC019", *_DENIALS) & {"s3"}) and case.denies_bucket(),
    Kind.GLOBAL_STS: lambda case, _: case.asks_global_sts(),
}
"""For each kind of fault, a function that says whether a case shows it for a workload that needs these services."""
_OF_S3: Final = (Kind.S3_GATEWAY, Kind.S3_ROUTE, Kind.S3_POLICY)
_APPLIANCE: Final = "the appliance is closed; its version and its settings cannot be seen from an instance"
_BACKINT_WITH_S3: Final = "no version of the Backint agent is too old for S3; an old SSM Agent is shown with `ssm`"
_S3_ALONE: Final = "it needs no service but S3, whose endpoints are shown below"
_NO_STS: Final = "its agent has the credentials of the instance's role, for which no call to STS is needed"
IMPOSSIBLE: Final[Mapping[Pair, str]] = {
    (CALLER, Kind.OLD_AGENT): "it has no agent",
    (GATEWAY, Kind.OLD_AGENT): _APPLIANCE,
    (HANA_IN_S3_MODE, Kind.OLD_AGENT): _BACKINT_WITH_S3,
    (HANA_IN_S3_MODE, Kind.SHARED_GROUP): _S3_ALONE,
    (HANA_IN_S3_MODE, Kind.POLICY): _S3_ALONE,
    (HANA_IN_S3_MODE, Kind.PRIVATE_DNS_OFF): _S3_ALONE,
    (GATEWAY, Kind.OVERRIDE): _APPLIANCE,
    **{(CALLER, kind): "the API of AWS Backup needs no S3" for kind in _OF_S3},
    **{(HANA, kind): "it needs S3 to be installed, which a run does not check" for kind in _OF_S3},
    **{(GATEWAY, kind): "the appliance sends nothing to S3 itself" for kind in _OF_S3},
    **{(SSM, kind): "it uses S3 for updates and output, which no run requires" for kind in _OF_S3},
    (HANA, Kind.GLOBAL_STS): _NO_STS,
    (HANA_IN_S3_MODE, Kind.GLOBAL_STS): _NO_STS,
    (GATEWAY, Kind.GLOBAL_STS): "the appliance calls no STS",
    (SSM, Kind.GLOBAL_STS): _NO_STS,
}
"""For some pairs, why no scenario can show them."""
IN_MEMORY_ALONE: Final[Mapping[Pair, str]] = {
    (HANA, Kind.OLD_AGENT): "the agent's version is known by running it, and no program is run in namespaces",
    (SSM, Kind.OLD_AGENT): "the agent's version is read below /snap, which hosts of tests do not have",
}
"""For some pairs, why none of their scenarios is built in namespaces."""


@cache
def every() -> tuple[Case, ...]:
    """Every scenario that comes with the program, as a case."""

    async def cases() -> tuple[Case, ...]:
        return tuple([await _case(scenarios.load(name)) for name in scenarios.names()])

    return in_virtual_time(cases)


def showing(pair: Pair, cases: Iterable[Case]) -> tuple[str, ...]:
    """The scenarios that show a pair. Those that are also built in namespaces come first."""
    workload, kind = pair
    needed = _needed(workload)
    if workload == CALLER:
        needed |= {name for name, service in SERVICES.items() if service.gives_credentials}
    chosen = [case.scenario for case in cases if workload in case.workloads and _SHOWS[kind](case, needed)]
    return tuple(scenario.name for scenario in sorted(chosen, key=lambda scenario: "namespaces" not in scenario.worlds))


def pairs() -> tuple[Pair, ...]:
    """Every workload with every kind of fault."""
    return tuple((workload, kind) for workload in WORKLOADS for kind in Kind)


def holes(cases: Iterable[Case]) -> tuple[Pair, ...]:
    """The pairs that no scenario shows, although there is no reason in IMPOSSIBLE."""
    every_case = tuple(cases)
    return tuple(pair for pair in pairs() if pair not in IMPOSSIBLE and not showing(pair, every_case))


async def _case(scenario: Scenario) -> Case:
    settings = settings_of(scenario)
    found, sdk = await _found(scenario, settings), await _sdk(scenario)
    used = in_use(settings.asked_workloads, found)
    region = settings.region or scenario.metadata.region
    planned = plan.services(settings, region, sdk, found)
    services = frozenset(name for name, need in planned.items() if need.role is Role.REQUIRED)
    return Case(
        scenario=scenario,
        workloads=_workloads(used, frozenset(settings.services)),
        services=services,
        sts_host=None if sdk is None else sdk.sts_host,
    )


def _workloads(used: Iterable[WorkloadInUse], named: frozenset[str]) -> frozenset[WorkloadMode]:
    """Return the required workloads of a run. A host with SAP HANA counts only as such, although it is also a managed
    node and may call the API. If the options of a run list services, the run counts for each workload that needs no
    other service.
    """
    required = frozenset((one.name, one.mode) for one in used if one.is_required)
    of_hana = frozenset(one for one in required if one[0] is Workload.HANA)
    return of_hana or required or frozenset(one for one in (CALLER, GATEWAY, SSM) if named and _needed(one) <= named)


def _needed(workload: WorkloadMode) -> frozenset[str]:
    """The services that a workload requires."""
    use = WorkloadInUse(name=workload[0], by="", cause="", is_required=True, mode=workload[1])
    return frozenset(service for service, role in use.services.items() if role is Role.REQUIRED)


async def _found(scenario: Scenario, settings: Settings) -> WorkloadFacts:
    """The workloads that a search of the host finds."""
    draft: Draft[WorkloadFacts] = Draft()
    machine = SimulatedMachine(scenario, lambda: datetime.now(UTC))
    with suppress(TimeoutError):  # the file system may not answer
        async with asyncio.timeout(_SECONDS):
            await workload_search.probe(machine, draft, run_agents=settings.run_agents)
    return draft.facts or WorkloadFacts()


async def _sdk(scenario: Scenario) -> SdkFacts | None:
    """The SDK's settings, or None if the run does not use a role's credentials."""
    if scenario.credentials.source != "web-identity":
        return None
    return await SimulatedSdk(scenario).settings(None, ())
