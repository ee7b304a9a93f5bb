"""The package for Systems Manager Distributor, the Command document that installs it, and the Image Builder component.

The tests act as the agents of Systems Manager and Image Builder do, according to their documentation and to the source
of the SSM Agent. Tests that install need `packaging/build packages distributor`, and root; `packaging/test distributor`
requires them, and makes the roots.
"""

import hashlib
import io
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import botocore.session
import jsonschema_rs
import pytest
import yaml
from botocore.validate import ParamValidator

import distributor
from agent.simulated import scenario_files as scenarios
from agent.version import __version__
from tests.packaging.artifacts import DIST, artifact_of, lacking, needed
from tests.packaging.standins import prepare_rpm
from tests.packaging.test_fleet import INJECTIONS, allows
from tests.support import extent
from tests.support.aws_commands import complaint
from tests.support.repository import ROOT

SOURCES: Final = ROOT / "packaging" / "distributor"
INSTALL: Final = "backuplink-install.yaml"
IMAGE: Final = "backuplink-image.yaml"
GUIDE: Final = ROOT / "docs" / "install.md"
SECONDS: Final = 900.0
"""The limit in seconds for a process on a busy machine."""
DATE: Final = 1_700_000_000
CONFIGURATION: Final = "etc/backuplink/backuplink.toml"
VARIABLES: Final = "etc/backuplink/environment"
EDITED: Final = 'region = "eu-west-3"\n'
RPM_BASE: Final = "trixie+python3,python3-apt,rpm,systemd"


def schema(name: str) -> Any:
    form = json.loads((Path(__file__).parent / f"{name}.schema.json").read_text("utf-8"))
    jsonschema_rs.meta.validate(form)
    return jsonschema_rs.Draft202012Validator(form, validate_formats=True)


# --- The package -----------------------------------------------------------------------------------------------------


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with a file for every package of this version. The content of each file is its name."""
    for names in distributor.FILES.values():
        for name in names.values():
            (tmp_path / name.format(__version__)).write_text(name, "utf-8")
    distributor.main(__version__, tmp_path, DATE)
    return tmp_path


def manifest_of(dist: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((dist / "distributor" / "manifest.json").read_text("utf-8"))
    return content


def taken(dist: Path, os_release: str, architecture: str) -> Mapping[str, bytes]:
    """The files that the agent unpacks on a host, after it has compared their checksum. The agent chooses them by the
    ID in the host's os-release.
    """
    names = {"rhel": "redhat", "ol": "oracle", "amzn": "amazon", "sles": "suse"}
    manifest = manifest_of(dist)
    by_version = manifest["packages"].get(names.get(os_release, os_release)) or manifest["packages"]["_any"]
    file = by_version["_any"][architecture]["file"]
    content = (dist / "distributor" / file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == manifest["files"][file]["checksums"]["sha256"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_manifest_has_the_form_of_its_schema(dist: Path) -> None:
    manifest = manifest_of(dist)
    schema("distributor_manifest").validate(manifest)
    assert manifest["version"] == __version__
    assert {*manifest["files"]} | {"manifest.json"} == {path.name for path in (dist / "distributor").iterdir()}
    for name, entry in manifest["files"].items():
        assert entry["size"] == (dist / "distributor" / name).stat().st_size
    assert len(json.dumps(manifest)) < 64 * 1024  # the limit of a document (Systems Manager quotas)


HOSTS: Final = {
    "deb": ("debian", "ubuntu"),
    "rpm": ("amzn", "rhel", "rocky", "almalinux", "ol", "centos", "sles"),
}
"""For each kind of package, the IDs (in os-release) of the systems that accept it."""


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("kind", HOSTS)
def test_each_host_gets_its_package_and_the_scripts_for_it(dist: Path, kind: str, architecture: str) -> None:
    package = distributor.FILES[kind][architecture]
    for host in HOSTS[kind]:
        files = taken(dist, host, architecture)
        assert {*files} == {
            package.format(__version__),
            "install.sh",
            "uninstall.sh",
            "update.sh",
            "validate.sh",
        }
        assert files[package.format(__version__)] == package.encode()
        assert package.format(__version__) in files["install.sh"].decode()
        assert files["update.sh"] == files["install.sh"]
        assert "@" not in b"".join(files[name] for name in files if name.endswith(".sh")).decode().replace('"$@"', "")


def test_packed_again_it_is_the_same_bytes(dist: Path) -> None:
    first = {path.name: path.read_bytes() for path in (dist / "distributor").iterdir()}
    (dist / "distributor" / "left-over.zip").touch()
    for package in dist.glob("backuplink*"):
        os.utime(package, (1, 1))
    distributor.main(__version__, dist, DATE)
    assert {path.name: path.read_bytes() for path in (dist / "distributor").iterdir()} == first
    assert first["manifest.json"].endswith(b"}\n")


def test_only_what_was_built_is_named(dist: Path) -> None:
    for name in (distributor.FILES["deb"]["arm64"], *distributor.FILES["rpm"].values()):
        (dist / name.format(__version__)).unlink()
    distributor.main(__version__, dist, DATE)
    assert manifest_of(dist)["packages"].keys() == {*distributor.PLATFORMS["deb"]}
    (dist / distributor.FILES["deb"]["x86_64"].format(__version__)).unlink()
    with pytest.raises(SystemExit, match="packaging/build packages"):
        distributor.main(__version__, dist, DATE)
    assert not (dist / "distributor").exists()


@pytest.mark.parametrize("linter", ["dash -n", "bash -n", "shellcheck"])
def test_linters_of_shells_find_nothing_in_the_scripts(linter: str) -> None:
    words = shlex.split(linter)
    scripts = [str(path) for path in SOURCES.rglob("*.sh")]
    assert len(scripts) == 5
    for script in scripts:
        ended = subprocess.run([needed(words[0]), *words[1:], script], capture_output=True, text=True, timeout=60)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", ""), script


# --- The Command document --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((SOURCES / INSTALL).read_text("utf-8"))
    return content


def accepted(service: str, operation: str, **given: object) -> None:
    """Validate a request against the service's model."""
    shape = botocore.session.Session().get_service_model(service).operation_model(operation).input_shape
    assert ParamValidator().validate(given, shape).generate_report() == ""


