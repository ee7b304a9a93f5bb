"""The output of a monitoring plugin, read back by the grammar of the guidelines, and as Nagios and Icinga 2 read it."""

import re
import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_address
from itertools import takewhile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalog.wording import duration
from agent.cli import entry
from agent.formats import json as json_format
from agent.formats import nagios
from agent.formats.registry import RenderOptions
from agent.judge.verdict import refusal
from agent.report import exits
from agent.report.escape import visible
from agent.report.model import Report, Status
from agent.report.words import cell, folded, matrix
from probes.model import Observation, Ok, Role
from probes.ports import SUPPORT_CHANNEL
from tests.formats.plugin_output import NRPE_BYTES, STATES, Output, Range, read
from tests.hostile import cases
from tests.support import scenarios
from tests.support.command import AGENT, completed
from tests.support.extent import one_in
from tests.support.runs import report_of

NAMES: Final = scenarios.names()
FAIL_ON: Final = ("warning", "critical", "never")
OF_OURS: Final = """
import sys
from agent.cli import entry, main

def broken(*_, **__):
    raise RuntimeError("a fault of ours")

main.main.main = broken
sys.exit(entry.run(sys.argv[1:]))
"""
"""A program that runs a backuplink that has a bug."""


def output_of(report: Report, fail_on: str = "warning") -> Output:
    return read(nagios.render(report, RenderOptions(exit_code=exits.of_verdict(report.verdict.status, fail_on))))


# --- Held against the report -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", one_in(24, NAMES))
def test_word_and_first_line(name: str) -> None:
    report = report_of(name)
    status = report.verdict.status
    for fail_on in FAIL_ON:
        code = exits.of_verdict(status, fail_on)
        output = output_of(report, fail_on)
        assert STATES[output.word] == code
        region = report.run.region or "no Region"
        assert output.text.startswith(f"{visible(report.verdict.summary)}, {region}, path {report.verdict.path}, ")
        # A lenient exit code differs from the verdict, so the output also shows the verdict in words.
        assert output.text.endswith(f" (verdict {status})") is (code != exits.of_status(status))


@pytest.mark.parametrize("name", one_in(24, NAMES))
def test_long_output_has_causes_and_then_how_far_each_address_let_this_host_come(name: str) -> None:
    report = report_of(name)
    lines = output_of(report).lines
    codes = [line.removeprefix("   See: backuplink explain ") for line in lines if line.startswith("   See: ")]
    causes = [finding for finding in report.findings if finding.explained_by is None]
    assert codes == [finding.code for finding in causes]
    for finding in causes:
        assert any(line.endswith(f"[{finding.code}]") and finding.headline in line for line in lines)
        detail = next(line for line in lines if line.startswith(f"   {visible(finding.detail)[:200]}"))
        assert len(detail) <= 600
        assert any(line.startswith(f"   What to do: {finding.fix.summary[:250]}") for line in lines)
    for target in report.targets:
        first = f"{target.service} at {target.host}: {target.status}, path "
        places = [place for place, line in enumerate(lines) if line.startswith(first)]
        if target.status is Status.NOT_IN_USE:
            assert not places
            continue
        [place] = places
        below = list(takewhile(lambda line: line.startswith("  "), lines[place + 1 :]))
        if target in folded(report):
            assert below == []
            continue
        rows = list(matrix(target, report))
        assert len(below) == len(target.unproven) + len(rows)
        for row, line in zip(rows, below[len(target.unproven) :], strict=True):
            where, _, steps = line.partition(": ")
            star = "" if row.address.from_own_lookup else " *"
            assert re.fullmatch(rf"  {re.escape(str(row.address.address) + star)} \(\S+\) port {row.port}", where)
            shown = dict(step.split(" ", 1) for step in steps.split(", "))
            assert shown == {step.subject.step: cell(step) for step in row.steps if step is not None}
    assert lines[-1].startswith("Seen from ")


