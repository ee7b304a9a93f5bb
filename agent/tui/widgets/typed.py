"""A line to type in."""

from textual.widgets import Input


def quiet_input(text: str, hint: str, *, id: str) -> Input:  # noqa: A002 - as Textual has it
    """A line to type in that does nothing by itself: a cursor that blinks would send something every half second."""
    found = Input(text, placeholder=hint, id=id)
    found.cursor_blink = False
    return found
