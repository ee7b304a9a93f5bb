"""Wheel, sdist and wheelhouse: their contents, reproducible bytes, and installation by pip, uv and pipx without a
network and without the source tree.

Tests that need wheels of other projects need `packaging/build python` first; `packaging/test python` requires it.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.utils import parse_wheel_filename

import lock
import wheelhouse
from agent.simulated import scenario_files as scenarios
from agent.version import __version__
from tests.packaging.artifacts import TOOLS, artifact_of, lacking
from tests.process.terminals import on_terminal
from tests.support.extent import one_in
from tests.support.repository import ROOT

PACKAGES: Final = ("agent", "probes")
DATE: Final = "1700000000"
"""A SOURCE_DATE_EPOCH that only the tests use."""
WHEEL: Final = f"backuplink-{__version__}-py3-none-any.whl"
SDIST: Final = f"backuplink-{__version__}.tar.gz"
COMMANDS: Final = (
    ("--version",),
    ("--help",),
    ("schema",),
    ("explain",),
    ("explain", "TCP003"),
    ("endpoints", "--region", "eu-west-1", "--format", "json"),
)
SCENARIOS: Final = one_in(3, scenarios.names()[:: len(scenarios.names()) // 5])
"""A sample of the scenarios, spread over the list."""


def clean() -> dict[str, str]:
    """The environment without variables that lead to the source tree or to a package mirror."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "UV_", "PIPX"))}


def run(
    words: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None, umask: int = 0o022
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**clean(), **(environment or {})},
        umask=umask,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def succeed(
    words: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None, umask: int = 0o022
) -> subprocess.CompletedProcess[str]:
    result = run(words, folder, environment, umask)
    assert result.returncode == 0, (words, result.stdout[-2_000:], result.stderr[-2_000:])
    return result


def hatch(tree: Path, out: Path, umask: int = 0o022, python: str | Path = sys.executable, date: str = DATE) -> Path:
    """Build wheel and sdist of a tree into `out`."""
    words = [python, "-m", "hatchling", "build", "--directory", out]
    succeed(words, tree, {"SOURCE_DATE_EPOCH": date}, umask)
    return out


def sources(tree: Path = ROOT) -> set[str]:
    """The files of both packages, without caches of Python."""
    files = (file for package in PACKAGES for file in (tree / package).rglob("*") if file.is_file())
    return {str(file.relative_to(tree)) for file in files if "__pycache__" not in file.parts}


def contents(wheel: Path) -> dict[str, int]:
    """The checksum of each file in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {member.filename: member.CRC for member in archive.infolist()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist of this tree."""
    return hatch(ROOT, tmp_path_factory.mktemp("built"))


# --- What is in it ---------------------------------------------------------------------------------------------------


def test_the_wheel_holds_both_packages_whole(built: Path) -> None:
    names = set(contents(built / WHEEL))
    assert {name for name in names if ".dist-info/" not in name} == sources()
    for wanted in ("agent/py.typed", "probes/py.typed", "agent/tui/theme.tcss", "agent/runbooks/TCP003.md"):
        assert wanted in names
    assert f"backuplink-{__version__}.dist-info/licenses/LICENSE" in names


def test_the_sdist_holds_what_the_wheel_needs_and_no_more(built: Path) -> None:
    with tarfile.open(built / SDIST) as archive:
        names = {name.removeprefix(f"backuplink-{__version__}/") for name in archive.getnames()}
    beside = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "PKG-INFO", ".gitignore"}
    assert names == sources() | beside


def test_nothing_says_where_or_by_whom_it_was_built(built: Path) -> None:
    with tarfile.open(built / SDIST) as archive:
        members = archive.getmembers()
        assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
        assert {member.mtime for member in members} == {int(DATE)}
    with zipfile.ZipFile(built / WHEEL) as archive:
        for member in archive.infolist():
            assert str(ROOT).encode() not in archive.read(member), member.filename


# --- The same bytes --------------------------------------------------------------------------------------------------


def test_another_folder_and_umask_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    tree = tmp_path / "elsewhere"
    shutil.copytree(ROOT, tree, ignore=lambda folder, names: names if Path(folder) == ROOT else [])
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", ".gitignore"):
        shutil.copy(ROOT / name, tree)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package)
        (tree / package / "__pycache__").mkdir(exist_ok=True)
        (tree / package / "__pycache__" / "left.cpython-311.pyc").write_bytes(b"left over")
    for path in tree.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (1, 1))
    again = hatch(tree, tmp_path / "out", umask=0o077)
    for name in (WHEEL, SDIST):
        assert (again / name).read_bytes() == (built / name).read_bytes(), name


def test_the_sdist_makes_the_same_wheel(built: Path, tmp_path: Path) -> None:
    with tarfile.open(built / SDIST) as archive:
        archive.extractall(tmp_path, filter="data")
    again = hatch(tmp_path / f"backuplink-{__version__}", tmp_path / "out")
    assert (again / WHEEL).read_bytes() == (built / WHEEL).read_bytes()


