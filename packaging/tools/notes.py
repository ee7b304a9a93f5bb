"""Print the release notes of a version, from the changelog:

python packaging/tools/notes.py VERSION < CHANGELOG.md

The notes end with the commands that verify the files. If the changelog has no section `## VERSION - YYYY-MM-DD`, or the
section is empty, this exits with one line. It needs only the standard library.
"""

import re
import sys

VERIFY = """\
release_gpg() { gpg --no-options --no-default-keyring --keyring ./backuplink-release.gpg "$@"; }
gpg --show-keys SHA256SUMS.key.asc          # compare the fingerprint
release_gpg --import SHA256SUMS.key.asc     # keep backuplink-release.gpg for the next release
release_gpg --status-file checked --verify SHA256SUMS.asc SHA256SUMS &&
    grep -q '] GOODSIG ' checked && ! grep -E '] (BADSIG|ERRSIG|EXPSIG|EXPKEYSIG|REVKEYSIG) ' checked &&
    sha256sum --check --ignore-missing SHA256SUMS
"""
"""The commands that verify a release. docs/packaging.md has the same commands, and explains them."""


class NoSectionError(Exception):
    """The changelog has no usable section for a version."""


def notes(changelog: str, version: str) -> str:
    """The section of a version as a separate document. Raises NoSectionError."""
    heading = re.compile(rf"^## {re.escape(version)} - (\d{{4}}-\d{{2}}-\d{{2}})$", re.MULTILINE)
    headings = list(heading.finditer(changelog))
    if len(headings) != 1:
        raise NoSectionError(
            f"CHANGELOG.md has {len(headings)} sections '## {version} - YYYY-MM-DD', not exactly one; give this name "
            "to the section of the unreleased changes, commit, and set the tag there"
        )
    below = changelog[headings[0].end() :]
    following = re.search(r"^## ", below, re.MULTILINE)
    section = below[: following.start() if following else None].strip("\n")
    if not re.search(r"^[-*] ", section, re.MULTILINE):
        raise NoSectionError(f"the section of {version} in CHANGELOG.md lists no change; write what users notice")
    return f"# backuplink {version} ({headings[0][1]})\n\n{section}\n\n{verification()}"


def verification() -> str:
    """How a reader verifies the files of a release."""
    return (
        "## Verify the files\n\n"
        "`SHA256SUMS` has the checksum of each file, and `SHA256SUMS.asc` is its signature. A release without\n"
        "`SHA256SUMS.asc` is not signed: then run only the last command.\n\n"
        f"```sh\n{VERIFY}```\n\n"
        "Only the fingerprint shows whose key signed the release. Compare it with one that you got from the\n"
        "maintainers in another way. `docs/packaging.md` explains the commands.\n"
    )


def main(version: str) -> None:
    """Print the release notes of a version."""
    try:
        sys.stdout.write(notes(sys.stdin.read(), version))
    except NoSectionError as error:
        sys.exit(f"notes: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
