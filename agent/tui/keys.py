"""The keys: one table for their actions, the help and the palette."""

from typing import Final

from probes.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """A key and its action."""

    keys: str
    """Textual's names of the keys, separated by commas."""
    shown: str
    action: str
    description: str
    hint: str = ""
    """A word or two for the last line of the screen; empty if the key is not shown there."""
    runs: bool = False
    """Whether the action makes runs or shows past runs, neither of which a saved report has."""
    listed: bool = True
    """Whether the palette lists it."""
    title: str = ""
    """The name of the key in the configuration, if it differs from the name of the action."""
    synonyms: str = ""
    """Other words for the search in the palette."""

    @property
    def name(self) -> str:
        """The name of the key in the configuration (`--key save=ctrl+s`)."""
        return self.title or self.action.replace("_", "-")

    @property
    def first(self) -> str:
        """The first of the keys, as texts show it to a person."""
        return self.shown.split()[0]


KEYS: Final = (
    Key("up,k", "up k", "move(-1, 0)", "one line up", listed=False, title="up"),
    Key("down,j", "down j", "move(1, 0)", "one line down", listed=False, title="down"),
    Key("left,h", "left h", "move(0, -1)", "to the hop before", listed=False, title="left"),
    Key("right,l", "right l", "move(0, 1)", "to the next hop", listed=False, title="right"),
    Key("pageup", "pgup", "page(-1)", "one page up", listed=False, title="page-up"),
    Key("pagedown", "pgdn", "page(1)", "one page down", listed=False, title="page-down"),
    Key("home,g", "home g", "end(-1)", "to the top", listed=False, title="top"),
    Key("end,G", "end G", "end(1)", "to the bottom", listed=False, title="bottom"),
    Key("tab", "tab", "pane(1)", "to the next pane: path, causes, detail", "pane", title="next-pane"),
    Key("shift+tab", "shift+tab", "pane(-1)", "to the pane before", title="previous-pane"),
    Key(
        "enter",
        "enter",
        "open",
        "open the page of a failed step or a cause, then what was measured, then its steps on the path; of anything "
        "else, all that is known about it",
        "open",
    ),
    Key(
        "escape",
        "esc",
        "close",
        "leave the page, the past run, the view of findings only, or the filter",
        title="back",
        synonyms="close cancel up return",
    ),
    Key(
        "slash",
        "/",
        "filter",
        "show only findings and lanes that have all of these words, also in their pages and facts, and no word after a "
        "!; on an open page, find words",
        "filter",
        synonyms="search find grep",
    ),
    Key("n", "n", "find(1)", "to the next place on the page that has the words", title="next-place"),
    Key("N", "N", "find(-1)", "to the previous place on the page that has the words", title="previous-place"),
    Key("f", "f", "findings", "findings only, with what follows from them; again to show everything", "findings"),
    Key(
        "space",
        "space",
        "unfold",
        "if there are more than two services, show the healthy ones in full, or in one line each again",
    ),
    Key(
        "y",
        "y",
        "copy",
        "choose from a list what to copy: the command that fixes what is under the cursor, all commands as a script, "
        "the finding as text, the brief report, an id or address",
        "copy",
        synonyms="clipboard yank export script",
    ),
    Key(
        "e",
        "e",
        "save",
        "save the report, or the report of the last failed run, with the log; an existing file is never replaced",
        "save",
        synonyms="export download write file html markdown json junit svg text report",
    ),
    Key(
        "r",
        "r",
        "run",
        "run again; the causes show what changed",
        "run again",
        runs=True,
        synonyms="rerun refresh repeat check reload",
    ),
    Key(
        "R",
        "R",
        "run_only",
        "run again with the service or endpoint under the cursor as the only required target; other targets are still "
        "checked but count less, and the exit code stays that of the last whole run",
        runs=True,
    ),
    Key(
        "w",
        "w",
        "watch",
        "run again and again, with the times and losses of every lane",
        "watch",
        runs=True,
        synonyms="monitor loop follow",
    ),
    Key(
        "left_square_bracket",
        "[",
        "past(-1)",
        "show the run before; the header has its time",
        runs=True,
        title="previous-run",
    ),
    Key(
        "right_square_bracket",
        "]",
        "past(1)",
        "to the next run, and after the last past run to the current run",
        runs=True,
        title="next-run",
    ),
    Key(
        "left_curly_bracket",
        "{",
        "failed(-1)",
        "show the previous run that failed",
        runs=True,
        title="previous-failed",
    ),
    Key(
        "right_curly_bracket",
        "}",
        "failed(1)",
        "show the next run that failed",
        runs=True,
        title="next-failed",
    ),
    Key(
        "p",
        "p",
        "timeline",
        "the times of the address under the cursor in all runs, as a plot",
        runs=True,
        synonyms="chart graph latency",
    ),
    Key("L", "L", "log", "the log: what each run changed, with its date", runs=True, synonyms="history events changes"),
    Key(
        "t",
        "t",
        "settings",
        "settings of the next run",
        "settings",
        runs=True,
        synonyms="options preferences region timeout deadline endpoint services",
    ),
    Key("ctrl+p,colon", "ctrl+p :", "palette", "all commands, by name", listed=False),
    Key(
        "T",
        "T",
        "theme",
        "the next theme: the terminal's own colours, high contrast, light",
        synonyms="colors dark mode",
    ),
    Key("ctrl+z", "ctrl+z", "suspend_process", "suspend: the shell gets the terminal back; fg comes back here"),
    Key("ctrl+l", "ctrl+l", "redraw", "draw the screen again, if another program has written on it"),
    Key("question_mark", "?", "help", "this page", "help", synonyms="keys manual shortcuts"),
    Key("ctrl+c,ctrl+q", "ctrl+q", "leave", "quit, from everywhere", listed=False),
    Key(
        "q",
        "q",
        "quit_or_back",
        "go back from a page; on the main screen, quit: a run in progress is cancelled, and a watch ends only after a "
        "question",
        "quit",
        title="quit",
        synonyms="exit leave",
    ),
)
"""The keys in the order of the help."""
