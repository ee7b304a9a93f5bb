"""The simulated EC2 answers like the real one. Its answers are read in memory and over HTTP, and show the scenario's
network.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import pytest

from agent.app.read_saved import read_facts
from agent.catalog.services import checkable, gateway_labels, private_link_labels
from agent.process.cancel import CancelToken
from agent.report import facts_file
from agent.run import collect_facts as facts
from agent.settings import Ec2Facts
from agent.simulated import ec2 as simulated
from agent.simulated import network
from agent.simulated.scenario import Scenario
from agent.simulated.world import SimulatedSdk
from agent.simulated.world import simulated as simulated_world
from probes.model import FailureKind, Observation, Ok, Outcome, ProbeError, Skipped
from probes.observe import Log
from probes.seams import Reader
from probes.system.net import SystemNet
from probes.system.reader import SystemReader
from probes.vpc import reads as ec2
from probes.vpc.model import PRIVATE_ZONES, READS, Configuration, PrefixList, PrefixListsFacts
from tests.netns import ec2_server
from tests.support import scenarios

DNS: Final = '\n[[dns]]\nresolvers = ["10.0.0.2"]\nname = "example.com"\na = ["10.0.1.80"]\n'
EXPECT: Final = f'{DNS}[expect]\nstatus = "ok"\npath = "private"\nfindings = []\n'
HEALTHY: Final = f'summary = "all is well"\n[ec2]\n{EXPECT}'
CHINA: Final = f"""summary = "China"
[run]
region = "cn-north-1"
[metadata]
region = "cn-north-1"
partition = "aws-cn"
availability_zone = "cn-north-1a"
availability_zone_id = "cnn1-az1"
[ec2]
{EXPECT}"""
RICH: Final = f"""summary = "something of everything"
[host]
addresses = ["10.0.1.10/24", "2600:1f18:0:1::10/64"]

[metadata]
vpc_cidrs = ["10.0.0.0/16", "10.1.0.0/16", "2600:1f18::/56"]

[ec2]
owner_id = "444455556666"
transit_unreadable = ["tgw-rtb-0b1b2c3d4e5f67890"]
dns_hostnames = false
name_servers = ["10.0.9.53", "10.0.9.54"]

[[ec2.endpoints]]
addresses = ["10.0.1.17", "2600:1f18:0:1::17", "10.0.2.17", "2600:1f18:0:2::17"]
policy = '{{"Statement": [{{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}}]}}'

[[ec2.endpoints]]
service = "backup-gateway"
id = "vpce-0c1b2c3d4e5f67890"
addresses = ["10.0.3.27"]
group_ids = ["sg-0f1b2c3d4e5f67890", "sg-0aa11223344556677"]
private_dns = false
state = "pendingacceptance"
suffix = "abcd1234"
error_code = "InsufficientFreeAddressesInSubnet"
error_message = "the subnet is <full> & cannot take more"

[[ec2.endpoints]]
id = "vpce-0d1b2c3d4e5f67890"
vpc_id = "vpc-0b1b2c3d4e5f67890"
addresses = ["10.40.1.17"]
private_dns = false
state = "failed"
error_message = "only a reason"

[[ec2.subnets]]
subnet_id = "subnet-0e1b2c3d4e5f67890"
vpc_id = "vpc-0b1b2c3d4e5f67890"
cidrs = ["10.40.1.0/24"]
availability_zone = "eu-west-1a"
availability_zone_id = "euw1-az1"
owner_id = "111122223333"

[[ec2.subnets]]
subnet_id = "subnet-0c1b2c3d4e5f67890"
vpc_id = "vpc-0a1b2c3d4e5f67890"
cidrs = ["10.0.3.0/25"]

