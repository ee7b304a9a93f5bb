"""Our reading of the SDK's settings is compared with botocore itself. Real clients are created for a table of
environments, shared files and profiles, and their requests are caught before they are sent. What botocore does is what
the tests expect.
"""

import itertools
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.loaders
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError
from botocore.httpsession import DEFAULT_CA_BUNDLE, ProxyConfiguration, get_cert_path
from botocore.utils import get_environ_proxies
from urllib3 import PoolManager, proxy_from_url
from urllib3.exceptions import HTTPError

from agent.catalog.endpoint_urls import REFUSED_URL
from agent.catalog.partitions import is_region
from agent.judge.evidence import Evidence
from agent.process.cancel import CancelToken
from agent.run import plan
from agent.run.runner import measure
from agent.settings import Calls, Expect, Settings
from agent.simulated.certificates import root_pem
from agent.simulated.world import SimulatedMachine, simulated
from probes.background import in_background
from probes.facts import ProxyConnectFacts, WorkloadFacts
from probes.model import Draft, FailureKind, ProbeError, Role
from probes.seams import Trust, World
from probes.steps import proxy as http_proxy
from probes.system.sdk import SystemSdk, load_sdk_settings
from probes.system.trust import TRUST_STORES, load_trust
from tests.support import scenarios
from tests.support.extent import one_in
from tests.support.fakes import HOST, FakeNet, ScriptedStream

SERVICES: Final = ("backup", "backup-gateway")
LOADER: Final = botocore.loaders.create_loader()
"""The models of the services, which are read only once. Everything else in a client is created again for each case."""
REFUSALS: Final = (BotoCoreError, ValueError, HTTPError, AttributeError, TypeError)
"""The errors that a client raises if its settings allow no calls."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for this host's shared files. The SDK's variables point to it, and no other variable is set."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


# --- What each of us says --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The Region, the host and the proxy of a call."""

    region: str
    host: str
    proxy: str | None


def called_by_sdk(service: str, profile: str | None) -> Call | None:
    """Return where the call of an SDK client goes; None if the settings allow no calls."""
    try:
        client = client_of(service, profile)
        urls: list[str] = []

        def caught(request: Any, **_: Any) -> AWSResponse:
            PoolManager().connection_from_url(request.url)  # parses the URL as the client would, but does not connect
            urls.append(request.url)
            return AWSResponse(request.url, 200, {}, Body())

        client.meta.events.register_first("before-send.*", caught)
        (client.list_backup_vaults if service == "backup" else client.list_gateways)()
    except REFUSALS:
        return None
    if not client.meta.region_name:  # with an endpoint URL, the client signs without a Region, which AWS refuses
        return None
    # Public attributes show only the settings; this private one shows their effect.
    proxy = client._endpoint.http_session._proxy_config.proxy_url_for(urls[0])
    host = str(urlsplit(urls[0]).hostname).removesuffix(".")
    return Call(region=client.meta.region_name, host=host, proxy=proxy)


class Body:
    """An answer without content."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        return iter([b"{}"])


def client_of(service: str, profile: str | None) -> Any:
    session = botocore.session.Session(profile=profile)
    session.register_component("data_loader", LOADER)
    keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "an example"}
    return session.create_client(service, **keys)  # with keys, so that no case depends on credentials


def called_by_us(service: str, profile: str | None) -> Call | None:
    """Return where a run sends the calls of the service; None if the run says that the SDK makes no calls."""
    try:
        seen = load_sdk_settings(profile, (service,))
    except ProbeError:
        return None
    if seen.region is None or not is_region(seen.region):
        return None
    named = () if service in SERVICES else (service,)
    targets = plan.targets(settings(*named, profile=profile), seen.region, seen, WorkloadFacts())
    (target,) = (target for target in targets if target.service == service and target.role is not Role.CONTEXT)
    if target.host == REFUSED_URL:
        return None
    proxy = SystemSdk().proxy(target.host)
    return Call(region=seen.region, host=target.host, proxy=None if proxy is None else http_proxy.url_of(proxy))


def settings(*services: str, profile: str | None = None, ca_bundle: str | None = None) -> Settings:
    return Settings(
        region=None,
        region_source=None,
        services=services,
        resolvers=(),
        expect=Expect.PRIVATE,
        private_cidrs=(),
        timeout=30.0,
        deadline=60.0,
        profile=profile,
        ca_bundle=ca_bundle,
        calls=Calls.NONE,
    )


# --- Hosts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The shared files of a host, and the profile in an option."""

    config: str | None = None
    credentials: str | None = None
    profile: str | None = None


