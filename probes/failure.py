"""Turn exceptions of libraries and the kernel into kinds of failures. Their type, number or code decides, never their
text."""

import errno
import socket
import ssl
from typing import Final

from probes.model import Failure, FailureKind, ProbeError


class PeerClosedError(Exception):
    """The peer closed the connection (FIN) although it still had to answer."""


ERRNO: Final = {
    errno.ETIMEDOUT: FailureKind.TIMEOUT,
    errno.ECONNREFUSED: FailureKind.REFUSED,
    errno.ECONNRESET: FailureKind.RESET,
    errno.EPIPE: FailureKind.RESET,
    errno.ECONNABORTED: FailureKind.RESET,
    errno.EHOSTUNREACH: FailureKind.UNREACHABLE,
    errno.ENETUNREACH: FailureKind.UNREACHABLE,
    errno.EHOSTDOWN: FailureKind.UNREACHABLE,
    errno.ENETDOWN: FailureKind.UNREACHABLE,
    errno.EAFNOSUPPORT: FailureKind.UNREACHABLE,
    errno.EINVAL: FailureKind.UNREACHABLE,  # a blackhole route, by ip-route(8); measured on Linux 6.18
    errno.ENODEV: FailureKind.UNREACHABLE,  # the interface of a scoped address is gone
    errno.ENOPROTOOPT: FailureKind.UNREACHABLE,  # ICMP protocol unreachable, as iptables' REJECT can send it
    errno.EOPNOTSUPP: FailureKind.UNREACHABLE,  # ICMP source route failed
    errno.EPROTO: FailureKind.UNREACHABLE,  # ICMP parameter problem
    getattr(errno, "ENONET", -64): FailureKind.UNREACHABLE,  # ICMP host isolated
    errno.EACCES: FailureKind.PROHIBITED,
    errno.EPERM: FailureKind.PROHIBITED,
    errno.EADDRNOTAVAIL: FailureKind.NO_SOURCE_PORT,
}
"""Kinds of failures by errno, from connect(2), send(2), recv(2) and ip(7). The kernel turns ICMP errors into these
numbers, too."""

GAI: Final = {
    socket.EAI_NONAME: FailureKind.NXDOMAIN,
    socket.EAI_AGAIN: FailureKind.SERVFAIL,
    socket.EAI_FAIL: FailureKind.SERVFAIL,
    getattr(socket, "EAI_NODATA", -5): FailureKind.NODATA,
    getattr(socket, "EAI_ADDRFAMILY", -9): FailureKind.NODATA,
}
"""Kinds of failures by the codes of getaddrinfo(3). The C library uses EAI_AGAIN for SERVFAIL, for REFUSED and if there
is no answer."""

GAI_NAME: Final = {
    getattr(socket, name): name
    for name in ("EAI_NONAME", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "EAI_ADDRFAMILY", "EAI_SYSTEM", "EAI_MEMORY")
    if hasattr(socket, name)
}

VERIFY: Final = {
    62: FailureKind.TLS_HOSTNAME,  # X509_V_ERR_HOSTNAME_MISMATCH
    64: FailureKind.TLS_HOSTNAME,  # X509_V_ERR_IP_ADDRESS_MISMATCH
    10: FailureKind.TLS_EXPIRED,  # X509_V_ERR_CERT_HAS_EXPIRED
    9: FailureKind.TLS_NOT_YET_VALID,  # X509_V_ERR_CERT_NOT_YET_VALID
}
"""Kinds of failures by X509_STORE_CTX_get_error(3); every other code means an untrusted issuer."""


_ALERTS: Final = ("SSLV3_ALERT_", "TLSV1_", "TLSV13_ALERT_")
"""Beginnings of OpenSSL's reasons for a received alert (SSL_R_* of 1000 and above in openssl/sslerr.h); some reasons
for an alert do not contain `ALERT`, and some other reasons do."""


def errno_name(number: int | None) -> str | None:
    """Return the name of an errno: `ECONNREFUSED` for 111. A number without a name is returned as text, and None as
    None."""
    return None if number is None else errno.errorcode.get(number, str(number))


def classify(error: Exception, *, expired_after: float | None = None) -> Failure:
    """Return the failure for `error`.

    If `expired_after` is set, the step's own window of this many seconds ran out. The failure is then a timeout, even
    if cleaning up the step raised another error. An error that is in no table is a bug of this program.
    """
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    if expired_after is not None:
        return Failure(kind=FailureKind.TIMEOUT, message=f"no end within {expired_after:.3g} s{notes}", code=None)
    match error:
        case ProbeError():
            return Failure(kind=error.kind, message=f"{error.message}{notes}", code=error.code)
        case PeerClosedError():
            return Failure(kind=FailureKind.CLOSED, message=f"the peer closed the connection{notes}", code=None)
        case ssl.SSLCertVerificationError():
            kind = VERIFY.get(error.verify_code, FailureKind.TLS_UNTRUSTED)
            return Failure(kind=kind, message=f"{error.verify_message}{notes}", code=str(error.verify_code))
        case ssl.SSLError():
            reason = error.reason or "SSL_ERROR"
            if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
                kind = FailureKind.CLOSED
            else:
                kind = FailureKind.TLS_ALERT if reason.startswith(_ALERTS) else FailureKind.MALFORMED
            return Failure(kind=kind, message=f"{reason.lower().replace('_', ' ')}{notes}", code=reason)
        case socket.gaierror():
            code = GAI_NAME.get(error.errno or 0, str(error.errno))
            kind = GAI.get(error.errno or 0, FailureKind.SERVFAIL)
            return Failure(kind=kind, message=f"{error.strerror}{notes}", code=code)
        case TimeoutError() if error.errno is None:
            return Failure(kind=FailureKind.TIMEOUT, message=f"timed out{notes}", code=None)
        case OSError() if error.errno in ERRNO:
            return Failure(kind=ERRNO[error.errno], message=f"{error.strerror}{notes}", code=errno_name(error.errno))
    name = type(error).__name__
    code = (errno_name(error.errno) or name) if isinstance(error, OSError) else name
    return Failure(kind=FailureKind.BUG, message=f"{type(error).__name__}: {error}{notes}", code=code)
