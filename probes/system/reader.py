"""botocore's clients, only for reads: what EC2, Route 53, its Resolver and its Profiles answer, or why they do not.

botocore is slow to import, creating its sessions and clients is not thread-safe, and its calls block. So it is
imported, set up and called in daemon threads, with a lock around all that is created; a caller that gives up leaves a
thread behind that is never joined. The SDK decides where a call goes (endpoint URLs, FIPS, dual stack, proxies, trusted
roots) and what a request and an answer look like. Two things are cheaper than in a client as it comes: the models hold
only the operations that are read (`probes.system.service_models`), and trusted roots are loaded once.

botocore's `before-send` event comes before every attempt, retries included, and what its handler returns takes the
place of the answer. The handler here counts, and reads no more of an answer than MAX_ANSWER_BYTES.
"""

import contextlib
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any, Final
from urllib.parse import urlsplit

from probes.aws_errors import MIN_SECRET_CHARACTERS, kind_for_read
from probes.background import in_background
from probes.failure import classify
from probes.model import FailureKind, ProbeError

MAX_ANSWER_BYTES: Final = 16 << 20
"""200 security groups of 120 rules, each with a description, are about half of it."""
MAX_MESSAGE_CHARACTERS: Final = 300
MAX_CODE_CHARACTERS: Final = 128
_ATTEMPTS: Final = 2
_CONNECTIONS: Final = 16
"""More than there are reads at the same time."""
_READS: Final = ("Describe", "Get", "List")

_NAMED: Final = re.compile(r"is\s+not\s+authorized\s+to\s+perform:")
_ENCODED: Final = re.compile(r"\s*Encoded\s+authorization\s+failure\s+message:.*", re.DOTALL | re.IGNORECASE)
"""EC2 adds an encoded account of the decision, hundreds of characters that are of no use here."""

_UNANSWERED: Final = {
    "EndpointConnectionError": FailureKind.UNREACHABLE,
    "ConnectTimeoutError": FailureKind.TIMEOUT,
    "ReadTimeoutError": FailureKind.TIMEOUT,
    "ProxyConnectionError": FailureKind.PROXY_REFUSED,
    "ConnectionClosedError": FailureKind.CLOSED,
    "SSLError": FailureKind.TLS_UNTRUSTED,
}
"""botocore's exceptions for a missing answer, and their kinds where no cause beneath them tells more: botocore raises
the same for a name that does not exist and a port that refuses."""
_ENOUGH: Final = ("ConnectTimeoutError", "ReadTimeoutError", "ProxyConnectionError")
"""Those that need no cause; the cause of a proxy's is why the proxy failed."""
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST")
"""OpenSSL's reasons for bytes that are not a TLS record."""


