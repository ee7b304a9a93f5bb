"""The template that creates endpoints: the tests check its built form, compare its names and ports with the catalogue,
and run `backuplink predict` for a VPC with its endpoints.
"""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

import estate
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES, service_name_of
from agent.report.hops import Reachability
from agent.settings import Ec2Facts
from agent.version import __version__
from tests.packaging.artifacts import artifact_of
from tests.packaging.endpoints import (
    GUIDE,
    OFFERED,
    OWN_BLOCK,
    PORTS,
    REGIONS_COVERED,
    SUBNETS,
    endpoint,
    group,
    outcomes,
    predicted,
    rule,
    with_endpoints,
)
from tests.support.cloudformation import Stack, template
from tests.support.extent import one_in
from tests.support.repository import ROOT

TEMPLATE: Final = "backuplink-endpoints.template.yaml"
TEMPLATES: Final = ROOT / "packaging" / "cloudformation"
SWITCHES: Final = {
    "Backup": ("backup",),
    "BackupGateway": ("backup-gateway",),
    "BackupStorage": ("backup-storage",),
    "SystemsManager": ("ssm", "ssmmessages"),
    "Ec2Messages": ("ec2messages",),
    "Sts": ("sts",),
    "Ec2": ("ec2",),
    "Logs": ("logs",),
}
"""The parameters of the template, each with the services that it enables."""


def test_the_template_has_a_switch_for_each_service() -> None:
    assert [*itertools.chain(*SWITCHES.values())] == [*OFFERED]
    assert SWITCHES.keys() < template(TEMPLATES / TEMPLATE)["Parameters"].keys()


def stack(partition: str = "aws", region: str = estate.REGION, **given: str) -> Stack:
    """The stack of the template. It has endpoints for every service, unless `given` says otherwise."""
    everything = dict.fromkeys(SWITCHES, "true")
    own = {"VpcId": estate.VPC_ID, "SubnetIds": ",".join(SUBNETS), "ClientCidr": OWN_BLOCK}
    return Stack(template(TEMPLATES / TEMPLATE), partition, region, **{**everything, **own, **given})


def facts_of(made: Stack) -> Ec2Facts:
    """The facts about the VPC once the stack exists. A reference to a resource is the resource's name in
    the template.
    """
    groups = [
        group(name, [rule(one["FromPort"], one["CidrIp"]) for one in properties["SecurityGroupIngress"]])
        for name, properties in made.resources("AWS::EC2::SecurityGroup").items()
    ]
    ids = {one.group_id: f"sg-0e57a7e{number:010x}" for number, one in enumerate(groups, 0xE0)}
    endpoints = []
    for number, properties in enumerate(made.resources("AWS::EC2::VPCEndpoint").values(), 0x40):
        assert (properties["VpcEndpointType"], properties["VpcId"]) == ("Interface", estate.VPC_ID)
        assert properties["SubnetIds"] == [*SUBNETS]
        (own,) = properties["SecurityGroupIds"]
        policy = properties.get("PolicyDocument")
        endpoints.append(
            endpoint(
                number,
                properties["ServiceName"],
                ids[own],
                private_dns=properties["PrivateDnsEnabled"] == "true",
                policy=None if policy is None else json.dumps(policy),
            )
        )
    return with_endpoints(endpoints, (replace(one, group_id=ids[one.group_id]) for one in groups))


@pytest.mark.parametrize("more", [{}, {"OnlyThisAccount": "true"}], ids=["default policy", "own account"])
def test_every_port_of_the_template_s_endpoints_is_open(tmp_path: Path, more: dict[str, str]) -> None:
    code, document = predicted(facts_of(stack(**more)), tmp_path, OFFERED)
    assert outcomes(document) == dict.fromkeys(PORTS, Reachability.OPEN)
    assert {name.answer for name in document.names} == {"private"}
    assert {call.outcome for call in document.calls} == {Reachability.OPEN}
    assert (code, document.unjudged) == (0, ())


