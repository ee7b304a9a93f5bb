"""The AWS SDK on this host: how botocore reads the environment and the shared config files.

A `SystemSdk` may be used for many runs, as in a watch. It keeps its results while everything that botocore reads is
unchanged.
"""

import contextlib
import os
import signal
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from probes.background import CallsInBackground, in_background
from probes.facts import CredentialFacts, SdkFacts
from probes.model import FailureKind, ProbeError
from probes.seams import Keys, Reader
from probes.system.kept import Kept, content_of
from probes.system.net import SystemNet
from probes.system.netlink import LINUX
from probes.system.reader import MAX_ANSWER_BYTES, SystemReader
from probes.system.sdk_session import SdkSession, region_and_fips
from probes.urls import masked_proxy, masked_urls

SHARED_FILES: Final = (
    ("AWS_CONFIG_FILE", "~/.aws/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
)
"""The variables with the paths of the shared files, each with its default path (botocore.configprovider)."""
REFRESH_BEFORE: Final = timedelta(minutes=15)
"""How long before credentials end botocore renews them (RefreshableCredentials)."""
_WHOLLY_READ: Final = frozenset({"env", "shared-credentials-file", "config-file"})
"""botocore's names of the sources that contain the keys themselves: variables and shared files."""
_METADATA: Final = "iam-role"
"""botocore's name of instance metadata. Metadata is asked in every run, since its answer about a role can change at any
time."""


def import_botocore() -> None:
    """Import the parts of botocore for settings, credentials and signatures before a run starts. If a thread imported
    it during a run, the two would contend for the interpreter's lock. Together, they would take longer than the import
    and the run one after the other, and a tenth more CPU. Never raises an error. If the installation is broken, the
    steps that need botocore fail."""
    with contextlib.suppress(Exception):
        import botocore.auth
        import botocore.configprovider
        import botocore.credentials  # noqa: F401 - all three for those who import from them in the run


class SystemSdk:
    """Reads the environment and the shared config files by botocore, and keeps the results while these are
    unchanged."""

    def __init__(self) -> None:
        self._settings: Kept[SdkFacts] = Kept()
        self._credentials: Kept[tuple[Keys, CredentialFacts]] = Kept()
        self._calls = CallsInBackground()

    async def settings(self, profile: str | None, services: Sequence[str]) -> SdkFacts:
        source = (profile, tuple(services), await self._sources())
        return await in_background(lambda: self._settings.get(source, lambda: load_sdk_settings(profile, services)))

    async def credentials(self, profile: str | None) -> tuple[Keys, CredentialFacts]:
        source = (profile, await self._sources())
        return await in_background(
            lambda: self._credentials.get(source, lambda: load_credentials(profile), is_good=_may_be_kept)
        )

    async def _sources(self) -> tuple[object, ...]:
        """Return the content of the SDK's files and variables. The home folder may be on a file system that never
        answers."""
        return await self._calls.result_of("sources", _sources)

    def forget_credentials(self) -> None:
        """Forget kept credentials, so that the next call asks botocore's chain."""
        self._credentials.forget()

    def proxy(self, host: str, scheme: str = "https") -> str | None:
        # botocore.utils.get_environ_proxies does the same, but its import takes fifteen times as long. NO_PROXY is
        # compared with the host as it is written in a URL.
        from urllib.request import getproxies, proxy_bypass

        proxy = getproxies().get(scheme)
        return None if proxy is None or proxy_bypass(f"[{host}]" if ":" in host else host) else proxy

    def reader(
        self, keys: Keys, *, region: str, profile: str | None, ca_bundle: str | None, timeout: float, most: int
    ) -> Reader:
        return SystemReader(
            SystemNet(), keys, region=region, profile=profile, ca_bundle=ca_bundle, timeout=timeout, most=most
        )


def _may_be_kept(loaded: tuple[Keys, CredentialFacts]) -> bool:
    """Whether a long-running program would still use these credentials while the sources are unchanged."""
    _, facts = loaded
    if facts.source == _METADATA:
        return False
    if facts.expires_at is None:  # a process may return other keys at any time
        return facts.source in _WHOLLY_READ
    return facts.expires_at - datetime.now(UTC) >= REFRESH_BEFORE


def _sources() -> tuple[object, ...]:
    """Return the present content of everything from which botocore reads settings: the variables and the shared
    files."""
    # botocore.configloader.raw_config_parse expands names in this way. Path.expanduser would raise an error if there is
    # no home.
    places = (os.path.expandvars(os.environ.get(name, default)) for name, default in SHARED_FILES)
    return dict(os.environ), *(content_of(Path(os.path.expanduser(place))) for place in places)  # noqa: PTH111


def end_children(spare: Collection[int] = ()) -> None:
    """Ask every child of this process, except those with the ids `spare`, to end (proc(5),
    /proc/PID/task/TID/children).

    A credential process that hangs would outlive its run, since the thread that waits for it is not ended. A program
    must not call this if it has other children whose ids it does not know.
    """
    for task in Path("/proc/self/task").glob("*/children") if LINUX else ():
        with contextlib.suppress(OSError):  # a thread or a child that has ended meanwhile
            for child in map(int, task.read_text("ascii").split()):
                if child not in spare:
                    os.kill(child, signal.SIGTERM)


MAX_MESSAGE_CHARACTERS: Final = 300


def _discreet(message: str) -> str:
    """Return a library's message, in which URLs keep only their hosts: on ECS the path of the URL is a credential."""
    return masked_urls(message)[:MAX_MESSAGE_CHARACTERS]


def load_credentials(profile: str | None) -> tuple[Keys, CredentialFacts]:
    """Ask botocore's whole chain: environment, profiles, web identity, SSO, processes, containers, metadata. This is
    slow, and may connect to the configured source; call it in a thread. Raises ProbeError of kind `no-credentials`."""
    from botocore.credentials import get_credentials
    from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, InvalidIMDSEndpointError
    from urllib3.exceptions import LocationValueError

    _bound_answers()
    try:
        session = SdkSession(profile)
        if session.get_config_variable("region") is None and (region := os.environ.get("AWS_REGION")):
            # The CLI and the other SDKs ask the Region's host for a role. Only boto3 ignores this variable, and would
            # ask the global host of STS, for which no interface endpoint exists.
            session.set_config_variable("region", region)
        credentials = get_credentials(session)
        frozen = None if credentials is None else credentials.get_frozen_credentials()
    except CredentialRetrievalError as error:
        # The error's own text contains what a process wrote to stderr.
        provider = str(getattr(error, "kwargs", {}).get("provider", "of credentials"))
        message = f"the source {provider} failed"
        raise ProbeError(FailureKind.NO_CREDENTIALS, message, code=type(error).__name__) from error
    except (BotoCoreError, ClientError, OSError) as error:
        # The text repeats a setting that is not a URL, so that no mask would find a user and a password in it.
        cause = getattr(error, "kwargs", {}).get("error")
        is_setting = isinstance(error, InvalidIMDSEndpointError) or isinstance(cause, LocationValueError)
        message = "a setting for a source of credentials must be a URL, and is not" if is_setting else str(error)
        raise ProbeError(FailureKind.NO_CREDENTIALS, _discreet(message), code=type(error).__name__) from error
    except Exception as error:
        # The chain raises any error of its files, processes and servers. The text may contain a part of a secret, so it
        # is not repeated.
        name = type(error).__name__
        raise ProbeError(FailureKind.NO_CREDENTIALS, f"a source of credentials failed: {name}", code=name) from error
    if frozen is None:
        raise ProbeError(FailureKind.NO_CREDENTIALS, "the SDK finds no credentials in any of its places")
    if not all(isinstance(text, str) for text in (frozen.access_key, frozen.secret_key, frozen.token or "")):
        raise ProbeError(FailureKind.NO_CREDENTIALS, "a source of credentials gave no text", code="TypeError")
    if any(not text.isascii() or not text.isprintable() or " " in text for text in (*frozen[:2], frozen.token or "")):
        message = "the credentials contain a space, a line break or another character that no key has"
        raise ProbeError(FailureKind.NO_CREDENTIALS, message, code="ValueError")
    # The signer is needed next; it is imported in this thread, so that its import does not block the loop.
    import botocore.auth  # noqa: F401 - for those who import it on the loop

    facts = CredentialFacts(
        source=str(credentials.method),
        access_key_id_suffix=frozen.access_key[-4:],
        temporary=frozen.token is not None,
        expires_at=getattr(credentials, "_expiry_time", None),
        role=None,
    )
    return Keys(access_key_id=frozen.access_key, secret_key=frozen.secret_key, token=frozen.token), facts


@cache
def _bound_answers() -> None:
    """Make botocore read at most MAX_ANSWER_BYTES of an answer, everywhere in this process. By itself, botocore reads
    an answer to its end, and the metadata service (or a server in its place) may send without end."""
    from botocore.awsrequest import AWSResponse

    def content(answer: Any) -> bytes:
        if answer._content is None:
            held = bytearray()
            for piece in answer.raw.stream():
                held += piece
                if len(held) > MAX_ANSWER_BYTES:
                    answer.raw.close()
                    raise ValueError(f"an answer of over {MAX_ANSWER_BYTES} bytes")
            answer._content = bytes(held)
        return bytes(answer._content)

    AWSResponse.content = property(content)


def has_profile(name: str) -> bool:
    """Whether the shared files have a profile. True if the files cannot be read, since the run then reports the fault.
    Imports botocore, which is slow."""
    from botocore.exceptions import BotoCoreError, ProfileNotFound

    try:
        SdkSession(name).get_scoped_config()
    except ProfileNotFound:
        return False
    except (BotoCoreError, AttributeError, TypeError):  # botocore itself expects sections in the documented form
        return True
    return True


def _file_of(session: SdkSession, setting: str) -> str:
    """Return the shared file that has a setting of the session's profile. If both files have it, botocore uses the
    credentials file."""
    from botocore.configloader import raw_config_parse
    from botocore.exceptions import ConfigNotFound

    credentials = session.get_config_variable("credentials_file")
    with contextlib.suppress(ConfigNotFound):
        if setting in raw_config_parse(credentials).get(session.profile or "default", {}):
            return str(credentials)
    return str(session.get_config_variable("config_file"))


def _s3_endpoint(session: SdkSession) -> object:
    """Return the value of `us_east_1_regional_endpoint`, which botocore keeps among the settings of S3."""
    options = session.get_config_variable("s3")
    return options.get("us_east_1_regional_endpoint") if isinstance(options, dict) else None


def _sts_host(session: SdkSession, profile: str | None) -> str | None:
    """Return the host of STS from which the chain of credentials requests a role. None if no role is configured, or if
    keys in variables take precedence."""
    scoped = session.get_scoped_config()
    if profile is None and os.environ.get("AWS_ACCESS_KEY_ID"):
        return None
    by_variables = os.environ.get("AWS_ROLE_ARN") and os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if not by_variables and not scoped.get("role_arn"):
        return None
    from botocore.args import LEGACY_GLOBAL_STS_REGIONS

    if url := session.configured_url("sts"):
        return urlsplit(str(url)).hostname
    region = session.get_config_variable("region") or os.environ.get("AWS_REGION")
    legacy = session.get_config_variable("sts_regional_endpoints") == "legacy"
    # This is private to botocore; making a client, which also knows the host, takes ten times as long.
    built = session._get_internal_component("endpoint_resolver").construct_endpoint(
        "sts",
        "aws-global" if region is None or (legacy and region in LEGACY_GLOBAL_STS_REGIONS) else region,
        use_fips_endpoint=bool(session.get_config_variable("use_fips_endpoint")),
        use_dualstack_endpoint=bool(session.get_config_variable("use_dualstack_endpoint")),
    )
    return None if built is None else str(built["hostname"])


def load_sdk_settings(profile: str | None, services: Sequence[str]) -> SdkFacts:
    """Read the SDK's settings as botocore reads them for clients of `services`. Imports botocore, which is slow: call
    it in a thread. Raises ProbeError of kind `malformed`, whose code is the name of the exception or, if a value is
    nested instead of text, the name of the setting."""
    import botocore
    from botocore.exceptions import BotoCoreError

    def text(name: str, value: object) -> str | None:
        if value is None or isinstance(value, str):
            return value
        raise ProbeError(FailureKind.MALFORMED, f"the SDK's setting {name} is not text", code=name)

    try:
        session = SdkSession(profile)
        session.get_scoped_config()  # raises if the profile does not exist
        urls = {}
        for service in services:
            if url := text("endpoint_url", session.configured_url(service)):
                urls[service] = masked_proxy(url)
        named = text("region", session.get_config_variable("region"))
        region, is_fips = (None, False) if named is None else region_and_fips(named)
        from_file = named is not None and not os.environ.get("AWS_DEFAULT_REGION")
        bundle = text("ca_bundle", session.get_config_variable("ca_bundle"))
        return SdkFacts(
            version=f"botocore {botocore.__version__}",
            profile=session.profile,
            region=region,
            ca_bundle=None if bundle is None else masked_urls(bundle),
            fips=is_fips or bool(session.get_config_variable("use_fips_endpoint")),
            dual_stack=bool(session.get_config_variable("use_dualstack_endpoint")),
            endpoint_urls=urls,
            region_file=_file_of(session, "region") if from_file else None,
            sts_host=_sts_host(session, profile),
            legacy_sts=session.get_config_variable("sts_regional_endpoints") == "legacy",
            legacy_s3=_s3_endpoint(session) != "regional",
        )
    except (BotoCoreError, AttributeError, TypeError) as error:  # botocore does not check the form of sections
        raise ProbeError(FailureKind.MALFORMED, _discreet(str(error)), code=type(error).__name__) from error
