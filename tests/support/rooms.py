"""The tests that prove each room, according to CONTRIBUTING."""

import re
import shlex
from collections.abc import Mapping
from typing import Final

from tests.support.repository import ROOT

_ROW: Final = re.compile(r"^\| `([a-z_/]+)` \| `\./dev test -n 0 ([^`|]+)` \|$", re.MULTILINE)
_PAGE: Final = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
_SECTION: Final = _PAGE.partition("## Which tests prove a room\n")[2].partition("\n## ")[0]
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    room: tuple(shlex.split(words)) for room, words in _ROW.findall(_SECTION)
}
"""The arguments of `./dev test -n 0` that prove each room."""
