"""The third-party parts that are published with backuplink: the files from which they come, what they need, and their
licences.

Parts in Python are read from their own metadata, in a wheel or installed. The parts from which the one file is compiled
are Debian's source packages in packaging/onefile/sources.lock. The parts that the container image takes unchanged are
Debian's packages in packaging/image/packages.lock.
"""

import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from packageurl import PackageURL
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

import inside_duckdb
import lock
from wheelhouse import digest

ACCEPTED: Final = frozenset(
    (
        "Apache-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0 CC0-1.0 ISC MIT MIT-0 MPL-2.0 PSF-2.0 Python-2.0.1 "
        "Unicode-3.0 Unicode-DFS-2015 Zlib blessing"
    ).split()
)
"""Licences (SPDX) under which a part may be published with this project."""
ACCEPTED_OF_SYSTEM: Final = ACCEPTED | {
    "GCC-exception-3.1",
    "GPL-2.0-or-later",
    "GPL-3.0-or-later",
    "LGPL-2.1-or-later",
}
"""Licences under which a file of Debian may be in the container image next to the program, exactly as Debian published
it."""
READ: Final = {
    # "The above BSD License Applies to all code, even that also covered by Apache 2.0", says its file.
    "python-dateutil": "BSD-3-Clause",
}
"""Licences of distributions whose metadata does not have them. A person read them in the files of the distributions."""
COMPILED: Final = {
    "libffi": "MIT",
    "openssl": "Apache-2.0",
    "python": "Python-2.0.1",
    "sqlite3": "blessing",  # SPDX's name for its dedication to the public domain
    "zlib": "Zlib",
}
"""Licences of compiled parts. Their sources state them only in prose."""
INSIDE_COMPILED: Final = {
    "python": {
        "expat": "MIT",
        "hacl-star": "MIT",
        "libb2": "CC0-1.0",
        "libmpdec": "BSD-2-Clause",
        "mimalloc": "MIT",
    }
}
"""Third-party code inside such a source, with its licence. Its version is in packaging/onefile/compile."""
INSIDE_WHEELS: Final = {
    "botocore": (("requests", "", "Apache-2.0"), ("six", "1.16.0", "MIT")),
    "cffi": (("libffi", "", "MIT"),),
    "duckdb": inside_duckdb.INSIDE,
}
"""Third-party code inside distributions that is not in their own bills of materials: name, version if it is known, and
licence."""
INSIDE_LICENCES: Final = {"openssl": "Apache-2.0"}
"""Licences of components that are in a wheel's own bill of materials without a licence."""
SYSTEM: Final = {
    "base-files": "GPL-2.0-or-later",
    "ca-certificates": "MPL-2.0",  # the licence of the roots; the scripts in the package have another, but are left out
    "gcc-14-base": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libc6": "LGPL-2.1-or-later",
    "libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libstdc++6": "GPL-3.0-or-later WITH GCC-exception-3.1",
}
"""Licences of Debian's packages in the container image. The packages' own files state them only in prose."""
COMPILED_NEEDS: Final = {"python": frozenset({"libffi", "openssl", "sqlite3", "zlib"})}
EPOCHS: Final = {"zlib": "1:"}
"""Epochs of Debian's versions. Names of files leave them out. An epoch never becomes lower."""
_CLASSIFIERS: Final = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""Classifiers that mean exactly one licence. The classifier for BSD means several, so it is left out."""
_NAMES_OF_TEXTS: Final = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)", re.IGNORECASE)


Folder = Path | zipfile.Path
"""A folder on the disk, or inside a wheel."""


class UnfitError(Exception):
    """A part cannot be published as it is. The text says which part, why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file from which a part comes."""

    name: str
    sha256: str
    """The digest in hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledIn:
    """A component that was compiled into a part, from the part's own bill of materials (PEP 770)."""

    name: str
    version: str
    purl: PackageURL | None
    licences: tuple[str, ...]
    """SPDX expressions, or other texts in the bill about the licence. Empty if the bill has none."""
    sha256: tuple[str, ...]
    """Digests in hexadecimal of the source from which it was compiled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part, at one version."""

    name: str
    version: str
    purl: PackageURL
    licence: str
    """The licence as an SPDX expression."""
    texts: Mapping[str, str]
    """The texts of the part's licence files, by file name. There is at least one."""
    needs: frozenset[str]
    """Names of other parts."""
    files: tuple[File, ...] = ()
    inside: tuple[CompiledIn, ...] = ()


