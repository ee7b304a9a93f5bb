"""One watch of fifty endpoints."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Final

from agent.report.model import Status
from agent.simulated.clock import PatientLoop
from agent.simulated.scenario import Scenario
from agent.simulated.settings import settings_of
from probes.model import Role
from tests.agent.watch.year import resident
from tests.formats.monitors import samples_in
from tests.support import scenarios
from tests.support.extent import everything
from tests.support.runs import in_virtual_time
from tests.support.virtual import DEADLINE, job, networks, watched

TARGETS: Final = 50
CYCLES: Final = 200 if everything() else 3
MAX_GROWTH_BYTES: Final = 4_000_000


def network(*, silent: int) -> Scenario:
    """A network with an endpoint for each target. The last `silent` endpoints do not answer."""
    names = [f"vpce-{number:017x}-abcdefgh.backup.eu-west-1.vpce.amazonaws.com" for number in range(TARGETS)]
    rows = [
        f'[[dns]]\nresolvers = ["10.0.0.2", "169.254.169.253"]\nname = "{name}"\na = ["10.0.1.{10 + number}"]\n'
        for number, name in enumerate(names)
    ]
    toml = f"""
summary = "fifty endpoints"
[run]
endpoints = {names}
timeout = 1.0
{"".join(rows)}
[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup.eu-west-1.amazonaws.com"
a = ["10.0.1.10"]
[[tcp]]
addresses = {[f"10.0.1.{10 + number}" for number in range(TARGETS - silent)]}
ports = [443]
names = ["backup.eu-west-1.amazonaws.com", "*.backup.eu-west-1.vpce.amazonaws.com"]
[expect]
status = "ok"
path = "private"
findings = []
"""
    return scenarios.parse("fifty", toml.replace("'", '"'))


def test_fifty_endpoints_in_one_watch(tmp_path: Path) -> None:
    healthy, faulty = network(silent=0), network(silent=TARGETS // 2)
    sizes: list[int] = []
    config = job(
        networks(itertools.cycle([faulty, healthy])),
        scenario="healthy",
        textfile=tmp_path / "watch.prom",
        cycles=CYCLES,
    )
    config = replace(config, settings=replace(settings_of(healthy), deadline=DEADLINE))
    done = in_virtual_time(lambda: watched(config, tidy=lambda _: sizes.append(resident())), PatientLoop)
    report = done.watch.report
    assert report is not None
    assert report.run.complete
    asked_for = [target.status for target in report.targets if target.role is Role.REQUIRED]
    silent = 0 if CYCLES % 2 == 0 else TARGETS // 2
    assert asked_for == [Status.OK] * (TARGETS - silent) + [Status.CRITICAL] * silent
    samples = samples_in((tmp_path / "watch.prom").read_text("utf-8"))
    assert samples["backuplink_watch_cycles_total", frozenset()] == CYCLES
    assert samples["backuplink_watch_late_cycles_total", frozenset()] == 0
    assert samples["backuplink_watch_cycle_errors_total", frozenset()] == 0
    # The first two cycles load what is only loaded once. A watch that kept data of each cycle would grow in every
    # cycle.
    assert sizes[-1] - sizes[2] <= MAX_GROWTH_BYTES
