"""The time limit of a step on a host that is late: real steps run in virtual time, in which the clock leaps when the
process is stopped.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from agent.simulated.clock import VirtualLoop
from probes.facts import TcpFacts
from probes.failure import PeerClosedError
from probes.model import STARVED, Draft, FailureKind, Observation, ProbeError, Step, Subject
from probes.observe import Log
from tests.support.fakes import ADDRESS, NOW, forever

pytestmark = pytest.mark.virtual_clock

LIMIT = 3.0
SUBJECT = Subject(step=Step.TLS, target="backup", address=ADDRESS, port=443)
SEEN = TcpFacts(retransmits=1)


class Host:
    """A host that sometimes stops this process."""

    def __init__(self) -> None:
        self.late = 0.0

    def stop(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.leap(seconds)
        self.late += seconds

    def log(self) -> Log:
        def now() -> Any:
            return NOW + timedelta(seconds=asyncio.get_running_loop().time())

        return Log(now=now, emit=lambda _: None, lateness=lambda: self.late, run_delay=lambda: self.late / 2)


async def observed(
    body: Callable[[Host, Draft[TcpFacts]], Awaitable[Any]],
    *,
    by_kernel: bool = False,
    stops: tuple[tuple[float, float], ...] = (),
    **how: Any,
) -> Observation[TcpFacts]:
    """The observation of one step, during which the process is stopped several times."""
    machine = Host()

    async def stopping() -> None:
        for after, seconds in stops:
            await asyncio.sleep(after)
            machine.stop(seconds)

    stopper = asyncio.create_task(stopping())
    try:
        seen: Observation[TcpFacts]
        seen, _ = await machine.log().observe(
            SUBJECT, lambda draft: body(machine, draft), limit=LIMIT, by_kernel=by_kernel, **how
        )
    finally:
        stopper.cancel()
    return seen


async def answered_after_a_second(_: Host, draft: Draft[TcpFacts]) -> None:
    for _turn in range(10):
        await asyncio.sleep(0.1)
    draft.facts = SEEN


async def never_answered(_: Host, draft: Draft[TcpFacts]) -> None:
    draft.facts = SEEN
    await forever()


@pytest.mark.parametrize("stops", [((0.5, 4.0),), ((0.05, 2.9), (0.2, 2.9), (0.2, 2.9)), ((2.0, 60.0),)], ids=str)
async def test_what_a_stop_takes_is_given_back(stops: tuple[tuple[float, float], ...]) -> None:
    assert (await observed(answered_after_a_second, stops=stops)).ok


async def test_an_answer_that_came_meanwhile_counts() -> None:
    """A connection can get an answer while the process is stopped, since the kernel completes it by itself."""

    async def connect(_: Host, draft: Draft[TcpFacts]) -> None:
        await asyncio.sleep(2.0)
        draft.facts = SEEN

    assert (await observed(connect, by_kernel=True, stops=((1.0, 8.0),))).ok


@pytest.mark.parametrize(("by_kernel", "seconds"), [(False, LIMIT + 4.0), (True, LIMIT + 2.0)])
async def test_silence_is_silence_on_a_host_that_is_late(by_kernel: bool, seconds: float) -> None:
    """A step gets more time if the process was stopped before its end. A step that the kernel completes gets one turn
    of the loop if the stop lasted beyond its end.
    """
    seen = await observed(never_answered, by_kernel=by_kernel, stops=((1.0, 4.0),))
    assert seen.failure is not None
    assert seen.failure.kind is FailureKind.TIMEOUT
    assert seen.facts == SEEN
    assert seen.seconds is not None
    assert LIMIT <= seen.seconds <= seconds + 0.3


@pytest.mark.parametrize(("by_library", "code"), [(True, STARVED), (False, None)])
async def test_what_a_library_gives_too_late_by_the_clock_is_not_known(by_library: bool, code: str | None) -> None:
    """The C library gives up on a silent server after five seconds, even if this process was stopped for a part of this
    time.
    """

    async def given_up(_: Host, draft: Draft[TcpFacts]) -> None:
        await asyncio.sleep(LIMIT + 2.0)
        draft.facts = SEEN

    seen = await observed(given_up, by_library=by_library, stops=((1.0, 3.0),))
    assert (None if seen.failure is None else seen.failure.code) == code
    assert (seen.facts is None) is by_library
    quick = await observed(answered_after_a_second, by_library=by_library, stops=((0.5, 1.0),))
    assert quick.failure is None


async def test_without_a_stop_the_time_is_what_it_was() -> None:
    seen = await observed(never_answered)
    assert seen.seconds == LIMIT
    assert seen.failure is not None
    assert (seen.failure.kind, seen.failure.message) == (FailureKind.TIMEOUT, "no end within 3 s")


async def test_a_process_that_hardly_ran_learned_nothing() -> None:
    seen = await observed(never_answered, stops=((0.1, 100.0),))
    assert seen.failure is not None
    assert (seen.failure.kind, seen.failure.code, seen.made) == (FailureKind.DEADLINE, STARVED, False)
    assert seen.failure.message == (
        "this host kept backuplink from running for 100 of 100 s, 50 s of them because no processor was free"
    )
    assert seen.facts == SEEN


async def test_what_the_kernel_did_is_a_fault_however_busy_the_host() -> None:
    seen = await observed(never_answered, by_kernel=True, stops=((0.1, 100.0),))
    assert seen.failure is not None
    assert seen.failure.kind is FailureKind.TIMEOUT


GAVE_UP = (
    PeerClosedError(),
    ConnectionResetError(104, "reset"),
    TimeoutError(),
    ProbeError(FailureKind.CLOSED, "gone"),
)


@pytest.mark.parametrize("error", GAVE_UP, ids=repr)
@pytest.mark.parametrize("late", [True, False], ids=["late", "in time"])
async def test_a_step_is_made_once_more_where_a_peer_gave_up_on_this_host(error: Exception, late: bool) -> None:
    calls = []

    async def given_up(host: Host, draft: Draft[TcpFacts]) -> None:
        calls.append("step")
        draft.facts = SEEN
        if len(calls) == 1:
            await asyncio.sleep(0.1)
            host.stop(4.0 if late else 0.1)
            raise error

    async def before_again() -> None:
        calls.append("before")

    seen = await observed(given_up, before_again=before_again)
    assert seen.ok is late
    assert calls == (["step", "before", "step"] if late else ["step"])


async def test_a_peer_that_gives_up_twice_is_at_fault() -> None:
    async def given_up(host: Host, _: Draft[TcpFacts]) -> None:
        host.stop(4.0)
        raise PeerClosedError

    seen = await observed(given_up)
    assert seen.failure is not None
    assert seen.failure.kind is FailureKind.CLOSED


@pytest.mark.parametrize("kind", [FailureKind.NOT_AWS, FailureKind.TLS_UNTRUSTED, FailureKind.ACCESS_DENIED])
async def test_an_answer_is_an_answer_on_a_host_that_is_late(kind: FailureKind) -> None:
    calls = []

    async def refused(host: Host, _: Draft[TcpFacts]) -> None:
        calls.append("step")
        host.stop(4.0)
        raise ProbeError(kind, "no")

    seen = await observed(refused)
    assert (seen.failure is not None and seen.failure.kind, calls) == (kind, ["step"])


@pytest.mark.parametrize(
    ("signal", "stop", "code"),
    [(None, 30.0, STARVED), (None, 8.0, None), ("SIGINT", 30.0, "SIGINT")],
    ids=["most of the run", "less", "interrupted"],
)
async def test_a_run_that_ends_for_a_stop_says_so(signal: str | None, stop: float, code: str | None) -> None:
    machine = Host()

    log = machine.log()

    async def body(draft: Draft[TcpFacts]) -> None:
        await never_answered(machine, draft)

    step = asyncio.create_task(log.observe(SUBJECT, body, limit=LIMIT))
    await asyncio.sleep(0.5)
    machine.stop(stop)
    await asyncio.sleep(0)
    if code is None:
        await asyncio.sleep(0.1)
        machine.late /= 4  # the process ran for most of that time
    step.cancel()
    await asyncio.wait([step])
    log.close("the run's deadline of 20 s came", signal)
    seen = log.made[0]
    assert seen.failure is not None
    assert (seen.failure.kind, seen.failure.code) == (FailureKind.DEADLINE, code)
