"""systemd's journal with the shipped units: the entries that a watch and a check write, with the journal's fields.

systemd runs in namespaces, as for `tests.netns.test_units`. Drop-ins change only what a set-up needs.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.netns import program, service_manager
from tests.netns.service_manager import ServiceManager
from tests.netns.vpc import Vpc, vpc
from tests.peers.setups import Setup, namespaces_missing
from tests.support import scenarios
from tests.support.validator import VALIDATOR

pytestmark = pytest.mark.peers

_WATCH: Final = "backuplink-watch.service"
_CHECK: Final = "backuplink-check.service"
_CONFIGURATION: Final = "/etc/backuplink/backuplink.toml"
_ENVIRONMENT: Final = "/etc/backuplink/environment"
_ROOTS: Final = "/etc/backuplink/roots.pem"
_OPTIONS: Final = "no-ec2 = true\n"
_SETTINGS: Final = f'region = "eu-west-1"\n{_OPTIONS}'
_AT_ONCE: Final = "interval = 10\nraise-after = 1\nclear-after = 1\n"
_OF_A_WATCH: Final = f"{_SETTINGS}{_AT_ONCE}"
_CRITICAL: Final = 2
_ERROR: Final = 3
_WARNING: Final = 4
_NOTICE: Final = 5
_INFORMATION: Final = 6
_LONGEST: Final = 48 * 1024
"""The maximum length in bytes of a line that the journal does not split (journald.conf(5), LineMax=)."""
_FAULT: Final = """
table inet fault {
    chain out { type filter hook output priority 0; tcp dport 443 reject; }
}
"""
_END_OF_FAULT: Final = "delete table inet fault"


@dataclass(frozen=True, slots=True)
class Host:
    """A host of a VPC with systemd."""

    manager: ServiceManager
    vpc: Vpc

    def start(self, unit: str, settings: str, lines: tuple[str, ...]) -> None:
        """Start a service with this configuration, and with these lines of a drop-in."""
        self.manager.write(_CONFIGURATION, settings)
        self.manager.drop_in(unit, "\n".join(("[Service]", f"EnvironmentFile={_ENVIRONMENT}", *lines, "")))
        self.manager.run("systemctl", "start", unit)  # fails where the service must fail

    def stop(self, unit: str) -> None:
        """Stop a service, and let it write its last output."""
        self.manager.systemctl("stop", unit)

    def journal(self, unit: str, *options: str) -> list[dict[str, Any]]:
        """The journal entries that a unit's processes have written so far, oldest first. Each entry has the journal's
        fields.
        """
        assert self.manager.run("journalctl", "--sync").returncode == 0
        words = ("journalctl", "--no-pager", "--all", "--output=json", "_TRANSPORT=stdout", f"_SYSTEMD_UNIT={unit}")
        done = self.manager.run(*words, *options)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def wait_for(self, unit: str, text: str) -> None:
        """Wait until a process of the unit has written a line with this text."""
        self.manager.wait_for(unit, lambda _: any(text in entry["MESSAGE"] for entry in self.journal(unit)))

    def reject(self) -> None:
        """Break the path to AWS Backup after the watch's first healthy cycle."""
        self.wait_for(_WATCH, "verdict ok")
        self.vpc.filter_on_host(_FAULT)

    def reject_for_a_cycle(self) -> None:
        self.reject()
        self.wait_for(_WATCH, "verdict critical")

    def reject_and_repair(self) -> None:
        self.reject()
        self.wait_for(_WATCH, "verdict critical")
        self.vpc.filter_on_host(_END_OF_FAULT)
        self.wait_for(_WATCH, "verdict ok, was critical")

    def reload(self) -> None:
        """Make the settings invalid while the watch runs, and reload the service."""
        self.wait_for(_WATCH, "verdict ok")
        self.manager.write(_CONFIGURATION, f"{_OF_A_WATCH}deadline = 'never'\n")
        self.manager.systemctl("reload", _WATCH)
        self.wait_for(_WATCH, "deadline")

    def has_a_verdict(self) -> None:
        """Wait until the first cycle has ended."""
        self.wait_for(_WATCH, " verdict ")

    def has_failed(self) -> None:
        """Wait until the service has ended by itself."""
        self.manager.wait_for(_WATCH, lambda properties: properties["ActiveState"] == "failed")

    def cannot_write(self) -> None:
        """Wait until the watch reports that it cannot write."""
        self.has_a_verdict()
        self.wait_for(_WATCH, "cannot be written")


