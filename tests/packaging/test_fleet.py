"""The Systems Manager document, the association and the instance policy: linters, schema, and the steps as they run.

What the agent of Systems Manager does is done here as its documentation and its source have it: parameters are put into
the text, and each step is a script in a folder of its own below one folder for the command.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import boto3
import jsonschema_rs
import pytest
import yaml
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import manual
from agent.app.permissions import permissions
from agent.catalog.hosts import endpoints
from agent.catalog.partitions import PARTITIONS, is_region
from agent.catalog.regions import REGIONS
from agent.catalog.services import checkable, checked_by_default
from agent.cli import main as cli
from agent.cli.to_settings import settings_from
from agent.formats import text
from agent.settings import DEFAULT_WATCH_CALLS, DEFAULT_WATCH_EC2, Calls, Ec2, Workload
from agent.simulated import scenario as scenarios
from tests.formats import host_record
from tests.packaging.artifacts import artifact_of
from tests.support import extent
from tests.support.aws_commands import complaint
from tests.support.cloudformation import Stack, template
from tests.support.repository import ROOT
from tests.support.runs import report_of
from tests.support.validator import VALIDATOR

DOCUMENT: Final = "backuplink-check.yaml"
FLEET: Final = "backuplink-fleet.template.yaml"
POLICY: Final = "backuplink-instance-policy.template.yaml"
GUIDE: Final = ROOT / "docs" / "fleet.md"
REPORT: Final = "backuplink-report.json"
"""The file that one step leaves to the next, in the command's folder."""
CONSOLE: Final = 2_500
"""Bytes of output and errors together that Run Command lists of an invocation (CommandPlugin, Output)."""
AGENT_S_WORDS: Final = len("\n----------ERROR-------\n" + "failed to run commands: exit status 2")
"""What the agent adds to the output of a step that failed, in bytes."""
SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,=/_-")
"""What means nothing to a shell, quoted or not, where the first character is no dash."""


# --- What is built ---------------------------------------------------------------------------------------------------


