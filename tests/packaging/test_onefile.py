"""The one file: its content, the folders into which it may and may not unpack itself, and its findings, which must
equal those of the source tree.
"""

import gzip
import io
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

import components
from agent.catalog.services import SERVICES
from agent.version import __version__
from tests.packaging import kernel, pipeline
from tests.packaging.artifacts import DIST, artifact_of, lacking
from tests.process.terminals import on_terminal
from tests.support import scenarios
from tests.support.repository import ROOT

MACHINES: Final = {"x86_64": 62, "aarch64": 183}
"""The machine type in an ELF header, by processor (elf.h, EM_X86_64 and EM_AARCH64)."""
OLDEST_GLIBC: Final = (2, 17)
"""The oldest glibc with which the file must run. Of the promised systems, Amazon Linux 2 has 2.26 and RHEL 8 has 2.28.
"""
OF_THE_C_LIBRARY: Final = {
    *(f"lib{name}" for name in ("c.so.6", "m.so.6", "dl.so.2", "pthread.so.0", "rt.so.1", "util.so.1", "gcc_s.so.1")),
    *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"),
}
"""For each kind of processor, the shared libraries that every host has as part of its C library."""
MEGABYTES: Final = 35
SECONDS: Final = 300.0
"""The limit in seconds for a process on a busy machine."""
PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
NOBODY: Final = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
DEBIAN: Final = ("bullseye",)
UBUNTU: Final = ("focal", "jammy")
FOREIGN: Final = Path("/usr/aarch64-linux-gnu")
"""The folder into which Debian's libc6-arm64-cross and libgcc-s1-arm64-cross install the C library."""
VERSION: Final = f"backuplink {__version__}\n"


def environment(home: Path | None = None, /, **more: str) -> dict[str, str]:
    """A clean environment for a process. It has a home folder only if `home` is given."""
    return {"PATH": PATH, **({"HOME": str(home)} if home else {}), **more}