@pytest.mark.parametrize("name", one_in(24, NAMES))
def test_numbers_are_those_of_the_report(name: str) -> None:
    report = report_of(name)
    document = nagios.render(report)
    numbers = read(document).numbers
    kinds = {label.partition("_")[0] for label in numbers}
    run = report.run
    assert run.deadline_seconds is not None
    assert numbers["time"].value == pytest.approx(run.seconds, abs=1e-6)
    assert (numbers["time"].unit, numbers["time"].most) == ("s", run.deadline_seconds)
    assert numbers["time"].warning == Range(0, run.deadline_seconds, inside=False)
    shown = [target for target in report.targets if target.status is not Status.NOT_IN_USE]
    assert {label.partition("_")[2] for label in numbers} - {""} == {target.id for target in shown}
    for target in shown:
        own = {address.address for address in target.addresses if address.from_own_lookup}
        observations = [
            observation
            for observation in report.observations
            if observation.subject.target == target.id
            and observation.subject.address in own
            and observation.subject.operation is None
        ]
        answered = {
            observation.subject.address
            for observation in observations
            if observation.ok and observation.subject.step in ("http", "api")
        }
        assert numbers[f"addresses_{target.id}"].value == len(answered)
        if len(target.ports) > 1:
            connected = [
                observation
                for observation in observations
                if observation.ok and observation.subject.step == "tcp" and observation.subject.port != SUPPORT_CHANNEL
            ]
            assert numbers[f"ports_{target.id}"].value == len(connected)
        for step in ("tcp", "tls", "api"):
            times = [
                observation.seconds
                for observation in observations
                if observation.ok and observation.subject.step == step and observation.seconds is not None
            ]
            if times and step not in kinds:  # for lack of space, omitted from all targets
                assert len(document.splitlines()[0]) > nagios.MAX_FIRST_LINE - len(shown) * (len(target.id) + 30)
                continue
            assert (f"{step}_{target.id}" in numbers) is bool(times)
            if times:
                number = numbers[f"{step}_{target.id}"]
                assert number.value == pytest.approx(max(times), abs=1e-6)
                assert (number.unit, number.least, number.most) == ("s", 0, run.timeout_seconds)


@pytest.mark.parametrize("name", one_in(24, NAMES))
def test_a_threshold_tells_what_the_verdict_tells(name: str) -> None:
    report = report_of(name)
    numbers = output_of(report).numbers
    for target in report.targets:
        for metric in ("addresses", "ports"):
            number = numbers.get(f"{metric}_{target.id}")
            if number is None:
                continue
            assert (number.warning is None) is (target.role is not Role.REQUIRED)
            assert number.critical is None
            assert number.most is not None
            assert 0 <= number.value <= number.most
            if number.warning is not None and number.warning.tells(number.value):
                assert target.status is not Status.OK
            if metric == "addresses" and number.warning is not None and target.status is Status.OK:
                assert not number.warning.tells(number.value)
    of_run = numbers["time"]
    assert of_run.warning is not None
    if of_run.warning.tells(of_run.value):
        assert not report.run.complete


def test_counts_of_a_zone_that_is_silent_and_of_ports_that_are_shut() -> None:
    addresses = output_of(report_of("one-zone-silent")).numbers["addresses_backup"]
    assert (addresses.value, addresses.most, addresses.warning) == (2, 3, Range(3, float("inf"), inside=False))
    ports = output_of(report_of("gateway-ports-missing")).numbers["ports_backup-gateway"]
    assert (ports.value, ports.most) == (2, 10)  # the port for AWS Support is not counted


def test_a_family_that_this_host_does_not_have_is_no_address_that_does_not_answer() -> None:
    """Addresses that are skipped on purpose do not count as addresses without an answer."""
    checked = 0
    for name in NAMES:
        report = report_of(name)
        numbers = output_of(report).numbers
        for target in report.targets:
            own = [address for address in target.addresses if address.from_own_lookup]
            number = numbers.get(f"addresses_{target.id}")
            if number is not None and number.most is not None and number.most < len(own):
                checked += 1
                assert {address.address.version for address in own} == {4, 6} or number.most == 0
    assert checked > 0


# --- Words and codes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "word"),
    [(0, "OK"), (1, "WARNING"), (2, "CRITICAL"), (3, "UNKNOWN"), (129, "UNKNOWN"), (130, "UNKNOWN"), (143, "UNKNOWN")],
)
def test_the_word_is_that_of_the_exit_code(code: int, word: str) -> None:
    output = read(nagios.render(report_of("one-zone-silent"), RenderOptions(exit_code=code)))
    assert output.word == word
    assert output.text.endswith(" (verdict critical)") is (word != "CRITICAL")