[[ec2.route_tables]]
table_id = "rtb-0b1b2c3d4e5f67890"
vpc_id = "vpc-0a1b2c3d4e5f67890"
main = false
subnet_ids = ["subnet-0a1b2c3d4e5f67890"]
routes = [
  {{ destination = "10.0.0.0/16" }},
  {{ destination = "2600:1f18::/56" }},
  {{ destination = "0.0.0.0/0", target = "nat-0a1b2c3d4e5f67890" }},
  {{ destination = "::/0", target = "eigw-0a1b2c3d4e5f67890" }},
  {{ destination = "10.0.2.0/24", target = "eni-0c1b2c3d4e5f67890" }},
  {{ destination = "10.40.0.0/16", target = "pcx-0a1b2c3d4e5f67890", state = "blackhole" }},
  {{ destination = "10.41.0.0/16", target = "tgw-0a1b2c3d4e5f67890" }},
  {{ destination = "10.42.0.0/16", target = "arn:aws:networkmanager::111122223333:core-network/core-network-0a1b" }},
  {{ prefix_list_id = "pl-0a1b2c3d4e5f67890", target = "vpce-0e1b2c3d4e5f67890" }},
]

[[ec2.route_tables]]
table_id = "rtb-0c1b2c3d4e5f67890"
vpc_id = "vpc-0b1b2c3d4e5f67890"
main = true
subnet_ids = []
routes = [{{ destination = "10.40.0.0/16" }}]

[[ec2.acls]]
acl_id = "acl-0b1b2c3d4e5f67890"
vpc_id = "vpc-0a1b2c3d4e5f67890"
default = false
subnet_ids = ["subnet-0b1b2c3d4e5f67890"]
entries = [
  {{ number = 90, egress = false, allow = false, cidr = "10.0.1.64/26", protocol = "6", from_port = 0, to_port = 99 }},
  {{ number = 100, egress = false, allow = true, cidr = "10.0.0.0/16", protocol = "6", from_port = 9, to_port = 443 }},
  {{ number = 100, egress = true, allow = true, cidr = "::/0" }},
]

[[ec2.acls]]
acl_id = "acl-0c1b2c3d4e5f67890"
vpc_id = "vpc-0b1b2c3d4e5f67890"
default = true
subnet_ids = ["subnet-0e1b2c3d4e5f67890"]
entries = []

[[ec2.groups]]
group_id = "sg-0a1b2c3d4e5f67890"
rules = [
  {{ egress = true, protocol = "tcp", from_port = 443, to_port = 443, prefix_list_id = "pl-0b1b2c3d4e5f67890" }},
  {{ egress = true, protocol = "tcp", from_port = 0, to_port = 65535, referenced_group_id = "sg-0e1b2c3d4e5f67890" }},
  {{ rule_id = "sgr-0a1b2c3d4e5f67890", protocol = "-1", cidr = "2600:1f18::/56" }},
]

[[ec2.groups]]
group_id = "sg-0aa11223344556677"
rules = []

[[ec2.gateways]]

[[ec2.prefix_lists]]
prefix_list_id = "pl-0b1b2c3d4e5f67890"
cidrs = ["10.0.0.0/16", "2600:1f18::/56"]

[[ec2.prefix_lists]]
prefix_list_id = "pl-0a1b2c3d4e5f67890"
cidrs = []

[[ec2.peerings]]
peering_id = "pcx-0a1b2c3d4e5f67890"
state = "expired"
sides = [
  {{ vpc_id = "vpc-0a1b2c3d4e5f67890", owner_id = "111122223333", cidrs = ["10.0.0.0/16", "2600:1f18::/56"] }},
  {{ vpc_id = "vpc-0b1b2c3d4e5f67890", owner_id = "444455556666" }},
]

[[ec2.transit_attachments]]
attachment_id = "tgw-attach-0a1b2c3d4e5f67890"
gateway_id = "tgw-0a1b2c3d4e5f67890"
kind = "vpc"
resource_id = "vpc-0a1b2c3d4e5f67890"
state = "available"
owner_id = "111122223333"
table_id = "tgw-rtb-0a1b2c3d4e5f67890"
subnet_ids = ["subnet-0a1b2c3d4e5f67890", "subnet-0b1b2c3d4e5f67890"]
ipv6 = true
appliance_mode = false

