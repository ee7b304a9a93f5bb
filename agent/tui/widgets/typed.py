"""A line for typed input."""

from textual.widgets import Input


def quiet_input(text: str, hint: str, *, id: str) -> Input:  # noqa: A002 - as Textual has it
    """Return an input line without a blinking cursor, which would send output every half second."""
    line = Input(text, placeholder=hint, id=id)
    line.cursor_blink = False
    return line
