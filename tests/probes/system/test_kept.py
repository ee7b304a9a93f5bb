"""What a watch caches between its cycles: whatever changes, the result is what a new process would read."""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.credentials import RefreshableCredentials

from agent.app.world import measuring_here
from agent.process.cancel import CancelToken
from agent.report.model import Measurement
from agent.run import runner
from agent.settings import Settings
from agent.simulated.certificates import root_pem
from agent.simulated.settings import settings_of
from probes.facts import CredentialFacts
from probes.model import Failed, Failure, FailureKind, Observation, ProbeError, Skipped, Step, Subject
from probes.seams import MAX_FILE_BYTES, Keys
from probes.system import sdk as sdk_module
from probes.system import trust as trust_module
from probes.system.kept import Kept, content_of
from probes.system.machine import SystemMachine
from probes.system.sdk import REFRESH_BEFORE, SHARED_FILES, SystemSdk
from tests.support import scenarios
from tests.support.runs import measurement_of

SERVICES: Final = ("backup", "backup-gateway")
KEY: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example
PROFILE: Final = "[default]\nregion = eu-west-1\n"
KEYS: Final = f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
ROTATED: Final = KEYS.replace(KEY, KEY[::-1])

Change = Callable[[Path, pytest.MonkeyPatch], object]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for this host's shared files, with a profile and its keys. The SDK's variables point to this folder."""
    for variable, name in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / "config").write_text(PROFILE)
    (tmp_path / "credentials").write_text(KEYS)
    return tmp_path


def edited(name: str, text: str) -> Change:
    """Change the content of a file, but not its size and time."""

    def change(place: Path, _: pytest.MonkeyPatch) -> None:
        before = (place / name).stat()
        (place / name).write_text(text)
        os.utime(place / name, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def in_variable(name: str, value: str) -> Change:
    return lambda _, monkeypatch: monkeypatch.setenv(name, value)


def moved(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the file by a new one, as editors and log rotation do."""
    (place / "new").write_text(KEYS.replace(SECRET, SECRET[::-1]))
    (place / "new").replace(place / "credentials")