@pytest.mark.parametrize("port", [443, 1026, 1027, 1028, 1031, 2222])
def test_a_port_that_the_gateway_s_group_lacks_is_blocked(tmp_path: Path, port: int) -> None:
    made = template(TEMPLATES / TEMPLATE)
    rules = made["Resources"]["GatewayGroup"]["Properties"]["SecurityGroupIngress"]
    rules[:] = [one for one in rules if one.get("FromPort") != port]
    own = {"VpcId": estate.VPC_ID, "SubnetIds": ",".join(SUBNETS), "ClientCidr": OWN_BLOCK, "BackupGateway": "true"}
    code, document = predicted(facts_of(Stack(made, **own)), tmp_path, ("backup-gateway",))
    found = outcomes(document)
    assert {at for (_, at), outcome in found.items() if outcome is Reachability.BLOCKED} == {port}
    is_required = next(one.required for one in SERVICES["backup-gateway"].ports if one.number == port)
    assert code == (2 if is_required else 0)


@pytest.mark.parametrize(
    ("given", "service", "code"),
    [
        pytest.param({"ClientCidr": "10.21.0.0/16"}, "backup", "VPC005", id="another block"),
        pytest.param({"PrivateDns": "false"}, "backup", "VPC002", id="private DNS off"),
        pytest.param({"Sts": "false"}, "sts", "VPC001", id="no endpoint"),
    ],
)
def test_what_a_parameter_leaves_out_is_blocked(tmp_path: Path, given: dict[str, str], service: str, code: str) -> None:
    exit_code, document = predicted(facts_of(stack(**given)), tmp_path, (service,))
    assert exit_code == 2
    assert code in {fault.code for fault in document.faults}


def test_a_second_block_and_that_of_appliances_are_let_in() -> None:
    made = stack(SecondClientCidr="10.21.0.0/16", GatewayClientCidr="192.168.10.0/24")
    let_in: dict[str, set[tuple[int, str]]] = {
        name: {(one["FromPort"], one["CidrIp"]) for one in properties["SecurityGroupIngress"]}
        for name, properties in made.resources("AWS::EC2::SecurityGroup").items()
    }
    ports = [port.number for port in SERVICES["backup-gateway"].ports]
    blocks = (OWN_BLOCK, "10.21.0.0/16", "192.168.10.0/24")
    assert let_in["Group"] == {(443, block) for block in blocks[:2]}
    assert let_in["GatewayGroup"] == {(port, block) for port in ports for block in blocks}


@pytest.mark.parametrize("region", one_in(6, REGIONS_COVERED))
def test_the_template_s_service_names_are_the_catalogue_s(region: str) -> None:
    made = stack(REGIONS[region].partition, region)
    names = [properties["ServiceName"] for properties in made.resources("AWS::EC2::VPCEndpoint").values()]
    known = {name.rpartition(".")[2]: name for name in names}
    if "backup-gateway" not in REGIONS[region].services and REGIONS[region].partition == "aws-cn":
        assert "backup-gateway" not in known
    for service, name in known.items():
        assert service_name_of(service, region) in (None, name)


def test_cfn_lint_finds_nothing_in_the_template() -> None:
    import cfnlint.api  # imported here, since all test processes import this module, and few need it
    import cfnlint.config

    some = cfnlint.config.ManualArgs(regions=["us-east-1", "cn-north-1", "us-gov-west-1"])
    assert [str(problem) for problem in cfnlint.api.lint_file(TEMPLATES / TEMPLATE, config=some)] == []


def test_what_dist_holds_is_the_template() -> None:
    source = (TEMPLATES / TEMPLATE).read_text("utf-8")
    assert artifact_of(TEMPLATE, "cloudformation").read_text("utf-8") == f"# backuplink {__version__}\n{source}"


def test_the_page_names_every_parameter() -> None:
    page = GUIDE.read_text("utf-8")
    assert [name for name in template(TEMPLATES / TEMPLATE)["Parameters"] if f"`{name}`" not in page] == []
