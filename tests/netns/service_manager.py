"""A real systemd that runs the shipped units on the host of a VPC.

It is process 1 of a PID namespace. Its root file system is in memory: /usr and the Python of the tests come from this
machine, read-only, and the rest is empty. It has the shipped units and the units of the journal. The system's own
targets are replaced by empty ones, so that it starts no service of this machine and does not wait for a network. It
cannot change kernel settings. If another cgroup hierarchy of this machine has the controllers for memory and tasks, it
cannot enforce such limits.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any, Final

from tests.netns.vpc import Vpc
from tests.support.command import SECONDS
from tests.support.repository import ROOT

SYSTEMD: Final = Path("/usr/lib/systemd/systemd")
UNITS: Final = (ROOT / "packaging" / "packages" / "systemd", ROOT / "packaging" / "monitoring")
"""The folders of the shipped units."""
PACKAGES: Final = ROOT / "packaging" / "packages"
"""The folder of the shipped configuration, and of the file for variables with secrets."""
_NUMBERS: Final = count(1)
_BOOT: Final = """
name=$1 prefix=$2 python=$3 packages=$4 project=$5 units=$6 monitoring=$7 shipped=$8
mount --make-rprivate /
root=/mnt
mount -t tmpfs -o mode=755 root $root
cd $root
mkdir -p etc/backuplink etc/systemd/system proc sys dev run tmp home root opt/python opt/packages opt/project
mkdir -p var/log var/lib var/tmp var/cache usr/bin
ln -s ../run var/run
chmod 1777 var/tmp
chmod 700 root
for folder in /usr/*; do
    if [ -d "$folder" ] && [ ! -L "$folder" ] && [ "$folder" != /usr/bin ]; then
        mkdir ".$folder"
        mount --bind "$folder" ".$folder"
        mount -o remount,bind,ro ".$folder"
    fi
done
for link in bin sbin lib lib64; do if [ -L /$link ]; then cp -P /$link .; fi; done
for program in sh env rm mv mkdir kill mount umount systemctl journalctl; do cp "/bin/$program" usr/bin/; done
mount --bind "$prefix" opt/python
mount --bind "$packages" opt/packages
for package in agent probes tests; do
    mkdir opt/project/$package
    mount --bind "$project/$package" opt/project/$package
done
ln -s "/opt/python/$python" usr/bin/python
cat >usr/bin/backuplink <<'PROGRAM'
#!/bin/sh
export PYTHONPATH=/opt/project:/opt/packages LD_LIBRARY_PATH=/opt/python/lib
exec python -s -B -m agent "$@"
PROGRAM
chmod 755 usr/bin/backuplink
cp -L /etc/passwd /etc/group /etc/hosts /etc/resolv.conf /etc/ld.so.cache etc/
if [ -e /etc/nsswitch.conf ]; then cp -L /etc/nsswitch.conf etc/; fi
echo 0123456789abcdef0123456789abcdef >etc/machine-id
cp "$shipped/backuplink.toml" "$shipped/environment" etc/backuplink/
chmod 600 etc/backuplink/environment
mkdir usr/units etc/systemd/journald.conf.d
cp "$units"/* "$monitoring"/*.service "$monitoring"/*.timer usr/units/
for unit in .socket -dev-log.socket .service; do cp /usr/lib/systemd/system/systemd-journald$unit usr/units/; done
for target in sysinit basic shutdown umount local-fs local-fs-pre swap sockets timers multi-user network-online \\
    nss-lookup; do
    printf '[Unit]\\nDefaultDependencies=no\\n' >usr/units/$target.target
done
printf '[Unit]\\nWants=systemd-journald.service\\n' >>usr/units/multi-user.target
# A service that an active timer may start stays known with its result when it has ended.
mkdir usr/units/multi-user.target.wants
for service in check watch textfile; do
    printf '[Timer]\\nOnActiveSec=1y\\nUnit=backuplink-%s.service\\n' $service >usr/units/keep-$service.timer
    ln -s ../keep-$service.timer usr/units/multi-user.target.wants/
done
printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=no\\nForwardToWall=no\\n' \\
    >etc/systemd/journald.conf.d/own.conf
printf '[Manager]\\nShowStatus=no\\n' >etc/systemd/system.conf
mount -t cgroup2 cgroup2 run
mkdir "run/$name"
echo 0 >"run/$name/cgroup.procs"
umount run
exec unshare --cgroup sh -euc '
    mount -t proc proc proc
    mount --bind proc/sys proc/sys
    mount -o remount,bind,ro proc/sys
    mount --rbind /sys sys
    mount -o remount,bind,ro sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs -o mode=755 dev dev
    for device in null:3 zero:5 full:7 random:8 urandom:9; do
        mknod -m 666 "dev/${device%:*}" c 1 "${device#*:}"
    done
    mkdir dev/shm dev/pts
    mount -t tmpfs -o mode=1777 shm dev/shm
    mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    mkdir dev/mqueue
    mount -t mqueue mqueue dev/mqueue
    mount -t tmpfs -o mode=755 run run
    mount -t tmpfs -o mode=1777 tmp tmp
    mkdir run/old
    pivot_root . run/old
    cd /
    umount -l run/old
    exec env -i container=backuplink-tests PATH=/usr/sbin:/usr/bin \\
        SYSTEMD_GENERATOR_PATH=/none SYSTEMD_UNIT_PATH=/etc/systemd/system:/usr/units \\
        /usr/lib/systemd/systemd --system --unit=multi-user.target --log-target=journal
'
"""


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """A systemd that is running."""

    process_id: int

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program beside systemd, as root."""
        return subprocess.run(
            [*"nsenter --all --target".split(), str(self.process_id), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def systemctl(self, *words: str) -> str:
        """The output of systemctl(1). Raises AssertionError if it fails."""
        done = self.run("systemctl", "--no-pager", *words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def properties(self, unit: str) -> Mapping[str, str]:
        """The properties of a unit, by name, as `systemctl show` writes them."""
        lines = self.systemctl("show", unit).splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def wait_for(self, unit: str, fulfilled: Callable[[Mapping[str, str]], bool]) -> Mapping[str, str]:
        """Wait until the properties of a unit fulfil a condition; returns these properties. Raises AssertionError after
        SECONDS.
        """
        until = time.monotonic() + SECONDS
        while not fulfilled(properties := self.properties(unit)):
            assert time.monotonic() < until, properties
            time.sleep(0.2)
        return properties

    def path(self, name: str) -> Path:
        """The path by which this process reaches a file in the root of systemd."""
        return Path(f"/proc/{self.process_id}/root{name}")

    def write(self, name: str, text: str) -> None:
        """Write a file that every user may read, below the root of systemd."""
        file = self.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)

    def drop_in(self, unit: str, text: str) -> None:
        """Change a unit with a drop-in, as an operator does. It replaces earlier changes of the unit."""
        self.write(f"/etc/systemd/system/{unit}.d/override.conf", text)
        self.systemctl("daemon-reload")

    def journal(self, unit: str) -> list[dict[str, Any]]:
        """The journal entries that a unit's processes have written so far, oldest first. Each entry has the journal's
        fields.
        """
        for words in (["--sync"], ["--output=json", "_TRANSPORT=stdout", f"_SYSTEMD_UNIT={unit}"]):
            done = self.run("journalctl", "--no-pager", *words)
            assert done.returncode == 0, (words, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]


def missing() -> str | None:
    """Why a systemd cannot be started here, or None if nothing is known to prevent it."""
    for program in (str(SYSTEMD), "/bin/kill", *"systemctl journalctl unshare nsenter pivot_root".split()):
        if shutil.which(program) is None:
            return f"the program {program} is not there"
    tried = subprocess.run(
        "unshare --mount --pid --fork --uts --ipc --cgroup mount -t cgroup2 cgroup2 /mnt".split(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return f"a systemd has no control groups here: {tried.stderr.strip()}" if tried.returncode else None


@contextmanager
def service_manager(vpc: Vpc) -> Iterator[ServiceManager]:
    """Run a systemd on the host of a VPC. When the block ends, systemd and all its processes have ended.

    Raises RuntimeError if it does not start.
    """
    name = f"backuplink-{os.getpid()}-{next(_NUMBERS)}"
    python = f"bin/python{sys.version_info.major}.{sys.version_info.minor}"
    places = (sys.base_prefix, python, sysconfig.get_path("purelib"), ROOT, *UNITS, PACKAGES)
    words = ["unshare", *"--mount --pid --fork --uts --ipc --kill-child sh -euc".split(), _BOOT, "sh", name]
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(
            vpc.on_host(*words, *map(str, places)), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield _started(process, output)
        finally:
            # When the first process of a PID namespace ends, all processes in the namespace end, and then the parent of
            # the first one.
            for child in _children(process):
                os.kill(child, signal.SIGKILL)
            process.wait(SECONDS)
            _remove_group(name)


def _started(process: subprocess.Popen[bytes], output: IO[bytes]) -> ServiceManager:
    """The systemd that this process starts, once it runs. Raises RuntimeError if the process ends first."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        for child in _children(process):
            if Path(f"/proc/{child}/comm").read_text("utf-8") == "systemd\n":
                manager = ServiceManager(child)
                if manager.run("systemctl", "is-active", "multi-user.target").returncode == 0:
                    return manager
        time.sleep(0.05)
    output.seek(0)
    raise RuntimeError(f"systemd does not start in a namespace: {output.read().decode('utf-8', 'replace').strip()}")


def _children(process: subprocess.Popen[bytes]) -> tuple[int, ...]:
    """Ids of the running child processes of a process."""
    return tuple(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()))


def _remove_group(name: str) -> None:
    """Remove the control group of a systemd that has ended, with the groups below it."""
    script = "mount -t cgroup2 cgroup2 /mnt; test ! -d /mnt/$1 || find /mnt/$1 -depth -type d -exec rmdir {} +"
    words = [*"unshare --mount sh -euc".split(), script, "sh", name]
    subprocess.run(words, timeout=SECONDS, check=True)
