"""The reads of EC2, Route 53, its Resolver and its Profiles, STS and Organizations: each read gives an answer, or the
reason why there is no answer.

boto3's clients decide the host and the form of a request, its retries, and the meaning of its answer
(`probes.system.clients`). The clients run in threads and open no connections. A handler of botocore's event
`before-send` passes each request to the event loop. The loop sends it over `Net`, with the same code for TLS and HTTP
as all other requests of a run.
"""

import asyncio
import re
import socket
import threading
import weakref
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from ipaddress import ip_address
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from probes.aws_errors import MIN_SECRET_CHARACTERS, kind_for_read
from probes.background import in_background
from probes.facts import TcpFacts
from probes.failure import PeerClosedError, classify
from probes.frozen import dataclass
from probes.model import Address, Draft, FailureKind, ProbeError
from probes.seams import Keys, Net, Stream, Trust
from probes.steps import proxy
from probes.steps.http import Response, exchange
from probes.steps.tls import TlsStream
from probes.system.trust import load_trust

MAX_ANSWER_BYTES: Final = 16 << 20
"""Maximum size of an answer in bytes: 200 security groups with 120 rules each, all with a description, take about half
of this."""
MAX_MESSAGE_CHARACTERS: Final = 300
MAX_CODE_CHARACTERS: Final = 128
_READS: Final = ("Describe", "Get", "List", "Search")
_CHANGES_NOTHING: Final = "AssumeRole"
"""An operation that returns new keys, but changes nothing."""
_LONGEST_BACKOFF: Final = 1.0
"""Maximum time in seconds that botocore waits before a second attempt
(botocore.retries.standard.ExponentialBackoff)."""
_RETRY_AFTER: Final = "x-amz-retry-after"
_LONGEST_RETRY_AFTER: Final = 5.0
"""Maximum time in seconds that a service may add to this wait by a header, whose value is in milliseconds."""
_SCHEMES: Final = ("http", "https")

_FINAL: Final = frozenset({FailureKind.TOO_LARGE, FailureKind.TLS_NO_TRUST_STORE})
"""Failures that another attempt would only repeat."""
_UNQUOTED: Final = {
    FailureKind.MALFORMED: "the answer cannot be read",
    FailureKind.TLS_NO_TRUST_STORE: "the CA bundle cannot be read",
}
"""Texts for failures whose own message is not used. That message quotes a setting, or quotes the peer, which may repeat
the request."""

_NAMED: Final = re.compile(r"is\s+not\s+authorized\s+to\s+perform:")
_ENCODED: Final = re.compile(r" ?Encoded authorization failure message:.*", re.IGNORECASE)
"""The encoded description of a decision, which EC2 appends to a message: hundreds of characters that are of no use
here."""

T = TypeVar("T")


