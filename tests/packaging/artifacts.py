"""Finds the files that `packaging/build` has created in dist/ and build/, for the tests of these files."""

import os
import re
import shutil
from pathlib import Path
from typing import Final, NoReturn

import pytest

from agent.version import __version__
from tests.support.repository import ROOT

DIST: Final = ROOT / "dist"
TOOLS: Final = ROOT / "build" / "environment" / "bin"
"""The folder of the programs from packaging/requirements-build.txt, as installed by the build."""
_UNRELEASED: Final = r"\.?(dev|rc|a|b)"
"""The mark of a pre-release version (PEP 440)."""
PACKAGE_VERSION: Final = re.sub(_UNRELEASED, r"~\1", __version__)
"""This version in the form that dpkg and rpm order correctly."""
COLLECTION_VERSION: Final = re.sub(_UNRELEASED, r"-\1", __version__)
"""This version in the form that Ansible Galaxy accepts (Semantic Versioning)."""
_REQUIRED: Final = os.environ.get("BACKUPLINK_REQUIRE_PACKAGES", "")
"""The value of BACKUPLINK_REQUIRE_PACKAGES: `1`, or the parts that must be present. It is read at import, since the
environment of the tests hides the variable later.
"""


def lacking(reason: str) -> NoReturn:
    """Skip the test. If BACKUPLINK_REQUIRE_PACKAGES says that this part, or every part, must be present, fail it
    instead.
    """
    part = Path(os.environ["PYTEST_CURRENT_TEST"].partition("::")[0]).stem.removeprefix("test_")
    if _REQUIRED == "1" or part in _REQUIRED.split():
        pytest.fail(reason)
    pytest.skip(f"{reason}; BACKUPLINK_REQUIRE_PACKAGES=1 makes this a failure")


def needed(program: str) -> str:
    """The path of a program on this machine."""
    return shutil.which(program) or lacking(f"{program} is not installed")


def artifact_of(pattern: str, part: str) -> Path:
    """The only file of this version in dist/ that `pattern` matches; VERSION in the pattern stands for the version."""
    wanted = pattern.replace("VERSION", __version__)
    paths = sorted(DIST.glob(wanted))
    if len(paths) != 1:
        lacking(f"dist/ has {len(paths)} files that match {wanted}, not exactly one; run packaging/build {part}")
    return paths[0]
