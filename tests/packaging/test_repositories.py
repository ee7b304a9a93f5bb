"""The repositories for apt and dnf: the contents of their indexes are checked, and apt and dnf must install only
packages that the key signed. The tests need `packaging/build packages repositories`, root, and apt-utils, createrepo-c,
dnf, gnupg and rpm; `packaging/test repositories` requires these, and makes the roots.
"""

import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from agent.version import __version__
from tests.packaging.artifacts import DIST, artifact_of, lacking
from tests.packaging.standins import C_LIBRARY, stand_in
from tests.support.repository import ROOT

BUILD: Final = ROOT / "packaging" / "repositories" / "build"
GUIDE: Final = ROOT / "docs" / "install.md"
SECONDS: Final = 600.0
"""The limit in seconds for a process on a busy machine."""
SYSTEM: Final = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
DATE: Final = "1700000000"
OLDER: Final = "0.0.1"
RPM: Final = "{http://linux.duke.edu/metadata/common}"


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    if not (DIST / "repositories").is_dir():
        lacking("dist/ holds no repositories; run packaging/build repositories")


def run(words: Sequence[object], **variables: str) -> subprocess.CompletedProcess[str]:
    for tool in (str(words[0]), "apt-ftparchive", "createrepo_c", "gpg", "rpmsign"):
        if shutil.which(tool) is None:
            lacking(f"{tool} is not installed")
    return subprocess.run(
        [str(word) for word in words],
        cwd=ROOT,
        env={**SYSTEM, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def succeed(words: Sequence[object], **variables: str) -> subprocess.CompletedProcess[str]:
    result = run(words, **variables)
    assert result.returncode == 0, (words, result.stdout[-2_000:], result.stderr[-2_000:])
    return result


def build(*words: str | Path, umask: str = "022") -> Path:
    """Build the repositories of these packages. The last argument is the folder for the repositories, which is
    returned.
    """
    command = ["sh", "-c", f'umask {umask} && exec "$@"', "sh", BUILD, *words]
    succeed(command, SOURCE_DATE_EPOCH=DATE)
    return Path(words[-1]) / "repositories"


def secret_key(folder: Path) -> Path:
    """Make a key, and export it as its owner does."""
    home = folder / "gnupg"
    home.mkdir(parents=True, mode=0o700)
    options = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
    succeed([*options, "--quick-generate-key", "Tests <tests@localhost>", "rsa3072", "sign", "never"])
    file = folder / "secret.asc"
    succeed([*options, "--armor", "--output", file, "--export-secret-keys"])
    succeed(["gpgconf", "--homedir", home, "--kill", "all"])
    return file


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The key of the publisher, and the key of another person."""
    one, other = (secret_key(tmp_path_factory.mktemp("key") / "of") for _ in range(2))
    return one, other


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small packages of this version for both kinds of processor."""
    folder = tmp_path_factory.mktemp("packages")
    for architecture in MACHINES:
        stand_in(folder, "deb", "backuplink", __version__, architecture, content=architecture)
        stand_in(folder, "rpm", "backuplink", __version__, architecture, content=architecture)
    return folder


@pytest.fixture(scope="module")
def signed(packages: Path, keys: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The signed repositories of these packages. Tests must not change them."""
    folder = tmp_path_factory.mktemp("signed") / "dist"
    shutil.copytree(packages, folder)
    return build("--key", keys[0], folder)


@pytest.fixture
def copied(signed: Path, tmp_path: Path) -> Path:
    """A copy of the signed repositories, to tamper with."""
    return shutil.copytree(signed, tmp_path / "repositories")


def contents(folder: Path) -> dict[str, tuple[bytes, int, float]]:
    """Bytes, mode and date of every file below a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o777, path.stat().st_mtime)
        for path in folder.rglob("*")
        if path.is_file()
    }


# --- What is in them -------------------------------------------------------------------------------------------------


def test_without_a_key_the_same_bytes_again(packages: Path, tmp_path: Path) -> None:
    first = contents(build(shutil.copytree(packages, tmp_path / "first")))
    second = contents(build(shutil.copytree(packages, tmp_path / "second"), umask="077"))
    assert first == second
    assert [name for name in first if re.search(r"InRelease|[.](asc|gpg|key)$", name)] == []


@pytest.mark.parametrize("architecture", MACHINES)
def test_the_index_of_apt_names_each_package(packages: Path, signed: Path, architecture: str) -> None:
    deb = signed / "deb"
    folder = deb / "dists" / "stable" / "main" / f"binary-{architecture}"
    plain = (folder / "Packages").read_bytes()
    assert gzip.decompress((folder / "Packages.gz").read_bytes()) == plain
    assert lzma.decompress((folder / "Packages.xz").read_bytes()) == plain
    entry = dict(re.findall(r"^([\w-]+): (.*)$", plain.decode(), re.MULTILINE))
    package = (packages / f"backuplink_{__version__}_{architecture}.deb").read_bytes()
    assert (entry["Version"], entry["Architecture"]) == (__version__, architecture)
    assert (deb / entry["Filename"]).read_bytes() == package
    assert entry["SHA256"] == hashlib.sha256(package).hexdigest()

    release = (deb / "dists" / "stable" / "Release").read_text("utf-8")
    assert "\nAcquire-By-Hash: yes\n" in f"\n{release}"
    assert "\nArchitectures: amd64 arm64\n" in release
    assert "\nDate: Tue, 14 Nov 2023 22:13:20 UTC\n" in release
    for kind in ("SHA256", "SHA512"):
        listed = release.partition(f"{kind}:\n")[2]
        for file in ("Packages", "Packages.gz", "Packages.xz"):
            sum_ = hashlib.new(kind, (folder / file).read_bytes()).hexdigest()
            assert re.search(rf"^ {sum_} +\d+ main/binary-{architecture}/{file}$", listed, re.MULTILINE)
            assert (folder / "by-hash" / kind / sum_).read_bytes() == (folder / file).read_bytes()


@pytest.mark.parametrize("machine", MACHINES.values())
def test_the_metadata_of_dnf_name_each_package(signed: Path, machine: str) -> None:
    folder = signed / "rpm" / machine
    (primary,) = folder.glob("repodata/*-primary.xml.gz")
    (package,) = ElementTree.fromstring(gzip.decompress(primary.read_bytes())).findall(f"{RPM}package")  # noqa: S314
    assert package.findtext(f"{RPM}arch") == machine
    location = package.find(f"{RPM}location")
    assert location is not None
    held = (folder / location.attrib["href"]).read_bytes()
    assert package.findtext(f"{RPM}checksum") == hashlib.sha256(held).hexdigest()
    assert hashlib.sha256(primary.read_bytes()).hexdigest() in (folder / "repodata" / "repomd.xml").read_text("utf-8")


def test_what_is_published_stays_and_the_new_version_comes_along(
    packages: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for kind in ("deb", "rpm"):
        stand_in(old, kind, "backuplink", __version__)
    published = build("--key", keys[0], old)
    # Packages of an older version replace the published ones, as if that version had been published.
    for path in [*published.rglob(f"*{__version__}*.deb"), *published.rglob(f"*{__version__}*.rpm")]:
        path.unlink()
    stand_in(published / "deb/pool/main/b/backuplink", "deb", "backuplink", OLDER)
    before = stand_in(published / "rpm/x86_64/packages", "rpm", "backuplink", OLDER).read_bytes()

    new = build("--key", keys[0], "--previous", published, shutil.copytree(packages, tmp_path / "new"))
    index = (new / "deb/dists/stable/main/binary-amd64/Packages").read_text("utf-8")
    assert set(re.findall(r"^Version: (.*)$", index, re.MULTILINE)) == {OLDER, __version__}
    (primary,) = new.glob("rpm/x86_64/repodata/*-primary.xml.gz")
    found = ElementTree.fromstring(gzip.decompress(primary.read_bytes())).iter(f"{RPM}version")  # noqa: S314
    assert {version.attrib["ver"] for version in found} == {OLDER, __version__}
    assert (new / f"rpm/x86_64/packages/backuplink-{OLDER}-1.x86_64.rpm").read_bytes() == before
    index = (new / "deb/dists/stable/main/binary-arm64/Packages").read_text("utf-8")
    assert re.findall(r"^Version: (.*)$", index, re.MULTILINE) == [__version__]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--key", "{empty}/no-key", "{packages}"], "there is no key", id="no such key"),
        pytest.param(["--key", "{public}", "{packages}"], "has no secret key that can sign", id="public key"),
        pytest.param(["--previous", "{empty}", "{packages}"], "holds no folder deb", id="no repositories"),
        pytest.param(["{empty}"], "build it first: packaging/build packages", id="no packages"),
        pytest.param(["--sign"], "there is no option '--sign'", id="no such option"),
        pytest.param(["--key"], "--key needs a value", id="no value"),
    ],
)
def test_refuses_what_it_cannot_do(words: list[str], said: str, packages: Path, signed: Path, tmp_path: Path) -> None:
    places = {"empty": tmp_path, "packages": packages, "public": signed / "backuplink.asc"}
    result = run([BUILD, *(word.format(**places) for word in words)], SOURCE_DATE_EPOCH=DATE)
    assert result.returncode == 3
    assert said in result.stderr
    assert not (packages / "repositories").exists()


