"""The table of partitions, Regions and hosts, compared with the installed botocore."""

import json
import re
from functools import cache
from typing import Any, Final

import botocore.loaders
import botocore.session
import pytest

from agent.catalog.hosts import endpoints
from agent.catalog.partitions import PARTITIONS, SUFFIXES, is_region, partition_of
from agent.catalog.placeholders import FORMS
from agent.catalog.regions import REGIONS
from agent.catalog.runbooks import page
from agent.catalog.services import (
    SERVICES,
    host_of,
    is_name_documented,
    is_offered,
    service_name_of,
    signing_region_of,
)
from agent.cli.main import dispatch
from tests.support.extent import one_in

OF_THE_SDK = [service.name for service in SERVICES.values() if service.client_name is not None]
WAYS = [(fips, dual_stack) for fips in (False, True) for dual_stack in (False, True)]


@cache
def session() -> Any:
    return botocore.session.Session()


@cache
def their_partitions() -> dict[str, Any]:
    """The partitions by id, from the data that every SDK reads."""
    data: dict[str, Any] = botocore.loaders.Loader().load_data("partitions")
    return {partition["id"]: partition for partition in data["partitions"]}


@cache
def rules_of(service: str) -> Any:
    """botocore's own rules for the hosts of a service."""
    import botocore.endpoint_provider

    loader = botocore.loaders.Loader()
    return botocore.endpoint_provider.EndpointProvider(
        loader.load_service_model(SERVICES[service].client_name, "endpoint-rule-set-1"),
        loader.load_data("partitions"),
    )


def theirs_of(service: str, region: str, *, fips: bool, dual_stack: bool) -> tuple[str | None, str | None]:
    """botocore's host and signing Region. The host is None if botocore refuses to build one. The Region is None if
    botocore does not return one.
    """
    import botocore.exceptions

    rules = rules_of(service)
    given = {"Region": region, "UseFIPS": fips, "UseDualStack": dual_stack, "UseGlobalEndpoint": False}
    try:
        endpoint = rules.resolve_endpoint(**{key: given[key] for key in given if key in rules.ruleset.parameters})
    except botocore.exceptions.EndpointProviderError:
        return None, None
    (scheme, *_) = endpoint.properties.get("authSchemes") or [{}]
    return endpoint.url.removeprefix("https://"), scheme.get("signingRegion")


def global_regions(service: str, partition: str) -> set[str]:
    """The Regions of a partition for which the service is global."""
    named = session().get_available_regions(SERVICES[service].client_name, partition, allow_non_regional=True)
    return {region.id for region in REGIONS.values() if region.partition == partition} if named else set()


def differences(ours: set[str], theirs: set[str]) -> list[str]:
    return [f"only here: {value}" for value in sorted(ours - theirs)] + [
        f"only in botocore: {value}" for value in sorted(theirs - ours)
    ]


def test_partitions_are_those_of_the_sdk() -> None:
    assert not differences({partition.id for partition in PARTITIONS}, set(their_partitions()))


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition.id)
def test_a_partition_is_as_the_sdk_has_it(partition: Any) -> None:
    theirs = their_partitions()[partition.id]
    outputs = theirs["outputs"]
    ours = (partition.region_pattern.pattern, partition.dns_suffix, partition.dual_stack_dns_suffix)
    pattern = theirs["regionRegex"].removeprefix("^").removesuffix("$").replace(r"\-", "-")
    assert ours == (pattern, outputs["dnsSuffix"], outputs["dualStackDnsSuffix"])
    assert outputs["supportsFIPS"], "an SDK builds FIPS hosts in every partition"
    assert outputs["supportsDualStack"]


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition.id)
def test_regions_are_those_of_the_sdk(partition: Any) -> None:
    theirs = {region for region in their_partitions()[partition.id]["regions"] if not region.endswith("-global")}
    ours = {region.id for region in REGIONS.values() if region.partition == partition.id}
    assert not differences(ours, theirs)


