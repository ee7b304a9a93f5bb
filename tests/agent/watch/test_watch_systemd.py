"""The messages that the service manager gets, read from the other end of a real socket."""

import asyncio
import itertools
import os
import stat
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.process.output import in_journal
from agent.watch.config import WatchConfig
from agent.watch.reload import READ_SECONDS, CannotListenError
from agent.watch.systemd import MAX_STATUS, Manager
from tests.agent.watch import clients
from tests.agent.watch.clients import LOOPBACK, Runs, free_port, job_of, leap, listening, played, until, watching
from tests.support.fakes import open_files
from tests.support.runs import measurement_of


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[clients.Manager]:
    """A service manager, with a socket of either kind."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@backuplink-{uuid.uuid4()}"
    with clients.Manager(name) as service_manager:
        yield service_manager


@pytest.fixture(autouse=True)
def _measured() -> None:
    """Make the measurements before the loop of a test runs, since each measurement uses its own loop."""
    measurement_of("healthy")


def watchdog(manager: clients.Manager, seconds: float) -> dict[str, str]:
    """The environment of a watch whose service manager has a watchdog."""
    return {**manager.environment, "WATCHDOG_USEC": str(int(seconds * 1e6)), "WATCHDOG_PID": "1"}


# --- The protocol ----------------------------------------------------------------------------------------------------


def test_each_word_is_one_datagram_of_the_protocol(manager: clients.Manager) -> None:
    notifier = Manager(manager.environment, process_id=1)
    notifier.ready()
    notifier.status("cycle 1: ok")
    notifier.alive()
    notifier.reloading(12_345)
    notifier.stopping()
    assert manager.messages() == [
        "READY=1",
        "STATUS=cycle 1: ok",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=12345",
        "STOPPING=1",
    ]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("one\nWATCHDOG=1", "one WATCHDOG=1"),
        ("one\r\n\ttwo\v\f\x1c\x85\u2028three ", "one two three"),
        ("\x1b[2Jone\x00\x7f", "\\x1b[2Jone\\x00\\x7f"),
        ("one \ud800", "one \\ud800"),
        ("zurück", "zurück"),
        ("x" * 1000, "x" * MAX_STATUS),
    ],
)
def test_a_status_is_one_short_line_that_moves_no_cursor(manager: clients.Manager, words: str, status: str) -> None:
    Manager(manager.environment, process_id=1).status(words)
    (message,) = manager.messages()
    assert len(message) <= len("STATUS=") + MAX_STATUS
    assert "\n" not in message
    assert message.startswith(f"STATUS={status[:200]}")
    assert len(words) >= MAX_STATUS or message == f"STATUS={status}"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}])
def test_without_a_manager_nothing_is_told(environment: dict[str, str]) -> None:
    notifier = Manager({**environment, "WATCHDOG_USEC": "1000000"}, process_id=1)
    notifier.ready()
    assert notifier.watchdog_seconds is None


@pytest.mark.parametrize("name", ["no/such", "/dev/null", "@nobody-is-there", "vsock:2:1", "@", "/" + "x" * 200, "."])
def test_a_manager_that_cannot_be_told_stops_no_watch(name: str) -> None:
    before = open_files()
    notifier = Manager({"NOTIFY_SOCKET": name}, process_id=1)
    notifier.ready()
    notifier.status("cycle 1: ok")
    assert open_files() - before == Counter()


def test_a_manager_that_takes_no_more_is_not_waited_for(tmp_path: Path) -> None:
    with clients.Manager(str(tmp_path / "notify"), room=1) as manager:
        notifier = Manager(manager.environment, process_id=1)
        for _ in range(10_000):
            notifier.alive()
        taken = manager.messages()
        assert 0 < len(taken) < 10_000
        notifier.ready()
        assert manager.messages() == ["READY=1"]  # the socket has room again


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "07"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "x"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": ""}, 30.0),
        ({"WATCHDOG_PID": "7"}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "1.5"}, None),
        ({"WATCHDOG_USEC": " 1"}, None),
        ({"WATCHDOG_USEC": "\u0661"}, None),
        ({"WATCHDOG_USEC": "\xb2"}, None),
        ({"WATCHDOG_USEC": "1"}, 1e-6),
        ({"WATCHDOG_USEC": str(2**64 - 2)}, (2**64 - 2) / 1e6),
        ({"WATCHDOG_USEC": str(2**64 - 1)}, None),
        ({"WATCHDOG_USEC": "9" * 5000}, None),
    ],
)
def test_the_watchdog_is_taken_as_systemd_gives_it(given: dict[str, str], seconds: float | None) -> None:
    assert Manager({"NOTIFY_SOCKET": "@x", **given}, process_id=7).watchdog_seconds == seconds


def test_the_journal_is_known_by_the_stream_itself(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        known = os.fstat(writing)
        assert stat.S_ISFIFO(known.st_mode)
        stream = f"{known.st_dev}:{known.st_ino}"
        assert in_journal(writing, {"JOURNAL_STREAM": stream})
        for other in ("", ":", stream + "0", f"{known.st_dev}", f"{known.st_ino}:{known.st_dev}", "x:y", f"{stream}:1"):
            assert not in_journal(writing, {"JOURNAL_STREAM": other})
        assert not in_journal(writing, {})
        with open(tmp_path / "log", "w") as redirected:
            assert not in_journal(redirected.fileno(), {"JOURNAL_STREAM": stream})
    finally:
        os.close(reading)
        os.close(writing)
    assert not in_journal(writing, {"JOURNAL_STREAM": stream})  # the descriptor is closed


# --- A watch ---------------------------------------------------------------------------------------------------------


@pytest.mark.virtual_clock
async def test_a_watch_is_ready_once_then_has_a_status_a_cycle_and_stops(manager: clients.Manager) -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        async with watching(job_of(runs, cycles=3), environment=manager.environment) as watched:
            await watched.over

    await go()
    messages = manager.messages()
    assert (messages[0], messages[-1]) == ("READY=1", "STOPPING=1")
    assert [message.split(":")[0] for message in messages[1:-1]] == [f"STATUS=cycle {number}" for number in (1, 2, 3)]
    assert all(message.split(": ", 1)[1].startswith("ok: ") for message in messages[1:-1])


def test_a_watch_that_cannot_listen_is_never_ready(manager: clients.Manager) -> None:
    async def go() -> None:
        async with listening() as taken:
            job = job_of(Runs(measurement_of("healthy")), listen=(LOOPBACK, taken.port))
            with pytest.raises(
                CannotListenError, match=rf"^cannot listen on 127\.0\.0\.1 port {taken.port}: Address a"
            ):
                async with watching(job, environment=manager.environment) as watched:
                    await watched.over

    played(go())
    assert manager.messages() == []


def test_it_is_ready_when_it_listens_and_before_the_first_cycle_is_over(manager: clients.Manager) -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"))
        job = job_of(runs, listen=(LOOPBACK, free_port()))
        async with watching(job, environment=manager.environment) as watched:
            await until(lambda: runs.started == 1)
            assert manager.messages() == ["READY=1"]
            assert (await clients.got(watched.listener, "/healthz")).status == 200
            runs.gate.set()
            await until(lambda: manager.messages() != [])

    played(go())


@pytest.mark.virtual_clock
async def test_the_watchdog_hears_of_cycles_that_end_and_of_nothing_else(manager: clients.Manager) -> None:
    """If a cycle hangs, the watchdog gets no message, although the process still runs."""
    seconds, interval, deadline = 30.0, 60.0, 20.0

    runs = Runs(measurement_of("healthy"), through=True)
    beats: list[float] = []

    async def hear(until: float) -> None:
        while (now := asyncio.get_running_loop().time()) < until:
            beats.extend(now for message in manager.messages() if message == "WATCHDOG=1")
            await asyncio.sleep(1.0)

    job = job_of(runs, interval=interval, deadline=deadline)
    async with watching(job, environment=watchdog(manager, seconds)) as watched:
        await hear(500.0)
        apart = [after - before for before, after in itertools.pairwise(beats)]
        assert len(beats) >= 500 / (seconds / 2)
        assert max(apart) <= seconds / 2  # sd_watchdog_enabled(3) recommends this
        runs.gate.clear()
        ended = watched.watch._finished
        assert ended is not None
        beats.clear()
        await hear(2000.0)
        most = 2 * interval + deadline
        assert ended + most - seconds / 2 <= max(beats) <= ended + most + 1  # the last beat is not later than that
        beats.clear()
        runs.gate.set()
        await hear(2100.0)
        assert min(beats) <= 2000 + seconds / 2  # the watch continues
        runs.broken = True
        beats.clear()
        await hear(4000.0)
        assert runs.started > 30
        assert max(beats) <= 2100 + most + 1  # cycles that end by an exception give no sign of life


@pytest.mark.virtual_clock
async def test_without_a_watchdog_nothing_is_said_of_life(manager: clients.Manager) -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        async with watching(job_of(runs), environment=manager.environment):
            await asyncio.sleep(600.0)

    await go()
    assert "WATCHDOG=1" not in manager.messages()


@pytest.mark.parametrize("good", [True, False])
def test_a_reload_begins_and_ends_for_the_manager_whatever_becomes_of_it(manager: clients.Manager, good: bool) -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)

        new = job_of(runs)

        def reread() -> WatchConfig:
            if not good:
                raise ValueError("no such region\nREADY=1")
            return new

        async with watching(job_of(runs), environment=manager.environment, reread=reread) as watched:
            messages: list[str] = []

            def received() -> int:
                messages.extend(manager.messages())
                return len(messages)

            await until(lambda: received() == 2)
            for number in (1, 2):
                watched.watch.read_again()
                await until(lambda wanted=2 + 2 * number: received() == wanted)  # type: ignore[misc]
            assert [message.split("\n")[0] for message in messages[2:]] == ["RELOADING=1", "READY=1"] * 2
            since = [
                int(message.split("MONOTONIC_USEC=")[1]) for message in messages if message.startswith("RELOADING")
            ]
            assert since == sorted(since)
            assert since[0] > 0
            assert watched.watch._counts.reloads == ({True: 2} if good else {False: 2})

    played(go())


def test_a_reload_is_not_cut_by_the_next_cycle(manager: clients.Manager) -> None:
    """If the next cycle interrupted a reload, only half of the settings would be applied, and the manager would wait
    for READY.
    """

    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        held = clients.Held()
        # This is made here, because it imports modules and so opens files. A released thread would do so at any time.
        new = job_of(runs, raise_after=7)

        def reread() -> WatchConfig:
            held.wait()
            return new

        async with watching(job_of(runs), environment=manager.environment, reread=reread) as watched:
            await until(lambda: runs.started == 1 and watched.watch._finished is not None)
            leap(57.0)
            watched.watch.read_again()
            await until(lambda: held.waiting)
            leap(9.0)  # the next cycle is due, and the reload has time left
            await clients.turns()
            held.release()
            await until(lambda: watched.watch._config.watching.raise_after == 7)
            await until(lambda: runs.started == 2)
            messages = manager.messages()
            assert [message.split("\n")[0] for message in messages if not message.startswith("STATUS")] == [
                "READY=1",
                "RELOADING=1",
                "READY=1",
            ]

    played(go())


@pytest.mark.parametrize("stopped", [False, True])
def test_settings_that_cannot_be_read_for_a_hanging_disk_hold_up_nothing(
    manager: clients.Manager, stopped: bool
) -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        held = clients.Held()
        # This is made here, because it imports modules and so opens files. A released thread would do so at any time.
        new = job_of(runs, raise_after=7)

        def reread() -> WatchConfig:
            held.wait()
            return new

        async with watching(job_of(runs), environment=manager.environment, reread=reread) as watched:
            await until(lambda: runs.started == 1 and watched.watch._finished is not None)
            watched.watch.read_again()
            await until(lambda: held.waiting)
            if stopped:
                asked_at = asyncio.get_running_loop().time()
                watched.stop.cancel("SIGTERM")
                await watched.over
                assert asyncio.get_running_loop().time() - asked_at < READ_SECONDS  # the end did not wait for the read
            else:
                leap(READ_SECONDS)
                await until(lambda: watched.watch._counts.reloads[False] == 1)
                leap(60.0)
                await until(lambda: runs.started == 2)
            held.release()
        assert any("were rejected" in line for line in watched.lines)
        assert watched.watch._config.watching.raise_after == 2
        messages = [message.split("\n")[0] for message in manager.messages() if not message.startswith("STATUS")]
        assert messages == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]

    played(go())
