"""Error codes of AWS and their meaning, in one table for both kinds of request: calls and reads.

A *call* is the signed call that proves access to a measured service. A *read* asks EC2, Route 53 Resolver or Route 53
for the configuration. Four codes have different meanings for calls and reads: a refused call is a finding about the
path (`access-denied`, by the policy of an endpoint or an identity), while a refused read only leaves the configuration
unknown (`not-permitted`). A code that AWS documents only for one kind of request is unknown for the other kind, for
which the status then decides.

Two codes may mean the time of a signature, its scope, or the signature itself; the text of the answer tells which.
`RequestExpired` has two meanings that the text does not tell apart: `also` is the second, and the judge decides.

Sources: AWS Backup Developer Guide, Common Error Types; Amazon EC2 API Reference, Error codes; Route 53 Resolver and
Route 53 API References, Common Errors; AWS STS API Reference, Common Errors.
"""

import re
from dataclasses import replace
from typing import Final

from probes.frozen import dataclass
from probes.model import FailureKind

MIN_SECRET_CHARACTERS: Final = 16
"""Length of the shortest access key id (IAM API Reference, AccessKey). A shorter text gives no access to AWS, so it is
not masked in messages. For example, `test` may be the key for a simulated AWS, but is also a word that messages
need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCode:
    """The kinds of failure that an error code means for a call and for a read. A kind is None if the code is unknown
    for such a request."""

    call: FailureKind | None
    read: FailureKind | None
    also: FailureKind | None = None
    """A second possible meaning. The answer does not show which of the two is meant."""


def _both(kind: FailureKind) -> ErrorCode:
    return ErrorCode(call=kind, read=kind)


def _call(kind: FailureKind) -> ErrorCode:
    return ErrorCode(call=kind, read=None)


def _read(kind: FailureKind) -> ErrorCode:
    return ErrorCode(call=None, read=kind)


_REFUSED: Final = ErrorCode(call=FailureKind.ACCESS_DENIED, read=FailureKind.NOT_PERMITTED)

ERROR_CODES: Final = {
    "AccessDenied": _REFUSED,
    "AccessDeniedException": _REFUSED,
    "NotAuthorized": _REFUSED,
    "UnauthorizedOperation": _REFUSED,
    "Client.UnauthorizedOperation": _read(FailureKind.NOT_PERMITTED),
    "ExpiredToken": _both(FailureKind.CREDENTIALS_EXPIRED),
    "ExpiredTokenException": _both(FailureKind.CREDENTIALS_EXPIRED),
    "AuthFailure": _both(FailureKind.CREDENTIALS_INVALID),
    "InvalidClientTokenId": _both(FailureKind.CREDENTIALS_INVALID),
    "UnrecognizedClientException": _both(FailureKind.CREDENTIALS_INVALID),
    "InvalidAccessKeyId": _call(FailureKind.CREDENTIALS_INVALID),
    "InvalidToken": _call(FailureKind.CREDENTIALS_INVALID),
    "InvalidSignatureException": _both(FailureKind.SIGNATURE),
    "SignatureDoesNotMatch": _both(FailureKind.SIGNATURE),
    "IncompleteSignature": _both(FailureKind.SIGNATURE),
    "IncompleteSignatureException": _both(FailureKind.SIGNATURE),
    "MissingAuthenticationToken": _both(FailureKind.SIGNATURE),
    "MissingAuthenticationTokenException": _both(FailureKind.SIGNATURE),
    # EC2 uses this code for a signature with a wrong time, and for an expired session token (aws-sdk-go,
    # aws/request/retryer.go).
    "RequestExpired": replace(_both(FailureKind.CLOCK_SKEW), also=FailureKind.CREDENTIALS_EXPIRED),
    "RequestTimeTooSkewed": _call(FailureKind.CLOCK_SKEW),
    "RequestLimitExceeded": _both(FailureKind.THROTTLED),
    "Throttling": _both(FailureKind.THROTTLED),
    "ThrottlingException": _both(FailureKind.THROTTLED),
    "ThrottledException": _read(FailureKind.THROTTLED),
    "TooManyRequestsException": _both(FailureKind.THROTTLED),
    "OptInRequired": _both(FailureKind.NOT_SUBSCRIBED),
    "PendingVerification": _both(FailureKind.NOT_SUBSCRIBED),
    "Blocked": _both(FailureKind.NOT_SUBSCRIBED),
    "SubscriptionRequiredException": _call(FailureKind.NOT_SUBSCRIBED),
    "RequestTimeoutException": _call(FailureKind.SERVICE_ERROR),
}
"""The kinds of failure for each error code. The code is shortened as botocore does."""

_UNKNOWN: Final = ErrorCode(call=None, read=None)

_TEXTS: Final = (
    (re.compile(r"Signature\s+(?:expired|not\s+yet\s+current)"), FailureKind.CLOCK_SKEW),
    (
        re.compile(r"Credential\s+should\s+be\s+scoped|in\s+Credential\s+scope", re.IGNORECASE),
        FailureKind.WRONG_SCOPE,
    ),
)
"""Texts of a refused signature, with their meaning. With any other text, the signature itself is wrong."""


def kind_for_call(code: str, text: str = "") -> FailureKind | None:
    """Return the kind of failure for this code and text in the answer to the signed call; None for an unknown code."""
    return _of_text(ERROR_CODES.get(code, _UNKNOWN).call, text)


def kind_for_read(code: str, text: str = "") -> FailureKind | None:
    """Return the kind of failure for this code and text in the answer to a read of the configuration; None for an
    unknown code."""
    return _of_text(ERROR_CODES.get(code, _UNKNOWN).read, text)


def also_means(code: str | None) -> FailureKind | None:
    """Return the second meaning of a code, if the code has two meanings and the answer does not show which one is
    meant. Otherwise None."""
    return ERROR_CODES.get(code or "", _UNKNOWN).also


def _of_text(kind: FailureKind | None, text: str) -> FailureKind | None:
    if kind is not FailureKind.SIGNATURE:
        return kind
    return next((meaning for pattern, meaning in _TEXTS if pattern.search(text)), kind)
