"""The answer of an HTTP proxy to CONNECT: whether the SDK's calls get through the proxy of its settings."""

import base64
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

import h11

from probes.facts import ProxyConnectFacts, TcpFacts
from probes.failure import PeerClosedError
from probes.model import Address, Draft, FailureKind, ProbeError
from probes.seams import Net, Stream
from probes.steps.http import MAX_HEAD_BYTES, MAX_HEADER_CHARACTERS
from probes.urls import masked_proxy

DEFAULT_PORT: Final = 80
RECEIVE_BYTES: Final = 16_384
_KINDS: Final = {407: FailureKind.PROXY_AUTH}


async def probe(net: Net, proxy: str, host: str, port: int, draft: Draft[ProxyConnectFacts]) -> int:
    """Ask `proxy` for a tunnel to `host` and return the status. The tunnel is closed without use.

    Raises OSError, PeerClosedError, and ProbeError: `proxy-refused` or `proxy-auth` with the status as code,
    `malformed` for a proxy that is not an http URL, or for an answer that makes no sense.
    """
    draft.facts = ProxyConnectFacts(proxy=masked_proxy(proxy), status=None, server=None)
    try:
        parts = urlsplit(url_of(proxy))
        name, number = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError as error:
        raise ProbeError(FailureKind.MALFORMED, "the proxy variable is not a URL") from error
    if parts.scheme != "http" or not name:  # the message repeats nothing of it, since it may be a part of the password
        raise ProbeError(FailureKind.MALFORMED, "the proxy variable is not an http URL with a host")
    address = await _address_of(net, name)
    headers: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    """Secrets that must be removed from texts that quote the proxy."""
    if parts.username and parts.password:  # the SDK sends no credentials if one of them is missing
        userinfo = f"{unquote(parts.username)}:{unquote(parts.password)}"
        if not userinfo.isascii():  # botocore would raise a UnicodeEncodeError
            raise ProbeError(
                FailureKind.MALFORMED, "the proxy's user or password is not ASCII, so the SDK cannot send it"
            )
        secret = base64.b64encode(userinfo.encode("ascii")).decode("ascii")
        headers["Proxy-Authorization"] = f"Basic {secret}"
        secrets = (secret, parts.password, unquote(parts.password))
    stream = await net.connect(address, number, Draft[TcpFacts]())
    try:
        answer = await ask_for_tunnel(stream, host, port, headers)
    finally:
        stream.close()
    server = next((value.decode("latin-1") for key, value in answer.headers if key == b"server"), None)
    if server is not None:
        server = "***" if any(text in server for text in secrets) else server[:MAX_HEADER_CHARACTERS]
    draft.facts = ProxyConnectFacts(proxy=masked_proxy(proxy), status=answer.status_code, server=server)
    check_tunnel(answer)
    return answer.status_code


def url_of(proxy: str) -> str:
    """Return the proxy's URL as the SDK reads the variable (botocore, ProxyConfiguration)."""
    if proxy.startswith(("http:", "https:")):
        return proxy
    return f"http:{proxy}" if proxy.startswith("//") else f"http://{proxy}"


async def _address_of(net: Net, name: str) -> Address:
    try:
        return ip_address(name)
    except ValueError:
        addresses = await net.getaddrinfo(name)
    if not addresses:
        raise ProbeError(FailureKind.NXDOMAIN, f"{name} has no address")
    return addresses[0]


async def ask_for_tunnel(stream: Stream, host: str, port: int, headers: Mapping[str, str]) -> h11.Response:
    """Ask a proxy over a connection for a tunnel to a host and port. Returns the proxy's answer, even if it is a
    refusal.

    Raises OSError, PeerClosedError, and ProbeError of kind `malformed`.
    """
    name = f"[{host}]" if ":" in host else host
    target = f"{name}:{port}"
    engine = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    try:
        request = engine.send(
            h11.Request(method="CONNECT", target=target, headers=[("Host", target), *headers.items()])
        )
    except (h11.LocalProtocolError, UnicodeError) as error:
        raise ProbeError(FailureKind.MALFORMED, f"HTTP cannot carry this request: {type(error).__name__}") from error
    await stream.send((request or b"") + (engine.send(h11.EndOfMessage()) or b""))
    start = b""
    try:
        while (event := engine.next_event()) is h11.NEED_DATA:
            data = await stream.receive(RECEIVE_BYTES)
            if not data:
                raise PeerClosedError
            start = (start + data)[:5]
            if not b"HTTP/".startswith(start):
                raise ProbeError(FailureKind.MALFORMED, "the proxy's answer does not begin like HTTP")
            engine.receive_data(data)
    except h11.RemoteProtocolError as error:  # its text quotes the peer, which knows the password
        raise ProbeError(FailureKind.MALFORMED, "the proxy's answer is not HTTP") from error
    if not isinstance(event, h11.Response):
        raise ProbeError(FailureKind.MALFORMED, "the proxy did not answer CONNECT with a final response")
    return event


def check_tunnel(answer: h11.Response) -> None:
    """Raise ProbeError for a proxy's answer that refuses the tunnel: `proxy-refused` or `proxy-auth`, with the status
    as code."""
    if not 200 <= answer.status_code < 300:
        kind = _KINDS.get(answer.status_code, FailureKind.PROXY_REFUSED)
        raise ProbeError(kind, f"the proxy answers CONNECT with {answer.status_code}", code=str(answer.status_code))
