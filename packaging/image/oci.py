"""Assemble the container image: one archive in the OCI image layout, with an image for each kind of processor.

The Python of the one file runs this, so that the compression, and therefore every byte, is the same on any machine.
Neither a daemon nor a container program is needed. Source: OCI Image Format Specification 1.1.
"""

import argparse
import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
MACHINES: Final = {
    "x86_64": ("amd64", "lib64/ld-linux-x86-64.so.2", "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
    "aarch64": ("arm64", "lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu/ld-linux-aarch64.so.1"),
}
"""For each kind of processor: its name in OCI, the path of the dynamic loader below /usr, and the file to which that
path leads."""
LIBRARIES: Final = tuple(
    f"lib{name}" for name in ("c.so.6", "m.so.6", "dl.so.2", "pthread.so.0", "rt.so.1", "util.so.1", "gcc_s.so.1")
)
"""The libraries that the programs of the one file load from a host, besides the loader
(tests/packaging/test_onefile.py)."""
OF_FLEET: Final = "libstdc++.so.6"
"""A library that DuckDB needs in addition."""
NOBODY: Final = 65534
"""The number of the user `nobody` and of its group in Debian and other distributions."""
PROGRAM: Final = "usr/lib/backuplink"
COMMAND: Final = f"""\
#!/{PROGRAM}/bin/python -ISB
import sys

sys.path[0:0] = ["/{PROGRAM}/app"]
from agent.cli.entry import main

main()
"""
"""The command in the image. It replaces the one file's launcher, which needs a shell."""
FILES: Final = {
    "etc/passwd": f"root:x:0:0:root:/:/nonexistent\nnobody:x:{NOBODY}:{NOBODY}:nobody:/nonexistent:/nonexistent\n",
    "etc/group": f"root:x:0:\nnogroup:x:{NOBODY}:\n",
    # The content is that of a Debian without further packages; the code for files and dns is inside the C library.
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
}
TEXTS: Final = ("GPL-2", "GPL-3", "LGPL-2.1", "MPL-2.0")
"""The licences to which the licence files of the packages refer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or a symbolic link in a layer, or a folder if both fields are None."""

    content: bytes | None = None
    link: str | None = None
    mode: int = 0o644


Entries = dict[str, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The parts from which the image for one kind of processor is made."""

    tree: Path
    """The folder to which the one file unpacks."""
    system: Path
    """The folder with Debian's packages of packages.lock, unpacked. The control file of each package is DEBIAN/NAME."""
    fleet: Path
    """The folder with DuckDB's wheel, unpacked and compiled. The one file does not contain DuckDB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The data about a release that is in every image."""

    version: str
    revision: str
    """The commit, in hexadecimal."""
    date: int
    """The date of every file, in seconds since 1970."""

    @property
    def created(self) -> str:
        """The date in the form of RFC 3339."""
        return datetime.fromtimestamp(self.date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def labels(self) -> dict[str, str]:
        """The labels, by the keys that OCI defines (annotations.md)."""
        said = {
            "created": self.created,
            "description": "Diagnoses the private path from an EC2 instance to AWS Backup and Backup gateway",
            "licenses": "Apache-2.0",
            "revision": self.revision,
            "title": "backuplink",
            "vendor": "backuplink",
            "version": self.version,
        }
        return {f"org.opencontainers.image.{key}": value for key, value in said.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--date", required=True, type=int, help="of every file, in seconds since 1970")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("source", nargs="+", help="ARCHITECTURE=TREE:SYSTEM:FLEET")
    given = parser.parse_args()
    sources = {}
    for text in given.source:
        architecture, _, folders = text.partition("=")
        tree, system, fleet = map(Path, folders.split(":"))
        sources[architecture] = Source(tree=tree, system=system, fleet=fleet)
    release = Release(version=given.version, revision=given.revision, date=given.date)
    partial = given.output.with_suffix(".partial")
    partial.write_bytes(archive(sources, release))
    partial.replace(given.output)
    sys.stderr.write(f"image: {given.output} ({given.output.stat().st_size / 1e6:.1f} MB, for {', '.join(sources)})\n")


# --- The layers ---------------------------------------------------------------------------------------------------


def system_layer(architecture: str, system: Path) -> Entries:
    """The dynamic loader, the C library and the root certificates, with the files that show their packages and
    licences."""
    _, loader, target = MACHINES[architecture]
    folder = f"usr/lib/{architecture}-linux-gnu"
    entries = {name: Entry(content=text.encode()) for name, text in FILES.items()}
    entries |= {"lib": Entry(link="usr/lib"), f"usr/{loader}": Entry(link=target)}
    if loader.startswith("lib64/"):
        entries["lib64"] = Entry(link="usr/lib64")
    for name in (Path(loader).name, *LIBRARIES, OF_FLEET):
        content = (system / folder / name).read_bytes()
        entries[f"{folder}/{name}"] = Entry(content=content, mode=0o755 if name == Path(loader).name else 0o644)
    roots = sorted((system / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    bundle = "".join(f"{root.read_text('ascii').strip()}\n" for root in roots)
    entries["etc/ssl/certs/ca-certificates.crt"] = Entry(content=bundle.encode())
    entries["etc/os-release"] = Entry(content=(system / "usr/lib/os-release").read_bytes())
    # Scanners look here for the packages in an image without a package manager.
    for control in sorted((system / "DEBIAN").iterdir()):
        entries[f"var/lib/dpkg/status.d/{control.name}"] = Entry(content=control.read_bytes())
        name = f"usr/share/doc/{control.name}/copyright"
        entries[name] = Entry(content=(system / name).read_bytes())
    for text in TEXTS:
        name = f"usr/share/common-licenses/{text}"
        entries[name] = Entry(content=(system / name).read_bytes())
    for name in ("dev", "proc", "sys", "run"):  # mount points must exist, since the root may be read-only
        entries[name] = Entry(mode=0o755)
    entries["tmp"] = Entry(mode=0o1777)
    return entries


def fleet_layer(folder: Path) -> Entries:
    """DuckDB, below the program's own modules, without the files that only developers need."""
    entries = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name.startswith(("duckdb", "_duckdb.")) and path.suffix != ".pyi":
            entries[f"{PROGRAM}/app/{name}"] = Entry(content=path.read_bytes())
    return entries


def program_layer(tree: Path) -> Entries:
    """The program below /usr/lib, and the command."""
    entries = {"usr/bin/backuplink": Entry(content=COMMAND.encode(), mode=0o755)}
    for path in tree.rglob("*"):
        name = path.relative_to(tree).as_posix()
        if path.is_file() and name != "bin/backuplink":
            mode = 0o755 if path.parent == tree / "bin" else 0o644
            entries[f"{PROGRAM}/{name}"] = Entry(content=path.read_bytes(), mode=mode)
    return entries


# --- The archive -----------------------------------------------------------------------------------------------------


def tar(entries: Mapping[str, Entry], date: int) -> bytes:
    """A tar archive of the entries and of the folders above them, sorted by name. Everything belongs to root."""
    every = {str(folder): Entry(mode=0o755) for name in entries for folder in Path(name).parents if folder.name}
    every |= entries
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as opened:
        for name in sorted(every):
            entry = every[name]
            member = tarfile.TarInfo(name)
            member.mtime = date
            member.mode = entry.mode
            if entry.link is not None:
                member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.link, 0o777
            elif entry.content is None:
                member.type = tarfile.DIRTYPE
            else:
                member.size = len(entry.content)
            opened.addfile(member, io.BytesIO(entry.content or b""))
    return written.getvalue()


class Blobs:
    """The content of a layout, by digest."""

    def __init__(self) -> None:
        self.by_name: Entries = {}

    def add(self, media_type: str, content: bytes, **more: Any) -> dict[str, Any]:
        """Add a content. Returns its descriptor, with the further keys `more`."""
        digest = hashlib.sha256(content).hexdigest()
        self.by_name[f"blobs/sha256/{digest}"] = Entry(content=content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content), **more}

    def add_json(self, media_type: str, content: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Add a document as JSON. Returns its descriptor, with the further keys `more`."""
        return self.add(media_type, document(content), **more)


def document(content: Mapping[str, Any]) -> bytes:
    """A JSON document as bytes, which are the same for the same content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def archive(sources: Mapping[str, Source], release: Release) -> bytes:
    """The whole layout as a tar archive. Its only name is the version. The name leads to an index of the images for all
    processors, from which a reader chooses the image for its own processor."""
    blobs = Blobs()
    images = [image(architecture, source, release, blobs) for architecture, source in sources.items()]
    shared = {"schemaVersion": 2, "mediaType": INDEX}
    index = blobs.add_json(
        INDEX,
        {**shared, "manifests": images, "annotations": release.labels},
        annotations={"org.opencontainers.image.ref.name": release.version},
    )
    files = {
        "oci-layout": Entry(content=document({"imageLayoutVersion": "1.0.0"})),
        "index.json": Entry(content=document({**shared, "manifests": [index]})),
        **blobs.by_name,
    }
    return tar(files, release.date)


def image(architecture: str, source: Source, release: Release, blobs: Blobs) -> dict[str, Any]:
    """Add the image for one kind of processor. Returns the descriptor of its manifest."""
    platform = {"architecture": MACHINES[architecture][0], "os": "linux"}
    made_of = (
        (
            "the dynamic loader, the C library and the roots of certificates of Debian",
            system_layer(architecture, source.system),
        ),
        ("DuckDB, which joins fleets", fleet_layer(source.fleet)),
        ("backuplink", program_layer(source.tree)),
    )
    layers, plain_digests, history = [], [], []
    for words, entries in made_of:
        plain = tar(entries, release.date)
        layers.append(blobs.add(LAYER, gzip.compress(plain, compresslevel=9, mtime=0)))
        plain_digests.append(f"sha256:{hashlib.sha256(plain).hexdigest()}")
        history.append({"created": release.created, "created_by": "packaging/image/build", "comment": words})
    config = {
        **platform,
        "created": release.created,
        "config": {
            "User": f"{NOBODY}:{NOBODY}",
            "WorkingDir": "/",
            "Entrypoint": ["/usr/bin/backuplink"],
            # Runtimes mount a folder in memory here, even if the root is read-only.
            "Env": ["PATH=/usr/bin", "TMPDIR=/dev/shm"],
            "Labels": release.labels,
            "StopSignal": "SIGTERM",
        },
        "rootfs": {"type": "layers", "diff_ids": plain_digests},
        "history": history,
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blobs.add_json(CONFIG, config),
        "layers": layers,
        "annotations": release.labels,
    }
    return blobs.add_json(MANIFEST, manifest, platform=platform)


if __name__ == "__main__":
    main()
