"""The Ansible collection: the tests compare its module with the command and the command's reports, check its
documentation, and run its role twice in throw-away roots.

Tests that install need `packaging/build packages onefile ansible`, and root; `packaging/test ansible` requires them and
makes the root.
"""

import ast
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import click
import jinja2
import pytest
import yaml

import manual
from agent.cli import main as cli
from agent.cli.to_settings import settings_from
from agent.report import codec
from agent.report.exits import of_status
from agent.report.model import Status
from agent.version import __version__
from tests.packaging.artifacts import COLLECTION_VERSION, PACKAGE_VERSION, artifact_of, lacking
from tests.packaging.standins import prepare_rpm
from tests.support.repository import ROOT
from tests.support.runs import report_of

COLLECTION: Final = ROOT / "packaging" / "ansible" / "collection"
MODULE: Final = COLLECTION / "plugins" / "modules" / "check.py"
ROLE: Final = COLLECTION / "roles" / "backuplink"
NAME: Final = "backuplink.backuplink"
TOOLS: Final = ROOT / "build" / "ansible" / "environment" / "bin"
BASE: Final = ROOT / "build" / "roots" / "trixie+python3,python3-apt,rpm,systemd"
SECONDS: Final = 900.0
"""The limit in seconds for a process on a busy machine."""
SCENARIOS: Final = {
    "healthy": "ok",
    "allowance-exceeded": "warning",
    "one-zone-silent": "critical",
    "region-unknown": "unknown",
}
CONFIGURATION: Final = "etc/backuplink/backuplink.toml"
VARIABLES: Final = "etc/backuplink/environment"
HOOK: Final = 'https://hooks.example.com/a"b$(touch x)`c`\\d e#f'


