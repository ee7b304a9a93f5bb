"""The documents: one map lists them all, the targets of links exist, and the named programs accept the commands."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import click
import pytest

import manual
from agent.app.publish import REPORT
from agent.cli import main as cli
from agent.report import codec
from tests.packaging.artifacts import needed
from tests.support.aws_commands import complaint
from tests.support.command import SECONDS
from tests.support.repository import ROOT
from tests.support.runs import report_of

DOCS: Final = ROOT / "docs"
README: Final = ROOT / "README.md"
MAP: Final = DOCS / "README.md"
PAGES: Final = (
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ROOT / "packaging" / "ansible" / "collection" / "README.md",
    ROOT / "tests" / "live" / "README.md",
    *(page for page in sorted(DOCS.rglob("*.md"))),
)
PROGRAMS: Final = frozenset(
    "ansible-doc ansible-galaxy cd docker eval git gpg grep install jq kubectl python3 release_gpg sed sha256sum "
    "skopeo tail terraform".split()
)
"""Other programs and shell commands on the pages. The AWS CLI is not listed, since its commands are in the models."""
PLACEHOLDERS: Final = {
    ("--command-id", "COMMAND_ID"): "0a1b2c3d-4e5f-6789-0a1b-2c3d4e5f6789",
    ("--service", "NAME"): "backup",
    ("--show", "ID"): "1417",
    ("schema", "NAME"): "report",
}
"""Placeholders for values that must have a certain form, each with the word before it and with a valid value."""
CMDLETS: Final = {
    "Get-ChildItem": (),
    "Get-Content": ("-Tail",),
    "Get-DnsClientServerAddress": (),
    "Get-Service": (),
    "Resolve-DnsName": (),
    "Test-NetConnection": ("-Port",),
    "netsh": (),
    "w32tm": (),
}
"""The PowerShell commands on the pages, each with its parameters (PowerShell documentation)."""

each_page = pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])


def rows(page: Path) -> list[str]:
    """The rows of the map. Their links are relative to the root of the repository."""
    table = page.read_text("utf-8").partition("\n| you want to | read |\n")[2]
    lines = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("|-")]
    return [re.sub(r"\]\(([^)]+)\)", lambda match: f"]({from_root(page, match[1])})", line) for line in lines]


def from_root(page: Path, link: str) -> str:
    return (page.parent / link).resolve().relative_to(ROOT).as_posix()


# --- The map ---------------------------------------------------------------------------------------------------------


def test_readme_and_documents_have_the_same_map() -> None:
    assert len(rows(README)) > 8
    assert rows(README) == rows(MAP)


def test_every_document_is_on_the_map_once() -> None:
    on_it = [link for row in rows(MAP) for link in re.findall(r"\]\(([^)]+)\)", row)]
    pages = {page.relative_to(ROOT).as_posix() for page in DOCS.rglob("*.md")} - {"docs/README.md"}
    assert len(on_it) == len(set(on_it))
    assert set(on_it) == pages | {"SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"}


def test_pages_for_developers_are_in_one_row_and_one_folder() -> None:
    (row,) = (row for row in rows(MAP) if "docs/development/" in row)
    linked = set(re.findall(r"\]\(([^)]+)\)", row))
    folder = {page.relative_to(ROOT).as_posix() for page in (DOCS / "development").iterdir()}
    assert linked == folder | {"CONTRIBUTING.md"}


def test_the_readme_is_read_in_a_few_minutes() -> None:
    text = README.read_text("utf-8")
    prose = re.sub(r"\]\([^)]*\)", "]", re.sub(r"(?ms)^```.*?^```$", "", text)).replace("|", " ")
    assert len(text.splitlines()) <= 130
    assert len(prose.split()) <= 800


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "docs/acceptance.md"])
def test_the_limits_are_told_until_somebody_ran_it(page: str) -> None:
    """The pages state these limits until the repository has reports from AWS."""
    runs = [json.loads(file.read_text("utf-8"))["made_by"] for file in (ROOT / "tests" / "live").glob("*/run.json")]
    assert runs
    is_told = "No run against AWS is known yet" in " ".join((ROOT / page).read_text("utf-8").split())
    assert is_told is (set(runs) == {"simulation"})


def test_every_format_is_in_the_table_of_formats() -> None:
    table = (
        (DOCS / "formats.md").read_text("utf-8").partition("\n| format | contains | for |\n")[2].partition("\n\n")[0]
    )
    listed = [name for line in table.splitlines()[1:] for name in re.findall(r"`([a-z]+)`", line.split("|")[1])]
    assert sorted(listed) == sorted(REPORT.formats), "the table of docs/formats.md has other formats"


def test_every_key_of_a_report_is_in_its_table() -> None:
    table = (DOCS / "formats.md").read_text("utf-8").partition("\n| key | contains |\n")[2].partition("\n\n")[0]
    listed = [name for line in table.splitlines()[1:] for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])]
    assert listed == list(codec.schema()["properties"])


# --- Links -----------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors of the headings on a page, as GitHub creates them."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text("utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text("utf-8"))
    for link in re.findall(r"(?<!`)\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        name, _, part = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not part or part in anchors(target), link


def test_changes_on_pages_have_the_words_of_the_program() -> None:
    (finding,) = (each for each in report_of("one-zone-silent").findings if each.code == "TCP002")
    words = " ".join(" ".join(page.read_text("utf-8").split()) for page in PAGES)
    shown = re.findall(r"TCP002@backup \(critical\): ([^;]+);", words)
    assert len(shown) >= 4
    assert set(shown) == {finding.headline}


def test_every_picture_is_shown() -> None:
    shown = "".join(page.read_text("utf-8") for page in PAGES)
    assert [each.name for each in (DOCS / "screenshots").iterdir() if f"screenshots/{each.name})" not in shown] == []


# --- Commands --------------------------------------------------------------------------------------------------------


def scripts(page: Path) -> Iterator[str]:
    """The shell commands on a page: those in its code blocks, and those after the prompt in blocks that show output."""
    for language, block in re.findall(r"(?ms)^```(sh|console)\n(.*?)^```$", page.read_text("utf-8")):
        prompts = re.findall(r"^\$ (.*(?:\\\n.*)*)$", block, re.MULTILINE)
        yield block if language == "sh" else "\n".join([*prompts, ""])


def commands(script: str) -> Iterator[list[str]]:
    """The simple commands in a script, without assignments, redirections and comments."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(re.sub(r"<([A-Z_]+)>", r"\1", line), posix=True, punctuation_chars="();<>|&{}")
        lexer.whitespace_split = True
        words: list[str] = []
        tokens = iter(lexer)
        for token in tokens:
            if set(token) <= set("<>&") and set(token) & set("<>"):
                next(tokens, None)
            elif set(token) <= set("();|&{}"):
                yield words
                words = []
            elif words or re.fullmatch(r"\w+=.*|then|do|if|while|!", token, re.DOTALL) is None:
                words.append(token)
        yield words


