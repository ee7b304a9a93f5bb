"""`python -m tests.agent.watch.year FOLDER CYCLES`: a long watch in virtual time, whose memory and open files are read.

Writes the metrics and the last report to FOLDER, and one JSON object a line to stdout: after every tenth of the cycles
the bytes of memory that are resident and the number of open files, and at the end what was counted.
"""

import ctypes
import gc
import itertools
import json
import os
import sys
from pathlib import Path
from typing import Final

from agent.simulated.clock import PatientLoop
from tests.formats.monitors import samples_in
from tests.support.runs import in_virtual_time
from tests.support.virtual import job, loaded, networks, watched

NETWORKS: Final = (
    *("healthy-one-zone",) * 4,
    *("one-zone-silent", "healthy-one-zone") * 3,
    *("name-does-not-exist",) * 3,
    *("public-path-works",) * 3,
    "tls-intercepted",
    "deadline-too-short",
    *("resolver-silent",) * 2,
    "no-endpoint-in-this-vpc",
)
"""Faults that last, that come and go, that stay for one cycle, and such as EC2 is asked about."""


def resident() -> int:
    """Bytes of memory, after all that can be given back was given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def say(what: dict[str, float]) -> None:
    """Write one line."""
    sys.stdout.write(f"{json.dumps(what)}\n")


def main(folder: Path, cycles: int) -> None:
    """Watch so many cycles."""
    numbers = itertools.count(1)

    def sample(_: object) -> None:
        if (number := next(numbers)) % (cycles // 10) == 0:
            files = len(list(Path("/proc/self/fd").iterdir()))
            say({"cycle": number, "bytes": resident(), "files": files})

    with open(os.devnull, "w", encoding="utf-8") as nowhere:

        def leave(text: str) -> None:
            nowhere.write(text)

        config = job(
            networks(itertools.cycle(loaded(*NETWORKS))),
            scenario="no-endpoint-in-this-vpc",
            format="ndjson",
            textfile=folder / "watch.prom",
            cycles=cycles,
        )
        done = in_virtual_time(lambda: watched(config, tidy=sample, documents=leave, lines=leave), PatientLoop)
    counts = {name: value for (name, labels), value in samples_in(done.watch._metrics()).items() if not labels}
    say(counts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