# --- Python's --------------------------------------------------------------------------------------------------------


def _spdx(text: str) -> str | None:
    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return None


def licence_of(metadata: RawMetadata) -> str:
    """The SPDX expression for the licence in a distribution's metadata. Raises UnfitError if the metadata does not have
    the licence."""
    name = canonicalize_name(metadata["name"])
    if name in READ:
        return READ[name]
    licence = _spdx(metadata.get("license_expression") or metadata.get("license") or "")
    if licence is not None:
        return licence
    classified = [classifier for classifier in metadata.get("classifiers", ()) if classifier.startswith("License ::")]
    if len(classified) == 1 and classified[0] in _CLASSIFIERS:
        return _CLASSIFIERS[classified[0]]
    raise UnfitError(f"{name}: its metadata does not say which licence it has; read its files and add it to READ")


def _entries(folder: Folder) -> list[Folder]:
    """The entries of a folder, sorted by name."""
    entries: list[Folder] = [*folder.iterdir()]
    return sorted(entries, key=lambda entry: entry.name)


def _texts(info: Folder) -> Iterator[tuple[str, str]]:
    """Every licence file in a .dist-info folder, wherever the tool that made the folder puts such files."""
    for entry in _entries(info):
        if entry.name == "licenses" and entry.is_dir():
            yield from _all_texts(entry, "")
        elif _NAMES_OF_TEXTS.match(entry.name) and entry.is_file():
            yield entry.name, entry.read_text(encoding="utf-8")


def _all_texts(folder: Folder, above: str) -> Iterator[tuple[str, str]]:
    for entry in _entries(folder):
        if entry.is_dir():
            yield from _all_texts(entry, f"{above}{entry.name}/")
        else:
            yield f"{above}{entry.name}", entry.read_text(encoding="utf-8")


def _inside(info: Folder) -> Iterator[CompiledIn]:
    folder = info / "sboms"
    if folder.is_dir():
        for entry in _entries(folder):
            if entry.name.endswith(".json"):
                yield from map(_compiled_in, json.loads(entry.read_text(encoding="utf-8")).get("components", ()))


def _compiled_in(component: Mapping[str, Any]) -> CompiledIn:
    name = component["name"]
    licences = tuple(
        licence.get("expression") or licence["license"].get("id") or licence["license"]["name"]
        for licence in component.get("licenses", ())
    )
    return CompiledIn(
        name=name,
        version=component.get("version", ""),
        purl=PackageURL.from_string(component["purl"]) if "purl" in component else None,
        licences=licences or ((INSIDE_LICENCES[name],) if name in INSIDE_LICENCES else ()),
        sha256=tuple(checksum["content"] for checksum in component.get("hashes", ()) if checksum["alg"] == "SHA-256"),
    )


def _named(name: str, version: str, licence: str) -> CompiledIn:
    """A component that is only in the tables of this module, and not in a bill of materials."""
    purl = PackageURL("generic", None, name, version or None)
    return CompiledIn(name=name, version=version, purl=purl, licences=(licence,), sha256=())


def distribution(info: Folder, environments: Sequence[Mapping[str, str]], extras: frozenset[str], *files: File) -> Part:
    """The part that a .dist-info folder describes, with everything that it needs in any of the environments or for any
    of its extras.

    Raises UnfitError if it has no licence file, or if its licence is unclear or not accepted.
    """
    metadata, _ = parse_email((info / "METADATA").read_bytes())
    name, version = canonicalize_name(metadata["name"]), metadata["version"]
    part = Part(
        name=name,
        version=version,
        # backuplink itself gets no place of publication, since another package with this name must not be taken for it.
        purl=PackageURL("generic" if name == "backuplink" else "pypi", None, name, version),
        licence=licence_of(metadata),
        texts=dict(_texts(info)),
        needs=frozenset(
            canonicalize_name(requirement.name) for requirement in _required(metadata, environments, extras)
        ),
        files=files,
        inside=(
            *_inside(info),
            *(_named(*entry) for entry in INSIDE_WHEELS.get(canonicalize_name(metadata["name"]), ())),
        ),
    )
    return _fit(part)


def _required(
    metadata: RawMetadata, environments: Sequence[Mapping[str, str]], extras: frozenset[str]
) -> Iterator[Requirement]:
    for requirement in map(Requirement, metadata.get("requires_dist", ())):
        if requirement.marker is None or any(
            requirement.marker.evaluate({**environment, "extra": extra})
            for environment in environments
            for extra in ("", *extras)
        ):
            yield requirement


