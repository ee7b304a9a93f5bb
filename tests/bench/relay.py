"""`python -m tests.bench.relay SECONDS`: a cable with a delay. It consists of two TUN devices, and a packet that enters
one of them leaves the other later.

It is for kernels without netem. Both devices are made in one namespace; one can then be moved to another, together with
its open descriptor. It prints `ready` once both exist, and ends when its stdin is closed. Packets keep their order:
each waits equally long, in one queue.
"""

import fcntl
import os
import select
import struct
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Final

NEAR: Final = "near"
FAR: Final = "far"
READY: Final = "ready"
_DEVICE: Final = "/dev/net/tun"
_TUNSETIFF: Final = 0x400454CA
_TUN_WITHOUT_HEADER: Final = 0x0001 | 0x1000
"""IFF_TUN and IFF_NO_PI of linux/if_tun.h."""
_PACKET_BYTES: Final = 65_536


def opened(name: str) -> int:
    """Open a new TUN device; returns its descriptor."""
    descriptor = os.open(_DEVICE, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode("ascii"), _TUN_WITHOUT_HEADER))
    return descriptor


def carry(near: int, far: int, seconds: float) -> None:
    """Carry packets both ways, each `seconds` later, until stdin is closed."""
    other = {near: far, far: near}
    waiting: deque[tuple[float, int, bytes]] = deque()
    over = sys.stdin.fileno()
    while True:
        patience = None if not waiting else max(waiting[0][0] - time.monotonic(), 0.0)
        ready, _, _ = select.select([near, far, over], [], [], patience)
        if over in ready:
            return
        for device in ready:
            with suppress(BlockingIOError):
                while True:
                    packet = os.read(device, _PACKET_BYTES)
                    waiting.append((time.monotonic() + seconds, other[device], packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, device, packet = waiting.popleft()
            with suppress(OSError):  # EIO: the device is not up yet, and drops packets like a cable without a peer
                os.write(device, packet)


def main(seconds: float) -> None:
    """Make the devices, and carry packets."""
    near, far = opened(NEAR), opened(FAR)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    carry(near, far, seconds)


if __name__ == "__main__":
    main(float(sys.argv[1]))
