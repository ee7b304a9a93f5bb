"""The files in this tree that the packages install besides the program: units, the example configuration, and the
manual. Tests that need a missing program are skipped, or fail if BACKUPLINK_REQUIRE_PACKAGES is 1.
"""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

import manual
from agent.cli import config_file, to_settings
from agent.cli import main as cli
from agent.settings import DEFAULT_WATCH_CALLS, DEFAULT_WATCH_EC2
from tests.packaging.artifacts import lacking, needed
from tests.support.repository import ROOT

PACKAGES: Final = ROOT / "packaging" / "packages"
UNITS: Final = PACKAGES / "systemd"
SERVICES: Final = ("backuplink-watch.service", "backuplink-check.service")
TEXTFILE: Final = ROOT / "packaging" / "monitoring" / "backuplink-textfile.service"
EVERY: Final = (*(UNITS / service for service in SERVICES), TEXTFILE)
EXAMPLE: Final = PACKAGES / "backuplink.toml"
VARIABLES: Final = PACKAGES / "environment"
HOST_UNITS: Final = Path("/usr/lib/systemd/system")
MAX_EXPOSURE: Final = 2.0
"""The maximum exposure that `systemd-analyze security` may show, on its scale from 0 to 10."""


# --- Units -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with the units of this machine and ours, and with the programs that our units start."""
    place = tmp_path / "usr" / "lib" / "systemd" / "system"
    if not HOST_UNITS.is_dir():
        lacking(f"there are no units in {HOST_UNITS} that ours could refer to")
    shutil.copytree(HOST_UNITS, place, symlinks=True)
    for unit in UNITS.iterdir():
        shutil.copy(unit, place)
    for program in ("usr/bin/backuplink", "bin/kill"):
        file = tmp_path / program
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n", "utf-8")
        file.chmod(0o755)
    return tmp_path


def verified(root: Path) -> str:
    """The complaints of systemd about our units."""
    words = [
        needed("systemd-analyze"),
        "verify",
        "--man=no",
        f"--root={root}",
        *(unit.name for unit in UNITS.iterdir()),
    ]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    return f"{result.stdout}{result.stderr}" + (f"exit code {result.returncode}" if result.returncode else "")


def test_systemd_finds_no_fault_in_the_units(root: Path) -> None:
    assert verified(root) == ""


def test_systemd_would_have_found_one(root: Path) -> None:
    unit = root / "usr/lib/systemd/system" / SERVICES[0]
    unit.write_text(unit.read_text("utf-8").replace("WatchdogSec", "WatchdogSeconds"), "utf-8")
    assert "Unknown key 'WatchdogSeconds'" in verified(root)


@pytest.mark.parametrize("service", EVERY, ids=lambda service: service.name)
def test_the_sandbox_is_tight(service: Path) -> None:
    words = [needed("systemd-analyze"), "security", "--offline=true", "--no-pager", str(service)]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", shown)
    assert exposure is not None, shown
    assert float(exposure[1]) <= MAX_EXPOSURE


def settings_of(unit: str) -> list[tuple[str, str]]:
    """The settings of a unit in their order. Continued lines are joined."""
    text = (UNITS / unit).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "["))]
    return [(name, " ".join(value.split())) for name, _, value in (line.partition("=") for line in lines)]


def test_all_services_have_one_sandbox() -> None:
    watch, check, textfile = (service.read_text("utf-8").partition("# --- Sandbox")[2] for service in EVERY)
    assert check
    assert watch.partition("\n[Install]")[0] == check == textfile


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_no_right_of_its_own(service: str) -> None:
    settings = settings_of(service)
    assert ("CapabilityBoundingSet", "") in settings
    assert ("AmbientCapabilities", "") in settings
    assert ("DynamicUser", "yes") in settings


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_a_call_that_the_program_takes(service: str, tmp_path: Path) -> None:
    """The program parses the arguments in the unit. It has the configuration that the packages install."""
    (start,) = (value for name, value in settings_of(service) if name == "ExecStart")
    program, command, *words = start.split()
    assert program == "/usr/bin/backuplink"
    assert manual.CONFIGURATION in words
    words = [str(EXAMPLE) if word == manual.CONFIGURATION else word for word in words]
    context = cli.main.commands[command].make_context(command, words, parent=manual.context_of(cli.main))
    assert context.params["config"] == EXAMPLE
    showing = to_settings.report_options_from(context.params)
    wanted = ("json", "/var/log/backuplink/report.json") if command == "check" else ("text", None)
    assert (showing.format, showing.output) == wanted


