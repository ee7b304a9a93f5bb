"""Icinga 2 with the files of packaging/monitoring: it runs the program, and its service shows the run's result."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.netns import program
from tests.peers.setups import Setup, namespaces_missing
from tests.peers.world import Started, World, world
from tests.support import scenarios
from tests.support.repository import ROOT

pytestmark = pytest.mark.peers

_FILES: Final = tuple(ROOT / "packaging" / "monitoring" / f"icinga2-{name}.conf" for name in ("command", "service"))
_HOST: Final = "backup-host"
_ADDRESS: Final = "127.0.0.1"
_PORT: Final = "5665"
_PASSWORD: Final = "of-a-test"  # noqa: S105 - of an API on loopback that ends with the test
_STATES: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
"""The names of the states, by their number (Icinga 2, Monitoring Basics, Service States)."""
_HARD: Final = 1
_USER: Final = {"ICINGA2_USER": "nobody", "ICINGA2_GROUP": "nogroup"}
_AS_NOBODY: Final = (
    *("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)
"""The beginning of a command that starts Icinga as the user `nobody`, since Icinga does not run as root. The user gets
the right to read all files, since possibly only root can read the tests' files.
"""
_FAULT: Final = """
table inet fault {
    chain out { type filter hook output priority 0; tcp dport 443 reject; }
}
"""
_END_OF_FAULT: Final = "delete table inet fault"
_SETTINGS: Final = """
const NodeName = "%(host)s"
const ZoneName = NodeName
include <itl>
object Endpoint NodeName { }
object Zone ZoneName { endpoints = [ NodeName ] }
object CheckerComponent "checker" { }
object ApiListener "api" { bind_host = "%(address)s" }
object ApiUser "test" { password = "%(password)s", permissions = [ "*" ] }
object Host NodeName {
  check_command = "dummy"
  vars.backuplink = true
%(variables)s}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Icinga's data about the service."""

    state: str
    is_hard: bool
    """Whether several checks in succession had this state."""
    code: int | None
    """The exit code of the most recent check, or None before the first check."""
    output: str
    command: tuple[str, ...]
    """The command line that Icinga ran."""
    numbers: Mapping[str, Mapping[str, Any]]
    """The performance data that Icinga has parsed, by label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Icinga:
    """Icinga on the host of a VPC. It checks this host."""

    world: World
    daemon: Started
    constants: tuple[str, ...]
    """The options of every command of Icinga."""

    def service(self) -> Service:
        """The current state of the service, from Icinga's console."""
        script = f"""
            var service = get_service("{_HOST}", "aws-backup-path");
            var last = service.last_check_result;
            var numbers = if (last != null) {{ last.performance_data.map(parse_performance_data) }};
            [service.state, service.state_type, service.last_hard_state, last, numbers]
        """
        asked = self.world.output_of(
            *(*_AS_NOBODY, "icinga2", "console", *self.constants, "--connect", f"https://{_ADDRESS}:{_PORT}/"),
            *("--eval", " ".join(script.split())),
            environment={**_USER, "ICINGA2_API_USERNAME": "test", "ICINGA2_API_PASSWORD": _PASSWORD},
        )
        assert asked.returncode == 0, asked.stdout + asked.stderr
        state, kind, hard, last, numbers = json.loads(asked.stdout)
        return Service(
            state=_STATES[int(state)],
            is_hard=kind == _HARD and hard == state,
            code=None if last is None else int(last["exit_status"]),
            output="" if last is None else last["output"],
            command=() if last is None else tuple(last["command"]),
            numbers={number["label"]: number for number in numbers or ()},
        )

    def wait_for(self, state: str) -> Service:
        """Wait until the service has this state as a hard state; returns the service."""
        seen: list[Service] = []

        def is_so() -> bool:
            seen.append(self.service())
            return seen[-1].code is not None and (seen[-1].state, seen[-1].is_hard) == (state, True)

        self.world.wait_until(self.daemon, is_so, f"the hard state {state}")
        return seen[-1]

    def reject(self) -> None:
        """Break the path to AWS Backup after a healthy check."""
        self.wait_for("OK")
        self.world.vpc.filter_on_host(_FAULT)

    def reject_and_repair(self) -> None:
        self.reject()
        self.wait_for("CRITICAL")
        self.world.vpc.filter_on_host(_END_OF_FAULT)

    def remove_the_program(self) -> None:
        """Remove the program, as a package manager does between two checks."""
        self.wait_for("OK")
        (self.world.folder / "backuplink").unlink()


