"""collectd with the files of packaging/monitoring. Its exec plugin runs the program, and its values and notifications
must agree with the run.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from agent.settings import DEFAULT_DEADLINE
from tests.netns import program
from tests.peers.setups import Setup, namespaces_missing
from tests.peers.world import Started, World, world
from tests.support import scenarios
from tests.support.repository import ROOT

pytestmark = pytest.mark.peers

_FILES: Final = ROOT / "packaging" / "monitoring"
_PLACE: Final = "/usr/local/lib/backuplink/collectd.sh"
"""The path of the script in collectd.conf."""
_HOST: Final = "backup-host"
_SEVERITIES: Final = ("okay", "warning", "failure", "warning")
"""The severity of a notification for each exit code of the program."""
_AS_NOBODY: Final = (
    "set -- setpriv --reuid=nobody --regid=nogroup --clear-groups"
    ' --inh-caps=+dac_read_search --ambient-caps=+dac_read_search "$@"'
)
"""A line of sh(1) that starts collectd as the user `nobody`, since the exec plugin runs nothing as root. The user gets
the right to read all files, since possibly only root can read the tests' files.
"""
_FAULT: Final = """
table inet fault {
    chain out { type filter hook output priority 0; tcp dport 443 reject; }
}
"""
_END_OF_FAULT: Final = "delete table inet fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collectd:
    """collectd on the host of a VPC."""

    world: World
    daemon: Started

    @property
    def values(self) -> Mapping[str, list[float]]:
        """The values that collectd has stored so far, oldest first, by type and instance (csv plugin)."""
        stored: dict[str, list[float]] = {}
        for file in sorted((self.world.folder / "values" / _HOST / "backuplink").glob("*")):
            name = re.sub(r"-\d{4}-\d{2}-\d{2}$", "", file.name)  # there is one file for each day
            rows = file.read_text("ascii").split("\n")[1:-1]  # the header, and an incomplete last line, are omitted
            stored.setdefault(name, []).extend(float(row.partition(",")[2]) for row in rows)
        return stored

    @property
    def notifications(self) -> list[tuple[str, str]]:
        """The severity and the text of each notification so far, oldest first (logfile plugin)."""
        log = self.daemon.log.read_text("utf-8")
        of_state = f"host = {_HOST}, plugin = backuplink, type = gauge, type_instance = state"
        found = re.findall(rf"Notification: severity = (\w+), {re.escape(of_state)}, message = (.*)\n", log)
        assert len(found) == log.count("Notification:"), log
        return found

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        self.world.wait_until(self.daemon, is_so, what)

    def wait_for_notifications(self, count: int) -> None:
        self.wait_until(lambda: len(self.notifications) >= count, f"{count} notifications")

    def reject(self) -> None:
        """Break the path to AWS Backup after a healthy run."""
        self.wait_for_notifications(1)
        self.world.vpc.filter_on_host(_FAULT)
        self.wait_for_notifications(2)

    def reject_and_repair(self) -> None:
        self.reject()
        self.world.vpc.filter_on_host(_END_OF_FAULT)

    def remove_the_program(self) -> None:
        """Remove the program, as a package manager does between two runs."""
        self.wait_for_notifications(1)
        (self.world.folder / "backuplink").unlink()


@dataclass(frozen=True, kw_only=True)
class Collected(Setup):
    """A host, and the data that collectd must have about it at the end."""

    scenario: str
    """The host's VPC, by its name in `agent.simulated.scenarios`."""
    options: tuple[str, ...] = ()
    """Options of `backuplink check` in collectd.conf."""
    happens: Callable[[Collectd], None] | None = None
    """What happens while collectd runs."""
    states: tuple[int, ...]
    """The expected states in the notifications, as exit codes of the program."""
    texts: tuple[str, ...]
    """The expected beginnings of the texts of the notifications."""
    counts: Mapping[str, float] = field(default_factory=dict)
    """The expected first value of each metric. Times and the state are excluded."""
    times: frozenset[str] = frozenset({"time"})
    """The expected names of the metrics that are times."""

    def missing(self) -> str | None:
        return namespaces_missing() or super().missing()


def collected(scenario: str, *states: int, name: str, texts: tuple[str, ...], **others: Any) -> Collected:
    word = texts[-1].partition(" ")[0].lower()
    result = word if word == "ok" else f"{word}: notified as {_SEVERITIES[states[-1]]}"
    return Collected(
        package="collectd-core", name=name, result=result, scenario=scenario, states=states, texts=texts, **others
    )


_OF_BACKUP: Final = frozenset({"time", "tcp_backup", "tls_backup", "api_backup"})
_WELL: Final = "OK - backup answers privately at 3 addresses"
_REJECTED: Final = "CRITICAL - backup: "

