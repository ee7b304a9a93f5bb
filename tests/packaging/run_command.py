"""Runs the steps of the Command document as the SSM Agent does, with the program itself or with a substitute."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.packaging.artifacts import needed
from tests.support.repository import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The result of a step."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """The result of a command."""

    check: Step
    host: Step
    report: Step
    left: list[str]
    """The files that are left in the command's folder at the end, without the scripts."""
    calls: list[list[str]]
    """The arguments of each call of the program, in the order of the calls."""


def script_of(document: Mapping[str, Any], step: str) -> str:
    """The script of a step, in which the references to parameters are not yet replaced."""
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
    """The path of a `backuplink` that records its arguments, and then runs the shell commands `then`."""
    return executable(
        folder / "backuplink",
        f"""#!/bin/sh
printf '%s\\0' "$@" >>{folder}/calls
printf '\\0' >>{folder}/calls
{then}
""",
    )


def in_scenario(folder: Path, scenario: str) -> Path:
    """The path of the real program, changed to measure the simulated VPC of a scenario."""
    # `demo` only has the options of `check` that concern the report.
    return program(
        folder,
        f"""if [ "$1" = check ]; then
    for word; do
        shift
        case $word in --format=* | --fail-on=*) set -- "$@" "$word" ;; esac
    done
    set -- demo {scenario} "$@"
fi
if [ "$1 $2" = "fleet put" ]; then
    echo s3://somewhere
    exit 0
fi
{REAL}""",
    )


def run(
    document: Mapping[str, Any], folder: Path, program: Path, *, shell: str = "sh", path: str = os.defpath, **given: str
) -> Ran:
    """Run the steps one after the other, as the agent does: as `SHELL -c SCRIPT` with the environment of a system
    service. Parameters are inserted literally. References inside their values are not replaced.
    """
    command = folder / "orchestration"
    defaults = {name: parameter.get("default") for name, parameter in document["parameters"].items()}
    values = {**defaults, "Workload": "none", "Command": str(program), **given}
    steps = {}
    for name in ("check", "host", "report"):
        lines = re.sub(r"\{\{ (\w+) \}\}", lambda match: values[match[1]], script_of(document, name))
        # The interpreter in the first line is `sh`, which is a different program on each distribution.
        script = executable(command / name / "_script.sh", lines.replace("#!/bin/sh", f"#!{needed(shell)}", 1))
        ended = subprocess.run(
            [needed(shell), "-c", str(script)],
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
