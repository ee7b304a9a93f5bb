"""URLs without the credentials in them."""

import re
from typing import Final

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def masked_proxy(url: str) -> str:
    """A proxy URL without user and password: `http://me:secret@proxy.example` as `http://***@proxy.example`."""
    scheme = found.group() if (found := _SCHEME.match(url)) else ""
    credentials, _, host = url[len(scheme) :].rpartition("@")
    return f"{scheme}***@{host}" if credentials else url
