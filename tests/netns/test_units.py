"""The shipped units, run by a real systemd on a host whose endpoint answers.

A drop-in file, as an operator writes it, makes only the changes that a test needs. It sets the credentials and the
roots of the simulated AWS, the times of a timer or a watchdog, and for some tests the program to start in the sandbox.
"""

import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import pytest

from agent.report import codec
from probes.facts import WorkloadFacts
from tests.netns import confined, intruder, program
from tests.netns.service_manager import ServiceManager, service_manager
from tests.netns.vpc import TWO_ZONES, vpc
from tests.support.repository import ROOT
from tests.support.validator import VALIDATOR

pytestmark = pytest.mark.netns

CHECK: Final = "backuplink-check.service"
WATCH: Final = "backuplink-watch.service"
TEXTFILE: Final = "backuplink-textfile.service"
CONFIGURATION: Final = "/etc/backuplink/backuplink.toml"
TIMER: Final = "backuplink-check.timer"
ROOTS: Final = "/etc/backuplink/roots.pem"
ENVIRONMENT: Final = "/etc/backuplink/environment"
DYNAMIC_USERS: Final = range(61184, 65520)
"""The range of user ids for DynamicUser= (Users, Groups, UIDs and GIDs on systemd Systems)."""
TEMPORARY: Final = ("/tmp", "/var/tmp")  # noqa: S108 - the services have their own
WRITTEN: Final = "/var/written.json"
"""The file that the service manager opens for the process, outside the sandbox."""
REFUSED: Final = {
    *("a packet socket", "a raw socket", "a socket of the virtual machine's host", "a namespace"),
    *("memory to write and execute", "another personality", "a set-uid bit", "another priority"),
    *("a real-time priority", "the homes", "root's home", "process 1", "root's variables"),
}
"""The actions of `tests.netns.confined` that must fail. All others must succeed, since the program opens sockets and
reads the range of ports.
"""
_WHAT: Final = 'region = "eu-west-1"\nservice = ["backup"]\nno-ec2 = true\n'
SETTINGS: Final = f"{_WHAT}timeout = 60\ndeadline = 600\n"
"""Settings that give a check enough time on a busy machine, too."""
STATE: Final = "/var/lib/private/backuplink"
"""The folder in which a service may keep a history."""
WATCH_SETTINGS: Final = f'{_WHAT}interval = 10\ntextfile = "/run/backuplink/backuplink.prom"\n'


@dataclass(frozen=True, slots=True)
class Host:
    """The host, and the configuration of its services."""

    manager: ServiceManager

    def configure(self, unit: str, *lines: str, settings: str = SETTINGS) -> None:
        """Write the configuration, and a drop-in with these lines for a service."""
        self.manager.write(CONFIGURATION, settings)
        self.manager.drop_in(unit, "\n".join(("[Service]", *lines, "")))

    def start(self, unit: str) -> Mapping[str, str]:
        """Start a service, wait until it has started or failed, and return its properties."""
        self.manager.run("systemctl", "reset-failed", unit)  # so that systemd does not count recent starts
        self.manager.run("systemctl", "restart", unit)
        return self.manager.properties(unit)

    def journal(self, unit: str) -> list[tuple[int, str]]:
        """The priority and the text of each line that a service has written since its most recent start."""
        began = int(self.manager.properties(unit)["ExecMainStartTimestampMonotonic"])
        lines = (line for line in self.manager.journal(unit) if int(line["__MONOTONIC_TIMESTAMP"]) >= began)
        return [(int(line["PRIORITY"]), line["MESSAGE"]) for line in lines]


