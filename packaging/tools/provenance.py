"""A statement of where the artifacts in a folder come from:

python packaging/tools/provenance.py VERSION DIST DATE REVISION

writes DIST/backuplink-VERSION-provenance.json: which files, from which commit, of which files of others, built how. It
is an in-toto Statement (v1) with a SLSA Provenance (v1), and claims no level of SLSA. It names no machine, no folder
and no time but DATE, the commit's in seconds since 1970, so the same commit gives the same bytes. What signs SHA256SUMS
signs it, too. Source: https://slsa.dev/spec/v1.0/provenance and in-toto Attestation Framework, spec/v1.
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
"""Below it lie the names of what the build is and of who ran it: names only, nothing is there to fetch."""
BUILD: Final = wheelhouse.ROOT / "packaging" / "requirements-build.txt"


def resource(name: str, sha256: str) -> dict[str, Any]:
    """A file, as a ResourceDescriptor."""
    return {"name": name, "digest": {"sha256": sha256}}


def subjects(dist: Path) -> list[dict[str, Any]]:
    """What the statement is about: each file in the folder, but itself and what is over all."""
    return [
        resource(file.relative_to(dist).as_posix(), wheelhouse.digest(file))
        for file in sorted(dist.rglob("*"))
        if file.is_file() and not file.name.startswith("SHA256SUMS") and not file.name.endswith("-provenance.json")
    ]


def _of_debian(listed: Path) -> Iterator[dict[str, Any]]:
    """Files of Debian's that a lock has, by their places in its archive: any mirror has them."""
    for line in listed.read_text("utf-8").splitlines():
        if match := re.fullmatch(r"([0-9a-f]{64})  (pool/\S+)", line):
            yield resource(match[2], match[1])


def materials(revision: str, repository: str | None) -> list[dict[str, Any]]:
    """What the build takes: the commit, files of Debian's, and the lists that lock each wheel by its hash.

    The wheels that an artifact holds are in its bill of materials, with their hashes.
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
    """Write the statement; leaves with one line where the artifacts are of no commit."""
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
