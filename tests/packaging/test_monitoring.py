"""The files in packaging/monitoring: the alerting rules fire exactly when the program's output requires it, and the
program has every metric, label, code and option that an example uses.

Tests of the archive need `packaging/build monitoring` first; `packaging/test monitoring` requires it.
"""

import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

import manual
from agent.catalog.findings import CODES, Severity
from agent.cli import main as cli
from agent.cli.config_file import config_values
from agent.cli.to_settings import report_options_from, settings_from, watching_from
from agent.fleet import metrics as fleet_metrics
from agent.formats import prometheus
from agent.formats.registry import format_named
from agent.report.model import Finding
from agent.report.standing import Standing
from agent.settings import DEFAULT_DEADLINE
from agent.simulated.clock import PatientLoop
from agent.simulated.settings import settings_of
from agent.watch.change_text import NAMES, document, dumps, filled
from agent.watch.changes import Kind, StateChange, Tracker
from tests.formats.monitors import families_in, promtool, samples_in, watch_families
from tests.packaging.artifacts import artifact_of, needed
from tests.support import scenarios
from tests.support.repository import ROOT
from tests.support.runs import in_virtual_time, report_of
from tests.support.virtual import job, loaded, networks, watched

FOLDER: Final = ROOT / "packaging" / "monitoring"
RULES: Final = FOLDER / "backuplink.rules.yml"
RULE_TESTS: Final = FOLDER / "backuplink.rules.test.yml"
FLEET_RULES: Final = FOLDER / "backuplink-fleet.rules.yml"
FLEET_RULE_TESTS: Final = FOLDER / "backuplink-fleet.rules.test.yml"
SLACK: Final = FOLDER / "slack.json"
PAGES: Final = tuple(ROOT / "docs" / name for name in ("formats.md", "monitoring.md", "history.md"))
WRITTEN: Final = (*sorted(file for file in FOLDER.iterdir() if file.suffix), *PAGES, ROOT / "README.md")
"""All files with text for users to copy."""
FAULT: Final = "one-zone-silent"
SCRAPE_LABELS: Final = frozenset({"job", "instance"})
"""Labels that Prometheus adds to every scraped metric."""


def named(files: Collection[Path] = WRITTEN) -> list[Any]:
    return [pytest.param(file, id=file.name) for file in files]


# --- Names -----------------------------------------------------------------------------------------------------------


@cache
def known() -> dict[str, frozenset[str]]:
    """The labels of each metric that a run or a watch writes."""
    families = (*prometheus.FAMILIES, *fleet_metrics.FAMILIES)
    metrics = {family.name: frozenset(family.labels) for family in families}
    for family in watch_families(FAULT):
        name = family.samples[0].name
        metrics[name] = frozenset(label for sample in family.samples for label in sample.labels)
    return metrics


@cache
def values() -> dict[str, frozenset[str]]:
    """The possible values of each label that has a closed list of values."""
    by_label: dict[str, set[str]] = {"standing": set(Standing), "severity": set(Severity)}
    run = families_in(prometheus.render(report_of(FAULT)))
    for family in (*watch_families(FAULT), *run):
        for sample in family.samples:
            for label in sample.labels.keys() & {"status", "path", "access", "result", "channel", "kind"}:
                by_label.setdefault(label, set()).add(sample.labels[label])
    return {label: frozenset(texts) for label, texts in by_label.items()}


def words_of_pages() -> str:
    return "".join(page.read_text("utf-8") for page in PAGES)


def metrics_in(text: str) -> list[str]:
    """The words in a text that look like our metrics. Names of recording rules, commands of NRPE and variables of
    Icinga are excluded.
    """
    return re.findall(r"(?<![\w:/$.-])(?:backuplink|probe)_[a-z0-9_]+(?![\w:])", text)