def _fit(part: Part, accepted: frozenset[str] = ACCEPTED) -> Part:
    if not part.texts:
        raise UnfitError(f"{part.name} {part.version} has no licence file, and must not be published without one")
    if strange := licences_in(part.licence) - accepted:
        raise UnfitError(
            f"{part.name} {part.version} is under {part.licence}, and {', '.join(sorted(strange))} is not among the"
            " licences that are accepted; take another library, or decide and add it to ACCEPTED"
        )
    return part


def licences_in(expression: str) -> frozenset[str]:
    """Identifiers in an SPDX expression."""
    return frozenset(re.findall(r"[\w.+-]+", expression)) - {"AND", "OR", "WITH"}


def dist_info(wheel: Path) -> zipfile.Path:
    """The .dist-info folder inside a wheel."""
    (folder,) = (entry for entry in zipfile.Path(wheel).iterdir() if entry.name.endswith(".dist-info"))
    return folder


def suits(wheel: Path, python: str, architecture: str) -> bool:
    """Whether CPython `python` on Linux with glibc 2.17 can use this wheel."""
    major, minor = map(int, python.split("."))
    platforms = [f"manylinux{glibc}_{architecture}" for glibc in ("_2_17", "2014")]
    taken = {*cpython_tags((major, minor), platforms=platforms), *compatible_tags((major, minor), platforms=platforms)}
    _, _, _, tags = parse_wheel_filename(wheel.name)
    return not tags.isdisjoint(taken)


def from_wheels(
    wheels: Sequence[Path], locked: Sequence[lock.Locked], environments: Sequence[Mapping[str, str]]
) -> tuple[Part, ...]:
    """backuplink itself and everything that is locked for these environments, by name.

    Raises UnfitError if a part has no wheel, or if a wheel is not in the lock.
    """
    known = {
        requirement.name: requirement
        for requirement in locked
        if any(requirement.wanted_in(dict(one)) for one in environments)
    }
    files: dict[str, list[Path]] = {}
    for wheel in sorted(wheels):
        files.setdefault(parse_wheel_filename(wheel.name)[0], []).append(wheel)
    if missing := {"backuplink", *known} - files.keys():
        raise UnfitError(f"there is no wheel of {', '.join(sorted(missing))}; build them: packaging/build python")
    for name, entry in known.items():
        for wheel in files[name]:
            if digest(wheel) not in entry.hashes:
                raise UnfitError(f"{wheel.name} is not what packaging locks; build it anew")
    chosen = {name: files[name] for name in ("backuplink", *known)}
    extras = _extras([parse_email((dist_info(choice[0]) / "METADATA").read_bytes())[0] for choice in chosen.values()])
    return tuple(
        distribution(
            dist_info(of[0]),
            environments,
            extras.get(name, frozenset()),
            *(File(name=wheel.name, sha256=digest(wheel)) for wheel in of),
        )
        for name, of in sorted(chosen.items())
    )


def _extras(every: Sequence[RawMetadata]) -> dict[str, frozenset[str]]:
    """The extras of each distribution that other distributions need."""
    extras: dict[str, frozenset[str]] = {}
    for metadata in every:
        for requirement in map(Requirement, metadata.get("requires_dist", ())):
            name = canonicalize_name(requirement.name)
            if requirement.marker is None or "extra" not in str(requirement.marker):
                extras[name] = extras.get(name, frozenset()) | requirement.extras
    return extras


# --- Compiled parts ------------------------------------------------------------------------------------------------

_SOURCE: Final = re.compile(r"^(?P<sha256>[0-9a-f]{64})  (?P<folder>pool/\S+)/(?P<file>[^\s/]+)$")