def test_regions_have_the_sdks_names() -> None:
    wrong = [
        f"{region.id}: {region.name!r} here, {theirs!r} in botocore"
        for region in REGIONS.values()
        if (theirs := their_partitions()[region.partition]["regions"][region.id]["description"]) != region.name
    ]
    assert not wrong


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition.id)
@pytest.mark.parametrize("service", OF_THE_SDK)
def test_a_service_is_offered_where_the_sdk_says(service: str, partition: Any) -> None:
    theirs = set(session().get_available_regions(SERVICES[service].client_name, partition.id))
    theirs = theirs or global_regions(service, partition.id)
    ours = {
        region.id
        for region in REGIONS.values()
        if region.partition == partition.id and is_offered(service, region.id) is True
    }
    assert not differences(ours, theirs)


@pytest.mark.parametrize("service", OF_THE_SDK)
def test_hosts_are_those_of_the_sdk(service: str) -> None:
    wrong = []
    few: dict[str, list[str]] = {partition.id: [] for partition in PARTITIONS}
    for known in REGIONS.values():
        few[known.partition].append(known.id)
    chosen = [region for regions in few.values() for region in {regions[0], *one_in(8, regions)}]
    for region in (*chosen, "eu-west-9", "xx-nowhere-1"):  # a Region that is newer than the table, and an invalid one
        for fips, dual_stack in WAYS:
            ours = host_of(service, region, fips=fips, dual_stack=dual_stack)
            theirs, signed = theirs_of(service, region, fips=fips, dual_stack=dual_stack)
            if theirs is not None and ours != theirs:  # botocore builds no FIPS host of S3 in China
                wrong.append(f"{region}, FIPS {fips}, dual stack {dual_stack}: {ours} here, {theirs} in botocore")
            if signed is not None and (signing_region_of(service, region) or region) != signed:
                wrong.append(f"{region} is signed for {signed} in botocore")
    assert not wrong


@pytest.mark.parametrize(
    ("service", "region"),
    one_in(
        7,
        [
            (service, region)
            for region in ("eu-west-1", "cn-north-1", "us-gov-west-1")
            for service in OF_THE_SDK
            if is_offered(service, region) and signing_region_of(service, region) is None
        ],
    ),
)
def test_a_client_calls_that_host(service: str, region: str) -> None:
    """A complete client of botocore calls the host that botocore's rules return."""
    client = session().create_client(
        SERVICES[service].client_name,
        region_name=region,
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - no secret
    )
    assert client.meta.endpoint_url == f"https://{host_of(service, region, fips=False, dual_stack=False)}"
    assert client.meta.service_model.signing_name == SERVICES[service].signing_name
    client.close()


def test_every_region_fits_its_own_partition_alone() -> None:
    for region in REGIONS.values():
        assert is_region(region.id)
        fitting = [partition.id for partition in PARTITIONS if partition.region_pattern.fullmatch(region.id)]
        assert fitting == [region.partition]
        assert partition_of(region.id).id == region.partition


def test_documented_fips_hosts_are_of_offered_services() -> None:
    for region in REGIONS.values():
        assert set(region.services) <= set(SERVICES)
    for service in SERVICES.values():
        assert all(is_offered(service.name, region) for region in service.documented_fips_regions)


@pytest.mark.parametrize(
    "text", ["", "eu", "eu-west", "eu-west-1a", "EU-WEST-1", "eu-west-1\n", "eu--1", "a-b-1", "é-b-1"]
)
def test_what_is_no_name_of_a_region(text: str) -> None:
    assert not is_region(text)


def test_a_region_that_nobody_knows() -> None:
    assert partition_of("xx-nowhere-1").id == "aws"
    assert is_offered("backup", "xx-nowhere-1") is None
    assert service_name_of("backup", "xx-nowhere-1") == "com.amazonaws.xx-nowhere-1.backup"


