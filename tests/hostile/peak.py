"""`python peak.py FILE PROGRAM ...`: runs a program, writes its peak memory in bytes to FILE, and ends with its exit
code.

Memory that a process had before it became the program counts as the program's own, so the process that starts it must
be small.
"""

import resource
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    code = subprocess.call(sys.argv[2:])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    Path(sys.argv[1]).write_text(str(peak if sys.platform == "darwin" else peak * 1024), encoding="ascii")
    sys.exit(code)
