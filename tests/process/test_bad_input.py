"""Bad input of every kind is refused before anything is measured: with exit code 3, one valid document, and one line
that says what is wrong, where, and how to get help. Broken settings of the SDK are not refused: they are measured and
reported.
"""

import csv
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import xml.dom.minidom  # noqa: F401 - junitparser imports it when it writes, which a user without leave cannot
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import pytest

from agent.app.check import check as run_check
from agent.app.publish import REPORT
from agent.cli import entry
from agent.cli import main as cli
from agent.cli.refused import refused_document
from agent.cli.to_settings import report_options_from, settings_from
from agent.formats import emf, junit, markdown, nagios, ndjson, prometheus, text
from agent.formats import json as json_format
from agent.formats.registry import OPTION_NAMES
from agent.process.cancel import CancelToken
from agent.process.output import MAX_LINE, one_line
from agent.report import codec
from agent.report.escape import spreadsheet_cell, visible
from agent.report.model import Measurement
from agent.run import runner as running
from agent.run.measuring import Emit
from agent.run.runner import measure
from agent.settings import Settings
from agent.simulated.certificates import root_pem
from agent.simulated.scenario import CredentialsPart
from agent.simulated.world import SimulatedMachine, simulated
from probes.background import in_background
from probes.seams import Trust, World
from probes.system.sdk import SystemSdk
from probes.system.trust import load_trust
from tests.formats.monitors import STATUS_IN
from tests.process.bad_inputs import (
    ARGUMENTS,
    BUNDLES,
    MEASURED,
    PLACES,
    REFUSED,
    REPORTS,
    SHARED,
    UNWRITTEN,
    Measured,
    Refused,
    Unwritten,
    options_of,
)
from tests.support import scenarios
from tests.support.command import SECONDS
from tests.support.extent import one_in
from tests.support.refusals import reason_in
from tests.support.repository import ROOT
from tests.support.validator import VALIDATOR

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOBODY: Final = 65_534
LOADED: Final = (emf, json_format, junit, markdown, nagios, ndjson, prometheus, text)
"""The modules of formats, which the command imports only when it needs them. The tests import them in advance, since
the user `nobody` may be unable to read their files.
"""


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restore the signals after the test."""
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all of `PLACES`. Cases must not change it."""
    folder = tmp_path_factory.mktemp("here")
    for name, make in PLACES.items():
        make(folder / name)
    for name, content in {**BUNDLES, **SHARED, **REPORTS}.items():
        (folder / name).write_bytes(content)
    return folder


@contextmanager
def configured(case: Refused, here: Path) -> Iterator[None]:
    """Write the configuration file of a case while the block lasts."""
    path = here / "backuplink.toml"
    if case.config is not None:
        path.write_bytes(case.config)
    before = sorted(here.iterdir())
    yield
    assert sorted(here.iterdir()) == before
    path.unlink(missing_ok=True)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a call tried to measure. If the call is refused, this list must stay empty. No packet is ever sent."""
    seen: list[str] = []

    async def measure(*_: object, **__: object) -> Measurement:
        seen.append("measure")
        raise AssertionError("a refused call began to measure")

    monkeypatch.setattr(running, "measure", measure)
    return seen


def put(words: Mapping[str, str], here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in words.items():
        monkeypatch.setenv(name, value.replace("{here}", str(here)))


def arguments_of(case: Refused | Measured, here: Path) -> list[str]:
    return [argument.replace("{here}", str(here)) for argument in case.arguments]


@contextmanager
def as_nobody(wanted: bool) -> Iterator[None]:
    """Drop root's privilege to read and write everything, if `wanted`."""
    if not wanted or os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


# --- What is held against every refusal ------------------------------------------------------------------------------


def reason(err: str) -> str:
    """The single line on stderr. Asserts that no foreign text in it moves the cursor, hides the line or
    makes it long.
    """
    assert err.endswith("\n")
    line = err[:-1]
    assert line.isprintable(), "one line, and no control character in it"
    assert line.startswith("Error: ")
    assert len(line) <= 1_000
    return line.removeprefix("Error: ")


def document(out: str, wanted: str) -> dict[str, Any]:
    """The single document on stdout, in a format that contains the whole report."""
    assert out.isascii()
    lines = [json.loads(line) for line in out.splitlines()] if wanted == "ndjson" else [json.loads(out)]
    if wanted == "ndjson":
        assert [line.pop("type") for line in lines][-1] == "report"
    content: dict[str, Any] = lines[-1]
    VALIDATOR.validate(content)
    return content