def build(folder: Path, umask: int = 0o022) -> dict[str, tuple[int, bytes]]:
    """Mode and bytes of each file that the build leaves in `folder`."""
    program = ROOT / "packaging" / "fleet" / "build"
    subprocess.run([str(program), str(folder)], check=True, timeout=60, umask=umask)
    return {path.name: (path.stat().st_mode & 0o777, path.read_bytes()) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files as they are built now."""
    folder = tmp_path_factory.mktemp("dist")
    build(folder)
    return folder


@pytest.fixture(scope="module")
def document(built: Path) -> dict[str, Any]:
    """The Command document."""
    content: dict[str, Any] = yaml.safe_load((built / DOCUMENT).read_text("utf-8"))
    return content


@pytest.fixture
def session() -> Iterator[boto3.session.Session]:
    """A session whose calls moto answers."""
    from moto import mock_aws  # here, since every process of the tests imports this module, and few need moto

    with mock_aws():
        yield boto3.session.Session(
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - for moto
            region_name="eu-west-1",
        )


def test_each_build_gives_the_same_files_and_nothing_else(tmp_path: Path) -> None:
    first, second = build(tmp_path / "first"), build(tmp_path / "second", umask=0o077)
    assert first == second
    assert set(first) == {DOCUMENT, FLEET, POLICY}
    assert {mode for mode, _ in first.values()} == {0o644}


@pytest.mark.parametrize("name", [DOCUMENT, FLEET, POLICY])
def test_what_dist_holds_is_what_the_sources_give(built: Path, name: str) -> None:
    assert artifact_of(name, "fleet").read_bytes() == (built / name).read_bytes()


# --- The document's form ---------------------------------------------------------------------------------------------


def test_the_document_has_the_form_of_its_schema(document: dict[str, Any]) -> None:
    form = json.loads((Path(__file__).parent / "ssm_command_document.schema.json").read_text("utf-8"))
    jsonschema_rs.meta.validate(form)
    jsonschema_rs.Draft202012Validator(form, validate_formats=True).validate(document)


def test_the_service_takes_the_document(built: Path, document: dict[str, Any], session: boto3.session.Session) -> None:
    """As moto reads it, which is not as strict as the service."""
    content = (built / DOCUMENT).read_text("utf-8")
    assert len(content.encode()) < 64 * 1024  # of a document, AWS General Reference, Systems Manager quotas
    taken = session.client("ssm").create_document(
        Name="backuplink-check", DocumentType="Command", DocumentFormat="YAML", Content=content
    )["DocumentDescription"]
    assert taken["SchemaVersion"] == "2.2"
    assert [parameter["Name"] for parameter in taken["Parameters"]] == list(document["parameters"])


def test_every_step_is_for_linux_alone(document: dict[str, Any]) -> None:
    assert [step["precondition"] for step in document["mainSteps"]] == [{"StringEquals": ["platformType", "Linux"]}] * 3


def test_every_parameter_is_held_and_used_in_single_quotes(document: dict[str, Any]) -> None:
    scripts = "\n".join(script_of(document, step["name"]) for step in document["mainSteps"])
    assert set(re.findall(r"'\{\{ (\w+) \}\}'", scripts)) == set(document["parameters"])
    assert "{{" not in re.sub(r"'\{\{ \w+ \}\}'", "", scripts)
    for name, parameter in document["parameters"].items():
        assert ("allowedValues" in parameter) != ("allowedPattern" in parameter), name
        assert allows(parameter, parameter["default"]), name


def test_patterns_use_what_re2_and_java_have_in_common(document: dict[str, Any]) -> None:
    for name, parameter in document["parameters"].items():
        pattern = parameter.get("allowedPattern", "^$")
        assert (pattern[0], pattern[-1]) == ("^", "$"), name
        # No look-around, no flags, no back-reference, no class whose meaning depends on flags.
        assert "(?" not in pattern, name
        assert "\\" not in pattern, name


def test_the_steps_end_in_time(document: dict[str, Any]) -> None:
    longest = {
        name: max(value for value in range(10_000) if allows(document["parameters"][name], str(value)))
        for name in ("RandomDelay", "Deadline", "Timeout")
    }
    assert longest == {"RandomDelay": 3_600, "Deadline": 300, "Timeout": 60}
    limit = int(document["mainSteps"][0]["inputs"]["timeoutSeconds"])
    assert limit >= longest["RandomDelay"] + longest["Deadline"] + 120


@pytest.mark.parametrize("step", ["check", "host", "report"])
@pytest.mark.parametrize("linter", ["dash -n", "bash -n", "shellcheck --shell=sh"])
def test_linters_of_shells_find_nothing(document: dict[str, Any], tmp_path: Path, linter: str, step: str) -> None:
    script = tmp_path / "script.sh"
    script.write_text(script_of(document, step), "utf-8")
    words = shlex.split(linter)
    ended = subprocess.run([find(words[0]), *words[1:], str(script)], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def find(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"there is no {program} here")
    return path


# --- What a parameter can hold ---------------------------------------------------------------------------------------


def allows(parameter: Mapping[str, Any], value: str) -> bool:
    """Whether Systems Manager takes the value, as its least strict reader of patterns does."""
    if "allowedValues" in parameter:
        return value in parameter["allowedValues"]
    return re.search(parameter["allowedPattern"], value) is not None and len(value) <= parameter.get("maxChars", 4_096)


GOOD: Final = {
    "Command": (
        "/usr/bin/backuplink",
        "/usr/local/bin/backuplink",
        "/opt/backuplink",
        "/opt/tools/backuplink-0.1.0.dev1-linux-x86_64.run",
        "/opt/backuplink-1.2.3-linux-aarch64.run",
    ),
    "Region": ("", *REGIONS),
    "Workload": ("auto", "caller", "hana", "gateway", "ssm", "auto,hana", "caller,ssm"),
    "Services": ("", *checkable(), "backup,backup-gateway", ",".join(checkable())),
    "Endpoints": (
        "",
        "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com",
        "backup=vpce-0a1b2c3d4e5f67890,backup-gateway=vpce-0a1b2c3d4e5f67891",
    ),
    "Timeout": ("1", "3", "60"),
    "Deadline": ("1", "20", "300"),
    "RandomDelay": ("0", "300", "3600"),
}
BAD: Final = {
    "Command": (
        "",
        "backuplink",
        "/bin/sh",
        "/home/someone/backuplink",
        "/opt/../srv/backuplink",
        "/opt/./backuplink",
        "/opt/tools/other",
        "/usr/bin/backuplink-",
        "/usr/bin/backuplink.run",
        "/usr/bin/env backuplink",
    ),
    "Region": ("eu", "eu-west", "EU-WEST-1", "eu-west-1,eu-west-2"),
    "Workload": ("", "auto,", "vss", "AUTO", "auto;", "auto hana"),
    "Services": ("backup;", "backup-", "backup,", ",backup", "backup backup-gateway", "Backup"),
    "Endpoints": (",", "a,", "-a", "a,-b", "https://a", "a b"),
    "Timeout": ("0", "61", "-1", "1.5", "1e1", ""),
    "Deadline": ("0", "301", "-1", "1e2", ""),
    "RandomDelay": ("3601", "-1", "00", "0x10", "1e3", ""),
}
INJECTIONS: Final = (
    "'; touch canary; '",
    "\\'; touch canary; '",
    '"; touch canary; "',
    "$(touch canary)",
    "`touch canary`",
    "x\ntouch canary",
    "x\0",
    "x y",
    "*",
    "~",
    "--output=canary",
    "{{ Command }}",
    "{{ssm:parameter}}",
    "é",
    "٣",
)


def test_what_each_pattern_takes_and_refuses(document: dict[str, Any]) -> None:
    patterned = {name: parameter for name, parameter in document["parameters"].items() if "allowedPattern" in parameter}
    assert set(GOOD) == set(BAD) == set(patterned)
    for name, parameter in patterned.items():
        assert [value for value in GOOD[name] if not allows(parameter, value)] == [], name
        assert [value for value in BAD[name] if allows(parameter, value)] == [], name


@pytest.mark.parametrize("injection", INJECTIONS)
def test_no_injection_is_taken(document: dict[str, Any], injection: str) -> None:
    for name, parameter in document["parameters"].items():
        for hostile in (injection, parameter["default"] + injection):
            assert not allows(parameter, hostile), (name, hostile)


# --- The steps as they run -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step ended with."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command ended with."""

    check: Step
    host: Step
    report: Step
    left: list[str]
    """Files in the command's folder afterwards, without the scripts themselves."""
    calls: list[list[str]]
    """Arguments of each call of the program, in turn."""


def script_of(document: Mapping[str, Any], step: str) -> str:
    """The script of a step, its parameters not yet put in."""
    part = next(part for part in document["mainSteps"] if part["name"] == step)
    return "\n".join(part["inputs"]["runCommand"]) + "\n"


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script, "utf-8")
    path.chmod(0o755)
    return path


