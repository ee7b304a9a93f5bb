"""A VPC with the endpoints that a module or a template creates, for `backuplink predict`. It is the VPC of the example,
without that VPC's own endpoints and faults.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

import estate
from agent.app.predict import predict
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES
from agent.predict import model as prediction
from agent.predict.model import PredictionDocument
from agent.predict.request import PredictRequest
from agent.report import facts_file
from agent.report.hops import Reachability
from agent.settings import Ec2Facts, Output
from probes.model import Ok
from probes.vpc.model import (
    AVAILABLE,
    ENDPOINT_INTERFACES,
    ENDPOINTS,
    INTERFACES,
    NETWORK_ACLS,
    SECURITY_GROUPS,
    EndpointsFacts,
    GroupRule,
    InterfacesFacts,
    NetworkAclsFacts,
    NetworkInterface,
    SecurityGroup,
    SecurityGroupsFacts,
    VpcEndpoint,
)
from tests.support.repository import ROOT

GUIDE: Final = ROOT / "docs" / "endpoints.md"
OFFERED: Final = (
    *("backup", "backup-gateway", "backup-storage", "ssm", "ssmmessages", "ec2messages", "sts", "ec2", "logs"),
)
"""The services for which the module and the template both create endpoints."""
PORTS: Final = frozenset((service, port.number) for service in OFFERED for port in SERVICES[service].ports)
REGIONS_COVERED: Final = [
    name for name, region in REGIONS.items() if region.partition in ("aws", "aws-cn", "aws-us-gov")
]
"""Regions for which the module and the template both know service names."""
OWN_BLOCK: Final = str(estate.BLOCK)
SUBNETS: Final = tuple(f"subnet-0e57a7e{number:010x}" for number in (1, 2, 3))
"""The subnets of the endpoints, one in each zone."""
HOSTS: Final = tuple(f"subnet-0e57a7e{number:010x}" for number in (33, 34, 35, 49, 50, 51))
"""The subnets of the hosts: hosts of SAP HANA, and appliances of Backup gateway. The groups of these hosts allow all
outbound traffic.
"""


def group(group_id: str, rules: Iterable[GroupRule] = ()) -> SecurityGroup:
    """A security group that allows all outbound traffic."""
    return SecurityGroup(group_id=group_id, rules=(*rules, GroupRule(egress=True, protocol="-1", cidr=estate.ANYWHERE)))


def rule(port: int, cidr: str) -> GroupRule:
    """A rule that allows one port inbound."""
    return GroupRule(protocol="tcp", from_port=port, to_port=port, cidr=ip_network(cidr))


def endpoint(
    number: int, service_name: str, group_id: str, *, private_dns: bool, policy: str | None = None
) -> VpcEndpoint:
    """An endpoint with an interface in each zone. Its ids are derived from `number`."""
    service = service_name.rpartition(".")[2]
    host = f"{'backupstorage' if service == 'backup-storage' else service}.{estate.REGION}.amazonaws.com"
    endpoint_id = f"vpce-0e57a7e{number:010x}"
    own = f"{endpoint_id}-abcdefgh.{service}.{estate.REGION}.vpce.amazonaws.com"
    return VpcEndpoint(
        endpoint_id=endpoint_id,
        service_name=service_name,
        vpc_id=estate.VPC_ID,
        state=AVAILABLE,
        private_dns=private_dns,
        ip_address_type="ipv4",
        dns_record_type="ipv4",
        dns_names=(own, *([host] if private_dns else [])),
        subnet_ids=SUBNETS,
        interface_ids=tuple(f"eni-0e57a7e{number:06x}{zone:04x}" for zone in range(3)),
        group_ids=(group_id,),
        policy=policy,
        owner_id=estate.ACCOUNT,
    )


def _interfaces(made: VpcEndpoint, number: int) -> Iterable[NetworkInterface]:
    for zone, (subnet, interface_id) in enumerate(zip(made.subnet_ids, made.interface_ids, strict=True)):
        yield NetworkInterface(
            interface_id=interface_id,
            vpc_id=estate.VPC_ID,
            subnet_id=subnet,
            addresses=(ip_address(f"10.20.{zone}.{100 + number}"),),
            group_ids=made.group_ids,
            kind="vpc_endpoint",
            status="in-use",
            owner_id=estate.ACCOUNT,
        )


def with_endpoints(made: Iterable[VpcEndpoint], groups: Iterable[SecurityGroup]) -> Ec2Facts:
    """The facts about the VPC with these endpoints and security groups, and with the groups of its hosts."""
    endpoints = tuple(made)
    theirs = [one for number, each in enumerate(endpoints) for one in _interfaces(each, number)]

    def changed(read: Any) -> Any:
        match read:
            case EndpointsFacts():
                return replace(read, endpoints=endpoints, gateways=())
            case SecurityGroupsFacts(groups=hosts):
                endpoint_groups = {estate.GROUPS["endpoints"], estate.GROUPS["gateway-endpoint"]}
                own = (one for one in hosts if one.group_id not in endpoint_groups)
                return replace(read, groups=(*own, *groups))
            case InterfacesFacts(interfaces=interfaces):
                return replace(read, interfaces=(*(one for one in interfaces if one.kind == "interface"), *theirs))
            case NetworkAclsFacts(acls=(default, closed)):
                return replace(read, acls=(replace(default, subnet_ids=(*default.subnet_ids, *closed.subnet_ids)),))
        return read

    facts = estate.facts()
    wanted = (ENDPOINTS, ENDPOINT_INTERFACES, INTERFACES, NETWORK_ACLS, SECURITY_GROUPS)
    observations = tuple(
        replace(one, outcome=Ok(changed(one.outcome.facts)))
        if one.subject.operation in wanted and isinstance(one.outcome, Ok)
        else one
        for one in facts.observations
    )
    return replace(facts, observations=observations)


def predicted(
    facts: Ec2Facts, folder: Path, services: tuple[str, ...], **changes: Any
) -> tuple[int, PredictionDocument]:
    """Run `backuplink predict` on these facts; returns its exit code and its document."""
    place, output = folder / "facts.json", folder / "prediction.json"
    place.write_text(facts_file.dumps(facts), "utf-8")
    request = PredictRequest(
        **{
            "place": str(place),
            "reads": None,
            "sources": HOSTS,
            "workloads": (),
            "services": services,
            "ports": (),
            "assumptions": (),
            "plans": (),
            "output": Output(format="json", output=str(output)),
            **changes,
        }
    )

    async def never(*_: object) -> Any:
        raise AssertionError("a file is not read from EC2")

    code = predict(request, never, [])
    return code, prediction.decode(json.loads(output.read_text("utf-8")))


def outcomes(document: PredictionDocument) -> Mapping[tuple[str, int], Reachability]:
    """The predicted result for each service and port. If hosts or addresses have different results, it is the worst of
    them.
    """
    worst: dict[tuple[str, int], Reachability] = {}
    order = (Reachability.BLOCKED, Reachability.DOUBTFUL, Reachability.CANNOT_TELL, Reachability.OPEN)
    for path in document.paths:
        key = (path.service, path.port)
        worst[key] = min(worst.get(key, Reachability.OPEN), path.outcome, key=order.index)
    return worst