def test_suffixes_are_those_of_all_partitions() -> None:
    theirs = {
        their_partition["outputs"][name]
        for their_partition in their_partitions().values()
        for name in ("dnsSuffix", "dualStackDnsSuffix")
    }
    assert not differences(set(SUFFIXES), theirs)
    assert len(SUFFIXES) == len(set(SUFFIXES))


@pytest.mark.parametrize(
    ("service", "region", "name"),
    [
        pytest.param("backup", "eu-west-1", "com.amazonaws.eu-west-1.backup", id="commercial"),
        pytest.param("backup-gateway", "eu-west-1", "com.amazonaws.eu-west-1.backup-gateway", id="gateway"),
        pytest.param("backup", "cn-north-1", "cn.com.amazonaws.cn-north-1.backup", id="Beijing"),
        pytest.param("backup", "cn-northwest-1", "cn.com.amazonaws.cn-northwest-1.backup", id="Ningxia"),
        pytest.param("backup-gateway", "cn-north-1", None, id="no gateway in China"),
        pytest.param("backup-gateway", "ap-southeast-3", None, id="no gateway in Jakarta"),
        pytest.param("backup", "us-gov-east-1", "com.amazonaws.us-gov-east-1.backup", id="GovCloud"),
        pytest.param(
            "backup-gateway", "us-gov-west-1", "com.amazonaws.us-gov-west-1.backup-gateway", id="gateway there"
        ),
        pytest.param("backup", "eu-isoe-west-1", "com.amazonaws.eu-isoe-west-1.backup", id="not known there"),
    ],
)
def test_service_name(service: str, region: str, name: str | None) -> None:
    assert service_name_of(service, region) == name


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition.id)
def test_service_names_of_a_partition(partition: Any) -> None:
    prefix = "cn.com.amazonaws" if partition.id == "aws-cn" else "com.amazonaws"
    documented = partition.id in ("aws", "aws-cn", "aws-us-gov")
    for row in endpoints(partition=partition.id, services=("backup", "backup-gateway")):
        assert row.service_name == (f"{prefix}.{row.region}.{row.service}" if row.offered is not False else None)
        assert row.service_name_documented == (documented and row.offered is not False)


def test_ports() -> None:
    https, of_appliances = [(443, True)], [(1026, True), (1027, False), (1028, True), (1031, True), (2222, False)]
    ports = {name: [(port.number, port.required) for port in service.ports] for name, service in SERVICES.items()}
    assert ports["backup"] == https
    assert ports["backup-gateway"] == ports["storagegateway"] == https + of_appliances
    assert all(rows[0] == (443, True) for rows in ports.values())


# --- The table of hosts ---------------------------------------------------------------------------------------------


def test_rows_of_all() -> None:
    rows = endpoints()
    assert [(row.region, row.service) for row in rows] == [
        (region, service) for region in REGIONS for service in SERVICES
    ]
    services: dict[str, set[str]] = {}
    for row in rows:
        for host in (row.host, row.dual_stack_host, row.fips_host, row.fips_dual_stack_host):
            services.setdefault(host, set()).add(row.service)
    assert [host for host, names in services.items() if len(names) > 1] == []


def test_rows_of_a_region_and_of_a_partition() -> None:
    assert {(row.region, row.partition) for row in endpoints(region="cn-north-1")} == {("cn-north-1", "aws-cn")}
    assert {row.partition for row in endpoints(partition="aws-cn")} == {"aws-cn"}
    assert endpoints(region="cn-north-1", partition="aws-cn") == endpoints(region="cn-north-1")
    assert endpoints(region="cn-north-1", partition="aws") == ()


