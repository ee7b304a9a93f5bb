"""`python -m tests.bench.scrape EXPORTER CONFIG MODULE=TARGET ...`: measures the cost of probes for Prometheus's
blackbox exporter.

It starts the exporter on the loopback of this namespace, lets it probe these targets in turn as a Prometheus server
would, many at once, and prints the CPU seconds that the exporter spent on `--count` probes. It ends with an error if
one of them fails.
"""

import argparse
import http.client
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

ADDRESS: Final = "127.0.0.1"
PORT: Final = 9115
START_SECONDS: Final = 20.0
WARM_UP: Final = 64
_SUCCESS: Final = b"\nprobe_success 1\n"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@contextmanager
def exporter(program: str, config: str) -> Iterator[int]:
    """Start the exporter, and yield its process id once it answers."""
    words = [program, f"--config.file={config}", f"--web.listen-address={ADDRESS}:{PORT}", "--log.level=error"]
    with subprocess.Popen([*words, "--log.prober=error"], stdin=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + START_SECONDS
            while not _answers():
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{Path(program).name} does not answer")
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()


def _answers() -> bool:
    connection = http.client.HTTPConnection(ADDRESS, PORT, timeout=START_SECONDS)
    try:
        connection.request("GET", "/-/healthy")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def probe(probes: list[str], *, count: int, at_once: int) -> None:
    """Make `count` requests for probes, at most `at_once` at a time. They cycle through `probes`, each of which is
    `MODULE=TARGET`. Raises RuntimeError if one fails."""
    asked = [dict(zip(("module", "target"), word.split("=", 1), strict=True)) for word in probes]
    paths = itertools.islice(itertools.cycle(f"/probe?{urlencode(query)}" for query in asked), count)
    taking = threading.Lock()

    def left() -> Iterator[str]:
        while True:
            with taking:
                path = next(paths, None)
            if path is None:
                return
            yield path

    failures: list[str] = []

    def go() -> None:
        connection = http.client.HTTPConnection(ADDRESS, PORT, timeout=START_SECONDS)
        try:
            for path in left():
                connection.request("GET", path)
                answer = connection.getresponse().read()
                if _SUCCESS not in answer:
                    failures.append(f"the exporter says that its probe {path} failed")
                    return
        except OSError as error:
            failures.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"{len(failures)} of {at_once} clients gave up: {failures[0]}")


def cpu_seconds(process: int) -> float:
    """The CPU seconds that a running process has used so far, to a hundredth (utime and stime of proc(5))."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def main() -> None:
    """Measure and write the figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("config")
    parser.add_argument("probes", nargs="+")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--at-once", type=int, required=True)
    given = parser.parse_args()
    with exporter(given.program, given.config) as process:
        probe(given.probes, count=WARM_UP, at_once=given.at_once)
        before = cpu_seconds(process)
        probe(given.probes, count=given.count, at_once=given.at_once)
        sys.stdout.write(f"{cpu_seconds(process) - before:.2f}\n")


if __name__ == "__main__":
    main()
