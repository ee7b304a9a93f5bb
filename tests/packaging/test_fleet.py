"""The Systems Manager document, the association and the instance policy: linters, schema, and both steps as they run.

What the agent of Systems Manager does is done here as its documentation and its source have it: parameters are put into
the text, each step is a script in a folder of its own below one folder for the command, and its output is cut. What is
judged is what `packaging/fleet/build` makes, or what BACKUPLINK_FLEET names.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import cfnlint.api
import cfnlint.config
import click
import jsonschema
import pytest
import yaml
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from agent import cli
from agent.catalog.endpoints import endpoints
from agent.catalog.partitions import PARTITIONS, is_region
from agent.catalog.regions import REGIONS
from agent.codec import schema
from agent.options import settings_from
from agent.permissions import permissions
from agent.render import text
from agent.simulated import scenario as scenarios
from tests.agent.runs import report_of
from tests.aws_commands import complaint

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ROOT / "packaging" / "fleet"
DOCUMENT: Final = "backuplink-check.yaml"
FLEET: Final = "backuplink-fleet.template.yaml"
POLICY: Final = "backuplink-instance-policy.template.yaml"
SHELLS: Final = ("dash", "bash")
REPORT: Final = "backuplink-report.json"
"""The file that one step leaves to the next, in the command's folder."""
CONSOLE: Final = 2_500
"""Bytes of output and errors together that Run Command lists of an invocation (CommandPlugin, Output)."""
KEPT: Final = 24_000
"""Characters of stdout that Run Command keeps (GetCommandInvocation, StandardOutputContent)."""
AGENT_S_WORDS: Final = len("\n----------ERROR-------\n" + "failed to run commands: exit status 2")
"""What the agent adds to the output of a step that failed, in bytes."""
SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,=/_-")
"""What means nothing to a shell, quoted or not, where the first character is no dash."""
INJECTIONS: Final = (
    "'; touch {canary}; '",
    "$(touch {canary})",
    "`touch {canary}`",
    '"; touch {canary}; "',
    "x; touch {canary}",
    "x && touch {canary}",
    "x | touch {canary}",
    "x\ntouch {canary}\n",
    "\ntouch {canary}",
    "x'\ntouch {canary}\n'",
    "x > {canary}",
    "x\0",
    "x y",
    "x\ty",
    "*",
    "~",
    "${{IFS}}",
    "\\'; touch {canary}; '",
    "--output={canary}",
    "-x",
    "!!",
    "x#",
    "{{{{ Command }}}}",
    "{{{{ssm:parameter}}}}",
    "é",
    "٣",
)


# --- What is built ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files as they are built now."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([str(SOURCES / "build"), str(folder)], check=True, timeout=60)
    return folder


@pytest.fixture(scope="module")
def built(fresh: Path) -> Path:
    """The folder with the files that are judged."""
    named = os.environ.get("BACKUPLINK_FLEET")
    return Path(named) if named else fresh


@pytest.fixture(scope="module")
def document(built: Path) -> dict[str, Any]:
    """The Command document."""
    found: dict[str, Any] = yaml.safe_load((built / DOCUMENT).read_text("utf-8"))
    return found


def test_what_is_judged_is_what_the_sources_give(built: Path, fresh: Path) -> None:
    for name in (DOCUMENT, FLEET, POLICY):
        assert (built / name).read_bytes() == (fresh / name).read_bytes(), name


def test_the_build_leaves_nothing_else(fresh: Path) -> None:
    assert sorted(each.name for each in fresh.iterdir()) == sorted((DOCUMENT, FLEET, POLICY))


# --- The document's form ---------------------------------------------------------------------------------------------


