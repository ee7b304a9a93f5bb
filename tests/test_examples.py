"""The examples in docs/examples. Each is run or parsed by the program for which it is written."""

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from junitparser import JUnitXml

import manual
from agent.cli.main import dispatch, main
from tests.agent.fleet import files
from tests.formats.monitors import promtool
from tests.packaging.artifacts import needed
from tests.packaging.run_command import REAL, executable
from tests.support.command import SECONDS
from tests.support.repository import ROOT
from tests.support.runs import report_of

EXAMPLES: Final = ROOT / "docs" / "examples"
MONITORING: Final = ROOT / "packaging" / "monitoring"
COLLECTION: Final = ROOT / "packaging" / "ansible" / "collection"
ENDS: Final = [("healthy", 0), ("one-zone-silent", 2)]


def ran(folder: Path, scenario: str, shell: tuple[str, ...], script: str, **variables: str) -> Any:
    """Run a script. Its `backuplink` is the program itself, which measures a scenario."""
    then = f'[ "$1" != check ] || {{ shift; set -- demo {scenario} "$@"; }}\n{REAL}'
    executable(folder / "bin" / "backuplink", f"#!/bin/sh\n{then}\n")
    return subprocess.run(
        [needed(shell[0]), *shell[1:], script],
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}{os.pathsep}{os.defpath}", **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize(("scenario", "code"), ENDS)
def test_the_job_of_github_actions(tmp_path: Path, scenario: str, code: int) -> None:
    workflow = yaml.safe_load((EXAMPLES / "github-actions-check.yml").read_text("utf-8"))
    (job,) = workflow["jobs"].values()
    (step,) = (step for step in job["steps"] if "run" in step)
    shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
    ended = ran(tmp_path, scenario, shell, step["run"], GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    assert ended.returncode == code, ended.stderr
    assert report_of(scenario).verdict.status.value in (tmp_path / "summary.md").read_text("utf-8").lower()
    (kept,) = (step["with"]["path"] for step in job["steps"] if "uses" in step)
    assert (tmp_path / kept).stat().st_size > 1_000


@pytest.mark.parametrize(("scenario", "code"), ENDS)
def test_the_stage_of_jenkins(tmp_path: Path, scenario: str, code: int) -> None:
    """Jenkins runs `sh` with -xe."""
    pipeline = (EXAMPLES / "Jenkinsfile").read_text("utf-8")
    assert pipeline.count("{") == pipeline.count("}")
    (script,) = re.findall(r"sh '''\n(.*?)'''", pipeline, re.DOTALL)
    (results,) = re.findall(r"junit '([^']+)'", pipeline)
    ended = ran(tmp_path, scenario, ("sh", "-xec"), script)
    assert ended.returncode == code, ended.stderr
    suites = JUnitXml.fromstring((tmp_path / results).read_bytes())
    assert (sum(suite.failures for suite in suites) > 0) == (code > 0)


@pytest.mark.parametrize(("scenario", "code"), ENDS)
def test_the_service_of_nagios(tmp_path: Path, scenario: str, code: int) -> None:
    text = (EXAMPLES / "nagios-service.cfg").read_text("utf-8")
    objects = {
        kind: dict(line.split(None, 1) for line in body.strip().splitlines())
        for kind, body in re.findall(r"^define (\w+) \{\n(.*?)^\}$", text, re.MULTILINE | re.DOTALL)
    }
    assert set(objects) == {"command", "service"}
    assert objects["service"]["check_command"] == objects["command"]["command_name"]
    line = objects["command"]["command_line"]
    assert line.startswith("/usr/bin/backuplink ")
    ended = ran(tmp_path, scenario, ("sh", "-c"), line.removeprefix("/usr/bin/"))
    assert ended.returncode == code
    assert ended.stdout.startswith(("OK", "WARNING", "CRITICAL", "UNKNOWN")[code])


def test_the_scrape_of_prometheus() -> None:
    file = EXAMPLES / "prometheus.yml"
    ended = subprocess.run(
        [promtool(), "check", "config", str(file)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ended.returncode == 0, ended.stderr
    (job,) = yaml.safe_load(file.read_text("utf-8"))["scrape_configs"]
    assert f'job="{job["job_name"]}"' in (MONITORING / "backuplink.rules.yml").read_text("utf-8")
    (target,) = job["static_configs"][0]["targets"]
    (line,) = re.findall(r"backuplink (watch --listen \S+\d)", file.read_text("utf-8"))
    name, *given = shlex.split(line)
    with main.commands[name].make_context(name, given, parent=manual.context_of(main)) as context:
        address, port = context.params["listen"]
    assert target == f"{address}:{port}"


def test_the_play_of_ansible() -> None:
    (play,) = yaml.safe_load((EXAMPLES / "ansible-play.yml").read_text("utf-8"))
    (role,) = play["roles"]
    specs = yaml.safe_load((COLLECTION / "roles" / "backuplink" / "meta" / "argument_specs.yml").read_text("utf-8"))
    assert role["role"] == "backuplink.backuplink.backuplink"
    assert set(role["vars"]) <= set(specs["argument_specs"]["main"]["options"])
    (task,) = play["post_tasks"]
    source = (COLLECTION / "plugins" / "modules" / "check.py").read_text("utf-8")
    options = yaml.safe_load(source.split('DOCUMENTATION = r"""')[1].split('"""')[0])["options"]
    given = task["backuplink.backuplink.check"]
    assert set(given) <= set(options)
    assert given["fail_on"] in options["fail_on"]["choices"]


@pytest.mark.parametrize(
    "name", ["github-actions-check.yml", "Jenkinsfile", "nagios-service.cfg", "prometheus.yml", "ansible-play.yml"]
)
def test_a_page_leads_to_each(name: str) -> None:
    assert f"(examples/{name})" in (ROOT / "docs" / "monitoring.md").read_text("utf-8")


# --- Tickets of a fleet ----------------------------------------------------------------------------------------------

TICKETS: Final = EXAMPLES / "fleet-tickets.py"
DAYS: Final = ("2026-01-11", "2026-01-12", "2026-01-13", "2026-01-14")
SICK_HOSTS: Final = {DAYS[1]: 12, DAYS[2]: 20}
"""The number of sick hosts on each day. The fault is new on the second day, affects more hosts on the third, and has
ended on the fourth.
"""


class TicketSystem:
    """A ticket server that identifies a ticket by the first word of its text, and ignores a text that it has seen
    before.
    """

    def __init__(self) -> None:
        self.tickets: dict[str, list[str]] = {}
        """The actions on each ticket, in order."""
        self.bodies: list[dict[str, Any]] = []
        self.requests = 0
        self.is_down = False
        self._seen: set[str] = set()
        system = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                system.requests += 1
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not system.is_down:
                    system.take(self.headers["Idempotency-Key"], content)
                self.send_response(503 if system.is_down else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Write nothing to stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def take(self, key: str, content: dict[str, Any]) -> None:
        if key in self._seen:
            return
        self._seen.add(key)
        self.bodies.append(content)
        self.tickets.setdefault(content["ticket"], []).append(content["action"])

    def __enter__(self) -> "TicketSystem":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def fleet_events(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The events that `fleet` writes for EventBridge, by day."""
    folder = tmp_path_factory.mktemp("fleet")
    for day in DAYS:
        place = folder / "records" / f"dt={day}"
        place.mkdir(parents=True)
        sick = SICK_HOSTS.get(day, 0)
        records = [
            files.record(number, files.SICK if number < sick else "healthy", taken_at=f"{day}T03:00:00Z")
            for number in range(24)
        ]
        (place / "hosts.ndjson").write_text(files.lines(*records), "utf-8")
    rows = "".join(f"i-{number:017x},{'basis' if number % 2 else 'web'}\n" for number in range(24))
    (folder / "hosts.csv").write_text(f"InstanceId,Owner\n{rows}", "utf-8")
    said = {}
    for day in DAYS[1:]:
        words = ["fleet", str(folder / "records"), "--inventory", str(folder / "hosts.csv"), "--sweep", day]
        assert dispatch([*words, "--format", "eventbridge", "--output", str(folder / day)], []) in (0, 2)
        said[day] = (folder / day).read_text("utf-8")
    return said


def tickets(url: str, seen: Path, events: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(TICKETS), url, str(seen)]
    return subprocess.run(words, input=events, capture_output=True, text=True, timeout=SECONDS, check=False)


def test_one_fault_is_one_ticket_from_new_to_healed(fleet_events: dict[str, str], tmp_path: Path) -> None:
    with TicketSystem() as system:
        for events in fleet_events.values():
            ended = tickets(system.url, tmp_path / "seen", events)
            assert (ended.returncode, ended.stderr) == (0, "")
        assert list(system.tickets.values()) == [["open", "update", "close"]]
        opened, grown, _ = system.bodies
        assert opened["assign_to"] == ["basis", "web"]
        assert opened["severity"] == "critical"
        assert "12 hosts now, 0 before." in opened["text"]
        assert "basis: 10 hosts" in grown["text"]


def test_the_same_event_twice_is_one_ticket(fleet_events: dict[str, str], tmp_path: Path) -> None:
    new = fleet_events[DAYS[1]]
    with TicketSystem() as system:
        for _ in range(2):
            assert tickets(system.url, tmp_path / "seen", new).returncode == 0
        assert system.requests == 1, "what was sent is not sent again"
        assert tickets(system.url, tmp_path / "seen elsewhere", new).returncode == 0
        assert system.requests == 2
        assert list(system.tickets.values()) == [["open"]], "another machine sends the same event"


def test_what_the_ticket_system_did_not_take_is_sent_again(fleet_events: dict[str, str], tmp_path: Path) -> None:
    new = fleet_events[DAYS[1]]
    with TicketSystem() as system:
        system.is_down = True
        ended = tickets(system.url, tmp_path / "seen", new)
        assert (ended.returncode, system.tickets) == (1, {})
        assert "not sent: HTTP Error 503" in ended.stderr
        system.is_down = False
        assert tickets(system.url, tmp_path / "seen", new).returncode == 0
        assert list(system.tickets.values()) == [["open"]]


@pytest.mark.parametrize("by", ["EventBridge", "SNS"])
def test_an_event_is_one_however_it_comes(fleet_events: dict[str, str], tmp_path: Path, by: str) -> None:
    """The event arrives in the form of EventBridge or of SNS (Amazon EventBridge User Guide, Events; Amazon SNS
    Developer Guide, HTTP/HTTPS notification JSON format).
    """
    (entry,) = json.loads(fleet_events[DAYS[1]])["Entries"]
    event = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
    handed = event if by == "EventBridge" else {"Type": "Notification", "Message": json.dumps(event)}
    with TicketSystem() as system:
        for events in (fleet_events[DAYS[1]], f"{json.dumps(handed)}\n"):
            assert tickets(system.url, tmp_path / "seen", events).returncode == 0
        assert (system.requests, list(system.tickets.values())) == (1, [["open"]])