async def outcome(sdk: SystemSdk, profile: str | None) -> list[object]:
    """The settings and credentials, or the reason why there are none."""
    seen: list[object] = []
    for ask in (lambda: sdk.settings(profile, SERVICES), lambda: sdk.credentials(profile)):
        try:
            found: Any = await ask()
        except ProbeError as error:
            found = (error.kind, error.code, error.message)
        if isinstance(found, tuple) and isinstance(found[0], Keys):
            found = (found[0].access_key_id, found[0].secret_key, found[0].token, found[1])
        seen.append(found)
    return seen


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(edited("config", PROFILE.replace("-1", "-3")), id="a profile is edited"),
        pytest.param(edited("config", "region eu-west-1 and no sign between\n"), id="a profile is broken"),
        pytest.param(lambda place, _: (place / "config").unlink(), id="the profile is removed"),
        pytest.param(edited("credentials", ROTATED), id="keys are rotated"),
        pytest.param(moved, id="keys are rotated in another file"),
        pytest.param(lambda place, _: (place / "credentials").unlink(), id="keys are removed"),
        pytest.param(in_variable("AWS_PROFILE", "other"), id="another profile, which is not there"),
        pytest.param(in_variable("AWS_DEFAULT_REGION", "eu-west-2"), id="a Region in a variable"),
        pytest.param(in_variable("AWS_ENDPOINT_URL_BACKUP", "https://vpce.example"), id="an endpoint's URL"),
        pytest.param(in_variable("AWS_SHARED_CREDENTIALS_FILE", "/none"), id="another file"),
        pytest.param(
            lambda place, monkeypatch: [
                monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY),
                monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "k" * 40),
            ],
            id="keys in variables",
        ),
    ],
)
async def test_a_change_is_seen_at_once(place: Path, monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    sdk = SystemSdk()
    before = await outcome(sdk, None)
    assert before == await outcome(sdk, None) == await outcome(SystemSdk(), None)
    change(place, monkeypatch)
    after = await outcome(sdk, None)
    assert after == await outcome(SystemSdk(), None) != before
    assert after == await outcome(sdk, None)
    (place / "config").write_text(PROFILE)
    (place / "credentials").write_text(KEYS)
    monkeypatch.undo()


async def test_what_is_asked_of_another_profile_or_service_is_its_own(place: Path) -> None:
    (place / "config").write_text(f"{PROFILE}endpoint_url = https://all.example\n[profile p]\nregion = eu-west-3\n")
    sdk = SystemSdk()
    assert [(await sdk.settings(profile, SERVICES)).region for profile in (None, "p", None)] == [
        "eu-west-1",
        "eu-west-3",
        "eu-west-1",
    ]
    assert tuple((await sdk.settings(None, ("s3",))).endpoint_urls) == ("s3",)


# --- How often it is asked -------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, place: Path) -> list[str]:
    """The settings and credentials that were read again."""
    calls: list[str] = []

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def load(*asked: Any) -> Any:
            calls.append(name)
            return real(*asked)

        return load

    for name in ("load_sdk_settings", "load_credentials"):
        monkeypatch.setattr(sdk_module, name, counted(name, getattr(sdk_module, name)))
    return calls


async def test_what_did_not_change_is_read_once(asked: list[str]) -> None:
    sdk = SystemSdk()
    for _ in range(3):
        await outcome(sdk, None)
    assert asked == ["load_sdk_settings", "load_credentials"]


LATER: Final = REFRESH_BEFORE + timedelta(minutes=1)
SOON: Final = REFRESH_BEFORE - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("source", "expires_in", "times"),
    [
        ("env", None, 1),
        ("env", SOON, 3),
        ("shared-credentials-file", None, 1),
        ("config-file", None, 1),
        ("custom-process", None, 3),
        ("custom-process", LATER, 1),
        ("custom-process", SOON, 3),
        ("custom-process", -LATER, 3),
        ("container-role", LATER, 1),
        ("container-role", SOON, 3),
        ("sso", LATER, 1),
        ("assume-role", LATER, 1),
        ("assume-role-with-web-identity", LATER, 1),
        ("boto-config", None, 3),
        ("iam-role", LATER, 3),
        ("iam-role", SOON, 3),
    ],
)
async def test_credentials_are_asked_for_again_when_they_may_be_others(
    place: Path, monkeypatch: pytest.MonkeyPatch, source: str, expires_in: timedelta | None, times: int
) -> None:
    calls: list[str | None] = []

    def load(profile: str | None) -> tuple[Keys, CredentialFacts]:
        calls.append(profile)
        facts = CredentialFacts(
            source=source,
            access_key_id_suffix="MPLE",
            temporary=expires_in is not None,
            expires_at=None if expires_in is None else datetime.now(UTC) + expires_in,
            role=None,
        )
        return Keys(access_key_id=KEY, secret_key=SECRET, token=None), facts

    monkeypatch.setattr(sdk_module, "load_credentials", load)
    sdk = SystemSdk()
    for _ in range(3):
        await sdk.credentials(None)
    assert len(calls) == times
    sdk.forget_credentials()
    await sdk.credentials(None)
    assert len(calls) == times + 1


def test_credentials_are_asked_for_again_when_botocore_would() -> None:
    assert REFRESH_BEFORE.total_seconds() == RefreshableCredentials._advisory_refresh_timeout


def test_the_shared_files_are_those_of_botocore() -> None:
    rows = (BOTOCORE_DEFAUT_SESSION_VARIABLES[name] for name in ("config_file", "credentials_file"))
    assert tuple((row[1], row[2]) for row in rows) == SHARED_FILES


