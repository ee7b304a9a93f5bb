"""The names of operations: what tells observations of one step apart, in reports and in the code."""

from typing import Final

HOST: Final = "host"
SDK_SETTINGS: Final = "sdk-settings"
WORKLOADS: Final = "workloads"
PROXY: Final = "proxy"
ALLOWANCES: Final = "allowances"
METADATA_PROXY: Final = "metadata-proxy"
PROXY_CONNECT: Final = "proxy-connect"
CONTAINER: Final = "container-credentials"
INSTANCE_ROLE: Final = "instance-role"
"""What metadata says of the role that it names, asked where the SDK found no credentials."""
GETADDRINFO: Final = "getaddrinfo"
PADDED: Final = "padded"
FURTHER_PAGES: Final = "further-pages"
"""The rest of a list whose first page the signed call gave."""
SMALL_SEGMENTS: Final = "small-segments"
OTHER_NAME: Final = "other-name"
APPLIANCE: Final = "appliance-"
"""Start of the operation of an appliance's name; its label follows."""
DUAL_STACK_NAME: Final = "dual-stack-name"
WITHOUT_SEARCH: Final = "without-search"
"""The name with a final dot, which no search list completes."""
SEARCH_DOMAINS: Final = tuple(f"search-domain-{place}" for place in range(1, 7))
"""The name completed by each domain of the search list, in its order. Further ones are left out: glibc before 2.26
takes six (resolv.conf(5))."""
