"""The AWS kinds for which a plan is not judged."""

from tests.agent.predict.not_judged import FILE, not_judged
from tests.support.sections import STALE


def test_no_kind_is_added_to_those_that_are_not_judged() -> None:
    assert not_judged() == FILE.read_text("ascii"), STALE
