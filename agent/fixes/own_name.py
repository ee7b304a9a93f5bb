"""How a program is told to call an endpoint by the endpoint's own DNS name: each reads a setting of its own."""

from typing import Final

from agent.catalog.services import SERVICES
from agent.catalog.wording import listed
from probes.facts import SSM_ENDPOINTS
from probes.model import Target

_OF_THE_SSM_AGENT: Final = frozenset({"ssm", "ssmmessages", "ec2messages"})
"""Services that the SSM Agent calls. It reads no variable of the SDK (README of aws/amazon-ssm-agent)."""
_KEYS: Final = {service: key for key, service in SSM_ENDPOINTS.items() if service in _OF_THE_SSM_AGENT}
_NAMING: Final = frozenset({"--service", "--endpoint"})
"""What a person asks for by name may be for other programs, too."""


def set_own_name(target: Target) -> str:
    """What to set on a host, as an instruction without an end: the setting of each program that calls the target."""
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
