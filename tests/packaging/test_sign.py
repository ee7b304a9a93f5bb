"""`packaging/sign`: the commands of docs/packaging.md accept its signatures, and refuse everything else.

The keys are made for the tests. gpg needs a second to make a key.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.packaging.artifacts import lacking
from tests.support.repository import ROOT

SIGN: Final = ROOT / "packaging" / "sign"
PAGE: Final = ROOT / "docs" / "packaging.md"
SECURITY: Final = ROOT / "SECURITY.md"


def environment(home: Path) -> dict[str, str]:
    """The environment of a process that knows no key of the user who runs the tests."""
    return {"PATH": os.defpath, "HOME": str(home), "GNUPGHOME": str(home), "LC_ALL": "C.UTF-8"}


def gpg(home: Path, *words: str) -> str:
    """The output of gpg, which must succeed."""
    command = ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", *words]
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder of gpg with two keys that can sign, and one key that can only certify."""
    if shutil.which("gpg", path=os.defpath) is None:
        lacking("gpg is not installed; apt-get install gnupg")
    folder = tmp_path_factory.mktemp("gnupg")
    folder.chmod(0o700)
    for name, usage in (("release", "sign"), ("other", "sign"), ("certifier", "cert")):
        gpg(folder, "--quick-generate-key", f"{name} <{name}@example.com>", "ed25519", usage, "never")
    yield folder
    command = ["gpgconf", "--kill", "all"]
    subprocess.run(command, env=environment(folder), timeout=60, check=False)


def key(home: Path, folder: Path, *names: str) -> Path:
    """A file with these secret keys."""
    file = folder / f"{'-'.join(names)}.asc"
    file.write_text(gpg(home, "--armor", "--export-secret-keys", *names), "ascii")
    return file


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with two artifacts and their checksums."""
    folder = tmp_path / "dist"
    (folder / "sub").mkdir(parents=True)
    (folder / "backuplink.run").write_text("the program\n", "utf-8")
    (folder / "sub" / "more").write_text("more\n", "utf-8")
    sums = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}" for name in ("backuplink.run", "sub/more")
    ]
    (folder / "SHA256SUMS").write_text("\n".join([*sums, ""]), "utf-8")
    return folder


def sign(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `packaging/sign` in a folder. Asserts that it leaves no temporary files there."""
    command = [str(word) for word in (SIGN, *words)]
    # tmp_path would be too long, since the path of the agent's socket may have at most 107 bytes.
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            command,
            env={**environment(Path("/nonexistent")), "TMPDIR": scratch},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert [*Path(scratch).rglob("*")] == []
    return done


