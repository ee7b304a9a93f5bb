"""The targets of a run, their roles and hosts, and the peers that it contacts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from agent.catalog.endpoint_urls import REFUSED_URL
from agent.run import plan
from agent.run.plan import (
    NO_INSTANCE,
    jobs_request,
    names_endpoint_by_id,
    possible_services,
    with_names,
)
from agent.settings import NamedEndpoint, Settings, Workload
from probes.addresses import usable_families, vpc_resolvers
from probes.facts import FoundWorkload, HostFacts, ImdsFacts, SdkFacts, WorkloadFacts
from probes.model import Addressing, Role, Target
from probes.steps.jobs import JobsRequest
from probes.vpc.model import VpcEndpoint
from tests.support import configured
from tests.support.build import NOW, REGION, addresses, host, imds, sdk

NO_AGENTS = WorkloadFacts()
V = "vpce-0a1b2c3d4e5f60718-lj2wisx3.backup.eu-west-1.vpce.amazonaws.com"


def settings(*services: str, region: str = REGION) -> Settings:
    return Settings(
        region=region,
        region_source="--region",
        services=services,
        resolvers=(),
        expect=None,
        private_cidrs=(),
        timeout=3.0,
        deadline=20.0,
        profile=None,
        ca_bundle=None,
    )


def targets(
    settings: Settings, region: str, sdk: SdkFacts | None, workloads: WorkloadFacts | None = NO_AGENTS
) -> tuple[Target, ...]:
    """The targets of a run. The host has agents only if `workloads` has them."""
    return plan.targets(settings, region, sdk, workloads)


def set_to(*, fips: bool = False, dual_stack: bool = False, legacy: bool = False, **urls: str) -> SdkFacts:
    facts = sdk(
        fips=fips, dual_stack=dual_stack, urls={name.replace("_", "-"): url for name, url in urls.items()}
    ).facts
    assert facts is not None
    return replace(facts, legacy_sts=legacy)


def this(*interfaces: str, unknown: bool = False, beside: Sequence[tuple[str, str]] = ()) -> HostFacts:
    facts = host(*interfaces, unknown=unknown, beside=beside).facts
    assert facts is not None
    return facts


def roles(planned: tuple[Target, ...]) -> dict[str, Role]:
    return {target.id: target.role for target in planned}


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        pytest.param((), {"backup": Role.REQUIRED, "backup-gateway": Role.OPTIONAL}, id="none named"),
        pytest.param(("backup",), {"backup": Role.REQUIRED}, id="backup named"),
        pytest.param(("backup-gateway",), {"backup-gateway": Role.REQUIRED}, id="the gateway named"),
        pytest.param(
            ("backup-gateway", "backup"), {"backup": Role.REQUIRED, "backup-gateway": Role.REQUIRED}, id="both named"
        ),
    ],
)
def test_a_service_is_required_where_it_was_named(services: tuple[str, ...], expected: dict[str, Role]) -> None:
    for facts in (None, set_to()):
        assert roles(targets(settings(*services), REGION, facts)) == expected


@pytest.mark.parametrize(
    ("facts", "region", "expected"),
    [
        pytest.param(
            set_to(legacy=True), REGION, {"sts@sts.amazonaws.com": Role.REQUIRED, "sts": Role.CONTEXT}, id="legacy"
        ),
        pytest.param(set_to(), REGION, {"sts": Role.REQUIRED}, id="regional"),
        pytest.param(set_to(legacy=True), "eu-south-1", {"sts": Role.REQUIRED}, id="a Region that came later"),
        pytest.param(set_to(legacy=True), "cn-north-1", {"sts": Role.REQUIRED}, id="another partition"),
        pytest.param(
            set_to(legacy=True, fips=True),
            "us-east-1",
            {"sts@sts-fips.us-east-1.amazonaws.com": Role.REQUIRED, "sts": Role.CONTEXT},
            id="FIPS, which is regional",
        ),
        pytest.param(
            set_to(legacy=True, sts="https://sts.example.com"),
            REGION,
            {"sts@sts.example.com": Role.REQUIRED, "sts": Role.CONTEXT},
            id="a URL",
        ),
    ],
)
def test_sts_is_checked_where_the_sdk_calls_it(facts: SdkFacts, region: str, expected: dict[str, Role]) -> None:
    planned = targets(settings("sts", region=region), region, facts)
    assert roles(planned) == expected
    is_global = planned[0].host == "sts.amazonaws.com"
    assert (planned[0].addressing is Addressing.GLOBAL) is is_global


@pytest.mark.parametrize(
    ("facts", "region", "expected"),
    [
        pytest.param(
            set_to(), "us-east-1", {"s3@s3.amazonaws.com": Role.REQUIRED, "s3": Role.CONTEXT}, id="nothing set"
        ),
        pytest.param(replace(set_to(), legacy_s3=False), "us-east-1", {"s3": Role.REQUIRED}, id="regional"),
        pytest.param(set_to(), "us-east-2", {"s3": Role.REQUIRED}, id="another Region"),
        pytest.param(
            set_to(dual_stack=True),
            "us-east-1",
            {"s3@s3.dualstack.us-east-1.amazonaws.com": Role.REQUIRED, "s3": Role.CONTEXT},
            id="dual stack, which is regional",
        ),
        pytest.param(None, "us-east-1", {"s3": Role.REQUIRED}, id="settings that are not known yet"),
    ],
)
def test_s3_is_checked_where_the_sdk_calls_it(facts: SdkFacts | None, region: str, expected: dict[str, Role]) -> None:
    assert roles(targets(settings("s3", region=region), region, facts)) == expected


def test_no_other_service_has_a_global_host() -> None:
    assert roles(targets(settings("ssm"), REGION, set_to(legacy=True))) == {"ssm": Role.REQUIRED}


@pytest.mark.parametrize(
    ("facts", "first", "addressing"),
    [
        pytest.param(set_to(fips=True), "backup@backup-fips.eu-west-1.amazonaws.com", Addressing.FIPS, id="FIPS"),
        pytest.param(set_to(dual_stack=True), "backup@backup.eu-west-1.api.aws", Addressing.DUALSTACK, id="dual stack"),
        pytest.param(
            set_to(fips=True, dual_stack=True),
            "backup@backup-fips.eu-west-1.api.aws",
            Addressing.FIPS_DUALSTACK,
            id="FIPS and dual stack",
        ),
        pytest.param(
            set_to(backup="https://backup.example.com"), "backup@backup.example.com", Addressing.CUSTOM, id="a URL"
        ),
        pytest.param(
            set_to(backup="https://BACKUP.Example.com:8443/x?y"),
            "backup@backup.example.com",
            Addressing.CUSTOM,
            id="a URL with capitals, port and path",
        ),
        pytest.param(
            set_to(backup="https://backup.example.com", fips=True),
            "backup@backup.example.com",
            Addressing.CUSTOM,
            id="a URL beside the FIPS flag, which it overrides",
        ),
        pytest.param(set_to(backup=f"https://{V}"), f"backup@{V}", Addressing.VPCE, id="an endpoint's own name"),
        pytest.param(
            set_to(backup=f"https://{V.replace('eu-west-1', 'eu-west-2')}"),
            f"backup@{V.replace('eu-west-1', 'eu-west-2')}",
            Addressing.CUSTOM,
            id="the name of an endpoint in another Region",
        ),
        pytest.param(
            set_to(backup=f"https://{V.replace('.backup.', '.s3.')}"),
            f"backup@{V.replace('.backup.', '.s3.')}",
            Addressing.CUSTOM,
            id="the name of another service's endpoint",
        ),
        pytest.param(
            set_to(backup="https://backup.example.com."),
            "backup@backup.example.com",
            Addressing.CUSTOM,
            id="a URL with a final dot",
        ),
        pytest.param(set_to(backup="//["), f"backup@{REFUSED_URL}", Addressing.CUSTOM, id="a URL that cannot be read"),
        pytest.param(
            set_to(backup="https://a.example:port"),
            f"backup@{REFUSED_URL}",
            Addressing.CUSTOM,
            id="a port out of range",
        ),
        pytest.param(
            # The SDK creates no client for this URL, so an answer at the name proves nothing.
            set_to(backup=V),
            f"backup@{REFUSED_URL}",
            Addressing.CUSTOM,
            id="an endpoint's own name, no URL",
        ),
    ],
)
def test_the_host_that_the_sdk_calls_is_the_target(facts: SdkFacts, first: str, addressing: Addressing) -> None:
    planned = targets(settings(), REGION, facts)
    mine = [target for target in planned if target.service == "backup"]
    assert [(target.id, target.role) for target in mine] == [(first, Role.REQUIRED), ("backup", Role.CONTEXT)]
    assert mine[0].addressing is addressing
    assert mine[0].host == first.partition("@")[2]
    assert mine[1].addressing is Addressing.DEFAULT
    assert mine[1].host == "backup.eu-west-1.amazonaws.com"
    assert {target.service_name for target in mine} == {"com.amazonaws.eu-west-1.backup"}


def test_the_default_host_by_url_is_the_default_target() -> None:
    planned = targets(settings(), REGION, set_to(backup="https://backup.eu-west-1.amazonaws.com"))
    assert planned == targets(settings(), REGION, None)


def test_an_optional_service_at_another_host_stays_optional() -> None:
    planned = targets(settings(), REGION, set_to(backup_gateway="https://gateway.example.com"))
    assert roles(planned) == {
        "backup": Role.REQUIRED,
        "backup-gateway@gateway.example.com": Role.OPTIONAL,
        "backup-gateway": Role.CONTEXT,
    }


def test_one_url_for_all_services_gives_each_its_own_target() -> None:
    planned = targets(
        settings(), REGION, set_to(backup="https://aws.example.com", backup_gateway="https://aws.example.com")
    )
    assert [target.id for target in planned] == [
        "backup@aws.example.com",
        "backup",
        "backup-gateway@aws.example.com",
        "backup-gateway",
    ]


@pytest.mark.parametrize(
    ("region", "partition", "host_name", "service_name", "gateway_name"),
    [
        pytest.param(
            "eu-west-1",
            "aws",
            "backup.eu-west-1.amazonaws.com",
            "com.amazonaws.eu-west-1.backup",
            "com.amazonaws.eu-west-1.backup-gateway",
            id="commercial",
        ),
        pytest.param(
            "cn-north-1",
            "aws-cn",
            "backup.cn-north-1.amazonaws.com.cn",
            "cn.com.amazonaws.cn-north-1.backup",
            None,
            id="China, without the gateway",
        ),
        pytest.param(
            "us-gov-west-1",
            "aws-us-gov",
            "backup.us-gov-west-1.amazonaws.com",
            "com.amazonaws.us-gov-west-1.backup",
            "com.amazonaws.us-gov-west-1.backup-gateway",
            id="GovCloud",
        ),
        pytest.param(
            "ap-southeast-3",
            "aws",
            "backup.ap-southeast-3.amazonaws.com",
            "com.amazonaws.ap-southeast-3.backup",
            None,
            id="Jakarta, without the gateway",
        ),
        pytest.param(
            "eusc-de-east-1",
            "aws-eusc",
            "backup.eusc-de-east-1.amazonaws.eu",
            "com.amazonaws.eusc-de-east-1.backup",
            None,
            id="European sovereign",
        ),
    ],
)
def test_names_of_a_region(
    region: str, partition: str, host_name: str, service_name: str, gateway_name: str | None
) -> None:
    backup, gateway = targets(settings(region=region), region, None)
    assert (backup.partition, backup.host, backup.service_name) == (partition, host_name, service_name)
    assert backup.region == gateway.region == region
    assert gateway.service_name == gateway_name
    assert gateway.host.startswith(f"backup-gateway.{region}.")


def test_dual_stack_in_china_has_a_suffix_of_its_own() -> None:
    first, *_ = targets(settings(region="cn-north-1"), "cn-north-1", set_to(dual_stack=True))
    assert first.host == "backup.cn-north-1.api.amazonwebservices.com.cn"


def test_ports() -> None:
    backup, gateway = targets(settings(), REGION, None)
    assert backup.ports == (443,)
    assert gateway.ports == (443, 1026, 1027, 1028, 1031, 2222)


# --- Resolvers and families ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "blocks", "expected"),
    [
        pytest.param(this("10.0.3.5/24"), ("10.0.0.0/16",), ("169.254.169.253", "10.0.0.2"), id="IPv4 alone"),
        pytest.param(this("10.0.3.5/24"), (), ("169.254.169.253",), id="the VPC's blocks are not known"),
        pytest.param(
            this("10.0.3.5/24", "2600:1f18::5/64"),
            ("10.0.0.0/16",),
            ("169.254.169.253", "fd00:ec2::253", "10.0.0.2"),
            id="dual stack",
        ),
        pytest.param(
            this("10.0.3.5/24"),
            ("2600:1f18::/56", "10.0.0.0/16", "10.1.0.0/16"),
            ("169.254.169.253", "10.0.0.2"),
            id="the primary IPv4 block counts",
        ),
        pytest.param(None, ("10.0.0.0/16",), ("169.254.169.253", "10.0.0.2"), id="nothing is known of the host"),
        pytest.param(
            this("10.0.3.5/24"), ("255.255.255.255/32",), ("169.254.169.253",), id="a block without a second address"
        ),
        pytest.param(this("10.0.3.5/24"), ("10.0.0.0/31",), ("169.254.169.253",), id="a block of two addresses"),
    ],
)
def test_resolvers_of_the_vpc(facts: HostFacts | None, blocks: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert vpc_resolvers(facts, tuple(map(ip_network, blocks))) == addresses(*expected)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(this("127.0.0.1/8", "::1/128", "10.0.3.5/24", "fe80::5/64"), {4}, id="IPv4 alone"),
        pytest.param(this("127.0.0.1/8", "::1/128", "2600:1f18::5/64"), {6}, id="IPv6 alone"),
        pytest.param(this("127.0.0.1/8", "fd00::5/64"), {6}, id="unique local reaches the VPC, too"),
        pytest.param(this("10.0.3.5/24", "2600:1f18::5/64"), {4, 6}, id="both"),
        *(
            pytest.param(this("2600:1f18::5/64", beside=[(name, "172.17.0.1/16")]), families, id=f"IPv4 of {name}")
            for name, families in (("docker0", {6}), ("br-0a1b2c3d4e5f", {6}), ("br0", {4, 6}), ("wg0", {4, 6}))
        ),
        pytest.param(this("127.0.0.1/8", beside=[("docker0", "172.17.0.1/16")]), {4}, id="a bridge alone"),
        pytest.param(this("169.254.7.7/16", "fe80::5/64"), set(), id="link-local alone"),
        pytest.param(this("127.0.0.1/8", "::1/128"), set(), id="loopback alone"),
        pytest.param(this(unknown=True), {4, 6}, id="the system does not say"),
        pytest.param(None, {4, 6}, id="nothing is known of the host"),
    ],
)
def test_families_that_the_host_can_use(facts: HostFacts | None, expected: set[int]) -> None:
    assert usable_families(facts) == expected


# --- Endpoints that options name by id -----------------------------------------------------------------------------

NAME = "vpce-0a1b2c3d-lj2wisx3.backup.eu-west-1.vpce.amazonaws.com"


def named(*hosts: str, service: str = "backup") -> Settings:
    return replace(settings(), endpoints=tuple(NamedEndpoint(service=service, host=host) for host in hosts))


@pytest.mark.parametrize(
    ("hosts", "by_id"), [((), False), ((NAME,), False), (("vpce-0a1b2c3d",), True), ((NAME, "vpce-0a1b2c3d"), True)]
)
def test_whether_an_endpoint_is_given_by_its_id(hosts: tuple[str, ...], by_id: bool) -> None:
    assert names_endpoint_by_id(named(*hosts)) is by_id


@pytest.mark.parametrize(
    ("given", "service", "endpoints", "expected"),
    [
        pytest.param("vpce-0a1b2c3d", "backup", [configured.endpoint()], NAME, id="its regional name"),
        pytest.param("vpce-0a1b2c3d", "backup", [], "vpce-0a1b2c3d", id="not known"),
        pytest.param(
            "vpce-0a1b2c3d", "backup-gateway", [configured.endpoint()], "vpce-0a1b2c3d", id="another service's"
        ),
        pytest.param(
            "vpce-0a1b2c3d", "backup", [replace(configured.endpoint(), dns_names=())], "vpce-0a1b2c3d", id="no name"
        ),
        pytest.param(
            "vpce-0a1b2c3d",
            "backup",
            [replace(configured.endpoint(), dns_names=("evil.example.com",))],
            "vpce-0a1b2c3d",
            id="a name of no endpoint",
        ),
        pytest.param(
            "backup.example.com", "backup", [configured.endpoint()], "backup.example.com", id="a name already"
        ),
    ],
)
def test_ids_become_the_names_that_ec2_has(
    given: str, service: str, endpoints: list[VpcEndpoint], expected: str
) -> None:
    assert [endpoint.host for endpoint in with_names(named(given, service=service), endpoints).endpoints] == [expected]


@pytest.mark.parametrize("service", ["backup", "backup-gateway"])
def test_a_service_that_is_named_is_the_only_one(service: str) -> None:
    planned = targets(settings(service), REGION, sdk().facts)
    assert [(target.service, target.role) for target in planned] == [(service, Role.REQUIRED)]


# --- Jobs of AWS Backup ----------------------------------------------------------------------------------------------

INSTANCE = "i-0a1b2c3d4e5f67890"
ACCOUNT = "111122223333"


def metadata(
    region: str | None = REGION, instance: str | None = INSTANCE, account: str | None = ACCOUNT
) -> ImdsFacts | None:
    facts = imds(region=region, account=account).facts
    return None if facts is None else replace(facts, instance_id=instance)


@pytest.mark.parametrize(
    ("services", "seen", "arn"),
    [
        pytest.param(
            ("backup",), metadata(), f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/{INSTANCE}", id="this instance's"
        ),
        pytest.param(
            ("backup",),
            metadata(region="cn-north-1"),
            f"arn:aws-cn:ec2:cn-north-1:{ACCOUNT}:instance/{INSTANCE}",
            id="in another partition",
        ),
        pytest.param(("backup", "backup-storage"), metadata(), None, id="of SAP HANA, whose jobs name no instance"),
        pytest.param(("backup", "backup-storage"), None, None, id="the same without metadata"),
    ],
)
def test_whose_jobs_are_asked_for(services: tuple[str, ...], seen: ImdsFacts | None, arn: str | None) -> None:
    now = datetime(2026, 1, 15, 3, 0, 0, 700_000, tzinfo=UTC)
    request = jobs_request(targets(settings(*services), REGION, None), seen, now)
    assert request == JobsRequest(created_after=datetime(2026, 1, 14, 3, 0, tzinfo=UTC), resource_arn=arn)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(None, id="no metadata"),
        pytest.param(metadata(instance=None), id="no instance"),
        pytest.param(metadata(account=None), id="no account"),
        pytest.param(metadata(region=None), id="no Region"),
        pytest.param(metadata(instance="i-1&state=COMPLETED"), id="no id of an instance"),
        pytest.param(metadata(account="1:2"), id="no number of an account"),
        pytest.param(metadata(region="x/../y"), id="no name of a Region"),
    ],
)
def test_nobody_s_jobs_are_asked_for_where_the_instance_is_not_known(seen: ImdsFacts | None) -> None:
    assert jobs_request(targets(settings("backup"), REGION, None), seen, NOW) == NO_INSTANCE


# --- Workloads -------------------------------------------------------------------------------------------------------

BACKINT = FoundWorkload(name="hana", by="/usr/sap/HDB/SYS/global/hdb/opt/hdbbackint", mode="aws-backup")
HERE = WorkloadFacts(found=(BACKINT,))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(
            settings(),
            {"backup": (), "backup-gateway": (), "backup-storage": ("hana",), "ssm": ("hana",)},
            id="nothing named",
        ),
        pytest.param(settings("sts"), {"sts": ("--service",)}, id="a service alone"),
        pytest.param(
            replace(settings(), endpoints=(NamedEndpoint(service="backup", host=V),)),
            {"backup": ("--endpoint",)},
            id="an endpoint alone",
        ),
        pytest.param(
            replace(settings("sts", "backup"), workloads=(Workload.CALLER,)),
            {"backup": ("--service", "--workload caller"), "backup-gateway": (), "sts": ("--service",)},
            id="a workload and services",
        ),
        pytest.param(
            replace(settings("sts"), workloads=(Workload.AUTO,)),
            {"backup": (), "backup-storage": ("hana",), "sts": ("--service",)},
            id="what is found and a service",
        ),
        pytest.param(
            replace(settings(), workloads=(Workload.SSM,)),
            {"ssm": ("--workload ssm",), "ssmmessages": ("--workload ssm",)},
            id="a workload alone",
        ),
    ],
)
def test_who_requires_a_target(asked: Settings, expected: dict[str, tuple[str, ...]]) -> None:
    planned = {
        target.service: target
        for target in targets(asked, REGION, sdk().facts, HERE)
        if target.role is not Role.CONTEXT
    }
    assert {service: planned[service].required_by for service in expected} == expected
    assert {service for service, target in planned.items() if target.role is Role.REQUIRED} == {
        service for service, target in planned.items() if target.required_by
    }
    assert planned.keys() <= set(possible_services(asked))


def test_what_is_found_counts_only_once_it_is_known() -> None:
    assert targets(settings(), REGION, None, None) == ()
    assert [target.service for target in targets(settings(), REGION, None)] == ["backup", "backup-gateway"]
    assert len(targets(settings(), REGION, None, HERE)) == 8


@pytest.mark.parametrize(
    ("host", "asked", "expected"),
    [
        pytest.param("sts.eu-west-1.amazonaws.com", (), ("caller",), id="the Region's"),
        pytest.param("sts.eu-west-1.amazonaws.com", (Workload.CALLER,), ("--workload caller",), id="asked for"),
        pytest.param("sts.eu-west-1.amazonaws.com", (Workload.SSM,), None, id="another workload"),
        pytest.param("sts.amazonaws.com", (), None, id="the global one"),
        pytest.param(None, (), None, id="no role"),
    ],
)
def test_sts_is_required_where_the_chain_of_credentials_asks_it(
    host: str | None, asked: tuple[Workload, ...], expected: tuple[str, ...] | None
) -> None:
    planned = targets(replace(settings(), workloads=asked), REGION, sdk(sts=host).facts, WorkloadFacts())
    assert next((target.required_by for target in planned if target.service == "sts"), None) == expected


def test_sts_at_the_url_that_the_chain_takes() -> None:
    facts = sdk(sts="sts.example.com", urls={"sts": "https://sts.example.com"}).facts
    planned = [target for target in targets(settings(), REGION, facts) if target.service == "sts"]
    assert [(target.id, target.role) for target in planned] == [
        ("sts@sts.example.com", Role.REQUIRED),
        ("sts", Role.CONTEXT),
    ]


# --- Buckets ---------------------------------------------------------------------------------------------------------

S3_HOST = "s3.eu-west-1.amazonaws.com"
AT_BACKUPS = f"s3@backups.{S3_HOST}"


def with_buckets(*buckets: dict[str, str]) -> WorkloadFacts:
    """A host with a Backint agent for each of these settings of a bucket."""
    return WorkloadFacts(
        found=tuple(
            FoundWorkload(name="hana", by=f"/usr/sap/H{place}", mode="s3", settings=named)
            for place, named in enumerate(buckets)
        )
    )


BACKUPS = {"S3BucketName": "backups", "S3BucketAwsRegion": REGION}


@pytest.mark.parametrize(
    ("buckets", "asked", "expected"),
    [
        pytest.param([BACKUPS], {}, {AT_BACKUPS: "backups"}, id="before the host"),
        pytest.param([{"S3BucketName": "backups"}], {}, {AT_BACKUPS: "backups"}, id="no Region: that of the run"),
        pytest.param(
            [{**BACKUPS, "S3BucketAwsRegion": "us-east-1"}],
            {},
            {"s3@backups.s3.us-east-1.amazonaws.com": "backups"},
            id="another Region",
        ),
        pytest.param([{**BACKUPS, "S3BucketName": "my.backups"}], {}, {"s3": "my.backups"}, id="in the path"),
        pytest.param(
            [{"S3BucketName": "my.backups", "AwsRegion": "us-east-1"}],
            {},
            {"s3@s3.us-east-1.amazonaws.com": "my.backups"},
            id="in the path, another Region",
        ),
        pytest.param([{**BACKUPS, "S3BucketName": "s3://x"}], {}, {"s3": None}, id="no name of a bucket"),
        pytest.param([BACKUPS, BACKUPS], {}, {AT_BACKUPS: "backups"}, id="two systems, one bucket"),
        pytest.param(
            [BACKUPS, {**BACKUPS, "S3BucketName": "logs"}],
            {},
            {AT_BACKUPS: "backups", f"s3@logs.{S3_HOST}": "logs"},
            id="two buckets",
        ),
        pytest.param(
            [{**BACKUPS, "S3BucketName": "a.b.c"}, {**BACKUPS, "S3BucketName": "d.e.f"}],
            {},
            {"s3": None},
            id="two buckets at one host",
        ),
        pytest.param([BACKUPS], {"services": ("s3",)}, {AT_BACKUPS: "backups", "s3": None}, id="s3 named besides"),
        pytest.param(
            [{**BACKUPS, "S3BucketName": "my.backups"}], {"services": ("s3",)}, {"s3": None}, id="at the host named"
        ),
        pytest.param(
            [BACKUPS],
            {"endpoints": (NamedEndpoint(service="s3", host="s3.example.com"),)},
            {"s3@s3.example.com": None, "s3": None},
            id="an endpoint named",
        ),
    ],
)
def test_targets_at_buckets(buckets: list[dict[str, str]], asked: dict[str, Any], expected: dict[str, Any]) -> None:
    chosen = replace(settings(), workloads=(Workload.AUTO,), **asked)
    planned = [one for one in targets(chosen, REGION, set_to(), with_buckets(*buckets)) if one.service == "s3"]
    assert {one.id: one.bucket for one in planned} == expected
    assert len({one.id for one in planned}) == len(planned)
    for one in planned:
        assert one.role is (Role.CONTEXT if one.host == S3_HOST and "endpoints" in asked else Role.REQUIRED)
        is_beside = one.id == "s3" and len(planned) > 1
        assert ("hana" in one.required_by) is not is_beside


def test_a_bucket_takes_no_setting_of_the_sdk_here() -> None:
    """The Backint agent does not run in this shell, so the settings of this shell's SDK do not apply to it."""
    facts = set_to(fips=True, dual_stack=True, s3="https://s3.example.com")
    planned = targets(replace(settings(), workloads=(Workload.AUTO,)), REGION, facts, with_buckets(BACKUPS))
    assert [one.host for one in planned if one.service == "s3"] == [f"backups.{S3_HOST}"]
    (target,) = (one for one in planned if one.service == "s3")
    assert (target.addressing, target.region, target.required_by) == (Addressing.DEFAULT, REGION, ("hana",))