REGION: Final = "[default]\nregion = eu-west-1\n"
OF_BACKUP: Final = "[services s]\nbackup =\n  endpoint_url = https://file-backup.example\n"
OF_BOTH: Final = f"{OF_BACKUP}backup_gateway =\n  endpoint_url = https://file-gateway.example\n"
FOR_ALL: Final = "endpoint_url = https://file.example\n"
FILES: Final = {
    "no file": Files(),
    "Region": Files(config=REGION),
    "URL for all": Files(config=REGION + FOR_ALL),
    "URL for Backup": Files(config=f"{REGION}services = s\n{OF_BACKUP}"),
    "URLs for both and all": Files(config=f"{REGION}{FOR_ALL}services = s\n{OF_BOTH}"),
    "URLs ignored": Files(config=f"{REGION}{FOR_ALL}ignore_configured_endpoint_urls = True\n"),
    "URLs not ignored": Files(config=f"{REGION}{FOR_ALL}ignore_configured_endpoint_urls = no\n"),
    "FIPS and dual stack": Files(config=f"{REGION}use_fips_endpoint = true\nuse_dualstack_endpoint = TRUE\n"),
    "old FIPS Region": Files(config="[default]\nregion = fips-us-east-1\n"),
    "FIPS in GovCloud": Files(config="[default]\nregion = us-gov-west-1\nuse_fips_endpoint = true\n"),
    "dual stack in China": Files(config="[default]\nregion = cn-north-1\nuse_dualstack_endpoint = true\n"),
    "Region nowhere": Files(config="[default]\nregion = no where\n"),
    "by option": Files(config=f"{REGION}[profile other]\nregion = us-east-2\n{FOR_ALL}", profile="other"),
    "by option, not there": Files(config=REGION, profile="other"),
    "another's URL": Files(config=f"{REGION}[profile other]\nregion = us-east-2\n{FOR_ALL}"),
    "default by its long name": Files(config=f"[profile default]\nregion = us-east-2\n{FOR_ALL}{REGION}"),
    "services without ours": Files(
        config=f"{REGION}services = s\n[services s]\ns3 =\n  endpoint_url = https://s3.example\n"
    ),
    "services not there": Files(config=f"{REGION}services = s\n"),
    "services by a wrong name": Files(config=f"{REGION}services = s\n{OF_BOTH.replace('backup_g', 'backup-g')}"),
    "URL among the credentials": Files(config=REGION, credentials=f"[default]\n{FOR_ALL}"),
    "all among the credentials": Files(credentials=f"{REGION}{FOR_ALL}use_fips_endpoint = true\n"),
    "capitals and spaces": Files(config="[default]\nRegion=eu-west-1\n  \nENDPOINT_URL  :  https://file.example  \n"),
    "comments": Files(config=f"# region = us-east-1\n{REGION}endpoint_url = https://file.example ; not mine\n"),
    "empty values": Files(config=f"{REGION}endpoint_url =\nuse_fips_endpoint =\n"),
    "nested values": Files(config=f"{REGION}use_fips_endpoint =\n  a = b\n"),
}
URLS: Final = {
    "AWS_ENDPOINT_URL": "https://env.example",
    "AWS_ENDPOINT_URL_BACKUP": "https://env-backup.example:8443/path",
    "AWS_ENDPOINT_URL_BACKUP_GATEWAY": "https://env-gateway.example",
}
VARIABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "nothing": {},
    "URL for all": {"AWS_ENDPOINT_URL": "https://env.example"},
    "URL for Backup": {"AWS_ENDPOINT_URL_BACKUP": "https://env-backup.example"},
    "URLs for both and all": URLS,
    "URL for all, empty for Backup": {**URLS, "AWS_ENDPOINT_URL_BACKUP": ""},
    "URL misspelt": {
        "AWS_ENDPOINT_URL_BACKUPGATEWAY": "https://env.example",
        "aws_endpoint_url": "https://low.example",
    },
    "URLs ignored": {**URLS, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"},
    "URLs not ignored": {**URLS, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "1"},
    "FIPS": {"AWS_USE_FIPS_ENDPOINT": "true"},
    "neither FIPS nor dual stack": {"AWS_USE_FIPS_ENDPOINT": "false", "AWS_USE_DUALSTACK_ENDPOINT": ""},
    "FIPS, dual stack and a URL": {
        "AWS_USE_FIPS_ENDPOINT": "TRUE",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_ENDPOINT_URL_BACKUP": "https://env-backup.example",
    },
    "nearly true": {"AWS_USE_FIPS_ENDPOINT": "yes", "AWS_USE_DUALSTACK_ENDPOINT": " true"},
    "dual stack": {"AWS_USE_DUALSTACK_ENDPOINT": "True"},
    "Region": {"AWS_DEFAULT_REGION": "ap-southeast-2"},
    "Region, old FIPS": {"AWS_DEFAULT_REGION": "us-gov-west-1-fips"},
    "Region, empty": {"AWS_DEFAULT_REGION": ""},
    "profile": {"AWS_PROFILE": "other"},
    "profiles": {"AWS_PROFILE": "nobody", "AWS_DEFAULT_PROFILE": "other"},
    "profile, empty": {"AWS_PROFILE": ""},
}


