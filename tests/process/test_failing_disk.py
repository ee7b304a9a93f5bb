"""Every writer of the program is tested on a full disk and on a failing disk: existing files stay, no file is left half
written, and the failure is reported.
"""

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from agent.formats import json as json_format
from agent.history.model import CycleRow
from agent.history.read import HistoryReader
from tests.agent.fleet.files import lines, record
from tests.agent.history.entries import change, entry, ill, well, writer
from tests.process.failing_disk import CREATE, FLUSH, FSYNC, LINK, MKDIR, READDIR, RENAME, WRITE
from tests.process.on_failing_disk import DOCUMENT, ERR, HISTORY, OLD, OUT, Case
from tests.support.extent import one_in
from tests.support.repository import ROOT
from tests.support.runs import report_of

FULL, BROKEN = "No space left on device", "Input/output error"
FAULTS: Final[dict[str, tuple[Case, str]]] = {
    "is full": (Case(words=(), room=0), FULL),
    "fills up": (Case(words=(), room=4_096), FULL),
    "makes no file": (Case(words=(), kinds=(CREATE, MKDIR), error=errno.EIO), BROKEN),
    "fails to write": (Case(words=(), kinds=(WRITE,), error=errno.EIO), BROKEN),
    "fails to sync": (Case(words=(), kinds=(FSYNC,), error=errno.EIO), BROKEN),
    "fails to close": (Case(words=(), kinds=(FLUSH,), error=errno.EIO), BROKEN),
    "fails to rename": (Case(words=(), kinds=(RENAME, LINK), error=errno.EIO), BROKEN),
}
"""The faults of a disk. Each has a case without a command, and the message that a command must write."""
SOUND: Final = Case(words=())
_TIME: Final = re.compile(r"\d\d:\d\d:\d\d UTC")
TO_DOCUMENT: Final = ("--output", f"{{disk}}/{DOCUMENT}")
WATCH: Final = ("demo", "--watch", "--cycles", "4")


