"""The tables that map exceptions to kinds of failures, row by row, including rows that an earlier and more general row
could hide.
"""

import errno
import os
import socket
import ssl

import pytest

from probes.failure import ERRNO, GAI, VERIFY, PeerClosedError, classify, errno_name
from probes.model import FailureKind, ProbeError

ERRNO_ROWS = {
    "ETIMEDOUT": FailureKind.TIMEOUT,
    "ECONNREFUSED": FailureKind.REFUSED,
    "ECONNRESET": FailureKind.RESET,
    "EPIPE": FailureKind.RESET,
    "ECONNABORTED": FailureKind.RESET,
    "EHOSTUNREACH": FailureKind.UNREACHABLE,
    "ENETUNREACH": FailureKind.UNREACHABLE,
    "EHOSTDOWN": FailureKind.UNREACHABLE,
    "ENETDOWN": FailureKind.UNREACHABLE,
    "EAFNOSUPPORT": FailureKind.UNREACHABLE,
    "EINVAL": FailureKind.UNREACHABLE,
    "ENODEV": FailureKind.UNREACHABLE,
    "EACCES": FailureKind.PROHIBITED,
    "EPERM": FailureKind.PROHIBITED,
    "EADDRNOTAVAIL": FailureKind.NO_SOURCE_PORT,
    # The kernel's own translation of ICMP errors: protocol unreachable, source route failed, host isolated,
    # parameter problem.
    "ENOPROTOOPT": FailureKind.UNREACHABLE,
    "EOPNOTSUPP": FailureKind.UNREACHABLE,
    "ENONET": FailureKind.UNREACHABLE,
    "EPROTO": FailureKind.UNREACHABLE,
}

GAI_ROWS = {
    "EAI_NONAME": FailureKind.NXDOMAIN,
    "EAI_AGAIN": FailureKind.SERVFAIL,
    "EAI_FAIL": FailureKind.SERVFAIL,
    "EAI_NODATA": FailureKind.NODATA,
    "EAI_ADDRFAMILY": FailureKind.NODATA,
    "EAI_SYSTEM": FailureKind.SERVFAIL,
    "EAI_MEMORY": FailureKind.SERVFAIL,
}

ALERTS = (
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_UNEXPECTED_MESSAGE",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "TLSV1_ALERT_INTERNAL_ERROR",
    "TLSV1_ALERT_UNKNOWN_CA",
    "TLSV1_ALERT_ACCESS_DENIED",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    # Alerts without `ALERT` in their names (RFC 6066, section 3 and RFC 8446, section 6).
    "TLSV1_UNRECOGNIZED_NAME",
    "TLSV1_UNSUPPORTED_EXTENSION",
    "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE",
)


def verify_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "why not"
    error.reason = "CERTIFICATE_VERIFY_FAILED"
    return error


def ssl_error(reason: str, number: int = 1) -> ssl.SSLError:
    error = ssl.SSLError(number, "text that is never read")
    error.reason = reason
    return error


@pytest.mark.parametrize("name", ERRNO_ROWS)
def test_errno(name: str) -> None:
    number = getattr(errno, name)
    failure = classify(OSError(number, os.strerror(number)))  # for ETIMEDOUT, for example, Python makes a TimeoutError
    assert (failure.kind, failure.code) == (ERRNO_ROWS[name], errno.errorcode[number])
    assert failure.message == os.strerror(number)


@pytest.mark.parametrize("name", GAI_ROWS)
def test_getaddrinfo(name: str) -> None:
    failure = classify(socket.gaierror(getattr(socket, name), "said the C library"))
    assert (failure.kind, failure.code) == (GAI_ROWS[name], name)
    assert failure.message == "said the C library"


def test_getaddrinfo_with_a_number_of_no_name() -> None:
    failure = classify(socket.gaierror(-4711, "something"))
    assert (failure.kind, failure.code) == (FailureKind.SERVFAIL, "-4711")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        pytest.param(62, FailureKind.TLS_HOSTNAME, id="another name"),
        pytest.param(64, FailureKind.TLS_HOSTNAME, id="another address"),
        pytest.param(10, FailureKind.TLS_EXPIRED, id="expired"),
        pytest.param(9, FailureKind.TLS_NOT_YET_VALID, id="not yet valid"),
        pytest.param(18, FailureKind.TLS_UNTRUSTED, id="self-signed"),
        pytest.param(19, FailureKind.TLS_UNTRUSTED, id="self-signed in the chain"),
        pytest.param(20, FailureKind.TLS_UNTRUSTED, id="issuer not found"),
        pytest.param(23, FailureKind.TLS_UNTRUSTED, id="revoked"),
    ],
)
def test_verify_code(code: int, kind: FailureKind) -> None:
    failure = classify(verify_error(code))  # is also an SSLError, an OSError with errno 1 and a ValueError
    assert (failure.kind, failure.code, failure.message) == (kind, str(code), "why not")


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        pytest.param(ERRNO, {getattr(errno, name) for name in ERRNO_ROWS}, id="errno"),
        pytest.param(GAI, {getattr(socket, name) for name in GAI_ROWS} - {-10, -11}, id="getaddrinfo"),
        pytest.param(VERIFY, {62, 64, 10, 9}, id="verify codes"),
    ],
)
def test_no_row_of_a_table_is_untested(table: dict[int, FailureKind], rows: set[int]) -> None:
    assert set(table) == rows


