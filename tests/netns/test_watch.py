"""A watch with real sockets: it notices and publishes changes of the network between two cycles."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.formats.monitors import samples_in
from tests.netns import program
from tests.netns.vpc import TWO_ZONES, vpc
from tests.support.command import SECONDS

SILENT: Final = """
table inet watched {
    chain out { type filter hook output priority 0; ip daddr 10.0.2.17 tcp dport 443 drop; }
}
"""
_GET: Final = (
    "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=60).read().decode())"
)


@pytest.mark.netns
@pytest.mark.usefixtures("namespaces")
def test_a_watch_sees_what_changes_between_two_cycles(tmp_path: Path) -> None:
    with vpc("watch", TWO_ZONES) as network:
        (tmp_path / "home").mkdir()
        environment = program.environment(network, tmp_path)

        def get(path: str) -> str:
            words = (sys.executable, "-c", _GET, f"http://127.0.0.1:9842{path}")
            asked = subprocess.run(
                network.on_host(*words), env=environment, capture_output=True, text=True, timeout=SECONDS, check=True
            )
            return asked.stdout

        options = ("--region", "eu-west-1", "--service", "backup", "--no-ec2", "--timeout", "1", "--interval", "10")
        more = ("--raise-after", "1", "--listen", "9842", "--format", "ndjson")
        with subprocess.Popen(
            network.on_host(str(program.PROGRAM), "watch", *options, *more),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                changes = (line for line in map(json.loads, process.stdout or ()) if line["type"] == "change")
                assert next(changes)["status"] == "ok"
                assert 'backuplink_verdict_status{status="ok"} 1.0' in get("/metrics")
                network.filter_on_host(SILENT)
                verdict, raised = next(changes), next(changes)
                assert (verdict["kind"], verdict["status"]) == ("verdict", "critical")
                assert (raised["kind"], raised["finding"]["code"]) == ("raised", "TCP002")
                samples = samples_in(get("/metrics"))
                assert samples["backuplink_verdict_status", frozenset({("status", "critical")})] == 1
                assert json.loads(get("/report.json"))["verdict"]["status"] == "critical"
                process.terminate()
                process.communicate(timeout=SECONDS)
                assert process.returncode == 0
            finally:
                process.kill()
