"""The settings of the SDK on this host, whatever its files contain. test_as_botocore.py compares further settings with
botocore.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import botocore.session
import pytest
from botocore.exceptions import NoRegionError
from botocore.utils import get_environ_proxies
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from probes.facts import CredentialFacts
from probes.model import FailureKind, ProbeError
from probes.seams import Keys
from probes.system.sdk import SystemSdk, load_credentials, load_sdk_settings
from tests.hostile.cases import MAX_MEMORY_BYTES
from tests.support.command import SECONDS
from tests.support.fakes import value_or
from tests.support.repository import ROOT

SERVICES: Final = ("backup", "backup-gateway")
REGION: Final = "eu-west-1"
KEY: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example
SIGNABLE: Final = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for this host's shared files. The SDK's variables point to it."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


# --- Settings --------------------------------------------------------------------------------------------------------

PROFILE: Final = "[default]\nregion = eu-west-1\n"


@pytest.mark.parametrize(
    ("config", "credentials", "variables", "file"),
    [
        pytest.param(PROFILE, None, {}, "config", id="the config file"),
        pytest.param(None, "[default]\nregion = eu-west-1a\n", {}, "credentials", id="the credentials file"),
        pytest.param(PROFILE, "[default]\nregion = us-east-1\n", {}, "credentials", id="both"),
        pytest.param(PROFILE, "[other]\nregion = us-east-1\n", {}, "config", id="another profile's"),
        pytest.param(PROFILE, None, {"AWS_DEFAULT_REGION": "eu-west-3"}, None, id="a variable"),
        pytest.param(None, None, {}, None, id="nothing"),
    ],
)
def test_the_file_that_names_the_region(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: str | None,
    credentials: str | None,
    variables: Mapping[str, str],
    file: str | None,
) -> None:
    for name, text in (("config", config), ("credentials", credentials)):
        if text is not None:
            (place / name).write_text(text)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load_sdk_settings(None, SERVICES).region_file == (None if file is None else str(place / file))


@pytest.mark.parametrize(
    ("text", "variables", "profile", "expected"),
    [
        pytest.param(None, {}, None, (None, None, None), id="nothing"),
        pytest.param(PROFILE, {}, None, (None, REGION, None), id="the default profile"),
        pytest.param(
            "[profile other]\nregion = us-east-1\nca_bundle = /x.pem\n",
            {},
            "other",
            ("other", "us-east-1", "/x.pem"),
            id="a profile by option",
        ),
        pytest.param(
            "[profile other]\nregion = us-east-1\n",
            {"AWS_PROFILE": "other"},
            None,
            ("other", "us-east-1", None),
            id="a profile by variable",
        ),
        pytest.param(PROFILE, {"AWS_DEFAULT_REGION": "eu-west-3"}, None, (None, "eu-west-3", None), id="a variable"),
        pytest.param(PROFILE, {"AWS_CA_BUNDLE": "/y.pem"}, None, (None, REGION, "/y.pem"), id="a bundle by variable"),
    ],
)
def test_other_settings(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    variables: Mapping[str, str],
    profile: str | None,
    expected: tuple[str | None, ...],
) -> None:
    if text is not None:
        (place / "config").write_text(text)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    seen = load_sdk_settings(profile, SERVICES)
    assert (seen.profile, seen.region, seen.ca_bundle) == expected
    session = botocore.session.Session(profile=profile)
    assert seen.region == session.get_config_variable("region")
    assert seen.ca_bundle == session.get_config_variable("ca_bundle")


def test_no_region_anywhere_is_no_region(place: Path) -> None:
    assert load_sdk_settings(None, SERVICES).region is None
    with pytest.raises(NoRegionError):
        botocore.session.Session().create_client("backup")


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        pytest.param(PROFILE, "missing", id="a profile that is not there"),
        pytest.param("[default\nregion", None, id="no file of that form"),
        pytest.param("region = eu-west-1\n", None, id="without a section"),
        pytest.param("[default]\nregion =\n  nested = 1\n", None, id="a nested Region"),
        pytest.param("[default]\nendpoint_url =\n  nested = 1\n", None, id="a nested URL"),
        pytest.param("[default]\nservices = missing\n", None, id="services that are not there"),
        pytest.param("\xff\xfe\x00", None, id="no text"),
    ],
)
def test_settings_that_cannot_be_read(place: Path, text: str, profile: str | None) -> None:
    (place / "config").write_bytes(text.encode("latin-1"))
    with pytest.raises(ProbeError) as caught:
        load_sdk_settings(profile, SERVICES)
    assert caught.value.kind is FailureKind.MALFORMED
    assert caught.value.code


# --- Credentials -----------------------------------------------------------------------------------------------------


def process(place: Path, output: str, status: int = 0) -> str:
    """A config file in which a process with this output and this exit status is the source of the credentials."""
    program = place / "process.py"
    program.write_text(f"import sys\nprint({output!r})\nprint('it failed', file=sys.stderr)\nsys.exit({status})\n")
    return f"[default]\ncredential_process = {sys.executable} {program}\n"


def loaded(profile: str | None = None) -> tuple[Keys, CredentialFacts]:
    keys, facts = load_credentials(profile)
    for secret in (keys.secret_key, keys.token or SECRET):
        assert secret not in repr(keys) + repr(facts)
    return keys, facts


def test_credentials_of_the_environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SIGNABLE.items():
        monkeypatch.setenv(name, value)
    keys, facts = loaded()
    assert (keys.access_key_id, keys.secret_key, keys.token) == (KEY, SECRET, None)
    assert (facts.source, facts.access_key_id_suffix, facts.temporary) == ("env", "MPLE", False)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-session-token")
    keys, facts = loaded()
    assert keys.token == "a-session-token"  # noqa: S105 - of nobody
    assert facts.temporary


@pytest.mark.parametrize(("file", "section"), [("credentials", "[other]"), ("config", "[profile other]")])
def test_credentials_of_a_profile(place: Path, file: str, section: str) -> None:
    (place / file).write_text(f"{section}\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
    keys, facts = loaded("other")
    assert keys.access_key_id == KEY
    assert facts.source == ("shared-credentials-file" if file == "credentials" else "config-file")


@pytest.mark.tells_secrets(reason="the SDK, in this process, reads it from what it is told to run")
def test_credentials_of_a_process(place: Path) -> None:
    answer = {
        "Version": 1,
        "AccessKeyId": KEY,
        "SecretAccessKey": SECRET,
        "SessionToken": "a-session-token",
        "Expiration": "2090-01-01T00:00:00Z",
    }
    (place / "config").write_text(process(place, json.dumps(answer)))
    keys, facts = loaded()
    assert keys.token == "a-session-token"  # noqa: S105 - of nobody
    assert facts.source == "custom-process"
    assert facts.expires_at == datetime(2090, 1, 1, tzinfo=UTC)


def test_no_credentials_in_any_place(place: Path) -> None:
    with pytest.raises(ProbeError) as caught:
        load_credentials(None)
    assert (caught.value.kind, caught.value.code) == (FailureKind.NO_CREDENTIALS, None)


@pytest.mark.parametrize(
    ("output", "status", "code"),
    [
        pytest.param("", 1, "CredentialRetrievalError", id="that fails"),
        pytest.param('{"Version": 2}', 0, "CredentialRetrievalError", id="of another version"),
        pytest.param('{"Version": 1}', 0, "CredentialRetrievalError", id="that gives half of it"),
        pytest.param(
            f"{SECRET} {{",
            0,
            "JSONDecodeError",
            id="that says something else",
            marks=pytest.mark.tells_secrets(reason="the SDK, in this process, reads it from what it is told to run"),
        ),
        pytest.param("[]", 0, "AttributeError", id="that gives a list"),
        pytest.param('{"Version": 1, "AccessKeyId": 1, "SecretAccessKey": 2}', 0, "TypeError", id="that gives no text"),
    ],
)
def test_a_process(place: Path, output: str, status: int, code: str) -> None:
    (place / "config").write_text(process(place, output, status))
    with pytest.raises(ProbeError) as caught:
        load_credentials(None)
    assert (caught.value.kind, caught.value.code) == (FailureKind.NO_CREDENTIALS, code)
    assert SECRET not in caught.value.message


@pytest.mark.parametrize(
    ("variables", "text", "profile"),
    [
        pytest.param({"AWS_ACCESS_KEY_ID": KEY}, None, None, id="a key without its secret"),
        pytest.param({}, PROFILE, "missing", id="a profile that is not there"),
        pytest.param({}, "[default\n", None, id="a file of no form"),
        pytest.param({}, "[default]\ncredential_process = /nowhere/at/all\n", None, id="a process that is not there"),
        pytest.param(
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/at/all", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x"},
            PROFILE,
            None,
            id="a token that is not there",
        ),
        pytest.param(
            {**SIGNABLE, "AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00Z"}, None, None, id="expired by a variable"
        ),
        pytest.param(
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/"}, None, None, id="a container elsewhere"
        ),
        pytest.param({}, "[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = gone\n", None, id="a role"),
    ],
)
def test_a_source_that_fails_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], text: str | None, profile: str | None
) -> None:
    if text is not None:
        (place / "config").write_text(text)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ProbeError) as caught:
        load_credentials(profile)
    assert caught.value.kind is FailureKind.NO_CREDENTIALS
    assert caught.value.code is not None
    assert SECRET not in caught.value.message


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        pytest.param({"AWS_REGION": REGION}, f"sts.{REGION}.amazonaws.com", id="the variable of most SDKs"),
        pytest.param({"AWS_DEFAULT_REGION": REGION}, f"sts.{REGION}.amazonaws.com", id="boto3's own variable"),
        pytest.param(
            {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": "us-east-2"}, f"sts.{REGION}.amazonaws.com", id="both"
        ),
        pytest.param({}, "sts.amazonaws.com", id="no Region"),
        pytest.param({"AWS_DEFAULT_REGION": "cn-north-1"}, "sts.cn-north-1.amazonaws.com.cn", id="China"),
        pytest.param(
            {"AWS_DEFAULT_REGION": REGION, "AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, "sts.amazonaws.com", id="legacy"
        ),
        pytest.param(
            {"AWS_DEFAULT_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "true"},
            "sts-fips.us-east-1.amazonaws.com",
            id="FIPS",
        ),
        pytest.param(
            {"AWS_DEFAULT_REGION": REGION, "AWS_USE_DUALSTACK_ENDPOINT": "true"},
            f"sts.{REGION}.api.aws",
            id="dual stack",
        ),
        pytest.param(
            {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_STS": "https://vpce-1.sts.example"},
            "vpce-1.sts.example",
            id="a URL",
        ),
    ],
)
def test_a_web_identity_asks_the_sts_of_the_region(
    place: Path, variables: dict[str, str], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test reads the request that the proxy gets. The proxy refuses it, which ends the call."""
    (place / "token").write_text("a token that STS never sees")
    role = {"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": str(place / "token")}
    asked: list[str] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(self.path)
            self.send_error(403)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        try:
            proxy = f"http://127.0.0.1:{server.server_port}"
            for name, value in {**role, **variables, "HTTPS_PROXY": proxy, "AWS_MAX_ATTEMPTS": "1"}.items():
                monkeypatch.setenv(name, value)
            with pytest.raises(ProbeError):
                load_credentials(None)
            sts_host = load_sdk_settings(None, SERVICES).sts_host
        finally:
            server.shutdown()
            serving.join()
    assert set(asked) == {f"{host}:443"}
    assert sts_host == host


