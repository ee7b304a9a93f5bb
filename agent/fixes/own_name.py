"""Settings that make programs call an endpoint by its own DNS name. Each program has a different setting."""

from typing import Final

from agent.catalog.services import SERVICES
from agent.catalog.wording import listed
from probes.facts import SSM_ENDPOINTS
from probes.model import Target

_OF_THE_SSM_AGENT: Final = frozenset({"ssm", "ssmmessages", "ec2messages"})
"""Services that the SSM Agent calls. The agent reads none of the SDK's variables (README of aws/amazon-ssm-agent)."""
_KEYS: Final = {service: key for key, service in SSM_ENDPOINTS.items() if service in _OF_THE_SSM_AGENT}
_NAMING: Final = frozenset({"--service", "--endpoint"})
"""Options that name a service. If a person used one of them, they may also mean other programs."""


def set_own_name(target: Target) -> str:
    """The setting to make on a host for each program that calls the target, as an instruction without its full stop."""
    variable = SERVICES[target.service].endpoint_variable
    key = _KEYS.get(target.service)
    ways = []
    if key is not None:
        ways.append(
            f"{key} in /etc/amazon/ssm/amazon-ssm-agent.json to the endpoint's own DNS name and restart the SSM Agent, "
            "which reads no variable"
        )
    if key is None or (variable is not None and not _NAMING.isdisjoint(target.required_by)):
        setting = "the program's own setting" if variable is None else variable
        ways.append(f"{setting} to https:// and the endpoint's own DNS name")
    return f"set {listed(ways)}"
