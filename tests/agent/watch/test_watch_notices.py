"""Notices to a program and to a URL. The tests check which of them arrive, and that nothing waits for a program or a
server.
"""

import asyncio
import contextlib
import itertools
import json
import logging
import os
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import pytest

from agent.cli.param_types import read_command, why_not_postable
from agent.settings import Notify
from agent.watch.notices import (
    MAX_WAITING,
    Channel,
    Delivery,
    Notice,
    Notices,
    NotSentError,
    Sender,
    by_command,
    by_post,
)
from tests.agent.watch.receiver import Answer, Receiver, endless, raw, receiving, silence, status

T = TypeVar("T")
SECRET: Final = "s3cr3t"  # noqa: S105 - not a real secret
NOTICE: Final = Notice("id-1", {"schema": "backuplink.change.v1", "id": "id-1", "text": "raised"}, {"verdict": "é\n"})
LARGE: Final = Notice("id-2", {"id": "id-2"}, {"observations": ["x" * 1000] * 2000})
"""A notice that is larger than the buffers of a pipe and a socket."""
AGAIN: Final = (0.0, 0.0, 0.0)
LIMIT: Final = 20.0
"""A limit in seconds that only a hanging test reaches."""
SHORT: Final = 0.5
"""A time limit that the test must reach."""


async def within_limit(body: Awaitable[T]) -> T:
    """The result of `body`; raises TimeoutError after LIMIT."""
    async with asyncio.timeout(LIMIT):
        return await body


async def why_not(send: Sender, notice: Notice = NOTICE) -> str:
    """The reason why a notice was not sent."""
    with pytest.raises(NotSentError) as caught:
        await within_limit(send(notice))
    return str(caught.value)


def post(receiver: Receiver, *, path: str = "/hook", template: Any = None, seconds: float = LIMIT) -> Sender:
    return by_post(Notify(url=receiver.url(path), template=template), "backuplink/1", seconds=seconds, pauses=AGAIN)


# --- A URL -----------------------------------------------------------------------------------------------------------


async def test_a_change_is_posted_as_json() -> None:
    with receiving(status(200)) as receiver:
        await within_limit(post(receiver, path="/hook?a=b")(NOTICE))
    (taken,) = receiver.taken
    assert (taken.method, taken.target) == ("POST", "/hook?a=b")
    assert json.loads(taken.body) == NOTICE.document
    assert taken.headers["content-type"] == "application/json"
    assert taken.headers["idempotency-key"] == "id-1"
    assert taken.headers["user-agent"] == "backuplink/1"
    assert "cookie" not in taken.headers


async def test_what_a_program_is_told_beside_it_is_not_posted() -> None:
    with receiving(status(204)) as receiver:
        await within_limit(post(receiver)(LARGE))
    assert json.loads(receiver.taken[0].body) == LARGE.document


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
async def test_a_try_that_may_succeed_later_is_made_again(code: int) -> None:
    with receiving(status(code), status(code), status(200)) as receiver:
        await within_limit(post(receiver)(NOTICE))
    assert [request.headers["idempotency-key"] for request in receiver.taken] == ["id-1"] * 3
    assert len({request.body for request in receiver.taken}) == 1


async def test_it_is_tried_so_often_and_no_more() -> None:
    with receiving(status(503)) as receiver:
        assert await why_not(post(receiver)) == "127.0.0.1 answered with status 503"
    assert len(receiver.taken) == 1 + len(AGAIN)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 410, 413, 501])
async def test_what_will_not_be_taken_is_not_sent_again(code: int) -> None:
    with receiving(status(code), status(200)) as receiver:
        assert await why_not(post(receiver)) == f"127.0.0.1 answered with status {code}"
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(code: int) -> None:
    with receiving(status(200)) as elsewhere, receiving(status(code, Location=elsewhere.url())) as receiver:
        assert await why_not(post(receiver)) == f"127.0.0.1 answered with status {code}"
    assert len(receiver.taken) == 1
    assert elsewhere.taken == []


async def test_nobody_listens() -> None:
    with receiving(status(200)) as receiver:
        pass
    assert await why_not(post(receiver)) == "127.0.0.1 could not be reached: ConnectError"


async def test_a_server_that_does_not_answer_has_so_long() -> None:
    with receiving(silence) as receiver:
        assert await why_not(post(receiver, seconds=SHORT)) == f"127.0.0.1 did not answer within {SHORT:g} s"
    assert len(receiver.taken) == 1 + len(AGAIN)


