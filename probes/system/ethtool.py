"""Read the statistics of a network driver as `ethtool -S` does, by three ioctl requests. This module packs and
unpacks their bytes, and opens no socket.

The requests read the number of statistics, then their names, then their values (linux/ethtool.h).
"""

import struct
from collections.abc import Callable
from typing import Final

SIOCETHTOOL: Final = 0x8946
MAX_STATISTICS: Final = 4096
_GSSET_INFO: Final = 0x37
_GSTRINGS: Final = 0x1B
_GSTATS: Final = 0x1D
_SS_STATS: Final = 1
_NAME_BYTES: Final = 32


def statistics(fill: Callable[[str, bytearray], None], interface: str) -> dict[str, int]:
    """Return the driver's counters by name. `fill` passes a request to the kernel, which fills in the answer. `fill`
    raises OSError if the driver has no counters."""
    request = bytearray(struct.pack("=IIQI", _GSSET_INFO, 0, 1 << _SS_STATS, 0))
    fill(interface, request)
    (known,) = struct.unpack_from("=Q", request, 8)
    (count,) = struct.unpack_from("=I", request, 16)
    if not known or not 0 < count <= MAX_STATISTICS:
        return {}
    names = bytearray(struct.pack("=III", _GSTRINGS, _SS_STATS, count) + bytes(_NAME_BYTES * count))
    fill(interface, names)
    values = bytearray(struct.pack("=II", _GSTATS, count) + bytes(8 * count))
    fill(interface, values)
    counters = {}
    for place in range(count):
        start = 12 + place * _NAME_BYTES
        name = bytes(names[start : start + _NAME_BYTES]).partition(b"\0")[0].decode("ascii", "replace")
        (counters[name],) = struct.unpack_from("=Q", values, 8 + place * 8)
    return counters
