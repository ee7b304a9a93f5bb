"""The answers of an AWS endpoint in a simulated world, to unsigned and to signed requests. The signatures are checked.

AWS documents the texts, or users reported them (AWS Backup Developer Guide, Common Error Types; IAM User Guide,
Troubleshoot access denied error messages).
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from agent.catalog.service import Service
from agent.catalog.services import SERVICES
from agent.catalog.vpce import bucket_of_host, service_of_host
from agent.simulated.scenario import CredentialsPart, TcpPart
from probes.model import AnswerForm
from probes.steps.jobs import LISTS, JobList
from probes.steps.sigv4 import signed_headers

Reply = tuple[int, Mapping[str, str], bytes]

REQUEST_ID: Final = "20317174-17ec-464f-8ae7-f40a19aafb78"
PRINCIPAL: Final = "arn:aws:sts::111122223333:assumed-role/BackupAgent/i-0a1b2c3d4e5f67890"
CLOCK_WINDOW: Final = timedelta(minutes=5)
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_UNSIGNED: Final = (
    b"<MissingAuthenticationTokenException>\n  <Message>Missing Authentication Token</Message>\n"
    b"</MissingAuthenticationTokenException>\n"
)
_QUERY_CODES: Final = {
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "UnrecognizedClientException": "InvalidClientTokenId",
}
_METADATA: Final = f"<ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>"
_S3_ID: Final = "EXAMPLEq5gZ8sX1dUuAhe0nH3jB7y2VtKw9LrPmCzF4oTiQ6bNcS="
_CREDENTIAL: Final = re.compile(
    r"Credential=([^/]{1,128})/(\d{8})/([^/]{1,64})/([^/]{1,64})/aws4_request, SignedHeaders=([^,]+),"
)


def reply(
    row: TcpPart,
    credentials: CredentialsPart,
    now: datetime,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Reply:
    """The answer of an AWS endpoint to a request, in the protocol of the service to whose host the request goes."""
    asked = SERVICES.get(service_of_host(headers.get("host", "")) or "")
    answers = AnswerForm.JSON if asked is None else asked.answers
    status, lines, content = _reply(row, credentials, now, method, path, headers, body, answers)
    if answers is not AnswerForm.S3:
        return status, lines, content
    lines = {"x-amz-request-id": "4442587FB7D0A2F9", "x-amz-id-2": _S3_ID, "Content-Type": "application/xml"}
    host = headers.get("host", "")
    if (bucket_of_host(host) is not None or method == "HEAD") and status in (200, 403):
        lines["x-amz-bucket-region"] = row.bucket_region
        status = status if f".{row.bucket_region}." in host else 301
    return status, lines, b"" if method == "HEAD" else content


def _reply(
    row: TcpPart,
    credentials: CredentialsPart,
    now: datetime,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    answers: AnswerForm,
) -> Reply:
    def error(status: int, code: str, message: str) -> Reply:
        return _error(status, code, message, answers)

    if row.http == "fault":
        return error(503, "ServiceUnavailableException", "Service Unavailable")
    if body.startswith(b"Action=AssumeRoleWithWebIdentity&"):
        if row.role != "given":
            return error(403, "AccessDeniedException", role_denied(row))
        return 200, {"x-amzn-RequestId": REQUEST_ID, "Content-Type": "text/xml"}, _role(credentials, now)
    if answers is not AnswerForm.JSON and (method, path) == ("GET", "/"):
        return 302, {"x-amzn-RequestId": REQUEST_ID, "Location": "https://aws.amazon.com/"}, b""
    if "authorization" not in headers or row.api == "stripped":
        if answers is not AnswerForm.JSON:
            return error(403, "MissingAuthenticationTokenException", "Request is missing Authentication Token")
        return 403, {"x-amzn-RequestId": REQUEST_ID}, _UNSIGNED
    match = _CREDENTIAL.search(headers["authorization"])
    if match is None:
        return error(403, "IncompleteSignatureException", "the Authorization header cannot be read")
    _key, _date, region, service, covered = match.groups()
    if row.region and region != row.region:
        text = f"Credential should be scoped to a valid region, not '{region}'."
        return error(403, "InvalidSignatureException", text)
    signed_at = datetime.strptime(headers["x-amz-date"], _STAMP).replace(tzinfo=UTC)
    server = now + timedelta(seconds=row.clock_seconds)
    if abs(server - signed_at) > CLOCK_WINDOW:
        return error(403, "InvalidSignatureException", _clock_text(signed_at, server))
    if not _is_genuine(credentials, headers, covered, signed_at, region, service, method, path, body):
        return error(403, "InvalidSignatureException", _MISMATCH)
    jobs = next((jobs for jobs in LISTS if jobs.path == urlsplit(path).path), None)
    if method == "GET" and jobs is not None:
        return _jobs(row, server, path, jobs, error)
    if answers is AnswerForm.S3 and method == "HEAD":
        return _head_bucket(row)
    called = _service_of(service, method, path)
    if called is None:
        return error(404, "UnknownOperationException", "")
    return _judged(row, called, server, body, error)


def _head_bucket(row: TcpPart) -> Reply:
    """The answer to HeadBucket, which is a status without a body (Amazon S3 API Reference, HeadBucket)."""
    if row.bucket == "missing":
        return 404, {}, b""
    return {"good": 200, "expired": 400, "throttled": 503}.get(row.api, 403), {}, b""


def role_denied(row: TcpPart) -> str:
    """The answer of STS if the policy of its endpoint does not allow the request for a role."""
    action = "sts:AssumeRoleWithWebIdentity"
    explicit = row.role == "endpoint-policy-denies"
    why = (
        "with an explicit deny in a VPC endpoint policy"
        if explicit
        else f"because no VPC endpoint policy allows the {action} action"
    )
    return f"User: {PRINCIPAL} is not authorized to perform: {action} {why}"


def _role(credentials: CredentialsPart, now: datetime) -> bytes:
    """Credentials of a role, in the form of STS' answer for a web identity (AWS STS API Reference,
    AssumeRoleWithWebIdentity)."""
    keys = (
        f"<AccessKeyId>{credentials.access_key_id}</AccessKeyId>"
        f"<SecretAccessKey>{credentials.secret_key}</SecretAccessKey>"
        f"<SessionToken>{credentials.token}</SessionToken>"
        f"<Expiration>{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}</Expiration>"
    )
    return (
        '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<AssumeRoleWithWebIdentityResult><Credentials>{keys}</Credentials></AssumeRoleWithWebIdentityResult>"
        "</AssumeRoleWithWebIdentityResponse>"
    ).encode()


_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


def _service_of(signing_name: str, method: str, path: str) -> Service | None:
    """The service to whose signed call the method and path of a request belong; the query string does not matter."""
    for service in SERVICES.values():
        call = service.call
        if call is None or (service.signing_name, call.method) != (signing_name, method):
            continue
        if call.path.partition("?")[0] == path.partition("?")[0]:
            return service
    return None


def _judged(
    row: TcpPart, service: Service, server: datetime, body: bytes, error: Callable[[int, str, str], Reply]
) -> Reply:
    call, permission = service.call, service.permission
    if call is None or permission is None:
        raise ValueError(f"{service.name} has no signed call")
    action = permission.action
    who = f"User: {PRINCIPAL} is not authorized to perform: {action}"
    match row.api:
        case "endpoint-policy-silent":
            return error(
                403, "AccessDeniedException", f"{who} because no VPC endpoint policy allows the {action} action"
            )
        case "endpoint-policy-denies":
            return error(403, "AccessDeniedException", f"{who} with an explicit deny in a VPC endpoint policy")
        case "endpoint-policy-denies-through-organisation":
            text = f"{who} with an explicit deny in a VPC endpoint policy transitively through a service control policy"
            return error(403, "AccessDeniedException", text)
        case "identity-policy-denies":
            return error(403, "AccessDeniedException", f"{who} with an explicit deny in an identity-based policy")
        case "identity-policy":
            text = f"{who} because no identity-based policy allows the {action} action"
            return error(403, "AccessDeniedException", text)
        case "service-control-policy":
            return error(403, "AccessDeniedException", f"{who} with an explicit deny in a service control policy")
        case "resource-control-policy":
            return error(403, "AccessDeniedException", f"{who} with an explicit deny in a resource control policy")
        case "permissions-boundary":
            text = f"{who} because no permissions boundary allows the {action} action"
            return error(403, "AccessDeniedException", text)
        case "session-policy":
            return error(403, "AccessDeniedException", f"{who} because no session policy allows the {action} action")
        case "resource-policy":
            return error(403, "AccessDeniedException", f"{who} with an explicit deny in a resource-based policy")
        case "denied-without-reason":
            return error(403, "AccessDeniedException", who)
        case "expired":
            text = "The security token included in the request is expired"
            return error(403, "ExpiredTokenException", text)
        case "unknown-key":
            text = "The security token included in the request is invalid."
            return error(403, "UnrecognizedClientException", text)
        case "bad-signature":
            return error(403, "InvalidSignatureException", _MISMATCH)
        case "throttled":
            return error(400, "ThrottlingException", "Rate exceeded")
        case "not-subscribed":
            text = "The AWS Access Key Id needs a subscription for the service."
            return error(403, "OptInRequired", text)
    if service.answers is not AnswerForm.JSON:
        result = f"<{call.name}Result><{call.key}/></{call.name}Result>"
        document = f"<{call.name}Response>{result}{_METADATA}</{call.name}Response>"
        return 200, {"x-amzn-RequestId": REQUEST_ID, "Content-Type": "text/xml"}, document.encode()
    content: dict[str, object] = {call.key: []}
    if call.lists_gateways:
        asked = json.loads(body)
        start = int(asked.get("NextToken", 0))
        end = start + min(asked.get("MaxResults", row.gateways_per_page), row.gateways_per_page)
        content[call.key] = [
            {
                "GatewayArn": f"arn:aws:{service.name}:{row.region or 'eu-west-1'}:111122223333:gateway/{gateway}",
                "GatewayType": "BACKUP_VM",
                "LastSeenTime": (server - timedelta(hours=hours)).timestamp(),
            }
            for gateway, hours in list(row.gateways_seen.items())[start:end]
        ]
        if end < len(row.gateways_seen):
            content["NextToken"] = str(end)
    return 200, {"x-amzn-RequestId": REQUEST_ID, "Content-Type": "application/json"}, json.dumps(content).encode()


def _jobs(row: TcpPart, server: datetime, path: str, jobs: JobList, error: Callable[[int, str, str], Reply]) -> Reply:
    """A page of the jobs that match the query (AWS Backup API Reference, ListBackupJobs and similar operations)."""
    if row.jobs_answer == "denied":
        action = f"backup:{jobs.operation}"
        text = f"User: {PRINCIPAL} is not authorized to perform: {action} because no identity-based policy allows the"
        return error(403, "AccessDeniedException", f"{text} {action} action")
    if row.jobs_answer == "throttled":
        return error(400, "ThrottlingException", "Rate exceeded")
    asked = dict(parse_qsl(urlsplit(path).query))
    since = datetime.fromisoformat(asked["createdAfter"])
    documents = [
        {
            "AccountId": "111122223333",
            jobs.job_id: f"{place:08X}-{number:04X}-4D5E-8F90-A1B2C3D4E5F6",
            "BackupVaultName": "Default",
            ("ResourceArn" if jobs.has_resource else "SourceResourceArn"): job.resource,
            "ResourceType": job.type,
            jobs.state: job.state,
            "CreationDate": (server - timedelta(hours=job.hours_old)).timestamp(),
            "PercentDone": "0.0",
            **({"MessageCategory": job.category} if job.category is not None and jobs.has_category else {}),
            **({} if job.message is None else {"StatusMessage": job.message}),
        }
        for place, job in enumerate(row.jobs)
        for number in range(job.times)
        if job.kind == jobs.kind
        and job.state == asked[jobs.state.lower()]
        and asked.get("resourceType") in (None, job.type)
        and asked.get("resourceArn") in (None, job.resource)
        and server - timedelta(hours=job.hours_old) > since
    ]
    start = int(asked.get("nextToken", 0))
    end = start + min(int(asked["maxResults"]), row.jobs_per_page)
    content: dict[str, object] = {jobs.key: documents[start:end]}
    if end < len(documents):
        content["NextToken"] = str(end)
    return 200, {"x-amzn-RequestId": REQUEST_ID, "Content-Type": "application/json"}, json.dumps(content).encode()


def _is_genuine(
    credentials: CredentialsPart,
    headers: Mapping[str, str],
    covered: str,
    signed_at: datetime,
    region: str,
    service: str,
    method: str,
    path: str,
    body: bytes,
) -> bool:
    """Whether the signature matches the bytes that came over the wire."""
    own = ("host", "x-amz-date", "x-amz-security-token")
    again = signed_headers(
        credentials.keys(),
        service=service,
        region=region,
        at=signed_at,
        method=method,
        url=f"https://{headers['host']}{path}",
        headers=tuple((name, headers[name]) for name in covered.split(";") if name not in own),
        body=body,
    )
    return dict(again)["Authorization"] == headers["authorization"]


def _clock_text(signed_at: datetime, server: datetime) -> str:
    ours, theirs = f"{signed_at:{_STAMP}}", f"{server:{_STAMP}}"
    if signed_at < server:
        edge = f"{server - CLOCK_WINDOW:{_STAMP}}"
        return f"Signature expired: {ours} is now earlier than {edge} ({theirs} - 5 min.)"
    edge = f"{server + CLOCK_WINDOW:{_STAMP}}"
    return f"Signature not yet current: {ours} is still later than {edge} ({theirs} + 5 min.)"


def _error(status: int, code: str, message: str, answers: AnswerForm) -> Reply:
    """An error in the form of a service. In the query protocol the codes have other names (AWS STS API Reference,
    Common Errors)."""
    if answers is AnswerForm.JSON:
        headers = {"x-amzn-RequestId": REQUEST_ID, "x-amzn-ErrorType": f"{code}:http://internal.amazon.com/coral/"}
        return status, headers, json.dumps({"message": message}).encode()
    name = _QUERY_CODES.get(code, code.removesuffix("Exception"))
    fault = f"<Error><Type>Sender</Type><Code>{name}</Code><Message>{escape(message)}</Message></Error>"
    document = f"<ErrorResponse>{fault}<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    return status, {"x-amzn-RequestId": REQUEST_ID, "Content-Type": "text/xml"}, document.encode()