[[ec2.transit_attachments]]
attachment_id = "tgw-attach-0b1b2c3d4e5f67890"
gateway_id = "tgw-0a1b2c3d4e5f67890"
kind = "vpc"
resource_id = "vpc-0b1b2c3d4e5f67890"
state = "pendingacceptance"
owner_id = "111122223333"
table_id = "tgw-rtb-0b1b2c3d4e5f67890"
subnet_ids = ["subnet-0e1b2c3d4e5f67890"]
ipv6 = false
appliance_mode = true

[[ec2.transit_tables]]
table_id = "tgw-rtb-0a1b2c3d4e5f67890"

[[ec2.transit_tables.routes]]
destination = "10.40.0.0/16"
propagated = true
attachment_ids = ["tgw-attach-0b1b2c3d4e5f67890"]
kind = "vpc"
resource_ids = ["vpc-0b1b2c3d4e5f67890"]

[[ec2.transit_tables.routes]]
destination = "2600:1f18::/56"
state = "blackhole"

[[ec2.resolver_rules]]
rule_id = "rslvr-rr-0a1b2c3d4e5f67890"
name = "to the data centre"
domain = "amazonaws.com"
kind = "FORWARD"
targets = ["10.9.0.53", "2600:1f18::53"]

[[ec2.zones]]
zone_id = "Z0123456789ABCDEFGHI"
name = "amazonaws.com"
owner = "111122223333"
of_service = false

[[ec2.firewall]]
group_id = "rslvr-frg-0a1b2c3d4e5f67890"
domain_list_id = "rslvr-fdl-0a1b2c3d4e5f67890"
action = "BLOCK"
block_response = "OVERRIDE"
override = "portal.example.com"
priority = [101, 2]
query_type = "A"
domains = ["*.amazonaws.com", "example.com"]

[[ec2.firewall]]
group_id = "rslvr-frg-0a1b2c3d4e5f67890"
domain_list_id = "rslvr-fdl-0b1b2c3d4e5f67890"
action = "ALERT"
priority = [101, 1]

[[ec2.profiles]]
id = "rp-0b1b2c3d4e5f6789"
priority = 200
owner_id = "444455556666"
readable = false
endpoints = ["vpce-0d1b2c3d4e5f67890", "vpce-0f1b2c3d4e5f67890"]

[[ec2.profiles.zones]]
zone_id = "Z2123456789ABCDEFGHI"
name = "corp.example"
owner = "444455556666"
of_service = false

[[ec2.profiles]]

[[ec2.profiles.zones]]
zone_id = "Z1123456789ABCDEFGHI"
name = "example.com"
owner = "111122223333"
of_service = false

[[ec2.profiles.resolver_rules]]
rule_id = "rslvr-rr-0b1b2c3d4e5f67890"
name = "to the data centre"
domain = "example.net"
kind = "FORWARD"
targets = ["10.9.0.53"]

[[ec2.profiles.firewall]]
group_id = "rslvr-frg-0b1b2c3d4e5f67890"
domain_list_id = "rslvr-fdl-0c1b2c3d4e5f67890"
action = "ALLOW"
priority = [102, 1]
domains = ["example.org"]
{EXPECT}"""
WORLDS: Final = {"healthy": HEALTHY, "china": CHINA, "rich": RICH}
ASKED: Final = private_link_labels(checkable())
LIMIT: Final = 20.0
"""The limit in seconds for one read by the real client. Only an overloaded machine needs that long."""


def wanted(scenario: Scenario) -> ec2.ConfigurationRequest:
    return ec2.ConfigurationRequest(
        vpc_id=scenario.metadata.vpc_id,
        instance_id=scenario.metadata.instance_id,
        region=scenario.metadata.region,
        services=ASKED,
        gateway_services=gateway_labels(checkable()),
        group_ids=scenario.metadata.security_group_ids,
    )


async def inspected(scenario: Scenario, reader: Reader) -> tuple[Configuration, dict[str, Observation[Any]]]:
    """The configuration that the reads return, and the observation of each read."""
    log = Log(now=lambda: datetime.now(UTC), emit=lambda _: None)
    result = await ec2.inspect(reader, log, wanted(scenario), limit=LIMIT)
    return result, {str(observation.subject.operation): observation for observation in log.made}


def in_memory(scenario: Scenario) -> Reader:
    return SimulatedSdk(scenario).reader(
        scenario.credentials.keys(),
        region=scenario.metadata.region,
        profile=None,
        ca_bundle=None,
        timeout=3.0,
        most=ec2.MAX_REQUESTS,
    )


def over_http(scenario: Scenario, port: int, monkeypatch: pytest.MonkeyPatch, *, timeout: float = LIMIT) -> Reader:
    """A real reader whose requests go to a port of this machine."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    return SystemReader(
        SystemNet(),
        scenario.credentials.keys(),
        region=scenario.metadata.region,
        profile=None,
        ca_bundle=None,
        timeout=timeout,
        most=ec2.MAX_REQUESTS,
    )


