"""An endpoint's own names, and the forms of `--endpoint`."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.catalog.endpoint_urls import REFUSED_URL, host_of_url
from agent.catalog.partitions import PARTITIONS
from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES, checkable, host_of
from agent.catalog.vpce import EndpointName, named_endpoint, read_name
from agent.settings import NamedEndpoint
from tests.support.extent import one_in

ID = "vpce-0a1b2c3d4e5f67890"
REGIONAL = f"{ID}-abcd1234.backup.eu-west-1.vpce.amazonaws.com"
ZONAL = f"{ID}-abcd1234-eu-west-1a.backup.eu-west-1.vpce.amazonaws.com"
GATEWAY = f"{ID}-abcd1234.backup-gateway.eu-west-1.vpce.amazonaws.com"
CHINA = f"{ID}-abcd1234.backup.cn-north-1.vpce.amazonaws.com.cn"


def own(zone: str | None = None, service: str = "backup", region: str = "eu-west-1", of: str = ID) -> EndpointName:
    return EndpointName(endpoint_id=of, availability_zone=zone, service=service, region=region)


@pytest.mark.parametrize(
    ("host", "says"),
    [
        pytest.param(REGIONAL, own(), id="regional"),
        pytest.param(ZONAL, own("eu-west-1a"), id="zonal"),
        pytest.param(REGIONAL.upper(), own(), id="upper case"),
        pytest.param(GATEWAY, own(service="backup-gateway"), id="gateway"),
        pytest.param(CHINA, own(region="cn-north-1"), id="China"),
        pytest.param(
            f"{ID}-abcd1234-cn-north-1b.backup.cn-north-1.vpce.amazonaws.com.cn",
            own("cn-north-1b", region="cn-north-1"),
            id="zonal in China",
        ),
        pytest.param(
            f"{ID}-abcd1234-us-west-2-lax-1a.backup.us-west-2.vpce.amazonaws.com",
            own("us-west-2-lax-1a", region="us-west-2"),
            id="a local zone",
        ),
        pytest.param(
            "vpce-0a1b2c3d-abcd1234.backup.us-gov-west-1.vpce.amazonaws.com",
            own(region="us-gov-west-1", of="vpce-0a1b2c3d"),
            id="an id of eight digits",
        ),
        pytest.param(
            f"{ID}-abcd1234.ec2.eu-west-1.vpce.amazonaws.com", own(service="ec2"), id="another service with a digit"
        ),
    ],
)
def test_a_name_of_an_endpoints_own(host: str, says: EndpointName) -> None:
    assert read_name(host) == says


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("", id="nothing"),
        pytest.param(ID, id="an id alone"),
        pytest.param("backup.eu-west-1.amazonaws.com", id="the service's own"),
        pytest.param(f"{ID}-abcd1234.backup.eu-west-1.vpce.example.com", id="another suffix"),
        pytest.param(f"{ID}-abcd1234.backup.eu-west-1.vpce.amazonaws.com.example", id="a suffix that goes on"),
        pytest.param(f"{ID}-abcd1234.backup.eu-west-1.vpce.api.aws", id="the suffix of dual stack"),
        pytest.param(f"{ID}.backup.eu-west-1.vpce.amazonaws.com", id="without its second part"),
        pytest.param(f"{ID}-abcd123.backup.eu-west-1.vpce.amazonaws.com", id="a second part too short"),
        pytest.param("vpce-0a1b2c3-abcd1234.backup.eu-west-1.vpce.amazonaws.com", id="an id too short"),
        pytest.param("vpce-0a1b2c3x-abcd1234.backup.eu-west-1.vpce.amazonaws.com", id="an id that is not a number"),
        pytest.param(f"x.{REGIONAL}", id="below one"),
        pytest.param(f"{REGIONAL}\n", id="a line end"),
        pytest.param(f"*.{REGIONAL.partition('.')[2]}", id="of a certificate"),
        pytest.param(f"{ID}-abcd1234.vpce-svc-0a1b2c3d4e5f67890.eu-west-1.vpce.amazonaws.com", id="somebody's service"),
    ],
)
def test_what_is_no_such_name(host: str) -> None:
    assert read_name(host) is None


@pytest.mark.parametrize(
    ("service", "region"), one_in(5, [(service, region) for service in checkable() for region in REGIONS])
)
def test_names_in_every_region(service: str, region: str) -> None:
    suffix = next(partition.dns_suffix for partition in PARTITIONS if partition.id == REGIONS[region].partition)
    for link in SERVICES[service].private_links:
        host = f"{ID}-abcd1234.{link.label}.{region}.vpce.{suffix}"
        assert read_name(host) == own(service=service, region=region)
        assert named_endpoint(host) == NamedEndpoint(service=service, host=host)
    for fips in (False, True):
        for dual_stack in (False, True):
            host = host_of(service, region, fips=fips, dual_stack=dual_stack)
            assert named_endpoint(host) == NamedEndpoint(service=service, host=host)


@pytest.mark.parametrize(
    ("text", "service", "host"),
    [
        pytest.param(REGIONAL, "backup", REGIONAL, id="regional"),
        pytest.param(ZONAL, "backup", ZONAL, id="zonal"),
        pytest.param(GATEWAY, "backup-gateway", GATEWAY, id="gateway"),
        pytest.param(f"backup={REGIONAL}", "backup", REGIONAL, id="named twice"),
        pytest.param(CHINA, "backup", CHINA, id="China"),
        pytest.param(f"backup={ID}", "backup", ID, id="an id with its service"),
        pytest.param(f"backup-gateway={ID}", "backup-gateway", ID, id="an id with the other service"),
        pytest.param(f"backup={ID.upper()}", "backup", ID, id="an id in upper case"),
        pytest.param(
            "backup.eu-west-1.amazonaws.com", "backup", "backup.eu-west-1.amazonaws.com", id="the default host"
        ),
        pytest.param(
            "backup-gateway.eu-west-1.amazonaws.com",
            "backup-gateway",
            "backup-gateway.eu-west-1.amazonaws.com",
            id="the gateway's",
        ),
        pytest.param("backup-fips.us-east-1.amazonaws.com", "backup", "backup-fips.us-east-1.amazonaws.com", id="FIPS"),
        pytest.param("backup.us-east-1.api.aws", "backup", "backup.us-east-1.api.aws", id="dual stack"),
        pytest.param("backup-fips.us-east-1.api.aws", "backup", "backup-fips.us-east-1.api.aws", id="both"),
        pytest.param(
            "backup.cn-north-1.api.amazonwebservices.com.cn",
            "backup",
            "backup.cn-north-1.api.amazonwebservices.com.cn",
            id="dual stack in China",
        ),
        pytest.param(REGIONAL.upper(), "backup", REGIONAL, id="upper case"),
        pytest.param(f"{REGIONAL}.", "backup", REGIONAL, id="with its final dot"),
        pytest.param(f"  {REGIONAL} ", "backup", REGIONAL, id="with spaces"),
        pytest.param(f"backup= {REGIONAL}", "backup", REGIONAL, id="with a space behind the sign"),
        pytest.param("backup=stand-in.corp.example", "backup", "stand-in.corp.example", id="a host of one's own"),
    ],
)
def test_forms_of_endpoint(text: str, service: str, host: str) -> None:
    assert named_endpoint(text) == NamedEndpoint(service=service, host=host)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(ID, f"write SERVICE={ID}, with the name of a service", id="an id alone"),
        pytest.param("stand-in.corp.example", "does not say whose endpoint it is", id="a host that says nothing"),
        pytest.param(f"https://{REGIONAL}", "is a URL; give only the host", id="URL"),
        pytest.param(f"backup=https://{REGIONAL}", "is a URL; give only the host", id="URL with its service"),
        pytest.param(f"{REGIONAL}/", "is a URL; give only the host", id="path"),
        pytest.param(f"{REGIONAL}:443", "is a URL; give only the host", id="port"),
        pytest.param(
            f"efs={ID}", "'efs' is not a service that can be checked; one of backup, backup-gateway", id="service"
        ),
        pytest.param(f"Backup={ID}", "'Backup' is not a service that can be checked", id="service in upper case"),
        pytest.param(f"={ID}", "'' is not a service that can be checked", id="no service before the sign"),
        pytest.param(
            f"backup-gateway={REGIONAL}", "is an endpoint of backup, not of backup-gateway", id="contradiction"
        ),
        pytest.param(f"backup={GATEWAY}", "is an endpoint of backup-gateway, not of backup", id="the other way"),
        pytest.param(
            "backup-gateway=backup.eu-west-1.amazonaws.com", "is an endpoint of backup, not of", id="default host"
        ),
        pytest.param(
            f"backup={ID}-abcd1234.ssm.eu-west-1.vpce.amazonaws.com", "is an endpoint of ssm, not of backup", id="ssm"
        ),
        pytest.param(
            f"backup={ID}-abcd1234.ec2.eu-west-1.vpce.amazonaws.com", "is an endpoint of ec2, not of backup", id="ec2"
        ),
        pytest.param(
            f"{ID}-abcd1234.lambda.eu-west-1.vpce.amazonaws.com", "is an endpoint of lambda", id="an unknown service"
        ),
        pytest.param("", "is neither a DNS name nor the id of an endpoint", id="nothing"),
        pytest.param("backup=", "is neither a DNS name nor the id of an endpoint", id="nothing behind the sign"),
        pytest.param("backup=vpce-0a1b2c3", "is neither a DNS name nor the id", id="an id too short"),
        pytest.param("backup=a_b.example", "is neither a DNS name nor the id", id="an underscore"),
        pytest.param("backup=a..b", "is neither a DNS name nor the id", id="an empty label"),
        pytest.param("backup=-a.example", "is neither a DNS name nor the id", id="a hyphen first"),
        pytest.param(f"backup={'a' * 64}.example", "is neither a DNS name nor the id", id="a label too long"),
        pytest.param(f"backup={'a.' * 127}example", "is neither a DNS name nor the id", id="a name too long"),
        pytest.param("backup=bäckup.example", "is neither a DNS name nor the id", id="a letter outside ASCII"),
        pytest.param("backup=10.0.1.17", "is an address", id="an IPv4 address"),
        pytest.param("backup=fd00::17", "is an address", id="an IPv6 address"),
        pytest.param("backup=a.example;id", "is neither a DNS name nor the id", id="a second command"),
    ],
)
def test_what_is_refused_with_a_hint(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        named_endpoint(text)
    assert words in str(caught.value)


HOSTS = st.sampled_from(
    (REGIONAL, ZONAL, GATEWAY, CHINA, ID, "backup.eu-west-1.amazonaws.com", "a.example", "10.0.0.1")
)
TEXTS = st.one_of(
    st.text(),
    st.builds(
        "{}={}".format, st.one_of(st.sampled_from(tuple(SERVICES)), st.text(max_size=3)), st.one_of(HOSTS, st.text())
    ),
    st.builds("{}{}{}".format, st.text(max_size=2), HOSTS, st.text(max_size=2)),
    st.text(alphabet="abcdef0123456789-.=: vpce", max_size=80),
)


@given(TEXTS)
@example("=")
@example("." * 300)
@example("backup=\u212aelvin.example")
@example("backup=xn--bckup-gra.example")
def test_any_text_is_an_endpoint_or_refused(text: str) -> None:
    try:
        named = named_endpoint(text)
    except ValueError:
        return
    assert named.service in checkable()
    assert named.host.isascii()
    assert named.host == named.host.lower().strip(" .")
    assert len(named.host) <= 253
    assert not set(named.host) & set(" /:=@'\"\\$`;&|<>*\n\t\0")
    # The result can be parsed again.
    assert named_endpoint(f"{named.service}={named.host}") == named


@given(TEXTS)
def test_any_text_is_a_name_or_none(text: str) -> None:
    name = read_name(text)
    assert name is None or name.endpoint_id in text.lower()


@pytest.mark.parametrize(("host", "length"), [("a.example", 9), (f"{'a.' * 127}b", 255)])
def test_the_host_of_a_url_is_as_long_as_botocore_takes_it(host: str, length: int) -> None:
    assert len(host) == length
    assert host_of_url(f"https://{host}:8443/x") == host
    assert host_of_url(f"https://{'a.' * 127}bc") == REFUSED_URL
