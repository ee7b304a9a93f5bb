"""No output of a run contains a secret, wherever the secret is stored and whatever the network does."""

import base64
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest

from agent.catalog.services import SERVICES
from agent.catalog.vpce import named_endpoint
from agent.cli.commands.watch import config_of, reader_of
from agent.cli.main import dispatch, main
from agent.formats import json as json_format
from agent.formats import ndjson, text
from agent.judge.verdict import judge
from agent.process.output import one_line
from agent.report.redact import redact
from agent.run.plan import targets
from agent.simulated.settings import settings_of
from probes.facts import ApiFacts, CredentialFacts, HostFacts, ProxyConnectFacts, SdkFacts, WorkloadFacts
from probes.model import Draft, ProbeError, Step
from probes.operations import SDK_SETTINGS
from probes.seams import Keys
from probes.steps import proxy
from probes.steps.api import MAX_MESSAGE_CHARACTERS, probe
from probes.urls import masked_urls
from tests.support import extent, scenarios
from tests.support.command import SECONDS, completed
from tests.support.fakes import FakeMachine, FakeNet, ScriptedStream
from tests.support.ladders import call_of
from tests.support.planted import KEY_ID, SECRETS, leaked
from tests.support.planted_scenarios import PROXY, planted
from tests.support.repository import ROOT
from tests.support.runs import measured

SPELLINGS: Final = {"lower": str.lower, "upper": str.upper}
"""The spellings of proxy variables. Each scenario uses one of them, in turn. With `--everything`, each scenario uses
both.
"""


