"""The container image: its layout, how other programs read it, how it runs under the settings of a container runtime,
and the examples for ECS, EKS and Docker.

The tests of the built image need `packaging/build onefile image`. `packaging/test image` fails if the image, skopeo,
umoci or qemu is missing; other test runs skip these tests.
"""

import gzip
import hashlib
import io
import json
import os
import platform
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml

import manual
import oci
from agent.app.permissions import permissions
from agent.catalog.hosts import endpoints
from agent.catalog.partitions import PARTITIONS
from agent.catalog.workloads import checked_for_caller
from agent.cli import main as cli
from agent.version import __version__
from tests.packaging.artifacts import artifact_of, lacking
from tests.support.aws_commands import complaint
from tests.support.cloudformation import Stack, template
from tests.support.repository import ROOT

IMAGE: Final = ROOT / "packaging" / "image"
ECS: Final = IMAGE / "backuplink-ecs.template.yaml"
EKS: Final = IMAGE / "backuplink-eks.yaml"
GUIDE: Final = ROOT / "docs" / "image.md"
MEGABYTES: Final = 75
"""The maximum size of an image in a registry, in megabytes."""
SECONDS: Final = 600.0
"""The limit in seconds for a process on a busy machine."""
AMAZON: Final = "usr/share/ca-certificates/mozilla/Amazon_Root_CA_1.crt"
DATE: Final = 1_700_000_000
RELEASE: Final = oci.Release(version="1.2.0", revision="0a" * 20, date=DATE)


# --- The assembler, over a small program -----------------------------------------------------------------------------


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """Fill the folder with these files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return folder


def source(folder: Path, architecture: str) -> oci.Source:
    """A small program, and the files that the packages would install."""
    libraries = f"usr/lib/{architecture}-linux-gnu"
    loader = Path(oci.MACHINES[architecture][1]).name
    return oci.Source(
        tree=written(
            folder / architecture / "tree",
            {
                "bin/python": "ELF",
                "bin/backuplink": "#!/bin/sh",
                "app/agent/version.py": "",
                "licences/python": "words",
            },
        ),
        system=written(
            folder / architecture / "system",
            {
                **{
                    f"{libraries}/{name}": name for name in (loader, *oci.LIBRARIES, oci.OF_FLEET, "libnot_wanted.so.1")
                },
                "usr/share/ca-certificates/mozilla/B.crt": "second\n\n",
                "usr/share/ca-certificates/mozilla/A.crt": "first",
                "usr/lib/os-release": "ID=debian\n",
                **{f"usr/share/common-licenses/{name}": name for name in oci.TEXTS},
                "DEBIAN/libc6": "Package: libc6\n",
                "usr/share/doc/libc6/copyright": "LGPL\n",
                "bin/sh": "a shell",
            },
        ),
        fleet=written(
            folder / architecture / "fleet",
            {
                "duckdb/__init__.py": "import _duckdb",
                "duckdb/__init__.pyi": "types",
                "_duckdb.cpython-313.so": "ELF",
                "_duckdb-stubs/__init__.pyi": "types",
                "adbc_driver_duckdb/__init__.py": "another's",
                "duckdb-2.0.1.dist-info/licenses/LICENSE": "MIT",
            },
        ),
    )


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, oci.Source]:
    return {architecture: source(tmp_path, architecture) for architecture in oci.MACHINES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The archive of an image, in OCI's image layout."""

    files: Mapping[str, bytes]

    @classmethod
    def of(cls, content: bytes) -> "Layout":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            return cls(files={member.name: read.read() for member in archive if (read := archive.extractfile(member))})

    def blob(self, descriptor: Mapping[str, Any]) -> bytes:
        """The content to which a descriptor points. Asserts that its size and digest are those in the descriptor."""
        kind, _, digest = descriptor["digest"].partition(":")
        content = self.files[f"blobs/{kind}/{digest}"]
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (digest, descriptor["size"])
        return content

    def index(self) -> Mapping[str, Any]:
        """The index of the images, to which the only name in the layout points."""
        [named] = json.loads(self.files["index.json"])["manifests"]
        assert named["mediaType"] == oci.INDEX
        index: Mapping[str, Any] = json.loads(self.blob(named))
        return index

    def images(self) -> dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """The manifest and the configuration of each image, by OCI's name of its processor."""
        found = {}
        for descriptor in self.index()["manifests"]:
            manifest = json.loads(self.blob(descriptor))
            found[descriptor["platform"]["architecture"]] = manifest, json.loads(self.blob(manifest["config"]))
        return found


