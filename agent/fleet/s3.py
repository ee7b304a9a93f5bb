"""Records and reports in S3: keys are listed in pages, and objects read by several threads at once."""

from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Any, Final

from agent.fleet.aws import AwsError, in_words
from agent.fleet.places import BUCKET, S3, is_taken, sweep_of
from agent.fleet.store import Source

PAGE: Final = 1_000
"""The number of keys in one answer, which is the maximum of S3."""
MAX_OBJECT: Final = 256 << 20
"""Maximum size in bytes of an object, which is read into memory. An object with the 300,000 records of a day is
smaller."""


def listed(client: Any, place: str, cancelled: Callable[[], bool]) -> Iterator[Source]:
    """Yield the objects below `s3://BUCKET/PREFIX` that may hold records. Raises AwsError."""
    bucket, _, prefix = place.removeprefix(S3).partition("/")
    if not BUCKET.fullmatch(bucket):
        raise AwsError("there is no bucket in it: s3://BUCKET/PREFIX belongs here")
    with in_words("S3"):
        for page in client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": PAGE}
        ):
            if cancelled():
                return
            for entry in page.get("Contents", ()):
                key, size = str(entry["Key"]), int(entry.get("Size", 0))
                if size and (key == prefix or is_taken(key)):
                    written = entry["LastModified"].astimezone(UTC).date()
                    yield Source(f"{S3}{bucket}/{key}", entry.get("ETag"), sweep_of(key, written), size)


def content_of(client: Any, source: Source) -> bytes:
    """Return the content of an object. Raises AwsError."""
    bucket, _, key = source.name.removeprefix(S3).partition("/")
    if source.size > MAX_OBJECT:
        raise AwsError(f"is larger than {MAX_OBJECT >> 20} MiB; copy it and read the copy")
    with in_words("S3"):
        # Only the version that was listed: a newer version has another tag, but the cache would store it under the old
        # tag.
        matching = {} if source.tag is None else {"IfMatch": source.tag}
        answer = client.get_object(Bucket=bucket, Key=key, **matching)
        data: bytes = answer["Body"].read(MAX_OBJECT + 1)
    if len(data) > MAX_OBJECT:
        raise AwsError(f"is larger than {MAX_OBJECT >> 20} MiB; copy it and read the copy")
    return data


def held(client: Any, place: str) -> tuple[bytes | None, str | None]:
    """Return the content and the tag of an object; None for both if it does not exist. Raises AwsError."""
    from botocore.exceptions import ClientError

    bucket, _, key = place.removeprefix(S3).partition("/")
    with in_words("S3"):
        try:
            answer = client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                return None, None
            raise
        return answer["Body"].read(), answer["ETag"]


def put(client: Any, place: str, data: bytes, tag: str | None) -> None:
    """Write an object. With a tag, the write replaces the object only if it still has this tag. Without a tag, the
    object must not exist yet. So a change by another writer is never lost. Raises AwsError."""
    bucket, _, key = place.removeprefix(S3).partition("/")
    unchanged = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
    with in_words("S3"):
        client.put_object(Bucket=bucket, Key=key, Body=data, **unchanged)
