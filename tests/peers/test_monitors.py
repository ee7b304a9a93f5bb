"""Prometheus, node_exporter and Alertmanager with the files of packaging/monitoring: which alerts fire, and which
messages about them arrive at a webhook.

All these programs run on the host. Minutes in the files become seconds here, and Prometheus scrapes and
evaluates every second.
"""

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from agent.fleet import metrics
from tests.netns.vpc import TWO_ZONES
from tests.peers.setups import Setup, namespaces_missing
from tests.peers.software import MissingError, listed
from tests.peers.world import Started, World, world
from tests.support import fleets
from tests.support.repository import ROOT

pytestmark = pytest.mark.peers

_FILES: Final = ROOT / "packaging" / "monitoring"
_RECEIVER: Final = Path(__file__).with_name("receiver.py")
_HOST: Final = "10.0.1.10"
"""The address of the host, which prometheus.yml also contains."""
_PROMETHEUS: Final = "127.0.0.1:9090"
_ALERTMANAGER: Final = "127.0.0.1:9093"
_REJECTED: Final = """
table inet fault {
    chain out { type filter hook output priority 0; tcp dport 443 reject; }
}
"""
_MENDED: Final = "delete table inet fault"
_STANDING: Final = "instance:backuplink_verdict:standing"
_OPTIONS: Final = ("--region", "eu-west-1", "--service", "backup", "--ec2", "never", "--timeout", "1")

Alert = tuple[str, str]
"""The name of an alert, and its instance."""


