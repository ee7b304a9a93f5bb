"""A minimal Textual app, with which the first screen of the interface is compared."""

from textual.app import App, ComposeResult
from textual.widgets import Static

MARK = "THIS HOST"
"""A text that the interface's first screen shows, too."""


class Bare(App[None]):
    """One line of text."""

    def compose(self) -> ComposeResult:
        yield Static(MARK)


if __name__ == "__main__":
    Bare().run()
