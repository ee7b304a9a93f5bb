"""`explain --text`, which looks up the lines of a log, for a person and for a program."""

import json
import os
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest

from agent.app.explain import MAX_LOG_BYTES, MAX_LOG_LINES
from agent.app.publish import KNOWN_TEXTS as KNOWN
from agent.app.read_saved import STDIN
from agent.catalog.findings import CODES
from agent.catalog.known_texts import KNOWN_TEXTS, KnownText
from agent.catalog.text_search import MAX_LINE_CHARACTERS, TextMatch, search
from agent.cli import main as cli
from agent.documents.known_texts import document
from agent.documents.render import render
from agent.report.escape import visible
from agent.report.words import WIDTH
from probes.urls import masked_urls
from tests.support.command import SECONDS, agent

TIMEOUT = 'Connect timeout on endpoint URL: "https://backup.eu-west-1.amazonaws.com/backup-vaults/"'
MASKED = masked_urls(TIMEOUT)
SYN_SENT = 'Post "https://ssm-sap.eu-west-1.amazonaws.com/": dial tcp 13.217.78.180:443: i/o timeout'


def explained(*arguments: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    """The command's output on stdout, with an empty stderr."""
    assert cli.dispatch(["explain", *arguments], []) == code
    out, err = capsys.readouterr()
    assert err == ""
    return out


# --- Text ------------------------------------------------------------------------------------------------------------


def test_a_known_line_gives_its_meaning_its_findings_and_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    lines = explained("--text", TIMEOUT, capsys=capsys).splitlines()
    assert lines[:4] == [
        "KNOWN  1 text.",
        "",
        "1. Connect timeout on endpoint URL",
        "   Written by: AWS CLI and Python SDK (botocore)",
    ]
    assert "   The host backup.eu-west-1.amazonaws.com is the host of backup in eu-west-1." in lines
    findings = [line.split()[0] for line in lines[lines.index("   Findings that can cause it:") + 1 :] if line]
    codes = search([TIMEOUT]).matches[0].codes
    assert tuple(word for word in findings if word in CODES) == codes
    assert lines[lines.index("   [reads]") + 1] == "     backuplink check --service backup --region eu-west-1"
    assert "Source: botocore 1.44.8, exceptions.py" in " ".join(" ".join(lines).split())


def test_a_public_address_is_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    words = " ".join(explained("--text", SYN_SENT, capsys=capsys).split())
    assert "The host ssm-sap.eu-west-1.amazonaws.com is the host of ssm-sap in eu-west-1." in words
    assert "13.217.78.180 is a public address, which no interface endpoint has" in words


def test_what_this_version_cannot_check_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    line = 'Connect timeout on endpoint URL: "https://made-up.eu-west-1.amazonaws.com/"'
    text = explained("--text", line, capsys=capsys)
    assert "   This version of backuplink does not check made-up.\n" in text
    words = " ".join(explained("--text", f"Unable to locate credentials: {line}", capsys=capsys).split())
    assert "check made-up: the run can prove or clear only API001, ENV002, ENV003, ENV011 and API010." in words


@pytest.mark.parametrize("known", KNOWN_TEXTS, ids=lambda known: known.id)
def test_every_record_is_text_for_a_terminal(known: KnownText) -> None:
    (match,) = [other for other in search([_line_with(known)]).matches if other.known is known]
    result = search([_line_with(known)])
    text = render(document(result), "text")
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert max(map(len, text.splitlines())) <= WIDTH
    words = " ".join(text.split())
    for part in (known.means, known.advice, known.writer, known.source):
        assert part in words
    assert ("The network has no part in this." in words) is not known.has_network_cause
    assert match.command is None or f"  {shlex.join(match.command)}\n" in text


def _line_with(known: KnownText) -> str:
    pattern = known.patterns[0].replace("...", "and")
    if known.needs_failure:
        pattern = f"https://{pattern}/: net/http: TLS handshake timeout"
    for part, value in {"host": "a.example.com", "peer": "10.0.1.17:443", "address": "10.0.1.17", "word": "x"}.items():
        pattern = pattern.replace(f"{{{part}}}", value)
    return pattern


def test_several_texts_in_a_line_are_numbered_the_innermost_first(capsys: pytest.CaptureFixture[str]) -> None:
    line = f"SSM Agent unable to acquire credentials: {SYN_SENT}"
    text = explained("--text", line, capsys=capsys)
    assert text.startswith("KNOWN  2 texts, the innermost cause first.\n\n1. dial tcp ADDRESS:PORT: i/o timeout\n")
    assert "\n\n2. SSM Agent unable to acquire credentials\n" in text
    assert "\n   Line " not in text  # there is only one line


@pytest.mark.parametrize("line", ["all is well", "", " ", "\x1b[2J", "\udcff", "DNS001", "..."])
@pytest.mark.parametrize("wanted", KNOWN.formats)
def test_what_is_not_known_is_unknown_with_what_to_do_next(
    line: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = explained(f"--text={line}", "--format", wanted, capsys=capsys, code=3)
    if wanted == "json":
        assert json.loads(out)["texts"] == []
    else:
        assert out.isascii()
        text = re.sub("<.*?>", "", out)
        assert re.search("backuplink check$", text, re.MULTILINE)
        assert "backuplink explain --text -" in text


@pytest.mark.parametrize(
    ("line", "command", "words"),
    [
        ("Le backup job 12 a disparu", "  backuplink check --jobs", "Look at the role of the job"),
        ("all is well", "  backuplink check", "It knows only texts in English"),
        (
            "GET https://ssm.eu-west-1.amazonaws.com/ took long",
            "  backuplink check --service ssm --region eu-west-1",
            "Measure the path",
        ),
        (
            "GET https://made-up.eu-west-1.amazonaws.com/ took long",
            None,
            "does not check made-up, the service of made-up.",
        ),
        ("GET https://vault.corp.example.com/ took long", None, "cannot say whose host vault.corp.example.com is"),
    ],
)
def test_what_is_unknown_leads_to_what_its_words_are_about(
    line: str, command: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = explained("--text", line, capsys=capsys, code=3)
    assert [row for row in out.splitlines() if row.startswith("    backuplink check")] == (
        [f"  {command}"] if command else []
    )
    assert words in " ".join(out.split())
    parsed = json.loads(explained("--text", line, "--format=json", capsys=capsys, code=3))
    assert parsed["next_command"] == (None if command is None else command.split())


def test_the_message_of_a_job_leads_to_its_role_and_not_to_the_network(capsys: pytest.CaptureFixture[str]) -> None:
    line = "Your backup job failed as AWS Backup does not have permission to describe resource arn:aws:s3:::example"
    text = explained("--text", line, capsys=capsys)
    assert "Findings that can cause it: none. The network has no part in this.\n" in text
    assert "\n     backuplink check --jobs\n" in text
    assert "Attach the policy to the role of the backup plan." in " ".join(text.split())


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_a_match_is_json_for_a_program_with_all_that_the_text_has(capsys: pytest.CaptureFixture[str]) -> None:
    parsed = json.loads(explained("--text", SYN_SENT, "--format=json", capsys=capsys))
    assert list(parsed) == ["schema", "lines", "lines_cut", "texts_left_out", "texts", "next_command"]
    assert parsed["next_command"] is None
    assert (parsed["schema"], parsed["lines"]) == ("backuplink.explain.v1", 1)
    (row,) = parsed["texts"]
    (match,) = search([SYN_SENT]).matches
    assert row == as_row(match)
    assert row["host"] == {"name": "ssm-sap.eu-west-1.amazonaws.com", "service": "ssm-sap", "region": "eu-west-1"}
    assert row["address"] == {"address": "13.217.78.180", "hint": "public"}


def as_row(match: TextMatch) -> dict[str, Any]:
    """The expected JSON of a match, by its fields."""
    known, host = match.known, match.host
    return {
        "id": known.id,
        "text": "dial tcp ADDRESS:PORT: i/o timeout",
        "written_by": known.writer,
        "line": match.line,
        "line_number": match.number,
        "line_count": match.lines,
        "means": known.means,
        "host": None if host is None else {"name": host.host, "service": host.service, "region": host.region},
        "unknown_host": match.unknown_host,
        "address": {"address": str(match.address), "hint": match.hint},
        "findings": [
            {"code": code, "name": CODES[code].name, "severity": str(CODES[code].severity), "title": CODES[code].title}
            for code in match.codes
        ],
        "has_network_cause": known.has_network_cause,
        "command": None if match.command is None else list(match.command),
        "services_not_checked": list(match.unchecked),
        "advice": known.advice or None,
        "source": known.source,
        "certainty": str(known.certainty),
    }


# --- Hostile lines ---------------------------------------------------------------------------------------------------

HOSTILE = f"\x1b]0;title\x07\u202e{TIMEOUT}\r\x9b2J\udcff"


def test_control_characters_of_a_line_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("--text", HOSTILE), ("--format=json", "--text", HOSTILE)):
        out = explained(*words, capsys=capsys)
        assert out.isascii()
        assert out.replace("\n", "").isprintable()
    result = search(["", HOSTILE])
    text = render(document(result), "text")
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert "Line 2: \\x1b]0;title\\x07\\u202eConnect" in " ".join(text.split())


def test_a_huge_line_is_searched_to_its_limit_and_the_output_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    line = "Unable to locate credentials" + "x" * 100_000
    out = explained("--text", line, capsys=capsys)
    assert (
        f"1 line is longer than {MAX_LINE_CHARACTERS} characters, and only the text up to there was searched."
        in " ".join(out.split())
    )
    assert len(out) < 4_000
    parsed = json.loads(explained("--format=json", "--text", line, capsys=capsys))
    assert (parsed["lines_cut"], len(parsed["texts"][0]["line"])) == (1, MAX_LINE_CHARACTERS)


def test_of_a_url_in_a_line_only_scheme_and_host_are_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    line = 'Read timeout on endpoint URL: "https://s3.eu-west-1.amazonaws.com/b/k?X-Amz-Security-Token=hunter2"'
    assert "hunter2" not in explained("--text", line, "--format=json", capsys=capsys)
    assert "hunter2" not in render(document(search(["", line])), "text")


# --- Stdin -----------------------------------------------------------------------------------------------------------


def from_stdin(data: bytes, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run `explain --text -` with these bytes on stdin."""
    return subprocess.run(
        [sys.executable, "-m", "agent", "explain", "--text", STDIN, *arguments],
        input=data,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_lines_on_stdin_are_looked_up_together() -> None:
    done = from_stdin(b"started\n\xff\xfe\n" + f"{TIMEOUT}\n{TIMEOUT}\nended\n".encode(), "--format=json")
    assert (done.returncode, done.stderr) == (0, b"")
    (row,) = json.loads(done.stdout)["texts"]
    assert (row["line"], row["line_number"], row["line_count"]) == (MASKED, 3, 2)
    text = from_stdin(f"started\n{TIMEOUT}\n{TIMEOUT}\n".encode()).stdout.decode()
    assert f"Line 2, and 1 more: {visible(MASKED)}" in " ".join(text.split())


def test_no_line_on_stdin_is_unknown() -> None:
    done = from_stdin(b"")
    assert (done.returncode, done.stderr) == (3, b"")
    assert done.stdout.startswith(b"UNKNOWN  There is no line on stdin.\n")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"x" * (MAX_LOG_BYTES + 1), "stdin: is larger than 1 MiB, the limit of a log", id="bytes"),
        pytest.param(b"\n" * (MAX_LOG_LINES + 1), f"stdin: has more than {MAX_LOG_LINES} lines", id="lines"),
    ],
)
def test_more_than_the_limit_is_refused_with_what_to_do(data: bytes, says: str) -> None:
    done = from_stdin(data)
    assert done.returncode == 3
    assert says in done.stderr.decode()
    assert "such as the output of `tail -n 500 LOG`" in done.stderr.decode()


def test_without_stdin_the_call_is_refused() -> None:
    done = agent("explain", "--text", STDIN, stdin=None, preexec_fn=lambda: os.close(0))
    assert done.returncode == 3
    assert "stdin: cannot be read" in done.stderr