LOOPBACK: Final = ip_address("127.0.0.1")


def listed(configuration: Configuration) -> Configuration:
    """The configuration with its prefix lists in the order of their ids. Without this, they are in the order in which
    findings need them.
    """
    lists = configuration.prefix_lists
    return replace(configuration, prefix_lists=None if lists is None else by_id(lists))


def by_id(lists: Iterable[PrefixList]) -> tuple[PrefixList, ...]:
    return tuple(sorted(lists, key=lambda one: one.prefix_list_id))


@pytest.mark.virtual_clock
@pytest.mark.parametrize("name", WORLDS)
async def test_in_memory_the_reads_find_the_network_as_it_is(name: str) -> None:
    scenario = scenarios.parse(name, WORLDS[name])
    result, observations = await inspected(scenario, in_memory(scenario))
    assert {read: observations[read].failure for read in READS} == dict.fromkeys(READS)
    assert listed(result) == listed(replace(network.configuration_of(scenario), endpoint_services=ASKED))


@pytest.mark.parametrize("name", WORLDS)
async def test_over_http_the_real_client_finds_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = scenarios.parse(name, WORLDS[name])
    with ec2_server.served(scenario, LOOPBACK, 0, None) as port:
        reader = over_http(scenario, port, monkeypatch)
        result, observations = await inspected(scenario, reader)
    assert {read: observations[read].failure for read in READS} == dict.fromkeys(READS)
    assert listed(result) == listed(replace(network.configuration_of(scenario), endpoint_services=ASKED))


REFUSALS: Final = (
    pytest.param('answer = "denied"', FailureKind.NOT_PERMITTED, id="denied"),
    pytest.param('answer = "throttled"', FailureKind.THROTTLED, id="throttled"),
    pytest.param('answer = "clock-skew"', FailureKind.CLOCK_SKEW, id="clock wrong"),
)
EXPIRED: Final = (
    ("RequestExpired", FailureKind.CLOCK_SKEW),
    ("ExpiredTokenException", FailureKind.CREDENTIALS_EXPIRED),
    ("ExpiredToken", FailureKind.CREDENTIALS_EXPIRED),
    ("ExpiredTokenException", FailureKind.CREDENTIALS_EXPIRED),
)
"""The codes for an expired session token, one for each request in REQUESTS. Only EC2's code also has another
meaning.
"""
REQUESTS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("ec2", "DescribeVpcs", {"VpcIds": ["vpc-0a1b2c3d4e5f67890"]}),
    ("route53resolver", "ListResolverRules", {}),
    ("route53", "ListHostedZonesByVPC", {"VPCId": "vpc-0a1b2c3d4e5f67890", "VPCRegion": "eu-west-1"}),
    ("route53profiles", "ListProfileAssociations", {"ResourceId": "vpc-0a1b2c3d4e5f67890"}),
)
"""A request for each protocol."""


async def refused(reader: Reader, request: tuple[str, str, dict[str, Any]]) -> tuple[str, str, str | None]:
    with pytest.raises(ProbeError) as caught:
        await reader.read(*request)
    return caught.value.kind, caught.value.message, caught.value.code