# --- Installed -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The installed command, and its Python."""

    command: Path
    python: Path


def wheels(architecture: str) -> Path:
    """The wheelhouse in dist/ for a kind of processor. It is unpacked once for each test process."""
    archive = artifact_of(f"backuplink-VERSION-wheelhouse-linux-{architecture}.tar.gz", "python")
    folder = archive.parent.parent / "build" / "test-python" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
    name = archive.name.removesuffix(".tar.gz")
    shutil.rmtree(folder / name, ignore_errors=True)
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / name


@pytest.fixture(scope="module")
def offline(built: Path) -> Path:
    """The wheelhouse for this machine, which must be built from the current tree."""
    if sys.platform != "linux":
        lacking(f"there is no wheelhouse for {sys.platform}")
    folder = wheels(platform.machine())
    if contents(folder / WHEEL) != contents(built / WHEEL):
        lacking("the tree has changed since dist/ was built; run packaging/build python")
    return folder


def _lend(wheel: Path, place: Path) -> Installed:
    """Install only the wheel. Its environment uses the dependencies of the present environment, so no other wheel is
    needed. It does not see the source tree, since Python ignores path files in a folder that a path file added.
    """
    succeed([sys.executable, "-m", "venv", "--without-pip", place], place.parent)
    python = place / "bin" / "python"
    succeed(
        [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel], place.parent
    )
    (site,) = place.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    return Installed(command=place / "bin" / "backuplink", python=python)


def _by_pip(folder: Path, place: Path, python: str = sys.executable) -> Installed:
    succeed([python, "-m", "venv", place], place.parent)
    own = place / "bin" / "python"
    # These are the commands of INSTALL.txt, run in the folder itself.
    locked = ["--no-index", "--find-links", ".", "--require-hashes", "--requirement", "requirements.txt"]
    succeed([own, "-m", "pip", "install", *locked], folder)
    return Installed(command=place / "bin" / "backuplink", python=own)


def _by_uv(folder: Path, place: Path) -> Installed:
    where = {"UV_TOOL_DIR": str(place / "tools"), "UV_TOOL_BIN_DIR": str(place / "bin")}
    where |= {"UV_CACHE_DIR": str(place / "cache"), "UV_PYTHON": sys.executable}
    words = ["tool", "install", "--offline", "--no-index", "--find-links", ".", "backuplink"]
    succeed([TOOLS / "uv", *words], folder, where)
    return Installed(command=place / "bin" / "backuplink", python=place / "tools" / "backuplink" / "bin" / "python")


def _by_pipx(folder: Path, place: Path) -> Installed:
    where = {"PIPX_HOME": str(place / "home"), "PIPX_BIN_DIR": str(place / "bin"), "PIPX_MAN_DIR": str(place / "man")}
    words = ["install", "--python", sys.executable, "--pip-args", f"--no-index --find-links {folder}", "backuplink"]
    # Otherwise, if its shared libraries are old, pipx would download pip from a mirror.
    succeed([TOOLS / "pipx", *words], folder, {**where, "HOME": str(place), "PIP_NO_INDEX": "1"})
    python = place / "home" / "venvs" / "backuplink" / "bin" / "python"
    return Installed(command=place / "bin" / "backuplink", python=python)