@contextmanager
def host(scenario: str, folder: Path) -> Iterator[Host]:
    """The host of a scenario. Its services have the credentials and roots of its VPC."""
    toml = scenarios.text(scenario)
    with vpc(scenario, toml) as network, service_manager.service_manager(network) as manager:
        environment = program.environment(network, folder)
        manager.write(_ROOTS, Path(environment["AWS_CA_BUNDLE"]).read_text("ascii"))
        kept = {name: text for name, text in environment.items() if name.startswith("AWS_") and "FILE" not in name}
        lines = {**kept, "AWS_CA_BUNDLE": _ROOTS}
        manager.write(_ENVIRONMENT, "".join(f"{name}={text}\n" for name, text in lines.items()))
        yield Host(manager, network)


# --- Set-ups ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Journaled(Setup):
    """A service, and its expected journal entries."""

    scenario: str = "healthy"
    """The host's VPC, by its name in `agent.simulated.scenarios`."""
    unit: str = _WATCH
    settings: str = _OF_A_WATCH
    """The content of the configuration file."""
    drop_in: tuple[str, ...] = ()
    happens: Callable[[Host], None] = Host.has_a_verdict
    """What happens while the service runs. When this function returns, all expected entries are written."""
    lines: tuple[tuple[int, str], ...] = ()
    """The expected entries whose priority is above information: the priority and the beginning of the text of each. A
    change begins with a time, which is left out here.
    """
    holds: Callable[[list[str]], None] | None = None
    """A function that checks the documents, and raises AssertionError if they are wrong. It gets the entries with
    priority information, as complete lines. None means that there must be no documents.
    """

    def missing(self) -> str | None:
        return namespaces_missing() or service_manager.missing() or super().missing()


def journaled(status: str, name: str, **others: Any) -> Journaled:
    """A set-up with the verdict of its run."""
    worst = min((priority for priority, _ in others.get("lines", ())), default=_INFORMATION)
    result = status if status == "ok" else f"{status}: priority {worst}"
    return Journaled(package="systemd", name=name, result=result, **others)


def are_events(documents: list[str]) -> None:
    """Assert that the documents are events for CloudWatch: one of the run, and one of its target."""
    _, of_target = map(json.loads, documents[:2])
    assert of_target["Target"] == "backup"
    assert all(json.loads(line)["_aws"]["CloudWatchMetrics"] for line in documents)


def are_lines_of_a_run(documents: list[str]) -> None:
    """Assert that the documents are the lines of a watch's first run. The report of this run is longer than a line of
    the journal may be.
    """
    rows = [json.loads(line) for line in documents]
    assert rows[0]["type"] == "run"
    place = next(place for place, row in enumerate(rows) if row["type"] == "report")
    assert len(documents[place]) > _LONGEST
    assert rows[place].pop("type") == "report"
    VALIDATOR.validate(rows[place])
    assert rows[place + 1]["type"] == "change"


def is_a_text(documents: list[str]) -> None:
    """Assert that the document is the text report of a check, without its empty lines."""
    assert documents[0] == "OK  backup answers privately at 3 addresses"
    assert documents[1].startswith("    eu-west-1, path private")


def is_the_refusal(documents: list[str]) -> None:
    assert documents[0].startswith(f"UNKNOWN  {_CONFIGURATION}: interval: ")


_WELL: Final = (_NOTICE, "verdict ok: backup answers privately at 3 addresses")
_REJECTED: Final = (
    (_CRITICAL, "verdict critical, was ok for "),
    (_CRITICAL, "raised TCP005@backup (critical): "),
)

