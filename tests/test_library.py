"""The worked example of docs/library.md runs and prints what the page says."""

import subprocess
import sys

from tests.support.repository import ROOT


def test_example_runs_as_the_page_says() -> None:
    page = (ROOT / "docs" / "library.md").read_text("utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "dns/example/getaddrinfo ok"
    assert lines[1:]
    for line in lines[1:]:
        assert line.startswith("tcp/example/")
        assert line.split()[1] in ("refused", "unreachable")  # a machine may lack one family on its loopback
