"""Every step becomes exactly one observation, however it ends."""

import asyncio
import errno
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from probes.facts import LookupFacts, TcpFacts
from probes.model import Draft, Failed, FailureKind, Observation, Ok, ProbeError, Skipped, Step, Subject
from probes.observe import Log
from tests.support.fakes import ADDRESS, NOW, forever, os_error

pytestmark = pytest.mark.virtual_clock

SUBJECT = Subject(step=Step.TCP, target="backup", address=ADDRESS, port=443)
OTHER = Subject(step=Step.TLS, target="backup", address=ADDRESS, port=443)
SEEN = TcpFacts(retransmits=1)
LIMIT = 3.0


def a_log() -> tuple[Log, list[Observation[Any]]]:
    """A log whose wall clock follows the clock of the loop, and the observations that the log emits."""
    emitted: list[Observation[Any]] = []

    def now() -> Any:
        return NOW + timedelta(seconds=asyncio.get_running_loop().time())

    return Log(now=now, emit=emitted.append), emitted


async def test_success() -> None:
    async def body(draft: Draft[TcpFacts]) -> str:
        await asyncio.sleep(1)
        draft.facts = SEEN
        return "the stream"

    log, emitted = a_log()
    await asyncio.sleep(5)
    observation, value = await log.observe(SUBJECT, body, limit=LIMIT)
    assert value == "the stream"
    assert observation.outcome == Ok(SEEN)
    assert (observation.subject, observation.started_at) == (SUBJECT, NOW + timedelta(seconds=5))
    assert observation.seconds == 1.0
    assert emitted == [observation]
    assert log.made == (observation,)


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        pytest.param(os_error(errno.ECONNREFUSED), FailureKind.REFUSED, "ECONNREFUSED", id="of the kernel"),
        pytest.param(ProbeError(FailureKind.NOT_AWS, "no", code="200"), FailureKind.NOT_AWS, "200", id="of a probe"),
        pytest.param(TimeoutError(), FailureKind.TIMEOUT, None, id="a timeout further inside"),
        pytest.param(os_error(errno.ETIMEDOUT), FailureKind.TIMEOUT, "ETIMEDOUT", id="the kernel gave up"),
        pytest.param(IndexError("list index"), FailureKind.BUG, "IndexError", id="crash"),
    ],
)
async def test_what_a_body_raises_is_an_outcome_beside_what_it_saw(
    error: Exception, kind: FailureKind, code: str | None
) -> None:
    async def body(draft: Draft[TcpFacts]) -> str:
        draft.facts = SEEN
        await asyncio.sleep(1)
        raise error

    log, emitted = a_log()
    observation, value = await log.observe(SUBJECT, body, limit=LIMIT)
    assert value is None
    assert isinstance(observation.outcome, Failed)
    assert (observation.outcome.failure.kind, observation.outcome.failure.code) == (kind, code)
    assert observation.facts == SEEN
    assert observation.seconds == 1.0
    assert emitted == [observation]


async def test_the_window_ends_a_body_that_hangs() -> None:
    async def body(draft: Draft[TcpFacts]) -> None:
        draft.facts = SEEN
        await forever()

    log, _ = a_log()
    observation, _ = await log.observe(SUBJECT, body, limit=LIMIT)
    assert observation.failure is not None
    assert (observation.failure.kind, observation.failure.code) == (FailureKind.TIMEOUT, None)
    assert observation.failure.message == "no end within 3 s"
    assert (observation.seconds, observation.facts) == (LIMIT, SEEN)
    assert observation.made


async def test_an_expired_window_wins_over_the_error_of_a_clean_up() -> None:
    async def body(draft: Draft[TcpFacts]) -> None:
        try:
            await forever()
        finally:
            draft.facts = SEEN
            raise os_error(errno.ECONNRESET)

    log, _ = a_log()
    observation, _ = await log.observe(SUBJECT, body, limit=LIMIT)
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.TIMEOUT
    assert observation.facts == SEEN


async def test_an_error_before_the_end_of_the_window_is_itself() -> None:
    async def body(draft: Draft[TcpFacts]) -> None:
        await asyncio.sleep(LIMIT - 0.001)
        raise os_error(errno.EHOSTUNREACH)

    log, _ = a_log()
    observation, _ = await log.observe(SUBJECT, body, limit=LIMIT)
    assert observation.failure is not None
    assert observation.failure.kind is FailureKind.UNREACHABLE


async def test_success_without_facts_is_a_bug_and_gives_nothing() -> None:
    async def body(draft: Draft[TcpFacts]) -> str:
        return "a value without facts"

    log, emitted = a_log()
    observation, value = await log.observe(SUBJECT, body, limit=LIMIT)
    assert observation.failure is not None
    assert (observation.failure.kind, observation.failure.code) == (FailureKind.BUG, "TypeError")
    assert value is None
    assert emitted == [observation]


