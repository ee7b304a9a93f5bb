"""The classes of a measurement: the subject of a step, and its outcome, which is Ok, Failed or Skipped."""

from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Generic, TypeVar

from probes.frozen import dataclass
from probes.masks import FailureCode, Plain, Sentence

Address = IPv4Address | IPv6Address

F = TypeVar("F")


class Step(StrEnum):
    """The kinds of steps in a run, in the order in which each builds on the earlier ones."""

    HOST = "host"
    IMDS = "imds"
    CREDENTIALS = "credentials"
    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    API = "api"
    EC2 = "ec2"


class FailureKind(StrEnum):
    """The reason for a failed step. The values are part of the report and never change."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    CLOSED = "closed"
    UNREACHABLE = "unreachable"
    PROHIBITED = "prohibited"
    NO_SOURCE_PORT = "no-source-port"
    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    SERVFAIL = "servfail"
    DNS_REFUSED = "dns-refused"
    DNS_MALFORMED = "dns-malformed"
    TLS_UNTRUSTED = "tls-untrusted"
    TLS_HOSTNAME = "tls-hostname"
    TLS_EXPIRED = "tls-expired"
    TLS_NOT_YET_VALID = "tls-not-yet-valid"
    TLS_NOT_TLS = "tls-not-tls"
    TLS_ALERT = "tls-alert"
    TLS_NO_TRUST_STORE = "tls-no-trust-store"
    NOT_AWS = "not-aws"
    REDIRECT = "redirect"
    PROXY_REFUSED = "proxy-refused"
    PROXY_AUTH = "proxy-auth"
    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    SERVICE_ERROR = "service-error"
    NO_CREDENTIALS = "no-credentials"
    CREDENTIALS_EXPIRED = "credentials-expired"
    CREDENTIALS_INVALID = "credentials-invalid"
    SIGNATURE = "signature"
    CLOCK_SKEW = "clock-skew"
    WRONG_SCOPE = "wrong-scope"
    ACCESS_DENIED = "access-denied"
    THROTTLED = "throttled"
    NOT_SUBSCRIBED = "not-subscribed"
    NOT_PERMITTED = "not-permitted"
    DEADLINE = "deadline"
    BUG = "bug"


class ProbeError(Exception):
    """A failure that a probe itself recognised, such as an rcode. Errors of libraries do not become a ProbeError."""

    def __init__(self, kind: FailureKind, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = code


class PortProtocol(StrEnum):
    """The protocol on a port, which decides the steps that can be made there."""

    TCP = "tcp"
    """Another protocol over TCP. Only the connection is measured."""
    TLS = "tls"
    """TLS, with a certificate for the name of the port's role. The content is not measured."""
    HTTPS = "https"
    """HTTPS with an AWS API behind it."""


class AnswerForm(StrEnum):
    """The form of a service's answers, which decides where the request id is."""

    JSON = "json"
    """Documents of JSON; the request id is in `x-amzn-RequestId`."""
    XML = "xml"
    """Documents of XML. The request id is in the same header, or only in the document."""
    S3 = "s3"
    """Documents of XML; the request id is in `x-amz-request-id`, next to `x-amz-id-2`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """A read-only API call that can be signed and sent to a service without side effects."""

    name: str
    """The name of the operation in the service's model."""
    method: str
    path: str
    """The path of the URL with its query."""
    headers: tuple[tuple[str, str], ...] = ()
    """The target header and the content type, if the protocol has them."""
    body: bytes = b""
    key: str
    """A member that every good answer has. In a JSON document, it is at the top. In an XML document, it is in the root
    `<NAME>Response`, or in `<NAME>Result` inside the root."""
    may_be_empty: bool = False
    """Whether a good answer may be an empty document, without `key`, if there is nothing to list."""
    names_region: bool = False
    """Whether `key` is the name of a header with the Region of the requested resource. Every answer has this header,
    and no body."""
    lists_gateways: bool = False
    """Whether the answer lists gateways under `key`, with `GatewayArn` and `LastSeenTime` in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """How to talk to a service: its requests, and how to recognize its answers."""

    signing_name: str
    """The service name in the signature of requests."""
    signing_region: str | None = None
    """The Region in the signature of requests, if it differs from the target's Region."""
    call: SignedCall | None
    """The signed call; None if every call of the service has side effects."""
    unsigned_path: str = "/"
    """The path, with query, of the unsigned request. The service itself refuses this request."""
    answers: AnswerForm = AnswerForm.JSON
    websocket_path: str | None = None
    """The path of an unsigned request to open a WebSocket; None for a service that does not use one."""