@pytest.fixture(scope="module")
def host(systemd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("world")
    with vpc("units", TWO_ZONES) as network, service_manager(network) as manager:
        environment = program.environment(network, folder)
        manager.write(ROOTS, (folder / "roots.pem").read_text("ascii"))
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        lines = (*(f"{name}={environment[name]}" for name in names), f"AWS_CA_BUNDLE={ROOTS}")
        manager.path(ENVIRONMENT).write_text("\n".join(lines), "utf-8")  # the file exists, and only root may read it
        yield Host(manager)


# --- The check -------------------------------------------------------------------------------------------------------


def test_the_timer_starts_a_check_whose_sandbox_takes_nothing_from_the_report(host: Host) -> None:
    host.configure(CHECK)
    host.manager.systemctl("enable", TIMER)
    host.manager.write(
        f"/etc/systemd/system/{TIMER}.d/override.conf",
        "[Timer]\nOnCalendar=\nOnCalendar=*:*:*\nRandomizedDelaySec=0\nAccuracySec=1ms\n",
    )
    try:
        host.manager.systemctl("daemon-reload")
        host.manager.systemctl("start", TIMER)
        host.manager.wait_for(CHECK, lambda properties: properties["ExecMainStartTimestampMonotonic"] != "0")
    finally:
        host.manager.systemctl("disable", "--now", TIMER)
    properties = host.manager.wait_for(
        CHECK, lambda properties: properties["ActiveState"] not in ("activating", "active")
    )
    assert (properties["ActiveState"], properties["Result"], properties["ExecMainStatus"]) == (
        "inactive",
        "success",
        "0",
    )
    assert host.journal(CHECK) == []
    folder = host.manager.path("/var/log/private")
    file = folder / "backuplink" / "report.json"
    assert (stat.S_IMODE(folder.stat().st_mode), folder.stat().st_uid) == (0o700, 0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    document = json.loads(file.read_text("ascii"))
    VALIDATOR.validate(document)
    report = codec.decode(document)
    assert (report.verdict.status, report.verdict.path, report.findings) == ("ok", "private", ())
    assert [
        (observation.id, observation.failure) for observation in report.observations if observation.failure is not None
    ] == []
    assert report.vantage.source_addresses == (IPv4Address("10.0.1.10"),)


SHARED: Final = "/hana/shared"
SYSTEM: Final = "/usr/sap/HDB/SYS/global"
"""A link to the folder of the SAP system below SHARED, as SAP's installer creates it."""
LINK: Final = f"{SYSTEM}/hdb/opt/hdbbackint"
AGENT: Final = f"{SHARED}/aws-backint-agent"
BACKINT: Final = f"{AGENT}/aws-backint-agent-config.yaml"
UNIT: Final = "/etc/systemd/system/amazon-ssm-agent.service"
SSM: Final = "/etc/amazon/ssm/amazon-ssm-agent.json"
SSM_HOST: Final = "ssm.eu-west-1.amazonaws.com"


@pytest.fixture
def agents(host: Host) -> Iterator[None]:
    """The Backint agent and the SSM Agent on the host, in the folders that their installers use."""
    host.manager.write(BACKINT, "LogLevel: INFO\n")
    host.manager.write(f"{AGENT}/aws-backint-agent-launcher.sh", "#!/bin/sh\nexport no_proxy=169.254.169.254\n")
    host.manager.write(UNIT, "[Unit]\nDescription=amazon-ssm-agent\n")
    host.manager.write(SSM, json.dumps({"Ssm": {"Endpoint": SSM_HOST}}))
    system, link = host.manager.path(SYSTEM), host.manager.path(f"{SHARED}/HDB/global/hdb/opt/hdbbackint")
    for path, target in ((system, f"{SHARED}/HDB/global"), (link, f"{AGENT}/aws-backint-agent-launcher.sh")):
        path.parent.mkdir(parents=True)
        path.symlink_to(target)
    yield
    for folder in ("/usr/sap", "/hana", "/etc/amazon"):
        shutil.rmtree(host.manager.path(folder))
    host.manager.path(UNIT).unlink()


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize("is_open", [True, False], ids=["every user may read all", "root alone reads the settings"])
def test_a_timer_finds_the_workloads_that_root_finds(host: Host, is_open: bool) -> None:
    """Only root may read the configuration of the Backint agent. The timer's user therefore finds neither the place to
    which the agent backs up, nor the hosts of that place.
    """
    host.configure(CHECK, settings='region = "eu-west-1"\nno-ec2 = true\ntimeout = 1\n')
    if not is_open:
        host.manager.path(BACKINT).chmod(0o600)
        host.manager.path(SSM).parent.chmod(0o700)
    host.start(CHECK)
    file = host.manager.path("/var/log/private/backuplink/report.json")
    by_timer = codec.decode(json.loads(file.read_text("ascii")))
    command = f"set -a; . {ENVIRONMENT}; exec backuplink check --config {CONFIGURATION} --format json"
    clean = ("env", "-i", "PATH=/usr/sbin:/usr/bin")  # without the variables of the tests
    by_root = codec.decode(json.loads(host.manager.run(*clean, "sh", "-c", command).stdout))
    launcher, hosts = {"no_proxy": "169.254.169.254"}, {"Ssm.Endpoint": SSM_HOST}
    for report, reads_all in ((by_timer, is_open), (by_root, True)):
        assert [
            (workload.name, workload.by, workload.required, workload.mode, workload.settings)
            for workload in report.vantage.workloads
        ] == [
            ("caller", "--workload auto", False, None, {}),
            ("hana", LINK, True, "aws-backup" if reads_all else "unknown", launcher),
            ("ssm", UNIT, False, None, hosts if reads_all else {}),
        ]
        (search,) = (one.facts for one in report.observations if isinstance(one.facts, WorkloadFacts))
        assert {(unread.path, unread.error) for unread in search.unread} == (
            set() if reads_all else {(BACKINT, "EACCES"), (SSM, "EACCES")}
        )
    if is_open:
        for part in ("status", "path", "access"):
            assert getattr(by_timer.verdict, part) == getattr(by_root.verdict, part)
        assert [(target.id, target.required_by, target.status) for target in by_timer.targets] == [
            (target.id, target.required_by, target.status) for target in by_root.targets
        ]
        assert [finding.id for finding in by_timer.findings] == [finding.id for finding in by_root.findings]
        assert [(row.code, row.target) for row in by_timer.not_evaluated] == [
            (row.code, row.target) for row in by_root.not_evaluated
        ]
    else:
        assert "ENV017" in {finding.code for finding in by_timer.findings}


@pytest.mark.parametrize(
    ("scenario", "code", "state", "result"),
    [
        pytest.param("allowance-exceeded", 1, "inactive", "success", id="a warning"),
        pytest.param("one-zone-silent", 2, "failed", "exit-code", id="critical"),
    ],
)
def test_a_check_fails_where_the_verdict_is_worse_than_a_warning(
    host: Host, scenario: str, code: int, state: str, result: str
) -> None:
    start = f"ExecStart=/usr/bin/backuplink demo {scenario} --format json --output /var/log/backuplink/report.json"
    host.configure(CHECK, "ExecStart=", start)
    properties = host.start(CHECK)
    assert (properties["ExecMainStatus"], properties["ActiveState"], properties["Result"]) == (str(code), state, result)


def test_a_check_with_an_error_in_the_configuration_fails_and_the_journal_names_it(host: Host) -> None:
    host.configure(CHECK, settings="interval = 'often'\n")
    properties = host.start(CHECK)
    assert (properties["ExecMainStatus"], properties["ActiveState"], properties["Result"]) == (
        "3",
        "failed",
        "exit-code",
    )
    errors = [line for priority, line in host.journal(CHECK) if priority == 3]
    assert len(errors) == 1
    assert errors[0].startswith(f"Error: {CONFIGURATION}: interval: ")


AS_NODE_EXPORTER: Final = (
    "import os, sys; os.setgroups([]); os.setgid(1); os.setuid(1); print(open(sys.argv[1]).read())"
)
"""A command that reads a file as a user who is neither root nor the user of the service."""


def test_a_single_run_for_node_exporter_leaves_metrics_that_it_can_read(host: Host) -> None:
    metrics, taken = "/run/backuplink/backuplink.prom", []
    for _ in range(2):
        host.configure(TEXTFILE, "Environment=AWS_REGION=eu-west-1")
        assert host.start(TEXTFILE)["Result"] == "success", host.journal(TEXTFILE)
        assert stat.S_IMODE(host.manager.path(metrics).stat().st_mode) == 0o644
        read = host.manager.run("python", "-I", "-S", "-c", AS_NODE_EXPORTER, metrics)
        assert 'backuplink_verdict_status{status="ok"} 1.0' in read.stdout, read.stderr
        taken.append(host.manager.path(metrics).stat().st_ino)
    assert taken[0] != taken[1]  # the inode differs, so the file was replaced, not overwritten
    assert not host.manager.path("/run/backuplink.prom.new").exists()
    host.configure(TEXTFILE, "ExecStart=", "ExecStart=/usr/bin/backuplink check --no-such-option")
    assert host.start(TEXTFILE)["Result"] == "exit-code"
    assert host.manager.path(metrics).stat().st_ino == taken[1]  # the old file stays, with its old time
    for name in (metrics, "/run/backuplink.prom.new"):
        host.manager.path(name).unlink()


# --- The watch -------------------------------------------------------------------------------------------------------


def test_a_watch_is_ready_has_a_status_reloads_and_stops(host: Host) -> None:
    host.configure(WATCH, settings=WATCH_SETTINGS)
    properties = host.start(WATCH)
    assert (properties["ActiveState"], properties["SubState"], properties["WatchdogUSec"]) == (
        "active",
        "running",
        "2min",
    )
    properties = host.manager.wait_for(WATCH, lambda properties: "StatusText" in properties)
    assert properties["StatusText"] == "cycle 1: ok: backup answers privately at 2 addresses"
    folder = host.manager.path("/run/backuplink")
    metrics = folder / "backuplink.prom"
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(metrics.stat().st_mode)) == (0o755, 0o644)
    assert 'backuplink_verdict_status{status="ok"} 1.0' in metrics.read_text("ascii")
    assert [priority for priority, line in host.journal(WATCH) if "verdict ok" in line] == [5]

    host.manager.write(CONFIGURATION, f"{WATCH_SETTINGS}deadline = 'never'\n")
    host.manager.systemctl("reload", WATCH)
    host.manager.wait_for(WATCH, lambda _: any("deadline" in line for _, line in host.journal(WATCH)))
    assert [priority for priority, line in host.journal(WATCH) if "deadline" in line] == [3]
    assert host.manager.properties(WATCH)["ActiveState"] == "active"
    host.manager.systemctl("stop", WATCH)
    properties = host.manager.properties(WATCH)
    assert (properties["ActiveState"], properties["Result"], properties["ExecMainStatus"]) == (
        "inactive",
        "success",
        "0",
    )
    assert not folder.exists()


def test_the_watchdog_ends_a_watch_that_stands_still_and_it_is_started_again(host: Host) -> None:
    host.configure(WATCH, "WatchdogSec=6s", settings=WATCH_SETTINGS)
    try:
        started = host.start(WATCH)
        # systemd counts the start as a keep-alive, so this is the first one that the watch itself sent.
        moment = "WatchdogTimestampMonotonic"
        host.manager.wait_for(WATCH, lambda properties: int(properties[moment]) > int(started[moment]))
        host.manager.run("sh", "-c", f"kill -s STOP {started['MainPID']}")
        properties = host.manager.wait_for(WATCH, lambda properties: properties["SubState"].startswith("auto-restart"))
        assert properties["Result"] == "watchdog"
    finally:
        host.manager.systemctl("stop", WATCH)


# --- The sandbox -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "folders"),
    [
        (CHECK, {"/var/log/private/backuplink", STATE}),
        (WATCH, {"/run/backuplink", STATE}),
        (TEXTFILE, set[str]()),
    ],
    ids=["check", "watch", "textfile"],
)
def test_a_service_can_write_and_do_what_it_must_and_nothing_else(host: Host, unit: str, folders: set[str]) -> None:
    """The process also tries to write to every folder of the host that all users may write to."""
    for name in ("/etc/open", "/home/open", "/run/open", "/srv/open", "/var/lib/open"):
        place = host.manager.path(name)
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o777)
    start = "ExecStart=/usr/bin/python -I -S /opt/project/tests/netns/confined.py"
    nothing_else = ("ExecStartPre=", "ExecStartPost=")
    host.configure(unit, "Type=oneshot", "ExecStart=", start, *nothing_else, f"StandardOutput=truncate:{WRITTEN}")
    properties = host.start(unit)
    assert properties["Result"] == "success", host.journal(unit)
    may = json.loads(host.manager.path(WRITTEN).read_text("ascii"))
    assert set(may["writable"]) == {*folders, *TEMPORARY}
    assert set(may["refused"]) == REFUSED
    assert (may["no new privileges"], may["system calls are filtered"]) == (True, True)
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= set(may["variables"])  # the unit reads both from a file
    assert may["capabilities"] == ["0" * 16] * 4
    assert may["user"] in DYNAMIC_USERS
    assert not host.manager.path(confined.OWN).exists()  # the service has a private /tmp


