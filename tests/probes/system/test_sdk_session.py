"""SdkSession is compared with botocore's real session: both must have the same settings, whatever the shared files
contain, and get the same credentials from every source, with the same requests. What botocore does is what the tests
expect.
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import botocore.session
import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.credentials import SSOProvider, get_credentials
from botocore.exceptions import BotoCoreError
from botocore.tokens import SSOTokenProvider
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.system.sdk import import_botocore, load_credentials
from probes.system.sdk_session import SdkSession
from tests.probes.system.test_as_botocore import FILES, VARIABLES, put
from tests.probes.system.test_sdk import CONFIGS, KEY, SECRET, SIGNABLE, process
from tests.support.extent import one_in
from tests.support.repository import ROOT


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for this host's shared files. The SDK's variables point to it."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


REFUSALS: Final = (BotoCoreError, AttributeError, TypeError, ValueError, OSError, RuntimeError)
"""The errors that botocore raises for bad or missing settings."""


def outcome(work: Callable[[], object]) -> object:
    """The result of an action, or the type and the text of its error."""
    try:
        return work()
    except REFUSALS as error:
        return type(error), str(error)


# --- Settings --------------------------------------------------------------------------------------------------------

SECTIONS: Final = ("s3", "proxies_config")


def said(session: Any) -> dict[str, object]:
    """All settings in a session."""
    # Both sessions are asked in this order, since a failed attempt must not affect the later ones.
    names = ["region", *BOTOCORE_DEFAUT_SESSION_VARIABLES, *SECTIONS]
    variables = {name: outcome(partial(session.get_config_variable, name)) for name in names}
    return variables | {
        "the profile": outcome(lambda: session.profile),
        "the profile's section": outcome(session.get_scoped_config),
        "user agent": session.user_agent(),
        "variables of the session": session.instance_variables(),
    }


def both(profile: str | None) -> tuple[SdkSession, Any]:
    """Our session, and the real session without its parts for clients, which are slow to set up."""
    return SdkSession(profile), botocore.session.Session(profile=profile, include_builtin_handlers=False)


@pytest.mark.parametrize(("files", "variables"), one_in(5, itertools.product(FILES, VARIABLES)))
def test_every_setting_is_the_real_one_s(
    place: Path, monkeypatch: pytest.MonkeyPatch, files: str, variables: str
) -> None:
    put(monkeypatch, place, FILES[files], VARIABLES[variables])
    ours, real = both(FILES[files].profile)
    assert said(ours) == said(real)
    assert ours.full_config == real.full_config
    assert "_real" not in vars(ours)
    for session in (ours, real):
        session.set_config_variable("region", "eu-south-2")
        session.set_config_variable("metadata_service_timeout", 7)
    assert said(ours) == said(real)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONFIGS | st.binary(max_size=60), CONFIGS | st.none(), st.sampled_from([None, "default", "p", "gone"]))
def test_any_shared_files_read_as_the_real_one_reads_them(
    place: Path, config: bytes, credentials: bytes | None, profile: str | None
) -> None:
    (place / "config").write_bytes(config)
    (place / "credentials").unlink(missing_ok=True)
    if credentials is not None:
        (place / "credentials").write_bytes(credentials)
    ours, real = both(profile)
    # After a file that botocore could not read, a second attempt may have a different result. This does not matter,
    # since the first attempt ends the run's use of the SDK.
    assert outcome(lambda: ours.full_config) == outcome(lambda: real.full_config)
    ours, real = both(profile)
    assert outcome(ours.get_scoped_config) == outcome(real.get_scoped_config)


def test_metadata_is_told_where_this_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_ECS_EC2")
    ours, real = both(None)
    assert ours.user_agent() == real.user_agent()
    assert "exec-env/AWS_ECS_EC2" in ours.user_agent()


def test_what_it_lacks_comes_from_the_real_one_with_its_variables(place: Path) -> None:
    (place / "config").write_text("[profile p]\nregion = eu-west-1\n")
    ours = SdkSession("p")
    ours.set_config_variable("use_fips_endpoint", True)
    assert ours.get_service_model("sts").service_id == "STS"
    client = ours.create_client("sts", aws_access_key_id=KEY, aws_secret_access_key=SECRET)
    assert client.meta.endpoint_url == "https://sts-fips.eu-west-1.amazonaws.com"
    with pytest.raises(AttributeError, match="no_such_attribute"):
        ours.no_such_attribute  # noqa: B018 - asking is what it is about


# --- Sources of credentials ------------------------------------------------------------------------------------------

ROLE: Final = "arn:aws:iam::111122223333:role/x"
GIVEN: Final = {"AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": "t", "Expiration": "2090-01-01T00:00:00Z"}
STS: Final = (
    "<{0}Response><{0}Result><Credentials>"
    f"<AccessKeyId>{KEY}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>t</SessionToken>"
    "<Expiration>2090-01-01T00:00:00Z</Expiration></Credentials>"
    f"<AssumedRoleUser><Arn>{ROLE}</Arn><AssumedRoleId>x:y</AssumedRoleId></AssumedRoleUser></{{0}}Result></{{0}}Response>"
)
SSO: Final = {
    "roleCredentials": {"accessKeyId": KEY, "secretAccessKey": SECRET, "sessionToken": "t", "expiration": 3786912000000}
}


class Sources(BaseHTTPRequestHandler):
    """A server that plays all sources of credentials at one address: metadata, a container's agent, STS, SSO and SSO's
    tokens. It records the requests to each.
    """

    asked: list[tuple[str, ...]]

    def answer(self, body: str) -> None:
        length = int(self.headers.get("Content-Length", 0))
        told = self.headers.get("User-Agent", ""), self.headers.get("x-amz-sso_bearer_token", "")
        self.asked.append((self.command, self.path, *told, self.rfile.read(length).decode()))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self) -> None:
        self.answer("a token")

    def do_GET(self) -> None:
        if self.path.startswith("/federation"):
            self.answer(json.dumps(SSO))
        elif self.path.endswith("/security-credentials/"):
            self.answer("role")
        else:
            self.answer(json.dumps({**GIVEN, "Code": "Success"}))

    def do_POST(self) -> None:
        if self.path == "/token":
            self.answer(json.dumps({"accessToken": "renewed", "expiresIn": 3600}))
        else:
            web = self.headers.get("Authorization") is None
            self.answer(STS.format("AssumeRoleWithWebIdentity" if web else "AssumeRole"))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def url() -> Iterator[str]:
    """The address of all sources. At first, `Sources.asked` is empty."""
    Sources.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Sources) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A host with one source of credentials. `{place}` is the host's folder, and `{url}` is the address of
    all sources.
    """

    config: str | None = None
    credentials: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    profile: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    method: str | None
    """botocore's name of the source, or None if the source returns no credentials."""
    asked: int = 0
    """The number of requests for the credentials."""


