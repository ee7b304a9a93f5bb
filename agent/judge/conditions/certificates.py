"""Issuers and names of the certificates that handshakes showed."""

from typing import Final

from probes.facts import MAX_NAMES, Certificate, TlsFacts
from probes.model import Observation

AMAZON: Final = frozenset({"Amazon", "Starfield Technologies, Inc."})
"""Organisations whose authorities sign AWS endpoints (Amazon Trust Services)."""
ISSUED_BY_AMAZON: Final = frozenset({"aws", "aws-us-gov"})
"""Partitions in which only Amazon signs the certificates of AWS endpoints."""


def leaf_of(handshake: Observation[TlsFacts]) -> Certificate | None:
    facts = handshake.facts
    return facts.certificates[0] if facts is not None and facts.certificates else None


def missing_issuer(handshake: Observation[TlsFacts]) -> str | None:
    """The intermediate authority that one of Amazon's chains lacks, although the server must send it (RFC 8446, section
    4.4.2); None if nothing is missing, or if only a root is missing. Amazon's roots have the word "Root" in their
    names."""
    leaf = leaf_of(handshake)
    if handshake.facts is None or leaf is None or leaf.issuer_organization not in AMAZON:
        return None
    by_subject = {certificate.subject: certificate for certificate in handshake.facts.certificates}
    last = leaf
    for _ in handshake.facts.certificates:
        if last.issuer not in by_subject or last.issuer == last.subject:
            break
        last = by_subject[last.issuer]
    is_root = last.issuer == last.subject or "root" in last.issuer.lower()
    return None if is_root else last.issuer


def is_from_other_issuer(handshake: Observation[TlsFacts]) -> bool:
    """Whether a handshake showed a certificate whose issuer is not Amazon."""
    leaf = leaf_of(handshake)
    return leaf is not None and leaf.issuer_organization not in AMAZON


def is_for_other_names(handshake: Observation[TlsFacts], host: str) -> bool:
    """Whether a handshake showed a certificate with names that all differ from `host` (RFC 9525, section 6.3). False if
    the certificate may have more names than the ones that were read."""
    leaf = leaf_of(handshake)
    if leaf is None or not 0 < len(leaf.names) < MAX_NAMES:
        return False
    exact = host.lower()
    wildcard = f"*.{exact.partition('.')[2]}"
    return not {exact, wildcard} & {name.lower() for name in leaf.names}
