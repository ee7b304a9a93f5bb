"""The kernel treats packets as the configuration says. All peers of a VPC accept connections, but they are behind a
filter that is made only from the facts. The installed program must find there what the scenario expects: the
measurement must equal the prediction at every port of every address, and the findings must name the cause.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from agent.catalog.services import SERVICES
from agent.report import exits
from agent.report.hops import Reachability
from agent.report.model import Measured
from agent.simulated.network import configuration_of
from agent.simulated.scenario import Scenario
from tests.netns import filters, program
from tests.netns.at_once import Runs
from tests.netns.vpc import vpc
from tests.support import scenarios
from tests.support.extent import one_in

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("namespaces")]

SUPPORT_PORT: Final = 2222

NAMES: Final = (
    "acl-443-and-high-ports",
    "acl-denies-by-an-earlier-entry",
    "acl-of-the-endpoint-keeps-answers",
    "acl-without-ipv6",
    "central-endpoint-without-a-route",
    "configuration-healthy",
    "default-group-of-the-vpc",
    "endpoint-group-shut",
    "endpoint-group-without-ipv6",
    "endpoint-out-of-addresses",
    "endpoint-pending",
    "endpoint-rejected",
    "facts-file-healthy",
    "facts-file-names-the-group",
    "facts-file-of-last-week",
    "gateway-group-for-the-appliance",
    "gateway-group-without-support-port",
    "gateway-optional-group",
    "group-of-others-admitted",
    "network-acl-no-return",
    "one-of-two-endpoints-shut",
    "own-group-lets-nothing-out",
    "own-group-too-narrow",
    "own-group-without-ipv6",
    "peered-endpoint-without-a-way-back",
    "primary-block-admitted",
    "route-into-nothing",
    "route-into-nothing-for-one-subnet",
    "route-without-ipv6",
    "second-endpoint-available",
    "security-group-443-only",
    "two-faults-groups-at-both-ends",
    "zone-not-covered",
)
"""Scenarios in which only the configuration causes the fault, and only packets are affected."""

_NAMES_OF_BACKUP: Final = """
[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup-gateway.eu-west-1.amazonaws.com"
a = ["52.95.112.40"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup.eu-west-1.amazonaws.com"
"""
BACKUP: Final = f'{_NAMES_OF_BACKUP}a = ["10.0.1.17", "10.0.2.17", "10.0.3.17"]\n'
DUAL_STACK: Final = f"""
[host]
addresses = ["10.0.1.10/24", "2600:1f18:0:1::10/64"]
gateways = ["10.0.1.1", "fe80::1"]
[metadata]
vpc_cidrs = ["10.0.0.0/16", "2600:1f18::/56"]
{_NAMES_OF_BACKUP}a = ["10.0.1.17", "10.0.2.17"]
aaaa = ["2600:1f18:0:1::17", "2600:1f18:0:2::17"]
[[ec2.endpoints]]
addresses = ["10.0.1.17", "10.0.2.17", "2600:1f18:0:1::17", "2600:1f18:0:2::17"]
"""
GATEWAY: Final = """
[run]
services = ["backup-gateway"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "backup-gateway.eu-west-1.amazonaws.com"
a = ["10.0.1.27", "10.0.2.27"]

[[dns]]
resolvers = ["10.0.0.2", "169.254.169.253"]
name = "*"
a = ["52.95.112.41"]

[[ec2.endpoints]]
service = "backup-gateway"
addresses = ["10.0.1.27", "10.0.2.27"]
group_ids = ["sg-0f1b2c3d4e5f67890"]
"""


def world(toml: str, more: str, status: str, path: str, *findings: str) -> str:
    """The file of a scenario."""
    listed = ", ".join(f'"{finding}"' for finding in findings)
    expect = f'[expect]\nstatus = "{status}"\npath = "{path}"\nfindings = [{listed}]\n'
    return f'summary = "a filter made from the facts"\n{toml}\n{more}\n{expect}'


def groups(**rules: str) -> str:
    """The security groups of the healthy scenario with some rules replaced."""
    ids = {"own": "sg-0a1b2c3d4e5f67890", "endpoint": "sg-0e1b2c3d4e5f67890"}
    return "".join(f'[[ec2.groups]]\ngroup_id = "{ids[name]}"\nrules = [{rules[name]}]\n' for name in rules)


def table(*routes: str) -> str:
    """A changed route table for the host's subnet."""
    return (
        '[[ec2.route_tables]]\ntable_id = "rtb-0b1b2c3d4e5f67890"\nvpc_id = "vpc-0a1b2c3d4e5f67890"\nmain = false\n'
        f'subnet_ids = ["subnet-0a1b2c3d4e5f67890"]\nroutes = [{", ".join(routes)}]\n'
    )


def acl(subnet: str, *entries: str) -> str:
    """A changed network ACL for a subnet."""
    return (
        '[[ec2.acls]]\nacl_id = "acl-0b1b2c3d4e5f67890"\nvpc_id = "vpc-0a1b2c3d4e5f67890"\ndefault = false\n'
        f'subnet_ids = ["{subnet}"]\nentries = [{", ".join(entries)}]\n'
    )


def entry(number: int, way: str, action: str, cidr: str, ports: tuple[int, int] | None = None) -> str:
    narrowed = "" if ports is None else f', protocol = "6", from_port = {ports[0]}, to_port = {ports[1]}'
    egress, allow = str(way == "out").lower(), str(action == "allow").lower()
    return f'{{ number = {number}, egress = {egress}, allow = {allow}, cidr = "{cidr}"{narrowed} }}'


def allows(ports: str, who: str) -> str:
    first, _, last = ports.partition("-")
    return f'{{ protocol = "tcp", from_port = {first}, to_port = {last or first}, {who} }}'


LOCAL: Final = '{ destination = "10.0.0.0/16" }'
SUBNET_B: Final = "subnet-0b1b2c3d4e5f67890"
ALL_OUT: Final = entry(100, "out", "allow", "0.0.0.0/0")
ALL_IN: Final = entry(100, "in", "allow", "0.0.0.0/0")

PEERED: Final = (
    '[[ec2.endpoints]]\nvpc_id = "vpc-0b1b2c3d4e5f67890"\naddresses = ["10.40.1.17"]\nprivate_dns = false\n'
    '[[ec2.subnets]]\nsubnet_id = "subnet-0e1b2c3d4e5f67890"\nvpc_id = "vpc-0b1b2c3d4e5f67890"\n'
    'cidrs = ["10.40.1.0/24"]\navailability_zone = "eu-west-1a"\navailability_zone_id = "euw1-az1"\n'
    '[[ec2.acls]]\nacl_id = "acl-0c1b2c3d4e5f67890"\nvpc_id = "vpc-0b1b2c3d4e5f67890"\ndefault = true\n'
    f'subnet_ids = ["subnet-0e1b2c3d4e5f67890"]\nentries = [{ALL_IN}, {ALL_OUT}]\n'
    + table(LOCAL, '{ destination = "10.40.0.0/16", target = "pcx-0a1b2c3d4e5f67890" }')
)
"""Facts about an endpoint in a peered VPC of the same account."""

WORLDS: Final = {
    "open-dual-stack": world(DUAL_STACK, "", "ok", "private"),
    "open-gateway": world(GATEWAY, "", "ok", "private"),
    "out-to-another-subnet": world(
        BACKUP,
        groups(own='{ egress = true, protocol = "-1", cidr = "10.0.2.0/24" }'),
        "critical",
        "private",
        "VPC012@backup",
        "TCP002@backup",
    ),
    "out-to-members": world(
        BACKUP,
        groups(
            own='{ egress = true, protocol = "6", from_port = 443, to_port = 443, '
            'referenced_group_id = "sg-0e1b2c3d4e5f67890" }'
        ),
        "ok",
        "private",
    ),
    "admitted-by-group": world(
        BACKUP, groups(endpoint=allows("443", 'referenced_group_id = "sg-0a1b2c3d4e5f67890"')), "ok", "private"
    ),
    "admitted-by-list": world(
        BACKUP,
        groups(endpoint=allows("0-1024", 'prefix_list_id = "pl-0a1b2c3d4e5f67890"'))
        + '[[ec2.prefix_lists]]\nprefix_list_id = "pl-0a1b2c3d4e5f67890"\ncidrs = ["10.0.4.0/24", "10.0.1.8/29"]\n',
        "ok",
        "private",
    ),
    "udp-is-not-tcp": world(
        BACKUP,
        groups(
            endpoint='{ protocol = "udp", from_port = 443, to_port = 443, cidr = "10.0.0.0/16" }, '
            '{ protocol = "icmp", cidr = "0.0.0.0/0" }'
        ),
        "critical",
        "unreachable",
        "VPC005@backup",
        "TCP001@backup",
    ),
    "denied-for-some-ports": world(
        GATEWAY,
        acl(SUBNET_B, entry(90, "in", "deny", "10.0.1.0/24", (1027, 1028)), ALL_IN, ALL_OUT),
        "critical",
        "private",
        "VPC006@backup-gateway",
        "TCP003@backup-gateway",
    ),
    "over-a-peering": world(
        f'{_NAMES_OF_BACKUP}a = ["10.40.1.17"]\n',
        PEERED + '[[ec2.route_tables]]\ntable_id = "rtb-0c1b2c3d4e5f67890"\nvpc_id = "vpc-0b1b2c3d4e5f67890"\n'
        'main = true\nsubnet_ids = []\nroutes = [{ destination = "10.40.0.0/16" }, '
        '{ destination = "10.0.0.0/8", target = "pcx-0a1b2c3d4e5f67890" }]\n',
        "ok",
        "private",
    ),
}
"""Additional worlds for the tests here, each written as the file of a scenario."""
FILES: Final = {name: scenarios.text(name) for name in NAMES} | WORLDS


def everything_accepts(name: str, toml: str) -> str:
    """The file of the scenario, changed so that a service accepts connections at every port of every endpoint address,
    even at those that are silent in the scenario.
    """
    rows = "".join(_accepting(scenarios.parse(name, toml)))
    place = toml.find("[[tcp]]")
    return f"{toml}\n{rows}" if place < 0 else f"{toml[:place]}{rows}{toml[place:]}"


def _accepting(scenario: Scenario) -> Iterator[str]:
    interfaces = configuration_of(scenario).endpoint_interfaces or ()
    for address in (address for interface in interfaces for address in interface.addresses):
        for port in sorted({port.number for service in SERVICES.values() for port in service.ports}):
            row = scenario.behind(address, port)
            if row is None or row.answer == "silence":
                speaks = "ssh" if port == SUPPORT_PORT else "aws"
                yield f'[[tcp]]\naddresses = ["{address}"]\nports = [{port}]\nspeaks = "{speaks}"\n\n'


def make(name: str) -> program.Ended:
    """Make one run of a world, for all tests of this world."""
    toml = program.always_reading(everything_accepts(name, FILES[name]))
    scenario = scenarios.parse(name, toml)
    built = vpc(name, toml, rules=filters.filtering(scenario), routes=filters.routing(scenario))
    with tempfile.TemporaryDirectory() as folder, built as network:
        return program.check(network, Path(folder))


@pytest.mark.parametrize("name", [*one_in(10, NAMES), *WORLDS])
def test_the_kernel_does_what_was_predicted_and_the_program_names_the_cause(
    name: str, runs: Runs[program.Ended]
) -> None:
    expect, run = scenarios.parse(name, FILES[name]).expect, runs[name]
    verdict = run.report.verdict
    assert (verdict.status, verdict.path, run.findings) == (expect.status, expect.path, expect.findings), "cause"
    assert run.code == exits.of_status(expect.status), "exit code"
    # Steps that were not measured are predicted, too.
    paths = [path for path in run.report.paths if path.measured is not Measured.NOT_MEASURED]
    outcomes = {(str(path.address), path.port): (path.predicted, path.measured) for path in paths}
    expected = {Reachability.OPEN: Measured.CONNECTED, Reachability.BLOCKED: Measured.SILENT}
    assert outcomes == {
        place: (predicted, expected.get(predicted, measured)) for place, (predicted, measured) in outcomes.items()
    }
    assert outcomes
