"""The first step of the fix for each configuration fault, as a line of a table. There is one row for each code.

A line names what to change. The fix itself says how (`agent.fixes.by_code`).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from agent.catalog.placeholders import FORMS
from agent.catalog.services import SERVICES
from agent.catalog.wording import listed_briefly
from probes.frozen import dataclass


@dataclass(frozen=True, slots=True)
class _Row:
    """A line, and the kind of ids in it."""

    words: str
    """The words of the line. `{ids}`, `{ports}` and `{services}` stand for those of the fault."""
    placeholder: str | None = None
    """The placeholder whose form the ids have; None if the line names no ids."""
    otherwise: str = "the endpoint"
    """The words to use if no ids are known."""


_ENDPOINT: Final = "<VPC_ENDPOINT_ID>"
_GROUP: Final = "<ENDPOINT_SECURITY_GROUP_ID>"
_TABLE: Final = "<ROUTE_TABLE_ID>"
IN_BRIEF: Final[Mapping[str, _Row]] = {
    "VPC001": _Row("Create an endpoint of {services}, or share one of another VPC"),
    "VPC002": _Row("Turn on private DNS of {ids}", _ENDPOINT),
    "VPC003": _Row("Turn on the DNS attributes of the VPC"),
    "VPC004": _Row("See why {ids} is not available", _ENDPOINT),
    "VPC005": _Row("Allow {ports} in {ids}", _GROUP, "the endpoint's group"),
    "VPC006": _Row("Allow the traffic in {ids}", "<NETWORK_ACL_ID>", "the network ACL"),
    "VPC007": _Row("Fix the route in {ids}", _TABLE, "the route table or the transit gateway"),
    "VPC008": _Row("Change the policy of {ids}", _ENDPOINT),
    "VPC009": _Row("Give {ids} a subnet in the other zones, unless one zone is intended", _ENDPOINT),
    "VPC010": _Row("Correct the record in {ids}", "<HOSTED_ZONE_ID>", "the zone or the name server"),
    "VPC011": _Row("Make the name servers of {ids} forward to the VPC", "<DHCP_OPTIONS_ID>", "the DHCP options"),
    "VPC012": _Row("Let {ports} out in {ids}", "<INSTANCE_SECURITY_GROUP_ID>", "the hosts' groups"),
    "VPC015": _Row("Let the VPC answer the name in place of {ids}", "<RESOLVER_RULE_ID>", "the Resolver rule"),
    "VPC016": _Row("Give the name a record in {ids}", "<HOSTED_ZONE_ID>", "the hosted zone"),
    "VPC017": _Row("Have {ids} allow the name", "<FIREWALL_RULE_GROUP_ID>", "DNS Firewall"),
    "VPC018": _Row("See what {ids} brings for the name", "<PROFILE_ID>", "the Route 53 Profile"),
    "VPC019": _Row("Let the gateway endpoint carry the calls: see {ids}", _TABLE, "its policy"),
    "VPC020": _Row("Narrow {ids}, unless the access is intended", _GROUP, "the endpoint's group"),
    "VPC021": _Row("Narrow the policy of {ids}, unless the access is intended", _ENDPOINT),
    "VPC022": _Row("Find out who uses {ids}", _ENDPOINT),
}
_OF_APPLIANCE: Final = _Row("Decide whether {ids} needs private DNS", _ENDPOINT)
"""VPC002 of a service whose appliances may use public names."""
_UNTOLD: Final = "Find out what is not known"
"""The line for an uncertain fault without known subjects. It says that a person must look before anything is
changed.
"""


def in_brief(
    code: str | None, services: Sequence[str], ports: Sequence[int], subjects: Sequence[str], *, certain: bool = True
) -> str:
    """The first thing to do, without a full stop. If a fault is uncertain, the line never suggests a change."""
    if code is None or not certain:
        return f"Look at {listed_briefly(subjects)}, which may be the cause" if subjects else _UNTOLD
    row = IN_BRIEF[code]
    if code == "VPC002" and services and SERVICES[services[0]].has_appliance:
        row = _OF_APPLIANCE
    form = None if row.placeholder is None else FORMS[row.placeholder]
    ids = [subject for subject in subjects if form is not None and form.fullmatch(subject)]
    return row.words.format(
        ids=listed_briefly(ids) if ids else row.otherwise,
        ports=listed_briefly(ports) if ports else "its ports",
        services=listed_briefly(services),
    )
