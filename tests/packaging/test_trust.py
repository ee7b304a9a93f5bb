"""Checksums, bills of materials and licences: they cover every part and are reproducible, and files that must not be
published are refused.

Tests of artifacts need the artifacts and `packaging/build trust`; `packaging/test trust` requires both.
"""

import hashlib
import json
import platform
import re
import subprocess
import sysconfig
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
from packaging.utils import canonicalize_name

import components
import inside_duckdb
import lock
import notice
import provenance
import sbom
import trust
import wheelhouse
from agent.version import __version__
from tests.packaging.artifacts import DIST, artifact_of, lacking

LINUX: Final = [wheelhouse.environment("3.13", "x86_64")]
DATE: Final = 1_700_000_000
MIT: Final = ("License-Expression: MIT",)


def wheel(
    folder: Path,
    name: str,
    *metadata: str,
    version: str = "1.0",
    tag: str = "py3-none-any",
    files: Mapping[str, str] | None = None,
) -> Path:
    """A wheel that pip would accept, with these lines of metadata and these files in its .dist-info."""
    base = f"{name}-{version}"
    file = folder / f"{base}-{tag}.whl"
    inside = {
        "METADATA": "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *metadata, "", ""]),
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        "RECORD": "",
    }
    inside |= {"licenses/LICENSE": f"the licence of {name}\n"} if files is None else files
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in inside.items():
            archive.writestr(f"{base}.dist-info/{path}", text)
    return file


def locked(*wheels: Path, marker: str = "") -> tuple[lock.Locked, ...]:
    """A lock that contains only these files."""
    folder = wheels[0].parent
    lines = []
    for file in wheels:
        name, version = file.name.split("-")[:2]
        lines.append(f"{name}=={version}{marker} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n")
    (folder / "requirements.txt").write_text("".join(lines), "utf-8")
    return lock.read(folder / "requirements.txt")


def own(folder: Path, *needs: str) -> Path:
    return wheel(folder, "backuplink", "License-Expression: Apache-2.0", *(f"Requires-Dist: {need}" for need in needs))


def part(folder: Path, *metadata: str, files: Mapping[str, str] | None = None) -> components.Part:
    """The entries of a part whose folder has the wheel `some`. The entry of backuplink is left out."""
    some = wheel(folder, "some", *metadata, files=files)
    _, component = components.from_wheels([own(folder, "some"), some], locked(some), LINUX)
    return component


# --- Licences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        pytest.param(("License-Expression: MIT OR Apache-2.0",), "MIT OR Apache-2.0", id="expression"),
        pytest.param(("License: mit",), "MIT", id="old field with an identifier"),
        pytest.param(
            ("License: Apache License 2.0", "Classifier: License :: OSI Approved :: Apache Software License"),
            "Apache-2.0",
            id="old field in prose, and a classifier",
        ),
        pytest.param(("Classifier: License :: OSI Approved :: MIT License",), "MIT", id="classifier"),
    ],
)
def test_reads_the_licence_from_metadata(metadata: Sequence[str], licence: str, tmp_path: Path) -> None:
    assert part(tmp_path, *metadata).licence == licence


@pytest.mark.parametrize(
    ("metadata", "files", "words"),
    [
        pytest.param(MIT, {}, "some 1.0 has no licence file", id="no file"),
        pytest.param((), None, "some: its metadata does not say", id="nothing said"),
        pytest.param(("License: Dual License",), None, "some: its metadata does not say", id="prose"),
        pytest.param(
            ("Classifier: License :: OSI Approved :: BSD License",), None, "does not say", id="one of several licences"
        ),
        pytest.param(
            (
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: Apache Software License",
            ),
            None,
            "does not say",
            id="both or either",
        ),
        pytest.param(
            ("License-Expression: MIT AND GPL-3.0-only",),
            None,
            "some 1.0 is under MIT AND GPL-3.0-only, and GPL-3.0-only is not among",
            id="not accepted",
        ),
    ],
)
def test_refuses_what_must_not_go_out(
    metadata: Sequence[str], files: Mapping[str, str] | None, words: str, tmp_path: Path
) -> None:
    with pytest.raises(components.UnfitError, match=words):
        part(tmp_path, *metadata, files=files)


