"""The hosts of buckets, and the signed call to a bucket, compared with the request of a botocore client."""

from typing import Any, Final

import botocore.awsrequest
import botocore.session
import pytest
from botocore.config import Config

from agent.catalog.buckets import bucket_name, head_bucket, host_of_bucket
from agent.catalog.services import SERVICES, call_of, host_of, is_own_call, permission_of
from agent.catalog.vpce import bucket_of_host, service_of_host
from tests.support.build import target

REGIONS: Final = ("eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1")
NAMES: Final = (
    "example-hana-backups",
    "abc",
    "a" * 63,
    "hana.backups.example.com",
    "1.2.3",
    "UPPER-and_under",
    "a_b",
    "-ends",
    "x" * 64,
)


class SentError(Exception):
    """Raised in place of an answer."""


def sent_by_botocore(bucket: str, region: str) -> Any:
    """The HeadBucket request of a botocore client."""
    session = botocore.session.Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "secret")
    client = session.create_client(
        "s3", region_name=region, config=Config(s3={"us_east_1_regional_endpoint": "regional"})
    )
    requests = []

    def keep(request: botocore.awsrequest.AWSPreparedRequest, **_: Any) -> None:
        requests.append(request)
        raise SentError

    client.meta.events.register("before-send.s3.HeadBucket", keep)
    with pytest.raises(SentError):
        client.head_bucket(Bucket=bucket)
    return requests[0]


@pytest.mark.parametrize("region", REGIONS)
def test_the_call_is_what_a_client_of_botocore_sends(region: str) -> None:
    for bucket in (name for name in NAMES if bucket_name(name) is not None and len(name) < 64):
        theirs, ours = sent_by_botocore(bucket, region), head_bucket(bucket)
        host = host_of_bucket(bucket, host_of("s3", region, fips=False, dual_stack=False))
        assert (theirs.method, theirs.url) == (ours.method, f"https://{host}{ours.path}")
        signed = theirs.headers["Authorization"].decode().partition("SignedHeaders=")[2].partition(",")[0]
        assert {name.lower() for name, _ in ours.headers} <= set(signed.split(";"))
        assert [theirs.headers[name].decode() for name, _ in ours.headers] == [value for _, value in ours.headers]
        assert f"/{region}/s3/aws4_request" in theirs.headers["Authorization"].decode()


@pytest.mark.parametrize(
    ("text", "is_name"),
    [
        *((name, True) for name in NAMES if name != "-ends"),
        *(
            (text, False)
            for text in ("", "ab", "-ends", "a/b", "s3://abc", "../abc", "a b c", "bücket", "abc\n", "a?b")
        ),
    ],
)
def test_what_can_be_the_name_of_a_bucket(text: str, is_name: bool) -> None:
    assert (bucket_name(text) is not None) is is_name


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("backups.s3.eu-west-1.amazonaws.com", "backups"),
        ("backups.s3.cn-north-1.amazonaws.com.cn", "backups"),
        ("s3.eu-west-1.amazonaws.com", None),
        ("a.backups.s3.eu-west-1.amazonaws.com", None),
        ("backups.s3.nowhere-1.amazonaws.com", None),
        ("backups.ssm.eu-west-1.amazonaws.com", None),
        ("bucket.vpce-0a1b2c3d4e5f60718-lj2wisx3.s3.eu-west-1.vpce.amazonaws.com", None),
        ("UP.s3.eu-west-1.amazonaws.com", None),
        ("", None),
    ],
)
def test_the_bucket_in_a_host(host: str, bucket: str | None) -> None:
    assert bucket_of_host(host) == bucket
    assert (service_of_host(host) == "s3") is (bucket is not None or host.startswith("s3."))


def test_a_target_s_call_is_that_at_its_bucket() -> None:
    plain = target("s3")
    assert (call_of(plain), permission_of(plain), is_own_call(plain)) == (None, None, False)
    of_bucket = target("s3", bucket="backups")
    call, permission = call_of(of_bucket), permission_of(of_bucket)
    assert call == head_bucket("backups")
    assert permission is not None
    assert permission.resource.format(partition="aws", bucket="backups") == "arn:aws:s3:::backups"
    assert is_own_call(of_bucket)
    backup = target("backup")
    assert (call_of(backup), permission_of(backup)) == (SERVICES["backup"].call, SERVICES["backup"].permission)