def holds(case: Refused, here: Path, code: int, out: str, err: str) -> None:
    """Assert that the call was refused correctly."""
    message = reason(err)
    assert code == 3
    assert "internal error" not in message
    for words in case.says:
        shown = one_line(words.replace("{here}", str(here)))
        assert shown in message or shown[:200] in message  # the end of a long path is cut off
    assert case.names_help in (None, "Try 'backuplink " in message)
    if case.hides is not None:
        assert case.hides not in out + err
    if case.format == "text":
        assert out.endswith("\n")
        assert out.isascii()
        assert out.replace("\n", "").isprintable()
        assert len(out) < 5 * MAX_LINE
        # A word that is longer than a line is broken inside.
        assert "".join(out.split()) == "UNKNOWN" + "".join(visible(message).split())
        return
    if case.format in STATUS_IN:
        assert STATUS_IN[case.format](out) == "unknown"
        return
    kind, wanted = refused_document(case.arguments, case.environment)
    if case.format == "csv":
        (row,) = csv.DictReader(io.StringIO(out))
        assert (row["vpc_status"], row["vpc_cause"]) == ("unknown", spreadsheet_cell(message))
        return
    if kind is not REPORT:
        assert wanted == "json"
        assert reason_in(kind, out) == message
        return
    report = document(out, case.format)
    assert report["verdict"] == {
        "status": "unknown",
        "path": "unknown",
        "access": "unknown",
        "summary": message,
        "notes": [],
    }
    assert report["observations"] == report["findings"] == report["targets"] == []


refused = pytest.mark.parametrize("case", one_in(20, REFUSED), ids=lambda case: ascii(case.id))


