"""Clients of the SDK for the sources of a fleet: S3 and Systems Manager.

A run on a host calls AWS over sockets of its own, since it measures times. Nothing is measured here, so these are
ordinary clients of boto3, with boto3's connections, retries and settings. boto3 is imported when it is first used.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

AT_ONCE: Final = 16
"""Maximum number of requests under way."""
_SECONDS: Final = 20.0
_ATTEMPTS: Final = 8
NAMES: Final = {"s3": "S3", "ssm": "Systems Manager"}
"""Full names of the services, by the SDK's names."""
_WORDS: Final = {
    "NoCredentialsError": "no AWS credentials are found",
    "NoRegionError": "no Region is known; name one with --region",
    "ProfileNotFound": "there is no such profile",
    "EndpointConnectionError": "it cannot be reached",
    "ConnectTimeoutError": "connecting to it timed out",
    "ReadTimeoutError": "it accepts the connection and does not answer",
    "ConnectionClosedError": "it closes the connection without an answer",
    "ProxyConnectionError": "the proxy cannot be reached, or refuses",
    "SSLError": "TLS failed; this host may not trust the authority of its certificate",
}
"""Explanations of the SDK's errors. The texts of other errors are not shown, since they may contain a setting with a
secret, such as the URL of a proxy."""


class AwsError(Exception):
    """AWS gave no answer, or refused. The message tells the operator why."""


def client(
    service: str, *, region: str | None, profile: str | None, seconds: float = _SECONDS, attempts: int = _ATTEMPTS
) -> Any:
    """Return a client, which threads may share. `seconds` limits the connect, and the wait for each part of an answer.
    Raises AwsError."""
    from botocore.config import Config

    from probes.system import clients

    config = Config(
        max_pool_connections=AT_ONCE,
        connect_timeout=seconds,
        read_timeout=seconds,
        # Each retry waits longer if AWS throttles; the client sends no faster than AWS answers.
        retries={"mode": "adaptive", "total_max_attempts": attempts},
        user_agent_extra="backuplink",
    )
    with in_words(NAMES[service]):
        return clients.session(profile).client(service, region_name=region, config=config)


@contextmanager
def in_words(service: str) -> Iterator[None]:
    """Turn the errors that the SDK raises in the block into AwsError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code") or "an error without a code")
        raise AwsError(f"{service} refuses {error.operation_name}: {code[:100]}") from None
    except (
        BotoCoreError,
        ValueError,
        TypeError,
        AttributeError,
        OSError,
    ) as error:  # also for settings that the SDK refuses
        name = type(error).__name__
        raise AwsError(f"{service}: {_WORDS.get(name, f'the SDK ends with {name}')}") from None
