"""The values that a run knows for the placeholders in the commands of fixes."""

from collections.abc import Mapping

from agent.catalog.placeholders import FORMS
from agent.catalog.vpce import read_name
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import RuleFinding
from probes.model import Addressing, Target
from probes.vpc.model import DELETED, VpcEndpoint


def known_ids(finding: RuleFinding, target: Target | None, evidence: Evidence) -> Mapping[str, str]:
    """The values that this run knows for placeholders. A value is left out if it does not have the strict form of its
    kind."""
    imds = evidence.imds
    groups = imds.security_group_ids if imds is not None else ()
    own = None if target is None else read_name(target.host)
    dhcp = evidence.configuration.dhcp_options
    endpoint = None if target is None or own is not None else _endpoint_of(finding, target, evidence)
    interfaces = (evidence.host.interfaces if evidence.host is not None else None) or ()
    names = {interface.name for interface in interfaces} - {"lo"}
    values = {
        "<VPC_ID>": imds.vpc_id if imds is not None else None,
        "<SUBNET_ID>": imds.subnet_id if imds is not None else None,
        "<INSTANCE_ID>": imds.instance_id if imds is not None else None,
        "<INSTANCE_SECURITY_GROUP_ID>": groups[0] if len(groups) == 1 else None,
        "<VPC_ENDPOINT_ID>": own.endpoint_id if own is not None else endpoint.endpoint_id if endpoint else None,
        "<ENDPOINT_SECURITY_GROUP_ID>": endpoint.group_ids[0] if endpoint and len(endpoint.group_ids) == 1 else None,
        "<DHCP_OPTIONS_ID>": dhcp.options_id if dhcp is not None else None,
        "<INTERFACE>": names.pop() if len(names) == 1 else None,
    }
    return {name: value for name, value in values.items() if value is not None and FORMS[name].fullmatch(value)}


def _endpoint_of(finding: RuleFinding, target: Target, evidence: Evidence) -> VpcEndpoint | None:
    """The endpoint that a finding is about: the only endpoint of the service in this VPC. The endpoint must have all
    private addresses of the finding. If the finding has no private address, the target's host must be the service's
    default name, for which private DNS answers."""
    region = None if evidence.imds is None else evidence.imds.region
    if evidence.vpc_id is None or target.region != region:
        return None
    in_vpc = evidence.endpoints(target, vpc_id=evidence.vpc_id) or ()
    there = [endpoint for endpoint in in_vpc if endpoint.state != DELETED]
    if len(there) != 1:
        return None
    at = [evidence.interface_at(address) for address in finding.addresses if evidence.is_private(address)]
    is_its_own = all(interface is not None and interface.interface_id in there[0].interface_ids for interface in at)
    return there[0] if is_its_own and (at or target.addressing is Addressing.DEFAULT) else None
