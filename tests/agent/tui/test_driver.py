"""The driver writes what Textual draws to the terminal. It leaves out codes that change nothing."""

import re
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.tui.driver import slim
from tests.support.extent import examples

CODES = ("39;49", "36;49", "1;39;49", "2;39;49", "38;2;1;2;3;48;2;0;0;0", "7")
segments = st.lists(
    st.tuples(st.sampled_from(CODES), st.text("ab ─█", max_size=4), st.sampled_from(["", "\r\n", "\x1b[3;1H"]))
)


def seen(written: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Every character, with the SGR codes that apply to it. Codes of the default colours are left out. Other sequences
    stay as they are.
    """
    codes: frozenset[str] = frozenset()
    for code, other, character in re.findall(r"\x1b\[([\d;]*)m|(\x1b\[[\d;]*H)|(.)", written, re.DOTALL):
        if code == "0":
            codes = frozenset()
        elif code:
            codes |= {code} - {"39;49"}
        else:
            yield other or character, codes


def test_texts_in_the_default_colours_have_no_codes() -> None:
    drawn = "\x1b[1;1H\x1b[39;49m a\x1b[0m\x1b[36;49mb\x1b[0m\x1b[39;49m\x1b[0m\x1b[39;49mc\x1b[0m\r\n"
    assert slim(drawn) == "\x1b[1;1H a\x1b[36;49mb\x1b[0mc\r\n"


@settings(max_examples=examples(100), deadline=None)
@given(segments)
def test_it_looks_the_same(drawn: list[tuple[str, str, str]]) -> None:
    written = "".join(f"\x1b[{code}m{text}\x1b[0m{after}" for code, text, after in drawn)
    assert list(seen(slim(written))) == list(seen(written))
    assert "\x1b[39;49m" not in slim(written)