@pytest.mark.parametrize(("row", "kind"), REFUSALS)
async def test_both_worlds_refuse_in_the_same_words(
    row: str, kind: FailureKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = scenarios.parse("refused", HEALTHY.replace("[ec2]", f"[ec2]\n{row}"))
    with ec2_server.served(scenario, LOOPBACK, 0, None) as port:
        real = over_http(scenario, port, monkeypatch)
        for request in REQUESTS:
            simulated_refusal = await refused(in_memory(scenario), request)
            assert simulated_refusal == await refused(real, request)
            assert simulated_refusal[0] is kind


async def test_both_worlds_refuse_a_token_that_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = scenarios.parse("refused", HEALTHY.replace("[ec2]", '[ec2]\nanswer = "expired"'))
    with ec2_server.served(scenario, LOOPBACK, 0, None) as port:
        real = over_http(scenario, port, monkeypatch)
        for request, (code, kind) in zip(REQUESTS, EXPIRED, strict=True):
            simulated_refusal = await refused(in_memory(scenario), request)
            assert simulated_refusal == await refused(real, request)
            assert (simulated_refusal[0], simulated_refusal[2]) == (kind, code)


@pytest.mark.virtual_clock
@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        pytest.param("DescribeVpcs", {"VpcIds": ["vpc-0b1b2c3d"]}, "InvalidVpcID.NotFound", id="nobody's VPC"),
        pytest.param(
            "DescribeSubnets",
            {"Filters": [{"Name": "no-such", "Values": ["x"]}]},
            "InvalidParameterValue",
            id="a filter that does not exist",
        ),
        pytest.param(
            "GetManagedPrefixListEntries",
            {"PrefixListId": "pl-0b1b2c3d"},
            "InvalidPrefixListID.NotFound",
            id="nobody's prefix list",
        ),
        pytest.param("DescribeInstances", {}, "InvalidAction", id="an action that a run never takes"),
    ],
)
async def test_what_is_not_there_is_refused(operation: str, parameters: dict[str, Any], code: str) -> None:
    scenario = scenarios.parse("healthy", HEALTHY)
    assert (await refused(in_memory(scenario), ("ec2", operation, parameters)))[2] == code


@pytest.mark.virtual_clock
async def test_reads_that_are_denied_or_silent_leave_the_others() -> None:
    rows = '[ec2]\ndenied = ["route-tables"]\nsilent = ["private-zones"]\n'
    scenario = scenarios.parse("in part", HEALTHY.replace("[ec2]", rows))
    result, observations = await inspected(scenario, in_memory(scenario))
    whole = network.configuration_of(scenario)
    assert result.route_tables is None
    assert result.zones is None
    assert (result.subnets, result.acls, result.resolver_rules) == (whole.subnets, whole.acls, whole.resolver_rules)
    kinds = {
        operation: failure.kind for operation, seen in observations.items() if (failure := seen.failure) is not None
    }
    assert kinds == {"route-tables": FailureKind.NOT_PERMITTED, PRIVATE_ZONES: FailureKind.TIMEOUT}


@pytest.mark.virtual_clock
@pytest.mark.parametrize(
    ("row", "host"),
    [
        pytest.param('name = "*"\nanswer = "silence"', "", id="the only resolver is silent"),
        pytest.param(
            'name = "*"\nanswer = "silence"', '[host]\nresolvers = ["10.0.0.2", "10.0.0.3"]', id="the first is"
        ),
        pytest.param('name = "*"\nanswer = "closed"', "", id="nobody listens there"),
        pytest.param('name = "x.example"', "[host]\nresolvers = []", id="there is none"),
    ],
)
async def test_without_names_nobody_is_asked(row: str, host: str) -> None:
    """A real client in a namespace could not resolve the services' names either."""
    others = '[[dns]]\nresolvers = ["10.0.0.3"]\nname = "example.com"\na = ["10.0.1.80"]\n'
    rows = f'[[dns]]\nresolvers = ["10.0.0.2"]\n{row}\n{others}'
    scenario = scenarios.parse("no names", HEALTHY.replace(DNS, f"{host}\n{rows}"))
    _, observations = await inspected(scenario, in_memory(scenario))
    assert {failure.kind for observation in observations.values() if (failure := observation.failure)} == {
        FailureKind.TIMEOUT
    }
    assert not any(observation.ok for observation in observations.values())