def test_the_document_has_the_form_of_its_schema(document: dict[str, Any]) -> None:
    validator = schema("ssm_command_document")
    validator.validate(document)
    for step in range(2):
        spoilt = json.loads(json.dumps(document))
        spoilt["mainSteps"][step]["inputs"] = spoilt["mainSteps"][1 - step]["inputs"]
        assert not validator.is_valid(spoilt)


def test_the_service_takes_the_document(document: dict[str, Any]) -> None:
    content = (SOURCES / INSTALL).read_text("utf-8")
    given = {"Name": "backuplink-install", "DocumentType": "Command", "DocumentFormat": "YAML", "Content": content}
    accepted("ssm", "CreateDocument", **given)
    if not extent.everything():
        return
    import boto3
    from moto import mock_aws  # imported here, since it is slow to import

    with mock_aws():
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        client = boto3.client("ssm", region_name="eu-west-1", **keys)
        described = client.create_document(**given)["DocumentDescription"]
    assert [parameter["Name"] for parameter in described["Parameters"]] == list(document["parameters"])


def test_it_runs_on_linux_alone_and_uses_every_parameter(document: dict[str, Any]) -> None:
    steps = document["mainSteps"]
    assert [step["precondition"] for step in steps] == [{"StringEquals": ["platformType", "Linux"]}] * 2
    assert {*re.findall(r"\{\{ (\w+) \}\}", json.dumps(steps))} == {*document["parameters"]}
    script = "\n".join(steps[1]["inputs"]["runCommand"])
    assert "{{" not in re.sub(r"'\{\{ \w+ \}\}'", "", script)
    for name, parameter in document["parameters"].items():
        assert ("allowedValues" in parameter) != ("allowedPattern" in parameter), name
        assert allows(parameter, parameter["default"]), name
        if "allowedPattern" in parameter:
            assert not re.search(r"\(\?|\\", parameter["allowedPattern"]), name


