"""`python -m tests.process.signalled ACTION POINT ARGUMENTS…`: the command, disturbed at one point.

ACTION is a signal that the process sends to itself (such as `SIGTERM`), `close:N` (the process closes its file
descriptor N, such as the reading end of its own stdout), or `full` (stdout becomes a full device). POINT is `PHASE:n`:
the n-th time that the program announces this phase (`agent.process.phases`) or an event of this name. It can also be a
number `n`: the n-th time that any function is entered or left after the command has begun to catch signals; 0 means
never. Unlike a delay, a point is therefore the same in every run. At the end, stderr has `happened`, or `passed` and
the number of points. If the phase is `list`, stderr also lists everything that the program announces, one on each line.
"""

import os
import signal
import sys

from agent.cli import entry
from agent.process import phases, signals

ACTION, POINT = sys.argv[1:3]
PHASE, _, NUMBER = POINT.rpartition(":")
WANTED = int(NUMBER)
passed = 0
"""The number of points that the run has passed so far."""


def say(words: str) -> None:
    """Write to the file descriptor of stderr without Python's stream."""
    os.write(2, f"{words}\n".encode())


def act() -> None:
    say("happened")
    if ACTION == "full":
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
    elif ACTION.startswith("close:"):
        os.close(int(ACTION.removeprefix("close:")))
    else:
        os.kill(os.getpid(), signal.Signals[ACTION])


def wait(*_: object) -> None:
    """Begin to count functions as soon as the command has set the handler of its last signal."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL:
        sys.setprofile(count)


def count(*_: object) -> None:
    """Count a point. A run calls this function a million times, so it does nothing else."""
    global passed
    passed += 1
    if passed == WANTED:
        sys.setprofile(None)
        act()


def announced(phase: str) -> None:
    """Count a point if this is the given phase."""
    if PHASE == "list":
        say(phase)
    if phase == PHASE:
        count()


if __name__ == "__main__":
    vars(signals)["GRACE_SECONDS"] = 600.0  # on a busy machine, a document takes long
    if PHASE:
        phases.subscribe(announced)
    else:
        sys.setprofile(wait)
    code = entry.run(sys.argv[3:])
    sys.setprofile(None)
    if not WANTED or passed < WANTED:
        say(f"passed {passed}")
    sys.exit(code)
