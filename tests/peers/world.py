"""A scenario's VPC with other vendors' software, either in the network or on the same host as the program.

It is the VPC of `tests.netns.vpc`: AWS, metadata and Amazon's resolver are simulated, on real sockets, in closed
namespaces. Each program that is started here runs in the network's or the host's namespace, has its own mount
namespace, and ends with the world.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

from tests.netns import program
from tests.netns.peers import Place
from tests.netns.vpc import COMMAND_SECONDS, Vpc, command_in, in_namespace, vpc
from tests.peers import software

Side = Literal["network", "host"]
"""Where a program runs: on the host, or in the network behind the gateway of its subnet."""
_ANSWERS: Final = Path(__file__).with_name("answers.py")
_POLL_SECONDS: Final = 0.01
_LAY_OVER: Final = """
set -e
if test -d "$1"; then mount -t overlay -o "lowerdir=$1:/usr" overlay /usr; fi
before=$2
shift 2
eval "$before"
exec "$@"
"""
"""A script that mounts the unpacked files over /usr, and then runs the caller's lines, which may change the command in
`$@`. The mounts are private, since `ip netns exec` starts the script.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A program of another vendor that is running."""

    title: str
    process: subprocess.Popen[bytes]
    log: Path
    """The file with its stdout and stderr."""

    def shown(self) -> str:
        """The log with a heading above it."""
        return f"--- {self.title}, process {self.process.pid}:\n{self.log.read_text('utf-8', 'replace')}\n"


@dataclass(slots=True, kw_only=True)
class World:
    """A VPC, and the programs started in it."""

    vpc: Vpc
    folder: Path
    """The folder for the files of these programs, and of the run."""
    stack: ExitStack
    started: list[Started] = field(default_factory=list)

    def namespace(self, side: Side) -> str:
        return self.vpc.host if side == "host" else self.vpc.beyond

    def start(
        self,
        package: str,
        *arguments: str,
        on: Side = "network",
        path: str | None = None,
        before: str = "",
        answers: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        starts_the_program: bool = False,
    ) -> Started:
        """Start the program of a package (`packages.txt`), in the foreground, and wait until it answers.

        The program gets `arguments`. It runs in `folder`, to which `write` writes its configuration. `path` selects
        another program of the package. `before` has lines of sh(1) that run first, in the program's mount namespace.
        `answers` are the arguments of `answers.py`, which runs on the same side. `starts_the_program` is for a
        program that starts backuplink: such a program sees the host as backuplink does. Raises MissingError,
        TimeoutError, or EOFError if the program ends before it answers.
        """
        row = software.listed()[package]
        words = ("sh", "-c", _LAY_OVER, "sh", str(software.UNPACKED), before, path or row.path(), *arguments)
        here = self.run(
            row.title,
            self.vpc.on_host(*words) if starts_the_program else command_in(self.namespace(on), *words),
            environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder), **(environment or {})},
        )
        if answers:
            self.wait_for(here, *answers, on=on)
        return here

    def run(self, title: str, command: Sequence[str], *, environment: Mapping[str, str]) -> Started:
        """Run a command in the foreground, in `folder`, until the world ends."""
        log = self.folder / f"{len(self.started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        here = Started(title=title, process=process, log=log)
        self.started.append(here)
        self.stack.callback(_end, process)
        return here

    def wait_for(self, peer: Started, *answers: str, on: Side = "network") -> None:
        """Wait with `answers.py` until a server answers. Raises TimeoutError after COMMAND_SECONDS, and EOFError if
        `peer` ends first.
        """
        words = command_in(self.namespace(on), sys.executable, str(_ANSWERS), *answers)
        with subprocess.Popen(words) as asking:
            try:
                self.wait_until(peer, lambda: asking.poll() is not None, f"an answer at {' '.join(answers)}")
            finally:
                asking.kill()  # no effect on a process that has ended
        assert asking.returncode == 0

    def wait_for_file(self, peer: Started, path: str) -> None:
        """Wait until a file exists in the mount namespace of `peer`. Raises the exceptions that `wait_for` raises."""
        self.wait_until(peer, lambda: Path(f"/proc/{peer.process.pid}/root{path}").exists(), path)

    def wait_until(self, peer: Started, is_over: Callable[[], bool], what: str) -> None:
        """Wait until `is_over` returns True. `what` describes this condition in messages. Raises the exceptions that
        `wait_for` raises.
        """
        until = time.monotonic() + COMMAND_SECONDS
        while not is_over():
            if peer.process.poll() is not None:
                raise EOFError(f"{peer.title} ended with {peer.process.returncode} before {what}")
            if time.monotonic() > until:
                raise TimeoutError(f"{peer.title} runs, and waiting was in vain for {what}")
            time.sleep(_POLL_SECONDS)

    def write(self, name: str, text: str) -> Path:
        """Write a file for a program, in `folder`."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def run_in(self, side: Side, *words: str) -> None:
        """Run a short command. Raises RuntimeError if it fails."""
        self._run_in(side, *words)

    def nft(self, side: Side, tables: str) -> None:
        """Load tables of nft(8). Raises RuntimeError if this fails."""
        self._run_in(side, "nft", "-f", "-", text=tables)

    def _run_in(self, side: Side, *words: str, text: str = "") -> None:
        unpacked = str(software.UNPACKED)
        in_namespace(self.namespace(side), "sh", "-c", _LAY_OVER, "sh", unpacked, "", *words, text=text)

    def output_of(
        self, *words: str, on: Side = "host", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that ends by itself; returns its output and its exit code."""
        return subprocess.run(
            command_in(self.namespace(on), "sh", "-c", _LAY_OVER, "sh", str(software.UNPACKED), "", *words),
            cwd=self.folder,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def run_beside(self, peer: Started, *words: str) -> None:
        """Run a short command in the namespaces of a started program. Raises subprocess.CalledProcessError if
        it fails.
        """
        entered = ("nsenter", f"--target={peer.process.pid}", "--mount", "--net")
        subprocess.run([*entered, *words], check=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL)

    def show_on_host(self, folder: Path) -> None:
        """Mount the files below `folder` over the host's files in all later runs."""
        self.vpc = replace(self.vpc, files=str(folder))

    def backuplink(self, *words: str) -> tuple[list[str], dict[str, str]]:
        """The command that runs the program on the host with these arguments, and its complete environment."""
        folder = self.folder / "host"
        (folder / "home").mkdir(parents=True, exist_ok=True)
        return self.vpc.on_host(str(program.PROGRAM), *words), program.environment(self.vpc, folder)

    def check(self) -> program.Ended:
        """Run `backuplink check` on the host with the scenario's options, and wait until it ends."""
        folder = self.folder / "run"
        folder.mkdir()
        return program.check(self.vpc, folder)


@contextmanager
def world(name: str, toml: str, folder: Path, *, places: Iterable[str] = (), rules: str = "") -> Iterator[World]:
    """Build the VPC of a scenario, whose file has the text `toml`. It exists while the block lasts, and programs that
    are started in it end with it. `places` are the addresses of other vendors' servers in the network, as `ADDRESS
    PORT`, at which the scenario must not simulate a server. `rules` has tables of nft(8) for the network. At the end,
    the log of each started program is printed to stdout, which pytest shows if a test fails.
    """
    others: list[Place] = [(ip_address(address), int(port)) for address, port in map(str.split, places)]
    with vpc(name, toml, others=others, rules=rules) as network, ExitStack() as stack:
        built = World(vpc=network, folder=folder, stack=stack)
        try:
            yield built
        finally:
            sys.stdout.write("".join(peer.shown() for peer in built.started))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all processes of its session, with signals to its process group."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
            process.wait(COMMAND_SECONDS / 8)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    process.wait()
