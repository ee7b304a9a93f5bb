"""The release notes of a version, from the changelog:

python packaging/tools/notes.py VERSION < CHANGELOG.md

prints them, or leaves with one line where the changelog has no section `## VERSION - YYYY-MM-DD` with something in it.
Nothing but the standard library is needed.
"""

import re
import sys


class NoSectionError(Exception):
    """The changelog has nothing to say of a version."""


def notes(changelog: str, version: str) -> str:
    """The section of a version as a document of its own. Raises NoSectionError."""
    heading = re.compile(rf"^## {re.escape(version)} - (\d{{4}}-\d{{2}}-\d{{2}})$", re.MULTILINE)
    headings = list(heading.finditer(changelog))
    if len(headings) != 1:
        raise NoSectionError(
            f"CHANGELOG.md has {len(headings)} sections '## {version} - YYYY-MM-DD' and not one; give the section"
            " that is unreleased this name, commit, and set the tag there"
        )
    below = changelog[headings[0].end() :]
    following = re.search(r"^## ", below, re.MULTILINE)
    section = below[: following.start() if following else None].strip("\n")
    if not re.search(r"^[-*] ", section, re.MULTILINE):
        raise NoSectionError(f"the section of {version} in CHANGELOG.md names no change; write what users notice")
    return (
        f"# backuplink {version} ({headings[0][1]})\n\n{section}\n\n## Files\n\n"
        "`SHA256SUMS` has the checksum of each file: `sha256sum --check --ignore-missing SHA256SUMS`.\n"
    )


def main(version: str) -> None:
    """Print the release notes of a version."""
    try:
        sys.stdout.write(notes(sys.stdin.read(), version))
    except NoSectionError as error:
        sys.exit(f"notes: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
