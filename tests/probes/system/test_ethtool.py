"""A driver's statistics, which are read through a function that replaces the kernel."""

import errno
import struct
from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.system.ethtool import MAX_STATISTICS, statistics
from tests.support import extent
from tests.support.fakes import os_error

GSSET_INFO, GSTRINGS, GSTATS = 0x37, 0x1B, 0x1D
ENA: Final = {
    "tx_timeout": 0,
    "bw_in_allowance_exceeded": 5,
    "pps_allowance_exceeded": (1 << 64) - 1,
    "linklocal_allowance_exceeded": 1024,
}


class Driver:
    """A simulated kernel that fills the structures of linux/ethtool.h with the counters of one driver."""

    def __init__(self, counters: Mapping[str, int], *, known: bool = True, count: int | None = None) -> None:
        self._counters = counters
        self._known = known
        self._count = len(counters) if count is None else count
        self.asked: list[tuple[str, int, int]] = []

    def fill(self, interface: str, request: bytearray) -> None:
        (command,) = struct.unpack_from("=I", request)
        self.asked.append((interface, command, len(request)))
        if command == GSSET_INFO:
            (wanted,) = struct.unpack_from("=Q", request, 8)
            assert wanted == 1 << 1, "only the statistics"
            struct.pack_into("=QI", request, 8, wanted if self._known else 0, self._count)
        elif command == GSTRINGS:
            assert struct.unpack_from("=II", request, 4) == (1, self._count)
            for place, name in enumerate(self._counters):
                struct.pack_into("=32s", request, 12 + 32 * place, name.encode("latin-1"))
        else:
            assert command == GSTATS
            assert struct.unpack_from("=I", request, 4) == (self._count,)
            for place, value in enumerate(self._counters.values()):
                struct.pack_into("=Q", request, 8 + 8 * place, value)


def test_names_and_values() -> None:
    driver = Driver(ENA)
    assert statistics(driver.fill, "ens5") == ENA
    assert driver.asked == [
        ("ens5", GSSET_INFO, 20),
        ("ens5", GSTRINGS, 12 + 32 * len(ENA)),
        ("ens5", GSTATS, 8 + 8 * len(ENA)),
    ]


@pytest.mark.parametrize(
    "driver",
    [
        pytest.param(Driver({}), id="no statistics"),
        pytest.param(Driver(ENA, known=False), id="a driver that has none of that kind"),
        pytest.param(Driver(ENA, count=MAX_STATISTICS + 1), id="more than can be"),
        pytest.param(Driver(ENA, count=(1 << 32) - 1), id="as many as a number can say"),
    ],
)
def test_nothing_to_read(driver: Driver) -> None:
    assert statistics(driver.fill, "lo") == {}
    assert len(driver.asked) == 1, "nothing more is asked for"


def test_a_name_is_what_comes_before_the_zero() -> None:
    names = {"": 1, "a" * 32: 2, "b\0rest": 3, "\xff": 4}
    assert statistics(Driver(names).fill, "ens5") == {"": 1, "a" * 32: 2, "b": 3, "\ufffd": 4}


def test_a_driver_that_refuses() -> None:
    def fill(interface: str, request: bytearray) -> None:
        raise os_error(errno.EOPNOTSUPP)

    with pytest.raises(OSError) as caught:  # noqa: PT011 - any OSError; which one is the driver's
        statistics(fill, "lo")
    assert caught.value.errno == errno.EOPNOTSUPP


@settings(max_examples=extent.examples(100), deadline=None)
@given(st.binary(max_size=64), st.integers(0, 64))
def test_whatever_the_kernel_writes(noise: bytes, count: int) -> None:
    def fill(interface: str, request: bytearray) -> None:
        request[8 : 8 + len(noise)] = noise[: max(len(request) - 8, 0)]
        if len(request) == 20:
            struct.pack_into("=I", request, 16, count)

    counters = statistics(fill, "ens5")
    assert len(counters) <= count