class SystemReader:
    """The reads of one run, for one Region and one set of keys.

    `timeout` is the time in seconds for a whole read: lookup, connect and a second attempt. `most` is the maximum
    number of all requests, including further attempts. Connections are kept for later requests until the reader is
    closed.
    """

    def __init__(
        self,
        net: Net,
        keys: Keys,
        *,
        region: str,
        profile: str | None,
        ca_bundle: str | None,
        timeout: float,
        most: int,
    ) -> None:
        self._net = net
        self._keys = keys
        self._secrets = [
            secret
            for secret in (keys.access_key_id, keys.secret_key, keys.token)
            if secret is not None and len(secret) >= MIN_SECRET_CHARACTERS
        ]
        self._region = region
        self._profile = profile
        self._ca_bundle = ca_bundle
        self._timeout = timeout
        self._most = most
        self._sent = 0
        self._making = threading.Lock()
        self._session: Any = None
        self._shared: dict[str, asyncio.Future[Any]] = {}
        """Objects that a thread makes once for all reads: clients, addresses of hosts, and the trusted roots."""
        self._idle: defaultdict[_Origin, list[Stream]] = defaultdict(list)
        """Connections that may carry another request."""
        weakref.finalize(self, _close_all, self._idle)

    async def prepare(self, services: Iterable[str]) -> None:
        """Create the clients (see `probes.seams.Reader`)."""
        # If settings allow no requests, every read fails and reports this.
        await asyncio.gather(*map(self._client, services), return_exceptions=True)

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer to one request (see `probes.seams.Reader`). Raises ProbeError; its messages contain no
        secret and no URL, and have at most MAX_MESSAGE_CHARACTERS characters."""
        if not operation.startswith(_READS) and operation != _CHANGES_NOTHING:
            raise ValueError(f"{operation} is not a read")
        client = await self._client(service)
        call = _Call(self._send, until=asyncio.get_running_loop().time() + self._timeout)
        try:
            async with asyncio.timeout_at(call.until):
                answer = await in_background(lambda: self._answer(client, service, operation, parameters, call))
        except TimeoutError:
            # The same words as for the step's own window (probes.failure.classify), which may end first.
            raise ProbeError(FailureKind.TIMEOUT, f"no end within {self._timeout:.3g} s") from None
        finally:
            call.end()
        if "RequestId" not in answer["ResponseMetadata"]:
            raise ProbeError(FailureKind.NOT_AWS, "status 200 without an AWS request id", code="200")
        return answer

    # --- In the thread of a read -------------------------------------------------------------------------------------

    def _answer(
        self, client: Any, service: str, operation: str, parameters: Mapping[str, Any], call: "_Call"
    ) -> Mapping[str, Any]:
        """Make a call with boto3's client, and wait for its answer. botocore's errors contain answers, which may
        contain secrets, so these errors are not chained."""
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
        from botocore.parsers import ResponseParserError

        from probes.system.clients import UnansweredError

        _thread.call = call
        try:
            answer: Mapping[str, Any] = getattr(client, xform_name(operation))(**parameters)
        except (ParamValidationError, ProbeError):
            raise
        except UnansweredError as error:
            raise error.failure from None
        except ClientError as error:
            raise refusal_of(error.response, self._secrets) from None
        except (
            *(BotoCoreError, ResponseParserError),
            *(ValueError, TypeError, AttributeError, LookupError, RecursionError),
        ) as error:
            if call.status is None:
                raise _no_request(service, error) from None
            # The parsers expect the form in the model; for other bytes they may raise any error.
            kind = FailureKind.REDIRECT if 300 <= call.status < 400 else FailureKind.MALFORMED
            message = f"status {call.status} with a body that cannot be read"
            raise ProbeError(kind, message, code=type(error).__name__) from None
        return answer

    def _make(self, service: str) -> Any:
        from botocore.exceptions import BotoCoreError

        from probes.system import clients

        try:
            with self._making:  # boto3's session is not thread-safe
                if self._session is None:
                    self._session = clients.reads(self._profile, self._keys)
                client = clients.reading(self._session, service, self._region)
        except (BotoCoreError, ValueError, AttributeError, TypeError) as error:
            raise _no_request(service, error) from None
        service_id = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"before-send.{service_id}", _before_send)
        client.meta.events.register_first(f"needs-retry.{service_id}", _before_retry)
        return client

    def _load_roots(self) -> Trust:
        from probes.system import clients

        return load_trust(clients.ca_bundle(self._session) if self._ca_bundle is None else self._ca_bundle)

    # --- Requests ----------------------------------------------------------------------------------------------------

    async def _send(self, call: "_Call", request: Any) -> Any:
        """Send one request of botocore (AWSPreparedRequest), and return its answer in botocore's form (AWSResponse).
        Raises UnansweredError if botocore may try again, otherwise ProbeError."""
        from probes.system.clients import UnansweredError, response_of

        if self._sent >= self._most:
            raise ProbeError(FailureKind.TOO_LARGE, f"the run has used up its {self._most} requests")
        origin = _origin_of(request.url)
        self._sent += 1
        try:
            response = await self._exchange(origin, request)
        except (OSError, PeerClosedError, ProbeError) as error:
            _close(self._idle[origin])  # other connections that were kept as long are probably dead, too
            failure = _failure_at(origin.host, error)
            raise (failure if failure.kind in _FINAL else UnansweredError(failure)) from None
        call.status = response.status
        return response_of(request.url, response)

    async def _exchange(self, origin: "_Origin", request: Any) -> Response:
        """Send one request and read its answer. Raises OSError, PeerClosedError and ProbeError."""
        idle = self._idle[origin]
        stream = idle.pop() if idle else await self._connect(origin)
        try:
            response = await exchange(
                stream,
                request.method,
                _target_of(origin, request.url),
                _headers_of(origin, request),
                body=request.body.encode() if isinstance(request.body, str) else request.body or b"",
                most=MAX_ANSWER_BYTES,
            )
        except BaseException:
            stream.close()
            raise
        if response.keep_alive:
            idle.append(stream)
        else:
            stream.close()
        return response

    # --- Connections -------------------------------------------------------------------------------------------------

    async def _connect(self, origin: "_Origin") -> Stream:
        """Return a connection for requests to an origin. Raises OSError, PeerClosedError and ProbeError."""
        if origin.proxy is None:
            stream = await self._tcp(origin.host, origin.port)
        else:
            stream = await self._to_proxy(origin, origin.proxy)
        return await self._secured(stream, origin.host) if origin.scheme == "https" else stream

    async def _to_proxy(self, origin: "_Origin", url: str) -> Stream:
        """Return a connection to the proxy at `url`. For a request over TLS, it leads through the proxy to the
        origin."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            stream = await self._tcp(host, parts.port or proxy.DEFAULT_PORT)
            if parts.scheme == "https":
                stream = await self._secured(stream, host)
        except (OSError, PeerClosedError) as error:
            message = f"the proxy cannot be reached: {classify(error).message}"
            raise ProbeError(FailureKind.PROXY_REFUSED, message, code=classify(error).code) from error
        if origin.scheme == "https":
            try:
                proxy.check_tunnel(
                    await proxy.ask_for_tunnel(stream, origin.host, origin.port, dict(origin.proxy_headers))
                )
            except BaseException:
                stream.close()
                raise
        return stream

    async def _tcp(self, host: str, port: int) -> Stream:
        """Return a connection to the first address of a host that accepts one."""
        refusal: OSError = socket.gaierror(socket.EAI_NONAME, "the name has no address")
        for address in await self._addresses(host):
            try:
                return await self._net.connect(address, port, Draft[TcpFacts]())
            except OSError as error:
                refusal = error
        raise refusal

    async def _addresses(self, host: str) -> tuple[Address, ...]:
        try:
            return (ip_address(host),)
        except ValueError:
            return await self._once(f"addresses of {host}", lambda: self._net.getaddrinfo(host))

    async def _secured(self, stream: Stream, host: str) -> Stream:
        """Return TLS over a connection, verified for a host. Closes the connection if that fails."""
        try:
            trust = await self._once("roots", lambda: in_background(self._load_roots))
            try:
                secured = TlsStream(stream, trust.named, server_name=host)
            except (TypeError, ValueError) as error:
                raise ProbeError(FailureKind.MALFORMED, "TLS cannot carry this server name") from error
            await secured.handshake()
        except BaseException:
            stream.close()
            raise
        return secured

    # --- What all reads share ----------------------------------------------------------------------------------------

    async def _client(self, service: str) -> Any:
        """Return a client, made at the first call. Raises ProbeError if the SDK's settings allow no requests."""
        return await self._once(f"client of {service}", lambda: in_background(lambda: self._make(service)))

    async def _once(self, key: str, make: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `make`, which all reads share. After a failure, the next read calls `make` again."""
        made = self._shared.get(key)
        if made is None:
            made = self._shared[key] = asyncio.ensure_future(make())

            def forget_failure(done: asyncio.Future[T]) -> None:
                if done.cancelled() or done.exception() is not None:  # marks the error as seen, as perhaps nobody waits
                    del self._shared[key]

            made.add_done_callback(forget_failure)
        return cast(T, await asyncio.shield(made))


class _Call:
    """One read. The thread in which boto3 makes it, and the loop that sends its requests, share this object."""

    def __init__(self, send: Callable[["_Call", Any], Coroutine[Any, Any, Any]], *, until: float) -> None:
        self.until = until
        """Time at which the read must end, on the loop's clock."""
        self.status: int | None = None
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._is_over = False
        self._sending: Any = None

    @property
    def seconds_left(self) -> float:
        return self.until - self._loop.time()

    def send(self, request: Any) -> Any:
        """The answer to a request. The thread calls this. Raises the errors of sending the request, and _OverError
        after `end`."""
        with self._lock:
            # botocore waits in its thread between two attempts, and goes on even if nobody waits for the read any more.
            if self._is_over:
                raise _OverError
            self._sending = asyncio.run_coroutine_threadsafe(self._send(self, request), self._loop)
        return self._sending.result()

    def end(self) -> None:
        """Send no further requests, and end the wait of the thread. The loop calls this."""
        with self._lock:
            self._is_over = True
            if self._sending is not None:
                self._sending.cancel()


class _OverError(Exception):
    """A read had already ended when its thread wanted to send another request."""


_thread: Final = threading.local()
"""The call that each thread makes."""


def _before_send(request: Any, **_: Any) -> Any:
    """Answer botocore's event `before-send`, so that botocore opens no connection."""
    return _thread.call.send(request)


def _before_retry(response: Any, caught_exception: Exception | None, operation: Any, **_: Any) -> None:
    """Answer botocore's event `needs-retry` before botocore itself does. If another attempt might not begin in time,
    the call ends with the failure of the first attempt, which says more than a timeout."""
    from botocore.exceptions import ClientError

    delay = _LONGEST_BACKOFF
    if response is not None:
        asked = str(response[0].headers.get(_RETRY_AFTER, ""))
        delay += min(int(asked) / 1000, _LONGEST_RETRY_AFTER) if asked.isdecimal() else 0.0
    if _thread.call.seconds_left > delay:
        return
    if caught_exception is not None:
        raise caught_exception
    if response[0].status_code >= 300:
        raise ClientError(response[1], operation.name)


def _no_request(service: str, error: Exception) -> ProbeError:
    """Return the failure for SDK settings that allow no requests. It does not quote `error`, whose text may repeat a
    setting with a password."""
    message = f"the SDK's settings allow no request to {service}"
    return ProbeError(FailureKind.MALFORMED, message, code=type(error).__name__)


def refusal_of(response: Mapping[str, Any], secrets: Iterable[str] = ()) -> ProbeError:
    """Return the failure for an error answer in botocore's form (ClientError.response). Its message contains no text of
    `secrets`, and has at most MAX_MESSAGE_CHARACTERS characters."""
    metadata = response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode", 0))
    code, text = (str(response.get("Error", {}).get(name) or "") for name in ("Code", "Message"))
    for secret in secrets:
        # AWS itself repeats secrets: if a signature does not match, it sends the request that it expected.
        code, text = code.replace(secret, "***"), text.replace(secret, "***")
    code = code[:MAX_CODE_CHARACTERS] or str(status)
    kind = kind_for_read(code, text)
    if kind is None:
        if "RequestId" not in metadata:
            kind = FailureKind.REDIRECT if 300 <= status < 400 else FailureKind.NOT_AWS
            return ProbeError(kind, f"status {status} without an AWS request id", code=str(status))
        if status in (401, 403):
            kind = FailureKind.NOT_PERMITTED  # a refusal with a code that is not in the table
        else:
            kind = FailureKind.SERVICE_ERROR if status >= 500 else FailureKind.MALFORMED
    text = _ENCODED.sub("", " ".join(text.split()))
    if (named := _NAMED.search(text)) is not None:
        text = text[named.start() :]  # the text before it is the unauthorized identity, which may have any length
    return ProbeError(kind, text[:MAX_MESSAGE_CHARACTERS] or f"status {status}", code=code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """The origin of requests, and the proxy on the way to it."""

    scheme: str
    host: str
    port: int
    authority: str
    """The value of the Host header."""
    proxy: str | None
    """The URL of the proxy, with its secrets; None if there is no proxy."""
    proxy_headers: tuple[tuple[str, str], ...]


def _origin_of(url: str) -> _Origin:
    """Return the origin of a request, with the proxy that the SDK's variables set for it. Raises ProbeError if the URL
    is not an http or https URL."""
    from botocore.httpsession import ProxyConfiguration
    from botocore.utils import get_environ_proxies

    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        message = "the endpoint in the SDK's settings is not an http or https URL"
        raise ProbeError(FailureKind.MALFORMED, message, code="ValueError")
    default_port = 443 if parts.scheme == "https" else 80
    port = parts.port or default_port
    name_in_url = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    proxies = ProxyConfiguration(get_environ_proxies(url))
    proxy_url = proxies.proxy_url_for(url)
    return _Origin(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        authority=name_in_url if port == default_port else f"{name_in_url}:{port}",
        proxy=proxy_url,
        proxy_headers=() if proxy_url is None else tuple(proxies.proxy_headers_for(proxy_url).items()),
    )


def _target_of(origin: _Origin, url: str) -> str:
    """Return the target of a request: path and query or, if a proxy must fetch the URL, the whole URL."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return f"http://{origin.authority}{target}" if origin.proxy and origin.scheme == "http" else target


def _headers_of(origin: _Origin, request: Any) -> tuple[tuple[str, str], ...]:
    """Return the headers of a prepared request, without those that belong to HTTP itself."""
    given = (
        (name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in request.headers.items()
    )
    to_proxy = origin.proxy_headers if origin.scheme == "http" else ()
    return (
        ("Host", origin.authority),
        ("Accept-Encoding", "identity"),
        *((name, value) for name, value in given if name.lower() != "content-length"),
        *to_proxy,
    )


def _failure_at(host: str, error: Exception) -> ProbeError:
    """Return why a host did not answer. The result must not be chained to `error`, which may quote a request, an answer
    or a setting."""
    failure = classify(error)
    message = _UNQUOTED.get(failure.kind, failure.message)
    return ProbeError(failure.kind, f"{host}: {message}"[:MAX_MESSAGE_CHARACTERS], code=failure.code)


def _close(streams: list[Stream]) -> None:
    while streams:
        streams.pop().close()


def _close_all(kept: Mapping[_Origin, list[Stream]]) -> None:
    for streams in kept.values():
        _close(streams)