def selectors_in(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Each condition on a label: its metric, label, operator and value."""
    for name, conditions in re.findall(r"(\w+)\{([^{}\n]*)\}", text):
        for label, operator, value in re.findall(r'(\w+)(=~|!=|!~|=)(?:"([^"]*)"|%q)', conditions):
            yield name, label, operator, value


@pytest.mark.parametrize("file", named())
def test_every_metric_is_one_that_is_written(file: Path) -> None:
    assert [name for name in metrics_in(file.read_text("utf-8")) if name not in known()] == []


def test_metrics_are_found_where_there_are_some() -> None:
    assert len(set(metrics_in(RULES.read_text("utf-8")))) >= 12
    assert len(set(metrics_in(words_of_pages()))) >= 3
    assert metrics_in("x backuplink_finding{} instance:backuplink_verdict:standing check_backuplink") == [
        "backuplink_finding"
    ]


@pytest.mark.parametrize("file", named())
def test_every_label_is_one_that_its_metric_has(file: Path) -> None:
    wrong = [
        (name, label)
        for name, label, _, _ in selectors_in(file.read_text("utf-8"))
        if name in known() and label not in known()[name] | SCRAPE_LABELS
    ]
    assert wrong == []


@pytest.mark.parametrize("file", named())
def test_every_value_of_a_label_is_one_that_there_is(file: Path) -> None:
    wrong = [
        (name, label, value)
        for name, label, operator, value in selectors_in(file.read_text("utf-8"))
        if value and label in values()
        if not set(value.split("|") if "~" in operator else [value]) <= values()[label]
    ]
    assert wrong == []


def test_labels_are_found_where_there_are_some() -> None:
    labels = {label for _, label, _, _ in selectors_in(RULES.read_text("utf-8"))}
    assert labels >= {"status", "standing", "severity", "result", "job", "instance"}
    assert values()["channel"] == {"command", "url"}
    assert values()["result"] >= {"sent", "failed", "dropped", "applied", "rejected"}


@pytest.mark.parametrize("file", named())
def test_every_code_is_one_that_there_is(file: Path) -> None:
    codes = re.findall(r"\b(?:API|DNS|ENV|HTTP|IAM|RUN|TCP|TLS|VPC)\d+\b", file.read_text("utf-8"))
    assert [code for code in codes if code not in CODES] == []


# --- Rules -----------------------------------------------------------------------------------------------------------


def run(words: Sequence[str | Path], folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )


def alerts(rules: Path = RULES) -> list[str]:
    return re.findall(r"- alert: (\w+)", rules.read_text("utf-8"))


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("check", "rules", "--lint-fatal", RULES), id="rules"),
        pytest.param(("test", "rules", RULE_TESTS), id="their tests"),
        pytest.param(("check", "rules", "--lint-fatal", FLEET_RULES), id="rules of a fleet"),
        pytest.param(("test", "rules", FLEET_RULE_TESTS), id="the tests of those"),
        pytest.param(("check", "config", FOLDER / "prometheus.yml"), id="configuration"),
    ],
)
def test_promtool_is_content(words: tuple[str | Path, ...]) -> None:
    result = run([promtool(), *words])
    assert result.returncode == 0, result.stdout + result.stderr
    assert "SUCCESS" in result.stdout


@pytest.mark.parametrize(("rules", "file"), [(RULES, RULE_TESTS), (FLEET_RULES, FLEET_RULE_TESTS)])
def test_every_alert_is_seen_to_fire_and_to_keep_silent(rules: Path, file: Path) -> None:
    tests = file.read_text("utf-8")
    assert set(re.findall(r"alertname: (\w+)\n +exp_alerts:\n +- exp_labels:", tests)) == set(alerts(rules))
    assert set(re.findall(r"alertname: (\w+) \}", tests)) == set(alerts(rules))
    assert len(alerts(rules)) == len(set(alerts(rules)))


def test_a_cause_of_the_fleet_is_one_message() -> None:
    """Alertmanager groups alerts by labels that this alert has."""
    (route,) = yaml.safe_load((FOLDER / "alertmanager.yml").read_text("utf-8"))["route"]["routes"]
    assert re.fullmatch(re.search(r'=~ "(.+)"', *route["matchers"])[1], "BackuplinkFleetCause")  # type: ignore[index]
    assert set(route["group_by"]) - {"alertname"} == known()["backuplink_fleet_cause_hosts"]


# --- Rules on what the program writes --------------------------------------------------------------------------------

MINUTES: Final = 70
"""The minute in which promtool reads the firing alerts. It is later than the `for` of every rule."""
_MOMENTS: Final = re.compile(r"_timestamp_seconds$|_expiry$|_expiry_timestamp_seconds$")
_OF_A_RUN: Final = frozenset({"backuplink_run_timestamp_seconds", "backuplink_watch_last_cycle_timestamp_seconds"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A host, its output, and the alerts that must fire for it."""

    text: str
    job: str
    fire: frozenset[str]
    fresh: bool = True
    """Whether the run is repeated again and again, each time with the same result."""
    written: bool = True
    """Whether the host's file is written again and again, even if it has no time of a run."""


def series_of(instance: str, case: Case) -> list[dict[str, str]]:
    """The samples of a document over time, in promtool's notation. The clock of promtool and the time of the run both
    begin at 0.
    """
    samples = samples_in(case.text)
    ended = samples.get(("backuplink_run_timestamp_seconds", frozenset()), 0.0)
    all_series = [series("up", {}, case.job, instance, f"1x{MINUTES}")]
    for (name, labels), value in samples.items():
        if name in _OF_A_RUN and case.fresh:
            over_time = f"{value - ended}+60x{MINUTES}"
        else:
            over_time = f"{value - ended if _MOMENTS.search(name) else value}x{MINUTES}"
        all_series.append(series(name, dict(labels), case.job, instance, over_time))
    if case.job == "node":
        changed = f"0+60x{MINUTES}" if case.written and case.fresh else f"0x{MINUTES}"
        file = {"file": "/run/backuplink/backuplink.prom"}
        all_series.append(series("node_textfile_mtime_seconds", file, case.job, instance, changed))
    return all_series


def series(name: str, labels: Mapping[str, str], job: str, instance: str, over_time: str) -> dict[str, str]:
    every = {**labels, "job": job, "instance": instance}
    written = ",".join(f"{label}={json.dumps(value)}" for label, value in every.items())
    return {"series": f"{name}{{{written}}}", "values": over_time}


def description_of(name: str) -> str:
    """The text that an alert about the verdict of a scenario must contain: the codes of the causes that have the
    verdict's severity.
    """
    report = report_of(name)
    causes = sorted(
        (
            finding
            for finding in report.findings
            if finding.explained_by is None and finding.severity.value == report.verdict.status.value
        ),
        key=lambda finding: finding.code,
    )
    assert causes
    return " ".join([*map(_described, causes), "On the host: backuplink check"])


def _described(finding: Finding) -> str:
    where = "" if finding.target is None else f" at {finding.target}"
    return f"{finding.code} {finding.name}{where}: backuplink explain {finding.code}."


OF_STATUS: Final = {
    "healthy": frozenset[str](),
    "gateway-ports-missing": frozenset({"BackuplinkCritical"}),
    FAULT: frozenset({"BackuplinkCritical"}),
    "interception-trusted": frozenset({"BackuplinkWarning"}),
    "deadline-too-short": frozenset({"BackuplinkUnknown"}),
    "probe-crashes": frozenset({"BackuplinkUnknown"}),
}


@cache
def textfile_of(*turns: str, cycles: int) -> str:
    """The textfile of a watch after this many cycles. The cycles use these scenarios in turn."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "backuplink.prom"
        every = itertools.islice(itertools.cycle(loaded(*turns)), cycles)
        what = job(networks(every), scenario=turns[0], textfile=file, cycles=cycles)
        what = replace(what, settings=settings_of(scenarios.load(turns[0])))
        in_virtual_time(lambda: watched(what), PatientLoop)
        return file.read_text("utf-8")


@cache
def cases() -> dict[str, Case]:
    """Every case, by the name of its host."""
    by_name = {}
    for name, fire in OF_STATUS.items():
        text = prometheus.render(report_of(name))
        by_name[f"check/{name}"] = Case(text=text, job="node", fire=fire)
        by_name[f"scrape/{name}"] = Case(text=textfile_of(name, cycles=3), job="backuplink", fire=fire)
        by_name[f"textfile/{name}"] = Case(text=textfile_of(name, cycles=3), job="node", fire=fire)
        for way in ("check", "textfile"):
            fresh = by_name[f"{way}/{name}"]
            by_name[f"{way}/{name}/old"] = replace(fresh, fresh=False, fire=fire | {"BackuplinkStale"})
    refused = run([sys.executable, "-m", "agent", "check", "--timeout", "0", "--format", "prometheus"])
    assert refused.returncode == 3
    by_name["refused"] = Case(text=refused.stdout, job="node", fire=frozenset({"BackuplinkUnknown"}))
    by_name["refused/old"] = replace(
        by_name["refused"], written=False, fire=frozenset({"BackuplinkUnknown", "BackuplinkStale"})
    )
    # The current verdict stays the first one, since no other verdict lasts for two cycles.
    flapping = textfile_of("healthy", "one-zone-flaps", cycles=12)
    by_name["flapping"] = Case(text=flapping, job="backuplink", fire=frozenset({"BackuplinkFlapping"}))
    return by_name


def hold(folder: Path, over_time: list[dict[str, str]], **asked: list[dict[str, Any]]) -> None:
    """Let promtool evaluate the rules over time. Assert that the alerts are the expected ones."""
    group = {"interval": "1m", "input_series": over_time, **asked}
    test = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [group]}
    file = folder / "written.test.yml"
    file.write_text(json.dumps(test), "utf-8")  # promtool reads YAML, and JSON is YAML
    result = run([promtool(), "test", "rules", file])
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_alerts_that_fire_are_those_of_what_is_so(tmp_path: Path) -> None:
    firing = {
        "expr": 'count by (alertname, instance) (ALERTS{alertstate="firing"})',
        "eval_time": f"{MINUTES}m",
        "exp_samples": [
            {"labels": f'{{alertname="{alert}",instance="{instance}"}}', "value": 1}
            for instance, case in cases().items()
            for alert in case.fire
        ],
    }
    every = [observation for instance, case in cases().items() for observation in series_of(instance, case)]
    hold(tmp_path, every, promql_expr_test=[firing])


SUMMARIES: Final = {
    "BackuplinkCritical": "host: the path to AWS Backup is broken",
    "BackuplinkWarning": "host: AWS Backup is reachable, but something is wrong",
}


@pytest.mark.parametrize("way", ["check", "scrape"])
@pytest.mark.parametrize("name", [name for name, fire in OF_STATUS.items() if fire & SUMMARIES.keys()])
def test_an_alert_names_the_causes_that_the_report_has(name: str, way: str, tmp_path: Path) -> None:
    case = cases()[f"{way}/{name}"]
    (alert,) = case.fire
    status = report_of(name).verdict.status.value
    expected = {
        "exp_labels": {"severity": status, "status": status, "job": case.job, "instance": "host"},
        "exp_annotations": {"summary": SUMMARIES[alert], "description": description_of(name)},
    }
    asked = {"eval_time": f"{MINUTES}m", "alertname": alert, "exp_alerts": [expected]}
    hold(tmp_path, series_of("host", case), alert_rule_test=[asked])


# --- Commands and settings -------------------------------------------------------------------------------------------


def commands_in(text: str) -> list[list[str]]:
    """The arguments of each call of `backuplink` in a text, such as a unit or an example."""
    joined = re.sub(r"\\\n\s*", "", text)
    lines = re.findall(
        r"""(?mx)
        (?: ^\s*(?:\#\s*)? | ^\$\ | = | \[" )            # a line of its own, a key, an element of a list
        (?: /usr/bin/ )? backuplink \s+ ((?:check|watch|demo|explain|tui|permissions)\b[^"\n|>&]*)
        """,
        joined,
    )
    return [line.partition("  #")[0].split(" ; ")[0].split() for line in lines]


def configurations() -> list[str]:
    """The configuration files that the page shows."""
    return re.findall(r"```toml\n(.*?)```", words_of_pages(), re.DOTALL)


def accepts(words: Sequence[str]) -> None:
    """Parse the arguments as the command does, without a run. Raises ClickException if they are invalid."""
    name, *arguments = shlex.split(" ".join(words))
    command = cli.main.commands[name]
    with command.make_context(name, arguments, parent=manual.context_of(cli.main)) as context:
        if name in ("check", "watch", "demo"):
            report_options_from(context.params)
        if name in ("check", "watch"):
            settings_from(context.params, {})
        if name == "watch" or context.params.get("again_and_again"):
            watching_from(context.params)


@pytest.mark.parametrize(
    "file", named([file for file in WRITTEN if file.name not in ("README.md", RULES.name, RULE_TESTS.name)])
)
def test_the_command_takes_every_call(file: Path, tmp_path: Path) -> None:
    (tmp_path / "backuplink.toml").write_text(configurations()[0], "utf-8")
    installed = {"/etc/backuplink/slack.json": SLACK, "/etc/backuplink/backuplink.toml": tmp_path / "backuplink.toml"}
    for words in commands_in(file.read_text("utf-8")):
        try:
            accepts([str(installed.get(word, word)) for word in words])
        except click.ClickException as error:
            pytest.fail(f"{' '.join(words)}: {error.format_message()}")


def test_calls_are_found_where_there_are_some() -> None:
    for name, least in (
        ("nrpe.cfg", 3),
        ("backuplink-textfile.service", 1),
        ("telegraf.conf", 1),
        ("node-exporter.default", 2),
    ):
        assert len(commands_in((FOLDER / name).read_text("utf-8"))) >= least, name
    assert len(commands_in(words_of_pages())) >= 15
    with pytest.raises(click.UsageError):
        accepts(["watch", "--listen", "9842", "--brief"])


def test_every_option_on_the_page_is_an_option() -> None:
    options = {name for command in cli.main.commands.values() for param in command.params for name in param.opts}
    others = {"--collector.textfile.directory", "--version", "--findings", "--cli-input-json", "--all"}
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9.-]*[a-z0-9]", words_of_pages()))
    assert mentioned - options - others == set()
    assert mentioned >= {opt for param in cli.main.commands["watch"].params for opt in param.opts} & {
        "--interval",
        "--cycles",
        "--raise-after",
        "--clear-after",
        "--listen",
        "--textfile",
        "--on-change",
        "--notify",
        "--notify-template",
    }


def examples() -> list[Any]:
    """The calls on the page that end by themselves, each with its output."""
    blocks = re.findall(r"```console\n\$ (backuplink demo (?!--watch).*\n(?:.*\n)*?)```", words_of_pages())
    return [pytest.param(block, id=block.splitlines()[0]) for block in blocks]


def test_every_configuration_on_the_page_is_taken() -> None:
    assert configurations()
    for block in configurations():
        with manual.context_of(cli.main.commands["watch"]) as context:
            given = config_values(tomllib.loads(block), "page", context)
        assert given


def test_the_limits_of_nrpe_leave_a_run_its_time() -> None:
    (patience,) = re.findall(r"-t (\d+):UNKNOWN", (FOLDER / "nagios.cfg").read_text("utf-8"))
    assert (format_named("nagios").deadline or 60) < 10 < int(patience)


def test_telegraf_takes_its_file_and_waits_long_enough() -> None:
    text = (FOLDER / "telegraf.conf").read_text("utf-8")
    assert list(tomllib.loads(text)["inputs"]) == ["prometheus"]
    both = tomllib.loads(re.sub(r"(?m)^# (?=\[\[|  )", "", text))["inputs"]
    (scraped,), (executed,) = both["prometheus"], both["exec"]
    assert scraped["urls"] == ["http://127.0.0.1:9842/metrics"]
    assert float(executed["timeout"].removesuffix("s")) > DEFAULT_DEADLINE
    assert executed["data_format"] == "prometheus"


NOT_OF_ICINGA: Final = {
    *("--format", "--output", "--fail-on", "--no-api", "--no-ec2"),  # options in the command, or aliases
    # These options are for interactive runs, or for a watch.
    *("--jobs", "--run-agents", "--ec2-facts", "--history", "--keep", "--keep-size"),
}
"""Options that take a value, but have no variable in icinga2-command.conf. The file given with --config can set
them.
"""


def test_icinga_gives_the_command_options_that_it_has() -> None:
    text = re.sub(r"//.*", "", (FOLDER / "icinga2-command.conf").read_text("utf-8"))
    (words,) = re.findall(r"^  command = \[ (.*) \]$", text, re.MULTILINE)
    program, name, *own = shlex.split(words.replace(",", " "))
    assert program == "/usr/bin/backuplink"
    arguments = dict(re.findall(r'"(--[a-z0-9-]+)" = (?:\{\s+value = )?"\$(\w+)\$"', text))
    assert len(arguments) == text.count('"--') - own.count("--format")
    assert arguments == {option: f"backuplink_{option.removeprefix('--').replace('-', '_')}" for option in arguments}
    options = {option for param in cli.main.commands[name].params for option in param.opts if not param.is_flag}  # type: ignore[attr-defined] # all of them are options
    assert arguments.keys() - options == set()
    assert {option for option in options - arguments.keys() if option.startswith("--")} <= NOT_OF_ICINGA
    preset = dict(re.findall(r'vars\.(\w+) = "(\w+)"', text))
    accepts([name, *own, *(word for option, of in arguments.items() if of in preset for word in (option, preset[of]))])


COLLECTD: Final = FOLDER / "collectd.sh"


def collectd_script(program: str) -> str:
    """The script collectd.sh, in which the shell command `program` replaces `backuplink`."""
    script = COLLECTD.read_text("utf-8")
    command = '/usr/bin/backuplink check --format nagios --calls one --ec2 never "$@" --fail-on warning'
    assert command in script
    return script.replace(command, program)


def given_to_collectd(program: str) -> subprocess.CompletedProcess[str]:
    """The output of collectd.sh after one run of `program`."""
    script = collectd_script(program)
    assert 'sleep "$seconds"' in script
    once = script.replace('sleep "$seconds"', "exit 0")
    return subprocess.run(
        ["/bin/sh", "-c", once, "collectd.sh", "300", "--an-option"],
        env={**os.environ, "COLLECTD_HOSTNAME": "backup-host"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )


@pytest.mark.parametrize("linter", ["dash -n", "bash -n", "shellcheck"])
def test_the_script_for_collectd_is_plain_sh(linter: str) -> None:
    name, *words = linter.split()
    result = run([needed(name), *words, COLLECTD])
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert COLLECTD.stat().st_mode & 0o111 == 0o111


@pytest.mark.parametrize(
    ("scenario", "state", "severity", "counts"),
    [
        ("healthy", 0, "okay", {"addresses_backup": 3}),
        ("no-credentials", 1, "warning", {"addresses_backup": 2}),
        (FAULT, 2, "failure", {"addresses_backup": 2}),
        ("region-unknown", 3, "warning", {}),
    ],
)
def test_collectd_gets_the_verdict_and_the_numbers(
    scenario: str, state: int, severity: str, counts: dict[str, int]
) -> None:
    written = given_to_collectd(f"{sys.executable} -m agent demo {scenario} --format nagios")
    *lines, notification = written.stdout.splitlines()
    values = {}
    for line in lines:
        found = re.fullmatch(r'PUTVAL "backup-host/backuplink/([\w-]+)" interval=300 N:([\d.]+)', line)
        assert found is not None, line
        values[found[1]] = float(found[2])
    assert {name: value for name, value in values.items() if name.startswith("gauge-")} == {
        "gauge-state": state,
        **{f"gauge-{name}": count for name, count in counts.items()},
    }
    assert 0 < values["duration-time"] < DEFAULT_DEADLINE
    assert re.fullmatch(
        'PUTNOTIF host="backup-host" plugin=backuplink type=gauge type_instance=state '
        rf'severity={severity} time=\d+ message="{("OK", "WARNING", "CRITICAL", "UNKNOWN")[state]} - [^"|]+"',
        notification,
    )


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("/no/such/program", 127),
        *((f"(exit {code})", code) for code in range(4)),
        ("{ echo 'OK - all|time=1s'; (exit 2); }", 2),
        ("{ echo 'ImportError: no module|time=1s'; (exit 1); }", 1),
    ],
)
def test_collectd_is_told_of_a_program_that_gives_no_verdict(program: str, code: int) -> None:
    """An exit code without a report is not a verdict. Python exits with 1, too, if the installation is damaged."""
    value, notification = given_to_collectd(program).stdout.splitlines()
    assert value == 'PUTVAL "backup-host/backuplink/gauge-state" interval=300 N:3'
    assert "severity=warning time=" in notification
    assert notification.endswith(f' message="UNKNOWN - backuplink gave no verdict and ended with {code}"')


def test_no_setting_hides_the_verdict_from_collectd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a setting that hides the verdict, the program would print nothing and exit with 0."""
    given, program = tmp_path / "given", tmp_path / "program"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{given}\n', "ascii")
    program.chmod(0o755)
    script = COLLECTD.read_text("utf-8").replace("/usr/bin/backuplink", str(program))
    once = script.replace('sleep "$seconds"', "exit 0")
    run(["/bin/sh", "-c", once, "collectd.sh", "300", "--fail-on", "never"])
    command, *words = given.read_text("ascii").split()
    monkeypatch.setenv("BACKUPLINK_FAIL_ON", "never")
    context = cli.main.commands[command].make_context(command, words, parent=manual.context_of(cli.main))
    assert report_options_from(context.params).fail_on == "warning"


@pytest.mark.parametrize(
    "words", [[], ["--service", "backup-gateway"], *([word] for word in ("5min", "1.5.0", "0", "00", "0.0", "."))]
)
def test_the_script_for_collectd_runs_nothing_without_the_seconds_between_two_runs(words: list[str]) -> None:
    script = collectd_script("echo ran >&2")
    ended = subprocess.run(
        ["/bin/sh", "-c", script, "collectd.sh", *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == (
        "collectd.sh: the first argument is the seconds between two runs, such as 300, not "
        f"'{words[0] if words else ''}'\n"
    )


def test_the_script_for_collectd_ends_when_collectd_is_gone() -> None:
    """collectd ignores SIGPIPE, and so do its child processes."""
    script = collectd_script("echo 'OK - all|time=1s'")
    reading, writing = os.pipe()
    os.close(reading)
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        ended = subprocess.run(
            ["/bin/sh", "-c", script, "collectd.sh", "1"],
            stdout=writing,
            stderr=subprocess.DEVNULL,
            restore_signals=False,
            timeout=300,
            check=False,
        )
    finally:
        signal.signal(signal.SIGPIPE, before)
        os.close(writing)
    assert ended.returncode == 1


def test_a_text_for_collectd_stays_one_word_of_the_length_that_it_keeps(tmp_path: Path) -> None:
    """A backslash in a quoted word escapes the next character. collectd keeps 255 characters of a text, and reads 1,200
    characters of a line.
    """
    text = r'CRITICAL - "b" \c $HOME `id` * ' * 30
    output = tmp_path / "output"
    output.write_text(f"{text}|time=1s\n1. CRITICAL\n", "ascii")
    *values, notification = given_to_collectd(f"{{ cat {output}; (exit 2); }}").stdout.splitlines()
    assert [line.partition(" interval")[0] for line in values] == [
        f'PUTVAL "backup-host/backuplink/{name}"' for name in ("gauge-state", "duration-time")
    ]
    found = re.search(r' message="((?:[^"\\]|\\["\\])*)"$', notification)
    assert found is not None, notification
    assert re.sub(r"\\(.)", r"\1", found[1]) == text[:250]
    assert len(notification) < 1_200


def test_the_cloudwatch_agent_reads_what_the_page_has_written() -> None:
    settings = json.loads((FOLDER / "cloudwatch-agent.json").read_text("utf-8"))
    (file,) = settings["logs"]["logs_collected"]["files"]["collect_list"]
    assert file["file_path"] in words_of_pages()


@pytest.mark.parametrize("shown", examples())
def test_the_page_shows_what_the_program_writes(shown: str) -> None:
    command, *lines = shown.splitlines()
    written = run([sys.executable, "-m", "agent", *command.split()[1:]]).stdout.splitlines()
    assert lines
    for line in lines:
        begin, cut, _ = line.partition("…")
        assert any(output_line.startswith(begin) if cut else output_line == line for output_line in written), line


# --- The template ----------------------------------------------------------------------------------------------------


@cache
def changes() -> tuple[StateChange, ...]:
    """One event of each kind. The kinds are changes of the verdict, of a finding and of required services, at their
    beginning and at their end.
    """
    tracker = Tracker(raise_after=1, clear_after=1)
    names = ("healthy", FAULT, "healthy", "hana-healthy", "healthy")
    result = [change for name in names for change in tracker.fold(report_of(name))]
    assert {change.kind for change in result} >= {
        *(Kind.VERDICT, Kind.RAISED, Kind.CLEARED, Kind.REQUIRED, Kind.NOT_REQUIRED)
    }
    return tuple(result)


@pytest.mark.parametrize("redact", [False, True])
@pytest.mark.parametrize("change", changes(), ids=lambda change: f"{change.kind}-{change.status}")
def test_the_template_is_filled_whole(change: StateChange, redact: bool) -> None:
    notice = document(change, report_of(FAULT), redact=redact)
    posted = json.loads(dumps(filled(json.loads(SLACK.read_text("utf-8")), notice)))
    assert posted["blocks"][0]["text"]["text"] == notice["text"]
    texts = list(texts_in(posted))
    assert [text for text in texts if "$" in text] == []
    assert [text for text in texts if len(text) > 2_000] == []  # Slack refuses longer fields
    assert any(change.id in text for text in texts)


def test_words_of_peers_are_only_in_fields_without_markup() -> None:
    """A peer names itself, for example in a certificate or in the target of a redirect. In a field with markup, Slack
    would follow `<!channel>` and show `<https://evil.example|AWS>` as a link.
    """
    evil = "<!channel> <https://evil.example|AWS>"
    notice = {**dict.fromkeys(NAMES, "x"), "text": evil}
    posted = filled(json.loads(SLACK.read_text("utf-8")), notice)
    (place,) = (block["text"] for block in posted["blocks"] if evil in block.get("text", {}).get("text", ""))
    assert place == {"type": "plain_text", "text": evil}
    assert dumps(posted).count(evil) == 1


def test_every_name_in_the_template_is_one_of_a_change() -> None:
    notice = document(changes()[0], report_of(FAULT), redact=False)
    names = set(re.findall(r"\$(\w+)", SLACK.read_text("utf-8")))
    assert names
    assert names <= notice.keys()


def texts_in(data: Any) -> Iterator[str]:
    match data:
        case str():
            yield data
        case list():
            for item in data:
                yield from texts_in(item)
        case dict():
            yield from texts_in(list(data.values()))


# --- The archive -----------------------------------------------------------------------------------------------------


def test_the_archive_holds_the_sources_and_is_made_again_to_the_byte(tmp_path: Path) -> None:
    archive = artifact_of("backuplink-VERSION-monitoring.tar.gz", "monitoring")
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
        files = {
            Path(member.name).name: stream.read()
            for member in members
            if (stream := opened.extractfile(member)) is not None
        }
    assert files == {file.name: file.read_bytes() for file in FOLDER.iterdir() if file.suffix}
    assert {(member.uid, member.gid, member.mode & 0o022) for member in members} == {(0, 0, 0)}
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(members[0].mtime)}
    subprocess.run(
        [str(FOLDER / "build"), str(tmp_path)], env=environment, umask=0o077, timeout=300, check=True, cwd=ROOT
    )
    assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()
