"""Make the package for AWS Systems Manager Distributor:

python packaging/tools/distributor.py VERSION DIST DATE

For each deb and rpm of VERSION in DIST, this writes a zip with the scripts that the agent of Systems Manager runs into
DIST/distributor. It also writes manifest.json, which tells the platforms of each zip. DATE is the date of all files in
the zips, in seconds since 1970.

Source: AWS Systems Manager User Guide, Create a package in Distributor (advanced); amazon-ssm-agent,
agent/plugins/configurepackage.
"""

import hashlib
import json
import shutil
import sys
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

SCRIPTS: Final = Path(__file__).parents[1] / "distributor"
PLATFORMS: Final = {
    "deb": ("debian", "ubuntu"),
    "rpm": ("almalinux", "amazon", "centos", "oracle", "redhat", "rocky", "suse"),
}
"""The names that the agent gives to platforms: mostly the ID in os-release."""
FILES: Final = {
    "deb": {"x86_64": "backuplink_{}_amd64.deb", "arm64": "backuplink_{}_arm64.deb"},
    "rpm": {"x86_64": "backuplink-{}-1.x86_64.rpm", "arm64": "backuplink-{}-1.aarch64.rpm"},
}
"""The package for each kind of processor, by the agent's name of the processor."""


def scripts(kind: str, package: str, version: str) -> Mapping[str, str]:
    """The scripts that the agent runs, by file name. An update installs over the version that is there."""
    texts = {name: (SCRIPTS / kind / f"{name}.sh").read_text("utf-8") for name in ("install", "uninstall")}
    texts["update"] = texts["install"]
    texts["validate"] = (SCRIPTS / "validate.sh").read_text("utf-8")
    return {
        f"{name}.sh": text.replace("@PACKAGE@", package).replace("@VERSION@", version) for name, text in texts.items()
    }


def pack(target: Path, package: Path, texts: Mapping[str, str], date: int) -> None:
    """Write the zip of one package. The package is not compressed again, since its content is compressed already."""
    when = datetime.fromtimestamp(date, UTC).timetuple()[:6]
    contents: dict[str, bytes] = {name: text.encode() for name, text in texts.items()}
    contents[package.name] = package.read_bytes()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, when)
            entry.create_system = 3  # Unix, on every system that builds
            entry.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
            archive.writestr(entry, content)


def manifest(version: str, zips: Mapping[tuple[str, str], Path]) -> dict[str, Any]:
    """The content of manifest.json. `zips` has the zip for each kind of package and kind of processor."""
    packages: dict[str, Any] = {}
    for (kind, architecture), file in zips.items():
        for platform in PLATFORMS[kind]:
            packages.setdefault(platform, {"_any": {}})["_any"][architecture] = {"file": file.name}
    files = {
        file.name: {
            "checksums": {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
            "size": file.stat().st_size,
        }
        for file in zips.values()
    }
    return {
        "schemaVersion": "2.0",
        "publisher": "backuplink",
        "description": "Finds out why AWS Backup cannot be reached over AWS PrivateLink",
        "version": version,
        "packages": packages,
        "files": files,
    }


def main(version: str, dist: Path, date: int) -> None:
    """Write the folder from scratch. Exits with one line if there is no package to put into it."""
    target = dist / "distributor"
    shutil.rmtree(target, ignore_errors=True)
    zips = {}
    for kind, names in FILES.items():
        for architecture, name in names.items():
            package = dist / name.format(version)
            if package.exists():
                target.mkdir(exist_ok=True)
                zips[kind, architecture] = file = target / f"backuplink-{version}-{kind}-{architecture}.zip"
                pack(file, package, scripts(kind, package.name, version), date)
    if not zips:
        sys.exit(f"distributor: {dist} has no deb or rpm of {version}; build them: packaging/build packages")
    text = json.dumps(manifest(version, zips), indent=2, sort_keys=True)
    (target / "manifest.json").write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
