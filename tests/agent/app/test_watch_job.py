"""What a watch of this host does between two cycles."""

import gc
from collections.abc import Collection

import pytest

from agent.app import watch_job
from probes.system import sdk


def test_children_end_after_each_cycle_and_what_was_imported_is_passed_over_after_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[object] = []

    def end_children(spare: Collection[int]) -> None:
        done.append(spare)

    monkeypatch.setattr(sdk, "end_children", end_children)
    for name in ("collect", "freeze"):
        monkeypatch.setattr(gc, name, lambda name=name: done.append(name))
    monkeypatch.setattr(gc, "set_threshold", done.append)
    tidy = watch_job.tidying()
    for spare in ({1}, {2}, {3}):
        tidy(spare)
    assert done == [{1}, "collect", "freeze", 10_000, {2}, {3}]