@dataclass(frozen=True, kw_only=True)
class Checked(Setup):
    """A host with its variables in Icinga, and the expected state of its service at the end."""

    scenario: str
    """The host's VPC, by its name in `agent.simulated.scenarios`."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Variables of the host in Icinga, without their prefix."""
    happens: Callable[[Icinga], None] | None = None
    """What happens while Icinga runs."""
    code: int
    """The exit code of the program."""
    state: str
    text: str
    """The beginning of the output's text."""
    counts: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """The expected value of each performance label that is not a time, and the maximum of the value."""
    times: frozenset[str] = frozenset({"time"})
    """The expected labels of performance data that are times."""
    options: tuple[str, ...] = ()
    """The options in the command that Icinga runs, besides the options that icinga2-command.conf always sets."""

    def missing(self) -> str | None:
        return namespaces_missing() or super().missing()


def checked(scenario: str, code: int, *, name: str, text: str, **others: Any) -> Checked:
    state = _STATES[min(code, 3)]
    result = "ok" if state == "OK" else f"{state.lower()}: state {state}"
    return Checked(
        package="icinga2-bin",
        name=name,
        result=result,
        scenario=scenario,
        code=code,
        state=state,
        text=text,
        **others,
    )


_OF_BACKUP: Final = frozenset({"time", "tcp_backup", "tls_backup", "api_backup"})
_WELL: Final[dict[str, Any]] = {
    "text": "OK - backup answers privately at 3 addresses",
    "counts": {"addresses_backup": (3, 3)},
    "times": _OF_BACKUP,
}

SETUPS: Final = (
    checked("healthy", 0, name="checks a host where all is well", **_WELL),
    checked(
        "gateway-healthy",
        0,
        name="checks a host for two services",
        variables={"service": ["backup", "backup-gateway"], "region": "eu-west-1", "timeout": 5, "deadline": 25},
        text="OK - backup and backup-gateway answer privately at 5 addresses",
        counts={
            "addresses_backup": (3, 3),
            "addresses_backup-gateway": (2, 2),
            "ports_backup-gateway": (10, 10),
        },
        times=_OF_BACKUP | {"tcp_backup-gateway", "tls_backup-gateway", "api_backup-gateway"},
        options=(
            *("--deadline", "25", "--region", "eu-west-1", "--service", "backup", "--service", "backup-gateway"),
            *("--timeout", "5"),
        ),
    ),
    checked("healthy", 0, name="checks a host whose fault has ended", happens=Icinga.reject_and_repair, **_WELL),
    checked(
        "no-credentials",
        1,
        name="checks a host without credentials",
        text="WARNING - the SDK finds no credentials, so no signed call was made",
        counts={"addresses_backup": (2, 2)},
        times=_OF_BACKUP - {"api_backup"},
    ),
    checked(
        "one-zone-silent",
        2,
        name="checks a host where one zone is silent",
        text="CRITICAL - backup: 1 of 3 addresses is silent on 443: 10.0.2.17",
        counts={"addresses_backup": (2, 3)},
        times=_OF_BACKUP,
    ),
    checked(
        "healthy",
        2,
        name="checks a host whose fault has begun",
        happens=Icinga.reject,
        text="CRITICAL - backup: ",
        counts={"addresses_backup": (0, 3)},
    ),
    checked(
        "region-unknown",
        3,
        name="checks a host where nothing says which Region it is",
        text="UNKNOWN - no Region is set by --region, AWS_REGION, a profile or instance metadata",
    ),
    checked(
        "healthy",
        3,
        name="checks a host with a variable that the program does not take",
        variables={"expect": "secret"},
        text="UNKNOWN - Invalid value for '--expect'",
        times=frozenset(),
        options=("--expect", "secret"),
    ),
    checked(
        "healthy",
        128,  # Icinga sets this code itself
        name="checks a host from which the program is removed",
        happens=Icinga.remove_the_program,
        text="execvpe(",
        times=frozenset(),
    ),
)


