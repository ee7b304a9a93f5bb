"""The least that Textual can be asked to draw: what the interface's first picture is measured against."""

from textual.app import App, ComposeResult
from textual.widgets import Static

MARK = "THIS HOST"
"""Stands in the interface's first picture, too."""


class Bare(App[None]):
    """One line of text."""

    def compose(self) -> ComposeResult:
        yield Static(MARK)


if __name__ == "__main__":
    Bare().run()
