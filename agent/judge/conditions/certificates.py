"""Whose certificate a handshake showed."""

from typing import Final

from probes.facts import Certificate, TlsFacts
from probes.model import Observation

AMAZON: Final = frozenset({"Amazon", "Starfield Technologies, Inc."})
"""Organisations whose authorities sign AWS endpoints (Amazon Trust Services)."""
ISSUED_BY_AMAZON: Final = frozenset({"aws", "aws-us-gov"})
"""Partitions in which Amazon alone signs them."""


def leaf_of(handshake: Observation[TlsFacts]) -> Certificate | None:
    facts = handshake.facts
    return facts.certificates[0] if facts is not None and facts.certificates else None


def is_from_other_issuer(handshake: Observation[TlsFacts]) -> bool:
    """Whether a certificate was seen whose issuer is not Amazon."""
    leaf = leaf_of(handshake)
    return leaf is not None and leaf.issuer_organization not in AMAZON