@dataclass(frozen=True, slots=True)
class Disks:
    """A process that runs commands on two disks, which are mounted below a folder."""

    folder: Path
    process: subprocess.Popen[str]

    def left_of(self, cases: Iterable[Case]) -> list[dict[str, Any]]:
        """Run commands; returns the files and the output of each."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([asdict(case) for case in cases]) + "\n")
        self.process.stdin.flush()
        results: list[dict[str, Any]] = json.loads(self.process.stdout.readline())
        for result in results:
            assert "Traceback" not in result[ERR], result[ERR]
            assert "internal error" not in result[ERR] + result[OUT], result
        return results


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disks]:
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        if os.environ.get("BACKUPLINK_REQUIRE_NETNS") == "1":
            pytest.fail("BACKUPLINK_REQUIRE_NETNS is set, and this user mounts no file system of FUSE")
        pytest.skip("mounting a file system takes root, and FUSE")
    folder = tmp_path_factory.mktemp("disks")
    command = [sys.executable, "-m", "tests.process.on_failing_disk", str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield Disks(folder, process)
        finally:
            process.kill()


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """Files that the commands read, by their kind."""
    folder = tmp_path / "given"
    (folder / "records").mkdir(parents=True)
    (folder / "report.json").write_text(json_format.render(report_of("private-dns-off")), "utf-8")
    history = writer(folder / "history.db")
    for number in range(1, 4):
        history.append(entry((well, ill)[number % 2](number), change(number)))
    history.close()
    hosts = (record(number, ("healthy", "private-dns-off")[number % 2], redacted=False) for number in range(30))
    (folder / "records" / "all.ndjson").write_text(lines(*hosts), "utf-8")
    return {
        "report": str(folder / "report.json"),
        "history": str(folder / "history.db"),
        "records": str(folder / "records"),
        "estate": str(ROOT / "docs" / "examples" / "estate.json"),
        "account": str(ROOT / "docs" / "examples" / "account.json"),
    }


def words_of(words: Iterable[str], given: Mapping[str, str]) -> tuple[str, ...]:
    """The arguments of a command, with the paths of the files that it reads in place of their kinds."""
    return tuple(given.get(word.strip("<>"), word) if word.startswith("<") else word for word in words)


# --- A document ------------------------------------------------------------------------------------------------------

DOCUMENTS: Final = {
    "a run": ("demo", "--format", "json"),
    "a saved report": ("diagnose", "<report>", "--format", "html"),
    "a history": ("history", "<history>", "--format", "svg"),
    "a cycle": ("history", "<history>", "--show", "2"),
    "two cycles": ("history", "<history>", "--compare", "1", "2", "--format", "json"),
    "a prediction": ("predict", "--ec2-facts", "<estate>", "--format", "html"),
    "an audit": ("audit", "--ec2-facts", "<account>", "--format", "csv"),
    "a fleet": ("fleet", "<records>", "--format", "html"),
    "a table of a fleet": ("fleet", "<records>", "--format", "csv"),
    "metrics of a fleet": ("fleet", "<records>", "--format", "prometheus"),
    "an estate": ("demo", "--fleet", "30", "--format", "markdown"),
}


def test_a_document_is_on_stdout_and_the_old_one_stays(given: dict[str, str], disks: Disks) -> None:
    """In CI, each command meets only one of the faults. The faults are used in turn."""
    pairs = one_in(2 * len(FAULTS) + 1, [(name, fault) for name in DOCUMENTS for fault in FAULTS])
    commands = {name: (*words_of(DOCUMENTS[name], given), *TO_DOCUMENT) for name in dict(pairs)}
    sound = [replace(SOUND, words=words) for words in commands.values()]
    failing = [replace(FAULTS[fault][0], words=commands[name]) for name, fault in pairs]
    results = disks.left_of([*sound, *failing])
    whole = dict(zip(commands, results, strict=False))
    for (name, fault), result in zip(pairs, results[len(sound) :], strict=True):
        assert whole[name]["left"].keys() == {DOCUMENT}
        assert whole[name][OUT] == ""
        document = whole[name]["left"][DOCUMENT]
        if len(document.encode()) <= (FAULTS[fault][0].room or 0):
            assert (result["code"], result["left"]) == (whole[name]["code"], {DOCUMENT: document})  # the document fits
            continue
        assert result["code"] == 3, (name, fault, result)
        assert f"/{DOCUMENT} cannot be written: {FAULTS[fault][1]}; the " in result[ERR], (name, fault)
        assert " on stdout.\n" in result[ERR]
        assert _TIME.sub("", result[OUT]) == _TIME.sub("", document), (name, fault)
        assert result["left"] == {DOCUMENT: OLD}, (name, fault)


def test_a_parquet_file_that_cannot_be_written_is_json_on_stdout(given: dict[str, str], disks: Disks) -> None:
    words = words_of(("fleet", "<records>", "--format", "parquet", *TO_DOCUMENT), given)
    faults = one_in(len(FAULTS), FAULTS.values())
    for (_, why), result in zip(
        faults, disks.left_of([replace(fault, words=words) for fault, _ in faults]), strict=True
    ):
        assert result["code"] == 3
        assert f"/{DOCUMENT} cannot be written: {why}; the document is, as JSON, on stdout.\n" in result[ERR]
        assert json.loads(result[OUT])["schema"] == "backuplink.fleet.v1"
        assert result["left"] == {DOCUMENT: OLD}


REFUSED: Final = {
    "an archive": (("bundle", "<report>", *TO_DOCUMENT), "cannot be written: {}; there is no archive"),
    "a new archive": (("bundle", "<report>"), "cannot be written: {}; there is no archive"),
    "packed records": (("fleet", "pack", "<records>", "{disk}/lake"), "/records.parquet: {}"),
    "files of an estate": (("demo", "--fleet", "30", "--keep", "{disk}/estate"), "--keep: {disk}/estate: {}"),
}
"""Outputs that are either written completely or not at all, each with the expected message."""
UNTOUCHED: Final = {("files of an estate", "fails to sync"), ("files of an estate", "fails to rename")}
"""Files of an estate (all hosts of a company, as `demo` simulates them) are neither synced nor renamed, since they can
be created again.
"""


def test_what_is_a_file_or_nothing_is_refused(given: dict[str, str], disks: Disks, tmp_path: Path) -> None:
    pairs = one_in(5, [(name, fault) for name in REFUSED for fault in FAULTS if (name, fault) not in UNTOUCHED])
    cases = [replace(FAULTS[fault][0], words=words_of(REFUSED[name][0], given)) for name, fault in pairs]
    for (name, fault), result in zip(pairs, disks.left_of(cases), strict=True):
        disk = disks.folder / ("full" if FAULTS[fault][0].room is not None else "broken")
        assert result["code"] == 3, (name, fault, result)
        said = REFUSED[name][1].replace("{disk}", str(disk)).format(FAULTS[fault][1])
        assert said in result[ERR], (name, fault, result[ERR])
        assert result["left"] == {DOCUMENT: OLD}, (name, fault)


def test_a_folder_that_cannot_be_listed_takes_a_document(disks: Disks) -> None:
    """A writer lists the folder only to find temporary files of killed writers, so it works without this list."""
    case = Case(words=("demo", *TO_DOCUMENT), kinds=(READDIR,), error=errno.EIO)
    (result,) = disks.left_of([case])
    assert result["code"] == 0, result[ERR]
    assert result["left"][DOCUMENT].startswith("OK  ")


def test_a_file_that_is_mounted_on_its_own_stays_and_the_document_is_on_stdout(
    given: dict[str, str], disks: Disks
) -> None:
    """A file that is mounted into a container is an example. No file can be renamed over it, and if it were overwritten
    in place, readers could see half a document.
    """
    document, watch, archive = (
        Case(words=words, mounted=True)
        for words in (
            ("demo", *TO_DOCUMENT),
            (*WATCH, "--textfile", f"{{disk}}/{DOCUMENT}"),
            words_of(("bundle", "<report>", *TO_DOCUMENT), given),
        )
    )
    why = "it is mounted on its own, as one file of a container is, and cannot be replaced; mount its folder"
    results = disks.left_of([document, watch, archive, *(replace(each, room=1 << 18) for each in (document, watch))])
    for result in results:
        assert result["left"] == {DOCUMENT: OLD}
        assert (result[OUT] + result[ERR]).count(f"/{DOCUMENT} cannot be written: {why}") >= 1, result
    assert [result["code"] for result in results] == [3, 0, 3, 3, 0]
    assert results[0][OUT].startswith("OK  ")


def test_a_file_system_without_links_takes_a_new_archive(given: dict[str, str], disks: Disks) -> None:
    """For example, most USB sticks have such a file system."""
    no_links = Case(words=words_of(("bundle", "<report>"), given), kinds=(LINK,), error=errno.EPERM)
    taken, failed = (replace(no_links, kinds=(LINK, *kinds)) for kinds in ((), (RENAME,)))
    done, refused = disks.left_of([taken, failed])
    assert done["code"] == 0
    assert done["left"].keys() == {DOCUMENT, done[OUT].strip()}
    assert refused["code"] == 3
    assert refused["left"] == {DOCUMENT: OLD}


# --- A watch ---------------------------------------------------------------------------------------------------------


def test_a_watch_goes_on_without_a_file_and_says_so_once(disks: Disks) -> None:
    """The disk fails in two of four cycles."""
    outputs = {
        "metrics": ("--textfile", f"{{disk}}/{DOCUMENT}"),
        "document": ("--format", "json", *TO_DOCUMENT),
    }
    for_ever = [Case(words=(*WATCH, *words), kinds=(WRITE,), error=errno.EIO) for words in outputs.values()]
    for_a_time = [replace(case, times=2) for case in for_ever]
    results = disks.left_of([*for_ever, *for_a_time])
    for result in results:
        assert result["code"] == 0
        assert result[OUT].count(f"/{DOCUMENT} cannot be written: {BROKEN}\n") == 1
    for result in results[:2]:
        assert result["left"] == {DOCUMENT: OLD}
        assert "is written again" not in result[OUT]
    for result in results[2:]:
        assert result[OUT].count(f"/{DOCUMENT} is written again\n") == 1
        assert result["left"].keys() == {DOCUMENT}
    assert "backuplink_watch_file_write_errors_total 2" in results[2]["left"][DOCUMENT]
    assert json.loads(results[3]["left"][DOCUMENT])["verdict"]["status"] == "ok"


def rows_of(left: Mapping[str, str], folder: Path) -> list[CycleRow]:
    """The cycles of a history on the disk. SQLite's own files beside the history are read, too."""
    if not left.get(HISTORY):
        return []
    for name, content in left.items():
        if name.startswith(HISTORY):
            (folder / name).write_bytes(content.encode("latin-1"))
    with HistoryReader(folder / HISTORY) as reading:
        rows = list(reading.cycles(None))
    for path in folder.glob(f"{HISTORY}*"):
        path.unlink()
    return rows


