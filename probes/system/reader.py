"""The reads of EC2, Route 53, its Resolver and its Profiles: what they answer, or why they do not.

What a request and an answer look like, where a request goes and whether it is made once more is the SDK's to say
(`probes.system.sdk_service`). Requests go out on the loop, as all others of a run do: over `Net`, with the TLS and the
HTTP of a ladder. What blocks has a thread: reading settings and models, looking up a name, loading trusted roots, and
taking a large answer apart.
"""

import asyncio
import re
import socket
import threading
import weakref
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from ipaddress import ip_address
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from probes.aws_errors import MIN_SECRET_CHARACTERS, kind_for_read
from probes.background import in_background
from probes.facts import TcpFacts
from probes.failure import PeerClosedError, classify
from probes.model import Address, Draft, FailureKind, ProbeError
from probes.seams import Keys, Net, Stream, Trust
from probes.steps import proxy
from probes.steps.http import Response, exchange
from probes.steps.tls import TlsStream
from probes.system.sdk_service import SdkCall, SdkService, SdkServices
from probes.system.trust import load_trust

MAX_ANSWER_BYTES: Final = 16 << 20
"""200 security groups of 120 rules, each with a description, are about half of it."""
MAX_MESSAGE_CHARACTERS: Final = 300
MAX_CODE_CHARACTERS: Final = 128
_READS: Final = ("Describe", "Get", "List", "Search")
_CHANGES_NOTHING: Final = "AssumeRole"
"""Gives keys, which nobody else has, and changes nothing."""
_LARGE_BYTES: Final = 1 << 16
"""An answer that takes some ten milliseconds to take apart: too long for steps whose times are measured beside it."""

_FINAL: Final = frozenset({FailureKind.TOO_LARGE, FailureKind.TLS_NO_TRUST_STORE})
"""Failures that another attempt would only repeat."""
_UNQUOTED: Final = {
    FailureKind.MALFORMED: "the answer cannot be read",
    FailureKind.TLS_NO_TRUST_STORE: "the CA bundle cannot be read",
}
"""Words for failures whose own quote a line of the peer's, which may repeat what it was sent, or a setting."""

_NAMED: Final = re.compile(r"is\s+not\s+authorized\s+to\s+perform:")
_ENCODED: Final = re.compile(r"\s*Encoded\s+authorization\s+failure\s+message:.*", re.DOTALL | re.IGNORECASE)
"""EC2 adds an encoded account of the decision, hundreds of characters that are of no use here."""

T = TypeVar("T")