def members(layer: bytes) -> dict[str, tarfile.TarInfo]:
    """The members of a layer, by name."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as archive:
        return {member.name: member for member in archive}


def test_the_same_parts_give_the_same_bytes(sources: dict[str, oci.Source], tmp_path: Path) -> None:
    again = {}
    for architecture in reversed(oci.MACHINES):
        shutil.copytree(tmp_path / architecture, tmp_path / "again" / architecture, copy_function=shutil.copyfile)
        again[architecture] = source(tmp_path / "again", architecture)
        for path in again[architecture].tree.rglob("*"):
            os.utime(path, (1, 1))
            path.chmod(0o700)
    in_order = {architecture: again[architecture] for architecture in oci.MACHINES}
    assert oci.archive(in_order, RELEASE) == oci.archive(sources, RELEASE)


def test_the_layout_holds_what_its_descriptors_name_and_nothing_else(sources: dict[str, oci.Source]) -> None:
    layout = Layout.of(oci.archive(sources, RELEASE))
    assert json.loads(layout.files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    outer = json.loads(layout.files["index.json"])
    [named] = outer["manifests"]
    assert named["annotations"] == {"org.opencontainers.image.ref.name": "1.2.0"}
    reached = {named["digest"]}
    for descriptor in layout.index()["manifests"]:
        manifest = json.loads(layout.blob(descriptor))
        reached |= {descriptor["digest"], manifest["config"]["digest"]}
        reached |= {layer["digest"] for layer in manifest["layers"]}
    assert {name.rpartition("/")[2] for name in layout.files if name.startswith("blobs/")} == {
        digest.removeprefix("sha256:") for digest in reached
    }
    assert [descriptor["platform"] for descriptor in layout.index()["manifests"]] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
    ]


def test_the_configuration_names_nobody_the_command_and_the_layers(sources: dict[str, oci.Source]) -> None:
    layout = Layout.of(oci.archive(sources, RELEASE))
    for architecture, (manifest, config) in layout.images().items():
        assert (config["architecture"], config["os"]) == (architecture, "linux")
        assert config["created"] == "2023-11-14T22:13:20Z"
        assert config["config"]["User"] == "65534:65534"
        assert config["config"]["Entrypoint"] == ["/usr/bin/backuplink"]
        plain = [gzip.decompress(layout.blob(layer)) for layer in manifest["layers"]]
        assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in plain]
        assert len(config["history"]) == len(plain)
        labels = config["config"]["Labels"]
        assert labels == manifest["annotations"] == layout.index()["annotations"]
        assert labels["org.opencontainers.image.revision"] == RELEASE.revision
        assert labels["org.opencontainers.image.version"] == "1.2.0"


def test_the_layers_hold_the_program_the_libraries_and_no_shell(sources: dict[str, oci.Source]) -> None:
    layout = Layout.of(oci.archive(sources, RELEASE))
    manifest, _ = layout.images()["amd64"]
    system, fleet, program = (members(layout.blob(layer)) for layer in manifest["layers"])
    for member in (*system.values(), *fleet.values(), *program.values()):
        assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", DATE), member.name
        assert member.mode & 0o022 == 0 or member.issym() or member.name == "tmp", member.name
    files = {name for name, member in system.items() if not member.isdir()}
    assert {name for name in files if ".so." in name} == {
        "usr/lib64/ld-linux-x86-64.so.2",
        *(f"usr/lib/x86_64-linux-gnu/{name}" for name in ("ld-linux-x86-64.so.2", *oci.LIBRARIES, oci.OF_FLEET)),
    }
    assert {name for name, member in fleet.items() if member.isreg()} == {
        "usr/lib/backuplink/app/duckdb/__init__.py",
        "usr/lib/backuplink/app/_duckdb.cpython-313.so",
        "usr/lib/backuplink/app/duckdb-2.0.1.dist-info/licenses/LICENSE",
    }
    assert {name: program[name].mode for name, member in program.items() if member.isreg()} == {
        "usr/bin/backuplink": 0o755,
        "usr/lib/backuplink/bin/python": 0o755,
        "usr/lib/backuplink/app/agent/version.py": 0o644,
        "usr/lib/backuplink/licences/python": 0o644,
    }
    assert not [name for name in (*files, *fleet, *program) if name.endswith("/sh")]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layout.blob(manifest["layers"][0])))) as archive:
        roots = archive.extractfile("etc/ssl/certs/ca-certificates.crt")
        assert roots is not None
        assert roots.read() == b"first\nsecond\n"


# --- What was built --------------------------------------------------------------------------------------------------


@cache
def built() -> Path:
    """The image in dist/."""
    return artifact_of("backuplink-VERSION-image.tar", "image")


@pytest.fixture(scope="module")
def layout() -> Layout:
    """The image in dist/, which must be built from the current tree."""
    layout = Layout.of(built().read_bytes())
    ours = {
        str(path.relative_to(ROOT)): path.read_bytes()
        for package in ("agent", "probes")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    manifest, _ = layout.images()[oci.MACHINES[platform.machine()][0]]
    theirs = {}
    app = f"{oci.PROGRAM}/app/"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layout.blob(manifest["layers"][-1])))) as archive:
        for member in archive:
            if member.name.startswith((f"{app}agent/", f"{app}probes/")) and "__pycache__" not in member.name:
                content = archive.extractfile(member)
                if content is not None:
                    theirs[member.name.removeprefix(app)] = content.read()
    if ours != theirs:
        lacking("the tree has changed since dist/ was built; run packaging/build onefile image")
    return layout


def succeed(words: Sequence[str | Path]) -> str:
    """The output of a program, which must be installed and succeed."""
    if shutil.which(str(words[0])) is None:
        lacking(f"{words[0]} is not installed")
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, (words, done.stdout[-2_000:], done.stderr[-2_000:])
    return done.stdout


@pytest.fixture(params=sorted(oci.MACHINES))
def architecture(request: pytest.FixtureRequest, layout: Layout) -> str:
    """The kind of processor. The tests run once for each kind that the image supports."""
    name = str(request.param)
    if oci.MACHINES[name][0] not in layout.images():
        if name == platform.machine():
            lacking(f"the image is not for {name}; run packaging/build onefile image")
        pytest.skip(f"the image is not for {name}; packaging/onefile/build all makes the tree for it")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """An image that is unpacked."""

    architecture: str
    root: Path
    process: Mapping[str, Any]
    """The process that a runtime must start according to umoci (OCI Runtime Specification, config.md)."""


@cache
def bundle_of(architecture: str, folder: Path) -> Bundle:
    copied, unpacked = folder / architecture, folder / f"{architecture}-bundle"
    chosen = ["--insecure-policy", "--override-arch", oci.MACHINES[architecture][0]]
    succeed(["skopeo", *chosen, "copy", f"oci-archive:{built()}:{__version__}", f"oci:{copied}:image"])
    succeed(["umoci", "unpack", "--image", f"{copied}:image", unpacked])
    process = json.loads((unpacked / "config.json").read_text("utf-8"))["process"]
    return Bundle(architecture=architecture, root=unpacked / "rootfs", process=process)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which images are unpacked."""
    if os.geteuid() != 0:
        lacking("only root unpacks files of others and makes mount namespaces")
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture
def bundle(architecture: str, bundles: Path) -> Bundle:
    return bundle_of(architecture, bundles)


