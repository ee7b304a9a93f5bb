"""The cost of one step in a running process, compared with OpenSSL's own client, and with Prometheus's exporter."""

import json
import re
import sys
from pathlib import Path
from typing import Final

from probes.ports import HTTPS
from probes.steps.dns import DNS_PORT
from tests.bench.promise import Benchmark, Figure, Promise
from tests.bench.rivals import EXPORTER, OPENSSL
from tests.bench.server import HOST, RESOLVER
from tests.bench.spaces import Lab, lab
from tests.bench.spent import in_turn, median, ratio

AT_ONCE: Final = 32
HANDSHAKES: Final = 640
QUERIES: Final = 1_920
TIMED_SECONDS: Final = 2
"""The seconds of wall time for the option `-time` of s_time(1)."""
_CONNECTIONS: Final = re.compile(r"^(\d+) connections in .* real seconds", re.MULTILINE)
_EXPORTER: Final = """
modules:
  tls:
    prober: tcp
    timeout: 20s
    tcp: {{ preferred_ip_protocol: ip4, tls: true, tls_config: {{ ca_file: {roots}, server_name: {host} }} }}
  dns:
    prober: dns
    timeout: 20s
    dns: {{ preferred_ip_protocol: ip4, transport_protocol: udp, query_name: {host}, query_type: A }}
"""


def beside_openssl() -> tuple[Figure, ...]:
    """The CPU of a ladder's first two rungs, divided by that of a connection of `openssl s_time`. Both use TLS 1.3 and
    verify the certificate.
    """
    with lab() as there:
        rounds = in_turn(lambda: _ours(there, "handshakes", HANDSHAKES), lambda: _timed_by_openssl(there))
    return (_figure(rounds, "32 at once; s_time makes one after the other"),)


def beside_exporter() -> tuple[Figure, ...]:
    """The CPU of a TLS probe and of a DNS probe, each divided by that of the exporter's probe. 32 probes
    run at once.
    """
    with lab() as there:
        config = there.folder / "exporter.yml"
        config.write_text(_EXPORTER.format(roots=there.roots, host=HOST), encoding="ascii")
        tls = in_turn(
            lambda: _ours(there, "handshakes", HANDSHAKES),
            lambda: _exporter(there, config, "tls", f"{RESOLVER}:{HTTPS}", HANDSHAKES),
        )
        dns = in_turn(
            lambda: _ours(there, "names", QUERIES),
            lambda: _exporter(there, config, "dns", f"{RESOLVER}:{DNS_PORT}", QUERIES),
        )
    note = "probes of the library in one long process; the exporter with its scrapes"
    return _figure(tls, note), _figure(dns, note)


def _figure(rounds: list[tuple[float, ...]], note: str) -> Figure:
    ours, theirs = (median(rounds, _same, place) * 1000 for place in range(2))
    return Figure(ratio(rounds, _same), f"{ours:.2f} ms against {theirs:.2f} ms; {note}")


def _same(seconds: float) -> float:
    return seconds


def _ours(there: Lab, work: str, count: int) -> float:
    """The CPU seconds of one step."""
    options = ("--count", str(count), "--at-once", str(AT_ONCE), "--roots", str(there.roots))
    spent = there.run(sys.executable, "-m", "tests.bench.worker", work, *options)
    before, after = (json.loads(line)["cpu"] for line in spent.output.splitlines())
    return float(after - before) / count


def _timed_by_openssl(there: Lab) -> float:
    """CPU seconds of one connection."""
    options = ("-connect", f"{RESOLVER}:{HTTPS}", "-new", "-tls1_3", "-CAfile", str(there.roots), "-verify", "3")
    spent = there.run(OPENSSL.path(), "s_time", *options, "-time", str(TIMED_SECONDS))
    match = _CONNECTIONS.search(spent.output)
    if match is None:
        raise RuntimeError(f"openssl s_time says nothing of connections: {spent.output[-300:]}")
    return spent.cpu / int(match[1])


def _exporter(there: Lab, config: Path, module: str, target: str, count: int) -> float:
    """CPU seconds of one probe of the exporter."""
    words = (f"{module}={target}", "--count", str(count), "--at-once", str(AT_ONCE))
    spent = there.run(sys.executable, "-m", "tests.bench.scrape", EXPORTER.path(), str(config), *words)
    return float(spent.output) / count


_WATCH: Final = "prometheus-blackbox-exporter"
MEASUREMENTS: Final = (
    Benchmark(
        promises=(Promise(what="TCP and TLS of one ladder, CPU", against="a connection of openssl s_time", limit=1.2),),
        measure=beside_openssl,
        needs=(OPENSSL,),
    ),
    Benchmark(
        promises=(
            Promise(what="a TLS probe, CPU, 32 at once", against=_WATCH, limit=1.1),
            Promise(what="a DNS probe, CPU, 32 at once", against=_WATCH, limit=0.5),
        ),
        measure=beside_exporter,
        needs=(EXPORTER,),
    ),
)