WHOLE: Final = frozenset(extent.one_in(12, scenarios.names()))
"""The scenarios with further checks: their reports are masked, and are written in all formats, also in those that only
repeat the JSON or the text.
"""


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, SPELLINGS[spelling], id=f"{name}, {spelling}")
        for number, name in enumerate(extent.one_in(6, scenarios.names()))
        for spelling in (SPELLINGS if extent.everything() else [tuple(SPELLINGS)[number % 2]])
    ],
)
def test_no_secret_in_what_a_run_says(
    name: str, case: Callable[[str], str], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    scenario = planted(scenarios.load(name), case=case)
    evidence, events = measured(scenario)
    report = judge(evidence)
    texts = {"events": repr(events), "evidence": repr(evidence), "report": repr(report)}
    texts |= {"settings": repr(settings_of(scenario)), "keys": repr(scenario.credentials.keys())}
    texts |= {"json": json_format.render(report), "text": text.render(report)}
    if name in WHOLE:
        masked = redact(report)
        texts |= {"json, masked": json_format.render(masked), "text, masked": text.render(masked)}
        for way, shown in (("", report), (", masked", masked)):
            texts |= {f"ndjson{way}": ndjson.render(shown), f"brief{way}": text.brief(shown)}
    lines: list[str] = []
    live = ndjson.NdjsonWriter(lines.append)
    for event in events:
        live(event)
    out, errors = capsys.readouterr()
    texts |= {"live": "".join(lines), "stdout": out, "stderr": errors, "log": caplog.text}
    texts["log records"] = repr([(record.msg, record.args, record.exc_info) for record in caplog.records])
    assert {where: leaks for where, words in texts.items() if (leaks := leaked(words))} == {}


def test_secrets_were_where_they_could_leak() -> None:
    """The run used the secrets, and its report shows the parts that may be shown. Otherwise, the test above would prove
    nothing.
    """
    evidence, _ = measured(planted(scenarios.load("healthy"), case=str.lower))
    facts = {
        observation.id: observation.facts for observation in evidence.observations if observation.facts is not None
    }
    (credentials,) = (step_facts for step_facts in facts.values() if isinstance(step_facts, CredentialFacts))
    (host,) = (step_facts for step_facts in facts.values() if isinstance(step_facts, HostFacts))
    (sdk,) = (step_facts for step_facts in facts.values() if isinstance(step_facts, SdkFacts))
    assert credentials.access_key_id_suffix == KEY_ID[-4:]
    assert credentials.temporary
    assert host.proxies == dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://***@10.0.9.90:3128")
    assert sdk.endpoint_urls["backup"] == "https://***@backup.eu-west-1.amazonaws.com"
    calls = [step_facts for step_facts in facts.values() if isinstance(step_facts, ApiFacts)]
    assert [call.status for call in calls] == [200, 200, 200]  # the simulated AWS checks the signature and the token
    assert f"host/{SDK_SETTINGS}" in facts
    assert any(
        observation.subject.step is Step.HTTP and observation.failure and observation.failure.code == "407"
        for observation in evidence.observations
    )


@pytest.mark.parametrize("name", SECRETS)
def test_each_secret_would_be_found(name: str) -> None:
    wrapped = f"{SECRETS[name][:4]}\n   {SECRETS[name][4:]}"
    assert leaked(wrapped) >= {name}
    assert leaked(f"***{KEY_ID[-4:]}") == set()


# --- Sources that are real here ---------------------------------------------------------------------------------------

ASK: Final = """
from probes.model import ProbeError
from probes.system.sdk import load_credentials, load_sdk_settings
for work in (lambda: load_credentials(None), lambda: load_sdk_settings(None, ("backup", "backup-gateway"))):
    try:
        print(work())
    except ProbeError as error:
        print(repr(error), error, error.kind, error.message, error.code)
"""
GIVEN: Final = {
    "Version": 1,
    "AccessKeyId": KEY_ID,
    "SecretAccessKey": SECRETS["secret key"],
    "SessionToken": SECRETS["session token"],
}
PASSED: Final = json.dumps(GIVEN | {"Expiration": "2020-01-01T00:00:00Z"})


def process(out: str, *, errors: str = "", code: int = 0) -> str:
    """A config file with a profile that gets its credentials from a process with this output and exit code."""
    words = f"import sys; print({out!r}); print({errors!r}, file=sys.stderr); sys.exit({code})"
    encoded = base64.b64encode(words.encode()).decode()
    program = f"import base64; exec(base64.b64decode('{encoded}'))"
    return f'[default]\ncredential_process = {sys.executable} -c "{program}"\n'


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        pytest.param(process(json.dumps(GIVEN)), KEY_ID[-4:], id="process"),
        pytest.param(process(PASSED), "no-credentials", id="process that gives what is over"),
        pytest.param(process(f"{SECRETS['secret key']} {{"), "no-credentials", id="process that is not understood"),
        pytest.param(
            process("", errors=SECRETS["session token"], code=1), "CredentialRetrievalError", id="process that fails"
        ),
        pytest.param(
            f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRETS['secret key']}\n",
            KEY_ID[-4:],
            id="file",
        ),
        pytest.param(
            f"[default]\naws_access_key_id = {KEY_ID}\n{SECRETS['secret key']}\n",
            "ConfigParseError",
            id="file that is not understood",
        ),
        pytest.param(
            f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRETS['secret key']} more\n",
            "ValueError",
            id="secret that cannot be sent",
        ),
        pytest.param(
            f"[default]\nendpoint_url = https://{SECRETS['endpoint user']}:{SECRETS['endpoint password']}@a.example\n",
            "https://***@a.example",
            id="endpoint URL",
        ),
    ],
)
def test_no_secret_in_what_the_sdk_gives(config: str, shown: str, tmp_path: Path) -> None:
    """The SDK runs in a separate process, so that the test also sees what libraries write to stderr."""
    place = tmp_path / "config"
    place.write_text(config, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=ROOT,
        env={**os.environ, "AWS_CONFIG_FILE": str(place)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert shown in done.stdout
    assert done.stderr == ""
    assert leaked(done.stdout) == set()


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        pytest.param("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://{user}:{password}#x@h", id="container credentials"),
        pytest.param("AWS_EC2_METADATA_SERVICE_ENDPOINT", "{user}:{password}@h", id="metadata"),
        pytest.param("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://{user}:{password}@h h", id="metadata, a space"),
    ],
)
def test_no_secret_of_a_setting_that_is_not_a_url(name: str, setting: str) -> None:
    value = setting.format(user=SECRETS["endpoint user"], password=SECRETS["endpoint password"])
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    done = completed((sys.executable, "-c", ASK), env={**os.environ, **nowhere, name: value})
    assert (done.returncode, done.stderr) == (0, "")
    assert "no-credentials" in done.stdout
    assert leaked(done.stdout) == set()


