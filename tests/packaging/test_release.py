"""`packaging/release` in a repository that the test creates: it must refuse what cannot be released, and must build and
test in the right order and in a clean checkout. `packaging/tools/notes.py`, which prints a section of the changelog, is
tested here, too.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import notes
from tests.support.repository import ROOT

CHANGELOG: Final = """\
# Changelog

## 1.11.0 (unreleased)

### Added

- What comes later.

## 1.10.0 - 2026-02-03

### Added

- `backuplink release` is not
  a command.

## 1.1.0 - 2026-01-02

## 1.0.0 - 2026-01-01

- All of it.
"""
PARTS: Final = (
    "python onefile packages image fleet monitoring repositories distributor ansible terraform cloudformation trust"
).split()
PATH: Final = "/usr/local/bin:/usr/bin:/bin"
NEEDS: Final = """\
make             make        build/onefile
lintian          lintian     test/packages
promtool         prometheus  test/monitoring tests/everything
chromium         chromium    tests/everything
fish             fish        tests/ci
"""
TOOLS: Final = ("make", "lintian", "promtool", "chromium")
"""Programs that a release needs. The parts in the repository of these tests do not call them."""
LOG: Final = """\
#!/bin/sh
echo "PART VERB $*" >>log
"""


def git(tree: Path, *words: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "init.defaultBranch=main"]
    dated = {"GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000"}
    command = ["git", *identity, *words]
    subprocess.run(command, cwd=tree, env={**_clean(), **dated}, check=True, capture_output=True, timeout=60)


def _clean() -> dict[str, str]:
    """The environment without the git configuration of the user who runs the tests."""
    return {"PATH": PATH, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}


def release(tree: Path, *words: str, path: str = PATH) -> subprocess.CompletedProcess[str]:
    environment = {
        **_clean(),
        "PATH": f"{tree.parent / 'tools'}:{path}",
        "PYTHON": sys.executable,
        "SOURCE_DATE_EPOCH": "1",
    }
    command = [str(tree / "packaging" / "release"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository in which version 1.10.0 is committed and tagged. Its parts record that they ran."""
    tree = tmp_path / "tree"
    (tmp_path / "tools").mkdir()
    for tool in TOOLS:
        (tmp_path / "tools" / tool).symlink_to("/bin/false")
    (tree / "packaging" / "tools").mkdir(parents=True)
    for name in ("release", "build", "test", "parts.sh", "needs.sh", "environment.sh", "tools/notes.py"):
        shutil.copy(ROOT / "packaging" / name, tree / "packaging" / name)
    (tree / "packaging" / "needs.txt").write_text(NEEDS, "utf-8")
    for part in PARTS:
        (tree / "packaging" / part).mkdir()
        for verb in ("build", "test"):
            script = tree / "packaging" / part / verb
            script.write_text(LOG.replace("PART", part).replace("VERB", verb), "utf-8")
            script.chmod(0o755)
    requires = "env | grep ^BACKUPLINK_REQUIRE | sort >requires\n"
    (tree / "dev").write_text(LOG.replace("PART", "dev").replace("VERB", "run") + requires, "utf-8")
    (tree / "dev").chmod(0o755)
    peers = tree / "tests" / "peers" / "install"
    peers.parent.mkdir(parents=True)
    peers.write_text(LOG.replace("PART", "peers").replace("VERB", "install"), "utf-8")
    peers.chmod(0o755)
    with (tree / "packaging" / "python" / "build").open("a", encoding="utf-8") as last:
        last.write('echo "$SOURCE_DATE_EPOCH" >dist/date\n')
    (tree / "agent").mkdir()
    (tree / "agent" / "version.py").write_text('"""The version."""\n\n__version__ = "1.10.0"\n', "utf-8")
    (tree / "CHANGELOG.md").write_text(CHANGELOG, "utf-8")
    (tree / ".gitignore").write_text("/build/\n/dist/\n", "utf-8")
    git(tree, "init", "--quiet")
    commit(tree)
    git(tree, "tag", "v1.10.0")
    return tree


def commit(tree: Path) -> None:
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "all")


def place(tree: Path, tag: str = "v1.10.0") -> Path:
    return tree / "build" / "release" / tag