def verified(dist: Path, tmp_path: Path, revocations: str | None = None) -> subprocess.CompletedProcess[str]:
    """The output of the page's commands, run in the folder with the downloads. `revocations` is the content of
    SECURITY.md when they run.
    """
    section = PAGE.read_text("utf-8").partition("\n## Check what you were given\n")[2].partition("\n## ")[0]
    commands, importing = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert "--verify" in commands
    if revocations is not None:
        (dist / "SECURITY.md").write_text(revocations, "utf-8")
        kept = commands.index("release_gpg --status-file")
        commands = f"{commands[:kept]}{importing}{commands[kept:]}"
    home = tmp_path / "reader"
    home.mkdir(mode=0o700, exist_ok=True)
    shell = ["sh", "-euc", commands]
    return subprocess.run(
        shell,
        cwd=dist,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def signed(home: Path, dist: Path, tmp_path: Path) -> Path:
    done = sign("--key", key(home, tmp_path, "release"), dist)
    assert done.returncode == 0, done.stderr
    return dist


def test_the_page_s_commands_verify_it_and_show_the_fingerprint(home: Path, signed: Path, tmp_path: Path) -> None:
    done = verified(signed, tmp_path)
    assert done.returncode == 0, done.stderr
    fingerprint = re.search(
        r"^fpr:+([0-9A-F]{40}):", gpg(home, "--with-colons", "--list-keys", "release"), re.MULTILINE
    )
    assert fingerprint is not None
    assert fingerprint[1] in done.stdout
    assert "backuplink.run: OK" in done.stdout


def test_they_verify_it_where_only_some_files_were_taken(signed: Path, tmp_path: Path) -> None:
    shutil.rmtree(signed / "sub")
    assert verified(signed, tmp_path).returncode == 0


@pytest.mark.parametrize("damaged", ["backuplink.run", "SHA256SUMS", "SHA256SUMS.asc"])
def test_they_refuse_what_was_changed(signed: Path, tmp_path: Path, damaged: str) -> None:
    content = (signed / damaged).read_bytes()
    (signed / damaged).write_bytes(content.replace(b"a", b"b", 1))
    assert verified(signed, tmp_path).returncode != 0


def test_they_refuse_the_signature_of_another_by_the_key_that_was_kept(
    home: Path, signed: Path, tmp_path: Path
) -> None:
    """An attacker who can change the files can also change the key beside them. He cannot change a key that the user
    kept from an earlier release.
    """
    assert verified(signed, tmp_path).returncode == 0
    for file in (*signed.glob("backuplink-release.gpg*"), signed / "checked"):
        file.unlink()
    kept = (signed / "SHA256SUMS.key.asc").read_bytes()
    assert sign("--key", key(home, tmp_path, "other"), signed).returncode == 0
    (signed / "SHA256SUMS.key.asc").write_bytes(kept)
    assert verified(signed, tmp_path).returncode != 0


@pytest.fixture
def spoilt(tmp_path: Path) -> Iterator[Path]:
    """A home folder of gpg for keys that a test spoils. It is not in tmp_path, since the path of a socket may have at
    most 107 bytes.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield folder
        command = ["gpgconf", "--kill", "all"]
        subprocess.run(command, env=environment(folder), timeout=60, check=False)


def published(spoilt: Path, dist: Path) -> None:
    """Write the current public key beside the signature, in place of the old one, as a later release would."""
    (dist / "SHA256SUMS.key.asc").write_text(gpg(spoilt, "--armor", "--export", "spoilt"), "ascii")


def fingerprint_of(home: Path, name: str) -> str:
    found = re.search(r"^fpr:+([0-9A-F]{40}):", gpg(home, "--with-colons", "--list-keys", name), re.MULTILINE)
    assert found is not None
    return found[1]


def test_they_refuse_a_key_that_has_expired(home: Path, spoilt: Path, dist: Path, tmp_path: Path) -> None:
    gpg(spoilt, "--quick-generate-key", "spoilt <spoilt@example.com>", "ed25519", "sign", "never")
    assert sign("--key", key(spoilt, tmp_path, "spoilt"), dist).returncode == 0
    assert verified(dist, tmp_path).returncode == 0
    (dist / "backuplink-release.gpg").unlink()
    time.sleep(2)
    gpg(spoilt, "--quick-set-expire", fingerprint_of(spoilt, "spoilt"), "seconds=1")
    time.sleep(2)
    published(spoilt, dist)
    done = verified(dist, tmp_path)
    assert done.returncode != 0
    assert "EXPKEYSIG" in done.stdout + (dist / "checked").read_text("utf-8")


def revoked(spoilt: Path) -> str:
    """The certificate that revokes the key. gpg made the key and the certificate together."""
    made = (spoilt / "openpgp-revocs.d" / f"{fingerprint_of(spoilt, 'spoilt')}.rev").read_text("utf-8")
    return made.replace(":-----BEGIN", "-----BEGIN")


def test_they_refuse_a_key_that_was_revoked(home: Path, spoilt: Path, dist: Path, tmp_path: Path) -> None:
    """The certificate of revocation is beside the files. For a user who kept the key, it is in SECURITY.md."""
    gpg(spoilt, "--quick-generate-key", "spoilt <spoilt@example.com>", "ed25519", "sign", "never")
    assert sign("--key", key(spoilt, tmp_path, "spoilt"), dist).returncode == 0
    assert verified(dist, tmp_path).returncode == 0
    page = SECURITY.read_text("utf-8")
    certificate = revoked(spoilt)
    done = verified(dist, tmp_path, f"{page}\n{certificate[certificate.index('-----BEGIN') :]}\n")
    assert done.returncode != 0
    assert "REVKEYSIG" in done.stdout + (dist / "checked").read_text("utf-8")
    (dist / "backuplink-release.gpg").unlink()
    (tmp_path / "revocation").write_text(certificate, "utf-8")
    gpg(spoilt, "--import", str(tmp_path / "revocation"))
    published(spoilt, dist)
    assert verified(dist, tmp_path).returncode != 0


def test_the_page_of_revocations_says_what_there_is() -> None:
    section = SECURITY.read_text("utf-8").partition("\n## The key of releases\n")[2].partition("\n## ")[0]
    assert ("No key has been revoked" in section) != ("-----BEGIN PGP PUBLIC KEY BLOCK-----" in section)


def test_leaves_the_signature_and_the_public_key_and_nothing_else(home: Path, dist: Path, tmp_path: Path) -> None:
    secret = key(home, tmp_path, "release")
    assert sign("--key", secret, dist).returncode == 0
    assert sorted(path.name for path in dist.iterdir()) == [
        "SHA256SUMS",
        "SHA256SUMS.asc",
        "SHA256SUMS.key.asc",
        "backuplink.run",
        "sub",
    ]
    assert "PRIVATE" not in (dist / "SHA256SUMS.key.asc").read_text("ascii")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda dist: (dist / "backuplink.run").write_text("other\n"),
            "is not what its SHA256SUMS says",
            id="changed",
        ),
        pytest.param(lambda dist: (dist / "sub" / "more").unlink(), "is not what its SHA256SUMS says", id="gone"),
        pytest.param(lambda dist: (dist / "new").write_text("new\n"), "has other files than its SHA256SUMS", id="new"),
        pytest.param(
            lambda dist: (dist / "link").symlink_to("backuplink.run"), "has other files than its SHA256SUMS", id="link"
        ),
        pytest.param(
            lambda dist: (dist / "SHA256SUMS.run").write_text("x"),
            "has other files than its SHA256SUMS",
            id="like sums",
        ),
        pytest.param(
            lambda dist: (dist / "sub" / "SHA256SUMS.asc").write_text("x"),
            "has other files than its SHA256SUMS",
            id="like a signature, below",
        ),
        pytest.param(lambda dist: (dist / "SHA256SUMS").unlink(), "there is no", id="no sums"),
    ],
)
def test_what_the_sums_do_not_say_is_not_signed(home: Path, dist: Path, tmp_path: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    change(dist)
    done = sign("--key", key(home, tmp_path, "release"), dist)
    assert (done.returncode, message in done.stderr) == (3, True), done.stderr
    assert not (dist / "SHA256SUMS.asc").exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("certifier",), "has no secret key that can sign"),
        (("release", "other"), "has more than one secret key"),
        ((), "gpg cannot import"),
    ],
)
def test_a_key_that_cannot_be_the_one_is_refused(
    home: Path, dist: Path, tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    file = tmp_path / "key"
    file.write_text("no key\n", "utf-8")
    done = sign("--key", key(home, tmp_path, *names) if names else file, dist)
    assert (done.returncode, message in done.stderr) == (3, True), done.stderr
    assert not (dist / "SHA256SUMS.asc").exists()


def test_a_mistake_in_the_call_shows_the_help(dist: Path) -> None:
    for words in ((), (dist,), ("--key",), ("--keys", "file", dist), ("--key", "file", dist, dist)):
        done = sign(*words)
        assert (done.returncode, "packaging/sign --key FILE [FOLDER]" in done.stderr) == (3, True)
    assert "there is no key 'none' that can be read" in sign("--key", "none", dist).stderr