@pytest.fixture(scope="module", params=one_in(4, ("pip", "uv", "lent", "pipx")))
def installed(request: pytest.FixtureRequest, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The command, after the wheel was installed in each of the possible ways."""
    way = str(request.param)
    place = tmp_path_factory.mktemp(way) / "environment"
    if way == "lent":
        return _lend(built / WHEEL, place)
    folder: Path = request.getfixturevalue("offline")
    return {"pip": _by_pip, "uv": _by_uv, "pipx": _by_pipx}[way](folder, place)


@cache
def from_source(*words: str) -> tuple[int, str]:
    """Exit code and stdout of the command, run from the source tree."""
    result = run([sys.executable, "-m", "agent", *words], ROOT)
    return result.returncode, result.stdout


def judged(document: str) -> Mapping[str, Any]:
    """The findings of a report, without the time of the run."""
    report = json.loads(document)
    return {key: report[key] for key in ("verdict", "findings", "not_evaluated")}


def test_it_is_the_installed_one_that_runs(installed: Installed, tmp_path: Path) -> None:
    shown = "import agent, probes, sys; print(agent.__file__, probes.__file__, sep='\\n'); print(*sys.path, sep='\\n')"
    lines = succeed([installed.python, "-c", shown], tmp_path).stdout.splitlines()
    site = installed.python.parents[1].resolve() / "lib"
    for file in lines[:2]:
        assert Path(file).resolve().is_relative_to(site), file
    assert str(ROOT) not in lines[2:]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_says_what_the_source_says(installed: Installed, words: tuple[str, ...], tmp_path: Path) -> None:
    result = run([installed.command, *words], tmp_path)
    assert (result.returncode, result.stdout) == from_source(*words)
    assert result.returncode == 0
    assert len(result.stdout) > 10


def test_says_where_a_scenario_is_that_does_not_ship(installed: Installed, tmp_path: Path) -> None:
    result = run([installed.command, "demo", "port-refused"], tmp_path)
    assert result.returncode == 3
    assert "tests/scenarios/data/tcp/port-refused.toml in the repository" in result.stderr


@pytest.mark.parametrize("name", SCENARIOS)
def test_finds_what_the_source_finds(installed: Installed, name: str, tmp_path: Path) -> None:
    words = ("demo", name, "--format", "json")
    result = run([installed.command, *words], tmp_path)
    code, document = from_source(*words)
    assert result.returncode == code
    assert judged(result.stdout) == judged(document)
    expected = scenarios.load(name).expect.findings
    assert [finding["code"] for finding in judged(result.stdout)["findings"]] == [
        finding.partition("@")[0] for finding in expected
    ]


def test_the_interface_has_its_styles(installed: Installed, tmp_path: Path) -> None:
    with on_terminal([str(installed.command), "demo", "--tui"], folder=tmp_path) as session:
        session.until("backup answers privately at 3 addresses")
        session.press("q")
        assert session.ended() == 0
        assert session.is_sane()
        assert "Traceback" not in session.text()


# --- For other Pythons and machines ----------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_the_wheelhouse_is_whole_for_every_python(architecture: str, tmp_path: Path) -> None:
    folder = wheels(architecture)
    for python in wheelhouse.PYTHONS:
        words = ["pip", "install", "--offline", "--no-config", "--no-index", "--find-links", ".", "--require-hashes"]
        words += ["--requirement", "requirements.txt", "--only-binary", ":all:", "--target", str(tmp_path / python)]
        # The oldest glibc that must be supported.
        words += ["--python-version", python, "--python-platform", f"{architecture}-manylinux2014"]
        succeed([TOOLS / "uv", *words], folder, {"UV_CACHE_DIR": str(tmp_path / "cache")})
        assert (tmp_path / python / "agent" / "cli" / "entry.py").is_file()


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_the_wheelhouse_holds_only_what_the_lock_has(architecture: str) -> None:
    folder = wheels(architecture)
    locked = {requirement.name: requirement for requirement in lock.read(wheelhouse.LOCK)}
    files = sorted(folder.glob("*.whl"))
    for file in files:
        name, version, _, _ = parse_wheel_filename(file.name)
        if name != "backuplink":
            assert str(version) == locked[name].version
            assert wheelhouse.digest(file) in locked[name].hashes
    assert {parse_wheel_filename(file.name)[0] for file in files} == {*locked, "backuplink"}
    for file in files:
        assert file.name in (folder / "INSTALL.txt").read_text("utf-8")


@pytest.mark.parametrize("version", one_in(2, wheelhouse.PYTHONS))
def test_runs_on_the_other_pythons_that_are_here(version: str, offline: Path, tmp_path: Path) -> None:
    if sys.version.startswith(version):
        pytest.skip("it is the Python of the other tests")
    words = ["python", "find", "--offline", "--no-python-downloads", "--no-project", "--system", version]
    located = run([TOOLS / "uv", *words], tmp_path)
    if located.returncode != 0:
        pytest.skip(f"this machine has no Python {version}")
    program = _by_pip(offline, tmp_path / "environment", located.stdout.strip())
    words = ["demo", "one-zone-silent", "--format", "json"]
    assert judged(run([program.command, *words], tmp_path).stdout) == judged(from_source(*words)[1])


# --- What dist/ has --------------------------------------------------------------------------------------------------


def test_dist_is_made_again_to_the_byte(offline: Path, tmp_path: Path) -> None:
    sdist = artifact_of("backuplink-VERSION.tar.gz", "python")
    with tarfile.open(sdist) as opened:
        date = str(opened.getmembers()[0].mtime)
        opened.extractall(tmp_path, filter="data")
    tree = tmp_path / f"backuplink-{__version__}"
    shutil.copytree(ROOT / "packaging", tree / "packaging", ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "build").mkdir()
    (tree / "build" / "environment").symlink_to(TOOLS.parent)
    # pip must find every wheel in dist/, and contact no mirror.
    folders = " ".join(str(wheels(architecture)) for architecture in ("x86_64", "aarch64"))
    elsewhere = {"SOURCE_DATE_EPOCH": date, "TZ": "Asia/Tokyo", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folders}
    succeed([tree / "packaging" / "python" / "build"], tree, elsewhere, umask=0o077)
    again = sorted((tree / "dist").iterdir())
    assert len(again) == 4
    for file in again:
        assert file.read_bytes() == (sdist.parent / file.name).read_bytes(), file.name
    assert (offline / WHEEL).read_bytes() == (tree / "dist" / WHEEL).read_bytes()
