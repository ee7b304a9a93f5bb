"""What an HTTP proxy says to CONNECT: whether the SDK's calls get through where its settings send them."""

import base64
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

import h11

from probes.facts import ProxyConnectFacts, TcpFacts
from probes.failure import PeerClosedError
from probes.http import MAX_HEAD_BYTES
from probes.model import Draft, FailureKind, ProbeError
from probes.world import Net, Stream, masked_proxy

DEFAULT_PORT: Final = 80
RECEIVE_BYTES: Final = 16_384
_KINDS: Final = {407: FailureKind.PROXY_AUTH}


async def probe(net: Net, proxy: str, host: str, port: int, draft: Draft[ProxyConnectFacts]) -> int:
    """Ask `proxy` for a tunnel to `host` and give its status; the tunnel is closed unused.

    Raises OSError, PeerClosedError, and ProbeError: `proxy-refused` or `proxy-auth` with the status as code,
    `malformed` for a proxy that is no http URL or talks nonsense.
    """
    draft.facts = ProxyConnectFacts(proxy=masked_proxy(proxy), status=None, server=None)
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")  # botocore reads a bare host so, too
        name, number = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError as error:
        raise ProbeError(FailureKind.MALFORMED, "the proxy variable is no URL") from error
    if parts.scheme != "http" or not name:
        raise ProbeError(FailureKind.MALFORMED, f"a proxy of scheme {parts.scheme!r} is not tried here")
    try:
        address = ip_address(name)
    except ValueError:
        address = (await net.getaddrinfo(name))[0]
    headers = [("Host", f"{host}:{port}")]
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers.append(("Proxy-Authorization", f"Basic {base64.b64encode(secret).decode('ascii')}"))
    stream = await net.connect(address, number, Draft[TcpFacts]())
    try:
        answer = await _connect(stream, f"{host}:{port}", headers)
    finally:
        stream.close()
    server = next((value.decode("latin-1") for key, value in answer.headers if key == b"server"), None)
    draft.facts = ProxyConnectFacts(proxy=masked_proxy(proxy), status=answer.status_code, server=server)
    if not 200 <= answer.status_code < 300:
        kind = _KINDS.get(answer.status_code, FailureKind.PROXY_REFUSED)
        raise ProbeError(kind, f"the proxy answers CONNECT with {answer.status_code}", code=str(answer.status_code))
    return answer.status_code


async def _connect(stream: Stream, target: str, headers: list[tuple[str, str]]) -> h11.Response:
    engine = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    request = engine.send(h11.Request(method="CONNECT", target=target, headers=headers))
    await stream.send((request or b"") + (engine.send(h11.EndOfMessage()) or b""))
    try:
        while (event := engine.next_event()) is h11.NEED_DATA:
            data = await stream.receive(RECEIVE_BYTES)
            if not data:
                raise PeerClosedError
            engine.receive_data(data)
    except h11.RemoteProtocolError as error:
        raise ProbeError(FailureKind.MALFORMED, f"the proxy's answer is not HTTP: {error}") from error
    if not isinstance(event, h11.Response):
        raise ProbeError(FailureKind.MALFORMED, "the proxy's answer to CONNECT is no answer")
    return event
