"""Our signing is compared with the SDK's public function: the same request at the same time must have the same
signature.
"""

import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from agent.catalog.services import host_of
from probes.seams import Keys
from probes.steps.sigv4 import signed_headers
from tests.support.ladders import CALLS

KEY: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example
TOKEN: Final = "IQoJb3JpZ2luX2VjE+/=="  # noqa: S105 - of nobody
REGIONS: Final = (
    *("eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"),
    *("us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"),
)
HOSTS: Final = (
    *((region, host_of("backup", region, fips=False, dual_stack=False)) for region in REGIONS),
    ("eu-west-1", host_of("backup", "eu-west-1", fips=True, dual_stack=True)),
    ("eu-west-1", "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com"),
    ("eu-west-1", "vpce-0a1b2c3d4e5f67890-abcdefgh-eu-west-1a.backup.eu-west-1.vpce.amazonaws.com"),
    ("cn-north-1", "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.cn-north-1.vpce.amazonaws.com.cn"),
)
GATEWAY: Final = CALLS["backup-gateway"]
REQUESTS: Final[dict[str, tuple[str, str, str, tuple[tuple[str, str], ...], bytes]]] = {
    "a query": ("backup", "GET", "/backup-vaults/?maxResults=1", (), b""),
    "a query to be put in order": ("backup", "GET", "/backup-jobs/?z=1&a=%20b&a=a", (), b""),
    "a path to be escaped": ("backup", "GET", "/backup-vaults/a%20b/", (), b""),
    "a body": ("backup-gateway", "POST", "/", GATEWAY.headers, GATEWAY.body),
    "white space in a header": (
        "backup-gateway",
        "POST",
        "/",
        (("X-Amz-Target", "  a   b "),),
        b"\x00\xff",
    ),
    "a form": ("sts", "POST", "/", (("Content-Type", "application/x-www-form-urlencoded"),), b"Action=X&Version=1"),
}


def by_the_sdk(
    token: str | None,
    service: str,
    region: str,
    method: str,
    url: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
) -> dict[str, str]:
    """The headers that the SDK adds when it signs a request."""
    request: Any = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    SigV4Auth(ReadOnlyCredentials(KEY, SECRET, token), service, region).add_auth(request)
    own = {name for name, _ in headers}
    return {name: str(value) for name, value in request.headers.items() if name not in own}


@pytest.mark.parametrize("request_of", REQUESTS)
@pytest.mark.parametrize("token", [None, TOKEN], ids=["no token", "a token"])
def test_the_sdk_signs_the_same(request_of: str, token: str | None) -> None:
    service, method, path, headers, body = REQUESTS[request_of]
    for region, host in HOSTS:
        url = f"https://{host}{path}"
        theirs = by_the_sdk(token, service, region, method, url, headers, body)
        # The SDK signs for the time of its own clock, and writes this time into the request. We must sign for the same
        # time.
        at = datetime.strptime(theirs["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        keys = Keys(access_key_id=KEY, secret_key=SECRET, token=token)
        ours = signed_headers(
            keys, service=service, region=region, at=at, method=method, url=url, headers=headers, body=body
        )
        assert dict(ours) == theirs, host


def signature(**changed: Any) -> str:
    request: dict[str, Any] = {
        "service": "backup",
        "region": "eu-west-1",
        "at": datetime(2026, 1, 15, 3, 0, tzinfo=UTC),
        "method": "GET",
        "url": "https://backup.eu-west-1.amazonaws.com/backup-vaults/?maxResults=1",
        "headers": (),
        "body": b"",
    }
    keys = Keys(access_key_id=KEY, secret_key=changed.pop("secret_key", SECRET), token=changed.pop("token", None))
    return dict(signed_headers(keys, **{**request, **changed}))["Authorization"]


def test_everything_that_is_signed_changes_the_signature() -> None:
    signed = [
        signature(),
        signature(secret_key="another"),  # noqa: S106 - of nobody
        signature(token=TOKEN),
        signature(service="backup-gateway"),
        signature(region="us-east-1"),
        signature(at=datetime(2026, 1, 15, 3, 0, 1, tzinfo=UTC)),
        signature(method="POST"),
        signature(url="https://backup.us-east-1.amazonaws.com/backup-vaults/?maxResults=1"),
        signature(url="https://backup.eu-west-1.amazonaws.com/backup-vaults/?maxResults=2"),
        signature(url="https://backup.eu-west-1.amazonaws.com/backup-vaults?maxResults=1"),
        signature(headers=(("Content-Type", "x"),)),
        signature(body=b"x"),
    ]
    for one, other in itertools.combinations(signed, 2):
        assert one.rpartition("=")[2] != other.rpartition("=")[2]


def test_the_time_is_utc_whatever_zone_it_is_said_in() -> None:
    elsewhere = datetime(2026, 1, 15, 8, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert signature(at=elsewhere) == signature()


def test_a_day_is_that_of_utc() -> None:
    late = datetime(2026, 1, 15, 23, 30, tzinfo=timezone(timedelta(hours=-8)))
    assert f"Credential={KEY}/20260116/eu-west-1/backup/aws4_request, " in signature(at=late)
