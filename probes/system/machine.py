"""The host that this process runs on.

Facts that only Linux can tell (routes and neighbours by netlink, driver counters) are read on Linux; elsewhere they are
unknown.
"""

import array
import contextlib
import errno
import itertools
import os
import socket
import stat
import struct
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from probes.background import CallsInBackground, in_background
from probes.facts import Interface
from probes.heartbeat import Heartbeat
from probes.model import Address
from probes.seams import AGENT_SECONDS, MAX_FILE_BYTES, MAX_OUTPUT_BYTES, LocalRoute, Trust
from probes.system import ethtool, netlink
from probes.system.kept import Kept
from probes.system.netlink import LINUX, family_of
from probes.system.runs_as import identity_of
from probes.system.trust import load_trust

ALLOWANCE: Final = "_allowance_exceeded"


_NETLINK_SECONDS: Final = 0.5
_RUN_DELAY_SECONDS: Final = 0.02
"""Maximum age in seconds of the kept run delay. If the process was not running, the kept delay is older, and is read
again."""


class SystemMachine:
    """The host that this process runs on."""

    def __init__(self) -> None:
        self._heartbeat = Heartbeat()
        self._calls = CallsInBackground()
        """Makes the calls about files whose file system may never answer."""
        self._trust: Kept[Trust] = Kept()
        self._run_delay: float | None = None
        self._run_delay_until = 0.0
        """The time until which the kept delay may be used, on the clock of time.monotonic()."""

    @property
    def environment(self) -> Mapping[str, str]:
        return os.environ

    @property
    def is_root(self) -> bool:
        return hasattr(os, "geteuid") and os.geteuid() == 0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def identifier(self) -> str:
        return str(uuid.uuid4())

    def read(self, path: str) -> bytes:
        file = Path(path)
        if not stat.S_ISREG(file.stat().st_mode):  # reading a pipe or a terminal could wait for ever
            raise OSError(errno.EINVAL, "not a plain file", path)
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES)

    async def read_of_user(self, path: str) -> bytes:
        return await self._calls.result_of(("read", path), lambda: self.read(path))

    async def entries(self, path: str, most: int) -> tuple[str, ...]:
        def listed() -> tuple[str, ...]:
            with os.scandir(path) as folder:
                return tuple(sorted(entry.name for entry in itertools.islice(folder, most)))

        return await self._calls.result_of(("entries", path, most), listed)

    async def link_target(self, path: str) -> str:
        return await self._calls.result_of(("link", path), lambda: str(Path(path).readlink()))

    async def output_of(self, program: str, option: str) -> str:
        return await in_background(lambda: _output_of(program, option))

    def interfaces(self) -> tuple[Interface, ...] | None:
        if not LINUX:
            return None
        try:
            names = dict(socket.if_nameindex())
            answers = ask_kernel(netlink.addresses_request(), netlink.RTM_NEWADDR)
        except OSError:
            return None
        if answers is None:
            return None
        return tuple(interface for answer in answers if (interface := netlink.interface_of(answer, names)))

    def way(self, address: Address) -> LocalRoute | None:
        if not LINUX:
            return None
        answers = ask_kernel(netlink.route_request(family_of(address), address), netlink.RTM_NEWROUTE, is_dump=False)
        if not answers:
            return None
        route = netlink.route_of(answers[0])
        interface = None
        if route.interface_index is not None:
            with contextlib.suppress(OSError):
                interface = socket.if_indextoname(route.interface_index)
        return LocalRoute(interface=interface, source=route.source, next_hop=route.gateway or address)

    def neighbour(self, way: LocalRoute) -> str | None:
        if not LINUX:
            return None
        try:
            index = None if way.interface is None else socket.if_nametoindex(way.interface)
            answers = ask_kernel(netlink.neighbours_request(family_of(way.next_hop)), netlink.RTM_NEWNEIGH)
        except OSError:
            return None
        return netlink.neighbour_state(answers or (), way.next_hop, index)

    def allowances(self) -> dict[str, int]:
        if not LINUX:
            return {}
        allowances: dict[str, int] = {}
        try:
            names = socket.if_nameindex()
        except OSError:  # a sandbox without netlink
            return {}
        for _, name in names:
            with contextlib.suppress(OSError):  # a driver without statistics
                counters = ethtool.statistics(_ethtool, name)
                allowances |= {f"{name} {key}": value for key, value in counters.items() if key.endswith(ALLOWANCE)}
        return allowances

    async def watch_lateness(self) -> None:
        await self._heartbeat.watch()

    def lateness(self) -> float:
        return self._heartbeat.lateness()

    def run_delay(self) -> float | None:
        # Every step asks for the delay, and reading it each time took a sixteenth of a watch's cycle. The kept value is
        # good enough, since a step reports it in seconds.
        if LINUX and (now := time.monotonic()) >= self._run_delay_until:
            self._run_delay, self._run_delay_until = _read_run_delay(), now + _RUN_DELAY_SECONDS
        return self._run_delay

    async def trust(self, ca_bundle: str | None) -> Trust:
        return await in_background(lambda: load_trust(ca_bundle, self._trust))


