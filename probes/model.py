"""The vocabulary of a measurement: what a step is about, and which of three outcomes it had."""

from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Generic, TypeVar

from probes.frozen import dataclass
from probes.masks import FailureCode, Plain, Sentence

Address = IPv4Address | IPv6Address

F = TypeVar("F")


class Step(StrEnum):
    """The kinds of steps in a run, in the order in which one builds on another."""

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
    """Why a step failed. The values are part of the report and never change."""

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
    """A failure that a probe body itself recognised, such as an rcode; what libraries raise stays what it is."""

    def __init__(self, kind: FailureKind, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = code


class PortProtocol(StrEnum):
    """What is spoken on a port, and so which steps can be made there."""

    TCP = "tcp"
    """A protocol of its own: only the connection is measured."""
    TLS = "tls"
    """TLS, with a certificate for the name of the port's role; what is inside is not measured."""
    HTTPS = "https"
    """HTTPS with an AWS API behind it."""


class AnswerForm(StrEnum):
    """How a service answers, and so where its request id is."""

    JSON = "json"
    """Documents of JSON; the request id is in `x-amzn-RequestId`."""
    XML = "xml"
    """Documents of XML; the request id is in the same header, or in the document alone."""
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
    """The target header and the content type, where the protocol has them."""
    body: bytes = b""
    key: str
    """Member of a good answer: at the top of a JSON document; of an XML one in its root, `<NAME>Response`, or in the
    `<NAME>Result` there."""
    may_be_empty: bool = False
    """Whether a good answer that has nothing to list is an empty document, without `key`."""
    names_region: bool = False
    """Whether `key` is a header of each answer instead, which names the Region of what was asked for, and no answer has
    a body."""
    lists_gateways: bool = False
    """Whether the answer lists gateways under `key`, with `GatewayArn` and `LastSeenTime` in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """How to talk to a service: what is asked of it, and how its answers are known."""

    signing_name: str
    """The name that requests are signed for."""
    signing_region: str | None = None
    """The Region that requests are signed for, where that is not the target's."""
    call: SignedCall | None
    """The signed call; None where the service has none without side effects."""
    unsigned_path: str = "/"
    """What the unsigned request asks for, with its query: something that the service itself refuses."""
    answers: AnswerForm = AnswerForm.JSON
    websocket_path: str | None = None
    """Where an unsigned request asks to open a WebSocket; None for a service that is not used so."""


class Role(StrEnum):
    """How much a target's faults count: in full, as warnings, or as information."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    CONTEXT = "context"


class Addressing(StrEnum):
    """Which of a service's names a target's host is."""

    DEFAULT = "default"
    DUALSTACK = "dualstack"
    FIPS = "fips"
    FIPS_DUALSTACK = "fips-dualstack"
    GLOBAL = "global"
    """One host for several Regions, which an older setting of the SDK chooses."""
    VPCE = "vpce"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A service at a host: what a run is about."""

    id: str
    """The service name for the Region's default host, `SERVICE@HOST` for every other."""
    service: str
    region: str
    partition: str
    service_name: str | None
    """PrivateLink service name, such as `com.amazonaws.eu-west-1.backup`; None where none is known."""
    host: str
    addressing: Addressing
    role: Role
    ports: tuple[int, ...]
    required_by: tuple[str, ...] = ()
    """Workloads and options that require it; empty for a target that nothing requires."""
    bucket: str | None = None
    """The bucket of S3 that a workload on this host is set to use, for which the signed call then asks."""
    counts_with: Plain | None = None
    """The option that makes an optional target count, where a report speaks of it though this host does not use it."""
    by_any_path: bool = False
    """Whether it may be reached by any path, whatever the run expects of others."""


class _WithId:
    """A slot for the id of a subject. It is not a field, so comparisons and copies leave it out."""

    __slots__ = ("_id",)
    _id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject(_WithId):
    """What one observation is about. The id is built from it, so the same step always has the same id."""

    step: Step
    target: Plain | None = None
    address: Address | None = None
    port: int | None = None
    resolver: Address | None = None
    operation: Plain | None = None
    after: Plain | None = None
    """Id of the observation whose result this one uses."""

    @property
    def id(self) -> str:
        """The parts that are set, joined by slashes: `tcp/backup/10.0.1.17/443`."""
        try:
            return self._id
        except AttributeError:  # joined once: a run and its judging ask for it a hundred times
            parts = (self.step, self.target, self.address, self.port, self.resolver, self.operation)
            joined = "/".join([str(part) for part in parts if part is not None])
            object.__setattr__(self, "_id", joined)
            return joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a step failed."""

    kind: FailureKind
    message: Sentence
    code: FailureCode | None
    """The number or name underneath: errno name, rcode, verify code, HTTP status, AWS error code."""


@dataclass(frozen=True, slots=True)
class Ok(Generic[F]):
    """The step was made and succeeded."""

    facts: F


@dataclass(frozen=True, slots=True)
class Failed(Generic[F]):
    """The step was made and failed. What it saw before that is kept with the failure."""

    failure: Failure
    facts: F | None


DECIMALS: Final = 6
"""How many decimals a number of seconds has: the difference of two times of a clock has a tail beyond the microseconds
that it tells."""
METADATA_OFF: Final = "AWS_EC2_METADATA_DISABLED is set"
"""Why instance metadata is not asked, where that variable forbids it."""
NOT_STARTED: Final = "not started"
"""Start of the reason for a skipped step that was planned and not started when the run ended."""


STARVED: Final = "starved"
"""Code of a failure of kind `deadline`: this host kept the process from running for most of the step's time."""


ELSEWHERE: Final = "the signed call of this run is made at another address"
"""Reason for a skipped call in a run that makes one call for each service."""
UNRATED: Final = "a watch does not make the call: no rate limit is published for it, or one that a fleet would use up"
"""Reason for a skipped call of a service that a watch does not call."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """The step was not made."""

    reason: Sentence


Outcome = Ok[F] | Failed[F] | Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(Generic[F]):
    """One step that was made or skipped, with its outcome."""

    subject: Subject
    outcome: Outcome[F]
    started_at: datetime | None
    """None where the step was not made."""
    seconds: float | None

    @property
    def id(self) -> str:
        return self.subject.id

    @property
    def facts(self) -> F | None:
        """What was seen, whether the step succeeded or failed; None where it was not made."""
        return None if isinstance(self.outcome, Skipped) else self.outcome.facts

    @property
    def failure(self) -> Failure | None:
        return self.outcome.failure if isinstance(self.outcome, Failed) else None

    @property
    def ok(self) -> bool:
        return isinstance(self.outcome, Ok)

    @property
    def made(self) -> bool:
        """Whether the outcome says something about the world: the step was neither skipped, nor cut short by the end of
        the run, nor failed by a bug of this program."""
        failure = self.failure
        return self.ok or (failure is not None and failure.kind not in (FailureKind.DEADLINE, FailureKind.BUG))


@dataclass(slots=True)
class Draft(Generic[F]):
    """Where a probe body stores what it has seen so far, so that a failure does not lose it."""

    facts: F | None = None