def put(monkeypatch: pytest.MonkeyPatch, place: Path, files: Files, variables: Mapping[str, str]) -> None:
    for name, text in (("config", files.config), ("credentials", files.credentials)):
        if text is not None:
            (place / name).write_text(text)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("files", "variables"), one_in(5, itertools.product(FILES, VARIABLES)))
def test_a_call_goes_where_the_sdk_s_own_goes(
    place: Path, monkeypatch: pytest.MonkeyPatch, files: str, variables: str
) -> None:
    put(monkeypatch, place, FILES[files], VARIABLES[variables])
    for service in SERVICES:
        assert called_by_us(service, FILES[files].profile) == called_by_sdk(service, FILES[files].profile), service


LEGACY: Final = "sts_regional_endpoints = legacy\n"
IN_TOKYO: Final = "[default]\nregion = ap-northeast-1\n"


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        pytest.param(REGION, {}, id="nothing set"),
        pytest.param(REGION, {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, id="a variable"),
        pytest.param(REGION + LEGACY, {"AWS_STS_REGIONAL_ENDPOINTS": "regional"}, id="a variable against the profile"),
        pytest.param(IN_TOKYO + LEGACY, {}, id="the profile"),
        pytest.param(f"[default]\nregion = eu-south-1\n{LEGACY}", {}, id="a Region that came later"),
        pytest.param(f"[default]\nregion = cn-north-1\n{LEGACY}", {}, id="China"),
        pytest.param(REGION + LEGACY, {"AWS_USE_FIPS_ENDPOINT": "true"}, id="FIPS"),
        pytest.param(REGION + LEGACY, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, id="dual stack"),
        pytest.param(REGION + LEGACY, {"AWS_ENDPOINT_URL_STS": "https://sts.example"}, id="a URL"),
    ],
)
def test_sts_is_called_where_the_sdk_calls_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, config: str, variables: Mapping[str, str]
) -> None:
    put(monkeypatch, place, Files(config=config), variables)
    called = called_by_us("sts", None)
    assert called is not None
    assert called.host == urlsplit(client_of("sts", None).meta.endpoint_url).hostname