@pytest.mark.parametrize("is_there", one_in(2, [True, False]))
def test_a_watch_goes_on_without_its_history(
    is_there: bool, given: dict[str, str], disks: Disks, tmp_path: Path
) -> None:
    """A watch also starts if its history cannot be written, and writes it as soon as the disk accepts it."""
    before = 3 if is_there else 0
    history = given["history"] if is_there else ""
    words = ("demo", "--watch", "--cycles", "8", "--history", f"{{disk}}/{HISTORY}")
    sound = Case(words=words, history=history)
    failing = [replace(sound, room=0), replace(sound, kinds=(WRITE,), error=errno.EIO)]
    for_a_time = [
        replace(sound, kinds=(WRITE,), error=error, times=6) for error in one_in(2, (errno.ENOSPC, errno.EIO))
    ]
    results = disks.left_of([*failing, *for_a_time])
    for result in results:
        assert result["code"] == 0, result
        assert result[OUT].count("this cycle is not in the history: ") == 1, result
    for result in results[:2]:
        assert "is written again" not in result[OUT]
        rows = rows_of(result["left"], tmp_path)
        assert [row.run_id for row in rows] == [f"run-{number}" for number in range(1, before + 1)]
    for result in results[2:]:
        assert result[OUT].count(f"/{HISTORY} is written again\n") == 1
        old, new = (rows := rows_of(result["left"], tmp_path))[:before], rows[before:]
        assert [row.run_id for row in old] == [f"run-{number}" for number in range(1, before + 1)]
        assert len(new) + sum(row.lost for row in new) == 8
        assert new[0].lost > 0