IN_FILE: Final = f"aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
IMDS: Final = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{url}"}
CONTAINER: Final = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/agent"}
NAMED: Final = f"role_arn = {ROLE}\nrole_session_name = tests\n"
WEB: Final = {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": "{place}/token", "AWS_ROLE_SESSION_NAME": "tests"}
START: Final = "https://d-1.awsapps.example/start"
SSO_ACCOUNT: Final = "sso_account_id = 111122223333\nsso_role_name = r\n"
SSO_SESSION: Final = f"[sso-session s]\nsso_start_url = {START}\nsso_region = eu-west-1\n"
SSO_TOKEN: Final = {
    "startUrl": START,
    "region": "eu-west-1",
    "accessToken": "held",
    "expiresAt": "2090-01-01T00:00:00Z",
}
RENEWABLE: Final = {
    "expiresAt": "2001-01-01T00:00:00Z",
    "refreshToken": "r",
    "clientId": "c",
    "clientSecret": "of the client",
    "registrationExpiresAt": "2090-01-01T00:00:00Z",
}


def cached(name: str, **differing: str) -> Mapping[str, str]:
    """The content of the cache file of an SSO token, by the name of the file."""
    return {f"{sha1(name.encode()).hexdigest()}.json": json.dumps({**SSO_TOKEN, **differing})}  # noqa: S324 - its name


SOURCES: Final = {
    "nothing": Source(method=None),
    "variables": Source(variables=SIGNABLE, method="env"),
    "variables that expire": Source(
        variables={**SIGNABLE, "AWS_SESSION_TOKEN": "t", "AWS_CREDENTIAL_EXPIRATION": "2090-01-01T00:00:00Z"},
        method="env",
    ),
    "variables that have expired": Source(
        variables={**SIGNABLE, "AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00Z"}, method=None
    ),
    "a key without its secret": Source(variables={"AWS_ACCESS_KEY_ID": KEY}, method=None),
    "variables beside a profile by variable": Source(
        variables={**SIGNABLE, "AWS_PROFILE": "p"}, config=f"[profile p]\n{NAMED}source_profile = p\n", method="env"
    ),
    "variables beside a profile by option": Source(
        variables={"AWS_ACCESS_KEY_ID": "another", "AWS_SECRET_ACCESS_KEY": "another"},
        config=f"[profile p]\n{IN_FILE}",
        profile="p",
        method="config-file",
    ),
    "the credentials file": Source(credentials=f"[default]\n{IN_FILE}", method="shared-credentials-file"),
    "both files": Source(
        credentials=f"[p]\n{IN_FILE}aws_session_token = t\n",
        config="[profile p]\naws_access_key_id = another\naws_secret_access_key = another\n",
        profile="p",
        method="shared-credentials-file",
    ),
    "the old file of boto": Source(
        variables={"BOTO_CONFIG": "{place}/boto"}, files={"boto": f"[Credentials]\n{IN_FILE}"}, method="boto-config"
    ),
    "a profile that is not there": Source(config=f"[default]\n{IN_FILE}", profile="gone", method=None),
    "a broken config file": Source(config="[default\n", method=None),
    "a broken credentials file": Source(config=f"[default]\n{IN_FILE}", credentials="x", method=None),
    "a process": Source(config="process", method="custom-process"),
    "a container": Source(variables=CONTAINER, method="container-role", asked=1),
    "metadata": Source(variables=IMDS, method="iam-role", asked=3),
    "metadata, set in a file": Source(
        variables={"AWS_EC2_METADATA_DISABLED": "false"},
        config="[default]\nec2_metadata_service_endpoint = {url}\nmetadata_service_timeout = 5\n",
        method="iam-role",
        asked=3,
    ),
    "a role by another profile": Source(
        config=f"[profile p]\n{NAMED}source_profile = q\n[profile q]\n{IN_FILE}",
        variables={"AWS_PROFILE": "p"},
        method="assume-role",
        asked=1,
    ),
    "a role by a role": Source(
        config=f"[profile p]\n{NAMED}source_profile = q\n"
        f"[profile q]\n{NAMED}source_profile = r\n[profile r]\n{IN_FILE}",
        profile="p",
        method="assume-role",
        asked=2,
    ),
    "a role by variables": Source(
        config=f"[profile p]\n{NAMED}credential_source = Environment\n",
        variables=SIGNABLE,
        profile="p",
        method="assume-role",
        asked=1,
    ),
    "a role by metadata": Source(
        config=f"[default]\n{NAMED}credential_source = Ec2InstanceMetadata\n",
        variables=IMDS,
        method="assume-role",
        asked=4,
    ),
    "a role by a container": Source(
        config=f"[default]\n{NAMED}credential_source = EcsContainer\n",
        variables=CONTAINER,
        method="assume-role",
        asked=2,
    ),
    "a role by nobody": Source(config=f"[default]\n{NAMED}source_profile = gone\n", method=None),
    "a role by itself": Source(config=f"[profile p]\n{NAMED}source_profile = p\n", profile="p", method=None),
    "a web identity": Source(
        variables=WEB, files={"token": "a token"}, method="assume-role-with-web-identity", asked=1
    ),
    "a web identity of a profile": Source(
        config=f"[profile p]\n{NAMED}web_identity_token_file = {{place}}/token\n",
        files={"token": "a token"},
        profile="p",
        method="assume-role-with-web-identity",
        asked=1,
    ),
    "a web identity without its token": Source(variables=WEB, method=None),
    "SSO": Source(
        config=f"[default]\nsso_start_url = {START}\nsso_region = eu-west-1\n{SSO_ACCOUNT}",
        files=cached(START),
        method="sso",
        asked=1,
    ),
    "SSO without its token": Source(
        config=f"[default]\nsso_start_url = {START}\nsso_region = eu-west-1\n{SSO_ACCOUNT}", method=None
    ),
    "SSO by a session": Source(
        config=f"{SSO_SESSION}[default]\nsso_session = s\n{SSO_ACCOUNT}", files=cached("s"), method="sso", asked=1
    ),
    "SSO by a session that is renewed": Source(
        config=f"{SSO_SESSION}[profile p]\nsso_session = s\n{SSO_ACCOUNT}",
        files=cached("s", **RENEWABLE),
        profile="p",
        method="sso",
        asked=2,
    ),
    "a sign-in without its token": Source(config=f"[default]\nlogin_session = {ROLE}\n", method=None),
}


def got(credentials: Any) -> object:
    """The keys, their source, and when they expire."""
    if credentials is None:
        return None
    frozen = credentials.get_frozen_credentials()
    return credentials.method, tuple(frozen), getattr(credentials, "_expiry_time", None)


TELLS: Final = {
    "a process": pytest.mark.tells_secrets(reason="the SDK, in this process, reads it from what it is told to run")
}


@pytest.mark.parametrize("case", [pytest.param(case, marks=TELLS.get(case, ())) for case in one_in(2, SOURCES)])
def test_every_source_gives_what_it_gives_the_real_one(
    place: Path, url: str, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    source = SOURCES[case]

    def here(text: str) -> str:
        return text.replace("{place}", str(place)).replace("{url}", url)

    config = source.config
    if config == "process":
        config = process(place, json.dumps({"Version": 1, **GIVEN}))
    for service in ("STS", "SSO", "SSO_OIDC"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name, value in source.variables.items():
        monkeypatch.setenv(name, here(value))
    for provider in (SSOProvider, SSOTokenProvider):  # its folder comes from HOME when botocore is imported
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(place))

    def asked_by(session: Callable[[], Any]) -> tuple[object, list[tuple[str, ...]]]:
        """The result and the requests of a session. The files are restored first, since a session writes a token that
        it renews.
        """
        files = {"config": config, "credentials": source.credentials, **source.files}
        for name, text in files.items():
            if text is not None:
                (place / name).write_text(here(text))
        Sources.asked.clear()
        return outcome(lambda: got(session())), list(Sources.asked)

    ours = asked_by(lambda: get_credentials(SdkSession(source.profile)))
    assert ours == asked_by(botocore.session.Session(profile=source.profile).get_credentials)
    credentials, asked = ours
    method = credentials[0] if isinstance(credentials, tuple) and isinstance(credentials[0], str) else None
    assert (method, len(asked)) == (source.method, source.asked), credentials


# --- What it is for --------------------------------------------------------------------------------------------------

WITHOUT: Final = """
import sys
from probes.system.sdk import has_profile, load_credentials, load_sdk_settings
load_sdk_settings(None, ("backup", "backup-gateway"))
print(has_profile("default"), load_credentials(None)[1].source)
print({"botocore.session", "botocore.client"} & {*sys.modules})
"""


def test_no_session_and_no_client_is_imported_where_none_is_needed(place: Path) -> None:
    (place / "config").write_text(f"[default]\nregion = eu-west-1\n{IN_FILE}")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True config-file\nset()\n"


IMPORTED_BEFORE: Final = """
import asyncio, sys
from datetime import UTC, datetime
from agent.app import world
from agent.run import runner
from probes.steps.sigv4 import signed_headers
from probes.system.sdk import load_credentials, load_sdk_settings

async def measured(settings, world, *, emit, stop):
    before = {*sys.modules}
    load_sdk_settings(None, ("backup", "backup-gateway"))
    keys, _ = load_credentials(None)
    at, url = datetime.now(UTC), "https://backup.eu-west-1.amazonaws.com/"
    signed_headers(keys, service="backup", region="eu-west-1", at=at, method="GET", url=url, headers=(), body=b"")
    print({*sys.modules} - before)
    sys.exit()

runner.measure = measured
asyncio.run(world.measuring_here()(None, print, None))
"""


def test_a_run_of_this_host_imports_nothing_of_botocore_in_its_threads(place: Path) -> None:
    (place / "config").write_text(f"[default]\nregion = eu-west-1\n{IN_FILE}")
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED_BEFORE], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_an_import_before_the_run_leaves_what_is_wrong_with_botocore_to_the_steps_that_need_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("auth", "credentials"):
        monkeypatch.setitem(sys.modules, f"botocore.{name}", None)
    import_botocore()
    with pytest.raises(ImportError):
        load_credentials(None)