def _drip(handler: Any, over: Any) -> None:
    """Send a header byte by byte. If each byte restarted the time limit, the limit would never be reached."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not over.wait(SHORT / 10):
        handler.wfile.write(b"a")
        handler.wfile.flush()


async def test_one_that_answers_by_bytes_has_no_longer() -> None:
    with receiving(_drip) as receiver:
        assert await why_not(post(receiver, seconds=SHORT)) == f"127.0.0.1 did not answer within {SHORT:g} s"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(raw(b""), id="closed at once"),
        pytest.param(raw(b"\x00\xff" * 100), id="noise"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 1_000_000), id="a header that has no end"),
        pytest.param(raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000), id="only interim answers"),
    ],
)
async def test_one_that_does_not_speak_http(answer: Answer) -> None:
    with receiving(answer) as receiver:
        assert await why_not(post(receiver)) in (
            "127.0.0.1 could not be reached: RemoteProtocolError",
            "127.0.0.1 could not be reached: ReadError",
            "127.0.0.1 could not be reached: WriteError",
        )
    assert len(receiver.taken) == 1 + len(AGAIN)


async def test_the_body_of_an_answer_is_not_read() -> None:
    many = 1 << 30
    known: list[Receiver] = []
    with receiving(endless(known, many)) as receiver:
        known.append(receiver)
        await within_limit(post(receiver)(NOTICE))
    assert receiver.sent < many / 16  # what the sockets can keep


async def test_what_is_for_loopback_goes_to_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(status(200)) as proxy, receiving(status(200)) as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        await within_limit(post(receiver)(NOTICE))
    assert proxy.taken == []
    assert len(receiver.taken) == 1


async def test_a_proxy_learns_the_host_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(status(403)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url(""))
        send = by_post(Notify(url=f"https://hooks.example.com/{SECRET}"), "backuplink/1", pauses=())
        assert await why_not(send) == "hooks.example.com could not be reached: ProxyError"
    (taken,) = proxy.taken
    assert (taken.method, taken.target) == ("CONNECT", "hooks.example.com:443")
    assert SECRET not in repr(taken)


async def test_https_is_never_spoken_in_clear() -> None:
    with receiving(status(200)) as receiver:
        send = by_post(Notify(url=receiver.url(f"/{SECRET}").replace("http:", "https:")), "b/1", pauses=())
        assert await why_not(send) == "127.0.0.1 could not be reached: ConnectError"
    assert receiver.taken == []


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_certificates_that_are_not_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(tmp_path / "none"))
    with receiving(status(200)) as receiver:
        if name == "SSL_CERT_FILE":
            assert (await why_not(post(receiver))).startswith(
                "127.0.0.1 was not asked: the trusted certificates cannot be read"
            )
        else:
            await within_limit(post(receiver)(NOTICE))


async def test_a_template_is_posted_filled() -> None:
    empty = dict.fromkeys(("before", "instance_id", "region", "vpc_id"))
    from agent.watch.change_text import NAMES

    document = {**dict.fromkeys(NAMES), **empty, "text": 'down "now"', "code": "TCP001"}
    with receiving(status(200)) as receiver:
        await within_limit(post(receiver, template={"text": "$code: $text"})(Notice("id-3", document, None)))
    assert json.loads(receiver.taken[0].body) == {"text": 'TCP001: down "now"'}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://127.0.0.1@example.com/",
        "http://127.0.0.1\\@example.com/",
        "http://localhost.example.com/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://0.0.0.0/",
        "ftp://127.0.0.1/",
        "https:///hook",
        "//127.0.0.1/",
        "https://a:b/",
        "file:///etc/passwd",
    ],
)
def test_a_url_that_would_go_elsewhere_in_clear_is_refused(url: str) -> None:
    assert why_not_postable(url) is not None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "http://127.9.9.9:80/", "http://[::1]:1/", "http://LOCALHOST/", "http://a@127.0.0.1/"]
)
def test_a_url_that_is_taken_leads_to_the_host_that_was_looked_at(url: str) -> None:
    assert why_not_postable(url) is None
    assert httpx.URL(url).host in ("127.0.0.1", "127.9.9.9", "::1", "localhost")


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ((status(200),), Delivery.SENT),
        ((status(404),), Delivery.FAILED),
        ((status(302, Location=f"http://127.0.0.1:1/{SECRET}"),), Delivery.FAILED),
        ((raw(f"HTTP/1.1 200 {SECRET}\x00\r\n{SECRET}".encode()),), Delivery.FAILED),
        ((silence,), Delivery.FAILED),
    ],
)
async def test_the_url_is_in_no_word_that_is_said(
    answers: tuple[Answer, ...], outcome: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(*answers) as receiver:
        where = Notify(
            url=f"http://user-{SECRET}:{SECRET}@127.0.0.1:{receiver.port}/{SECRET}?{SECRET}={SECRET}#{SECRET}"
        )
        send = by_post(where, "backuplink/1", seconds=SHORT, pauses=())
        messages, counted = await within_limit(_sent({Channel.URL: send}, [NOTICE]))
    assert counted == {(Channel.URL, outcome): 1}
    assert len(messages) == (outcome is not Delivery.SENT)
    for text in (repr(messages), caplog.text, repr(where)):
        assert SECRET not in text


# --- A program -------------------------------------------------------------------------------------------------------


def command(*argv: str, seconds: float = LIMIT, running: set[int] | None = None) -> Sender:
    return by_command(argv, set() if running is None else running, seconds=seconds)


def shell(script: str, *, seconds: float = LIMIT, running: set[int] | None = None) -> Sender:
    return command("sh", "-c", script, seconds=seconds, running=running)


def _lives(pid: int) -> bool:
    """Whether a process runs. A zombie process does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not holds():  # noqa: ASYNC110 - it is another process that does it
            await asyncio.sleep(0.01)