REAL: Final = f'PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m agent "$@"'
"""The program of the source tree."""


def program(folder: Path, then: str) -> Path:
    """A `backuplink` that writes down what it is called with, and goes on with `then`."""
    return executable(
        folder / "backuplink",
        f"""#!/bin/sh
printf '%s\\0' "$@" >>{folder}/calls
printf '\\0' >>{folder}/calls
{then}
""",
    )


def in_scenario(folder: Path, scenario: str) -> Path:
    """The real one, whose checks are made in a scenario's simulated VPC."""
    # Of a check's options `demo` has those that say what becomes of the report.
    return program(
        folder,
        f"""if [ "$1" = check ]; then
    for word; do
        shift
        case $word in --format=* | --fail-on=*) set -- "$@" "$word" ;; esac
    done
    set -- demo {scenario} "$@"
fi
{REAL}""",
    )


def run(
    document: Mapping[str, Any], folder: Path, program: Path, *, shell: str = "sh", path: str = os.defpath, **given: str
) -> Ran:
    """Run the steps one after the other, as the agent does: as `SHELL -c SCRIPT` under a system service's environment,
    parameters put in as they are, once, and nothing inside them again."""
    command = folder / "orchestration"
    values = {name: parameter["default"] for name, parameter in document["parameters"].items()}
    values |= {"Command": str(program), **given}
    steps = {}
    for name in ("check", "host", "report"):
        lines = re.sub(r"\{\{ (\w+) \}\}", lambda match: values[match[1]], script_of(document, name))
        # The first line names `sh`, which is another program on each distribution.
        script = executable(command / name / "_script.sh", lines.replace("#!/bin/sh", f"#!{find(shell)}", 1))
        ended = subprocess.run(
            [find(shell), "-c", str(script)],
            cwd=folder,
            env={"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        steps[name] = Step(code=ended.returncode, stdout=ended.stdout, stderr=ended.stderr)
        script.unlink()
    calls = folder / "calls"
    return Ran(
        **steps,
        left=sorted(str(path.relative_to(command)) for path in command.rglob("*") if path.is_file()),
        calls=[call.split("\0") for call in calls.read_text("utf-8").split("\0\0")[:-1]] if calls.exists() else [],
    )


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        pytest.param("healthy", 0, id="ok"),
        pytest.param("one-zone-silent", 2, id="critical"),
        pytest.param("allowance-exceeded", 1, id="warning"),
        pytest.param("region-unknown", 3, id="unknown"),
    ],
)
def test_a_check(document: dict[str, Any], tmp_path: Path, shell: str, scenario: str, code: int) -> None:
    """Its short text first, then the whole report, and the exit code of the verdict."""
    ran = run(document, tmp_path, in_scenario(tmp_path, scenario), shell=shell, Report="json")

    expected = report_of(scenario)
    assert ran.check.code == code
    assert ran.check.stderr == f"Simulated VPC, scenario {scenario}: {scenarios.load(scenario).summary}.\n"  # of demo
    assert ran.check.stdout == text.brief(expected)
    assert (ran.host.code, ran.host.stderr) == (0, "")
    record = host_record.read(ran.host.stdout)
    assert (record["run"], record["status"]) == (expected.run.id, expected.verdict.status)
    assert (ran.report.code, ran.report.stderr) == (0, "")
    report = json.loads(ran.report.stdout)
    VALIDATOR.validate(report)
    assert [finding["id"] for finding in report["findings"]] == [finding.id for finding in expected.findings]
    assert report["verdict"]["status"] == expected.verdict.status
    assert ran.left == []