def test_the_document_has_the_form_of_its_schema(document: dict[str, Any]) -> None:
    form = json.loads((Path(__file__).parent / "ssm_command_document.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(form)
    jsonschema.Draft202012Validator(form, format_checker=jsonschema.FormatChecker()).validate(document)


def test_every_step_is_for_linux_alone(document: dict[str, Any]) -> None:
    assert [step["precondition"] for step in document["mainSteps"]] == [{"StringEquals": ["platformType", "Linux"]}] * 2


def test_every_parameter_is_held_and_used(document: dict[str, Any]) -> None:
    scripts = "\n".join(script_of(document, step["name"]) for step in document["mainSteps"])
    assert set(re.findall(r"\{\{ (\w+) \}\}", scripts)) == set(document["parameters"])
    for name, parameter in document["parameters"].items():
        assert ("allowedValues" in parameter) != ("allowedPattern" in parameter), name
        assert allows(parameter, parameter["default"]), name


def test_every_value_stands_in_single_quotes(document: dict[str, Any]) -> None:
    for step in document["mainSteps"]:
        bare = re.sub(r"'\{\{ \w+ \}\}'", "", script_of(document, step["name"]))
        assert "{{" not in bare, step["name"]


def test_patterns_use_what_re2_and_java_have_in_common(document: dict[str, Any]) -> None:
    for name, parameter in document["parameters"].items():
        pattern = parameter.get("allowedPattern", "^$")
        assert pattern.startswith("^"), name
        assert pattern.endswith("$"), name
        # No look-around, no flags, no back-reference, no class whose meaning depends on flags.
        assert "(?" not in pattern, name
        assert "\\" not in pattern, name


def test_the_steps_end_in_time(document: dict[str, Any]) -> None:
    step = document["mainSteps"][0]
    longest = {
        name: max(value for value in range(10_000) if allows(document["parameters"][name], str(value)))
        for name in ("RandomDelay", "Deadline", "Timeout")
    }
    assert longest == {"RandomDelay": 3_600, "Deadline": 300, "Timeout": 60}
    assert int(step["inputs"]["timeoutSeconds"]) >= longest["RandomDelay"] + longest["Deadline"] + 120


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
    "Region": ("", "eu-west-1", "us-gov-west-1", "ap-southeast-10", "eusc-de-east-1", "us-isof-south-1"),
    "Services": ("", "backup", "backup-gateway", "backup,backup-gateway"),
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
        "/tmp/backuplink",  # noqa: S108 - a word, not a file
        "/home/someone/backuplink",
        "/opt/../tmp/backuplink",
        "/opt/./backuplink",
        "/opt/tools/other",
        "/usr/bin/backuplink-",
        "/usr/bin/backuplink.run",
        "/usr/bin/env backuplink",
    ),
    "Region": ("eu", "eu-west", "EU-WEST-1", "eu-west-1,eu-west-2"),
    "Services": ("s3", "backup,", ",backup", "backup backup-gateway", "Backup"),
    "Endpoints": (",", "a,", "-a", "a,-b", "https://a", "a b"),
    "Timeout": ("0", "61", "-1", "1.5", "1e1", ""),
    "Deadline": ("0", "301", "-1", "1e2", ""),
    "RandomDelay": ("3601", "-1", "00", "0x10", "1e3", ""),
}


def test_every_pattern_has_its_rows(document: dict[str, Any]) -> None:
    patterned = {name for name, parameter in document["parameters"].items() if "allowedPattern" in parameter}
    assert set(GOOD) == set(BAD) == patterned


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_good_values_are_taken(document: dict[str, Any], name: str, value: str) -> None:
    assert allows(document["parameters"][name], value)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_bad_values_are_refused(document: dict[str, Any], name: str, value: str) -> None:
    assert not allows(document["parameters"][name], value)


def test_every_region_is_taken(document: dict[str, Any]) -> None:
    assert [each for each in REGIONS if not allows(document["parameters"]["Region"], each)] == []


@pytest.mark.parametrize("injection", INJECTIONS)
def test_no_injection_is_taken(document: dict[str, Any], injection: str) -> None:
    for name, parameter in document["parameters"].items():
        good = parameter["default"]
        for hostile in (injection.format(canary="/tmp/canary"), good + injection.format(canary="/tmp/canary")):  # noqa: S108
            assert not allows(parameter, hostile), (name, hostile)