@pytest.mark.parametrize("place", ["LICENSE.txt", "COPYING", "licenses/NOTICE", "licenses/sub/any name"])
def test_finds_licence_files_where_tools_put_them(place: str, tmp_path: Path) -> None:
    component = part(tmp_path, *MIT, files={place: "words\n", "top_level.txt": "some\n"})
    assert component.texts == {place.removeprefix("licenses/"): "words\n"}


def installed() -> dict[str, Path]:
    """The .dist-info folders of this environment, by name."""
    folders = Path(sysconfig.get_path("purelib")).glob("*.dist-info")
    return {canonicalize_name(folder.name.removesuffix(".dist-info").rpartition("-")[0]): folder for folder in folders}


@pytest.mark.parametrize("entry", lock.read(wheelhouse.LOCK), ids=lambda entry: entry.name)
def test_everything_locked_has_a_licence_that_is_accepted(entry: lock.Locked) -> None:
    if not (entry.requirement.marker is None or entry.requirement.marker.evaluate()):
        pytest.skip("it is not for this Python and system")
    component = components.distribution(installed()[entry.name], LINUX, frozenset())
    assert (component.name, component.version) == (entry.name, entry.version)
    assert all(len(text) > 50 for text in component.texts.values())


def test_the_notice_has_every_text_and_which_licences_occur(tmp_path: Path) -> None:
    one = wheel(tmp_path, "one", "License-Expression: MIT OR Apache-2.0")
    two = wheel(tmp_path, "two", "License-Expression: ISC", files={"LICENSE": "ISC words\n", "NOTICE": "who\n"})
    parts = components.from_wheels([own(tmp_path, "one", "two"), one, two], locked(one, two), LINUX)
    text = notice.text([*parts, *parts], version="9.8")
    head, *sections = text.split("-" * 80 + "\n")
    assert head.split("\n\n", 2)[2].split() == "Apache-2.0 one 1.0 ISC two 1.0 MIT one 1.0".split()
    assert sections == [
        "one 1.0: MIT OR Apache-2.0\n\nLICENSE:\n\nthe licence of one\n\n",
        "two 1.0: ISC\n\nLICENSE:\n\nISC words\n\nNOTICE:\n\nwho\n",
    ]


# --- Parts -----------------------------------------------------------------------------------------------------------


def test_a_wheel_that_is_not_what_is_locked_is_refused(tmp_path: Path) -> None:
    some = wheel(tmp_path, "some", *MIT)
    known = locked(some)
    wheel(tmp_path, "some", *MIT, "Summary: another")
    with pytest.raises(components.UnfitError, match=r"some-1\.0-py3-none-any\.whl is not what"):
        components.from_wheels([own(tmp_path, "some"), some], known, LINUX)


def test_a_part_without_a_wheel_is_refused_where_it_is_wanted(tmp_path: Path) -> None:
    some = wheel(tmp_path, "some", *MIT)
    with pytest.raises(components.UnfitError, match="there is no wheel of some; build them"):
        components.from_wheels([own(tmp_path)], locked(some), LINUX)
    elsewhere = locked(some, marker=" ; sys_platform == 'win32'")
    assert [part.name for part in components.from_wheels([own(tmp_path)], elsewhere, LINUX)] == ["backuplink"]


def test_needs_follow_markers_and_the_extras_that_are_asked_for(tmp_path: Path) -> None:
    ours = own(tmp_path, "some[wide]", "other ; python_version < '3'")
    some = wheel(
        tmp_path,
        "some",
        *MIT,
        *("Requires-Dist: One-Two", "Requires-Dist: three ; extra == 'wide'", "Requires-Dist: four ; extra == 'test'"),
    )
    backuplink, component = components.from_wheels([ours, some], locked(some), LINUX)
    assert backuplink.needs == {"some"}
    assert component.needs == {"one-two", "three"}


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", True),
        ("cp311-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64", True),
        ("cp313-cp313-manylinux_2_17_x86_64", True),
        ("cp312-cp312-manylinux_2_17_x86_64", False),
        ("cp313-cp313-manylinux_2_17_aarch64", False),
        ("cp313-cp313-manylinux_2_28_x86_64", False),
    ],
)
def test_which_wheels_the_one_file_takes(tag: str, fits: bool, tmp_path: Path) -> None:
    assert components.suits(tmp_path / f"some-1.0-{tag}.whl", "3.13", "x86_64") is fits


