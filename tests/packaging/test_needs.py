"""`packaging/needs.txt` and the programs that read it. Before the first part runs, `packaging/build` and
`packaging/test` report or install every missing program.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.support.repository import ROOT

PACKAGING: Final = ROOT / "packaging"
ESSENTIAL: Final = ("cat", "dirname")
"""Programs of the base system that the two commands call."""
ELSEWHERE: Final = {
    "roots": "packaging/roots",
    "sign/repositories": "packaging/repositories/build",
    "sign/dist": "packaging/sign",
    "tests/ci": ".ci/run",
    "tests/everything": "packaging/release",
}
"""The files that call programs, but not to build or test a part."""


class Row(NamedTuple):
    """A row of `packaging/needs.txt`."""

    what: str
    package: str
    users: tuple[str, ...]


def rows_of(text: str) -> list[Row]:
    words = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return [Row(what, package, tuple(users)) for what, package, *users in words]


NEEDS: Final = (PACKAGING / "needs.txt").read_text("utf-8")
ROWS: Final = rows_of(NEEDS)
PARTS: Final[list[str]] = re.findall(r'^parts="(.*)"$', (PACKAGING / "parts.sh").read_text("utf-8"), re.M)[0].split()


def rows_for(verb: str, machine: str = "x86_64") -> list[Row]:
    """The rows that at least one part needs for `build` or `test`."""
    return [
        row
        for row in ROWS
        if any(user.startswith(f"{verb}/") and user.partition("@")[2] in ("", machine) for user in row.users)
    ]


# --- The list --------------------------------------------------------------------------------------------------------


def test_every_row_has_a_package_and_a_user() -> None:
    for row in ROWS:
        assert re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", row.package), row
        assert row.users, row
    assert len({row.what for row in ROWS}) == len(ROWS)


def script_of(user: str) -> Path:
    verb, _, part = user.partition("@")[0].partition("/")
    return ROOT / ELSEWHERE.get(user, f"packaging/{part}/{verb}")


@pytest.mark.parametrize("user", sorted({user for row in ROWS for user in row.users}))
def test_every_user_is_a_script_that_asks_for_its_rows(user: str) -> None:
    asked = user.partition("@")[0]
    text = script_of(user).read_text("utf-8")
    assert re.search(rf"^.*\bneed [^\n]*\b{re.escape(asked)}\b", text, re.MULTILINE) or f"words={asked}\n" in text


def scripts() -> list[Path]:
    """The files that build, test, sign and release."""
    found = [*PACKAGING.glob("*"), *PACKAGING.glob("*/build"), *PACKAGING.glob("*/test"), ROOT / ".ci" / "run"]
    return [path for path in found if path.is_file() and path.read_bytes().startswith(b"#!")]


def test_no_script_has_a_list_of_its_own() -> None:
    assert len(scripts()) > 25
    for script in scripts():
        text = script.read_text("utf-8")
        assert not re.search(r"command -v|apt-get install", text), script


def test_every_script_that_asks_has_rows() -> None:
    users = {user.partition("@")[0] for row in ROWS for user in row.users}
    for script in scripts():
        for asked in re.findall(r"^need (\w+/\w+)$", script.read_text("utf-8"), re.MULTILINE):
            assert asked in users, script


# --- A machine that lacks something ----------------------------------------------------------------------------------


class Machine:
    """A machine with a copy of `packaging`, in which the scripts of each part only print its name. PATH has all
    programs of the list, except those that a test removes."""

    def __init__(self, place: Path) -> None:
        self.tree = place / "tree"
        self.programs = place / "bin"
        self.files = place / "files"
        self.packaging = self.tree / "packaging"
        self.packaging.mkdir(parents=True)
        self.programs.mkdir()
        for name in ("build", "test", "parts.sh", "needs.sh", "environment.sh"):
            shutil.copy(PACKAGING / name, self.packaging / name)
        (self.packaging / "needs.txt").write_text(re.sub("^/", f"{self.files}/", NEEDS, flags=re.MULTILINE), "utf-8")
        for name in ESSENTIAL:
            (self.programs / name).symlink_to(shutil.which(name) or "")
        for row in ROWS:
            self.add(row)
        self.write("uname", "echo x86_64")
        self.write("id", "echo 0")
        self.write("perl", f'[ -e "{self.files}/perl$1" ]')
        for part in PARTS:
            for verb in ("build", "test"):
                script = self.packaging / part / verb
                script.parent.mkdir(exist_ok=True)
                script.write_text(f"#!/bin/sh\necho {part}\n", "utf-8")
                script.chmod(0o755)

    def place_of(self, row: Row) -> Path:
        """The path at which the machine has the file that the row requires."""
        if row.what.startswith("perl:"):
            return self.files / f"perl-M{row.what.removeprefix('perl:')}"
        if row.what.startswith("/"):
            return self.files / row.what[1:]
        return self.programs / row.what.replace("python>=3.11", "python3")

    def add(self, row: Row) -> None:
        place = self.place_of(row)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to("/bin/true")

    def lack(self, *rows: Row) -> None:
        for row in rows:
            self.place_of(row).unlink()

    def write(self, name: str, script: str) -> None:
        (self.programs / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        (self.programs / name).chmod(0o755)

    def named(self, row: Row) -> str:
        """The name that messages use for the row."""
        return str(self.place_of(row)) if row.what.startswith("/") else row.what

    def run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHON"}
        environment = {**kept, "PATH": str(self.programs)}
        command = [str(self.packaging / verb), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def refused(self, verb: str, *words: str) -> str:
        """Run the command, which must fail before any part runs; returns the last line of its output."""
        done = self.run(verb, *words)
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        return done.stderr.splitlines()[-1]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("verb", ["build", "test"])
def test_a_machine_with_everything_runs_every_part(verb: str, machine: Machine) -> None:
    done = machine.run(verb, "all")
    assert (done.returncode, done.stdout.split()) == (0, PARTS), done.stderr


@pytest.mark.parametrize(
    ("verb", "row"),
    [pytest.param(verb, row, id=f"{verb}-{row.what}") for verb in ("build", "test") for row in rows_for(verb)],
)
def test_each_program_that_is_missing_is_named_before_any_part_runs(verb: str, row: Row, machine: Machine) -> None:
    machine.lack(row)
    assert machine.refused(verb, "all") == (
        f"packaging/{verb}: tools are missing: {machine.named(row)}; "
        f"as root: apt-get install {row.package}, or --install-tools"
    )


@pytest.mark.parametrize("verb", ["build", "test"])
def test_all_programs_of_all_parts_are_named_at_once(verb: str, machine: Machine) -> None:
    rows = rows_for(verb)
    machine.lack(*rows)
    whats = " ".join(machine.named(row) for row in rows)
    packages = " ".join(dict.fromkeys(row.package for row in rows))
    assert machine.refused(verb, "all") == (
        f"packaging/{verb}: tools are missing: {whats}; as root: apt-get install {packages}, or --install-tools"
    )


def test_parts_need_their_own_programs_alone(machine: Machine) -> None:
    machine.lack(*(row for row in ROWS if row.what not in ("git", "python>=3.11")))
    names = ["fleet", "monitoring", "terraform", "cloudformation"]
    assert machine.run("build", *names).stdout.split() == names
    assert "autoreconf" not in machine.refused("build", "monitoring", "repositories")


def test_a_row_for_another_kind_of_processor_counts_only_there(machine: Machine) -> None:
    (row,) = (row for row in ROWS if any("@" in user for user in row.users))
    machine.lack(row)
    machine.write("uname", "echo aarch64")
    assert machine.run("test", "onefile").stdout == "onefile\n"
    machine.write("uname", "echo x86_64")
    assert machine.named(row) in machine.refused("test", "onefile")


# --- Installing ------------------------------------------------------------------------------------------------------

APT: Final = """\
echo "$*" >>{log}
[ "$1" = install ] || exit 0
for package in "$@"; do
    case $package in
{cases}
    esac
