"""`python -m tests.process.on_failing_disk FOLDER`: runs commands on a disk that fails, each in a separate process.

Two file systems are mounted in FOLDER, until this process ends: `full` is a tmpfs, and `broken` is the file system of
`tests.process.failing_disk`. Each line on stdin is a JSON list of cases, each with the fields of a `Case`. For each
such line, a line on stdout has the files and the output of each case, in the same order. This process imports the
modules of the commands once, so that the commands' processes start faster.
"""

import importlib
import json
import os
import pkgutil
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from agent.cli import entry
from tests.process.failing_disk import FOR_EVER, Faults, mount_failing, mount_memory, mount_over, own_mounts
from tests.support.repository import ROOT

OLD: Final = "the old document\n"
DOCUMENT: Final = "document"
"""The name of a file that exists before each command."""
HISTORY: Final = "history.db"
OUT, ERR = "out", "err"
PACKAGES: Final = ("app", "audit", "documents", "fleet", "formats", "history", "judge", "predict", "run", "simulated")
"""The packages of `agent` that commands import."""
_FILLER: Final = ".filler"
_PAGE: Final = 4_096
_SIZE: Final = "size=1m,mode=755"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command on a disk."""

    words: tuple[str, ...]
    """The arguments of the command. `{disk}` stands for the folder of the disk."""
    room: int | None = None
    """The number of free bytes on the full disk, or None to use the broken disk."""
    kinds: tuple[int, ...] = ()
    """The kinds of requests that fail on the broken disk."""
    error: int = 0
    after: int = 0
    times: int = FOR_EVER
    streams: tuple[str, ...] = ()
    """The streams, OUT or ERR or both, that are files on the disk."""
    temporary: bool = False
    """Whether temporary files are written to the disk."""
    mounted: bool = False
    """Whether the document itself is a mount point."""
    history: str = ""
    """The path of a file to copy to the disk, as HISTORY."""


def main(folder: Path) -> None:
    """Run the cases that stdin lists."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages([str(ROOT / "agent" / package)], f"agent.{package}."):
            importlib.import_module(module.name)
    own_mounts()
    full, broken = folder / "full", folder / "broken"
    full.mkdir()
    broken.mkdir()
    mount_memory(full, _SIZE)
    faults = mount_failing(broken)
    for line in sys.stdin:
        cases = [case_of(given) for given in json.loads(line)]
        left = [_left(case, broken if case.room is None else full, faults) for case in cases]
        sys.stdout.write(json.dumps(left) + "\n")
        sys.stdout.flush()


def case_of(given: dict[str, Any]) -> Case:
    """A case from JSON."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Case(**values)


def _left(case: Case, disk: Path, faults: Faults) -> dict[str, Any]:
    for each in disk.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    (disk / DOCUMENT).write_text(OLD, "utf-8")
    if case.history:
        shutil.copyfile(case.history, disk / HISTORY)
    places = {name: (disk if name in case.streams else disk.parent) / name for name in (OUT, ERR)}
    for place in places.values():
        place.write_bytes(b"")
    if case.room is not None:
        _fill(disk / _FILLER, case.room)
    for kind in case.kinds:
        faults.let(kind, case.error, after=case.after, times=case.times)
    if (child := os.fork()) == 0:
        _run(case, disk, places)
    status = os.waitpid(child, 0)[1]
    faults.none()
    (disk / _FILLER).unlink(missing_ok=True)
    return {
        "code": os.waitstatus_to_exitcode(status),
        **{name: place.read_bytes().decode("utf-8", "replace") for name, place in places.items()},
        "left": {
            str(path.relative_to(disk)): _text(path.read_bytes())
            for path in sorted(disk.rglob("*"))
            if path.is_file() and path not in places.values()
        },
    }


def _text(data: bytes) -> str:
    """The content of a file as text. If it is not UTF-8, each of its bytes becomes a character."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _run(case: Case, disk: Path, places: dict[str, Path]) -> NoReturn:
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, OUT), (2, ERR)):
            os.dup2(os.open(places[name], os.O_WRONLY | os.O_APPEND), number)
        if case.temporary:
            os.environ["TMPDIR"] = str(disk)
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        if case.mounted:
            own_mounts()
            mount_over(disk / DOCUMENT, disk / DOCUMENT)
        os.chdir(disk)
        sys.argv = ["backuplink", *(word.format(disk=disk) for word in case.words)]
        entry.main()
    finally:
        os._exit(70)


def _fill(filler: Path, room: int) -> None:
    """Fill a file system until this many bytes are free."""
    with filler.open("wb", buffering=0) as stream:
        try:
            while stream.write(bytes(_PAGE)):
                pass
        except OSError:
            stream.truncate(max(0, stream.tell() - room))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
