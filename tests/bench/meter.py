"""`python -I -S meter.py OUTPUT WORD...`: run a command and say what it cost: CPU and wall in seconds, peak in KiB.

A process of its own, as small as Python goes. The kernel's peak of a process never falls below that of the one it was
forked from, and CPU that is spent on the way into a namespace is not the command's. The command's stdout goes to the
file OUTPUT, its stderr to OUTPUT.err. One line on stdout: exit code, CPU, wall, peak. CPU and peak are those of
the command and of the children that it waited for, the peak that of the largest among them (getrusage(2)).
"""

import os
import sys
import time


def main(output: str, words: list[str]) -> None:
    """Run `words` and write the line."""
    written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output, written, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, f"{output}.err", written, 0o600),
    ]
    began = time.perf_counter()
    process = os.posix_spawnp(words[0], words, os.environ, file_actions=files)
    _, status, spent = os.wait4(process, 0)
    wall = time.perf_counter() - began
    cpu = spent.ru_utime + spent.ru_stime
    sys.stdout.write(f"{os.waitstatus_to_exitcode(status)} {cpu:.6f} {wall:.6f} {spent.ru_maxrss}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