def loaded() -> ModuleType:
    """The part of the module that needs no Ansible."""
    spec = importlib.util.spec_from_file_location("report", COLLECTION / "plugins" / "module_utils" / "report.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


report: Final[Any] = loaded()


def documented(name: str) -> Any:
    """The documentation of the module in DOCUMENTATION, EXAMPLES or RETURN."""
    for statement in ast.parse(MODULE.read_text("utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return yaml.safe_load(ast.literal_eval(statement.value))
    raise AssertionError(name)


# --- The module ------------------------------------------------------------------------------------------------------


def test_its_options_are_those_of_the_command() -> None:
    options = {option.name: option for option in cli.main.commands["check"].params}
    by_word = {word.removeprefix("--").replace("-", "_"): option for option in options.values() for word in option.opts}
    for name, spec in report.OPTIONS.items():
        option = by_word[name]
        assert isinstance(option, click.Option)
        assert (spec["type"] == "list") == option.multiple, name
        assert (spec["type"] == "bool") == option.is_flag, name
        assert (spec["type"] == "float") == (option.type.name == "seconds"), name
        choices = [*option.type.choices] if isinstance(option.type, click.Choice) else None
        if spec["type"] != "list":
            assert sorted(spec.get("choices") or []) == sorted(choices or []), name
    wanted = {*report.ARGUMENTS["fail_on"]["choices"]}
    fail_on = by_word["fail_on"].type
    assert isinstance(fail_on, click.Choice)
    assert wanted == {*fail_on.choices}


def test_its_documentation_is_of_its_arguments() -> None:
    described = documented("DOCUMENTATION")["options"]
    keys = ("type", "choices", "default", "elements")
    stated = {name: {key: spec[key] for key in keys if key in spec} for name, spec in described.items()}
    assert stated == report.ARGUMENTS
    for task in documented("EXAMPLES"):
        given = task.get("backuplink.backuplink.check") or {}
        assert {*given} <= {*report.ARGUMENTS}


@pytest.mark.parametrize("file", ["modules/check.py", "module_utils/report.py"])
def test_runs_on_the_oldest_python_that_hosts_have(file: str) -> None:
    ast.parse((COLLECTION / "plugins" / file).read_text("utf-8"), feature_version=(3, 6))


def understood(parameters: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """The settings and options that the command reads from the arguments that the module makes."""
    command, *words = report.arguments({**dict.fromkeys(report.OPTIONS), **parameters}, "/tmp/report.json")  # noqa: S108
    with cli.main.commands[command].make_context(command, words, parent=manual.context_of(cli.main)) as context:
        return settings_from(context.params, {}), context.params


def test_parameters_become_options() -> None:
    settings, options = understood(
        {
            "region": "eu-central-1",
            "workload": ["caller", "ssm"],
            "service": ["backup"],
            "endpoint": ["backup=vpce-0a1b2c3d4e5f67891"],
            "expect": "any",
            "timeout": 2.0,
            "deadline": 15.0,
            "calls": "none",
            "ec2": "always",
            "suppress": ["TCP007=backup-gateway"],
            "redact": True,
        }
    )
    assert settings.region == "eu-central-1"
    assert [workload.value for workload in settings.workloads] == ["caller", "ssm"]
    assert settings.services == ("backup",)
    assert [endpoint.host for endpoint in settings.endpoints] == ["vpce-0a1b2c3d4e5f67891"]
    assert (settings.expect, settings.timeout, settings.deadline) == ("any", 2.0, 15.0)
    assert (settings.calls.value, settings.ec2.value) == ("none", "always")
    assert options["redact"] is True
    assert understood({})[0] == understood({"redact": False})[0]


def test_the_format_the_file_and_the_exit_code_are_its_own_whatever_a_configuration_says(tmp_path: Path) -> None:
    file = tmp_path / "backuplink.toml"
    file.write_text('format = "html"\noutput = "/elsewhere"\nfail-on = "never"\nregion = "eu-west-3"\n', "utf-8")
    settings, options = understood({"config": str(file)})
    assert settings.region == "eu-west-3"
    assert (options["format"], options["fail_on"]) == ("json", "warning")
    assert str(options["output"]) == "/tmp/report.json"  # noqa: S108


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_reads_the_report_of_every_verdict(scenario: str) -> None:
    measured = report_of(scenario)
    document = codec.encode(measured)
    code = of_status(measured.verdict.status)
    assert report.read(code, json.dumps(document), "") == json.loads(json.dumps(document))
    summary = report.summary(document)
    assert summary.startswith(SCENARIOS[scenario])
    for finding in measured.findings:
        assert f"{finding.code} {finding.title}" in summary


def test_knows_the_exit_code_of_every_status() -> None:
    for status in Status:
        document = {"schema": report.SCHEMA, "verdict": {"status": status.value}, "findings": []}
        assert report.read(of_status(status), json.dumps(document), "") == document
        for code in {0, 1, 2, 3, 130} - {of_status(status)}:
            with pytest.raises(report.NoReportError):
                report.read(code, json.dumps(document), "")


@pytest.mark.parametrize(
    ("code", "text", "errors", "said"),
    [
        pytest.param(
            3, "", "Usage: x\nError: No such option: --x\n", "exit code 3: Error: No such option: --x", id="usage"
        ),
        pytest.param(0, "", "", "it wrote no report", id="nothing"),
        pytest.param(0, "ok", "", "it wrote no report", id="text"),
        pytest.param(0, "[]", "", "it wrote no report", id="list"),
        pytest.param(0, "{}", "", "it wrote no report", id="other"),
        pytest.param(0, '{"schema": "backuplink.report.v1"', "", "it wrote no report", id="half"),
        pytest.param(
            0, '{"schema": "backuplink.report.v2", "verdict": {"status": "ok"}}', "", "backuplink.report.v2", id="newer"
        ),
        pytest.param(
            143, '{"schema": "backuplink.report.v1", "verdict": {"status": "ok"}}', "", "it was stopped", id="stopped"
        ),
    ],
)
def test_nothing_else_is_a_verdict(code: int, text: str, errors: str, said: str) -> None:
    with pytest.raises(report.NoReportError) as raised:
        report.read(code, text, errors)
    assert said in str(raised.value)


def test_which_verdict_fails_the_task() -> None:
    failing = {
        fail_on: [status.value for status in Status if report.fails(status.value, fail_on)]
        for fail_on in ("never", "critical", "warning")
    }
    assert failing["never"] == []
    assert sorted(failing["critical"]) == ["critical", "unknown"]
    assert sorted(failing["warning"]) == ["critical", "unknown", "warning"]


# --- The role --------------------------------------------------------------------------------------------------------


def test_its_variables_are_documented_with_their_defaults() -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text("utf-8"))
    options = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text("utf-8"))["argument_specs"]["main"][
        "options"
    ]
    assert {*defaults} == {*options}
    computed = {"backuplink_form", "backuplink_version"}
    assert {name: spec["default"] for name, spec in options.items() if "default" in spec} == {
        name: value for name, value in defaults.items() if name not in computed
    }


def test_names_the_files_of_a_release_as_the_parts_do() -> None:
    names = yaml.safe_load((ROLE / "vars" / "main.yml").read_text("utf-8"))["backuplink_names"]
    forms = {
        "deb": ("backuplink_VERSION_amd64.deb", "backuplink_VERSION_arm64.deb"),
        "rpm": ("backuplink-VERSION-1.x86_64.rpm", "backuplink-VERSION-1.aarch64.rpm"),
        "file": ("backuplink-VERSION-linux-x86_64.run", "backuplink-VERSION-linux-aarch64.run"),
    }
    for form, files in forms.items():
        found = tuple(
            names[machine][form].replace("{{ backuplink_version }}", "VERSION") for machine in ("x86_64", "aarch64")
        )
        assert found == files


def test_the_pages_show_the_same_playbook() -> None:
    pages = [(ROOT / "docs" / "install.md"), COLLECTION / "README.md"]
    plays = [re.findall(r"^```yaml\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL) for page in pages]
    assert plays[0] == plays[1]
    ((play,),) = [yaml.safe_load(text) for text in plays[0]]
    (role,) = play["roles"]
    assert {*role["vars"]} <= {*yaml.safe_load((ROLE / "defaults" / "main.yml").read_text("utf-8"))}
    keys = {option.opts[0].removeprefix("--") for option in cli.main.commands["watch"].params}
    assert {*role["vars"]["backuplink_config"]} <= keys


def test_the_role_writes_secrets_for_root_alone_and_says_none_of_them() -> None:
    tasks = yaml.safe_load((ROLE / "tasks" / "configure.yml").read_text("utf-8"))
    (task,) = (each for each in tasks if each["name"] == "Write the variables with secrets")
    written = task["ansible.builtin.template"]
    assert (written["dest"], written["owner"], written["mode"]) == (f"/{VARIABLES}", "root", "0600")
    assert task["no_log"] is True
    options = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text("utf-8"))["argument_specs"]["main"]
    assert [name for name, spec in options["options"].items() if spec.get("no_log")] == ["backuplink_environment"]


def test_a_variable_is_read_as_it_was_given(tmp_path: Path) -> None:
    """systemd and a shell read such a value in the same way."""
    template = (ROLE / "templates" / "environment.j2").read_text("utf-8")
    made = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - no page
    made.filters["regex_replace"] = lambda text, pattern, by: re.sub(pattern, by, text)
    (tmp_path / "environment").write_text(
        made.from_string(template).render(backuplink_environment={"BACKUPLINK_NOTIFY": HOOK}, ansible_managed="x"),
        "utf-8",
    )
    words = ["sh", "-c", '. ./environment; printf %s "$BACKUPLINK_NOTIFY"']
    shown = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True).stdout
    assert shown == HOOK


# --- With Ansible ----------------------------------------------------------------------------------------------------


def program(name: str) -> str:
    if not (TOOLS / name).exists():
        lacking(f"{name} is not installed; run packaging/build ansible")
    return str(TOOLS / name)


def succeed(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, timeout=SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """A machine with the collection installed, and no other collection."""

    home: Path

    def run(self, name: str, *words: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        variables = {
            "PATH": f"{TOOLS}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(self.home),
            "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "tests" / "packaging" / "ansible" / "connection"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_DEPRECATION_WARNINGS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            [program(name), *(str(word) for word in words)],
            cwd=folder or self.home,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Controller:
    archive = artifact_of(f"backuplink-backuplink-{COLLECTION_VERSION}.tar.gz", "ansible")
    controller = Controller(home=tmp_path_factory.mktemp("controller"))
    result = controller.run("ansible-galaxy", "collection", "install", "--offline", "-p", controller.home, archive)
    assert result.returncode == 0, result.stderr
    installed = controller.home / "ansible_collections" / "backuplink" / "backuplink"
    if (installed / "plugins" / "modules" / "check.py").read_bytes() != MODULE.read_bytes():
        lacking("the collection has changed since dist/ was built; run packaging/build ansible")
    return controller


def test_the_archive_is_whole_and_of_this_version(controller: Controller) -> None:
    verified = controller.run("ansible-galaxy", "collection", "verify", "--offline", NAME)
    assert verified.returncode == 0, verified.stderr
    listed = json.loads(controller.run("ansible-galaxy", "collection", "list", "--format=json").stdout)
    assert listed[f"{controller.home}/ansible_collections"] == {NAME: {"version": COLLECTION_VERSION}}
    defaults = controller.home / "ansible_collections/backuplink/backuplink/roles/backuplink/defaults/main.yml"
    assert yaml.safe_load(defaults.read_text("utf-8"))["backuplink_version"] == __version__


def test_built_again_it_is_the_same_bytes(tmp_path: Path) -> None:
    archive = artifact_of(f"backuplink-backuplink-{COLLECTION_VERSION}.tar.gz", "ansible")
    with tarfile.open(archive) as opened:
        date = str(int(opened.getmembers()[0].mtime))
        assert {(member.uid, member.gid, str(int(member.mtime))) for member in opened.getmembers()} == {(0, 0, date)}
    build = ROOT / "packaging" / "ansible" / "build"
    command = ["sh", "-c", 'umask 077 && exec "$@"', "sh", str(build), str(tmp_path)]
    variables = {**os.environ, "SOURCE_DATE_EPOCH": date}
    subprocess.run(command, env=variables, check=True, capture_output=True, timeout=SECONDS)
    assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()


def test_ansible_lint_finds_nothing(controller: Controller, tmp_path: Path) -> None:
    copy = shutil.copytree(COLLECTION, tmp_path / "collection", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "CHANGELOG.md", copy)
    result = controller.run("ansible-lint", "--offline", "--profile=production", "--strict", ".", folder=copy)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"Passed: 0 failure\(s\), 0 warning\(s\) in 1[5-9] files", result.stdout + result.stderr)
    tasks = copy / "roles" / "backuplink" / "tasks" / "main.yml"
    tasks.write_text(tasks.read_text("utf-8").replace("changed_when: false", "changed_when: maybe"), "utf-8")
    (copy / "roles" / "backuplink" / "tasks" / "absent.yml").write_text("- shell: ls\n", "utf-8")
    assert controller.run("ansible-lint", "--offline", "--profile=production", ".", folder=copy).returncode == 2


def test_ansible_doc_reads_the_module_and_the_role(controller: Controller) -> None:
    module = json.loads(controller.run("ansible-doc", "--json", "--type=module", f"{NAME}.check").stdout)
    assert {*module[f"{NAME}.check"]["doc"]["options"]} == {*report.ARGUMENTS}
    assert {*module[f"{NAME}.check"]["return"]} == {"status", "exit_code", "msg", "report", "ansible_facts"}
    role = json.loads(controller.run("ansible-doc", "--json", "--type=role", f"{NAME}.backuplink").stdout)
    (documentation,) = role.values()
    assert "backuplink_artifacts" in documentation["entry_points"]["main"]["options"]


# --- In throw-away roots ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the release's files for this processor, and their checksums."""
    folder = tmp_path_factory.mktemp("artifacts")
    names = ("backuplink_VERSION_amd64.deb", "backuplink-VERSION-1.x86_64.rpm", "backuplink-VERSION-linux-x86_64.run")
    files = [shutil.copy(artifact_of(name, "packages onefile"), folder) for name in names]
    sums = [f"{hashlib.sha256(Path(file).read_bytes()).hexdigest()}  {Path(file).name}\n" for file in files]
    (folder / "SHA256SUMS").write_text("".join(sums), "utf-8")
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A throw-away root, and the controller that configures it."""

    root: Path
    controller: Controller
    inventory: Path

    def play(self, *options: str, **variables: Any) -> tuple[int, str]:
        """Run the role, which must succeed. Returns how many tasks changed something, and all output."""
        code, said = self.attempt(*options, **variables)
        assert code == 0, said
        return int(re.findall(r"changed=(\d+)", said)[-1]), said

    def attempt(self, *options: str, **variables: Any) -> tuple[int, str]:
        playbook = self.inventory.with_name("play.yml")
        role = {"role": f"{NAME}.backuplink", "vars": variables}
        playbook.write_text(yaml.safe_dump([{"hosts": "all", "name": "Play", "roles": [role]}]), "utf-8")
        result = self.controller.run("ansible-playbook", "--inventory", self.inventory, *options, playbook)
        return result.returncode, result.stdout + result.stderr

    def check(self, **parameters: Any) -> dict[str, Any]:
        """Run the module with these parameters, as a caller would; returns its result."""
        words = [
            "--inventory",
            str(self.inventory),
            "--module-name",
            f"{NAME}.check",
            "--args",
            json.dumps({"workload": ["caller"], **parameters}),
            "all",
        ]
        result = self.controller.run("ansible", *words)
        text = result.stdout.partition("=> ")[2]
        assert text, result.stdout + result.stderr
        document: dict[str, Any] = json.loads(text)
        return {**document, "failed": result.returncode != 0}

    def inside(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["chroot", str(self.root), *words]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
            check=False,
        )

    def files(self) -> dict[str, tuple[int, int]]:
        """Every file of the root with its mode and date. Files that Ansible, rpm or the started program leave behind
        are omitted.
        """
        return {
            str(path.relative_to(self.root)): (path.lstat().st_mode, path.lstat().st_mtime_ns)
            for path in self.root.rglob("*")
            if not path.is_dir() and not {".ansible", ".cache", "rpm"} & {*path.parts}
        }


@pytest.fixture
def host(controller: Controller, tmp_path: Path) -> Iterator[Host]:
    if os.geteuid() != 0:
        lacking("only root can install into a root")
    if not BASE.is_dir():
        lacking(f"there is no {BASE.relative_to(ROOT)}; run packaging/roots {BASE.name}")
    root = tmp_path / "root"
    succeed("cp", "--archive", BASE, root)
    prepare_rpm(root)
    inventory = tmp_path / "inventory.yml"
    target = {
        "ansible_host": str(root),
        "ansible_connection": "throwaway_root",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    inventory.write_text(yaml.safe_dump({"all": {"hosts": {"target": target}}}), "utf-8")
    yield Host(root=root, controller=controller, inventory=inventory)
    shutil.rmtree(root)


@pytest.mark.parametrize("form", ["deb", "rpm", "file"])
def test_the_role_installs_and_a_second_run_changes_nothing(host: Host, artifacts: Path, form: str) -> None:
    wanted: dict[str, Any] = {
        "backuplink_form": form,
        "backuplink_artifacts": str(artifacts),
        "backuplink_config": {"region": "eu-west-1", "service": ["backup"], "timeout": 2, "redact": True},
        "backuplink_environment": {"BACKUPLINK_NOTIFY": HOOK},
        "backuplink_watch": form != "file",
    }
    before = host.files()
    changed, _ = host.play("--check", **wanted)
    assert changed > 0
    assert host.files() == before

    changed, said = host.play(**wanted)
    assert changed > 0
    assert "hooks.example.com" not in said
    variables = host.root / VARIABLES
    assert (variables.stat().st_mode & 0o777, variables.stat().st_uid) == (0o600, 0)
    executable = "/usr/local/bin/backuplink" if form == "file" else "/usr/bin/backuplink"
    assert host.inside(executable, "--version").stdout == f"backuplink {__version__}\n"
    assert tomllib.loads((host.root / CONFIGURATION).read_text("utf-8")) == wanted["backuplink_config"]
    link = "etc/systemd/system/multi-user.target.wants/backuplink-watch.service"
    assert (host.root / link).is_symlink() == (form != "file")
    assert not (host.root / "var/cache" / f"backuplink_{__version__}_amd64.deb").exists()

    installed = host.files()
    changed, said = host.play(**wanted)
    assert (changed, host.files()) == (0, installed), said

    (host.root / executable.lstrip("/")).unlink()
    host.play(**wanted)
    assert host.inside(executable, "--version").stdout == f"backuplink {__version__}\n", "a damaged one is repaired"

    changed, _ = host.play(**{**wanted, "backuplink_config": {"region": "eu-west-2"}, "backuplink_watch": False})
    assert changed > 0
    assert tomllib.loads((host.root / CONFIGURATION).read_text("utf-8")) == {"region": "eu-west-2"}
    assert not (host.root / link).is_symlink()

    changed, _ = host.play(backuplink_form=form, backuplink_state="absent")
    assert changed > 0
    assert not (host.root / executable.lstrip("/")).exists()
    assert host.play(backuplink_form=form, backuplink_state="absent")[0] == 0


def test_the_form_is_that_of_the_host_s_package_manager(host: Host, artifacts: Path) -> None:
    host.play(backuplink_artifacts=str(artifacts))
    assert host.inside("dpkg-query", "--show", "backuplink").stdout == f"backuplink\t{PACKAGE_VERSION}\n"
    # If the role gets no configuration, the package's own configuration stays.
    packaged = (ROOT / "packaging" / "packages" / "backuplink.toml").read_bytes()
    assert (host.root / CONFIGURATION).read_bytes() == packaged
    # If the program is already installed in some way, the role needs no file of the release.
    assert host.play()[0] == 0


def test_what_must_not_be_is_refused(host: Host, artifacts: Path, tmp_path: Path) -> None:
    before = host.files()
    changed = tmp_path / "changed"
    changed.mkdir()
    for file in artifacts.iterdir():
        shutil.copy(file, changed)
    with (changed / f"backuplink_{__version__}_amd64.deb").open("ab") as deb:
        deb.write(b"x")
    good = {"backuplink_artifacts": str(artifacts)}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"backuplink_artifacts": str(changed)}, "does not have the sum in SHA256SUMS"),
        ({}, "is not installed. Set backuplink_artifacts"),
        ({**good, "backuplink_form": "file", "backuplink_watch": True}, "need the deb or the rpm"),
        ({**good, "backuplink_form": "snap"}, "value of backuplink_form must be one of"),
        ({**good, "backuplink_config": {"notify": "https://h.example/x"}}, "backuplink_environment"),
    ]
    for variables, said in cases:
        code, output = host.attempt(**variables)
        assert code == 2, output
        assert said in output
        assert host.files() == before, variables
    # A configuration that the program refuses is not installed.
    code, output = host.attempt(**good, backuplink_config={"regoin": "eu-west-1"})
    assert code == 2
    assert "did you mean 'region'?" in output
    assert "regoin" not in (host.root / CONFIGURATION).read_text("utf-8")


DEMO: Final = """\
#!/bin/sh
# The check of a simulated VPC, in place of this host's.
for word; do
    shift
    case $word in --format=* | --fail-on=* | --output=*) set -- "$@" "$word" ;; esac
done
exec /usr/bin/backuplink demo SCENARIO "$@"
"""


def test_the_module_returns_the_report_and_fails_only_where_it_is_asked_to(host: Host, artifacts: Path) -> None:
    host.play(backuplink_artifacts=str(artifacts))
    for scenario, status in SCENARIOS.items():
        demo = host.root / "usr/local/bin" / scenario
        demo.write_text(DEMO.replace("SCENARIO", scenario), "utf-8")
        demo.chmod(0o755)
        for fail_on in ("never", "critical", "warning"):
            result = host.check(executable=scenario, fail_on=fail_on)
            assert result["status"] == status
            assert result["changed"] is False
            assert result["exit_code"] == of_status(Status(status))
            assert result["ansible_facts"]["backuplink"] == result["report"]
            assert result["failed"] == report.fails(status, fail_on), (status, fail_on)
        for finding in result["report"]["findings"]:
            assert finding["code"] in result["msg"]

    stopped = host.root / "usr/local/bin/stopped"
    stopped.write_text("#!/bin/sh\nkill -TERM $$\n", "utf-8")
    stopped.chmod(0o755)
    for parameters, said in (
        ({"executable": "no-such-program"}, "Failed to find required executable"),
        ({"executable": "/usr/bin/backuplink", "region": "nowhere"}, "gave no verdict: exit code 3"),
        ({"executable": "stopped"}, "gave no verdict"),
    ):
        result = host.check(**parameters)
        assert result["failed"] is True
        assert said in result["msg"], result
        assert "status" not in result