def run(words: Sequence[str | Path], variables: Mapping[str, str], given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a process that reads `given` from its stdin."""
    return subprocess.run(
        [str(word) for word in words],
        cwd="/",
        env=dict(variables),
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def succeed(
    words: Sequence[str | Path], variables: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    result = run(words, variables, given)
    assert result.returncode == 0, (words, result.stdout[-2_000:], result.stderr[-2_000:])
    return result


def inside(
    file: Path, script: str, *words: str, root: Path = Path("/"), given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a shell script in its own mount namespace. There, /mnt is the folder of `file`, and /media is `root`, both
    read-only. Every place into which the file might have been unpacked is empty.
    """
    prepared = f"""
        mount --bind "{file.parent}" /mnt
        mount -o remount,bind,ro /mnt
        mount --bind "{root}" /media
        mount -o remount,bind,ro /media
        for place in /root /var/lib /tmp /var/tmp /dev/shm; do mount -t tmpfs -o mode=1777 none $place; done
        chmod 700 /root
        file=/mnt/{file.name}
        {script}
    """
    return run(["unshare", "--mount", "sh", "-euc", prepared, "sh", *words], environment(), given)


def within(folder: Path) -> set[str]:
    """The files below a folder, including hidden files."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def entries(folder: Path) -> list[str]:
    """The names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def offset(file: Path) -> int:
    """The offset in bytes at which the file's archive begins."""
    match = re.search(rb"tail -c \+(\d+)", file.read_bytes())
    assert match is not None
    return int(match[1]) - 1


@cache
def members(file: Path) -> Mapping[str, tuple[tarfile.TarInfo, bytes]]:
    """The members of the file's archive by name, without folders."""
    plain = gzip.decompress(file.read_bytes()[offset(file) :])
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        return {
            member.name: (member, content.read())
            for member in archive
            if (content := archive.extractfile(member)) is not None
        }


def of_this_tree(file: Path) -> Path:
    """The path of the file, after a check that both packages in it equal those of the current tree."""
    ours = {
        f"app/{path.relative_to(ROOT)}": path.read_bytes()
        for package in ("agent", "probes")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    theirs = {
        name: content
        for name, (_, content) in members(file).items()
        if name.startswith(("app/agent/", "app/probes/")) and "__pycache__" not in name
    }
    if ours != theirs:
        lacking("the tree has changed since dist/ was built; run packaging/build onefile")
    return file


def built_for(architecture: str) -> Path:
    """The one file for a kind of processor. If it is for a foreign processor and was not built, the test is skipped."""
    name = f"backuplink-VERSION-linux-{architecture}.run"
    if architecture != platform.machine() and not (DIST / name.replace("VERSION", __version__)).exists():
        pytest.skip(f"dist/ has none for {architecture}; packaging/onefile/build all makes it")
    return artifact_of(name, "onefile")


@pytest.fixture(scope="module", params=sorted(MACHINES))
def built_file(request: pytest.FixtureRequest) -> Path:
    """The one file for each kind of processor, for tests that inspect it."""
    return of_this_tree(built_for(request.param))


@pytest.fixture(scope="module")
def file() -> Path:
    """The one file for this machine, for tests that run it."""
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        lacking(f"there is no file for {sys.platform} on {platform.machine()}")
    return of_this_tree(built_for(platform.machine()))


@pytest.fixture(scope="module")
def directory(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the file has unpacked itself."""
    home = tmp_path_factory.mktemp("unpacked")
    return Path(succeed([file, "--unpacked-to"], environment(BACKUPLINK_HOME=str(home))).stdout.rstrip("\n"))


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        lacking("only root makes mount namespaces and becomes another user")


@cache
def texts() -> str:
    """Every scenario of the repository, as `tests.packaging.pipeline` reads them."""
    return json.dumps({name: scenarios.text(name) for name in scenarios.names()})


@cache
def of_the_source() -> Mapping[str, Any]:
    """The findings of the source tree in every scenario."""
    words = [sys.executable, "-m", "tests.packaging.pipeline"]
    done = subprocess.run(words, cwd=ROOT, input=texts(), capture_output=True, text=True, timeout=SECONDS, check=True)
    result: Mapping[str, Any] = json.loads(done.stdout)
    return result


# --- What is in it ----------------------------------------------------------------------------------------------------


def test_is_no_larger_than_promised(built_file: Path) -> None:
    assert built_file.stat().st_size <= MEGABYTES * 1_000_000


def test_every_program_is_for_its_processor_and_for_the_oldest_glibc(built_file: Path) -> None:
    architecture = built_file.stem.rpartition("-linux-")[2]
    programs = {name: content for name, (_, content) in members(built_file).items() if content.startswith(b"\x7fELF")}
    assert "bin/python" in programs
    assert any("cryptography" in name for name in programs)
    for name, content in programs.items():
        assert int.from_bytes(content[18:20], "little") == MACHINES[architecture], name
        # The strings in a file include the names of all symbol versions that it requires.
        wanted = {tuple(map(int, version)) for version in re.findall(rb"GLIBC_(\d+)\.(\d+)(?:\.\d+)?\0", content)}
        assert wanted, name
        assert max(wanted) <= OLDEST_GLIBC, name
        libraries = {library.decode() for library in re.findall(rb"\0((?:lib|ld-)[\w-]+\.so\.\d+)(?=\0)", content)}
        assert libraries <= OF_THE_C_LIBRARY, name


def test_holds_nothing_that_installs_or_tests(built_file: Path) -> None:
    for name in members(built_file):
        parts = Path(name).parts
        assert not {"pip", "ensurepip", "site-packages", "idlelib", "tkinter", "test", "tests"} & set(parts), name


def test_nothing_says_where_or_by_whom_it_was_built(built_file: Path) -> None:
    dates = set()
    for name, (entry, content) in members(built_file).items():
        assert (entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, "", ""), name
        assert str(ROOT).encode() not in content, name
        dates.add(entry.mtime)
    assert len(dates) == 1


def test_carries_the_licences_of_what_was_compiled(built_file: Path) -> None:
    licences = {Path(name).name.partition("@")[0] for name in members(built_file) if name.startswith("licences/")}
    inside = {name for names in components.INSIDE_COMPILED.values() for name in names}
    assert licences == {"backuplink", *components.COMPILED, *inside}


def test_assembled_again_in_another_folder_and_umask_gives_the_same_bytes(built_file: Path, tmp_path: Path) -> None:
    architecture = built_file.stem.rpartition("-linux-")[2]
    build = ROOT / "build" / "onefile"
    python = build / platform.machine() / "parts" / "python" / "bin" / "python"
    if not python.exists():
        lacking("build/ holds no compiled Python; run packaging/build onefile")
    date = next(iter(members(built_file).values()))[0].mtime
    words = [python, "-S", "-s", "-P", "-B", ROOT / "packaging" / "onefile" / "assemble.py", "--arch", architecture]
    words += ["--date", str(date), "--project", ROOT, "--tree", tmp_path / "tree", "--output", tmp_path]
    words += ["--parts", build / architecture / "parts", "--libraries", build / architecture / "libraries"]
    # This list must equal the list in packaging/onefile/build.
    quoted = " ".join(f"'{word}'" for word in words)
    succeed(["sh", "-c", f"umask 077; exec {quoted}"], environment(PYTHONHASHSEED="0", LC_ALL="C.UTF-8"))
    assert (tmp_path / built_file.name).read_bytes() == built_file.read_bytes()


# --- That it runs -----------------------------------------------------------------------------------------------------


def in_python(directory: Path, script: str, given: str = "") -> str:
    """The output of a script that the unpacked Python runs, with its libraries."""
    prepared = f"import sys\nsys.path.insert(0, {str(directory / 'app')!r})\n{script}"
    return succeed([directory / "bin" / "python", "-I", "-S", "-B", "-c", prepared], environment(), given).stdout


def test_every_module_of_both_packages_can_be_imported(directory: Path) -> None:
    """The test leaves out the modules that need DuckDB. The one file does not contain DuckDB, so it neither joins nor
    packs records.
    """
    shown = in_python(
        directory,
        "import importlib, pkgutil, agent, probes\n"
        "for package in (agent, probes):\n"
        "    for each in pkgutil.walk_packages(package.__path__, f'{package.__name__}.'):\n"
        "        if not each.name.endswith(('__main__', '.fleet.connection', '.fleet.database', '.fleet.pack')):\n"
        "            print(importlib.import_module(each.name).__file__)\n",
    ).split()
    assert len(shown) > 100
    assert all(Path(name).is_relative_to(directory / "app") for name in shown)


def test_every_library_that_the_project_asks_for_can_be_imported(directory: Path) -> None:
    in_python(
        directory,
        "import boto3.session, certifi, click, cryptography.x509, dns.message, h11, httpx, junitparser\n"
        "import prometheus_client, textual.app, ssl, ctypes, zlib, urllib3\n",
    )


def test_the_sdk_has_the_services_that_a_run_asks(directory: Path) -> None:
    shown = in_python(
        directory,
        "import botocore.session\n"
        "from probes.seams import Keys\n"
        "from probes.system import clients\n"
        "keys = Keys(access_key_id='a', secret_key='b', token=None)\n"
        "reading = clients.reads(None, keys)\n"
        "session = botocore.session.Session()\n"
        "for name in ('sts', 'sso', 'sso-oidc'):\n"
        "    print(session.create_client(name, region_name='eu-west-1').meta.service_model.service_name)\n"
        "for name in ('ec2', 'route53resolver', 'route53', 'route53profiles'):\n"
        "    print(clients.reading(reading, name, 'eu-west-1').meta.endpoint_url)\n",
    )
    assert len(shown.split()) == 7


def test_the_sdk_signs_every_call_and_reads_every_setting(directory: Path) -> None:
    shown = in_python(
        directory,
        "from datetime import UTC, datetime\n"
        "from agent.catalog.services import SERVICES\n"
        "from probes.seams import Keys\n"
        "from probes.steps.sigv4 import signed_headers\n"
        "from probes.system.sdk import load_sdk_settings\n"
        "keys = Keys(access_key_id='AKIAIOSFODNN7EXAMPLE', secret_key='none', token=None)\n"
        "load_sdk_settings(None, [service.client_name for service in SERVICES.values() if service.client_name])\n"
        "for service in SERVICES.values():\n"
        "    if service.call is not None:\n"
        "        signed = signed_headers(\n"
        "            keys, service=service.signing_name, region='eu-west-1', at=datetime.now(UTC),\n"
        "            method=service.call.method, url=f'https://example.com{service.call.path}',\n"
        "            headers=service.call.headers, body=service.call.body,\n"
        "        )\n"
        "        print(service.name, dict(signed)['Authorization'].split()[0])\n",
    )
    called = [service.name for service in SERVICES.values() if service.call is not None]
    assert shown.split("\n")[:-1] == [f"{name} AWS4-HMAC-SHA256" for name in called]


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("--help",),
        ("tui", "--help"),
        ("explain", "TCP003"),
        ("schema",),
        ("endpoints", "--region", "eu-west-1", "--format", "json"),
        ("demo", "gateway-ports-missing"),
    ],
    ids=" ".join,
)
def test_says_what_the_source_says(file: Path, directory: Path, words: tuple[str, ...]) -> None:
    variables = environment(BACKUPLINK_HOME=str(directory.parent))
    ours = run([file, *words], variables)
    source = subprocess.run(
        [sys.executable, "-m", "agent", *words],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (ours.returncode, without_moment(ours.stdout)) == (source.returncode, without_moment(source.stdout))
    assert ours.returncode in (0, 1, 2)
    assert len(ours.stdout) > 10
    assert ours.stderr == source.stderr


def test_keeps_a_history(file: Path, directory: Path, tmp_path: Path) -> None:
    variables = environment(BACKUPLINK_HOME=str(directory.parent))
    history = tmp_path / "h.db"
    watched = run([file, "demo", "--watch", "one-zone-silent", "--cycles", "1", "--history", history], variables)
    assert (watched.returncode, history.stat().st_mode & 0o777) == (2, 0o600)
    listed = run([file, "history", history], variables)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "  1 cycle from 2026-01-15 03:00:00" in listed.stdout
    assert "03:00:03  verdict critical: backup: 1 of 3 addresses is" in listed.stdout
    assert run([file, "history", history, "--show", "1", "--format", "json"], variables).returncode == 0
    page = run([file, "history", history, "--format", "html"], variables)
    assert (page.returncode, page.stderr) == (0, "")
    assert "All " in page.stdout  # the page contains the report of the failure


def test_makes_an_archive_for_a_support_case(file: Path, directory: Path, tmp_path: Path) -> None:
    variables = environment(BACKUPLINK_HOME=str(directory.parent))
    report, archive = tmp_path / "r.json", tmp_path / "case.tar.gz"
    run([file, "demo", "three-faults", "--format", "json", "--output", report], variables)
    done = run([file, "bundle", report, "--output", archive], variables)
    assert (done.returncode, done.stdout) == (0, f"{archive}\n")
    with tarfile.open(archive) as opened:
        names = [name.partition("/")[2] for name in opened.getnames()]
    assert names == ["README.txt", "report.json", "report.txt", "report.html"]
    of_run = run([file, "bundle", "--no-api", "--no-ec2", "--deadline", "1", "--output", archive], variables)
    assert of_run.returncode == 0, of_run.stderr
    with tarfile.open(archive) as opened:
        assert any(name.endswith("/host/versions.txt") for name in opened.getnames())
    case = run([file, "bundle", report, "--case"], variables)
    assert (case.returncode, case.stdout.startswith("The block below shows ids")) == (0, True)


def without_moment(text: str) -> str:
    """The output without the time of the run, which is on one line of the text report."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "", text)


def test_finds_in_every_scenario_what_the_source_finds(directory: Path) -> None:
    results = json.loads(in_python(directory, Path(pipeline.__file__).read_text("utf-8"), texts()))
    expected = of_the_source()
    assert len(expected) > 100
    assert {name: results.get(name) for name in expected if results.get(name) != expected[name]} == {}


def test_the_interface_has_its_styles(file: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUPLINK_HOME", str(directory.parent))
    with on_terminal([str(file), "demo", "--tui"]) as session:
        session.until("backup answers privately at 3 addresses")
        session.press("q")
        assert session.ended() == 0
        assert session.is_sane()
        assert "Traceback" not in session.text()


def test_listens_to_no_python_of_the_host(file: Path, directory: Path, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise SystemExit('the host is heard')", "utf-8")
    variables = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path), "PYTHONSTARTUP": "/nonexistent"}
    done = succeed([file, "--help"], environment(BACKUPLINK_HOME=str(directory.parent), **variables))
    assert done.stdout.startswith("Usage: backuplink")


def test_starts_through_a_symbolic_link_to_what_is_unpacked(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "backuplink").symlink_to(directory / "bin" / "backuplink")
    assert succeed([tmp_path / "backuplink", "--version"], environment()).stdout == VERSION


# --- For the other kind of processor ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[str | Path, ...]:
    """The beginning of a command that runs the unpacked program for aarch64 in an emulator, with the Python that was
    unpacked with it. The file itself cannot start here, because its head is a script that runs in this machine's shell
    and first checks the processor.
    """
    file = of_this_tree(built_for("aarch64"))
    if platform.machine() == "aarch64":
        pytest.skip("it is this machine's, which the other tests run")
    if shutil.which("qemu-aarch64") is None or not (FOREIGN / "lib" / "libgcc_s.so.1").exists():
        lacking(
            "needs qemu-aarch64 and the C library; apt-get install qemu-user libc6-arm64-cross libgcc-s1-arm64-cross"
        )
    folder = tmp_path_factory.mktemp("aarch64")
    for name, (entry, content) in members(file).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(entry.mode)
    emulator = shutil.which("qemu-aarch64") or ""
    return emulator, "-L", FOREIGN, folder / "bin" / "python", "-I", "-S", "-B", folder / "app"


SOURCE: Final = (sys.executable, "-m", "agent")


def both(
    emulated: Sequence[str | Path], *words: str, before: Sequence[str] = ()
) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
    """The results of a call of the foreign processor's file, and of the source tree's program with the same
    arguments.
    """
    theirs = run([*before, *emulated, *words], environment())
    source = run([*before, *SOURCE, *words], environment(PYTHONPATH=str(ROOT)))
    return theirs, source


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("explain", "TCP003"),
        ("demo", "gateway-ports-missing"),
        ("demo", "--watch", "one-zone-silent", "--cycles", "2"),
    ],
    ids=" ".join,
)
def test_the_other_processors_says_what_the_source_says(emulated: Sequence[str | Path], words: tuple[str, ...]) -> None:
    theirs, source = both(emulated, *words)
    # In a slow emulator, the simulated run lasts longer.
    shown, expected = (re.sub(r"\d\d:\d\dZ|\d+ s\b", "", without_moment(done.stdout)) for done in (theirs, source))
    assert (theirs.returncode, shown, theirs.stderr) == (source.returncode, expected, source.stderr)
    assert len(shown) > 10


@pytest.mark.usefixtures("as_root")
def test_a_check_by_the_other_processors_finds_what_the_source_finds(emulated: Sequence[str | Path]) -> None:
    """The check has only a loopback interface, so a slow emulator cannot make an answer late."""
    words = ("check", "--region", "eu-west-1", "--timeout", "5", "--deadline", "120", "--format", "json")
    theirs, source = both(emulated, *words, before=("unshare", "--net"))
    assert theirs.stderr == source.stderr == ""
    reports = [json.loads(done.stdout) for done in (theirs, source)]
    codes = [[finding["code"] for finding in report["findings"]] for report in reports]
    assert codes[0] == codes[1]
    assert "DNS004" in codes[0]
    assert theirs.returncode == source.returncode == 2


@pytest.mark.usefixtures("as_root")
def test_what_the_emulator_does_not_know_is_what_the_page_lists(emulated: Sequence[str | Path]) -> None:
    script = Path(kernel.__file__).read_text("utf-8")
    *python, app = emulated
    prepared = f"import sys\nsys.path.insert(0, {str(app)!r})\n{script}"
    words = ["unshare", "--net", "sh", "-euc", 'ip link set lo up && exec "$@"', "sh", *python, "-c", prepared]
    answers = json.loads(succeed(words, environment()).stdout)
    assert answers.keys() == kernel.REQUESTS.keys()
    lacking_there = {name for name, answer in answers.items() if answer != "answered"}
    page = (
        (ROOT / "docs" / "development" / "packaging.md")
        .read_text("utf-8")
        .partition("\n### What the tests show, and what they do not\n")[2]
    )
    listed = set(re.findall(r"^- `([^`]+)`: ", page.partition("\n## ")[0], re.MULTILINE))
    assert lacking_there == listed


def test_the_kernel_here_answers_every_request(directory: Path) -> None:
    answers = json.loads(in_python(directory, Path(kernel.__file__).read_text("utf-8")))
    assert {name for name, answer in answers.items() if answer != "answered"} == set()


# --- Where it unpacks -------------------------------------------------------------------------------------------------


def named(message: str) -> Path:
    """The folder with everything that the file wrote. The file's message names this folder."""
    match = re.search(r"deleting (/\S+) removes all", message)
    assert match is not None, message
    return Path(match[1])


def test_the_second_start_unpacks_nothing(file: Path, tmp_path: Path) -> None:
    variables = environment(BACKUPLINK_HOME=str(tmp_path))
    first = succeed([file, "--version"], variables)
    assert "unpacked to" in first.stderr
    before = {path: path.lstat().st_ctime_ns for path in tmp_path.rglob("*")}
    second = succeed([file, "--version"], variables)
    assert (first.stdout, second.stdout) == (VERSION, VERSION)
    assert second.stderr == ""
    assert {path: path.lstat().st_ctime_ns for path in tmp_path.rglob("*")} == before


def test_deleting_what_it_names_leaves_nothing(file: Path, tmp_path: Path) -> None:
    message = succeed([file, "demo"], environment(BACKUPLINK_HOME=str(tmp_path))).stderr
    assert len(within(tmp_path)) > 1_000
    assert named(message).parent == tmp_path
    shutil.rmtree(named(message))
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.usefixtures("as_root")
def test_deleting_what_it_names_leaves_nothing_at_home(file: Path) -> None:
    script = """
        mkdir /root/.cache
        HOME=/root $file demo 2>/tmp/said >&2
        find /root -type f | wc -l
        rm -r "$(sed -n 's/.*deleting \\([^ ]*\\) removes all.*/\\1/p' /tmp/said)"
        find /root /var/lib /tmp /var/tmp /dev/shm -mindepth 1
    """
    done = inside(file, script)
    assert done.returncode == 0, done.stderr
    count, *left = done.stdout.split()
    assert int(count) > 1_000
    assert left == ["/root/.cache", "/tmp/said"]  # noqa: S108 - the script's own


def test_four_first_starts_at_once(file: Path, tmp_path: Path) -> None:
    variables = environment(BACKUPLINK_HOME=str(tmp_path))
    started = [
        subprocess.Popen([file, "--version"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    outputs = [process.communicate(timeout=SECONDS) for process in started]
    assert [process.returncode for process in started] == [0] * 4, outputs
    assert [out for out, _ in outputs] == [VERSION] * 4
    assert [errors for _, errors in outputs if "not in" in errors] == []
    assert len(entries(tmp_path)) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_unpack_leaves_nothing(file: Path, tmp_path: Path, number: signal.Signals) -> None:
    variables = environment(BACKUPLINK_HOME=str(tmp_path))
    with subprocess.Popen([file, "--version"], env=variables, start_new_session=True) as process:
        limit = time.monotonic() + SECONDS
        while not any(tmp_path.glob(".backuplink-*/lib")):
            assert process.poll() is None
            assert time.monotonic() < limit
        os.killpg(process.pid, number)
        assert process.wait(SECONDS) == -number
    assert entries(tmp_path) == []


def test_what_a_killed_one_left_is_cleared_away_later(file: Path, tmp_path: Path) -> None:
    left, young = tmp_path / ".backuplink-0-left", tmp_path / ".backuplink-0-young"
    for folder in (left, young):
        (folder / "lib").mkdir(parents=True)
    os.utime(left, (1, 1))
    succeed([file, "--version"], environment(BACKUPLINK_HOME=str(tmp_path)))
    assert not left.exists()
    assert young.exists()


def test_a_directory_that_is_not_whole_is_made_anew(file: Path, tmp_path: Path) -> None:
    variables = environment(BACKUPLINK_HOME=str(tmp_path))
    unpacked = named(succeed([file, "--version"], variables).stderr)
    shutil.rmtree(unpacked / "app" / "click")
    again = succeed([file, "demo"], variables)
    assert "is not whole any more and is made anew" in again.stderr
    assert entries(tmp_path) == [unpacked.name]


@pytest.mark.parametrize("damage", ["a byte", "the end"])
def test_a_damaged_file_is_refused(file: Path, tmp_path: Path, damage: str) -> None:
    content = bytearray(file.read_bytes())
    if damage == "a byte":
        content[(offset(file) + len(content)) // 2] ^= 1
    else:
        del content[-1_000_000:]
    copy = tmp_path / "backuplink.run"
    copy.write_bytes(content)
    copy.chmod(0o755)
    home = tmp_path / "home"
    done = run([copy, "--version"], environment(BACKUPLINK_HOME=str(home)))
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{copy} is damaged" in done.stderr
    assert not home.exists()


def refused(file: Path, home: Path) -> str:
    """Run the file, assert that it neither unpacks to `home` nor starts the copy there, and return its message."""
    done = run([file, "--version"], environment(BACKUPLINK_HOME=str(home)))
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert "name a directory of your own: BACKUPLINK_HOME=/path" in done.stderr
    return done.stderr


@pytest.mark.parametrize("below", ["", "own"], ids=["it", "above it"])
def test_a_place_that_others_can_change_is_refused(file: Path, tmp_path: Path, below: str) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    home = shared / below
    assert f"not in {home}: it, or a directory above it, can be changed by others" in refused(file, home)
    assert entries(shared) == []


def test_what_others_can_change_is_not_started(file: Path, tmp_path: Path) -> None:
    unpacked = named(succeed([file, "--version"], environment(BACKUPLINK_HOME=str(tmp_path))).stderr)
    (unpacked / "bin" / "backuplink").write_text("#!/bin/sh\necho changed\n", "utf-8")
    unpacked.chmod(0o777)
    assert f"not in {tmp_path}: {unpacked.name} is there, and can be changed by others" in refused(file, tmp_path)


def test_a_symbolic_link_in_its_place_is_not_followed(file: Path, directory: Path, tmp_path: Path) -> None:
    (tmp_path / directory.name).symlink_to(directory)
    assert f"{directory.name} is there, and can be changed by others" in refused(file, tmp_path)


@pytest.mark.usefixtures("as_root")
def test_what_belongs_to_another_user_is_not_started(file: Path, tmp_path: Path) -> None:
    unpacked = named(succeed([file, "--version"], environment(BACKUPLINK_HOME=str(tmp_path))).stderr)
    os.chown(unpacked, 65534, 65534)
    assert f"{unpacked.name} is there, and can be changed by others" in refused(file, tmp_path)


@pytest.mark.usefixtures("as_root")
def test_a_user_without_a_home_on_a_noexec_tmp(file: Path) -> None:
    script = f"""
        mount -o remount,noexec /tmp
        HOME=/nonexistent {" ".join(NOBODY)} $file --version
        {" ".join(NOBODY)} $file --version
        cd /tmp && ls -A && cd ../var/tmp && ls -A
    """
    done = inside(file, script)
    assert done.returncode == 0, done.stderr
    first, second, *left = done.stdout.splitlines(keepends=True)
    assert (first, second) == (VERSION, VERSION)
    assert "".join(left).split() == ["backuplink-65534"]  # the first folder is empty
    assert "not in /nonexistent/.cache/backuplink: there is no directory /nonexistent\n" in done.stderr
    assert "not in /tmp/backuplink-65534: no program may be started there (mounted noexec?)\n" in done.stderr
    assert done.stderr.count("unpacked to /var/tmp/backuplink-65534/") == 1


@pytest.mark.usefixtures("as_root")
def test_a_read_only_root(file: Path) -> None:
    script = """
        umount /root /var/lib
        mount -o remount,bind,ro /
        HOME=/srv $file --version
    """
    done = inside(file, script)
    assert (done.returncode, done.stdout) == (0, VERSION), done.stderr
    assert "not in /srv/.cache/backuplink: Read-only file system\n" in done.stderr
    assert "not in /var/lib/backuplink: Read-only file system\n" in done.stderr
    assert "unpacked to /tmp/backuplink-0/" in done.stderr


@pytest.mark.usefixtures("as_root")
def test_no_place_at_all_is_said_with_what_to_do(file: Path) -> None:
    script = """
        for place in /tmp /var/tmp /dev/shm /var/lib; do mount -o remount,noexec $place; done
        env -u HOME $file --version || code=$?
        for place in /tmp /var/tmp /dev/shm /var/lib; do ls -A $place; done
        exit $code
    """
    done = inside(file, script)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("no program may be started there (mounted noexec?)") == 4
    assert "name a directory of your own: BACKUPLINK_HOME=/path" in done.stderr.splitlines()[-1]


@pytest.mark.usefixtures("as_root")
def test_a_full_place_is_left_as_it_was(file: Path) -> None:
    script = """
        mount -o remount,size=8M /var/lib
        env -u HOME $file --version
        ls -A /var/lib
    """
    done = inside(file, script)
    assert (done.returncode, done.stdout) == (0, VERSION), done.stderr
    assert re.search(r"not in /var/lib/backuplink: it cannot be unpacked: .*No space left", done.stderr)
    assert "unpacked to /tmp/backuplink-0/" in done.stderr


# --- On other systems -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("suite", [*DEBIAN, *UBUNTU])
def test_runs_in_a_root_without_python(file: Path, suite: str) -> None:
    root = ROOT / "build" / "roots" / suite
    if not root.is_dir():
        if suite in UBUNTU:
            pytest.skip(f"build/roots has no {suite}; packaging/roots {suite} makes it where apt has Ubuntu")
        lacking(f"build/roots has no {suite}; run packaging/roots {suite}")
    assert list(root.glob("usr/bin/python*")) == []
    script = """
        mount -t tmpfs none /media/tmp
        mount --bind /mnt /media/mnt
        chroot /media env -u HOME $file --version
        chroot /media env -u HOME $file demo gateway-ports-missing >&2 || [ $? -le 2 ]
        exec chroot /media env -u HOME sh -c 'directory=$("$0" --unpacked-to) &&
            exec "$directory/bin/python" -I -S -B -c "import sys; sys.path.insert(0, \\"$directory/app\\"); $1"' \
            $file "$1"
    """
    each = f"exec({Path(pipeline.__file__).read_text('utf-8')!r})"
    done = inside(file, script, each, root=root, given=texts())
    assert done.returncode == 0, done.stderr[-2_000:]
    version, _, output = done.stdout.partition("\n")
    assert f"{version}\n" == VERSION
    assert json.loads(output) == of_the_source()
