"""The settings, and the start time, of a run in a scenario. They can be known without building the scenario's world."""

from datetime import UTC, datetime
from typing import Final

from agent.catalog.partitions import region_in
from agent.catalog.vpce import named_endpoint
from agent.settings import Ec2, Settings
from agent.simulated.scenario import Scenario

EPOCH: Final = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
"""The start of a simulated run, at three in the morning."""


def settings_of(scenario: Scenario) -> Settings:
    """The settings of the scenario's run."""
    run, part = scenario.run, scenario.ec2
    region, source = (run.region, "--region") if run.region else region_in(scenario.host.environment)
    facts = None
    if part is not None and part.source == "file":
        from agent.simulated.network import facts_of

        facts = facts_of(scenario, EPOCH)
    return Settings(
        region=region,
        region_source=source,
        services=run.services,
        workloads=run.workloads,
        run_agents=run.run_agents,
        resolvers=(),
        expect=run.expect,
        private_cidrs=(),
        timeout=run.timeout,
        deadline=run.deadline,
        profile=None,
        ca_bundle=None,
        endpoints=tuple(named_endpoint(text) for text in run.endpoints),
        calls=run.calls,
        jobs=run.jobs,
        ec2=run.ec2 if part is not None and part.source == "live" else Ec2.NEVER,
        ec2_facts=facts,
    )