@pytest.mark.parametrize(
    ("chosen", "missing"),
    [
        pytest.param({"region": "xx-nowhere-1"}, "xx-nowhere-1", id="Region"),
        pytest.param({"partition": "aws-moon"}, "aws-moon", id="partition"),
        pytest.param({"region": "xx-nowhere-1", "partition": "aws-moon"}, "xx-nowhere-1", id="both"),
        pytest.param({"region": ""}, "", id="empty Region"),
        pytest.param({"region": "aws"}, "aws", id="a partition for a Region"),
    ],
)
def test_what_the_table_lacks(chosen: dict[str, str], missing: str) -> None:
    with pytest.raises(KeyError) as caught:
        endpoints(**chosen)
    assert caught.value.args == (missing,)


# --- The command ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        pytest.param([], len(REGIONS) * len(SERVICES), id="all"),
        pytest.param(["--region", "eu-west-1"], len(SERVICES), id="a Region"),
        pytest.param(["--partition", "aws-cn"], 2 * len(SERVICES), id="a partition"),
        pytest.param(["--partition", "aws-cn", "--region", "cn-north-1"], len(SERVICES), id="both"),
        pytest.param(["--service", "ssm", "--service", "s3"], 2 * len(REGIONS), id="services"),
        pytest.param(["--service", "backup-storage", "--partition", "aws-cn"], 2, id="a service in a partition"),
    ],
)
def test_endpoints_as_json(arguments: list[str], count: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["endpoints", "--format", "json", *arguments], []) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["schema"] == "backuplink.endpoints.v1"
    assert document["sources"]
    assert len(document["endpoints"]) == count
    keys = {frozenset(row) for row in document["endpoints"]}
    assert len(keys) == 1
    assert {"region", "partition", "service", "service_name", "host", "ports", "signing_name"} <= next(iter(keys))


def test_endpoints_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    named = [word for service in ("backup", "backup-gateway") for word in ("--service", service)]
    assert dispatch(["endpoints", "--region", "cn-north-1", *named], []) == 0
    out, err = capsys.readouterr()
    assert err == ""
    first, second, sources = out.split("\n\n")
    assert first == (
        "backup in cn-north-1 (China (Beijing), aws-cn)\n"
        "  service name     cn.com.amazonaws.cn-north-1.backup\n"
        "  host             backup.cn-north-1.amazonaws.com.cn\n"
        "  dual-stack       backup.cn-north-1.api.amazonwebservices.com.cn\n"
        "  FIPS             backup-fips.cn-north-1.amazonaws.com.cn  (not documented)\n"
        "  FIPS dual-stack  backup-fips.cn-north-1.api.amazonwebservices.com.cn  (not documented)\n"
        "  signing name     backup\n"
        "  SDK variable     AWS_ENDPOINT_URL_BACKUP\n"
        "  ports            443"
    )
    assert second.startswith("backup-gateway in cn-north-1 (China (Beijing), aws-cn), not offered\n")
    assert "service name" not in second
    assert sources.startswith("Sources\n")


def test_endpoints_of_all_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["endpoints"], []) == 0
    out = capsys.readouterr().out
    heads = re.findall(r"^(\S+) in (\S+) \(", out, re.MULTILINE)
    assert heads == [(service, region) for region in REGIONS for service in SERVICES]
    unsure = re.findall(r"^  service name     (\S+)  \(not confirmed\)$", out, re.MULTILINE)
    assert unsure == [
        row.service_name
        for row in endpoints()
        if row.service_name is not None and not is_name_documented(row.service, row.region)
    ]


