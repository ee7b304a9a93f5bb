"""`python -m tests.bench.soak SECONDS FOLDER ADDRESS OPTION ...`: runs a watch with these options under load for this
time.

It runs on the host of a VPC. Monitors scrape the watch every second; its listener also has idle connections, and a
client that does not read its answers. An address stops answering and answers again, and a hook is notified. It prints
one JSON object: the numbers of requests and of failures, and memory and open files after the first quarter and at the
end.
"""

import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import httpx

from tests.bench.rivals import SEARCHED
from tests.netns.program import PROGRAM

PORT: Final = 9842
HOOK: Final = 9843
IDLE: Final = 100
FAULT_SECONDS: Final = 30.0
PROBE_SECONDS: Final = 15.0
WAIT_SECONDS: Final = 20.0


class Hook(http.server.BaseHTTPRequestHandler):
    """Accepts notifications, and counts them."""

    notices = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).notices += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log nothing, since nobody reads it."""


class Fault:
    """An address whose packets are dropped from time to time."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._nft = shutil.which("nft", path=SEARCHED) or "nft"
        self.there = False

    def turn(self) -> None:
        """Begin or end the fault."""
        self.there = not self.there
        rules = "delete table inet soak"
        if self.there:
            dropped = f"ip daddr {self._address} tcp dport 443 drop"
            rules = f"table inet soak {{ chain out {{ type filter hook output priority 0; {dropped}; }}; }}"
        subprocess.run([self._nft, rules], check=True)


def resources(process: int) -> dict[str, int]:
    """The memory in bytes and the number of open files of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1])
    return {"bytes": pages * os.sysconf("SC_PAGE_SIZE"), "files": len(list(Path(f"/proc/{process}/fd").iterdir()))}


def soak(seconds: float, folder: Path, address: str, options: list[str]) -> dict[str, Any]:
    """Watch under load, and measure the process."""
    hook = http.server.ThreadingHTTPServer(("127.0.0.1", HOOK), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    command = [str(PROGRAM), "watch", *options, "--listen", str(PORT), "--notify", f"http://127.0.0.1:{HOOK}/"]
    command += ["--textfile", str(folder / "watch.prom"), "--output", str(folder / "report.json"), "--format", "json"]
    results: dict[str, Any] = {"asked": 0, "failed": []}
    fault = Fault(address)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process, httpx.Client(trust_env=False) as client:
        try:
            _until_it_listens(client)
            idle = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(IDLE)]
            idle[0].sendall(b"GET /report.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100)  # reads no answer
            started = time.monotonic()
            turn = probe = started
            while (now := time.monotonic()) < started + seconds:
                if now >= turn:
                    fault.turn()
                    turn += FAULT_SECONDS
                paths = ["/metrics", "/healthz"]
                if now >= probe:
                    paths.append("/probe")
                    probe += PROBE_SECONDS
                for path in paths:
                    _ask(client, path, results)
                if "after_a_quarter" not in results and now >= started + seconds / 4:
                    results["after_a_quarter"] = resources(process.pid)
                time.sleep(1.0)
            results["at_the_end"] = resources(process.pid)
            results["metrics"] = client.get(f"http://127.0.0.1:{PORT}/metrics").text
            for connection in idle:
                connection.close()
            process.send_signal(signal.SIGTERM)
            results["code"] = process.wait(WAIT_SECONDS)
        finally:
            process.kill()
            if fault.there:
                fault.turn()
            hook.shutdown()
    results["notices"] = Hook.notices
    return results


def _ask(client: httpx.Client, path: str, results: dict[str, Any]) -> None:
    results["asked"] += 1
    try:
        answer = client.get(f"http://127.0.0.1:{PORT}{path}", timeout=WAIT_SECONDS)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        results["failed"].append(f"{path}: {type(error).__name__}: {error}")


def _until_it_listens(client: httpx.Client) -> None:
    limit = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            client.get(f"http://127.0.0.1:{PORT}/healthz")
        except httpx.TransportError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    sys.stdout.write(json.dumps(soak(float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:])) + "\n")