def test_the_text_of_every_scenario_fits_what_run_command_lists() -> None:
    sizes = {name: len(text.brief(report_of(name)).encode()) + AGENT_S_WORDS for name in scenarios.names()}
    assert {name: size for name, size in sizes.items() if size > CONSOLE} == {}


def test_without_a_wish_for_it_no_report_is_printed_nor_left(document: dict[str, Any], tmp_path: Path) -> None:
    ran = run(document, tmp_path, in_scenario(tmp_path, "healthy"))
    assert ran.report == Step(code=0, stdout="", stderr="")
    assert ran.left == []


@pytest.mark.parametrize(("fail_on", "code"), [("critical", 2), ("never", 0)])
def test_a_fault_fails_the_command_where_that_is_wanted(
    document: dict[str, Any], tmp_path: Path, fail_on: str, code: int
) -> None:
    ran = run(document, tmp_path, in_scenario(tmp_path, "one-zone-silent"), FailOn=fail_on)
    assert ran.check.code == code
    assert ran.check.stdout.startswith("CRITICAL")


def test_the_report_is_for_its_owner_alone(document: dict[str, Any], tmp_path: Path) -> None:
    command = f"stat -L -c %a /proc/self/fd/1 >{tmp_path}/mode"
    run(document, tmp_path, program(tmp_path, f'[ "$1" = check ] && {command}; echo'))
    assert (tmp_path / "mode").read_text("utf-8") == "600\n"


