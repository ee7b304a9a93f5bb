"""Builders for observations of signed calls: credentials, calls, padded requests and proxies. Builders for other
observations are in `build`.
"""

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address
from typing import Final, TypeVar

from probes.facts import ApiFacts, CredentialFacts, HttpFacts, ProxyConnectFacts, ProxyFacts, RoleFacts
from probes.model import Failed, Failure, FailureKind, Observation, Ok, Outcome, Skipped, Step, Subject, Target
from probes.operations import INSTANCE_ROLE, METADATA_PROXY, PADDED, PROXY_CONNECT, WEBSOCKET
from tests.support.build import BACKUP, NOW, PRIVATE, Observations, healthy
from tests.support.ladders import call_of

F = TypeVar("F")

REQUEST_ID: Final = "20317174-17ec-464f-8ae7-f40a19aafb78"
NO_KEYS: Final = "no credentials"
_CODES: Final = {
    "access-denied": "AccessDeniedException",
    "credentials-expired": "ExpiredTokenException",
    "credentials-invalid": "UnrecognizedClientException",
    "signature": "InvalidSignatureException",
    "clock-skew": "InvalidSignatureException",
    "wrong-scope": "InvalidSignatureException",
    "throttled": "ThrottlingException",
    "not-subscribed": "OptInRequired",
    "service-error": "ServiceUnavailableException",
}
"""The error code of each kind of failure that only an answer from AWS can cause."""


def credentials(
    *, failed: str | None = None, code: str | None = None, message: str = "it said no", skipped: str | None = None
) -> Observation[CredentialFacts]:
    """The result of the SDK's chain of credentials."""
    facts = CredentialFacts(
        source="iam-role", access_key_id_suffix="MPLE", temporary=True, expires_at=None, role="BackupAgent"
    )
    outcome: Outcome[CredentialFacts] = Ok(facts)
    if failed is not None:
        outcome = Failed(Failure(kind=FailureKind(failed), message=message, code=code), None)
    return _observation(Subject(step=Step.CREDENTIALS), outcome, skipped)


def role(
    code: str = "AssumeRoleUnauthorizedAccess", *, failed: str | None = None, skipped: str | None = None
) -> Observation[RoleFacts]:
    """The answer of the instance metadata about the role of the instance."""
    outcome: Outcome[RoleFacts] = Ok(RoleFacts(code=code))
    if failed is not None:
        outcome = Failed(Failure(kind=FailureKind(failed), message=f"it said {failed}", code=None), None)
    return _observation(Subject(step=Step.IMDS, operation=INSTANCE_ROLE), outcome, skipped)


def api(
    address: str,
    *,
    of: str = "backup",
    failed: str | None = None,
    code: str | None = None,
    text: str | None = None,
    status: int | None = None,
    server_time: datetime | None = None,
    offset: float | None = None,
    skipped: str | None = None,
    seconds: float = 0.012,
    heard: bool = True,
) -> Observation[ApiFacts]:
    """One signed call. A result that only AWS can cause has a request id and an error code. Other failures have no
    facts. The exceptions are `not-aws`, `malformed` and `redirect`, which have facts if `heard` is true (the peer
    answered).
    """
    code = code or _CODES.get(failed or "")
    answered = heard and (failed is None or failed in _CODES or failed in ("not-aws", "malformed", "redirect"))
    facts = ApiFacts(
        operation=call_of(of.partition("@")[0]).name,
        status=status or (200 if failed in (None, "malformed", "not-aws") else 403),
        request_id=None if failed in ("not-aws", "redirect") else REQUEST_ID,
        expected_key=failed is None,
        new_connection=False,
        error_code=code if failed else None,
        error_message=text,
        server_time=server_time,
        clock_offset_seconds=offset,
        clock_uncertainty_seconds=None,
    )
    where = ip_address(address)
    subject = Subject(step=Step.API, target=of, address=where, port=443, after=f"http/{of}/{where}/443")
    outcome: Outcome[ApiFacts] = Ok(facts)
    if failed is not None:
        failure = Failure(kind=FailureKind(failed), message=text or f"it said {failed}", code=code)
        outcome = Failed(failure, facts if answered else None)
    return _observation(subject, outcome, skipped, seconds)


