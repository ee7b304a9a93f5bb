"""The deb and the rpm: their contents, the checks of lintian and rpmlint, and their installation, upgrade and complete
removal in throw-away roots without Python. The installed program must have the same findings as the source tree. The
tests need `packaging/build onefile packages`; `packaging/test packages` requires it, and makes the roots.
"""

import gzip
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

import pytest

import manual
from agent.simulated import scenario_files as scenarios
from agent.version import __version__
from tests.packaging.artifacts import PACKAGE_VERSION, TOOLS, artifact_of, lacking
from tests.support.histories import week
from tests.support.repository import ROOT

MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
"""Debian's name for each kind of processor."""
PACKAGES: Final = ROOT / "packaging" / "packages"
CONFIGURATION: Final = manual.CONFIGURATION.removeprefix("/")
VARIABLES: Final = "etc/backuplink/environment"
PROGRAM: Final = "usr/lib/backuplink"
OLDER: Final = "1.0.0~rc1"
"""The version of a release candidate. Both package managers must order it before the release."""
OLD_DEFAULT: Final = "# What an older version had here.\n"
EDITED: Final = 'region = "eu-west-3"\n'
HOOK: Final = "BACKUPLINK_NOTIFY=https://hooks.example.com/secret\n"
SECONDS: Final = 600.0
"""The limit in seconds for a process on a busy machine."""
SYSTEM: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
SUITES: Final = ("bullseye", "trixie")
SCENARIOS: Final = scenarios.names()[:: len(scenarios.names()) // 5]
"""A sample of the scenarios, spread over the list."""
LEFT_BY_DPKG: Final = (
    "var/lib/dpkg/",
    "var/log/",
    "var/cache/ldconfig/",
    "etc/ld.so.cache",
)
"""Files that dpkg itself writes for any package."""


def run(
    words: Sequence[str | Path], variables: Mapping[str, str] = SYSTEM, folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    if shutil.which(str(words[0]), path=variables["PATH"]) is None:
        lacking(f"{words[0]} is not installed")
    return subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def succeed(
    words: Sequence[str | Path], variables: Mapping[str, str] = SYSTEM, folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    result = run(words, variables, folder)
    assert result.returncode == 0, (words, result.stdout[-2_000:], result.stderr[-2_000:])
    return result


# --- What was built --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file in a package."""

    mode: int
    owner: str
    content: bytes | None
    """The bytes of a regular file, or None for any other entry."""
    link: str
    """The target of a symbolic link."""


@cache
def members(package: Path) -> Mapping[str, Entry]:
    """The entries that a package installs, by path."""
    # The output goes to a file, because output in a pipe is searched for the secrets of the simulated world, and the
    # package contains the source of that world.
    with package.open("rb") as source, tempfile.TemporaryFile() as plain:
        words = (
            ["dpkg-deb", "--fsys-tarfile", "-"] if package.suffix == ".deb" else ["rpm2archive", "--nocompression", "-"]
        )
        if shutil.which(words[0]) is None:
            lacking(f"{words[0]} is not installed")
        subprocess.run(words, stdin=source, stdout=plain, timeout=SECONDS, check=True)
        plain.seek(0)
        return entries(plain)


def entries(plain: IO[bytes]) -> Mapping[str, Entry]:
    """The members of a tar archive, by path."""
    by_path = {}
    with tarfile.open(fileobj=plain) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            name = member.name.removeprefix("./").strip("/")
            by_path[name] = Entry(
                mode=member.mode,
                owner=f"{member.uid}:{member.gid}",
                content=None if content is None else content.read(),
                link=member.linkname if member.issym() else "",
            )
    return by_path


def built(kind: str, architecture: str) -> Path:
    """A package from dist/, which must be built from the current tree."""
    if architecture != platform.machine() and not (ROOT / "build" / "onefile" / architecture / "tree").is_dir():
        pytest.skip(f"there is no tree for {architecture} here; packaging/onefile/build {architecture} makes it")
    names = {
        "deb": f"backuplink_VERSION_{MACHINES[architecture]}.deb",
        "rpm": f"backuplink-VERSION-1.{architecture}.rpm",
    }
    package = artifact_of(names[kind], "packages")
    theirs = {
        name.removeprefix(f"{PROGRAM}/app/"): entry.content
        for name, entry in members(package).items()
        if name.startswith((f"{PROGRAM}/app/agent/", f"{PROGRAM}/app/probes/"))
        and entry.content is not None
        and "__pycache__" not in name
    }
    ours = {
        str(path.relative_to(ROOT)): path.read_bytes()
        for folder in ("agent", "probes")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    if ours != theirs:
        lacking("the tree has changed since dist/ was built; run packaging/build onefile packages")
    return package


@pytest.fixture(scope="module", params=sorted(MACHINES))
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=["deb", "rpm"])
def package(request: pytest.FixtureRequest, architecture: str) -> Path:
    """Each package, for tests that inspect it."""
    return built(request.param, architecture)


def own(package: Path) -> Mapping[str, Entry]:
    """The files of a package besides the program."""
    return {name: entry for name, entry in members(package).items() if not name.startswith(f"{PROGRAM}/")}


# --- What is in it ---------------------------------------------------------------------------------------------------


def test_holds_what_comes_with_the_program(package: Path) -> None:
    content = {name: entry.content for name, entry in own(package).items()}
    assert own(package)["usr/bin/backuplink"].link == "../lib/backuplink/bin/backuplink"
    assert content[CONFIGURATION] == (PACKAGES / "backuplink.toml").read_bytes()
    assert content[VARIABLES] == (PACKAGES / "environment").read_bytes()
    for unit in (PACKAGES / "systemd").iterdir():
        assert content[f"usr/lib/systemd/system/{unit.name}"] == unit.read_bytes()
    zsh = "vendor-completions" if package.suffix == ".deb" else "site-functions"
    completions = {
        "usr/share/bash-completion/completions/backuplink": "backuplink.bash",
        "usr/share/fish/vendor_completions.d/backuplink.fish": "backuplink.fish",
        f"usr/share/zsh/{zsh}/_backuplink": "_backuplink",
    }
    for name, source in completions.items():
        assert content[name] == (PACKAGES / "completions" / source).read_bytes()


def test_holds_every_page_of_the_manual(package: Path) -> None:
    pages = {
        name: gzip.decompress(entry.content or b"")
        for name, entry in own(package).items()
        if name.startswith("usr/share/man/") and entry.content is not None
    }
    assert pages == {
        f"usr/share/man/man{page.suffix[1:]}/{page.name}.gz": page.read_bytes() for page in (PACKAGES / "man").iterdir()
    }


def test_belongs_to_root_and_all_but_secrets_are_for_all_to_read(package: Path) -> None:
    assert members(package)[VARIABLES].mode == 0o600
    for name, entry in members(package).items():
        assert entry.owner == "0:0", name
        if name == VARIABLES:
            continue
        if entry.content is not None:
            assert entry.mode in (0o644, 0o755), name
            assert entry.mode == 0o644 or name.startswith(f"{PROGRAM}/bin/"), name


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.0.0", "1.0.0"), ("1.0.0.dev0", "1.0.0~dev0"), ("1.2.0rc1", "1.2.0~rc1"), ("1.2.0b2", "1.2.0~b2")],
)
def test_what_is_not_released_yet_comes_before_its_release(version: str, expected: str) -> None:
    script = f'program=test; . packaging/environment.sh; version() {{ echo "{version}"; }}; package_version'
    assert succeed(["sh", "-euc", script]).stdout == f"{expected}\n"
    if version != expected:
        released = expected.partition("~")[0]
        succeed(["dpkg", "--compare-versions", expected, "lt", released])
        assert run(["dpkg", "--compare-versions", version, "lt", released]).returncode == 1


def test_a_package_has_the_version_that_its_manager_orders(package: Path) -> None:
    words = {
        ".deb": ["dpkg-deb", "--field", str(package), "Version"],
        ".rpm": ["rpm", "-qp", "--nosignature", "--queryformat", "%{VERSION}\n", str(package)],
    }
    assert succeed(words[package.suffix]).stdout == f"{PACKAGE_VERSION}\n"


def test_nothing_says_where_it_was_built(package: Path) -> None:
    for name, entry in members(package).items():
        assert str(ROOT).encode() not in (entry.content or b""), name


def test_lintian_finds_no_error(architecture: str) -> None:
    result = run(["lintian", "--no-cfg", "--allow-root", "--fail-on", "error", built("deb", architecture)])
    assert result.returncode == 0, result.stdout[-3_000:]
    assert documented(set(re.findall(r"^W: backuplink: ([\w-]+)", result.stdout, re.MULTILINE))) == set()


def test_rpmlint_finds_no_error(architecture: str) -> None:
    result = run(["rpmlint", "--config", PACKAGES / "rpmlint.toml", built("rpm", architecture)])
    assert " 0 errors, " in result.stdout, result.stdout[-3_000:]
    assert documented(set(re.findall(r": W: ([\w%-]+)", result.stdout))) == set()


def documented(warnings: set[str]) -> set[str]:
    """Warnings of lintian and rpmlint that docs/development/packaging.md does not list."""
    return warnings - set(
        re.findall(r"`([\w%-]+)`", (ROOT / "docs" / "development" / "packaging.md").read_text("utf-8"))
    )


def test_made_again_in_another_folder_and_umask_gives_the_same_bytes(tmp_path: Path) -> None:
    architecture = platform.machine()
    packages = [built(kind, architecture) for kind in ("deb", "rpm")]
    date = succeed(["rpm", "-qp", "--queryformat", "%{BUILDTIME}", packages[1]]).stdout
    for name in ("packaging", "agent/version.py", "CHANGELOG.md", "LICENSE", f"build/onefile/{architecture}/tree"):
        source, place = ROOT / name, tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        # A build must not depend on the dates of files, or on the order of files in a folder.
        shutil.copytree(source, place, copy_function=shutil.copy) if source.is_dir() else shutil.copy(source, place)
    (tmp_path / "build" / "environment").symlink_to(TOOLS.parent)
    variables = {**os.environ, "SOURCE_DATE_EPOCH": date, "ZIG_GLOBAL_CACHE_DIR": str(ROOT / "build" / "zig-cache")}
    words = ["sh", "-c", 'umask 077 && exec "$@"', "sh", "packaging/packages/build", architecture]
    succeed(words, variables, tmp_path)
    for package in packages:
        assert (tmp_path / "dist" / package.name).read_bytes() == package.read_bytes(), package.name


# --- Installed -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A throw-away root, and the commands of its package manager."""

    root: Path
    kind: str

    def install(self, package: Path) -> None:
        """Install a package, or replace another version by it."""
        if self.kind == "deb":
            shutil.copy(package, self.root / "package.deb")
            # apt does the same if it must not ask questions: each edited file stays, and the new default is written
            # beside it.
            self.inside(["dpkg", "--force-confold", "--install", "/package.deb"])
            (self.root / "package.deb").unlink()
        else:
            self._rpm("--upgrade", "--oldpackage", package)

    def remove(self) -> None:
        if self.kind == "deb":
            self.inside(["dpkg", "--remove", "backuplink"])
        else:
            self._rpm("--erase", "backuplink")

    def purge(self) -> None:
        """Remove the package, and everything else that a removal can delete."""
        if self.kind == "deb":
            self.inside(["dpkg", "--purge", "backuplink"])
        else:
            self.remove()

    def _rpm(self, *words: str | Path) -> None:
        # The files of the root belong to another package manager, so rpm's new database does not list the C library.
        result = succeed(["rpm", "--root", self.root, "--nodeps", "--noplugins", *words])
        assert "scriptlet failed" not in result.stderr, result.stderr

    def inside(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a program of the root in a clean environment; it must succeed."""
        return succeed(["chroot", self.root, *words])

    def files(self) -> set[str]:
        """All files and folders of the root, without the package manager's own records."""
        paths = set()
        for folder, folders, names in os.walk(self.root):
            for name in (*folders, *names):
                paths.add(str((Path(folder) / name).relative_to(self.root)))
        kept = ("var/lib/rpm", "usr/lib/sysimage", *LEFT_BY_DPKG) if self.kind == "rpm" else LEFT_BY_DPKG
        return {name for name in paths if not name.startswith(kept)} | {
            name for name in paths if "backuplink" in name and not name.startswith("var/lib/dpkg/")
        }


@pytest.fixture(params=[*((suite, "deb") for suite in SUITES), ("trixie", "rpm")], ids="-".join)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    suite, kind = request.param
    if os.geteuid() != 0:
        lacking("only root can install into a root")
    base = ROOT / "build" / "roots" / suite
    if not base.is_dir():
        lacking(f"there is no {base.relative_to(ROOT)}; run packaging/roots {suite}")
    root = tmp_path / "root"
    succeed(["cp", "--archive", base, root])
    assert not list(root.glob("usr/bin/python*"))
    if kind == "rpm":  # on an rpm system, these belong to other packages
        for folder in ("licenses", "zsh/site-functions", "fish/vendor_completions.d"):
            (root / "usr" / "share" / folder).mkdir(parents=True, exist_ok=True)
    yield Place(root=root, kind=kind)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The deb and the rpm of an older version with a different default configuration."""
    architecture = platform.machine()
    folder = tmp_path_factory.mktemp("older")
    shutil.copytree(PACKAGES, folder / "packaging" / "packages")
    configuration = folder / "packaging" / "packages" / "backuplink.toml"
    configuration.write_text(OLD_DEFAULT + configuration.read_text("utf-8"), "utf-8")
    for name in ("CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    (folder / "build").mkdir()
    (folder / "build" / "packages").symlink_to(ROOT / "build" / "packages")
    variables = {
        **SYSTEM,
        "VERSION": OLDER,
        "ARCH": MACHINES[architecture],
        "STAGE": f"build/packages/{architecture}",
        "MAINTAINER": "nobody <nobody@example.com>",
        "DATE": "2026-01-01T00:00:00Z",
    }
    if not (ROOT / variables["STAGE"]).is_dir():
        lacking(f"there is no {variables['STAGE']}, of which packages are made; run packaging/build packages")
    for kind in ("deb", "rpm"):
        words: list[str | Path] = [
            TOOLS / "nfpm",
            "package",
            "--config",
            f"{variables['STAGE']}/nfpm.yaml",
            "--packager",
            kind,
        ]
        words += ["--target", f"backuplink.{kind}"]
        succeed(words, variables, folder)
    return {kind: folder / f"backuplink.{kind}" for kind in ("deb", "rpm")}


@cache
def from_source(*words: str) -> tuple[int, str]:
    """Exit code and stdout of the command, run from the source tree."""
    result = run([sys.executable, "-m", "agent", *words], os.environ)
    return result.returncode, result.stdout


def judged(document: str) -> Mapping[str, Any]:
    """The findings of a report, without the time of the run."""
    report = json.loads(document)
    return {key: report[key] for key in ("verdict", "findings", "not_evaluated")}


def use(place: Place) -> None:
    """Create the files that an administrator and the services create during use."""
    if place.kind == "deb":
        succeed(["systemctl", f"--root={place.root}", "enable", "backuplink-watch.service", "backuplink-check.timer"])
    for folder, name in (("log", "report.json"), ("lib", "history.db")):
        above = place.root / "var" / folder
        (above / "private" / "backuplink").mkdir(parents=True)
        (above / "private" / "backuplink" / name).write_text("{}", "utf-8")
        (above / "backuplink").symlink_to("private/backuplink")


def test_keeps_what_was_edited_and_goes_without_a_trace(place: Place, older: Mapping[str, Path]) -> None:
    for folder in ("multi-user.target.wants", "timers.target.wants"):
        (place.root / "etc" / "systemd" / "system" / folder).mkdir(parents=True, exist_ok=True)
    (place.root / "var" / "lib" / "private").mkdir(exist_ok=True)  # this folder belongs to systemd, and stays
    calls = place.root / "root" / "calls"
    if place.kind == "rpm":  # there is no systemd in the root, so the scripts' calls of systemd are recorded
        (place.root / "usr" / "bin" / "systemctl").write_text('#!/bin/sh\necho "$@" >>/root/calls\n', "utf-8")
        (place.root / "usr" / "bin" / "systemctl").chmod(0o755)
    calls.write_text("", "utf-8")
    before = place.files()
    configuration = place.root / CONFIGURATION

    place.install(older[place.kind])
    assert configuration.read_text("utf-8").startswith(OLD_DEFAULT)
    assert [name for name in place.files() if ".wants/backuplink" in name] == []
    configuration.write_text(EDITED, "utf-8")
    variables = place.root / VARIABLES
    assert variables.stat().st_mode & 0o777 == 0o600
    variables.write_text(HOOK, "utf-8")

    place.install(built(place.kind, platform.machine()))
    assert configuration.read_text("utf-8") == EDITED
    assert (variables.read_text("utf-8"), variables.stat().st_mode & 0o777) == (HOOK, 0o600)
    assert place.inside(["backuplink", "--version"]).stdout == f"backuplink {__version__}\n"
    assert calls.read_text("utf-8") == ""
    use(place)
    assert len([name for name in place.files() if ".wants/backuplink" in name]) == (2 if place.kind == "deb" else 0)

    place.remove()
    assert not (place.root / PROGRAM).exists()
    assert not (place.root / "usr" / "bin" / "backuplink").is_symlink()
    if place.kind == "deb":
        assert configuration.read_text("utf-8") == EDITED
        place.purge()
        assert place.files() - before == set()
    else:
        saved = configuration.with_name("backuplink.toml.rpmsave")
        assert saved.read_text("utf-8") == EDITED
        new = configuration.with_name("backuplink.toml.rpmnew")
        secret = variables.with_name("environment.rpmsave")
        assert (secret.read_text("utf-8"), secret.stat().st_mode & 0o777) == (HOOK, 0o600)
        history = place.root / "var" / "lib" / "private" / "backuplink"  # rpm has no purge, so the history stays
        kept_there = (history, history / "history.db", place.root / "var/lib/backuplink")
        kept = {str(path.relative_to(place.root)) for path in (configuration.parent, saved, new, secret, *kept_there)}
        assert place.files() - before == kept
        assert calls.read_text("utf-8") == "--no-reload disable backuplink-check.timer backuplink-watch.service\n"


def test_an_upgrade_keeps_the_history_and_the_cache_of_a_fleet(place: Place, older: Mapping[str, Path]) -> None:
    """The packages do not contain DuckDB, so the source tree's program fills the cache."""
    place.install(older[place.kind])
    history, cached, reports = (place.root / "srv" / name for name in ("history.db", "cache", "reports"))
    reports.mkdir(parents=True)
    week(history)
    for name in SCENARIOS:
        (reports / f"{name}.json").write_text(from_source("demo", name, "--format", "json")[1], "utf-8")
    asked = ("backuplink", "history", "/srv/history.db", "--export", "ndjson")
    before = place.inside(asked).stdout
    fleet = from_source("fleet", str(reports), "--cache", str(cached), "--format", "json")
    kept = {file: file.read_bytes() for file in cached.iterdir()}
    assert kept

    place.install(built(place.kind, platform.machine()))
    assert place.inside(asked).stdout == before
    assert from_source("fleet", "--cache", str(cached), "--format", "json") == fleet
    assert {file: file.read_bytes() for file in cached.iterdir()} == kept


def test_finds_without_python_what_the_source_finds(place: Place) -> None:
    before = place.files()
    place.install(built(place.kind, platform.machine()))
    installed = place.files()
    for name in SCENARIOS:
        words = ("demo", name, "--format", "json")
        result = run(["chroot", place.root, "backuplink", *words])
        code, document = from_source(*words)
        assert result.returncode == code, result.stderr
        assert judged(result.stdout) == judged(document)
        expected = [finding.partition("@")[0] for finding in scenarios.load(name).expect.findings]
        assert [finding["code"] for finding in judged(result.stdout)["findings"]] == expected
    assert place.files() == installed
    place.purge()
    assert place.files() == before
