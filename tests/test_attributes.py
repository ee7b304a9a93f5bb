"""`.gitattributes` marks the files that are generated. These must be the files that `./dev docs` writes and `./dev
check` compares.
"""

from pathlib import Path
from typing import Final

import pytest

import docs
from tests.support.repository import ROOT, git, tracked

ATTRIBUTES: Final = (ROOT / ".gitattributes").read_text("utf-8")
PATTERNS: Final = [line.split()[0] for line in ATTRIBUTES.splitlines() if line and not line.startswith("#")]


def value_of(attribute: str, *paths: str) -> dict[str, str]:
    """The value of an attribute for each generated file."""
    fields = git(ROOT, "check-attr", "-z", "--stdin", attribute, given="\0".join(paths)).split("\0")
    return dict(zip(fields[::3], fields[2::3], strict=False))


def test_what_tests_and_locks_write_is_marked() -> None:
    written = [
        path
        for path in tracked(ROOT)
        if path.endswith(".lock")
        or "/__snapshots__/" in path
        or Path(path).match("packaging/requirements*.txt")
        or (path.startswith("tests/golden/") and not path.endswith(".py"))
    ]
    assert len(written) > 60
    assert docs.unmarked(written) == []


def test_what_says_that_it_is_generated_is_marked() -> None:
    paths = [path for path in tracked(ROOT) if not path.startswith(("packaging/generate/", "tests/"))]
    heads = {path: (ROOT / path).read_bytes()[:200].partition(b"\n\n")[0] for path in paths}
    written = [path for path, head in heads.items() if b"ritten by ./dev docs" in head]
    assert {"docs/codes.md", "packaging/packages/man/backuplink.1"} <= set(written)
    assert docs.unmarked(written) == []


def test_what_people_write_is_not_marked() -> None:
    written = [*docs.PARTLY, "docs/network.md", "docs/examples/plan.json", "tests/golden/test_golden.py", "README.md"]
    assert set(written) <= set(tracked(ROOT))
    assert docs.unmarked(written) == written


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_names_a_tracked_file(pattern: str) -> None:
    assert git(ROOT, "ls-files", "--cached", "--ignored", f"--exclude={pattern}")


def test_generated_pictures_have_no_diff() -> None:
    pictures = [path for path in tracked(ROOT) if path.endswith(".svg")]
    assert set(value_of("diff", *pictures).values()) == {"unset"}


def test_golden_reports_and_pages_keep_their_diff() -> None:
    """These files are not marked, since people who run `./dev docs` or `./dev golden` must see the diff."""
    assert set(value_of("diff", "tests/golden/hard.txt", "docs/commands.md").values()) == {"unspecified"}


def test_a_new_generated_file_is_named(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitattributes").write_text(ATTRIBUTES, "utf-8")
    paths = ["docs/codes.md", "docs/new.md", "docs/new.v1.schema.json", "packaging/new page.1"]
    assert docs.unmarked(paths, tmp_path) == ["docs/new.md", "packaging/new page.1"]


def test_the_check_refuses_a_file_that_is_not_marked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = {path: (ROOT / path).read_text("utf-8") for path in ("README.md", *docs.PARTLY)}
    monkeypatch.setattr(docs, "pages", lambda: written)
    assert docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "not in .gitattributes: README.md\n"