@given(st.data())
def test_what_a_pattern_takes_means_nothing_to_a_shell(data: st.DataObject) -> None:
    """Whatever a pattern finds anywhere in a text, by Python's reading of `$`, which takes a newline at the end."""
    parameters = yaml.safe_load((SOURCES / DOCUMENT).read_text("utf-8"))["parameters"]
    name = data.draw(st.sampled_from(sorted(GOOD)))
    value = data.draw(st.from_regex(parameters[name]["allowedPattern"]))
    assert set(value.removesuffix("\n")) <= SAFE
    assert not value.startswith("-")
    if name == "Region" and value.strip():
        assert is_region(value.removesuffix("\n"))


# --- Both steps as they run ------------------------------------------------------------------------------------------


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
    report: Step
    left: list[str]
    """Files in the command's folder afterwards, without the scripts themselves."""
    calls: list[list[str]]
    """Arguments of each call of the program, in turn."""

    @property
    def status(self) -> str:
        """As the agent has it: a command has failed where one of its steps has."""
        return "Success" if self.check.code == self.report.code == 0 else "Failed"


def script_of(document: Mapping[str, Any], step: str) -> str:
    """The script of a step, its parameters not yet put in."""
    found = next(each for each in document["mainSteps"] if each["name"] == step)
    return "\n".join(found["inputs"]["runCommand"]) + "\n"


def filled(script: str, values: Mapping[str, str]) -> str:
    """As the agent puts parameters in: as they are, once, and nothing inside them again."""
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: values[found[1]].replace("$$", "$"), script)


def program(folder: Path, scenario: str) -> Path:
    """A `backuplink` whose checks are made in a scenario's simulated VPC; else it is the real one. It keeps what it was
    called with."""
    real = shlex.split(os.environ.get("BACKUPLINK", f"{shlex.quote(sys.executable)} -m agent"))
    path = folder / "backuplink"
    path.write_text(
        f"""#!{sys.executable}
import json, os, sys
words = sys.argv[1:]
with open({str(folder / "calls")!r}, "a") as calls:
    print(json.dumps(words), file=calls)
if words[0] == "check":  # of a check's options `demo` has those that say what becomes of the report
    words = ["demo", {scenario!r}, *(word for word in words if word.startswith(("--format=", "--fail-on=")))]
os.environ["PYTHONPATH"] = {str(ROOT)!r}
real = {real!r}
os.execv(real[0], [*real, *words])
""",
        "utf-8",
    )
    path.chmod(0o755)
    return path


def run(
    document: Mapping[str, Any], folder: Path, shell: str, program: Path, *, path: str = os.defpath, **given: str
) -> Ran:
    """Run both steps one after the other, as the agent does, under the environment of a system service."""
    command = folder / "orchestration"
    values = {name: parameter["default"] for name, parameter in document["parameters"].items()}
    values |= {"Command": str(program), **given}
    steps = {}
    for name in ("check", "report"):
        script = command / name / "_script.sh"
        script.parent.mkdir(parents=True)
        script.write_text(filled(script_of(document, name), values), "utf-8")
        script.chmod(0o700)
        # By its full path: the environment has what a unit of systemd has, and no more.
        ended = subprocess.run(
            [find(shell), str(script)],
            cwd="/",
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
        check=steps["check"],
        report=steps["report"],
        left=sorted(str(each.relative_to(command)) for each in command.rglob("*") if each.is_file()),
        calls=[json.loads(line) for line in calls.read_text("utf-8").splitlines()] if calls.exists() else [],
    )


def find(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell} here")
    return found


SCENARIOS: Final = (
    pytest.param("healthy", 0, id="ok"),
    pytest.param("one-zone-silent", 2, id="critical"),
    pytest.param("support-port-closed", 1, id="warning"),
    pytest.param("region-unknown", 3, id="unknown"),
)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("scenario", "code"), SCENARIOS)
def test_a_check(document: dict[str, Any], tmp_path: Path, shell: str, scenario: str, code: int) -> None:
    ran = run(document, tmp_path, shell, program(tmp_path, scenario), Report="json")

    assert ran.check.code == code
    assert ran.check.stderr == f"Simulated VPC, scenario {scenario}: {scenarios.load(scenario).summary}.\n"  # of demo
    assert ran.status == ("Success" if code == 0 else "Failed")
    assert ran.check.stdout == text.brief(report_of(scenario))
    assert fits_the_console(ran.check.stdout)
    assert (ran.report.code, ran.report.stderr) == (0, "")
    report = json.loads(ran.report.stdout)
    jsonschema.Draft202012Validator(schema()).validate(report)
    expected = report_of(scenario)
    assert [each["id"] for each in report["findings"]] == [each.id for each in expected.findings]
    assert report["verdict"]["status"] == expected.verdict.status
    assert ran.left == []