@pytest.mark.parametrize("is_there", one_in(2, [True, False]))
def test_a_check_says_what_it_found_without_its_history(
    is_there: bool, given: dict[str, str], disks: Disks, tmp_path: Path
) -> None:
    words = ("check", "--region", "eu-west-1", "--timeout", "0.2", "--deadline", "1", "--no-api")
    history = given["history"] if is_there else ""
    sound = Case(words=(*words, "--history", f"{{disk}}/{HISTORY}"), history=history)
    kept, *results = disks.left_of([sound, replace(sound, room=0), replace(sound, kinds=(WRITE,), error=errno.EIO)])
    assert kept[OUT]
    assert kept[ERR] == ""
    for result in results:
        assert result["code"] == kept["code"]
        assert result[OUT].partition("\n")[0] == kept[OUT].partition("\n")[0]
        assert re.search(
            rf"^Error: this run is not in the history: .*/{HISTORY}: ({FULL}|the disk is full, or it fails .*)\.$",
            result[ERR],
        )
        assert len(rows_of(result["left"], tmp_path)) == (3 if is_there else 0)
        assert result["left"].keys() - {f"{HISTORY}-wal", f"{HISTORY}-shm"} <= {DOCUMENT, HISTORY}


# --- Streams ---------------------------------------------------------------------------------------------------------


def test_stdout_on_a_disk_that_fails_is_unknown_for_every_command(
    given: dict[str, str], disks: Disks, tmp_path: Path
) -> None:
    """If stdout fails, the document is lost, and stderr says why."""
    commands = {
        **DOCUMENTS,
        "a check": ("check", "--region", "eu-west-1", "--timeout", "0.2", "--deadline", "1", "--no-api"),
        "a record": ("demo", "--format", "host"),
        "events": ("demo", "--format", "ndjson"),
        "changes": ("diff", "<report>", "<report>"),
        "cycles": ("history", "<history>", "--export", "ndjson"),
        "an archive's name": ("bundle", "<report>", "--output", str(tmp_path / "archive")),
        "a case": ("bundle", "<report>", "--case"),
        "a pack": ("fleet", "pack", "<records>", str(tmp_path / "lake")),
        "tables": ("fleet", "athena", "ddl"),
        "endpoints": ("endpoints", "--format", "json"),
        "permissions": ("permissions",),
        "a schema": ("schema", "fleet"),
        "a page": ("explain", "TCP003"),
        "a list": ("demo", "--list"),
        "help": ("bundle", "--help"),
        "a version": ("--version",),
    }
    cases = one_in(
        9,
        [
            replace(fault, words=words_of(words, given), streams=(OUT,))
            for words in commands.values()
            for fault in (Case(words=(), room=0), Case(words=(), kinds=(WRITE,), error=errno.EIO))
        ],
    )
    for case, result in zip(cases, disks.left_of(cases), strict=True):
        assert result["code"] == 3, (case, result)
        why = BROKEN if case.kinds else FULL
        assert f"Error: stdout cannot be written: {why}.\n" in result[ERR], (case, result)


def test_stdout_of_a_watch_goes_on_when_a_disk_has_room_again(disks: Disks) -> None:
    """Each line is written completely or not at all. The exception is a line that is longer than a buffer: if it is cut
    off, the next output begins on a new line.
    """
    words = ("demo", "one-zone-silent", "--watch", "--cycles", "3", "--format")
    full = Case(words=(*words, "ndjson"), kinds=(WRITE,), error=errno.ENOSPC, streams=(OUT,))
    cases = [
        replace(full, words=(*words, "text"), times=1),
        *(replace(full, times=3, after=after) for after in one_in(16, range(16, 80))),
    ]
    torn = 0
    for case, result in zip(cases, disks.left_of(cases), strict=True):
        assert result["code"] == 2, (case, result)
        said = f"Error: stdout cannot be written: {FULL}; until there is room again, its lines are lost.\n"
        assert result[ERR].count(said) == 1
        assert result[ERR].count("stdout is written again.\n") == 1
        *lines, end = result[OUT].split("\n")
        assert end == ""
        if case.words[-1] == "ndjson":
            broken = [line for line in lines if not is_json(line)]
            torn += len(broken)
            assert len(broken) <= 1
            assert json.loads(lines[-1])["type"] == "report"
    assert torn


