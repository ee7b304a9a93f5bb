"""The head of the one file, in front of a small archive. The Python in the archive is that of the tests, and the
program prints a line. The tests of the built file are in `test_onefile`.
"""

import gzip
import io
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

import assemble
from tests.packaging.artifacts import lacking
from tests.support.command import SECONDS
from tests.support.repository import ROOT

NEEDED: Final = ("sh", *"id uname ls find wc mkdir rm rmdir mv chmod grep head tail gzip tar mktemp".split())
"""The programs that the head needs on a host. In addition, it needs a program that computes checksums."""
HERE: Final = "/mnt"
"""The folder with this machine's programs on a simulated host. It is not on the PATH of that host."""
BUSYBOX: Final = f'#!/bin/sh\n[ "$1" = sha256sum ] && exec {HERE}/sha256sum\n'
"""A script that behaves like BusyBox with sha256sum. BusyBox itself is in no package that the tests install."""
BUSYBOX_WITHOUT: Final = '#!/bin/sh\necho "$1: applet not found"\nexit 127\n'
SUMS: Final[dict[str, dict[str, str | None]]] = {
    "sha256sum": {"sha256sum": None},
    "shasum": {"shasum": None, "perl": None},
    "openssl": {"openssl": None},
    "busybox": {"busybox": BUSYBOX},
    "busybox without the applet, and openssl": {"busybox": BUSYBOX_WITHOUT, "openssl": None},
    "busybox without the applet": {"busybox": BUSYBOX_WITHOUT},
    "none": {},
}
"""Hosts with different programs for checksums. None stands for the program of this machine, a text for a script."""
WITHOUT: Final = frozenset({"busybox without the applet", "none"})


@pytest.fixture(autouse=True)
def _here() -> None:
    if platform.machine() not in assemble.MACHINES or not Path(assemble.MACHINES[platform.machine()][1]).exists():
        lacking("the one file is for x86_64 and aarch64 with the GNU C library")
    if os.geteuid() != 0:
        lacking("only root makes mount namespaces")


def archive(says: str, note: Path) -> bytes:
    """The archive of a build. Its Python leaves a note when it is started."""
    python = Path(os.path.realpath(sys.executable))
    hidden = python.is_relative_to("/usr/bin")  # this host's /usr/bin has only the given programs
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as packed:
        for name, text in {
            "bin/python": f': >{note}\nexec {Path(HERE, python.name) if hidden else python} "$@"',
            "bin/backuplink": f"echo {says}",
        }.items():
            content = f"#!/bin/sh\n{text}\n".encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            packed.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue())


def one_file(place: Path, content: bytes, *, headed_for: bytes) -> Path:
    """A file with the archive `content`. The head in front was made for the archive `headed_for`."""
    head = assemble.head(headed_for, files=2, version="0", arch=platform.machine())
    place.write_bytes(head + content)
    return place


