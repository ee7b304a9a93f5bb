"""Promises of a report in the format `nagios`, whatever texts from outside it contains."""

from agent.formats import nagios
from agent.formats.registry import RenderOptions
from agent.report.escape import visible
from tests.formats.plugin_output import STATES, read
from tests.support.untrusted import spoken


def check(text: str) -> None:
    report = spoken(text)
    for code in range(4):
        output = read(nagios.render(report, RenderOptions(exit_code=code)))
        assert output.word == {code: word for word, code in STATES.items()}[code]
    shown = visible(text).replace("|", r"\x7c")
    if len(shown) < 200:
        assert f"   {shown}".rstrip() in [line.rstrip() for line in output.lines]
        assert f"   What to do: {shown}".rstrip() in [line.rstrip() for line in output.lines]
