"""TLS over any stream through memory buffers, so that every byte before a stall is counted.

In the handshake, OpenSSL writes its output into one buffer and reads its input from another. Whenever OpenSSL wants to
read, its output is sent and one piece is received. No decision depends on the text of an error.
"""

import asyncio
import contextlib
import hashlib
import re
import ssl
import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from probes.facts import MAX_NAMES, Certificate, TlsFacts
from probes.failure import PeerClosedError, classify
from probes.model import Draft, FailureKind, ProbeError
from probes.seams import Stream
from probes.tls_context import client_context

RECEIVE_BYTES: Final = 16_384
MAX_HANDSHAKE_BYTES: Final = 262_144
"""Maximum bytes of a handshake. It is far more than any real chain needs. Without a limit, a handshake might never
finish."""
MAX_CERTIFICATES: Final = 6
"""Maximum number of certificates of one chain that are kept. AWS sends four. A report repeats the chain for each
address and port."""
MAX_KEPT: Final = 256
"""Maximum number of parsed certificates of verified peers in the cache."""
MAX_NAME_CHARACTERS: Final = 256
"""Maximum length that is kept of a subject, issuer, organisation or DNS name. A real DNS name has at most 253
characters (RFC 1035, section 2.3.4)."""
_SHORT_NAMES: Final = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "userId": "UID",
}
"""The short name of each attribute, by OpenSSL's long name (RFC 4514, section 3)."""
_SPECIAL: Final = re.compile(r"[,+\"\\\\<>;]")
"""Characters that RFC 4514, section 2.4, escapes everywhere."""
_CONTENT_TYPES: Final = range(20, 25)
"""Record types of RFC 8446, section 5.1, and the heartbeat of RFC 6520."""
_ALERT: Final = 21
_FATAL: Final = 2
"""AlertLevel of RFC 8446, section 6."""


