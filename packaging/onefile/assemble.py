"""Assemble the tree from the compiled and installed parts, and pack it into the one file.

The Python of the one file runs this and compiles and compresses the files, so that the same parts give the same bytes
on any machine. Parts are taken completely, except for the names below; modules are not listed.
"""

import argparse
import compileall
import gzip
import hashlib
import io
import re
import shutil
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

HERE: Final = Path(__file__).parent

NOT_OF_THE_LIBRARY: Final = (
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "turtle.py",
    "ensurepip",
    "pydoc_data",
    "__phello__",
    "site-packages",
)
"""Parts of the standard library that are left out: they test or teach it, draw windows, or install packages."""
NOT_OF_PACKAGES: Final = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "test", "tests")
"""Files of installed distributions that are left out. They are tests, or are only valid in another folder."""
OWN_MODEL: Final = "ec2"
"""The service of which only the endpoint rules are kept, since the program has its own model of the service."""
READ_SERVICES: Final = (OWN_MODEL, "organizations", "route53", "route53profiles", "route53resolver")
"""The services from which the program reads the configuration, and the accounts of an organization."""
CREDENTIAL_SERVICES: Final = ("signin", "sso", "sso-oidc", "sts")
"""The services from which the SDK's chain gets credentials. Only the newest version of each is kept, without examples.
The signed calls of the catalogue need no data, since the program makes their bytes itself."""
FLEET_SERVICES: Final = ("s3", "ssm")
"""The services that are used to read, put and request the records of a fleet."""
MACHINES: Final = {
    "x86_64": ("x86_64 | amd64", "/lib64/ld-linux-x86-64.so.2"),
    "aarch64": ("aarch64 | arm64", "/lib/ld-linux-aarch64.so.1"),
}
"""For each kind of processor: a shell pattern for its names in the output of uname, and the dynamic loader of the GNU C
library."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", required=True, choices=sorted(MACHINES))
    parser.add_argument("--date", required=True, type=int, help="of every file, in seconds since 1970")
    for folder in ("parts", "libraries", "project", "tree", "output"):
        parser.add_argument(f"--{folder}", required=True, type=Path)
    given = parser.parse_args()
    version = version_of(given.project)
    make_tree(given.tree, parts=given.parts, libraries=given.libraries, project=given.project)
    archive, files = packed(given.tree, date=given.date)
    output = given.output / f"backuplink-{version}-linux-{given.arch}.run"
    partial = output.with_suffix(".partial")
    partial.write_bytes(head(archive, files=files, version=version, arch=given.arch) + archive)
    partial.chmod(0o755)
    partial.replace(output)
    megabytes = output.stat().st_size / 1e6
    sys.stderr.write(f"onefile: {output} ({megabytes:.1f} MB, {files} files)\n")


def version_of(project: Path) -> str:
    match = re.search(r'^__version__ = "([^"]+)"$', (project / "agent/version.py").read_text("utf-8"), re.MULTILINE)
    if match is None:
        sys.exit('agent/version.py has no line that reads __version__ = "…"')
    return match[1]


# --- The tree --------------------------------------------------------------------------------------------------------


def make_tree(tree: Path, *, parts: Path, libraries: Path, project: Path) -> None:
    """Make `tree` from scratch: bin, lib with the standard library, app with the project and its libraries, and
    licences."""
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "bin").mkdir(parents=True)
    shutil.copyfile(parts / "python/bin/python", tree / "bin/python")
    shutil.copyfile(HERE / "launcher.sh", tree / "bin/backuplink")
    shutil.copytree(parts / "python/lib", tree / "lib", ignore=without(*NOT_OF_THE_LIBRARY))
    app = tree / "app"
    shutil.copytree(libraries, app, ignore=without(*NOT_OF_PACKAGES))
    shutil.rmtree(app / "bin", ignore_errors=True)  # commands of libraries; they start the Python of the build machine
    prune_services(app / "botocore/data")
    for unused in ("data", "examples"):  # parts of boto3 that the program does not use
        shutil.rmtree(app / "boto3" / unused)
    for package in ("agent", "probes"):
        shutil.copytree(project / package, app / package, ignore=without())
    (app / "__main__.py").write_text("from agent.cli.entry import main\n\nmain()\n", "utf-8")
    licences = tree / "licences"
    licences.mkdir()
    shutil.copyfile(project / "LICENSE", licences / "backuplink")
    for licence in sorted(parts.glob("*/LICENSE")):
        shutil.copyfile(licence, licences / licence.parent.name)
    shutil.copytree(parts / "python/inside", licences / "inside-python")
    for script in sorted(tree.rglob("*.py")):
        unscript(script)
    # Compiled files contain unchecked hashes: with dates, whoever unpacks the tree would have to keep the dates, and no
    # source in it changes.
    mode = PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(tree, quiet=1, force=True, invalidation_mode=mode, stripdir=str(tree), workers=1):
        sys.exit("a module cannot be compiled; see the lines above")


def without(*names: str) -> Callable[[str, list[str]], set[str]]:
    """A function for copytree that leaves out these names, and files that Python or an editor left beside the
    sources."""
    return shutil.ignore_patterns("__pycache__", "*.pyc", ".*", *names)


def prune_services(data: Path) -> None:
    """Remove botocore's data of more than four hundred services, except what CREDENTIAL_SERVICES, FLEET_SERVICES and
    READ_SERVICES need."""
    asked = (*CREDENTIAL_SERVICES, *FLEET_SERVICES, *READ_SERVICES)
    for folder in [entry for entry in data.iterdir() if entry.is_dir()]:
        if folder.name not in asked:
            shutil.rmtree(folder)
    for service in asked:
        *older, newest = sorted(entry for entry in (data / service).iterdir() if entry.is_dir())
        for folder in older:
            shutil.rmtree(folder)
        for file in newest.iterdir():
            is_model = not file.name.startswith("endpoint-rule-set-")
            if file.name.startswith("examples-") or (service == OWN_MODEL and is_model):
                file.unlink()


def unscript(module: Path) -> None:
    """Turn a first line with `#!` into a comment, so that no other Python starts the module as a program. Line numbers
    stay the same."""
    text = module.read_bytes()
    if text.startswith(b"#!"):
        module.write_bytes(b"#" + text[text.index(b"\n") :])


# --- The one file ----------------------------------------------------------------------------------------------------


def packed(tree: Path, *, date: int) -> tuple[bytes, int]:
    """The tree as a compressed tar archive, and the number of files in it. The same content gives the same bytes."""
    files = 0
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(tree.rglob("*")):
            entry = archive.gettarinfo(path, path.relative_to(tree).as_posix())
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = date
            entry.mode = 0o755 if path.is_dir() or path.parent == tree / "bin" else 0o644
            path.chmod(entry.mode)
            if path.is_dir():
                archive.addfile(entry)
            elif entry.isreg():
                files += 1
                with path.open("rb") as content:
                    archive.addfile(entry, content)
            else:
                sys.exit(f"{path} is neither a file nor a directory")
    return gzip.compress(plain.getvalue(), compresslevel=9, mtime=0), files


def head(archive: bytes, *, files: int, version: str, arch: str) -> bytes:
    """The script before the archive. It contains the position at which the archive begins, which depends on the length
    of the script itself."""
    machines, loader = MACHINES[arch]
    checksum = hashlib.sha256(archive).hexdigest()
    known = {
        "VERSION": version,
        "ARCH": arch,
        "MACHINES": machines,
        "LOADER": loader,
        "FILES": files,
        "SUM": checksum,
        "KEY": checksum[:16],
    }
    template = (HERE / "head.sh").read_text("utf-8")
    offset = 0
    while len(text := filled(template, {**known, "OFFSET": offset + 1}).encode()) != offset:
        offset = len(text)
    return text


def filled(template: str, known: Mapping[str, object]) -> str:
    """The text with every @NAME@ replaced. Raises KeyError for an unknown name."""
    return re.sub("@([A-Z]+)@", lambda match: str(known[match[1]]), template)


if __name__ == "__main__":
    main()
