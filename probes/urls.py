"""Mask the secrets in URLs."""

import re
from typing import Final

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_URL: Final = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*://)(\S+)")
_HOST: Final = re.compile(r"(?:[^:\[\]]+|\[[^\[\]]*\]?)(?::[0-9]*)?")
_AFTER: Final = "'\")].,:;"
"""Characters that a sentence may have right after a URL."""


def masked_proxy(url: str) -> str:
    """Return a proxy or endpoint URL without user, password and query: `http://me:secret@proxy.example?key=secret` as
    `http://***@proxy.example?***`."""
    scheme = match.group() if (match := _SCHEME.match(url)) else ""
    credentials, at, host = url[len(scheme) :].rpartition("@")
    place = re.split(r"[?#]", host, maxsplit=1)
    shown = host if len(place) == 1 else f"{place[0]}?***"
    return f"{scheme}{'***' if credentials else ''}{at}{shown}"


def masked_urls(text: str) -> str:
    """Return a text in which only the scheme, host and port of each URL are left, since a password or a token may be in
    the rest."""
    return _URL.sub(_masked, text) if "://" in text else text


def _masked(match: re.Match[str]) -> str:
    scheme, rest = match.groups()
    url = rest.rstrip(_AFTER)
    after = rest[len(url) :]
    place, *more = re.split(r"[/?#\\]", url, maxsplit=1)
    host = place.rpartition("@")[2]
    # A password may contain a slash or a space, so the text before a slash or a space may be a user and a part of the
    # password.
    if (more and "@" in more[0]) or _HOST.fullmatch(host) is None:
        return f"{scheme}...{after}"
    return f"{scheme}{host}{'/...' if any(more) else ''}{after}"