class TlsStream:
    """A stream inside TLS, for the client or the server."""

    def __init__(
        self, stream: Stream, context: ssl.SSLContext, *, server_name: str | None = None, server_side: bool = False
    ) -> None:
        self._stream = stream
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_name
        )
        self.first_bytes = b""
        self.bytes_received = 0

    async def handshake(self) -> None:
        """Perform the handshake. Raises ssl.SSLError, OSError, PeerClosedError, and ProbeError if the peer does not
        speak TLS or never finishes."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    raise PeerClosedError from None
                if self.bytes_received > MAX_HANDSHAKE_BYTES:
                    raise ProbeError(
                        FailureKind.TOO_LARGE, f"a handshake of over {MAX_HANDSHAKE_BYTES} bytes"
                    ) from None
                if not self._speaks_tls():
                    raise ProbeError(FailureKind.TLS_NOT_TLS, "what came back is not a TLS record") from None
            except ssl.SSLError as error:
                with contextlib.suppress(OSError):  # if the peer has already gone, the outcome is the same
                    await self._flush()  # the alert, so that the peer learns why
                if not error.reason and (number := self._first_alert()) is not None:
                    raise ProbeError(FailureKind.TLS_ALERT, f"tls alert {number}", code=str(number)) from error
                raise
            else:
                await self._flush()
                return

    async def send(self, data: bytes) -> None:
        self.tls.write(data)
        await self._flush()

    async def receive(self, limit: int) -> bytes:
        before = self.bytes_received
        while True:
            try:
                return self.tls.read(limit)
            except ssl.SSLWantReadError:
                if self.bytes_received - before > MAX_HANDSHAKE_BYTES:  # session tickets and key updates without end
                    raise ProbeError(
                        FailureKind.TOO_LARGE, f"over {MAX_HANDSHAKE_BYTES} bytes of TLS without content"
                    ) from None
                await self._flush()
                if not await self._fill():
                    return b""
            except ssl.SSLZeroReturnError:
                return b""

    def close(self) -> None:
        self._stream.close()

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._stream.send(data)

    async def _fill(self) -> bool:
        data = await self._stream.receive(RECEIVE_BYTES)
        self.bytes_received += len(data)
        if len(self.first_bytes) < 16:
            self.first_bytes = (self.first_bytes + data)[:16]
        self._incoming.write(data)
        return bool(data)

    def _speaks_tls(self) -> bool:
        """Whether the first record can be TLS: a known content type, then major version 3."""
        kind, version = self.first_bytes[:1], self.first_bytes[1:2]
        return kind[0] in _CONTENT_TYPES and version in (b"", b"\3")

    def _first_alert(self) -> int | None:
        """Return the number of the fatal alert if the alert was the peer's only answer to the ClientHello; otherwise
        None.

        The number is used because Python does not have names for all alerts that OpenSSL knows: 3.11 does not have
        no_application_protocol.
        """
        record = self.first_bytes
        return record[6] if len(record) > 6 and record[0] == _ALERT and record[5] == _FATAL else None


async def handshake(
    stream: Stream,
    context: ssl.SSLContext,
    server_name: str,
    trust: str,
    again: Callable[[], Awaitable[Stream]],
    draft: Draft[TlsFacts],
    *,
    second_look_seconds: float,
) -> TlsStream:
    """Perform the handshake of a client that verifies its peer, and store the peer's facts in `draft`.

    If the peer's certificate cannot be verified, a second handshake, over a connection from `again`, reads the chain
    and sends nothing else. It has its own limit of `second_look_seconds`, so that a silent peer cannot delay the first
    result. Raises the errors of TlsStream.handshake, and ProbeError of kind `malformed` for a `server_name` that TLS
    cannot carry.
    """
    facts = TlsFacts(server_name=server_name, name_checked=context.check_hostname, trust=trust)
    draft.facts = facts
    try:
        shaken = TlsStream(stream, context, server_name=server_name)
    except (TypeError, ValueError) as error:
        raise ProbeError(FailureKind.MALFORMED, "TLS cannot carry this server name") from error
    try:
        await shaken.handshake()
    except ssl.SSLCertVerificationError:
        draft.facts = replace(facts, bytes_received=shaken.bytes_received)
        certificates, second_look = await _read_chain_again(again, server_name, second_look_seconds)
        draft.facts = replace(facts, certificates=certificates, second_look=second_look)
        raise
    except BaseException as error:
        no_tls = isinstance(error, ProbeError) and error.kind is FailureKind.TLS_NOT_TLS
        noise = shaken.first_bytes.hex() if no_tls else None
        draft.facts = replace(facts, bytes_received=shaken.bytes_received, first_bytes=noise)
        raise
    cipher = shaken.tls.cipher()
    draft.facts = replace(
        facts,
        version=shaken.tls.version(),
        cipher=None if cipher is None else cipher[0],
        alpn=shaken.tls.selected_alpn_protocol(),
        certificates=_readable(shaken.tls),
    )
    return shaken


async def greet(
    connect: Callable[[], Awaitable[Stream]],
    context: ssl.SSLContext,
    server_name: str,
    trust: str,
    draft: Draft[TlsFacts],
) -> None:
    """Make a handshake on a separate connection, only to see whether an answer comes. Then close the connection. Raises
    the errors of `connect` and TlsStream.handshake.
    """
    draft.facts = facts = TlsFacts(server_name=server_name, name_checked=context.check_hostname, trust=trust)
    stream = await connect()
    try:
        shaken = TlsStream(stream, context, server_name=server_name)
        try:
            await shaken.handshake()
        except BaseException:
            draft.facts = replace(facts, bytes_received=shaken.bytes_received)
            raise
        draft.facts = replace(facts, version=shaken.tls.version(), certificates=_readable(shaken.tls))
    finally:
        stream.close()


def _readable(tls: ssl.SSLObject) -> tuple[Certificate, ...]:
    """Return the certificates of a peer whose handshake finished. For a verified peer, this is only its own
    certificate, as OpenSSL reads it. Empty if this program cannot parse them, which is not a fault of the peer."""
    try:
        if tls.context.verify_mode is not ssl.CERT_REQUIRED:
            return peer_certificates(tls)
        der = tls.getpeercert(binary_form=True) or b""
        if der not in _VERIFIED:
            if len(_VERIFIED) >= MAX_KEPT:
                _VERIFIED.clear()
            _VERIFIED[der] = _of_verified(tls.getpeercert() or {}, der)
        return (_VERIFIED[der],)
    except (ProbeError, ValueError, KeyError, ssl.SSLError):
        return ()


_VERIFIED: Final[dict[bytes, Certificate]] = {}
"""Cache of parsed certificates by DER, since a process that probes repeatedly sees the same certificates every time."""


def _of_verified(verified: Mapping[str, Any], der: bytes) -> Certificate:
    """Return the certificate of a verified peer from the data of `ssl.SSLSocket.getpeercert`. This takes a tenth of the
    time of parsing the DER, and needs no further library."""
    organizations = [value for name, value in _attributes(verified.get("issuer", ())) if name == "organizationName"]
    names = [value for kind, value in verified.get("subjectAltName", ()) if kind == "DNS"]
    return Certificate(
        subject=_distinguished_name(verified.get("subject", ()))[:MAX_NAME_CHARACTERS],
        issuer=_distinguished_name(verified.get("issuer", ()))[:MAX_NAME_CHARACTERS],
        issuer_organization=organizations[0][:MAX_NAME_CHARACTERS] if organizations else None,
        names=tuple(name[:MAX_NAME_CHARACTERS] for name in names[:MAX_NAMES]),
        not_before=_instant(verified["notBefore"]),
        not_after=_instant(verified["notAfter"]),
        sha256=hashlib.sha256(der).hexdigest(),
    )


def _instant(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _attributes(name: Iterable[Iterable[tuple[str, str]]]) -> list[tuple[str, str]]:
    return [attribute for relative in name for attribute in relative]


def _distinguished_name(name: Iterable[Iterable[tuple[str, str]]]) -> str:
    """Return a name in the form of RFC 4514: the last part of the name comes first, and separators are escaped."""
    parts = [
        "+".join(f"{_SHORT_NAMES.get(kind, kind)}={_escaped(value)}" for kind, value in relative) for relative in name
    ]
    return ",".join(reversed(parts))


def _escaped(value: str) -> str:
    escaped = _SPECIAL.sub(r"\\\g<0>", value).replace("\0", "\\00")
    if escaped[:1] in ("#", " "):
        escaped = f"\\{escaped}"
    return f"{escaped[:-1]}\\ " if escaped.endswith(" ") else escaped


async def _read_chain_again(
    again: Callable[[], Awaitable[Stream]], server_name: str, seconds: float
) -> tuple[tuple[Certificate, ...], str | None]:
    try:
        async with asyncio.timeout(seconds):
            stream = await again()
            try:
                unverified = TlsStream(stream, client_context(), server_name=server_name)
                await unverified.handshake()
                return peer_certificates(unverified.tls), None
            finally:
                stream.close()
    except (OSError, ProbeError, PeerClosedError) as error:
        return (), classify(error).message


def peer_certificates(tls: ssl.SSLObject) -> tuple[Certificate, ...]:
    """Return the certificates that the peer sent, its own first, at most MAX_CERTIFICATES. Raises ProbeError of kind
    `malformed` if one cannot be read."""
    # The method is public since Python 3.13; in earlier versions, only the inner object has it.
    chain = getattr(tls, "get_unverified_chain", None) or tls._sslobj.get_unverified_chain  # type: ignore[attr-defined]
    sent = (chain() or ())[:MAX_CERTIFICATES]
    return tuple(read_certificate(one if isinstance(one, bytes) else one.public_bytes(2)) for one in sent)


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate in DER, with at most MAX_NAMES of its names and MAX_NAME_CHARACTERS of each text.

    Raises only ProbeError of kind `malformed`, whatever the bytes are.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        # A warning about a serial number below one, or about a text that is longer than the standard allows, does not
        # belong on stderr.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            try:
                extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
                names = extension.value.get_values_for_type(x509.DNSName)
            except x509.ExtensionNotFound:
                names = []
            organizations = certificate.issuer.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
            return Certificate(
                subject=certificate.subject.rfc4514_string()[:MAX_NAME_CHARACTERS],
                issuer=certificate.issuer.rfc4514_string()[:MAX_NAME_CHARACTERS],
                issuer_organization=str(organizations[0].value)[:MAX_NAME_CHARACTERS] if organizations else None,
                names=tuple(name[:MAX_NAME_CHARACTERS] for name in names[:MAX_NAMES]),
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
                sha256=certificate.fingerprint(SHA256()).hex(),
            )
    except (
        ValueError,
        TypeError,  # a name with bits in place of text
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise ProbeError(
            FailureKind.MALFORMED, f"the peer's certificate cannot be read: {type(error).__name__}"
        ) from error
