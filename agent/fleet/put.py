"""Put the record of one host into a bucket, for `fleet`, `fleet pack` and Athena. Each host has one object key per day,
so the last record of a day replaces earlier records. A host writes only below the folder of its own account, so an IAM
policy need not allow any other folder.
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
"""Maximum number of bytes that are read. This is a hundred times the size of a report."""
ATTEMPTS: Final = 3
SECONDS: Final = 5.0
"""Time limit in seconds for a connect, and for each part of an answer. The host waits during this time."""


class PutError(Exception):
    """A document cannot be put into a bucket. The message tells the operator why."""


def record_in(data: bytes) -> dict[str, Any]:
    """Return the record of a document that has exactly one record or one report. Raises PutError."""
    pieces = list(pieces_of(Source("", None, None, len(data)), io.BytesIO(data)))
    if len(pieces) != 1:
        raise PutError(f"it holds {len(pieces):,} documents instead of one report or record; `fleet pack` packs many")
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
        raise PutError("the record is redacted, so its key in the bucket is not known")
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
            f"the record names no {' and no '.join(missing)}, which its key in the bucket needs; instance metadata has "
            "them"
        )
    name = quote(host, safe="")
    if name.startswith("."):  # `fleet` ignores such a file
        name = f"%2E{name[1:]}"
    folder = f"{LINES_PREFIX}/account={account}/region={region}/dt={record['taken_at'][:10]}"
    place = f"{destination.rstrip('/')}/{folder}/{name}.json"
    try:
        folder_of(place)
    except ValueError as error:
        raise PutError(f"{place!r} {error}, and so would not be read; name another prefix") from error
    return place


def put(client: Any, place: str, record: dict[str, Any], kms_key: str | None, owner: str | None) -> None:
    """Write a record as one line, encrypted with the KMS key if one is given, otherwise with the bucket's default
    encryption. S3 refuses it if the bucket does not belong to `owner`. Raises AwsError."""
    bucket, _, key = place.removeprefix(S3).partition("/")
    asked = {} if kms_key is None else {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
    if owner is not None:
        asked["ExpectedBucketOwner"] = owner
    line = json.dumps(record, separators=(",", ":")) + "\n"
    with in_words("S3"):
        client.put_object(Bucket=bucket, Key=key, Body=line.encode(), ContentType="application/json", **asked)