SETUPS: Final = (
    journaled("ok", "has a watch where all is well", lines=(_WELL,)),
    journaled(
        "ok",
        "has a watch whose fault has ended",
        happens=Host.reject_and_repair,
        lines=(
            _WELL,
            *_REJECTED,
            (_NOTICE, "verdict ok, was critical for "),
            (_NOTICE, "cleared TCP005@backup (critical): "),
        ),
    ),
    journaled(
        "ok",
        "has a watch with `--format emf`",
        settings=f'{_OF_A_WATCH}format = "emf"\n',
        lines=(_WELL,),
        holds=are_events,
    ),
    journaled(
        "ok",
        "has a watch with `--format ndjson`, whose longest lines it breaks",
        scenario="hana-healthy",
        settings=f'{_OF_A_WATCH}format = "ndjson"\nworkload = ["caller", "hana"]\n',
        lines=((_NOTICE, "verdict ok: "),),
        holds=are_lines_of_a_run,
    ),
    journaled(
        "ok",
        "has a check in text",
        unit=_CHECK,
        settings=_SETTINGS,
        drop_in=("ExecStart=", f"ExecStart=/usr/bin/backuplink check --config {_CONFIGURATION}"),
        happens=lambda host: host.wait_for(_CHECK, "For JSON"),
        holds=is_a_text,
    ),
    journaled(
        "critical",
        "has a watch whose fault has begun",
        happens=Host.reject_for_a_cycle,
        lines=(_WELL, *_REJECTED),
    ),
    journaled(
        "critical",
        "has a watch where one zone is silent",
        scenario="one-zone-silent",
        lines=(
            (_CRITICAL, "verdict critical: backup: 1 of 3 addresses is silent on 443: 10.0.2.17"),
            (_CRITICAL, "raised TCP002@backup (critical): "),
        ),
    ),
    journaled(
        "warning",
        "has a watch without credentials",
        scenario="no-credentials",
        lines=(
            (_WARNING, "verdict warning: the SDK finds no credentials, so no signed call was made"),
            (_WARNING, "raised API001 (warning): "),
        ),
    ),
    journaled(
        "unknown",
        "has a watch where nothing says which Region it is",
        scenario="region-unknown",
        settings=f"{_OPTIONS}{_AT_ONCE}",
        lines=(
            (_ERROR, "verdict unknown: no Region is set by --region, AWS_REGION, a profile or instance metadata"),
            (_WARNING, "raised ENV001 (warning): "),
            (_WARNING, "raised ENV002 (warning): "),
        ),
    ),
    journaled(
        "error",
        "has a watch that does not start with its settings",
        settings="interval = 'often'\n",
        drop_in=("Restart=no",),
        happens=Host.has_failed,
        lines=((_ERROR, f"Error: {_CONFIGURATION}: interval: "),),
        holds=is_the_refusal,
    ),
    journaled(
        "error",
        "has a watch that has rejected new settings",
        happens=Host.reload,
        lines=(
            _WELL,
            (_ERROR, f"the new settings were rejected, and the old settings stay: {_CONFIGURATION}: deadline: "),
        ),
    ),
    journaled(
        "error",
        "has a watch that cannot write its metrics",
        settings=f'{_OF_A_WATCH}textfile = "/etc/backuplink/backuplink.prom"\n',
        happens=Host.cannot_write,
        lines=(_WELL, (_ERROR, "/etc/backuplink/backuplink.prom cannot be written: Read-only file system")),
    ),
)


def whole(entries: list[dict[str, Any]]) -> list[str]:
    """The lines of the entries. Lines that the journal has split are joined again."""
    lines: list[str] = []
    is_going_on = False
    for entry in entries:
        if is_going_on:
            lines[-1] += entry["MESSAGE"]
        else:
            lines.append(entry["MESSAGE"])
        is_going_on = entry.get("_LINE_BREAK") == "line-max"
    return lines


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_fields_of_the_journal_say_how_bad_each_line_is(setup: Journaled, tmp_path: Path) -> None:
    with host(setup.scenario, tmp_path) as here:
        here.start(setup.unit, setup.settings, setup.drop_in)
        setup.happens(here)
        here.stop(setup.unit)
        entries = here.journal(setup.unit)
        bad = here.journal(setup.unit, "--priority=warning")
    assert {entry["SYSLOG_IDENTIFIER"] for entry in entries} == {"backuplink"}
    assert len({entry["_PID"] for entry in entries}) == 1
    said = [(int(entry["PRIORITY"]), entry["MESSAGE"]) for entry in entries]
    assert [(int(entry["PRIORITY"]), entry["MESSAGE"]) for entry in bad] == [row for row in said if row[0] <= _WARNING]
    lines = [row for row in said if row[0] < _INFORMATION]
    assert [priority for priority, _ in lines] == [priority for priority, _ in setup.lines]
    for (_, text), (_, begin) in zip(lines, setup.lines, strict=True):
        assert re.sub(r"^[\d-]+T[\d:]+Z ", "", text).startswith(begin)
    documents = whole([entry for entry in entries if int(entry["PRIORITY"]) == _INFORMATION])
    if setup.holds is None:
        assert documents == []
    else:
        setup.holds(documents)
