"""The worlds that CI builds in namespaces: a sample that contains every wire shape. To choose the sample, every world
must run in memory, so the result is kept in a file. `python -m tests.netns.sample` writes it.
"""

from functools import cache
from pathlib import Path
from typing import Final

from agent.report.model import Measurement
from tests.netns import shapes
from tests.netns.variants import VARIANTS
from tests.support import scenarios
from tests.support.runs import measured, measurement_of

FILE: Final = Path(__file__).with_name("sample.txt")
NAMES: Final = tuple(name for name in scenarios.names() if "namespaces" in scenarios.load(name).worlds)
WORLDS: Final = {name: scenarios.text(name) for name in NAMES} | VARIANTS


@cache
def in_memory(name: str) -> Measurement:
    """The measurement of a world's run in memory."""
    return measurement_of(name) if name not in VARIANTS else measured(scenarios.parse(name, WORLDS[name]))[0]


def every_shape() -> dict[str, frozenset[object]]:
    """The wire shapes of each world."""
    return {name: shapes.shapes(scenarios.parse(name, WORLDS[name]), in_memory(name)) for name in WORLDS}


def kept() -> tuple[str, ...]:
    """The worlds in the file."""
    return tuple(FILE.read_text("ascii").split())


if __name__ == "__main__":
    FILE.write_text("".join(f"{name}\n" for name in shapes.sample(every_shape())), "ascii")