def test_is_no_larger_than_promised(layout: Layout) -> None:
    for manifest, _ in layout.images().values():
        size = sum(blob["size"] for blob in (manifest["config"], *manifest["layers"]))
        assert size <= MEGABYTES * 1_000_000


def test_skopeo_reads_each_image(layout: Layout, architecture: str) -> None:
    name = oci.MACHINES[architecture][0]
    shown = json.loads(succeed(["skopeo", "--override-arch", name, "inspect", f"oci-archive:{built()}:{__version__}"]))
    manifest, _ = layout.images()[name]
    assert (shown["Architecture"], shown["Os"]) == (name, "linux")
    assert shown["Layers"] == [layer["digest"] for layer in manifest["layers"]]
    assert shown["Labels"]["org.opencontainers.image.version"] == __version__


def test_skopeo_copies_the_whole_index(layout: Layout, tmp_path: Path) -> None:
    words = ["skopeo", "--insecure-policy", "copy", "--all", f"oci-archive:{built()}:{__version__}"]
    succeed([*words, f"dir:{tmp_path / 'copy'}"])
    copied = json.loads((tmp_path / "copy" / "manifest.json").read_text("utf-8"))
    assert copied == layout.index()


def test_umoci_unpacks_what_the_layers_hold(layout: Layout, bundle: Bundle) -> None:
    manifest, _ = layout.images()[oci.MACHINES[bundle.architecture][0]]
    listed = {name: member for layer in manifest["layers"] for name, member in members(layout.blob(layer)).items()}
    found = {str(path.relative_to(bundle.root)): path for path in bundle.root.rglob("*")}
    through_links = ("lib/", "lib64/")
    assert {name for name in found if not name.startswith(through_links)} == {
        name for name in listed if not name.startswith(through_links)
    }
    for name, member in listed.items():
        if member.isreg():
            status = (bundle.root / name).stat()
            assert (status.st_size, status.st_mode & 0o7777, status.st_uid) == (member.size, member.mode, 0), name


