"""The roots for verifying certificates. They are the roots that the SDK would use."""

import importlib
import importlib.util
import os
import ssl
import stat
from pathlib import Path
from typing import Final

from probes.failure import errno_name
from probes.model import FailureKind, ProbeError
from probes.seams import Trust
from probes.system.kept import Kept, content_of
from probes.tls_context import verifying_contexts

TRUST_STORES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Amazon Linux, RHEL, Fedora
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS
)


def load_trust(ca_bundle: str | None, kept: Kept[Trust] | None = None) -> Trust:
    """Load the roots of the file or folder `ca_bundle`, otherwise those that the SDK uses if neither AWS_CA_BUNDLE nor
    a profile sets a bundle. `kept` keeps the roots of a file from one call to the next. A folder is not kept: OpenSSL
    reads it only when it verifies a certificate, and then remembers what it found. Raises ProbeError of kind
    `tls-no-trust-store`."""
    bundle, source = _roots_of_sdk() if ca_bundle is None else (ca_bundle, ca_bundle)
    if not bundle.strip():
        raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, "the CA bundle is set to an empty text, and must name a file")
    # urllib3 expands every bundle in this way. Path.expanduser would raise an error if there is no such home.
    path = os.path.expanduser(bundle)  # noqa: PTH111
    source_of = (source, path, content_of(Path(path)))
    return (Kept[Trust]() if kept is None else kept).get(source_of, lambda: _load(path, source))


def _load(path: str, source: str) -> Trust:
    try:
        kind = Path(path).stat().st_mode
        folder = stat.S_ISDIR(kind)
        if not folder and not stat.S_ISREG(kind):  # OpenSSL would never stop reading from a pipe or a device
            raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, f"{source} is neither a plain file nor a folder")
        where = {"capath" if folder else "cafile": path}
        contexts = verifying_contexts(**where)
        if not folder and not contexts[0].cert_store_stats()["x509_ca"]:
            raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, f"{source} contains no certificate authority")
    except OSError as error:
        message = f"{source} cannot be read as certificates: {error.strerror or error}"
        # The number of an SSLError is not an errno(3).
        code = (error.reason or "SSL_ERROR") if isinstance(error, ssl.SSLError) else errno_name(error.errno)
        raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, message, code=code) from error
    except ValueError as error:  # a path with a NUL
        message = "the CA bundle is set to a text that cannot be a path"
        raise ProbeError(FailureKind.TLS_NO_TRUST_STORE, message, code=type(error).__name__) from error
    return Trust(source=source, named=contexts[0], chain_only=contexts[1], folder=folder)


def _roots_of_sdk() -> tuple[str, str]:
    """Return the file of roots that the SDK uses if no setting gives another, and a name for it (botocore,
    EndpointCreator._get_verify_value and httpsession.get_cert_path).

    This is neither the system's list nor SSL_CERT_FILE, unless a distribution has removed the list from botocore.
    Importing certifi is fast, unlike importing botocore.
    """
    if (named := os.environ.get("REQUESTS_CA_BUNDLE")) is not None:
        return named, named
    try:
        # The certifi of a distribution may return the system's file, so the result of its function counts, and not the
        # file in its folder.
        path = str(importlib.import_module("certifi").where())
    except (ImportError, AttributeError):
        spec = importlib.util.find_spec("botocore")
        folders = () if spec is None else spec.submodule_search_locations or ()
        own = [file for folder in folders if (file := Path(folder, "cacert.pem")).is_file()]
        if not own:
            return _roots_of_system()
        path = str(own[0])
    return path, path


def _roots_of_system() -> tuple[str, str]:
    """Return the path of the first existing list of the system's roots, and a name for it. OpenSSL's own default path
    differs from distribution to distribution, so all known paths are tried. Raises ProbeError."""
    for place in TRUST_STORES:
        if Path(place).is_file():
            return place, f"{place} (the system's list: the SDK brings none)"
    raise ProbeError(
        FailureKind.TLS_NO_TRUST_STORE,
        f"no trust store: the SDK brings none, and none of {', '.join(TRUST_STORES)} is there; install ca-certificates "
        "or name a file with --ca-bundle",
    )