def started(built: World, variables: Mapping[str, Any]) -> Icinga:
    """Start Icinga with the files of packaging/monitoring, so that it checks the host each second."""
    own = built.folder / "icinga"
    folders = {
        name: own / name.lower() for name in ("DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir", "ConfigDir")
    }
    for folder in (own, *folders.values()):
        folder.mkdir()
        folder.chmod(0o777)
    constants = tuple(word for name, folder in folders.items() for word in ("-D", f"{name}={folder}"))
    (built.folder / "backuplink").symlink_to(program.PROGRAM)
    given, count = re.subn(
        r"(check|retry)_interval = \d+m",
        r"\1_interval = 1s",
        "\n".join(file.read_text("utf-8") for file in _FILES).replace(
            "/usr/bin/backuplink", str(built.folder / "backuplink")
        ),
    )
    assert count == 2
    lines = "".join(f"  vars.backuplink_{name} = {json.dumps(value)}\n" for name, value in variables.items())
    general = _SETTINGS % {"host": _HOST, "address": _ADDRESS, "password": _PASSWORD, "variables": lines}
    settings = built.write("icinga2.conf", general + given)
    certificates = folders["DataDir"] / "certs"
    files = certificates / _HOST
    for words in (
        ("mkdir", str(certificates)),
        ("icinga2", "pki", "new-ca", *constants),
        ("icinga2", "pki", "new-cert", *constants, "--cn", _HOST, "--csr", f"{files}.csr", "--key", f"{files}.key"),
        ("icinga2", "pki", "sign-csr", *constants, "--csr", f"{files}.csr", "--cert", f"{files}.crt"),
        ("cp", str(folders["DataDir"] / "ca" / "ca.crt"), str(certificates)),
        ("icinga2", "daemon", "-C", "-c", str(settings), *constants),
    ):
        done = built.output_of(*_AS_NOBODY, *words, environment=_USER)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    _, environment = built.backuplink()
    daemon = built.start(
        "icinga2-bin",
        *("daemon", "-c", str(settings), *constants),
        on="host",
        before=f'set -- {" ".join(_AS_NOBODY)} "$@"',
        answers=("tcp", _ADDRESS, _PORT),
        environment={**environment, **_USER},
        starts_the_program=True,
    )
    return Icinga(world=built, daemon=daemon, constants=constants)


def options(words: Sequence[str]) -> tuple[str, list[tuple[str, str]]]:
    """A command, and its options in order, each with all its values."""
    command, *rest = words
    return command, sorted(zip(rest[::2], rest[1::2], strict=True), key=lambda option: option[0])


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_state_of_the_service_is_that_of_the_run(setup: Checked, tmp_path: Path) -> None:
    toml = scenarios.text(setup.scenario)
    with world(setup.scenario, toml, tmp_path) as built:
        here = started(built, setup.variables)
        if setup.happens is not None:
            setup.happens(here)
        service = here.wait_for(setup.state)
    assert service.code == setup.code
    assert service.output.startswith(setup.text)
    assert "|" not in service.output
    assert options(service.command[1:]) == options(
        ("check", "--format", "nagios", "--calls", "one", "--ec2", "never", *setup.options)
    )
    counts = {
        label: (number["value"], number["max"]) for label, number in service.numbers.items() if not number["unit"]
    }
    assert counts == setup.counts
    times = {label: number["value"] for label, number in service.numbers.items() if number["unit"] == "seconds"}
    assert times.keys() == setup.times
    assert service.numbers.keys() == counts.keys() | times.keys()
    assert all(0 < value <= service.numbers[label]["max"] for label, value in times.items())
    # Icinga supports thresholds that are numbers, but not ranges.
    assert {label for label, number in service.numbers.items() if number["warn"] is not None} == times.keys() & {"time"}