def programs(root: Path) -> Iterator[Path]:
    """Every ELF file in a tree."""
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as content:
                if content.read(4) == b"\x7fELF":
                    yield path


def test_holds_the_libraries_that_something_needs_and_no_other_program(bundle: Bundle) -> None:
    folder = bundle.root / "usr" / "lib" / f"{bundle.architecture}-linux-gnu"
    needed = set()
    beside = set()
    for path in programs(bundle.root):
        dynamic = succeed(["readelf", "--dynamic", path])
        needed |= set(re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic))
        if not path.is_relative_to(bundle.root / oci.PROGRAM):
            beside.add(path.name)
            assert path.parent == folder
    # Since glibc 2.34, libc.so.6 contains all symbols of these libraries, except the loader's name. Binaries may
    # nevertheless still require one of these libraries.
    assert beside == needed | {Path(oci.MACHINES[bundle.architecture][1]).name}
    executable = {
        str(path.relative_to(bundle.root))
        for path in bundle.root.rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o111
    }
    loader = f"usr/lib/{bundle.architecture}-linux-gnu/{Path(oci.MACHINES[bundle.architecture][1]).name}"
    assert executable == {"usr/bin/backuplink", f"{oci.PROGRAM}/bin/python", loader}
    assert not [path for path in bundle.root.rglob("*") if path.is_file() and path.stat().st_mode & 0o6000]


def test_the_roots_are_those_that_debian_trusts(bundle: Bundle) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle.root / "etc/ssl/certs/ca-certificates.crt")
    roots = context.get_ca_certs(binary_form=True)
    amazon = ssl.PEM_cert_to_DER_cert(
        (ROOT / "build" / "image" / bundle.architecture / "system" / AMAZON).read_text("ascii")
    )
    assert amazon in roots
    assert len(roots) > 100