def is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_words_for_a_person_come_again_when_a_disk_has_room_again(disks: Disks) -> None:
    """The stderr of a watch may also be a file on such a disk."""
    case = Case(
        words=(*WATCH, "--format", "ndjson", "--textfile", "{disk}/nowhere/watch.prom"),
        kinds=(WRITE,),
        error=errno.ENOSPC,
        times=1,
        streams=(ERR,),
    )
    (result,) = disks.left_of([case])
    assert "verdict ok" in result[ERR]
    assert result["code"] == 0


# --- Temporary files, and the cache ----------------------------------------------------------------------------------


def test_no_room_for_temporary_files_is_said_with_their_folder(
    given: dict[str, str], disks: Disks, tmp_path: Path
) -> None:
    """Python chooses the folder for temporary files. To do so, it tries to write a file in each candidate."""
    words = {
        "fleet": ("fleet", "<records>"),
        "pack": ("fleet", "pack", "<records>", str(tmp_path / "lake")),
        "parquet": ("fleet", "<records>", "--format", "parquet", "--output", str(tmp_path / "table.parquet")),
        "demo": ("demo", "--fleet", "30"),
    }
    cases = [
        *(Case(words=words_of(each, given), kinds=(MKDIR,), error=errno.ENOSPC) for each in words.values()),
        *(
            Case(words=words_of(words[name], given), kinds=(WRITE,), error=errno.EIO, after=1)
            for name in ("pack", "parquet")
        ),
        *(
            Case(words=words_of(words[name], given), kinds=(CREATE,), error=errno.EIO, after=1)
            for name in ("pack", "parquet")
        ),
    ]
    for case, result in zip(cases, disks.left_of([replace(case, temporary=True) for case in cases]), strict=True):
        why = os.strerror(case.error)
        assert result["code"] == 3, result
        said = (
            f"temporary files cannot be written in {disks.folder}/broken: {why}; set TMPDIR to a folder with more space"
        )
        assert said in result[ERR], (case, result[ERR])
    assert not (tmp_path / "table.parquet").exists()
    assert not any((tmp_path / "lake").rglob("*.parquet"))


def test_a_demo_needs_no_disk(disks: Disks) -> None:
    """A demo writes no certificates to a disk. Otherwise it would report faults of the network here."""
    sound = Case(words=("demo",))
    failing = replace(sound, kinds=(MKDIR, WRITE), error=errno.EIO, temporary=True)
    first, second = disks.left_of([sound, failing])
    assert first[OUT] == second[OUT]
    assert first["code"] == second["code"] == 0


def test_a_cache_that_cannot_be_written_or_copied_is_said_and_stays(
    given: dict[str, str], disks: Disks, tmp_path: Path
) -> None:
    """If there is no room for a copy of a cache file, this does not mean that the file is damaged."""
    cache = tmp_path / "cache"
    words = words_of(("fleet", "<records>", "--format", "json"), given)
    keeping = replace(SOUND, words=(*words, "--cache", str(cache)))
    recalling = [
        replace(keeping, kinds=(kind,), error=errno.ENOSPC, after=1, temporary=True) for kind in (CREATE, WRITE)
    ]
    bad = [replace(FAULTS[name][0], words=(*words, "--cache", "{disk}/cache")) for name in one_in(6, FAULTS)]
    results = disks.left_of([Case(words=words), keeping, *recalling, keeping, *bad])
    plain = json.loads(results[0][OUT])
    for result in results:
        assert result["code"] == results[0]["code"]
        document = json.loads(result[OUT])
        assert {**document, "notes": []} == {**plain, "notes": []}
    kept, again = (json.loads(results[place][OUT])["notes"] for place in (1, 4))
    assert kept == again == plain["notes"]
    assert [path.suffix for path in cache.iterdir()] == [".parquet"]
    for result in results[2:4]:
        (note,) = (note for note in json.loads(result[OUT])["notes"] if note.startswith("Read without the cache "))
        assert f"temporary files cannot be written in {disks.folder}/broken: {FULL}" in note
    for result in results[5:]:
        assert any("cache" in note for note in json.loads(result[OUT])["notes"])
        assert result["left"] == {DOCUMENT: OLD}
