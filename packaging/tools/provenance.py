"""Write a statement of where the artifacts in a folder come from:

python packaging/tools/provenance.py VERSION DIST DATE REVISION

This writes DIST/backuplink-VERSION-provenance.json, which lists the artifacts, the commit and the third-party files
from which they were built, and how they were built. It is an in-toto Statement (v1) with a SLSA Provenance (v1), and
claims no level of SLSA. It contains no machine, no folder and no time except DATE, the date of the commit in seconds
since 1970, so the same commit gives the same bytes. The signature of SHA256SUMS covers it, too. Source:
https://slsa.dev/spec/v1.0/provenance and in-toto Attestation Framework, spec/v1.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import trust
import wheelhouse

TYPES: Final = "https://backuplink.example/provenance"
"""The beginning of the names for the kind of build and for the builder. They are only names, and nothing is at these
addresses."""
BUILD: Final = wheelhouse.ROOT / "packaging" / "requirements-build.txt"


def resource(name: str, sha256: str) -> dict[str, Any]:
    """A file, as a ResourceDescriptor."""
    return {"name": name, "digest": {"sha256": sha256}}


def subjects(dist: Path) -> list[dict[str, Any]]:
    """The files that the statement is about: each file in the folder, except the statement itself and the files with
    checksums of all files."""
    return [
        resource(file.relative_to(dist).as_posix(), wheelhouse.digest(file))
        for file in sorted(dist.rglob("*"))
        if file.is_file() and not file.name.startswith("SHA256SUMS") and not file.name.endswith("-provenance.json")
    ]


def _of_debian(listed: Path) -> Iterator[dict[str, Any]]:
    """The files of Debian in a lock, by their paths in Debian's archive. Every mirror has them."""
    for line in listed.read_text("utf-8").splitlines():
        if match := re.fullmatch(r"([0-9a-f]{64})  (pool/\S+)", line):
            yield resource(match[2], match[1])


def materials(revision: str, repository: str | None) -> list[dict[str, Any]]:
    """The inputs of the build: the commit, files of Debian, and the lists that lock each wheel by its hash.

    The wheels in an artifact are in its bill of materials, with their hashes.
    """
    source: dict[str, Any] = {"name": "backuplink", "digest": {"gitCommit": revision}}
    if repository is not None:
        source["uri"] = f"git+{repository}"
    lists = [
        resource(f"packaging/{listed.name}", wheelhouse.digest(listed))
        for listed in (wheelhouse.LOCK, trust.FLEET, BUILD)
    ]
    return [source, *_of_debian(trust.SOURCES), *_of_debian(trust.PACKAGES), *lists]


def statement(version: str, dist: Path, date: int, revision: str, repository: str | None) -> dict[str, Any]:
    """The whole statement of provenance."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects(dist),
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{TYPES}/packaging-build/v1",
                "externalParameters": {"version": version, "revision": revision},
                "internalParameters": {"SOURCE_DATE_EPOCH": date},
                "resolvedDependencies": materials(revision, repository),
            },
            "runDetails": {"builder": {"id": f"{TYPES}/maintainers-machine/v1"}},
        },
    }


def main(version: str, dist: Path, date: int, revision: str) -> None:
    """Write the statement. Exits with one line if the artifacts do not come from a commit."""
    file = dist / f"backuplink-{version}-provenance.json"
    file.unlink(missing_ok=True)
    if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", revision):
        sys.stderr.write(
            f"provenance: {revision} is not a commit, so there is none to state; commit, and build again\n"
        )
        return
    content = statement(version, dist, date, revision, os.environ.get("BACKUPLINK_REPOSITORY"))
    file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