def started(file: Path, home: Path, has: Mapping[str, str | None]) -> subprocess.CompletedProcess[str]:
    """Start a file on a host. Its /usr/bin and /bin only have the programs that the head needs and the programs in
    `has`.
    """
    programs = file.parent / "programs"
    shutil.rmtree(programs, ignore_errors=True)
    programs.mkdir()
    for name in (*NEEDED, *has):
        if (script := has.get(name)) is None:
            if not Path("/usr/bin", name).exists():
                lacking(f"{name} is not installed")
            (programs / name).symlink_to(f"{HERE}/{name}")
        else:
            (programs / name).write_text(script, "ascii")
            (programs / name).chmod(0o755)
    host = f"""
        mount --bind /usr/bin {HERE}
        for folder in /usr/bin /bin; do [ -L $folder ] || mount --bind {programs} $folder; done
        exec sh "$0" --version
    """
    unshare = shutil.which("unshare")
    assert unshare is not None
    return subprocess.run(
        [unshare, "--mount", "/bin/sh", "-euc", host, str(file)],
        env={"PATH": "/usr/bin:/bin", "BACKUPLINK_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("host", SUMS)
def test_a_whole_file_starts_whatever_computes_its_sum(host: str, tmp_path: Path) -> None:
    content = archive("whole", tmp_path / "note")
    done = started(one_file(tmp_path / "file", content, headed_for=content), tmp_path / "home", SUMS[host])
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr


@pytest.mark.parametrize("host", SUMS)
def test_content_of_another_sum_is_refused(host: str, tmp_path: Path) -> None:
    """The content has a wrong checksum, and no other fault. Only a host that cannot compute checksums unpacks it and
    starts its Python.
    """
    note = tmp_path / "note"
    file = one_file(tmp_path / "file", archive("other", note), headed_for=archive("whole", note))
    done = started(file, tmp_path / "home", SUMS[host])
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{file} is damaged: its content does not have the SHA-256 sum" in done.stderr
    assert not (tmp_path / "home").exists()
    assert note.exists() == (host in WITHOUT)


@pytest.mark.parametrize("host", SUMS)
def test_a_byte_that_changed_is_seen_before_anything_is_unpacked(host: str, tmp_path: Path) -> None:
    content = archive("whole", tmp_path / "note")
    changed = bytearray(content)
    changed[-8] ^= 1  # a byte of gzip's own checksum (RFC 1952, section 2.3.1)
    done = started(one_file(tmp_path / "file", bytes(changed), headed_for=content), tmp_path / "home", SUMS[host])
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{tmp_path / 'file'} is damaged" in done.stderr
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "note").exists()


@pytest.mark.parametrize("below", ["", "own"], ids=["it", "above it"])
def test_a_place_that_others_can_change_is_refused(below: str, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    content = archive("whole", tmp_path / "note")
    file = one_file(tmp_path / "file", content, headed_for=content)
    done = started(file, shared / below, SUMS["sha256sum"])
    assert (done.returncode, done.stdout) == (3, "")
    assert f"not in {shared / below}: it, or a directory above it, can be changed by others" in done.stderr
    assert list(shared.iterdir()) == []


def test_what_others_can_change_is_not_started_again(tmp_path: Path) -> None:
    content = archive("whole", tmp_path / "note")
    file, home = one_file(tmp_path / "file", content, headed_for=content), tmp_path / "home"
    assert started(file, home, SUMS["sha256sum"]).returncode == 0
    (unpacked,) = home.iterdir()
    (unpacked / "bin" / "backuplink").write_text("#!/bin/sh\necho changed\n", "ascii")
    unpacked.chmod(0o777)
    done = started(file, home, SUMS["sha256sum"])
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{unpacked.name} is there, and can be changed by others" in done.stderr


# --- Another user of the host ----------------------------------------------------------------------------------------

VICTIM: Final = 1000
INTRUDER: Final = 65534
PLANTED: Final = "#!/bin/sh\necho evil\n"
PLACE: Final = f"backuplink-{VICTIM}"
"""The folder into which the file unpacks itself for a user without a home. It is below /tmp or a similar folder."""
COPY: Final = "; ".join(
    (
        "mkdir -p FOLDER/bin",
        *(f"printf %s {shlex.quote(PLANTED)} >FOLDER/bin/{name}" for name in ("python", "backuplink")),
        "chmod -R a+rx FOLDER",
    )
)
"""Commands that create a complete unpacked copy. All its programs belong to the other user."""
ATTACKS: Final = {
    "nothing": ":",
    "the whole copy": f"umask 0; {COPY.replace('FOLDER', f'{PLACE}/NAME')}",
    "the folder above it, open to all": f"umask 0; mkdir -m 777 {PLACE}",
    "a link to a copy": f"umask 0; {COPY.replace('FOLDER', 'elsewhere/NAME')}; ln -s elsewhere {PLACE}",
    "a link to a folder of the victim's": f"ln -s /home/victim {PLACE}",
    "a link that leads nowhere": f"ln -s nowhere {PLACE}",
    "a copy behind a link in a folder": "; ".join(
        (f"mkdir -m 755 {PLACE}", COPY.replace("FOLDER", "elsewhere"), f"ln -s ../elsewhere {PLACE}/NAME")
    ),
    "a file": f"echo evil >{PLACE}",
    "a pipe": f"mkfifo {PLACE}",
    "programs in the folder in which it is started": "; ".join(
        f"printf %s {shlex.quote(PLANTED)} >{name}; chmod 755 {name}"
        for name in (*NEEDED, "sha256sum", "readlink", "python", "backuplink", "env")
    ),
}
"""Commands with which another user prepares an attack in /tmp, by description."""


def packed_for_anybody() -> bytes:
    """An archive in which Python is a small script that any user may start."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as packed:
        for name, text in {"bin/python": 'exec mv -T -- "$6" "$7"', "bin/backuplink": "echo whole"}.items():
            content = f"#!/bin/sh\n{text}\n".encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            packed.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue())


@pytest.mark.parametrize("is_first", [True, False], ids=["before the first start", "after it"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_another_user_starts_nothing_of_its_own(attack: str, is_first: bool, tmp_path: Path) -> None:
    """Another user has prepared an attack in /tmp before a user without a home starts the file. The test has its own
    /tmp and similar folders.
    """
    content = packed_for_anybody()
    file = one_file(tmp_path / "file", content, headed_for=content)
    (name,) = re.findall(r"(?m)^name=(\S+)$", file.read_bytes().partition(content)[0].decode())
    as_user = "setpriv --reuid {0} --regid {0} --clear-groups"
    start = (
        f"{as_user.format(VICTIM)} env -i PATH=:/usr/bin:/bin TMPDIR=/mnt/tmp /bin/sh /mnt/file --version </dev/null"
    )
    planted = f"{as_user.format(INTRUDER)} sh -c {shlex.quote(ATTACKS[attack].replace('NAME', name))} || :"
    script = f"""
        mount -t tmpfs -o mode=755 none /mnt
        cp "$0" /mnt/file
        for folder in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o mode=1777 none $folder; done
        mkdir -m 1777 /mnt/tmp
        cd /mnt/tmp
        {"" if is_first else f"{start} >/dev/null"}
        {planted}
        {start}
        {start}
    """
    done = subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-uc", script, str(file)],  # noqa: S607 - any will do
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "whole\nwhole\n"), done.stderr


def test_a_launcher_behind_a_link_starts_nothing_of_the_folder_that_it_is_called_in(tmp_path: Path) -> None:
    """`/usr/bin/backuplink` of the packages is such a link. The user's PATH begins with the current folder."""
    program, here = tmp_path / "lib" / "bin", tmp_path / "here"
    program.mkdir(parents=True)
    here.mkdir()
    shutil.copy(ROOT / "packaging" / "onefile" / "launcher.sh", program / "backuplink")
    (program / "python").write_text("#!/bin/sh\necho whole\n", "ascii")
    (tmp_path / "backuplink").symlink_to("lib/bin/backuplink")
    for name in ("readlink", "python", "sh", "dirname"):
        (here / name).write_text(PLANTED, "ascii")
    for script in (program / "backuplink", program / "python", *here.iterdir()):
        script.chmod(0o755)
    for path in (":/usr/bin:/bin", ".:/usr/bin:/bin", f"{here}:/usr/bin:/bin"):
        done = subprocess.run(
            [str(tmp_path / "backuplink")], cwd=here, env={"PATH": path}, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr
