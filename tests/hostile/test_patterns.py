"""No regular expression of the program takes quadratic time on a hostile text."""

import importlib
import json
import re
import sys
import time
from typing import Final

import pytest

from agent.report.secrets import without_secrets
from probes.steps import workload
from probes.urls import masked_urls
from tests.hostile import patterns
from tests.hostile.patterns import FULLMATCHED, PIECES, Use, patterns_in, samples, slow, texts
from tests.support.command import completed
from tests.support.extent import everything

MANY: Final = 150
"""The minimum number of patterns in the program, which had 240 when this test was written."""


@pytest.mark.skipif(not everything(), reason="runs only with --everything: it takes half a minute of a processor")
def test_no_pattern_takes_quadratic_time() -> None:
    """The measurement runs in a separate process, which does nothing else."""
    done = completed((sys.executable, "-m", "tests.hostile.patterns"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["patterns"] >= MANY
    assert found["texts"] >= MANY * len(PIECES)
    assert found["slow"] == []


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        pytest.param(r"['\")\].,:;]*$", "search", id="signs before an end"),
        pytest.param(r"[ \t]*key[ \t]*=[ \t]*(/\S+)[ \t]*$", "search", id="blanks before a key"),
        pytest.param(r"\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]+){1,2}", "search", id="a word that has no dot"),
        pytest.param(r"(?:a|b)*(?:a|b)*c", "match", id="two repeats of one thing"),
    ],
)
def test_a_quadratic_pattern_is_found(pattern: str, method: str) -> None:
    use = Use(re.compile(pattern), "here", method)
    assert any(slow(use, before, piece) for before, piece in texts(use.pattern))


@pytest.mark.parametrize("pattern", [r"(?m)^[ \t]*key[ \t]*=[ \t]*(/\S+)[ \t]*$", r"[a-z]{1,20}x", r"(?<!\w)\w+\."])
def test_a_linear_pattern_is_not(pattern: str) -> None:
    use = Use(re.compile(pattern), "here", "search")
    assert [found for before, piece in texts(use.pattern) if (found := slow(use, before, piece)) is not None] == []


def test_what_a_pattern_repeats_is_in_its_texts() -> None:
    parts = patterns.parsed(r"ab(?:[c-e]x)*f", 0)
    assert ("ab", "cx") in list(patterns.repeats("", parts))
    assert list(samples(patterns.parsed(r"[xé0-9]", 0))) == ["x", "é", "0", "x"]


def test_every_table_that_is_matched_whole_has_patterns() -> None:
    for name in FULLMATCHED:
        module, _, variable = name.rpartition(".")
        assert list(patterns_in(vars(importlib.import_module(module))[variable]))


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda size: masked_urls(f"http://{'.' * size}x"), id="a URL in an error"),
        pytest.param(lambda size: without_secrets("eyJaaaa-" * (size // 8)), id="a report in a bundle"),
        pytest.param(lambda size: workload._PARAMETER_FILE.search(" " * size), id="the settings of HANA"),
    ],
)
def test_a_text_that_once_held_the_program(work) -> None:  # type: ignore[no-untyped-def]
    """A megabyte of such a text used to take hours. The limit is far above the time of a linear search on a busy
    machine, and far below the time of a quadratic search.
    """
    began = time.thread_time()
    work(1 << 20)
    assert time.thread_time() - began < 30