def fits_the_console(output: str) -> bool:
    return len(output.encode()) + AGENT_S_WORDS < CONSOLE


def test_the_text_of_every_scenario_fits_the_console() -> None:
    outputs = {name: text.brief(report_of(name)) for name in scenarios.names()}
    assert [name for name, output in outputs.items() if not fits_the_console(output)] == []
    # What Run Command keeps of a step has room for the longest text that there can be.
    assert text.BRIEF_CHARACTERS <= CONSOLE < KEPT


@pytest.mark.parametrize("shell", SHELLS)
def test_without_a_report_nothing_is_printed_nor_left(document: dict[str, Any], tmp_path: Path, shell: str) -> None:
    ran = run(document, tmp_path, shell, program(tmp_path, "healthy"))
    assert ran.report == Step(code=0, stdout="", stderr="")
    assert ran.left == []


@pytest.mark.parametrize(("fail_on", "code"), [("critical", 2), ("never", 0)])
def test_a_fault_is_a_failure_of_the_command_where_that_is_wanted(
    document: dict[str, Any], tmp_path: Path, fail_on: str, code: int
) -> None:
    ran = run(document, tmp_path, "sh", program(tmp_path, "one-zone-silent"), FailOn=fail_on)
    assert ran.check.code == code
    assert ran.check.stdout.startswith("CRITICAL")


def test_the_script_runs_as_the_agent_calls_it(document: dict[str, Any], tmp_path: Path) -> None:
    """`sh -c PATH`, which executes the file; the command's folder is found from there too."""
    values = {name: parameter["default"] for name, parameter in document["parameters"].items()}
    values["Command"] = str(program(tmp_path, "healthy"))
    script = tmp_path / "command" / "check" / "_script.sh"
    script.parent.mkdir(parents=True)
    script.write_text(filled(script_of(document, "check"), values), "utf-8")
    script.chmod(0o700)
    ended = subprocess.run(["/bin/sh", "-c", str(script)], env={}, capture_output=True, timeout=120, check=False)
    assert ended.returncode == 0
    kept = tmp_path / "command" / REPORT
    assert json.loads(kept.read_text("utf-8"))["verdict"]["status"] == "ok"
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("shell", SHELLS)
def test_parameters_become_options(document: dict[str, Any], tmp_path: Path, shell: str) -> None:
    given = {
        "Region": "eu-central-1",
        "Services": "backup,backup-gateway",
        "Endpoints": "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-central-1.vpce.amazonaws.com,"
        "backup=vpce-0a1b2c3d4e5f67891",
        "Expect": "any",
        "Timeout": "2",
        "Deadline": "15",
        "NoApi": "true",
        "NoEc2": "true",
        "FailOn": "critical",
    }
    ran = run(document, tmp_path, shell, program(tmp_path, "healthy"), **given)

    check, diagnose = ran.calls
    settings, options = understood(check)
    assert settings.region == "eu-central-1"
    assert settings.services == ("backup", "backup-gateway")
    assert [(each.service, each.host) for each in settings.endpoints] == [
        ("backup", "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-central-1.vpce.amazonaws.com"),
        ("backup", "vpce-0a1b2c3d4e5f67891"),
    ]
    assert (settings.expect, settings.timeout, settings.deadline) == ("any", 2.0, 15.0)
    assert (settings.signed_calls, settings.ec2_reads) == (False, False)
    assert (options["format"], options["fail_on"], options["output"]) == ("json", "critical", None)
    assert diagnose[:-1] == ["diagnose", "--format=text", "--brief", "--fail-on=never"]