class Role(StrEnum):
    """How much a target's faults count: fully, only as warnings, or only as information."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    CONTEXT = "context"


class Addressing(StrEnum):
    """The kind of a target's host name."""

    DEFAULT = "default"
    DUALSTACK = "dualstack"
    FIPS = "fips"
    FIPS_DUALSTACK = "fips-dualstack"
    GLOBAL = "global"
    """A host for several Regions. The SDK uses it because of an older setting."""
    VPCE = "vpce"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A service at a host: the subject of a run."""

    id: str
    """The service name for the Region's default host, and `SERVICE@HOST` for every other host."""
    service: str
    region: str
    partition: str
    service_name: str | None
    """PrivateLink service name, such as `com.amazonaws.eu-west-1.backup`; None if no such name is known."""
    host: str
    addressing: Addressing
    role: Role
    ports: tuple[int, ...]
    required_by: tuple[str, ...] = ()
    """Workloads and options that require the target; empty if nothing requires it."""
    bucket: str | None = None
    """The S3 bucket that a workload on this host is configured to use; the signed call is then about this bucket."""
    counts_with: Plain | None = None
    """The option that makes an optional target count, if a report mentions the target although this host does not use
    it."""
    by_any_path: bool = False
    """Whether any path to the target is acceptable, whatever path the run expects for other targets."""


class _WithId:
    """A slot for the id of a subject. It is not a field, so that comparisons and copies ignore it."""

    __slots__ = ("_id",)
    _id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject(_WithId):
    """The subject of one observation. Its parts form the id, so the same step always has the same id."""

    step: Step
    target: Plain | None = None
    address: Address | None = None
    port: int | None = None
    resolver: Address | None = None
    operation: Plain | None = None
    after: Plain | None = None
    """Id of the observation whose result this step needs."""

    @property
    def id(self) -> str:
        """The parts that are set, joined by slashes: `tcp/backup/10.0.1.17/443`."""
        try:
            return self._id
        except AttributeError:  # joined only once: a run and its judge use the id a hundred times
            parts = (self.step, self.target, self.address, self.port, self.resolver, self.operation)
            joined = "/".join([str(part) for part in parts if part is not None])
            object.__setattr__(self, "_id", joined)
            return joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The reason for a failed step."""

    kind: FailureKind
    message: Sentence
    code: FailureCode | None
    """The number or name of the underlying error: errno name, rcode, verify code, HTTP status, AWS error code."""


@dataclass(frozen=True, slots=True)
class Ok(Generic[F]):
    """The step was made and succeeded."""

    facts: F


@dataclass(frozen=True, slots=True)
class Failed(Generic[F]):
    """The step was made and failed. It keeps the facts that were known before the failure."""

    failure: Failure
    facts: F | None


DECIMALS: Final = 6
"""Number of decimals of durations in seconds. The clock counts microseconds, so further digits are not exact."""
METADATA_OFF: Final = "AWS_EC2_METADATA_DISABLED is set"
"""The reason why instance metadata is not read if this variable forbids it."""
NOT_STARTED: Final = "not started"
"""The start of the reason for a skipped step that was planned but not started when the run ended."""


STARVED: Final = "starved"
"""The code of a failure of kind `deadline` if this host kept the process from running for most of the step's time."""


ELSEWHERE: Final = "the signed call of this run is made at another address"
"""The reason for a skipped call in a run that makes one call for each service."""
UNRATED: Final = (
    "a watch does not make the call: AWS publishes no rate limit for it, or a limit that a fleet would use up"
)
"""The reason for a skipped call of a service that a watch does not call."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """The step was not made."""

    reason: Sentence


Outcome = Ok[F] | Failed[F] | Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(Generic[F]):
    """A step, made or skipped, with its outcome."""

    subject: Subject
    outcome: Outcome[F]
    started_at: datetime | None
    """Start of the step; None if it was not made."""
    seconds: float | None

    @property
    def id(self) -> str:
        return self.subject.id

    @property
    def facts(self) -> F | None:
        """The facts of a step that was made, whether it succeeded or failed; None if it was not made."""
        return None if isinstance(self.outcome, Skipped) else self.outcome.facts

    @property
    def failure(self) -> Failure | None:
        return self.outcome.failure if isinstance(self.outcome, Failed) else None

    @property
    def ok(self) -> bool:
        return isinstance(self.outcome, Ok)

    @property
    def made(self) -> bool:
        """Whether the outcome says something about the network or the host. It does not if the step was skipped, cut
        short by the end of the run, or failed because of a bug of this program."""
        failure = self.failure
        return self.ok or (failure is not None and failure.kind not in (FailureKind.DEADLINE, FailureKind.BUG))


@dataclass(slots=True)
class Draft(Generic[F]):
    """The facts that a probe has so far. They are stored here so that a failure does not lose them."""

    facts: F | None = None
