"""Rules for every test: no packet leaves this machine, this machine's settings have no effect, and no planted secret is
printed. The search for secrets covers what pytest shows of a test (its output, its log and its exception) and what the
test itself captures (output, output of processes, and expected exceptions).

`--everything` runs every case of every test, and `--seed` runs one generated case (`tests.support.extent`).
"""

import asyncio
import functools
import gc
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from types import TracebackType
from typing import Any

import botocore.session
import pytest
from hypothesis import HealthCheck, settings

from agent.simulated.clock import VirtualLoop
from tests.support import extent, runs
from tests.support.planted import leaked
from tests.support.repository import ROOT

_LEAKING = ("AWS_", "BACKUPLINK_", "SSL_CERT_", "REQUESTS_CA_BUNDLE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def _only_loopback(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook (PEP 578) that stops a test before it sends anything to an address outside the loopback."""
    if event not in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        return
    if getattr(arguments[0], "family", None) == socket.AF_UNIX:
        return
    where = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    host = where[0] if isinstance(where, tuple) else where
    if not isinstance(host, str) or host in ("", "localhost") or host.startswith("/"):
        return  # such a socket (UNIX, netlink) cannot leave this machine
    try:
        local = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        local = host.endswith((".invalid", ".localhost"))
    if not local:
        raise AssertionError(f"a test reached for {host}: {event}")


sys.addaudithook(_only_loopback)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hide the settings of the user who runs the tests, and never send a request to the instance metadata."""
    for name in list(os.environ):
        if name.startswith(_LEAKING) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path_factory.getbasetemp() / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path_factory.getbasetemp() / "no-credentials"))


_LEAKS: list[str] = []
"""The secrets that the running test has captured so far, and how it captured each."""


def _search(way: str, *outputs: str | bytes | None) -> None:
    for output in outputs:
        text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output or ""
        _LEAKS.extend(f"{secret} ({way})" for secret in leaked(text))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options `--everything`, `--seed` and `--write-compatibility`."""
    parser.addoption("--everything", action="store_true", help="run every case of every test, not a part of many alike")
    parser.addoption(
        "--seed",
        type=int,
        help="run only the generated case of this seed (tests/hostile/fuzz, tests/netns/test_predictions.py)",
    )
    parser.addoption(
        "--write-compatibility",
        action="store_true",
        help="write docs/development/compatibility.md from what is met of tests/peers",
    )


def pytest_report_header(config: pytest.Config) -> str:
    """Print the extent of the session."""
    return "cases: all" if extent.everything() else "cases: what every change needs; --everything runs all"


def pytest_configure(config: pytest.Config) -> None:
    """Choose the extent, and patch the functions with which tests capture output themselves, so that this output is
    searched, too; pytest does not see it. `subprocess.run` and similar functions call `communicate`. Output that a test
    reads directly from a pipe or a file is not searched.
    """
    extent.choose(everything=config.getoption("--everything"), seed=config.getoption("--seed"))
    if not extent.everything():
        config.option.warn_unused_snapshots = True  # the snapshots of omitted cases are unused
    _heed_signals()
    if config.getoption("--write-compatibility") and not hasattr(config, "workerinput"):
        from tests.peers.page import Recorder  # only these sessions need it

        config.pluginmanager.register(Recorder())
    if hasattr(config, "workerinput"):  # this process is a worker of pytest-xdist
        runs.share(Path(config.option.basetemp).parent / "measurements")
    # hypothesis must not limit the time of an example, which depends on how busy the machine is.
    settings.register_profile(
        "tests", max_examples=extent.examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("tests")
    config.addinivalue_line("markers", "tells_secrets(reason): what the test takes holds a planted secret, and must")
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    communicate, readouterr = subprocess.Popen.communicate, pytest.CaptureFixture.readouterr

    def communicating(process: subprocess.Popen[Any], *given: Any, **named: Any) -> tuple[Any, Any]:
        try:
            out, errors = communicate(process, *given, **named)
        except subprocess.TimeoutExpired as error:
            _search("output of a process", error.output, error.stderr)
            raise
        _search("output of a process", out, errors)
        return out, errors

    def reading(fixture: pytest.CaptureFixture[Any]) -> Any:
        taken = readouterr(fixture)
        _search("captured output", *taken)
        return taken

    patch.setattr(subprocess.Popen, "communicate", communicating)
    patch.setattr(pytest.CaptureFixture, "readouterr", reading)
    for kind in (pytest.RaisesExc, pytest.RaisesGroup):
        patch.setattr(kind, "__exit__", _expecting(kind.__exit__))
    # Otherwise each session of botocore would read its large service models again.
    patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from scanning the tens of thousands of cases again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first, such as those that create an environment. A long test that began last would keep one
    worker busy while the others have nothing left to do.
    """
    items.sort(key=lambda item: not item.path.is_relative_to(ROOT / "tests" / "packaging"))


def _heed_signals() -> None:
    """Restore signals that the parent of this process ignores, as nohup(1) and a shell's background jobs do; otherwise
    the tests' processes would ignore them too. Tests of ignored signals do not depend on the parent: they ignore the
    signals themselves.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give a test marked `virtual_clock` a loop in virtual time, and others the ordinary loop."""
    marker = item.get_closest_marker("virtual_clock")
    if marker is None:
        return {"real": asyncio.new_event_loop}
    return {"virtual": marker.kwargs.get("loop", VirtualLoop)}


def _expecting(leave: Callable[..., bool]) -> Callable[..., bool]:
    """Wrap the end of a `pytest.raises` block with a search of the exception that ended it."""

    def leaving(self: object, kind: object, error: BaseException | None, trace: TracebackType | None) -> bool:
        if error is not None:
            # The search includes the exception's notes and causes and the members of a group, since a traceback shows
            # them all.
            _search("expected exception", "".join(traceback.format_exception(error)), repr(error), repr(vars(error)))
        return leave(self, kind, error, trace)

    return leaving


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test if a secret is in pytest's output, or in what the test itself captured. A test with the mark
    `tells_secrets` fails unless it captures a secret.
    """
    report = yield
    shown = leaked("\n".join((report.longreprtext, *(content for _, content in report.sections))))
    leaks = {*_LEAKS, *(f"{secret} (shown)" for secret in shown)}
    marker = item.get_closest_marker("tells_secrets")
    why = None
    if shown or (leaks and marker is None):
        why = f"tells: {', '.join(sorted(leaks))}"
    elif marker is not None and not marker.kwargs.get("reason"):
        why = "does not say why it may tell secrets"
    elif marker is not None and report.when == "call" and report.passed and not leaks:
        why = "is marked as one that tells secrets, and tells none"
    if marker is None or report.when == "teardown":
        _LEAKS.clear()
    if why is not None:
        report.outcome, report.longrepr = "failed", f"{item.nodeid} {why}"
    if report.failed and not report.longreprtext.isascii():
        # Hostile input may contain a lone surrogate. pytest-xdist cannot send one, and would end the whole session.
        report.longrepr = report.longreprtext.encode("utf-8", "backslashreplace").decode("utf-8")
    return report