SOURCES: Final = f"""\
# A comment.
{"1" * 64}  pool/main/z/zlib/zlib_1.3.dfsg+really1.3.1-1.dsc
{"2" * 64}  pool/main/z/zlib/zlib_1.3.dfsg+really1.3.1.orig.tar.gz
{"3" * 64}  pool/main/p/python3.13/python3.13_3.13.5-2+deb13u5.dsc
{"4" * 64}  pool/main/s/sqlite3/sqlite3_3.46.1-7+deb13u2.dsc
"""


INSIDE_PYTHON: Final = components.INSIDE_COMPILED["python"]


def licences(folder: Path) -> Path:
    """A folder with the licences of Python, of the code bundled with it, of SQLite and of zlib."""
    for name in ("python", "sqlite3", "zlib"):
        (folder / name).write_text(f"licence of {name}\n", "utf-8")
    (folder / "inside-python").mkdir()
    for name in INSIDE_PYTHON:
        (folder / "inside-python" / f"{name}@1.2").write_text(f"licence of {name}\n", "utf-8")
    return folder


def test_what_is_compiled_comes_from_the_lock_of_sources(tmp_path: Path) -> None:
    python, sqlite, zlib = components.compiled(SOURCES, licences(tmp_path))
    assert (sqlite.name, sqlite.version, sqlite.licence) == ("sqlite3", "3.46.1", "blessing")
    assert (zlib.name, zlib.version, zlib.licence) == ("zlib", "1.3.1", "Zlib")
    assert zlib.purl.to_string() == "pkg:deb/debian/zlib@1:1.3.dfsg%2Breally1.3.1-1?arch=source"
    assert [(file.name, file.sha256) for file in zlib.files] == [
        ("zlib_1.3.dfsg+really1.3.1-1.dsc", "1" * 64),
        ("zlib_1.3.dfsg+really1.3.1.orig.tar.gz", "2" * 64),
    ]
    assert (python.version, python.texts) == (
        "3.13.5",
        {"LICENSE": "licence of python\n", **{f"{name} 1.2": f"licence of {name}\n" for name in INSIDE_PYTHON}},
    )
    assert [(nested.name, nested.version, nested.licences) for nested in python.inside] == [
        (name, "1.2", (INSIDE_PYTHON[name],)) for name in sorted(INSIDE_PYTHON)
    ]
    assert "zlib" in python.needs
    assert trust.python_of((python, zlib)) == "3.13"


def test_what_is_compiled_without_a_licence_is_refused(tmp_path: Path) -> None:
    (tmp_path / "zlib").write_text("words\n", "utf-8")
    with pytest.raises(components.UnfitError, match=r"python3\.13: its licence should be in .*; build it"):
        components.compiled(SOURCES, tmp_path)
    with pytest.raises(components.UnfitError, match=r"bzip2: its licence is not known"):
        components.compiled(SOURCES.replace("/zlib_", "/bzip2_"), tmp_path)


@pytest.mark.parametrize("change", ["gone", "new", "without a version"])
def test_what_is_inside_a_source_is_just_what_is_known(change: str, tmp_path: Path) -> None:
    expat = licences(tmp_path) / "inside-python" / "expat@1.2"
    if change == "new":
        (expat.parent / "bzip2@1.0").write_text("words\n", "utf-8")
    else:
        expat.rename(expat.with_name("expat@") if change == "without a version" else tmp_path / "elsewhere")
    with pytest.raises(components.UnfitError, match=r"python: .* should have a licence for each of expat"):
        components.compiled(SOURCES, tmp_path)


def test_what_the_tables_name_has_a_licence_that_is_accepted() -> None:
    named = {
        *(licence for inside in components.INSIDE_COMPILED.values() for licence in inside.values()),
        *(licence for entries in components.INSIDE_WHEELS.values() for _, _, licence in entries),
        *components.INSIDE_LICENCES.values(),
    }
    assert {one for licence in named for one in components.licences_in(licence)} <= components.ACCEPTED