class SystemReader:
    """The clients of one run, for one Region and one set of keys.

    `timeout` is in seconds: for the connect, for every silence after it, and for the age from which a read is not
    sent any more, first or again. `most` bounds the requests that are ever sent, retries among them.
    """

    def __init__(
        self,
        *,
        access_key_id: str,
        secret_key: str,
        token: str | None,
        region: str,
        profile: str | None,
        ca_bundle: str | None,
        timeout: float,
        most: int,
    ) -> None:
        self._keys = access_key_id, secret_key, token
        self._secrets = [secret for secret in self._keys if secret is not None and len(secret) >= MIN_SECRET_CHARACTERS]
        self._region = region
        self._profile = profile
        self._ca_bundle = ca_bundle
        self._timeout = timeout
        self._most = most
        self._sent = 0
        self._counting = threading.Lock()
        self._own = threading.local()
        """Of a thread: when its caller gives up, as `until`, and the last `status` that came."""
        self._making = threading.Lock()
        self._session: Any = None
        self._tls: Any = None
        """The context of every connection that no proxy carries."""
        self._clients: dict[str, Any] = {}

    async def prepare(self, services: Iterable[str]) -> None:
        """Create the clients (see `probes.seams.Reader`)."""

        def create() -> None:
            for service in services:
                with contextlib.suppress(ProbeError):  # settings that allow no client fail every read, which reports it
                    self._client(service)

        await in_background(create)

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one request (see `probes.seams.Reader`). Raises ProbeError; its messages hold no secret, no URL
        and at most MAX_MESSAGE_CHARACTERS characters."""
        if not operation.startswith(_READS):
            raise ValueError(f"{operation} is no read")
        until = time.monotonic() + self._timeout
        return await in_background(lambda: self._read(service, operation, parameters, until))

    def _read(self, service: str, operation: str, parameters: Mapping[str, Any], until: float) -> Mapping[str, Any]:
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
        from botocore.parsers import ResponseParserError

        client = self._client(service)
        call = getattr(client, xform_name(operation))
        self._own.until, self._own.status = until, 0
        # What botocore raises holds answers and URLs, and those may hold secrets: none of it is chained.
        try:
            answer: Mapping[str, Any] = call(**parameters)
        except ParamValidationError:  # a request that the model does not know is a bug of this program
            raise
        except ClientError as error:
            raise refusal_of(error.response, self._secrets) from None
        except BotoCoreError as error:
            raise _unanswered(error, urlsplit(client.meta.endpoint_url).hostname) from None
        except (ResponseParserError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            # botocore's parsers expect what the model says, and other bytes raise whatever they cause in them.
            status = self._own.status
            kind = FailureKind.REDIRECT if 300 <= status < 400 else FailureKind.MALFORMED
            message = f"status {status} with a body that cannot be read"
            raise ProbeError(kind, message, code=type(error).__name__) from None
        if "RequestId" not in answer.get("ResponseMetadata", {}):
            raise ProbeError(FailureKind.NOT_AWS, "status 200 without an AWS request id", code="200")
        return answer

    def _client(self, service: str) -> Any:
        """The client of a service, created on the first call. Raises ProbeError where the SDK's settings allow none."""
        import botocore.session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        from probes.system.service_models import ReadsLoader

        with self._making:  # neither sessions nor the creation of clients are thread-safe (boto3, Session reference)
            if (existing := self._clients.get(service)) is not None:
                return existing
            try:
                if self._session is None:
                    session = botocore.session.Session(profile=self._profile)
                    session.register_component("data_loader", ReadsLoader(session.get_config_variable("data_path")))
                    session.set_credentials(*self._keys)
                    self._session = session
                client = self._session.create_client(
                    service,
                    region_name=self._region,
                    verify=self._ca_bundle,
                    config=Config(
                        connect_timeout=self._timeout,
                        read_timeout=self._timeout,
                        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                        max_pool_connections=_CONNECTIONS,
                        user_agent_extra="backuplink",
                        defaults_mode="legacy",  # a profile's `auto` would ask the metadata service where this is
                    ),
                )
            except (BotoCoreError, ValueError, AttributeError, TypeError) as error:
                # A setting that is not a URL is repeated in the text, its password too.
                name = type(error).__name__
                message = f"the SDK's settings allow no client of {service}"
                raise ProbeError(FailureKind.MALFORMED, message, code=name) from None
            # Private to botocore, as is everything that could bound an answer; a test checks that it is there.
            session = client._endpoint.http_session
            manager = session._manager
            if self._tls is None:
                self._tls = manager.connection_pool_kw["ssl_context"]
                self._tls.load_verify_locations = _once(self._tls.load_verify_locations)
            manager.connection_pool_kw["ssl_context"] = self._tls
            client.meta.events.register_first("before-send", partial(self._send, session))
            self._clients[service] = client
            return client

    def _send(self, session: Any, request: Any, **_: Any) -> Any:
        """Send one attempt, unless it is one too many, and return its whole answer, unless that is too large."""
        from botocore.awsrequest import AWSResponse

        if time.monotonic() >= self._own.until:  # the caller no longer waits for a retry
            # In the words of the step's own window (probes.failure.classify), which may end first.
            raise ProbeError(FailureKind.TIMEOUT, f"no end within {self._timeout:.3g} s")
        with self._counting:
            if self._sent >= self._most:
                raise ProbeError(FailureKind.TOO_LARGE, f"the run's {self._most} requests are used up")
            self._sent += 1
        request.stream_output = True
        response = session.send(request)
        self._own.status = response.status_code
        body = _Body(_whole(request, response.raw))
        return AWSResponse(response.url, response.status_code, response.headers, body)