# --- What others say again --------------------------------------------------------------------------------------------


@pytest.mark.virtual_clock
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(
            {},
            {"message": "Check your key. The Canonical String for this request should have been 'GET {}'"},
            id="message",
        ),
        pytest.param({}, {"message": "x" * (MAX_MESSAGE_CHARACTERS - 20) + "{}"}, id="message that is cut"),
        pytest.param({}, {"__type": "{}", "message": ""}, id="code"),
        pytest.param({"x-amzn-errortype": "{}"}, {}, id="header"),
        pytest.param({"x-amzn-requestid": "{}"}, {}, id="request id"),
    ],
)
@pytest.mark.parametrize("name", ["session token", "secret key", "access key id"])
async def test_secret_that_a_peer_says_again_is_masked(
    name: str, headers: dict[str, str], body: dict[str, str]
) -> None:
    """If a signature does not match, AWS returns the canonical request, which includes the session token."""
    keys = Keys(access_key_id=KEY_ID, secret_key=SECRETS["secret key"], token=SECRETS["session token"])
    content = json.dumps({key: value.replace("{}", SECRETS[name]) for key, value in body.items()}).encode()
    lines = {"x-amzn-requestid": "1", **{key: value.replace("{}", SECRETS[name]) for key, value in headers.items()}}
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    reply = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(content)}\r\n{head}\r\n".encode() + content
    draft: Draft[ApiFacts] = Draft()
    (target, *_) = targets(settings_of(scenarios.load("healthy")), "eu-west-1", None, WorkloadFacts())

    async def ask() -> None:
        await probe(
            ScriptedStream(reply),
            FakeMachine(),
            keys,
            target=target,
            call=call_of(target.service),
            conversation=SERVICES[target.service].conversation(SERVICES[target.service].call, None),
            agent="test",
            new_connection=True,
            draft=draft,
        )

    with pytest.raises(ProbeError) as caught:
        await ask()
    assert leaked(f"{draft.facts!r} {caught.value!r} {caught.value.message} {caught.value.code}") == set()
    assert "***" in repr(draft.facts)


@pytest.mark.virtual_clock
@pytest.mark.parametrize("form", ["{password}", "{basic}", "x" * 2000 + "{password}"])
async def test_password_that_a_proxy_says_again_is_masked(form: str) -> None:
    password = unquote(SECRETS["proxy password"])
    basic = base64.b64encode(f"{SECRETS['proxy user']}:{password}".encode()).decode()
    reply = f"HTTP/1.1 407 Denied\r\nServer: {form.format(password=password, basic=basic)}\r\n\r\n".encode()
    draft: Draft[ProxyConnectFacts] = Draft()
    with pytest.raises(ProbeError) as caught:
        await proxy.probe(FakeNet(streams=[ScriptedStream(reply)]), PROXY, "a.example", 443, draft)
    assert leaked(f"{draft.facts!r} {caught.value!r} {caught.value.message}") == set()
    assert draft.facts is not None
    assert draft.facts.server == "***"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("https://{user}:{password}@backup.example", id="URL"),
        pytest.param("backup=https://{user}:{password}@backup.example", id="URL with its service"),
        pytest.param("https://{user}:{password}=@backup.example", id="password like a service"),
        pytest.param("{user}:{password}@backup.example", id="no scheme"),
    ],
)
def test_no_secret_in_a_refused_endpoint(given: str) -> None:
    text_given = given.format(user=SECRETS["endpoint user"], password=SECRETS["endpoint password"])
    with pytest.raises(ValueError, match="give only the host") as caught:
        named_endpoint(text_given)
    assert leaked(repr(caught.value)) == set()
    assert SECRETS["endpoint password"].lower() not in str(caught.value).lower()


