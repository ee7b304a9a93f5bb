"""Write what lets others trust the artifacts in a folder:

python packaging/tools/trust.py VERSION DIST DATE

For each archive of wheels, each one file and the container image of VERSION in DIST, this writes a bill of materials
next to the artifact. Its file name is that of the artifact with .cdx.json. It also writes one notice for all of them,
backuplink-VERSION-THIRD-PARTY.txt. DATE is in seconds since 1970. The licences of the compiled parts are in
build/onefile/ARCHITECTURE/tree/licences, those of Debian's packages in build/image/ARCHITECTURE/system, and the wheel
of DuckDB is next to these.
"""

import re
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import components
import lock
import notice
import sbom
import wheelhouse

SOURCES: Final = wheelhouse.ROOT / "packaging" / "onefile" / "sources.lock"
IMAGE: Final = wheelhouse.ROOT / "build" / "image"
FLEET: Final = wheelhouse.ROOT / "packaging" / "requirements-fleet.txt"
"""The lock file for what the image has in addition to the one file."""
PACKAGES: Final = wheelhouse.ROOT / "packaging" / "image" / "packages.lock"


def artifacts(version: str, dist: Path) -> Iterator[tuple[Path, tuple[components.Part, ...]]]:
    """Each archive of wheels, each one file and the image, with the parts in it. Raises UnfitError if a part cannot be
    published."""
    locked = lock.read(wheelhouse.LOCK)
    in_image: dict[str, tuple[components.Part, ...]] = {}
    for archive in sorted(dist.glob(f"backuplink-{version}-wheelhouse-linux-*.tar.gz")):
        architecture = archive.name.removesuffix(".tar.gz").rpartition("-")[2]
        with tempfile.TemporaryDirectory() as place:
            with tarfile.open(archive) as opened:
                opened.extractall(place, filter="data")
            wheels = sorted(Path(place).glob("*/*.whl"))
            every = [wheelhouse.environment(python, architecture) for python in wheelhouse.PYTHONS]
            yield archive, components.from_wheels(wheels, locked, every)
            onefile = dist / f"backuplink-{version}-linux-{architecture}.run"
            if onefile.exists():
                texts = wheelhouse.ROOT / "build" / "onefile" / architecture / "tree" / "licences"
                compiled = components.compiled(SOURCES.read_text("utf-8"), texts)
                python = python_of(compiled)
                taken = [wheel for wheel in wheels if components.suits(wheel, python, architecture)]
                environment = [wheelhouse.environment(python, architecture)]
                yield onefile, (*components.from_wheels(taken, locked, environment), *compiled)
                if of_fleet := sorted((IMAGE / architecture / "fleet-wheel").glob("*.whl")):
                    installed = components.from_wheels([*taken, *of_fleet], lock.read(FLEET), environment)
                    in_image[architecture] = (*installed, *compiled)
    image = dist / f"backuplink-{version}-image.tar"
    if image.exists() and in_image:
        system = IMAGE / next(iter(in_image)) / "system"
        of_debian = components.system(PACKAGES.read_text("utf-8"), system)
        yield image, components.together([*in_image.values(), of_debian])


def python_of(compiled: tuple[components.Part, ...]) -> str:
    """The version of CPython among the compiled parts, in the form that wheels use, such as 3.13. Raises UnfitError if
    CPython is missing."""
    for part in compiled:
        if match := re.fullmatch(r"python(\d+\.\d+)", part.purl.name):
            return match[1]
    raise components.UnfitError(f"{SOURCES.name} names no source of CPython; run packaging/onefile/lock")


def bill_name(artifact: Path) -> str:
    """The file name of the bill of an artifact."""
    return f"{artifact.name.removesuffix('.gz').removesuffix('.tar').removesuffix('.run')}.cdx.json"


def main(version: str, dist: Path, date: int) -> None:
    """Write the bills and the notice. Exits with one line if there are no artifacts, or if a part cannot be
    published."""
    noted: list[components.Part] = []
    try:
        for artifact, parts in artifacts(version, dist):
            bill = sbom.text(artifact, parts, version=version, date=date)
            (dist / bill_name(artifact)).write_text(bill, "utf-8")
            noted.extend(parts)
    except components.UnfitError as unfit:
        sys.exit(f"trust: {unfit}")
    if not noted:
        sys.exit(f"trust: {dist} has no archive of wheels of {version}; build them: packaging/build python")
    (dist / f"backuplink-{version}-THIRD-PARTY.txt").write_text(notice.text(noted, version=version), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