def refusal_of(response: Mapping[str, Any], secrets: Iterable[str] = ()) -> ProbeError:
    """What an answer with an error says, given as botocore gives it (ClientError.response). None of `secrets` is in it,
    and no more than MAX_MESSAGE_CHARACTERS characters of text."""
    metadata = response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode", 0))
    code, text = (str(response.get("Error", {}).get(name) or "") for name in ("Code", "Message"))
    for secret in secrets:
        # AWS itself repeats them: where a signature does not match it sends the request that it expected.
        code, text = code.replace(secret, "***"), text.replace(secret, "***")
    code = code[:MAX_CODE_CHARACTERS] or str(status)
    kind = kind_for_read(code, text)
    if kind is None:
        if "RequestId" not in metadata:
            kind = FailureKind.REDIRECT if 300 <= status < 400 else FailureKind.NOT_AWS
            return ProbeError(kind, f"status {status} without an AWS request id", code=str(status))
        if status in (401, 403):
            kind = FailureKind.NOT_PERMITTED  # a refusal with a code that the table lacks
        else:
            kind = FailureKind.SERVICE_ERROR if status >= 500 else FailureKind.MALFORMED
    text = " ".join(_ENCODED.sub("", text).split())
    if (named := _NAMED.search(text)) is not None:
        text = text[named.start() :]  # before it is who is not authorized, at any length; after it is what matters
    return ProbeError(kind, text[:MAX_MESSAGE_CHARACTERS] or f"status {status}", code=code)


def _once(load: Callable[..., None]) -> Callable[..., None]:
    """A context's own `load_verify_locations` that reads the same files once. urllib3 calls it for each connection, and
    that takes 3 to 5 ms."""
    loading, loaded = threading.Lock(), cache(load)

    def load_once(*files: Any) -> None:
        with loading:
            loaded(*files)

    return load_once


class _Body:
    """The body of an answer that was already read, with the interface that AWSResponse uses."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, _: int = 0) -> Iterator[bytes]:
        return iter((self._body,))


def _whole(request: Any, raw: Any) -> bytes:
    """The body of an answer; raises the errors that botocore itself raises where the rest does not come."""
    from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
    from urllib3.exceptions import HTTPError
    from urllib3.exceptions import ReadTimeoutError as Silence

    held = bytearray()
    try:
        for piece in raw.stream(1 << 16):
            held += piece
            if len(held) > MAX_ANSWER_BYTES:
                raise ProbeError(FailureKind.TOO_LARGE, f"an answer of over {MAX_ANSWER_BYTES} bytes")
    except Silence as error:
        raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
    except HTTPError as error:
        raise ConnectionClosedError(endpoint_url=request.url, request=request, error=error) from error
    finally:
        if raw.isclosed():
            raw.release_conn()
        else:
            raw.close()  # a connection in the middle of an answer cannot serve another
    return bytes(held)


def _unanswered(error: Any, host: str | None) -> ProbeError:
    """Why there is no answer that can be read."""
    name = type(error).__name__
    kind = _UNANSWERED.get(name, FailureKind.MALFORMED)
    message = "the answer cannot be read" if kind is FailureKind.MALFORMED else kind.value.replace("-", " ")
    causes = _causes(error)
    beneath = next(
        (cause for cause in causes if isinstance(cause, OSError) and (cause.errno or isinstance(cause, ssl.SSLError))),
        None,
    )
    if any(type(cause).__name__ == "CertificateError" for cause in causes):  # urllib3 itself compares the names
        kind, message = FailureKind.TLS_HOSTNAME, "the certificate is for other names"
    elif name == "SSLError" and beneath is not None and not isinstance(beneath, ssl.SSLError):
        kind, message = FailureKind.TLS_NO_TRUST_STORE, "the CA bundle cannot be read"
    elif name not in _ENOUGH and beneath is not None:
        failure = classify(beneath)
        kind, message = failure.kind, failure.message
        if isinstance(beneath, ssl.SSLError) and beneath.reason in _NO_TLS:
            kind = FailureKind.TLS_NOT_TLS
    return ProbeError(kind, f"{host}: {message}"[:MAX_MESSAGE_CHARACTERS], code=name)


def _causes(error: BaseException) -> list[BaseException]:
    """The causes of an exception of botocore, nearest first: urllib3 has a cause as an argument or as its
    `__cause__`."""
    causes: list[BaseException] = []
    left: list[object] = [getattr(error, "kwargs", {}).get("error")]
    while left:
        cause = left.pop(0)
        if isinstance(cause, BaseException) and cause not in causes:
            causes.append(cause)
            left += [*cause.args, cause.__cause__, cause.__context__]
    return causes