def test_of_a_call_that_was_refused() -> None:
    document = nagios.render(refusal("no such option: --frmat."), RenderOptions(exit_code=3))
    assert document == "UNKNOWN - no such option: --frmat.\n"


def test_of_a_report_that_does_not_say_its_limits() -> None:
    report = report_of("healthy")
    older = replace(report, run=replace(report.run, timeout_seconds=None, deadline_seconds=None))
    numbers = output_of(older).numbers
    assert (numbers["time"].warning, numbers["time"].most) == (None, None)
    assert numbers["tcp_backup"].most is None
    assert numbers["addresses_backup"].warning is not None


# --- What others said ------------------------------------------------------------------------------------------------


def renamed(report: Report, ids: list[str]) -> Report:
    """Return the report with one target for each id; all targets have the same properties."""
    [target] = [target for target in report.targets if target.id == "backup"]
    observations: list[Observation[object]] = []
    for name in ids:
        for observation in report.observations:
            if observation.subject.target == target.id:
                observations.append(replace(observation, subject=replace(observation.subject, target=name)))
    return replace(report, targets=tuple(replace(target, id=name) for name in ids), observations=tuple(observations))


@pytest.mark.parametrize(
    "ids",
    [
        ["a b", "a_b", "a=b", "a'b", "a|b", "a;b", "a\nb"],
        ["backup@::1", "backup@\u202e"],
        ["", "_", "=", "'"],
        ["x" * 5_000, "backup"],
    ],
    ids=lambda ids: ascii(ids)[:40],
)
def test_labels_are_unique_whatever_targets_are_called(ids: list[str]) -> None:
    numbers = output_of(renamed(report_of("healthy"), ids)).numbers
    short = [name for name in ids if len(name) < 1_000]
    assert sum(label.startswith("addresses_") for label in numbers) == len(short)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=6, unique=True))
@settings(deadline=None)
def test_labels_are_unique_whatever_they_are_called(ids: list[str]) -> None:
    assert sum(
        label.startswith("addresses_") for label in output_of(renamed(report_of("healthy"), ids)).numbers
    ) == len(ids)


@pytest.mark.parametrize("seconds", [1e300, 1e9, -1.0, 1e-9, 0.0, 123456.789])
def test_a_number_that_nobody_has_measured_is_left_out(seconds: float) -> None:
    report = report_of("healthy")
    observations = tuple(
        replace(observation, seconds=seconds) if isinstance(observation.outcome, Ok) else observation
        for observation in report.observations
    )
    run = replace(report.run, seconds=seconds, deadline_seconds=seconds, timeout_seconds=seconds)
    numbers = output_of(replace(report, observations=observations, run=run)).numbers
    known = 0 <= seconds < 1e9
    assert ("time" in numbers) is ("tcp_backup" in numbers) is known
    if known:
        assert numbers["tcp_backup"].value == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("name", cases.NAMES)
def test_peers_that_mean_harm(name: str) -> None:
    report = cases.report_of(name)
    output = output_of(report)
    assert STATES[output.word] == exits.of_status(report.verdict.status)


# --- Bounds ----------------------------------------------------------------------------------------------------------


def test_with_many_targets_whole_numbers_and_whole_lines_are_left_out() -> None:
    report = renamed(report_of("one-zone-silent"), [f"backup@vpce-{number:017x}.example.com" for number in range(200)])
    document = nagios.render(report, RenderOptions(exit_code=2))
    output = read(document)
    assert len(document) > 6_000
    first, rest = document.split("\n", 1)
    assert (first.count("|"), rest.count("|")) == (1, 0)
    assert len(first) > NRPE_BYTES * 3 // 4
    left = [line for line in output.lines if re.fullmatch(r"\.\.\. \d+ more lines; --format json has all\.", line)]
    assert len(left) == 1
    every = sum(1 + len([*matrix(target, report)]) for target in report.targets) + 4
    more = int(re.sub(r"\D", "", left[0]))
    shown = output.lines.index(left[0])
    assert 0 <= shown + more - every <= 2  # there may be two more lines, on skipped steps


def test_many_causes_are_bounded_and_the_first_of_them_are_there() -> None:
    report = report_of("one-zone-silent")
    [finding] = report.findings
    many = tuple(replace(finding, id=f"{finding.id}{number}", detail="a word " * 300) for number in range(30))
    output = output_of(replace(report, findings=many))
    assert "1. CRITICAL backup: 1 of 3 addresses is silent on 443: 10.0.2.17 [TCP002]" in output.lines
    assert output.lines[-2].endswith(" more lines; --format json has all.")


