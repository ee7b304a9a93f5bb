"""`python -m tests.process.patient ARGUMENTS…`: the command, with simulated runs that wait a minute for silent peers. A
test therefore always has time to act in the middle of a run.
"""

import sys
from dataclasses import replace

from agent.cli import entry
from agent.settings import Settings
from agent.simulated import settings as asked
from agent.simulated.scenario import Scenario

_settings_of = asked.settings_of


def patient(scenario: Scenario) -> Settings:
    """The settings of a scenario, with more time."""
    return replace(_settings_of(scenario), timeout=60.0, deadline=600.0)


if __name__ == "__main__":
    asked.settings_of = patient
    sys.exit(entry.run(sys.argv[1:]))
