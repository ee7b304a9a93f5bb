"""The list of packages, and what is said of one that is not here."""

import subprocess

import pytest

from tests.peers import software
from tests.peers.software import MissingError, Software
from tests.support.repository import ROOT


def test_the_list_has_each_package_once_in_order() -> None:
    lines = [line.split(maxsplit=2) for line in software.FILE.read_text("ascii").splitlines() if line[0] != "#"]
    assert [line[0] for line in lines] == list(software.listed())
    assert all(len(line) == 3 for line in lines)


@pytest.mark.parametrize("program", ["no-such-program", "lib/no-such-folder/program"])
def test_missing_software_names_its_package_and_what_fetches_it(program: str) -> None:
    row = Software(package="some-package", program=program, title="Some Software")
    for asked in (row.path, row.version):
        with pytest.raises(MissingError, match=r"no Some Software here .*package some-package.*tests/peers/install"):
            asked()


def test_a_program_of_the_system_is_found_without_being_fetched() -> None:
    assert Software(package="dash", program="sh", title="a shell").path().endswith("/sh")
    assert Software(package="base", program="bin/env", title="env").path() == "/usr/bin/env"


def test_the_installer_is_plain_sh() -> None:
    subprocess.run(["/bin/sh", "-n", str(ROOT / "tests" / "peers" / "install")], check=True, timeout=60)