# --- apt -------------------------------------------------------------------------------------------------------------


def source(repositories: Path, key: Path) -> str:
    """The apt source from the guide, with a folder as its server."""
    text: str
    (text,) = re.findall(r"^```debsources\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return text.replace("https://SERVER/", f"file:{repositories}/").replace(
        "/etc/apt/keyrings/backuplink.asc", str(key)
    )


def apt(
    place: Path, repositories: Path, key: Path, *words: str, architecture: str = "amd64"
) -> subprocess.CompletedProcess[str]:
    """Run apt-get with its own folders, and only with this source and this key."""
    for folder in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    (place / "status").touch()
    (place / "etc" / "own.sources").write_text(source(repositories, key), "utf-8")
    settings = {
        "Dir::State": f"{place}/state",
        "Dir::State::status": f"{place}/status",
        "Dir::Cache": f"{place}/cache",
        "Dir::Etc": f"{place}/etc",
        "Dir::Etc::sourcelist": f"{place}/etc/own.sources",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    command = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", place, "apt-get", *options, *words]
    return run(command)


@pytest.mark.parametrize("architecture", MACHINES)
def test_apt_downloads_what_is_for_the_processor(
    packages: Path, signed: Path, tmp_path: Path, architecture: str
) -> None:
    key = signed / "backuplink.asc"
    for words in (("update",), ("download", "backuplink")):
        result = apt(tmp_path, signed, key, *words, architecture=architecture)
        assert (result.returncode, result.stderr) == (0, ""), (result.stdout, result.stderr)
    name = f"backuplink_{__version__}_{architecture}.deb"
    assert (tmp_path / name).read_bytes() == (packages / name).read_bytes()


def unsigned(folder: Path) -> None:
    for name in ("InRelease", "Release.gpg"):
        (folder / "deb" / "dists" / "stable" / name).unlink()


def release_changed(folder: Path) -> None:
    for name in ("InRelease", "Release"):
        path = folder / "deb" / "dists" / "stable" / name
        path.write_text(path.read_text("utf-8").replace("Origin: backuplink", "Origin: somebody"), "utf-8")


def index_changed(folder: Path) -> None:
    for path in (folder / "deb" / "dists").rglob("*"):
        if path.is_file() and "binary-" in str(path):
            path.write_bytes(path.read_bytes()[:-1] + b"x")


def deb_changed(folder: Path) -> None:
    for path in folder.rglob("*.deb"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


APT_REFUSES: Final[Mapping[str, tuple[Callable[[Path], None], str, str]]] = {
    "unsigned": (unsigned, "update", "is not signed"),
    "release changed": (release_changed, "update", "is not signed"),
    "index changed": (index_changed, "update", "Hash Sum mismatch"),
    "package changed": (deb_changed, "download", "Hash Sum mismatch"),
}


@pytest.mark.parametrize("case", APT_REFUSES)
def test_apt_refuses_what_was_tampered_with(copied: Path, tmp_path: Path, case: str) -> None:
    tamper, fails_at, said = APT_REFUSES[case]
    tamper(copied)
    updated = apt(tmp_path, copied, copied / "backuplink.asc", "update", "--error-on=any")
    downloaded = apt(tmp_path, copied, copied / "backuplink.asc", "download", "backuplink")
    assert (updated.returncode == 0) == (fails_at == "download"), updated.stderr
    assert said in (downloaded if fails_at == "download" else updated).stderr
    assert downloaded.returncode == 100
    assert list(tmp_path.glob("*.deb")) == []


def test_apt_refuses_the_signature_of_another_key(
    packages: Path, signed: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    theirs = build("--key", keys[1], shutil.copytree(packages, tmp_path / "dist"))
    updated = apt(tmp_path, theirs, signed / "backuplink.asc", "update", "--error-on=any")
    assert updated.returncode == 100
    assert "is not signed" in updated.stderr


# --- dnf -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A root in which dnf installs, and its folders."""

    root: Path
    place: Path

    def dnf(
        self, repositories: Path, key: Path, *words: str | Path, machine: str = "x86_64"
    ) -> subprocess.CompletedProcess[str]:
        """Run dnf only with the repository from the guide, and with a folder as its server."""
        (text,) = re.findall(r"^```ini\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        text = text.replace("gpgkey=https://SERVER/backuplink.asc", f"gpgkey=file://{key}")
        text = text.replace("https://SERVER/", f"file://{repositories}/")
        settings = {
            "reposdir": "/nonexistent",
            "cachedir": f"{self.place}/cache",
            "logdir": f"{self.place}/log",
            "persistdir": f"{self.place}/state",
            "pluginpath": "/nonexistent",
            "tsflags": "noplugins",
            "exit_on_lock": "true",
        }
        configuration = self.place / "dnf.conf"
        main = "".join(f"{name}={value}\n" for name, value in settings.items())
        configuration.write_text(f"[main]\n{main}\n{text}", "utf-8")
        options = ["--config", configuration, "--installroot", self.root, "--releasever=1", f"--forcearch={machine}"]
        return run(["dnf", "--assumeyes", *options, *words], HOME=str(self.place))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """An empty root in which rpm believes that the C library is installed."""
    if os.geteuid() != 0:
        lacking("only root can install into a root")
    return has_c_library(tmp_path / "root", tmp_path)


def has_c_library(root: Path, place: Path, architecture: str = "amd64") -> Host:
    library = stand_in(place, "rpm", "c-library", "2.17", architecture, provides=C_LIBRARY)
    root.mkdir(exist_ok=True)
    succeed(["rpm", "--root", root, "--noplugins", "--ignorearch", "--install", library])
    return Host(root=root, place=place)


@pytest.mark.parametrize("architecture", MACHINES)
def test_dnf_installs_what_is_for_the_processor(signed: Path, tmp_path: Path, architecture: str) -> None:
    if os.geteuid() != 0:
        lacking("only root can install into a root")
    host = has_c_library(tmp_path / "root", tmp_path, architecture)
    result = host.dnf(signed, signed / "backuplink.asc", "install", "backuplink", machine=MACHINES[architecture])
    assert result.returncode == 0, (result.stdout, result.stderr)
    assert (host.root / "usr/share/backuplink/content").read_text("utf-8") == architecture


def metadata_unsigned(folder: Path) -> None:
    for path in folder.rglob("repomd.xml.asc"):
        path.unlink()


def metadata_changed(folder: Path) -> None:
    for path in folder.rglob("repomd.xml"):
        path.write_text(path.read_text("utf-8").replace("<revision>", "<revision>1"), "utf-8")


def primary_changed(folder: Path) -> None:
    for path in folder.rglob("*-primary.xml.gz"):
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"\n"))


def rpm_changed(folder: Path) -> None:
    for path in folder.rglob("*.rpm"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)


def rpm_unsigned(folder: Path) -> None:
    """Act as an attacker who can sign the metadata of a repository, but no packages."""
    for path in folder.rglob("*.rpm"):
        succeed(["rpmsign", "--delsign", path])


DNF_REFUSES: Final[Mapping[str, tuple[Callable[[Path], None], str]]] = {
    "metadata unsigned": (metadata_unsigned, "repodata/repomd.xml.asc"),
    "metadata changed": (metadata_changed, "Bad GPG signature"),
    "primary changed": (primary_changed, "Downloading successful, but checksum doesn't match"),
    "package changed": (rpm_changed, "has incorrect checksum"),
    "package unsigned": (rpm_unsigned, "has incorrect checksum"),
}


@pytest.mark.parametrize("case", DNF_REFUSES)
def test_dnf_refuses_what_was_tampered_with(copied: Path, host: Host, case: str) -> None:
    tamper, said = DNF_REFUSES[case]
    tamper(copied)
    result = host.dnf(copied, copied / "backuplink.asc", "install", "backuplink")
    assert result.returncode == 1
    assert said in result.stdout + result.stderr
    assert not (host.root / "usr/share/backuplink").exists()


def test_dnf_refuses_the_signature_of_another_key(
    packages: Path, signed: Path, keys: tuple[Path, Path], host: Host, tmp_path: Path
) -> None:
    theirs = build("--key", keys[1], shutil.copytree(packages, tmp_path / "dist"))
    result = host.dnf(theirs, signed / "backuplink.asc", "install", "backuplink")
    assert result.returncode == 1
    assert "Bad GPG signature" in result.stdout + result.stderr
    assert not (host.root / "usr/share/backuplink").exists()


def test_dnf_refuses_a_package_that_the_key_did_not_sign(signed: Path, packages: Path, host: Host) -> None:
    """The host notices this even if the attacker also changed the metadata, and the host does not check the signature
    of the metadata.
    """
    theirs = build(shutil.copytree(packages, host.place / "dist"))
    result = host.dnf(theirs, signed / "backuplink.asc", "--setopt=backuplink.repo_gpgcheck=0", "install", "backuplink")
    assert result.returncode == 1
    assert "is not signed" in result.stdout + result.stderr
    assert not (host.root / "usr/share/backuplink").exists()


# --- The artifacts, installed ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(keys: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repositories of the packages in dist/, signed."""
    folder = tmp_path_factory.mktemp("published")
    artifact_of("backuplink_VERSION_amd64.deb", "packages")
    for package in (*DIST.glob("backuplink_*.deb"), *DIST.glob("backuplink-*.rpm")):
        shutil.copy(package, folder)
    return build("--key", keys[0], folder)


@pytest.fixture(params=["bullseye", "trixie"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A throw-away root of a release of Debian."""
    base = ROOT / "build" / "roots" / request.param
    if os.geteuid() != 0:
        lacking("only root can install into a root")
    if not base.is_dir():
        lacking(f"there is no {base.relative_to(ROOT)}; run packaging/roots {request.param}")
    copy = tmp_path / "root"
    succeed(["cp", "--archive", base, copy])
    yield copy
    shutil.rmtree(copy)


def test_apt_of_debian_installs_backuplink(root: Path, published: Path) -> None:
    """apt checks signatures with gpgv on Debian 11, and with sqv on Debian 13."""
    shutil.copytree(published, root / "srv" / "repositories")
    (root / "etc/apt/keyrings").mkdir(exist_ok=True)
    shutil.copy(published / "backuplink.asc", root / "etc/apt/keyrings")
    (root / "etc/apt/sources.list").unlink()
    own = source(Path("/srv/repositories"), Path("/etc/apt/keyrings/backuplink.asc"))
    (root / "etc/apt/sources.list.d/backuplink.sources").write_text(own, "utf-8")
    for words in (["update", "--error-on=any"], ["install", "--yes", "--no-install-recommends", "backuplink"]):
        succeed(["chroot", root, "apt-get", *words])
    assert succeed(["chroot", root, "backuplink", "--version"]).stdout == f"backuplink {__version__}\n"


def test_dnf_installs_backuplink(published: Path, tmp_path: Path) -> None:
    base = ROOT / "build" / "roots" / "trixie"
    if os.geteuid() != 0 or not base.is_dir():
        lacking("only root can install into a root, which packaging/roots trixie makes")
    root = tmp_path / "root"
    succeed(["cp", "--archive", base, root])
    host = has_c_library(root, tmp_path)
    for folder in ("licenses", "zsh/site-functions", "fish/vendor_completions.d"):  # of other packages on Debian
        (root / "usr/share" / folder).mkdir(parents=True, exist_ok=True)
    result = host.dnf(published, published / "backuplink.asc", "install", "backuplink")
    assert result.returncode == 0, (result.stdout, result.stderr)
    assert succeed(["chroot", root, "backuplink", "--version"]).stdout == f"backuplink {__version__}\n"
    shutil.rmtree(root)


def test_what_dist_holds_is_what_the_packages_give(tmp_path: Path) -> None:
    for package in (*DIST.glob("backuplink_*.deb"), *DIST.glob("backuplink-*.rpm")):
        shutil.copy(package, tmp_path)
    held = {name: content for name, (content, *_) in contents(DIST / "repositories").items()}
    if "backuplink.asc" in held:
        pytest.skip("dist/repositories is signed, and so differs from a build without the key")
    date = int((DIST / "repositories/deb/dists/stable/Release").stat().st_mtime)
    succeed([BUILD, tmp_path], SOURCE_DATE_EPOCH=str(date))
    assert {name: content for name, (content, *_) in contents(tmp_path / "repositories").items()} == held