def test_what_each_pattern_takes_and_refuses(document: dict[str, Any]) -> None:
    package, version = document["parameters"]["Package"], document["parameters"]["Version"]
    shared = "arn:aws-us-gov:ssm:us-gov-west-1:111122223333:document/backuplink"
    assert [value for value in ("backuplink", "team_backuplink.2", shared) if not allows(package, value)] == []
    assert [value for value in ("", "a", "a b", "arn:aws:s3:::x", f"{shared}/x") if allows(package, value)] == []
    assert [value for value in ("", __version__, "1.2.0.dev1") if not allows(version, value)] == []
    assert [value for value in ("1.2 0", "-1", "1;2") if allows(version, value)] == []
    for name, parameter in document["parameters"].items():
        hostile = [word for word in INJECTIONS if word not in ("--output=canary",)]
        assert [word for word in hostile if allows(parameter, parameter["default"] + word)] == [], name


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize(
    ("action", "there", "code", "said"),
    [
        ("Install", True, 0, f"backuplink {__version__}\n"),
        ("Install", False, 1, "there is no"),
        ("Uninstall", True, 1, "is still there"),
        ("Uninstall", False, 0, "backuplink is not installed\n"),
    ],
)
def test_the_last_step_says_what_is_there(
    document: dict[str, Any], tmp_path: Path, shell: str, action: str, there: bool, code: int, said: str
) -> None:
    program = tmp_path / "backuplink"
    if there:
        program.write_text(f"#!/bin/sh\necho backuplink {__version__}\n", "utf-8")
        program.chmod(0o755)
    script = "\n".join(document["mainSteps"][1]["inputs"]["runCommand"]).replace("{{ Action }}", action)
    script = script.replace("/usr/bin/backuplink", str(program))
    ended = subprocess.run([needed(shell), "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == code
    assert said in ended.stdout + ended.stderr
    assert bool(ended.stderr) == (code != 0)


# --- The component ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def component() -> dict[str, Any]:
    text = (SOURCES / IMAGE).read_text("utf-8").replace("@VERSION@", __version__)
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def test_the_component_has_the_form_of_its_schema(component: dict[str, Any]) -> None:
    schema("image_builder_component").validate(component)
    assert [phase["name"] for phase in component["phases"]] == ["build", "validate", "test"]
    for phase in component["phases"]:
        names = [step["name"] for step in phase["steps"]]
        assert len(names) == len(set(names))
    text = (SOURCES / IMAGE).read_text("utf-8")
    accepted(
        "imagebuilder",
        "CreateComponent",
        name="backuplink",
        semanticVersion="1.2.0",
        platform="Linux",
        data=text,
        clientToken="token",
    )
    assert len(text) < 16_000  # the limit of CreateComponent's `data` (EC2 Image Builder API Reference)


def test_the_component_refers_to_what_is_there(component: dict[str, Any]) -> None:
    known = {name for parameter in component["parameters"] for name in parameter}
    referred = set()
    for phase in component["phases"]:
        for step in phase["steps"]:
            for reference in re.findall(r"\{\{ (.*?) \}\}", json.dumps(step["inputs"])):
                referred.add(reference)
                assert reference in known, reference
            if step["action"] == "ExecuteBash":
                known.add(f"{phase['name']}.{step['name']}.outputs.stdout")
    assert {name for parameter in component["parameters"] for name in parameter} <= referred


def test_the_component_shows_scenarios_that_there_are(component: dict[str, Any]) -> None:
    shown = re.findall(r"backuplink demo ([\w-]+)", json.dumps(component))
    codes = {name: scenarios.load(name).expect.status for name in shown}
    assert codes == {"healthy": "ok", "one-zone-silent": "critical"}


@pytest.mark.parametrize("linter", ["bash -n", "shellcheck --shell=bash"])
def test_linters_of_shells_find_nothing_in_the_component(
    component: dict[str, Any], tmp_path: Path, linter: str
) -> None:
    words = shlex.split(linter)
    for phase in component["phases"]:
        for step in phase["steps"]:
            if step["action"] == "ExecuteBash":
                script = tmp_path / f"{phase['name']}-{step['name']}.sh"
                # The parameters are inserted first, as the agent does, since shellcheck would read references as
                # braces.
                commands = re.sub(r"\{\{ .*? \}\}", "value", "\n".join(step["inputs"]["commands"]))
                script.write_text(commands.replace("[ 'value' = yes ]", '[ "$1" = yes ]'), "utf-8")
                command = [needed(words[0]), *words[1:], str(script)]
                ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
                assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", ""), script.name


# --- The guide -------------------------------------------------------------------------------------------------------


def test_the_guide_s_commands_are_of_the_aws_cli() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("aws ")]
    assert len(lines) > 5
    for line in lines:
        words = [word for word in shlex.split(line) if word != "--recursive"]
        if words[2] == "create-component":
            words.append("--client-token=the-cli-makes-one")
        assert complaint(words) is None, line


def test_the_guide_names_every_parameter(document: dict[str, Any], component: dict[str, Any]) -> None:
    guide = GUIDE.read_text("utf-8")
    names = [*document["parameters"], *(name for parameter in component["parameters"] for name in parameter)]
    assert [name for name in names if f"| `{name}` |" not in guide] == []


# --- As the agents run them, in throw-away roots ---------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Host:
    """A temporary root file system, and the kind of packages that can be installed in it."""

    root: Path
    kind: str
    folder: Path = field(init=False)
    """The folder into which the agent unpacks a package."""

    def __post_init__(self) -> None:
        self.folder = self.root / "var/lib/amazon/ssm/packages/backuplink" / __version__

    def inside(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the root, without a network."""
        return subprocess.run(
            ["unshare", "--net", "chroot", str(self.root), *words],  # noqa: S607
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def unpack(self, files: Mapping[str, bytes]) -> None:
        """Unpack a zip as the agent does: only its owner has access to the files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
            (self.folder / name).chmod(0o600)

    def action(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the package as the agent does (ssminstaller.go)."""
        script = f"cd /{self.folder.relative_to(self.root)} && echo Running sh {name}.sh\nexport BWS_ACTION_NAME={name}"
        return self.inside("sh", "-c", f"{script}\nsh {name}.sh")

    def does(self, name: str) -> None:
        result = self.action(name)
        assert result.returncode == 0, (name, result.stdout, result.stderr)

    def version(self) -> str:
        return self.inside("/usr/bin/backuplink", "--version").stdout

    def enabled(self) -> bool:
        return bool([*self.root.glob("etc/systemd/system/*.wants/backuplink-*")])


@pytest.fixture(params=[("bullseye", "deb"), ("trixie", "deb"), (RPM_BASE, "rpm")], ids=["deb-11", "deb-13", "rpm"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    name, kind = request.param
    base = ROOT / "build" / "roots" / name
    if os.geteuid() != 0:
        lacking("only root can install into a root")
    if not base.is_dir():
        lacking(f"there is no {base.relative_to(ROOT)}; run packaging/roots {name}")
    root = tmp_path / "root"
    run(["cp", "--archive", base, root])
    if kind == "rpm":
        prepare_rpm(root)
        for apt in ("apt-get", "dpkg"):
            (root / "usr/bin" / apt).unlink()
    yield Host(root=root, kind=kind)
    shutil.rmtree(root)


def run(words: Sequence[str | Path]) -> None:
    subprocess.run([str(word) for word in words], check=True, timeout=SECONDS)


def test_the_agent_installs_updates_and_removes_it(host: Host) -> None:
    if not (DIST / "distributor").is_dir():
        lacking("dist/ holds no distributor; run packaging/build distributor")
    architecture = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    files = taken(DIST, "debian" if host.kind == "deb" else "amzn", architecture)
    built = {name: text.encode() for name, text in distributor.scripts(host.kind, "P", __version__).items()}
    package = next(name for name in files if not name.endswith(".sh"))
    if {name: files[name].replace(package.encode(), b"P") for name in built} != built:
        lacking("the scripts have changed since dist/ was built; run packaging/build distributor")
    host.unpack(files)

    assert host.action("validate").returncode != 0  # the agent then installs
    host.does("uninstall")  # although the package is not installed
    host.does("install")
    host.does("validate")
    assert host.version() == f"backuplink {__version__}\n"
    host.does("install")

    (host.root / "usr/bin/backuplink").unlink()
    assert host.action("validate").returncode != 0
    host.does("install")  # although this version is already registered
    host.does("validate")

    for file in (CONFIGURATION, VARIABLES):
        (host.root / file).write_text(EDITED, "utf-8")
    unit = host.root / "etc/systemd/system/multi-user.target.wants/backuplink-watch.service"
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.symlink_to("/usr/lib/systemd/system/backuplink-watch.service")
    host.does("update")
    assert {(host.root / file).read_text("utf-8") for file in (CONFIGURATION, VARIABLES)} == {EDITED}
    assert host.enabled()

    host.does("uninstall")
    assert host.action("validate").returncode != 0
    assert not os.path.lexists(host.root / "usr/bin/backuplink")
    assert {(host.root / file).read_text("utf-8") for file in (CONFIGURATION, VARIABLES)} == {EDITED}
    host.does("install")  # "Uninstall and reinstall"
    assert {(host.root / file).read_text("utf-8") for file in (CONFIGURATION, VARIABLES)} == {EDITED}
    assert (host.root / VARIABLES).stat().st_mode & 0o777 == 0o600
    host.does("validate")


def test_a_package_that_is_not_whole_is_not_installed(host: Host) -> None:
    files = {
        name: text.encode() for name, text in distributor.scripts(host.kind, f"backuplink.{host.kind}", "0").items()
    }
    host.unpack({**files, f"backuplink.{host.kind}": b"no package"})
    result = host.action("install")
    assert result.returncode not in (0, 168, 194)  # to the agent, 168 means success, and 194 a request to reboot
    assert result.stderr


def test_each_step_of_the_component(host: Host, component: dict[str, Any]) -> None:
    """Run the phases one after the other in the root of one image, in which the check has no network."""
    names = {"deb": "backuplink_VERSION_amd64.deb", "rpm": "backuplink-VERSION-1.x86_64.rpm"}
    package = artifact_of(names[host.kind], "packages")
    line = f"{hashlib.sha256(package.read_bytes()).hexdigest()}  {package.name}\n"
    bucket = {package.name: package.read_bytes(), "SHA256SUMS": line.encode()}
    for content, code in ((b"damaged", 1), (package.read_bytes(), 0)):
        ended = phases(host, component, {**bucket, package.name: content})
        assert ended["build.Install"].returncode == code, ended["build.Install"].stderr
        assert ("does not have the sum in SHA256SUMS" in ended["build.Install"].stderr) == (code == 1)
    assert {name: result.returncode for name, result in ended.items()} == {
        "build.Choose": 0,
        "build.Install": 0,
        "validate.Version": 0,
        "test.Demo": 0,
        "test.Check": 0,
    }, ended
    assert ended["validate.Version"].stdout == f"backuplink {__version__}\n"
    assert not [*(host.root / "var/cache").glob("backuplink*")]
    assert phases(host, component, bucket, FailOn="critical")["test.Check"].returncode in (2, 3)


def phases(
    host: Host, component: Mapping[str, Any], bucket: Mapping[str, bytes], **given: str
) -> dict[str, subprocess.CompletedProcess[str]]:
    """The exit code of each script, up to the first that failed."""
    values = {name: spec.get("default") for parameter in component["parameters"] for name, spec in parameter.items()}
    values |= {"Source": "s3://bucket/folder", **given}
    ended: dict[str, subprocess.CompletedProcess[str]] = {}

    def put_in(text: str) -> str:
        return re.sub(r"\{\{ (.*?) \}\}", lambda match: str(values[match[1]]), text)

    for phase in component["phases"]:
        for step in phase["steps"]:
            name = f"{phase['name']}.{step['name']}"
            if step["action"] == "S3Download":
                for entry in step["inputs"]:
                    key = put_in(entry["source"]).removeprefix("s3://bucket/folder/")
                    (host.root / put_in(entry["destination"]).lstrip("/")).write_bytes(bucket[key])
                continue
            ended[name] = host.inside("bash", "-c", put_in("\n".join(step["inputs"]["commands"])))
            values[f"{name}.outputs.stdout"] = ended[name].stdout
            if ended[name].returncode != 0:
                return ended
    return ended
