"""The Systems Manager document, the association and the instance policy: the tests run linters on them, validate them
by schemas, and run their steps. The steps run as the SSM Agent runs them, according to its documentation and its
source: it inserts parameters into the text, and each step is a script in its own folder, below one folder for the
command.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
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
from agent.catalog.services import checkable
from agent.catalog.workloads import checked_for_caller
from agent.cli import main as cli
from agent.cli.to_settings import settings_from
from agent.fleet import events as fleet_events
from agent.fleet import inventory, suppressions
from agent.fleet.places import folder_of, is_taken, node_of
from agent.fleet.put import place_of
from agent.formats import text
from agent.report import put_events
from agent.report.host_record import MAX_BYTES
from agent.settings import DEFAULT_PUT_DEADLINE, DEFAULT_WATCH_CALLS, DEFAULT_WATCH_EC2, Calls, Ec2, Workload
from agent.version import __version__
from tests.agent.fleet import files
from tests.formats import host_record
from tests.packaging.artifacts import artifact_of, needed
from tests.packaging.run_command import REAL, Step, executable, in_scenario, program, run, script_of
from tests.support import extent, moto_server, scenarios
from tests.support.aws_commands import complaint
from tests.support.cloudformation import STACK_UUID, Stack, template
from tests.support.repository import ROOT
from tests.support.runs import report_of
from tests.support.validator import VALIDATOR

moto = moto_server.moto
moto_url = moto_server.moto_url
DOCUMENT: Final = "backuplink-check.yaml"
FLEET: Final = "backuplink-fleet.template.yaml"
JOIN: Final = "backuplink-join.template.yaml"
POLICY: Final = "backuplink-instance-policy.template.yaml"
RUNBOOK: Final = ("backuplink-runbook.yaml", "backuplink-runbook.template.yaml")
GUIDE: Final = ROOT / "docs" / "fleet.md"
REPORT: Final = "backuplink-report.json"
"""The file that one step writes to the command's folder for the next step."""
CONSOLE: Final = 2_500
"""The maximum number of bytes that Run Command returns for an invocation: its output and its errors together
(CommandPlugin, Output).
"""
AGENT_S_WORDS: Final = len("\n----------ERROR-------\n" + "failed to run commands: exit status 2")
"""The number of bytes that the agent adds to the output of a failed step."""
SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,=/_:-")
"""Characters that a shell never interprets, quoted or not, unless a word begins with a dash."""


# --- What is built ---------------------------------------------------------------------------------------------------


