"""Buckets of S3: the host to which requests for a bucket go, and the signed call that shows whether a bucket can be
used.

An SDK puts a bucket's name before the host of its Region. A certificate of S3 does not cover a name with a dot. Such
names, and names of an older form, go into the path of a request to the host of the Region.

Sources: Amazon S3 User Guide, General purpose bucket naming rules, Virtual hosting of general purpose buckets; Amazon
S3 API Reference, HeadBucket; the endpoint rules of S3 in botocore 1.44.8.
"""

import re
from typing import Final

from probes.frozen import dataclass
from probes.model import SignedCall

_NAME: Final = re.compile(r"(?a:[A-Za-z0-9][A-Za-z0-9._-]{2,254})")
"""The form of a bucket's name. Names from before today's rules may also have capitals and underscores."""
_BEFORE_HOST: Final = re.compile(r"(?a:[a-z0-9][a-z0-9-]{1,61}[a-z0-9])")
_HASH_OF_NOTHING: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""The SHA-256 of an empty body, since the request has no body."""
_REGION_HEADER: Final = "x-amz-bucket-region"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket that a workload is set to use."""

    name: str | None
    """The bucket's name. None if the setting cannot be the name of a bucket."""
    region: str | None
    """The Region of the bucket. None if no setting has it."""


def bucket_name(text: str) -> str | None:
    """The text, if it is a possible bucket name; otherwise None."""
    return text if _NAME.fullmatch(text) else None


def stands_before_host(bucket: str) -> bool:
    """Whether SDKs put the bucket's name in front of the host. Otherwise they put it into the path."""
    return _BEFORE_HOST.fullmatch(bucket) is not None


def host_of_bucket(bucket: str, host: str) -> str:
    """The host that SDKs call for a bucket, given the host of its Region."""
    return f"{bucket}.{host}" if stands_before_host(bucket) else host


def head_bucket(bucket: str) -> SignedCall:
    """The call that asks whether a bucket exists and may be used. S3 gives the bucket's Region in a header of each
    answer. Requests to S3 must have the hash of their body in a header (IAM User Guide, Create a signed AWS API
    request)."""
    return SignedCall(
        name="HeadBucket",
        method="HEAD",
        path="/" if stands_before_host(bucket) else f"/{bucket}",
        headers=(("X-Amz-Content-SHA256", _HASH_OF_NOTHING),),
        key=_REGION_HEADER,
        names_region=True,
    )
