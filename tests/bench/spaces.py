"""The places of measurements: a VPC as in the namespace tests, nearby or some milliseconds away, and a lab on a
loopback.

The lab is a namespace with only its own loopback, on which `tests.bench.server` answers at every address of
127.0.0.0/8. It is for measurements over thousands of connections.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from agent.simulated.certificates import root_pem
from tests.bench import relay, server
from tests.bench.promise import UnmeasuredError
from tests.bench.rivals import SEARCHED
from tests.bench.spent import Spent, run
from tests.netns import program
from tests.netns.vpc import Vpc, missing, vpc
from tests.support.repository import ROOT

ROUND_TRIP_SECONDS: Final = 0.02
WORLD: Final = """
summary = "two services at three addresses each, six ports, three resolvers"

[run]
services = ["backup", "backup-gateway"]

[host]
resolvers = ["10.0.0.2", "10.0.9.53"]

[[dns]]
resolvers = ["10.0.0.2", "10.0.9.53", "169.254.169.253"]
name = "backup.eu-west-1.amazonaws.com"
a = ["10.0.1.17", "10.0.2.17", "10.0.3.17"]

[[dns]]
resolvers = ["10.0.0.2", "10.0.9.53", "169.254.169.253"]
name = "backup-gateway.eu-west-1.amazonaws.com"
a = ["10.0.1.27", "10.0.2.27", "10.0.3.27"]

[[tcp]]
addresses = ["10.0.1.17", "10.0.2.17", "10.0.3.17", "10.0.1.27", "10.0.2.27", "10.0.3.27"]
ports = [443, 1026, 1027, 1028, 1031]

[[tcp]]
addresses = ["10.0.1.27", "10.0.2.27", "10.0.3.27"]
ports = [2222]
speaks = "ssh"

[expect]
status = "ok"
path = "private"
findings = []
"""
"""The scenario of the check about which the promises are made."""
_REPORTED: Final = (0, 1, 2, 3)
"""Exit codes with which a run still writes a report."""
_COMMAND_SECONDS: Final = 20.0
_LINK_LOCAL: Final = "169.254.0.0/16"
_NEAR_TABLE: Final = 100
_NUMBERS: Final = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host in a VPC on which commands can be measured."""

    vpc: Vpc
    roots: Path
    """The trusted roots, in PEM."""
    environment: Mapping[str, str]

    def run(self, *words: str, codes: tuple[int, ...] = (0,)) -> Spent:
        """Measure a command on the host."""
        return run(*words, environment=self.environment, inside=self.vpc.on_host, codes=codes)

    def check(self, *options: str, codes: tuple[int, ...] = (0,)) -> Spent:
        """Measure `backuplink check` with the scenario's options. Its output is the report as JSON."""
        words = (
            str(program.PROGRAM),
            "check",
            *program.options(self.vpc.scenario.run, self.vpc.scenario.ec2),
            *options,
        )
        spent = self.run(*words, codes=_REPORTED)
        if spent.code not in codes:
            report = json.loads(spent.output)
            found = ", ".join(finding["id"] for finding in report["findings"])
            raise RuntimeError(f"check ended with {spent.code}: {report['verdict']['summary']} ({found})")
        return spent


@contextmanager
def host(toml: str = WORLD, *, round_trip_seconds: float = 0.0, link_local: bool = False) -> Iterator[Host]:
    """The host of a scenario, whose file has this text. All other hosts answer after `round_trip_seconds`.
    Link-local addresses, such as the metadata address, do so only if `link_local` is set, since in a VPC the instance's
    own hardware answers at these addresses.
    """
    _refuse_without_namespaces()
    with tempfile.TemporaryDirectory() as name, vpc("bench", toml) as network:
        folder = Path(name)
        (folder / "home").mkdir()
        environment = program.environment(network, folder)
        bench_host = Host(vpc=network, roots=Path(environment["AWS_CA_BUNDLE"]), environment=environment)
        if not round_trip_seconds:
            yield bench_host
            return
        with _far_away(network, round_trip_seconds, link_local=link_local):
            yield bench_host


