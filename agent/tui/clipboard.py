"""The terminal's clipboard by OSC 52: what is sent through tmux and GNU screen, and what can be said of it. Pure.

No terminal confirms that it took a text. So nothing here says that something was copied, only where it was sent.
"""

from base64 import b64encode
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

_SCREEN_BYTES: Final = 512
"""Characters of one string that GNU screen passes on: it takes fewer than 768 (MAXSTR of its source)."""


class Multiplexer(StrEnum):
    """What is between this process and the terminal, and reads OSC 52 itself."""

    NONE = "none"
    TMUX = "tmux"
    SCREEN = "screen"


def multiplexer_in(environment: Mapping[str, str]) -> Multiplexer:
    """What the environment tells. Their own variables do not come along over ssh, the name of the terminal does."""
    if environment.get("TMUX"):
        return Multiplexer.TMUX
    if environment.get("STY"):
        return Multiplexer.SCREEN
    term = environment.get("TERM", "")
    if term.startswith("tmux"):
        return Multiplexer.TMUX
    # tmux calls itself screen, too, and passes on what is meant for screen: it reads the plain sequence beside it.
    return Multiplexer.SCREEN if term.startswith("screen") else Multiplexer.NONE


def sequence(text: str, multiplexer: Multiplexer) -> str:
    """The control sequences that set the clipboard of the terminal to a text."""
    plain = f"\x1b]52;c;{b64encode(text.encode('utf-8', 'replace')).decode('ascii')}\x07"
    match multiplexer:
        case Multiplexer.NONE:
            return plain
        case Multiplexer.TMUX:  # where it reads the first one it sets the clipboard, else it may pass on the second
            return f"{plain}\x1bPtmux;\x1b{plain}\x1b\\"
        case Multiplexer.SCREEN:
            parts = (plain[start : start + _SCREEN_BYTES] for start in range(0, len(plain), _SCREEN_BYTES))
            return "".join(f"\x1bP{part}\x1b\\" for part in parts)


SENT: Final[Mapping[Multiplexer, str]] = {
    Multiplexer.NONE: "sent to the terminal's clipboard, which confirms nothing",
    Multiplexer.TMUX: "sent to tmux; not copied unless tmux takes it",
    Multiplexer.SCREEN: "sent through screen; not copied unless the terminal takes it",
}
"""What is said of a text that was sent."""
TAKEN: Final = "tmux has it: prefix ] pastes it"
"""What is said of a text that is in a buffer of tmux."""
ADVICE: Final[Mapping[Multiplexer, str]] = {
    Multiplexer.NONE: "A terminal without OSC 52 ignores it.",
    Multiplexer.TMUX: "tmux drops it by default. It takes it with `set -s set-clipboard on`, and passes it on to the "
    "terminal with `set -g allow-passthrough on`.",
    Multiplexer.SCREEN: "Screen passes it on to the terminal; one without OSC 52 ignores it.",
}
"""Why a text that was sent may not be in the clipboard."""
OTHERWISE: Final = (
    "Then hold Shift and select the text with the mouse, or start with --no-mouse; in the list a text starts in the "
    "first column."
)
"""What helps where it is not."""