@pytest.mark.tells_secrets(reason="the SDK, in this process, reads it from what it is told to run")
async def test_a_process_that_gives_no_expiry_is_asked_every_time(place: Path) -> None:
    keys = {"Version": 1, "AccessKeyId": KEY, "SecretAccessKey": SECRET}
    (place / "answer").write_text(json.dumps(keys))
    program = f"{sys.executable} -c \"print(open('{place / 'answer'}').read())\""
    (place / "config").write_text(f"[profile p]\ncredential_process = {program}\n")
    sdk = SystemSdk()
    assert (await sdk.credentials("p"))[0].access_key_id == KEY
    (place / "answer").write_text(json.dumps(keys | {"AccessKeyId": KEY[::-1]}))
    assert (await sdk.credentials("p"))[0].access_key_id == KEY[::-1]


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        pytest.param(
            Failed(Failure(kind=FailureKind.CREDENTIALS_INVALID, message="no", code="403"), None), True, id="refused"
        ),
        pytest.param(Skipped("no credentials"), False, id="not made"),
    ],
)
async def test_keys_that_a_call_failed_with_are_not_used_again(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, outcome: Any, again: bool
) -> None:
    call: Observation[Any] = Observation(
        subject=Subject(step=Step.API, target="backup"), outcome=outcome, started_at=None, seconds=None
    )
    of_healthy = measurement_of("healthy")

    async def measure(_: Settings, world: Any, **__: Any) -> Measurement:
        await world.sdk.credentials(None)
        return Measurement(run=of_healthy.run, targets=(), observations=(call,))

    monkeypatch.setattr(runner, "measure", measure)
    measure_here = measuring_here()
    for _ in range(2):
        await measure_here(settings_of(scenarios.load("healthy")), lambda _: None, CancelToken())
    assert asked == ["load_credentials"] * (2 if again else 1)


# --- Trust -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A file with the simulated root of Amazon."""
    file = tmp_path / "roots.pem"
    file.write_text(root_pem("amazon"), "ascii")
    return file


async def test_roots_are_loaded_once_while_their_file_is_the_same(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = SystemMachine()
    first = await machine.trust(str(bundle))
    assert await machine.trust(str(bundle)) is first
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert (await machine.trust(None)).source == first.source
    assert (await machine.trust(str(bundle.parent))).folder


async def test_a_bundle_that_is_replaced_is_loaded_anew(bundle: Path, tmp_path: Path) -> None:
    machine = SystemMachine()
    before = (await machine.trust(str(bundle))).named.get_ca_certs()
    times = bundle.stat()
    (tmp_path / "new").write_text(root_pem("corporate"), "ascii")
    (tmp_path / "new").replace(bundle)
    os.utime(bundle, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = await machine.trust(str(bundle))
    assert after.named.get_ca_certs() == trust_module.load_trust(str(bundle)).named.get_ca_certs() != before
    assert after.chain_only.get_ca_certs() == after.named.get_ca_certs()
    bundle.unlink()
    with pytest.raises(ProbeError):
        await machine.trust(str(bundle))
    bundle.write_text(root_pem("amazon"), "ascii")
    assert (await machine.trust(str(bundle))).named.get_ca_certs() == before


async def test_a_folder_is_loaded_every_time(bundle: Path) -> None:
    """OpenSSL keeps the certificates that it found in a folder, and would not read them again."""
    machine = SystemMachine()
    assert (await machine.trust(str(bundle.parent))).named is not (await machine.trust(str(bundle.parent))).named


# --- What is kept ----------------------------------------------------------------------------------------------------


def test_what_could_not_be_made_is_made_again() -> None:
    kept: Kept[int] = Kept()
    with pytest.raises(ZeroDivisionError):
        kept.get("same", lambda: 1 // 0)
    assert [kept.get("same", lambda: 1), kept.get("same", lambda: 2), kept.get("other", lambda: 3)] == [1, 1, 3]
    assert kept.get("other", lambda: 4, is_good=lambda last: last != 3) == 4


@pytest.mark.parametrize(
    ("content", "is_kept"),
    [(None, True), (b"", True), (b"k" * MAX_FILE_BYTES, True), (b"k" * (MAX_FILE_BYTES + 1), False)],
)
def test_the_content_of_a_file(tmp_path: Path, content: bytes | None, is_kept: bool) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    assert (content_of(tmp_path / "file") == content_of(tmp_path / "file")) is is_kept


def test_what_is_no_plain_file_equals_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        assert content_of(name) != content_of(name)


async def test_a_home_that_does_not_answer_takes_one_thread_however_often_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer, made = threading.Event(), []

    def sources() -> tuple[object, ...]:
        made.append(1)
        answer.wait()
        return (len(made),)

    monkeypatch.setattr(sdk_module, "_sources", sources)
    sdk = SystemSdk()
    for _ in range(3):
        for ask in (lambda: sdk.settings(None, ["backup"]), lambda: sdk.credentials(None)):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await ask()
    assert len(made) == 1
    answer.set()
    assert (await sdk.settings(None, ["backup"])).fips is False
