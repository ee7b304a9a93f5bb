"""`python -I -S meter.py OUTPUT WORD...`: runs a command and prints its cost: CPU and wall time in seconds, peak memory
in KiB.

It is a separate process, as small as Python allows: the peak of a process in the kernel's records is never below that
of its parent at the fork, and CPU spent on entering a namespace does not count for the command. The command's stdout
goes to the file OUTPUT, and its stderr to OUTPUT.err. One line on stdout shows the exit code, CPU, wall time and peak.
CPU and peak include the children that the command waited for; the peak is that of the largest process (getrusage(2)).
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
