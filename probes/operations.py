"""The names of operations: what tells observations of one step apart, in reports and in the code."""

from typing import Final

HOST: Final = "host"
SDK_SETTINGS: Final = "sdk-settings"
PROXY: Final = "proxy"
ALLOWANCES: Final = "allowances"
METADATA_PROXY: Final = "metadata-proxy"
PROXY_CONNECT: Final = "proxy-connect"
CONTAINER: Final = "container-credentials"
GETADDRINFO: Final = "getaddrinfo"
PADDED: Final = "padded"
SMALL_SEGMENTS: Final = "small-segments"
OTHER_NAME: Final = "other-name"
APPLIANCE: Final = "appliance-"
"""Start of the operation of an appliance's name; its label follows."""
DUAL_STACK_NAME: Final = "dual-stack-name"
