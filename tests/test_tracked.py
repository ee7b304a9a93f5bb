"""Git tracks only sources: text files with a known ending, of at most 300 kB."""

from pathlib import Path
from typing import Final

import pytest

from tests.support.repository import ROOT, git, tracked

LARGEST: Final = 300_000
"""The maximum size of a file in bytes."""
ENDINGS: Final = frozenset(
    # Programs and their data
    "py sql typed sh toml json yaml yml j2 cfg conf tcss"
    # Documents, pictures, and output or input of other programs
    " md html svg xml xsd txt ndjson emf nagios prom tf"
    # Packaging: manual pages, units, completions, defaults, locks
    " 1 5 service timer bash fish default lock".split()
)
EXCEPTIONS: Final = {
    ".gitattributes": "git looks for this name",
    ".gitignore": "git looks for this name",
    "LICENSE": "this name is the custom",
    "docs/examples/Jenkinsfile": "Jenkins looks for this name",
    "packaging/onefile/compile/common": "the scripts beside it source it",
    "packaging/packages/completions/_backuplink": "zsh looks for this name",
    "packaging/packages/copyright": "Debian looks for this name",
    "packaging/packages/environment": "systemd reads it, and files of its kind have no ending",
    "packaging/packages/lintian-overrides": "lintian looks for this name",
    "packaging/packages/scripts/rpm/post": "rpm starts it with a shell that it names itself",
    "packaging/packages/scripts/rpm/postun": "rpm starts it with a shell that it names itself",
    "packaging/packages/scripts/rpm/preun": "rpm starts it with a shell that it names itself",
}
"""Paths of files that may have any ending and any size, each with the reason."""


def faults(tree: Path, path: str) -> list[str]:
    """The faults of a tracked file."""
    content = (tree / path).read_bytes()
    return [
        *(["is binary"] if _is_binary(content) else []),
        *(["has an unknown ending"] if not _has_a_known_ending(path, content) and path not in EXCEPTIONS else []),
        *(["is larger than 300 kB"] if len(content) > LARGEST and path not in EXCEPTIONS else []),
    ]


def _is_binary(content: bytes) -> bool:
    try:
        return "\0" in content.decode()
    except UnicodeDecodeError:
        return True


def _has_a_known_ending(path: str, content: bytes) -> bool:
    """Whether a file has a known ending, or is a script, which needs no ending."""
    suffix = Path(path).suffix
    return suffix[1:] in ENDINGS if suffix else content.startswith(b"#!")


def test_every_tracked_file_is_a_source() -> None:
    paths = tracked(ROOT)
    assert "tests/test_tracked.py" in paths
    assert {path: found for path in paths if (found := faults(ROOT, path))} == {}, (
        "allow it in ENDINGS or EXCEPTIONS of tests/test_tracked.py, or remove it"
    )


def test_every_exception_is_needed() -> None:
    paths = set(tracked(ROOT))
    for path in EXCEPTIONS:
        assert path in paths
        content = (ROOT / path).read_bytes()
        assert not _has_a_known_ending(path, content) or len(content) > LARGEST, path


def test_every_ending_is_in_use() -> None:
    assert {Path(path).suffix[1:] for path in tracked(ROOT)} >= ENDINGS


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository without files."""
    git(tmp_path, "init", "--quiet")
    return tmp_path


def tracked_faults(repository: Path, path: str, content: bytes) -> list[str]:
    """The faults of a file once git tracks it."""
    file = repository / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    git(repository, "add", path)
    assert tracked(repository) == [path]
    return faults(repository, path)


@pytest.mark.parametrize(
    ("path", "content", "found"),
    [
        (".tmp/duckdb_temp_30793_0_owner", b"\x1e\0\0", ["is binary", "has an unknown ending"]),
        (".tmp/duckdb_temp_30793_0_storage_DEFAULT-0.tmp", b"spilled", ["has an unknown ending"]),
        ("notes", b"no script", ["has an unknown ending"]),
        ("docs/picture.png", b"\x89PNG\r\n\x1a\n", ["is binary", "has an unknown ending"]),
        ("docs/latin.md", "Zürich".encode("latin-1"), ["is binary"]),
        ("docs/zero.json", b'"\0"', ["is binary"]),
        ("docs/examples/large.json", b"[" + b" " * LARGEST, ["is larger than 300 kB"]),
        ("docs/examples/full.json", b" " * LARGEST, []),
        ("docs/Zürich und\nmehr.md", "Zürich".encode(), []),
        ("tool", b"#!/bin/sh\n", []),
        ("empty.py", b"", []),
        ("LICENSE", b" " * (LARGEST + 1), []),
        ("LICENSE", b"\0", ["is binary"]),
    ],
)
def test_a_file_that_is_not_source_is_named(repository: Path, path: str, content: bytes, found: list[str]) -> None:
    assert tracked_faults(repository, path, content) == found


def test_what_is_not_tracked_may_be_anything(repository: Path) -> None:
    (repository / "dump.bin").write_bytes(b"\0")
    assert tracked(repository) == []


def test_a_tracked_file_that_is_deleted_is_not_read(repository: Path) -> None:
    assert tracked_faults(repository, "gone.bin", b"\0") == ["is binary", "has an unknown ending"]
    (repository / "gone.bin").unlink()
    assert tracked(repository) == []


def test_a_second_work_tree_has_its_own_files(repository: Path, tmp_path: Path) -> None:
    tracked_faults(repository, "one.py", b"")
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    git(repository, *identity, "commit", "--quiet", "--message", "one")
    git(repository, "worktree", "add", "--quiet", "second")
    second = repository / "second"
    (second / "two.bin").write_bytes(b"\0")
    git(second, "add", "two.bin")
    assert tracked(second) == ["one.py", "two.bin"]
    assert tracked(repository) == ["one.py"]


def test_spill_of_duckdb_is_ignored() -> None:
    assert git(ROOT, "check-ignore", ".tmp/duckdb_temp_1_0_storage_DEFAULT-0.tmp")
