"""The cost of a watch: of a cycle, compared with the same probes of Prometheus's exporter, and of ten minutes with real
sockets.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agent.simulated.scenario import Scenario
from tests.bench.promise import Benchmark, Figure, Promise
from tests.bench.rivals import EXPORTER
from tests.bench.spaces import Host, host
from tests.bench.spent import in_turn, median, ratio
from tests.formats.monitors import samples_in
from tests.support.repository import ROOT

CYCLES: Final = 20
AT_ONCE: Final = 32
SOAK_SECONDS: Final = 600.0
INTERVAL: Final = 10
_TLS_PORTS: Final = (1026, 1027, 1028, 1031)
_SSH_PORT: Final = 2222
_SERVICES: Final = ("backup", "backup-gateway")


def _modules(scenario: Scenario, roots: Path) -> str:
    """A configuration with which the exporter makes the probes of a cycle. The certificates at a gateway's own ports
    are for other names, so the exporter does not verify these certificates; backuplink verifies their chain.
    """
    text = "modules:\n"
    for row, service in zip(scenario.dns, _SERVICES, strict=True):
        tls = f"tls_config: {{ ca_file: {roots}, server_name: {row.name} }}"
        text += f"""\
  https-{service}:
    prober: http
    timeout: 20s
    http:
      preferred_ip_protocol: ip4
      valid_status_codes: [200, 400, 403, 404]
      headers: {{ Host: {row.name} }}
      {tls}
  tls-{service}:
    prober: tcp
    timeout: 20s
    tcp: {{ preferred_ip_protocol: ip4, tls: true, tls_config: {{ insecure_skip_verify: true }} }}
"""
        for record in ("A", "AAAA"):
            text += f"""\
  {record}-{service}:
    prober: dns
    timeout: 20s
    dns: {{ preferred_ip_protocol: ip4, transport_protocol: udp, query_name: {row.name}, query_type: {record} }}
"""
    return text + "  tcp:\n    prober: tcp\n    timeout: 20s\n    tcp: { preferred_ip_protocol: ip4 }\n"


def _probes(scenario: Scenario) -> Iterator[str]:
    """The network probes of a cycle, as `MODULE=TARGET`."""
    for row, service in zip(scenario.dns, _SERVICES, strict=True):
        for resolver in row.resolvers:
            for record in ("A", "AAAA"):
                yield f"{record}-{service}={resolver}:53"
        for address in row.a:
            yield f"https-{service}=https://{address}/"
            if service == "backup-gateway":
                yield from (f"tls-{service}={address}:{port}" for port in _TLS_PORTS)
                yield f"tcp={address}:{_SSH_PORT}"


def beside_exporter() -> tuple[Figure, ...]:
    """The CPU of a cycle, divided by that of the exporter for the same probes of names, ports, TLS and HTTP."""
    with host() as there, tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "exporter.yml")
        config.write_text(_modules(there.vpc.scenario, there.roots), encoding="ascii")
        probes = tuple(_probes(there.vpc.scenario))
        rounds = in_turn(lambda: _cycle(there), lambda: _exporter(there, config, probes))
    ours, theirs = (median(rounds, float, place) * 1000 for place in range(2))
    compared = f"{ours:.1f} ms against {theirs:.1f} ms for {len(probes)} probes"
    more = "a cycle also reads metadata, calls each service once, judges and writes its metrics"
    return (Figure(ratio(rounds, float), f"{compared}; {more}"),)


def _cycle(there: Host) -> float:
    """CPU seconds of one cycle."""
    run = there.vpc.scenario.run
    services = (word for service in run.services for word in ("--service", service))
    options = ("--region", run.region, *services, "--ec2", "never", "--textfile", "/dev/null")
    spent = there.run(sys.executable, "-m", "tests.bench.cycles", str(CYCLES), *options)
    return float(spent.output) / CYCLES


def _exporter(there: Host, config: Path, probes: tuple[str, ...]) -> float:
    """CPU seconds of the probes of one cycle."""
    count = ("--count", str(CYCLES * len(probes)), "--at-once", str(AT_ONCE))
    spent = there.run(sys.executable, "-m", "tests.bench.scrape", EXPORTER.path(), str(config), *probes, *count)
    return float(spent.output) / CYCLES


def soaked() -> tuple[Figure, ...]:
    """The growth of memory and of open files over the last three quarters of SOAK_SECONDS, and the number of failed
    scrapes.
    """
    with host() as there, tempfile.TemporaryDirectory() as folder:
        run, first = there.vpc.scenario.run, there.vpc.scenario.dns[0].a[0]
        services = [word for service in run.services for word in ("--service", service)]
        options = ["--region", run.region, *services, "--ec2", "never", "--interval", str(INTERVAL), "--timeout", "1"]
        words = [sys.executable, "-m", "tests.bench.soak", str(SOAK_SECONDS), folder, str(first), *options]
        command = there.vpc.on_host(*words)
        with subprocess.Popen(command, env=dict(there.environment), cwd=ROOT, stdout=subprocess.PIPE) as process:
            document, _ = process.communicate()
    results = json.loads(document)
    if results["code"]:
        raise RuntimeError(f"the watch ended with {results['code']}")
    before, after, samples = results["after_a_quarter"], results["at_the_end"], samples_in(results["metrics"])
    cycles = samples["backuplink_watch_cycles_total", frozenset()]
    note = f"{SOAK_SECONDS:g} s, {cycles:.0f} cycles, {results['asked']} scrapes, {results['notices']} notices"
    return (
        Figure((after["bytes"] - before["bytes"]) / 1e6, f"{after['bytes'] / 1e6:.1f} MB at the end; {note}"),
        Figure(after["files"] - before["files"], f"{after['files']} at the end"),
        Figure(len(results["failed"]), "; ".join(results["failed"][:2]) or "a hundred idle connections beside them"),
    )


MEASUREMENTS: Final = (
    Benchmark(
        promises=(
            Promise(what="a cycle of watch, CPU", against="prometheus-blackbox-exporter, the same probes", limit=1.7),
        ),
        measure=beside_exporter,
        needs=(EXPORTER,),
    ),
)
SOAK: Final = Benchmark(
    promises=(
        Promise(what="soak of watch, growth of memory", against="after a quarter of it", limit=2, unit="MB"),
        Promise(what="soak of watch, growth of open files", against="after a quarter of it", limit=0, unit="files"),
        Promise(what="soak of watch, scrapes that failed", against="", limit=0, unit="scrapes"),
    ),
    measure=soaked,
)