SETUPS: Final = (
    collected(
        "healthy",
        0,
        name="runs `collectd.sh` where all is well",
        texts=(_WELL,),
        counts={"addresses_backup": 3},
        times=_OF_BACKUP,
    ),
    collected(
        "gateway-healthy",
        0,
        name="runs `collectd.sh` for Backup gateway",
        options=("--service", "backup-gateway"),
        texts=("OK - backup-gateway answers privately at 2 addresses",),
        counts={"addresses_backup-gateway": 2, "ports_backup-gateway": 10},
        times=frozenset({"time", "tcp_backup-gateway", "tls_backup-gateway", "api_backup-gateway"}),
    ),
    collected(
        "healthy",
        *(0, 2, 0),
        name="notifies that a fault has ended",
        happens=Collectd.reject_and_repair,
        texts=(_WELL, _REJECTED, _WELL),
        counts={"addresses_backup": 3},
        times=_OF_BACKUP,
    ),
    collected(
        "healthy",
        *(0, 2),
        name="notifies that a fault has begun",
        happens=Collectd.reject,
        texts=(_WELL, _REJECTED),
        counts={"addresses_backup": 3},
        times=_OF_BACKUP,
    ),
    collected(
        "one-zone-silent",
        2,
        name="runs `collectd.sh` where one zone is silent",
        texts=("CRITICAL - backup: 1 of 3 addresses is silent on 443: 10.0.2.17",),
        counts={"addresses_backup": 2},
        times=_OF_BACKUP,
    ),
    collected(
        "no-credentials",
        1,
        name="runs `collectd.sh` without credentials",
        texts=("WARNING - the SDK finds no credentials, so no signed call was made",),
        counts={"addresses_backup": 2},
        times=_OF_BACKUP - {"api_backup"},
    ),
    collected(
        "region-unknown",
        3,
        name="runs `collectd.sh` where nothing says which Region it is",
        texts=("UNKNOWN - no Region is set by --region, AWS_REGION, a profile or instance metadata",),
    ),
    collected(
        "healthy",
        *(0, 3),
        name="runs `collectd.sh` where the program is removed",
        happens=Collectd.remove_the_program,
        texts=(_WELL, "UNKNOWN - backuplink gave no verdict and ended with 127"),
        counts={"addresses_backup": 3},
        times=_OF_BACKUP,
    ),
)


def started(built: World, options: tuple[str, ...]) -> Collectd:
    """Start collectd with collectd.conf. It runs the program every second."""
    own = built.folder / "values"
    own.mkdir()
    own.chmod(0o777)
    (built.folder / "backuplink").symlink_to(program.PROGRAM)
    script = built.write(
        "collectd.sh",
        (_FILES / "collectd.sh").read_text("utf-8").replace("/usr/bin/backuplink", str(built.folder / "backuplink")),
    )
    script.chmod(0o755)
    words = "".join(f' "{option}"' for option in options)
    settings = (_FILES / "collectd.conf").read_text("utf-8")
    changed, count = re.subn(rf'"{_PLACE}" "\d+"', f'"{script}" "1"{words}', settings)
    assert count == 1
    general = f"""
        Hostname "{_HOST}"
        BaseDir "{own}"
        PIDFile "{own / "pid"}"
        LoadPlugin logfile
        <Plugin logfile>
          LogLevel "info"
          File stdout
        </Plugin>
        LoadPlugin csv
        <Plugin csv>
          DataDir "{own}"
        </Plugin>
    """
    file = built.write("collectd.conf", general + changed)
    _, environment = built.backuplink()
    daemon = built.start(
        "collectd-core",
        *("-f", "-C", str(file)),
        on="host",
        before=_AS_NOBODY,
        environment=environment,
        starts_the_program=True,
    )
    return Collectd(world=built, daemon=daemon)


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_it_has_the_values_of_the_run_and_notifies_of_each_change(setup: Collected, tmp_path: Path) -> None:
    toml = scenarios.text(setup.scenario)
    names = {
        "gauge-state",
        *(f"gauge-{name}" for name in setup.counts),
        *(f"duration-{name}" for name in setup.times),
    }
    with world(setup.scenario, toml, tmp_path) as built:
        here = started(built, setup.options)
        if setup.happens is not None:
            setup.happens(here)
        here.wait_for_notifications(len(setup.states))
        here.wait_until(lambda: here.values.keys() >= names, "a value of each name")
        here.wait_until(lambda: set(here.values["gauge-state"]) == set(setup.states), "each state")
        assert [severity for severity, _ in here.notifications] == [
            _SEVERITIES[state].upper() for state in setup.states
        ]
        for (_, text), begin in zip(here.notifications, setup.texts, strict=True):
            assert text.startswith(begin)
        values = here.values
    assert values.keys() == names
    assert {name: values[f"gauge-{name}"][0] for name in setup.counts} == setup.counts
    assert all(0 < value < DEFAULT_DEADLINE for name in setup.times for value in values[f"duration-{name}"])
