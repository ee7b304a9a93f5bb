"""Commands on the pages that connect to a server are pasted into a shell together with further lines. No command may
read the lines that follow it. The servers belong to the test, are on loopback, and leave their connections open.
"""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

from agent.catalog.placeholders import PLACEHOLDER
from agent.simulated.certificates import server_context
from probes.frozen import dataclass
from tests.support.command import completed
from tests.support.repository import ROOT

NEXT: Final = "echo the next line was read"
CLIENT: Final = re.compile(r"\b(?:openssl|curl)\b")
VALUES: Final = {"<HOST>": "localhost", "<ADDRESS>": "127.0.0.1", "<REGION>": "eu-west-1"}
OF_AWS: Final = re.compile(r"(?:sts\.eu-west-1\.<DNS_SUFFIX>|169\.254\.169\.254)")
ELSEWHERE: Final = re.compile(r"https?://(?!localhost:|127\.0\.0\.1:)[^/\s]+")


def commands(page: Path) -> Iterator[str]:
    """The commands in the sh blocks of a page that start a network client, including continuation lines and pipes."""
    for block in re.findall(r"^```sh\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for command in re.split(r"(?<!\\)\n", block):
            if CLIENT.search(command) and not command.startswith("#"):
                yield command


PASTED: Final = [
    pytest.param(command, id=f"{page.stem}-{number}")
    for page in sorted((*(ROOT / "agent" / "runbooks").glob("*.md"), *(ROOT / "docs").glob("*.md")))
    for number, command in enumerate(commands(page), 1)
]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_CONNECT(self) -> None:
        self.send_error(403)

    def log_message(self, *_: Any) -> None:
        """Print nothing, since the client shows a failure."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Print nothing, since some clients do not trust the certificate."""


@dataclass(frozen=True, slots=True)
class Ports:
    tls: int
    plain: int


@contextmanager
def served(context: ssl.SSLContext | None) -> Iterator[int]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def ports() -> Iterator[Ports]:
    with served(server_context("amazon", ("localhost",))) as tls, served(None) as plain:
        yield Ports(tls, plain)


def local(command: str, ports: Ports) -> str:
    """The command, in which loopback replaces the name of every server."""
    text = PLACEHOLDER.sub(lambda name: VALUES.get(name[0], name[0]), command)
    text = OF_AWS.sub("localhost", text).replace("<PROXY>", f"http://127.0.0.1:{ports.plain}")
    text = re.sub(r"http://(localhost|127\.0\.0\.1)(?::443)?/", rf"http://\1:{ports.plain}/", text)
    text = re.sub(r"https://(localhost|127\.0\.0\.1)/", rf"https://\1:{ports.tls}/", text)
    text = re.sub(r":443\b", f":{ports.tls}", text)
    assert PLACEHOLDER.search(text) is None
    assert ELSEWHERE.search(text) is None or f"--connect-to ::127.0.0.1:{ports.tls}" in text
    return text


def pasted(command: str, folder: Path, ports: Ports) -> str:
    """Return the output of a shell that reads this command and the next line from one stream. bash reads one line at a
    time, like a shell on a terminal.
    """
    text = f"{local(command, ports)}\n{NEXT}\n"
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder)}
    return completed(["bash", "--norc"], input=text, env=environment, cwd=folder).stdout


@pytest.mark.parametrize("command", PASTED)
def test_a_command_leaves_the_lines_behind_it_to_the_shell(command: str, tmp_path: Path, ports: Ports) -> None:
    assert NEXT.removeprefix("echo ") in pasted(command, tmp_path, ports)


def test_a_command_that_reads_stdin_would_be_seen(tmp_path: Path, ports: Ports) -> None:
    command = "openssl s_client -connect <ADDRESS>:443 -servername <HOST>"
    assert NEXT.removeprefix("echo ") not in pasted(command, tmp_path, ports)
    assert NEXT.removeprefix("echo ") in pasted(f"{command} </dev/null", tmp_path, ports)


def test_the_pages_have_such_commands() -> None:
    assert len(PASTED) > 30