# --- Other users of the host, and what is left -----------------------------------------------------------------------

KEPT: Final = 'history = "/var/lib/backuplink/history.db"\n'
SEEN: Final = {f"read {name}" for name in intruder.OPEN}
"""The reads that must succeed, since all users may read these files."""


def test_another_user_of_the_host_learns_and_changes_nothing(host: Host) -> None:
    """The intruder acts while the watch runs and serves. Root can read each of the secrets, which proves that they
    exist.
    """
    host.configure(CHECK, settings=SETTINGS)
    host.start(CHECK)
    listening = f'{WATCH_SETTINGS}{KEPT}listen = "{intruder.LISTENER[0]}:{intruder.LISTENER[1]}"\n'
    host.configure(WATCH, settings=listening)
    process_id = host.start(WATCH)["MainPID"]
    said = host.manager.wait_for(WATCH, lambda properties: "StatusText" in properties)["StatusText"]
    assert "cycle 1: ok" in said
    try:
        for name in intruder.SECRETS:
            assert host.manager.run("sh", "-c", f"test -r {name}").returncode == 0, name
        tried = host.manager.run("python", "-I", "-S", "/opt/project/tests/netns/intruder.py", process_id)
        assert tried.returncode == 0, tried.stderr
        assert set(json.loads(tried.stdout)) - {"speak to the service manager"} == SEEN
        properties = host.manager.properties(WATCH)
        assert (properties["ActiveState"], properties["MainPID"]) == ("active", process_id)
        assert properties["StatusText"] != intruder.FORGED
    finally:
        host.manager.systemctl("stop", WATCH)