def test_defaults_are_those_of_the_command(document: dict[str, Any], tmp_path: Path) -> None:
    ran = run(document, tmp_path, "sh", program(tmp_path, "healthy"))
    assert understood(ran.calls[0])[0] == understood(["check"])[0]
    assert understood(ran.calls[0])[1]["fail_on"] == understood(["check"])[1]["fail_on"]


def understood(words: list[str]) -> tuple[Any, Mapping[str, Any]]:
    """The settings and options that the real command reads from its arguments."""
    command = cli.main.commands[words[0]]
    with command.make_context(words[0], words[1:], parent=click.Context(cli.main)) as context:
        return settings_from(context.params, {}), context.params


def test_what_the_command_refuses_is_said(document: dict[str, Any], tmp_path: Path) -> None:
    """A value that is harmless and wrong: the real command's own refusal, whole in the report too."""
    real = tmp_path / "backuplink"
    real.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {shlex.quote(sys.executable)} -m agent "$@"\n', "utf-8")
    real.chmod(0o755)
    ran = run(document, tmp_path, "sh", real, Endpoints="backup=nowhere", Report="json")
    assert ran.check.code == 3
    assert "'nowhere' is neither a DNS name nor the id of an endpoint" in ran.check.stderr
    assert json.loads(ran.report.stdout)["verdict"]["status"] == "unknown"
    assert ran.left == []


# --- What goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS)
def test_no_program(document: dict[str, Any], tmp_path: Path, shell: str) -> None:
    ran = run(document, tmp_path, shell, tmp_path / "backuplink", FailOn="never", RandomDelay="3600", Report="json")
    assert (ran.check.code, ran.check.stdout) == (3, "")
    assert len(ran.check.stderr.splitlines()) == 1
    assert f"no program {tmp_path / 'backuplink'}" in ran.check.stderr
    assert "Install the package" in ran.check.stderr
    assert (ran.report.code, ran.report.stdout) == (3, "")
    assert len(ran.report.stderr.splitlines()) == 1
    assert ran.left == []


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("code", [126, 137, 168, 169, 194, 255])
def test_an_exit_code_that_is_none_of_its_own_is_not_passed_on(
    document: dict[str, Any], tmp_path: Path, shell: str, code: int
) -> None:
    broken = tmp_path / "backuplink"
    broken.write_text(f"#!/bin/sh\nexit {code}\n", "utf-8")
    broken.chmod(0o755)
    ran = run(document, tmp_path, shell, broken, FailOn="never")
    assert ran.check.code == 3
    assert f"ended with {code}, which is no exit code of backuplink" in ran.check.stderr
    assert ran.left == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_that_writes_no_report_is_never_ok(document: dict[str, Any], tmp_path: Path, shell: str) -> None:
    empty = tmp_path / "backuplink"
    empty.write_text(
        f'#!/bin/sh\n[ "$1" = check ] || PYTHONPATH={ROOT} exec {shlex.quote(sys.executable)} -m agent "$@"\n', "utf-8"
    )
    empty.chmod(0o755)
    ran = run(document, tmp_path, shell, empty, FailOn="never", Report="json")
    assert ran.check.code == 3
    assert "is no JSON" in ran.check.stderr
    assert (ran.report.code, ran.report.stdout) == (3, "")
    assert "no report to print" in ran.report.stderr
    assert ran.left == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_folder_that_takes_no_report(document: dict[str, Any], tmp_path: Path, shell: str) -> None:
    (tmp_path / "orchestration" / REPORT / "in the way").mkdir(parents=True)
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    touch = shadow / "touch"  # root writes everywhere, so that the disk has to be full by other means
    touch.write_text("#!/bin/sh\necho 'touch: No space left on device' >&2\nexit 1\n", "utf-8")
    touch.chmod(0o755)
    path = f"{shadow}{os.pathsep}{os.defpath}"
    ran = run(document, tmp_path, shell, program(tmp_path, "healthy"), path=path, FailOn="never")
    assert ran.check.code == 3
    assert "No space left on device" in ran.check.stderr
    assert "no report can be written" in ran.check.stderr
    assert ran.calls == []


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", sorted({*GOOD} - {"Command"}))
def test_a_newline_at_the_end_stays_inside_the_quotes(
    document: dict[str, Any], tmp_path: Path, shell: str, name: str
) -> None:
    """All that any reader of the patterns lets through beside what they say: it is data, and the command refuses it."""
    value = f"{GOOD[name][-1]}\n"
    assert re.search(document["parameters"][name]["allowedPattern"], value) is not None
    ran = run(document, tmp_path, shell, program(tmp_path, "healthy"), **{"RandomDelay": "0", name: value})
    assert "not found" not in ran.check.stderr  # nothing was taken for a command
    words = [word for call in ran.calls[:1] for word in call if "\n" in word]
    assert len(words) <= 1
    for word in words:
        assert word.endswith(value)


