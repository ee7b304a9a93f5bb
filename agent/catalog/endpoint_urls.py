"""Endpoint URLs as the SDK reads them."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

REFUSED_URL: Final = "endpoint-url-that-the-sdk-refuses.invalid"


_CUT_OUT: Final = frozenset("\t\r\n")
"""Characters that urlsplit removes silently, and that botocore refuses."""


_LABEL: Final = re.compile(r"(?!-)[a-z\d-]{1,63}(?<!-)")


_MAX_HOST: Final = 255
"""Maximum length of a host name as botocore counts it, which differs from RFC 1035, section 2.3.4."""


def host_of_url(url: str) -> str:
    """The host of an endpoint URL as the SDK reads it, in lower case and without a final dot. For a URL that the SDK
    refuses, this is a name that cannot exist, so that its lookup fails visibly and reveals no secret."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removesuffix(".")
        _ = parts.port  # raises if the port is invalid, which botocore notices only at the call
    except ValueError:
        return REFUSED_URL
    usable = parts.scheme in ("http", "https", "") and _is_host(host) and not _CUT_OUT.intersection(url)
    return host if usable else REFUSED_URL


def is_https(url: str) -> bool:
    """Whether the SDK calls this URL over TLS."""
    return url.lower().startswith("https://")


def _is_host(text: str) -> bool:
    """Whether botocore creates a client for this host (botocore.utils.is_valid_uri)."""
    try:
        ip_address(text)
    except ValueError:
        return len(text) <= _MAX_HOST and all(map(_LABEL.fullmatch, text.split(".")))
    return True
