"""`python -m tests.process.signalled ACTION POINT ARGUMENTS…`: the command, to which something happens at one point.

ACTION is a signal that the process sends to itself (`SIGTERM`), `close:N` (the file descriptor N, such as the reading
end of its own stdout, is closed) or `full` (stdout becomes a full device). POINT is `n`, the n-th time that a function
is entered or left after signals are caught, or `name:n`, the n-th time that a function of this qualified name is; 0 is
never. So a point is the same in every run, where a delay would be another one each time. `happened`, or `passed` and
the number of points, on stderr says how it went.
"""

import os
import signal
import sys
from types import FrameType

from agent.cli import entry

ACTION, POINT = sys.argv[1:3]
NAME, _, NUMBER = POINT.rpartition(":")
WANTED = int(NUMBER)
passed = 0
"""Points so far."""


def say(words: str) -> None:
    """Write to stderr, past the stream of that name."""
    os.write(2, f"{words}\n".encode())


def act() -> None:
    """Let it happen."""
    say("happened")
    if ACTION == "full":
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
    elif ACTION.startswith("close:"):
        os.close(int(ACTION.removeprefix("close:")))
    else:
        os.kill(os.getpid(), signal.Signals[ACTION])


def wait(*_: object) -> None:
    """Begin to count as soon as the last of the signals that the command catches is caught."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL:
        sys.setprofile(named if NAME else anywhere)


def anywhere(*_: object) -> None:
    """Count every point. Called a million times in a run, so it does nothing else."""
    global passed
    passed += 1
    if passed == WANTED:
        sys.setprofile(None)
        act()


def named(frame: FrameType, event: str, _: object) -> None:
    """Count the points of one function."""
    if frame.f_code.co_qualname == NAME and event in ("call", "return"):
        anywhere()


if __name__ == "__main__":
    sys.setprofile(wait)
    code = entry.run(sys.argv[3:])
    sys.setprofile(None)
    if not WANTED or passed < WANTED:
        say(f"passed {passed}")
    sys.exit(code)
