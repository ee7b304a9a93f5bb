"""The listener of a watch. It shows data of the cycles, begins runs on demand, follows new settings, and reveals no
secrets.
"""

import asyncio
import json
import subprocess
from ipaddress import ip_address
from typing import Any

import pytest

from agent.report.codec import dumps, encode
from agent.report.redact import redact
from agent.watch.config import WatchConfig
from agent.watch.schedule import PROBE_SECONDS
from tests.agent.watch import clients
from tests.agent.watch.clients import (
    LOOPBACK,
    Got,
    Runs,
    Watched,
    answer_in,
    connection,
    free_port,
    got,
    job_of,
    leap,
    played,
    request_for,
    turns,
    until,
    watching,
)
from tests.formats.monitors import families_in, promtool, samples_in
from tests.support import scenarios
from tests.support.planted import leaked
from tests.support.planted_scenarios import planted
from tests.support.runs import measured, measurement_of, report_of

FAULTY = "gateway-ports-missing"
INTERVAL = 60.0
DEADLINE = 20.0


@pytest.fixture(autouse=True)
def _measured() -> None:
    """Make the measurements before the loop of a test runs, since each measurement uses its own loop."""
    measurement_of("healthy")
    measurement_of(FAULTY)


def listening(runs: Runs, **given: Any) -> WatchConfig:
    """A job that listens on a port of loopback."""
    return job_of(runs, **({"listen": (LOOPBACK, free_port())} | given))


async def first_cycle(watched: Watched) -> None:
    """Wait for the end of the first cycle."""
    await until(lambda: watched.watch._finished is not None and not watched.watch._in_flight)


def cycles_in(answer: Got) -> float:
    """The number of cycles that an answer with metrics counts."""
    assert answer.status == 200
    return samples_in(answer.body)["backuplink_watch_cycles_total", frozenset()]


# --- Without a run ---------------------------------------------------------------------------------------------------