class SystemReader:
    """The reads of one run, for one Region and one set of keys.

    `timeout` is in seconds, for a read with all that belongs to it: lookup, connect, another attempt. `most` bounds the
    requests that are ever sent, further attempts among them. Connections are kept for the next request, and closed when
    the reader goes.
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
        self._sdk: SdkServices | None = None
        self._shared: dict[str, asyncio.Future[Any]] = {}
        """What is made once, in a thread, for all reads: services, addresses of hosts, and the trusted roots."""
        self._idle: defaultdict[SdkService, list[Stream]] = defaultdict(list)
        """Connections over which another request may go."""
        weakref.finalize(self, _close_all, self._idle)

    async def prepare(self, services: Iterable[str]) -> None:
        """Create the services (see `probes.seams.Reader`)."""
        # Settings that allow no request fail every read, which reports it.
        await asyncio.gather(*map(self._service, services), return_exceptions=True)

    async def read(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one request (see `probes.seams.Reader`). Raises ProbeError; its messages hold no secret, no URL
        and at most MAX_MESSAGE_CHARACTERS characters."""
        if not operation.startswith(_READS) and operation != _CHANGES_NOTHING:
            raise ValueError(f"{operation} is no read")
        known = await self._service(service)
        call = known.call(operation, parameters)
        until = asyncio.get_running_loop().time() + self._timeout
        try:
            async with asyncio.timeout_at(until):
                answer = await self._answer(known, call, until)
        except TimeoutError:
            # In the words of the step's own window (probes.failure.classify), which may end first.
            raise ProbeError(FailureKind.TIMEOUT, f"no end within {self._timeout:.3g} s") from None
        metadata = answer["ResponseMetadata"]
        if metadata["HTTPStatusCode"] >= 300:
            raise refusal_of(answer, self._secrets)
        if "RequestId" not in metadata:
            raise ProbeError(FailureKind.NOT_AWS, "status 200 without an AWS request id", code="200")
        return answer

    # --- Requests ----------------------------------------------------------------------------------------------------

    async def _answer(self, service: SdkService, call: SdkCall, until: float) -> Mapping[str, Any]:
        """What the last attempt of a call is answered, in boto3's form, be it an error. An attempt that would start
        after `until`, on the loop's clock, is not waited for: its reason tells more than the end of the time."""
        now = asyncio.get_running_loop().time
        while True:
            request = call.next_request()
            if self._sent >= self._most:
                raise ProbeError(FailureKind.TOO_LARGE, f"the run's {self._most} requests are used up")
            self._sent += 1
            try:
                response = await self._exchange(service, request)
            except (OSError, PeerClosedError, ProbeError) as error:
                _close(self._idle[service])  # what was kept as long may be as dead
                failure = _failure_at(service.host, error)
                delay = None if failure.kind in _FINAL else call.delay_without_answer(failure)
                if delay is None or now() + delay >= until:
                    raise failure from None
            else:
                answer = await self._parsed(call, response)
                delay = call.delay_after(response, answer)
                if delay is None or now() + delay >= until:
                    return answer
            await asyncio.sleep(delay)

    async def _parsed(self, call: SdkCall, response: Response) -> Mapping[str, Any]:
        """What a response says. What botocore raises holds answers, which may hold secrets: none of it is chained."""
        from botocore.parsers import ResponseParserError

        try:
            if len(response.body) < _LARGE_BYTES:
                return call.parsed(response)
            return await in_background(lambda: call.parsed(response))
        except (ResponseParserError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            # The parsers expect what the model says, and other bytes raise whatever they cause in them.
            status = response.status
            kind = FailureKind.REDIRECT if 300 <= status < 400 else FailureKind.MALFORMED
            message = f"status {status} with a body that cannot be read"
            raise ProbeError(kind, message, code=type(error).__name__) from None

    async def _exchange(self, service: SdkService, request: Any) -> Response:
        """Send one request and read its answer. Raises OSError, PeerClosedError and ProbeError."""
        idle = self._idle[service]
        stream = idle.pop() if idle else await self._connect(service)
        try:
            response = await exchange(
                stream,
                request.method,
                _target_of(service, request.url),
                _headers_of(service, request),
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

    async def _connect(self, service: SdkService) -> Stream:
        """A connection on which requests to a service can go. Raises OSError, PeerClosedError and ProbeError."""
        if service.proxy is None:
            stream = await self._tcp(service.host, service.port)
        else:
            stream = await self._to_proxy(service)
        return await self._secured(stream, service.host) if service.scheme == "https" else stream

    async def _to_proxy(self, service: SdkService) -> Stream:
        """A connection to the service's proxy, and through it where TLS follows."""
        parts = urlsplit(service.proxy or "")
        host = parts.hostname or ""
        try:
            stream = await self._tcp(host, parts.port or proxy.DEFAULT_PORT)
            if parts.scheme == "https":
                stream = await self._secured(stream, host)
        except (OSError, PeerClosedError) as error:
            message = f"the proxy cannot be reached: {classify(error).message}"
            raise ProbeError(FailureKind.PROXY_REFUSED, message, code=classify(error).code) from error
        if service.scheme == "https":
            try:
                proxy.check_tunnel(
                    await proxy.ask_for_tunnel(stream, service.host, service.port, service.proxy_headers)
                )
            except BaseException:
                stream.close()
                raise
        return stream

    async def _tcp(self, host: str, port: int) -> Stream:
        """A connection to the first address of a host that takes one."""
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
        """TLS over a connection, verified for a host. Closes the connection where that fails."""
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

    async def _service(self, name: str) -> SdkService:
        """A service, made at the first call. Raises ProbeError where the SDK's settings allow no request."""
        return await self._once(f"service {name}", lambda: in_background(lambda: self._make(name)))

    def _make(self, name: str) -> SdkService:
        from botocore.exceptions import BotoCoreError

        try:
            with self._making:  # the SDK's session is not thread-safe
                return self._services().service(name)
        except (BotoCoreError, ValueError, AttributeError, TypeError) as error:
            # A setting that is not a URL is repeated in the text, its password too.
            message = f"the SDK's settings allow no request to {name}"
            raise ProbeError(FailureKind.MALFORMED, message, code=type(error).__name__) from None

    def _load_roots(self) -> Trust:
        return load_trust(self._services().ca_bundle if self._ca_bundle is None else self._ca_bundle)

    def _services(self) -> SdkServices:
        if self._sdk is None:
            self._sdk = SdkServices(self._keys, region=self._region, profile=self._profile)
        return self._sdk

    async def _once(self, key: str, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` gives, which all reads share; after a failure the next read makes it again."""
        made = self._shared.get(key)
        if made is None:
            made = self._shared[key] = asyncio.ensure_future(make())

            def forget_failure(done: asyncio.Future[T]) -> None:
                if done.cancelled() or done.exception() is not None:  # asked for, as nobody may be left to take it
                    del self._shared[key]

            made.add_done_callback(forget_failure)
        return cast(T, await asyncio.shield(made))


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


def _target_of(service: SdkService, url: str) -> str:
    """What a request asks for: path and query, or the whole URL where a proxy is to fetch it."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return f"http://{service.authority}{target}" if service.proxy and service.scheme == "http" else target


def _headers_of(service: SdkService, request: Any) -> tuple[tuple[str, str], ...]:
    """The headers of a prepared request, but for those that belong to its way over HTTP."""
    given = (
        (name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in request.headers.items()
    )
    to_proxy = service.proxy_headers.items() if service.scheme == "http" else ()
    return (
        ("Host", service.authority),
        ("Accept-Encoding", "identity"),
        *((name, value) for name, value in given if name.lower() != "content-length"),
        *to_proxy,
    )


def _failure_at(host: str, error: Exception) -> ProbeError:
    """Why a host did not answer. Not to be chained: what is beneath may quote what was sent, received or set."""
    failure = classify(error)
    message = _UNQUOTED.get(failure.kind, failure.message)
    return ProbeError(failure.kind, f"{host}: {message}"[:MAX_MESSAGE_CHARACTERS], code=failure.code)


def _close(streams: list[Stream]) -> None:
    while streams:
        streams.pop().close()


def _close_all(kept: Mapping[SdkService, list[Stream]]) -> None:
    for streams in kept.values():
        _close(streams)
