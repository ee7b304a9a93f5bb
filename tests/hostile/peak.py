"""`python peak.py FILE PROGRAM ...`: runs a program, writes its peak memory in bytes to FILE, and ends with its exit
code.

The memory of the process that starts the program counts as the program's, so that process must be small.
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
