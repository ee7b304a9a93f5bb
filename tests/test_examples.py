"""The examples of docs/examples: each is run as what reads it runs it, or parsed by that."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from junitparser import JUnitXml

import manual
from agent.cli.main import main
from tests.formats.monitors import promtool
from tests.packaging.artifacts import needed
from tests.packaging.run_command import REAL, executable
from tests.support.command import SECONDS
from tests.support.repository import ROOT
from tests.support.runs import report_of

EXAMPLES: Final = ROOT / "docs" / "examples"
MONITORING: Final = ROOT / "packaging" / "monitoring"
COLLECTION: Final = ROOT / "packaging" / "ansible" / "collection"
ENDS: Final = [("healthy", 0), ("one-zone-silent", 2)]


def ran(folder: Path, scenario: str, shell: tuple[str, ...], script: str, **variables: str) -> Any:
    """Run a script with the program itself as `backuplink`, whose checks are made in a scenario."""
    then = f'[ "$1" != check ] || {{ shift; set -- demo {scenario} "$@"; }}\n{REAL}'
    executable(folder / "bin" / "backuplink", f"#!/bin/sh\n{then}\n")
    return subprocess.run(
        [needed(shell[0]), *shell[1:], script],
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}{os.pathsep}{os.defpath}", **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize(("scenario", "code"), ENDS)
def test_the_job_of_github_actions(tmp_path: Path, scenario: str, code: int) -> None:
    workflow = yaml.safe_load((EXAMPLES / "github-actions-check.yml").read_text("utf-8"))
    (job,) = workflow["jobs"].values()
    (step,) = (step for step in job["steps"] if "run" in step)
    shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
    ended = ran(tmp_path, scenario, shell, step["run"], GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    assert ended.returncode == code, ended.stderr
    assert report_of(scenario).verdict.status.value in (tmp_path / "summary.md").read_text("utf-8").lower()
    (kept,) = (step["with"]["path"] for step in job["steps"] if "uses" in step)
    assert (tmp_path / kept).stat().st_size > 1_000


@pytest.mark.parametrize(("scenario", "code"), ENDS)
def test_the_stage_of_jenkins(tmp_path: Path, scenario: str, code: int) -> None:
    """Jenkins runs `sh` with -xe."""
    pipeline = (EXAMPLES / "Jenkinsfile").read_text("utf-8")
    assert pipeline.count("{") == pipeline.count("}")
    (script,) = re.findall(r"sh '''\n(.*?)'''", pipeline, re.DOTALL)
    (results,) = re.findall(r"junit '([^']+)'", pipeline)
    ended = ran(tmp_path, scenario, ("sh", "-xec"), script)
    assert ended.returncode == code, ended.stderr
    suites = JUnitXml.fromstring((tmp_path / results).read_bytes())
    assert (sum(suite.failures for suite in suites) > 0) == (code > 0)


@pytest.mark.parametrize(("scenario", "code"), ENDS)
def test_the_service_of_nagios(tmp_path: Path, scenario: str, code: int) -> None:
    text = (EXAMPLES / "nagios-service.cfg").read_text("utf-8")
    objects = {
        kind: dict(line.split(None, 1) for line in body.strip().splitlines())
        for kind, body in re.findall(r"^define (\w+) \{\n(.*?)^\}$", text, re.MULTILINE | re.DOTALL)
    }
    assert set(objects) == {"command", "service"}
    assert objects["service"]["check_command"] == objects["command"]["command_name"]
    line = objects["command"]["command_line"]
    assert line.startswith("/usr/bin/backuplink ")
    ended = ran(tmp_path, scenario, ("sh", "-c"), line.removeprefix("/usr/bin/"))
    assert ended.returncode == code
    assert ended.stdout.startswith(("OK", "WARNING", "CRITICAL", "UNKNOWN")[code])


def test_the_scrape_of_prometheus() -> None:
    file = EXAMPLES / "prometheus.yml"
    ended = subprocess.run(
        [promtool(), "check", "config", str(file)], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ended.returncode == 0, ended.stderr
    (job,) = yaml.safe_load(file.read_text("utf-8"))["scrape_configs"]
    assert f'job="{job["job_name"]}"' in (MONITORING / "backuplink.rules.yml").read_text("utf-8")
    (target,) = job["static_configs"][0]["targets"]
    (line,) = re.findall(r"backuplink (watch --listen \S+\d)", file.read_text("utf-8"))
    name, *given = shlex.split(line)
    with main.commands[name].make_context(name, given, parent=manual.context_of(main)) as context:
        address, port = context.params["listen"]
    assert target == f"{address}:{port}"


def test_the_play_of_ansible() -> None:
    (play,) = yaml.safe_load((EXAMPLES / "ansible-play.yml").read_text("utf-8"))
    (role,) = play["roles"]
    specs = yaml.safe_load((COLLECTION / "roles" / "backuplink" / "meta" / "argument_specs.yml").read_text("utf-8"))
    assert role["role"] == "backuplink.backuplink.backuplink"
    assert set(role["vars"]) <= set(specs["argument_specs"]["main"]["options"])
    (task,) = play["post_tasks"]
    source = (COLLECTION / "plugins" / "modules" / "check.py").read_text("utf-8")
    options = yaml.safe_load(source.split('DOCUMENTATION = r"""')[1].split('"""')[0])["options"]
    given = task["backuplink.backuplink.check"]
    assert set(given) <= set(options)
    assert given["fail_on"] in options["fail_on"]["choices"]


@pytest.mark.parametrize(
    "name", ["github-actions-check.yml", "Jenkinsfile", "nagios-service.cfg", "prometheus.yml", "ansible-play.yml"]
)
def test_a_page_leads_to_each(name: str) -> None:
    assert f"(examples/{name})" in (ROOT / "docs" / "monitoring.md").read_text("utf-8")
