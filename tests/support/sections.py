"""Golden files that contain many cases. Each case has a heading and some lines. `./dev golden` writes these files. Read
the diff before you commit it.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

_HEADING: Final = "=== "
STALE: Final = "If the new text is right, run ./dev golden, and read the diff."
"""The message of a test whose golden file has another text."""


def joined(sections: Mapping[str, str]) -> str:
    """The content of a golden file with these sections, which are given by heading."""
    return "\n".join(f"{_HEADING}{heading}\n{text}\n" for heading, text in sorted(sections.items()))


@cache
def kept(file: Path) -> dict[str, str]:
    """The sections of a golden file: the text below each heading."""
    parts = file.read_text("utf-8").removeprefix(_HEADING).split(f"\n{_HEADING}")
    return {heading: text.removesuffix("\n") for heading, _, text in (part.partition("\n") for part in parts)}
