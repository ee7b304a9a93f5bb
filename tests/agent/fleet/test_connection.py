"""DuckDB spills only to the folder that its caller chooses."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.fleet.connection import SPILLED, Connection, connect
from tests.support.repository import ROOT


def overflow(connection: Connection) -> None:
    """Run a statement that needs more memory than these tests allow."""
    connection.execute("CREATE TABLE t AS SELECT range AS a, md5(range::VARCHAR) AS b FROM range(1_000_000)")


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the test runs."""
    folder = tmp_path / "current"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_what_spills_is_in_the_folder_of_the_caller(tmp_path: Path, current: Path) -> None:
    with connect(tmp_path, memory_limit="20MB", threads=1) as connection:
        overflow(connection)
        assert any((tmp_path / SPILLED).iterdir())
        assert list(current.iterdir()) == []


def test_an_own_setting_cannot_name_another_folder(tmp_path: Path) -> None:
    with connect(tmp_path, temp_directory=".tmp") as connection:
        assert connection.execute("SELECT current_setting('temp_directory')").fetchall() == [(str(tmp_path / SPILLED),)]


def test_a_statement_that_takes_long_draws_no_bar(tmp_path: Path) -> None:
    with connect(tmp_path) as connection:
        assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]


def test_without_the_helper_duckdb_spills_into_the_current_folder(current: Path) -> None:
    """This is what the helper prevents."""
    script = (
        "import duckdb\n"
        "connection = duckdb.connect(config={'memory_limit': '20MB', 'threads': 1})\n"
        "connection.execute('SET enable_progress_bar = false')\n"
        "connection.execute('CREATE TABLE t AS SELECT range AS a, md5(range::VARCHAR) AS b FROM range(1_000_000)')\n"
        "import os\n"
        "print(os.listdir('.'))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=current, capture_output=True, text=True, check=True)
    assert done.stdout == "['.tmp']\n"


@pytest.mark.parametrize("statement", ["import duckdb", "from duckdb import connect", "from duckdb import sql"])
@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("agent/fleet/connection.py", True),
        ("agent/fleet/database.py", False),
        ("agent/fleet/pack.py", False),
        ("tests/agent/fleet/test_pack.py", False),
        ("packaging/generate/docs.py", False),
    ],
)
def test_lint_allows_no_other_module_to_import_duckdb(module: str, allowed: bool, statement: str) -> None:
    lint = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", module, "-"]
    done = subprocess.run(lint, cwd=ROOT, input=f"{statement}\n", capture_output=True, text=True, check=False)
    assert done.returncode == (0 if allowed else 1), done.stdout + done.stderr
    assert ("`duckdb` is banned" in done.stdout) is not allowed