def test_the_watch_is_reloaded_and_watched() -> None:
    settings = dict(settings_of("backuplink-watch.service"))
    assert settings["Type"] == "notify"
    assert settings["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert settings["WatchdogSec"] == "2min"


# --- The variables with secrets --------------------------------------------------------------------------------------


def test_the_packages_install_a_file_for_secrets_that_root_alone_reads() -> None:
    contents = yaml.safe_load((PACKAGES / "nfpm.yaml").read_text("utf-8"))["contents"]
    (entry,) = (entry for entry in contents if entry.get("src") == str(VARIABLES.relative_to(ROOT)))
    assert entry["dst"] == "/etc/backuplink/environment"
    assert entry["type"] == "config|noreplace"
    assert entry["file_info"] == {"mode": 0o600}


@pytest.mark.parametrize("unit", EVERY, ids=lambda unit: unit.name)
def test_every_service_takes_them(unit: Path) -> None:
    """The path in the unit begins with a dash, because the file may not exist: only a package installs it."""
    assert "\nEnvironmentFile=-/etc/backuplink/environment\n" in unit.read_text("utf-8")


def test_no_secret_is_set_as_the_file_comes_and_its_examples_are_of_what_is_read() -> None:
    lines = VARIABLES.read_text("utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
    names = [name for name, _, value in (line[1:].partition("=") for line in lines) if re.fullmatch(r"[A-Z_]+", name)]
    own = {option.envvar for command in cli.main.commands.values() for option in command.params if option.envvar}
    assert [name for name in names if name.startswith("BACKUPLINK_") and name not in own] == []
    assert names == ["BACKUPLINK_NOTIFY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"]


def test_a_check_passes_over_the_variable_of_a_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check and the watch read the same file."""
    monkeypatch.setenv("BACKUPLINK_NOTIFY", "https://hooks.example.com/secret")
    for name, has in (("check", False), ("watch", True)):
        context = cli.main.commands[name].make_context(name, [], parent=manual.context_of(cli.main))
        assert ("https://hooks.example.com/secret" in map(str, context.params.values())) is has


# --- The example configuration ---------------------------------------------------------------------------------------


def uncommented() -> dict[str, Any]:
    """The keys of the example, including those that are commented out."""
    text = EXAMPLE.read_text("utf-8")
    return tomllib.loads(re.sub(r"^#(?=[a-z])", "", text, flags=re.MULTILINE))


def values(command: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a command makes from a configuration."""
    context = click.Context(cli.main.commands[command], parent=manual.context_of(cli.main))
    return config_file.config_values(given, str(EXAMPLE), context)


def test_the_example_sets_only_how_much_is_asked_of_aws() -> None:
    """The example limits the requests that all hosts of a fleet together send to an account. The timer uses the same
    limits, although the program's defaults differ.
    """
    assert tomllib.loads(EXAMPLE.read_text("utf-8")) == {"calls": DEFAULT_WATCH_CALLS, "ec2": DEFAULT_WATCH_EC2}


def test_the_example_has_every_key_and_no_other() -> None:
    assert set(uncommented()) == set(manual.keys())


@pytest.mark.parametrize("command", ["check", "watch", "tui"])
def test_every_key_of_the_example_is_taken(command: str) -> None:
    given = uncommented()
    own = {option.opts[0].removeprefix("--"): option.name for option in cli.main.commands[command].params}
    assert set(values(command, given)) == {own[key] for key in given if key in own}


def test_the_example_shows_the_defaults() -> None:
    for key, (option, _) in manual.keys().items():
        if option.show_default is True:
            assert str(uncommented()[key]) == str(option.default), key
        elif option.is_flag:
            assert uncommented()[key] is False, key


@pytest.mark.parametrize("name", ["check", "watch"])
def test_the_keys_of_the_example_go_together(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test omits keys that exclude each other, and keys whose value is the path of a missing file."""
    (tmp_path / "config").write_text(f"[profile {uncommented()['profile']}]\n", "utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    given = {key: value for key, value in uncommented().items() if key not in ("ec2-facts", "notify-template")}
    command = cli.main.commands[name]
    context = click.Context(command, parent=manual.context_of(cli.main))
    context.default_map = values(name, given)
    command.parse_args(context, [])
    assert to_settings.settings_from(context.params, {}).region == given["region"]
    assert to_settings.report_options_from(context.params).output == given["output"]
    if name == "watch":
        assert to_settings.watching_from(context.params).interval == given["interval"]


# --- The manual ------------------------------------------------------------------------------------------------------


def shown(page: Path) -> str:
    """The text of a page as a reader sees it, in one line."""
    words = [needed("mandoc"), "-T", "utf8", "-O", "width=200", str(page)]
    text = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    return " ".join(re.sub(r".\x08", "", text).split())


@pytest.mark.parametrize("name", [None, *manual.commands()])
def test_every_command_and_option_has_its_place_in_the_manual(name: str | None) -> None:
    page = shown(PACKAGES / "man" / ("backuplink.1" if name is None else f"{manual.page_of(name)}.1"))
    command = cli.main if name is None else cli.main.commands[name]
    context = manual.context_of(command)
    for option in command.get_params(context):
        if isinstance(option, click.Option) and not option.hidden:
            for spelling in option.opts:
                assert f" {spelling} " in page.replace(",", " "), spelling
            assert " ".join((option.help or "").replace("`", "").split()) in page
    if name is None:
        for command_name in manual.commands():
            assert f"{manual.page_of(command_name)}(1)" in page


def test_every_key_has_its_place_in_the_manual() -> None:
    page = shown(PACKAGES / "man" / "backuplink.toml.5")
    for key in sorted(manual.keys()):
        assert f" {key} = " in page


def test_no_page_is_left_from_a_command_that_went() -> None:
    written = {path for path in manual.pages() if "/man/" in path}
    assert {str(page.relative_to(ROOT)) for page in (PACKAGES / "man").iterdir()} == written


@pytest.mark.parametrize("page", sorted((PACKAGES / "man").iterdir()), ids=lambda page: page.name)
def test_a_page_has_no_fault(page: Path) -> None:
    result = subprocess.run(
        [needed("mandoc"), "-T", "lint", "-W", "warning", page], capture_output=True, text=True, timeout=60, check=False
    )
    # The page has no date, so that the same program always gives the same bytes.
    assert [line for line in result.stdout.splitlines() if "missing date" not in line] == []