done"""


@pytest.fixture
def bare(machine: Machine) -> Machine:
    """A machine without the programs that the repositories need. Its apt-get records its calls, and installs these
    programs.
    """
    cases = "\n".join(
        f"    {row.package}) printf '#!/bin/sh\\n' >{machine.place_of(row)}; /bin/chmod +x {machine.place_of(row)} ;;"
        for row in repositories()
    )
    machine.write("apt-get", APT.format(log=machine.tree / "log", cases=cases))
    machine.lack(*repositories())
    return machine


def repositories() -> list[Row]:
    rows = [row for row in ROWS if "build/repositories" in row.users and row.what not in ("git", "python>=3.11")]
    assert [row.package for row in rows] == ["xz-utils", "apt-utils", "createrepo-c", "rpm-common"]
    return rows


@pytest.mark.parametrize("words", [("--install-tools", "all"), ("all", "--install-tools")])
def test_what_is_missing_is_installed_and_then_every_part_runs(words: tuple[str, str], bare: Machine) -> None:
    done = bare.run("build", *words)
    assert (done.returncode, done.stdout.split()) == (0, PARTS), done.stderr
    assert (bare.tree / "log").read_text("utf-8").splitlines() == [
        "update -qq",
        "install -y -qq --no-install-recommends xz-utils apt-utils createrepo-c rpm-common",
    ]
    assert done.stderr.splitlines()[0] == "packaging/build: installing xz-utils apt-utils createrepo-c rpm-common"


def test_nothing_is_installed_where_nothing_is_missing(bare: Machine) -> None:
    done = bare.run("build", "--install-tools", "fleet", "monitoring")
    assert done.stdout.split() == ["fleet", "monitoring"]
    assert not (bare.tree / "log").exists()


def test_an_option_without_a_part_shows_the_help(bare: Machine) -> None:
    done = bare.run("build", "--install-tools")
    assert done.returncode == 3
    assert "packaging/build [--install-tools] PART... | all" in done.stdout


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        pytest.param({"apt-get": "exit 100"}, "apt-get cannot update its lists; see the lines above", id="no network"),
        pytest.param(
            {"apt-get": '[ "$1" = update ]'},
            "apt-get cannot install xz-utils apt-utils createrepo-c rpm-common; see the lines above",
            id="no such package",
        ),
        pytest.param(
            {"apt-get": ":"},
            "apt-get installed xz-utils apt-utils createrepo-c rpm-common, but this is still missing: {whats}",
            id="other package",
        ),
        pytest.param(
            {"id": "echo 1000"},
            "--install-tools must be root; as root: apt-get install xz-utils apt-utils createrepo-c rpm-common",
            id="not root",
        ),
        pytest.param(
            {"apt-get": None},
            "--install-tools needs apt-get, which is not here; install yourself: "
            "xz-utils apt-utils createrepo-c rpm-common",
            id="not Debian",
        ),
    ],
)
def test_what_cannot_be_installed_is_said_and_no_part_runs(
    programs: dict[str, str | None], said: str, bare: Machine
) -> None:
    for name, script in programs.items():
        if script is None:
            (bare.programs / name).unlink()
        else:
            bare.write(name, script)
    whats = " ".join(bare.named(row) for row in repositories())
    assert bare.refused("build", "--install-tools", "all") == f"packaging/build: {said.format(whats=whats)}"