def test_many_addresses_are_bounded() -> None:
    report = report_of("one-zone-silent")
    [target] = [target for target in report.targets if target.id == "backup"]
    originals = [
        observation for observation in report.observations if observation.subject.address == target.addresses[0].address
    ]
    more = [ip_address(f"10.9.{number // 250}.{number % 250 + 1}") for number in range(1_000)]
    observations = [
        replace(observation, subject=replace(observation.subject, address=address))
        for address in more
        for observation in originals
    ]
    addresses = tuple(replace(target.addresses[0], address=address) for address in more)
    output = output_of(
        replace(report, targets=(replace(target, addresses=addresses),), observations=tuple(observations))
    )
    assert output.numbers["addresses_backup"].value == 1_000


# --- As a command ----------------------------------------------------------------------------------------------------


def written(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Output]:
    code = entry.run([*arguments, "--format", "nagios"])
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return code, read(out)


@pytest.mark.parametrize("fail_on", FAIL_ON)
@pytest.mark.parametrize(
    "name", ["healthy", "gateway-activation-port-blocked", "one-zone-silent", "deadline-too-short"]
)
def test_the_word_follows_the_exit_code_of_the_command(
    name: str, fail_on: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, output = written(capfd, "demo", name, "--fail-on", fail_on)
    assert STATES[output.word] == code == exits.of_verdict(report_of(name).verdict.status, fail_on)
    path = tmp_path / "report.json"
    path.write_text(json_format.render(report_of(name)), "utf-8")
    assert written(capfd, "diagnose", str(path), "--fail-on", fail_on) == (code, output)


def test_a_suppressed_cause_is_no_alarm(capfd: pytest.CaptureFixture[str]) -> None:
    code, output = written(capfd, "demo", "port-blocked", "--suppress", "TCP001")
    assert (code, output.word) == (0, "OK")
    assert output.text.startswith("nothing that counts was found (1 suppressed), ")


def test_redacted(capfd: pytest.CaptureFixture[str]) -> None:
    code = entry.run(["demo", "one-zone-silent", "--redact", "--format", "nagios"])
    out = capfd.readouterr().out
    assert (code, read(out).word) == (2, "CRITICAL")
    assert not re.search(r"10\.0\.|i-0a|vpc-0a", out)


def test_into_a_file_and_into_one_that_cannot_be_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "output"
    assert entry.run(["demo", "--format", "nagios", "--output", str(path)]) == 0
    assert capfd.readouterr().out == ""
    assert read(path.read_text("utf-8")).word == "OK"
    code, output = written(capfd, "demo", "--output", str(tmp_path / "nowhere" / "output"))
    assert (code, output.word) == (3, "UNKNOWN")
    assert output.text.endswith(" (verdict ok)")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--timeout", "banana"),
        ("check", "--brief"),
        ("demo", "no-such-place"),
        ("diagnose", "/nowhere"),
        ("tui",),
        ("diff", "/nowhere", "/nowhere"),
        ("explain", "DNS001"),
        ("endpoints",),
        ("permissions",),
        ("facts", "--vpc", "vpc-1"),
        ("history", "/nowhere/h.db"),
        ("chekc",),
    ],
    ids=" ".join,
)
def test_a_refusal_of_any_command_is_unknown(arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    code, output = written(capfd, *arguments)
    assert (code, output.word, output.lines, output.numbers) == (3, "UNKNOWN", (), {})


@pytest.mark.parametrize("program", [AGENT, (sys.executable, "-c", OF_OURS)], ids=["of the call", "of ours"])
def test_an_error_comes_after_the_output_where_both_streams_are_one(program: tuple[str, ...]) -> None:
    """Icinga 2 joins both streams, and shows the first line of the result."""
    words = (*program, "check", "--format", "nagios", "--timeout", "banana")
    ended = completed(words, capture_output=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    first, *lines = ended.stdout.splitlines()
    assert (ended.returncode, read(f"{first}\n").word) == (3, "UNKNOWN")
    assert lines  # the output on stderr, below the plugin's


def test_the_time_stands_in_words_too() -> None:
    report = report_of("one-zone-silent")
    assert f", {duration(report.run.seconds)}" in output_of(report).text
