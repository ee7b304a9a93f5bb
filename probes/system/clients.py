"""boto3's sessions and clients, with what this program adds to them. Importing this module imports boto3: slow.

Everything that boto3 does is left to it: endpoints, signing, retries, parsing. Added for a run's reads is botocore's
data with what is read alone. Its list of endpoints and its model of EC2 are so large that to load them takes 80 ms of
CPU, in which no other thread proceeds, and 30 MiB (`FOLDER`; `./dev docs` writes it by
packaging/generate/service_models.py).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import boto3.session
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import HTTPClientError
from botocore.loaders import Loader, create_loader

from probes.model import ProbeError
from probes.seams import Keys
from probes.steps.http import Response
from probes.vpc.accounts import ACTIONS
from probes.vpc.model import READS

FOLDER: Final = Path(__file__).parent / "service_models"
SERVICES: Final = tuple(
    sorted(
        {
            action.partition(":")[0]
            for action in (*(action for read in READS.values() for action in read.actions), *ACTIONS)
        }
    )
)
"""What is read, as boto3 names services; IAM has the same names for them."""
ATTEMPTS: Final = 2
"""How often a request is sent at most: once, and once again."""


class ReadsLoader(Loader):  # type: ignore[misc]  # botocore ships no types
    """botocore's loader, which finds in FOLDER what is there, after the folders of the user (`data_path`, as the SDK is
    set to) and before botocore's own."""

    def __init__(self, data_path: str | None) -> None:
        super().__init__(create_loader(data_path).search_paths, include_default_search_paths=False)
        self.search_paths.insert(self.search_paths.index(Loader.BUILTIN_DATA_PATH), str(FOLDER))

    def is_builtin_path(self, path: str) -> bool:
        """Whether a file is not the user's own. A user's list of endpoints outranks the rules of a service."""
        return path.startswith(str(FOLDER)) or bool(super().is_builtin_path(path))

    def list_available_services(self, type_name: str) -> list[str]:
        """The services that are read. botocore looks through the folders of four hundred, which takes 8 ms."""
        return list(SERVICES)


def session(profile: str | None) -> Any:
    """A session of boto3 for a profile. Not thread-safe. Raises what botocore raises for settings that it refuses:
    BotoCoreError, ValueError, TypeError, AttributeError."""
    return boto3.session.Session(botocore_session=botocore.session.Session(profile=profile))


def reads(profile: str | None, keys: Keys) -> Any:
    """A session for `SystemReader`, which signs with `keys`. Raises as `session` does."""
    core = botocore.session.Session(profile=profile)
    core.set_config_variable("csm_enabled", False)  # a run sends nothing but its requests
    core.register_component("data_loader", ReadsLoader(core.get_config_variable("data_path")))
    core.set_credentials(keys.access_key_id, keys.secret_key, keys.token)
    return boto3.session.Session(botocore_session=core)


def reading(of: Any, service: str, region: str) -> Any:
    """A client of such a session, which threads may share. Raises as `session` does."""
    config = Config(
        user_agent_extra="backuplink",
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        defaults_mode="legacy",  # another mode may ask instance metadata
    )
    ca_bundle(of)
    return of.client(service, region_name=region, config=config)


def ca_bundle(of: Any) -> str | None:
    """The trusted roots that the SDK is set to; None where it takes its own. Raises TypeError for another value."""
    bundle = of._session.get_config_variable("ca_bundle")
    if not isinstance(bundle, str | None):
        raise TypeError("ca_bundle is not a text")
    return bundle


class UnansweredError(HTTPClientError):  # type: ignore[misc]  # botocore ships no types
    """A request was not answered; botocore may try again, as it does for this class of errors alone."""

    def __init__(self, failure: ProbeError) -> None:
        super().__init__(error=failure.kind)
        self.failure = failure


def response_of(url: str, response: Response) -> Any:
    """A response as botocore's own connections give it."""
    return AWSResponse(url, response.status, dict(response.headers), _Body(response.body))


class _Body:
    """The body of a response in the form of urllib3's, which botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object) -> Iterator[bytes]:
        yield self._body