def build(folder: Path, umask: int = 0o022) -> dict[str, tuple[int, bytes]]:
    """Build into `folder`; returns the mode and the bytes of each file."""
    program = ROOT / "packaging" / "fleet" / "build"
    subprocess.run([str(program), str(folder)], check=True, timeout=60, umask=umask)
    return {path.name: (path.stat().st_mode & 0o777, path.read_bytes()) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files, built from the present sources."""
    folder = tmp_path_factory.mktemp("dist")
    build(folder)
    return folder


@pytest.fixture(scope="module")
def document(built: Path) -> dict[str, Any]:
    """The Command document for the fleet."""
    content: dict[str, Any] = yaml.safe_load((built / DOCUMENT).read_text("utf-8"))
    return content


@pytest.fixture
def session() -> Iterator[boto3.session.Session]:
    """A session whose calls moto answers."""
    from moto import mock_aws  # imported here, since all test processes import this module, and few need moto

    with mock_aws():
        yield boto3.session.Session(
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - for moto
            region_name="eu-west-1",
        )


def test_each_build_gives_the_same_files_and_nothing_else(tmp_path: Path) -> None:
    first, second = build(tmp_path / "first"), build(tmp_path / "second", umask=0o077)
    assert first == second
    assert set(first) == {DOCUMENT, FLEET, JOIN, POLICY, *RUNBOOK}
    assert {mode for mode, _ in first.values()} == {0o644}
    assert {content.partition(b"\n")[0].decode() for _, content in first.values()} == {f"# backuplink {__version__}"}


@pytest.mark.parametrize("name", [DOCUMENT, FLEET, JOIN, POLICY])
def test_what_dist_holds_is_what_the_sources_give(built: Path, name: str) -> None:
    assert artifact_of(name, "fleet").read_bytes() == (built / name).read_bytes()


# --- The document's form ---------------------------------------------------------------------------------------------


def test_the_document_has_the_form_of_its_schema(document: dict[str, Any]) -> None:
    form = json.loads((Path(__file__).parent / "ssm_command_document.schema.json").read_text("utf-8"))
    jsonschema_rs.meta.validate(form)
    jsonschema_rs.Draft202012Validator(form, validate_formats=True).validate(document)


def test_the_service_takes_the_document(built: Path, document: dict[str, Any], session: boto3.session.Session) -> None:
    """Here, moto reads the document. It is not as strict as the service."""
    content = (built / DOCUMENT).read_text("utf-8")
    assert len(content.encode()) < 64 * 1024  # the limit of a document (AWS General Reference, Systems Manager quotas)
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
        assert ("default" not in parameter) is (name == "Workload"), name  # the user must choose the workload
        assert "default" not in parameter or allows(parameter, parameter["default"]), name


def test_patterns_use_what_re2_and_java_have_in_common(document: dict[str, Any]) -> None:
    for name, parameter in document["parameters"].items():
        pattern = parameter.get("allowedPattern", "^$")
        assert (pattern[0], pattern[-1]) == ("^", "$"), name
        # The pattern has no look-around, no flags, no back-reference, and no class whose meaning depends on flags.
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
    assert int(document["mainSteps"][1]["inputs"]["timeoutSeconds"]) >= DEFAULT_PUT_DEADLINE + 60


@pytest.mark.parametrize("step", ["check", "host", "report"])
@pytest.mark.parametrize("linter", ["dash -n", "bash -n", "shellcheck --shell=sh"])
def test_linters_of_shells_find_nothing(document: dict[str, Any], tmp_path: Path, linter: str, step: str) -> None:
    script = tmp_path / "script.sh"
    script.write_text(script_of(document, step), "utf-8")
    words = shlex.split(linter)
    ended = subprocess.run([needed(words[0]), *words[1:], str(script)], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


# --- What a parameter can hold ---------------------------------------------------------------------------------------


def allows(parameter: Mapping[str, Any], value: str) -> bool:
    """Whether Systems Manager accepts the value under the most lenient reading of the pattern."""
    if "allowedValues" in parameter:
        return value in parameter["allowedValues"]
    return re.search(parameter["allowedPattern"], value) is not None and len(value) <= parameter.get("maxChars", 4_096)


KMS_KEY: Final = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-4e5f-6789-0a1b-2c3d4e5f6789"
GOOD: Final = {
    "Command": (
        "/usr/bin/backuplink",
        "/usr/local/bin/backuplink",
        "/opt/backuplink",
        "/opt/tools/backuplink-1.0.0-linux-x86_64.run",
        "/opt/backuplink-1.2.3-linux-aarch64.run",
    ),
    "Region": ("", *REGIONS),
    "Workload": ("none", *Workload, "auto,hana", "caller,ssm", "hana:backup,hana:s3"),
    "Services": ("", *checkable(), "backup,backup-gateway", ",".join(checkable())),
    "Endpoints": (
        "",
        "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com",
        "backup=vpce-0a1b2c3d4e5f67890,backup-gateway=vpce-0a1b2c3d4e5f67891",
    ),
    "Timeout": ("1", "3", "60"),
    "Deadline": ("1", "20", "300"),
    "RandomDelay": ("0", "300", "3600"),
    "RecordsBucket": ("", "records", "my.records-1"),
    "RecordsPrefix": ("backuplink-fleet", "a/b_c/d.e", "0"),
    "RecordsKey": ("", KMS_KEY, "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-0a1b2c3d"),
    "RecordsAccount": ("", "111122223333"),
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
    "Workload": ("", "auto,", "vss", "AUTO", "auto;", "auto hana", "none,hana", "hana:", "hana:vss"),
    "Services": ("backup;", "backup-", "backup,", ",backup", "backup backup-gateway", "Backup"),
    "Endpoints": (",", "a,", "-a", "a,-b", "https://a", "a b"),
    "Timeout": ("0", "61", "-1", "1.5", "1e1", ""),
    "Deadline": ("0", "301", "-1", "1e2", ""),
    "RandomDelay": ("3601", "-1", "00", "0x10", "1e3", ""),
    "RecordsBucket": ("ab", "-records", "Records", "records/x", "s3://records", "a b"),
    "RecordsPrefix": ("", "/a", "a/", "a//b", "-a", "a/-b", "a/../b", "a b", "a=b"),
    "RecordsKey": ("alias/records", "arn:aws:kms:eu-west-1:1234:key/x", "x"),
    "RecordsAccount": ("1", "11112222333", "1111222233334", "1111-2222-3333", "-11112222333"),
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
        for hostile in (injection, parameter.get("default", "hana:s3") + injection):
            assert not allows(parameter, hostile), (name, hostile)


# --- The steps as they run -------------------------------------------------------------------------------------------


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
    """The step prints the short text, then the complete report, and ends with the exit code of the verdict."""
    ran = run(document, tmp_path, in_scenario(tmp_path, scenario), shell=shell, Report="json")

    expected = report_of(scenario)
    assert ran.check.code == code
    # `demo` writes this prefix before its output.
    assert ran.check.stderr == f"Simulated VPC, scenario {scenario}: {scenarios.load(scenario).summary}.\n"
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
    chosen = extent.one_in(6, scenarios.names())
    sizes = {name: len(text.brief(report_of(name)).encode()) + AGENT_S_WORDS for name in chosen}
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


# --- Its record in a bucket ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "owner"), [("", ""), (KMS_KEY, ""), ("", "444455556666"), (KMS_KEY, "444455556666")])
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_record_goes_to_the_bucket_that_is_named(
    document: dict[str, Any], tmp_path: Path, shell: str, key: str, owner: str
) -> None:
    """The record is printed even if it was written to a bucket. Nothing else is printed."""
    ran = run(
        document,
        tmp_path,
        program(tmp_path, '[ "$1" = fleet ] && echo s3://records/somewhere || echo "{}"'),
        shell=shell,
        RecordsBucket="records",
        RecordsPrefix="a/b",
        RecordsKey=key,
        RecordsAccount=owner,
    )
    (put,) = (call for call in ran.calls if call[0] == "fleet")
    report = put[-2]
    named = [*([f"--kms-key={key}"] if key else []), *([f"--bucket-owner={owner}"] if owner else [])]
    assert put == ["fleet", "put", *named, report, "s3://records/a/b"]
    assert report.endswith(REPORT)
    assert ran.host == Step(code=0, stdout="{}\n", stderr="")
    with cli.main.commands["fleet put"].make_context(
        "fleet put", put[2:], parent=manual.context_of(cli.main)
    ) as context:
        assert context.params["kms_key"] == (key or None)
        assert context.params["bucket_owner"] == (owner or None)
        assert context.params["destination"] == "s3://records/a/b"
        assert context.params["deadline"] == DEFAULT_PUT_DEADLINE


def test_without_a_bucket_nothing_is_put(document: dict[str, Any], tmp_path: Path) -> None:
    ran = run(document, tmp_path, program(tmp_path, 'echo "{}"'), RecordsKey=KMS_KEY)
    assert [call[0] for call in ran.calls] == ["check", "diagnose", "diagnose"]
    assert ran.host.code == 0


@pytest.mark.parametrize("ended", [1, 3, 137, 194], ids=str)
def test_a_record_that_does_not_get_there_changes_nothing_and_is_told(
    document: dict[str, Any], tmp_path: Path, ended: int
) -> None:
    """The exit code is never 194, which the agent would treat as a request to reboot the host."""
    failing = f'[ "$1" != fleet ] || {{ echo "Error: no way" >&2; exit {ended}; }}; echo "{{}}"; exit 0'
    ran = run(document, tmp_path, program(tmp_path, failing), RecordsBucket="records", Report="json")
    assert (ran.check.code, ran.report.code) == (0, 0)
    assert (ran.host.code, ran.host.stdout) == (0, "{}\n")
    said = ran.host.stderr.splitlines()
    assert said[0] == "Error: no way"
    assert said[1].startswith("backuplink: the record is not in the bucket records, as the line above says.")
    assert len(ran.host.stderr.encode()) + AGENT_S_WORDS + MAX_BYTES <= CONSOLE
    assert ran.left == []


def test_without_a_report_nothing_is_put(document: dict[str, Any], tmp_path: Path) -> None:
    ran = run(document, tmp_path, program(tmp_path, "exit 3"), RecordsBucket="records")
    assert ran.host.code == 3
    assert [call[0] for call in ran.calls] == ["check", "diagnose"]


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
    """The values of parameters are texts that their patterns allow. `$` may also match before a final newline, as in
    Python and Java. Each text must reach the program unchanged, as one argument, and must start nothing else.
    """
    folder = tmp_path_factory.mktemp("taken")
    taken = {
        name: data.draw(st.from_regex(document["parameters"][name]["allowedPattern"]), label=name) for name in GOOD
    }
    assert set("".join(value.removesuffix("\n") for value in taken.values())) <= SAFE
    assert [value for value in taken.values() if value.startswith("-")] == []
    region = taken["Region"].removesuffix("\n")
    assert region == "" or is_region(region)

    started = executable(folder / "commands" / "sleep", f"#!/bin/sh\necho sleep >>{folder}/started\n").parent
    del taken["Command"]  # this test must not write into the folders on a PATH
    ran = run(document, folder, program(folder, ""), path=f"{started}{os.pathsep}{os.defpath}", **taken)
    assert ran.calls[0] == [
        "check",
        "--format=json",
        "--calls=one",
        "--ec2=never",
        f"--timeout={taken['Timeout']}",
        f"--deadline={taken['Deadline']}",
        "--fail-on=warning",
        *([f"--region={taken['Region']}"] if taken["Region"] else []),
        *(
            f"--{option}={word}"
            for option, name in (("workload", "Workload"), ("service", "Services"), ("endpoint", "Endpoints"))
            for word in taken[name].split(",")
            if word and taken[name] != "none"
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
    """If a value is harmless but invalid, the real command refuses it, and the report contains the complete refusal."""
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
    assert (f"ended with {ended}, which is not an exit code of backuplink" in ran.check.stderr) == (code == 3)
    assert ran.left == []


def test_a_program_that_writes_no_report_is_never_ok(document: dict[str, Any], tmp_path: Path) -> None:
    ran = run(document, tmp_path, program(tmp_path, f'[ "$1" != check ] || exit 0\n{REAL}'), Report="json")
    assert ran.check.code == 3
    assert "is empty" in ran.check.stderr
    assert (ran.report.code, ran.report.stdout) == (3, "")
    assert "no report to print" in ran.report.stderr
    assert ran.left == []


def test_a_folder_that_takes_no_report(document: dict[str, Any], tmp_path: Path) -> None:
    # Root can write everywhere, so only a full disk makes writing fail.
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
    """Run the script's line for the delay many times. Each of the four delays must occur about as often as the
    others.
    """
    [line] = (line for line in script_of(document, "check").splitlines() if line.startswith("delay="))
    loop = f'longest=3; for i in $(seq 400); do {line}; echo "$delay"; done'
    drawn = subprocess.run([needed(shell), "-c", loop], capture_output=True, text=True, timeout=120, check=True).stdout
    counted = Counter(drawn.split())
    assert counted.total() == 400
    assert set(counted) == {"0", "1", "2", "3"}
    # Each delay is expected 100 times, with a standard deviation below 9. A difference of seven standard deviations
    # occurs once in 10**11 runs.
    assert all(38 < count < 162 for count in counted.values()), counted


@pytest.mark.parametrize("longest", [0, 3_600])
def test_the_delay_comes_before_the_check(document: dict[str, Any], tmp_path: Path, longest: int) -> None:
    """A substitute for `sleep` records its argument, and whether the program was already called."""
    sleep = f'#!/bin/sh\n[ ! -e {tmp_path}/calls ] || echo late\necho "$1" >{tmp_path}/slept\n'
    path = f"{executable(tmp_path / 'commands' / 'sleep', sleep).parent}{os.pathsep}{os.defpath}"
    ran = run(document, tmp_path, program(tmp_path, ""), path=path, RandomDelay=str(longest))
    assert 0 <= int((tmp_path / "slept").read_text("utf-8")) <= longest
    assert ran.check.stdout == ""
    assert [call[0] for call in ran.calls] == ["check", "diagnose"]


# --- Templates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [FLEET, JOIN, POLICY])
def test_cfn_lint_finds_nothing(built: Path, name: str) -> None:
    import cfnlint.api  # imported here, since all test processes import this module, and few need it
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
    """The template's parameters have the same defaults, lists, patterns and lengths as the document's. Its Region is
    the stack's, and reports require a bucket.
    """
    parameters = template(built / FLEET)["Parameters"]
    assert set(document["parameters"]) - set(parameters) == {"Region", "Report"}
    for name in set(document["parameters"]) & set(parameters):
        ours, theirs = document["parameters"][name], parameters[name]
        for key in ("allowedPattern", "allowedValues", "maxChars"):
            assert theirs.get(THEIR_WORDS[key]) == ours.get(key), (name, key)
        if name != "RandomDelay":  # only an association runs everywhere at once
            assert theirs.get("Default") == ours.get("default"), name


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="as it comes"),
        pytest.param(
            {
                "ReportsBucket": "reports",
                "Services": "backup",
                "Endpoints": "backup=vpce-0a1b2c3d4e5f67890",
                "RecordsBucket": "records",
                "RecordsKey": KMS_KEY,
                "RecordsAccount": "444455556666",
                "MaxConcurrency": "50",
                "ScheduleExpression": "cron(0 3 ? * * *)",
                "OnlyAtCron": "true",
                "ComplianceSeverity": "HIGH",
            },
            id="everything given",
        ),
    ],
)
def test_the_association_is_one_that_the_service_takes(
    built: Path, document: dict[str, Any], session: boto3.session.Session, given: dict[str, str]
) -> None:
    """The SDK's model of the service refuses unknown keys, wrong types and texts out of bounds."""
    asked = Stack(template(built / FLEET), Workload="hana:backup", **given).properties("Association")
    assert asked is not None
    client = session.client("ssm")
    with Stubber(client) as stubber:
        stubber.add_response("create_association", {}, asked)
        client.create_association(**asked)
    assert asked["Name"] == "Document"
    for name, [value] in asked["Parameters"].items():
        assert allows(document["parameters"][name], value), name
    for name in ("MaxConcurrency", "MaxErrors"):  # the SDK does not check their patterns
        shape = client.meta.service_model.shape_for(name)
        assert re.search(shape.metadata["pattern"], asked[name]) is not None, name
    reported = "ReportsBucket" in given
    assert asked["Parameters"]["Report"] == (["json"] if reported else ["none"])
    assert ("RecordsBucket" in asked["Parameters"]) == ("RecordsBucket" in given)
    assert asked["Parameters"].get("RecordsAccount") == (["444455556666"] if "RecordsAccount" in given else None)
    assert ("OutputLocation" in asked) == reported
    # AWS refuses this key, whatever its value is, if there is a rate.
    assert asked.get("ApplyOnlyAtCronInterval") == (True if given else None)
    assert asked["ComplianceSeverity"] == given.get("ComplianceSeverity", "MEDIUM")


# --- The instance policy ---------------------------------------------------------------------------------------------

POLICIES: Final = ("SignedCallsPolicy", "ConfigurationPolicy", "ReportsPolicy", "RecordsPolicy")


@pytest.mark.parametrize("partition", [partition.id for partition in PARTITIONS])
@pytest.mark.parametrize(("resource", "part"), [("SignedCallsPolicy", "api"), ("ConfigurationPolicy", "ec2")])
def test_the_policy_is_what_the_command_lists(built: Path, partition: str, resource: str, part: str) -> None:
    listed = permissions(endpoints(partition=partition, services=checked_for_caller()), region=None)
    [least] = [entry.policy for entry in listed.parts if entry.part == part]
    policy = Stack(template(built / POLICY), partition).properties(resource)
    assert (policy and policy["PolicyDocument"]) == least


def test_parts_that_are_not_wanted_are_left_out(built: Path) -> None:
    stack = Stack(template(built / POLICY), SignedCalls="false", Configuration="false")
    assert [stack.properties(policy) for policy in POLICIES] == [None] * 4


@pytest.mark.parametrize("key", ["", "arn:aws-cn:kms:cn-north-1:123456789012:key/0a1b2c3d"])
def test_reports_may_be_written_where_the_association_puts_them_and_nowhere_else(built: Path, key: str) -> None:
    given = {"ReportsBucket": "reports", "ReportsPrefix": "some/where"}
    policy = Stack(template(built / POLICY), "aws-cn", ReportsKey=key, **given).properties("ReportsPolicy")
    association = Stack(template(built / FLEET), "aws-cn", Workload="caller", **given).properties("Association")
    assert policy is not None
    assert association is not None
    place = association["OutputLocation"]["S3Location"]
    objects = f"arn:aws-cn:s3:::{place['OutputS3BucketName']}/{place['OutputS3KeyPrefix']}"
    allowed = [
        (statement["Effect"], statement["Action"], statement["Resource"])
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert allowed == [
        ("Allow", ["s3:PutObject", "s3:PutObjectAcl"], [f"{objects}/*/stdout", f"{objects}/*/stderr"]),
        ("Allow", ["s3:GetEncryptionConfiguration"], "arn:aws-cn:s3:::reports"),
        *([("Allow", ["kms:Decrypt", "kms:GenerateDataKey"], key)] if key else []),
    ]


COMMAND_ID: Final = "0a1b2c3d-0000-4000-8000-00000000000a"
NODE: Final = "i-0a1b2c3d4e5f67890"


@pytest.mark.parametrize(
    ("key", "is_allowed", "counts"),
    [
        *((f"{folder}/awsrunShellScript/{step}/{stream}", True, step != "check" and stream == "stdout")
          for folder in (f"{COMMAND_ID}/{NODE}", f"{NODE}/{COMMAND_ID}/2026-11-30T03-00-00.123Z")
          for step in ("check", "host", "report") for stream in ("stdout", "stderr")),
        ("everyone.json", False, True),
        ("everyone.ndjson.gz", False, True),
        (f"{COMMAND_ID}/{NODE}/awsrunShellScript/host/everyone.json", False, True),
        (f"{COMMAND_ID}/{NODE}/awsrunShellScript/host/stdout.gz", False, True),
        ("everyone/stdout", True, False),
    ],
)  # fmt: skip
def test_a_host_writes_no_record_into_the_bucket_but_as_a_node(
    built: Path, key: str, is_allowed: bool, counts: bool
) -> None:
    """Every key that the policy lets a host write, and that `fleet` reads, is below the id of a node."""
    given = {"ReportsBucket": "reports", "ReportsPrefix": "some/where"}
    policy = Stack(template(built / POLICY), **given).properties("ReportsPolicy")
    assert policy is not None
    resources = policy["PolicyDocument"]["Statement"][0]["Resource"]
    name = f"some/where/{key}"
    assert any(fnmatchcase(f"arn:aws:s3:::reports/{name}", resource) for resource in resources) is is_allowed
    assert is_taken(name) is counts
    if is_allowed and counts:
        assert (folder_of(name), node_of(name)) == (None, NODE)


def buckets_of(document: Any) -> Iterator[dict[str, Any]]:
    """The statements that allow actions of S3, from the policies of roles."""
    for statement in document["Statement"]:
        if any(action.startswith("s3:") for action in statement["Action"]):
            yield statement


@pytest.mark.parametrize("owner", ["", "444455556666"])
def test_every_policy_names_the_account_of_its_bucket(built: Path, owner: str) -> None:
    """If a bucket is deleted, another account can create a bucket with its name. That account would then receive what
    hosts write.
    """
    given = {"ReportsBucket": "reports", "RecordsBucket": "records", "RecordsAccount": owner, "ReportsAccount": owner}
    stack = Stack(template(built / POLICY), **given)
    policies = [stack.properties(policy) or {} for policy in POLICIES]
    task = join_stack(built, RecordsBucket="records", RecordsAccount=owner).properties("TaskRole") or {}
    policies += task["Policies"]
    statements = [statement for policy in policies for statement in buckets_of(policy["PolicyDocument"])]
    assert len(statements) == 6
    account = owner or "111122223333"
    assert [statement["Condition"] for statement in statements] == [
        {"StringEquals": {"s3:ResourceAccount": account}}
    ] * 6
    association = Stack(
        template(built / FLEET), Workload="caller", RecordsBucket="records", RecordsAccount=owner
    ).properties("Association")
    assert (association or {})["Parameters"]["RecordsAccount"] == [account]


@pytest.mark.parametrize("key", ["", KMS_KEY])
def test_a_record_may_be_put_below_the_own_account_and_nowhere_else(built: Path, key: str) -> None:
    given = {"RecordsBucket": "records", "RecordsPrefix": "some/where", "RecordsKey": key}
    policy = Stack(template(built / POLICY), **given).properties("RecordsPolicy")
    association = Stack(template(built / FLEET), Workload="hana:backup", **given).properties("Association")
    assert policy is not None
    assert association is not None
    (bucket,), (prefix,) = (association["Parameters"][name] for name in ("RecordsBucket", "RecordsPrefix"))
    record = files.record(1, account="111122223333", region="eu-west-1")
    put = place_of(record, f"s3://{bucket}/{prefix}").removeprefix("s3://")
    others = place_of({**record, "account": "444455556666"}, f"s3://{bucket}/{prefix}").removeprefix("s3://")
    first, *rest = policy["PolicyDocument"]["Statement"]
    allowed = first["Resource"].removeprefix("arn:aws:s3:::")
    assert (first["Effect"], first["Action"]) == ("Allow", ["s3:PutObject"])
    listed = permissions(endpoints(partition="aws", services=checked_for_caller()), region=None)
    (least,) = ((part.policy or {})["Statement"] for part in listed.parts if part.part == "record")
    assert fnmatchcase(first["Resource"], least[0]["Resource"])
    assert first["Action"] == least[0]["Action"]
    assert first["Condition"].keys() == least[0]["Condition"].keys() == {"StringEquals"}
    assert fnmatchcase(put, allowed)
    assert not fnmatchcase(others, allowed)
    assert not fnmatchcase("records/some/where/join/suppressions.csv", allowed), "no host suppresses what it has"
    assert rest == ([{"Effect": "Allow", "Action": ["kms:GenerateDataKey"], "Resource": key}] if key else [])


@pytest.mark.parametrize(("roles", "attached"), [("", None), ("one", ["one"]), ("one,two", ["one", "two"])])
def test_policies_go_to_the_roles_that_are_named(built: Path, roles: str, attached: list[str] | None) -> None:
    stack = Stack(template(built / POLICY), Roles=roles, ReportsBucket="reports", RecordsBucket="records")
    policies = [stack.properties(policy) or {} for policy in POLICIES]
    assert all(policies)
    assert [policy.get("Roles") for policy in policies] == [attached] * 4


# --- The scheduled join ----------------------------------------------------------------------------------------------

TASK: Final = {"Image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/backuplink:1", "Subnets": "subnet-1,subnet-2"}
AWS: Final = """#!/bin/sh
printf '%s\\0' "$@" >>{folder}/aws
printf '\\0' >>{folder}/aws
[ "$1" != events ] || cat >>{folder}/events
{then}
"""
"""A substitute for `aws` that records its arguments, and the requests with events."""
WRITES: Final = """
previous=
for word; do
    [ "$previous" != --output ] || echo '{"Entries": []}' >"$word"
    previous=$word
done
"""
"""The last lines of a substitute for `backuplink` that writes its document."""


def join_stack(built: Path, **given: str) -> Stack:
    return Stack(template(built / JOIN), **TASK, SecurityGroups="sg-1", **given)


def container(built: Path, **given: str) -> dict[str, Any]:
    """The container of the task."""
    task = join_stack(built, **given).properties("Task")
    assert task is not None
    (only,) = task["ContainerDefinitions"]
    return dict(only)


def join(built: Path, folder: Path, backuplink: str, aws: str, **given: str) -> Step:
    """Run the command of the container with substitutes for `backuplink` and `aws`."""
    made = container(built, RecordsBucket="records", RecordsPrefix="a/b", **given)
    executable(folder / "bin" / "backuplink", program(folder, backuplink).read_text("utf-8"))
    executable(folder / "bin" / "aws", AWS.format(folder=folder, then=aws))
    shell, option = made["EntryPoint"]
    ended = subprocess.run(
        [needed(Path(shell).name), option, *made["Command"]],
        env={
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.defpath}",
            "TMPDIR": str(folder),
            **{entry["Name"]: str(entry["Value"]) for entry in made["Environment"]},
            **{name: value for name, value in os.environ.items() if name.startswith("AWS_") and name != "AWS_REGION"},
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Step(code=ended.returncode, stdout=ended.stdout, stderr=ended.stderr)


def heard(built: Path, ran: Step) -> list[str]:
    """The lines in a task's log that the alarm counts as a join. CloudWatch Logs reads each line separately. Source:
    Amazon CloudWatch Logs User Guide, "Filter pattern syntax for metric filters", JSON log events.
    """
    joined = join_stack(built).properties("Joined")
    assert joined is not None
    wanted = dict(re.findall(r'\(\$\.(\w+) = "([^"*]+)"\)', joined["FilterPattern"]))
    terms = " && ".join(f'($.{name} = "{value}")' for name, value in wanted.items())
    assert joined["FilterPattern"] == f"{{ {terms} }}"
    found = []
    for line in (ran.stdout + ran.stderr).splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and all(event.get(name) == value for name, value in wanted.items()):
            found.append(line)
    return found


def calls_in(file: Path) -> list[list[str]]:
    return [call.split("\0") for call in file.read_text("utf-8").split("\0\0")[:-1]] if file.exists() else []


@pytest.mark.parametrize("linter", ["dash -n", "bash -n", "shellcheck --shell=sh"])
def test_linters_of_shells_find_nothing_in_what_the_task_runs(built: Path, tmp_path: Path, linter: str) -> None:
    script = tmp_path / "script.sh"
    script.write_text("#!/bin/sh\n" + "\n".join(container(built)["Command"]), "utf-8")
    words = shlex.split(linter)
    ended = subprocess.run([needed(words[0]), *words[1:], str(script)], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


FACTS: Final = "facts --region eu-west-1 --output join/facts/of-the-task-eu-west-1.json"
FORMATS: Final = ("parquet", "text", "html", "json", "eventbridge")


def test_the_task_packs_then_joins_the_day_before_and_says_that_it_did(built: Path, tmp_path: Path) -> None:
    ran = join(built, tmp_path, WRITES, "[ $1 != events ] || echo 0")
    assert (ran.code, ran.stderr) == (0, "")
    assert heard(built, ran) == [ran.stdout.removesuffix("\n")]
    pack, facts, joined, *again = calls_in(tmp_path / "calls")
    place = "s3://records/a/b"
    assert pack == ["fleet", "pack", "--since", "3d", f"{place}/host.v1/", place]
    assert facts == FACTS.split()
    assert joined[-1] == f"{place}/host.v1.parquet/"
    assert {call[-1] for call in again} == {"answers.parquet"}, "one join, of which the other formats tell"
    formats = []
    for call in (pack, facts, joined, *again):
        name = "fleet pack" if call is pack else call[0]
        command = cli.main.commands[name]
        with command.make_context(name, call[len(name.split()) :], parent=manual.context_of(cli.main)) as context:
            formats.append(context.params.get("format"))
    assert formats == [None, None, *FORMATS]
    day = joined[joined.index("--sweep") + 1]
    assert day in {f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%d}" for ago in (1, 2)}  # midnight may pass
    assert joined[joined.index("--least") + 1] == "5"
    assert joined[joined.index("--ec2-facts") + 1] == "join/facts"
    taken, *uploads = (call for call in calls_in(tmp_path / "aws") if call[0] == "s3")
    assert taken[-2:] == [f"{place}/join/", "join"]
    assert [call[-1] for call in uploads] == [
        f"{place}/fleet/answers/dt={day}/answers.parquet",
        f"{place}/fleet/fleet.txt",
        f"{place}/fleet/fleet.html",
        f"{place}/fleet/fleet.json",
    ]
    assert [complaint(["aws", *call]) for call in calls_in(tmp_path / "aws")] == [None] * 6
    assert (tmp_path / "events").read_text("utf-8") == '{"Entries": []}'


GIVES: Final = """
case "$*" in *--recursive*)
    echo InstanceId,Owner >join/inventory.csv
    echo suppress,owner,reason,end >join/suppressions.csv
    echo {} >join/facts/another.json
    ;;
esac
[ "$1" != events ] || echo 0"""
"""A substitute for `aws`. It downloads every optional file that operators can put into the bucket for the join."""


def test_what_lies_in_the_bucket_for_the_join_is_used(built: Path, tmp_path: Path) -> None:
    ran = join(built, tmp_path, WRITES, GIVES, Least="9", Facts="false")
    assert ran.code == 0, ran.stderr
    _, joined, *again = calls_in(tmp_path / "calls")
    given = dict(zip(joined[1:-1:2], joined[2:-1:2], strict=True))
    assert given | {"--sweep": ""} == {
        "--since": "14d",
        "--sweep": "",
        "--least": "9",
        "--fail-on": "never",
        "--inventory": "join/inventory.csv",
        "--suppressions": "join/suppressions.csv",
        "--ec2-facts": "join/facts",
        "--format": "parquet",
        "--output": "answers.parquet",
    }
    assert len(again) == 4


def test_the_facts_of_other_regions_and_accounts_are_read(built: Path, tmp_path: Path) -> None:
    roles = [f"arn:aws:iam::{number}:role/facts" for number in ("444455556666", "777788889999")]
    regions = ["eu-west-1", "eu-central-1"]
    ran = join(built, tmp_path, WRITES, GIVES, FactsRegions=",".join(regions), FactsRoles=",".join(roles))
    assert ran.code == 0, ran.stderr
    by_role = ["--role-arn", roles[0], "--role-arn", roles[1]]
    assert [call for call in calls_in(tmp_path / "calls") if call[0] == "facts"] == [
        ["facts", "--region", region, "--output", f"join/facts/{file}-{region}.json", *more]
        for file, more in (("of-the-task", []), ("of-roles", by_role))
        for region in regions
    ]
    role = join_stack(built, FactsRoles=",".join(roles)).properties("TaskRole")
    assert role is not None
    (assume,) = (policy for policy in role["Policies"] if policy["PolicyName"] == "roles")
    assert assume["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": roles}
    ]


@pytest.mark.parametrize(("status", "code"), [(1, 0), (3, 3)])
def test_facts_that_lack_a_part_serve_and_none_at_all_are_a_failure(
    built: Path, tmp_path: Path, status: int, code: int
) -> None:
    """If facts are incomplete or missing, the fleet is joined without them."""
    ran = join(built, tmp_path, f'[ "$1" != facts ] || exit {status}{WRITES}', "[ $1 != events ] || echo 0")
    assert ran.code == code
    joined = next(call for call in calls_in(tmp_path / "calls") if "parquet" in call)
    assert "--ec2-facts" not in joined
    assert bool(heard(built, ran)) is (code == 0)


def test_a_join_that_fails_writes_nothing(built: Path, tmp_path: Path) -> None:
    ran = join(built, tmp_path, f'case "$*" in *parquet/*) exit 3 ;; esac{WRITES}', "[ $1 != events ] || echo 0")
    assert (ran.code, heard(built, ran)) == (3, [])
    assert [call[-1] for call in calls_in(tmp_path / "aws")] == ["join"]


def test_events_are_sent_where_that_is_wanted(built: Path, tmp_path: Path) -> None:
    ran = join(built, tmp_path, WRITES, "", Events="false")
    assert ran.code == 0
    assert not (tmp_path / "events").exists()
    assert len(calls_in(tmp_path / "calls")) == 6


@pytest.mark.parametrize(
    ("backuplink", "aws", "told"),
    [
        pytest.param(f'[ "$2" != pack ] || exit 3{WRITES}', "[ $1 != events ] || echo 0", "", id="packing fails"),
        pytest.param(
            f'[ "$5" != html ] || exit 3{WRITES}', "[ $1 != events ] || echo 0", "", id="writing a page fails"
        ),
        pytest.param(WRITES, "[ $1 = events ] && echo 0", "", id="an upload fails"),
        pytest.param(WRITES, "[ $1 != events ] || echo 2", "did not take 2 of these events", id="entries fail"),
        pytest.param(WRITES, "[ $1 != events ]", "did not take all of these events", id="no event is taken"),
    ],
)
def test_what_fails_is_no_success_and_stops_nothing(
    built: Path, tmp_path: Path, backuplink: str, aws: str, told: str
) -> None:
    ran = join(built, tmp_path, backuplink, aws)
    assert ran.code != 0
    assert heard(built, ran) == []
    assert told in ran.stderr
    assert len(calls_in(tmp_path / "calls")) == 7


FORGED: Final = f'{{"backuplink":"joined","x":"{"a" * 42}"}}'
"""A host's name that is a forged log line. It is so long that the text of the fleet shows it on a separate line."""


def test_no_host_can_say_that_the_fleet_was_joined(built: Path, tmp_path: Path) -> None:
    """The program itself writes the text of a fleet in which some hosts have a forged log line as their name."""
    day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    lake = tmp_path / "lake"
    folder = lake / "host.v1" / "account=111122223333" / "region=eu-west-1" / f"dt={day}"
    folder.mkdir(parents=True)
    known = {"account": "111122223333", "region": "eu-west-1", "taken_at": f"{day}T12:00:00.000Z"}
    records = [files.record(number, files.SICK, **known, title=FORGED, summary=FORGED) for number in range(2)]
    records.append(files.record(2, files.SICK, **{**known, "host": FORGED}))
    (folder / "records.json").write_text(files.lines(*records), "utf-8")
    says = f"""case "$*" in
"fleet pack "*) ;;
*)
    for word; do
        shift
        case $word in s3:*) word={shlex.quote(str(lake))} ;; esac
        set -- "$@" "$word"
    done
    {REAL}
    ;;
esac
printf '%s\\n' '{FORGED}' '{{"backuplink": "joined", "stack": "*"}}' | tee /dev/stderr
"""
    ran = join(built, tmp_path, says, "[ $1 != events ] || echo 0", Facts="false")
    assert ran.code == 0, ran.stderr
    assert heard(built, ran) == ran.stdout.splitlines()[-1:]
    assert STACK_UUID in ran.stdout.splitlines()[-1]
    (text,) = tmp_path.glob("*/fleet.txt")
    assert FORGED in map(str.strip, text.read_text("utf-8").splitlines())
    failing = join(built, tmp_path, f'[ "$2" != pack ] || exit 3\n{says}', "", Facts="false")
    assert failing.code != 0
    assert heard(built, failing) == []


def test_the_alarm_waits_for_what_the_task_says(built: Path) -> None:
    stack = join_stack(built)
    joined, alarm = stack.properties("Joined"), stack.properties("Alarm")
    assert joined is not None
    assert alarm is not None
    (metric,) = joined["MetricTransformations"]
    assert (metric["MetricNamespace"], metric["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
    assert (alarm["TreatMissingData"], alarm["Period"], alarm["EvaluationPeriods"]) == ("breaching", 3_600, 26)
    assert "AlarmActions" not in alarm
    assert joined["LogGroupName"] == container(built)["LogConfiguration"]["Options"]["awslogs-group"]


@pytest.mark.parametrize("key", ["", KMS_KEY])
def test_the_task_may_read_the_records_and_write_what_it_makes(built: Path, key: str) -> None:
    stack = join_stack(
        built, RecordsBucket="records", RecordsPrefix="a/b", RecordsKey=key, Events="false", Facts="false"
    )
    role = stack.properties("TaskRole")
    assert role is not None
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    allowed = {action: statement["Resource"] for statement in statements for action in statement["Action"]}
    objects = "arn:aws:s3:::records/a/b"
    assert allowed == {
        "s3:ListBucket": "arn:aws:s3:::records",
        "s3:GetObject": f"{objects}/*",
        "s3:PutObject": [f"{objects}/host.v1.parquet/*", f"{objects}/fleet/*"],
        **(dict.fromkeys(("kms:Decrypt", "kms:GenerateDataKey"), key) if key else {}),
    }
    assert stack.properties("Bucket") is None
    assert stack.properties("BucketPolicy") is None


def test_the_task_may_read_what_a_run_reads_of_a_vpc(built: Path) -> None:
    role = join_stack(built).properties("TaskRole")
    assert role is not None
    (facts,) = (policy for policy in role["Policies"] if policy["PolicyName"] == "facts")
    (statement,) = facts["PolicyDocument"]["Statement"]
    listed = permissions(endpoints(partition="aws", services=checked_for_caller()), region=None)
    (least,) = ((part.policy or {})["Statement"] for part in listed.parts if part.part == "ec2")
    wanted = {action for one in least for action in one["Action"]}
    assert set(statement["Action"]) == wanted | {"ec2:DescribeVpcs"}
    assert all(re.match("[a-z0-9]+:(Describe|Get|List|Search)", action) for action in statement["Action"])
    without = join_stack(built, Facts="false").properties("TaskRole")
    assert without is not None
    assert [policy["PolicyName"] for policy in without["Policies"]] == ["records"]


TOPIC: Final = "arn:aws:sns:eu-west-1:111122223333:changes"


@pytest.mark.parametrize(
    ("given", "rule", "makes"),
    [
        ({}, False, False),
        ({"EventsTopic": TOPIC}, True, False),
        ({"EventsTopic": "new"}, True, True),
        ({"EventsTopic": "new", "Events": "false"}, False, False),
    ],
    ids=["none", "one that is there", "a new one", "without events"],
)
def test_a_topic_is_told_of_causes_that_changed(built: Path, given: dict[str, str], rule: bool, makes: bool) -> None:
    stack = join_stack(built, **given)
    changed, topic = stack.properties("Changed"), stack.properties("Topic")
    assert ((changed is not None), (topic is not None)) == (rule, makes)
    assert (stack.properties("NotToldPolicy") is not None) is rule
    if changed is not None:
        (target,) = changed["Targets"]
        assert target["Arn"] == ("Topic" if makes else TOPIC)
        assert target["DeadLetterConfig"] == {"Arn": "NotStarted.Arn"}
    for name, actions in (("TopicPolicy", "sns:Publish"), ("NotToldPolicy", "sqs:SendMessage")):
        policy = stack.properties(name)
        if policy is not None:
            (statement,) = policy["PolicyDocument"]["Statement"]
            assert (statement["Principal"], statement["Action"]) == ({"Service": "events.amazonaws.com"}, actions)
            assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "Changed.Arn"}}


@pytest.mark.parametrize(("severity", "told"), [("critical", {"critical"}), ("warning", {"critical", "warning"})])
def test_the_rule_matches_the_events_of_the_fleet(built: Path, severity: str, told: set[str]) -> None:
    changed = join_stack(built, EventsTopic=TOPIC, EventsSeverity=severity).properties("Changed")
    assert changed is not None
    pattern = changed["EventPattern"]
    found = {put_events.SOURCE: "source", fleet_events.DETAIL_TYPE: "detail-type"}
    assert {name: pattern[name] for name in found.values()} == {name: [value] for value, name in found.items()}
    (names,) = (set(values) for name, values in pattern["detail"].items() if name == "severity")
    assert names == told
    assert set(pattern["detail"]) <= fleet_events.schema()["properties"].keys()


def test_accounts_of_the_organization_put_below_their_own_number(built: Path) -> None:
    policy = join_stack(built, OrganizationId="o-a1b2c3d4e5").properties("BucketPolicy")
    assert policy is not None
    secure, put = policy["PolicyDocument"]["Statement"]
    assert (secure["Effect"], secure["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert put["Resource"] == "Bucket.Arn/backuplink-fleet/host.v1/account=${aws:PrincipalAccount}/*"
    assert put["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
    (only,) = (join_stack(built).properties("BucketPolicy") or {})["PolicyDocument"]["Statement"]
    assert only["Effect"] == "Deny"


@pytest.mark.parametrize("cluster", ["", "arn:aws:ecs:eu-west-1:111122223333:cluster/own"])
def test_the_schedule_may_start_the_task_and_nothing_else(built: Path, cluster: str) -> None:
    stack = join_stack(built, Cluster=cluster)
    role, schedule = stack.properties("ScheduleRole"), stack.properties("Schedule")
    assert role is not None
    assert schedule is not None
    allowed = {
        statement["Action"][0]: statement["Resource"]
        for statement in role["Policies"][0]["PolicyDocument"]["Statement"]
    }
    assert allowed == {
        "ecs:RunTask": "Task",
        "iam:PassRole": ["ExecutionRole.Arn", "TaskRole.Arn"],
        "sqs:SendMessage": "NotStarted.Arn",
    }
    assert schedule["Target"]["Arn"] == (cluster or "OwnCluster.Arn")
    assert schedule["Target"]["EcsParameters"]["TaskDefinitionArn"] == "Task"
    assert (stack.properties("OwnCluster") is None) == bool(cluster)


INVENTORY: Final = (
    "InstanceId,Owner\n" + "".join(f"i-{number:017x},{'basis' if number < 4 else 'web'}\n" for number in range(12))
).encode()
DOWNLOADS: Final = """import boto3
client = boto3.client("s3")
for name in ("inventory.csv", "suppressions.csv"):
    client.download_file("records", f"a/b/join/{name}", f"join/{name}")"""
UPLOADS: Final = """import boto3, sys
bucket, _, key = sys.argv[2].removeprefix("s3://").partition("/")
boto3.client("s3").upload_file(sys.argv[1], bucket, key)"""
"""A substitute for `aws s3 cp`."""


@pytest.mark.skipif(not extent.everything(), reason="starts the program seven times: --everything")
def test_the_whole_task(built: Path, tmp_path: Path, moto: boto3.session.Session) -> None:
    """The whole task runs, with the program itself and a bucket in moto."""
    client = moto.client("s3")
    client.create_bucket(Bucket="records", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    from moto.s3.models import s3_backends  # imported here, since few tests here need moto

    of_moto = s3_backends["123456789012"]["aws"].buckets["records"]
    today = datetime.now(UTC)
    for ago in range(4):
        for number in range(12):
            sick = number < 6 and ago < 2
            taken_at = f"{today - timedelta(days=ago):%Y-%m-%dT%H:%M:%S.000Z}"
            record = files.record(number, files.SICK if sick else "healthy", account="111122223333", taken_at=taken_at)
            bucket, _, object_key = place_of(record, "s3://records/a/b").removeprefix("s3://").partition("/")
            client.put_object(Bucket=bucket, Key=object_key, Body=files.lines(record).encode())
            # Set the date of the object as if the host had written it on the day in its key, since the join counts a
            # record for the day on which it was written.
            of_moto.keys[object_key].last_modified = today.replace(tzinfo=None) - timedelta(days=ago)
    client.put_object(Bucket="records", Key="a/b/join/inventory.csv", Body=INVENTORY)
    known = "suppress,owner,reason,end\nTLS008,platform,a new root,2020-01-01\n"
    client.put_object(Bucket="records", Key="a/b/join/suppressions.csv", Body=known.encode())
    client.put_object(Bucket="records", Key="a/b/join/notes.txt", Body=b"not for the task")
    aws = f"""case "$*" in
*--recursive*) exec {shlex.quote(sys.executable)} -c {shlex.quote(DOWNLOADS)} ;;
"s3 "*) exec {shlex.quote(sys.executable)} -c {shlex.quote(UPLOADS)} "$4" "$5" ;;
esac
echo 0"""
    environment = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        ran = join(built, tmp_path, REAL, aws)
    (joined,) = (call for call in calls_in(tmp_path / "calls") if "parquet" in call)
    assert joined[joined.index("--ec2-facts") + 1] == "join/facts", "the task read the VPC that moto has"
    assert ran.code == 0, ran.stderr
    assert "48 records read; 4 files written with 48 records" in ran.stdout
    assert heard(built, ran) == ran.stdout.splitlines()[-1:]
    document = json.loads(client.get_object(Bucket="records", Key="a/b/fleet/fleet.json")["Body"].read())
    assert [sweep["host_count"] for sweep in document["sweeps"]] == [12] * 4
    assert document["totals"]["critical"] == 6
    (cause,) = document["causes"]
    assert [(one["owner"], one["host_count"]) for one in cause["owners"]] == [("basis", 4), ("web", 2)]
    (known_fault,) = document["suppressed"]
    assert (known_fault["what"], known_fault["expired"], known_fault["owner"]) == ("TLS008", True, "platform")
    assert document["notes"] == []
    assert client.get_object(Bucket="records", Key="a/b/fleet/fleet.html")["ContentLength"] > 1_000
    answers = f"a/b/fleet/answers/dt={today - timedelta(days=1):%Y-%m-%d}/answers.parquet"
    assert client.get_object(Bucket="records", Key=answers)["Body"].read(4) == b"PAR1"
    (request,) = (tmp_path / "events").read_text("utf-8").splitlines()
    (entry,) = json.loads(request)["Entries"]
    detail = json.loads(entry["Detail"])
    assert (detail["turn"], detail["owners"]) == ("new", cause["owners"])


# --- The guide -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["fleet.md", "fleet-join.md"])
def test_the_guides_commands_are_of_the_aws_cli_and_of_backuplink(page: str) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (GUIDE.parent / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    commands = [
        shlex.split(line, comments=True) for block in blocks for line in block.replace("\\\n", " ").splitlines() if line
    ]
    assert len(commands) > 5
    for words in commands:
        if words[0] == "backuplink":
            name, command, given = cli.main.resolve_command(manual.context_of(cli.main), words[1:])
            assert command is not None
            command.make_context(name, given, parent=manual.context_of(cli.main))
        else:
            assert complaint(words) is None, words


def test_the_guides_files_of_csv_are_read() -> None:
    page = (GUIDE.parent / "fleet-join.md").read_text("utf-8")
    hosts, known = re.findall(r"^```csv\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    expected = inventory.parse(hosts.encode(), "hosts.csv")
    assert (len(expected.hosts), len(expected.accounts), expected.notes) == (1, 1, ())
    assert [(label.name, label.value) for label in expected.labels] == [("owner", "basis@example.com")]
    assert [one.code for one in suppressions.parse(known.encode(), "known.csv")] == ["TCP002"]


def test_the_guide_names_every_parameter(document: dict[str, Any]) -> None:
    guide = GUIDE.read_text("utf-8")
    assert [name for name in document["parameters"] if f"`{name}`" not in guide] == []
