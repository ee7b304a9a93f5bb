"""The terminal's clipboard by OSC 52: the sequences for tmux and GNU screen, and the messages about them. Pure.

No terminal confirms that it accepted a text. Messages therefore say only where a text was sent, not that it was copied.
"""

from base64 import b64encode
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

_SCREEN_BYTES: Final = 512
"""Maximum length of a string that GNU screen passes on: fewer than 768 characters (MAXSTR in its source)."""


class Multiplexer(StrEnum):
    """The terminal multiplexer around this process, which reads OSC 52 itself."""

    NONE = "none"
    TMUX = "tmux"
    SCREEN = "screen"


def multiplexer_in(environment: Mapping[str, str]) -> Multiplexer:
    """Return the multiplexer that the environment shows. The variables of a multiplexer do not pass through ssh, but
    the name of the terminal does."""
    if environment.get("TMUX"):
        return Multiplexer.TMUX
    if environment.get("STY"):
        return Multiplexer.SCREEN
    term = environment.get("TERM", "")
    if term.startswith("tmux"):
        return Multiplexer.TMUX
    # tmux also calls itself screen, and passes on what is meant for screen; so it gets the plain sequence as well.
    return Multiplexer.SCREEN if term.startswith("screen") else Multiplexer.NONE


def sequence(text: str, multiplexer: Multiplexer) -> str:
    """Return the control sequences that set the terminal's clipboard to a text."""
    plain = f"\x1b]52;c;{b64encode(text.encode('utf-8', 'replace')).decode('ascii')}\x07"
    match multiplexer:
        case Multiplexer.NONE:
            return plain
        case Multiplexer.TMUX:  # a terminal that reads the first one sets the clipboard; others may pass on the second
            return f"{plain}\x1bPtmux;\x1b{plain}\x1b\\"
        case Multiplexer.SCREEN:
            parts = (plain[start : start + _SCREEN_BYTES] for start in range(0, len(plain), _SCREEN_BYTES))
            return "".join(f"\x1bP{part}\x1b\\" for part in parts)


SENT: Final[Mapping[Multiplexer, str]] = {
    Multiplexer.NONE: "sent to the terminal's clipboard, which confirms nothing",
    Multiplexer.TMUX: "sent to tmux; not copied unless tmux takes it",
    Multiplexer.SCREEN: "sent through screen; not copied unless the terminal takes it",
}
"""For each multiplexer, the message after a text was sent."""
TAKEN: Final = "tmux has it: prefix ] pastes it"
"""The message about a text that is in a buffer of tmux."""
ADVICE: Final[Mapping[Multiplexer, str]] = {
    Multiplexer.NONE: "A terminal without OSC 52 ignores the text.",
    Multiplexer.TMUX: "By default, tmux drops the text. With `set -s set-clipboard on` it takes the text, and "
    "with `set -g allow-passthrough on` it passes the text on to the terminal.",
    Multiplexer.SCREEN: "Screen passes the text on to the terminal; a terminal without OSC 52 ignores it.",
}
"""Why a text that was sent may not be in the clipboard, by multiplexer."""
OTHERWISE: Final = (
    "If you cannot paste it, hold Shift and select it with the mouse, or start with --no-mouse; in the list a text "
    "starts in the first column."
)
"""What to do if the text is not in the clipboard."""
