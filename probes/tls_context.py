"""Make the TLS contexts of a client, which decide what a handshake offers and verifies."""

import ssl


def verifying_contexts(
    *, cafile: str | None = None, capath: str | None = None, cadata: str | None = None
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return two client contexts with the same roots. One verifies chain and name, the other only the chain.

    They require TLS 1.2 or newer, and offer ALPN `http/1.1`. The strict mode of X.509, which Python 3.13 turns on by
    default, is off, since the SDKs of AWS do not use it. Raises OSError and ssl.SSLError.
    """
    contexts = []
    for checks_name in (True, False):
        context = client_context()
        context.load_verify_locations(cafile, capath, cadata)
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = checks_name
        contexts.append(context)
    return contexts[0], contexts[1]


def client_context() -> ssl.SSLContext:
    """Return a client context without any roots, which verifies nothing yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def small_client_context() -> ssl.SSLContext:
    """Return a context like `client_context` whose ClientHello is as small as possible: it offers only TLS 1.2 with
    forward-secret AES-GCM ciphers, and so has no key share."""
    context = client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM")
    return context