def _read_run_delay() -> float | None:
    try:
        # The delay of the main thread in nanoseconds (Documentation/scheduler/sched-stats.rst in the kernel's sources).
        return int(Path("/proc/self/schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):  # a kernel without CONFIG_SCHED_INFO
        return None


def _output_of(program: str, option: str) -> str:
    """Return the output of a program for `SystemMachine.output_of`. This function blocks."""
    import signal
    import subprocess
    import threading

    words, nothing = [program, option], subprocess.DEVNULL
    # The program gets its own session: processes that a launcher started are killed with it, and cannot keep its output
    # open.
    with subprocess.Popen(  # noqa: S603 - an agent by the path that its package gives it, and only on demand
        words,
        stdin=nothing,
        stdout=subprocess.PIPE,
        stderr=nothing,
        env={"PATH": os.defpath},
        cwd="/",
        start_new_session=True,
        **identity_of(program),
    ) as process:

        def end() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        killer = threading.Timer(AGENT_SECONDS, end)
        killer.daemon = True
        killer.start()
        try:
            given = b"" if process.stdout is None else process.stdout.read(MAX_OUTPUT_BYTES)
            return given.decode("utf-8", "replace")
        finally:
            killer.cancel()
            end()


def _ethtool(interface: str, request: bytearray) -> None:
    """Let the driver of an interface fill in an ethtool request (linux/ethtool.h). Raises OSError."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        buffer = array.array("B", request)
        address, _ = buffer.buffer_info()
        fcntl.ioctl(channel.fileno(), ethtool.SIOCETHTOOL, struct.pack("16sP", interface.encode()[:15], address))
        request[:] = buffer.tobytes()


def ask_kernel(
    request: bytes, wanted: int, *, is_dump: bool = True, most: int | None = None
) -> tuple[bytes, ...] | None:
    """Return payloads of the kernel's answers of type `wanted`; with `most`, stop as soon as there are that many. None
    if the kernel cannot be asked, for example in a sandbox without netlink. Raises OSError if the kernel answers with
    an error."""
    if sys.platform != "linux":
        return None
    answers = []
    refusal = 0
    ended = False
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as channel:
            channel.settimeout(_NETLINK_SECONDS)
            channel.sendto(request, (0, 0))
            while not ended:
                for kind, payload in netlink.messages(channel.recv(1 << 16)):
                    if kind == wanted:
                        answers.append(payload)
                    elif kind == netlink.NLMSG_ERROR:
                        refusal = netlink.error_number(payload)
                    ended = ended or kind in (netlink.NLMSG_DONE, netlink.NLMSG_ERROR)
                # The answer to a query for less than a whole table has no end marker.
                ended = ended or not is_dump or (most is not None and len(answers) >= most)
    except OSError:
        return None
    if refusal:
        raise OSError(refusal, os.strerror(refusal))
    return tuple(answers)