def test_a_purge_leaves_nothing_of_what_the_services_wrote(host: Host) -> None:
    """The package's script runs after both services have written a history, and the check has written a report."""
    host.configure(CHECK, settings=f"{SETTINGS}{KEPT}")
    host.start(CHECK)
    host.configure(WATCH, settings=f"{WATCH_SETTINGS}{KEPT}cycles = 1\n")
    host.start(WATCH)
    host.manager.wait_for(WATCH, lambda properties: properties["ActiveState"] == "inactive")
    script = "/opt/project/postrm"
    host.manager.write(script, (ROOT / "packaging/packages/scripts/deb/postrm").read_text("utf-8"))
    assert {"report.json", "history.db"} <= {path.name for path in left(host)}
    for action in ("remove", "upgrade", "failed-upgrade", "abort-install", "disappear"):
        before = left(host)
        assert host.manager.run("sh", script, action).returncode == 0
        assert left(host) == before, action
    assert host.manager.run("sh", script, "purge").returncode == 0
    assert left(host) == set()
    assert host.manager.run("sh", script, "purge").returncode == 0  # as after the package is removed


def left(host: Host) -> set[Path]:
    """The files of the services below /var and /run, including links and folders."""
    found = set()
    for place in ("/var", "/run"):
        top = host.manager.path(place)
        for folder, folders, names in os.walk(top):
            found |= {Path(folder, name) for name in (*folders, *names)}
    return {path for path in found if "backuplink" in str(path).partition("/root/")[2] and "systemd" not in path.parts}
