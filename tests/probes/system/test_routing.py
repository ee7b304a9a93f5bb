"""The lines that show the kernel's routing tables, compared with the output of ip(8) on the same kernel."""

import re
import shutil
import subprocess

import pytest

from probes.system import routing
from probes.system.netlink import LINUX

pytestmark = pytest.mark.skipif(not LINUX or shutil.which("ip") is None, reason="needs Linux and ip(8)")


IP = shutil.which("ip") or ""


def ip(*words: str) -> list[str]:
    """The lines of `ip` for both families."""
    done = [subprocess.run([IP, family, *words], capture_output=True, text=True, check=True) for family in ("-4", "-6")]
    return [line for one in done for line in one.stdout.splitlines()]


def test_routes_are_those_that_ip_shows() -> None:
    def pair(line: str) -> tuple[str, str | None]:
        words = line.split()
        kinds = (
            "local",
            "broadcast",
            "anycast",
            "multicast",
            "blackhole",
            "unreachable",
            "prohibit",
            "throw",
            "unicast",
        )
        return words[words[0] in kinds], words[words.index("dev") + 1] if "dev" in words else None

    assert sorted(map(pair, routing.routes()), key=str) == sorted(
        map(pair, ip("route", "show", "table", "all")), key=str
    )


def test_rules_are_those_that_ip_shows() -> None:
    shown = [re.sub(r"\s+", " ", line).strip() for line in ip("-N", "rule", "show")]
    assert routing.rules() == shown


def test_neighbours_have_no_link_layer_address() -> None:
    assert all(re.fullmatch(r"[0-9a-f.:]+ dev \S+ (?:[a-z]+|0x[0-9a-f]+)", line) for line in routing.neighbours())


def test_a_system_that_does_not_say_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "ask_kernel", lambda *_, **__: None)
    for read in (routing.routes, routing.rules, routing.neighbours):
        with pytest.raises(OSError, match="does not say"):
            read()


def test_of_a_table_without_end_the_first_lines_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    every = routing.routes()
    assert len(every) > 1
    monkeypatch.setattr(routing, "MAX_LINES", 1)
    assert routing.routes() == every[:1]