@pytest.mark.parametrize(
    ("variables", "config"),
    [
        pytest.param({"AWS_ROLE_ARN": "", "AWS_DEFAULT_REGION": REGION}, PROFILE, id="no role"),
        pytest.param({"AWS_WEB_IDENTITY_TOKEN_FILE": ""}, PROFILE, id="no token"),
        pytest.param(SIGNABLE, PROFILE, id="keys come first"),
    ],
)
def test_no_sts_is_named_where_none_is_asked(
    place: Path, variables: dict[str, str], config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "config").write_text(config)
    role = {"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere"}
    for name, value in {**role, **variables}.items():
        monkeypatch.setenv(name, value)
    assert load_sdk_settings(None, SERVICES).sts_host is None


ENDLESS: Final = """
from pathlib import Path
from probes.model import ProbeError
from probes.system.sdk import load_credentials

try:
    load_credentials(None)
except ProbeError as error:
    [peak] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    print(error.code, int(peak) * 1024)  # ru_maxrss is that of the parent where that was larger
"""


@pytest.mark.parametrize("source", ["metadata", "container", "sts"])
def test_an_answer_without_end_takes_little_memory(place: Path, source: str) -> None:
    """Every source of credentials sends an endless answer."""

    class Endless(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"token")

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"x" * 65_536)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    (place / "token").write_text("a token")
    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        server.daemon_threads = True
        serving = Thread(target=server.serve_forever)
        serving.start()
        url = f"http://127.0.0.1:{server.server_port}"
        variables = {
            "metadata": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": url, "AWS_EC2_METADATA_DISABLED": "false"},
            "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/x"},
            "sts": {
                "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/x",
                "AWS_WEB_IDENTITY_TOKEN_FILE": str(place / "token"),
                "AWS_ENDPOINT_URL_STS": url,
                "AWS_MAX_ATTEMPTS": "1",
            },
        }[source]
        try:
            done = subprocess.run(
                [sys.executable, "-c", ENDLESS],
                cwd=ROOT,
                env={**os.environ, "AWS_REGION": REGION, **variables},
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        finally:
            server.shutdown()
            serving.join()
    assert done.stderr == ""
    code, peak = done.stdout.split()
    assert code != "None", "it was not asked"
    assert int(peak) < MAX_MEMORY_BYTES


async def test_settings_and_credentials_off_the_loop(place: Path) -> None:
    sdk = SystemSdk()
    seen = await sdk.settings(None, SERVICES)
    assert seen == load_sdk_settings(None, SERVICES)
    with pytest.raises(ProbeError):
        await sdk.credentials(None)


HOSTS: Final = (
    "backup.eu-west-1.amazonaws.com",
    "backup-gateway.eu-west-1.amazonaws.com",
    "backup.cn-north-1.amazonaws.com.cn",
    "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com",
    "169.254.169.254",
)


# --- Whatever stands there -------------------------------------------------------------------------------------------

VALUES: Final = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
"""Possible values of an environment variable."""
PIECES: Final = st.sampled_from(
    ["*", ".", "amazonaws.com", f"backup.{REGION}.amazonaws.com", "169.254.169.254", ":443", "[fd00::1]", "10.0.0.0/8"]
)


@settings(deadline=None)
@given(
    st.lists(PIECES | VALUES, max_size=4).map(",".join),
    st.sampled_from(["http://p.example:3128", "p.example:3128", ""]) | VALUES,
    st.sampled_from(HOSTS),
    st.sampled_from(["https", "http"]),
)
@example(no_proxy=",,.,*", proxy="http://p.example:3128", host=HOSTS[0], scheme="https")
def test_any_exceptions_from_the_proxy(no_proxy: str, proxy: str, host: str, scheme: str) -> None:
    """NO_PROXY is read as the SDK reads it, whatever its value is."""
    with pytest.MonkeyPatch.context() as inside:
        inside.setenv("NO_PROXY", no_proxy)
        inside.setenv(f"{scheme}_proxy", proxy)
        own: Any = get_environ_proxies(f"{scheme}://{host}/")
        assert SystemSdk().proxy(host, scheme) == own.get(scheme)


LINES: Final = st.builds(
    "{} {} {}".format,
    st.sampled_from(
        [
            *("region", "endpoint_url", "services", "ca_bundle", "use_fips_endpoint", "use_dualstack_endpoint"),
            *("ignore_configured_endpoint_urls", "aws_access_key_id", "aws_secret_access_key", "backup", "  backup"),
        ]
    ),
    st.sampled_from(["=", "=", ":", "\n"]),
    st.sampled_from(["s", "true", "eu-west-1", "https://a.example", "\n  a = b", "\n  endpoint_url = x"]) | VALUES,
) | st.sampled_from(["[default]", "[services s]", "[profile p]", "[services]", "[default"])
CONFIGS: Final = st.lists(LINES, max_size=6).map(lambda lines: "\n".join(["[default]", *lines]).encode())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONFIGS | st.binary(max_size=60))
@example(content=b"[default]\nregion =\n  a = b\n")
def test_any_shared_file(place: Path, content: bytes) -> None:
    (place / "config").write_bytes(content)
    value_or(lambda: load_sdk_settings(None, SERVICES), FailureKind.MALFORMED)
    value_or(lambda: load_credentials(None), FailureKind.NO_CREDENTIALS)
