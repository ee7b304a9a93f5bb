"""The public interface of `probes`, and the example of docs/development/library.md, which prints what the
page shows.
"""

import inspect
import subprocess
import sys

import probes
from probes import facts, model, seams
from tests.support.repository import ROOT


def test_example_runs_as_the_page_says() -> None:
    page = (ROOT / "docs" / "development" / "library.md").read_text("utf-8")
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
        assert line.split()[1] in ("refused", "unreachable")  # the loopback of a machine may lack one address family


def test_every_public_name_is_there_and_no_other() -> None:
    assert len(probes.__all__) == len(set(probes.__all__))
    assert all(getattr(probes, name) is not None for name in probes.__all__)
    assert set(probes.__all__) <= set(dir(probes))
    for name in ("HTTPS", "SystemReader", "no_such_name"):
        assert not hasattr(probes, name)


def test_every_class_of_the_promised_modules_is_public() -> None:
    """The public names are these classes, the two unions, which are not classes, the system's seams, and the names on
    the page.
    """
    classes = {
        name
        for module in (model, facts, seams)
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    others = {"Address", "Outcome", "Log", "in_background", "SystemMachine", "SystemNet", "SystemSdk"}
    steps = {"api", "dns", "host", "http", "imds", "jobs", "ladder", "proxy", "tcp", "tls"}
    assert set(probes.__all__) == classes | others | steps


def test_importing_the_package_loads_none_of_it() -> None:
    code = "import sys, probes; print(*sorted(name for name in sys.modules if name.startswith('probes')))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.split() == ["probes"]


def test_a_name_of_the_model_loads_no_step_and_no_library() -> None:
    code = "import sys; from probes import Subject; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(result.stdout.split())
    assert "probes.model" in loaded
    assert loaded.isdisjoint({"probes.seams", "probes.steps", "probes.system", "ssl", "dns", "h11", "botocore"})
