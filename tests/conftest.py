"""What holds for every test: no packet leaves this machine, nothing of this machine's settings leaks in, and no secret
that was planted comes out in what a test prints, logs or raises."""

import ipaddress
import os
import sys
from collections.abc import Generator

import pytest

from tests.planted import leaked

_LEAKING = ("AWS_", "BACKUPLINK_", "SSL_CERT_", "REQUESTS_CA_BUNDLE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def _only_loopback(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook (PEP 578): a test that would reach for another address is stopped before it does."""
    if event not in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        return
    where = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    host = where[0] if isinstance(where, tuple) else where
    if not isinstance(host, str) or host in ("", "localhost") or host.startswith("/"):
        return  # a socket of this machine alone: UNIX, netlink
    try:
        local = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        local = host.endswith((".invalid", ".localhost"))
    if not local:
        raise AssertionError(f"a test reached for {host}: {event}")


sys.addaudithook(_only_loopback)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Settings of whoever runs the tests do not count, and metadata is never asked."""
    for name in list(os.environ):
        if name.startswith(_LEAKING) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path_factory.getbasetemp() / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path_factory.getbasetemp() / "no-credentials"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose output, log or exception tells a secret."""
    report = yield
    said = "\n".join((report.longreprtext, *(content for _, content in report.sections)))
    if told := leaked(said):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} tells in its output, log or exception: {', '.join(sorted(told))}"
    return report
