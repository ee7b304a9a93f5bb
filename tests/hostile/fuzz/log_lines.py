"""Spoilt lines of logs. Whether `explain --text` recognises a text in a line or not, it prints plain lines."""

import json
import tomllib
from random import Random
from typing import Final

from agent.process.exit_codes import OK, UNKNOWN
from tests.hostile.fuzz.command import Command, assert_is_plain
from tests.hostile.fuzz.mutation import TEXTS, spoilt_text
from tests.support.repository import ROOT

LINES: Final = tuple(
    sample["line"]
    for sample in tomllib.loads((ROOT / "tests/agent/catalog/known_texts.toml").read_text("utf-8"))["sample"]
)


def check_log_lines(chance: Random, command: Command) -> None:
    """For a spoilt line, the command writes a document with the texts that it recognised, and the exit code says
    whether there are any.
    """
    line = chance.choice((*LINES, *TEXTS))
    for _ in range(chance.randrange(3)):
        line = spoilt_text(chance, line)
    line = (line * chance.choice((1, 1, 1, 50)))[:100_000].replace("\0", "")
    wanted = chance.choice(("text", "json"))
    done = command("explain", f"--text= {line}", f"--format={wanted}")  # a space, since `-` alone is stdin
    assert done.err == ""
    assert_is_plain(done.out)
    if wanted == "json":
        assert done.code == (OK if json.loads(done.out)["texts"] else UNKNOWN)
    else:
        assert done.code == (OK if done.out.startswith("KNOWN  ") else UNKNOWN)