def vendored() -> dict[str, set[str]]:
    """The names of the projects whose code a distribution bundles, in a folder such as `_vendor`. There is an entry for
    each distribution that is locked and installed.
    """
    found: dict[str, set[str]] = {}
    for name in {entry.name for entry in lock.read(wheelhouse.LOCK)} & installed().keys():
        for file in distribution(name).files or ():
            for folder in {"_vendor", "_vendored", "extern", "vendor", "vendored"}.intersection(file.parts[:-1]):
                below = file.parts[file.parts.index(folder) + 1].removesuffix(".py")
                if below not in ("__init__", "__pycache__"):
                    found.setdefault(name, set()).add(below)
    return found


def test_what_distributions_carry_of_others_is_named() -> None:
    assert vendored() == {"botocore": {name for name, _, _ in components.INSIDE_WHEELS["botocore"]}}
    from botocore.vendored import six

    assert ("six", six.__version__, "MIT") in components.INSIDE_WHEELS["botocore"]


def test_what_duckdb_has_compiled_in_is_named() -> None:
    (module,) = (file for file in distribution("duckdb").files or () if re.match(r"_duckdb\..*\.so$", file.name))
    named = re.finditer(rb"NK?(\d{1,2})((?:duckdb_|libfsst|nanobind)[a-z0-9_]*)", Path(module.locate()).read_bytes())
    found = {match[2][: int(match[1])].decode() for match in named if len(match[2]) >= int(match[1])}
    assert found == inside_duckdb.NAMESPACES.keys()
    names = [name for name, _, _ in components.INSIDE_WHEELS["duckdb"]]
    assert set(inside_duckdb.NAMESPACES.values()) <= set(names)
    assert names == sorted(set(names))


def test_duckdb_is_the_one_whose_source_was_read() -> None:
    assert distribution("duckdb").version == inside_duckdb.VERSION
    locked = (wheelhouse.LOCK.parent / "requirements-fleet.txt").read_text("utf-8")
    assert f"duckdb=={inside_duckdb.VERSION} " in locked


PACKAGES: Final = f"""\
# A comment.
{"1" * 64}  pool/main/g/glibc/libc6_2.41-12+deb13u5_amd64.deb
{"2" * 64}  pool/main/g/glibc/libc6_2.41-12+deb13u5_arm64.deb
{"3" * 64}  pool/main/c/ca-certificates/ca-certificates_20250419_all.deb
"""


def copyrights(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / "usr" / "share" / "doc" / name).mkdir(parents=True)
        (folder / "usr" / "share" / "doc" / name / "copyright").write_text(f"copyright of {name}\n", "utf-8")
    return folder


def test_what_the_image_takes_of_debian_comes_from_its_lock(tmp_path: Path) -> None:
    roots, libc = components.system(PACKAGES, copyrights(tmp_path, "libc6", "ca-certificates"))
    assert (libc.name, libc.version, libc.licence) == ("libc6", "2.41-12+deb13u5", "LGPL-2.1-or-later")
    assert libc.purl.to_string() == "pkg:deb/debian/libc6@2.41-12%2Bdeb13u5"
    assert [file.sha256 for file in libc.files] == ["1" * 64, "2" * 64]
    assert libc.texts == {"copyright": "copyright of libc6\n"}
    assert (roots.name, roots.licence) == ("ca-certificates", "MPL-2.0")


def test_what_must_not_be_in_the_image_is_refused(tmp_path: Path) -> None:
    copyrights(tmp_path, "libc6")
    with pytest.raises(components.UnfitError, match="ca-certificates: its licence should be in"):
        components.system(PACKAGES, tmp_path)
    with pytest.raises(components.UnfitError, match="bash: its licence is not known here"):
        components.system(PACKAGES.replace("ca-certificates_", "bash_"), tmp_path)
    older = PACKAGES.replace("u5_arm64", "u4_arm64")
    with pytest.raises(components.UnfitError, match=r"has it as 2\.41-12\+deb13u4, 2\.41-12\+deb13u5"):
        components.system(older, copyrights(tmp_path, "ca-certificates"))