def test_a_scrape_waits_for_no_run_and_liveness_is_that_of_the_cycle() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"))
        async with watching(listening(runs)) as watched:
            await until(lambda: runs.started == 1)
            before = await got(watched.listener, "/metrics")
            assert cycles_in(before) == 0
            assert (await got(watched.listener, "/report.json")).status == 503
            answer = await got(watched.listener, "/healthz")
            assert (answer.status, answer.body) == (200, "cycles finished: 0\n")
            leap(2 * INTERVAL + DEADLINE - 1)
            assert (await got(watched.listener, "/healthz")).status == 200
            leap(2)
            answer = await got(watched.listener, "/healthz")
            assert answer.status == 503
            assert answer.body.startswith("cycles finished: 0; the next is overdue by ")
            assert cycles_in(await got(watched.listener, "/metrics")) == 0  # scrapes do not wait either
            runs.gate.set()
            await until(lambda: watched.watch._counts.cycles == 2)  # the second cycle was late, and began at once
            answer = await got(watched.listener, "/healthz")
            assert (answer.status, answer.body) == (200, "cycles finished: 2; the last 0 s ago\n")
            after = await got(watched.listener, "/metrics")
            assert cycles_in(after) == 2
            assert runs.started == 2
            documents.extend((before.body, after.body))

    documents: list[str] = []
    played(go())
    checker = promtool()
    for document in documents:
        done = subprocess.run([checker, "check", "metrics"], input=document, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first, last = ({family.name for family in families_in(document)} for document in documents)
    assert first < last


def test_liveness_is_never_the_verdict() -> None:
    async def go() -> None:
        runs = Runs(measurement_of(FAULTY), through=True)
        async with watching(listening(runs, scenario=FAULTY)) as watched:
            await first_cycle(watched)
            assert report_of(FAULTY).verdict.status == "critical"
            assert (await got(watched.listener, "/healthz")).status == 200
            answer = await got(watched.listener, "/report.json")
            assert answer.body == dumps(encode(report_of(FAULTY)))
            assert json.loads(answer.body)["verdict"]["status"] == "critical"

    played(go())


@pytest.mark.parametrize("masked", [False, True])
def test_a_mask_is_over_every_page(masked: bool) -> None:
    report = report_of(FAULTY)
    shown = redact(report) if masked else report
    addresses = {
        str(observation.subject.address)
        for observation in report.observations
        if observation.subject.address is not None
    }
    real = {report.vantage.instance_id, report.vantage.vpc_id, *addresses} - {None}
    assert len(real) > 3

    async def go() -> None:
        runs = Runs(measurement_of(FAULTY), through=True)
        with clients.Manager("@backuplink-test-mask") as manager:
            job = listening(runs, scenario=FAULTY, redact=masked, raise_after=1)
            async with watching(job, environment=manager.environment) as watched:
                await first_cycle(watched)
                pages = {path: await got(watched.listener, path) for path in ("/metrics", "/probe", "/report.json")}
            status = "".join(manager.messages())
        assert pages["/report.json"].body == dumps(encode(shown))
        output = "".join([*(page.body for page in pages.values()), status, *watched.lines])
        exposed = {value for value in real if value is not None and value in output}
        assert exposed == (set() if masked else real)

    played(go())


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", ["healthy", "proxy-captures", "credentials-expired", "url-of-the-endpoint"])
def test_no_page_has_a_secret(name: str, masked: bool) -> None:
    evidence, _ = measured(planted(scenarios.load(name), case=str.lower))

    async def go() -> None:
        runs = Runs(evidence, through=True)
        with clients.Manager("@backuplink-test-secrets") as manager:
            job = listening(runs, scenario=name, redact=masked, raise_after=1)
            async with watching(job, environment=manager.environment) as watched:
                await first_cycle(watched)
                texts = ["".join(manager.messages())]
                for path in ("/metrics", "/healthz", "/report.json", "/probe", "/", "/metrics?x"):
                    for host in ("localhost", "evil.example"):
                        answer = await got(watched.listener, path, host=host)
                        texts.append(f"{answer.headers}{answer.body}")
        assert leaked("".join([*texts, *watched.lines])) == set()
        assert any("10.0.9.90:3128" in text for text in texts) or masked  # a proxy is named, without its password

    played(go())


# --- A run on demand -------------------------------------------------------------------------------------------------


def test_probes_join_the_run_in_flight() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"))
        async with watching(listening(runs)) as watched:
            await until(lambda: runs.started == 1)
            async with connection(watched.listener) as one, connection(watched.listener) as other:
                for client in (one, other):
                    await client.send(request_for("/probe"))
                await until(lambda: len(watched.listener._open) == 2)
                leap(5)
                await turns()
                runs.gate.set()
                for client in (one, other):
                    assert cycles_in(answer_in(await client.rest())) == 1
            assert runs.started == 1

    played(go())


def test_a_probe_that_is_given_up_leaves_the_run_alone() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"))
        async with watching(listening(runs)) as watched:
            await until(lambda: runs.started == 1)
            async with connection(watched.listener) as client:
                await client.send(request_for("/probe", more="X-Prometheus-Scrape-Timeout-Seconds: 5\r\n"))
                await until(lambda: len(watched.listener._open) == 1)
                await turns()
                leap(5)
                assert answer_in(await client.rest()).status == 503
            runs.gate.set()
            await first_cycle(watched)
            assert cycles_in(await got(watched.listener, "/metrics")) == 1

    played(go())


def test_probes_begin_a_run_when_the_last_one_began_long_enough_ago() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        async with watching(listening(runs)) as watched:
            await first_cycle(watched)
            for _ in range(20):
                assert cycles_in(await got(watched.listener, "/probe")) == 1
            leap(PROBE_SECONDS)
            assert cycles_in(await got(watched.listener, "/metrics")) == 1  # a scrape begins no run
            together = [asyncio.create_task(got(watched.listener, "/probe")) for _ in range(20)]
            await asyncio.wait(together)
            assert {cycles_in(task.result()) for task in together} == {2}
            assert runs.started == 2

    played(go())


def test_probes_begin_no_more_runs_where_none_comes_to_its_end() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        runs.broken = True
        async with watching(listening(runs)) as watched:
            await until(lambda: runs.started == 1 and not watched.watch._in_flight)
            for _ in range(20):
                assert cycles_in(await got(watched.listener, "/probe")) == 0
            assert runs.started == 1
            leap(PROBE_SECONDS)
            assert cycles_in(await got(watched.listener, "/probe")) == 0
            assert runs.started == 2

    played(go())


@pytest.mark.parametrize("steps", range(6))
def test_a_probe_in_the_moment_in_which_a_cycle_is_due_begins_no_second_one(steps: int) -> None:
    """From the time at which a cycle is due to its start, the loop takes some steps."""

    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        async with watching(listening(runs)) as watched:
            await first_cycle(watched)
            await turns()
            leap(2 * INTERVAL)
            await turns(steps)
            await watched.watch._probe()
            await turns()
            assert runs.started == 2

    played(go())


def test_a_probe_and_new_settings_at_once_are_both_seen_to() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        job = listening(runs)
        async with watching(job, reread=lambda: job) as watched:
            await first_cycle(watched)
            leap(PROBE_SECONDS)
            watched.watch.read_again()
            assert cycles_in(await got(watched.listener, "/probe")) == 2
            await until(lambda: watched.watch._counts.reloads[True] == 1)

    played(go())


def test_nobody_waits_for_a_watch_that_is_over() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"))
        async with watching(listening(runs)) as watched:
            await until(lambda: runs.started == 1)
            waiting = asyncio.create_task(watched.watch._probe())
            async with connection(watched.listener) as client:
                await client.send(request_for("/probe"))
                await until(lambda: len(watched.listener._open) == 1)
                await turns()
                watched.stop.cancel("SIGTERM")
                runs.gate.set()
                await watched.over
                assert await waiting is None
                assert await watched.watch._probe() is None
                assert b"200 OK" not in await client.rest()

    played(go())


# --- New settings ----------------------------------------------------------------------------------------------------


async def taken(watched: Watched, wanted: bool) -> None:
    """Reload the settings. Wait until they are applied, or refused if `wanted` is false."""
    counts = watched.watch._counts.reloads
    before = counts.total()
    watched.watch.read_again()
    await until(lambda: counts.total() == before + 1)
    assert counts[wanted] == 1
    await turns()


def test_a_new_address_is_listened_on_before_the_old_one_is_left() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        old, new = listening(runs), listening(runs, listen=(ip_address("127.0.0.2"), free_port()))
        async with watching(old, reread=lambda: new) as watched:
            await first_cycle(watched)
            before = watched.listener
            open_first: list[bool] = []
            close = before.close

            async def ending() -> None:
                async with connection(watched.listener):
                    open_first.append(watched.listener is not before)
                await close()

            before.close = ending  # type: ignore[method-assign]
            await taken(watched, True)
            assert open_first == [True]
            assert cycles_in(await got(watched.listener, "/metrics", host="127.0.0.2")) == 1
            with pytest.raises(ConnectionRefusedError):
                await clients.connected(before)
        assert f"listening on {watched.listener.url}\n" in watched.lines

    played(go())


@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.1"], ids=["taken", "not of this host"])
def test_a_listener_that_cannot_be_is_refused_and_the_old_one_stays(address: str) -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        old = listening(runs)
        async with clients.listening() as other:
            new = listening(runs, listen=(ip_address(address), other.port), raise_after=7)
            async with watching(old, reread=lambda: new) as watched:
                await first_cycle(watched)
                before = watched.listener
                await taken(watched, False)
                assert watched.listener is before
                assert cycles_in(await got(before, "/metrics")) == 1
                assert watched.watch._config is old
        (line,) = (line for line in watched.lines if "rejected" in line)
        assert f"cannot listen on {address} port {other.port}: " in line

    played(go())


def test_settings_that_are_none_are_refused_and_the_listener_stays() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)

        def reread() -> WatchConfig:
            raise ValueError("no such option\nREADY=1")

        async with watching(listening(runs), reread=reread) as watched:
            await first_cycle(watched)
            before = watched.listener
            await taken(watched, False)
            assert watched.listener is before
            answer = await got(before, "/metrics")
            counted = {
                dict(labels)["result"]: value
                for (name, labels), value in samples_in(answer.body).items()
                if name == "backuplink_watch_reloads_total"
            }
            assert counted == {"applied": 0, "rejected": 1}
        (line,) = (line for line in watched.lines if "rejected" in line)
        assert line.count("\n") == 1

    played(go())