def test_assembled_again_in_another_umask_gives_the_same_bytes(layout: Layout, tmp_path: Path) -> None:
    build = ROOT / "build"
    python = build / "onefile" / platform.machine() / "parts" / "python" / "bin" / "python"
    if not python.exists():
        lacking("build/ holds no compiled Python; run packaging/build onefile")
    labels = layout.index()["annotations"]
    words: list[str | Path] = [python, "-S", "-s", "-P", "-B", IMAGE / "oci.py", "--version", __version__]
    words += ["--revision", labels["org.opencontainers.image.revision"], "--output", tmp_path / "image.tar"]
    [date] = {
        member.mtime for member in members(layout.blob(next(iter(layout.images().values()))[0]["layers"][0])).values()
    }
    words += ["--date", str(int(date))]
    for name, (other, *_) in oci.MACHINES.items():
        if other in layout.images():
            words.append(f"{name}={build}/onefile/{name}/tree:{build}/image/{name}/system:{build}/image/{name}/fleet")
    succeed(["sh", "-c", 'umask 077; exec "$@"', "sh", *words])
    assert (tmp_path / "image.tar").read_bytes() == built().read_bytes()


# --- That it runs ----------------------------------------------------------------------------------------------------


def started(bundle: Bundle, *words: str, python: bool = False) -> subprocess.Popen[str]:
    """Start the image with the strictest options of a runtime: with the image's user and variables, a separate PID
    namespace, no network, no capabilities, no new privileges, a read-only root, and /dev/shm as the only writable
    place.

    If `python` is set, the arguments go to the Python in the image.
    """
    command = [f"/{oci.PROGRAM}/bin/python", "-ISB"] if python else [*bundle.process["args"]]
    emulator = ""
    if bundle.architecture != platform.machine():
        found = shutil.which(f"qemu-{bundle.architecture}")
        if found is None:
            lacking(f"qemu-{bundle.architecture} is not installed; apt-get install qemu-user")
        emulator = found
        if not python:  # the kernel would start the interpreter of a script without the emulator
            first = (bundle.root / command[0].lstrip("/")).read_text("utf-8").splitlines()[0]
            command = [*first.removeprefix("#!").split(), *command]
        command = ["/dev/emulator", *command]
    prepared = f"""
        mount --bind "$1" "$1"
        mount -o remount,bind,ro "$1"
        mount -t proc none "$1/proc"
        mount -t tmpfs -o mode=755 none "$1/dev"
        mkdir -m 1777 "$1/dev/shm"
        for device in null zero urandom {emulator and "emulator"}; do : >"$1/dev/$device"; done
        for device in null zero urandom; do mount --bind "/dev/$device" "$1/dev/$device"; done
        [ -z "{emulator}" ] || mount --bind "{emulator}" "$1/dev/emulator"
        root=$1
        shift
        exec setpriv --no-new-privs unshare --root="$root" --wd=/ --setgid "$0" --setuid "$0" "$@"
    """
    user = bundle.process["user"]
    assert user["uid"] == user["gid"]
    outer = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "--ipc"]
    return subprocess.Popen(
        [*outer, "sh", "-euc", prepared, str(user["uid"]), str(bundle.root), *command, *words],
        cwd="/",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        | dict(text.split("=", 1) for text in bundle.process["env"])
        | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(bundle: Bundle, *words: str, python: bool = False) -> tuple[int, str, str]:
    """Run the image to its end; returns the exit code, stdout and stderr."""
    with started(bundle, *words, python=python) as process:
        out, errors = process.communicate(timeout=SECONDS)
    return process.returncode, out, errors


def test_is_started_as_the_image_says(bundle: Bundle) -> None:
    assert bundle.process["args"] == ["/usr/bin/backuplink"]
    assert (bundle.process["user"]["uid"], bundle.process["user"]["gid"]) == (65534, 65534)
    assert "TMPDIR=/dev/shm" in bundle.process["env"]


def test_says_its_version(bundle: Bundle) -> None:
    assert run(bundle, "--version") == (0, f"backuplink {__version__}\n", "")


def test_has_no_privilege_and_nowhere_to_write(bundle: Bundle) -> None:
    script = (
        "import os\n"
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "print(os.getpid(), os.getuid(), os.getgid(), status['CapEff'].strip(), status['NoNewPrivs'].strip())\n"
        "for folder in ('/', '/tmp', '/dev/shm'):\n"
        "    try:\n"
        "        open(folder + '/new', 'x')\n"
        "    except OSError as error:\n"
        "        print(folder, error.strerror)\n"
    )
    code, out, errors = run(bundle, "-c", script, python=True)
    assert (code, errors) == (0, "")
    first, *refused = out.splitlines()
    assert first == "1 65534 65534 0000000000000000 1"
    assert refused == [f"{folder} Read-only file system" for folder in ("/", "/tmp")]  # noqa: S108 - of the image


@pytest.mark.parametrize(
    ("scenario", "code"),
    [("healthy", 0), ("allowance-exceeded", 1), ("gateway-ports-missing", 2), ("region-unknown", 3)],
)
def test_a_demo_ends_with_the_code_of_its_verdict(bundle: Bundle, scenario: str, code: int) -> None:
    ended, out, errors = run(bundle, "demo", scenario, "--format", "json")
    assert (ended, errors.splitlines()[1:]) == (code, [])  # the first line describes the scenario
    assert json.loads(out)["schema"] == "backuplink.report.v1"


def test_an_estate_is_joined(bundle: Bundle) -> None:
    """The image can join a fleet. Unlike the one file, it contains DuckDB."""
    _, out, errors = run(bundle, "demo", "--fleet", "60", "--format", "json")
    assert json.loads(out)["engine"] == "duckdb", errors


def test_a_check_without_a_network_is_a_whole_report(bundle: Bundle) -> None:
    code, out, errors = run(
        bundle, "check", "--region", "eu-west-1", "--timeout", "1", "--deadline", "20", "--format", "json"
    )
    assert errors == ""
    report = json.loads(out)
    assert (code, report["verdict"]["status"]) == (2, "critical")
    assert "DNS004" in {finding["code"] for finding in report["findings"]}


def test_a_watch_that_is_process_1_ends_when_it_is_told(bundle: Bundle) -> None:
    """The kernel drops a signal to process 1 unless the process has a handler for it."""
    if bundle.architecture != platform.machine():
        pytest.skip("what the emulator itself does with signals is not of the image")
    with started(bundle, "demo", "--watch", "one-zone-silent", "--interval", "3600", "--format", "ndjson") as process:
        assert process.stdout is not None
        assert any('"type": "change"' in line for line in process.stdout)  # the first cycle has ended
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
        os.kill(int(child), signal.SIGTERM)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0  # as when a service manager stops a watch


# --- Examples --------------------------------------------------------------------------------------------------------


def taken(words: Sequence[str]) -> None:
    """Assert that the command accepts these arguments. Raises click.ClickException if it does not."""
    cli.main.commands[words[0]].make_context(words[0], [*words[1:]], parent=manual.context_of(cli.main))


def task(partition: str = "aws", **given: str) -> Stack:
    needed = {
        "Image": "registry/backuplink:1.2.0",
        "Cluster": "some",
        "Subnets": "subnet-1,subnet-2",
        "SecurityGroups": "sg-1",
    }
    return Stack(template(ECS), partition, Workload="caller", **needed, **given)


def properties(stack: Stack, resource: str) -> dict[str, Any]:
    found = stack.properties(resource)
    assert found is not None
    return found


def test_cfn_lint_finds_nothing_in_the_task() -> None:
    import cfnlint.api  # imported here, since all test processes import this module
    import cfnlint.config

    some = cfnlint.config.ManualArgs(regions=["us-east-1"])
    assert [str(problem) for problem in cfnlint.api.lint_file(ECS, config=some)] == []


@pytest.mark.parametrize("partition", [partition.id for partition in PARTITIONS])
def test_the_task_s_role_may_do_what_the_command_lists(partition: str) -> None:
    listed = permissions(endpoints(partition=partition, services=checked_for_caller()), region=None)
    policies = properties(task(partition), "TaskRole")["Policies"]
    assert [policy["PolicyDocument"] for policy in policies] == [
        entry.policy for entry in listed.parts if entry.part == "api"
    ]


def test_the_task_runs_as_the_image_does_with_a_network_of_its_own() -> None:
    definition = properties(task(), "Task")
    assert definition["NetworkMode"] == "awsvpc"
    assert (definition["TaskRoleArn"], definition["ExecutionRoleArn"]) == (
        "TaskRole.Arn",
        "ExecutionRole.Arn",
    )
    [container] = definition["ContainerDefinitions"]
    assert container["User"] == f"{oci.NOBODY}:{oci.NOBODY}"
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"] == {"Capabilities": {"Drop": ["ALL"]}}
    taken(container["Command"])


def test_the_schedule_is_there_where_it_is_asked_for() -> None:
    asked = task(ScheduleExpression="rate(1 hour)")
    target = properties(asked, "Schedule")["Target"]
    assert target["Arn"] == "arn:aws:ecs:eu-west-1:111122223333:cluster/some"
    network = target["EcsParameters"]["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["Subnets"] == ["subnet-1", "subnet-2"]
    assert task().properties("Schedule") is None
    assert task().properties("ScheduleRole") is None


def objects() -> dict[str, dict[str, Any]]:
    """The objects of the example for EKS, by kind."""
    return {entry["kind"]: entry for entry in yaml.safe_load_all(EKS.read_text("utf-8"))}


def test_the_objects_have_the_form_of_kubernetes_schemas() -> None:
    form = json.loads((Path(__file__).parent / "kubernetes.schema.json").read_text("utf-8"))
    jsonschema_rs.meta.validate(form)
    validator = jsonschema_rs.Draft202012Validator(form)
    for entry in objects().values():
        validator.validate(entry)
    damaged = objects()["DaemonSet"]
    damaged["spec"]["template"]["spec"]["hostNetwrok"] = True
    assert not validator.is_valid(damaged)


def test_the_pods_see_the_network_of_their_node() -> None:
    pod = objects()["DaemonSet"]["spec"]["template"]["spec"]
    assert (pod["hostNetwork"], pod["dnsPolicy"]) == (True, "Default")
    assert pod["serviceAccountName"] == objects()["ServiceAccount"]["metadata"]["name"]
    assert {entry["metadata"].get("namespace") for entry in objects().values()} == {None, "backuplink"}


def test_the_pods_run_as_the_image_does() -> None:
    daemons = objects()["DaemonSet"]["spec"]
    assert daemons["selector"]["matchLabels"] == daemons["template"]["metadata"]["labels"]
    pod = daemons["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["runAsGroup"] == oci.NOBODY
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    [port] = container["ports"]
    assert daemons["template"]["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])
    assert container["args"][-1] == f"$(NODE_ADDRESS):{port['containerPort']}"
    [address] = container["env"]
    assert address["name"] == "NODE_ADDRESS"
    taken([word.replace("$(NODE_ADDRESS)", "10.0.1.10") for word in container["args"]])


# --- The guide -------------------------------------------------------------------------------------------------------


def commands() -> list[list[str]]:
    """The commands of the guide, each as a list of words."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [
        words
        for block in blocks
        for line in block.replace("\\\n", " ").splitlines()
        if (words := shlex.split(line, comments=True))
    ]


def test_the_guide_s_commands_are_of_the_aws_cli_and_of_backuplink() -> None:
    by_program: dict[str, list[list[str]]] = {}
    for words in commands():
        by_program.setdefault(words[0], []).append(words)
    own = {name for name in by_program if name.startswith("packaging/")}
    assert all((ROOT / name).is_file() for name in own)
    assert by_program.keys() - own == {"aws", "docker", "kubectl", "skopeo", "sed"}
    for words in by_program["aws"]:
        assert complaint(words) is None, words
    for words in by_program["docker"]:
        before, image, after = words[: words.index("IMAGE")], "IMAGE", words[words.index("IMAGE") + 1 :]
        assert before[:2] == ["docker", "run"], image
        taken(after)


def test_the_guide_runs_it_with_the_least() -> None:
    for words in commands():
        if words[0] == "docker":
            joined = " ".join(words)
            for option in ("--read-only", "--cap-drop ALL", "--security-opt no-new-privileges"):
                assert option in joined
