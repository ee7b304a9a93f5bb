"""Parse the values that a person types, and refuse bad values with a message.

Options, variables, the configuration file and the form of the terminal interface all parse a value in the same way.
"""

import math
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from agent.catalog.partitions import is_region
from agent.catalog.vpce import named_endpoint
from agent.settings import MAX_INTERVAL, MIN_INTERVAL
from probes.frozen import dataclass
from probes.model import Address
from probes.urls import masked_urls

MAX_TEXT: Final = 4_096
"""Maximum length of a value. It is the maximum length of a path (PATH_MAX), and no other value is longer."""
_MAX_INTERFACE: Final = 15
"""Maximum characters of an interface's name (IFNAMSIZ of linux/if.h)."""


@dataclass(frozen=True, slots=True)
class ValueType:
    """A parser from text to value, with its help and its error message."""

    name: str
    """The placeholder in the help, as in `--timeout SECONDS`."""
    convert: Callable[[str], Any]
    """Converts the text. Raises ValueError."""
    wanted: str | None
    """What a value must be, in words that can follow `is not`. None if the error of `convert` is already a complete
    message."""
    is_secret: bool = False
    """Whether messages must not repeat the text. If so, `wanted` is None, and the error of `convert` does not repeat
    the text either."""

    def read(self, text: str) -> Any:
        """The value of a text. Raises ValueError with a message for the operator."""
        if len(text) > MAX_TEXT or "\0" in text:
            raise ValueError(f"a text of at most {MAX_TEXT} characters without NUL belongs here.")
        try:
            return self.convert(text)
        except ValueError as error:
            raise ValueError(masked_urls(f"{text!r} is not {self.wanted}." if self.wanted else str(error))) from error


def region(text: str) -> str:
    """A Region's name. Raises ValueError."""
    if not is_region(text):
        raise ValueError(text)
    return text


def address(text: str) -> Address:
    """An IP address; an IPv6 address may have an interface. Raises ValueError."""
    parsed = ip_address(text)
    interface = parsed.scope_id or "" if isinstance(parsed, IPv6Address) else ""
    if len(interface) > _MAX_INTERFACE or not (interface.isascii() and interface.isprintable()):
        raise ValueError(text)
    return parsed


def seconds(low: float, high: float) -> ValueType:
    """A time from `low` to `high` seconds."""

    def convert(text: str) -> float:
        value = float(text)
        if not (text.isascii() and "_" not in text and math.isfinite(value) and low <= value <= high):
            raise ValueError(text)
        return value

    return ValueType("seconds", convert, f"a number of seconds from {low:g} to {high:g}")


REGION: Final = ValueType("region", region, "the name of a Region, such as eu-west-1")
ADDRESS: Final = ValueType("address", address, "an IP address")
ENDPOINT: Final = ValueType("[service=]name", named_endpoint, None)
TIMEOUT: Final = seconds(0.1, 60)
"""The seconds that a single step may take."""
DEADLINE: Final = seconds(1, 3600)
"""The seconds that a whole run may take."""
INTERVAL: Final = seconds(MIN_INTERVAL, MAX_INTERVAL)
"""The seconds from the start of one cycle to the start of the next."""