# --- Its options, against those of the real command ------------------------------------------------------------------


def understood(words: list[str]) -> tuple[Any, Mapping[str, Any]]:
    """The settings and options that the real command reads from its arguments."""
    command = cli.main.commands[words[0]]
    with command.make_context(words[0], words[1:], parent=manual.context_of(cli.main)) as context:
        return settings_from(context.params, {}), context.params


def test_parameters_become_options(document: dict[str, Any], tmp_path: Path) -> None:
    given = {
        "Region": "eu-central-1",
        "Workload": "auto,ssm",
        "Services": "backup,backup-gateway",
        "Endpoints": "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-central-1.vpce.amazonaws.com,"
        "backup=vpce-0a1b2c3d4e5f67891",
        "Expect": "any",
        "Timeout": "2",
        "Deadline": "15",
        "Calls": "none",
        "Ec2": "always",
        "FailOn": "critical",
    }
    check, diagnose = run(document, tmp_path, program(tmp_path, ""), **given).calls
    settings, options = understood(check)
    assert settings.region == "eu-central-1"
    assert settings.workloads == (Workload.AUTO, Workload.SSM)
    assert settings.services == ("backup", "backup-gateway")
    assert [(endpoint.service, endpoint.host) for endpoint in settings.endpoints] == [
        ("backup", "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-central-1.vpce.amazonaws.com"),
        ("backup", "vpce-0a1b2c3d4e5f67891"),
    ]
    assert (settings.expect, settings.timeout, settings.deadline) == ("any", 2.0, 15.0)
    assert (settings.calls, settings.ec2) == (Calls.NONE, Ec2.ALWAYS)
    assert (options["format"], options["fail_on"], options["output"]) == ("json", "critical", None)
    assert diagnose[:-1] == ["diagnose", "--format=text", "--brief", "--fail-on=never"]


def test_defaults_are_those_of_the_command(document: dict[str, Any], tmp_path: Path) -> None:
    check = run(document, tmp_path, program(tmp_path, "")).calls[0]
    of_a_fleet = replace(understood(["check"])[0], calls=DEFAULT_WATCH_CALLS, ec2=DEFAULT_WATCH_EC2)
    assert understood(check)[0] == of_a_fleet
    assert understood(check)[1]["fail_on"] == understood(["check"])[1]["fail_on"]