@dataclass(slots=True, kw_only=True)
class Monitors:
    """A host with the program, Prometheus, Alertmanager and the receiver of messages."""

    world: World
    receiver: Started = field(init=False)

    def reject(self) -> None:
        """Break the path to AWS Backup."""
        self.world.vpc.filter_on_host(_REJECTED)

    def repair(self) -> None:
        self.world.vpc.filter_on_host(_MENDED)

    def watch(self, *options: str, port: int = 9842) -> Started:
        """Start a watch, and wait for its first cycle."""
        often = ("--interval", "10", "--raise-after", "1", "--clear-after", "1", "--format", "ndjson")
        listen = () if "--textfile" in options else ("--listen", f"{_HOST}:{port}")
        command, environment = self.world.backuplink("watch", *_OPTIONS, *often, *listen, *options)
        started = self.world.run("backuplink watch", command, environment=environment)
        self.world.wait_until(started, lambda: '"verdict"' in started.log.read_text("utf-8"), "its first verdict")
        return started

    def check(self) -> None:
        """Run a check that writes its metrics to a file of the textfile collector."""
        file = str(self.textfiles / "backuplink.prom")
        options = ("--calls", "one", "--fail-on", "never", "--format", "prometheus", "--output", file)
        command, environment = self.world.backuplink("check", *_OPTIONS, *options)
        started = self.world.run("backuplink check", command, environment=environment)
        assert started.process.wait(120) == 0

    @property
    def textfiles(self) -> Path:
        folder = self.world.folder / "textfiles"
        folder.mkdir(exist_ok=True)
        return folder

    def export(self, port: int = 9100) -> None:
        """Start node_exporter with the options of node-exporter.default."""
        line = (_FILES / "node-exporter.default").read_text("utf-8").splitlines()[-1]
        assert line == 'ARGS="--collector.textfile.directory=/run/backuplink"'
        self.world.start(
            "prometheus-node-exporter",
            f"--collector.textfile.directory={self.textfiles}",
            *("--collector.disable-defaults", "--collector.textfile"),
            f"--web.listen-address={_HOST}:{port}",
            on="host",
            answers=("tcp", _HOST, str(port)),
        )

    def monitor(self, job: str, *ports: int) -> None:
        """Start the receiver, Alertmanager, and Prometheus with one of the jobs of prometheus.yml."""
        (ours,) = yaml.safe_load((_FILES / "alertmanager.yml").read_text("utf-8"))["receivers"][0]["webhook_configs"]
        address, port = re.fullmatch(r"http://([\d.]+):(\d+)/", ours["url"]).groups()  # type: ignore[union-attr]
        self.receiver = self.world.run(
            "receiver",
            self.world.vpc.on_host(sys.executable, str(_RECEIVER), address, port),
            environment={},
        )
        self.world.wait_for(self.receiver, "tcp", address, port, on="host")
        alertmanager = _faster((_FILES / "alertmanager.yml").read_text("utf-8"))
        self.world.start(
            "prometheus-alertmanager",
            f"--config.file={self.world.write('alertmanager.yml', alertmanager)}",
            f"--storage.path={self.world.folder / 'alertmanager'}",
            f"--web.listen-address={_ALERTMANAGER}",
            "--cluster.listen-address=",
            on="host",
            answers=("tcp", *_ALERTMANAGER.split(":")),
        )
        given = yaml.safe_load((_FILES / "prometheus.yml").read_text("utf-8"))
        for name in given["rule_files"]:
            self.world.write(name, _faster((_FILES / name).read_text("utf-8")))
        (scraped,) = (row for row in given["scrape_configs"] if row["job_name"] == job)
        assert scraped["static_configs"][0]["targets"] == [f"{_HOST}:{ports[0]}"]
        scraped |= {"scrape_interval": "1s", "static_configs": [{"targets": [f"{_HOST}:{port}" for port in ports]}]}
        given |= {
            "global": {"evaluation_interval": "1s"},
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [_ALERTMANAGER]}]}]},
            "scrape_configs": [scraped],
        }
        self.world.start(
            "prometheus",
            f"--config.file={self.world.write('prometheus.yml', yaml.safe_dump(given))}",
            f"--storage.tsdb.path={self.world.folder / 'prometheus'}",
            f"--web.listen-address={_PROMETHEUS}",
            on="host",
            answers=("tcp", *_PROMETHEUS.split(":")),
        )

    def query(self, expression: str) -> list[dict[str, str]]:
        """The labels of the results of an expression, from promtool."""
        promtool = str(Path(listed()["prometheus"].path()).with_name("promtool"))
        asked = self.world.output_of(promtool, "query", "instant", "--format=json", f"http://{_PROMETHEUS}", expression)
        assert asked.returncode == 0, asked.stderr
        return [row["metric"] for row in json.loads(asked.stdout)]

    def wait_for(self, expression: str) -> None:
        """Wait until an expression has a result."""
        self.wait_until(lambda: bool(self.query(expression)), expression)

    def firing(self) -> tuple[Alert, ...]:
        """The alerts that fire now."""
        rows = self.query('ALERTS{alertstate="firing"}')
        return tuple(sorted({(row["alertname"], row["instance"].removeprefix(f"{_HOST}:")) for row in rows}))

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        self.world.wait_until(self.receiver, is_so, what)

    def messages(self) -> list[dict[str, Any]]:
        """The messages that have arrived so far."""
        return [json.loads(line) for line in self.receiver.log.read_text("utf-8").split("\n")[:-1]]

    def groups(self, status: str) -> dict[tuple[str, ...], int]:
        """For each group that has messages with this status, the number of alerts in the most recent one. The key of a
        group is the values of its labels.
        """
        return {
            tuple(text.removeprefix(f"{_HOST}:") for _, text in sorted(body["groupLabels"].items())): len(
                body["alerts"]
            )
            for body in self.messages()
            if body["status"] == status
        }


def _faster(text: str) -> str:
    """The text of a file with minutes replaced by seconds, in rules and groups, where there are up to ten."""
    return re.sub(r"(for|group_interval): (\d|10)m$", r"\1: \2s", text, flags=re.M).replace("wait: 30s", "wait: 500ms")


@contextmanager
def monitors(name: str, folder: Path) -> Iterator[Monitors]:
    """Create the host of a healthy VPC. It exists while the block lasts."""
    with world(name, TWO_ZONES, folder) as built:
        yield Monitors(world=built)


# --- Set-ups ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Monitored(Setup):
    """A host on which the program writes something, and what Prometheus and Alertmanager must do about it."""

    start: Callable[[Monitors], None]
    """A function that creates the situation to be tested, and starts Prometheus."""
    fires: tuple[Alert, ...] = ()
    """The alerts that must fire after `start`."""
    well: int = 0
    """The number of instances that have the verdict `ok` after `start`. It is only checked if no alert fires."""
    sent: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """The messages that must arrive: the number of alerts in each group. The key of a group is the values of its
    labels.
    """
    ended: bool = False
    """Whether each group in `sent` must also get a message that it is resolved."""

    def missing(self) -> str | None:
        parts = (listed()[package] for package in ("prometheus", "prometheus-alertmanager", self.package))
        try:
            for part in parts:
                part.path()
        except MissingError as error:
            return str(error)
        return namespaces_missing()


