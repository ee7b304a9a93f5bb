"""Put the record of one host into a bucket, for `fleet`, `fleet pack` and Athena. Each host has one key a day.

The last record of a day replaces earlier ones. A host may write below the folder of its own account alone, so an IAM
policy can name that folder.
"""

import io
import json
from typing import Any, Final
from urllib.parse import quote

from agent.catalog.partitions import is_region
from agent.fleet.athena import ACCOUNT, LINES_PREFIX
from agent.fleet.aws import in_words
from agent.fleet.places import BUCKET, S3, folder_of
from agent.fleet.records import pieces_of
from agent.fleet.store import Source

MAX_CONTENT: Final = 64 << 20
"""Maximum number of bytes that are read: a report has a hundredth of it."""
ATTEMPTS: Final = 3
SECONDS: Final = 5.0
"""Time limit for a connect and for each part of an answer, while the host waits."""


class PutError(Exception):
    """A document that cannot be put into a bucket; the reason is in words for the operator."""


def record_in(data: bytes) -> dict[str, Any]:
    """Return the one record in a document, or the record of its one report. Raises PutError."""
    pieces = list(pieces_of(Source("", None, None, len(data)), io.BytesIO(data)))
    if len(pieces) != 1:
        raise PutError(
            f"it holds {len(pieces):,} documents; one report or record belongs here, and `fleet pack` packs many"
        )
    if pieces[0].line is None:
        raise PutError(str(pieces[0].why))
    record: dict[str, Any] = json.loads(pieces[0].line)
    return record


def place_of(record: dict[str, Any], destination: str) -> str:
    """Return the address of a record below `s3://BUCKET/PREFIX`. Raises PutError if the record does not name its
    account."""
    if not destination.startswith(S3) or not BUCKET.fullmatch(destination.removeprefix(S3).partition("/")[0]):
        raise PutError(f"{destination!r} is not a bucket; s3://BUCKET/PREFIX belongs there")
    if record["redacted"]:
        raise PutError("the record is redacted, so it has no place of its own")
    account, region, host = (record[name] for name in ("account", "region", "host"))
    missing = [
        name
        for name, known in (
            ("account", account is not None and ACCOUNT.fullmatch(account)),
            ("Region", region is not None and is_region(region)),
            ("host", host),
        )
        if not known
    ]
    if missing:
        raise PutError(
            f"the record names no {' and no '.join(missing)}, which its key needs; instance metadata tells them"
        )
    name = quote(host, safe="")
    if name.startswith("."):  # such a file is ignored in a folder
        name = f"%2E{name[1:]}"
    folder = f"{LINES_PREFIX}/account={account}/region={region}/dt={record['taken_at'][:10]}"
    place = f"{destination.rstrip('/')}/{folder}/{name}.json"
    try:
        folder_of(place)
    except ValueError as error:
        raise PutError(f"{place!r} {error}, and so would not be read; name another prefix") from error
    return place


def put(client: Any, place: str, record: dict[str, Any], kms_key: str | None, owner: str | None) -> None:
    """Write a record as one line, encrypted with a KMS key if one is named, else by the bucket's default. S3 refuses it
    if the bucket does not belong to `owner`. Raises AwsError."""
    bucket, _, key = place.removeprefix(S3).partition("/")
    asked = {} if kms_key is None else {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
    if owner is not None:
        asked["ExpectedBucketOwner"] = owner
    line = json.dumps(record, separators=(",", ":")) + "\n"
    with in_words("S3"):
        client.put_object(Bucket=bucket, Key=key, Body=line.encode(), ContentType="application/json", **asked)
