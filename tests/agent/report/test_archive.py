"""A support archive: read back by the library and by tar(1), within its size limit, with the same bytes each time."""

import gzip
import io
import shutil
import struct
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from agent.report.archive import LEAST_KEPT, MAX_BYTES, Member, fitted, packed

NOW = datetime(2026, 1, 15, 3, 0, 7, 123_456, tzinfo=UTC)
MB = 1_000_000


def member(name: str, content: bytes, **values: str) -> Member:
    return Member(name=name, what=f"the {name}", content=content, **values)


def noise(size: int) -> bytes:
    """Bytes that cannot be compressed."""
    return Random(size).randbytes(size)


MEMBERS = (
    member("README.txt", b"read me\n"),
    member("host/resolv.conf", b"nameserver 10.0.0.2\n"),
    member("empty", b""),
)


def test_the_library_reads_it_back() -> None:
    with tarfile.open(fileobj=io.BytesIO(packed("case", MEMBERS, NOW)), mode="r:gz") as archive:
        entries = archive.getmembers()
        contents = [stream.read() for entry in entries if (stream := archive.extractfile(entry)) is not None]
    assert [entry.name for entry in entries] == ["case/README.txt", "case/host/resolv.conf", "case/empty"]
    assert contents == [one.content for one in MEMBERS]
    for entry in entries:
        assert (entry.mode, entry.uid, entry.gid, entry.uname, entry.gname) == (0o600, 0, 0, "", "")
        assert entry.mtime == int(NOW.timestamp())
        assert entry.isreg()


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs tar(1)")
def test_tar_reads_it_back(tmp_path: Path) -> None:
    (tmp_path / "case.tar.gz").write_bytes(packed("case", MEMBERS, NOW))
    tar = shutil.which("tar") or ""
    listed = subprocess.run([tar, "tzf", "case.tar.gz"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["case/README.txt", "case/host/resolv.conf", "case/empty"]
    subprocess.run([tar, "xzf", "case.tar.gz", "--no-same-owner"], cwd=tmp_path, check=True)
    assert (tmp_path / "case" / "host" / "resolv.conf").read_bytes() == MEMBERS[1].content


def test_the_same_members_give_the_same_bytes_whose_head_tells_nothing() -> None:
    first = packed("case", MEMBERS, NOW)
    assert packed("case", MEMBERS, NOW) == first
    magic, method, flags, moment = struct.unpack("<2sBBI", first[:8])
    assert (magic, method, flags, moment) == (b"\x1f\x8b", 8, 0, 0)  # RFC 1952: no name, no comment, no time


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_any_moment_of_a_report_fits(moment: datetime) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed("case", MEMBERS, moment)), mode="r:gz") as archive:
        assert {entry.mtime for entry in archive.getmembers()} <= {0, 0o77777777777}


# --- The size limit --------------------------------------------------------------------------------------------------


def test_what_fits_is_whole() -> None:
    assert fitted(MEMBERS) == (MEMBERS, ())
    large = (member("log", b"x" * 50 * MB, keeps="end"),)  # equal bytes compress well
    assert fitted(large) == (large, ())


def test_the_least_important_is_cut() -> None:
    content = noise(4 * MB)
    log = noise(4 * MB)
    members = (member("report.json", content), member("log", log, keeps="end"), member("more", noise(8_000)))
    (report, cut), absent = fitted(members)
    assert report.content == content
    assert 0.5 * MB < len(cut.content) < MB
    assert log.endswith(cut.content)
    assert cut.missing == f"cut to its end, {len(cut.content):,} of 4,000,000 bytes: the archive is full"
    assert [(one.name, one.why) for one in absent] == [("more", "left out: the archive has at most 5,000,000 bytes")]
    assert len(packed("case", (report, cut), NOW)) <= MAX_BYTES


def test_the_start_of_a_file_is_what_is_kept_of_it() -> None:
    content = noise(MB)
    hosts = Member(name="hosts", what="", content=content, keeps="start", missing="its first 9 MB")
    ((cut,), _) = fitted([hosts], MB // 2)
    assert content.startswith(cut.content)
    assert (cut.missing or "").startswith("its first 9 MB; cut to its start, ")


def test_a_report_that_does_not_fit_is_left_out_whole_and_the_rest_is_there() -> None:
    kept, absent = fitted((member("report.html", noise(6 * MB)), member("report.txt", b"text")))
    assert [one.name for one in kept] == ["report.txt"]
    assert [one.name for one in absent] == ["report.html"]


@pytest.mark.parametrize("most", [70_000, 200_000])
def test_no_choice_of_members_is_beyond_the_bound(most: int) -> None:
    members = [member(f"m{number}", noise(20_000), keeps="end") for number in range(20)]
    kept, absent = fitted(members, most)
    assert len(packed("case", kept, NOW)) <= most
    assert kept
    assert len(kept) + len(absent) == 20
    assert all(len(one.content) >= LEAST_KEPT for one in kept)


def test_the_bound_of_a_thousand_small_members_holds() -> None:
    members = [member(f"log-{number:04}", noise(5_000)) for number in range(1_100)]
    kept, _ = fitted(members)
    assert len(gzip.compress(b"".join(one.content for one in kept))) < len(packed("case", kept, NOW)) <= MAX_BYTES