@pytest.mark.parametrize("reason", ALERTS)
def test_alert(reason: str) -> None:
    failure = classify(ssl_error(reason))
    assert (failure.kind, failure.code) == (FailureKind.TLS_ALERT, reason)
    assert failure.message == reason.lower().replace("_", " ")


@pytest.mark.parametrize(
    "reason",
    [
        "WRONG_VERSION_NUMBER",
        "UNSUPPORTED_PROTOCOL",
        "BAD_RECORD_TYPE",
        "UNEXPECTED_MESSAGE",
        # These names contain `ALERT`, but are not about alerts.
        "UNKNOWN_ALERT_TYPE",
        "INVALID_ALERT",
        "TOO_MANY_WARN_ALERTS",
    ],
)
def test_what_is_no_alert_is_malformed(reason: str) -> None:
    assert classify(ssl_error(reason)).kind is FailureKind.MALFORMED


def test_ssl_without_a_reason() -> None:
    error = ssl.SSLError(1, "no library, no reason")
    error.reason = None  # type: ignore[assignment]  # so it is where OpenSSL left no error behind
    assert (classify(error).kind, classify(error).code) == (FailureKind.MALFORMED, "SSL_ERROR")


@pytest.mark.parametrize("of", [ssl.SSLEOFError, ssl.SSLZeroReturnError])
def test_ssl_end_is_closed(of: type[ssl.SSLError]) -> None:
    error = of(8, "EOF occurred in violation of protocol")
    error.reason = "UNEXPECTED_EOF_WHILE_READING"
    assert classify(error).kind is FailureKind.CLOSED


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.EPIPE, errno.EINVAL])
def test_number_of_an_ssl_error_is_no_errno(number: int) -> None:
    assert classify(ssl_error("WRONG_VERSION_NUMBER", number)).kind is FailureKind.MALFORMED


def test_probe_error_keeps_what_it_says() -> None:
    failure = classify(ProbeError(FailureKind.NXDOMAIN, "the resolver answered NXDOMAIN", code="NXDOMAIN"))
    assert (failure.kind, failure.message, failure.code) == (
        FailureKind.NXDOMAIN,
        "the resolver answered NXDOMAIN",
        "NXDOMAIN",
    )


def test_peer_closed() -> None:
    failure = classify(PeerClosedError())
    assert (failure.kind, failure.message, failure.code) == (FailureKind.CLOSED, "the peer closed the connection", None)


def test_own_timeout_has_no_errno() -> None:
    failure = classify(TimeoutError())
    assert (failure.kind, failure.code) == (FailureKind.TIMEOUT, None)


def test_expired_window_outranks_what_was_raised_after_it() -> None:
    failure = classify(ConnectionResetError(errno.ECONNRESET, "by a clean-up"), expired_after=3.0)
    assert (failure.kind, failure.message, failure.code) == (FailureKind.TIMEOUT, "no end within 3 s", None)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("timed out"), id="text of a timeout"),
        pytest.param(RuntimeError("Connection refused"), id="text of a refusal"),
        pytest.param(OSError(errno.EBADF, "Bad file descriptor"), id="an errno of ours"),
        pytest.param(OSError("no number at all"), id="no errno"),
        pytest.param(ExceptionGroup("several", [TimeoutError()]), id="group"),
        pytest.param(Warning("raised"), id="warning"),
    ],
)
def test_what_no_table_knows_is_a_bug(error: Exception) -> None:
    failure = classify(error)
    named = "EBADF" if getattr(error, "errno", None) == errno.EBADF else type(error).__name__
    assert (failure.kind, failure.code) == (FailureKind.BUG, named)
    assert failure.message == f"{type(error).__name__}: {error}"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ProbeError(FailureKind.NODATA, "nothing"), id="ours"),
        pytest.param(PeerClosedError(), id="closed"),
        pytest.param(verify_error(20), id="verify"),
        pytest.param(ssl_error("TLSV1_ALERT_INTERNAL_ERROR"), id="alert"),
        pytest.param(socket.gaierror(socket.EAI_AGAIN, "again"), id="getaddrinfo"),
        pytest.param(TimeoutError(), id="timeout"),
        pytest.param(OSError(errno.ECONNREFUSED, "refused"), id="errno"),
        pytest.param(KeyError("x"), id="bug"),
    ],
)
@pytest.mark.parametrize("expired_after", [None, 1.5])
def test_notes_are_kept(error: Exception, expired_after: float | None) -> None:
    error.__notes__ = ["while sending"]
    assert classify(error, expired_after=expired_after).message.endswith(" (while sending)")


@pytest.mark.parametrize(
    ("number", "name"),
    [
        pytest.param(errno.ECONNREFUSED, "ECONNREFUSED", id="known"),
        pytest.param(4711, "4711", id="unknown"),
        pytest.param(None, None, id="none"),
    ],
)
def test_errno_name(number: int | None, name: str | None) -> None:
    assert errno_name(number) == name
