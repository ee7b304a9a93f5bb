"""The least that Textual can draw, to compare with the interface's first picture."""

from textual.app import App, ComposeResult
from textual.widgets import Static

MARK = "THIS HOST"
"""A text that is also in the interface's first picture."""


class Bare(App[None]):
    """One line of text."""

    def compose(self) -> ComposeResult:
        yield Static(MARK)


if __name__ == "__main__":
    Bare().run()
