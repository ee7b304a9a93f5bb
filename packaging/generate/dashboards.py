"""Write the dashboards for Grafana. They are made with Grafana's own types, so they match its schema.

A panel uses only metrics that `docs/metrics.md` lists, and a test runs every query on a Prometheus server.
"""

import json
from collections.abc import Iterable
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

FOLDER: Final = "packaging/monitoring"
SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
HOST: Final = 'instance="$instance"'
TARGET: Final = 'instance="$instance",target=~"$target"'
STATES: Final = (("ok", "green"), ("warning", "yellow"), ("unknown", "purple"), ("critical", "red"))
"""The statuses, from the best to the worst, with their colours. The number of a status is its position in this list."""


def dashboards() -> dict[str, str]:
    """The text of each dashboard, by its path."""
    return {
        f"{FOLDER}/backuplink-host.grafana.json": _text(_host()),
        f"{FOLDER}/backuplink-fleet.grafana.json": _text(_fleet()),
    }


def _text(dashboard: build.Dashboard) -> str:
    return json.dumps(dashboard.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


# --- Parts -----------------------------------------------------------------------------------------------------------


def _query(expression: str, legend: str = "__auto") -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(legend).range()


def _now(expression: str, legend: str = "__auto") -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(legend).instant()


def _as_number(metric: str, by: str) -> str:
    """The query for the number of a status in STATES. It is the status whose sample in this metric is 1. If there is no
    such sample, the query has no result."""
    parts = (
        f'(max by ({by}) ({metric},status="{status}"}}) == 1) * {number}' for number, (status, _) in enumerate(STATES)
    )
    return " or ".join(parts)


def _state_mappings() -> list[model.ValueMapping]:
    options = {
        str(number): model.ValueMappingResult(text=status, color=colour, index=number)
        for number, (status, colour) in enumerate(STATES)
    }
    return [model.ValueMap(options=options)]


def _thresholds(*steps: tuple[float | None, str]) -> build.ThresholdsConfig:
    return (
        build.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value=value, color=colour) for value, colour in steps])
    )


