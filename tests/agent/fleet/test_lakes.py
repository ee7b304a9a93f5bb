"""More hosts than one machine can join: ten lakes, each joined by its own process, and their answers, as in `./dev
bench --lakes`.
"""

from collections import Counter
from dataclasses import replace

import pytest

from tests.bench.lakes import LAKE_COUNT, Joined, join, problems
from tests.support.extent import everything

HOSTS = 2_000
pytestmark = pytest.mark.skipif(not everything(), reason="runs only with --everything: it takes eleven processes")


@pytest.fixture(scope="module")
def joined() -> Joined:
    return join(HOSTS)


def test_ten_lakes_add_up(joined: Joined) -> None:
    assert problems(joined) == []
    assert joined.whole.totals.hosts == LAKE_COUNT * HOSTS
    assert {"VPC002", "TLS004", "TCP001"} <= {cause.code for cause in joined.whole.causes}


def test_a_cause_of_all_lakes_is_one(joined: Joined) -> None:
    (image,) = (cause for cause in joined.whole.causes if cause.code == "TLS004")
    assert image.host_count == sum(
        cause.host_count for part in joined.parts for cause in part.causes if cause.key == image.key
    )
    assert len([part for part in joined.parts if image.key in {cause.key for cause in part.causes}]) == LAKE_COUNT


def test_what_does_not_add_up_is_named(joined: Joined) -> None:
    whole = joined.whole
    assert problems(replace(joined, made=joined.made + Counter(ok=1))) == [
        f"hosts: {whole.totals.hosts} and not {whole.totals.hosts + 1}",
        f"hosts that are well: {whole.totals.ok} and not {whole.totals.ok + 1}",
    ]
    assert problems(replace(joined, whole=replace(whole, causes=whole.causes[1:])))[0].startswith("hosts by cause: ")
    copies = (joined.parts[0],) * LAKE_COUNT
    assert any(
        problem.startswith("different answers: 1 and not 10") for problem in problems(replace(joined, parts=copies))
    )
