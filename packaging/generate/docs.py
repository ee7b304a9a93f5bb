"""Write the files that are generated from the program: `./dev docs`. With `--check`, only check that none is stale."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import account
import dashboards
import estate
import manual
import rates
import regions
import screenshots
import service_models
from agent.app.tables import SCHEMAS, json_schema
from agent.catalog.findings import CODES, Severity
from agent.catalog.workloads import MODES, REASONS
from agent.cli import main as cli
from agent.fleet.metrics import FAMILIES as FLEET_FAMILIES
from agent.formats.emf import DIMENSIONS, NAMESPACE, RUN_METRICS, TARGET_METRICS
from agent.formats.monitoring import RESULTS
from agent.formats.prometheus import AGREEMENTS, ANSWERS, ANY_RECORD, FAMILIES, PHASES
from agent.report.model import Access, Status
from agent.report.model import Path as NetworkPath
from agent.report.standing import Standing
from agent.settings import Workload
from agent.simulated import scenario_files
from agent.simulated.scenario import Scenario
from agent.watch.changes import Kind
from agent.watch.notices import Channel, Delivery
from probes.addresses import AddressScope
from probes.model import FailureKind, Role, Step
from tests.formats.monitors import watch_families
from tests.scenarios import workload_faults
from tests.support import scenarios

ROOT = Path(__file__).parents[2]
HEAD = "<!-- Written by ./dev docs from the program itself; edit there. -->\n"
ATTRIBUTE = "linguist-generated"
"""The attribute that marks a file as generated, so that it is folded in a review."""
PARTLY = (rates.PATH,)
"""Pages of which only the tables are generated."""
MOST_SCENARIOS = 3
"""Maximum number of scenarios that are listed for one pair of workload and kind of fault."""


def codes_page() -> str:
    """Every finding code with its severity."""
    rows = [
        f"| {code.code} | {code.name} | {code.severity} | {code.scope} | {code.radius} | {code.title} |"
        for code in CODES.values()
    ]
    return "\n".join(
        [
            f"{HEAD}# Finding codes",
            "",
            "A finding of a target that is not required, such as an optional service or a host for comparison, keeps "
            "its severity but does not count: it raises neither the verdict nor the exit code.",
            "",
            "The radius says which hosts the cause of a finding usually affects: only this host, the hosts of its "
            "subnet, the hosts that use the endpoint, the hosts of the VPC, or the hosts of the account.",
            "",
            'If a finding is not the cause, `backuplink bundle --wrong "what is true"` makes an archive to send '
            "([how](support.md#a-verdict-that-was-wrong)).",
            "",
            "| code | name | severity | scope | radius | title |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def commands_page() -> str:
    """The help of every command."""
    parts = [f"{HEAD}# Commands\n"]
    for command in (cli.main, *cli.main.commands.values()):
        name = "backuplink" if command is cli.main else f"backuplink {command.name}"
        context = manual.context_of(command, terminal_width=100)
        parts.append(f"## `{name}`\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def scenarios_page() -> str:
    """The page of all scenarios, with the findings of a run in each."""
    return "\n".join(
        [
            f"{HEAD}# Scenarios",
            "",
            "A scenario describes a VPC, a host in it, and what a run must find. `backuplink demo NAME` runs one.",
            "",
            "## Scenarios of `backuplink demo`",
            "",
            *_by_area(scenario_files.SHIPPED),
            "## Scenarios of the tests only",
            "",
            f"They are in `{scenario_files.IN_REPOSITORY}` of the repository; there `./dev demo NAME` runs them.",
            "",
            *_by_area(scenario_files.CHECKOUT),
            "## By workload and kind of fault",
            "",
            "A host with SAP HANA counts only for `hana`. Scenarios that tests also build with real sockets come "
            "first.",
            "",
            "| workload | kind of fault | scenarios |",
            "|---|---|---|",
            *(
                f"| {workload_faults.WORKLOADS[pair[0]]} | {pair[1]} | {_shown(pair)} |"
                for pair in workload_faults.pairs()
            ),
            "",
        ]
    )


def unshipped_scenarios() -> str:
    """The scenarios that only tests use, as lines AREA/NAME. With this list, an installed program can say where such a
    scenario is."""
    areas = scenario_files.areas(scenario_files.CHECKOUT)
    return "".join(f"{area}/{name}\n" for area, names in areas.items() for name in names)


def _by_area(folder: Path) -> list[str]:
    """The scenarios in a folder, as a table for each area."""
    lines = []
    for area, names in scenario_files.areas(folder).items():
        rows = [_row(scenarios.load(name)) for name in names]
        head = ["| name | summary | status | findings |", "|---|---|---|---|"]
        lines += [f"### {scenario_files.AREAS[area]} (`{area}`)", "", *head, *rows, ""]
    return lines


def _row(scenario: Scenario) -> str:
    findings = _listed(scenario.expect.findings) or "none"
    return f"| `{scenario.name}` | {scenario.summary} | {scenario.expect.status} | {findings} |"


def _shown(pair: workload_faults.Pair) -> str:
    """The scenarios that show a workload with a kind of fault, or why there is none."""
    if (reason := workload_faults.IMPOSSIBLE.get(pair)) is not None:
        return f"not possible: {reason}"
    names = workload_faults.showing(pair, workload_faults.every())
    more = len(names) - MOST_SCENARIOS
    shown = _listed(names[:MOST_SCENARIOS]) + (f" and {more} more" if more > 0 else "")
    alone = workload_faults.IN_MEMORY_ALONE.get(pair)
    return shown if alone is None else f"{shown}; only in memory: {alone}"


def metrics_page() -> str:
    """Every metric, of Prometheus and of CloudWatch."""
    of_run = [(family.name, family.labels, family.help) for family in FAMILIES]
    of_watch = []
    for family in watch_families("one-zone-silent"):
        name = family.samples[0].name
        labels = dict.fromkeys(label for sample in family.samples for label in sample.labels)
        of_watch.append((name, tuple(labels), family.documentation))
    values: dict[str, Iterable[str]] = {
        "status": Status,
        "path": NetworkPath,
        "access": Access,
        "severity": Severity,
        "standing": Standing,
        "step": Step,
        "result": RESULTS.values(),
        "kind": FailureKind,
        "phase": PHASES,
        "scope": AddressScope,
        "record": ("A", "AAAA", ANY_RECORD),
        "role": Role,
        "agrees": AGREEMENTS.values(),
        "workload": (workload for workload in Workload if workload is not Workload.AUTO),
        "mode": MODES,
        "required": ANSWERS.values(),
        "required_by": REASONS,
    }
    of_fleet = [(family.name, family.labels, family.help) for family in FLEET_FAMILIES]
    of_watch_values: dict[str, Iterable[str]] = {
        "kind": Kind,
        "channel": Channel,
        "result": ("applied", "rejected", *Delivery),
    }
    return "\n".join(
        [
            f"{HEAD}# Metrics",
            "",
            "[Monitoring](monitoring.md) describes how the metrics reach a monitoring system, and the alert rules.",
            "",
            "## Prometheus: a run",
            "",
            "`--format prometheus` writes these metrics, and `--textfile` and `/metrics` have them for each cycle of a "
            "watch. All are gauges. A check that was not made has no sample.",
            "",
            *_table(of_run),
            "",
            "## Prometheus: a watch, in addition to its last run",
            "",
            *_table(of_watch),
            "",
            "## Prometheus: a fleet",
            "",
            "`backuplink fleet --format prometheus` writes these, for node_exporter's textfile collector on one host.",
            "",
            *_table(of_fleet),
            "",
            "## Values of labels",
            "",
            "| label | values |",
            "|---|---|",
            *(f"| `{label}` | {_listed(known)} |" for label, known in values.items()),
            *(f"| `{label}`, of a watch | {_listed(known)} |" for label, known in of_watch_values.items()),
            "",
            "`target` is the id of a target, `code` and `name` are those of [findings](codes.md).",
            "",
            "## CloudWatch",
            "",
            f"`--format emf`, namespace `{NAMESPACE}`. The metrics of a run have no dimension.",
            "",
            "| metric | unit | meaning |",
            "|---|---|---|",
            *(f"| `{metric.name}` | {metric.unit} | {metric.help} |" for metric in RUN_METRICS),
            "",
            f"The metrics of a target have the dimensions {_listed(DIMENSIONS)}.",
            "",
            "| metric | unit | meaning |",
            "|---|---|---|",
            *(f"| `{metric.name}` | {metric.unit} | {metric.help} |" for metric in TARGET_METRICS),
            "",
        ]
    )


def _table(metrics: Iterable[tuple[str, Iterable[str], str]]) -> list[str]:
    rows = [f"| `{name}` | {_listed(labels)} | {meaning} |" for name, labels, meaning in metrics]
    return ["| metric | labels | meaning |", "|---|---|---|", *rows]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def pages() -> dict[str, str]:
    """Every generated file, by its path from the root."""
    return {
        "docs/codes.md": codes_page(),
        "docs/commands.md": commands_page(),
        "docs/metrics.md": metrics_page(),
        "docs/development/scenarios.md": scenarios_page(),
        "agent/simulated/unshipped_scenarios.txt": unshipped_scenarios(),
        **{f"docs/{name}.v1.schema.json": json_schema(name) for name in SCHEMAS},
        "docs/examples/account.json": account.document(),
        "docs/examples/estate.json": estate.document(),
        regions.PATH: regions.module(),
        **screenshots.pages(),
        **manual.pages(),
        **service_models.files(),
        **dashboards.dashboards(),
        **rates.pages(),
    }


def unmarked(paths: Iterable[str], root: Path = ROOT) -> list[str]:
    """The paths that `.gitattributes` does not mark as generated."""
    asked = ["git", "check-attr", "-z", "--stdin", ATTRIBUTE]
    told = subprocess.check_output(asked, cwd=root, input="\0".join(paths), text=True)  # noqa: S603 - only git
    fields = told.split("\0")
    return [path for path, value in zip(fields[::3], fields[2::3], strict=False) if value != "set"]


def main(arguments: list[str]) -> int:
    """Write the files. With `--check`, print those that differ or are not marked as generated, and return 1 if there
    are any."""
    written = pages()
    stale = []
    for path, text in written.items():
        file = ROOT / path
        if file.is_file() and file.read_text("utf-8") == text:
            continue
        stale.append(path)
        if "--check" not in arguments:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    if stale and "--check" in arguments:
        print(f"stale: {', '.join(stale)}; run ./dev docs", file=sys.stderr)  # noqa: T201 - a command of its own
        return 1
    if found := unmarked(path for path in written if path not in PARTLY):
        print(f"not in .gitattributes: {', '.join(found)}", file=sys.stderr)  # noqa: T201 - a command of its own
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
