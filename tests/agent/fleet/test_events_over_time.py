"""Estates over ten sweeps. Each change is reported once, in its sweep. Without a change, there is no event. `./dev test
-n 0 -s` prints the counts.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from agent.fleet.database import Database
from agent.fleet.events import FleetEvent, events
from tests.agent.fleet.test_estates import asked
from tests.support.estates import Story, eventful, steady
from tests.support.extent import one_in

STEADY: Final = one_in(34, range(100))
EVENTFUL: Final = one_in(17, range(50))


@pytest.fixture(scope="module")
def counts() -> Iterator[Counter[str]]:
    """The counts of this process, printed at the end."""
    counted: Counter[str] = Counter()
    yield counted
    sys.stdout.write(f"\n{', '.join(f'{count} {what}' for what, count in counted.items())}\n")


def told(story: Story) -> dict[int, list[FleetEvent]]:
    """The events of each sweep if the fleet is joined right after it."""
    found = {}
    for number in range(1, len(story.sweeps)):
        with Database() as engine:
            document = asked(engine, [read for sweep in story.sweeps[: number + 1] for read in sweep])
            found[number] = list(events(document))
    return found


@pytest.mark.parametrize("seed", STEADY)
def test_where_nothing_changes_there_is_no_event(seed: int, counts: Counter[str]) -> None:
    story = steady(seed)
    found = [(number, event.turn, event.key) for number, of in told(story).items() for event in of]
    counts.update({"estates in which nothing changes": 1, "events of these": len(found)})
    assert found == [], story.kind


@pytest.mark.parametrize("seed", EVENTFUL)
def test_what_happens_is_told_once_in_its_sweep(seed: int, counts: Counter[str]) -> None:
    story = eventful(seed)
    found = Counter((number, str(event.turn)) for number, of in told(story).items() for event in of)
    is_right = found == Counter((story.begins, turn) for turn in story.turns)
    counts.update({"estates in which something happens": 1, "told once in its sweep": int(is_right)})
    assert is_right, (story.kind, story.begins, found)