def test_the_parts_of_several_artifacts_are_each_there_once_with_all_files(tmp_path: Path) -> None:
    one, two = (tmp_path / name for name in ("one", "two"))
    for folder in (one, two):
        folder.mkdir()
    some, other = wheel(one, "some", *MIT, tag="cp313-cp313-a"), wheel(two, "some", *MIT, tag="cp313-cp313-b")
    parts = [
        components.from_wheels([own(some.parent, "some"), some], locked(some), LINUX),
        components.from_wheels([own(other.parent, "some"), other], locked(other), LINUX),
    ]
    joined = {part.name: part for part in components.together(parts)}
    assert joined.keys() == {"backuplink", "some"}
    assert [file.name for file in joined["some"].files] == [some.name, other.name]
    assert len(joined["backuplink"].files) == 1


# --- The bill --------------------------------------------------------------------------------------------------------

INSIDE: Final = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "components": [
        {
            "type": "library",
            "name": "libcrypto",
            "version": "4.0",
            "purl": "pkg:generic/libcrypto@4.0",
            "hashes": [{"alg": "SHA-256", "content": "a" * 64}],
            "licenses": [{"expression": "MIT OR Apache-2.0"}],
        },
        {"type": "library", "name": "bare"},
    ],
}


@pytest.fixture
def parts(tmp_path: Path) -> tuple[components.Part, ...]:
    files = {"LICENSE": "words\n", "sboms/some.cdx.json": json.dumps(INSIDE)}
    some = wheel(tmp_path, "some", *MIT, "Requires-Dist: other", files=files)
    other = wheel(tmp_path, "other", "License-Expression: Apache-2.0 OR BSD-3-Clause")
    return components.from_wheels([own(tmp_path, "some"), some, other], locked(some, other), LINUX)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    file = tmp_path / "backuplink.tar.gz"
    file.write_bytes(b"all of it")
    return file


def test_the_bill_is_the_same_for_the_same_artifact_and_date(
    parts: tuple[components.Part, ...], artifact: Path
) -> None:
    first = sbom.text(artifact, parts, version="1.0", date=DATE)
    assert sbom.text(artifact, parts[::-1], version="1.0", date=DATE) == first
    assert json.loads(first)["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    artifact.write_bytes(b"another")
    assert (
        json.loads(sbom.text(artifact, parts, version="1.0", date=DATE))["serialNumber"]
        != (json.loads(first)["serialNumber"])
    )


def test_the_bill_names_parts_files_licences_and_what_needs_what(
    parts: tuple[components.Part, ...], artifact: Path, tmp_path: Path
) -> None:
    bill = json.loads(sbom.text(artifact, parts, version="1.0", date=DATE))
    assert (bill["specVersion"], bill["metadata"]["component"]["name"]) == ("1.6", "backuplink.tar.gz")
    assert bill["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": wheelhouse.digest(artifact)}]
    _, other, some = bill["components"]
    assert (some["purl"], some["licenses"]) == ("pkg:pypi/some@1.0", [{"license": {"id": "MIT"}}])
    (file,) = some["externalReferences"]
    assert file["url"] == "some-1.0-py3-none-any.whl"
    assert file["hashes"][0]["content"] == wheelhouse.digest(tmp_path / file["url"])
    assert other["licenses"] == [{"expression": "Apache-2.0 OR BSD-3-Clause"}]
    assert {dependency["ref"]: dependency.get("dependsOn", []) for dependency in bill["dependencies"]} == {
        "backuplink.tar.gz": ["pkg:generic/backuplink@1.0"],
        "pkg:generic/backuplink@1.0": ["pkg:pypi/some@1.0"],
        "pkg:pypi/some@1.0": ["pkg:pypi/other@1.0"],
        "pkg:pypi/other@1.0": [],
    }