@settings(max_examples=extent.examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_taken_is_data(
    document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Texts in which a pattern finds itself, by Python's and Java's reading of `$`, which takes a newline at the end:
    each arrives as the argument that it is, and nothing else is started."""
    folder = tmp_path_factory.mktemp("taken")
    taken = {
        name: data.draw(st.from_regex(document["parameters"][name]["allowedPattern"]), label=name) for name in GOOD
    }
    assert set("".join(value.removesuffix("\n") for value in taken.values())) <= SAFE
    assert [value for value in taken.values() if value.startswith("-")] == []
    region = taken["Region"].removesuffix("\n")
    assert region == "" or is_region(region)

    started = executable(folder / "commands" / "sleep", f"#!/bin/sh\necho sleep >>{folder}/started\n").parent
    del taken["Command"]  # its folders are not this test's to write into
    ran = run(document, folder, program(folder, ""), path=f"{started}{os.pathsep}{os.defpath}", **taken)
    assert ran.calls[0] == [
        "check",
        "--format=json",
        "--calls=one",
        "--ec2=never",
        "--expect=private",
        f"--timeout={taken['Timeout']}",
        f"--deadline={taken['Deadline']}",
        "--fail-on=warning",
        *([f"--region={taken['Region']}"] if taken["Region"] else []),
        *(
            f"--{option}={word}"
            for option, name in (("workload", "Workload"), ("service", "Services"), ("endpoint", "Endpoints"))
            for word in taken[name].split(",")
            if word and taken[name] != "auto"
        ),
    ]
    assert (folder / "started").read_text("utf-8") == "sleep\n"
    assert ran.check.stderr == ""
    assert sorted(path.name for path in folder.iterdir()) == [
        "backuplink",
        "calls",
        "commands",
        "orchestration",
        "started",
    ]


def test_what_the_command_refuses_is_said(document: dict[str, Any], tmp_path: Path) -> None:
    """A value that is harmless and wrong: the real command's own refusal, whole in the report too."""
    ran = run(document, tmp_path, program(tmp_path, REAL), Endpoints="backup=nowhere", Report="json")
    assert ran.check.code == 3
    assert "'nowhere' is neither a DNS name nor the id of an endpoint" in ran.check.stderr
    assert json.loads(ran.report.stdout)["verdict"]["status"] == "unknown"
    assert ran.left == []


# --- What goes wrong -------------------------------------------------------------------------------------------------


def test_no_program(document: dict[str, Any], tmp_path: Path) -> None:
    ran = run(document, tmp_path, tmp_path / "backuplink", FailOn="never", RandomDelay="3600", Report="json")
    assert (ran.check.code, ran.check.stdout) == (3, "")
    assert len(ran.check.stderr.splitlines()) == 1
    assert f"no program {tmp_path / 'backuplink'}. Install the package" in ran.check.stderr
    for step in (ran.host, ran.report):
        assert (step.code, step.stdout) == (3, "")
        assert len(step.stderr.splitlines()) == 1
    assert ran.left == []


@pytest.mark.parametrize(
    ("ended", "code"), [(129, 129), (143, 143), (126, 3), (137, 3), (168, 3), (194, 3), (255, 3)], ids=str
)
def test_exit_codes_are_kept_where_they_are_its_own(
    document: dict[str, Any], tmp_path: Path, ended: int, code: int
) -> None:
    ran = run(document, tmp_path, program(tmp_path, f'[ "$1" != check ] || exit {ended}'), FailOn="never")
    assert ran.check.code == code
    assert (f"ended with {ended}, which is no exit code of backuplink" in ran.check.stderr) == (code == 3)
    assert ran.left == []


def test_a_program_that_writes_no_report_is_never_ok(document: dict[str, Any], tmp_path: Path) -> None:
    ran = run(document, tmp_path, program(tmp_path, f'[ "$1" != check ] || exit 0\n{REAL}'), Report="json")
    assert ran.check.code == 3
    assert "is no JSON" in ran.check.stderr
    assert (ran.report.code, ran.report.stdout) == (3, "")
    assert "no report to print" in ran.report.stderr
    assert ran.left == []


def test_a_folder_that_takes_no_report(document: dict[str, Any], tmp_path: Path) -> None:
    # Root writes everywhere, so that the disk has to be full by other means.
    touch = executable(tmp_path / "full" / "touch", "#!/bin/sh\necho 'touch: No space left on device' >&2\nexit 1\n")
    path = f"{touch.parent}{os.pathsep}{os.defpath}"
    ran = run(document, tmp_path, program(tmp_path, ""), path=path, FailOn="never")
    assert ran.check.code == 3
    assert "No space left on device" in ran.check.stderr
    assert "no report can be written" in ran.check.stderr
    assert ran.calls == []


# --- The delay -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_delay_is_spread_evenly_within_its_bounds(document: dict[str, Any], shell: str) -> None:
    """The script's own line, many times over: each of four delays comes about as often as the others."""
    [line] = (line for line in script_of(document, "check").splitlines() if line.startswith("delay="))
    loop = f'longest=3; for i in $(seq 400); do {line}; echo "$delay"; done'
    drawn = subprocess.run([find(shell), "-c", loop], capture_output=True, text=True, timeout=120, check=True).stdout
    counted = Counter(drawn.split())
    assert counted.total() == 400
    assert set(counted) == {"0", "1", "2", "3"}
    # 100 are expected of each, with a standard deviation below 9: seven of them happen once in 10**11 runs.
    assert all(38 < count < 162 for count in counted.values()), counted


@pytest.mark.parametrize("longest", [0, 3_600])
def test_the_delay_comes_before_the_check(document: dict[str, Any], tmp_path: Path, longest: int) -> None:
    """A `sleep` that writes down how long it was asked to last, and whether there had been a call by then."""
    sleep = f'#!/bin/sh\n[ ! -e {tmp_path}/calls ] || echo late\necho "$1" >{tmp_path}/slept\n'
    path = f"{executable(tmp_path / 'commands' / 'sleep', sleep).parent}{os.pathsep}{os.defpath}"
    ran = run(document, tmp_path, program(tmp_path, ""), path=path, RandomDelay=str(longest))
    assert 0 <= int((tmp_path / "slept").read_text("utf-8")) <= longest
    assert ran.check.stdout == ""
    assert [call[0] for call in ran.calls] == ["check", "diagnose"]


# --- Templates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [FLEET, POLICY])
def test_cfn_lint_finds_nothing(built: Path, name: str) -> None:
    import cfnlint.api  # here, since every process of the tests imports this module, and one or two need these
    import cfnlint.config

    some = cfnlint.config.ManualArgs(regions=["us-east-1", "cn-north-1", "us-gov-west-1"])
    assert [str(problem) for problem in cfnlint.api.lint_file(built / name, config=some)] == []


def test_the_template_has_the_document_inside(built: Path, document: dict[str, Any]) -> None:
    assert template(built / FLEET)["Resources"]["Document"]["Properties"]["Content"] == document


THEIR_WORDS: Final = {
    "allowedPattern": "AllowedPattern",
    "allowedValues": "AllowedValues",
    "maxChars": "MaxLength",
}


def test_the_template_s_parameters_are_the_document_s(built: Path, document: dict[str, Any]) -> None:
    """Their default, list, pattern and length; the Region is the stack's, and reports go with their bucket."""
    parameters = template(built / FLEET)["Parameters"]
    assert set(document["parameters"]) - set(parameters) == {"Region", "Report"}
    for name in set(document["parameters"]) & set(parameters):
        ours, theirs = document["parameters"][name], parameters[name]
        for key in ("allowedPattern", "allowedValues", "maxChars"):
            assert theirs.get(THEIR_WORDS[key]) == ours.get(key), (name, key)
        if name != "RandomDelay":  # an association runs everywhere at once, a command at first where somebody looks
            assert theirs["Default"] == ours["default"], name


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="as it comes"),
        pytest.param(
            {
                "ReportsBucket": "reports",
                "Services": "backup",
                "Endpoints": "backup=vpce-0a1b2c3d4e5f67890",
                "MaxConcurrency": "50",
                "ScheduleExpression": "cron(0 3 ? * * *)",
            },
            id="everything given",
        ),
    ],
)
def test_the_association_is_one_that_the_service_takes(
    built: Path, document: dict[str, Any], session: boto3.session.Session, given: dict[str, str]
) -> None:
    """By the SDK's model of the service, which refuses unknown keys, wrong types and texts out of bounds."""
    asked = Stack(template(built / FLEET), **given).properties("Association")
    assert asked is not None
    client = session.client("ssm")
    with Stubber(client) as stubber:
        stubber.add_response("create_association", {}, asked)
        client.create_association(**asked)
    assert asked["Name"] == "Document"
    for name, [value] in asked["Parameters"].items():
        assert allows(document["parameters"][name], value), name
    for name in ("MaxConcurrency", "MaxErrors"):  # patterns that the SDK leaves to the service
        shape = client.meta.service_model.shape_for(name)
        assert re.search(shape.metadata["pattern"], asked[name]) is not None, name
    reported = "ReportsBucket" in given
    assert asked["Parameters"]["Report"] == (["json"] if reported else ["none"])
    assert ("OutputLocation" in asked) == reported


