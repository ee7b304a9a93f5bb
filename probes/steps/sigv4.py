"""Signature Version 4 at a given time (AWS IAM User Guide, AWS Signature Version 4 for API requests).

The signing itself is botocore's. Its public entry reads the clock of its own process; the parts under it take a time
from the request's context, so a simulated world signs at its own time. Those parts are not public: they are used in
this file alone, and a test holds the result against the public entry.
"""

from datetime import UTC, datetime
from typing import Any

from probes.seams import Keys


def signed_headers(
    keys: Keys,
    *,
    service: str,
    region: str,
    at: datetime,
    method: str,
    url: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
) -> tuple[tuple[str, str], ...]:
    """The headers that make a request signed: `X-Amz-Date`, the session token where there is one, `Authorization`.

    `headers` are those that the signature covers besides. Imports botocore's signer: call it where that is loaded.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import ReadOnlyCredentials

    signer: Any = SigV4Auth(ReadOnlyCredentials(keys.access_key_id, keys.secret_key, keys.token), service, region)
    request: Any = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    request.context["timestamp"] = stamp
    request.headers["X-Amz-Date"] = stamp
    if keys.token:
        request.headers["X-Amz-Security-Token"] = keys.token
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signer._inject_signature_to_request(request, signature)
    wanted = ("X-Amz-Date", "X-Amz-Security-Token", "Authorization")
    return tuple((name, str(request.headers[name])) for name in wanted if name in request.headers)