def refusal(words: list[str], folder: Path) -> str | None:
    """Why the program of a command would refuse the command, or None if it would accept it."""
    match words:
        case []:
            return None
        case ["backuplink" | "/usr/bin/backuplink", *given]:
            return refused(given, folder)
        case ["./dev", "demo", *given]:
            return refused(["demo", *given], folder)
        case ["./dev", verb, *_]:
            return None if re.search(rf"^{verb}\)$", (ROOT / "dev").read_text("utf-8"), re.MULTILINE) else "no verb"
        case ["aws", *_]:
            return complaint(words)
        case [program, *_] if "/" in program:
            return None if (ROOT / program).is_file() else "no such file"
        case _:
            return None if words[0] in PROGRAMS else "a program that the pages do not name elsewhere"


def refused(given: list[str], folder: Path) -> str | None:
    if not given or given == ["--version"] or given == ["--help"] or given == ["--unpacked-to"]:
        return None
    name, command, rest = cli.main.resolve_command(manual.context_of(cli.main), given)
    assert command is not None
    (folder / "backuplink.toml").write_text('region = "eu-west-1"\n', "utf-8")
    rest = [PLACEHOLDERS.get(pair, pair[1]) for pair in pairwise([name or "", *rest])]
    rest = [str(folder / "backuplink.toml") if word.endswith("/backuplink.toml") else word for word in rest]
    try:
        command.make_context(name, rest, parent=manual.context_of(cli.main)).close()
    except click.ClickException as error:
        return error.format_message()
    return None


@each_page
def test_every_command_is_taken(page: Path, tmp_path: Path) -> None:
    for script in scripts(page):
        for words in commands(script):
            assert refusal(words, tmp_path) is None, (shlex.join(words), refusal(words, tmp_path))


@each_page
def test_every_command_in_a_sentence_is_taken(page: Path, tmp_path: Path) -> None:
    """A sentence may name a command without all its required arguments."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text("utf-8"))
    for span in re.findall(r"(?<!`)`((?:backuplink|\./dev|packaging/[\w/]+|aws) [^`]+)`(?!`)", text):
        for words in commands(" ".join(span.split())):
            why = refusal(words, tmp_path)
            assert why is None or why.startswith("Missing ") or " needs --" in why, (span, why)


@each_page
def test_every_block_is_a_script_of_the_shell(page: Path) -> None:
    for script in scripts(page):
        ended = subprocess.run(
            [needed("bash"), "-n"], input=script, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert ended.returncode == 0, (script, ended.stderr)


@each_page
def test_every_command_of_windows_is_known(page: Path) -> None:
    for block in re.findall(r"(?ms)^```powershell\n(.*?)^```$", page.read_text("utf-8")):
        for line in block.splitlines():
            name, *words = line.split()
            assert {word for word in words if re.fullmatch(r"-[A-Z]\w+", word)} <= set(CMDLETS[name]), line


@pytest.mark.parametrize(
    ("script", "wrong"),
    [
        ("backuplink check --regoin eu-west-1", True),
        ("backuplink check --format jsn | jq .", True),
        ("X=1 backuplink check > file && backuplink diff a b", False),
        ("backuplink check --region <REGION>", True),
        ("./dev frobnicate", True),
        ("packaging/nothing", True),
        ("aws ec2 describe-everything", True),
        ("frobnicate --now", True),
        ("backuplink check --workload ssm   # backuplink nothing", False),
    ],
)
def test_what_a_page_must_not_have_is_found(script: str, wrong: bool, tmp_path: Path) -> None:
    found = [why for words in commands(script) if (why := refusal(words, tmp_path)) is not None]
    assert bool(found) is wrong


def test_every_program_and_command_of_windows_is_on_a_page() -> None:
    on_pages = {words[0] for page in PAGES for script in scripts(page) for words in commands(script) if words}
    assert on_pages >= PROGRAMS | {"backuplink", "aws", "./dev"}
    of_windows = re.findall(r"(?ms)^```powershell\n(.*?)^```$", (DOCS / "windows.md").read_text("utf-8"))
    assert {line.split()[0] for block in of_windows for line in block.splitlines()} == set(CMDLETS)