@refused
def test_bad_input_is_refused(
    case: Refused,
    here: Path,
    looked_at: list[str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(case.environment, here, monkeypatch)
    with configured(case, here), as_nobody(case.unprivileged):
        code = entry.run(arguments_of(case, here))
    out, err = capfd.readouterr()
    holds(case, here, code, out, err)
    assert looked_at == []


PROGRAM: Final = """
import os, sys
from agent.cli import entry
NEVER = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "subprocess.Popen")
sys.addaudithook(lambda event, _: os._exit(99) if event in NEVER else None)
entry.main()
"""
"""A program that runs the command, but ends before the first packet."""


@pytest.mark.parametrize(
    "case",
    one_in(3, [case for case in REFUSED if not case.unprivileged and "nobody writes" not in case.id][::120]),
    ids=lambda case: ascii(case.id),
)
def test_bad_input_is_refused_by_the_real_process(case: Refused, here: Path) -> None:
    variables = {name: value.replace("{here}", str(here)) for name, value in case.environment.items()}
    with configured(case, here):
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments_of(case, here)],
            cwd=ROOT,
            env={**os.environ, **variables, "PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    holds(case, here, result.returncode, result.stdout.decode(), result.stderr.decode())


@pytest.mark.parametrize(("locale", "wanted"), one_in(4, itertools.product(["C", "xx_XX.nonsense", ""], OPTION_NAMES)))
def test_bad_input_is_refused_whatever_the_terminal_can_show(locale: str, wanted: str) -> None:
    variables = {"LC_ALL": locale, "PYTHONUTF8": "0", "COLUMNS": "banana", "TERM": "\x1b[2J", "TZ": "banana"}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, "check", f"--format={wanted}", "--region=M\u00fcnchen\u202e"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 3
    assert result.stderr.count(b"\n") == 1
    assert "\u202e".encode() not in result.stderr
    assert b"nchen\\u" in result.stderr
    assert b"' is not the name of a Region, such as eu-west-1." in result.stderr
    if wanted in STATUS_IN:
        assert STATUS_IN[wanted](result.stdout.decode("ascii")) == "unknown"
    elif wanted != "text":
        document(result.stdout.decode("ascii"), wanted)


# --- A document that cannot be written -------------------------------------------------------------------------------


@pytest.mark.parametrize("case", UNWRITTEN, ids=lambda case: ascii(case.id))
def test_bad_input_for_output_leaves_the_document_on_stdout(
    case: Unwritten, here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = case.path.replace("{here}", str(here))
    put({"BACKUPLINK_OUTPUT": case.path} if case.place == "variable" else {}, here, monkeypatch)
    before = sorted(here.rglob("*"))
    arguments = ["demo", "--format", case.format, *(["--output", path] if case.place == "flag" else [])]
    with as_nobody(case.why == "Permission denied"):
        code = entry.run(arguments)
    out, err = capfd.readouterr()
    simulated_note, _, rest = err.partition("\n")
    assert simulated_note.startswith("Simulated VPC, scenario healthy: ")
    message = reason(rest)
    assert code == 3
    assert f"cannot be written: {case.why}" in message
    assert one_line(path)[:200] in message
    assert message.endswith("; the report is on stdout.")
    assert sorted(here.rglob("*")) == before
    if case.format == "text":
        assert out.startswith("OK  ")
    elif case.format in STATUS_IN:
        # The status word of a monitoring plugin must agree with its exit code.
        assert STATUS_IN[case.format](out) == ("unknown" if case.format == "nagios" else "ok")
    else:
        assert document(out, case.format)["verdict"]["status"] == "ok"


# --- What the SDK on this host is set to -----------------------------------------------------------------------------


class ThisHost(SimulatedMachine):
    """A simulated instance with the variables and the trusted certificates of this process."""

    @property
    def environment(self) -> Mapping[str, str]:
        return os.environ

    async def trust(self, ca_bundle: str | None) -> Trust:
        return await in_background(lambda: load_trust(ca_bundle))


def check(arguments: list[str]) -> int:
    """Run `check` with these arguments and the SDK of this process. No packet leaves the process."""
    with cli.main.commands["check"].make_context("check", arguments) as context:
        settings, shown = settings_from(context.params, os.environ), report_options_from(context.params)
    chosen = scenarios.load("healthy")

    async def measured(settings: Settings, listener: Emit, stop: CancelToken) -> Measurement:
        async with simulated(chosen) as world:
            machine = ThisHost(chosen, world.machine.now)
            here = World(net=world.net, machine=machine, sdk=SystemSdk())
            return await measure(settings, here, emit=listener, stop=stop)

    return run_check(settings, measured, shown, [])


@pytest.fixture
def healthy(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the SDK's variables to valid values. Returns the folder with `PLACES`."""
    (tmp_path / "roots.pem").write_text(root_pem("amazon"), "ascii")
    keys = CredentialsPart()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "roots.pem"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_key)
    return here


REGION: Final = ("--region", "eu-west-1", "--format", "json", "--no-ec2")


@pytest.mark.usefixtures("healthy")
def test_bad_input_is_all_that_is_wrong_with_what_is_measured(capfd: pytest.CaptureFixture[str]) -> None:
    code = check([*REGION])
    out, err = capfd.readouterr()
    assert (code, err, [finding["id"] for finding in json.loads(out)["findings"]]) == (0, "", [])


@pytest.mark.parametrize("case", one_in(6, MEASURED), ids=lambda case: ascii(case.id))
def test_bad_input_in_what_the_sdk_is_set_to_is_measured(
    case: Measured, healthy: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(case.environment, healthy, monkeypatch)
    code = check([*REGION, *arguments_of(case, healthy)])
    out, err = capfd.readouterr()
    report = document(out, "json")
    findings = [(finding["code"], finding["detail"][:300]) for finding in report["findings"]]
    assert ([name for name, _ in findings], code) == ([*case.codes], case.exit), findings
    assert err == ""
    shown = text.render(codec.decode(report))
    assert shown.isascii()
    assert shown.replace("\n", "").isprintable()
    if case.hides is not None:
        assert case.hides not in out


# --- The table itself ------------------------------------------------------------------------------------------------


def test_bad_input_has_at_least_500_distinct_cases() -> None:
    calls = {(case.arguments, tuple(sorted(case.environment.items())), case.config) for case in REFUSED}
    assert len(calls) == len({case.id for case in REFUSED}) == len(REFUSED) >= 500
    assert len({case.id for case in UNWRITTEN}) == len(UNWRITTEN)
    assert len({case.id for case in MEASURED}) == len(MEASURED)


@pytest.mark.parametrize("command", sorted(cli.main.commands))
def test_bad_input_of_every_option_is_here(command: str) -> None:
    given = {word.partition("=")[0] for case in REFUSED if case.arguments[0] == command for word in case.arguments}
    assert {f"--{name}" for name in options_of(command)} <= given
    if command == "check":
        variables = {name for case in REFUSED for name in case.environment} | {"BACKUPLINK_OUTPUT"}
        assert {option.envvar for option in options_of(command).values()} <= variables


def test_bad_input_of_every_argument_is_here() -> None:
    arguments = {
        (command, param.name)
        for command, click_command in cli.main.commands.items()
        for param in click_command.params
        if isinstance(param, click.Argument)
    }
    assert arguments == ARGUMENTS