def watched(*ports: int) -> Callable[[Monitors], None]:
    """Start watches, and a Prometheus that scrapes them."""

    def start(here: Monitors) -> None:
        for port in ports:
            here.watch(port=port)
        here.monitor("backuplink", *ports)

    return start


def broken(start: Callable[[Monitors], None]) -> Callable[[Monitors], None]:
    """Start the monitors on a path that rejects TCP 443."""

    def start_broken(here: Monitors) -> None:
        here.reject()
        start(here)

    return start_broken


def repaired(
    start: Callable[[Monitors], None], again: Callable[[Monitors], None] | None = None
) -> Callable[[Monitors], None]:
    """Start the monitors on a broken path. Once its fault is reported, repair the path, and then call `again`."""

    def start_repaired(here: Monitors) -> None:
        broken(start)(here)
        here.wait_until(lambda: bool(here.groups("firing")), "a message of the fault")
        here.repair()
        if again is not None:
            again(here)

    return start_repaired


def ended_watch(here: Monitors) -> None:
    watch = here.watch()
    here.monitor("backuplink", 9842)
    here.wait_for(f"{_STANDING} == 1")
    watch.process.terminate()


def rejected_settings(here: Monitors) -> None:
    settings = here.world.write("backuplink.toml", "interval = 20\n")
    watch = here.watch("--config", str(settings))
    here.monitor("backuplink", 9842)
    here.wait_for("count_over_time(backuplink_watch_reloads_total[1m]) >= 2")
    settings.write_text("interval = 'often'\n", encoding="ascii")
    watch.process.send_signal(signal.SIGHUP)


def checked(here: Monitors) -> None:
    here.check()
    here.export()
    here.monitor("node", 9100)


def written_by_watch(here: Monitors) -> None:
    here.watch("--textfile", str(here.textfiles / "backuplink.prom"))
    here.export()
    here.monitor("node", 9100)


def removed(here: Monitors) -> None:
    checked(here)
    here.wait_for(f"{_STANDING} == 1")
    (here.textfiles / "backuplink.prom").unlink()


def outdated(here: Monitors) -> None:
    here.check()
    file = here.textfiles / "backuplink.prom"
    text = re.sub(
        r"^(backuplink_run_timestamp_seconds) (\S+)$",
        lambda found: f"{found[1]} {float(found[2]) - 3600}",
        file.read_text("ascii"),
        flags=re.M,
    )
    file.write_text(text, encoding="ascii")
    here.export()
    here.monitor("node", 9100)


def hidden(here: Monitors) -> None:
    """Let the metrics file of a healthy run hide the metrics file of a run that found a fault."""
    here.check()
    (here.textfiles / "backuplink.prom").rename(here.textfiles / "a-backuplink.prom")
    broken(checked)(here)
    here.wait_for(f'{_STANDING}{{status="ok"}} == 1')


def joined(*ports: int) -> Callable[[Monitors], None]:
    """Start a Prometheus that monitors a fleet. Several machines have joined the records of this fleet."""

    def start(here: Monitors) -> None:
        now = datetime.now(UTC)
        sweep = replace(fleets.SWEEPS[-1], started_at=now, ended_at=now)
        text = metrics.render(replace(fleets.document(), sweep=sweep))
        (here.textfiles / "fleet.prom").write_text(text, encoding="ascii")
        for port in ports:
            here.export(port)
        here.monitor("node", *ports)

    return start


def critical(*instances: str) -> dict[str, Any]:
    """The expected results for broken paths."""
    alerts = tuple(("BackuplinkCritical", instance) for instance in instances)
    return {
        "result": "critical: BackuplinkCritical",
        "fires": alerts,
        "sent": dict.fromkeys(alerts, 1),
    }