def test_the_same_listener_is_kept_and_none_is_closed() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        old = listening(runs)
        jobs = [listening(runs, listen=old.watching.listen, raise_after=7), job_of(runs)]
        async with watching(old, reread=lambda: jobs.pop(0)) as watched:
            await first_cycle(watched)
            before = watched.listener
            await taken(watched, True)
            assert watched.listener is before
            assert cycles_in(await got(before, "/metrics")) == 1
            watched.watch.read_again()
            await until(lambda: watched.watch._counts.reloads[True] == 2)
            assert watched.watch._listener.listener is None
            with pytest.raises(ConnectionRefusedError):
                await clients.connected(before)

    played(go())


@pytest.mark.parametrize("usable", [True, False])
def test_the_same_port_on_an_address_that_takes_in_the_old_one(usable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        old = listening(runs)
        assert old.watching.listen is not None
        port = old.watching.listen[1]
        new = listening(runs, listen=(ip_address("0.0.0.0"), port))  # noqa: S104 - for the length of a test
        async with watching(old, reread=lambda: new) as watched:
            await first_cycle(watched)
            before = watched.listener
            if usable:
                await taken(watched, True)
                assert str(watched.listener.address) == "0.0.0.0"  # noqa: S104
            else:  # at another address, another process has the port
                async with clients.listening("127.0.0.2", port=port):
                    await taken(watched, False)
                assert watched.listener is not before
                assert watched.listener.address == LOOPBACK
                why = f"cannot listen on 0.0.0.0 port {port}: Address already in use"
                await until(lambda: any(why in line for line in watched.lines))
            assert watched.listener.port == port
            assert cycles_in(await got(watched.listener, "/metrics", address="127.0.0.1")) == 1

    played(go())


def test_a_shorter_interval_counts_at_once_and_makes_nothing_overdue() -> None:
    async def go() -> None:
        runs = Runs(measurement_of("healthy"), through=True)
        old, new = listening(runs, interval=3600.0), job_of(runs, interval=10.0)
        new = listening(runs, interval=10.0, listen=old.watching.listen)
        async with watching(old, reread=lambda: new) as watched:
            await first_cycle(watched)
            leap(1800)
            runs.gate.clear()
            watched.watch.read_again()
            await until(lambda: runs.started == 2)  # at once, and not half an hour later
            assert (await got(watched.listener, "/healthz")).status == 200
            leap(2 * 10 + DEADLINE + 1)
            assert (await got(watched.listener, "/healthz")).status == 503
            runs.gate.set()
            await until(lambda: watched.watch._counts.cycles >= 2)

    played(go())
