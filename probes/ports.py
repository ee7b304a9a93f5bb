"""The TCP ports that probes connect to."""

from typing import Final

HTTPS: Final = 443
SUPPORT_CHANNEL: Final = 2222
"""AWS Support's SSH channel of a gateway: no TLS port (Storage Gateway User Guide, Requirements)."""
