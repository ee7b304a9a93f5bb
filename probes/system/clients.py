"""boto3's sessions and clients, with the additions of this program. Importing this module imports boto3, which is slow.

boto3 does as much as possible: endpoints, signing, retries, parsing. For the reads of a run, this program adds its own
copy of a part of botocore's data: only the operations that it uses (`FOLDER`, which `./dev docs` writes with
packaging/generate/service_models.py). Loading the full list of endpoints and the full model of EC2 takes 30 MiB and 80
ms of CPU, during which no other thread runs.
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
"""The services that are read. boto3 and IAM have the same names for them."""
ATTEMPTS: Final = 2
"""Maximum number of attempts for a request."""


class ReadsLoader(Loader):  # type: ignore[misc]  # botocore ships no types
    """botocore's loader with FOLDER among its folders: after the user's folder (`data_path`, from the SDK's settings)
    and before botocore's own folder."""

    def __init__(self, data_path: str | None) -> None:
        super().__init__(create_loader(data_path).search_paths, include_default_search_paths=False)
        self.search_paths.insert(self.search_paths.index(Loader.BUILTIN_DATA_PATH), str(FOLDER))

    def is_builtin_path(self, path: str) -> bool:
        """Whether a file belongs to botocore or this program, and not to the user. botocore asks this
        because a user's own list of endpoints takes the place of a service's endpoint rules."""
        return path.startswith(str(FOLDER)) or bool(super().is_builtin_path(path))

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services that are read. botocore would look through the folders of four hundred services, which
        takes 8 ms."""
        return list(SERVICES)


def session(profile: str | None) -> Any:
    """Return a boto3 session for a profile. Not thread-safe. Raises botocore's errors for settings that it refuses:
    BotoCoreError, ValueError, TypeError, AttributeError."""
    return boto3.session.Session(botocore_session=botocore.session.Session(profile=profile))


def reads(profile: str | None, keys: Keys) -> Any:
    """Return a session for `SystemReader` that signs with `keys`. Raises the errors of `session`."""
    core = botocore.session.Session(profile=profile)
    core.set_config_variable("csm_enabled", False)  # a run sends only its own requests
    core.register_component("data_loader", ReadsLoader(core.get_config_variable("data_path")))
    core.set_credentials(keys.access_key_id, keys.secret_key, keys.token)
    return boto3.session.Session(botocore_session=core)


def reading(of: Any, service: str, region: str) -> Any:
    """Return a client from a session of `reads`. Threads may share the client. Raises the errors of `session`."""
    config = Config(
        user_agent_extra="backuplink",
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        defaults_mode="legacy",  # another mode may read instance metadata
    )
    ca_bundle(of)
    return of.client(service, region_name=region, config=config)


def ca_bundle(of: Any) -> str | None:
    """Return the setting of the SDK for its trusted roots; None if the SDK uses its own roots. Raises TypeError if the
    setting is not text."""
    bundle = of._session.get_config_variable("ca_bundle")
    if not isinstance(bundle, str | None):
        raise TypeError("ca_bundle is not a text")
    return bundle


class UnansweredError(HTTPClientError):  # type: ignore[misc]  # botocore ships no types
    """A request was not answered. botocore makes another attempt only after an error of this class."""

    def __init__(self, failure: ProbeError) -> None:
        super().__init__(error=failure.kind)
        self.failure = failure


def response_of(url: str, response: Response) -> Any:
    """Return a response in the form of botocore's own connections."""
    return AWSResponse(url, response.status, dict(response.headers), _Body(response.body))


class _Body:
    """The body of a response, in the form of urllib3's body, which botocore can read."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object) -> Iterator[bytes]:
        yield self._body
