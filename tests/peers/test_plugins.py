"""NRPE with the files of packaging/monitoring. Its daemon runs the program, and check_nrpe passes the result to the
monitoring server.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.formats import plugin_output
from tests.netns import program
from tests.peers.setups import Setup, namespaces_missing
from tests.peers.software import MissingError, listed
from tests.peers.world import World, world
from tests.support import scenarios
from tests.support.repository import ROOT

pytestmark = pytest.mark.peers

_FILES: Final = ROOT / "packaging" / "monitoring"
_ADDRESS: Final = "127.0.0.1"
_STATES: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
"""The names of the states, by exit code (Monitoring Plugins Development Guidelines, Plugin Return Codes)."""
_AS_NOBODY: Final = (
    "set -- setpriv --reuid=nobody --regid=nogroup --clear-groups"
    ' --inh-caps=+dac_read_search --ambient-caps=+dac_read_search "$@"'
)
"""A line of sh(1) that starts NRPE as the user `nobody`, since NRPE refuses to run as root. The user gets the right to
read all files, since possibly only root can read the tests' files.
"""


@dataclass(frozen=True, kw_only=True)
class Plugin(Setup):
    """A host, and the check that the monitoring server requests."""

    scenario: str
    """The host's VPC, by its name in `agent.simulated.scenarios`."""
    command: str
    """The name of the command in nrpe.cfg."""
    code: int
    """The exit code of check_nrpe."""

    def missing(self) -> str | None:
        try:
            listed()["nagios-nrpe-plugin"].path()
        except MissingError as error:
            return str(error)
        return namespaces_missing() or super().missing()


def plugin(scenario: str, command: str, code: int, *, name: str) -> Plugin:
    state = _STATES[code]
    result = state.lower() if state == "OK" else f"{state.lower()}: exit code {code}"
    return Plugin(
        package="nagios-nrpe-server",
        name=f"`{command}` {name}",
        result=result,
        scenario=scenario,
        command=command,
        code=code,
    )


SETUPS: Final = (
    plugin("healthy", "check_backuplink", 0, name="where all is well"),
    plugin("gateway-healthy", "check_backuplink_gateway", 0, name="where all is well"),
    plugin("healthy", "check_backuplink_patient", 0, name="where all is well"),
    plugin("no-credentials", "check_backuplink", 1, name="without credentials"),
    plugin("one-zone-silent", "check_backuplink", 2, name="where one zone is silent"),
    plugin("gateway-healthy", "check_backuplink_hana", 2, name="where no endpoint has what SAP HANA needs"),
    plugin("region-unknown", "check_backuplink", 3, name="where nothing says which Region it is"),
)


def served(built: World) -> None:
    """Start NRPE's daemon with nrpe.cfg."""
    own = built.folder / "nrpe"
    own.mkdir()
    own.chmod(0o777)
    commands = (_FILES / "nrpe.cfg").read_text("utf-8").replace("/usr/bin/backuplink", str(program.PROGRAM))
    _, environment = built.backuplink()
    settings = f"""
        server_address={_ADDRESS}
        server_port=5666
        allowed_hosts={_ADDRESS}
        pid_file={own / "pid"}
        log_file={own / "log"}
        command_timeout=60
        keep_env_vars={",".join(environment)}
    """
    file = built.write("nrpe.cfg", "".join(f"{line.strip()}\n" for line in settings.splitlines()) + commands)
    built.start(
        "nagios-nrpe-server",
        *("-c", str(file), "-f"),
        on="host",
        before=_AS_NOBODY,
        answers=("tcp", _ADDRESS, "5666"),
        environment=environment,
        starts_the_program=True,
    )


def asked(command: str) -> tuple[str, ...]:
    """The arguments of check_nrpe in nagios.cfg, for a command."""
    (line,) = re.findall(r"^ *command_line +(.+)$", (_FILES / "nagios.cfg").read_text("utf-8"), re.M)
    values = {
        "$USER1$/check_nrpe": listed()["nagios-nrpe-plugin"].path(),
        "$HOSTADDRESS$": _ADDRESS,
        "$ARG1$": command,
    }
    words = shlex.split(line)
    assert values.keys() <= set(words)
    return tuple(values.get(word, word) for word in words)


@pytest.mark.parametrize("setup", SETUPS, ids=str, indirect=True)
def test_the_server_hears_the_state_and_all_of_the_text(setup: Plugin, tmp_path: Path) -> None:
    toml = scenarios.text(setup.scenario)
    with world(setup.scenario, toml, tmp_path) as built:
        served(built)
        ended = built.output_of(*asked(setup.command))
        assert (ended.returncode, ended.stderr) == (setup.code, ""), ended.stdout
        output = plugin_output.read(ended.stdout)
        assert output.word == _STATES[setup.code]
        assert output.numbers
