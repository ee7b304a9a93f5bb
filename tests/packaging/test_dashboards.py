"""The dashboards for Grafana: the program writes every metric that they show, and every query has a result in a
Prometheus with a host's recorded metrics.
"""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest

import dashboards
from agent.fleet import metrics as fleet_metrics
from agent.formats import prometheus
from agent.report.model import Report
from agent.simulated.settings import EPOCH
from tests.formats.monitors import families_in, promtool, watch_families
from tests.support import fleets
from tests.support.command import SECONDS
from tests.support.repository import ROOT
from tests.support.runs import report_of

HOST: Final = "backup-1.example:9842"
FAULT: Final = "gateway-ports-missing"
END: Final = EPOCH.timestamp()
BOARDS: Final = {path: json.loads(text) for path, text in dashboards.dashboards().items()}
VALUES: Final = {"$instance": HOST, "$target": ".*", "${datasource}": "prometheus"}


def queries(board: dict[str, Any]) -> list[str]:
    """Every query in the panels of a dashboard, with values in place of variables."""
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    for name, value in VALUES.items():
        found = [query.replace(name, value) for query in found]
    return found


every_query = pytest.mark.parametrize("query", [query for board in BOARDS.values() for query in queries(board)])


@pytest.mark.parametrize("path", BOARDS)
def test_a_board_has_panels_that_do_not_overlap(path: str) -> None:
    places = [panel["gridPos"] for panel in BOARDS[path]["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)


@pytest.mark.parametrize("path", BOARDS)
def test_a_board_asks_the_source_that_its_reader_chose(path: str) -> None:
    board = BOARDS[path]
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {"${datasource}"}
    assert board["templating"]["list"][0]["type"] == "datasource"
    assert "id" not in board  # the importing Grafana assigns its own ids


@every_query
def test_every_metric_is_in_the_documents(query: str) -> None:
    known = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "metrics.md").read_text("utf-8"), re.MULTILINE))
    asked = set(re.findall(r"\b(?:backuplink|probe)_\w+", query))
    assert asked
    assert asked <= known


# --- Against a Prometheus --------------------------------------------------------------------------------------------


class _Recorded:
    """A collector that returns ready-made metric families."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _recorded() -> list[Metric]:
    """Samples over ten minutes, one a minute, as Prometheus scrapes them from a watch."""
    families: dict[str, Metric] = {}
    for minute in range(10):
        moment = END - 60.0 * minute
        written = prometheus.render(_at(report_of(FAULT), -60.0 * minute)) + fleet_metrics.render(fleets.document())
        for family in (*families_in(written), *watch_families(FAULT)):
            kept = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            kept.samples += [
                sample._replace(labels={**sample.labels, "instance": HOST, "job": "backuplink"}, timestamp=moment)
                for sample in family.samples
            ]
    for family in families.values():
        family.samples.sort(key=lambda sample: (sample.name, sorted(sample.labels.items()), sample.timestamp))
    return list(families.values())


def _at(report: Report, seconds: float) -> Report:
    ended = report.run.finished_at + timedelta(seconds=seconds)
    return replace(report, run=replace(report.run, finished_at=ended))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus on loopback with recorded samples, which scrapes nothing."""
    tool = promtool()
    folder = tmp_path_factory.mktemp("prometheus")
    registry = CollectorRegistry()
    registry.register(_Recorded(_recorded()))
    written = generate_latest(registry)  # type: ignore[no-untyped-call] # the library types this one not
    (folder / "metrics").write_bytes(written)
    blocks = [tool, "tsdb", "create-blocks-from", "openmetrics", str(folder / "metrics"), str(folder / "data")]
    subprocess.run(blocks, check=True, capture_output=True, timeout=SECONDS)
    (folder / "prometheus.yml").write_text("{}\n", "utf-8")
    program = shutil.which("prometheus") or str(Path(tool).parent / "prometheus")
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=100y",
                "--web.listen-address=127.0.0.1:0",
            ],
            stdout=output,
            stderr=output,
        )
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait(SECONDS)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """The address at which the server listens, once it is ready."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        match = re.search(r"Listening on.*address=(127\.0\.0\.1:\d+)", log.read_text("utf-8"))
        if match and _is_ready(f"http://{match[1]}"):
            return f"http://{match[1]}"
        time.sleep(0.05)
    raise AssertionError(log.read_text("utf-8"))


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready").is_success
    except httpx.TransportError:
        return False


def _asked(server: str, query: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{server}/api/v1/query", params={"query": query, "time": str(END)}).json()
    assert answer["status"] == "success", answer
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


@every_query
def test_a_query_has_an_answer(query: str, server: str) -> None:
    assert _asked(server, query)


def test_a_status_is_the_number_of_its_text(server: str) -> None:
    (board,) = (board for path, board in BOARDS.items() if "host" in path)
    (panel,) = (panel for panel in board["panels"] if panel["title"] == "Verdict")
    (query,) = queries({"panels": [panel]})
    ((_, number),) = (sample["value"] for sample in _asked(server, query))
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    assert mapping["options"][number]["text"] == report_of(FAULT).verdict.status.value


def test_a_metric_of_another_host_is_no_answer(server: str) -> None:
    assert (
        _asked(server, queries(BOARDS["packaging/monitoring/backuplink-host.grafana.json"])[0].replace(HOST, "x")) == []
    )
