"""A real HTTP server on loopback that receives the posts of a watch, and answers as a test determines."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

Answer = Callable[[BaseHTTPRequestHandler, threading.Event], None]
PATIENCE: Final = 30.0
"""The time in seconds after which a server that never answers closes the connection."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that the server received."""

    method: str
    target: str
    headers: dict[str, str]
    """The headers, by their names in lower case."""
    body: bytes


@dataclass(slots=True)
class Receiver:
    """The data that a server has received so far."""

    port: int
    taken: list[Taken] = field(default_factory=list)
    sent: int = 0
    """How many bytes of an endless answer the client has read."""

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def status(code: int, **headers: str) -> Answer:
    """An answer with no body."""

    def answer(handler: BaseHTTPRequestHandler, _: threading.Event) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def raw(data: bytes) -> Answer:
    """An answer with these bytes, after which the connection ends."""

    def answer(handler: BaseHTTPRequestHandler, _: threading.Event) -> None:
        handler.wfile.write(data)

    return answer


def silence(_: BaseHTTPRequestHandler, over: threading.Event) -> None:
    """Send no answer while the server runs."""
    over.wait(PATIENCE)


@contextlib.contextmanager
def receiving(*answers: Answer) -> Iterator[Receiver]:
    """A server that gives these answers in turn, and then repeats the last one."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.taken.append(Taken(self.command, self.path, headers, body))
            with contextlib.suppress(ConnectionError):  # the client may leave before it has read everything
                answers[min(len(receiver.taken), len(answers)) - 1](self, over)

        def log_message(self, *_: object) -> None:
            """Log nothing on stderr."""

    for method in ("GET", "POST", "CONNECT"):
        setattr(Handler, f"do_{method}", Handler._take)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            over.set()
            server.shutdown()
            thread.join()


def endless(receiver: list[Receiver], most: int) -> Answer:
    """An answer of `most` bytes. It is sent for as long as the client reads."""

    def answer(handler: BaseHTTPRequestHandler, _: threading.Event) -> None:
        handler.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Length: {most}\r\n\r\n".encode())
        block = bytes(1 << 16)
        for _number in range(most // len(block)):
            handler.wfile.write(block)
            receiver[0].sent += len(block)

    return answer