def answered(
    address: str,
    *,
    of: str = "backup",
    operation: str | None = None,
    failed: str | None = None,
    status: int = 403,
    request_id: str | None = REQUEST_ID,
    server: str | None = None,
    location: str | None = None,
    whole: bool = True,
    skipped: str | None = None,
    offset: float | None = 0.25,
) -> Observation[HttpFacts]:
    """One unsigned request and its answer. If `whole` is false, the run did not read the whole body of the answer."""
    facts = HttpFacts(
        status=status,
        request_id=request_id,
        date=NOW,
        clock_offset_seconds=offset,
        clock_uncertainty_seconds=None,
        server=server,
        content_type=None,
        location=location,
        body_bytes=0,
    )
    where = ip_address(address)
    grew = f"tls/{of}/{where}/443" if operation is None else f"api/{of}/{where}/443"
    subject = Subject(step=Step.HTTP, target=of, address=where, port=443, operation=operation, after=grew)
    outcome: Outcome[HttpFacts] = Ok(facts)
    if failed is not None:
        failure = Failure(kind=FailureKind(failed), message=f"it said {failed}", code=None)
        outcome = Failed(failure, facts if whole else None)
    return _observation(subject, outcome, skipped)


def padded(
    address: str, *, of: str = "backup", failed: str | None = None, skipped: str | None = None
) -> Observation[HttpFacts]:
    """The observation of one large request."""
    return answered(address, of=of, operation=PADDED, failed=failed, whole=False, skipped=skipped)


def websocket(
    address: str, *, of: str = "ssmmessages", failed: str | None = None, skipped: str | None = None
) -> Observation[HttpFacts]:
    """One request to open a WebSocket."""
    return answered(address, of=of, operation=WEBSOCKET, failed=failed, whole=False, skipped=skipped)


def connect(
    *, of: str = "backup", through: str = "http://10.0.0.9:3128", failed: str | None = None, status: int | None = 200
) -> Observation[ProxyConnectFacts]:
    """A proxy's answer to CONNECT."""
    facts = ProxyConnectFacts(proxy=through, status=status, server=None)
    subject = Subject(step=Step.HTTP, target=of, operation=PROXY_CONNECT, after=f"host/{of}/proxy")
    outcome: Outcome[ProxyConnectFacts] = Ok(facts)
    if failed is not None:
        outcome = Failed(Failure(kind=FailureKind(failed), message=f"it said {failed}", code=None), facts)
    return _observation(subject, outcome, None)


def metadata_proxy(through: str | None) -> Observation[ProxyFacts]:
    """The proxy, if any, for requests to instance metadata."""
    subject = Subject(step=Step.HOST, operation=METADATA_PROXY)
    return _observation(subject, Ok(ProxyFacts(proxy=through)), None)


def called(*targets: Target, addresses: Iterable[str] = PRIVATE) -> Observations:
    """The observations of a run with signed calls, in which every step succeeded."""
    by_id = {observation.id: observation for observation in (*healthy(*targets), credentials())}
    for target in targets or (BACKUP,):
        for address in addresses:
            observations = (api(address, of=target.id), padded(address, of=target.id))
            by_id |= {observation.id: observation for observation in observations}
    return list(by_id.values())


def _observation(subject: Subject, outcome: Outcome[F], skipped: str | None, seconds: float = 0.012) -> Observation[F]:
    if skipped is not None:
        return Observation(subject=subject, outcome=Skipped(skipped), started_at=None, seconds=None)
    return Observation(subject=subject, outcome=outcome, started_at=NOW, seconds=seconds)
