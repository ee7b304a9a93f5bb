"""The TCP ports to which probes connect."""

from typing import Final

HTTPS: Final = 443
SUPPORT_CHANNEL: Final = 2222
"""AWS Support's SSH channel of a gateway, which does not use TLS (Storage Gateway User Guide, Requirements)."""