async def _gone(pid: int) -> bool:
    await within_limit(_until(lambda: not _lives(pid)))
    return True


@pytest.mark.parametrize("notice", [NOTICE, LARGE])
async def test_a_program_gets_the_change_and_its_report_as_one_line(notice: Notice, tmp_path: Path) -> None:
    place = tmp_path / "got"
    await within_limit(shell(f"cat > {shlex.quote(str(place))}")(notice))
    text = place.read_text("ascii")
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert json.loads(text) == {**notice.document, "report": notice.report}


async def test_a_program_does_not_speak_to_the_service_manager_in_our_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    monkeypatch.setenv("HOOKED", "yes")
    place = tmp_path / "got"
    await within_limit(shell(f"env > {shlex.quote(str(place))}")(NOTICE))
    names = {line.partition("=")[0] for line in place.read_text("utf-8").splitlines()}
    assert "HOOKED" in names
    assert names.isdisjoint({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})


@pytest.mark.parametrize("passed", [(), ("AWS_SESSION_TOKEN",)])
async def test_a_program_inherits_no_secret_that_it_was_not_given(
    passed: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {
        *("BACKUPLINK_NOTIFY", "BACKUPLINK_ON_CHANGE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        *("AWS_SESSION_TOKEN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    }
    for name in (*secrets, "AWS_REGION"):
        monkeypatch.setenv(name, "x")
    place = tmp_path / "got"
    hook = by_command(("sh", "-c", f"env > {shlex.quote(str(place))}"), set(), passed=passed)
    await within_limit(hook(NOTICE))
    names = {line.partition("=")[0] for line in place.read_text("utf-8").splitlines()}
    assert "AWS_REGION" in names
    assert names & secrets == set(passed)


@pytest.mark.parametrize("notice", [NOTICE, LARGE])
@pytest.mark.parametrize("script", ["exit 0", "exec <&-; exit 0", "head -c 1 > /dev/null"])
async def test_a_program_need_not_read_it(script: str, notice: Notice) -> None:
    await within_limit(shell(script)(notice))


@pytest.mark.parametrize(
    ("script", "code"), [("exit 3", 3), ("cat > /dev/null; exit 255", 255), ("kill -TERM $$", -15)]
)
async def test_a_program_that_fails(script: str, code: int) -> None:
    assert await why_not(shell(script)) == f"its program exited with {code}"


async def test_no_program_of_that_name() -> None:
    why = await why_not(command("/nonexistent/hook", SECRET))
    assert why == "its program cannot be run: No such file or directory"


async def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    place = tmp_path / "hook"
    place.write_text("#!/bin/sh\n")
    assert "Permission denied" in await why_not(command(str(place)))


async def test_no_word_of_it_is_said() -> None:
    for send in (
        shell(f"exit 1 # {SECRET}"),
        shell(f"sleep 60 # {SECRET}", seconds=SHORT),
        command("a\0", SECRET),
        command(SECRET),
    ):
        assert SECRET not in await why_not(send)


async def test_the_process_list_shows_the_words_that_were_given_and_nothing_of_the_change(tmp_path: Path) -> None:
    script = f"tr '\\0' '\\n' < /proc/$$/cmdline > {shlex.quote(str(tmp_path / 'got'))}"
    await within_limit(shell(script)(NOTICE))
    assert (tmp_path / "got").read_text("utf-8") == f"sh\n-c\n{script}\n"


async def test_no_shell_reads_its_arguments(tmp_path: Path) -> None:
    marks = "$(touch made) `touch made` $HOME * ; touch made"
    argv = read_command(f"{sys.executable} -c 'import sys; open(sys.argv[1], \"w\").write(sys.argv[2])' got '{marks}'")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        await within_limit(command(*argv)(NOTICE))
    finally:
        os.chdir(before)
    assert (tmp_path / "got").read_text() == marks
    assert os.listdir(tmp_path) == ["got"]  # noqa: PTH208 - nothing else was made


async def test_what_it_prints_is_kept_out_of_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    await within_limit(shell("echo out; echo err >&2")(NOTICE))
    assert capfd.readouterr() == ("", "err\n")


async def test_one_that_hangs_is_killed_with_what_it_has_started(tmp_path: Path) -> None:
    place = tmp_path / "pid"
    script = f"trap '' TERM; sleep 600 & echo $! $$ > {shlex.quote(str(place))}; wait"
    running: set[int] = set()
    assert (
        await why_not(shell(script, seconds=SHORT, running=running))
        == f"its program did not finish within {SHORT:g} s and was killed"
    )
    for pid in map(int, place.read_text().split()):
        assert await _gone(pid)
    assert running == set()


async def test_one_that_ends_and_leaves_its_input_to_another_has_ended(tmp_path: Path) -> None:
    place = tmp_path / "pid"
    await within_limit(shell(f"exec 3<&0; sleep 600 <&3 & echo $! > {shlex.quote(str(place))}", seconds=SHORT)(LARGE))
    os.kill(int(place.read_text()), signal.SIGKILL)


async def test_it_leaves_no_file_open(tmp_path: Path) -> None:
    place = tmp_path / "pids"
    left = shell(f"exec 3<&0; sleep 600 <&3 & echo $! >> {shlex.quote(str(place))}", seconds=SHORT)
    tells = [shell("exit 1"), shell("cat > /dev/null"), shell("sleep 600", seconds=SHORT), left]

    async def all_of_them() -> tuple[int, int]:
        async def once() -> int:
            for send in tells:
                with contextlib.suppress(NotSentError):
                    await send(LARGE)
            await asyncio.sleep(0)
            return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no file is waited for

        return await once(), await once()

    first, second = await within_limit(all_of_them())
    for pid in place.read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    assert first == second


async def test_one_that_is_given_up_is_killed() -> None:
    running: set[int] = set()

    async def body() -> int:
        task = asyncio.ensure_future(shell("sleep 600", running=running)(NOTICE))
        await _until(lambda: any(pid > 0 for pid in running))
        (pid,) = running
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return pid

    assert await _gone(await within_limit(body()))
    assert running == set()


async def test_its_process_is_known_from_its_begin_to_its_end() -> None:
    """Cycles must not take the process for a stray one and end it."""
    running: set[int] = set()
    seen: set[str] = set()

    def children() -> set[int]:
        processes: set[int] = set()
        for path in Path("/proc/self/task").glob("*/children"):
            with contextlib.suppress(OSError):  # the thread has ended since
                processes.update(map(int, path.read_text().split()))
        return processes

    before = children()

    async def body() -> None:
        task = asyncio.ensure_future(shell("cat > /dev/null", running=running)(NOTICE))
        while not task.done():
            unknown = children() - before - running
            assert not unknown or any(pid < 0 for pid in running)
            seen.update("starting" if pid < 0 else "running" for pid in running)
            await asyncio.sleep(0)

    await within_limit(body())
    assert seen == {"starting", "running"}
    assert running == set()


# --- Who is told, and how many wait ----------------------------------------------------------------------------------

Counted = dict[tuple[Channel, Delivery], int]


async def _sent(
    ways: dict[Channel, Sender], notices: list[Notice], seconds: float = LIMIT
) -> tuple[list[str], Counted]:
    """The messages that are logged while `notices` are sent, and the numbers of deliveries."""
    messages: list[str] = []
    telling = Notices(ways, messages.append)
    async with asyncio.TaskGroup() as group:
        telling.start(group)
        for notice in notices:
            telling.add(notice)
        await telling.finish(seconds)
    assert set(telling.counts) == set(itertools.product(ways, Delivery))
    return messages, {key: number for key, number in telling.counts.items() if number}


def _numbered(number: int) -> list[Notice]:
    return [Notice(f"id-{place}", {}, None) for place in range(number)]


async def _never(_: Notice) -> None:
    await asyncio.sleep(1e9)


@pytest.mark.virtual_clock
async def test_changes_are_told_in_their_order_and_in_each_way() -> None:
    got: dict[Channel, list[str]] = {way: [] for way in Channel}

    def way_of(way: Channel, pause: float) -> Sender:
        async def send(notice: Notice) -> None:
            await asyncio.sleep(pause)
            got[way].append(notice.id)

        return send

    ways = {Channel.COMMAND: way_of(Channel.COMMAND, 0.0), Channel.URL: way_of(Channel.URL, 0.1)}
    messages, counted = await _sent(ways, _numbered(5))
    assert messages == []
    assert got == {way: ["id-0", "id-1", "id-2", "id-3", "id-4"] for way in Channel}
    assert counted == {(way, Delivery.SENT): 5 for way in Channel}


@pytest.mark.virtual_clock
async def test_one_way_that_is_stuck_does_not_hold_up_the_other() -> None:
    got: list[str] = []

    async def send(notice: Notice) -> None:
        got.append(notice.id)

    _, counted = await _sent({Channel.COMMAND: _never, Channel.URL: send}, _numbered(3), seconds=5.0)
    assert got == ["id-0", "id-1", "id-2"]
    assert counted == {(Channel.URL, Delivery.SENT): 3, (Channel.COMMAND, Delivery.DROPPED): 3}
    assert asyncio.get_running_loop().time() == pytest.approx(5.0)


@pytest.mark.virtual_clock
async def test_a_failure_is_said_counted_and_over() -> None:
    async def send(notice: Notice) -> None:
        if notice.id == "id-1":
            raise NotSentError("it hurts")

    messages, counted = await _sent({Channel.URL: send}, _numbered(3))
    assert messages == ["the change id-1 was not sent: it hurts"]
    assert counted == {(Channel.URL, Delivery.SENT): 2, (Channel.URL, Delivery.FAILED): 1}


@pytest.mark.virtual_clock
async def test_a_fault_of_ours_in_telling_ends_nothing_and_quotes_nothing() -> None:
    async def send(notice: Notice) -> None:
        if notice.id == "id-0":
            raise RuntimeError(f"https://hooks.example.com/{SECRET}")

    messages, counted = await _sent({Channel.URL: send}, _numbered(2))
    assert messages == ["the change id-0 was not sent: internal error: RuntimeError in send"]
    assert counted == {(Channel.URL, Delivery.SENT): 1, (Channel.URL, Delivery.FAILED): 1}


@pytest.mark.virtual_clock
async def test_of_too_many_the_oldest_are_left_counted_and_said() -> None:
    messages: list[str] = []
    telling = Notices({Channel.URL: _never}, messages.append)
    async with asyncio.TaskGroup() as group:
        telling.start(group)
        telling.add(Notice("first", {}, None))
        await asyncio.sleep(0)  # the delivery of the first notice has begun
        for notice in _numbered(MAX_WAITING + 1000):
            telling.add(notice)
        assert telling.counts[Channel.URL, Delivery.DROPPED] == 1000
        assert telling._waiting[Channel.URL].qsize() == MAX_WAITING
        await telling.finish(1.0)
    assert telling.counts[Channel.URL, Delivery.DROPPED] == MAX_WAITING + 1001
    assert messages[0] == f"{MAX_WAITING} changes wait already; id-0 is dropped"
    assert messages[999] == f"{MAX_WAITING} changes wait already; id-999 is dropped"
    assert set(messages[1000:]) == {
        f"the change {notice_id} was not sent: no time was left"
        for notice_id in ("first", *(f"id-{number}" for number in range(1000, 1000 + MAX_WAITING)))
    }
    assert asyncio.get_running_loop().time() == pytest.approx(1.0)


@pytest.mark.virtual_clock
async def test_new_settings_go_on_with_the_numbers_of_the_old() -> None:
    first = Notices({Channel.URL: _never}, lambda _: None)
    async with asyncio.TaskGroup() as group:
        first.start(group)
        first.add(NOTICE)
        await asyncio.sleep(0)
        second = Notices({Channel.COMMAND: _never}, lambda _: None, first.counts)
        await first.finish(1.0)
        await second.finish(1.0)
    assert second.counts == {
        **dict.fromkeys(itertools.product(Channel, Delivery), 0),
        (Channel.URL, Delivery.DROPPED): 1,
    }


@pytest.mark.parametrize("turns", range(12))
async def test_one_that_is_given_up_while_it_is_started_holds_up_nothing(turns: int) -> None:
    running: set[int] = set()

    async def body() -> None:
        task = asyncio.ensure_future(shell("sleep 600", running=running)(NOTICE))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    await within_limit(body())
    assert running == set()
