"""Checksums, bills of materials and licences: that they hold every part, refuse what must not go out, and are the same
bytes each time.

What speaks of artifacts needs them and `packaging/build trust`; `packaging/test trust` requires it.
"""

import hashlib
import json
import sysconfig
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.utils import canonicalize_name

import components
import lock
import notice
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
    """A wheel that pip would take, with these lines of metadata and these files in its .dist-info."""
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
    """A lock of just these files."""
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
    """What is read of a wheel `some` beside backuplink's."""
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
        pytest.param(MIT, {}, "some 1.0 brings no licence file", id="no file"),
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
"""


def test_what_is_compiled_comes_from_the_lock_of_sources(tmp_path: Path) -> None:
    for name in ("python", "zlib"):
        (tmp_path / name).write_text(f"licence of {name}\n", "utf-8")
    python, zlib = components.compiled(SOURCES, tmp_path)
    assert (zlib.name, zlib.version, zlib.licence) == ("zlib", "1.3.1", "Zlib")
    assert zlib.purl.to_string() == "pkg:deb/debian/zlib@1:1.3.dfsg%2Breally1.3.1-1?arch=source"
    assert [(file.name, file.sha256) for file in zlib.files] == [
        ("zlib_1.3.dfsg+really1.3.1-1.dsc", "1" * 64),
        ("zlib_1.3.dfsg+really1.3.1.orig.tar.gz", "2" * 64),
    ]
    assert (python.version, python.texts) == ("3.13.5", {"LICENSE": "licence of python\n"})
    assert "zlib" in python.needs
    assert trust.python_of((python, zlib)) == "3.13"


def test_what_is_compiled_without_a_licence_is_refused(tmp_path: Path) -> None:
    (tmp_path / "zlib").write_text("words\n", "utf-8")
    with pytest.raises(components.UnfitError, match=r"python3\.13: its licence should be in .*; build it"):
        components.compiled(SOURCES, tmp_path)
    with pytest.raises(components.UnfitError, match=r"bzip2: which licence it has is not known"):
        components.compiled(SOURCES.replace("/zlib_", "/bzip2_"), tmp_path)


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


@pytest.mark.parametrize("damage", [{"bomFormat": "other"}, {"unknown": 1}, {"serialNumber": "none"}], ids=str)
def test_what_the_schema_does_not_take_is_refused(
    damage: Mapping[str, object], parts: tuple[components.Part, ...], artifact: Path
) -> None:
    bill = json.loads(sbom.text(artifact, parts, version="1.0", date=DATE))
    sbom.check(json.dumps(bill))
    with pytest.raises(ValueError, match="no bill of materials"):
        sbom.check(json.dumps({**bill, **damage}))


# --- What dist/ has --------------------------------------------------------------------------------------------------


def archives() -> Iterator[Path]:
    """What in dist/ has a bill: archives of wheels, and each one file that was built."""
    for architecture in ("x86_64", "aarch64"):
        yield artifact_of(f"backuplink-VERSION-wheelhouse-linux-{architecture}.tar.gz", "python")
    yield from sorted(DIST.glob(f"backuplink-{__version__}-linux-*.run"))


def bill_of(archive: Path) -> Mapping[str, Any]:
    name = archive.name.removesuffix(".tar.gz").removesuffix(".run")
    text = artifact_of(f"{name}.cdx.json", "trust").read_text("utf-8")
    sbom.check(text)
    bill: Mapping[str, Any] = json.loads(text)
    return bill


def test_checksums_are_right_and_of_everything() -> None:
    lines = artifact_of("SHA256SUMS", "trust").read_text("utf-8").splitlines()
    sums = {name: checksum for checksum, _, name in (line.partition("  ") for line in lines)}
    assert sums == {
        str(file.relative_to(DIST)): wheelhouse.digest(file)
        for file in DIST.rglob("*")
        if file.is_file() and file.name != "SHA256SUMS"
    }
    assert list(sums) == sorted(sums)


def test_bills_hold_all_that_is_locked_and_all_is_needed() -> None:
    for archive in archives():
        bill = bill_of(archive)
        assert bill["metadata"]["component"]["hashes"][0]["content"] == wheelhouse.digest(archive)
        names = {component["name"]: component for component in bill["components"]}
        pythons = ("3.13",) if archive.suffix == ".run" else wheelhouse.PYTHONS
        wanted = {
            entry.name
            for entry in lock.read(wheelhouse.LOCK)
            for python in pythons
            if entry.wanted_in(wheelhouse.environment(python, "x86_64"))
        }
        compiled = components.COMPILED if archive.suffix == ".run" else {}
        assert names.keys() == wanted | {"backuplink"} | compiled.keys()
        edges = {dependency["ref"]: dependency.get("dependsOn", []) for dependency in bill["dependencies"]}
        reached, ahead = set(), [archive.name]
        while ahead:
            reference = ahead.pop()
            if reference not in reached:
                reached.add(reference)
                ahead += edges[reference]
        assert reached == {archive.name, *(component["bom-ref"] for component in bill["components"])}
        assert any(component["name"] == "openssl" for component in names["cryptography"]["components"])


def test_the_one_file_holds_what_its_bill_says() -> None:
    files = sorted(DIST.glob(f"backuplink-{__version__}-linux-*.run"))
    if not files:
        lacking("dist/ holds no one file; run packaging/build onefile trust")
    for file in files:
        architecture = file.stem.rpartition("-")[2]
        app = wheelhouse.ROOT / "build" / "onefile" / architecture / "tree" / "app"
        inside = [components.distribution(path, LINUX, frozenset()) for path in app.glob("*.dist-info")]
        listed = {
            (component["name"], component["version"])
            for component in bill_of(file)["components"]
            if ":pypi/" in component["purl"]
        }
        assert {(component.name, component.version) for component in inside} == listed


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