@pytest.mark.parametrize(
    ("service", "region", "lines"),
    [
        pytest.param(
            *("backup-storage", "eu-west-1"),
            ["backup-storage in eu-west-1 (Europe (Ireland), aws), not known whether offered"],
            id="not known",
        ),
        pytest.param(
            *("backup-storage", "cn-north-1"),
            ["  service name     com.amazonaws.cn-north-1.backup-storage  (not confirmed)"],
            id="a name that is inferred",
        ),
        pytest.param(
            *("backup-search", "eu-west-1"),
            ["  service name     none is listed by AWS: no endpoint makes the path private"],
            id="no endpoint service",
        ),
        pytest.param(
            *("s3", "eu-west-1"),
            ["  gateway endpoint can be used, too"],
            id="gateway endpoint",
        ),
        pytest.param(
            "iam",
            "eu-west-1",
            ["  service name     com.amazonaws.iam", "  host             iam.amazonaws.com"],
            id="global",
        ),
    ],
)
def test_what_is_special_of_a_service(
    service: str, region: str, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["endpoints", "--region", region, "--service", service], []) == 0
    assert set(lines) <= set(capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--region", "xx-nowhere-1"], "no Region 'xx-nowhere-1'", id="Region"),
        pytest.param(["--region", ""], "no Region ''", id="empty Region"),
        pytest.param(["--partition", "aws-moon"], "no partition 'aws-moon'", id="partition"),
        pytest.param(["--region", "eu-west-1", "--partition", "aws-cn"], "eu-west-1", id="not in that partition"),
        pytest.param(["--region", "xx", "--partition", "xx"], "no Region 'xx'", id="neither"),
        pytest.param(["--format", "yaml"], "'yaml'", id="format"),
        pytest.param(["eu-west-1"], "eu-west-1", id="without its option"),
    ],
)
@pytest.mark.parametrize("wanted", ["json", "text"])
def test_endpoints_of_something_unknown(
    arguments: list[str], words: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["endpoints", "--format", wanted, *arguments], []) == 3
    out, err = capsys.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert words in errors[0]
    if wanted == "json" and "--format" not in arguments:
        assert json.loads(out)["verdict"]["summary"] == errors[0].removeprefix("Error: ")
    else:
        assert out.startswith("UNKNOWN")


IDS: Final = (
    "VPC_ID vpc, SUBNET_ID subnet, ENDPOINT_SUBNET_ID subnet, INSTANCE_ID i, INSTANCE_SECURITY_GROUP_ID sg, "
    "VPC_ENDPOINT_ID vpce, OWN_ENDPOINT_ID vpce, ENDPOINT_SECURITY_GROUP_ID sg, DHCP_OPTIONS_ID dopt, "
    "NEW_DHCP_OPTIONS_ID dopt, NETWORK_ACL_ID acl, PREFIX_LIST_ID pl, ROUTE_TABLE_ID rtb, "
    "TRANSIT_GATEWAY_ROUTE_TABLE_ID tgw-rtb, TRANSIT_GATEWAY_ATTACHMENT_ID tgw-attach, RESOLVER_RULE_ID rslvr-rr, "
    "NEW_RESOLVER_RULE_ID rslvr-rr, FIREWALL_RULE_GROUP_ID rslvr-frg, FIREWALL_DOMAIN_LIST_ID rslvr-fdl, PROFILE_ID rp"
)
VALUES: Final = {
    **{f"<{name}>": f"{prefix}-0a1b2c3d4e5f67890" for name, prefix in map(str.split, IDS.split(", "))},
    "<HOSTED_ZONE_ID>": "Z0A1B2C3D4",
    "<INTERFACE>": "eth0.1",
}


def test_each_placeholder_has_a_value_that_stands_in_a_command() -> None:
    assert VALUES.keys() == FORMS.keys()
    for placeholder, value in VALUES.items():
        assert FORMS[placeholder].fullmatch(value), placeholder
        assert not FORMS[placeholder].fullmatch(f"{value};"), placeholder
        assert not FORMS[placeholder].fullmatch(f"-{value}"), placeholder


@pytest.mark.parametrize("code", ["", "DNS000", "../runbooks/DNS001", "DNS001\u00e9", "DNS001.md"])
def test_there_is_no_page_of_what_is_not_a_code(code: str) -> None:
    assert page("DNS001").startswith("# ")
    with pytest.raises(KeyError):
        page(code)