# --- The instance policy ---------------------------------------------------------------------------------------------

POLICIES: Final = ("SignedCallsPolicy", "ConfigurationPolicy", "ReportsPolicy")


@pytest.mark.parametrize("partition", [partition.id for partition in PARTITIONS])
@pytest.mark.parametrize(("resource", "part"), [("SignedCallsPolicy", "api"), ("ConfigurationPolicy", "ec2")])
def test_the_policy_is_what_the_command_lists(built: Path, partition: str, resource: str, part: str) -> None:
    listed = permissions(endpoints(partition=partition, services=checked_by_default()), region=None)
    [least] = [entry.policy for entry in listed.parts if entry.part == part]
    policy = Stack(template(built / POLICY), partition).properties(resource)
    assert (policy and policy["PolicyDocument"]) == least


def test_parts_that_are_not_wanted_are_left_out(built: Path) -> None:
    stack = Stack(template(built / POLICY), SignedCalls="false", Configuration="false")
    assert [stack.properties(policy) for policy in POLICIES] == [None] * 3


@pytest.mark.parametrize("key", ["", "arn:aws-cn:kms:cn-north-1:123456789012:key/0a1b2c3d"])
def test_reports_may_be_written_where_the_association_puts_them_and_nowhere_else(built: Path, key: str) -> None:
    given = {"ReportsBucket": "reports", "ReportsPrefix": "some/where"}
    policy = Stack(template(built / POLICY), "aws-cn", ReportsKey=key, **given).properties("ReportsPolicy")
    association = Stack(template(built / FLEET), "aws-cn", **given).properties("Association")
    assert policy is not None
    assert association is not None
    place = association["OutputLocation"]["S3Location"]
    objects = f"arn:aws-cn:s3:::{place['OutputS3BucketName']}/{place['OutputS3KeyPrefix']}/*"
    allowed = [
        (statement["Effect"], statement["Action"], statement["Resource"])
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert allowed == [
        ("Allow", ["s3:PutObject", "s3:PutObjectAcl"], objects),
        ("Allow", ["s3:GetEncryptionConfiguration"], "arn:aws-cn:s3:::reports"),
        *([("Allow", ["kms:Decrypt", "kms:GenerateDataKey"], key)] if key else []),
    ]


@pytest.mark.parametrize(("roles", "attached"), [("", None), ("one", ["one"]), ("one,two", ["one", "two"])])
def test_policies_go_to_the_roles_that_are_named(built: Path, roles: str, attached: list[str] | None) -> None:
    stack = Stack(template(built / POLICY), Roles=roles, ReportsBucket="reports")
    policies = [stack.properties(policy) or {} for policy in POLICIES]
    assert all(policies)
    assert [policy.get("Roles") for policy in policies] == [attached] * 3


# --- The guide -------------------------------------------------------------------------------------------------------


def test_the_guide_s_commands_are_of_the_aws_cli_and_of_backuplink() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    commands = [
        shlex.split(line, comments=True) for block in blocks for line in block.replace("\\\n", " ").splitlines() if line
    ]
    assert len(commands) > 5
    for words in commands:
        if words[0] == "backuplink":
            cli.main.commands[words[1]].make_context(words[1], words[2:], parent=manual.context_of(cli.main))
        else:
            assert complaint(words) is None, words


def test_the_guide_names_every_parameter(document: dict[str, Any]) -> None:
    guide = GUIDE.read_text("utf-8")
    assert [name for name in document["parameters"] if f"`{name}`" not in guide] == []