def compiled(locked: str, texts: Path) -> tuple[Part, ...]:
    """The parts in `locked`, which is the text of sources.lock. `texts` is the folder with a licence file for each
    part.

    Raises UnfitError if a part has no licence or no description.
    """
    folders: dict[str, list[File]] = {}
    for line in locked.splitlines():
        if match := _SOURCE.match(line):
            folders.setdefault(match["folder"], []).append(File(name=match["file"], sha256=match["sha256"]))
    parts = []
    for folder, files in folders.items():
        descriptions = [file.name.removesuffix(".dsc") for file in files if file.name.endswith(".dsc")]
        if len(descriptions) != 1:
            raise UnfitError(
                f"sources.lock has {len(descriptions)} files .dsc in {folder}, not exactly one; "
                "run packaging/onefile/lock"
            )
        source, _, revision = descriptions[0].partition("_")
        name = source if source in COMPILED else source.rstrip("0123456789.")  # python3.13, and sqlite3
        text = texts / name
        if name not in COMPILED:
            raise UnfitError(f"{source}: its licence is not known here; read its files and add it to COMPILED")
        if not text.is_file():
            raise UnfitError(f"{source}: its licence should be in {text}; build it: packaging/build onefile")
        upstream = revision.rpartition("-")[0].rpartition("really")[2]
        version = f"{EPOCHS.get(name, '')}{revision}"
        part = Part(
            name=name,
            version=upstream,
            purl=PackageURL("deb", "debian", source, version, {"arch": "source"}),
            licence=COMPILED[name],
            texts={"LICENSE": text.read_text("utf-8"), **_texts_inside(name, texts)},
            needs=COMPILED_NEEDS.get(name, frozenset()),
            files=tuple(files),
            inside=tuple(_inside_source(name, texts)),
        )
        parts.append(_fit(part))
    return tuple(sorted(parts, key=lambda part: part.name))


def _files_inside(name: str, texts: Path) -> Iterator[tuple[str, str, Path]]:
    """The name, version and licence file of third-party code inside a source. Raises UnfitError if the files do not
    match INSIDE_COMPILED."""
    folder = texts / f"inside-{name}"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [file.name.partition("@") for file in files]
    expected = INSIDE_COMPILED.get(name, {})
    if {library for library, _, version in found if version} != expected.keys():
        raise UnfitError(
            f"{name}: {folder} should have a licence for each of {', '.join(expected)}, named after it and its version;"
            " build it: packaging/build onefile"
        )
    for file, (library, _, version) in zip(files, found, strict=True):
        yield library, version, file


def _inside_source(name: str, texts: Path) -> Iterator[CompiledIn]:
    for library, version, _ in _files_inside(name, texts):
        yield _named(library, version, INSIDE_COMPILED[name][library])


def _texts_inside(name: str, texts: Path) -> dict[str, str]:
    return {f"{library} {version}": file.read_text("utf-8") for library, version, file in _files_inside(name, texts)}


# --- Debian's packages in the container image ------------------------------------------------------------------------

_PACKAGE: Final = re.compile(
    r"^(?P<sha256>[0-9a-f]{64})  pool/\S+/(?P<file>(?P<name>[^\s/_]+)_(?P<version>[^\s/_]+)_\w+\.deb)$"
)


def system(locked: str, folder: Path) -> tuple[Part, ...]:
    """The packages in `locked`, which is the text of packages.lock. `folder` contains them unpacked.

    Raises UnfitError if a package has no licence, or if its version differs between kinds of processor.
    """
    found: dict[str, list[re.Match[str]]] = {}
    for line in locked.splitlines():
        if match := _PACKAGE.match(line):
            found.setdefault(match["name"], []).append(match)
    parts = []
    for name, matches in sorted(found.items()):
        versions = {match["version"] for match in matches}
        text = folder / "usr" / "share" / "doc" / name / "copyright"
        if name not in SYSTEM:
            raise UnfitError(f"{name}: its licence is not known here; read its files and add it to SYSTEM")
        if len(versions) != 1:
            raise UnfitError(f"{name}: packages.lock has it as {', '.join(sorted(versions))}; run packaging/image/lock")
        if not text.is_file():
            raise UnfitError(f"{name}: its licence should be in {text}; build it: packaging/build image")
        (version,) = versions
        part = Part(
            name=name,
            version=version,
            purl=PackageURL("deb", "debian", name, version),
            licence=SYSTEM[name],
            texts={"copyright": text.read_text("utf-8")},
            needs=frozenset(),
            files=tuple(File(name=match["file"], sha256=match["sha256"]) for match in matches),
        )
        parts.append(_fit(part, ACCEPTED_OF_SYSTEM))
    return tuple(parts)


def together(every: Iterable[Sequence[Part]]) -> tuple[Part, ...]:
    """Merge the parts of several artifacts. Each part is returned once, with its files from all artifacts."""
    known: dict[str, Part] = {}
    for part in (part for parts in every for part in parts):
        before = known.get(part.name, part)
        known[part.name] = replace(part, files=tuple(dict.fromkeys((*before.files, *part.files))))
    return tuple(known[name] for name in sorted(known))
