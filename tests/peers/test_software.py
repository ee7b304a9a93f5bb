"""The list of packages, and the message for a package that is missing."""

import subprocess

import pytest

from tests.peers import software
from tests.peers.software import MissingError, Software
from tests.support.repository import ROOT


def test_the_list_has_each_package_once_in_order() -> None:
    lines = [line.split(maxsplit=2) for line in software.FILE.read_text("ascii").splitlines() if line[0] != "#"]
    assert [line[0] for line in lines] == list(software.listed())
    assert all(len(line) == 3 for line in lines)


@pytest.mark.parametrize(
    ("package", "program", "named"),
    [
        ("some-package", "no-such-program", "Debian: package some-package"),
        ("some-package", "lib/no-such-folder/program", "Debian: package some-package"),
        ("pypi:some-package", "lib/some-package/bin/program", "PyPI: some-package"),
        ("npm:some-package", "lib/some-package/node_modules/.bin/program", "npm: some-package"),
    ],
)
def test_missing_software_names_its_package_and_what_fetches_it(package: str, program: str, named: str) -> None:
    row = Software(package=package, program=program, title="Some Software")
    for asked in (row.path, row.version):
        with pytest.raises(MissingError, match=rf"no Some Software here \({named}\).*tests/peers/install"):
            asked()


def test_a_program_of_the_system_is_found_without_being_fetched() -> None:
    assert Software(package="dash", program="sh", title="a shell").path().endswith("/sh")
    assert Software(package="base", program="bin/env", title="env").path() == "/usr/bin/env"


def test_the_installer_is_plain_sh() -> None:
    subprocess.run(["/bin/sh", "-n", str(ROOT / "tests" / "peers" / "install")], check=True, timeout=60)
