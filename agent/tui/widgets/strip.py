"""The strip of verdicts over the path."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from agent.tui.lines import Line
from agent.tui.state import State
from agent.tui.watch_drawing import key_of, number_in, strip
from agent.tui.watching import run_of
from agent.tui.widgets.pane import StateLines


class RunStrip(StateLines):
    """The verdicts of the remembered runs. A click on a verdict shows its run."""

    class Picked(Message):
        """A click on a run."""

        def __init__(self, number: int) -> None:
            self.number = number
            super().__init__()

    def lines(self, state: State) -> Sequence[Line]:
        return (strip(state, self.size.width, self.glyphs),)

    def show(self) -> None:
        state = self.state
        if state is not None and self.size:
            run = None if state.past is None else run_of(state.memory, state.past)
            self.draw(self.lines(state), None if run is None else key_of(run))

    def on_click(self, event: events.Click) -> None:
        if self.has_selection:
            return
        key = self.key_at(event.x, event.y)
        number = None if key is None else number_in(key)
        if number is not None:
            self.post_message(self.Picked(number))