HOOK: Final = "https://hooks.example/services/T0/B0/planted-webhook-path?token=planted-query-token"
WORDS: Final = ("planted-", "T0/B0")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param(f"{HOOK!r} is not an IP address.", "'https://hooks.example/...' is not an IP address.", id="path"),
        pytest.param("see HTTPS://me:pass@h.example:8443", "see HTTPS://h.example:8443", id="user"),
        pytest.param("(http://me:pa/ss@h.example/)", "(http://...)", id="slash in the password"),
        pytest.param("'http://me:pass'", "'http://...'", id="no host"),
        pytest.param("http://[::1]:9842/metrics", "http://[::1]:9842/...", id="IPv6"),
        pytest.param("it must start with https:// and name a host", None, id="no URL"),
    ],
)
def test_a_text_shows_only_the_hosts_of_urls(shown: str, expected: str | None) -> None:
    assert masked_urls(shown) == (shown if expected is None else expected)
    assert one_line(shown) == masked_urls(shown)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(f"notify = ['{HOOK}']", id="a list"),
        pytest.param(f"notify = {{ url = '{HOOK}' }}", id="a table"),
        pytest.param("notify = { host = 'h', token = 'planted-token' }", id="a table without a URL"),
        pytest.param(f"notfy = '{HOOK}'", id="a wrong key"),
        pytest.param(f"'{HOOK}' = true", id="the URL as key"),
        pytest.param(f"notify = 'x{HOOK.removeprefix('https')}'", id="another scheme"),
        pytest.param(f"notify = '{HOOK}", id="an open quote"),
        pytest.param("on-change = ['curl', '--oauth2-bearer', 'planted-token']", id="a program as a list"),
        pytest.param('on-change = "curl \'planted-token"', id="a program with an open quote"),
        *(
            pytest.param(f"{key} = {value}", id=f"{key} {kind}")
            for key in ("ca-bundle", "resolver", "region", "endpoint", "timeout", "suppress", "service", "listen")
            for kind, value in (("text", f"'{HOOK}'"), ("list", f"['{HOOK}', 1]"), ("table", f"{{ a = '{HOOK}' }}"))
            if (key, kind) != ("ca-bundle", "text")
        ),
    ],
)
def test_a_wrong_value_of_a_configuration_is_not_repeated(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "config"
    place.write_text(f"{config}\n", "utf-8")
    assert dispatch(["watch", "--config", str(place), "--cycles", "1", "--format", "ndjson"], []) == 3
    out, errors = capsys.readouterr()
    assert "config" in errors
    assert not [word for word in WORDS if word in out + errors], out + errors


def test_a_wrong_value_is_not_repeated_in_the_journal(tmp_path: Path) -> None:
    """A watch reads its settings again at SIGHUP, and its messages about them go to the journal."""
    place = tmp_path / "config"
    place.write_text(f"notify = '{HOOK}'\n", "utf-8")
    with main.make_context("backuplink", ["watch", "--config", str(place)], obj=[]) as context:
        command = main.commands["watch"]
        with command.make_context("watch", ["--config", str(place)], parent=context) as inner:
            read_again = reader_of(inner, config_of)
            place.write_text(f"notify = ['{HOOK}']\nresolver = ['{HOOK}']\n", "utf-8")
            with pytest.raises(ValueError, match="expected a string") as caught:
                read_again()
    assert not [word for word in WORDS if word in str(caught.value)]
