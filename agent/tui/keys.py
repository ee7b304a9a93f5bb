"""The keys: one table for what they do, for the help, and for the palette."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Key:
    """What a key does."""

    keys: str
    """As Textual names them, separated by commas."""
    shown: str
    action: str
    words: str
    hint: str = ""
    """The same in a word or two, for the last line of the screen; empty where that has no room for it."""
    runs: bool = False
    """Whether it makes a run, which nothing can over a saved report."""
    listed: bool = True
    """Whether the palette has it."""


KEYS: Final = (
    Key("up,k", "up k", "move(-1, 0)", "one line up", listed=False),
    Key("down,j", "down j", "move(1, 0)", "one line down", listed=False),
    Key("left,h", "left h", "move(0, -1)", "to the hop before", listed=False),
    Key("right,l", "right l", "move(0, 1)", "to the next hop", listed=False),
    Key("pageup", "pgup", "page(-1)", "one page up", listed=False),
    Key("pagedown", "pgdn", "page(1)", "one page down", listed=False),
    Key("home,g", "home g", "end(-1)", "to the top", listed=False),
    Key("end,G", "end G", "end(1)", "to the bottom", listed=False),
    Key("tab", "tab", "pane(1)", "to the next part: path, causes, detail", "part"),
    Key("shift+tab", "shift+tab", "pane(-1)", "to the part before"),
    Key("enter", "enter", "open", "what is under the cursor, on the whole screen", "open"),
    Key("escape", "esc", "close", "back: from the whole screen, findings only, the filter"),
    Key("slash", "/", "filter", "show only what has all of these words in it", "filter"),
    Key("f", "f", "findings", "findings only, with what follows from them; again for all", "findings"),
    Key("c", "c", "copy", "copy the command that mends what is under the cursor, and show it", "copy fix"),
    Key("e", "e", "save", "save the report to a file; never over another", "save"),
    Key("r", "r", "run", "run again; what changed is said among the causes", "run again", runs=True),
    Key(
        "R",
        "R",
        "run_only",
        "run again with the service or endpoint under the cursor as the only one that is required; the rest is still "
        "looked at, counts less, and the exit code stays that of the last whole run",
        runs=True,
    ),
    Key("w", "w", "watch", "watch: run again and again, with the times and changes of each lane", "watch", runs=True),
    Key("t", "t", "settings", "settings of the next run", "settings", runs=True),
    Key("ctrl+p,colon", "ctrl+p :", "palette", "all of this, by name", listed=False),
    Key("ctrl+l", "ctrl+l", "redraw", "draw the screen anew, where something else has written on it"),
    Key("question_mark", "?", "help", "this page", "help"),
    Key("q,ctrl+c,ctrl+q", "q", "leave", "quit; a run that lasts ends with it", "quit"),
)
"""In the order of the help."""
