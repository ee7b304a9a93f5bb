"""The page of a finding, which `explain` shows at once and offline, for a person at a terminal and for a program."""

import html
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from agent.catalog import runbooks
from agent.catalog.findings import CODES
from agent.cli import entry
from agent.cli import main as cli
from agent.formats import explain
from agent.process import signals
from tests.support.command import SECONDS
from tests.support.extent import one_in
from tests.support.repository import ROOT

HEADINGS: Final = ("What we saw", "What it means", "Likely causes", "Fix", "Confirm", "References")
WIDTH: Final = 80
HEAVY: Final = (
    *("click", "asyncio", "dataclasses", "json", "socket", "ssl", "logging", "concurrent", "botocore", "boto3", "dns"),
    *(
        "h11",
        "cryptography",
        "tomllib",
        "inspect",
        "agent.cli.main",
        "agent.catalog.findings",
        "agent.report.model",
        "agent.cli.options",
        "probes",
    ),
)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restore the signals after the test."""
    before = {number: signal.getsignal(number) for number in signals.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def written(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The output of the command, which must succeed."""
    assert entry.run(["explain", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def blocks(page: str) -> list[list[str]]:
    """The lines between fences."""
    return [word.split("\n")[1:-1] for word in page.split("```")[1::2]]


# --- Text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_the_page_of_every_code_is_text_for_a_terminal(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = runbooks.page(code)
    output = written(code, capsys=capsys)
    lines = output.splitlines()
    assert output.isascii()
    assert output.replace("\n", "").isprintable()
    assert "```" not in output
    assert lines[0] == f"{code} {CODES[code].name}"
    assert lines[2] == CODES[code].title
    assert [line for line in lines if line in {heading.upper() for heading in HEADINGS}] == [
        heading.upper() for heading in HEADINGS
    ]
    assert not [line for line in lines if line.startswith("#")]
    assert max(map(len, lines)) <= max(WIDTH, *map(len, page.splitlines()))
    legends = [line for line in lines if line.startswith("- <")]
    assert [line.split(">")[0] + ">" for line in legends] == [
        f"- {name}" for name in (runbooks.DNS_SUFFIX, runbooks.DUAL_STACK_SUFFIX) if name in page
    ]
    blank = 1 if legends else 0
    assert len(lines) == len([line for line in page.splitlines() if not line.startswith("```")]) + blank + len(legends)
    assert 'Not the cause? Send an archive: `backuplink bundle --wrong "what is true"`' in lines[-4:]
    assert output.endswith("\n")
    assert not output.endswith("\n\n")


@pytest.mark.parametrize("code", CODES)
def test_commands_are_indented_where_the_terminal_has_room(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = written(code, capsys=capsys).splitlines()
    code_blocks = blocks(runbooks.page(code))
    assert code_blocks
    for block in code_blocks:
        indented = [f"  {line}".rstrip() for line in block]
        widest = max(map(len, block))
        expected = block if widest in (WIDTH - 1, WIDTH) else indented
        assert any(lines[place : place + len(block)] == expected for place in range(len(lines))), block


@pytest.mark.parametrize(("widest", "indent"), [(1, "  "), (78, "  "), (79, ""), (80, ""), (81, "  "), (200, "  ")])
def test_a_command_that_fits_is_not_pushed_over_the_edge(widest: int, indent: str) -> None:
    output = explain.as_text(f"text\n\n```sh\n{'x' * widest}\n\n  y\n```\n\n```\nz\n```\nend\n")
    assert output == f"text\n\n{indent}{'x' * widest}\n\n{indent}  y\n\n  z\nend\n"


def test_a_comment_in_a_command_is_no_heading() -> None:
    assert explain.as_text("# A b\n## C d\n```sh\n# e\n## f\n```\n") == "A b\nC D\n  # e\n  ## f\n"
    assert explain.as_text("# A b\n## C d\n", bold=True) == "\x1b[1mA b\x1b[0m\n\x1b[1mC d\x1b[0m\n"


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("spelt", [str.lower, str.title], ids=["lower", "title"])
def test_a_code_is_known_however_it_is_spelt(code: str, spelt: type[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert written(str(spelt(code)), capsys=capsys) == written(code, capsys=capsys)


# --- Markdown and pages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", one_in(4, list(CODES)))
@pytest.mark.parametrize("wanted", ["markdown", "html"])
def test_the_page_of_a_code_has_every_word_of_its_text(
    code: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = written(code, "--format", wanted, capsys=capsys)
    if wanted == "html":  # in Markdown, a command may have `</dev/null`
        out = re.sub(r"<(style|title)>.*?</\1>|</?[a-z][^>]*>", " ", out, flags=re.DOTALL)
    shown = html.unescape(out)
    assert _words(written(code, capsys=capsys)) - _words(shown) == set()
    assert [heading for heading in HEADINGS if heading in shown] == list(HEADINGS)


def _words(text: str) -> set[str]:
    """The words of a text, without the numbers of list items and without markup."""
    words = re.sub(r"[\\`]", "", text).split()
    return {word.strip(".,:;()*-#").upper() for word in words if not re.fullmatch(r"\d+\.", word)}


@pytest.mark.parametrize("wanted", ["markdown", "html"])
def test_without_a_code_all_are_listed_for_people(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = written("--format", wanted, capsys=capsys)
    assert [code for code in CODES if code not in out] == []


# --- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_the_page_of_every_code_is_json_for_a_program(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    output = written(code, "--format", "json", capsys=capsys)
    parsed = json.loads(output)
    known = CODES[code]
    assert output.isascii()
    assert list(parsed) == ["schema", "code", "name", "severity", "scope", "radius", "title", "sections", "documents"]
    assert parsed["schema"] == "backuplink.explain.v1"
    assert (parsed["code"], parsed["name"], parsed["title"]) == (code, known.name, known.title)
    assert (parsed["severity"], parsed["scope"], parsed["radius"]) == (known.severity, known.scope, known.radius)
    assert tuple(parsed["sections"]) == HEADINGS
    page = runbooks.page(code)
    for heading, body in parsed["sections"].items():
        assert body
        assert body == body.strip()
        assert f"## {heading}\n\n{body}\n" in page
    assert [(document["title"], document["url"]) for document in parsed["documents"]] == [
        (document.title, document.url) for document in known.documents
    ]
    assert written("--format=json", code.lower(), capsys=capsys) == output


def test_a_heading_in_a_command_parts_no_section_of_any_page() -> None:
    assert not [line for code in CODES for block in blocks(runbooks.page(code)) for line in block if line[:3] == "## "]


# --- All of them -----------------------------------------------------------------------------------------------------


def test_without_a_code_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    written_lines = written(capsys=capsys)
    assert max(map(len, written_lines.splitlines())) <= 80
    lines = written_lines.replace("\n" + " " * 19, " ").splitlines()  # a long title continues on the next line
    rows = [re.fullmatch(r"(\w+) +(critical|warning|info) +(.+)", line) for line in lines]
    assert [row and row[1] for row in rows] == list(CODES)
    for row, known in zip(rows, CODES.values(), strict=True):
        assert row is not None
        assert (row[2], row[3]) == (known.severity.value, known.title)
    assert len({line.index(known.title) for line, known in zip(lines, CODES.values(), strict=True)}) == 1


def test_without_a_code_all_are_listed_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    parsed = json.loads(written("--format=json", capsys=capsys))
    assert parsed["schema"] == "backuplink.explain.v1"
    assert [code["code"] for code in parsed["codes"]] == list(CODES)
    for code in parsed["codes"]:
        alone = json.loads(written(code["code"], "--format=json", capsys=capsys))
        assert code == {key: alone[key] for key in ("code", "name", "severity", "scope", "radius", "title")}


def test_every_code_says_how_far_its_cause_reaches(capsys: pytest.CaptureFixture[str]) -> None:
    codes = json.loads(written("--format=json", capsys=capsys))["codes"]
    radius = {code["code"]: code["radius"] for code in codes}
    assert set(radius) == set(CODES)
    assert set(radius.values()) == {"host", "subnet", "endpoint", "vpc", "account"}
    # Measurements of one host do not describe another host.
    assert {radius[code.code] for code in CODES.values() if code.of_this_host} == {"host"}
    # A code that needs a symptom describes a configuration that many hosts share. A fault of a single host cannot be
    # its cause.
    assert [code for code, reach in radius.items() if reach == "host" and CODES[code].needs_symptom] == []


def test_every_code_that_is_listed_has_a_page_and_every_page_a_code() -> None:
    assert {path.stem for path in (ROOT / "agent" / "runbooks").iterdir() if path.suffix == ".md"} == {*CODES}


@pytest.mark.parametrize("code", ["", "dns001", "README", "../codes", "DNS001.md", "DNS001\0", "x" * 5_000, "\udcff"])
def test_there_is_no_page_of_what_is_no_code(code: str) -> None:
    with pytest.raises(KeyError):
        runbooks.page(code)


# --- At once ---------------------------------------------------------------------------------------------------------

LOADED: Final = """
import sys
from agent.cli import entry
code = entry.run(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def loaded(*arguments: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """The result of a call, and the modules that it imported."""
    result = subprocess.run(
        [sys.executable, "-S", "-c", LOADED, *arguments],  # without `site`, whose hooks may import anything
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return result, set(result.stderr.split())


def test_a_page_needs_nothing_heavy() -> None:
    result, modules = loaded("explain", "DNS001")
    assert result.returncode == 0
    assert result.stdout == explain.as_text(runbooks.page("DNS001"))
    assert "agent.formats.explain" in modules
    assert not [name for name in HEAVY if name in modules]


def test_what_is_heavy_is_there_for_what_needs_it() -> None:
    result, modules = loaded("explain", "dns001")
    assert result.stdout == explain.as_text(runbooks.page("DNS001"))
    assert {"click", "agent.cli.main", "agent.catalog.findings"} <= modules
    assert not {"botocore", "boto3"} & modules


@pytest.mark.parametrize("code", CODES)
def test_the_first_lines_and_the_command_write_the_same(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["explain", code]) == 0
    first = capsys.readouterr()
    assert cli.dispatch(["explain", code], []) == 0
    assert capsys.readouterr() == first
    assert first.err == ""


@pytest.mark.parametrize("arguments", [("DNS001",), ("dns001",), ("DNS001", "--format=json"), ()], ids=" ".join)
def test_a_reader_that_has_ended_is_no_failure(arguments: Sequence[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "agent", "explain", *arguments],
            cwd=ROOT,
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
            check=False,
        )
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (0, b"")


# --- At a terminal ---------------------------------------------------------------------------------------------------


def at_terminal(*arguments: str, lines: int, folder: Path, **environment: str) -> tuple[int, str, str | None]:
    """The exit code, the output on a terminal with this many lines, and the input of the pager, or None if no pager was
    started.
    """
    got = folder / "paged"
    pager = folder / "pager"
    pager.write_text(f"#!/bin/sh\necho through the pager\nexec cat >'{got}'\n", "utf-8")
    pager.chmod(0o755)
    variables = {"PAGER": str(pager), "TERM": "xterm", "LINES": str(lines), "COLUMNS": "80", **environment}
    master, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "explain", *arguments],
        cwd=ROOT,
        env={**{name: value for name, value in os.environ.items() if name != "NO_COLOR"}, **variables},
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(terminal)
        shown = bytearray()
        try:
            while True:
                assert select.select([master], [], [], SECONDS)[0], "nothing more came, and no end"
                try:
                    piece = os.read(master, 4_096)
                except OSError:  # EIO: no process has the terminal open any more (pty(7))
                    break
                shown += piece
        finally:
            os.close(master)
        _, err = process.communicate(timeout=SECONDS)
        assert err == b""
    paged = got.read_text("utf-8") if got.exists() else None
    return process.returncode, shown.decode().replace("\r\n", "\n"), paged


PAGE: Final = explain.as_text(runbooks.page("DNS001"))
BOLD: Final = explain.as_text(runbooks.page("DNS001"), bold=True)
LINES: Final = PAGE.count("\n")


def test_a_page_that_fits_is_shown_as_it_is_with_bold_headings(tmp_path: Path) -> None:
    assert at_terminal("DNS001", lines=LINES + 1, folder=tmp_path) == (0, BOLD, None)
    assert "\x1b[1mLikely causes\x1b[0m\n" in BOLD


@pytest.mark.parametrize("code", ["DNS001", "dns001"])
def test_a_page_that_is_longer_than_the_screen_goes_through_the_pager(code: str, tmp_path: Path) -> None:
    exit_code, shown, paged = at_terminal(code, lines=LINES, folder=tmp_path)
    assert (exit_code, shown) == (0, "through the pager\n")
    assert paged is not None
    assert re.sub(r"\x1b\[\d*m", "", paged).rstrip("\n") == re.sub(r"\x1b\[\d*m", "", BOLD).rstrip("\n")


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_without_colours_gets_plain_text(variables: dict[str, str], tmp_path: Path) -> None:
    assert at_terminal("DNS001", lines=LINES + 1, folder=tmp_path, **variables) == (0, PAGE, None)
    _, _, paged = at_terminal("DNS001", lines=10, folder=tmp_path, **variables)
    assert paged is not None
    assert paged.rstrip("\n") == PAGE.rstrip("\n")


@pytest.mark.parametrize("arguments", [("DNS001", "--format=json"), ("--format=json",), ()], ids=" ".join)
def test_what_is_no_page_is_never_paged(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = written(*arguments, capsys=capsys)
    assert at_terminal(*arguments, lines=5, folder=tmp_path) == (0, expected, None)


def test_without_a_terminal_nothing_is_paged(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "agent", "explain", "dns001"],
        cwd=ROOT,
        env={**os.environ, "PAGER": "false", "LINES": "5", "TERM": "xterm"},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert (result.stdout.decode(), result.stderr, result.returncode) == (PAGE, b"", 0)
