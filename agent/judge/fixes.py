"""The commands of a fix, with what the run knows in place of their placeholders."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from agent.catalog.placeholders import FORMS, PLACEHOLDER
from agent.catalog.vpce import read_name
from agent.judge.evidence import Evidence
from agent.judge.rules.rule import RuleFinding
from agent.report.model import Fix
from probes.model import Addressing, Target
from probes.vpc.model import DELETED, VpcEndpoint

_SAFE_WORD: Final = re.compile(r"[A-Za-z0-9_.,:/=@+<>{}\[\]-]{1,300}")
_OPTIONS: Final = frozenset(
    (
        "--add-route-table-ids --add-subnet-ids --attribute --by-state --calls --cidr --cidr-block "
        "--creator-request-id --deadline --dhcp-options-ids --domain-name --dual-stack --ec2 --egress "
        "--enable-dns-hostnames --enable-dns-support --endpoint --expect --filter --filters --fips "
        "--firewall-domain-list-id --firewall-rule-group-id --format --group-id --hosted-zone-id --ingress "
        "--instance-ids --invalidate --ip-permissions --ipv6-cidr-block --jobs --name "
        "--network-acl-id --network-acl-ids --no-private-dns-enabled --output --port --port-range "
        "--private-cidr --private-dns-enabled --profile-id --protocol --query --redact --region --region-name "
        "--resolver-rule-id --resource-id --role-name --route-table-ids --rule-action --rule-number --rule-type "
        "--run-agents --security-group-ids --service --service-name --service-names --service-region --show "
        "--source-group --subnet-ids --target-id --timeout --transit-gateway-attachment-ids "
        "--transit-gateway-route-table-id --vpc --vpc-endpoint-id --vpc-endpoint-ids "
        "--vpc-endpoint-type --vpc-id "
        "--vpc-ids --vpc-region --workload -S -connect -lunp -n -noservername -rn -s -servername -showcerts "
    ).split()
)
"""Options of the commands that rules give. Any other word that begins with a dash is not of a rule."""
_PRIVATE_DNS_RIGHT: Final = "Private DNS also takes the permission route53:AssociateVPCWithHostedZone."
"""It is the association of a hosted zone, and narrow roles lack it (Service Authorization Reference, Amazon EC2,
CreateVpcEndpoint)."""


def filled(fix: Fix, known: Mapping[str, str]) -> Fix:
    """A fix that is ready for a person: placeholders filled where the value is `known`, and `<VALUE>` for
    every word that is not what ids, names, addresses and options are made of. What a peer or a setting gave never
    becomes part of a command, and no value becomes an option."""

    def fill(word: str) -> str:
        word = PLACEHOLDER.sub(lambda placeholder: known.get(placeholder[0], placeholder[0]), word)
        is_safe = _SAFE_WORD.fullmatch(word) and (not word.startswith("-") or word in _OPTIONS)
        return word if is_safe else "<VALUE>"

    commands = tuple(replace(command, argv=tuple(map(fill, command.argv))) for command in fix.commands)
    takes = any("--private-dns-enabled" in command.argv for command in commands)
    return replace(fix, summary=f"{fix.summary} {_PRIVATE_DNS_RIGHT}" if takes else fix.summary, commands=commands)


def placeholders_of(finding: RuleFinding) -> frozenset[str]:
    """The placeholders in the commands of a finding's fix."""
    words = (word for command in finding.fix.commands for word in command.argv)
    return frozenset(placeholder for word in words for placeholder in PLACEHOLDER.findall(word))


def known_ids(finding: RuleFinding, target: Target | None, evidence: Evidence) -> Mapping[str, str]:
    """By placeholder, what this run knows of it, where that has the strict form of its kind."""
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
    """The endpoint that a finding is about: the only one of the service in this VPC, where the private addresses of the
    finding are all of its interfaces, or the finding has none and private DNS is what makes the name private."""
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
