"""Every command, file and page that lists services or workloads has the names of the catalogue."""

import itertools
import re
from pathlib import Path
from typing import Any, Final, get_type_hints

import click
import pytest

import manual
from agent.catalog.services import SERVICES, checkable
from agent.catalog.workloads import NEEDS
from agent.cli import main as cli
from agent.cli.to_settings import settings_from
from agent.report.model import WorkloadReport
from agent.settings import Workload
from probes.facts import AWS_BACKUP_MODE, S3_MODE
from probes.masks import Mask
from tests.support.repository import ROOT

WORKLOADS: Final = [workload.value for workload in Workload]
RUNS: Final = ("check", "tui", "watch", "bundle")
"""Commands that run on this host. `demo` takes the options that a scenario supports."""
FLEET: Final = ROOT / "packaging" / "fleet"
DOCUMENT: Final = FLEET / "backuplink-check.yaml"
TEMPLATE: Final = FLEET / "backuplink-fleet.template.yaml"
EXAMPLE: Final = ROOT / "packaging" / "packages" / "backuplink.toml"
ANSIBLE_MODULE: Final = ROOT / "packaging" / "ansible" / "collection" / "plugins" / "modules" / "check.py"
MONITORING: Final = ROOT / "packaging" / "monitoring"
TEXTFILE: Final = MONITORING / "backuplink-textfile.service"
NRPE: Final = MONITORING / "nrpe.cfg"


# --- Commands --------------------------------------------------------------------------------------------------------


def choices(parameter: str) -> dict[str, list[str]]:
    """The values that each command with the parameter accepts for it."""
    return {
        name: [*option.type.choices]
        for name, command in cli.main.commands.items()
        for option in command.params
        if option.name == parameter and isinstance(option.type, click.Choice)
    }


def test_every_command_that_asks_for_a_workload_takes_each() -> None:
    assert choices("workloads") == dict.fromkeys((*RUNS, "demo", "permissions", "predict", "audit"), WORKLOADS)


def test_every_command_that_asks_for_a_service_takes_each() -> None:
    assert choices("services") == {
        **{name: [*checkable()] for name in (*RUNS, "permissions", "predict", "audit")},
        "endpoints": [*SERVICES],  # also services that no run can check
    }


def given(command: str, *words: str) -> tuple[tuple[str, ...], tuple[Workload, ...]]:
    """The services and the workloads that a call selects."""
    context = cli.main.commands[command].make_context(command, [*words], parent=manual.context_of(cli.main))
    settings = settings_from(context.params, {})
    return settings.services, settings.workloads