# --- The delay -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS)
def test_the_delay_is_spread_evenly_within_its_bounds(document: dict[str, Any], shell: str) -> None:
    """The script's own line, many times over: each of four delays comes about as often as the others."""
    line = next(each for each in script_of(document, "check").splitlines() if each.startswith("delay="))
    draws = 400
    loop = f'longest=3; for i in $(seq {draws}); do {line}; echo "$delay"; done'
    drawn = subprocess.run([find(shell), "-c", loop], capture_output=True, text=True, timeout=120, check=True).stdout
    counted = Counter(drawn.split())
    assert set(counted) == {"0", "1", "2", "3"}
    assert counted.total() == draws
    # 100 are expected of each, with a standard deviation below 9: seven of them happen once in 10**11 runs.
    assert all(38 < count < 162 for count in counted.values()), counted


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("longest", [0, 3_600])
def test_the_delay_comes_before_the_check(document: dict[str, Any], tmp_path: Path, shell: str, longest: int) -> None:
    """A `sleep` that writes down how long it was asked to last, and which calls there were by then."""
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    sleep = shadow / "sleep"
    sleep.write_text(f'#!/bin/sh\necho "$1" $(cat {tmp_path}/calls 2>/dev/null | wc -l) >>{tmp_path}/slept\n', "utf-8")
    sleep.chmod(0o755)
    path = f"{shadow}{os.pathsep}{os.defpath}"
    ran = run(document, tmp_path, shell, program(tmp_path, "healthy"), path=path, RandomDelay=str(longest))
    seconds, calls_before = (tmp_path / "slept").read_text("utf-8").split()
    assert 0 <= int(seconds) <= longest
    assert (calls_before, len(ran.calls)) == ("0", 2)


# --- Templates -------------------------------------------------------------------------------------------------------


