"""The data sent to the terminal's clipboard, also through tmux and screen, and the messages about it."""

import asyncio
import os
import re
from base64 import b64decode
from pathlib import Path

import pytest

from agent.tui.clipboard import ADVICE, SENT, Multiplexer, multiplexer_in, sequence
from agent.tui.tmux import has_taken


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Multiplexer.NONE),
        ({"TERM": "xterm-256color"}, Multiplexer.NONE),
        ({"TERM": "screen-256color", "TMUX": "/run/tmux-0/default,1,0"}, Multiplexer.TMUX),
        ({"TERM": "tmux-256color"}, Multiplexer.TMUX),
        ({"TERM": "screen.xterm-256color", "STY": "1.pts-0.host"}, Multiplexer.SCREEN),
        ({"TERM": "screen"}, Multiplexer.SCREEN),
        ({"TERM": "xterm", "TMUX": "", "STY": ""}, Multiplexer.NONE),
    ],
)
def test_what_is_between(environment: dict[str, str], expected: Multiplexer) -> None:
    assert multiplexer_in(environment) is expected


def decoded(sent: str) -> str:
    match = re.fullmatch(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", sent)
    assert match is not None, sent
    return b64decode(match[1]).decode("utf-8")


TEXTS = ["aws ec2 describe-vpc-endpoints", "größer\n\\udc80"[:8], "x" * 5_000, "\udcff"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_terminal_is_sent_the_text(text: str) -> None:
    assert decoded(sequence(text, Multiplexer.NONE)) == text.encode("utf-8", "replace").decode("utf-8")


@pytest.mark.parametrize("text", TEXTS)
def test_tmux_is_sent_it_for_itself_and_to_pass_on(text: str) -> None:
    sent = sequence(text, Multiplexer.TMUX)
    own, _, passed = sent.partition("\x1bPtmux;")
    assert passed.endswith("\x1b\\")
    assert passed.removesuffix("\x1b\\").replace("\x1b\x1b", "\x1b") == own == sequence(text, Multiplexer.NONE)


@pytest.mark.parametrize("text", TEXTS)
def test_screen_is_sent_it_in_parts_that_it_passes_on(text: str) -> None:
    parts = re.findall(r"\x1bP(.*?)\x1b\\", sequence(text, Multiplexer.SCREEN), re.DOTALL)
    assert "".join(parts) == sequence(text, Multiplexer.NONE)
    assert max(map(len, parts)) < 768


@pytest.mark.parametrize("multiplexer", Multiplexer)
def test_nothing_says_that_it_was_copied(multiplexer: Multiplexer) -> None:
    assert "confirms nothing" in SENT[multiplexer] or "not copied unless" in SENT[multiplexer]
    assert "copied" not in ADVICE[multiplexer]


SHELL = """#!/bin/sh
[ "$*" = show-buffer ] && {does}
"""


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        ("printf %s 'aws ec2 x'", True),
        ("printf %s 'another text'", False),
        ("{ echo 'no buffers' >&2; exit 1; }", False),
        ("{ printf %s 'aws ec2 x'; exit 1; }", False),
    ],
)
async def test_tmux_is_asked_what_it_took(
    does: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tmux"
    program.write_text(SHELL.replace("{does}", does))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert await has_taken("aws ec2 x") is expected


async def test_a_question_that_is_dropped_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    program = tmp_path / "tmux"
    program.write_text(f"#!/bin/sh\necho $$ > {asked}.new && mv {asked}.new {asked}\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    question = asyncio.ensure_future(has_taken("aws ec2 x"))
    async with asyncio.timeout(10):
        while not asked.exists():  # noqa: ASYNC110 - it is another process that does it
            await asyncio.sleep(0.01)
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question
    with pytest.raises(ProcessLookupError):
        os.kill(int(asked.read_text()), 0)


async def test_without_tmux_nothing_is_confirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert not await has_taken("aws ec2 x")
