"""The TCP ports to which probes connect."""

from typing import Final

HTTPS: Final = 443
SUPPORT_CHANNEL: Final = 2222
"""The port of a gateway's SSH channel to AWS Support. It does not use TLS (Storage Gateway User Guide,
Requirements)."""