async def test_cancellation_passes_through_and_close_records_what_was_seen() -> None:
    async def body(draft: Draft[TcpFacts]) -> None:
        draft.facts = SEEN
        await forever()

    log, emitted = a_log()
    looking = asyncio.create_task(log.observe(SUBJECT, body, limit=LIMIT))
    await asyncio.sleep(1)
    looking.cancel()
    await asyncio.wait([looking])
    assert looking.cancelled()
    assert log.made == ()
    await asyncio.sleep(1)
    log.close("interrupted by SIGTERM", "SIGTERM")
    (observation,) = emitted
    assert observation.failure is not None
    assert (observation.failure.kind, observation.failure.code) == (FailureKind.DEADLINE, "SIGTERM")
    assert observation.failure.message == "cut short: interrupted by SIGTERM"
    assert (observation.facts, observation.started_at, observation.seconds) == (SEEN, NOW, 2.0)
    assert not observation.made


async def test_cancellation_in_the_instant_in_which_the_window_ends_passes_through() -> None:
    async def body(draft: Draft[TcpFacts]) -> None:
        await forever()

    log, emitted = a_log()
    looking = asyncio.create_task(log.observe(SUBJECT, body, limit=LIMIT))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_at(LIMIT, looking.cancel)
    await asyncio.wait([looking])
    assert looking.cancelled()
    assert emitted == []


async def test_close_gives_every_open_look_its_observation_once() -> None:
    async def quick(draft: Draft[TcpFacts]) -> None:
        draft.facts = SEEN

    log, emitted = a_log()
    third = Subject(step=Step.HTTP, target="backup")
    log.plan(SUBJECT, OTHER, third)
    assert log.planned == 3
    await log.observe(SUBJECT, quick, limit=LIMIT)
    log.skip(third, "not wanted")
    log.close("the deadline came", None)
    log.close("the deadline came", None)
    assert [observation.id for observation in emitted] == [SUBJECT.id, third.id, OTHER.id]
    assert emitted[0].ok
    assert emitted[1].outcome == Skipped("not wanted")
    assert emitted[2].outcome == Skipped("not started: the deadline came")
    assert tuple(emitted) == log.made


async def test_skip() -> None:
    log, emitted = a_log()
    log.skip(SUBJECT, "tcp failed: timeout")
    (observation,) = emitted
    assert observation.outcome == Skipped("tcp failed: timeout")
    assert (observation.started_at, observation.seconds, observation.facts) == (None, None, None)
    assert not observation.made
    assert log.planned == 1


async def test_announcing_twice_counts_once() -> None:
    log, emitted = a_log()
    first, second = replace(SUBJECT, after="dns/backup/a"), replace(SUBJECT, after="dns/backup/b")
    log.plan(first)
    log.plan(second, OTHER)
    assert log.planned == 2
    log.close("the end", None)
    assert [observation.subject for observation in emitted] == [first, OTHER]


@pytest.mark.parametrize("first", ["observe", "skip"])
@pytest.mark.parametrize("second", ["observe", "skip"])
async def test_a_second_observation_of_the_same_look_is_an_error(first: str, second: str) -> None:
    async def body(draft: Draft[LookupFacts]) -> None:
        draft.facts = LookupFacts(addresses=())

    log, emitted = a_log()

    async def attempt(how: str) -> None:
        if how == "skip":
            log.skip(SUBJECT, "why")
        else:
            await log.observe(SUBJECT, body, limit=LIMIT)

    await attempt(first)
    with pytest.raises(ValueError, match="observed twice"):
        await attempt(second)
    assert len(emitted) == len(log.made) == 1


async def test_a_look_that_was_made_elsewhere_is_kept_as_it_is() -> None:
    log, emitted = a_log()
    earlier = Observation(subject=SUBJECT, outcome=Ok(SEEN), started_at=NOW - timedelta(days=2), seconds=0.5)
    assert log.find(SUBJECT.id) is None
    log.keep(earlier)
    assert (log.find(SUBJECT.id), log.made, emitted, log.planned) == (earlier, (earlier,), [earlier], 1)
    with pytest.raises(ValueError, match="twice"):
        log.keep(earlier)
    log.close("the end", None)
    assert log.made == (earlier,)


async def test_looks_are_told_of_when_they_are_known_and_when_they_begin() -> None:
    notices: list[tuple[str, str]] = []

    async def body(draft: Draft[TcpFacts]) -> None:
        notices.append(("inside", SUBJECT.id))
        draft.facts = SEEN

    log = Log(
        now=lambda: NOW,
        emit=lambda observation: notices.append(("emitted", observation.id)),
        planned=lambda subject: notices.append(("planned", subject.id)),
        started=lambda subject: notices.append(("started", subject.id)),
    )
    log.plan(SUBJECT, OTHER)
    await log.observe(SUBJECT, body, limit=LIMIT)
    log.skip(OTHER, "so it is")
    first, second = SUBJECT.id, OTHER.id
    assert notices == [
        ("planned", first),
        ("planned", second),
        ("started", first),
        ("inside", first),
        ("emitted", first),
        ("emitted", second),
    ]
