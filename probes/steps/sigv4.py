"""Signature Version 4 at a given time (AWS IAM User Guide, AWS Signature Version 4 for API requests).

botocore does the signing. Its public function reads the clock of the process. The functions that it calls take the time
from the request's context. With them, a simulated world can sign at its own time. These functions are not public: only
this file uses them, and a test compares their result with that of the public function.
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
    """Return the headers of a signature: `X-Amz-Date`, `Authorization`, and the session token if the keys have a token.

    `headers` are further headers that the signature covers. Imports botocore's signer, which is slow the first time.
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