def test_builds_and_tests_every_part_for_both_machines(repository: Path) -> None:
    result = release(repository, "v1.10.0")
    assert result.returncode == 0, result.stderr
    ran = (place(repository) / "log").read_text("utf-8").splitlines()
    built, tested = ([f"{part} {verb} " for part in PARTS] for verb in ("build", "test"))
    assert ran == ["peers install ", "onefile build all", *built, *tested, "dev run test --everything"]
    for_whole = ("BROWSER", "NETNS", "PEERS", "PROMTOOL", "SYSTEMD")
    requires = (place(repository) / "requires").read_text("utf-8").splitlines()
    assert requires == [f"BACKUPLINK_REQUIRE_{what}=1" for what in for_whole]
    assert result.stderr.splitlines()[-1] == "packaging/release: all of 1.10.0 is in build/release/v1.10.0/dist"
    assert "`backuplink release` is not" in (place(repository) / "dist" / "RELEASE-NOTES.md").read_text("utf-8")


def test_a_key_signs_at_the_end_what_was_tested(repository: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.asc"
    key.write_text("a key\n", "utf-8")
    (repository / "packaging" / "repositories").mkdir(exist_ok=True)
    for name in ("repositories/build", "sign"):
        script = repository / "packaging" / name
        script.write_text(LOG.replace("PART VERB", name), "utf-8")
        script.chmod(0o755)
    commit(repository)
    git(repository, "tag", "--force", "v1.10.0")
    result = release(repository, "v1.10.0", "--key", str(key))
    assert result.returncode == 0, result.stderr
    ran = (place(repository) / "log").read_text("utf-8").splitlines()
    assert ran[-4:] == [
        "dev run test --everything",
        f"repositories/build --key {key}",
        "trust build ",
        f"sign --key {key} dist",
    ]


def test_refuses_a_key_that_is_not_there_before_anything_is_built(repository: Path) -> None:
    assert "there is no key 'none.asc' that can be read" in refused(repository, "v1.10.0", "--key", "none.asc")


def test_is_made_of_the_tag_and_dated_by_it_and_leaves_the_tree_alone(repository: Path) -> None:
    (repository / "agent" / "version.py").write_text('__version__ = "2.0.0"\n', "utf-8")
    commit(repository)
    (repository / "dist").mkdir()
    (repository / "dist" / "old").write_text("of another build\n", "utf-8")
    assert release(repository, "v1.10.0").returncode == 0
    assert (place(repository) / "dist" / "date").read_text("utf-8") == "1700000000\n"
    assert sorted(file.name for file in (place(repository) / "dist").iterdir()) == ["RELEASE-NOTES.md", "date"]
    assert [file.name for file in (repository / "dist").iterdir()] == ["old"]


def test_once_more_is_the_same_and_keeps_nothing_of_before(repository: Path) -> None:
    assert release(repository, "v1.10.0").returncode == 0
    first = (place(repository) / "dist" / "RELEASE-NOTES.md").read_bytes()
    (place(repository) / "dist" / "left").write_text("over\n", "utf-8")
    assert release(repository, "v1.10.0").returncode == 0
    assert (place(repository) / "dist" / "RELEASE-NOTES.md").read_bytes() == first
    assert not (place(repository) / "dist" / "left").exists()


def refused(tree: Path, *words: str, path: str = PATH) -> str:
    """The messages of a release that was refused before anything was built."""
    result = release(tree, *words, path=path)
    assert result.returncode == 3, result.stderr
    assert not list((tree / "build").rglob("log"))
    return result.stderr


@pytest.mark.parametrize(
    ("tools", "packages"), [(TOOLS, "make lintian prometheus chromium"), (TOOLS[:1], "make"), (TOOLS[3:], "chromium")]
)
def test_refuses_before_anything_is_built_where_a_part_or_a_test_lacks_a_program(
    tools: tuple[str, ...], packages: str, repository: Path
) -> None:
    for tool in tools:
        (repository.parent / "tools" / tool).unlink()
    bare = repository.parent / "bare"  # a PATH without the programs of this machine
    bare.mkdir()
    for name in ("sh", "git", "dirname", "realpath", "sed", "rm", "mkdir", "head", "cut", "env", "uname"):
        found = shutil.which(name)
        assert found is not None
        (bare / name).symlink_to(found)
    assert refused(repository, "v1.10.0", path=str(bare)) == (
        f"packaging/release: tools are missing: {' '.join(tools)}; as root: apt-get install {packages}\n"
    )


def test_refuses_a_tag_that_is_not_there(repository: Path) -> None:
    message = refused(repository, "v9.9.9")
    assert message == (
        "packaging/release: there is no tag 'v9.9.9'; set it on the commit that is to be released:"
        " git tag --annotate v1.10.0\n"
    )


@pytest.mark.parametrize("tag", ["v1.10.1", "1.10.0"])
def test_refuses_a_tag_of_another_version(tag: str, repository: Path) -> None:
    git(repository, "tag", tag)
    assert f"the tag is {tag} and agent/version.py there says 1.10.0; they must agree: v1.10.0" in refused(
        repository, tag
    )


def test_refuses_a_tree_that_is_not_clean(repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text("another\n", "utf-8")
    assert refused(repository, "v1.10.0").endswith("commit or remove: CHANGELOG.md\n")
    (repository / "new").write_text("new\n", "utf-8")
    assert refused(repository, "v1.10.0").endswith("commit or remove: CHANGELOG.md and more\n")


@pytest.mark.parametrize("version", ["1.1.0", "1.2.0", "1.11.0", "1.11.0.dev0"])
def test_refuses_a_version_of_which_the_changelog_says_nothing(version: str, repository: Path) -> None:
    (repository / "agent" / "version.py").write_text(f'__version__ = "{version}"\n', "utf-8")
    commit(repository)
    git(repository, "tag", f"v{version}")
    assert "CHANGELOG.md" in refused(repository, f"v{version}").splitlines()[-1]


def test_a_mistake_in_the_call_shows_the_help(repository: Path) -> None:
    for words in ((), ("v1.10.0", "v1.0.0"), ("v1.10.0", "--key"), ("v1.10.0", "--keys", "file")):
        assert "packaging/release TAG [--key FILE]\n" in refused(repository, *words)


@pytest.mark.parametrize(("part", "verb"), [("fleet", "build"), ("trust", "test")])
def test_what_fails_is_no_release(part: str, verb: str, repository: Path) -> None:
    (repository / "packaging" / part / verb).write_text("#!/bin/sh\nexit 1\n", "utf-8")
    commit(repository)
    git(repository, "tag", "--force", "v1.10.0")
    result = release(repository, "v1.10.0")
    assert result.returncode == 1
    assert f"not done: {part}" in result.stderr
    assert "all of 1.10.0 is in" not in result.stderr


# --- Notes -----------------------------------------------------------------------------------------------------------


def test_notes_are_the_section_alone() -> None:
    text = notes.notes(CHANGELOG, "1.10.0")
    assert text.startswith(
        "# backuplink 1.10.0 (2026-02-03)\n\n### Added\n\n- `backuplink release` is not\n  a command.\n"
    )
    assert "later" not in text
    assert "All of it" not in text
    assert "sha256sum --check" in text


def test_notes_of_the_last_section_end_with_the_changelog() -> None:
    assert "\n\n- All of it.\n\n## Verify the files\n" in notes.notes(CHANGELOG, "1.0.0")


def test_the_notes_and_the_page_verify_a_release_by_the_same_commands() -> None:
    page = (ROOT / "docs" / "packaging.md").read_text("utf-8")
    assert f"## Check what you were given\n\n```sh\n{notes.VERIFY}```\n" in page
    assert f"```sh\n{notes.VERIFY}```\n" in notes.notes(CHANGELOG, "1.0.0")


@pytest.mark.parametrize(
    ("changelog", "version", "words"),
    [
        pytest.param(CHANGELOG, "1.2.0", "has 0 sections '## 1.2.0 - ", id="none"),
        pytest.param(CHANGELOG, "1.11.0", "has 0 sections", id="unreleased"),
        pytest.param(CHANGELOG, "1.1", "has 0 sections", id="the beginning of one"),
        pytest.param(CHANGELOG.replace("## 1.0.0", "## 1x0.0"), "1.0.0", "has 0 sections", id="a dot is a dot"),
        pytest.param(CHANGELOG * 2, "1.0.0", "has 2 sections", id="twice"),
        pytest.param(CHANGELOG, "1.1.0", "lists no change", id="empty"),
        pytest.param(CHANGELOG.replace("2026-01-01", "soon"), "1.0.0", "has 0 sections", id="without a date"),
    ],
)
def test_notes_are_refused_where_there_is_nothing_to_say(changelog: str, version: str, words: str) -> None:
    with pytest.raises(notes.NoSectionError, match=words):
        notes.notes(changelog, version)
