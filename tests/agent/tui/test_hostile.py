"""Names, certificates and messages from outside are shown as text, whatever they contain."""

import re
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from agent.report.model import Report
from agent.tui.actions import DetailOpened, FindingsToggled, ItemSelected, MessageShown, Pane
from agent.tui.detail import detail
from agent.tui.drawing import causes, footer, path, verdict
from agent.tui.lines import ASCII, Line
from agent.tui.source import Saved
from agent.tui.state import State, saved
from probes.facts import HttpFacts, TlsFacts
from probes.model import Failed, Failure, FailureKind, Observation, Ok
from tests.agent.tui.replays import OPENED, after, app_of, drive, report_of, screen_of

HOSTILE = {
    "clears the screen": "\x1b[2J\x1b[H",
    "sets the title": "\x1b]0;owned\x07",
    "copies": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "one byte CSI": "\x9b31m",
    "markup": "[bold red]bold[/bold red] [@click=app.leave]x[/]",
    "closing markup": "[/] [/nothing]",
    "right to left": "\u202e\u2066drawkcab\u05d0",
    "wide": "\u30c6\u30b9\u30c8\U0001f600",
    "joined": "e\u0301\u200d\u200b",
    "line breaks": "a\r\nb\x0bc\u2028d\te",
    "long": "A" * 5000,
    "a lone surrogate": "\ud800",
    "nothing": "",
}


def with_text(text: str) -> Report:
    """A report with the text in every field that may hold untrusted text."""
    report = report_of("interception-trusted")
    target = report.targets[0]

    def hostile(observation: Observation[object]) -> Observation[object]:
        match observation.facts:
            case TlsFacts() as facts:
                certificate = replace(facts.certificates[0], subject=text, issuer=text, names=(text, text))
                return replace(observation, outcome=Ok(replace(facts, certificates=(certificate,), cipher=text)))
            case HttpFacts() as facts:
                failure = Failure(kind=FailureKind.NOT_AWS, message=text, code=text)
                return replace(observation, outcome=Failed(failure, replace(facts, server=text, location=text)))
        return observation

    finding = report.findings[0]
    command = replace(finding.fix.commands[0], argv=("aws", text), undo=text) if finding.fix.commands else None
    return replace(
        report,
        run=replace(report.run, region=text, id=text),
        verdict=replace(report.verdict, summary=text),
        vantage=replace(report.vantage, instance_id=text, vpc_id=text),
        targets=(
            replace(
                target,
                service=text,
                host=text,
                region=text,
                unproven=(text,),
                addresses=tuple(
                    replace(address, availability_zone_id=text, endpoint_id=text) for address in target.addresses
                ),
            ),
            *report.targets[1:],
        ),
        observations=tuple(map(hostile, report.observations)),
        findings=(
            replace(
                finding,
                title=text,
                detail=text,
                fix=replace(finding.fix, summary=text, commands=(command,) if command else ()),
            ),
        ),
    )


def drawn(state: State, width: int) -> list[Line]:
    return [
        *verdict(state, width, 3, ASCII),
        *path(state, width, ASCII),
        *causes(state, width),
        *detail(state, width, ASCII),
        footer(state, width),
    ]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("width", [60, 80, 140])
def test_what_is_drawn_is_printable_and_fits(text: str, width: int) -> None:
    state = saved(text, with_text(text))
    states = [
        state,
        after(state, FindingsToggled(), DetailOpened()),
        after(state, MessageShown(text)),
        *(after(state, ItemSelected(Pane.PATH, key)) for row in state.rows for key in row),
    ]

    for drawn_state in states:
        for line in drawn(drawn_state, width):
            words = "".join(span.text for span in line)
            assert words.isascii()
            assert words.isprintable()
            assert len(words) <= width


@pytest.mark.parametrize("text", [HOSTILE[name] for name in HOSTILE if name != "a lone surrogate"])
async def test_it_stands_on_the_screen_as_it_is(text: str) -> None:
    async def act(pilot: Pilot[int]) -> None:
        for keys in (
            ("home",),
            ("down", "right", "enter"),
            ("escape", "tab", "enter"),
            ("escape", "y"),
            ("escape", "f"),
        ):
            await pilot.press(*keys)
            for line in screen_of(pilot):
                assert re.fullmatch("[\x20-\x7e]*", line), line

    await drive(app_of(Saved(title=text, report=with_text(text), opened_at=OPENED), ascii_only=True), act)


async def test_markup_is_seen() -> None:
    seen: list[str] = []

    async def act(pilot: Pilot[int]) -> None:
        seen.extend(screen_of(pilot))

    await drive(app_of(Saved(title="kept", report=with_text(HOSTILE["markup"]), opened_at=OPENED)), act, (140, 45))

    assert any("[bold red]bold[/bold red] [@click=app.leave]x[/]" in line for line in seen)