def resolved(*instances: str) -> dict[str, Any]:
    """The expected results for repaired paths."""
    sent = dict.fromkeys((("BackuplinkCritical", instance) for instance in instances), 1)
    return {"result": "ok: BackuplinkCritical is resolved", "well": len(instances), "sent": sent, "ended": True}


def alone(alert: str, instance: str) -> dict[str, Any]:
    """The expected results if only this alert fires."""
    return {"result": f"critical: {alert}", "fires": ((alert, instance),), "sent": {(alert, instance): 1}}


def well(instances: int) -> dict[str, Any]:
    return {"result": "ok: no alert", "well": instances}


_CAUSES: Final = tuple(
    (cause.code, cause.severity, cause.key.removeprefix(f"{cause.code}|")) for cause in fleets.document().causes
)

PROMETHEUS: Final = tuple(
    Monitored(package="prometheus", name=name, start=start, **comes)
    for name, start, comes in (
        ("scrapes a watch", watched(9842), well(1)),
        ("scrapes two watches", watched(9842, 9843), well(2)),
        ("scrapes a watch whose fault has ended", repaired(watched(9842)), resolved("9842")),
        ("scrapes a watch that meets a firewall", broken(watched(9842)), critical("9842")),
        ("scrapes a watch that has ended", ended_watch, alone("BackuplinkAbsent", "9842")),
        (
            "scrapes a watch that has rejected new settings",
            rejected_settings,
            {**alone("BackuplinkSettingsRejected", "9842"), "result": "warning: BackuplinkSettingsRejected"},
        ),
    )
)
NODE_EXPORTER: Final = tuple(
    Monitored(package="prometheus-node-exporter", name=name, start=start, **comes)
    for name, start, comes in (
        ("serves the file of a run", checked, well(1)),
        ("serves the file of a watch", written_by_watch, well(1)),
        ("serves the file of a run after a fault", repaired(checked, Monitors.check), resolved("9100")),
        ("serves the file of a run that meets a firewall", broken(checked), critical("9100")),
        ("serves no file any more", removed, alone("BackuplinkAbsent", "9100")),
        ("serves the first of two files", hidden, alone("BackuplinkTwoFiles", "9100")),
        ("serves a file that nothing writes any more", outdated, alone("BackuplinkStale", "9100")),
    )
)
ALERTMANAGER: Final = tuple(
    Monitored(package="prometheus-alertmanager", name=name, start=start, **comes)
    for name, start, comes in (
        ("has nothing to send of a host without a fault", watched(9842), well(1)),
        ("sends that the fault of a host has ended", repaired(watched(9842)), resolved("9842")),
        (
            "sends that the faults of two hosts have ended, a message for each",
            repaired(watched(9842, 9843)),
            resolved("9842", "9843"),
        ),
        ("sends the fault of a host", broken(watched(9842)), critical("9842")),
        (
            "sends the faults of two hosts, a message for each",
            broken(watched(9842, 9843)),
            critical("9842", "9843"),
        ),
        (
            "sends the causes of a fleet that two hosts have joined, a message for each cause",
            joined(9100, 9101),
            {
                "result": "critical: BackuplinkFleetCause",
                "fires": (("BackuplinkFleetCause", "9100"), ("BackuplinkFleetCause", "9101")),
                "sent": {("BackuplinkFleetCause", *cause): 2 for cause in _CAUSES},
            },
        ),
    )
)
SETUPS: Final = (*PROMETHEUS, *NODE_EXPORTER, *ALERTMANAGER)


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_exactly_the_alerts_fire_and_arrive_that_must(setup: Monitored, tmp_path: Path) -> None:
    with monitors(setup.name, tmp_path) as here:
        setup.start(here)
        if setup.fires:
            count = max(len(setup.fires), sum(setup.sent.values()))
            here.wait_for(f'count(sum_over_time(ALERTS{{alertstate="firing"}}[5m]) >= 2) >= {count}')
        else:
            here.wait_for(f'count(sum_over_time({_STANDING}{{status="ok"}}[5m]) >= 3) == {setup.well}')
        assert here.firing() == setup.fires
        here.wait_until(lambda: here.groups("firing") == setup.sent, f"{setup.sent}")
        if setup.ended:
            here.wait_until(lambda: here.groups("resolved") == setup.sent, f"the end of {setup.sent}")
        else:
            assert here.groups("resolved") == {}
