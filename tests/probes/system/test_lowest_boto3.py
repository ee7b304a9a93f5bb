"""Runs the tests that concern boto3 again, with the lowest version that pyproject.toml allows. All other tests run with
the locked version, which is the newest.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.extent import everything
from tests.support.repository import ROOT

LOCKED: Final = ROOT / "packaging/requirements-lowest-boto3.txt"
_FOLDER: Final = "tests/probes/system"
MODULES: Final = (f"{_FOLDER}/test_reader_connections.py",)
MORE: Final = (f"{_FOLDER}/test_reader.py", f"{_FOLDER}/test_sdk.py", "tests/probes/vpc/test_reads.py")
"""The modules of tests that also run with the lowest version if `./dev test --everything` is used."""


def test_the_lowest_version_is_the_one_that_is_allowed() -> None:
    allowed = re.search(r'"boto3>=([0-9.]+)"', (ROOT / "pyproject.toml").read_text())
    locked = re.search(r"^boto3==([0-9.]+)", LOCKED.read_text(), re.MULTILINE)
    assert allowed is not None
    assert locked is not None
    assert locked[1].removesuffix(".0") == allowed[1]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the lowest versions of boto3 and botocore."""
    folder = tmp_path / "lowest"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    subprocess.run([*pip, "--require-hashes", "--requirement", LOCKED, "--target", folder], check=True)
    return folder


def test_everything_holds_with_the_lowest_version(installed: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    version = subprocess.run(
        [sys.executable, "-c", "import boto3; print(boto3.__file__)"],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert Path(version.stdout.strip()).is_relative_to(installed)
    own = {name: value for name, value in environment.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *MODULES, *(MORE if everything() else ())],
        env=own, check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"\d\d passed", ran.stdout)