IN_VIRGINIA: Final = "[default]\nregion = us-east-1\n"
REGIONAL_S3: Final = "s3_us_east_1_regional_endpoint = regional\n"


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        pytest.param(IN_VIRGINIA, {}, id="nothing set"),
        pytest.param(IN_VIRGINIA, {"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "regional"}, id="a variable"),
        pytest.param(IN_VIRGINIA + REGIONAL_S3, {}, id="the profile"),
        pytest.param(
            IN_VIRGINIA + REGIONAL_S3,
            {"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "legacy"},
            id="a variable against the profile",
        ),
        pytest.param(f"{IN_VIRGINIA}s3 =\n  us_east_1_regional_endpoint = regional\n", {}, id="the section of S3"),
        pytest.param(REGION, {}, id="another Region"),
        pytest.param(IN_VIRGINIA, {"AWS_USE_FIPS_ENDPOINT": "true"}, id="FIPS"),
        pytest.param(IN_VIRGINIA, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, id="dual stack"),
        pytest.param(IN_VIRGINIA, {"AWS_ENDPOINT_URL_S3": "https://s3.example"}, id="a URL"),
    ],
)
def test_s3_is_called_where_the_sdk_calls_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, config: str, variables: Mapping[str, str]
) -> None:
    put(monkeypatch, place, Files(config=config), variables)
    called = called_by_us("s3", None)
    assert called is not None
    assert called.host == asked_for_buckets()


def asked_for_buckets() -> str | None:
    """The host of the SDK's request to list buckets, which is not sent. It may differ from the host of the client."""
    hosts: list[str | None] = []

    def note(request: Any, **_: Any) -> None:
        hosts.append(urlsplit(request.url).hostname)
        raise ConnectionRefusedError

    client = client_of("s3", None)
    client.meta.events.register("before-send.s3", note)
    with pytest.raises(ConnectionRefusedError):
        client.list_buckets()
    return hosts[0]