def _variable(name: str, label: str, expression: str) -> build.QueryVariable:
    return (
        build.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(expression)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def _board(
    title: str, uid: str, description: str, variables: Iterable[Builder[model.VariableModel]]
) -> build.Dashboard:
    board = (
        build.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["aws-backup", "backuplink"])
        .refresh("1m")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(build.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for variable in variables:
        board = board.with_variable(variable)
    return board


# --- One host --------------------------------------------------------------------------------------------------------


def _host() -> build.Dashboard:
    board = _board(
        "backuplink: one host",
        "backuplink-host",
        "The private path from one host to AWS Backup: a watch of backuplink, or a check from a timer.",
        [
            _variable("instance", "Host", "label_values(backuplink_verdict_status, instance)"),
            _variable("target", "Target", 'label_values(backuplink_target_status{instance="$instance"}, target)')
            .multi(True)
            .include_all(True)
            .all_value(".*"),
        ],
    )
    for panel in _host_panels():
        board = board.with_panel(panel)
    return board


def _host_panels() -> list[Builder[model.Panel]]:
    verdict = _as_number(f"backuplink_watch_verdict{{{HOST}", "instance")
    one_run = _as_number(f"backuplink_verdict_status{{{HOST}", "instance")
    return [
        stat.Panel()
        .title("Verdict")
        .description("For a watch, the verdict after its number of cycles; otherwise that of the last run.")
        .datasource(SOURCE)
        .mappings(_state_mappings())
        .with_target(_now(f"({verdict}) or ({one_run})", "verdict"))
        .no_value("no run")
        .height(4)
        .span(6),
        stat.Panel()
        .title("Age of the last run")
        .description("A result that is no longer renewed proves nothing.")
        .datasource(SOURCE)
        .unit("s")
        .thresholds(_thresholds((None, "green"), (1800, "red")))
        .with_target(_now(f"time() - backuplink_run_timestamp_seconds{{{HOST}}}", "age"))
        .no_value("no run")
        .height(4)
        .span(6),
        stat.Panel()
        .title("Earliest end of a certificate")
        .datasource(SOURCE)
        .unit("s")
        .thresholds(_thresholds((None, "red"), (7 * 86_400, "yellow"), (30 * 86_400, "green")))
        .with_target(_now(f"min(probe_ssl_earliest_cert_expiry{{{HOST}}}) - time()", "left"))
        .height(4)
        .span(6),
        stat.Panel()
        .title("Clock against that of AWS")
        .datasource(SOURCE)
        .unit("s")
        .with_target(_now(f"backuplink_clock_offset_seconds{{{HOST}}}", "offset"))
        .height(4)
        .span(6),
        table.Panel()
        .title("Causes")
        .description(
            "Findings that decide the verdict of the last run. backuplink explain CODE shows the page of each."
        )
        .datasource(SOURCE)
        .with_target(
            _now(
                "sum by (severity, code, name, target) "
                f'(backuplink_findings{{{HOST},standing="cause",severity!="info"}})'
            ).format(PromQueryFormat.TABLE)
        )
        .no_value("none")
        .height(6)
        .span(24),
        statetimeline.Panel()
        .title("Targets")
        .datasource(SOURCE)
        .mappings(_state_mappings())
        .with_target(_query(_as_number(f"backuplink_target_status{{{TARGET}", "target"), "{{target}}"))
        .height(8)
        .span(12),
        statetimeline.Panel()
        .title("Findings that are raised")
        .description("Only for a watch.")
        .datasource(SOURCE)
        .mappings([model.ValueMap(options={"1": model.ValueMappingResult(text="raised", color="red", index=0)})])
        .with_target(
            _query(f"max by (code, target) (backuplink_watch_finding_raised{{{HOST}}}) == 1", "{{code}} {{target}}")
        )
        .height(8)
        .span(12),
        timeseries.Panel()
        .title("TCP connect")
        .datasource(SOURCE)
        .unit("s")
        .with_target(
            _query(f'backuplink_step_duration_seconds{{{TARGET},step="tcp"}}', "{{target}} {{address}} {{port}}")
        )
        .height(8)
        .span(12),
        timeseries.Panel()
        .title("TLS, HTTP and signed call")
        .datasource(SOURCE)
        .unit("s")
        .with_target(
            _query(f'backuplink_step_duration_seconds{{{TARGET},step!="tcp"}}', "{{target}} {{address}} {{step}}")
        )
        .height(8)
        .span(12),
        timeseries.Panel()
        .title("Lookups")
        .datasource(SOURCE)
        .unit("s")
        .with_target(_query(f"backuplink_dns_duration_seconds{{{TARGET}}}", "{{target}} {{record}} at {{resolver}}"))
        .height(8)
        .span(12),
        timeseries.Panel()
        .title("Steps that failed")
        .datasource(SOURCE)
        .min(0)
        .with_target(
            _query(
                f"sum by (target, step, kind) (backuplink_failures{{{TARGET}}}) > 0", "{{target}} {{step}}: {{kind}}"
            )
        )
        .height(8)
        .span(12),
    ]


# --- A fleet ---------------------------------------------------------------------------------------------------------


def _fleet() -> build.Dashboard:
    board = _board(
        "backuplink: a fleet",
        "backuplink-fleet",
        "Many hosts joined: which causes they share, and since when (backuplink fleet --format prometheus).",
        [_variable("instance", "Joined on", "label_values(backuplink_fleet_verdict, instance)")],
    )
    for panel in _fleet_panels():
        board = board.with_panel(panel)
    return board


def _fleet_panels() -> list[Builder[model.Panel]]:
    by_cause = "{{code}} {{subject}}"
    return [
        stat.Panel()
        .title("Verdict")
        .description("The worst of all hosts.")
        .datasource(SOURCE)
        .mappings(_state_mappings())
        .with_target(_now(_as_number(f"backuplink_fleet_verdict{{{HOST}", "instance"), "verdict"))
        .no_value("no sweep")
        .height(4)
        .span(6),
        stat.Panel()
        .title("Hosts that are not ok")
        .datasource(SOURCE)
        .thresholds(_thresholds((None, "green"), (1, "yellow")))
        .with_target(_now(f'sum(backuplink_fleet_hosts{{{HOST},status!="ok"}})', "hosts"))
        .no_value("no sweep")
        .height(4)
        .span(6),
        stat.Panel()
        .title("Hosts not heard from")
        .datasource(SOURCE)
        .thresholds(_thresholds((None, "green"), (1, "yellow")))
        .with_target(_now(f"backuplink_fleet_hosts_not_heard_from{{{HOST}}}", "hosts"))
        .no_value("no sweep")
        .height(4)
        .span(6),
        stat.Panel()
        .title("Age of the sweep")
        .datasource(SOURCE)
        .unit("s")
        .thresholds(_thresholds((None, "green"), (2 * 86_400, "red")))
        .with_target(_now(f"time() - backuplink_fleet_sweep_timestamp_seconds{{{HOST}}}", "age"))
        .no_value("no sweep")
        .height(4)
        .span(6),
        table.Panel()
        .title("Causes")
        .description(
            "Hosts at each cause; each host counts at only one cause. backuplink explain CODE shows the page of each."
        )
        .datasource(SOURCE)
        .with_target(
            _now(f"sort_desc(sum by (code, subject) (backuplink_fleet_cause_hosts{{{HOST}}}))").format(
                PromQueryFormat.TABLE
            )
        )
        .no_value("none")
        .height(8)
        .span(24),
        timeseries.Panel()
        .title("Hosts at each cause")
        .datasource(SOURCE)
        .min(0)
        .with_target(_query(f"sum by (code, subject) (backuplink_fleet_cause_hosts{{{HOST}}})", by_cause))
        .height(8)
        .span(12),
        timeseries.Panel()
        .title("Hosts by verdict")
        .datasource(SOURCE)
        .min(0)
        .with_target(_query(f"sum by (status) (backuplink_fleet_hosts{{{HOST}}})", "{{status}}"))
        .height(8)
        .span(12),
        timeseries.Panel()
        .title("How long each cause has been there")
        .datasource(SOURCE)
        .unit("s")
        .min(0)
        .with_target(_query(f"time() - backuplink_fleet_cause_since_timestamp_seconds{{{HOST}}}", by_cause))
        .height(8)
        .span(12),
        timeseries.Panel()
        .title("Faults of single hosts")
        .datasource(SOURCE)
        .min(0)
        .with_target(_query(f"sum by (code) (backuplink_fleet_own_fault_hosts{{{HOST}}})", "{{code}}"))
        .height(8)
        .span(12),
    ]
