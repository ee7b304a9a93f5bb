"""Certificates of a simulated world. They are made on demand and are always the same; no key is ever committed.

A key is derived from a label, signatures are deterministic (RFC 6979) and validity is fixed, so the same label gives
the same bytes. There are two authorities: one has Amazon's name, and the simulation trusts it; the other is a company's
own.
"""

import hashlib
import os
import ssl
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probes.frozen import dataclass

NOT_BEFORE: Final = datetime(2020, 1, 1, tzinfo=UTC)
NOT_AFTER: Final = datetime(2049, 12, 31, tzinfo=UTC)
EXPIRED: Final = datetime(2025, 1, 1, tzinfo=UTC)
_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a file there has a name of its own
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A root, and the intermediate that signs certificates for it."""

    root: x509.Certificate
    intermediate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


AUTHORITIES: Final = {
    "amazon": ("Amazon", "Amazon Root CA (simulated)", "Amazon ECDSA (simulated)"),
    "corporate": ("Example Corp", "Example Corp Root CA", "Example Corp TLS Inspection"),
}
"""Organisation, root and intermediate of each issuer."""


@cache
def authority(issuer: str) -> Authority:
    """The authority of an issuer in AUTHORITIES."""
    organization, root_name, intermediate_name = AUTHORITIES[issuer]
    root_key, own = key(root_name), key(intermediate_name)
    root_subject = subject(root_name, organization)
    root = sign(root_subject, root_key, root_subject, root_key, path_length=1)
    intermediate = sign(subject(intermediate_name, organization), own, root_subject, root_key, path_length=0)
    return Authority(root=root, intermediate=intermediate, key=own)


def root_pem(issuer: str) -> str:
    """The root of an issuer, in PEM."""
    return authority(issuer).root.public_bytes(Encoding.PEM).decode("ascii")


@cache
def server_context(
    issuer: str,
    names: tuple[str, ...],
    *,
    expired: bool = False,
    none_in_common: bool = False,
    refuses_name: bool = False,
    leaf_alone: bool = False,
) -> ssl.SSLContext:
    """The TLS context of a server with a certificate for `names`.

    With `expired`, the certificate is no longer valid; with `leaf_alone`, the server does not send the issuer's
    certificate; with `none_in_common`, it accepts only ciphers for a kind of key that it does not have; and with
    `refuses_name`, it refuses every name that a client asks for (RFC 6066, section 3).
    """
    signer = authority(issuer)
    own = key(f"{issuer} {names[0]}")
    until = EXPIRED if expired else NOT_AFTER
    leaf = sign(subject(names[0]), own, signer.intermediate.subject, signer.key, names=names, not_after=until)
    context = loaded(own, [leaf] if leaf_alone else [leaf, signer.intermediate])
    if none_in_common:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    if refuses_name:
        context.sni_callback = lambda *_: ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    return context


def loaded(own: ec.EllipticCurvePrivateKey, chain: Sequence[x509.Certificate]) -> ssl.SSLContext:
    """The context of a server that presents `chain`, its own certificate first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    # The ssl module reads keys only from files. A file in memory works even if the disk is full.
    with tempfile.NamedTemporaryFile(dir=_IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None) as file:
        file.write(
            own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)
        )
        file.flush()
        context.load_cert_chain(file.name)
    return context


def key(label: str) -> ec.EllipticCurvePrivateKey:
    """The key that a label determines."""
    number = int.from_bytes(hashlib.sha512(label.encode()).digest()) % (_P256_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def subject(common_name: str, organization: str | None = None) -> x509.Name:
    """A subject's distinguished name."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])]
    if organization is not None:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def sign(
    owner: x509.Name,
    own: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    path_length: int | None = None,
    names: tuple[str, ...] = (),
    not_after: datetime = NOT_AFTER,
) -> x509.Certificate:
    """A certificate for `owner`: with `path_length` that of an authority, otherwise that of a server with these
    `names`."""
    serial = int.from_bytes(hashlib.sha256(owner.public_bytes() + issuer.public_bytes()).digest()[:16]) | 1
    builder = (
        x509.CertificateBuilder(issuer, owner, own.public_key(), serial, NOT_BEFORE, not_after)
        .add_extension(x509.BasicConstraints(ca=path_length is not None, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    else:
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, SHA256(), ecdsa_deterministic=True)