class Template(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions."""


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise ValueError(f"a function of a mapping is none of ours: {suffix}")
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Template.add_multi_constructor("!", _function)  # type: ignore[no-untyped-call]


def template(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=Template)  # noqa: S506 - derived from SafeLoader
    return found


NOTHING: Final = object()
"""AWS::NoValue."""


class Stack:
    """A template with its parameters and a place: what its resources are there.

    Source: AWS CloudFormation User Guide, Intrinsic function reference; Pseudo parameters reference.
    """

    def __init__(self, template: Mapping[str, Any], partition: str, **given: str) -> None:
        self._conditions = template["Conditions"]
        self._resources = template["Resources"]
        self._values: dict[str, Any] = {
            "AWS::Partition": partition,
            "AWS::Region": "eu-west-1",
            "AWS::NoValue": NOTHING,
            **{name: given.get(name, each["Default"]) for name, each in template["Parameters"].items()},
        }
        for name, each in template["Parameters"].items():
            if each["Type"] == "CommaDelimitedList":
                self._values[name] = self._values[name].split(",")

    def properties(self, resource: str) -> dict[str, Any] | None:
        """Those of a resource; None where its condition leaves it out."""
        found = self._resources[resource]
        if "Condition" in found and not self._holds(found["Condition"]):
            return None
        given: dict[str, Any] = self._resolved(found["Properties"])
        return given

    def _holds(self, name: str) -> bool:
        return bool(self._resolved(self._conditions[name]))

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self._resolved, value) if each is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, of)] = value.items()
            match name:
                case "Ref":
                    return self._values.get(of, of)
                case "Condition" if isinstance(of, str):
                    return self._holds(of)
                case "Fn::If":
                    return self._resolved(of[1] if self._holds(of[0]) else of[2])
                case "Fn::Equals":
                    return self._resolved(of[0]) == self._resolved(of[1])
                case "Fn::Not":
                    return not self._resolved(of[0])
                case "Fn::And":
                    return all(map(self._resolved, of))
                case "Fn::Or":
                    return any(map(self._resolved, of))
                case "Fn::Join":
                    return of[0].join(self._resolved(of[1]))
                case "Fn::Sub":
                    return re.sub(r"\$\{([^}]+)\}", lambda found: str(self._values[found[1]]), of)
        resolved = {key: self._resolved(each) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each is not NOTHING}


@pytest.mark.parametrize("name", [FLEET, POLICY])
def test_cfn_lint_finds_nothing(built: Path, name: str) -> None:
    every_region = cfnlint.config.ManualArgs(regions=["us-east-1", "cn-north-1", "us-gov-west-1"])
    found = cfnlint.api.lint_file(built / name, config=every_region)
    assert [str(each) for each in found] == []


def test_the_template_has_the_document_inside(built: Path, document: dict[str, Any]) -> None:
    assert template(built / FLEET)["Resources"]["Document"]["Properties"]["Content"] == document


def test_the_template_s_parameters_are_the_document_s(built: Path, document: dict[str, Any]) -> None:
    """Their default, list, pattern and length; the Region is the stack's, and reports go with their bucket."""
    parameters = template(built / FLEET)["Parameters"]
    assert set(document["parameters"]) - set(parameters) == {"Region", "Report"}
    for name in set(document["parameters"]) & set(parameters):
        ours, theirs = document["parameters"][name], parameters[name]
        assert theirs.get("AllowedPattern") == ours.get("allowedPattern"), name
        assert theirs.get("AllowedValues") == ours.get("allowedValues"), name
        assert theirs.get("MaxLength") == ours.get("maxChars"), name
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
    built: Path, document: dict[str, Any], given: dict[str, str]
) -> None:
    """By the SDK's model of the service, which refuses unknown keys, wrong types and texts out of bounds."""
    properties = Stack(template(built / FLEET), "aws", **given).properties("Association")
    assert properties is not None
    client = boto3.client("ssm", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
    with Stubber(client) as stubber:
        stubber.add_response("create_association", {}, {**properties, "Name": "backuplink-check"})
        client.create_association(**{**properties, "Name": "backuplink-check"})
    for name, [value] in properties["Parameters"].items():
        assert allows(document["parameters"][name], value), name
    for name in ("MaxConcurrency", "MaxErrors"):  # patterns that the SDK leaves to the service
        shape = client.meta.service_model.shape_for(name)
        assert re.search(shape.metadata["pattern"], properties[name]) is not None, name
    reported = "ReportsBucket" in given
    assert properties["Parameters"]["Report"] == (["json"] if reported else ["none"])
    assert ("OutputLocation" in properties) == reported


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An account of moto's own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield boto3.session.Session()


def test_a_document_is_made_and_a_command_sent(
    account: boto3.session.Session, built: Path, document: dict[str, Any]
) -> None:
    ssm = account.client("ssm")
    content = (built / DOCUMENT).read_text("utf-8")
    assert len(content.encode()) < 64 * 1024  # of a document, AWS General Reference, Systems Manager quotas
    made = ssm.create_document(Name="backuplink-check", DocumentType="Command", DocumentFormat="YAML", Content=content)[
        "DocumentDescription"
    ]
    assert {each["Name"] for each in made["Parameters"]} == set(document["parameters"])
    assert made["SchemaVersion"] == "2.2"
    sent = ssm.send_command(
        DocumentName="backuplink-check",
        Targets=[{"Key": "tag:backuplink", "Values": ["check"]}],
        Parameters={"RandomDelay": ["300"], "Report": ["json"]},
        OutputS3BucketName="reports",
        MaxErrors="100%",
    )["Command"]
    assert sent["Parameters"]["Report"] == ["json"]


@pytest.mark.filterwarnings("ignore:Tried to parse AWS..SSM..Association:UserWarning")
def test_the_stack_makes_the_document(account: boto3.session.Session, built: Path, document: dict[str, Any]) -> None:
    """moto knows documents and no associations: those the SDK's model has held above."""
    account.client("cloudformation").create_stack(StackName="fleet", TemplateBody=(built / FLEET).read_text("utf-8"))
    kept = account.client("ssm").get_document(Name="backuplink-check")
    assert json.loads(kept["Content"]) == document


# --- The instance policy ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("partition", [each.id for each in PARTITIONS])
@pytest.mark.parametrize(("resource", "part"), [("SignedCallsPolicy", "api"), ("ConfigurationPolicy", "ec2")])
def test_the_policy_is_what_the_command_lists(built: Path, partition: str, resource: str, part: str) -> None:
    listed = permissions(endpoints(partition=partition), region=None)
    [least] = [each.policy for each in listed.parts if each.part == part]
    properties = Stack(template(built / POLICY), partition).properties(resource)
    assert (None if properties is None else properties["PolicyDocument"]) == least


def test_parts_that_are_not_wanted_are_left_out(built: Path) -> None:
    stack = Stack(template(built / POLICY), "aws", SignedCalls="false", Configuration="false")
    assert [stack.properties(name) for name in ("SignedCallsPolicy", "ConfigurationPolicy", "ReportsPolicy")] == [
        None
    ] * 3


def test_reports_may_be_written_where_the_association_puts_them_and_nowhere_else(built: Path) -> None:
    given = {"ReportsBucket": "reports", "ReportsPrefix": "some/where"}
    policy = Stack(template(built / POLICY), "aws-cn", **given).properties("ReportsPolicy")
    association = Stack(template(built / FLEET), "aws-cn", **given).properties("Association")
    assert policy is not None
    assert association is not None
    place = association["OutputLocation"]["S3Location"]
    objects = f"arn:aws-cn:s3:::{place['OutputS3BucketName']}/{place['OutputS3KeyPrefix']}/*"
    assert [(each["Action"], each["Resource"]) for each in policy["PolicyDocument"]["Statement"]] == [
        (["s3:PutObject", "s3:PutObjectAcl"], objects),
        (["s3:GetEncryptionConfiguration"], "arn:aws-cn:s3:::reports"),
    ]


def test_a_stack_of_policies_is_made_and_attached(account: boto3.session.Session, built: Path) -> None:
    """As moto makes it of the template; it also shows that the reading of functions above is CloudFormation's."""
    iam = account.client("iam")
    iam.create_role(RoleName="instances", AssumeRolePolicyDocument="{}")
    given = {
        "Roles": "instances",
        "ReportsBucket": "reports",
        "ReportsKey": "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d",
    }
    account.client("cloudformation").create_stack(
        StackName="policy",
        TemplateBody=(built / POLICY).read_text("utf-8"),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    stack = Stack(template(built / POLICY), "aws", **given)
    expected = [stack.properties(name) for name in ("ConfigurationPolicy", "ReportsPolicy", "SignedCallsPolicy")]
    attached = iam.list_attached_role_policies(RoleName="instances")["AttachedPolicies"]
    made = []
    for each in sorted(attached, key=lambda each: each["PolicyName"]):
        version = iam.get_policy(PolicyArn=each["PolicyArn"])["Policy"]["DefaultVersionId"]
        made.append(iam.get_policy_version(PolicyArn=each["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"])
    assert made == [each and each["PolicyDocument"] for each in expected]


# --- The guide -------------------------------------------------------------------------------------------------------


def test_the_guide_s_commands_are_of_the_aws_cli() -> None:
    guide = (ROOT / "docs" / "fleet.md").read_text("utf-8")
    blocks = [block.split("```")[0] for block in guide.split("```sh\n")[1:]]
    commands = [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("aws ")]
    assert len(commands) > 5
    for command in commands:
        words = shlex.split(command, comments=True)
        assert words[1] == "s3" or complaint(words) is None, command


def test_the_guide_names_every_parameter(document: dict[str, Any]) -> None:
    guide = (ROOT / "docs" / "fleet.md").read_text("utf-8")
    assert [name for name in document["parameters"] if f"`{name}`" not in guide] == []