@pytest.mark.virtual_clock
async def test_a_closed_resolver_is_passed_over() -> None:
    closed = '[[dns]]\nresolvers = ["10.0.0.3"]\nname = "*"\nanswer = "closed"\n'
    rows = f'[host]\nresolvers = ["10.0.0.3", "10.0.0.2"]\n{closed}'
    scenario = scenarios.parse("one closed", HEALTHY.replace(DNS, f"{rows}{DNS}"))
    result, _ = await inspected(scenario, in_memory(scenario))
    assert listed(result) == listed(replace(network.configuration_of(scenario), endpoint_services=ASKED))


async def test_silence_over_http_lasts_until_the_client_has_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = scenarios.parse("silent", HEALTHY.replace("[ec2]", '[ec2]\nanswer = "silence"'))
    with ec2_server.served(scenario, LOOPBACK, 0, None) as port:
        reader = over_http(scenario, port, monkeypatch, timeout=0.2)
        assert (await refused(reader, REQUESTS[0]))[0] is FailureKind.TIMEOUT


def test_long_lists_come_in_pages() -> None:
    scenario = scenarios.parse("healthy", HEALTHY)
    pages, token = [], None
    while True:
        parameters: dict[str, Any] = {"MaxResults": 2} | ({} if token is None else {"NextToken": token})
        page = simulated.answer(scenario, "ec2", "DescribeSubnets", parameters)
        assert page is not None
        pages.append([subnet["SubnetId"] for subnet in page["Subnets"]])
        if (token := page.get("NextToken")) is None:
            break
    subnets = network.configuration_of(scenario).subnets or ()
    assert pages == [[subnet.subnet_id for subnet in subnets[:2]], [subnet.subnet_id for subnet in subnets[2:]]]


# --- As a facts file -------------------------------------------------------------------------------------------------


def outcomes(facts_file: Ec2Facts) -> dict[str, Outcome[Any]]:
    found = {observation.id: observation.outcome for observation in facts_file.observations}
    return {
        name: replace(outcome, facts=replace(outcome.facts, lists=by_id(outcome.facts.lists)))
        if isinstance(outcome, Ok) and isinstance(outcome.facts, PrefixListsFacts)
        else outcome
        for name, outcome in found.items()
    }


@pytest.mark.virtual_clock
@pytest.mark.parametrize("name", WORLDS)
async def test_the_file_of_a_scenario_is_the_one_that_would_be_gathered(name: str) -> None:
    scenario = scenarios.parse(name, WORLDS[name])
    asked = facts.FactsRequest(
        vpc_id=scenario.metadata.vpc_id,
        region=scenario.metadata.region,
        profile=None,
        ca_bundle=None,
        timeout=3.0,
        deadline=20.0,
    )

    async with simulated_world(scenario) as world:
        gathered = await facts.gather(asked, world, stop=CancelToken())
    assert isinstance(gathered, Ec2Facts)
    expected = network.facts_of(scenario, datetime.now(UTC))
    assert (expected.region, expected.vpc_id) == (gathered.region, gathered.vpc_id)
    assert outcomes(expected) == outcomes(gathered)


def test_a_file_is_as_old_as_the_scenario_says(tmp_path: Path) -> None:
    scenario = scenarios.parse("old", HEALTHY.replace("[ec2]", '[ec2]\nsource = "file"\ndays_old = 2.0'))
    now = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
    written = network.facts_of(scenario, now)
    assert written.taken_at == now - timedelta(days=2)
    file = tmp_path / "facts.json"
    file.write_text(facts_file.dumps(written), encoding="ascii")
    read = read_facts(str(file))
    assert (read.taken_at, read.observations) == (written.taken_at, written.observations)
    assert sum(isinstance(observation.outcome, Skipped) for observation in read.observations) == 1