@contextmanager
def _far_away(network: Vpc, round_trip_seconds: float, *, link_local: bool) -> Iterator[None]:
    """Send the packets between the host and everything else through a relay, which delays each by half a round trip."""
    beyond = _other_end(network.host)
    own, gateway = network.scenario.host.addresses[0], network.scenario.host.gateways[0]
    if len(network.scenario.host.addresses) > 1 or own.version != 4:
        raise ValueError("the delay is built for one IPv4 address")
    near = [
        f"-n {network.host} route add {_LINK_LOCAL} via {gateway} dev eth0 onlink src {own.ip}",
        f"-n {beyond} rule add from {_LINK_LOCAL} lookup {_NEAR_TABLE}",
        f"-n {beyond} route add {own.ip} dev vpc0 table {_NEAR_TABLE}",
    ]
    lines = [
        f"-n {beyond} link set {relay.NEAR} netns {network.host}",
        f"-n {beyond} link set {relay.FAR} up",
        f"-n {beyond} route replace {own.ip} dev {relay.FAR} src {gateway}",
        f"-n {network.host} link set {relay.NEAR} up",
        f"-n {network.host} route del {own.network} dev eth0",
        f"-n {network.host} route replace default dev {relay.NEAR} src {own.ip}",
        *([] if link_local else near),
    ]
    words = [_ip(), "netns", "exec", beyond, sys.executable, "-m", "tests.bench.relay", str(round_trip_seconds / 2)]
    with _running(words, relay.READY):
        for line in lines:
            _run(_ip(), *line.split())
        yield


def _other_end(namespace: str) -> str:
    """Return the name of the namespace at the other end of a host's cable."""
    done = subprocess.run(
        [_ip(), "-n", namespace, "-j", "netns", "list-id"],
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
        check=True,
    )
    (other,) = json.loads(done.stdout)
    return str(other["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A namespace in which the server listens at every address of its loopback."""

    namespace: str
    roots: Path
    """The root that issued the server's certificate, in PEM."""
    folder: Path
    """A folder for the caller's files, which is removed with the lab."""

    def inside(self, *words: str) -> list[str]:
        """Return a command that runs `words` in the lab. The command is replaced by the program in `words`, which thus
        has its process id.
        """
        return [_ip(), "netns", "exec", self.namespace, *words]

    def run(self, *words: str) -> Spent:
        """Measure a command in the lab."""
        return run(*words, inside=self.inside)


@contextmanager
def lab() -> Iterator[Lab]:
    """Create the lab, and yield it once its server is ready."""
    _refuse_without_namespaces()
    namespace = f"backuplink-{os.getpid()}-{next(_NUMBERS)}-lab"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        roots = folder / "roots.pem"
        roots.write_text(root_pem(server.ISSUER), encoding="ascii")
        _run(_ip(), "netns", "add", namespace)
        stack.callback(_run, _ip(), "netns", "del", namespace)
        _run(_ip(), "-n", namespace, "link", "set", "lo", "up")
        bench_lab = Lab(namespace=namespace, roots=roots, folder=folder)
        stack.enter_context(_running(bench_lab.inside(sys.executable, "-m", "tests.bench.server"), server.READY))
        yield bench_lab


@contextmanager
def _running(words: list[str], ready: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that prints the line `ready` first and ends when its stdin is closed."""
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if line.strip() != ready:
                raise RuntimeError(f"{words[-2]} {words[-1]} said {line!r} and not {ready!r}")
            yield process
            process.communicate(timeout=_COMMAND_SECONDS)
        finally:
            process.kill()  # no effect on a process that has ended


def _refuse_without_namespaces() -> None:
    if (why := missing()) is not None:
        raise UnmeasuredError(why)


def _ip() -> str:
    path = shutil.which("ip", path=SEARCHED)
    if path is None:
        raise UnmeasuredError("the command ip is not there")
    return path


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[1:])}: {done.stderr.strip()}")