@pytest.mark.parametrize("command", RUNS)
def test_each_name_is_taken_from_an_option_a_variable_and_a_file(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = tuple(checkable()), tuple(Workload)
    words = [*(f"--service={name}" for name in checkable()), *(f"--workload={name}" for name in WORKLOADS)]
    assert given(command, *words) == everything
    file = tmp_path / "backuplink.toml"
    file.write_text(f"service = {[*checkable()]}\nworkload = {WORKLOADS}\n", "utf-8")
    assert given(command, f"--config={file}") == everything
    monkeypatch.setenv("BACKUPLINK_SERVICE", " ".join(checkable()))
    monkeypatch.setenv("BACKUPLINK_WORKLOAD", " ".join(WORKLOADS))
    assert given(command) == everything


# --- Files that ship -------------------------------------------------------------------------------------------------


def alternatives(file: Path) -> list[list[str]]:
    """For each parameter that takes a list of words, the words that its pattern allows."""
    lists = re.findall(
        r"""llowedPattern: '\^\(none\|\(([a-z0-9:|-]+)\)\(,\(([a-z0-9:|-]+)\)\)\*\)\$'""", file.read_text("utf-8")
    )
    return [words.split("|") for both in lists for words in both]


@pytest.mark.parametrize("file", [DOCUMENT, TEMPLATE], ids=lambda file: file.name)
def test_the_fleet_s_parameter_takes_every_workload(file: Path) -> None:
    assert alternatives(file) == [WORKLOADS, WORKLOADS]


@pytest.mark.parametrize("file", [DOCUMENT, TEMPLATE], ids=lambda file: file.name)
def test_the_fleet_s_parameter_takes_every_service_and_all_together(file: Path) -> None:
    text = file.read_text("utf-8").partition("  Services:\n")[2].partition("  Endpoints:\n")[0]
    (pattern,) = re.findall(r"llowedPattern: '(.*)'", text)
    (longest,) = map(int, re.findall(r"(?:maxChars|MaxLength): (\d+)", text))
    for value in ("", *checkable(), ",".join(checkable())):
        assert re.search(pattern, value), value
        assert len(value) <= longest


def test_the_example_names_every_workload() -> None:
    text = EXAMPLE.read_text("utf-8").partition("# Workloads ")[2].partition("\n\n")[0]
    assert {*re.findall(r'"([a-z0-9:]+)"', text)} == {*WORKLOADS}


def test_the_ansible_module_names_every_workload() -> None:
    text = ANSIBLE_MODULE.read_text("utf-8")
    assert [name for name in WORKLOADS if f"V({name})" not in text] == []


def starts(file: Path) -> list[list[str]]:
    """The arguments of each call of the program in a settings file."""
    lines = re.findall(
        r"^(?:ExecStart|command\[\w+\])=/usr/bin/backuplink (.*)$", file.read_text("utf-8"), re.MULTILINE
    )
    return [line.split() for line in lines]


@pytest.mark.parametrize("file", [TEXTFILE, NRPE], ids=lambda file: file.name)
def test_a_timer_and_a_plugin_take_workloads_from_a_variable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUPLINK_WORKLOAD", " ".join(WORKLOADS))
    for command, *words in starts(file):
        asked = [Workload(word) for before, word in itertools.pairwise(words) if before == "--workload"]
        assert given(command, *words)[1] == tuple(asked or Workload)  # an option overrides a variable
    assert starts(file)


def test_a_workload_s_name_is_no_secret_in_a_masked_report() -> None:
    """In a masked report, the name stays readable in `by`, also if it came from an option."""
    hint = get_type_hints(WorkloadReport, include_extras=True)["by"]
    (mask,) = (mark for mark in hint.__metadata__ if isinstance(mark, Mask))
    assert [name for name in WORKLOADS if not re.fullmatch(str(mask.unless), f"--workload {name}")] == []


# --- Pages -----------------------------------------------------------------------------------------------------------

ROWS: Final = {
    "`caller`": (Workload.CALLER, None),
    "`hana`, data to AWS Backup": (Workload.HANA, AWS_BACKUP_MODE),
    "`hana`, data to S3": (Workload.HANA, S3_MODE),
    "`ssm`": (Workload.SSM, None),
    "`gateway`": (Workload.GATEWAY, None),
}


def services_in(words: str) -> set[str]:
    return {*re.findall(r"`([a-z0-9-]+)`", words)} & {*SERVICES}


def test_the_page_says_what_each_workload_needs() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    table = re.findall(  # without the header of the table
        r"^\| (.*?) \| (.*?) \| ?(.*?) ?\|$", text.partition("## Workloads")[2], re.MULTILINE
    )[1:]
    rows: dict[str, Any] = {workload: (services_in(required), services_in(used)) for workload, required, used in table}
    assert list(rows) == list(ROWS)
    assert {*ROWS.values()} == {*NEEDS}
    for words, key in ROWS.items():
        required = {service for service, source in NEEDS[key].items() if source is not None}
        optional = NEEDS[key].keys() - required
        if key[0] is Workload.CALLER:
            required |= {name for name, service in SERVICES.items() if service.gives_credentials}
        assert rows[words] == (required, optional), words


def test_the_page_names_the_document_by_which_a_service_is_required() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8").partition("## Workloads")[2]
    for words, key in ROWS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| {words} |"))
        for source in filter(None, NEEDS[key].values()):
            title = source.partition(" (")[0]
            assert title in row or (title in text and "as `ssm` below" in row), (words, source)


def test_the_readme_names_every_workload() -> None:
    line = next(line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if "--workload hana" in line)
    assert {*WORKLOADS} - {Workload.AUTO.value} <= {*re.findall(r"[a-z0-9]+(?::[a-z0-9]+)?", line)}