def test_the_table_of_hosts_is_not_empty_of_either(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most cases must result in a call and some in no call: if both sides always returned None, they would always be
    equal.
    """
    calls = 0
    for files, variables in itertools.product(FILES.values(), VARIABLES.values()):
        with monkeypatch.context() as inside:
            put(inside, place, files, variables)
            calls += called_by_us("backup", files.profile) is not None
        for name in ("config", "credentials"):
            (place / name).unlink(missing_ok=True)
    assert len(FILES) * len(VARIABLES) * 0.6 < calls < len(FILES) * len(VARIABLES)


@pytest.mark.parametrize(
    "url",
    [
        *("https://a.example", "http://a.example", "https://A.Example", "HTTPS://a.example", "https://a.example."),
        *("https://a.example:8443/p?q#f", "https://me:secret@a.example", "https://a.example/", "https://10.0.0.9"),
        *(
            "https://[fd00::9]",
            "https://[fd00::9]:8443/p",
            "https://fd00::9",
            "https://[fd00::9",
            "https://[::ffff:1.2.3.4]",
        ),
        *("a.example", "a.example:443", "//a.example", "https:/a.example", "https:a.example", "https://", "https:///p"),
        *("https://a.example:port", "https://a.example:99999", "https://a.example:", "https://a_b.example"),
        *(
            "https://-a.example",
            "https://a-.example",
            "https://a..example",
            "https://a b.example",
            "https://a.example ",
        ),
        *(
            "https://a.ex\tample",
            "ftp://a.example",
            "://a.example",
            "https://.",
            "https://a",
            f"https://{'a' * 64}.example",
        ),
        *(f"https://{'a' * 63}.example", "https://" + "a." * 130 + "example", "https://*.example", "https://1.2"),
        " https://a.example",
    ],
)
def test_a_url_is_read_or_refused_as_the_sdk_does(place: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """If the SDK cannot make a client with a URL, the run must not use the URL as a host either."""
    put(monkeypatch, place, Files(config=REGION), {"AWS_ENDPOINT_URL_BACKUP": url})
    assert called_by_us("backup", None) == called_by_sdk("backup", None)


def test_other_sdks_read_a_region_that_botocore_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert load_sdk_settings(None, SERVICES).region is None
    assert called_by_sdk("backup", None) is None


# --- Proxies ---------------------------------------------------------------------------------------------------------

HOSTS: Final = (
    "backup.eu-west-1.amazonaws.com",
    "backup-gateway.eu-west-1.amazonaws.com",
    "backup.cn-north-1.amazonaws.com.cn",
    "BACKUP.EU-WEST-1.api.aws",
    "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com",
    "169.254.169.254",
    "10.0.1.17",
    "fd00:ec2::254",
    "::1",
)
PROXIES: Final[Mapping[str, Mapping[str, str]]] = {
    "none": {},
    "lower": {"https_proxy": "http://10.0.0.9:3128"},
    "upper": {"HTTPS_PROXY": "http://10.0.0.9:3128", "HTTP_PROXY": "http://plain:1"},
    "both": {"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:1"},
    "both, lower empty": {"HTTPS_PROXY": "http://upper:1", "https_proxy": ""},
    "mixed case": {"Https_Proxy": "http://mixed:1"},
    "http alone": {"http_proxy": "http://plain:1"},
    "http in a CGI": {"HTTP_PROXY": "http://plain:1", "REQUEST_METHOD": "GET"},
    "all": {"all_proxy": "http://all:1", "ALL_PROXY": "http://ALL:1"},
    "bare": {"https_proxy": "proxy.example:3128"},
    "without a scheme": {"https_proxy": "//proxy.example:3128"},
    "spaces": {"https_proxy": " http://10.0.0.9:3128 "},
}
NO_PROXY: Final = (
    *("", " ", ",", "*", " *", "*,x", "*.amazonaws.com", ".", "localhost,127.0.0.1"),
    *("amazonaws.com", ".amazonaws.com", "..amazonaws.com", "zonaws.com", "AMAZONAWS.COM", "amazonaws.com."),
    *("backup.eu-west-1.amazonaws.com", "eu-west-1.amazonaws.com,api.aws", "localhost, amazonaws.com ,x"),
    *("a.example amazonaws.com", "amazonaws.com;x", "amazonaws.com:443", "backup.eu-west-1.amazonaws.com:443"),
    *("https://backup.eu-west-1.amazonaws.com", "169.254.169.254", "169.254.0.0/16", "169.254.", "10.0.1.17:443"),
    *("10.0.0.0/8", "0.0.0.0/0", "fd00:ec2::254", "[fd00:ec2::254]", "[fd00:ec2::254]:443", "fd00::/8", "::1", "[::1]"),
)


@pytest.mark.parametrize(("proxies", "no_proxy"), one_in(5, itertools.product(PROXIES, NO_PROXY)), ids=repr)
def test_a_proxy_is_taken_where_the_sdk_takes_it(monkeypatch: pytest.MonkeyPatch, proxies: str, no_proxy: str) -> None:
    for name, value in PROXIES[proxies].items():
        monkeypatch.setenv(name, value)
    forms = ({"no_proxy": no_proxy}, {"NO_PROXY": no_proxy}, {"NO_PROXY": "*", "no_proxy": no_proxy})
    for form, host, scheme in itertools.product(forms, HOSTS, ("https", "http")):
        with monkeypatch.context() as inside:
            for name, value in form.items():
                inside.setenv(name, value)
            url = f"{scheme}://[{host}]/" if ":" in host else f"{scheme}://{host}/"
            taken = ProxyConfiguration(proxies=get_environ_proxies(url)).proxy_url_for(url)
            ours = SystemSdk().proxy(host, scheme)
            assert (None if ours is None else http_proxy.url_of(ours)) == taken, (form, url)


@pytest.mark.parametrize(
    ("proxies", "no_proxy"),
    [("both", ""), ("both", "amazonaws.com"), ("upper", ".eu-west-1.amazonaws.com"), ("bare", "x"), ("all", "")],
)
def test_the_client_takes_it_too(place: Path, monkeypatch: pytest.MonkeyPatch, proxies: str, no_proxy: str) -> None:
    put(monkeypatch, place, Files(config=REGION), {**PROXIES[proxies], "NO_PROXY": no_proxy})
    for service in SERVICES:
        theirs = called_by_sdk(service, None)
        assert theirs is not None
        assert called_by_us(service, None) == theirs


@pytest.mark.virtual_clock
@pytest.mark.parametrize(
    "proxy",
    [
        *("http://10.0.0.9:3128", "http://10.0.0.9", "10.0.0.9:3128", "//10.0.0.9:3128", "http://10.0.0.9:3128/path"),
        *("http://[fd00::9]:3128", "[fd00::9]:3128", "http://me:secret@10.0.0.9:3128", "me:secret@10.0.0.9:3128"),
        *("http://me%40x:s%3Ae%2Fc@10.0.0.9", "http://me@10.0.0.9", "http://:secret@10.0.0.9", "http://me:@10.0.0.9"),
        *(
            "http://me:gr%C3%BC%C3%9Fe@10.0.0.9",
            "http://me:grüße@10.0.0.9",
            "http://me:a%20b@10.0.0.9",
            "http:10.0.0.9",
        ),
        *("http://", "http://10.0.0.9:port", "http://10.0.0.9:99999", "http://[10.0.0.9", "http://me:sec/ret@10.0.0.9"),
    ],
)
async def test_a_proxy_is_asked_as_the_sdk_asks_it(proxy: str) -> None:
    """We and the SDK connect to the same address with the same user and password, or neither connects."""
    config = ProxyConfiguration(proxies={"https": proxy})
    theirs: tuple[str, int, str | None] | None
    try:
        url = config.proxy_url_for(f"https://{HOST}/")
        manager = proxy_from_url(url, proxy_headers=config.proxy_headers_for(url))
        assert manager.proxy is not None
        where = (str(manager.proxy.host).strip("[]"), manager.proxy.port or 80)
        theirs = (*where, manager.proxy_headers.get("Proxy-Authorization")) if where[0] != "None" else None
    except REFUSALS:
        theirs = None
    stream = ScriptedStream(b"HTTP/1.1 200 OK\r\n\r\n")
    net = FakeNet(streams=[stream], lookup=(ip_address("192.0.2.1"),))
    ours: tuple[str, int, str | None] | None
    try:
        await http_proxy.probe(net, proxy, HOST, 443, Draft[ProxyConnectFacts]())
        ((address, port),) = net.connected
        head = dict(line.split(": ", 1) for line in stream.sent.decode("ascii").split("\r\n")[1:] if line)
        ours = (str(address), port, head.get("Proxy-Authorization"))
    except ProbeError:
        ours = None
    assert ours == theirs


# --- Trusted roots ---------------------------------------------------------------------------------------------------


HERE: Final = ("one.pem", "other.pem", "profile.pem")
"""Files that contain a root certificate, in the folder that is also the home."""
IN_PROFILE: Final = f"{REGION}ca_bundle = {{here}}/profile.pem\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """A host's settings for trusted roots. `{here}` is its home folder."""

    variables: Mapping[str, str] = field(default_factory=dict)
    config: str = REGION
    credentials: str | None = None


ROOTS: Final[Mapping[str, Roots]] = {
    "nothing": Roots(),
    "AWS_CA_BUNDLE": Roots(variables={"AWS_CA_BUNDLE": "{here}/one.pem"}),
    "profile": Roots(config=IN_PROFILE),
    "REQUESTS_CA_BUNDLE": Roots(variables={"REQUESTS_CA_BUNDLE": "{here}/other.pem"}),
    "AWS_CA_BUNDLE and profile": Roots(variables={"AWS_CA_BUNDLE": "{here}/one.pem"}, config=IN_PROFILE),
    "AWS_CA_BUNDLE and REQUESTS_CA_BUNDLE": Roots(
        variables={"AWS_CA_BUNDLE": "{here}/one.pem", "REQUESTS_CA_BUNDLE": "{here}/other.pem"}
    ),
    "profile and REQUESTS_CA_BUNDLE": Roots(variables={"REQUESTS_CA_BUNDLE": "{here}/other.pem"}, config=IN_PROFILE),
    "all": Roots(
        variables={"AWS_CA_BUNDLE": "{here}/one.pem", "REQUESTS_CA_BUNDLE": "{here}/other.pem"}, config=IN_PROFILE
    ),
    "another profile": Roots(
        variables={"AWS_PROFILE": "other"},
        config=f"{IN_PROFILE}[profile other]\nregion = eu-west-1\nca_bundle = {{here}}/other.pem\n",
    ),
    "another profile without": Roots(
        variables={"AWS_PROFILE": "other"}, config=f"{IN_PROFILE}[profile other]\nregion = eu-west-1\n"
    ),
    "among the credentials": Roots(credentials="[default]\nca_bundle = {here}/other.pem\n"),
    "lower case": Roots(variables={"aws_ca_bundle": "{here}/one.pem", "requests_ca_bundle": "{here}/one.pem"}),
    "SSL_CERT_FILE": Roots(variables={"SSL_CERT_FILE": "{here}/one.pem", "SSL_CERT_DIR": "{here}"}),
    "CURL_CA_BUNDLE": Roots(variables={"CURL_CA_BUNDLE": "{here}/one.pem"}),
    "AWS_CA_BUNDLE, empty": Roots(variables={"AWS_CA_BUNDLE": ""}, config=IN_PROFILE),
    "AWS_CA_BUNDLE, empty, and no file": Roots(
        variables={"AWS_CA_BUNDLE": "", "AWS_DEFAULT_REGION": "eu-west-1"}, config=""
    ),
    "AWS_CA_BUNDLE, blank": Roots(variables={"AWS_CA_BUNDLE": " "}),
    "REQUESTS_CA_BUNDLE, empty": Roots(variables={"REQUESTS_CA_BUNDLE": ""}),
    "REQUESTS_CA_BUNDLE, empty, beside a profile": Roots(variables={"REQUESTS_CA_BUNDLE": ""}, config=IN_PROFILE),
    "profile, empty": Roots(variables={"REQUESTS_CA_BUNDLE": "{here}/other.pem"}, config=f"{REGION}ca_bundle =\n"),
    "AWS_CA_BUNDLE, not there": Roots(
        variables={"AWS_CA_BUNDLE": "{here}/nowhere", "REQUESTS_CA_BUNDLE": "{here}/one.pem"}
    ),
    "REQUESTS_CA_BUNDLE, not there": Roots(variables={"REQUESTS_CA_BUNDLE": "{here}/nowhere"}),
    "profile, not there": Roots(config=f"{REGION}ca_bundle = {{here}}/nowhere\n"),
    "AWS_CA_BUNDLE, a folder": Roots(variables={"AWS_CA_BUNDLE": "{here}"}),
    "REQUESTS_CA_BUNDLE, a folder": Roots(variables={"REQUESTS_CA_BUNDLE": "{here}"}),
    "profile, a folder": Roots(config=f"{REGION}ca_bundle = {{here}}\n"),
    "AWS_CA_BUNDLE, no certificates": Roots(variables={"AWS_CA_BUNDLE": "{here}/config"}),
    "AWS_CA_BUNDLE, at home": Roots(variables={"AWS_CA_BUNDLE": "~/one.pem"}),
    "REQUESTS_CA_BUNDLE, at home": Roots(variables={"REQUESTS_CA_BUNDLE": "~/one.pem"}),
    "profile, at home": Roots(config=f"{REGION}ca_bundle = ~/one.pem\n"),
    "at nobody's home": Roots(variables={"AWS_CA_BUNDLE": "~no-such-user/one.pem"}),
    "a variable in it": Roots(variables={"AWS_CA_BUNDLE": "$HOME/one.pem"}),
    "no": Roots(config=f"{REGION}ca_bundle = False\n"),
    "a NUL in it": Roots(config=f"{REGION}ca_bundle = {{here}}/one.pem\0\n"),
}


def trusted_by_sdk() -> str | None:
    """The file whose roots an SDK client trusts, or None if the client makes no connection."""
    try:
        verify = client_of("backup", None)._endpoint.http_session._verify
        path = os.path.expanduser(str(get_cert_path(verify)))  # noqa: PTH111 - as urllib3's connection does
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (*REFUSALS, OSError):
        return None
    return path


class Ours(SimulatedMachine):
    """A simulated instance with the variables, the files and the trusted roots of this process."""

    @property
    def environment(self) -> Mapping[str, str]:
        return os.environ

    def read(self, path: str) -> bytes:
        return Path(path).read_bytes() if path.startswith(os.environ["HOME"]) else super().read(path)

    async def trust(self, ca_bundle: str | None) -> Trust:
        return await in_background(lambda: load_trust(ca_bundle))


async def trusted_in_a_run(ca_bundle: str | None = None) -> str | None:
    """The file whose roots verify the handshakes of a whole run, or None if there are no roots."""
    chosen = scenarios.load("healthy")

    async with simulated(chosen) as world:
        machine = Ours(chosen, world.machine.now)
        asked = replace(settings(ca_bundle=ca_bundle), region="eu-west-1", region_source="--region")
        here = World(net=world.net, machine=machine, sdk=SystemSdk())
        evidence = Evidence(await measure(asked, here, emit=lambda _: None, stop=CancelToken()))
    (backup, *_) = evidence.targets
    seen = evidence.handshakes(backup)
    assert seen
    if all(
        observation.failure is not None and observation.failure.kind is FailureKind.TLS_NO_TRUST_STORE
        for observation in seen
    ):
        return None
    (source,) = {observation.facts.trust for observation in seen if observation.facts is not None}
    return os.path.expanduser(source)  # noqa: PTH111


@pytest.mark.parametrize("case", ROOTS)
async def test_the_roots_are_those_of_the_sdk(place: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    for name in HERE:
        (place / name).write_text(root_pem("amazon"))
    roots = ROOTS[case]
    files = Files(
        config=roots.config.replace("{here}", str(place)),
        credentials=None if roots.credentials is None else roots.credentials.replace("{here}", str(place)),
    )
    put(
        monkeypatch,
        place,
        files,
        {name: value.replace("{here}", str(place)) for name, value in roots.variables.items()},
    )
    assert await trusted_in_a_run() == trusted_by_sdk()


def test_without_settings_the_roots_are_botocore_s() -> None:
    assert load_trust(None).source == get_cert_path(True)


async def test_the_option_outranks_all_that_the_sdk_is_set_to(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in HERE:
        (place / name).write_text(root_pem("amazon"))
    settled = {"AWS_CA_BUNDLE": str(place / "other.pem"), "REQUESTS_CA_BUNDLE": str(place / "nowhere")}
    put(monkeypatch, place, Files(config=IN_PROFILE.replace("{here}", str(place))), settled)
    assert await trusted_in_a_run(str(place / "one.pem")) == str(place / "one.pem")
    assert await trusted_in_a_run(str(place)) == str(place)  # only the option accepts a folder


ASK: Final = """
import sys
from probes.system.trust import load_trust
print(load_trust(None).source)
print("botocore" in sys.modules)
"""
ASK_BOTOCORE: Final = """
from botocore.httpsession import get_cert_path
print(get_cert_path(True))
"""


def output_lines(program: str, place: Path) -> list[str]:
    """The output lines of a program that finds the packages in `place` before all others."""
    environment = {"PYTHONPATH": os.pathsep.join([str(place), *filter(None, sys.path)]), "PATH": os.defpath}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "certifi",
    [
        pytest.param("def where():\n    return {path!r}\n", id="there"),
        pytest.param("", id="there, and says nothing"),
        pytest.param("import no_such_module\n", id="cannot be imported"),
    ],
)
def test_certifi_is_heard_as_the_sdk_hears_it(tmp_path: Path, certifi: str) -> None:
    """Importing botocore takes long, so our program must not import it for this."""
    path = str(tmp_path / "certifi.pem")
    Path(path).write_text(root_pem("amazon"))
    (tmp_path / "certifi.py").write_text(certifi.format(path=path))
    source, imported, theirs = output_lines(ASK + ASK_BOTOCORE, tmp_path)
    assert (source, imported) == (theirs, "False")
    assert theirs == (path if "where" in certifi else DEFAULT_CA_BUNDLE)


def test_a_distribution_s_botocore_without_a_list(tmp_path: Path) -> None:
    (tmp_path / "botocore").mkdir()
    (tmp_path / "botocore" / "__init__.py").touch()
    (tmp_path / "certifi.py").write_text("import no_such_module\n")
    there = [place for place in TRUST_STORES if Path(place).is_file()]
    if there:
        assert output_lines(ASK, tmp_path) == [f"{there[0]} (the system's list: the SDK brings none)", "False"]
    else:
        with pytest.raises(subprocess.CalledProcessError) as caught:
            output_lines(ASK, tmp_path)
        assert "no trust store: the SDK brings none" in caught.value.stderr