def test_the_bill_names_what_was_compiled_into_a_wheel(parts: tuple[components.Part, ...], artifact: Path) -> None:
    bill = json.loads(sbom.text(artifact, parts, version="1.0", date=DATE))
    bare, crypto = bill["components"][2]["components"]
    assert bare["name"] == "bare"
    assert (crypto["name"], crypto["version"], crypto["purl"]) == ("libcrypto", "4.0", "pkg:generic/libcrypto@4.0")
    assert crypto["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert "  libcrypto 4.0: MIT OR Apache-2.0\n" in notice.text(parts, version="1.0")


def test_the_bill_names_what_no_other_bill_does(tmp_path: Path) -> None:
    bill = {**INSIDE, "components": [{"type": "library", "name": "openssl", "version": "4.0"}]}
    cffi = wheel(tmp_path, "cffi", *MIT, files={"LICENSE": "words\n", "sboms/cffi.cdx.json": json.dumps(bill)})
    _, part = components.from_wheels([own(tmp_path, "cffi"), cffi], locked(cffi), LINUX)
    assert [(nested.name, nested.version, nested.licences) for nested in part.inside] == [
        ("openssl", "4.0", ("Apache-2.0",)),
        ("libffi", "", ("MIT",)),
    ]
    assert part.inside[1].purl is not None
    assert part.inside[1].purl.to_string() == "pkg:generic/libffi"


@pytest.mark.parametrize("damage", [{"bomFormat": "other"}, {"unknown": 1}, {"serialNumber": "none"}], ids=str)
def test_what_the_schema_does_not_take_is_refused(
    damage: Mapping[str, object], parts: tuple[components.Part, ...], artifact: Path
) -> None:
    bill = json.loads(sbom.text(artifact, parts, version="1.0", date=DATE))
    sbom.check(json.dumps(bill))
    with pytest.raises(ValueError, match="not a bill of materials"):
        sbom.check(json.dumps({**bill, **damage}))


# --- What dist/ has --------------------------------------------------------------------------------------------------


def archives() -> Iterator[Path]:
    """The artifacts in dist/ that have a bill of materials: the archives of wheels, and, if they were built, the one
    file for each processor and the image.
    """
    for architecture in ("x86_64", "aarch64"):
        yield artifact_of(f"backuplink-VERSION-wheelhouse-linux-{architecture}.tar.gz", "python")
    yield from onefiles()
    yield from DIST.glob(f"backuplink-{__version__}-image.tar")


def onefiles() -> list[Path]:
    """The one file for each processor in dist/."""
    return sorted(DIST.glob(f"backuplink-{__version__}-linux-*.run"))


def bill_of(archive: Path) -> Mapping[str, Any]:
    text = artifact_of(trust.bill_name(archive), "trust").read_text("utf-8")
    sbom.check(text)
    bill: Mapping[str, Any] = json.loads(text)
    return bill


def test_checksums_are_right_and_of_everything() -> None:
    lines = artifact_of("SHA256SUMS", "trust").read_text("utf-8").splitlines()
    sums = {name: checksum for checksum, _, name in (line.partition("  ") for line in lines)}
    assert sums == {
        str(file.relative_to(DIST)): wheelhouse.digest(file)
        for file in DIST.rglob("*")
        if file.is_file() and not file.name.startswith("SHA256SUMS")
    }
    assert list(sums) == sorted(sums)


def test_bills_hold_all_that_is_locked_and_all_is_needed() -> None:
    for archive in archives():
        bill = bill_of(archive)
        assert bill["metadata"]["component"]["hashes"][0]["content"] == wheelhouse.digest(archive)
        names = {component["name"]: component for component in bill["components"]}
        pythons = wheelhouse.PYTHONS if archive.suffix == ".gz" else ("3.13",)
        # Only the image can join fleets.
        locked = trust.FLEET if archive.suffix == ".tar" else wheelhouse.LOCK
        wanted = {
            entry.name
            for entry in lock.read(locked)
            for python in pythons
            if entry.wanted_in(wheelhouse.environment(python, "x86_64"))
        }
        compiled = {} if archive.suffix == ".gz" else components.COMPILED
        system = components.SYSTEM if archive.suffix == ".tar" else {}
        assert names.keys() == wanted | {"backuplink"} | compiled.keys() | system.keys()
        edges = {dependency["ref"]: dependency.get("dependsOn", []) for dependency in bill["dependencies"]}
        reached, ahead = set(), [archive.name]
        while ahead:
            reference = ahead.pop()
            if reference not in reached:
                reached.add(reference)
                ahead += edges[reference]
        assert reached == {archive.name, *(component["bom-ref"] for component in bill["components"])}
        assert any(component["name"] == "openssl" for component in names["cryptography"]["components"])


def built_onefiles() -> list[Path]:
    """The one file for each processor in dist/. At least one must exist."""
    files = onefiles()
    if not files:
        lacking("dist/ holds no one file; run packaging/build onefile trust")
    return files


def test_the_one_file_holds_what_its_bill_says() -> None:
    for file in built_onefiles():
        architecture = file.stem.rpartition("-")[2]
        app = wheelhouse.ROOT / "build" / "onefile" / architecture / "tree" / "app"
        inside = [components.distribution(path, LINUX, frozenset()) for path in app.glob("*.dist-info")]
        listed = {
            (component["name"], component["version"])
            for component in bill_of(file)["components"]
            if ":pypi/" in component["purl"]
        }
        assert {(component.name, component.version) for component in inside} == listed


TRACES: Final = {
    "expat": rb"\0expat_(\d+\.\d+\.\d+)\0",
    "hacl-star": rb"Modules/_hacl/Hacl_()",
    "libffi": rb"\0(?:LIBFFI_TMPDIR|ffi_prep_cif)()\0",
    "libmpdec": rb"\0libmpdec: ()",
    "mimalloc": rb"\0mimalloc: ()",
    "openssl": rb"OpenSSL (\d+\.\d+\.\d+) \d+ [A-Z][a-z]{2} \d{4}\0",
    "sqlite3": rb"\0SQLite format ()3\0",
    "zlib": rb" inflate (\d+\.\d+(?:\.\d+)*) Copyright",
    # These libraries must be absent; if they were present, they would be detected:
    "bzip2": rb"bzip2/libbzip2()",
    "curl": rb"libcurl/(\d+\.\d+\.\d+)",
    "readline": rb"\0readline_()",
    "xz": rb"\xfd7zXZ()",
}
"""For each library, a pattern of the text that it leaves in a program that links it. The text may contain the library's
version.
"""


def traces(program: Path) -> dict[str, str]:
    """The libraries that are linked into a program, with their versions. A version is an empty text if it is
    unknown.
    """
    content = program.read_bytes()
    return {
        name: match[1].decode()
        for name, pattern in TRACES.items()
        if (match := re.search(pattern, content)) is not None
    }


def test_what_a_scan_of_the_programs_finds_is_in_the_bill() -> None:
    for file in built_onefiles():
        tree = wheelhouse.ROOT / "build" / "onefile" / file.stem.rpartition("-")[2] / "tree"
        listed = {component["name"]: component for component in bill_of(file)["components"]}
        python = listed["python"]
        in_python = {**listed, **{nested["name"]: nested for nested in python["components"]}}
        # The bill has the names and versions of all libraries that are linked into a program. Only libb2 leaves no
        # text.
        expected = {
            tree / "bin" / "python": (in_python, {*components.COMPILED, *INSIDE_PYTHON} - {"python", "libb2"}),
            next((tree / "app").glob("_cffi_backend.*.so")): (inside(listed["cffi"]), {"libffi"}),
            next((tree / "app" / "cryptography").rglob("_rust.*.so")): (inside(listed["cryptography"]), {"openssl"}),
        }
        programs = {path for path in tree.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"}
        assert programs == expected.keys()
        for program, (bill, names) in expected.items():
            found = traces(program)
            assert found.keys() == names, program
            for name, version in found.items():
                assert version in ("", bill[name].get("version")), (program, name)


def inside(component: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The components inside a component of a bill of materials, by name."""
    return {nested["name"]: nested for nested in component["components"]}


def test_what_ldd_finds_is_of_the_packages_that_the_bill_of_the_image_has() -> None:
    image = artifact_of("backuplink-VERSION-image.tar", "image")
    architecture = platform.machine()
    tree = wheelhouse.ROOT / "build" / "onefile" / architecture / "tree"
    system = wheelhouse.ROOT / "build" / "image" / architecture / "system"
    found = set()
    fleet = wheelhouse.ROOT / "build" / "image" / architecture / "fleet"
    for program in (tree / "bin" / "python", *(tree / "app").rglob("*.so"), *fleet.glob("*.so")):
        command = ["ldd", str(program)]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        found |= {Path(line.split()[0]).name for line in shown.splitlines()} - {"linux-vdso.so.1"}
    assert found
    assert {
        name for name in found if not (system / "usr" / "lib" / f"{architecture}-linux-gnu" / name).exists()
    } == set()
    listed = {component["name"] for component in bill_of(image)["components"]}
    packages = {"libgcc_s": "libgcc-s1", "libstdc++": "libstdc++6"}
    assert {packages.get(name.partition(".")[0], "libc6") for name in found} <= listed


# --- Where it comes from ---------------------------------------------------------------------------------------------

REVISION: Final = "0a" * 20


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A folder with artifacts."""
    for name in ("backuplink-1.0.tar.gz", "SHA256SUMS", "sub/more"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n", "utf-8")
    return tmp_path


def stated(folder: Path) -> dict[str, Any]:
    provenance.main("1.0", folder, DATE, REVISION)
    content: dict[str, Any] = json.loads((folder / "backuplink-1.0-provenance.json").read_text("utf-8"))
    return content


def test_the_statement_has_the_form_of_slsa_and_in_toto(released: Path) -> None:
    form = json.loads((Path(__file__).parent / "slsa_provenance.schema.json").read_text("utf-8"))
    jsonschema_rs.meta.validate(form)
    validator = jsonschema_rs.Draft202012Validator(form, validate_formats=True)
    statement = stated(released)
    validator.validate(statement)
    damages: tuple[dict[str, Any], ...] = (
        {"predicateType": "https://slsa.dev/provenance/v0.2"},
        {"subject": []},
        {"predicate": {}},
    )
    for damage in damages:
        assert not validator.is_valid({**statement, **damage})


def test_the_statement_is_about_every_file_and_names_what_was_taken(released: Path) -> None:
    statement = stated(released)
    assert [(subject["name"], subject["digest"]["sha256"]) for subject in statement["subject"]] == [
        (name, wheelhouse.digest(released / name)) for name in ("backuplink-1.0.tar.gz", "sub/more")
    ]
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {"version": "1.0", "revision": REVISION}
    source, *others = definition["resolvedDependencies"]
    assert source == {"name": "backuplink", "digest": {"gitCommit": REVISION}}
    taken = {entry["name"]: entry["digest"]["sha256"] for entry in others}
    for listed in (trust.SOURCES, trust.PACKAGES):
        for line in listed.read_text("utf-8").splitlines():
            checksum, _, place = line.partition("  ")
            if not line.startswith("#"):
                assert taken.pop(place) == checksum
    assert taken == {
        f"packaging/{name}": wheelhouse.digest(wheelhouse.ROOT / "packaging" / name)
        for name in ("requirements.txt", "requirements-fleet.txt", "requirements-build.txt")
    }


def test_the_statement_is_the_same_each_time_and_says_where_the_source_is_if_asked(
    released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stated(released)
    assert stated(released) == first
    monkeypatch.setenv("BACKUPLINK_REPOSITORY", "https://example.com/backuplink.git")
    source = stated(released)["predicate"]["buildDefinition"]["resolvedDependencies"][0]
    assert source["uri"] == "git+https://example.com/backuplink.git"


def test_a_tree_that_is_not_clean_has_no_statement(released: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stated(released)
    provenance.main("1.0", released, DATE, f"{REVISION}-dirty")
    assert not (released / "backuplink-1.0-provenance.json").exists()
    assert f"{REVISION}-dirty is not a commit, so there is none to state" in capsys.readouterr().err


def test_the_statement_in_dist_is_about_all_that_lies_there() -> None:
    sums = artifact_of("SHA256SUMS", "trust").read_text("utf-8").splitlines()
    file = artifact_of("backuplink-VERSION-provenance.json", "trust")
    subjects = {entry["name"]: entry["digest"]["sha256"] for entry in json.loads(file.read_text("utf-8"))["subject"]}
    assert {f"{checksum}  {name}" for name, checksum in subjects.items()} == {
        line for line in sums if not line.endswith(f"  {file.name}")
    }


# --- Again -----------------------------------------------------------------------------------------------------------


def test_bills_and_notice_are_made_again_to_the_byte(tmp_path: Path) -> None:
    for archive in archives():
        (tmp_path / archive.name).symlink_to(archive)
        date = int(datetime.fromisoformat(bill_of(archive)["metadata"]["timestamp"]).timestamp())
    trust.main(__version__, tmp_path, date)
    again = sorted(file for file in tmp_path.iterdir() if not file.is_symlink())
    assert len(again) == len(list(archives())) + 1
    for file in again:
        assert file.read_bytes() == (DIST / file.name).read_bytes(), file.name


def test_without_artifacts_it_says_what_to_build(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"has no archive of wheels of 1\.2; build them: packaging/build python"):
        trust.main("1.2", tmp_path, DATE)
